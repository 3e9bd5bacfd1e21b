//! What administration shows and takes. Field names are those of `--json` and of `docs/cli.md`.
use sceau_domain::{DomainKind, DomainName, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A domain that we operate.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DomainView {
    /// Name.
    #[schema(value_type = String)]
    pub name: DomainName,
    /// Kind.
    #[schema(value_type = String)]
    pub kind: DomainKind,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
    /// Is it in the white list in force, with one of our certificates?
    pub listed: bool,
}

/// A role of the asker.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnRole {
    /// `administrator`, `structure`, `region`, `support` or `auditor`.
    pub role: String,
    /// Code of the structure it is for.
    pub structure: Option<String>,
    /// Code of the regional body it is for.
    pub body: Option<String>,
}

/// The asker.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnView {
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// Roles in force.
    pub roles: Vec<OwnRole>,
    /// BALs: address and role.
    #[schema(value_type = Vec<Vec<String>>)]
    pub bals: Vec<(String, String)>,
}

/// A token, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenView {
    /// Id, to revoke it.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// Whose.
    pub login: String,
    /// Only for this BAL, when set.
    pub bal: Option<String>,
    /// `device` (mail programs), `api` (REST), `certificate` (a machine's, which logs in to its BAL), `device_certificate` (a person's), `oauth` (a program
    /// that was let in), `psc`, `card` (whoever comes with these), `web` (a browser's session).
    pub purpose: String,
    /// What it is for.
    pub label: String,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
    /// Until.
    #[schema(value_type = Option<i64>)]
    pub expires: Option<Timestamp>,
    /// Last successful login with it.
    #[schema(value_type = Option<i64>)]
    pub last_used: Option<Timestamp>,
    /// Revoked at.
    #[schema(value_type = Option<i64>)]
    pub revoked: Option<Timestamp>,
    /// From where it was last used: a configured place or a network.
    pub last_place: Option<String>,
    /// What proved whoever made it, e.g. `card`, `password+totp`; empty when that is not known.
    pub strength: String,
    /// What a program that was let in may do: `mail.read`, `mail.send`, `mail.file`, `offline_access`, parted by spaces; none: all that its purpose opens.
    pub scope: Option<String>,
}
