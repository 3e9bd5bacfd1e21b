//! How far a long work is, for whoever watches: cheap to update from any thread.
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not begun.
    Waiting,
    /// Rows are read or written.
    Rows,
    /// Blobs are copied.
    Blobs,
    /// What was written is compared with what it should be.
    Verifying,
    /// Old generations are removed.
    Pruning,
    /// Destructions are replayed.
    Replaying,
    /// Sealed fields are opened.
    Sealed,
    /// Contents are opened.
    Content,
    /// Repairs.
    Repairing,
}

impl Phase {
    const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Rows,
        Self::Blobs,
        Self::Verifying,
        Self::Pruning,
        Self::Replaying,
        Self::Sealed,
        Self::Content,
        Self::Repairing,
    ];
    /// Key of its sentence, below `care.phase`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Rows => "rows",
            Self::Blobs => "blobs",
            Self::Verifying => "verifying",
            Self::Pruning => "pruning",
            Self::Replaying => "replaying",
            Self::Sealed => "sealed",
            Self::Content => "content",
            Self::Repairing => "repairing",
        }
    }
}

/// Progress of one work.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// A phase begins; `total` steps, 0 when unknown.
    pub fn begin(&self, phase: Phase, total: u64) {
        let index = Phase::ALL.iter().position(|p| *p == phase).unwrap_or(0);
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.phase.store(u8::try_from(index).unwrap_or(0), Ordering::Relaxed);
    }
    /// Steps were done.
    pub fn add(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::Relaxed);
    }
    /// Phase, steps done, steps in all (0 when unknown).
    pub fn now(&self) -> (Phase, u64, u64) {
        let phase = Phase::ALL.get(usize::from(self.phase.load(Ordering::Relaxed))).copied().unwrap_or(Phase::Waiting);
        (phase, self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}
