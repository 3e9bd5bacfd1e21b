//! `sceau session`: open sessions of people's browsers.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;

#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    List {
        login: String,
    },
    End {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("factors", "column.proven"),
    ("agent", "column.browser"),
    ("place", "column.last_place"),
    ("begun", "column.since"),
    ("seen", "column.last_used"),
    ("ends", "column.until"),
];

/// `sceau session`.
pub fn run(c: &Context, command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::List { login } => {
            c.show_list(&c.page(c.call(Method::GET, &["people", &login, "sessions"])?.send()?), COLUMNS);
        }
        SessionCommand::End { id } => {
            c.call(Method::DELETE, &["sessions", &id])?.send()?;
        }
    }
    Ok(())
}
