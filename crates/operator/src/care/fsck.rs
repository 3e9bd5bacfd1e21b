//! `sceau fsck`: looks at everything that is kept, says what is not as it should be, and heals what can be derived from the rest.
//!
//! Promises: looking changes nothing, and looks at all there is; what is lost is named and left, and the rest serves; each repair is one
//! transaction with its trace, which looks again before it changes anything; nothing is repaired in a database that is itself damaged.
//! It works on an open store while no server does: what changes meanwhile would look like damage (on SQLite the store's lock sees to it,
//! on PostgreSQL the nodes' fences are looked at).
use super::finding::{Finding, Kind};
use crate::boxed;
use sceau_store::care::check::engine;
use sceau_store::care::{CareError, Phase, Progress};
use sceau_store::{Id, Store};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What to look at, and whether to heal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Also whether every object is there that a row names, and every row that an object needs.
    pub blobs: bool,
    /// Also every chunk of every content (and what `blobs` looks at).
    pub content: bool,
    /// Heal what can be healed.
    pub repair: bool,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was found, at most [`MOST`].
    pub findings: Vec<Finding>,
    /// How many were found in all.
    pub found: u64,
    /// How many were healed.
    pub repaired: u64,
}

/// Findings told at most.
pub const MOST: usize = 10_000;

/// One run.
pub(super) struct Run<'a> {
    pub store: &'a Store,
    pub progress: &'a Progress,
    /// Addresses of BALs, as shown.
    pub names: HashMap<Id, String>,
    /// BALs that are not closed.
    pub active: HashSet<Id>,
    /// BALs whose entries were repaired: their counts come last.
    pub touched: BTreeSet<Id>,
    findings: Vec<Finding>,
    count: u64,
}

impl Run<'_> {
    /// Was this found of a BAL?
    pub fn has(&self, code: Kind, bal: Id) -> bool {
        self.findings.iter().any(|f| f.code == code && f.bal_id == Some(bal))
    }
    /// Heals the database itself. False when it stays damaged, or something in it that no repair brings back cannot be read: nothing else is
    /// changed then.
    async fn heal_engine(&mut self) -> Result<bool, CareError> {
        let mut findings = std::mem::take(&mut self.findings);
        let damaged = |f: &Finding| f.code == Kind::DatabaseDamaged;
        let healed = findings.iter().any(damaged) && self.heal_database().await?;
        findings.iter_mut().filter(|f| damaged(f)).for_each(|f| f.repaired = healed);
        let whole = engine::unreadable(self.store, self.progress).await?.is_empty();
        findings.iter_mut().filter(|f| f.code == Kind::TableUnreadable).for_each(|f| f.repaired = whole);
        self.findings = findings;
        Ok(whole && self.findings.iter().all(|f| f.repaired || f.code == Kind::KeyringDamaged))
    }
    /// Notes a finding. What a closed BAL still has is no longer anybody's: a job is removing it in slices, so that nothing fits together.
    pub fn found(&mut self, mut finding: Finding) {
        let closed = |bal: &Id| self.names.contains_key(bal) && !self.active.contains(bal);
        if finding.bal_id.as_ref().is_some_and(closed) && finding.code != Kind::BalAddress {
            return;
        }
        self.count += 1;
        if self.findings.len() < MOST {
            finding.bal = finding.bal_id.and_then(|id| self.names.get(&id).cloned());
            self.findings.push(finding);
        }
    }
}

/// Refuses while another process serves the database. One that was just stopped gets a moment to be gone.
async fn alone(store: &Store) -> Result<(), CareError> {
    let mut tries = 20;
    loop {
        let nodes = store.nodes().await?;
        let other = nodes.into_iter().find(|n| n.alive && n.owner.as_deref() != Some(store.owner()));
        match other {
            None => return Ok(()),
            Some(node) if tries == 0 => return Err(CareError::Served(node.name)),
            Some(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
        tries -= 1;
    }
}

/// Looks, and heals when asked. [`CareError::Served`] while a node serves the database.
#[boxed]
pub async fn fsck(store: &Store, options: Options, progress: &Progress) -> Result<Report, CareError> {
    alone(store).await?;
    let (names, active) = (HashMap::new(), HashSet::new());
    let (findings, touched) = (Vec::new(), BTreeSet::new());
    let mut run = Run { store, progress, names, active, touched, findings, count: 0 };
    let mut readable = run.look_at_engine().await?;
    let mut repair = options.repair;
    if repair && run.count > 0 {
        // First of all, and before anything is concluded from indexes that may lie.
        repair = run.heal_engine().await?;
        readable |= repair;
    }
    if readable {
        run.look_at_counts().await?;
        run.look_at_references().await?;
        run.open_bals().await?;
        run.open_messages(options.content).await?;
        run.open_queue(options.content).await?;
        run.open_recipients().await?;
        run.look_at_indexes(options.content).await?;
        run.look_at_log().await?;
        if options.blobs || options.content {
            run.look_at_blobs().await?;
        }
    }
    let mut findings = std::mem::take(&mut run.findings);
    if repair {
        progress.begin(Phase::Repairing, findings.len() as u64);
        // What is shown again or removed changes counts: they are healed last.
        let last = |f: &Finding| {
            matches!(
                f.code,
                Kind::FolderCounts
                    | Kind::FolderUidnext
                    | Kind::FolderModseq
                    | Kind::BalCounts
                    | Kind::BalModseq
                    | Kind::BalUidvalidity
            )
        };
        for finding in findings.iter_mut().filter(|f| f.repairable && !f.repaired && !last(f)) {
            finding.repaired = run.heal(finding).await?;
            progress.add(1);
        }
        for finding in findings.iter_mut().filter(|f| f.repairable && last(f)) {
            finding.repaired = run.heal(finding).await?;
            progress.add(1);
        }
        run.heal_touched().await?;
        run.heal_blobs(&mut findings).await?;
    }
    let repaired = findings.iter().filter(|f| f.repaired).count() as u64;
    Ok(Report { findings, found: run.count, repaired })
}
