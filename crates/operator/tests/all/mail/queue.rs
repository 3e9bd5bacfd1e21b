//! The outbound queue under workers that die, destinations that do not answer and administrators who look.
use crate::mail::submission::{take, whole};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::queue::{Destination, Outcome, OutcomeResult};
use sceau_operator::{Actor, Door, Who};
use sceau_store::Id;
use sceau_testkit::world::*;
use std::time::Duration;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

pub async fn send(w: &World, to: &[&str], subject: &str) {
    let anne = w.actor("anne", ANNE).await;
    w.submit(&anne, ANNE, to, &letter(ANNE, subject)).await.unwrap();
}

pub fn delivered(entry: Id) -> Outcome {
    let result = OutcomeResult::Delivered {
        server: "mx.beta.fr".into(),
        reply: "250 2.0.0 pour paul@beta.mssante.fr".into(),
        dn: BETA.into(),
        tls: "TLSv1.3".into(),
        dsn: true,
    };
    Outcome { entry, result }
}

pub fn failed(entry: Id) -> Outcome {
    let reply = "550 5.1.1 <paul@beta.mssante.fr> inconnu".into();
    Outcome { entry, result: OutcomeResult::Failed { server: "mx.beta.fr".into(), reply, status: "5.1.1".into() } }
}

pub fn deferred(entry: Id) -> Outcome {
    let refusal = Refusal::new(RefusalCode::TransferRefused);
    let reason = "451 4.7.1 paul@beta.mssante.fr plus tard".into();
    Outcome { entry, result: OutcomeResult::Deferred { server: Some("mx.beta.fr".into()), reason, refusal } }
}

pub async fn lease(w: &World) -> Destination {
    w.op.lease_destination().await.unwrap().expect("something is due")
}

#[tokio::test]
async fn what_is_delivered_leaves_with_its_content_and_its_trace() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr", "pia@beta.mssante.fr"], "un").await;
    let out = take(&w, "beta.mssante.fr").await;
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.count("queue_messages").await), (1, 1));
    w.op.settle(out.id, vec![delivered(out.recipients[1].0)]).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.count("queue_messages").await), (0, 0));
    // Told twice, it stays told once.
    w.op.settle(out.id, vec![failed(out.recipients[1].0)]).await.unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 0);
    let traces = w.traces("mail.transferred").await;
    assert_eq!(traces.len(), 2);
    let t = &traces[0];
    assert_eq!((t.bal.as_deref(), t.data["to"].as_str()), (Some(ANNE), Some("paul@beta.mssante.fr")));
    assert_eq!((t.data["reply"].as_str(), t.data["certificate"].as_str()), (Some("250 2.0.0"), Some(BETA)));
    assert_eq!(w.op.housekeeping().await.unwrap().blobs, 1);
    assert_eq!(w.count("blobs").await, 0);
    let epochs = || async { w.store.vault().transit_epochs().await.unwrap().len() };
    assert_eq!(epochs().await, 1);
    w.advance(3 * 86_400);
    assert_eq!(w.op.housekeeping().await.unwrap().keys, 1);
    assert_eq!(epochs().await, 0, "the epoch's key went with its last message");
}

#[tokio::test]
async fn what_a_crash_left_between_a_file_and_its_transaction_goes_within_the_day() {
    let w = World::new().await;
    // Random enough to be a file.
    let noise: String = (0..20_000_u64).map(|i| format!("{:x}\r\n", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let mut orphan = w.message(&(letter(ANNE, "perdu") + &noise));
    orphan.spool.settle().await.unwrap();
    let sceau_store::spool::Stored::File(path) = orphan.spool.stored.clone() else { panic!("a file") };
    drop(orphan);
    assert_eq!(w.op.housekeeping().await.unwrap().blobs, 0);
    w.advance(6 * 3_600);
    assert_eq!(w.op.housekeeping().await.unwrap().blobs, 1);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_transit_key_lives_as_long_as_a_message_of_its_epoch() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    w.advance(4 * 86_400);
    assert_eq!(w.op.housekeeping().await.unwrap().keys, 0);
    let mut out = take(&w, "beta.mssante.fr").await;
    assert!(whole(&mut out).await.contains("Bonjour un"));
}

#[tokio::test]
async fn a_dead_workers_lease_ends_at_a_restart_or_by_time() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    let mut first = take(&w, "beta.mssante.fr").await;
    assert!(w.op.lease_destination().await.unwrap().is_none());
    // Another process of this node: its predecessor is dead.
    let again = w.restarted().await;
    let destination = again.lease_destination().await.unwrap().expect("freed");
    let mut second = again.next_outgoing(&destination).await.unwrap().expect("still there");
    assert_eq!(whole(&mut first).await, whole(&mut second).await);
    // What the dead one says late changes nothing for the lease, and settles what it knows.
    w.op.release_destination(&destination).await.unwrap();
    assert!(w.op.lease_destination().await.unwrap().is_none(), "not its lease any more");
    // A worker that hangs: the lease ends by time, unless it is renewed.
    w.advance(500);
    let renewed = again.renew_destination(&destination).await.unwrap().expect("held");
    assert!(renewed.until > destination.until);
    w.advance(500);
    assert!(w.op.lease_destination().await.unwrap().is_none());
    w.advance(101);
    assert!(w.op.lease_destination().await.unwrap().is_some());
    assert!(again.renew_destination(&destination).await.unwrap().is_none(), "lost");
}

#[tokio::test]
async fn settling_renews_the_lease() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    send(&w, &["paul@beta.mssante.fr"], "deux").await;
    let destination = lease(&w).await;
    w.advance(599);
    let one = w.op.next_outgoing(&destination).await.unwrap().unwrap();
    w.op.settle(one.id, vec![delivered(one.recipients[0].0)]).await.unwrap();
    w.advance(599);
    assert!(w.op.lease_destination().await.unwrap().is_none());
    let two = w.op.next_outgoing(&destination).await.unwrap().unwrap();
    assert_ne!(one.id, two.id);
}

