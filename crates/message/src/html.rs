//! The text of HTML, roughly, as it streams: tags and comments go, what breaks a line becomes a line break, styles and
//! scripts are skipped, character references are read. For searching, and for the words of a letter that has no other text; never markup.
//!
//! Memory is a tag's name, whatever the input; the output is never longer than the input.

/// Longest tag name or character reference that is looked at, in characters.
const NAME: usize = 32;

/// Incremental stripper.
#[derive(Debug, Default)]
pub struct Stripper {
    state: State,
    /// Tag name or reference being read.
    name: String,
    /// Inside `style` or `script`.
    skipping: Option<&'static str>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After `<`.
    Name,
    /// In a tag, after its name; the quote that is open, if any.
    Tag(Option<char>),
    /// In `<!--`; how many `-` just came.
    Comment(u8),
    /// After `&`.
    Reference,
}

impl Stripper {
    /// Takes the next HTML, appends its text to `out`.
    pub fn push(&mut self, html: &str, out: &mut String) {
        for c in html.chars() {
            self.take(c, out);
        }
    }
    /// Ends the input.
    pub fn end(&mut self, out: &mut String) {
        if self.state == State::Reference {
            self.reference(None, out);
        }
        *self = Self::default();
    }
    fn take(&mut self, c: char, out: &mut String) {
        match self.state {
            State::Text => match c {
                '<' => {
                    self.name.clear();
                    self.state = State::Name;
                }
                '&' if self.skipping.is_none() => {
                    self.name.clear();
                    self.state = State::Reference;
                }
                _ if self.skipping.is_none() => out.push(c),
                _ => {}
            },
            State::Name => match c {
                _ if self.skipping.is_some_and(|s| !ends(&self.name, c, s)) => {
                    // Inside a style or script only its own end is a tag.
                    self.state = State::Text;
                    if c == '<' {
                        self.take(c, out);
                    }
                }
                _ if self.name == "!--" => {
                    self.state = State::Comment(0);
                    self.take(c, out);
                }
                '>' => self.tag(out),
                c if self.name.is_empty() && !(c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) => {
                    // A `<` that is no tag.
                    self.state = State::Text;
                    if self.skipping.is_none() {
                        out.push('<');
                    }
                    self.take(c, out);
                }
                c if c.is_whitespace() => self.state = State::Tag(None),
                c if self.name.len() < NAME => self.name.push(c.to_ascii_lowercase()),
                _ => self.state = State::Tag(None),
            },
            State::Tag(None) => match c {
                '>' => self.tag(out),
                '"' | '\'' => self.state = State::Tag(Some(c)),
                _ => {}
            },
            State::Tag(Some(quote)) => {
                if c == quote {
                    self.state = State::Tag(None);
                }
            }
            State::Comment(dashes) => {
                self.state = match c {
                    '>' if dashes >= 2 => State::Text,
                    '-' => State::Comment(dashes.saturating_add(1)),
                    _ => State::Comment(0),
                };
            }
            State::Reference => match c {
                ';' => self.reference(Some(';'), out),
                c if (c.is_ascii_alphanumeric() || c == '#') && self.name.len() < NAME => self.name.push(c),
                c => {
                    self.reference(None, out);
                    self.take(c, out);
                }
            },
        }
    }
    fn tag(&mut self, out: &mut String) {
        self.state = State::Text;
        let (closing, name) = match self.name.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, self.name.trim_end_matches('/')),
        };
        match self.skipping {
            Some(skipped) if closing && name == skipped => self.skipping = None,
            Some(_) => {}
            None => match name {
                "style" if !closing => self.skipping = Some("style"),
                "script" if !closing => self.skipping = Some("script"),
                _ if BREAKS.contains(&name) => out.push('\n'),
                _ => {}
            },
        }
    }
    fn reference(&mut self, end: Option<char>, out: &mut String) {
        self.state = State::Text;
        let name = std::mem::take(&mut self.name);
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
        let named = || NAMES.iter().find(|(n, _)| *n == name).map(|(_, c)| *c);
        match number.and_then(char::from_u32).or_else(named) {
            Some(c) => out.push(c),
            None => {
                out.push('&');
                out.push_str(&name);
                out.extend(end);
            }
        }
    }
}

