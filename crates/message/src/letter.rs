//! A letter that a person writes, as it streams: header and text first, then each piece as it is read, then the end. And addresses as people type
//! them.
//!
//! The result is what [`crate::compose::Compose`] makes, for pieces of any size: CRLF lines, 7-bit but for international addresses, and no value can
//! add a field or a part of its own. Memory is the header, the text and one line of base64.
use crate::address_list;
use crate::automatic::message_id;
use crate::compose::{boundary, mailboxes, media_type, token};
use crate::encode::{base64_lines, folded_field, one_line, parameter, quoted_printable, text_field};
use crate::trace_field::rfc5322_date;
use sceau_domain::{Address, DomainName, Timestamp};

/// Bytes in a line of base64.
const BASE64_LINE: usize = 57;
/// Identifiers of earlier messages that are written: the first, which names the conversation, and the last ones.
const REFERENCES: usize = 20;

/// Who a letter names: a name, which may be empty, and an address.
pub type Party = (String, Address);

/// What a letter says but for its pieces.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Who writes.
    pub from: Party,
    /// To whom.
    pub to: Vec<Party>,
    /// To whom a copy.
    pub cc: Vec<Party>,
    /// To whom a copy unseen: the field is taken off before anything leaves.
    pub bcc: Vec<Party>,
    /// Subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML, what stands in a body; empty: it is plain.
    pub html: String,
    /// When it is dated.
    pub at: Timestamp,
    /// The unique part of its Message-ID (letters, digits, `.`, `-`, `_`).
    pub id: String,
    /// Identifiers of the messages that it goes on from, oldest first; the last one is what it answers.
    pub references: Vec<String>,
    /// It answers the last of them (In-Reply-To), rather than sending it on.
    pub answers: bool,
}

impl Letter {
    /// Its Message-ID.
    pub fn message_id(&self) -> String {
        format!("<{}@{}>", token(&self.id), self.from.1.domain())
    }

    /// Header and text, up to where the first piece begins.
    pub fn begin(&self, with_pieces: bool) -> Vec<u8> {
        let mut out = format!("Date: {}\r\n", rfc5322_date(self.at));
        out.push_str(&mailboxes("From", std::slice::from_ref(&self.from)));
        for (name, list) in [("To", &self.to), ("Cc", &self.cc), ("Bcc", &self.bcc)] {
            if !list.is_empty() {
                out.push_str(&mailboxes(name, list));
            }
        }
        out.push_str(&text_field("Subject", &self.subject));
        out.push_str(&format!("Message-ID: {}\r\n", self.message_id()));
        let known: Vec<&str> = self.references.iter().filter_map(|id| message_id(Some(id))).collect();
        if let Some(last) = known.last() {
            if self.answers {
                out.push_str(&folded_field("In-Reply-To", &[(*last).to_owned()]));
            }
            let skipped = known.len().saturating_sub(REFERENCES);
            let kept = known.iter().enumerate().filter(|(at, _)| *at == 0 || *at > skipped);
            out.push_str(&folded_field("References", &kept.map(|(_, id)| (*id).to_owned()).collect::<Vec<_>>()));
        }
        out.push_str("MIME-Version: 1.0\r\n");
        if with_pieces {
            let boundary = boundary(&self.id);
            out.push_str(&format!(
                "Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
            ));
        }
        self.put_text(&mut out);
        out.into_bytes()
    }

