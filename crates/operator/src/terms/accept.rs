//! Accepting the terms: by the person alone, what is in force and nothing else.
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Door, Operator, Origin, Who};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{StoreError, Tx, accounts, terms as rows};
use serde_json::json;

/// What proved who accepts.
const SYSTEM_ACCOUNT: &str = "system_account";

impl Operator {
    /// The asker accepts the version in force. `version` and `digest` say what was read. Again is harmless: the first acceptance stays. When it was
    /// accepted.
    ///
    /// # Errors
    /// `terms.absent`; `terms.changed` when something else is in force; `right.missing` for machines and for ourselves.
    pub async fn accept_terms(&self, actor: &Actor, version: &str, digest: &str) -> Result<Timestamp, Refusal> {
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (id, now, asker) = (person.id, self.now().0, actor.clone());
        let (version, digest) = (version.to_owned(), digest.trim().to_ascii_lowercase());
        let fact = self.fact("terms.accepted", &By::actor(actor), None, "ok", json!({}));
        let door = actor.origin.door.as_str();
        let accept = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::TermsAccept, On::Person(id))?;
            let terms = match rows::in_force(tx, now)? {
                Some(terms) => rows::by_id(tx, terms)?,
                None => None,
            };
            let terms = terms.ok_or(RefusalCode::TermsAbsent)?;
            if terms.version != version || hex::encode(&terms.digest) != digest {
                return Err(Fail::from(Refusal::new(RefusalCode::TermsChanged).with("name", &terms.version)));
            }
            let factors = factors(tx, &asker)?;
            let mut fact = fact.clone();
            fact.saying(&json!({ "version": version, "digest": digest, "door": door, "factors": factors }));
            if let Some(at) = rows::accepted_at(tx, id, terms.id)? {
                return Ok((at, false));
            }
            let acceptance = rows::Acceptance {
                person_id: id,
                terms_id: terms.id,
                at: now,
                door: door.into(),
                factors,
                digest: terms.digest,
            };
            rows::accept(tx, &acceptance)?;
            fact.write(tx)?;
            Ok((now, true))
        };
        let (at, first) = self.0.store.write(accept).await?;
        if first {
            self.openings_after_acceptance(id).await;
        }
        Ok(Timestamp(at))
    }

    /// [`Operator::login_person`], then [`Operator::accept_terms`]: what the page of the terms does.
    ///
    /// # Errors
    /// Those of both.
    pub async fn accept_terms_with(
        &self,
        (login, token): (&str, &str),
        (version, digest): (&str, &str),
        origin: &Origin,
    ) -> Result<Timestamp, Refusal> {
        let actor = self.login_person(login, token, origin).await?;
        match self.accept_terms(&actor, version, digest).await {
            Ok(at) => Ok(at),
            Err(refusal) => Err(self.refused(By::actor(&actor), None, None, refusal).await),
        }
    }
}

/// What proved who asks, e.g. `device_token`.
fn factors(tx: &mut dyn Tx, actor: &Actor) -> Result<String, StoreError> {
    Ok(match actor.credential {
        Some(token) => match accounts::token_by_id(tx, token)? {
            Some(token) => format!("{}_token", token.purpose),
            None => "token".into(),
        },
        None if actor.origin.door == Door::Admin => SYSTEM_ACCOUNT.into(),
        None => actor.origin.door.as_str().into(),
    })
}
