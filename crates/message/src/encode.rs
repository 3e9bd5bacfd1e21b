//! Encoding of text for messages that we write: base64 and quoted-printable bodies (RFC 2045 §6), encoded words (RFC 2047),
//! parameters (RFC 2231), folded fields (RFC 5322 §2.2.3). Whatever goes in, no line breaks out: CR, LF and other control
//! characters of values become spaces, lines stay below 78 characters where words allow and below 998 always.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// Longest line that folding aims at (RFC 5322 §2.1.1).
const LINE: usize = 76;
/// Longest word that stands unencoded.
const WORD: usize = 900;

/// Appends `content` as base64 in CRLF lines of 76 characters.
pub fn base64_lines(content: &[u8], out: &mut String) {
    for chunk in content.chunks(57) {
        STANDARD.encode_string(chunk, out);
        out.push_str("\r\n");
    }
}

/// Appends `text` as quoted-printable; line ends of any kind become CRLF, and the last line has one.
pub fn quoted_printable(text: &[u8], out: &mut String) {
    let mut rest = text;
    loop {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        quoted_printable_line(line, out);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        if rest.is_empty() {
            return;
        }
    }
}

fn quoted_printable_line(line: &[u8], out: &mut String) {
    let mut column = 0;
    for (at, &byte) in line.iter().enumerate() {
        let mut plain = match byte {
            b' ' | b'\t' => at + 1 < line.len(),
            b'=' => false,
            _ => byte.is_ascii_graphic(),
        };
        if column + if plain { 1 } else { 3 } > LINE - 1 {
            out.push_str("=\r\n");
            column = 0;
        }
        // A line that begins so would be changed by some programs on the way.
        plain &= column > 0 || !matches!(byte, b'.' | b'F');
        if plain {
            out.push(char::from(byte));
            column += 1;
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "={byte:02X}");
            column += 3;
        }
    }
    out.push_str("\r\n");
}

/// A field with unstructured text (`Subject`), folded, encoded if it has to be, with its final CRLF.
pub fn text_field(name: &str, value: &str) -> String {
    let value = one_line(value);
    let mut words = Vec::new();
    if needs_encoding(&value) {
        words = encoded_words(&value, name.len() + 2);
    } else {
        words.extend(value.split(' ').filter(|w| !w.is_empty()).map(str::to_owned));
    }
    folded_field(name, &words)
}

