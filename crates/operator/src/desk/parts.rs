//! Pieces of messages: which of them is the text that one reads, which are attached, and how each streams out of its message, decoded.
//!
//! Promise: what a piece is, is judged by its first bytes ([`sceau_message::sniff`]), never by what its sender says of it.
use crate::boxed;
use crate::desk::message::{Party, parties, words};
use crate::mailbox::read::MessageReader;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_extract::Extracted;
use sceau_message::decode::{TransferDecoder, to_utf8};
use sceau_message::flowed::joined;
use sceau_message::scan::Part;
use sceau_message::{header, safe_html, sent, sniff};
use std::sync::Arc;

/// Bytes of a message that are read at a time.
const PIECE: u64 = 64 << 10;
/// Most text of a piece that is shown, bytes.
const TEXT: usize = 1 << 20;
/// Pieces of a message that are listed.
pub const LISTED: usize = 500;

/// A piece of a message, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its number (RFC 9051 §6.4.5), which stands in its address.
    pub number: String,
    /// Its name, as its sender wrote it; empty when it has none.
    pub name: String,
    /// Its media type, as its sender says.
    pub kind: String,
    /// About how many bytes it has, decoded.
    pub size: u64,
    /// It is a picture that belongs to the text.
    pub within: bool,
    /// It is a message.
    pub message: bool,
}

/// Which parts hold the text of a message.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Bodies<'a> {
    /// Plain.
    pub plain: Option<&'a Part>,
    /// HTML.
    pub html: Option<&'a Part>,
}

impl<'a> Bodies<'a> {
    /// Of a message: the first text that a person reads, in each of its forms.
    pub fn of(root: &'a Part) -> Self {
        let mut bodies = Self::default();
        bodies.choose(root);
        bodies
    }
    fn choose(&mut self, part: &'a Part) {
        // Depth was bounded when the message was received.
        if part.mime.is_multipart() {
            let forms = part.mime.subtype == "alternative";
            for child in &part.children {
                self.choose(child);
                if !forms && (self.plain.is_some() || self.html.is_some()) {
                    return;
                }
            }
            return;
        }
        let attached = part.mime.disposition.as_ref().is_some_and(|(kind, _)| kind == "attachment");
        match (part.mime.kind.as_str(), part.mime.subtype.as_str()) {
            _ if attached => {}
            ("text", "plain") if self.plain.is_none() => self.plain = Some(part),
            ("text", "html") if self.html.is_none() => self.html = Some(part),
            _ => {}
        }
    }
    fn has(&self, part: &Part) -> bool {
        [self.plain, self.html].into_iter().flatten().any(|body| std::ptr::eq(body, part))
    }
}

/// The parts of a message that have none themselves, with their numbers; a message within it is one of them.
pub(crate) fn leaves(root: &Part) -> Vec<(String, &Part)> {
    fn walk<'a>(part: &'a Part, number: String, out: &mut Vec<(String, &'a Part)>) {
        if !part.mime.is_multipart() {
            let number = if number.is_empty() { "1".to_owned() } else { number };
            return out.push((number, part));
        }
        for (at, child) in part.children.iter().enumerate() {
            let dot = if number.is_empty() { "" } else { "." };
            walk(child, format!("{number}{dot}{}", at + 1), out);
        }
    }
    let mut out = Vec::new();
    walk(root, String::new(), &mut out);
    out
}

/// The part with this number; in a message within the message too (RFC 9051 §6.4.5).
fn part_at<'a>(root: &'a Part, number: &str) -> Option<&'a Part> {
    let all = leaves(root);
    if let Some(&(_, part)) = all.iter().find(|(n, _)| n == number) {
        return Some(part);
    }
    // How deep messages lie within each other was bounded when this one was received.
    all.into_iter().find_map(|(n, part)| {
        let rest = number.strip_prefix(n.as_str())?.strip_prefix('.')?;
        part_at(part.children.first()?, rest)
    })
}

