//! What ties the nodes of one PostgreSQL database together: the fence of a node's number, the sign of life, and the words between nodes.
//!
//! Two connections of their own. One *listens* (`LISTEN`), holds the *fence* (a session lock on the node's number: one living process at a
//! time has it, and it is gone with the process) and says every few seconds that the node lives. The other *tells* what was announced, soon
//! after, many announcements in one `NOTIFY`: never in the writing transactions, whose COMMIT it would make take turns.
//!
//! Promises: announcing costs a lock in memory and never waits; what was announced reaches the other nodes within a fraction of a second while
//! the database answers, and after an outage everything is taken to have changed; a process whose number another one took meanwhile is told so
//! ([`Link::check`]) and must not write any more; likewise a process whose program is too old for what another one made of the schema.
use super::migrate::DATA;
use super::pg_session::Session;
use super::pg_tls::Connector;
use super::pg_value::{Again, again, error};
use super::work::join;
use crate::events::{Event, Heard, Words};
use crate::{Id, StoreConfig, StoreError, id};
use postgres::fallible_iterator::FallibleIterator;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Name of the channel. One database has one operator's data.
const CHANNEL: &str = "sceau";
/// First key of the nodes' session locks (an arbitrary number of ours); the second is the node's number.
pub(crate) const FENCE: i32 = 0x5cea_0002;
/// How long a start waits for the number's former process to be gone.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a node says that it lives.
const BEAT: Duration = Duration::from_secs(10);
/// A process that holds its number and has not said for this long that it lives is taken for dead, milliseconds.
const SILENCE: i64 = 30_000;
/// Announcements are gathered for so long.
const GATHER: Duration = Duration::from_millis(20);
/// Longest wait between two tries to reach the database, and between two looks whether to stop.
const PAUSE: Duration = Duration::from_secs(1);
/// Settings of these sessions: a host that vanished is noticed by the server within half a minute, and a sign of life need not be durable.
const SETTINGS: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
    SET synchronous_commit = off";

/// Who a process is among the nodes.
#[derive(Debug, Clone)]
pub(crate) struct Me {
    /// Number; the first one that is tried, for a visitor.
    pub number: u16,
    /// Name of the node.
    pub name: String,
    /// This process: `number:random`.
    pub owner: String,
    /// A command beside the servers.
    pub visitor: bool,
    /// The first id that this process made: what an earlier process of this number leased has a lower one.
    pub first_id: Id,
}

impl Me {
    /// This process of a node.
    pub fn of(config: &StoreConfig) -> Result<Self, StoreError> {
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| StoreError::Other("no randomness".into()))?;
        let owner = format!("{}:{}", config.node, hex::encode(random));
        Ok(Self { number: config.node, name: config.name.clone(), owner, visitor: config.visitor, first_id: 0 })
    }
}

/// A number that was taken, before its process is a node.
pub(crate) struct Fence {
    connector: Connector,
    session: Session,
    /// The number in force.
    pub me: Me,
}

/// The tie of an open store.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    me: Me,
    /// The server's number of the session that held the fence last.
    session: AtomicI32,
    connector: Connector,
    heard: Heard,
    state: Mutex<State>,
    changed: Condvar,
    /// The other nodes are heard.
    up: AtomicBool,
    /// Another process has this number.
    taken: AtomicBool,
    /// The schema that a program must know to go on; 0 while ours is new enough.
    newer: AtomicI64,
}

#[derive(Debug, Default)]
struct State {
    words: Words,
    stop: bool,
}

impl Fence {
    /// Takes the number, waiting a little for a former process to be gone. Blocking.
    pub fn take(connector: Connector, me: Me) -> Result<Self, StoreError> {
        let mut session = open(&connector)?;
        let me = if me.visitor {
            visit(&mut session, me)?
        } else {
            take(&mut session, &me, PATIENCE, None, || false).map(|()| me)?
        };
        Ok(Self { connector, session, me })
    }
    /// Writes the node's row and begins to listen. Blocking.
    pub fn start(self, first_id: Id, heard: Heard) -> Result<Link, StoreError> {
        let Self { connector, mut session, me } = self;
        let me = Me { first_id, ..me };
        if !me.visitor {
            register(&mut session, &me)?;
        }
        let shared = Arc::new(Shared {
            me,
            session: AtomicI32::new(number_of(&mut session)?),
            connector,
            heard,
            state: Mutex::default(),
            changed: Condvar::new(),
            up: AtomicBool::new(true),
            taken: AtomicBool::new(false),
            newer: AtomicI64::new(0),
        });
        let mut link = Link { shared: Arc::clone(&shared), threads: Vec::new() };
        let telling = Arc::clone(&shared);
        for (name, run) in [
            ("store-listener", Box::new(move || shared.listen(session)) as Box<dyn FnOnce() + Send>),
            ("store-teller", Box::new(move || telling.tell())),
        ] {
            let thread = std::thread::Builder::new().name(name.into()).spawn(run);
            link.threads.push(thread.map_err(|e| StoreError::io("thread", &e))?);
        }
        Ok(link)
    }
}

