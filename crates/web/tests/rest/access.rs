//! Who has access to a BAL: over REST.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::{BalKind, DomainKind};
use serde_json::json;

const SERVICE: &str = "cardiologie@hopital.mssante.fr";
const ANNE: &str = "anne@hopital.mssante.fr";

async fn house() -> House {
    let h = House::new().await;
    let domains = [("hopital.mssante.fr", DomainKind::Production)];
    sceau_testkit::people(&h.op, &h.store, &h.admin, &domains, &["anne", "bruno", "chloe"]).await;
    sceau_testkit::bal(&h.op, &h.admin, SERVICE, BalKind::Org, &["anne"], |b| b.members = vec!["bruno".into()]).await;
    sceau_testkit::bal(&h.op, &h.admin, ANNE, BalKind::Per, &["anne"], |_| {}).await;
    h
}

#[tokio::test(flavor = "multi_thread")]
async fn accesses_are_given_changed_ended_and_remembered() {
    let h = house().await;
    let (anne, bruno) = (h.token("anne").await, h.token("bruno").await);
    sceau_testkit::newcomers(&h.op, &h.admin, &["zoe"]).await;
    let list = format!("/bals/{SERVICE}/access");
    let new = |login: &str, role: &str| Some(json!({ "login": login, "role": role, "reason": "Arrivée" }));
    let said = h.ask(Some(&bruno), Method::POST, &list, &[], new("chloe", "member")).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.ask(Some(&anne), Method::POST, &list, &[], new("chloe", "member")).await;
    assert_eq!((said.status, said.body["granted_by"].as_str()), (StatusCode::CREATED, Some("anne")), "{}", said.body);
    assert_eq!(said.headers["location"], format!("/api/v1/bals/{SERVICE}/access/chloe"));
    let place = format!("{list}/chloe");
    let shown = h.ask(Some(&anne), Method::GET, &place, &[], None).await;
    assert_eq!(shown.etag(), said.etag());
    for (body, status, code) in [
        (new("chloe", "member"), StatusCode::CONFLICT, "admin.exists"),
        (new("zoe", "machine"), StatusCode::UNPROCESSABLE_ENTITY, "access.role"),
        (new("zoe", "holder"), StatusCode::UNPROCESSABLE_ENTITY, "access.role"),
        (new("zoe", "roi"), StatusCode::BAD_REQUEST, "admin.invalid"),
        (new("zoe", "responsible"), StatusCode::UNPROCESSABLE_ENTITY, "access.habilitation"),
        // Who asks is `root`.
        (new("root", "member"), StatusCode::CONFLICT, "access.own"),
        (
            Some(json!({ "login": "zoe", "role": "member", "rights": ["file"] })),
            StatusCode::UNPROCESSABLE_ENTITY,
            "access.rights",
        ),
        (Some(json!({ "login": "zoe", "role": "member", "rights": [] })), StatusCode::BAD_REQUEST, "admin.invalid"),
        (
            Some(json!({ "login": "zoe", "role": "member", "ends": 5 })),
            StatusCode::UNPROCESSABLE_ENTITY,
            "access.dates",
        ),
        (Some(json!({ "login": "zoe", "role": "member", "ends": i64::MAX })), StatusCode::BAD_REQUEST, "admin.invalid"),
        (
            Some(json!({ "login": "'; DROP TABLE access; --", "role": "member" })),
            StatusCode::NOT_FOUND,
            "admin.not_found",
        ),
        (Some(json!({ "login": "zoe", "role": "member", "reason": "a\nb" })), StatusCode::BAD_REQUEST, "admin.invalid"),
    ] {
        let said = h.root(Method::POST, &list, &[], body.clone()).await;
        assert_eq!((said.status, said.code()), (status, code), "{body:?}: {}", said.body);
    }
    // Two who edit at once: the second is told, and nothing is lost.
    let tag = shown.etag();
    let change = |rights: &[&str]| Some(json!({ "role": "member", "rights": rights }));
    let said = h.ask(Some(&anne), Method::PUT, &place, &[], change(&["read"])).await;
    assert_eq!((said.status, said.code()), (StatusCode::PRECONDITION_REQUIRED, "edit.unconditional"));
    let first = h.ask(Some(&anne), Method::PUT, &place, &[("if-match", &tag)], change(&["read"])).await;
    assert_eq!((first.status, &first.body["rights"]), (StatusCode::OK, &json!(["read"])), "{}", first.body);
    let second = h.root(Method::PUT, &place, &[("if-match", &tag)], change(&["send"])).await;
    assert_eq!((second.status, second.code()), (StatusCode::PRECONDITION_FAILED, "edit.conflict"));
    // The end, and the past, by pages.
    let said = h.ask(Some(&anne), Method::DELETE, &format!("{place}?reason=D%C3%A9part"), &[], None).await;
    assert_eq!((said.status, said.body["ended_by"].as_str()), (StatusCode::OK, Some("anne")));
    let said = h.ask(Some(&anne), Method::DELETE, &format!("{list}/anne"), &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "access.last"));
    let now = h.ask(Some(&anne), Method::GET, &list, &[], None).await;
    assert_eq!(now.body["items"].as_array().unwrap().len(), 2);
    let mut rows = Vec::new();
    let mut next = String::new();
    loop {
        let page = h.root(Method::GET, &format!("{list}?past=true&limit=1{next}"), &[], None).await;
        rows.extend(page.body["items"].as_array().unwrap().clone());
        let Some(after) = page.body["next"].as_str() else { break };
        next = format!("&after={after}");
    }
    assert_eq!(rows.len(), 4, "two of the opening, one given, one changed: {rows:?}");
    let given = rows[2]["granted"].as_i64().unwrap();
    let at = h.root(Method::GET, &format!("{list}/history?at={given}"), &[], None).await;
    let readers: Vec<_> = at.body["readers"].as_array().unwrap().iter().map(|r| r["login"].clone()).collect();
    assert_eq!(readers, ["anne", "bruno", "chloe"]);
    let activity = format!("/bals/{SERVICE}/activity");
    assert_eq!(h.ask(Some(&bruno), Method::GET, &activity, &[], None).await.code(), "right.missing");
    assert_eq!(h.ask(Some(&anne), Method::GET, &activity, &[], None).await.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn delegations_are_the_holders_alone() {
    let h = house().await;
    let (anne, bruno) = (h.token("anne").await, h.token("bruno").await);
    let ends = h.op.clock().now().plus_ms(86_400_000).0;
    let new = Some(json!({ "address": ANNE, "login": "bruno", "ends": ends, "reason": "Secrétariat" }));
    let said = h.root(Method::POST, "/me/delegations", &[], new.clone()).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.ask(Some(&bruno), Method::POST, "/me/delegations", &[], new.clone()).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let endless = Some(json!({ "address": ANNE, "login": "bruno" }));
    let said = h.ask(Some(&anne), Method::POST, "/me/delegations", &[], endless).await;
    assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"));
    let said = h.ask(Some(&anne), Method::POST, "/me/delegations", &[], new).await;
    assert_eq!((said.status, said.body["holder"].as_str()), (StatusCode::CREATED, Some("anne")), "{}", said.body);
    for who in [&anne, &bruno] {
        let said = h.ask(Some(who), Method::GET, "/me/delegations", &[], None).await;
        assert_eq!(said.body["items"][0]["login"], "bruno");
    }
    // Nobody goes round by the other door.
    let said = h
        .root(Method::POST, &format!("/bals/{ANNE}/access"), &[], Some(json!({ "login": "chloe", "role": "delegate" })))
        .await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.root(Method::DELETE, &format!("/bals/{ANNE}/access/anne"), &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "access.holder"));
    let place = format!("/bals/{ANNE}/delegations/bruno");
    let said = h.ask(Some(&bruno), Method::DELETE, &place, &[], None).await;
    assert_eq!((said.status, said.body["ended_by"].as_str()), (StatusCode::OK, Some("bruno")));
    assert_eq!(h.root(Method::DELETE, &place, &[], None).await.code(), "admin.not_found");
}

