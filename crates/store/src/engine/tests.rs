//! Migrations, with lists of their own, and groups of writes: what the contract tests cannot do from outside.
use super::migrate::{Migration, Migrations};
use super::{Engine, Pending, Threads};
use crate::{EngineUrl, StoreError, params};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::task::Poll;

const THREADS: Threads = Threads { writers: 1, readers: 1 };

const ONE: Migration =
    Migration { version: 1, name: "one", sql: "CREATE TABLE a (id BIGINT PRIMARY KEY, t TEXT NOT NULL);" };
const TWO: Migration =
    Migration { version: 2, name: "two", sql: "INSERT INTO a VALUES (1, 'x;y'); CREATE INDEX a_t ON a (t);" };
const TWO_BAD: Migration =
    Migration { version: 2, name: "bad", sql: "INSERT INTO a VALUES (2, 'z'); INSERT INTO a VALUES (2, 'z');" };

static FIRST: Migrations = Migrations { table: "v", list: &[ONE], alone: &[] };
static SECOND: Migrations = Migrations { table: "v", list: &[ONE, TWO], alone: &[] };
static BROKEN: Migrations = Migrations { table: "v", list: &[ONE, TWO_BAD], alone: &[] };

async fn open(url: &EngineUrl, migrations: &'static Migrations) -> Result<Engine, StoreError> {
    let url = url.clone();
    crate::blocking(move || Pending::connect(&url, migrations, THREADS)?.start()).await
}
async fn close(engine: Engine) {
    crate::blocking(move || {
        drop(engine);
        Ok(())
    })
    .await
    .unwrap();
}
async fn rows(engine: &Engine) -> Result<Vec<i64>, StoreError> {
    engine.read(|tx| tx.query("SELECT id FROM a ORDER BY id", &[])?.iter().map(|r| r.int(0)).collect()).await
}

async fn migrates_forward_only(url: EngineUrl) {
    let engine = open(&url, &FIRST).await.unwrap();
    assert!(rows(&engine).await.unwrap().is_empty());
    close(engine).await;
    // A migration that fails leaves nothing of itself, and the version before.
    assert!(matches!(open(&url, &BROKEN).await, Err(StoreError::Exists(_))));
    let engine = open(&url, &SECOND).await.unwrap();
    assert_eq!(rows(&engine).await.unwrap(), [1]);
    close(engine).await;
    // Again: nothing to do.
    let engine = open(&url, &SECOND).await.unwrap();
    assert_eq!(rows(&engine).await.unwrap(), [1]);
    close(engine).await;
    let older = open(&url, &FIRST).await.unwrap_err();
    assert_eq!(older, StoreError::NewerSchema { found: 2, known: 1 });
}

#[tokio::test]
async fn sqlite_migrates_forward_only() {
    let folder = tempfile::tempdir().unwrap();
    migrates_forward_only(EngineUrl::Sqlite(folder.path().join("t.db"))).await;
}

#[tokio::test]
async fn postgres_migrates_forward_only() {
    let database = tokio::task::spawn_blocking(crate::testing::database).await.unwrap();
    migrates_forward_only(EngineUrl::Postgres(database.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_starters_on_one_database_take_turns() {
    let database = tokio::task::spawn_blocking(crate::testing::database).await.unwrap();
    let starters: Vec<_> = (0..6)
        .map(|_| {
            let url = EngineUrl::Postgres(database.url());
            tokio::spawn(async move { open(&url, &SECOND).await })
        })
        .collect();
    for starter in starters {
        let engine = starter.await.unwrap().unwrap();
        assert_eq!(rows(&engine).await.unwrap(), [1]);
        close(engine).await;
    }
}

#[tokio::test]
async fn a_refused_sqlite_file_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let url = EngineUrl::Sqlite(path.clone());
    close(open(&url, &SECOND).await.unwrap()).await;
    let before = std::fs::read(&path).unwrap();
    assert!(open(&url, &FIRST).await.is_err());
    assert!(std::fs::read(&path).unwrap() == before);
}

/// Writes a group of five rows while the writer is held, so that they are one group; the last one fails after it wrote when `fails`. How often
/// closures of it ran.
async fn group(engine: &Engine, first: i64, fails: bool) -> u64 {
    let (begun, began) = channel();
    let (open, gate) = channel::<()>();
    let mut held = Box::pin(engine.write(move |_| {
        begun.send(()).unwrap();
        gate.recv().map_err(|_| StoreError::Other("no gate".into()))
    }));
    let runs = Arc::new(AtomicU64::new(0));
    let one = |n: i64| {
        let runs = Arc::clone(&runs);
        Box::pin(engine.write(move |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.execute("INSERT INTO a VALUES ($1, 'x')", params![first + n])?;
            if fails && n == 4 { Err(StoreError::Full) } else { Ok(()) }
        }))
    };
    let mut members: Vec<_> = (0..5).map(one).collect();
    // The first look at each queues it.
    poll_fn(|cx| {
        assert!(held.as_mut().poll(cx).is_pending());
        began.recv().unwrap();
        assert!(members.iter_mut().all(|m| m.as_mut().poll(cx).is_pending()));
        Poll::Ready(())
    })
    .await;
    open.send(()).unwrap();
    held.await.unwrap();
    for (n, member) in members.into_iter().enumerate() {
        assert_eq!(member.await.is_err(), fails && n == 4);
    }
    runs.load(Ordering::Relaxed)
}

#[tokio::test]
async fn who_fails_at_every_act_makes_the_others_run_again_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&EngineUrl::Sqlite(folder.path().join("t.db")), &FIRST).await.unwrap();
    assert_eq!(group(&engine, 0, false).await, 5);
    // Once all of it again; then, as long as that goes on, nobody twice.
    assert_eq!(group(&engine, 10, true).await, 10);
    for n in 2..100 {
        assert_eq!(group(&engine, n * 10, true).await, 5);
    }
    // Long after the last failure groups are plain once more.
    for n in 100..170 {
        assert_eq!(group(&engine, n * 10, false).await, 5);
    }
    assert_eq!(group(&engine, 1700, true).await, 10);
    let kept = rows(&engine).await.unwrap();
    assert_eq!(kept.len(), 71 * 5 + 100 * 4);
    close(engine).await;
}
