//! Entries of a folder: what they are, opening a folder, what changed since. Changing them: one act a file
//! ([`super::flags`], [`super::transfer`], [`super::expunge`], [`super::append`]).
use crate::access::Seat;
use crate::mailbox::folders::{Folder, narrow};
use crate::mailbox::seal::BalSeal;
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::keywords::{self, KeywordRow, Slots};
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, StoreError, folders as rows, journal};
use std::collections::HashMap;

/// System flags as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u8);

#[allow(missing_docs)]
impl Flags {
    pub const SEEN: Self = Self(1);
    pub const ANSWERED: Self = Self(2);
    pub const FLAGGED: Self = Self(4);
    pub const DELETED: Self = Self(8);
    pub const DRAFT: Self = Self(16);
    /// All of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// From the store's bits.
    pub(crate) fn of(bits: i64) -> Self {
        // Masked to the five flags there are.
        Self((bits & 31) as u8)
    }
    /// As the store's bits.
    pub(crate) fn bits(self) -> i64 {
        i64::from(self.0 & 31)
    }
}
impl std::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, o: Self) -> Self {
        Self(self.0 | o.0)
    }
}

/// System flags and keywords (keywords as written first, compared without case, sorted).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagSet {
    /// System flags.
    pub system: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
}

/// One message in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// UID.
    pub uid: u32,
    /// The message.
    pub message: Id,
    /// Flags.
    pub flags: FlagSet,
    /// Modseq of the last change.
    pub modseq: u64,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// RFC822.SIZE, the server's prefix included.
    pub size: u64,
}

/// A folder as opened: everything but content.
#[derive(Debug, Clone)]
pub struct OpenFolder {
    /// The folder.
    pub folder: Folder,
    /// Entries by ascending UID.
    pub entries: Vec<Entry>,
}

/// What changed in a folder.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// New or changed entries, by ascending UID.
    pub changed: Vec<Entry>,
    /// UIDs gone, as ascending runs (first, last). Of a view older than the journal's floor: every UID that is not there.
    pub vanished: Vec<(u32, u32)>,
    /// State after.
    pub modseq: u64,
    /// UIDNEXT after.
    pub uidnext: u32,
}

/// How STORE changes flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FlagChange {
    Replace,
    Add,
    Remove,
}

/// Result of COPY and MOVE: (source uid, destination uid), in order.
#[derive(Debug, Clone)]
pub struct Copied {
    /// UIDVALIDITY of the destination.
    pub uidvalidity: u32,
    /// Pairs.
    pub pairs: Vec<(u32, u32)>,
}

/// Turns rows into entries: opens the keywords of the BAL once, not once an entry.
#[derive(Debug)]
pub(crate) struct Words {
    by_slot: HashMap<usize, String>,
    sets: HashMap<Slots, Vec<String>>,
}

impl Words {
    /// Opens the keywords.
    pub fn open(seal: &BalSeal, rows: &[KeywordRow]) -> Result<Self, StoreError> {
        let by_slot = rows.iter().map(|k| Ok((k.slot, seal.open_keyword(k.id, &k.sealed)?)));
        Ok(Self { by_slot: by_slot.collect::<Result<_, StoreError>>()?, sets: HashMap::new() })
    }
    /// Keywords of a set, sorted without case.
    fn of(&mut self, slots: &Slots) -> Vec<String> {
        if slots.is_empty() {
            return Vec::new();
        }
        if let Some(words) = self.sets.get(slots) {
            return words.clone();
        }
        let mut words: Vec<String> = slots.iter().filter_map(|s| self.by_slot.get(&s).cloned()).collect();
        words.sort_by_cached_key(|w| w.to_ascii_lowercase());
        self.sets.insert(slots.clone(), words.clone());
        words
    }
    /// An entry as use cases give it.
    pub fn entry(&mut self, row: &EntryRow) -> Entry {
        Entry {
            uid: narrow(row.uid),
            message: row.message,
            flags: FlagSet { system: Flags::of(row.flags), keywords: self.of(&row.keywords) },
            modseq: row.modseq.unsigned_abs(),
            internal_date: Timestamp(row.internal_date),
            size: row.size.unsigned_abs(),
        }
    }
    /// Entries as use cases give them.
    pub fn entries(&mut self, rows: &[EntryRow]) -> Vec<Entry> {
        rows.iter().map(|row| self.entry(row)).collect()
    }
}

/// UIDs as the store wants them: ascending, each once.
pub(super) fn ascending(uids: &[u32]) -> Vec<i64> {
    let mut uids: Vec<i64> = uids.iter().map(|u| i64::from(*u)).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}

impl Operator {
    /// Opens a folder (SELECT, EXAMINE). Traced as an opening by the natural person.
    pub async fn open_folder(&self, actor: &Actor, name: &str, read_only: bool) -> Result<OpenFolder, Refusal> {
        let seat = Seat::of(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let (tag, name) = self.folder_key(seat.bal, name)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let row = rows::by_tag(tx, seat.bal, &tag)?.ok_or(RefusalCode::FolderUnknown)?;
            let entries = messages::entries(tx, row.id)?;
            Ok((bal, row, entries, keywords::list(tx, seat.bal)?))
        });
        let (bal, row, entries, words) = read.await?;
        let mut words = Words::open(&seal, &words).map_err(|e| refuse::store(&e))?;
        self.note_reading(actor, (seat.bal, bal), Read::Folder(row.id, entries.len(), read_only)).await?;
        Ok(OpenFolder { folder: Folder::of(&row, name), entries: words.entries(&entries) })
    }

    /// Changes of a folder since a modseq. `folder.unknown` when it was deleted. UIDs that came and went since are in
    /// `vanished` too. A view of `since` becomes that of `Changes::modseq` by removing `vanished` and putting `changed` in.
    pub async fn changes(&self, actor: &Actor, folder: Id, since: u64) -> Result<Changes, Refusal> {
        let seat = Seat::of(actor)?;
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let row = rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            if row.modseq <= since {
                return Ok((row, None));
            }
            let changed = messages::entries_since(tx, folder, since)?;
            let vanished = journal::gone_since(tx, &row, since)?;
            let words =
                if changed.iter().all(|e| e.keywords.is_empty()) { Vec::new() } else { keywords::list(tx, seat.bal)? };
            Ok((row, Some((changed, vanished, words))))
        });
        let (row, news) = read.await?;
        let mut changes =
            Changes { modseq: row.modseq.unsigned_abs(), uidnext: narrow(row.uidnext), ..Changes::default() };
        if let Some((changed, vanished, words)) = news {
            let seal = self.bal_seal(seat.bal).await?;
            let mut words = Words::open(&seal, &words).map_err(|e| refuse::store(&e))?;
            changes.changed = words.entries(&changed);
            changes.vanished = vanished.into_iter().map(|(first, last)| (narrow(first), narrow(last))).collect();
        }
        Ok(changes)
    }
}
