//! What people set for themselves at a BAL goes when their access is over.
use super::{House, on_both};
use crate::Actor;
use sceau_store::holds::{self, Hold};
use sceau_store::{StoreError, access, params};

on_both!(what_is_ones_own_goes_with_the_access);

/// Own and shared annotations, and subscriptions of others than the holder.
async fn left(h: &House) -> (i64, i64, i64) {
    (
        h.count("SELECT COUNT(*) FROM annotations WHERE bal_id = $1 AND person_id <> 0").await,
        h.count("SELECT COUNT(*) FROM annotations WHERE bal_id = $1 AND person_id = 0").await,
        h.count("SELECT COUNT(*) FROM subscriptions WHERE bal_id = $1").await,
    )
}

async fn set(h: &House, actor: &Actor) {
    let entry = |name: &str| [(name.to_owned(), Some(b"x".to_vec()))];
    h.operator.annotate(actor, None, &entry("/private/comment")).await.unwrap();
    h.operator.annotate(actor, Some("INBOX"), &entry("/private/comment")).await.unwrap();
    h.operator.annotate(actor, Some("INBOX"), &entry("/shared/comment")).await.unwrap();
}

async fn what_is_ones_own_goes_with_the_access(h: House) {
    let (guest, bal) = (h.neighbour(1 << 20).await, h.bal_id());
    let (person, now) = (guest.person(), h.operator.now().0);
    let there = Actor { bal: h.actor.bal.clone(), ..guest.clone() };
    let give = async |granted: i64| {
        let given = access::NewAccess::now(person, bal, "delegate", 7, granted, "chef");
        h.store.write::<_, StoreError, _>(move |tx| access::grant(tx, &given)).await.unwrap();
    };
    give(now).await;
    set(&h, &h.actor).await;
    set(&h, &there).await;
    h.operator.subscribe_folder(&there, "INBOX", false).await.unwrap();
    assert_eq!(left(&h).await, (4, 1, 1));
    h.operator.apply_retention().await.unwrap();
    assert_eq!(left(&h).await, (4, 1, 1), "as long as the access is in force");
    // Its end was planned, and has come; but a hold names the BAL.
    let hold = Hold::new(9, ("bal", bal), "essai", "tribunal", now, "chef");
    h.store
        .write::<_, StoreError, _>(move |tx| {
            let sql = "UPDATE access SET ends = $3 WHERE bal_id = $1 AND person_id = $2";
            tx.execute(sql, params![bal, person, now])?;
            holds::place(tx, &hold)
        })
        .await
        .unwrap();
    h.operator.apply_retention().await.unwrap();
    assert_eq!(left(&h).await, (4, 1, 1), "as long as a hold names the BAL");
    let lift = move |tx: &mut dyn sceau_store::Tx| holds::lift(tx, 9, now, "chef", "essai");
    assert!(h.store.write::<_, StoreError, _>(lift).await.unwrap());
    // Whoever is given an access again before anybody looked keeps what he has.
    give(now + 1).await;
    h.operator.apply_retention().await.unwrap();
    assert_eq!(left(&h).await, (4, 1, 1), "given again");
    let end = move |tx: &mut dyn sceau_store::Tx| access::end(tx, person, bal, now + 2, "chef");
    assert!(h.store.write::<_, StoreError, _>(end).await.unwrap());
    assert_eq!(h.operator.apply_retention().await.unwrap(), 3);
    // The holder's own and everybody's stay.
    assert_eq!(left(&h).await, (2, 1, 0));
    let traces = "SELECT COUNT(*) FROM traces WHERE act = 'retention.remains' AND bal_id = $1";
    assert_eq!(h.count(traces).await, 1);
}
