//! JSON that strangers wrote, read in one way only: no member twice, bounded in bytes, depth and entries (RFC 8259 §4: what is there twice means
//! nothing).
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;

/// Deepest nesting that is read. Real tokens and key sets need 4.
pub const MAX_DEPTH: usize = 12;
/// Most values in one text, all levels together.
pub const MAX_ENTRIES: usize = 4096;

/// Members of an object.
pub type Object = Map<String, Value>;

/// The object that `bytes` is, of at most `most` octets. `None` for everything else: too long, too deep, too many values, a name twice, not UTF-8,
/// another kind of value, or something behind it.
pub fn object(bytes: &[u8], most: usize) -> Option<Object> {
    if bytes.len() > most {
        return None;
    }
    let left = Cell::new(MAX_ENTRIES);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: MAX_DEPTH, left: &left }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Reads a value, and counts.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn one<E: Error>(self) -> Result<(), E> {
        self.left.set(self.left.get().checked_sub(1).ok_or_else(|| E::custom("too many values"))?);
        Ok(())
    }
    fn deeper<E: Error>(self) -> Result<Self, E> {
        Ok(Self { depth: self.depth.checked_sub(1).ok_or_else(|| E::custom("too deep"))?, left: self.left })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.one()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E: Error>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E: Error>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E: Error>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }
    fn visit_str<E: Error>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }
    fn visit_string<E: Error>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            out.push(value);
        }
        Ok(Value::Array(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if out.insert(name, value).is_some() {
                return Err(A::Error::custom("a name twice"));
            }
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_once_is_read() {
        let text = br#" {"a":[1,-2,2.5,"x\u00e9",null,true,{"b":{}}]} "#;
        let read = object(text, 100).unwrap();
        assert_eq!(Value::Object(read), json!({"a": [1, -2, 2.5, "xé", null, true, {"b": {}}]}));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not() {
        for bad in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"a":1,"\u0061":2}"#,
            br#"{"x":{"a":1,"a":2}}"#,
            br#"{"x":[{"a":1,"a":2}]}"#,
            br#"{"a":1}{"a":1}"#,
            br#"{"a":1} x"#,
            br#"{"a":1,}"#,
            br#"["a"]"#,
            br#""a""#,
            b"",
            b"{\"a\":\"\xff\"}",
            br#"{"a":1e999}"#,
            br#"{"a":"\ud800"}"#,
        ] {
            assert_eq!(object(bad, 100), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn each_budget_is_kept() {
        assert!(object(br#"{"a":1}"#, 7).is_some() && object(br#"{"a":1}"#, 6).is_none());
        let nested = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
        assert!(
            object(nested(MAX_DEPTH).as_bytes(), 1000).is_some()
                && object(nested(MAX_DEPTH + 1).as_bytes(), 1000).is_none()
        );
        assert_eq!(object("[".repeat(60_000).as_bytes(), 100_000), None);
        let many = |n: usize| format!(r#"{{"a":[{}]}}"#, vec!["1"; n].join(","));
        // The object and the list count too.
        assert!(object(many(MAX_ENTRIES - 2).as_bytes(), 100_000).is_some());
        assert!(object(many(MAX_ENTRIES - 1).as_bytes(), 100_000).is_none());
    }
}
