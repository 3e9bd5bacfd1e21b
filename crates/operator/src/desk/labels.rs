//! Labels: keywords of messages (RFC 9051 §2.3.2), as people call them. A mail program that shows keywords shows the same.
//!
//! Promises: what is kept from somebody (F074) is neither counted nor named to him; programs' own keywords are no labels; a label is read as it was written,
//! whatever its letters (modified UTF-7, as Thunderbird writes its tags; `_` for spaces); what is done with a label everywhere can be taken back.
use super::acts::{Chosen, Done, MOST, Step, What, none_without_folder};
use super::list::Filter;
use crate::boxed;
use crate::mailbox::entries::{FlagChange, FlagSet};
use crate::mailbox::folders::{Folder, seen_by};
use crate::mailbox::personal::leave_out;
use crate::mailbox::words::Words;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, personal, plain};
use sceau_message::utf7;
use sceau_store::desk::lists;
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, folders, keywords};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Longest label, characters; and longest keyword, bytes. Our choice.
const LONGEST: usize = 60;
const KEYWORD: usize = 128;
/// Keywords that programs set for themselves, beside those that begin with `$`.
const PROGRAMS: [&str; 8] =
    ["NonJunk", "NotJunk", "Junk", "JunkRecorded", "Forwarded", "MDNSent", "Redirected", "Unwanted"];

/// A label of a BAL, and where messages have it.
#[derive(Debug, Clone)]
pub struct LabelView {
    /// The keyword.
    pub keyword: String,
    /// Folders with how many messages have it, in the order of folders' names.
    pub places: Vec<(Folder, u64)>,
}

