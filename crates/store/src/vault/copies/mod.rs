//! Backups of the keyring on its own, and putting one back.
//!
//! A backup is one SQLite file (0600), whatever the engine: a consistent copy, made while servers run. Keys in it are wrapped by the
//! master key, which is never in it. Backups are few and short-lived: a destroyed key is in those that are older than its destruction,
//! so a closed BAL is gone from backups too when the last of these is removed.
//!
//! Promises: a backup is whole or is not there under its name; older backups in the folder are removed only after the new one is durable; one
//! that is put back has every known destruction carried out in it before it takes its place; nothing that opens today is thrown away unasked,
//! of whatever kind.
//!
//! * [`back_up`] makes one, [`restore`] puts one back. Here: what is in a keyring.
mod back_up;
mod restore;

pub use back_up::{Backup, back_up};
pub use restore::{Restored, restore};

use crate::engine::{Threads, sqlite_error};
use crate::{Id, Row, StoreError, Tx, params};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const ONE: Threads = Threads { writers: 1, readers: 1 };
/// Rows read at a time.
const PAGE: i64 = 1_000;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineUrl;
    use crate::engine::{self, Pending};

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
}
