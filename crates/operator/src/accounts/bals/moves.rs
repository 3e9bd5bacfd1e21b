//! A BAL that goes to another structure, or to none: what hangs on it goes with it.
//!
//! Promises: the other structure agreed and has the domain; whoever has access works there (a machine, and a delegate whom the holder named, need
//! not); what is under way about the BAL is decided by the other structure's people from then on; the quota in force is the other place's; a legal
//! hold on the structure keeps the BAL within it; where a BAL was and when stands in its life, so that the past has its answer.
use crate::openings::facts::agreed;
use crate::policies;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::policy::Limits;
use sceau_domain::{AccessRole, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::life::{self, Step};
use sceau_store::structures::{self, Structure};
use sceau_store::{Id, StoreError, Tx, access, accounts as rows, holds, openings, roles};

/// The subject of a step in `life` that says where a BAL is; the states are ids of structures, empty for none.
pub(crate) const PLACE: &str = "bal_place";
/// Most people that a refusal names.
const NAMED: usize = 5;

/// What a move needs, made before the transaction.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub step: Step,
    pub limits: Limits,
    pub now: Timestamp,
}

impl Operator {
    /// A move that this person makes.
    pub(super) fn bal_move(&self, by: &crate::record::By) -> Move {
        let step = self.life_step(PLACE, 0, ("", ""), by, None);
        Move { step, limits: self.config().limits, now: self.now() }
    }
}

fn place(id: Option<Id>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

impl Move {
    /// Judges the move and writes what goes with it; the row is the caller's to write, and [`Move::settle`] follows. False: it is there already.
    pub fn carry(&self, tx: &mut dyn Tx, actor: &Actor, bal: &mut rows::Bal, code: Option<&str>) -> Result<bool, Fail> {
        // Who is in whose reach is the operator's to say.
        permit(tx, actor, UseCase::BalEdit, On::Operator)?;
        let to = match code {
            None => None,
            Some(code) => match structures::by_code(tx, &plain::code(code, "structure")?)? {
                Some(s) => Some(s),
                None => return Err(unknown(tx, actor, UseCase::BalEdit, code)),
            },
        };
        let id = to.as_ref().map(|s| s.id);
        if bal.structure_id == id {
            return Ok(false);
        }
        if let Some(from) = bal.structure_id
            && !holds::of_subject(tx, "structure", from)?.is_empty()
        {
            let code = structures::by_id(tx, from)?.map(|s| s.code).unwrap_or_default();
            return Err(Refusal::new(RefusalCode::MoveHeld).with("name", code).into());
        }
        if let Some(to) = &to {
            self.fits(tx, bal, to)?;
        }
        let (was, became) = (place(bal.structure_id), place(id));
        life::step(tx, &Step { subject_id: bal.id, was, became, ..self.step.clone() })?;
        openings::move_with(tx, bal.id, id)?;
        bal.structure_id = id;
        Ok(true)
    }

    fn fits(&self, tx: &mut dyn Tx, bal: &rows::Bal, to: &Structure) -> Result<(), Fail> {
        if !agreed(to, self.now) {
            return Err(RefusalCode::OpeningConvention.into());
        }
        let domain = rows::domain_by_id(tx, bal.domain_id)?.map(|d| d.name).unwrap_or_default();
        if !structures::domains(tx, to.id)?.contains(&domain) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "domain").with("cause", &to.code).into());
        }
        let works_anywhere = [AccessRole::Machine.as_str(), AccessRole::Delegate.as_str()];
        let mut elsewhere = Vec::new();
        for held in access::of_bal(tx, bal.id)? {
            if !works_anywhere.contains(&held.role.as_str())
                && !roles::structures_of_person(tx, held.person_id)?.contains(&to.id)
            {
                elsewhere.push(held.login);
            }
        }
        if elsewhere.is_empty() {
            return Ok(());
        }
        elsewhere.truncate(NAMED);
        Err(Refusal::new(RefusalCode::MovePeople).with("name", elsewhere.join(", ")).into())
    }

    /// Writes the quota of the other place, once the row says where the BAL is.
    pub fn settle(&self, tx: &mut dyn Tx, bal: Id) -> Result<(), StoreError> {
        policies::write_quota(tx, &self.limits, bal)
    }
}
