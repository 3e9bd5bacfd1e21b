//! Lives, holds, retention policies and the calendar, as programs ask for them.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::BalKind;
use serde_json::json;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

/// A house with anne and her BAL.
async fn house() -> House {
    let h = House::new().await;
    let domains = [("alpha.mssante.fr", sceau_domain::DomainKind::Production)];
    sceau_testkit::people(&h.op, &h.store, &h.admin, &domains, &["anne", "bruno"]).await;
    sceau_testkit::bal(&h.op, &h.admin, ANNE, BalKind::Per, &["anne"], |_| {}).await;
    h
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bal_is_suspended_closed_and_kept() {
    let h = house().await;
    let at = |verb: &str| format!("/bals/{ANNE}/{verb}");
    let post = async |verb: &str, body| h.root(Method::POST, &at(verb), &[], Some(body)).await;
    let why = json!({ "reason": "congé" });
    let said = post("suspend", why.clone()).await;
    assert_eq!((said.status, said.body["state"].as_str()), (StatusCode::OK, Some("suspended")));
    let said = post("suspend", why.clone()).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "state.wrong"));
    assert_eq!(post("resume", why.clone()).await.body["state"], "active");
    // F031: a request that somebody else carries out says how the identity was proven.
    let asked = json!({ "cause": "request", "reason": "retraite" });
    assert_eq!(post("close", asked.clone()).await.code(), "admin.invalid");
    let anne = h.token("anne").await;
    let said = h.ask(Some(&anne), Method::POST, &at("close"), &[], Some(asked)).await;
    assert_eq!((said.status, said.body["state"].as_str()), (StatusCode::OK, Some("closing")));
    let bruno = h.token("bruno").await;
    let said = h.ask(Some(&bruno), Method::POST, &at("keep"), &[], Some(why.clone())).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    assert_eq!(post("keep", why.clone()).await.body["state"], "active");
    let said = h.root(Method::GET, &at("life"), &[], None).await;
    let steps = said.body["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["by"], "root");
    // Bad input loses nothing.
    for body in [json!({}), json!({ "reason": "" }), json!({ "reason": "a\nb" }), json!({ "reason": 1 }), json!([])] {
        let said = post("block", body).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"));
    }
    let said = h.root(Method::POST, "/people/anne/block", &[], Some(why.clone())).await;
    assert_eq!(said.body["state"], "blocked");
    let said = h.ask(Some(&anne), Method::GET, "/me", &[], None).await;
    assert!(said.status.is_client_error(), "no door opens: {said:?}");
    let said = h.root(Method::POST, "/people/anne/release", &[], Some(why)).await;
    assert_eq!(said.body["state"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_are_placed_shown_and_lifted() {
    let h = house().await;
    let hold = json!({ "subject": "bal", "name": ANNE, "reason": "conservation", "authority": "TJ 2026-117" });
    let anne = h.token("anne").await;
    let said = h.ask(Some(&anne), Method::POST, "/holds", &[], Some(hold.clone())).await;
    assert_eq!(said.code(), "right.missing");
    let placed = h.root(Method::POST, "/holds", &[], Some(hold)).await;
    assert_eq!(placed.status, StatusCode::CREATED);
    let id = placed.body["id"].as_str().unwrap().to_owned();
    let life = h.root(Method::GET, &format!("/bals/{ANNE}/life"), &[], None).await;
    assert_eq!(life.body["holds"][0]["authority"], "TJ 2026-117");
    let told = h.ask(Some(&anne), Method::GET, &format!("/bals/{ANNE}/life"), &[], None).await;
    assert_eq!(told.body["holds"], json!([]), "not told to whom it is about");
    // Closed at once, and yet not destroyed.
    let order = json!({ "cause": "misuse", "reason": "enquête", "cooling_days": 0 });
    let said = h.root(Method::POST, &format!("/bals/{ANNE}/close"), &[], Some(order)).await;
    assert_eq!(said.body["state"], "closed");
    h.op.run_due_jobs().await.unwrap();
    let state = async || h.root(Method::GET, &format!("/bals/{ANNE}/life"), &[], None).await.body["state"].clone();
    assert_eq!(state().await, "closed");
    let said = h.root(Method::POST, &format!("/holds/{id}/lift"), &[], Some(json!({ "reason": "mainlevée" }))).await;
    assert_eq!(said.body["lifted_by"], "root");
    h.op.run_due_jobs().await.unwrap();
    assert_eq!(state().await, "tombstone");
    let list = h.root(Method::GET, "/holds", &[], None).await;
    assert_eq!(list.body["items"], json!([]));
    let list = h.root(Method::GET, "/holds?all=true", &[], None).await;
    assert_eq!(list.body["items"][0]["id"], id.as_str());
    for bad in
        [json!({ "subject": "operator", "name": "x", "reason": "x", "authority": "x" }), json!({ "subject": "bal" })]
    {
        assert_eq!(h.root(Method::POST, "/holds", &[], Some(bad)).await.code(), "admin.invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_say_where_each_value_comes_from() {
    let h = house().await;
    let said = h.root(Method::GET, "/retention/medimail", &[], None).await;
    let rule = said.body["rules"].as_array().unwrap().iter().find(|r| r["item"] == "messages").unwrap().clone();
    assert_eq!(
        (rule["value"].as_str(), rule["verified"].as_bool(), rule["applied"].as_bool()),
        (Some("3 months"), Some(true), Some(true))
    );
    let new = json!({ "name": "maison", "from": "oiis", "rules": [{ "item": "cooling", "value": "45 days" }] });
    let said = h.root(Method::POST, "/retention", &[], Some(new)).await;
    assert_eq!(said.status, StatusCode::CREATED);
    let shown = h.root(Method::GET, "/retention/maison", &[], None).await;
    let change = Some(json!({ "rules": [{ "item": "technical_traces", "value": "6 months" }] }));
    let tag = shown.etag();
    let said = h.root(Method::PATCH, "/retention/maison", &[("if-match", &tag)], change).await;
    assert_eq!(said.code(), "admin.invalid", "the floor");
    let change = Some(json!({ "rules": [{ "item": "technical_traces", "value": "2 years", "source": "décision 7" }] }));
    let said = h.root(Method::PATCH, "/retention/maison", &[], change.clone()).await;
    assert_eq!(said.code(), "edit.unconditional");
    let said = h.root(Method::PATCH, "/retention/maison", &[("if-match", &tag)], change.clone()).await;
    assert_eq!(said.status, StatusCode::OK);
    let said = h.root(Method::PATCH, "/retention/maison", &[("if-match", &tag)], change).await;
    assert_eq!(said.code(), "edit.conflict");
    // What becomes shorter is counted first, then confirmed.
    let due = h.root(Method::GET, "/retention/maison/due", &[], None).await;
    assert_eq!((due.status, due.body["items"][0]["item"].as_str()), (StatusCode::OK, Some("messages")));
    let said = h.root(Method::GET, "/retention/maison/due?structure=rien", &[], None).await;
    assert_eq!(said.code(), "admin.not_found");
    let said = h.root(Method::POST, "/retention/maison/use", &[], Some(json!({}))).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "retention.shorter"));
    let said = h.root(Method::POST, "/retention/maison/use", &[], Some(json!({ "confirm": true }))).await;
    assert_eq!(said.body["operator"], true);
    let said = h
        .root(Method::POST, &format!("/bals/{ANNE}/close"), &[], Some(json!({ "cause": "unused", "reason": "x" })))
        .await;
    let days = (said.body["closing_at"].as_i64().unwrap() - h.op.clock().now().0) / 86_400_000;
    assert_eq!(days, 45);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_counts_working_days() {
    let h = house().await;
    let year = h.root(Method::GET, "/calendar?year=2026&territory=reunion", &[], None).await;
    let days = year.body["days"].as_array().unwrap();
    assert_eq!(
        (days.len(), days[11]["day"].as_str(), days[11]["label_en"].as_str()),
        (12, Some("2026-12-25"), Some("Christmas Day"))
    );
    assert_eq!(
        (days[10]["day"].as_str(), days[10]["label"].as_str()),
        (Some("2026-12-20"), Some("Abolition de l'esclavage"))
    );
    let count = async |query: &str| h.root(Method::GET, &format!("/calendar/count?{query}"), &[], None).await;
    assert_eq!(count("from=2026-12-18&days=10").await.body["to"], "2027-01-05");
    let day = Some(json!({ "working": false, "label": "Pont" }));
    let said = h.root(Method::PUT, "/calendar/metropole/2026-12-24", &[], day).await;
    assert_eq!((said.body["own"].as_bool(), said.body["working"].as_bool()), (Some(true), Some(false)));
    assert_eq!(count("from=2026-12-18&days=10").await.body["to"], "2027-01-06");
    assert_eq!(count("from=2026-12-18&to=2027-01-06").await.body["working_days"], 10);
    let said = h.root(Method::DELETE, "/calendar/metropole/2026-12-24", &[], None).await;
    assert_eq!((said.status, said.body["working"].as_bool()), (StatusCode::OK, Some(true)));
    assert_eq!(h.root(Method::DELETE, "/calendar/metropole/2026-12-24", &[], None).await.code(), "admin.not_found");
    // The operator moves to La Réunion and works on Saturdays.
    let tag = h.root(Method::GET, "/calendar", &[], None).await.etag();
    let new = json!({ "territory": "reunion", "weekdays": [1, 2, 3, 4, 5, 6], "opens": "08:00", "closes": "17:00" });
    let said = h.root(Method::PUT, "/calendar", &[("if-match", &tag)], Some(new.clone())).await;
    assert_eq!((said.status, said.body["zone"].as_str()), (StatusCode::OK, Some("Indian/Reunion")));
    assert_eq!(h.root(Method::PUT, "/calendar", &[("if-match", &tag)], Some(new)).await.code(), "edit.conflict");
    assert_eq!(count("from=2026-12-18&days=1").await.body["to"], "2026-12-19");
    for query in [
        "from=2026-12-18",
        "from=2026-13-18&days=1",
        "from=2026-12-18&days=1&to=2026-12-19",
        "from=2026-12-18&days=99999999",
    ] {
        assert_eq!(count(query).await.code(), "admin.invalid", "{query}");
    }
    assert_eq!(h.root(Method::GET, "/calendar?year=99999", &[], None).await.code(), "admin.invalid");
    let bad = json!({ "territory": "reunion", "weekdays": [], "opens": "08:00", "closes": "07:00" });
    assert_eq!(h.root(Method::PUT, "/calendar", &[("if-match", "\"v1\"")], Some(bad)).await.code(), "admin.invalid");
}
