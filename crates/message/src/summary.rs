//! The summary of a message, computed once at delivery and kept sealed: listing never parses again.
use crate::envelope::Envelope;
use crate::header::fields;
use crate::scan::{Limits, Part, Scan};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Version of the bytes that [`Summary::to_bytes`] writes. A change of any type inside [`Summary`] needs a new one, and
/// [`Summary::from_bytes`] keeps reading the earlier ones.
const VERSION: u8 = 1;

/// Everything that ENVELOPE, BODY, BODYSTRUCTURE, header search and section offsets need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Envelope.
    pub envelope: Envelope,
    /// Structure with offsets into the message as received (the server's own prefix not counted).
    pub root: Part,
    /// The message's header section as received.
    #[serde(deserialize_with = "whole")]
    pub header: Vec<u8>,
    /// True when a part other than the text looks like an attachment.
    pub has_attachment: bool,
    /// Message-IDs of References and In-Reply-To, with their angle brackets, in order, each once.
    pub references: Vec<String>,
}

impl Summary {
    /// From a finished scan. `limits` are those of the scan.
    pub fn of(scan: &Scan, limits: &Limits) -> Self {
        let _ = limits; // the scan has applied them; kept for callers that scan with others
        Self {
            envelope: scan.envelope.clone(),
            root: scan.root.clone(),
            header: scan.header.clone(),
            has_attachment: has_attachment(&scan.root, false),
            references: references(&scan.header),
        }
    }

    /// The identifier of the message that began the conversation, as far as this one tells: the first of References, else of
    /// In-Reply-To, else its own. None when it has none of them.
    pub fn thread_root(&self) -> Option<&str> {
        let own = || self.envelope.message_id.as_deref().and_then(|id| ids(id.as_bytes()).next());
        self.references.first().map(String::as_str).or_else(own)
    }

    /// Versioned bytes (first byte = version), to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serialising these types into memory cannot fail: every length is known and nothing refuses.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// The envelope alone of what [`Summary::to_bytes`] wrote: it comes first, so that nothing else is read.
    pub fn envelope_of(bytes: &[u8]) -> Option<Envelope> {
        match bytes.split_first()? {
            (&VERSION, rest) => postcard::take_from_bytes(rest).ok().map(|(envelope, _)| envelope),
            _ => None,
        }
    }

    /// Reads what [`Summary::to_bytes`] wrote in this or an earlier version. The bytes come out of a seal: they are ours.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&VERSION, rest) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}

/// Reads a byte string at once instead of byte after byte: the encoding is the same.
fn whole<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Whole;
    impl serde::de::Visitor<'_> for Whole {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    from.deserialize_bytes(Whole)
}

/// Whether `part` or a part below it looks like an attachment. `related`: it stands in a `multipart/related`, whose
/// images belong to the text.
fn has_attachment(part: &Part, related: bool) -> bool {
    let mime = &part.mime;
    if mime.is_multipart() {
        let related = mime.subtype == "related";
        return part.children.iter().enumerate().any(|(at, child)| has_attachment(child, related && at > 0));
    }
    let disposition = mime.disposition.as_ref().map(|(kind, _)| kind.as_str());
    match (mime.kind.as_str(), mime.subtype.as_str()) {
        // Signatures and reports for programs say nothing to a person.
        ("application", "pkcs7-signature" | "x-pkcs7-signature" | "pgp-signature") => false,
        ("message", "delivery-status" | "disposition-notification") => false,
        ("text", "rfc822-headers") => false,
        _ if disposition == Some("attachment") => true,
        ("text", _) => mime.file_name().is_some() && disposition != Some("inline"),
        ("image", _) => !(related || disposition == Some("inline") && mime.id.is_some()),
        _ => true,
    }
}

/// The message identifiers of References, then In-Reply-To.
fn references(header: &[u8]) -> Vec<String> {
    let (mut out, mut seen) = (Vec::new(), HashSet::new());
    for wanted in ["references", "in-reply-to"] {
        for field in fields(header).filter(|f| f.name.eq_ignore_ascii_case(wanted)) {
            let text = crate::header::unfold(field.value);
            for id in ids(&text) {
                if seen.insert(id.to_owned()) {
                    out.push(id.to_owned());
                }
            }
        }
    }
    out
}

/// The `<…>` of a text, without white space or brackets inside.
pub(crate) fn ids(text: &[u8]) -> impl Iterator<Item = &str> {
    let opens = memchr::memchr_iter(b'<', text);
    opens.filter_map(|open| {
        let stop = |b: &u8| matches!(b, b'<' | b'>' | b' ' | b'\t' | b'\r' | b'\n' | 0);
        let length = text[open + 1..].iter().position(stop)?;
        let closed = length > 0 && text[open + 1 + length] == b'>';
        let id = text.get(open..open + length + 2).filter(|_| closed)?;
        std::str::from_utf8(id).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Scanner;

    fn summary(message: &str) -> Summary {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message.as_bytes()).unwrap();
        Summary::of(&scanner.finish().unwrap(), &Limits::default())
    }

    #[test]
    fn bytes_come_back_and_unknown_versions_do_not() {
        let summary = summary(
            "Subject: x\r\nReferences: <a@b>\r\n <c@d> junk <e f> <a@b>\r\nIn-Reply-To: <g@h> <c@d>\r\n\r\nbonjour\r\n",
        );
        assert_eq!(summary.references, ["<a@b>", "<c@d>", "<g@h>"]);
        assert_eq!(summary.thread_root(), Some("<a@b>"));
        let mut bytes = summary.to_bytes();
        assert_eq!(bytes[0], VERSION);
        assert_eq!(Summary::envelope_of(&bytes).as_ref(), Some(&summary.envelope));
        assert_eq!(Summary::from_bytes(&bytes), Some(summary));
        assert_eq!(Summary::from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Summary::from_bytes(&[]), None);
        bytes[0] = 99;
        assert_eq!(Summary::from_bytes(&bytes), None);
    }

    #[test]
    fn attachments_are_what_people_call_so() {
        let mixed = |part: &str| {
            format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntexte\r\n--b\r\n{part}\r\n\r\nx\r\n--b--\r\n"
            )
        };
        for (message, expected) in [
            ("Subject: x\r\n\r\ntexte".to_owned(), false),
            ("Content-Type: text/html\r\n\r\n<p>".to_owned(), false),
            ("Content-Type: application/pdf\r\n\r\n%PDF".to_owned(), true),
            (mixed("Content-Type: application/pdf"), true),
            (mixed("Content-Type: text/plain"), false),
            (mixed("Content-Type: text/plain; name=a.txt"), true),
            (mixed("Content-Type: text/plain\r\nContent-Disposition: attachment"), true),
            (mixed("Content-Type: image/png"), true),
            (mixed("Content-Type: image/png\r\nContent-ID: <1@a>\r\nContent-Disposition: inline"), false),
            (mixed("Content-Type: message/rfc822"), true),
            (mixed("Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Disposition: attachment"), false),
            (mixed("Content-Type: message/delivery-status"), false),
            (
                "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img>\r\n--b\r\n\
                 Content-Type: image/png; name=logo.png\r\n\r\nx\r\n--b--\r\n"
                    .to_owned(),
                false,
            ),
        ] {
            assert_eq!(summary(&message).has_attachment, expected, "{message}");
        }
    }
}
