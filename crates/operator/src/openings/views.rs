//! What is shown of requests.
use crate::accounts::BalView;
use sceau_domain::opening::{Guard, Lack, Missing, Part, State, Task};
use sceau_domain::{BalKind, Lang, Refusal, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Which requests to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpeningQuery {
    /// In this state.
    pub state: Option<State>,
    /// Of this task.
    pub task: Option<Task>,
    /// For the structure with this code.
    pub structure: Option<String>,
    /// With this in the address, or in the login of who asked.
    pub text: Option<String>,
}

/// Somebody at the BAL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartView {
    /// Login.
    pub login: String,
    /// `holder`, `responsible`, `member` or `machine`.
    #[schema(value_type = String)]
    pub role: Part,
}

/// What a request waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitView {
    /// `identity`, `responsible`, `convention`, `eligibility`, `terms` or `address`.
    #[schema(value_type = String)]
    pub guard: Guard,
    /// Why it does not let through, a stable name.
    #[schema(value_type = String)]
    pub lack: Lack,
    /// Because of whom.
    pub login: Option<String>,
    /// The same in French, with what to do.
    pub detail: String,
    /// The same in English.
    pub detail_en: String,
}

impl From<Missing> for WaitView {
    fn from(m: Missing) -> Self {
        let refusal = Refusal::from(m.clone());
        let (detail, detail_en) = (refusal.sentence(Lang::Fr), refusal.sentence(Lang::En));
        Self { guard: m.guard, lack: m.lack, login: m.who, detail, detail_en }
    }
}

/// A step that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepView {
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// State before; empty for the first one.
    pub was: String,
    /// State after.
    pub became: String,
    /// Login, or `system`.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// A request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OpeningView {
    /// Id.
    pub id: String,
    /// `open`, `change` or `end`.
    #[schema(value_type = String)]
    pub task: Task,
    /// `requested`, `verified`, `opened`, `done`, `refused` or `cancelled`.
    #[schema(value_type = String)]
    pub state: State,
    /// Address of the BAL.
    pub address: String,
    /// Its kind.
    #[schema(value_type = String)]
    pub kind: BalKind,
    /// Its name, as asked.
    pub name: String,
    /// Code of the structure it is asked for.
    pub structure: Option<String>,
    /// Who is to have access to it.
    pub people: Vec<PartView>,
    /// Why it is asked, when that was said.
    pub reason: Option<String>,
    /// Who asked.
    pub asked_by: String,
    /// When it was asked.
    #[schema(value_type = i64)]
    pub asked: Timestamp,
    /// When it last went on.
    #[schema(value_type = i64)]
    pub changed: Timestamp,
    /// What it waits for, while it is under way (not in lists when it names more than twenty people).
    pub waits_for: Vec<WaitView>,
    /// The steps made so far, oldest first (not in lists).
    pub steps: Vec<StepView>,
    /// The BAL, when there is one (not in lists).
    pub bal: Option<BalView>,
    /// Grows with each step.
    pub version: i64,
}