/// A field made of words that are written as they are, folded between them, with its final CRLF.
pub fn folded_field(name: &str, words: &[String]) -> String {
    let mut out = format!("{name}:");
    let mut column = out.len();
    for word in words {
        if column > name.len() + 1 && column + 1 + word.len() > LINE {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out.push_str("\r\n");
    out
}

/// A display name as a phrase: atoms, a quoted string, or encoded words. Empty for an empty name.
pub fn phrase(name: &str) -> String {
    let name = one_line(name);
    let name = name.trim();
    if name.is_empty() {
        String::new()
    } else if needs_encoding(name) {
        encoded_words(name, 20).join(" ")
    } else if name.bytes().all(|b| b.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&b)) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Parameters `; name=value`, each on its own line, encoded and cut as RFC 2231 says where they need it.
pub fn parameter(name: &str, value: &str) -> String {
    let value = one_line(value);
    let mut out = String::new();
    if value.is_ascii() && value.len() <= 60 {
        let token =
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=*'%".contains(&b));
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = if token { value } else { format!("\"{escaped}\"") };
        let _ = write!(out, ";\r\n {name}={text}");
        return out;
    }
    let mut pieces = vec![String::from("utf-8''")];
    for byte in value.bytes() {
        let piece = if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        };
        match pieces.last_mut() {
            Some(last) if last.len() + piece.len() <= 60 => last.push_str(&piece),
            _ => pieces.push(piece),
        }
    }
    if let [only] = &pieces[..] {
        let _ = write!(out, ";\r\n {name}*={only}");
    } else {
        for (index, piece) in pieces.iter().enumerate() {
            let _ = write!(out, ";\r\n {name}*{index}*={piece}");
        }
    }
    out
}

/// The text as encoded words of at most 75 characters, each complete in itself (RFC 2047 §5). `column`: where the first
/// one starts.
pub fn encoded_words(text: &str, column: usize) -> Vec<String> {
    let special = text.bytes().filter(|&b| !is_q(b) && b != b' ').count();
    let base64 = special * 3 > text.len();
    let cost = |c: char| {
        let utf8 = c.len_utf8();
        if base64 || (c.is_ascii() && (is_q(c as u8) || c == ' ')) { utf8 } else { 3 * utf8 }
    };
    let mut pieces: Vec<String> = vec![String::new()];
    // "=?utf-8?q?" and "?=" take twelve characters; base64 takes four for three.
    let room = |index: usize| {
        let width = if index == 0 { LINE.saturating_sub(column).clamp(32, 75) } else { 75 };
        if base64 { (width - 12) / 4 * 3 } else { width - 12 }
    };
    let mut used = 0;
    for c in text.chars() {
        if used + cost(c) > room(pieces.len() - 1) {
            pieces.push(String::new());
            used = 0;
        }
        used += cost(c);
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    let word = |piece: &String| {
        if base64 {
            return format!("=?utf-8?b?{}?=", STANDARD.encode(piece));
        }
        let mut q = String::new();
        for byte in piece.bytes() {
            match byte {
                b' ' => q.push('_'),
                _ if is_q(byte) => q.push(char::from(byte)),
                _ => {
                    let _ = write!(q, "={byte:02X}");
                }
            }
        }
        format!("=?utf-8?q?{q}?=")
    };
    pieces.iter().map(word).collect()
}

/// Characters that stand for themselves in every kind of encoded word (RFC 2047 §5 (3)).
fn is_q(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!*+-/".contains(&byte)
}

fn needs_encoding(value: &str) -> bool {
    !value.is_ascii() || value.contains("=?") || value.split(' ').any(|word| word.len() > WORD)
}

/// The value without control characters.
pub fn one_line(value: &str) -> String {
    value.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::transfer_decoded;
    use crate::header::{decoded, fields};
    use proptest::prelude::*;

    #[test]
    fn fields_are_written_as_expected() {
        assert_eq!(text_field("Subject", "Compte rendu"), "Subject: Compte rendu\r\n");
        assert_eq!(text_field("Subject", "Été"), "Subject: =?utf-8?b?w4l0w6k=?=\r\n");
        assert_eq!(text_field("Subject", "Résultats d'analyse"), "Subject: =?utf-8?q?R=C3=A9sultats_d=27analyse?=\r\n");
        assert_eq!(text_field("X", "a\r\nBcc: b"), "X: a Bcc: b\r\n");
        assert_eq!(phrase("Jean Dupont"), "Jean Dupont");
        assert_eq!(phrase("Dupont, \"Jean\""), "\"Dupont, \\\"Jean\\\"\"");
        assert_eq!(parameter("filename", "a b.pdf"), ";\r\n filename=\"a b.pdf\"");
        assert_eq!(parameter("filename", "été.pdf"), ";\r\n filename*=utf-8''%C3%A9t%C3%A9.pdf");
    }

    #[test]
    fn quoted_printable_is_safe_on_the_way() {
        let mut out = String::new();
        quoted_printable("Forêt.\r\n.point\nFrom ici \n\nfin".as_bytes(), &mut out);
        assert_eq!(out, "=46or=C3=AAt.\r\n=2Epoint\r\n=46rom ici=20\r\n\r\nfin\r\n");
    }

    proptest! {
        #[test]
        fn texts_come_back(text in "[ a-zA-Zéàœ€😀=?_,.\"\\\\-]{0,200}") {
            let field = text_field("Subject", &text);
            prop_assert!(field.is_ascii() && field.ends_with("\r\n"));
            prop_assert!(field.lines().all(|l| l.len() <= 998));
            let found = fields(field.as_bytes()).next().map(|f| decoded(f.value));
            let squeezed = |t: &str| if t.is_ascii() && !t.contains("=?") { t.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ") } else { t.trim().to_owned() };
            prop_assert_eq!(found, Some(squeezed(&text)));
        }

        #[test]
        fn bodies_come_back(text in "[ a-zF.éà=\t\n]{0,300}") {
            let mut out = String::new();
            quoted_printable(text.as_bytes(), &mut out);
            prop_assert!(out.is_ascii() && out.lines().all(|l| l.len() <= 76));
            let mut expected = text.strip_suffix('\n').unwrap_or(&text).replace('\n', "\r\n");
            expected.push_str("\r\n");
            prop_assert_eq!(String::from_utf8(transfer_decoded("quoted-printable", out.as_bytes())).unwrap(), expected);
        }

        #[test]
        fn parameters_come_back(value in "[ a-zé€😀;\"\\\\'%*.()]{1,120}") {
            let field = format!("x/y{}", parameter("filename", &value));
            let (_, read) = crate::parameter::split(field.as_bytes(), 128).unwrap();
            let all = crate::parameter::assemble(read);
            prop_assert_eq!(crate::parameter::find(&all, "filename"), Some(&value[..]));
        }
    }
}
