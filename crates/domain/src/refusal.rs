//! A "no" with its stable code, its sentences and its mapping to SMTP, IMAP and HTTP.
//!
//! Promises: a code never changes its meaning; each has a sentence in each language that says what happened and what to
//! do, correct with or without its placeholders' values; whatever the values are, a protocol line made here is one line
//! of printable ASCII within the protocol's limit.
//!
//! Placeholders (all optional; a value is shown to the person who asked, never logged):
//!
//! | name | what it holds | used by |
//! |---|---|---|
//! | `address` | the address in question (hidden by `Debug`) | `sender.*`, `header.from_*`, `rcpt.*`, `exchange.*` |
//! | `domain` | a mail domain | `sender.domain_not_peers`, `header.from_not_peers`, `rcpt.not_listed`, `rcpt.relay`, `exchange.*`, `transfer.*` |
//! | `dn` | a certificate's distinguished name | `peer.*`, `sender.domain_not_peers`, `header.from_not_peers`, `transfer.server_not_listed` |
//! | `server` | a remote server, host name and port | `transfer.*` |
//! | `reply` | the remote server's reply | `transfer.protocol`, `transfer.refused`, `transfer.put_off`, `transfer.expired` |
//! | `cause` | a technical detail, one short phrase | `peer.invalid`, `syntax.error`, `header.malformed`, `message.too_complex`, `admin.invalid`, `terms.clause_missing`, `transfer.*` |
//! | `limit` | the limit that was passed, with its unit | `*.too_many`, `*.too_big`, `*.limit`, `message.*`, `quota.exceeded` … |
//! | `name` | a connector, a folder, an object or field of the administration, a right, a command | `folder.*`, `admin.*`, `terms.required` (the link), `naming.*`, `identifier.*`, `opening.*`, `contact.*`, `eligibility.*`, `move.*`, `right.missing`, `syntax.unknown`, `edit.*`, `state.wrong`, `role.*`, `access.*` |
//! | `date` | an instant, as shown to a person | `peer.expired`, `peer.not_yet_valid` |
//! | `delay` | a duration with its unit | `login.too_many`, `transfer.expired`, `recovery.waiting` |
use crate::text::{Lang, text, to_ascii};
use std::fmt;

/// The placeholders that sentences of refusals may name (see the module's table).
pub const PLACEHOLDERS: [&str; 10] =
    ["address", "domain", "dn", "server", "reply", "cause", "limit", "name", "date", "delay"];

/// Longest reply line of SMTP in octets, CRLF included (RFC 5321 §4.5.3.1.5).
const SMTP_LINE: usize = 512;
/// Longest values put into a protocol line, in characters, tried in this order until the line fits.
const SMTP_VALUES: [usize; 3] = [160, 80, 30];
/// Longest value put into a sentence, in characters: values may come from a peer.
const VALUE: usize = 1000;

/// Declares every refusal once: variant, stable code, SMTP code, enhanced status, IMAP response code, HTTP status.
macro_rules! refusals {
    ($($variant:ident $code:literal $smtp:literal $enh:literal $imap:literal $http:literal;)*) => {
        /// Every reason for which Sceau says no. The code is stable: programs may rely on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // each variant is documented by its sentence in locales/en.toml, `refusal.<code>`
        pub enum RefusalCode { $($variant),* }
        impl RefusalCode {
            /// Every refusal, for exhaustive tests.
            pub const ALL: &'static [RefusalCode] = &[$(Self::$variant),*];
            /// Stable code, e.g. `rcpt.unknown`.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),* } }
            /// SMTP reply code (RFC 5321 §4.2).
            pub fn smtp(self) -> u16 { match self { $(Self::$variant => $smtp),* } }
            /// Enhanced status code (RFC 3463).
            pub fn enhanced(self) -> &'static str { match self { $(Self::$variant => $enh),* } }
            /// IMAP response code without brackets (RFC 5530), empty when none fits.
            pub fn imap(self) -> &'static str { match self { $(Self::$variant => $imap),* } }
            /// HTTP status.
            pub fn http(self) -> u16 { match self { $(Self::$variant => $http),* } }
        }
    };
}

