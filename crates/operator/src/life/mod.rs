//! Lives of BALs, people and structures (F030, F031, F032, F039): suspended, blocked, closed, kept, destroyed; who did it, when and why.
//!
//! Each act is one transaction: the state, its step in `life`, its trace. After the commit every node judges anew who may use what.
//!
//! Promises: the machine of [`sceau_domain::life`] decides what leads where; what an authority did is undone by one at least as high; nobody blocks
//! himself; the key of a closed BAL goes before any row does, and neither goes while a legal hold stands.
mod bals;
mod closing;
mod departure;
mod destruction;
mod people;
pub mod views;

pub(crate) use bals::Suspension;
pub use closing::{Cause, CloseOrder};
pub use departure::{Departure, DepartureView, PersonalBal, PersonalFate};
pub use views::{LifeView, StepView};

use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::life::{BalLife, LifeState, LifeStep, Unfit, height, standing};
use sceau_domain::plain::reason;
use sceau_domain::{Refusal, RefusalCode, Role, Timestamp, UseCase};
use sceau_store::life::{self as rows, Step};
use sceau_store::{Id, StoreError, Tx, accounts};

/// Who takes a step, when and why: made before the transaction, which may run again.
#[derive(Debug, Clone)]
struct Deed {
    /// Ids of the steps it may write, in order.
    ids: [Id; 3],
    at: Timestamp,
    by: String,
    reason: Option<String>,
}

impl Deed {
    /// Writes a step of a life.
    fn step(
        &self,
        tx: &mut dyn Tx,
        nth: usize,
        (subject, subject_id): (&str, Id),
        (was, became): (LifeState, LifeState),
        authority: Option<Role>,
    ) -> Result<(), StoreError> {
        let step = Step {
            id: self.ids[nth],
            subject: subject.to_owned(),
            subject_id,
            at: self.at.0,
            was: was.as_str().to_owned(),
            became: became.as_str().to_owned(),
            by_whom: self.by.clone(),
            reason: self.reason.clone(),
        };
        rows::record(tx, &step, authority.map(Role::as_str))
    }
}

impl Operator {
    /// A deed of this actor. `admin.invalid` when the reason is none.
    fn deed(&self, actor: &Actor, why: &str) -> Result<Deed, Refusal> {
        let why = reason(why, "reason")?;
        Ok(Deed { by: By::actor(actor).name, reason: Some(why), ..self.own_deed(None) })
    }
    /// A deed of ourselves.
    fn own_deed(&self, why: Option<&str>) -> Deed {
        let id = || self.0.store.new_id();
        Deed { ids: [id(), id(), id()], at: self.now(), by: "system".into(), reason: why.map(str::to_owned) }
    }
}

/// The life of a BAL as its row and its steps tell it.
fn of_bal(tx: &mut dyn Tx, bal: &accounts::Bal) -> Result<BalLife, StoreError> {
    let row = bal.state.parse().map_err(|()| StoreError::Invalid("state of a BAL".into()))?;
    let steps: Vec<(LifeState, LifeState)> = rows::steps(tx, "bal", bal.id)?
        .iter()
        .filter_map(|s| Some((s.was.parse().ok()?, s.became.parse().ok()?)))
        .collect();
    Ok(BalLife::of(row, bal.closing_at.map(Timestamp), &steps))
}

/// What must give way to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The state alone: a release leads back to a suspension, which then stands.
    Last,
    /// All that stands, one upon the other: a closing ends it all.
    All,
}

/// The height of the authority that must give way; that of the operator for what we did ourselves, and for a state of which no step tells.
fn author(tx: &mut dyn Tx, (subject, id): (&str, Id), (state, over): (LifeState, Over)) -> Result<u8, StoreError> {
    let known = |(s, by): (Step, Option<String>)| {
        Some((s.was.parse().ok()?, s.became.parse().ok()?, by.and_then(|b| b.parse().ok())))
    };
    let steps: Vec<_> = rows::authorised(tx, subject, id)?.into_iter().filter_map(known).collect();
    let stands = standing(&steps);
    Ok(match (over, stands.last()) {
        (Over::Last, Some((s, by))) if *s == state => height(*by),
        (Over::All, Some((s, _))) if *s == state => stands.iter().map(|(_, by)| height(*by)).max().unwrap_or(0),
        _ => height(None),
    })
}

/// Refuses `right.missing` when a higher authority put this life where it is. Who counts is whoever put it there: coming back to a state (released,
/// kept) makes nobody its author.
fn undoable(
    tx: &mut dyn Tx,
    of: (&str, Id),
    (state, over): (LifeState, Over),
    mine: Option<Role>,
    use_case: UseCase,
) -> Result<(), Fail> {
    if state == LifeState::Active || height(mine) >= author(tx, of, (state, over))? {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::RightMissing).with("name", use_case.as_str()).into())
}

/// May this be stopped again, by a higher authority than the one that stopped it? From then on only that one, or a higher one, lets it go.
fn takes_over(tx: &mut dyn Tx, of: (&str, Id), state: LifeState, mine: Option<Role>) -> Result<bool, StoreError> {
    Ok(height(mine) > author(tx, of, (state, Over::Last))?)
}

/// Why a step does not lead on, as a refusal about `name`.
fn unfit(name: &str, why: Unfit) -> Refusal {
    let cause = match why {
        Unfit::State(state) => state.to_string(),
        Unfit::Early(_) | Unfit::Late(_) => LifeState::Closing.to_string(),
        Unfit::Held => "held".into(),
    };
    wrong(name, &cause)
}

fn wrong(name: &str, cause: &str) -> Refusal {
    Refusal::new(RefusalCode::StateWrong).with("name", name).with("cause", cause)
}

/// Leads a life one step on.
fn advance(name: &str, life: BalLife, step: LifeStep, now: Timestamp, held: bool) -> Result<BalLife, Refusal> {
    life.after(step, now, held).map_err(|why| unfit(name, why))
}
