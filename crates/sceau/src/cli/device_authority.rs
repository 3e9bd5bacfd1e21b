//! `sceau device-authority`: the operator's authority for people's devices (F229).
use super::Context;
use crate::admin::client::Failure;
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum DeviceAuthorityCommand {
    Create,
    Show,
}

const COLUMNS: &[(&str, &str)] =
    &[("fingerprint", "column.fingerprint"), ("not_after", "column.not_after"), ("created", "column.created")];

fn shown(c: &Context, authority: &Value) {
    c.show_one(authority, COLUMNS);
    if !c.json {
        say!("{}", authority["certificate"].as_str().unwrap_or_default().trim_end());
    }
}

/// `sceau device-authority`.
pub fn run(c: &Context, command: DeviceAuthorityCommand) -> Result<(), Failure> {
    match command {
        DeviceAuthorityCommand::Create => shown(c, &c.post(&["device-authority"], &json!({}))?),
        DeviceAuthorityCommand::Show => shown(c, &c.get(&["device-authority"])?),
    }
    Ok(())
}
