//! Legal holds: nothing that one names is destroyed or purged while it stands.
//!
//! A hold is placed on a BAL, on a person (every BAL on which the person ever had an access, and the person's traces), on a structure (its BALs, and the
//! traces of whoever worked there) or on the operator as a whole (the configuration may place one of these too). It stops the destruction of closed
//! BALs, the purges of traces, all that retention removes (also of people: [`sceau_store::holds`] says whose), a second life of an address, and what
//! users expunge: that goes out of their sight and stays until the hold is lifted. It does not stop anybody
//! from being blocked, nor a BAL from being closed.
//!
//! Promises: a hold comes into force before anything it names can be destroyed, or is refused because that has happened already; who placed it, who
//! lifted it and why stays on record.
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::life::LifeState;
use sceau_domain::plain::reason;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::holds::{self as rows, Hold};
use sceau_store::{Id, StoreError, Tx, accounts, life, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// What a hold is placed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldSubject {
    /// A BAL, by its address.
    Bal(String),
    /// A person, by the login.
    Person(String),
    /// A structure, by its code.
    Structure(String),
    /// The operator as a whole.
    Operator,
}

/// A legal hold.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HoldView {
    /// Id.
    pub id: String,
    /// `bal`, `person`, `structure` or `operator`.
    pub subject: String,
    /// Address, login or code; empty for the operator.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Who asked for it: a court, an authority, a file's number.
    pub authority: String,
    /// When it was placed.
    #[schema(value_type = i64)]
    pub placed: Timestamp,
    /// By whom.
    pub placed_by: String,
    /// When it was lifted.
    #[schema(value_type = Option<i64>)]
    pub lifted: Option<Timestamp>,
    /// By whom.
    pub lifted_by: Option<String>,
    /// Why.
    pub lifted_reason: Option<String>,
}

pub(crate) fn view(tx: &mut dyn Tx, h: Hold) -> Result<HoldView, StoreError> {
    Ok(HoldView {
        name: crate::life::views::name_of(tx, &h.subject, h.subject_id)?,
        id: h.id.to_string(),
        subject: h.subject,
        reason: h.reason,
        authority: h.authority,
        placed: Timestamp(h.placed),
        placed_by: h.placed_by,
        lifted: h.lifted.map(Timestamp),
        lifted_by: h.lifted_by,
        lifted_reason: h.lifted_reason,
    })
}

