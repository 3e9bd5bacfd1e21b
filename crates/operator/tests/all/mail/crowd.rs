//! Many at once, on both engines: retries that overlap, workers that race, sessions that vanish in the middle.
use crate::mail::queue::{delivered, failed, send};
use sceau_operator::Operator;
use sceau_store::testing::{TestStore, postgres, sqlite};
use sceau_testkit::world::*;
use std::collections::BTreeSet;
use tokio::task::JoinSet;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

async fn overlapping_retries_leave_one_copy(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let text = letter("paul@beta.mssante.fr", "course");
    let mut all = JoinSet::new();
    for i in 0..12 {
        let (op, message) = (w.op.clone(), w.message(&text));
        let to = if i % 2 == 0 { [ANNE, BRUNO] } else { [BRUNO, ANNE] };
        all.spawn(async move {
            op.mx_accept(&peer(BETA), envelope("paul@beta.mssante.fr", &to), message, &origin(sceau_operator::Door::Mx))
                .await
        });
    }
    let accepted: Vec<_> = all.join_all().await.into_iter().map(|r| r.unwrap()).collect();
    assert_eq!(accepted.iter().filter(|a| !a.duplicate).count(), 1);
    assert_eq!((w.inbox("anne", ANNE).await.len(), w.inbox("bruno", BRUNO).await.len()), (1, 1));
    assert_eq!(w.count("blobs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_retries_leave_one_copy_on_sqlite() {
    overlapping_retries_leave_one_copy(sqlite().await).await;
}
#[tokio::test(flavor = "multi_thread")]
async fn overlapping_retries_leave_one_copy_on_postgresql() {
    overlapping_retries_leave_one_copy(postgres().await).await;
}

/// Works until nothing is due; the entries it saw.
async fn work(op: Operator) -> Vec<i64> {
    let mut seen = Vec::new();
    while let Some(destination) = op.lease_destination().await.unwrap() {
        while let Some(out) = op.next_outgoing(&destination).await.unwrap() {
            seen.extend(out.recipients.iter().map(|r| r.0));
            let outcomes = out.recipients.iter().map(|r| if r.0 % 3 == 0 { failed(r.0) } else { delivered(r.0) });
            op.settle(out.id, outcomes.collect()).await.unwrap();
        }
        op.release_destination(&destination).await.unwrap();
    }
    seen
}

async fn racing_workers_send_each_entry_once(store: TestStore) {
    let w = World::on(store, |c| {
        c.test_domains.clear();
        c.limits.recipients = 40;
    })
    .await;
    let domains: Vec<String> = (0..6).map(|i| format!("d{i}.mssante.fr")).collect();
    let listed: Vec<(&str, &str)> = domains.iter().map(|d| (d.as_str(), BETA)).chain(LISTED.iter().copied()).collect();
    w.op.trust().set_white_list(std::sync::Arc::new(list(&listed)));
    for subject in 0..5 {
        let to: Vec<String> = domains.iter().map(|d| format!("x@{d}")).collect();
        send(&w, &to.iter().map(String::as_str).collect::<Vec<_>>(), &format!("s{subject}")).await;
    }
    assert_eq!(w.count("queue_entries").await, 30);
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        workers.spawn(work(w.op.clone()));
    }
    let seen: Vec<i64> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(seen.len(), 30);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 30, "no entry twice");
    for table in ["queue_entries", "queue_messages", "queue_destinations"] {
        assert_eq!(w.count(table).await, 0, "{table}");
    }
    let failures = w.traces("mail.failed").await.len();
    assert_eq!(failures + w.traces("mail.transferred").await.len(), 30);
    assert_eq!(w.inbox("anne", ANNE).await.len(), failures, "each failure has its report");
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_workers_send_each_entry_once_on_sqlite() {
    racing_workers_send_each_entry_once(sqlite().await).await;
}
#[tokio::test(flavor = "multi_thread")]
async fn racing_workers_send_each_entry_once_on_postgresql() {
    racing_workers_send_each_entry_once(postgres().await).await;
}

async fn the_life_of_an_entry(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    send(&w, &["paul@beta.mssante.fr", "zoe@gamma.mssante.fr"], "vie").await;
    let beta = w.op.lease_destination().await.unwrap().unwrap();
    w.op.defer_destination(&beta, sceau_domain::RefusalCode::TransferConnect.into(), None).await.unwrap();
    let gamma = w.op.lease_destination().await.unwrap().unwrap();
    let out = w.op.next_outgoing(&gamma).await.unwrap().unwrap();
    w.op.settle(out.id, vec![crate::mail::queue::deferred(out.recipients[0].0)]).await.unwrap();
    w.op.release_destination(&gamma).await.unwrap();
    assert_eq!(w.op.queue_list(&w.admin, None, None, 10).await.unwrap().len(), 2);
    assert_eq!(w.op.queue_show(&w.admin, out.recipients[0].0).await.unwrap().history.len(), 2);
    w.advance(5 * 3600);
    assert_eq!(w.op.housekeeping().await.unwrap().warned, 2);
    assert_eq!(w.op.queue_retry_destination(&w.admin, None).await.unwrap(), 2);
    w.advance(6 * 86_400);
    let done = w.op.housekeeping().await.unwrap();
    assert_eq!((done.expired, done.keys), (2, 1));
    assert_eq!((w.count("queue_messages").await, w.count("queue_destinations").await), (0, 0));
    assert_eq!(w.inbox("anne", ANNE).await.len(), 2, "one report a message: late, then over");
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("blobs").await, 2);
}

#[tokio::test]
async fn the_life_of_an_entry_on_sqlite() {
    the_life_of_an_entry(sqlite().await).await;
}
#[tokio::test]
async fn the_life_of_an_entry_on_postgresql() {
    the_life_of_an_entry(postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_vanishes_in_the_middle_leaves_nothing_half_done() {
    let w = World::new().await;
    // Large enough for files: a file that a row names must stay whatever the session does.
    let noise: String =
        (0..3000u64).map(|i| format!("{:x}\r\n", (i + 7).pow(5).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    for i in 0..30u64 {
        let text = letter("paul@beta.mssante.fr", &format!("m{i}")) + &noise;
        let (op, message) = (w.op.clone(), w.message(&text));
        let task = tokio::spawn(async move {
            op.mx_accept(
                &peer(BETA),
                envelope("paul@beta.mssante.fr", &[ANNE]),
                message,
                &origin(sceau_operator::Door::Mx),
            )
            .await
        });
        tokio::time::sleep(std::time::Duration::from_micros(i * 300)).await;
        task.abort();
        let _ = task.await;
    }
    // Whatever was committed opens, to its last byte (inbox reads all).
    let before = w.inbox("anne", ANNE).await.len();
    assert!((1..=30).contains(&before), "{before}");
    // The peer, which saw no reply, sends all again: each is there once.
    for i in 0..30 {
        let text = letter("paul@beta.mssante.fr", &format!("m{i}")) + &noise;
        w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE], &text).await.unwrap();
    }
    let inbox = w.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 30);
    for i in 0..30 {
        assert_eq!(inbox.iter().filter(|m| m.contains(&format!("Subject: m{i}\r\n"))).count(), 1);
    }
}
