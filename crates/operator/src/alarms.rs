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

use crate::{Actor, Operator};
use sceau_domain::Refusal;

impl Operator {
    /// Alarms, open ones first; `all` shows acknowledged and cleared ones too.
    pub async fn alarms(&self, actor: &Actor, all: bool) -> Result<Vec<AlarmView>, Refusal> {
        let _ = (actor, all);
        todo!()
    }
    /// Acknowledges an alarm. `admin.not_found`.
    pub async fn acknowledge_alarm(&self, actor: &Actor, code: &str, subject: &str) -> Result<(), Refusal> {
        let _ = (actor, code, subject);
        todo!()
    }
    /// Raises an alarm (or counts it once more), in a transaction of its own.
    pub(crate) async fn raise_alarm(&self, code: &'static str, subject: &str, critical: bool, data: serde_json::Value) {
        let _ = (code, subject, critical, data);
        todo!()
    }
    /// The cause is gone.
    pub(crate) async fn clear_alarm(&self, code: &'static str, subject: &str) {
        let _ = (code, subject);
        todo!()
    }
}
