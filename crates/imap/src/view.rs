//! The session's view of the selected mailbox: sequence numbers mean what the client believes (RFC 9051 §2.3.1.2, §7.5.1).
//!
//! Pure: the session feeds it with what the operator says and sends what it returns. The view only loses entries when the
//! caller says that EXPUNGE may be sent; until then entries that are gone keep their numbers.
use crate::codec::flags;
use crate::codec::sequence::SequenceSet;
use crate::packed::Packed;
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::{Changes, Entry, FlagSet, Flags, OpenFolder};
use sceau_operator::mailbox::folders::Folder;
use sceau_operator::mailbox::words::Keywords;
use std::collections::hash_map::{Entry as Slot, HashMap};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What to tell the client, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// `* n EXPUNGE`, or a part of `* VANISHED`. Comes before every other update.
    Expunge {
        /// Sequence number at that moment.
        seq: u32,
        /// UID; ascending from one to the next.
        uid: u32,
    },
    /// `* n EXISTS`.
    Exists(u32),
    /// `* FLAGS (…)`: keywords that the client has not heard of were used.
    Flags,
    /// `* n FETCH (FLAGS …)` of the entry at this index.
    Fetch(usize),
}

/// A sequence number that names no message of the view: the command is `BAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchNumber;

/// Entries from which it is worth while to pack them for a sleeping session.
const WORTH_PACKING: usize = 32;
/// How long it is believed that nothing changed where nothing was heard.
const BELIEVED: Duration = Duration::from_secs(1);
/// Keywords that are remembered, those that nobody has any more too; more than a BAL can have at once.
const WORDS: usize = 8192;

/// The selected mailbox as the client knows it.
#[derive(Debug)]
pub struct View {
    /// Who reads it: the session's person, seated at the folder's BAL.
    pub actor: Actor,
    /// The folder.
    pub folder: Folder,
    /// Its name as the client writes it.
    pub shown: String,
    /// EXAMINE, or no right to write.
    pub read_only: bool,
    /// Entries by ascending UID; index + 1 is the sequence number.
    entries: Vec<Entry>,
    /// UIDs that are gone but not told yet, ascending.
    gone: BTreeSet<u32>,
    /// While some are: a modseq before any of them went.
    before_gone: Option<u64>,
    /// Changes were kept from the client, those of flags as it wished (RFC 5465 §5.1): a modseq before the first of them.
    before_unheard: Option<u64>,
    /// Changes are known up to this modseq.
    modseq: u64,
    /// UIDNEXT last known.
    uidnext: u32,
    /// Keywords that the client has heard of, beside the well-known ones; those of the entries are these.
    words: BTreeSet<Arc<str>>,
    /// `$`: UIDs of the saved search result, ascending.
    saved: Vec<u32>,
    /// The entries, while the session sleeps.
    packed: Option<Packed>,
    /// The version of its BAL of which all is known and told, and when that was asked.
    current: Option<(u64, Instant)>,
}

