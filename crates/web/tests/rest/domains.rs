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

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_moves_and_says_what_is_left_to_do() {
    let h = House::new().await;
    let new = json!({ "name": "cabinet.exemple.fr", "kind": "Production" });
    assert_eq!(h.root(Method::POST, "/domains", &[], Some(new)).await.status, StatusCode::CREATED);
    let path = "/domains/Cabinet.exemple.FR/move";
    let said = h.root(Method::GET, path, &[], None).await;
    assert_eq!((said.body["state"].as_str(), said.body["direction"].is_null()), (Some("here"), true), "{}", said.body);
    let said = h.root(Method::POST, path, &[], Some(json!({ "direction": "in" }))).await;
    assert_eq!((said.status, said.body["state"].as_str()), (StatusCode::OK, Some("arriving")));
    assert_eq!(said.body["steps"][1]["code"], "list_names_us");
    assert!(said.body["steps"].as_array().unwrap().iter().all(|s| s["fr"].as_str().is_some_and(|t| t.len() > 10)));
    for bad in [
        json!({ "direction": "out" }),
        json!({ "direction": "in", "until": 5 }),
        json!({ "direction": "out", "until": 5 }),
    ] {
        let said = h.root(Method::POST, path, &[], Some(bad.clone())).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{bad}");
    }
    let said = h.root(Method::POST, path, &[], Some(json!({ "direction": "none" }))).await;
    assert_eq!((said.status, said.body["state"].as_str()), (StatusCode::OK, Some("here")));
    for (method, body) in [(Method::POST, Some(json!({ "direction": "none" }))), (Method::GET, None)] {
        let unknown = if method == Method::GET { "/domains/autre.fr/move" } else { path };
        assert_eq!(h.root(method, unknown, &[], body).await.code(), "admin.not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_the_antivirus_says_so() {
    let h = House::new().await;
    let said = h.root(Method::GET, "/antivirus", &[], None).await;
    assert_eq!((said.status, said.body["state"].as_str()), (StatusCode::OK, Some("absent")));
    let said = h.root(Method::POST, "/antivirus/test", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "antivirus.off"));
}
