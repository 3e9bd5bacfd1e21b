//! `sceau token`: tokens for mail programs, and for REST (`--api`).
use super::Context;
use super::table::numbered;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use sceau_domain::{Clock, SystemClock, Timestamp};
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
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
    Send {
        login: String,
        #[arg(long)]
        bal: Option<String>,
        #[arg(long, conflicts_with = "bal")]
        api: bool,
        #[arg(long)]
        label: String,
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
        #[arg(long)]
        to: Option<String>,
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

fn purpose(api: bool) -> &'static str {
    if api { "api" } else { "device" }
}

fn expires(days: Option<u32>) -> Option<Timestamp> {
    days.map(|d| SystemClock.now().plus_ms(i64::from(d) * 86_400_000))
}

/// `sceau token`.
pub fn run(c: &Context, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { login, bal, api, label, days } => {
            let new = json!({ "login": login, "purpose": purpose(api), "bal": bal, "label": label,
                              "expires": expires(days) });
            let token = numbered(c.post(&["tokens"], &new)?);
            c.show_one(&token, TOKEN);
            if !c.json {
                let secret = token["secret"].as_str().unwrap_or_default();
                say!("\n{}\n\n    {secret}\n", c.text("cli.token_once", &[]));
            }
        }
        TokenCommand::Send { login, bal, api, label, days, to } => {
            let new = json!({ "login": login, "purpose": purpose(api), "bal": bal, "label": label,
                              "expires": expires(days), "to": to });
            let sent = c.post(&["tokens", "links"], &new)?;
            if c.json {
                super::table::print_json(&sent);
            } else {
                let said = |name: &str| sent[name].as_str().unwrap_or_default().to_owned();
                say!("{}", c.text("cli.token_sent", &[("to", &said("to")), ("address", &said("address"))]));
            }
        }
        TokenCommand::List { login } => {
            let call = c.call(Method::GET, &["tokens"])?.query("login", login.as_deref());
            c.show_list(&numbered(c.all(call)?), TOKEN);
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
