//! What an operator says of itself over the command line: traces, alarms, readiness.
use crate::sandbox::Operator;
use crate::wait;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

impl Operator {
    /// The newest trace, to ask for later ones.
    pub fn mark(&self) -> i64 {
        self.cli(&["trace", "list", "--limit", "1"])[0]["id"].as_i64().unwrap_or(0)
    }
    /// Traces after a mark, oldest first, at most 1000.
    pub fn traces_since(&self, mark: i64) -> Vec<Value> {
        let listed = self.cli(&["trace", "list", "--after", &mark.to_string(), "--limit", "1000"]);
        listed.as_array().cloned().unwrap_or_default()
    }
    /// Codes of the refusals (of mail and of logins) traced since a mark, in order.
    pub fn refusals_since(&self, mark: i64) -> Vec<String> {
        let refusal = |t: &&Value| matches!(t["act"].as_str(), Some("mail.refused" | "login.failed"));
        let outcome = |t: &Value| t["outcome"].as_str().unwrap_or_default().to_owned();
        self.traces_since(mark).iter().filter(refusal).map(outcome).collect()
    }
    /// Waits until a refusal is traced (one that follows a cut connection is traced when the server notices).
    #[track_caller]
    pub fn refusal_traced(&self, mark: i64, code: &str) {
        wait::until(&format!("the trace of {code}"), 20, || {
            self.refusals_since(mark).iter().any(|c| c == code).then_some(())
        });
    }
    /// The raised alarm of a code, if any.
    pub fn alarm(&self, code: &str) -> Option<Value> {
        self.cli(&["alarm", "list"]).as_array()?.iter().find(|a| a["code"] == code).cloned()
    }
    /// `GET` of a path at the HTTP door: status line and body; none while the door is closed.
    pub fn http(&self, path: &str) -> Option<String> {
        let mut s = TcpStream::connect(&self.endpoints.http).ok()?;
        s.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        s.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
    /// Waits until it says that it is ready.
    #[track_caller]
    pub fn wait_ready(&self) {
        wait::until(&format!("{} to be ready", self.name), 60, || {
            self.http("/readyz").filter(|a| a.starts_with("HTTP/1.1 200"))
        });
    }
    /// Files among its spools.
    pub fn spools(&self) -> usize {
        self.data.join("data/spools").read_dir().map_or(0, Iterator::count)
    }
}