/// What is attached: every part that is not the text, [`LISTED`] at most.
pub(crate) fn pieces(root: &Part) -> Vec<Piece> {
    let bodies = Bodies::of(root);
    let others = leaves(root).into_iter().filter(|(_, part)| !bodies.has(part)).take(LISTED);
    others
        .map(|(number, part)| {
            let attached = part.mime.disposition.as_ref().is_some_and(|(kind, _)| kind == "attachment");
            let picture = part.mime.kind == "image" && part.mime.id.is_some();
            let size = match part.mime.encoding.as_str() {
                // Three bytes of four, and a line end after 76 of them.
                "base64" => part.body.1 * 3 / 4 * 76 / 78,
                _ => part.body.1,
            };
            let message = part.mime.kind == "message" && matches!(part.mime.subtype.as_str(), "rfc822" | "global");
            let subject = || {
                let subject = part.envelope.as_ref().and_then(|e| e.subject.as_deref())?;
                Some(header::decoded(subject.as_bytes()) + ".eml")
            };
            Piece {
                name: part.mime.file_name().or_else(subject).unwrap_or_default(),
                kind: format!("{}/{}", part.mime.kind, part.mime.subtype),
                within: picture && !attached && bodies.html.is_some(),
                number,
                size,
                message,
            }
        })
        .collect()
}

/// A Content-ID without its brackets.
pub(crate) fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// What is attached to a message. A picture belongs to its text where the text shows it: nobody would look there for another one.
pub(crate) async fn attached(reader: &mut MessageReader, root: &Part, shift: u64) -> Result<Vec<Piece>, Refusal> {
    let mut pieces = pieces(root);
    let Some(html) = Bodies::of(root).html.filter(|_| pieces.iter().any(|piece| piece.within)) else {
        return Ok(pieces);
    };
    let (html, cut) = text(reader, html, shift, safe_html::MOST_IN).await?;
    // Of what is too long the words alone are shown.
    let shown = if cut { Vec::new() } else { safe_html::shown(&html) };
    let leaves = leaves(root);
    for piece in pieces.iter_mut().filter(|piece| piece.within) {
        let part = leaves.iter().find(|(number, _)| *number == piece.number);
        let id = part.and_then(|(_, part)| part.mime.id.as_deref());
        piece.within = id.is_some_and(|id| shown.iter().any(|shown| shown == bare(id)));
    }
    Ok(pieces)
}

/// The words of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartText {
    /// The name of the piece, as its sender wrote it; empty when it has none.
    pub name: String,
    /// Its words.
    pub text: String,
    /// There are more of them.
    pub cut: bool,
    /// What it says of itself, where it is a message.
    pub within: Option<Within>,
}

/// What a message within a message says of itself: nothing of it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// Subject.
    pub subject: String,
    /// From.
    pub from: Vec<Party>,
    /// To.
    pub to: Vec<Party>,
    /// Cc.
    pub cc: Vec<Party>,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// What is attached to it, numbered as pieces of the message that holds it.
    pub pieces: Vec<Piece>,
}

impl Within {
    fn of(part: &Part, inner: &Part, number: &str) -> Self {
        let envelope = part.envelope.as_deref().cloned().unwrap_or_default();
        let numbered = |piece: Piece| Piece { number: format!("{number}.{}", piece.number), ..piece };
        Self {
            subject: envelope.subject.as_deref().map(|s| header::decoded(s.as_bytes())).unwrap_or_default(),
            from: parties(&envelope.from),
            to: parties(&envelope.to),
            cc: parties(&envelope.cc),
            sent: envelope.date.as_deref().and_then(sent::instant).map(Timestamp::from_seconds),
            pieces: pieces(inner).into_iter().map(numbered).collect(),
        }
    }
}

/// A piece that streams out of its message, decoded.
#[derive(Debug)]
pub struct PartReader {
    reader: MessageReader,
    at: u64,
    end: u64,
    transfer: Option<TransferDecoder>,
    /// Its first bytes, until they are taken.
    head: Vec<u8>,
    /// Its name, as its sender wrote it; empty when it has none.
    pub name: String,
    /// Its media type, as its sender says: to be shown, never to be answered.
    pub declared: String,
}

