//! A transaction that asks each question once: for acts that look at the same roles, places, rules and terms again and again.
//!
//! Promises: what is remembered is what was read in this very transaction; a statement that writes a table makes it forget what it read there, and
//! so does taking a part back; whoever locks rows (`FOR UPDATE`) looks at everything anew; long answers are not kept. So an act finds nothing but what
//! it would find without, or found a moment ago. A lock that is a write (`UPDATE`, a key that another transaction is inserting) makes it forget that
//! table alone: an act that decides by other tables after such a wait does not belong here.
use crate::StoreError;
use crate::engine::{Columns, Row, Tx, Value};
use std::collections::{BTreeSet, HashMap};

/// Answers of more rows are not kept.
const ROWS: usize = 64;

/// By statement, then by parameters.
type Answers = HashMap<String, HashMap<Vec<Value>, Vec<Row>>>;

struct Remembering<'a> {
    tx: &'a mut dyn Tx,
    /// All rows of a statement; its first one.
    found: [Answers; 2],
    /// Tables that were written, since the beginning.
    written: BTreeSet<String>,
}

/// Runs `act` within the transaction, asking each question once. Not for an act that waits for what another transaction does.
pub fn remembering<T>(tx: &mut dyn Tx, act: impl FnOnce(&mut dyn Tx) -> T) -> T {
    act(&mut Remembering { tx, found: Default::default(), written: BTreeSet::new() })
}

fn reads(sql: &str) -> bool {
    sql.starts_with("SELECT ") && !sql.contains("FOR UPDATE")
}

/// The table that a statement writes; what says no such thing plainly gets the empty name, which stands in every text.
fn target(sql: &str) -> &str {
    let rest = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().find_map(|verb| sql.strip_prefix(verb));
    rest.and_then(|rest| rest.split(|c: char| c.is_whitespace() || c == '(').next()).unwrap_or_default()
}

/// Forgets what was read from this table, perhaps together with others.
fn forget(found: &mut [Answers; 2], table: &str) {
    for answers in found {
        answers.retain(|sql, _| !sql.contains(table));
    }
}

impl Remembering<'_> {
    fn writing(&mut self, sql: &str) {
        let table = target(sql);
        forget(&mut self.found, table);
        if !self.written.contains(table) {
            self.written.insert(table.to_owned());
        }
    }
    fn ask(
        &mut self,
        sql: &str,
        params: &[Value],
        first: bool,
        ask: impl FnOnce(&mut dyn Tx) -> Result<Vec<Row>, StoreError>,
    ) -> Result<Vec<Row>, StoreError> {
        if !reads(sql) {
            self.writing(sql);
            return ask(&mut *self.tx);
        }
        let answers = &mut self.found[usize::from(first)];
        if let Some(rows) = answers.get(sql).and_then(|by| by.get(params)) {
            return Ok(rows.clone());
        }
        let rows = ask(&mut *self.tx)?;
        if rows.len() <= ROWS {
            answers.entry(sql.to_owned()).or_default().insert(params.to_vec(), rows.clone());
        }
        Ok(rows)
    }
}

impl Tx for Remembering<'_> {
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        match sql.split(' ').next() {
            Some("SAVEPOINT" | "RELEASE") => {}
            // What was read of it since may be gone.
            Some("ROLLBACK") => self.written.iter().for_each(|table| forget(&mut self.found, table)),
            _ => self.writing(sql),
        }
        self.tx.execute(sql, params)
    }
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.ask(sql, params, false, |tx| tx.query(sql, params))
    }
    fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        let first = self.ask(sql, params, true, |tx| Ok(tx.query_opt(sql, params)?.into_iter().collect()))?;
        Ok(first.into_iter().next())
    }
    fn visit(
        &mut self,
        sql: &str,
        params: &[Value],
        see: &mut dyn FnMut(&dyn Columns) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if !reads(sql) {
            self.writing(sql);
        }
        self.tx.visit(sql, params, see)
    }
    fn now(&self) -> i64 {
        self.tx.now()
    }
}

#[cfg(test)]
mod tests {
    use super::target;
    use crate::engine::DATA;

    #[test]
    fn what_a_statement_writes_is_known_or_everything_is_forgotten() {
        assert_eq!(target("INSERT INTO bals(id) VALUES ($1)"), "bals");
        assert_eq!(target("UPDATE bals\nSET state = $1"), "bals");
        assert_eq!(target("DELETE FROM bals"), "bals");
        assert_eq!(
            (target("SELECT 1 FROM bals FOR UPDATE"), target("WITH a AS (SELECT 1) DELETE FROM bals")),
            ("", "")
        );
    }

    /// A table that is written by the way would be remembered as it was.
    #[test]
    fn nothing_is_written_but_what_statements_name() {
        for migration in DATA.list {
            let sql = migration.sql.to_uppercase();
            assert!(
                !sql.contains("CASCADE") && !sql.contains("TRIGGER") && !sql.contains("SET NULL"),
                "{}",
                migration.name
            );
        }
    }
}
