//! Making a backup of the keyring: a consistent copy in one file, then older ones go.
use super::{ONE, TABLES, Table, connect, each, new_file};
use crate::engine::{self, Pending, sqlite_error};
use crate::{EngineUrl, Row, StoreError, blocking, params};
use rusqlite::Connection;
use sceau_domain::Timestamp;
use std::fs::File;
use std::path::{Path, PathBuf};

const DAY_MS: i64 = 86_400_000;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its file.
    pub file: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// Keys of BALs in it.
    pub bal_keys: i64,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
    /// A BAL that is closed now is in no backup any more from then on, as long as backups go on being made.
    pub complete: Timestamp,
}

/// Copies a keyring into a folder and removes backups there that are older than `keep_days`. Servers may run.
pub async fn back_up(keyring: &EngineUrl, folder: &Path, keep_days: u32, now: Timestamp) -> Result<Backup, StoreError> {
    let (url, folder) = (keyring.clone(), folder.to_owned());
    let backup = blocking(move || {
        let io = |e: std::io::Error| StoreError::io("keyring backup", &e);
        crate::files::private_folder(&folder).map_err(io)?;
        let file = folder.join(name(now));
        let partial = folder.join(name(now) + ".partial");
        match std::fs::remove_file(&partial) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        // Private from its first byte; SQLite writes into an empty file.
        new_file(&partial).map_err(io)?;
        let made = copy(&url, &partial).and_then(|bal_keys| {
            let bytes = File::open(&partial).and_then(|f| f.sync_all().and_then(|()| f.metadata())).map_err(io)?.len();
            std::fs::rename(&partial, &file).and_then(|()| crate::files::sync_parent(&file)).map_err(io)?;
            Ok((bal_keys, bytes))
        });
        if made.is_err() {
            // Nothing names it; a next backup of the same second would remove it too.
            let _ = std::fs::remove_file(&partial);
        }
        let (bal_keys, bytes) = made?;
        let keep = i64::from(keep_days).saturating_mul(DAY_MS);
        let removed = remove_older(&folder, now.0.saturating_sub(keep)).map_err(io)?;
        Ok(Backup { file, bytes, bal_keys, removed, complete: Timestamp(now.0.saturating_add(keep)) })
    })
    .await?;
    note(keyring, keep_days, now).await?;
    Ok(backup)
}

/// Notes the backup in the keyring, for `keys status`; a keyring of an earlier schema has no place for it.
async fn note(keyring: &EngineUrl, keep_days: u32, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE master SET backed_up = $1, backup_days = $2 WHERE id = 1";
    match keyring {
        EngineUrl::Sqlite(path) => {
            let path = path.clone();
            blocking(move || {
                // A server may have the file: this is one short transaction beside its own.
                let c = connect(&path)?;
                let known = c.prepare("SELECT backed_up FROM master LIMIT 0").is_ok();
                let done = known.then(|| c.execute(&sql.replace('$', "?"), (now.0, i64::from(keep_days))));
                done.transpose().map(drop).map_err(|e| sqlite_error(&e))
            })
            .await
        }
        EngineUrl::Postgres(_) => {
            let url = keyring.clone();
            let engine = blocking(move || {
                let pending = Pending::connect(&url, &engine::KEYRING, ONE)?;
                if pending.version() < engine::KEYRING.known() { Ok(None) } else { pending.start().map(Some) }
            })
            .await?;
            let Some(engine) = engine else { return Ok(()) };
            let noted = engine.write(move |tx| tx.execute(sql, params![now.0, i64::from(keep_days)])).await;
            blocking(move || {
                drop(engine);
                Ok(())
            })
            .await?;
            noted.map(drop)
        }
    }
}

