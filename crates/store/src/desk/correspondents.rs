//! To whom a BAL wrote: keyed digests of addresses, by which what looks like abuse is seen; and, sealed, who they are, by which a page completes what is typed.
use crate::{Id, Row, StoreError, Tx, params};

/// Somebody to whom a BAL wrote just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// Keyed digest of the address.
    pub tag: Vec<u8>,
    /// Name and address under the BAL's key; none: nobody but the writer may know.
    pub sealed: Option<Vec<u8>>,
    /// There is a name: it takes the place of what was known.
    pub named: bool,
}

/// Somebody to whom a BAL wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// Name and address under the BAL's key.
    pub sealed: Vec<u8>,
    /// How many messages.
    pub count: i64,
    /// When last, milliseconds.
    pub at: i64,
}

/// Keeps that a BAL wrote to these, in order; how many of them are new.
pub fn note(tx: &mut dyn Tx, bal: Id, wrote: &[Wrote], now: i64) -> Result<u64, StoreError> {
    let mut new = 0;
    for one in wrote {
        let tag = one.tag.as_slice();
        let set = "UPDATE correspondents SET at = $3, count = count + 1";
        let known = match &one.sealed {
            None => tx.execute(&format!("{set} WHERE bal_id = $1 AND tag = $2"), params![bal, tag, now])?,
            Some(sealed) => {
                let who = if one.named { "$4" } else { "COALESCE(sealed, $4)" };
                let sql = format!("{set}, sealed = {who} WHERE bal_id = $1 AND tag = $2");
                tx.execute(&sql, params![bal, tag, now, sealed.clone()])?
            }
        };
        if known == 0 {
            let sql = "INSERT INTO correspondents (bal_id, tag, at, sealed, count) VALUES ($1, $2, $3, $4, 1) \
                       ON CONFLICT (bal_id, tag) DO NOTHING";
            new += tx.execute(sql, params![bal, tag, now, one.sealed.clone()])?;
        }
    }
    Ok(new)
}

/// Those of whom somebody may know, written to last first; at most `limit`.
pub fn latest(tx: &mut dyn Tx, bal: Id, limit: i64) -> Result<Vec<Correspondent>, StoreError> {
    let sql = "SELECT sealed, count, at FROM correspondents WHERE bal_id = $1 AND sealed IS NOT NULL ORDER BY at DESC, tag LIMIT $2";
    let read = |r: &Row| Ok(Correspondent { sealed: r.bytes(0)?, count: r.int(1)?, at: r.int(2)? });
    tx.query(sql, params![bal, limit])?.iter().map(read).collect()
}
