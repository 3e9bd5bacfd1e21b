//! Two nodes over one PostgreSQL database: what one does the other hears, and what a dead one held the other takes over.
use crate::mail::queue::send;
use sceau_domain::Refusal;
use sceau_domain::tell::Mode;
use sceau_operator::Operator;
use sceau_operator::absence::NewAbsence;
use sceau_operator::notices::NoticeChoice;
use sceau_store::{Store, StoreConfig, StoreError, Tx, queue};
use sceau_testkit::relay::Played;
use sceau_testkit::world::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

/// The second node of a world.
struct Second {
    op: Operator,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Second {
    async fn of(w: &World, config: StoreConfig) -> Self {
        let store = Store::open(config).await.unwrap();
        let op = Operator::open(w.op.config().clone(), store, w.op.trust().clone()).await.unwrap();
        let (stop, running) = (CancellationToken::new(), op.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { running.run_node(stopped).await });
        Self { op, stop, task }
    }
    /// As if its process had been killed: nothing is given back but what the system closes.
    async fn dies(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        tokio::task::spawn_blocking(move || drop(self.op)).await.unwrap();
    }
}

fn neighbour(w: &World) -> StoreConfig {
    let spools = w.store.folder().join("spools-2");
    StoreConfig { node: 2, name: "deux.alpha.fr".into(), spools, ..w.store.config.clone() }
}

async fn within<T>(seconds: u64, what: &str, f: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(seconds), f).await.unwrap_or_else(|_| panic!("{what}: not within {seconds} s"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_node_sees_what_another_delivered() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    let mut watch = second.op.watch(&w.actor("anne", ANNE).await);
    let text = letter("paul@beta.mssante.fr", "un");
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    let told = Instant::now();
    within(10, "the other node's session", watch.changed()).await;
    println!("heard after {:?}", told.elapsed());
    // Its worker hears of queued mail too.
    let (op, queued) = (
        second.op.clone(),
        tokio::spawn({
            let op = second.op.clone();
            async move { op.queue_due().await }
        }),
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    send(&w, &["paul@beta.mssante.fr"], "deux").await;
    within(10, "the other node's worker", queued).await.unwrap();
    assert!(op.lease_destination().await.unwrap().is_some());
    drop(op);
    second.dies().await;
}

/// The clock stands still, so that what a node remembers never grows old: only hearing of the change makes it look again.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_set_on_one_node_is_in_force_on_another() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    let (anne, to) = (w.actor("anne", ANNE).await, addr("paul@beta.mssante.fr"));
    second.op.submit_recipient(&anne, &to, 4, None).await.unwrap();
    for (most, place) in [(3, ("bal", ANNE)), (2, ("bal", ANNE))] {
        w.op.set_policy(&w.admin, place.0, place.1, "recipients", most).await.unwrap();
        let refused = async || loop {
            match second.op.submit_recipient(&anne, &to, most as usize, None).await {
                Err(refusal) => break refusal,
                Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let refusal = within(10, "the other node's limit", refused()).await;
        assert_eq!(refusal.code.as_str(), "rcpt.too_many");
        second.op.submit_recipient(&anne, &to, most as usize - 1, None).await.unwrap();
    }
    second.dies().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_hear_looks_by_himself() {
    let mut store = sceau_store::testing::postgres().await;
    // One writer and one reader a node: both are connected before connecting is forbidden.
    let config = StoreConfig { connections: 2, ..store.config.clone() };
    store.reopen_with(config.clone()).await.unwrap();
    store.config = config;
    let w = World::on(store, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    let mut watch = second.op.watch(&w.actor("anne", ANNE).await);
    // Its reader and its writer are connected.
    second.op.nodes(&w.admin).await.unwrap();
    second.op.add_node(&w.admin, 3, "trois.alpha.fr").await.unwrap();
    let forbid = "UPDATE pg_database SET datallowconn = false WHERE datname = current_database()";
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    w.store.write(move |tx| tx.execute(forbid, &[]).map(drop)).await.map_err(|e: StoreError| e).unwrap();
    w.store.write(move |tx| tx.query(cut, &[]).map(drop)).await.map_err(|e: StoreError| e).unwrap();
    while w.store.hears_others() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Deaf: the first look tells of everything it did not know, later ones of what changed.
    within(10, "the first look", watch.changed()).await;
    let text = letter("paul@beta.mssante.fr", "un");
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    within(10, "a later look", watch.changed()).await;
    second.dies().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_s_work_is_taken_over_and_its_number_is_listed() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    let held = within(10, "a destination", async { second.op.lease_destination().await.unwrap() }).await.unwrap();
    assert_eq!(held.domain.as_str(), "beta.mssante.fr");
    assert!(second.op.next_outgoing(&held).await.unwrap().is_some());
    let (stop, op) = (CancellationToken::new(), w.op.clone());
    let stopped = stop.clone();
    let first = tokio::spawn(async move { op.run_node(stopped).await });
    let listed = async || {
        let nodes = w.op.nodes(&w.admin).await.unwrap();
        nodes.into_iter().map(|n| (n.number, n.name, n.alive, n.here)).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [(1, "test".into(), true, true), (2, "deux.alpha.fr".into(), true, false)]);
    let busy: Refusal = w.op.add_node(&w.admin, 2, "trois.alpha.fr").await.unwrap_err();
    assert_eq!(busy.code.as_str(), "admin.exists");
    assert!(w.op.lease_destination().await.unwrap().is_none(), "in the hands of the living");
    second.dies().await;
    // Long before its lease would have ended: the clock of this test stands still.
    let mut taken = None;
    for _ in 0..300 {
        taken = w.op.lease_destination().await.unwrap();
        if taken.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(taken.is_some(), "a dead node's destination is free");
    assert!(!listed().await[1].2, "and it is listed as dead");
    // Its number goes to another, with a trace; nonsense does not.
    assert_eq!(w.op.add_node(&w.admin, 2, "trois.alpha.fr").await.unwrap().name, "trois.alpha.fr");
    assert_eq!(w.traces("node.added").await.len(), 1);
    for (number, name) in [(1008, "x"), (3, ""), (3, "a\nb"), (3, "a\u{202e}b")] {
        assert_eq!(w.op.add_node(&w.admin, number, name).await.unwrap_err().code.as_str(), "admin.invalid");
    }
    let anne = w.actor("anne", ANNE).await;
    assert_eq!(w.op.nodes(&anne).await.unwrap_err().code.as_str(), "right.missing");
    stop.cancel();
    first.await.unwrap();
}

/// A node that is taken for dead while it sends (its database was away for it alone) sends nothing more of what another node has now.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_was_given_to_another_sends_nothing_more() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    send(&w, &["paul@beta.mssante.fr"], "deux").await;
    let held = second.op.lease_destination().await.unwrap().unwrap();
    let sending = second.op.next_outgoing(&held).await.unwrap().expect("its own");
    // As the first one would do that has not seen the second for two looks.
    let living = w.store.alive().await.unwrap().into_iter().filter(|(number, _)| *number == 1).collect();
    let freed = w.store.write(move |tx| sceau_store::nodes::free_leases(tx, &living, 0)).await;
    assert_eq!(freed.map_err(|e: StoreError| e), Ok(1));
    let taken = w.op.lease_destination().await.unwrap().unwrap();
    assert_eq!(w.op.next_outgoing(&taken).await.unwrap().expect("the same").id, sending.id);
    assert!(second.op.renew_destination(&held).await.unwrap().is_none(), "another's");
    // Both share what is left there: each message is in one node's hands.
    let (other, none) = (second.op.next_outgoing(&held).await.unwrap(), w.op.next_outgoing(&taken).await.unwrap());
    assert!(other.is_some_and(|o| o.id != sending.id) && none.is_none());
    second.dies().await;
}

/// A worker takes a message for its last attempt at the instant at which its time is found to be over: it is its worker's, and not reported as expired.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_claimed_while_it_expires_is_its_worker_s() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    send(&w, &["paul@beta.mssante.fr"], "tard").await;
    w.advance(5 * 86_400 + 700);
    let (now, begun) = (w.op.clock().now(), Arc::new(Notify::new()));
    let (told, store) = (begun.clone(), w.store.clone());
    let claim = move |tx: &mut dyn Tx| {
        let budget = queue::Budget { messages: 1, bytes: 1 << 20 };
        let taken = queue::claim(tx, "2:autre", "beta.mssante.fr", now, now.plus_ms(600_000), budget)?;
        told.notify_one();
        // The other one reads and waits meanwhile.
        std::thread::sleep(Duration::from_millis(500));
        Ok::<_, StoreError>(taken.len())
    };
    let claiming = tokio::spawn(async move { store.write(claim).await });
    begun.notified().await;
    assert_eq!(w.op.housekeeping().await.unwrap().expired, 0);
    assert_eq!((claiming.await.unwrap(), w.count("queue_entries").await), (Ok(1), 1));
    w.advance(700);
    assert_eq!(w.op.housekeeping().await.unwrap().expired, 1, "its worker died");
}

/// Two nodes that work on notices, digests and absences at the same time: each leaves once.
#[tokio::test(flavor = "multi_thread")]
async fn notices_and_absences_of_two_nodes_leave_once() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    let relays = [Played::of(&w.op), Played::of(&second.op)];
    let verify =
        "UPDATE people SET email = login || '@exemple.org', email_verified = 1 WHERE login IN ('anne', 'bruno')";
    w.store.write(move |tx| tx.execute(verify, &[])).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let people = [("anne", ANNE), ("bruno", "bruno.petit@alpha.mssante.fr")];
    for (login, bal) in people {
        let actor = w.actor(login, bal).await;
        let choice = NoticeChoice { mode: Mode::AtOnce, hour: None, quiet_from: None, quiet_until: None };
        w.op.choose_notices(&actor, bal, choice).await.unwrap();
        let (from, until, text) = ("2026-11-21".into(), "2026-11-25".into(), "De retour lundi".into());
        w.op.set_absence(&actor, bal, 0, NewAbsence { from, until, text }).await.unwrap();
    }
    for n in 0..3 {
        for (_, bal) in people {
            let from = format!("paul{n}@beta.mssante.fr");
            let text = letter(&from, "un").replace("x@example.org", bal);
            w.hand_over(BETA, &from, &[bal], &text).await.unwrap();
        }
        // Both look for work at once, more than once.
        for _ in 0..3 {
            let (a, b) = tokio::join!(w.op.run_due_jobs(), second.op.run_due_jobs());
            a.unwrap();
            b.unwrap();
        }
    }
    for (login, _) in people {
        let to = format!("{login}@exemple.org");
        assert_eq!(relays.iter().map(|r| r.count(&to)).sum::<usize>(), 1, "{login}");
    }
    assert_eq!((w.count("absence_answers").await, w.count("queue_entries").await), (6, 6), "one a correspondent");
    second.dies().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_destroys_the_others_list() {
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let spools = w.store.folder().join("two/spools");
    let config = StoreConfig { spools, ..neighbour(&w) };
    let list = w.store.folder().join("two/destructions.log");
    let second = Second::of(&w, config.clone()).await;
    w.op.close_bal(&w.admin, ANNE, sceau_operator::life::CloseOrder::at_once("essai")).await.unwrap();
    w.op.run_due_jobs().await.unwrap();
    let listed = within(10, "the other node's list", async {
        loop {
            if let Ok(text) = std::fs::read_to_string(&list) {
                break text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(listed.await.lines().count(), 1);
    second.dies().await;
    // A node that was away finds it at its start, and one that knows lists nothing twice.
    for _ in 0..2 {
        std::fs::remove_file(&list).ok();
        Second::of(&w, config.clone()).await.dies().await;
        Second::of(&w, config.clone()).await.dies().await;
        assert_eq!(std::fs::read_to_string(&list).unwrap().lines().count(), 1);
    }
}

/// What is due is done by one of two nodes that come to it at once; what one died with is done by the other, once.
#[tokio::test(flavor = "multi_thread")]
async fn closings_and_destructions_of_two_nodes_at_once_happen_once() {
    use sceau_operator::life::CloseOrder;
    let addresses = [ANNE, "bruno.petit@alpha.mssante.fr"];
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    let second = Second::of(&w, neighbour(&w)).await;
    for address in addresses {
        w.op.close_bal(&w.admin, address, CloseOrder::unused("départ")).await.unwrap();
    }
    w.advance(400 * 86_400);
    let (a, b) = tokio::join!(w.op.housekeeping(), second.op.housekeeping());
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(w.traces("bal.closed").await.len(), 2);
    // A worker takes one of the destructions and is not heard of again.
    let (lease, now) = (w.store.new_id(), w.store.clock().now().0);
    let taken = w.store.write(move |tx| sceau_store::jobs::lease(tx, "purge", lease, now, now + 60_000, 1)).await;
    assert_eq!(taken.map_err(|e: StoreError| e).unwrap().len(), 1);
    for destroyed in [1, 2] {
        let (a, b) = tokio::join!(w.op.run_due_jobs(), second.op.run_due_jobs());
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
        assert_eq!(w.traces("bal.destroyed").await.len(), destroyed);
        // Its lease ends.
        w.advance(61);
    }
    for address in addresses {
        let steps = w.op.life_of_bal(&w.admin, address).await.unwrap().steps;
        let became: Vec<&str> = steps.iter().map(|s| s.became.as_str()).collect();
        let end = ["closing", "closed", "destroyed", "tombstone"];
        assert!(became.ends_with(&end), "{became:?}");
        assert!(end.iter().all(|state| became.iter().filter(|s| *s == state).count() == 1), "{became:?}");
    }
    second.dies().await;
}

/// What a lifted hold released is not destroyed while another hold is being placed on another node.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_being_placed_comes_before_what_would_be_destroyed() {
    use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
    use sceau_store::holds::{self, Hold};
    let w = World::on(sceau_store::testing::postgres().await, |_| {}).await;
    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &letter("paul@beta.mssante.fr", "pièce")).await.unwrap();
    let (anne, now) = (w.actor("anne", ANNE).await, w.store.clock().now().0);
    let bal = anne.bal.as_ref().unwrap().id;
    let hold = move |id| Hold::new(id, ("bal", bal), "procédure", "tribunal", now, "root");
    let (first, second) = (hold(w.store.new_id()), hold(w.store.new_id()));
    let lifted = first.id;
    w.store.write(move |tx| holds::place(tx, &first)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let folder = w.op.folder(&anne, "INBOX").await.unwrap().id;
    let flags = FlagSet::of(Flags::DELETED);
    w.op.change_flags(&anne, folder, &[1], FlagChange::Add, flags, None).await.unwrap();
    w.op.expunge(&anne, folder, None).await.unwrap();
    let lift = w.store.write(move |tx| holds::lift(tx, lifted, now, "root", "fini")).await;
    assert_eq!(lift.map_err(|e: StoreError| e), Ok(true));
    assert_eq!(w.count("kept_messages").await, 1);
    // The next hold is written and not committed yet.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (written, is_written) = tokio::sync::oneshot::channel();
    let (store, mut written) = (w.store.clone(), Some(written));
    let placing = tokio::spawn(async move {
        let place = move |tx: &mut dyn sceau_store::Tx| {
            holds::lock(tx, now)?;
            holds::place(tx, &second)?;
            written.take().map(|written| written.send(()));
            // Ends with the sender.
            let _ = wait.recv();
            Ok::<_, StoreError>(())
        };
        store.write(place).await
    });
    is_written.await.unwrap();
    let op = w.op.clone();
    let upkeep = tokio::spawn(async move { op.housekeeping().await });
    let waits = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.datname = current_database()";
    let stands = async || {
        let found = w.store.read(move |tx| tx.query(waits, &[])).await;
        !found.unwrap_or_else(|e: StoreError| panic!("{e}")).is_empty()
    };
    while !upkeep.is_finished() && !stands().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(go_on);
    placing.await.unwrap().unwrap();
    upkeep.await.unwrap().unwrap();
    assert_eq!((w.count("kept_messages").await, w.count("messages").await), (1, 1));
}
