//! A message as it is read: header, texts, pieces, who sent it and how that is known.
//!
//! Promises: a message is read by whoever sees it in a folder of the BAL where he sits, and by nobody else ([`crate::mailbox::personal`]); reading is traced
//! and marks it as read where the access lets file; what is said of the sender is what this operator verified, apart from what the message says.
use crate::boxed;
use crate::desk::parts::{self, Bodies, Piece};
pub use crate::desk::sender::Sender;
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::mailbox::folders::narrow;
use crate::mailbox::personal::{Marks, leave_out};
use crate::mailbox::read::{MessageReader, MessageSummary, damaged};
use crate::mailbox::seal::BalSeal;
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Address, BalRights, Refusal, RefusalCode, Timestamp};
use sceau_message::envelope::MailAddress;
use sceau_message::html::Stripper;
use sceau_message::safe_html::{self, Clean, Link, Options};
use sceau_message::trace_field::{self, Passage};
use sceau_message::{header, sent};
use sceau_store::folders::{self, FolderRow};
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, Tx};
use std::collections::HashMap;

/// Most recipients that a page shows of each kind.
const PARTIES: usize = 500;
/// What makes the words of [`Operator::exit_word`].
const EXIT: &str = "desk.exit";

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: Id,
    /// What names it in an address.
    pub code: String,
    /// Its name.
    pub name: String,
    /// UID there.
    pub uid: u32,
    /// Flags there, before it was read now.
    pub flags: Flags,
}

/// Somebody whom a message names: what it says, not what is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// Name; empty when there is none.
    pub name: String,
    /// Address, as it is written.
    pub address: String,
}

/// A message as it is read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The message.
    pub message: Id,
    /// Its EMAILID.
    pub email: String,
    /// Where it stands; one place at least.
    pub places: Vec<Place>,
    /// Subject.
    pub subject: String,
    /// From.
    pub from: Vec<Party>,
    /// To.
    pub to: Vec<Party>,
    /// Cc.
    pub cc: Vec<Party>,
    /// Bcc (of what one sent).
    pub bcc: Vec<Party>,
    /// Where answers go, when that is not where it came from.
    pub reply_to: Vec<Party>,
    /// When it was sent, as it says.
    pub sent: Option<Timestamp>,
    /// When it came.
    pub received: Timestamp,
    /// Bytes.
    pub size: u64,
    /// It has a text in HTML.
    pub html: bool,
    /// Its plain text; of HTML alone, the words of it.
    pub text: String,
    /// There is more text than that.
    pub cut: bool,
    /// What is attached.
    pub pieces: Vec<Piece>,
    /// Who sent it.
    pub sender: Sender,
    /// The envelope names another sender than From does.
    pub other_sender: Option<String>,
    /// How it came in.
    pub passage: Option<Passage>,
}

/// The header of a message and how it came in.
#[derive(Debug, Clone)]
pub struct Headers {
    /// Its fields in their order, decoded: what the way added, then what was written.
    pub fields: Vec<(String, String)>,
    /// How many of them the way added.
    pub added: usize,
    /// How it came in; none when somebody filed it.
    pub passage: Option<Passage>,
    /// Its subject.
    pub subject: String,
}

/// A message that is open for whoever may see it.
pub(crate) struct Opened {
    pub message: Id,
    pub summary: MessageSummary,
    pub reader: MessageReader,
    pub places: Vec<Place>,
    pub received: Timestamp,
}

