//! What a run counted so far, shared by its sessions.
use super::client::Outcome;
use crate::dial::Phases;
use crate::failure::Counts;
use crate::{Failure, Histogram};
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Counts of one part of a run (the warm-up, or the measured window).
#[derive(Debug, Default)]
pub struct Part {
    /// Messages acknowledged.
    pub accepted: u64,
    /// Recipients of these.
    pub recipients: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Messages neither acknowledged nor refused for good for some recipient when the session gave up: without an answer, the
    /// server may have them or not.
    pub given_up: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Refusals, by command and reply code.
    pub refusals: Counts,
    /// Errors, by kind.
    pub errors: Counts,
    /// Message acknowledged, from MAIL (or from the instant it was due).
    pub transaction: Histogram,
    /// The server's answer to the end of the content.
    pub end: Histogram,
    /// Setting a connection up.
    pub setup: Histogram,
    /// TLS of it.
    pub handshake: Histogram,
    /// Connections on which an earlier TLS session was taken up again.
    pub resumed: u64,
    /// Whole life of a fresh connection with an acknowledged message.
    pub connection: Histogram,
    /// Last event.
    pub last: Option<Instant>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tally {
    warm_up: Mutex<Part>,
    measured: Mutex<Part>,
    tls: Mutex<Option<String>>,
    log: Option<Mutex<File>>,
    log_error: Mutex<Option<String>>,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only counters behind it: none is ever half-written.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// With a log of acknowledged messages.
    pub fn new(log: Option<File>) -> Self {
        Self { log: log.map(Mutex::new), ..Self::default() }
    }
    /// One of the two parts.
    pub fn part(&self, measured: bool) -> MutexGuard<'_, Part> {
        lock(if measured { &self.measured } else { &self.warm_up })
    }
    /// A connection was made.
    pub fn connected(&self, measured: bool, phases: Phases, tls: Option<String>, resumed: bool) {
        if tls.is_some() {
            *lock(&self.tls) = tls;
        }
        let mut part = self.part(measured);
        part.setup.record(phases.whole);
        part.resumed += u64::from(resumed);
        if phases.handshake > Duration::ZERO {
            part.handshake.record(phases.handshake);
        }
    }
    /// A connection or a transaction failed.
    pub fn failed(&self, measured: bool, failure: &Failure) {
        let mut part = self.part(measured);
        part.errors.add(failure.key());
        part.last = Some(Instant::now());
    }
    /// The server judged a message. `late`: how long after its due time MAIL was sent.
    pub fn judged(&self, measured: bool, outcome: &Outcome, late: Duration, bytes: usize, line: &str) {
        if !outcome.accepted.is_empty() {
            self.log(line);
        }
        let mut part = self.part(measured);
        for (stage, reply) in &outcome.refusals {
            part.refusals.add(format!("{stage} {}", reply.key()));
        }
        if !outcome.accepted.is_empty() {
            part.accepted += 1;
            part.recipients += outcome.accepted.len() as u64;
            part.bytes += bytes as u64;
            part.transaction.record(outcome.whole + late);
            part.end.record(outcome.end);
        }
        part.last = Some(Instant::now());
    }
    /// Version and suite of the last TLS connection.
    pub fn tls(&self) -> Option<String> {
        lock(&self.tls).clone()
    }
    /// Why the log is not complete.
    pub fn log_error(&self) -> Option<String> {
        lock(&self.log_error).clone()
    }

    /// One write a line, without a buffer: what the log says holds even if this process is killed.
    fn log(&self, line: &str) {
        if let Some(log) = &self.log
            && let Err(e) = lock(log).write_all(line.as_bytes())
        {
            lock(&self.log_error).get_or_insert(e.to_string());
        }
    }
}
