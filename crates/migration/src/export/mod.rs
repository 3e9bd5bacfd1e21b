//! Taking a BAL out, into Maildir or mbox, with a manifest.
//!
//! Promises: nothing of the BAL is changed, not even what was read; a message stands in the manifest once its file is whole; the manifest's end is
//! written when everything is on the disk; an export that was cut goes on when it is run again. Only its owner reads what is written.
mod maildir;
mod mbox;
mod names;

pub use names::{escaped, unescaped};

use crate::Error;
use crate::client::{Client, Entry, Mailbox};
use crate::folders::name;
use crate::manifest::{self, End, Format, Head, Line, Lines, Writer};
use crate::source::Login;
use crate::time;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Waits before a connection is made anew.
const WAITS: [u64; 5] = [1, 2, 5, 15, 30];

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
}

/// Who watches.
pub trait Witness {
    /// A folder is begun: its name, where it goes, its messages.
    fn folder(&mut self, name: &str, place: &str, messages: usize);
    /// A message was gone through.
    fn step(&mut self, counts: &Counts);
    /// A connection ended; it is made anew after this wait.
    fn cut(&mut self, why: &Error, wait: Duration);
}

/// Where messages of a folder go.
trait Place {
    /// Writes a message; none when it is gone from the BAL.
    fn put(&mut self, client: &mut Client, uid: u32, entry: &Entry) -> Result<Option<manifest::Message>, Error>;
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
    make(&plan.dir)?;
    let (mut manifest, before) = begin(plan)?;
    let mut counts = before.counts;
    let mut places: HashSet<String> = before.folders.values().map(|(place, _)| place.clone()).collect();
    let wanted = |m: &Mailbox| {
        let name = name(&m.levels);
        m.selectable
            && (plan.only.is_empty()
                || plan
                    .only
                    .iter()
                    .any(|o| name == *o || name.strip_prefix(o.as_str()).is_some_and(|r| r.starts_with('/'))))
    };
    let mailboxes: Vec<Mailbox> = client.mailboxes()?.into_iter().filter(wanted).collect();
    for mailbox in &mailboxes {
        let (entries, validity) = retry(plan, &mut client, witness, None, |client| {
            let opened = client.examine(&mailbox.wire)?;
            Ok((client.entries(opened)?, opened.validity))
        })?;
        let name = name(&mailbox.levels);
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
            (mailbox, validity),
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
    (mailbox, validity): (&Mailbox, u32),
    entries: &BTreeMap<u32, Entry>,
    done: Option<&HashSet<u32>>,
    to: &mut dyn Place,
    manifest: &mut Writer,
    counts: &mut Counts,
) -> Result<(), Error> {
    for (uid, entry) in entries {
        if done.is_some_and(|d| d.contains(uid)) {
            continue;
        }
        let written = retry(plan, client, witness, Some((mailbox, validity)), |client| to.put(client, *uid, entry))?;
        match written {
            Some(message) => {
                counts.messages += 1;
                counts.bytes += message.size;
                manifest.write(&Line::Message(message))?;
            }
            None => counts.gone += 1,
        }
        witness.step(counts);
    }
    Ok(())
}

/// Does it; a connection that ends meanwhile is made anew, and the mailbox opened again.
fn retry<T>(
    plan: &Plan,
    client: &mut Client,
    witness: &mut dyn Witness,
    mailbox: Option<(&Mailbox, u32)>,
    mut act: impl FnMut(&mut Client) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut waits = WAITS.iter();
    loop {
        let error = match act(client) {
            Err(e) if client.is_broken() && !matches!(e, Error::File(..)) => e,
            done => return done,
        };
        let Some(wait) = waits.next() else { return Err(error) };
        let wait = Duration::from_secs(*wait);
        witness.cut(&error, wait);
        std::thread::sleep(wait);
        match plan.login.open() {
            Ok(new) => *client = new,
            Err(e @ (Error::Login(_) | Error::Tls(_))) => return Err(e),
            // The connection that is left is broken: what is tried on it says so, and the next wait comes.
            Err(_) => continue,
        }
        if let Some((mailbox, validity)) = mailbox
            && client.examine(&mailbox.wire)?.validity != validity
        {
            return Err(Error::Content(plan.dir.clone(), "other_folder"));
        }
    }
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
                if let Some(offset) = m.offset {
                    before.ends.insert(m.place.clone(), offset + m.length + 1);
                }
                before.uids.entry(m.place).or_default().insert(m.uid);
            }
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
