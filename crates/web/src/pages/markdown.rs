//! The little Markdown that terms of use are written in, as HTML: headings, paragraphs, lists, quotes, strong and emphasised words.
//!
//! Promises: everything else stands as text; no tag, no link and no attribute of the text's own reaches the page; one pass.
use super::layout::{escape, set};

/// A heading, for a table of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// `id` of the element.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// HTML of a text, and its headings of the second rank. The heading of the first rank is left out: the page has its own.
pub fn html(text: &str) -> (String, Vec<Heading>) {
    let mut w = Writer::default();
    for line in text.lines() {
        w.line(line.trim());
    }
    w.close();
    (w.out, w.headings)
}

#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum Open {
    #[default]
    Nothing,
    Paragraph,
    List,
    Quote,
}

#[derive(Debug, Default)]
struct Writer {
    out: String,
    open: Open,
    /// What the open block holds so far.
    text: String,
    headings: Vec<Heading>,
}

impl Writer {
    fn line(&mut self, line: &str) {
        let rank = line.bytes().take_while(|b| *b == b'#').count();
        if line.is_empty() || (line.starts_with("<!--") && line.ends_with("-->")) {
            self.close();
        } else if (1..=6).contains(&rank) && line.as_bytes().get(rank) == Some(&b' ') {
            self.close();
            self.heading(rank, line[rank..].trim());
        } else if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
            if self.open == Open::List {
                self.item();
            } else {
                self.close();
                self.out.push_str("<ul>");
                self.open = Open::List;
            }
            self.text.push_str(item);
        } else if let Some(quote) = line.strip_prefix("> ") {
            self.block(Open::Quote, quote);
        } else if self.open == Open::Nothing {
            self.block(Open::Paragraph, line);
        } else {
            self.text.push(' ');
            self.text.push_str(line);
        }
    }

    fn block(&mut self, kind: Open, line: &str) {
        if self.open == kind {
            self.text.push(' ');
        } else {
            self.close();
            self.open = kind;
        }
        self.text.push_str(line);
    }

    fn heading(&mut self, rank: usize, text: &str) {
        if rank == 1 {
            return;
        }
        let tag = rank.min(4);
        if rank == 2 {
            let id = format!("art-{}", self.headings.len() + 1);
            self.out.push_str(&format!("<h2 id=\"{id}\">{}</h2>\n", inline(text)));
            self.headings.push(Heading { id, text: text.to_owned() });
        } else {
            self.out.push_str(&format!("<h{tag}>{}</h{tag}>\n", inline(text)));
        }
    }

    fn item(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.out.push_str(&format!("<li>{}</li>", inline(&text)));
    }

    fn close(&mut self) {
        match self.open {
            Open::Nothing => {}
            Open::List => {
                self.item();
                self.out.push_str("</ul>\n");
            }
            Open::Paragraph | Open::Quote => {
                let text = std::mem::take(&mut self.text);
                let (before, after) =
                    if self.open == Open::Quote { ("<blockquote><p>", "</p></blockquote>") } else { ("<p>", "</p>") };
                self.out.push_str(&format!("{before}{}{after}\n", inline(&text)));
            }
        }
        self.open = Open::Nothing;
    }
}

/// `**strong**` and `*emphasised*`; a mark without its partner stands for itself.
fn inline(text: &str) -> String {
    let text: &str = &set(text);
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find('*') {
        out.push_str(&escape(&rest[..at]));
        let marked = &rest[at..];
        let (mark, tag) = if marked.starts_with("**") { ("**", "strong") } else { ("*", "em") };
        let inner = &marked[mark.len()..];
        match inner.find(mark) {
            Some(end) if end > 0 => {
                out.push_str(&format!("<{tag}>{}</{tag}>", escape(&inner[..end])));
                rest = &inner[end + mark.len()..];
            }
            _ => {
                out.push_str(mark);
                rest = inner;
            }
        }
    }
    out.push_str(&escape(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terms_use_is_rendered_and_the_rest_is_text() {
        let (html, headings) = html(
            "# Title\n\nOne **bold** and *soft* line\nthat goes on.\n<!-- clause: a -->\n## 1. A & B\n- one\n  more\n- two *\n\n> said\n\
             <script>alert(1)</script> [x](javascript:y) **\n### Sub\n",
        );
        assert_eq!(
            html,
            "<p>One <strong>bold</strong> and <em>soft</em> line that goes on.</p>\n<h2 id=\"art-1\">1. A &amp; B</h2>\n\
             <ul><li>one more</li><li>two *</li></ul>\n\
             <blockquote><p>said &lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:y) **</p></blockquote>\n<h3>Sub</h3>\n"
        );
        assert_eq!(headings, [Heading { id: "art-1".into(), text: "1. A & B".into() }]);
    }

    #[test]
    fn no_tag_of_the_template_is_lost() {
        let (html, headings) = html(sceau_domain::terms::TEMPLATE_FR);
        assert_eq!(headings.len(), 27);
        for tag in ["p", "ul", "li", "strong", "em", "h2"] {
            let open = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert!(!html.contains("<!--") && !html.contains("**"));
    }
}