impl PartReader {
    pub(crate) fn new(reader: MessageReader, part: &Part, shift: u64) -> Self {
        Self {
            reader,
            at: shift + part.body.0,
            end: shift + part.body.0 + part.body.1,
            transfer: TransferDecoder::new(&part.mime.encoding),
            head: Vec::new(),
            name: part.mime.file_name().unwrap_or_default(),
            declared: format!("{}/{}", part.mime.kind, part.mime.subtype),
        }
    }
    /// Reads as many bytes as tell what it is; they come first when it is read.
    async fn look(&mut self) -> Result<(), Refusal> {
        while self.head.len() < sniff::HEAD {
            let Some(piece) = self.decode().await? else { break };
            self.head.extend_from_slice(&piece);
        }
        Ok(())
    }
    /// What can be shown of it: the media type that its bytes are.
    pub fn shown(&self) -> Option<&'static str> {
        match sniff::Picture::of(&self.head) {
            Some(picture) if sniff::is_fair(&self.head) => Some(picture.media_type()),
            None if sniff::is_pdf(&self.head) => Some("application/pdf"),
            _ => None,
        }
    }
    /// The next bytes; none at its end. `message.damaged`.
    #[boxed]
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        if !self.head.is_empty() {
            return Ok(Some(std::mem::take(&mut self.head)));
        }
        self.decode().await
    }
    async fn decode(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        while self.at < self.end {
            let len = usize::try_from((self.end - self.at).min(PIECE)).unwrap_or(0);
            let piece = self.reader.read(self.at, len).await?;
            if piece.is_empty() {
                return Err(RefusalCode::MessageDamaged.into());
            }
            self.at += piece.len() as u64;
            // An encoding nobody knows: as it stands.
            let Some(transfer) = &mut self.transfer else { return Ok(Some(piece)) };
            let mut out = Vec::with_capacity(piece.len());
            transfer.push(&piece, &mut out);
            if self.at == self.end {
                transfer.finish(&mut out);
            }
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
        Ok(None)
    }
}

/// The decoded content of a part, and whether it has more than `most` bytes (they are left out).
pub(crate) async fn content(
    reader: &mut MessageReader,
    part: &Part,
    shift: u64,
    most: usize,
) -> Result<(Vec<u8>, bool), Refusal> {
    let (mut at, end) = (shift + part.body.0, shift + part.body.0 + part.body.1);
    let (mut transfer, mut out) = (TransferDecoder::new(&part.mime.encoding), Vec::new());
    while at < end && out.len() <= most {
        let piece = reader.read(at, usize::try_from((end - at).min(PIECE)).unwrap_or(0)).await?;
        if piece.is_empty() {
            return Err(RefusalCode::MessageDamaged.into());
        }
        at += piece.len() as u64;
        match &mut transfer {
            Some(transfer) => transfer.push(&piece, &mut out),
            None => out.extend_from_slice(&piece),
        }
    }
    if let Some(transfer) = transfer.as_mut().filter(|_| at >= end) {
        transfer.finish(&mut out);
    }
    let cut = out.len() > most;
    out.truncate(most);
    Ok((out, cut))
}

