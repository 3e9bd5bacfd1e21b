//! Ids of rows as REST writes them: decimal texts.
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Most digits of an id.
const DIGITS: usize = 19;

/// An id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub i64);

impl<'de> Deserialize<'de> for Id {
    /// One to nineteen digits; what no id reaches is nobody's id.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let digits = (1..=DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(serde::de::Error::custom("an id is 1 to 19 digits"));
        }
        Ok(Self(text.parse().unwrap_or(i64::MAX)))
    }
}

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-9]{1,19}$"))
            .description(Some("Id of a row"))
            .examples(["7351029384756"]);
        Schema::Object(id.build()).into()
    }
}
impl ToSchema for Id {}
