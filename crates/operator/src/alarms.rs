//! Alarms for the people in charge: durable, deduplicated, stable codes (F269).
use sceau_domain::Timestamp;
use serde::Serialize;

/// An alarm, as listed.
#[derive(Debug, Clone, Serialize)]
pub struct AlarmView {
    /// Stable code, e.g. `white_list.fetch`, `white_list.signature`, `white_list.rollback`, `store.full`, `transfer.tls`.
    pub code: String,
    /// What it is about (domain, certificate…), may be empty.
    pub subject: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// Sentence in French.
    pub fr: String,
    /// Sentence in English.
    pub en: String,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// How many times.
    pub count: i64,
    /// Who acknowledged it, and when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// When the cause went away.
    pub cleared: Option<Timestamp>,
}