/// The text of a part as it was typed, and whether there is more.
pub(crate) async fn text(
    reader: &mut MessageReader,
    part: &Part,
    shift: u64,
    most: usize,
) -> Result<(String, bool), Refusal> {
    let (bytes, cut) = content(reader, part, shift, most).await?;
    let text = to_utf8(part.mime.parameter("charset").unwrap_or_default(), &bytes);
    let says = |name: &str, value: &str| part.mime.parameter(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if part.mime.kind == "text" && part.mime.subtype == "plain" && says("format", "flowed") {
        return Ok((joined(&text, says("delsp", "yes")), cut));
    }
    Ok((text, cut))
}

/// The text of a message as it is read: plain, else the words of its HTML; and whether there is more.
pub(crate) async fn read(
    reader: &mut MessageReader,
    bodies: Bodies<'_>,
    shift: u64,
) -> Result<(String, bool), Refusal> {
    match (bodies.plain, bodies.html) {
        (Some(plain), _) => text(reader, plain, shift, TEXT).await,
        (None, Some(html)) => {
            let (html, cut) = text(reader, html, shift, 2 * TEXT).await?;
            Ok((words(&html), cut))
        }
        (None, None) => Ok((String::new(), false)),
    }
}

impl Operator {
    /// What is attached to a message of the actor's BAL. Traced as a reading of it.
    ///
    /// # Errors
    /// `entry.unknown`, `message.damaged`.
    #[boxed]
    pub async fn message_pieces(&self, actor: &Actor, email: &str) -> Result<Vec<Piece>, Refusal> {
        let mut opened = self.open_seen(actor, email).await?;
        let shift = opened.summary.prefix.len() as u64;
        attached(&mut opened.reader, &opened.summary.summary.root, shift).await
    }

    /// The words of a piece, for whoever cannot look at it: of a text as they stand, of a message as it is read, of a document as its reader finds them; none
    /// where it has none that can be read. Traced as a reading of the message.
    ///
    /// # Errors
    /// As [`Operator::open_part`].
    #[boxed]
    pub async fn part_text(&self, actor: &Actor, email: &str, number: &str) -> Result<Option<PartText>, Refusal> {
        let mut opened = self.open_seen(actor, email).await?;
        let shift = opened.summary.prefix.len() as u64;
        let part = part_at(&opened.summary.summary.root, number).ok_or(RefusalCode::EntryUnknown)?;
        let name = part.mime.file_name().unwrap_or_default();
        // Only of a message within one (RFC 2046 §5.2.1) is there an envelope; its structure is its one child.
        if let (Some(_), Some(inner)) = (&part.envelope, part.children.first()) {
            let (text, cut) = read(&mut opened.reader, Bodies::of(inner), shift).await?;
            return Ok(Some(PartText { name, text, cut, within: Some(Within::of(part, inner, number)) }));
        }
        let kept = |text: String, cut| Ok(Some(PartText { name: name.clone(), text, cut, within: None }));
        match (part.mime.kind.as_str(), part.mime.subtype.as_str()) {
            ("text", "html") => {
                let (html, cut) = text(&mut opened.reader, part, shift, TEXT).await?;
                return kept(words(&html), cut);
            }
            ("text", "plain" | "csv" | "markdown" | "calendar") => {
                let (text, cut) = text(&mut opened.reader, part, shift, TEXT).await?;
                return kept(text, cut);
            }
            _ => {}
        }
        let Some(extractor) = &self.config().search.extractor else { return Ok(None) };
        let (bytes, cut) = content(&mut opened.reader, part, shift, extractor.limits().input).await?;
        if cut {
            return Ok(None);
        }
        let kind = format!("{}/{}", part.mime.kind, part.mime.subtype);
        match extractor.text(&kind, &name, Arc::new(bytes)).await {
            Extracted::Text(text) => kept(text, false),
            Extracted::NoText(_) => Ok(None),
        }
    }

    /// Opens a piece of a message of the actor's BAL, by its number. Traced as a reading of the message.
    ///
    /// # Errors
    /// `entry.unknown`: there is no such message, or no such piece of it; `message.damaged`.
    #[boxed]
    pub async fn open_part(&self, actor: &Actor, email: &str, number: &str) -> Result<PartReader, Refusal> {
        let opened = self.open_seen(actor, email).await?;
        let shift = opened.summary.prefix.len() as u64;
        let part = part_at(&opened.summary.summary.root, number).ok_or(RefusalCode::EntryUnknown)?;
        let mut reader = PartReader::new(opened.reader, part, shift);
        reader.look().await?;
        Ok(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_message::scan::{Limits, Scanner};

    fn root(message: &str) -> Part {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message.replace('\n', "\r\n").as_bytes()).unwrap();
        scanner.finish().unwrap().root
    }

    #[test]
    fn the_text_is_found_and_the_rest_is_attached() {
        let alternative = "Content-Type: multipart/alternative; boundary=a\n\n--a\n\nun\n--a\nContent-Type: text/html\n\n<p>un\n--a--\n";
        let picture = "Content-Type: image/png\nContent-ID: <1@a>\nContent-Transfer-Encoding: base64\n\niVBORw0K\n";
        let all = root(&format!(
            "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/related; boundary=r\n\n--r\n{alternative}--r\n{picture}--r--\n\
             --m\nContent-Type: application/pdf; name=a.pdf\n\n%PDF\n--m\nContent-Type: message/rfc822\n\nSubject: dedans\n\nx\n\
             --m\nContent-Disposition: attachment\n\njoint\n--m--\n"
        ));
        let bodies = Bodies::of(&all);
        assert!(bodies.plain.is_some() && bodies.html.is_some());
        let listed: Vec<_> =
            pieces(&all).into_iter().map(|p| (p.number, p.name, p.kind, p.within, p.message)).collect();
        let piece = |n: &str, name: &str, kind: &str, within, message| {
            (n.to_owned(), name.to_owned(), kind.to_owned(), within, message)
        };
        assert_eq!(
            listed,
            [
                piece("1.2", "", "image/png", true, false),
                piece("2", "a.pdf", "application/pdf", false, false),
                piece("3", "dedans.eml", "message/rfc822", false, true),
                piece("4", "", "text/plain", false, false),
            ]
        );
        for (only, plain, html, count) in [
            ("Subject: x\n\ntexte", true, false, 0),
            ("Content-Type: text/html\n\n<p>", false, true, 0),
            ("Content-Type: application/pdf\n\n%PDF", false, false, 1),
            ("Content-Disposition: attachment\n\nx", false, false, 1),
        ] {
            let root = root(only);
            let bodies = Bodies::of(&root);
            assert_eq!(
                (bodies.plain.is_some(), bodies.html.is_some(), pieces(&root).len()),
                (plain, html, count),
                "{only}"
            );
            assert_eq!(leaves(&root)[0].0, "1");
        }
    }
}
