//! Removing for good: a moment later, so that it can be taken back.
//!
//! Promises: until then it is a flag that anybody can take away; what was flagged is removed or given back, whatever fails or dies in between; nobody who
//! lost the access removes anything.
use super::acts::{Done, Step, What};
use crate::jobs::Kind;
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::mailbox::folders::narrow;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::desk::undos::{self, UndoRow};
use sceau_store::jobs::NewJob;
use sceau_store::messages::EntryRow;
use sceau_store::{Id, StoreError, Tx, jobs};
use std::time::Duration;

impl Operator {
    /// Flags entries as removed, and removes them for good a moment later. The inverse is kept first: what is flagged without it nobody would remove.
    pub(super) async fn remove_later(
        &self,
        actor: &Actor,
        folder: Id,
        entries: &[EntryRow],
        more: bool,
    ) -> Result<Done, Refusal> {
        let deleted = Flags::DELETED.bits();
        let uids: Vec<u32> = entries.iter().filter(|e| e.flags & deleted == 0).map(|e| narrow(e.uid)).collect();
        let (what, count) = (What::Removed, uids.len());
        if uids.is_empty() {
            return Ok(Done { what, count, more, left: 0, undo: None });
        }
        let wait = self.config().desk.removal_seconds;
        let step = Step::Flags {
            folder,
            uids: uids.clone(),
            add: false,
            system: Flags::DELETED.0,
            keyword: None,
            until: i64::MAX.unsigned_abs(),
        };
        let row = self.inverse(actor, what, count, step, Some(wait)).await?;
        let undo = row.id;
        let job = self.removal_job(undo, Duration::from_secs(u64::from(wait)));
        let keep = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            undos::insert(tx, &row)?;
            Ok(jobs::ensure(tx, &job)?)
        };
        self.0.store.write(keep).await?;
        self.change_flags(actor, folder, &uids, FlagChange::Add, FlagSet::of(Flags::DELETED), None).await?;
        // A worker that sleeps sees when the next one is due.
        self.wake_jobs();
        Ok(Done { what, count, more, left: 0, undo: Some(undo) })
    }

    /// An act that could not be taken back just now can be, as long as its time lasts. Who carries out a removal may have passed meanwhile, and left it to
    /// whoever took it back: it is asked for again.
    pub(super) async fn not_taken_back(&self, row: &UndoRow) -> Result<(), Refusal> {
        let act = row.id;
        let wait = |due: i64| Duration::from_millis(u64::try_from(due.saturating_sub(self.now().0)).unwrap_or(0));
        let job = row.due.map(|due| self.removal_job(act, wait(due)));
        let waits = job.is_some();
        let back = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            undos::give_back(tx, act)?;
            job.iter().try_for_each(|job| jobs::ensure(tx, job))?;
            Ok(())
        };
        self.0.store.write(back).await?;
        if waits {
            self.wake_jobs();
        }
        Ok(())
    }

    /// Removes for good what an act left to be removed, unless it was taken back: of what it flagged, what is flagged still. Where taking it back began and
    /// nobody ended it, that is done here. Who lost the access meanwhile removes nothing any more; what was flagged stays flagged, for those who have one.
    pub(crate) async fn remove_due(&self, act: Id) -> Result<(), Refusal> {
        let read = self.0.store.read::<_, StoreError, _>(move |tx| undos::by_id(tx, act));
        let Some(row) = read.await.map_err(|e| refuse::store(&e))? else { return Ok(()) };
        let (_, inverse) = self.opened_act(&row).await?;
        let Step::Flags { folder, uids, .. } = &inverse.step else { return Ok(()) };
        if inverse.undone.is_some() {
            return Ok(());
        }
        let Some(actor) = self.sit_later(row.person, row.bal, &inverse.session).await? else { return Ok(()) };
        let done = match row.used {
            None => self.expunge(&actor, *folder, Some(uids)).await.map(drop),
            Some(_) => Box::pin(self.take_back(&actor, &inverse.step)).await.map(drop),
        };
        match done {
            Err(refusal) if matches!(refusal.code, RefusalCode::FolderUnknown | RefusalCode::RightMissing) => Ok(()),
            done => done,
        }
    }

    fn removal_job(&self, act: Id, wait: Duration) -> NewJob {
        self.job(Kind::Removal, act.to_string(), Vec::new(), wait)
    }
}
