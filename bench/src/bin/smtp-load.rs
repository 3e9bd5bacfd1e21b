//! See `smtp-load --help`.
use clap::Parser;
use sceau_bench::smtp::{self, Options};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let common = options.common.clone();
    match smtp::run(options).await {
        Ok(report) => sceau_bench::common::finish(&common, &report, report.accepted > 0),
        Err(e) => {
            eprintln!("smtp-load: {e}");
            ExitCode::from(2)
        }
    }
}
