//! Behind a one-time link a person makes a token that nobody else sees: asked for over REST, made on a page.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_operator::{Actor, Door, OperatorConfig, Origin};
use sceau_testkit::relay::Played;
use serde_json::json;
use std::sync::Arc;

/// In service, with a relay; `anne` reads mail at `anne@exemple.fr`, which `seconde` typed in.
async fn house() -> (House, Arc<Played>) {
    let mut h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne", "seconde"]).await;
    let config = OperatorConfig { setting_up: false, ..h.op.config().clone() };
    h.op = sceau_operator::Operator::open(config, h.store.clone(), h.op.trust().clone()).await.unwrap();
    h.app = sceau_web::app(h.op.clone());
    let relay = Played::of(&h.op);
    let named = "UPDATE people SET given_name = login, family_name = login WHERE login = 'seconde'";
    let done = h.store.write(|tx| tx.execute(named, &[]).map(drop)).await;
    done.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    let role = json!({ "login": "seconde", "role": "administrator", "reason": "essai", "function": "Exploitation" });
    assert_eq!(h.root(Method::POST, "/roles", &[], Some(role)).await.status, StatusCode::CREATED);
    let origin = Origin { door: Door::Admin, remote: None, session: "s".into(), tls: None, once: None };
    let second: Actor = h.op.administrator("seconde", origin).await.unwrap();
    h.op.set_email(&second, "anne", "anne@exemple.fr").await.unwrap();
    h.op.run_due_jobs().await.unwrap();
    assert_eq!(h.bare(Method::POST, &relay.link("/lien/")).await.status, StatusCode::OK);
    (h, relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_alone_sees_the_token() {
    let (h, relay) = house().await;
    let new = |purpose: &str| Some(json!({ "login": "anne", "purpose": purpose, "label": "Poste <b>" }));
    // Not for who administers, over the socket either.
    let said = h.root(Method::POST, "/tokens", &[], new("device")).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "token.other"), "{}", said.text);
    let said = h.root(Method::POST, "/tokens/links", &[("idempotency-key", "un")], new("api")).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
    assert_eq!((&said.body["to"], &said.body["address"]), (&json!("anne"), &json!("a…@exemple.fr")));
    assert!(said.body["secret"].is_null() && !said.text.contains("sceau_"));
    // The same request again sends no second link.
    let again = h.root(Method::POST, "/tokens/links", &[("idempotency-key", "un")], new("api")).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &said.body));
    h.op.run_due_jobs().await.unwrap();
    let path = relay.link("/jeton/");
    assert!(!said.text.contains(path.rsplit('/').next().unwrap()));
    // Programs that follow links make nothing; what is shown is escaped, and kept by nobody.
    for _ in 0..2 {
        let page = h.bare(Method::GET, &path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("Poste &lt;b&gt;") && !page.text.contains("sceau_"), "{}", page.text);
        assert!(page.text.contains("lang=\"en\"") && !page.text.contains("<script"));
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    let listed = h.root(Method::GET, "/tokens?login=anne", &[], None).await;
    assert_eq!(listed.body["items"], json!([]));
    let done = h.bare(Method::POST, &path).await;
    assert_eq!((done.status, &done.headers["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
    let start = done.text.find("<code>sceau_").expect("the token") + 6;
    let token = done.text[start..].split('<').next().unwrap().to_owned();
    assert_eq!(h.ask(Some(&token), Method::GET, "/me", &[], None).await.body["login"], "anne");
    for method in [Method::POST, Method::GET] {
        let gone = h.bare(method, &path).await;
        assert_eq!(gone.status, StatusCode::GONE);
        assert!(!gone.text.contains(&token));
    }
    // With it she makes her own, and still no one else's.
    let own = Some(json!({ "purpose": "device", "label": "Téléphone" }));
    assert_eq!(h.ask(Some(&token), Method::POST, "/tokens", &[], own).await.status, StatusCode::CREATED);
    let other = Some(json!({ "login": "root", "purpose": "api", "label": "x" }));
    for path in ["/tokens", "/tokens/links"] {
        assert_eq!(h.ask(Some(&token), Method::POST, path, &[], other.clone()).await.code(), "right.missing");
    }
}
