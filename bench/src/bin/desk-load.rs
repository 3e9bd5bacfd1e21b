//! See `desk-load --help`.
use clap::Parser;
use sceau_bench::http::{self, Options};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let common = options.common.clone();
    match http::run(options).await {
        Ok(report) => {
            let done = report.done > 0 || report.parked.as_ref().is_some_and(|p| p.parked > 0);
            sceau_bench::common::finish(&common, &report, done)
        }
        Err(e) => {
            eprintln!("desk-load: {e}");
            ExitCode::from(2)
        }
    }
}
