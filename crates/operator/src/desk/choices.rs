//! What a person chose of the desk: no content, nothing that gives or takes a right. Light or dark is its browser's
//! own choice, and is not kept here.
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_store::desk::choices as rows;
use sceau_store::{Id, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Choices of the desk. What somebody never chose, and what a later version adds, is as here by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// For how long a sent message is held, seconds; none: as the operator configured.
    pub undo_seconds: Option<u32>,
    /// Lists begin with the oldest message.
    pub oldest_first: bool,
    /// Lists show conversations.
    pub threads: bool,
    /// Single keys do things.
    pub keys: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self { undo_seconds: None, oldest_first: false, threads: true, keys: true }
    }
}

/// Who chooses: a person.
fn chooser(actor: &Actor) -> Result<Id, Refusal> {
    match &actor.who {
        Who::Person(person) => Ok(person.id),
        Who::Connector(_) | Who::System => Err(RefusalCode::RightMissing.into()),
    }
}

impl Operator {
    /// The asker's choices. `right.missing`.
    #[boxed]
    pub async fn desk_choices(&self, actor: &Actor) -> Result<Choices, Refusal> {
        let (person, actor) = (chooser(actor)?, actor.clone());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::OwnShow, On::Anywhere)?;
            Ok::<_, Fail>(rows::of(tx, person)?)
        };
        let kept = self.0.store.read(find).await?;
        // What cannot be read is as if nothing was chosen: nobody loses the desk by it.
        Ok(kept.and_then(|c| serde_json::from_str(&c.choices).ok()).unwrap_or_default())
    }

    /// The asker chooses. `admin.invalid` for more seconds than [`super::Settings::MOST_UNDO`]; `right.missing`. Traced: `desk.choices`.
    #[boxed]
    pub async fn set_desk_choices(&self, actor: &Actor, chosen: &Choices) -> Result<(), Refusal> {
        if chosen.undo_seconds.is_some_and(|s| s > super::Settings::MOST_UNDO) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "undo_seconds"));
        }
        let said = serde_json::to_value(chosen).map_err(|_| Refusal::new(RefusalCode::Defect))?;
        let row = rows::Choices { choices: said.to_string(), changed: self.now().0 };
        let fact = self.fact("desk.choices", &By::actor(actor), None, "ok", json!({ "choices": said }));
        let (person, actor) = (chooser(actor)?, actor.clone());
        let put = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::OwnShow, On::Anywhere)?;
            rows::put(tx, person, &row)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        Ok(self.0.store.write(put).await?)
    }
}
