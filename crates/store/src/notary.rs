//! Rows of the Merkle log over the traces: leaves, kept hashes of the tree, checkpoints, how far the log has come.
//!
//! Promises: leaves are appended by the process that holds the lease [`LEASE`], and only to a log of the size it was prepared for
//! ([`append`]): two processes never give one number, and no number is left out. Nothing here costs the acts that write traces.
use crate::traces::{self, Trace};
use crate::{Id, Row, StoreError, Tx, Value, holds, leases, params};

/// Name of the notary's lease.
pub const LEASE: &str = "notary";

/// How far the log has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Leaves.
    pub size: i64,
    /// Every trace with an id up to this one was looked at when no other could come beside it.
    pub horizon: Id,
    /// How far the walk over all traces is.
    pub patrol: Id,
    /// Why purges are suspended.
    pub hold: Option<String>,
    /// Instant of the last checkpoint, 0 when there is none.
    pub at: i64,
    /// Who holds the lease, until when.
    pub holder: Option<(String, i64)>,
}

/// A checkpoint as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the columns of the table
pub struct Checkpoint {
    pub size: i64,
    pub root: Vec<u8>,
    pub at: i64,
    pub origin: String,
    pub key: String,
    pub keeper: i64,
    pub signature: Vec<u8>,
}

/// A leaf to append.
#[derive(Debug, Clone)]
pub struct NewLeaf {
    /// Its trace.
    pub trace: Id,
    /// Its salt.
    pub salt: [u8; 32],
    /// Its hash.
    pub hash: [u8; 32],
}

/// A leaf whose trace goes.
#[derive(Debug, Clone)]
pub struct Gone {
    /// Its number.
    pub number: i64,
    /// Its trace.
    pub trace: Id,
    /// Its input, which stays.
    pub stub: Vec<u8>,
}

/// A leaf with its trace, as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the columns of the table
pub struct Leaf {
    pub number: i64,
    pub trace_id: Option<Id>,
    pub salt: Option<Vec<u8>>,
    pub hash: Vec<u8>,
    pub stub: Option<Vec<u8>>,
    pub purged_by: Option<i64>,
    /// The trace's row, when it is there.
    pub trace: Option<Trace>,
}

/// What is appended in one transaction.
#[derive(Debug, Clone)]
pub struct Append {
    /// This process.
    pub owner: String,
    /// Now, and until when the lease is taken, milliseconds.
    pub now: i64,
    /// See `now`.
    pub until: i64,
    /// Size of the log that this was prepared for.
    pub size: i64,
    /// New [`State::horizon`].
    pub horizon: Id,
    /// New [`State::patrol`].
    pub patrol: Id,
    /// Leaves, in order.
    pub leaves: Vec<NewLeaf>,
    /// Kept hashes of the tree: height, index, hash.
    pub nodes: Vec<(i64, i64, [u8; 32])>,
    /// The signed root after them.
    pub checkpoint: Checkpoint,
}

/// How far the log has come, and who is at it.
pub fn state(tx: &mut dyn Tx) -> Result<State, StoreError> {
    let mut state = State::default();
    if let Some(r) = tx.query_opt("SELECT size, horizon, patrol FROM notary WHERE id = 1", &[])? {
        (state.size, state.horizon, state.patrol) = (r.int(0)?, r.int(1)?, r.int(2)?);
    }
    state.hold = holds::of_operator(tx)?.into_iter().next().map(|h| h.reason);
    if let Some(r) = tx.query_opt("SELECT at FROM checkpoints ORDER BY size DESC LIMIT 1", &[])? {
        state.at = r.int(0)?;
    }
    if let Some(r) = tx.query_opt("SELECT owner, until FROM leases WHERE name = $1", params![LEASE])? {
        state.holder = Some((r.text(0)?, r.int(1)?));
    }
    Ok(state)
}

fn begin(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let sql = "INSERT INTO notary (id, size, horizon, patrol) VALUES (1, 0, 0, 0) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[]).map(drop)
}

