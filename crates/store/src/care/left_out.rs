//! Whose contents a restore left out: said to whoever restores and traced, in the transaction that makes the restored database one.
use super::judge::Fault;
use super::restore::trace;
use super::tables::Shape;
use crate::blob::BlobId;
use crate::engine::Tx;
use crate::id::IdMaker;
use crate::traces::{self, Trace};
use crate::{Id, StoreError, params};
use serde::Serialize;
use std::collections::HashSet;

/// Contents named at most: the others are counted, and `fsck --content` finds them.
pub const MOST: usize = 10_000;
/// Messages told of one content at most.
const SHOWN: i64 = 50;

/// What named a content that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A message of a BAL.
    Message,
    /// A message that waits in the queue.
    Queued,
    /// A search index or its texts: derived, made again.
    Search,
    /// Nothing that is still to be read.
    Nothing,
}

impl Of {
    /// Key of its sentence, below `care.left_out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Queued => "queued",
            Self::Search => "search",
            Self::Nothing => "nothing",
        }
    }
}

/// A content that was left out, and one message that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Blob, hexadecimal.
    pub blob: String,
    /// Why.
    pub fault: Fault,
    /// What named it.
    pub of: Of,
    /// Address of the BAL, as shown.
    pub bal: Option<String>,
    /// Message, of the BAL or of the queue.
    pub message: Option<Id>,
    /// Folder that shows it.
    pub folder: Option<Id>,
    /// UID there.
    pub uid: Option<i64>,
    /// When it was received or queued, milliseconds since 1970.
    pub at: Option<i64>,
}

/// What a restore left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    /// How many contents.
    pub count: u64,
    /// Them, at most [`MOST`].
    pub blobs: Vec<(BlobId, Fault)>,
}

impl LeftOut {
    /// One more.
    pub fn add(&mut self, id: BlobId, fault: Fault) {
        self.count += 1;
        if self.blobs.len() < MOST {
            self.blobs.push((id, fault));
        }
    }
}

/// Finds who lost them in the rows that were restored, and traces each message. BALs of `closed` have nothing to lose any more.
pub(crate) fn tell(
    tx: &mut dyn Tx,
    shapes: &[Shape],
    left: &LeftOut,
    closed: &HashSet<Id>,
    at: i64,
    ids: &IdMaker,
) -> Result<Vec<Lost>, StoreError> {
    let mut all = Vec::new();
    for (id, fault) in &left.blobs {
        let lost = Lost {
            blob: hex::encode(id),
            fault: *fault,
            of: Of::Nothing,
            bal: None,
            message: None,
            folder: None,
            uid: None,
            at: None,
        };
        let found = whose(tx, shapes, id, &lost)?;
        let before = all.len();
        for (bal, lost) in found.into_iter().filter(|(bal, _)| !closed.contains(bal)) {
            if lost.message.is_some() {
                let data = serde_json::json!({
                    "blob": lost.blob, "fault": lost.fault, "of": lost.of, "message": lost.message, "folder": lost.folder, "uid": lost.uid,
                });
                let said = trace(ids.make(), at, "store.content_lost", &data.to_string());
                traces::record(tx, &Trace { bal_id: Some(bal), bal: lost.bal.clone(), ..said })?;
            }
            if all.len() < MOST {
                all.push(lost);
            }
        }
        if all.len() == before && all.len() < MOST {
            all.push(lost);
        }
    }
    Ok(all)
}

/// Everything that names a content, with its BAL.
fn whose(tx: &mut dyn Tx, shapes: &[Shape], id: &BlobId, lost: &Lost) -> Result<Vec<(Id, Lost)>, StoreError> {
    // A backup may be of an early schema.
    let has = |table: &str| shapes.iter().any(|s| s.name == table);
    let mut all = Vec::new();
    let messages = "SELECT m.bal_id, b.address, m.id, e.folder_id, e.uid, COALESCE(e.internal_date, m.created) FROM messages m \
                    LEFT JOIN entries e ON e.message_id = m.id LEFT JOIN bals b ON b.id = m.bal_id \
                    WHERE m.blob_id = $1 ORDER BY m.id, e.folder_id, e.uid LIMIT $2";
    let queued = "SELECT m.bal_id, b.address, m.id, CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), m.created FROM queue_messages m \
                  LEFT JOIN bals b ON b.id = m.bal_id WHERE m.blob_id = $1 ORDER BY m.id LIMIT $2";
    for (table, of, sql) in [("messages", Of::Message, messages), ("queue_messages", Of::Queued, queued)] {
        if !has(table) {
            continue;
        }
        for row in tx.query(sql, params![id.as_slice(), SHOWN])? {
            let (of, bal, message, at) = (of, row.opt_text(1)?, Some(row.int(2)?), Some(row.int(5)?));
            let (folder, uid) = (row.opt_int(3)?, row.opt_int(4)?);
            all.push((row.int(0)?, Lost { of, bal, message, folder, uid, at, ..lost.clone() }));
        }
    }
    for table in ["texts", "index_files"].into_iter().filter(|table| has(table)) {
        let sql = format!(
            "SELECT DISTINCT m.bal_id, b.address FROM {table} m LEFT JOIN bals b ON b.id = m.bal_id WHERE m.blob_id = $1"
        );
        for row in tx.query(&sql, params![id.as_slice()])? {
            all.push((row.int(0)?, Lost { of: Of::Search, bal: row.opt_text(1)?, ..lost.clone() }));
        }
    }
    Ok(all)
}
