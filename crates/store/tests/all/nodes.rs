//! Nodes of one PostgreSQL database: they hear each other, no two have one number, and a dead one's leases are free at once.
use sceau_store::jobs::{self, NewJob};
use sceau_store::nodes::{self, Alive, Process};
use sceau_store::testing::{self, TestStore};
use sceau_store::{EngineUrl, Event, Events, Store, StoreConfig, StoreError, Tx, id, leases, params};
use std::time::Duration;
use tokio::time::timeout;

type Result<T = ()> = std::result::Result<T, StoreError>;

/// Another node of the same database.
fn neighbour(s: &TestStore, node: u16) -> StoreConfig {
    let spools = s.folder().join(format!("spools-{node}"));
    StoreConfig { node, name: format!("n{node}"), spools, ..s.config.clone() }
}
async fn second(s: &TestStore) -> Store {
    Store::open(neighbour(s, 2)).await.unwrap()
}
async fn close(store: Store) {
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
}
/// What is heard within the promised second.
async fn next(events: &mut Events) -> Event {
    timeout(Duration::from_secs(5), events.next()).await.expect("a word between nodes")
}
async fn quiet(events: &mut Events) -> bool {
    timeout(Duration::from_millis(300), events.next()).await.is_err()
}
async fn execute(s: &Store, sql: &'static str) {
    s.write(move |tx| tx.query(sql, &[]).map(drop)).await.unwrap();
}
/// Ends the sessions that hold fences: what a broken network does.
const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn wait(what: &str, mut f: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if f().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_announces_the_others_hear() {
    let s = testing::postgres().await;
    let other = second(&s).await;
    let (mut here, mut there) = (s.events(), other.events());
    assert!(s.is_shared() && s.hears_others());
    s.announce(Event::Bal(7));
    s.announce(Event::Bal(7));
    assert_eq!(next(&mut there).await, Event::Bal(7));
    assert!(quiet(&mut there).await && quiet(&mut here).await, "once, and not to oneself");
    for event in [Event::Queue, Event::Jobs, Event::KeyDestroyed(9)] {
        other.announce(event);
        assert_eq!(next(&mut here).await, event);
    }
    // More than one payload holds.
    (0..3_000).for_each(|i| s.announce(Event::Bal(i)));
    s.announce(Event::Queue);
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 3_000 {
        match next(&mut there).await {
            Event::Bal(i) => drop(seen.insert(i)),
            // Too slow for so many: then everything changed.
            Event::Everything => break,
            Event::Queue => {}
            other => panic!("{other:?}"),
        }
    }
    close(other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_interruption_everything_may_have_changed() {
    let s = testing::postgres().await;
    let other = second(&s).await;
    let mut there = other.events();
    execute(&s, CUT).await;
    assert_eq!(next(&mut there).await, Event::Everything);
    wait("both are back", async || s.hears_others() && other.hears_others()).await;
    s.announce(Event::Bal(1));
    wait("the word is back", async || next(&mut there).await == Event::Bal(1)).await;
    assert_eq!(s.alive().await.unwrap().len(), 2);
    close(other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_belongs_to_one_living_process() {
    let mut s = testing::postgres().await;
    let refused = Store::open(neighbour(&s, 1)).await.unwrap_err();
    assert_eq!(refused, StoreError::NodeTaken { number: 1, name: "test".into() });
    // Nothing of the living one was touched, and it goes on.
    execute(&s, "SELECT 1").await;
    let other = second(&s).await;
    let listed: Vec<_> = other.nodes().await.unwrap().into_iter().map(|n| (n.number, n.name, n.alive)).collect();
    assert_eq!(listed, [(1, "test".into(), true), (2, "n2".into(), true)]);
    // Stopped, or restarted: no wait.
    let before = other.owner().to_owned();
    close(other).await;
    let begun = std::time::Instant::now();
    let other = second(&s).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "a number is free with its process");
    assert_ne!(other.owner(), before);
    // A number that belongs to another node by name, while somebody lives on whom this can be mended.
    close(other).await;
    let stranger = StoreConfig { name: "stranger".into(), ..neighbour(&s, 2) };
    let refused = Store::open(stranger.clone()).await.unwrap_err();
    assert_eq!(refused, StoreError::NodeName { number: 2, name: "n2".into() });
    let alive = s.alive().await.unwrap();
    let given = s.write(move |tx| nodes::prepare(tx, 2, "stranger", &alive, 5)).await;
    assert_eq!(given.map_err(|e: StoreError| e), Ok(true));
    close(Store::open(stranger).await.unwrap()).await;
    // Alone on the database, a machine may have a new name.
    let config = StoreConfig { name: "renamed".into(), ..s.config.clone() };
    s.reopen_with(config).await.unwrap();
    assert_eq!(s.nodes().await.unwrap()[0].name, "renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_too_old_for_the_schema_stops_writing_and_says_so() {
    let s = testing::postgres().await;
    assert_eq!(s.outdated(), None);
    execute(&s, "UPDATE schema_least SET least = 99 RETURNING 1").await;
    // It looks with each of its signs of life, and when it comes back.
    execute(&s, CUT).await;
    wait("it notices", async || s.outdated().is_some()).await;
    let refused: Result = s.write(|tx| tx.query("SELECT 1", &[]).map(drop)).await;
    assert!(matches!(refused, Err(StoreError::NewerSchema { found: 99, .. })), "{refused:?}");
    assert!(s.ping().await.is_err(), "not ready");
    // What is there can still be read.
    let read: Result = s.read(|tx| tx.query("SELECT 1", &[]).map(drop)).await;
    assert_eq!(read, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_says_nothing_any_more_gives_way() {
    let s = testing::postgres().await;
    // Its row says that it was not seen for long: a frozen process, or a host that vanished, whose session the server still keeps.
    let newcomer = 'opened: {
        // Between two of its signs of life, which it gives all the same.
        for _ in 0..5 {
            execute(&s, "UPDATE nodes SET owner = '1:frozen', seen = seen - 60000 WHERE number = 1 RETURNING 1").await;
            match Store::open(neighbour(&s, 1)).await {
                Err(StoreError::NodeTaken { .. }) => {}
                opened => break 'opened opened.unwrap(),
            }
        }
        panic!("never taken over")
    };
    // The frozen one wakes up: it notices, writes nothing more and says why.
    wait("it notices", async || s.write(|tx| tx.query("SELECT 1", &[]).map(drop)).await.is_err()).await;
    let refused: Result = s.write(|tx| tx.query("SELECT 1", &[]).map(drop)).await;
    assert!(matches!(refused, Err(StoreError::NodeTaken { number: 1, .. })), "{refused:?}");
    assert!(s.ping().await.is_err(), "not ready");
    execute(&newcomer, "SELECT 1").await;
    close(newcomer).await;
    // And when the number is free again it goes on.
    wait("it is back", async || s.write(|tx| tx.query("SELECT 1", &[]).map(drop)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_the_servers_takes_no_node_s_number() {
    let s = testing::postgres().await;
    let visitor = Store::open(StoreConfig { visitor: true, ..neighbour(&s, 1) }).await.unwrap();
    let other = Store::open(StoreConfig { visitor: true, ..neighbour(&s, 1) }).await.unwrap();
    let numbers = [visitor.new_id(), other.new_id(), s.new_id()].map(id::node_of);
    assert_eq!(numbers, [id::MAX_NODE, id::MAX_NODE - 1, 1]);
    assert_eq!(visitor.node(), id::MAX_NODE);
    assert_eq!(s.nodes().await.unwrap().len(), 1);
    close(visitor).await;
    close(other).await;
}

fn row(tx: &mut dyn Tx, sql: &str) -> Result<i64> {
    tx.query(sql, &[])?[0].int(0)
}

/// Destination, job and role of three processes; those of the dead are free, those of the living are not.
async fn the_dead_give_way(s: &Store) {
    let me = s.alive().await.unwrap();
    let mine = me[&s.node()].clone();
    assert_eq!(mine.owner, s.owner());
    let lease_of = |node: i64, ms: i64| ((mine.first_id >> 22) + ms) << 22 | node << 12;
    let leases_held = [
        // Alive; an earlier process of this node; a node that is away.
        ("alive", format!("{}:op", s.owner()), lease_of(1, 5)),
        ("before", "1:0000:op".to_owned(), lease_of(1, -5)),
        ("away", "9:1234:op".to_owned(), lease_of(9, 5)),
        ("unknown", "by-hand".to_owned(), lease_of(i64::from(id::MAX_NODE), 5)),
    ];
    s.write(move |tx| {
        for (i, (name, owner, lease)) in (1_i64..).zip(&leases_held) {
            let sql = "INSERT INTO queue_destinations (domain, next_at, failures, unreached, leased_by, lease_until) \
                       VALUES ($1, 0, 0, 0, $2, 5000)";
            tx.execute(sql, params![*name, owner])?;
            assert!(leases::take(tx, name, owner, 0, 5_000)?);
            let job = NewJob { id: i, kind: "k".into(), key: (*name).into(), payload: vec![], run_at: 0, created: 0 };
            jobs::enqueue(tx, &job)?;
            assert_eq!(jobs::lease(tx, "k", *lease, 10, 5_000, 1)?.len(), 1);
        }
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    let free = async |alive: Alive| -> u64 {
        s.write(move |tx| nodes::free_leases(tx, &alive, 10)).await.map_err(|e: StoreError| e).unwrap()
    };
    // While node 9 lives only this node's past is dead.
    let nine = Process { owner: "9:1234".into(), first_id: 0 };
    assert_eq!(free(me.iter().map(|(n, p)| (*n, p.clone())).chain([(9, nine)]).collect()).await, 3);
    assert_eq!(free(me.clone()).await, 3);
    assert_eq!(free(me).await, 0);
    s.read(|tx| {
        assert_eq!(
            row(
                tx,
                "SELECT COUNT(*) FROM queue_destinations WHERE leased_by IS NOT NULL AND domain IN ('alive', 'unknown')"
            )?,
            2
        );
        assert_eq!(
            row(tx, "SELECT COUNT(*) FROM queue_destinations WHERE leased_by IS NULL AND lease_until IS NULL")?,
            2
        );
        assert_eq!(row(tx, "SELECT COUNT(*) FROM leases")?, 2);
        assert_eq!(row(tx, "SELECT COUNT(*) FROM jobs WHERE lease IS NULL AND run_at = 10")?, 2);
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_give_way_on_sqlite() {
    let s = testing::sqlite().await;
    assert!(!s.is_shared());
    the_dead_give_way(&s).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_give_way_on_postgres() {
    let s = testing::postgres().await;
    the_dead_give_way(&s).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_as_many_as_are_allowed() {
    let mut s = testing::postgres().await;
    let config = StoreConfig { connections: 3, ..s.config.clone() };
    s.reopen_with(config.clone()).await.unwrap();
    let many: Vec<_> = (0..30)
        .map(|_| {
            let s = Store::clone(&s);
            tokio::spawn(async move {
                execute(&s, "SELECT CAST(pg_sleep(0.01) AS TEXT)").await;
                let read: Result = s.read(|tx| tx.query("SELECT CAST(pg_sleep(0.01) AS TEXT)", &[]).map(drop)).await;
                read.unwrap();
            })
        })
        .collect();
    s.announce(Event::Queue);
    for one in many {
        one.await.unwrap();
    }
    let EngineUrl::Postgres(_) = config.data else { panic!("PostgreSQL") };
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()";
    let open: Result<i64> = s.read(|tx| row(tx, sql)).await;
    assert_eq!(open, Ok(5), "three for the data, one that listens, one that tells");
}
