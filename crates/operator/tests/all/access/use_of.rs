//! Unusual use of a shared BAL, and the attestation of its data (F159).
use crate::access::*;
use sceau_domain::usage::Kind;
use sceau_store::traces::{Kind as TraceKind, Trace, record};
use sceau_store::{StoreError, params};
use sceau_testkit::relay::Played;
use std::sync::Arc;

on_both!(what_nobody_did_there_before_is_noticed_once_and_told, whoever_is_responsible_attests_what_is_there);

async fn relay(w: &World) -> Arc<Played> {
    let relay = Played::of(&w.op);
    let sql = "UPDATE people SET email = 'anne@exemple.fr', email_verified = $1 WHERE login = 'anne'";
    let done = w.store.write(move |tx| tx.execute(sql, params![1_i64]));
    done.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    relay
}

/// Rounds of housekeeping and of jobs, once what was done has settled.
async fn rounds(w: &World) {
    w.advance(180);
    w.op.housekeeping().await.unwrap();
    w.op.run_due_jobs().await.unwrap();
}

/// A trace of an act at the BAL, as doors write it.
async fn act(w: &World, login: &'static str, act: &'static str, data: String) {
    let (store, at) = (w.store.clone(), w.op.clock().now().0);
    let id = w.store.new_id();
    let written = store.write(move |tx| {
        let person = sceau_store::accounts::person_by_login(tx, login)?.unwrap().id;
        let bal = sceau_store::accounts::bal_by_address(tx, SERVICE)?.unwrap().id;
        let trace = Trace {
            id,
            kind: TraceKind::Functional,
            act: act.into(),
            at,
            person_id: Some(person),
            actor: login.into(),
            bal_id: Some(bal),
            bal: Some(SERVICE.into()),
            remote: None,
            session: None,
            outcome: "ok".into(),
            data: data.clone(),
        };
        record(tx, &trace)
    });
    written.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
}

