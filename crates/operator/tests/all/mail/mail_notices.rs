//! Notices of new mail (F062, F065), their bounces (F032), a BAL that fills up, a planned maintenance (F064). On both engines.
use sceau_domain::tell::Mode;
use sceau_domain::{BalKind, Timestamp};
use sceau_operator::Door;
use sceau_operator::life::{Cause, CloseOrder};
use sceau_operator::notices::{Maintenance, NotTaken, NoticeChoice};
use sceau_store::StoreError;
use sceau_store::testing::TestStore;
use sceau_testkit::relay::{Played, unfolded};
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const SHARED: &str = "exploitation@alpha.mssante.fr";
const PAUL: &str = "paul.marqueur@beta.mssante.fr";
/// Stands wherever a message can hold something.
const MARK: &str = "MARQUEUR";

fn choice(mode: Mode) -> NoticeChoice {
    NoticeChoice { mode, hour: Some(8), quiet_from: None, quiet_until: None }
}

fn mail(n: u32) -> String {
    format!(
        "From: {MARK} Dupont <{PAUL}>\r\nTo: {MARK} <{ANNE}>\r\nSubject: {MARK} {n}\r\nX-MSS-INS: {MARK}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{MARK}{n}@beta.fr>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{MARK}\r\n\
         --b\r\nContent-Type: application/pdf; name=\"{MARK}.pdf\"\r\nContent-Disposition: attachment; filename=\"{MARK}.pdf\"\r\n\r\n{MARK}\r\n--b--\r\n"
    )
}

async fn verified(w: &World, login: &'static str) {
    let sql = "UPDATE people SET email = $1, email_verified = 1 WHERE login = $2";
    let set = move |tx: &mut dyn sceau_store::Tx| {
        tx.execute(sql, sceau_store::params![format!("{login}@exemple.org"), login])
    };
    w.store.write(set).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
}

async fn come(w: &World, to: &str, n: u32) {
    w.hand_over(BETA, PAUL, &[to], &mail(n)).await.unwrap();
}

fn report(status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@relais.exemple.fr\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; relais\r\n\r\nFinal-Recipient: rfc822; anne@exemple.org\r\nAction: failed\r\nStatus: {status}\r\n\r\n--b--\r\n"
    )
}

async fn notices(store: TestStore) {
    let w = World::on(store, |c| c.notices.bounces = Some("retours@exemple.fr".parse().unwrap())).await;
    let (relay, anne) = (Played::of(&w.op), w.actor("anne", ANNE).await);
    verified(&w, "anne").await;
    let due = async || {
        w.op.run_due_jobs().await.unwrap();
        relay.count("anne@exemple.org")
    };
    come(&w, ANNE, 0).await;
    assert_eq!(due().await, 0, "nobody chose it");
    let chloe = w.actor("chloe", "chloe.roux@alpha.mssante.fr").await;
    assert_eq!(code(w.op.choose_notices(&chloe, ANNE, choice(Mode::Daily)).await), "right.missing");
    w.op.choose_notices(&anne, ANNE, choice(Mode::AtOnce)).await.unwrap();
    w.op.choose_notices(&anne, SHARED, choice(Mode::Hourly)).await.unwrap();
    // However much comes: one.
    for n in 1..30 {
        come(&w, ANNE, n).await;
    }
    assert_eq!(due().await, 1);
    // It says nothing, in neither language, neither in the header nor below.
    let (_, message) = relay.taken().pop().unwrap();
    let said = unfolded(&message);
    for word in [MARK, "Dupont", "paul", "beta", "anne.martin", "pdf", "alpha.mssante.fr"] {
        assert!(!said.to_lowercase().contains(&word.to_lowercase()), "{word} in {said}");
    }
    assert!(said.contains("-- English --") && said.contains("Auto-Submitted: auto-generated"), "{said}");
    // Not twice within an hour; and not when somebody was there meanwhile.
    w.advance(600);
    come(&w, ANNE, 31).await;
    assert_eq!(due().await, 1);
    w.advance(3000);
    assert_eq!(due().await, 2);
    w.advance(60);
    come(&w, ANNE, 32).await;
    assert_eq!(due().await, 2);
    w.advance(1);
    assert!(!w.inbox("anne", ANNE).await.is_empty());
    w.advance(7200);
    assert_eq!(due().await, 2, "read meanwhile");
    // Two BALs at once are one notice, in the person's language first.
    w.op.choose_language(&anne, "en").await.unwrap();
    w.op.choose_notices(&anne, ANNE, choice(Mode::Hourly)).await.unwrap();
    for to in [ANNE, SHARED] {
        come(&w, to, 33).await;
    }
    assert_eq!(due().await, 2);
    w.advance(3600);
    assert_eq!(due().await, 3);
    assert!(unfolded(&relay.taken().pop().unwrap().1).contains("-- Fran"), "English first");

    // A bounce: only to what we wrote; a full mailbox says nothing of the address.
    let back: sceau_domain::Address = relay.reverse_paths().pop().unwrap().parse().unwrap();
    let notice = w.op.bounced_notice(&back).unwrap();
    for forged in ["retours@exemple.fr", "retours+1-00000000000000000000@exemple.fr", "anne@exemple.fr"] {
        assert_eq!(code(w.op.bounced_notice(&addr(forged))), "rcpt.unknown", "{forged}");
    }
    let by = origin(Door::System);
    for harmless in [report("5.2.2"), report("4.1.1"), "Subject: absent\r\n\r\nStatus: 5.1.1\r\n".into()] {
        w.op.take_bounce(notice, harmless.as_bytes(), &by).await.unwrap();
    }
    assert_eq!(w.op.notices_of_person(&w.admin, "anne").await.unwrap().wrong_since, None);
    for _ in 0..2 {
        w.op.take_bounce(notice, report("5.1.1").as_bytes(), &by).await.unwrap();
    }
    let shown = w.op.notices_of_person(&w.admin, "anne").await.unwrap();
    assert!(
        shown.wrong_since.is_some() && !shown.reachable && shown.wrong_code.as_deref() == Some("5.1.1"),
        "{shown:?}"
    );
    assert_eq!(w.traces("person.email_wrong").await.len(), 1, "once");
    come(&w, ANNE, 40).await;
    w.advance(7200);
    assert_eq!(due().await, 3, "nothing goes to a wrong address");
    // F032: closed by an administrator, after the delay in working days, not before; never by itself.
    let order = || CloseOrder { cause: Cause::NotificationAddress, ..CloseOrder::unused("adresse fausse") };
    assert_eq!(code(w.op.close_bal(&w.admin, ANNE, order()).await), "state.wrong");
    w.advance(13 * 86_400);
    assert_eq!(code(w.op.close_bal(&w.admin, ANNE, order()).await), "state.wrong", "nine working days");
    w.advance(2 * 86_400);
    w.op.housekeeping().await.unwrap();
    assert_eq!(w.op.bal(&w.admin, ANNE).await.unwrap().state, "active");
    w.op.close_bal(&w.admin, ANNE, order()).await.unwrap();
}

