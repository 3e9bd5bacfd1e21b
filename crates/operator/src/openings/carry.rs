//! Carrying out what was verified: the last step, and what makes it happen after a wait or a crash.
//!
//! Tried at the verification, at an acceptance of the terms, when an ordinary address is given or confirmed, and in each round of housekeeping. The BAL's
//! id stands in the request from its first row on, and its key is made under that id: whoever tries again, on whatever node, uses the same key. Row,
//! accesses, folders, steps and trace are one transaction with the request's last state.
use super::decide::state;
use super::facts::{self, Moment};
use super::request::Request;
use crate::accounts::page;
use crate::mailbox::folders::create_defaults;
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::{Actor, Door, Operator, Origin, PersonRef, Who};
use sceau_domain::opening::{self, AddressRule, Event, Part, State, Task};
use sceau_domain::plain;
use sceau_domain::{AccessRole, BalRights, Refusal, RefusalCode, Timestamp};
use sceau_store::openings::{self as rows, Opening};
use sceau_store::{DataKey, Id, StoreError, Tx, access, accounts, bals, life, terms};
use serde_json::{Value, json};

/// Requests looked at in one go.
const SLICE: u32 = 200;

/// What a transaction of this module must not make.
#[derive(Debug, Clone)]
struct Prepared {
    step: life::Step,
    bal_step: life::Step,
    choices: life::Step,
    fact: Fact,
    moment: Moment,
    now: Timestamp,
    by: String,
}

/// A verified request that waits for nothing more.
#[derive(Debug)]
struct Ready {
    row: Opening,
    request: Request,
    people: Vec<(Id, Part)>,
    next: State,
}

/// Judges the last step at this moment; `None` when the request waits for something, or is over.
fn ready(tx: &mut dyn Tx, id: Id, moment: &Moment) -> Result<Option<Ready>, Fail> {
    let Some(row) = rows::by_id(tx, id)? else { return Ok(None) };
    let request = Request::read(&row.request)?;
    let known = facts::look(tx, &request, row.structure_id, moment)?;
    let next = opening::step(state(&row)?, Event::CarryOut, &known.case, moment.now).ok();
    Ok(next.map(|next| Ready { row, request, people: known.people, next }))
}

/// Who verified a request: its accesses are given by that person, and its end is that person's act.
fn verifier(tx: &mut dyn Tx, id: Id) -> Result<String, Fail> {
    let steps = life::steps(tx, "opening", id)?;
    let verified = steps.into_iter().rev().find(|s| s.became == State::Verified.as_str());
    Ok(verified.map_or_else(|| By::system().name, |s| s.by_whom))
}

/// Moves a request to its last state, judging once more.
fn finish(tx: &mut dyn Tx, id: Id, p: &Prepared) -> Result<Option<Ready>, Fail> {
    let Some(ready) = ready(tx, id, &p.moment)? else { return Ok(None) };
    // Another node, or the next round, was faster: it is done.
    if !rows::advance(tx, id, ready.row.version, ready.next.as_str(), p.now.0)? {
        return Ok(None);
    }
    let (was, became) = (ready.row.state.clone(), ready.next.as_str().to_owned());
    life::step(tx, &life::Step { was, became, ..p.step.clone() })?;
    Ok(Some(ready))
}

impl Operator {
    /// A person accepted the terms of use, or has an ordinary address: what waited for that goes on. What fails is logged and goes on in a round of
    /// housekeeping.
    pub(crate) async fn openings_go_on(&self, person: Id) {
        let found = self.0.store.read(move |tx| rows::waiting_for(tx, person)).await;
        match found {
            Ok(waiting) => {
                for id in waiting {
                    if let Err(refusal) = self.carry_opening_out(id, &By::system()).await {
                        tracing::warn!(opening = id, code = refusal.code.as_str(), "a request is carried out later");
                    }
                }
            }
            Err(e) => drop(refuse::store(&e)),
        }
    }

    /// Carries out whatever a crash or a failure left. Part of housekeeping; how many requests went on.
    pub(crate) async fn resume_openings(&self) -> Result<u64, Refusal> {
        let (mut after, mut done, mut first) = (Id::MIN, 0, None);
        loop {
            let (now, rule) = (self.now().0, self.config().notification_address);
            let contacts = match rule {
                AddressRule::Off => rows::Contacts::Any,
                AddressRule::Given => rows::Contacts::Given,
                AddressRule::Required => rows::Contacts::Confirmed,
            };
            let find = move |tx: &mut dyn Tx| {
                let in_force = terms::in_force(tx, now)?;
                rows::ready(tx, in_force, contacts, after, page(SLICE))
            };
            let found = self.0.store.read(find).await.map_err(|e: StoreError| refuse::store(&e))?;
            let Some(last) = found.last() else { break };
            after = *last;
            for id in found {
                match self.carry_opening_out(id, &By::system()).await {
                    Ok(carried) => done += u64::from(carried),
                    // One that cannot be carried out does not keep the others waiting; it stands there for whoever refuses it.
                    Err(refusal) if refusal.is_temporary() => drop(first.get_or_insert(refusal)),
                    Err(refusal) => {
                        tracing::warn!(opening = id, code = refusal.code.as_str(), "a request cannot be carried out");
                    }
                }
            }
        }
        first.map_or(Ok(done), Err)
    }

