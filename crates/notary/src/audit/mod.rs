//! Verification of a whole log, fed page by page; memory does not grow with it.
//!
//! The feeder gives pages in order ([`Audit::page`]): leaves with their traces, the kept hashes of the tree above them, the checkpoints up to
//! their end; then the traces without a leaf ([`Audit::unsealed`]); then it asks for the [`Report`]. Lines of the outside file are drawn
//! as the log reaches their size.
//!
//! What is trusted: the public keys given, nothing else; statements count when one of them signed them ([`crate::statement`]). A database whose leaves, tree and checkpoints were all rewritten is found out by
//! signatures; one that was put back whole to an earlier state by the outside file.
mod finding;
mod outside;
mod purges;

pub use finding::{Finding, Note, Report};
pub use outside::{Line, Outside};

use crate::checkpoint::{Checkpoint, PublicKey};
use crate::hex_bytes;
use crate::purge;
use crate::statement::{Statement, What};
use crate::trace::{Kind, SALT, Stub, Trace};
use crate::tree::{Frontier, Hash, STRIDE};
use purges::Purges;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Findings listed at most; the rest is counted.
pub const MOST_FINDINGS: usize = 1_000;
/// How far behind the log's time, or before it, a trace may be when it enters, milliseconds: clocks of nodes, long transactions.
pub const LATE: i64 = 15 * 60_000;

/// A row of `leaves` with its trace, as the store gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafRow {
    /// Number, from 0.
    pub number: i64,
    /// Its trace; none after a purge.
    pub trace_id: Option<i64>,
    /// Its salt; none after a purge.
    #[serde(with = "hex_bytes::option")]
    pub salt: Option<Vec<u8>>,
    /// Its hash.
    #[serde(with = "hex_bytes")]
    pub hash: Vec<u8>,
    /// Its input, after a purge.
    #[serde(with = "hex_bytes::option")]
    pub stub: Option<Vec<u8>>,
    /// The purge's leaf, after a purge.
    pub purged_by: Option<i64>,
    /// The row of the trace, when it is there.
    pub trace: Option<Trace>,
}

/// A checkpoint of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRow {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The node that appended it to its outside file.
    pub keeper: i64,
}

/// A kept hash of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Height, a multiple of [`STRIDE`].
    pub height: u32,
    /// Index along the height.
    pub index: u64,
    /// Hash.
    #[serde(with = "hex_bytes")]
    pub hash: Vec<u8>,
}

/// A piece of the log, read in one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Leaves, ascending.
    pub leaves: Vec<LeafRow>,
    /// Kept hashes of the tree that these leaves complete, in any order.
    pub nodes: Vec<NodeRow>,
    /// Checkpoints, ascending: those up to the last leaf's number and one; on the last page all that are left.
    pub checkpoints: Vec<CheckpointRow>,
    /// There may be more.
    pub more: bool,
}

/// Traces without a leaf: id, when the id was made, when it says the act was (milliseconds).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsealed {
    /// See the type.
    pub traces: Vec<(i64, i64, i64)>,
    /// Where to go on; none at the end.
    pub next: Option<i64>,
}

/// Where a log is read from.
pub trait Log {
    /// Why it cannot be read.
    type Error;
    /// The page from this number on.
    fn page(&mut self, from: i64) -> Result<Page, Self::Error>;
    /// Traces without a leaf among the next ones above this id.
    fn unsealed(&mut self, after: i64) -> Result<Unsealed, Self::Error>;
}

/// Audits a whole log. `progress` is told how many leaves were judged.
pub fn run<L: Log, O: Iterator<Item = Line>>(
    log: &mut L,
    options: Options,
    outside: Option<O>,
    mut progress: impl FnMut(u64),
) -> Result<Report, L::Error> {
    let mut audit = Audit::new(options, outside);
    // From the lowest number, so that nothing hides before the first leaf.
    let mut from = i64::MIN;
    loop {
        let page = log.page(from)?;
        let next = page.leaves.last().filter(|_| page.more).map(|l| l.number.saturating_add(1));
        audit.page(page);
        progress(audit.size());
        match next {
            Some(next) => from = next,
            None => break,
        }
    }
    let mut after = i64::MIN;
    loop {
        let some = log.unsealed(after)?;
        some.traces.iter().for_each(|(trace, made, at)| audit.unsealed(*trace, *made, *at));
        match some.next {
            Some(next) => after = next,
            None => return Ok(audit.finish()),
        }
    }
}

