//! Entries of a folder: what they are, opening a folder, what changed since. Changing them: one act a file
//! ([`super::flags`], [`super::transfer`], [`super::expunge`], [`super::append`]).
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::folders::{Folder, narrow};
use crate::mailbox::words::{Keywords, Words};
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::folders::{self as rows, FolderRow};
use sceau_store::keywords::{self, KeywordRow, Slots};
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, StoreError, Tx, journal};
use std::collections::HashMap;
use std::ops::RangeInclusive;

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

/// System flags and keywords.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagSet {
    /// System flags.
    pub system: Flags,
    /// Keywords.
    pub keywords: Keywords,
}

impl FlagSet {
    /// System flags without keywords.
    pub fn of(system: Flags) -> Self {
        Self { system, keywords: Keywords::default() }
    }
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

/// An entry as use cases give it.
pub(super) fn entry(row: &EntryRow, keywords: Keywords) -> Entry {
    Entry {
        uid: narrow(row.uid),
        message: row.message,
        flags: FlagSet { system: Flags::of(row.flags), keywords },
        modseq: row.modseq.unsigned_abs(),
        internal_date: Timestamp(row.internal_date),
        size: row.size.unsigned_abs(),
    }
}

/// Entries being listed; keywords are opened when the transaction is over.
#[derive(Debug, Default)]
struct Listing {
    entries: Vec<Entry>,
    /// Which entries have keywords.
    marked: Vec<(usize, Slots)>,
}

impl Listing {
    /// Reads the entries of a folder with these UIDs.
    fn read(tx: &mut dyn Tx, folder: &FolderRow, uids: RangeInclusive<i64>) -> Result<Self, StoreError> {
        let mut listing = Self::default();
        let most = folder.counts.messages.min(uids.end() - uids.start() + 1).clamp(0, ROOM);
        listing.entries.reserve(usize::try_from(most).unwrap_or(0));
        messages::each_entry(tx, folder.id, uids, &mut |row| {
            listing.entries.push(entry(&row, Keywords::default()));
            if !row.keywords.is_empty() {
                listing.marked.push((listing.entries.len() - 1, row.keywords));
            }
        })?;
        Ok(listing)
    }
    /// Adds entries with higher UIDs.
    fn append(&mut self, mut next: Self) {
        let before = self.entries.len();
        self.entries.append(&mut next.entries);
        self.marked.extend(next.marked.into_iter().map(|(i, slots)| (before + i, slots)));
    }
    fn finish(mut self, words: &mut Words) -> Vec<Entry> {
        for (i, slots) in self.marked {
            self.entries[i].flags.keywords = words.of(&slots);
        }
        self.entries
    }
}

/// Entries for which room is made before they are read, at most.
const ROOM: i64 = 1 << 20;
/// A folder with more entries than this is read in parts.
const LONG: i64 = if cfg!(test) { 8 } else { 20_000 };

/// A folder as the store has it.
#[derive(Debug)]
struct Listed {
    /// The BAL's address, as traces write it.
    bal: String,
    folder: FolderRow,
    /// None when there are too many for one transaction.
    listing: Option<Listing>,
    words: Vec<KeywordRow>,
}

/// UIDs as the store wants them: ascending, each once.
pub(crate) fn ascending(uids: &[u32]) -> Vec<i64> {
    let mut uids: Vec<i64> = uids.iter().map(|u| i64::from(*u)).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}

impl Operator {
    /// Opens a folder (SELECT, EXAMINE). Traced as an opening by the natural person.
    #[boxed]
    pub async fn open_folder(&self, actor: &Actor, name: &str, read_only: bool) -> Result<OpenFolder, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let (tag, name) = self.folder_seen(actor, seat.bal, name)?;
        let (Listed { bal, folder, words, .. }, listing) = self.list(seat, tag).await?;
        let mut words = Words::open(&seal, &words).map_err(|e| refuse::store(&e))?;
        let mut entries = listing.finish(&mut words);
        actor.without_marked(&mut entries);
        self.note_reading(actor, (seat.bal, bal), Read::Folder(folder.id, entries.len(), read_only)).await?;
        Ok(OpenFolder { folder: Folder::of(&folder, name), entries })
    }

    /// A folder with its entries and the BAL's keywords, all of one instant. A long folder is read in parts at the same time, each in a
    /// transaction of its own; they belong together when all see the same modseq of the folder, which every change of an entry raises.
    async fn list(&self, seat: Seat, tag: Vec<u8>) -> Result<(Listed, Listing), Fail> {
        let mut listed = self.list_at_once(seat, tag.clone(), LONG).await?;
        if let Some(all) = listed.listing.take() {
            return Ok((listed, all));
        }
        let step = listed.folder.uidnext / 4 + 1;
        let part = |n: i64| {
            let seen = listed.folder.clone();
            self.0.store.read::<_, Fail, _>(move |tx| {
                let now = rows::by_id(tx, seat.bal, seen.id)?;
                let same = now.is_some_and(|now| now.modseq == seen.modseq);
                same.then(|| Listing::read(tx, &seen, n * step..=(n + 1) * step - 1)).transpose().map_err(Fail::from)
            })
        };
        let (a, b, c, d) = tokio::join!(part(0), part(1), part(2), part(3));
        let (Some(mut all), Some(b), Some(c), Some(d)) = (a?, b?, c?, d?) else {
            let mut listed = self.list_at_once(seat, tag, i64::MAX).await?;
            let all = listed.listing.take().ok_or(RefusalCode::Unavailable)?;
            return Ok((listed, all));
        };
        [b, c, d].into_iter().for_each(|next| all.append(next));
        Ok((listed, all))
    }

    /// The same in one transaction; without the entries when there are more than `most`.
    async fn list_at_once(&self, seat: Seat, tag: Vec<u8>, most: i64) -> Result<Listed, Fail> {
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let folder = rows::by_tag(tx, seat.bal, &tag)?.ok_or(RefusalCode::FolderUnknown)?;
            let few = folder.counts.messages <= most;
            let listing = few.then(|| Listing::read(tx, &folder, 0..=folder.uidnext)).transpose()?;
            Ok(Listed { bal, folder, listing, words: keywords::list(tx, seat.bal)? })
        });
        read.await
    }

    /// When entries came into their folder (SAVEDATE, RFC 8514); those of which it is not known are absent. Ask by pages.
    #[boxed]
    pub async fn saved_dates(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
    ) -> Result<HashMap<u32, Timestamp>, Refusal> {
        let seat = self.seat(actor)?;
        let uids = ascending(uids);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            Ok(messages::saved(tx, folder, &uids)?)
        });
        Ok(read.await?.into_iter().map(|(uid, at)| (narrow(uid), Timestamp(at))).collect())
    }

    /// Changes of a folder since a modseq. `folder.unknown` when it was deleted. UIDs that came and went since are in
    /// `vanished` too. A view of `since` becomes that of `Changes::modseq` by removing `vanished` and putting `changed` in.
    #[boxed]
    pub async fn changes(&self, actor: &Actor, folder: Id, since: u64) -> Result<Changes, Refusal> {
        let seat = self.seat(actor)?;
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
            // What was marked meanwhile is gone for whom it is kept from.
            let marked = actor.without_marked(&mut changes.changed);
            if !marked.is_empty() {
                changes.vanished.extend(marked.iter().map(|e| (e.uid, e.uid)));
                changes.vanished.sort_unstable();
            }
        }
        Ok(changes)
    }
}
