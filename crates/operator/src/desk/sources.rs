//! What an answer, or a message that is sent on, goes on from: who wrote it, its text, its pieces, its place in the conversation.
//!
//! Promises: it is read as any message is (right, trace, what is marked personal); of a text no more is quoted than [`QUOTED`].
use crate::mailbox::folders::narrow;
use crate::mailbox::personal::leave_out;
use crate::mailbox::read::{MessageReader, MessageSummary};
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::{Address, DomainName, Refusal, RefusalCode, Timestamp};
use sceau_message::decode::{TransferDecoder, to_utf8};
use sceau_message::envelope::MailAddress;
use sceau_message::header::decoded;
use sceau_message::html::Stripper;
use sceau_message::scan::Part;
use sceau_message::sent;
use sceau_message::subject::base_subject;
use sceau_store::{Id, messages};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most bytes of a text part that are read to be quoted.
const QUOTED: u64 = 256 << 10;
/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Most parts that are looked at.
const PARTS: usize = 1_000;

/// What is said of a message above its quoted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Who wrote it: name, else address.
    pub name: String,
    /// The address.
    pub address: String,
    /// When it says that it was written.
    pub at: Option<Timestamp>,
    /// Its subject.
    pub subject: String,
    /// To whom, addresses.
    pub to: String,
}

/// A piece of another message that goes along: where it stands there, the way's own fields counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Carried {
    /// The message.
    pub message: Id,
    /// First byte and length, as it is encoded there.
    pub body: (u64, u64),
    /// How it is encoded.
    pub encoding: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// About how many bytes it has.
    pub size: u64,
}

/// The message.
#[derive(Debug)]
pub(super) struct Source {
    /// Its id.
    pub message: Id,
    summary: Arc<MessageSummary>,
}

impl Operator {
    /// Where a message shows to this person: folders and UIDs. `entry.unknown`: nowhere.
    pub(crate) async fn places_of(&self, actor: &Actor, message: Id) -> Result<Vec<(Id, u32)>, Refusal> {
        let seat = self.seat(actor)?;
        let without = self.kept_from(actor);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let mut found = Vec::new();
            for (folder, uid) in messages::places_of(tx, seat.bal, message)? {
                let mut entries = messages::entries_of(tx, folder, &[uid])?;
                leave_out(without.as_ref(), tx, &mut entries)?;
                found.extend(entries.iter().map(|e| (folder, narrow(e.uid))));
            }
            Ok(found)
        });
        let mut found = read.await?;
        if actor.kept_out() && !found.is_empty() {
            let seen: Vec<Id> = self.folders(actor).await?.iter().map(|f| f.id).collect();
            found.retain(|(folder, _)| seen.contains(folder));
        }
        if found.is_empty() { Err(RefusalCode::EntryUnknown.into()) } else { Ok(found) }
    }

    /// A message by its EMAILID. `entry.unknown`.
    pub(super) async fn source(&self, actor: &Actor, email: &str) -> Result<Source, Refusal> {
        let message = self.message_of_object(email).ok_or(RefusalCode::EntryUnknown)?;
        self.places_of(actor, message).await?;
        let summary = self.summaries(actor, &[message]).await?.pop().ok_or(RefusalCode::EntryUnknown)?;
        Ok(Source { message, summary })
    }

    /// The text that is quoted of a message; empty where it has none.
    pub(super) async fn quoted_text(&self, actor: &Actor, source: &Source) -> Result<String, Refusal> {
        let Some(part) = text_of(&source.summary.summary.root) else { return Ok(String::new()) };
        let mut reader = self.open_message(actor, source.message).await?;
        let body = (source.shift() + part.body.0, part.body.1.min(QUOTED));
        let bytes = read_decoded(&mut reader, body, &part.mime.encoding).await?;
        let text = to_utf8(part.mime.parameter("charset").unwrap_or_default(), &bytes);
        if part.mime.subtype != "html" {
            return Ok(text);
        }
        let (mut stripper, mut plain) = (Stripper::default(), String::new());
        stripper.push(&text, &mut plain);
        stripper.end(&mut plain);
        Ok(drawn_together(&plain))
    }
}

/// A part's content, decoded.
async fn read_decoded(reader: &mut MessageReader, body: (u64, u64), encoding: &str) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    let mut decoding = Decoding::new(body, encoding);
    while let Some(bytes) = decoding.next(reader).await? {
        out.extend(bytes);
    }
    Ok(out)
}

/// A part of a message, as it is read and decoded piece by piece.
#[derive(Debug)]
pub(super) struct Decoding {
    at: u64,
    end: u64,
    /// None: an encoding that nobody knows is passed on as it stands.
    transfer: Option<TransferDecoder>,
    over: bool,
}

