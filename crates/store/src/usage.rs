//! Rows of the use of shared BALs by day, of what was unusual, and of attestations (F159). No rule is here.
use crate::{Id, Row, StoreError, Tx, params};

/// A trace as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Id of the trace.
    pub id: Id,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Stable act code.
    pub act: String,
    /// Who.
    pub person: Id,
    /// On which BAL.
    pub bal: Id,
    /// JSON of the trace.
    pub data: String,
    /// The structure of the BAL.
    pub structure: Option<Id>,
}

/// A row of `usage_days`, or what is to be added to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayRow {
    /// BAL.
    pub bal: Id,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Who.
    pub person: Id,
    /// In the order of the columns: logins, messages, sent, removed, off_hours.
    pub counts: [i64; 5],
    /// Bits of doors.
    pub doors: i64,
}

/// A row of `usage_alerts`, with the person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Id.
    pub id: Id,
    /// BAL.
    pub bal: Id,
    /// `YYYY-MM-DD`.
    pub day: String,
    /// Who.
    pub person: Id,
    /// Login.
    pub login: String,
    /// `usage::Kind::as_str`.
    pub kind: String,
    /// How much there was.
    pub seen: i64,
    /// The most of before.
    pub usual: i64,
    /// When it was noticed, milliseconds since 1970.
    pub at: i64,
    /// When those responsible were told.
    pub told: Option<i64>,
}

/// A row of `attestations`, with the person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Login of who attested.
    pub login: String,
    /// Digest of what was attested.
    pub digest: Vec<u8>,
}

/// The `limit` traces after `after` and before `before`, whatever they are of: the id of the last one, and those that are a person's successful acts
/// on a shared BAL.
pub fn acts(tx: &mut dyn Tx, after: Id, before: Id, limit: i64) -> Result<(Option<Id>, Vec<Act>), StoreError> {
    let sql = "SELECT t.id, t.at, t.act, t.person_id, t.bal_id, t.data, t.outcome, b.structure_id, b.id FROM traces t \
               LEFT JOIN bals b ON b.id = t.bal_id AND b.kind IN ('Org', 'App', 'Cab') WHERE t.id > $1 AND t.id < $2 ORDER BY t.id LIMIT $3";
    let (mut last, mut out) = (None, Vec::new());
    for r in tx.query(sql, params![after, before, limit])? {
        last = Some(r.int(0)?);
        let (Some(person), Some(bal)) = (r.opt_int(3)?, r.opt_int(8)?) else { continue };
        if r.text(6)? == "ok" {
            let structure = r.opt_int(7)?;
            out.push(Act { id: r.int(0)?, at: r.int(1)?, act: r.text(2)?, person, bal, data: r.text(5)?, structure });
        }
    }
    Ok((last, out))
}

/// Adds to a day; the row as it is then.
pub fn add(tx: &mut dyn Tx, d: &DayRow) -> Result<DayRow, StoreError> {
    // Doors are a set of bits; neither engine has an OR that the other knows, so it is made from what both have.
    let key = params![d.bal, &d.day, d.person];
    let before = tx.query_opt("SELECT doors FROM usage_days WHERE bal_id = $1 AND day = $2 AND person_id = $3", key)?;
    let doors = d.doors | before.map_or(Ok(0), |r| r.int(0))?;
    let sql = "INSERT INTO usage_days (bal_id, day, person_id, logins, messages, sent, removed, off_hours, doors) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (bal_id, day, person_id) DO UPDATE SET \
               logins = usage_days.logins + excluded.logins, messages = usage_days.messages + excluded.messages, \
               sent = usage_days.sent + excluded.sent, removed = usage_days.removed + excluded.removed, \
               off_hours = usage_days.off_hours + excluded.off_hours, doors = excluded.doors \
               RETURNING logins, messages, sent, removed, off_hours";
    let [logins, messages, sent, removed, off_hours] = d.counts;
    let values = params![d.bal, &d.day, d.person, logins, messages, sent, removed, off_hours, doors];
    let row = tx.query_opt(sql, values)?.ok_or_else(|| StoreError::Other("a day returned no counts".into()))?;
    let mut counts = [0; 5];
    for (i, count) in counts.iter_mut().enumerate() {
        *count = row.int(i)?;
    }
    Ok(DayRow { counts, doors, ..d.clone() })
}

/// The most of each (in the order of [`DayRow::counts`]) that anybody did with a BAL on one day from `from` until before `until`, and on how many days
/// it was used.
pub fn most(tx: &mut dyn Tx, bal: Id, (from, until): (&str, &str)) -> Result<([i64; 5], i64), StoreError> {
    let sql = "SELECT COALESCE(MAX(logins), 0), COALESCE(MAX(messages), 0), COALESCE(MAX(sent), 0), COALESCE(MAX(removed), 0), \
               COALESCE(MAX(off_hours), 0), COUNT(DISTINCT day) FROM usage_days WHERE bal_id = $1 AND day >= $2 AND day < $3";
    let Some(row) = tx.query_opt(sql, params![bal, from, until])? else { return Ok(([0; 5], 0)) };
    let mut counts = [0; 5];
    for (i, count) in counts.iter_mut().enumerate() {
        *count = row.int(i)?;
    }
    Ok((counts, row.int(5)?))
}

