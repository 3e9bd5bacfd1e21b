//! Backups of the keyring on its own, and putting one back.
//!
//! A backup is one SQLite file (0600), whatever the engine: a consistent copy, made while servers run. Keys in it are wrapped by the
//! master key, which is never in it. Backups are few and short-lived: a destroyed key is in those that are older than its destruction,
//! so a closed BAL is gone from backups too when the last of these is removed.
//!
//! Promises: a backup is whole or is not there under its name; older backups in the folder are removed only after the new one is durable; one
//! that is put back has every known destruction carried out in it before it takes its place; nothing that opens today is thrown away unasked.
use super::destroyed::{self, List};
use super::prove;
use crate::engine::{self, Pending, Threads, sqlite_error};
use crate::{EngineUrl, Id, Row, StoreConfig, StoreError, Tx, Value, blocking, params};
use rusqlite::{Connection, OpenFlags};
use sceau_domain::Timestamp;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const DAY_MS: i64 = 86_400_000;
const ONE: Threads = Threads { writers: 1, readers: 1 };
/// Rows read at a time.
const PAGE: i64 = 1_000;
/// Largest keyring file that is put back, bytes.
const LARGEST: u64 = 8 << 30;

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

fn new_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let c = Connection::open_with_flags(path, flags)?;
        c.busy_timeout(std::time::Duration::from_secs(5))?;
        c.pragma_update(None, "secure_delete", true)?;
        c.pragma_update(None, "synchronous", "FULL")?;
        Ok(c)
    };
    open().map_err(|e| sqlite_error(&e))
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

