//! Plain text as HTML: escaped, with its addresses as links, quoted lines marked, and what turns or hides writing shown for what it is.
use sceau_domain::plain::is_treacherous;

/// Text as HTML that stands in a page: `<a>` for addresses (as `link` leads), `<span class="quoted">` around lines that quote.
pub fn linked(text: &str, link: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        let quoted = line.starts_with('>');
        if quoted {
            out.push_str("<span class=\"quoted\">");
        }
        let (words, end) = match line.strip_suffix('\n') {
            Some(words) => (words.strip_suffix('\r').unwrap_or(words), "\n"),
            None => (line, ""),
        };
        one_line(words, link, &mut out);
        if quoted {
            out.push_str("</span>");
        }
        out.push_str(end);
    }
    out
}

fn one_line(line: &str, link: &dyn Fn(&str) -> Option<String>, out: &mut String) {
    let mut rest = line;
    while let Some(at) = begin(rest) {
        escape(&rest[..at], out);
        let found = &rest[at..];
        let end = found.find(|c: char| c.is_whitespace() || "<>\"'«»`{}|\\^".contains(c) || is_treacherous(c));
        // What closes a sentence is not of the address.
        let closing = ['.', ',', ';', ':', '!', '?', ')', ']', '*', '_'];
        let address = found[..end.unwrap_or(found.len())].trim_end_matches(closing);
        match link(address).filter(|_| address.contains("://") && !address.ends_with("://")) {
            Some(to) => {
                out.push_str("<a target=\"_blank\" rel=\"noopener noreferrer nofollow\" href=\"");
                escape(&to, out);
                out.push_str("\">");
                escape(address, out);
                out.push_str("</a>");
            }
            None => escape(address, out),
        }
        rest = &found[address.len()..];
    }
    escape(rest, out);
}

/// Where an address begins.
fn begin(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let at = from + at;
        for scheme in ["https", "http"] {
            if let Some(start) = at.checked_sub(scheme.len())
                && text.get(start..at).is_some_and(|s| s.eq_ignore_ascii_case(scheme))
                && !text[..start].ends_with(|c: char| c.is_alphanumeric())
            {
                return Some(start);
            }
        }
        from = at + 3;
    }
    None
}

/// Text within HTML. What has no place in a line is named.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' => out.push('\t'),
            // Seen by nobody, and harmless: what mail is full of.
            '\u{ad}' | '\u{200b}' | '\u{feff}' | '\u{2060}' => {}
            '\u{2028}' | '\u{2029}' => out.push('\n'),
            c if is_treacherous(c) => {
                out.push_str(&format!("<span class=\"badge badge-no\">U+{:04X}</span>", u32::from(c)))
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        linked(text, &|to| Some(format!("/sortie?a={to}")))
    }

    #[test]
    fn addresses_become_links_and_nothing_else_does() {
        assert_eq!(
            shown("Voir https://a.fr/x?y=1&z. Merci"),
            "Voir <a target=\"_blank\" rel=\"noopener noreferrer nofollow\" href=\"/sortie?a=https://a.fr/x?y=1&amp;z\">https://a.fr/x?y=1&amp;z</a>. Merci"
        );
        for plain in ["javascript://x", "ftp://a", "https://", "xhttp://a.fr", "://"] {
            assert!(!shown(plain).contains("<a "), "{plain}");
        }
        assert_eq!(linked("http://a.fr", &|_| None), "http://a.fr");
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(
            shown("<b>\"a\" & 'b'\r\n> cité\r\n"),
            "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;\n<span class=\"quoted\">&gt; cité</span>\n"
        );
        assert_eq!(
            shown("gpj\u{202e}exe.\u{0}"),
            "gpj<span class=\"badge badge-no\">U+202E</span>exe.<span class=\"badge badge-no\">U+0000</span>"
        );
        assert_eq!(shown("http://a\"><script>x"), shown("http://a") + "&quot;&gt;&lt;script&gt;x");
    }
}
