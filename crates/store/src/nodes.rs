//! The nodes that serve one database together, and what becomes of a dead one's leases.
//!
//! On PostgreSQL a node lives as long as its process holds the *fence*, a session lock on its number (see `engine::pg_link`): the database itself
//! knows who is alive, without anybody's clock. A lease names its holder, so that what a dead process held is free at once, and not only
//! when the lease would have ended. On SQLite there is one node, whose process holds the file.
use crate::id::{FIRST_VISITOR, node_of};
use crate::{Id, Row, Store, StoreError, Tx, engine, params};
use std::collections::BTreeMap;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Number, 0…1007.
    pub number: u16,
    /// Name: its host name.
    pub name: String,
    /// When it was first known, milliseconds since 1970.
    pub added: i64,
    /// Its last process; none before its first start.
    pub owner: Option<String>,
    /// When that process started.
    pub started: Option<i64>,
    /// When it last said that it lives.
    pub seen: Option<i64>,
    /// Version of the program.
    pub version: Option<String>,
    /// The first id that its process made.
    pub first_id: Option<Id>,
    /// Its process lives.
    pub alive: bool,
}

impl Node {
    /// Its last process.
    pub fn process(self) -> Option<(u16, Process)> {
        Some((self.number, Process { owner: self.owner?, first_id: self.first_id? }))
    }
}

/// A process of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// `number:random`.
    pub owner: String,
    /// The first id that it made.
    pub first_id: Id,
}

/// Processes that live, by node, as [`Store::alive`] found them.
pub type Alive = BTreeMap<u16, Process>;

impl Store {
    /// This process as leases name it: `number:random`. The owner of a lease begins with it.
    pub fn owner(&self) -> &str {
        &self.0.owner
    }
    /// Every node, by number.
    pub async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        let (shared, me, now) = (self.is_shared(), self.owner().to_owned(), self.clock().now().0);
        self.read(move |tx| {
            let mut nodes = list(tx)?;
            let alive = if shared { fenced(tx)? } else { Vec::new() };
            for node in &mut nodes {
                node.alive = alive.contains(&node.number);
                if !shared && node.owner.as_ref() == Some(&me) {
                    (node.alive, node.seen) = (true, Some(now));
                }
            }
            Ok(nodes)
        })
        .await
    }
    /// Why this process must stop: a newer program took away what it needs.
    pub fn outdated(&self) -> Option<StoreError> {
        let refused = self.0.link.as_ref().and_then(|link| link.check().err());
        refused.filter(|e| matches!(e, StoreError::NewerSchema { .. }))
    }
    /// The processes that live.
    pub async fn alive(&self) -> Result<Alive, StoreError> {
        let nodes = self.nodes().await?;
        Ok(nodes.into_iter().filter(|n| n.alive).filter_map(Node::process).collect())
    }
    /// On SQLite, writes the row of the one node there is; on PostgreSQL the link did.
    pub(crate) async fn register(&self, first: Id) -> Result<(), StoreError> {
        if self.is_shared() || self.0.config.visitor {
            return Ok(());
        }
        let config = &self.0.config;
        let (number, name, now) = (i64::from(config.node), config.name.clone(), config.clock.now().0);
        let owner = self.owner().to_owned();
        self.write(move |tx| {
            let sql = "INSERT INTO nodes (number, name, added, owner, started, seen, version, first_id) \
                       VALUES ($1, $2, $3, $4, $3, $3, $5, $6) ON CONFLICT (number) DO UPDATE SET name = excluded.name, \
                       owner = excluded.owner, started = excluded.started, seen = excluded.seen, version = excluded.version, \
                       first_id = excluded.first_id";
            tx.execute(sql, params![number, &name, now, &owner, env!("CARGO_PKG_VERSION"), first]).map(drop)
        })
        .await
    }
}

