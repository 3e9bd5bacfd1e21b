//! Changing flags and keywords of entries (STORE).
use crate::boxed;
use crate::desk::beside::{colleague, newly};
use crate::mailbox::entries::{Entry, FlagChange, FlagSet, ascending};
use crate::mailbox::folders::narrow;
use crate::mailbox::personal::leave_out;
use crate::mailbox::words::Words;
use crate::record::ids;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::desk::beside::{Did, did};
use sceau_store::folders::{self as rows, Counts};
use sceau_store::keywords::{self, NewKeyword, Slots, Survey};
use sceau_store::messages::{self, EntryRow};
use sceau_store::{Id, StoreError, Tx, access};
use serde_json::json;
use std::collections::BTreeMap;

/// What says that a message was forwarded (RFC 5788 registry).
const FORWARDED: &str = "$Forwarded";
/// Longest keyword, in bytes.
const MAX_KEYWORD: usize = 128;
/// Most keywords of one message, and in one command: what a session holds of a folder is bounded by it.
const MAX_KEYWORDS: usize = 64;

/// Keywords as they may be kept: printable ASCII atoms (RFC 9051 §9, `flag-keyword`), each once without case.
/// `syntax.error`, `keyword.too_many`.
pub(super) fn checked(flags: FlagSet) -> Result<FlagSet, Refusal> {
    let atom = |c: char| c.is_ascii_graphic() && !matches!(c, '(' | ')' | '{' | '%' | '*' | '"' | '\\' | ']');
    if flags.keywords.iter().any(|k| k.is_empty() || k.len() > MAX_KEYWORD || !k.chars().all(atom)) {
        return Err(RefusalCode::SyntaxError.into());
    }
    let keywords = flags.keywords.distinct();
    if keywords.len() > MAX_KEYWORDS { Err(too_many()) } else { Ok(FlagSet { keywords, ..flags }) }
}

fn too_many() -> Refusal {
    Refusal::new(RefusalCode::KeywordTooMany).with("limit", MAX_KEYWORDS)
}

/// The slots of keywords, made when missing. What no message has any more was forgotten before ([`Operator::keyword_room`]). `keyword.limit`.
pub(super) fn slots(tx: &mut dyn Tx, bal: Id, wanted: &[NewKeyword], limit: usize) -> Result<Slots, Fail> {
    keywords::find_or_add(tx, bal, wanted, limit)?
        .ok_or_else(|| Refusal::new(RefusalCode::KeywordLimit).with("limit", limit).into())
}

/// An entry's flags after a change.
fn after(change: FlagChange, row: &EntryRow, flags: i64, slots: &Slots) -> (i64, Slots) {
    let mut keywords = row.keywords.clone();
    match change {
        FlagChange::Replace => (flags, slots.clone()),
        FlagChange::Add => {
            keywords.add_all(slots);
            (row.flags | flags, keywords)
        }
        FlagChange::Remove => {
            keywords.remove_all(slots);
            (row.flags & !flags, keywords)
        }
    }
}