/// The keyword that a label is written as. `admin.invalid`: too long, a program's word, or signs that no keyword may have.
pub fn keyword_of(label: &str) -> Result<String, Refusal> {
    let invalid = || Refusal::new(RefusalCode::Invalid).with("name", "etiquette");
    let said = plain::said(label, "etiquette", LONGEST)?.replace('_', " ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let keyword = utf7::encode(&said.replace(' ', "_"));
    // An atom (RFC 9051 §9), and one that reads back.
    let atom = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
    if keyword.len() > KEYWORD || !keyword.chars().all(atom) || label_of(&keyword).as_deref() != Some(&*said) {
        return Err(invalid());
    }
    Ok(keyword)
}

/// A keyword as people call it; none for what programs set for themselves, and for what marks messages as personal.
pub fn label_of(keyword: &str) -> Option<String> {
    let is_programs = keyword.starts_with(['$', '\\']) || PROGRAMS.iter().any(|p| p.eq_ignore_ascii_case(keyword));
    if is_programs || personal::by_keyword(keyword) {
        return None;
    }
    // What a program wrote that nobody could read as a line is shown as it stands.
    let said = utf7::decode(keyword.as_bytes()).map(|said| said.replace('_', " ").trim().to_owned());
    let said = said.filter(|said| plain::said(said, "etiquette", KEYWORD).is_ok());
    Some(said.unwrap_or_else(|| keyword.to_owned())).filter(|said| !said.is_empty())
}

impl Operator {
    /// Every keyword that a message of the actor's BAL has, with its folders. `right.missing`.
    #[boxed]
    pub async fn labels(&self, actor: &Actor) -> Result<Vec<LabelView>, Refusal> {
        let seat = self.seat(actor)?;
        let folders: HashMap<Id, Folder> = self.folders(actor).await?.into_iter().map(|f| (f.id, f)).collect();
        let (person, without) = (actor.person(), self.kept_from(actor));
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let hidden = match &without {
                Some(marks) => marks.slots(tx)?,
                None => keywords::Slots::default(),
            };
            let mut found = Vec::new();
            for folder in seen_by(tx, seat.bal, person)? {
                let mut sets = lists::keyword_sets(tx, folder.id)?;
                sets.retain(|(set, _)| !set.has_any(&hidden));
                found.push((folder.id, sets));
            }
            Ok((keywords::list(tx, seat.bal)?, found))
        });
        let (rows, found) = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let mut words = Words::open(&seal, &rows).map_err(|e| refuse::store(&e))?;
        let mut counts: BTreeMap<String, BTreeMap<String, (Folder, u64)>> = BTreeMap::new();
        for (id, sets) in found {
            let Some(folder) = folders.get(&id) else { continue };
            for (set, count) in sets {
                for word in words.of(&set).iter() {
                    let places = counts.entry(word.to_owned()).or_default();
                    places.entry(folder.name.clone()).or_insert_with(|| (folder.clone(), 0)).1 += count.unsigned_abs();
                }
            }
        }
        let view = |(keyword, places): (String, BTreeMap<String, (Folder, u64)>)| LabelView {
            keyword,
            places: places.into_values().collect(),
        };
        Ok(counts.into_iter().map(view).collect())
    }

    /// Every keyword that the actor's BAL knows, by name, whether or not a message has it; to somebody from whom something is kept, those alone that stand on
    /// what he may see. `right.missing`.
    #[boxed]
    pub async fn keywords_known(&self, actor: &Actor) -> Result<Vec<String>, Refusal> {
        if actor.kept_out() {
            let mut words: Vec<String> = self.labels(actor).await?.into_iter().map(|label| label.keyword).collect();
            words.sort_by_cached_key(|word| word.to_lowercase());
            return Ok(words);
        }
        let seat = self.seat(actor)?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(keywords::list(tx, seat.bal)?)
        });
        let rows = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let open = |row: &keywords::KeywordRow| seal.open_keyword(row.id, &row.sealed);
        let mut words = rows.iter().map(open).collect::<Result<Vec<_>, _>>().map_err(|e| refuse::store(&e))?;
        words.sort_by_cached_key(|word| word.to_lowercase());
        Ok(words)
    }

    /// The keywords of a message where it stands. `folder.unknown`, `entry.unknown`, `right.missing`.
    #[boxed]
    pub async fn keywords_at(&self, actor: &Actor, folder: Id, uid: u32) -> Result<Vec<String>, Refusal> {
        let (seat, without) = (self.seat(actor)?, self.kept_from(actor));
        self.may_know(actor, folder).await?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            folders::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let mut entries = messages::entries_of(tx, folder, &[i64::from(uid)])?;
            leave_out(without.as_ref(), tx, &mut entries)?;
            let entry = entries.pop().ok_or(RefusalCode::EntryUnknown)?;
            Ok((keywords::list(tx, seat.bal)?, entry.keywords))
        });
        let (rows, set) = read.await?;
        let seal = self.bal_seal(seat.bal).await?;
        let mut words = Words::open(&seal, &rows).map_err(|e| refuse::store(&e))?;
        Ok(words.of(&set).iter().map(str::to_owned).collect())
    }

    /// Gives every message that has a label another one instead, or none: in each folder, 5,000 messages at once at most, and more is told. Traced, and taken
    /// back, as acts on lists are. Nothing is done where both are the same.
    ///
    /// # Errors
    /// `right.missing`; what [`Operator::change_flags`] refuses.
    #[boxed]
    pub async fn relabel(&self, actor: &Actor, from: &str, to: Option<&str>) -> Result<Done, Refusal> {
        let what = if to.is_some() { What::Relabelled } else { What::Unlabelled };
        let (mut steps, mut count, mut more, mut room) = (Vec::new(), 0, false, MOST);
        let same = to.is_some_and(|to| to.eq_ignore_ascii_case(from));
        let folders = if same { Vec::new() } else { self.folders(actor).await? };
        for folder in folders.into_iter().map(|folder| folder.id) {
            let (whole_view, label) = (Some(Filter::All), Some(from.to_owned()));
            let all = Chosen { folder, uids: Vec::new(), whole_view, label };
            let (mut entries, rest) = self.chosen(actor, &all).await?;
            more |= rest || entries.len() > room;
            entries.truncate(room);
            room -= entries.len();
            if entries.is_empty() {
                continue;
            }
            let (swapped, done) = self.swap_label(actor, folder, &entries, (from, to)).await?;
            steps.extend(swapped);
            count += done;
        }
        let undo = match count {
            0 => None,
            _ => Some(self.keep(actor, what, count, Step::Several { steps }).await?),
        };
        Ok(Done { what, count, more, left: 0, undo })
    }

    /// Takes a label from entries of a folder, and gives them another one before: what fails in between takes nothing away. How it is taken back, and of how
    /// many.
    async fn swap_label(
        &self,
        actor: &Actor,
        folder: Id,
        entries: &[EntryRow],
        (from, to): (&str, Option<&str>),
    ) -> Result<(Vec<Step>, usize), Refusal> {
        let given = match to {
            Some(to) => self.set(actor, folder, entries, true, label_set(to)).await?,
            None => None,
        };
        let (new, until) = match given {
            Some((Step::Flags { uids, until, .. }, _)) => (uids.into_iter().collect(), until),
            _ => (HashSet::new(), 0),
        };
        let fresh: Vec<EntryRow> = entries.iter().map(|e| changed_at(e, &new, until)).collect();
        let taken = self.set(actor, folder, &fresh, false, label_set(from)).await?;
        let Some((Step::Flags { uids, until, .. }, count)) = taken else { return Ok((Vec::new(), 0)) };
        // Those that had both before keep the other one when this is taken back.
        let (new, had): (Vec<u32>, Vec<u32>) = uids.into_iter().partition(|uid| new.contains(uid));
        let mut steps = Vec::with_capacity(2);
        if let Some(to) = to.filter(|_| !new.is_empty()) {
            let (from, to) = (from.to_owned(), to.to_owned());
            steps.push(Step::Relabel { folder, uids: new, from, to, until });
        }
        if !had.is_empty() {
            let keyword = Some(from.to_owned());
            steps.push(Step::Flags { folder, uids: had, add: true, system: 0, keyword, until });
        }
        Ok((steps, count))
    }

    /// Gives a label back instead of the one that took its place, where nothing changed since: how many.
    pub(super) async fn relabel_back(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
        (from, to): (&str, &str),
        until: u64,
    ) -> Result<usize, Refusal> {
        let same = self.unchanged(folder, uids, until).await?;
        let done = self.change_flags(actor, folder, &same, FlagChange::Add, label_set(from), None).await;
        let back = none_without_folder(done.map(|(entries, _)| entries.len()))?;
        let done = self.change_flags(actor, folder, &same, FlagChange::Remove, label_set(to), None).await;
        none_without_folder(done.map(|(entries, _)| entries.len()))?;
        Ok(back)
    }
}

