//! One's own activity, choices.
use super::{ANNE, House, SERVICE};
use sceau_identity::factor::Factor;
use sceau_operator::desk::activity::{Of, SHOWN};
use sceau_operator::desk::choices::Choices;
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::code;

each_engine!(
    whoever_answers_for_a_bal_sees_what_colleagues_did_there,
    pages_of_acts_follow_one_another,
    choices_are_kept_for_their_person,
);

async fn whoever_answers_for_a_bal_sees_what_colleagues_did_there(h: House) {
    let (op, store) = (&h.0.op, &h.0.store);
    let anne = signed_in(op, store, "anne", &[Factor::Card]).await.1;
    let bruno = signed_in(op, store, "bruno", &[Factor::Card]).await.1;
    let seated = op.sit(&bruno, h.id(SERVICE).await).await.unwrap();
    let _ = sceau_testkit::folder(op, &seated, "INBOX").await;
    let seen = op.own_activity(&anne, Of::Bals, None).await.unwrap();
    let done = |act: &str| seen.rows.iter().any(|r| r.act == act && !r.mine && r.bal.as_deref() == Some(SERVICE));
    assert!(done("login.ok") && done("folder.opened"), "{:#?}", seen.rows);
    assert!(seen.rows.iter().all(|r| SHOWN.contains(&r.act.as_str()) && r.refused.is_none()));
    assert!(seen.rows.is_sorted_by(|a, b| a.at >= b.at) && seen.until >= seen.from);
    // At one of them, and at no other one's.
    let (service, own) = (h.id(SERVICE).await, h.id(ANNE).await);
    assert!(
        seen.bals.contains(&(service, SERVICE.into())) && seen.bals.contains(&(own, ANNE.into())),
        "{:?}",
        seen.bals
    );
    let at = op.own_activity(&anne, Of::Bal(service), None).await.unwrap().rows;
    assert!(!at.is_empty() && at.iter().all(|r| r.bal.as_deref() == Some(SERVICE)), "{at:#?}");
    assert_eq!(code(op.own_activity(&bruno, Of::Bal(service), None).await), "admin.not_found");
    // A colleague who manages nothing there sees his own acts, and no more.
    let others = op.own_activity(&bruno, Of::Bals, None).await.unwrap();
    assert!(!others.rows.iter().any(|r| r.bal.as_deref() == Some(SERVICE)), "{:#?}", others.rows);
    assert!(!others.rows.iter().any(|r| r.bal.as_deref() == Some(ANNE)));
    let own = op.own_activity(&bruno, Of::Mine, None).await.unwrap();
    assert!(own.rows.iter().all(|r| r.mine) && own.rows.iter().any(|r| r.act == "folder.opened"));
    // Looking is an act too.
    let own = op.own_activity(&anne, Of::Mine, None).await.unwrap();
    assert!(own.rows.iter().any(|r| r.act == "activity.listed"));
    // What the operator does of its own duties is not told at a BAL.
    assert!(!SHOWN.iter().any(|act| act.starts_with("hold.") || act.starts_with("trace.")));
    // An administrative role shows nothing of a BAL here: whoever has one sees what is his own, as everybody does.
    let admin = op.own_activity(&h.0.admin, Of::Bals, None).await.unwrap();
    assert_eq!(admin.rows, Vec::new());
    op.block_person(&h.0.admin, "bruno", "enquête").await.unwrap();
    assert_eq!(code(op.own_activity(&bruno, Of::Mine, None).await), "right.missing");
}

async fn pages_of_acts_follow_one_another(h: House) {
    let op = &h.0.op;
    let anne = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await.1;
    for n in 0..110 {
        op.choose_language(&anne, if n % 2 == 0 { "fr" } else { "en" }).await.unwrap();
    }
    let first = op.own_activity(&anne, Of::Mine, None).await.unwrap();
    assert_eq!(first.rows.len(), 100);
    let next = op.own_activity(&anne, Of::Mine, first.before).await.unwrap();
    let chosen = |rows: &[sceau_operator::desk::activity::ActivityView]| {
        rows.iter().filter(|r| r.act == "notice.language").count()
    };
    // The first listing stands in the log since; each act once.
    assert_eq!(chosen(&first.rows) + chosen(&next.rows), 110);
    assert_eq!(next.before, None, "nothing is older than the person");
}

async fn choices_are_kept_for_their_person(h: House) {
    let (op, store) = (&h.0.op, &h.0.store);
    let anne = signed_in(op, store, "anne", &[Factor::Card]).await.1;
    let bruno = signed_in(op, store, "bruno", &[Factor::Card]).await.1;
    assert_eq!(op.desk_choices(&anne).await.unwrap(), Choices::default());
    let chosen = Choices { undo_seconds: Some(20), oldest_first: true, keys: false, ..Choices::default() };
    op.set_desk_choices(&anne, &Choices::default()).await.unwrap();
    op.set_desk_choices(&anne, &chosen).await.unwrap();
    assert_eq!(op.desk_choices(&anne).await.unwrap(), chosen);
    assert_eq!(op.desk_choices(&bruno).await.unwrap(), Choices::default());
    let long = Choices { undo_seconds: Some(31), ..chosen.clone() };
    assert_eq!(code(op.set_desk_choices(&anne, &long).await), "admin.invalid");
    assert_eq!(op.desk_choices(&anne).await.unwrap(), chosen);
}
