//! Header fields (RFC 5322 §2.2): iteration, unfolding, decoding of encoded words (RFC 2047), and the origin check.
use crate::decode::to_utf8_or_1252;

pub use crate::origin::{Origin, origin, resent};

/// One field of a header section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name as written, without the colon and the white space that obsolete syntax allows before it.
    pub name: &'a str,
    /// Value as written, folded, without the white space right after the colon and without the final line end.
    pub value: &'a [u8],
    /// The whole field as written, with its line ends (for `BODY[HEADER.FIELDS]`).
    pub raw: &'a [u8],
}

/// The fields of a header section, in order. Lines that are no field are skipped, with the lines that continue them; a
/// blank line ends the section.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    entries(header).filter_map(Result::ok)
}

/// The fields, and as errors the lines that are none.
pub(crate) fn entries(header: &[u8]) -> impl Iterator<Item = Result<Field<'_>, &[u8]>> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let mut end = line(rest);
        if matches!(&rest[..end], b"" | b"\n" | b"\r\n") {
            rest = &[];
            return None;
        }
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line(&rest[end..]);
        }
        let (raw, after) = rest.split_at(end);
        rest = after;
        Some(field(raw).ok_or(raw))
    })
}

/// Length of the first line with its line end.
fn line(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

/// One field with its continuation lines.
fn field(raw: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', raw)?;
    let end = raw[..colon].iter().rposition(|b| !matches!(b, b' ' | b'\t'))? + 1;
    let name = &raw[..end];
    if !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let value = &raw[colon + 1..];
    let value = value.strip_suffix(b"\n").map_or(value, |v| v.strip_suffix(b"\r").unwrap_or(v));
    let start = value.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(value.len());
    Some(Field { name: std::str::from_utf8(name).ok()?, value: &value[start..], raw })
}

/// The value unfolded and decoded (RFC 2047, charsets) to UTF-8, for search and display. Raw bytes above 127 are read as
/// UTF-8, or Windows-1252 where they are not. Control characters come out as spaces: the text can be shown on one line.
pub fn decoded(value: &[u8]) -> String {
    let mut text = crate::encoded_word::decode(&unfold(value));
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, " ");
    }
    match text.trim() {
        all if all.len() == text.len() => text,
        some => some.to_owned(),
    }
}

/// The value without line ends (RFC 5322 §2.2.3). White space that follows them stays.
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for (at, &byte) in value.iter().enumerate() {
        let folds = |from: usize| matches!(value.get(from), Some(b' ' | b'\t') | None);
        match byte {
            b'\n' if folds(at + 1) => {}
            b'\r' if value.get(at + 1) == Some(&b'\n') && folds(at + 2) => {}
            _ => out.push(byte),
        }
    }
    out
}

/// The value unfolded, not decoded, as text without control characters; `None` when nothing is left.
pub(crate) fn text_of(value: &[u8]) -> Option<String> {
    let text = to_utf8_or_1252(&unfold(value));
    let text = text.replace(|c: char| c.is_control() && c != '\t', " ");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_cut_where_people_see_them() {
        let header = b"Received: from a\r\n\tby b\r\nbroken line\r\n continued\r\nSubject : Essai\r\nX:\r\nTo:\r\n a@b.example\r\n\r\nFrom: no@b.example\r\n";
        let found: Vec<_> =
            fields(header).map(|f| (f.name, String::from_utf8_lossy(f.value).into_owned(), f.raw.len())).collect();
        assert_eq!(
            found,
            [
                ("Received", "from a\r\n\tby b".to_owned(), 25),
                ("Subject", "Essai".to_owned(), 17),
                ("X", String::new(), 4),
                ("To", "\r\n a@b.example".to_owned(), 19),
            ]
        );
        assert_eq!(fields(b"").count(), 0);
        assert_eq!(fields(b"A: 1\nB: 2\n\nC: 3").count(), 2);
        assert_eq!(fields(b" continuation first\r\nA: 1").map(|f| f.value).collect::<Vec<_>>(), [b"1"]);
        assert_eq!(fields("Fr\u{e9}: 1\r\nUn nom: 2\r\n".as_bytes()).count(), 0);
    }

    #[test]
    fn values_are_decoded_as_people_read_them() {
        for (value, clear) in [
            (&b"R=?utf-8?q?=C3=A9?=sultat"[..], "Résultat"),
            (b"=?ISO-8859-1?Q?R=E9sultats?= de Mme =?iso-8859-1?b?RvZu?=", "Résultats de Mme Fön"),
            (b"=?UTF-8?Q?Compte_rendu?=\r\n =?UTF-8?Q?_d'op=C3=A9ration?=", "Compte rendu d'opération"),
            (b"=?utf-8?B?ww==?= =?utf-8?B?qQ==?=", "é"),
            (b"=?utf-8?Q?=C3?=  =?UTF-8?Q?=A9?= fin", "é fin"),
            (b"=?utf-8*fr?Q?=C3=A9?= x", "é x"),
            (b"=?utf-8?X?abc?= =?bad", "=?utf-8?X?abc?= =?bad"),
            (b"=?utf-8?Q?a b?=", "a b"),
            (b"=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x"),
            (b"=?x-inconnu?Q?=E9?=", "é"),
            (b"=?utf-8?Q??= fin", "fin"),
            ("déjà décodé".as_bytes(), "déjà décodé"),
            (b"d\xe9j\xe0", "déjà"),
            (b"plain\r\n\ttext ", "plain text"),
            (b"=?utf-8?Q?no end", "=?utf-8?Q?no end"),
        ] {
            assert_eq!(decoded(value), clear, "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn a_megabyte_of_beginnings_is_read_in_one_pass() {
        // Quadratic reading would take minutes here.
        assert_eq!(decoded(&b"=?a?Q?x".repeat(200_000)).len(), 1_400_000);
        assert_eq!(decoded(&b"=?a?Q".repeat(200_000)).len(), 1_000_000);
        assert_eq!(decoded(&b"=?".repeat(500_000)).len(), 1_000_000);
    }
}
