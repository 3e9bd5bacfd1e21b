//! Certificates by which machines log in: who registers one, what is said of it, how it ends.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::{AccessRole, BalKind, DomainKind};
use sceau_operator::grants::NewAccess;
use sceau_testkit::pki::Pki;
use serde_json::{Value, json};

const DOMAINS: [(&str, DomainKind); 1] = [("hopital.mssante.fr", DomainKind::Production)];
const LABO: &str = "labo@hopital.mssante.fr";
const OTHER: &str = "autre@hopital.mssante.fr";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_for_a_machine_registers_lists_and_removes_its_certificates() {
    let h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &DOMAINS, &["anne", "bruno"]).await;
    sceau_testkit::newcomers(&h.op, &h.admin, &["automate"]).await;
    for address in [LABO, OTHER] {
        sceau_testkit::bal(&h.op, &h.admin, address, BalKind::App, &["anne"], |_| {}).await;
    }
    let (anne, bruno) = (h.token("anne").await, h.token("bruno").await);
    let place = format!("/bals/{LABO}/certificates");
    let pki = Pki::new();
    let certificate = pki.pem("labo.exemple.fr");
    let new = |pem: &str| Some(json!({ "certificate": pem, "label": "Analyseur" }));
    let post =
        async |token: &str, path: &str, body: Option<Value>| h.ask(Some(token), Method::POST, path, &[], body).await;
    // There is no machine yet.
    assert_eq!(post(&anne, &place, new(&certificate)).await.code(), "admin.invalid");
    let (role, login) = (AccessRole::Machine, "automate".to_owned());
    let access = NewAccess { login, role, rights: None, starts: None, ends: None, reason: None };
    h.op.give_access(&h.admin, LABO, access).await.unwrap();
    let made = post(&anne, &place, new(&certificate)).await;
    assert_eq!((made.status, made.body["login"].as_str()), (StatusCode::CREATED, Some("automate")), "{made:?}");
    assert!(made.body["subject"].is_string() && made.body["sha256"].as_str().unwrap().len() == 64);
    assert_eq!(post(&anne, &place, new(&certificate)).await.code(), "admin.exists");
    // What is none, a key beside it, too long; somebody who is not its machine; a BAL without one.
    let key = format!("{certificate}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    for wrong in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, &"x".repeat(20_000)] {
        let said = post(&anne, &place, new(wrong)).await;
        assert!(said.status.is_client_error() && said.code() != "right.missing", "{said:?}");
    }
    let named = Some(json!({ "certificate": certificate, "machine": "anne", "label": "Analyseur" }));
    assert_eq!(post(&anne, &place, named).await.code(), "admin.invalid");
    assert_eq!(post(&anne, &format!("/bals/{OTHER}/certificates"), new(&certificate)).await.code(), "admin.invalid");
    // Neither a stranger, nor whoever administers: who has the key is the machine.
    let root = h.token("root").await;
    assert_eq!(post(&bruno, &place, new(&certificate)).await.code(), "right.missing");
    assert_eq!(post(&root, &place, new(&pki.pem("autre.exemple.fr"))).await.code(), "token.other");

    let listed = h.ask(Some(&anne), Method::GET, &place, &[], None).await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1, "{listed:?}");
    // Among the tokens of the machine it is one of its kind, and its row opens nothing by itself.
    let tokens = h.ask(Some(&root), Method::GET, "/tokens?login=automate", &[], None).await;
    assert_eq!(tokens.body["items"][0]["purpose"], "certificate");
    let one = format!("{place}/{}", made.body["id"].as_str().unwrap());
    assert_eq!(h.ask(Some(&bruno), Method::DELETE, &one, &[], None).await.code(), "right.missing");
    let elsewhere = one.replace(LABO, OTHER);
    assert_eq!(h.ask(Some(&anne), Method::DELETE, &elsewhere, &[], None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(h.ask(Some(&anne), Method::DELETE, &one, &[], None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(h.ask(Some(&anne), Method::DELETE, &one, &[], None).await.status, StatusCode::NOT_FOUND);
    // It may come back, and an administrator may end it.
    let back = post(&anne, &place, new(&certificate)).await;
    let one = format!("{place}/{}", back.body["id"].as_str().unwrap());
    assert_eq!(h.ask(Some(&root), Method::DELETE, &one, &[], None).await.status, StatusCode::NO_CONTENT);
    let listed = h.ask(Some(&anne), Method::GET, &place, &[], None).await;
    assert!(listed.body["items"].as_array().unwrap().iter().all(|c| c["revoked"].is_i64()), "{listed:?}");
}
