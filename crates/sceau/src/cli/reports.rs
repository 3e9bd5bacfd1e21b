//! `sceau report`, `sceau announcement`: what people find wrong or ask for, and what is announced to the administrators of structures.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

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

/// `sceau report`.
pub fn run(c: &Context, command: ReportCommand) -> Result<(), Failure> {
    match command {
        ReportCommand::Make { kind, text, address } => {
            c.show_one(&c.post(&["reports"], &json!({ "kind": kind, "text": text, "about": address }))?, REPORT);
        }
        ReportCommand::List { state, kind, desk, after, limit } => {
            let call = c.call(Method::GET, &["reports"])?.query("state", state.as_deref());
            let call = call.query("kind", kind.as_deref()).query("desk", desk.as_deref());
            let call = call.query("after", after.as_deref()).query("limit", Some(&super::table::limit(limit)));
            c.show_list(&c.page(call.send()?), LIST);
        }
        ReportCommand::Show { id } => c.show_one(&c.get(&["reports", &id])?, REPORT),
        ReportCommand::Answer { id, answer, refuse } => {
            let body = json!({ "done": !refuse, "answer": answer });
            c.show_one(&c.post(&["reports", &id, "answer"], &body)?, REPORT);
        }
        ReportCommand::Pass { id, reason } => {
            c.show_one(&c.post(&["reports", &id, "pass"], &json!({ "reason": reason }))?, REPORT);
        }
        ReportCommand::Withdraw { id } => {
            c.show_one(&c.call(Method::POST, &["reports", &id, "withdraw"])?.send()?.value, REPORT);
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
