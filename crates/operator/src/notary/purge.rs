//! Purges after retention (F121, F122): in slices, each one append of the log whose last leaf is the purge's own trace.
use super::fold::{Purging, SLICE};
use super::reader::columns;
use super::{Notary, Work};
use crate::record::By;
use crate::refuse;
use sceau_domain::{Refusal, Timestamp};
use sceau_notary::purge::{ACT, MOST, retention};
use sceau_notary::{Kind, Stub};
use sceau_store::notary::{self as rows, Gone, Leaf, State};
use sceau_store::{StoreError, id};
use serde_json::json;

impl Notary {
    /// Purges everything whose retention is over, unless a legal hold suspends it. How many traces went. Only the process that holds the
    /// notary's lease, or takes it, purges.
    pub async fn purge_due(&self) -> Result<u64, Refusal> {
        let mut work = self.0.work.lock().await;
        self.begin(&mut work).await?;
        let mut count = 0;
        for (cursor, kind) in [Kind::Technical, Kind::Functional].into_iter().enumerate() {
            count += self.purge_kind(&mut work, cursor, kind).await.map_err(|e| refuse::store(&e))?;
        }
        Ok(count)
    }

    async fn purge_kind(&self, work: &mut Work, cursor: usize, kind: Kind) -> Result<u64, StoreError> {
        let now = self.now();
        let upto = id::first_at(Timestamp(now.saturating_sub(retention(kind))));
        let mut count = 0;
        loop {
            let Some(mut state) = self.mine(work).await? else { return Ok(count) };
            if state.hold.is_some() || self.0.settings.hold.is_some() {
                return Ok(count);
            }
            let after = work.purged[cursor];
            let (found, last) = self.store().read(move |tx| rows::old(tx, after, upto, SLICE)).await?;
            let Some(last) = last else { return Ok(count) };
            let gone = self.due(found, kind, now).await;
            count += gone.len() as u64;
            if !gone.is_empty() && !self.purge(work, &mut state, gone).await? {
                return Ok(count);
            }
            work.purged[cursor] = last;
        }
    }

    /// What of these may go: of this kind, past its retention, and still what its leaf was made from.
    async fn due(&self, leaves: Vec<Leaf>, kind: Kind, now: i64) -> Vec<Gone> {
        let (mut gone, mut altered) = (Vec::new(), 0_u64);
        for leaf in leaves {
            let (Some(salt), Some(trace)) = (leaf.salt, leaf.trace) else { continue };
            let trace = columns(trace);
            if trace.kind != kind || trace.act == ACT || trace.at.saturating_add(retention(kind)) > now {
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
        gone
    }

    async fn purge(&self, work: &mut Work, state: &mut State, gone: Vec<Gone>) -> Result<bool, StoreError> {
        let numbers: Vec<u64> = gone.iter().map(|g| g.number.unsigned_abs()).collect();
        let mut fact = self.0.operator.fact(ACT, &By::system(), None, "ok", serde_json::Value::Null).into_trace();
        fact.data = sceau_notary::purge::state(&numbers);
        let count = gone.len();
        let done = self.append(work, state, Vec::new(), Some(Purging { trace: fact, gone })).await?;
        if done {
            tracing::info!(count, "traces purged after their retention");
        }
        Ok(done)
    }
}
