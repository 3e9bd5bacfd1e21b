//! What became of each recipient.
use super::lists::view;
use super::{ANNE, House, SERVICE};
use crate::mail::queue::{deferred, delivered, failed};
use crate::mail::submission::take;
use sceau_domain::{DomainName, RefusalCode};
use sceau_operator::desk::deliveries::{DeliveryView, Followed, SentAs};
use sceau_operator::desk::list::Filter;
use sceau_operator::mailbox::entries::FlagSet;
use sceau_operator::queue::Chosen;
use sceau_operator::{Actor, Door};
use sceau_store::Id;
use sceau_testkit::world::*;

const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";
const PIA: &str = "pia@beta.mssante.fr";

each_engine!(
    each_recipient_is_followed_to_its_end,
    a_letter_to_forty_is_followed_in_numbers,
    what_an_operator_gives_back_is_told,
    a_sender_sees_its_own_and_nobody_else_does,
    what_is_old_is_forgotten
);

impl House {
    /// Sends as a mail program does, which files its own copy: the message there.
    async fn sends(&self, actor: &Actor, to: &[&str], subject: &str) -> Id {
        let text = letter(ANNE, subject);
        self.0.submit(actor, ANNE, to, &text).await.unwrap();
        self.0.op.append(actor, "INBOX", FlagSet::default(), None, self.0.message(&text)).await.unwrap();
        self.last_of(actor).await
    }
    /// The newest message of the INBOX.
    async fn last_of(&self, actor: &Actor) -> Id {
        let inbox = self.0.op.open_folder(actor, "INBOX", true).await.unwrap();
        inbox.entries.last().unwrap().message
    }
    async fn states(&self, actor: &Actor, message: Id) -> Vec<(String, &'static str)> {
        let found = self.0.op.deliveries(actor, message).await.unwrap();
        let mut states: Vec<_> = found.into_iter().map(|d| (d.address, d.state.as_str())).collect();
        states.sort();
        states
    }
}

async fn each_recipient_is_followed_to_its_end(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let message = h.sends(&anne, &[BRUNO, PAUL, PIA], "suivi").await;
    let of = |bruno, paul, pia| vec![(BRUNO.to_owned(), bruno), (PAUL.to_owned(), paul), (PIA.to_owned(), pia)];
    assert_eq!(h.states(&anne, message).await, of("delivered", "queued", "queued"));

    let mut out = take(w, "beta.mssante.fr").await;
    out.recipients.sort_by_key(|(_, to)| to.to_string());
    let [paul, pia] = [out.recipients[0].0, out.recipients[1].0];
    w.op.settle(out.id, vec![delivered(paul), deferred(pia)]).await.unwrap();
    assert_eq!(h.states(&anne, message).await, of("delivered", "relayed", "delayed"));
    // Late words change nothing of what is settled.
    w.op.settle(out.id, vec![failed(paul)]).await.unwrap();
    w.op.settle(out.id, vec![failed(pia)]).await.unwrap();
    assert_eq!(h.states(&anne, message).await, of("delivered", "relayed", "failed"));

    let found = w.op.deliveries(&anne, message).await.unwrap();
    let of = |address: &str| -> DeliveryView { found.iter().find(|d| d.address == address).unwrap().clone() };
    let (paul, pia) = (of(PAUL), of(PIA));
    assert_eq!((paul.server.as_deref(), paul.code), (Some("mx.beta.fr"), None));
    assert_eq!(pia.code, Some(RefusalCode::TransferRefused));
    assert!(pia.reply.as_deref().is_some_and(|r| r.contains("5.1.1")) && pia.at >= pia.sent);
    // Servers' words name people: sealed.
    assert!(!w.on_disk("inconnu"));
}

