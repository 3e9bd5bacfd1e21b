//! What is said of a structure and of a regional body, and what can be asked to be changed. Field names are those of `--json` and of REST.
use sceau_domain::{ConventionState, Opening, Processing, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Postal {
    /// Lines before the town.
    #[schema(max_items = 4, example = json!(["1 rue de l'Exemple"]))]
    pub lines: Vec<String>,
    /// Postal code.
    #[schema(max_length = 12, example = "75000")]
    pub postcode: String,
    /// Town.
    #[schema(max_length = 120, example = "Paris")]
    pub town: String,
}

/// Who is asked: the référent métier of a structure (F014), the contact of a regional body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contact {
    /// Name.
    #[schema(max_length = 120, example = "Dominique Exemple")]
    pub name: String,
    /// Function.
    #[schema(max_length = 120, example = "Référent métier")]
    pub function: String,
    /// Address.
    #[schema(max_length = 254, example = "referent@exemple.fr")]
    pub email: String,
    /// Telephone.
    #[schema(max_length = 60, example = "+33199001234")]
    pub phone: String,
}

/// A structure to add.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStructure {
    /// Code: lower-case letters, digits, inner hyphens. It never changes.
    #[schema(min_length = 1, max_length = 64, example = "chu-exemple")]
    pub code: String,
    /// Name.
    #[schema(min_length = 1, max_length = 120, example = "CHU de l'Exemple")]
    pub name: String,
    /// Category (code of the reference table).
    #[serde(default)]
    #[schema(max_length = 20, example = "101")]
    pub category: Option<String>,
    /// FINESS of the legal entity.
    #[serde(default)]
    #[schema(example = "990000002")]
    pub finess_ej: Option<String>,
    /// FINESS of the establishment.
    #[serde(default)]
    #[schema(example = "990000010")]
    pub finess_eg: Option<String>,
    /// SIRET.
    #[serde(default)]
    #[schema(example = "10000000900017")]
    pub siret: Option<String>,
    /// Postal address.
    #[serde(default)]
    pub address: Postal,
    /// Référent métier.
    #[serde(default)]
    pub contact: Contact,
    /// Territory, by its code.
    #[serde(default)]
    #[schema(max_length = 20, example = "FR-75")]
    pub territory: Option<String>,
}

/// Changes of a structure's particulars; what is absent stays, an empty text clears, an address or contact is replaced as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StructureChange {
    /// Name.
    #[schema(min_length = 1, max_length = 120, example = "CHU de l'Exemple")]
    pub name: Option<String>,
    /// Category.
    #[schema(max_length = 20)]
    pub category: Option<String>,
    /// FINESS of the legal entity.
    pub finess_ej: Option<String>,
    /// FINESS of the establishment.
    pub finess_eg: Option<String>,
    /// SIRET.
    pub siret: Option<String>,
    /// Postal address.
    pub address: Option<Postal>,
    /// Référent métier.
    pub contact: Option<Contact>,
    /// Territory.
    #[schema(max_length = 20)]
    pub territory: Option<String>,
}

/// Where a convention stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Convention {
    /// `none`, `draft`, `signed`, `ended`.
    #[schema(value_type = String, example = "signed")]
    pub state: ConventionState,
    /// Its reference; needed once signed.
    #[serde(default)]
    #[schema(max_length = 120, example = "CONV-2026-017")]
    pub reference: Option<String>,
    /// In force from; needed once signed.
    #[serde(default)]
    #[schema(value_type = Option<i64>, example = 1_767_225_600_000_i64)]
    pub from: Option<Timestamp>,
    /// In force until.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
}

/// What the operator settles of a structure; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settlement {
    /// Convention, as a whole.
    pub convention: Option<Convention>,
    /// Mail domains, all of them.
    #[schema(max_items = 200)]
    pub domains: Option<Vec<String>>,
    /// Regional body that follows it (code); empty: none.
    #[schema(max_length = 64)]
    pub body: Option<String>,
    /// Who opens its BALs: `delegated`, `operator`, `self`.
    #[schema(value_type = Option<String>, example = "delegated")]
    pub opening: Option<Opening>,
}