async fn what_nobody_did_there_before_is_noticed_once_and_told(w: World) {
    let relay = relay(&w).await;
    let read = |n: u32| format!("{{\"count\":{n}}}");
    // To the noon of a working day, whatever day the world began on; a week of ordinary use.
    let week = async || {
        for _ in 0..7 {
            act(&w, "bruno", "login.ok", r#"{"door":"imap"}"#.into()).await;
            act(&w, "bruno", "message.read", read(40)).await;
            w.advance(86_400);
        }
    };
    week().await;
    rounds(&w).await;
    let (anne, bruno) = (api(&w, "anne").await, api(&w, "bruno").await);
    assert!(w.op.unusual_use(&anne, SERVICE, None, 10).await.unwrap().is_empty(), "an ordinary week");
    // More than three times the most of before, and by another door: in pieces, counted once each, whatever runs at once.
    for _ in 0..3 {
        act(&w, "bruno", "message.read", read(41)).await;
    }
    act(&w, "bruno", "login.ok", r#"{"door":"web"}"#.into()).await;
    w.advance(180);
    let second = w.restarted().await;
    let (a, b) = tokio::join!(w.op.housekeeping(), second.housekeeping());
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    rounds(&w).await;
    let seen = w.op.unusual_use(&anne, SERVICE, None, 10).await.unwrap();
    let of = |kind: Kind| seen.iter().find(|u| u.kind == kind).unwrap_or_else(|| panic!("{kind:?} {seen:?}"));
    assert_eq!((of(Kind::Read).login.as_str(), of(Kind::Read).seen, of(Kind::Read).usual), ("bruno", 123, 40));
    assert!(of(Kind::Read).detail.contains("123") && of(Kind::Read).detail_en.contains("40"));
    assert!(of(Kind::Door).detail.contains("web") && of(Kind::Door).detail.contains("imap"));
    assert_eq!(seen.iter().filter(|u| u.kind == Kind::Read).count(), 1);
    // Those responsible are told once, without a name of anybody or of the BAL.
    assert!(seen.iter().all(|u| u.told.is_some()), "{seen:?}");
    let told = || {
        relay.taken().into_iter().filter(|(_, m)| m.contains("inhabituel") || m.contains("Unusual")).collect::<Vec<_>>()
    };
    assert_eq!(told().iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["anne@exemple.fr"]);
    assert!(!told()[0].1.contains("bruno") && !told()[0].1.contains("cardiologie"), "{}", told()[0].1);
    // More of it the same day is the same alert.
    act(&w, "bruno", "message.read", read(500)).await;
    rounds(&w).await;
    assert_eq!((w.op.unusual_use(&anne, SERVICE, None, 10).await.unwrap().len(), told().len()), (seen.len(), 1));
    // Not for members; a threshold of the place counts for the next.
    assert_eq!(code(w.op.unusual_use(&bruno, SERVICE, None, 10).await), "right.missing");
    assert_eq!(w.op.unusual_use(&w.admin, SERVICE, None, 1).await.unwrap().len(), 1);
    w.op.set_policy(&w.admin, "bal", SERVICE, "alert_factor", 0).await.unwrap();
    w.advance(86_400);
    act(&w, "bruno", "message.read", read(9_000)).await;
    rounds(&w).await;
    assert_eq!(w.op.unusual_use(&anne, SERVICE, None, 10).await.unwrap().len(), seen.len(), "switched off here");
    // What is old is forgotten.
    w.advance(400 * 86_400);
    rounds(&w).await;
    assert_eq!((w.count("usage_alerts").await, w.count("usage_days").await), (0, 0));
}

async fn whoever_is_responsible_attests_what_is_there(w: World) {
    let relay = relay(&w).await;
    let (anne, bruno) = (api(&w, "anne").await, api(&w, "bruno").await);
    let first = w.op.attestation(&anne, SERVICE).await.unwrap();
    assert!(
        first.due && first.attested.is_empty() && first.text.contains(SERVICE) && first.text.contains("member: bruno")
    );
    // Asked for at the opening, once a month at most.
    rounds(&w).await;
    rounds(&w).await;
    let asked = || relay.taken().iter().filter(|(_, m)| m.contains("attest")).count();
    // Anne answers for three BALs of this world.
    assert_eq!(asked(), 3);
    // Nobody attests for those responsible, nor what changed since it was read.
    for who in [&w.admin, &bruno] {
        assert_eq!(code(w.op.attest(who, SERVICE, &first.digest).await), "right.missing");
    }
    give(&w, "chloe", AccessRole::Member, &[]).await.unwrap();
    assert_eq!(code(w.op.attest(&anne, SERVICE, &first.digest).await), "edit.conflict");
    let second = w.op.attestation(&anne, SERVICE).await.unwrap();
    let done = w.op.attest(&anne, SERVICE, &second.digest).await.unwrap();
    assert_eq!(
        (done.due, done.attested.len(), done.attested[0].by.as_str(), done.attested[0].same),
        (false, 1, "anne", true)
    );
    let trace = w.traces("bal.attested").await.pop().unwrap();
    assert_eq!((trace.actor.as_str(), &trace.data["digest"]), ("anne", &serde_json::json!(second.digest)));
    w.op.end_access(&w.admin, SERVICE, "chloe", None).await.unwrap();
    assert!(!w.op.attestation(&w.admin, SERVICE).await.unwrap().attested[0].same, "the data changed");
    assert_eq!(code(w.op.attestation(&bruno, SERVICE).await), "right.missing");
    assert_eq!(code(w.op.attestation(&w.admin, ANNE).await), "admin.invalid", "a personal BAL has its holder");
    // Again after a year.
    w.advance(31 * 86_400);
    rounds(&w).await;
    assert_eq!(asked(), 5, "the two others");
    w.advance(340 * 86_400);
    let due = w.op.attestation(&w.admin, SERVICE).await.unwrap();
    assert!(due.due, "{due:?}");
    rounds(&w).await;
    assert_eq!(asked(), 8);
}