impl Decoding {
    /// Of a part at these bytes (first, length).
    pub fn new((at, length): (u64, u64), encoding: &str) -> Self {
        Self { at, end: at.saturating_add(length), transfer: TransferDecoder::new(encoding), over: false }
    }
    /// The next bytes; none at the end.
    pub async fn next(&mut self, reader: &mut MessageReader) -> Result<Option<Vec<u8>>, Refusal> {
        if self.over {
            return Ok(None);
        }
        let wanted = usize::try_from(self.end - self.at).unwrap_or(PIECE).min(PIECE);
        let raw = if wanted == 0 { Vec::new() } else { reader.read(self.at, wanted).await? };
        self.at += raw.len() as u64;
        self.over = raw.is_empty() || self.at >= self.end;
        let Some(transfer) = &mut self.transfer else { return Ok(Some(raw)) };
        let mut out = Vec::with_capacity(raw.len());
        transfer.push(&raw, &mut out);
        if self.over {
            transfer.finish(&mut out);
        }
        Ok(Some(out))
    }
}

impl Source {
    /// How many bytes the way added before it.
    fn shift(&self) -> u64 {
        self.summary.prefix.len() as u64
    }

    /// What is said of it above its text.
    pub fn told(&self) -> Quoted {
        let envelope = &self.summary.summary.envelope;
        let (name, address) = people(&envelope.from).into_iter().next().unwrap_or_default();
        let at =
            envelope.date.as_deref().and_then(sent::instant).map(|seconds| Timestamp(seconds.saturating_mul(1_000)));
        let to = people(&envelope.to).into_iter().map(|(_, address)| address).collect::<Vec<_>>().join(", ");
        Quoted { name: if name.is_empty() { address.clone() } else { name }, address, at, subject: self.subject(), to }
    }

    /// Its subject, as people read it.
    pub fn subject(&self) -> String {
        decoded(self.summary.summary.envelope.subject.as_deref().unwrap_or_default().as_bytes())
    }

    /// The subject of what goes on from it: with this mark once, however often it was answered.
    pub fn marked_subject(&self, mark: &str) -> String {
        let subject = self.subject();
        let base = base_subject(&subject);
        let text = if base.text.is_empty() { &subject } else { &base.text };
        format!("{mark} {text}").trim_end().to_owned()
    }

    /// Identifiers of its conversation, its own the last.
    pub fn references(&self) -> Vec<String> {
        let summary = &self.summary.summary;
        summary.references.iter().chain(summary.envelope.message_id.as_ref()).cloned().collect()
    }

    /// To whom an answer goes, and who has a copy: whoever asked for answers, else whoever wrote; of one's own message, those to whom it went. With
    /// `all`, everybody whom it names but oneself.
    pub fn answered(&self, own: &Address, all: bool) -> (Vec<(String, String)>, Vec<(String, String)>) {
        let envelope = &self.summary.summary.envelope;
        let is_own = |(_, address): &(String, String)| address.parse::<Address>().is_ok_and(|a| a == *own);
        let from = people(&envelope.from);
        let mut to = match people(&envelope.reply_to) {
            asked if !asked.is_empty() => asked,
            _ if from.iter().any(is_own) => people(&envelope.to),
            _ => from,
        };
        let mut cc = Vec::new();
        if all {
            let others: Vec<_> = people(&envelope.to).into_iter().chain(people(&envelope.cc)).collect();
            cc = others.into_iter().filter(|other| !is_own(other)).collect();
        }
        for list in [&mut to, &mut cc] {
            let mut seen = Vec::new();
            list.retain(|(_, address)| {
                let new = !seen.contains(address);
                seen.push(address.clone());
                new
            });
        }
        cc.retain(|(_, address)| to.iter().all(|(_, named)| named != address));
        (to, cc)
    }

    /// Its pieces, to go along with it.
    pub fn pieces(&self) -> Vec<Carried> {
        let root = &self.summary.summary.root;
        let text = text_of(root);
        let mut found = Vec::new();
        for part in leaves(root) {
            if text.is_some_and(|text| text.header == part.header) || is_other_form(part) {
                continue;
            }
            let kind = format!("{}/{}", part.mime.kind, part.mime.subtype);
            let number = found.len() + 1;
            let name = part.mime.file_name().unwrap_or_else(|| match part.envelope.is_some() {
                true => format!("message-{number}.eml"),
                false => format!("piece-{number}"),
            });
            let size = if part.mime.encoding == "base64" { part.body.1 / 4 * 3 } else { part.body.1 };
            let body = (self.shift() + part.body.0, part.body.1);
            found.push(Carried { message: self.message, body, encoding: part.mime.encoding.clone(), name, kind, size });
        }
        found
    }
}

/// Parts without parts, and whole messages, in their order.
fn leaves(root: &Part) -> Vec<&Part> {
    let (mut found, mut rest) = (Vec::new(), vec![root]);
    while let Some(part) = rest.pop() {
        if part.children.is_empty() || part.envelope.is_some() {
            found.push(part);
            if found.len() >= PARTS {
                break;
            }
        } else {
            rest.extend(part.children.iter().rev());
        }
    }
    found
}

/// A text for people to read, not one that is attached.
fn is_text(part: &Part) -> bool {
    let attached = part.mime.disposition.as_ref().is_some_and(|(kind, _)| kind == "attachment");
    part.mime.kind == "text"
        && matches!(part.mime.subtype.as_str(), "plain" | "html")
        && !attached
        && part.mime.file_name().is_none()
}

