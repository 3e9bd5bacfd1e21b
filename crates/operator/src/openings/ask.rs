//! Asking: a BAL, a change, an end (F012, F015, F016).
use super::facts::Moment;
use super::request::{NewChange, NewEnd, NewOpening, Request, people};
use super::views::OpeningView;
use super::{decide, facts};
use crate::accounts::NewBal;
use crate::accounts::bals::{find, names};
use crate::accounts::people::email::NewAddress;
use crate::boxed;
use crate::identity::settings::LiberalOpening;
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::opening::{self, Missing, State, Task};
use sceau_domain::structure::Opening as Policy;
use sceau_domain::{Address, BalKind, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::openings::{self as rows, Opening};
use sceau_store::structures::{self, Structure};
use sceau_store::{Id, Tx, access, accounts, life, roles};
use serde_json::{Value, json};

/// A request before it is written, with everything that its transaction must not make.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    actor: Actor,
    by: By,
    id: Id,
    bal: Id,
    key: String,
    now: Timestamp,
    moment: Moment,
    asked: (life::Step, Fact),
    verified: (life::Step, Fact),
    /// The asker just showed by card or its equivalent who he is, in person (F006).
    proves: bool,
    /// What whoever works in no structure may.
    liberal: LiberalOpening,
}

/// What becomes of a request at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It waits for whoever decides.
    Wait,
    /// The asker decides too.
    Verify,
    /// It is the asker's own, and his to decide.
    VerifyOwn,
}

impl Operator {
    /// Asks. What the asker may decide alone (F006: by a card, where the structure lets its professionals) goes on at once. `admin.exists`,
    /// `admin.not_found`, `admin.invalid`, `naming.*`, `state.wrong`.
    #[boxed]
    pub async fn ask_opening(&self, actor: &Actor, new: NewOpening) -> Result<OpeningView, Refusal> {
        let id = match new {
            NewOpening::Open(bal) => {
                let address = self.given_with(actor, &bal).await?;
                let request = Request::new(self, bal)?;
                let draft = self.draft(actor, &request.parsed()?);
                let open = move |tx: &mut dyn Tx| {
                    let then = may_ask(tx, &draft, &request)?;
                    address.iter().try_for_each(|a| a.write(tx, &draft.actor))?;
                    Ok::<_, Fail>(open(tx, &draft, &request, then)?.0)
                };
                self.0.store.write(open).await?
            }
            NewOpening::Change(change) => self.ask_change(actor, change).await?,
            NewOpening::End(end) => self.ask_end(actor, end).await?,
        };
        // A link that was asked for with it leaves.
        self.wake_jobs();
        self.go_on_with(id, actor).await?;
        self.opening(actor, id).await
    }

    /// Asks for a BAL and verifies it at once: whoever may do both.
    pub(crate) async fn ask_and_verify(&self, actor: &Actor, bal: NewBal) -> Result<Id, Refusal> {
        let address = self.given_with(actor, &bal).await?;
        let request = Request::new(self, bal)?;
        let draft = self.draft(actor, &request.parsed()?);
        let act = move |tx: &mut dyn Tx| {
            address.iter().try_for_each(|a| a.write(tx, &draft.actor))?;
            Ok::<_, Fail>(asked_and_verified(tx, &draft, &request)?.0)
        };
        let id = self.0.store.write(act).await?;
        self.wake_jobs();
        Ok(id)
    }

