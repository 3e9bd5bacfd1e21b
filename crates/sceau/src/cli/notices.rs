//! `sceau bal absence|notices`, `sceau person notices`, `sceau maintenance`: absence, and what is told by ordinary mail.
use super::Context;
use super::bals::known;
use super::time::instant;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum BalNotices {
    Absence {
        address: String,
        #[arg(long, value_name = "YYYY-MM-DD", requires = "until", requires = "text")]
        from: Option<String>,
        #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
        until: Option<String>,
        #[arg(long, value_name = "TEXT", requires = "from")]
        text: Option<String>,
        #[arg(long, conflicts_with_all = ["from", "until", "text"])]
        end: bool,
    },
    Notices {
        address: String,
    },
}

/// What one chooses.
#[derive(Debug, Args)]
pub struct PersonNotices {
    login: String,
    #[arg(long, value_name = "ADDRESS", requires = "mode")]
    bal: Option<String>,
    #[arg(long, value_parser = ["off", "at_once", "hourly", "daily"], requires = "bal")]
    mode: Option<String>,
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..24), requires = "mode")]
    hour: Option<u8>,
    #[arg(long, value_name = "HH:MM-HH:MM", requires = "mode")]
    quiet: Option<String>,
    #[arg(long, value_parser = ["fr", "en"])]
    language: Option<String>,
}

/// A maintenance.
#[derive(Debug, Args)]
pub struct MaintenanceArgs {
    #[arg(long, value_name = "TIME")]
    starts: String,
    #[arg(long, value_name = "TIME")]
    ends: String,
    #[arg(long)]
    structure: Option<String>,
}

const ABSENCE: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("set", "column.set"),
    ("in_force", "column.in_force"),
    ("from", "column.from"),
    ("until", "column.until"),
    ("text", "column.text"),
    ("answered", "column.answered"),
    ("set_by", "column.by"),
    ("set_at", "column.at"),
];
const CHOICE: &[(&str, &str)] = &[
    ("address", "column.address"),
    ("login", "column.login"),
    ("mode", "column.mode"),
    ("hour", "column.hour"),
    ("quiet_from", "column.quiet_from"),
    ("quiet_until", "column.quiet_until"),
    ("due", "column.due"),
    ("told", "column.told"),
];
const PERSON: &[(&str, &str)] = &[
    ("login", "column.login"),
    ("language", "column.language"),
    ("reachable", "column.reachable"),
    ("wrong_since", "column.wrong_since"),
    ("wrong_code", "column.code"),
    ("wrong_until", "column.wrong_until"),
];

/// These commands of `sceau bal`.
pub fn bal(c: &Context, command: BalNotices) -> Result<(), Failure> {
    match command {
        BalNotices::Absence { address, from, until, text, end } => {
            let place = known(c, &address)?;
            let path = ["bals", place.as_str(), "absence"];
            let shown = c.get(&path)?;
            // The change starts from what stands there now.
            let version = shown["version"].as_i64();
            let changed = match (from, until, text) {
                _ if end => c.call(Method::DELETE, &path)?.if_match(version).send()?.value,
                (Some(from), Some(until), Some(text)) => {
                    let body = json!({ "from": from, "until": until, "text": text });
                    c.call(Method::PUT, &path)?.if_match(version).body(&body).send()?.value
                }
                _ => shown,
            };
            c.show_one(&changed, ABSENCE);
        }
        BalNotices::Notices { address } => {
            let found = c.get(&["bals", &known(c, &address)?, "notices"])?;
            c.show_list(&found["items"], CHOICE);
        }
    }
    Ok(())
}

fn show(c: &Context, found: &Value) {
    if c.json {
        super::table::print_json(found);
        return;
    }
    c.show_one(found, PERSON);
    c.show_list(&found["bals"], CHOICE);
}

/// `sceau person notices LOGIN|me`.
pub fn person(c: &Context, n: &PersonNotices) -> Result<(), Failure> {
    let own = n.login == "me";
    if !own && (n.mode.is_some() || n.language.is_some()) {
        // Only oneself chooses.
        return Err(Failure { sentence: c.text("notices.own", &[]), exit: 2 });
    }
    if let Some(language) = &n.language {
        let body = json!({ "language": language });
        c.call(Method::PUT, &["me", "language"])?.body(&body).send()?;
    }
    if let (Some(bal), Some(mode)) = (&n.bal, &n.mode) {
        let mut body = json!({ "mode": mode });
        if let Some(hour) = n.hour {
            body["hour"] = hour.into();
        }
        if let Some((from, until)) = n.quiet.as_deref().and_then(|q| q.split_once('-')) {
            (body["quiet_from"], body["quiet_until"]) = (from.into(), until.into());
        }
        c.call(Method::PUT, &["me", "notices", &known(c, bal)?])?.body(&body).send()?;
    }
    let found = if own { c.get(&["me", "notices"])? } else { c.get(&["people", &n.login, "notices"])? };
    show(c, &found);
    Ok(())
}

/// `sceau maintenance`.
pub fn maintenance(c: &Context, m: &MaintenanceArgs) -> Result<(), Failure> {
    let mut body = json!({ "starts": instant(c, &m.starts)?, "ends": instant(c, &m.ends)? });
    if let Some(structure) = &m.structure {
        body["structure"] = structure.as_str().into();
    }
    let told = c.post(&["maintenance-notices"], &body)?;
    c.show_one(&told, &[("notices", "column.notices")]);
    Ok(())
}