#[tokio::test]
async fn destinations_take_turns_and_a_dead_one_costs_the_others_nothing() {
    let w = World::new().await;
    for subject in ["1", "2", "3"] {
        send(&w, &["paul@beta.mssante.fr"], subject).await;
    }
    w.advance(1);
    send(&w, &["zoe@gamma.mssante.fr"], "z").await;
    let beta = lease(&w).await;
    assert_eq!(beta.domain.as_str(), "beta.mssante.fr");
    let out = w.op.next_outgoing(&beta).await.unwrap().unwrap();
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    w.advance(1);
    w.op.release_destination(&beta).await.unwrap();
    assert_eq!(lease(&w).await.domain.as_str(), "gamma.mssante.fr", "beta has had its turn");
    let beta = lease(&w).await;
    let reason = Refusal::new(RefusalCode::TransferConnect).with("server", "mx.beta.fr:25").with("cause", "refused");
    w.op.defer_destination(&beta, reason, Some("mx.beta.fr:25".into())).await.unwrap();
    assert!(w.op.lease_destination().await.unwrap().is_none());
    // New mail does not shorten a backoff.
    send(&w, &["pia@beta.mssante.fr"], "4").await;
    assert!(w.op.lease_destination().await.unwrap().is_none());
    let listed = w.op.queue_list(&w.admin, Some(&"beta.mssante.fr".parse().unwrap()), None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|v| v.attempts).collect::<Vec<_>>(), [1, 1, 0], "those that waited had an attempt");
    assert!(listed[0].last_reply.as_deref().unwrap().contains("[transfer.connect]"));
    assert!(listed[0].last_reply.as_deref().unwrap().contains("mx.beta.fr:25"));
    w.advance(12);
    let beta = lease(&w).await;
    let out = w.op.next_outgoing(&beta).await.unwrap().unwrap();
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    w.op.release_destination(&beta).await.unwrap();
    assert_eq!(lease(&w).await.domain.as_str(), "beta.mssante.fr", "reached: no backoff any more");
    let deferrals = w.traces("mail.deferred").await;
    assert_eq!((deferrals.len(), deferrals[0].kind.as_str()), (1, "Technical"));
    assert_eq!((deferrals[0].data["waiting"].as_i64(), deferrals[0].outcome.as_str()), (Some(2), "transfer.connect"));
}

#[tokio::test]
async fn a_recipient_put_off_waits_alone_and_explains_itself() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr", "pia@beta.mssante.fr"], "un").await;
    let destination = lease(&w).await;
    let out = w.op.next_outgoing(&destination).await.unwrap().unwrap();
    let (paul, pia) = (out.recipients[0].0, out.recipients[1].0);
    w.op.settle(out.id, vec![deferred(paul), delivered(pia)]).await.unwrap();
    assert!(w.op.next_outgoing(&destination).await.unwrap().is_none());
    w.op.release_destination(&destination).await.unwrap();
    assert!(w.op.lease_destination().await.unwrap().is_none());
    let shown = w.op.queue_show(&w.admin, paul).await.unwrap();
    assert_eq!(shown.entry.last_reply.as_deref(), Some("451 4.7.1 paul@beta.mssante.fr plus tard"));
    assert_eq!((shown.entry.attempts, shown.entry.state.as_str(), shown.entry.from.as_str()), (1, "waiting", ANNE));
    let acts: Vec<&str> = shown.history.iter().map(|t| t.act.as_str()).collect();
    assert_eq!(acts, ["mail.submitted", "mail.deferred"]);
    assert!(
        !w.traces("mail").await.iter().any(|t| t.data.to_string().contains("plus tard")),
        "words of a peer are sealed"
    );
    w.advance(12);
    let out = take(&w, "beta.mssante.fr").await;
    assert_eq!(out.recipients.iter().map(|r| r.0).collect::<Vec<_>>(), [paul]);
}

