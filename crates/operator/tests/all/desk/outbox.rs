//! What leaves: once, at its time, unless it is held back.
use super::letters::{BRUNO, typed};
use super::{ANNE, House, SERVICE};
use sceau_domain::{AccessRole, Lang, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::letters::{Draft, DraftState, Start};
use sceau_operator::grants::NewAccess;
use sceau_operator::mailbox::entries::Flags;
use sceau_store::testing::START;
use sceau_store::{StoreError, Tx};
use sceau_testkit::world::{World, code, letter};
use serde_json::json;

each_engine!(
    a_letter_leaves_after_the_seconds_in_which_it_can_be_held_back,
    what_is_held_back_is_a_draft_again,
    a_time_is_kept,
    what_cannot_receive_is_told_at_once,
    what_cannot_leave_any_more_stays_with_why,
    what_nobody_can_send_any_more_is_traced,
    a_file_that_has_not_arrived_holds_its_letter_back,
    two_nodes_send_once,
    an_answer_marks_what_it_answers,
);

impl House {
    async fn state(&self, actor: &Actor, id: i64) -> DraftState {
        self.0.op.read_draft(actor, id).await.unwrap().state
    }
}

async fn a_letter_leaves_after_the_seconds_in_which_it_can_be_held_back(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let draft = Draft { cc: ANNE.into(), bcc: "paul@beta.mssante.fr".into(), ..typed(BRUNO, "bilan") };
    let view = h.writes(&anne, draft).await;
    op.file_draft(&anne, view.id).await.unwrap();
    let sending = op.send_draft(&anne, view.id, view.version, None).await.unwrap();
    assert!(!sending.scheduled);
    op.run_due_jobs().await.unwrap();
    assert_eq!(h.state(&anne, view.id).await, DraftState::Leaving);
    assert!(h.0.inbox("bruno", BRUNO).await.is_empty());
    // It is neither changed nor sent again meanwhile.
    assert_eq!(code(op.save_draft(&anne, view.id, 2, typed(BRUNO, "x")).await), "draft.leaving");
    assert_eq!(code(op.send_draft(&anne, view.id, 2, None).await), "draft.leaving");
    assert_eq!(code(op.drop_draft(&anne, view.id).await), "draft.leaving");
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    let inbox = h.0.inbox("bruno", BRUNO).await;
    assert_eq!(inbox.len(), 1);
    assert!(inbox[0].contains("Subject: bilan\r\n") && !inbox[0].contains("Bcc"), "{}", inbox[0]);
    assert!(
        inbox[0].contains(" with HTTP id ") && inbox[0].contains("Date: Sat, 21 Nov 2026 10:00:10 +0000\r\n"),
        "{}",
        inbox[0]
    );
    assert_eq!(h.0.inbox("anne", ANNE).await.len(), 1, "her copy");
    let sent = h.0.folder("anne", ANNE, "Sent").await;
    assert!(sent.len() == 1 && sent[0].contains("Bcc: paul@beta.mssante.fr\r\n"), "{sent:?}");
    assert!(h.0.folder("anne", ANNE, "Drafts").await.is_empty());
    assert_eq!((h.0.count("drafts").await, h.0.count("queue_entries").await), (0, 1));
    let trace = h.0.traces("mail.submitted").await.remove(0);
    assert_eq!(
        (trace.actor.as_str(), trace.bal.as_deref(), trace.session),
        ("anne", Some(ANNE), Some(anne.origin.session.clone()))
    );
    assert_eq!(code(op.cancel_sending(&anne, view.id).await), "outbox.gone");
}

async fn what_is_held_back_is_a_draft_again(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(BRUNO, "trop vite")).await;
    op.send_draft(&anne, view.id, 1, None).await.unwrap();
    let held = op.cancel_sending(&anne, view.id).await.unwrap();
    assert_eq!((held.state, held.draft.subject.as_str()), (DraftState::Open, "trop vite"));
    h.0.advance(60);
    op.run_due_jobs().await.unwrap();
    assert!(h.0.inbox("bruno", BRUNO).await.is_empty());
    assert_eq!(h.0.traces("mail.held_back").await.len(), 1);
    // It goes when it is sent again, with what was changed meanwhile.
    let view = op.save_draft(&anne, view.id, held.version, typed(BRUNO, "mieux")).await.unwrap();
    op.send_draft(&anne, view.id, view.version, None).await.unwrap();
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    let inbox = h.0.inbox("bruno", BRUNO).await;
    assert!(inbox.len() == 1 && inbox[0].contains("Subject: mieux\r\n"), "{inbox:?}");
}

