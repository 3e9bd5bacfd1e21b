//! Who has not accepted the version in force is told by ordinary mail, once a version: at a verified address, when there is a relay. Part of
//! housekeeping.
//!
//! Promises: bounded work a round; one node tells a person, because how far it has come is written with the notices; whoever accepts meanwhile may be
//! told all the same, and loses nothing by it.
use crate::Operator;
use crate::notices::Template;
use crate::refuse;
use sceau_domain::calendar::{Calendar, Hours};
use sceau_domain::{Address, Refusal, Timestamp};
use sceau_store::{Id, StoreError, Tx, settings, terms as rows};
use serde::{Deserialize, Serialize};

/// How far the telling has come.
const TOLD: &str = "terms.told";
/// People told in one transaction, and transactions of one round.
const SLICE: (i64, usize) = (50, 10);

/// How far the telling of a version has come: everybody up to this person.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    terms: Id,
    upto: Id,
}

impl Operator {
    /// Tells the next ones; how many.
    pub(crate) async fn tell_of_new_terms(&self) -> Result<u64, Refusal> {
        let mut count = 0;
        for _ in 0..SLICE.1 {
            match self.tell_some().await? {
                0 => break,
                told => count += told,
            }
        }
        if count > 0 {
            self.wake_jobs();
        }
        Ok(count)
    }

    async fn tell_some(&self) -> Result<u64, Refusal> {
        if !self.has_relay() {
            return Ok(0);
        }
        let failed = |e: StoreError| refuse::store(&e);
        let now = self.now().0;
        let look = move |tx: &mut dyn Tx| {
            let Some(terms) = rows::in_force(tx, now)? else { return Ok(None) };
            let kept = settings::get(tx, TOLD)?;
            let version = kept.as_ref().map_or(0, |k| k.version);
            let told: Told = kept.and_then(|k| serde_json::from_slice(&k.value).ok()).unwrap_or_default();
            let upto = if told.terms == terms { told.upto } else { 0 };
            let from = rows::by_id(tx, terms)?.map_or(0, |t| t.from_at);
            let people = rows::to_tell(tx, terms, upto, SLICE.0)?;
            Ok::<_, StoreError>(Some((terms, version, from, people)))
        };
        let Some((terms, version, from, people)) = self.0.store.read(look).await.map_err(failed)? else {
            return Ok(0);
        };
        let Some((last, _)) = people.last() else { return Ok(0) };
        let told = Told { terms, upto: *last };
        let value = serde_json::to_vec(&told).map_err(|e| failed(StoreError::Other(e.to_string())))?;
        let (link, date) = (self.terms_link(), self.day(Timestamp(from)).await);
        let mut notices = Vec::new();
        for (person, email) in &people {
            if let Ok(to) = email.parse::<Address>() {
                let values = [("link", link.as_str()), ("date", date.as_str())];
                notices.push(self.notice(Template::NewTerms, *person, &to, &values).await?);
            }
        }
        let write = move |tx: &mut dyn Tx| {
            // Another node was first: it has told them.
            if !settings::replace(tx, TOLD, version, &value, now)? {
                return Ok(0);
            }
            notices.iter().try_for_each(|notice| notice.write(tx))?;
            Ok::<_, StoreError>(people.len() as u64)
        };
        self.0.store.write(write).await.map_err(failed)
    }

    /// A day by the operator's clock, `2026-12-01`.
    async fn day(&self, at: Timestamp) -> String {
        Calendar::new(self.place().await, Hours::default(), []).date_at(at).to_string()
    }
}
