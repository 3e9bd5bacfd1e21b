//! `sceau backup FOLDER`: by the running server, which goes on; without one, by this process. Keys are never part of it, and it says so.
//! `sceau backup verify FOLDER`: reads what is there, without server, configuration or keys. Exit code 1 when a file is not what it should be.
use super::Context;
use super::meter::{self, Meter};
use crate::admin::client::Failure;
use crate::serve::setup;
use clap::{Args, Subcommand};
use sceau_domain::Lang;
use sceau_operator::care::BackupStatus;
use sceau_operator::care::backup::alone;
use sceau_store::care::backup::BackedUp;
use sceau_store::care::verify::verify;
use sceau_store::{Store, StoreConfig};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub struct BackupArgs {
    // Not there when there is a subcommand.
    #[arg(required = true)]
    folder: Option<PathBuf>,
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    Verify {
        folder: PathBuf,
        #[arg(long)]
        generation: Option<String>,
        #[arg(long)]
        set_aside: bool,
    },
}

/// `sceau backup`.
pub fn run(c: &Context, args: BackupArgs) -> Result<(), Failure> {
    match (args.command, args.folder) {
        (Some(BackupCommand::Verify { folder, generation, set_aside }), None) if args.keep.is_none() => {
            look(c, folder, generation, set_aside)
        }
        (Some(BackupCommand::Verify { .. }), other) => {
            let name = if other.is_some() { "<FOLDER>" } else { "--keep" };
            Err(Failure { sentence: c.text("cli.usage.conflict", &[("name", name), ("other", "verify")]), exit: 2 })
        }
        (None, Some(folder)) => begin(c, &folder, args.keep),
        // The parser saw to it.
        (None, None) => Err(Failure { sentence: c.text("refusal.syntax.unknown", &[]), exit: 2 }),
    }
}

fn look(c: &Context, folder: PathBuf, generation: Option<String>, set_aside: bool) -> Result<(), Failure> {
    let done =
        meter::carry_out(
            c,
            |progress| async move { verify(&folder, generation.as_deref(), set_aside, &progress).await },
        )?;
    let done = done.map_err(|e| meter::failed(c, &e, 1))?;
    let (rows, blobs, found) = (done.rows.to_string(), done.blobs.to_string(), done.found.to_string());
    if c.json {
        super::table::print_json(&serde_json::to_value(&done).unwrap_or_default());
    } else {
        for faulty in &done.faults {
            let reason = c.text(&format!("care.fault.{}", faulty.fault.as_str()), &[]);
            let key = match (faulty.content, faulty.set_aside) {
                (false, _) => "care.verify_rows",
                (true, false) => "care.verify_content",
                (true, true) => "care.verify_set_aside",
            };
            say!("{}", c.text(key, &[("path", &faulty.file), ("reason", &reason)]));
        }
    }
    if done.found > 0 {
        let values = [("generation", done.generation.as_str()), ("count", &found)];
        return Err(Failure { sentence: c.text("care.verify_found", &values), exit: 1 });
    }
    if !c.json {
        let values = [("generation", done.generation.as_str()), ("rows", &rows), ("blobs", &blobs)];
        say!("{}", c.text("care.verify_done", &values));
        if done.missing > 0 {
            say!("{}", c.text("care.verify_missing", &[("count", &done.missing.to_string())]));
        }
    }
    Ok(())
}

fn begin(c: &Context, folder: &Path, keep: Option<u32>) -> Result<(), Failure> {
    let folder = std::path::absolute(folder).map_err(|e| Failure {
        sentence: c.text("cli.cannot_write", &[("path", &folder.display().to_string()), ("error", &e.to_string())]),
        exit: 2,
    })?;
    let done = match c.post(&["backup"], &serde_json::json!({ "folder": folder, "keep": keep })) {
        Ok(status) => watch(c, status)?,
        // No server: nobody else has the store.
        Err(f) if f.exit == 3 => by_ourselves(c, &folder, keep)?,
        Err(f) => return Err(f),
    };
    if c.json {
        super::table::print_json(&serde_json::to_value(&done).unwrap_or_default());
    } else {
        let removed = (done.generations_removed > 0).then(|| done.generations_removed.to_string());
        let (rows, blobs, copied) = (done.rows.to_string(), done.blobs.to_string(), done.copied.to_string());
        let mut values =
            vec![("generation", done.generation.as_str()), ("rows", &rows), ("blobs", &blobs), ("copied", &copied)];
        values.extend(removed.as_deref().map(|r| ("removed", r)));
        say!("{}", c.text("care.backup_done", &values));
        say!("{}", c.text("care.backup_without", &[]));
    }
    if done.missing > 0 {
        let sentence = c.text("care.backup_missing", &[("count", &done.missing.to_string())]);
        return Err(Failure { sentence, exit: 1 });
    }
    Ok(())
}

/// Watches the server's backup until it ends.
fn watch(c: &Context, status: serde_json::Value) -> Result<BackedUp, Failure> {
    let (mut status, mut meter) = (status, Meter::new(c));
    loop {
        let unknown = || Failure { sentence: c.text("refusal.syntax.unknown", &[]), exit: 1 };
        let now: BackupStatus = serde_json::from_value(status).map_err(|_| unknown())?;
        if !now.running {
            meter.end();
            return match (now.result, now.error) {
                (Some(done), _) => Ok(done),
                (None, Some(e)) => Err(meter::told(c, &e, 1)),
                (None, None) => Err(unknown()),
            };
        }
        meter.show(&now.phase, now.done, now.total);
        std::thread::sleep(meter::EVERY);
        status = c.get(&["backup"])?;
    }
}

/// The store's configuration for a command beside the servers.
pub fn visitor(c: &Context) -> Result<StoreConfig, Failure> {
    let config = setup::store_config(&c.load()?)
        .map_err(|e| Failure { sentence: if c.lang == Lang::Fr { e.fr } else { e.en }, exit: 2 })?;
    Ok(StoreConfig { visitor: true, ..config })
}

fn by_ourselves(c: &Context, folder: &Path, keep: Option<u32>) -> Result<BackedUp, Failure> {
    let (config, folder) = (visitor(c)?, folder.to_owned());
    let done = meter::carry_out(c, |progress| async move {
        let store = Store::open(config).await?;
        alone(&store, folder, keep, &progress).await
    })?;
    done.map_err(|e| meter::failed(c, &e, 1))
}
