//! `sceau eligibility`: whom the operator takes.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum EligibilityCommand {
    Show,
    /// The rules as a whole: what is not given is not asked.
    Set {
        #[arg(long = "territory", value_name = "CODE")]
        territories: Vec<String>,
        #[arg(long = "profession", value_name = "CODE")]
        professions: Vec<String>,
        #[arg(long, default_value = "admitted", value_parser = ["admitted", "checked", "refused"])]
        staff: String,
        #[arg(long)]
        registered: bool,
    },
}

const RULES: &[(&str, &str)] = &[
    ("territories", "column.territories"),
    ("professions", "column.professions"),
    ("staff", "column.staff"),
    ("registered", "column.registered"),
];

/// `sceau eligibility`.
pub fn run(c: &Context, command: EligibilityCommand) -> Result<(), Failure> {
    let rules = match command {
        EligibilityCommand::Show => c.get(&["eligibility"])?,
        EligibilityCommand::Set { territories, professions, staff, registered } => {
            let version = c.call(Method::GET, &["eligibility"])?.send()?.version;
            let body = json!({ "territories": territories, "professions": professions, "staff": staff, "registered": registered });
            c.call(Method::PUT, &["eligibility"])?.if_match(version).body(&body).send()?.value
        }
    };
    c.show_one(&rules, RULES);
    Ok(())
}
