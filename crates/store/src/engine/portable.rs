//! The little that differs between the two dialects, decided by looking at SQL text outside quotes and comments.
//!
//! Promises: a statement uses `$1…$n` without a hole and gets exactly n values, on both engines; `$n` becomes `?n` for SQLite
//! (there `$1` would be a *name*, numbered by first appearance); `FOR UPDATE [SKIP LOCKED]` is dropped for SQLite, whose one
//! writer makes it needless; NUL in a text is refused.
use super::Value;
use crate::StoreError;

/// A piece of SQL: code, or something to leave alone (string, quoted name, comment).
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Code(&'a str),
    Opaque(&'a str),
}

/// Splits SQL into pieces that, joined, are the SQL again.
fn pieces(sql: &str) -> Vec<Piece<'_>> {
    let bytes = sql.as_bytes();
    let mut out = Vec::new();
    let (mut start, mut i) = (0, 0);
    while i < bytes.len() {
        let end = match (bytes[i], bytes.get(i + 1)) {
            (q @ (b'\'' | b'"'), _) => bytes[i + 1..].iter().position(|&b| b == q).map(|n| i + n + 2),
            (b'-', Some(b'-')) => bytes[i..].iter().position(|&b| b == b'\n').map(|n| i + n),
            (b'/', Some(b'*')) => sql[i + 2..].find("*/").map(|n| i + n + 4),
            _ => {
                i += 1;
                continue;
            }
        }
        .unwrap_or(bytes.len());
        if start < i {
            out.push(Piece::Code(&sql[start..i]));
        }
        out.push(Piece::Opaque(&sql[i..end]));
        (start, i) = (end, end);
    }
    if start < bytes.len() {
        out.push(Piece::Code(&sql[start..]));
    }
    out
}

/// A statement in SQLite's words, and how many parameters it takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub sqlite: String,
    pub parameters: usize,
}

/// Looks at a statement; refuses parameters that would not mean the same on both engines.
pub(crate) fn scan(sql: &str) -> Result<Scanned, StoreError> {
    let mut sqlite = String::with_capacity(sql.len());
    let mut used: Vec<bool> = Vec::new();
    for piece in pieces(sql) {
        let code = match piece {
            Piece::Opaque(text) => {
                sqlite.push_str(text);
                continue;
            }
            Piece::Code(code) => code,
        };
        let mut rest = code;
        while let Some(at) = rest.find(['$', '?', 'F']) {
            sqlite.push_str(&rest[..at]);
            rest = &rest[at..];
            match rest.as_bytes()[0] {
                b'$' => {
                    let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                    let n: usize = rest[1..=digits].parse().unwrap_or(0);
                    if n == 0 || n > MAX_PARAMETERS {
                        return Err(StoreError::Invalid("parameters are $1, $2…".into()));
                    }
                    if used.len() < n {
                        used.resize(n, false);
                    }
                    used[n - 1] = true;
                    sqlite.push('?');
                    sqlite.push_str(&rest[1..=digits]);
                    rest = &rest[digits + 1..];
                }
                b'?' => return Err(StoreError::Invalid("parameters are $1, $2…, not ?".into())),
                _ => match rest.strip_prefix("FOR UPDATE") {
                    Some(after) => rest = after.strip_prefix(" SKIP LOCKED").unwrap_or(after),
                    None => {
                        sqlite.push('F');
                        rest = &rest[1..];
                    }
                },
            }
        }
        sqlite.push_str(rest);
    }
    if used.iter().any(|u| !u) {
        return Err(StoreError::Invalid("a parameter number is not used".into()));
    }
    Ok(Scanned { sqlite, parameters: used.len() })
}

/// SQLite's own bound on parameters (PostgreSQL's is 65,535).
const MAX_PARAMETERS: usize = 32_766;

/// Refuses what one engine would take and the other not.
pub(crate) fn check_values(expected: usize, values: &[Value]) -> Result<(), StoreError> {
    if expected != values.len() {
        return Err(StoreError::Invalid(format!("{expected} parameters wanted, {} given", values.len())));
    }
    if values.iter().any(|v| matches!(v, Value::Text(t) if t.contains('\0'))) {
        return Err(StoreError::Invalid(crate::error::NUL.into()));
    }
    Ok(())
}

