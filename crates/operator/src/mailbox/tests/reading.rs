//! Acts of reading are traced, in batches.
use super::{House, on_both};
use sceau_store::{StoreError, params, traces};
use std::time::Duration;

on_both!(reading_is_traced_a_session_at_a_time, a_flush_keeps_what_fails);

async fn traced(h: &House) -> Vec<(String, serde_json::Value)> {
    let filter = traces::Filter { limit: 1000, after: Some(0), ..Default::default() };
    let rows = h.store.read::<_, StoreError, _>(move |tx| traces::list(tx, &filter)).await.unwrap();
    rows.into_iter()
        .filter(|t| t.act != "mail.filed")
        .map(|t| {
            assert_eq!((t.outcome.as_str(), t.session.as_ref()), ("ok", Some(&h.actor.origin.session)));
            assert_eq!(t.bal, h.actor.bal.as_ref().map(|b| b.address.key()));
            (t.act, serde_json::from_str(&t.data).unwrap())
        })
        .collect()
}

async fn reading_is_traced_a_session_at_a_time(h: House) {
    for n in 0..3 {
        h.file("INBOX", &format!("Subject: secret {n}\r\n\r\nx")).await;
    }
    let inbox = h.open("INBOX").await;
    let ids: Vec<i64> = inbox.entries.iter().map(|e| e.message).collect();
    h.operator.summaries(&h.actor, &ids[..2]).await.unwrap();
    h.operator.summaries(&h.actor, &ids[2..]).await.unwrap();
    for id in &ids {
        h.operator.open_message(&h.actor, *id).await.unwrap();
    }
    let query = crate::mailbox::search::Query::Subject("secret".into());
    h.operator.search(&h.actor, &inbox.entries, &query).await.unwrap();
    h.operator.flush_traces().await.unwrap();
    let all = traced(&h).await;
    let acts: Vec<&str> = all.iter().map(|t| t.0.as_str()).collect();
    assert_eq!(acts, ["folder.opened", "message.listed", "message.read", "search.run"]);
    assert_eq!(all[1].1["count"], 3);
    assert_eq!(all[2].1["messages"], serde_json::json!(ids));
    assert_eq!((&all[3].1["searched"], &all[3].1["found"]), (&3.into(), &3.into()));
    assert!(all.iter().all(|t| !t.1.to_string().contains("secret")));
}

async fn a_flush_keeps_what_fails(h: House) {
    h.open("INBOX").await;
    let rename = |from: &'static str, to: &'static str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        h.store.write::<_, StoreError, _>(move |tx| tx.execute(&sql, params![]))
    };
    rename("traces", "traces_away").await.unwrap();
    assert!(h.operator.flush_traces().await.is_err());
    h.open("Sent").await;
    rename("traces_away", "traces").await.unwrap();
    h.operator.flush_traces().await.unwrap();
    assert_eq!(traced(&h).await.len(), 2);
}

#[tokio::test]
async fn nothing_waits_longer_than_promised() {
    let h = House::sqlite().await;
    h.open("INBOX").await;
    assert!(traced(&h).await.is_empty(), "traces of reading are written in batches");
    // Stopped only now: a stopped clock jumps to the next timer whenever the runtime waits for the store's threads.
    tokio::time::pause();
    // The runtime's clock is moved, not waited for; only the store's threads take real time.
    tokio::time::advance(Duration::from_secs(5)).await;
    for _ in 0..500 {
        tokio::task::yield_now().await;
        if traced(&h).await.len() == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("not written after five seconds");
}
