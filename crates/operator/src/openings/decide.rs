//! Deciding: a request verified, refused, taken back. Who may is the structure's policy to say (F012, F163).
use super::facts::Moment;
use super::request::{Request, override_reason};
use super::views::OpeningView;
use super::{facts, show};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::opening::{self, Decider, Denied, Event, Missing, State, Task};
use sceau_domain::{BalRights, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::openings::{self as rows, Opening};
use sceau_store::{Id, Tx, access, life, structures};
use serde_json::{Value, json};

/// The refusal for a step that is not made.
pub(super) fn denied(row: &Opening, why: Denied) -> Refusal {
    match why {
        Denied::Missing(missing) => missing.into(),
        Denied::State(state) => {
            Refusal::new(RefusalCode::StateWrong).with("name", row.id).with("cause", state.as_str())
        }
    }
}

/// The state of a row. `system.unavailable` when it is one that this version does not know.
pub(super) fn state(row: &Opening) -> Result<State, Refusal> {
    State::parse(&row.state).ok_or_else(|| RefusalCode::Unavailable.into())
}

/// Refuses `right.missing` unless the asker decides on this request.
fn may_decide(tx: &mut dyn Tx, actor: &Actor, row: &Opening) -> Result<(), Fail> {
    let request = Request::read(&row.request)?;
    let place = match row.structure_id {
        Some(id) => structures::by_id(tx, id)?,
        None => None,
    };
    let policy = place.and_then(|s| s.opening.parse().ok());
    if permit(tx, actor, UseCase::OpeningDecide, On::Operator).is_ok() {
        return Ok(());
    }
    let missing = || Fail::from(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::OpeningDecide.as_str()));
    if let Some(id) = row.structure_id
        && permit(tx, actor, UseCase::OpeningDecide, On::Structure(id)).is_ok()
    {
        return if opening::may_decide(policy, Decider::Structure, request.kind) { Ok(()) } else { Err(missing()) };
    }
    Err(missing())
}

/// Refuses `access.own` when whoever decides would be given access to a BAL that is there: its mail is not for administrators. Whoever answers for it
/// gives access as that, and what stays as it was is nothing given.
fn gives_himself_nothing(tx: &mut dyn Tx, actor: &Actor, row: &Opening, request: &Request) -> Result<(), Fail> {
    let (Who::Person(me), Some(bal), Task::Change) = (&actor.who, row.bal_id, request.task) else { return Ok(()) };
    let Some((_, part)) = request.people.iter().find(|(login, _)| *login == me.login) else { return Ok(()) };
    match access::in_force(tx, me.id, bal)? {
        Some(a) if a.role == part.as_str() || BalRights::from_bits(a.rights).has(BalRights::MANAGE) => Ok(()),
        _ => Err(RefusalCode::AccessOwn.into()),
    }
}

/// Verifies a row of this version, by this asker. What it waits for then.
pub(super) fn verify_row(tx: &mut dyn Tx, actor: &Actor, row: &Opening, moment: &Moment) -> Result<Vec<Missing>, Fail> {
    may_decide(tx, actor, row)?;
    gives_himself_nothing(tx, actor, row, &Request::read(&row.request)?)?;
    verify_own(tx, row, moment)
}

/// Verifies a row of this version: whoever asked was found to be who decides on it, in the same transaction. What it waits for then.
pub(super) fn verify_own(tx: &mut dyn Tx, row: &Opening, moment: &Moment) -> Result<Vec<Missing>, Fail> {
    let now = moment.now;
    let request = Request::read(&row.request)?;
    let known = facts::look(tx, &request, row.structure_id, moment)?;
    let next = opening::step(state(row)?, Event::Verify, &known.case, now).map_err(|d| denied(row, d))?;
    go_on(tx, row, next, now)?;
    Ok(known.case.missing(now))
}

/// Writes the next state of a row. `edit.conflict` when it went on meanwhile.
fn go_on(tx: &mut dyn Tx, row: &Opening, next: State, now: Timestamp) -> Result<(), Fail> {
    if rows::advance(tx, row.id, row.version, next.as_str(), now.0)? {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::EditConflict).with("name", row.id).into())
}

