//! What administrators may do and see, and what of it is traced.
use sceau_domain::{BalKind, DomainKind, RefusalCode};
use sceau_operator::Door;
use sceau_operator::accounts::NewBal;
use sceau_operator::traces::TraceFilter;
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

async fn consulted(w: &World) -> i64 {
    let counted = w.store.read(|tx| {
        tx.query_opt("SELECT COUNT(*) FROM traces WHERE act = 'trace.listed'", &[])?.expect("a count").int(0)
    });
    counted.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"))
}

#[tokio::test]
async fn reading_the_log_is_traced_and_following_it_is_not() {
    let w = World::new().await;
    let ask = async |after| {
        let filter = TraceFilter { after, ..TraceFilter::default() };
        w.op.traces(&w.admin, &filter).await.unwrap()
    };
    let newest = ask(None).await[0].id;
    assert_eq!(consulted(&w).await, 1);
    assert!(!ask(Some(newest)).await.is_empty());
    assert_eq!(consulted(&w).await, 1, "following");
    ask(Some(0)).await;
    assert_eq!(consulted(&w).await, 2, "all of it, from the beginning, is no following");
    w.advance(3_600);
    ask(Some(newest)).await;
    assert_eq!(consulted(&w).await, 3, "an hour of it neither");
    assert!(ask(Some(i64::MAX)).await.is_empty());
    assert_eq!(consulted(&w).await, 3);
    // That there is nothing about something is told, too.
    let nothing = TraceFilter { after: Some(0), actor: Some("personne".into()), ..TraceFilter::default() };
    assert!(w.op.traces(&w.admin, &nothing).await.unwrap().is_empty());
    assert_eq!(consulted(&w).await, 4);
}

#[tokio::test]
async fn a_trace_looked_at_by_itself_is_traced_however_young_it_is() {
    let w = World::new().await;
    let newest = w.op.traces(&w.admin, &TraceFilter::default()).await.unwrap()[0].id;
    assert_eq!(consulted(&w).await, 1);
    assert_eq!(w.op.trace(&w.admin, newest).await.unwrap().id, newest);
    assert_eq!(consulted(&w).await, 2);
    assert_eq!(code(w.op.trace(&w.admin, 5).await), "admin.not_found");
    let anne = w.actor("anne", ANNE).await;
    assert_eq!(code(w.op.trace(&anne, newest).await), "right.missing");
    assert_eq!(consulted(&w).await, 2, "who sees nothing has consulted nothing");
}

#[tokio::test]
async fn nothing_is_opened_on_a_domain_whose_local_parts_are_health_numbers() {
    let w = World::new().await;
    w.op.add_domain(&w.admin, "patient.mssante.fr".parse().unwrap(), DomainKind::Patients).await.unwrap();
    for kind in [BalKind::Per, BalKind::Usager] {
        let bal = NewBal::new(addr("180017500000134@patient.mssante.fr"), kind, "Exemple", &["anne"]);
        assert_eq!(code(w.op.add_bal(&w.admin, bal).await), "admin.invalid");
    }
    assert!(!w.on_disk("180017500000134"));
}

#[tokio::test]
async fn only_an_administrator_asks_for_the_white_list_and_the_trace_says_who() {
    let w = World::new().await;
    let anne = w.actor("anne", ANNE).await;
    // Everybody whom a door can bring is a person: ourselves (`Who::System`) are the jobs, which may do what they are made for and are not asked here.
    assert_eq!(code(w.op.ask_white_list(&anne).await), "right.missing");
    assert_eq!(w.count("(SELECT 1 FROM traces WHERE act = 'white_list.asked') AS asked").await, 0, "nothing was begun");
    // No source is configured here.
    assert_eq!(code(w.op.ask_white_list(&w.admin).await), "admin.invalid");
    assert_eq!(w.traces("white_list.asked").await[0].actor, "root");
}

#[tokio::test]
async fn an_account_that_is_no_administrator_leaves_a_trace() {
    let w = World::new().await;
    w.op.trace_refusal(None, &RefusalCode::RightMissing.into(), &origin(Door::Admin)).await;
    let trace = w.traces("admin.refused").await.pop().expect("traced");
    assert_eq!((trace.outcome.as_str(), trace.session.as_deref()), ("right.missing", Some("s1")));
}
