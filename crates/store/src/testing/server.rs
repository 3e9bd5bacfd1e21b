//! The PostgreSQL server of the tests: one for all test processes of a user, in a temporary folder, without fsync.
//!
//! Each process holds a shared lock while it runs. A small shell, started with the server, tries for the exclusive one every few seconds;
//! when it gets it nobody is left: it stops the server and removes the folder. So nothing stays, whatever happens to the tests.
use postgres::{Client, NoTls, SimpleQueryMessage};
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const MISSING: &str = "no PostgreSQL server program found: apt-get install postgresql-15 (or name the folder of initdb and pg_ctl in SCEAU_TEST_PG_BIN)";

/// Settings of servers that need not survive anything.
const CARELESS: &str = "-c fsync=off -c full_page_writes=off";

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
    let folder = std::env::temp_dir().join(format!("sceau-test-postgres-{}", own_uid()));
    fs::create_dir_all(&folder).expect("folder of the tests' server");
    let file = |name: &str| {
        File::options().write(true).create(true).truncate(false).open(folder.join(name)).expect("lock file")
    };
    // One process at a time looks and starts; all of them hold `users` as long as they live.
    let starting = file("starting");
    starting.lock().expect("lock");
    let users = file("users");
    users.lock_shared().expect("lock");
    if Client::connect(&address(&folder), NoTls).is_err() {
        let server = Server { folder: folder.clone(), bin };
        server.create();
        server.run(&format!("{CARELESS} -c listen_addresses="));
        // When nobody holds `users` any more: stops and removes. -E 99 tells "still held" from the command's own failures.
        let watch = format!(
            "cd /; while sleep 4; do flock -xn -E 99 '{}' sh -c \"{}\"; [ $? = 99 ] || exit 0; done",
            folder.join("users").display(),
            server.stop_script()
        );
        let apart = ["-c", "setsid sh -c \"$1\" >/dev/null 2>&1 </dev/null &", "sh", &watch];
        Command::new("sh").args(apart).status().expect("watcher of the tests' server");
    }
    (folder, users)
}

/// Connection string of the administrator of a server, by its socket.
fn address(folder: &Path) -> String {
    format!("host={} user=sceau dbname=postgres", folder.join("run").display())
}

/// A server in a folder of its own.
struct Server {
    folder: PathBuf,
    bin: PathBuf,
}

impl Server {
    /// root may not run the server: Debian's package made a user for it.
    fn user() -> (&'static str, &'static str) {
        if own_uid() == 0 {
            ("setpriv --reuid=postgres --regid=postgres --clear-groups", "chown -R postgres:")
        } else {
            ("", ":")
        }
    }
    /// The folders of a new server.
    fn folders(&self) {
        let (_, own) = Self::user();
        let f = self.folder.display();
        shell(&format!("set -e; cd '{f}'; rm -rf data run; mkdir -m 700 data; mkdir -m 755 run; {own} data run"));
    }
    fn create(&self) {
        self.folders();
        let (user, own) = Self::user();
        // French order by default, so that a column without COLLATE "C" is noticed.
        shell(&format!(
            "set -e; cd '{f}'; \
             {user} '{b}/initdb' -D '{f}/data' -U sceau -A trust -E UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=fr-FR \
             --no-sync --no-instructions >/dev/null; \
             for file in tls.crt tls.key; do [ ! -f $file ] || install -m 600 $file data/; done; {own} data",
            f = self.folder.display(),
            b = self.bin.display(),
        ));
    }
    fn run(&self, settings: &str) {
        let (user, _) = Self::user();
        shell(&format!(
            "{user} '{b}/pg_ctl' -D '{f}/data' -l '{f}/run/log' -w -t 60 -o '-c max_connections=300 -c shared_buffers=64MB \
             -c max_wal_size=256MB -c unix_socket_directories={f}/run {settings}' start >/dev/null",
            f = self.folder.display(),
            b = self.bin.display(),
        ));
    }
    /// `pg_ctl` with the server's folder.
    fn control(&self, what: &str) {
        let (user, _) = Self::user();
        let (b, f) = (self.bin.display(), self.folder.display());
        shell(&format!("cd /; {user} '{b}/pg_ctl' -D '{f}/data' -w -t 60 {what} >/dev/null"));
    }
    fn stop_script(&self) -> String {
        let (user, _) = Self::user();
        let (b, f) = (self.bin.display(), self.folder.display());
        format!("{user} '{b}/pg_ctl' -D '{f}/data' -m immediate stop; rm -rf '{f}/data' '{f}/run'")
    }
}

