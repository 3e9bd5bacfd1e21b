//! What one node takes away, the other's waiting sessions learn.
use crate::access::*;
use sceau_operator::Operator;
use sceau_store::{Store, StoreConfig};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_node_is_pulled_back_at_once() {
    let w = house(sceau_store::testing::postgres().await).await;
    let spools = w.store.folder().join("spools-2");
    let config = StoreConfig { node: 2, name: "deux.alpha.fr".into(), spools, ..w.store.config.clone() };
    let store = Store::open(config).await.unwrap();
    let second = Operator::open(w.op.config().clone(), store, w.op.trust().clone()).await.unwrap();
    let (stop, running) = (CancellationToken::new(), second.clone());
    let stopped = stop.clone();
    let task = tokio::spawn(async move { running.run_node(stopped).await });
    let secret = w.op.create_token(&w.admin, "bruno", None, "poste", None).await.unwrap().1;
    let actor = second.login_token(&format!("bruno*{SERVICE}"), &secret, &origin(Door::Imap)).await.unwrap();
    second.still_allowed(&actor).await.unwrap();
    let mut leash = second.leash(&actor);
    // Somebody else's loss does not wake it.
    w.op.end_access(&w.admin, "exploitation@alpha.mssante.fr", "bruno", None).await.unwrap();
    timeout(Duration::from_secs(5), leash.pulled()).await.expect("the same person");
    second.still_allowed(&actor).await.expect("at another BAL");
    give(&w, "chloe", AccessRole::Member, &[]).await.unwrap();
    w.op.end_access(&w.admin, SERVICE, "chloe", None).await.unwrap();
    assert!(timeout(Duration::from_millis(300), leash.pulled()).await.is_err(), "another person");
    // The control: a node that hears nothing believes what it judged (time stands still here), and nobody there is told.
    let spools = w.store.folder().join("spools-3");
    let config = StoreConfig { node: 3, name: "trois.alpha.fr".into(), spools, ..w.store.config.clone() };
    let deaf =
        Operator::open(w.op.config().clone(), Store::open(config).await.unwrap(), w.op.trust().clone()).await.unwrap();
    let there = deaf.login_token(&format!("bruno*{SERVICE}"), &secret, &origin(Door::Imap)).await.unwrap();
    let mut untold = deaf.leash(&there);
    deaf.still_allowed(&there).await.unwrap();
    let ended = Instant::now();
    w.op.end_access(&w.admin, SERVICE, "bruno", Some("Départ")).await.unwrap();
    timeout(Duration::from_secs(5), leash.pulled()).await.expect("told");
    println!("told after {:?}", ended.elapsed());
    assert_eq!(code(second.still_allowed(&actor).await), "right.missing");
    assert!(timeout(Duration::from_millis(300), untold.pulled()).await.is_err(), "without the word");
    deaf.still_allowed(&there).await.expect("believed without the word");
    stop.cancel();
    task.await.unwrap();
    tokio::task::spawn_blocking(move || drop((second, leash, deaf, untold))).await.unwrap();
}
