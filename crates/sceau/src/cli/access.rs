//! `sceau access`: who has access to a BAL, and who had; `sceau delegation`: what a holder gave to a secretary.
//!
//! The administration socket speaks for a named administrator. A delegation is the holder's own act (F024): unless that administrator holds the
//! BAL, the server refuses, and this says where the holder does it.
use super::Context;
use super::time::{instant, maybe};
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
        #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "at")]
        day: Option<String>,
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

/// Stretches of time, as the clock of their zone shows them: `09:12–11:30, 14:00–00:00`.
fn clock(times: &serde_json::Value, zone: &str) -> String {
    use sceau_domain::calendar::Territory;
    let rule = Territory::ALL.iter().find(|t| t.zone() == zone).map(|t| t.posix());
    let zone = rule.and_then(|r| jiff::tz::TimeZone::posix(r).ok()).unwrap_or(jiff::tz::TimeZone::UTC);
    let shown = |at: &serde_json::Value| {
        let at = jiff::Timestamp::from_millisecond(at.as_i64().unwrap_or_default()).unwrap_or_default();
        at.to_zoned(zone.clone()).strftime("%H:%M").to_string()
    };
    let each = times.as_array().into_iter().flatten();
    each.map(|t| format!("{}–{}", shown(&t["from"]), shown(&t["until"]))).collect::<Vec<_>>().join(", ")
}

fn named(rights: &[String]) -> Option<&[String]> {
    (!rights.is_empty()).then_some(rights)
}

/// `sceau access`.
pub fn run(c: &Context, command: AccessCommand) -> Result<(), Failure> {
    match command {
        AccessCommand::List { address, past } => {
            let call = c.call(Method::GET, &["bals", &address, "access"])?;
            c.show_list(&c.all(call.query("past", past.then_some("true")))?, ACCESS);
            Ok(())
        }
        AccessCommand::Give(g) => {
            let body = json!({ "login": g.login, "role": g.role, "rights": named(&g.rights), "starts": maybe(c, g.from.as_ref())?,
                               "ends": maybe(c, g.until.as_ref())?, "reason": g.reason });
            let given = c.call(Method::POST, &["bals", &g.address, "access"])?.body(&body).send()?;
            c.show_one(&given.value, ACCESS);
            Ok(())
        }
        AccessCommand::Change(g) => {
            let place = ["bals", &g.address, "access", &g.login];
            let body = json!({ "role": g.role, "rights": named(&g.rights), "ends": maybe(c, g.until.as_ref())?, "reason": g.reason });
            let changed = c.change(Method::PUT, (&place, &[]), None, |_| Some(body))?;
            c.show_one(&changed.value, ACCESS);
            Ok(())
        }
        AccessCommand::End { address, login, reason } => {
            let call = c.call(Method::DELETE, &["bals", &address, "access", &login])?;
            c.show_one(&call.query("reason", reason.as_deref()).send()?.value, ACCESS);
            Ok(())
        }
        AccessCommand::History { address, day: Some(day), .. } => {
            let call = c.call(Method::GET, &["bals", &address, "access", "readers"])?;
            let mut said = call.query("day", Some(&day)).send()?.value;
            if c.json {
                super::table::print_json(&said);
            } else {
                let zone = said["zone"].as_str().unwrap_or_default().to_owned();
                for reader in said["readers"].as_array_mut().into_iter().flatten() {
                    reader["times"] = clock(&reader["times"], &zone).into();
                }
                let columns: Vec<_> = [&ACCESS[..3], &[("times", "column.times")], &ACCESS[3..]].concat();
                c.show_list(&said["readers"].take(), &columns);
            }
            Ok(())
        }
        AccessCommand::History { address, at, day: None } => {
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
            c.show_list(&c.page(answered), ACTIVITY);
            Ok(())
        }
    }
}

/// `sceau delegation`.
pub fn delegation(c: &Context, command: DelegationCommand) -> Result<(), Failure> {
    match command {
        DelegationCommand::List => {
            let answered = c.call(Method::GET, &["me", "delegations"])?.send()?;
            c.show_list(&c.page(answered), DELEGATION);
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