refusals! {
    // who the peer is (MX door)
    PeerNoTls            "peer.no_tls"            530 "5.7.0" "PRIVACYREQUIRED" 426;
    PeerNoCertificate    "peer.no_certificate"    554 "5.7.1" "" 401;
    PeerUnknownIssuer    "peer.unknown_issuer"    554 "5.7.1" "" 401;
    PeerExpired          "peer.expired"           554 "5.7.1" "" 401;
    PeerNotYetValid      "peer.not_yet_valid"     554 "5.7.1" "" 401;
    PeerRevoked          "peer.revoked"           554 "5.7.1" "" 401;
    PeerWrongUsage       "peer.wrong_usage"       554 "5.7.1" "" 401;
    PeerInvalid          "peer.invalid"           554 "5.7.1" "" 401;
    PeerWeak             "peer.weak"              554 "5.7.1" "" 401;
    PeerOtherEnvironment "peer.other_environment" 554 "5.7.1" "" 401;
    PeerRevocation       "peer.revocation"        451 "4.7.0" "UNAVAILABLE" 503;
    PeerNotListed        "peer.not_listed"        554 "5.7.1" "" 403;
    PeerWhiteListAbsent  "peer.white_list_absent" 451 "4.7.0" "UNAVAILABLE" 503;
    // sender
    SenderDomainNotPeers "sender.domain_not_peers" 554 "5.7.1" "" 403;
    SenderSyntax         "sender.syntax"          501 "5.1.7" "" 400;
    SenderNotAllowed     "sender.not_allowed"     553 "5.7.1" "NOPERM" 403;
    SenderTooMany        "sender.too_many"        450 "4.7.1" "LIMIT" 429;
    SenderTooManyRecipients "sender.too_many_recipients" 450 "4.7.1" "LIMIT" 429;
    SenderSlowed         "sender.slowed"          450 "4.7.1" "LIMIT" 429;
    PlaceTooMany         "place.too_many"         450 "4.7.1" "LIMIT" 429;
    PeerTooMany          "peer.too_many"          450 "4.7.1" "LIMIT" 429;
    PeerTooManyRecipients "peer.too_many_recipients" 450 "4.7.1" "LIMIT" 429;
    HeaderFromMissing    "header.from_missing"    554 "5.6.0" "" 400;
    HeaderFromMany       "header.from_many"       554 "5.6.0" "" 400;
    HeaderFromNotPeers   "header.from_not_peers"  554 "5.7.1" "" 403;
    HeaderFromNotAllowed "header.from_not_allowed" 554 "5.7.1" "" 403;
    HeaderDateMany       "header.date_many"       554 "5.6.0" "" 400;
    HeaderMalformed      "header.malformed"       554 "5.6.0" "" 400;
    // recipients
    RcptSyntax           "rcpt.syntax"            501 "5.1.3" "" 400;
    RcptUnknown          "rcpt.unknown"           550 "5.1.1" "NONEXISTENT" 404;
    RcptClosed           "rcpt.closed"            550 "5.2.1" "NONEXISTENT" 410;
    RcptBlocked          "rcpt.blocked"           550 "5.2.1" "NOPERM" 403;
    RcptChanged          "rcpt.changed"           451 "4.2.1" "UNAVAILABLE" 409;
    RcptOverQuota        "rcpt.over_quota"        452 "4.2.2" "OVERQUOTA" 507;
    RcptNotListed        "rcpt.not_listed"        554 "5.7.1" "NOPERM" 403;
    RcptRelay            "rcpt.relay"             554 "5.7.1" "NOPERM" 403;
    RcptTooMany          "rcpt.too_many"          452 "4.5.3" "LIMIT" 413;
    DomainElsewhere      "domain.elsewhere"       450 "4.4.4" "UNAVAILABLE" 409;
    DomainArriving       "domain.arriving"        550 "5.7.1" "NOPERM" 409;
    DomainLeft           "domain.left"            550 "5.1.6" "NONEXISTENT" 410;
    RcptNone             "rcpt.none"              554 "5.5.1" "" 400;
    // exchange rules (domain::exchange)
    ExchangeTest         "exchange.test"          550 "5.7.1" "NOPERM" 403;
    ExchangeMed          "exchange.med"           550 "5.7.1" "NOPERM" 403;
    ExchangeUnreachable  "exchange.unreachable"   550 "5.7.1" "NOPERM" 403;
    ExchangePatient      "exchange.patient"       550 "5.7.1" "NOPERM" 403;
    ExchangeInternal     "exchange.internal"      550 "5.7.1" "NOPERM" 403;
    // message
    MessageTooBig        "message.too_big"        552 "5.3.4" "TOOBIG" 413;
    MessageBareNewline   "message.bare_newline"   554 "5.6.0" "" 400;
    MessageLineTooLong   "message.line_too_long"  554 "5.6.0" "" 400;
    MessageHeaderTooBig  "message.header_too_big" 554 "5.6.0" "" 413;
    MessageTooComplex    "message.too_complex"    554 "5.6.0" "" 413;
    MessageLoop          "message.loop"           554 "5.4.6" "" 400;
    MessageNul           "message.nul"            554 "5.6.0" "" 400;
    MessageNotConvertible "message.not_convertible" 554 "5.6.3" "" 400;
    MessageInfected      "message.infected"       554 "5.7.0" "NOPERM" 422;
    MessageEncrypted     "message.encrypted"      554 "5.7.0" "NOPERM" 422;
    MessageUnread        "message.unread"         554 "5.7.0" "NOPERM" 422;
    MessageDamaged       "message.damaged"        554 "5.3.0" "CORRUPTION" 500;
    AntivirusUnavailable "antivirus.unavailable"  451 "4.7.0" "UNAVAILABLE" 503;
    AntivirusOff         "antivirus.off"          554 "5.7.0" "CANNOT" 409;
    // session
    LoginFailed          "login.failed"           535 "5.7.8" "AUTHENTICATIONFAILED" 401;
    LoginRequired        "login.required"         530 "5.7.0" "" 401;
    LoginTooMany         "login.too_many"         454 "4.7.0" "UNAVAILABLE" 429;
    LoginBusy            "login.busy"             454 "4.7.0" "UNAVAILABLE" 503;
    LoginNeedsTls        "login.needs_tls"        538 "5.7.11" "PRIVACYREQUIRED" 426;
    RightMissing         "right.missing"          550 "5.7.1" "NOPERM" 403;
    RightsOfBal          "right.of_bal"           550 "5.5.1" "CANNOT" 400;
    RightsTied           "right.tied"             550 "5.5.1" "CANNOT" 400;
    SyntaxError          "syntax.error"           501 "5.5.2" "CLIENTBUG" 400;
    SyntaxLineTooLong    "syntax.line_too_long"   500 "5.5.6" "TOOBIG" 400;
    SyntaxUnknown        "syntax.unknown"         500 "5.5.1" "" 405;
    SequenceError        "sequence.error"         503 "5.5.1" "" 409;
    SequenceNumbers      "sequence.numbers"       503 "5.5.1" "UIDREQUIRED" 409;
    TooManyErrors        "session.too_many_errors" 421 "4.7.0" "" 429;
    TooManyConnections   "session.too_many_connections" 421 "4.7.0" "" 429;
    SessionLimit         "session.limit"          421 "4.7.0" "LIMIT" 429;
    SessionTooMany       "session.too_many"       421 "4.7.0" "LIMIT" 429;
    Timeout              "session.timeout"        421 "4.4.2" "" 408;
    ShuttingDown         "session.shutting_down"  421 "4.3.2" "" 503;
    // mailboxes
    FolderUnknown        "folder.unknown"         550 "5.1.1" "NONEXISTENT" 404;
    FolderExists         "folder.exists"          550 "5.5.1" "ALREADYEXISTS" 409;
    FolderName           "folder.name"            550 "5.5.1" "CANNOT" 400;
    FolderReserved       "folder.reserved"        550 "5.5.1" "CANNOT" 403;
    FolderHasChildren    "folder.has_children"    550 "5.5.1" "HASCHILDREN" 409;
    FolderFull           "folder.full"            550 "5.5.1" "CANNOT" 409;
    FolderLimit          "folder.limit"           550 "5.5.1" "LIMIT" 409;
    KeywordLimit         "keyword.limit"          550 "5.5.1" "LIMIT" 409;
    KeywordTooMany       "keyword.too_many"       550 "5.5.1" "LIMIT" 409;
    AnnotationName       "annotation.name"        550 "5.5.1" "CANNOT" 400;
    AnnotationSize       "annotation.size"        552 "5.3.4" "LIMIT" 413;
    AnnotationLimit      "annotation.limit"       550 "5.5.1" "LIMIT" 409;
    CopyLimit            "copy.limit"             550 "5.5.1" "LIMIT" 413;
    CopyPersonal         "copy.personal"          550 "5.7.1" "CANNOT" 403;
    EntryUnknown         "entry.unknown"          550 "5.1.1" "EXPUNGEISSUED" 404;
    EntryTooMany         "entry.too_many"         450 "4.5.3" "LIMIT" 413;
    QuotaExceeded        "quota.exceeded"         552 "5.2.2" "OVERQUOTA" 507;
    // administration
    NotFound             "admin.not_found"        550 "5.1.1" "NONEXISTENT" 404;
    Exists               "admin.exists"           550 "5.5.1" "ALREADYEXISTS" 409;
    CareRunning          "care.running"           451 "4.3.0" "INUSE" 409;
    Invalid              "admin.invalid"          501 "5.5.4" "" 400;
    MediaType            "admin.media_type"       501 "5.5.4" "" 415;
    EditConflict         "edit.conflict"          451 "4.5.0" "" 412;
    EditUnconditional    "edit.unconditional"     501 "5.5.4" "" 428;
    KeyReused            "idempotency.reused"     501 "5.5.4" "" 422;
    KeyDone              "idempotency.done"       501 "5.5.4" "" 409;
    TermsRequired        "terms.required"         535 "5.7.0" "ALERT" 403;
    TermsAbsent          "terms.absent"           451 "4.3.0" "UNAVAILABLE" 409;
    TermsChanged         "terms.changed"          501 "5.5.4" "" 409;
    TermsClause          "terms.clause_missing"   501 "5.5.4" "" 422;
    RetentionShorter     "retention.shorter"      550 "5.5.1" "CANNOT" 409;
    StateWrong           "state.wrong"            550 "5.5.1" "CANNOT" 409;
    IdentityMissing      "identity.missing"       550 "5.7.1" "CANNOT" 422;
    LinkInvalid          "link.invalid"           550 "5.7.1" "EXPIRED" 410;
    NoticeNoRelay        "notice.no_relay"        451 "4.3.0" "UNAVAILABLE" 409;
    NoticeTooMany        "notice.too_many"        451 "4.7.0" "LIMIT" 429;
    ReportTooMany        "report.too_many"        451 "4.7.0" "LIMIT" 429;
    AbuseUnreachable     "abuse.unreachable"      550 "5.5.1" "CANNOT" 409;
    // structures' own servers
    ConnectorUnknown     "connector.unknown"      554 "5.7.1" "" 403;
    ConnectorRevoked     "connector.revoked"      554 "5.7.1" "" 403;
    ConnectorSuspended   "connector.suspended"    451 "4.7.1" "UNAVAILABLE" 409;
    ConnectorBlocked     "connector.blocked"      451 "4.7.1" "UNAVAILABLE" 409;
    ConnectorLimit       "connector.limit"        450 "4.7.1" "LIMIT" 429;
    ConnectorReport      "connector.report"       554 "5.7.1" "" 403;
    ConnectorAuthority   "connector.no_authority" 451 "4.3.5" "UNAVAILABLE" 409;
    ConnectorDomain      "connector.domain"       550 "5.5.1" "CANNOT" 409;
    ConnectorWaiting     "connector.waiting"      550 "5.5.1" "CANNOT" 409;
    ConnectorRequest     "connector.request"      501 "5.5.4" "" 422;
    ConnectorCertificate "connector.certificate"  501 "5.5.4" "" 422;
    ConnectorKey         "connector.key"          501 "5.5.4" "" 422;
    ConnectorHost        "connector.host"         501 "5.5.4" "" 422;
    // what stands before the opening of a BAL (domain::opening)
    OpeningHolder        "opening.holder"         501 "5.5.4" "" 422;
    OpeningUncertified   "opening.uncertified"    550 "5.5.1" "CANNOT" 409;
    OpeningNumber        "opening.number"         550 "5.5.1" "CANNOT" 409;
    OpeningExemption     "opening.exemption_over" 550 "5.5.1" "CANNOT" 409;
    OpeningBlocked       "opening.blocked"        550 "5.5.1" "CANNOT" 409;
    OpeningResponsible   "opening.responsible"    501 "5.5.4" "" 422;
    OpeningHabilitation  "opening.habilitation"   550 "5.5.1" "CANNOT" 409;
    OpeningConvention    "opening.convention"     550 "5.5.1" "CANNOT" 409;
    OpeningTerms         "opening.terms"          550 "5.5.1" "CANNOT" 409;
    OpeningLeft          "opening.left"           550 "5.5.1" "CANNOT" 409;
    OpeningDomain        "opening.domain"         550 "5.5.1" "CANNOT" 409;
    // the ordinary address for notifications (domain::opening)
    ContactMissing       "contact.missing"        550 "5.5.1" "CANNOT" 409;
    ContactUnconfirmed   "contact.unconfirmed"    550 "5.5.1" "CANNOT" 409;
    ContactWrong         "contact.wrong"          550 "5.5.1" "CANNOT" 409;
    ContactTaken         "contact.taken"          550 "5.5.1" "CANNOT" 409;
    ContactInside        "contact.inside"         501 "5.5.4" "" 422;
    // whom the operator takes (domain::eligibility)
    EligibilityTerritory "eligibility.territory"  550 "5.7.1" "CANNOT" 409;
    EligibilityProfession "eligibility.profession" 550 "5.7.1" "CANNOT" 409;
    EligibilityRegistration "eligibility.registration" 550 "5.7.1" "CANNOT" 409;
    EligibilityStaff     "eligibility.staff"      550 "5.7.1" "CANNOT" 409;
    EligibilityUnchecked "eligibility.unchecked"  550 "5.7.1" "CANNOT" 409;
    // a BAL that goes to another structure
    MovePeople           "move.people"            550 "5.5.1" "CANNOT" 409;
    MoveHeld             "move.held"              550 "5.5.1" "CANNOT" 409;
    // access (domain::access)
    AccessRole           "access.role"            501 "5.5.4" "" 422;
    AccessHolder         "access.holder"          550 "5.5.1" "CANNOT" 409;
    AccessLast           "access.last"            550 "5.5.1" "CANNOT" 409;
    AccessRights         "access.rights"          501 "5.5.4" "" 422;
    AccessDates          "access.dates"           501 "5.5.4" "" 422;
    AccessHabilitation   "access.habilitation"    550 "5.5.1" "CANNOT" 422;
    AccessOwn            "access.own"             550 "5.5.1" "CANNOT" 409;
    // tokens of others
    TokenOther           "token.other"            550 "5.5.1" "CANNOT" 409;
    TokenUnreachable     "token.unreachable"      550 "5.5.1" "CANNOT" 409;
    TokenSetter          "token.setter"           550 "5.5.1" "CANNOT" 409;
    // how people prove who they are (sceau-identity)
    AuthStrength         "auth.strength"          535 "5.7.9" "NOPERM" 403;
    AuthFresh            "auth.fresh"             550 "5.7.1" "NOPERM" 403;
    AuthIssuer           "auth.issuer"            550 "5.7.1" "NOPERM" 403;
    IdentityUnknown      "identity.unknown"       535 "5.7.8" "AUTHENTICATIONFAILED" 403;
    IdentityMismatch     "identity.mismatch"      535 "5.7.8" "" 403;
    IdentityStruck       "identity.struck"        535 "5.7.8" "" 403;
    CardUnreadable       "card.unreadable"        535 "5.7.8" "" 422;
    TokenExpired         "token.expired"          535 "5.7.8" "EXPIRED" 401;
    TokenAudience        "token.audience"         535 "5.7.8" "" 401;
    TokenAssurance       "token.assurance"        535 "5.7.8" "" 401;
    TokenNotYours        "token.not_yours"        535 "5.7.8" "AUTHORIZATIONFAILED" 403;
    ProviderUnavailable  "provider.unavailable"   454 "4.7.0" "UNAVAILABLE" 503;
    FactorRefused        "factor.refused"         535 "5.7.8" "" 401;
    FactorSpent          "factor.spent"           535 "5.7.8" "EXPIRED" 410;
    FactorLast           "factor.last"            550 "5.5.1" "CANNOT" 409;
    FactorClass          "factor.class"           550 "5.5.1" "CANNOT" 409;
    PasswordShort        "password.short"         501 "5.5.4" "" 422;
    PasswordGuessable    "password.guessable"     501 "5.5.4" "" 422;
    PasswordBreached     "password.breached"      501 "5.5.4" "" 422;
    SsoAssurance         "sso.assurance"          535 "5.7.8" "" 403;
    SsoUnbound           "sso.unbound"            535 "5.7.8" "" 403;
    FormForged           "form.forged"            501 "5.5.4" "" 403;
    FormOld              "form.old"               501 "5.5.4" "" 409;
    DeviceForbidden      "device.forbidden"       550 "5.5.1" "CANNOT" 409;
    DeviceTooMany        "device.too_many"        550 "5.5.1" "CANNOT" 409;
    RecoveryWaiting      "recovery.waiting"       550 "5.5.1" "CANNOT" 409;
    RecoveryOwn          "recovery.own"           550 "5.5.1" "CANNOT" 409;
    // the desk
    UndoGone             "undo.gone"              550 "5.5.1" "EXPIRED" 410;
    UndoPart             "undo.part"              550 "5.5.1" "CANNOT" 409;
    DraftLeaving         "draft.leaving"          550 "5.5.1" "CANNOT" 409;
    OutboxGone           "outbox.gone"            550 "5.5.1" "CANNOT" 409;
    UploadGap            "upload.gap"             501 "5.5.4" "" 409;
    UploadKind           "upload.kind"            501 "5.5.4" "" 422;
    RuleForward          "rule.forward"           550 "5.7.1" "NOPERM" 403;
    NoteLong             "note.long"              501 "5.5.4" "" 422;
    PartUnshown          "part.unshown"           501 "5.5.4" "" 415;
    PushForbidden        "push.forbidden"         550 "5.7.1" "NOPERM" 403;
    SessionOther         "session.other"          550 "5.5.1" "CANNOT" 409;
    // administrative roles, disclosures
    RoleLast             "role.last"              550 "5.5.1" "CANNOT" 409;
    RoleConfigured       "role.configured"        550 "5.5.1" "CANNOT" 409;
    RoleUnnamed          "role.unnamed"           550 "5.5.1" "CANNOT" 409;
    DisclosureOwn        "disclosure.own"         550 "5.5.1" "CANNOT" 409;
    DisclosureClosed     "disclosure.not_open"    550 "5.5.1" "CANNOT" 409;
    // names and identifiers (domain::naming, domain::identifier)
    NamingCharacter      "naming.character"       553 "5.1.3" "" 422;
    NamingReserved       "naming.reserved"        553 "5.1.3" "" 422;
    NamingPerson         "naming.person"          553 "5.1.3" "" 422;
    NamingPatient        "naming.patient"         553 "5.1.3" "" 422;
    NamingTooLong        "naming.too_long"        553 "5.1.3" "" 422;
    NamingEmpty          "naming.must_be_empty"   553 "5.1.3" "" 422;
    IdentifierLength     "identifier.length"      501 "5.5.4" "" 422;
    IdentifierCharacter  "identifier.character"   501 "5.5.4" "" 422;
    IdentifierKey        "identifier.key"         501 "5.5.4" "" 422;
    // files of lines (domain::csv), imports
    CsvHeader            "csv.header"             501 "5.5.4" "" 422;
    CsvEncoding          "csv.encoding"           501 "5.5.4" "" 422;
    CsvLine              "csv.line"               501 "5.5.4" "" 422;
    CsvEmpty             "csv.empty"              501 "5.5.4" "" 422;
    ImportRepeated       "import.repeated"        550 "5.5.1" "ALREADYEXISTS" 409;
    ImportOtherName      "import.other_name"      550 "5.5.1" "CANNOT" 409;
    ImportRunning        "import.running"         451 "4.3.0" "INUSE" 409;
    // ours
    Unavailable          "system.unavailable"     451 "4.3.0" "UNAVAILABLE" 503;
    StorageFull          "system.storage_full"    452 "4.3.1" "UNAVAILABLE" 507;
    Defect               "system.defect"          451 "4.3.0" "SERVERBUG" 500;
    // our own certificates
    KeyElsewhere         "certificate.key_elsewhere" 554 "5.7.1" "" 409;
    // outbound (transfer): why a delivery attempt ended as it did
    TransferDns          "transfer.dns"           451 "4.4.3" "" 502;
    TransferDnssec       "transfer.dnssec"        451 "4.4.3" "" 502;
    TransferNoRoute      "transfer.no_route"      550 "5.4.4" "" 502;
    TransferConnect      "transfer.connect"       451 "4.4.1" "" 502;
    TransferCut          "transfer.cut"           451 "4.4.2" "" 502;
    TransferNoStartTls   "transfer.no_starttls"   451 "4.7.0" "" 502;
    TransferTls          "transfer.tls"           451 "4.7.5" "" 502;
    TransferServerNotListed "transfer.server_not_listed" 451 "4.7.5" "" 502;
    TransferConnector    "transfer.connector"     451 "4.7.5" "" 502;
    TransferExpired      "transfer.expired"       554 "5.4.7" "" 504;
    TransferProtocol     "transfer.protocol"      451 "4.5.0" "" 502;
    TransferNo8Bit       "transfer.no_8bit"       554 "5.6.3" "" 502;
    TransferNoSmtpUtf8   "transfer.no_smtputf8"   553 "5.6.7" "" 502;
    TransferRefused      "transfer.refused"       550 "5.0.0" "" 502;
    TransferPutOff       "transfer.put_off"       451 "4.3.0" "" 502;
    TransferNullMx       "transfer.null_mx"       556 "5.1.10" "" 502;
    TransferOwnMx        "transfer.own_mx"        554 "5.4.6" "" 502;
    TransferSigned       "transfer.signed"        554 "5.6.2" "" 502;
    TransferNoRequireTls "transfer.no_requiretls" 554 "5.7.30" "" 502;
    TransferReturned     "transfer.returned"      554 "5.3.0" "" 502;
    TransferDeleted      "transfer.deleted"       554 "5.3.0" "" 502;
    TransferDomainLeft   "transfer.domain_left"   554 "5.7.1" "" 502;
}

