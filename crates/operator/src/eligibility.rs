//! Whom the operator takes (F163): its rules, shown and set; what a request is judged by. The rules themselves are [`sceau_domain::eligibility`].
//!
//! Promises: rules count from their commit on, for what is asked and for what waits; what was opened before stays open; an exception is an act of
//! the operator's administrators, with its reason, in the trace of the opening.
use crate::accounts::structures::views::Postal;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::eligibility::{Candidate, Rules, Unfit, department};
use sceau_domain::{BalKind, Refusal, RefusalCode, UseCase};
use sceau_store::accounts::Person;
use sceau_store::structures::Structure;
use sceau_store::{StoreError, Tx, settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Where the rules are kept.
const SETTING: &str = "eligibility";

/// The operator's rules, as REST and `--json` write them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"territories": ["FR-OCC"], "professions": ["10", "60"], "staff": "checked", "registered": true}))]
pub struct EligibilityRules {
    /// Departments (`31`, `2A`, `974`) and regions (`FR-OCC`) whose structures are taken; none: everywhere.
    #[schema(max_items = 200)]
    pub territories: Vec<String>,
    /// Codes of the professions that are taken; none: every one.
    #[schema(max_items = 200)]
    pub professions: Vec<String>,
    /// What is asked of people without a profession: `admitted` (nothing), `checked` (that their identity was certified), `refused`.
    #[schema(pattern = "^(admitted|checked|refused)$")]
    pub staff: String,
    /// The holder of a personal BAL has a national identifier: an exemption does not do.
    pub registered: bool,
}

impl Default for EligibilityRules {
    /// Everybody everywhere, as the description says.
    fn default() -> Self {
        let staff = "admitted".to_owned();
        Self { territories: Vec::new(), professions: Vec::new(), staff, registered: false }
    }
}

impl EligibilityRules {
    fn of(r: Rules) -> Self {
        let Rules { territories, professions, staff, registered } = r;
        Self { territories, professions, staff: staff.as_str().to_owned(), registered }
    }
    /// `admin.invalid`, `naming.too_long`.
    fn rules(self) -> Result<Rules, Refusal> {
        let staff = match self.staff.as_str() {
            "" => json!("admitted"),
            word => json!(word),
        };
        let staff =
            serde_json::from_value(staff).map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "staff"))?;
        Rules { territories: self.territories, professions: self.professions, staff, registered: self.registered }
            .checked()
    }
}

/// The rules and their version.
fn kept(tx: &mut dyn Tx) -> Result<(Rules, i64), StoreError> {
    match settings::get(tx, SETTING)? {
        None => Ok((Rules::default(), 0)),
        Some(kept) => {
            let read = serde_json::from_slice(&kept.value);
            Ok((read.map_err(|_| StoreError::Invalid("rules of eligibility".into()))?, kept.version))
        }
    }
}

/// The rules in force in this transaction.
pub(crate) fn rules(tx: &mut dyn Tx) -> Result<Rules, StoreError> {
    Ok(kept(tx)?.0)
}

/// Does the operator take this place? A BAL of no structure has none, which a territory does not take.
pub(crate) fn place(rules: &Rules, structure: Option<&Structure>) -> Option<Unfit> {
    let told = structure.and_then(|s| {
        let postal: Postal = serde_json::from_str(&s.address).unwrap_or_default();
        department(&postal.postcode, s.finess_eg.as_deref().or(s.finess_ej.as_deref()))
    });
    rules.place(told.as_deref()).err()
}

/// Does the operator take this person, for a BAL of this kind, as its holder or not?
pub(crate) fn person(rules: &Rules, p: &Person, kind: BalKind, holder: bool) -> Option<Unfit> {
    let candidate = Candidate {
        profession: p.profession.as_deref(),
        registered: p.national_id.is_some(),
        certified: p.identity != "none",
        // A BAL outside MSSanté is for those who have no card (F004).
        holder: holder && kind != BalKind::Med,
    };
    rules.person(candidate).err()
}

impl Operator {
    /// Whom the operator takes: the rules and their version.
    #[boxed]
    pub async fn eligibility(&self, actor: &Actor) -> Result<(i64, EligibilityRules), Refusal> {
        let actor = actor.clone();
        let show = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::PolicyShow, On::Anywhere)?;
            let (rules, version) = kept(tx)?;
            Ok::<_, Fail>((version, EligibilityRules::of(rules)))
        };
        Ok(self.0.store.read(show).await?)
    }

    /// Sets the rules as a whole, from this version of them. `admin.invalid`, `naming.too_long`, `edit.conflict`.
    #[boxed]
    pub async fn set_eligibility(
        &self,
        actor: &Actor,
        version: i64,
        new: EligibilityRules,
    ) -> Result<(i64, EligibilityRules), Refusal> {
        self.require(actor, UseCase::PolicySet, On::Operator).await?;
        let rules = new.rules()?;
        let value = serde_json::to_vec(&rules).map_err(|_| RefusalCode::Unavailable)?;
        let fact = self.fact("eligibility.set", &By::actor(actor), None, "ok", json!({}));
        let (asker, now) = (actor.clone(), self.now());
        let set = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::PolicySet, On::Operator)?;
            let (was, _) = kept(tx)?;
            if !settings::replace(tx, SETTING, version, &value, now.0)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", SETTING).into());
            }
            let mut fact = fact.clone();
            fact.saying(&json!({ "was": was, "became": rules }));
            fact.write(tx)?;
            Ok::<_, Fail>((version + 1, EligibilityRules::of(rules.clone())))
        };
        Ok(self.0.store.write(set).await?)
    }
}
