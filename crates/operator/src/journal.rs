//! What changed in a BAL since a state that somebody knows: what QRESYNC (RFC 7162) and JMAP `/changes` (RFC 8620 §5.2) ask, and its
//! pruning by age.
//!
//! Promises: an answer is complete, or says that it cannot be given; a state is a word that only this module reads; the rows of
//! removals are forgotten after [`journal_days`](sceau_domain::limits::Limits::journal_days), in slices, and not before.
use crate::boxed;
use crate::mailbox::entries::Entry;
use crate::mailbox::folders::narrow;
use crate::mailbox::words::Words;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::journal::{self, Answer, Cursor, Page};
use sceau_store::{Id, StoreError, Tx, folders as rows, keywords, messages};
use std::fmt;
use std::str::FromStr;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Tombstones of each sort removed in one transaction.
const SLICE: i64 = 1_000;
/// Slices of one round: what is left waits for the next one, in a minute.
const SLICES: usize = 50;

/// A state of a BAL: of its messages, or of its folders. Written as a word (`120`; within an act `120-77`) that clients keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State(Cursor);

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_whole() { write!(f, "{}", self.0.modseq) } else { write!(f, "{}-{}", self.0.modseq, self.0.id) }
    }
}

/// No state that we ever gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoState;

impl FromStr for State {
    type Err = NoState;
    fn from_str(word: &str) -> Result<Self, NoState> {
        let number = |digits: &str| -> Result<i64, NoState> {
            // As we write it: no sign, no zero in front.
            let plain = digits == "0" || (!digits.starts_with(['0', '+', '-']) && !digits.is_empty());
            digits.parse().ok().filter(|_| plain).ok_or(NoState)
        };
        match word.split_once('-') {
            None => Ok(Self(Cursor::at(number(word)?))),
            Some((modseq, id)) => match number(id)? {
                i64::MAX => Err(NoState),
                id => Ok(Self(Cursor { modseq: number(modseq)?, id })),
            },
        }
    }
}

/// Changes of messages or of folders, for JMAP `Email/changes` and `Mailbox/changes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedIds {
    /// Made since.
    pub created: Vec<Id>,
    /// Known before and changed since: flags, keywords, folders; of folders name, subscription, counts.
    pub updated: Vec<Id>,
    /// Known before and gone. What was made and removed since is nowhere.
    pub destroyed: Vec<Id>,
    /// What is known after these.
    pub state: State,
    /// There are more, from `state` on (`hasMoreChanges`).
    pub more: bool,
    /// Of folders: of those updated nothing changed but counts (RFC 8621 §2.2, `updatedProperties`).
    pub only_counts: bool,
}

impl From<Page> for ChangedIds {
    fn from(page: Page) -> Self {
        let Page { created, updated, destroyed, state, more, only_content } = page;
        Self { created, updated, destroyed, state: State(state), more, only_counts: only_content }
    }
}

/// What a client that knew a folder learns when it selects it again (RFC 7162 §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// New or changed entries, by ascending UID.
    pub changed: Vec<Entry>,
    /// UIDs gone (`VANISHED (EARLIER)`), as ascending runs that do not touch. From before the journal's floor: every UID asked for that is
    /// not there.
    pub vanished: Vec<(u32, u32)>,
    /// The folder's modseq after.
    pub modseq: u64,
}

/// The parts of ascending runs that lie in others, joined where they touch.
fn within(runs: &[(u32, u32)], others: Option<&[(u32, u32)]>) -> Vec<(u32, u32)> {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    let mut push = |(first, last): (u32, u32)| match parts.last_mut() {
        Some((_, end)) if u64::from(*end) + 1 >= u64::from(first) => *end = last.max(*end),
        _ => parts.push((first, last)),
    };
    let Some(others) = others else {
        runs.iter().for_each(|run| push(*run));
        return parts;
    };
    let (mut a, mut b) = (runs.iter().peekable(), others.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        let (first, last) = (x.0.max(y.0), x.1.min(y.1));
        if first <= last {
            push((first, last));
        }
        let _ = if x.1 < y.1 { a.next() } else { b.next() };
    }
    parts
}

fn holds(runs: &[(u32, u32)], uid: u32) -> bool {
    let at = runs.partition_point(|(_, last)| *last < uid);
    runs.get(at).is_some_and(|(first, _)| *first <= uid)
}