/// The same text as HTML, beside the one that is quoted.
fn is_other_form(part: &Part) -> bool {
    is_text(part) && part.mime.subtype == "html"
}

/// The text that a person reads: the first plain one, else the first one.
fn text_of(root: &Part) -> Option<&Part> {
    let texts: Vec<&Part> = leaves(root).into_iter().filter(|part| is_text(part)).collect();
    texts.iter().find(|part| part.mime.subtype == "plain").or(texts.first()).copied()
}

/// Names and addresses of a list, as people read them; what is no address is left out.
fn people(list: &[MailAddress]) -> Vec<(String, String)> {
    let one = |a: &MailAddress| {
        let domain: DomainName = a.host.as_deref()?.parse().ok()?;
        let address = Address::from_parts(a.mailbox.as_deref()?, domain).ok()?;
        Some((decoded(a.name.as_deref().unwrap_or_default().as_bytes()), address.to_string()))
    };
    list.iter().filter_map(one).collect()
}

/// Lines without the white space around them, no more than one empty one between two.
fn drawn_together(text: &str) -> String {
    let (mut out, mut empty) = (String::with_capacity(text.len()), true);
    for line in text.lines().map(str::trim) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// A text, each line marked as somebody else's.
pub(super) fn quoted(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| if line.starts_with('>') { format!(">{line}\n") } else { format!("> {line}\n") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_message::scan::{Limits, Scanner};
    use sceau_message::summary::Summary;

    fn source(message: &str) -> Source {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message.replace('\n', "\r\n").as_bytes()).unwrap();
        let summary = Summary::of(&scanner.finish().unwrap(), &Limits::default());
        Source { message: 7, summary: Arc::new(MessageSummary { message: 7, prefix: vec![b'x'; 10], summary }) }
    }

    const MESSAGE: &str = "From: \"Zoé\" <zoe@beta.fr>\nTo: anne@alpha.fr, Paul <paul@beta.fr>\nCc: ANNE@alpha.fr, zoe@beta.fr, luc@beta.fr\n\
        Subject: Re: [liste] RE: Bilan\nMessage-ID: <2@beta.fr>\nReferences: <1@beta.fr>\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nBonjour\n--c\nContent-Type: text/html\n\n<p>Bonjour\n--c--\n\
        --b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nAAAA\n--b\nContent-Type: text/plain\n\
        Content-Disposition: attachment\n\nnote\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--b--\n";

    #[test]
    fn an_answer_goes_to_whoever_is_meant() {
        let own: Address = "anne@alpha.fr".parse().unwrap();
        let plain = |list: Vec<(String, String)>| list.into_iter().map(|(_, a)| a).collect::<Vec<_>>();
        let s = source(MESSAGE);
        let (to, cc) = s.answered(&own, false);
        assert_eq!((to[0].0.as_str(), plain(to.clone()), cc.len()), ("Zoé", vec!["zoe@beta.fr".to_owned()], 0));
        assert_eq!(plain(s.answered(&own, true).1), ["paul@beta.fr", "luc@beta.fr"]);
        // One's own message goes on to those to whom it went; who asked for answers elsewhere gets them there.
        let zoe: Address = "zoe@beta.fr".parse().unwrap();
        assert_eq!(plain(s.answered(&zoe, false).0), ["anne@alpha.fr", "paul@beta.fr"]);
        let elsewhere = source(&format!("Reply-To: secretariat@beta.fr\n{MESSAGE}"));
        assert_eq!(plain(elsewhere.answered(&own, false).0), ["secretariat@beta.fr"]);
    }

    #[test]
    fn what_goes_on_names_where_it_comes_from() {
        let s = source(MESSAGE);
        assert_eq!(s.marked_subject("Re:"), "Re: Bilan");
        assert_eq!(s.references(), ["<1@beta.fr>", "<2@beta.fr>"]);
        assert_eq!((s.told().name.as_str(), s.told().to.as_str()), ("Zoé", "anne@alpha.fr, paul@beta.fr"));
        assert_eq!(source("Subject: Re:\n\nx\n").marked_subject("Re:"), "Re: Re:", "nothing but marks is kept");
    }

    #[test]
    fn pieces_go_along_and_texts_do_not() {
        let s = source(MESSAGE);
        let pieces: Vec<(String, String)> = s.pieces().into_iter().map(|p| (p.name, p.kind)).collect();
        let piece = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        assert_eq!(
            pieces,
            [
                piece("a.pdf", "application/pdf"),
                piece("piece-2", "text/plain"),
                piece("message-3.eml", "message/rfc822")
            ]
        );
        assert!(s.pieces()[0].body.0 > 10, "what the way added is counted");
        assert!(source("Subject: x\n\ny\n").pieces().is_empty());
    }

    #[test]
    fn a_quote_is_marked_line_by_line() {
        assert_eq!(quoted("a\n> b\n\n"), "> a\n>> b\n");
        assert_eq!(drawn_together("\n\n  a \n\n\n b\n"), "a\n\nb\n");
    }
}
