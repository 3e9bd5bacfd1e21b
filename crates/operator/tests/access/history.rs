//! "Who could read this BAL on 3 March?", and who did what with it.
use crate::*;
use sceau_domain::Timestamp;

on_both!(the_past_has_an_answer);

async fn the_past_has_an_answer(w: World) {
    let now = || w.op.clock().now();
    let began = now();
    w.advance(3600);
    let mut seen: Vec<(Timestamp, Vec<&str>)> = Vec::new();
    // Each step, and who can read right after it.
    give(&w, "chloe", AccessRole::Member, &["send"]).await.unwrap();
    seen.push((now(), vec!["anne", "bruno"]));
    w.advance(3600);
    w.op.block_person(&w.admin, "bruno", "Enquête").await.unwrap();
    seen.push((now(), vec!["anne"]));
    w.advance(3600);
    w.op.release_person(&w.admin, "bruno", "Fin").await.unwrap();
    seen.push((now(), vec!["anne", "bruno"]));
    w.advance(3600);
    w.op.suspend_bal(&w.admin, SERVICE, "Travaux").await.unwrap();
    seen.push((now(), vec![]));
    w.advance(3600);
    w.op.resume_bal(&w.admin, SERVICE, "Fin").await.unwrap();
    w.op.end_access(&w.admin, SERVICE, "bruno", None).await.unwrap();
    seen.push((now(), vec!["anne"]));
    w.advance(3600);
    let ends = Some(now().plus_ms(3_600_000));
    w.op.give_access(&w.admin, SERVICE, NewAccess { ends, ..new("bruno", AccessRole::Member, &[]) }).await.unwrap();
    seen.push((now(), vec!["anne", "bruno"]));
    w.advance(3601);
    seen.push((now(), vec!["anne"]));
    for (at, who) in &seen {
        let said = w.op.readers(&w.admin, SERVICE, *at).await.unwrap();
        let logins: Vec<&str> = said.readers.iter().map(|a| a.login.as_str()).collect();
        assert_eq!(logins, *who, "at {at:?}");
        // And until the next step.
        let said = w.op.readers(&w.admin, SERVICE, at.plus_ms(1000)).await.unwrap();
        assert_eq!(said.readers.len(), who.len(), "after {at:?}");
    }
    let stopped = w.op.readers(&w.admin, SERVICE, seen[3].0).await.unwrap();
    assert_eq!((stopped.state.as_str(), stopped.others.len()), ("suspended", 3));
    let before = w.op.readers(&w.admin, SERVICE, began.plus_ms(-3_600_000)).await.unwrap();
    assert!(before.readers.is_empty() && before.others.is_empty(), "before it was opened");
    assert_eq!(code(w.op.readers(&w.admin, SERVICE, Timestamp(-1)).await), "admin.invalid");
    assert_eq!(code(w.op.readers(&api(&w, "chloe").await, ANNE, now()).await), "right.missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_for_a_bal_sees_who_did_what() {
    let w = house(sceau_store::testing::sqlite().await).await;
    w.hand_over(BETA, "paul@beta.mssante.fr", &[SERVICE], &letter("paul@beta.mssante.fr", "x")).await.unwrap();
    let bruno = sign_in(&w, "bruno", SERVICE, Door::Imap).await.unwrap();
    let inbox = w.op.open_folder(&bruno, "INBOX", false).await.unwrap();
    w.op.open_message(&bruno, inbox.entries[0].message).await.unwrap();
    w.op.create_folder(&bruno, "Suivi", None).await.unwrap();
    w.op.delete_folder(&bruno, "Suivi").await.unwrap();
    w.submit(&bruno, SERVICE, &["paul@beta.mssante.fr"], &letter(SERVICE, "oui")).await.unwrap();
    // Somebody else's mail to the BAL is no act of a member.
    let chloe = w.actor("chloe", "chloe.roux@alpha.mssante.fr").await;
    w.submit(&chloe, "chloe.roux@alpha.mssante.fr", &[SERVICE], &letter("chloe.roux@alpha.mssante.fr", "y"))
        .await
        .unwrap();
    let anne = api(&w, "anne").await;
    let seen = w.op.activity(&anne, SERVICE, None, None).await.unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let of = &seen[0];
    assert_eq!((of.login.as_str(), of.logins, of.read, of.sent, of.filed, of.removed), ("bruno", 1, 2, 1, 1, 1));
    w.advance(60 * 86_400);
    assert!(w.op.activity(&anne, SERVICE, None, None).await.unwrap().is_empty(), "within thirty days");
    // Not for members, nor for three months at once.
    assert_eq!(code(w.op.activity(&api(&w, "bruno").await, SERVICE, None, None).await), "right.missing");
    let since = Some(Timestamp(w.op.clock().now().0 - 100 * DAY));
    assert_eq!(code(w.op.activity(&anne, SERVICE, since, None).await), "admin.invalid");
    // A member's acts say as what.
    let t = w.traces("folder.created").await.pop().unwrap();
    assert_eq!((t.actor.as_str(), &t.data["as"]), ("bruno", &serde_json::json!("member")));
}
