//! What reading HTML will cost, found by a scan that makes nothing: a parser that reads as browsers do makes elements again at every block where formatting
//! was left open, so that a few kilobytes can become gigabytes.
//!
//! Promise: the count is never lower than what the parser makes. An end is believed only where the parser cannot ignore it: not across a cell or a table that
//! began since; wherever the parser may read otherwise than this scan (drawings, templates…), no end is believed at all.
use super::{MOST_IN, TooMuch};

/// Most tags.
const TAGS: u32 = 50_000;
/// Deepest nesting.
const DEPTH: u32 = 256;
/// Most attributes of a tag.
const ATTRIBUTES: u32 = 64;
/// Most elements that are made, those that are made again included.
const WORK: u64 = 400_000;

/// What is made again in the next block when it was left open (HTML, *list of active formatting elements*).
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// An end within them says nothing of what was open before them.
const WALLS: &[&str] = &["table", "td", "th", "caption"];
/// Within them nothing is a tag but their own end.
const RAW: &[&str] = &["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"];
/// Where the parser may read otherwise than this scan.
const OTHERWISE: &[&str] =
    &["svg", "math", "select", "template", "noscript", "plaintext", "object", "applet", "marquee", "frameset"];
/// Elements without an end, or whose end is seldom written: they do not nest.
const FLAT: &[&str] = &[
    "br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "param", "source", "track", "wbr", "p",
    "li", "dt", "dd", "td", "th", "tr", "tbody", "option", "colgroup",
];
/// What does something: told when it is left out.
const ACTIVE: &[&str] =
    &["script", "form", "input", "button", "select", "textarea", "iframe", "object", "embed", "svg", "math", "applet"];

/// Refuses what would cost too much; else says how much of it does something.
pub(super) fn judge(html: &str) -> Result<u32, TooMuch> {
    if html.len() > MOST_IN {
        return Err(TooMuch);
    }
    let mut scan = Scan { crude: html.contains("<![CDATA["), ..Scan::default() };
    let (bytes, mut at) = (html.as_bytes(), 0);
    while let Some(next) = memchr::memchr(b'<', &bytes[at..]) {
        at = scan.markup(bytes, at + next)?;
    }
    if scan.crude && scan.tags.saturating_mul(1 + scan.formatting) > WORK {
        return Err(TooMuch);
    }
    Ok(scan.active)
}

#[derive(Debug, Default)]
struct Scan {
    /// Formatting that is open, and walls, in their order.
    open: Vec<&'static str>,
    depth: u32,
    tags: u64,
    /// Beginnings of formatting.
    formatting: u64,
    work: u64,
    active: u32,
    crude: bool,
}

impl Scan {
    /// Reads what begins with `<` at `at`; where it ends.
    fn markup(&mut self, bytes: &[u8], at: usize) -> Result<usize, TooMuch> {
        let to = |what: u8, from: usize| memchr::memchr(what, &bytes[from..]).map_or(bytes.len(), |n| from + n + 1);
        let closing = bytes.get(at + 1) == Some(&b'/');
        let name_at = at + 1 + usize::from(closing);
        match bytes.get(name_at) {
            Some(b) if b.is_ascii_alphabetic() => {}
            Some(b'!') if bytes[at..].starts_with(b"<!--") => return Ok(comment(bytes, at)),
            Some(b'!' | b'?') => return Ok(to(b'>', name_at)),
            Some(_) if closing => return Ok(to(b'>', name_at)),
            _ => return Ok(at + 1),
        }
        let stop = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'>');
        let name_end = bytes[name_at..].iter().position(stop).map_or(bytes.len(), |n| name_at + n);
        let name = String::from_utf8_lossy(&bytes[name_at..name_end.min(name_at + 32)]).to_ascii_lowercase();
        let (end, attributes) = attributes(bytes, name_end);
        if attributes > ATTRIBUTES {
            return Err(TooMuch);
        }
        self.tag(&name, closing)?;
        if !closing && RAW.contains(&name.as_str()) {
            let after = raw_end(bytes, end, &name);
            // A program may hold what looks like its own end.
            self.crude |= name == "script" && memchr::memmem::find(&bytes[end..after], b"<!--").is_some();
            return Ok(after);
        }
        Ok(end)
    }

    fn tag(&mut self, name: &str, closing: bool) -> Result<(), TooMuch> {
        self.tags += 1;
        self.crude |= OTHERWISE.contains(&name);
        if !closing && ACTIVE.contains(&name) {
            self.active += 1;
        }
        if !FLAT.contains(&name) {
            self.depth = if closing { self.depth.saturating_sub(1) } else { self.depth + 1 };
        }
        if let Some(own) = FORMATTING.iter().find(|f| **f == name) {
            if !closing {
                self.open.push(*own);
                self.formatting += 1;
            } else if let Some(at) = self.open.iter().rposition(|o| o == own || WALLS.contains(o))
                && self.open[at] == *own
            {
                self.open.remove(at);
            }
        } else if let Some(wall) = WALLS.iter().find(|w| **w == name) {
            if !closing {
                self.open.push(*wall);
            } else if let Some(at) = self.open.iter().rposition(|o| WALLS.contains(o))
                && self.open[at] == *wall
            {
                // What was left open within it is counted on.
                self.open.remove(at);
            }
        }
        // Every tag and the text after it may make all of it again.
        self.work += 1 + self.open.len() as u64;
        if self.tags > u64::from(TAGS) || self.depth > DEPTH || self.work > WORK {
            return Err(TooMuch);
        }
        Ok(())
    }
}

