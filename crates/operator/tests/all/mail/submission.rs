//! What people send: as whom, to whom, and what becomes of it.
use sceau_domain::BalKind;
use sceau_operator::queue::Outgoing;
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const SHARED: &str = "exploitation@alpha.mssante.fr";

/// Takes the next message of a destination off the lease, as a worker does.
pub async fn take(w: &World, domain: &str) -> Outgoing {
    let destination = w.op.lease_destination().await.unwrap().expect("something is due");
    assert_eq!(destination.domain.as_str(), domain);
    w.op.next_outgoing(&destination).await.unwrap().expect("a message is due")
}

pub async fn whole(outgoing: &mut Outgoing) -> String {
    let mut bytes = outgoing.prefix.clone();
    while (bytes.len() as u64) < outgoing.size {
        let at = (bytes.len() - outgoing.prefix.len()) as u64;
        bytes.extend(outgoing.content.read_at(at, 50_000).await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn one_letter_goes_to_a_colleague_and_to_two_other_operators() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let text = letter(ANNE, "trois");
    let to = [BRUNO, "paul@beta.mssante.fr", "zoe@gamma.mssante.fr", "pia@beta.mssante.fr"];
    for (i, to) in to.iter().enumerate() {
        w.op.submit_recipient(&anne, &addr(to), i, Some(1000)).await.unwrap();
    }
    let accepted = w.submit(&anne, ANNE, &to, &text).await.unwrap();
    let inbox = w.inbox("bruno", BRUNO).await;
    assert_eq!(inbox.len(), 1);
    assert!(inbox[0].starts_with(&format!("Return-Path: <{ANNE}>\r\nReceived: ")) && inbox[0].ends_with(&text));

    let mut beta = take(&w, "beta.mssante.fr").await;
    assert_eq!(beta.from, Some(addr(ANNE)));
    let names: Vec<String> = beta.recipients.iter().map(|(_, a)| a.to_string()).collect();
    assert_eq!(names, ["paul@beta.mssante.fr", "pia@beta.mssante.fr"]);
    let sent = whole(&mut beta).await;
    let way = sent.strip_suffix(text.as_str()).expect("as it was written");
    assert!(way.starts_with("Received: ") && way.contains(&accepted.id) && !way.contains("Return-Path"), "{way}");
    assert!(!beta.body_8bit && !beta.smtputf8);
    let gamma = take(&w, "gamma.mssante.fr").await;
    assert_eq!(gamma.recipients.len(), 1);
    assert!(w.op.lease_destination().await.unwrap().is_none(), "each destination has one worker");

    let t = w.traces("mail.submitted").await.remove(0);
    assert_eq!((t.actor.as_str(), t.bal.as_deref(), t.outcome.as_str()), ("anne", Some(ANNE), "ok"));
    assert_eq!((t.data["queued"].as_i64(), t.data["id"].as_str()), (Some(3), Some(accepted.id.as_str())));
    assert_eq!(w.count("blobs").await, 1, "one content for all");
}

#[tokio::test]
async fn bcc_never_leaves_and_missing_fields_are_added() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let body = "é".repeat(40_000);
    let text = format!("From: {ANNE}\r\nBcc: {BRUNO},\r\n secret@beta.mssante.fr\r\nSubject: s\r\n\r\n{body}\r\n");
    w.submit(&anne, ANNE, &[BRUNO, "secret@beta.mssante.fr"], &text).await.unwrap();
    let expected = format!("From: {ANNE}\r\nSubject: s\r\n\r\n{body}\r\n");
    let mut out = take(&w, "beta.mssante.fr").await;
    assert!(out.body_8bit);
    for message in [whole(&mut out).await, w.inbox("bruno", BRUNO).await.remove(0)] {
        let way = message.strip_suffix(expected.as_str()).expect("the rest is as it was written");
        assert!(!message.contains("Bcc") && !message.contains("secret"), "{way}");
        assert!(way.contains("\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"), "{way}");
        assert!(way.contains("\r\nMessage-ID: <") && way.contains("@mss.alpha.fr>\r\n"), "{way}");
    }
    assert_eq!(w.count("blobs").await, 1, "the first writing left nothing");
}

#[tokio::test]
async fn a_sent_copy_is_kept_where_it_is_configured() {
    let w = World::with(|c| c.sent_copy = true).await;
    let anne = w.actor("anne", ANNE).await;
    let text = format!("Bcc: {BRUNO}\r\n{}", letter(ANNE, "copie"));
    w.submit(&anne, ANNE, &[BRUNO, ANNE], &text).await.unwrap();
    let sent = w.folder("anne", ANNE, "Sent").await;
    assert_eq!(sent.len(), 1);
    assert!(sent[0].contains(&format!("Bcc: {BRUNO}\r\n")), "the sender sees to whom it went");
    assert_eq!((w.inbox("anne", ANNE).await.len(), w.inbox("bruno", BRUNO).await.len()), (1, 1));
    assert!(!w.inbox("bruno", BRUNO).await[0].contains("Bcc"));
    // By default mail clients keep their own.
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    w.submit(&anne, ANNE, &[BRUNO], &letter(ANNE, "copie")).await.unwrap();
    assert_eq!(w.folder("anne", ANNE, "Sent").await.len(), 0);
}

#[tokio::test]
async fn one_sends_only_as_bals_that_one_may_use() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let mail =
        async |from: &str| w.op.submit_sender(&anne, (!from.is_empty()).then(|| addr(from)).as_ref(), None).await;
    for mine in [ANNE, "ANNE.martin@alpha.mssante.fr", SHARED, ""] {
        mail(mine).await.unwrap();
    }
    for other in [BRUNO, "inconnue@alpha.mssante.fr", "paul@beta.mssante.fr"] {
        assert_eq!(code(mail(other).await), "sender.not_allowed");
    }
    assert_eq!(code(w.op.submit_sender(&anne, Some(&addr(ANNE)), Some(250_001)).await), "message.too_big");
    let send = async |from: &str, text: &str| w.submit(&anne, from, &[BRUNO], text).await;
    assert_eq!(code(send(ANNE, &letter(BRUNO, "x")).await), "header.from_not_allowed");
    assert_eq!(code(send(ANNE, &letter("paul@beta.mssante.fr", "x")).await), "header.from_not_allowed");
    assert_eq!(code(send(BRUNO, &letter(ANNE, "x")).await), "sender.not_allowed");
    assert_eq!(code(send("", &letter(BRUNO, "x")).await), "header.from_not_allowed");
    let as_other = format!("Sender: {BRUNO}\r\n{}", letter(ANNE, "x"));
    assert_eq!(code(send(ANNE, &as_other).await), "header.from_not_allowed");
    let two = format!("From: {ANNE}\r\n{}", letter(ANNE, "x"));
    assert_eq!(code(send(ANNE, &two).await), "header.from_many");
    // A shared BAL with its member as Sender.
    let as_shared = format!("Sender: {ANNE}\r\n{}", letter(SHARED, "x"));
    send(SHARED, &as_shared).await.unwrap();
    assert_eq!(w.inbox("bruno", BRUNO).await.len(), 1);
    // A BAL that may not go there does not go as Sender.
    let as_test = format!("Sender: essai.medecin@alpha.mssante.fr\r\n{}", letter(ANNE, "x"));
    assert_eq!(code(w.submit(&anne, ANNE, &["paul@beta.mssante.fr"], &as_test).await), "exchange.test");
    // A right that ends, ends at once.
    let end = "UPDATE access SET ended = 1";
    w.store.write(move |tx| tx.execute(end, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    assert_eq!(code(mail(ANNE).await), "sender.not_allowed");
    assert_eq!(code(send(ANNE, &letter(ANNE, "x")).await), "sender.not_allowed");
}

#[tokio::test]
async fn one_writes_only_where_the_rules_let_one() {
    let w = World::new().await;
    w.bal("petite@alpha.mssante.fr", BalKind::Org, &["anne"], |b| b.quota = Some(2_000)).await;
    let (anne, chloe) = (w.actor("anne", ANNE).await, w.actor("chloe", "chloe.roux@alpha.mssante.fr").await);
    let test = w.actor("anne", "essai.medecin@alpha.mssante.fr").await;
    let ins = "180017500000134@patient.mssante.fr";
    for (actor, to, already, expected) in [
        (&anne, "x@example.org", 0, "rcpt.not_listed"),
        (&anne, "inconnue@alpha.mssante.fr", 0, "rcpt.unknown"),
        (&anne, "t@essai.beta.mssante.fr", 0, "exchange.test"),
        (&anne, BRUNO, 5, "rcpt.too_many"),
        (&chloe, "paul@beta.mssante.fr", 0, "exchange.unreachable"),
        (&test, "paul@beta.mssante.fr", 0, "exchange.test"),
        (&test, ins, 0, "exchange.test"),
    ] {
        assert_eq!(code(w.op.submit_recipient(actor, &addr(to), already, None).await), expected, "{to}");
        let trace = w.traces("mail.refused").await.pop().unwrap();
        assert_eq!(trace.outcome, expected);
    }
    for (actor, to) in
        [(&chloe, BRUNO), (&test, "t@essai.beta.mssante.fr"), (&anne, ins), (&anne, "postmaster@alpha.mssante.fr")]
    {
        w.op.submit_recipient(actor, &addr(to), 0, Some(500)).await.unwrap();
    }
    let full = w.op.submit_recipient(&anne, &addr("petite@alpha.mssante.fr"), 0, Some(3_000)).await;
    assert_eq!(code(full), "rcpt.over_quota");
    // Judged again with the message, as the BAL that is in From.
    let other = w.submit(&test, ANNE, &["paul@beta.mssante.fr"], &letter(ANNE, "x")).await;
    assert!(other.is_ok(), "anne may send as herself from a session on another BAL of hers");
    let essai = "essai.medecin@alpha.mssante.fr";
    for (envelope, header) in [(ANNE, essai), (essai, ANNE), (essai, essai)] {
        let escape = w.submit(&anne, envelope, &["paul@beta.mssante.fr"], &letter(header, "x")).await;
        assert_eq!(code(escape), "exchange.test", "{envelope} {header}");
    }
    let many: Vec<String> = (0..6).map(|i| format!("p{i}@beta.mssante.fr")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(code(w.submit(&anne, ANNE, &many, &letter(ANNE, "x")).await), "rcpt.too_many");
    assert_eq!(code(w.submit(&anne, ANNE, &[], &letter(ANNE, "x")).await), "rcpt.none");
}

#[tokio::test]
async fn size_depends_on_the_destination_and_patients_stay_sealed() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let ins = "180017500000134@patient.mssante.fr";
    let text = letter(ANNE, "gros") + &"x".repeat(150_000);
    assert_eq!(code(w.submit(&anne, ANNE, &["paul@beta.mssante.fr"], &text).await), "message.too_big");
    assert_eq!(code(w.submit(&anne, ANNE, &["paul@beta.mssante.fr", ins], &text).await), "message.too_big");
    w.submit(&anne, ANNE, &[ins], &text).await.unwrap();
    let too_big = letter(ANNE, "gros") + &"x".repeat(260_000);
    assert_eq!(code(w.submit(&anne, ANNE, &[ins], &too_big).await), "message.too_big");
    let listed = w.op.queue_list(&w.admin, None, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].to.ends_with("@patient.mssante.fr") && !listed[0].to.contains("1800"));
    for word in ["18001750", "Bonjour", "gros@exemple.fr"] {
        assert!(!w.on_disk(word), "{word} is on disk in clear");
    }
    // The worker, and only it, gets the address.
    assert_eq!(take(&w, "patient.mssante.fr").await.recipients[0].1, addr(ins));
    let shown = w.op.queue_show(&w.admin, listed[0].id).await.unwrap();
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains("18001750"), "{shown}");
    assert!(!serde_json::to_string(&w.traces("mail").await).unwrap().contains("18001750"));
}

