//! Purges while an audit goes through the log: what each purge took, as the leaves say, against what its trace states.
use super::Finding;
use crate::purge::{retention, stated};
use crate::trace::{Stub, Trace};
use crate::tree::Hash;
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;

/// Purges whose trace is still to come at most: each took up to a thousand leaves.
const MOST: usize = 200_000;

/// An audit is over within this time, milliseconds.
const LONGEST: i64 = 3_600_000;

struct Taken {
    first: u64,
    /// When the youngest is due, milliseconds.
    due: i64,
    /// Digest of the numbers, ascending.
    numbers: Context,
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken").field("first", &self.first).finish_non_exhaustive()
    }
}

/// Purges by their leaf.
#[derive(Debug, Default)]
pub(super) struct Purges(BTreeMap<u64, Taken>);

fn finish(numbers: Context) -> Hash {
    let mut out = [0; 32];
    // SHA-256 gives 32 bytes.
    out.copy_from_slice(numbers.finish().as_ref());
    out
}

impl Purges {
    /// Leaf `leaf` says that the purge `by` took its trace. False when there are too many purges to follow.
    pub fn gone(&mut self, leaf: u64, by: u64, stub: &Stub) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&by) {
            return false;
        }
        let taken =
            self.0.entry(by).or_insert_with(|| Taken { first: leaf, due: i64::MIN, numbers: Context::new(&SHA256) });
        taken.due = taken.due.max(stub.at.saturating_add(retention(stub.kind)));
        taken.numbers.update(&leaf.to_be_bytes());
        true
    }
    /// The trace of a purge, sealed at `leaf`. One that was made since the audit began (at `now`) is not judged: its leaves may have been
    /// read before it. The next audit judges it.
    pub fn stated(&mut self, leaf: u64, trace: &Trace, now: i64) -> Vec<Finding> {
        if (now..now.saturating_add(LONGEST)).contains(&trace.at) {
            self.0.remove(&leaf);
            return Vec::new();
        }
        let mut numbers = Context::new(&SHA256);
        let list = stated(&trace.data).unwrap_or_default();
        list.iter().for_each(|n| numbers.update(&n.to_be_bytes()));
        let Some(taken) = self.0.remove(&leaf) else {
            // It states what did not go.
            return vec![Finding::PurgeUnproven { leaf: list.first().copied().unwrap_or(leaf) }];
        };
        let mut out = Vec::new();
        if finish(numbers) != finish(taken.numbers) {
            out.push(Finding::PurgeUnproven { leaf: taken.first });
        }
        if trace.at < taken.due {
            out.push(Finding::PurgeEarly { purge: leaf, due: taken.due });
        }
        out
    }
    /// Purges that no trace stated.
    pub fn rest(self) -> impl Iterator<Item = Finding> {
        self.0.into_values().map(|t| Finding::PurgeUnproven { leaf: t.first })
    }
}
