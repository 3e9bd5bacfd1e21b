//! HTML that a person wrote in our editor, and the same as plain text.
//!
//! Promises: only what the editor makes comes out (paragraphs, emphasis, lists, quotes, links), without an attribute but where a link leads; the plain twin says
//! the same, made from what came out, so that both parts of a letter are of one text; what came out, taken again, comes out as it is, however often a draft is
//! opened and kept.
use super::{DROPPED, TooMuch, budget};
use ammonia::{Builder, UrlRelative};
use std::collections::{HashMap, HashSet};

/// Elements that the editor makes.
const TAGS: &[&str] = &["p", "div", "br", "b", "strong", "i", "em", "u", "s", "ul", "ol", "li", "blockquote", "a"];
/// Where its links lead.
const SCHEMES: &[&str] = &["http", "https", "mailto"];
/// Most that is read, and most that comes out, bytes.
const MOST: usize = 512 << 10;
/// Times that it is read again at most, until it stays as it is.
const READINGS: usize = 4;

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// As HTML, what stands in a body; empty where nothing was written.
    pub html: String,
    /// As plain text.
    pub text: String,
}

/// Takes what the editor sends.
///
/// # Errors
/// [`TooMuch`]: it is too long, too deep, or made to be slow.
pub fn written(html: &str) -> Result<Written, TooMuch> {
    if html.len() > MOST {
        return Err(TooMuch);
    }
    budget::judge(html)?;
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(DROPPED.iter().copied().collect())
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        .generic_attributes(HashSet::new())
        .url_schemes(SCHEMES.iter().copied().collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(None);
    let html = settled(&builder, html)?;
    let text = twin(&html);
    if text.trim().is_empty() { Ok(Written::default()) } else { Ok(Written { html, text }) }
}

/// Cleaned until it reads as it is written: what is left out may have kept apart what cannot stand within each other (a block within a paragraph, a link within
/// a link), and references may have stood for what a parser changes (ends of lines).
fn settled(builder: &Builder<'_>, html: &str) -> Result<String, TooMuch> {
    let mut html = builder.clean(html).to_string();
    for _ in 0..READINGS {
        if html.len() > MOST {
            return Err(TooMuch);
        }
        budget::judge(&html)?;
        let again = builder.clean(&html).to_string();
        if again == html {
            return Ok(html);
        }
        html = again;
    }
    Err(TooMuch)
}

/// HTML that we made, as plain text.
fn twin(html: &str) -> String {
    let mut twin = Twin::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        twin.text(&rest[..at]);
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        twin.tag(rest[at + 1..end].trim_end_matches('>'));
        rest = &rest[end..];
    }
    twin.text(rest);
    twin.end()
}

#[derive(Debug, Default)]
struct Twin {
    out: String,
    line: String,
    /// Quotes that are open.
    quotes: usize,
    /// Lists that are open: the number of the next item; none: they are not numbered.
    lists: Vec<Option<u32>>,
    /// Where the link that is open leads, and where its words begin in the line.
    link: Option<(String, usize)>,
    /// An empty line comes before the next one.
    apart: bool,
}