/// What those responsible answer for, through the door: alerts, attestation, the readers of a day, the history of choices.
#[tokio::test(flavor = "multi_thread")]
async fn those_responsible_see_attest_and_are_told_why() {
    let h = house().await;
    let (anne, bruno) = (h.token("anne").await, h.token("bruno").await);
    let id = h.store.new_id();
    let noted = h.store.write(move |tx| {
        let bal = sceau_store::accounts::bal_by_address(tx, SERVICE)?.unwrap().id;
        let person = sceau_store::accounts::person_by_login(tx, "bruno")?.unwrap().id;
        let (day, kind) = ("2026-03-03".to_owned(), "read".to_owned());
        let alert = sceau_store::usage::Alert {
            id,
            bal,
            day,
            person,
            login: String::new(),
            kind,
            seen: 640,
            usual: 80,
            at: 1,
            told: None,
        };
        sceau_store::usage::note(tx, &alert)
    });
    assert!(noted.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")));
    let alerts = format!("/bals/{SERVICE}/alerts");
    let said = h.ask(Some(&anne), Method::GET, &alerts, &[], None).await;
    let first = &said.body["items"][0];
    assert_eq!(
        (&first["login"], &first["kind"], &first["seen"], &first["usual"]),
        (&json!("bruno"), &json!("read"), &json!(640), &json!(80)),
        "{}",
        said.body
    );
    assert!(
        first["detail"].as_str().unwrap().contains("640")
            && first["detail_en"].as_str().unwrap().contains("four weeks")
    );
    for path in
        [alerts, format!("/bals/{SERVICE}/access/readers?day=2026-03-03"), format!("/bals/{SERVICE}/attestation")]
    {
        let said = h.ask(Some(&bruno), Method::GET, &path, &[], None).await;
        assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"), "{path}");
        assert_eq!(h.ask(Some(&anne), Method::GET, &path, &[], None).await.status, StatusCode::OK, "{path}");
    }
    let said = h.ask(Some(&anne), Method::GET, &format!("/bals/{SERVICE}/access/readers?day=hier"), &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"));
    let place = format!("/bals/{SERVICE}/attestation");
    let read = h.ask(Some(&anne), Method::GET, &place, &[], None).await.body;
    for (who, digest, status) in [
        (&bruno, read["digest"].clone(), StatusCode::FORBIDDEN),
        (&anne, json!("0".repeat(64)), StatusCode::PRECONDITION_FAILED),
        (&anne, read["digest"].clone(), StatusCode::OK),
    ] {
        let said = h.ask(Some(who), Method::POST, &place, &[], Some(json!({ "digest": digest }))).await;
        assert_eq!(said.status, status, "{}", said.body);
    }
    // Rules of eligibility: a version, words that are known, nobody but the operator.
    let rules = json!({ "territories": ["FR-OCC"], "professions": [], "staff": "checked", "registered": false });
    let shown = h.ask(Some(&anne), Method::GET, "/eligibility", &[], None).await;
    assert_eq!((shown.status, &shown.body["staff"]), (StatusCode::OK, &json!("admitted")));
    let etag = shown.etag();
    let said =
        h.ask(Some(&anne), Method::PUT, "/eligibility", &[("if-match", etag.as_str())], Some(rules.clone())).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    assert_eq!(
        h.root(Method::PUT, "/eligibility", &[("if-match", etag.as_str())], Some(rules.clone())).await.status,
        StatusCode::OK
    );
    let late = h.root(Method::PUT, "/eligibility", &[("if-match", etag.as_str())], Some(rules)).await;
    assert_eq!((late.status, late.code()), (StatusCode::PRECONDITION_FAILED, "edit.conflict"));
}
