//! The ordinary address: a notice with a one-time link, a page that only its button confirms.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_operator::notices::NotTaken;
use sceau_testkit::relay::Played;
use serde_json::{Value, json};
use std::sync::Arc;

async fn house() -> (House, Arc<Played>) {
    let h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let relay = Played::of(&h.op);
    (h, relay)
}

async fn set(h: &House, address: &str) -> Value {
    let said = h.root(Method::PUT, "/people/anne/email", &[], Some(json!({ "address": address }))).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
    h.op.run_due_jobs().await.unwrap();
    h.root(Method::GET, "/people/anne", &[], None).await.body["email"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_confirms_once_and_only_by_its_button() {
    let (h, relay) = house().await;
    let shown = set(&h, "anne@exemple.fr").await;
    assert_eq!(
        (&shown["address"], &shown["verified"], &shown["notice"]),
        (&json!("anne@exemple.fr"), &Value::Null, &json!("sent"))
    );
    let (to, message) = relay.taken()[0].clone();
    assert_eq!(to, "anne@exemple.fr");
    assert!(message.contains("Auto-Submitted: auto-generated") && message.contains("-- English --"), "{message}");
    let path = relay.link("/lien/");
    // Nothing of it is kept: neither the secret nor, once it has left, the sealed notice.
    let (secret, sealed) = (path.rsplit('/').next().unwrap().to_owned(), relay.taken().len());
    assert_eq!((secret.len(), sealed), (43, 1));
    let kept = h.store.read(|tx| tx.query("SELECT sealed FROM notices", &[])).await;
    let kept: Vec<sceau_store::engine::Row> = kept.map_err(|e: sceau_store::StoreError| e).unwrap();
    assert!(kept.len() == 1 && kept[0].opt_bytes(0).unwrap().is_none());
    // A program that follows links confirms nothing, however often.
    for _ in 0..2 {
        let page = h.bare(Method::GET, &path).await;
        assert_eq!((page.status, page.text.contains("a…@exemple.fr")), (StatusCode::OK, true), "{}", page.text);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("script-src") && !policy.contains("unsafe"));
        assert_eq!(
            (page.headers["referrer-policy"].as_bytes(), page.headers["cache-control"].as_bytes()),
            (&b"no-referrer"[..], &b"no-store"[..])
        );
        assert!(!page.text.contains("<script") && !page.text.contains(&secret) && page.text.contains("lang=\"en\""));
    }
    let email = h.root(Method::GET, "/people/anne", &[], None).await.body["email"].clone();
    assert_eq!(email["verified"], Value::Null);
    let done = h.bare(Method::POST, &path).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let email = h.root(Method::GET, "/people/anne", &[], None).await.body["email"].clone();
    assert!(email["verified"].is_i64());
    for method in [Method::POST, Method::GET] {
        assert_eq!(h.bare(method, &path).await.status, StatusCode::GONE, "used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_time_a_newer_one_another_address_or_a_block() {
    let (h, relay) = house().await;
    set(&h, "anne@exemple.fr").await;
    let first = relay.link("/lien/");
    set(&h, "anne@exemple.fr").await;
    let second = relay.link("/lien/");
    assert_ne!(first, second);
    assert_eq!(h.bare(Method::POST, &first).await.status, StatusCode::GONE, "replaced");
    h.root(Method::DELETE, "/people/anne/email", &[], None).await;
    assert_eq!(h.bare(Method::POST, &second).await.status, StatusCode::GONE, "taken away");
    set(&h, "anne@exemple.fr").await;
    let third = relay.link("/lien/");
    h.store.clock.advance_ms(48 * 3_600_000);
    assert_eq!(h.bare(Method::POST, &third).await.status, StatusCode::GONE, "late");
    set(&h, "anne@exemple.fr").await;
    let fourth = relay.link("/lien/");
    let block = |at: Option<i64>| {
        h.store.write(move |tx| {
            let values = sceau_store::params![at];
            tx.execute("UPDATE people SET disabled = $1 WHERE login = 'anne'", values).map(drop)
        })
    };
    block(Some(1)).await.map_err(|e: sceau_store::StoreError| e).unwrap();
    assert_eq!(h.bare(Method::POST, &fourth).await.status, StatusCode::GONE, "blocked");
    block(None).await.map_err(|e: sceau_store::StoreError| e).unwrap();
    assert_eq!(h.bare(Method::POST, &fourth).await.status, StatusCode::OK);
    for nowhere in [
        "/lien/x",
        "/lien/",
        &format!("/lien/{}", "A".repeat(43)),
        "/lien/%00%0d%0a",
        &format!("/lien/{}", "é".repeat(43)),
    ] {
        let said = h.bare(Method::POST, nowhere).await;
        assert!(
            said.status == StatusCode::GONE
                || said.status == StatusCode::NOT_FOUND
                || said.status == StatusCode::BAD_REQUEST,
            "{nowhere} {}",
            said.status
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_relay_says_is_kept_and_raised() {
    let (h, relay) = house().await;
    relay.answers(Err(NotTaken::Later("451 4.3.0".into())));
    assert_eq!(set(&h, "anne@exemple.fr").await["notice"], "waiting");
    // Tried again when it is time, and it leaves.
    relay.answers(Ok(()));
    assert_eq!(h.op.run_due_jobs().await.unwrap(), 0, "not at once");
    h.store.clock.advance_ms(6_000);
    h.op.run_due_jobs().await.unwrap();
    assert_eq!(h.root(Method::GET, "/people/anne", &[], None).await.body["email"]["notice"], "sent");
    relay.answers(Err(NotTaken::Never("550 5.1.1".into())));
    let email = set(&h, "faux@exemple.fr").await;
    assert_eq!((&email["notice"], &email["cause"]), (&json!("refused"), &json!("550 5.1.1")));
    let alarms = h.root(Method::GET, "/alarms", &[], None).await;
    assert!(alarms.text.contains("notice.refused") && !alarms.text.contains("faux@"), "{}", alarms.text);
    // A relay that stays away: after a while an alarm says so; when the notice is worth nothing more, it is given up.
    relay.answers(Err(NotTaken::Later("connect".into())));
    assert_eq!(set(&h, "anne@exemple.fr").await["notice"], "waiting");
    h.store.clock.advance_ms(3_600_000);
    h.op.run_due_jobs().await.unwrap();
    assert!(h.root(Method::GET, "/alarms", &[], None).await.text.contains("notice.relay"));
    h.store.clock.advance_ms(24 * 3_600_000);
    h.op.run_due_jobs().await.unwrap();
    assert_eq!(h.root(Method::GET, "/people/anne", &[], None).await.body["email"]["notice"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_relay_no_flood_and_no_address_of_the_trust_space() {
    let h = House::new().await;
    sceau_testkit::people(
        &h.op,
        &h.store,
        &h.admin,
        &[("alpha.mssante.fr", sceau_domain::DomainKind::Production)],
        &["anne"],
    )
    .await;
    let put = async |h: &House, address: &str| {
        h.root(Method::PUT, "/people/anne/email", &[], Some(json!({ "address": address }))).await
    };
    let said = put(&h, "anne@exemple.fr").await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "notice.no_relay"));
    assert_eq!(h.root(Method::GET, "/people/anne", &[], None).await.body["email"], Value::Null);
    let (h, _) = house().await;
    h.op.add_domain(&h.admin, "alpha.mssante.fr".parse().unwrap(), sceau_domain::DomainKind::Production).await.unwrap();
    let said = put(&h, "anne@alpha.mssante.fr").await;
    assert_eq!((said.status, said.code()), (StatusCode::UNPROCESSABLE_ENTITY, "contact.inside"));
    for bad in ["anne", "@exemple.fr", "a@b\r\nRCPT TO:<x@y>", "a b@exemple.fr>", ""] {
        let said = put(&h, bad).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"), "{bad:?}");
    }
    for n in 0..6 {
        let said = put(&h, "anne@exemple.fr").await;
        assert_eq!(said.status.as_u16(), if n < 5 { 200 } else { 429 }, "{n} {}", said.text);
    }
    let anne = h.token("anne").await;
    let said = h.ask(Some(&anne), Method::DELETE, "/people/anne/email", &[], None).await;
    assert_eq!((said.status, &said.body["email"]), (StatusCode::OK, &Value::Null), "one's own: {}", said.text);
}
