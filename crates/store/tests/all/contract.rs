//! What both engines promise, word for word the same: each test runs on SQLite and on PostgreSQL.

use sceau_store::testing::TestStore;
use sceau_store::{EngineUrl, MasterKey, Row, Store, StoreError, Tx, Value, params};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::Barrier;

on_every_ground! {
    parameters_are_bound_by_number,
    values_come_back_as_they_were,
    what_one_engine_would_refuse_both_refuse,
    text_is_compared_bytewise,
    broken_constraints_have_stable_errors,
    a_failed_statement_fails_the_closure,
    an_error_rolls_back,
    a_panic_fails_its_closure_only,
    many_writers_at_once_and_some_fail,
    a_write_is_carried_out_when_its_caller_is_gone,
    data_survive_a_restart,
    a_wrong_master_key_is_refused,
    a_lost_keyring_is_refused,
    a_newer_schema_is_refused,
}
// Their closures are counted, or wait for each other.
mod on_firm_ground {
    use super::*;
    on_both_engines! { a_reader_sees_one_snapshot_and_cannot_write, rivals_in_opposite_order_both_succeed }
}

type Result<T = ()> = std::result::Result<T, StoreError>;

async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> Result<T> {
    s.write(f).await
}
async fn read<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> Result<T> {
    s.read(f).await
}
async fn query(s: &Store, sql: &'static str, values: &[Value]) -> Result<Vec<Row>> {
    let values = values.to_vec();
    read(s, move |tx| tx.query(sql, &values)).await
}
async fn number(s: &Store, sql: &'static str) -> i64 {
    query(s, sql, &[]).await.unwrap()[0].int(0).unwrap()
}
/// A setting as a small row to play with.
fn put(tx: &mut dyn Tx, name: &str, version: i64) -> Result {
    let sql = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, $3, 0)";
    tx.execute(sql, params![name, b"v".as_slice(), version]).map(drop)
}
/// Without the settings of the store itself.
const COUNT: &str = "SELECT COUNT(*) FROM settings WHERE name NOT LIKE 'blobs.%'";

async fn parameters_are_bound_by_number(s: TestStore) {
    let sql = "SELECT CAST($3 AS BIGINT), CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($1 AS BIGINT), '$2', $1 + $3";
    let row = query(&s, sql, params![10, 20, 30]).await.unwrap().remove(0);
    let values: Vec<Value> = vec![30.into(), 10.into(), 20.into(), 10.into(), "$2".into(), 40.into()];
    assert_eq!(row.0, values);
    let ten: Vec<Value> = (1..=12).map(Value::Int).collect();
    let sql = "SELECT $12 - $1, $1 + $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 + $10 + $11 + $12";
    assert_eq!(query(&s, sql, &ten).await.unwrap()[0].0, [Value::Int(11), Value::Int(78)]);
}

async fn values_come_back_as_they_were(s: TestStore) {
    let every: Vec<u8> = (0..=255).collect();
    let texts = ["", "é\u{1F489}\r\n\t'\"\\", "E'\\x41'"];
    for (i, (text, bytes)) in texts.into_iter().zip([vec![], vec![0], every]).enumerate() {
        let id = i as i64 + 1;
        let token = bytes.clone();
        write(&s, move |tx| {
            let sql = "INSERT INTO people (id, login, name, national_id, created) VALUES ($1, $2, $3, $4, $5)";
            tx.execute(sql, params![id, text, text, None::<&str>, i64::MIN])?;
            let sql = "INSERT INTO tokens (id, person_id, bal_id, label, digest, created, expires) VALUES ($1, $1, $2, $3, $4, $5, $6)";
            tx.execute(sql, params![id, None::<i64>, text, token.clone(), i64::MAX, Some(0)])
        })
        .await
        .unwrap();
        let sql = "SELECT t.label, t.digest, t.created, p.national_id, p.created, t.expires FROM tokens t JOIN people p ON p.id = t.person_id \
                   WHERE t.id = $1";
        let row = query(&s, sql, params![id]).await.unwrap().remove(0);
        assert_eq!(row.text(0).unwrap(), text);
        assert_eq!(row.bytes(1).unwrap(), bytes);
        assert_eq!((row.int(2).unwrap(), row.opt_text(3).unwrap()), (i64::MAX, None));
        assert_eq!((row.int(4).unwrap(), row.opt_int(5).unwrap()), (i64::MIN, Some(0)));
    }
    let sums =
        query(&s, "SELECT COUNT(*), SUM(id), COALESCE(SUM(expires), 0), SUM(last_used), MAX(id) FROM tokens", &[])
            .await
            .unwrap();
    assert_eq!(sums[0].0, [Value::Int(3), Value::Int(6), Value::Int(0), Value::Null, Value::Int(3)]);
    assert!(query(&s, "SELECT 1 FROM people WHERE id = 99", &[]).await.unwrap().is_empty());
}

