//! Absence of a BAL (F069) and the test responder (F217): who is answered, once, and who never is. On both engines.
use super::submission::{take, whole};
use sceau_domain::tell::{Answers, RESPONDER, TESTS_AN_HOUR};
use sceau_operator::absence::NewAbsence;
use sceau_store::testing::TestStore;
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

fn absence(from: &str, until: &str) -> NewAbsence {
    NewAbsence { from: from.into(), until: until.into(), text: "De retour bientôt : motdepasse-secret".into() }
}

fn mail(from: &str, to: &str, more: &str, n: u32) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\n{more}Subject: confidentiel {n}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <m{n}@beta.fr>\r\n\r\nTexte {n}\r\n"
    )
}

async fn answers(w: &World) -> i64 {
    w.op.run_due_jobs().await.unwrap();
    w.count("absence_answers").await
}

async fn absent(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let (anne, bruno) = (w.actor("anne", ANNE).await, w.actor("bruno", BRUNO).await);
    assert_eq!(code(w.op.set_absence(&bruno, ANNE, 0, absence("2026-11-21", "2026-11-25")).await), "right.missing");
    for (from, until) in [
        ("2026-11-25", "2026-11-24"),
        ("2026-11-01", "2026-11-20"),
        ("2026-11-21", "2028-01-01"),
        ("hier", "2026-11-25"),
    ] {
        assert_eq!(
            code(w.op.set_absence(&anne, ANNE, 0, absence(from, until)).await),
            "admin.invalid",
            "{from} {until}"
        );
    }
    // What came before is not answered.
    w.hand_over(BETA, "avant@beta.mssante.fr", &[ANNE], &mail("avant@beta.mssante.fr", ANNE, "", 1)).await.unwrap();
    w.advance(1);
    let set = w.op.set_absence(&anne, ANNE, 0, absence("2026-11-21", "2026-11-25")).await.unwrap();
    assert!(set.set && set.in_force && set.text.as_deref().is_some_and(|t| t.contains("motdepasse-secret")));
    assert_eq!(code(w.op.set_absence(&anne, ANNE, 0, absence("2026-11-21", "2026-11-26")).await), "edit.conflict");
    assert!(!w.on_disk("motdepasse-secret"), "sealed");

    w.hand_over(BETA, PAUL, &[ANNE], &mail(PAUL, ANNE, "", 2)).await.unwrap();
    assert_eq!(answers(&w).await, 1);
    let mut out = take(&w, "beta.mssante.fr").await;
    assert_eq!((out.from.clone(), out.recipients[0].1.to_string()), (None, PAUL.to_owned()));
    let text = whole(&mut out).await;
    for part in [
        "Auto-Submitted: auto-replied\r\n",
        "X-Sceau-Absence: from=2026-11-21; until=2026-11-25\r\n",
        "In-Reply-To: <m2@beta.fr>\r\n",
        "References: <m2@beta.fr>\r\n",
        "motdepasse-secret",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains(&format!("<{ANNE}>")) && !text.contains("confidentiel"), "{text}");
    // Once a correspondent, whatever is repeated; and never to programs, lists, or who did not name the BAL.
    let queued = w.count("queue_entries").await;
    w.hand_over(BETA, PAUL, &[ANNE], &mail(PAUL, ANNE, "", 3)).await.unwrap();
    w.hand_over(
        BETA,
        "r@beta.mssante.fr",
        &[ANNE],
        &mail("r@beta.mssante.fr", ANNE, "Auto-Submitted: auto-replied\r\n", 4),
    )
    .await
    .unwrap();
    w.hand_over(BETA, "l@beta.mssante.fr", &[ANNE], &mail("l@beta.mssante.fr", ANNE, "List-Id: <l.beta.fr>\r\n", 5))
        .await
        .unwrap();
    w.hand_over(BETA, "b@beta.mssante.fr", &[ANNE], &mail("b@beta.mssante.fr", BRUNO, "", 6)).await.unwrap();
    w.hand_over(BETA, "no-reply@beta.mssante.fr", &[ANNE], &mail("no-reply@beta.mssante.fr", ANNE, "", 7))
        .await
        .unwrap();
    w.hand_over(BETA, "", &[ANNE], &mail("x@beta.mssante.fr", ANNE, "", 8)).await.unwrap();
    assert_eq!(answers(&w).await, 1);
    let again = "UPDATE absences SET seen = 0";
    w.store.write(move |tx| tx.execute(again, &[])).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    w.hand_over(BETA, PAUL, &[ANNE], &mail(PAUL, ANNE, "", 9)).await.unwrap();
    assert_eq!((answers(&w).await, w.count("queue_entries").await), (1, queued), "looked at again, answered once");
    // Two who are absent do not talk to each other.
    w.op.set_absence(&bruno, BRUNO, 0, absence("2026-11-21", "2026-11-25")).await.unwrap();
    w.submit(&bruno, BRUNO, &[ANNE], &mail(BRUNO, ANNE, "", 10)).await.unwrap();
    assert_eq!(answers(&w).await, 2);
    let inbox = w.inbox("bruno", BRUNO).await;
    assert_eq!((inbox.len(), inbox[0].starts_with("Return-Path: <>\r\n")), (1, true), "{inbox:?}");
    assert_eq!(answers(&w).await, 2);
    // What is over is over.
    w.advance(6 * 86_400);
    w.hand_over(GAMMA, "zoe@gamma.mssante.fr", &[ANNE], &mail("zoe@gamma.mssante.fr", ANNE, "", 11)).await.unwrap();
    assert_eq!(answers(&w).await, 2);
    let shown = w.op.absence(&anne, ANNE).await.unwrap();
    assert!(shown.set && !shown.in_force && shown.answered == 2, "{shown:?}");
    assert!(!w.op.end_absence(&anne, ANNE, shown.version).await.unwrap().set);
    assert_eq!(code(w.op.end_absence(&anne, ANNE, shown.version).await), "admin.not_found");
    w.advance(31 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!((w.count("absences").await, w.count("absence_answers").await), (0, 0), "forgotten");
    assert_eq!(w.traces("bal.absence").await.len(), 2);
}

#[tokio::test]
async fn the_absent_answer_once_sqlite() {
    absent(sceau_store::testing::sqlite().await).await;
}

#[tokio::test]
async fn the_absent_answer_once_postgres() {
    absent(sceau_store::testing::postgres().await).await;
}

/// One act (a program that marks everything as read) gives one modseq to more than is looked at in one go: whoever came among them is answered.
#[tokio::test]
async fn what_one_act_changed_together_is_looked_at_whole() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    w.op.set_absence(&anne, ANNE, 0, absence("2026-11-21", "2026-11-25")).await.unwrap();
    w.hand_over(BETA, PAUL, &[ANNE], &mail(PAUL, ANNE, "", 1)).await.unwrap();
    assert_eq!(answers(&w).await, 1);
    w.hand_over(GAMMA, "zoe@gamma.mssante.fr", &[ANNE], &mail("zoe@gamma.mssante.fr", ANNE, "", 2)).await.unwrap();
    let together = move |tx: &mut dyn sceau_store::Tx| {
        let last = tx.query_opt("SELECT MAX(modseq) FROM entries", &[])?.map_or(Ok(0), |r| r.int(0))?;
        for uid in 1_000..1_250_i64 {
            let sql = "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, internal_date, size) \
                       SELECT folder_id, $1, bal_id, message_id, $2, flags, internal_date, size FROM entries WHERE uid = 1";
            tx.execute(sql, sceau_store::params![uid, last])?;
        }
        tx.execute("UPDATE entries SET uid = 5000 WHERE uid = 2", &[])
    };
    w.store.write(together).await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    assert_eq!(answers(&w).await, 2, "behind two hundred and fifty others of the same act");
    let rows =
        w.store.read(|tx| tx.query_opt("SELECT (SELECT seen FROM absences), MAX(modseq) FROM entries", &[])).await;
    let row = rows.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")).unwrap();
    assert_eq!(row.int(0).ok(), row.int(1).ok(), "all of it was looked at");
}