/// One who processes personal data of the structure's BALs (F152).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessingLink {
    /// `controller`, `processor`, `recipient`.
    #[schema(value_type = String)]
    pub role: Processing,
    /// Who.
    pub name: String,
}

/// Who followed a structure, from when to when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowingView {
    /// Regional body (code).
    pub body: String,
    /// Since.
    #[schema(value_type = i64)]
    pub since: Timestamp,
    /// Until, when over.
    #[schema(value_type = Option<i64>)]
    pub ended: Option<Timestamp>,
}

impl From<sceau_store::structures::Following> for FollowingView {
    fn from(f: sceau_store::structures::Following) -> Self {
        Self { body: f.body, since: Timestamp(f.since), ended: f.ended.map(Timestamp) }
    }
}

/// A structure.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StructureView {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Category.
    pub category: Option<String>,
    /// What the category means, when its table was imported and has it.
    pub category_label: Option<String>,
    /// FINESS of the legal entity.
    pub finess_ej: Option<String>,
    /// FINESS of the establishment.
    pub finess_eg: Option<String>,
    /// SIRET.
    pub siret: Option<String>,
    /// Postal address.
    pub address: Postal,
    /// Référent métier.
    pub contact: Contact,
    /// Regional body that follows it (code).
    pub body: Option<String>,
    /// Regional bodies that follow it or did, oldest first.
    pub followed: Vec<FollowingView>,
    /// Who opens its BALs.
    pub opening: String,
    /// Convention.
    pub convention: Convention,
    /// Mail domains.
    pub domains: Vec<String>,
    /// Territory.
    pub territory: Option<String>,
    /// Logins of its administrators who are not blocked.
    pub administrators: Vec<String>,
    /// People who work there now.
    pub people: i64,
    /// BALs that are not closed.
    pub bals: i64,
    /// Who processes personal data, from the controller on.
    pub processing: Vec<ProcessingLink>,
    /// What is missing: `no_administrator`, `no_contact`, `no_identifier`, `convention_not_in_force`, `no_domain`.
    pub warnings: Vec<String>,
    /// Since when blocked.
    #[schema(value_type = Option<i64>)]
    pub blocked: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}

/// What a regional body may know of a structure that it follows: counts alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct StructureCounts {
    /// Code.
    pub structure: String,
    /// Name.
    pub name: String,
    /// Where its convention stands.
    pub convention: String,
    /// Since when blocked.
    #[schema(value_type = Option<i64>)]
    pub blocked: Option<Timestamp>,
    /// People who work there now.
    pub people: i64,
    /// Those whose identity is certified.
    pub certified: i64,
    /// BALs that are not closed, by kind.
    pub bals: BTreeMap<String, i64>,
    /// BALs by state.
    pub states: BTreeMap<String, i64>,
    /// Requests for BALs that are under way.
    pub openings: i64,
    /// Corrections and requests for help that wait for an answer.
    pub reports: i64,
    /// What is missing, as with the structure.
    pub warnings: Vec<String>,
}

/// A regional body to add.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBody {
    /// Code: lower-case letters, digits, inner hyphens. It never changes.
    #[schema(min_length = 1, max_length = 64, example = "grades-exemple")]
    pub code: String,
    /// Name.
    #[schema(min_length = 1, max_length = 120, example = "GRADeS de l'Exemple")]
    pub name: String,
    /// Whom to ask.
    #[serde(default)]
    pub contact: Contact,
}

/// Changes of a regional body; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BodyChange {
    /// Name.
    #[schema(min_length = 1, max_length = 120, example = "GRADeS de l'Exemple")]
    pub name: Option<String>,
    /// Whom to ask, as a whole.
    pub contact: Option<Contact>,
}

/// A regional body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BodyView {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Whom to ask.
    pub contact: Contact,
    /// Structures that it follows.
    pub structures: i64,
    /// People who work in them now.
    pub people: i64,
    /// Their BALs that are not closed.
    pub bals: i64,
    /// Since when blocked.
    #[schema(value_type = Option<i64>)]
    pub blocked: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}