    /// The text: plain; or plain and HTML, of which a reader takes what it can (RFC 2046 §5.1.4).
    fn put_text(&self, out: &mut String) {
        let put = |kind: &str, text: &str, out: &mut String| {
            out.push_str(&format!(
                "Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            ));
            quoted_printable(text.as_bytes(), out);
        };
        if self.html.is_empty() {
            return put("text/plain", &self.text, out);
        }
        // Neither boundary begins like the other: some readers look no further than where one ends.
        let boundary = boundary(&format!("texte.{}", self.id));
        out.push_str(&format!(
            "Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
        ));
        put("text/plain", &self.text, out);
        out.push_str(&format!("\r\n--{boundary}\r\n"));
        put("text/html", &format!("<!DOCTYPE html>\n<html><body>{}</body></html>\n", self.html), out);
        out.push_str(&format!("\r\n--{boundary}--\r\n"));
    }

    /// Begins another message as a piece, whole and as it is (RFC 2046 §5.2.1): its bytes follow, lines of any octets.
    pub fn begin_original(&self) -> Vec<u8> {
        let boundary = boundary(&self.id);
        let kind = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\nContent-Disposition: attachment; filename=message.eml";
        format!("\r\n--{boundary}\r\n{kind}\r\n\r\n").into_bytes()
    }

    /// What ends a letter with pieces.
    pub fn end(&self) -> Vec<u8> {
        format!("\r\n--{}--\r\n", boundary(&self.id)).into_bytes()
    }
}

/// A piece as it streams into its letter.
#[derive(Debug)]
pub struct Piece {
    /// What has not filled a line yet.
    held: Vec<u8>,
}

impl Piece {
    /// Begins a piece, after the text or the piece before. An unusable media type is written as `application/octet-stream`.
    pub fn begin(letter: &Letter, name: &str, kind: &str) -> (Self, Vec<u8>) {
        let name = one_line(name);
        let mut out = format!("\r\n--{}\r\nContent-Type: {}", boundary(&letter.id), media_type(kind));
        out.push_str(&parameter("name", &name));
        out.push_str("\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment");
        out.push_str(&parameter("filename", &name));
        out.push_str("\r\n\r\n");
        (Self { held: Vec::with_capacity(BASE64_LINE) }, out.into_bytes())
    }

    /// The next bytes, as they stand in the letter.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let whole = self.held.len() / BASE64_LINE * BASE64_LINE;
        let mut out = String::with_capacity(whole / 3 * 4 + whole / BASE64_LINE * 2);
        base64_lines(&self.held[..whole], &mut out);
        self.held.drain(..whole);
        out.into_bytes()
    }

    /// Its end.
    pub fn end(self) -> Vec<u8> {
        let mut out = String::new();
        base64_lines(&self.held, &mut out);
        out.into_bytes()
    }
}

/// One recipient as somebody typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The name before the address; may be empty.
    pub name: String,
    /// What stands for the address.
    pub text: String,
    /// The address, where it is one.
    pub address: Option<Address>,
}

/// Reads what somebody typed into a field of recipients: addresses with or without names, between commas, semicolons or line ends. At most `most`;
/// the second is false when there were more.
pub fn typed(text: &str, most: usize) -> (Vec<Typed>, bool) {
    let line: String = text.chars().map(|c| if c == '\n' { ',' } else { c }).collect();
    let mut list = Vec::new();
    let whole = address_list::read(&line.replace(char::is_control, " "), most, &mut list);
    let read = list.into_iter().filter_map(|one| {
        let (mailbox, host) = (one.mailbox?, one.host?);
        let address = host.parse::<DomainName>().ok().and_then(|domain| Address::from_parts(&mailbox, domain).ok());
        let text = match (&address, host.is_empty()) {
            (Some(address), _) => address.to_string(),
            (None, true) => mailbox,
            (None, false) => format!("{mailbox}@{host}"),
        };
        Some(Typed { name: one.name.unwrap_or_default(), text, address })
    });
    (read.collect(), whole)
}

