//! Structures and regional bodies over REST: a hospital opens with its convention; who sees what; two who edit at once.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::{DomainKind, Role};
use sceau_operator::roles::NewRole;
use serde_json::{Value, json};

pub fn structure(code: &str) -> Value {
    json!({ "code": code, "name": format!("Hôpital {code}"), "finess_ej": "990000002", "finess_eg": "990 000 010", "siret": "10000000900017",
        "territory": "FR-75", "address": { "lines": ["1 rue de l'Exemple"], "postcode": "75000", "town": "Paris" },
        "contact": { "name": "Dominique Exemple", "function": "Référent métier", "email": "referent@exemple.fr", "phone": "+33 1 99 00 12 34" } })
}

/// Gives a person the names that a role asks for.
async fn named(h: &House, login: &str) {
    let login = login.to_owned();
    let name = h.store.write(move |tx| {
        let mut person = sceau_store::accounts::person_by_login(tx, &login)?.unwrap();
        (person.given_name, person.family_name) = (Some("Camille".into()), Some("Exemple".into()));
        sceau_store::accounts::update_person(tx, &person)
    });
    assert!(name.await.map_err(|e: sceau_store::StoreError| e).unwrap());
}

/// Gives a person who is made here an administrative role, and a token for REST.
pub async fn with_role(h: &House, login: &str, role: Role, structure: Option<&str>, body: Option<&str>) -> String {
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &[login]).await;
    named(h, login).await;
    if let Some(code) = structure {
        h.op.join_structure(&h.admin, login, code, "administration", None).await.unwrap();
    }
    let (structure, body) = (structure.map(str::to_owned), body.map(str::to_owned));
    let new =
        NewRole { login: login.into(), role, structure, body, function: Some("Essai".into()), reason: "essai".into() };
    h.op.grant_role(&h.admin, new).await.unwrap();
    h.token(login).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_opens_with_its_convention_and_two_administrators() {
    let h = House::new().await;
    h.op.add_domain(&h.admin, "hopital.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    h.root(Method::POST, "/bodies", &[], Some(json!({ "code": "grades", "name": "GRADeS" }))).await;
    let added = h.root(Method::POST, "/structures", &[], Some(structure("chu"))).await;
    assert_eq!(
        (added.status, added.headers["location"].to_str().unwrap()),
        (StatusCode::CREATED, "/api/v1/structures/chu")
    );
    assert_eq!(added.body["finess_eg"], "990000010", "one writing");
    let warnings = ["no_administrator", "convention_not_in_force", "no_domain"];
    assert_eq!(added.body["warnings"], json!(warnings));
    let settlement = json!({ "opening": "delegated", "body": "grades", "domains": ["HOPITAL.mssante.fr"],
        "convention": { "state": "signed", "reference": "C-1", "from": 1_700_000_000_000_i64 } });
    let tag = added.etag();
    let settled =
        h.root(Method::PATCH, "/structures/chu/settlement", &[("if-match", &tag)], Some(settlement.clone())).await;
    assert_eq!(settled.status, StatusCode::OK, "{}", settled.text);
    for (login, _) in [("marie", 1), ("luc", 2)] {
        with_role(&h, login, Role::Structure, Some("chu"), None).await;
    }
    let shown = h.root(Method::GET, "/structures/chu", &[], None).await.body;
    assert_eq!(shown["administrators"], json!(["luc", "marie"]));
    assert_eq!(
        (&shown["warnings"], &shown["people"], &shown["domains"]),
        (&json!([]), &json!(2), &json!(["hopital.mssante.fr"]))
    );
    let chain: Vec<_> = shown["processing"].as_array().unwrap().iter().map(|p| p["role"].as_str().unwrap()).collect();
    assert_eq!(
        chain,
        ["controller", "processor", "processor", "recipient"],
        "F152: structure, regional body, operator, ANS"
    );
    let body = h.root(Method::GET, "/bodies/grades", &[], None).await.body;
    assert_eq!((&body["structures"], &body["people"]), (&json!(1), &json!(2)));
    // An old version changes nothing more.
    let late = h.root(Method::PATCH, "/structures/chu/settlement", &[("if-match", &tag)], Some(settlement)).await;
    assert_eq!((late.status, late.code()), (StatusCode::PRECONDITION_FAILED, "edit.conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_their_place_and_settles_nothing() {
    let h = House::new().await;
    for code in ["nord", "ouest"] {
        h.root(Method::POST, "/bodies", &[], Some(json!({ "code": code, "name": code }))).await;
    }
    for (code, body) in [("a", "nord"), ("b", "nord"), ("c", "ouest")] {
        let added = h.root(Method::POST, "/structures", &[], Some(structure(code))).await;
        let tag = added.etag();
        h.root(
            Method::PATCH,
            &format!("/structures/{code}/settlement"),
            &[("if-match", &tag)],
            Some(json!({ "body": body })),
        )
        .await;
    }
    let region = with_role(&h, "regine", Role::Region, None, Some("nord")).await;
    let own = with_role(&h, "marie", Role::Structure, Some("a"), None).await;
    let auditor = with_role(&h, "alix", Role::Auditor, None, None).await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let user = h.token("anne").await;
    let codes = async |token: &str| {
        let said = h.ask(Some(token), Method::GET, "/structures", &[], None).await;
        said.body["items"]
            .as_array()
            .map(|l| l.iter().map(|s| s["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(codes(&region).await.unwrap(), ["a", "b"]);
    assert_eq!(codes(&own).await.unwrap(), ["a"]);
    assert_eq!(codes(&auditor).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(codes(&user).await, None);
    let bodies = h.ask(Some(&region), Method::GET, "/bodies", &[], None).await.body["items"].clone();
    assert_eq!(bodies.as_array().unwrap().len(), 1);
    // What is elsewhere and what is nowhere get the same answer.
    for (token, path) in [(&region, "c"), (&region, "z"), (&own, "b"), (&own, "z"), (&user, "a")] {
        let said = h.ask(Some(token), Method::GET, &format!("/structures/{path}"), &[], None).await;
        assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"), "{path}");
    }
    let said = h.ask(Some(&auditor), Method::GET, "/structures/z", &[], None).await;
    assert_eq!(said.code(), "admin.not_found");
    let tag = h.ask(Some(&own), Method::GET, "/structures/a", &[], None).await.etag();
    let tag = [("if-match", tag.as_str())];
    let settle = h
        .ask(Some(&own), Method::PATCH, "/structures/a/settlement", &tag, Some(json!({ "opening": "delegated" })))
        .await;
    assert_eq!(settle.code(), "right.missing");
    let edit = h.ask(Some(&own), Method::PATCH, "/structures/a", &tag, Some(json!({ "name": "Clinique A" }))).await;
    assert_eq!((edit.status, &edit.body["name"]), (StatusCode::OK, &json!("Clinique A")));
    let edit = h.ask(Some(&region), Method::PATCH, "/structures/b", &tag, Some(json!({ "name": "B" }))).await;
    assert_eq!(edit.code(), "right.missing");
    // By pages.
    let page = h.root(Method::GET, "/structures?limit=2", &[], None).await.body;
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].as_str()), (2, Some("b")));
    let page = h.root(Method::GET, "/structures?limit=2&after=b", &[], None).await.body;
    assert_eq!((page["items"][0]["code"].as_str(), page["next"].as_str()), (Some("c"), None));
    let page = h.root(Method::GET, "/structures?body=nord", &[], None).await.body;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nothing_is_kept() {
    let h = House::new().await;
    for (field, value, code) in [
        ("finess_eg", "990000011", "identifier.key"),
        ("finess_ej", "99000", "identifier.length"),
        ("siret", "10000000900018", "identifier.key"),
        ("code", "CHU exemple", "admin.invalid"),
        ("code", "../x", "admin.invalid"),
        ("name", "\u{202e}lanimreT", "admin.invalid"),
        ("name", "a\r\nBcc: x@y.fr", "admin.invalid"),
        ("name", " ", "admin.invalid"),
        ("category", "1;DROP TABLE", "admin.invalid"),
    ] {
        let mut new = structure("x");
        new[field] = value.into();
        let said = h.root(Method::POST, "/structures", &[], Some(new)).await;
        assert_eq!(said.code(), code, "{field} {value:?}");
    }
    let list = h.root(Method::GET, "/structures", &[], None).await;
    assert_eq!(list.body["items"], json!([]));
    // Markup and quotes are text like any other.
    let mut new = structure("x");
    new["name"] = "L'<b>Hôpital</b> \"O'Brien\"; -- 北京".into();
    let said = h.root(Method::POST, "/structures", &[], Some(new.clone())).await;
    assert_eq!(said.body["name"], new["name"]);
    let tag = said.etag();
    for wrong in [
        json!({ "convention": { "state": "signed", "from": 1 } }),
        json!({ "convention": { "state": "signed", "reference": "R" } }),
        json!({ "convention": { "state": "signed", "reference": "R", "from": 5, "until": 5 } }),
        json!({ "convention": { "state": "perhaps" } }),
        json!({ "opening": "everybody" }),
        json!({ "domains": ["pas un domaine"] }),
        json!({ "colour": "blue" }),
    ] {
        let said = h.root(Method::PATCH, "/structures/x/settlement", &[("if-match", &tag)], Some(wrong.clone())).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{wrong}");
    }
    for (wrong, name) in
        [(json!({ "domains": ["ailleurs.fr"] }), "ailleurs.fr"), (json!({ "body": "nulle-part" }), "nulle-part")]
    {
        let said = h.root(Method::PATCH, "/structures/x/settlement", &[("if-match", &tag)], Some(wrong)).await;
        assert!(said.code() == "admin.not_found" && said.text.contains(name), "{}", said.text);
    }
    let said = h.root(Method::PATCH, "/structures/x", &[], Some(json!({ "name": "Y" }))).await;
    assert_eq!((said.status, said.code()), (StatusCode::PRECONDITION_REQUIRED, "edit.unconditional"));
}
