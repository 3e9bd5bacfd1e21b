//! Whose identity was certified, by whom, when (F008, F011); exemptions from the national identifier (F010).
use super::views::{Exemption, PersonView};
use super::{check_local_id, checked_exemption, conflict, for_operator, known, view};
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::person::exemption_stands;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Tx, accounts as rows};
use serde_json::json;

/// Certifies an identity: the rule of [`Operator::certify_person`], on a person whom the asker may certify. What the trace says of it.
pub(crate) fn certified(
    tx: &mut dyn Tx,
    actor: &Actor,
    p: &mut rows::Person,
    now: Timestamp,
) -> Result<serde_json::Value, Fail> {
    let by_operator = for_operator(tx, actor, UseCase::PersonCertify);
    if !by_operator && matches!(&actor.who, Who::Person(me) if me.id == p.id) {
        return Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::PersonCertify.as_str()).into());
    }
    let exempted = p.local_id.is_some() && exemption_stands(p.local_id_until.map(Timestamp), now);
    if p.national_id.is_none() && !exempted {
        return Err(Refusal::new(RefusalCode::IdentityMissing).with("name", &p.login).into());
    }
    for (trait_name, value) in [("given_name", &p.given_name), ("family_name", &p.family_name)] {
        if value.is_none() {
            return Err(Refusal::new(RefusalCode::IdentityMissing).with("name", trait_name).into());
        }
    }
    p.identity = if by_operator { "operator" } else { "structure" }.into();
    (p.identity_at, p.identity_by) = (Some(now.0), Some(By::actor(actor).name));
    Ok(json!({ "how": p.identity }))
}

impl Operator {
    /// Certifies the identity of a person who is still of this version: the asker compared given and family name with an official document or
    /// register. `identity.missing` without national identifier and without an exemption that stands, or without those names. Nobody who speaks for
    /// a structure certifies himself or herself (`right.missing`).
    #[boxed]
    pub async fn certify_person(&self, actor: &Actor, login: &str, version: i64) -> Result<PersonView, Refusal> {
        let now = self.now();
        self.change_identity(actor, login, version, "person.certified", move |tx, actor, p| {
            certified(tx, actor, p, now)
        })
        .await
    }

    /// Exempts a person, who is still of this version, from the national identifier. `state.wrong` when there is one, `admin.exists` when the
    /// structure gave that identifier to somebody else.
    #[boxed]
    pub async fn exempt_person(
        &self,
        actor: &Actor,
        login: &str,
        version: i64,
        exemption: Exemption,
    ) -> Result<PersonView, Refusal> {
        self.require(actor, UseCase::PersonCertify, On::Anywhere).await?;
        let e = checked_exemption(&exemption, self.now())?;
        self.change_identity(actor, login, version, "person.exempted", move |tx, _, p| {
            if p.national_id.is_some() {
                return Err(Refusal::new(RefusalCode::StateWrong)
                    .with("name", &p.login)
                    .with("cause", "national_id")
                    .into());
            }
            if p.local_id.as_ref() != Some(&e.identifier) {
                (p.identity, p.identity_at, p.identity_by) = ("none".into(), None, None);
            }
            p.local_id = Some(e.identifier.clone());
            p.local_id_reason = Some(e.reason.clone());
            p.local_id_until = Some(e.until.0);
            check_local_id(tx, p, None)?;
            Ok(json!({ "reason": e.reason, "until": e.until }))
        })
        .await
    }

    /// Ends a person's exemption; without a national identifier the certification goes with it.
    #[boxed]
    pub async fn end_exemption(&self, actor: &Actor, login: &str, version: i64) -> Result<PersonView, Refusal> {
        self.change_identity(actor, login, version, "person.exemption_ended", |_, _, p| {
            if p.local_id.is_none() {
                return Err(Refusal::new(RefusalCode::NotFound).with("name", "exemption").into());
            }
            (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
            if p.national_id.is_none() {
                (p.identity, p.identity_at, p.identity_by) = ("none".into(), None, None);
            }
            Ok(json!({}))
        })
        .await
    }

    async fn change_identity(
        &self,
        actor: &Actor,
        login: &str,
        version: i64,
        act: &'static str,
        change: impl Fn(&mut dyn Tx, &Actor, &mut rows::Person) -> Result<serde_json::Value, Fail> + Send + 'static,
    ) -> Result<PersonView, Refusal> {
        let (login, actor, now) = (login.to_ascii_lowercase(), actor.clone(), self.now().0);
        let fact = self.fact(act, &By::actor(&actor), None, "ok", json!({}));
        let apply = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::PersonCertify, On::Anywhere)?;
            let mut person = known(tx, &actor, UseCase::PersonCertify, &login)?;
            if person.version != version {
                return Err(conflict(&login));
            }
            let mut said = change(tx, &actor, &mut person)?;
            said["login"] = login.as_str().into();
            if !rows::update_person(tx, &person)? {
                return Err(conflict(&login));
            }
            let mut fact = fact.clone();
            fact.saying(&said);
            fact.write(tx)?;
            let stored = rows::person_by_id(tx, person.id)?.ok_or(RefusalCode::NotFound)?;
            view(tx, &actor, stored, now)
        };
        Ok(self.0.store.write(apply).await?)
    }
}
