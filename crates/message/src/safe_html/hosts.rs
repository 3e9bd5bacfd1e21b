//! Where links lead, said: every link names its place to whoever points at it or comes to it by keys; beside a link whose own words name another place, its
//! place is written.
use std::collections::HashMap;

/// Longest name of a place.
const LONGEST: usize = 253;
/// What is no part of a name of a host in a sentence.
const AROUND: &[char] =
    &['<', '>', '(', ')', '[', ']', '{', '}', '"', '\'', '«', '»', ',', ';', '|', '“', '”', '‘', '’'];
/// Seen by nobody.
const UNSEEN: &[char] = &['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// The host of an `http:` or `https:` address, without whoever stands before it (`https://banque.fr@ailleurs.fr`) and without a port.
pub fn host(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    // Browsers read `\` as `/`.
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let authority = rest[..end].rsplit('@').next().unwrap_or_default();
    let host = match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    };
    (!host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control())).then_some(host)
}

/// What names the place to which an address leads: a host, or an address of mail.
pub(super) fn place(address: &str) -> Option<String> {
    let found = match address.split_once(':') {
        Some((scheme, to)) if scheme.eq_ignore_ascii_case("mailto") => to.split('?').next()?,
        _ => host(address)?,
    };
    let fine = !found.is_empty() && found.len() <= LONGEST && !found.contains(|c: char| c.is_whitespace());
    fine.then(|| found.to_lowercase())
}

/// HTML that the sanitiser made, with the places of its links. `led`: the place by what an address became.
pub(super) fn told(html: &str, led: &HashMap<String, String>) -> String {
    if led.is_empty() {
        return html.to_owned();
    }
    let (mut out, mut rest) = (String::with_capacity(html.len() + html.len() / 16), html);
    while let Some(at) = rest.find("<a ") {
        let end = at + tag_end(&rest[at..]);
        let tag = &rest[at..end];
        let place = value(tag, " href").and_then(|href| led.get(&plain(href)));
        // A link holds no other: the parser closed it before the next one began.
        let close = place.and_then(|_| rest[end..].find("</a>")).map(|n| end + n);
        let (Some(place), Some(close)) = (place, close) else {
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        };
        out.push_str(&rest[..end - 1]);
        out.push_str(" title=\"");
        escape(place, &mut out);
        out.push_str("\">");
        let words = &rest[end..close];
        out.push_str(words);
        out.push_str("</a>");
        if says_otherwise(&text(words), place) {
            out.push_str(" <span class=\"host\">(");
            escape(place, &mut out);
            out.push_str(")</span>");
        }
        rest = &rest[close + 4..];
    }
    out.push_str(rest);
    out
}

/// Where a tag ends; its values stand between quotation marks.
fn tag_end(html: &str) -> usize {
    let mut quoted = false;
    for (at, b) in html.bytes().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at + 1,
            _ => {}
        }
    }
    html.len()
}

/// The value of an attribute of a tag as the parser writes it: `<a href="…" style="…">`.
fn value<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut pieces = tag.split('"');
    while let (Some(before), Some(value)) = (pieces.next(), pieces.next()) {
        if before.strip_suffix('=').is_some_and(|before| before.ends_with(name)) {
            return Some(value);
        }
    }
    None
}

/// Text as it reads, without the references that were written for its markup.
fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&nbsp;", "\u{a0}");
    text.replace("&amp;", "&")
}

/// The words of markup, as they are seen.
fn text(html: &str) -> String {
    let (mut out, mut rest) = (String::new(), html);
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at + tag_end(&rest[at..])..];
    }
    out.push_str(rest);
    let mut out = plain(&out);
    out.retain(|c| !UNSEEN.contains(&c));
    out
}

