//! "Who could read this BAL on 3 March?", and who did what with it.
use crate::access::*;
use sceau_domain::Timestamp;
use sceau_domain::calendar::{Calendar, Hours, Territory};

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

    // Ten years after somebody left, which terms he accepted goes; that he could read does not.
    w.advance(11 * 365 * 86_400);
    let forget = "DELETE FROM acceptances WHERE person_id = (SELECT id FROM people WHERE login = 'bruno')";
    w.store.write(move |tx| tx.execute(forget, &[])).await.map_err(|e: sceau_store::StoreError| e).unwrap();
    for (at, who) in &seen {
        let said = w.op.readers(&w.admin, SERVICE, *at).await.unwrap();
        assert_eq!(said.readers.iter().map(|a| a.login.as_str()).collect::<Vec<_>>(), *who, "at {at:?}, later");
    }
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

/// A right that began and ended within one day is not overlooked, and the day is the place's: it has 23, 24 or 25 hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_says_who_could_read_and_when() {
    let w = house(sceau_store::testing::sqlite().await).await;
    let now = || w.op.clock().now();
    let calendar = Calendar::new(Territory::Metropole, Hours::default(), []);
    let day_of = |at: Timestamp| {
        let date = calendar.date_at(at);
        (date.to_string(), (at.0 - calendar.bounds(date).unwrap().0.0) / 60_000)
    };
    // To the morning of another day.
    let (_, minute) = day_of(now());
    w.advance((1440 - minute + 8 * 60) * 60);
    let (day, _) = day_of(now());
    let began = now();
    give(&w, "chloe", AccessRole::Member, &[]).await.unwrap();
    w.advance(3600);
    w.op.block_person(&w.admin, "chloe", "Enquête").await.unwrap();
    w.advance(600);
    w.op.release_person(&w.admin, "chloe", "Fin").await.unwrap();
    w.advance(3600);
    w.op.end_access(&w.admin, SERVICE, "chloe", None).await.unwrap();
    let ended = now();
    w.advance(2 * 86_400);
    let said = w.op.readers_of_day(&w.admin, SERVICE, &day).await.unwrap();
    assert_eq!((said.zone.as_str(), said.until.0 - said.from.0), ("Europe/Paris", DAY));
    let of = |login: &str| said.readers.iter().find(|r| r.access.login == login).map(|r| r.times.clone());
    let chloe: Vec<_> = of("chloe").unwrap().iter().map(|t| (t.from.0, t.until.0)).collect();
    assert_eq!(chloe, [(began.0, began.0 + 3_600_000), (began.0 + 4_200_000, ended.0)]);
    assert_eq!(of("bruno").unwrap(), [sceau_operator::grants::Stretch { from: said.from, until: said.until }]);
    let next = w.op.readers_of_day(&w.admin, SERVICE, &day_of(now()).0).await.unwrap();
    assert!(next.readers.iter().all(|r| r.access.login != "chloe"));
    // Clocks go back: a long day. Before it was opened: nobody. No day, far days: refused.
    let long = w.op.readers_of_day(&w.admin, SERVICE, "2020-10-25").await.unwrap();
    assert_eq!((long.until.0 - long.from.0, long.readers.len()), (25 * 3_600_000, 0));
    for wrong in ["2026-02-30", "2026-3-3", "hier", "1969-12-31", "+2026-03-0"] {
        assert_eq!(code(w.op.readers_of_day(&w.admin, SERVICE, wrong).await), "admin.invalid", "{wrong}");
    }
    // The past is for whoever answers for the BAL: a member sees who is there, and no more.
    let (anne, bruno) = (api(&w, "anne").await, api(&w, "bruno").await);
    assert_eq!(w.op.readers_of_day(&anne, SERVICE, &day).await.unwrap().readers.len(), said.readers.len());
    assert_eq!(code(w.op.readers_of_day(&bruno, SERVICE, &day).await), "right.missing");
    assert_eq!(code(w.op.readers(&bruno, SERVICE, now()).await), "right.missing");
    assert_eq!(code(w.op.access_history(&bruno, SERVICE, None, 10).await), "right.missing");
    assert_eq!(w.op.accesses(&bruno, SERVICE).await.unwrap().len(), 2);
    // Who could read by a disclosure is for those who may see disclosures; nobody here did.
    assert_eq!(
        (said.disclosed.as_deref(), w.op.readers_of_day(&anne, SERVICE, &day).await.unwrap().disclosed),
        (Some(&[][..]), None)
    );
    // Terms that nobody had accepted shut the doors, and the past says so.
    let sql = "UPDATE acceptances SET at = at + $1 WHERE person_id = (SELECT id FROM people WHERE login = 'bruno')";
    let shift = now().0;
    let done = w.store.write(move |tx| tx.execute(sql, sceau_store::params![shift]));
    done.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let said = w.op.readers_of_day(&w.admin, SERVICE, &day).await.unwrap();
    assert!(said.readers.iter().all(|r| r.access.login != "bruno"), "not accepted then");
}

/// Delegations stay within the delay that is set for the place, and a delegate sees no other delegate.
#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_has_the_bounds_of_its_place_and_its_own_sight() {
    let w = house(sceau_store::testing::sqlite().await).await;
    let anne = api(&w, "anne").await;
    w.op.set_policy(&w.admin, "bal", ANNE, "delegation_days", 29).await.unwrap();
    let refused = w.op.give_delegation(&anne, delegation(&w, "bruno")).await.expect_err("thirty days");
    assert_eq!(refused.code.as_str(), "access.dates");
    assert!(refused.args.iter().any(|(n, v)| *n == "limit" && v == "29"), "{refused:?}");
    w.op.set_policy(&w.admin, "bal", ANNE, "delegation_days", 30).await.unwrap();
    for login in ["bruno", "chloe"] {
        w.op.give_delegation(&anne, delegation(&w, login)).await.unwrap();
    }
    let seen = |who: sceau_operator::Actor| {
        let op = w.op.clone();
        async move { op.accesses(&who, ANNE).await.unwrap().into_iter().map(|a| a.login).collect::<Vec<_>>() }
    };
    assert_eq!(seen(api(&w, "bruno").await).await, ["anne", "bruno"]);
    assert_eq!(seen(anne).await, ["anne", "bruno", "chloe"]);
    // She chooses nothing for the holder.
    let choice = sceau_operator::accounts::BalChoices { red_list: Some(true), ..Default::default() };
    assert_eq!(code(w.op.choose_for_bal(&api(&w, "bruno").await, ANNE, 1, choice).await), "right.missing");
}
