//! The probative log: acts record their trace in their own transaction; reading is traced in batches at most five seconds late.
use sceau_domain::Timestamp;
use serde::Serialize;

/// A trace, as listed.
#[derive(Debug, Clone, Serialize)]
pub struct TraceView {
    /// Id (time-ordered).
    pub id: i64,
    /// `Functional` or `Technical`.
    pub kind: String,
    /// Stable act code, e.g. `mail.accepted`, `mail.refused`, `mail.submitted`, `mail.delivered`, `mail.transferred`, `login.ok`, `login.failed`, `bal.opened`.
    pub act: String,
    /// When.
    pub at: Timestamp,
    /// Login of the person, or the peer's DN, or `system`.
    pub actor: String,
    /// BAL address, when one is concerned.
    pub bal: Option<String>,
    /// Remote address.
    pub remote: Option<String>,
    /// Session id.
    pub session: Option<String>,
    /// `ok` or a refusal's code.
    pub outcome: String,
    /// Other facts, never content.
    pub data: serde_json::Value,
}

/// What to list.
#[derive(Debug, Clone, Default, Serialize, serde::Deserialize)]
pub struct TraceFilter {
    /// Only this act (prefix match on dots: `mail` lists all `mail.*`).
    pub act: Option<String>,
    /// Only this BAL address.
    pub bal: Option<String>,
    /// Only this actor.
    pub actor: Option<String>,
    /// Since (inclusive).
    pub since: Option<Timestamp>,
    /// Only ids greater than this one, oldest first (to follow); otherwise newest first.
    pub after: Option<i64>,
    /// At most (default 50, at most 1000).
    pub limit: Option<u32>,
}

use crate::{Actor, Operator};
use sceau_domain::Refusal;

impl Operator {
    /// Lists traces; consulting them is itself traced.
    pub async fn traces(&self, actor: &Actor, filter: &TraceFilter) -> Result<Vec<TraceView>, Refusal> {
        let _ = (actor, filter);
        todo!()
    }
}