/// How to judge.
#[derive(Debug, Clone)]
pub struct Options {
    /// Keys of the notary, present and past.
    pub keys: Vec<PublicKey>,
    /// Now, milliseconds since 1970.
    pub now: i64,
    /// A trace younger than this may be without a leaf, milliseconds.
    pub grace: i64,
    /// A checkpoint of this instant or later may not be in the outside file yet, milliseconds since 1970.
    pub appending: i64,
    /// Which checkpoints must stand in the outside file: those that this node appended. None: the file is any copy.
    pub keeper: Option<i64>,
    /// What the operator says of the log: restores, settlements. Unsigned ones count for nothing.
    pub statements: Vec<Statement>,
}

/// An audit under way.
#[derive(Debug)]
pub struct Audit<O> {
    options: Options,
    report: Report,
    frontier: Frontier,
    /// Leaves are missing: no root can be compared any more.
    broken: bool,
    /// Size and instant of the last checkpoint that agreed.
    agreed: (u64, i64),
    /// Size and instant of the last checkpoint that is signed.
    last: Option<(u64, i64)>,
    /// A root was found to differ, inside or outside: later ones differ for the same reason.
    differs: bool,
    differs_outside: bool,
    /// Newest instant of a trace so far; the same at the last checkpoint, bounded by it.
    newest: i64,
    reached: i64,
    /// Of the leaves since the last signature, the one with the latest instant: trace, leaf, its hash, instant.
    latest: Option<(i64, u64, Hash, i64)>,
    /// Restores by the size that they went back to, ascending, not reached yet.
    restores: Vec<Statement>,
    /// Leaves whose instant somebody explained, with their hashes.
    settled: HashMap<u64, Hash>,
    nodes: Vec<(u32, u64, Hash)>,
    purges: Purges,
    outside: Outside<O>,
}

impl<O: Iterator<Item = Line>> Audit<O> {
    /// Begins. `outside` gives the lines of the outside file; none when there is no file to compare with.
    pub fn new(mut options: Options, outside: Option<O>) -> Self {
        let mut statements = std::mem::take(&mut options.statements);
        statements.truncate(crate::statement::MOST);
        statements.retain(|s| s.signed_by(&options.keys));
        let (mut restores, settled): (Vec<_>, Vec<_>) = statements.into_iter().partition(|s| s.what == What::Restored);
        restores.sort_by_key(|r| std::cmp::Reverse(r.number));
        let outside = Outside::new(outside, restores.clone());
        Self {
            options,
            latest: None,
            restores,
            settled: settled.into_iter().map(|s| (s.number, s.hash)).collect(),
            report: Report::default(),
            frontier: Frontier::default(),
            broken: false,
            agreed: (0, 0),
            last: None,
            differs: false,
            differs_outside: false,
            newest: i64::MIN,
            reached: i64::MIN,
            nodes: Vec::new(),
            purges: Purges::default(),
            outside,
        }
    }

    /// Leaves so far; also the number to ask the next page from.
    pub fn size(&self) -> u64 {
        self.report.leaves
    }