impl View {
    /// The view of a mailbox just opened.
    pub fn new(open: OpenFolder, actor: Actor, shown: String, read_only: bool) -> Self {
        let mut view = Self {
            modseq: open.folder.modseq,
            uidnext: open.folder.uidnext,
            folder: open.folder,
            actor,
            shown,
            read_only,
            entries: open.entries,
            gone: BTreeSet::new(),
            before_gone: None,
            before_unheard: None,
            words: BTreeSet::new(),
            saved: Vec::new(),
            packed: None,
            current: None,
        };
        let mut entries = std::mem::take(&mut view.entries);
        view.adopt(&mut entries);
        view.entries = entries;
        view
    }
    /// Entries by ascending UID.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    /// Number of messages, as told.
    pub fn exists(&self) -> u32 {
        number(self.entries.len())
    }
    /// The client was told of every change up to this modseq: less than [`View::modseq`] while removals may not be told (RFC 7162 §3.2), and once changes
    /// of flags were kept from it. Above zero, as §3.1.2.1 wants, for a folder where nothing happened too.
    pub fn highest_modseq(&self) -> u64 {
        let held = [self.before_gone, self.before_unheard];
        held.into_iter().flatten().fold(self.modseq, u64::min).max(1)
    }
    /// Some changes after this modseq are not told, now or later.
    pub fn unheard(&mut self, since: u64) {
        self.before_unheard.get_or_insert(since);
    }
    /// Were changes kept from the client?
    pub fn is_behind(&self) -> bool {
        self.before_unheard.is_some()
    }
    /// Are there removals that the client was not told of?
    pub fn holds_back(&self) -> bool {
        self.before_gone.is_some()
    }
    /// Changes are known up to this modseq.
    pub fn modseq(&self) -> u64 {
        self.modseq
    }
    /// All that changed in this version of the BAL is known, as of this instant.
    pub fn note_version(&mut self, version: Option<u64>, at: Instant) {
        self.current = version.map(|version| (version, at));
    }
    /// Is nothing to be asked or told in this version of the BAL?
    pub fn is_current(&self, version: Option<u64>) -> bool {
        let known = self.current.filter(|(_, at)| at.elapsed() < BELIEVED).map(|(known, _)| known);
        known.is_some() && known == version && !self.holds_back() && !self.is_behind()
    }
    /// UIDNEXT last known.
    pub fn uidnext(&self) -> u32 {
        self.uidnext
    }
    /// Sequence number of the first message without `\Seen`.
    pub fn first_unseen(&self) -> Option<u32> {
        self.entries.iter().position(|e| !e.flags.system.has(Flags::SEEN)).map(|i| number(i + 1))
    }
    /// Keywords to tell in `* FLAGS`: the well-known ones and those in use.
    pub fn known_keywords(&self) -> Vec<String> {
        let mut out: Vec<String> = flags::WELL_KNOWN.iter().map(|k| (*k).to_owned()).collect();
        let mut told: BTreeSet<String> = out.iter().map(|k| k.to_ascii_lowercase()).collect();
        for set in self.sets() {
            for k in set.iter() {
                if !told.contains(k) && told.insert(k.to_ascii_lowercase()) {
                    out.push(k.to_owned());
                }
            }
        }
        out
    }
    /// The sets of keywords that entries have, each that is held once only once.
    fn sets(&self) -> impl Iterator<Item = &Keywords> {
        let mut seen = HashSet::new();
        self.entries.iter().map(|e| &e.flags.keywords).filter(move |set| !set.is_empty() && seen.insert(set.place()))
    }
    /// Makes new entries hold the view's own words, and remembers those that are new; true when there were some. So a view weighs as little after a
    /// thousand changes as after none.
    fn adopt(&mut self, entries: &mut [Entry]) -> bool {
        let (mut new, mut adopted) = (false, HashMap::new());
        for set in entries.iter_mut().map(|e| &mut e.flags.keywords).filter(|set| !set.is_empty()) {
            // None of those that are replaced has left its place to another one yet: all were there before.
            *set = match adopted.entry(set.place()) {
                Slot::Occupied(known) => Keywords::clone(known.get()),
                Slot::Vacant(free) => {
                    let words = set.words().iter().map(|word| own(&mut self.words, word, &mut new));
                    free.insert(words.collect()).clone()
                }
            };
        }
        if self.words.len() > WORDS {
            let used = self.sets().flat_map(Keywords::words).cloned().collect();
            self.words = used;
        }
        new
    }
    /// Index of a UID.
    pub fn index_of(&self, uid: u32) -> Option<usize> {
        self.entries.binary_search_by_key(&uid, |e| e.uid).ok()
    }
    /// True when the entry is known to be gone though still numbered.
    pub fn is_gone(&self, uid: u32) -> bool {
        self.gone.contains(&uid)
    }
    /// Indexes that a set names, ascending. UIDs that are not there are skipped; a sequence number that is not is an error.
    pub fn resolve(&self, set: &SequenceSet, by_uid: bool) -> Result<Vec<usize>, NoSuchNumber> {
        let last_uid = self.entries.last().map_or(0, |e| e.uid);
        let Some(ranges) = set.resolve(if by_uid { last_uid } else { self.exists() }) else {
            return Ok(self.saved.iter().filter_map(|&uid| self.index_of(uid)).collect());
        };
        let mut out = Vec::new();
        for (first, last) in ranges {
            if by_uid {
                let from = self.entries.partition_point(|e| e.uid < first);
                let to = self.entries.partition_point(|e| e.uid <= last);
                out.extend(from..to.max(from));
            } else {
                // `*` of an empty mailbox is 0.
                if first == 0 || last > self.exists() {
                    return Err(NoSuchNumber);
                }
                out.extend(first as usize - 1..last as usize);
            }
        }
        Ok(out)
    }
    /// UIDs that a set names.
    pub fn resolve_uids(&self, set: &SequenceSet, by_uid: bool) -> Result<Vec<u32>, NoSuchNumber> {
        let indexes = self.resolve(set, by_uid)?;
        Ok(indexes.into_iter().filter_map(|i| self.entries.get(i)).map(|e| e.uid).collect())
    }
    /// Saves a search result (`$`), ascending UIDs.
    pub fn save(&mut self, uids: Vec<u32>) {
        self.saved = uids;
    }
    /// The saved search result.
    pub fn saved(&self) -> &[u32] {
        &self.saved
    }
    /// Takes in what changed elsewhere (or here). EXPUNGE only when `may_expunge`.
    pub fn apply(&mut self, mut changes: Changes, may_expunge: bool) -> Vec<Update> {
        let mut updates = Vec::new();
        for (first, last) in &changes.vanished {
            let from = self.entries.partition_point(|e| e.uid < *first);
            self.gone.extend(self.entries[from..].iter().map(|e| e.uid).take_while(|uid| uid <= last));
        }
        if !self.gone.is_empty() && self.before_gone.is_none() {
            self.before_gone = Some(self.modseq);
        }
        if may_expunge && self.before_gone.take().is_some() {
            let gone = std::mem::take(&mut self.gone);
            updates.extend(self.remove(|uid| gone.contains(&uid)));
        }
        let before = self.entries.len();
        let mut fetched = Vec::new();
        let new_keywords = self.adopt(&mut changes.changed);
        for entry in changes.changed {
            match self.entries.binary_search_by_key(&entry.uid, |e| e.uid) {
                Ok(i) => {
                    // What this session did itself is in the view already.
                    let known =
                        self.entries[i].modseq >= entry.modseq && flags::same(&self.entries[i].flags, &entry.flags);
                    self.entries[i] = entry;
                    if !known {
                        fetched.push(i);
                    }
                }
                Err(i) if i == self.entries.len() => self.entries.push(entry),
                // It was kept from this person until now. It would move numbers that the client relies on: it is there when the mailbox is opened anew, and
                // no state that is told until then includes it.
                Err(_) => self.unheard(self.modseq),
            }
        }
        self.modseq = self.modseq.max(changes.modseq);
        self.uidnext = self.uidnext.max(changes.uidnext);
        if self.entries.len() != before {
            updates.push(Update::Exists(self.exists()));
        }
        if new_keywords {
            updates.push(Update::Flags);
        }
        updates.extend(fetched.into_iter().map(Update::Fetch));
        updates
    }
    /// This session removed these UIDs: they leave the view now.
    pub fn expunged(&mut self, uids: &[u32]) -> Vec<Update> {
        let gone: BTreeSet<u32> = uids.iter().copied().collect();
        self.remove(|uid| gone.contains(&uid))
    }
    fn remove(&mut self, gone: impl Fn(u32) -> bool) -> Vec<Update> {
        let mut updates = Vec::new();
        let mut seq = 1;
        self.entries.retain(|e| {
            let leaves = gone(e.uid);
            if leaves {
                updates.push(Update::Expunge { seq, uid: e.uid });
            } else {
                seq += 1;
            }
            !leaves
        });
        updates
    }
    /// This session changed flags: takes the entries as they are now. Returns the indexes to tell: all, or when `silent`
    /// those whose flags are not what the client can expect (someone else had changed them), and whether new keywords appeared.
    pub fn stored(
        &mut self,
        mut after: Vec<Entry>,
        silent: bool,
        expected: impl Fn(&FlagSet) -> FlagSet,
    ) -> (Vec<usize>, bool) {
        let mut tell = Vec::new();
        let new_keywords = self.adopt(&mut after);
        for entry in after {
            let Some(i) = self.index_of(entry.uid) else { continue };
            if !silent || !flags::same(&expected(&self.entries[i].flags), &entry.flags) {
                tell.push(i);
            }
            self.entries[i] = entry;
        }
        (tell, new_keywords)
    }
    /// INTERNALDATE, flags and so on of the entry at an index.
    pub fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }
    /// Gives memory back while the session sleeps. [`View::wake`] before anything else is asked.
    pub fn park(&mut self) {
        self.saved.shrink_to_fit();
        if self.worth_parking() {
            self.packed = Some(Packed::new(std::mem::take(&mut self.entries)));
        }
    }
    /// Would it save anything?
    pub fn worth_parking(&self) -> bool {
        self.packed.is_none() && self.entries.len() >= WORTH_PACKING
    }
    /// The session does not sleep any more.
    pub fn wake(&mut self) {
        if let Some(packed) = self.packed.take() {
            self.entries = packed.unpack();
        }
    }
}

/// The word as a view holds it; `new` when no client can have heard of it.
fn own(words: &mut BTreeSet<Arc<str>>, word: &Arc<str>, new: &mut bool) -> Arc<str> {
    if let Some(own) = words.get(word) {
        return own.clone();
    }
    let alike = |known: &str| known.eq_ignore_ascii_case(word);
    *new |= !flags::WELL_KNOWN.iter().any(|known| alike(known)) && !words.iter().any(|known| alike(known));
    words.insert(word.clone());
    word.clone()
}

/// Number of messages as the wire has it. UIDs are 32 bits, so no folder holds more.
pub(crate) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