/// Fills an empty file with a consistent copy; how many keys of BALs it holds.
fn copy(keyring: &EngineUrl, into: &Path) -> Result<i64, StoreError> {
    let text = into.to_str().ok_or_else(|| StoreError::Invalid("path of the backup".into()))?;
    match keyring {
        EngineUrl::Sqlite(path) => {
            let version = engine::peek(keyring, &engine::KEYRING, |version, _| Ok(version))?;
            if version == 0 {
                return Err(StoreError::Other("there is no keyring".into()));
            }
            // One reading transaction; pages that deleted keys left are not copied.
            connect(path)?.execute("VACUUM INTO ?1", [text]).map_err(|e| sqlite_error(&e))?;
        }
        EngineUrl::Postgres(_) => engine::peek(keyring, &engine::KEYRING, |version, tx| {
            if version != engine::KEYRING.known() {
                return Err(StoreError::Other("the keyring has an earlier schema: start the server once".into()));
            }
            let made = Pending::connect(&EngineUrl::Sqlite(into.to_owned()), &engine::KEYRING, ONE)?.start()?;
            drop(made);
            let mut lock = into.as_os_str().to_owned();
            lock.push(".lock");
            // Nobody else has it: the file is not known to anyone yet.
            let _ = std::fs::remove_file(PathBuf::from(lock));
            let mut c = connect(into)?;
            let filled = c.transaction().map_err(|e| sqlite_error(&e))?;
            for table in TABLES {
                each(tx, table, |row| insert(&filled, table, row))?;
            }
            filled.commit().map_err(|e| sqlite_error(&e))
        })?,
    }
    let c = connect(into)?;
    let check = || -> rusqlite::Result<(String, i64)> {
        // One file, without a log beside it.
        c.pragma_update(None, "journal_mode", "DELETE")?;
        let sound = c.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        Ok((sound, c.query_row("SELECT COUNT(wrapped) FROM bal_keys", [], |r| r.get(0))?))
    };
    match check().map_err(|e| sqlite_error(&e))? {
        (sound, keys) if sound == "ok" => Ok(keys),
        _ => Err(StoreError::Other("the copy of the keyring is not sound".into())),
    }
}

fn insert(c: &Connection, table: Table, row: &Row) -> Result<(), StoreError> {
    let mut statement = c.prepare_cached(&table.insertion().replace('$', "?")).map_err(|e| sqlite_error(&e))?;
    let values: Vec<&dyn rusqlite::ToSql> = row.0.iter().map(|v| v as &dyn rusqlite::ToSql).collect();
    statement.execute(&values[..]).map(drop).map_err(|e| sqlite_error(&e))
}

/// `keyring-20261121T100000Z.db`
fn name(now: Timestamp) -> String {
    let (days, second) = (now.0.div_euclid(DAY_MS), now.0.rem_euclid(DAY_MS) / 1000);
    // Days since 1970 to a date of the proleptic Gregorian calendar, in years that begin in March.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("keyring-{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z.db")
}

/// Removes backups whose name says that they were made before an instant. Anything else in the folder is left alone.
fn remove_older(folder: &Path, before: i64) -> std::io::Result<Vec<PathBuf>> {
    let oldest = name(Timestamp(before));
    let mut removed = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let found = entry.file_name();
        let Some(found) = found.to_str() else { continue };
        let bare = found.strip_suffix(".partial").unwrap_or(found);
        // Names of one form: they compare as their instants do.
        let form = |n: &str| n.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).collect::<Vec<u8>>();
        if form(bare) == form(&oldest) && bare < oldest.as_str() {
            std::fs::remove_file(entry.path())?;
            removed.push(entry.path());
        }
    }
    removed.sort();
    crate::files::sync_folder(folder)?;
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_named_by_their_instant() {
        let cases = [
            (0, "keyring-19700101T000000Z.db"),
            (951_782_400_000, "keyring-20000229T000000Z.db"),
            (1_795_255_200_000, "keyring-20261121T100000Z.db"),
            (1_798_761_599_999, "keyring-20261231T235959Z.db"),
        ];
        for (at, expected) in cases {
            assert_eq!(name(Timestamp(at)), expected);
        }
    }

    #[test]
    fn only_old_backups_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let now = 1_795_255_200_000;
        let kept =
            ["keyring.db", "autre.txt", "keyring-20261120T100000Z.txt", "keyring-x.db", "keyring-20261121T100000Z.db"];
        let old = ["keyring-20261120T095959Z.db", "keyring-20251121T100000Z.db", "keyring-20261119T000000Z.db.partial"];
        for name in kept.iter().chain(&old) {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let removed = remove_older(folder.path(), now - DAY_MS).unwrap();
        assert_eq!(removed.len(), old.len());
        for (name, there) in kept.iter().map(|n| (n, true)).chain(old.iter().map(|n| (n, false))) {
            assert_eq!(folder.path().join(name).exists(), there, "{name}");
        }
    }
}
