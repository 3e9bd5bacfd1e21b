//! Rows of imports: files of many lines that are worked through one by one. No rule is here.
//!
//! Promises: a line is counted once: whoever ends it must find the import at that very line ([`end_line`]), so that of two workers, or of a dead one
//! and the one that takes over, one only ends it.
use crate::{Id, Row, StoreError, Tx, Value, params};

/// A row of `imports`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Id.
    pub id: Id,
    /// Which kind of file: `people`, or `people+certified`.
    pub kind: String,
    /// For this structure.
    pub structure_id: Option<Id>,
    /// Name of the file.
    pub name: String,
    /// Says what would be, and changes nothing.
    pub dry: bool,
    /// `receiving`, `running`, `done`, `stopped`, `cancelled`.
    pub state: String,
    /// JSON of where the columns are.
    pub header: String,
    /// What the characters are.
    pub encoding: String,
    /// Why it was stopped: a code.
    pub reason: Option<String>,
    /// The last line that was worked on.
    pub next_line: i64,
    /// Lines.
    pub lines: i64,
    /// Lines that were done.
    pub done: i64,
    /// Lines that were wrong.
    pub wrong: i64,
    /// Lines that were skipped.
    pub skipped: i64,
    /// Whose it is.
    pub person_id: Id,
    /// That person's login.
    pub by_whom: String,
    /// Since, milliseconds since 1970.
    pub at: i64,
    /// Last change.
    pub changed: i64,
}

/// A row of `import_lines`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line of the file.
    pub line: i64,
    /// The fields as a JSON list.
    pub text: String,
    /// What says that two lines are about the same.
    pub key: String,
    /// `waiting`, `done`, `wrong`, `skipped`.
    pub state: String,
    /// Stable code of how it ended.
    pub code: Option<String>,
    /// In French.
    pub sentence_fr: Option<String>,
    /// In English.
    pub sentence_en: Option<String>,
    /// Login of the person.
    pub login: Option<String>,
    /// Address of the BAL.
    pub result: Option<String>,
}

/// How a line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// `done`, `wrong`, `skipped`.
    pub state: &'static str,
    /// Stable code.
    pub code: String,
    /// In French.
    pub sentence_fr: String,
    /// In English.
    pub sentence_en: String,
    /// Login of the person.
    pub login: Option<String>,
    /// Address of the BAL.
    pub result: Option<String>,
}

const IMPORT: &str = "id, kind, structure_id, name, dry, state, header, encoding, reason, next_line, lines, done, wrong, skipped, \
                      person_id, by_whom, at, changed";
const LINE: &str = "line, text, key, state, code, sentence_fr, sentence_en, login, result";
/// Lines in one statement.
const ROWS: usize = 100;

fn import(r: &Row) -> Result<Import, StoreError> {
    Ok(Import {
        id: r.int(0)?,
        kind: r.text(1)?,
        structure_id: r.opt_int(2)?,
        name: r.text(3)?,
        dry: r.bool(4)?,
        state: r.text(5)?,
        header: r.text(6)?,
        encoding: r.text(7)?,
        reason: r.opt_text(8)?,
        next_line: r.int(9)?,
        lines: r.int(10)?,
        done: r.int(11)?,
        wrong: r.int(12)?,
        skipped: r.int(13)?,
        person_id: r.int(14)?,
        by_whom: r.text(15)?,
        at: r.int(16)?,
        changed: r.int(17)?,
    })
}
fn line(r: &Row) -> Result<Line, StoreError> {
    Ok(Line {
        line: r.int(0)?,
        text: r.text(1)?,
        key: r.text(2)?,
        state: r.text(3)?,
        code: r.opt_text(4)?,
        sentence_fr: r.opt_text(5)?,
        sentence_en: r.opt_text(6)?,
        login: r.opt_text(7)?,
        result: r.opt_text(8)?,
    })
}

/// Begins an import.
pub fn insert(tx: &mut dyn Tx, i: &Import) -> Result<(), StoreError> {
    let sql = "INSERT INTO imports (id, kind, structure_id, name, dry, state, header, encoding, next_line, lines, done, wrong, skipped, person_id, \
               by_whom, at, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, $11, $12, $13, $13)";
    let values = params![
        i.id,
        &i.kind,
        i.structure_id,
        &i.name,
        i.dry,
        &i.state,
        &i.header,
        &i.encoding,
        i.next_line,
        i.lines,
        i.person_id,
        &i.by_whom,
        i.at
    ];
    tx.execute(sql, values).map(drop)
}

/// Adds lines to an import that is being received; false when it is not any more.
pub fn add_lines(tx: &mut dyn Tx, id: Id, lines: &[Line], at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE imports SET lines = lines + $2, changed = $3 WHERE id = $1 AND state = 'receiving'";
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    if tx.execute(sql, params![id, count, at])? == 0 {
        return Ok(false);
    }
    for slice in lines.chunks(ROWS) {
        let row = |i: usize| {
            let p = i * 7 + 2;
            let places: Vec<String> = (p..p + 7).map(|n| format!("${n}")).collect();
            format!("($1, {})", places.join(", "))
        };
        let rows: Vec<String> = (0..slice.len()).map(row).collect();
        let sql = format!(
            "INSERT INTO import_lines (import_id, line, text, key, state, code, sentence_fr, sentence_en) VALUES {}",
            rows.join(", ")
        );
        let mut values: Vec<Value> = vec![id.into()];
        for l in slice {
            values.extend([
                l.line.into(),
                l.text.as_str().into(),
                l.key.as_str().into(),
                l.state.as_str().into(),
                l.code.clone().into(),
                l.sentence_fr.clone().into(),
                l.sentence_en.clone().into(),
            ]);
        }
        tx.execute(&sql, &values)?;
    }
    Ok(true)
}

