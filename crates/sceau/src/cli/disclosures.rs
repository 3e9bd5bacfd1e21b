//! `sceau disclosure`: content of a BAL, asked for by one administrator and decided by another.
use super::Context;
use super::file::NewFile;
use super::table::print_json;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum DisclosureCommand {
    Ask {
        bal: String,
        #[arg(long, value_parser = sceau_operator::disclosures::CAUSES)]
        cause: String,
        #[arg(long)]
        reason: String,
        #[arg(long)]
        beneficiary: String,
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=30))]
        days: u32,
    },
    Decide {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long, conflicts_with = "refuse", required_unless_present = "refuse")]
        agree: bool,
        #[arg(long)]
        refuse: bool,
        #[arg(long)]
        reason: String,
    },
    Withdraw {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long)]
        reason: String,
    },
    List,
    Export {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        dir: PathBuf,
    },
}

const DISCLOSURE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("bal", "column.bal"),
    ("state", "column.state"),
    ("cause", "column.cause"),
    ("asked", "column.asked"),
    ("asked_by", "column.asked_by"),
    ("decided", "column.decided"),
    ("decided_by", "column.decided_by"),
    ("until", "column.until"),
    ("last_read", "column.last_read"),
    ("beneficiary", "column.beneficiary"),
    ("reason", "column.reason"),
    ("decision", "column.decision"),
];

/// `sceau disclosure`.
pub fn run(c: &Context, command: DisclosureCommand) -> Result<(), Failure> {
    match command {
        DisclosureCommand::Ask { bal, cause, reason, beneficiary, days } => {
            let new = json!({ "bal": bal, "cause": cause, "reason": reason, "beneficiary": beneficiary, "days": days });
            c.show_one(&c.post(&["disclosures"], &new)?, DISCLOSURE);
        }
        DisclosureCommand::Decide { id, agree, reason, .. } => {
            let decision = json!({ "agreed": agree, "reason": reason });
            c.show_one(&c.post(&["disclosures", &id, "decision"], &decision)?, DISCLOSURE);
        }
        DisclosureCommand::Withdraw { id, reason } => {
            c.show_one(&c.post(&["disclosures", &id, "withdrawal"], &json!({ "reason": reason }))?, DISCLOSURE);
        }
        DisclosureCommand::List => {
            c.show_list(&c.all(c.call(Method::GET, &["disclosures"])?)?, DISCLOSURE);
        }
        DisclosureCommand::Export { id, dir } => export(c, &id, &dir)?,
    }
    Ok(())
}

/// Writes every message of the BAL: a numbered folder for each of its folders, a file for each message, and `index.json`, which says what is where.
/// Names that users chose are in the index only: no path is made of them. Nothing that exists is written over; only the owner reads what is written.
/// The index comes last: a folder without one is an export that was cut short.
fn export(c: &Context, id: &str, dir: &Path) -> Result<(), Failure> {
    let folders = c.get(&["disclosures", id, "folders"])?;
    make(c, dir)?;
    let mut index = create(c, &dir.join("index.json"))?;
    let (mut written, mut count) = (Vec::new(), 0_u64);
    for (n, folder) in list(&folders["items"]).iter().enumerate() {
        let place = format!("{:04}", n + 1);
        make(c, &dir.join(&place))?;
        let (mut after, mut messages) = (None::<String>, Vec::new());
        loop {
            let parts = ["disclosures", id, "folders", text(&folder["id"]), "messages"];
            let call = c.call(Method::GET, &parts)?.query("limit", Some("1000")).query("after", after.as_deref());
            let page = call.send()?.value;
            for message in list(&page["items"]) {
                let file = format!("{place}/{:010}.eml", message["uid"].as_i64().unwrap_or_default());
                let path = dir.join(&file);
                let parts = ["disclosures", id, "messages", text(&message["id"])];
                let mut out = create(c, &path)?;
                c.call(Method::GET, &parts)?.save(&path.display().to_string(), &mut out)?;
                out.keep().map_err(|e| unwritable(c, &path, &e))?;
                count += 1;
                messages.push(json!({ "file": file, "message": message["id"], "received": message["received"] }));
            }
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        written.push(json!({ "name": folder["name"], "folder": place, "messages": messages }));
    }
    let index_path = dir.join("index.json");
    let whole = json!({ "disclosure": id, "folders": written });
    writeln!(index, "{whole:#}").and_then(|()| index.keep()).map_err(|e| unwritable(c, &index_path, &e))?;
    if c.json {
        print_json(&json!({ "messages": count, "folder": dir }));
    } else {
        let folder = dir.display().to_string();
        say!("{}", c.text("disclosure.exported", &[("count", &count.to_string()), ("folder", &folder)]));
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn unwritable(c: &Context, path: &Path, e: &std::io::Error) -> Failure {
    super::out::unwritable(c, &path.display().to_string(), e)
}

fn make(c: &Context, dir: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| unwritable(c, dir, &e))
}

fn create(c: &Context, path: &Path) -> Result<NewFile, Failure> {
    NewFile::begin(path).map_err(|e| unwritable(c, path, &e))
}
