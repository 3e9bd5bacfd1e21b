//! `sceau alarm`: what the people in charge must know.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum AlarmCommand {
    List {
        #[arg(long)]
        all: bool,
    },
    Ack {
        code: String,
        #[arg(default_value = "")]
        subject: String,
    },
}

/// `sceau alarm`.
pub fn run(c: &Context, command: AlarmCommand) -> Result<(), Failure> {
    match command {
        AlarmCommand::List { all } => {
            let sentence = if c.lang == sceau_domain::Lang::Fr { "fr" } else { "en" };
            let columns = [
                ("severity", "column.severity"),
                ("code", "column.code"),
                ("subject", "column.subject"),
                ("count", "column.count"),
                ("last", "column.last"),
                ("acknowledged", "column.acknowledged"),
                (sentence, "column.sentence"),
            ];
            let call = c.call(Method::GET, &["alarms"])?.query("all", all.then_some("true"));
            c.show_list(&c.page(call.send()?), &columns);
        }
        AlarmCommand::Ack { code, subject } => {
            c.post(&["alarms", "acknowledgements"], &json!({ "code": code, "subject": subject }))?;
            let answer = json!({ "acknowledged": code, "subject": subject });
            if c.json {
                super::table::print_json(&answer);
            } else {
                say!("{}", c.text("cli.alarm_acknowledged", &[("code", &code)]));
            }
        }
    }
    Ok(())
}