/// Recipients as somebody would type them.
pub fn written(list: &[(String, String)]) -> String {
    let one = |(name, address): &(String, String)| {
        let name = name.replace(['"', '\\'], "").replace(char::is_control, " ");
        match name.trim() {
            "" => address.clone(),
            name => format!("\"{name}\" <{address}>"),
        }
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::Compose;
    use crate::decode::transfer_decoded;
    use crate::scan::{Limits, Scanner};
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn letter() -> Letter {
        Letter {
            from: ("Dr Zoé Petit".into(), address("zoe@alpha.fr")),
            to: vec![("Durand, Paul".into(), address("paul@beta.fr"))],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: "Compte rendu d’Élise".into(),
            text: "Bonjour,\n.\nFrom ici\n".into(),
            html: String::new(),
            at: Timestamp(1_795_000_000_000),
            id: "0a1".into(),
            references: Vec::new(),
            answers: false,
        }
    }

    fn streamed(letter: &Letter, content: &[u8], cut: usize) -> Vec<u8> {
        let mut out = letter.begin(true);
        let (mut piece, head) = Piece::begin(letter, "été.pdf", "application/pdf");
        out.extend(head);
        for chunk in content.chunks(cut) {
            out.extend(piece.push(chunk));
        }
        out.extend(piece.end());
        out.extend(letter.end());
        out
    }

    proptest! {
        #[test]
        fn it_is_what_is_composed_at_once(content in prop::collection::vec(any::<u8>(), 0..400), cut in 1_usize..100) {
            let letter = letter();
            let whole = Compose::new("Dr Zoé Petit", &letter.from.1, letter.at, "0a1")
                .to("Durand, Paul", &letter.to[0].1)
                .subject(&letter.subject)
                .text(&letter.text)
                .attach("été.pdf", "application/pdf", &content)
                .write();
            prop_assert_eq!(streamed(&letter, &content, cut), whole);
        }

        #[test]
        fn what_is_typed_never_breaks_anything(text in "[a-z@.,;<>\"() \n\r\\\\:é-]{0,80}") {
            for one in typed(&text, 10).0 {
                prop_assert!(!one.text.chars().any(char::is_control) && !one.name.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn a_piece_comes_back_as_it_was() {
        let content: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let message = streamed(&letter(), &content, 999);
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(&message).unwrap();
        let root = scanner.finish().unwrap().root;
        assert_eq!(root.children.len(), 2);
        let part = &root.children[1];
        assert_eq!(part.mime.file_name().as_deref(), Some("été.pdf"));
        let body = &message[part.body.0 as usize..(part.body.0 + part.body.1) as usize];
        assert_eq!(transfer_decoded(&part.mime.encoding, body), content);
    }

    #[test]
    fn what_is_written_with_form_has_a_plain_twin() {
        let html = "<div>Bonjour <b>Élise</b></div>";
        let parts = |message: &[u8]| {
            let mut scanner = Scanner::new(Limits::default());
            scanner.push(message).unwrap();
            scanner.finish().unwrap().root.children
        };
        let rich = Letter { html: html.into(), ..letter() };
        let alone = rich.begin(false);
        let both = parts(&alone);
        assert_eq!(both.len(), 2);
        let read = |n: usize| {
            let body = &alone[both[n].body.0 as usize..(both[n].body.0 + both[n].body.1) as usize];
            String::from_utf8(transfer_decoded(&both[n].mime.encoding, body)).unwrap()
        };
        assert!(read(0).contains("From ici") && read(1).contains(html), "{} {}", read(0), read(1));
        // Beside pieces it is the first part.
        let beside = parts(&streamed(&rich, b"%PDF", 3));
        assert_eq!(
            (beside.len(), beside[0].children.len(), beside[1].mime.file_name().as_deref()),
            (2, 2, Some("été.pdf"))
        );
    }

    #[test]
    fn an_answer_names_what_it_answers() {
        let header = |letter: &Letter| String::from_utf8(letter.begin(false)).unwrap();
        let many = (0..50).map(|n| format!("<{n}@b.fr>")).chain(["<not one".into()]).collect();
        let answer = Letter { references: many, answers: true, ..letter() };
        let text = header(&answer);
        assert!(text.contains("\r\nIn-Reply-To: <49@b.fr>\r\n"), "{text}");
        let references = text.split("\r\nReferences:").nth(1).unwrap().split("\r\nMIME").next().unwrap();
        let named: Vec<&str> = references.split_ascii_whitespace().collect();
        assert_eq!((named.len(), named[0], named[1], named.last()), (20, "<0@b.fr>", "<31@b.fr>", Some(&"<49@b.fr>")));
        assert!(!header(&Letter { answers: false, ..answer }).contains("In-Reply-To"));
        assert!(!header(&letter()).contains("References"));
        let bcc = Letter { bcc: vec![(String::new(), address("c@d.fr"))], subject: "a\r\nX: b".into(), ..letter() };
        assert!(header(&bcc).contains("\r\nBcc: c@d.fr\r\n") && !header(&bcc).contains("\r\nX:"));
    }

    #[test]
    fn recipients_are_read_as_people_type_them() {
        let read = |text: &str| {
            let (list, whole) = typed(text, 10);
            assert!(whole);
            list.into_iter().map(|t| (t.name, t.text, t.address.is_some())).collect::<Vec<_>>()
        };
        let one = |name: &str, text: &str, fine| (name.to_owned(), text.to_owned(), fine);
        assert_eq!(
            read("paul@beta.fr; \"Durand, Zoé\" <zoe@beta.fr>\r\nluc@beta.fr,,"),
            [one("", "paul@beta.fr", true), one("Durand, Zoé", "zoe@beta.fr", true), one("", "luc@beta.fr", true)]
        );
        assert_eq!(read("dupont, a@"), [one("", "dupont", false), one("", "a", false)]);
        assert_eq!(read(" \n "), []);
        let many = "a@b.fr,".repeat(11);
        assert!(!typed(&many, 10).1);
        let back = written(&[("Durand, \"Zoé\"".into(), "zoe@beta.fr".into()), (String::new(), "a@b.fr".into())]);
        assert_eq!(read(&back), [one("Durand, Zoé", "zoe@beta.fr", true), one("", "a@b.fr", true)]);
    }
}