/// Where a comment ends (HTML, *comment state*).
fn comment(bytes: &[u8], at: usize) -> usize {
    let find = |what: &[u8], from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        memchr::memmem::find(rest, what).map_or(bytes.len(), |n| from + n + what.len())
    };
    // `<!-->` and `<!--->` are whole ones.
    find(b"-->", at + 2).min(find(b"--!>", at + 4))
}

/// Where a tag ends whose name ended at `at`, and how many attributes it has.
fn attributes(bytes: &[u8], mut at: usize) -> (usize, u32) {
    let mut count = 0;
    let skip = |mut at: usize, what: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(what) {
            at += 1;
        }
        at
    };
    loop {
        at = skip(at, |b| b.is_ascii_whitespace() || *b == b'/');
        match bytes.get(at) {
            None => return (bytes.len(), count),
            Some(b'>') => return (at + 1, count),
            Some(_) => count += 1,
        }
        // A `=` in the first place is of the name.
        at = skip(at + 1, |b| !b.is_ascii_whitespace() && !matches!(b, b'/' | b'>' | b'='));
        let equals = skip(at, u8::is_ascii_whitespace);
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        at = skip(equals + 1, u8::is_ascii_whitespace);
        at = match bytes.get(at) {
            Some(&quote @ (b'"' | b'\'')) => {
                memchr::memchr(quote, &bytes[at + 1..]).map_or(bytes.len(), |n| at + 1 + n + 1)
            }
            _ => skip(at, |b| !b.is_ascii_whitespace() && *b != b'>'),
        };
    }
}

/// Where the content of an element ends in which nothing else is a tag.
fn raw_end(bytes: &[u8], from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(next) = memchr::memmem::find(&bytes[at..], b"</") {
        let begin = at + next;
        let rest = &bytes[begin + 2..];
        let ends = rest.get(name.len()).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'));
        if ends && rest.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes())) {
            return begin;
        }
        at = begin + 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_as_programs_write_them_pass() {
        let row = "<tr><td style='x'><p><font face=Arial><b>Résultat</b></font></p></td><td>1,2 &lt; 3</td></tr>";
        let letter =
            format!("<html><head><style>p > b {{ }} </b></style></head><body><table>{}</table>", row.repeat(2_000));
        assert_eq!(judge(&letter), Ok(0));
        assert_eq!(judge("a < b <> </> <!> <!-- <b --> <?x?> <img alt=\"</b>\"><script>if (a<b) {}</script>"), Ok(1));
        assert_eq!(judge(&"<p>un<li>deux<br>".repeat(5_000)), Ok(0));
    }

    #[test]
    fn what_is_made_to_be_slow_does_not() {
        let many: String = (0..200).map(|n| format!("<b id={n}>")).collect();
        let again = "<p>x</p>".repeat(5_000);
        let ends = "</b>".repeat(200);
        for slow in [
            format!("<p>{many}</p>{again}"),
            // Ends that the parser does not see, or ignores.
            format!("<p>{many}<i title='{ends}'></i></p>{again}"),
            format!("<p>{many}<!-- {ends} --></p>{again}"),
            format!("<p>{many}<style>{ends}</style></p>{again}"),
            format!("<p>{many}<table><tr><td>{ends}</table></p>{again}"),
            format!("<p>{many}<svg>{ends}</svg></p>{again}"),
            format!("<p>{many}<select>{ends}</select></p>{again}"),
            "<div>".repeat(1_000),
            "<br>".repeat(60_000),
            format!("<p {}>", "a ".repeat(100)),
            " ".repeat(MOST_IN + 1),
        ] {
            assert_eq!(judge(&slow), Err(TooMuch), "{}", &slow[..slow.len().min(80)]);
        }
    }

    #[test]
    fn nothing_breaks_the_scan() {
        for odd in [
            "<",
            "</",
            "<!",
            "<!-",
            "<!--",
            "<!-->",
            "<!--->",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "<a =",
            "<é",
            "</é>",
            "<script></scrip",
        ] {
            assert!(judge(odd).is_ok(), "{odd}");
        }
    }
}
