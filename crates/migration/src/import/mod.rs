//! Bringing mail into a BAL.
//!
//! Promises: a message is brought once, however often the import is run and wherever it was cut: what its journal does not know is compared with what
//! the folder holds, octet by octet; copies that the source holds twice are brought twice. What the BAL refuses is told, with its words, and the rest
//! goes on. What is there already is left as it is: its flags too. Nothing of the source is changed. One import at a time goes into a BAL: a second
//! one is told so before it begins (`INUSE`), whatever machine it runs on.
mod filing;

use crate::Error;
use crate::client::{Client, Outcome, Taker, patience};
use crate::content::Measured;
use crate::error::No;
use crate::folders::{Role, all_there, is_wanted, name};
use crate::journal::{Journal, Key};
use crate::source::{Folder, IN_A_ROW, Item, Login, Source, TRIES, WAITS};
use crate::stock::Stock;
use filing::{Filing, Holding};
use sceau_message::utf7;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// A message of at most so many octets is held in memory while it is compared.
const HOLD: u64 = 1 << 20;

/// How often an import says that it goes on.
const TURN: Duration = Duration::from_secs(60);
/// For how long it is believed, beside what its next message may take: after that, one that was killed keeps no other one away.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// The longest time that a server believes.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The BAL.
    pub login: Login,
    /// A folder below which everything goes.
    pub into: Option<String>,
    /// Folders of the source to bring, with what is below them; all when none is named.
    pub only: Vec<String>,
    /// Say what would be done, do nothing.
    pub dry_run: bool,
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Folders gone through.
    pub folders: u64,
    /// Messages looked at.
    pub messages: u64,
    /// Messages brought.
    pub brought: u64,
    /// Octets brought.
    pub bytes: u64,
    /// Messages that were there.
    pub present: u64,
    /// Messages that were not brought.
    pub refused: u64,
    /// Messages that went from the source meanwhile.
    pub gone: u64,
    /// Messages brought without their keywords, for which there was no room.
    pub bare: u64,
}

/// What was not brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Folder of the source.
    pub folder: String,
    /// The message; none for a whole folder.
    pub message: Option<String>,
    /// How many messages.
    pub count: u64,
    /// Octets, when known.
    pub size: Option<u64>,
    /// Why, in the server's words, or [`EMPTY`], [`TOO_BIG`], [`CUT`], [`CHANGED`] as its code.
    pub no: No,
}

/// Code of a refusal: a message without an octet.
pub const EMPTY: &str = "EMPTY";
/// Code of a refusal: larger than the server takes.
pub const TOO_BIG: &str = "TOOBIG";
pub use crate::source::CUT;
/// Code of a refusal: the source's folder was made anew meanwhile.
pub const CHANGED: &str = "CHANGED";

/// Who watches.
pub trait Witness {
    /// A folder is begun: its name in the source and in the BAL, its messages.
    fn folder(&mut self, from: &str, to: &str, messages: usize);
    /// A message was gone through.
    fn step(&mut self, counts: &Counts);
    /// A folder is left out that shows messages of other folders.
    fn left_out(&mut self, folder: &str);
    /// Something was not brought.
    fn refused(&mut self, refused: &Refused);
    /// A connection ended; it is made anew after this wait.
    fn cut(&mut self, why: &Error, wait: Duration);
}

/// Brings what there is.
pub fn run(
    source: &mut dyn Source,
    plan: &Plan,
    journal: &mut Journal,
    witness: &mut dyn Witness,
) -> Result<Counts, Error> {
    let mut client = plan.login.open()?;
    let mut turn = Turn::new(journal.word()?);
    if !plan.dry_run {
        turn.keep(&mut client, 0)?;
    }
    let roles = client.mailboxes()?.into_iter().filter_map(|m| Some((m.role?, m.levels.join("/")))).collect();
    let counts = Counts::default();
    let mut import = Import { source, plan, journal, witness, client, turn, counts, no_room: None, put_off: false };
    let done = import.all(&roles);
    let Import { mut client, counts, .. } = import;
    if !plan.dry_run {
        client.end_import();
    }
    client.logout();
    done.map(|()| counts)
}

/// The BAL's word that no other import goes on beside this one.
struct Turn {
    word: String,
    /// When it was said last on this connection, and until when that is believed.
    said: Option<(Instant, Instant)>,
}

