//! Limits in force of each BAL (§7 of step 3): the operator's, and what was set for a domain, a kind, a structure or the BAL itself.
//!
//! Promises: there is one rule ([`sceau_domain::policy::resolve`]) and one place where it is asked; what was set is in force for the next act on this
//! node, and on the others as soon as they hear of it (at most [`BELIEVED`] later). The quota stands in the BAL's row, where a delivery reads it
//! under the lock that it takes anyway: setting one writes every row that it is for before it answers, some hundred in one transaction, and a job
//! looks at all of them afterwards. A quota below what a BAL holds loses nothing: new mail for it is put off (452) until there is room.
mod admin;
mod quota;

pub use admin::{LimitView, PolicyView, ValueView};

use crate::{Operator, refuse};
use sceau_domain::policy::{Limits, Scope, Setting, resolve};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::accounts::Bal;
use sceau_store::policies::{self as rows, PolicyValue};
use sceau_store::{Event, Id, StoreError, Tx};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long limits are believed without looking, milliseconds.
const BELIEVED: i64 = 1_000;
/// Most BALs remembered; when full, all are forgotten.
const MOST: usize = 50_000;
/// A sliding hour, in milliseconds.
const HOUR: i64 = 3_600_000;

/// Limits that were looked up a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    known: Mutex<HashMap<Id, (i64, Limits)>>,
    /// Grows with each change: what was read before one is not remembered after it.
    version: AtomicU64,
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, (i64, Limits)>> {
        // An entry is never half-written.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn get(&self, bal: Id, now: i64) -> Option<Limits> {
        self.lock().get(&bal).filter(|(at, _)| (0..BELIEVED).contains(&(now - at))).map(|(_, limits)| *limits)
    }
    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }
    fn put(&self, bal: Id, now: i64, limits: Limits, version: u64) {
        let mut known = self.lock();
        if self.version() != version {
            return;
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(bal, (now, limits));
    }
    /// Something was set: here, or on another node.
    pub fn forget(&self) {
        let mut known = self.lock();
        self.version.fetch_add(1, Ordering::SeqCst);
        known.clear();
    }
}

/// Rows as the rule takes them. What this version cannot read counts for nothing.
fn settings(values: &[PolicyValue]) -> Vec<Setting> {
    let read = |v: &PolicyValue| {
        Some(Setting { scope: v.scope.parse().ok()?, name: v.name.clone(), value: v.value.parse().ok()? })
    };
    values.iter().filter_map(read).collect()
}

/// A BAL that is about to be inserted, with its quota: its own, which is then set for it, or what follows from its places.
pub(crate) fn with_quota(
    tx: &mut dyn Tx,
    operator: &Limits,
    bal: Bal,
    own: Option<u64>,
    by: &str,
) -> Result<Bal, StoreError> {
    if let Some(own) = own {
        let (scope, subject) = (Scope::Bal.as_str().into(), bal.id.to_string());
        let (value, set_by) = (own.to_string(), by.to_owned());
        rows::put(tx, &PolicyValue { scope, subject, name: "quota_bytes".into(), value, set_by, at: bal.created })?;
    }
    let values = rows::of_places(tx, bal.domain_id, &bal.kind, bal.structure_id, bal.id)?;
    let quota = resolve(operator, &settings(&values)).quota_bytes;
    Ok(Bal { quota_bytes: i64::try_from(quota).unwrap_or(i64::MAX), ..bal })
}

/// The limits of a BAL, as they are in this transaction. `None`: there is no such BAL.
pub(crate) fn effective(tx: &mut dyn Tx, operator: &Limits, bal: Id) -> Result<Option<Limits>, StoreError> {
    Ok(rows::of_bal(tx, bal)?.map(|values| resolve(operator, &settings(&values))))
}

/// As [`effective`], of many BALs at once.
pub(crate) fn effective_of(tx: &mut dyn Tx, operator: &Limits, bals: &[Id]) -> Result<HashMap<Id, Limits>, StoreError> {
    let found = sceau_store::bals::by_ids(tx, bals)?;
    let set = rows::of_bals(tx, &found)?;
    Ok(set.into_iter().map(|(bal, values)| (bal, resolve(operator, &settings(&values)))).collect())
}

/// The limits of a domain, whatever is set for its kinds, structures and BALs.
pub(crate) fn of_domain(tx: &mut dyn Tx, operator: &Limits, domain: Id) -> Result<Limits, StoreError> {
    // No BAL, and no kind, is called so.
    let values = rows::of_places(tx, domain, "", None, 0)?;
    Ok(resolve(operator, &settings(&values)))
}

/// Writes the quota in force of a BAL into its row: where it belongs has changed.
pub(crate) fn write_quota(tx: &mut dyn Tx, operator: &Limits, bal: Id) -> Result<(), StoreError> {
    let Some(limits) = effective(tx, operator, bal)? else { return Ok(()) };
    rows::set_quota(tx, &[bal], i64::try_from(limits.quota_bytes).unwrap_or(i64::MAX))
}

/// Counts a message that a BAL sends, when it may not send as many as it likes: `sender.too_many`.
pub(crate) fn count_submission(tx: &mut dyn Tx, bal: Id, limit: u32, now: i64) -> Result<(), crate::refuse::Fail> {
    if limit == 0 {
        return Ok(());
    }
    let (before, present) = rows::count_submission(tx, bal, now.div_euclid(HOUR))?;
    // The hour slides: the part of the one before that is still in sight counts in proportion.
    let seen = present + before * (HOUR - now.rem_euclid(HOUR)) / HOUR;
    if seen > i64::from(limit) {
        return Err(Refusal::new(RefusalCode::SenderTooMany).with("limit", limit).into());
    }
    Ok(())
}

impl Operator {
    /// The limits of a BAL.
    pub(crate) async fn limits_of(&self, bal: Id) -> Result<Limits, Refusal> {
        let (cache, now) = (&self.0.policies, self.now().0);
        if let Some(limits) = cache.get(bal, now) {
            return Ok(limits);
        }
        let (version, operator) = (cache.version(), self.config().limits);
        let found = self.0.store.read::<_, StoreError, _>(move |tx| effective(tx, &operator, bal)).await;
        // What does not exist has no limits of its own; whatever is asked next finds that out.
        let limits = found.map_err(|e| refuse::store(&e))?.unwrap_or(operator);
        cache.put(bal, now, limits, version);
        Ok(limits)
    }

    /// The limits of the BAL that the actor works on, or the operator's.
    pub(crate) async fn limits_of_actor(&self, actor: &crate::Actor) -> Result<Limits, Refusal> {
        match &actor.bal {
            Some(bal) => self.limits_of(bal.id).await,
            None => Ok(self.config().limits),
        }
    }

    /// After the commit of a change.
    pub(crate) fn policies_changed(&self) {
        self.0.policies.forget();
        self.0.store.announce(Event::Policies);
    }
}
