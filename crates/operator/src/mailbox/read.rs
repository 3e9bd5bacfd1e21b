//! Reading messages: summaries (never parsed again) and content by ranges.
use crate::boxed;
use crate::mailbox::damage::Reading;
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
/// What the summaries of a page may hold in memory, bytes; the last one may go beyond it.
pub(crate) const WEIGHT: usize = 8 << 20;

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
    /// About how many bytes it holds in memory.
    pub fn weight(&self) -> usize {
        self.prefix.len() + self.summary.weight()
    }
}

/// A page of summaries.
#[derive(Debug, Default)]
pub struct Summaries {
    /// In the order asked; a message that is gone is skipped.
    pub found: Vec<Arc<MessageSummary>>,
    /// Messages whose summary is damaged: nothing is known of them.
    pub damaged: Vec<Id>,
    /// Of how many of the messages asked, from the first on, that says all there is.
    pub told: usize,
}

/// Reads one message's bytes (prefix and content as one sequence).
#[derive(Debug)]
pub struct MessageReader {
    prefix: Vec<u8>,
    blob: BlobReader,
    reading: Reading,
}

impl MessageReader {
    /// Total size.
    pub fn size(&self) -> u64 {
        self.prefix.len() as u64 + self.blob.size()
    }
    /// At most `len` bytes from `offset`; fewer at the end. Ask for ≤ 64 KiB at a time. `message.damaged` when what is kept is damaged there: it is told
    /// to the operator, and the message is not opened any more until it can be read.
    #[boxed]
    pub async fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, Refusal> {
        let rest = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(rest);
        let mut out = Vec::with_capacity(len);
        if let Some(prefix) = usize::try_from(offset).ok().and_then(|at| self.prefix.get(at..)) {
            out.extend_from_slice(&prefix[..prefix.len().min(len)]);
        }
        while out.len() < len {
            let at = offset + out.len() as u64 - self.prefix.len() as u64;
            let piece = match self.blob.read_at(at, (len - out.len()).min(PIECE)).await {
                Ok(piece) if piece.is_empty() => Err(StoreError::Corrupt("blob shorter than its row says".into())),
                read => read,
            };
            let piece = match piece {
                Ok(piece) => piece,
                Err(e) => return Err(self.reading.content(&e).await),
            };
            out.extend_from_slice(&piece);
            if out.len() < len {
                tokio::task::yield_now().await;
            }
        }
        Ok(out)
    }
}

/// Says that a message is damaged, so that the others go on; what may pass by itself is no damage.
pub(crate) fn damaged(message: Id, e: &StoreError) -> Result<(), Refusal> {
    match e {
        StoreError::Corrupt(_) => {
            tracing::error!(message, error = %e, "a message is damaged");
            Ok(())
        }
        e => Err(refuse::store(e)),
    }
}

impl Operator {
    /// Summaries of messages of the actor's BAL: of the first one, and of those after it as long as they hold no more than some megabytes,
    /// whatever was written into them. Traced as a reading. Ask for ≤ 500.
    #[boxed]
    pub async fn summaries_page(&self, actor: &Actor, messages: &[Id]) -> Result<Summaries, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let ids = messages.to_vec();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            Ok((bal, messages::summaries(tx, seat.bal, &ids)?))
        });
        let (bal, rows) = read.await?;
        let mut page = Summaries { told: rows.told, ..Summaries::default() };
        let (mut room, mut weight) = (Vec::new(), 0);
        for (i, id) in messages.iter().enumerate().take(rows.told) {
            let Some(row) = rows.rows.get(id) else { continue };
            if weight > WEIGHT {
                page.told = i;
                break;
            }
            match MessageSummary::open(&seal, row, &mut room) {
                Ok(summary) => {
                    weight += summary.weight();
                    page.found.push(Arc::new(summary));
                }
                Err(e) => {
                    damaged(*id, &e)?;
                    page.damaged.push(*id);
                }
            }
        }
        let ids = page.found.iter().map(|m| m.message);
        if let (Some(first), Some(last)) = (ids.clone().min(), ids.max()) {
            let read = Read::Listed(first, last, page.found.len());
            self.note_reading(actor, (seat.bal, bal), read).await?;
        }
        Ok(page)
    }
    /// Summaries of a few messages of the actor's BAL, in the order asked; a message that is gone or damaged is skipped.
    #[boxed]
    pub async fn summaries(&self, actor: &Actor, messages: &[Id]) -> Result<Vec<Arc<MessageSummary>>, Refusal> {
        let (mut found, mut rest) = (Vec::with_capacity(messages.len()), messages);
        while !rest.is_empty() {
            let page = self.summaries_page(actor, rest).await?;
            found.extend(page.found);
            rest = rest.get(page.told.max(1)..).unwrap_or_default();
        }
        Ok(found)
    }
    /// Opens a message's content. Traced as a reading. `entry.unknown` when it is gone, `message.damaged` when what is kept of it cannot be read.
    #[boxed]
    pub async fn open_message(&self, actor: &Actor, message: Id) -> Result<MessageReader, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let row = messages::content(tx, seat.bal, message)?.ok_or(RefusalCode::EntryUnknown)?;
            Ok((bal, row))
        });
        let (bal, row) = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let reader = self.reader_of(actor, (&seal, Some(bal.clone())), message, &row).await?;
        self.note_reading(actor, (seat.bal, bal), Read::Message(message)).await?;
        Ok(reader)
    }
    /// A reader of a message whose opening is traced by the caller, in a BAL with this address as traces write it.
    pub(crate) async fn reader_of(
        &self,
        actor: &Actor,
        (seal, shown): (&BalSeal, Option<String>),
        message: Id,
        row: &messages::ContentRow,
    ) -> Result<MessageReader, Refusal> {
        let mut reading = Reading::new(self, actor, (seal.bal, shown), (message, row.blob));
        let found = reading.find().await?;
        let prefix = row.prefix.as_deref().map(|p| seal.open(message, MESSAGE_PREFIX, p)).transpose();
        let opened = prefix.and_then(|prefix| Ok((prefix, seal.unwrap_blob_key(message, &row.blob_key)?)));
        let (prefix, key) = match opened {
            Ok(opened) => opened,
            Err(e) => return Err(reading.rows(&e).await),
        };
        let mut blob = match self.0.store.open_found(row.blob, key, found).await {
            Ok(blob) => blob,
            Err(e) => return Err(reading.content(&e).await),
        };
        reading.opened(&mut blob).await?;
        Ok(MessageReader { prefix: prefix.unwrap_or_default(), blob, reading })
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
}
