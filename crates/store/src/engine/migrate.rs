//! Numbered, forward-only migrations, embedded in the program.
//!
//! Promises: each migration commits with its row in the version table, or not at all; a database newer than the program is
//! refused before anything is written; several starters on one PostgreSQL database take turns.
//!
//! To add one: write `schema/NNNN_name.sql` (portable SQL, see [`super::portable::adapt`]) and add its line below. A migration that
//! was released is never edited. One that takes away what an earlier program uses (it drops or renames), or that changes what rows mean to it, stands in
//! [`Migrations::alone`] too and sets `schema_least` to its number: it is refused while nodes of an earlier program serve, and a node that finds itself
//! below it stops.
use crate::StoreError;

/// One step of the schema.
#[derive(Debug)]
pub(crate) struct Migration {
    /// Number, from 1, without holes.
    pub version: i64,
    /// Name of its file.
    pub name: &'static str,
    /// Portable SQL.
    pub sql: &'static str,
}

/// The schema of one kind of database.
#[derive(Debug)]
pub(crate) struct Migrations {
    /// Table that holds the versions applied. Differs between data and keyring, so that one is never taken for the other.
    pub table: &'static str,
    /// In order.
    pub list: &'static [Migration],
    /// Those that programs of an earlier schema do not survive.
    pub alone: &'static [i64],
}

macro_rules! migrations {
    ($($version:literal $path:literal),* $(,)?) => {
        &[$(Migration { version: $version, name: $path, sql: include_str!(concat!("../schema/", $path)) }),*]
    };
}

/// The data's schema.
pub(crate) static DATA: Migrations = Migrations {
    table: "schema_version",
    list: migrations![
        1 "0001_base.sql", 2 "0002_mailbox.sql", 3 "0003_queue.sql", 4 "0004_nodes.sql", 5 "0005_search.sql", 6 "0006_notary.sql",
        7 "0007_journal.sql", 8 "0008_people.sql", 9 "0009_second_reading.sql",
        10 "0010_carrier.sql", 11 "0011_claims_alone.sql",
        12 "0012_reader.sql",
        13 "0013_contacts.sql",
        14 "0014_identity.sql",
        15 "0015_step_ups.sql",
        16 "0016_desk.sql"
    ],
    // 8 takes away; 10 moves what is being sent, and what is held, to where a program of 9 does not look (11 sets its `schema_least`).
    alone: &[8, 10],
};

/// The keyring's schema.
pub(crate) static KEYRING: Migrations = Migrations {
    table: "keyring_version",
    list: migrations![1 "keyring/0001_keys.sql", 2 "keyring/0002_rotation.sql", 3 "keyring/0003_notary.sql"],
    alone: &[],
};

impl Migrations {
    /// The same schema as it was at an earlier version: how a backup or a source of that age is opened without being changed.
    pub fn up_to(&self, version: i64) -> Self {
        let count = usize::try_from(version).unwrap_or(0).min(self.list.len());
        Self { table: self.table, list: &self.list[..count], alone: self.alone }
    }
    /// Newest version this program knows.
    pub fn known(&self) -> i64 {
        self.list.last().map_or(0, |m| m.version)
    }
    /// Refuses a database newer than this program.
    pub fn check(&self, found: i64) -> Result<(), StoreError> {
        if found > self.known() { Err(StoreError::NewerSchema { found, known: self.known() }) } else { Ok(()) }
    }
    /// What is still to be applied.
    pub fn after(&self, found: i64) -> impl Iterator<Item = &'static Migration> {
        self.list.iter().filter(move |m| m.version > found)
    }
    /// Will what is still to be applied to a database of this version stop programs that serve it now?
    pub fn must_be_alone(&self, found: i64) -> bool {
        found > 0 && self.after(found).any(|m| self.alone.contains(&m.version))
    }
    /// Creates the version table.
    pub fn create_table(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)",
            self.table
        )
    }
    /// Version found in the version table.
    pub fn newest(&self) -> String {
        format!("SELECT COALESCE(MAX(version), 0) FROM {}", self.table)
    }
    /// Records a migration: number, name; the time is the engine's, for people to read.
    pub fn record(&self, m: &Migration) -> String {
        format!(
            "INSERT INTO {} (version, name, applied) VALUES ({}, '{}', CAST(CURRENT_TIMESTAMP AS TEXT))",
            self.table, m.version, m.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_hole() {
        for set in [&DATA, &KEYRING] {
            for (i, m) in set.list.iter().enumerate() {
                assert_eq!(m.version, i as i64 + 1, "{}", m.name);
            }
        }
    }

    #[test]
    fn what_takes_something_away_is_said_so() {
        for set in [&DATA, &KEYRING] {
            for m in set.list {
                let sql = m.sql.to_uppercase();
                let takes = ["DROP ", "RENAME "].iter().any(|word| sql.contains(word));
                let alone = set.alone.contains(&m.version);
                assert!(!takes || alone, "{}", m.name);
                // The table came after the first that did; it or a later one says that its program is needed.
                let least = format!("UPDATE SCHEMA_LEAST SET LEAST = {}", m.version);
                let said =
                    set.list.iter().filter(|l| l.version >= m.version).any(|l| l.sql.to_uppercase().contains(&least));
                assert!(!alone || m.version == 8 || said, "{}", m.name);
            }
        }
        assert!(DATA.must_be_alone(7) && !DATA.must_be_alone(0));
        // A program of schema 9 does not see what others are sending.
        assert!(DATA.must_be_alone(9) && !DATA.must_be_alone(10));
    }

    #[test]
    fn newer_is_refused() {
        assert_eq!(DATA.check(DATA.known()), Ok(()));
        assert_eq!(DATA.check(99), Err(StoreError::NewerSchema { found: 99, known: DATA.known() }));
    }
}
