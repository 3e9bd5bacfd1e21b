//! The lives of a BAL (F030, F031, F039), of a person and of a structure: which step leads from where to where. Pure: who may take a step, and what
//! it does to mail, is decided elsewhere.
//!
//! ```text
//! active ⇄ suspended        active | suspended ⇄ blocked
//! active | suspended | blocked → closing ⇄ (kept: back to what it was) → closed → destroyed → tombstone
//! person, structure: active ⇄ blocked
//! ```
//!
//! Promises: what is closed never comes back; a closing is withdrawn only before its time and ends only after it; a legal hold stops the
//! destruction, and nothing else; no state is skipped; what an authority did is undone by one at least as high.
use crate::{Role, Timestamp};
use std::fmt;
use std::str::FromStr;

/// Where a life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LifeState {
    /// Used.
    Active,
    /// Put to rest by the structure or the operator.
    Suspended,
    /// Stopped for an investigation (F039).
    Blocked,
    /// About to be closed: nobody signs in, mail is refused, and it may be withdrawn.
    Closing,
    /// Closed for good: its content waits to be destroyed.
    Closed,
    /// Its key is destroyed.
    Destroyed,
    /// Nothing is left but who it was: its address is given to nobody else.
    Tombstone,
}

impl LifeState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 7] =
        [Self::Active, Self::Suspended, Self::Blocked, Self::Closing, Self::Closed, Self::Destroyed, Self::Tombstone];
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Blocked => "blocked",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Destroyed => "destroyed",
            Self::Tombstone => "tombstone",
        }
    }
    /// Is there no way back?
    pub fn is_over(self) -> bool {
        self >= Self::Closed
    }
}
impl fmt::Display for LifeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl FromStr for LifeState {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|x| x.as_str() == s).ok_or(())
    }
}

/// A step of a BAL's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LifeStep {
    /// Put to rest.
    Suspend,
    /// Taken up again.
    Resume,
    /// Stopped for an investigation.
    Block,
    /// Released.
    Release,
    /// Closed, at this instant at the earliest.
    Close(Timestamp),
    /// The closing, withdrawn.
    Keep,
    /// The closing's time has come.
    End,
    /// The key, destroyed.
    Destroy,
    /// Everything, removed.
    Bury,
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It does not lead on from this state.
    State(LifeState),
    /// Not before this instant.
    Early(Timestamp),
    /// It had to be before this instant.
    Late(Timestamp),
    /// A legal hold stands.
    Held,
}

/// A BAL's life: where it is, and where it goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalLife {
    /// Where it is.
    pub state: LifeState,
    /// While it is closing: when it is closed for good.
    pub closing_at: Option<Timestamp>,
    /// What it was before it was blocked.
    unblocked: LifeState,
    /// What it was before it was about to be closed.
    kept: LifeState,
}

impl Default for BalLife {
    fn default() -> Self {
        Self { state: LifeState::Active, closing_at: None, unblocked: LifeState::Active, kept: LifeState::Active }
    }
}

impl BalLife {
    /// From what was kept: the steps taken, oldest first, the state that stands in the BAL's row, and when its closing ends. The row decides: steps
    /// only say where it goes back to, and what has happened since it was closed.
    pub fn of(row: LifeState, closing_at: Option<Timestamp>, steps: &[(LifeState, LifeState)]) -> Self {
        let mut life = Self { state: row, closing_at, ..Self::default() };
        for (was, became) in steps.iter().copied() {
            match became {
                LifeState::Blocked if was <= LifeState::Suspended => life.unblocked = was,
                LifeState::Closing => life.kept = was,
                LifeState::Destroyed | LifeState::Tombstone if life.state.is_over() => life.state = became,
                _ => {}
            }
        }
        life
    }

    /// The life after a step at this instant. `held`: a legal hold names this BAL.
    pub fn after(self, step: LifeStep, now: Timestamp, held: bool) -> Result<Self, Unfit> {
        use LifeState::{Active, Blocked, Closed, Closing, Destroyed, Suspended, Tombstone};
        let unfit = Err(Unfit::State(self.state));
        let to = |state| Ok(Self { state, ..self });
        match (step, self.state) {
            (LifeStep::Suspend, Active) => to(Suspended),
            (LifeStep::Resume, Suspended) => to(Active),
            (LifeStep::Block, Active | Suspended) => Ok(Self { state: Blocked, unblocked: self.state, ..self }),
            (LifeStep::Release, Blocked) => to(self.unblocked),
            (LifeStep::Close(at), Active | Suspended | Blocked) => {
                Ok(Self { state: Closing, kept: self.state, closing_at: Some(at.max(now)), ..self })
            }
            (LifeStep::Keep, Closing) => match self.closing_at {
                Some(at) if at <= now => Err(Unfit::Late(at)),
                _ => Ok(Self { state: self.kept, closing_at: None, ..self }),
            },
            (LifeStep::End, Closing) => match self.closing_at {
                Some(at) if at > now => Err(Unfit::Early(at)),
                _ => Ok(Self { state: Closed, closing_at: None, ..self }),
            },
            (LifeStep::Destroy, Closed) if held => Err(Unfit::Held),
            (LifeStep::Destroy, Closed) => to(Destroyed),
            (LifeStep::Bury, Destroyed) => to(Tombstone),
            _ => unfit,
        }
    }
}

/// A person or a structure after being blocked (`true`) or released. `None`: it is so already.
pub fn blocked(was: bool, block: bool) -> Option<(LifeState, LifeState)> {
    let state = |b| if b { LifeState::Blocked } else { LifeState::Active };
    (was != block).then(|| (state(was), state(block)))
}

/// The height of the authority by which a step is taken: a step is undone by one at least as high. `None`: the program itself.
pub fn height(by: Option<Role>) -> u8 {
    match by {
        None | Some(Role::Administrator) => 3,
        Some(Role::Region) => 2,
        Some(Role::Structure) => 1,
        Some(Role::Support | Role::Auditor | Role::User | Role::Machine) => 0,
    }
}

/// What keeps a life from being active, the first that was put upon it first: each state and the role by which it was put there. Steps as they were
/// taken, oldest first: before, after, by which role. A step back takes away what it leaves and puts nothing there; a step from a state to itself is a
/// higher authority that takes it over.
pub fn standing(steps: &[(LifeState, LifeState, Option<Role>)]) -> Vec<(LifeState, Option<Role>)> {
    let mut out: Vec<(LifeState, Option<Role>)> = Vec::new();
    for (was, became, by) in steps.iter().copied() {
        if became >= was {
            out.retain(|(state, _)| *state < became);
            out.push((became, by));
        } else {
            out.retain(|(state, _)| *state <= became);
        }
    }
    out
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
