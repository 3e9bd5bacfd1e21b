//! `sceau domain|person|bal`: who and what we serve.
use super::Context;
use super::confirm::confirm;
use crate::admin::client::Failure;
use crate::admin::request::Request;
use clap::{Args, Subcommand};
use sceau_domain::{Address, BalKind, DomainKind, DomainName};
use sceau_operator::accounts::{NewBal, NewPerson};

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
}

#[derive(Debug, Args)]
pub struct PageArgs {
    #[arg(long)]
    after: Option<String>,
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    Add {
        login: String,
        #[arg(long)]
        name: String,
        #[arg(long)]
        national_id: Option<String>,
    },
    List(PageArgs),
    Show {
        login: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum BalCommand {
    Add(BalAdd),
    List {
        #[arg(long)]
        domain: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    Show {
        address: String,
    },
    Close {
        address: String,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct BalAdd {
    address: String,
    #[arg(long, value_parser = ["Per", "Org", "App", "Cab", "Med"], ignore_case = true)]
    kind: String,
    #[arg(long)]
    name: String,
    #[arg(long = "holder", required = true)]
    holders: Vec<String>,
    #[arg(long = "member")]
    members: Vec<String>,
    #[arg(long)]
    test: bool,
    #[arg(long)]
    unreachable: bool,
    #[arg(long)]
    quota: Option<u64>,
    #[arg(long)]
    naming_override: Option<String>,
}

const DOMAIN: &[(&str, &str)] =
    &[("name", "column.domain"), ("kind", "column.kind"), ("listed", "column.listed"), ("created", "column.created")];
const PERSON: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("name", "column.name"),
    ("national_id", "column.national_id"),
    ("administrator", "column.administrator"),
    ("bals", "column.bals"),
    ("created", "column.created"),
];
const BAL: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("kind", "column.kind"),
    ("name", "column.name"),
    ("state", "column.state"),
    ("test", "column.test"),
    ("reachable", "column.reachable"),
    ("messages", "column.messages"),
    ("used", "column.used"),
    ("quota", "column.quota"),
    ("access", "column.access"),
];

/// `sceau domain`.
pub fn domain(c: &Context, command: DomainCommand) -> Result<(), Failure> {
    match command {
        DomainCommand::Add { name, kind } => {
            let request = Request::DomainAdd { name: parse(c, &name)?, kind: parse_kind::<DomainKind>(c, &kind)? };
            c.show_one(&c.ask(&request)?, DOMAIN);
        }
        DomainCommand::List => c.show_list(&c.ask(&Request::DomainList)?, DOMAIN),
        DomainCommand::Show { name } => c.show_one(&c.ask(&Request::DomainShow { name: parse(c, &name)? })?, DOMAIN),
    }
    Ok(())
}

/// `sceau person`.
pub fn person(c: &Context, command: PersonCommand) -> Result<(), Failure> {
    match command {
        PersonCommand::Add { login, name, national_id } => {
            c.show_one(&c.ask(&Request::PersonAdd(NewPerson { login, name, national_id }))?, PERSON);
        }
        PersonCommand::List(p) => c.show_list(&c.ask(&Request::PersonList { after: p.after, limit: p.limit })?, PERSON),
        PersonCommand::Show { login } => c.show_one(&c.ask(&Request::PersonShow { login })?, PERSON),
    }
    Ok(())
}

/// `sceau bal`.
pub fn bal(c: &Context, command: BalCommand) -> Result<(), Failure> {
    match command {
        BalCommand::Add(a) => {
            let request = Request::BalAdd(NewBal {
                address: parse::<Address>(c, &a.address)?,
                kind: parse_kind::<BalKind>(c, &a.kind)?,
                name: a.name,
                test: a.test,
                reachable: !a.unreachable,
                quota: a.quota,
                holders: a.holders,
                members: a.members,
                naming_override: a.naming_override,
            });
            c.show_one(&c.ask(&request)?, BAL);
        }
        BalCommand::List { domain, page } => {
            let domain = domain.map(|d| parse::<DomainName>(c, &d)).transpose()?;
            c.show_list(&c.ask(&Request::BalList { domain, after: page.after, limit: page.limit })?, BAL);
        }
        BalCommand::Show { address } => c.show_one(&c.ask(&Request::BalShow { address })?, BAL),
        BalCommand::Close { address, reason, yes } => {
            if !yes {
                // What there is to lose is said first; an address that is none is refused before any question.
                let bal = c.ask(&Request::BalShow { address: address.clone() })?;
                let messages = bal["messages"].as_i64().unwrap_or_default().to_string();
                let question = c.text("confirm.bal_close", &[("name", &address), ("count", &messages)]);
                confirm(c, yes, &question, &address)?;
            }
            c.show_one(&c.ask(&Request::BalClose { address, reason })?, BAL);
        }
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
