//! Schemas of values that have their rules elsewhere, for `#[schema(schema_with = …)]`: what they admit is what the operation admits.
use sceau_domain::abuse::Decision;
use sceau_domain::report::{Desk, ReportKind, ReportState};
use sceau_domain::rights::Role;
use sceau_domain::{BalRights, DomainKind};
use std::collections::BTreeMap;
use utoipa::openapi::schema::{AllOf, Array, ArrayBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// The same values as types, for query parameters: `#[param(value_type = …, inline, required = false)]`. There the derive leaves out the
/// description of a parameter with `schema_with`.
macro_rules! queried {
    ($($(#[$doc:meta])* $name:ident = $schema:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name;
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema().into()
            }
        }
        impl ToSchema for $name {}
    )*};
}

queried! {
    /// See [`territory`].
    TerritoryWord = territory;
    /// See [`opening_state`].
    OpeningStateWord = opening_state;
    /// See [`opening_task`].
    OpeningTaskWord = opening_task;
    /// See [`bal_kind`].
    BalKindWord = bal_kind;
    /// See [`bal_state`].
    BalStateWord = bal_state;
    /// See [`granted_role`].
    GrantedRoleWord = granted_role;
    /// See [`report_kind`].
    ReportKindWord = report_kind;
    /// See [`report_state`].
    ReportStateWord = report_state;
    /// See [`report_desk`].
    DeskWord = report_desk;
    /// See [`abuse_state`].
    AbuseStateWord = abuse_state;
}

/// One of these words.
pub fn word(words: &[&str], example: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.to_vec())).examples([example]).build()
}

/// `device` or `api`.
pub fn token_purpose() -> Object {
    word(&["device", "api"], "api")
}

/// What is reported.
pub fn report_kind() -> Object {
    word(&ReportKind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>(), "correction")
}

/// States of a report.
pub fn report_state() -> Object {
    word(&ReportState::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>(), "open")
}

/// State of a case of abuse.
pub fn abuse_state() -> Object {
    word(&["open", "decided"], "open")
}

/// What is decided of one.
pub fn abuse_decision() -> Object {
    word(&Decision::ALL.iter().map(|d| d.as_str()).collect::<Vec<_>>(), "block")
}

/// Where a report lies.
pub fn report_desk() -> Object {
    word(&Desk::ALL.iter().map(|d| d.as_str()).collect::<Vec<_>>(), "operator")
}

/// `Production`, `Test`, `Patients` or `Internal`.
pub fn domain_kind() -> Object {
    let kinds = [DomainKind::Production, DomainKind::Test, DomainKind::Patients, DomainKind::Internal];
    word(&kinds.map(DomainKind::as_str), "Production")
}

/// Roles that can be given.
pub fn granted_role() -> Object {
    let given = Role::ALL.into_iter().filter(|r| r.is_granted()).map(Role::as_str).collect::<Vec<_>>();
    word(&given, "structure")
}

/// Why content may be disclosed.
pub fn disclosure_cause() -> Object {
    word(&sceau_operator::disclosures::CAUSES, "authority")
}

/// Kinds of BALs that professionals have.
pub fn bal_kind() -> Object {
    word(&["Per", "Org", "App", "Cab", "Med"], "Org")
}

/// States of a BAL.
pub fn bal_state() -> Object {
    word(&["active", "suspended", "blocked", "closing", "closed"], "active")
}

/// States of a request.
pub fn opening_state() -> Object {
    word(&sceau_domain::opening::State::ALL.map(sceau_domain::opening::State::as_str), "requested")
}

/// What is asked for.
pub fn opening_task() -> Object {
    word(&["open", "change", "end"], "open")
}

/// Roles of accesses that are given.
pub fn given_role() -> Object {
    word(&["responsible", "member", "machine"], "member")
}

/// Names of rights at a BAL.
pub fn bal_rights() -> Array {
    let right = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(BalRights::ALL.names()));
    ArrayBuilder::new().items(right).min_items(Some(1)).max_items(Some(4)).unique_items(true).build()
}

/// Why a BAL is closed.
pub fn closing_cause() -> Object {
    word(&["request", "notification_address", "departure", "unused", "misuse"], "unused")
}

/// What becomes of somebody's own BALs.
pub fn personal_fate() -> Object {
    word(&["suspend", "close", "keep"], "suspend")
}

/// What a legal hold is placed on.
pub fn hold_subject() -> Object {
    word(&["bal", "person", "structure", "operator"], "bal")
}

/// Territories of the calendar.
pub fn territory() -> Object {
    use sceau_domain::calendar::Territory;
    word(&Territory::ALL.map(Territory::as_str), "metropole")
}

/// Alternatives that are told apart by a field are described as "this object and also that field"; where the object admits no other field, nothing
/// would satisfy both. They become one object each.
pub(crate) fn one_object_each(description: &mut OpenApi) {
    let Some(components) = &mut description.components else { return };
    let all: BTreeMap<String, RefOr<Schema>> =
        components.schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::OneOf(alternatives)) = schema else { continue };
        for alternative in &mut alternatives.items {
            if let RefOr::T(Schema::AllOf(parts)) = alternative
                && let Some(whole) = merged(&all, parts)
            {
                *alternative = Schema::Object(whole).into();
            }
        }
    }
}

fn merged(all: &BTreeMap<String, RefOr<Schema>>, parts: &AllOf) -> Option<Object> {
    let [RefOr::Ref(named), RefOr::T(Schema::Object(tag))] = parts.items.as_slice() else { return None };
    let RefOr::T(Schema::Object(object)) = all.get(named.ref_location.rsplit('/').next()?)? else { return None };
    let mut whole = object.clone();
    whole.properties.extend(tag.properties.clone());
    whole.required.extend(tag.required.clone());
    Some(whole)
}
