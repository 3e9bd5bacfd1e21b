//! Opening what is sealed: names, keywords, summaries, prefixes, keys of blobs; and, when asked, every chunk of every content.
use super::finding::{Finding, Kind};
use super::fsck::Run;
use crate::mailbox::seal::{BalSeal, MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::queue::aad;
use sceau_message::summary::Summary;
use sceau_store::care::check::sealed::{self, Message, Queued};
use sceau_store::care::{CareError, Phase};
use sceau_store::{DataKey, Id, StoreError, folders, keywords};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Messages looked at in one reading.
const PAGE: i64 = 200;

impl Run<'_> {
    /// Keys, folder names and keywords of every BAL.
    pub(super) async fn open_bals(&mut self) -> Result<(), CareError> {
        let mut bals: Vec<Id> = self.active.iter().copied().collect();
        bals.sort_unstable();
        for bal in bals {
            let Some(seal) = self.seal(bal).await? else {
                self.found(Finding::new(Kind::BalKey).on(bal));
                continue;
            };
            let (folders, keywords) =
                self.read(move |tx| Ok((folders::list(tx, bal)?, keywords::list(tx, bal)?))).await?;
            for folder in folders {
                let name = seal.open_folder_name(folder.id, &folder.name_sealed);
                // Found by its tag, shown by its name: both must say the same.
                if !name.is_ok_and(|name| self.tag("folder.name", bal, &name) == folder.name_tag) {
                    self.found(Finding::new(Kind::FolderName).on(bal).folder(folder.id));
                }
            }
            for keyword in keywords {
                let name = seal.open_keyword(keyword.id, &keyword.sealed);
                if !name.is_ok_and(|name| self.tag("keyword.name", bal, &name.to_ascii_lowercase()) == keyword.tag) {
                    self.found(Finding::new(Kind::KeywordName).on(bal).detail(keyword.slot.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Every message of every BAL that is not closed.
    pub(super) async fn open_messages(&mut self, content: bool) -> Result<(), CareError> {
        let total = self.read(sealed::count).await?;
        self.progress.begin(if content { Phase::Content } else { Phase::Sealed }, total);
        let mut after = Id::MIN;
        loop {
            let page = self.read(move |tx| sealed::messages(tx, after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for message in page {
                self.progress.add(1);
                if let (true, Some(seal)) = (self.active.contains(&message.bal), self.seal(message.bal).await?) {
                    self.open_message(&seal, &message, content).await?;
                }
            }
        }
    }

    async fn open_message(&mut self, seal: &BalSeal, m: &Message, content: bool) -> Result<(), CareError> {
        let of = |kind| Finding::new(kind).on(m.bal).message(m.id).blob(&m.blob);
        let prefix = m.prefix.as_deref().map(|p| seal.open(m.id, MESSAGE_PREFIX, p)).transpose();
        if prefix.is_err() {
            self.found(of(Kind::MessagePrefix));
        }
        let summary = seal.open(m.id, MESSAGE_SUMMARY, &m.summary).ok();
        if summary.and_then(|s| Summary::from_bytes(&s)).is_none() {
            self.found(of(Kind::MessageSummary));
        }
        match seal.unwrap_blob_key(m.id, &m.blob_key) {
            Err(_) => self.found(of(Kind::MessageKey)),
            Ok(key) if content => {
                let prefix = prefix.ok().flatten().map_or(0, |p| p.len());
                let size = i64::try_from(prefix).unwrap_or(i64::MAX);
                if !self.whole(m.blob, key, m.prefix.is_none() || prefix > 0, m.size - size).await? {
                    self.found(of(Kind::MessageContent));
                }
            }
            Ok(_) => {}
        }
        Ok(())
    }

    /// Does every chunk of a blob open, and is it as long as it should be?
    async fn whole(
        &self,
        blob: sceau_store::blob::BlobId,
        key: DataKey,
        sized: bool,
        size: i64,
    ) -> Result<bool, CareError> {
        let opened = async {
            let mut reader = self.store.open_blob(blob, key).await?;
            reader.verify().await?;
            Ok(!sized || i64::try_from(reader.size()) == Ok(size))
        };
        match opened.await {
            Err(e @ (StoreError::Transient(_) | StoreError::Full)) => Err(e.into()),
            Err(_) => Ok(false),
            Ok(whole) => Ok(whole),
        }
    }

    /// Every queued message.
    pub(super) async fn open_queue(&mut self, content: bool) -> Result<(), CareError> {
        let (mut after, mut keys) = (Id::MIN, HashMap::<i64, Option<DataKey>>::new());
        loop {
            let page = self.read(move |tx| sealed::queued(tx, after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for queued in page {
                let key = match keys.entry(queued.epoch) {
                    Entry::Occupied(known) => known.get().clone(),
                    Entry::Vacant(new) => new.insert(self.transit_key(queued.epoch).await?).clone(),
                };
                self.open_queued(key, &queued, content).await?;
            }
        }
    }

    /// Addresses of the queue that are sealed: those of patients.
    pub(super) async fn open_recipients(&mut self) -> Result<(), CareError> {
        let (mut after, mut known) = (Id::MIN, None::<(i64, Option<DataKey>)>);
        loop {
            let page = self.read(move |tx| sealed::recipients(tx, after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for r in page {
                if known.as_ref().is_none_or(|(epoch, _)| *epoch != r.epoch) {
                    known = Some((r.epoch, self.transit_key(r.epoch).await?));
                }
                let key = known.as_ref().and_then(|(_, key)| key.as_ref());
                let address = key.and_then(|key| key.unseal(aad(r.epoch, r.id, "queue.recipient"), &r.address).ok());
                if address.is_none_or(|a| std::str::from_utf8(&a).is_err()) {
                    self.found(Finding::new(Kind::QueueAddress).on(r.bal).message(r.message));
                }
            }
        }
    }

    /// The key of an epoch; none when it is gone.
    async fn transit_key(&self, epoch: i64) -> Result<Option<DataKey>, CareError> {
        match self.store.vault().transit_key_of(epoch).await {
            Ok(key) => Ok(Some(key)),
            Err(e) if e.is_transient() => Err(e.into()),
            Err(_) => Ok(None),
        }
    }

    async fn open_queued(&mut self, key: Option<DataKey>, q: &Queued, content: bool) -> Result<(), CareError> {
        let of = |kind| Finding::new(kind).on(q.bal).message(q.id).blob(&q.blob);
        if let (Some(key), Some(sender)) = (&key, &q.sender)
            && key.unseal(aad(q.epoch, q.id, "queue.sender"), sender).is_err()
        {
            self.found(of(Kind::QueueAddress));
        }
        let opened = key.and_then(|key| {
            key.unseal(aad(q.epoch, q.id, "queue.prefix"), &q.prefix).ok()?;
            key.unwrap_key(aad(q.epoch, q.id, "queue.blob_key"), &q.blob_key).ok()
        });
        match opened {
            None => self.found(of(Kind::QueueSealed)),
            Some(key) if content => {
                if !self.whole(q.blob, key, false, 0).await? {
                    self.found(of(Kind::QueueContent));
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The key of a BAL; none when it is gone.
    pub(super) async fn seal(&mut self, bal: Id) -> Result<Option<BalSeal>, CareError> {
        match self.store.vault().bal_key(bal).await {
            Ok(key) => Ok(Some(BalSeal::new(bal, key))),
            Err(e) if e.is_transient() => Err(e.into()),
            Err(_) => Ok(None),
        }
    }
}