/// What was read of a tag, and the next character, may be the end tag of `element`.
fn ends(name: &str, next: char, element: &str) -> bool {
    match name.strip_prefix('/') {
        None => name.is_empty() && next == '/',
        Some(name) if name == element => next == '>' || next.is_whitespace(),
        Some(name) => element.strip_prefix(name).is_some_and(|rest| rest.starts_with(next.to_ascii_lowercase())),
    }
}

/// Elements that stand on lines or in cells of their own.
const BREAKS: [&str; 26] = [
    "address",
    "article",
    "blockquote",
    "body",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "td",
    "th",
    "tr",
    "ul",
];

/// Named references that mail in French and its neighbours uses.
const NAMES: [(&str, char); 83] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("euro", '€'),
    ("deg", '°'),
    ("ordm", 'º'),
    ("ordf", 'ª'),
    ("sect", '§'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("micro", 'µ'),
    ("plusmn", '±'),
    ("times", '×'),
    ("divide", '÷'),
    ("middot", '·'),
    ("bull", '•'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("sup2", '²'),
    ("sup3", '³'),
    ("frac12", '½'),
    ("agrave", 'à'),
    ("aacute", 'á'),
    ("acirc", 'â'),
    ("atilde", 'ã'),
    ("auml", 'ä'),
    ("aring", 'å'),
    ("aelig", 'æ'),
    ("ccedil", 'ç'),
    ("egrave", 'è'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("euml", 'ë'),
    ("igrave", 'ì'),
    ("iacute", 'í'),
    ("icirc", 'î'),
    ("iuml", 'ï'),
    ("ntilde", 'ñ'),
    ("ograve", 'ò'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("otilde", 'õ'),
    ("ouml", 'ö'),
    ("oslash", 'ø'),
    ("oelig", 'œ'),
    ("ugrave", 'ù'),
    ("uacute", 'ú'),
    ("ucirc", 'û'),
    ("uuml", 'ü'),
    ("yuml", 'ÿ'),
    ("szlig", 'ß'),
    ("Agrave", 'À'),
    ("Aacute", 'Á'),
    ("Acirc", 'Â'),
    ("Auml", 'Ä'),
    ("AElig", 'Æ'),
    ("Ccedil", 'Ç'),
    ("Egrave", 'È'),
    ("Eacute", 'É'),
    ("Ecirc", 'Ê'),
    ("Euml", 'Ë'),
    ("Icirc", 'Î'),
    ("Iuml", 'Ï'),
    ("Ntilde", 'Ñ'),
    ("Oacute", 'Ó'),
    ("Ocirc", 'Ô'),
    ("Ouml", 'Ö'),
    ("OElig", 'Œ'),
    ("Ugrave", 'Ù'),
    ("Ucirc", 'Û'),
    ("Uuml", 'Ü'),
    ("Uacute", 'Ú'),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[&str]) -> String {
        let (mut stripper, mut out) = (Stripper::default(), String::new());
        for piece in pieces {
            stripper.push(piece, &mut out);
        }
        stripper.end(&mut out);
        out
    }

    #[test]
    fn tags_go_and_words_stay_whole() {
        assert_eq!(text(&["<p class=\"a>b\">Compte <b>rend</b>u</p>x<br/>y"]), "\nCompte rendu\nx\ny");
        assert_eq!(text(&["a<!-- <b> -- > hidden -->b"]), "ab");
        assert_eq!(text(&["<style>p { color: red } </p></style>v<SCRIPT>if (a<b) {}</script >w"]), "vw");
        assert_eq!(text(&["1 < 2 & 3<4 &amp"]), "1 < 2 & 3<4 &");
    }

    #[test]
    fn references_are_read() {
        assert_eq!(
            text(&["&Eacute;t&eacute; &#233;&#xE9; &nbsp;&unknown; &#xFFFFFFFF; A&B"]),
            "Été éé \u{a0}&unknown; &#xFFFFFFFF; A&B"
        );
    }

    #[test]
    fn cutting_changes_nothing() {
        let html = "<p a='>'>&Eacute;t<b>&#233;</b> <!--x--> &am p; 1<2<br>";
        let letters: Vec<String> = html.chars().map(String::from).collect();
        assert_eq!(text(&letters.iter().map(String::as_str).collect::<Vec<_>>()), text(&[html]));
    }

    #[test]
    fn names_are_bounded() {
        let mut stripper = Stripper::default();
        let mut out = String::new();
        stripper.push(&format!("<{}", "a".repeat(100_000)), &mut out);
        assert!(stripper.name.len() <= NAME);
        assert!(out.is_empty());
    }
}