impl Operator {
    /// Places a hold. `admin.not_found`, `admin.invalid`, `state.wrong` (the BAL is destroyed), `right.missing`.
    #[boxed]
    pub async fn place_hold(
        &self,
        actor: &Actor,
        subject: &HoldSubject,
        why: &str,
        authority: &str,
    ) -> Result<HoldView, Refusal> {
        let use_case = UseCase::HoldPlace;
        self.require(actor, use_case, On::Operator).await?;
        let (why, authority) = (reason(why, "reason")?, reason(authority, "authority")?);
        let (kind, name) = match subject {
            HoldSubject::Bal(address) => ("bal", self.key_of(address)?),
            HoldSubject::Person(login) => ("person", login.to_ascii_lowercase()),
            HoldSubject::Structure(code) => ("structure", code.to_ascii_lowercase()),
            HoldSubject::Operator => ("operator", String::new()),
        };
        let by = By::actor(actor);
        let (id, now, asker) = (self.0.store.new_id(), self.now().0, actor.clone());
        let told = json!({ "id": id.to_string(), "subject": kind, "reason": why, "authority": authority });
        let fact = self.fact("hold.placed", &by, None, "ok", told);
        let place = move |tx: &mut dyn Tx| {
            permit(tx, &asker, use_case, On::Operator)?;
            rows::lock(tx, now)?;
            let mut fact = fact.clone();
            let of = match kind {
                "bal" => {
                    let found = accounts::bal_by_address(tx, &name)?;
                    let bal = found.ok_or_else(|| unknown(tx, &asker, use_case, &name))?;
                    let over = |s: &life::Step| {
                        [LifeState::Destroyed, LifeState::Tombstone].iter().any(|l| l.as_str() == s.became)
                    };
                    if life::steps(tx, "bal", bal.id)?.iter().any(over) {
                        let wrong = Refusal::new(RefusalCode::StateWrong).with("name", &bal.address);
                        return Err(wrong.with("cause", LifeState::Destroyed).into());
                    }
                    fact = fact.on(bal.id, Some(bal.address_key));
                    bal.id
                }
                "person" => {
                    fact.adding("login", name.as_str().into());
                    let found = accounts::person_by_login(tx, &name)?;
                    found.ok_or_else(|| unknown(tx, &asker, use_case, &name))?.id
                }
                "structure" => {
                    fact.adding("structure", name.as_str().into());
                    structures::by_code(tx, &name)?.ok_or_else(|| unknown(tx, &asker, use_case, &name))?.id
                }
                _ => 0,
            };
            let hold = Hold::new(id, (kind, of), &why, &authority, now, &by.name);
            rows::place(tx, &hold)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, hold)?)
        };
        let placed = self.0.store.write(place).await?;
        self.tell_of_holds().await?;
        Ok(placed)
    }

    /// Lifts a hold: what waited for it goes on. The configuration's is lifted in the configuration. `admin.not_found`, `admin.invalid`,
    /// `state.wrong`, `right.missing`.
    #[boxed]
    pub async fn lift_hold(&self, actor: &Actor, id: Id, why: &str) -> Result<HoldView, Refusal> {
        let use_case = UseCase::HoldPlace;
        self.require(actor, use_case, On::Operator).await?;
        let (why, by) = (reason(why, "reason")?, By::actor(actor));
        let told = json!({ "id": id.to_string(), "reason": why });
        let (fact, now, asker) = (self.fact("hold.lifted", &by, None, "ok", told), self.now().0, actor.clone());
        let lift = move |tx: &mut dyn Tx| {
            permit(tx, &asker, use_case, On::Operator)?;
            rows::lock(tx, now)?;
            let found = rows::by_id(tx, id)?;
            let hold = found.ok_or_else(|| unknown(tx, &asker, use_case, &id.to_string()))?;
            let wrong =
                |cause: &str| Fail::from(Refusal::new(RefusalCode::StateWrong).with("name", id).with("cause", cause));
            if hold.placed_by == crate::notary::CONFIGURATION {
                return Err(wrong("configuration"));
            }
            if !rows::lift(tx, id, now, &by.name, &why)? {
                return Err(wrong("lifted"));
            }
            fact.write(tx)?;
            let hold = rows::by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, hold)?)
        };
        let lifted = self.0.store.write(lift).await?;
        self.tell_of_holds().await?;
        self.wake_jobs();
        Ok(lifted)
    }

    /// Holds, oldest first, from after `after`: those that stand, or all.
    #[boxed]
    pub async fn holds(&self, actor: &Actor, all: bool, after: Id, limit: u32) -> Result<Vec<HoldView>, Refusal> {
        self.require(actor, UseCase::HoldList, On::Operator).await?;
        let list = move |tx: &mut dyn Tx| {
            let found = rows::list(tx, !all, after, i64::from(limit))?;
            found.into_iter().map(|h| view(tx, h)).collect::<Result<Vec<_>, StoreError>>()
        };
        self.0.store.read(list).await.map_err(|e| refuse::store(&e))
    }

    /// One hold. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn hold(&self, actor: &Actor, id: Id) -> Result<HoldView, Refusal> {
        self.require(actor, UseCase::HoldList, On::Operator).await?;
        let asker = actor.clone();
        let show = move |tx: &mut dyn Tx| {
            let found = rows::by_id(tx, id)?;
            let hold = found.ok_or_else(|| unknown(tx, &asker, UseCase::HoldList, &id.to_string()))?;
            Ok::<_, Fail>(view(tx, hold)?)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// The alarm that purges are suspended for the whole operator, raised as long as a hold on it stands.
    pub(crate) async fn tell_of_holds(&self) -> Result<(), Refusal> {
        let standing = self.0.store.read(rows::of_operator).await.map_err(|e| refuse::store(&e))?;
        match standing.first() {
            Some(hold) => self.raise_alarm("notary.hold", "", false, json!({ "cause": hold.reason })).await,
            None => self.clear_alarm("notary.hold", "").await,
        };
        Ok(())
    }
}