impl Twin {
    fn text(&mut self, escaped: &str) {
        for word in unescaped(escaped).split_inclusive(char::is_whitespace) {
            // Ends of lines are spaces in HTML; several are one.
            let plain = word.trim_end_matches(|c: char| c.is_whitespace() && c != '\u{a0}');
            self.line.push_str(plain);
            if plain.len() < word.len() && !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
        match (name, tag.starts_with('/')) {
            ("br", _) => self.br(),
            ("p", _) => {
                self.broken();
                self.apart = !self.out.is_empty();
            }
            ("div", _) => self.broken(),
            ("blockquote", false) => {
                self.broken();
                self.quotes += 1;
            }
            ("blockquote", true) => {
                self.broken();
                self.quotes = self.quotes.saturating_sub(1);
            }
            ("ul", false) => self.list(None),
            ("ol", false) => self.list(Some(1)),
            ("ul" | "ol", true) => {
                self.broken();
                self.lists.pop();
            }
            ("li", false) => self.item(),
            ("li", true) => self.broken(),
            ("a", false) => {
                let to = tag.split_once("href=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
                self.link = Some((unescaped(to), self.line.len()));
            }
            ("a", true) => self.led(),
            _ => {}
        }
    }

    fn list(&mut self, first: Option<u32>) {
        self.broken();
        self.lists.push(first);
    }

    fn item(&mut self) {
        self.broken();
        let depth = self.lists.len().saturating_sub(1);
        self.line = "  ".repeat(depth);
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.line.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.line.push_str("- "),
        }
    }

    /// Where a link leads stands behind its words, where they do not say it.
    fn led(&mut self) {
        let Some((to, from)) = self.link.take() else { return };
        let words = self.line.get(from..).unwrap_or_default().trim();
        let told = to.strip_prefix("mailto:").unwrap_or(&to);
        if !to.is_empty() && !words.is_empty() && words != told && words != to {
            self.line.push_str(&format!(" <{told}>"));
        }
    }

    /// A line ends, if it has begun.
    fn broken(&mut self) {
        if !self.line.trim().is_empty() {
            self.br();
        }
        self.line.clear();
    }

    fn br(&mut self) {
        let mark = "> ".repeat(self.quotes);
        if std::mem::take(&mut self.apart) {
            self.put(mark.trim_end().to_owned());
        }
        let line = format!("{mark}{}", std::mem::take(&mut self.line).trim_end());
        self.put(line.trim_end().to_owned());
        // A link that goes on has its words in the next line.
        if let Some((_, from)) = &mut self.link {
            *from = 0;
        }
    }

    fn put(&mut self, line: String) {
        self.out.push_str(&line);
        self.out.push('\n');
    }

    fn end(mut self) -> String {
        self.broken();
        let text = self.out.trim_end().trim_start_matches('\n');
        if text.is_empty() { String::new() } else { format!("{text}\n") }
    }
}

/// What our own serialiser escapes.
fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&nbsp;", "\u{a0}")];
    // Ampersands last: what they stand before was never a reference.
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)).replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(html: &str) -> String {
        written(html).unwrap().text
    }

    #[test]
    fn only_what_the_editor_makes_comes_out() {
        let hostile = "<div style=\"color:red\" onclick=x()>Bonjour <b class=a title=b lang=c>Madame</b><script>x()</script><img src=x onerror=x()>\
                       <a href=\"javascript:x()\">ici</a> <a href=\"https://a.fr/?a=1&amp;b=2\" target=_top>là</a></div>";
        let Written { html, text } = written(hostile).unwrap();
        assert_eq!(html, "<div>Bonjour <b>Madame</b><a>ici</a> <a href=\"https://a.fr/?a=1&amp;b=2\">là</a></div>");
        assert_eq!(text, "Bonjour Madameici là <https://a.fr/?a=1&b=2>\n");
        assert_eq!(written(&html).unwrap(), Written { html, text }, "what is kept is kept as it is");
        assert_eq!(written("<div><br></div> &nbsp; <p></p>").unwrap(), Written::default());
        assert!(written(&"a".repeat(MOST + 1)).is_err());
        // What would be too long to be taken again is not taken.
        assert!(written(&"&".repeat(MOST / 2)).is_err());
    }

    #[test]
    fn what_came_out_comes_out_again_as_it_is() {
        for odd in [
            "<p>un<marquee><div>deux</div></marquee>trois</p>",
            "<a href=\"https://a.fr\">un<table><tr><td><a href=\"https://b.fr\">deux</a></td></tr></table></a>",
            "un&#13;deux&#13;&#10;trois",
            "<b><p>un</b>deux<ul><li>trois<p>",
        ] {
            let first = written(odd).unwrap();
            assert_eq!(written(&first.html).unwrap(), first, "{odd}");
            assert!(first.text.contains("un") && first.text.contains("deux"), "{first:?}");
        }
    }

    #[test]
    fn the_plain_twin_says_the_same() {
        assert_eq!(
            text("<div>Un</div><div>Deux &lt;3 &amp;amp;</div><div><br></div><div>Trois</div>"),
            "Un\nDeux <3 &amp;\n\nTrois\n"
        );
        assert_eq!(text("<p>Un</p><p>Deux<br>trois</p>"), "Un\n\nDeux\ntrois\n");
        assert_eq!(
            text("Liste :<ul><li>un</li><li>deux<ol><li>a</li><li>b</li></ol></li></ul>fin"),
            "Liste :\n- un\n- deux\n  1. a\n  2. b\nfin\n"
        );
        assert_eq!(text("Oui<blockquote>Et<blockquote>non</blockquote></blockquote>"), "Oui\n> Et\n> > non\n");
        assert_eq!(
            text("<a href=\"mailto:a@b.fr\">a@b.fr</a> <a href=\"https://b.fr\">https://b.fr</a>"),
            "a@b.fr https://b.fr\n"
        );
        assert_eq!(text("<i>a</i>\n  <u>b</u>"), "a b\n");
    }

    proptest! {
        #[test]
        fn nothing_else_ever_comes_out(
            html in "(<(p|div|b|ul|ol|li|blockquote|a href=\"https://a\\.fr\"|br|script|img)>|</(p|div|b|ul|li|a|blockquote)>|[a-z &<>\"]){0,40}"
        ) {
            if let Ok(first) = written(&html) {
                prop_assert_eq!(&written(&first.html).unwrap(), &first);
                let html = first.html;
                for tag in html.split('<').skip(1) {
                    let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap();
                    prop_assert!(TAGS.contains(&name), "{}", html);
                }
            }
        }
    }
}