/// Do the words of a link name a place that is not where it leads?
fn says_otherwise(words: &str, place: &str) -> bool {
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).trim_end_matches('.').to_owned();
    let there = bare(place.rsplit('@').next().unwrap_or(place));
    words.split(|c: char| c.is_whitespace() || AROUND.contains(&c)).any(|word| {
        let word = word.to_lowercase();
        let named = word.split_once("://").map_or(word.as_str(), |(_, rest)| rest);
        let end = named.find(['/', '?', '#', '\\']).unwrap_or(named.len());
        let named = named[..end].trim_matches(['.', ':', '!', '*', '_', '-']);
        // Somebody's address, where it leads to somebody's.
        if named.contains('@') && place.contains('@') {
            return named != place;
        }
        let host = named.rsplit('@').next().unwrap_or_default();
        let host = bare(host.split(':').next().unwrap_or_default());
        is_host(&host) && host != there && !there.ends_with(&format!(".{host}"))
    })
}

/// May this be the name of a host?
fn is_host(name: &str) -> bool {
    let mut labels = name.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let fine = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let named = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic);
    (named || last.starts_with("xn--")) && name.contains('.') && labels.all(fine)
}

/// Within an attribute or a text of ours.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if sceau_domain::plain::is_treacherous(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_where_one_arrives() {
        for (address, found) in [
            ("https://a.fr/x", Some("a.fr")),
            ("HTTP://a.fr:8080?x", Some("a.fr")),
            ("https://banque.fr@ailleurs.fr/banque.fr", Some("ailleurs.fr")),
            ("https://banque.fr\\@ailleurs.fr", Some("banque.fr")),
            ("https://a:b@[2001:db8::1]:443/", Some("[2001:db8::1]")),
            ("https://a.fr#@b.fr", Some("a.fr")),
            ("javascript://a.fr", None),
            ("https:a.fr", None),
            ("https://", None),
            ("https:// a.fr", None),
        ] {
            assert_eq!(host(address), found, "{address}");
        }
    }

    #[test]
    fn words_that_name_another_place_are_found() {
        for (words, place, otherwise) in [
            ("cliquez ici", "labo.fr", false),
            ("https://labo.fr/resultats", "labo.fr", false),
            ("Labo.fr", "www.labo.fr", false),
            ("www.labo.fr", "labo.fr", false),
            ("labo.fr", "resultats.labo.fr", false),
            ("contact@labo.fr", "labo.fr", false),
            ("anne@labo.fr", "anne@labo.fr", false),
            ("Voir p. 3, ligne 10.5.", "labo.fr", false),
            ("https://banque.fr", "ailleurs.fr", true),
            ("banque.fr", "banque.fr.ailleurs.fr", true),
            ("(voir www.banque.fr/compte)", "ailleurs.fr", true),
            ("ban\u{200b}que.fr", "ailleurs.fr", true),
            ("http://banque.fr@ailleurs.fr", "banque.fr", true),
            ("яндекс.рф", "xn--d1acpjx3f.xn--p1ai", true),
            ("anne@labo.fr", "zoe@labo.fr", true),
            ("anne@labo.fr", "ailleurs.fr", true),
        ] {
            assert_eq!(says_otherwise(&text(words), place), otherwise, "{words} → {place}");
        }
        assert!(says_otherwise(&text("<b>ban</b><i title=\">\">que</i>.fr"), "ailleurs.fr"));
    }

    #[test]
    fn a_place_is_told_once_and_stays_text() {
        let led = HashMap::from([("/s?a=1&m=2".to_owned(), "a\"b<.fr".to_owned())]);
        assert_eq!(
            told("<p><a href=\"/s?a=1&amp;m=2\" rel=\"x\">banque.fr</a>, <a alt=\" href=\" href=\"/\">z</a></p>", &led),
            "<p><a href=\"/s?a=1&amp;m=2\" rel=\"x\" title=\"a&quot;b&lt;.fr\">banque.fr</a> <span class=\"host\">(a&quot;b&lt;.fr)</span>, \
             <a alt=\" href=\" href=\"/\">z</a></p>"
        );
        let hidden = "<a alt=\" href=\" href=\"/s?a=1&amp;m=2\">x</a>";
        assert!(told(hidden, &led).contains(" title=\"a&quot;"), "words of an attribute hide no other one");
        assert_eq!(told("<a href=\"/s?a=1&amp;m=2\">sans fin", &led), "<a href=\"/s?a=1&amp;m=2\">sans fin");
    }
}