    /// The ordinary address that is given with a request, for the one person who is to stand for the BAL; none when the person has it already.
    async fn given_with(&self, actor: &Actor, bal: &NewBal) -> Result<Option<NewAddress>, Refusal> {
        let Some(address) = &bal.notification_address else { return Ok(None) };
        let [holder] = bal.holders.as_slice() else {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "notification_address"));
        };
        let (before, to) = self.person_with_address(actor, holder, address).await?;
        if before.email.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(&to.to_string())) {
            return Ok(None);
        }
        let head = self.letterhead().await?;
        self.new_address(&head, actor, &before, &to).map(Some)
    }

    /// A request before it is written.
    pub(crate) fn draft(&self, actor: &Actor, address: &Address) -> Draft {
        let (by, id, moment) = (By::actor(actor), self.0.store.new_id(), self.moment());
        let step = |was: &str, became: State| self.life_step("opening", id, (was, became.as_str()), &by, None);
        let fact = |act| self.fact(act, &by, None, "ok", Value::Null);
        Draft {
            asked: (step("", State::Requested), fact("opening.asked")),
            verified: (step(State::Requested.as_str(), State::Verified), fact("opening.verified")),
            actor: actor.clone(),
            id,
            bal: self.0.store.new_id(),
            key: self.bal_key(address),
            now: moment.now,
            moment,
            proves: self.opens_own(actor),
            liberal: self.config().identity.liberal_opening,
            by,
        }
    }

    async fn ask_change(&self, actor: &Actor, change: NewChange) -> Result<Id, Refusal> {
        let address: Address = parse(&change.address)?;
        let draft = self.draft(actor, &address);
        let act = move |tx: &mut dyn Tx| {
            let bal = seized(tx, &draft)?;
            let kind: BalKind = bal.kind.parse().map_err(|()| Fail::from(RefusalCode::Unavailable))?;
            if !matches!(kind, BalKind::Org | BalKind::App | BalKind::Cab) {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", "address").into());
            }
            alive(&bal)?;
            let mut request = about(&bal, Task::Change, kind);
            request.people = people(kind, &change.holders, &change.members)?;
            request.reason = change.reason.as_deref().map(|r| plain::reason(r, "reason")).transpose()?;
            if let Some(name) = &change.name {
                request.name = plain::name(name, "name")?;
                request.naming_override =
                    names::check(tx, &draft.actor, request.texts(None), change.naming_override.as_deref())?;
            }
            facts::nameable(tx, &draft.actor, &mut request, bal.structure_id)?;
            insert(tx, &draft, &request, bal.structure_id, bal.id).map(|_| draft.id)
        };
        Ok(self.0.store.write(act).await?)
    }

    async fn ask_end(&self, actor: &Actor, end: NewEnd) -> Result<Id, Refusal> {
        let (address, why) = (parse(&end.address)?, plain::reason(&end.reason, "reason")?);
        let draft = self.draft(actor, &address);
        let act = move |tx: &mut dyn Tx| {
            let bal = seized(tx, &draft)?;
            let kind: BalKind = bal.kind.parse().map_err(|()| Fail::from(RefusalCode::Unavailable))?;
            alive(&bal)?;
            let mut request = about(&bal, Task::End, kind);
            request.reason = Some(why.clone());
            insert(tx, &draft, &request, bal.structure_id, bal.id).map(|_| draft.id)
        };
        Ok(self.0.store.write(act).await?)
    }
}

/// Writes a request and its verification, in the transaction of a larger act perhaps: the rule of [`Operator::ask_and_verify`]. What it waits for then.
pub(crate) fn asked_and_verified(
    tx: &mut dyn Tx,
    draft: &Draft,
    request: &Request,
) -> Result<(Id, Vec<Missing>), Fail> {
    permit(tx, &draft.actor, UseCase::OpeningAsk, On::Anywhere)?;
    permit(tx, &draft.actor, UseCase::OpeningDecide, On::Anywhere)?;
    may_ask(tx, draft, request)?;
    open(tx, draft, request, Then::Verify)
}

fn parse(address: &str) -> Result<Address, Refusal> {
    address.parse().map_err(|_| Refusal::new(RefusalCode::RcptSyntax).with("address", address))
}

/// The BAL that a change or an end is about, kept from going elsewhere until the transaction ends.
fn seized(tx: &mut dyn Tx, draft: &Draft) -> Result<accounts::Bal, Fail> {
    let bal = find(tx, &draft.actor, UseCase::OpeningAsk, &draft.key)?;
    access::lock(tx, bal.id)?;
    find(tx, &draft.actor, UseCase::OpeningAsk, &draft.key)
}

/// Refuses what is about to be closed, or is.
fn alive(bal: &accounts::Bal) -> Result<(), Fail> {
    match bal.state.as_str() {
        "closing" | "closed" => {
            Err(Refusal::new(RefusalCode::StateWrong).with("name", &bal.address).with("cause", &bal.state).into())
        }
        _ => Ok(()),
    }
}

/// A request about a BAL that is there, with what stays as it is.
fn about(bal: &accounts::Bal, task: Task, kind: BalKind) -> Request {
    Request {
        task,
        kind,
        address: bal.address.clone(),
        name: bal.label.clone(),
        structure: None,
        test: bal.test,
        reachable: bal.reachable,
        quota: None,
        people: Vec::new(),
        description: String::new(),
        responsible: String::new(),
        service: String::new(),
        red_list: None,
        phone_published: None,
        paperless: None,
        naming_override: None,
        eligibility_override: None,
        colleagues: Vec::new(),
        reason: None,
    }
}

fn structure_of(tx: &mut dyn Tx, actor: &Actor, request: &Request) -> Result<Option<Structure>, Fail> {
    let Some(code) = &request.structure else { return Ok(None) };
    match structures::by_code(tx, code)? {
        Some(s) => Ok(Some(s)),
        None => Err(unknown(tx, actor, UseCase::OpeningAsk, code)),
    }
}

