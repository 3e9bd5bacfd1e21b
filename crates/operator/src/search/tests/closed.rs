//! What closing a BAL leaves of its index in memory: nothing, here and on other nodes.
use super::letter;
use crate::Operator;
use crate::mailbox::tests::{House, on_both};
use crate::search::{Page, blocking};
use sceau_store::{Event, StoreError};

on_both!(nothing_of_a_closed_mailbox_stays_in_memory);

async fn nothing_of_a_closed_mailbox_stays_in_memory(h: House) {
    let node = || Operator::open(h.operator.config().clone(), h.store.clone(), h.operator.trust().clone());
    let bal = h.bal_id();
    let (other, deaf) = (node().await.unwrap(), node().await.unwrap());
    h.file("INBOX", &letter(1, "digoxine")).await;
    h.index().await;
    let page = Page { before: None, limit: 10 };
    for op in [&h.operator, &other, &deaf] {
        op.find_messages(&h.actor, &op.query("digoxine").unwrap(), None, page).await.unwrap();
        assert!(op.0.search.cache.bytes() > 0 && op.0.search.opened.count() == 1);
    }
    // A search that goes on beside the closing holds an index of its own.
    let row = h.state().await;
    let seal = h.operator.bal_seal(bal).await.unwrap();
    let late = h.operator.open_index(&seal, &row).await.unwrap().unwrap();
    let address = h
        .store
        .read::<_, StoreError, _>(move |tx| sceau_store::accounts::bal_by_id(tx, bal))
        .await
        .unwrap()
        .unwrap()
        .address;
    h.operator.close_bal(&h.administrator().await, &address, crate::life::CloseOrder::at_once("essai")).await.unwrap();
    let empty = |op: &Operator| (op.0.search.cache.bytes(), op.0.search.opened.count());
    assert_eq!(empty(&h.operator), (0, 0), "at once where it is closed");
    let reading = late.index.clone();
    blocking(move || reading.is_empty()).await.unwrap().unwrap();
    drop(h.operator.open_index(&seal, &row).await);
    assert_eq!(empty(&h.operator), (0, 0), "and what had begun brings nothing back");
    other.hear(Event::KeyDestroyed(bal));
    assert_eq!(empty(&other), (0, 0), "by the event elsewhere");
    deaf.hear(Event::Everything);
    assert_eq!(empty(&deaf), (0, 0), "by the next event where that one was missed");
}