impl Operator {
    /// The present state of the actor's BAL, to ask for changes from.
    #[boxed]
    pub async fn journal_state(&self, actor: &Actor) -> Result<State, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let (modseq, _) = journal::extent(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            Ok(State(Cursor::at(modseq)))
        });
        Ok(read.await?)
    }

    /// Messages of the actor's BAL that were made, changed or removed since a state: at most `most` of them (one at least). None: it
    /// cannot be told any more (RFC 8620 §5.2, `cannotCalculateChanges`); the client starts again.
    #[boxed]
    pub async fn changed_messages(
        &self,
        actor: &Actor,
        since: State,
        most: usize,
    ) -> Result<Option<ChangedIds>, Refusal> {
        self.changed(actor, move |tx, bal| journal::messages(tx, bal, since.0, most)).await
    }

    /// Folders of the actor's BAL, likewise.
    #[boxed]
    pub async fn changed_folders(
        &self,
        actor: &Actor,
        since: State,
        most: usize,
    ) -> Result<Option<ChangedIds>, Refusal> {
        self.changed(actor, move |tx, bal| journal::folders(tx, bal, since.0, most)).await
    }

    async fn changed(
        &self,
        actor: &Actor,
        mut ask: impl FnMut(&mut dyn Tx, Id) -> Result<Answer<Page>, StoreError> + Send + 'static,
    ) -> Result<Option<ChangedIds>, Refusal> {
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(ask(tx, seat.bal)?)
        });
        Ok(match read.await? {
            Answer::Known(page) => Some(page.into()),
            Answer::Unknown { .. } => None,
        })
    }

    /// What changed in a folder for a client that knew it as of `uidvalidity` and modseq `since`, and of it these UIDs (ascending
    /// runs; none: all of them). None: the folder is another one now (RFC 7162 §3.2.5.1), what the client knows is void. `folder.unknown`.
    #[boxed]
    pub async fn resync(
        &self,
        actor: &Actor,
        folder: Id,
        uidvalidity: u32,
        since: u64,
        known: Option<Vec<(u32, u32)>>,
    ) -> Result<Option<Resync>, Refusal> {
        let seat = self.seat(actor)?;
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let row = rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            if narrow(row.uidvalidity) != uidvalidity {
                return Ok(None);
            }
            let changed = if row.modseq <= since { Vec::new() } else { messages::entries_since(tx, folder, since)? };
            let gone = journal::gone_since(tx, &row, since)?;
            let words =
                if changed.iter().all(|e| e.keywords.is_empty()) { Vec::new() } else { keywords::list(tx, seat.bal)? };
            Ok(Some((row, changed, gone, words)))
        });
        let Some((row, mut changed, gone, words)) = read.await? else { return Ok(None) };
        if let Some(known) = &known {
            changed.retain(|e| holds(known, narrow(e.uid)));
        }
        let seal = self.bal_seal(seat.bal).await?;
        let mut words = Words::open(&seal, &words).map_err(|e| refuse::store(&e))?;
        let gone: Vec<(u32, u32)> = gone.into_iter().map(|(first, last)| (narrow(first), narrow(last))).collect();
        Ok(Some(Resync {
            changed: words.entries(&changed),
            vanished: within(&gone, known.as_deref()),
            modseq: row.modseq.unsigned_abs(),
        }))
    }

    /// Forgets removals that are older than the configuration says. Some slices a round; the number of rows removed.
    pub(crate) async fn prune_journal(&self) -> Result<u64, Refusal> {
        let before = self.now().plus_ms(-i64::from(self.config().limits.journal_days) * DAY).0;
        let mut rows = 0;
        for _ in 0..SLICES {
            let slice = self.0.store.write(move |tx| journal::prune(tx, before, SLICE)).await;
            let slice = slice.map_err(|e: StoreError| refuse::store(&e))?;
            rows += slice.rows;
            if !slice.more {
                break;
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn states_are_words_that_come_back() {
        for word in ["0", "1", "120", "120-77", "9223372036854775807"] {
            assert_eq!(word.parse::<State>().map(|s| s.to_string()).as_deref(), Ok(word));
        }
        for word in
            ["", "-", "-1", "+1", "01", "1-", "1-+2", "1-2-3", "x", "9223372036854775808", "1-9223372036854775807"]
        {
            assert_eq!(word.parse::<State>(), Err(NoState), "{word}");
        }
    }

    fn runs() -> impl Strategy<Value = Vec<(u32, u32)>> {
        prop::collection::vec((0..5u32, 0..5u32), 0..8).prop_map(|steps| {
            let mut next = 1;
            let run = |(gap, length)| {
                let first = next + gap;
                next = first + length + 1;
                (first, first + length)
            };
            steps.into_iter().map(run).collect()
        })
    }

    proptest! {
        #[test]
        fn runs_meet_as_sets_do(a in runs(), b in runs()) {
            let set = |runs: &[(u32, u32)]| (0..100).filter(|uid| holds(runs, *uid)).collect::<Vec<u32>>();
            let both = within(&a, Some(&b));
            prop_assert_eq!(set(&both), set(&a).into_iter().filter(|uid| holds(&b, *uid)).collect::<Vec<_>>());
            prop_assert!(both.windows(2).all(|w| w[0].1 + 1 < w[1].0));
            prop_assert_eq!(set(&within(&a, None)), set(&a));
        }
    }
}
