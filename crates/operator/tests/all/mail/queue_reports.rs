//! What senders are told of mail that does not arrive, and who is never told.
use crate::mail::queue::{deferred, delivered, failed, lease, send};
use crate::mail::submission::take;
use sceau_domain::{Refusal, RefusalCode};
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";

/// Undoes quoted-printable, well enough to look for words.
fn readable(report: &str) -> String {
    let joined = report.replace("=\r\n", "");
    let mut out = Vec::new();
    let mut bytes = joined.bytes().peekable();
    while let Some(b) = bytes.next() {
        if b != b'=' {
            out.push(b);
            continue;
        }
        let hex: String = [bytes.next(), bytes.next()].into_iter().flatten().map(char::from).collect();
        out.extend(u8::from_str_radix(&hex, 16).ok());
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[tokio::test]
async fn a_failure_is_reported_in_french_in_english_and_to_machines() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr", "pia@beta.mssante.fr"], "bilan").await;
    let mut watch = w.op.watch(&w.actor("anne", ANNE).await);
    let out = take(&w, "beta.mssante.fr").await;
    w.op.settle(out.id, vec![failed(out.recipients[0].0), deferred(out.recipients[1].0)]).await.unwrap();
    watch.changed().await;
    let inbox = w.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 1);
    let report = readable(&inbox[0]);
    for part in [
        "Return-Path: <>",
        "Auto-Submitted: auto-replied",
        "multipart/report",
        "Reporting-MTA: dns; mss.alpha.fr",
        "Final-Recipient: rfc822; paul@beta.mssante.fr",
        "Action: failed",
        "Status: 5.1.1",
        "mx.beta.fr",
        "550 5.1.1 <paul@beta.mssante.fr> inconnu",
        "Message-ID: <bilan@exemple.fr>",
        "a refusé le message",
        "refused the message",
    ] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
    assert!(!report.contains("pia@") && !report.contains("Bonjour"), "nothing of the others, nothing of the body");
    assert_eq!((w.count("queue_entries").await, w.traces("mail.failed").await.len()), (1, 1));
    assert_eq!(w.traces("mail.failed").await[0].data["reply"], "550 5.1.1");
}

#[tokio::test]
async fn after_hours_the_sender_is_warned_once_and_after_days_told_that_it_is_over() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "lent").await;
    assert_eq!(w.op.housekeeping().await.unwrap().warned, 0);
    let defer = async || {
        let destination = lease(&w).await;
        let reason = Refusal::new(RefusalCode::TransferConnect).with("server", "mx.beta.fr").with("cause", "timed out");
        w.op.defer_destination(&destination, reason, None).await.unwrap();
    };
    defer().await;
    w.advance(4 * 3600 + 1);
    assert_eq!(w.op.housekeeping().await.unwrap().warned, 1);
    assert_eq!(w.op.housekeeping().await.unwrap().warned, 0);
    let warning = readable(&w.inbox("anne", ANNE).await[0]);
    assert!(
        warning.contains("Action: delayed") && warning.contains("Status: 4.4.7") && warning.contains("timed out"),
        "{warning}"
    );
    assert_eq!(w.count("queue_entries").await, 1);

    // An attempt at the very end, then no more.
    w.advance(5 * 86_400 - 4 * 3600 - 100);
    defer().await;
    assert_eq!(w.count("queue_entries").await, 1);
    w.advance(100);
    defer().await;
    assert_eq!((w.count("queue_entries").await, w.count("queue_messages").await), (0, 0));
    let inbox = w.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 2);
    let report = readable(&inbox[1]);
    for part in
        ["Action: failed", "Status: 5.4.7", "120 h", "timed out", "Final-Recipient: rfc822; paul@beta.mssante.fr"]
    {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
    let acts: Vec<String> = w.traces("mail").await.into_iter().map(|t| t.act).collect();
    assert_eq!(
        acts,
        [
            "mail.submitted",
            "mail.deferred",
            "mail.delayed",
            "mail.posted",
            "mail.deferred",
            "mail.deferred",
            "mail.expired",
            "mail.posted"
        ]
    );
    assert!(w.op.lease_destination().await.unwrap().is_none());
    w.op.housekeeping().await.unwrap();
    assert_eq!((w.count("queue_destinations").await, w.count("blobs").await), (0, 2), "two reports remain");
}

