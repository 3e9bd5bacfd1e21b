//! `sceau hold`: legal holds.
use super::Context;
use super::bals::known;
use super::confirm::confirm;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    Place {
        #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["person", "structure", "everything"])]
        bal: Option<String>,
        #[arg(long, value_name = "LOGIN", conflicts_with = "bal")]
        person: Option<String>,
        #[arg(long, value_name = "CODE", conflicts_with_all = ["bal", "person"])]
        structure: Option<String>,
        #[arg(long, conflicts_with_all = ["bal", "person", "structure"])]
        everything: bool,
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[arg(long, value_name = "TEXT")]
        authority: String,
    },
    Lift {
        #[arg(value_parser = super::accounts::id)]
        id: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[arg(long)]
        yes: bool,
    },
    List {
        #[arg(long)]
        all: bool,
        #[arg(long)]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    Show {
        #[arg(value_parser = super::accounts::id)]
        id: String,
    },
}

const HOLD: &[(&str, &str)] = &[
    ("id", "column.id"),
    ("subject", "column.subject"),
    ("name", "column.name"),
    ("reason", "column.reason"),
    ("authority", "column.authority"),
    ("placed", "column.placed"),
    ("placed_by", "column.placed_by"),
    ("lifted", "column.lifted"),
    ("lifted_by", "column.lifted_by"),
    ("lifted_reason", "column.lifted_reason"),
];

/// `sceau hold`.
pub fn run(c: &Context, command: HoldCommand) -> Result<(), Failure> {
    match command {
        HoldCommand::Place { bal, person, structure, everything: _, reason, authority } => {
            let mut body = json!({ "subject": "operator", "reason": reason, "authority": authority });
            let bal = bal.map(|b| known(c, &b)).transpose()?;
            for (subject, name) in [("bal", bal), ("person", person), ("structure", structure)] {
                if let Some(name) = name {
                    (body["subject"], body["name"]) = (subject.into(), name.into());
                }
            }
            c.show_one(&c.post(&["holds"], &body)?, HOLD);
        }
        HoldCommand::Lift { id, reason, yes } => {
            if !yes {
                let hold = c.get(&["holds", &id])?;
                let said = |name: &str| hold[name].as_str().unwrap_or_default();
                let values = [("name", id.as_str()), ("reason", said("reason")), ("authority", said("authority"))];
                confirm(c, yes, &c.text("confirm.hold_lift", &values), &id)?;
            }
            c.show_one(&c.post(&["holds", &id, "lift"], &json!({ "reason": reason }))?, HOLD);
        }
        HoldCommand::List { all, after, limit } => {
            let call = c.call(Method::GET, &["holds"])?.query("all", all.then_some("true"));
            let limit = super::table::limit(limit);
            let answered = call.query("after", after.as_deref()).query("limit", Some(&limit)).send()?;
            c.show_list(&c.page(answered), HOLD);
        }
        HoldCommand::Show { id } => c.show_one(&c.get(&["holds", &id])?, HOLD),
    }
    Ok(())
}
