//! Reading: a mailbox's messages and their content (RFC 9051 §6.3.3, §6.4.5). Nothing is marked as read.
use super::response::{Content, Response, Status};
use super::wire::Cut;
use super::{COMMAND, Client, LISTING, Part, RESPONSES, own_no, patience};
use crate::Error;
use crate::flags::Flags;
use std::collections::BTreeMap;

/// Most messages of a mailbox.
const MESSAGES: usize = 2_000_000;
/// Octets of keywords that are kept of a listing.
const KEYWORDS: usize = 64 << 20;
/// Octets that are read and thrown away so that a connection can live.
const DRAIN: u64 = 1 << 20;

/// A mailbox that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// UIDVALIDITY.
    pub validity: u32,
    /// How many messages.
    pub exists: u32,
}

/// A message of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// FLAGS.
    pub flags: Flags,
    /// INTERNALDATE, seconds since 1970.
    pub date: Option<i64>,
    /// RFC822.SIZE, octets.
    pub size: u64,
}

/// Code of a refusal: the server lists the message and does not give it.
pub const UNREAD: &str = "UNREAD";

/// Who takes the content of a message.
pub trait Taker {
    /// It comes, of so many octets. An error stops it.
    fn begin(&mut self, _size: u64) -> Result<(), Error> {
        Ok(())
    }
    /// Its next octets. An error stops it.
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error>;
}

/// How the reading of a message ended.
#[derive(Debug)]
pub enum Outcome {
    /// All of it was given, so many octets.
    Taken(u64),
    /// It is not there any more: the server does not list it either.
    Gone,
    /// The taker did not want it, or not all of it.
    Stopped(Error),
}

impl Client {
    /// Opens a mailbox, to read only.
    pub fn examine(&mut self, wire: &[u8]) -> Result<Selected, Error> {
        let (mut validity, mut exists) = (0, 0);
        self.run(COMMAND, &[Part::Text("EXAMINE"), Part::String(wire)], &mut |r| match r {
            Response::Exists(n) => exists = n,
            Response::Status { status: Status::Ok, code, .. } => {
                if let [name, value, ..] = code.as_slice()
                    && name == "UIDVALIDITY"
                {
                    validity = value.parse().unwrap_or(0);
                }
            }
            _ => {}
        })?;
        Ok(Selected { validity, exists })
    }

    /// Every message of the open mailbox, by UID.
    pub fn entries(&mut self, opened: Selected) -> Result<BTreeMap<u32, Entry>, Error> {
        let mut entries: BTreeMap<u32, Entry> = BTreeMap::new();
        // `1:*` names the last message even where there is none, and some servers are unkind about it.
        if opened.exists == 0 {
            return Ok(entries);
        }
        let (mut keywords, mut last) = (0, None::<u32>);
        loop {
            let upto = last.map_or_else(|| "*".to_owned(), |uid| uid.to_string());
            let list = format!("UID FETCH 1:{upto} (UID FLAGS INTERNALDATE RFC822.SIZE)");
            let code = self.run(LISTING, &[Part::Text(&list)], &mut |r| {
                let Response::Fetch(mut f) = r else { return };
                let Some(uid) = f.uid else { return };
                if entries.len() >= MESSAGES && !entries.contains_key(&uid) {
                    return;
                }
                let entry = entries.entry(uid).or_default();
                if let Some(flags) = &mut f.flags {
                    keywords += flags.keywords.iter().map(|k| k.len() + 32).sum::<usize>();
                    if keywords > KEYWORDS {
                        flags.keywords.clear();
                    }
                }
                // What another session changes meanwhile is told in pieces.
                entry.flags = f.flags.unwrap_or_else(|| std::mem::take(&mut entry.flags));
                entry.date = f.date.or(entry.date);
                entry.size = f.size.unwrap_or(entry.size);
            })?;
            // A server that works on so many at a time says how far down it came (RFC 9738 §3.1).
            let came = match code.as_slice() {
                [name, _, uid, ..] if name == "MESSAGELIMIT" => uid.parse::<u32>().ok(),
                _ => None,
            };
            match came.filter(|uid| *uid > 1 && last.is_none_or(|l| *uid <= l)) {
                Some(uid) => last = Some(uid - 1),
                None => break,
            }
        }
        if entries.len() >= MESSAGES {
            return Err(Error::Protocol("more messages than may be"));
        }
        Ok(entries)
    }

