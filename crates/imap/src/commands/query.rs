//! What the keys of a search mean: sequence numbers become UIDs, days and intervals become instants.
use crate::codec::SequenceSet;
use crate::codec::command::SearchKey;
use crate::codec::date::midnight;
use crate::codec::sequence::runs;
use sceau_domain::Timestamp;
use sceau_operator::mailbox::entries::Entry;
use sceau_operator::mailbox::search::{Field, Query};
use std::sync::Arc;

/// Runs of UIDs.
type Runs = Arc<[(u32, u32)]>;

/// The mailbox that a search speaks of.
pub(super) struct Ground<'a> {
    entries: &'a [Entry],
    /// `$`; shared, so that a thousand mentions of it hold it once.
    saved: Runs,
    now: Timestamp,
}

impl<'a> Ground<'a> {
    /// A mailbox with these entries, in which `$` names these UIDs.
    pub fn new(entries: &'a [Entry], saved: &[u32], now: Timestamp) -> Self {
        Self { entries, saved: runs(saved).into(), now }
    }

    /// The key as the operator understands it. Numbers that name no message match nothing. Within a `fuzzy` key texts are words; the other
    /// keys mean what they always mean (RFC 6203 §3).
    pub fn query(&self, key: &SearchKey, fuzzy: bool) -> Query {
        use SearchKey as K;
        let words = |field: Field, text: &String| Query::Words(field, text.clone());
        match key {
            K::Fuzzy(key) => self.query(key, true),
            K::From(text) if fuzzy => words(Field::From, text),
            K::To(text) | K::Cc(text) | K::Bcc(text) if fuzzy => words(Field::To, text),
            K::Subject(text) if fuzzy => words(Field::Subject, text),
            K::Body(text) if fuzzy => words(Field::Body, text),
            K::Text(text) if fuzzy => words(Field::Anywhere, text),
            K::All => Query::All,
            K::Nothing => Query::Not(Box::new(Query::All)),
            K::And(keys) => Query::And(keys.iter().map(|k| self.query(k, fuzzy)).collect()),
            K::Or(a, b) => Query::Or(Box::new(self.query(a, fuzzy)), Box::new(self.query(b, fuzzy))),
            K::Not(key) => Query::Not(Box::new(self.query(key, fuzzy))),
            K::Set(set) => Query::Uids(self.numbered(set)),
            K::Uid(set) => Query::Uids(self.with_uids(set)),
            K::Flag(flag) => Query::Flag(*flag),
            K::Keyword(word) => Query::Keyword(word.clone()),
            K::Larger(n) => Query::Larger(*n),
            K::Smaller(n) => Query::Smaller(*n),
            K::Since(day) => Query::Since(midnight(*day)),
            K::Before(day) => Query::Before(midnight(*day)),
            // RFC 5032 §2: at that very instant, both.
            K::Younger(seconds) => Query::Since(self.ago(*seconds)),
            K::Older(seconds) => Query::Before(self.ago(*seconds).plus_ms(1)),
            K::SentSince(day) => Query::SentSince(midnight(*day)),
            K::SentBefore(day) => Query::SentBefore(midnight(*day)),
            K::Header(name, text) => Query::Header(name.clone(), text.clone()),
            K::From(text) => Query::From(text.clone()),
            K::To(text) => Query::To(text.clone()),
            K::Cc(text) => Query::Cc(text.clone()),
            K::Bcc(text) => Query::Bcc(text.clone()),
            K::Subject(text) => Query::Subject(text.clone()),
            K::Body(text) => Query::Body(text.clone()),
            K::Text(text) => Query::Text(text.clone()),
            K::ModSeq(n) => Query::ModSeq(*n),
            // Answered before (`settle`); nothing else is known of them here.
            K::EmailId(_) | K::ThreadId(_) | K::SavedSince(_) | K::SavedBefore(_) => Query::Not(Box::new(Query::All)),
        }
    }

    fn ago(&self, seconds: u32) -> Timestamp {
        self.now.plus_ms(-1000 * i64::from(seconds))
    }

    /// UIDs of the messages with these sequence numbers.
    fn numbered(&self, set: &SequenceSet) -> Runs {
        let count = self.entries.len();
        let Some(ranges) = set.resolve(u32::try_from(count).unwrap_or(u32::MAX)) else { return self.saved.clone() };
        let clip = |(a, b): (u32, u32)| {
            let from = (a.max(1) as usize - 1).min(count);
            let among = &self.entries[from..(b as usize).clamp(from, count)];
            among.first().zip(among.last()).map(|(first, last)| (first.uid, last.uid))
        };
        ranges.into_iter().filter_map(clip).collect()
    }

    fn with_uids(&self, set: &SequenceSet) -> Runs {
        let last = self.entries.last().map_or(0, |e| e.uid);
        set.resolve(last).map_or_else(|| self.saved.clone(), Into::into)
    }
}

/// Does the search name modseqs (RFC 7162 §3.1.5)?
pub(super) fn names_modseq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq(_) => true,
        SearchKey::And(keys) => keys.iter().any(names_modseq),
        SearchKey::Or(a, b) => names_modseq(a) || names_modseq(b),
        SearchKey::Not(key) | SearchKey::Fuzzy(key) => names_modseq(key),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Cursor, Fragment};
    use sceau_operator::mailbox::entries::FlagSet;

    #[test]
    fn sets_become_runs_of_uids_whatever_is_there() {
        let entry =
            |uid| Entry { uid, message: 1, flags: FlagSet::default(), modseq: 1, internal_date: Timestamp(0), size: 1 };
        let entries: Vec<Entry> = [2, 3, 7, 9].map(entry).to_vec();
        let runs = |ground: &Ground<'_>, text: &str, by_uid: bool| {
            let fragments = [Fragment::Line(text.as_bytes().to_vec())];
            let set = SequenceSet::parse(&mut Cursor::new(&fragments)).unwrap();
            if by_uid { ground.with_uids(&set).to_vec() } else { ground.numbered(&set).to_vec() }
        };
        let ground = Ground::new(&entries, &[2, 3, 9], Timestamp(0));
        assert_eq!(runs(&ground, "1:2,4", false), [(2, 3), (9, 9)]);
        assert_eq!(runs(&ground, "3:*", false), [(7, 9)]);
        assert_eq!(runs(&ground, "4:99,200", false), [(9, 9)]);
        assert!(runs(&ground, "5:99", false).is_empty());
        assert_eq!(runs(&ground, "$", false), [(2, 3), (9, 9)]);
        assert_eq!(runs(&ground, "1:3,20:*", true), [(1, 3), (9, 20)]);
        let none = Ground::new(&[], &[], Timestamp(0));
        assert!(runs(&none, "1:*", false).is_empty());
        assert_eq!(runs(&none, "*", true), [(0, 0)]);
    }
}
