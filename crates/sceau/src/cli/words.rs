//! Codes that programs read, in the words of the user's language: states, roles, rights… `--json` keeps the codes.
use super::Context;
use sceau_domain::text::template;
use serde_json::Value;

/// Fields that hold codes, and the group of their words in the locale files (`word.GROUP.CODE`).
const CODED: &[(&str, &str)] = &[
    ("state", "state"),
    ("was", "state"),
    ("became", "state"),
    ("role", "role"),
    ("rights", "right"),
    ("task", "task"),
    ("desk", "desk"),
    ("changed_by", "changed_by"),
    ("withheld", "withheld"),
    ("how", "identity"),
    ("certified", "identity"),
    ("opening", "opening"),
    ("purpose", "purpose"),
    ("cause", "cause"),
    ("severity", "severity"),
    ("scope", "scope"),
    ("scopes", "scope"),
    ("from", "scope"),
    ("unit", "unit"),
    ("item", "item"),
    ("value", "span"),
    ("least", "span"),
    ("most", "span"),
    ("change", "list_change"),
    ("direction", "direction"),
    ("held_as", "certificate"),
];

/// The word for a code of this field; the code itself where there is none.
pub fn word(c: &Context, field: &str, code: &str) -> String {
    let group = CODED.iter().find(|(name, _)| *name == field).map(|(_, group)| *group);
    let known = |code: &str| group.and_then(|group| template(c.lang, &format!("word.{group}.{code}")));
    // A time: `10 years`.
    let one = |n: &str, unit: &str| (n == "1").then(|| known(&format!("{unit}_one"))).flatten();
    let time = || {
        let (n, unit) = code.split_once(' ')?;
        Some(format!("{n} {}", one(n, unit).or_else(|| known(unit))?))
    };
    known(code).map(str::to_owned).or_else(time).unwrap_or_else(|| code.to_owned())
}

/// One row or several with these fields in words (field, group), for codes that mean something of their own to one command; then what `more` does to each.
/// `--json` keeps what was answered.
pub fn rows(c: &Context, mut value: Value, coded: &[(&str, &str)], more: impl Fn(&mut Value)) -> Value {
    let rows: Vec<&mut Value> = match &mut value {
        Value::Array(rows) => rows.iter_mut().collect(),
        one => vec![one],
    };
    for row in rows.into_iter().filter(|_| !c.json) {
        for (field, group) in coded {
            put(c, row, field, group);
        }
        more(row);
    }
    value
}

/// Puts a word in the place of a code.
pub fn put(c: &Context, row: &mut Value, field: &str, group: &str) {
    if let Some(code) = row[field].as_str() {
        row[field] = c.text(&format!("word.{group}.{code}"), &[]).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::Lang;

    /// Codes that a schema lists for each field.
    fn listed(value: &Value, field: &str, out: &mut Vec<(String, String)>) {
        if let Some(codes) = value["enum"].as_array() {
            out.extend(codes.iter().filter_map(Value::as_str).map(|code| (field.to_owned(), code.to_owned())));
        }
        for (name, below) in value.as_object().into_iter().flatten() {
            match below {
                Value::Object(fields) if name == "properties" => {
                    fields.iter().for_each(|(field, schema)| listed(schema, field, out));
                }
                Value::Array(all) => all.iter().for_each(|v| listed(v, field, out)),
                Value::Object(_) => listed(below, field, out),
                _ => {}
            }
        }
    }

    #[test]
    fn every_code_of_the_schemas_has_its_word() {
        let mut codes = Vec::new();
        for file in std::fs::read_dir("../../docs/schemas").unwrap() {
            let schema = std::fs::read_to_string(file.unwrap().path()).unwrap();
            listed(&serde_json::from_str(&schema).unwrap(), "", &mut codes);
        }
        codes.retain(|(field, _)| CODED.iter().any(|(name, _)| name == field));
        assert!(codes.len() > 60, "{}", codes.len());
        for lang in Lang::ALL {
            let c = Context::new(lang, false, "x".into());
            for (field, code) in &codes {
                let group = CODED.iter().find(|(name, _)| name == field).unwrap().1;
                let key = format!("word.{group}.{code}");
                assert!(template(lang, &key).is_some(), "{key} of {field} is missing");
                assert!(!word(&c, field, code).is_empty());
            }
        }
        let c = Context::new(Lang::Fr, false, "x".into());
        assert_eq!((word(&c, "state", "blocked"), word(&c, "name", "blocked")), ("bloquée".into(), "blocked".into()));
        assert_eq!(word(&c, "state", "tout neuf"), "tout neuf");
    }
}
