//! What can be asked over the administration socket.
use serde::{Deserialize, Serialize};

/// A request. New ones are only ever added; unknown ones are answered with `syntax.unknown`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[allow(missing_docs)] // each variant is the CLI subcommand of the same name, documented in docs/cli.md
pub enum Request {
    BalClose { address: String, reason: Option<String> },
}

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What was asked, as `--json` shows it.
    Ok(serde_json::Value),
    /// A refusal.
    Refused {
        /// Stable code.
        code: String,
        /// Sentence in French.
        fr: String,
        /// Sentence in English.
        en: String,
    },
}