async fn a_time_is_kept(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(BRUNO, "demain")).await;
    let now = START;
    for wrong in [now, now.plus_ms(-1), now.plus_ms(366 * 86_400_000)] {
        assert_eq!(code(op.send_draft(&anne, view.id, 1, Some(wrong)).await), "admin.invalid");
    }
    let tomorrow = now.plus_ms(86_400_000);
    assert!(op.send_draft(&anne, view.id, 1, Some(tomorrow)).await.unwrap().scheduled);
    assert_eq!(h.0.traces("mail.scheduled").await.len(), 1);
    // Held back, then sent for later still: the first time brings nothing.
    let held = op.cancel_sending(&anne, view.id).await.unwrap();
    op.send_draft(&anne, view.id, held.version, Some(tomorrow.plus_ms(3_600_000))).await.unwrap();
    h.0.advance(86_400);
    op.run_due_jobs().await.unwrap();
    assert_eq!(h.state(&anne, view.id).await, DraftState::Leaving);
    h.0.advance(3_600);
    op.run_due_jobs().await.unwrap();
    let inbox = h.0.inbox("bruno", BRUNO).await;
    assert!(inbox.len() == 1 && inbox[0].contains("Date: Sun, 22 Nov 2026 11:00:00 +0000\r\n"), "{inbox:?}");
}

async fn what_cannot_receive_is_told_at_once(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let send = async |to: &str| {
        let view = h.writes(&anne, typed(to, "x")).await;
        let sent = op.send_draft(&anne, view.id, 1, None).await;
        assert_eq!(h.state(&anne, view.id).await, DraftState::Open, "{to}");
        code(sent)
    };
    assert_eq!(send("").await, "rcpt.none");
    assert_eq!(send("inconnue@alpha.mssante.fr").await, "rcpt.unknown");
    assert_eq!(send(&format!("{BRUNO}, bruno")).await, "rcpt.syntax");
    let many: String = (0..41).map(|n| format!("p{n}@beta.mssante.fr,")).collect();
    assert_eq!(send(&many).await, "rcpt.too_many");
    let outside = send("quelqu.un@exemple.org").await;
    let fields = [BRUNO, "quelqu.un@exemple.org, bruno, BRUNO.petit@alpha.mssante.fr"];
    let verdicts = op.look_at_recipients(&anne, &fields, 100, true).await.unwrap();
    let told: Vec<(&str, Option<&str>)> =
        verdicts.iter().map(|v| (v.text.as_str(), v.why.as_ref().map(|r| r.code.as_str()))).collect();
    assert_eq!(
        told,
        [(BRUNO, None), ("quelqu.un@exemple.org", Some(outside)), ("bruno", Some("rcpt.syntax"))],
        "whoever stands twice is judged once"
    );
    assert!(h.0.traces("mail.refused").await.is_empty(), "looking leaves no trace");
}

