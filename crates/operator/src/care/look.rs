//! Looking at rows and at the places of blobs: nothing is opened here.
use super::finding::{Finding, Kind};
use super::fsck::Run;
use crate::notary::LogReader;
use sceau_notary::PublicKey;
use sceau_notary::audit::{Audit, Line, Options};
use sceau_store::blob::{self, BlobId};
use sceau_store::care::check::{PAGE, counts, engine, loose, sealed};
use sceau_store::care::{CareError, Phase};
use sceau_store::{Id, StoreError, Tx, keywords};
use std::collections::VecDeque;

/// BALs looked at in one reading.
const BALS: i64 = 50;
/// Blobs looked at in one reading.
const BLOBS: i64 = 1_000;
/// Objects younger than this may belong to a transaction on its way, milliseconds.
const YOUNG: i64 = 3_600_000;
/// A trace younger than this may be without a leaf, milliseconds: the notary's lease, and a round.
const GRACE: i64 = 90_000;

impl Run<'_> {
    /// The database itself. False when rows cannot be looked at.
    pub(super) async fn look_at_engine(&mut self) -> Result<bool, CareError> {
        for complaint in engine::integrity(self.store).await? {
            self.found(Finding::new(Kind::DatabaseDamaged).detail(complaint));
        }
        for complaint in engine::keyring_integrity(self.store).await? {
            self.found(Finding::new(Kind::KeyringDamaged).detail(complaint));
        }
        let unreadable = match engine::unreadable(self.store, self.progress).await {
            Ok(unreadable) => unreadable,
            Err(CareError::Store(e)) if !e.is_transient() => {
                self.found(Finding::new(Kind::DatabaseDamaged).detail(e.to_string()));
                return Ok(false);
            }
            Err(e) => return Err(e),
        };
        let whole = unreadable.is_empty();
        for table in unreadable {
            self.found(Finding::new(Kind::TableUnreadable).detail(format!("{} (> {})", table.table, table.after)));
        }
        Ok(whole)
    }

    /// Counts of every BAL and folder against entries.
    pub(super) async fn look_at_counts(&mut self) -> Result<(), CareError> {
        let mut after = Id::MIN;
        loop {
            let page = self.read(move |tx| counts::bals(tx, after, BALS)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for bal in page {
                let id = bal.id;
                self.names.insert(id, bal.address.clone());
                if bal.state == "active" {
                    self.active.insert(id);
                }
                let (folders, known) =
                    self.read(move |tx| Ok((counts::folders(tx, id)?, keywords::list(tx, id)?))).await?;
                let (mut bytes, mut count, mut modseq, mut uidvalidity) = (0, 0, bal.floor.max(bal.departed), 0);
                for f in folders {
                    if f.kept != f.real {
                        self.found(Finding::new(Kind::FolderCounts).on(id).folder(f.id));
                    }
                    if f.uidnext <= f.last_uid {
                        self.found(Finding::new(Kind::FolderUidnext).on(id).folder(f.id).uid(f.last_uid));
                    }
                    if f.kept_modseq < f.modseq {
                        self.found(Finding::new(Kind::FolderModseq).on(id).folder(f.id));
                    }
                    if f.slots.iter().any(|slot| known.iter().all(|k| k.slot != slot)) {
                        self.found(Finding::new(Kind::EntryKeywords).on(id).folder(f.id));
                    }
                    (bytes, count) = (bytes + f.real.bytes, count + f.real.messages);
                    modseq = modseq.max(f.modseq).max(f.kept_modseq);
                    uidvalidity = uidvalidity.max(f.uidvalidity);
                }
                if bal.uidvalidity_next <= uidvalidity {
                    self.found(Finding::new(Kind::BalUidvalidity).on(id));
                }
                if bal.used != (bytes, count) {
                    self.found(Finding::new(Kind::BalCounts).on(id));
                }
                if bal.modseq < modseq {
                    self.found(Finding::new(Kind::BalModseq).on(id));
                }
            }
        }
    }

    /// References that lead nowhere, rows that nothing leads to.
    pub(super) async fn look_at_references(&mut self) -> Result<(), CareError> {
        self.progress.begin(Phase::Rows, 0);
        type Entries = fn(&mut dyn Tx, &loose::EntryPlace) -> Result<Vec<loose::Entry>, StoreError>;
        let entries: [(Kind, Entries); 4] = [
            (Kind::EntryFolder, loose::entries_without_folder),
            (Kind::EntryMessage, loose::entries_without_message),
            (Kind::EntrySize, loose::entries_of_another_size),
            (Kind::EntryVanished, loose::entries_said_gone),
        ];
        for (kind, page) in entries {
            let tell = |e: loose::Entry| Finding::new(kind).on(e.bal).folder(e.folder).uid(e.uid).message(e.message);
            self.each((Id::MIN, 0), page, |e| (e.folder, e.uid), tell).await?;
        }
        type Messages = fn(&mut dyn Tx, &Id) -> Result<Vec<loose::Message>, StoreError>;
        let messages: [(Kind, Messages); 4] = [
            (Kind::MessageHidden, loose::messages_without_entry),
            (Kind::MessageBlob, loose::messages_without_blob),
            (Kind::QueueBlob, loose::queued_without_blob),
            (Kind::QueueEmpty, loose::queued_without_entry),
        ];
        for (kind, page) in messages {
            let tell = |m: loose::Message| Finding::new(kind).on(m.bal).message(m.id).blob(&m.blob);
            self.each(Id::MIN, page, |m| m.id, tell).await?;
        }
        let tell =
            |p: loose::Piece| Finding::new(Kind::UploadBlob).on(p.bal).blob(&p.blob).detail(p.upload.to_string());
        self.each((Id::MIN, 0), loose::pieces_without_blob, |p| (p.upload, p.first), tell).await?;
        let tell = |(id, bal): (Id, Id)| Finding::new(Kind::UploadHeld).on(bal).detail(id.to_string());
        self.each(Id::MIN, loose::uploads_with_holes, |(id, _)| *id, tell).await?;
        let tell = |domain: String| Finding::new(Kind::QueueDestination).detail(domain);
        self.each(String::new(), |tx, after| loose::destinations_missing(tx, after), String::clone, tell).await?;
        let now = self.store.clock().now();
        let tell = |id: BlobId| Finding::new(Kind::BlobUnnamed).blob(&id);
        self.each((BlobId::default(), now), loose::blobs_unnamed, |id| (*id, now), tell).await?;
        self.each(Id::MIN, loose::search_broken, |bal| *bal, |bal| Finding::new(Kind::SearchIndex).on(bal)).await?;
        self.each(Id::MIN, loose::bals_readdressed, |bal| *bal, |bal| Finding::new(Kind::BalAddress).on(bal)).await
    }

    /// Walks to the end, a page at a time.
    async fn each<T: Send + 'static, C: Clone + Send + 'static>(
        &mut self,
        mut after: C,
        page: fn(&mut dyn Tx, &C) -> Result<Vec<T>, StoreError>,
        place: impl Fn(&T) -> C,
        tell: impl Fn(T) -> Finding,
    ) -> Result<(), CareError> {
        loop {
            let from = after.clone();
            let found = self.read(move |tx| page(tx, &from)).await?;
            let full = i64::try_from(found.len()) == Ok(PAGE);
            if let Some(last) = found.last() {
                after = place(last);
            }
            found.into_iter().for_each(|one| self.found(tell(one)));
            self.progress.add(1);
            if !full {
                return Ok(());
            }
        }
    }

    /// Blobs outside the rows against the objects that there are, both ways. Both go by id: a page of each is in memory.
    pub(super) async fn look_at_blobs(&mut self) -> Result<(), CareError> {
        self.progress.begin(Phase::Blobs, 0);
        let (mut rows, mut after) = (Rows::default(), None);
        loop {
            let page = blob::list(self.store, after).await?;
            let mut strays = Vec::new();
            for object in &page.objects {
                while let Some(row) = rows.next_below(self, Some(&object.id)).await? {
                    self.look_for(row).await?;
                }
                if !rows.take(self, &object.id).await? && object.age_ms > YOUNG {
                    strays.push(object.id);
                }
                self.progress.add(1);
            }
            let ids = strays.clone();
            let known = self.read(move |tx| sealed::known(tx, &ids)).await?;
            for (id, _) in strays.iter().zip(known).filter(|(_, known)| !known) {
                self.found(Finding::new(Kind::BlobStray).blob(id));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        while let Some(row) = rows.next_below(self, None).await? {
            self.look_for(row).await?;
        }
        Ok(())
    }

    /// The listing did not show the object of a row: asks for itself, and names the messages that lost it.
    async fn look_for(&mut self, id: BlobId) -> Result<(), CareError> {
        match blob::raw(self.store, id).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Corrupt(_)) => {}
            Err(e) => return Err(e.into()),
        }
        let messages = self.read(move |tx| sealed::shown_by(tx, &id)).await?;
        if messages.is_empty() {
            self.found(Finding::new(Kind::BlobLost).blob(&id));
        }
        for (bal, message) in messages {
            self.found(Finding::new(Kind::BlobLost).on(bal).message(message).blob(&id));
        }
        Ok(())
    }

    /// The probative log by itself (`trace verify` compares it with the outside file too).
    pub(super) async fn look_at_log(&mut self) -> Result<(), CareError> {
        let reader = LogReader::new(self.store.clone());
        let (overview, now) = (reader.overview().await?, self.store.clock().now().0);
        let options = Options {
            keys: overview.keys.iter().filter_map(|k| PublicKey::from_pem(&k.pem)).collect(),
            now,
            // Nobody folds while no server runs: what came after the last checkpoint waits for the next start.
            grace: GRACE + (now - overview.at).max(0),
            appending: overview.at,
            keeper: None,
            statements: overview.statements,
        };
        let (mut audit, mut from) = (Audit::new(options, None::<std::iter::Empty<Line>>), i64::MIN);
        loop {
            let page = reader.page(from).await?;
            let next = page.leaves.last().filter(|_| page.more).map(|l| l.number.saturating_add(1));
            audit.page(page);
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        let mut after = Some(Id::MIN);
        while let Some(from) = after {
            let unsealed = reader.unsealed(from).await?;
            unsealed.traces.iter().for_each(|(id, made, at)| audit.unsealed(*id, *made, *at));
            after = unsealed.next;
        }
        let report = audit.finish();
        // Another node may have appended meanwhile.
        let size = reader.overview().await?.size;
        if !(overview.size..=size).contains(&report.leaves) {
            // The notary would append to another place than the end.
            self.found(Finding::new(Kind::TraceLog).detail("notary.size"));
        }
        for finding in report.findings {
            self.found(Finding::new(Kind::TraceLog).detail(finding.code()));
        }
        Ok(())
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, CareError> {
        Ok(self.store.read::<T, StoreError, _>(f).await?)
    }
}

/// The blobs outside the rows, by id, a page at a time.
#[derive(Default)]
struct Rows {
    page: VecDeque<BlobId>,
    last: BlobId,
    ended: bool,
}

impl Rows {
    async fn peek(&mut self, run: &Run<'_>) -> Result<Option<BlobId>, CareError> {
        if self.page.is_empty() && !self.ended {
            let from = self.last;
            let page = run.read(move |tx| sealed::outside(tx, &from, BLOBS)).await?;
            self.ended = page.is_empty();
            self.last = page.last().copied().unwrap_or(self.last);
            self.page = page.into();
        }
        Ok(self.page.front().copied())
    }
    /// The next one, if it is below an id.
    async fn next_below(&mut self, run: &Run<'_>, id: Option<&BlobId>) -> Result<Option<BlobId>, CareError> {
        let next = self.peek(run).await?.filter(|next| id.is_none_or(|id| next < id));
        Ok(if next.is_some() { self.page.pop_front() } else { None })
    }
    /// Takes this one, if it is the next.
    async fn take(&mut self, run: &Run<'_>, id: &BlobId) -> Result<bool, CareError> {
        let same = self.peek(run).await?.as_ref() == Some(id);
        if same {
            self.page.pop_front();
        }
        Ok(same)
    }
}
