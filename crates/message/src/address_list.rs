//! Address lists (RFC 5322 §3.4, §4.4) read tolerantly, for showing: names, comments, groups, source routes, quotes, and
//! what people's programs write instead. One pass, no recursion. Who a message is *from* is judged by
//! [`crate::header::origin`], which tolerates nothing.
use crate::envelope::MailAddress;

/// Reads `text` (unfolded, no control characters) into `out`. False when there are more than `limit` addresses: the rest
/// is not read.
pub(crate) fn read(text: &str, limit: usize, out: &mut Vec<MailAddress>) -> bool {
    let mut list = List { text, at: 0, element: Element::default(), in_group: false, limit, out };
    let complete = list.run();
    if list.in_group {
        list.out.push(MailAddress { name: None, mailbox: None, host: None });
    }
    complete
}

struct List<'a, 'o> {
    text: &'a str,
    at: usize,
    element: Element,
    in_group: bool,
    limit: usize,
    out: &'o mut Vec<MailAddress>,
}

/// What was read of one address.
#[derive(Default)]
struct Element {
    /// Words, with one space where there was white space.
    text: String,
    /// White space was seen after `text`.
    gap: bool,
    /// The last `@` outside quotes, in `text`.
    at_sign: Option<usize>,
    /// Where the word that may be a local part starts in `text`.
    word: usize,
    /// Where the domain after `at_sign` ends in `text`.
    domain_end: Option<usize>,
    comment: Option<String>,
    /// Local part and domain between angle brackets.
    angle: Option<(String, String)>,
}

impl List<'_, '_> {
    fn run(&mut self) -> bool {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b' ' | b'\t' => {
                    self.element.gap = true;
                    self.at += 1;
                }
                b'"' => {
                    let quoted = self.quoted(b'"');
                    self.element.push(&quoted);
                }
                b'(' => self.comment(),
                b'[' => {
                    let literal = format!("[{}]", self.quoted(b']'));
                    self.element.push(&literal);
                }
                b'<' => {
                    let angle = self.angle();
                    self.element.angle.get_or_insert(angle);
                }
                b',' | b';' => {
                    self.at += 1;
                    if !self.end() {
                        return false;
                    }
                    if byte == b';' && std::mem::take(&mut self.in_group) {
                        self.out.push(MailAddress { name: None, mailbox: None, host: None });
                    }
                }
                b':' if !self.in_group && self.element.angle.is_none() && self.element.at_sign.is_none() => {
                    self.at += 1;
                    let element = std::mem::take(&mut self.element);
                    self.in_group = true;
                    if !self.push(MailAddress { name: None, mailbox: Some(element.text), host: None }) {
                        return false;
                    }
                }
                b'@' => {
                    self.at += 1;
                    self.element.at_sign();
                }
                b'\\' => {
                    self.at += 1;
                    if let Some(c) = self.text[self.at..].chars().next() {
                        self.at += c.len_utf8();
                        self.element.push(c.encode_utf8(&mut [0; 4]));
                    }
                }
                _ => {
                    let rest = &self.text[self.at..];
                    let first = rest.chars().next().map_or(1, char::len_utf8);
                    let special = [' ', '\t', '"', '(', '[', '<', ',', ';', ':', '@', '\\'];
                    let end = rest[first..].find(special).map(|end| end + first);
                    let run = end.map_or(rest, |end| &rest[..end]);
                    self.at += run.len();
                    self.element.push(run);
                }
            }
        }
        self.end()
    }

    /// The text up to `close`, escapes removed. `at` stands on the opening character.
    fn quoted(&mut self, close: u8) -> String {
        let mut out = String::new();
        self.at += 1;
        let mut escaped = false;
        for c in self.text[self.at..].chars() {
            self.at += c.len_utf8();
            if !escaped && c == '\\' {
                escaped = true;
            } else if !escaped && c == char::from(close) {
                break;
            } else {
                out.push(c);
                escaped = false;
            }
        }
        out
    }

    /// A comment, nested or not; the first one is kept as a name.
    fn comment(&mut self) {
        let start = self.at;
        self.at = crate::parameter::comment_end(self.text.as_bytes(), start);
        // `comment_end` stops after an ASCII character or at the end.
        let inner = self.text.get(start + 1..self.at).unwrap_or_default();
        let inner = inner.strip_suffix(')').unwrap_or(inner);
        self.element.gap = true;
        if self.element.comment.is_none() && !inner.trim().is_empty() {
            let mut text = String::with_capacity(inner.len());
            let mut escaped = false;
            for c in inner.trim().chars() {
                if c == '\\' && !escaped {
                    escaped = true;
                } else {
                    text.push(c);
                    escaped = false;
                }
            }
            self.element.comment = Some(text);
        }
    }

    /// What stands between angle brackets: local part and domain. A source route (RFC 5322 §4.4) is dropped.
    fn angle(&mut self) -> (String, String) {
        self.at += 1;
        let (mut text, mut at_sign) = (String::new(), None);
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                '>' => {
                    self.at += 1;
                    break;
                }
                // The bracket was forgotten (a route has commas too, but begins with @).
                ',' | ';' if !text.starts_with('@') => break,
                '"' => {
                    let quoted = self.quoted(b'"');
                    text.push_str(&quoted);
                    continue;
                }
                '(' => {
                    self.at = crate::parameter::comment_end(self.text.as_bytes(), self.at);
                    continue;
                }
                ':' if at_sign.is_some() && text.starts_with('@') => {
                    text.clear();
                    at_sign = None;
                }
                '@' => {
                    at_sign = Some(text.len());
                    text.push(c);
                }
                '\\' => {
                    self.at += 1;
                    if let Some(next) = self.text[self.at..].chars().next() {
                        text.push(next);
                        self.at += next.len_utf8();
                    }
                    continue;
                }
                c if c.is_whitespace() => {}
                c => text.push(c),
            }
            self.at += c.len_utf8();
        }
        match at_sign {
            Some(at) => (text[..at].to_owned(), text[at + 1..].to_owned()),
            None => (text, String::new()),
        }
    }

    /// An address ends here.
    fn end(&mut self) -> bool {
        match std::mem::take(&mut self.element).finish() {
            Some(address) => self.push(address),
            None => true,
        }
    }

    fn push(&mut self, address: MailAddress) -> bool {
        let room = self.out.len() < self.limit;
        if room {
            self.out.push(address);
        }
        room
    }
}

