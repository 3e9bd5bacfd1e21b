//! Healing what can be derived from the rest: each act in one transaction with its trace.
use super::finding::{Finding, Kind};
use super::fsck::Run;
use crate::mailbox::names::INBOX;
use crate::mailbox::seal::MESSAGE_SUMMARY;
use sceau_message::scan::{Limits, Scanner};
use sceau_message::summary::Summary;
use sceau_store::care::CareError;
use sceau_store::care::check::{counts, engine, loose, sealed};
use sceau_store::folders::{self, FolderRow, NewFolder};
use sceau_store::traces::{self, Trace};
use sceau_store::{Id, StoreError, Tx, blob, jobs, keywords, messages};
use serde_json::json;

/// Bytes of a message read at a time.
const PIECE: usize = 64 << 10;

impl Run<'_> {
    /// Heals one finding. False when it could not be.
    pub(super) async fn heal(&mut self, f: &Finding) -> Result<bool, CareError> {
        match (f.code, f.bal_id) {
            (
                Kind::FolderCounts
                | Kind::FolderUidnext
                | Kind::FolderModseq
                | Kind::BalCounts
                | Kind::BalModseq
                | Kind::BalUidvalidity,
                Some(bal),
            ) => self.act(f, move |tx| counts::heal(tx, bal)).await,
            (Kind::EntryVanished, Some(bal)) => {
                let entry = entry_of(f, bal);
                self.act(f, move |tx| loose::unsay_gone(tx, &entry)).await
            }
            (Kind::EntryKeywords, Some(bal)) => self.act(f, move |tx| Ok(counts::heal_slots(tx, bal)? > 0)).await,
            (Kind::EntryFolder | Kind::MessageHidden, Some(bal)) => self.show_again(f, bal).await,
            (Kind::EntryMessage | Kind::EntrySize, Some(bal)) => {
                let entry = entry_of(f, bal);
                let (remove, now) = (f.code == Kind::EntryMessage, self.store.clock().now());
                self.touched.insert(bal);
                self.act(f, move |tx| match remove {
                    true => loose::remove_entry(tx, &entry, now),
                    false => loose::resize_entry(tx, &entry).map(|()| true),
                })
                .await
            }
            (Kind::FolderName, Some(bal)) => self.name_folder(f, bal).await,
            (Kind::KeywordName, Some(bal)) => self.name_keyword(f, bal).await,
            (Kind::MessageSummary, Some(bal)) => self.summarise(f, bal).await,
            (Kind::QueueEmpty, Some(bal)) => {
                let (Some(id), Some(blob)) = (f.message, blob_of(f)) else { return Ok(false) };
                let now = self.store.clock().now();
                let message = loose::Message { id, bal, blob };
                self.act(f, move |tx| loose::remove_queued(tx, &message, now).map(|()| true)).await
            }
            (Kind::QueueDestination, _) => {
                let (Some(domain), now) = (f.detail.clone(), self.store.clock().now()) else { return Ok(false) };
                self.act(f, move |tx| loose::add_destination(tx, &domain, now).map(|()| true)).await
            }
            (Kind::SearchIndex, Some(bal)) => self.index_anew(f, bal).await,
            (Kind::BlobUnnamed, _) => {
                let (Some(id), now) = (blob_of(f), self.store.clock().now()) else { return Ok(false) };
                self.act(f, move |tx| loose::release_unnamed(tx, &id, now).map(|()| true)).await
            }
            _ => Ok(false),
        }
    }

    /// Counts what repairs changed, once a BAL.
    pub(super) async fn heal_touched(&mut self) -> Result<(), CareError> {
        for bal in std::mem::take(&mut self.touched) {
            let f = Finding::new(Kind::BalCounts).on(bal);
            self.act(&f, move |tx| counts::heal(tx, bal)).await?;
        }
        Ok(())
    }

    /// Removes what nothing names: one walk for all.
    pub(super) async fn heal_blobs(&mut self, findings: &mut [Finding]) -> Result<(), CareError> {
        let garbage = |f: &&mut Finding| matches!(f.code, Kind::BlobUnnamed | Kind::BlobStray);
        if !findings.iter_mut().any(|f| garbage(&f)) {
            return Ok(());
        }
        let done = blob::sweep(self.store).await?;
        let said = json!({ "code": "blob", "rows": done.rows, "files": done.files });
        let trace = self.trace(&said, None);
        self.store.write(move |tx| traces::record(tx, &trace)).await.map_err(|e: StoreError| e)?;
        findings.iter_mut().filter(garbage).for_each(|f| f.repaired = true);
        Ok(())
    }

    /// Runs a repair with its trace.
    async fn act(
        &self,
        f: &Finding,
        mut heal: impl FnMut(&mut dyn Tx) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<bool, CareError> {
        let said = json!({ "code": f.code, "folder": f.folder, "uid": f.uid, "message": f.message, "blob": f.blob });
        let trace = self.trace(&said, f.bal_id);
        let healed = self.store.write(move |tx| {
            let healed = heal(tx)?;
            if healed {
                traces::record(tx, &trace)?;
            }
            Ok::<_, StoreError>(healed)
        });
        Ok(healed.await?)
    }

    fn trace(&self, data: &serde_json::Value, bal: Option<Id>) -> Trace {
        let bal = bal.map(|id| (id, self.names.get(&id).cloned()));
        super::system_trace(self.store, "store.repaired", bal, data)
    }

    /// Indexes are made anew from the tables; what then still is wrong is not healed.
    pub(super) async fn heal_database(&self) -> Result<bool, CareError> {
        let rebuilt = engine::rebuild_indexes(self.store).await;
        Ok(rebuilt.is_ok() && engine::integrity(self.store).await?.is_empty())
    }

    pub(super) fn tag(&self, purpose: &str, bal: Id, name: &str) -> Vec<u8> {
        let data = [&bal.to_be_bytes()[..], name.as_bytes()].concat();
        self.store.vault().tag(purpose, &data).to_vec()
    }

    /// Puts what nothing shows into the INBOX, which is made when it is missing.
    async fn show_again(&mut self, f: &Finding, bal: Id) -> Result<bool, CareError> {
        let Some(seal) = self.seal(bal).await? else { return Ok(false) };
        self.touched.insert(bal);
        let (entry, tag, id) = (entry_of(f, bal), self.tag("folder.name", bal, INBOX), self.store.new_id());
        let new = NewFolder {
            id,
            bal,
            name_sealed: seal.folder_name(id, INBOX)?,
            name_tag: tag.clone(),
            special_use: None,
            subscribed: true,
            created: self.store.clock().now().0,
        };
        self.act(f, move |tx| {
            if folders::by_tag(tx, bal, &tag)?.is_none() {
                let Some(state) = folders::lock_bal(tx, bal)? else { return Ok(false) };
                folders::insert(tx, &new, state.modseq)?;
            }
            loose::show_again(tx, &entry, &tag)
        })
        .await
    }

    /// Gives a folder a name again: INBOX when its tag says so, that of its special use, or one made of its number.
    async fn name_folder(&mut self, f: &Finding, bal: Id) -> Result<bool, CareError> {
        let (Some(id), Some(seal)) = (f.folder, self.seal(bal).await?) else { return Ok(false) };
        let Some(row) = self.read(move |tx| folders::by_id(tx, bal, id)).await? else { return Ok(false) };
        // A name that can be read lost only its tag.
        let name = seal.open_folder_name(id, &row.name_sealed).unwrap_or_else(|_| self.name_for(&row));
        let (sealed, tag) = (seal.folder_name(id, &name)?, self.tag("folder.name", bal, &name));
        self.act(f, move |tx| {
            let Some(state) = folders::lock_bal(tx, bal)? else { return Ok(false) };
            let taken = folders::by_tag(tx, bal, &tag)?.is_some_and(|other| other.id != id);
            if taken {
                return Ok(false);
            }
            folders::heal_name(tx, id, &sealed, &tag, state.modseq)?;
            Ok(true)
        })
        .await
    }

    fn name_for(&self, row: &FolderRow) -> String {
        let names = [INBOX, "Archive", "Drafts", "Junk", "Sent", "Trash"];
        let known = names.iter().find(|name| self.tag("folder.name", row.bal, name) == row.name_tag);
        known.map_or_else(|| format!("fsck-{}", row.id), |name| (*name).to_owned())
    }

    /// A keyword whose name is lost gets one made of its slot: entries keep it.
    async fn name_keyword(&mut self, f: &Finding, bal: Id) -> Result<bool, CareError> {
        let slot: Option<usize> = f.detail.as_deref().and_then(|s| s.parse().ok());
        let (Some(slot), Some(seal)) = (slot, self.seal(bal).await?) else { return Ok(false) };
        let Some(row) = self.read(move |tx| keywords::list(tx, bal)).await?.into_iter().find(|k| k.slot == slot) else {
            return Ok(false);
        };
        let known = seal.open_keyword(row.id, &row.sealed).map(|name| name.to_string());
        let name = known.unwrap_or_else(|_| format!("fsck-{slot}"));
        let (sealed, tag) = (
            seal.seal(row.id, "keyword.name", name.as_bytes())?,
            self.tag("keyword.name", bal, &name.to_ascii_lowercase()),
        );
        self.act(f, move |tx| keywords::heal_name(tx, bal, row.id, &sealed, &tag)).await
    }

    /// Makes a summary again from the content.
    async fn summarise(&mut self, f: &Finding, bal: Id) -> Result<bool, CareError> {
        let (Some(id), Some(seal)) = (f.message, self.seal(bal).await?) else { return Ok(false) };
        let Some(row) = self.read(move |tx| messages::content(tx, bal, id)).await? else { return Ok(false) };
        let Ok(key) = seal.unwrap_blob_key(id, &row.blob_key) else { return Ok(false) };
        let read = async {
            let mut reader = self.store.open_blob(row.blob, key).await?;
            let (mut scanner, mut at) = (Scanner::new(Limits::default()), 0);
            loop {
                let piece = reader.read_at(at, PIECE).await?;
                if piece.is_empty() {
                    return Ok(scanner.finish().ok());
                }
                at += piece.len() as u64;
                if scanner.push(&piece).is_err() {
                    return Ok(None);
                }
            }
        };
        let scan = match read.await {
            Ok(Some(scan)) => scan,
            Err(e @ StoreError::Transient(_)) => return Err(e.into()),
            // Its content is lost too.
            Ok(None) | Err(_) => return Ok(false),
        };
        let sealed = seal.seal(id, MESSAGE_SUMMARY, &Summary::of(&scan, &Limits::default()).to_bytes())?;
        self.act(f, move |tx| sealed::set_summary(tx, id, &sealed).map(|()| true)).await
    }

    /// Drops the index of a BAL and asks the server to make it again.
    async fn index_anew(&mut self, f: &Finding, bal: Id) -> Result<bool, CareError> {
        let now = self.store.clock().now();
        let job = jobs::NewJob {
            id: self.store.new_id(),
            kind: "index".into(),
            key: bal.to_string(),
            payload: Vec::new(),
            run_at: now.0,
            created: now.0,
        };
        self.act(f, move |tx| {
            loose::drop_search(tx, bal, now)?;
            jobs::enqueue(tx, &job)?;
            Ok(true)
        })
        .await
    }
}

fn entry_of(f: &Finding, bal: Id) -> loose::Entry {
    loose::Entry {
        folder: f.folder.unwrap_or_default(),
        uid: f.uid.unwrap_or_default(),
        bal,
        message: f.message.unwrap_or_default(),
    }
}

fn blob_of(f: &Finding) -> Option<blob::BlobId> {
    let mut id = blob::BlobId::default();
    hex::decode_to_slice(f.blob.as_deref()?, &mut id).ok()?;
    Some(id)
}
