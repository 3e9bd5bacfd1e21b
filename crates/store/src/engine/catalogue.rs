//! What a database itself says of its tables: their names and columns, on either engine. For the care of whole databases
//! (backup, restore, moves), which must not forget a table that a migration added.
use super::{Engine, Pending, Tx};
use crate::{StoreError, params};

/// Whose catalogue is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// As it is told to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Engine {
    /// Which engine it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }
}

impl Pending {
    /// Which engine it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }
}

/// Every table of the database (of the schema in use, on PostgreSQL), by name; without the engine's own marks of commits.
pub(crate) fn tables(tx: &mut dyn Tx, kind: Kind) -> Result<Vec<String>, StoreError> {
    let sql = match kind {
        Kind::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite|_%' ESCAPE '|' ORDER BY name"
        }
        Kind::Postgres => {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() \
             AND tablename <> 'commit_marks' ORDER BY tablename"
        }
    };
    tx.query(sql, &[])?.iter().map(|r| r.text(0)).collect()
}

/// Columns of a table in their order, and for each its place in the primary key (from 1; 0 when it is not part of it).
pub(crate) fn columns(tx: &mut dyn Tx, kind: Kind, table: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = match kind {
        Kind::Sqlite => "SELECT name, pk FROM pragma_table_info($1) ORDER BY cid",
        Kind::Postgres => {
            "SELECT CAST(a.attname AS TEXT), \
             COALESCE((SELECT CAST(array_position(CAST(i.indkey AS SMALLINT[]), a.attnum) AS BIGINT) + 1 \
                       FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary), 0) \
             FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        }
    };
    tx.query(sql, params![table])?.iter().map(|r| Ok((r.text(0)?, r.int(1)?))).collect()
}

/// Sessions of other clients on this database (PostgreSQL; SQLite's lock tells it already).
pub(crate) fn other_sessions(tx: &mut dyn Tx, kind: Kind) -> Result<i64, StoreError> {
    if kind == Kind::Sqlite {
        return Ok(0);
    }
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND backend_type = 'client backend'";
    tx.query_opt(sql, &[])?.map_or(Ok(0), |r| r.int(0))
}
