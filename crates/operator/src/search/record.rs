//! Making the text record of a message: its summary, the text of its body parts as they stream out of their blob, the text of its
//! attachments by whoever reads documents. Bounded in bytes and in number, whatever the message holds.
//!
//! A message whose blob is damaged is found by its header; one whose summary is damaged, by nothing. Neither stops the others.
use crate::mailbox::read::MessageSummary;
use crate::mailbox::seal::BalSeal;
use crate::mailbox::search::body::{self, Listener};
use crate::search::{blocking, date};
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_extract::{Extracted, Extractor, Kind, Why};
use sceau_message::envelope::MailAddress;
use sceau_message::header;
use sceau_message::scan::Part;
use sceau_search::{Attachment, TextRecord};
use sceau_store::blob::BlobReader;
use sceau_store::messages::{ContentRow, MessageRow};
use sceau_store::{StoreError, id};
use std::sync::Arc;
use std::time::Duration;

/// Attachments whose names are kept.
const ATTACHMENTS: usize = 200;
/// Attachments of a message that are opened as documents.
const DOCUMENTS: usize = 20;
/// Documents of a message that may take all the time there is; those after them are not opened.
const SLOW: usize = 2;
/// A Date header this far after the arrival is not believed, milliseconds.
const AHEAD: i64 = 86_400_000;
/// Bytes of an encoded part from which its kind is guessed: base64 and quoted-printable make [`Kind::HEAD`] of them, unless they are blank.
const HEAD: u64 = 4 << 10;
/// How often a document is shown to a reader that was not available.
const TRIES: u32 = 3;

/// A message as its rows tell it.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub summary: MessageRow,
    pub content: ContentRow,
}

impl Operator {
    /// Makes a record. Fails for what may pass by itself only (the store is away).
    pub(super) async fn make_record(&self, seal: &BalSeal, rows: Rows) -> Result<TextRecord, Refusal> {
        let message = rows.summary.id;
        let mut record = TextRecord { message, date: id::made_at(message).0, ..TextRecord::default() };
        record.size = rows.content.size.unsigned_abs();
        let summary = match MessageSummary::open(seal, &rows.summary, &mut Vec::new()) {
            Ok(summary) => summary,
            Err(e) => return damaged(record, &e),
        };
        headers(&summary, &mut record);
        let blob = match self.open_blob_of(seal, message, &rows.content).await {
            Ok(blob) => blob,
            Err(e) => return damaged(record, &e),
        };
        let most = self.config().search.text_bytes;
        let root = summary.summary.root.clone();
        let (mut blob, read) = blocking(move || {
            let (mut blob, mut taken) = (blob, Taken::new(most));
            let read = body::walk(&mut blob, &root, &mut taken).map(|()| taken);
            (blob, read)
        })
        .await?;
        let mut taken = match read {
            Ok(taken) => taken,
            Err(e) => return damaged(record, &e),
        };
        if let Some(extractor) = &self.config().search.extractor {
            let mut slow = 0;
            for (at, part) in std::mem::take(&mut taken.documents) {
                let Some(attachment) = taken.attachments.get_mut(at) else { continue };
                let (reader, text) = document(extractor, blob, part, &attachment.name).await?;
                blob = reader;
                match text {
                    Ok(Extracted::Text(text)) => attachment.text = cut(text, &mut taken.room_attached),
                    Ok(Extracted::NoText(Why::Time)) => {
                        slow += 1;
                        if slow == SLOW {
                            // Nobody else's mail waits for this one's.
                            break;
                        }
                    }
                    Ok(Extracted::NoText(_)) => {}
                    Err(e) => {
                        (record.body, record.attachments) = (taken.body, taken.attachments);
                        return damaged(record, &e);
                    }
                }
            }
        }
        (record.body, record.attachments) = (taken.body, taken.attachments);
        Ok(record)
    }
}

/// A part of the message cannot be read: the record tells the rest. What may pass by itself is no damage.
fn damaged(record: TextRecord, e: &StoreError) -> Result<TextRecord, Refusal> {
    match e {
        StoreError::Corrupt(_) => {
            tracing::error!(message = record.message, error = %e, "a message is damaged: search finds it by what is left");
            Ok(record)
        }
        e => Err(refuse::store(e)),
    }
}

