//! Adding messages to a folder (APPEND, MULTIAPPEND RFC 3502), and putting one in another's place (REPLACE RFC 8508): durable
//! when it returns, all of it or nothing, in one transaction.
use crate::antivirus::{About, Whose};
use crate::boxed;
use crate::mail::keep::{Kept, keep_all};
use crate::mailbox::across::{Takings, lock_all};
use crate::mailbox::deliver::{self, Placed, Prepared, Target};
use crate::mailbox::entries::FlagSet;
use crate::mailbox::personal::{Marks, leave_out};
use crate::record::{By, Record, ids};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator, Received};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::blob::{self, BlobRow};
use sceau_store::journal::Act;
use sceau_store::messages::EntryRow;
use sceau_store::{Id, Spool, Tx, accounts, folders as rows, messages};
use serde_json::json;
use std::collections::BTreeSet;

/// A message looked at and sealed for its BAL, not yet kept.
#[derive(Debug)]
pub struct Filing {
    prepared: Prepared,
    spool: Spool,
    takings: Takings,
}

impl Filing {
    /// The same, put together from parts of messages of other BALs: whether they may go is asked again when it is filed.
    #[must_use]
    pub fn taking(self, takings: Takings) -> Self {
        Self { takings, ..self }
    }
}

/// Where messages were filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// UIDVALIDITY of the folder.
    pub uidvalidity: u32,
    /// UIDs, in the order of the messages.
    pub uids: Vec<u32>,
}

/// A message that another one replaces.
#[derive(Debug, Clone)]
pub struct Replacing {
    /// Who may file where it is; its BAL may be another one.
    pub actor: Actor,
    /// Its folder.
    pub folder: Id,
    /// Its UID.
    pub uid: u32,
}

impl Operator {
    /// Adds a message to a folder by name (APPEND). Durable when it returns. (UIDVALIDITY, uid).
    /// `folder.unknown`, `quota.exceeded`, `keyword.limit`, `syntax.error`, `message.infected`, `antivirus.unavailable`.
    #[boxed]
    pub async fn append(
        &self,
        actor: &Actor,
        folder: &str,
        flags: FlagSet,
        date: Option<Timestamp>,
        message: Received,
    ) -> Result<(u32, u32), Refusal> {
        let folder = self.folder(actor, folder).await?.id;
        let filing = self.prepare_filing(actor, folder, flags, date, message).await?;
        let filed = self.file(actor, vec![filing], None).await?;
        let uid = filed.uids.first().copied().ok_or(RefusalCode::Defect)?;
        Ok((filed.uidvalidity, uid))
    }

    /// Looks at a message (antivirus) and seals what will be kept of it beside its content. Nothing is kept yet.
    /// `keyword.limit`, `syntax.error`, `message.infected`, `antivirus.unavailable`.
    #[boxed]
    pub async fn prepare_filing(
        &self,
        actor: &Actor,
        folder: Id,
        flags: FlagSet,
        date: Option<Timestamp>,
        message: Received,
    ) -> Result<Filing, Refusal> {
        let seat = self.seat(actor)?.filing();
        if self.scans_filed() {
            // What somebody files is nobody else's: documents under a password are no matter, and it stays as it was brought.
            let shown = actor.bal.as_ref().map(|b| self.shown(&b.address)).unwrap_or_default();
            let (by, log) = (By::actor(actor), Some((seat.bal, shown)));
            let (whose, to, bals) = (Whose::Session(actor), Vec::new(), Vec::new());
            let about = About { way: "filed", id: "", by, whose, from: None, to, bals, log };
            self.pass_antivirus(&message, about).await?;
        }
        let date = date.unwrap_or(self.now());
        let prepared = self.prepare_delivery(seat.bal, Target::Folder(folder), &message, &[], flags, date).await?;
        Ok(Filing { prepared, spool: message.spool, takings: Takings::default() })
    }