#[tokio::test]
async fn notices_of_mail_say_nothing_and_come_back_sqlite() {
    notices(sceau_store::testing::sqlite().await).await;
}

#[tokio::test]
async fn notices_of_mail_say_nothing_and_come_back_postgres() {
    notices(sceau_store::testing::postgres().await).await;
}

/// Whoever reads more BALs than one page of what is due holds hears of them in one notice.
#[tokio::test]
async fn whoever_reads_many_bals_is_told_once() {
    let w = World::new().await;
    let (relay, anne) = (Played::of(&w.op), w.actor("anne", ANNE).await);
    verified(&w, "anne").await;
    // Ids go with the time: there is room between the two.
    w.advance(60);
    let later = "plus.tard@alpha.mssante.fr";
    w.bal(later, sceau_domain::BalKind::Org, &["anne"], |_| {}).await;
    for bal in [ANNE, later] {
        w.op.choose_notices(&anne, bal, choice(Mode::Hourly)).await.unwrap();
        come(&w, bal, 1).await;
    }
    w.op.run_due_jobs().await.unwrap();
    // Two hundred others between the two.
    let between = move |tx: &mut dyn sceau_store::Tx| {
        let first = tx.query_opt("SELECT MIN(bal_id), MAX(due) FROM mail_notices", &[])?.unwrap();
        for n in 1..=200 {
            let sql = "INSERT INTO mail_notices (bal_id, person_id, mode, hour, since, due) \
                       SELECT $1, person_id, mode, hour, since, due FROM mail_notices WHERE bal_id = $2";
            tx.execute(sql, sceau_store::params![first.int(0)? + n, first.int(0)?])?;
        }
        Ok(())
    };
    w.store.write(between).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    w.advance(3600);
    w.op.run_due_jobs().await.unwrap();
    assert_eq!(relay.count("anne@exemple.org"), 1);
}

#[tokio::test]
async fn a_bal_that_fills_up_and_a_maintenance_are_told() {
    let w = World::new().await;
    let relay = Played::of(&w.op);
    verified(&w, "anne").await;
    w.bal("petite@alpha.mssante.fr", BalKind::Org, &["anne"], |b| b.quota = Some(40_000)).await;
    let told = async || {
        w.op.run_due_jobs().await.unwrap();
        relay.count("anne@exemple.org")
    };
    let mut counts = Vec::new();
    for n in 0..60 {
        if w.hand_over(BETA, PAUL, &["petite@alpha.mssante.fr"], &mail(n)).await.is_err() {
            break;
        }
        counts.push(told().await);
    }
    assert_eq!((counts.first(), counts.last()), (Some(&0), Some(&2)), "once at 80 %, once at 95 %: {counts:?}");
    assert!(unfolded(&relay.taken()[0].1).contains("80") && !unfolded(&relay.taken()[0].1).contains("petite"));
    // F064.
    let now = w.op.clock().now();
    let planned = Maintenance { starts: now.plus_ms(86_400_000), ends: now.plus_ms(90_000_000), structure: None };
    assert_eq!(w.op.tell_of_maintenance(&w.admin, planned.clone()).await.unwrap().notices, 1);
    assert_eq!(told().await, 3);
    assert!(unfolded(&relay.taken()[2].1).contains("2026-11-22 11:00"), "{:?}", relay.taken()[2]);
    let anne = w.actor("anne", ANNE).await;
    assert_eq!(code(w.op.tell_of_maintenance(&anne, planned.clone()).await), "right.missing");
    let past = Maintenance { starts: Timestamp(now.0 - 1), ..planned };
    assert_eq!(code(w.op.tell_of_maintenance(&w.admin, past).await), "admin.invalid");
    // The relay's own no, at once.
    relay.answers(Err(NotTaken::Never("550 5.1.1".into())));
    w.op.tell_of_maintenance(
        &w.admin,
        Maintenance { starts: now.plus_ms(86_400_000), ends: now.plus_ms(90_000_000), structure: None },
    )
    .await
    .unwrap();
    told().await;
    assert_eq!(w.op.notices_of_person(&w.admin, "anne").await.unwrap().wrong_code.as_deref(), Some("550 5.1.1"));
}
