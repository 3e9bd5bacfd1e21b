//! `sceau queue`: what waits, why, and trying it again.
use super::Context;
use super::accounts::parse;
use super::table::{limit as most, numbered};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::DomainName;
use serde_json::json;

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
            let destination = destination.map(|d| parse::<DomainName>(c, &d)).transpose()?;
            let call =
                c.call(Method::GET, &["queue"])?.query("destination", destination.as_ref().map(DomainName::as_str));
            let call = call.query("after", after.map(|a| a.max(0).to_string()).as_deref());
            let answered = call.query("limit", Some(&most(limit))).send()?;
            c.show_list(&numbered(c.page(answered)), QUEUE);
        }
        QueueCommand::Show { id } => {
            let value = numbered(c.get(&["queue", &id.to_string()])?);
            c.show_one(&value, DETAIL);
            if !c.json && value["history"].as_array().is_some_and(|h| !h.is_empty()) {
                say!("\n{}", c.text("column.history", &[]));
                super::table::print_table(c, &value["history"], super::traces::TRACE);
            }
        }
        QueueCommand::Retry { id, destination, all } => {
            let retry = |destination: Option<&str>| c.post(&["queue", "retry"], &json!({ "destination": destination }));
            let answer = match (id, destination) {
                (Some(id), _) => c.call(Method::POST, &["queue", &id.to_string(), "retry"])?.send()?.value,
                (None, Some(d)) => retry(Some(parse::<DomainName>(c, &d)?.as_str()))?,
                (None, None) if all => retry(None)?,
                (None, None) => return Ok(()),
            };
            if c.json {
                super::table::print_json(&answer);
            } else {
                say!("{}", c.text("cli.queue_retried", &[("count", &answer["retried"].to_string())]));
            }
        }
    }
    Ok(())
}
