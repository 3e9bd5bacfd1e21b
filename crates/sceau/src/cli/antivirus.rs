//! `sceau antivirus`: the engine, its state, and a trial.
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use hyper::Method;

#[derive(Debug, Subcommand)]
pub enum AntivirusCommand {
    Status,
    Test,
}

const STATUS: &[(&str, &str)] = &[
    ("state", "column.state"),
    ("why", "column.antivirus_why"),
    ("engine", "column.address"),
    ("answers", "column.antivirus_answers"),
    ("error", "column.error"),
    ("version", "column.antivirus_version"),
    ("base", "column.antivirus_base"),
    ("dated", "column.antivirus_dated"),
    ("largest", "column.antivirus_largest"),
    ("takes_largest", "column.antivirus_takes"),
    ("tells_encrypted", "column.antivirus_encrypted"),
    ("tells_partial", "column.antivirus_partial"),
    ("append", "column.antivirus_append"),
    ("scanned", "column.antivirus_scanned"),
    ("infected", "column.antivirus_infected"),
    ("failed", "column.antivirus_failed"),
];
const TEST: &[(&str, &str)] = &[
    ("harmless", "column.antivirus_harmless"),
    ("eicar", "column.antivirus_eicar"),
    ("took", "column.antivirus_took"),
];

/// `sceau antivirus`.
pub fn run(c: &Context, command: AntivirusCommand) -> Result<(), Failure> {
    let bad = |key: &str| Err(Failure { sentence: c.text(key, &[]), exit: 1 });
    match command {
        AntivirusCommand::Status => {
            let said = c.call(Method::GET, &["antivirus"])?.send()?.value;
            c.show_one(&said, STATUS);
            match said["state"].as_str() {
                Some("on") if said["answers"] != true => bad("cli.antivirus.away"),
                Some("on") if said["takes_largest"] == false => bad("cli.antivirus.too_small"),
                Some("on") if said["tells_partial"] == false => bad("cli.antivirus.partial"),
                Some("absent") => bad("cli.antivirus.absent"),
                _ => Ok(()),
            }
        }
        AntivirusCommand::Test => {
            let said = c.call(Method::POST, &["antivirus", "test"])?.send()?.value;
            c.show_one(&said, TEST);
            if said["good"] == true { Ok(()) } else { bad("cli.antivirus.bad") }
        }
    }
}