#[tokio::test]
async fn tests_are_answered_with_what_was_seen() {
    let w = World::with(|_| {}).await;
    let (to, test) = (format!("{RESPONDER}@alpha.mssante.fr"), "t@essai.beta.mssante.fr");
    let judge = async |from: &str| {
        w.op.mx_recipient(&peer(BETA), Some(&addr(from)), &addr(&to), 0, None, &origin(sceau_operator::Door::Mx)).await
    };
    judge(test).await.unwrap();
    assert_eq!(code(judge(PAUL).await), "exchange.test", "by default only tests");
    let text = mail(test, &to, "X-MSS-NIL: DEV935997\r\nX-MSS-Inconnu: x\r\n", 1);
    let send = async |text: &str| w.hand_over(BETA, test, &[to.as_str()], text).await.unwrap();
    send(&text).await;
    send(&text).await;
    assert_eq!(
        (w.count("queue_entries").await, w.traces("mail.repeated").await.len()),
        (1, 1),
        "a repetition is answered once"
    );
    let mut out = take(&w, "essai.beta.mssante.fr").await;
    let answer = sceau_testkit::relay::unfolded(&whole(&mut out).await);
    assert_eq!((out.from.clone(), out.recipients[0].1.to_string()), (None, test.to_owned()));
    for part in [
        "Auto-Submitted: auto-replied",
        BETA,
        "TLSv1.3",
        "X-MSS-NIL: DEV935997",
        "X-MSS-Inconnu",
        "client.exemple.fr",
        "-- English --",
        "In-Reply-To: <m1@beta.fr>",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    assert!(!answer.contains("Texte 1"), "the content is not sent back");
    assert_eq!(w.count("messages").await, 0, "nothing is kept");
    // Programs are not answered, nor is a flood.
    send(&mail(test, &to, "Auto-Submitted: auto-replied\r\n", 2)).await;
    assert_eq!(w.count("queue_entries").await, 1);
    for n in 0..u32::try_from(TESTS_AN_HOUR).unwrap() + 5 {
        send(&mail(test, &to, "", 100 + n)).await;
    }
    assert_eq!(w.count("queue_entries").await, TESTS_AN_HOUR);
    // Our own test BAL, by submission; a person's BAL may not.
    let (own, anne) = (w.actor("anne", "essai.medecin@alpha.mssante.fr").await, w.actor("anne", ANNE).await);
    w.submit(&own, "essai.medecin@alpha.mssante.fr", &[&to], &mail("essai.medecin@alpha.mssante.fr", &to, "", 3))
        .await
        .unwrap();
    let inbox = w.inbox("anne", "essai.medecin@alpha.mssante.fr").await;
    assert_eq!((inbox.len(), inbox[0].contains("auto-replied")), (1, true), "{inbox:?}");
    assert_eq!(code(w.submit(&anne, ANNE, &[&to], &mail(ANNE, &to, "", 4)).await), "exchange.test");
    // Nobody, when the operator says so.
    let w = World::with(|c| c.notices.test_responder = Answers::Nobody).await;
    let judged =
        w.op.mx_recipient(&peer(BETA), Some(&addr(test)), &addr(&to), 0, None, &origin(sceau_operator::Door::Mx)).await;
    assert_eq!(code(judged), "rcpt.unknown");
}
