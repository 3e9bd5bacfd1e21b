//! Who may do what: the one table of roles and use cases. `docs/rights.md` is printed from it.
//!
//! A role says *what*; *where* is in its nature: an administrator of a structure acts within it, a regional body within the structures that it
//! follows, a person and a machine on what is their own, the operator's administrators, support and auditors everywhere. The use case resolves
//! the place (`sceau_operator::rights`); this table never depends on it.
//!
//! Promises: what is not in the table is refused; no administrative role reads, sends or files mail: the one way to content without
//! an access is a disclosure, asked by one administrator and agreed to by another.
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A role (F013, F014, F149, F157).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administrator of the operator.
    Administrator,
    /// Administrator of a structure.
    Structure,
    /// Agent of a regional body.
    Region,
    /// Support of the operator: sees, helps, changes nothing that gives access.
    Support,
    /// Auditor: sees what was done.
    Auditor,
    /// Any natural person of the base, about what is the person's own.
    User,
    /// A machine, on its applicative BAL.
    Machine,
}

impl Role {
    /// Every role, in the order of the table's columns.
    pub const ALL: [Self; 7] =
        [Self::Administrator, Self::Structure, Self::Region, Self::Support, Self::Auditor, Self::User, Self::Machine];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Structure => "structure",
            Self::Region => "region",
            Self::Support => "support",
            Self::Auditor => "auditor",
            Self::User => "user",
            Self::Machine => "machine",
        }
    }
    /// May the role be given to a person? The last two are in the nature of who asks.
    pub fn is_granted(self) -> bool {
        !matches!(self, Self::User | Self::Machine)
    }
}
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl FromStr for Role {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|r| r.as_str() == s).ok_or(())
    }
}