/// A label alone, as flags are changed.
pub(super) fn label_set(keyword: &str) -> FlagSet {
    FlagSet { keywords: [keyword].into_iter().collect(), ..FlagSet::default() }
}

/// An entry after a change of these UIDs.
fn changed_at(entry: &EntryRow, uids: &HashSet<u32>, modseq: u64) -> EntryRow {
    let changed = u32::try_from(entry.uid).is_ok_and(|uid| uids.contains(&uid));
    let modseq = if changed { i64::try_from(modseq).unwrap_or(i64::MAX) } else { entry.modseq };
    EntryRow { modseq, ..entry.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_is_read_as_it_was_written() {
        for label in ["urgent", "À rappeler", "Labo & co", "Suivi 2026", "日本"] {
            let keyword = keyword_of(label).unwrap();
            assert!(keyword.is_ascii() && !keyword.contains(' '), "{keyword}");
            assert_eq!(label_of(&keyword).as_deref(), Some(label));
        }
        assert_eq!(keyword_of("  deux   mots ").unwrap(), "deux_mots");
        for wrong in ["", "  ", "$Forwarded", "(x)", "a\"b", "a\\b", "Junk", "nonjunk", "Perso", "_", &"a".repeat(61)] {
            assert!(keyword_of(wrong).is_err(), "{wrong}");
        }
        assert_eq!(label_of("$label1"), None);
        assert_eq!(label_of("&AOk"), Some("&AOk".to_owned()), "what is no encoding is shown as it is");
    }

    proptest! {
        /// Whatever is typed: refused, or a keyword that every mail program can carry and that reads back.
        #[test]
        fn whatever_is_typed(label in "\\PC{0,70}") {
            if let Ok(keyword) = keyword_of(&label) {
                prop_assert!(keyword.len() <= KEYWORD && keyword.bytes().all(|b| b.is_ascii_graphic()));
                let said = label_of(&keyword).unwrap();
                prop_assert_eq!(keyword_of(&said).unwrap(), keyword);
            }
        }
    }
}
