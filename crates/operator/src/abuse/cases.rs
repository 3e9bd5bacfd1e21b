//! Cases, reviewed by people: who may see them, what may be decided, what a decision does.
//!
//! A decision and what it does (token revoked, BAL suspended, person warned) are one transaction, with the traces of each act; whoever decides needs the
//! rights of these acts too. Promises: a case is decided once; what was decided changes no threshold and no other case.
use crate::boxed;
use crate::life::Suspension;
use crate::notices::Template;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator};
use sceau_domain::abuse::Decision;
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::abuse::{self as rows, Case};
use sceau_store::{Id, StoreError, Tx, accounts, alarms, attempts, bals, browsers, departures, structures};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// A signal of a case.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AbuseSignalView {
    /// `burst`, `unknown`, `peer_unknown`, `correspondents`, `refused`, `apart`, `infected`, `guess`, `stuffing`, `codes`, `travel`.
    pub name: String,
    /// First time.
    #[schema(value_type = i64)]
    pub first: Timestamp,
    /// Last time.
    #[schema(value_type = i64)]
    pub last: Timestamp,
    /// How often it was given.
    pub times: i64,
    /// The largest count, when it was given.
    pub seen: i64,
    /// The threshold that it passed.
    pub threshold: i64,
    /// Places from which a token was used; the network from which somebody came; positions, kilometres and minutes of a journey. Empty elsewhere.
    pub detail: String,
}

/// What looks like abuse.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AbuseCaseView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: Id,
    /// `token`, `person` (something was tried in that name), `connector`, `peer`.
    pub kind: String,
    /// Id of the token, person or connector; of a peer, a digest of its name.
    pub subject: String,
    /// Label of the token, login of the person, name of the connector, name of the peer's certificate.
    pub shown: String,
    /// Whose token, or who: login.
    pub login: Option<String>,
    /// The BAL at which it was noticed.
    pub bal: Option<String>,
    /// The structure of this BAL (code).
    pub structure: Option<String>,
    /// `open` or `decided`.
    pub state: String,
    /// Until when it is slowed.
    #[schema(value_type = Option<i64>)]
    pub slowed_until: Option<Timestamp>,
    /// When the person was told, by a notice without content.
    #[schema(value_type = Option<i64>)]
    pub told: Option<Timestamp>,
    /// What was noticed.
    pub signals: Vec<AbuseSignalView>,
    /// What was decided: `nothing`, `warn`, `block`, `suspend`.
    pub decision: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// By whom: login.
    pub decided_by: Option<String>,
    /// When.
    #[schema(value_type = Option<i64>)]
    pub decided: Option<Timestamp>,
    /// When it was opened.
    #[schema(value_type = i64)]
    pub opened: Timestamp,
    /// When something was last noticed or decided.
    #[schema(value_type = i64)]
    pub changed: Timestamp,
}

/// Cases as shown, in their order: what stands beside them is read once for all of them.
fn views(tx: &mut dyn Tx, cases: Vec<Case>) -> Result<Vec<AbuseCaseView>, StoreError> {
    let ids: Vec<Id> = cases.iter().map(|c| c.id).collect();
    let mut signals: BTreeMap<Id, Vec<AbuseSignalView>> = BTreeMap::new();
    for s in rows::signals(tx, &ids)? {
        signals.entry(s.case).or_default().push(AbuseSignalView {
            name: s.name,
            first: Timestamp(s.first),
            last: Timestamp(s.last),
            times: s.times,
            seen: s.seen,
            threshold: s.threshold,
            detail: s.detail,
        });
    }
    let of = |pick: fn(&Case) -> Option<Id>| cases.iter().filter_map(pick).collect::<Vec<Id>>();
    let people = accounts::people_by_ids(tx, &of(|c| c.person))?;
    let logins: HashMap<Id, String> = people.into_iter().map(|p| (p.id, p.login)).collect();
    let addresses: HashMap<Id, String> =
        bals::by_ids(tx, &of(|c| c.bal))?.into_iter().map(|b| (b.id, b.address)).collect();
    let codes = structures::by_ids(tx, &of(|c| c.structure))?;
    let view = |c: Case| AbuseCaseView {
        signals: signals.remove(&c.id).unwrap_or_default(),
        login: c.person.and_then(|p| logins.get(&p).cloned()),
        bal: c.bal.and_then(|b| addresses.get(&b).cloned()),
        structure: c.structure.and_then(|s| codes.get(&s).map(|s| s.code.clone())),
        id: c.id,
        kind: c.kind,
        subject: c.subject,
        shown: c.shown,
        state: c.state,
        slowed_until: c.slowed_until.map(Timestamp),
        told: c.told.map(Timestamp),
        decision: c.decision,
        reason: c.reason,
        decided_by: c.decided_by,
        decided: c.decided_at.map(Timestamp),
        opened: Timestamp(c.opened),
        changed: Timestamp(c.changed),
    };
    Ok(cases.into_iter().map(view).collect())
}

