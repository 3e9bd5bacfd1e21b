use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::{DomainKind, Timestamp};
use serde_json::json;

const DOMAINS: [(&str, DomainKind); 1] = [("hopital.mssante.fr", DomainKind::Production)];

#[tokio::test(flavor = "multi_thread")]
async fn people_make_see_and_revoke_their_own() {
    let h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &DOMAINS, &["anne", "bruno"]).await;
    let (anne, bruno) = (h.token("anne").await, h.token("bruno").await);
    let new = |login: &str| Some(json!({ "login": login, "purpose": "api", "label": "Essai" }));
    let made = h.ask(Some(&anne), Method::POST, "/tokens", &[], new("anne")).await;
    assert_eq!((made.status, made.body["purpose"].as_str()), (StatusCode::CREATED, Some("api")), "{made:?}");
    let place = made.headers["location"].to_str().unwrap().trim_start_matches("/api/v1").to_owned();
    assert_eq!(place, format!("/tokens/{}", made.body["id"].as_str().unwrap()));
    // It works, and is shown without its secret.
    let secret = made.body["secret"].as_str().unwrap();
    assert_eq!(h.ask(Some(secret), Method::GET, "/me", &[], None).await.body["login"], "anne");
    let shown = h.ask(Some(&anne), Method::GET, &place, &[], None).await;
    assert!(shown.status == StatusCode::OK && shown.body["secret"].is_null());
    let listed = h.ask(Some(&anne), Method::GET, "/tokens", &[], None).await;
    assert!(listed.body["items"].as_array().unwrap().iter().all(|t| t["login"] == "anne"));
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 2);
    // Nobody else's: neither made, nor shown, nor revoked, nor told from one that is not there.
    let refused = [
        h.ask(Some(&bruno), Method::POST, "/tokens", &[], new("anne")).await,
        h.ask(Some(&bruno), Method::GET, &place, &[], None).await,
        h.ask(Some(&bruno), Method::GET, "/tokens/7", &[], None).await,
        h.ask(Some(&bruno), Method::GET, "/tokens?login=anne", &[], None).await,
        h.ask(Some(&bruno), Method::DELETE, &place, &[], None).await,
    ];
    for said in refused {
        assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"), "{said:?}");
    }
    let gone = h.ask(Some(&anne), Method::DELETE, &place, &[], None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(h.ask(Some(secret), Method::GET, "/me", &[], None).await.code(), "login.failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_never_answered_twice() {
    let h = House::new().await;
    let root = h.token("root").await;
    let key = [("idempotency-key", "jeton-1")];
    let new = || Some(json!({ "purpose": "api", "label": "Essai" }));
    let made = h.ask(Some(&root), Method::POST, "/tokens", &key, new()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let again = h.ask(Some(&root), Method::POST, "/tokens", &key, new()).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "idempotency.done"));
    let listed = h.ask(Some(&root), Method::GET, "/tokens?login=root&limit=1", &[], None).await;
    let next = listed.body["next"].as_str().unwrap();
    let rest = h.ask(Some(&root), Method::GET, &format!("/tokens?login=root&after={next}"), &[], None).await;
    // The one that asks, and the one that was made, once.
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_described_is_refused() {
    let h = House::new().await;
    let root = h.token("root").await;
    let bodies = [
        json!({ "purpose": "api" }),
        json!({ "purpose": "api", "label": "a\u{202e}b" }),
        json!({ "purpose": "tout", "label": "Essai" }),
        json!({ "purpose": "api", "label": "Essai", "bal": "a@hopital.mssante.fr" }),
        json!({ "purpose": "api", "label": "Essai", "autre": 1 }),
        json!({ "purpose": "api", "label": "Essai", "expires": 12 }),
        json!([]),
    ];
    for body in bodies {
        let said = h.ask(Some(&root), Method::POST, "/tokens", &[], Some(body.clone())).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{body}");
        assert_eq!(said.headers["content-type"], "application/problem+json");
    }
    for path in
        ["/tokens?limit=0", "/tokens?limit=1001", "/tokens?after=x", "/tokens?autre=1", "/tokens/x", "/queue/-1"]
    {
        let said = h.ask(Some(&root), Method::GET, path, &[], None).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{path}");
    }
    assert_eq!(h.ask(Some(&root), Method::GET, "/tokens/7", &[], None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(h.ask(Some(&root), Method::PUT, "/tokens", &[], None).await.code(), "syntax.unknown");
    assert_eq!(h.ask(Some(&root), Method::GET, "/nulle-part", &[], None).await.status, StatusCode::NOT_FOUND);
}

/// A hospital behind one address: whoever fails there, fails alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_token_works_where_others_fail() {
    let h = House::new().await;
    let root = h.token("root").await;
    let limit = h.op.config().login_failures_per_minute;
    let wrong = (0..limit).map(|_| h.ask(Some("faux"), Method::GET, "/me", &[], None));
    for said in futures_util::future::join_all(wrong).await {
        assert_eq!((said.status, said.code()), (StatusCode::UNAUTHORIZED, "login.failed"), "{said:?}");
    }
    let held = h.ask(Some("faux"), Method::GET, "/me", &[], None).await;
    assert_eq!((held.status, held.code()), (StatusCode::TOO_MANY_REQUESTS, "login.too_many"), "{held:?}");
    assert_eq!(held.headers["retry-after"], "60");
    assert_eq!(h.ask(Some(&root), Method::GET, "/me", &[], None).await.body["login"], "root");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_an_end_makes_none_that_outlives_it() {
    let h = House::new().await;
    let end = h.op.clock().now().0 + 3_600_000;
    let lent = h.op.create_api_token(&h.admin, "root", "prêté", Some(Timestamp(end))).await.unwrap().1;
    for purpose in ["api", "device"] {
        let make = async |expires: Option<i64>| {
            let new = json!({ "login": "root", "purpose": purpose, "label": "Essai", "expires": expires });
            h.ask(Some(&lent), Method::POST, "/tokens", &[], Some(new)).await
        };
        for longer in [None, Some(end + 1)] {
            let said = make(longer).await;
            assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{longer:?}: {said:?}");
        }
        assert_eq!(make(Some(end)).await.status, StatusCode::CREATED);
    }
    // By one without an end, as before.
    let root = h.token("root").await;
    let new = json!({ "purpose": "api", "label": "Essai" });
    assert_eq!(h.ask(Some(&root), Method::POST, "/tokens", &[], Some(new)).await.status, StatusCode::CREATED);
}