/// The file was received whole; false when the import is over already.
pub fn begin(tx: &mut dyn Tx, id: Id, encoding: &str, at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE imports SET state = 'running', encoding = $2, changed = $3 WHERE id = $1 AND state = 'receiving'";
    Ok(tx.execute(sql, params![id, encoding, at])? > 0)
}

/// An import by id.
pub fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Import>, StoreError> {
    tx.query_opt(&format!("SELECT {IMPORT} FROM imports WHERE id = $1"), params![id])?.as_ref().map(import).transpose()
}

/// Imports, newest first, from before `before`.
pub fn list(tx: &mut dyn Tx, before: Id, limit: i64) -> Result<Vec<Import>, StoreError> {
    let sql = format!("SELECT {IMPORT} FROM imports WHERE id < $1 ORDER BY id DESC LIMIT $2");
    tx.query(&sql, params![before, limit])?.iter().map(import).collect()
}

/// Lines of an import from after one, of one state when it is given.
pub fn lines(tx: &mut dyn Tx, id: Id, after: i64, state: Option<&str>, limit: i64) -> Result<Vec<Line>, StoreError> {
    let sql = format!(
        "SELECT {LINE} FROM import_lines WHERE import_id = $1 AND line > $2 AND ($3 = '' OR state = $3) ORDER BY line LIMIT $4"
    );
    tx.query(&sql, params![id, after, state.unwrap_or_default(), limit])?.iter().map(line).collect()
}

/// Ends a line and counts it, when the import runs and stands before that line; false otherwise: nothing is written then.
pub fn end_line(tx: &mut dyn Tx, id: Id, last: i64, line: i64, end: &End, at: i64) -> Result<bool, StoreError> {
    let count = |state: &str| i64::from(end.state == state);
    let sql = "UPDATE imports SET next_line = $3, done = done + $4, wrong = wrong + $5, skipped = skipped + $6, changed = $7 \
               WHERE id = $1 AND next_line = $2 AND state = 'running'";
    if tx.execute(sql, params![id, last, line, count("done"), count("wrong"), count("skipped"), at])? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE import_lines SET state = $3, code = $4, sentence_fr = $5, sentence_en = $6, login = $7, result = $8 \
               WHERE import_id = $1 AND line = $2";
    let values = params![
        id,
        line,
        end.state,
        &end.code,
        &end.sentence_fr,
        &end.sentence_en,
        end.login.clone(),
        end.result.clone()
    ];
    tx.execute(sql, values)?;
    Ok(true)
}

/// Moves an import to a state from which nothing goes on; false when it is in one already.
pub fn close(tx: &mut dyn Tx, id: Id, state: &str, reason: Option<&str>, at: i64) -> Result<bool, StoreError> {
    let sql =
        "UPDATE imports SET state = $2, reason = $3, changed = $4 WHERE id = $1 AND state IN ('receiving', 'running')";
    Ok(tx.execute(sql, params![id, state, reason.map(str::to_owned), at])? > 0)
}

/// The first line before this one that asks for the same.
pub fn repeats(tx: &mut dyn Tx, id: Id, key: &str, line: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT line FROM import_lines WHERE import_id = $1 AND key = $2 AND line < $3 AND state = 'done' ORDER BY line LIMIT 1";
    tx.query_opt(sql, params![id, key, line])?.map(|r| r.int(0)).transpose()
}

/// The first line before this one about the same person (the key up to its first `|`), with the login that was found or made.
pub fn same_person(tx: &mut dyn Tx, id: Id, who: &str, line: i64) -> Result<Option<String>, StoreError> {
    let sql = "SELECT login FROM import_lines WHERE import_id = $1 AND key >= $2 AND key < $3 AND line < $4 AND login IS NOT NULL \
               ORDER BY key, line LIMIT 1";
    let (from, to) = (format!("{who}|"), format!("{who}}}"));
    tx.query_opt(sql, params![id, from, to, line])?.map(|r| r.text(0)).transpose()
}

/// Did an earlier line of this import take this login?
pub fn takes_login(tx: &mut dyn Tx, id: Id, login: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM import_lines WHERE import_id = $1 AND login = $2";
    Ok(tx.query_opt(sql, params![id, login])?.is_some())
}

/// Did an earlier line of this import take this address?
pub fn takes_address(tx: &mut dyn Tx, id: Id, address: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM import_lines WHERE import_id = $1 AND result = $2";
    Ok(tx.query_opt(sql, params![id, address])?.is_some())
}

/// Closes imports that are being received and did not grow since an instant: whoever sent them is gone.
pub fn close_abandoned(tx: &mut dyn Tx, before: i64, at: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE imports SET state = 'cancelled', changed = $2 WHERE state = 'receiving' AND changed < $1";
    tx.execute(sql, params![before, at])
}

/// Removes some lines of imports that ended before an instant; how many.
pub fn forget_lines(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "SELECT l.import_id, MAX(l.line) FROM (SELECT import_id, line FROM import_lines WHERE import_id IN \
               (SELECT id FROM imports WHERE state NOT IN ('receiving', 'running') AND changed < $1) \
               ORDER BY import_id, line LIMIT $2) l GROUP BY l.import_id";
    let mut gone = 0;
    for row in tx.query(sql, params![before, limit])? {
        let sql = "DELETE FROM import_lines WHERE import_id = $1 AND line <= $2";
        gone += tx.execute(sql, params![row.int(0)?, row.int(1)?])?;
    }
    Ok(gone)
}
