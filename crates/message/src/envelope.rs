//! The envelope of a message as IMAP means it (RFC 9051 §7.5.2): header values as written, not decoded.
//!
//! What is promised: values are unfolded, trimmed, and hold no CR, LF, NUL or other control character but the tab. Bytes
//! above 127 are read as UTF-8, or as Windows-1252 where they are not (so nothing that was written is lost). Encoded words
//! stay. `sender` and `reply_to` are what the message says: the IMAP door fills them from `from` when they are empty.
use crate::address_list;
use crate::header::{fields, text_of};
use crate::scan::{Limits, ScanError};
use serde::{Deserialize, Serialize};

/// One address of an address list, or a group marker (RFC 9051 §7.5.2 ENVELOPE).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAddress {
    /// Display name as written (encoded words kept, quotes removed); without one, the first comment.
    pub name: Option<String>,
    /// Local part, quotes removed; for a group start, the group's name; `None` for a group end.
    pub mailbox: Option<String>,
    /// Domain as written, empty when the address has none; `None` in group markers.
    pub host: Option<String>,
}

/// Envelope fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[allow(missing_docs)] // the RFC 5322 fields of the same names
pub struct Envelope {
    pub date: Option<String>,
    pub subject: Option<String>,
    pub from: Vec<MailAddress>,
    pub sender: Vec<MailAddress>,
    pub reply_to: Vec<MailAddress>,
    pub to: Vec<MailAddress>,
    pub cc: Vec<MailAddress>,
    pub bcc: Vec<MailAddress>,
    pub in_reply_to: Option<String>,
    pub message_id: Option<String>,
}

impl Envelope {
    /// Reads the envelope from a header section. Never fails: what cannot be read is absent, addresses beyond
    /// [`Limits::addresses`] too (a message that has them is refused by the scanner).
    ///
    /// Of a text field that stands twice the first counts; address lists of the same name are joined (RFC 5322 §4.5.3).
    pub fn read(header: &[u8], limits: &Limits) -> Self {
        Self::gather(header, limits).0
    }

    /// The same, where too many addresses are an error.
    pub(crate) fn read_all(header: &[u8], limits: &Limits) -> Result<Self, ScanError> {
        match Self::gather(header, limits) {
            (envelope, true) => Ok(envelope),
            (_, false) => Err(ScanError::TooComplex),
        }
    }

    /// The envelope, and whether every address was read.
    fn gather(header: &[u8], limits: &Limits) -> (Self, bool) {
        let mut envelope = Self::default();
        let mut complete = true;
        for field in fields(header) {
            let name = field.name.to_ascii_lowercase();
            let text = match name.as_str() {
                "date" => Some(&mut envelope.date),
                "subject" => Some(&mut envelope.subject),
                "in-reply-to" => Some(&mut envelope.in_reply_to),
                "message-id" => Some(&mut envelope.message_id),
                _ => None,
            };
            if let Some(text) = text {
                if text.is_none() {
                    *text = text_of(field.value);
                }
                continue;
            }
            let list = match name.as_str() {
                "from" => &mut envelope.from,
                "sender" => &mut envelope.sender,
                "reply-to" => &mut envelope.reply_to,
                "to" => &mut envelope.to,
                "cc" => &mut envelope.cc,
                "bcc" => &mut envelope.bcc,
                _ => continue,
            };
            if let Some(value) = text_of(field.value) {
                complete &= address_list::read(&value, limits.addresses, list);
            }
        }
        (envelope, complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, mailbox: &str, host: &str) -> MailAddress {
        let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        MailAddress { name: some(name), mailbox: Some(mailbox.to_owned()), host: Some(host.to_owned()) }
    }

    #[test]
    fn a_usual_header_gives_its_envelope() {
        let header = "Date: Tue, 1 Sep 2026 10:00:00 +0200\r\nSubject: =?utf-8?q?R=C3=A9sultat?=\r\n d'analyse\r\n\
            From: \"Dr Zo\\\"e Lem\u{e9}e\" <zoe@hopital.example>\r\nTo: A <a@b.example>,\r\n\tc@d.example (Claude)\r\nCC:\r\n\
            Bcc: \r\nTO: e@f.example\r\nSubject: second\r\nMessage-ID: <1@h.example>\r\nIn-Reply-To: <0@h.example>\r\n\r\nSubject: body\r\n";
        let envelope = Envelope::read(header.as_bytes(), &Limits::default());
        assert_eq!(envelope.date.as_deref(), Some("Tue, 1 Sep 2026 10:00:00 +0200"));
        assert_eq!(envelope.subject.as_deref(), Some("=?utf-8?q?R=C3=A9sultat?= d'analyse"));
        assert_eq!(envelope.from, [entry("Dr Zo\"e Lemée", "zoe", "hopital.example")]);
        assert_eq!(
            envelope.to,
            [entry("A", "a", "b.example"), entry("Claude", "c", "d.example"), entry("", "e", "f.example")]
        );
        assert!(envelope.cc.is_empty() && envelope.bcc.is_empty() && envelope.sender.is_empty());
        assert_eq!(envelope.message_id.as_deref(), Some("<1@h.example>"));
        assert_eq!(envelope.in_reply_to.as_deref(), Some("<0@h.example>"));
    }

    #[test]
    fn values_never_hold_what_breaks_a_line() {
        let header = b"Subject: a\0b\rc\r\nFrom: x\0y <a\rb@c.example>\r\nDate: \xe9t\xe9\r\n";
        let envelope = Envelope::read(header, &Limits::default());
        assert_eq!(envelope.subject.as_deref(), Some("a b c"));
        assert_eq!(envelope.date.as_deref(), Some("été"));
        assert_eq!(envelope.from, [entry("x y", "ab", "c.example")]);
    }

    #[test]
    fn addresses_have_a_budget() {
        let limits = Limits { addresses: 3, ..Limits::default() };
        let read = |text: &str| Envelope::read_all(format!("To: {text}\r\n").as_bytes(), &limits);
        assert_eq!(read("a@b, c@d, e@f").map(|e| e.to.len()), Ok(3));
        assert_eq!(read("a@b, c@d, e@f, g@h"), Err(ScanError::TooComplex));
        assert_eq!(Envelope::read(b"To: a@b, c@d, e@f, g@h\r\n", &limits).to.len(), 3);
    }
}