/// Which words a migration is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The statements of a migration in a dialect.
///
/// SQLite: `BIGINT` → `INTEGER`, `BYTEA` → `BLOB`, tables are `STRICT` (types are kept as PostgreSQL keeps them), and `WITHOUT ROWID`
/// where the statement holds the comment `/* clustered */`. PostgreSQL: `TEXT` columns get `COLLATE "C"`.
pub(crate) fn adapt(script: &str, dialect: Dialect) -> Vec<String> {
    let mut out = Vec::new();
    let mut now = String::new();
    let mut clustered = false;
    let mut close = |now: &mut String, clustered: &mut bool| {
        let statement = now.trim();
        if !statement.is_empty() {
            let upper = statement.to_ascii_uppercase();
            let mut done = statement.to_owned();
            if dialect == Dialect::Sqlite && upper.starts_with("CREATE TABLE") {
                done.push_str(if *clustered { " STRICT, WITHOUT ROWID" } else { " STRICT" });
            }
            out.push(done);
        }
        now.clear();
        *clustered = false;
    };
    for piece in pieces(script) {
        match piece {
            Piece::Opaque(text) if text.starts_with("--") => now.push(' '),
            Piece::Opaque(text) if text.starts_with("/*") => clustered |= text == "/* clustered */",
            Piece::Opaque(text) => now.push_str(text),
            Piece::Code(code) => {
                let mut parts = code.split(';');
                if let Some(first) = parts.next() {
                    substitute(first, dialect, &mut now);
                }
                for part in parts {
                    close(&mut now, &mut clustered);
                    substitute(part, dialect, &mut now);
                }
            }
        }
    }
    close(&mut now, &mut clustered);
    out
}

fn substitute(code: &str, dialect: Dialect, out: &mut String) {
    let mut rest = code;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(word);
        // Only where a type stands: a cast in a later data migration keeps its plain TEXT.
        let start = out.trim_start().as_bytes();
        let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|s| s.eq_ignore_ascii_case(with));
        let defines = begins(b"CREATE TABLE") || begins(b"ALTER TABLE");
        out.push_str(match (dialect, head) {
            (Dialect::Sqlite, "BIGINT") => "INTEGER",
            (Dialect::Sqlite, "BYTEA") => "BLOB",
            (Dialect::Postgres, "TEXT") if defines => "TEXT COLLATE \"C\"",
            (_, other) => other,
        });
        let next = tail.find(|c: char| c.is_ascii_alphanumeric() || c == '_').unwrap_or(tail.len());
        out.push_str(&tail[..next]);
        rest = &tail[next..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_rewritten_outside_quotes_and_comments() {
        let s = scan("SELECT '$1 it''s', \"a$2\" -- $3\n /* $4 ? */ FROM t WHERE a = $2 AND b = $1 OR c = $2").unwrap();
        assert_eq!(s.sqlite, "SELECT '$1 it''s', \"a$2\" -- $3\n /* $4 ? */ FROM t WHERE a = ?2 AND b = ?1 OR c = ?2");
        assert_eq!(s.parameters, 2);
        assert_eq!(scan("SELECT 1").unwrap().parameters, 0);
        assert_eq!(scan("SELECT $12, $1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11").unwrap().parameters, 12);
    }

    #[test]
    fn holes_and_other_marks_are_refused() {
        for bad in ["SELECT $1, $3", "SELECT ?", "SELECT $0", "SELECT $name", "SELECT $$x$$", "SELECT $99999"] {
            assert!(matches!(scan(bad), Err(StoreError::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn row_locks_are_dropped_for_sqlite_only() {
        let s = scan("SELECT id FROM jobs WHERE F = 'FOR UPDATE' LIMIT $1 FOR UPDATE SKIP LOCKED").unwrap();
        assert_eq!(s.sqlite, "SELECT id FROM jobs WHERE F = 'FOR UPDATE' LIMIT ?1 ");
        assert_eq!(scan("SELECT 1 FROM t FOR UPDATE").unwrap().sqlite, "SELECT 1 FROM t ");
    }

    #[test]
    fn pieces_joined_are_the_text() {
        for sql in ["", "'", "a 'b", "/* never closed", "-- end", "é'è'--é\nà/*ç*/\"ù\""] {
            let joined: String = pieces(sql)
                .into_iter()
                .map(|p| match p {
                    Piece::Code(t) | Piece::Opaque(t) => t,
                })
                .collect();
            assert_eq!(joined, sql);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]
        #[test]
        fn any_text_is_scanned_without_panic(sql in "[$?'\"/*\\-\n;a-zFé0-9 ]{0,60}") {
            let _ = (adapt(&sql, Dialect::Sqlite), adapt(&sql, Dialect::Postgres));
            if let Ok(s) = scan(&sql) {
                proptest::prop_assert!(s.parameters <= sql.len());
            }
        }
    }

    #[test]
    fn migrations_are_adapted() {
        let script = "-- a; b\nCREATE TABLE t (id BIGINT, s TEXT DEFAULT ';', b BYTEA, PRIMARY KEY (id)) /* clustered */;\nINSERT INTO t SELECT 1, CAST(2 AS TEXT);\n";
        assert_eq!(
            adapt(script, Dialect::Sqlite),
            [
                "CREATE TABLE t (id INTEGER, s TEXT DEFAULT ';', b BLOB, PRIMARY KEY (id)) STRICT, WITHOUT ROWID",
                "INSERT INTO t SELECT 1, CAST(2 AS TEXT)"
            ]
        );
        assert_eq!(
            adapt(script, Dialect::Postgres),
            [
                "CREATE TABLE t (id BIGINT, s TEXT COLLATE \"C\" DEFAULT ';', b BYTEA, PRIMARY KEY (id))",
                "INSERT INTO t SELECT 1, CAST(2 AS TEXT)"
            ]
        );
    }
}