/// Appends leaves with their checkpoint. False, having appended nothing, when another process holds the lease or the log is not of the
/// size that this was prepared for.
pub fn append(tx: &mut dyn Tx, a: &Append) -> Result<bool, StoreError> {
    if !leases::take(tx, LEASE, &a.owner, a.now, a.until)? {
        return Ok(false);
    }
    if a.size == 0 {
        begin(tx)?;
    }
    let size = a.size + i64::try_from(a.leaves.len()).unwrap_or(i64::MAX);
    let sql = "UPDATE notary SET size = $1, horizon = $2, patrol = $3 WHERE id = 1 AND size = $4";
    if tx.execute(sql, params![size, a.horizon, a.patrol, a.size])? == 0 {
        return Ok(false);
    }
    let leaves = a.leaves.iter().zip(a.size..);
    insert(tx, "leaves (number, trace_id, salt, hash)", 4, leaves, |(leaf, number), out| {
        out.extend([number.into(), leaf.trace.into(), leaf.salt[..].into(), leaf.hash[..].into()]);
    })?;
    insert(tx, "nodes_of_log (level, number, hash)", 3, a.nodes.iter(), |(level, number, hash), out| {
        out.extend([(*level).into(), (*number).into(), hash[..].into()]);
    })?;
    let c = &a.checkpoint;
    let sql =
        "INSERT INTO checkpoints (size, root, at, origin, key, keeper, signature) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = params![c.size, &c.root[..], c.at, &c.origin, &c.key, c.keeper, &c.signature[..]];
    tx.execute(sql, values)?;
    Ok(true)
}

/// Rows of one statement: few different statements, each prepared once.
const TOGETHER: usize = 64;

fn insert<T>(
    tx: &mut dyn Tx,
    into: &str,
    columns: usize,
    rows: impl Iterator<Item = T>,
    bind: impl Fn(T, &mut Vec<Value>),
) -> Result<(), StoreError> {
    let statement = |count: usize| {
        let row = |r: usize| (1..=columns).map(|c| format!("${}", r * columns + c)).collect::<Vec<_>>().join(", ");
        let rows: Vec<String> = (0..count).map(|r| format!("({})", row(r))).collect();
        format!("INSERT INTO {into} VALUES {}", rows.join(", "))
    };
    let mut values: Vec<Value> = Vec::new();
    rows.for_each(|row| bind(row, &mut values));
    let (many, one) = (statement(TOGETHER), statement(1));
    let mut chunks = values.chunks_exact(TOGETHER * columns);
    chunks.by_ref().try_for_each(|chunk| tx.execute(&many, chunk).map(drop))?;
    chunks.remainder().chunks(columns).try_for_each(|row| tx.execute(&one, row).map(drop))
}

/// Takes the traces of these leaves away, in the transaction that appends the purge's leaf `by`. An error when one is not as it was.
pub fn purge(tx: &mut dyn Tx, gone: &[Gone], by: i64) -> Result<(), StoreError> {
    for g in gone {
        // One by one: a thousand at most, once a day, and each must be found as it was.
        let sql = "UPDATE leaves SET trace_id = NULL, salt = NULL, stub = $3, purged_by = $4 WHERE number = $1 AND trace_id = $2";
        let found = tx.execute(sql, params![g.number, g.trace, &g.stub[..], by])?;
        if found != 1 || tx.execute("DELETE FROM traces WHERE id = $1", params![g.trace])? != 1 {
            return Err(StoreError::Corrupt(format!("leaf {}", g.number)));
        }
    }
    Ok(())
}

fn trace_columns() -> String {
    traces::COLUMNS.split(", ").map(|c| format!("t.{c}")).collect::<Vec<_>>().join(", ")
}

