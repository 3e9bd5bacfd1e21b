//! Where things are kept: `[store]`, `[blobs]`, `[keys]`, `[notary]`.
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[store]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// SQLite file, or `postgres://…`.
    pub url: String,
    /// Connections of this node to PostgreSQL, for the data.
    #[serde(default = "connections")]
    pub connections: usize,
    /// Folder of spools: messages on their way in. Always local, never shared between nodes.
    pub spools: PathBuf,
}

/// `[blobs]`: content above the inline limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobsSection {
    /// Folder, or `s3://bucket/prefix`.
    pub url: String,
    /// S3: address of the service, `https://…` (or `http://` on loopback); else the variable `AWS_ENDPOINT_URL`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// S3: region.
    #[serde(default = "region")]
    pub region: String,
    /// S3: file (mode 0600) with two lines, access key and secret key; else the variables `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`.
    #[serde(default)]
    pub credentials: Option<PathBuf>,
    /// S3: authorities that judge the certificate of the service, a PEM file; the machine's own when absent.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// S3: seconds for one request, tries included; then the sender is asked to come back.
    #[serde(default = "patience")]
    pub timeout_seconds: u64,
}

/// `[keys]`: apart from the data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysSection {
    /// SQLite file or `postgres://…` of the keyring.
    pub keyring: String,
    /// Master key: a file (mode 0600), `env:NAME` (64 hexadecimal digits in a variable), or `pkcs11:` (see `docs/operator.md`).
    pub master: String,
}

/// `[notary]`: checkpoints of the probative log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotarySection {
    /// File, outside the database, to which every checkpoint is appended.
    pub checkpoints: PathBuf,
    /// Seconds between two checkpoints.
    #[serde(default = "every")]
    pub every_seconds: u64,
    /// Legal hold: why traces are not purged although their retention is over. Absent: they are. The same on every node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<String>,
}

impl Default for NotarySection {
    fn default() -> Self {
        Self { checkpoints: "checkpoints/checkpoints.jsonl".into(), every_seconds: every(), legal_hold: None }
    }
}

fn connections() -> usize {
    12
}
fn region() -> String {
    "us-east-1".into()
}
fn patience() -> u64 {
    20
}
fn every() -> u64 {
    5
}
