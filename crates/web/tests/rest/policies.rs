use crate::support::{House, Said};
use axum::http::{Method, StatusCode};
use sceau_domain::{BalKind, DomainKind};
use serde_json::{Value, json};

const BAL: &str = "cardio@alpha.mssante.fr";

async fn put(h: &House, place: &str, value: u64) -> Said {
    h.root(Method::PUT, &format!("/policies/values/{place}"), &[], Some(json!({ "value": value }))).await
}

/// A limit in force of the BAL: value and where it comes from.
async fn in_force(h: &House, name: &str) -> (u64, String) {
    let said = h.root(Method::GET, &format!("/bals/{BAL}/policy"), &[], None).await;
    let found = said.body["items"].as_array().unwrap().iter().find(|v| v["name"] == name).unwrap().clone();
    (found["value"].as_u64().unwrap(), found["from"].as_str().unwrap().to_owned())
}

async fn open(h: &House, address: &str, kind: BalKind) {
    sceau_testkit::bal(&h.op, &h.admin, address, kind, &["anne"], |_| {}).await;
}

async fn house() -> House {
    let h = House::new().await;
    let domains = [("alpha.mssante.fr", DomainKind::Production)];
    sceau_testkit::people(&h.op, &h.store, &h.admin, &domains, &["anne"]).await;
    open(&h, BAL, BalKind::Org).await;
    h
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_word_is_in_force_at_once_and_says_where_it_comes_from() {
    let h = house().await;
    assert_eq!(in_force(&h, "recipients").await, (40, "built_in".into()));
    for (place, value, from) in
        [("domain/alpha.mssante.fr", 50, "domain"), ("kind/Org", 60, "kind"), (&format!("bal/{BAL}"), 70, "bal")]
    {
        let said = put(&h, &format!("{place}/recipients"), value).await;
        assert_eq!((said.status, said.body["scope"].as_str()), (StatusCode::OK, Some(from)), "{:?}", said.body);
        assert_eq!(in_force(&h, "recipients").await, (value, from.into()));
    }
    // Another kind's word is not for this BAL.
    put(&h, "kind/App/recipients", 80).await;
    let gone = h.root(Method::DELETE, &format!("/policies/values/bal/{BAL}/recipients"), &[], None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(in_force(&h, "recipients").await, (60, "kind".into()));
    let again = h.root(Method::DELETE, &format!("/policies/values/bal/{BAL}/recipients"), &[], None).await;
    assert_eq!((again.status, again.code()), (StatusCode::NOT_FOUND, "admin.not_found"));
    // By pages.
    let mut seen = Vec::new();
    let mut path = "/policies/values?limit=2".to_owned();
    loop {
        let page = h.root(Method::GET, &path, &[], None).await;
        let name = |v: &Value| format!("{}/{}", v["scope"].as_str().unwrap(), v["subject"].as_str().unwrap());
        seen.extend(page.body["items"].as_array().unwrap().iter().map(name));
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/policies/values?limit=2&after={next}");
    }
    assert_eq!(seen, ["domain/alpha.mssante.fr", "kind/App", "kind/Org"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_acts_at_once_on_every_bal_that_it_is_for() {
    let h = house().await;
    open(&h, "labo@alpha.mssante.fr", BalKind::App).await;
    let quota = async |address: &str| h.op.bal(&h.admin, address).await.unwrap().quota;
    let put = async |place: &str, value| assert_eq!(put(&h, place, value).await.status, StatusCode::OK);
    put("domain/alpha.mssante.fr/quota_bytes", 3_000_000_000).await;
    assert_eq!((quota(BAL).await, quota("labo@alpha.mssante.fr").await), (3_000_000_000, 3_000_000_000));
    put("kind/App/quota_bytes", 5_000_000_000).await;
    assert_eq!((quota(BAL).await, quota("labo@alpha.mssante.fr").await), (3_000_000_000, 5_000_000_000));
    put(&format!("bal/{BAL}/quota_bytes"), 30_000_000).await;
    assert_eq!(quota(BAL).await, 30_000_000);
    h.root(Method::DELETE, &format!("/policies/values/bal/{BAL}/quota_bytes"), &[], None).await;
    assert_eq!(quota(BAL).await, 3_000_000_000);
    // One that is opened now has it too.
    open(&h, "radio@alpha.mssante.fr", BalKind::Org).await;
    assert_eq!(quota("radio@alpha.mssante.fr").await, 3_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_set_is_refused_with_what_may() {
    let h = house().await;
    for (place, value, code, said) in [
        ("kind/Org/recipients", 0, "admin.invalid", "1 … 10000"),
        ("kind/Org/message_bytes", 26_000_000, "admin.invalid", "… 25000000 bytes"),
        ("kind/Org/quota_bytes", 1_000_000, "admin.invalid", "25000000 …"),
        ("kind/Org/hops", 50, "admin.invalid", "operator"),
        ("operator/-/recipients", 50, "admin.invalid", "[limits] recipients"),
        ("planet/Mars/recipients", 50, "admin.invalid", "domain, kind, structure, bal"),
        ("kind/Org/recipient", 50, "admin.not_found", "recipient"),
        ("kind/Rien/recipients", 50, "admin.not_found", "Rien"),
        ("structure/inconnue/recipients", 50, "admin.not_found", "inconnue"),
        ("bal/inconnue@alpha.mssante.fr/recipients", 50, "admin.not_found", "inconnue"),
    ] {
        let refused = put(&h, place, value).await;
        assert_eq!(refused.code(), code, "{place}");
        let sentence = refused.body["detail_en"].as_str().unwrap();
        assert!(sentence.contains(said), "{place}: {sentence}");
    }
    // Who holds the BAL sees its limits and sets none; a stranger sees nothing.
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["zoe"]).await;
    let (anne, zoe) = (h.token("anne").await, h.token("zoe").await);
    let path = format!("/bals/{BAL}/policy");
    assert_eq!(h.ask(Some(&anne), Method::GET, &path, &[], None).await.status, StatusCode::OK);
    let said = h.ask(Some(&zoe), Method::GET, &path, &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let body = Some(json!({ "value": 50 }));
    let said = h.ask(Some(&anne), Method::PUT, "/policies/values/kind/Org/recipients", &[], body).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.ask(Some(&anne), Method::GET, "/policies/values", &[], None).await;
    assert_eq!((said.status, said.body["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(0)));
}
