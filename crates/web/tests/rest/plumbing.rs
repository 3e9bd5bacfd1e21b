//! What every answer has and every request must have, whatever the operation.
use crate::support::House;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use sceau_web::Via;
use serde_json::{Value, json};
use tower::ServiceExt;

const TLS: [u8; 4] = [192, 0, 2, 9];

/// Sends a request as it is, over TLS; status, code of the refusal.
async fn sent(h: &House, request: axum::http::request::Builder, body: &str) -> (StatusCode, String) {
    let via = Via::Tls { remote: TLS.into(), tls: None };
    let request = request.extension(via).body(Body::from(body.to_owned())).unwrap();
    let response = h.app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_keeps_to_itself() {
    let h = House::new().await;
    let root = h.token("root").await;
    let answers = [
        h.ask(Some(&root), Method::GET, "/people", &[], None).await,
        h.ask(None, Method::GET, "/people", &[], None).await,
        h.ask(Some(&root), Method::GET, "/nulle-part", &[], None).await,
        h.ask(Some(&root), Method::PUT, "/people", &[], None).await,
        h.ask(Some("faux"), Method::GET, "/me", &[], None).await,
        h.bare(Method::GET, "/conditions").await,
        h.bare(Method::GET, "/lien/rien").await,
    ];
    for said in &answers {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(said.headers.get(name).map(|v| v.as_bytes()), Some(value.as_bytes()), "{name}: {said:?}");
        }
        let policy = said.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(said.headers.get("set-cookie").is_none() && said.headers.get("access-control-allow-origin").is_none());
    }
    // What may be kept holds nothing of anybody. Nothing of TLS is said where there is none.
    let sheet = h.bare(Method::GET, "/pages.css").await;
    assert_eq!(sheet.headers["cache-control"], "public, max-age=3600");
    let icon = h.bare(Method::GET, "/favicon.ico").await;
    assert_eq!((icon.status, icon.headers["content-type"].to_str().unwrap()), (StatusCode::OK, "image/png"));
    let page = h.bare(Method::GET, "/connexion").await.text;
    let (_, named) = page.split_once("<link rel=\"icon\" href=\"").expect("a page names its icon");
    let icon = h.bare(Method::GET, named.split('"').next().unwrap()).await;
    assert_eq!((icon.status, icon.headers["content-type"].to_str().unwrap()), (StatusCode::OK, "image/svg+xml"));
    let local = h.root(Method::GET, "/people", &[], None).await;
    assert!(local.headers.get("strict-transport-security").is_none());
    // Another site's program is told nothing that would let it ask (CORS): its question before asking is not answered.
    let preflight = [("origin", "https://ailleurs.exemple.fr"), ("access-control-request-method", "POST")];
    let asked = h.ask(None, Method::OPTIONS, "/people", &preflight, None).await;
    assert_eq!(asked.status, StatusCode::METHOD_NOT_ALLOWED);
    let allowed = asked.headers["allow"].to_str().unwrap();
    assert!(["GET", "HEAD", "POST"].iter().all(|m| allowed.contains(m)) && !allowed.contains("PUT"), "{allowed}");
    // HEAD is GET without the body.
    let head = h.ask(Some(&root), Method::HEAD, "/people", &[], None).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_refused() {
    let h = House::new().await;
    let root = h.token("root").await;
    let bearer = format!("Bearer {root}");
    let get = |path: &str| Request::builder().uri(format!("/api/v1{path}"));
    let mine = |path: &str| get(path).header("authorization", &bearer);
    let post = || mine("/domains").method("POST").header("content-type", "application/json");
    let new = json!({ "name": "rest.mssante.fr", "kind": "Test" }).to_string();
    let bad = (StatusCode::BAD_REQUEST, "admin.invalid".to_owned());
    // Twice: who asks, from which version, under which key, of which type.
    let twice = [
        (mine("/me").header("authorization", "Bearer autre"), ""),
        (mine("/people/root").method("PATCH").header("if-match", "\"v1\"").header("if-match", "\"v2\""), "{}"),
        (post().header("idempotency-key", "a").header("idempotency-key", "b"), new.as_str()),
        (post().header("content-type", "text/plain"), new.as_str()),
    ];
    for (request, body) in twice {
        let shown = format!("{request:?}");
        assert_eq!(sent(&h, request, body).await, bad, "{shown}");
    }
    // NUL, wherever it comes in; a parameter twice, or one that the operation does not know; a token in the address.
    for path in [
        "/people/%00",
        "/people?after=%00",
        "/roles?limit=1&limit=2",
        "/roles?struktur=chu",
        "/me?x=1",
        "/me?access_token=sceau_rien",
        "/roles?",
    ] {
        let said = sent(&h, mine(path), "").await;
        let expected = if path.ends_with('?') { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(said.0, expected, "{path}: {said:?}");
    }
    // Nothing is told of parameters to who has not said who it is.
    assert_eq!(sent(&h, get("/roles?struktur=chu"), "").await.0, StatusCode::UNAUTHORIZED);
    let bodies = [
        r#"{"name":"a\u0000.fr","kind":"Test"}"#.to_owned(),
        r#"{"name":"a.fr","kind":"Test","name":"b.fr"}"#.to_owned(),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!(r#"{{"name":{}1{},"kind":"Test"}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        r#"{"name":"a.fr","kind":"Test"} {}"#.to_owned(),
    ];
    for body in bodies {
        assert_eq!(sent(&h, post(), &body).await, bad, "{}", &body[..40.min(body.len())]);
    }
    // What comes back of what was sent is bounded.
    let long = json!({ "name": "a.fr", "kind": "x".repeat(500_000) });
    let said = h.ask(Some(&root), Method::POST, "/domains", &[], Some(long)).await;
    assert!(said.status == StatusCode::BAD_REQUEST && said.text.len() < 3000, "{} bytes", said.text.len());
    // Other types, and encodings in which little could be much.
    let unsupported = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "admin.media_type".to_owned());
    let types = [
        mine("/domains").method("POST"),
        mine("/domains").method("POST").header("content-type", "text/plain"),
        mine("/domains").method("POST").header("content-type", "application/x-www-form-urlencoded"),
        post().header("content-encoding", "gzip"),
    ];
    for request in types {
        assert_eq!(sent(&h, request, &new).await, unsupported);
    }
    assert_eq!(sent(&h, post().header("content-encoding", "identity"), &new).await.0, StatusCode::CREATED);
}

/// Without a version nothing is changed; with one that is none of ours nobody is at fault but the change.
#[tokio::test(flavor = "multi_thread")]
async fn versions_are_said_and_ours() {
    let h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let path = "/people/anne";
    let change = || Some(json!({ "phone": "+33199001234" }));
    let version = h.root(Method::GET, path, &[], None).await.etag();
    let weak = format!("W/{version}");
    let list = format!("{version}, \"v99\"");
    for (given, status) in [
        (None, StatusCode::PRECONDITION_REQUIRED),
        (Some("*"), StatusCode::PRECONDITION_REQUIRED),
        (Some(""), StatusCode::PRECONDITION_REQUIRED),
        (Some("v1"), StatusCode::PRECONDITION_FAILED),
        (Some("\"v999\""), StatusCode::PRECONDITION_FAILED),
        (Some("\"v99999999999999999999\""), StatusCode::PRECONDITION_FAILED),
        (Some(weak.as_str()), StatusCode::PRECONDITION_FAILED),
        (Some(list.as_str()), StatusCode::PRECONDITION_FAILED),
    ] {
        let headers: Vec<_> = given.map(|g| ("if-match", g)).into_iter().collect();
        assert_eq!(h.root(Method::PATCH, path, &headers, change()).await.status, status, "{given:?}");
    }
    let changed = h.root(Method::PATCH, path, &[("if-match", &version)], change()).await;
    assert_eq!((changed.status, changed.etag() != version), (StatusCode::OK, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_person_and_one_request() {
    let h = House::new().await;
    let root = h.token("root").await;
    const KEY: [(&str, &str); 1] = [("idempotency-key", "organisme-1")];
    let new = || {
        Some(json!({ "code": "grades-exemple", "name": "GRADeS de l'Exemple", "contact": { "name": "Alix Exemple" } }))
    };
    let add = || h.ask(Some(&root), Method::POST, "/bodies", &KEY, new());
    // Many at once: one is carried out, and the others hear that it was, or its answer.
    let all = futures_util::future::join_all((0..8).map(|_| add())).await;
    let first: Vec<_> = all
        .iter()
        .filter(|s| s.status == StatusCode::CREATED && !s.headers.contains_key("idempotency-replayed"))
        .collect();
    assert_eq!(first.len(), 1, "{all:?}");
    assert!(all.iter().all(|s| s.status == StatusCode::CREATED || s.code() == "idempotency.done"), "{all:?}");
    // What is told again is told whole: where it is, and its version.
    let again = add().await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first[0].body));
    for name in ["location", "etag", "content-type"] {
        assert_eq!(again.headers.get(name), first[0].headers.get(name), "{name}");
    }
    assert_eq!(again.headers["idempotency-replayed"], "true");
    // To another person it is another key: the act is judged as if there were none.
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let anne = h.token("anne").await;
    let said = h.ask(Some(&anne), Method::POST, "/bodies", &KEY, new()).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    // Keys that are none, and a body that is too long under one.
    let long = "k".repeat(201);
    for bad in ["", " ", "é", "a b", long.as_str()] {
        let headers = [("idempotency-key", bad)];
        let said = h.ask(Some(&root), Method::POST, "/bodies", &headers, new()).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{bad:?}");
    }
    let big = json!({ "code": "x", "name": "x".repeat(sceau_web::BODY) });
    let said = h.ask(Some(&root), Method::POST, "/bodies", &[("idempotency-key", "gros")], Some(big)).await;
    assert_eq!((said.status, said.code()), (StatusCode::PAYLOAD_TOO_LARGE, "message.too_big"));
    // An answer without a body is one the second time too.
    let ack = json!({ "code": "rien", "subject": "" });
    let said =
        h.ask(Some(&root), Method::POST, "/alarms/acknowledgements", &[("idempotency-key", "a")], Some(ack)).await;
    assert_eq!(said.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_asked_for_between_two_instants() {
    let h = House::new().await;
    sceau_testkit::newcomers(&h.op, &h.admin, &["avant"]).await;
    let between = h.op.clock().now().0 + 30_000;
    h.store.clock.advance_ms(60_000);
    sceau_testkit::newcomers(&h.op, &h.admin, &["apres"]).await;
    let asked = async |query: String| {
        let said = h.root(Method::GET, &format!("/traces?act=person&{query}"), &[], None).await;
        assert_eq!(said.status, StatusCode::OK, "{}", said.text);
        let items = said.body["items"].as_array().unwrap().clone();
        items.into_iter().map(|t| t["at"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let (before, after) = (asked(format!("until={between}")).await, asked(format!("since={between}")).await);
    assert!(!before.is_empty() && before.iter().all(|at| *at < between), "{before:?}");
    assert!(!after.is_empty() && after.iter().all(|at| *at >= between), "{after:?}");
    assert_eq!(asked(String::new()).await.len(), before.len() + after.len());
    assert!(asked(format!("since={between}&until={between}")).await.is_empty());
}
