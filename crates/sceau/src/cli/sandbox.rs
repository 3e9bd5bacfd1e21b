//! `sceau sandbox`: a whole espace de confiance on this machine.
use super::Context;
use crate::admin::client::Failure;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArgs {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
    #[arg(long, default_value = "sandbox-data")]
    data: PathBuf,
    #[arg(long, default_value_t = 22000)]
    port_base: u16,
    #[arg(long)]
    ready: Option<PathBuf>,
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    #[arg(long, value_name = "URL")]
    blobs: Option<String>,
    #[arg(long, default_value_t = 1)]
    nodes: u16,
    #[arg(long)]
    empty: bool,
}

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    Token {
        #[arg(long = "as", value_name = "LOGIN")]
        who: String,
        #[arg(long)]
        client: Option<String>,
        #[arg(long, default_value = "sandbox-data")]
        data: PathBuf,
        #[arg(long, default_value_t = 22000)]
        port_base: u16,
    },
}

/// Prints a good access token of the played Pro Santé Connect of the sandbox that runs.
fn token(c: &Context, command: &SandboxCommand) -> Result<(), Failure> {
    let SandboxCommand::Token { who, client, data, port_base } = command;
    let failed = |sentence: String| Failure { sentence, exit: 1 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| failed(c.text("sandbox.failed", &[("error", &e.to_string())])))?;
    let asked = sceau_sandbox::token(data, *port_base, who, client.as_deref());
    let token = runtime.block_on(asked).map_err(|e| failed(e.sentence(c.lang)))?;
    if c.json {
        say!("{}", json!({ "token": token }))
    } else {
        say!("{token}")
    }
    Ok(())
}

/// Runs the sandbox until SIGINT or SIGTERM.
pub fn run(c: &Context, args: SandboxArgs) -> Result<(), Failure> {
    if let Some(command) = &args.command {
        return token(c, command);
    }
    let failed = |e: &dyn std::fmt::Display| Failure {
        sentence: c.text("sandbox.failed", &[("error", &e.to_string())]),
        exit: 1,
    };
    let program = std::env::current_exe().map_err(|e| failed(&e))?;
    let options = sceau_sandbox::Options {
        data: args.data,
        port_base: args.port_base,
        ready: args.ready,
        program,
        lang: c.lang,
        store: args.store,
        blobs: args.blobs,
        nodes: args.nodes,
        empty: args.empty,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| failed(&e))?;
    runtime.block_on(sceau_sandbox::run(options)).map_err(|e| failed(&e.sentence(c.lang)))
}
