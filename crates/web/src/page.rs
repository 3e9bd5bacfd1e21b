//! Lists by pages: `?after=…&limit=…`, and where the next page begins.
//!
//! A handler takes the page beside its own filters, each a `Query`: neither refuses the other's parameters, for `asked` refuses what nobody knows.
use crate::Id;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which page of a list that is ordered by names.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From after this one: the `next` of the page before.
    pub after: Option<String>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "within")]
    limit: Option<u32>,
}

/// Which page of a list that is ordered by ids.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IdPage {
    /// From after this one: the `next` of the page before.
    after: Option<Id>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "within")]
    limit: Option<u32>,
}

/// A limit between 1 and 1,000: what the description says is what is taken.
pub(crate) fn within<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let limit = Option::<u32>::deserialize(from)?;
    match limit {
        Some(0 | 1001..) => Err(serde::de::Error::custom("limit: 1 to 1000")),
        other => Ok(other),
    }
}

impl PageQuery {
    /// How many.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(100)
    }
}

impl IdPage {
    /// From after this id; none on the first page.
    pub fn after(&self) -> Option<i64> {
        self.after.map(|id| id.0)
    }
    /// How many.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(100)
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of what a use case gave for this limit. `key` names the place of an item.
    pub fn new(items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Self {
        let full = items.len() >= limit as usize;
        let next = items.last().filter(|_| full).map(key);
        Self { items, next }
    }
    /// A list that is given whole.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// A number of at most `N`; for query parameters whose description says so.
pub(crate) fn at_most<'de, const N: u32, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    match Option::<u32>::deserialize(from)? {
        Some(n) if n > N => Err(serde::de::Error::custom(format_args!("at most {N}"))),
        other => Ok(other),
    }
}

/// A text of at most `N` characters; for query parameters whose description says so.
pub(crate) fn short<'de, const N: usize, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match Option::<String>::deserialize(from)? {
        Some(text) if text.chars().nth(N).is_some() => {
            Err(serde::de::Error::custom(format_args!("at most {N} characters")))
        }
        other => Ok(other),
    }
}

/// Milliseconds since 1970, not before it.
pub(crate) fn instant<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    match Option::<i64>::deserialize(from)? {
        Some(..0) => Err(serde::de::Error::custom("not before 1970")),
        other => Ok(other),
    }
}
