//! Folding: traces without a leaf get one.
//!
//! *The window.* Everything above the horizon is compared with the leaves; when nothing is left, the horizon moves to half a minute ago, the
//! time that an act may take between making its trace's id and committing. *The patrol.* Once a minute the next ten thousand traces of all
//! are compared; what an act that took longer, or a node with a wrong clock, left behind the horizon is found there.
use super::reader::columns;
use super::{LEASE, Notary, Work};
use sceau_notary::{Checkpoint, Frontier, PublicKey, checkpoint, tree};
use sceau_store::notary::{self as rows, Append, Gone, NewLeaf, State};
use sceau_store::traces::{self, Trace};
use sceau_store::{Id, StoreError, Tx, holds, id};

/// Leaves of one append at most.
pub(super) const SLICE: i64 = 1_000;
/// How long an act may take between making its id and its commit to be found by the window, milliseconds.
const LOOK_BACK: i64 = 30_000;
/// How often the patrol goes on, milliseconds, and how many traces it looks at.
const PATROL: (i64, i64) = (60_000, 10_000);

/// A purge that is to be appended: its trace, what goes, and how often holds had been placed and lifted when that was judged.
pub(super) struct Purging {
    pub trace: Trace,
    pub holds: i64,
    pub gone: Vec<Gone>,
}

impl Notary {
    /// How far the log has come; none when another process is at it.
    pub(super) async fn mine(&self, work: &mut Work) -> Result<Option<State>, StoreError> {
        let state = self.store().read(rows::state).await?;
        let now = self.now();
        if state.holder.as_ref().is_some_and(|(owner, until)| *owner != self.0.owner && *until > now) {
            work.frontier = None;
            return Ok(None);
        }
        work.horizon = work.horizon.max(state.horizon);
        if work.patrolled == 0 {
            work.patrol = state.patrol;
        }
        Ok(Some(state))
    }

    /// Folds what is new, in at most so many appends.
    pub(super) async fn fold_new(&self, work: &mut Work, appends: usize) -> Result<u64, StoreError> {
        let now = self.now();
        let Some(mut state) = self.mine(work).await? else { return Ok(0) };
        let (mut after, mut count) = (work.horizon, 0);
        for _ in 0..appends {
            let found = self.store().read(move |tx| rows::without_leaf(tx, after, SLICE)).await?;
            let full = found.len() as i64 == SLICE;
            if let Some(last) = found.last() {
                after = last.id;
                count += found.len() as u64;
                if !self.append(work, &mut state, found, None).await? {
                    return Ok(0);
                }
            }
            if !full {
                work.horizon = work.horizon.max(id::first_at(sceau_domain::Timestamp(now - LOOK_BACK)));
                return Ok(count + self.patrol(work, &mut state, now).await?);
            }
        }
        Ok(count)
    }

    async fn patrol(&self, work: &mut Work, state: &mut State, now: i64) -> Result<u64, StoreError> {
        if (now - work.patrolled).abs() < PATROL.0 {
            return Ok(0);
        }
        let after = work.patrol;
        let (mut found, last) = self.store().read(move |tx| rows::patrol(tx, after, PATROL.1)).await?;
        // Newer ones are the window's.
        found.retain(|t| t.id <= work.horizon);
        found.truncate(usize::try_from(SLICE).unwrap_or(usize::MAX));
        let count = found.len() as u64;
        // What did not fit is met again on the next walk.
        (work.patrol, work.patrolled) = (last.unwrap_or(0), now);
        if count > 0 {
            tracing::warn!(count, "traces were committed long after they were made: folded by the patrol");
            if !self.append(work, state, found, None).await? {
                return Ok(0);
            }
        }
        Ok(count)
    }