/// Every node, by number; who lives is not known here.
fn list(tx: &mut dyn Tx) -> Result<Vec<Node>, StoreError> {
    let read = |r: &Row| {
        Ok(Node {
            number: u16::try_from(r.int(0)?).map_err(|_| StoreError::Invalid("number of a node".into()))?,
            name: r.text(1)?,
            added: r.int(2)?,
            owner: r.opt_text(3)?,
            started: r.opt_int(4)?,
            seen: r.opt_int(5)?,
            version: r.opt_text(6)?,
            first_id: r.opt_int(7)?,
            alive: false,
        })
    };
    let sql = "SELECT number, name, added, owner, started, seen, version, first_id FROM nodes ORDER BY number";
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// Numbers whose fence is held. PostgreSQL only.
fn fenced(tx: &mut dyn Tx) -> Result<Vec<u16>, StoreError> {
    let sql = "SELECT CAST(objid AS BIGINT) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 \
               AND CAST(classid AS BIGINT) = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = tx.query(sql, params![i64::from(engine::FENCE)])?;
    rows.iter().map(|r| Ok(u16::try_from(r.int(0)?).unwrap_or(u16::MAX))).collect()
}

/// Prepares a number for a node, or gives it another name. False when a node with another name lives there.
pub fn prepare(tx: &mut dyn Tx, number: u16, name: &str, alive: &Alive, now: i64) -> Result<bool, StoreError> {
    if number >= FIRST_VISITOR {
        return Err(StoreError::Invalid(format!("the number of a node is below {FIRST_VISITOR}")));
    }
    let known = tx.query_opt("SELECT name FROM nodes WHERE number = $1", params![i64::from(number)])?;
    if alive.contains_key(&number) && known.is_some_and(|r| r.text(0).as_deref() != Ok(name)) {
        return Ok(false);
    }
    let sql = "INSERT INTO nodes (number, name, added) VALUES ($1, $2, $3) ON CONFLICT (number) DO UPDATE SET name = excluded.name";
    tx.execute(sql, params![i64::from(number), name, now])?;
    Ok(true)
}

/// Does this owner of a lease (`number:random…`) live no more? Of an owner that is no node's nothing is known.
fn is_dead(owner: &str, alive: &Alive) -> bool {
    let Some(number) = owner.split_once(':').and_then(|(n, _)| n.parse::<u16>().ok()) else { return false };
    number < FIRST_VISITOR
        && !alive.get(&number).is_some_and(|process| {
            owner.strip_prefix(process.owner.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
}

/// Was a lease with this number made by a process that lives no more?
fn is_stale(lease: Id, alive: &Alive) -> bool {
    let node = node_of(lease);
    node < FIRST_VISITOR && alive.get(&node).is_none_or(|process| lease < process.first_id)
}

/// Frees what dead processes hold: destinations, jobs, roles. `alive` are the processes that live: a process that started since
/// they were looked for may lose a lease (its work is done once more, which it always may be). How many leases were freed.
pub fn free_leases(tx: &mut dyn Tx, alive: &Alive, now: i64) -> Result<u64, StoreError> {
    let mut freed = crate::queue::free_claims(tx, sceau_domain::Timestamp(now), |owner| is_dead(owner, alive))?;
    let held =
        tx.query("SELECT domain, leased_by FROM queue_destinations WHERE leased_by IS NOT NULL ORDER BY domain", &[])?;
    for row in held {
        let (domain, owner) = (row.text(0)?, row.text(1)?);
        if is_dead(&owner, alive) {
            let sql = "UPDATE queue_destinations SET leased_by = NULL, lease_until = NULL WHERE domain = $1 AND leased_by = $2";
            freed += tx.execute(sql, params![&domain, &owner])?;
        }
    }
    for row in tx.query("SELECT name, owner FROM leases ORDER BY name", &[])? {
        let (name, owner) = (row.text(0)?, row.text(1)?);
        if is_dead(&owner, alive) {
            freed += tx.execute("DELETE FROM leases WHERE name = $1 AND owner = $2", params![&name, &owner])?;
        }
    }
    for row in tx.query("SELECT id, lease FROM jobs WHERE lease IS NOT NULL ORDER BY id", &[])? {
        let (job, lease): (Id, Id) = (row.int(0)?, row.int(1)?);
        if is_stale(lease, alive) {
            // Due at once, or when it was asked for again.
            let sql = "UPDATE jobs SET lease = NULL, leased_until = NULL, run_at = CASE WHEN again = 0 OR run_at > $3 THEN $3 ELSE run_at END \
                       WHERE id = $1 AND lease = $2";
            freed += tx.execute(sql, params![job, lease, now])?;
        }
    }
    Ok(freed)
}
