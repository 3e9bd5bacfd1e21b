//! The database itself: is every page and index of it as it should be, can every row be read?
use super::super::rows::Pages;
use super::super::tables::{self, DATA_SET};
use crate::care::{CareError, Phase, Progress};
use crate::engine::{Engine, catalogue::Kind};
use crate::{Store, StoreError};

/// Complaints of SQLite that are told at most.
const COMPLAINTS: i64 = 20;

/// A table that cannot be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub table: String,
    /// Rows that could be read before.
    pub after: u64,
}

/// What SQLite says of the file of the data: nothing when it is whole. PostgreSQL checks its pages when it reads them.
pub async fn integrity(store: &Store) -> Result<Vec<String>, StoreError> {
    of(&store.0.engine).await
}

/// Likewise of the keyring.
pub async fn keyring_integrity(store: &Store) -> Result<Vec<String>, StoreError> {
    of(store.vault().engine()).await
}

async fn of(engine: &Engine) -> Result<Vec<String>, StoreError> {
    if engine.kind() != Kind::Sqlite {
        return Ok(Vec::new());
    }
    let sql = format!("PRAGMA integrity_check({COMPLAINTS})");
    let said =
        engine.read(move |tx| tx.query(&sql, &[])?.iter().map(|r| r.text(0)).collect::<Result<Vec<_>, _>>()).await;
    match said {
        Ok(said) if said == ["ok"] => Ok(Vec::new()),
        Ok(said) => Ok(said),
        Err(e) if e.is_transient() => Err(e),
        // So damaged that it cannot even be looked at.
        Err(e) => Ok(vec![e.to_string()]),
    }
}

/// Makes the indexes of a SQLite file anew from its tables.
pub async fn rebuild_indexes(store: &Store) -> Result<(), StoreError> {
    store.write(|tx| tx.execute("REINDEX", &[]).map(drop)).await
}

/// Reads every row of every table.
pub async fn unreadable(store: &Store, progress: &Progress) -> Result<Vec<Unreadable>, CareError> {
    let kind = store.0.engine.kind();
    let shapes = store.read(move |tx| tables::shapes(tx, kind, &DATA_SET)).await?;
    progress.begin(Phase::Rows, shapes.len() as u64);
    let mut found = Vec::new();
    for shape in shapes {
        let (mut pages, mut after, table) = (Pages::new(&shape, None), 0, shape.name);
        loop {
            let mut next = pages.clone();
            let read = move |tx: &mut dyn crate::Tx| {
                let rows = next.next(tx)?.len() as u64;
                Ok::<_, StoreError>((rows, next.clone()))
            };
            match store.read(read).await {
                Ok((0, _)) => break,
                Ok((rows, next)) => {
                    after += rows;
                    pages = next;
                }
                Err(e) if e.is_transient() => return Err(e.into()),
                Err(_) => {
                    found.push(Unreadable { table, after });
                    break;
                }
            }
        }
        progress.add(1);
    }
    Ok(found)
}