    /// [`Self::carry_out`] for an actor's own request: that it waits, or that somebody was faster, is no failure.
    pub(crate) async fn go_on_with(&self, id: Id, actor: &Actor) -> Result<(), Refusal> {
        self.carry_opening_out(id, &By::actor(actor)).await.map(drop)
    }

    /// Carries a verified request out, when it waits for nothing more. True when it was.
    pub(super) async fn carry_opening_out(&self, id: Id, by: &By) -> Result<bool, Refusal> {
        let moment = self.moment();
        let seen = moment.clone();
        let look = move |tx: &mut dyn Tx| match ready(tx, id, &seen)? {
            Some(found) => Ok::<_, Fail>(Some((found.row, found.request, verifier(tx, id)?))),
            None => Ok(None),
        };
        let Some((row, request, verifier)) = self.0.store.read(look).await? else { return Ok(false) };
        let bal = row.bal_id.ok_or(RefusalCode::Unavailable)?;
        let act = if request.task == Task::Open { "bal.opened" } else { "bal.changed" };
        let life_of = |subject: &str, id| self.life_step(subject, id, ("", "active"), by, None);
        let prepared = Prepared {
            step: life_of("opening", id),
            bal_step: life_of("bal", bal),
            choices: life::Step { by_whom: row.asked_by.clone(), ..life_of("bal", bal) },
            fact: self.fact(act, by, Some((bal, &row.address_key)), "ok", Value::Null),
            now: moment.now,
            moment,
            by: verifier,
        };
        match request.task {
            Task::Open => self.carry_opening(id, bal, prepared).await,
            Task::Change => self.carry_change(id, bal, prepared).await,
            Task::End => self.carry_end(&row, &request, prepared).await,
        }
    }