    /// Appends these traces, and a purge. False when another process was faster, or a hold changed since the purge was judged; then nothing was
    /// appended.
    pub(super) async fn append(
        &self,
        work: &mut Work,
        state: &mut State,
        batch: Vec<Trace>,
        purging: Option<Purging>,
    ) -> Result<bool, StoreError> {
        let signer = self.store().vault().signer(work.signer.take()).await?;
        work.signer = Some(signer.clone());
        let mut frontier = self.frontier(work, state).await?;
        let mut append = Append {
            owner: self.0.owner.clone(),
            now: self.now(),
            until: self.now().saturating_add(LEASE),
            size: state.size,
            horizon: work.horizon,
            patrol: work.patrol,
            leaves: Vec::with_capacity(batch.len() + 1),
            nodes: Vec::new(),
            checkpoint: self.unsigned(),
        };
        for trace in batch.into_iter().chain(purging.iter().map(|p| p.trace.clone())) {
            let mut salt = [0; 32];
            aws_lc_rs::rand::fill(&mut salt).map_err(|_| StoreError::Other("no randomness".into()))?;
            let id = trace.id;
            let hash = columns(trace).stub(&salt).leaf();
            append.leaves.push(NewLeaf { trace: id, salt, hash });
            let nodes = &mut append.nodes;
            frontier.push(hash, |height, index, hash| {
                if height.is_multiple_of(tree::STRIDE) {
                    nodes.push((i64::from(height), i64::try_from(index).unwrap_or(i64::MAX), *hash));
                }
            });
        }
        let at = append.now.max(state.at).max(work.not_before);
        let size = frontier.size();
        let key = PublicKey(signer.public()).id();
        let mut signed = Checkpoint {
            origin: append.checkpoint.origin.clone(),
            size,
            root: frontier.root(),
            at,
            key,
            signature: [0; 64],
        };
        signed.signature = signer.sign(&signed.message());
        let row = &mut append.checkpoint;
        (row.size, row.root, row.at) = (i64::try_from(size).unwrap_or(i64::MAX), signed.root.to_vec(), at);
        (row.key, row.signature) = (signed.key.clone(), signed.signature.to_vec());
        let purge_leaf = row.size - 1;
        let done = self
            .store()
            .write(move |tx: &mut dyn Tx| {
                if let Some(p) = &purging
                    && !holds::unchanged(tx, p.holds, append.now)?
                {
                    return Ok(false);
                }
                // Before the leaves: a leaf's trace is always there.
                if !rows::append(tx, &append)? {
                    return Ok(false);
                }
                if let Some(p) = &purging {
                    traces::record(tx, &p.trace)?;
                    rows::purge(tx, &p.gone, purge_leaf)?;
                }
                Ok(true)
            })
            .await;
        let done = match done {
            // Another process appended meanwhile; if none did, rows stand where the log has not come yet, and somebody must know.
            Err(e @ StoreError::Exists(_)) if self.store().read(rows::state).await?.size == state.size => {
                return Err(e);
            }
            Err(StoreError::Exists(_)) => false,
            other => other?,
        };
        if !done {
            work.frontier = None;
            return Ok(false);
        }
        metrics::counter!("sceau_notary_leaves_total").increment(size - state.size.unsigned_abs());
        (state.size, state.at) = (purge_leaf + 1, at);
        work.frontier = Some(frontier);
        work.mended = work.mended && self.append_outside(&[signed]).await;
        Ok(true)
    }

    fn unsigned(&self) -> rows::Checkpoint {
        rows::Checkpoint {
            size: 0,
            root: Vec::new(),
            at: 0,
            origin: checkpoint::origin(&self.0.operator.config().name),
            key: String::new(),
            keeper: i64::from(self.store().node()),
            signature: Vec::new(),
        }
    }

    /// The right edge of the log, remembered or read.
    async fn frontier(&self, work: &mut Work, state: &State) -> Result<Frontier, StoreError> {
        let size = state.size.unsigned_abs();
        if let Some(known) = work.frontier.take().filter(|f| f.size() == size) {
            return Ok(known);
        }
        self.store().read(move |tx| Frontier::load(size, |height, index| kept(tx, height, index))).await
    }
}

/// The root that the log had at a size, from what is kept; none when it never was so long.
pub(super) fn root_at(tx: &mut dyn Tx, size: u64) -> Result<Option<tree::Hash>, StoreError> {
    if size > rows::state(tx)?.size.unsigned_abs() {
        return Ok(None);
    }
    match Frontier::load(size, |height, index| kept(tx, height, index)) {
        Ok(frontier) => Ok(Some(frontier.root())),
        // What is damaged agrees with nothing.
        Err(StoreError::Corrupt(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The hash of any full subtree, from what is kept.
pub(super) fn kept(tx: &mut dyn Tx, height: u32, index: u64) -> Result<tree::Hash, StoreError> {
    tree::subtree(height, index, &mut |height, index| {
        rows::node(tx, i64::from(height), Id::try_from(index).unwrap_or(Id::MAX))
    })
}
