//! Who a message says it is from, judged strictly (RFC 5322 §3.4, §3.6.2; F150).
//!
//! Programs disagree on ambiguous headers, and attacks on senders' identity ("espoofer") live in these disagreements. So
//! nothing here is tolerant: whatever two programs could read differently is refused. A From is one field, written
//! `From:`, with one address and nothing around it that could be taken for another.
use crate::header::entries;
use sceau_domain::{Address, RefusalCode};

/// Who a message says it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The one address of the one From field.
    pub from: Address,
    /// The address of Sender, when there is one.
    pub sender: Option<Address>,
}

/// The one From (one field, one address), at most one Date and one Sender, no NUL, no malformed From
/// (F150; espoofer's ambiguities). Errors are the `header.*` refusals:
///
/// - `header.from_missing`: no From field, or an empty one;
/// - `header.from_many`: several From fields or several addresses;
/// - `header.date_many`: several Date fields;
/// - `header.malformed`: NUL, a bare CR or LF, a line that is no field, From, Sender or Date with a space before the colon, a
///   group, a route, an encoded word in an address, a comment or a name that hides one, several Sender fields.
pub fn origin(header: &[u8]) -> Result<Origin, RefusalCode> {
    if has_stray_bytes(header) {
        return Err(RefusalCode::HeaderMalformed);
    }
    let (mut from, mut sender, mut dates, mut froms, mut senders) = (None, None, 0, 0, 0);
    for entry in entries(header) {
        // Programs disagree on whether a line that is no field ends the header section.
        let field = entry.map_err(|_| RefusalCode::HeaderMalformed)?;
        let name = field.name.to_ascii_lowercase();
        match name.as_str() {
            "from" => {
                froms += 1;
                from = Some(field.value);
            }
            "sender" => {
                senders += 1;
                sender = Some(field.value);
            }
            "date" => dates += 1,
            _ => continue,
        }
        if field.raw.get(name.len()) != Some(&b':') || (name != "date" && folds_into_nothing(field.value)) {
            return Err(RefusalCode::HeaderMalformed);
        }
    }
    if froms > 1 {
        return Err(RefusalCode::HeaderFromMany);
    }
    if dates > 1 {
        return Err(RefusalCode::HeaderDateMany);
    }
    if senders > 1 {
        return Err(RefusalCode::HeaderMalformed);
    }
    let from = from.filter(|value| !value.trim_ascii().is_empty()).ok_or(RefusalCode::HeaderFromMissing)?;
    let from = mailbox(from)?;
    let sender = sender.map(mailbox).transpose().map_err(|_| RefusalCode::HeaderMalformed)?;
    Ok(Origin { from, sender })
}

/// Who sends again what somebody sent (RFC 5322 §3.6.6): the addresses of every Resent-From and Resent-Sender, each read as strictly as From.
///
/// # Errors
/// `header.malformed`: one of these fields that does not hold one address and nothing else.
pub fn resent(header: &[u8]) -> Result<Vec<Address>, RefusalCode> {
    let mut out = Vec::new();
    for field in entries(header).filter_map(Result::ok) {
        let name = field.name.to_ascii_lowercase();
        if name != "resent-from" && name != "resent-sender" {
            continue;
        }
        if field.raw.get(name.len()) != Some(&b':') || folds_into_nothing(field.value) {
            return Err(RefusalCode::HeaderMalformed);
        }
        out.push(mailbox(field.value).map_err(|_| RefusalCode::HeaderMalformed)?);
    }
    Ok(out)
}

/// NUL, CR without LF, LF without CR.
fn has_stray_bytes(header: &[u8]) -> bool {
    memchr::memchr(0, header).is_some()
        || memchr::memchr2_iter(b'\r', b'\n', header).any(|at| match header[at] {
            b'\r' => header.get(at + 1) != Some(&b'\n'),
            _ => at == 0 || header[at - 1] != b'\r',
        })
}

