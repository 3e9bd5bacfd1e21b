//! Choices about a BAL: liste rouge, telephone published, zéro papier (EX_PBA_5040, F091–F094), and their history.
//!
//! Promises: none is made for anybody; whoever the BAL belongs to makes and changes each at any time; support changes zéro papier alone, which is
//! what the texts let it do (F093); each change stands in the life of the BAL, with who made it, when and as what.
use super::edit::{fresh, shown, update};
use super::{BalChoices, BalView, find};
use crate::Operator;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, authority};
use crate::{Actor, accounts::page};
use sceau_domain::{Refusal, RefusalCode, Role, Timestamp, UseCase};
use sceau_store::life::{self, Step};
use sceau_store::{Id, StoreError, Tx, accounts as rows};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The subject of a step in `life` that says what was chosen.
const SUBJECT: &str = "bal_choices";

/// Choices as they were made at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChoiceStep {
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Login of who made them.
    pub by: String,
    /// As what: `user`, `support`, `structure`, `administrator`; absent when they came with the request for the BAL.
    pub role: Option<String>,
    /// On the liste rouge, from then on; null: not chosen.
    pub red_list: Option<bool>,
    /// Telephone published.
    pub phone_published: Option<bool>,
    /// Zéro papier.
    pub paperless: Option<bool>,
}

/// The choices of a BAL.
fn of(b: &rows::Bal) -> [Option<bool>; 3] {
    [b.red_list, b.phone_published, b.paperless]
}

fn said(choices: [Option<bool>; 3]) -> String {
    json!(choices).to_string()
}

/// Writes what was chosen with the request for a BAL: the first of its history, when there was anything.
pub(crate) fn at_opening(tx: &mut dyn Tx, bal: &rows::Bal, step: &Step) -> Result<(), StoreError> {
    if of(bal) == [None; 3] {
        return Ok(());
    }
    let (subject, was, became) = (SUBJECT.to_owned(), said([None; 3]), said(of(bal)));
    life::step(tx, &Step { subject, subject_id: bal.id, was, became, reason: None, ..step.clone() })
}

impl Operator {
    /// Makes choices about a BAL of this version: the person for the own one, a responsible for an ORG, APP or CAB, an administrator, support (zéro
    /// papier). `admin.not_found`, `admin.invalid` when nothing is chosen, `edit.conflict`, `state.wrong`.
    #[boxed]
    pub async fn choose_for_bal(
        &self,
        actor: &Actor,
        address: &str,
        version: i64,
        choices: BalChoices,
    ) -> Result<BalView, Refusal> {
        let (key, by) = (self.key_of(address)?, By::actor(actor));
        let fact = self.fact("bal.choices", &by, None, "ok", Value::Null);
        let step = self.life_step(SUBJECT, 0, ("", ""), &by, None);
        let actor = actor.clone();
        let act = move |tx: &mut dyn Tx| {
            let bal = find(tx, &actor, UseCase::BalChoices, &key)?;
            let role = authority(tx, &actor, UseCase::BalChoices, On::Bal(bal.id))?;
            if role == Some(Role::Support) && (choices.red_list.is_some() || choices.phone_published.is_some()) {
                return Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::BalChoices.as_str()).into());
            }
            let bal = fresh(bal, version)?;
            if choices == BalChoices::default() {
                return Err(Refusal::new(RefusalCode::Invalid)
                    .with("name", "red_list, phone_published, paperless")
                    .into());
            }
            let chosen = rows::Bal {
                red_list: choices.red_list.or(bal.red_list),
                phone_published: choices.phone_published.or(bal.phone_published),
                paperless: choices.paperless.or(bal.paperless),
                ..bal.clone()
            };
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
            let names = ["red_list", "phone_published", "paperless"];
            let role = role.map(Role::as_str);
            fact.saying(&json!({ "choices": names, "was": of(&bal), "became": of(&chosen), "role": role }));
            update(tx, &chosen)?;
            let (was, became) = (said(of(&bal)), said(of(&chosen)));
            life::record(tx, &Step { subject_id: bal.id, was, became, ..step.clone() }, role)?;
            fact.write(tx)?;
            shown(tx, chosen.id)
        };
        Ok(self.0.store.write(act).await?)
    }

    /// What was chosen about a BAL, newest first, from before `before`: id of the step and what it was. `admin.not_found`.
    #[boxed]
    pub async fn choices_of_bal(
        &self,
        actor: &Actor,
        address: &str,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<(Id, ChoiceStep)>, Refusal> {
        let (actor, key) = (actor.clone(), self.key_of(address)?);
        let list = move |tx: &mut dyn Tx| {
            let bal = find(tx, &actor, UseCase::BalList, &key)?;
            let steps = life::newest(tx, SUBJECT, bal.id, before.unwrap_or(Id::MAX), page(limit))?;
            let shown = steps.into_iter().map(|(step, role)| {
                let [red_list, phone_published, paperless] =
                    serde_json::from_str(&step.became).map_err(|_| StoreError::Invalid("choices of a BAL".into()))?;
                let (at, by) = (Timestamp(step.at), step.by_whom);
                Ok((step.id, ChoiceStep { at, by, role, red_list, phone_published, paperless }))
            });
            Ok::<_, Fail>(shown.collect::<Result<Vec<_>, StoreError>>()?)
        };
        Ok(self.0.store.read(list).await?)
    }
}
