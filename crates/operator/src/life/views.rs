//! A life, shown.
use super::of_bal;
use crate::boxed;
use crate::holds::HoldView;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach};
use crate::{Actor, Operator};
use sceau_domain::life::LifeState;
use sceau_domain::{Refusal, Timestamp, UseCase};
use sceau_store::{Id, Tx, accounts, holds, life as rows, structures};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A step of a life.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = LifeStepView)]
pub struct StepView {
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// State before.
    pub was: String,
    /// State after.
    pub became: String,
    /// Login, or `system`. Not told to who has no role here.
    pub by: Option<String>,
    /// Why. Not told to who has no role here.
    pub reason: Option<String>,
}

/// The life of a BAL, a person or a structure.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LifeView {
    /// `bal`, `person` or `structure`.
    pub subject: String,
    /// Address, login or code.
    pub name: String,
    /// `active`, `suspended`, `blocked`, `closing`, `closed`, `destroyed` or `tombstone`.
    pub state: String,
    /// When a closing BAL is closed for good.
    #[schema(value_type = Option<i64>)]
    pub closing_at: Option<Timestamp>,
    /// Until when the address of a closed BAL is given to nobody else; absent: never again.
    #[schema(value_type = Option<i64>)]
    pub tombstone_until: Option<Timestamp>,
    /// Messages that their user removed and that only a legal hold keeps. Told to who may see holds.
    pub kept_messages: u64,
    /// Legal holds that stand. Told to who may see them.
    pub holds: Vec<HoldView>,
    /// Its steps, oldest first.
    pub steps: Vec<StepView>,
}

impl Operator {
    /// The life of a BAL. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn life_of_bal(&self, actor: &Actor, address: &str) -> Result<LifeView, Refusal> {
        self.require(actor, UseCase::BalList, On::Anywhere).await?;
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let show = move |tx: &mut dyn Tx| {
            let bal = super::bals::known(tx, &actor, UseCase::BalList, &key)?;
            permit(tx, &actor, UseCase::BalList, On::Bal(bal.id))?;
            bal_view(tx, &actor, bal.id)
        };
        Ok(self.0.store.read(show).await?)
    }
    /// The life of a person. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn life_of_person(&self, actor: &Actor, login: &str) -> Result<LifeView, Refusal> {
        self.require(actor, UseCase::PersonList, On::Anywhere).await?;
        let (login, actor) = (login.to_ascii_lowercase(), actor.clone());
        let show = move |tx: &mut dyn Tx| {
            let person = super::people::known(tx, &actor, UseCase::PersonList, &login)?;
            permit(tx, &actor, UseCase::PersonList, On::Person(person.id))?;
            other_view(tx, &actor, ("person", person.id), &person.login, person.disabled.is_some())
        };
        Ok(self.0.store.read(show).await?)
    }
    /// The life of a structure. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn life_of_structure(&self, actor: &Actor, code: &str) -> Result<LifeView, Refusal> {
        self.require(actor, UseCase::StructureList, On::Anywhere).await?;
        let (code, actor) = (code.to_ascii_lowercase(), actor.clone());
        let show = move |tx: &mut dyn Tx| {
            let found = crate::accounts::structures::known(tx, &actor, UseCase::StructureList, &code)?;
            other_view(tx, &actor, ("structure", found.id), &found.code, found.blocked.is_some())
        };
        Ok(self.0.store.read(show).await?)
    }
}

/// The life of a BAL, for whoever may see the BAL.
pub(super) fn bal_view(tx: &mut dyn Tx, actor: &Actor, bal: Id) -> Result<LifeView, Fail> {
    let found = accounts::bal_by_id(tx, bal)?;
    let Some(bal) = found else { return Err(sceau_domain::RefusalCode::NotFound.into()) };
    let life = of_bal(tx, &bal)?;
    let may_see_holds = permit(tx, actor, UseCase::HoldList, On::Operator).is_ok();
    let (mut standing, mut kept) = (Vec::new(), 0);
    if may_see_holds {
        for hold in holds::of_bal(tx, bal.id)? {
            standing.push(crate::holds::view(tx, hold)?);
        }
        kept = holds::kept(tx, bal.id)?;
    }
    Ok(LifeView {
        subject: "bal".into(),
        name: bal.address.clone(),
        state: life.state.to_string(),
        closing_at: life.closing_at,
        tombstone_until: bal.tombstone_until.filter(|_| life.state.is_over()).map(Timestamp),
        kept_messages: u64::try_from(kept).unwrap_or(0),
        holds: standing,
        steps: steps(tx, actor, ("bal", bal.id))?,
    })
}

pub(super) fn other_view(
    tx: &mut dyn Tx,
    actor: &Actor,
    of: (&str, Id),
    name: &str,
    blocked: bool,
) -> Result<LifeView, Fail> {
    let state = if blocked { LifeState::Blocked } else { LifeState::Active };
    let mut standing = Vec::new();
    if permit(tx, actor, UseCase::HoldList, On::Operator).is_ok() {
        for hold in holds::of_subject(tx, of.0, of.1)? {
            standing.push(crate::holds::view(tx, hold)?);
        }
    }
    Ok(LifeView {
        subject: of.0.into(),
        name: name.to_owned(),
        state: state.to_string(),
        closing_at: None,
        tombstone_until: None,
        kept_messages: 0,
        holds: standing,
        steps: steps(tx, actor, of)?,
    })
}

/// Who acted and why is for who has a role: an investigation is not told to whom it is about.
fn steps(tx: &mut dyn Tx, actor: &Actor, (subject, id): (&str, Id)) -> Result<Vec<StepView>, Fail> {
    let all = !matches!(reach(tx, actor, UseCase::BalList)?, Reach::Own(_));
    let found = rows::steps(tx, subject, id)?;
    let view = |s: rows::Step| StepView {
        at: Timestamp(s.at),
        was: s.was,
        became: s.became,
        by: all.then_some(s.by_whom),
        reason: s.reason.filter(|_| all),
    };
    Ok(found.into_iter().map(view).collect())
}

/// The name of what a hold or a step is about.
pub(crate) fn name_of(tx: &mut dyn Tx, subject: &str, id: Id) -> Result<String, sceau_store::StoreError> {
    Ok(match subject {
        "bal" => accounts::bal_by_id(tx, id)?.map(|b| b.address),
        "person" => accounts::person_by_id(tx, id)?.map(|p| p.login),
        "structure" => structures::by_id(tx, id)?.map(|s| s.code),
        _ => None,
    }
    .unwrap_or_default())
}
