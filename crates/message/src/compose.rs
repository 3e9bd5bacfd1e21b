//! Writing of simple messages: headers, a text, attachments. For notifications, the sandbox and tests.
//!
//! The result has CRLF lines of at most 998 bytes, is 7-bit (except for an international address, which only UTF-8 can
//! write: RFC 6532), and no value can add a field or a part of its own.
use crate::encode::{base64_lines, folded_field, one_line, parameter, phrase, quoted_printable, text_field};
use crate::trace_field::rfc5322_date;
use sceau_domain::{Address, Timestamp};

/// A message to write.
#[derive(Debug, Clone)]
pub struct Compose {
    from: (String, Address),
    to: Vec<(String, Address)>,
    cc: Vec<(String, Address)>,
    subject: String,
    at: Timestamp,
    id: String,
    fields: Vec<(String, String)>,
    text: String,
    attachments: Vec<Attachment>,
}

#[derive(Debug, Clone)]
struct Attachment {
    name: String,
    kind: String,
    content: Vec<u8>,
}

impl Compose {
    /// A message of this author (`name` may be empty), written at `at`; `id` is the unique part of its Message-ID (letters,
    /// digits, `.`, `-`, `_`; anything else is left out).
    pub fn new(name: &str, from: &Address, at: Timestamp, id: &str) -> Self {
        Self {
            from: (name.to_owned(), from.clone()),
            to: Vec::new(),
            cc: Vec::new(),
            subject: String::new(),
            at,
            id: token(id),
            fields: Vec::new(),
            text: String::new(),
            attachments: Vec::new(),
        }
    }

    /// Adds a recipient (`name` may be empty).
    #[must_use]
    pub fn to(mut self, name: &str, address: &Address) -> Self {
        self.to.push((name.to_owned(), address.clone()));
        self
    }

    /// Adds a recipient of a copy.
    #[must_use]
    pub fn cc(mut self, name: &str, address: &Address) -> Self {
        self.cc.push((name.to_owned(), address.clone()));
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    /// Adds a field with unstructured text. Characters that may not stand in a field name are left out of `name`.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let name: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != ':').collect();
        if !name.is_empty() {
            self.fields.push((name, value.to_owned()));
        }
        self
    }

    /// Sets the text. Line ends of any kind become CRLF.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// Attaches a file. An unusable media type is written as `application/octet-stream`.
    #[must_use]
    pub fn attach(mut self, name: &str, kind: &str, content: &[u8]) -> Self {
        let kind = media_type(kind).to_owned();
        self.attachments.push(Attachment { name: one_line(name), kind, content: content.to_vec() });
        self
    }

    /// The message's bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut out = format!("Date: {}\r\n", rfc5322_date(self.at));
        out.push_str(&mailboxes("From", std::slice::from_ref(&self.from)));
        for (name, list) in [("To", &self.to), ("Cc", &self.cc)] {
            if !list.is_empty() {
                out.push_str(&mailboxes(name, list));
            }
        }
        out.push_str(&text_field("Subject", &self.subject));
        out.push_str(&format!("Message-ID: <{}@{}>\r\n", self.id, self.from.1.domain()));
        for (name, value) in &self.fields {
            out.push_str(&text_field(name, value));
        }
        out.push_str("MIME-Version: 1.0\r\n");
        if self.attachments.is_empty() {
            self.write_text(&mut out);
            return out.into_bytes();
        }
        let boundary = boundary(&self.id);
        out.push_str(&format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"));
        self.write_text(&mut out);
        for attachment in &self.attachments {
            out.push_str(&format!("\r\n--{boundary}\r\nContent-Type: {}", attachment.kind));
            out.push_str(&parameter("name", &attachment.name));
            out.push_str("\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment");
            out.push_str(&parameter("filename", &attachment.name));
            out.push_str("\r\n\r\n");
            base64_lines(&attachment.content, &mut out);
        }
        out.push_str(&format!("\r\n--{boundary}--\r\n"));
        out.into_bytes()
    }

    fn write_text(&self, out: &mut String) {
        out.push_str("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
        quoted_printable(self.text.as_bytes(), out);
    }
}

/// A media type as it may stand before base64; an unusable one as `application/octet-stream`.
pub(crate) fn media_type(kind: &str) -> &str {
    let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    // A composite type may not be base64 (RFC 2045 §6.4).
    let fine = kind
        .split_once('/')
        .is_some_and(|(kind, sub)| plain(kind) && plain(sub) && kind != "multipart" && kind != "message");
    if fine { kind } else { "application/octet-stream" }
}

/// An address field, folded, with its final CRLF.
pub(crate) fn mailboxes(name: &str, list: &[(String, Address)]) -> String {
    let mut words = Vec::new();
    for (at, (display, address)) in list.iter().enumerate() {
        let display = phrase(display);
        let comma = if at + 1 < list.len() { "," } else { "" };
        if display.is_empty() {
            words.push(format!("{address}{comma}"));
        } else {
            // A quoted string is one word: folding inside would change it. Encoded words may be told apart.
            if display.starts_with('"') {
                words.push(display);
            } else {
                words.extend(display.split(' ').filter(|w| !w.is_empty()).map(str::to_owned));
            }
            words.push(format!("<{address}>{comma}"));
        }
    }
    folded_field(name, &words)
}

/// A boundary that no encoded part can hold: neither quoted-printable nor base64 writes `=_`.
pub(crate) fn boundary(id: &str) -> String {
    format!("=_sceau_{}", token(id).chars().take(50).collect::<String>())
}

/// `id` reduced to what may stand in a Message-ID and in a boundary.
pub(crate) fn token(id: &str) -> String {
    let word: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    // Dots may stand neither first, nor last, nor twice (RFC 5322 §3.2.3).
    let word = word.split('.').filter(|atom| !atom.is_empty()).collect::<Vec<_>>().join(".");
    if word.is_empty() { "0".to_owned() } else { word }
}