async fn what_cannot_leave_any_more_stays_with_why(h: House) {
    let op = &h.0.op;
    let bruno = h.sits("bruno", SERVICE).await;
    let view = h.writes(&bruno, typed(ANNE, "relève")).await;
    op.send_draft(&bruno, view.id, 1, None).await.unwrap();
    op.end_access(&h.0.admin, SERVICE, "bruno", None).await.unwrap();
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    assert!(h.0.inbox("anne", ANNE).await.is_empty());
    // It is traced as of his session, without a word of it.
    let trace = h.0.traces("mail.unsent").await.remove(0);
    let by = (trace.actor.as_str(), trace.bal.as_deref(), trace.outcome.as_str(), trace.session.as_deref());
    assert_eq!(by, ("bruno", Some(SERVICE), "right.missing", Some(bruno.origin.session.as_str())));
    assert_eq!(trace.data, json!({ "draft": view.id }));
    // Who manages the BAL sees that something did not leave, and why; who works there does not, nor anybody elsewhere.
    let (anne, own) = (h.sits("anne", SERVICE).await, h.sits("anne", ANNE).await);
    let unsent = op.unsent(&anne).await.unwrap();
    assert_eq!(unsent.iter().map(|one| one.why).collect::<Vec<_>>(), [Some(RefusalCode::RightMissing)]);
    assert!(!unsent[0].name.is_empty());
    let member = NewAccess {
        login: "chloe".into(),
        role: AccessRole::Member,
        rights: None,
        starts: None,
        ends: None,
        reason: None,
    };
    op.give_access(&h.0.admin, SERVICE, member).await.unwrap();
    for other in [&h.sits("chloe", SERVICE).await, &own] {
        assert!(op.unsent(other).await.unwrap().is_empty());
    }
    // His colleagues gave it back: he sees what did not leave, and why.
    let role = AccessRole::Member;
    let again = NewAccess { login: "bruno".into(), role, rights: None, starts: None, ends: None, reason: None };
    op.give_access(&h.0.admin, SERVICE, again).await.unwrap();
    let bruno = h.sits("bruno", SERVICE).await;
    let failed = op.read_draft(&bruno, view.id).await.unwrap();
    assert_eq!(failed.state, DraftState::Failed);
    assert!(failed.why(Lang::Fr).is_some_and(|why| !why.is_empty()) && failed.why(Lang::Fr) != failed.why(Lang::En));
    op.send_draft(&bruno, view.id, failed.version, None).await.unwrap();
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    assert_eq!(h.0.inbox("anne", ANNE).await.len(), 1);
    assert!(op.unsent(&anne).await.unwrap().is_empty());
}

async fn what_nobody_can_send_any_more_is_traced(h: House) {
    let op = &h.0.op;
    let bruno = h.sits("bruno", SERVICE).await;
    let set = async |sql: String| {
        let set = move |tx: &mut dyn Tx| tx.execute(&sql, &[]);
        h.0.store.write(set).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    };
    let service = h.id(SERVICE).await;
    // The person ends, the BAL closes: each time between the order and its time.
    let ends = [
        (
            "UPDATE people SET disabled = 1 WHERE login = 'bruno'",
            "UPDATE people SET disabled = NULL WHERE login = 'bruno'",
        ),
        ("UPDATE bals SET state = 'closed' WHERE id = {}", "UPDATE bals SET state = 'active' WHERE id = {}"),
    ];
    for (n, (ends, begins)) in ends.into_iter().enumerate() {
        let view = h.writes(&bruno, typed(ANNE, "relève")).await;
        op.send_draft(&bruno, view.id, 1, None).await.unwrap();
        set(ends.replace("{}", &service.to_string())).await;
        h.0.advance(10);
        op.run_due_jobs().await.unwrap();
        let traces = h.0.traces("mail.unsent").await;
        assert_eq!(traces.len(), n + 1, "{ends}");
        let trace = traces.iter().find(|t| t.data == json!({ "draft": view.id })).unwrap();
        assert_eq!((trace.bal.as_deref(), trace.outcome.as_str()), (Some(SERVICE), "right.missing"), "{ends}");
        set(begins.replace("{}", &service.to_string())).await;
        assert_eq!(h.state(&bruno, view.id).await, DraftState::Failed);
    }
    assert!(h.0.inbox("anne", ANNE).await.is_empty());
}

