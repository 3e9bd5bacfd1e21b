//! A PostgreSQL server of one test: started in a temporary folder, killed, restarted, followed by a standby and replaced by it. The end-to-end tests
//! include this file.
use postgres::{Client, NoTls, SimpleQueryMessage};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

const MISSING: &str = "no PostgreSQL server program found: apt-get install postgresql-15 (or name the folder of initdb and pg_ctl in SCEAU_TEST_PG_BIN)";

/// A server in a folder of its own.
pub(super) struct Server {
    pub(super) folder: PathBuf,
    pub(super) bin: PathBuf,
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
        let (user, own) = Self::user();
        let f = self.folder.display();
        shell(&format!(
            "set -e; cd '{f}'; rm -rf data run; mkdir -m 700 data; mkdir -m 755 run; {own} data run; cd /; \
             {user} test -x '{f}/data' || {{ echo 'its account may not enter {f}: name another folder in TMPDIR' >&2; exit 1; }}"
        ));
    }
    pub(super) fn create(&self) {
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
    pub(super) fn run(&self, settings: &str) {
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
    pub(super) fn stop_script(&self) -> String {
        let (user, _) = Self::user();
        let (b, f) = (self.bin.display(), self.folder.display());
        format!("{user} '{b}/pg_ctl' -D '{f}/data' -m immediate stop; rm -rf '{f}/data' '{f}/run'")
    }
}

/// A temporary folder into which the server's user may look.
pub(super) fn open_folder() -> tempfile::TempDir {
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

pub(super) fn own_uid() -> u32 {
    fs::metadata("/proc/self").expect("own uid").uid()
}

pub(super) fn shell(script: &str) {
    let out = Command::new("sh").args(["-c", script]).stdin(Stdio::null()).output().expect("a shell");
    assert!(
        out.status.success(),
        "the tests' PostgreSQL server does not start: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// The folder of `initdb` and `pg_ctl`, version 15 at least.
pub(super) fn programs() -> PathBuf {
    if let Some(named) = std::env::var_os("SCEAU_TEST_PG_BIN") {
        return PathBuf::from(named);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|v| v.file_name().to_str()?.parse::<u32>().ok()).filter(|v| *v >= 15).max();
    let folder = newest.map(|v| PathBuf::from(format!("/usr/lib/postgresql/{v}/bin")));
    folder.filter(|f| f.join("initdb").exists()).expect(MISSING)
}
