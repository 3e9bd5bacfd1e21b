//! May the person of a session use its BAL? Asked by every use case of a BAL, inside its own transaction: a right that was
//! taken away is gone for the very next act.
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator, Who, terms};
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode, UseCase};
use sceau_store::{Id, StoreError, Tx, access};

/// As what somebody acts who is not the holder, and the login of the holder for whom a delegate does.
pub(crate) type Acting = (AccessRole, Option<String>);

/// A person (or ourselves) at a BAL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    /// The BAL.
    pub bal: Id,
    /// Whose access counts; none for ourselves.
    person: Option<Id>,
    /// What the act needs the access to give.
    need: BalRights,
    /// What the session's credential may do at all.
    scope: BalRights,
    /// When the act began, milliseconds since 1970: what is planned (dates of an access, versions of the terms) is judged by it.
    at: i64,
}

impl Seat {
    /// The same, for an act that files (flags, moves, removes, makes folders).
    pub fn filing(self) -> Self {
        Self { need: BalRights::FILE, ..self }
    }
    /// The same, for an act that says who has access.
    pub fn managing(self) -> Self {
        Self { need: BalRights::MANAGE, ..self }
    }
    /// The same, for an act that sends.
    pub fn sending(self) -> Self {
        Self { need: BalRights::SEND, ..self }
    }
    /// The BAL is active, the person has an access in force with the right that the act needs, and neither the person nor the BAL's structure is
    /// blocked: `right.missing` otherwise. The person accepted the terms of use in force: `terms.required` otherwise.
    /// Returns the BAL's address as traces write it (a patient's is a pseudonym there).
    pub fn check(&self, tx: &mut dyn Tx) -> Result<String, Fail> {
        let shown = match self.person {
            None => access::active(tx, self.bal)?.ok_or(RefusalCode::RightMissing)?,
            Some(person) => {
                let seated = access::seat(tx, self.bal, person)?.ok_or(RefusalCode::RightMissing)?;
                let rights = BalRights::from_bits(seated.rights).and(self.scope).bits();
                holds(&access::Seated { rights, ..seated.clone() }, self.need)?;
                seated.shown
            }
        };
        if let Some(person) = self.person {
            terms::require(tx, person, self.bal, self.at)?;
        }
        Ok(shown)
    }
}

/// `right.missing`, naming the act, when an access does not give this.
pub(crate) fn holds(seated: &access::Seated, need: BalRights) -> Result<(), Refusal> {
    if BalRights::from_bits(seated.rights).has(need) {
        return Ok(());
    }
    let act = match need {
        BalRights::SEND => UseCase::MailSend,
        BalRights::FILE => UseCase::MailFile,
        BalRights::MANAGE => UseCase::AccessGrant,
        _ => UseCase::MailRead,
    };
    Err(Refusal::new(RefusalCode::RightMissing).with("name", act.as_str()))
}

/// As what somebody sits at a BAL, for traces: nothing for the holder; for a delegate, with the login of the holder (F024).
pub(crate) fn acting(tx: &mut dyn Tx, bal: Id, seated: &access::Seated) -> Result<Option<Acting>, StoreError> {
    let role: AccessRole = seated.role.parse().map_err(|()| StoreError::Invalid("role of an access".into()))?;
    Ok(match role {
        AccessRole::Holder => None,
        AccessRole::Delegate => Some((role, access::holder(tx, bal)?.map(|h| h.login))),
        _ => Some((role, None)),
    })
}

impl Operator {
    /// The seat an actor claims, for an act that reads: `right.missing` when the session has no BAL.
    pub(crate) fn seat(&self, actor: &Actor) -> Result<Seat, Refusal> {
        let at = actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?;
        let (bal, scope) = (at.id, at.chair.as_ref().map_or(BalRights::ALL, |c| c.scope));
        let person = match &actor.who {
            Who::Person(p) => Some(p.id),
            // A server has no seat: what it may send is judged by its connector.
            Who::Connector(_) => return Err(RefusalCode::RightMissing.into()),
            Who::System => None,
        };
        Ok(Seat { bal, person, need: BalRights::READ, scope, at: self.now().0 })
    }

    /// The BAL's address as traces write it, when the actor may read it. What was found allowed within the second ([`Operator::still_allowed`]) and was not
    /// taken away since is not asked of the store again: for acts that need nothing from it, or ask again in their own transactions.
    pub(crate) async fn seated(&self, actor: &Actor, seat: Seat) -> Result<String, Refusal> {
        if let (Some(token), Some(bal)) = (actor.credential, &actor.bal)
            && bal.chair.as_ref().is_some_and(|chair| chair.rights.has(seat.need))
            && self.0.guard.recently_allowed(token, bal.id, self.now())
        {
            return Ok(self.bal_key(&bal.address));
        }
        Ok(self.0.store.read::<_, Fail, _>(move |tx| seat.check(tx)).await?)
    }

    /// Refuses `right.missing` unless the actor's BAL is active and the actor has an access in force on it.
    #[boxed]
    pub async fn require_access(&self, actor: &Actor) -> Result<(), Refusal> {
        let seat = self.seat(actor)?;
        self.0.store.read(move |tx| seat.check(tx)).await?;
        Ok(())
    }
}
