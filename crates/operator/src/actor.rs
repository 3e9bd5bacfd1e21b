//! Who asks.
use sceau_domain::{AccessRole, BalFlags, BalKind, BalRights};
use sceau_identity::factor::Proof;
use sceau_store::{Id, accounts};
use sceau_trust::Peer;
use std::net::IpAddr;

/// Which door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// SMTP between operators.
    Mx,
    /// SMTP submission.
    Submission,
    /// SMTP from structures' own servers.
    Connector,
    /// IMAP.
    Imap,
    /// Administration socket.
    Admin,
    /// REST.
    Api,
    /// Pages for people.
    Web,
    /// Ourselves (jobs, queue).
    System,
}
impl Door {
    /// Stable name for traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mx => "mx",
            Self::Submission => "submission",
            Self::Connector => "connector",
            Self::Imap => "imap",
            Self::Admin => "admin",
            Self::Api => "api",
            Self::Web => "web",
            Self::System => "system",
        }
    }
}

/// Where a session comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Door.
    pub door: Door,
    /// Remote address, when there is one.
    pub remote: Option<IpAddr>,
    /// Id of the session, in every trace and log line of it.
    pub session: String,
    /// TLS version and suite, when there is TLS.
    pub tls: Option<String>,
    /// The key under which this request is carried out at most once (REST).
    pub once: Option<sceau_store::idempotency::Once>,
}

/// A natural person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRef {
    /// Row id.
    pub id: Id,
    /// Login.
    pub login: String,
    /// Name to show.
    pub name: String,
}

/// A BAL as sessions know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalRef {
    /// Row id.
    pub id: Id,
    /// Address as displayed.
    pub address: sceau_domain::Address,
    /// Kind.
    pub kind: BalKind,
    /// Flags.
    pub flags: BalFlags,
    /// How the person sits there, when a login found it.
    pub chair: Option<Chair>,
}

/// How somebody sits at a BAL, as the login found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chair {
    /// As what.
    pub role: AccessRole,
    /// With which rights.
    pub rights: BalRights,
    /// What the credential may do at all: less than the access gives, for a program that was let in for less.
    pub scope: BalRights,
    /// Login of the holder for whom a delegate acts.
    pub holder: Option<String>,
    /// Until when at most, milliseconds since 1970: the planned end of the access or of the token.
    pub until: Option<i64>,
    /// What had been taken away from anybody when the login was judged ([`crate::login::Leash`]).
    pub since: u64,
}

/// A structure's own mail server, as its certificate showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRef {
    /// Row id of the connector.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Code of the structure.
    pub structure: String,
    /// The certificate's row.
    pub certificate: Id,
    /// DN of the certificate.
    pub dn: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The chain, when the connector knows the certificate by its name alone: others revoke it, so that it is judged again at each message.
    pub named: Option<Box<Peer>>,
}

/// Person, structure's server or ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A natural person, signed in.
    Person(PersonRef),
    /// A structure's own server: sends for the BALs of its connector, and may nothing else.
    Connector(ConnectorRef),
    /// The program itself.
    System,
}

/// Who asks, for which BAL, from where.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// The BAL of the session.
    pub bal: Option<BalRef>,
    /// The token that proved it: of a device, for REST, or of a browser's session.
    pub credential: Option<Id>,
    /// What was proven in the session. Empty for tokens and for the administration socket, whose strength is what made them.
    pub proof: Proof,
    /// From where.
    pub origin: Origin,
}

impl PersonRef {
    /// A person of the base.
    pub(crate) fn of(row: accounts::Person) -> Self {
        Self { id: row.id, login: row.login, name: row.name }
    }
}

impl Actor {
    /// Row id of the person; 0, which no row has, for ourselves.
    pub(crate) fn person(&self) -> Id {
        match &self.who {
            Who::Person(p) => p.id,
            Who::Connector(_) | Who::System => 0,
        }
    }
}
