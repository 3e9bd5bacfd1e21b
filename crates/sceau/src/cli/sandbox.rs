//! `sceau sandbox`: a whole espace de confiance on this machine.
use super::Context;
use crate::admin::client::Failure;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct SandboxArgs {
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
}

/// Runs the sandbox until SIGINT or SIGTERM.
pub fn run(c: &Context, args: SandboxArgs) -> Result<(), Failure> {
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
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| failed(&e))?;
    runtime.block_on(sceau_sandbox::run(options)).map_err(|e| failed(&e.sentence(c.lang)))
}