async fn what_one_engine_would_refuse_both_refuse(s: TestStore) {
    let bad: [(&'static str, Vec<Value>); 7] = [
        ("SELECT name FROM settings WHERE name = $1", vec!["a\0b".into()]),
        ("SELECT name FROM settings WHERE name = $1", vec![]),
        ("SELECT name FROM settings WHERE name = $1", vec!["a".into(), "b".into()]),
        ("SELECT name FROM settings WHERE name = $2", vec!["a".into(), "b".into()]),
        ("SELECT name FROM settings WHERE name = ?", vec!["a".into()]),
        ("SELECT 1.5", vec![]),
        ("SELECT name FROM settings WHERE name = $0", vec![]),
    ];
    for (sql, values) in bad {
        assert!(matches!(query(&s, sql, &values).await, Err(StoreError::Invalid(_))), "{sql}");
    }
    // A value of another type than the column's, and rows from execute().
    let sql = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, $3, 0)";
    write(&s, move |tx| tx.execute(sql, params!["a", "text", "text"])).await.unwrap_err();
    let returned = write(&s, |tx| tx.execute("SELECT 1 FROM settings", &[])).await;
    assert!(matches!(returned, Err(StoreError::Invalid(_))), "{returned:?}");
    write(&s, |tx| tx.query("SELECT 1; SELECT 2", &[])).await.unwrap_err();
    write(&s, |tx| tx.execute("DELETE FROM nowhere", &[])).await.unwrap_err();
    assert_eq!(number(&s, COUNT).await, 0);
}

async fn text_is_compared_bytewise(s: TestStore) {
    let sorted = ["A", "B", "Z", "_", "a", "b", "e", "f", "z", "É", "é", "\u{1F489}"];
    write(&s, move |tx| sorted.iter().rev().try_for_each(|name| put(tx, name, 1))).await.unwrap();
    let names = |rows: Vec<Row>| rows.iter().map(|r| r.text(0).unwrap()).collect::<Vec<_>>();
    assert_eq!(
        names(query(&s, "SELECT name FROM settings WHERE name NOT LIKE 'blobs.%' ORDER BY name", &[]).await.unwrap()),
        sorted
    );
    let after = query(
        &s,
        "SELECT name FROM settings WHERE name > $1 AND name NOT LIKE 'blobs.%' ORDER BY name LIMIT $2",
        params!["Z", 3],
    )
    .await
    .unwrap();
    assert_eq!(names(after), ["_", "a", "b"]);
    assert_eq!(names(query(&s, "SELECT name FROM settings WHERE name LIKE $1", params!["É%"]).await.unwrap()), ["É"]);
    assert_eq!(names(query(&s, "SELECT name FROM settings WHERE name LIKE 'a%'", &[]).await.unwrap()), ["a"]);
    assert_eq!(names(query(&s, "SELECT MAX(name) FROM settings", &[]).await.unwrap()), ["\u{1F489}"]);
}