/// May this be asked, and does the asker decide it too?
fn may_ask(tx: &mut dyn Tx, draft: &Draft, request: &Request) -> Result<Then, Fail> {
    permit(tx, &draft.actor, UseCase::OpeningAsk, On::Anywhere)?;
    let place = structure_of(tx, &draft.actor, request)?;
    let on = place.as_ref().map_or(On::Operator, |s| On::Structure(s.id));
    let Err(refused) = permit(tx, &draft.actor, UseCase::OpeningAsk, on) else { return Ok(Then::Wait) };
    // The professional himself: where his structure leaves it to its professionals; without a structure, as the operator decided.
    let Who::Person(me) = &draft.actor.who else { return Err(refused) };
    let for_me = request.people.len() == 1 && request.people[0].0 == me.login;
    let works = roles::structures_of_person(tx, me.id)?;
    let (policy, decides) = match &place {
        Some(place) if works.contains(&place.id) => (place.opening.parse().ok(), true),
        None if works.is_empty()
            && structures::domains_of_none(tx)?.contains(&request.parsed()?.domain().to_string()) =>
        {
            match draft.liberal {
                LiberalOpening::Own => (Some(Policy::Own), true),
                LiberalOpening::Ask => (Some(Policy::Own), false),
                LiberalOpening::Closed => (None, false),
            }
        }
        _ => (None, false),
    };
    if !for_me || !opening::may_ask_own(policy, request.kind) {
        return Err(refused);
    }
    let Some(row) = accounts::person_by_id(tx, me.id)? else { return Err(refused) };
    let own = opening::Decider::Own { card: draft.proves && decides, national_id: row.national_id.is_some() };
    Ok(if opening::may_decide(policy, own, request.kind) { Then::VerifyOwn } else { Then::Wait })
}

/// Writes a request for a BAL. What it waits for once it is verified.
fn open(tx: &mut dyn Tx, draft: &Draft, request: &Request, then: Then) -> Result<(Id, Vec<Missing>), Fail> {
    let place = structure_of(tx, &draft.actor, request)?;
    let address = request.parsed()?;
    let domain = address.domain().to_string();
    if accounts::domain_by_name(tx, &domain)?.is_none() {
        return Err(unknown(tx, &draft.actor, UseCase::OpeningAsk, &domain));
    }
    if let Some(s) = &place
        && !structures::domains(tx, s.id)?.contains(&domain)
    {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "domain").with("cause", &s.code).into());
    }
    let mut request = request.clone();
    request.naming_override =
        names::check(tx, &draft.actor, request.texts(Some(&address)), request.naming_override.as_deref())?;
    if request.eligibility_override.is_some() {
        permit(tx, &draft.actor, UseCase::PolicySet, On::Operator)?;
    }
    facts::free(tx, &draft.key, draft.now)?;
    let structure = place.map(|s| s.id);
    facts::nameable(tx, &draft.actor, &mut request, structure)?;
    let row = insert(tx, draft, &request, structure, draft.bal)?;
    let mut missing = Vec::new();
    if then != Then::Wait {
        missing = match then {
            Then::VerifyOwn => decide::verify_own(tx, &row, &draft.moment)?,
            _ => decide::verify_row(tx, &draft.actor, &row, &draft.moment)?,
        };
        life::step(tx, &draft.verified.0)?;
        let mut fact = draft.verified.1.clone().on(draft.bal, Some(draft.key.clone()));
        fact.saying(&json!({ "opening": draft.id.to_string() }));
        fact.write(tx)?;
    }
    Ok((draft.id, missing))
}

/// Writes a request, with its first step and its trace. `admin.exists`: another one is under way for the address.
fn insert(tx: &mut dyn Tx, draft: &Draft, request: &Request, structure: Option<Id>, bal: Id) -> Result<Opening, Fail> {
    let known = facts::look(tx, request, structure, &draft.moment)?;
    let row = Opening {
        id: draft.id,
        kind: request.task.as_str().into(),
        address_key: draft.key.clone(),
        structure_id: structure,
        bal_id: Some(bal),
        state: State::Requested.as_str().into(),
        request: request.text()?,
        asked_by: draft.by.name.clone(),
        asked_person: draft.by.person,
        at: draft.now.0,
        changed: draft.now.0,
        version: 1,
    };
    if !rows::insert(tx, &row, &known.awaited())? {
        return Err(Refusal::new(RefusalCode::Exists).with("name", &request.address).into());
    }
    let mut step = draft.asked.0.clone();
    step.reason.clone_from(&request.reason);
    life::step(tx, &step)?;
    let roles: Vec<_> = request.people.iter().map(|(login, part)| json!([login, part.as_str()])).collect();
    let mut fact = draft.asked.1.clone().on(bal, Some(draft.key.clone()));
    fact.saying(&json!({
        "opening": draft.id.to_string(), "task": request.task.as_str(), "kind": request.kind.as_str(), "roles": roles,
        "naming_override": request.naming_override, "eligibility_override": request.eligibility_override,
    }));
    fact.write(tx)?;
    Ok(row)
}
