//! Logs: JSON lines (or text) on standard error. No content, no local part of an address ever goes there.
use crate::config::LogSection;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts logging. A second start in one process is ignored; the configuration already refused a filter that cannot be read.
pub fn start(section: &LogSection) {
    let filter: Targets = section
        .level
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(tracing::level_filters::LevelFilter::INFO));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    let started = if section.format == "json" {
        registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init()
    } else {
        registry.with(layer.with_filter(filter)).try_init()
    };
    if let Err(e) = started {
        eprintln!("sceau: {e}");
    }
}