async fn broken_constraints_have_stable_errors(s: TestStore) {
    let person = "INSERT INTO people (id, login, name, created) VALUES ($1, $2, 'n', 0)";
    write(&s, move |tx| tx.execute(person, params![1, "marie"])).await.unwrap();
    let twice = write(&s, move |tx| tx.execute(person, params![2, "marie"])).await;
    assert_eq!(twice, Err(StoreError::Exists("people.login".into())));
    let again = write(&s, move |tx| tx.execute(person, params![1, "paul"])).await;
    assert_eq!(again, Err(StoreError::Exists("people.id".into())));
    let bad = [
        "INSERT INTO tokens (id, person_id, label, digest, created) VALUES (2, 77, '', '', 0)",
        "INSERT INTO people (id, login, name, created) VALUES (3, NULL, 'n', 0)",
        "INSERT INTO access (person_id, bal_id, role, granted) VALUES (1, 1, 'king', 0)",
        "DELETE FROM people WHERE id = 1",
    ];
    write(&s, |tx| {
        let sql = "INSERT INTO tokens (id, person_id, label, digest, created) VALUES (1, 1, '', $1, 0)";
        tx.execute(sql, params![b"d".as_slice()])
    })
    .await
    .unwrap();
    for sql in bad {
        let outcome = write(&s, move |tx| tx.execute(sql, &[])).await;
        assert!(matches!(outcome, Err(StoreError::Invalid(_))), "{sql}: {outcome:?}");
    }
    // What exists is met without an error.
    let met =
        "INSERT INTO people (id, login, name, created) VALUES (9, 'marie', 'n', 0) ON CONFLICT (login) DO NOTHING";
    assert_eq!(write(&s, move |tx| tx.execute(met, &[])).await, Ok(0));
}

async fn a_failed_statement_fails_the_closure(s: TestStore) {
    let outcome = write(&s, |tx| {
        put(tx, "a", 1)?;
        // Swallowed: PostgreSQL would roll back silently.
        let _ = put(tx, "a", 2);
        let after = put(tx, "b", 1);
        assert!(matches!(after, Err(StoreError::Exists(_))), "{after:?}");
        Ok(())
    })
    .await;
    assert_eq!(outcome, Err(StoreError::Exists("settings.name".into())));
    assert_eq!(number(&s, COUNT).await, 0);
}

async fn an_error_rolls_back(s: TestStore) {
    let outcome: Result = write(&s, |tx| {
        put(tx, "a", 1)?;
        Err(StoreError::NoKey)
    })
    .await;
    assert_eq!(outcome, Err(StoreError::NoKey));
    assert_eq!(number(&s, COUNT).await, 0);
    // The caller's own error type.
    #[derive(Debug, PartialEq)]
    enum Mine {
        Store(StoreError),
        No,
    }
    impl From<StoreError> for Mine {
        fn from(e: StoreError) -> Self {
            Self::Store(e)
        }
    }
    let mine: std::result::Result<(), Mine> = s
        .write(|tx| {
            put(tx, "b", 1)?;
            Err(Mine::No)
        })
        .await;
    assert_eq!(mine, Err(Mine::No));
    let theirs: std::result::Result<(), Mine> = s
        .write(|tx| {
            put(tx, "b", 1)?;
            Ok(put(tx, "b", 1)?)
        })
        .await;
    assert_eq!(theirs, Err(Mine::Store(StoreError::Exists("settings.name".into()))));
    assert_eq!(number(&s, COUNT).await, 0);
}

async fn a_panic_fails_its_closure_only(s: TestStore) {
    let store = Store::clone(&s);
    let begun = Arc::new(AtomicU32::new(0));
    let neighbours: Vec<_> = (0..20)
        .map(|i| {
            let (store, begun) = (store.clone(), begun.clone());
            tokio::spawn(async move {
                write(&store, move |tx| {
                    put(tx, &format!("n{i}"), i)?;
                    if i % 5 == 0 {
                        begun.fetch_add(1, Ordering::Relaxed);
                        panic!("on purpose");
                    }
                    Ok(i)
                })
                .await
            })
        })
        .collect();
    for (i, n) in neighbours.into_iter().enumerate() {
        let outcome = n.await.unwrap();
        assert_eq!(outcome.is_ok(), i % 5 != 0, "{outcome:?}");
    }
    assert_eq!(number(&s, COUNT).await, 16);
    assert_eq!(begun.load(Ordering::Relaxed), 4, "one that panicked is not run again");
    let panicked: Result = read(&s, |_| panic!("on purpose")).await;
    assert!(matches!(panicked, Err(StoreError::Other(_))));
    assert_eq!(number(&s, COUNT).await, 16);
}

