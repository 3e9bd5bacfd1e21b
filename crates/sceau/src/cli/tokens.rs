//! `sceau token`: device tokens for mail clients.
use super::Context;
use crate::admin::client::Failure;
use crate::admin::request::Request;
use clap::Subcommand;
use sceau_domain::{Clock, SystemClock};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    Create {
        login: String,
        #[arg(long)]
        bal: Option<String>,
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
    ("label", "column.label"),
    ("created", "column.created"),
    ("expires", "column.expires"),
    ("last_used", "column.last_used"),
    ("revoked", "column.revoked"),
];

/// `sceau token`.
pub fn run(c: &Context, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create { login, bal, label, days } => {
            let expires = days.map(|d| SystemClock.now().plus_ms(i64::from(d) * 86_400_000));
            let token = c.ask(&Request::TokenCreate { login, bal, label, expires })?;
            c.show_one(&token, TOKEN);
            if !c.json {
                let secret = token["secret"].as_str().unwrap_or_default();
                println!("\n{}\n\n    {secret}\n", c.text("cli.token_once", &[]));
            }
        }
        TokenCommand::List { login } => c.show_list(&c.ask(&Request::TokenList { login })?, TOKEN),
        TokenCommand::Revoke { id } => {
            let answer = c.ask(&Request::TokenRevoke { id })?;
            if c.json {
                super::table::print_json(&answer);
            } else {
                println!("{}", c.text("cli.token_revoked", &[("id", &id.to_string())]));
            }
        }
    }
    Ok(())
}