/// A continuation line of white space only: some programs take it for the end of the header section.
fn folds_into_nothing(value: &[u8]) -> bool {
    value.split(|&b| b == b'\n').skip(1).any(|line| line.trim_ascii().is_empty())
}

/// A piece of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Space,
    Comment,
    /// Atoms and dots.
    Word(&'a str),
    /// With its quotes.
    Quoted(&'a str),
    /// Between the brackets.
    Angle(&'a str),
    At,
}

/// The one mailbox of a field's value.
fn mailbox(value: &[u8]) -> Result<Address, RefusalCode> {
    let value = crate::header::unfold(value);
    let text = std::str::from_utf8(&value).map_err(|_| RefusalCode::HeaderMalformed)?;
    let tokens = tokens(text)?;
    let outer = |t: &Token| matches!(t, Token::Space | Token::Comment);
    let start = tokens.iter().position(|t| !outer(t)).unwrap_or(tokens.len());
    let end = tokens.iter().rposition(|t| !outer(t)).map_or(start, |at| at + 1);
    match &tokens[start..end] {
        [Token::Word(local), Token::At, Token::Word(domain)] => {
            dot_atom(local).and_then(|local| address(local, domain))
        }
        // A quoted local part outside brackets is taken for a display name by some programs: refused below.
        [name @ .., Token::Angle(inner)] => {
            let fine = name.iter().all(|t| !matches!(t, Token::At | Token::Angle(_)));
            if !fine || hides_something(name) {
                return Err(RefusalCode::HeaderMalformed);
            }
            let inner = inner.trim_matches([' ', '\t']);
            match inner.strip_prefix('"') {
                Some(rest) => {
                    let close = rest.find('"').ok_or(RefusalCode::HeaderMalformed)?;
                    let (local, domain) = inner.split_at(close + 2);
                    quoted_local(local).and_then(|l| address(l, domain.strip_prefix('@').unwrap_or_default()))
                }
                None => {
                    let (local, domain) = inner.split_once('@').ok_or(RefusalCode::HeaderMalformed)?;
                    dot_atom(local).and_then(|local| address(local, domain))
                }
            }
        }
        _ => Err(RefusalCode::HeaderMalformed),
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, RefusalCode> {
    // Characters that could turn the shown text around or break it (RFC 5322 §2.2; Unicode bidirectional controls).
    let hidden = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(hidden) {
        return Err(RefusalCode::HeaderMalformed);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let (mut at, mut many) = (0, false);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b' ' | b'\t' => {
                at += bytes[at..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                out.push(Token::Space);
            }
            b'(' => {
                at = crate::parameter::comment_end(bytes, at);
                // A comment is closed, and holds nothing that looks like an address.
                if bytes[at - 1] != b')'
                    || !text.get(start..at).is_some_and(|c| is_closed(c) && !c.contains(['<', '>', '@']))
                {
                    return Err(RefusalCode::HeaderMalformed);
                }
                out.push(Token::Comment);
            }
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
                out.push(Token::Quoted(text.get(start..at).ok_or(RefusalCode::HeaderMalformed)?));
            }
            b'<' => {
                let length = memchr::memchr(b'>', &bytes[at..]).ok_or(RefusalCode::HeaderMalformed)?;
                at += length + 1;
                out.push(Token::Angle(&text[start + 1..at - 1]));
            }
            b'@' => {
                at += 1;
                out.push(Token::At);
            }
            b',' => {
                at += 1;
                many = true;
            }
            _ => {
                at += bytes[at..].iter().take_while(|&&b| is_atom(b)).count();
                if at == start {
                    return Err(RefusalCode::HeaderMalformed);
                }
                out.push(Token::Word(&text[start..at]));
            }
        }
    }
    if many { Err(RefusalCode::HeaderFromMany) } else { Ok(out) }
}

/// True when the parentheses of a comment are balanced and none is escaped.
fn is_closed(comment: &str) -> bool {
    let count = |c: char| comment.matches(c).count();
    !comment.contains('\\') && count('(') == count(')')
}

/// Atom characters (RFC 5322 §3.2.3, RFC 6532 §3.2) and the dot.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

/// A local part without quotes. An encoded word is no address (RFC 2047 §5).
fn dot_atom(local: &str) -> Result<&str, RefusalCode> {
    let fine = local.bytes().all(is_atom) && local.split('.').all(|atom| !atom.is_empty()) && !local.contains("=?");
    if fine { Ok(local) } else { Err(RefusalCode::HeaderMalformed) }
}

/// A local part with quotes, in which nothing could be taken for the end of it.
fn quoted_local(quoted: &str) -> Result<&str, RefusalCode> {
    let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or_default();
    let fine = !inner.is_empty() && inner.bytes().all(|b| is_atom(b) || b == b' ') && !inner.contains("=?");
    if fine { Ok(quoted) } else { Err(RefusalCode::HeaderMalformed) }
}

fn address(local: &str, domain: &str) -> Result<Address, RefusalCode> {
    // What follows a space, a second @, a comment or a bracket would be read differently by different programs.
    let fine = !domain.is_empty()
        && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'-' | b'.'));
    if !fine {
        return Err(RefusalCode::HeaderMalformed);
    }
    format!("{local}@{domain}").parse().map_err(|_| RefusalCode::HeaderMalformed)
}

/// True when the encoded words of a display name hold brackets or control characters, or are written in UTF-7, which may
/// hide them: programs that decode before they parse would see another address.
fn hides_something(name: &[Token]) -> bool {
    let mut text = String::new();
    for token in name {
        match token {
            Token::Word(word) | Token::Quoted(word) => text.push_str(word),
            _ => text.push(' '),
        }
    }
    if !text.contains("=?") {
        return false;
    }
    let clear = crate::encoded_word::decode(text.as_bytes());
    text.to_ascii_lowercase().contains("=?utf-7") || clear.contains(|c: char| c == '<' || c == '>' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefusalCode::{
        HeaderDateMany as Dates, HeaderFromMany as Many, HeaderFromMissing as Missing, HeaderMalformed as Malformed,
    };

    fn from(value: &str) -> Result<String, RefusalCode> {
        origin(format!("Date: x\r\nFrom: {value}\r\nSubject: y\r\n\r\n").as_bytes()).map(|o| o.from.to_string())
    }

    #[test]
    fn usual_senders_are_read() {
        for value in [
            "jean@hopital.example",
            "<jean@hopital.example>",
            "Jean Dupont <jean@hopital.example>",
            "\"Dupont, Jean (SEC)\" <jean@hopital.example>",
            "Dr. Jean Dupont <jean@hopital.example>",
            "Jean Dupont (Cardiologie (HDJ)) <jean@hopital.example> (x)",
            "jean@hopital.example (Jean Dupont)",
            "=?utf-8?q?Zo=C3=A9_Lem=C3=A9e?= <jean@hopital.example>",
            "\"jean@hopital.example\" <jean@hopital.example>",
            "Zoé Lemée <jean@hopital.example>",
            "\"une très longue\r\n\tligne\"\r\n <jean@hopital.example>",
            "\r\n jean@hopital.example",
            "< jean@hopital.example >",
            "\"=?utf-8?q?a?=\" <jean@hopital.example>",
        ] {
            assert_eq!(from(value).as_deref(), Ok("jean@hopital.example"), "{value}");
        }
        let header = b"FROM:a@b.example\r\nSender: Secr\xc3\xa9tariat <s@b.example>\r\n\r\nFrom: body@b.example\r\n";
        let origin = origin(header).unwrap();
        assert_eq!(origin.from.to_string(), "a@b.example");
        assert_eq!(origin.sender.map(|s| s.to_string()).as_deref(), Some("s@b.example"));
    }

    #[test]
    fn those_who_send_again_are_read_as_strictly() {
        let read = |h: &str| resent(h.as_bytes()).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let header = "Resent-From: a@b.example\r\nFrom: x@y.example\r\nresent-sender: <c@d.example>\r\nResent-From: e@f.example\r\n\r\n";
        assert_eq!(read(header).unwrap(), ["a@b.example", "c@d.example", "e@f.example"]);
        assert_eq!(read("From: x@y.example\r\nResent-To: a@b.example\r\n\r\n"), Ok(Vec::new()));
        for bad in [
            "Resent-From: a@b.example, c@d.example",
            "Resent-Sender: \"a\" b",
            "Resent-From : a@b.example",
            "Resent-From:",
        ] {
            assert_eq!(read(&format!("{bad}\r\n\r\n")), Err(Malformed), "{bad}");
        }
    }

    #[test]
    fn ambiguous_values_are_refused() {
        for (value, code) in [
            ("", Missing),
            (" \t", Missing),
            // several addresses
            ("a@b.example, c@d.example", Many),
            ("<a@b.example>, <c@d.example>", Many),
            ("a@b.example,", Many),
            ("Dupont, Jean <a@b.example>", Many),
            ("<a@b.example><c@d.example>", Malformed),
            ("<a@b.example> <c@d.example>", Malformed),
            ("a@b.example <c@d.example>", Malformed),
            ("<a@b.example> c@d.example", Malformed),
            ("a@b.example c@d.example", Malformed),
            // groups
            ("Groupe: a@b.example;", Malformed),
            ("Groupe:;", Malformed),
            ("a@b.example;", Malformed),
            // no address
            ("Jean Dupont", Malformed),
            ("<>", Malformed),
            ("Jean <>", Malformed),
            ("@b.example", Malformed),
            ("a@", Malformed),
            ("<a@>", Malformed),
            // routes
            ("<@r.example:a@b.example>", Malformed),
            ("<@r.example,@s.example:a@b.example>", Malformed),
            // encoded words in addresses
            ("=?utf-8?q?a?=@b.example", Malformed),
            ("<=?utf-8?q?a=40legit.example?=@b.example>", Malformed),
            ("=?utf-8?B?PGFAYi5leGFtcGxlPg==?=", Malformed),
            ("<a@=?utf-8?q?b.example?=>", Malformed),
            ("\"=?utf-8?q?a?=\"@b.example", Malformed),
            // encoded words that hold an address, an end or a control character
            ("=?utf-8?B?PGFAYi5leGFtcGxlPg==?= <c@d.example>", Malformed),
            ("=?utf-8?q?a=40b.example=00?= <c@d.example>", Malformed),
            ("=?utf-8?q?a=0D=0AFrom:_x?= <c@d.example>", Malformed),
            ("=?utf-7?q?+ADw-a+AEA-b.example+AD4-?= <c@d.example>", Malformed),
            ("=?utf-16be?b?ADw=?= =?utf-16be?b?AGE=?= <c@d.example>", Malformed),
            ("\"=?utf-8?q?=3Ca=40b.example=3E?=\" <c@d.example>", Malformed),
            // quotes, comments, brackets
            ("\"a@legit.example\"@b.example", Malformed),
            ("\"a\\\"\"@b.example", Malformed),
            ("\"a@b.example", Malformed),
            ("\"\"@b.example", Malformed),
            ("\"a b\"@b.example", Malformed),
            ("\"a\\", Malformed),
            ("<a@legit.example(comment)@b.example>", Malformed),
            ("(<a@legit.example>) c@d.example", Malformed),
            ("<a@legit.example(\\) <c@d.example>", Malformed),
            ("(a\\) <c@d.example>) <e@f.example>", Malformed),
            ("(never closed <a@b.example>", Malformed),
            ("<a(b)@c.example>", Malformed),
            ("a(x)@b.example", Malformed),
            ("<a@b.example", Malformed),
            ("<<a@b.example>>", Malformed),
            ("a@b.example>", Malformed),
            ("<a@b.example\\>@c.example>", Malformed),
            ("<a@b@c.example>", Malformed),
            ("a@b@c.example", Malformed),
            // spaces
            ("a @b.example", Malformed),
            ("a@ b.example", Malformed),
            ("<a@b.\r\n example>", Malformed),
            ("<a b@c.example>", Malformed),
            // dots
            (".a@b.example", Malformed),
            ("a..b@c.example", Malformed),
            // domains
            ("a@[192.0.2.1]", Malformed),
            ("a@b_c.example", Malformed),
            // controls and what turns the text around
            ("\u{1}a@b.example", Malformed),
            ("Jean\u{7f} <a@b.example>", Malformed),
            ("\u{202e}naeJ <a@b.example>", Malformed),
            ("Jean\u{85}<a@b.example>", Malformed),
            // a continuation line that looks like the end of the header
            ("\r\n \r\n a@b.example", Malformed),
            ("a@b.example\r\n \t", Malformed),
        ] {
            assert_eq!(from(value), Err(code), "{value:?}");
        }
    }

    #[test]
    fn ambiguous_headers_are_refused() {
        for (header, code) in [
            (&b""[..], Missing),
            (b"Subject: x\r\n\r\nFrom: a@b.example\r\n", Missing),
            (b"\r\nFrom: a@b.example\r\n\r\n", Missing),
            (b"X-From: a@b.example\r\n", Missing),
            (b"From: a@b.example\r\nFrom: a@b.example\r\n\r\n", Many),
            (b"From: a@b.example\r\nX: y\r\nfROM: c@d.example\r\n\r\n", Many),
            (b"From : a@b.example\r\n\r\n", Malformed),
            (b"From\t: a@b.example\r\n\r\n", Malformed),
            (b"From: a@b.example\r\nFrom : c@d.example\r\n\r\n", Malformed),
            (b" From: a@b.example\r\n\r\n", Malformed),
            (b" From: a@b.example\r\nFrom: c@d.example\r\n\r\n", Malformed),
            (b"From\r\n : a@b.example\r\n\r\n", Malformed),
            (b"From\xc2\xa0: a@b.example\r\nFrom: c@d.example\r\n\r\n", Malformed),
            (b"Fr\0om: a@b.example\r\nFrom: c@d.example\r\n\r\n", Malformed),
            (b"From: a@b.example\0, c@d.example\r\n\r\n", Malformed),
            (b"Subject: x\0\r\nFrom: a@b.example\r\n\r\n", Malformed),
            (b"Subject: x\rFrom: a@b.example\r\nFrom: c@d.example\r\n\r\n", Malformed),
            (b"Subject: x\nFrom: a@b.example\r\n\r\n", Malformed),
            (b"From: a@b.example\r\n\rFrom: c@d.example\r\n", Malformed),
            (b"From: a@b.example\r\nno colon here\r\n\r\n", Malformed),
            (b"From a@b.example Tue Sep  1 10:00:00 2026\r\nFrom: a@b.example\r\n\r\n", Malformed),
            (b": empty name\r\nFrom: a@b.example\r\n\r\n", Malformed),
            (b"From: \xe9 <a@b.example>\r\n\r\n", Malformed),
            (b"From: a@b.example\r\nDate: 1\r\nDATE: 2\r\n\r\n", Dates),
            (b"From: a@b.example\r\nDate : 1\r\n\r\n", Malformed),
            (b"From: a@b.example\r\nSender: a@b.example\r\nSender: c@d.example\r\n\r\n", Malformed),
            (b"From: a@b.example\r\nSender: a@b.example, c@d.example\r\n\r\n", Malformed),
            (b"From: a@b.example\r\nSender:\r\n\r\n", Malformed),
            (b"From: a@b.example\r\nSender : c@d.example\r\n\r\n", Malformed),
        ] {
            assert_eq!(origin(header).map(|o| o.from.to_string()), Err(code), "{}", String::from_utf8_lossy(header));
        }
    }

    #[test]
    fn international_senders_are_read() {
        assert_eq!(from("Pénélope <pénélope@hôpital.example>").map(|a| a.starts_with("pénélope@")), Ok(true));
    }
}
