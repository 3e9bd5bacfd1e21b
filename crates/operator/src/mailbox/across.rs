//! Copying and moving messages from one BAL of a person to another: both rights, in one transaction, under the key of the destination.
//!
//! Content is neither read nor written again: a blob serves every BAL that has its key. What describes a message (what the way added, summary, the
//! blob's key, keywords) is opened under the one BAL's key and sealed under the other's before the transaction; in it the rights on both ends are
//! judged, [`may_exchange`] is asked (nothing goes from one BAL to another that could not be sent from one to the other), and each BAL gets its
//! trace. What is in memory is bounded by [`MOST`] messages and [`ROOM`] bytes. Content that goes by a part of another message ([`Operator::may_take`]) is held
//! to the same: when it is read, and again in the transaction that files it ([`Takings`]).
use crate::access::Seat;
use crate::boxed;
use crate::mail::parties::bal_by_key;
use crate::mailbox::entries::{Copied, ascending};
use crate::mailbox::flags;
use crate::mailbox::folders::narrow;
use crate::mailbox::personal::{Marks, leave_out};
use crate::mailbox::seal::{BalSeal, MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::record::{Record, ids};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::access::refuses_mail;
use sceau_domain::exchange::{Recipient, Sender, may_exchange};
use sceau_domain::personal::{by_folder, is_shared};
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::summary::Summary;
use sceau_store::jobs::{self, NewJob};
use sceau_store::journal::Act;
use sceau_store::keywords::{self, NewKeyword, Slots};
use sceau_store::messages::{self, EntryRow, Mark, NewMessage};
use sceau_store::{Id, StoreError, Tx, access, folders as rows};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most messages in one command.
const MOST: usize = 5_000;
/// Most bytes of what describes them, sealed.
const ROOM: usize = 48 << 20;
/// Messages opened and sealed between two turns of other work.
const PAGE: usize = 100;

/// From a folder of one BAL of a person to another of his BALs: what is judged of it in the transaction that writes.
#[derive(Debug, Clone)]
struct Way {
    from: Seat,
    to: Seat,
    folder: Id,
    /// The name under which the folder was judged, as its row keeps it.
    tag: Vec<u8>,
    /// What does not go to the destination.
    bars: Option<Marks>,
}

impl Way {
    /// Both addresses as traces write them, when what lies there may go. `right.missing`, `exchange.*`, `folder.unknown`. A folder that has another
    /// name by now may be one for private things: the command is tried again as a whole.
    fn check(&self, tx: &mut dyn Tx) -> Result<(String, String), Fail> {
        let (from, to) = (self.from.check(tx)?, self.to.check(tx)?);
        judged(tx, &from, &to)?;
        let place = rows::by_id(tx, self.from.bal, self.folder)?.ok_or(RefusalCode::FolderUnknown)?;
        if self.bars.is_some() && place.name_tag != self.tag {
            return Err(RefusalCode::Unavailable.into());
        }
        Ok((from, to))
    }
}

/// Messages of one folder of which something goes into another BAL.
#[derive(Debug, Clone)]
struct Taken {
    way: Way,
    uids: BTreeSet<i64>,
}

impl Taken {
    /// `copy.personal` when one of them is marked; `entry.unknown` when one is not there any more: it may lie among private things by now.
    fn check(&self, tx: &mut dyn Tx) -> Result<(), Fail> {
        self.way.check(tx)?;
        if self.way.bars.is_none() {
            return Ok(());
        }
        let uids: Vec<i64> = self.uids.iter().copied().collect();
        let mut entries = messages::entries_of(tx, self.way.folder, &uids)?;
        if entries.len() < uids.len() {
            return Err(RefusalCode::EntryUnknown.into());
        }
        without_marks(self.way.bars.as_ref(), tx, &mut entries)
    }
}

/// What goes from a person's other BALs into a message that is put together: [`Operator::may_take`] let it, and the transaction that files it asks
/// again, so that a mark, or an access that ended meanwhile, holds.
#[derive(Debug, Clone, Default)]
pub struct Takings(Vec<Taken>);

impl Takings {
    /// Adds those of another message of the same command.
    pub(crate) fn extend(&mut self, other: Self) {
        other.0.into_iter().for_each(|taken| self.add(taken));
    }
    fn add(&mut self, new: Taken) {
        let same = |t: &&mut Taken| {
            (t.way.from.bal, t.way.to.bal, t.way.folder) == (new.way.from.bal, new.way.to.bal, new.way.folder)
                && t.way.tag == new.way.tag
        };
        match self.0.iter_mut().find(same) {
            Some(known) => known.uids.extend(new.uids),
            None => self.0.push(new),
        }
    }
    /// The BALs that they come from.
    pub(crate) fn bals(&self) -> impl Iterator<Item = Id> {
        self.0.iter().map(|taken| taken.way.from.bal)
    }
    /// May all of it still go where it goes? The BALs are locked.
    pub(crate) fn check(&self, tx: &mut dyn Tx) -> Result<(), Fail> {
        self.0.iter().try_for_each(|taken| taken.check(tx))
    }
}

/// Locks the rows of BALs that one act concerns: every act does it in this order.
pub(crate) fn lock_all(tx: &mut dyn Tx, bals: &BTreeSet<Id>) -> Result<(), StoreError> {
    bals.iter().try_for_each(|bal| access::lock(tx, *bal))
}

/// Everything that the transaction needs.
#[derive(Debug)]
struct Ready {
    way: Way,
    target: Vec<u8>,
    uids: Vec<i64>,
    moving: bool,
    /// By the message's id in the source.
    messages: BTreeMap<Id, NewMessage>,
    /// What lists know of each there, likewise.
    marks: BTreeMap<Id, Mark>,
    /// The source's keywords, ready for the destination, by slot.
    keywords: BTreeMap<usize, NewKeyword>,
    keyword_limit: usize,
    /// What is kept from who copies.
    without: Option<Marks>,
    index: [NewJob; 2],
    /// In the source, in the destination.
    records: [Record; 2],
}

impl Operator {
    /// Copies or moves UIDs of a folder into a folder of another BAL of the same person, as which `to_actor` sits there. All or nothing. Messages
    /// that are gone are left out. `folder.unknown`, `right.missing`, `quota.exceeded`, `keyword.limit`, `copy.limit`, `copy.personal`,
    /// `exchange.*`.
    #[boxed]
    pub async fn transfer_across(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
        (to_actor, to): (&Actor, &str),
        moving: bool,
    ) -> Result<Copied, Refusal> {
        let ready = self.prepare_across(actor, folder, uids, (to_actor, to), moving).await?;
        let (from, to) = (ready.way.from.bal, ready.way.to.bal);
        let (operator, ready) = (self.clone(), Arc::new(ready));
        // Once begun it is not the session's any more: see `act`.
        let task = tokio::spawn(async move {
            let done = operator.0.store.write(move |tx| carry_out(tx, &ready)).await;
            if done.is_ok() {
                operator.0.watch.notify(from);
                operator.0.watch.notify(to);
            }
            done
        });
        let done = task.await.unwrap_or_else(|e| Err(Fail::from(refuse::abnormal("copying between BALs", &e))));
        Ok(done?)
    }

    async fn prepare_across(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
        (to_actor, to): (&Actor, &str),
        moving: bool,
    ) -> Result<Ready, Refusal> {
        let (from, to_seat) = (self.seat(actor)?, self.seat(to_actor)?.filing());
        let from = if moving { from.filing() } else { from };
        let (target, _) = self.folder_seen(to_actor, to_seat.bal, to)?;
        let (without, bars) = (self.kept_from(actor), self.bars(from.bal, to_actor));
        let (source, destination) = (self.bal_seal(from.bal).await?, self.bal_seal(to_seat.bal).await?);
        let uids = ascending(uids);
        let asked = uids.clone();
        let look = self.0.store.read::<_, Fail, _>(move |tx| {
            from.check(tx)?;
            let place = rows::by_id(tx, from.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let entries = messages::entries_of(tx, folder, &asked)?;
            let words =
                if entries.iter().all(|e| e.keywords.is_empty()) { Vec::new() } else { keywords::list(tx, from.bal)? };
            Ok((place, entries, words))
        });
        let (place, entries, words) = look.await?;
        let name = source.open_folder_name(place.id, &place.name_sealed).map_err(|e| refuse::store(&e))?;
        if bars.is_some() {
            not_personal(actor, &name)?;
        }
        let used: BTreeSet<usize> = entries.iter().flat_map(|e| e.keywords.iter().collect::<Vec<_>>()).collect();
        let wanted: BTreeSet<Id> = entries.iter().map(|e| e.message).collect();
        if wanted.len() > MOST {
            return Err(Refusal::new(RefusalCode::CopyLimit).with("limit", MOST));
        }
        let wanted: Vec<Id> = wanted.into_iter().collect();
        let (mut sealed, mut marks) = (BTreeMap::new(), BTreeMap::new());
        let mut room = 0;
        for page in wanted.chunks(PAGE) {
            let page = page.to_vec();
            let read = self.0.store.read::<_, Fail, _>(move |tx| Ok(messages::whole(tx, from.bal, &page)?));
            for row in read.await? {
                let new = self.sealed_again(&source, &destination, &row).map_err(|e| refuse::store(&e))?;
                room += new.summary.len() + new.prefix.as_ref().map_or(0, Vec::len) + new.blob_key.len();
                if room > ROOM {
                    return Err(Refusal::new(RefusalCode::CopyLimit).with("limit", sealed.len()));
                }
                // Conversations are numbered anew: each BAL has its own numbers.
                let clear = source.open(row.id, MESSAGE_SUMMARY, &row.summary).map_err(|e| refuse::store(&e))?;
                let known = Summary::from_bytes(&clear).map(|summary| self.list_mark(to_seat.bal, new.id, &summary));
                marks.insert(row.id, known.unwrap_or_default());
                sealed.insert(row.id, new);
            }
            tokio::task::yield_now().await;
        }
        let mut kept = BTreeMap::new();
        for word in words.iter().filter(|w| used.contains(&w.slot)) {
            let name = source.open_keyword(word.id, &word.sealed).map_err(|e| refuse::store(&e))?;
            let new = self.seal_keywords(&destination, &[name].into_iter().collect()).map_err(|e| refuse::store(&e))?;
            kept.extend(new.into_iter().map(|k| (word.slot, k)));
        }
        let keyword_limit = self.limits_of(to_seat.bal).await?.keywords;
        self.keyword_room(to_seat.bal, &kept.values().cloned().collect::<Vec<_>>(), keyword_limit).await?;
        let name = if moving { "mail.moved" } else { "mail.copied" };
        let delay = self.config().search.delay;
        Ok(Ready {
            way: Way { from, to: to_seat, folder, tag: place.name_tag, bars },
            target,
            uids,
            moving,
            messages: sealed,
            marks,
            keywords: kept,
            keyword_limit,
            without,
            index: [self.index_job(from.bal, delay), self.index_job(to_seat.bal, delay)],
            records: [self.record(actor, from.bal, name), self.record(to_actor, to_seat.bal, name)],
        })
    }

    /// May content of a message of one BAL of a person go into a message of another of his BALs (CATENATE, RFC 4469)? What a copy asks, for what is read
    /// and filed anew; what it lets is added to `takings`, for the filing. Within one BAL always. `exchange.*`, `copy.personal`, `folder.unknown`,
    /// `entry.unknown`, `right.missing`.
    #[boxed]
    pub async fn may_take(
        &self,
        actor: &Actor,
        (folder, uid): (Id, u32),
        to: &Actor,
        takings: &mut Takings,
    ) -> Result<(), Refusal> {
        let (from, seat) = (self.seat(actor)?, self.seat(to)?.filing());
        if from.bal == seat.bal {
            return Ok(());
        }
        let source = self.bal_seal(from.bal).await?;
        let look = self.0.store.read::<_, Fail, _>(move |tx| {
            from.check(tx)?;
            Ok(rows::by_id(tx, from.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?)
        });
        let place = look.await?;
        let name = source.open_folder_name(place.id, &place.name_sealed).map_err(|e| refuse::store(&e))?;
        let bars = self.bars(from.bal, to);
        if bars.is_some() {
            not_personal(actor, &name)?;
        }
        let way = Way { from, to: seat, folder, tag: place.name_tag, bars };
        let taken = Taken { way, uids: BTreeSet::from([i64::from(uid)]) };
        let asked = taken.clone();
        self.0.store.read::<_, Fail, _>(move |tx| asked.check(tx)).await?;
        takings.add(taken);
        Ok(())
    }

    /// What is marked personal in a BAL, where it does not go to this one.
    fn bars(&self, from: Id, to: &Actor) -> Option<Marks> {
        to.bal.as_ref().filter(|b| is_shared(b.kind)).map(|_| self.marks(from))
    }

    /// A message's row under the key of another BAL.
    fn sealed_again(&self, from: &BalSeal, to: &BalSeal, row: &messages::WholeRow) -> Result<NewMessage, StoreError> {
        let id = self.0.store.new_id();
        let again = |field: &str, sealed: &[u8]| to.seal(id, field, &from.open(row.id, field, sealed)?);
        Ok(NewMessage {
            id,
            bal: to.bal,
            blob: row.blob,
            blob_key: to.wrap_blob_key(id, &from.unwrap_blob_key(row.id, &row.blob_key)?)?,
            prefix: row.prefix.as_deref().map(|p| again(MESSAGE_PREFIX, p)).transpose()?,
            summary: again(MESSAGE_SUMMARY, &row.summary)?,
            size: row.size,
            created: self.clock().now().0,
        })
    }
}

/// What could not be sent from one BAL to the other does not go there by a copy either. Both ends are one person's, who answers nobody.
fn judged(tx: &mut dyn Tx, from: &str, to: &str) -> Result<(), Fail> {
    let gone = || Fail::from(RefusalCode::RightMissing);
    let from = bal_by_key(tx, from)?.ok_or_else(gone)?;
    let to = bal_by_key(tx, to)?.ok_or_else(gone)?;
    Ok(may_exchange(&Sender::Own(from.own), &Recipient::Own(to.own), true)?)
}

/// `copy.personal` for what lies in a folder for private things.
fn not_personal(actor: &Actor, folder: &str) -> Result<(), Refusal> {
    let own = actor.bal.as_ref().map(|b| b.kind);
    match by_folder(folder) {
        Some(reach) if own.is_none_or(|kind| reach.holds(kind)) => Err(RefusalCode::CopyPersonal.into()),
        _ => Ok(()),
    }
}

/// `copy.personal` when one of them is marked.
fn without_marks(bars: Option<&Marks>, tx: &mut dyn Tx, entries: &mut Vec<EntryRow>) -> Result<(), Fail> {
    match bars {
        Some(marks) if !marks.take(tx, entries)?.is_empty() => Err(RefusalCode::CopyPersonal.into()),
        _ => Ok(()),
    }
}

fn carry_out(tx: &mut dyn Tx, r: &Ready) -> Result<Copied, Fail> {
    let (from, to, folder) = (r.way.from.bal, r.way.to.bal, r.way.folder);
    lock_all(tx, &BTreeSet::from([from, to]))?;
    let (from_shown, to_shown) = r.way.check(tx)?;
    let target = rows::by_tag(tx, to, &r.target)?.ok_or(RefusalCode::FolderUnknown)?;
    let mut copied = Copied { uidvalidity: narrow(target.uidvalidity), pairs: Vec::new() };
    let mut entries = messages::entries_of(tx, folder, &r.uids)?;
    entries.retain(|e| r.messages.contains_key(&e.message));
    leave_out(r.without.as_ref(), tx, &mut entries)?;
    without_marks(r.way.bars.as_ref(), tx, &mut entries)?;
    if entries.is_empty() {
        return Ok(copied);
    }
    let counts = messages::counts_of(&entries);
    let state = rows::charge_bal(tx, to, counts.bytes, counts.messages)?.ok_or(RefusalCode::RightMissing)?;
    if refuses_mail(&state.state).is_some() {
        return Err(RefusalCode::RightMissing.into());
    }
    if state.used_bytes > state.quota_bytes {
        return Err(Refusal::new(RefusalCode::QuotaExceeded).with("limit", state.quota_bytes).into());
    }
    let slots = slots_there(tx, r, &entries)?;
    let shown: BTreeSet<Id> = entries.iter().map(|e| e.message).collect();
    let new: Vec<&NewMessage> = shown.iter().filter_map(|id| r.messages.get(id)).collect();
    for message in &new {
        messages::insert(tx, message, state.modseq)?;
    }
    let (first, _) = rows::take_uids(tx, target.id, counts.messages)?;
    for (entry, uid) in entries.iter().zip(first..) {
        let Some(message) = r.messages.get(&entry.message) else { continue };
        let mut keywords = Slots::default();
        for slot in entry.keywords.iter() {
            // A keyword that came to the message since it was read: the command is tried again as a whole.
            keywords.add_all(slots.get(&slot).ok_or(RefusalCode::Unavailable)?);
        }
        let row = EntryRow { uid, message: message.id, modseq: state.modseq, keywords, ..entry.clone() };
        messages::insert_entry(tx, target.id, to, &row, r.marks.get(&entry.message).copied().unwrap_or_default())?;
        copied.pairs.push((narrow(entry.uid), narrow(uid)));
    }
    rows::adjust(tx, target.id, counts, state.modseq)?;
    jobs::ensure(tx, &r.index[1])?;
    if r.moving {
        let state = rows::lock_bal(tx, from)?.ok_or(RefusalCode::RightMissing)?;
        let act = Act { bal: from, modseq: state.modseq, at: r.records[0].at() };
        messages::remove(tx, act, folder, &entries)?;
        rows::adjust(tx, folder, counts.negated(), state.modseq)?;
        rows::recharge_bal(tx, from, -counts.bytes, -counts.messages)?;
        messages::drop_orphans(tx, from, shown.iter().copied().collect(), r.records[0].at())?;
        jobs::ensure(tx, &r.index[0])?;
    }
    let there = ids(new.iter().map(|m| m.id));
    let left = json!({"from": folder, "to": target.id, "to_bal": to, "count": entries.len(), "messages": ids(shown)});
    r.records[0].write(tx, &from_shown, &left)?;
    let came = json!({"from": folder, "from_bal": from, "to": target.id, "count": entries.len(), "messages": there});
    r.records[1].write(tx, &to_shown, &came)?;
    Ok(copied)
}

/// The destination's slot of each keyword that these entries have, made when missing.
fn slots_there(tx: &mut dyn Tx, r: &Ready, entries: &[EntryRow]) -> Result<BTreeMap<usize, Slots>, Fail> {
    let used: BTreeSet<usize> = entries.iter().flat_map(|e| e.keywords.iter().collect::<Vec<_>>()).collect();
    let wanted: Vec<(usize, &NewKeyword)> =
        used.iter().filter_map(|slot| Some((*slot, r.keywords.get(slot)?))).collect();
    // All at once: what one of them makes room for must not be another one.
    let all: Vec<NewKeyword> = wanted.iter().map(|(_, k)| (*k).clone()).collect();
    flags::slots(tx, r.way.to.bal, &all, r.keyword_limit)?;
    let mut found = BTreeMap::new();
    for (slot, keyword) in wanted {
        found.insert(slot, keywords::find(tx, r.way.to.bal, std::slice::from_ref(keyword))?);
    }
    Ok(found)
}
