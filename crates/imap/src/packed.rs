//! The entries of a selected mailbox while their session sleeps: a third of their room, and nothing forgotten.
//!
//! Promise: what is unpacked is what was packed.
use sceau_domain::Timestamp;
use sceau_operator::mailbox::entries::{Entry, FlagSet, Flags};
use sceau_operator::mailbox::words::Keywords;
use std::collections::HashMap;

/// Entries, packed: each as numbers of seven bits an octet, and most of them as the difference to the entry before.
#[derive(Debug, Default)]
pub struct Packed {
    bytes: Vec<u8>,
    count: usize,
    /// The sets of keywords that there are.
    words: Vec<Keywords>,
}

/// What the next entry is compared with.
#[derive(Default)]
struct Last {
    uid: u32,
    message: i64,
    modseq: u64,
    date: i64,
}

impl Packed {
    /// Packs entries.
    pub fn new(entries: Vec<Entry>) -> Self {
        let mut packed =
            Self { bytes: Vec::with_capacity(entries.len() * 20), count: entries.len(), words: Vec::new() };
        let (mut last, mut known) = (Last::default(), HashMap::new());
        for entry in entries {
            let Entry { uid, message, flags: FlagSet { system, keywords }, modseq, internal_date, size } = entry;
            let words = match known.get(&keywords) {
                Some(&at) => at,
                None => {
                    packed.words.push(keywords.clone());
                    known.insert(keywords, packed.words.len() as u64 - 1);
                    packed.words.len() as u64 - 1
                }
            };
            packed.put(u64::from(uid.wrapping_sub(last.uid)));
            packed.put(zigzag(message.wrapping_sub(last.message)));
            packed.put(u64::from(system.0) | words << 8);
            packed.put(zigzag(modseq.wrapping_sub(last.modseq).cast_signed()));
            packed.put(zigzag(internal_date.0.wrapping_sub(last.date)));
            packed.put(size);
            last = Last { uid, message, modseq, date: internal_date.0 };
        }
        packed.bytes.shrink_to_fit();
        packed
    }
    /// The entries again.
    pub fn unpack(self) -> Vec<Entry> {
        let (mut at, mut last) = (0, Last::default());
        let mut entries = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            let mut next = || take(&self.bytes, &mut at);
            let uid = last.uid.wrapping_add(next() as u32);
            let message = last.message.wrapping_add(unzigzag(next()));
            let marks = next();
            let modseq = last.modseq.wrapping_add(unzigzag(next()).cast_unsigned());
            let date = last.date.wrapping_add(unzigzag(next()));
            let size = next();
            let keywords = self.words.get((marks >> 8) as usize).cloned().unwrap_or_default();
            let flags = FlagSet { system: Flags(marks as u8), keywords };
            entries.push(Entry { uid, message, flags, modseq, internal_date: Timestamp(date), size });
            last = Last { uid, message, modseq, date };
        }
        entries
    }
    /// Bytes held.
    #[cfg(test)]
    fn weight(&self) -> usize {
        self.bytes.capacity()
            + self.words.iter().flat_map(Keywords::iter).map(|w| w.len() + size_of::<Keywords>()).sum::<usize>()
    }
    fn put(&mut self, mut n: u64) {
        while n > 0x7f {
            self.bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.bytes.push(n as u8);
    }
}

fn take(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut n, mut shift) = (0, 0);
    while let Some(&byte) = bytes.get(*at) {
        *at += 1;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 || shift >= 63 {
            break;
        }
        shift += 7;
    }
    n
}

/// Small numbers of either sign as small numbers.
fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn entries()(list in proptest::collection::vec(
            (any::<u32>(), any::<i64>(), any::<u8>(), proptest::collection::vec("[a-c$]{1,3}", 0..3), any::<u64>(), any::<i64>(), any::<u64>()),
            0..40,
        )) -> Vec<Entry> {
            let flags = |system, keywords: Vec<String>| FlagSet { system: Flags(system), keywords: keywords.into() };
            let entry = |(uid, message, system, keywords, modseq, date, size)| Entry {
                uid, message, flags: flags(system, keywords), modseq, internal_date: Timestamp(date), size,
            };
            list.into_iter().map(entry).collect()
        }
    }

    proptest! {
        #[test]
        fn nothing_is_forgotten(entries in entries()) {
            prop_assert_eq!(Packed::new(entries.clone()).unpack(), entries);
        }
    }

    #[test]
    fn a_third_of_the_room() {
        let entry = |n: u32| Entry {
            uid: n * 3,
            message: (i64::from(n) * 977_000) << 22,
            flags: FlagSet {
                system: Flags(1),
                keywords: if n.is_multiple_of(10) { vec!["$Forwarded"].into() } else { Keywords::default() },
            },
            modseq: u64::from(n) * 5 + 100,
            internal_date: Timestamp(1_790_000_000_000 + i64::from(n) * 977_000),
            size: 20_000 + u64::from(n) * 7 % 9_000,
        };
        let entries: Vec<Entry> = (1..=1000).map(entry).collect();
        let packed = Packed::new(entries.clone());
        assert!(packed.weight() * 3 < entries.len() * size_of::<Entry>(), "{}", packed.weight());
        assert!(packed.weight() < 20 * entries.len(), "{}", packed.weight());
        assert_eq!(packed.unpack(), entries);
    }
}
