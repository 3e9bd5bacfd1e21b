//! `sceau opening`: BALs that are asked for, their changes and their ends, step by step.
use super::Context;
use super::bals::{BalAdd, given, known};
use super::table::limit;
use super::{time, words};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::Lang;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum OpeningCommand {
    List {
        #[arg(long, value_parser = ["requested", "verified", "opened", "done", "refused", "cancelled"])]
        state: Option<String>,
        #[arg(long, value_parser = ["open", "change", "end"])]
        task: Option<String>,
        #[arg(long)]
        structure: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
    Ask(Box<BalAdd>),
    Change {
        address: String,
        #[arg(long)]
        name: Option<String>,
        #[arg(long = "holder", required = true)]
        holders: Vec<String>,
        #[arg(long = "member")]
        members: Vec<String>,
        #[arg(long)]
        reason: Option<String>,
        #[arg(long)]
        naming_override: Option<String>,
    },
    End {
        address: String,
        #[arg(long)]
        reason: String,
    },
    Verify {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long)]
        eligibility_override: Option<String>,
    },
    Refuse {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long)]
        reason: String,
    },
    Cancel {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
}

const OPENING: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("task", "column.task"),
    ("state", "column.state"),
    ("address", "column.address"),
    ("kind", "column.kind"),
    ("name", "column.name"),
    ("structure", "column.structure"),
    ("people", "column.access"),
    ("reason", "column.reason"),
    ("asked_by", "column.asked_by"),
    ("asked", "column.asked"),
    ("steps", "column.steps"),
    ("waits_for", "column.waits_for"),
];
const LISTED: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("task", "column.task"),
    ("state", "column.state"),
    ("address", "column.address"),
    ("kind", "column.kind"),
    ("structure", "column.structure"),
    ("asked_by", "column.asked_by"),
    ("asked", "column.asked"),
    ("waits_for", "column.waits_for"),
];

/// `sceau opening`.
pub fn run(c: &Context, command: OpeningCommand) -> Result<(), Failure> {
    match command {
        OpeningCommand::List { state, task, structure, after, limit: most } => {
            let call = c
                .call(Method::GET, &["openings"])?
                .query("state", state.as_deref())
                .query("task", task.as_deref())
                .query("structure", structure.as_deref())
                .query("after", after.as_deref())
                .query("limit", Some(&limit(most)));
            let mut rows = c.page(call.send()?);
            if !c.json {
                rows.as_array_mut().into_iter().flatten().for_each(|row| readable(c, row));
            }
            c.show_list(&rows, LISTED);
        }
        OpeningCommand::Show { id } => show_one(c, c.get(&["openings", &id])?),
        OpeningCommand::Ask(new) => {
            let mut body = new.json(c)?;
            body.insert("task".into(), json!("open"));
            show_one(c, c.post(&["openings"], &body.into())?);
        }
        OpeningCommand::Change { address, name, holders, members, reason, naming_override } => {
            let mut body = given(&[("name", &name), ("reason", &reason), ("naming_override", &naming_override)]);
            body.insert("task".into(), json!("change"));
            body.insert("address".into(), json!(known(c, &address)?));
            body.insert("holders".into(), json!(holders));
            body.insert("members".into(), json!(members));
            show_one(c, c.post(&["openings"], &body.into())?);
        }
        OpeningCommand::End { address, reason } => {
            let body = json!({ "task": "end", "address": known(c, &address)?, "reason": reason });
            show_one(c, c.post(&["openings"], &body)?);
        }
        OpeningCommand::Verify { id, eligibility_override } => {
            let call = c.call(Method::POST, &["openings", &id, "verify"])?;
            let call = call.query("eligibility_override", eligibility_override.as_deref());
            show_one(c, call.send()?.value);
        }
        OpeningCommand::Refuse { id, reason } => act(c, &id, "refuse", Some(json!({ "reason": reason })))?,
        OpeningCommand::Cancel { id } => act(c, &id, "cancel", None)?,
    }
    Ok(())
}

fn act(c: &Context, id: &str, what: &str, body: Option<Value>) -> Result<(), Failure> {
    let mut call = c.call(Method::POST, &["openings", id, what])?;
    if let Some(body) = body {
        call = call.body(&body);
    }
    show_one(c, call.send()?.value);
    Ok(())
}

/// Shows a request: as it was answered, or for a person to read.
pub(super) fn show_one(c: &Context, mut value: Value) {
    if !c.json {
        readable(c, &mut value);
    }
    c.show_one(&value, OPENING);
}

/// Makes lists of objects into texts.
fn readable(c: &Context, value: &mut Value) {
    let text = |v: &Value, name: &str| v[name].as_str().unwrap_or_default().to_owned();
    let each = |list: &Value, line: &dyn Fn(&Value) -> String| -> Value {
        list.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(line).collect()
    };
    let detail = if c.lang == Lang::Fr { "detail" } else { "detail_en" };
    value["waits_for"] = each(&value["waits_for"], &|w| text(w, detail));
    let role = |p: &Value| words::word(c, "role", &text(p, "role"));
    value["people"] = each(&value["people"], &|p| format!("{} ({})", text(p, "login"), role(p)));
    value["steps"] = each(&value["steps"], &|s| {
        let reason = s["reason"].as_str().map(|r| format!(" ({r})")).unwrap_or_default();
        let at = time::shown(c, s["at"].as_i64().unwrap_or_default());
        format!("{at} {} {}{reason}", words::word(c, "state", &text(s, "became")), text(s, "by"))
    });
}