impl Operator {
    /// Opens a message of the actor's BAL where the actor sees it. Traced as a reading. `entry.unknown`, `message.damaged`.
    pub(crate) async fn open_seen(&self, actor: &Actor, email: &str) -> Result<Opened, Refusal> {
        let message = self.message_of_object(email).ok_or(RefusalCode::EntryUnknown)?;
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let without = self.kept_from(actor);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let places = places_in(tx, seat.bal, message, without.as_ref())?;
            let gone = || Fail::from(RefusalCode::EntryUnknown);
            let summary = messages::summaries(tx, seat.bal, &[message])?.rows.remove(&message).ok_or_else(gone)?;
            let content = messages::content(tx, seat.bal, message)?.ok_or_else(gone)?;
            Ok((bal, places, summary, content))
        });
        let (bal, rows, row, content) = read.await?;
        let places = self.places(actor, &seal, &rows);
        if places.is_empty() {
            return Err(RefusalCode::EntryUnknown.into());
        }
        let summary = match MessageSummary::open(&seal, &row, &mut Vec::new()) {
            Ok(summary) => summary,
            Err(e) => {
                damaged(message, &e)?;
                return Err(RefusalCode::MessageDamaged.into());
            }
        };
        let reader = self.reader_of(actor, (&seal, Some(bal.clone())), message, &content).await?;
        self.note_reading(actor, (seat.bal, bal), Read::Message(message)).await?;
        let received = rows.iter().map(|(_, entry)| entry.internal_date).min().unwrap_or_default();
        Ok(Opened { message, summary, reader, places, received: Timestamp(received) })
    }

    /// Where a message of the actor's BAL shows to the actor. Nothing of it is read.
    pub(crate) async fn places_of(&self, actor: &Actor, message: Id) -> Result<Vec<Place>, Refusal> {
        let seat = self.seat(actor)?;
        let (seal, without) = (self.bal_seal(seat.bal).await?, self.kept_from(actor));
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            places_in(tx, seat.bal, message, without.as_ref())
        });
        Ok(self.places(actor, &seal, &read.await?))
    }

    /// Of these places, those that the actor may know of.
    fn places(&self, actor: &Actor, seal: &BalSeal, rows: &[(FolderRow, EntryRow)]) -> Vec<Place> {
        let place = |(folder, entry): &(FolderRow, EntryRow)| {
            // A name that is damaged is mended by whoever lists folders.
            let name = seal.open_folder_name(folder.id, &folder.name_sealed).unwrap_or_default();
            actor.sees_folder(&name).then(|| Place {
                folder: folder.id,
                code: self.mailbox_object(folder.id),
                name,
                uid: narrow(entry.uid),
                flags: Flags::of(entry.flags),
            })
        };
        rows.iter().filter_map(place).collect()
    }

    /// Reads a message of the actor's BAL; it is read from then on, where the actor may file.
    ///
    /// # Errors
    /// `entry.unknown`: it is not there, or not for this person; `message.damaged`; those of every act on a BAL.
    #[boxed]
    pub async fn read_message(&self, actor: &Actor, email: &str) -> Result<Reading, Refusal> {
        let mut opened = self.open_seen(actor, email).await?;
        let shift = opened.summary.prefix.len() as u64;
        let summary = &opened.summary.summary;
        let bodies = Bodies::of(&summary.root);
        let (text, cut) = parts::read(&mut opened.reader, bodies, shift).await?;
        let pieces = parts::attached(&mut opened.reader, &summary.root, shift).await?;
        let (envelope, passage) = (&summary.envelope, trace_field::read(&opened.summary.prefix));
        let from = parties(&envelope.from);
        let (sender, from_address) = self.sender(actor, &summary.header, passage.as_ref()).await?;
        let said = passage.as_ref().and_then(|p| p.sender.clone());
        let same = |said: &String| from_address.as_ref().is_some_and(|a| said.parse().is_ok_and(|s: Address| s == *a));
        let reply_to = parties(&envelope.reply_to);
        let reading = Reading {
            message: opened.message,
            email: email.to_owned(),
            subject: envelope.subject.as_deref().map(|s| header::decoded(s.as_bytes())).unwrap_or_default(),
            reply_to: if reply_to.iter().all(|r| from.iter().any(|f| f.address == r.address)) {
                Vec::new()
            } else {
                reply_to
            },
            from,
            to: parties(&envelope.to),
            cc: parties(&envelope.cc),
            bcc: parties(&envelope.bcc),
            sent: envelope.date.as_deref().and_then(sent::instant).map(Timestamp::from_seconds),
            received: opened.received,
            size: opened.reader.size(),
            html: bodies.html.is_some(),
            text,
            cut,
            pieces,
            sender,
            other_sender: said.filter(|said| !same(said)),
            passage,
            places: opened.places,
        };
        self.mark_read(actor, &reading.places).await?;
        Ok(reading)
    }

    /// Marks as read, where the actor may file.
    async fn mark_read(&self, actor: &Actor, places: &[Place]) -> Result<(), Refusal> {
        let chair = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref());
        if !chair.is_some_and(|c| c.rights.has(BalRights::FILE) && c.scope.has(BalRights::FILE)) {
            return Ok(());
        }
        for place in places.iter().filter(|p| !p.flags.has(Flags::SEEN)) {
            let seen = FlagSet::of(Flags::SEEN);
            match self.change_flags(actor, place.folder, &[place.uid], FlagChange::Add, seen, None).await {
                // It is gone from there in the meantime: it was read all the same.
                Err(refusal) if refusal.code == RefusalCode::FolderUnknown => {}
                done => drop(done?),
            }
        }
        Ok(())
    }

    /// The HTML of a message, made harmless, its pictures in it; none when it has none, or when it would cost too much: its words are shown then
    /// ([`Reading::text`]). `link`: what an address in it becomes.
    ///
    /// # Errors
    /// As [`Operator::read_message`].
    #[boxed]
    pub async fn message_html(&self, actor: &Actor, email: &str, link: Link) -> Result<Option<Clean>, Refusal> {
        let mut opened = self.open_seen(actor, email).await?;
        let shift = opened.summary.prefix.len() as u64;
        let root = &opened.summary.summary.root;
        let Some(part) = Bodies::of(root).html else { return Ok(None) };
        let (html, cut) = parts::text(&mut opened.reader, part, shift, safe_html::MOST_IN).await?;
        if cut {
            return Ok(None);
        }
        let most = usize::try_from(self.config().desk.images_inline_mib).unwrap_or(0) << 20;
        // Of several with the same name the first is meant: what stands within another message has no name here.
        let mut named = HashMap::new();
        for (_, part) in parts::leaves(root) {
            if let Some(id) = part.mime.id.as_deref() {
                let _ = named.entry(parts::bare(id)).or_insert(part);
            }
        }
        let (mut images, mut room) = (HashMap::new(), most);
        for wanted in safe_html::shown(&html) {
            let Some(picture) = named.get(wanted.as_str()) else { continue };
            let (bytes, cut) = parts::content(&mut opened.reader, picture, shift, room).await?;
            if !cut && let Some(address) = safe_html::as_address(&bytes) {
                room -= bytes.len();
                let _ = images.insert(wanted, address);
            }
        }
        // It is work for as long as a megabyte takes: not where others wait.
        let made = tokio::task::spawn_blocking(move || safe_html::clean(&html, Options { images, link })).await;
        match made {
            Ok(made) => Ok(made.ok()),
            Err(e) => Err(refuse::abnormal("HTML of a message", &e)),
        }
    }

    /// The header of a message, and how it came in. Traced as a reading.
    ///
    /// # Errors
    /// As [`Operator::read_message`].
    #[boxed]
    pub async fn message_headers(&self, actor: &Actor, email: &str) -> Result<Headers, Refusal> {
        let opened = self.open_seen(actor, email).await?;
        let named = |f: header::Field<'_>| (f.name.to_owned(), header::decoded(f.value));
        let mut fields: Vec<_> = header::fields(&opened.summary.prefix).map(named).collect();
        let added = fields.len();
        fields.extend(header::fields(&opened.summary.summary.header).map(named));
        let subject = opened.summary.summary.envelope.subject.as_deref();
        Ok(Headers {
            fields,
            added,
            passage: trace_field::read(&opened.summary.prefix),
            subject: subject.map(|s| header::decoded(s.as_bytes())).unwrap_or_default(),
        })
    }

    /// A message whole, as mail programs have it. Traced as a reading.
    ///
    /// # Errors
    /// As [`Operator::read_message`].
    #[boxed]
    pub async fn message_source(&self, actor: &Actor, email: &str) -> Result<MessageReader, Refusal> {
        Ok(self.open_seen(actor, email).await?.reader)
    }

    /// A word that says of an address that one of our pages led there: the page of the way out shows no other.
    pub fn exit_word(&self, address: &str) -> String {
        let tag = self.0.store.vault().tag(EXIT, address.as_bytes());
        tag[..16].iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Where a message of a BAL shows, without what is kept from somebody.
fn places_in(
    tx: &mut dyn Tx,
    bal: Id,
    message: Id,
    without: Option<&Marks>,
) -> Result<Vec<(FolderRow, EntryRow)>, Fail> {
    let mut places = Vec::new();
    for (folder, uid) in messages::places_of(tx, bal, message)? {
        let Some(row) = folders::by_id(tx, bal, folder)? else { continue };
        let mut entries = messages::entries_of(tx, folder, &[uid])?;
        leave_out(without, tx, &mut entries)?;
        places.extend(entries.into_iter().map(|entry| (row.clone(), entry)));
    }
    Ok(places)
}

/// The words of HTML, without the empty lines between its blocks.
pub(crate) fn words(html: &str) -> String {
    let (mut stripper, mut text) = (Stripper::default(), String::new());
    stripper.push(html, &mut text);
    stripper.end(&mut text);
    let mut out = String::with_capacity(text.len());
    let mut empty = false;
    for line in text.lines().map(str::trim) {
        // One between two lines: neither before the first nor after the last.
        if empty && !line.is_empty() {
            out.push('\n');
        }
        empty = line.is_empty() && !out.is_empty();
        if !line.is_empty() {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The people of an address list, [`PARTIES`] at most; groups are left out.
pub(crate) fn parties(list: &[MailAddress]) -> Vec<Party> {
    let party = |a: &MailAddress| {
        let (mailbox, host) = (a.mailbox.as_deref()?, a.host.as_deref()?);
        let name = a.name.as_deref().map(|n| header::decoded(n.as_bytes())).unwrap_or_default();
        let address = if host.is_empty() { mailbox.to_owned() } else { format!("{mailbox}@{host}") };
        Some(Party { name, address })
    };
    list.iter().filter_map(party).take(PARTIES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_html_read_as_lines() {
        assert_eq!(words("<p>Bonjour</p><div><div><p>Madame,<br>merci</p></div></div>"), "Bonjour\n\nMadame,\nmerci\n");
    }

    #[test]
    fn people_are_named_as_the_message_says() {
        let of = |name: Option<&str>, mailbox: Option<&str>, host: Option<&str>| MailAddress {
            name: name.map(str::to_owned),
            mailbox: mailbox.map(str::to_owned),
            host: host.map(str::to_owned),
        };
        let list = [
            of(Some("=?utf-8?Q?Zo=C3=A9?="), Some("zoe"), Some("a.fr")),
            of(None, Some("groupe"), None),
            of(None, Some("seul"), Some("")),
            of(None, None, None),
        ];
        let named: Vec<_> = parties(&list).into_iter().map(|p| (p.name, p.address)).collect();
        assert_eq!(named, [("Zoé".to_owned(), "zoe@a.fr".to_owned()), (String::new(), "seul".to_owned())]);
    }
}
