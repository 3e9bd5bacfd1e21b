//! Migrations, with lists of their own: what the contract tests cannot do from outside.
use super::migrate::{Migration, Migrations};
use super::{Engine, Pending, Threads};
use crate::{EngineUrl, StoreError};

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
