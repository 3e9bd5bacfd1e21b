//! `sceau retention`: retention policies.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    List,
    Show {
        name: String,
    },
    Use {
        name: String,
        #[arg(long, value_name = "CODE")]
        structure: Option<String>,
        #[arg(long)]
        yes: bool,
    },
    Due {
        name: String,
        #[arg(long, value_name = "CODE")]
        structure: Option<String>,
    },
    Set {
        name: String,
        #[arg(value_name = "ITEM=VALUE")]
        rules: Vec<String>,
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        #[arg(long, value_name = "TEXT")]
        source: Option<String>,
        #[arg(long)]
        yes: bool,
    },
}

const POLICY: &[(&str, &str)] = &[
    ("name", "column.name"),
    ("preset", "column.preset"),
    ("operator", "column.operator"),
    ("structures", "column.followers"),
];
const RULE: &[(&str, &str)] = &[
    ("item", "column.item"),
    ("value", "column.value"),
    ("verified", "column.verified"),
    ("applied", "column.applied"),
    ("least", "column.least"),
    ("most", "column.most"),
    ("source", "column.source"),
];

const DUE: &[(&str, &str)] = &[
    ("item", "column.item"),
    ("value", "column.value"),
    ("before", "column.before"),
    ("count", "column.older"),
    ("held", "column.held"),
];

fn show(c: &Context, policy: &Value) {
    if c.json {
        return super::table::print_json(policy);
    }
    c.show_one(policy, POLICY);
    say!();
    c.show_list(&policy["rules"], RULE);
}

/// `sceau retention`.
pub fn run(c: &Context, command: RetentionCommand) -> Result<(), Failure> {
    match command {
        RetentionCommand::List => {
            c.show_list(&c.page(c.call(Method::GET, &["retention"])?.send()?), POLICY);
        }
        RetentionCommand::Show { name } => show(c, &c.get(&["retention", &name])?),
        RetentionCommand::Due { name, structure } => {
            let call = c.call(Method::GET, &["retention", &name, "due"])?.query("structure", structure.as_deref());
            c.show_list(&c.page(call.send()?), DUE);
        }
        RetentionCommand::Use { name, structure, yes } => {
            let mut body = json!({ "confirm": yes });
            if let Some(code) = structure {
                body["structure"] = code.into();
            }
            show(c, &c.post(&["retention", &name, "use"], &body)?);
        }
        RetentionCommand::Set { name, rules, from, source, yes } => {
            let rules = rules.iter().map(|r| rule(c, r, source.as_deref())).collect::<Result<Vec<_>, _>>()?;
            // A policy that is there is changed; one that is not is made.
            let known = c.page(c.call(Method::GET, &["retention"])?.send()?);
            let is_there = known.as_array().is_some_and(|all| all.iter().any(|p| p["name"] == name.as_str()));
            let set = if is_there && from.is_none() {
                let at = (&["retention", name.as_str()][..], &[][..]);
                c.change(Method::PATCH, at, None, |_| Some(json!({ "rules": rules, "confirm": yes })))?.value
            } else {
                let mut body = json!({ "name": name, "rules": rules });
                if let Some(from) = from {
                    body["from"] = from.into();
                }
                c.post(&["retention"], &body)?
            };
            show(c, &set);
        }
    }
    Ok(())
}

/// `cooling=45 days`.
fn rule(c: &Context, text: &str, source: Option<&str>) -> Result<Value, Failure> {
    let bad = || Failure { sentence: c.text("cli.bad_value", &[("value", text)]), exit: 2 };
    let (item, value) = text.split_once('=').ok_or_else(bad)?;
    let mut rule = json!({ "item": item.trim(), "value": value.trim() });
    if let Some(source) = source {
        rule["source"] = source.into();
    }
    Ok(rule)
}
