//! What administrators do to the queue, who may, what senders hear of it; and what senders who ask hear of what arrived.
use crate::mail::queue::{deferred, delivered, lease, send};
use crate::mail::submission::take;
use sceau_domain::dsn::{EnvelopeId, MailRequest, Notify, RcptRequest};
use sceau_operator::mail::{Envelope, Rcpt};
use sceau_operator::queue::{Chosen, Holding, QueueFilter, QueueState};
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

fn beta() -> Chosen {
    Chosen::Destination("beta.mssante.fr".parse().unwrap())
}

fn holding(until: Option<sceau_domain::Timestamp>) -> Holding {
    Holding { why: "certificat en doute".into(), until }
}

#[tokio::test]
async fn what_is_held_explains_itself_and_expires_all_the_same() {
    let w = World::new().await;
    send(&w, &[PAUL, "zoe@gamma.mssante.fr"], "un").await;
    let entries = w.op.queue_list(&w.admin, None, None, 10).await.unwrap();
    let (beta_entry, message) = (entries.iter().find(|e| e.to == PAUL).unwrap().id, entries[0].message);
    assert!(entries[0].why_en.contains("has not been tried yet"), "{}", entries[0].why_en);
    let until = w.op.clock().now().plus_ms(60_000);
    assert_eq!(w.op.queue_hold(&w.admin, &Chosen::Entry(beta_entry), &holding(Some(until))).await.unwrap(), 1);
    assert_eq!(w.op.queue_hold(&w.admin, &Chosen::Entry(beta_entry), &holding(None)).await.unwrap(), 0, "once");
    let shown = w.op.queue_show(&w.admin, beta_entry).await.unwrap().entry;
    assert_eq!((shown.state.as_str(), shown.next), ("held", Some(until)));
    assert!(shown.why_fr.contains("root") && shown.why_fr.contains("certificat en doute"), "{}", shown.why_fr);
    let held = QueueFilter { state: Some(QueueState::Held), message: Some(message), ..QueueFilter::default() };
    assert_eq!(w.op.queue_find(&w.admin, &held, None, 10).await.unwrap().len(), 1);
    assert_eq!(lease(&w).await.domain.as_str(), "gamma.mssante.fr");
    assert!(w.op.lease_destination().await.unwrap().is_none(), "held");
    w.advance(61);
    w.op.housekeeping().await.unwrap();
    assert_eq!(lease(&w).await.domain.as_str(), "beta.mssante.fr", "released by itself");

    // A destination as a whole, what comes later too; nobody forgets what is held for ever.
    w.op.queue_hold(&w.admin, &beta(), &holding(None)).await.unwrap();
    w.op.queue_hold(&w.admin, &Chosen::Destination("gamma.mssante.fr".parse().unwrap()), &holding(None)).await.unwrap();
    send(&w, &[PAUL], "deux").await;
    w.advance(3_600);
    assert!(w.op.lease_destination().await.unwrap().is_none());
    let stats = w.op.queue_stats(&w.admin).await.unwrap();
    assert_eq!((stats.entries, stats.held, stats.held_destinations, stats.failing), (3, 3, 2, 0));
    let listed = w.op.queue_destinations(&w.admin, None, 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|d| (d.entries, d.next, d.held.is_some())).collect::<Vec<_>>(),
        [(2, None, true), (1, None, true)]
    );
    w.advance(6 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 2, "over, of both messages");
    assert!(w.op.queue_release(&w.admin, &beta()).await.is_ok());
    send(&w, &[PAUL], "trois").await;
    assert_eq!(take(&w, "beta.mssante.fr").await.recipients.len(), 1);
    let traces = w.traces("queue.held").await;
    assert_eq!((traces.len(), traces[0].data["reason"].as_str()), (3, Some("certificat en doute")));
}

