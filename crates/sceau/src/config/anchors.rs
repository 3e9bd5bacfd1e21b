//! `[anchors]` and `[white_list]`: whom we trust, for what, and where the signed list of operators comes from.
use super::{AnchorSet, EnvironmentName};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[anchors]`: PEM files, roots and intermediates.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorsSection {
    /// Other operators.
    #[serde(default)]
    pub peers: Vec<PathBuf>,
    /// Signer of the white list.
    #[serde(default)]
    pub list_signer: Vec<PathBuf>,
    /// HTTPS server of the white list.
    #[serde(default)]
    pub list_server: Vec<PathBuf>,
    /// CPS cards.
    #[serde(default)]
    pub cps: Vec<PathBuf>,
    /// Applicative clients.
    #[serde(default)]
    pub clients: Vec<PathBuf>,
    /// Structures' own servers.
    #[serde(default)]
    pub connectors: Vec<PathBuf>,
    /// HTTPS servers of identity providers; none: the system's authorities.
    #[serde(default)]
    pub providers: Vec<PathBuf>,
    /// Revocation lists, PEM or DER.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
    /// Words that a test authority has in its name: an anchor with one of them does not count in production, whoever put it there.
    #[serde(default = "test_words")]
    pub test_words: Vec<String>,
    /// Anchors of the production environment: in force there, known in the test one so that refusals say why.
    #[serde(default)]
    pub production: AnchorSet,
    /// Anchors of the test environment, likewise.
    #[serde(default)]
    pub test: AnchorSet,
}

impl Default for AnchorsSection {
    fn default() -> Self {
        let none = Vec::new;
        Self {
            peers: none(),
            list_signer: none(),
            list_server: none(),
            cps: none(),
            clients: none(),
            connectors: none(),
            providers: none(),
            crls: none(),
            test_words: test_words(),
            production: AnchorSet::default(),
            test: AnchorSet::default(),
        }
    }
}

impl AnchorsSection {
    /// Those in force in an environment: these, and the environment's own.
    pub fn in_force(&self, environment: EnvironmentName) -> AnchorSet {
        let own = match environment {
            EnvironmentName::Production => &self.production,
            EnvironmentName::Test => &self.test,
        };
        let both = |a: &[PathBuf], b: &[PathBuf]| [a, b].concat();
        AnchorSet {
            peers: both(&self.peers, &own.peers),
            list_signer: both(&self.list_signer, &own.list_signer),
            list_server: both(&self.list_server, &own.list_server),
            cps: both(&self.cps, &own.cps),
            clients: both(&self.clients, &own.clients),
            connectors: both(&self.connectors, &own.connectors),
            providers: both(&self.providers, &own.providers),
        }
    }
    /// Those of the other environment.
    pub fn elsewhere(&self, environment: EnvironmentName) -> &AnchorSet {
        match environment {
            EnvironmentName::Production => &self.test,
            EnvironmentName::Test => &self.production,
        }
    }
}

/// `[white_list]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhiteListSection {
    /// HTTPS address.
    pub url: String,
    /// CN of the signer.
    pub signer_cn: String,
    /// CN of the authority that issued the signer's certificate.
    pub issuer_cn: String,
    /// Seconds between two fetches.
    #[serde(default = "hourly")]
    pub every_seconds: u64,
    /// Largest document, bytes.
    #[serde(default = "list_bytes")]
    pub max_bytes: usize,
    /// Seconds for a whole fetch.
    #[serde(default = "minute")]
    pub timeout_seconds: u64,
    /// Hours after which a list that the authority has not renewed raises an alarm.
    #[serde(default = "week")]
    pub old_hours: u64,
}

fn test_words() -> Vec<String> {
    vec!["TEST".into()]
}
fn hourly() -> u64 {
    3600
}
fn minute() -> u64 {
    60
}
fn week() -> u64 {
    168
}
fn list_bytes() -> usize {
    32 << 20
}
