//! Distinguished names, compared by X.520 matching on parsed RDNs (RFC 4514 strings, RFC 4518 preparation).
//!
//! The white list writes the names of certificates as text, with oddities that years of hand-typing left behind; a
//! certificate holds them as DER. Both become one [`Dn`], whose key is equal exactly when the names match. What
//! distinguishes two names is the sequence of RDNs (read forwards or backwards), their attribute types and the
//! prepared values; what does not is case, compatibility forms of characters, repeated, leading, trailing and no-break
//! spaces, quoting, escaping and the ASN.1 string type.
//!
//! Promise: [`Dn::parse`] and [`Dn::from_der`] never panic, work in time linear in the input (inputs over
//! [`MAX_LENGTH`] bytes are refused before anything is allocated).
mod attribute;
mod der;
mod parse;
mod prepare;

use std::fmt;

/// Longest accepted text or DER, bytes. Real names are under 300.
pub const MAX_LENGTH: usize = 8 * 1024;
/// Most RDNs in a name. Real names have 5.
pub const MAX_RDNS: usize = 64;

/// A distinguished name. Two names are equal when their RDN sequences match, or one is the exact reverse of the other;
/// case, repeated and no-break spaces and quoting do not distinguish; attribute types do (`L` is not `ST`).
#[derive(Debug, Clone)]
pub struct Dn {
    text: String,
    key: String,
}

/// One attribute of an RDN: its canonical type (a short name, or a dotted OID) and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    kind: String,
    value: Value,
}

/// A value as text, or the DER of what is not a character string.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Der(Vec<u8>),
}

/// One relative distinguished name: mostly one attribute, sometimes several joined by `+`.
type Rdn = Vec<Attribute>;

impl Dn {
    /// Reads a string as the white list writes it (RFC 4514 with its oddities: quoted values, unescaped inner quotes,
    /// space after the comma, commas in values). Never fails on odd values; `None` for an empty text, one longer than
    /// [`MAX_LENGTH`] or with more than [`MAX_RDNS`] RDNs.
    ///
    /// A comma (or `+`) separates only when a known attribute type and `=` follow it; otherwise it belongs to the value.
    pub fn parse(text: &str) -> Option<Self> {
        let rdns = parse::rdns(text)?;
        Some(Self { key: key(&rdns), text: parse::trim_unescaped(text).to_owned() })
    }
    /// From a certificate's subject or issuer (DER of a Name). `None` when it is no Name, is empty or is too long.
    pub fn from_der(name: &[u8]) -> Option<Self> {
        let rdns = der::rdns(name)?;
        Some(Self { key: key(&rdns), text: der::write(&rdns) })
    }
    /// Every attribute of a certificate's name (DER): canonical type (`CN`, `SURNAME`, `GIVENNAME`, `TITLE`, … or a dotted OID) and value as written, in the
    /// order of the DER, however they are grouped into RDNs. What is no character string is left out. Empty when it is no Name.
    pub fn attributes(name: &[u8]) -> Vec<(String, String)> {
        let all = der::rdns(name).unwrap_or_default().into_iter().flatten();
        let texts = all.filter_map(|a| match a.value {
            Value::Text(text) => Some((a.kind, text)),
            Value::Der(_) => None,
        });
        texts.collect()
    }
    /// A stand-in for DER that is no usable Name: equal to itself only.
    pub(crate) fn opaque(der: &[u8]) -> Self {
        let text = format!("#{}", hex::encode(der));
        Self { key: format!("\u{1d}{text}"), text }
    }
    /// The comparison key: equal keys, equal names (the reverse sequence has the same key).
    pub fn key(&self) -> &str {
        &self.key
    }
    /// As written, or as RFC 4514 writes a parsed one.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The first common name (`CN`), as written, without quotes or escapes.
    pub fn common_name(&self) -> Option<String> {
        self.first("CN")
    }
    /// The first organization (`O`), likewise.
    pub fn organization(&self) -> Option<String> {
        self.first("O")
    }
    fn first(&self, kind: &str) -> Option<String> {
        let rdns = parse::rdns(&self.text)?;
        rdns.into_iter().flatten().find_map(|a| match a.value {
            Value::Text(t) if a.kind == kind => Some(t),
            _ => None,
        })
    }
    /// Are two attribute values the same by X.520 matching (case, spaces and compatibility forms ignored)?
    pub fn same_value(a: &str, b: &str) -> bool {
        prepare::prepare(a) == prepare::prepare(b)
    }
}

/// Canonical key: the smaller of the key of the sequence and the key of its reverse.
fn key(rdns: &[Rdn]) -> String {
    let parts: Vec<String> = rdns
        .iter()
        .map(|rdn| {
            let mut attributes: Vec<String> = rdn.iter().map(attribute_key).collect();
            attributes.sort();
            attributes.join("\u{1e}")
        })
        .collect();
    let forward = parts.join("\u{1f}");
    let backward = parts.iter().rev().map(String::as_str).collect::<Vec<_>>().join("\u{1f}");
    forward.min(backward)
}

/// `TYPE=prepared value`. Preparation removes control characters, so the separators of [`key`] cannot occur in it.
fn attribute_key(a: &Attribute) -> String {
    match &a.value {
        Value::Text(t) => format!("{}={}", a.kind, prepare::prepare(t)),
        Value::Der(d) => format!("{}\u{1d}{}", a.kind, hex::encode(d)),
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

#[cfg(test)]
mod tests;
