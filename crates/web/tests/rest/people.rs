//! People over REST: identity, exemptions, homonyms, structures, two who edit at once, names in every script.
use crate::structures::{structure, with_role};
use crate::support::{House, Said};
use axum::http::{Method, StatusCode};
use sceau_domain::Role;
use serde_json::{Value, json};

fn claire() -> Value {
    json!({ "login": "claire", "given_name": "Claire", "family_name": "Exemple", "national_id": "100 0000 0017", "profession": "10",
        "speciality": "SM04", "habilitated": true, "structure": "chu", "function": "Cardiologue", "phone": "01 99 00 12 34" })
}

async fn house() -> House {
    let h = House::new().await;
    for code in ["chu", "clinique"] {
        assert_eq!(h.root(Method::POST, "/structures", &[], Some(structure(code))).await.status, StatusCode::CREATED);
    }
    h
}

async fn change(h: &House, token: Option<&str>, method: Method, path: &str, body: Option<Value>) -> Said {
    let login = path.split('/').nth(2).unwrap();
    let tag = h.root(Method::GET, &format!("/people/{login}"), &[], None).await.etag();
    match token {
        Some(t) => h.ask(Some(t), method, path, &[("if-match", &tag)], body).await,
        None => h.root(method, path, &[("if-match", &tag)], body).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_structure_adds_and_certifies_its_own_people_alone() {
    let h = house().await;
    let (chu, clinique) = (
        with_role(&h, "marie", Role::Structure, Some("chu"), None).await,
        with_role(&h, "luc", Role::Structure, Some("clinique"), None).await,
    );
    let added = h.ask(Some(&chu), Method::POST, "/people", &[], Some(claire())).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let b = &added.body;
    assert_eq!(
        (&b["name"], &b["phone"], &b["national_id"]),
        (&json!("Claire Exemple"), &json!("0199001234"), &json!("10000000017"))
    );
    assert_eq!((&b["published_identifier"], &b["identity"]["how"]), (&json!("10000000017"), &json!("none")));
    assert_eq!(
        (&b["memberships"][0]["structure"], &b["memberships"][0]["function"]),
        (&json!("chu"), &json!("Cardiologue"))
    );
    assert_eq!(
        (&b["profession"]["code"], &b["profession"]["verified"]),
        (&json!("10"), &json!(true)),
        "the table of professions is shipped"
    );
    // Elsewhere, nowhere, and without an identifier.
    let mut other = claire();
    (other["login"], other["national_id"]) = ("paul".into(), "10000000025".into());
    for place in [json!("clinique"), json!("nulle-part"), Value::Null] {
        other["structure"] = place.clone();
        let said = h.ask(Some(&chu), Method::POST, "/people", &[], Some(other.clone())).await;
        assert_eq!(said.code(), "right.missing", "{place}");
    }
    (other["structure"], other["national_id"]) = ("chu".into(), Value::Null);
    let said = h.ask(Some(&chu), Method::POST, "/people", &[], Some(other.clone())).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNPROCESSABLE_ENTITY, "identity.missing"));
    let until = h.store.clock().now().0 + 86_400_000;
    other["exemption"] =
        json!({ "identifier": "CHU-42", "reason": "aucune autorité d'enregistrement", "until": until });
    let said = h.ask(Some(&chu), Method::POST, "/people", &[], Some(other)).await;
    assert_eq!(
        (said.status, &said.body["published_identifier"]),
        (StatusCode::CREATED, &json!("CHU-42")),
        "{}",
        said.text
    );
    // The one structure does not see the other's people.
    let said = h.ask(Some(&clinique), Method::GET, "/people/claire", &[], None).await;
    assert_eq!(said.code(), "right.missing");
    let said = change(&h, Some(&clinique), Method::POST, "/people/claire/certification", None).await;
    assert_eq!(said.code(), "right.missing");
    let list = h.ask(Some(&clinique), Method::GET, "/people", &[], None).await.body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "luc alone");
    let list = h.ask(Some(&chu), Method::GET, "/people?structure=chu", &[], None).await.body;
    let logins: Vec<_> = list["items"].as_array().unwrap().iter().map(|p| p["login"].as_str().unwrap()).collect();
    assert_eq!(logins, ["claire", "marie", "paul"]);
    let said = h.ask(Some(&chu), Method::GET, "/people?structure=clinique", &[], None).await;
    assert_eq!(said.code(), "right.missing");
    let said = change(&h, Some(&chu), Method::POST, "/people/claire/certification", None).await;
    assert_eq!((&said.body["identity"]["how"], &said.body["identity"]["by"]), (&json!("structure"), &json!("marie")));
    let said = change(&h, Some(&chu), Method::POST, "/people/marie/certification", None).await;
    assert_eq!(said.code(), "right.missing", "nobody certifies himself for a structure");
    // A second structure takes her in by her national identifier, which shows that she is meant.
    let join = |id: Value| Some(json!({ "function": "Vacataire", "national_id": id }));
    for (id, status) in [(Value::Null, 403), (json!("10000000025"), 403), (json!("10000000017"), 200)] {
        let said =
            h.ask(Some(&clinique), Method::PUT, "/people/claire/memberships/clinique", &[], join(id.clone())).await;
        assert_eq!(said.status.as_u16(), status, "{id} {}", said.text);
    }
    // Each of the two sees what is its own, the operator and the person the whole.
    let works = |body: &Value| body["memberships"].as_array().unwrap().len();
    let shown = h.ask(Some(&clinique), Method::GET, "/people/claire", &[], None).await;
    assert!(works(&shown.body) == 1 && !shown.text.contains("Cardiologue"), "{}", shown.text);
    assert_eq!(works(&h.root(Method::GET, "/people/claire", &[], None).await.body), 2);
    let claire = h.token("claire").await;
    assert_eq!(works(&h.ask(Some(&claire), Method::GET, "/me/person", &[], None).await.body), 2);
    // Who is nobody and who works elsewhere get the same answer.
    let leave = |from: &str| Some(json!({ "structure": from, "reason": "fin de vacation" }));
    for (login, from) in [("claire", "chu"), ("paul", "clinique"), ("personne", "clinique")] {
        let path = format!("/people/{login}/departure");
        let said = h.ask(Some(&clinique), Method::POST, &path, &[], leave(from)).await;
        assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"), "{login} {from}");
    }
    for _ in 0..2 {
        let said = h.ask(Some(&clinique), Method::POST, "/people/claire/departure", &[], leave("clinique")).await;
        assert_eq!(said.status, StatusCode::OK, "asked for again, it is done again: {}", said.text);
    }
    let shown = h.root(Method::GET, "/people/claire", &[], None).await.body;
    assert!(shown["memberships"][1]["ended"].is_i64(), "the past stays: {shown}");
    assert_eq!(h.ask(Some(&clinique), Method::GET, "/people/claire", &[], None).await.code(), "right.missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_structure_administers_it_no_more() {
    let h = house().await;
    let marie = with_role(&h, "marie", Role::Structure, Some("chu"), None).await;
    assert_eq!(h.ask(Some(&marie), Method::GET, "/structures/chu", &[], None).await.status, StatusCode::OK);
    let left = h.root(
        Method::POST,
        "/people/marie/departure",
        &[],
        Some(json!({ "structure": "chu", "reason": "fin de contrat" })),
    );
    let left = left.await;
    assert_eq!((&left.body["roles"], &left.body["without_administrator"]), (&json!(1), &json!(true)), "{}", left.text);
    // Who is nowhere any more has no token either.
    let said = h.ask(Some(&marie), Method::GET, "/structures/chu", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNAUTHORIZED, "login.failed"));
    let shown = h.root(Method::GET, "/structures/chu", &[], None).await.body;
    assert_eq!(shown["administrators"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn homonyms_are_two_people_and_an_identifier_is_one_persons() {
    let h = house().await;
    assert_eq!(h.root(Method::POST, "/people", &[], Some(claire())).await.status, StatusCode::CREATED);
    let mut homonym = claire();
    homonym["login"] = "claire2".into();
    let said = h.root(Method::POST, "/people", &[], Some(homonym.clone())).await;
    assert!(
        said.code() == "admin.exists" && said.text.contains("claire"),
        "whose it is, for who may see: {}",
        said.text
    );
    let marie = with_role(&h, "luc", Role::Structure, Some("clinique"), None).await;
    homonym["structure"] = "clinique".into();
    let said = h.ask(Some(&marie), Method::POST, "/people", &[], Some(homonym.clone())).await;
    assert!(said.code() == "admin.exists" && !said.text.contains("claire"), "and for nobody else: {}", said.text);
    homonym["national_id"] = "10000000025".into();
    assert_eq!(h.root(Method::POST, "/people", &[], Some(homonym)).await.status, StatusCode::CREATED);
    let said = change(&h, None, Method::PATCH, "/people/claire2", Some(json!({ "national_id": "10000000017" }))).await;
    assert_eq!(said.code(), "admin.exists");
    // Given back, it is free.
    change(&h, None, Method::PATCH, "/people/claire", Some(json!({ "national_id": "" }))).await;
    let said = change(&h, None, Method::PATCH, "/people/claire2", Some(json!({ "national_id": "10000000017" }))).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn certification_stands_on_an_identifier_and_falls_with_the_traits() {
    let h = house().await;
    h.root(Method::POST, "/people", &[], Some(json!({ "login": "sam", "name": "Sam" }))).await;
    let said = change(&h, None, Method::POST, "/people/sam/certification", None).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNPROCESSABLE_ENTITY, "identity.missing"));
    let now = h.store.clock().now().0;
    let exemption = |until: i64| Some(json!({ "identifier": "S-1", "reason": "essai", "until": until }));
    for wrong in [now, now - 1, now + 4 * 366 * 86_400_000] {
        let said = change(&h, None, Method::PUT, "/people/sam/exemption", exemption(wrong)).await;
        assert_eq!(said.code(), "admin.invalid", "{wrong}");
    }
    for wrong in [
        json!({ "identifier": "10000000017", "reason": "r", "until": now + 9 }),
        json!({ "identifier": "S", "reason": " ", "until": now + 9 }),
    ] {
        let said = change(&h, None, Method::PUT, "/people/sam/exemption", Some(wrong.clone())).await;
        assert_eq!(said.code(), "admin.invalid", "{wrong}");
    }
    let said = change(&h, None, Method::PUT, "/people/sam/exemption", exemption(now + 1000)).await;
    assert_eq!((&said.body["published_identifier"], &said.body["exemption"]["stands"]), (&json!("S-1"), &json!(true)));
    let names = json!({ "given_name": "Sam", "family_name": "Exemple" });
    change(&h, None, Method::PATCH, "/people/sam", Some(names)).await;
    let said = change(&h, None, Method::POST, "/people/sam/certification", None).await;
    assert_eq!(said.body["identity"]["how"], "operator", "{}", said.text);
    // Over, it counts as none.
    h.store.clock.advance_ms(1000);
    let said = h.root(Method::GET, "/people/sam", &[], None).await.body;
    assert_eq!((&said["published_identifier"], &said["exemption"]["stands"]), (&Value::Null, &json!(false)));
    let said = change(&h, None, Method::POST, "/people/sam/certification", None).await;
    assert_eq!(said.code(), "identity.missing", "expired");
    // A telephone changes nothing of it; a name does.
    let said = change(&h, None, Method::PATCH, "/people/sam", Some(json!({ "phone": "+33199001234" }))).await;
    assert_eq!(said.body["identity"]["how"], "operator");
    let said = change(&h, None, Method::PATCH, "/people/sam", Some(json!({ "family_name": "Autre" }))).await;
    assert_eq!(said.body["identity"]["how"], "none");
    // A national identifier takes the exemption's place.
    let said = change(&h, None, Method::PATCH, "/people/sam", Some(json!({ "national_id": "10000000033" }))).await;
    assert_eq!((&said.body["exemption"], &said.body["published_identifier"]), (&Value::Null, &json!("10000000033")));
    let said = change(&h, None, Method::PUT, "/people/sam/exemption", exemption(now + 9000)).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "state.wrong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_edit_at_once_one_is_told() {
    let h = house().await;
    let tag = h.root(Method::POST, "/people", &[], Some(claire())).await.etag();
    let tag = [("if-match", tag.as_str())];
    let (one, two) = tokio::join!(
        h.root(Method::PATCH, "/people/claire", &tag, Some(json!({ "speciality": "SM05" }))),
        h.root(Method::PATCH, "/people/claire", &tag, Some(json!({ "phone": "+33199005678" }))),
    );
    let (done, told) = if one.status == StatusCode::OK { (one, two) } else { (two, one) };
    assert_eq!(
        (done.status, told.status, told.code()),
        (StatusCode::OK, StatusCode::PRECONDITION_FAILED, "edit.conflict")
    );
    let now = h.root(Method::GET, "/people/claire", &[], None).await;
    assert_eq!(
        (now.body["version"].clone(), &now.body["speciality"], &now.body["phone"]),
        (json!(2), &done.body["speciality"], &done.body["phone"])
    );
    assert_eq!(now.body["family_name"], "Exemple");
    // Who was told reads again, and both changes are there.
    let again = if now.body["phone"] == "+33199005678" {
        json!({ "speciality": "SM05" })
    } else {
        json!({ "phone": "+33199005678" })
    };
    let said = h.root(Method::PATCH, "/people/claire", &[("if-match", &now.etag())], Some(again)).await;
    assert_eq!((&said.body["speciality"]["code"], &said.body["phone"]), (&json!("SM05"), &json!("+33199005678")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_corrects_means_of_contact_and_nothing_else() {
    let h = house().await;
    h.root(Method::POST, "/people", &[], Some(claire())).await;
    sceau_testkit::settled(&h.store, &["claire"]).await;
    let token = h.token("claire").await;
    let me = h.ask(Some(&token), Method::GET, "/me/person", &[], None).await;
    assert_eq!(me.body["national_id"], "10000000017");
    let tag = me.etag();
    let tag = [("if-match", tag.as_str())];
    let said = h.ask(Some(&token), Method::PATCH, "/people/claire", &tag, Some(json!({ "phone": "" }))).await;
    assert_eq!((said.status, &said.body["phone"]), (StatusCode::OK, &Value::Null), "{}", said.text);
    let tag = said.etag();
    let tag = [("if-match", tag.as_str())];
    for body in [json!({ "family_name": "Autre" }), json!({ "habilitated": true }), json!({ "national_id": "" })] {
        let said = h.ask(Some(&token), Method::PATCH, "/people/claire", &tag, Some(body.clone())).await;
        assert_eq!(said.code(), "right.missing", "{body}");
    }
    for (method, path) in
        [(Method::POST, "/people/claire/certification"), (Method::GET, "/people"), (Method::GET, "/people/claire")]
    {
        let said = h.ask(Some(&token), method, path, &tag, None).await;
        assert_eq!(said.code(), "right.missing", "{path}");
    }
    let support = with_role(&h, "sacha", Role::Support, None, None).await;
    let said =
        h.ask(Some(&support), Method::PATCH, "/people/claire", &tag, Some(json!({ "family_name": "Autre" }))).await;
    assert_eq!(said.code(), "right.missing");
    let said =
        h.ask(Some(&support), Method::PATCH, "/people/claire", &tag, Some(json!({ "phone": "+33199001234" }))).await;
    assert_eq!(said.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_script_and_nothing_that_drives_a_screen() {
    let h = house().await;
    for (n, name) in [
        "Nguyễn Thị",
        "محمد",
        "Ελένη",
        "Юлия",
        "山田",
        "अनिता",
        "O'Connor; DROP TABLE people",
        "<script>alert(1)</script>",
        "Zoe\u{301}",
    ]
    .iter()
    .enumerate()
    {
        let new = json!({ "login": format!("p{n}"), "given_name": name, "family_name": "Exemple" });
        let said = h.root(Method::POST, "/people", &[], Some(new)).await;
        let kept = if *name == "Zoe\u{301}" { "Zoé" } else { name };
        assert_eq!((said.status, said.body["given_name"].as_str()), (StatusCode::CREATED, Some(kept)), "{}", said.text);
    }
    for field in [
        "login",
        "name",
        "given_name",
        "family_name",
        "national_id",
        "profession",
        "speciality",
        "phone",
        "structure",
        "function",
    ] {
        for bad in ["a\r\nX: y", "a\u{202e}b", "a\0b", "\u{1b}[2J"] {
            let mut new = json!({ "login": "bad", "name": "Bad" });
            new[field] = bad.into();
            let said = h.root(Method::POST, "/people", &[], Some(new)).await;
            assert!(said.status.is_client_error() && !said.code().is_empty(), "{field} {bad:?}: {}", said.text);
        }
    }
    for bad in ["10000000018", "1000000001", "1000000001a"] {
        let said = h
            .root(Method::POST, "/people", &[], Some(json!({ "login": "bad", "name": "B", "national_id": bad })))
            .await;
        assert!(said.code().starts_with("identifier."), "{bad} {}", said.text);
    }
    assert_eq!(h.root(Method::GET, "/people/bad", &[], None).await.code(), "admin.not_found");
}
