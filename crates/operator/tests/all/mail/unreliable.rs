//! Mail over a database whose ground gives way: nothing twice, nothing missing, every act with its trace.
use crate::mail::queue::delivered;
use sceau_operator::Operator;
use sceau_testkit::world::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const TASKS: usize = 4;
const EACH: usize = 28;

/// How often each subject is in a mailbox.
async fn subjects(w: &World, login: &str, bal: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for text in w.inbox(login, bal).await {
        let subject = text.lines().find_map(|l| l.strip_prefix("Subject: ")).expect("a subject").to_owned();
        *found.entry(subject).or_default() += 1;
    }
    found
}

async fn transfer(op: &Operator) -> usize {
    let mut sent = 0;
    while let Some(destination) = op.lease_destination().await.unwrap() {
        while let Some(out) = op.next_outgoing(&destination).await.unwrap() {
            sent += out.recipients.len();
            op.settle(out.id, out.recipients.iter().map(|(entry, _)| delivered(*entry)).collect()).await.unwrap();
        }
        op.release_destination(&destination).await.unwrap();
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_kept_once_and_sent_once_whatever_fails() {
    let w = Arc::new(World::on(sceau_store::testing::failing_postgres(17).await, |_| {}).await);
    let tasks: Vec<_> = (0..TASKS)
        .map(|t| {
            let w = Arc::clone(&w);
            tokio::spawn(async move {
                let anne = w.actor("anne", ANNE).await;
                for i in 0..EACH {
                    let text = letter("paul@beta.mssante.fr", &format!("entrant-{t}-{i}"));
                    w.hand_over(BETA, "paul@beta.mssante.fr", &[ANNE, BRUNO], &text).await.unwrap();
                    if i % 4 == 0 {
                        let text = letter(ANNE, &format!("sortant-{t}-{i}"));
                        w.submit(&anne, ANNE, &["paul@beta.mssante.fr", BRUNO], &text).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (received, submitted) = (TASKS * EACH, TASKS * EACH / 4);
    let (anne, bruno) = (subjects(&w, "anne", ANNE).await, subjects(&w, "bruno", BRUNO).await);
    assert!(anne.values().chain(bruno.values()).all(|n| *n == 1), "something is there twice");
    assert_eq!((anne.len(), bruno.len()), (received, received + submitted));
    assert_eq!(w.traces("mail.accepted").await.len(), received);
    assert_eq!(w.traces("mail.submitted").await.len(), submitted);
    assert_eq!(w.count("queue_entries").await, submitted as i64);
    assert_eq!(transfer(&w.op).await, submitted, "each recipient once");
    assert_eq!((w.count("queue_entries").await, w.count("queue_messages").await), (0, 0));
    assert_eq!(w.traces("mail.transferred").await.len(), submitted);
    let made: u64 = w.store.faults().iter().map(|(_, n)| n).sum();
    assert!(made > 100, "{:?}", w.store.faults());
}
