//! `sceau factor`, `sceau recovery`: people's means of signing in, as those who administer see them.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum FactorCommand {
    List {
        login: String,
    },
    Invite {
        login: String,
    },
    Breached {
        file: PathBuf,
        #[arg(long)]
        source: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum RecoveryCommand {
    Ask {
        login: String,
        #[arg(long, value_name = "TEXT")]
        checked: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    Confirm {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
    Stop {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
    List {
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

const FACTOR: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("kind", "column.kind"),
    ("label", "column.label"),
    ("enrolled", "column.since"),
    ("enrolled_with", "column.proven"),
    ("last_used", "column.last_used"),
    ("last_place", "column.last_place"),
];

const RECOVERY: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("login", "column.login"),
    ("state", "column.state"),
    ("checked", "column.checked"),
    ("reason", "column.reason"),
    ("asked", "column.asked"),
    ("asked_by", "column.asked_by"),
    ("confirmed", "column.confirmed"),
    ("confirmed_by", "column.confirmed_by"),
    ("opens", "column.opens"),
    ("ended", "column.ended"),
];

/// `sceau factor`.
pub fn run(c: &Context, command: FactorCommand) -> Result<(), Failure> {
    match command {
        FactorCommand::List { login } => {
            let listed = c.page(c.call(Method::GET, &["people", &login, "factors"])?.send()?);
            c.show_list(&super::words::rows(c, listed, &[("kind", "factor")], |_| {}), FACTOR);
        }
        FactorCommand::Invite { login } => {
            let columns = [("login", "column.login"), ("address", "column.address"), ("until", "column.until")];
            c.show_one(&c.call(Method::POST, &["people", &login, "invitation"])?.send()?.value, &columns);
        }
        FactorCommand::Breached { file, source } => {
            let source = source.or_else(|| file.file_name().map(|n| n.to_string_lossy().into_owned()));
            let call = c.call(Method::POST, &["breached-passwords"])?.query("source", source.as_deref());
            let columns = [
                ("entries", "column.entries"),
                ("skipped", "column.skipped"),
                ("imported", "column.at"),
                ("imported_by", "column.actor"),
                ("source", "column.source"),
            ];
            c.show_one(&call.file("text/plain", file).send()?.value, &columns);
        }
    }
    Ok(())
}

/// `sceau recovery`.
pub fn recovery(c: &Context, command: RecoveryCommand) -> Result<(), Failure> {
    match command {
        RecoveryCommand::Ask { login, checked, reason } => {
            let body = json!({ "checked": checked, "reason": reason });
            c.show_one(&c.post(&["people", &login, "recoveries"], &body)?, RECOVERY);
        }
        RecoveryCommand::Confirm { id } => {
            c.show_one(&c.call(Method::POST, &["recoveries", &id, "confirm"])?.send()?.value, RECOVERY);
        }
        RecoveryCommand::Stop { id } => {
            c.show_one(&c.call(Method::POST, &["recoveries", &id, "stop"])?.send()?.value, RECOVERY);
        }
        RecoveryCommand::List { after, limit } => {
            let limit = super::table::limit(limit);
            let call = c.call(Method::GET, &["recoveries"])?.query("after", after.as_deref());
            c.show_list(&c.page(call.query("limit", Some(&limit)).send()?), RECOVERY);
        }
    }
    Ok(())
}