impl Operator {
    /// Verifies a request; what waits for nothing more is carried out at once. `admin.not_found`, `opening.*`, `eligibility.*`, `state.wrong`,
    /// `edit.conflict`. `exception`: why the operator takes whom its rules do not, by one of its administrators.
    #[boxed]
    pub async fn verify_opening(&self, actor: &Actor, id: Id, exception: Option<&str>) -> Result<OpeningView, Refusal> {
        self.decide(actor, id, Event::Verify, exception.map(override_reason)).await?;
        self.carry_opening_out(id, &By::actor(actor)).await?;
        self.opening(actor, id).await
    }

    /// Refuses a request, with a reason for whoever asked (F163).
    #[boxed]
    pub async fn refuse_opening(&self, actor: &Actor, id: Id, why: &str) -> Result<OpeningView, Refusal> {
        let why = plain::reason(why, "reason");
        self.decide(actor, id, Event::Refuse, Some(why)).await?;
        self.opening(actor, id).await
    }

    /// Takes a request back: who asked, or whoever may ask in its place.
    #[boxed]
    pub async fn cancel_opening(&self, actor: &Actor, id: Id) -> Result<OpeningView, Refusal> {
        self.decide(actor, id, Event::Cancel, None).await?;
        self.opening(actor, id).await
    }

    async fn decide(
        &self,
        actor: &Actor,
        id: Id,
        event: Event,
        why: Option<Result<String, Refusal>>,
    ) -> Result<(), Refusal> {
        let (act, uc) = match event {
            Event::Verify | Event::CarryOut => ("opening.verified", UseCase::OpeningDecide),
            Event::Refuse => ("opening.refused", UseCase::OpeningDecide),
            Event::Cancel => ("opening.cancelled", UseCase::OpeningAsk),
        };
        let (by, moment) = (By::actor(actor), self.moment());
        let now = moment.now;
        let said = why.as_ref().and_then(|w| w.as_ref().ok()).map(String::as_str);
        let step = self.life_step("opening", id, ("", ""), &by, said);
        let fact = self.fact(act, &by, None, "ok", Value::Null);
        let actor = actor.clone();
        let decide = move |tx: &mut dyn Tx| {
            permit(tx, &actor, uc, On::Anywhere)?;
            let Some(row) = rows::by_id(tx, id)? else { return Err(unknown(tx, &actor, uc, &id.to_string())) };
            let was = state(&row)?;
            let next = match event {
                Event::Verify | Event::CarryOut => {
                    let mut row = row.clone();
                    if let Some(exception) = &why {
                        permit(tx, &actor, UseCase::PolicySet, On::Operator)?;
                        let mut request = Request::read(&row.request)?;
                        request.eligibility_override = Some(exception.clone()?);
                        row.request = request.text()?;
                        rows::rewrite(tx, row.id, &row.request)?;
                    }
                    verify_row(tx, &actor, &row, &moment)?;
                    State::Verified
                }
                Event::Refuse | Event::Cancel => {
                    if event == Event::Refuse {
                        may_decide(tx, &actor, &row)?;
                    } else if row.asked_person.is_none_or(|p| By::actor(&actor).person != Some(p)) {
                        let on = row.structure_id.map_or(On::Operator, On::Structure);
                        permit(tx, &actor, uc, on)?;
                    }
                    if let Some(Err(refusal)) = &why {
                        return Err(refusal.clone().into());
                    }
                    let known = facts::look(tx, &Request::read(&row.request)?, row.structure_id, &moment)?;
                    let next = opening::step(was, event, &known.case, now).map_err(|d| denied(&row, d))?;
                    go_on(tx, &row, next, now)?;
                    next
                }
            };
            let (before, after) = (was.as_str().to_owned(), next.as_str().to_owned());
            life::step(tx, &life::Step { was: before, became: after, ..step.clone() })?;
            let mut fact = fact.clone();
            if let Some(bal) = row.bal_id {
                fact = fact.on(bal, Some(row.address_key.clone()));
            }
            fact.saying(&json!({ "opening": id.to_string(), "task": row.kind, "reason": step.reason }));
            fact.write(tx)?;
            Ok::<_, Fail>(())
        };
        Ok(self.0.store.write(decide).await?)
    }

    /// One request, with its steps. `admin.not_found`.
    #[boxed]
    pub async fn opening(&self, actor: &Actor, id: Id) -> Result<OpeningView, Refusal> {
        let (actor, moment) = (actor.clone(), self.moment());
        Ok(self.0.store.read(move |tx| show::one(tx, &actor, id, &moment)).await?)
    }
}
