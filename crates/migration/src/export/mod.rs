//! Taking a BAL out, into Maildir or mbox, with a manifest.
//!
//! Promises: nothing of the BAL is changed, not even what was read; a message stands in the manifest once its file is whole; one that the server does not
//! give stands there too, with the reason, and the others are taken; the manifest's end is written when everything is on the disk; an export that was cut
//! goes on when it is run again. Only its owner reads what is written.
mod maildir;
mod mbox;
mod names;
mod personal;

pub use names::{escaped, unescaped};

use crate::Error;
use crate::client::{Client, Entry, Mailbox};
use crate::content::Measured;
use crate::error::No;
use crate::folders::{all_there, is_wanted, name};
use crate::manifest::{self, End, Format, Head, Line, Lines, Unread, Writer};
use crate::source::{CUT, IN_A_ROW, Login, TRIES, WAITS};
use crate::time;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The BAL.
    pub login: Login,
    /// Where to: a folder that is made, or one where an export was cut.
    pub dir: PathBuf,
    /// In which form.
    pub format: Format,
    /// Folders to take, with what is below them; all when none is named.
    pub only: Vec<String>,
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Folders.
    pub folders: u64,
    /// Messages in the export.
    pub messages: u64,
    /// Their octets.
    pub bytes: u64,
    /// Messages that went from the BAL meanwhile.
    pub gone: u64,
    /// Messages that were there from a run before.
    pub before: u64,
    /// Messages that the server did not give.
    pub unread: u64,
    /// Messages marked personal that were left out (F074): of a mailbox that is not the person's own.
    pub personal: u64,
}

/// Who watches.
pub trait Witness {
    /// A folder is begun: its name, where it goes, its messages.
    fn folder(&mut self, name: &str, place: &str, messages: usize);
    /// A message was gone through.
    fn step(&mut self, counts: &Counts);
    /// The server does not give a message; it is left out.
    fn unread(&mut self, folder: &str, uid: u32, no: &No);
    /// A connection ended; it is made anew after this wait.
    fn cut(&mut self, why: &Error, wait: Duration);
}

/// Where messages of a folder go.
trait Place {
    /// Writes a message; none when it is gone from the BAL.
    fn put(&mut self, client: &mut Client, uid: u32, entry: &Entry) -> Result<Option<manifest::Message>, Error>;
}

/// What a manifest says of a message wherever it is written.
fn listed(place: &str, uid: u32, entry: &Entry, measured: &Measured) -> manifest::Message {
    manifest::Message {
        place: place.to_owned(),
        uid,
        size: measured.size,
        sha256: hex::encode(measured.digest),
        date: entry.date.map(time::manifest),
        flags: entry.flags.imap().into_iter().map(str::to_owned).collect(),
        length: 0,
        file: None,
        offset: None,
        head: 0,
        exact: false,
        open_end: false,
    }
}

/// What a run before wrote.
#[derive(Debug, Default)]
struct Before {
    /// Place and UIDVALIDITY of each folder, by its name.
    folders: HashMap<String, (String, u32)>,
    /// UIDs that are there, by place.
    uids: HashMap<String, HashSet<u32>>,
    /// Where each mbox ends.
    ends: HashMap<String, u64>,
    counts: Counts,
}

