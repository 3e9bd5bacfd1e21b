//! Entries and destinations with all that is known of them: as administrators look at the queue, and as what is overdue is handled.
use super::{ENTRY_COLUMNS, Entry, Held, Selection};
use crate::{Id, Row, StoreError, Tx, Value, params};
use sceau_domain::Timestamp;

/// An entry with what its message and its destination say.
#[derive(Debug, Clone)]
pub struct EntryView {
    /// The entry.
    pub entry: Entry,
    /// Sender as shown, empty for `<>`.
    pub sender: String,
    /// BAL that sent it.
    pub bal: Id,
    /// Bytes.
    pub size: i64,
    /// When it was queued.
    pub created: Timestamp,
    /// Transit epoch of the sealed columns.
    pub epoch: i64,
    /// Id of the acceptance.
    pub tag: String,
    /// When something last happened to it.
    pub last_at: Option<Timestamp>,
    /// Destination: next attempt.
    pub destination_next: Option<Timestamp>,
    /// In a worker's hands until.
    pub claimed_until: Option<Timestamp>,
    /// Destination: when it was last found unreachable, code and placeholders of the refusal.
    pub unreached: Option<(Timestamp, String, String)>,
    /// Held, by itself or with its destination.
    pub held: Option<Held>,
    /// Destination: consecutive attempts that reached no server.
    pub failures: i64,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Held.
    Held,
    /// In a worker's hands.
    Sending,
    /// Neither.
    Waiting,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Only what is in all of these.
    pub wanted: Vec<Selection>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only with this in the address of the recipient or the sender.
    pub text: Option<String>,
    /// The present, for what is in a worker's hands.
    pub now: Timestamp,
    /// Only ids after this one.
    pub after: Id,
    /// At most.
    pub limit: u32,
}

/// Entries by ascending id.
pub fn list(tx: &mut dyn Tx, filter: &EntryFilter) -> Result<Vec<EntryView>, StoreError> {
    let mut values = vec![Value::Int(filter.after), Value::Int(filter.limit.into())];
    let mut wheres = vec!["e.id > $1".to_owned()];
    for selection in &filter.wanted {
        let (sql, value) = selection.sql(values.len() + 1);
        values.push(value);
        wheres.push(format!("e.id IN (SELECT id FROM queue_entries WHERE {sql})"));
    }
    if let Some(state) = filter.state {
        let held = "(e.turn < 0 OR d.held_at IS NOT NULL)";
        let now = values.len() + 1;
        if state != State::Held {
            values.push(Value::Int(filter.now.0));
        }
        wheres.push(match state {
            State::Held => held.to_owned(),
            State::Sending => format!("NOT {held} AND c.until > ${now}"),
            State::Waiting => format!("NOT {held} AND (c.until IS NULL OR c.until <= ${now})"),
        });
    }
    if let Some(text) = &filter.text {
        values.push(crate::bals::pattern(&text.to_lowercase(), true).into());
        let at = values.len();
        wheres.push(format!("(LOWER(e.recipient) LIKE ${at} ESCAPE '!' OR LOWER(m.sender) LIKE ${at} ESCAPE '!')"));
    }
    query(tx, &format!("{} ORDER BY e.id LIMIT $2", wheres.join(" AND ")), &values)
}

/// One entry.
pub fn show(tx: &mut dyn Tx, id: Id) -> Result<Option<EntryView>, StoreError> {
    Ok(query(tx, "e.id = $1", &[Value::Int(id)])?.into_iter().next())
}

