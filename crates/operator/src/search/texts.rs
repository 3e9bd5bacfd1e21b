//! Text records in the store: sealed and written, found and opened, made when they are missing.
use crate::Operator;
use crate::mailbox::seal::BalSeal;
use crate::refuse;
use crate::search::blocking;
use crate::search::record::Rows;
use sceau_domain::Refusal;
use sceau_search::{TextRecord, VERSION};
use sceau_store::blob::BlobReader;
use sceau_store::texts::{self, NO_PASS, NewText, TextPlace, TextRow};
use sceau_store::{Id, Spool, StoreError, indexes, messages};
use std::collections::HashMap;

/// Key of a record; object = message id.
const TEXT: &str = "message.text";
/// Bytes read from a record at a time.
const PIECE: usize = 64 << 10;
/// Largest record that is read.
const LARGEST: u64 = 64 << 20;

/// A record sealed, not yet written.
#[derive(Debug)]
pub(super) struct Sealed {
    new: NewText,
    spool: Spool,
}

impl Operator {
    /// Seals a record; a large one is durable then. It is of no round of indexing: only the act that ends one says what it took
    /// ([`texts::set_pass`]), so that what a worker wrote before it died, or after another took over, is never taken for indexed.
    pub(super) async fn seal_text(&self, seal: &BalSeal, record: &TextRecord) -> Result<Sealed, Refusal> {
        let (mut writer, bytes) = (self.0.store.spool(), record.to_bytes());
        let spool = blocking(move || writer.write(&bytes).and_then(|()| writer.finish())).await?;
        let mut spool = spool.map_err(|e| refuse::store(&e))?;
        spool.settle().await.map_err(|e| refuse::store(&e))?;
        let key = seal.wrap(record.message, TEXT, &spool.key).map_err(|e| refuse::store(&e))?;
        let new = NewText::of(&spool, record.message, VERSION, self.0.store.new_id(), NO_PASS, key);
        Ok(Sealed { new, spool })
    }

    /// Writes records; says of which messages, without those that are gone by now. Nothing at all when the BAL was closed.
    pub(super) async fn write_texts(&self, bal: Id, sealed: Vec<Sealed>) -> Result<Vec<Id>, Refusal> {
        let (rows, spools): (Vec<NewText>, Vec<(Id, Spool)>) =
            sealed.into_iter().map(|s| (s.new.clone(), (s.new.row.message, s.spool))).unzip();
        let now = self.now();
        let written = self.0.store.write::<_, StoreError, _>(move |tx| {
            let mut written = Vec::with_capacity(rows.len());
            if indexes::hold_bal(tx, bal)?.is_none() {
                return Ok(written);
            }
            for new in &rows {
                if texts::write(tx, bal, new, now)? {
                    written.push(new.row.message);
                }
            }
            Ok(written)
        });
        match written.await {
            Ok(written) => {
                for (message, spool) in spools {
                    if written.contains(&message) { spool.kept() } else { spool.discard() }
                }
                Ok(written)
            }
            Err(e) => {
                // Whether it was committed is not known: what nothing names is collected.
                spools.into_iter().for_each(|(_, spool)| spool.kept());
                Err(refuse::store(&e))
            }
        }
    }

    /// Records of messages as they are kept; those without one that can be used are absent.
    pub(super) async fn text_rows(&self, bal: Id, ids: Vec<Id>) -> Result<HashMap<Id, TextRow>, Refusal> {
        let found = self.0.store.read::<_, StoreError, _>(move |tx| texts::find(tx, bal, &ids)).await;
        let found = found.map_err(|e| refuse::store(&e))?;
        Ok(found.into_iter().filter(|row| row.version == VERSION).map(|row| (row.message, row)).collect())
    }

    /// Opens a record; none when it is damaged, or not ours to read: it is made again.
    pub(super) async fn open_text(&self, seal: &BalSeal, row: TextRow) -> Result<Option<TextRecord>, Refusal> {
        let Some(reader) = self.text_reader(seal, row).await? else { return Ok(None) };
        blocking(move || read(reader)).await?.map_err(|e| refuse::store(&e))
    }

    /// A reader of a record; none when it is damaged.
    pub(super) async fn text_reader(&self, seal: &BalSeal, row: TextRow) -> Result<Option<BlobReader>, Refusal> {
        let opened = match seal.unwrap(row.message, TEXT, &row.key) {
            Ok(key) => match row.place {
                TextPlace::Row(id, bytes) => self.0.store.open_sealed(id, key, bytes),
                TextPlace::Blob(id) => self.0.store.open_blob(id, key).await,
            },
            Err(e) => Err(e),
        };
        match opened {
            Ok(reader) => Ok(Some(reader)),
            Err(StoreError::Corrupt(_)) => Ok(None),
            Err(e) => Err(refuse::store(&e)),
        }
    }

    /// What making the record of a message needs; none when it is gone.
    pub(super) async fn message_row(&self, bal: Id, id: Id) -> Result<Option<Rows>, Refusal> {
        let read = self.0.store.read::<_, StoreError, _>(move |tx| {
            let Some(summary) = messages::summaries(tx, bal, &[id])?.rows.remove(&id) else { return Ok(None) };
            Ok(messages::content(tx, bal, id)?.map(|content| Rows { summary, content }))
        });
        read.await.map_err(|e| refuse::store(&e))
    }

    /// The record of one message, made if need be (and not kept); none when the message is gone.
    pub(super) async fn text_of(
        &self,
        seal: &BalSeal,
        row: Option<TextRow>,
        id: Id,
    ) -> Result<Option<TextRecord>, Refusal> {
        if let Some(row) = row
            && let Some(record) = self.open_text(seal, row).await?
        {
            return Ok(Some(record));
        }
        match self.message_row(seal.bal, id).await? {
            Some(rows) => self.make_record(seal, rows).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Reads a whole record; none when it is damaged or of another format. Blocking.
pub(super) fn read(mut reader: BlobReader) -> Result<Option<TextRecord>, StoreError> {
    if reader.size() > LARGEST {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(reader.size()).unwrap_or(0));
    while (bytes.len() as u64) < reader.size() {
        match reader.read_at_blocking(bytes.len() as u64, PIECE) {
            Ok(piece) if piece.is_empty() => return Ok(None),
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(StoreError::Corrupt(_)) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    Ok(TextRecord::from_bytes(&bytes))
}
