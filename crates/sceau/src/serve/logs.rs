//! Logs: JSON lines (or text) on standard error. No content, no local part of an address ever goes there.
use crate::config::LogSection;
use tracing_subscriber::EnvFilter;

/// Starts logging. A second start in one process is ignored.
pub fn start(section: &LogSection) {
    let filter = EnvFilter::try_new(&section.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    let started =
        if section.format == "json" { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
    if let Err(e) = started {
        eprintln!("sceau: {e}");
    }
}
