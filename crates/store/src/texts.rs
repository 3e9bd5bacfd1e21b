//! Text records of messages: made once, kept sealed, so that searching never parses a message again.
//!
//! Promises: a record exists only beside its message, and goes with it ([`drop_gone`], called where messages are dropped), leaving a
//! note for the index; a record of another version or too old is made again by whoever needs it. A small record is a sealed stream in
//! its row, a large one is a blob.
use crate::blob::{self, BlobId, BlobReader, BlobRow, Source};
use crate::messages::{SLICE, bind};
use crate::{DataKey, Id, Row, Spool, Store, StoreError, Tx, params};
use sceau_domain::Timestamp;

/// Where the sealed bytes of a record are.
#[derive(Debug, Clone)]
pub enum TextPlace {
    /// In the row: id and bytes of a sealed stream.
    Row(BlobId, Vec<u8>),
    /// A blob.
    Blob(BlobId),
}

/// A record as it is kept.
#[derive(Debug, Clone)]
pub struct TextRow {
    /// Its message.
    pub message: Id,
    /// Version of what made it.
    pub version: i64,
    /// When it was made: an id, which orders.
    pub made: Id,
    /// The round of indexing that took it.
    pub pass: i64,
    /// Its content.
    pub place: TextPlace,
    /// Key of the content, wrapped by the BAL's (`message.text`, object = message id).
    pub key: Vec<u8>,
}

/// A record of a message that is not yet in any index.
pub const NO_PASS: i64 = i64::MAX;

/// A record ready to be written. Keep the spool it came from until the transaction is over.
#[derive(Debug, Clone)]
pub struct NewText {
    /// The row.
    pub row: TextRow,
    /// The row of its blob, when it is one.
    pub blob: Option<BlobRow>,
}

impl NewText {
    /// From a settled spool.
    pub fn of(spool: &Spool, message: Id, version: i64, made: Id, pass: i64, key: Vec<u8>) -> Self {
        let (place, blob) = match &spool.stored {
            crate::spool::Stored::Inline(bytes) => (TextPlace::Row(spool.id, bytes.clone()), None),
            crate::spool::Stored::File(_) | crate::spool::Stored::Object => {
                (TextPlace::Blob(spool.id), Some(BlobRow::from(spool)))
            }
        };
        Self { row: TextRow { message, version, made, pass, place, key }, blob }
    }
}

/// Writes a record in place of an earlier one; false (and nothing is written) when its message is gone. The BAL's row is locked
/// ([`crate::indexes::hold_bal`]), so that no message goes meanwhile.
pub fn write(tx: &mut dyn Tx, bal: Id, new: &NewText, now: Timestamp) -> Result<bool, StoreError> {
    let row = &new.row;
    let sql =
        "SELECT t.blob_id FROM messages m LEFT JOIN texts t ON t.message_id = m.id WHERE m.id = $1 AND m.bal_id = $2";
    let Some(found) = tx.query_opt(sql, params![row.message, bal])? else { return Ok(false) };
    if let Some(old) = found.opt_bytes(0)? {
        blob::release(tx, &blob::id_from(&old)?, now)?;
    }
    if let Some(blob) = &new.blob {
        blob::insert(tx, blob)?;
    }
    let (sealed_id, sealed, blob_id) = match &row.place {
        TextPlace::Row(id, bytes) => (Some(id.as_slice()), Some(bytes.as_slice()), None),
        TextPlace::Blob(id) => (None, None, Some(id.as_slice())),
    };
    let sql = "INSERT INTO texts (message_id, bal_id, version, made, pass, sealed_id, sealed, blob_id, text_key) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (message_id) DO UPDATE SET version = excluded.version, \
               made = excluded.made, pass = excluded.pass, sealed_id = excluded.sealed_id, sealed = excluded.sealed, \
               blob_id = excluded.blob_id, text_key = excluded.text_key";
    let key = row.key.as_slice();
    tx.execute(sql, params![row.message, bal, row.version, row.made, row.pass, sealed_id, sealed, blob_id, key])?;
    Ok(true)
}

/// Says which round of indexing takes records that exist.
pub fn set_pass(tx: &mut dyn Tx, bal: Id, messages: &[Id], pass: i64) -> Result<(), StoreError> {
    for slice in messages.chunks(SLICE) {
        let (list, values) = bind(params![bal, pass], slice);
        tx.execute(&format!("UPDATE texts SET pass = $2 WHERE bal_id = $1 AND message_id IN ({list})"), &values)?;
    }
    Ok(())
}

/// Records of messages of a BAL, in no order; those without one are absent. Ask by pages: contents of small ones come along.
pub fn find(tx: &mut dyn Tx, bal: Id, messages: &[Id]) -> Result<Vec<TextRow>, StoreError> {
    let mut found = Vec::with_capacity(messages.len());
    for slice in messages.chunks(SLICE) {
        let (list, values) = bind(params![bal], slice);
        let sql = format!(
            "SELECT message_id, version, made, pass, sealed_id, sealed, blob_id, text_key FROM texts \
             WHERE bal_id = $1 AND message_id IN ({list})"
        );
        for row in tx.query(&sql, &values)? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}

fn read(r: &Row) -> Result<TextRow, StoreError> {
    let message = r.int(0)?;
    let place = match (r.opt_bytes(4)?, r.opt_bytes(5)?, r.opt_bytes(6)?) {
        (Some(id), Some(bytes), None) => TextPlace::Row(blob::id_from(&id)?, bytes),
        (None, None, Some(id)) => TextPlace::Blob(blob::id_from(&id)?),
        _ => return Err(StoreError::Corrupt(format!("text of message {message}"))),
    };
    Ok(TextRow { message, version: r.int(1)?, made: r.int(2)?, pass: r.int(3)?, place, key: r.bytes(7)? })
}

/// Those of these messages were dropped, if they are gone: their records go too, and an index that holds them is to lose them.
pub(crate) fn drop_gone(tx: &mut dyn Tx, bal: Id, messages: &[Id], now: i64) -> Result<(), StoreError> {
    for slice in messages.chunks(SLICE) {
        let gone = |list: &str| {
            format!(
                "bal_id = $1 AND message_id IN ({list}) \
                 AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.id = texts.message_id)"
            )
        };
        let (list, values) = bind(params![bal], slice);
        // A message without a record was never indexed.
        let sql = format!(
            "INSERT INTO index_removals (bal_id, message_id) SELECT bal_id, message_id FROM texts WHERE {} \
             ON CONFLICT (bal_id, message_id) DO NOTHING",
            gone(&list)
        );
        if tx.execute(&sql, &values)? == 0 {
            continue;
        }
        let sql = format!("DELETE FROM texts WHERE {} RETURNING blob_id", gone(&list));
        for row in tx.query(&sql, &values)? {
            if let Some(id) = row.opt_bytes(0)? {
                blob::release(tx, &blob::id_from(&id)?, Timestamp(now))?;
            }
        }
    }
    Ok(())
}

impl Store {
    /// Opens a sealed stream that a row holds, with its (unwrapped) key. `Corrupt` when it is not whole.
    pub fn open_sealed(&self, id: BlobId, key: DataKey, bytes: Vec<u8>) -> Result<BlobReader, StoreError> {
        crate::blob::open_here(id, key, Source::Memory(bytes.into()), None)
    }
}