    fn found(&mut self, finding: Finding) {
        if self.report.findings.len() < MOST_FINDINGS {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }

    fn note(&mut self, note: Note) {
        if self.report.notes.len() < MOST_FINDINGS {
            self.report.notes.push(note);
        }
    }

    /// A trace whose instant does not fit: a finding, unless somebody explained it under the key.
    fn out_of_time(&mut self, finding: Finding, trace: i64, leaf: u64, hash: &Hash, at: i64) {
        if self.settled.get(&leaf) == Some(hash) {
            self.note(Note::Settled { trace, leaf, at });
        } else {
            self.found(finding);
        }
    }

    /// The log was signed at this instant, as it is now.
    fn signed_at(&mut self, until: i64) {
        self.reached = self.reached.max(self.newest.min(until));
        if let Some((trace, leaf, hash, at)) = self.latest.take()
            && at > until.saturating_add(LATE)
        {
            self.out_of_time(Finding::Postdated { trace, leaf, at, until }, trace, leaf, &hash, at);
        }
    }

    /// Compares what restores say of the present size. One that says another root does not speak of this log.
    fn check_restores(&mut self) {
        while let Some(r) = self.restores.pop_if(|r| r.number <= self.report.leaves) {
            let same = self.broken || r.number < self.report.leaves || r.hash == self.frontier.root();
            self.note(Note::Restored { size: r.number, at: r.at });
            if !same && !self.differs {
                self.differs = true;
                let (first, since) = self.agreed;
                self.found(Finding::Rewritten { first, last: r.number.saturating_sub(1), since, until: r.at });
            }
        }
    }

    /// The next page.
    pub fn page(&mut self, page: Page) {
        // Restores to before the first leaf.
        self.check_restores();
        let mut checkpoints = page.checkpoints.into_iter().peekable();
        for leaf in page.leaves {
            self.leaf(leaf);
            let size = self.report.leaves;
            while let Some(row) = checkpoints.next_if(|c| c.checkpoint.size <= size) {
                self.checkpoint(&row.checkpoint, row.keeper);
            }
        }
        checkpoints.for_each(|row| self.checkpoint(&row.checkpoint, row.keeper));
        self.compare_nodes(&page.nodes);
    }

    /// The next leaf.
    fn leaf(&mut self, row: LeafRow) {
        let Ok(number) = u64::try_from(row.number) else {
            // Before the first leaf: in no tree.
            let at = row.trace.as_ref().map_or(0, |t| t.at);
            return self.found(Finding::Unsealed { trace: row.trace_id.unwrap_or_default(), at });
        };
        if number != self.report.leaves {
            // One finding a gap: the numbers between are all missing.
            self.found(Finding::LeafMissing { leaf: self.report.leaves });
            self.broken = true;
        }
        self.report.leaves = number + 1;
        let Ok(hash) = Hash::try_from(row.hash.as_slice()) else {
            self.broken = true;
            return self.found(Finding::LeafMalformed { leaf: number });
        };
        if !self.broken {
            let nodes = &mut self.nodes;
            self.frontier.push(hash, |height, index, hash| {
                if height.is_multiple_of(STRIDE) {
                    nodes.push((height, index, *hash));
                }
            });
        }
        match (row.trace_id, row.purged_by.and_then(|by| u64::try_from(by).ok())) {
            (Some(id), None) => self.kept(number, id, &hash, row.salt.as_deref(), row.trace.as_ref()),
            (None, Some(by)) => self.gone(number, by, &hash, row.stub.as_deref()),
            _ => self.found(Finding::LeafMalformed { leaf: number }),
        }
        self.check_restores();
        self.check_outside();
    }

    /// A leaf whose trace must be there.
    fn kept(&mut self, leaf: u64, id: i64, hash: &Hash, salt: Option<&[u8]>, trace: Option<&Trace>) {
        let Some(trace) = trace else { return self.found(Finding::Removed { trace: id, leaf }) };
        let salt: Option<&[u8; SALT]> = salt.and_then(|s| s.try_into().ok());
        if salt.is_none_or(|salt| trace.stub(salt).leaf() != *hash) {
            return self.found(Finding::Altered { trace: id, leaf });
        }
        self.report.traces += 1;
        if self.reached != i64::MIN && trace.at < self.reached.saturating_sub(LATE) {
            let found = Finding::Backdated { trace: id, leaf, at: trace.at, after: self.reached };
            self.out_of_time(found, id, leaf, hash, trace.at);
        }
        self.newest = self.newest.max(trace.at);
        if self.latest.is_none_or(|(.., at)| trace.at > at) {
            self.latest = Some((id, leaf, *hash, trace.at));
        }
        if trace.act == purge::ACT && trace.kind == Kind::Functional {
            let judged = self.purges.stated(leaf, trace, self.options.now);
            judged.into_iter().for_each(|f| self.found(f));
        }
    }

    /// A leaf whose trace was purged.
    fn gone(&mut self, leaf: u64, by: u64, hash: &Hash, stub: Option<&[u8]>) {
        match stub.and_then(Stub::parse) {
            Some(stub) if stub.leaf() == *hash && by > leaf => {
                self.report.purged += 1;
                self.newest = self.newest.max(stub.at);
                if !self.purges.gone(leaf, by, &stub) {
                    self.found(Finding::PurgeUnproven { leaf });
                }
            }
            _ => self.found(Finding::PurgeUnproven { leaf }),
        }
    }

    /// Compares the kept hashes of the tree with those that the page's leaves make.
    fn compare_nodes(&mut self, kept: &[NodeRow]) {
        let expected = std::mem::take(&mut self.nodes);
        if self.broken {
            return;
        }
        let kept: HashMap<(u32, u64), &[u8]> = kept.iter().map(|n| ((n.height, n.index), &n.hash[..])).collect();
        for (height, index, hash) in expected {
            if kept.get(&(height, index)) != Some(&&hash[..]) {
                self.found(Finding::Tree { first: index << height, last: ((index + 1) << height) - 1 });
            }
        }
    }

    /// The next checkpoint of the database.
    fn checkpoint(&mut self, c: &Checkpoint, keeper: i64) {
        self.report.checkpoints += 1;
        if !c.signed_by(&self.options.keys) {
            return self.found(Finding::CheckpointForged { size: c.size });
        }
        if self.last.is_some_and(|(size, at)| c.size <= size || c.at < at) {
            self.found(Finding::CheckpointOrder { size: c.size });
        }
        self.last = Some((c.size, c.at));
        if self.options.keeper == Some(keeper) {
            let recent = c.at >= self.options.appending;
            let lacking = self.outside.expects(c.size, c.at, recent);
            lacking.into_iter().for_each(|f| self.found(f));
        }
        if self.broken || c.size != self.frontier.size() {
            // Shorter or longer than the leaves: told once, at the end.
            return;
        }
        self.signed_at(c.at);
        if c.root == self.frontier.root() {
            self.agreed = (c.size, c.at);
        } else if !self.differs {
            self.differs = true;
            let (first, since) = self.agreed;
            self.found(Finding::Rewritten { first, last: c.size.saturating_sub(1), since, until: c.at });
        }
    }

    /// A trace without a leaf: its id, when the id was made, when it says the act was. It waits for the notary, or it is too old to.
    pub fn unsealed(&mut self, trace: i64, made: i64, at: i64) {
        let waits = self.options.now.saturating_sub(self.options.grace)..=self.options.now.saturating_add(LATE);
        if waits.contains(&made) && waits.contains(&at) {
            self.report.waiting += 1;
        } else {
            self.found(Finding::Unsealed { trace, at });
        }
    }

    /// Compares what the outside file says of the present size.
    fn check_outside(&mut self) {
        let size = self.report.leaves;
        while let Some(judged) = self.outside.at(size, &self.options.keys) {
            match judged {
                Err(finding) => self.found(finding),
                Ok((line, c)) => {
                    self.report.outside += 1;
                    let same = self.broken || c.root == self.frontier.root();
                    if same {
                        // As good as a checkpoint of the database, which keeps fewer of the old ones.
                        self.signed_at(c.at);
                    }
                    if !same && !self.differs_outside {
                        self.differs_outside = true;
                        self.found(Finding::OutsideDiffers { line, size: c.size, at: c.at });
                    }
                }
            }
        }
    }

    /// The end of the log.
    pub fn finish(mut self) -> Report {
        self.check_outside();
        let leaves = self.report.leaves;
        for finding in self.outside.rest(leaves, &self.options) {
            self.found(finding);
        }
        let signed = self.last.map_or(0, |(size, _)| size);
        if signed != leaves {
            self.found(Finding::Size { leaves, signed });
        }
        for finding in std::mem::take(&mut self.purges).rest() {
            self.found(finding);
        }
        self.report.root = hex::encode(self.frontier.root());
        self.report.good = self.report.findings.is_empty();
        self.report
    }
}
