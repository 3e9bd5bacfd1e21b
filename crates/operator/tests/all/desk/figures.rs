//! What the console asks: whose its pages are, later work, how the service is.
use crate::rights::House;
use sceau_domain::{Timestamp, UseCase};
use sceau_operator::Actor;
use sceau_operator::desk::figures::Condition;
use sceau_operator::notary::NotarySettings;
use sceau_operator::rights::things::Thing;
use sceau_operator::traces::TraceFilter;
use sceau_store::jobs::{NewJob, enqueue};
use sceau_store::{StoreError, params};
use sceau_testkit::world::code;
use std::time::Duration;

each_engine!(
    pages_are_of_whoever_administers_something,
    what_a_page_leads_to_is_of_the_asker_s_place,
    later_work_and_health_are_shown_to_who_may_see_them,
    the_log_is_judged_for_who_may_prove_a_trace
);

async fn pages_are_of_whoever_administers_something(h: House) {
    let op = &h.0.op;
    let held = async |login| op.administers(&h.actor(login).await).await.unwrap();
    // What one may do as a user is nobody's administration.
    assert!(held("anne").await.is_empty());
    h.grant("anne", "structure", Some("ici"), None).await;
    let structure = held("anne").await;
    assert!(structure.contains(&UseCase::PersonList) && !structure.contains(&UseCase::QueueList), "{structure:?}");
    h.grant("bruno", "auditor", None, None).await;
    let auditor = held("bruno").await;
    assert!(auditor.contains(&UseCase::TraceList) && !auditor.contains(&UseCase::PersonBlock), "{auditor:?}");
    // A blocked structure takes the effect of the roles that are bound to it, and so does a blocked person.
    op.block_structure(&h.0.admin, "ici", "essai").await.unwrap();
    assert!(held("anne").await.is_empty());
    op.block_person(&h.0.admin, "bruno", "essai").await.unwrap();
    assert!(held("bruno").await.is_empty());
}

async fn what_a_page_leads_to_is_of_the_asker_s_place(h: House) {
    let op = &h.0.op;
    h.grant("anne", "structure", Some("ici"), None).await;
    h.grant("bruno", "support", None, None).await;
    let (anne, support) = (h.actor("anne").await, h.actor("bruno").await);
    let person = |case, login: &str| (case, Thing::Person(login.into()));
    let wanted = vec![
        person(UseCase::PersonList, "anne"),
        person(UseCase::PersonList, "bruno"),
        person(UseCase::PersonBlock, "bruno"),
        person(UseCase::FactorInvite, "anne"),
        person(UseCase::FactorInvite, "chloe"),
        (UseCase::StructureList, Thing::Structure("ici".into())),
        (UseCase::StructureList, Thing::Structure("ailleurs".into())),
        (UseCase::BodyList, Thing::Body("gi".into())),
        (UseCase::BalList, Thing::Bal("bruno.petit@alpha.mssante.fr".into())),
        (UseCase::BalSuspend, Thing::Bal("rien".into())),
    ];
    let of = async |actor: &Actor| op.permits(actor, wanted.clone()).await.unwrap();
    assert_eq!(of(&anne).await, [true, false, false, true, false, true, false, false, false, false]);
    // Support sees everything, changes neither who may sign in nor anything of whoever administers.
    assert_eq!(of(&support).await, [true, true, false, false, true, true, true, true, true, false]);
    assert_eq!(of(&h.actor("chloe").await).await, [false; 10]);
}

async fn later_work_and_health_are_shown_to_who_may_see_them(h: House) {
    let op = &h.0.op;
    h.grant("chloe", "auditor", None, None).await;
    h.grant("bruno", "support", None, None).await;
    let (anne, auditor, support) = (h.actor("anne").await, h.actor("chloe").await, h.actor("bruno").await);
    assert_eq!(code(op.jobs_list(&anne, 0, 10).await), "right.missing");
    assert_eq!(code(op.health(&anne).await), "right.missing");
    let before = op.jobs_list(&auditor, 0, 1_000).await.unwrap().len();
    let job = |n: i64, kind: &str| NewJob {
        id: i64::MAX - n,
        kind: kind.into(),
        key: n.to_string(),
        payload: Vec::new(),
        run_at: 5,
        created: 4,
    };
    let jobs = [job(2, "essai"), job(1, "essai")];
    let made = h.0.store.write(move |tx| {
        for job in &jobs {
            enqueue(tx, job)?;
        }
        tx.execute("UPDATE jobs SET attempts = 3, last_error = 'peer.gone' WHERE unique_key = $1", params!["1"])?;
        Ok::<_, StoreError>(())
    });
    made.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let all = op.jobs_list(&auditor, 0, 1_000).await.unwrap();
    assert_eq!(all.len(), before + 2);
    let last = all.last().unwrap();
    assert_eq!((last.kind.as_str(), last.attempts, last.last_error.as_deref()), ("essai", 3, Some("peer.gone")));
    assert_eq!(op.jobs_list(&auditor, i64::MAX - 2, 10).await.unwrap().len(), 1);
    // The queue is support's to see, not the auditor's; what fails is said.
    let names =
        async |actor: &Actor| op.health(actor).await.unwrap().iter().map(|p| p.part).collect::<Vec<&'static str>>();
    assert!(names(&support).await.contains(&"queue") && !names(&auditor).await.contains(&"queue"));
    let parts = op.health(&auditor).await.unwrap();
    let of = |name: &str| parts.iter().find(|p| p.part == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!((of("jobs").condition, of("store").condition), (Condition::Warning, Condition::Good));
    assert_eq!((of("antivirus").condition, of("backup").condition), (Condition::Unused, Condition::Unused));
}

async fn the_log_is_judged_for_who_may_prove_a_trace(h: House) {
    let op = &h.0.op;
    h.grant("chloe", "auditor", None, None).await;
    h.grant("bruno", "support", None, None).await;
    let (support, auditor) = (h.actor("bruno").await, h.actor("chloe").await);
    assert_eq!(code(op.verify_log(&support).await), "right.missing");
    let checkpoints = h.0.store.folder().join("outside/checkpoints.jsonl");
    let notary = op.notary(NotarySettings { checkpoints, every: Duration::from_secs(5), hold: None });
    while notary.round().await.unwrap() > 0 {}
    let report = op.verify_log(&auditor).await.unwrap();
    assert!(report.good && report.leaves > 2 && report.checkpoints > 0, "{report:?}");
    // Somebody's hand in the database is seen.
    let sql = "UPDATE traces SET actor = 'personne' WHERE id = (SELECT MIN(id) FROM traces)";
    h.0.store.write(move |tx| tx.execute(sql, params![])).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let report = op.verify_log(&auditor).await.unwrap();
    assert_eq!((report.good, report.findings.len(), report.findings[0].code().as_str()), (false, 1, "altered"));
    // A stretch of time: before it nothing, within it all of them.
    let within = async |since: i64, until: i64| {
        let (since, until) = (Some(Timestamp(since)), Some(Timestamp(until)));
        let filter = TraceFilter { act: Some("role".into()), since, until, after: Some(0), ..TraceFilter::default() };
        op.traces(&auditor, &filter).await.unwrap().len()
    };
    let now = op.clock().now().0;
    assert_eq!((within(0, now - 86_400_000).await, within(now - 3_600_000, now + 1).await > 1), (0, true));
    // That it was asked is traced, by whom.
    assert_eq!(h.0.traces("trace.verified").await.len(), 2);
}
