//! Rows of reference tables: professions, structures, people of the national register. Entries of a list belong to a generation; a list is what
//! its row in `reference_lists` points to, so that a new one takes the place of the old at once.
use crate::{Id, Row, StoreError, Tx, Value, many, params};
use std::collections::HashMap;

/// A row of `reference_lists`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Name.
    pub name: String,
    /// Which entries are its.
    pub generation: Id,
    /// Where it comes from, in the words of who imported it.
    pub source: String,
    /// SHA-256 of the file.
    pub digest: Vec<u8>,
    /// `utf-8` or `windows-1252`.
    pub encoding: String,
    /// Entries.
    pub entries: i64,
    /// Lines that could not be read.
    pub skipped: i64,
    /// When, milliseconds since 1970.
    pub imported: i64,
    /// By whom: a login.
    pub imported_by: String,
}

/// A row of `reference_entries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Code, or national identifier.
    pub code: String,
    /// Line of the file: an identifier may have several.
    pub line: i64,
    /// Label, or name.
    pub label: String,
    /// The label as it is looked up by.
    pub search: String,
    /// JSON object of the other columns.
    pub data: String,
}

const LIST: &str = "name, generation, source, digest, encoding, entries, skipped, imported, imported_by";
const ENTRY: &str = "code, line, label, search, data";
/// Who brought a list that came with the program: nobody's login.
pub const SHIPPED_BY: &str = "(sceau)";
/// Entries in one statement.
const ROWS: usize = 100;

fn list(r: &Row) -> Result<List, StoreError> {
    Ok(List {
        name: r.text(0)?,
        generation: r.int(1)?,
        source: r.text(2)?,
        digest: r.bytes(3)?,
        encoding: r.text(4)?,
        entries: r.int(5)?,
        skipped: r.int(6)?,
        imported: r.int(7)?,
        imported_by: r.text(8)?,
    })
}
fn entry(r: &Row) -> Result<Entry, StoreError> {
    Ok(Entry { code: r.text(0)?, line: r.int(1)?, label: r.text(2)?, search: r.text(3)?, data: r.text(4)? })
}

/// Every list that was imported, by name.
pub fn lists(tx: &mut dyn Tx) -> Result<Vec<List>, StoreError> {
    tx.query(&format!("SELECT {LIST} FROM reference_lists ORDER BY name"), &[])?.iter().map(list).collect()
}

/// A list by name.
pub fn by_name(tx: &mut dyn Tx, name: &str) -> Result<Option<List>, StoreError> {
    let sql = format!("SELECT {LIST} FROM reference_lists WHERE name = $1");
    tx.query_opt(&sql, params![name])?.as_ref().map(list).transpose()
}

/// A generation that begins.
pub fn begin(tx: &mut dyn Tx, generation: Id, name: &str, at: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO reference_drafts (generation, name, begun) VALUES ($1, $2, $3)";
    tx.execute(sql, params![generation, name, at]).map(drop)
}

/// Adds entries to a generation that is being written; false when it is not any more (it was given up, and may be being removed).
pub fn add(tx: &mut dyn Tx, generation: Id, entries: &[Entry]) -> Result<bool, StoreError> {
    let sql = "SELECT generation FROM reference_drafts WHERE generation = $1 AND begun > 0 FOR UPDATE";
    if tx.query_opt(sql, params![generation])?.is_none() {
        return Ok(false);
    }
    for slice in entries.chunks(ROWS) {
        let row = |i: usize| {
            let p = i * 5 + 2;
            format!("($1, ${}, ${}, ${}, ${}, ${})", p, p + 1, p + 2, p + 3, p + 4)
        };
        let rows: Vec<String> = (0..slice.len()).map(row).collect();
        let sql = format!("INSERT INTO reference_entries (generation, {ENTRY}) VALUES {}", rows.join(", "));
        let mut values: Vec<Value> = vec![generation.into()];
        for e in slice {
            values.extend([
                e.code.as_str().into(),
                e.line.into(),
                e.label.as_str().into(),
                e.search.as_str().into(),
                e.data.as_str().into(),
            ]);
        }
        tx.execute(&sql, &values)?;
    }
    Ok(true)
}

/// Puts a generation in force: the list is this one from now on. False when it is not being written any more. The generation before becomes a draft
/// that nobody writes, to be removed. Two that end at once take turns: the later one replaces the other.
pub fn put_in_force(tx: &mut dyn Tx, l: &List) -> Result<bool, StoreError> {
    if tx.execute("DELETE FROM reference_drafts WHERE generation = $1", params![l.generation])? == 0 {
        return Ok(false);
    }
    let values = params![
        &l.name,
        l.generation,
        &l.source,
        l.digest.clone(),
        &l.encoding,
        l.entries,
        l.skipped,
        l.imported,
        &l.imported_by
    ];
    let sql = format!(
        "INSERT INTO reference_lists ({LIST}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name) DO NOTHING"
    );
    if tx.execute(&sql, values)? > 0 {
        return Ok(true);
    }
    let sql = "SELECT generation FROM reference_lists WHERE name = $1 FOR UPDATE";
    if let Some(old) = tx.query_opt(sql, params![&l.name])? {
        begin(tx, old.int(0)?, &l.name, 0)?;
    }
    let sql = "UPDATE reference_lists SET generation = $2, source = $3, digest = $4, encoding = $5, entries = $6, skipped = $7, imported = $8, \
               imported_by = $9 WHERE name = $1";
    tx.execute(sql, values).map(drop)?;
    Ok(true)
}

