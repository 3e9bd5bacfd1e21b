//! What an audit finds, and its report.
use serde::Serialize;

/// One thing that is wrong. The code is stable; its sentence stands in the locale files under `audit.<code>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Finding {
    /// A trace is not what its leaf was made from.
    Altered {
        /// Trace.
        trace: i64,
        /// Its leaf.
        leaf: u64,
    },
    /// A trace that has a leaf is gone, and no purge took it.
    Removed {
        /// Trace.
        trace: i64,
        /// Its leaf.
        leaf: u64,
    },
    /// A leaf is gone.
    LeafMissing {
        /// Its number.
        leaf: u64,
    },
    /// A leaf is none: wrong lengths, unreadable.
    LeafMalformed {
        /// Its number.
        leaf: u64,
    },
    /// A trace has no leaf although it is not new.
    Unsealed {
        /// Trace.
        trace: i64,
        /// When it says the act was, milliseconds.
        at: i64,
    },
    /// A trace entered the log long after the moment it speaks of: it was added later.
    Backdated {
        /// Trace.
        trace: i64,
        /// Its leaf.
        leaf: u64,
        /// When it says the act was, milliseconds.
        at: i64,
        /// The log had come at least this far in time by then, milliseconds.
        after: i64,
    },
    /// A trace says that it is of a moment that the log had not reached when it was sealed: its instant is not to be believed.
    Postdated {
        /// Trace.
        trace: i64,
        /// Its leaf.
        leaf: u64,
        /// When it says the act was, milliseconds.
        at: i64,
        /// When the log was next signed, milliseconds.
        until: i64,
    },
    /// Leaves of this interval are not those that the checkpoint at its end signs.
    Rewritten {
        /// First leaf.
        first: u64,
        /// Last leaf.
        last: u64,
        /// Instant of the checkpoint before, 0 when there is none, milliseconds.
        since: i64,
        /// Instant of the checkpoint that does not agree, milliseconds.
        until: i64,
    },
    /// A kept hash of the tree is not that of its leaves.
    Tree {
        /// First leaf below it.
        first: u64,
        /// Last leaf below it.
        last: u64,
    },
    /// A checkpoint is not signed by a key of ours.
    CheckpointForged {
        /// Its size.
        size: u64,
    },
    /// A checkpoint is older than the one before it.
    CheckpointOrder {
        /// Its size.
        size: u64,
    },
    /// Leaves were added after the last checkpoint, or leaves that it signs are gone.
    Size {
        /// Leaves that there are.
        leaves: u64,
        /// Leaves that the last checkpoint signs.
        signed: u64,
    },
    /// A trace is gone by a purge that no trace of a purge states.
    PurgeUnproven {
        /// First leaf concerned.
        leaf: u64,
    },
    /// A trace was purged before its retention was over.
    PurgeEarly {
        /// The purge's leaf.
        purge: u64,
        /// When the youngest would have been due, milliseconds.
        due: i64,
    },
    /// The outside file is missing or empty although checkpoints were appended to it.
    OutsideMissing,
    /// A line of the outside file is no checkpoint, or is not signed by a key of ours.
    OutsideForged {
        /// Line, from 1.
        line: u64,
    },
    /// The outside file knows a longer log: the database was rolled back.
    OutsideLonger {
        /// Line, from 1.
        line: u64,
        /// Leaves that the log had.
        size: u64,
        /// When, milliseconds.
        at: i64,
        /// Leaves that it has.
        leaves: u64,
    },
    /// The outside file knows another root at this size: the database holds another history.
    OutsideDiffers {
        /// Line, from 1.
        line: u64,
        /// Size.
        size: u64,
        /// When, milliseconds.
        at: i64,
    },
    /// The outside file goes back in size: the database was rolled back and went on.
    OutsideOrder {
        /// Line, from 1.
        line: u64,
        /// Its size.
        size: u64,
        /// The size of the line before.
        before: u64,
    },
    /// A checkpoint that this node appended to the outside file is not there: the file was cut.
    OutsideCut {
        /// Its size.
        size: u64,
        /// When, milliseconds.
        at: i64,
    },
}

impl Finding {
    /// Stable code.
    pub fn code(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["code"].as_str().unwrap_or_default().to_owned()
    }
    /// What its sentence names: numbers as they are, instants too (fields `at`, `after`, `since`, `until`, `due`).
    pub fn facts(&self) -> Vec<(String, i64)> {
        facts(self)
    }
}

/// What is known and explained under the operator's key: no fault, and never hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Note {
    /// The database was put back, knowingly, to a log of so many leaves.
    Restored {
        /// Leaves.
        size: u64,
        /// When, milliseconds.
        at: i64,
    },
    /// A trace is out of its time, and somebody said why: the trace `trace.settled` names who.
    Settled {
        /// Trace.
        trace: i64,
        /// Its leaf.
        leaf: u64,
        /// When it says the act was, milliseconds.
        at: i64,
    },
}

impl Note {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Restored { .. } => "restored",
            Self::Settled { .. } => "settled",
        }
    }
    /// What its sentence names.
    pub fn facts(&self) -> Vec<(String, i64)> {
        facts(self)
    }
}

fn facts(of: &impl Serialize) -> Vec<(String, i64)> {
    let value = serde_json::to_value(of).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(name, v)| Some((name.clone(), v.as_i64()?))).collect()
}

/// What an audit looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was found.
    pub good: bool,
    /// Leaves.
    pub leaves: u64,
    /// Traces compared with their leaves.
    pub traces: u64,
    /// Leaves whose traces were purged after their retention.
    pub purged: u64,
    /// Traces too new to have a leaf.
    pub waiting: u64,
    /// Checkpoints in the database.
    pub checkpoints: u64,
    /// Checkpoints outside that were compared.
    pub outside: u64,
    /// Root of the whole log, as recomputed.
    pub root: String,
    /// What was found, in the order of the log; at most [`super::MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// Findings beyond.
    pub more: u64,
    /// What is explained; at most [`super::MOST_FINDINGS`].
    pub notes: Vec<Note>,
}