#[tokio::test]
async fn what_is_returned_or_deleted_leaves_with_its_reason_and_never_under_a_worker_s_hands() {
    let w = World::new().await;
    send(&w, &[PAUL], "un").await;
    send(&w, &["pia@beta.mssante.fr"], "deux").await;
    let bruno = w.actor("bruno", BRUNO).await;
    w.submit(&bruno, BRUNO, &[PAUL], &letter(BRUNO, "trois")).await.unwrap();
    let in_hand = take(&w, "beta.mssante.fr").await;
    let done = w.op.queue_return(&w.admin, &beta(), "adresse changée").await.unwrap();
    assert_eq!((done.entries, done.sending, done.more), (2, 1, false));
    let report = w.inbox("bruno", BRUNO).await.remove(0);
    for needed in ["Action: failed", "Status: 5.3.0", "adresse chang", "Final-Recipient: rfc822; paul@beta.mssante.fr"]
    {
        assert!(report.contains(needed), "{needed}: {report}");
    }
    let again = w.op.queue_return(&w.admin, &beta(), "adresse changée").await.unwrap();
    assert_eq!((again.entries, again.sending, again.more), (0, 1, false), "nothing left to do");
    w.op.settle(in_hand.id, vec![deferred(in_hand.recipients[0].0)]).await.unwrap();
    let shown = w.op.queue_show(&w.admin, in_hand.recipients[0].0).await.unwrap();
    assert_eq!((shown.tries.len(), shown.tries[0].server.as_deref()), (1, Some("mx.beta.fr")));
    assert_eq!(shown.tries[0].reply.as_deref(), Some("451 4.7.1 paul@beta.mssante.fr plus tard"));
    assert_eq!((shown.notify.as_str(), shown.route), ("FAILURE,DELAY", None));
    // Deleted in silence: the reason is on record.
    let who = Chosen::Sender(addr(ANNE));
    let before = w.inbox("anne", ANNE).await.len();
    assert_eq!(code(w.op.queue_delete(&w.admin, &who, " ", None).await), "admin.invalid");
    let done = w.op.queue_delete(&w.admin, &who, "poste compromis", Some("enquête en cours")).await.unwrap();
    assert_eq!((done.entries, w.count("queue_messages").await), (1, 0));
    assert_eq!(w.inbox("anne", ANNE).await.len(), before);
    let trace = w.traces("mail.deleted").await.pop().unwrap();
    assert_eq!((trace.actor.as_str(), trace.bal.as_deref()), ("root", Some(ANNE)));
    assert_eq!(trace.data["silent"], "enquête en cours");
    assert_eq!((w.traces("queue.returned").await.len(), w.traces("queue.deleted").await.len()), (2, 1));
    // And told.
    send(&w, &[PAUL], "quatre").await;
    assert_eq!(w.op.queue_delete(&w.admin, &Chosen::All, "purge", None).await.unwrap().entries, 1);
    assert_eq!(w.inbox("anne", ANNE).await.len(), before + 1);
    assert_eq!(code(w.op.queue_return(&w.admin, &Chosen::Entry(5), "rien").await), "admin.not_found");
    let anne = w.actor("anne", ANNE).await;
    for refused in [
        code(w.op.queue_hold(&anne, &Chosen::All, &holding(None)).await),
        code(w.op.queue_release(&anne, &Chosen::All).await),
        code(w.op.queue_return(&anne, &Chosen::All, "x").await),
        code(w.op.queue_delete(&anne, &Chosen::All, "x", None).await),
        code(w.op.queue_stats(&anne).await),
        code(w.op.queue_destinations(&anne, None, 1).await),
    ] {
        assert_eq!(refused, "right.missing");
    }
}

#[tokio::test]
async fn what_is_held_while_a_worker_had_claimed_it_can_be_returned_at_once() {
    let w = World::new().await;
    for n in 0..5 {
        send(&w, &[PAUL], &format!("m{n}")).await;
        w.advance(1);
    }
    let lane = lease(&w).await;
    let mut out = w.op.next_outgoing(&lane).await.unwrap().unwrap();
    for _ in 0..2 {
        w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
        out = w.op.next_outgoing(&lane).await.unwrap().unwrap();
    }
    // By now more than one is claimed at a time: one is in hand, another waits in the worker's batch.
    let sending = QueueFilter { state: Some(QueueState::Sending), ..QueueFilter::default() };
    let batch = w.op.queue_find(&w.admin, &sending, None, 10).await.unwrap();
    assert_eq!(batch.len(), 2);
    assert_eq!(w.op.queue_hold(&w.admin, &beta(), &holding(None)).await.unwrap(), 3);
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    assert!(w.op.next_outgoing(&lane).await.unwrap().is_none(), "held");
    let done = w.op.queue_return(&w.admin, &beta(), "certificat en doute").await.unwrap();
    assert_eq!((done.entries, done.sending), (2, 0), "nobody has it in hand any more");
    w.op.release_destination(&lane).await.unwrap();
}

