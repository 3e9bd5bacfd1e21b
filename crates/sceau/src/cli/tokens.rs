//! `sceau token`: tokens for mail programs, and for REST (`--api`).
use super::Context;
use super::table::{limit, numbered};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::{Clock, SystemClock};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    Create {
        login: String,
        #[arg(long)]
        bal: Option<String>,
        #[arg(long, conflicts_with = "bal")]
        api: bool,
        #[arg(long)]
        label: String,
        #[arg(long)]
        days: Option<u32>,
    },
    List {
        #[arg(long)]
        login: Option<String>,
    },
    Revoke {
        id: i64,
    },
}

const TOKEN: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("login", "column.login"),
    ("bal", "column.bal"),
    ("purpose", "column.purpose"),
    ("label", "column.label"),
    ("created", "column.created"),
    ("expires", "column.expires"),
    ("last_used", "column.last_used"),
    ("revoked", "column.revoked"),
];

/// `sceau token`.
pub fn run(c: &Context, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { login, bal, api, label, days } => {
            let expires = days.map(|d| SystemClock.now().plus_ms(i64::from(d) * 86_400_000));
            let purpose = if api { "api" } else { "device" };
            let new = json!({ "login": login, "purpose": purpose, "bal": bal, "label": label, "expires": expires });
            let token = numbered(c.post(&["tokens"], &new)?);
            c.show_one(&token, TOKEN);
            if !c.json {
                let secret = token["secret"].as_str().unwrap_or_default();
                say!("\n{}\n\n    {secret}\n", c.text("cli.token_once", &[]));
            }
        }
        TokenCommand::List { login } => {
            let call = c.call(Method::GET, &["tokens"])?.query("login", login.as_deref());
            let answered = call.query("limit", Some(&limit(u32::MAX))).send()?;
            c.show_list(&numbered(Context::items(answered)), TOKEN);
        }
        TokenCommand::Revoke { id } => {
            c.call(Method::DELETE, &["tokens", &id.to_string()])?.send()?;
            let answer = json!({ "revoked": id });
            if c.json {
                super::table::print_json(&answer);
            } else {
                say!("{}", c.text("cli.token_revoked", &[("id", &id.to_string())]));
            }
        }
    }
    Ok(())
}
