//! Options that both generators share.
use crate::target::Target;
use crate::tls::TlsOptions;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// How the connection is secured: exactly one.
#[derive(Debug, Clone, Copy, Default, Args)]
#[group(required = true, multiple = false)]
pub struct Security {
    /// In clear
    #[arg(long)]
    pub plain: bool,
    /// In clear, then STARTTLS
    #[arg(long)]
    pub starttls: bool,
    /// TLS from the first byte
    #[arg(long)]
    pub tls: bool,
}

impl Security {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self { starttls: true, .. } => "starttls",
            Self { tls: true, .. } => "tls",
            _ => "plain",
        }
    }
}

/// Shared options.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Server to load
    #[arg(long, value_name = "HOST:PORT")]
    pub target: Target,
    #[command(flatten)]
    #[allow(missing_docs)] // shown as its own options
    pub security: Security,
    #[command(flatten)]
    #[allow(missing_docs)] // shown as its own options
    pub tls_options: TlsOptions,
    /// Sessions at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub sessions: u32,
    /// The run ends after so many seconds (or sooner, when everything asked for is done)
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Seconds to wait for a connection to be set up, and for each operation
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Use so many loopback source addresses (127.0.0.1, 127.0.0.2…) in turn, for servers that cap connections by address
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=250))]
    pub spread: u8,
    /// Process of the server on this machine (repeatable): its memory and processor time are reported
    #[arg(long = "pid", value_name = "PID")]
    pub pids: Vec<u32>,
    /// Allow a target that is not on loopback
    #[arg(long)]
    pub yes_remote: bool,
    /// Write the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Write the report to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    pub json_file: Option<PathBuf>,
}

/// Shows a report as the options say. The exit status tells whether anything was done.
pub fn finish<R: Serialize + std::fmt::Display>(common: &Common, report: &R, done: bool) -> ExitCode {
    // Reports hold numbers, texts and maps with text keys: writing them as JSON cannot fail.
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    if let Some(file) = &common.json_file
        && let Err(e) = std::fs::write(file, &json)
    {
        eprintln!("{}: {e}", file.display());
        return ExitCode::from(2);
    }
    let shown = if common.json { json } else { report.to_string() };
    // A reader that left early (`| head`) does not change what was measured.
    let _ = writeln!(std::io::stdout(), "{}", shown.trim_end());
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