/// Generations that nobody writes: begun before an instant, and not in force.
pub fn abandoned(tx: &mut dyn Tx, before: i64) -> Result<Vec<Id>, StoreError> {
    let sql = "SELECT generation FROM reference_drafts WHERE begun < $1 ORDER BY generation";
    tx.query(sql, params![before])?.iter().map(|r| r.int(0)).collect()
}

/// Says that a generation still grows (an instant), or does not any more (0).
pub fn touch(tx: &mut dyn Tx, generation: Id, at: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE reference_drafts SET begun = $2 WHERE generation = $1", params![generation, at]).map(drop)
}

/// Gives a generation up: nothing is added to it any more.
pub fn give_up(tx: &mut dyn Tx, generation: Id) -> Result<(), StoreError> {
    touch(tx, generation, 0)
}

/// Removes some entries of a generation that was given up, and the generation itself when there are none left: true. What is in force is no such
/// generation, and stays.
pub fn remove_some(tx: &mut dyn Tx, generation: Id, limit: i64) -> Result<bool, StoreError> {
    let sql = "SELECT generation FROM reference_drafts WHERE generation = $1 AND begun = 0 FOR UPDATE";
    if tx.query_opt(sql, params![generation])?.is_none() {
        return Ok(true);
    }
    let sql = "SELECT code, line FROM reference_entries WHERE generation = $1 ORDER BY code, line LIMIT $2";
    let found = tx.query(sql, params![generation, limit])?;
    let Some(last) = found.last() else {
        tx.execute("DELETE FROM reference_drafts WHERE generation = $1", params![generation])?;
        return Ok(true);
    };
    let sql = "DELETE FROM reference_entries WHERE generation = $1 AND (code < $2 OR (code = $2 AND line <= $3))";
    tx.execute(sql, params![generation, last.text(0)?, last.int(1)?])?;
    Ok(false)
}

/// Entries whose code begins so, by code, from after a place.
pub fn by_code(
    tx: &mut dyn Tx,
    generation: Id,
    code: &str,
    after: (&str, i64),
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let sql = format!(
        "SELECT {ENTRY} FROM reference_entries WHERE generation = $1 AND (code, line) > ($2, $3) AND code < $4 \
         ORDER BY code, line LIMIT $5"
    );
    // One place to begin at: a later page costs no more than the first one.
    let from = after.max((code, i64::MIN));
    tx.query(&sql, params![generation, from.0, from.1, beyond(code), limit])?.iter().map(entry).collect()
}

/// Entries whose label, folded, begins so, in its order, from after a place (label folded, code, line).
pub fn by_label(
    tx: &mut dyn Tx,
    generation: Id,
    label: &str,
    after: (&str, &str, i64),
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let sql = format!(
        "SELECT {ENTRY} FROM reference_entries WHERE generation = $1 AND (search, code, line) > ($2, $3, $4) AND search < $5 \
         ORDER BY search, code, line LIMIT $6"
    );
    let from = after.max((label, "", i64::MIN));
    tx.query(&sql, params![generation, from.0, from.1, from.2, beyond(label), limit])?.iter().map(entry).collect()
}

/// Entries whose label, folded, holds this anywhere: looks at every entry.
pub fn holding(
    tx: &mut dyn Tx,
    generation: Id,
    label: &str,
    after: (&str, &str, i64),
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let sql = format!(
        "SELECT {ENTRY} FROM reference_entries WHERE generation = $1 AND search LIKE $2 ESCAPE '!' \
         AND (search, code, line) > ($3, $4, $5) ORDER BY search, code, line LIMIT $6"
    );
    let pattern = format!("%{}%", label.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
    tx.query(&sql, params![generation, pattern, after.0, after.1, after.2, limit])?.iter().map(entry).collect()
}

/// What comes after everything that begins so, bytewise.
fn beyond(start: &str) -> String {
    format!("{start}\u{10FFFF}")
}

/// The labels of these codes in a list, by code.
pub fn labels(tx: &mut dyn Tx, name: &str, codes: &[String]) -> Result<HashMap<String, String>, StoreError> {
    let sql = |list: &str| {
        format!(
            "SELECT e.code, e.label FROM reference_lists l JOIN reference_entries e ON e.generation = l.generation \
             WHERE l.name = $1 AND e.code IN ({list}) ORDER BY e.line DESC"
        )
    };
    // Of a code that stands on several lines, the first one.
    Ok(many::rows(tx, codes, params![name], sql, |r| Ok((r.text(0)?, r.text(1)?)))?.into_iter().collect())
}

/// The label of a code in a list. `Ok(None)`: no such code; the list may not be there ([`by_name`]).
pub fn label(tx: &mut dyn Tx, name: &str, code: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT e.label FROM reference_lists l JOIN reference_entries e ON e.generation = l.generation \
               WHERE l.name = $1 AND e.code = $2 ORDER BY e.line LIMIT 1";
    tx.query_opt(sql, params![name, code])?.map(|r| r.text(0)).transpose()
}
