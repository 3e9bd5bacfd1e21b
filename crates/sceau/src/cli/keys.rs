//! `sceau keys`: master key and keyring. Offline commands: they open the keyring themselves, beside the server where that is safe.
use super::Context;
use crate::admin::client::Failure;
use crate::config::Config;
use crate::serve::{setup, store_sentence};
use clap::Subcommand;
use sceau_domain::{Clock, Lang, SystemClock};
use sceau_store::vault::{MasterKey, Place, copies, rotate, status};
use sceau_store::{EngineUrl, StoreConfig, StoreError};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    Init,
    Rotate {
        #[arg(long, value_name = "KEY")]
        to: Option<String>,
    },
    Status,
    Backup {
        folder: PathBuf,
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
        keep_days: u32,
    },
    Restore {
        file: PathBuf,
        #[arg(long)]
        force: bool,
    },
}

const STATUS: &[(&str, &str)] = &[
    ("engine", "keys_column.engine"),
    ("keeper", "keys_column.keeper"),
    ("opens", "keys_column.opens"),
    ("error", "column.error"),
    ("generation", "keys_column.generation"),
    ("bal_keys", "keys_column.bal_keys"),
    ("destroyed", "keys_column.destroyed"),
    ("transit_keys", "keys_column.transit_keys"),
    ("created", "column.created"),
    ("rotated", "keys_column.rotated"),
    ("rotating", "keys_column.rotating"),
    ("backed_up", "keys_column.backed_up"),
    ("backup_days", "keys_column.backup_days"),
];

/// `sceau keys`.
pub fn run(c: &Context, command: KeysCommand) -> Result<(), Failure> {
    let config = c.load()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure { sentence: c.text("serve.runtime", &[("error", &e.to_string())]), exit: 1 })?;
    runtime.block_on(async {
        match command {
            KeysCommand::Init => init(c, &config).await,
            KeysCommand::Rotate { to } => rotate(c, &config, to).await,
            KeysCommand::Status => show(c, &config).await,
            KeysCommand::Backup { folder, keep_days } => backup(c, &config, &folder, keep_days).await,
            KeysCommand::Restore { file, force } => restore(c, &config, &file, force).await,
        }
    })
}

fn failed(c: &Context, e: &StoreError) -> Failure {
    Failure { sentence: store_sentence(c, e), exit: 1 }
}

fn refused(c: &Context, key: &str, args: &[(&str, &str)]) -> Failure {
    Failure { sentence: c.text(key, args), exit: 1 }
}

fn place(c: &Context, text: &str) -> Result<Place, Failure> {
    Place::parse(text).map_err(|e| Failure { sentence: e.sentence(c.lang), exit: 2 })
}

fn keyring(config: &Config) -> EngineUrl {
    setup::engine_url(&config.keys.keyring)
}

/// The store's configuration under another master key than the one that the configuration names.
fn store_config(c: &Context, config: &Config, master: MasterKey) -> Result<StoreConfig, Failure> {
    setup::store_config_with(config, master)
        .map_err(|e| Failure { sentence: if c.lang == Lang::Fr { e.fr } else { e.en }, exit: 2 })
}

async fn init(c: &Context, config: &Config) -> Result<(), Failure> {
    let place = place(c, &config.keys.master)?;
    // Nothing is made where something is, not even a key.
    let probe = store_config(c, config, MasterKey::generate().map_err(|e| failed(c, &e))?)?;
    let exists = status::exists(&probe).await.map_err(|e| failed(c, &e))?;
    if exists {
        return Err(refused(c, "keys.init_exists", &[]));
    }
    if let Place::File(path) = &place
        && let Some(folder) = path.parent()
    {
        private_folder(c, folder)?;
    }
    let master = MasterKey::create(&place).map_err(|e| failed(c, &e))?;
    let made = status::create(&store_config(c, config, master.clone())?).await;
    made.map_err(|e| match e {
        StoreError::Exists(_) => refused(c, "keys.init_exists", &[]),
        e => failed(c, &e),
    })?;
    let shown = shown(&keyring(config));
    if c.json {
        super::table::print_json(&json!({ "keyring": shown, "keeper": master.describe() }));
    } else {
        say!("{}", c.text("keys.init_done", &[("keyring", &shown), ("keeper", &master.describe())]));
    }
    Ok(())
}