fn headers(m: &MessageSummary, record: &mut TextRecord) {
    let envelope = &m.summary.envelope;
    let text = |value: &str| header::decoded(value.as_bytes());
    record.subject = envelope.subject.as_deref().map(text).unwrap_or_default();
    if let Some(sent) = envelope.date.as_deref().and_then(date::instant)
        && sent <= record.date.saturating_add(AHEAD)
    {
        record.date = sent;
    }
    let people = |lists: [&[MailAddress]; 3]| lists.into_iter().flatten().filter_map(person).collect();
    record.from = people([&envelope.from, &envelope.sender, &envelope.reply_to]);
    record.to = people([&envelope.to, &envelope.cc, &envelope.bcc]);
}

/// Name and address, decoded.
fn person(a: &MailAddress) -> Option<String> {
    let mut words = Vec::new();
    if let Some(name) = &a.name {
        words.push(header::decoded(name.as_bytes()));
    }
    match (&a.mailbox, &a.host) {
        (Some(mailbox), Some(host)) => words.push(format!("{mailbox}@{host}")),
        (Some(group), None) => words.push(header::decoded(group.as_bytes())),
        _ => {}
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// Is a document, by its beginning, of no kind that anybody reads? Then the rest of it is neither fetched nor decoded.
fn nobody_reads(blob: &mut BlobReader, part: &Part, (mime, name): (&str, &str)) -> Result<bool, StoreError> {
    let mut head = part.clone();
    head.body.1 = part.body.1.min(HEAD);
    if head.body.1 == part.body.1 {
        return Ok(false);
    }
    let head = body::content(blob, &head, usize::MAX)?.unwrap_or_default();
    Ok(head.len() >= Kind::HEAD && Kind::guess(mime, name, &head) == Kind::Unknown)
}

/// What a document says; an error of the store inside. The reader comes back.
async fn document(
    extractor: &Extractor,
    blob: BlobReader,
    part: Part,
    name: &str,
) -> Result<(BlobReader, Result<Extracted, StoreError>), Refusal> {
    let most = extractor.limits().input;
    let mime = format!("{}/{}", part.mime.kind, part.mime.subtype);
    let (declared, called) = (mime.clone(), name.to_owned());
    let (blob, content) = blocking(move || {
        let mut blob = blob;
        let content = match nobody_reads(&mut blob, &part, (&declared, &called)) {
            Ok(true) => None,
            Ok(false) => Some(body::content(&mut blob, &part, most)),
            Err(e) => Some(Err(e)),
        };
        (blob, content)
    })
    .await?;
    let Some(content) = content else {
        let outcome = Why::Unsupported.code();
        metrics::counter!("sceau_search_documents_total", "outcome" => outcome).increment(1);
        return Ok((blob, Ok(Extracted::NoText(Why::Unsupported))));
    };
    let content = match content {
        Ok(Some(content)) => Arc::new(content),
        Ok(None) => return Ok((blob, Ok(Extracted::NoText(Why::TooLarge)))),
        Err(e) => return Ok((blob, Err(e))),
    };
    let mut tries = 1;
    loop {
        // One copy, however often it is shown.
        match extractor.text(&mime, name, Arc::clone(&content)).await {
            Extracted::NoText(Why::Unavailable) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            answer => {
                let outcome = match &answer {
                    Extracted::Text(_) => "text",
                    Extracted::NoText(why) => why.code(),
                };
                metrics::counter!("sceau_search_documents_total", "outcome" => outcome).increment(1);
                return Ok((blob, Ok(answer)));
            }
        }
    }
}

/// Keeps the text of body parts and of attachments that are text, and notes those that are documents.
#[derive(Debug)]
struct Taken {
    body: String,
    attachments: Vec<Attachment>,
    /// Documents to be opened: which attachment, which part.
    documents: Vec<(usize, Part)>,
    /// Where text goes: into an attachment, or the body.
    into: Option<usize>,
    room_body: usize,
    room_attached: usize,
}

impl Taken {
    fn new(most: usize) -> Self {
        Self {
            body: String::new(),
            attachments: Vec::new(),
            documents: Vec::new(),
            into: None,
            room_body: most,
            room_attached: most,
        }
    }
}

/// At most `room` bytes of a text, which it takes away.
fn cut(mut text: String, room: &mut usize) -> String {
    let mut end = text.len().min(*room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    *room -= end;
    text
}

impl Listener for Taken {
    fn done(&self) -> bool {
        // Names of attachments are wanted to the end.
        false
    }
    fn wants(&mut self, part: &Part) -> bool {
        let mime = &part.mime;
        let name = mime.file_name();
        let attached = name.is_some() || mime.disposition.as_ref().is_some_and(|(kind, _)| kind == "attachment");
        let plain = mime.kind == "text" && !matches!(mime.subtype.as_str(), "xml" | "rtf");
        if plain && !attached {
            self.into = None;
            return self.room_body > 0;
        }
        if self.attachments.len() >= ATTACHMENTS {
            return false;
        }
        let at = self.attachments.len();
        let name: String = name.unwrap_or_default().chars().take(500).collect();
        let picture = matches!(mime.kind.as_str(), "image" | "audio" | "video");
        if !plain && (picture || self.documents.len() >= DOCUMENTS || self.room_attached == 0) {
            if !name.is_empty() {
                self.attachments.push(Attachment { name, text: String::new() });
            }
            return false;
        }
        self.attachments.push(Attachment { name, text: String::new() });
        if plain {
            self.into = Some(at).filter(|_| self.room_attached > 0);
            return self.into.is_some();
        }
        self.documents.push((at, part.clone()));
        false
    }
    fn push(&mut self, text: &str) {
        let (room, to) = match self.into.and_then(|at| self.attachments.get_mut(at)) {
            Some(attachment) => (&mut self.room_attached, &mut attachment.text),
            None => (&mut self.room_body, &mut self.body),
        };
        let mut end = text.len().min(*room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        to.push_str(&text[..end]);
        // What does not fit ends this text: nothing shorter that follows is put behind the gap.
        *room = if end < text.len() { 0 } else { *room - end };
    }
    fn end(&mut self) {
        if self.into.take().is_none() && self.room_body > 0 && !self.body.is_empty() {
            self.body.push('\n');
            self.room_body -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sceau_message::scan::{Limits, Scanner};

    #[tokio::test(flavor = "multi_thread")]
    async fn what_nobody_reads_is_known_by_its_beginning() {
        let store = sceau_store::testing::sqlite().await;
        let long = vec![0x5a; 90_000];
        let pdf = [b"junk %PDF-1.4".as_slice(), &long].concat();
        let archive = [b"PK\x03\x04".as_slice(), &long].concat();
        for (mime, content, unread) in [
            ("application/octet-stream", long.as_slice(), true),
            ("application/octet-stream", &pdf, false),
            ("application/octet-stream", &archive, false),
            ("application/pdf", &long, true),
            ("text/xml", &long, false),
            // Read in one piece: what it is stands in the whole.
            ("application/octet-stream", &long[..900], false),
        ] {
            let coded = base64::engine::general_purpose::STANDARD.encode(content);
            let head = format!("Content-Type: {mime}\r\nContent-Transfer-Encoding: base64\r\n\r\n");
            // As mail has it, and after more blank lines than are looked at: then all of it is read.
            for (blank, unread) in [("", unread), ("\r\n".repeat(3_000).as_str(), false)] {
                let message = format!("{head}{blank}{coded}");
                let (mut scanner, mut spool) = (Scanner::new(Limits::default()), store.spool());
                scanner.push(message.as_bytes()).unwrap();
                spool.write(message.as_bytes()).unwrap();
                let (root, spool) = (scanner.finish().unwrap().root, spool.finish().unwrap());
                let mut reader = spool.reader().unwrap();
                let found = blocking(move || nobody_reads(&mut reader, &root, (mime, ""))).await.unwrap();
                assert_eq!(found.unwrap(), unread, "{mime}, {} bytes, {} blank", content.len(), blank.len());
            }
        }
    }
}
