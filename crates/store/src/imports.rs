//! Rows of imports: files of many lines that are worked through one by one. No rule is here.
//!
//! Promises: a line is counted once: whoever ends it holds the import and found it at the line before ([`stands_at`]), so that of two workers, or of a
//! dead one and the one that takes over, one only ends it.
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
    /// The ordinary address that it gives, as it is compared.
    pub contact: Option<String>,
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
const LINE: &str = "line, text, key, state, code, sentence_fr, sentence_en, login, result, contact";
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
        contact: r.opt_text(9)?,
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
            let p = i * 8 + 2;
            let places: Vec<String> = (p..p + 8).map(|n| format!("${n}")).collect();
            format!("($1, {})", places.join(", "))
        };
        let rows: Vec<String> = (0..slice.len()).map(row).collect();
        let sql = format!(
            "INSERT INTO import_lines (import_id, line, text, key, state, code, sentence_fr, sentence_en, contact) VALUES {}",
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
                l.contact.clone().into(),
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

/// Imports with the codes of their structures, newest first, from before `before`; of these structures when they are given.
pub fn list(
    tx: &mut dyn Tx,
    within: Option<&[Id]>,
    before: Id,
    limit: i64,
) -> Result<Vec<(Import, Option<String>)>, StoreError> {
    let within = within.map_or(String::new(), |s| format!(" AND structure_id IN ({})", crate::structures::among(s)));
    let sql = format!(
        "SELECT {IMPORT}, (SELECT s.code FROM structures s WHERE s.id = imports.structure_id) FROM imports \
         WHERE id < $1{within} ORDER BY id DESC LIMIT $2"
    );
    let read = |r: &Row| Ok((import(r)?, r.opt_text(18)?));
    tx.query(&sql, params![before, limit])?.iter().map(read).collect()
}

/// Lines of an import from after one, of one state when it is given.
pub fn lines(tx: &mut dyn Tx, id: Id, after: i64, state: Option<&str>, limit: i64) -> Result<Vec<Line>, StoreError> {
    let sql = format!(
        "SELECT {LINE} FROM import_lines WHERE import_id = $1 AND line > $2 AND ($3 = '' OR state = $3) ORDER BY line LIMIT $4"
    );
    tx.query(&sql, params![id, after, state.unwrap_or_default(), limit])?.iter().map(line).collect()
}

/// Where a running import stands (its last line that was worked on), held until the transaction ends: of two workers one waits, and finds that the
/// other went on. `None`: it does not run.
pub fn stands_at(tx: &mut dyn Tx, id: Id) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT next_line FROM imports WHERE id = $1 AND state = 'running' FOR UPDATE";
    tx.query_opt(sql, params![id])?.map(|r| r.int(0)).transpose()
}

/// Ends a line and counts it: the import, which [`stands_at`] holds, stands there from now on.
pub fn end_line(tx: &mut dyn Tx, id: Id, line: i64, end: &End, at: i64) -> Result<(), StoreError> {
    let count = |state: &str| i64::from(end.state == state);
    let sql = "UPDATE imports SET next_line = $2, done = done + $3, wrong = wrong + $4, skipped = skipped + $5, changed = $6 WHERE id = $1";
    tx.execute(sql, params![id, line, count("done"), count("wrong"), count("skipped"), at])?;
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
    tx.execute(sql, values).map(drop)
}

/// Moves an import to a state from which nothing goes on; false when it is in one already.
pub fn close(tx: &mut dyn Tx, id: Id, state: &str, reason: Option<&str>, at: i64) -> Result<bool, StoreError> {
    let sql =
        "UPDATE imports SET state = $2, reason = $3, changed = $4 WHERE id = $1 AND state IN ('receiving', 'running')";
    Ok(tx.execute(sql, params![id, state, reason.map(str::to_owned), at])? > 0)
}

/// Lines of an import that were done, found by an index of their own (the condition on `k`): through all lines in their order, as engines
/// would have it, a large import would cost its square.
fn found(condition: &str) -> String {
    format!(
        "import_id = $1 AND line IN (SELECT k.line FROM import_lines k WHERE k.import_id = $1 AND {condition}) AND state = 'done' ORDER BY line"
    )
}

/// The first line before this one that asks for the same.
pub fn repeats(tx: &mut dyn Tx, id: Id, key: &str, line: i64) -> Result<Option<i64>, StoreError> {
    let sql = format!("SELECT line FROM import_lines WHERE {} LIMIT 1", found("k.key = $2 AND k.line < $3"));
    tx.query_opt(&sql, params![id, key, line])?.map(|r| r.int(0)).transpose()
}

/// Lines of an import that were done, from before one of them, about one person ([`Line::key`] up to its first `|`), the first ones.
pub fn of_person(tx: &mut dyn Tx, id: Id, who: &str, line: i64, limit: i64) -> Result<Vec<Line>, StoreError> {
    let sql = format!(
        "SELECT {LINE} FROM import_lines WHERE {} LIMIT $5",
        found("k.key >= $2 AND k.key < $3 AND k.line < $4")
    );
    let (from, to) = (format!("{who}|"), format!("{who}}}"));
    tx.query(&sql, params![id, from, to, line, limit])?.iter().map(self::line).collect()
}

/// The first line of an import that gave this login.
pub fn by_login(tx: &mut dyn Tx, id: Id, login: &str) -> Result<Option<Line>, StoreError> {
    let sql = format!("SELECT {LINE} FROM import_lines WHERE {} LIMIT 1", found("k.login = $2"));
    tx.query_opt(&sql, params![id, login])?.as_ref().map(line).transpose()
}

