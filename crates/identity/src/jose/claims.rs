//! What a token, a key provider or an introspection says of somebody.
use crate::json::{self, Object};
use sceau_domain::Timestamp;
use serde_json::Value;
use std::fmt;

/// Longest JSON of claims, octets.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// Most values in a list that is read.
const MAX_LIST: usize = 64;
/// The last second of the year 9999: what lies beyond is no instant.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// A claim is there and is not of its kind. Never taken for its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a claim is not of its kind")]
pub struct Wrong;

/// Claims by their names. `Debug` shows names only: values are somebody's.
#[derive(Clone, PartialEq, Default)]
pub struct Claims(Object);

impl Claims {
    /// Reads an object; `None` when it is none, has a name twice or passes a budget.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        json::object(bytes, MAX_BYTES).map(Self)
    }
    /// A value, whatever it is.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
    /// Is it there? `null` is.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Wrong> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Wrong),
        }
    }
    /// An instant in seconds, possibly with a fraction (RFC 7519 §2, NumericDate), between 1970 and 9999.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, Wrong> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_f64().filter(|s| (0.0..=LAST_SECOND).contains(s)).ok_or(Wrong)?;
        // Exact: below 2^53, and within the bounds above.
        Ok(Some(Timestamp((seconds * 1000.0) as i64)))
    }
    /// One text, or a list of texts (as `aud` is, RFC 7519 §4.1.3). Empty when it is not there.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, Wrong> {
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(list)) if list.len() <= MAX_LIST => {
                list.iter().map(|v| v.as_str().ok_or(Wrong)).collect()
            }
            Some(_) => Err(Wrong),
        }
    }
    /// Takes a text out, so that whoever keeps it can clear it.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, Wrong> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Wrong),
        }
    }
    /// What another source says besides: only names that are not there yet are taken.
    #[must_use]
    pub fn completed(mut self, other: Claims) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }
}

impl From<Object> for Claims {
    fn from(object: Object) -> Self {
        Self(object)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")?;
        f.debug_list().entries(self.0.keys()).finish()
    }
}
