//! Rows of the certificates that are known here: ours by node, peers seen, issued to structures, authorities, the signer of the white list (F204); and
//! which node holds which private key of ours (F151). Facts of certificates only, never a key.
//!
//! Promises: a certificate is one row a kind, place and node, however often it is declared; one that is not declared any more, or that another took the
//! place of, stays as a retired row; a private key has one holder at a time, whoever declares it at the same moment.
use crate::{Id, Row, StoreError, Tx, Value, params};

/// What a certificate is to us: `own`, `peer`, `issued`, `anchor`, `signer`.
pub const KINDS: [&str; 5] = ["own", "peer", "issued", "anchor", "signer"];
/// The node of what no node holds.
pub const NOWHERE: i64 = -1;
/// Most peers' certificates that are kept; beyond, those that were not seen for longest go.
pub const MOST_PEERS: i64 = 5_000;

/// A row of `certificates`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Id.
    pub id: Id,
    /// See [`KINDS`].
    pub kind: String,
    /// The use of one of ours (`operator`, `clients`), purposes of an anchor, whose one is that was issued; empty else.
    pub place: String,
    /// Node that holds it; [`NOWHERE`].
    pub node: i64,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
    /// Subject, as RFC 4514 writes it.
    pub subject: String,
    /// Digest of what the subject is compared by: who is replaced is found by it.
    pub subject_tag: String,
    /// Issuer.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub spki: String,
    /// Beginning of validity, milliseconds since 1970.
    pub not_before: i64,
    /// End.
    pub not_after: i64,
    /// When it was first seen here.
    pub first_seen: i64,
    /// When it was last seen, or declared.
    pub last_seen: i64,
    /// When another took its place, or it was declared no more.
    pub retired: Option<i64>,
    /// What was last said of its end: empty, `90`, `30`, `7`, `0` (days left).
    pub stage: String,
}

const COLUMNS: &str = "id, kind, place, node, fingerprint, subject, subject_tag, issuer, serial, spki, not_before, not_after, first_seen, last_seen, \
                       retired, stage";

fn read(r: &Row) -> Result<Certificate, StoreError> {
    Ok(Certificate {
        id: r.int(0)?,
        kind: r.text(1)?,
        place: r.text(2)?,
        node: r.int(3)?,
        fingerprint: r.text(4)?,
        subject: r.text(5)?,
        subject_tag: r.text(6)?,
        issuer: r.text(7)?,
        serial: r.text(8)?,
        spki: r.text(9)?,
        not_before: r.int(10)?,
        not_after: r.int(11)?,
        first_seen: r.int(12)?,
        last_seen: r.int(13)?,
        retired: r.opt_int(14)?,
        stage: r.text(15)?,
    })
}

/// Declares a certificate: a new row, or the one that is there, seen again and in use again.
pub fn put(tx: &mut dyn Tx, c: &Certificate) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO certificates ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, '') \
         ON CONFLICT (kind, place, node, fingerprint) DO UPDATE SET retired = NULL, \
         last_seen = CASE WHEN certificates.last_seen > excluded.last_seen THEN certificates.last_seen ELSE excluded.last_seen END"
    );
    let values = params![
        c.id,
        c.kind.as_str(),
        c.place.as_str(),
        c.node,
        c.fingerprint.as_str(),
        c.subject.as_str(),
        c.subject_tag.as_str(),
        c.issuer.as_str(),
        c.serial.as_str(),
        c.spki.as_str(),
        c.not_before,
        c.not_after,
        c.first_seen,
        c.last_seen
    ];
    tx.execute(&sql, values).map(drop)
}

/// Retires what a node declared of this kind and does not declare any more (`kept`: fingerprints with their places).
pub fn retire_others(
    tx: &mut dyn Tx,
    kind: &str,
    node: i64,
    kept: &[(String, String)],
    now: i64,
) -> Result<(), StoreError> {
    let present = tx.query(
        "SELECT id, place, fingerprint FROM certificates WHERE kind = $1 AND node = $2 AND retired IS NULL",
        params![kind, node],
    )?;
    for row in present {
        let (id, place, fingerprint) = (row.int(0)?, row.text(1)?, row.text(2)?);
        if !kept.iter().any(|(p, f)| *p == place && *f == fingerprint) {
            retire(tx, id, now)?;
        }
    }
    Ok(())
}

/// Retires certificates of the same kind, place and subject that end before this one: they were renewed.
pub fn retire_renewed(tx: &mut dyn Tx, c: &Certificate, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE certificates SET retired = $1 WHERE kind = $2 AND subject_tag = $3 AND place = $4 AND not_after < $5 AND retired IS NULL";
    tx.execute(sql, params![now, c.kind.as_str(), c.subject_tag.as_str(), c.place.as_str(), c.not_after]).map(drop)
}

/// One certificate is in use no more; false when there is none, or it was retired before.
pub fn retire(tx: &mut dyn Tx, id: Id, now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE certificates SET retired = $2 WHERE id = $1 AND retired IS NULL";
    Ok(tx.execute(sql, params![id, now])? > 0)
}

/// Says what was last said of its end.
pub fn say_stage(tx: &mut dyn Tx, id: Id, stage: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE certificates SET stage = $2 WHERE id = $1", params![id, stage]).map(drop)
}

