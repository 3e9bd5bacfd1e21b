//! BODY and BODYSTRUCTURE (RFC 9051 §7.5.2, §9 body).
use super::envelope;
use crate::codec::Out;
use sceau_message::scan::Part;
use std::fmt::Write;

/// Writes the structure of a message or part; extension data only when `extended` (BODYSTRUCTURE).
pub fn write(out: &mut Out, part: &Part, extended: bool) {
    if part.mime.kind == "multipart" {
        multipart(out, part, extended);
        return;
    }
    let m = &part.mime;
    out.raw("(").string(m.kind.as_bytes()).raw(" ").string(m.subtype.as_bytes()).raw(" ");
    parameters(out, &m.parameters);
    out.raw(" ").nstring(m.id.as_deref()).raw(" ").nstring(m.description.as_deref()).raw(" ");
    let encoding = if m.encoding.is_empty() { "7bit" } else { &m.encoding };
    out.string(encoding.as_bytes()).raw(" ").num(part.body.1);
    if let Some((inner, e)) = message(part) {
        out.raw(" ");
        envelope::write(out, e);
        out.raw(" ");
        write(out, inner, extended);
        out.raw(" ").num(part.lines);
    } else if m.kind == "text" {
        out.raw(" ").num(part.lines);
    } else if m.kind == "message" && matches!(m.subtype.as_str(), "rfc822" | "global") {
        // The grammar wants an envelope and a body here; a part whose message was not scanned has empty ones.
        out.raw(" (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ");
        empty(out);
        out.raw(" ").num(part.lines);
    }
    if extended {
        out.raw(" ").nstring(m.md5.as_deref());
        extension(out, part);
    }
    out.raw(")");
}

/// The inner message of a `message/rfc822` or `message/global` part.
pub fn message(part: &Part) -> Option<(&Part, &sceau_message::envelope::Envelope)> {
    let is = part.mime.kind == "message" && matches!(part.mime.subtype.as_str(), "rfc822" | "global");
    if is { Some((part.children.first()?, part.envelope.as_deref()?)) } else { None }
}

fn multipart(out: &mut Out, part: &Part, extended: bool) {
    out.raw("(");
    if part.children.is_empty() {
        // The grammar wants at least one part.
        empty(out);
    }
    for child in &part.children {
        write(out, child, extended);
    }
    out.raw(" ").string(part.mime.subtype.as_bytes());
    if extended {
        out.raw(" ");
        parameters(out, &part.mime.parameters);
        extension(out, part);
    }
    out.raw(")");
}

fn empty(out: &mut Out) {
    out.raw("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)");
}

/// Disposition, language, location.
fn extension(out: &mut Out, part: &Part) {
    out.raw(" ");
    match &part.mime.disposition {
        None => out.raw("NIL").done(),
        Some((kind, params)) => {
            out.raw("(").string(kind.as_bytes()).raw(" ");
            parameters(out, params);
            out.raw(")");
        }
    }
    out.raw(" ");
    match part.mime.language.as_slice() {
        [] => out.raw("NIL").done(),
        [one] => out.string(one.as_bytes()).done(),
        many => {
            out.raw("(");
            for (i, tag) in many.iter().enumerate() {
                out.raw(if i > 0 { " " } else { "" }).string(tag.as_bytes());
            }
            out.raw(")");
        }
    }
    out.raw(" ").nstring(part.mime.location.as_deref());
}

fn parameters(out: &mut Out, list: &[(String, String)]) {
    if list.is_empty() {
        out.raw("NIL");
        return;
    }
    out.raw("(");
    for (i, (name, value)) in list.iter().enumerate() {
        out.raw(if i > 0 { " " } else { "" }).string(name.as_bytes()).raw(" ");
        if name.ends_with('*') && !out.utf8() {
            out.string(rfc2231(value).as_bytes());
        } else {
            out.string(value.as_bytes());
        }
    }
    out.raw(")");
}

/// A decoded value as RFC 2231 writes it. IMAP4rev2 clients get `name*` decoded (RFC 9051 §7.5.2); the others know only what
/// stands in messages, `utf-8''r%C3%A9sum%C3%A9.pdf`, and take anything else for a broken name.
fn rfc2231(value: &str) -> String {
    let mut out = String::from("utf-8''");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
#[path = "structure_tests.rs"]
mod tests;
