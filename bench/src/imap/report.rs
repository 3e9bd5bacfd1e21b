//! What a run counted and has to say.
use super::client::{Answer, Trouble};
use super::operation::Operation;
use super::options::Options;
use crate::failure::Counts;
use crate::machine::ServerCost;
use crate::{Failure, Histogram, Percentiles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What sessions counted so far.
#[derive(Debug, Default)]
pub struct Counted {
    operations: BTreeMap<Operation, (Histogram, u64)>,
    refusals: Counts,
    /// Errors, by kind.
    pub errors: Counts,
    /// Connection set-up, until logged in.
    pub setup: Histogram,
    /// TLS of it.
    pub handshake: Histogram,
    /// Version and suite of TLS.
    pub tls: Option<String>,
    /// Last event.
    pub last: Option<Instant>,
}

impl Counted {
    /// An operation ended.
    pub fn judged(&mut self, operation: Operation, result: Result<Answer, Trouble>, took: Duration) {
        self.last = Some(Instant::now());
        match result {
            Ok(answer) => {
                let (histogram, bytes) = self.operations.entry(operation).or_default();
                histogram.record(took);
                *bytes += answer.bytes;
            }
            Err(Trouble::Refused(code)) => self.refusals.add(format!("{} {code}", operation.name())),
            Err(Trouble::Failed(failure)) => self.errors.add(format!("{}: {}", operation.name(), failure.key())),
        }
    }
    /// A connection failed.
    pub fn failed(&mut self, failure: &Failure) {
        self.errors.add(failure.key());
        self.last = Some(Instant::now());
    }
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Done, a second.
    pub per_second: f64,
    /// Bytes of the answers.
    pub bytes: u64,
    /// Durations.
    #[serde(flatten)]
    pub took: Percentiles,
}

/// Parked sessions.
#[derive(Debug, Clone, Serialize)]
pub struct Idle {
    /// Sessions that reached IDLE.
    pub parked: u64,
    /// Seconds until the last one did.
    pub opening_seconds: f64,
    /// Sessions parked a second (connection, TLS, login, SELECT, IDLE).
    pub opened_per_second: f64,
    /// Seconds for which they were kept.
    pub held_seconds: f64,
    /// Sessions that ended IDLE well.
    pub alive_at_the_end: u64,
    /// Resident memory that the server gained for each, KiB.
    pub server_kib_per_session: Option<f64>,
}

/// The report. Fields are only ever added.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always `imap-load`.
    pub tool: &'static str,
    /// Version of this format.
    pub version: u32,
    /// Server.
    pub target: String,
    /// `plain`, `starttls` or `tls`.
    pub security: &'static str,
    /// Version and suite of TLS.
    pub tls: Option<String>,
    /// Sessions.
    pub sessions: u32,
    /// Folder.
    pub folder: String,
    /// Messages of a fetch of many.
    pub span: u32,
    /// Length of the measured window, until its last answer, seconds.
    pub seconds: f64,
    /// Operations done.
    pub done: u64,
    /// Operations done a second.
    pub per_second: f64,
    /// By operation.
    pub operations: BTreeMap<&'static str, Row>,
    /// Connection set-up until logged in, all connections of the run.
    pub setup: Option<Percentiles>,
    /// TLS of it, until the server's first answer.
    pub handshake: Option<Percentiles>,
    /// Refusals (NO, BAD) by operation and code.
    pub refusals: Counts,
    /// Errors by kind.
    pub errors: Counts,
    /// Parked sessions.
    pub idle: Option<Idle>,
    /// Processor time of the generator in the window, seconds.
    pub client_processor_seconds: f64,
    /// The server's cost, with `--pid`.
    pub server: Option<ServerCost>,
}

impl Report {
    /// From what was counted; times are set by [`Report::window`].
    pub fn of(o: &Options, counted: &Counted) -> Self {
        let row = |(operation, (histogram, bytes)): (&Operation, &(Histogram, u64))| {
            let took = histogram.percentiles()?;
            Some((operation.name(), Row { per_second: 0.0, bytes: *bytes, took }))
        };
        let operations: BTreeMap<_, _> = counted.operations.iter().filter_map(row).collect();
        Self {
            tool: "imap-load",
            version: 1,
            target: o.common.target.to_string(),
            security: o.common.security.name(),
            tls: counted.tls.clone(),
            sessions: o.common.sessions,
            folder: o.folder.clone(),
            span: o.span,
            seconds: 0.0,
            done: operations.values().map(|r| r.took.count).sum(),
            per_second: 0.0,
            operations,
            setup: counted.setup.percentiles(),
            handshake: counted.handshake.percentiles(),
            refusals: counted.refusals.clone(),
            errors: counted.errors.clone(),
            idle: None,
            client_processor_seconds: 0.0,
            server: None,
        }
    }
    /// Sets the length of the window and every rate. Parked sessions have no rate: each does one thing, at the end.
    pub fn window(&mut self, length: Duration) {
        self.seconds = length.as_secs_f64();
        if self.seconds > 0.0 && !self.operations.contains_key(Operation::Idle.name()) {
            self.per_second = self.done as f64 / self.seconds;
            self.operations.values_mut().for_each(|r| r.per_second = r.took.count as f64 / self.seconds);
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = self.tls.as_deref().map(|t| format!(" ({t})")).unwrap_or_default();
        writeln!(f, "{}  {}{tls}, {} sessions, {}", self.target, self.security, self.sessions, self.folder)?;
        if let Some(i) = &self.idle {
            writeln!(
                f,
                "parked          {} in {:.2} s: {:.1}/s; kept {:.1} s, alive at the end {}",
                i.parked, i.opening_seconds, i.opened_per_second, i.held_seconds, i.alive_at_the_end
            )?;
            if let Some(kib) = i.server_kib_per_session {
                writeln!(f, "server memory   {kib:.1} KiB a session")?;
            }
        } else {
            writeln!(f, "done            {} in {:.2} s: {:.1}/s", self.done, self.seconds, self.per_second)?;
        }
        for (name, row) in &self.operations {
            writeln!(f, "{name:<15} {:.1}/s  {}", row.per_second, row.took)?;
        }
        for (name, p) in [("set-up", &self.setup), ("handshake", &self.handshake)] {
            if let Some(p) = p {
                writeln!(f, "{name:<15} {p}")?;
            }
        }
        for (name, counts) in [("refused", &self.refusals), ("error", &self.errors)] {
            for (key, n) in counts.iter() {
                writeln!(f, "{name:<15} {n} × {key}")?;
            }
        }
        write!(f, "processor       generator {:.2} s", self.client_processor_seconds)?;
        if let Some(s) = &self.server {
            writeln!(f, ", server {:.2} s", s.processor_seconds)?;
            write!(
                f,
                "server memory   {} KiB before, {} KiB after, {} KiB at most",
                s.resident_kib_before, s.resident_kib_after, s.resident_kib_highest
            )?;
        }
        writeln!(f)
    }
}