async fn a_file_that_has_not_arrived_holds_its_letter_back(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(BRUNO, "bilan")).await;
    let file = op.begin_upload(&anne, view.id, "bilan.csv", "text/csv", Some(3)).await.unwrap();
    op.push_piece(&anne, file.id, 0, b"1;2").await.unwrap();
    op.send_draft(&anne, view.id, view.version, None).await.unwrap();
    // As one that another window began in between.
    let begun = |tx: &mut dyn Tx| tx.execute("UPDATE uploads SET size = 4", &[]);
    h.0.store.write(begun).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    assert!(h.0.inbox("bruno", BRUNO).await.is_empty(), "a part of it was sent");
    let told = op.read_draft(&anne, view.id).await.unwrap();
    assert!(told.state == DraftState::Failed && told.why(Lang::Fr).is_some(), "{told:?}");
}

async fn two_nodes_send_once(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let other = h.0.restarted().await;
    for n in 0..3 {
        let view = h.writes(&anne, typed(BRUNO, &format!("lettre {n}"))).await;
        op.send_draft(&anne, view.id, 1, None).await.unwrap();
    }
    h.0.advance(10);
    let (one, two) = tokio::join!(op.run_due_jobs(), other.run_due_jobs());
    one.unwrap();
    two.unwrap();
    assert_eq!(h.0.inbox("bruno", BRUNO).await.len(), 3);
    assert_eq!(h.0.folder("anne", ANNE, "Sent").await.len(), 3);
    assert!(op.drafts(&anne).await.unwrap().is_empty());
}

async fn an_answer_marks_what_it_answers(h: House) {
    let op = &h.0.op;
    let anne = h.sits("anne", ANNE).await;
    let email = h.email(&anne, &letter(&format!("Bruno <{BRUNO}>"), "question")).await;
    let all = [Start::Answer { email: email.clone(), all: true }, Start::Forward { email }];
    for start in &all {
        let view = h.starts(&anne, start, typed(BRUNO, "Re: question")).await;
        op.send_draft(&anne, view.id, 1, None).await.unwrap();
    }
    h.0.advance(10);
    op.run_due_jobs().await.unwrap();
    let flags = op.open_folder(&anne, "INBOX", true).await.unwrap().entries.remove(0).flags;
    assert!(flags.system.has(Flags::ANSWERED));
    assert!(flags.keywords.iter().any(|k| k.eq_ignore_ascii_case("$Forwarded")));
    let inbox = h.0.inbox("bruno", BRUNO).await;
    assert_eq!(inbox.iter().filter(|m| m.contains("In-Reply-To: <question@exemple.fr>\r\n")).count(), 1, "{inbox:?}");
    assert_eq!(inbox.iter().filter(|m| m.contains("References: <question@exemple.fr>\r\n")).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_later_counts_as_its_sessions() {
    let world = World::on(sceau_store::testing::sqlite().await, |c| c.abuse.thresholds.burst = 2).await;
    let (h, to) = (House(world), format!("{BRUNO}, paul@beta.mssante.fr"));
    let anne = h.sits("anne", ANNE).await;
    let view = h.writes(&anne, typed(&to, "rafale")).await;
    h.0.op.send_draft(&anne, view.id, view.version, None).await.unwrap();
    h.0.advance(10);
    h.0.op.run_due_jobs().await.unwrap();
    h.0.op.flush_abuse().await;
    h.0.op.flush_abuse().await;
    let cases = h.0.op.abuse_cases(&h.0.admin, Some("open"), None, 10).await.unwrap();
    let told: Vec<_> = cases.iter().map(|c| (c.kind.as_str(), c.login.as_deref(), c.bal.as_deref())).collect();
    assert_eq!(told, [("token", Some("anne"), Some(ANNE))]);
}
