//! Limits as administration shows and sets them.
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, reach, unknown};
use crate::{Actor, Operator, refuse};
use sceau_domain::policy::{DEFINITIONS, Definition, Scope, definition, origin, resolve};
use sceau_domain::{BalKind, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::policies::{self as rows, PolicyValue, Which};
use sceau_store::{Id, StoreError, Tx, accounts, jobs, structures};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Limits that say what tokens are believed.
const TOKENS: [&str; 2] = ["device_tokens", "device_token_days"];

/// A limit, as declared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LimitView {
    /// Name, as in `[limits]` of the configuration.
    pub name: String,
    /// `bytes`, `count` or `days`.
    pub unit: String,
    /// Built-in value.
    pub built_in: u64,
    /// The operator's value: the configured one, or the built-in one.
    pub value: u64,
    /// Least value.
    pub min: u64,
    /// Largest value.
    pub max: u64,
    /// Where it may be set: `operator` (the configuration), `domain`, `kind`, `structure`, `bal`.
    pub scopes: Vec<String>,
    /// Where the built-in value comes from.
    pub source: String,
    /// Was that source read? Otherwise the value is to be confirmed.
    pub verified: bool,
}

impl LimitView {
    fn of(d: &Definition, value: u64) -> Self {
        Self {
            name: d.name.into(),
            unit: d.unit.as_str().into(),
            built_in: d.built_in,
            value,
            min: d.min,
            max: d.max,
            scopes: d.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
            source: d.source.into(),
            verified: d.verified,
        }
    }
}

/// A limit in force of a BAL.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PolicyView {
    /// Name.
    pub name: String,
    /// Value in force.
    pub value: u64,
    /// `bytes`, `count` or `days`.
    pub unit: String,
    /// Where it comes from: `built_in`, `configuration`, `domain`, `kind`, `structure` or `bal`.
    pub from: String,
    /// Which domain, kind, structure or BAL.
    pub subject: Option<String>,
    /// Who set it.
    pub set_by: Option<String>,
    /// When.
    #[schema(value_type = Option<i64>)]
    pub at: Option<Timestamp>,
    /// Where the built-in value comes from.
    pub source: String,
    /// Was that source read? Otherwise the built-in value is to be confirmed.
    pub verified: bool,
}

/// A value that was set.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ValueView {
    /// `domain`, `kind`, `structure` or `bal`.
    pub scope: String,
    /// Domain, kind, code of the structure, or address.
    pub subject: String,
    /// Limit.
    pub name: String,
    /// Value.
    pub value: u64,
    /// Who set it.
    pub set_by: String,
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Of a quota that was just set: how many of the BALs that it is for hold more now. Nothing of them is lost; new mail for them is put off (452).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_quota: Option<u64>,
    /// Its place in the list.
    #[serde(skip)]
    pub key: String,
}

