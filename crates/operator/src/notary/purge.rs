//! Purges after retention (F121, F122): in slices, each one append of the log whose last leaf is the purge's own trace; and the thinning of
//! old checkpoints.
//!
//! Promises: what is due goes by whole days, because a purge's own trace stays for ever and a verifier keeps every purge in mind whose
//! trace is still to come; nothing goes while the log has not been signed at least a day ago and within the last eight: a clock that
//! jumped ahead purges nothing before people had a day to see it; nothing goes that was judged before a hold was placed; traces of purges and
//! statements are never purged.
use super::fold::{Purging, SLICE};
use super::reader::columns;
use super::{Notary, Work};
use crate::boxed;
use crate::record::By;
use crate::refuse;
use sceau_domain::retention::{Item, Span, Unit};
use sceau_domain::{Refusal, Timestamp};
use sceau_notary::purge::{ACT, MOST, retention};
use sceau_notary::statement::{RESTORED, SETTLED};
use sceau_notary::{Kind, Stub};
use sceau_store::notary::{self as rows, Gone, Leaf, State};
use sceau_store::traces::Trace;
use sceau_store::{Id, StoreError, aged, holds, id};
use serde_json::json;
use std::collections::HashSet;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// How long ago the log must have been signed, at most and at least.
const STEADY: (i64, i64) = (8 * DAY, DAY);
/// Traces go with the others, whatever becomes of the BAL that they name.
const NO_LONGER: Span = Span::Of(0, Unit::Days);
/// Acts whose traces are never purged.
const KEPT: [&str; 3] = [ACT, RESTORED, SETTLED];
/// Every checkpoint is kept so long, then one an hour so long, then one a day.
const DENSE: (i64, i64) = (7 * DAY, 92 * DAY);
/// Checkpoints of one transaction, and transactions of one round.
const THINNED: (i64, usize) = (1_000, 50);

/// Checkpoints that share this keep only the newest one; none: all are kept.
fn bucket(now: i64, at: i64) -> Option<(i64, i64)> {
    let age = now.saturating_sub(at);
    let unit = if age < DENSE.0 {
        return None;
    } else if age < DENSE.1 {
        HOUR
    } else {
        DAY
    };
    Some((unit, at.div_euclid(unit)))
}

impl Notary {
    /// Purges everything whose retention is over, unless a legal hold suspends it. How many traces went. Only the process that holds the
    /// notary's lease, or takes it, purges.
    #[boxed]
    pub async fn purge_due(&self) -> Result<u64, Refusal> {
        let mut work = self.0.work.lock().await;
        self.begin(&mut work).await?;
        let changes = self.store().read(holds::changes).await.map_err(|e| refuse::store(&e))?;
        if changes != work.holds {
            (work.holds, work.purged) = (changes, Default::default());
        }
        // What waited for the end of its BAL is looked at again, once a day.
        let today = self.now().div_euclid(DAY);
        if work.purge_day != today {
            (work.purge_day, work.purged) = (today, Default::default());
        }
        let mut count = 0;
        for (cursor, kind) in [Kind::Technical, Kind::Functional].into_iter().enumerate() {
            count += self.purge_kind(&mut work, cursor, kind).await.map_err(|e| refuse::store(&e))?;
        }
        self.thin(&mut work).await.map_err(|e| refuse::store(&e))?;
        Ok(count)
    }

    /// Removes checkpoints of the database that newer ones make superfluous, once an hour: the file outside keeps all.
    async fn thin(&self, work: &mut Work) -> Result<(), StoreError> {
        let now = self.now();
        if (now - work.thinned).abs() < HOUR || self.mine(work).await?.is_none_or(|s| s.hold.is_some()) {
            return Ok(());
        }
        for _ in 0..THINNED.1 {
            let after = work.thin_after;
            let next = self
                .store()
                .write(move |tx| rows::thin(tx, after, now - DENSE.0, THINNED.0, |at| bucket(now, at)))
                .await?;
            let Some(next) = next else {
                (work.thin_after, work.thinned) = (0, now);
                return Ok(());
            };
            work.thin_after = next;
        }
        Ok(())
    }

