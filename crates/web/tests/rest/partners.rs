//! The white list, certificates and the ledger of partners over REST.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_operator::certificates::{OPERATOR, Own};
use sceau_operator::ledger::Direction;
use sceau_testkit::pki::Pki;
use serde_json::json;
use std::sync::Arc;

const LISTED: usize = 2_500;

#[tokio::test(flavor = "multi_thread")]
async fn the_white_list_is_read_by_pages_and_a_domain_is_explained() {
    let h = House::new().await;
    let entries = (0..LISTED).map(|i| (format!("d{i:05}.mssante.fr"), format!("CN=mss{}.fr,O=EXEMPLE,C=FR", i % 7)));
    h.op.trust().set_white_list(Arc::new(sceau_testkit::white_list(entries)));
    let (mut after, mut seen) = (None::<String>, Vec::new());
    loop {
        let path =
            format!("/white-list/domains?limit=1000{}", after.map(|a| format!("&after={a}")).unwrap_or_default());
        let said = h.root(Method::GET, &path, &[], None).await;
        assert_eq!(said.status, StatusCode::OK, "{:?}", said.body);
        let items = said.body["items"].as_array().unwrap();
        seen.extend(items.iter().map(|d| d["domain"].as_str().unwrap().to_owned()));
        match said.body["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert!(seen.len() == LISTED && seen.is_sorted(), "{}", seen.len());
    let said = h.root(Method::GET, "/white-list/domains?search=MSS3.FR&limit=3", &[], None).await;
    assert_eq!(said.body["items"][0]["domain"], "d00003.mssante.fr");
    let said = h.root(Method::GET, "/white-list/domains/d00003.mssante.fr", &[], None).await;
    assert_eq!(
        (said.status, &said.body["listed"], &said.body["accepts"]),
        (StatusCode::OK, &json!(true), &json!(true))
    );
    assert_eq!(said.body["certificates"][0]["dn"], "CN=mss3.fr,O=EXEMPLE,C=FR");
    let said = h.root(Method::GET, "/white-list/domains/ailleurs.example.org", &[], None).await;
    assert_eq!(
        (said.status, &said.body["listed"], &said.body["sends"]),
        (StatusCode::OK, &json!(false), &json!(false))
    );
    let said = h.root(Method::GET, "/white-list/domains/pas%20un%20domaine", &[], None).await;
    assert_eq!(said.status, StatusCode::BAD_REQUEST, "{:?}", said.body);
    let said = h.root(Method::POST, "/white-list/domains/ailleurs.example.org/connections", &[], None).await;
    assert_eq!(said.code(), "rcpt.not_listed");
    for path in ["/white-list", "/white-list/changes?since=0&limit=5"] {
        assert_eq!(h.root(Method::GET, path, &[], None).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(h.root(Method::GET, "/white-list/changes?since=hier", &[], None).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_partners_are_listed_and_shown() {
    let (h, pki) = (House::new().await, Pki::new());
    let identity = pki.identity("mss.alpha.fr");
    let own = Own { place: OPERATOR, leaf: identity.chain[0].clone() };
    h.op.declare_certificates(&[own], &pki.anchors()).await.unwrap();
    let said = h.root(Method::GET, "/certificates?kind=own", &[], None).await;
    let mine = said.body["items"][0].clone();
    assert_eq!(
        (mine["subject"].as_str(), mine["kind"].as_str()),
        (Some("CN=mss.alpha.fr,O=EXEMPLE,C=FR"), Some("own"))
    );
    let id = mine["id"].as_str().unwrap().to_owned();
    let said = h.root(Method::GET, &format!("/certificates/{id}"), &[], None).await;
    assert_eq!((said.status, &said.body["fingerprint"]), (StatusCode::OK, &mine["fingerprint"]));
    assert_eq!(h.root(Method::GET, "/certificates/12", &[], None).await.code(), "admin.not_found");
    assert_eq!(h.root(Method::GET, "/certificates?kind=nous", &[], None).await.code(), "admin.invalid");
    let said =
        h.root(Method::POST, &format!("/certificates/{id}/retire"), &[], Some(json!({ "reason": "essai" }))).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "state.wrong"));

    let peer = sceau_testkit::world::peer("CN=mss.beta.fr,O=EXEMPLE,C=FR");
    let domain = "beta.mssante.fr".parse().unwrap();
    h.op.peer_contact(Direction::Out, Some(&domain), &peer, Some("TLSv1.3 TLS_AES_256_GCM_SHA384"));
    h.op.peer_delivered(Direction::Out, Some(&domain), Some(&peer.dn), 1_234, Some(900));
    h.op.flush_ledger().await;
    let said = h.root(Method::GET, "/peers?search=beta&days=7", &[], None).await;
    assert_eq!((&said.body["items"][0]["sent"], &said.body["items"][0]["size"]), (&json!(1), &json!(1_234)));
    let said = h.root(Method::GET, "/peers/beta.mssante.fr", &[], None).await;
    assert_eq!(
        (&said.body["median_seconds"], &said.body["certificates"][0]["dn"]),
        (&json!(1), &json!(peer.dn.as_str()))
    );
    assert_eq!(h.root(Method::GET, "/peers/gamma.mssante.fr", &[], None).await.code(), "admin.not_found");
    assert_eq!(h.root(Method::GET, "/peers?days=0", &[], None).await.status, StatusCode::BAD_REQUEST);
}
