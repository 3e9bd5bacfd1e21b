//! `sceau`: an MSSanté operator in one program. See `sceau --help`, `docs/cli.md`.
mod admin;
mod cli;
mod config;
mod context;
mod http;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