    /// Gives the content of a message of the open mailbox to `taker`, piece by piece; `size` is what the listing said. A message that is listed and
    /// not given is [`Error::No`] with the code [`UNREAD`].
    pub fn content(&mut self, uid: u32, size: u64, taker: &mut dyn Taker) -> Result<Outcome, Error> {
        match self.asked(uid, size, taker)? {
            // Some say nothing of what they cannot read.
            Outcome::Gone if self.lists(uid)? => Err(own_no(UNREAD, "")),
            outcome => Ok(outcome),
        }
    }

    /// Is the message in the open mailbox?
    fn lists(&mut self, uid: u32) -> Result<bool, Error> {
        let (fetch, mut found) = (format!("UID FETCH {uid} (UID)"), false);
        match self.run(COMMAND, &[Part::Text(&fetch)], &mut |r| {
            found |= matches!(r, Response::Fetch(f) if f.uid == Some(uid));
        }) {
            Ok(_) | Err(Error::No(_)) => Ok(found),
            Err(e) => Err(e),
        }
    }

    fn asked(&mut self, uid: u32, size: u64, taker: &mut dyn Taker) -> Result<Outcome, Error> {
        let fetch = format!("UID FETCH {uid} (UID BODY.PEEK[])");
        let tag = self.begin(patience(size), &[Part::Text(&fetch)])?;
        let mut outcome = Outcome::Gone;
        for _ in 0..RESPONSES {
            let mut pieces = Vec::new();
            let mut streamed = None;
            while let Cut::Message(size) = self.part(&mut pieces)? {
                // A second one is nobody's: it is read and thrown away.
                let first = streamed.is_none() && matches!(outcome, Outcome::Gone);
                let given = self.give(size, first.then_some(&mut *taker))?;
                if self.is_broken() {
                    return Ok(given);
                }
                streamed = streamed.or(Some(given));
            }
            match self.understood(&pieces)? {
                Response::Status { tag: Some(t), status, code, text } if t == tag => {
                    return match (status, &outcome) {
                        (Status::Ok, _) | (_, Outcome::Stopped(_)) => Ok(outcome),
                        _ => match Response::no(&code, &text) {
                            no if no.is("EXPUNGEISSUED") => Ok(Outcome::Gone),
                            no => Err(Error::No(no)),
                        },
                    };
                }
                Response::Status { tag: Some(_), .. } => {
                    return Err(self.fail(Error::Protocol("an answer to what was not asked")));
                }
                Response::Fetch(f) => {
                    let ours = f.uid == Some(uid);
                    match (f.content, streamed) {
                        (Some(Content::Streamed), Some(_)) if !ours => {
                            return Err(self.fail(Error::Protocol("the content of another message")));
                        }
                        (Some(Content::Streamed), Some(given)) if matches!(outcome, Outcome::Gone) => outcome = given,
                        (Some(Content::Here(bytes)), _) if ours && matches!(outcome, Outcome::Gone) => {
                            outcome = match taker.begin(bytes.len() as u64).and_then(|()| taker.piece(&bytes)) {
                                Ok(()) => Outcome::Taken(bytes.len() as u64),
                                Err(e) => Outcome::Stopped(e),
                            };
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Err(self.fail(Error::Protocol("a command without an end")))
    }

    /// Gives the octets of the literal that is coming.
    fn give(&mut self, size: u64, mut taker: Option<&mut dyn Taker>) -> Result<Outcome, Error> {
        // A server may say another size in its listing than it sends.
        self.stream.within(patience(size));
        let mut outcome = Outcome::Taken(size);
        if let Some(t) = &mut taker
            && let Err(e) = t.begin(size)
        {
            (outcome, taker) = (Outcome::Stopped(e), None);
        }
        let mut left = size;
        loop {
            if taker.is_none() && left > DRAIN {
                // Too much to listen to for nothing: the connection is given up instead.
                self.broken = true;
                return match outcome {
                    Outcome::Stopped(e) => Ok(Outcome::Stopped(e)),
                    _ => Err(Error::Protocol("content that was not asked")),
                };
            }
            let piece = self.wire.take(&mut self.stream).map_err(|e| super::fail(&mut self.broken, e))?;
            if piece.is_empty() {
                return Ok(outcome);
            }
            left -= piece.len() as u64;
            if let Some(t) = &mut taker
                && let Err(e) = t.piece(piece)
            {
                (outcome, taker) = (Outcome::Stopped(e), None);
            }
        }
    }
}
