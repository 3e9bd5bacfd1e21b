//! `sceau trace`: the probative log.
use super::Context;
use crate::admin::client::Failure;
use crate::admin::request::Request;
use clap::Subcommand;
use sceau_domain::Timestamp;
use sceau_operator::traces::TraceFilter;

#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    List {
        #[arg(long)]
        act: Option<String>,
        #[arg(long)]
        bal: Option<String>,
        #[arg(long)]
        actor: Option<String>,
        #[arg(long)]
        since: Option<String>,
        #[arg(long)]
        after: Option<i64>,
        #[arg(long)]
        limit: Option<u32>,
    },
}

pub(super) const TRACE: &[(&str, &str)] = &[
    ("at", "column.at"),
    ("act", "column.act"),
    ("outcome", "column.outcome"),
    ("actor", "column.actor"),
    ("bal", "column.bal"),
    ("remote", "column.remote"),
    ("data", "column.data"),
];

/// `sceau trace`.
pub fn run(c: &Context, command: TraceCommand) -> Result<(), Failure> {
    let TraceCommand::List { act, bal, actor, since, after, limit } = command;
    let since = since
        .map(|s| {
            s.parse::<jiff::Timestamp>()
                .map(|t| Timestamp(t.as_millisecond()))
                .map_err(|_| Failure { sentence: c.text("cli.bad_instant", &[("value", &s)]), exit: 2 })
        })
        .transpose()?;
    c.show_list(&c.ask(&Request::TraceList(TraceFilter { act, bal, actor, since, after, limit }))?, TRACE);
    Ok(())
}
