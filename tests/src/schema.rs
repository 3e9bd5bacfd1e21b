//! Judges values by the JSON Schemas of `docs/schemas`: the part of the language that they use, nothing more.
//!
//! Known: `type` (one or a list), `enum`, `const`, `required`, `properties`, `additionalProperties: false`, `items`,
//! `minItems`, `maxItems`, `minimum`, `pattern` as one of [`PATTERNS`], `$ref` to `#/$defs/…`. Any other word of a schema is
//! an error, so that a schema cannot promise what is not checked.
use crate::proof::workspace;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Words that say nothing about a value.
const SILENT: &[&str] = &["$schema", "$id", "$defs", "title", "description"];
/// Patterns, and how they are judged.
type Pattern = (&'static str, fn(&str) -> bool);
const PATTERNS: &[Pattern] = &[
    ("^[a-z_]+(\\.[a-z0-9_]+)+$", |s| {
        s.contains('.')
            && s.split('.')
                .all(|w| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
    }),
    ("^[^@ ]+@[^@ ]+$", |s| {
        s.split_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty() && !d.contains('@') && !s.contains(' '))
    }),
    ("^[0-9]+$", |s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit())),
    ("^[0-9]{1,19}$", |s| (1..=19).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())),
    ("^[0-9a-f]{16}$", |s| s.len() == 16 && s.bytes().all(is_low_hex)),
    ("^[0-9a-f]{64}$", |s| s.len() == 64 && s.bytes().all(is_low_hex)),
    ("^[0-9.]+:[0-9]+$", |s| s.parse::<std::net::SocketAddr>().is_ok()),
    ("^(NEVER|(SUCCESS|FAILURE|DELAY)(,(FAILURE|DELAY))*)$", |s| {
        let (first, more) = s.split_once(',').map_or((s, None), |(first, more)| (first, Some(more)));
        (s == "NEVER" || ["SUCCESS", "FAILURE", "DELAY"].contains(&first))
            && more.is_none_or(|more| more.split(',').all(|w| ["FAILURE", "DELAY"].contains(&w)))
    }),
    ("^8[0-9]{11}$", |s| s.len() == 12 && s.starts_with('8') && s.bytes().all(|b| b.is_ascii_digit())),
    ("^https://localhost:[0-9]+/", |s| {
        let rest = s.strip_prefix("https://localhost:").and_then(|rest| rest.split_once('/'));
        rest.is_some_and(|(port, _)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
    }),
    ("^https://[a-z]+[.]localhost:[0-9]+$", |s| {
        let rest = s.strip_prefix("https://").and_then(|rest| rest.split_once(".localhost:"));
        rest.is_some_and(|(name, port)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()) && port.parse::<u16>().is_ok()
        })
    }),
    ("^sceau_[A-Za-z0-9_-]{43}$", |s| {
        s.strip_prefix("sceau_")
            .is_some_and(|t| t.len() == 43 && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
    }),
];

fn is_low_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}

