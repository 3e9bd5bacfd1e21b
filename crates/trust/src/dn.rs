//! Distinguished names, compared by X.520 matching on parsed RDNs (RFC 4514 strings, RFC 4518 preparation).
use std::fmt;

/// A distinguished name. Two names are equal when their RDN sequences match, or one is the exact reverse of the other;
/// case, repeated and no-break spaces and quoting do not distinguish; attribute types do (`L` is not `ST`).
#[derive(Debug, Clone)]
pub struct Dn {
    text: String,
    key: String,
}

impl Dn {
    /// Reads a string as the white list writes it (RFC 4514 with its oddities: quoted values, unescaped inner quotes,
    /// space after the comma, commas in quoted values). Never fails on odd values; an empty text is an error.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }
    /// From a certificate's subject (DER of a Name).
    pub fn from_der(name: &[u8]) -> Option<Self> {
        let _ = name;
        todo!()
    }
    /// The comparison key: equal keys, equal names (the reverse sequence has the same key).
    pub fn key(&self) -> &str {
        &self.key
    }
    /// As written, or as RFC 4514 writes a parsed one.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
impl PartialEq for Dn {
    fn eq(&self, o: &Self) -> bool {
        self.key == o.key
    }
}
impl Eq for Dn {}
impl std::hash::Hash for Dn {
    fn hash<H: std::hash::Hasher>(&self, h: &mut H) {
        self.key.hash(h);
    }
}
impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