#[tokio::test]
async fn international_mail_says_so() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    w.submit(&anne, ANNE, &["zoé@gamma.mssante.fr"], &letter(ANNE, "x")).await.unwrap();
    assert!(take(&w, "gamma.mssante.fr").await.smtputf8);
}

#[tokio::test]
async fn a_token_for_one_bal_sends_as_that_bal_only() {
    let w = World::new().await;
    for (bal, as_self) in [(None, true), (Some(SHARED), false)] {
        let (token, _) = w.op.create_token(&w.admin, "anne", bal, "poste", None).await.unwrap();
        let mut anne = w.actor("anne", SHARED).await;
        anne.credential = Some(token.id);
        w.op.submit_sender(&anne, Some(&addr(SHARED)), None).await.unwrap();
        assert_eq!(w.op.submit_sender(&anne, Some(&addr(ANNE)), None).await.is_ok(), as_self);
        w.op.revoke_token(&w.admin, token.id).await.unwrap();
        assert_eq!(code(w.op.submit_sender(&anne, Some(&addr(SHARED)), None).await), "sender.not_allowed");
    }
    let until = w.op.clock().now().plus_ms(60_000);
    let (token, _) = w.op.create_token(&w.admin, "anne", None, "stage", Some(until)).await.unwrap();
    let mut anne = w.actor("anne", SHARED).await;
    anne.credential = Some(token.id);
    w.op.submit_sender(&anne, Some(&addr(SHARED)), None).await.unwrap();
    w.advance(61);
    assert_eq!(code(w.op.submit_sender(&anne, Some(&addr(SHARED)), None).await), "sender.not_allowed");
}
