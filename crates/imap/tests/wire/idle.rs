//! How soon a parked session hears of a message, on both engines and from another node. The times are printed (`--no-capture`); what is asserted is that
//! it hears of each, in order, without asking.
use crate::client::Client;
use crate::world::World;
use sceau_store::testing::TestStore;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than any poll of what a missed word costs would have to be.
const PATIENCE: Duration = Duration::from_secs(20);
const TIMES: usize = 20;

/// One session appends, the other hears it: the times between.
async fn heard(idle: &mut Client, other: &mut Client, before: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for n in 1..=TIMES {
        let begun = Instant::now();
        other.letter(&format!("m{n}")).await;
        let told = timeout(PATIENCE, idle.response()).await.expect("told").unwrap();
        times.push(begun.elapsed());
        assert_eq!(told, format!("* {} EXISTS", before + n));
    }
    times.sort_unstable();
    times
}

async fn idling(w: &World) -> Client {
    let mut idle = Client::inbox(w).await;
    idle.send("i IDLE\r\n").await;
    assert_eq!(idle.response().await.as_deref(), Some("+ idling"));
    idle
}

async fn here(store: TestStore, engine: &str) -> World {
    let w = World::on(store, |_| {}).await;
    let (mut idle, mut other) = (idling(&w).await, Client::anne(&w).await);
    let times = heard(&mut idle, &mut other, 0).await;
    println!("{engine}: EXISTS after APPEND began: median {:?}, slowest {:?}", times[TIMES / 2], times[TIMES - 1]);
    w
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_session_hears_of_a_message_at_once() {
    here(sceau_store::testing::sqlite().await, "SQLite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_session_hears_of_a_message_from_another_node() {
    let w = here(sceau_store::testing::postgres().await, "PostgreSQL").await;
    let second = w.neighbour().await;
    let stop = CancellationToken::new();
    let running = [w.op.clone(), second.op.clone()].map(|op| {
        let stop = stop.clone();
        tokio::spawn(async move { op.run_node(stop).await })
    });
    let (mut idle, mut other) = (idling(&w).await, Client::secure(&w).await);
    other.conn = second.connect().await;
    other.response().await.expect("greeting");
    other.ok(&format!("LOGIN anne {}", w.anne)).await;
    let times = heard(&mut idle, &mut other, TIMES).await;
    println!("from another node: median {:?}, slowest {:?}", times[TIMES / 2], times[TIMES - 1]);
    stop.cancel();
    for node in running {
        node.await.unwrap();
    }
}

#[tokio::test]
async fn a_packed_mailbox_is_the_same_when_it_wakes() {
    let w = World::with(|c| c.quiet = Duration::from_millis(30)).await;
    let mut other = Client::inbox(&w).await;
    for n in 0..40 {
        other.letter(&format!("m{n}")).await;
    }
    other.ok("STORE 5:9 +FLAGS.SILENT ($Forwarded \\Seen)").await;
    let mut c = Client::inbox(&w).await;
    let before = c.ok("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)").await;
    c.send("i IDLE\r\n").await;
    c.response().await;
    // Asleep, then woken by a change, three times.
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.ok("STORE 7 -FLAGS (\\Seen)").await;
    assert!(c.response().await.unwrap().starts_with("* 7 FETCH (UID 7 FLAGS ($Forwarded) MODSEQ ("));
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.letter("encore").await;
    assert_eq!(c.response().await.as_deref(), Some("* 41 EXISTS"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)").await;
    assert!(c.response().await.unwrap().starts_with("* 2 FETCH (UID 2 FLAGS (\\Deleted) "));
    other.ok("UID EXPUNGE 2").await;
    assert_eq!(c.response().await.as_deref(), Some("* 2 EXPUNGE"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    c.send("DONE\r\n").await;
    c.until("i").await;
    let after = c.ok("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)").await;
    let rest = |line: &String| line.split_once(" FETCH ").map(|(_, rest)| rest.to_owned());
    let changed = |line: &String| ["(UID 2 ", "(UID 7 ", "(UID 41 "].iter().any(|uid| line.contains(uid));
    let unchanged = |all: &[String]| all.iter().filter(|l| !changed(l)).filter_map(rest).collect::<Vec<_>>();
    assert_eq!(unchanged(&before), unchanged(&after));
    assert_eq!(after.len(), 41);
}
