//! BALs over REST: a hospital's cardiology with its people, a laboratory's machine, a person's that waits for the terms, a homonym, two at once.
use crate::structures::{structure, with_role};
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::{DomainKind, Role};
use serde_json::{Value, json};

/// A house with the hospital `chu`, its convention, its administrator's token, and people who work there.
async fn hospital(people: &[&str]) -> (House, String) {
    let h = House::new().await;
    h.op.add_domain(&h.admin, "hopital.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    let added = h.root(Method::POST, "/structures", &[], Some(structure("chu"))).await;
    let settlement = json!({ "opening": "delegated", "domains": ["hopital.mssante.fr"],
        "convention": { "state": "signed", "reference": "C-1", "from": 1_700_000_000_000_i64 } });
    h.root(Method::PATCH, "/structures/chu/settlement", &[("if-match", &added.etag())], Some(settlement)).await;
    let chef = with_role(&h, "chef", Role::Structure, Some("chu"), None).await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], people).await;
    for login in people {
        h.op.join_structure(&h.admin, login, "chu", "infirmier", None).await.unwrap();
    }
    (h, chef)
}

fn bal(local: &str, kind: &str, holders: &[&str], members: &[&str]) -> Value {
    json!({ "address": format!("{local}@hopital.mssante.fr"), "kind": kind, "name": "Boîte", "structure": "chu", "holders": holders,
        "members": members })
}

