//! `sceau domain`: our domains; and what several commands read.
use super::Context;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use sceau_domain::{DomainKind, DomainName};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum DomainCommand {
    Add {
        name: String,
        #[arg(long, default_value = "Production", value_parser = ["Production", "Test", "Patients", "Internal"], ignore_case = true)]
        kind: String,
    },
    List,
    Show {
        name: String,
    },
    Dns {
        name: String,
        #[arg(long)]
        check: bool,
    },
    Move {
        #[command(subcommand)]
        command: super::domain_moves::MoveCommand,
    },
}

/// The number of a request, a hold, an import…: as REST has it, a text of digits.
pub(super) fn id(text: &str) -> Result<String, String> {
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { Ok(text.to_owned()) } else { Err(String::new()) }
}

/// The version that a change starts from, for who looked at it before.
#[derive(Debug, Args)]
pub struct Since {
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub(super) if_version: Option<i64>,
}

#[derive(Debug, Args)]
pub struct PageArgs {
    #[arg(long)]
    pub(super) after: Option<String>,
    #[arg(long, default_value_t = 100)]
    pub(super) limit: u32,
}

const DOMAIN: &[(&str, &str)] =
    &[("name", "column.domain"), ("kind", "column.kind"), ("listed", "column.listed"), ("created", "column.created")];
/// `sceau domain`.
pub fn domain(c: &Context, command: DomainCommand) -> Result<(), Failure> {
    match command {
        DomainCommand::Add { name, kind } => {
            let (name, kind) = (parse::<DomainName>(c, &name)?, parse_kind::<DomainKind>(c, &kind)?);
            c.show_one(&c.post(&["domains"], &json!({ "name": name, "kind": kind }))?, DOMAIN);
        }
        DomainCommand::List => c.show_list(&c.page(c.call(Method::GET, &["domains"])?.send()?), DOMAIN),
        DomainCommand::Show { name } => {
            let name = parse::<DomainName>(c, &name)?;
            c.show_one(&c.get(&["domains", name.as_str()])?, DOMAIN);
        }
        DomainCommand::Dns { name, check } => return super::domain_dns::run(c, &name, check),
        DomainCommand::Move { command } => return super::domain_moves::run(c, command),
    }
    Ok(())
}

/// Reads an address or a domain name, or says in the user's language that it is none (exit 2).
pub(super) fn parse<T: std::str::FromStr<Err = sceau_domain::address::AddressError>>(
    c: &Context,
    value: &str,
) -> Result<T, Failure> {
    use sceau_domain::address::AddressError as E;
    value.parse().map_err(|e: E| {
        let cause = match e {
            E::Missing => "missing",
            E::TooLong => "too_long",
            E::Forbidden => "forbidden",
            E::Domain => "domain",
            E::Literal => "literal",
        };
        let cause = c.text(&format!("cli.address.{cause}"), &[]);
        Failure { sentence: c.text("cli.bad_value", &[("value", value), ("error", &cause)]), exit: 2 }
    })
}

fn parse_kind<T: std::str::FromStr>(c: &Context, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| Failure { sentence: c.text("cli.bad_value", &[("value", value)]), exit: 2 })
}