/// Exports what there is.
pub fn run(plan: &Plan, witness: &mut dyn Witness) -> Result<Counts, Error> {
    let mut client = plan.login.open()?;
    let stays = personal::stays(&mut client, &plan.login.user)?;
    let mut mailboxes = client.mailboxes()?;
    all_there(&mailboxes.iter().map(|m| name(&m.levels)).collect::<Vec<_>>(), &plan.only)?;
    mailboxes.retain(|m| m.selectable && is_wanted(&name(&m.levels), &plan.only));
    make(&plan.dir)?;
    let (mut manifest, before) = begin(plan)?;
    let mut counts = before.counts;
    let mut places = names::Taken::new(before.folders.values().map(|(place, _)| place.as_str()));
    for mailbox in &mailboxes {
        let (mut entries, validity) = retry(plan, &mut client, witness, None, WAITS.len(), |client| {
            let opened = client.examine(&mailbox.wire)?;
            Ok((client.entries(opened)?, opened.validity))
        })?;
        let name = name(&mailbox.levels);
        if stays {
            counts.personal += personal::leave_out(&name, &mut entries);
        }
        let place = match before.folders.get(&name) {
            Some((_, known)) if *known != validity => {
                return Err(Error::Content(plan.dir.clone(), "other_folder"));
            }
            Some((place, _)) => place.clone(),
            None => {
                let place = names::place(plan.format, &mailbox.levels, &mut places);
                let role = mailbox.role.map(|r| r.as_str().to_owned());
                manifest.write(&Line::Folder(manifest::Folder {
                    place: place.clone(),
                    name: name.clone(),
                    role,
                    validity,
                }))?;
                counts.folders += 1;
                place
            }
        };
        witness.folder(&name, &place, entries.len());
        let mut to: Box<dyn Place> = match plan.format {
            Format::Maildir => Box::new(maildir::Maildir::open(&plan.dir, &place, validity)?),
            Format::Mbox => {
                Box::new(mbox::Mbox::open(&plan.dir, &place, before.ends.get(&place).copied().unwrap_or(0))?)
            }
        };
        let done = before.uids.get(&place);
        folder(
            plan,
            &mut client,
            witness,
            (mailbox, validity, &place),
            &entries,
            done,
            to.as_mut(),
            &mut manifest,
            &mut counts,
        )?;
    }
    // Everything is on the disk before the end is said.
    sync(&plan.dir)?;
    let end = End {
        folders: counts.folders,
        messages: counts.messages,
        bytes: counts.bytes,
        ended: now(),
        sha256: manifest.digest(),
    };
    manifest.write(&Line::End(end))?;
    manifest.sync()?;
    client.logout();
    Ok(counts)
}

#[allow(clippy::too_many_arguments)] // what a run holds, once
fn folder(
    plan: &Plan,
    client: &mut Client,
    witness: &mut dyn Witness,
    (mailbox, validity, place): (&Mailbox, u32, &str),
    entries: &BTreeMap<u32, Entry>,
    done: Option<&HashSet<u32>>,
    to: &mut dyn Place,
    manifest: &mut Writer,
    counts: &mut Counts,
) -> Result<(), Error> {
    let mut in_a_row = 0;
    for (uid, entry) in entries {
        if done.is_some_and(|d| d.contains(uid)) {
            continue;
        }
        let open = Some((mailbox, validity));
        let written = retry(plan, client, witness, open, TRIES - 1, |client| {
            let mut waits = WAITS.iter().take(TRIES - 1);
            loop {
                match (to.put(client, *uid, entry), waits.next()) {
                    (Err(Error::No(no)), Some(wait)) if no.is("UNAVAILABLE") => {
                        std::thread::sleep(Duration::from_secs(*wait));
                    }
                    (Err(Error::No(no)), None) if no.is("UNAVAILABLE") => {
                        return Err(Error::Cut(std::io::Error::other(no.text)));
                    }
                    (done, _) => return done,
                }
            }
        });
        in_a_row = if matches!(written, Err(Error::Cut(_) | Error::Protocol(_))) { in_a_row + 1 } else { 0 };
        let no = match written {
            Ok(Some(message)) => {
                counts.messages += 1;
                counts.bytes += message.size;
                manifest.write(&Line::Message(message))?;
                None
            }
            Ok(None) => {
                counts.gone += 1;
                None
            }
            // Who may not read this one may not read the next.
            Err(Error::No(no)) if !no.is("NOPERM") => Some(no),
            // A server that ends the connection at a message that it cannot read, or puts it off, and serves the others.
            Err(e @ (Error::Cut(_) | Error::Protocol(_))) if in_a_row < IN_A_ROW => {
                if client.is_broken() {
                    reconnect(plan, client, witness, open, &e)?;
                }
                Some(No { code: Some(CUT.into()), text: e.to_string() })
            }
            Err(e) => return Err(e),
        };
        if let Some(no) = no {
            counts.unread += 1;
            let place = place.to_owned();
            let reason = if no.text.is_empty() { no.code.clone().unwrap_or_default() } else { no.text.clone() };
            manifest.write(&Line::Unread(Unread { place, uid: *uid, reason }))?;
            witness.unread(&name(&mailbox.levels), *uid, &no);
        }
        witness.step(counts);
    }
    Ok(())
}

/// Does it; a connection that ends meanwhile is made anew, so many times.
fn retry<T>(
    plan: &Plan,
    client: &mut Client,
    witness: &mut dyn Witness,
    mailbox: Option<(&Mailbox, u32)>,
    tries: usize,
    mut act: impl FnMut(&mut Client) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut left = tries;
    loop {
        let error = match act(client) {
            Err(e) if client.is_broken() && !matches!(e, Error::File(..)) && left > 0 => e,
            done => return done,
        };
        left -= 1;
        reconnect(plan, client, witness, mailbox, &error)?;
    }
}

