//! Ids of rows in JSON: decimal texts, for a program that keeps numbers as floating point would change them.
use serde::{Serialize, Serializer};

/// For `#[serde(serialize_with = …)]`.
pub(crate) fn text<S: Serializer>(id: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    id.to_string().serialize(serializer)
}