impl Link {
    /// Tells the other nodes, soon. Never waits.
    pub fn announce(&self, event: Event) {
        let mut state = self.shared.state();
        let first = state.words.is_empty();
        state.words.add(event);
        drop(state);
        // The teller is awake already when something waits.
        if first {
            self.shared.changed.notify_all();
        }
    }
    /// Are the other nodes heard at this moment?
    pub fn is_up(&self) -> bool {
        self.shared.up.load(Ordering::Relaxed)
    }
    /// Refuses when another process has taken this node's number meanwhile, or a newer program took away what this one needs: nothing may be
    /// written any more.
    pub fn check(&self) -> Result<(), StoreError> {
        let found = self.shared.newer.load(Ordering::Relaxed);
        if found > 0 {
            return Err(StoreError::NewerSchema { found, known: DATA.known() });
        }
        if self.shared.taken.load(Ordering::Relaxed) { Err(taken(&self.shared.me, None)) } else { Ok(()) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.changed.notify_all();
        join(&mut self.threads);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn stopped(&self) -> bool {
        self.state().stop
    }
    /// Waits; true when it is time to stop.
    fn pause(&self, time: Duration) -> bool {
        let state = self.state();
        self.changed.wait_timeout_while(state, time, |s| !s.stop).unwrap_or_else(PoisonError::into_inner).0.stop
    }

    /// The listener's thread.
    fn listen(&self, first: Session) {
        let mut session = Some(first);
        let mut pause = Duration::from_millis(10);
        while !self.stopped() {
            let again = session.is_none();
            let lost = match session.take().map_or_else(|| self.come_back(), Ok) {
                Ok(mut open) => {
                    pause = Duration::from_millis(10);
                    self.up.store(true, Ordering::Relaxed);
                    self.taken.store(false, Ordering::Relaxed);
                    if again {
                        // What was said meanwhile was not heard.
                        self.heard.tell(Event::Everything);
                    }
                    self.look_at_schema(&mut open).and_then(|()| self.hear(&mut open))
                }
                Err(e) => Err(e),
            };
            self.up.store(false, Ordering::Relaxed);
            if let Err(e) = lost {
                if matches!(e, StoreError::NodeTaken { .. }) && !self.taken.swap(true, Ordering::Relaxed) {
                    tracing::error!(error = %e, "this process does not write any more");
                }
                tracing::warn!(error = %e, "the other nodes are not heard");
                if self.pause(pause) {
                    return;
                }
                pause = (pause * 2).min(PAUSE);
            }
        }
    }
    fn come_back(&self) -> Result<Session, StoreError> {
        let mut session = open(&self.connector)?;
        if self.me.visitor {
            return hold(&mut session, self.me.number)?.then_some(session).ok_or_else(|| taken(&self.me, None));
        }
        let former = self.session.load(Ordering::Relaxed);
        take(&mut session, &self.me, Duration::ZERO, Some(former), || self.stopped())?;
        self.session.store(number_of(&mut session)?, Ordering::Relaxed);
        Ok(session)
    }
    /// Hears the others until the connection breaks or it is time to stop.
    fn hear(&self, session: &mut Session) -> Result<(), StoreError> {
        let mut beat = Instant::now();
        while !self.stopped() {
            let next = session.client.notifications().timeout_iter(PAUSE).next().map_err(|e| error(&e))?;
            match next {
                Some(n) => Words::events(n.payload(), &self.me.owner).into_iter().for_each(|e| self.heard.tell(e)),
                None if session.client.is_closed() => return Err(StoreError::Transient("connection closed".into())),
                None => {}
            }
            if beat.elapsed() >= BEAT && !self.me.visitor {
                beat = Instant::now();
                register(session, &self.me)?;
                self.look_at_schema(session)?;
            }
        }
        Ok(())
    }

    /// Is this program still new enough?
    fn look_at_schema(&self, session: &mut Session) -> Result<(), StoreError> {
        let row =
            session.client.query_opt("SELECT least FROM schema_least WHERE id = 1", &[]).map_err(|e| error(&e))?;
        let least = row.map_or(0, |row| row.get::<_, i64>(0));
        if least > DATA.known() && self.newer.swap(least, Ordering::Relaxed) == 0 {
            tracing::error!(
                least,
                known = DATA.known(),
                "a newer program changed the schema: this process does not write any more"
            );
        }
        Ok(())
    }

    /// The teller's thread. Connects when there is something to tell.
    fn tell(&self) {
        let mut session: Option<Session> = None;
        let mut pause = Duration::from_millis(10);
        loop {
            let state = self.state();
            let waited = self.changed.wait_while(state, |s| s.words.is_empty() && !s.stop);
            let mut stop = waited.unwrap_or_else(PoisonError::into_inner).stop;
            stop = stop || self.pause(GATHER);
            let words = std::mem::take(&mut self.state().words);
            match self.say(&mut session, &words, stop) {
                Ok(()) => pause = Duration::from_millis(10),
                Err(e) => {
                    session = None;
                    if !stop {
                        tracing::warn!(error = %e, "the other nodes are not told yet");
                        self.state().words.join(words);
                        stop = self.pause(pause);
                        pause = (pause * 2).min(PAUSE);
                    }
                }
            }
            if stop {
                return;
            }
        }
    }
    fn say(&self, session: &mut Option<Session>, words: &Words, last: bool) -> Result<(), StoreError> {
        let open = match session {
            Some(open) => open,
            empty => empty.insert(open_plain(&self.connector)?),
        };
        let mut payloads = words.payloads(&self.me.owner);
        if last {
            // Says nothing to the others, and wakes our own listener.
            payloads.push(self.me.owner.clone());
        }
        for payload in payloads {
            let sql = "SELECT pg_notify($1, $2)";
            open.client.execute(sql, &[&CHANNEL, &payload]).map_err(|e| error(&e))?;
        }
        Ok(())
    }
}

fn open_plain(connector: &Connector) -> Result<Session, StoreError> {
    let mut session = Session::open(connector).map_err(|e| error(&e))?;
    session.client.batch_execute(SETTINGS).map_err(|e| error(&e))?;
    Ok(session)
}
fn open(connector: &Connector) -> Result<Session, StoreError> {
    let mut session = open_plain(connector)?;
    session.client.batch_execute(&format!("LISTEN {CHANNEL}")).map_err(|e| error(&e))?;
    Ok(session)
}

/// Takes a number's lock if it is free.
fn hold(session: &mut Session, number: u16) -> Result<bool, StoreError> {
    let sql = "SELECT pg_try_advisory_lock($1, $2)";
    let row = session.client.query_one(sql, &[&FENCE, &i32::from(number)]).map_err(|e| error(&e))?;
    Ok(row.get(0))
}

/// The process that holds a number: its session, the owner and name in the node's row, and for how long it has said nothing (milliseconds).
struct Holder {
    session: i32,
    owner: Option<String>,
    name: Option<String>,
    silent: Option<i64>,
}

fn holder(session: &mut Session, number: u16) -> Result<Option<Holder>, StoreError> {
    let sql = "SELECT l.pid, n.owner, n.name, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) - n.seen FROM pg_locks l \
               LEFT JOIN nodes n ON n.number = $2 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 \
               AND l.classid = CAST($1 AS BIGINT)::oid AND l.objid = CAST($2 AS BIGINT)::oid \
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let found = session.client.query_opt(sql, &[&i64::from(FENCE), &i64::from(number)]).map_err(|e| error(&e))?;
    Ok(found.map(|r| Holder { session: r.get(0), owner: r.get(1), name: r.get(2), silent: r.get(3) }))
}

/// The server's number of a session.
fn number_of(session: &mut Session) -> Result<i32, StoreError> {
    Ok(session.client.query_one("SELECT pg_backend_pid()", &[]).map_err(|e| error(&e))?.get(0))
}

/// Ends the session that holds a number, and stands in line for the lock before whoever lost it can be back. False when it was not to be had.
fn end(session: &mut Session, holder: i32, number: u16) -> Result<bool, StoreError> {
    // What it waits for is bounded by the session's lock_timeout.
    let sql = format!("SELECT pg_terminate_backend({holder}); SELECT pg_advisory_lock({FENCE}, {number})");
    match session.client.batch_execute(&sql) {
        Ok(()) => Ok(true),
        Err(e) if again(&e) == Again::Conflict => Ok(false),
        Err(e) => Err(error(&e)),
    }
}

/// Takes this node's number and writes who has it. The `former` session of this very process is ended; one whose process says nothing any more
/// too, when it has been looked at for [`PATIENCE`]. A living process is waited for during `patience`.
fn take(
    session: &mut Session,
    me: &Me,
    patience: Duration,
    former: Option<i32>,
    stop: impl Fn() -> bool,
) -> Result<(), StoreError> {
    let begun = Instant::now();
    let mut looked_at = (0, begun);
    while !hold(session, me.number)? {
        if let Some(h) = holder(session, me.number)? {
            if looked_at.0 != h.session {
                // A process that just took the lock has not written its row yet: it gets the same time.
                looked_at = (h.session, Instant::now());
            }
            // The row alone does not tell: who has just taken the lock writes it a moment later.
            let mine = h.owner.as_deref() == Some(me.owner.as_str()) && former == Some(h.session);
            let silent = h.silent.is_none_or(|ms| ms > SILENCE);
            if mine || (silent && looked_at.1.elapsed() >= PATIENCE) {
                tracing::warn!(number = me.number, mine, "ends the session that holds this node's number");
                if end(session, h.session, me.number)? {
                    break;
                }
            } else if (!silent && begun.elapsed() >= patience) || begun.elapsed() >= PATIENCE * 4 || stop() {
                return Err(taken(me, h.name));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    owned_by_another(session, me)?;
    register(session, me)
}

/// A number that was given to a node of another name, while other nodes live on which `sceau node add` can be said.
fn owned_by_another(session: &mut Session, me: &Me) -> Result<(), StoreError> {
    let sql = "SELECT name FROM nodes WHERE number = $1 AND name <> $2 AND EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' \
               AND l.granted AND l.objsubid = 2 AND l.classid = CAST($3 AS BIGINT)::oid AND CAST(l.objid AS BIGINT) <> $1 \
               AND CAST(l.objid AS BIGINT) < $4 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    let (number, first_visitor) = (i64::from(me.number), i64::from(id::FIRST_VISITOR));
    let found = session.client.query_opt(sql, &[&number, &me.name, &i64::from(FENCE), &first_visitor]);
    match found.map_err(|e| error(&e))? {
        Some(row) => Err(StoreError::NodeName { number: me.number, name: row.get(0) }),
        None => Ok(()),
    }
}

/// A free number for a command.
fn visit(session: &mut Session, me: Me) -> Result<Me, StoreError> {
    for number in (id::FIRST_VISITOR..=id::MAX_NODE).rev() {
        if hold(session, number)? {
            let owner = me.owner.split_once(':').map_or("", |(_, random)| random);
            return Ok(Me { number, owner: format!("{number}:{owner}"), ..me });
        }
    }
    Err(StoreError::Transient("too many commands use this database at once".into()))
}

/// Writes the node's row, or that it lives; without a first id, nothing is known of its leases yet. By the database's clock.
fn register(session: &mut Session, me: &Me) -> Result<(), StoreError> {
    let sql = "INSERT INTO nodes (number, name, added, owner, started, seen, version, first_id) \
               SELECT $1, $2, now, $3, now, now, $4, NULLIF(CAST($5 AS BIGINT), 0) FROM (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now) t \
               ON CONFLICT (number) DO UPDATE SET name = excluded.name, \
               started = CASE WHEN nodes.owner = excluded.owner THEN nodes.started ELSE excluded.started END, \
               owner = excluded.owner, seen = excluded.seen, version = excluded.version, first_id = excluded.first_id";
    let values: [&(dyn postgres::types::ToSql + Sync); 5] =
        [&i64::from(me.number), &me.name, &me.owner, &env!("CARGO_PKG_VERSION"), &me.first_id];
    session.client.execute(sql, &values).map(drop).map_err(|e| error(&e))
}

/// Refuses while processes serve this database; one that is about to end is waited for.
pub(super) fn alone(session: &mut Session) -> Result<(), StoreError> {
    let known: bool =
        session.client.query_one("SELECT to_regclass('nodes') IS NOT NULL", &[]).map_err(|e| error(&e))?.get(0);
    let name = if known { "(SELECT n.name FROM nodes n WHERE n.number = CAST(l.objid AS BIGINT))" } else { "NULL" };
    let sql = format!(
        "SELECT CAST(l.objid AS BIGINT), CAST({name} AS TEXT) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted \
         AND l.objsubid = 2 AND l.classid = CAST($1 AS BIGINT)::oid \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1"
    );
    let begun = Instant::now();
    loop {
        let found = session.client.query(&sql, &[&i64::from(FENCE)]).map_err(|e| error(&e))?;
        if found.is_empty() {
            return Ok(());
        }
        if begun.elapsed() >= PATIENCE {
            let say = |row: &postgres::Row| match row.get::<_, Option<String>>(1) {
                Some(name) => format!("{} {name}", row.get::<_, i64>(0)),
                None => row.get::<_, i64>(0).to_string(),
            };
            return Err(StoreError::EarlierNodes { nodes: found.iter().map(say).collect::<Vec<_>>().join(", ") });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn taken(me: &Me, name: Option<String>) -> StoreError {
    StoreError::NodeTaken { number: me.number, name: name.unwrap_or_else(|| me.name.clone()) }
}
