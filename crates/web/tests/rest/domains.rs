use crate::support::House;
use axum::http::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_adds_a_domain_and_others_do_not() {
    let h = House::new().await;
    let root = h.token("root").await;
    let new = json!({ "name": "hopital.mssante.fr", "kind": "Production" });
    let said = h.ask(None, Method::POST, "/domains", &[], Some(new.clone())).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNAUTHORIZED, "login.required"));
    let said = h.ask(Some("sceau_rien"), Method::GET, "/domains", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNAUTHORIZED, "login.failed"));
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let anne = h.token("anne").await;
    let said = h.ask(Some(&anne), Method::POST, "/domains", &[], Some(new.clone())).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.ask(Some(&root), Method::POST, "/domains", &[], Some(new)).await;
    assert_eq!((said.status, said.body["name"].as_str()), (StatusCode::CREATED, Some("hopital.mssante.fr")));
    let said = h.root(Method::GET, "/domains/hopital.mssante.fr", &[], None).await;
    assert_eq!(said.status, StatusCode::OK);
    let said = h.ask(Some(&anne), Method::GET, "/me", &[], None).await;
    assert_eq!(said.body["login"], "anne");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_carried_out_once() {
    let h = House::new().await;
    let root = h.token("root").await;
    let key = [("idempotency-key", "k1")];
    let new = |name: &str| Some(json!({ "name": name, "kind": "Test" }));
    // A refusal takes no key.
    let said =
        h.ask(Some(&root), Method::POST, "/domains", &key, Some(json!({ "name": "a.fr", "kind": "Rien" }))).await;
    assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"));
    let first = h.ask(Some(&root), Method::POST, "/domains", &key, new("a.fr")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = h.ask(Some(&root), Method::POST, "/domains", &key, new("a.fr")).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = h.ask(Some(&root), Method::POST, "/domains", &key, new("b.fr")).await;
    assert_eq!((other.status, other.code()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency.reused"));
    // The answer was lost: the act is not done again.
    let lost = h.store.write(|tx| tx.execute("UPDATE idempotency SET status = NULL", &[])).await;
    lost.map_err(|e: sceau_store::StoreError| e).unwrap();
    let again = h.ask(Some(&root), Method::POST, "/domains", &key, new("a.fr")).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "idempotency.done"));
}