/// Makes the connection anew, and opens the mailbox again. What cannot be reached is waited for; who is not let in any more is told.
fn reconnect(
    plan: &Plan,
    client: &mut Client,
    witness: &mut dyn Witness,
    mailbox: Option<(&Mailbox, u32)>,
    why: &Error,
) -> Result<(), Error> {
    let open = || {
        let mut client = plan.login.open()?;
        let Some((mailbox, validity)) = mailbox else { return Ok(client) };
        match client.examine(&mailbox.wire) {
            Ok(opened) if opened.validity == validity => Ok(client),
            Ok(_) | Err(Error::No(_)) => Err(Error::Content(plan.dir.clone(), "other_folder")),
            Err(e) => Err(e),
        }
    };
    let mut last = None;
    for wait in WAITS {
        let wait = Duration::from_secs(wait);
        witness.cut(last.as_ref().unwrap_or(why), wait);
        std::thread::sleep(wait);
        match open() {
            Ok(new) => {
                *client = new;
                return Ok(());
            }
            Err(e @ (Error::Login(_) | Error::Tls(_) | Error::Content(..))) => return Err(e),
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or(Error::Protocol("no connection")))
}

/// Begins the manifest, or goes on with the one of a run that was cut.
fn begin(plan: &Plan) -> Result<(Writer, Before), Error> {
    let head = Head {
        version: 1,
        format: plan.format,
        server: plan.login.door.shown(),
        login: plan.login.user.clone(),
        began: now(),
    };
    if !plan.dir.join(manifest::NAME).exists() {
        if plan.dir.read_dir().map_err(Error::file(&plan.dir))?.next().is_some() {
            return Err(Error::Content(plan.dir.clone(), "not_empty"));
        }
        let mut manifest = Writer::begin(&plan.dir)?;
        manifest.write(&Line::Export(head))?;
        return Ok((manifest, Before::default()));
    }
    let mut lines = Lines::open(&plan.dir)?;
    let mut before = Before::default();
    let mut first = true;
    while let Some((line, _)) = lines.line()? {
        match line {
            Line::Export(h) if first => {
                if (h.format, &h.server, &h.login) != (head.format, &head.server, &head.login) || h.version != 1 {
                    return Err(Error::Content(plan.dir.clone(), "other_export"));
                }
            }
            Line::Folder(f) if manifest::is_inside(&f.place) => {
                before.counts.folders += 1;
                before.folders.insert(f.name, (f.place, f.validity));
            }
            Line::Message(m) => {
                before.counts.messages += 1;
                before.counts.before += 1;
                before.counts.bytes += m.size;
                is_there(plan, &m)?;
                if let Some(offset) = m.offset {
                    before.ends.insert(m.place.clone(), offset + m.length + 1);
                }
                before.uids.entry(m.place).or_default().insert(m.uid);
            }
            // It is asked for again.
            Line::Unread(_) => {}
            Line::End(_) => return Err(Error::Content(plan.dir.clone(), "complete")),
            Line::Export(_) | Line::Folder(_) => return Err(Error::Content(plan.dir.clone(), "no_manifest")),
        }
        first = false;
    }
    let mut manifest = Writer::go_on(lines)?;
    if first {
        manifest.write(&Line::Export(head))?;
    }
    Ok((manifest, before))
}

/// That the file of a message is there as a whole: a machine that lost its power may have kept the manifest's line and not the file.
fn is_there(plan: &Plan, message: &manifest::Message) -> Result<(), Error> {
    let Some(file) = message.file.as_deref().filter(|f| manifest::is_inside(f) && manifest::is_inside(&message.place))
    else {
        return Ok(());
    };
    let path = plan.dir.join(&message.place).join(file);
    let there = crate::maildir::there(&path).and_then(|p| p.metadata().ok());
    if there.is_some_and(|about| about.len() == message.length) { Ok(()) } else { Err(Error::Content(path, "shorter")) }
}

fn make(dir: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::file(dir))
}

/// Makes everything of the folder's file system durable.
fn sync(dir: &Path) -> Result<(), Error> {
    let folder = std::fs::File::open(dir).map_err(Error::file(dir))?;
    rustix::fs::syncfs(folder).map_err(|e| Error::File(dir.to_owned(), e.into()))
}

fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    time::manifest(i64::try_from(seconds).unwrap_or(0))
}
