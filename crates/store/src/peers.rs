//! Rows of the ledger of partners (F211): who was met, by which certificate, and what came of it by day. Counts, sizes and times; no address, no
//! content. Written by batches: see `operator::ledger`.
//!
//! Promises: additions of several nodes to the same day add up; a row a domain, direction and certificate name, a row each a day.
use crate::{Row, StoreError, Tx, Value, params};
use std::fmt::Write;

/// How many classes of delay there are.
pub const CLASSES: usize = 16;

/// What a row of the ledger is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partner's domain; empty where none was named that belongs to the certificate.
    pub domain: String,
    /// `in` or `out`.
    pub direction: &'static str,
    /// Digest of the certificate's name; empty where no good certificate was shown.
    pub dn_tag: String,
}

/// A row of `peers`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Domain.
    pub domain: String,
    /// `in` or `out`.
    pub direction: String,
    /// Digest of the certificate's name.
    pub dn_tag: String,
    /// The certificate's name.
    pub dn: String,
    /// Its issuer's.
    pub issuer: String,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// TLS version and suite of the last good handshake.
    pub tls: String,
    /// First contact, milliseconds since 1970.
    pub first_at: i64,
    /// Last contact.
    pub last_at: i64,
    /// First handshake with a good certificate.
    pub first_ok: Option<i64>,
    /// Last one.
    pub last_ok: Option<i64>,
    /// Last failure.
    pub last_failure: Option<i64>,
    /// Its cause; empty when there was none.
    pub last_cause: String,
}

/// Counts of a day, or what is to be added to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handshakes with a good certificate.
    pub contacts: i64,
    /// Messages taken.
    pub deliveries: i64,
    /// What failed.
    pub failures: i64,
    /// Bytes of the messages taken.
    pub bytes: i64,
    /// Deliveries by class of delay.
    pub delays: [i64; CLASSES],
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, o: &Self) {
        self.contacts += o.contacts;
        self.deliveries += o.deliveries;
        self.failures += o.failures;
        self.bytes += o.bytes;
        for (mine, more) in self.delays.iter_mut().zip(o.delays) {
            *mine += more;
        }
    }
}

/// What a row of `peer_days` (or a sum of some) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Domain.
    pub domain: String,
    /// `in` or `out`.
    pub direction: String,
    /// Digest of the certificate's name; empty in sums.
    pub dn_tag: String,
    /// Days since 1970; 0 in sums.
    pub day: i64,
    /// Counts.
    pub counts: Counts,
}

const PEER: &str = "domain, direction, dn_tag, dn, issuer, fingerprint, tls, first_at, last_at, first_ok, last_ok, last_failure, last_cause";

fn peer_of(r: &Row) -> Result<Peer, StoreError> {
    Ok(Peer {
        domain: r.text(0)?,
        direction: r.text(1)?,
        dn_tag: r.text(2)?,
        dn: r.text(3)?,
        issuer: r.text(4)?,
        fingerprint: r.text(5)?,
        tls: r.text(6)?,
        first_at: r.int(7)?,
        last_at: r.int(8)?,
        first_ok: r.opt_int(9)?,
        last_ok: r.opt_int(10)?,
        last_failure: r.opt_int(11)?,
        last_cause: r.text(12)?,
    })
}

/// Every row of a domain and direction, held until the transaction ends; by certificate.
pub fn hold(tx: &mut dyn Tx, domain: &str, direction: &str) -> Result<Vec<Peer>, StoreError> {
    let sql = format!("SELECT {PEER} FROM peers WHERE domain = $1 AND direction = $2 ORDER BY dn_tag FOR UPDATE");
    tx.query(&sql, params![domain, direction])?.iter().map(peer_of).collect()
}

