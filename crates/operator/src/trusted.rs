//! The white list's life: fetch, verify, put in force, keep the last good copy, diff, alarms.
use crate::Operator;
use sceau_domain::{Refusal, Timestamp};
use serde::Serialize;

/// What a refresh did.
#[derive(Debug, Clone, Serialize)]
pub struct RefreshView {
    /// True when a newer list was put in force.
    pub changed: bool,
    /// Generation of the list in force.
    pub generated: Option<Timestamp>,
    /// Domains that came, went, or changed certificates.
    pub added: Vec<String>,
    /// Gone.
    pub removed: Vec<String>,
    /// Other DNs.
    pub altered: Vec<String>,
    /// Why the fetched list was not put in force (stable alarm code and text).
    pub error: Option<(String, String)>,
}

impl Operator {
    /// Puts the last good copy kept in the store in force (judged again).
    pub(crate) async fn restore_white_list(&self) -> Result<(), Refusal> {
        todo!()
    }
    /// Fetches and judges the list; puts it in force or raises an alarm and keeps the last good one.
    pub async fn refresh_white_list(&self) -> Result<RefreshView, Refusal> {
        todo!()
    }
}
