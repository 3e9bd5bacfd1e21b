//! `sceau policy`: limits, where they are set and where each value of a BAL comes from.
use super::{Context, table};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    Show {
        bal: Option<String>,
    },
    Set {
        #[arg(value_parser = ["domain", "kind", "structure", "bal"])]
        scope: String,
        subject: String,
        name: String,
        value: u64,
    },
    Unset {
        #[arg(value_parser = ["domain", "kind", "structure", "bal"])]
        scope: String,
        subject: String,
        name: String,
    },
    List {
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

const VALUES: [(&str, &str); 7] = [
    ("scope", "column.scope"),
    ("subject", "column.subject"),
    ("name", "column.limit"),
    ("value", "column.amount"),
    ("set_by", "column.actor"),
    ("at", "column.at"),
    ("over_quota", "column.over_quota"),
];

/// `sceau policy`.
pub fn run(c: &Context, command: PolicyCommand) -> Result<(), Failure> {
    match command {
        PolicyCommand::Show { bal: Some(bal) } => {
            let columns = [
                ("name", "column.limit"),
                ("value", "column.amount"),
                ("unit", "column.unit"),
                ("from", "column.origin"),
                ("subject", "column.subject"),
                ("source", "column.source"),
                ("verified", "column.verified"),
            ];
            let bal = super::bals::known(c, &bal)?;
            c.show_list(&c.page(c.call(Method::GET, &["bals", &bal, "policy"])?.send()?), &columns);
        }
        PolicyCommand::Show { bal: None } => {
            let columns = [
                ("name", "column.limit"),
                ("value", "column.amount"),
                ("unit", "column.unit"),
                ("built_in", "column.built_in"),
                ("min", "column.min"),
                ("max", "column.max"),
                ("scopes", "column.scopes"),
                ("source", "column.source"),
                ("verified", "column.verified"),
            ];
            c.show_list(&c.page(c.call(Method::GET, &["policies"])?.send()?), &columns);
        }
        PolicyCommand::Set { scope, subject, name, value } => {
            let call = c.call(Method::PUT, &["policies", "values", &scope, &subject, &name])?;
            c.show_one(&call.body(&json!({ "value": value })).send()?.value, &VALUES);
        }
        PolicyCommand::Unset { scope, subject, name } => {
            c.call(Method::DELETE, &["policies", "values", &scope, &subject, &name])?.send()?;
            let answer = json!({ "unset": name, "scope": scope, "subject": subject });
            if c.json {
                table::print_json(&answer);
            } else {
                say!("{}", c.text("cli.policy_unset", &[("name", &name), ("subject", &subject)]));
            }
        }
        PolicyCommand::List { after, limit } => {
            let call = c.call(Method::GET, &["policies", "values"])?.query("after", after.as_deref());
            c.show_list(&c.page(call.query("limit", Some(&table::limit(limit))).send()?), &VALUES);
        }
    }
    Ok(())
}