/// The structures whose cases the asker sees; none: every case.
fn within(tx: &mut dyn Tx, actor: &Actor) -> Result<Option<Vec<Id>>, Fail> {
    permit(tx, actor, UseCase::AbuseList, On::Anywhere)?;
    Ok(match reach(tx, actor, UseCase::AbuseList)? {
        Reach::All => None,
        Reach::Structures(structures) => Some(structures),
        Reach::Own(_) => Some(Vec::new()),
    })
}

impl Operator {
    /// What looks like abuse, newest first, from before `before`; in a state (`open`, `decided`). A structure's administrators see what was noticed at its
    /// BALs. `right.missing`.
    #[boxed]
    pub async fn abuse_cases(
        &self,
        actor: &Actor,
        state: Option<&str>,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<AbuseCaseView>, Refusal> {
        let (actor, state) = (actor.clone(), state.map(str::to_owned));
        let list = move |tx: &mut dyn Tx| {
            let within = within(tx, &actor)?;
            if within.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Vec::new());
            }
            let (before, most) = (before.unwrap_or(Id::MAX), crate::accounts::page(limit));
            let found = rows::list(tx, state.as_deref(), within.as_deref(), before, most)?;
            Ok::<_, Fail>(views(tx, found)?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One case. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn abuse_case(&self, actor: &Actor, id: Id) -> Result<AbuseCaseView, Refusal> {
        let actor = actor.clone();
        let read = move |tx: &mut dyn Tx| {
            let within = within(tx, &actor)?;
            let seen = |c: &Case| within.as_ref().is_none_or(|w| c.structure.is_some_and(|s| w.contains(&s)));
            match rows::by_id(tx, id)?.filter(seen) {
                Some(case) => Ok::<_, Fail>(crate::accounts::only(views(tx, vec![case])?)?),
                None => Err(unknown(tx, &actor, UseCase::AbuseList, &id.to_string())),
            }
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Decides a case: nothing was wrong, the person is warned, the token is revoked (of a person: sessions, tokens and programs end, and no browser is
    /// known any more), or the BAL is suspended as well. `state.wrong` when it was decided before, `admin.invalid` when the decision does not fit,
    /// `notice.no_relay` and `abuse.unreachable` when nobody can be warned, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn decide_abuse(
        &self,
        actor: &Actor,
        id: Id,
        decision: Decision,
        reason: &str,
    ) -> Result<AbuseCaseView, Refusal> {
        self.require(actor, UseCase::AbuseDecide, On::Operator).await?;
        let reason = plain::reason(reason, "reason")?;
        let prepared = self.prepare_decision(actor, id, decision, &reason).await?;
        let (by, now) = (By::actor(actor), self.now().0);
        let said = json!({ "case": id.to_string(), "decision": decision, "reason": reason });
        let fact = self.fact("abuse.decided", &by, None, "ok", said);
        // The key of the request is taken once, by the decision.
        let mut revoked = self.fact("token.revoked", &by, None, "ok", json!({ "case": id.to_string() }));
        revoked.without_key();
        let asker = actor.clone();
        let decide = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::AbuseDecide, On::Operator)?;
            let found = rows::hold(tx, id)?;
            let case = judged(tx, &asker, found, id, decision)?;
            if !rows::decide(tx, id, (decision.as_str(), &reason, &by.name), now)? {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", id).with("cause", "decided").into());
            }
            let (mut token, mut whose) = (None, None);
            if let (Decision::Block, "person", Some(person)) = (decision, case.kind.as_str(), case.person) {
                permit(tx, &asker, UseCase::TokenRevoke, On::Person(person))?;
                let ended = departures::revoke_tokens(tx, person, now)?;
                browsers::forget_of(tx, person)?;
                attempts::end_of_person(tx, person, now)?;
                let mut revoked = revoked.clone();
                revoked.adding("person", person.to_string().into());
                revoked.adding("count", ended.into());
                revoked.write(tx)?;
                whose = Some(person);
            } else if let (Decision::Block | Decision::Suspend, "token", Ok(row)) =
                (decision, case.kind.as_str(), case.subject.parse::<Id>())
                && let Some(row) = accounts::token_by_id(tx, row)?
            {
                permit(tx, &asker, UseCase::TokenRevoke, On::Person(row.person_id))?;
                // It may have been revoked meanwhile, by its owner who was told.
                if accounts::revoke_token(tx, row.id, now)? {
                    let mut revoked = revoked.clone();
                    revoked.adding("token", row.id.into());
                    revoked.write(tx)?;
                }
                token = Some(row.id);
            }
            let bal = match &prepared.suspension {
                Some(suspension) => suspension.write(tx)?,
                None => None,
            };
            if let Some(notice) = &prepared.warning {
                notice.write(tx)?;
                rows::told(tx, id, now)?;
            }
            alarms::clear(tx, "abuse.seen", &id.to_string(), now)?;
            fact.write(tx)?;
            let case = rows::by_id(tx, id)?.ok_or_else(|| StoreError::Invalid("a case".into()))?;
            let subject = (case.kind.clone(), case.subject.clone());
            Ok::<_, Fail>((crate::accounts::only(views(tx, vec![case])?)?, subject, (token, whose), bal))
        };
        let (view, subject, (token, whose), bal) = self.0.store.write(decide).await?;
        {
            let mut memory = self.0.abuse.memory();
            memory.slowed.remove(&subject);
            // What is noticed from now on is another case.
            memory.last.retain(|(s, _), _| (s.kind, s.id.as_str()) != (subject.0.as_str(), subject.1.as_str()));
        }
        for id in token.into_iter().chain(whose).chain(bal) {
            self.rights_changed_of(id);
        }
        if let Some(bal) = bal {
            self.0.watch.notify(bal);
        }
        self.wake_jobs();
        Ok(view)
    }

    /// What a decision needs beside the transaction.
    async fn prepare_decision(
        &self,
        actor: &Actor,
        id: Id,
        decision: Decision,
        reason: &str,
    ) -> Result<Prepared, Refusal> {
        let asker = actor.clone();
        let look = move |tx: &mut dyn Tx| {
            let found = rows::by_id(tx, id)?;
            let case = judged(tx, &asker, found, id, decision)?;
            let bal = match case.bal {
                Some(bal) => bals::by_ids(tx, &[bal])?.pop().map(|b| b.address),
                None => None,
            };
            let person = match case.person {
                Some(person) => accounts::person_by_id(tx, person)?,
                None => None,
            };
            Ok::<_, Fail>((bal, person))
        };
        let (bal, person) = self.0.store.read(look).await?;
        let mut prepared = Prepared::default();
        match decision {
            Decision::Suspend => {
                let bal = bal.ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "decision"))?;
                prepared.suspension = Some(self.suspension(actor, &bal, reason)?);
            }
            Decision::Warn => {
                if let Some(person) = person {
                    let email = person.email.as_deref().filter(|_| person.email_verified.is_some());
                    let email: Address = email
                        .and_then(|e| e.parse().ok())
                        .ok_or_else(|| Refusal::new(RefusalCode::AbuseUnreachable).with("name", &person.login))?;
                    let date = crate::certificates::day(self.now().0);
                    let notice = self.notice(Template::AbuseWarning, person.id, &email, &[("date", &date)]).await?;
                    prepared.warning = Some(notice);
                }
            }
            Decision::Nothing | Decision::Block => {}
        }
        Ok(prepared)
    }
}

#[derive(Debug, Default)]
struct Prepared {
    suspension: Option<Suspension>,
    warning: Option<crate::notices::Notice>,
}

/// An open case on which this may be decided.
fn judged(tx: &mut dyn Tx, asker: &Actor, found: Option<Case>, id: Id, decision: Decision) -> Result<Case, Fail> {
    let Some(case) = found else {
        return Err(unknown(tx, asker, UseCase::AbuseDecide, &id.to_string()));
    };
    if case.state != "open" {
        return Err(Refusal::new(RefusalCode::StateWrong).with("name", id).with("cause", &case.state).into());
    }
    if !decision.fits(&case.kind) {
        let cause = format!("{}: {}", case.kind, decision.as_str());
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "decision").with("cause", cause).into());
    }
    Ok(case)
}
