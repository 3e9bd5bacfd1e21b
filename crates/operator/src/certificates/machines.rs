//! Ends of the certificates by which machines log in to applicative BALs (F222). They are known by name, and by the one that was last shown under it, so
//! they are no part of the inventory; whoever looks after the machine must hear of the end all the same: its mail stops that day.
//!
//! Promises: an alarm a machine and name, thirty days before and when it is over; gone once a renewed one was shown, or it was taken away; its words
//! hold no address.
use super::{day, kept};
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_store::token_certificates::{self as rows, Ending};
use sceau_store::{StoreError, alarms};
use serde_json::json;
use std::collections::BTreeMap;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Told so long before the end.
const SOON: i64 = 30 * DAY;
/// Looked at in one round; the first to end first.
const MOST: i64 = 1_000;
/// Alarms.
const ENDS: &str = "certificate.machine_ends";
const ENDED: &str = "certificate.machine_ended";

/// What an alarm is about: the machine, and the name that it shows.
fn subject_of(e: &Ending) -> String {
    let name = sceau_trust::Dn::parse(&e.subject).and_then(|dn| dn.common_name()).unwrap_or_else(|| e.subject.clone());
    kept(&format!("{name} ({})", e.login))
}

impl Operator {
    /// Raises what is news of these ends, and clears what is over.
    pub(super) async fn judge_machines(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        let read =
            self.0.store.read(move |tx| Ok((rows::ending(tx, now + SOON, MOST)?, alarms::open(tx, &[ENDS, ENDED])?)));
        let (ending, open) = read.await.map_err(|e: StoreError| refuse::store(&e))?;
        let mut wanted = BTreeMap::new();
        for e in &ending {
            let code = if e.not_after <= now { ENDED } else { ENDS };
            let data = json!({ "dn": kept(&e.subject), "login": e.login, "name": e.label, "date": day(e.not_after) });
            wanted.insert((code.to_owned(), subject_of(e)), data.to_string());
        }
        let over: Vec<(String, String)> =
            open.iter().map(|a| (a.code.clone(), a.subject.clone())).filter(|a| !wanted.contains_key(a)).collect();
        // Only what is news is written.
        wanted.retain(|(code, subject), data| {
            !open.iter().any(|a| a.code == *code && a.subject == *subject && a.data == *data)
        });
        if wanted.is_empty() && over.is_empty() {
            return Ok(());
        }
        let written = self.0.store.write(move |tx| {
            for (code, subject) in &over {
                alarms::clear(tx, code, subject, now)?;
            }
            for ((code, subject), data) in &wanted {
                let severity = if code == ENDED { "critical" } else { "warning" };
                alarms::raise(tx, code, subject, severity, data, now)?;
            }
            Ok(())
        });
        written.await.map_err(|e: StoreError| refuse::store(&e))
    }
}
