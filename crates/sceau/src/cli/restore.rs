//! `sceau restore FOLDER`: a generation of a backup into the empty store that the configuration names.
use super::Context;
use super::{backup, meter, table};
use crate::admin::client::Failure;
use clap::Args;
use sceau_operator::care::restore::restore;
use sceau_store::care::left_out::Lost;
use sceau_store::care::restore::From;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct RestoreArgs {
    folder: PathBuf,
    #[arg(long)]
    generation: Option<String>,
    #[arg(long)]
    leave_out_damaged: bool,
}

/// `sceau restore`.
pub fn run(c: &Context, args: RestoreArgs) -> Result<(), Failure> {
    let (config, name) = (backup::visitor(c)?, c.load()?.operator.name);
    let done = meter::carry_out(c, |progress| async move {
        let (folder, generation) = (args.folder.as_path(), args.generation.as_deref());
        let from = From { folder, generation, leave_out_damaged: args.leave_out_damaged };
        restore(&config, &name, from, &progress).await
    })?;
    let done = done.map_err(|e| meter::failed(c, &e, 1))?;
    for lost in &done.lost {
        eprintln!("{}", sentence(c, lost));
    }
    if done.left_out > 0 {
        eprintln!("{}", c.text("care.restore_left_out", &[("count", &done.left_out.to_string())]));
    }
    if c.json {
        table::print_json(&serde_json::to_value(&done).unwrap_or_default());
        return Ok(());
    }
    let (rows, blobs) = (done.rows.to_string(), (done.blobs - done.left_out.min(done.blobs)).to_string());
    let values = [("generation", done.generation.as_str()), ("rows", &rows), ("blobs", &blobs)];
    say!("{}", c.text("care.restore_done", &values));
    for (count, key) in [(done.to_close, "care.restore_closed"), (done.missing, "care.restore_missing")] {
        if count > 0 {
            say!("{}", c.text(key, &[("count", &count.to_string())]));
        }
    }
    say!("{}", c.text("care.restore_next", &[]));
    Ok(())
}

/// Whose content was left out.
fn sentence(c: &Context, lost: &Lost) -> String {
    let number = |n: Option<i64>| n.map(|n| n.to_string());
    let values = [
        ("blob", Some(lost.blob.clone())),
        ("reason", Some(c.text(&format!("care.fault.{}", lost.fault.as_str()), &[]))),
        ("bal", lost.bal.clone()),
        ("message", number(lost.message)),
        ("folder", number(lost.folder)),
        ("uid", number(lost.uid)),
        ("at", lost.at.map(super::time::universal)),
    ];
    let values: Vec<(&str, &str)> = values.iter().filter_map(|(n, v)| Some((*n, v.as_deref()?))).collect();
    c.text(&format!("care.left_out.{}", lost.of.as_str()), &values)
}
