//! Rows as bytes, the same from either engine; and the pages in which a table is read.
//!
//! A row is its columns in order: a byte for the type (0 NULL, 1 integer, 2 text, 3 bytes), then eight bytes of the integer, or
//! four of the length and the bytes. Promises: whatever the bytes, reading gives rows or [`Malformed`], and takes no more memory
//! than the bytes do; a table is read in the order of its key, a page of about [`PAGE`] bytes at a time.
use super::tables::Shape;
use crate::engine::{Row, Tx, Value};
use crate::{StoreError, params};

/// About how many bytes a page of rows takes.
const PAGE: usize = 1 << 20;
/// Rows of a page, at least and at most.
const ROWS: (usize, usize) = (16, 4_096);

/// Bytes that are no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Appends a row.
pub(crate) fn encode(row: &Row, out: &mut Vec<u8>) {
    for value in &row.0 {
        let (tag, bytes): (u8, &[u8]) = match value {
            Value::Null => {
                out.push(0);
                continue;
            }
            Value::Int(i) => {
                out.push(1);
                out.extend_from_slice(&i.to_be_bytes());
                continue;
            }
            Value::Text(text) => (2, text.as_bytes()),
            Value::Bytes(bytes) => (3, bytes),
        };
        out.push(tag);
        // Neither engine gives a value of 4 GiB.
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(bytes);
    }
}

/// Takes the next row of `columns` columns from the front of `bytes`; none at the end.
pub(crate) fn decode(bytes: &mut &[u8], columns: usize) -> Result<Option<Row>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut values = Vec::with_capacity(columns);
    for _ in 0..columns {
        let (tag, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        values.push(match tag {
            0 => Value::Null,
            1 => {
                let (int, rest) = bytes.split_first_chunk::<8>().ok_or(Malformed)?;
                *bytes = rest;
                Value::Int(i64::from_be_bytes(*int))
            }
            2 | 3 => {
                let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed)?;
                let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
                let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
                *bytes = rest;
                match tag {
                    2 => Value::Text(String::from_utf8(value.to_vec()).map_err(|_| Malformed)?),
                    _ => Value::Bytes(value.to_vec()),
                }
            }
            _ => return Err(Malformed),
        });
    }
    Ok(Some(Row(values)))
}

/// About how many bytes a row takes.
pub(crate) fn weight(row: &Row) -> usize {
    let of = |v: &Value| match v {
        Value::Null | Value::Int(_) => 9,
        Value::Text(t) => 5 + t.len(),
        Value::Bytes(b) => 5 + b.len(),
    };
    row.0.iter().map(of).sum()
}

/// Reads a table in the order of its key, page by page.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    select: String,
    order: String,
    after_sql: String,
    key: Vec<usize>,
    after: Option<Vec<Value>>,
    limit: usize,
    ended: bool,
}

impl Pages {
    /// From the beginning, or after a key.
    pub fn new(shape: &Shape, after: Option<Vec<Value>>) -> Self {
        let names: Vec<&str> = shape.key.iter().map(|i| shape.columns[*i].as_str()).collect();
        let list = names.join(", ");
        let marks: Vec<String> = (1..=names.len()).map(|i| format!("${i}")).collect();
        Self {
            select: format!("SELECT {} FROM {}", shape.columns.join(", "), shape.name),
            order: format!("ORDER BY {list}"),
            after_sql: format!("WHERE ({list}) > ({})", marks.join(", ")),
            key: shape.key.clone(),
            after,
            limit: ROWS.0 * 4,
            ended: false,
        }
    }
    /// The next page; empty at the end.
    pub fn next(&mut self, tx: &mut dyn Tx) -> Result<Vec<Row>, StoreError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let rows = match &self.after {
            None => tx.query(&format!("{} {} LIMIT $1", self.select, self.order), params![limit])?,
            Some(key) => {
                let mut values = key.clone();
                values.push(limit.into());
                let sql = format!("{} {} {} LIMIT ${}", self.select, self.after_sql, self.order, values.len());
                tx.query(&sql, &values)?
            }
        };
        self.ended = rows.len() < self.limit;
        if let Some(last) = rows.last() {
            self.after = Some(self.key.iter().map(|i| last.0[*i].clone()).collect());
            let bytes: usize = rows.iter().map(weight).sum();
            // The next page as this one was, but never much larger than the last: rows may grow.
            let fitting = PAGE * rows.len() / bytes.max(1);
            self.limit = fitting.clamp(ROWS.0, (self.limit * 4).min(ROWS.1));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int),
            "[ -~é]{0,20}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn rows_come_back(rows in proptest::collection::vec(proptest::collection::vec(value(), 3), 0..10)) {
            let mut bytes = Vec::new();
            rows.iter().for_each(|r| encode(&Row(r.clone()), &mut bytes));
            let (mut rest, mut back) = (bytes.as_slice(), Vec::new());
            while let Some(row) = decode(&mut rest, 3).unwrap() {
                back.push(row.0);
            }
            prop_assert_eq!(back, rows);
        }
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), columns in 1_usize..6) {
            let mut rest = bytes.as_slice();
            while let Ok(Some(_)) = decode(&mut rest, columns) {}
        }
    }
}
