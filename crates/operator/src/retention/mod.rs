//! Retention policies (F121, F122, F030): presets, the operator's own ones, and who follows which.
//!
//! Three presets are built in and never change; the operator's own policies start from one and are kept. One policy is the operator's; a structure may
//! follow another. Traces are kept for the longest time that any policy in use says, because one log holds everybody's.
//!
//! A change that keeps something shorter is made when it is confirmed; [`Operator::retention_due`] counts beforehand what would go.
//!
//! Promises: no policy is kept that the rules of [`sceau_domain::retention`] refuse; a policy in use cannot vanish, because none is ever removed.
mod apply;
mod due;

pub use due::DueView;

use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::retention::{Item, MAX_SOURCE, PRESETS, Policy, Rule, Span, Unfit};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::retention as rows;
use sceau_store::{Id, StoreError, Tx, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// A rule of a policy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// What it is about.
    pub item: String,
    /// For how long: `10 years`, `10 working_days`, `never` (without end).
    pub value: String,
    /// Where that stands.
    pub source: String,
    /// Was it compared with its source?
    pub verified: bool,
    /// The shortest time allowed.
    pub least: String,
    /// The longest one.
    pub most: String,
    /// Does this version act on it?
    pub applied: bool,
}

/// A policy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RetentionView {
    /// Name.
    pub name: String,
    /// Built in, and never changed.
    pub preset: bool,
    /// Followed by the operator.
    pub operator: bool,
    /// Codes of the structures that follow it by their own choice.
    pub structures: Vec<String>,
    /// Its rules.
    pub rules: Vec<RuleView>,
    /// Grows with each change.
    #[serde(skip)]
    pub version: i64,
}

/// A time to set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// What it is about.
    #[schema(example = "cooling", max_length = 40)]
    pub item: String,
    /// For how long.
    #[schema(example = "45 days", max_length = 40)]
    pub value: String,
    /// Where that stands.
    #[schema(example = "Décision du comité, 2026-11", max_length = 300)]
    pub source: Option<String>,
}

/// The policy with this name. `Ok(None)`: there is none.
fn named(tx: &mut dyn Tx, name: &str) -> Result<Option<(Policy, i64)>, StoreError> {
    if let Some(preset) = Policy::preset(name) {
        return Ok(Some((preset, 0)));
    }
    let Some(row) = rows::by_name(tx, name)? else { return Ok(None) };
    let policy = serde_json::from_str(&row.definition).map_err(|_| StoreError::Invalid("retention policy".into()))?;
    Ok(Some((policy, row.version)))
}

/// The policy that the operator follows.
fn of_operator(tx: &mut dyn Tx) -> Result<Policy, StoreError> {
    let chosen = rows::choice(tx, 0)?.unwrap_or_else(|| PRESETS[0].to_owned());
    Ok(named(tx, &chosen)?.map_or_else(Policy::standard, |(p, _)| p))
}

/// The policy that a BAL of this structure follows.
pub(crate) fn of_structure(tx: &mut dyn Tx, structure: Option<Id>) -> Result<Policy, StoreError> {
    if let Some(structure) = structure
        && let Some(chosen) = rows::choice(tx, structure)?
        && let Some((policy, _)) = named(tx, &chosen)?
    {
        return Ok(policy);
    }
    of_operator(tx)
}

/// The longest time that any policy in use says for an item.
pub(crate) fn longest(tx: &mut dyn Tx, item: Item) -> Result<Span, StoreError> {
    let mut span = of_operator(tx)?.span(item);
    let chosen: BTreeSet<String> = rows::choices(tx)?.into_iter().map(|(_, name)| name).collect();
    for name in chosen {
        if let Some((policy, _)) = named(tx, &name)? {
            span = span.longer(policy.span(item));
        }
    }
    Ok(span)
}

/// Policies of structures, looked up once in a transaction.
#[derive(Debug, Default)]
struct Spans(BTreeMap<Option<Id>, (Policy, bool)>);

impl Spans {
    fn find(&mut self, tx: &mut dyn Tx, structure: Option<Id>) -> Result<&(Policy, bool), StoreError> {
        let found = match self.0.remove(&structure) {
            Some(found) => found,
            None => {
                let chose = match structure {
                    Some(structure) => rows::choice(tx, structure)?.is_some(),
                    None => false,
                };
                (of_structure(tx, structure)?, chose)
            }
        };
        Ok(self.0.entry(structure).or_insert(found))
    }
    /// How long this structure's BALs keep an item.
    fn of(&mut self, tx: &mut dyn Tx, structure: Option<Id>, item: Item) -> Result<Span, StoreError> {
        Ok(self.find(tx, structure)?.0.span(item))
    }
    /// Does the structure follow a policy by its own choice?
    fn chose(&mut self, tx: &mut dyn Tx, structure: Option<Id>) -> Result<bool, StoreError> {
        Ok(self.find(tx, structure)?.1)
    }
}

