//! `sceau access`: who has access to a BAL, and who had; `sceau delegation`: what a holder gave to a secretary.
//!
//! The administration socket speaks for a named administrator. A delegation is the holder's own act (F024): unless that administrator holds the
//! BAL, the server refuses, and this says where the holder does it.
use super::Context;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    List {
        address: String,
        #[arg(long)]
        past: bool,
    },
    Give(Give),
    Change(Change),
    End {
        address: String,
        login: String,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    History {
        address: String,
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
    },
    Activity {
        address: String,
        #[arg(long, value_name = "INSTANT")]
        since: Option<String>,
        #[arg(long, value_name = "INSTANT")]
        until: Option<String>,
    },
}

/// An access to give.
#[derive(Debug, Args)]
pub struct Give {
    address: String,
    login: String,
    #[arg(long, default_value = "member", value_parser = ["responsible", "member", "machine"])]
    role: String,
    #[arg(long = "right", value_parser = ["read", "send", "file", "manage"])]
    rights: Vec<String>,
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What an access becomes.
#[derive(Debug, Args)]
pub struct Change {
    address: String,
    login: String,
    #[arg(long, default_value = "member", value_parser = ["responsible", "member", "machine"])]
    role: String,
    #[arg(long = "right", value_parser = ["read", "send", "file", "manage"])]
    rights: Vec<String>,
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum DelegationCommand {
    List,
    Give {
        address: String,
        login: String,
        #[arg(long = "right", value_parser = ["read", "send", "file"])]
        rights: Vec<String>,
        #[arg(long, value_name = "INSTANT")]
        from: Option<String>,
        #[arg(long, value_name = "INSTANT", required = true)]
        until: String,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    End {
        address: String,
        login: String,
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

const ACCESS: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("role", "column.role"),
    ("rights", "column.rights"),
    ("starts", "column.starts"),
    ("ends", "column.ends"),
    ("granted_by", "column.granted_by"),
    ("reason", "column.reason"),
    ("ended", "column.ended"),
    ("ended_by", "column.ended_by"),
];
const DELEGATION: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("holder", "column.holder"),
    ("login", "column.login"),
    ("rights", "column.rights"),
    ("starts", "column.starts"),
    ("ends", "column.ends"),
    ("reason", "column.reason"),
];
const ACTIVITY: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("logins", "column.logins"),
    ("read", "column.read"),
    ("sent", "column.sent"),
    ("filed", "column.filed"),
    ("removed", "column.removals"),
    ("last", "column.last"),
];

/// An instant in milliseconds since 1970: `2026-03-03T10:00:00+01:00`; without an offset it is UTC; a day alone begins at midnight.
fn instant(c: &Context, text: &str) -> Result<i64, Failure> {
    if let Ok(t) = text.parse::<jiff::Timestamp>() {
        return Ok(t.as_millisecond());
    }
    let civil = text
        .parse::<jiff::civil::DateTime>()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(jiff::civil::DateTime::from));
    let at = civil.ok().and_then(|d| d.to_zoned(jiff::tz::TimeZone::UTC).ok());
    at.map(|z| z.timestamp().as_millisecond())
        .ok_or_else(|| Failure { sentence: c.text("cli.bad_instant", &[("value", text)]), exit: 2 })
}

fn maybe(c: &Context, text: Option<&String>) -> Result<Option<i64>, Failure> {
    text.map(|t| instant(c, t)).transpose()
}

fn named(rights: &[String]) -> Option<&[String]> {
    (!rights.is_empty()).then_some(rights)
}

/// `sceau access`.
pub fn run(c: &Context, command: AccessCommand) -> Result<(), Failure> {
    match command {
        AccessCommand::List { address, past } => list(c, &address, past),
        AccessCommand::Give(g) => {
            let body = json!({ "login": g.login, "role": g.role, "rights": named(&g.rights), "starts": maybe(c, g.from.as_ref())?,
                               "ends": maybe(c, g.until.as_ref())?, "reason": g.reason });
            let given = c.call(Method::POST, &["bals", &g.address, "access"])?.body(&body).send()?;
            c.show_one(&given.value, ACCESS);
            Ok(())
        }
        AccessCommand::Change(g) => {
            let place = ["bals", &g.address, "access", &g.login];
            let version = c.call(Method::GET, &place)?.send()?.version;
            let body = json!({ "role": g.role, "rights": named(&g.rights), "ends": maybe(c, g.until.as_ref())?, "reason": g.reason });
            let changed = c.call(Method::PUT, &place)?.if_match(version).body(&body).send()?;
            c.show_one(&changed.value, ACCESS);
            Ok(())
        }
        AccessCommand::End { address, login, reason } => {
            let call = c.call(Method::DELETE, &["bals", &address, "access", &login])?;
            c.show_one(&call.query("reason", reason.as_deref()).send()?.value, ACCESS);
            Ok(())
        }
        AccessCommand::History { address, at } => {
            let at = maybe(c, at.as_ref())?.map(|at| at.to_string());
            let call = c.call(Method::GET, &["bals", &address, "access", "history"])?;
            let mut said = call.query("at", at.as_deref()).send()?.value;
            if c.json {
                super::table::print_json(&said);
            } else {
                c.show_list(&said["readers"].take(), ACCESS);
            }
            Ok(())
        }
        AccessCommand::Activity { address, since, until } => {
            let (since, until) = (maybe(c, since.as_ref())?, maybe(c, until.as_ref())?);
            let (since, until) = (since.map(|n| n.to_string()), until.map(|n| n.to_string()));
            let call = c.call(Method::GET, &["bals", &address, "activity"])?;
            let answered = call.query("since", since.as_deref()).query("until", until.as_deref()).send()?;
            c.show_list(&Context::items(answered), ACTIVITY);
            Ok(())
        }
    }
}

/// Everything, page after page when the past is asked for.
fn list(c: &Context, address: &str, past: bool) -> Result<(), Failure> {
    let (mut rows, mut after) = (Vec::new(), None::<String>);
    loop {
        let call = c.call(Method::GET, &["bals", address, "access"])?;
        let call = call.query("past", past.then_some("true")).query("after", after.as_deref());
        let mut page = call.query("limit", past.then_some("1000")).send()?.value;
        if let Some(items) = page["items"].as_array_mut() {
            rows.append(items);
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    c.show_list(&rows.into(), ACCESS);
    Ok(())
}

/// `sceau delegation`.
pub fn delegation(c: &Context, command: DelegationCommand) -> Result<(), Failure> {
    match command {
        DelegationCommand::List => {
            let answered = c.call(Method::GET, &["me", "delegations"])?.send()?;
            c.show_list(&Context::items(answered), DELEGATION);
            Ok(())
        }
        DelegationCommand::Give { address, login, rights, from, until, reason } => {
            let body = json!({ "address": address, "login": login, "rights": named(&rights), "starts": maybe(c, from.as_ref())?,
                               "ends": instant(c, &until)?, "reason": reason });
            match c.call(Method::POST, &["me", "delegations"])?.body(&body).send() {
                Ok(given) => c.show_one(&given.value, DELEGATION),
                Err(refused) if refused.sentence.ends_with("[right.missing]") => {
                    return Err(Failure {
                        sentence: format!("{} [right.missing]", c.text("cli.delegation.holder", &[])),
                        ..refused
                    });
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        }
        DelegationCommand::End { address, login, reason } => {
            let call = c.call(Method::DELETE, &["bals", &address, "delegations", &login])?;
            c.show_one(&call.query("reason", reason.as_deref()).send()?.value, ACCESS);
            Ok(())
        }
    }
}
