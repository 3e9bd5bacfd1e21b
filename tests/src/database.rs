//! A PostgreSQL server of one test: real settings of durability, on a socket in a temporary folder; restarted as a power cut does.
use crate::Run;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

/// A running server, stopped when dropped.
#[derive(Debug)]
pub struct Database {
    folder: tempfile::TempDir,
    bin: PathBuf,
}

impl Database {
    /// Starts one.
    pub fn start() -> Self {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let newest = versions.filter_map(|v| v.file_name().to_str()?.parse::<u32>().ok()).filter(|v| *v >= 15).max();
        let newest = newest.expect("PostgreSQL 15 or later is installed: run ./check, which installs it");
        // The server's own user must reach it.
        let open = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("sceau-pg-").permissions(open).tempdir().expect("folder");
        let server = Self { folder, bin: PathBuf::from(format!("/usr/lib/postgresql/{newest}/bin")) };
        let (f, own) = (server.folder.path().display().to_string(), Self::owner());
        let initdb = format!(
            "set -e; cd '{f}'; mkdir -m 700 data; mkdir -m 755 run; {own} data run; {} -D '{f}/data' -U sceau -A trust -E UTF8 \
             --locale=C.UTF-8 --no-instructions >/dev/null",
            server.program("initdb")
        );
        let _ = Run::of("sh", &["-c", &initdb]).ok();
        server.control(&format!(
            "-l '{f}/run/log' -w -t 60 -o '-c listen_addresses= -c max_connections=200 -c shared_buffers=64MB \
             -c unix_socket_directories={f}/run' start"
        ));
        server
    }
    /// root may not run the server: Debian's package made a user for it.
    fn owner() -> &'static str {
        if fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) { "chown -R postgres:" } else { ":" }
    }
    fn program(&self, name: &str) -> String {
        let program = self.bin.join(name).display().to_string();
        if Self::owner() == ":" {
            return program;
        }
        format!("setpriv --reuid=postgres --regid=postgres --clear-groups {program}")
    }
    fn control(&self, what: &str) -> Run {
        let folder = self.folder.path().display();
        let line = format!("cd /; {} -D '{folder}/data' {what} >/dev/null", self.program("pg_ctl"));
        Run::of("sh", &["-c", &line]).ok()
    }
    /// Connection string of the database `postgres`, as its owner.
    pub fn url(&self) -> String {
        let folder = self.folder.path().join("run").display().to_string();
        format!("postgres:///postgres?host={folder}&user=sceau")
    }
    /// Stops it as a power cut does, and starts it again: connections are lost, what was not committed too.
    pub fn cut(&self) {
        let folder = self.folder.path().display();
        self.control(&format!("-m immediate -w -t 60 -l '{folder}/run/log' restart"));
    }
    /// Runs SQL in a database as its owner; the output of `psql -At`.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let folder = self.folder.path().join("run").display().to_string();
        Run::of("psql", &["-At", "-h", &folder, "-U", "sceau", "-d", database, "-c", sql]).ok().out
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let folder = self.folder.path().display();
        let line = format!("cd /; {} -D '{folder}/data' -m immediate -w stop >/dev/null 2>&1", self.program("pg_ctl"));
        let _ = Run::of("sh", &["-c", &line]);
    }
}