/// More late recipients than one page holds are told in one round, each message once.
#[tokio::test]
async fn everybody_who_waits_is_told_in_one_round() {
    let w = World::with(|c| c.limits.recipients = 100).await;
    let to: Vec<String> = (0..100).map(|n| format!("p{n}@beta.mssante.fr")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    for n in 0..3 {
        send(&w, &to, &format!("liste{n}")).await;
    }
    w.advance(5 * 3_600);
    assert_eq!(w.op.housekeeping().await.unwrap().warned, 300);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 3);
}

#[tokio::test]
async fn an_entry_that_answers_4xx_to_the_end_expires_with_the_last_words_of_the_peer() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "gris").await;
    w.advance(5 * 86_400);
    let out = take(&w, "beta.mssante.fr").await;
    w.op.settle(out.id, vec![deferred(out.recipients[0].0)]).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    assert!(readable(&w.inbox("anne", ANNE).await[0]).contains("451 4.7.1 paul@beta.mssante.fr plus tard"));
    assert_eq!(w.traces("mail.expired").await.len(), 1);
}

#[tokio::test]
async fn what_nobody_tries_any_more_expires_too() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "oubli").await;
    w.advance(5 * 86_400 + 60);
    assert_eq!(w.op.housekeeping().await.unwrap().expired, 0, "the last attempt comes first");
    w.advance(600);
    assert_eq!(w.op.housekeeping().await.unwrap().expired, 1);
    assert_eq!(w.count("queue_entries").await, 0);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 2, "late, then over");
}

#[tokio::test]
async fn a_null_path_is_never_reported_to() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    w.submit(&anne, "", &["paul@beta.mssante.fr"], &letter(ANNE, "accuse")).await.unwrap();
    w.advance(5 * 3600);
    assert_eq!(w.op.housekeeping().await.unwrap().warned, 0);
    let out = take(&w, "beta.mssante.fr").await;
    assert_eq!(out.from, None);
    w.op.settle(out.id, vec![failed(out.recipients[0].0)]).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.inbox("anne", ANNE).await.len()), (0, 0));
    assert_eq!(w.traces("mail.failed").await.len(), 1);
}

