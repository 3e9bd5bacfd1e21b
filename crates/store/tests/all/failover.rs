//! A database server that crashes and comes back, or whose standby takes its place, under a load of writers: nothing that was acknowledged is
//! lost, nothing is there twice, and service comes back without a restart of ours.
use sceau_store::testing::{self, OwnServer, TestStore};
use sceau_store::{EngineUrl, Event, Store, StoreError, params};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::spawn_blocking;

type Result<T = ()> = std::result::Result<T, StoreError>;

const WRITERS: i64 = 8;

/// A store whose data are on these servers; its keyring is a file.
async fn store_on(url: String) -> TestStore {
    let mut s = testing::sqlite().await;
    let mut config = s.config.clone();
    config.data = EngineUrl::Postgres(url);
    config.keyring = EngineUrl::Sqlite(s.folder().join("own/keyring.db"));
    config.blobs = s.folder().join("own/blobs").into();
    s.reopen_with(config).await.unwrap();
    s
}

/// Writers that go on until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    failed: Arc<Mutex<Vec<StoreError>>>,
    count: Arc<AtomicI64>,
    writers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(s: &Store) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            acknowledged: Arc::default(),
            failed: Arc::default(),
            count: Arc::default(),
            writers: Vec::new(),
        };
        for w in 0..WRITERS {
            let (s, stop, acknowledged) = (s.clone(), Arc::clone(&load.stop), Arc::clone(&load.acknowledged));
            let (failed, count) = (Arc::clone(&load.failed), Arc::clone(&load.count));
            load.writers.push(tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let (name, key) = (format!("w{w}-{n}"), format!("sum{w}"));
                    let mine = name.clone();
                    let done: Result = s
                        .write(move |tx| {
                            let put = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, 0, 0)";
                            tx.execute(put, params![&mine, b"".as_slice()])?;
                            let add = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, 1, 0) \
                                       ON CONFLICT (name) DO UPDATE SET version = settings.version + 1";
                            tx.execute(add, params![&key, b"".as_slice()]).map(drop)
                        })
                        .await;
                    match done {
                        Ok(()) => {
                            acknowledged.lock().unwrap().insert(name);
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(e) => failed.lock().unwrap().push(e),
                    }
                }
            }));
        }
        load
    }
    /// Waits until so many more were acknowledged.
    async fn go_on(&self, more: i64) {
        let until = self.count.load(Ordering::SeqCst) + more;
        for _ in 0..6_000 {
            if self.count.load(Ordering::SeqCst) >= until {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("service does not come back: {:?}", self.failed.lock().unwrap());
    }
    /// Ends the load and compares what was acknowledged with what is there.
    async fn check(self, s: &Store) {
        self.stop.store(true, Ordering::Relaxed);
        for w in self.writers {
            w.await.unwrap();
        }
        let failed = self.failed.lock().unwrap().clone();
        assert!(failed.iter().all(StoreError::is_transient), "{failed:?}");
        let rows: Result<_> = s.read(|tx| tx.query("SELECT name, version FROM settings", &[])).await;
        let rows: Vec<(String, i64)> = rows.unwrap().iter().map(|r| (r.text(0).unwrap(), r.int(1).unwrap())).collect();
        let there: BTreeSet<String> =
            rows.iter().map(|(name, _)| name.clone()).filter(|n| n.starts_with('w')).collect();
        let acknowledged = self.acknowledged.lock().unwrap();
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let sum: i64 = rows.iter().filter(|(name, _)| name.starts_with("sum")).map(|(_, n)| n).sum();
        assert_eq!(sum, there.len() as i64, "a transaction takes place as a whole");
        // What was not acknowledged may be there all the same, but only what failed.
        assert!(there.len() - acknowledged.len() <= failed.len(), "{} there, {} failed", there.len(), failed.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_again_and_again_loses_nothing_acknowledged() {
    let server = Arc::new(spawn_blocking(OwnServer::start).await.unwrap());
    let s = store_on(server.url()).await;
    let mut heard = s.events();
    let load = Load::start(&s);
    for _ in 0..4 {
        load.go_on(200).await;
        let crashed = Arc::clone(&server);
        spawn_blocking(move || crashed.crash_and_restart()).await.unwrap();
        // The word between nodes is back too, and whoever waited for it is told.
        let told = tokio::time::timeout(Duration::from_secs(20), heard.next()).await;
        assert_eq!(told, Ok(Event::Everything));
    }
    load.go_on(200).await;
    load.check(&s).await;
    assert!(s.hears_others());
    drop(s);
    spawn_blocking(move || drop(server)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_and_nothing_acknowledged_is_lost() {
    let (primary, standby) = spawn_blocking(|| {
        let primary = OwnServer::start();
        let standby = primary.standby();
        (Arc::new(primary), Arc::new(standby))
    })
    .await
    .unwrap();
    let url = format!(
        "host={},{} user=sceau dbname=postgres target_session_attrs=read-write",
        primary.host(),
        standby.host()
    );
    let s = store_on(url).await;
    let load = Load::start(&s);
    load.go_on(300).await;
    let (dies, takes_over) = (Arc::clone(&primary), Arc::clone(&standby));
    spawn_blocking(move || {
        dies.crash();
        takes_over.promote();
    })
    .await
    .unwrap();
    load.go_on(300).await;
    load.check(&s).await;
    assert!(s.hears_others(), "the fence stands on the new server");
    drop(s);
    spawn_blocking(move || drop((primary, standby))).await.unwrap();
}

/// Somebody ends the waiting of a COMMIT for its standby (`pg_cancel_backend`): PostgreSQL answers as if all were well, with a warning. It is
/// no success before the standby has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_told_not_to_wait_for_its_standby_is_not_acknowledged() {
    let server = Arc::new(spawn_blocking(OwnServer::start).await.unwrap());
    let s = store_on(server.url()).await;
    let set = |standby: &'static str| {
        let server = Arc::clone(&server);
        spawn_blocking(move || server.wait_for_standby(standby))
    };
    set("nobody").await.unwrap();
    let writer = s.clone();
    let mut writing = tokio::spawn(async move {
        let sql = "INSERT INTO settings (name, value, version, updated) VALUES ('un', $1, 0, 0)";
        writer.write::<_, StoreError, _>(move |tx| tx.execute(sql, params![b"".as_slice()])).await
    });
    // The waiting is ended again and again: that of COMMIT, and those of the questions that follow.
    let mut cancelled = 0;
    for _ in 0..100 {
        let asked = Arc::clone(&server);
        let sql = "SELECT COUNT(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        cancelled += spawn_blocking(move || asked.sql(sql).parse::<u32>().unwrap()).await.unwrap();
        if cancelled >= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(cancelled >= 3, "{cancelled} times");
    let early = tokio::time::timeout(Duration::from_millis(300), &mut writing).await;
    assert!(!matches!(early, Ok(Ok(Ok(_)))), "acknowledged without its standby: {early:?}");
    // The standby is there (here: nobody has to be waited for any more), and the transaction took place once.
    set("").await.unwrap();
    assert_eq!(writing.await.unwrap(), Ok(1));
    let rows = s.read::<_, StoreError, _>(|tx| tx.query("SELECT 1 FROM settings WHERE name = 'un'", &[])).await;
    assert_eq!(rows.unwrap().len(), 1);
    drop(s);
    spawn_blocking(move || drop(server)).await.unwrap();
}
