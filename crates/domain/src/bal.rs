//! Kinds and flags of BALs and of domains.
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The kind of a BAL (TRE_R257-TypeBAL, and Sceau's own `Usager` and `Med`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BalKind {
    /// Personal (PER): one natural person.
    Per,
    /// Organisational (ORG): several authorised users, a responsible professional.
    Org,
    /// Applicative (APP): a machine.
    App,
    /// Cabinet (CAB): one responsible and co-holders.
    Cab,
    /// A patient's, on the patients' operator only.
    Usager,
    /// Operator-internal, outside MSSanté (F004).
    Med,
}

impl BalKind {
    /// Stable name: `Per`, `Org`, `App`, `Cab`, `Usager`, `Med`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Per => "Per",
            Self::Org => "Org",
            Self::App => "App",
            Self::Cab => "Cab",
            Self::Usager => "Usager",
            Self::Med => "Med",
        }
    }
}

impl FromStr for BalKind {
    type Err = ();
    /// Reads a kind, ignoring ASCII case.
    fn from_str(s: &str) -> Result<Self, ()> {
        [Self::Per, Self::Org, Self::App, Self::Cab, Self::Usager, Self::Med]
            .into_iter()
            .find(|k| k.as_str().eq_ignore_ascii_case(s))
            .ok_or(())
    }
}

/// What restricts a BAL's exchanges, beside its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BalFlags {
    /// A test BAL: no health data, own domains and other domains' test BALs only (F029).
    pub test: bool,
    /// May exchange with other operators of the trust space (F005: false for people without a card).
    pub reachable: bool,
}

impl Default for BalFlags {
    fn default() -> Self {
        Self { test: false, reachable: true }
    }
}

/// The kind of a domain that we operate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DomainKind {
    /// Health professionals, in the production trust space.
    Production,
    /// Test domain.
    Test,
    /// Patients (Mon espace santé).
    Patients,
    /// Internal to the operator, outside MSSanté.
    Internal,
}
impl DomainKind {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "Production",
            Self::Test => "Test",
            Self::Patients => "Patients",
            Self::Internal => "Internal",
        }
    }
}
impl FromStr for DomainKind {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        [Self::Production, Self::Test, Self::Patients, Self::Internal]
            .into_iter()
            .find(|k| k.as_str().eq_ignore_ascii_case(s))
            .ok_or(())
    }
}