impl Turn {
    fn new(word: String) -> Self {
        Self { word, said: None }
    }
    /// Says it (again), before a message of so many octets.
    fn keep(&mut self, client: &mut Client, size: u64) -> Result<(), Error> {
        let (now, needs) = (Instant::now(), patience(size));
        if self.said.is_some_and(|(at, until)| at + TURN > now && until > now + needs) {
            return Ok(());
        }
        let time = (needs + FORGOTTEN).min(LONGEST);
        let said = client.say_import(&self.word, time);
        match said {
            Ok(()) => {
                self.said = Some((now, now + time));
                Ok(())
            }
            // It is believed still.
            Err(Error::No(no)) if no.is("UNAVAILABLE") && self.said.is_some_and(|(_, until)| until > now + needs) => {
                Ok(())
            }
            Err(e) => Err(e),
        }
    }
}

/// Folders that are wanted, and where each goes: to the BAL's folder for the same use, else to one of the same name.
fn targets(folders: Vec<Folder>, plan: &Plan, roles: &HashMap<Role, String>) -> Vec<(Folder, String)> {
    let wanted = |f: &Folder| {
        let name = name(&f.levels);
        is_wanted(&name, &plan.only) && (!f.is_view || plan.only.contains(&name))
    };
    // A use that the source says comes before one that a name tells; each once.
    let mut used: HashMap<Role, Vec<String>> = HashMap::new();
    for f in &folders {
        if let Some(role) = f.role {
            used.entry(role).or_insert_with(|| f.levels.clone());
        }
    }
    for f in folders.iter().filter(|f| f.role.is_none()) {
        if let Some(role) = Role::by_name(&f.levels) {
            used.entry(role).or_insert_with(|| f.levels.clone());
        }
    }
    let places: Vec<(&Vec<String>, &String)> =
        used.iter().filter_map(|(role, levels)| Some((levels, roles.get(role)?))).collect();
    let target = |levels: &[String]| match &plan.into {
        Some(into) => format!("{into}/{}", name(levels)),
        None => {
            let place =
                places.iter().filter(|(place, _)| levels.starts_with(place)).max_by_key(|(place, _)| place.len());
            match place {
                Some((place, to)) if place.len() == levels.len() => (*to).clone(),
                Some((place, to)) => format!("{to}/{}", name(&levels[place.len()..])),
                None => name(levels),
            }
        }
    };
    let folders: Vec<Folder> = folders.into_iter().filter(wanted).collect();
    let to: Vec<String> = folders.iter().map(|f| target(&f.levels)).collect();
    folders.into_iter().zip(to).filter(|(_, to)| !to.is_empty()).collect()
}

struct Import<'a> {
    source: &'a mut dyn Source,
    plan: &'a Plan,
    journal: &'a mut Journal,
    witness: &'a mut dyn Witness,
    client: Client,
    turn: Turn,
    counts: Counts,
    /// The smallest message for which there was no room, and what was said of it.
    no_room: Option<(u64, No)>,
    /// The last message was put off, however long that was waited for.
    put_off: bool,
}

/// What is known of a message before it is filed.
enum Known {
    /// Its octets and what they are.
    Held(Measured, Vec<u8>),
    /// What its octets are.
    Measured(Measured),
    /// Nothing but how large it is said to be.
    Size(u64),
    /// That it is larger than may be filed: so many octets.
    TooBig(u64),
    /// It is not there any more.
    Gone,
}

/// How a message ended.
enum Ended {
    Brought(u64),
    Present,
    Gone,
    Refused(No, Option<u64>),
}