fn bits<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|v| v[name].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cardiology_with_six_people_and_two_responsibles_and_a_laboratory() {
    let (h, chef) = hospital(&["r1", "r2", "m1", "m2", "m3", "m4", "m5", "m6", "labo"]).await;
    let mut new = bal("cardiologie", "Org", &["r1", "r2"], &["m1", "m2", "m3", "m4", "m5", "m6"]);
    (new["service"], new["description"]) = (json!("Cardiologie"), json!("Avis et comptes rendus"));
    let asked = new.clone();
    let mut form = new.clone();
    form["task"] = json!("open");
    let said = h.ask(Some(&chef), Method::POST, "/openings", &[], Some(form)).await;
    assert_eq!((said.status, &said.body["state"]), (StatusCode::CREATED, &json!("requested")), "{}", said.text);
    let at = said.headers["location"].to_str().unwrap().trim_start_matches("/api/v1").to_owned();
    let taken = h.ask(Some(&chef), Method::POST, "/bals", &[], Some(asked)).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "admin.exists"));
    let said = h.ask(Some(&chef), Method::POST, &format!("{at}/verify"), &[], None).await;
    assert_eq!((&said.body["state"], said.body["bal"]["access"].as_array().unwrap().len()), (&json!("opened"), 8));
    assert_eq!(bits(&said.body["steps"], "became"), ["requested", "verified", "opened"]);
    let again = h.ask(Some(&chef), Method::POST, &format!("{at}/verify"), &[], None).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "state.wrong"));

    let said =
        h.ask(Some(&chef), Method::POST, "/bals", &[], Some(bal("laboratoire", "App", &["r1"], &["labo"]))).await;
    assert_eq!(
        (said.status, &said.body["bal"]["access"]),
        (StatusCode::CREATED, &json!([["labo", "machine"], ["r1", "responsible"]]))
    );
    let list = h.ask(Some(&chef), Method::GET, "/bals?kind=App&text=labo", &[], None).await;
    assert_eq!(bits(&list.body["items"], "address"), ["laboratoire@hopital.mssante.fr"]);
    // Who has no role sees what is his own, and asks for nothing.
    let m1 = h.token("m1").await;
    let list = h.ask(Some(&m1), Method::GET, "/bals", &[], None).await;
    assert_eq!(bits(&list.body["items"], "address"), ["cardiologie@hopital.mssante.fr"]);
    let said = h.ask(Some(&m1), Method::POST, "/bals", &[], Some(bal("urgences", "Org", &["m1"], &[]))).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));

    // Another team, asked by a responsible, verified by the structure; then the end.
    let r1 = h.token("r1").await;
    let change = json!({ "task": "change", "address": "cardiologie@hopital.mssante.fr", "holders": ["r1"], "members": ["m1", "r2"] });
    let said = h.ask(Some(&r1), Method::POST, "/openings", &[], Some(change)).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
    let id = said.body["id"].as_str().unwrap().to_owned();
    let said = h.ask(Some(&r1), Method::POST, &format!("/openings/{id}/verify"), &[], None).await;
    assert_eq!(said.code(), "right.missing");
    let said = h.ask(Some(&chef), Method::POST, &format!("/openings/{id}/verify"), &[], None).await;
    assert_eq!(said.body["bal"]["access"], json!([["m1", "member"], ["r1", "responsible"], ["r2", "member"]]));
    let end = json!({ "task": "end", "address": "cardiologie@hopital.mssante.fr", "reason": "fusion" });
    let said = h.ask(Some(&r1), Method::POST, "/openings", &[], Some(end)).await;
    let id = said.body["id"].as_str().unwrap().to_owned();
    let why = json!({ "reason": "le service reste" });
    let said = h.ask(Some(&chef), Method::POST, &format!("/openings/{id}/refuse"), &[], Some(why)).await;
    assert_eq!(
        (&said.body["state"], &said.body["steps"][1]["reason"]),
        (&json!("refused"), &json!("le service reste"))
    );
    let open = h.ask(Some(&chef), Method::GET, "/openings?state=requested", &[], None).await;
    assert_eq!(open.body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_bal_waits_for_identity_and_terms() {
    let (h, chef) = hospital(&["zoe"]).await;
    sceau_testkit::newcomers(&h.op, &h.admin, &["yann"]).await;
    h.op.join_structure(&h.admin, "yann", "chu", "médecin", None).await.unwrap();
    let said = h.ask(Some(&chef), Method::POST, "/bals", &[], Some(bal("yann.petit", "Per", &["yann"], &[]))).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "opening.uncertified"));
    sceau_testkit::certified(&h.store, "yann").await;
    let said = h.ask(Some(&chef), Method::POST, "/bals", &[], Some(bal("yann.petit", "Per", &["yann"], &[]))).await;
    assert_eq!((&said.body["state"], &said.body["bal"]), (&json!("verified"), &Value::Null));
    assert_eq!(
        (bits(&said.body["waits_for"], "lack"), bits(&said.body["waits_for"], "login")),
        (vec!["not_accepted"], vec!["yann"])
    );
    let id = said.body["id"].as_str().unwrap().to_owned();
    // The person accepts with the token's own hand; the BAL opens at that moment.
    let yann = h.token("yann").await;
    let terms = h.op.terms_in_force().await.unwrap();
    let accept = json!({ "version": terms.version.version, "digest": terms.version.digest });
    let said = h.ask(Some(&yann), Method::POST, "/me/terms", &[], Some(accept)).await;
    assert!(said.status.is_success(), "{} {}", said.status, said.text);
    let said = h.ask(Some(&yann), Method::GET, &format!("/openings/{id}"), &[], None).await;
    assert_eq!((&said.body["state"], &said.body["bal"]["state"]), (&json!("opened"), &json!("active")));
    // A homonym is numbered.
    let query = "/bals/suggestions?given=Yann&family=Petit&domain=hopital.mssante.fr";
    let said = h.ask(Some(&chef), Method::GET, query, &[], None).await;
    assert_eq!(said.body, json!({ "address": "yann.petit2@hopital.mssante.fr", "homonym": true }));
    let said = h.ask(Some(&chef), Method::GET, "/bals/suggestions?structure=chu", &[], None).await;
    assert_eq!(said.body["address"], "hopital-chu@hopital.mssante.fr");
    for wrong in ["/bals/suggestions", "/bals/suggestions?given=Yann", "/bals/suggestions?structure=chu&family=x"] {
        assert_eq!(h.ask(Some(&chef), Method::GET, wrong, &[], None).await.code(), "admin.invalid", "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_edit_at_once_lose_nothing_and_choices_are_the_persons() {
    let (h, chef) = hospital(&["zoe"]).await;
    let said = h.ask(Some(&chef), Method::POST, "/bals", &[], Some(bal("zoe.durand", "Per", &["zoe"], &[]))).await;
    assert_eq!(said.body["state"], "opened", "{}", said.text);
    let (at, zoe) = ("/bals/zoe.durand@hopital.mssante.fr", h.token("zoe").await);
    let shown = h.ask(Some(&zoe), Method::GET, at, &[], None).await;
    assert_eq!((&shown.body["red_list"], &shown.body["paperless"]), (&Value::Null, &Value::Null));
    let tag = shown.etag();
    let edit = |text: &str| Some(json!({ "description": text }));
    let first = h.ask(Some(&chef), Method::PATCH, at, &[("if-match", &tag)], edit("Médecine générale")).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    let second = h.ask(Some(&zoe), Method::PATCH, at, &[("if-match", &tag)], edit("Autre chose")).await;
    assert_eq!((second.status, second.code()), (StatusCode::PRECONDITION_FAILED, "edit.conflict"));
    let bare = h.ask(Some(&zoe), Method::PATCH, at, &[], edit("Autre chose")).await;
    assert_eq!(bare.status, StatusCode::PRECONDITION_REQUIRED);
    let choices = format!("{at}/choices");
    let tag = first.etag();
    let red = Some(json!({ "red_list": true }));
    let said = h.ask(Some(&zoe), Method::PATCH, &choices, &[("if-match", &tag)], red.clone()).await;
    assert_eq!(
        (&said.body["red_list"], &said.body["phone_published"], &said.body["description"]),
        (&json!(true), &Value::Null, &json!("Médecine générale"))
    );
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["autre"]).await;
    let other = h.token("autre").await;
    let said = h.ask(Some(&other), Method::PATCH, &choices, &[("if-match", &said.etag())], red).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    // What is written into every field is a text.
    for hostile in ["'; DROP TABLE bals; --", "<script>alert(1)</script>", "a\u{0}b", "%_!", "{{7*7}}", "Ελληνικά 山"]
    {
        let tag = h.root(Method::GET, at, &[], None).await.etag();
        let said = h.root(Method::PATCH, at, &[("if-match", &tag)], edit(hostile)).await;
        let shown = h.root(Method::GET, at, &[], None).await.body["description"].clone();
        if hostile.contains('\0') {
            assert_eq!(said.code(), "admin.invalid");
        } else {
            assert_eq!((said.status, shown), (StatusCode::OK, json!(hostile)));
        }
    }
}
