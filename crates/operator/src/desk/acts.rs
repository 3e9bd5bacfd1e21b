//! What is done with messages that were ticked, and taking it back.
//!
//! Promises: what is done is done by the calls of [`crate::mailbox`], with their rights and traces; what is taken back is what did not change since, entry by
//! entry, and the rest is told; nobody takes back what somebody else did; a removal for good waits ([`super::removal`]).
use super::giving::Was;
use super::labels::label_set;
use super::list::{Filter, label_of};
use crate::boxed;
use crate::mailbox::entries::{FlagChange, FlagSet, Flags, ascending};
use crate::mailbox::folders::{Folder, SpecialUse, narrow};
use crate::mailbox::personal::leave_out;
use crate::mailbox::seal::BalSeal;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::calendar::Territory;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::desk::lists::{self, Listed, Window};
use sceau_store::desk::undos::{self, UndoRow};
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, StoreError, Tx, folders as rows};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Most messages of one act.
pub(super) const MOST: usize = 5_000;
/// How long an act can be taken back, milliseconds: longer than anybody looks at what was done.
const TIME: i64 = 600_000;
/// What an inverse is sealed as; object = act id.
const FIELD: &str = "undo";
/// Acts forgotten in one transaction.
const SLICE: i64 = 1_000;

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Read, or unread again.
    Seen(bool),
    /// Followed, or not any more.
    Flagged(bool),
    /// A label, given or taken.
    Label(String, bool),
    /// Their conversations to somebody (a login) or to nobody, at a shared BAL. What was given to somebody else after that instant stays.
    Give(Option<String>, Timestamp),
    /// Into a folder.
    Move(Id),
    /// Into the archive.
    Archive,
    /// Into the archive, each into the folder of the year in which it came.
    ArchiveByYear,
    /// Into Junk.
    Junk,
    /// Into the bin.
    Trash,
    /// Removed for good, a moment later.
    Remove,
}

/// What was done, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Marked as read.
    Read,
    /// As unread.
    Unread,
    /// Followed.
    Followed,
    /// Not followed any more.
    Unfollowed,
    /// Given a label.
    Labelled,
    /// Without it.
    Unlabelled,
    /// With another label instead of one.
    Relabelled,
    /// Given to somebody: conversations.
    Given,
    /// Given to nobody.
    Ungiven,
    /// Moved.
    Moved,
    /// Archived.
    Archived,
    /// Called junk.
    Junk,
    /// Put into the bin.
    Binned,
    /// Removed.
    Removed,
}

impl What {
    /// Its word, as keys of sentences have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unread => "unread",
            Self::Followed => "followed",
            Self::Unfollowed => "unfollowed",
            Self::Labelled => "labelled",
            Self::Unlabelled => "unlabelled",
            Self::Relabelled => "relabelled",
            Self::Given => "given",
            Self::Ungiven => "ungiven",
            Self::Moved => "moved",
            Self::Archived => "archived",
            Self::Junk => "junk",
            Self::Binned => "binned",
            Self::Removed => "removed",
        }
    }
}

impl Act {
    /// What it is told as.
    pub fn what(&self) -> What {
        match self {
            Self::Seen(true) => What::Read,
            Self::Seen(false) => What::Unread,
            Self::Flagged(true) => What::Followed,
            Self::Flagged(false) => What::Unfollowed,
            Self::Label(_, true) => What::Labelled,
            Self::Label(_, false) => What::Unlabelled,
            Self::Give(Some(_), _) => What::Given,
            Self::Give(None, _) => What::Ungiven,
            Self::Move(_) => What::Moved,
            Self::Archive | Self::ArchiveByYear => What::Archived,
            Self::Junk => What::Junk,
            Self::Trash => What::Binned,
            Self::Remove => What::Removed,
        }
    }
}

/// With which messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Their folder.
    pub folder: Id,
    /// Their UIDs.
    pub uids: Vec<u32>,
    /// All that this filter shows, instead: 5,000 at once at most, and more is told.
    pub whole_view: Option<Filter>,
    /// Of a whole view, what has this keyword alone.
    pub label: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What it was.
    pub what: What,
    /// How many messages are not as they were.
    pub count: usize,
    /// There were more than are done at once.
    pub more: bool,
    /// How many stay as somebody else wanted them since the list was shown.
    pub left: usize,
    /// What takes it back.
    pub undo: Option<Id>,
}

/// What became of taking back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// How many are as they were.
    pub back: usize,
    /// How many were changed since, and stay.
    pub changed: usize,
}