#[tokio::test]
async fn reports_go_to_the_bal_that_sent_and_a_full_one_loses_only_the_report() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let shared = "exploitation@alpha.mssante.fr";
    w.submit(&anne, shared, &["paul@beta.mssante.fr"], &letter(shared, "service")).await.unwrap();
    let out = take(&w, "beta.mssante.fr").await;
    w.op.settle(out.id, vec![failed(out.recipients[0].0)]).await.unwrap();
    assert_eq!((w.inbox("bruno", shared).await.len(), w.inbox("anne", ANNE).await.len()), (1, 0));

    let bruno = w.actor("bruno", BRUNO).await;
    w.submit(&bruno, BRUNO, &["zoe@gamma.mssante.fr"], &letter(BRUNO, "plein")).await.unwrap();
    let fill = "UPDATE bals SET quota_bytes = 10 WHERE address_key LIKE 'bruno.%'";
    w.store.write(move |tx| tx.execute(fill, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let gamma = w.op.lease_destination().await.unwrap().expect("one is due");
    let out = w.op.next_outgoing(&gamma).await.unwrap().expect("one is due");
    w.op.settle(out.id, vec![failed(out.recipients[0].0)]).await.unwrap();
    w.op.release_destination(&gamma).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    let trace = w.traces("mail.failed").await.pop().unwrap();
    assert_eq!(trace.data["report"], "rcpt.over_quota", "the trace says why nobody was told");
    // One that is just full is told all the same: a tenth of its quota is kept for that, and for nothing else.
    let full = "UPDATE bals SET quota_bytes = 100000, used_bytes = 99999 WHERE address_key LIKE 'bruno.%'";
    w.store.write(move |tx| tx.execute(full, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let paul = "paul@beta.mssante.fr";
    assert_eq!(code(w.hand_over(BETA, paul, &[BRUNO], &letter(paul, "x")).await), "rcpt.over_quota");
    for n in 0..10 {
        w.submit(&bruno, BRUNO, &["zoe@gamma.mssante.fr"], &letter(BRUNO, &format!("encore{n}"))).await.unwrap();
    }
    let gamma = w.op.lease_destination().await.unwrap().expect("ten are due");
    while let Some(out) = w.op.next_outgoing(&gamma).await.unwrap() {
        w.op.settle(out.id, vec![failed(out.recipients[0].0)]).await.unwrap();
    }
    assert_eq!(w.count("queue_entries").await, 0);
    let told = w.inbox("bruno", BRUNO).await.len();
    assert!((1..10).contains(&told), "{told}: within a tenth");

    // A closed BAL has no key: its mail in the queue still comes to an end.
    let anne = w.actor("anne", ANNE).await;
    w.submit(&anne, ANNE, &["zoe@gamma.mssante.fr"], &letter(ANNE, "close")).await.unwrap();
    let bal = anne.bal.unwrap().id;
    let close = "UPDATE bals SET state = 'closed' WHERE id = $1";
    w.store
        .write(move |tx| tx.execute(close, sceau_store::params![bal]))
        .await
        .unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    w.store.vault().destroy_bal_key(bal).await.unwrap();
    w.advance(6 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    assert_eq!(w.traces("mail.expired").await.pop().unwrap().data["report"], "rcpt.closed");
}

#[tokio::test]
async fn a_lost_key_loses_the_report_and_does_not_send_again_what_was_delivered() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    send(&w, &["paul@beta.mssante.fr", "pia@beta.mssante.fr"], "un").await;
    let out = take(&w, "beta.mssante.fr").await;
    w.store.vault().destroy_bal_key(anne.bal.unwrap().id).await.unwrap();
    let outcomes = vec![delivered(out.recipients[0].0), failed(out.recipients[1].0)];
    w.op.settle(out.id, outcomes).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    assert_eq!(w.traces("mail.failed").await.pop().unwrap().data["report"], "rcpt.closed");
}

#[tokio::test]
async fn one_sender_who_cannot_be_told_does_not_keep_the_others_waiting() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "un").await;
    let bruno = w.actor("bruno", BRUNO).await;
    w.submit(&bruno, BRUNO, &["paul@beta.mssante.fr"], &letter(BRUNO, "deux")).await.unwrap();
    let spoil =
        "UPDATE folders SET uidnext = 4294967295 WHERE bal_id = (SELECT id FROM bals WHERE address_key LIKE 'anne.%')";
    w.store.write(move |tx| tx.execute(spoil, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    w.advance(5 * 3_600);
    assert_eq!(w.op.housekeeping().await.unwrap_err().code, RefusalCode::Unavailable);
    assert_eq!(w.inbox("bruno", BRUNO).await.len(), 1, "warned");
    w.advance(6 * 86_400);
    assert_eq!(w.op.housekeeping().await.unwrap_err().code, RefusalCode::Unavailable);
    assert_eq!(w.inbox("bruno", BRUNO).await.len(), 2, "told that it is over");
    assert_eq!(w.count("queue_entries").await, 1);
}

#[tokio::test]
async fn a_message_whose_file_cannot_be_read_waits_and_lets_the_others_go() {
    let w = World::new().await;
    let noise: String = (0..4_000_u64).map(|i| format!("{:x}\r\n", i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let anne = w.actor("anne", ANNE).await;
    w.submit(&anne, ANNE, &["paul@beta.mssante.fr"], &(letter(ANNE, "illisible") + &noise)).await.unwrap();
    // A folder in its place cannot be read as a file, as one on a failing disk.
    let id = w.store.read(|tx| tx.query_opt("SELECT blob_id FROM queue_messages", &[])?.unwrap().bytes(0)).await;
    let id = hex::encode(id.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")));
    let path = w.store.folder().join("blobs").join(&id[..2]).join(&id);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    w.advance(1);
    send(&w, &["paul@beta.mssante.fr"], "sain").await;
    let destination = w.op.lease_destination().await.unwrap().unwrap();
    let out = w.op.next_outgoing(&destination).await.unwrap().expect("the other one");
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    assert!(w.op.next_outgoing(&destination).await.unwrap().is_none());
    w.op.release_destination(&destination).await.unwrap();
    assert!(w.op.lease_destination().await.unwrap().is_none(), "put off");
    assert_eq!(w.count("queue_entries").await, 1, "not lost");
}

#[tokio::test]
async fn a_message_that_does_not_open_fails_instead_of_blocking() {
    let w = World::new().await;
    send(&w, &["paul@beta.mssante.fr"], "casse").await;
    w.advance(1);
    send(&w, &["paul@beta.mssante.fr"], "sain").await;
    let spoil = "UPDATE queue_messages SET prefix = blob_key WHERE id = (SELECT MIN(id) FROM queue_messages)";
    w.store.write(move |tx| tx.execute(spoil, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let out = take(&w, "beta.mssante.fr").await;
    assert_eq!(w.count("queue_entries").await, 1, "the healthy one is next");
    assert_eq!(out.recipients.len(), 1);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1, "its sender is told");
    assert_eq!(w.op.alarms(&w.admin, false).await.unwrap()[0].code, "queue.corrupt");
}