/// A table: its name, its columns, its key first.
#[derive(Clone, Copy)]
struct Table(&'static str, &'static [&'static str]);

const TABLES: [Table; 5] = [
    Table(
        "master",
        &["id", "proof", "pepper", "created", "keeper", "generation", "rotated", "backed_up", "backup_days"],
    ),
    Table("bal_keys", &["bal", "wrapped", "created", "destroyed", "next"]),
    Table("transit_keys", &["epoch", "wrapped", "created", "next"]),
    Table("signing_keys", &["id", "public", "wrapped", "created", "retired", "next"]),
    Table("rotation", &["id", "proof", "pepper", "keeper", "started"]),
];

impl Table {
    fn insertion(self) -> String {
        let numbers: Vec<String> = (1..=self.1.len()).map(|n| format!("${n}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.0, self.1.join(", "), numbers.join(", "))
    }
}

/// Reads a table by pages.
fn each(
    tx: &mut dyn Tx,
    Table(name, columns): Table,
    mut f: impl FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (key, mut after) = (columns[0], Id::MIN);
    let sql = format!("SELECT {} FROM {name} WHERE {key} > $1 ORDER BY {key} LIMIT $2", columns.join(", "));
    loop {
        let rows = tx.query(&sql, params![after, PAGE])?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.int(0)?;
        rows.iter().try_for_each(&mut f)?;
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

/// What putting a backup back did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// False: nothing was done, because the present keyring opens and holds keys that the backup does not (`lost`).
    pub done: bool,
    /// Keys of BALs in force now.
    pub bal_keys: u64,
    /// Keys of the backup that were destroyed again.
    pub destroyed_again: u64,
    /// Keys that live in the present keyring and are not in the backup.
    pub lost: u64,
    /// Open BALs of the data that have no key in the backup: they were opened after it.
    pub without_key: u64,
    /// Where the keyring that was there has been put; it must be deleted once it is no longer needed.
    pub aside: Option<PathBuf>,
}

/// Puts a backup back in the place of the keyring, with every known destruction carried out in it. No server may run (`Locked`).
/// `force`: also when the present keyring holds keys that the backup does not.
///
/// # Errors
/// `WrongMasterKey` when `config.master` does not open the backup; nothing was changed then.
pub async fn restore(config: &StoreConfig, backup: &Path, force: bool) -> Result<Restored, StoreError> {
    let (given, backup) = (config.clone(), backup.to_owned());
    let (restored, rows) = blocking(move || {
        // Both locks are held until the end.
        let mut data = Pending::connect(&given.data, &engine::DATA, ONE)?;
        let (closed, open) = match data.version() {
            0 => (Vec::new(), Vec::new()),
            _ => data.read(|tx| {
                let open = tx.query("SELECT id FROM bals WHERE state <> 'closed'", &[])?;
                Ok((destroyed::closed(tx)?, open.iter().map(|r| r.int(0)).collect::<Result<Vec<Id>, _>>()?))
            })?,
        };
        let mut doomed = List::of(&given).read()?;
        doomed.extend(closed);
        let present = present(&given.keyring)?;
        let work = working_copy(&given, &backup)?;
        let outcome = put_back(&given, &work, present, doomed, &open, force);
        // Left only where something failed, or nothing was done.
        let _ = std::fs::remove_file(&work);
        drop(data);
        outcome
    })
    .await?;
    if let Some(rows) = rows {
        replace_rows(&config.keyring, rows).await?;
    }
    Ok(restored)
}

/// The present keyring, when it can be read: its lock, keys that live and keys that were destroyed.
struct Present {
    _lock: Option<Pending>,
    readable: bool,
    live: HashSet<Id>,
    destroyed: HashSet<Id>,
}

fn present(keyring: &EngineUrl) -> Result<Present, StoreError> {
    let read = |pending: &mut Pending| {
        pending.read(|tx| {
            let mut sets = [HashSet::new(), HashSet::new()];
            for (i, live) in [true, false].into_iter().enumerate() {
                let mut after = Id::MIN;
                loop {
                    let page = destroyed::page(tx, live, after)?;
                    let Some(last) = page.last() else { break };
                    after = *last;
                    sets[i].extend(page);
                }
            }
            Ok(sets)
        })
    };
    let none = |lock, readable| Present { _lock: lock, readable, live: HashSet::new(), destroyed: HashSet::new() };
    let mut pending = match Pending::connect(keyring, &engine::KEYRING, ONE) {
        Ok(pending) => pending,
        // What is there is no keyring any more: the data's lock keeps servers away.
        Err(StoreError::Other(_)) if matches!(keyring, EngineUrl::Sqlite(_)) => return Ok(none(None, false)),
        Err(e) => return Err(e),
    };
    if pending.version() == 0 {
        return Ok(none(Some(pending), true));
    }
    match read(&mut pending) {
        Ok([live, destroyed]) => Ok(Present { _lock: Some(pending), readable: true, live, destroyed }),
        Err(StoreError::Other(_)) => Ok(none(Some(pending), false)),
        Err(e) => Err(e),
    }
}

/// A private copy of the backup to work on, proved to be a keyring that the master key opens.
fn working_copy(config: &StoreConfig, backup: &Path) -> Result<PathBuf, StoreError> {
    let io = |e: std::io::Error| StoreError::io("keyring backup", &e);
    let work = match &config.keyring {
        EngineUrl::Sqlite(path) => path.with_extension("restoring"),
        EngineUrl::Postgres(_) => config.spools.with_file_name("keyring.restoring"),
    };
    let mut from = File::open(backup).map_err(io)?;
    if from.metadata().map_err(io)?.len() > LARGEST {
        return Err(StoreError::Invalid("the backup is too large for a keyring".into()));
    }
    if let Some(folder) = work.parent() {
        crate::files::private_folder(folder).map_err(io)?;
    }
    // A leftover of a restore that was interrupted.
    let _ = std::fs::remove_file(&work);
    let mut to = new_file(&work).map_err(io)?;
    std::io::copy(&mut from, &mut to).map_err(io)?;
    let judged = EngineUrl::Sqlite(work.clone());
    let proof = engine::peek(&judged, &engine::KEYRING, |version, tx| {
        let sound = tx.query_opt("PRAGMA integrity_check(1)", &[])?.map(|r| r.text(0)).transpose()?;
        if version == 0 || sound.as_deref() != Some("ok") {
            return Err(StoreError::Other("the file is no sound keyring backup".into()));
        }
        tx.query_opt("SELECT proof FROM master WHERE id = 1", &[])?.map(|r| r.bytes(0)).transpose()
    });
    let judged = proof.and_then(|proof| {
        prove(&config.master, &proof.ok_or_else(|| StoreError::Other("the backup is an empty keyring".into()))?)
    });
    if let Err(e) = judged {
        let _ = std::fs::remove_file(&work);
        return Err(e);
    }
    Ok(work)
}

type Rows = Vec<(Table, Vec<Vec<Value>>)>;

/// Destroys in the copy, then gives it the keyring's place (SQLite) or its rows (PostgreSQL). `done` is false when nothing was.
fn put_back(
    config: &StoreConfig,
    work: &Path,
    present: Present,
    mut doomed: HashSet<Id>,
    open: &[Id],
    force: bool,
) -> Result<(Restored, Option<Rows>), StoreError> {
    let io = |e: std::io::Error| StoreError::io("keyring", &e);
    let wrong = |e: rusqlite::Error| sqlite_error(&e);
    doomed.extend(&present.destroyed);
    // Brought to this program's schema, in the copy.
    drop(Pending::connect(&EngineUrl::Sqlite(work.to_owned()), &engine::KEYRING, ONE)?.start()?);
    let mut lock = work.as_os_str().to_owned();
    lock.push(".lock");
    let _ = std::fs::remove_file(PathBuf::from(lock));
    let mut c = connect(work)?;
    let ids = |c: &Connection, sql: &str| -> rusqlite::Result<HashSet<Id>> {
        c.prepare(sql)?.query_map([], |r| r.get(0))?.collect()
    };
    let held = ids(&c, "SELECT bal FROM bal_keys WHERE wrapped IS NOT NULL").map_err(wrong)?;
    let lost = present.live.iter().filter(|bal| !held.contains(bal) && !doomed.contains(bal)).count() as u64;
    if lost > 0 && !force {
        return Ok((Restored { lost, ..Restored::default() }, None));
    }
    let now = config.clock.now().0;
    let strike = c.transaction().map_err(wrong)?;
    for bal in &doomed {
        let sql = "INSERT INTO bal_keys (bal, wrapped, created, destroyed) VALUES (?1, NULL, ?2, ?2) ON CONFLICT (bal) DO UPDATE SET \
                   wrapped = NULL, next = NULL, destroyed = COALESCE(destroyed, excluded.destroyed)";
        strike.execute(sql, (bal, now)).map_err(wrong)?;
    }
    strike.commit().map_err(wrong)?;
    let live = ids(&c, "SELECT bal FROM bal_keys WHERE wrapped IS NOT NULL").map_err(wrong)?;
    // One file again, in which nothing of the struck keys is left.
    c.execute_batch("VACUUM").and_then(|()| c.pragma_update(None, "journal_mode", "DELETE")).map_err(wrong)?;
    let mut restored = Restored {
        done: true,
        bal_keys: live.len() as u64,
        destroyed_again: held.intersection(&doomed).count() as u64,
        lost,
        without_key: open.iter().filter(|bal| !live.contains(bal) && !doomed.contains(bal)).count() as u64,
        aside: None,
    };
    let EngineUrl::Sqlite(place) = &config.keyring else {
        let mut rows = Rows::new();
        engine::peek(&EngineUrl::Sqlite(work.to_owned()), &engine::KEYRING, |_, tx| {
            for table in TABLES {
                let mut all = Vec::new();
                each(tx, table, |row| {
                    all.push(row.0.clone());
                    Ok(())
                })?;
                rows.push((table, all));
            }
            Ok(())
        })?;
        return Ok((restored, Some(rows)));
    };
    drop(c);
    std::fs::set_permissions(work, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    File::open(work).and_then(|f| f.sync_all()).map_err(io)?;
    // Thrown away only where it can be read and all of it that lives is in the backup; else put aside.
    let keep = place.exists() && (lost > 0 || !present.readable);
    for end in ["-wal", "-shm", ""] {
        let beside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let (old, aside) = (beside(place), beside(&place.with_extension(format!("aside-{now}"))));
        let gone = if keep { std::fs::rename(&old, &aside) } else { std::fs::remove_file(&old) };
        match gone {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        restored.aside = keep.then_some(aside);
    }
    std::fs::rename(work, place).and_then(|()| crate::files::sync_parent(place)).map_err(io)?;
    drop(present);
    Ok((restored, None))
}

/// Replaces the rows of a keyring on PostgreSQL, in one transaction.
async fn replace_rows(keyring: &EngineUrl, rows: Rows) -> Result<(), StoreError> {
    let url = keyring.clone();
    let engine = blocking(move || Pending::connect(&url, &engine::KEYRING, ONE)?.start()).await?;
    let done = engine
        .write(move |tx| {
            for (table, rows) in &rows {
                tx.execute(&format!("DELETE FROM {}", table.0), &[])?;
                let sql = table.insertion();
                rows.iter().try_for_each(|values| tx.execute(&sql, values).map(drop))?;
            }
            Ok::<_, StoreError>(())
        })
        .await;
    blocking(move || {
        drop(engine);
        Ok(())
    })
    .await?;
    done
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
    fn no_table_and_no_column_of_the_keyring_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyring.db");
        drop(Pending::connect(&EngineUrl::Sqlite(file.clone()), &engine::KEYRING, ONE).unwrap().start().unwrap());
        let c = Connection::open(&file).unwrap();
        let list = |sql: &str| -> Vec<String> {
            c.prepare(sql).unwrap().query_map([], |r| r.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let mut known: Vec<&str> = TABLES.iter().map(|t| t.0).chain([engine::KEYRING.table]).collect();
        known.sort_unstable();
        assert_eq!(list("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"), known);
        for Table(name, columns) in TABLES {
            let mut columns = columns.to_vec();
            columns.sort_unstable();
            assert_eq!(list(&format!("SELECT name FROM pragma_table_info('{name}') ORDER BY name")), columns, "{name}");
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
