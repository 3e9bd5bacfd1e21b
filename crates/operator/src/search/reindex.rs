//! Making search indexes anew, asked by an administrator, who reads nothing thereby: how far it is, in messages, is all that is told.
use crate::boxed;
use crate::jobs::Kind;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_search::VERSION;
use sceau_store::indexes::{self, IndexRow, ToDo};
use sceau_store::jobs::Failures;
use sceau_store::{Id, StoreError, Tx, accounts, jobs};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// BALs asked for in one transaction, and looked at in one reading.
const SLICE: i64 = 200;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReindexAnswer {
    /// BALs whose index will be made anew.
    pub bals: u64,
    /// Messages in them.
    pub messages: u64,
}

/// What is left to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReindexState {
    /// BALs whose index is not ready.
    pub bals: u64,
    /// Messages that these do not hold yet.
    pub messages: u64,
    /// Of these BALs, those whose last attempt failed. They are tried again later, without end.
    pub failing: u64,
    /// Attempts that failed, of all these BALs.
    pub attempts: u64,
    /// Why one of them failed: the code of a refusal.
    pub why: Option<String>,
}

/// What is left of one BAL.
struct Left {
    bal: Id,
    messages: i64,
    failures: Option<Failures>,
}

impl Left {
    fn of(tx: &mut dyn Tx, todo: ToDo) -> Result<Self, StoreError> {
        let messages = indexes::count_messages(tx, todo.bal, todo.row.building_upto)?;
        let failures = jobs::failures(tx, Kind::Index.as_str(), &todo.bal.to_string())?;
        Ok(Self { bal: todo.bal, messages, failures })
    }
}

impl Operator {
    /// Makes the index of a BAL, or of every active BAL, anew, text records included; searches go on meanwhile. Work goes on in the
    /// background, on whatever node has time. `admin.not_found`.
    #[boxed]
    pub async fn reindex(&self, actor: &Actor, bal: Option<&str>) -> Result<ReindexAnswer, Refusal> {
        self.require(actor, UseCase::Reindex, On::Operator).await?;
        let mut asked = ReindexAnswer { bals: 0, messages: 0 };
        if let Some(address) = bal {
            let (id, _) = self.active_bal(address).await?;
            self.ask_anew(actor, vec![id], &mut asked).await?;
        } else {
            let mut after = 0;
            loop {
                let page =
                    self.0.store.read::<_, StoreError, _>(move |tx| indexes::active_bals(tx, after, SLICE)).await;
                let page = page.map_err(|e| refuse::store(&e))?;
                let Some(last) = page.last() else { break };
                after = *last;
                self.ask_anew(actor, page, &mut asked).await?;
            }
        }
        self.wake_jobs();
        Ok(asked)
    }

    /// What is left to do of one BAL, or of all. `admin.not_found`.
    #[boxed]
    pub async fn reindex_state(&self, actor: &Actor, bal: Option<&str>) -> Result<ReindexState, Refusal> {
        self.require(actor, UseCase::Reindex, On::Operator).await?;
        let mut left = ReindexState::default();
        let mut add = |todo: Vec<Left>| {
            for Left { messages, failures, .. } in todo {
                left.bals += 1;
                left.messages += messages.unsigned_abs();
                if let Some(Failures { attempts, last_error }) = failures.filter(|f| f.attempts > 0) {
                    left.failing += 1;
                    left.attempts += attempts.unsigned_abs();
                    left.why = last_error.or(left.why.take());
                }
            }
        };
        if let Some(address) = bal {
            let (id, row) = self.active_bal(address).await?;
            if row.version != VERSION {
                let look = self.0.store.read(move |tx| Left::of(tx, ToDo { bal: id, row })).await;
                add(vec![look.map_err(|e: StoreError| refuse::store(&e))?]);
            }
            return Ok(left);
        }
        let mut after = 0;
        loop {
            let page = self.0.store.read::<_, StoreError, _>(move |tx| {
                let page = indexes::outdated(tx, VERSION, after, SLICE)?;
                page.into_iter().map(|t| Left::of(tx, t)).collect::<Result<Vec<_>, StoreError>>()
            });
            let page = page.await.map_err(|e| refuse::store(&e))?;
            let Some(last) = page.last() else { return Ok(left) };
            after = last.bal;
            add(page);
        }
    }

    async fn active_bal(&self, address: &str) -> Result<(Id, IndexRow), Refusal> {
        let key = self.key_of(address)?;
        let found = self.0.store.read::<_, Fail, _>(move |tx| {
            let missing = || Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &key));
            let row = accounts::bal_by_address(tx, &key)?.filter(|b| b.state == "active").ok_or_else(missing)?;
            Ok((row.id, indexes::state(tx, row.id)?))
        });
        Ok(found.await?)
    }

    /// Asks for these, if the actor may at this moment.
    pub(super) async fn ask_anew(
        &self,
        actor: &Actor,
        bals: Vec<Id>,
        asked: &mut ReindexAnswer,
    ) -> Result<(), Refusal> {
        let since = self.0.store.new_id();
        let now = self.now().0;
        let jobs: Vec<_> = bals.iter().map(|bal| (*bal, self.index_job(*bal, Duration::ZERO))).collect();
        let fact = self.fact("search.reindexed", &By::actor(actor), None, "ok", json!({}));
        let asker = actor.clone();
        let done = self.0.store.write::<_, Fail, _>(move |tx| {
            permit(tx, &asker, UseCase::Reindex, On::Operator)?;
            let (mut count, mut messages) = (0_u64, 0_u64);
            for (bal, job) in &jobs {
                if indexes::hold_bal(tx, *bal)?.is_none() {
                    continue;
                }
                indexes::ask_anew(tx, *bal, since, false, now)?;
                jobs::enqueue(tx, job)?;
                messages += indexes::count_messages(tx, *bal, 0)?.unsigned_abs();
                count += 1;
            }
            let mut fact = fact.clone();
            if let [(bal, _)] = jobs.as_slice() {
                let shown = accounts::bal_by_id(tx, *bal)?.map(|b| b.address_key);
                fact = fact.on(*bal, shown);
            }
            fact.saying(&json!({ "bals": count, "messages": messages }));
            fact.write(tx)?;
            Ok((count, messages))
        });
        let (count, messages) = done.await?;
        asked.bals += count;
        asked.messages += messages;
        Ok(())
    }
}