/// Every value is listed by its key: the place where a page begins.
fn place(key: &str) -> (String, String, String) {
    let mut parts = key.splitn(3, '/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// What a subject is kept as. `admin.not_found`, `admin.invalid`.
fn subject_key(tx: &mut dyn Tx, actor: &Actor, scope: Scope, subject: &str, key: Option<&str>) -> Result<String, Fail> {
    let found: Option<String> = match scope {
        Scope::Operator => None,
        Scope::Domain => accounts::domain_by_name(tx, &subject.to_ascii_lowercase())?.map(|d| d.id.to_string()),
        Scope::Kind => subject.parse::<BalKind>().ok().map(|k| k.as_str().to_owned()),
        Scope::Structure => structures::by_code(tx, subject)?.map(|s| s.id.to_string()),
        Scope::Bal => accounts::bal_by_address(tx, key.unwrap_or_default())?
            .filter(|b| b.state != "closed")
            .map(|b| b.id.to_string()),
    };
    found.ok_or_else(|| unknown(tx, actor, UseCase::PolicySet, subject))
}

/// How a subject is shown.
fn subject_shown(tx: &mut dyn Tx, scope: &str, subject: &str) -> Result<String, StoreError> {
    let id = subject.parse::<Id>();
    let shown = match (scope, id) {
        ("domain", Ok(id)) => accounts::domain_by_id(tx, id)?.map(|d| d.name),
        ("structure", Ok(id)) => structures::by_id(tx, id)?.map(|s| s.code),
        ("bal", Ok(id)) => accounts::bal_by_id(tx, id)?.map(|b| b.address),
        _ => None,
    };
    Ok(shown.unwrap_or_else(|| subject.to_owned()))
}

/// The BALs that a value is for.
fn which(scope: Scope, subject: &str) -> Which {
    // Ids were written by us.
    let id = subject.parse().unwrap_or_default();
    match scope {
        Scope::Operator => Which::All,
        Scope::Domain => Which::Domain(id),
        Scope::Kind => Which::Kind(subject.to_owned()),
        Scope::Structure => Which::Structure(id),
        Scope::Bal => Which::Bal(id),
    }
}

fn value_view(tx: &mut dyn Tx, v: PolicyValue) -> Result<ValueView, StoreError> {
    Ok(ValueView {
        subject: subject_shown(tx, &v.scope, &v.subject)?,
        key: format!("{}/{}/{}", v.scope, v.subject, v.name),
        value: v.value.parse().unwrap_or_default(),
        scope: v.scope,
        name: v.name,
        set_by: v.set_by,
        at: Timestamp(v.at),
        over_quota: None,
    })
}

impl Operator {
    /// Every limit, as declared, with the operator's value.
    #[boxed]
    pub async fn limits(&self, actor: &Actor) -> Result<Vec<LimitView>, Refusal> {
        self.require(actor, UseCase::PolicyShow, On::Anywhere).await?;
        let operator = self.config().limits;
        Ok(DEFINITIONS.iter().map(|d| LimitView::of(d, operator.get(d.name).unwrap_or(d.built_in))).collect())
    }

    /// The limits in force of a BAL, each with where it comes from. `admin.not_found`.
    #[boxed]
    pub async fn policy_of(&self, actor: &Actor, address: &str) -> Result<Vec<PolicyView>, Refusal> {
        self.require(actor, UseCase::PolicyShow, On::Anywhere).await?;
        let (key, actor, address) = (self.key_of(address)?, actor.clone(), address.to_owned());
        let operator = self.config().limits;
        let show = move |tx: &mut dyn Tx| {
            let Some(bal) = accounts::bal_by_address(tx, &key)? else {
                return Err(unknown(tx, &actor, UseCase::PolicyShow, &address));
            };
            permit(tx, &actor, UseCase::PolicyShow, On::Bal(bal.id))?;
            let values = rows::of_bal(tx, bal.id)?.unwrap_or_default();
            let settings = super::settings(&values);
            let limits = resolve(&operator, &settings);
            let mut out = Vec::new();
            for d in DEFINITIONS {
                let from = origin(d, &operator, &settings);
                let set = values.iter().find(|v| v.name == d.name && v.scope == from.as_str());
                out.push(PolicyView {
                    name: d.name.into(),
                    value: limits.get(d.name).unwrap_or_default(),
                    unit: d.unit.as_str().into(),
                    from: from.as_str().into(),
                    subject: set.map(|v| subject_shown(tx, &v.scope, &v.subject)).transpose()?,
                    set_by: set.map(|v| v.set_by.clone()),
                    at: set.map(|v| Timestamp(v.at)),
                    source: d.source.into(),
                    verified: d.verified,
                });
            }
            Ok(out)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// Values that were set, of all limits or of one, from after a place, as far as the asker may see.
    #[boxed]
    pub async fn policy_values(
        &self,
        actor: &Actor,
        name: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ValueView>, Refusal> {
        let (actor, name, after) = (actor.clone(), name.map(str::to_owned), place(after.unwrap_or_default()));
        let limit = i64::from(limit.clamp(1, 1000));
        let list = move |tx: &mut dyn Tx| {
            let reach = reach(tx, &actor, UseCase::PolicyShow)?;
            // What concerns nobody in particular is for every administrator.
            let within = match reach.structures() {
                Some([]) => return Ok(Vec::new()),
                within => within,
            };
            let found = rows::list(tx, name.as_deref(), within, (&after.0, &after.1, &after.2), limit)?;
            Ok::<_, Fail>(found.into_iter().map(|v| value_view(tx, v)).collect::<Result<_, _>>()?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Sets a limit for a domain, a kind, a structure or a BAL; in force when this returns. `admin.not_found`, `admin.invalid` with the range.
    #[boxed]
    pub async fn set_policy(
        &self,
        actor: &Actor,
        scope: &str,
        subject: &str,
        name: &str,
        value: u64,
    ) -> Result<ValueView, Refusal> {
        self.change_policy(actor, scope, subject, name, Some(value)).await?.ok_or_else(|| RefusalCode::NotFound.into())
    }

    /// Takes a limit away again: the next word counts. `admin.not_found`.
    #[boxed]
    pub async fn unset_policy(&self, actor: &Actor, scope: &str, subject: &str, name: &str) -> Result<(), Refusal> {
        self.change_policy(actor, scope, subject, name, None).await.map(drop)
    }

    async fn change_policy(
        &self,
        actor: &Actor,
        scope: &str,
        subject: &str,
        name: &str,
        value: Option<u64>,
    ) -> Result<Option<ValueView>, Refusal> {
        self.require(actor, UseCase::PolicySet, On::Anywhere).await?;
        let scope: Scope = scope.parse().map_err(|()| {
            Refusal::new(RefusalCode::Invalid)
                .with("name", "scope")
                .with("cause", Scope::ALL.map(Scope::as_str).join(", "))
        })?;
        let definition = definition(name)?;
        // Without a value too: it says where the operator's are set.
        match value {
            Some(value) => definition.check_at(scope, value, &self.config().limits)?,
            None if scope == Scope::Operator => {
                definition.check_at(scope, definition.built_in, &self.config().limits)?;
            }
            None => {}
        }
        let key = if scope == Scope::Bal { Some(self.key_of(subject)?) } else { None };
        let data = json!({ "scope": scope.as_str(), "name": name, "value": value });
        let act = if value.is_some() { "policy.set" } else { "policy.unset" };
        let (mut fact, now, job) = (self.fact(act, &By::actor(actor), None, "ok", data), self.now(), self.quota_job());
        let operator = self.config().limits;
        let (by, who, subject, name) = (By::actor(actor).name, actor.clone(), subject.to_owned(), definition.name);
        let changed = self.0.store.write(move |tx| {
            permit(tx, &who, UseCase::PolicySet, On::Operator)?;
            let kept = subject_key(tx, &who, scope, &subject, key.as_deref())?;
            let before = rows::get(tx, scope.as_str(), &kept, name)?.map(|v| v.value);
            let made = match value {
                Some(value) => {
                    let row = PolicyValue {
                        scope: scope.as_str().into(),
                        subject: kept.clone(),
                        name: name.into(),
                        value: value.to_string(),
                        set_by: by.clone(),
                        at: now.0,
                    };
                    rows::put(tx, &row)?;
                    Some(value_view(tx, row)?)
                }
                None if rows::remove(tx, scope.as_str(), &kept, name)? => None,
                None => return Err(Refusal::new(RefusalCode::NotFound).with("name", name).into()),
            };
            fact.adding("before", json!(before));
            let said = match scope {
                // Traces name BALs by their own field.
                Scope::Bal => {
                    let bal = kept.parse().unwrap_or_default();
                    let shown = accounts::bal_by_id(tx, bal)?.map(|b| b.address_key);
                    fact.clone().on(bal, shown)
                }
                _ => {
                    fact.adding("subject", json!(subject));
                    fact.clone()
                }
            };
            said.write(tx)?;
            let which = which(scope, &kept);
            if name == "quota_bytes" {
                match &which {
                    Which::Bal(bal) => super::write_quota(tx, &operator, *bal)?,
                    _ => jobs::enqueue(tx, &job)?,
                }
            }
            Ok::<_, Fail>((made, which))
        });
        let (mut changed, which) = changed.await?;
        self.policies_changed();
        // Sessions that wait ask again whether their tokens are believed.
        if TOKENS.contains(&definition.name) {
            self.rights_changed();
        }
        if definition.name == "quota_bytes" {
            if !matches!(which, Which::Bal(_)) {
                self.write_quotas(&which).await?;
            }
            self.wake_jobs();
            let count = self.0.store.read::<_, StoreError, _>(move |tx| rows::over_quota(tx, &which)).await;
            let count = count.map_err(|e| refuse::store(&e))?;
            if let Some(changed) = &mut changed {
                changed.over_quota = u64::try_from(count).ok();
            }
        }
        Ok(changed)
    }
}
