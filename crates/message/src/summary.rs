//! The summary of a message, computed once at delivery and kept sealed: listing never parses again.
use crate::envelope::{Envelope, MailAddress};
use crate::header::fields;
use crate::scan::{Limits, Part, Scan};
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};

mod past;

/// Version of the bytes that [`Summary::to_bytes`] writes. A change of any type inside [`Summary`] needs a new one, and
/// [`Summary::from_bytes`] keeps reading the earlier ones.
const VERSION: u8 = 1;

/// Identifiers that are kept of References and In-Reply-To: the first, which names the conversation, and the last ones. A header can hold
/// some hundred thousand of them, each many times as large in memory as it is there.
const REFERENCES_MAX: usize = 200;

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
    /// Message-IDs of References and In-Reply-To, with their angle brackets, in order, each once; of very many, the first and the last ones.
    #[serde(deserialize_with = "few")]
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

    /// About how many bytes it holds in memory: far more than [`Summary::to_bytes`] has where there are many parts or addresses.
    pub fn weight(&self) -> usize {
        let own = |text: &String| text.len() + size_of::<String>();
        self.header.len()
            + envelope_weight(&self.envelope)
            + part_weight(&self.root)
            + self.references.iter().map(own).sum::<usize>()
    }

    /// Versioned bytes (first byte = version), to be sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serialising these types into memory cannot fail: every length is known and nothing refuses.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// The envelope alone of what [`Summary::to_bytes`] wrote: it comes first, so that nothing else is read.
    pub fn envelope_of(bytes: &[u8]) -> Option<Envelope> {
        Self::begin(bytes)
    }

    /// The header section alone of what [`Summary::to_bytes`] wrote: what comes before it is passed over, and nothing is copied.
    pub fn header_of(bytes: &[u8]) -> Option<&[u8]> {
        Self::begin::<(past::Envelope<'_>, past::Part, &[u8])>(bytes).map(|(_, _, header)| header)
    }

    /// The structure and the header section of what [`Summary::to_bytes`] wrote.
    pub fn root_and_header_of(bytes: &[u8]) -> Option<(Part, &[u8])> {
        Self::begin::<(past::Envelope<'_>, Part, &[u8])>(bytes).map(|(_, root, header)| (root, header))
    }

    /// The first fields of what [`Summary::to_bytes`] wrote.
    fn begin<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
        match bytes.split_first()? {
            (&VERSION, rest) => postcard::take_from_bytes(rest).ok().map(|(begin, _)| begin),
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

/// What an allocation costs besides what is asked for, about.
const ALLOCATION: usize = 16;

fn envelope_weight(e: &Envelope) -> usize {
    let texts = [&e.date, &e.subject, &e.in_reply_to, &e.message_id];
    let lists = [&e.from, &e.sender, &e.reply_to, &e.to, &e.cc, &e.bcc];
    let text = |t: &Option<String>| t.as_ref().map_or(0, |t| t.len() + ALLOCATION);
    let address = |a: &MailAddress| size_of::<MailAddress>() + text(&a.name) + text(&a.mailbox) + text(&a.host);
    let list = |list: &Vec<MailAddress>| list.iter().map(address).sum::<usize>();
    size_of::<Envelope>() + texts.into_iter().map(text).sum::<usize>() + lists.into_iter().map(list).sum::<usize>()
}

/// Parts were bounded in depth when the message was received.
fn part_weight(part: &Part) -> usize {
    let m = &part.mime;
    let pair =
        |(name, value): &(String, String)| name.len() + value.len() + 2 * ALLOCATION + size_of::<(String, String)>();
    let pairs = |list: &[(String, String)]| list.iter().map(pair).sum::<usize>();
    let texts = [&m.id, &m.description, &m.md5, &m.location].into_iter().flatten().chain(&m.language);
    let words = [&m.kind, &m.subtype, &m.encoding].into_iter();
    size_of::<Part>()
        + words.chain(texts).map(|t| t.len() + ALLOCATION).sum::<usize>()
        + pairs(&m.parameters)
        + m.disposition.as_ref().map_or(0, |(kind, list)| kind.len() + ALLOCATION + pairs(list))
        + part.envelope.as_deref().map_or(0, envelope_weight)
        + part.children.iter().map(part_weight).sum::<usize>()
}

/// Reads a list of texts, of which few are kept ([`REFERENCES_MAX`]): earlier versions wrote all that a header had.
fn few<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Few;
    impl<'de> serde::de::Visitor<'de> for Few {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("texts")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut kept = FirstAndLast::default();
            while let Some(text) = list.next_element::<&'de str>()? {
                kept.push(text);
            }
            Ok(kept.into_texts())
        }
    }
    from.deserialize_seq(Few)
}