pub fn asking(from: &str, to: &[(&str, Option<Notify>)]) -> Envelope {
    let rcpt = |(to, notify): &(&str, Option<Notify>)| Rcpt {
        dsn: RcptRequest { notify: *notify, orcpt: None },
        ..Rcpt::from(addr(to))
    };
    let dsn = MailRequest { ret: None, envid: EnvelopeId::new("lot 7").ok() };
    Envelope { to: to.iter().map(rcpt).collect(), dsn, ..envelope(from, &[]) }
}

pub const SUCCESS: Option<Notify> = Some(Notify { success: true, failure: true, delay: true });

#[tokio::test]
async fn who_asks_hears_of_what_arrived_within_the_trust_space() {
    let w = World::new().await;
    // From a BAL of ours, to one of ours and elsewhere.
    let anne = w.actor("anne", ANNE).await;
    let to = [(BRUNO, SUCCESS), (PAUL, SUCCESS)];
    w.op.submit(&anne, asking(ANNE, &to), w.message(&letter(ANNE, "recu"))).await.unwrap();
    let inbox = w.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 1);
    for needed in ["Action: delivered", "Original-Envelope-Id: lot 7", "Final-Recipient: rfc822; bruno.petit@alpha"] {
        assert!(inbox[0].contains(needed), "{needed}: {}", inbox[0]);
    }
    assert!(!inbox[0].contains("paul@"));
    let out = take(&w, "beta.mssante.fr").await;
    w.op.settle(out.id, vec![delivered(out.recipients[0].0)]).await.unwrap();
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1, "the other operator confirms");

    // From another operator: queued for its sender, once however often it comes, with a null path.
    let text = letter(PAUL, "bilan");
    let origin = origin(sceau_operator::Door::Mx);
    for _ in 0..2 {
        let envelope = asking(PAUL, &[(BRUNO, SUCCESS)]);
        w.op.mx_accept(&peer(BETA), envelope, w.message(&text), &origin).await.unwrap();
    }
    assert_eq!((w.inbox("bruno", BRUNO).await.len(), w.count("queue_entries").await), (2, 1));
    w.advance(601);
    let mut out = take(&w, "beta.mssante.fr").await;
    assert_eq!((out.from.clone(), out.recipients[0].1.to_string()), (None, PAUL.to_owned()));
    let report = crate::mail::submission::whole(&mut out).await;
    assert!(report.contains("Action: delivered") && report.contains("Auto-Submitted: auto-replied"), "{report}");
    // Nobody hears of a report that fails.
    w.op.settle(out.id, vec![crate::mail::queue::failed(out.recipients[0].0)]).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);

    // A full mailbox of the sender loses the confirmation, never the message.
    let fill = "UPDATE bals SET quota_bytes = used_bytes WHERE address_key LIKE 'anne.%'";
    w.store.write(move |tx| tx.execute(fill, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    w.op.submit(&anne, asking(ANNE, &[(BRUNO, SUCCESS)]), w.message(&letter(ANNE, "plein"))).await.unwrap();
    assert_eq!((w.inbox("bruno", BRUNO).await.len(), w.inbox("anne", ANNE).await.len()), (3, 1));
}

#[tokio::test]
async fn never_is_never_and_a_full_mailbox_is_told_as_one() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let to = [(PAUL, Some(Notify::NEVER)), ("pia@beta.mssante.fr", None)];
    w.op.submit(&anne, asking(ANNE, &to), w.message(&letter(ANNE, "jamais"))).await.unwrap();
    let out = take(&w, "beta.mssante.fr").await;
    let full = |entry| {
        let mut outcome = deferred(entry);
        if let sceau_operator::queue::OutcomeResult::Deferred { reason, .. } = &mut outcome.result {
            *reason = "452 4.2.2 boîte pleine".into();
        }
        outcome
    };
    w.op.settle(out.id, out.recipients.iter().map(|r| full(r.0)).collect()).await.unwrap();
    w.advance(5 * 3_600);
    w.op.housekeeping().await.unwrap();
    w.advance(6 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("queue_entries").await, 0);
    let told = w.inbox("anne", ANNE).await;
    assert_eq!(told.len(), 2, "late, then over, of one");
    assert!(told[0].contains("Status: 4.2.2") && told[0].contains("Will-Retry-Until: "), "{}", told[0]);
    assert!(told[1].contains("Status: 5.2.2") && !told.concat().contains("paul@"), "{}", told[1]);
}
