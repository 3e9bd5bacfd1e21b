//! `sceau alarm`: what the people in charge must know.
use super::Context;
use crate::admin::client::Failure;
use crate::admin::request::Request;
use clap::Subcommand;

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
            c.show_list(&c.ask(&Request::AlarmList { all })?, &columns);
        }
        AlarmCommand::Ack { code, subject } => {
            let answer = c.ask(&Request::AlarmAck { code: code.clone(), subject })?;
            if c.json {
                super::table::print_json(&answer);
            } else {
                println!("{}", c.text("cli.alarm_acknowledged", &[("code", &code)]));
            }
        }
    }
    Ok(())
}
