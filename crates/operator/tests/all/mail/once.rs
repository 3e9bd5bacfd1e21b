//! A message of ours is sent once, whoever sends it again; what is said at RCPT of sizes, patients and routes; who sends something again.
use sceau_store::testing::TestStore;
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

async fn a_message_is_sent_once(store: TestStore) {
    let w = World::on(store, |c| c.sent_copy = true).await;
    let anne = w.actor("anne", ANNE).await;
    let text = letter(ANNE, "un");
    let first = w.submit(&anne, ANNE, &[BRUNO, PAUL], &text).await.unwrap();
    assert!(!first.duplicate);
    // The answer was lost: again, in another order.
    let again = w.submit(&anne, ANNE, &[PAUL, BRUNO], &text).await.unwrap();
    assert!(again.duplicate && again.id == first.id, "{again:?}");
    let counts = async || {
        (
            w.inbox("bruno", BRUNO).await.len(),
            w.folder("anne", ANNE, "Sent").await.len(),
            w.count("queue_entries").await,
        )
    };
    assert_eq!(counts().await, (1, 1, 1));
    assert_eq!((w.traces("mail.submitted").await.len(), w.count("blobs").await), (1, 1));
    assert_eq!(w.traces("mail.repeated").await[0].data["id"], first.id.as_str());
    // Somebody else besides: served, and only he.
    let more = w.submit(&anne, ANNE, &[BRUNO, PAUL, "pia@beta.mssante.fr", ANNE], &text).await.unwrap();
    assert!(!more.duplicate && more.id != first.id);
    assert_eq!(counts().await, (1, 1, 2));
    assert_eq!(w.inbox("anne", ANNE).await.len(), 1);
    // Another Date, another body, another BAL, no Message-ID: other messages.
    for other in [
        text.replace("10:00:00 +0000", "10:00:01 +0000"),
        text.replace("Bonjour", "Bonsoir"),
        text.replace("Message-ID: <un@exemple.fr>\r\n", ""),
        text.replace("Message-ID: <un@exemple.fr>\r\n", ""),
    ] {
        assert!(!w.submit(&anne, ANNE, &[BRUNO], &other).await.unwrap().duplicate, "{other}");
    }
    let shared = "exploitation@alpha.mssante.fr";
    let same = text.replace(ANNE, shared);
    assert!(!w.submit(&anne, shared, &[BRUNO], &same).await.unwrap().duplicate);
    assert_eq!(counts().await.0, 6);
    // Of somebody who is not its holder the trace says as what.
    let member = w.actor("bruno", shared).await;
    for again in [false, true] {
        let sent = w.submit(&member, shared, &[PAUL], &letter(shared, "membre")).await.unwrap();
        assert_eq!(sent.duplicate, again);
    }
    let trace = w.traces("mail.repeated").await.pop().unwrap();
    assert_eq!((&trace.data["as"], trace.bal.as_deref()), (&"member".into(), Some(shared)));
    // What is over is over.
    w.advance(31 * 60);
    assert!(!w.submit(&anne, ANNE, &[BRUNO], &text).await.unwrap().duplicate);
    // Two sessions at once: one of them sends.
    let text = letter(ANNE, "course");
    let to = [BRUNO, PAUL];
    let (a, b) = tokio::join!(w.submit(&anne, ANNE, &to, &text), w.submit(&anne, ANNE, &to, &text));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a.duplicate != b.duplicate && a.id == b.id, "{a:?} {b:?}");
    // What was sent is heard of as sent, whatever stands against it by now, if whoever asks may send still; what was not is refused.
    let (text, to) = (letter(ANNE, "ferme"), [BRUNO, PAUL]);
    let first = w.submit(&anne, ANNE, &to, &text).await.unwrap();
    let room = async |bytes: i64| {
        let sql = format!("UPDATE bals SET quota_bytes = {bytes} WHERE address_key = '{BRUNO}'");
        let set = w.store.write(move |tx| tx.execute(&sql, &[])).await;
        set.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    };
    room(1).await;
    let again = w.submit(&anne, ANNE, &to, &text).await.unwrap();
    assert!(again.duplicate && again.id == first.id, "{again:?}");
    assert_eq!(code(w.submit(&anne, ANNE, &to, &letter(ANNE, "neuf")).await), "rcpt.over_quota");
    assert_eq!(w.traces("mail.repeated").await.last().unwrap().data["id"], first.id.as_str());
    room(1 << 30).await;
    // What was refused was not sent: the next one is the first.
    let text = letter(ANNE, "refus");
    assert_eq!(code(w.submit(&anne, ANNE, &[BRUNO, "inconnu@alpha.mssante.fr"], &text).await), "rcpt.unknown");
    assert!(!w.submit(&anne, ANNE, &[BRUNO], &text).await.unwrap().duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_once_on_sqlite() {
    a_message_is_sent_once(sceau_store::testing::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_once_on_postgres() {
    a_message_is_sent_once(sceau_store::testing::postgres().await).await;
}

#[tokio::test]
async fn what_can_be_said_before_the_message_is_said_at_rcpt() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    let ins = "180017500000134@patient.mssante.fr";
    let limits = w.op.config().limits;
    let between = limits.message_bytes + 1;
    let rcpt = async |to: &str, size: u64| w.op.submit_recipient(&anne, &addr(to), 0, Some(size)).await;
    rcpt(ins, between).await.unwrap();
    // What a patient takes another recipient does not, who is named.
    let refused = rcpt(PAUL, between).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "message.too_big");
    assert!(refused.smtp_text().contains(PAUL), "{}", refused.smtp_text());
    assert_eq!(code(rcpt(ins, limits.patient_message_bytes + 1).await), "message.too_big");
    let text = letter(ANNE, "gros") + &"x".repeat(usize::try_from(between).unwrap());
    let mixed = w.submit(&anne, ANNE, &[ins, PAUL], &text).await.unwrap_err();
    assert!(mixed.code.as_str() == "message.too_big" && mixed.smtp_text().contains(PAUL), "{mixed:?}");
    w.submit(&anne, ANNE, &[ins], &text).await.unwrap();
    // A patient's address is an INS with its key; the number is not repeated.
    for bad in ["180017500000123", "18001750000013", "jean.martin", "1800175000001342"] {
        let refused = rcpt(&format!("{bad}@patient.mssante.fr"), 0).await.unwrap_err();
        assert_eq!(refused.code.as_str(), "naming.patient");
        assert!(!refused.smtp_text().contains(bad));
    }
    // A domain of which the last attempt said that it takes no mail.
    rcpt(PAUL, 0).await.unwrap();
    let no_way = "INSERT INTO queue_destinations (domain, next_at, failures, unreached, last_at, last_code) VALUES ('beta.mssante.fr', 0, 1, 1, 0, 'transfer.null_mx')";
    w.store.write(move |tx| tx.execute(no_way, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    assert_eq!(code(rcpt(PAUL, 0).await), "transfer.null_mx");
    // Who sends something again says so in a name of theirs.
    let resent = |who: &str| format!("Resent-From: {who}\r\nResent-Sender: {ANNE}\r\n{}", letter(ANNE, "encore"));
    w.submit(&anne, ANNE, &[BRUNO], &resent("exploitation@alpha.mssante.fr")).await.unwrap();
    assert_eq!(code(w.submit(&anne, ANNE, &[BRUNO], &resent(BRUNO)).await), "header.from_not_allowed");
    assert_eq!(code(w.submit(&anne, ANNE, &[BRUNO], &resent("a, b")).await), "header.malformed");
    // What only we may say goes, what the software says stays.
    let forged = format!(
        "Return-Path: <{BRUNO}>\r\nAuthentication-Results: mss.alpha.fr; ok\r\nX-Sceau-Unread: rien\r\nX-MSS-INS: O\r\n{}",
        letter(ANNE, "forge")
    );
    w.submit(&anne, ANNE, &[BRUNO], &forged).await.unwrap();
    let got = w.inbox("bruno", BRUNO).await.pop().unwrap();
    assert!(got.starts_with(&format!("Return-Path: <{ANNE}>\r\n")) && got.contains("X-MSS-INS: O\r\n"), "{got}");
    assert!(
        !got.contains("Authentication-Results") && !got.contains("X-Sceau") && got.matches("Return-Path").count() == 1
    );
}