/// An act, as it is told to who asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// What was done.
    pub what: What,
    /// How many messages.
    pub count: usize,
    /// It can be taken back still.
    pub open: bool,
    /// It was taken back.
    pub undone: Option<Undone>,
}

/// How an act is taken back: sealed in its row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Inverse {
    what: What,
    count: usize,
    /// The session in which it was done: what is done later is traced as of it.
    pub session: String,
    pub step: Step,
    #[serde(default)]
    pub undone: Option<Undone>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Flags given or taken, of entries that did not change after a modseq.
    Flags { folder: Id, uids: Vec<u32>, add: bool, system: u8, keyword: Option<String>, until: u64 },
    /// Entries moved, likewise.
    Move { from: Id, uids: Vec<u32>, to: Id, until: u64 },
    /// One label instead of another one, likewise.
    Relabel { folder: Id, uids: Vec<u32>, from: String, to: String, until: u64 },
    /// Conversations to whoever had them.
    Given { given: Vec<Was> },
    /// Several, each by itself.
    Several { steps: Vec<Step> },
}

/// A step that was done: how it is taken back, and of how many messages.
pub(super) type Stepped = Option<(Step, usize)>;

impl Operator {
    /// Does something with messages of the actor's BAL. Traced as mail programs' acts are; what can be taken back is kept for some minutes.
    ///
    /// # Errors
    /// `folder.unknown`; `right.missing`; what [`Operator::change_flags`] and [`Operator::move_entries`] refuse.
    #[boxed]
    pub async fn act_on(&self, actor: &Actor, chosen: &Chosen, act: Act) -> Result<Done, Refusal> {
        let what = act.what();
        let (entries, more) = self.chosen(actor, chosen).await?;
        if entries.is_empty() {
            return Ok(Done { what, count: 0, more, left: 0, undo: None });
        }
        let (folder, mut left) = (chosen.folder, 0);
        let stepped = match act {
            Act::Seen(on) => self.set(actor, folder, &entries, on, FlagSet::of(Flags::SEEN)).await?,
            Act::Flagged(on) => self.set(actor, folder, &entries, on, FlagSet::of(Flags::FLAGGED)).await?,
            Act::Label(name, on) => self.set(actor, folder, &entries, on, label_set(&name)).await?,
            Act::Give(to, seen) => {
                let (step, others) = Box::pin(self.give(actor, &entries, to.as_deref(), seen)).await?;
                left = others;
                step
            }
            Act::Move(to) => {
                let to =
                    self.folders(actor).await?.into_iter().find(|f| f.id == to).ok_or(RefusalCode::FolderUnknown)?;
                self.bring(actor, folder, &entries, &to).await?
            }
            Act::Archive => self.bring_to(actor, folder, &entries, SpecialUse::Archive).await?,
            Act::ArchiveByYear => self.bring_by_year(actor, folder, &entries).await?,
            Act::Junk => self.bring_to(actor, folder, &entries, SpecialUse::Junk).await?,
            Act::Trash => self.bring_to(actor, folder, &entries, SpecialUse::Trash).await?,
            Act::Remove => return self.remove_later(actor, folder, &entries, more).await,
        };
        let Some((step, count)) = stepped else { return Ok(Done { what, count: 0, more, left, undo: None }) };
        let undo = Some(self.keep(actor, what, count, step).await?);
        Ok(Done { what, count, more, left, undo })
    }

    /// Keeps how an act is taken back: what names it.
    pub(super) async fn keep(&self, actor: &Actor, what: What, count: usize, step: Step) -> Result<Id, Refusal> {
        let row = self.inverse(actor, what, count, step, None).await?;
        let undo = row.id;
        self.0.store.write::<_, Fail, _>(move |tx| Ok(undos::insert(tx, &row)?)).await?;
        Ok(undo)
    }