/// Writes what is known of a partner: instants only move apart, so that two nodes may write in any order.
pub fn put(tx: &mut dyn Tx, p: &Peer) -> Result<(), StoreError> {
    let optional = |v: Option<i64>| v.map_or(Value::Null, Value::Int);
    let newest = |c: &str| {
        format!(
            "{c} = CASE WHEN peers.{c} IS NULL OR excluded.{c} > peers.{c} THEN COALESCE(excluded.{c}, peers.{c}) ELSE peers.{c} END"
        )
    };
    let sql = format!(
        "INSERT INTO peers ({PEER}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (domain, direction, dn_tag) DO UPDATE SET dn = excluded.dn, issuer = excluded.issuer, fingerprint = excluded.fingerprint, \
         tls = excluded.tls, last_cause = excluded.last_cause, first_ok = COALESCE(peers.first_ok, excluded.first_ok), {}, {}, {}",
        newest("last_at"),
        newest("last_ok"),
        newest("last_failure"),
    );
    let values = [
        Value::Text(p.domain.clone()),
        Value::Text(p.direction.clone()),
        Value::Text(p.dn_tag.clone()),
        Value::Text(p.dn.clone()),
        Value::Text(p.issuer.clone()),
        Value::Text(p.fingerprint.clone()),
        Value::Text(p.tls.clone()),
        Value::Int(p.first_at),
        Value::Int(p.last_at),
        optional(p.first_ok),
        optional(p.last_ok),
        optional(p.last_failure),
        Value::Text(p.last_cause.clone()),
    ];
    tx.execute(&sql, &values).map(drop)
}

/// Adds to the counts of a day.
pub fn add(tx: &mut dyn Tx, key: &Key, day: i64, c: &Counts) -> Result<(), StoreError> {
    let mut columns = vec!["contacts".to_owned(), "deliveries".into(), "failures".into(), "bytes".into()];
    columns.extend((0..CLASSES).map(|i| format!("d{i}")));
    let (mut places, mut sums) = (String::new(), String::new());
    for (i, column) in columns.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        // Into texts: it cannot fail.
        let _ = write!(places, ", ${}", i + 5);
        let _ = write!(sums, "{comma}{column} = peer_days.{column} + excluded.{column}");
    }
    let sql = format!(
        "INSERT INTO peer_days (domain, direction, dn_tag, day, {}) VALUES ($1, $2, $3, $4{places}) \
         ON CONFLICT (domain, direction, dn_tag, day) DO UPDATE SET {sums}",
        columns.join(", ")
    );
    let mut values = vec![
        Value::Text(key.domain.clone()),
        Value::Text(key.direction.into()),
        Value::Text(key.dn_tag.clone()),
        Value::Int(day),
        Value::Int(c.contacts),
        Value::Int(c.deliveries),
        Value::Int(c.failures),
        Value::Int(c.bytes),
    ];
    values.extend(c.delays.map(Value::Int));
    tx.execute(&sql, &values).map(drop)
}

/// Adds failures of a cause to a day.
pub fn add_cause(
    tx: &mut dyn Tx,
    (domain, direction): (&str, &str),
    day: i64,
    cause: &str,
    count: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO peer_causes (domain, direction, day, cause, count) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (domain, direction, day, cause) DO UPDATE SET count = peer_causes.count + excluded.count";
    tx.execute(sql, params![domain, direction, day, cause, count]).map(drop)
}

/// Domains with a contact, by name, from after `after`, whose name holds `part`. The first of all may be the empty one.
pub fn domains(
    tx: &mut dyn Tx,
    after: Option<&str>,
    part: Option<&str>,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let escaped = part.unwrap_or_default().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let from = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "SELECT DISTINCT domain FROM peers WHERE domain {from} $1 AND domain LIKE $2 ESCAPE '\\' ORDER BY domain LIMIT $3"
    );
    tx.query(&sql, params![after.unwrap_or_default(), format!("%{escaped}%"), limit])?
        .iter()
        .map(|r| r.text(0))
        .collect()
}

/// Every row of these domains.
pub fn of(tx: &mut dyn Tx, domains: &[String]) -> Result<Vec<Peer>, StoreError> {
    let sql =
        |list: &str| format!("SELECT {PEER} FROM peers WHERE domain IN ({list}) ORDER BY domain, direction, dn_tag");
    crate::many::rows(tx, domains, &[], sql, peer_of)
}

fn sums() -> String {
    let mut out = String::new();
    for column in ["contacts", "deliveries", "failures", "bytes"] {
        // Into a text: it cannot fail.
        let _ = write!(out, ", CAST(COALESCE(SUM({column}), 0) AS BIGINT)");
    }
    for i in 0..CLASSES {
        let _ = write!(out, ", CAST(COALESCE(SUM(d{i}), 0) AS BIGINT)");
    }
    out
}

