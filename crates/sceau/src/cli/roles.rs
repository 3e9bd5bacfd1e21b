//! `sceau role`: administrative roles.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    List {
        #[arg(long)]
        login: Option<String>,
        #[arg(long, value_parser = ROLES)]
        role: Option<String>,
        #[arg(long)]
        structure: Option<String>,
        #[arg(long)]
        ended: bool,
    },
    Grant {
        login: String,
        #[arg(value_parser = ROLES)]
        role: String,
        #[arg(long)]
        structure: Option<String>,
        #[arg(long)]
        body: Option<String>,
        #[arg(long)]
        function: Option<String>,
        #[arg(long)]
        reason: String,
    },
    End {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long)]
        reason: String,
    },
}

const ROLES: [&str; 5] = ["administrator", "structure", "region", "support", "auditor"];

const ROLE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("role", "column.role"),
    ("login", "column.login"),
    ("given_name", "column.given_name"),
    ("family_name", "column.family_name"),
    ("function", "column.function"),
    ("structure", "column.structure"),
    ("body", "column.body"),
    ("granted", "column.granted"),
    ("granted_by", "column.granted_by"),
    ("reason", "column.reason"),
    ("ended", "column.ended"),
    ("ended_by", "column.ended_by"),
];

/// `sceau role`.
pub fn run(c: &Context, command: RoleCommand) -> Result<(), Failure> {
    match command {
        RoleCommand::List { login, role, structure, ended } => {
            let call = c.call(Method::GET, &["roles"])?.query("login", login.as_deref()).query("role", role.as_deref());
            let call = call.query("structure", structure.as_deref()).query("ended", ended.then_some("true"));
            c.show_list(&c.all(call)?, ROLE);
        }
        RoleCommand::Grant { login, role, structure, body, function, reason } => {
            let new = json!({ "login": login, "role": role, "structure": structure, "body": body,
                              "function": function, "reason": reason });
            c.show_one(&c.post(&["roles"], &new)?, ROLE);
        }
        RoleCommand::End { id, reason } => {
            c.show_one(&c.post(&["roles", &id, "end"], &json!({ "reason": reason }))?, ROLE);
        }
    }
    Ok(())
}