async fn many_writers_at_once_and_some_fail(s: TestStore) {
    write(&s, |tx| put(tx, "sum", 0)).await.unwrap();
    let start = Arc::new(Barrier::new(64));
    let writers: Vec<_> = (0..64_i64)
        .map(|i| {
            let (store, start) = (Store::clone(&s), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                for round in 0..4 {
                    let outcome = write(&store, move |tx| {
                        put(tx, &format!("w{i}-{round}"), i)?;
                        tx.execute("UPDATE settings SET version = version + $1 WHERE name = 'sum'", params![i])?;
                        // One in eight breaks a constraint, one in eight thinks better of it.
                        match i % 8 {
                            3 => put(tx, "sum", 0),
                            5 => Err(StoreError::NoKey),
                            _ => Ok(()),
                        }
                    })
                    .await;
                    match i % 8 {
                        3 => assert_eq!(outcome, Err(StoreError::Exists("settings.name".into()))),
                        5 => assert_eq!(outcome, Err(StoreError::NoKey)),
                        _ => assert_eq!(outcome, Ok(())),
                    }
                }
            })
        })
        .collect();
    for w in writers {
        w.await.unwrap();
    }
    let expected: i64 = (0..64).filter(|i| i % 8 != 3 && i % 8 != 5).map(|i| 4 * i).sum();
    assert_eq!(number(&s, "SELECT version FROM settings WHERE name = 'sum'").await, expected);
    assert_eq!(number(&s, COUNT).await, 48 * 4 + 1);
}

async fn a_reader_sees_one_snapshot_and_cannot_write(s: TestStore) {
    write(&s, |tx| put(tx, "a", 1)).await.unwrap();
    let (before, go) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let (told, wait) = (before.0, std::sync::Mutex::new(go.1));
    let store = Store::clone(&s);
    let reader = tokio::spawn(async move {
        read(&store, move |tx| {
            let first = tx.query(COUNT, &[])?[0].int(0)?;
            told.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
            Ok((first, tx.query(COUNT, &[])?[0].int(0)?))
        })
        .await
    });
    tokio::task::spawn_blocking(move || before.1.recv().unwrap()).await.unwrap();
    // A writer never waits for a reader.
    write(&s, |tx| put(tx, "b", 1)).await.unwrap();
    assert_eq!(number(&s, COUNT).await, 2);
    go.0.send(()).unwrap();
    assert_eq!(reader.await.unwrap(), Ok((1, 1)));
    let wrote = read(&s, |tx| put(tx, "c", 1)).await;
    assert!(matches!(wrote, Err(StoreError::Invalid(_))), "{wrote:?}");
    // The connection still serves, reading only.
    assert_eq!(number(&s, COUNT).await, 2);
}

