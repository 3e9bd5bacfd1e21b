//! Entries with all that is known of them: as administrators look at the queue, and as those that are overdue are handled.
use super::Entry;
use crate::{Id, StoreError, Tx, Value};
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
    /// Destination: leased until.
    pub lease_until: Option<Timestamp>,
    /// Destination: when it was last found unreachable, code and placeholders of the refusal.
    pub unreached: Option<(Timestamp, String, String)>,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Only this destination.
    pub destination: Option<String>,
    /// Only ids after this one.
    pub after: Id,
    /// At most.
    pub limit: u32,
}

/// Entries by ascending id.
pub fn list(tx: &mut dyn Tx, filter: &EntryFilter) -> Result<Vec<EntryView>, StoreError> {
    let mut wheres = vec!["e.id > $1".to_owned()];
    let mut values = vec![Value::Int(filter.after)];
    if let Some(d) = &filter.destination {
        values.push(d.into());
        wheres.push(format!("e.destination = ${}", values.len()));
    }
    values.push(i64::from(filter.limit).into());
    query(tx, &format!("{} ORDER BY e.id LIMIT ${}", wheres.join(" AND "), values.len()), &values)
}

/// One entry.
pub fn show(tx: &mut dyn Tx, id: Id) -> Result<Option<EntryView>, StoreError> {
    Ok(query(tx, "e.id = $1", &[Value::Int(id)])?.into_iter().next())
}

/// Entries past their time, of one destination or all, where nobody is sending.
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
        only = "AND e.destination = $4";
    }
    let tail = format!(
        "e.expires <= $1 {only} AND (d.lease_until IS NULL OR d.lease_until <= $2) ORDER BY e.message_id, e.id LIMIT $3"
    );
    query(tx, &tail, &values)
}

/// Entries of which the sender is to be told that they are late.
pub fn late(tx: &mut dyn Tx, now: Timestamp, limit: u32) -> Result<Vec<EntryView>, StoreError> {
    query(tx, "e.warn_at <= $1 ORDER BY e.message_id, e.id LIMIT $2", &[Value::Int(now.0), Value::Int(limit.into())])
}

fn query(tx: &mut dyn Tx, tail: &str, values: &[Value]) -> Result<Vec<EntryView>, StoreError> {
    let sql = format!(
        "SELECT {}, m.sender, m.bal_id, m.size, m.created, m.epoch, m.tag, e.last_at, d.next_at, d.lease_until,
                d.last_at, d.last_code, d.last_args
         {} JOIN queue_messages m ON m.id = e.message_id WHERE {tail}",
        super::ENTRY,
        super::FROM
    );
    tx.query(&sql, values)?
        .iter()
        .map(|r| {
            let unreached = match (r.opt_int(21)?, r.opt_text(22)?) {
                (Some(at), Some(code)) => Some((Timestamp(at), code, r.opt_text(23)?.unwrap_or_default())),
                _ => None,
            };
            Ok(EntryView {
                entry: super::entry(r)?,
                sender: r.text(12)?,
                bal: r.int(13)?,
                size: r.int(14)?,
                created: Timestamp(r.int(15)?),
                epoch: r.int(16)?,
                tag: r.text(17)?,
                last_at: r.opt_int(18)?.map(Timestamp),
                destination_next: r.opt_int(19)?.map(Timestamp),
                lease_until: r.opt_int(20)?.map(Timestamp),
                unreached,
            })
        })
        .collect()
}