/// The line of an import that took this address.
pub fn by_address(tx: &mut dyn Tx, id: Id, address: &str) -> Result<Option<Line>, StoreError> {
    let sql = format!("SELECT {LINE} FROM import_lines WHERE {} LIMIT 1", found("k.result = $2"));
    tx.query_opt(&sql, params![id, address])?.as_ref().map(line).transpose()
}

/// Lines of an import that gave this ordinary address, as it is compared, the first ones.
pub fn by_contact(tx: &mut dyn Tx, id: Id, contact: &str, limit: i64) -> Result<Vec<Line>, StoreError> {
    let sql = format!("SELECT {LINE} FROM import_lines WHERE {} LIMIT $3", found("k.contact = $2"));
    tx.query(&sql, params![id, contact, limit])?.iter().map(line).collect()
}

/// Logins that begin so and go on with nothing or a number: of people, and those that the lines of an import took. What a suggestion must avoid.
pub fn logins(tx: &mut dyn Tx, id: Id, stem: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let (from, to) = (format!("{stem}0"), format!("{stem}:"));
    let mut out = Vec::new();
    // Two ranges, never an OR: that would read every line of the import.
    let sql = "SELECT login FROM people WHERE login = $1 UNION ALL SELECT login FROM people WHERE login >= $2 AND login < $3 LIMIT $4";
    for row in tx.query(sql, params![stem, &from, &to, limit])? {
        out.push(row.text(0)?);
    }
    let sql = "SELECT login FROM import_lines WHERE import_id = $1 AND login IS NOT NULL AND login = $2 \
               UNION ALL SELECT login FROM import_lines WHERE import_id = $1 AND login IS NOT NULL AND login >= $3 AND login < $4 LIMIT $5";
    for row in tx.query(sql, params![id, stem, &from, &to, limit])? {
        out.push(row.text(0)?);
    }
    Ok(out)
}

/// Keys of addresses whose local part begins so and goes on with nothing or a number: of BALs, of requests under way, and those that the lines of an
/// import took.
pub fn addresses(tx: &mut dyn Tx, id: Id, stem: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    // The digits and `@` stand side by side.
    let (from, to) = (format!("{stem}0"), format!("{stem}A"));
    let mut out = Vec::new();
    // (`||`: the index of states would look at every request that there is, at each line of an import.)
    for sql in [
        "SELECT address_key FROM bals WHERE address_key >= $1 AND address_key < $2 ORDER BY address_key LIMIT $3",
        "SELECT address_key FROM openings WHERE address_key >= $1 AND address_key < $2 AND state || '' IN ('requested', 'verified') \
         ORDER BY address_key LIMIT $3",
    ] {
        for row in tx.query(sql, params![&from, &to, limit])? {
            out.push(row.text(0)?);
        }
    }
    let sql = "SELECT result FROM import_lines WHERE import_id = $1 AND result IS NOT NULL AND result >= $2 AND result < $3 ORDER BY result LIMIT $4";
    for row in tx.query(sql, params![id, &from, &to, limit])? {
        out.push(row.text(0)?);
    }
    Ok(out)
}

/// Who has this identifier of a structure, by login: somebody who works in the structure now; without a structure, somebody who works in none.
pub fn person_by_local_id(tx: &mut dyn Tx, local: &str, structure: Option<Id>) -> Result<Option<String>, StoreError> {
    let works = match structure {
        Some(id) => format!(
            "EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = p.id AND m.ended IS NULL AND m.structure_id = {id})"
        ),
        None => "NOT EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = p.id AND m.ended IS NULL)".into(),
    };
    let sql = format!("SELECT p.login FROM people p WHERE p.local_id = $1 AND {works} ORDER BY p.id LIMIT 1");
    tx.query_opt(&sql, params![local])?.map(|r| r.text(0)).transpose()
}

/// Closes imports that are being received and did not grow since an instant: whoever sent them is gone.
pub fn close_abandoned(tx: &mut dyn Tx, before: i64, at: i64, reason: &str) -> Result<u64, StoreError> {
    let sql =
        "UPDATE imports SET state = 'cancelled', reason = $3, changed = $2 WHERE state = 'receiving' AND changed < $1";
    tx.execute(sql, params![before, at, reason])
}

/// Removes some lines of imports that ended before an instant, or never began: those at once; how many.
pub fn forget_lines(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "SELECT l.import_id, MAX(l.line) FROM (SELECT import_id, line FROM import_lines WHERE import_id IN \
               (SELECT id FROM imports WHERE state NOT IN ('receiving', 'running') AND (changed < $1 OR encoding = '')) \
               ORDER BY import_id, line LIMIT $2) l GROUP BY l.import_id";
    let mut gone = 0;
    for row in tx.query(sql, params![before, limit])? {
        let sql = "DELETE FROM import_lines WHERE import_id = $1 AND line <= $2";
        gone += tx.execute(sql, params![row.int(0)?, row.int(1)?])?;
    }
    Ok(gone)
}

/// Removes some lines of an import that never began; how many.
pub fn drop_lines(tx: &mut dyn Tx, id: Id, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM import_lines WHERE import_id = $1 AND line <= (SELECT MAX(line) FROM \
               (SELECT line FROM import_lines WHERE import_id = $1 ORDER BY line LIMIT $2) l) \
               AND EXISTS (SELECT 1 FROM imports WHERE id = $1 AND state = 'cancelled' AND encoding = '')";
    tx.execute(sql, params![id, limit])
}
