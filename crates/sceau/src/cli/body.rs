//! `sceau body`: regional bodies.
use super::Context;
use super::person::put;
use super::structure::ContactArgs;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Map, Value};

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
    Edit {
        code: String,
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        contact: ContactArgs,
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
        BodyCommand::List => c.show_list(&Context::items(c.call(Method::GET, &["bodies"])?.send()?), BODY),
        BodyCommand::Show { code } => c.show_one(&c.get(&["bodies", &code])?, BODY),
        BodyCommand::Edit { code, name, contact } => {
            let before = c.call(Method::GET, &["bodies", &code])?.send()?;
            let mut body = Map::new();
            put(&mut body, "name", name);
            if let Some(contact) = contact.over(&before.value["contact"]) {
                body.insert("contact".into(), contact);
            }
            let call = c.call(Method::PATCH, &["bodies", &code])?.if_match(before.version);
            c.show_one(&call.body(&Value::Object(body)).send()?.value, BODY);
        }
    }
    Ok(())
}