/// One certificate.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Certificate>, StoreError> {
    let row = tx.query_opt(&format!("SELECT {COLUMNS} FROM certificates WHERE id = $1"), params![id])?;
    row.map(|r| read(&r)).transpose()
}

/// Which certificates.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// See [`KINDS`].
    pub kind: Option<String>,
    /// That end before this instant, milliseconds since 1970.
    pub ends_before: Option<i64>,
    /// Retired ones too.
    pub retired: bool,
    /// With ids above this one, for pages.
    pub after: Id,
    /// How many.
    pub limit: i64,
}

/// Certificates, by id.
pub fn list(tx: &mut dyn Tx, f: &Filter) -> Result<Vec<Certificate>, StoreError> {
    let (mut places, mut values) = (vec!["id > $1".to_owned()], vec![Value::Int(f.after)]);
    if let Some(kind) = &f.kind {
        values.push(Value::Text(kind.clone()));
        places.push(format!("kind = ${}", values.len()));
    }
    if let Some(end) = f.ends_before {
        values.push(Value::Int(end));
        places.push(format!("not_after < ${}", values.len()));
    }
    if !f.retired {
        places.push("retired IS NULL".into());
    }
    values.push(Value::Int(f.limit));
    let places = places.join(" AND ");
    let sql = format!("SELECT {COLUMNS} FROM certificates WHERE {places} ORDER BY id LIMIT ${}", values.len());
    tx.query(&sql, &values)?.iter().map(read).collect()
}

/// Those of which something is to be said: they end before `soon`, or something was said of them before. By id, from after `after`.
pub fn ending(tx: &mut dyn Tx, soon: i64, after: Id, limit: i64) -> Result<Vec<Certificate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM certificates WHERE id > $2 AND (not_after < $1 OR stage <> '') ORDER BY id LIMIT $3"
    );
    tx.query(&sql, params![soon, after, limit])?.iter().map(read).collect()
}

/// Ours in use, of every node.
pub fn own(tx: &mut dyn Tx) -> Result<Vec<Certificate>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM certificates WHERE kind = 'own' AND retired IS NULL ORDER BY node, place, id");
    tx.query(&sql, &[])?.iter().map(read).collect()
}

/// The certificates that peers last showed under this name.
pub fn seen_under(tx: &mut dyn Tx, subject_tag: &str, limit: i64) -> Result<Vec<Certificate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM certificates WHERE kind = 'peer' AND subject_tag = $1 ORDER BY last_seen DESC, id LIMIT $2"
    );
    tx.query(&sql, params![subject_tag, limit])?.iter().map(read).collect()
}

/// Forgets peers' certificates that were not seen since `before`, and the least recent beyond [`MOST_PEERS`]. Those of which an alarm stands open stay
/// until it is cleared.
pub fn forget_peers(tx: &mut dyn Tx, before: i64) -> Result<u64, StoreError> {
    let old = "DELETE FROM certificates WHERE kind = 'peer' AND last_seen < $1 AND stage = ''";
    let gone = tx.execute(old, params![before])?;
    let many = "DELETE FROM certificates WHERE stage = '' AND id IN (SELECT id FROM certificates WHERE kind = 'peer' \
                ORDER BY last_seen DESC, id LIMIT 1000 OFFSET $1)";
    Ok(gone + tx.execute(many, params![MOST_PEERS])?)
}

/// Takes a private key of ours for a node. `None`: it is this node's now. `Some(node)`: that node lives and holds it; nothing is changed.
/// `alive`: numbers of the nodes that live.
pub fn hold_key(tx: &mut dyn Tx, spki: &str, node: i64, alive: &[i64], now: i64) -> Result<Option<i64>, StoreError> {
    let new = "INSERT INTO key_holders (spki, node, since) VALUES ($1, $2, $3) ON CONFLICT (spki) DO NOTHING";
    if tx.execute(new, params![spki, node, now])? > 0 {
        return Ok(None);
    }
    let held = tx.query_opt("SELECT node FROM key_holders WHERE spki = $1 FOR UPDATE", params![spki])?;
    let Some(holder) = held.map(|r| r.int(0)).transpose()? else { return Ok(None) };
    if holder == node {
        return Ok(None);
    }
    if alive.contains(&holder) {
        return Ok(Some(holder));
    }
    let sql = "UPDATE key_holders SET node = $2, since = $3 WHERE spki = $1";
    tx.execute(sql, params![spki, node, now])?;
    Ok(None)
}

/// Who holds a key.
pub fn holder(tx: &mut dyn Tx, spki: &str) -> Result<Option<i64>, StoreError> {
    tx.query_opt("SELECT node FROM key_holders WHERE spki = $1", params![spki])?.map(|r| r.int(0)).transpose()
}

/// A node that is gone gives back a key.
pub fn release_key(tx: &mut dyn Tx, spki: &str, node: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM key_holders WHERE spki = $1 AND node = $2", params![spki, node]).map(drop)
}

/// A node gives back the keys that it does not hold any more.
pub fn release_keys(tx: &mut dyn Tx, node: i64, kept: &[String]) -> Result<(), StoreError> {
    for row in tx.query("SELECT spki FROM key_holders WHERE node = $1", params![node])? {
        let spki = row.text(0)?;
        if !kept.contains(&spki) {
            tx.execute("DELETE FROM key_holders WHERE spki = $1 AND node = $2", params![spki, node])?;
        }
    }
    Ok(())
}
