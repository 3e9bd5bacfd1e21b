//! `sceau report`, `sceau announcement`: what people find wrong or ask for, and what is announced to the administrators of structures.
use super::{Context, words};
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    Make {
        #[arg(value_parser = ["correction", "error", "abuse", "help"])]
        kind: String,
        #[arg(long, value_name = "TEXT")]
        text: String,
        #[arg(long)]
        address: Option<String>,
    },
    List {
        #[arg(long, value_parser = ["open", "done", "refused", "withdrawn"])]
        state: Option<String>,
        #[arg(long, value_parser = ["correction", "error", "abuse", "help"])]
        kind: Option<String>,
        #[arg(long, value_parser = ["structure", "region", "operator"])]
        desk: Option<String>,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        id: String,
    },
    Answer {
        id: String,
        #[arg(long, value_name = "TEXT")]
        answer: String,
        #[arg(long)]
        refuse: bool,
    },
    Pass {
        id: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    Withdraw {
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum AnnouncementCommand {
    Make {
        title: String,
        #[arg(long, value_name = "TEXT")]
        text: String,
        #[arg(long, value_name = "CODE")]
        body: Option<String>,
    },
    List {
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

const LIST: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("at", "column.at"),
    ("kind", "column.report"),
    ("state", "column.state"),
    ("desk", "column.desk"),
    ("login", "column.login"),
    ("structure", "column.structure"),
    ("about", "column.about"),
    ("text", "column.said"),
];
const REPORT: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("kind", "column.report"),
    ("about", "column.about"),
    ("text", "column.said"),
    ("login", "column.login"),
    ("structure", "column.structure"),
    ("desk", "column.desk"),
    ("state", "column.state"),
    ("answer", "column.answer"),
    ("answered_by", "column.by"),
    ("at", "column.at"),
];
const ANNOUNCEMENT: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("at", "column.at"),
    ("body", "column.body"),
    ("by", "column.by"),
    ("title", "column.title"),
    ("text", "column.said"),
];

/// Kinds in the words of the user's language; `--json` keeps the codes.
fn worded(c: &Context, value: Value) -> Value {
    words::rows(c, value, &[("kind", "report")], |_| {})
}

fn shown(c: &Context, report: Value) {
    c.show_one(&worded(c, report), REPORT);
}

/// `sceau report`.
pub fn run(c: &Context, command: ReportCommand) -> Result<(), Failure> {
    match command {
        ReportCommand::Make { kind, text, address } => {
            shown(c, c.post(&["reports"], &json!({ "kind": kind, "text": text, "about": address }))?);
        }
        ReportCommand::List { state, kind, desk, after, limit } => {
            let call = c.call(Method::GET, &["reports"])?.query("state", state.as_deref());
            let call = call.query("kind", kind.as_deref()).query("desk", desk.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&super::table::limit(limit)));
            c.show_list(&worded(c, c.page(call.send()?)), LIST);
        }
        ReportCommand::Show { id } => shown(c, c.get(&["reports", &id])?),
        ReportCommand::Answer { id, answer, refuse } => {
            let body = json!({ "done": !refuse, "answer": answer });
            shown(c, c.post(&["reports", &id, "answer"], &body)?);
        }
        ReportCommand::Pass { id, reason } => {
            shown(c, c.post(&["reports", &id, "pass"], &json!({ "reason": reason }))?);
        }
        ReportCommand::Withdraw { id } => {
            shown(c, c.call(Method::POST, &["reports", &id, "withdraw"])?.send()?.value);
        }
    }
    Ok(())
}

/// `sceau announcement`.
pub fn announcement(c: &Context, command: AnnouncementCommand) -> Result<(), Failure> {
    match command {
        AnnouncementCommand::Make { title, text, body } => {
            let new = json!({ "title": title, "text": text, "body": body });
            c.show_one(&c.post(&["announcements"], &new)?, ANNOUNCEMENT);
        }
        AnnouncementCommand::List { after, limit } => {
            let call = c.call(Method::GET, &["announcements"])?.query("after", after.as_deref());
            let call = call.query("limit", Some(&super::table::limit(limit)));
            c.show_list(&c.page(call.send()?), ANNOUNCEMENT);
        }
    }
    Ok(())
}
