//! What a run has to say.
use super::options::Options;
use super::tally::{Part, Tally};
use crate::Percentiles;
use crate::failure::Counts;
use crate::machine::ServerCost;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What the run cost.
#[derive(Debug, Clone)]
pub struct Costs {
    /// Processor time of the generator in the measured window.
    pub client: Duration,
    /// The server's, with `--pid`.
    pub server: Option<ServerCost>,
}

/// The warm-up, told apart.
#[derive(Debug, Clone, Serialize)]
pub struct WarmUp {
    /// Messages acknowledged.
    pub accepted: u64,
    /// Refusals.
    pub refusals: Counts,
    /// Errors.
    pub errors: Counts,
}

/// The report. Fields are only ever added.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always `smtp-load`.
    pub tool: &'static str,
    /// Version of this format.
    pub version: u32,
    /// Server.
    pub target: String,
    /// `plain`, `starttls` or `tls`.
    pub security: &'static str,
    /// Version and suite of TLS.
    pub tls: Option<String>,
    /// Was a client certificate offered?
    pub client_certificate: bool,
    /// `reused` or `fresh`.
    pub connections: &'static str,
    /// May fresh connections resume TLS sessions?
    pub resume: bool,
    /// Was pipelining asked for?
    pub pipelining: bool,
    /// Logged in?
    pub authenticated: bool,
    /// Sessions.
    pub sessions: u32,
    /// Size asked for, bytes.
    pub size: u64,
    /// Distinct recipients.
    pub recipients: usize,
    /// Recipients of each message.
    pub per_message: u16,
    /// Messages a second asked for, in an open load.
    pub rate: Option<f64>,
    /// Name of the run.
    pub run_id: String,
    /// The warm-up.
    pub warm_up: WarmUp,
    /// Length of the measured window, until its last answer, seconds.
    pub seconds: f64,
    /// Messages acknowledged in it.
    pub accepted: u64,
    /// Recipients acknowledged in it.
    pub accepted_recipients: u64,
    /// Bytes acknowledged in it.
    pub accepted_bytes: u64,
    /// Messages acknowledged a second.
    pub accepted_per_second: f64,
    /// A message, from MAIL (from the instant it was due, in an open load) to the last reply.
    pub transaction: Option<Percentiles>,
    /// The reply to the end of the content.
    pub end_of_content: Option<Percentiles>,
    /// Connection set-up (kept connections: made before the window).
    pub setup: Option<Percentiles>,
    /// TLS of it, until the server's first answer.
    pub handshake: Option<Percentiles>,
    /// Connections of it on which an earlier TLS session was taken up again.
    pub resumed: u64,
    /// A fresh connection from its first packet to its end.
    pub connection: Option<Percentiles>,
    /// Part of the fresh connections' time that was TLS, 0 to 1.
    pub handshake_share: Option<f64>,
    /// Refusals by command and reply code.
    pub refusals: Counts,
    /// Errors by kind.
    pub errors: Counts,
    /// Attempts after the first.
    pub retried: u64,
    /// Messages neither acknowledged nor refused for good to everyone.
    pub given_up: u64,
    /// Processor time of the generator in the window, seconds.
    pub client_processor_seconds: f64,
    /// The server's cost, with `--pid`.
    pub server: Option<ServerCost>,
    /// Why `--log` is not complete.
    pub log_error: Option<String>,
}