/// A refusal with what its sentence names (`{domain}`, `{limit}`…). Never holds content or a secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code.as_str())]
pub struct Refusal {
    /// Why.
    pub code: RefusalCode,
    /// Placeholders of the sentence.
    pub args: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal whose sentence names nothing.
    pub fn new(code: RefusalCode) -> Self {
        Self { code, args: Vec::new() }
    }
    /// Adds a placeholder's value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((name, value.to_string()));
        self
    }
    /// The sentence in `lang`: what happened and what to do. One line: controls in values become spaces.
    pub fn sentence(&self, lang: Lang) -> String {
        self.sentence_with(lang, VALUE)
    }
    fn sentence_with(&self, lang: Lang, longest: usize) -> String {
        let clean: Vec<(&str, String)> = self.args.iter().map(|(k, v)| (*k, one_line(v, longest))).collect();
        let args: Vec<(&str, &str)> = clean.iter().map(|(k, v)| (*k, v.as_str())).collect();
        text(lang, &format!("refusal.{}", self.code.as_str()), &args)
    }
    /// Both sentences for a protocol line, French first: `FR / EN` in printable ASCII, cut so that
    /// [`Refusal::smtp_reply`] fits a reply line of RFC 5321.
    pub fn smtp_text(&self) -> String {
        // "554 5.7.1 " before, " [peer.expired]" and CRLF after.
        let around = 4 + self.code.enhanced().len() + 1 + 3 + self.code.as_str().len() + 2;
        let room = SMTP_LINE - around - " / ".len();
        let ascii = |lang, longest| to_ascii(&self.sentence_with(lang, longest));
        let (mut fr, mut en) = (String::new(), String::new());
        // Long values give way before the sentence around them does.
        for longest in SMTP_VALUES {
            (fr, en) = (ascii(Lang::Fr, longest), ascii(Lang::En, longest));
            if fr.len() + en.len() <= room {
                return format!("{fr} / {en}");
            }
        }
        // Each gets half, and what the other leaves.
        let (fr_len, en_len) = (fr.len(), en.len());
        cut(&mut fr, (room / 2).max(room.saturating_sub(en_len)));
        cut(&mut en, (room / 2).max(room.saturating_sub(fr_len)));
        format!("{fr} / {en}")
    }
    /// The whole SMTP reply line without CRLF, e.g. `554 5.7.1 … / … [peer.expired]`.
    pub fn smtp_reply(&self) -> String {
        let c = self.code;
        format!("{} {} {} [{}]", c.smtp(), c.enhanced(), self.smtp_text(), c.as_str())
    }
    /// True when trying again later may help (SMTP 4xx).
    pub fn is_temporary(&self) -> bool {
        self.code.smtp() < 500
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Debug for Refusal {
    /// Writes the code and the placeholders; an address only by its domain, so that no local part reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Refusal");
        out.field("code", &self.code.as_str());
        for (name, value) in &self.args {
            match *name {
                "address" => out.field(name, &value.rsplit_once('@').map_or("…", |(_, domain)| domain)),
                // A peer's reply may quote an address.
                "reply" => out.field(name, &"…"),
                _ => out.field(name, value),
            };
        }
        out.finish()
    }
}

/// `value` in one line of at most `longest` characters.
fn one_line(value: &str, longest: usize) -> String {
    let mut chars = value.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c });
    let mut out: String = chars.by_ref().take(longest).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// Cuts ASCII text to `room` octets, marking the cut.
fn cut(text: &mut String, room: usize) {
    if text.len() > room {
        text.truncate(room.saturating_sub(3));
        text.push_str("...");
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
