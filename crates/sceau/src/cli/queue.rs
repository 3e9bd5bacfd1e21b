//! `sceau queue`: what waits, why, and trying it again.
use super::Context;
use super::accounts::parse;
use crate::admin::client::Failure;
use crate::admin::request::{Request, RetryWhat};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    List {
        #[arg(long)]
        destination: Option<String>,
        #[arg(long)]
        after: Option<i64>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        id: i64,
    },
    Retry {
        #[arg(required_unless_present_any = ["destination", "all"], conflicts_with_all = ["destination", "all"])]
        id: Option<i64>,
        #[arg(long, conflicts_with = "all")]
        destination: Option<String>,
        #[arg(long)]
        all: bool,
    },
}

const QUEUE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("from", "column.from"),
    ("to", "column.to"),
    ("state", "column.state"),
    ("attempts", "column.attempts"),
    ("size", "column.size"),
    ("queued", "column.queued"),
    ("next", "column.next"),
    ("last_reply", "column.last_reply"),
];
const DETAIL: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("message", "column.message"),
    ("from", "column.from"),
    ("to", "column.to"),
    ("destination", "column.destination"),
    ("state", "column.state"),
    ("attempts", "column.attempts"),
    ("size", "column.size"),
    ("queued", "column.queued"),
    ("next", "column.next"),
    ("expires", "column.expires"),
    ("last_reply", "column.last_reply"),
];

/// `sceau queue`.
pub fn run(c: &Context, command: QueueCommand) -> Result<(), Failure> {
    match command {
        QueueCommand::List { destination, after, limit } => {
            let destination = destination.map(|d| parse(c, &d)).transpose()?;
            c.show_list(&c.ask(&Request::QueueList { destination, after, limit })?, QUEUE);
        }
        QueueCommand::Show { id } => {
            let value = c.ask(&Request::QueueShow { id })?;
            c.show_one(&value, DETAIL);
            if !c.json && value["history"].as_array().is_some_and(|h| !h.is_empty()) {
                println!("\n{}", c.text("column.history", &[]));
                super::table::print_table(c, &value["history"], super::traces::TRACE);
            }
        }
        QueueCommand::Retry { id, destination, all } => {
            let what = match (id, destination) {
                (Some(id), _) => RetryWhat::Entry(id),
                (None, Some(d)) => RetryWhat::Destination(parse(c, &d)?),
                (None, None) if all => RetryWhat::All,
                (None, None) => return Ok(()),
            };
            let answer = c.ask(&Request::QueueRetry { what })?;
            if c.json {
                super::table::print_json(&answer);
            } else {
                println!("{}", c.text("cli.queue_retried", &[("count", &answer["retried"].to_string())]));
            }
        }
    }
    Ok(())
}
