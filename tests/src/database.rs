//! A PostgreSQL server of one test, the one of the store's tests: real settings of durability, on a socket in a temporary folder; restarted as
//! a power cut does.
use crate::Run;

#[path = "../../crates/store/src/testing/own_server.rs"]
mod own_server;

pub use own_server::OwnServer;

/// A running server, stopped when dropped.
#[derive(Debug)]
pub struct Database(OwnServer);

impl Database {
    /// Starts one.
    pub fn start() -> Self {
        Self(OwnServer::start())
    }
    /// Connection string of the database `postgres`, as its owner.
    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=sceau", self.0.host())
    }
    /// Stops it as a power cut does, and starts it again: connections are lost, what was not committed too.
    pub fn cut(&self) {
        self.0.crash_and_restart();
    }
    /// Runs SQL in a database as its owner; the output of `psql -At`.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        Run::of("psql", &["-At", "-h", &self.0.host(), "-U", "sceau", "-d", database, "-c", sql]).ok().out
    }
}