/// Declares every use case once: variant, stable code, and a mark for each role in the order of [`Role::ALL`] (1: may).
macro_rules! use_cases {
    ($($(#[$doc:meta])* $variant:ident $code:literal $a:literal $s:literal $r:literal $h:literal $i:literal $u:literal $m:literal;)*) => {
        /// What can be asked of the operator.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum UseCase { $($(#[$doc])* $variant),* }
        impl UseCase {
            /// Every use case, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable code, e.g. `bal.close`. Its sentence is `use_case.<code>` in the locale files.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),* } }
            fn marks(self) -> [u8; 7] { match self { $(Self::$variant => [$a, $s, $r, $h, $i, $u, $m]),* } }
        }
    };
}

use_cases! {
    //                                          adm str reg sup aud usr mac
    /// Our domains, shown.
    DomainList        "domain.list"              1 1 1 1 1 0 0;
    /// A domain, added.
    DomainAdd         "domain.add"               1 0 0 0 0 0 0;
    /// A domain that comes from another operator or goes to one: begun, shown, ended (F216).
    DomainMove        "domain.move"              1 0 0 0 0 0 0;
    /// Regional bodies, shown.
    BodyList          "body.list"                1 0 1 1 1 0 0;
    /// A regional body, added or changed.
    BodyEdit          "body.edit"                1 0 0 0 0 0 0;
    /// Structures, shown.
    StructureList     "structure.list"           1 1 1 1 1 0 0;
    /// A structure, added.
    StructureAdd      "structure.add"            1 0 0 0 0 0 0;
    /// A structure's particulars, changed.
    StructureEdit     "structure.edit"           1 1 0 0 0 0 0;
    /// Convention, domains, regional body, opening policy of a structure.
    StructureSettle   "structure.settle"         1 0 0 0 0 0 0;
    /// A structure, blocked or released (F039).
    StructureBlock    "structure.block"          1 0 1 0 0 0 0;
    /// People, shown.
    PersonList        "person.list"              1 1 1 1 1 0 0;
    /// A person, added.
    PersonAdd         "person.add"               1 1 0 0 0 0 0;
    /// A person's particulars, changed.
    PersonEdit        "person.edit"              1 1 0 1 0 1 0;
    /// A person's identity, certified; an exemption from the national identifier (F009, F010).
    PersonCertify     "person.certify"           1 1 0 0 0 0 0;
    /// A person, blocked or released (F039).
    PersonBlock       "person.block"             1 1 1 0 0 0 0;
    /// Who works in a structure.
    MembershipEdit    "membership.edit"          1 1 0 0 0 0 0;
    /// Administrative roles, shown.
    RoleList          "role.list"                1 1 1 1 1 0 0;
    /// An administrative role, given or taken.
    RoleGrant         "role.grant"               1 1 0 0 0 0 0;
    /// What the asker is and may do.
    OwnShow           "own.show"                 1 1 1 1 1 1 1;
    /// What is wrong in a directory, an abuse, or a request for help, reported (F097, F149).
    ReportMake        "report.make"              0 0 0 0 0 1 0;
    /// Reports, shown.
    ReportList        "report.list"              1 1 1 1 1 1 0;
    /// A report, answered or passed on.
    ReportHandle      "report.handle"            1 1 1 1 0 0 0;
    /// An announcement to the administrators of structures (F149).
    AnnouncementMake  "announcement.make"        1 0 1 0 0 0 0;
    /// Announcements, shown.
    AnnouncementList  "announcement.list"        1 1 1 1 1 0 0;
    /// What one wants to hear by ordinary mail of one's BALs, and in which language (F062).
    NoticeChoose      "notice.choose"            0 0 0 0 0 1 0;
    /// A planned maintenance, told by ordinary mail (F064).
    NoticeMaintenance "notice.maintenance"       1 0 0 0 0 0 0;
    /// The register of processing: controllers, processors, recipients (F152).
    RegisterShow      "register.show"            1 1 1 0 1 0 0;
    /// BALs, shown (never their content).
    BalList           "bal.list"                 1 1 1 1 1 1 0;
    /// Label, description, service, responsible text of a BAL.
    BalEdit           "bal.edit"                 1 1 0 0 0 1 0;
    /// Liste rouge, telephone, zéro papier of a BAL (F091–F094).
    BalChoices        "bal.choices"              1 1 0 1 0 1 0;
    /// The data of a shared BAL, attested by somebody responsible for it, in person (F159).
    BalAttest         "bal.attest"               0 0 0 0 0 1 0;
    /// The absence of a BAL: what is answered, and when (F069).
    BalAbsence        "bal.absence"              1 1 0 0 0 1 0;
    /// A BAL, suspended or resumed.
    BalSuspend        "bal.suspend"              1 1 0 0 0 0 0;
    /// A BAL, blocked or released (F039).
    BalBlock          "bal.block"                1 1 1 0 0 0 0;
    /// A BAL, closed, or kept in the cooling period.
    BalClose          "bal.close"                1 1 0 0 0 1 0;
    /// A BAL's opening, change or end, asked for (F015, F016).
    OpeningAsk        "opening.ask"              1 1 0 0 0 1 0;
    /// Requests, shown.
    OpeningList       "opening.list"             1 1 1 1 1 1 0;
    /// A request, verified or refused (F012).
    OpeningDecide     "opening.decide"           1 1 0 0 0 0 0;
    /// A name that the naming rules refuse, taken all the same, with its reason (F022).
    NamingOverride    "naming.override"          1 0 0 0 0 0 0;
    /// Who has access to a BAL, and who had (F021).
    AccessList        "access.list"              1 1 0 1 1 1 0;
    /// An access to an ORG, APP or CAB BAL, given, changed or ended.
    AccessGrant       "access.grant"             1 1 0 0 0 1 0;
    /// A delegation of one's own BAL, given or ended: no administrator can (F024).
    DelegationGrant   "delegation.grant"         0 0 0 0 0 1 0;
    /// A delegation, ended.
    DelegationEnd     "delegation.end"           1 1 0 0 0 1 0;
    /// A version of the terms of use, published.
    TermsPublish      "terms.publish"            1 0 0 0 0 0 0;
    /// The terms of use, accepted, by the person alone (F100).
    TermsAccept       "terms.accept"             0 0 0 0 0 1 0;
    /// Who accepted what.
    AcceptanceList    "terms.acceptances"        1 1 0 1 1 0 0;
    /// Limits in force of a BAL and where they come from.
    PolicyShow        "policy.show"              1 1 1 1 1 1 0;
    /// A limit, set for a place.
    PolicySet         "policy.set"               1 0 0 0 0 0 0;
    /// Retention policies, shown.
    RetentionShow     "retention.show"           1 1 1 1 1 0 0;
    /// A retention policy, changed.
    RetentionSet      "retention.set"            1 0 0 0 0 0 0;
    /// Legal holds, shown.
    HoldList          "hold.list"                1 0 0 0 1 0 0;
    /// A legal hold, placed or lifted.
    HoldPlace         "hold.place"               1 0 0 0 0 0 0;
    /// The calendar of working days.
    CalendarShow      "calendar.show"            1 1 1 1 1 1 0;
    /// A day of the calendar, changed.
    CalendarSet       "calendar.set"             1 0 0 0 0 0 0;
    /// Reference tables, searched.
    ReferenceShow     "reference.show"           1 1 1 1 1 0 0;
    /// Reference tables, imported.
    ReferenceImport   "reference.import"         1 0 0 0 0 0 0;
    /// People and BALs, added from a file.
    ImportStart       "import.start"             1 1 0 0 0 0 0;
    /// Imports and their reports.
    ImportShow        "import.show"              1 1 0 1 1 0 0;
    /// Content, for an authority, a restitution or directives after death: asked for.
    DisclosureAsk     "disclosure.ask"           1 0 0 0 0 0 0;
    /// The same, decided by another person.
    DisclosureDecide  "disclosure.decide"        1 0 0 0 0 0 0;
    /// The same, read while the decision lasts.
    DisclosureRead    "disclosure.read"          1 0 0 0 0 0 0;
    /// Disclosures, shown.
    DisclosureList    "disclosure.list"          1 0 0 0 1 0 0;
    /// Tokens, shown.
    TokenList         "token.list"               1 1 0 1 1 1 0;
    /// A token, made.
    TokenCreate       "token.create"             1 1 0 0 0 1 0;
    /// A token, revoked.
    TokenRevoke       "token.revoke"             1 1 0 1 0 1 0;
    /// Means by which people prove who they are, shown, never their secrets (F043).
    FactorList        "factor.list"              1 1 0 1 1 1 0;
    /// One of one's own, added.
    FactorEnrol       "factor.enrol"             0 0 0 0 0 1 0;
    /// One of one's own, removed.
    FactorRemove      "factor.remove"            0 0 0 0 0 1 0;
    /// The link by which a person without a card enrols the first ones (F007).
    FactorInvite      "factor.invite"            1 1 0 1 0 0 0;
    /// The replacement of means that were lost, after a check of identity: asked for.
    RecoveryAsk       "recovery.ask"             1 1 0 1 0 0 0;
    /// The same, confirmed by somebody else.
    RecoveryConfirm   "recovery.confirm"         1 1 0 0 0 0 0;
    /// The same, objected to or withdrawn.
    RecoveryStop      "recovery.stop"            1 1 0 1 0 1 0;
    /// Such requests, shown.
    RecoveryList      "recovery.list"            1 1 0 1 1 1 0;
    /// Open sessions of browsers, shown.
    SessionList       "session.list"             1 1 0 1 1 1 0;
    /// An open session, ended.
    SessionEnd        "session.end"              1 1 0 1 0 1 0;
    /// Programs that may ask for access by OAuth, shown (F050).
    ClientList        "client.list"              1 0 0 1 1 0 0;
    /// The same, settled.
    ClientEdit        "client.edit"              1 0 0 0 0 0 0;
    /// Structures' own sign-ins, shown (F044).
    SsoList           "sso.list"                 1 1 0 1 1 0 0;
    /// The same, settled.
    SsoEdit           "sso.edit"                 1 0 0 0 0 0 0;
    /// Providers of identity, cards and keys: their state, and what is not verified.
    IdentityShow      "identity.show"            1 0 0 1 1 0 0;
    /// Keys of providers, asked for at once.
    IdentityRefresh   "identity.refresh"         1 0 0 1 0 0 0;
    /// A list of compromised passwords, imported.
    BreachedImport    "breached.import"          1 0 0 0 0 0 0;
    /// The authority that certifies people's devices, created.
    DeviceAuthority   "device.authority"         1 0 0 0 0 0 0;
    /// The queue, shown.
    QueueList         "queue.list"               1 0 0 1 0 0 0;
    /// Queued mail, tried again at once.
    QueueRetry        "queue.retry"              1 0 0 1 0 0 0;
    /// Queued mail, held or released (F210).
    QueueHold         "queue.hold"               1 0 0 0 0 0 0;
    /// Queued mail, returned to its senders.
    QueueReturn       "queue.return"             1 0 0 0 0 0 0;
    /// Queued mail, deleted.
    QueueDelete       "queue.delete"             1 0 0 0 0 0 0;
    /// Structures' own servers, shown, with the settings to copy.
    ConnectorList     "connector.list"           1 1 0 1 1 0 0;
    /// A connector, added, changed, suspended, ended; the authority that issues certificates (F052).
    ConnectorEdit     "connector.edit"           1 0 0 0 0 0 0;
    /// A certificate of a connector, issued, declared or revoked (F053, F215).
    ConnectorCertify  "connector.certify"        1 1 0 0 0 0 0;
    /// A connector, tried out (F054).
    ConnectorTest     "connector.test"           1 1 0 1 0 0 0;
    /// Traces, shown.
    TraceList         "trace.list"               1 0 0 0 1 0 0;
    /// Evidence of a trace; the log as a whole, verified.
    TraceProve        "trace.prove"              1 0 0 0 1 0 0;
    /// A difference of the log, settled with a reason.
    TraceSettle       "trace.settle"             1 0 0 0 0 0 0;
    /// A new signing key of the log.
    LogKeyRotate      "log.key"                  1 0 0 0 0 0 0;
    /// Alarms, shown.
    AlarmList         "alarm.list"               1 0 0 1 1 0 0;
    /// An alarm, acknowledged.
    AlarmAck          "alarm.ack"                1 0 0 1 0 0 0;
    /// What looks like abuse, shown (F267).
    AbuseList         "abuse.list"               1 1 0 1 1 0 0;
    /// The same, decided (F267).
    AbuseDecide       "abuse.decide"             1 0 0 0 0 0 0;
    /// Nodes, shown.
    NodeList          "node.list"                1 0 0 1 1 0 0;
    /// A node, declared.
    NodeAdd           "node.add"                 1 0 0 0 0 0 0;
    /// Trust anchors and what is known of revocations, shown.
    RevocationList    "revocation.list"          1 0 0 1 1 0 0;
    /// Revocation lists, asked for at once.
    RevocationRefresh "revocation.refresh"       1 0 0 1 0 0 0;
    /// The antivirus engine, its signatures and its state, shown (F209).
    AntivirusShow     "antivirus.show"           1 0 0 1 1 0 0;
    /// The antivirus, tried with the test file of EICAR.
    AntivirusTest     "antivirus.test"           1 0 0 1 0 0 0;
    /// The white list, asked for at once.
    TrustRefresh      "trust.refresh"            1 0 0 1 0 0 0;
    /// The white list, what it changed, what it says of a domain (F202, F203).
    TrustShow         "trust.show"               1 0 0 1 1 0 0;
    /// The servers of a domain, looked at as they show themselves.
    TrustConnect      "trust.connect"            1 0 0 1 0 0 0;
    /// Certificates: ours, peers', issued ones, authorities (F204).
    CertificateList   "certificate.list"         1 0 0 1 1 0 0;
    /// A certificate of a node that is gone, taken out of the inventory.
    CertificateRetire "certificate.retire"       1 0 0 0 0 0 0;
    /// The ledger of partners (F211).
    PeerList          "peer.list"                1 0 0 1 1 0 0;
    /// A backup, started.
    BackupStart       "backup.start"             1 0 0 0 0 0 0;
    /// The state of the last backup.
    BackupShow        "backup.show"              1 0 0 1 1 0 0;
    /// Search indexes, rebuilt.
    Reindex           "reindex"                  1 0 0 1 0 0 0;
    /// Mail of a BAL to which one has an access with the right to read.
    MailRead          "mail.read"                0 0 0 0 0 1 1;
    /// Mail sent from a BAL to which one has an access with the right to send.
    MailSend          "mail.send"                0 0 0 0 0 1 1;
    /// Mail flagged, moved, deleted, likewise.
    MailFile          "mail.file"                0 0 0 0 0 1 1;
    /// Rules of a BAL to which one has an access with the right to manage it (F066).
    RuleEdit          "mail.rules"               0 0 0 0 0 1 0;
    /// What one did oneself, what was done at the BALs that one answers for, and what was disclosed (F247).
    ActivityOwn       "activity.own"             0 0 0 0 0 1 0;
    /// People and BALs of the operator's directory, searched while writing.
    DirectorySearch   "directory.search"         0 0 0 0 0 1 0;
    /// Later work, shown.
    JobList           "job.list"                 1 0 0 1 1 0 0;
    /// How the service is: nodes, store, queue, antivirus, white list, log, backup, in one view.
    HealthShow        "health.show"              1 0 0 1 1 0 0;
}

impl UseCase {
    /// Does a person at a page prove anew that it is them before it is done? What cannot be taken back, or gives rights.
    pub fn wants_fresh(self) -> bool {
        matches!(
            self,
            Self::StructureBlock
                | Self::PersonBlock
                | Self::BalBlock
                | Self::BalClose
                | Self::RoleGrant
                | Self::DomainAdd
                | Self::DomainMove
                | Self::PolicySet
                | Self::RetentionSet
                | Self::HoldPlace
                | Self::RecoveryAsk
                | Self::RecoveryConfirm
                | Self::RecoveryStop
                | Self::ConnectorEdit
                | Self::ConnectorCertify
                | Self::QueueReturn
                | Self::QueueDelete
        )
    }
    /// May this role do it, in its place?
    pub fn is_for(self, role: Role) -> bool {
        self.marks()[Role::ALL.iter().position(|r| *r == role).unwrap_or(usize::MAX)] == 1
    }
}
impl fmt::Display for UseCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an access lets one do with a BAL: a set of bits, as kept in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BalRights(u8);

impl BalRights {
    /// See folders and messages.
    pub const READ: Self = Self(1);
    /// Write as the BAL.
    pub const SEND: Self = Self(2);
    /// Flag, move, delete, manage folders.
    pub const FILE: Self = Self(4);
    /// Give access to others, change the BAL's particulars.
    pub const MANAGE: Self = Self(8);
    /// Everything but giving access.
    pub const USE: Self = Self(7);
    /// Everything.
    pub const ALL: Self = Self(15);
    const NAMES: [(&'static str, Self); 4] =
        [("read", Self::READ), ("send", Self::SEND), ("file", Self::FILE), ("manage", Self::MANAGE)];

    /// From the database; unknown bits are dropped.
    pub fn from_bits(bits: i64) -> Self {
        Self(u8::try_from(bits & 15).unwrap_or(0))
    }
    /// For the database.
    pub fn bits(self) -> i64 {
        i64::from(self.0)
    }
    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Does it hold every one of these?
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// Nothing at all.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Names, in order: `read`, `send`, `file`, `manage`.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.iter().filter(|(_, bit)| self.has(*bit)).map(|(name, _)| *name).collect()
    }
    /// From names. `None` when one is unknown, or none is given.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Option<Self> {
        let mut out = 0;
        for name in names {
            out |= Self::NAMES.iter().find(|(n, _)| *n == name.as_ref())?.1.0;
        }
        (out > 0).then_some(Self(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_administrative_role_touches_mail() {
        for use_case in [UseCase::MailRead, UseCase::MailSend, UseCase::MailFile, UseCase::DelegationGrant] {
            for role in Role::ALL.into_iter().filter(|r| r.is_granted()) {
                assert!(!use_case.is_for(role), "{role} {use_case}");
            }
        }
    }

    #[test]
    fn codes_are_unique_and_every_use_case_is_for_somebody() {
        let mut codes: Vec<_> = UseCase::ALL.iter().map(|u| u.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), UseCase::ALL.len());
        assert!(UseCase::ALL.iter().all(|u| Role::ALL.iter().any(|r| u.is_for(*r))));
    }

    #[test]
    fn what_only_shows_asks_for_no_new_proof() {
        assert!(UseCase::BalClose.wants_fresh() && UseCase::RoleGrant.wants_fresh());
        let shows = |u: &&UseCase| [".list", ".show", ".read", ".own"].iter().any(|end| u.as_str().ends_with(end));
        assert!(UseCase::ALL.iter().filter(shows).all(|u| !u.wants_fresh()));
    }

    #[test]
    fn rights_go_by_name_and_by_bits() {
        assert_eq!(BalRights::from_names(&["send", "read"]), Some(BalRights::from_bits(3)));
        assert_eq!(BalRights::from_names(&["all"]), None);
        assert_eq!(BalRights::from_names::<&str>(&[]), None);
        assert_eq!(BalRights::ALL.names(), ["read", "send", "file", "manage"]);
        assert!(BalRights::ALL.has(BalRights::USE) && !BalRights::USE.has(BalRights::MANAGE));
    }
}