/// The first of many texts and the last ones, [`REFERENCES_MAX`] together.
#[derive(Default)]
struct FirstAndLast<'a> {
    first: Option<&'a str>,
    last: VecDeque<&'a str>,
}

impl<'a> FirstAndLast<'a> {
    fn push(&mut self, text: &'a str) {
        if self.first.is_none() {
            self.first = Some(text);
            return;
        }
        if self.last.len() == REFERENCES_MAX - 1 {
            self.last.pop_front();
        }
        self.last.push_back(text);
    }
    fn into_texts(self) -> Vec<String> {
        self.first.into_iter().chain(self.last).map(str::to_owned).collect()
    }
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
    let wanted = |name: &'static str| fields(header).filter(move |f| f.name.eq_ignore_ascii_case(name));
    // An identifier holds no white space, so folding does not cut one.
    let all = wanted("references").chain(wanted("in-reply-to")).flat_map(|f| ids(f.value));
    let (mut kept, mut seen) = (FirstAndLast::default(), HashSet::new());
    for id in all {
        if seen.insert(id) {
            kept.push(id);
        }
    }
    kept.into_texts()
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
        assert_eq!(Summary::header_of(&bytes), Some(&summary.header[..]));
        let root = Summary::root_and_header_of(&bytes);
        assert_eq!(root, Some((summary.root.clone(), &summary.header[..])));
        assert_eq!(Summary::from_bytes(&bytes), Some(summary));
        assert_eq!(Summary::from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Summary::from_bytes(&[]), None);
        bytes[0] = 99;
        assert_eq!(Summary::from_bytes(&bytes), None);
    }

    #[test]
    fn the_header_is_found_behind_whatever_stands_before_it() {
        let inner =
            "Content-Type: message/rfc822\r\n\r\nFrom: Dr =?utf-8?q?Fr=C3=A9d?= <a@b>, c@d\r\nSubject: in\r\n\r\nx\r\n";
        let text = "Content-ID: <1@x>\r\nContent-Description: un\r\nContent-MD5: Q2hlY2s=\r\nContent-Language: fr, en\r\n\
                    Content-Location: http://x/y\r\nContent-Disposition: attachment; filename=f.txt; size=3\r\n\
                    Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n";
        let head = "Date: x\r\nSubject: s\r\nFrom: a@b\r\nSender: c@d\r\nReply-To: e@f\r\nTo: g: h@i, j@k;\r\nCc: l@m\r\nBcc: n@o\r\n\
                    In-Reply-To: <p@q>\r\nMessage-ID: <r@s>\r\nReferences: <t@u>\r\n";
        let many =
            format!("{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{text}--b\r\n{inner}--b--\r\n");
        for message in [many.as_str(), head, "\r\n", ""] {
            let whole = summary(message);
            let bytes = whole.to_bytes();
            assert_eq!(Summary::header_of(&bytes), Some(&whole.header[..]), "{message}");
            assert_eq!(Summary::root_and_header_of(&bytes), Some((whole.root, &whole.header[..])), "{message}");
            assert!((0..bytes.len() / 2).all(|cut| Summary::header_of(&bytes[..cut]).is_none()));
        }
    }

    #[test]
    fn of_very_many_references_the_first_and_the_last_are_kept() {
        let many: String = (0..50_000).map(|n| format!("<{n}@x>")).collect();
        let summary = summary(&format!("References: {many}\r\nIn-Reply-To: <49999@x> <z@x>\r\n\r\n"));
        assert_eq!(summary.references.len(), REFERENCES_MAX);
        assert_eq!(
            (summary.thread_root(), summary.references.last().map(String::as_str)),
            (Some("<0@x>"), Some("<z@x>"))
        );
        assert_eq!(summary.references[1], "<49802@x>");
        // What an earlier version wrote had all of them: reading it holds no more.
        let all = Summary { references: (0..50_000).map(|n| format!("<{n}@x>")).collect(), ..summary.clone() };
        let read = Summary::from_bytes(&all.to_bytes()).unwrap();
        assert_eq!((read.references.len(), read.thread_root()), (REFERENCES_MAX, Some("<0@x>")));
        assert_eq!(read.references.last().map(String::as_str), Some("<49999@x>"));
    }

    #[test]
    fn weight_is_what_is_held_not_what_is_written() {
        let parts = "--b\r\n\r\nx\r\n".repeat(9_999);
        let many = summary(&format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"));
        assert!(many.weight() > 9_999 * 300 && many.weight() > 8 * many.to_bytes().len(), "{}", many.weight());
        let to: String = (0..10_000).map(|n| format!("{n}@x,")).collect();
        assert!(summary(&format!("To: {to}\r\n\r\n")).weight() > 10_000 * 100);
        assert!(summary("Subject: x\r\n\r\n").weight() < 2_000);
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
