//! `sceau body`: regional bodies.
use super::Context;
use super::accounts::Since;
use super::person::put;
use super::structure::ContactArgs;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub enum BodyCommand {
    Add {
        code: String,
        #[arg(long)]
        name: String,
        #[command(flatten)]
        contact: ContactArgs,
    },
    List,
    Show {
        code: String,
    },
    Statistics {
        code: String,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Block {
        code: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    Release {
        code: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    Edit {
        code: String,
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        contact: ContactArgs,
        #[command(flatten)]
        since: Since,
    },
}

const BODY: &[(&str, &str)] = &[
    ("code", "column.code"),
    ("name", "column.name"),
    ("contact", "column.contact"),
    ("structures", "column.structures"),
    ("people", "column.people"),
    ("bals", "column.bal_count"),
    ("blocked", "column.blocked"),
    ("created", "column.created"),
    ("version", "column.version"),
];

const STATISTICS: &[(&str, &str)] = &[
    ("structure", "column.structure"),
    ("name", "column.name"),
    ("convention", "column.convention"),
    ("people", "column.people"),
    ("certified", "column.certified_people"),
    ("bals", "column.bal_count"),
    ("states", "column.states"),
    ("openings", "column.openings"),
    ("reports", "column.reports"),
    ("blocked", "column.blocked"),
    ("warnings", "column.warnings"),
];

/// `sceau body`.
pub fn run(c: &Context, command: BodyCommand) -> Result<(), Failure> {
    match command {
        BodyCommand::Add { code, name, contact } => {
            let mut body = Map::new();
            body.insert("code".into(), code.into());
            body.insert("name".into(), name.into());
            if let Some(contact) = contact.over(&Value::Null) {
                body.insert("contact".into(), contact);
            }
            c.show_one(&c.post(&["bodies"], &Value::Object(body))?, BODY);
        }
        BodyCommand::List => c.show_list(&c.page(c.call(Method::GET, &["bodies"])?.send()?), BODY),
        BodyCommand::Show { code } => c.show_one(&c.get(&["bodies", &code])?, BODY),
        BodyCommand::Statistics { code, after, limit } => {
            let call = c.call(Method::GET, &["bodies", &code, "statistics"])?.query("after", after.as_deref());
            let call = call.query("limit", Some(&super::table::limit(limit)));
            c.show_list(&c.page(call.send()?), STATISTICS);
        }
        BodyCommand::Block { code, reason } => {
            c.show_one(&c.post(&["bodies", &code, "block"], &json!({ "reason": reason }))?, BODY);
        }
        BodyCommand::Release { code, reason } => {
            c.show_one(&c.post(&["bodies", &code, "release"], &json!({ "reason": reason }))?, BODY);
        }
        BodyCommand::Edit { code, name, contact, since } => {
            let at = (&["bodies", code.as_str()][..], &[][..]);
            let body = |before: &Value| {
                let mut body = Map::new();
                put(&mut body, "name", name);
                if let Some(contact) = contact.over(&before["contact"]) {
                    body.insert("contact".into(), contact);
                }
                Some(Value::Object(body))
            };
            c.show_one(&c.change(Method::PATCH, at, since.if_version, body)?.value, BODY);
        }
    }
    Ok(())
}