impl Report {
    /// From what was counted.
    pub fn of(o: &Options, run: &str, tally: &Tally, start: Option<Instant>, costs: Costs) -> Self {
        let warm_up = {
            let part = tally.part(false);
            WarmUp { accepted: part.accepted, refusals: part.refusals.clone(), errors: part.errors.clone() }
        };
        let part = tally.part(true);
        let seconds = window(start, &part);
        Self {
            tool: "smtp-load",
            version: 1,
            target: o.common.target.to_string(),
            security: o.common.security.name(),
            tls: tally.tls(),
            client_certificate: o.common.tls_options.client_cert.is_some(),
            connections: if o.fresh { "fresh" } else { "reused" },
            resume: o.common.tls_options.resume,
            pipelining: o.pipelining,
            authenticated: o.auth.is_some(),
            sessions: o.common.sessions,
            size: o.size,
            recipients: o.recipients.len(),
            per_message: o.per_message,
            rate: o.rate,
            run_id: run.into(),
            warm_up,
            seconds,
            accepted: part.accepted,
            accepted_recipients: part.recipients,
            accepted_bytes: part.bytes,
            accepted_per_second: if seconds > 0.0 { part.accepted as f64 / seconds } else { 0.0 },
            transaction: part.transaction.percentiles(),
            end_of_content: part.end.percentiles(),
            setup: part.setup.percentiles(),
            handshake: part.handshake.percentiles(),
            resumed: part.resumed,
            connection: part.connection.percentiles(),
            handshake_share: share(&part),
            refusals: part.refusals.clone(),
            errors: part.errors.clone(),
            retried: part.retried,
            given_up: part.given_up,
            client_processor_seconds: costs.client.as_secs_f64(),
            server: costs.server,
            log_error: tally.log_error(),
        }
    }
}

fn window(start: Option<Instant>, part: &Part) -> f64 {
    start.zip(part.last).map_or(0.0, |(start, last)| last.saturating_duration_since(start).as_secs_f64())
}

/// Means are compared: connections that failed have a handshake but no end.
fn share(part: &Part) -> Option<f64> {
    let mean = |h: &crate::Histogram| (h.count() > 0).then(|| h.sum().as_secs_f64() / h.count() as f64);
    Some(mean(&part.handshake)? / mean(&part.connection)?)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = self.tls.as_deref().map(|t| format!(" ({t})")).unwrap_or_default();
        let cert = if self.client_certificate { ", client certificate" } else { "" };
        writeln!(
            f,
            "{}  {}{tls}{cert}, {} sessions, {} connections, {} bytes",
            self.target, self.security, self.sessions, self.connections, self.size
        )?;
        writeln!(
            f,
            "accepted        {} in {:.2} s: {:.1}/s  ({:.2} MB/s; warm-up apart: {})",
            self.accepted,
            self.seconds,
            self.accepted_per_second,
            self.accepted_bytes as f64 / 1e6 / self.seconds.max(1e-9),
            self.warm_up.accepted
        )?;
        let rows = [
            ("transaction", &self.transaction),
            ("end of content", &self.end_of_content),
            ("set-up", &self.setup),
            ("handshake", &self.handshake),
            ("connection", &self.connection),
        ];
        for (name, p) in rows {
            if let Some(p) = p {
                writeln!(f, "{name:<15} {p}")?;
            }
        }
        if self.resumed > 0 {
            writeln!(f, "TLS resumed     on {} connections", self.resumed)?;
        }
        if let Some(share) = self.handshake_share {
            writeln!(f, "handshake share {:.1} % of a connection", share * 100.0)?;
        }
        for (name, counts) in [
            ("refused", &self.refusals),
            ("error", &self.errors),
            ("warm-up refused", &self.warm_up.refusals),
            ("warm-up error", &self.warm_up.errors),
        ] {
            for (key, n) in counts.iter() {
                writeln!(f, "{name:<15} {n} × {key}")?;
            }
        }
        if self.retried + self.given_up > 0 {
            writeln!(f, "retried         {}; given up {}", self.retried, self.given_up)?;
        }
        writeln!(
            f,
            "processor       generator {:.2} s{}",
            self.client_processor_seconds,
            self.server
                .as_ref()
                .map(|s| format!(
                    ", server {:.2} s ({:.2} ms a message)",
                    s.processor_seconds,
                    s.processor_seconds * 1e3 / (self.accepted.max(1)) as f64
                ))
                .unwrap_or_default()
        )?;
        if let Some(s) = &self.server {
            writeln!(
                f,
                "server memory   {} KiB before, {} KiB after, {} KiB at most",
                s.resident_kib_before, s.resident_kib_after, s.resident_kib_highest
            )?;
        }
        if let Some(e) = &self.log_error {
            writeln!(f, "log             NOT COMPLETE: {e}")?;
        }
        Ok(())
    }
}