/// Refuses `retention.shorter` when what is followed from now on keeps something shorter than what was followed, and nobody said that this is meant.
fn meant(name: &str, before: &Policy, after: &Policy, confirmed: bool) -> Result<(), Refusal> {
    let shorter = after.shorter_than(before);
    if confirmed || shorter.is_empty() {
        return Ok(());
    }
    let named: Vec<String> =
        shorter.iter().map(|(item, was, now)| format!("{}: {was} → {now}", item.as_str())).collect();
    Err(Refusal::new(RefusalCode::RetentionShorter).with("name", name).with("cause", named.join("; ")))
}

fn view(tx: &mut dyn Tx, name: &str, policy: &Policy, version: i64) -> Result<RetentionView, StoreError> {
    let choices = rows::choices(tx)?;
    let operator = choices.iter().find(|(id, _)| *id == 0).map_or(PRESETS[0], |(_, n)| n) == name;
    let mut codes = Vec::new();
    for (id, _) in choices.iter().filter(|(id, n)| *id != 0 && n == name) {
        codes.extend(structures::by_id(tx, *id)?.map(|s| s.code));
    }
    let rule = |(item, rule): (Item, Rule)| RuleView {
        item: item.as_str().into(),
        value: rule.value.to_string(),
        source: rule.source,
        verified: rule.verified,
        least: item.least().to_string(),
        most: item.most().to_string(),
        applied: item.is_applied(),
    };
    Ok(RetentionView {
        name: name.to_owned(),
        preset: PRESETS.contains(&name),
        operator,
        structures: codes,
        rules: policy.rules().map(rule).collect(),
        version,
    })
}

fn refused(why: Unfit) -> Refusal {
    let invalid =
        |item: Item, cause: String| Refusal::new(RefusalCode::Invalid).with("name", item.as_str()).with("cause", cause);
    match why {
        Unfit::Short(item, least) => invalid(item, format!("≥ {least}")),
        Unfit::Long(item, most) => invalid(item, format!("≤ {most}")),
        Unfit::Reused => {
            let traces = [Item::FunctionalTraces, Item::BalTraces].map(Item::as_str);
            invalid(Item::Tombstone, format!("≥ {}", traces.join(", ")))
        }
        Unfit::Unannounced => invalid(Item::InactivityNotice, format!("< {}", Item::InactivityClosure.as_str())),
    }
}

/// A rule as it is kept. What somebody sets is theirs: not compared with anything by us.
fn rule(new: &NewRule, actor: &str) -> Result<(Item, Rule), Refusal> {
    let invalid = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
    let item: Item = new.item.parse().map_err(|()| invalid(&new.item))?;
    let value: Span = new.value.parse().map_err(|()| invalid(item.as_str()).with("cause", &new.value))?;
    let source = match new.source.as_deref().map(str::trim).filter(|s| !s.is_empty()) {
        Some(text) => plain::line(text, "source", MAX_SOURCE)?,
        None => actor.to_owned(),
    };
    Ok((item, Rule { value, source, verified: false }))
}

impl Operator {
    /// Every policy: presets first, then the operator's own ones by name.
    #[boxed]
    pub async fn retention_policies(&self, actor: &Actor) -> Result<Vec<RetentionView>, Refusal> {
        self.require(actor, UseCase::RetentionShow, On::Anywhere).await?;
        let list = |tx: &mut dyn Tx| {
            let own = rows::list(tx)?.into_iter().map(|r| r.name);
            let names: Vec<String> = PRESETS.iter().map(|p| (*p).to_owned()).chain(own).collect();
            let mut out = Vec::new();
            for name in names {
                if let Some((policy, version)) = named(tx, &name)? {
                    out.push(view(tx, &name, &policy, version)?);
                }
            }
            Ok::<_, StoreError>(out)
        };
        self.0.store.read(list).await.map_err(|e| refuse::store(&e))
    }

    /// One policy. `admin.not_found`.
    #[boxed]
    pub async fn retention_policy(&self, actor: &Actor, name: &str) -> Result<RetentionView, Refusal> {
        self.require(actor, UseCase::RetentionShow, On::Anywhere).await?;
        let name = name.to_ascii_lowercase();
        let show = move |tx: &mut dyn Tx| match named(tx, &name)? {
            Some((policy, version)) => Ok(view(tx, &name, &policy, version)?),
            None => Err(Fail::from(Refusal::new(RefusalCode::NotFound).with("name", &name))),
        };
        Ok(self.0.store.read(show).await?)
    }

