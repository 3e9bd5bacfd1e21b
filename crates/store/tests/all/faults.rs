//! What each engine does when the ground gives way: no room, COMMIT that fails, connections that break at the worst instant, `kill -9`.
use sceau_store::testing::{self, TestStore};
use sceau_store::{EngineUrl, Store, StoreError, Tx, Value, params};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

type Result<T = ()> = std::result::Result<T, StoreError>;

async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> Result<T> {
    s.write(f).await
}
fn put(tx: &mut dyn Tx, name: &str, value: &[u8]) -> Result {
    let sql = "INSERT INTO settings (name, value, version, updated) VALUES ($1, $2, 1, 0)";
    tx.execute(sql, params![name, value]).map(drop)
}
async fn names(s: &Store) -> Vec<String> {
    let rows: Result<_> =
        s.read(|tx| tx.query("SELECT name FROM settings WHERE name NOT LIKE 'blobs.%' ORDER BY name", &[])).await;
    rows.unwrap().iter().map(|r| r.text(0).unwrap()).collect()
}

type Closure = Box<dyn FnMut(&mut dyn Tx) -> Result + Send>;

/// Holds SQLite's writer until all of these wait, so that they are one group.
async fn as_one_group(s: &Store, closures: Vec<Closure>) -> Vec<Result> {
    let (held, is_held) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let store = s.clone();
    let holder = tokio::spawn(async move {
        write(&store, move |_| {
            held.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        })
        .await
    });
    tokio::task::spawn_blocking(move || is_held.recv().unwrap()).await.unwrap();
    let mut waiting: Vec<_> = closures
        .into_iter()
        .map(|f| {
            let store = s.clone();
            Box::pin(async move { store.write(f).await })
        })
        .collect();
    // One poll queues a closure, in this order.
    for w in &mut waiting {
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(w.as_mut().poll(cx))).await.is_pending());
    }
    go.send(()).unwrap();
    holder.await.unwrap().unwrap();
    let mut out = Vec::new();
    for w in waiting {
        out.push(w.await);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_commit_fails_its_whole_group_and_nothing_else() {
    let s = testing::sqlite().await;
    let outcomes = as_one_group(
        &s,
        vec![
            Box::new(|tx| put(tx, "before", b"")),
            Box::new(|tx| {
                // A broken reference that only COMMIT notices.
                tx.execute("PRAGMA defer_foreign_keys = ON", &[])?;
                tx.execute(
                    "INSERT INTO tokens (id, person_id, label, digest, created) VALUES (1, 77, '', $1, 0)",
                    params![b"".as_slice()],
                )
                .map(drop)
            }),
            Box::new(|tx| put(tx, "after", b"")),
        ],
    )
    .await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert!(names(&s).await.is_empty(), "nothing was acknowledged, nothing is there");
    write(&s, |tx| put(tx, "next", b"")).await.unwrap();
    assert_eq!(names(&s).await, ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_fails_who_wants_it_and_spares_the_others() {
    let s = testing::sqlite().await;
    let limit = |extra: i64| {
        move |tx: &mut dyn Tx| -> Result {
            let now = tx.query("PRAGMA page_count", &[])?[0].int(0)?;
            tx.query(&format!("PRAGMA max_page_count = {}", now + extra), &[]).map(drop)
        }
    };
    write(&s, limit(20)).await.unwrap();
    let outcomes = as_one_group(
        &s,
        vec![
            Box::new(|tx| put(tx, "before", b"x")),
            Box::new(|tx| put(tx, "huge", &vec![0; 1 << 20])),
            Box::new(|tx| put(tx, "after", b"x")),
        ],
    )
    .await;
    assert_eq!(outcomes, [Ok(()), Err(StoreError::Full), Ok(())]);
    assert_eq!(names(&s).await, ["after", "before"]);
    // Room is made: everything works again, without a restart.
    write(&s, limit(10_000)).await.unwrap();
    write(&s, |tx| put(tx, "huge", &vec![0; 1 << 20])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let s = testing::sqlite().await;
    let second = Store::open(s.config.clone()).await.unwrap_err();
    assert!(matches!(second, StoreError::Locked(_)), "{second}");
    assert!(second.to_string().contains("another server"), "{second}");
    write(&s, |tx| put(tx, "still", b"")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_foreign_file_is_refused() {
    let mut s = testing::sqlite().await;
    s.close().await;
    let path = s.folder().join("foreign.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a INT)").unwrap();
    let mut config = s.config.clone();
    config.data = EngineUrl::Sqlite(path.clone());
    let said = s.reopen_with(config.clone()).await.unwrap_err().to_string();
    assert!(said.contains("other tables"), "{said}");
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let said = s.reopen_with(config).await.unwrap_err().to_string();
    assert!(said.contains("damaged"), "{said}");
    s.reopen().await;
}

// --- PostgreSQL -----------------------------------------------------------------------------------------------------

async fn count(s: &Store) -> i64 {
    let n: Result<_> =
        s.read(|tx| tx.query("SELECT COUNT(*) FROM settings WHERE name NOT LIKE 'blobs.%'", &[])?[0].int(0)).await;
    n.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_dies_in_a_transaction_is_replaced() {
    let s = testing::postgres().await;
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    write(&s, move |tx| {
        put(tx, "once", b"")?;
        if seen.fetch_add(1, Ordering::SeqCst) == 0 {
            // The server ends this very session; the closure makes nothing of the error.
            let _ = tx.query("SELECT pg_terminate_backend(pg_backend_pid())", &[]);
        }
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!((runs.load(Ordering::SeqCst), count(&s).await), (2, 1));
}

#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// COMMIT never reaches the server.
    Before,
    /// The server's answer to COMMIT is swallowed.
    After,
}

/// Stands between the store and the server, and cuts the first connection on which COMMIT follows a write of "cut me".
fn proxy(folder: &Path, server: &str, cut: Cut) {
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let server = Path::new(server).join(".s.PGSQL.5432");
    let armed = Arc::new(Mutex::new(true));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), UnixStream::connect(&server).unwrap());
            let (armed, doomed) = (Arc::clone(&armed), Arc::new(AtomicU32::new(0)));
            let (from, to, mark) = (client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&doomed));
            let has = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|w| w == word);
            pump(from, to, move |bytes| {
                if has(bytes, b"cut me") {
                    mark.store(1, Ordering::SeqCst);
                }
                if has(bytes, b"COMMIT")
                    && mark.load(Ordering::SeqCst) == 1
                    && std::mem::take(&mut *armed.lock().unwrap())
                {
                    mark.store(2, Ordering::SeqCst);
                    return cut == Cut::After;
                }
                true
            });
            pump(server, client, move |_| doomed.load(Ordering::SeqCst) != 2);
        }
    });
}

/// Forwards until `pass` says no, then closes both.
fn pump(mut from: UnixStream, mut to: UnixStream, mut pass: impl FnMut(&[u8]) -> bool + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if !pass(&buffer[..n]) || to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

async fn through_a_proxy(cut: Cut) -> (u32, i64) {
    let mut s: TestStore = testing::postgres().await;
    let mut config = s.config.clone();
    let EngineUrl::Postgres(url) = &config.data else { panic!("PostgreSQL") };
    let host = url.split(' ').find_map(|w| w.strip_prefix("host=")).unwrap().to_owned();
    proxy(s.folder(), &host, cut);
    config.data = EngineUrl::Postgres(url.replace(&host, &s.folder().display().to_string()));
    s.reopen_with(config).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    write(&s, move |tx| {
        seen.fetch_add(1, Ordering::SeqCst);
        // Would be refused as a second row if it were there.
        put(tx, "cut me", b"")
    })
    .await
    .unwrap();
    (runs.load(Ordering::SeqCst), count(&s).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_not_done_twice() {
    assert_eq!(through_a_proxy(Cut::After).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrived_is_done_again() {
    assert_eq!(through_a_proxy(Cut::Before).await, (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_as_temporary() {
    let mut s = testing::postgres().await;
    let mut config = s.config.clone();
    config.data = EngineUrl::Postgres(format!("host={} user=sceau dbname=none", s.folder().display()));
    let away = s.reopen_with(config).await.unwrap_err();
    assert!(away.is_transient(), "{away}");
    s.reopen().await;
    let v: Result<Vec<_>> = s.read(|tx| tx.query("SELECT $1", &[Value::Int(1)])).await;
    assert_eq!(v.unwrap()[0].0, [Value::Int(1)]);
}

// --- kill -9 --------------------------------------------------------------------------------------------------------

const CRASH_FOLDER: &str = "SCEAU_TEST_CRASH_FOLDER";

fn crash_config(folder: &Path) -> sceau_store::StoreConfig {
    sceau_store::StoreConfig {
        data: EngineUrl::Sqlite(folder.join("data.db")),
        keyring: EngineUrl::Sqlite(folder.join("keyring.db")),
        blobs: folder.join("blobs").into(),
        spools: folder.join("spools"),
        master: sceau_store::MasterKey::from_bytes([7; 32]),
        inline_max: sceau_store::INLINE_MAX,
        node: 0,
        name: "test".into(),
        visitor: false,
        connections: sceau_store::CONNECTIONS,
        clock: Arc::new(sceau_domain::SystemClock),
    }
}

/// Not a test by itself: the process that is killed. Says on its output what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn crash_child() {
    let Some(folder) = std::env::var_os(CRASH_FOLDER) else { return };
    let s = Store::open(crash_config(Path::new(&folder))).await.unwrap();
    let key = match s.vault().bal_key(1).await {
        Ok(key) => key,
        Err(_) => s.vault().create_bal_key(1).await.unwrap(),
    };
    for _ in 0..8 {
        let (s, key) = (s.clone(), key.clone());
        tokio::spawn(async move {
            loop {
                let id = s.new_id();
                let content = format!("{id} ").repeat(if id % 2 == 0 { 2 } else { 5_000 });
                let mut noisy = content.into_bytes();
                // Digits compress: keys of this length make the longer half files.
                for (i, b) in noisy.iter_mut().enumerate().skip(24) {
                    *b = ((i as u64).wrapping_mul(id as u64 | 1) >> 7) as u8;
                }
                let mut spool = s.spool();
                spool.write(&noisy).unwrap();
                let mut spool = spool.finish().unwrap();
                spool.settle().await.unwrap();
                let row = sceau_store::blob::BlobRow::from(&spool);
                let aad = sceau_store::vault::Aad { owner: 1, object: id, field: "crash" };
                let wrapped = key.wrap(aad, &spool.key).unwrap();
                let done: Result = s
                    .write(move |tx| {
                        sceau_store::blob::insert(tx, &row)?;
                        put(tx, &format!("{id} {}", hex::encode(row.id)), &wrapped)
                    })
                    .await;
                done.unwrap();
                spool.kept();
                println!("ack {id}");
            }
        });
    }
    // Until it is killed.
    std::future::pending().await
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["faults::crash_child", "--exact", "--nocapture"])
            .env(CRASH_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(std::result::Result::ok);
        let wanted = acknowledged.len() + 60 * round;
        for line in lines.by_ref() {
            if let Some(id) = line.rsplit_once("ack ").and_then(|(_, id)| id.parse::<i64>().ok()) {
                acknowledged.push(id);
            }
            if acknowledged.len() >= wanted {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(acknowledged.len() >= wanted, "the child stopped by itself in round {round}");
        // What it said while dying was acknowledged too.
        acknowledged.extend(lines.filter_map(|l| l.strip_prefix("ack ").and_then(|id| id.parse::<i64>().ok())));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let s = Store::open(crash_config(folder.path())).await.unwrap();
            let key = s.vault().bal_key(1).await.unwrap();
            let rows: Result<Vec<_>> =
                s.read(|tx| tx.query("SELECT name, value FROM settings WHERE name NOT LIKE 'blobs.%'", &[])).await;
            let rows: std::collections::HashMap<i64, (String, Vec<u8>)> = rows
                .unwrap()
                .iter()
                .map(|r| {
                    let name = r.text(0).unwrap();
                    let (id, blob) = name.split_once(' ').unwrap();
                    (id.parse().unwrap(), (blob.to_owned(), r.bytes(1).unwrap()))
                })
                .collect();
            let newest = *acknowledged.iter().max().unwrap();
            for id in &acknowledged {
                let (blob, wrapped) = rows.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
                let aad = sceau_store::vault::Aad { owner: 1, object: *id, field: "crash" };
                let mut bytes = [0; 16];
                hex::decode_to_slice(blob, &mut bytes).unwrap();
                let mut reader = s.open_blob(bytes, key.unwrap_key(aad, wrapped).unwrap()).await.unwrap();
                reader.verify().await.unwrap();
                assert!(reader.read_at(0, 20).await.unwrap().starts_with(id.to_string().as_bytes()));
            }
            assert!(s.new_id() > 0 && newest > 0);
        });
    }
}
