//! Putting a backup of the keyring back.
//!
//! On SQLite nobody else has the keyring meanwhile (its lock); on PostgreSQL servers may live, and what they make and destroy until the rows
//! are replaced counts as much as what was there before.
use super::super::destroyed::{self, List};
use super::super::prove;
use super::{ONE, PAGE, TABLES, Table, connect, each, new_file};
use crate::engine::{self, Pending, sqlite_error};
use crate::{EngineUrl, Id, StoreConfig, StoreError, Tx, Value, blocking, params};
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Largest keyring file that is put back, bytes.
const LARGEST: u64 = 8 << 30;

/// What putting a backup back did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// False: nothing was done, because the present keyring can be read and holds keys that the backup does not (`lost`).
    pub done: bool,
    /// Keys of BALs in force now.
    pub bal_keys: u64,
    /// Keys of the backup that were destroyed again.
    pub destroyed_again: u64,
    /// Keys of any kind (of BALs, of transit, of the notary) that live in the present keyring and are not in the backup.
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
    let (mut restored, rows) = blocking(move || {
        // Both locks are held until the end.
        let mut data = Pending::connect(&given.data, &engine::DATA, ONE)?;
        let (closed, open) = match data.version() {
            0 => (Vec::new(), Vec::new()),
            version => data.read(|tx| {
                let open = tx.query("SELECT id FROM bals WHERE state <> 'closed'", &[])?;
                let closed = if version < 8 { destroyed::closed_before_holds(tx)? } else { destroyed::closed(tx)? };
                Ok((closed, open.iter().map(|r| r.int(0)).collect::<Result<Vec<Id>, _>>()?))
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
        let lost = replace_rows(config, rows, force).await?;
        if lost > 0 && !force {
            return Ok(Restored { lost, ..Restored::default() });
        }
        restored.lost = lost;
    }
    Ok(restored)
}

/// Which keys a keyring holds.
#[derive(Default)]
struct Held {
    /// Those that something may be sealed or signed under: table and id. A public half counts without its private one.
    live: HashSet<(&'static str, Id)>,
    /// BALs whose key is destroyed.
    destroyed: HashSet<Id>,
}

impl Held {
    fn read(tx: &mut dyn Tx, version: i64) -> Result<Self, StoreError> {
        let mut held = Self::default();
        let tables = [("bal_keys", "bal", 1), ("transit_keys", "epoch", 1), ("signing_keys", "id", 3)];
        for (table, id, _) in tables.into_iter().filter(|(_, _, since)| version >= *since) {
            let mut after = Id::MIN;
            let gone = "CASE WHEN wrapped IS NULL THEN 1 ELSE 0 END";
            let sql = format!("SELECT {id}, {gone} FROM {table} WHERE {id} > $1 ORDER BY {id} LIMIT $2");
            loop {
                let rows = tx.query(&sql, params![after, PAGE])?;
                let Some(last) = rows.last() else { break };
                after = last.int(0)?;
                for row in &rows {
                    if table == "bal_keys" && row.bool(1)? {
                        held.destroyed.insert(row.int(0)?);
                    } else {
                        held.live.insert((table, row.int(0)?));
                    }
                }
            }
        }
        Ok(held)
    }
    fn bals(&self) -> impl Iterator<Item = Id> {
        self.live.iter().filter(|(table, _)| *table == "bal_keys").map(|(_, id)| *id)
    }
    /// How many of these keys `other` does not have, but for those of doomed BALs.
    fn lost_by(&self, other: &Self, doomed: &HashSet<Id>) -> u64 {
        let spared = |(table, id): &(&str, Id)| *table == "bal_keys" && doomed.contains(id);
        self.live.difference(&other.live).filter(|key| !spared(key)).count() as u64
    }
}

/// The present keyring, when it can be read: its lock, and what it holds.
struct Present {
    _lock: Option<Pending>,
    readable: bool,
    held: Held,
}

fn present(keyring: &EngineUrl) -> Result<Present, StoreError> {
    let none = |lock, readable| Present { _lock: lock, readable, held: Held::default() };
    let mut pending = match Pending::connect(keyring, &engine::KEYRING, ONE) {
        Ok(pending) => pending,
        // What is there is no keyring any more: the data's lock keeps servers away.
        Err(StoreError::Other(_)) if matches!(keyring, EngineUrl::Sqlite(_)) => return Ok(none(None, false)),
        Err(e) => return Err(e),
    };
    let version = pending.version();
    if version == 0 {
        return Ok(none(Some(pending), true));
    }
    match pending.read(|tx| Held::read(tx, version)) {
        Ok(held) => Ok(Present { _lock: Some(pending), readable: true, held }),
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

/// What takes the place of a keyring's rows on PostgreSQL.
struct Rows {
    tables: Vec<(Table, Vec<Vec<Value>>)>,
    held: Held,
    doomed: HashSet<Id>,
}

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
    doomed.extend(&present.held.destroyed);
    // Brought to this program's schema, in the copy.
    drop(Pending::connect(&EngineUrl::Sqlite(work.to_owned()), &engine::KEYRING, ONE)?.start()?);
    let mut lock = work.as_os_str().to_owned();
    lock.push(".lock");
    let _ = std::fs::remove_file(PathBuf::from(lock));
    let copy = EngineUrl::Sqlite(work.to_owned());
    let held = engine::peek(&copy, &engine::KEYRING, |version, tx| Held::read(tx, version))?;
    let mut c = connect(work)?;
    let lost = present.held.lost_by(&held, &doomed);
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
    let live: HashSet<Id> = held.bals().filter(|bal| !doomed.contains(bal)).collect();
    // One file again, in which nothing of the struck keys is left.
    c.execute_batch("VACUUM").and_then(|()| c.pragma_update(None, "journal_mode", "DELETE")).map_err(wrong)?;
    let mut restored = Restored {
        done: true,
        bal_keys: live.len() as u64,
        destroyed_again: held.bals().filter(|bal| doomed.contains(bal)).count() as u64,
        lost,
        without_key: open.iter().filter(|bal| !live.contains(bal) && !doomed.contains(bal)).count() as u64,
        aside: None,
    };
    let EngineUrl::Sqlite(place) = &config.keyring else {
        let mut tables = Vec::new();
        engine::peek(&copy, &engine::KEYRING, |_, tx| {
            for table in TABLES {
                let mut all = Vec::new();
                each(tx, table, |row| {
                    all.push(row.0.clone());
                    Ok(())
                })?;
                tables.push((table, all));
            }
            Ok(())
        })?;
        return Ok((restored, Some(Rows { tables, held, doomed })));
    };
    drop(c);
    std::fs::set_permissions(work, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    File::open(work).and_then(|f| f.sync_all()).map_err(io)?;
    // Thrown away only where it can be read and all of it that lives is in the backup; else put aside.
    let keep = place.exists() && (lost > 0 || !present.readable);
    let beside = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    // One that was put aside before is not overwritten.
    let names = (0..).map(|n: i64| place.with_extension(format!("aside-{}", now.saturating_add(n))));
    let away = names.take(1_000).find(|name| !name.exists()).unwrap_or_else(|| place.with_extension("aside"));
    let absent_is_fine = |done: std::io::Result<()>| match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io(e)),
        _ => Ok(()),
    };
    for end in ["-wal", "-shm"] {
        let (old, aside) = (beside(place, end), beside(&away, end));
        absent_is_fine(if keep { std::fs::rename(&old, &aside) } else { std::fs::remove_file(&old) })?;
    }
    if keep {
        // Under both names until the copy has the place: at no instant is there nothing.
        absent_is_fine(std::fs::hard_link(place, &away))?;
        restored.aside = Some(away);
    }
    std::fs::rename(work, place).and_then(|()| crate::files::sync_parent(place)).map_err(io)?;
    drop(present);
    Ok((restored, None))
}

/// Replaces the rows of a keyring on PostgreSQL, in one transaction, with what it holds at that instant judged once more. How many keys are
/// lost by it; nothing was done when there are some and it is not forced.
async fn replace_rows(config: &StoreConfig, rows: Rows, force: bool) -> Result<u64, StoreError> {
    let (url, now) = (config.keyring.clone(), config.clock.now().0);
    let engine = blocking(move || Pending::connect(&url, &engine::KEYRING, ONE)?.start()).await?;
    let replace = move |tx: &mut dyn Tx| {
        // Whoever adds a key takes the first of them first.
        tx.execute("LOCK TABLE master, bal_keys, transit_keys, signing_keys IN EXCLUSIVE MODE", &[])?;
        let present = Held::read(tx, engine::KEYRING.known())?;
        let lost = present.lost_by(&rows.held, &rows.doomed);
        if lost > 0 && !force {
            return Ok(lost);
        }
        for (table, rows) in &rows.tables {
            tx.execute(&format!("DELETE FROM {}", table.0), &[])?;
            let sql = table.insertion();
            rows.iter().try_for_each(|values| tx.execute(&sql, values).map(drop))?;
        }
        present.destroyed.iter().try_for_each(|bal| destroyed::strike(tx, *bal, now))?;
        Ok::<_, StoreError>(lost)
    };
    let done = engine.write(replace).await;
    blocking(move || {
        drop(engine);
        Ok(())
    })
    .await?;
    done
}
