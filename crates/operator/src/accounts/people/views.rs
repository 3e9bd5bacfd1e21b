//! What is said of a person, and what can be asked to be changed. Field names are those of `--json` and of REST.
use sceau_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person to add. Whoever administers a structure adds people within it: `structure`, and a national identifier or a reasoned exemption.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// Login: lower-case letters, digits, `.`, `-`, `_`. It never changes.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$", example = "claire.exemple")]
    pub login: String,
    /// Name as shown; given and family name when absent or empty.
    #[serde(default)]
    #[schema(max_length = 120, example = "Dr Claire Exemple")]
    pub name: String,
    /// National identifier (RPPS or ADELI), checked; nobody else's.
    #[schema(example = "10000000017")]
    pub national_id: Option<String>,
    /// First names, as certified.
    #[serde(default)]
    #[schema(max_length = 120, example = "Claire")]
    pub given_name: Option<String>,
    /// Family name, as certified.
    #[serde(default)]
    #[schema(max_length = 120, example = "Exemple")]
    pub family_name: Option<String>,
    /// Profession (code of the reference table).
    #[serde(default)]
    #[schema(max_length = 20, pattern = "^[A-Za-z0-9._-]*$", example = "10")]
    pub profession: Option<String>,
    /// Speciality (likewise).
    #[serde(default)]
    #[schema(max_length = 20, pattern = "^[A-Za-z0-9._-]*$", example = "SM04")]
    pub speciality: Option<String>,
    /// May exchange health data.
    #[serde(default)]
    #[schema(example = true)]
    pub habilitated: bool,
    /// Telephone.
    #[serde(default)]
    #[schema(max_length = 60, example = "+33199001234")]
    pub phone: Option<String>,
    /// Structure (code) in which the person works.
    #[serde(default)]
    #[schema(max_length = 64, example = "chu-exemple")]
    pub structure: Option<String>,
    /// As what.
    #[serde(default)]
    #[schema(max_length = 120, example = "Praticien hospitalier")]
    pub function: Option<String>,
    /// Exemption from the national identifier.
    #[serde(default)]
    pub exemption: Option<Exemption>,
}

/// Whom to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleQuery {
    /// Words, each of which stands in the login, in a name or in the ordinary address, without regard to case and accents; or a whole national identifier.
    pub text: Option<String>,
    /// Who works in the structure with this code.
    pub structure: Option<String>,
    /// Those alone of whom this is so.
    pub only: Option<Only>,
}

/// What waits for somebody, of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// The identity is not certified.
    Uncertified,
    /// Blocked.
    Blocked,
}

/// An exemption from the national identifier, where no registration authority exists (F010).
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// Identifier that the structure's responsible gives: letters, digits, `-_./`; it may not look like a national one.
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._/-]+$", example = "CHU-00042")]
    pub identifier: String,
    /// Why.
    #[schema(min_length = 1, max_length = 300, example = "Secrétaire médicale : aucune autorité d'enregistrement")]
    pub reason: String,
    /// Until when, at most three years ahead.
    #[schema(value_type = i64, example = 1_830_000_000_000_i64)]
    pub until: Timestamp,
}

/// Changes of a person; what is absent stays, an empty text clears. The person changes the telephone alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonChange {
    /// Name as shown.
    #[schema(max_length = 120)]
    pub name: Option<String>,
    /// First names.
    #[schema(max_length = 120)]
    pub given_name: Option<String>,
    /// Family name.
    #[schema(max_length = 120)]
    pub family_name: Option<String>,
    /// National identifier.
    pub national_id: Option<String>,
    /// Profession.
    #[schema(max_length = 20, pattern = "^[A-Za-z0-9._-]*$")]
    pub profession: Option<String>,
    /// Speciality.
    #[schema(max_length = 20, pattern = "^[A-Za-z0-9._-]*$")]
    pub speciality: Option<String>,
    /// May exchange health data.
    pub habilitated: Option<bool>,
    /// Telephone.
    #[schema(max_length = 60, example = "+33199001234")]
    pub phone: Option<String>,
}

impl PersonChange {
    /// Does it touch more than means of contact?
    pub fn is_of_identity(&self) -> bool {
        let texts =
            [&self.name, &self.given_name, &self.family_name, &self.national_id, &self.profession, &self.speciality];
        self.habilitated.is_some() || texts.iter().any(|t| t.is_some())
    }
}

/// A code of a reference table.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Code {
    /// Code.
    pub code: String,
    /// What it means, when its table was imported and has it.
    pub label: Option<String>,
    /// Was it found in an imported table?
    pub verified: bool,
}

/// An exemption as kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExemptionView {
    /// Identifier given by the structure.
    pub identifier: String,
    /// Why.
    pub reason: String,
    /// Until when.
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
    /// Does it stand now? One that is over counts as none.
    pub stands: bool,
}

/// How an identity was certified.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Certification {
    /// `none`, `operator`, `structure`, `card`, `psc`.
    pub how: String,
    /// When.
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// By whom (login).
    pub by: Option<String>,
}

/// A person's ordinary address, outside the trust space.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Ordinary {
    /// The address.
    pub address: String,
    /// When the person showed that it reaches him or her.
    #[schema(value_type = Option<i64>)]
    pub verified: Option<Timestamp>,
    /// What became of the last link that was sent: `waiting`, `sent`, `refused`, `expired`.
    pub notice: Option<String>,
    /// Why, when it was refused or expired.
    pub cause: Option<String>,
}

/// Work in a structure.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MembershipView {
    /// Code of the structure.
    pub structure: String,
    /// Its name.
    pub structure_name: String,
    /// As what.
    pub function: String,
    /// Since.
    #[schema(value_type = i64)]
    pub since: Timestamp,
    /// Until, when over.
    #[schema(value_type = Option<i64>)]
    pub ended: Option<Timestamp>,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Login.
    pub login: String,
    /// Name as shown.
    pub name: String,
    /// First names.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// RPPS or ADELI.
    pub national_id: Option<String>,
    /// Exemption from the national identifier.
    pub exemption: Option<ExemptionView>,
    /// The identifier that is published: national, else of the exemption, else the address of the personal BAL.
    pub published_identifier: Option<String>,
    /// Profession.
    pub profession: Option<Code>,
    /// Speciality.
    pub speciality: Option<Code>,
    /// May exchange health data.
    pub habilitated: bool,
    /// Certification of the identity.
    pub identity: Certification,
    /// Ordinary address.
    pub email: Option<Ordinary>,
    /// Telephone.
    pub phone: Option<String>,
    /// Is an administrator of the operator.
    pub administrator: bool,
    /// Work in structures, past ones too.
    pub memberships: Vec<MembershipView>,
    /// BALs: address and role.
    #[schema(value_type = Vec<Vec<String>>)]
    pub bals: Vec<(String, String)>,
    /// Since when blocked.
    #[schema(value_type = Option<i64>)]
    pub blocked: Option<Timestamp>,
    /// Grows with each change.
    pub version: i64,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}