#[tokio::test]
async fn a_backoff_that_ends_before_anything_is_due_does_not_keep_workers_busy() {
    let w = World::new().await;
    // One recipient is put off for hours after many attempts; then the destination cannot be reached for another, which is
    // given up while the first one still waits.
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    let destination = lease(&w).await;
    let out = w.op.next_outgoing(&destination).await.unwrap().expect("due");
    w.op.settle(out.id, vec![deferred(out.recipients[0].0)]).await.unwrap();
    w.op.release_destination(&destination).await.unwrap();
    let (entry, later) = (out.recipients[0].0, w.op.clock().now().plus_ms(6 * 3_600_000).0);
    send(&w, &["pia@beta.mssante.fr"], "deux").await;
    let set = "UPDATE queue_entries SET next_at = CASE WHEN id = $1 THEN $2 ELSE next_at END, \
               expires = CASE WHEN id = $1 THEN expires ELSE next_at END";
    let change = move |tx: &mut dyn sceau_store::Tx| tx.execute(set, sceau_store::params![entry, later]);
    w.store.write(change).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let destination = lease(&w).await;
    let reason = Refusal::new(RefusalCode::TransferConnect).with("server", "mx.beta.fr:25").with("cause", "refused");
    w.op.defer_destination(&destination, reason, None).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 1, "the other one was given up");
    w.advance(3_600);
    assert!(w.op.lease_destination().await.unwrap().is_none(), "put off for hours: nothing is due before that");
    // New mail goes at once: the backoff was over.
    send(&w, &["pia@beta.mssante.fr"], "trois").await;
    let destination = lease(&w).await;
    assert!(w.op.next_outgoing(&destination).await.unwrap().is_some());
}

#[tokio::test]
async fn administrators_and_nobody_else_look_and_retry() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    let anne = w.actor("anne", ANNE).await;
    assert_eq!(code(w.op.queue_list(&anne, None, None, 10).await), "right.missing");
    assert_eq!(code(w.op.queue_show(&anne, 1).await), "right.missing");
    assert_eq!(code(w.op.queue_retry_destination(&anne, None).await), "right.missing");
    assert_eq!(code(w.op.queue_show(&w.admin, 1).await), "admin.not_found");
    assert_eq!(code(w.op.queue_retry_entry(&w.admin, 1).await), "admin.not_found");
    let entry = w.op.queue_list(&w.admin, None, None, 10).await.unwrap()[0].id;
    for _ in 0..3 {
        let destination = lease(&w).await;
        w.op.defer_destination(&destination, RefusalCode::TransferDns.into(), None).await.unwrap();
        assert!(w.op.lease_destination().await.unwrap().is_none());
        assert_eq!(w.op.queue_retry_entry(&w.admin, entry).await.unwrap(), 1);
    }
    assert_eq!(w.op.queue_retry_destination(&w.admin, Some(&"beta.mssante.fr".parse().unwrap())).await.unwrap(), 1);
    assert_eq!(w.op.queue_retry_destination(&w.admin, Some(&"gamma.mssante.fr".parse().unwrap())).await.unwrap(), 0);
    assert_eq!(w.op.queue_retry_destination(&w.admin, None).await.unwrap(), 1);
    let traces = w.traces("queue.retried").await;
    assert_eq!((traces.len(), traces[0].actor.as_str()), (5, "root"));
    lease(&w).await;
}

#[tokio::test]
async fn an_idle_worker_wakes_at_once_when_something_is_queued() {
    let w = World::new().await;
    let op = w.op.clone();
    let waiting = tokio::spawn(async move { op.queue_due().await });
    tokio::task::yield_now().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("woken").unwrap();
    // What is due already does not wait.
    tokio::time::timeout(Duration::from_secs(10), w.op.queue_due()).await.expect("due");
}

#[tokio::test]
async fn causes_that_waiting_does_not_heal_raise_an_alarm_that_a_delivery_clears() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    let destination = lease(&w).await;
    let reason = Refusal::new(RefusalCode::TransferNoStartTls).with("server", "mx.beta.fr:25");
    w.op.defer_destination(&destination, reason, None).await.unwrap();
    let alarms = w.op.alarms(&w.admin, false).await.unwrap();
    assert_eq!((alarms[0].code.as_str(), alarms[0].subject.as_str()), ("transfer.no_starttls", "beta.mssante.fr"));
    assert!(alarms[0].fr.contains("mx.beta.fr:25") && alarms[0].en.contains("STARTTLS"));
    // The queue says so too, and not that no server answers.
    let shown = w.op.queue_list(&w.admin, None, None, 10).await.unwrap().remove(0);
    assert!(shown.why_en.contains("STARTTLS") && shown.why_fr.contains("mx.beta.fr:25"), "{}", shown.why_en);
    w.advance(12);
    let out = take(&w, "beta.mssante.fr").await;
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    assert_eq!(w.op.alarms(&w.admin, false).await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_system_itself_may_send() {
    let w = World::new().await;
    let mut system = w.actor("anne", ANNE).await;
    system.who = Who::System;
    system.origin = origin(Door::System);
    let system: Actor = system;
    w.submit(&system, ANNE, &["paul@beta.mssante.fr"], &letter(ANNE, "x")).await.unwrap();
    assert_eq!(w.traces("mail.submitted").await[0].actor, "system");
}
