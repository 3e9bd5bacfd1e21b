//! `sceau trust`: the white list.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_trust::{Anchors, Purpose};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    Inspect {
        file: PathBuf,
        #[arg(long)]
        anchors: Option<PathBuf>,
    },
    Refresh,
}

const REFRESH: &[(&str, &str)] = &[
    ("changed", "column.changed"),
    ("generated", "column.generated"),
    ("added", "column.added"),
    ("removed", "column.removed"),
    ("altered", "column.altered"),
    ("error", "column.error"),
];

/// `sceau trust`.
pub fn run(c: &Context, command: TrustCommand) -> Result<(), Failure> {
    match command {
        TrustCommand::Inspect { file, anchors } => inspect(c, &file, anchors.as_deref()),
        TrustCommand::Refresh => {
            c.show_one(&c.call(Method::POST, &["white-list", "refresh"])?.send()?.value, REFRESH);
            Ok(())
        }
    }
}

fn inspect(c: &Context, file: &Path, anchors: Option<&Path>) -> Result<(), Failure> {
    let read = |p: &Path| {
        std::fs::read(p).map_err(|e| Failure {
            sentence: c.text("cli.cannot_read", &[("path", &p.display().to_string()), ("error", &e.to_string())]),
            exit: 2,
        })
    };
    let mut trusted = Anchors::default();
    if let Some(path) = anchors {
        trusted.add_pem(Purpose::ListSigner, &read(path)?).map_err(|e| Failure {
            sentence: c.text("cli.cannot_read", &[("path", &path.display().to_string()), ("error", &e.to_string())]),
            exit: 2,
        })?;
    }
    let now = sceau_domain::Clock::now(&sceau_domain::SystemClock);
    let report = sceau_trust::inspect::inspect(&read(file)?, &trusted, now);
    if c.json {
        super::table::print_json(&serde_json::to_value(&report).unwrap_or_default());
    } else {
        say!("{}", report.render(c.lang));
    }
    Ok(())
}
