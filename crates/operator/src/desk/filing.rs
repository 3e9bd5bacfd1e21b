//! Drafts in the Drafts folder, where mail programs see them: on purpose, and by themselves once nothing is typed for a while.
//!
//! Promises: one draft shows once, whoever files it and however often at once; what left or was thrown away meanwhile is not shown again; what another program
//! made of its copy is left as it made it.
use super::letters::DraftState;
use crate::boxed;
use crate::jobs::Kind;
use crate::mailbox::append::Replacing;
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::mailbox::folders::SpecialUse;
use crate::refuse;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::desk::drafts::{self as rows, Draft as Row};
use sceau_store::jobs::NewJob;
use sceau_store::{Id, StoreError, Tx, jobs};
use std::time::Duration;

/// How long nothing is typed before mail programs see a draft, milliseconds.
pub(super) const QUIET: i64 = 20_000;

impl Operator {
    /// Puts a draft into the Drafts folder as it stands, in the place of what was filed of it before. Nothing is done where there is no such folder.
    #[boxed]
    pub async fn file_draft(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        let (row, kept) = self.own_draft(actor, id).await?;
        let folder = self.folders(actor).await?.into_iter().find(|f| f.special_use == Some(SpecialUse::Drafts));
        let Some(folder) = folder.filter(|_| row.filed != row.version && DraftState::of(&row).is_open()) else {
            return Ok(());
        };
        let message = self.written_draft(actor, &row, &kept, self.now()).await?;
        let flags = FlagSet::of(Flags::SEEN | Flags::DRAFT);
        let filing = self.prepare_filing(actor, folder.id, flags, None, message).await?;
        // What another program removed or wrote anew is left as it made it.
        let before = self.filed_at(actor, &row).await?;
        let replacing = before.map(|uid| Replacing { actor: actor.clone(), folder: row.folder, uid });
        let filed = self.file(actor, vec![filing], replacing).await?;
        let uid = filed.uids.first().copied().ok_or(RefusalCode::Defect)?;
        let (message, version) = (self.message_at(actor, folder.id, uid).await?, row.version);
        let (place, was) = ((message, folder.id, i64::from(uid)), row.uid);
        let note = move |tx: &mut dyn Tx| rows::filed(tx, id, place, version, was);
        match self.0.store.write(note).await.map_err(|e: StoreError| refuse::store(&e))? {
            true => Ok(()),
            // It left or was thrown away meanwhile, or was filed twice at once: this copy is of nothing.
            false => self.take_out(actor, folder.id, uid).await,
        }
    }

    /// Files a draft at which nobody types any more, for whoever writes it, by the session in which that was. Nothing is done for one that is filed, left or
    /// is gone, nor where its writer may not write there any more.
    pub(crate) async fn file_quiet_draft(&self, id: Id, session: &[u8]) -> Result<(), Refusal> {
        let read = self.0.store.read(move |tx| rows::by_id(tx, id)).await;
        let Some(row) = read.map_err(|e: StoreError| refuse::store(&e))? else { return Ok(()) };
        if row.filed == row.version || !DraftState::of(&row).is_open() {
            return Ok(());
        }
        let session = String::from_utf8_lossy(session).into_owned();
        let wait = row.changed + QUIET - self.now().0;
        if (1..=QUIET).contains(&wait) {
            let later = self.draft_job(id, &session, wait);
            let again = self.0.store.write(move |tx| jobs::enqueue(tx, &later)).await;
            return again.map_err(|e: StoreError| refuse::store(&e));
        }
        let Some(actor) = self.sit_later(row.person, row.bal, &session).await? else { return Ok(()) };
        match self.file_draft(&actor, id).await {
            // Typed on at this moment, or not to be kept there: the next saving asks again.
            Err(refusal) if !matches!(refusal.code, RefusalCode::Unavailable | RefusalCode::StorageFull) => {
                tracing::info!(code = refusal.code.as_str(), "a draft is not shown to mail programs");
                Ok(())
            }
            done => done,
        }
    }

    pub(super) fn draft_job(&self, draft: Id, session: &str, wait: i64) -> NewJob {
        let wait = Duration::from_millis(wait.unsigned_abs());
        self.job(Kind::Draft, draft.to_string(), session.as_bytes().to_vec(), wait)
    }

    /// Takes a draft out of the Drafts folder.
    pub(super) async fn unfile_draft(&self, actor: &Actor, row: &Row) -> Result<(), Refusal> {
        match self.filed_at(actor, row).await? {
            Some(uid) => self.take_out(actor, row.folder, uid).await,
            None => Ok(()),
        }
    }

    async fn take_out(&self, actor: &Actor, folder: Id, uid: u32) -> Result<(), Refusal> {
        let gone = FlagSet::of(Flags::DELETED);
        self.change_flags(actor, folder, &[uid], FlagChange::Add, gone, None).await?;
        self.expunge(actor, folder, Some(&[uid])).await.map(drop)
    }

    /// The UID under which a draft stands in Drafts, if it still does.
    async fn filed_at(&self, actor: &Actor, row: &Row) -> Result<Option<u32>, Refusal> {
        let Some(uid) = u32::try_from(row.uid).ok().filter(|uid| *uid != 0) else { return Ok(None) };
        match self.message_at(actor, row.folder, uid).await {
            Ok(message) => Ok((message == row.message).then_some(uid)),
            Err(r) if matches!(r.code, RefusalCode::EntryUnknown | RefusalCode::FolderUnknown) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}