async fn a_letter_to_forty_is_followed_in_numbers(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let all: Vec<String> = (0..40).map(|n| format!("labo-{n:02}@beta.mssante.fr")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let text = letter(ANNE, "campagne");
    w.submit(&anne, ANNE, &all, &text).await.unwrap();
    w.op.append(&anne, "Sent", FlagSet::default(), None, w.message(&text)).await.unwrap();
    // A draft is sent to nobody yet, and what came was sent by others.
    w.op.append(&anne, "Sent", FlagSet::default(), None, w.message(&letter(ANNE, "autre"))).await.unwrap();
    w.op.append(&anne, "INBOX", FlagSet::default(), None, w.message(&text)).await.unwrap();

    let followed = async || {
        let sent = view(h.place(&anne, "Sent").await, Filter::All);
        let mut rows = w.op.window(&anne, &sent).await.unwrap().rows;
        rows.sort_by_key(|row| row.uid);
        let under: Vec<SentAs> = rows.iter().filter_map(|row| row.sent).collect();
        assert_eq!((rows.len(), under.len()), (2, 2));
        assert_eq!(w.op.sent_as(&anne, rows[0].message).await.unwrap(), Some(under[0]));
        let found = w.op.how_far(&anne, &under).await.unwrap();
        assert!(!found.contains_key(&under[1]), "never sent");
        found[&under[0]]
    };
    let numbers = |f: Followed| (f.all, f.arrived(), f.waits, f.lost);
    let before = followed().await;
    assert_eq!(numbers(before), (40, 0, 40, 0));
    w.advance(60);
    let out = take(w, "beta.mssante.fr").await;
    assert_eq!(out.recipients.len(), 40);
    let outcome = |(n, id): (usize, Id)| match n {
        0 => failed(id),
        1 => deferred(id),
        _ => delivered(id),
    };
    let outcomes = out.recipients.iter().map(|(id, _)| *id).enumerate().map(outcome).collect();
    w.op.settle(out.id, outcomes).await.unwrap();
    let after = followed().await;
    assert_eq!(numbers(after), (40, 38, 1, 1));
    assert!(after.at > before.at);
    // In a list of what came nothing is followed.
    let inbox = w.op.window(&anne, &view(h.place(&anne, "INBOX").await, Filter::All)).await.unwrap();
    assert!(inbox.rows.iter().all(|row| row.sent.is_none()));
    // Another BAL asks in vain.
    let message = h.last_of(&anne).await;
    let under = w.op.sent_as(&anne, message).await.unwrap().unwrap();
    let bruno = w.actor("bruno", BRUNO).await;
    assert!(w.op.how_far(&bruno, &[under]).await.unwrap().is_empty());
    assert_eq!(code(w.op.sent_as(&bruno, message).await), "entry.unknown");
}

async fn what_an_operator_gives_back_is_told(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let message = h.sends(&anne, &[PAUL], "rendu").await;
    let beta: DomainName = "beta.mssante.fr".parse().unwrap();
    w.op.queue_return(&w.admin, &Chosen::Destination(beta), "arrêt du destinataire").await.unwrap();
    assert_eq!(h.states(&anne, message).await, [(PAUL.to_owned(), "returned")]);

    let message = h.sends(&anne, &[PIA], "trop-tard").await;
    w.advance(10 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!(h.states(&anne, message).await, [(PIA.to_owned(), "expired")]);
}

async fn a_sender_sees_its_own_and_nobody_else_does(h: House) {
    let w = &h.0;
    let anne = w.actor("anne", ANNE).await;
    let message = h.sends(&anne, &[BRUNO, PAUL], "a-moi").await;
    // The same Message-ID in the recipient's BAL says nothing of whom else it went to.
    let bruno = w.actor("bruno", BRUNO).await;
    let theirs = h.last_of(&bruno).await;
    assert!(h.states(&bruno, theirs).await.is_empty());
    // Nor is a message of another BAL one of this one.
    assert_eq!(code(w.op.deliveries(&bruno, message).await), "entry.unknown");
    let shared = w.actor("anne", SERVICE).await;
    assert_eq!(code(w.op.deliveries(&shared, message).await), "entry.unknown");
    // Sent again, as a client does that did not hear the answer, it is followed once.
    w.submit(&anne, ANNE, &[BRUNO, PAUL], &letter(ANNE, "a-moi")).await.unwrap();
    assert_eq!(h.states(&anne, message).await.len(), 2);
}

async fn what_is_old_is_forgotten(h: House) {
    let w = &h.0;
    let mut anne = w.actor("anne", ANNE).await;
    anne.origin.door = Door::Imap;
    h.sends(&anne, &[BRUNO], "ancien").await;
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("deliveries").await, 1);
    w.advance(401 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.count("deliveries").await, 0);
}
