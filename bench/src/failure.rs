//! What can go wrong, before a run (it does not start) and during it (it is counted and the run goes on).
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Why a run cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An option contradicts another or is out of its bounds.
    #[error("{0}")]
    Option(String),
    /// A file that cannot be read or written.
    #[error("{path}: {1}", path = .0.display())]
    File(PathBuf, std::io::Error),
    /// A PEM file without what was looked for.
    #[error("{path}: {1}", path = .0.display())]
    Pem(PathBuf, String),
    /// The target's name does not resolve.
    #[error("{0}: {1}")]
    Resolve(String, std::io::Error),
    /// The target is not on this machine and nobody said that it may be loaded.
    #[error("{0} is not a loopback address: add --yes-remote if its owner agreed to this load")]
    Remote(std::net::SocketAddr),
    /// TLS settings that do not fit together.
    #[error("TLS: {0}")]
    Tls(String),
    /// What a run needs on the server before it starts (an account, a folder) is not there.
    #[error("preparing: {0}")]
    Prepare(Failure),
}

/// What ended a connection or an operation during a run. Counted, never fatal.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// TCP connection not made.
    #[error("connect: {0}")]
    Connect(std::io::Error),
    /// TLS handshake failed.
    #[error("tls: {0}")]
    Tls(std::io::Error),
    /// Reading or writing failed.
    #[error("io: {0}")]
    Io(std::io::Error),
    /// The server closed the connection where an answer was due.
    #[error("closed by the server")]
    Closed,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The server said something that its protocol does not allow here.
    #[error("protocol: {0}")]
    Protocol(&'static str),
    /// The server said no before the measured operation could be tried.
    #[error("{stage} refused: {code}")]
    Refused {
        /// Command, e.g. `greeting`, `auth`.
        stage: &'static str,
        /// Reply code or status.
        code: String,
    },
}

impl Failure {
    /// Stable key to count it under.
    pub fn key(&self) -> String {
        match self {
            Self::Connect(e) => format!("connect: {}", e.kind()),
            Self::Tls(e) => format!("tls: {}", e.kind()),
            // Which of the three a vanished server gives is a race inside the kernel.
            Self::Io(_) | Self::Closed => "connection lost".into(),
            Self::Timeout => "timeout".into(),
            Self::Protocol(what) => format!("protocol: {what}"),
            Self::Refused { stage, code } => format!("{stage} {code}"),
        }
    }
}

/// Most keys of a [`Counts`]: what a server says cannot make it grow without end.
const MOST_KEYS: usize = 256;

/// Occurrences by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts one.
    pub fn add(&mut self, key: String) {
        let key = if self.0.len() < MOST_KEYS || self.0.contains_key(&key) { key } else { "other".into() };
        *self.0.entry(key).or_default() += 1;
    }
    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
    /// Count of a key.
    pub fn get(&self, key: &str) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }
    /// Keys and counts, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(k, n)| (k.as_str(), *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_and_nothing_is_lost() {
        let mut counts = Counts::default();
        for i in 0..1000 {
            counts.add(format!("key {i}"));
        }
        counts.add("key 3".into());
        assert_eq!(counts.total(), 1001);
        assert_eq!(counts.get("key 3"), 2);
        assert_eq!(counts.get("other"), 1000 - MOST_KEYS as u64);
        assert!(counts.iter().count() <= MOST_KEYS + 1);
    }
}
