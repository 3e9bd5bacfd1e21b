//! The notary: gives each committed trace the next leaf of a Merkle log and signs what it did (F121, F122, F261).
//!
//! Promises:
//! * acts pay nothing for it: they write their trace and no more; the notary finds what has no leaf;
//! * one process folds at a time, under a lease; one that dies is followed by another when the lease ends; numbers have no hole;
//! * no trace stays without a leaf for ever, whenever it was committed and whatever its id: ids are made before commits, on several nodes.
//!   A window follows the newest ids; a patrol walks over all of them, slowly and without end;
//! * each append commits leaves, kept hashes of the tree and a signed checkpoint together; the checkpoint is then appended to a file
//!   outside the database, which is never rewritten; a line that a crash kept back is appended at the next start;
//! * old checkpoints of the database are thinned (all of a week, then one an hour, after three months one a day); the file keeps all, and
//!   what was signed at any size can be told from the tree;
//! * a purge after retention is itself a leaf that states what went ([`sceau_notary::purge`]); a legal hold suspends purges.
mod evidence;
mod fold;
mod hold;
mod outside;
mod purge;
mod reader;
mod rights;
mod settle;
mod verify;

pub use evidence::EvidenceError;
pub(crate) use hold::CONFIGURATION;
pub use outside::lines;
pub use reader::{LogReader, Overview, SigningKeyView};
pub use sceau_notary::audit::{Page as LogPage, Unsealed};
pub use sceau_notary::{Bundle, Checkpoint, Statement};
pub use settle::sign;
pub use verify::MOST_LEAVES;

use crate::boxed;
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_notary::Frontier;
use sceau_store::vault::signing::Signer;
use sceau_store::{Id, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the lease is held after an append, milliseconds.
const LEASE: i64 = 60_000;
/// How often purges are looked for.
const PURGES: Duration = Duration::from_secs(60);
/// Appends at the end of a run at most: what is left then is folded at the next start.
const LAST_APPENDS: usize = 20;

/// Settings of the notary.
#[derive(Debug, Clone)]
pub struct NotarySettings {
    /// File outside the database to which every checkpoint is appended.
    pub checkpoints: PathBuf,
    /// Time between two rounds.
    pub every: Duration,
    /// Why purges are suspended; none: they go on.
    pub hold: Option<String>,
}

/// The notary of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notary(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    operator: Operator,
    settings: NotarySettings,
    /// This process as the lease names it.
    owner: String,
    work: tokio::sync::Mutex<Work>,
}

/// What is remembered from one round to the next; everything can be found again in the store.
#[derive(Debug, Default)]
struct Work {
    signer: Option<Signer>,
    frontier: Option<Frontier>,
    /// The patrol and the file were looked at by this process.
    begun: bool,
    /// The file holds every checkpoint of this node.
    mended: bool,
    horizon: Id,
    patrol: Id,
    patrolled: i64,
    /// How far purges of technical and of functional traces have come.
    purged: [Id; 2],
    /// The day on which they began.
    purge_day: i64,
    /// How often holds had been placed and lifted when they began: what a hold had kept is looked at again once it is lifted.
    holds: i64,
    /// How far old checkpoints were looked through, and when they last were to their end.
    thin_after: i64,
    thinned: i64,
    /// No checkpoint is signed as of an instant before this: up to it a restore voids what was signed.
    not_before: i64,
}

impl Operator {
    /// The notary over this operator's store.
    pub fn notary(&self, settings: NotarySettings) -> Notary {
        let mut random = [0; 8];
        // Without randomness no salt could be made either: the first append fails and says so.
        let _ = aws_lc_rs::rand::fill(&mut random);
        let owner = format!("{}:{}", self.0.store.node(), hex::encode(random));
        let work = tokio::sync::Mutex::default();
        Notary(Arc::new(Shared { operator: self.clone(), settings, owner, work }))
    }
}

impl Notary {
    /// Folds, signs and purges until `stop`. What fails is logged and tried again.
    #[boxed]
    pub async fn run(&self, stop: CancellationToken) {
        let mut rounds = tokio::time::interval(self.0.settings.every.max(Duration::from_millis(100)));
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut purges = tokio::time::interval(PURGES);
        purges.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => self.round().await,
                _ = purges.tick() => self.purge_due().await,
            };
            if let Err(e) = outcome {
                tracing::error!(code = e.code.as_str(), "notary");
            }
        }
    }

    /// One round: everything that was committed gets its leaf. How many leaves this process appended.
    #[boxed]
    pub async fn round(&self) -> Result<u64, Refusal> {
        let mut work = self.0.work.lock().await;
        self.begin(&mut work).await?;
        self.fold_new(&mut work, usize::MAX).await.map_err(|e| refuse::store(&e))
    }

    /// The last round of a process, after its last trace: folds what is left, within bounds, and gives the lease back.
    #[boxed]
    pub async fn finish(&self) -> Result<(), Refusal> {
        let mut work = self.0.work.lock().await;
        self.begin(&mut work).await?;
        let folded = self.fold_new(&mut work, LAST_APPENDS).await;
        let owner = self.0.owner.clone();
        let released =
            self.store().write(move |tx| sceau_store::leases::release(tx, sceau_store::notary::LEASE, &owner)).await;
        folded.map(drop).and(released).map_err(|e: StoreError| refuse::store(&e))
    }

    /// Once a process: the file is mended, the hold is put on record.
    async fn begin(&self, work: &mut Work) -> Result<(), Refusal> {
        if !work.begun {
            self.record_hold().await?;
            let restores = self.restores().await.map_err(|e| refuse::store(&e))?;
            work.not_before = restores.iter().map(|r| r.at.saturating_add(1)).max().unwrap_or(0);
            work.begun = true;
        }
        if !work.mended {
            work.mended = self.mend().await.map_err(|e| refuse::store(&e))?;
            if work.mended {
                self.0.operator.clear_alarm("notary.outside", "").await;
            }
        }
        Ok(())
    }

    fn store(&self) -> &sceau_store::Store {
        &self.0.operator.0.store
    }
    fn now(&self) -> i64 {
        self.0.operator.now().0
    }
}
