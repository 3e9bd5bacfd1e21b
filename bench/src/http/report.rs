//! What a run counted and has to say.
use super::client::Answer;
use super::options::Options;
use crate::dial::Phases;
use crate::failure::Counts;
use crate::machine::ServerCost;
use crate::{Failure, Histogram, Percentiles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What sessions counted so far.
#[derive(Debug, Default)]
pub struct Counted {
    /// By page: how long, how many bytes.
    pages: BTreeMap<String, (Histogram, u64)>,
    refusals: Counts,
    /// Errors, by kind.
    pub errors: Counts,
    setup: Histogram,
    handshake: Histogram,
    tls: Option<String>,
    /// Last event.
    pub last: Option<Instant>,
}

impl Counted {
    /// A page came, or did not.
    pub fn judged(&mut self, page: &str, result: &Result<Answer, Failure>, took: Duration) {
        self.last = Some(Instant::now());
        match result {
            Ok(Answer { status: 200, bytes, .. }) => {
                let (histogram, all) = self.pages.entry(page.to_owned()).or_default();
                histogram.record(took);
                *all += bytes;
            }
            Ok(answer) => self.refusals.add(format!("{page} {}", answer.status)),
            Err(failure) => self.errors.add(format!("{page}: {}", failure.key())),
        }
    }
    /// A connection was made.
    pub fn opened(&mut self, phases: Phases, tls: Option<String>) {
        self.setup.record(phases.whole);
        if phases.handshake > Duration::ZERO {
            self.handshake.record(phases.handshake);
        }
        self.tls = tls.or(self.tls.take());
    }
    /// A connection failed.
    pub fn failed(&mut self, failure: &Failure) {
        self.errors.add(failure.key());
        self.last = Some(Instant::now());
    }
}

/// One page.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Answered, a second.
    pub per_second: f64,
    /// Bytes of an answer on average, as they came.
    pub bytes_each: f64,
    /// From the request to the last byte.
    #[serde(flatten)]
    pub took: Percentiles,
}

/// Streams that stayed open.
#[derive(Debug, Clone, Serialize)]
pub struct Parked {
    /// Streams that opened.
    pub parked: u64,
    /// Seconds until the last one did.
    pub opening_seconds: f64,
    /// Seconds for which they were kept.
    pub held_seconds: f64,
    /// Streams that were still open then.
    pub alive_at_the_end: u64,
    /// Resident memory that the server gained for each, KiB.
    pub server_kib_each: Option<f64>,
}

/// The report. Fields are only ever added.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always `desk-load`.
    pub tool: &'static str,
    /// Version of this format.
    pub version: u32,
    /// Server.
    pub target: String,
    /// `plain` or `tls`.
    pub security: &'static str,
    /// Version and suite of TLS.
    pub tls: Option<String>,
    /// Sessions.
    pub sessions: u32,
    /// Length of the measured window, until its last answer, seconds.
    pub seconds: f64,
    /// Pages answered with 200.
    pub done: u64,
    /// The same a second.
    pub per_second: f64,
    /// By page.
    pub pages: BTreeMap<String, Row>,
    /// Connection set-up, all connections of the run.
    pub setup: Option<Percentiles>,
    /// TLS of it.
    pub handshake: Option<Percentiles>,
    /// Answers other than 200, by page and status.
    pub refusals: Counts,
    /// Errors by kind.
    pub errors: Counts,
    /// Streams that stayed open, with `--park`.
    pub parked: Option<Parked>,
    /// Processor time of the generator in the window, seconds.
    pub client_processor_seconds: f64,
    /// The server's cost, with `--pid`.
    pub server: Option<ServerCost>,
}

impl Report {
    /// From what was counted in a window of this length.
    pub fn of(o: &Options, counted: &Counted, length: Duration) -> Self {
        let seconds = length.as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let row = |(name, (histogram, bytes)): (&String, &(Histogram, u64))| {
            let took = histogram.percentiles()?;
            let bytes_each = *bytes as f64 / took.count.max(1) as f64;
            Some((name.clone(), Row { per_second: rate(took.count), bytes_each, took }))
        };
        let pages: BTreeMap<_, _> = counted.pages.iter().filter_map(row).collect();
        let done: u64 = pages.values().map(|r| r.took.count).sum();
        Self {
            tool: "desk-load",
            version: 1,
            target: o.common.target.to_string(),
            security: o.common.security.name(),
            tls: counted.tls.clone(),
            sessions: o.common.sessions,
            seconds,
            done,
            per_second: rate(done),
            pages,
            setup: counted.setup.percentiles(),
            handshake: counted.handshake.percentiles(),
            refusals: counted.refusals.clone(),
            errors: counted.errors.clone(),
            parked: None,
            client_processor_seconds: 0.0,
            server: None,
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = self.tls.as_deref().map(|t| format!(" ({t})")).unwrap_or_default();
        writeln!(f, "{}  {}{tls}, {} sessions", self.target, self.security, self.sessions)?;
        if let Some(p) = &self.parked {
            let Parked { parked, opening_seconds, held_seconds, alive_at_the_end, .. } = p;
            writeln!(
                f,
                "parked          {parked} in {opening_seconds:.2} s; kept {held_seconds:.1} s, alive at the end {alive_at_the_end}"
            )?;
            if let Some(kib) = p.server_kib_each {
                writeln!(f, "server memory   {kib:.1} KiB each")?;
            }
        }
        writeln!(f, "pages           {} in {:.2} s: {:.1}/s", self.done, self.seconds, self.per_second)?;
        for (name, row) in &self.pages {
            writeln!(f, "{name:<15} {:.1}/s  {:.0} bytes  {}", row.per_second, row.bytes_each, row.took)?;
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
            let (before, after, most) = (s.resident_kib_before, s.resident_kib_after, s.resident_kib_highest);
            write!(f, "server memory   {before} KiB before, {after} KiB after, {most} KiB at most")?;
        }
        writeln!(f)
    }
}
