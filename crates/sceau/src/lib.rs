//! The program `sceau`: an MSSanté operator in one binary. See `sceau --help`, `docs/cli.md`.
//!
//! A library only so that its two programs are one code: `sceau`, and `sceau-insecure` that tests build.
mod admin;
mod cli;
mod config;
mod context;
mod http;
mod secrecy;
mod serve;

/// Runs the command line to its end.
pub fn run() -> std::process::ExitCode {
    cli::run()
}