/// A schema of `docs/schemas` by its name, without `.json`.
pub fn schema(name: &str) -> Value {
    let path = workspace().join("docs/schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Everything that is wrong with `value`, as `place: defect`; empty when it is as the schema says.
pub fn defects(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    judge(schema, schema, value, "$", &mut found);
    found
}

/// Panics unless `value` is as the named schema of `docs/schemas` says.
#[track_caller]
pub fn assert_fits(name: &str, value: &Value) {
    let found = defects(&schema(name), value);
    assert!(found.is_empty(), "not as docs/schemas/{name}.json says:\n{}\n{value:#}", found.join("\n"));
    judged(name);
}

/// Folder of what was judged: an empty file a schema.
pub fn judged_folder() -> PathBuf {
    workspace().join("target/proofs/schemas")
}

/// Remembers that a program's answer was judged by this schema: one by which none was is found by `conformity --check`.
pub(crate) fn judged(name: &str) {
    let write =
        || std::fs::create_dir_all(judged_folder()).and_then(|()| std::fs::write(judged_folder().join(name), ""));
    write().expect("record of a schema");
}

fn judge(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else {
        found.push(format!("{at}: the schema here is no object"));
        return;
    };
    for (word, rule) in rules {
        match word.as_str() {
            "type" if !has_type(rule, value) => found.push(format!("{at}: {value} is no {rule}")),
            "enum" if !rule.as_array().is_some_and(|a| a.contains(value)) => {
                found.push(format!("{at}: {value} is none of {rule}"))
            }
            "const" if rule != value => found.push(format!("{at}: {value} is not {rule}")),
            "minimum" if value.as_f64().is_some_and(|v| v < rule.as_f64().unwrap_or(f64::MAX)) => {
                found.push(format!("{at}: {value} is under {rule}"));
            }
            "minItems" | "maxItems" => {
                let (length, limit) = (value.as_array().map_or(0, Vec::len) as u64, rule.as_u64().unwrap_or_default());
                if value.is_array()
                    && ((word == "minItems" && length < limit) || (word == "maxItems" && length > limit))
                {
                    found.push(format!("{at}: {length} items, {word} {limit}"));
                }
            }
            "pattern" => match (PATTERNS.iter().find(|(p, _)| rule == p), value.as_str()) {
                (None, _) => found.push(format!("{at}: unknown pattern {rule}")),
                (Some((_, fits)), Some(text)) if !fits(text) => {
                    found.push(format!("{at}: {text:?} does not match {rule}"))
                }
                _ => {}
            },
            "$ref" => {
                let target = rule.as_str().and_then(|r| root.pointer(r.strip_prefix('#')?));
                match target {
                    Some(target) => judge(root, target, value, at, found),
                    None => found.push(format!("{at}: {rule} leads nowhere")),
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(root, rule, item, &format!("{at}[{i}]"), found);
                }
            }
            "required" | "properties" | "additionalProperties" => {
                if let Some(object) = value.as_object() {
                    members(root, rules, word, object, at, found);
                }
            }
            "type" | "enum" | "const" | "minimum" => {}
            silent if SILENT.contains(&silent) => {}
            unknown => found.push(format!("{at}: the word {unknown} is not checked")),
        }
    }
}

fn members(
    root: &Value,
    rules: &Map<String, Value>,
    word: &str,
    object: &Map<String, Value>,
    at: &str,
    found: &mut Vec<String>,
) {
    let known = rules.get("properties").and_then(Value::as_object);
    match word {
        "required" => {
            let names = rules[word].as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
            found.extend(names.filter(|n| !object.contains_key(*n)).map(|n| format!("{at}: {n} is missing")));
        }
        "properties" => {
            for (name, rule) in known.into_iter().flatten() {
                if let Some(member) = object.get(name) {
                    judge(root, rule, member, &format!("{at}.{name}"), found);
                }
            }
        }
        _ => {
            let strange = object.keys().filter(|n| !known.is_some_and(|k| k.contains_key(*n)));
            found.extend(strange.map(|n| format!("{at}: {n} is not in the schema")));
        }
    }
}

fn has_type(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(several) => several.iter().any(|one| has_type(one, value)),
        Value::String(name) => match name.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_said() {
        let schema = json!({
            "$defs": { "name": { "type": "string", "pattern": "^[^@ ]+@[^@ ]+$" } },
            "type": "array", "minItems": 1,
            "items": {
                "type": "object", "required": ["to", "size"], "additionalProperties": false,
                "properties": { "to": { "$ref": "#/$defs/name" }, "size": { "type": ["integer", "null"], "minimum": 0 }, "kind": { "enum": ["a", "b"] } }
            }
        });
        let good = json!([{ "to": "a@b", "size": 1, "kind": "a" }, { "to": "a@b", "size": null }]);
        assert_eq!(defects(&schema, &good), Vec::<String>::new());
        let bad = [
            json!({}),
            json!([]),
            json!([{ "to": "a@b" }]),
            json!([{ "to": "ab", "size": 1 }]),
            json!([{ "to": "a@b", "size": -1 }]),
            json!([{ "to": "a@b", "size": "1" }]),
            json!([{ "to": "a@b", "size": 1, "kind": "c" }]),
            json!([{ "to": "a@b", "size": 1, "more": 1 }]),
        ];
        for value in bad {
            assert_eq!(defects(&schema, &value).len(), 1, "{value}");
        }
        let notify = json!({ "pattern": "^(NEVER|(SUCCESS|FAILURE|DELAY)(,(FAILURE|DELAY))*)$" });
        let fits = |s: &str| defects(&notify, &json!(s)).is_empty();
        assert!(["NEVER", "DELAY", "FAILURE,DELAY", "SUCCESS,FAILURE,DELAY"].into_iter().all(fits));
        assert!(!["", "NEVER,DELAY", "FAILURE,SUCCESS", "DELAY,", "delay"].into_iter().any(fits));
        assert_eq!(defects(&json!({ "oneOf": [] }), &json!(1)), ["$: the word oneOf is not checked"]);
    }
}
