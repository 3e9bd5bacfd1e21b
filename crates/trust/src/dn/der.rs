//! Reading a name's DER, and writing it as RFC 4514.
use super::{Attribute, MAX_LENGTH, MAX_RDNS, Rdn, Value, attribute, parse};
use x509_parser::asn1_rs::{Any, FromDer as _, Tag, ToDer as _};
use x509_parser::x509::X509Name;

/// The RDNs of a DER Name, in the order of the DER (country first, mostly).
pub(super) fn rdns(name: &[u8]) -> Option<Vec<Rdn>> {
    if name.len() > MAX_LENGTH {
        return None;
    }
    let (rest, name) = X509Name::from_der(name).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let rdns: Vec<Rdn> = name
        .iter_rdn()
        .map(|rdn| {
            rdn.iter()
                .map(|a| {
                    let oid = a.attr_type().to_id_string();
                    let value = a.attr_value();
                    Attribute {
                        kind: attribute::known(&oid).unwrap_or(oid),
                        value: text_of(value)
                            .map(Value::Text)
                            .unwrap_or_else(|| Value::Der(value.to_der_vec().unwrap_or_else(|_| value.data.to_vec()))),
                    }
                })
                .collect()
        })
        .collect();
    (!rdns.is_empty() && rdns.len() <= MAX_RDNS).then_some(rdns)
}

/// The value that DER (of a `#hex` string) holds, when it is a character string.
pub(super) fn value_of(der: &[u8]) -> Option<Value> {
    let (rest, any) = Any::from_der(der).ok()?;
    if rest.is_empty() { text_of(&any).map(Value::Text) } else { None }
}

/// The text of any ASN.1 character string.
fn text_of(value: &Any<'_>) -> Option<String> {
    let data = value.data;
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::GeneralString => std::str::from_utf8(data).ok().map(str::to_owned),
        // T.61 is read as Latin-1, as everyone who wrote it meant.
        Tag::T61String => Some(data.iter().map(|b| char::from(*b)).collect()),
        Tag::BmpString if data.len().is_multiple_of(2) => {
            let units: Vec<u16> = data.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
            String::from_utf16(&units).ok()
        }
        Tag::UniversalString if data.len().is_multiple_of(4) => {
            data.chunks_exact(4).map(|c| char::from_u32(u32::from_be_bytes([c[0], c[1], c[2], c[3]]))).collect()
        }
        _ => None,
    }
}

/// RFC 4514: last RDN first, values escaped.
pub(super) fn write(rdns: &[Rdn]) -> String {
    rdns.iter()
        .rev()
        .map(|rdn| rdn.iter().map(|a| format!("{}={}", a.kind, escape(&a.value))).collect::<Vec<_>>().join("+"))
        .collect::<Vec<_>>()
        .join(",")
}

/// A value as RFC 4514 §2.4 writes it.
fn escape(value: &Value) -> String {
    let text = match value {
        Value::Der(d) => return format!("#{}", hex::encode(d)),
        Value::Text(t) => t,
    };
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    // Readers leave out the white space before a value, of every kind: a `#` behind it would begin the DER of one.
    let begins = text.chars().take_while(|c| parse::blank(*c)).count();
    for (i, c) in text.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            '#' if i <= begins => out.push_str("\\#"),
            ' ' if i == 0 || i == last => out.push_str("\\ "),
            c if c.is_control() => {
                let mut buffer = [0; 4];
                for b in c.encode_utf8(&mut buffer).bytes() {
                    out.push_str(&format!("\\{b:02x}"));
                }
            }
            c => out.push(c),
        }
    }
    out
}
