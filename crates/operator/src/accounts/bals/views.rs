//! What is asked of BALs and shown of them. Field names are those of `--json` and of `docs/cli.md`.
use crate::accounts::structures::views::ProcessingLink;
use sceau_domain::{Address, BalKind, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A BAL to open.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"address": "cardiologie@hopital.mssante.fr", "kind": "Org", "name": "Service de cardiologie", "holders": ["anne.martin"],
    "members": ["bruno.petit"], "description": "Avis et comptes rendus", "service": "Cardiologie"}))]
pub struct NewBal {
    /// Address in one of our domains.
    #[schema(value_type = String, min_length = 3, max_length = 254)]
    pub address: Address,
    /// `Per`, `Org`, `App`, `Cab` or `Med`.
    #[schema(value_type = String, pattern = "^(Per|Org|App|Cab|Med)$")]
    pub kind: BalKind,
    /// Name as shown.
    pub name: String,
    /// Code of the structure that it belongs to.
    #[serde(default)]
    pub structure: Option<String>,
    /// Test BAL (F029).
    #[serde(default)]
    pub test: bool,
    /// May exchange with other operators; not a person's without a card, if so decided (F005).
    #[serde(default = "yes")]
    pub reachable: bool,
    /// Quota, bytes; the default of the policy when absent.
    #[serde(default)]
    pub quota: Option<u64>,
    /// Logins: the holder of a PER or MED; the responsible ones (at least one) of an ORG, APP or CAB.
    pub holders: Vec<String>,
    /// Ordinary address for notifications of the one holder or responsible person, outside the trust space (F063): set, and its link sent, in the same
    /// act. Where several are responsible, each has one (`PUT /people/{login}/email`).
    #[serde(default)]
    #[schema(max_length = 254)]
    pub notification_address: Option<String>,
    /// Logins of the members of an ORG or CAB, of the machine of an APP.
    #[serde(default)]
    pub members: Vec<String>,
    /// Functional description, at most 75 characters.
    #[serde(default)]
    pub description: String,
    /// Text about the responsible people, at most 45 characters; empty for a PER.
    #[serde(default)]
    pub responsible: String,
    /// Service, at most 90 characters.
    #[serde(default)]
    pub service: String,
    /// On the liste rouge; not chosen when absent (F091, F094).
    #[serde(default)]
    pub red_list: Option<bool>,
    /// Telephone published (F092).
    #[serde(default)]
    pub phone_published: Option<bool>,
    /// Zéro papier (F093).
    #[serde(default)]
    pub paperless: Option<bool>,
    /// Reason for a name that the naming rules refuse (EX_PBA_5020); only the operator's administrators, traced.
    #[serde(default)]
    pub naming_override: Option<String>,
    /// Reason for a place or people that the operator's rules do not take (F163); only the operator's administrators, traced.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub eligibility_override: Option<String>,
}

fn yes() -> bool {
    true
}

impl NewBal {
    /// A reachable BAL of which nothing but this is asked.
    pub fn new(address: Address, kind: BalKind, name: &str, holders: &[&str]) -> Self {
        Self {
            address,
            kind,
            name: name.to_owned(),
            structure: None,
            test: false,
            reachable: true,
            quota: None,
            holders: holders.iter().map(|h| (*h).to_owned()).collect(),
            notification_address: None,
            members: Vec::new(),
            description: String::new(),
            responsible: String::new(),
            service: String::new(),
            red_list: None,
            phone_published: None,
            paperless: None,
            naming_override: None,
            eligibility_override: None,
        }
    }
}

/// A BAL.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BalView {
    /// Address.
    pub address: String,
    /// Kind.
    #[schema(value_type = String)]
    pub kind: BalKind,
    /// Name.
    pub name: String,
    /// Code of the structure that it belongs to.
    pub structure: Option<String>,
    /// Test BAL.
    pub test: bool,
    /// Reachable from the trust space.
    pub reachable: bool,
    /// `active`, `suspended`, `blocked`, `closing` or `closed`.
    pub state: String,
    /// Is its absence answered at this moment?
    #[serde(default)]
    pub absent: bool,
    /// When a closing BAL is closed for good.
    #[schema(value_type = Option<i64>)]
    pub closing_at: Option<Timestamp>,
    /// Functional description.
    pub description: String,
    /// Text about the responsible people.
    pub responsible: String,
    /// Service.
    pub service: String,
    /// On the liste rouge; null until somebody with the right has chosen.
    pub red_list: Option<bool>,
    /// Telephone published; null until chosen.
    pub phone_published: Option<bool>,
    /// Zéro papier; null until chosen.
    pub paperless: Option<bool>,
    /// Quota, bytes.
    pub quota: u64,
    /// Bytes used.
    pub used: u64,
    /// Messages.
    pub messages: u64,
    /// Open access: login and role.
    #[schema(value_type = Vec<Vec<String>>)]
    pub access: Vec<(String, String)>,
    /// Who processes personal data, from the controller on (F152). Told where one BAL is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processing: Vec<ProcessingLink>,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
    /// Grows with each change: what the ETag says.
    pub version: i64,
}

/// Which BALs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BalQuery {
    /// Of this domain.
    pub domain: Option<String>,
    /// Of the structure with this code.
    pub structure: Option<String>,
    /// Of this kind.
    pub kind: Option<BalKind>,
    /// In this state.
    pub state: Option<String>,
    /// With this in the address or the name.
    pub text: Option<String>,
    /// Only open ones for which somebody stands whose ordinary address is missing, unconfirmed or wrong (F063).
    pub lacks_notification_address: bool,
}

/// What changes of a BAL; absent: stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "Avis et comptes rendus", "service": "Cardiologie"}))]
pub struct BalEdit {
    /// Name as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Functional description, at most 75 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Text about the responsible people, at most 45 characters; empty for a PER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible: Option<String>,
    /// Service, at most 90 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Code of the structure that it belongs to; null: of none. Only the operator's administrators change it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub structure: Option<Option<String>>,
    /// Reason for a name or description that the naming rules refuse; only the operator's administrators, traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naming_override: Option<String>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(d).map(Some)
}

/// Choices about a BAL; absent: stays as it is. None is ever made for anybody (F094).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"red_list": true}))]
pub struct BalChoices {
    /// On the liste rouge: hidden in directories and in other users' completion (F091).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red_list: Option<bool>,
    /// Telephone published (F092).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_published: Option<bool>,
    /// Zéro papier (F093).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paperless: Option<bool>,
}

/// For whom an address is wanted: a person or a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuggestFor {
    /// `prenom.nom`.
    Person {
        /// First names.
        given: String,
        /// Family name.
        family: String,
    },
    /// `nomdelastructure`, for the structure with this code.
    Structure(String),
}

/// An address that could be opened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Suggested {
    /// The address; free at this moment.
    pub address: String,
    /// Another one has the name without a number: a homonym, or the same person.
    pub homonym: bool,
}