fn counts_of(r: &Row, from: usize) -> Result<Counts, StoreError> {
    let mut c = Counts {
        contacts: r.int(from)?,
        deliveries: r.int(from + 1)?,
        failures: r.int(from + 2)?,
        bytes: r.int(from + 3)?,
        ..Counts::default()
    };
    for (i, class) in c.delays.iter_mut().enumerate() {
        *class = r.int(from + 4 + i)?;
    }
    Ok(c)
}

/// Counts of these domains since a day, by direction.
pub fn totals(tx: &mut dyn Tx, domains: &[String], since: i64) -> Result<Vec<Day>, StoreError> {
    let sums = sums();
    let sql = |list: &str| {
        format!(
            "SELECT domain, direction{sums} FROM peer_days WHERE day >= $1 AND domain IN ({list}) GROUP BY domain, direction"
        )
    };
    let read = |r: &Row| {
        let (domain, direction) = (r.text(0)?, r.text(1)?);
        Ok(Day { domain, direction, dn_tag: String::new(), day: 0, counts: counts_of(r, 2)? })
    };
    crate::many::rows(tx, domains, &[Value::Int(since)], sql, read)
}

/// Days of one domain since a day, newest first, all certificates together.
pub fn days(tx: &mut dyn Tx, domain: &str, since: i64) -> Result<Vec<Day>, StoreError> {
    let sql = format!(
        "SELECT direction, day{} FROM peer_days WHERE domain = $1 AND day >= $2 GROUP BY direction, day ORDER BY day DESC, direction",
        sums()
    );
    let read = |r: &Row| {
        let (direction, day) = (r.text(0)?, r.int(1)?);
        Ok(Day { domain: domain.to_owned(), direction, dn_tag: String::new(), day, counts: counts_of(r, 2)? })
    };
    tx.query(&sql, params![domain, since])?.iter().map(read).collect()
}

/// Days of all domains together since a day, oldest first.
pub fn all_days(tx: &mut dyn Tx, since: i64) -> Result<Vec<Day>, StoreError> {
    let sql = format!(
        "SELECT direction, day{} FROM peer_days WHERE day >= $1 GROUP BY direction, day ORDER BY day, direction",
        sums()
    );
    let read = |r: &Row| {
        let (direction, day) = (r.text(0)?, r.int(1)?);
        Ok(Day { domain: String::new(), direction, dn_tag: String::new(), day, counts: counts_of(r, 2)? })
    };
    tx.query(&sql, params![since])?.iter().map(read).collect()
}

/// Counts of each certificate of one domain since a day.
pub fn by_certificate(tx: &mut dyn Tx, domain: &str, since: i64) -> Result<Vec<Day>, StoreError> {
    let sql = format!(
        "SELECT direction, dn_tag{} FROM peer_days WHERE domain = $1 AND day >= $2 GROUP BY direction, dn_tag ORDER BY direction, dn_tag",
        sums()
    );
    let read = |r: &Row| {
        let (direction, dn_tag) = (r.text(0)?, r.text(1)?);
        Ok(Day { domain: domain.to_owned(), direction, dn_tag, day: 0, counts: counts_of(r, 2)? })
    };
    tx.query(&sql, params![domain, since])?.iter().map(read).collect()
}

/// Failures of one domain since a day, by direction and cause, the most frequent first.
pub fn causes(tx: &mut dyn Tx, domain: &str, since: i64) -> Result<Vec<(String, String, i64)>, StoreError> {
    let sql = "SELECT direction, cause, CAST(SUM(count) AS BIGINT) FROM peer_causes WHERE domain = $1 AND day >= $2 \
               GROUP BY direction, cause ORDER BY 3 DESC, direction, cause";
    tx.query(sql, params![domain, since])?.iter().map(|r| Ok((r.text(0)?, r.text(1)?, r.int(2)?))).collect()
}

/// Forgets days before `day`, and partners without a contact since `before` (milliseconds since 1970); how many rows.
pub fn forget(tx: &mut dyn Tx, day: i64, before: i64) -> Result<u64, StoreError> {
    let mut gone = tx.execute("DELETE FROM peer_days WHERE day < $1", params![day])?;
    gone += tx.execute("DELETE FROM peer_causes WHERE day < $1", params![day])?;
    gone += tx.execute("DELETE FROM peers WHERE last_at < $1", params![before])?;
    Ok(gone)
}
