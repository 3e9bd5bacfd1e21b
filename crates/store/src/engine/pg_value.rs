//! Values on PostgreSQL's binary wire, and its errors.
use super::Value;
use crate::StoreError;
use bytes::BytesMut;
use postgres::error::{DbError, SqlState};
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use std::error::Error;

/// The type a parameter is declared with, so that `$1 + 1` is a BIGINT as it is in SQLite; NULL takes what its place wants.
pub(crate) fn declared(v: &Value) -> Type {
    match v {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(i) => i.to_sql(ty, out),
            Self::Text(t) => t.to_sql(ty, out),
            Self::Bytes(b) => b.to_sql(ty, out),
        }
    }
    // Parameters were declared with their own types.
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT2 => Self::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::BOOL => Self::Int(i64::from(bool::from_sql(ty, raw)?)),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            Type::NUMERIC => Self::Int(whole(raw).ok_or("a column is no 64-bit whole number")?),
            _ => Self::Text(String::from_sql(ty, raw)?),
        })
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }
    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::INT8
                | Type::INT4
                | Type::INT2
                | Type::BOOL
                | Type::BYTEA
                | Type::NUMERIC
                | Type::TEXT
                | Type::VARCHAR
                | Type::NAME
                | Type::UNKNOWN
        )
    }
}

/// A NUMERIC (what SUM of BIGINT gives) as a whole number: i16 digits of base 10,000 after count, weight, sign, scale.
fn whole(raw: &[u8]) -> Option<i64> {
    let short = |i: usize| Some(i16::from_be_bytes(raw.get(2 * i..2 * i + 2)?.try_into().ok()?));
    let (count, weight, sign) = (short(0)?, short(1)?, short(2)? as u16);
    if sign != 0 && sign != 0x4000 {
        return None;
    }
    let mut value: i128 = 0;
    for place in 0..=weight.min(8) {
        let digit = if place < count { short(4 + usize::try_from(place).ok()?)? } else { 0 };
        value = value * 10_000 + i128::from(digit);
    }
    // Digits after the point, or far too many before it.
    let fraction = (weight.max(-1) + 1..count).any(|i| usize::try_from(i).ok().and_then(|i| short(4 + i)) != Some(0));
    if fraction || weight > 8 {
        return None;
    }
    i64::try_from(if sign == 0 { value } else { -value }).ok()
}

/// What to do about a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Nothing: it would fail again.
    No,
    /// Another transaction was in the way.
    Conflict,
    /// The connection or the server is gone.
    Lost,
    /// A prepared statement went stale (a neighbour migrated).
    Stale,
}

/// Whether running the transaction again may help.
pub(crate) fn again(e: &postgres::Error) -> Again {
    let Some(code) = e.code() else {
        // No answer of the server: closed, reset, timed out; or a value that did not fit, which is not repeated.
        return if e.is_closed() || e.source().is_some_and(|s| s.is::<std::io::Error>()) {
            Again::Lost
        } else {
            Again::No
        };
    };
    match code.code() {
        "40001" | "40P01" | "55P03" => Again::Conflict,
        "0A000" | "26000" => Again::Stale,
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25P03" => Again::Lost,
        c if c.starts_with("08") => Again::Lost,
        _ => Again::No,
    }
}

/// Our error for PostgreSQL's. No value of a row is repeated: messages of class 22 and every detail are left out.
pub(crate) fn error(e: &postgres::Error) -> StoreError {
    match again(e) {
        Again::Lost => return StoreError::Transient("connection to the database lost".into()),
        Again::Conflict => return StoreError::Transient("another transaction was in the way".into()),
        Again::Stale | Again::No => {}
    }
    let Some(db) = e.as_db_error() else {
        let cause = e.source().map(ToString::to_string).unwrap_or_default();
        return StoreError::Other(format!("postgresql: {e} {cause}"));
    };
    let code = db.code();
    match code.code() {
        _ if *code == SqlState::UNIQUE_VIOLATION => StoreError::Exists(columns(db)),
        "53100" | "53400" => StoreError::Full,
        "53200" => StoreError::Transient("the database has no memory left".into()),
        "57014" => StoreError::Transient("the statement took too long".into()),
        "25006" => StoreError::Invalid("writing in a reading transaction".into()),
        c if c.starts_with("22") => StoreError::Invalid(format!("value refused ({c})")),
        c if c.starts_with("23") => {
            StoreError::Invalid(format!("constraint {} ({c})", db.constraint().or(db.column()).unwrap_or_default()))
        }
        c => StoreError::Other(format!("postgresql {c}: {}", db.message())),
    }
}

/// `table.column, table.column` of a unique violation, as SQLite says it. The detail is `Key (a, b)=(…)` in every language.
fn columns(db: &DbError) -> String {
    let table = db.table().unwrap_or_default();
    let listed = db.detail().and_then(|d| {
        let from = d.find('(')? + 1;
        let to = from + d.get(from..)?.find(")=(")?;
        d.get(from..to)
    });
    match listed {
        Some(list) => list.split(", ").map(|c| format!("{table}.{c}")).collect::<Vec<_>>().join(", "),
        None => db.constraint().unwrap_or(table).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    fn numeric(weight: i16, sign: u16, digits: &[i16]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend((digits.len() as i16).to_be_bytes());
        out.extend(weight.to_be_bytes());
        out.extend(sign.to_be_bytes());
        out.extend(0_i16.to_be_bytes());
        digits.iter().for_each(|d| out.extend(d.to_be_bytes()));
        out
    }

    #[test]
    fn numerics_are_whole_numbers_or_refused() {
        assert_eq!(whole(&numeric(0, 0, &[])), Some(0));
        assert_eq!(whole(&numeric(0, 0, &[42])), Some(42));
        assert_eq!(whole(&numeric(1, 0x4000, &[1])), Some(-10_000));
        assert_eq!(whole(&numeric(4, 0, &[922, 3372, 368, 5477, 5807])), Some(i64::MAX));
        assert_eq!(whole(&numeric(4, 0, &[922, 3372, 368, 5477, 5808])), None);
        assert_eq!(whole(&numeric(0, 0, &[1, 5000])), None);
        assert_eq!(whole(&numeric(-1, 0, &[5000])), None);
        assert_eq!(whole(&numeric(30, 0, &[1])), None);
        assert_eq!(whole(&numeric(0, 0xC000, &[])), None);
        assert_eq!(whole(&[0, 1, 0]), None);
    }
}
