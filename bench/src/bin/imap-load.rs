//! See `imap-load --help`.
use clap::Parser;
use sceau_bench::imap::{self, Options};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let common = options.common.clone();
    match imap::run(options).await {
        Ok(report) => sceau_bench::common::finish(&common, &report, report.done > 0),
        Err(e) => {
            eprintln!("imap-load: {e}");
            ExitCode::from(2)
        }
    }
}
