//! The fence of the log: who lost the notary's lease appends nothing, however well the append was prepared.

use sceau_store::StoreError;
use sceau_store::notary::{self, Append, Checkpoint, NewLeaf};
use sceau_store::testing::TestStore;

on_both_engines! { a_holder_whose_lease_another_took_appends_nothing }

/// One leaf, prepared for a log of this size.
fn one(owner: &str, now: i64, size: i64) -> Append {
    let checkpoint = Checkpoint {
        size: size + 1,
        root: vec![7; 32],
        at: now,
        origin: "essai".into(),
        key: "cle".into(),
        keeper: 1,
        signature: vec![9; 64],
    };
    let leaves = vec![NewLeaf { trace: 100 + size, salt: [1; 32], hash: [2; 32] }];
    let (owner, until) = (owner.to_owned(), now + 60_000);
    Append { owner, now, until, size, horizon: 0, patrol: 0, leaves, nodes: Vec::new(), checkpoint }
}

async fn append(s: &TestStore, a: &Append) -> bool {
    let a = a.clone();
    s.write(move |tx| notary::append(tx, &a)).await.map_err(|e: StoreError| e).unwrap()
}

/// Size, leaves, checkpoints, and who holds the lease.
async fn log(s: &TestStore) -> (i64, i64, i64, Option<String>) {
    s.read(|tx| {
        let state = notary::state(tx)?;
        let mut count = |table: &str| tx.query(&format!("SELECT COUNT(*) FROM {table}"), &[])?[0].int(0);
        Ok::<_, StoreError>((state.size, count("leaves")?, count("checkpoints")?, state.holder.map(|(owner, _)| owner)))
    })
    .await
    .unwrap()
}

async fn a_holder_whose_lease_another_took_appends_nothing(s: TestStore) {
    assert!(append(&s, &one("1:a", 0, 0)).await);
    // It prepares the next leaf and sleeps (a machine that is paused); its lease ends and another process takes over.
    let stale = one("1:a", 50_000, 2);
    assert!(!append(&s, &one("2:b", 59_999, 1)).await, "held");
    assert!(append(&s, &one("2:b", 60_001, 1)).await, "ended");
    let before = log(&s).await;
    assert_eq!(before, (2, 2, 2, Some("2:b".into())));
    // Its clock stood still, the size is right by chance: only the lease is in its way.
    assert!(!append(&s, &stale).await);
    assert!(!append(&s, &one("1:a", 120_000, 2)).await, "a moment before the other's lease ends");
    assert_eq!(log(&s).await, before, "and it did not take the lease");
    // The very same append goes through when the lease is nobody's: nothing else held it back.
    s.write(|tx| sceau_store::leases::release(tx, notary::LEASE, "2:b")).await.map_err(|e: StoreError| e).unwrap();
    assert!(append(&s, &stale).await);
    // Prepared for another size, it is refused although the lease is its own.
    assert!(!append(&s, &stale).await);
    assert_eq!(log(&s).await, (3, 3, 3, Some("1:a".into())));
}
