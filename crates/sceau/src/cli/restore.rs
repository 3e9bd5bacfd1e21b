//! `sceau restore FOLDER`: a generation of a backup into the empty store that the configuration names.
use super::Context;
use super::{backup, meter};
use crate::admin::client::Failure;
use clap::Args;
use sceau_operator::care::restore::restore;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct RestoreArgs {
    folder: PathBuf,
    #[arg(long)]
    generation: Option<String>,
}

/// `sceau restore`.
pub fn run(c: &Context, args: RestoreArgs) -> Result<(), Failure> {
    let (config, name) = (backup::visitor(c)?, c.load()?.operator.name);
    let done = meter::carry_out(c, |progress| async move {
        restore(&config, &name, &args.folder, args.generation.as_deref(), &progress).await
    })?;
    let done = done.map_err(|e| meter::failed(c, &e, 1))?;
    if c.json {
        super::table::print_json(&serde_json::to_value(&done).unwrap_or_default());
        return Ok(());
    }
    let (rows, blobs) = (done.rows.to_string(), done.blobs.to_string());
    let values = [("generation", done.generation.as_str()), ("rows", &rows), ("blobs", &blobs)];
    println!("{}", c.text("care.restore_done", &values));
    for (count, key) in [(done.to_close, "care.restore_closed"), (done.missing, "care.restore_missing")] {
        if count > 0 {
            println!("{}", c.text(key, &[("count", &count.to_string())]));
        }
    }
    println!("{}", c.text("care.restore_next", &[]));
    Ok(())
}