/// Traces with an id above `after` that have no leaf, oldest first.
pub fn without_leaf(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<Vec<Trace>, StoreError> {
    let sql = format!(
        "SELECT {} FROM traces t WHERE t.id > $1 AND NOT EXISTS (SELECT 1 FROM leaves l WHERE l.trace_id = t.id) \
         ORDER BY t.id LIMIT $2",
        trace_columns()
    );
    tx.query(&sql, params![after, limit])?.iter().map(|r| traces::read(r, 0)).collect()
}

/// Looks at `limit` traces above `after`: those without a leaf, and the last id looked at (none when there was no trace).
pub fn patrol(tx: &mut dyn Tx, after: Id, limit: i64) -> Result<(Vec<Trace>, Option<Id>), StoreError> {
    let sql = "SELECT t.id, l.number FROM (SELECT id FROM traces WHERE id > $1 ORDER BY id LIMIT $2) t \
               LEFT JOIN leaves l ON l.trace_id = t.id ORDER BY t.id";
    let rows = tx.query(sql, params![after, limit])?;
    let last = rows.last().map(|r| r.int(0)).transpose()?;
    let mut out = Vec::new();
    for r in &rows {
        if r.opt_int(1)?.is_none() {
            let sql = format!("SELECT {} FROM traces WHERE id = $1", traces::COLUMNS);
            out.extend(tx.query_opt(&sql, params![r.int(0)?])?.map(|r| traces::read(&r, 0)).transpose()?);
        }
    }
    Ok((out, last))
}

fn read_leaf(r: &Row) -> Result<Leaf, StoreError> {
    Ok(Leaf {
        number: r.int(0)?,
        trace_id: r.opt_int(1)?,
        salt: r.opt_bytes(2)?,
        hash: r.bytes(3)?,
        stub: r.opt_bytes(4)?,
        purged_by: r.opt_int(5)?,
        trace: r.opt_int(6)?.map(|_| traces::read(r, 6)).transpose()?,
    })
}

const LEAF: &str = "l.number, l.trace_id, l.salt, l.hash, l.stub, l.purged_by";

/// Leaves from a number on, with their traces.
pub fn leaves(tx: &mut dyn Tx, from: i64, limit: i64) -> Result<Vec<Leaf>, StoreError> {
    let sql = format!(
        "SELECT {LEAF}, {} FROM leaves l LEFT JOIN traces t ON t.id = l.trace_id WHERE l.number >= $1 ORDER BY l.number LIMIT $2",
        trace_columns()
    );
    tx.query(&sql, params![from, limit])?.iter().map(read_leaf).collect()
}

/// The leaf of a trace.
pub fn leaf_of(tx: &mut dyn Tx, trace: Id) -> Result<Option<Leaf>, StoreError> {
    let sql = format!(
        "SELECT {LEAF}, {} FROM leaves l LEFT JOIN traces t ON t.id = l.trace_id WHERE l.trace_id = $1",
        trace_columns()
    );
    tx.query_opt(&sql, params![trace])?.map(|r| read_leaf(&r)).transpose()
}

/// Looks at `limit` traces above `after` and up to `upto`, with their leaves: what a purge may take. Also the last id looked at.
pub fn old(tx: &mut dyn Tx, after: Id, upto: Id, limit: i64) -> Result<(Vec<Leaf>, Option<Id>), StoreError> {
    let sql = format!(
        "SELECT t.id, {LEAF}, {} FROM (SELECT * FROM traces WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) t \
         LEFT JOIN leaves l ON l.trace_id = t.id ORDER BY t.id",
        trace_columns()
    );
    let rows = tx.query(&sql, params![after, upto, limit])?;
    let last = rows.last().map(|r| r.int(0)).transpose()?;
    let mut out = Vec::new();
    for mut r in rows {
        r.0.remove(0);
        if r.opt_int(0)?.is_some() {
            out.push(read_leaf(&r)?);
        }
    }
    Ok((out, last))
}

/// A kept hash of the tree; height 0 is a leaf.
pub fn node(tx: &mut dyn Tx, height: i64, index: i64) -> Result<[u8; 32], StoreError> {
    let found = if height == 0 {
        tx.query_opt("SELECT hash FROM leaves WHERE number = $1", params![index])?
    } else {
        tx.query_opt("SELECT hash FROM nodes_of_log WHERE level = $1 AND number = $2", params![height, index])?
    };
    let wrong = || StoreError::Corrupt(format!("node {height}/{index} of the log"));
    found.ok_or_else(wrong)?.bytes(0)?.try_into().map_err(|_| wrong())
}

/// Kept hashes along a height, `first..=last`.
pub fn nodes(tx: &mut dyn Tx, height: i64, first: i64, last: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let sql =
        "SELECT number, hash FROM nodes_of_log WHERE level = $1 AND number >= $2 AND number <= $3 ORDER BY number";
    tx.query(sql, params![height, first, last])?.iter().map(|r| Ok((r.int(0)?, r.bytes(1)?))).collect()
}

const CHECKPOINT: &str = "size, root, at, origin, key, keeper, signature";

fn read_checkpoint(r: &Row) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        size: r.int(0)?,
        root: r.bytes(1)?,
        at: r.int(2)?,
        origin: r.text(3)?,
        key: r.text(4)?,
        keeper: r.int(5)?,
        signature: r.bytes(6)?,
    })
}