    /// Is there room for so many bytes, in exchange for what is replaced? Judged again when they are filed ([`Operator::file`]): for those who
    /// would rather not take what cannot be kept. `quota.exceeded`.
    #[boxed]
    pub async fn has_room(&self, actor: &Actor, bytes: u64, replacing: Option<&Replacing>) -> Result<(), Refusal> {
        let seat = self.seat(actor)?.filing();
        let leaves = replacing.filter(|r| r.actor.bal.as_ref().is_some_and(|b| b.id == seat.bal));
        let leaves = leaves.map(|r| (r.folder, r.uid));
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let bal = accounts::bal_by_id(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let mut freed = 0;
            if let Some((folder, uid)) = leaves {
                freed = messages::entries_of(tx, folder, &[i64::from(uid)])?.iter().map(|e| e.size).sum();
            }
            Ok((bal.used_bytes - freed, bal.quota_bytes))
        });
        let (used, most) = read.await?;
        if used.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX)) > most {
            return Err(Refusal::new(RefusalCode::QuotaExceeded).with("limit", most));
        }
        Ok(())
    }

    /// Keeps the messages, in their order, and removes the one that is replaced: all or nothing.
    /// `folder.unknown`, `quota.exceeded`, `keyword.limit`; `entry.unknown` when the one to replace is gone; what [`Operator::may_take`] refuses.
    #[boxed]
    pub async fn file(
        &self,
        actor: &Actor,
        filings: Vec<Filing>,
        replacing: Option<Replacing>,
    ) -> Result<Filed, Refusal> {
        if filings.is_empty() {
            return Err(Refusal::new(RefusalCode::SyntaxError).with("cause", "no message"));
        }
        let seat = self.seat(actor)?.filing();
        let record = self.record(actor, seat.bal, "mail.filed");
        let mut from = None;
        if let Some(Replacing { actor, folder, uid }) = &replacing {
            let source = self.seat(actor)?.filing();
            let without = self.kept_from(actor);
            from = Some((source, *folder, *uid, self.record(actor, source.bal, "mail.expunged"), without));
        }
        let left = from.as_ref().map(|f| f.0.bal).filter(|bal| *bal != seat.bal);
        let index = left.map(|bal| self.index_job(bal, self.config().search.delay));
        let (mut prepared, mut spools, mut takings) = (Vec::new(), Vec::new(), Takings::default());
        for filing in filings {
            prepared.push(filing.prepared);
            spools.push(filing.spool);
            takings.extend(filing.takings);
        }
        let bals: BTreeSet<Id> = left.into_iter().chain(takings.bals()).chain([seat.bal]).collect();
        // Each of them fits; all of them together may not.
        if prepared.len() > 1 {
            self.keyword_room_all(&prepared).await?;
        }
        let operator = self.clone();
        // Once begun it is not the session's any more: see `act`.
        let task = tokio::spawn(async move {
            let filed = keep_all(&operator.0.store, spools, move |tx, blobs| {
                // The row of a BAL is locked first, as in every act; of one alone, by what is put there.
                if bals.len() > 1 {
                    lock_all(tx, &bals)?;
                }
                takings.check(tx)?;
                let mut gone = None;
                if let Some((source, folder, uid, record, without)) = &from {
                    let entry = take_out(tx, source.bal, (*folder, *uid), without.as_ref(), record.at())?;
                    let at = source.check(tx)?;
                    if let Some(index) = &index {
                        sceau_store::jobs::ensure(tx, index)?;
                        let data = json!({"folder": folder, "count": 1, "messages": [entry.message]});
                        record.write(tx, &at, &data)?;
                    }
                    gone = Some((source.bal, *folder, entry));
                }
                let placed = put_in(tx, &prepared, blobs)?;
                let shown = seat.check(tx)?;
                let replaced = gone.as_ref().filter(|_| left.is_none()).map(|(_, folder, entry)| (*folder, entry));
                trace(tx, &record, &shown, &placed, replaced)?;
                if let Some((bal, _, entry)) = &gone {
                    messages::drop_orphans(tx, *bal, vec![entry.message], record.at())?;
                }
                let uidvalidity = placed.first().map_or(0, |p| p.uidvalidity);
                Ok(Kept::Yes(Filed { uidvalidity, uids: placed.iter().map(|p| p.uid).collect() }))
            })
            .await?;
            operator.0.watch.notify(seat.bal);
            if let Some(bal) = left {
                operator.0.watch.notify(bal);
            }
            Ok::<_, Fail>(filed)
        });
        match task.await {
            Ok(filed) => Ok(filed?),
            Err(e) => Err(refuse::abnormal("filing a message", &e)),
        }
    }

    /// The message that a UID of a folder shows now. `folder.unknown`, `entry.unknown`.
    #[boxed]
    pub async fn message_at(&self, actor: &Actor, folder: Id, uid: u32) -> Result<Id, Refusal> {
        let seat = self.seat(actor)?;
        let without = self.kept_from(actor);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let mut found = messages::entries_of(tx, folder, &[i64::from(uid)])?;
            leave_out(without.as_ref(), tx, &mut found)?;
            found.first().map(|e| e.message).ok_or_else(|| RefusalCode::EntryUnknown.into())
        });
        Ok(read.await?)
    }
}

/// Takes an entry out of its folder. Its message stays until the act's end: what replaces it may be the same.
fn take_out(
    tx: &mut dyn Tx,
    bal: Id,
    (folder, uid): (Id, u32),
    without: Option<&Marks>,
    at: i64,
) -> Result<EntryRow, Fail> {
    let state = rows::lock_bal(tx, bal)?.ok_or(RefusalCode::RightMissing)?;
    // A folder that was deleted took the entry with it.
    rows::by_id(tx, bal, folder)?.ok_or(RefusalCode::EntryUnknown)?;
    let mut found = messages::entries_of(tx, folder, &[i64::from(uid)])?;
    leave_out(without, tx, &mut found)?;
    let entry = found.pop().ok_or(RefusalCode::EntryUnknown)?;
    let counts = messages::counts_of([&entry]).negated();
    messages::remove(tx, Act { bal, modseq: state.modseq, at }, folder, std::slice::from_ref(&entry))?;
    rows::adjust(tx, folder, counts, state.modseq)?;
    rows::recharge_bal(tx, bal, counts.bytes, counts.messages)?;
    Ok(entry)
}

/// Puts the messages into their folder.
fn put_in(tx: &mut dyn Tx, prepared: &[Prepared], blobs: &[BlobRow]) -> Result<Vec<Placed>, Fail> {
    let mut placed = Vec::with_capacity(prepared.len());
    for (one, blob) in prepared.iter().zip(blobs) {
        placed.push(deliver::insert(tx, one, RefusalCode::QuotaExceeded)?);
        blob::insert(tx, blob)?;
    }
    Ok(placed)
}

/// One trace, whatever the number of messages.
fn trace(
    tx: &mut dyn Tx,
    record: &Record,
    bal: &str,
    placed: &[Placed],
    replaced: Option<(Id, &EntryRow)>,
) -> Result<(), Fail> {
    let mut data = match placed {
        [one] => json!({"folder": one.folder, "message": one.message, "uid": one.uid}),
        many => {
            let (folder, uid) = many.first().map_or((0, 0), |p| (p.folder, p.uid));
            json!({"folder": folder, "uid": uid, "count": many.len(), "messages": ids(many.iter().map(|p| p.message))})
        }
    };
    if let Some((folder, entry)) = replaced {
        data["replaced"] = json!({"folder": folder, "uid": entry.uid, "message": entry.message});
    }
    Ok(record.write(tx, bal, &data)?)
}