fn private_folder(c: &Context, folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| {
        refused(c, "cli.cannot_write", &[("path", &folder.display().to_string()), ("error", &e.to_string())])
    })
}

/// Where a keyring is, without a password.
fn shown(url: &EngineUrl) -> String {
    match url {
        EngineUrl::Sqlite(path) => path.display().to_string(),
        EngineUrl::Postgres(_) => "postgres".into(),
    }
}

/// The new key in its place, and what a person is told afterwards.
async fn rotate(c: &Context, config: &Config, to: Option<String>) -> Result<(), Failure> {
    let current = place(c, &config.keys.master)?;
    let say = |e: &StoreError| failed(c, e);
    let Some(to) = to else {
        let Place::File(path) = &current else { return Err(refused(c, "keys.to_needed", &[])) };
        let next = beside(path, "next");
        // The next key is there already when an earlier run was interrupted: with it, that run is finished.
        let old = MasterKey::read_file(path).map_err(|e| say(&e))?;
        let begun = next.exists();
        let new = if begun { MasterKey::read_file(&next) } else { MasterKey::create_file(&next) };
        let new = new.map_err(|e| say(&e))?;
        let done = turn(c, config, &old, &new).await.map_err(|e| {
            if !begun && matches!(e, StoreError::Locked(_) | StoreError::WrongMasterKey) {
                // Nothing is under the next key yet: nobody should take it for a rotation on its way.
                let _ = std::fs::remove_file(&next);
            }
            say(&e)
        })?;
        let previous = beside(path, "previous");
        let put = || -> std::io::Result<()> {
            match std::fs::remove_file(&previous) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            // At every instant there is a key under the name that the configuration knows.
            std::fs::hard_link(path, &previous)?;
            std::fs::rename(&next, path)?;
            path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        };
        put().map_err(|e| {
            refused(c, "cli.cannot_write", &[("path", &path.display().to_string()), ("error", &e.to_string())])
        })?;
        let previous = previous.display().to_string();
        told(c, &done, &new, &c.text("keys.rotated_file", &[("path", &previous)]));
        return Ok(());
    };
    let to = resolved(c, &to);
    let target = place(c, &to)?;
    if target == current {
        return Err(refused(c, "keys.to_same", &[]));
    }
    let old = MasterKey::open(&current).map_err(|e| say(&e))?;
    let new = match MasterKey::open(&target) {
        Err(StoreError::Keeper(e)) if e.is_missing_key() => MasterKey::create(&target),
        opened => opened,
    };
    let new = new.map_err(|e| say(&e))?;
    let done = turn(c, config, &old, &new).await.map_err(|e| say(&e))?;
    told(c, &done, &new, &c.text("keys.rotated_to", &[("place", &to)]));
    Ok(())
}

async fn turn(c: &Context, config: &Config, old: &MasterKey, new: &MasterKey) -> Result<rotate::Rotated, StoreError> {
    let bar = std::io::stderr().is_terminal() && !c.json;
    let progress = |done: u64, all: u64| {
        if bar {
            let _ = write!(std::io::stderr(), "\r{done}/{all}");
        }
    };
    let done = rotate::rotate(&keyring(config), old, new, SystemClock.now(), progress).await;
    if bar {
        let _ = writeln!(std::io::stderr());
    }
    done
}

fn told(c: &Context, done: &rotate::Rotated, new: &MasterKey, then: &str) {
    if c.json {
        let value = json!({
            "keys": done.keys, "resumed": done.resumed, "already": done.already, "keeper": new.describe(),
        });
        return super::table::print_json(&value);
    }
    let key = if done.already { "keys.rotated_already" } else { "keys.rotated" };
    say!("{}\n{then}", c.text(key, &[("count", &done.keys.to_string())]));
}

