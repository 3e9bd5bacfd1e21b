//! What can be asked over the administration socket.
use sceau_domain::{DomainKind, DomainName, Timestamp};
use sceau_operator::accounts::{NewBal, NewPerson};
use sceau_operator::traces::TraceFilter;
use serde::{Deserialize, Serialize};

/// A request. New ones are only ever added; unknown ones are answered with `syntax.unknown`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[allow(missing_docs)] // each variant is the CLI subcommand of the same name, documented in docs/cli.md
pub enum Request {
    DomainAdd { name: DomainName, kind: DomainKind },
    DomainList,
    DomainShow { name: DomainName },
    PersonAdd(NewPerson),
    PersonList { after: Option<String>, limit: u32 },
    PersonShow { login: String },
    BalAdd(NewBal),
    BalList { domain: Option<DomainName>, after: Option<String>, limit: u32 },
    BalShow { address: String },
    BalClose { address: String, reason: Option<String> },
    TokenCreate { login: String, bal: Option<String>, label: String, expires: Option<Timestamp> },
    TokenList { login: Option<String> },
    TokenRevoke { id: i64 },
    QueueList { destination: Option<DomainName>, after: Option<i64>, limit: u32 },
    QueueShow { id: i64 },
    QueueRetry { what: RetryWhat },
    TraceList(TraceFilter),
    TraceProve { id: i64, since: Option<sceau_notary::Checkpoint> },
    TraceSettle { id: i64, reason: String },
    TraceKeys,
    TraceKeyRotate,
    // `trace verify` reads the log by pages and judges it itself.
    LogOverview,
    LogPage { from: i64 },
    LogUnsealed { after: i64 },
    AlarmList { all: bool },
    AlarmAck { code: String, subject: String },
    NodeAdd { number: u16, name: String },
    NodeList,
    TrustRefresh,
    BackupStart { folder: std::path::PathBuf, keep: Option<u32> },
    BackupStatus,
    Reindex { bal: Option<String> },
    ReindexState { bal: Option<String> },
}

/// What to try again at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryWhat {
    /// One entry.
    Entry(i64),
    /// Every entry of a destination.
    Destination(DomainName),
    /// Everything.
    All,
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
