//! Reading messages: summaries (never parsed again) and content by ranges.
use crate::mailbox::seal::{BalSeal, MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::summary::Summary;
use sceau_store::blob::BlobReader;
use sceau_store::messages::{self, MessageRow};
use sceau_store::{Id, StoreError};
use std::sync::Arc;

/// Bytes read from the blob at a time.
const PIECE: usize = 64 << 10;

/// A message's summary with what the way added before it.
#[derive(Debug, Clone)]
pub struct MessageSummary {
    /// The message.
    pub message: Id,
    /// Fields that the way added (`Return-Path`, `Received`…), ending with CRLF; may be empty. They stand before the message:
    /// every offset of `summary.root` is to be shifted by `prefix.len()`, and `BODY[HEADER]` is prefix + header.
    pub prefix: Vec<u8>,
    /// Its summary.
    pub summary: Summary,
}

impl MessageSummary {
    /// Opens what the store keeps, in a room that is used again for the next.
    pub(crate) fn open(seal: &BalSeal, row: &MessageRow, room: &mut Vec<u8>) -> Result<Self, StoreError> {
        let prefix = match &row.prefix {
            Some(sealed) => seal.open_in(row.id, MESSAGE_PREFIX, sealed, room)?.to_vec(),
            None => Vec::new(),
        };
        let summary = seal.open_in(row.id, MESSAGE_SUMMARY, &row.summary, room)?;
        let summary = Summary::from_bytes(summary).ok_or_else(|| StoreError::Corrupt(row.id.to_string()))?;
        Ok(Self { message: row.id, prefix, summary })
    }
}

/// Reads one message's bytes (prefix and content as one sequence).
#[derive(Debug)]
pub struct MessageReader {
    prefix: Vec<u8>,
    blob: BlobReader,
}

impl MessageReader {
    /// Total size.
    pub fn size(&self) -> u64 {
        self.prefix.len() as u64 + self.blob.size()
    }
    /// At most `len` bytes from `offset`; fewer at the end. Ask for ≤ 64 KiB at a time.
    pub async fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, Refusal> {
        let rest = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(rest);
        let mut out = Vec::with_capacity(len);
        if let Some(prefix) = usize::try_from(offset).ok().and_then(|at| self.prefix.get(at..)) {
            out.extend_from_slice(&prefix[..prefix.len().min(len)]);
        }
        while out.len() < len {
            let at = offset + out.len() as u64 - self.prefix.len() as u64;
            let piece = self.blob.read_at(at, (len - out.len()).min(PIECE)).await.map_err(|e| refuse::store(&e))?;
            if piece.is_empty() {
                return Err(refuse::store(&StoreError::Corrupt("blob shorter than its row says".into())));
            }
            out.extend_from_slice(&piece);
            if out.len() < len {
                tokio::task::yield_now().await;
            }
        }
        Ok(out)
    }
}

impl Operator {
    /// Summaries of messages of the actor's BAL, in the order asked; a message that is gone is skipped. Ask by pages (≤ 500).
    pub async fn summaries(&self, actor: &Actor, messages: &[Id]) -> Result<Vec<Arc<MessageSummary>>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let ids = messages.to_vec();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            Ok((bal, messages::summaries(tx, seat.bal, &ids)?))
        });
        let (bal, rows) = read.await?;
        let (mut found, mut room) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in messages.iter().filter_map(|id| rows.get(id)) {
            found.push(Arc::new(MessageSummary::open(&seal, row, &mut room).map_err(|e| refuse::store(&e))?));
        }
        if let (Some(first), Some(last)) = (rows.keys().min(), rows.keys().max()) {
            self.note_reading(actor, (seat.bal, bal), Read::Listed(*first, *last, rows.len())).await?;
        }
        Ok(found)
    }
    /// Opens a message's content. Traced as a reading. `entry.unknown` when it is gone.
    pub async fn open_message(&self, actor: &Actor, message: Id) -> Result<MessageReader, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let row = messages::content(tx, seat.bal, message)?.ok_or(RefusalCode::EntryUnknown)?;
            Ok((bal, row))
        });
        let (bal, row) = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let (prefix, blob) = self.open_content(&seal, message, &row).await?;
        self.note_reading(actor, (seat.bal, bal), Read::Message(message)).await?;
        Ok(MessageReader { prefix, blob })
    }
    /// A reader of a message whose opening is traced by the caller.
    pub(crate) async fn reader_of(
        &self,
        seal: &BalSeal,
        message: Id,
        row: &messages::ContentRow,
    ) -> Result<MessageReader, Refusal> {
        let (prefix, blob) = self.open_content(seal, message, row).await?;
        Ok(MessageReader { prefix, blob })
    }
    /// Content of a message, without what the way added.
    pub(crate) async fn open_blob_of(
        &self,
        seal: &BalSeal,
        message: Id,
        row: &messages::ContentRow,
    ) -> Result<BlobReader, StoreError> {
        let key = seal.unwrap_blob_key(message, &row.blob_key)?;
        self.0.store.open_blob(row.blob, key).await
    }
    /// Prefix and content of a message.
    pub(super) async fn open_content(
        &self,
        seal: &BalSeal,
        message: Id,
        row: &messages::ContentRow,
    ) -> Result<(Vec<u8>, BlobReader), Refusal> {
        let keys = || {
            let prefix = row.prefix.as_deref().map(|p| seal.open(message, MESSAGE_PREFIX, p)).transpose()?;
            Ok((prefix.unwrap_or_default(), seal.unwrap_blob_key(message, &row.blob_key)?))
        };
        let (prefix, key) = keys().map_err(|e: StoreError| refuse::store(&e))?;
        let blob = self.0.store.open_blob(row.blob, key).await.map_err(|e| refuse::store(&e))?;
        Ok((prefix, blob))
    }
}
