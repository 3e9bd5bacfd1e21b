//! `sceau store migrate`: everything from one engine or place to another, while no server runs.
use super::{Context, meter};
use crate::admin::client::Failure;
use crate::config::{BlobsSection, Config, ConfigError};
use crate::serve::{blobs, setup};
use clap::{Args, Subcommand};
use sceau_domain::{Lang, SystemClock};
use sceau_store::BlobPlace;
use sceau_store::care::moving::{Move, migrate};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    Migrate(MigrateArgs),
}

#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[arg(long, value_name = "URL")]
    from: String,
    #[arg(long, value_name = "URL")]
    to: String,
    #[arg(long, value_name = "URL", requires = "keyring_to")]
    keyring_from: Option<String>,
    #[arg(long, value_name = "URL", requires = "keyring_from")]
    keyring_to: Option<String>,
    #[arg(long, value_name = "URL", requires = "blobs_to")]
    blobs_from: Option<String>,
    #[arg(long, value_name = "URL", requires = "blobs_from")]
    blobs_to: Option<String>,
}

/// `sceau store`.
pub fn run(c: &Context, command: StoreCommand) -> Result<(), Failure> {
    let StoreCommand::Migrate(args) = command;
    let config = c.load()?;
    let pair = |from: &str, to: &str| (setup::engine_url(from), setup::engine_url(to));
    let place = |url: &str| {
        place(&config, url).map_err(|e| Failure { sentence: if c.lang == Lang::Fr { e.fr } else { e.en }, exit: 2 })
    };
    let moving = Move {
        data: pair(&args.from, &args.to),
        keyring: args.keyring_from.as_deref().zip(args.keyring_to.as_deref()).map(|(from, to)| pair(from, to)),
        blobs: match (&args.blobs_from, &args.blobs_to) {
            (Some(from), Some(to)) => Some((place(from)?, place(to)?)),
            _ => None,
        },
        spools: config.store.spools.clone(),
        clock: Arc::new(SystemClock),
    };
    let moved = meter::carry_out(c, |progress| async move { migrate(&moving, &progress).await })?;
    let moved = moved.map_err(|e| meter::failed(c, &e, 1))?;
    if c.json {
        super::table::print_json(&serde_json::to_value(moved).unwrap_or_default());
        return Ok(());
    }
    let (rows, keys, blobs) = (moved.rows.to_string(), moved.keys.to_string(), moved.blobs.to_string());
    let mut values = vec![("rows", rows.as_str()), ("blobs", &blobs)];
    if moved.keys > 0 {
        values.push(("keys", &keys));
    }
    say!("{}", c.text("care.moved", &values));
    Ok(())
}

/// A place of blobs: a folder, or a bucket reached as the configuration's `[blobs]` says.
fn place(config: &Config, url: &str) -> Result<BlobPlace, ConfigError> {
    if !url.contains("://") {
        return Ok(BlobPlace::Folder(PathBuf::from(url)));
    }
    let section = BlobsSection { url: url.to_owned(), ..config.blobs.clone() };
    blobs::place(&section, &|name| std::env::var(name).ok())
}
