//! Which UIDs of a folder show a message, a conversation, or what came in some days: for search keys that name messages so.
use crate::boxed;
use crate::mailbox::entries::Entry;
use crate::mailbox::folders::narrow;
use crate::mailbox::read::{MessageSummary, damaged};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::{Id, Tx, folders as rows, messages};
use std::sync::Arc;

/// Messages whose summaries are opened together.
const PAGE: usize = 200;

impl Operator {
    /// UIDs of a folder that show this message, ascending. `folder.unknown`.
    #[boxed]
    pub async fn uids_of_message(&self, actor: &Actor, folder: Id, message: Id) -> Result<Vec<u32>, Refusal> {
        self.uids_where(actor, folder, move |tx| messages::uids_of(tx, folder, message)).await
    }
    /// UIDs of what came into a folder from one instant on, or before another (for what was there before it was noted: by INTERNALDATE), ascending.
    /// `folder.unknown`.
    #[boxed]
    pub async fn uids_saved(
        &self,
        actor: &Actor,
        folder: Id,
        since: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> Result<Vec<u32>, Refusal> {
        let (since, before) = (since.map_or(i64::MIN, |t| t.0), before.map_or(i64::MAX, |t| t.0));
        self.uids_where(actor, folder, move |tx| messages::uids_saved(tx, folder, since, before)).await
    }
    async fn uids_where(
        &self,
        actor: &Actor,
        folder: Id,
        mut find: impl FnMut(&mut dyn Tx) -> Result<Vec<i64>, sceau_store::StoreError> + Send + 'static,
    ) -> Result<Vec<u32>, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            Ok(find(tx)?)
        });
        Ok(read.await?.into_iter().map(narrow).collect())
    }

    /// For each of these THREADIDs (sorted), the UIDs among `entries` of messages of that conversation, ascending. Every summary is opened, a page at a
    /// time. The search that asks is traced as such.
    #[boxed]
    pub async fn uids_of_threads(
        &self,
        actor: &Actor,
        entries: &[Entry],
        wanted: Vec<String>,
    ) -> Result<Vec<Vec<u32>>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let (wanted, mut found) = (Arc::new(wanted), Vec::new());
        found.resize(wanted.len(), Vec::new());
        let mut rest = entries;
        while !rest.is_empty() {
            let ids: Vec<Id> = rest.iter().take(PAGE).map(|e| e.message).collect();
            let asked = ids.clone();
            let read = self.0.store.read::<_, Fail, _>(move |tx| {
                seat.check(tx)?;
                Ok(messages::summaries(tx, seat.bal, &asked)?)
            });
            let rows = read.await?;
            let (page, later) = rest.split_at(rows.told.clamp(1, rest.len()));
            rest = later;
            let (operator, seal, wanted) = (self.clone(), seal.clone(), wanted.clone());
            let judge = tokio::task::spawn_blocking(move || {
                let mut room = Vec::new();
                let place = |id: &Id| {
                    let Some(row) = rows.rows.get(id) else { return Ok(None) };
                    match MessageSummary::open(&seal, row, &mut room) {
                        Ok(summary) => Ok(wanted.binary_search(&operator.thread_object(seal.bal, &summary)).ok()),
                        Err(e) => damaged(*id, &e).map(|()| None),
                    }
                };
                ids.iter().map(place).collect::<Result<Vec<_>, Refusal>>()
            });
            let judged = judge.await.map_err(|e| refuse::abnormal("a search", &e))??;
            for (entry, at) in page.iter().zip(judged) {
                if let Some(at) = at {
                    found[at].push(entry.uid);
                }
            }
        }
        Ok(found)
    }
}