    async fn purge_kind(&self, work: &mut Work, cursor: usize, kind: Kind) -> Result<u64, StoreError> {
        let now = self.now();
        // What the field demands, and what the policies in use say beyond it.
        let (item, before) = match kind {
            Kind::Technical => (Item::TechnicalTraces, now.saturating_sub(retention(kind))),
            Kind::Functional => (Item::FunctionalTraces, now.saturating_sub(retention(kind))),
        };
        let span = self.store().read(move |tx| crate::retention::longest(tx, item)).await?;
        let Some(begun) = span.begun_by(Timestamp(now)) else { return Ok(0) };
        let before = before.min(begun.0);
        let day = before.div_euclid(DAY) * DAY;
        let upto = id::first_at(Timestamp(day));
        let steady = self.store().read(move |tx| rows::signed_between(tx, now - STEADY.0, now - STEADY.1)).await?;
        if !steady {
            return Ok(0);
        }
        // What names a BAL may have to wait for the BAL's own end.
        let after_closing = match kind {
            Kind::Functional => self.store().read(|tx| crate::retention::longest(tx, Item::BalTraces)).await?,
            Kind::Technical => NO_LONGER,
        };
        let mut count = 0;
        loop {
            let Some(mut state) = self.mine(work).await? else { return Ok(count) };
            if state.hold.is_some() || self.0.settings.hold.is_some() {
                return Ok(count);
            }
            let after = work.purged[cursor];
            let (found, last) = self.store().read(move |tx| rows::old(tx, after, upto, SLICE)).await?;
            let Some(last) = last else { return Ok(count) };
            let (gone, holds) = self.due(found, kind, before, after_closing).await?;
            let many = gone.len() as u64;
            if many > 0 && !self.purge(work, &mut state, gone, holds).await? {
                return Ok(count);
            }
            count += many;
            work.purged[cursor] = last;
        }
    }

    /// What of these may go: of this kind, made before this instant, named by no hold, and still what its leaf was made from. And how often holds had
    /// been placed and lifted by then.
    async fn due(
        &self,
        leaves: Vec<Leaf>,
        kind: Kind,
        before: i64,
        after_closing: Span,
    ) -> Result<(Vec<Gone>, i64), StoreError> {
        let (now, mut gone, mut altered) = (self.now(), Vec::new(), 0_u64);
        let of = |pick: fn(&Trace) -> Option<Id>| leaves.iter().filter_map(|l| pick(l.trace.as_ref()?)).collect();
        let (bals, people): (HashSet<Id>, HashSet<Id>) = (of(|t| t.bal_id), of(|t| t.person_id));
        let (bals, people, changes) = self
            .store()
            .read(move |tx| {
                let kept = if after_closing == NO_LONGER { HashSet::new() } else { bals.clone() };
                let (mut held, people) = holds::keeping(tx, &bals, &people)?;
                let (known, closed) = aged::closed(tx, &kept)?;
                let ended = after_closing.begun_by(Timestamp(now));
                let over = |bal: &Id| ended.is_some_and(|ended| closed.get(bal).is_some_and(|at| *at <= ended.0));
                held.extend(known.into_iter().filter(|bal| !over(bal)));
                Ok::<_, StoreError>((held, people, holds::changes(tx)?))
            })
            .await?;
        for leaf in leaves {
            let (Some(salt), Some(trace)) = (leaf.salt, leaf.trace) else { continue };
            let trace = columns(trace);
            let held = |named: &HashSet<Id>, id: Option<Id>| id.is_some_and(|id| named.contains(&id));
            if trace.kind != kind
                || KEPT.contains(&trace.act.as_str())
                || trace.at > before
                || held(&bals, trace.bal_id)
                || held(&people, trace.person_id)
            {
                continue;
            }
            let stub: Option<Stub> = salt.as_slice().try_into().ok().map(|salt| trace.stub(salt));
            match stub.filter(|s| s.leaf()[..] == leaf.hash[..]) {
                Some(stub) => gone.push(Gone { number: leaf.number, trace: trace.id, stub: stub.to_bytes().to_vec() }),
                None => altered += 1,
            }
        }
        if altered > 0 {
            // What was altered stays: it is evidence.
            let data = json!({ "count": altered.to_string() });
            self.0.operator.raise_alarm("notary.altered", "", true, data).await;
        }
        gone.sort_by_key(|g| g.number);
        gone.truncate(MOST);
        Ok((gone, changes))
    }

    async fn purge(&self, work: &mut Work, state: &mut State, gone: Vec<Gone>, holds: i64) -> Result<bool, StoreError> {
        let numbers: Vec<u64> = gone.iter().map(|g| g.number.unsigned_abs()).collect();
        let mut fact = self.0.operator.fact(ACT, &By::system(), None, "ok", serde_json::Value::Null).into_trace();
        fact.data = sceau_notary::purge::state(&numbers);
        let count = gone.len();
        let done = self.append(work, state, Vec::new(), Some(Purging { trace: fact, holds, gone })).await?;
        if done {
            tracing::info!(count, "traces purged after their retention");
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_kept_by_age() {
        let now = 400 * DAY;
        let same = |a: i64, b: i64| bucket(now, a).is_some() && bucket(now, a) == bucket(now, b);
        assert!(bucket(now, now - DENSE.0 + 1).is_none() && bucket(now, now + DAY).is_none());
        assert!(same(now - 8 * DAY, now - 8 * DAY + HOUR - 1) && !same(now - 8 * DAY, now - 8 * DAY + HOUR));
        assert!(same(now - 100 * DAY, now - 99 * DAY - 1) && !same(now - 100 * DAY, now - 99 * DAY));
        assert!(!same(now - DENSE.1, now - DENSE.1 + 1), "two ages share nothing");
    }
}
