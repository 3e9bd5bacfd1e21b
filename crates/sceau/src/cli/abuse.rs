//! `sceau abuse`: what looks like abuse, and what people decide.
use super::Context;
use super::table::{limit as most, print_table};
use super::words;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum AbuseCommand {
    List {
        #[arg(long, value_parser = ["open", "decided"])]
        state: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        id: String,
    },
    Decide {
        id: String,
        #[arg(value_parser = ["nothing", "warn", "block", "suspend"])]
        decision: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

const CASE: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("opened", "column.opened"),
    ("changed", "column.last"),
    ("state", "column.state"),
    ("kind", "column.kind"),
    ("shown", "column.label"),
    ("login", "column.login"),
    ("bal", "column.bal"),
    ("structure", "column.structure"),
    ("noticed", "column.noticed"),
    ("slowed_until", "column.slowed_until"),
    ("told", "column.told"),
    ("decision", "column.decision"),
    ("decided_by", "column.by"),
    ("reason", "column.reason"),
];
const SIGNAL: &[(&str, &str)] = &[
    ("name", "column.noticed"),
    ("seen", "column.count"),
    ("threshold", "column.threshold"),
    ("times", "column.times"),
    ("first", "column.first"),
    ("last", "column.last"),
    ("detail", "column.detail"),
];

/// Words of the user's language for codes, and the signals in one column; `--json` keeps what was answered.
fn worded(c: &Context, value: Value) -> Value {
    words::rows(c, value, &[("kind", "abuse_kind"), ("decision", "abuse_decision")], |row| {
        let mut names = Vec::new();
        for signal in row["signals"].as_array_mut().into_iter().flatten() {
            words::put(c, signal, "name", "abuse_signal");
            names.extend(signal["name"].as_str().map(str::to_owned));
        }
        row["noticed"] = names.join(", ").into();
    })
}

fn shown(c: &Context, case: Value) {
    let case = worded(c, case);
    c.show_one(&case, CASE);
    if !c.json && case["signals"].as_array().is_some_and(|all| !all.is_empty()) {
        say!();
        print_table(c, &case["signals"], SIGNAL);
    }
}

/// `sceau abuse`.
pub fn run(c: &Context, command: AbuseCommand) -> Result<(), Failure> {
    match command {
        AbuseCommand::List { state, after, limit } => {
            let call = c.call(Method::GET, &["abuse-cases"])?.query("state", state.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&most(limit)));
            c.show_list(&worded(c, c.page(call.send()?)), CASE);
        }
        AbuseCommand::Show { id } => shown(c, c.get(&["abuse-cases", &id])?),
        AbuseCommand::Decide { id, decision, reason } => {
            let body = json!({ "decision": decision, "reason": reason });
            shown(c, c.post(&["abuse-cases", &id, "decision"], &body)?);
        }
    }
    Ok(())
}