impl Operator {
    /// Before keywords are given: where there is no room for new ones, those that no message has any more are forgotten. Which they are is found out by
    /// pages, beside everybody's work: a BAL of 100,000 messages holds up nobody who writes.
    pub(super) async fn keyword_room(&self, bal: Id, wanted: &[NewKeyword], limit: usize) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        if wanted.is_empty() {
            return Ok(());
        }
        let asked = wanted.to_vec();
        let begin = move |tx: &mut dyn Tx| match keywords::fit(tx, bal, &asked, limit)? {
            true => Ok(None),
            false => Survey::begin(tx, bal),
        };
        let Some(mut survey) = self.0.store.read(begin).await.map_err(failed)? else { return Ok(()) };
        loop {
            let begun = survey.clone();
            let page = move |tx: &mut dyn Tx| {
                let mut survey = begun.clone();
                let more = survey.go_on(tx)?;
                Ok((survey, more))
            };
            let more;
            (survey, more) = self.0.store.read(page).await.map_err(failed)?;
            if !more {
                break;
            }
        }
        let forget = move |tx: &mut dyn Tx| {
            access::lock(tx, bal)?;
            survey.forget(tx).map(drop)
        };
        self.0.store.write(forget).await.map_err(failed)
    }

    /// Changes flags of UIDs; unknown UIDs are skipped; entries whose modseq is above `unchanged_since` are left and returned second.
    /// An entry whose flags are already so keeps its modseq. `folder.unknown`, `keyword.limit`, `keyword.too_many`, `syntax.error`.
    #[boxed]
    pub async fn change_flags(
        &self,
        actor: &Actor,
        folder: Id,
        uids: &[u32],
        change: FlagChange,
        flags: FlagSet,
        unchanged_since: Option<u64>,
    ) -> Result<(Vec<Entry>, Vec<u32>), Refusal> {
        let seat = self.seat(actor)?.filing();
        let flags = checked(flags)?;
        let seal = self.bal_seal(seat.bal).await?;
        let wanted = self.seal_keywords(&seal, &flags.keywords).map_err(|e| refuse::store(&e))?;
        let system = flags.system.bits();
        let uids = ascending(uids);
        let since = unchanged_since.map_or(i64::MAX, |s| i64::try_from(s).unwrap_or(i64::MAX));
        let limit = self.limits_of(seat.bal).await?.keywords;
        if change != FlagChange::Remove {
            self.keyword_room(seat.bal, &wanted, limit).await?;
        }
        let record = self.record(actor, seat.bal, "mail.flagged");
        let without = self.kept_from(actor);
        let (beside, forwarded) = (colleague(actor), self.keyword_tag(seat.bal, FORWARDED));
        let done = self.act::<_, Fail, _>(seat.bal, move |tx| {
            let state = rows::lock_bal(tx, seat.bal)?.ok_or(RefusalCode::RightMissing)?;
            let bal = seat.check(tx)?;
            rows::by_id(tx, seat.bal, folder)?.ok_or(RefusalCode::FolderUnknown)?;
            let mut found = messages::entries_of(tx, folder, &uids)?;
            leave_out(without.as_ref(), tx, &mut found)?;
            let (mut entries, left): (Vec<EntryRow>, Vec<EntryRow>) =
                found.into_iter().partition(|e| e.modseq <= since);
            let slots = match change {
                FlagChange::Remove => keywords::find(tx, seat.bal, &wanted)?,
                _ if entries.is_empty() => Slots::default(),
                _ => slots(tx, seat.bal, &wanted, limit)?,
            };
            // Entries that end alike are written together.
            let mut groups: BTreeMap<(i64, Vec<usize>), (Slots, Vec<i64>)> = BTreeMap::new();
            let (mut answered, mut sent_on) = (Vec::new(), Vec::new());
            let forwarded = match &beside {
                Some(_) => keywords::with_tags(tx, seat.bal, |tag| tag == forwarded.as_slice())?,
                None => Slots::default(),
            };
            let (mut counts, mut changed) = (Counts::default(), Vec::new());
            for e in &mut entries {
                let (flags, keywords) = after(change, e, system, &slots);
                if flags == e.flags && keywords == e.keywords {
                    continue;
                }
                // A message that has more, from before there was a limit, loses what it loses.
                if keywords.iter().count() > MAX_KEYWORDS.max(e.keywords.iter().count()) {
                    return Err(too_many().into());
                }
                if beside.is_some() {
                    let was = (e.flags, e.keywords.has_any(&forwarded));
                    let (a, f) = newly(was, (flags, keywords.has_any(&forwarded)));
                    answered.extend(a.then_some(e.message));
                    sent_on.extend(f.then_some(e.message));
                }
                counts += Counts::of(e.flags, e.size).negated();
                counts += Counts::of(flags, e.size);
                (e.flags, e.keywords, e.modseq) = (flags, keywords, state.modseq);
                let group = groups.entry((flags, e.keywords.iter().collect())).or_default();
                group.0 = e.keywords.clone();
                group.1.push(e.uid);
                changed.push(e.message);
            }
            for ((flags, _), (keywords, uids)) in &groups {
                messages::write_flags(tx, folder, uids, *flags, keywords, state.modseq)?;
            }
            if !changed.is_empty() {
                rows::adjust(tx, folder, counts, state.modseq)?;
                let count = changed.len();
                record.write(tx, &bal, &json!({"folder": folder, "count": count, "messages": ids(changed.clone())}))?;
            }
            if let Some((person, door)) = beside {
                let by = (seat.bal, person);
                did(tx, by, door, record.at(), Did::Answered, &answered)?;
                did(tx, by, door, record.at(), Did::Forwarded, &sent_on)?;
            }
            let words = keywords::list(tx, seat.bal)?;
            Ok((entries, left, words))
        });
        let (entries, left, words) = done.await?;
        let mut words = Words::open(&seal, &words).map_err(|e| refuse::store(&e))?;
        Ok((words.entries(&entries), left.iter().map(|e| narrow(e.uid)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::words::Keywords;

    fn set(keywords: &[&str]) -> FlagSet {
        FlagSet { keywords: keywords.iter().copied().collect(), ..FlagSet::default() }
    }

    #[test]
    fn keywords_are_atoms_each_once_without_case() {
        assert_eq!(checked(set(&["b", "$A", "B"])).unwrap().keywords, ["$A", "b"]);
        for bad in ["", "a b", "é", "a(", "\\Seen", "a\r", "a\"", "a]"] {
            assert_eq!(checked(set(&[bad])), Err(RefusalCode::SyntaxError.into()), "{bad:?}");
        }
        assert_eq!(checked(set(&[&"k".repeat(129)])), Err(RefusalCode::SyntaxError.into()));
        let many = |most: usize| -> Keywords { (0..most).map(|n| format!("k{n}")).collect() };
        let set = |keywords| FlagSet { keywords, ..FlagSet::default() };
        assert!(checked(set(many(64))).is_ok());
        assert_eq!(checked(set(many(65))).unwrap_err().code, RefusalCode::KeywordTooMany);
    }
}