impl Element {
    /// Adds a word (quotes already removed).
    fn push(&mut self, word: &str) {
        if std::mem::take(&mut self.gap) && !self.text.is_empty() {
            // RFC 5322 §4.4: white space around the dots and the @ of an address means nothing.
            let joined = self.text.ends_with(['.', '@']) || word.starts_with('.');
            match self.at_sign {
                None => {
                    self.text.push(' ');
                    self.word = if joined { self.word } else { self.text.len() };
                }
                Some(_) if joined && self.domain_end.is_none() => {}
                Some(_) => {
                    self.domain_end.get_or_insert(self.text.len());
                    self.text.push(' ');
                }
            }
        }
        self.text.push_str(word);
    }

    fn at_sign(&mut self) {
        if self.domain_end.is_none() {
            self.gap = false;
            self.at_sign = Some(self.text.len());
        }
        self.push("@");
    }

    fn finish(self) -> Option<MailAddress> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
        let (name, mailbox, host) = match (self.angle, self.at_sign) {
            (Some((local, domain)), _) => (some(&self.text), local, domain),
            (None, Some(at)) => {
                let end = self.domain_end.unwrap_or(self.text.len());
                let local = self.text[self.word..at].replace(" .", ".").replace(". ", ".");
                let name = some(&self.text[..self.word]).or_else(|| some(&self.text[end..]));
                (name, local, self.text[at + 1..end].to_owned())
            }
            (None, None) if self.text.is_empty() => return None,
            (None, None) => (None, self.text, String::new()),
        };
        Some(MailAddress { name: name.or(self.comment), mailbox: Some(mailbox), host: Some(host) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One line an entry: `name|mailbox|host`, `-` for none.
    fn shown(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        assert!(read(text, 100, &mut out));
        let part = |p: &Option<String>| p.clone().unwrap_or_else(|| "-".to_owned());
        out.iter().map(|a| format!("{}|{}|{}", part(&a.name), part(&a.mailbox), part(&a.host))).collect()
    }

    #[test]
    fn lists_are_read_as_people_mean_them() {
        for (text, expected) in [
            ("a@b.example", &["-|a|b.example"][..]),
            ("<a@b.example>", &["-|a|b.example"]),
            ("Jean Dupont <jean@b.example>", &["Jean Dupont|jean|b.example"]),
            ("\"Dupont, Jean\"  <jean@b.example>", &["Dupont, Jean|jean|b.example"]),
            ("Dr. Jean  Dupont<jean@b.example>", &["Dr. Jean Dupont|jean|b.example"]),
            ("jean@b.example (Jean \\(SEC\\) (Cardio))", &["Jean (SEC) (Cardio)|jean|b.example"]),
            ("Jean (SEC) Dupont <jean@b.example>", &["Jean Dupont|jean|b.example"]),
            (
                "=?utf-8?q?Zo=C3=A9?= Le =?utf-8?q?Go=C3=A9?= <z@b.example>",
                &["=?utf-8?q?Zo=C3=A9?= Le =?utf-8?q?Go=C3=A9?=|z|b.example"],
            ),
            ("\"a b\"@c.example, \"x@y\"@z.example", &["-|a b|c.example", "-|x@y|z.example"]),
            ("<\"a b\"@c.example>", &["-|a b|c.example"]),
            ("<@relay1.example,@relay2.example:a@b.example>", &["-|a|b.example"]),
            ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", &["Pete|pete|silly.test"]),
            ("a . b @ c . example", &["-|a.b|c.example"]),
            ("<a . b @ c . example>", &["-|a.b|c.example"]),
            ("x@[192.0.2.1], <y@[IPv6:2001:db8::1]>", &["-|x|[192.0.2.1]", "-|y|[IPv6:2001:db8::1]"]),
            (
                "Équipe: Zoé <z@b.example>, y@b.example;, w@b.example",
                &["-|Équipe|-", "Zoé|z|b.example", "-|y|b.example", "-|-|-", "-|w|b.example"],
            ),
            ("undisclosed-recipients:;", &["-|undisclosed-recipients|-", "-|-|-"]),
            ("Groupe sans fin: a@b.example", &["-|Groupe sans fin|-", "-|a|b.example", "-|-|-"]),
            ("a@b.example; c@d.example", &["-|a|b.example", "-|c|d.example"]),
            (", ,a@b.example,,", &["-|a|b.example"]),
            ("root", &["-|root|"]),
            ("Mailer <>", &["Mailer||"]),
            ("a@b.example <c@d.example>", &["a@b.example|c|d.example"]),
            ("Jean a@b.example", &["Jean|a|b.example"]),
            ("a@b.example Jean", &["Jean|a|b.example"]),
            ("Jean <a@b.example, c@d.example", &["Jean|a|b.example", "-|c|d.example"]),
            ("é@exâmple.example", &["-|é|exâmple.example"]),
            ("\"never closed, a@b.example", &["-|never closed, a@b.example|"]),
            ("(only a comment)", &[]),
            ("", &[]),
            ("\\", &[]),
            ("a@b@c.example", &["-|a@b|c.example"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_lists_take_one_pass() {
        for piece in ["(", "\"", "<", "a@", "((", "<@a,", ":", "\\", ". ", "é", "a b"] {
            let mut out = Vec::new();
            read(&piece.repeat(300_000), 10_000, &mut out);
            assert!(out.len() <= 10_001);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_groups_are_paired(text in "[ab.@<>,;:()\\[\\]\" \\\\é]{0,60}") {
            let mut out = Vec::new();
            prop_assert!(read(&text, 1000, &mut out));
            let mut open = false;
            for a in &out {
                match (&a.mailbox, &a.host) {
                    (Some(_), None) => { prop_assert!(!open); open = true; }
                    (None, None) => { prop_assert!(open); open = false; }
                    _ => {}
                }
            }
            prop_assert!(!open);
        }
    }
}