    async fn carry_opening(&self, id: Id, bal: Id, p: Prepared) -> Result<bool, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        // The key is durable before the BAL exists; if the BAL never does, a key nobody uses is left.
        let key = self.key_in_waiting(bal).await.map_err(failed)?;
        let folders = self.prepare_default_folders(bal, &key).map_err(failed)?;
        let limits = self.config().limits;
        let make = move |tx: &mut dyn Tx| {
            let Some(Ready { row, request, people, .. }) = finish(tx, id, &p)? else { return Ok::<_, Fail>(false) };
            let address = request.parsed()?;
            let domain = address.domain().to_string();
            let missing = || Refusal::new(RefusalCode::NotFound).with("name", &domain);
            let domain_id = accounts::domain_by_name(tx, &domain)?.ok_or_else(missing)?.id;
            if let Some(gone) = facts::free(tx, &row.address_key, p.now)? {
                bals::retire(tx, gone)?;
            }
            let new = accounts::Bal::new(
                bal,
                (&row.address_key, &request.address),
                domain_id,
                request.kind.as_str(),
                p.now.0,
            );
            let made = accounts::Bal {
                label: request.name.clone(),
                test: request.test,
                reachable: request.reachable,
                structure_id: row.structure_id,
                description: request.description.clone(),
                responsible: request.responsible.clone(),
                service: request.service.clone(),
                red_list: request.red_list,
                phone_published: request.phone_published,
                paperless: request.paperless,
                ..new
            };
            let made = crate::policies::with_quota(tx, &limits, made, request.quota, &p.by)?;
            accounts::insert_bal(tx, &made)?;
            for (person, part) in &people {
                give(tx, *person, bal, *part, &p)?;
            }
            create_defaults(tx, &folders)?;
            life::step(tx, &p.bal_step)?;
            crate::accounts::bals::choices::at_opening(tx, &made, &p.choices)?;
            let roles: Vec<_> = request.people.iter().map(|(l, part)| json!([l, part.as_str()])).collect();
            let mut fact = p.fact.clone();
            fact.saying(&json!({
                "kind": made.kind, "test": made.test, "roles": roles, "naming_override": request.naming_override,
                "eligibility_override": request.eligibility_override,
                // Choices that were made with the request, and by whom, are the first of their history (F094).
                "became": [request.red_list, request.phone_published, request.paperless],
                "opening": id.to_string(), "asked_by": row.asked_by, "verified_by": p.by,
            }));
            fact.write(tx)?;
            Ok(true)
        };
        Ok(self.0.store.write(make).await?)
    }

    /// The key of a BAL that is about to be: made now, or by whoever tried before.
    async fn key_in_waiting(&self, bal: Id) -> Result<DataKey, StoreError> {
        let vault = self.0.store.vault();
        match vault.bal_key(bal).await {
            Err(StoreError::NoKey) => match vault.create_bal_key(bal).await {
                Err(StoreError::Exists(_)) => vault.bal_key(bal).await,
                made => made,
            },
            known => known,
        }
    }

    async fn carry_change(&self, id: Id, bal: Id, p: Prepared) -> Result<bool, Refusal> {
        let make = move |tx: &mut dyn Tx| {
            access::lock(tx, bal)?;
            let Some(Ready { row, request, people, .. }) = finish(tx, id, &p)? else { return Ok::<_, Fail>(false) };
            let stored = accounts::bal_by_id(tx, bal)?.ok_or(RefusalCode::NotFound)?;
            if matches!(stored.state.as_str(), "closing" | "closed") {
                let wrong = Refusal::new(RefusalCode::StateWrong).with("name", &stored.address);
                return Err(wrong.with("cause", stored.state).into());
            }
            let wanted = |person: Id| people.iter().find(|(id, _)| *id == person).map(|(_, part)| part.as_str());
            let (mut ended, mut kept) = (Vec::new(), Vec::new());
            for held in access::of_bal(tx, bal)? {
                // Responsible from now on, as the list says: an access that begins later or has an end is none that a BAL may be left with.
                let whole =
                    held.role != AccessRole::Responsible.as_str() || (held.starts <= p.now.0 && held.ends.is_none());
                if wanted(held.person_id) == Some(held.role.as_str()) && whole {
                    kept.push(held.person_id);
                    continue;
                }
                access::end(tx, held.person_id, bal, p.now.0.max(held.granted), &p.by)?;
                if wanted(held.person_id).is_none() {
                    access::revoke_tokens(tx, held.person_id, bal, p.now.0)?;
                    ended.push(held.login);
                }
            }
            for (person, part) in people.iter().filter(|(person, _)| !kept.contains(person)) {
                give(tx, *person, bal, *part, &p)?;
            }
            // Whoever edits the BAL at this moment is told that it changed.
            let label = request.name.clone();
            if !bals::update(tx, &accounts::Bal { label, ..stored })? {
                return Err(RefusalCode::Unavailable.into());
            }
            let roles: Vec<_> = request.people.iter().map(|(l, part)| json!([l, part.as_str()])).collect();
            let mut fact = p.fact.clone();
            fact.saying(&json!({
                "roles": roles, "ended": ended, "naming_override": request.naming_override,
                "eligibility_override": request.eligibility_override, "opening": id.to_string(),
                "asked_by": row.asked_by, "verified_by": p.by,
            }));
            fact.write(tx)?;
            Ok(true)
        };
        let done = self.0.store.write(make).await?;
        if done {
            self.rights_changed_of(bal);
        }
        Ok(done)
    }

    /// Closes the BAL first: a crash between the two leaves a request that is carried out again, and finds it closing. Whoever verified closes it,
    /// by the rights of that person: what a higher authority blocked is not closed by a request.
    async fn carry_end(&self, row: &Opening, request: &Request, p: Prepared) -> Result<bool, Refusal> {
        let id = row.id;
        let origin =
            Origin { door: Door::System, remote: None, session: format!("opening-{id}"), tls: None, once: None };
        // Within what a reason may have, with the login (at most 64). A character that was taken when it was asked for, and is not any more, is left out.
        let why = request.reason.as_deref().unwrap_or_default().chars();
        let why: String = why.filter(|c| !plain::is_treacherous(*c)).take(plain::REASON - 70).collect();
        let reason = format!("{why} ({})", row.asked_by);
        let (bal, login) = (row.bal_id.ok_or(RefusalCode::Unavailable)?, p.by.clone());
        let find = move |tx: &mut dyn Tx| Ok((accounts::bal_by_id(tx, bal)?, accounts::person_by_login(tx, &login)?));
        let found = self.0.store.read(find).await.map_err(|e: StoreError| refuse::store(&e))?;
        let (Some(bal), Some(verifier)) = found else { return Err(RefusalCode::Unavailable.into()) };
        if !matches!(bal.state.as_str(), "closing" | "closed") {
            let who = Who::Person(PersonRef { id: verifier.id, login: verifier.login, name: verifier.name });
            let actor = Actor { who, bal: None, credential: None, proof: Default::default(), origin };
            self.close_bal(&actor, &bal.address, crate::life::CloseOrder::unused(&reason)).await?;
        }
        Ok(self.0.store.write(move |tx| Ok::<_, Fail>(finish(tx, id, &p)?.is_some())).await?)
    }
}

/// Gives an access with the rights that its role usually has, later than any that the person had before.
fn give(tx: &mut dyn Tx, person: Id, bal: Id, part: Part, p: &Prepared) -> Result<(), Fail> {
    let rights = part.as_str().parse::<AccessRole>().map_or(BalRights::USE, AccessRole::usual);
    let at = access::newest(tx, person, bal)?.map_or(p.now.0, |newest| p.now.0.max(newest + 1));
    let new = access::NewAccess::now(person, bal, part.as_str(), rights.bits(), at, &p.by);
    Ok(access::grant(tx, &access::NewAccess { starts: p.now.0, ..new })?)
}