    /// Sets times of one of the operator's own policies, which begins as `from` (a preset or another one; the standard preset when absent).
    /// `version`: the one that was read; none for a policy that is new. `confirmed`: that what is in use keeps something shorter is meant.
    /// `admin.invalid`, `admin.not_found`, `admin.exists`, `edit.conflict`, `retention.shorter`.
    #[boxed]
    pub async fn set_retention(
        &self,
        actor: &Actor,
        name: &str,
        from: Option<&str>,
        rules: &[NewRule],
        version: Option<i64>,
        confirmed: bool,
    ) -> Result<RetentionView, Refusal> {
        let use_case = UseCase::RetentionSet;
        self.require(actor, use_case, On::Operator).await?;
        let name = plain::code(name, "name")?;
        if PRESETS.contains(&name.as_str()) {
            return Err(Refusal::new(RefusalCode::Exists).with("name", &name));
        }
        let by = By::actor(actor);
        let rules = rules.iter().map(|r| rule(r, &by.name)).collect::<Result<Vec<_>, _>>()?;
        let said: Vec<_> =
            rules.iter().map(|(i, r)| json!({ "item": i.as_str(), "value": r.value.to_string() })).collect();
        let fact = self.fact("retention.set", &by, None, "ok", json!({ "policy": name, "rules": said }));
        let (from, asker, now) = (from.map(str::to_ascii_lowercase), actor.clone(), self.now().0);
        let set = move |tx: &mut dyn Tx| {
            permit(tx, &asker, use_case, On::Operator)?;
            let base = from.clone().unwrap_or_else(|| if version.is_some() { name.clone() } else { PRESETS[0].into() });
            let Some((mut policy, _)) = named(tx, &base)? else { return Err(unknown(tx, &asker, use_case, &base)) };
            for (item, rule) in &rules {
                policy.set(*item, rule.clone());
            }
            policy.check().map_err(refused)?;
            let followed = rows::choices(tx)?.iter().any(|(_, chosen)| *chosen == name);
            if followed && let Some((before, _)) = named(tx, &name)? {
                meant(&name, &before, &policy, confirmed)?;
            }
            let definition = serde_json::to_string(&policy).map_err(|_| RefusalCode::Invalid)?;
            let row = rows::PolicyRow {
                name: name.clone(),
                definition,
                version: version.unwrap_or(0),
                changed: now,
                changed_by: by.name.clone(),
            };
            if !rows::put(tx, &row)? {
                let code = if version.is_some() { RefusalCode::EditConflict } else { RefusalCode::Exists };
                return Err(Refusal::new(code).with("name", &name).into());
            }
            fact.write(tx)?;
            let Some((policy, version)) = named(tx, &name)? else { return Err(RefusalCode::NotFound.into()) };
            Ok::<_, Fail>(view(tx, &name, &policy, version)?)
        };
        Ok(self.0.store.write(set).await?)
    }

    /// The operator, or a structure, follows this policy from now on. `confirmed`: that it keeps something shorter is meant. `admin.not_found`,
    /// `retention.shorter`.
    #[boxed]
    pub async fn use_retention(
        &self,
        actor: &Actor,
        name: &str,
        structure: Option<&str>,
        confirmed: bool,
    ) -> Result<RetentionView, Refusal> {
        let use_case = UseCase::RetentionSet;
        self.require(actor, use_case, On::Operator).await?;
        let (name, structure) = (name.to_ascii_lowercase(), structure.map(str::to_ascii_lowercase));
        let by = By::actor(actor);
        let fact = self.fact("retention.used", &by, None, "ok", json!({ "policy": name, "structure": structure }));
        let (asker, now) = (actor.clone(), self.now().0);
        let choose = move |tx: &mut dyn Tx| {
            permit(tx, &asker, use_case, On::Operator)?;
            let Some((policy, version)) = named(tx, &name)? else { return Err(unknown(tx, &asker, use_case, &name)) };
            let place = match &structure {
                None => 0,
                Some(code) => structures::by_code(tx, code)?.ok_or_else(|| unknown(tx, &asker, use_case, code))?.id,
            };
            let before = of_structure(tx, Some(place).filter(|id| *id != 0))?;
            meant(&name, &before, &policy, confirmed)?;
            rows::choose(tx, place, Some(&name), now, &by.name)?;
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, &name, &policy, version)?)
        };
        Ok(self.0.store.write(choose).await?)
    }
}