/// Entries past their time, of one destination or all, that nobody is sending.
pub fn expired(
    tx: &mut dyn Tx,
    destination: Option<&str>,
    before: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<EntryView>, StoreError> {
    let mut values = vec![Value::Int(before.0), Value::Int(now.0), Value::Int(limit.into())];
    let mut only = "";
    if let Some(d) = destination {
        values.push(d.into());
        only = "AND x.destination = $4";
    }
    // Those of one message have one end: they stay together.
    let tail = format!(
        "e.id IN (SELECT x.id FROM queue_entries x WHERE x.expires <= $1 {only} AND NOT EXISTS (SELECT 1 FROM queue_claims y \
                  WHERE y.message_id = x.message_id AND y.destination = x.destination AND y.until > $2) \
                  ORDER BY x.expires, x.message_id LIMIT $3) ORDER BY e.message_id, e.id"
    );
    query(tx, &tail, &values)
}

/// Entries of which the sender is to be told that they are late.
pub fn late(tx: &mut dyn Tx, now: Timestamp, limit: u32) -> Result<Vec<EntryView>, StoreError> {
    let tail = "e.id IN (SELECT x.id FROM queue_entries x WHERE x.warn_at <= $1 ORDER BY x.warn_at, x.message_id LIMIT $2) \
                ORDER BY e.message_id, e.id";
    query(tx, tail, &[Value::Int(now.0), Value::Int(limit.into())])
}

fn query(tx: &mut dyn Tx, tail: &str, values: &[Value]) -> Result<Vec<EntryView>, StoreError> {
    let sql = format!(
        "SELECT {}, m.sender, m.bal_id, m.size, m.created, m.epoch, m.tag, e.last_at, d.next_at, c.until,
                d.last_at, d.last_code, d.last_args, e.held_at, e.held_by, e.held_why, e.held_until,
                d.held_at, d.held_by, d.held_why, d.held_until, d.failures
         {} JOIN queue_messages m ON m.id = e.message_id
         LEFT JOIN queue_claims c ON c.message_id = e.message_id AND c.destination = e.destination WHERE {tail}",
        super::ENTRY,
        super::FROM
    );
    tx.query(&sql, values)?.iter().map(view).collect()
}

fn view(r: &Row) -> Result<EntryView, StoreError> {
    let at = |n: usize| ENTRY_COLUMNS + n;
    let unreached = match (r.opt_int(at(9))?, r.opt_text(at(10))?) {
        (Some(when), Some(code)) => Some((Timestamp(when), code, r.opt_text(at(11))?.unwrap_or_default())),
        _ => None,
    };
    Ok(EntryView {
        entry: super::entry(r)?,
        sender: r.text(at(0))?,
        bal: r.int(at(1))?,
        size: r.int(at(2))?,
        created: Timestamp(r.int(at(3))?),
        epoch: r.int(at(4))?,
        tag: r.text(at(5))?,
        last_at: r.opt_int(at(6))?.map(Timestamp),
        destination_next: r.opt_int(at(7))?.map(Timestamp),
        claimed_until: r.opt_int(at(8))?.map(Timestamp),
        unreached,
        held: match held_from(r, at(12))? {
            Some(held) => Some(held),
            None => held_from(r, at(16))?,
        },
        failures: r.opt_int(at(20))?.unwrap_or(0),
    })
}

/// `held_at`, `held_by`, `held_why`, `held_until` from a column on.
fn held_from(r: &Row, from: usize) -> Result<Option<Held>, StoreError> {
    let Some(at) = r.opt_int(from)? else { return Ok(None) };
    Ok(Some(Held {
        at: Timestamp(at),
        by: r.opt_text(from + 1)?.unwrap_or_default(),
        why: r.opt_text(from + 2)?.unwrap_or_default(),
        until: r.opt_int(from + 3)?.map(Timestamp),
    }))
}

/// A destination, counted.
#[derive(Debug, Clone)]
pub struct DestinationView {
    /// Its name.
    pub domain: String,
    /// Entries.
    pub entries: i64,
    /// Of them, held one by one.
    pub held_entries: i64,
    /// Messages in workers' hands.
    pub sending: i64,
    /// When its oldest message was queued.
    pub oldest: Option<Timestamp>,
    /// Next attempt.
    pub next: Timestamp,
    /// Consecutive attempts that reached no server.
    pub failures: i64,
    /// When none was last reached, code and placeholders of the refusal.
    pub unreached: Option<(Timestamp, String, String)>,
    /// Held as a whole.
    pub held: Option<Held>,
}

/// Destinations by name from after `after`, at most `limit`.
pub fn destinations(
    tx: &mut dyn Tx,
    after: &str,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<DestinationView>, StoreError> {
    let sql = "SELECT d.domain, d.next_at, d.failures, d.last_at, d.last_code, d.last_args, d.held_at, d.held_by, d.held_why, d.held_until,
            (SELECT COUNT(*) FROM queue_entries e WHERE e.destination = d.domain),
            (SELECT COUNT(*) FROM queue_entries e WHERE e.destination = d.domain AND e.turn = -1),
            (SELECT COUNT(*) FROM queue_claims c WHERE c.destination = d.domain AND c.until > $2),
            (SELECT m.created FROM queue_messages m WHERE m.id =
                (SELECT MIN(e.message_id) FROM queue_entries e WHERE e.destination = d.domain))
         FROM queue_destinations d WHERE d.domain > $1 ORDER BY d.domain LIMIT $3";
    let rows = tx.query(sql, params![after, now.0, i64::from(limit)])?;
    rows.iter()
        .map(|r| {
            let unreached = match (r.opt_int(3)?, r.opt_text(4)?) {
                (Some(at), Some(code)) => Some((Timestamp(at), code, r.opt_text(5)?.unwrap_or_default())),
                _ => None,
            };
            Ok(DestinationView {
                domain: r.text(0)?,
                next: Timestamp(r.int(1)?),
                failures: r.int(2)?,
                unreached,
                held: held_from(r, 6)?,
                entries: r.int(10)?,
                held_entries: r.int(11)?,
                sending: r.int(12)?,
                oldest: r.opt_int(13)?.map(Timestamp),
            })
        })
        .collect()
}

/// The queue, counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Entries.
    pub entries: i64,
    /// Held ones, one by one or with their destination.
    pub held: i64,
    /// Messages in workers' hands.
    pub sending: i64,
    /// Messages.
    pub messages: i64,
    /// Bytes of them.
    pub bytes: i64,
    /// When the oldest was queued.
    pub oldest: Option<Timestamp>,
    /// Destinations with entries.
    pub destinations: i64,
    /// Of them, those that could not be reached.
    pub failing: i64,
    /// Destinations held as a whole.
    pub held_destinations: i64,
}

/// Counts the queue.
pub fn counts(tx: &mut dyn Tx, now: Timestamp) -> Result<Counts, StoreError> {
    let mut one = |sql: &str, values: &[Value]| -> Result<i64, StoreError> {
        Ok(tx.query_opt(sql, values)?.map_or(Ok(None), |r| r.opt_int(0))?.unwrap_or(0))
    };
    let waiting = "EXISTS (SELECT 1 FROM queue_entries e WHERE e.destination = d.domain)";
    let counts = Counts {
        entries: one("SELECT COUNT(*) FROM queue_entries", &[])?,
        held: one(
            "SELECT COUNT(*) FROM queue_entries e LEFT JOIN queue_destinations d ON d.domain = e.destination
             WHERE e.turn < 0 OR d.held_at IS NOT NULL",
            &[],
        )?,
        sending: one("SELECT COUNT(*) FROM queue_claims WHERE until > $1", params![now.0])?,
        messages: one("SELECT COUNT(*) FROM queue_messages", &[])?,
        bytes: one("SELECT CAST(SUM(size) AS BIGINT) FROM queue_messages", &[])?,
        oldest: None,
        destinations: one(&format!("SELECT COUNT(*) FROM queue_destinations d WHERE {waiting}"), &[])?,
        failing: one(&format!("SELECT COUNT(*) FROM queue_destinations d WHERE failures > 0 AND {waiting}"), &[])?,
        held_destinations: one("SELECT COUNT(*) FROM queue_destinations WHERE held_at IS NOT NULL", &[])?,
    };
    let oldest = tx.query_opt("SELECT MIN(created) FROM queue_messages", &[])?;
    let oldest = oldest.map_or(Ok(None), |r| r.opt_int(0))?.map(Timestamp);
    Ok(Counts { oldest, ..counts })
}
