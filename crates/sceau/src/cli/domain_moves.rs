//! `sceau domain move`: a domain comes from another operator, or goes to one.
use super::Context;
use super::accounts::parse;
use super::time::instant;
use crate::admin::client::Failure;
use clap::Subcommand;
use sceau_domain::{DomainName, Lang};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum MoveCommand {
    In {
        name: String,
    },
    Out {
        name: String,
        #[arg(long)]
        until: String,
    },
    Cancel {
        name: String,
    },
    Show {
        name: String,
    },
}

const MOVE: &[(&str, &str)] = &[
    ("domain", "column.domain"),
    ("direction", "column.move_direction"),
    ("state", "column.state"),
    ("until", "column.move_until"),
    ("names_us", "column.move_names_us"),
    ("names_others", "column.move_names_others"),
    ("bals", "column.move_bals"),
];

/// `sceau domain move`.
pub fn run(c: &Context, command: MoveCommand) -> Result<(), Failure> {
    let (name, body) = match command {
        MoveCommand::In { name } => (name, json!({ "direction": "in" })),
        MoveCommand::Out { name, until } => (name, json!({ "direction": "out", "until": instant(c, &until)? })),
        MoveCommand::Cancel { name } => (name, json!({ "direction": "none" })),
        MoveCommand::Show { name } => (name, Value::Null),
    };
    let name = parse::<DomainName>(c, &name)?;
    let path = ["domains", name.as_str(), "move"];
    let said = if body.is_null() { c.get(&path)? } else { c.post(&path, &body)? };
    c.show_one(&said, MOVE);
    if !c.json {
        let steps: Vec<Value> = said["steps"].as_array().into_iter().flatten().map(|s| step(c, s)).collect();
        if !steps.is_empty() {
            c.show_list(&steps.into(), &[("done", "column.move_done"), ("what", "column.move_step")]);
        }
    }
    Ok(())
}

fn step(c: &Context, step: &Value) -> Value {
    let what = if c.lang == Lang::Fr { &step["fr"] } else { &step["en"] };
    json!({ "done": step["done"], "what": what })
}
