//! The PostgreSQL server of the tests: one for all test processes of a user, in a temporary folder, without fsync.
//!
//! Each process holds a shared lock while it runs. A small shell, started with the server, tries for the exclusive one every few seconds;
//! when it gets it nobody is left: it stops the server and removes the folder. So nothing stays, whatever happens to the tests.
use postgres::{Client, NoTls};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const MISSING: &str = "no PostgreSQL server program found: apt-get install postgresql-15 (or name the folder of initdb and pg_ctl in SCEAU_TEST_PG_BIN)";

/// A database of one test; dropped with it.
#[derive(Debug)]
pub(crate) struct Database(String);

impl Database {
    /// Connection string.
    pub fn url(&self) -> String {
        url(&self.0)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = self.0.clone();
        // The driver has a runtime in it: not on an async worker.
        let drop_it = move || {
            if let Ok(mut client) = Client::connect(&url("postgres"), NoTls) {
                // Goes with the server anyway.
                let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            }
        };
        let _ = std::thread::spawn(drop_it).join();
    }
}

/// A new empty database. Blocking.
pub(crate) fn database() -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut client = Client::connect(&url("postgres"), NoTls).expect("the tests' PostgreSQL server answers");
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).expect("no database of that name");
    client.batch_execute(&format!("CREATE DATABASE {name}")).expect("database");
    Database(name)
}

fn url(database: &str) -> String {
    format!("host={} user=sceau dbname={database}", running().join("run").display())
}

/// The folder of the running server.
fn running() -> &'static Path {
    static SERVER: OnceLock<(PathBuf, File)> = OnceLock::new();
    &SERVER.get_or_init(start).0
}

fn start() -> (PathBuf, File) {
    let bin = programs();
    let uid = fs::metadata("/proc/self").expect("own uid").uid();
    let folder = std::env::temp_dir().join(format!("sceau-test-postgres-{uid}"));
    fs::create_dir_all(&folder).expect("folder of the tests' server");
    let file = |name: &str| {
        File::options().write(true).create(true).truncate(false).open(folder.join(name)).expect("lock file")
    };
    // One process at a time looks and starts; all of them hold `users` as long as they live.
    let starting = file("starting");
    starting.lock().expect("lock");
    let users = file("users");
    users.lock_shared().expect("lock");
    let (data, run) = (folder.join("data"), folder.join("run"));
    let alive = Client::connect(&format!("host={} user=sceau dbname=postgres", run.display()), NoTls).is_ok();
    if !alive {
        // root may not run the server: Debian's package made a user for it.
        let user = if uid == 0 { "setpriv --reuid=postgres --regid=postgres --clear-groups" } else { "" };
        let own =
            if uid == 0 { format!("chown postgres: {} {}", data.display(), run.display()) } else { "true".into() };
        let settings = format!(
            "-c fsync=off -c full_page_writes=off -c max_connections=300 -c listen_addresses= -c unix_socket_directories={} \
             -c shared_buffers=64MB -c max_wal_size=256MB",
            run.display()
        );
        // French order by default, so that a column without COLLATE "C" is noticed.
        shell(&format!(
            "set -e; rm -rf '{d}' '{r}'; mkdir -m 700 '{d}'; mkdir -m 755 '{r}'; {own}; cd /; \
             {user} '{b}/initdb' -D '{d}' -U sceau -A trust -E UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=fr-FR --no-sync --no-instructions >/dev/null; \
             {user} '{b}/pg_ctl' -D '{d}' -l '{r}/log' -o '{settings}' -w -t 60 start >/dev/null",
            d = data.display(),
            r = run.display(),
            b = bin.display(),
        ));
        let stop = format!(
            "{user} '{}/pg_ctl' -D '{}' -m immediate stop; rm -rf '{}' '{}'",
            bin.display(),
            data.display(),
            data.display(),
            run.display()
        );
        let watch = format!(
            "cd /; while sleep 4; do flock -xn -E 99 '{}' sh -c \"{stop}\"; [ $? = 99 ] || exit 0; done",
            folder.join("users").display()
        );
        Command::new("setsid")
            .args(["sh", "-c", &watch])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("watcher of the tests' server");
    }
    (folder, users)
}

fn shell(script: &str) {
    let out = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).output().expect("a shell");
    assert!(
        out.status.success(),
        "the tests' PostgreSQL server does not start: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// The folder of `initdb` and `pg_ctl`, version 15 at least.
fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os("SCEAU_TEST_PG_BIN") {
        return PathBuf::from(named);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|v| v.file_name().to_str()?.parse::<u32>().ok()).filter(|v| *v >= 15).max();
    let folder = newest.map(|v| PathBuf::from(format!("/usr/lib/postgresql/{v}/bin")));
    folder.filter(|f| f.join("initdb").exists()).expect(MISSING)
}