/// As the configuration reads it: a file is relative to the configuration's folder.
fn resolved(c: &Context, place: &str) -> String {
    if place.starts_with("env:") || place.starts_with("pkcs11:") || Path::new(place).is_absolute() {
        return place.to_owned();
    }
    let base = std::path::absolute(&c.config).ok().and_then(|p| p.parent().map(Path::to_path_buf)).unwrap_or_default();
    base.join(place).display().to_string()
}

/// A file beside another: `master.key` → `master.key.next`.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    PathBuf::from(name)
}

async fn show(c: &Context, config: &Config) -> Result<(), Failure> {
    let found = status::status(&keyring(config)).await.map_err(|e| failed(c, &e))?;
    let found = found.ok_or_else(|| refused(c, "keys.absent_keyring", &[]))?;
    let opens = MasterKey::open(&place(c, &config.keys.master)?).and_then(|master| found.opens(&master));
    let value = json!({
        "engine": found.engine,
        "keeper": found.keeper,
        "opens": opens.is_ok(),
        "error": opens.err().map(|e| store_sentence(c, &e)),
        "generation": found.generation,
        "bal_keys": found.bal_keys,
        "destroyed": found.destroyed,
        "transit_keys": found.transit_keys,
        "oldest_epoch": found.oldest_epoch,
        "created": found.created,
        "rotated": found.rotated,
        "rotating": found.rotating,
        "backed_up": found.backed_up,
        "backup_days": found.backup_days,
    });
    c.show_one(&value, STATUS);
    Ok(())
}

async fn backup(c: &Context, config: &Config, folder: &Path, keep_days: u32) -> Result<(), Failure> {
    let now = SystemClock.now();
    let made = copies::back_up(&keyring(config), folder, keep_days, now).await.map_err(|e| failed(c, &e))?;
    if c.json {
        super::table::print_json(&json!({
            "file": made.file,
            "size": made.bytes,
            "bal_keys": made.bal_keys,
            "removed": made.removed,
            "keep_days": keep_days,
            "complete": made.complete,
        }));
        return Ok(());
    }
    let date = jiff::Timestamp::from_millisecond(made.complete.0)
        .map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string())
        .unwrap_or_default();
    let (path, count) = (made.file.display().to_string(), made.bal_keys.to_string());
    let (removed, days) = (made.removed.len().to_string(), keep_days.to_string());
    let mut args = vec![("path", path.as_str()), ("count", &count), ("date", &date), ("days", &days)];
    if !made.removed.is_empty() {
        args.push(("removed", &removed));
    }
    say!("{}", c.text("keys.backup_done", &args));
    Ok(())
}

async fn restore(c: &Context, config: &Config, file: &Path, force: bool) -> Result<(), Failure> {
    let master = MasterKey::open(&place(c, &config.keys.master)?).map_err(|e| failed(c, &e))?;
    let store = store_config(c, config, master)?;
    let done = copies::restore(&store, file, force).await.map_err(|e| failed(c, &e))?;
    if !done.done {
        return Err(refused(c, "keys.restore_lost", &[("count", &done.lost.to_string())]));
    }
    if c.json {
        super::table::print_json(&json!({
            "bal_keys": done.bal_keys,
            "destroyed_again": done.destroyed_again,
            "lost": done.lost,
            "without_key": done.without_key,
            "aside": done.aside,
        }));
        return Ok(());
    }
    let (count, again) = (done.bal_keys.to_string(), done.destroyed_again.to_string());
    say!("{}", c.text("keys.restore_done", &[("count", &count), ("again", &again)]));
    if done.without_key > 0 {
        say!("{}", c.text("keys.restore_without", &[("count", &done.without_key.to_string())]));
    }
    if let Some(aside) = &done.aside {
        say!("{}", c.text("keys.restore_aside", &[("path", &aside.display().to_string())]));
    }
    Ok(())
}
