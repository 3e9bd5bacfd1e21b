//! Schemas of values that have their rules elsewhere, for `#[schema(schema_with = …)]`: what they admit is what the operation admits.
use sceau_domain::DomainKind;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// One of these words.
pub fn word(words: &[&str], example: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.to_vec())).examples([example]).build()
}

/// `device` or `api`.
pub fn token_purpose() -> Object {
    word(&["device", "api"], "api")
}

/// `Production`, `Test`, `Patients` or `Internal`.
pub fn domain_kind() -> Object {
    let kinds = [DomainKind::Production, DomainKind::Test, DomainKind::Patients, DomainKind::Internal];
    word(&kinds.map(DomainKind::as_str), "Production")
}