/// Checkpoints of sizes above `after` and up to `upto`, ascending.
pub fn checkpoints(tx: &mut dyn Tx, after: i64, upto: i64, limit: i64) -> Result<Vec<Checkpoint>, StoreError> {
    let sql = format!("SELECT {CHECKPOINT} FROM checkpoints WHERE size > $1 AND size <= $2 ORDER BY size LIMIT $3");
    tx.query(&sql, params![after, upto, limit])?.iter().map(read_checkpoint).collect()
}

/// Was the log signed between these instants (milliseconds)?
pub fn signed_between(tx: &mut dyn Tx, from: i64, upto: i64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM checkpoints WHERE at >= $1 AND at <= $2 LIMIT 1";
    Ok(tx.query_opt(sql, params![from, upto])?.is_some())
}

/// Looks at `limit` checkpoints (two at least) of sizes above `after` and from before `before`, and removes each that shares its bucket with the next one.
/// Where to go on; none at the end.
pub fn thin<B: PartialEq>(
    tx: &mut dyn Tx,
    after: i64,
    before: i64,
    limit: i64,
    bucket: impl Fn(i64) -> Option<B>,
) -> Result<Option<i64>, StoreError> {
    let limit = limit.max(2);
    let sql = "SELECT size, at FROM checkpoints WHERE size > $1 AND at < $2 ORDER BY size LIMIT $3";
    let rows = tx.query(sql, params![after, before, limit])?;
    let seen: Vec<(i64, i64)> = rows.iter().map(|r| Ok((r.int(0)?, r.int(1)?))).collect::<Result<_, StoreError>>()?;
    let superfluous = |w: &&[(i64, i64)]| bucket(w[0].1).is_some_and(|b| bucket(w[1].1) == Some(b));
    let gone: Vec<i64> = seen.windows(2).filter(superfluous).map(|w| w[0].0).collect();
    for slice in gone.chunks(crate::messages::SLICE) {
        let (list, values) = crate::messages::bind(&[], slice);
        tx.execute(&format!("DELETE FROM checkpoints WHERE size IN ({list})"), &values)?;
    }
    // The last one is compared with those that follow it.
    Ok(seen.last().filter(|_| seen.len() as i64 == limit).map(|(size, _)| size - 1))
}

/// The newest checkpoint.
pub fn newest(tx: &mut dyn Tx) -> Result<Option<Checkpoint>, StoreError> {
    let sql = format!("SELECT {CHECKPOINT} FROM checkpoints ORDER BY size DESC LIMIT 1");
    tx.query_opt(&sql, &[])?.map(|r| read_checkpoint(&r)).transpose()
}

/// Checkpoints that a node appended to its outside file, of sizes above `after`, ascending.
pub fn kept_by(tx: &mut dyn Tx, keeper: i64, after: i64, limit: i64) -> Result<Vec<Checkpoint>, StoreError> {
    let sql = format!("SELECT {CHECKPOINT} FROM checkpoints WHERE keeper = $1 AND size > $2 ORDER BY size LIMIT $3");
    tx.query(&sql, params![keeper, after, limit])?.iter().map(read_checkpoint).collect()
}