    /// Takes back an act of one's own, as far as nothing changed since. Traced.
    ///
    /// # Errors
    /// `undo.gone`: its time is over, it was taken back already, or it is not one's own; `right.missing`.
    #[boxed]
    pub async fn undo(&self, actor: &Actor, act: Id) -> Result<Undone, Refusal> {
        let seat = self.seat(actor)?.filing();
        let (person, now) = (actor.person(), self.now().0);
        let take = move |tx: &mut dyn Tx| -> Result<UndoRow, Fail> {
            seat.check(tx)?;
            Ok(undos::take(tx, act, seat.bal, person, now)?.ok_or(RefusalCode::UndoGone)?)
        };
        let row = self.0.store.write(take).await?;
        let taken = async {
            let (seal, inverse) = self.opened_act(&row).await?;
            let undone = self.take_back(actor, &inverse.step).await?;
            Ok::<_, Refusal>((seal, inverse, undone))
        };
        let (seal, mut inverse, undone) = match taken.await {
            Ok(taken) => taken,
            Err(refusal) => {
                self.not_taken_back(&row).await?;
                return Err(refusal);
            }
        };
        inverse.undone = Some(undone);
        let sealed = seal.seal(act, FIELD, &written(&inverse)?).map_err(|e| refuse::store(&e))?;
        let record = self.record(actor, seat.bal, "mail.undone");
        let data = json!({ "act": inverse.what.as_str(), "back": undone.back, "changed": undone.changed });
        let settle = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            let bal = seat.check(tx)?;
            undos::settle(tx, act, sealed.clone())?;
            Ok(record.write(tx, &bal, &data)?)
        };
        self.0.store.write(settle).await?;
        Ok(undone)
    }

    /// An act of one's own, as it was; none when it is forgotten, or is somebody else's.
    #[boxed]
    pub async fn act_told(&self, actor: &Actor, act: Id) -> Result<Option<Told>, Refusal> {
        let (seat, person) = (self.seat(actor)?, actor.person());
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(undos::by_id(tx, act)?.filter(|row| row.bal == seat.bal && row.person == person))
        });
        let Some(row) = read.await? else { return Ok(None) };
        let (_, Inverse { what, count, undone, .. }) = self.opened_act(&row).await?;
        let open = row.used.is_none() && row.expires > self.now().0;
        Ok(Some(Told { what, count, open, undone }))
    }

    /// The entries that are meant, as they are now. True: there are more.
    pub(super) async fn chosen(&self, actor: &Actor, chosen: &Chosen) -> Result<(Vec<EntryRow>, bool), Refusal> {
        let (seat, person, without) = (self.seat(actor)?.filing(), actor.person(), self.kept_from(actor));
        let (folder, view) = (chosen.folder, chosen.whole_view);
        self.may_know(actor, folder).await?;
        let tag = chosen.label.as_deref().map(|keyword| self.keyword_tag(seat.bal, keyword));
        let mut uids = ascending(&chosen.uids);
        let many = view.is_none() && uids.len() > MOST;
        uids.truncate(MOST);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let mut more = many;
            let mut entries = match view {
                None => messages::entries_of(tx, folder, &uids)?,
                Some(filter) => {
                    let label = label_of(tx, seat.bal, tag.as_deref())?;
                    let limit = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
                    let which = filter.which_of(person, label.is_some());
                    let mut asked = Window { folder, which, threads: false, oldest_first: false, from: None, limit };
                    let mut found: Vec<EntryRow> = Vec::new();
                    loop {
                        let page = lists::window(tx, &asked)?;
                        let last = page.len() <= MOST;
                        asked.from = page.last().map(Listed::place);
                        let page = page.into_iter().map(|listed| listed.entry);
                        found.extend(page.filter(|e| label.as_ref().is_none_or(|label| e.keywords.has_any(label))));
                        if last || found.len() > MOST {
                            break;
                        }
                    }
                    more = found.len() > MOST;
                    found.truncate(MOST);
                    found.sort_unstable_by_key(|e| e.uid);
                    found
                }
            };
            leave_out(without.as_ref(), tx, &mut entries)?;
            Ok((entries, more))
        });
        Ok(read.await?)
    }

    /// A folder that one may not know of is none, whatever a form names. To somebody from whom nothing is kept every folder of the BAL is known: whether it is
    /// one of the BAL is for the question that reads it. `folder.unknown`.
    pub(super) async fn may_know(&self, actor: &Actor, folder: Id) -> Result<(), Refusal> {
        match actor.kept_out() && self.folders(actor).await?.iter().all(|f| f.id != folder) {
            true => Err(RefusalCode::FolderUnknown.into()),
            false => Ok(()),
        }
    }

    /// Gives or takes flags.
    pub(super) async fn set(
        &self,
        actor: &Actor,
        folder: Id,
        entries: &[EntryRow],
        on: bool,
        flags: FlagSet,
    ) -> Result<Stepped, Refusal> {
        let (system, keyword) = (flags.system.0, flags.keywords.iter().next().map(str::to_owned));
        let change = if on { FlagChange::Add } else { FlagChange::Remove };
        let before: HashMap<u32, u64> = entries.iter().map(|e| (narrow(e.uid), e.modseq.unsigned_abs())).collect();
        let uids: Vec<u32> = before.keys().copied().collect();
        let (now, _) = self.change_flags(actor, folder, &uids, change, flags, None).await?;
        // What was so already kept its modseq.
        let changed: Vec<_> = now.iter().filter(|e| before.get(&e.uid).is_some_and(|was| *was != e.modseq)).collect();
        let Some(until) = changed.iter().map(|e| e.modseq).max() else { return Ok(None) };
        let uids: Vec<u32> = changed.iter().map(|e| e.uid).collect();
        let count = uids.len();
        Ok(Some((Step::Flags { folder, uids, add: !on, system, keyword, until }, count)))
    }

    /// Moves entries into the folder with a special use, made where it is missing.
    async fn bring_to(
        &self,
        actor: &Actor,
        from: Id,
        entries: &[EntryRow],
        use_: SpecialUse,
    ) -> Result<Stepped, Refusal> {
        let to = self.home_of(actor, use_).await?;
        self.bring(actor, from, entries, &to).await
    }

    /// The folder with a special use, made where it is missing.
    async fn home_of(&self, actor: &Actor, use_: SpecialUse) -> Result<Folder, Refusal> {
        match self.folders(actor).await?.into_iter().find(|f| f.special_use == Some(use_)) {
            Some(folder) => Ok(folder),
            None => self.made(actor, use_.default_name(), Some(use_)).await,
        }
    }

    /// A folder that is made, unless somebody made it at this moment, or has one of this name for something else.
    async fn made(&self, actor: &Actor, name: &str, use_: Option<SpecialUse>) -> Result<Folder, Refusal> {
        match self.create_folder(actor, name, use_).await {
            Err(refusal) if refusal.code == RefusalCode::FolderExists => self.folder(actor, name).await,
            made => made,
        }
    }

    /// Moves entries into the archive, each into the folder of the year in which it came; missing folders are made before anything moves.
    pub(super) async fn bring_by_year(
        &self,
        actor: &Actor,
        from: Id,
        entries: &[EntryRow],
    ) -> Result<Stepped, Refusal> {
        let archive = self.home_of(actor, SpecialUse::Archive).await?;
        let mut years: BTreeMap<i16, Vec<EntryRow>> = BTreeMap::new();
        for entry in entries {
            years.entry(Territory::Metropole.year(Timestamp(entry.internal_date))).or_default().push(entry.clone());
        }
        let mut homes = Vec::with_capacity(years.len());
        for (year, entries) in years {
            homes.push((self.made(actor, &format!("{}/{year}", archive.name), None).await?, entries));
        }
        let (mut steps, mut count) = (Vec::with_capacity(homes.len()), 0);
        for (home, entries) in homes {
            if let Some((step, moved)) = self.bring(actor, from, &entries, &home).await? {
                steps.push(step);
                count += moved;
            }
        }
        Ok((count > 0).then_some((Step::Several { steps }, count)))
    }

    /// Moves entries.
    pub(super) async fn bring(
        &self,
        actor: &Actor,
        from: Id,
        entries: &[EntryRow],
        to: &Folder,
    ) -> Result<Stepped, Refusal> {
        if to.id == from {
            return Ok(None);
        }
        let uids: Vec<u32> = entries.iter().map(|e| narrow(e.uid)).collect();
        let moved = self.move_entries(actor, from, &uids, &to.name).await?;
        let there: Vec<u32> = moved.pairs.iter().map(|(_, to)| *to).collect();
        if there.is_empty() {
            return Ok(None);
        }
        // The modseq of the act, which all of them have; what changed in between is not taken back.
        let (target, first) = (to.id, there.iter().copied().map(i64::from).take(1).collect::<Vec<_>>());
        let read = self.0.store.read::<_, StoreError, _>(move |tx| messages::entries_of(tx, target, &first));
        let until = read.await.map_err(|e| refuse::store(&e))?.first().map_or(0, |e| e.modseq.unsigned_abs());
        let count = there.len();
        Ok(Some((Step::Move { from: to.id, uids: there, to: from, until }, count)))
    }

    /// How an act is taken back, and what it was sealed with.
    pub(super) async fn opened_act(&self, row: &UndoRow) -> Result<(BalSeal, Inverse), Refusal> {
        let seal = self.bal_seal(row.bal).await?;
        let inverse = open(&seal.open(row.id, FIELD, &row.sealed).map_err(|e| refuse::store(&e))?)?;
        Ok((seal, inverse))
    }

    /// The row of an act. `wait`: seconds until it is carried out, where it waits; it can be taken back until then.
    pub(super) async fn inverse(
        &self,
        actor: &Actor,
        what: What,
        count: usize,
        step: Step,
        wait: Option<u32>,
    ) -> Result<UndoRow, Refusal> {
        let bal = self.seat(actor)?.bal;
        let (id, now) = (self.0.store.new_id(), self.now().0);
        let session = actor.origin.session.clone();
        let bytes = written(&Inverse { what, count, session, step, undone: None })?;
        let sealed = self.bal_seal(bal).await?.seal(id, FIELD, &bytes).map_err(|e| refuse::store(&e))?;
        let due = wait.map(|seconds| now + i64::from(seconds) * 1_000);
        Ok(UndoRow {
            id,
            bal,
            person: actor.person(),
            sealed,
            at: now,
            expires: due.unwrap_or(now + TIME),
            due,
            used: None,
        })
    }

    /// Takes a step back, or each of several. What is not there any more, or changed since, stays.
    pub(super) async fn take_back(&self, actor: &Actor, step: &Step) -> Result<Undone, Refusal> {
        let Step::Several { steps } = step else { return self.take_one_back(actor, step).await };
        let mut all = Undone { back: 0, changed: 0 };
        for step in steps {
            let one = self.take_one_back(actor, step).await?;
            all = Undone { back: all.back + one.back, changed: all.changed + one.changed };
        }
        Ok(all)
    }

    async fn take_one_back(&self, actor: &Actor, step: &Step) -> Result<Undone, Refusal> {
        let (back, all) = match step {
            Step::Several { .. } => (0, 0),
            Step::Flags { folder, uids, add, system, keyword, until } => {
                let flags = FlagSet { system: Flags(*system), keywords: keyword.iter().map(String::as_str).collect() };
                let change = if *add { FlagChange::Add } else { FlagChange::Remove };
                let done = self.change_flags(actor, *folder, uids, change, flags, Some(*until)).await;
                (none_without_folder(done.map(|(entries, _)| entries.len()))?, uids.len())
            }
            Step::Move { from, uids, to, until } => {
                let home = self.folders(actor).await?.into_iter().find(|f| f.id == *to);
                let back = match home {
                    None => 0,
                    Some(home) => {
                        let same = self.unchanged(*from, uids, *until).await?;
                        let moved = self.move_entries(actor, *from, &same, &home.name).await;
                        none_without_folder(moved.map(|copied| copied.pairs.len()))?
                    }
                };
                (back, uids.len())
            }
            Step::Relabel { folder, uids, from, to, until } => {
                (self.relabel_back(actor, *folder, uids, (from, to), *until).await?, uids.len())
            }
            Step::Given { given } => (Box::pin(self.give_back(actor, given)).await?, given.len()),
        };
        Ok(Undone { back, changed: all - back })
    }

    /// Those of these entries that did not change after a modseq.
    pub(super) async fn unchanged(&self, folder: Id, uids: &[u32], until: u64) -> Result<Vec<u32>, Refusal> {
        let uids = ascending(uids);
        let read = self.0.store.read::<_, StoreError, _>(move |tx| messages::entries_of(tx, folder, &uids));
        let found = read.await.map_err(|e| refuse::store(&e))?;
        Ok(found.iter().filter(|e| e.modseq.unsigned_abs() <= until).map(|e| narrow(e.uid)).collect())
    }

    /// Forgets acts that can no longer be taken back. Part of housekeeping; how many.
    pub(crate) async fn forget_acts(&self) -> Result<u64, Refusal> {
        let now = self.now().0;
        let forgotten = self.0.store.write(move |tx| undos::forget(tx, now, SLICE)).await;
        forgotten.map_err(|e: StoreError| refuse::store(&e))
    }
}

/// A folder that is gone has nothing that could be as it was.
pub(super) fn none_without_folder(done: Result<usize, Refusal>) -> Result<usize, Refusal> {
    match done {
        Err(refusal) if refusal.code == RefusalCode::FolderUnknown => Ok(0),
        done => done,
    }
}

fn open(bytes: &[u8]) -> Result<Inverse, Refusal> {
    serde_json::from_slice(bytes).map_err(|_| refuse::store(&StoreError::Corrupt("an act to take back".into())))
}

fn written(inverse: &Inverse) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(inverse).map_err(|_| RefusalCode::Defect.into())
}
