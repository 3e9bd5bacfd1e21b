//! What a client that comes back must hear of removals (RFC 7162 §3.2.5). Pure: ranges of UIDs in, ranges out.
use crate::codec::SequenceSet;
use sceau_operator::mailbox::entries::Entry;

/// Ascending runs of UIDs (first, last).
pub type Runs = Vec<(u32, u32)>;

/// What two lists of ascending runs have in common; runs that meet are one.
pub fn common(a: &[(u32, u32)], b: &[(u32, u32)]) -> Runs {
    let (mut i, mut j, mut out) = (0, 0, Runs::new());
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (first, last) = (x.0.max(y.0), x.1.min(y.1));
        match out.last_mut() {
            _ if first > last => {}
            Some(before) if before.1.checked_add(1) == Some(first) => before.1 = last,
            _ => out.push((first, last)),
        }
        // The one that ends first has met all that it can meet.
        if x.1 < y.1 { i += 1 } else { j += 1 }
    }
    out
}

/// Ascending runs without the UIDs of these entries (ascending): what a view still shows was not told as gone.
pub fn without(runs: &[(u32, u32)], entries: &[Entry]) -> Runs {
    let mut out = Vec::new();
    for &(first, last) in runs {
        let mut from = first;
        let at = entries.partition_point(|e| e.uid < first);
        for uid in entries[at..].iter().map(|e| e.uid).take_while(|uid| *uid <= last) {
            if from < uid {
                out.push((from, uid - 1));
            }
            // The last UID there is ends the run.
            match uid.checked_add(1) {
                Some(next) => from = next,
                None => return out,
            }
        }
        if from <= last {
            out.push((from, last));
        }
    }
    out
}

/// The UID up to which the client knows of every removal: that of the last pair of its sequence match data that still holds, before the first one
/// that does not (RFC 7162 §3.2.5.2). 0 when none holds.
///
/// As many messages with UIDs up to there are left as the client believes, and none can have come: they are the same ones.
pub fn matched(entries: &[Entry], numbers: &SequenceSet, uids: &SequenceSet) -> u32 {
    // Neither holds `*`. However long the ranges are, no more pairs are looked at than there are entries.
    let each = |set: &SequenceSet| set.resolve(0).unwrap_or_default().into_iter().flat_map(|(a, b)| a..=b);
    each(numbers)
        .zip(each(uids))
        .take_while(|(n, uid)| entries.get(*n as usize - 1).is_some_and(|e| e.uid == *uid))
        .last()
        .map_or(0, |(_, uid)| uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sequence::{Bound, runs};
    use proptest::prelude::*;
    use sceau_domain::Timestamp;
    use sceau_operator::mailbox::entries::FlagSet;
    use std::collections::BTreeSet;

    fn entries(uids: &[u32]) -> Vec<Entry> {
        let entry = |&uid| Entry {
            uid,
            message: 1,
            flags: FlagSet::default(),
            modseq: 1,
            internal_date: Timestamp(0),
            size: 1,
        };
        uids.iter().map(entry).collect()
    }
    fn set(ranges: &[(u32, u32)]) -> SequenceSet {
        SequenceSet::Ranges(ranges.iter().map(|&(a, b)| (Bound::Number(a), Bound::Number(b))).collect())
    }
    fn all(runs: &[(u32, u32)]) -> BTreeSet<u32> {
        runs.iter().flat_map(|&(a, b)| a..=b).collect()
    }

    #[test]
    fn the_last_pair_that_holds_counts() {
        let there = entries(&[1, 3, 5, 9]);
        assert_eq!(matched(&there, &set(&[(1, 2)]), &set(&[(1, 1), (3, 3)])), 3);
        assert_eq!(matched(&there, &set(&[(1, 3)]), &set(&[(1, 2), (5, 5)])), 1);
        assert_eq!(matched(&there, &set(&[(2, 2)]), &set(&[(4, 4)])), 0);
        // However large the ranges are.
        assert_eq!(matched(&there, &set(&[(1, u32::MAX)]), &set(&[(1, u32::MAX)])), 1);
        assert_eq!(matched(&[], &set(&[(1, u32::MAX)]), &set(&[(1, u32::MAX)])), 0);
    }

    #[test]
    fn the_last_uid_there_is() {
        assert_eq!(without(&[(1, u32::MAX)], &entries(&[7, u32::MAX])), [(1, 6), (8, u32::MAX - 1)]);
        assert_eq!(common(&[(1, u32::MAX)], &[(5, 5), (9, u32::MAX)]), [(5, 5), (9, u32::MAX)]);
        assert_eq!(common(&[(4, 4), (5, 6), (8, u32::MAX)], &[(1, u32::MAX)]), [(4, 6), (8, u32::MAX)]);
    }

    proptest! {
        #[test]
        fn runs_are_sets(a in proptest::collection::btree_set(1u32..60, 0..40), b in proptest::collection::btree_set(1u32..60, 0..40)) {
            let list = |s: &BTreeSet<u32>| s.iter().copied().collect::<Vec<u32>>();
            let (x, y) = (runs(&list(&a)), runs(&list(&b)));
            prop_assert_eq!(all(&common(&x, &y)), &a & &b);
            let left = without(&x, &entries(&list(&b)));
            prop_assert_eq!(all(&left), &a - &b);
            prop_assert!(left.iter().all(|(f, l)| f <= l) && left.is_sorted());
        }
    }
}
