//! A PostgreSQL whose ground gives way under many writers: nothing twice, nothing missing, and the faults were really made.
use sceau_store::testing::{self, TestStore};
use sceau_store::{Store, StoreError, Tx, params};
use std::collections::BTreeSet;

type Result<T = ()> = std::result::Result<T, StoreError>;

fn put(tx: &mut dyn Tx, name: &str, version: i64) -> Result {
    let sql = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, $3, 0)";
    tx.execute(sql, params![name, b"v".as_slice(), version]).map(drop)
}

/// Eight writers, each with rows of its own and a sum that all share.
async fn many_writers(s: &TestStore, rounds: i64) -> Vec<Result> {
    s.write(|tx| put(tx, "sum", 0)).await.unwrap();
    let writers: Vec<_> = (0..8_i64)
        .map(|w| {
            let store = Store::clone(s);
            tokio::spawn(async move {
                let mut outcomes = Vec::new();
                for round in 0..rounds {
                    let done: Result = store
                        .write(move |tx| {
                            put(tx, &format!("w{w}-{round}"), w)?;
                            tx.execute("UPDATE settings SET version = version + 1 WHERE name = 'sum'", &[]).map(drop)
                        })
                        .await;
                    outcomes.push(done);
                }
                outcomes
            })
        })
        .collect();
    let mut all = Vec::new();
    for w in writers {
        all.extend(w.await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transaction_takes_place_once_whatever_fails() {
    let s = testing::failing_postgres(4).await;
    let outcomes = many_writers(&s, 60).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let (rows, sum): (i64, i64) = s
        .read(|tx| {
            let rows = tx.query("SELECT COUNT(*) FROM settings WHERE name LIKE 'w%'", &[])?[0].int(0)?;
            Ok::<_, StoreError>((rows, tx.query("SELECT version FROM settings WHERE name = 'sum'", &[])?[0].int(0)?))
        })
        .await
        .unwrap();
    assert_eq!((rows, sum), (480, 480));
    // All that can go wrong went wrong.
    let made: BTreeSet<String> = s.faults().into_iter().filter(|(_, n)| *n > 0).map(|(kind, _)| kind).collect();
    for kind in [
        "Begin lost",
        "BeforeStatement lost",
        "BeforeStatement conflict",
        "AfterStatement lost",
        "AfterStatement conflict",
        "BeforeCommit lost",
        "BeforeCommit conflict",
        "AfterCommit lost",
    ] {
        assert!(made.contains(kind), "{kind} did not happen: {made:?}");
    }
}