/// A server of one test, that speaks TLS on a loopback port; stopped when dropped.
pub struct TlsServer {
    server: Server,
    _folder: tempfile::TempDir,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsServer({})", self.port)
    }
}

impl TlsServer {
    /// Starts one with a certificate and its key (PEM). Blocking.
    pub fn start(certificate: &str, key: &str) -> Self {
        let folder = open_folder();
        fs::write(folder.path().join("tls.crt"), certificate).expect("certificate");
        fs::write(folder.path().join("tls.key"), key).expect("key");
        // Free just now; nothing else on the machine is asked for one at this very moment.
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("free port").port();
        let server = Server { folder: folder.path().to_owned(), bin: programs() };
        server.create();
        server.run(&format!(
            "{CARELESS} -c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c ssl_cert_file=tls.crt -c ssl_key_file=tls.key"
        ));
        Self { server, _folder: folder, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        shell(&format!("cd /; {{ {}; }} >/dev/null", self.server.stop_script()));
    }
}

/// A temporary folder into which the server's user may look.
fn open_folder() -> tempfile::TempDir {
    let permissions = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().permissions(permissions).tempdir().expect("temporary folder")
}

/// A server of one test, with fsync, that can be killed, started again, followed by a standby and replaced by it; stopped when dropped.
/// Everything of it blocks.
pub struct OwnServer {
    server: Server,
    _folder: tempfile::TempDir,
}

impl std::fmt::Debug for OwnServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnServer(…)")
    }
}

/// Settings of an own server.
const OWN: &str = "-c listen_addresses= -c max_wal_senders=4";

impl OwnServer {
    fn empty() -> Self {
        let folder = open_folder();
        Self { server: Server { folder: folder.path().to_owned(), bin: programs() }, _folder: folder }
    }
    /// A new server.
    pub fn start() -> Self {
        let new = Self::empty();
        new.server.create();
        new.server.run(OWN);
        new
    }
    /// Host of its connection string.
    pub fn host(&self) -> String {
        self.server.folder.join("run").display().to_string()
    }
    /// Connection string of its one database.
    pub fn url(&self) -> String {
        format!("host={} user=sceau dbname=postgres", self.host())
    }
    /// Runs a statement as its owner; the first value of its answer, empty when there is none.
    pub fn sql(&self, sql: &str) -> String {
        let mut client = Client::connect(&self.url(), NoTls).expect("the server answers");
        let answer = client.simple_query(sql).expect("statement");
        let first = answer.iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        first.unwrap_or_default()
    }
    /// Everything of it dies at this instant, and it is started again.
    pub fn crash_and_restart(&self) {
        self.server.control("-m immediate restart");
    }
    /// Everything of it dies at this instant.
    pub fn crash(&self) {
        self.server.control("-m immediate stop");
    }
    /// A standby that this server waits for before it answers COMMIT.
    pub fn standby(&self) -> Self {
        let new = Self::empty();
        new.server.folders();
        let (user, _) = Server::user();
        let (b, f) = (new.server.bin.display(), new.server.folder.display());
        shell(&format!(
            "cd /; {user} '{b}/pg_basebackup' -D '{f}/data' -h '{}' -U sceau -X stream -R -c fast -N",
            self.host()
        ));
        new.server.run(&format!("{OWN} -c cluster_name=standby"));
        self.wait_for_standby("standby");
        for _ in 0..600 {
            if self.sql("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1" {
                return new;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the standby does not follow");
    }
    /// Its COMMITs wait for the standby of this name from now on; empty: for none.
    pub fn wait_for_standby(&self, name: &str) {
        self.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'"));
        self.sql("SELECT pg_reload_conf()");
    }
    /// Ends its following: it takes the place of its primary.
    pub fn promote(&self) {
        self.server.control("promote");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may be stopped already.
        shell(&format!("cd /; {{ {}; }} >/dev/null 2>&1 || true", self.server.stop_script()));
    }
}

fn own_uid() -> u32 {
    fs::metadata("/proc/self").expect("own uid").uid()
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
