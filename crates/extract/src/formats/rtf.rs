//! RTF: letters that word processors and older clinical software still write. Text only: destinations that hold none are skipped.
use super::Text;
use crate::Why;
use encoding_rs::{Encoding, WINDOWS_1252};

/// Deepest groups that are followed.
const DEPTH: usize = 256;
/// Longest control word, bytes (specification: 32).
const WORD: usize = 32;

/// What a group inherits and gives back.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// In a destination without text.
    skip: bool,
    /// Characters that stand in after `\u`, for readers that know no Unicode.
    fallback: usize,
}

/// Pushes the text of a document.
pub fn text(content: &[u8], out: &mut Text) -> Result<(), Why> {
    if !content.starts_with(b"{\\rtf") {
        return Err(Why::Broken);
    }
    let mut reader =
        Reader { groups: Vec::new(), group: Group { skip: false, fallback: 1 }, stale: 0, charset: WINDOWS_1252 };
    let (mut at, mut bytes, mut high) = (0, Vec::new(), None);
    while let Some(&byte) = content.get(at) {
        if out.is_full() {
            break;
        }
        at += 1;
        if byte != b'\\' && !matches!(byte, b'{' | b'}') {
            // Line ends of the file are none of the text.
            if !matches!(byte, b'\r' | b'\n' | 0) && reader.shown() {
                bytes.push(byte);
            }
            continue;
        }
        if byte == b'\\' && content.get(at) == Some(&b'\'') {
            let hex = content.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
            at += 3;
            if let Some(code) = hex.and_then(|h| u8::from_str_radix(h, 16).ok())
                && reader.shown()
            {
                bytes.push(code);
            }
            continue;
        }
        // A character of a double-byte charset may be written half as itself, half escaped: decoded together, here.
        reader.flush(&mut bytes, out);
        match byte {
            b'{' if reader.groups.len() >= DEPTH => return Err(Why::Excess),
            b'{' => reader.groups.push(reader.group),
            b'}' => match reader.groups.pop() {
                Some(group) => (reader.group, reader.stale) = (group, 0),
                None => break,
            },
            _ => at += reader.control(&content[at..], &mut high, out),
        }
    }
    reader.flush(&mut bytes, out);
    Ok(())
}

struct Reader {
    groups: Vec<Group>,
    group: Group,
    /// Stand-in characters still to be dropped.
    stale: usize,
    charset: &'static Encoding,
}

impl Reader {
    /// Does the next character belong to the text?
    fn shown(&mut self) -> bool {
        if self.stale > 0 {
            self.stale -= 1;
            return false;
        }
        !self.group.skip
    }
    fn flush(&mut self, bytes: &mut Vec<u8>, out: &mut Text) {
        if !bytes.is_empty() {
            out.push(&self.charset.decode_without_bom_handling(bytes).0);
            bytes.clear();
        }
    }
    /// What follows a backslash; how many bytes it was.
    fn control(&mut self, rest: &[u8], high: &mut Option<u16>, out: &mut Text) -> usize {
        let letters = rest.iter().take(WORD).take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == 0 {
            match rest.first() {
                Some(c @ (b'\\' | b'{' | b'}')) if self.shown() => out.push(char::from(*c).encode_utf8(&mut [0; 4])),
                Some(b'~') if self.shown() => out.push(" "),
                // An ignorable destination: what does not know it skips it.
                Some(b'*') => self.group.skip = true,
                _ => {}
            }
            return rest.len().min(1);
        }
        let digits = rest[letters..].iter().take(11).take_while(|b| b.is_ascii_digit() || **b == b'-').count();
        let end = letters + digits;
        let number: Option<i64> = std::str::from_utf8(&rest[letters..end]).ok().and_then(|n| n.parse().ok());
        match (&rest[..letters], number) {
            (b"par" | b"line" | b"row" | b"sect" | b"page", _) if !self.group.skip => out.push("\n"),
            (b"tab" | b"cell", _) if !self.group.skip => out.push("\t"),
            (b"u", Some(n)) => {
                // Signed sixteen bits; beyond the first plane two of them.
                let unit = (n & 0xffff) as u16;
                let units = [high.take().unwrap_or(unit), unit];
                let pair = if (0xd800..0xdc00).contains(&units[0]) { &units[..] } else { &units[1..] };
                if (0xd800..0xdc00).contains(&unit) {
                    *high = Some(unit);
                } else if !self.group.skip {
                    out.push(&String::from_utf16_lossy(pair));
                }
                self.stale = self.group.fallback;
            }
            (b"uc", Some(n)) => self.group.fallback = usize::try_from(n.clamp(0, 16)).unwrap_or(1),
            (b"ansicpg", Some(n)) => {
                self.charset = Encoding::for_label(format!("windows-{n}").as_bytes()).unwrap_or(WINDOWS_1252);
            }
            (b"bin", Some(n)) => return (end + 1).saturating_add(usize::try_from(n).unwrap_or(0)).min(rest.len()),
            (word, _) => match SIGNS.iter().find(|(w, _)| w.as_bytes() == word) {
                Some((_, sign)) if !self.group.skip => out.push(sign),
                _ => self.group.skip |= TEXTLESS.iter().any(|w| w.as_bytes() == word),
            },
        }
        // One blank ends a control word and belongs to it.
        end + usize::from(rest.get(end) == Some(&b' '))
    }
}

/// Characters that have a word.
const SIGNS: [(&str, &str); 8] = [
    ("lquote", "‘"),
    ("rquote", "’"),
    ("ldblquote", "“"),
    ("rdblquote", "”"),
    ("endash", "–"),
    ("emdash", "—"),
    ("bullet", "•"),
    ("emspace", " "),
];

/// Destinations without text.
const TEXTLESS: [&str; 12] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "objdata",
    "themedata",
    "datastore",
    "listtable",
    "fldinst",
    "generator",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rtf: &str) -> String {
        let mut out = Text::new(1000);
        text(rtf.as_bytes(), &mut out).unwrap();
        out.finish()
    }

    #[test]
    fn text_stands_and_the_rest_goes() {
        let rtf = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Word;}\f0\fs24 Compte rendu d\'92hospitalisation\par
 du patient \u233?t\u233?\~: {\b \'e9t\'e9}\{1\}\tab c\u339\'9cur \u-10179?\u-8704?}";
        assert_eq!(of(rtf), "Compte rendu d’hospitalisation\n du patient été : été{1}\tcœur 😀");
    }

    #[test]
    fn what_is_cut_or_deep_ends() {
        for rtf in [r"{\rtf1 a\", r"{\rtf1 a\'", r"{\rtf1 a\u", r"{\rtf1 a}}}", r"{\rtf1 a{\bin9999999999 x"] {
            assert_eq!(of(rtf), "a", "{rtf}");
        }
        let deep = format!("{{\\rtf1 {}", "{".repeat(1000));
        assert_eq!(text(deep.as_bytes(), &mut Text::new(10)), Err(Why::Excess));
        assert_eq!(text(b"hello", &mut Text::new(10)), Err(Why::Broken));
    }
}
