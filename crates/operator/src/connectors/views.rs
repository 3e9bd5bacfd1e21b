//! What is said of connectors, and what can be asked of them. Field names are those of `--json` and of REST.
use sceau_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where mail for a connector's BALs goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConnectorRouteView)]
pub struct RouteView {
    /// Host name or address of the structure's server.
    #[schema(min_length = 1, max_length = 253, example = "mail.chu.exemple.fr")]
    pub host: String,
    /// Its port.
    #[serde(default = "smtp")]
    #[schema(minimum = 1, maximum = 65535, example = 25)]
    pub port: u16,
    /// Name asked for in the handshake, when it is not the host's.
    #[serde(default)]
    #[schema(max_length = 253)]
    pub tls_name: Option<String>,
}

fn smtp() -> u16 {
    25
}

/// A connector to add.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnector {
    /// Name: lower-case letters, digits, inner hyphens. It never changes.
    #[schema(min_length = 1, max_length = 64, example = "chu")]
    pub name: String,
    /// Code of the structure.
    #[schema(min_length = 1, max_length = 64, example = "chu-exemple")]
    pub structure: String,
    /// Domains of the structure that it carries.
    #[schema(min_items = 1, max_items = 200, example = json!(["chu-exemple.mssante.fr"]))]
    pub domains: Vec<String>,
    /// Where mail goes; without it, the connector only sends, and mail is kept here.
    #[serde(default)]
    pub route: Option<RouteView>,
    /// Addresses of the BALs that may send through it; all open BALs of its domains when absent.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub senders: Option<Vec<String>>,
    /// Messages that it may send in an hour; no bound when absent or 0.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub per_hour: u32,
}

/// Changes of a connector; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorChange {
    /// All domains that it carries from now on.
    #[schema(min_items = 1, max_items = 200)]
    pub domains: Option<Vec<String>>,
    /// Where mail goes.
    pub route: Option<RouteView>,
    /// True: it only sends from now on, mail is kept here.
    pub send_only: Option<bool>,
    /// The BALs that may send; all open ones when the list is empty.
    #[schema(max_items = 1000)]
    pub senders: Option<Vec<String>>,
    /// Messages in an hour; 0: no bound.
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub per_hour: Option<u32>,
}

/// A certificate of a connector.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ConnectorCertificateView)]
pub struct CertificateView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// `issued` by our authority, `pinned` (this very one, of another authority), `named` (any of this name that leads to the anchors).
    #[schema(example = "issued")]
    pub kind: String,
    /// Subject.
    pub dn: String,
    /// SHA-256, lower-case hexadecimal; empty for `named`.
    pub fingerprint: String,
    /// PEM, when known.
    pub certificate: Option<String>,
    /// End of validity, when known.
    #[schema(value_type = Option<i64>)]
    pub not_after: Option<Timestamp>,
    /// When it was issued or declared.
    #[schema(value_type = i64)]
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was revoked.
    #[schema(value_type = Option<i64>)]
    pub revoked: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// When the structure's server last showed it.
    #[schema(value_type = Option<i64>)]
    pub seen: Option<Timestamp>,
}

/// A certificate just issued or declared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewCertificateView {
    /// The certificate.
    #[serde(flatten)]
    pub certificate: CertificateView,
    /// The private key that was made for it (PKCS#8, PEM): shown now, and never again.
    pub private_key: Option<String>,
    /// Or key and certificate as a PKCS#12 file (base64): likewise.
    pub pkcs12: Option<String>,
    /// What opens that file: likewise. Send it another way than the file.
    pub password: Option<String>,
}

/// A certificate to issue or to declare: exactly one of the fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewCertificate {
    /// A request (CSR, PEM): a certificate is issued for its key.
    #[schema(max_length = 32_768)]
    pub request: Option<String>,
    /// A certificate that the structure has (PEM): this very one is known from now on.
    #[schema(max_length = 32_768)]
    pub certificate: Option<String>,
    /// A distinguished name: any certificate of this name that leads to the anchors for connectors.
    #[schema(max_length = 2048, example = "CN=mail.chu.exemple.fr,O=CHU de l'Exemple,C=FR")]
    pub dn: Option<String>,
    /// True: key and certificate are made here, and shown once.
    pub make: bool,
    /// True, with `make`: they are shown as a PKCS#12 file under a password, for Windows (Server 2019 and later).
    pub pkcs12: bool,
}

/// A connector.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConnectorView {
    /// Name.
    #[schema(example = "chu")]
    pub name: String,
    /// Code of the structure.
    #[schema(example = "chu-exemple")]
    pub structure: String,
    /// `active`, `suspended`, `ended`.
    #[schema(example = "active")]
    pub state: String,
    /// Why it is suspended or ended.
    pub reason: Option<String>,
    /// Domains.
    #[schema(example = json!(["chu-exemple.mssante.fr"]))]
    pub domains: Vec<String>,
    /// Where mail goes; absent: it only sends.
    pub route: Option<RouteView>,
    /// Addresses that may send; absent: all open BALs of its domains.
    pub senders: Option<Vec<String>>,
    /// Messages in an hour; 0: no bound.
    pub per_hour: i64,
    /// Certificates, oldest first.
    pub certificates: Vec<CertificateView>,
    /// When its server last came.
    #[schema(value_type = Option<i64>)]
    pub seen: Option<Timestamp>,
    /// When it was last refused.
    #[schema(value_type = Option<i64>)]
    pub refused: Option<Timestamp>,
    /// Stable code of that refusal.
    pub refusal: Option<String>,
    /// What is missing: `no_certificate`, `certificate_ends`, `never_seen`.
    pub warnings: Vec<String>,
    /// Version, for `If-Match`.
    pub version: i64,
    /// Created.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}

/// The authority for connectors.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuthorityView {
    /// Name under which structures' servers reach us.
    #[schema(example = "connecteurs.exemple.mssante.fr")]
    pub host: String,
    /// Authority of our own servers' certificates (PEM): what structures trust.
    pub operator: String,
    /// Authority of structures' certificates (PEM).
    pub structures: String,
    /// SHA-256 of the first, lower-case hexadecimal.
    pub operator_fingerprint: String,
    /// SHA-256 of the second.
    pub structures_fingerprint: String,
    /// End of validity.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// Created.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}

/// A file of settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettingsFile {
    /// Name.
    #[schema(example = "sceau-postfix.sh")]
    pub name: String,
    /// Content.
    pub content: String,
}