impl Import<'_> {
    fn all(&mut self, roles: &HashMap<Role, String>) -> Result<(), Error> {
        let folders = self.mended(None, None, |i, _| i.source.folders())?;
        all_there(&folders.iter().map(|f| name(&f.levels)).collect::<Vec<_>>(), &self.plan.only)?;
        for view in folders.iter().filter(|f| f.is_view && self.plan.only.is_empty()) {
            self.witness.left_out(&name(&view.levels));
        }
        for (folder, to) in targets(folders, self.plan, roles) {
            self.folder(&folder, &to)?;
        }
        Ok(())
    }

    /// Does it, making connections anew that end meanwhile.
    fn mended<T>(
        &mut self,
        mut stock: Option<&mut Stock>,
        tries: Option<usize>,
        mut act: impl FnMut(&mut Self, Option<&mut Stock>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut left = tries.unwrap_or(WAITS.len());
        loop {
            let error = match act(self, stock.as_deref_mut()) {
                Err(e) if self.client.is_broken() || self.source.is_broken() || e.is_cut() => e,
                done => return done,
            };
            if left == 0 || matches!(error, Error::Tls(_) | Error::Login(_) | Error::Changed) {
                return Err(error);
            }
            left -= 1;
            self.mend(stock.as_deref_mut(), &error)?;
        }
    }

    /// Makes broken connections anew. What cannot be reached is waited for; who is not let in any more is told.
    fn mend(&mut self, mut stock: Option<&mut Stock>, why: &Error) -> Result<(), Error> {
        let mut last = None;
        for wait in WAITS {
            let wait = Duration::from_secs(wait);
            self.witness.cut(last.as_ref().unwrap_or(why), wait);
            std::thread::sleep(wait);
            match self.connect(stock.as_deref_mut()) {
                Ok(()) => return Ok(()),
                Err(e @ (Error::Login(_) | Error::Tls(_) | Error::Changed)) => return Err(e),
                Err(e) => last = Some(e),
            }
        }
        Err(last.unwrap_or(Error::Protocol("no connection")))
    }

    fn connect(&mut self, stock: Option<&mut Stock>) -> Result<(), Error> {
        if self.client.is_broken() {
            self.client = self.plan.login.open()?;
            self.turn.said = None;
            if let Some(stock) = stock {
                stock.look(&mut self.client)?;
            }
        }
        if self.source.is_broken() {
            self.source.again()?;
        }
        Ok(())
    }

    fn refuse(&mut self, folder: &Folder, message: Option<&str>, count: u64, size: Option<u64>, no: No) {
        self.counts.refused += count;
        let message = message.map(str::to_owned);
        self.witness.refused(&Refused { folder: name(&folder.levels), message, count, size, no });
    }

    fn folder(&mut self, folder: &Folder, to: &str) -> Result<(), Error> {
        let opened = self.mended(None, None, |i, _| i.source.open(folder));
        let items = match opened {
            Ok(items) => items,
            // One folder that the source does not open is no reason to leave the others.
            Err(Error::No(no)) => {
                self.refuse(folder, None, 0, None, no);
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        self.witness.folder(&name(&folder.levels), to, items.len());
        self.counts.folders += 1;
        let wire = utf7::encode(to);
        let found = self.mended(None, None, |i, _| Stock::open(&mut i.client, wire.clone()));
        let found = match found {
            Err(Error::No(_)) if !self.plan.dry_run => self.mended(None, None, |i, _| {
                i.client.create(&wire)?;
                Stock::open(&mut i.client, wire.clone())
            }),
            found => found,
        };
        let mut stock = match found {
            Ok(stock) => Some(stock),
            // Nothing is made to say what would be done.
            Err(Error::No(_)) if self.plan.dry_run => None,
            Err(Error::No(no)) => {
                self.counts.messages += items.len() as u64;
                self.refuse(folder, None, items.len() as u64, None, no);
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        let mut copies: HashMap<[u8; 32], u32> = HashMap::new();
        let mut in_a_row = 0;
        for (n, item) in items.iter().enumerate() {
            let mut counted = HashSet::new();
            if !self.plan.dry_run {
                // Another import goes on since this one was cut for long: there is no message after this one either.
                self.mended(stock.as_mut(), None, |i, _| i.turn.keep(&mut i.client, item.size.unwrap_or(0)))?;
            }
            let done = self.mended(stock.as_mut(), Some(TRIES - 1), |i, stock| {
                i.item(folder, item, stock, &mut copies, &mut counted)
            });
            self.counts.messages += 1;
            let in_vain = matches!(&done, Err(Error::Cut(_) | Error::Protocol(_)))
                || matches!(&done, Err(Error::No(no)) if no.is("UNAVAILABLE"));
            in_a_row = if in_vain { in_a_row + 1 } else { 0 };
            let done = match done {
                // A message at which the connection ends each time is left, when there is a connection again.
                Err(e @ (Error::Cut(_) | Error::Protocol(_))) if in_a_row < IN_A_ROW => {
                    let no = No { code: Some(CUT.into()), text: e.to_string() };
                    let is_broken = self.client.is_broken() || self.source.is_broken();
                    let mended = if is_broken { self.mend(stock.as_mut(), &e) } else { Ok(()) };
                    mended.map(|()| Ended::Refused(no, item.size))
                }
                // A file that cannot be read any more, or a message that its server does not give.
                Err(e @ Error::File(..)) => Ok(Ended::Refused(No { code: None, text: e.to_string() }, item.size)),
                Err(Error::No(no)) if in_a_row < IN_A_ROW => Ok(Ended::Refused(no, item.size)),
                done => done,
            };
            match done {
                Ok(Ended::Brought(size)) => {
                    self.counts.brought += 1;
                    self.counts.bytes += size;
                }
                Ok(Ended::Present) => self.counts.present += 1,
                Ok(Ended::Gone) => self.counts.gone += 1,
                Ok(Ended::Refused(no, size)) => {
                    // An infected message is NOPERM too.
                    let ends = no.is("NOPERM") && no.ends("right.missing");
                    self.refuse(folder, Some(&item.id), 1, size, no.clone());
                    let rest = (items.len() - n - 1) as u64;
                    if ends && rest > 0 {
                        // Who may not file here may not file the next one.
                        self.counts.messages += rest;
                        self.refuse(folder, None, rest, None, no);
                        break;
                    }
                }
                // What was told of the messages that are left is no longer so; what was brought of them is.
                Err(Error::Changed) => {
                    let rest = (items.len() - n) as u64;
                    self.counts.messages += rest - 1;
                    self.refuse(folder, None, rest, None, No { code: Some(CHANGED.into()), text: String::new() });
                    break;
                }
                Err(e) => return Err(e),
            }
            self.witness.step(&self.counts);
        }
        Ok(())
    }

    fn item(
        &mut self,
        folder: &Folder,
        item: &Item,
        mut stock: Option<&mut Stock>,
        copies: &mut HashMap<[u8; 32], u32>,
        counted: &mut HashSet<[u8; 32]>,
    ) -> Result<Ended, Error> {
        if self.source.is_broken() {
            self.source.again()?;
        }
        let mut key = item.lasting.then(|| self.journal.key(&folder.levels, &item.id));
        if self.was_brought(key, &mut stock) {
            return Ok(Ended::Present);
        }
        let most = self.client.value("APPENDLIMIT").unwrap_or(u64::MAX);
        let too_big = || No { code: Some(TOO_BIG.into()), text: String::new() };
        let mut known = match item.size {
            // There is nothing to compare it with.
            Some(size) if stock.is_none() => return Ok(Ended::Brought(size)),
            // What a server says of sizes is not always exact.
            Some(size) if size > most.saturating_add(most / 16) => return Ok(Ended::Refused(too_big(), Some(size))),
            Some(size) if size > HOLD && !stock.as_ref().is_some_and(|s| s.may_have(size)) => Known::Size(size),
            _ => self.look(item)?,
        };
        loop {
            if let Known::Held(measured, _) | Known::Measured(measured) = &known {
                if measured.size == 0 {
                    return Ok(Ended::Refused(No { code: Some(EMPTY.into()), text: String::new() }, Some(0)));
                }
                if key.is_none() {
                    let n = copies.entry(measured.digest).or_default();
                    // The same message, tried again, is no other copy.
                    *n += u32::from(counted.insert(measured.digest));
                    key = Some(self.journal.key(&folder.levels, &format!("{}#{n}", hex::encode(measured.digest))));
                    if self.was_brought(key, &mut stock) {
                        return Ok(Ended::Present);
                    }
                }
                if let Some(stock) = &mut stock
                    && let Some(uid) = stock.find(&mut self.client, measured)?
                {
                    self.note(key, Some((stock.validity, uid)));
                    return Ok(Ended::Present);
                }
            }
            let size = match &known {
                Known::Held(m, _) | Known::Measured(m) => m.size,
                Known::Size(size) => *size,
                Known::TooBig(size) => return Ok(Ended::Refused(too_big(), Some(*size))),
                Known::Gone => return Ok(Ended::Gone),
            };
            if let Some((smallest, no)) = &self.no_room
                && size >= *smallest
            {
                return Ok(Ended::Refused(no.clone(), Some(size)));
            }
            let Some(stock) = stock.as_deref_mut().filter(|_| !self.plan.dry_run) else {
                return Ok(Ended::Brought(size));
            };
            match self.file(item, &known, stock, key)? {
                Some(ended) => return Ok(ended),
                // It is of another size than was said, of which there is one.
                None => known = self.look(item)?,
            }
        }
    }

    fn was_brought(&mut self, key: Option<Key>, stock: &mut Option<&mut Stock>) -> bool {
        let (Some(at), Some(stock)) = (key.and_then(|k| self.journal.get(&k)), stock) else { return false };
        if at.0 != stock.validity {
            return false;
        }
        stock.take(at.1);
        true
    }

    fn note(&mut self, key: Option<Key>, at: Option<(u32, u32)>) {
        if let (Some(key), Some(at), false) = (key, at, self.plan.dry_run) {
            self.journal.put(key, at);
        }
    }

    /// Reads a message to know its octets.
    fn look(&mut self, item: &Item) -> Result<Known, Error> {
        let most = self.client.value("APPENDLIMIT").unwrap_or(u64::MAX);
        let mut holding = Holding { most, ..Holding::default() };
        match self.source.give(item, &mut holding)? {
            Outcome::Stopped(_) if holding.too_big.is_some() => Ok(Known::TooBig(holding.too_big.unwrap_or_default())),
            Outcome::Taken(_) => Ok(match (holding.measure.end(), holding.held) {
                (measured, Some(held)) => Known::Held(measured, held),
                (measured, None) => Known::Measured(measured),
            }),
            Outcome::Gone => Ok(Known::Gone),
            Outcome::Stopped(e) => Err(e),
        }
    }

    /// Files a message; `None` when it has to be looked at first.
    fn file(
        &mut self,
        item: &Item,
        known: &Known,
        stock: &mut Stock,
        key: Option<Key>,
    ) -> Result<Option<Ended>, Error> {
        let mut flags = item.flags.clone();
        let mut waits = WAITS.iter().take(if self.put_off { 0 } else { TRIES });
        loop {
            let mut filing = Filing::new(&mut self.client, stock, &flags, item.date, matches!(known, Known::Size(_)));
            let given = match known {
                Known::Held(_, bytes) => match filing.begin(bytes.len() as u64).and_then(|()| filing.piece(bytes)) {
                    Ok(()) => Ok(Outcome::Taken(bytes.len() as u64)),
                    Err(e) => Ok(Outcome::Stopped(e)),
                },
                _ => self.source.give(item, &mut filing),
            };
            let (again, tag, size) = (filing.again, filing.tag, filing.size);
            if tag.is_some() && !matches!(given, Ok(Outcome::Taken(_))) {
                self.client.append_abandon();
            }
            let done = match (given, tag) {
                (Ok(Outcome::Taken(_)), Some(tag)) => self.client.append_end(&tag),
                (Ok(Outcome::Taken(_)), None) => Err(Error::Protocol("a message that never began")),
                (Ok(Outcome::Gone), _) => return Ok(Some(Ended::Gone)),
                (Ok(Outcome::Stopped(_)), _) if again => {
                    if self.source.is_broken() {
                        self.source.again()?;
                    }
                    return Ok(None);
                }
                (Ok(Outcome::Stopped(e)) | Err(e), _) => Err(e),
            };
            let no = match done {
                Ok(at) => {
                    if let Some((_, uid)) = at {
                        stock.take(uid);
                    }
                    self.put_off = false;
                    self.counts.bare += u64::from(flags != item.flags);
                    self.note(key, at);
                    return Ok(Some(Ended::Brought(size)));
                }
                Err(Error::No(no)) => no,
                Err(e) => return Err(e),
            };
            if no.is("LIMIT") && !flags.keywords.is_empty() {
                flags = flags.system();
            } else if no.is("OVERQUOTA") {
                self.no_room = Some((size, no.clone()));
                return Ok(Some(Ended::Refused(no, Some(size))));
            } else if no.is("UNAVAILABLE") || no.is("INUSE") {
                self.put_off = true;
                // No word about this message: the next ones will be told the same, or not.
                let Some(wait) = waits.next() else { return Err(Error::No(no)) };
                std::thread::sleep(Duration::from_secs(*wait));
            } else {
                return Ok(Some(Ended::Refused(no, Some(size))));
            }
            if self.source.is_broken() {
                self.source.again()?;
            }
        }
    }
}
