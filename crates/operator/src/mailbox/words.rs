//! Keywords of entries. Entries share their sets and sets share their words, so that a folder weighs little however many keywords its messages have.
use crate::mailbox::entries::Entry;
use crate::mailbox::seal::BalSeal;
use sceau_store::StoreError;
use sceau_store::keywords::{KeywordRow, Slots};
use sceau_store::messages::EntryRow;
use std::collections::HashMap;
use std::sync::Arc;

/// Keywords of a message in a folder: as written first, compared without case, sorted. A copy holds the same set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Keywords(Option<Arc<Vec<Arc<str>>>>);

impl Keywords {
    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.words().iter().map(|word| &**word)
    }
    /// The words, as they are held.
    pub fn words(&self) -> &[Arc<str>] {
        self.0.as_ref().map_or(&[][..], |words| words.as_slice())
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.words().len()
    }
    /// Sorted, each once, both without case.
    #[must_use]
    pub fn distinct(&self) -> Self {
        let mut words = self.words().to_vec();
        words.sort_by_cached_key(|w| w.to_ascii_lowercase());
        words.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        words.into()
    }
    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
    /// The same for sets that are held once, another one for others, while they live.
    pub fn place(&self) -> usize {
        self.words().as_ptr().addr()
    }
}

impl<W: Into<Arc<str>>> FromIterator<W> for Keywords {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let words: Vec<Arc<str>> = words.into_iter().map(Into::into).collect();
        Self((!words.is_empty()).then(|| Arc::new(words)))
    }
}

impl<W: Into<Arc<str>>> From<Vec<W>> for Keywords {
    fn from(words: Vec<W>) -> Self {
        words.into_iter().collect()
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Keywords {
    fn eq(&self, words: &[&str; N]) -> bool {
        self.iter().eq(words.iter().copied())
    }
}

impl std::fmt::Debug for Keywords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Turns rows into entries: opens the keywords of the BAL once, not once an entry.
#[derive(Debug)]
pub(crate) struct Words {
    by_slot: HashMap<usize, Arc<str>>,
    sets: HashMap<Slots, Keywords>,
}

impl Words {
    /// Opens the keywords.
    pub fn open(seal: &BalSeal, rows: &[KeywordRow]) -> Result<Self, StoreError> {
        let by_slot = rows.iter().map(|k| Ok((k.slot, Arc::<str>::from(seal.open_keyword(k.id, &k.sealed)?))));
        Ok(Self { by_slot: by_slot.collect::<Result<_, StoreError>>()?, sets: HashMap::new() })
    }
    /// Keywords of a set, sorted without case.
    pub fn of(&mut self, slots: &Slots) -> Keywords {
        if slots.is_empty() {
            return Keywords::default();
        }
        if let Some(words) = self.sets.get(slots) {
            return words.clone();
        }
        let mut words: Vec<Arc<str>> = slots.iter().filter_map(|s| self.by_slot.get(&s).cloned()).collect();
        words.sort_by_cached_key(|w| w.to_ascii_lowercase());
        let words = Keywords::from(words);
        self.sets.insert(slots.clone(), words.clone());
        words
    }
    /// An entry as use cases give it.
    pub fn entry(&mut self, row: &EntryRow) -> Entry {
        super::entries::entry(row, self.of(&row.keywords))
    }
    /// Entries as use cases give them.
    pub fn entries(&mut self, rows: &[EntryRow]) -> Vec<Entry> {
        rows.iter().map(|row| self.entry(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_words_are_held_once() {
        let by_slot = ["b", "A", "c"].iter().enumerate().map(|(n, w)| (n, Arc::from(*w))).collect();
        let mut words = Words { by_slot, sets: HashMap::new() };
        let slots = |all: &[usize]| {
            let mut slots = Slots::default();
            all.iter().for_each(|s| slots.add(*s));
            slots
        };
        let (one, same, other) = (words.of(&slots(&[0, 1])), words.of(&slots(&[1, 0])), words.of(&slots(&[1, 2])));
        assert_eq!(one, ["A", "b"]);
        assert_eq!(other, ["A", "c"]);
        assert!(one.place() == same.place() && one.place() != other.place());
        assert!(Arc::ptr_eq(&one.words()[0], &other.words()[0]));
        let none = words.of(&Slots::default());
        assert!(none.is_empty() && none == Keywords::from(Vec::<String>::new()));
        assert_eq!(size_of::<Entry>(), 56);
    }
}
