//! The operations of the OpenAPI document as calls: paths with real names of a place, bodies from their examples.
use super::world::Place;
use axum::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::rights::UseCase;
use serde_json::{Map, Value, json};

/// What a place holds that rights are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Structure,
    Body,
    Person,
    Bal,
    Role,
    Disclosure,
}

/// Where a call acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// On nothing that has a place.
    Anywhere,
    /// On a thing of one of the two places.
    Place(Kind, usize),
    /// On something that this test does not know, or that only the body names.
    Unknown,
}

/// An operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: Method,
    pub path: String,
    /// `None`: public.
    pub use_case: Option<UseCase>,
    described: Value,
    shared: Value,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub uri: String,
    pub body: Option<(String, Vec<u8>)>,
    pub on: On,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Every operation; what names no use case, or none that there is, is a fault.
pub fn operations(document: &Value, faults: &mut Vec<String>) -> Vec<Operation> {
    let mut out = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let code = described["x-sceau-use-case"].as_str();
            let use_case = UseCase::ALL.iter().copied().find(|u| Some(u.as_str()) == code);
            if use_case.is_none() && code != Some("public") {
                faults.push(format!("{method} {path} names no use case: {code:?}"));
            }
            let (path, shared) = (path.clone(), document["components"]["schemas"].clone());
            out.push(Operation { method, path, use_case, described: described.clone(), shared });
        }
    }
    out
}

/// Fields of bodies that name something of a place.
const NAMES: [&str; 5] = ["structure", "body", "login", "bal", "address"];

fn value_of(place: &Place, field: &str) -> Option<String> {
    Some(match field {
        "structure" => place.structure.to_owned(),
        "body" => place.body.to_owned(),
        "login" | "person" | "delegate" => place.person.to_owned(),
        "bal" | "address" => place.bal.clone(),
        _ => return None,
    })
}

/// What stands in the braces of a path after this part of it: the value, and what it is.
fn parameter(place: &Place, collection: &str, name: &str) -> Option<(String, Kind)> {
    let id = |key: &str| place.ids.get(key).cloned();
    Some(match (collection, name) {
        // A structure's connector and its sign-in have its code for a name.
        ("structures" | "connectors" | "sso-providers", _) | (_, "structure") => {
            (place.structure.to_owned(), Kind::Structure)
        }
        ("bodies", _) => (place.body.to_owned(), Kind::Body),
        ("people" | "access" | "delegations", "login") => (place.person.to_owned(), Kind::Person),
        ("bals", _) | ("notices", "address") => (place.bal.clone(), Kind::Bal),
        ("roles", _) => (id("roles")?, Kind::Role),
        ("tokens", _) => (id("tokens")?, Kind::Person),
        ("sessions", _) => (id("sessions")?, Kind::Person),
        ("disclosures", _) => (id("disclosures")?, Kind::Disclosure),
        ("folders", _) => (id("folders")?, Kind::Disclosure),
        _ => return None,
    })
}

