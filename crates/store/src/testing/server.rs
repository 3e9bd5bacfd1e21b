//! The PostgreSQL server of the tests: one for all test processes of a user, in a temporary folder, without fsync.
//!
//! Each process holds a shared lock while it runs. A small shell, started with the server, tries for the exclusive one every few seconds;
//! when it gets it nobody is left: it stops the server and removes the folder. So nothing stays, whatever happens to the tests.
use super::own_server::{Server, open_folder, own_uid, programs, shell};
use crate::EngineUrl;
use crate::engine::{DATA, KEYRING, Migrations, Pending, Threads};
use postgres::{Client, NoTls};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

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
    create("")
}

/// New databases for data and keyring, with today's schema in them and nothing else: copied from two that were migrated once for all tests of this
/// program. Blocking.
pub(crate) fn migrated() -> Vec<Database> {
    static TEMPLATES: OnceLock<[String; 2]> = OnceLock::new();
    let templates = TEMPLATES.get_or_init(|| [&DATA, &KEYRING].map(template));
    templates.iter().map(|name| create(&format!(" TEMPLATE {name}"))).collect()
}

fn create(how: &str) -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut client = administrator();
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).expect("no database of that name");
    client.batch_execute(&format!("CREATE DATABASE {name}{how}")).expect("database");
    Database(name)
}

fn administrator() -> Client {
    Client::connect(&url("postgres"), NoTls).expect("the tests' PostgreSQL server answers")
}

/// The name of the migrated database, which stays as long as the server; made by the first process that asks. Programs of several ages may share
/// a server: the name says which schema.
fn template(schema: &'static Migrations) -> String {
    let name = super::schema::name(schema);
    let folder = running();
    let alone = File::options().write(true).open(folder.join("starting")).expect("lock file");
    alone.lock().expect("lock");
    let mut client = administrator();
    if client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).expect("databases").is_none() {
        // Named only when it is whole.
        let made = format!("making_{}", std::process::id());
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {made}")).expect("no database of that name");
        client.batch_execute(&format!("CREATE DATABASE {made}")).expect("database");
        let pending = Pending::connect(&EngineUrl::Postgres(url(&made)), schema, Threads { writers: 1, readers: 1 });
        drop(pending.and_then(Pending::start).expect("migrates"));
        let leave = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1";
        client.execute(leave, &[&made]).expect("nobody stays in it");
        client.batch_execute(&format!("ALTER DATABASE {made} RENAME TO {name}")).expect("name");
    }
    name
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
