//! The end of a closed BAL: its key is destroyed, then what it leaves is removed (F038, F262).
//!
//! Promises: nothing of it is destroyed while a legal hold names it; the key goes before any row does, and once it is gone every copy of the content
//! is unreadable, also in backups of the data; the job may run twice or half; nothing decoded of the BAL's index stays in memory, here from the act
//! on, on other nodes once they hear that the key is gone.
use super::{advance, of_bal};
use crate::Operator;
use crate::jobs::Kind;
use crate::record::By;
use crate::refuse::{self, Fail};
use sceau_domain::Refusal;
use sceau_domain::life::{LifeState, LifeStep};
use sceau_store::{Id, StoreError, Tx, accounts, holds, jobs, life as rows, purge};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Rows removed in one transaction.
const SLICE: i64 = 300;
/// How often a destruction that a hold stops looks whether it still does. Lifting the hold wakes it at once.
const HELD: Duration = Duration::from_secs(3600);

impl Operator {
    /// The job: destroys the key of a closed BAL and removes its rows. One that is not closed is left alone, one that a hold names is left for later.
    pub(crate) async fn purge_bal(&self, bal: Id) -> Result<(), Refusal> {
        if !self.doom(bal).await? {
            return Ok(());
        }
        let failed = |e: StoreError| refuse::store(&e);
        self.0.store.vault().destroy_bal_key(bal).await.map_err(failed)?;
        self.0.search.close(bal);
        self.0.store.announce(sceau_store::Event::KeyDestroyed(bal));
        let now = self.now();
        while self.0.store.write(move |tx| purge::slice(tx, bal, now, SLICE)).await.map_err(failed)? {
            tokio::task::yield_now().await;
        }
        let deed = self.own_deed(None);
        let bury = move |tx: &mut dyn Tx| {
            rows::lock(tx, "bals", bal)?;
            let Some(row) = accounts::bal_by_id(tx, bal)? else { return Ok(()) };
            if let Ok(next) = of_bal(tx, &row)?.after(LifeStep::Bury, deed.at, false) {
                deed.step(tx, 0, ("bal", bal), (LifeState::Destroyed, next.state), None)?;
            }
            Ok::<_, Fail>(())
        };
        Ok(self.0.store.write(bury).await?)
    }

    /// Decides, on record, that the key goes: from here on no hold can stop it. False when there is nothing to destroy, or a hold stands.
    async fn doom(&self, bal: Id) -> Result<bool, Refusal> {
        let (deed, later) = (self.own_deed(None), self.job(Kind::Purge, bal.to_string(), Vec::new(), HELD));
        let fact = self.fact("bal.destroyed", &By::system(), None, "ok", json!({}));
        let doom = move |tx: &mut dyn Tx| {
            holds::lock(tx, deed.at.0)?;
            rows::lock(tx, "bals", bal)?;
            let Some(row) = accounts::bal_by_id(tx, bal)? else { return Ok(false) };
            let life = of_bal(tx, &row)?;
            match life.state {
                LifeState::Destroyed | LifeState::Tombstone => return Ok(true),
                LifeState::Closed => {}
                _ => return Ok(false),
            }
            if holds::names(tx, bal)? {
                jobs::enqueue(tx, &later)?;
                return Ok(false);
            }
            let next = advance(&row.address, life, LifeStep::Destroy, deed.at, false)?;
            deed.step(tx, 0, ("bal", bal), (life.state, next.state), None)?;
            fact.clone().on(bal, Some(row.address_key.clone())).write(tx)?;
            Ok::<_, Fail>(true)
        };
        Ok(self.0.store.write(doom).await?)
    }

    /// At start. Closes again every BAL whose key is destroyed: after an older copy of the data was put back, it would be open without ever being
    /// readable. And finds destructions again whose job was lost with a copy.
    pub(crate) async fn close_again(&self) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let mut after = Id::MIN;
        loop {
            let destroyed = self.0.store.vault().destroyed_bals(after).await.map_err(failed)?;
            let Some(last) = destroyed.last() else { break };
            after = *last;
            let find = move |tx: &mut dyn Tx| {
                let bals = destroyed.iter().map(|id| accounts::bal_by_id(tx, *id)).collect::<Result<Vec<_>, _>>()?;
                Ok::<_, StoreError>(bals.into_iter().flatten().filter(|b| b.state != "closed").collect::<Vec<_>>())
            };
            for bal in self.0.store.read(find).await.map_err(failed)? {
                self.close_destroyed(bal).await.map_err(failed)?;
            }
        }
        let unburied = self.0.store.read(rows::unburied).await.map_err(failed)?;
        for bal in unburied {
            let job = self.job(Kind::Purge, bal.to_string(), Vec::new(), Duration::ZERO);
            self.0.store.write(move |tx| jobs::ensure(tx, &job)).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn close_destroyed(&self, bal: accounts::Bal) -> Result<(), StoreError> {
        let said = json!({ "reason": "key destroyed before", "messages": bal.message_count });
        let fact = self.fact("bal.closed", &By::system(), Some((bal.id, &bal.address_key)), "ok", said);
        let job = self.job(Kind::Purge, bal.id.to_string(), Vec::new(), Duration::ZERO);
        let (id, deed) = (bal.id, self.own_deed(Some("key destroyed before")));
        let was = bal.state.parse().unwrap_or(LifeState::Active);
        let close = move |tx: &mut dyn Tx| {
            if purge::close(tx, id, deed.at)? {
                deed.step(tx, 0, ("bal", id), (was, LifeState::Closed), None)?;
                deed.step(tx, 1, ("bal", id), (LifeState::Closed, LifeState::Destroyed), None)?;
                fact.write(tx)?;
                jobs::enqueue(tx, &job)?;
            }
            Ok::<_, StoreError>(())
        };
        self.0.store.write(close).await?;
        tracing::warn!(
            bal = id,
            "a mailbox that had been closed came back with a copy of the data and is closed again"
        );
        Ok(())
    }

    /// Destroys what users had removed while a hold stood, once none names their BAL any more. Part of housekeeping; how many. Looked for only after
    /// a hold was placed or lifted: under a hold that stands for years there may be millions of such messages.
    pub(crate) async fn drop_released(&self) -> Result<u64, Refusal> {
        let (mut count, now) = (0, self.now().0);
        let changes = self.0.store.read(holds::changes).await.map_err(|e| refuse::store(&e))?;
        if self.0.holds_seen.load(Ordering::SeqCst) == changes {
            return Ok(0);
        }
        loop {
            let drop = move |tx: &mut dyn Tx| {
                if holds::released(tx, 1)?.is_none() {
                    return Ok(0);
                }
                // A hold that is being placed comes first: look again behind it.
                holds::lock(tx, now)?;
                let Some((bal, messages)) = holds::released(tx, SLICE)? else { return Ok(0) };
                let many = messages.len() as u64;
                holds::forget_kept(tx, bal, &messages)?;
                sceau_store::messages::drop_orphans(tx, bal, messages, now)?;
                Ok::<_, StoreError>(many)
            };
            match self.0.store.write(drop).await.map_err(|e| refuse::store(&e))? {
                0 => {
                    self.0.holds_seen.store(changes, Ordering::SeqCst);
                    return Ok(count);
                }
                many => count += many,
            }
        }
    }
}