/// A value that a schema admits: its example, else one made of its properties, its words, its type.
fn example(schema: &Value, shared: &Value, depth: usize) -> Value {
    if depth > 8 {
        return Value::Null;
    }
    for key in ["example", "default", "const"] {
        if let Some(value) = schema.get(key) {
            return value.clone();
        }
    }
    for key in ["examples", "enum"] {
        if let Some(value) = schema.get(key).and_then(Value::as_array).and_then(|l| l.first()) {
            return value.clone();
        }
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        return example(&shared[name], shared, depth + 1);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(fields) = example(part, shared, depth + 1) {
                whole.extend(fields);
            }
        }
        return Value::Object(whole);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(one) = schema[key].as_array().and_then(|l| l.iter().find(|s| s["type"] != "null")) {
            return example(one, shared, depth + 1);
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required: Vec<&str> =
            schema["required"].as_array().map(|l| l.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
        let mut whole = Map::new();
        for (name, property) in properties {
            let shown = ["example", "examples"].iter().any(|k| property.get(*k).is_some());
            if shown || required.contains(&name.as_str()) {
                whole.insert(name.clone(), example(property, shared, depth + 1));
            }
        }
        return Value::Object(whole);
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").unwrap_or("null"),
        _ => "null",
    };
    match kind {
        "string" => json!("a"),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "array" => json!([example(&schema["items"], shared, depth + 1)]),
        "object" => json!({}),
        _ => Value::Null,
    }
}

/// Puts the names of a place into a body; does it name any?
fn place_names(value: &mut Value, place: &Place) -> bool {
    let Value::Object(fields) = value else { return false };
    let mut any = false;
    for (name, field) in fields {
        if field.is_string()
            && let Some(text) = value_of(place, name)
        {
            any |= NAMES.contains(&name.as_str());
            *field = text.into();
        }
        any |= place_names(field, place);
    }
    any
}

/// The call of an operation on what is in a place.
pub fn call(operation: &Operation, places: &[Place; 2], at: usize) -> Call {
    let place = &places[at];
    let (mut uri, mut collection, mut on) = (String::from("/api/v1"), "", On::Anywhere);
    let parameters = operation.described["parameters"].as_array().cloned().unwrap_or_default();
    for part in operation.path.split('/').skip(1) {
        uri.push('/');
        let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) else {
            uri.push_str(part);
            collection = part;
            continue;
        };
        let value = match parameter(place, collection, name) {
            Some((value, kind)) => {
                if on == On::Anywhere {
                    on = On::Place(kind, at);
                }
                value
            }
            None => {
                let described = parameters.iter().find(|p| p["name"] == name).cloned().unwrap_or_default();
                if on == On::Anywhere {
                    on = On::Unknown;
                }
                text(&example_of_parameter(&described, &operation.shared))
            }
        };
        uri.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
    }
    let mut sign = '?';
    // What a change bears on may be said there without being required.
    let changes = operation.method != Method::GET;
    let said = |p: &Value| p["required"] == true || changes && p["name"] == "structure";
    for p in parameters.iter().filter(|p| p["in"] == "query" && said(p)) {
        let name = p["name"].as_str().unwrap_or_default();
        let value = match value_of(place, name) {
            Some(value) => {
                on = match (on, name) {
                    (On::Anywhere, "structure") if changes => On::Place(Kind::Structure, at),
                    (On::Anywhere, _) => On::Unknown,
                    _ => on,
                };
                value
            }
            None => text(&example_of_parameter(p, &operation.shared)),
        };
        uri.push(sign);
        uri.push_str(name);
        uri.push('=');
        uri.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
        sign = '&';
    }
    let mut body = None;
    if let Some(contents) = operation.described["requestBody"]["content"].as_object()
        && let Some((kind, content)) =
            contents.iter().find(|(k, _)| *k == "application/json").or(contents.iter().next())
    {
        let mut value =
            content.get("example").cloned().unwrap_or_else(|| example(&content["schema"], &operation.shared, 0));
        let named = place_names(&mut value, place);
        let bytes = if kind.contains("json") { value.to_string() } else { text(&value) };
        body = Some((kind.clone(), bytes.into_bytes()));
        on = match (operation.name().as_str(), on) {
            // Whose, and where, is judged although only the body says it.
            ("POST /roles", _) => On::Place(Kind::Role, at),
            ("POST /tokens" | "POST /tokens/links", _) => On::Place(Kind::Person, at),
            (_, On::Anywhere) if named => On::Unknown,
            _ => on,
        };
    }
    Call { method: operation.method.clone(), uri, body, on }
}

/// A call of which nothing can be read but where it goes: no version, an unknown parameter, a body that is none.
pub fn garbage(call: &Call) -> Call {
    let sign = if call.uri.contains('?') { '&' } else { '?' };
    let body = Some(("application/json".to_owned(), b"{\"".to_vec()));
    Call { uri: format!("{}{sign}autre=%ff", call.uri), body, ..call.clone() }
}

fn example_of_parameter(parameter: &Value, shared: &Value) -> Value {
    match parameter.get("example") {
        Some(value) => value.clone(),
        None if parameter["name"] == "territory" => json!("metropole"),
        None if parameter["name"] == "day" => json!("2026-05-14"),
        // Ids are decimal texts: one that nobody has.
        None if parameter["schema"].to_string().contains("/Id\"") => json!("7351029384756"),
        None => example(&parameter["schema"], shared, 0),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