/// The doors by which a person used a BAL from `from` until before `until`: bits.
pub fn doors(tx: &mut dyn Tx, bal: Id, person: Id, (from, until): (&str, &str)) -> Result<i64, StoreError> {
    let sql = "SELECT DISTINCT doors FROM usage_days WHERE bal_id = $1 AND day >= $2 AND day < $3 AND person_id = $4";
    tx.query(sql, params![bal, from, until, person])?.iter().try_fold(0, |all, r| Ok(all | r.int(0)?))
}

/// Notes something unusual, once for a day, person and kind; false when it was noted before.
pub fn note(tx: &mut dyn Tx, a: &Alert) -> Result<bool, StoreError> {
    let sql = "INSERT INTO usage_alerts (id, bal_id, day, person_id, kind, seen, usual, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (bal_id, day, person_id, kind) DO NOTHING";
    let values = params![a.id, a.bal, &a.day, a.person, &a.kind, a.seen, a.usual, a.at];
    Ok(tx.execute(sql, values)? > 0)
}

const ALERT: &str = "SELECT u.id, u.bal_id, u.day, u.person_id, COALESCE(p.login, ''), u.kind, u.seen, u.usual, u.at, u.told FROM usage_alerts u \
                     LEFT JOIN people p ON p.id = u.person_id";

fn alert(r: &Row) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: r.int(0)?,
        bal: r.int(1)?,
        day: r.text(2)?,
        person: r.int(3)?,
        login: r.text(4)?,
        kind: r.text(5)?,
        seen: r.int(6)?,
        usual: r.int(7)?,
        at: r.int(8)?,
        told: r.opt_int(9)?,
    })
}

/// What was unusual on a BAL, newest first, from before `before`.
pub fn alerts(tx: &mut dyn Tx, bal: Id, before: Id, limit: i64) -> Result<Vec<Alert>, StoreError> {
    let sql = format!("{ALERT} WHERE u.bal_id = $1 AND u.id < $2 ORDER BY u.id DESC LIMIT $3");
    tx.query(&sql, params![bal, before, limit])?.iter().map(alert).collect()
}

/// What was noted since an instant and nobody was told yet, oldest first.
pub fn untold(tx: &mut dyn Tx, since: i64, limit: i64) -> Result<Vec<Alert>, StoreError> {
    let sql = format!("{ALERT} WHERE u.told IS NULL AND u.at > $1 ORDER BY u.id LIMIT $2");
    tx.query(&sql, params![since, limit])?.iter().map(alert).collect()
}

/// Those responsible were told; false when they were already.
pub fn told(tx: &mut dyn Tx, id: Id, at: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE usage_alerts SET told = $2 WHERE id = $1 AND told IS NULL", params![id, at])? > 0)
}

/// Forgets days before one, and alerts that were noted before an instant; how many rows, at most `limit` of each.
pub fn forget(tx: &mut dyn Tx, day: &str, at: i64, limit: i64) -> Result<u64, StoreError> {
    let days = "DELETE FROM usage_days WHERE (bal_id, day, person_id) IN \
                (SELECT bal_id, day, person_id FROM usage_days WHERE day < $1 ORDER BY day LIMIT $2)";
    let alerts =
        "DELETE FROM usage_alerts WHERE id IN (SELECT id FROM usage_alerts WHERE at < $1 ORDER BY id LIMIT $2)";
    Ok(tx.execute(days, params![day, limit])? + tx.execute(alerts, params![at, limit])?)
}

/// Attests.
pub fn attest(tx: &mut dyn Tx, bal: Id, person: Id, at: i64, digest: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO attestations (bal_id, at, person_id, digest) VALUES ($1, $2, $3, $4) ON CONFLICT (bal_id, at, person_id) DO NOTHING";
    tx.execute(sql, params![bal, at, person, digest]).map(drop)
}

/// The attestations of a BAL, newest first.
pub fn attestations(tx: &mut dyn Tx, bal: Id, limit: i64) -> Result<Vec<Attestation>, StoreError> {
    let sql = "SELECT t.at, COALESCE(p.login, ''), t.digest FROM attestations t LEFT JOIN people p ON p.id = t.person_id WHERE t.bal_id = $1 \
               ORDER BY t.at DESC, t.person_id DESC LIMIT $2";
    let read = |r: &Row| Ok(Attestation { at: r.int(0)?, login: r.text(1)?, digest: r.bytes(2)? });
    tx.query(sql, params![bal, limit])?.iter().map(read).collect()
}

/// Active shared BALs from after `after` that nobody attested since `attested`, and for which nobody was asked since `asked`: by id.
pub fn unattested(tx: &mut dyn Tx, after: Id, attested: i64, asked: i64, limit: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT b.id FROM bals b WHERE b.id > $1 AND b.state = 'active' AND b.kind IN ('Org', 'App', 'Cab') \
               AND NOT EXISTS (SELECT 1 FROM attestations t WHERE t.bal_id = b.id AND t.at > $2) \
               AND NOT EXISTS (SELECT 1 FROM attestation_asks q WHERE q.bal_id = b.id AND q.at > $3) ORDER BY b.id LIMIT $4";
    tx.query(sql, params![after, attested, asked, limit])?.iter().map(|r| r.int(0)).collect()
}

/// Those responsible for a BAL are asked at this moment; false when somebody asked since `since`.
pub fn ask(tx: &mut dyn Tx, bal: Id, at: i64, since: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO attestation_asks (bal_id, at) VALUES ($1, $2) ON CONFLICT (bal_id) DO UPDATE SET at = excluded.at \
               WHERE attestation_asks.at <= $3";
    Ok(tx.execute(sql, params![bal, at, since])? > 0)
}
