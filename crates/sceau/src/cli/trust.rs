//! `sceau trust`: the white list, trust anchors, revocations.
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
    #[command(flatten)]
    WhiteList(super::white_list::WhiteListCommand),
    Anchors,
    Revocation {
        #[command(subcommand)]
        command: Option<RevocationCommand>,
    },
}

#[derive(Debug, Subcommand)]
pub enum RevocationCommand {
    List,
    Refresh,
}

const ANCHORS: &[(&str, &str)] = &[
    ("purpose", "column.purpose"),
    ("environment", "column.environment"),
    ("in_force", "column.in_force"),
    ("not_after", "column.not_after"),
    ("mode", "column.mode"),
    ("subject", "column.subject"),
];

const SOURCES: &[(&str, &str)] = &[
    ("kind", "column.kind"),
    ("state", "column.state"),
    ("issuer", "column.issuer"),
    ("this_update", "column.this_update"),
    ("next_update", "column.next_update"),
    ("entries", "column.entries"),
    ("fetched", "column.fetched"),
    ("address", "column.address"),
    ("error", "column.error"),
];

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
        TrustCommand::Anchors => {
            c.show_list(&c.page(c.call(Method::GET, &["anchors"])?.send()?), ANCHORS);
            Ok(())
        }
        TrustCommand::Revocation { command: None | Some(RevocationCommand::List) } => {
            c.show_list(&c.page(c.call(Method::GET, &["revocation"])?.send()?), SOURCES);
            Ok(())
        }
        TrustCommand::Revocation { command: Some(RevocationCommand::Refresh) } => refresh_revocation(c),
        TrustCommand::WhiteList(command) => super::white_list::run(c, command),
        TrustCommand::Refresh => {
            let answer = c.call(Method::POST, &["white-list", "refresh"])?.send()?.value;
            c.show_one(&answer, REFRESH);
            // What watches over this command must not have to read its output.
            match &answer["error"] {
                serde_json::Value::Null => Ok(()),
                error => Err(Failure {
                    sentence: format!(
                        "{} [{}]",
                        error[1].as_str().unwrap_or_default(),
                        error[0].as_str().unwrap_or_default()
                    ),
                    exit: 1,
                }),
            }
        }
    }
}

fn refresh_revocation(c: &Context) -> Result<(), Failure> {
    let answer = c.call(Method::POST, &["revocation", "refresh"])?.send()?.value;
    if c.json {
        super::table::print_json(&answer);
    } else {
        c.show_list(&answer["sources"], SOURCES);
        let (came, asked) = (answer["came"].to_string(), answer["asked"].to_string());
        say!("{}", c.text("cli.trust.refreshed", &[("came", &came), ("asked", &asked)]));
    }
    Ok(())
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
