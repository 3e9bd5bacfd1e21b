//! The queue over REST: found page by page, held, released and deleted with reasons, once a key; and who may.
use crate::support::House;
use axum::http::{Method, StatusCode};
use sceau_domain::Timestamp;
use sceau_store::queue::{Entry, Message, enqueue};
use sceau_store::{Id, StoreError, Tx};
use serde_json::{Value, json};

fn queued(tx: &mut dyn Tx, id: Id, domain: &str) -> Result<(), StoreError> {
    let far = Timestamp(i64::MAX / 4);
    let message = Message {
        id,
        blob: [7; 16],
        epoch: 1,
        blob_key: vec![1],
        bal: 0,
        sender: String::new(),
        sender_sealed: None,
        prefix: vec![1],
        size: 10,
        body_8bit: false,
        smtputf8: false,
        created: Timestamp(1),
        expires: far,
        tag: "t".into(),
        ret: 0,
        envid: None,
        requiretls: false,
        binary: false,
    };
    let entry = Entry {
        id: id * 10,
        message: id,
        destination: domain.into(),
        recipient: format!("x@{domain}"),
        recipient_sealed: None,
        attempts: 0,
        unreached: 0,
        next_at: Timestamp(1),
        warn_at: None,
        expires: far,
        last_code: None,
        last_reply: None,
        notify: None,
        orcpt: None,
    };
    enqueue(tx, &message, &[entry])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_found_held_and_emptied_by_who_may() {
    let h = House::new().await;
    let filled = h.store.write(|tx| {
        queued(tx, 1, "beta.mssante.fr")?;
        queued(tx, 2, "beta.mssante.fr")?;
        queued(tx, 3, "gamma.mssante.fr")
    });
    filled.await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let get = async |uri: &str| h.root(Method::GET, uri, &[], None).await.body;
    let first = get("/queue?limit=2").await;
    assert_eq!((first["items"].as_array().map(Vec::len), first["next"].as_str()), (Some(2), Some("20")));
    let second = get("/queue?limit=2&after=20").await;
    assert_eq!((&second["items"][0]["id"], &second["next"]), (&json!("30"), &Value::Null));
    assert_eq!(get("/queue?message=3&state=waiting").await["items"][0]["destination"], "gamma.mssante.fr");
    assert_eq!(get("/queue?message=3&destination=beta.mssante.fr").await["items"], json!([]));
    let destinations = get("/queue/destinations?limit=1").await;
    assert_eq!((&destinations["items"][0]["entries"], &destinations["next"]), (&json!(2), &json!("beta.mssante.fr")));

    let root = h.token("root").await;
    let hold = json!({ "what": { "destination": "beta.mssante.fr" }, "reason": "doute", "until": null });
    let key = [("idempotency-key", "k1")];
    for _ in 0..2 {
        let said = h.ask(Some(&root), Method::POST, "/queue/hold", &key, Some(hold.clone())).await;
        assert_eq!((said.status, &said.body["entries"]), (StatusCode::OK, &json!(2)));
    }
    assert_eq!(get("/queue?state=held").await["items"][0]["held"]["why"], "doute");
    let stats = get("/queue/stats").await;
    assert_eq!((&stats["held"], &stats["entries"], &stats["held_destinations"]), (&json!(2), &json!(3), &json!(1)));
    let post = async |uri: &str, body: Value| {
        let said = h.root(Method::POST, uri, &[], Some(body)).await;
        (said.status, said.code().to_owned(), said.body)
    };
    // One thing is spoken of, no more and no less; reasons are lines; times are to come.
    for (uri, body) in [
        ("/queue/hold", json!({ "what": {}, "reason": "x" })),
        ("/queue/hold", json!({ "what": { "all": true, "entry": "10" }, "reason": "x" })),
        ("/queue/hold", json!({ "what": { "all": true }, "reason": " " })),
        ("/queue/hold", json!({ "what": { "all": true }, "reason": "x", "until": 5 })),
        ("/queue/delete", json!({ "what": { "all": true }, "reason": "x", "silent": "" })),
    ] {
        assert_eq!(post(uri, body.clone()).await.1, "admin.invalid", "{uri} {body}");
    }
    assert_eq!(post("/queue/return", json!({ "what": { "entry": "11" }, "reason": "x" })).await.1, "admin.not_found");
    assert_eq!(post("/queue/release", json!({ "what": { "message": "1" } })).await.2["entries"], 1);
    assert_eq!(post("/queue/return", json!({ "what": { "message": "1" }, "reason": "x" })).await.2["entries"], 1);
    let gone = post("/queue/delete", json!({ "what": { "all": true }, "reason": "x", "silent": "essai" })).await.2;
    assert_eq!(gone, json!({ "entries": 2, "sending": 0, "more": false }));
    assert_eq!(get("/queue").await["items"], json!([]));

    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let anne = h.token("anne").await;
    let all = json!({ "what": { "all": true }, "reason": "x" });
    for uri in ["/queue/hold", "/queue/return", "/queue/delete"] {
        let said = h.ask(Some(&anne), Method::POST, uri, &[], Some(all.clone())).await;
        assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    }
}
