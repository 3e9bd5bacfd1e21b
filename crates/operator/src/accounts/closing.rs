//! Closing a BAL: its key is destroyed, then what it leaves is removed (design §2.4; F038, F262).
//!
//! The act itself is one transaction: state, tokens, trace, and the job that destroys. From its commit on nobody reads the BAL, nothing is delivered
//! to it and its address is never given again. There is no delay and no way back in this version: the life cycle with its notice is not built
//! yet. Traces stay, and so does mail that the BAL sent and that still waits (it is under transit keys); what becomes of it is told to nobody.
//!
//! Promises: the key goes before any row does, and once it is gone every copy of the content is unreadable, also in backups of the data; the
//! job may run twice or half; nothing decoded of the BAL's index stays in memory, here from the act on, on other nodes once they hear that the
//! key is gone.
use super::{BalView, bals};
use crate::jobs::Kind;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_store::{Id, StoreError, Tx, accounts as rows, jobs, purge};
use serde_json::json;
use std::time::Duration;

/// Rows removed in one transaction.
const SLICE: i64 = 300;
/// Longest reason, characters.
const MAX_REASON: usize = 500;

impl Operator {
    /// Closes a BAL for good. One that is closed already stays so, without another trace. `admin.not_found`, `admin.invalid`.
    pub async fn close_bal(&self, actor: &Actor, address: &str, reason: Option<&str>) -> Result<BalView, Refusal> {
        self.require(actor, UseCase::BalClose, On::Operator).await?;
        let reason = reason.map(str::trim).filter(|r| !r.is_empty());
        if reason.is_some_and(|r| r.chars().count() > MAX_REASON || r.chars().any(char::is_control)) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "reason"));
        }
        let key = self.key_of(address)?;
        let fact = self.fact("bal.closed", &By::actor(actor), None, "ok", json!({ "reason": reason }));
        let now = self.now();
        let job = self.job(Kind::Purge, "", Vec::new(), Duration::ZERO);
        let close = move |tx: &mut dyn Tx| {
            let missing = || Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &key));
            let bal = rows::bal_by_address(tx, &key)?.ok_or_else(missing)?;
            if purge::close(tx, bal.id, now)? {
                let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
                fact.adding("messages", bal.message_count.into());
                fact.adding("used", bal.used_bytes.into());
                fact.write(tx)?;
            }
            // Also for one that was closed before: a job that was lost is found again.
            jobs::enqueue(tx, &jobs::NewJob { key: bal.id.to_string(), ..job.clone() })?;
            let bal = rows::bal_by_address(tx, &key)?.ok_or_else(missing)?;
            Ok::<_, Fail>((bal.id, bals::view(tx, bal)?))
        };
        let (bal, view) = self.0.store.write(close).await?;
        self.0.guard.forget_rights();
        self.0.search.close(bal);
        self.0.watch.notify(bal);
        self.wake_jobs();
        Ok(view)
    }

    /// The job: destroys the key of a closed BAL and removes its rows. One that is not closed is left alone.
    pub(crate) async fn purge_bal(&self, bal: Id) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let found = self.0.store.read(move |tx| rows::bal_by_id(tx, bal)).await.map_err(failed)?;
        if found.is_none_or(|b| b.state != "closed") {
            return Ok(());
        }
        self.0.store.vault().destroy_bal_key(bal).await.map_err(failed)?;
        self.0.search.close(bal);
        self.0.store.announce(sceau_store::Event::KeyDestroyed(bal));
        let now = self.now();
        while self.0.store.write(move |tx| purge::slice(tx, bal, now, SLICE)).await.map_err(failed)? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Closes again, at start, every BAL whose key is destroyed: after an older copy of the data was put back, it would be open without
    /// ever being readable.
    pub(crate) async fn close_again(&self) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let mut after = Id::MIN;
        loop {
            let destroyed = self.0.store.vault().destroyed_bals(after).await.map_err(failed)?;
            let Some(last) = destroyed.last() else { return Ok(()) };
            after = *last;
            let find = move |tx: &mut dyn Tx| {
                let bals = destroyed.iter().map(|id| rows::bal_by_id(tx, *id)).collect::<Result<Vec<_>, _>>()?;
                Ok::<_, StoreError>(bals.into_iter().flatten().filter(|b| b.state != "closed").collect::<Vec<_>>())
            };
            for bal in self.0.store.read(find).await.map_err(failed)? {
                let said = json!({ "reason": "key destroyed before", "messages": bal.message_count });
                let fact = self.fact("bal.closed", &By::system(), Some((bal.id, &bal.address_key)), "ok", said);
                let job = self.job(Kind::Purge, bal.id.to_string(), Vec::new(), Duration::ZERO);
                let (id, now) = (bal.id, self.now());
                let close = move |tx: &mut dyn Tx| {
                    if purge::close(tx, id, now)? {
                        fact.write(tx)?;
                        jobs::enqueue(tx, &job)?;
                    }
                    Ok::<_, StoreError>(())
                };
                self.0.store.write(close).await.map_err(failed)?;
                tracing::warn!(
                    bal = id,
                    "a mailbox that had been closed came back with a copy of the data and is closed again"
                );
            }
        }
    }
}