async fn a_write_is_carried_out_when_its_caller_is_gone(s: TestStore) {
    let (begun, wait) = std::sync::mpsc::channel();
    let store = Store::clone(&s);
    let caller = tokio::spawn(async move {
        write(&store, move |tx| {
            // Nobody waits for a second run.
            let _ = begun.send(());
            put(tx, "kept", 1)
        })
        .await
    });
    tokio::task::spawn_blocking(move || wait.recv().unwrap()).await.unwrap();
    caller.abort();
    let _ = caller.await;
    for _ in 0..200 {
        if number(&s, COUNT).await == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the write was lost");
}

async fn rivals_in_opposite_order_both_succeed(s: TestStore) {
    write(&s, |tx| {
        put(tx, "a", 0)?;
        put(tx, "b", 0)
    })
    .await
    .unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    // SQLite has one writer: there the other one never comes.
    let wait =
        std::time::Duration::from_millis(if matches!(s.config.data, EngineUrl::Postgres(_)) { 10_000 } else { 100 });
    let rivals: Vec<_> = [["a", "b"], ["b", "a"]]
        .into_iter()
        .map(|order| {
            let (store, runs) = (Store::clone(&s), Arc::clone(&runs));
            tokio::spawn(async move {
                write(&store, move |tx| {
                    let add = "UPDATE settings SET version = version + 1 WHERE name = $1";
                    tx.execute(add, params![order[0]])?;
                    // Both hold their first row before they want the other's: PostgreSQL kills one, which runs again.
                    if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                        let begun = std::time::Instant::now();
                        while runs.load(Ordering::SeqCst) < 2 && begun.elapsed() < wait {
                            std::thread::sleep(std::time::Duration::from_millis(5));
                        }
                    }
                    // The error is swallowed on purpose: the engine knows better.
                    let _ = tx.execute(add, params![order[1]]);
                    Ok(())
                })
                .await
            })
        })
        .collect();
    for r in rivals {
        assert_eq!(r.await.unwrap(), Ok(()));
    }
    assert_eq!(number(&s, "SELECT SUM(version) FROM settings WHERE name NOT LIKE 'blobs.%'").await, 4);
    let again = if matches!(s.config.data, EngineUrl::Postgres(_)) { 3 } else { 2 };
    assert_eq!(runs.load(Ordering::SeqCst), again, "runs");
}

async fn data_survive_a_restart(mut s: TestStore) {
    let id = s.new_id();
    write(&s, move |tx| {
        put(tx, "a", 1)?;
        let sql = "INSERT INTO traces (id, kind, act, at, actor, outcome, data) VALUES ($1, 'Technical', 'a', 0, 's', 'ok', '{}')";
        tx.execute(sql, params![id]).map(drop)
    })
    .await
    .unwrap();
    let tag = s.vault().tag("test", b"x");
    s.clock.advance_ms(-86_400_000);
    s.reopen().await;
    assert_eq!(number(&s, COUNT).await, 1);
    assert_eq!(s.vault().tag("test", b"x"), tag);
    assert!(s.new_id() > id, "ids go on although the clock went back");
    let versions = query(&s, "SELECT version FROM schema_version ORDER BY version", &[]).await.unwrap();
    assert!(versions.iter().map(|r| r.int(0).unwrap()).eq(1..=versions.len() as i64), "{versions:?}");
}

async fn a_wrong_master_key_is_refused(mut s: TestStore) {
    let right = s.config.clone();
    let mut wrong = right.clone();
    wrong.master = MasterKey::generate().unwrap();
    assert_eq!(s.reopen_with(wrong).await, Err(StoreError::WrongMasterKey));
    s.reopen_with(right).await.unwrap();
}

async fn a_lost_keyring_is_refused(mut s: TestStore) {
    let mut lost = s.config.clone();
    lost.keyring = EngineUrl::Sqlite(s.folder().join("another/keyring.db"));
    let said = s.reopen_with(lost).await.unwrap_err().to_string();
    assert!(said.contains("keyring is missing"), "{said}");
    let mut same = s.config.clone();
    same.keyring = same.data.clone();
    assert!(matches!(s.reopen_with(same).await, Err(StoreError::Invalid(_))));
    s.reopen().await;
}

async fn a_newer_schema_is_refused(mut s: TestStore) {
    write(&s, |tx| {
        put(tx, "a", 1)?;
        tx.execute("INSERT INTO schema_version (version, name, applied) VALUES (99, 'later', '')", &[])
    })
    .await
    .unwrap();
    let config = s.config.clone();
    let refused = s.reopen_with(config).await.unwrap_err();
    assert!(matches!(refused, StoreError::NewerSchema { found: 99, known: 3.. }), "{refused}");
    assert!(refused.to_string().contains("99"));
}
