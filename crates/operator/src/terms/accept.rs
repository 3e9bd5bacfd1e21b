//! Accepting the terms: by the person alone, what is in force and nothing else.
use crate::boxed;
use crate::login::AT_THE_MACHINE;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Door, Operator, Origin, Who};
use sceau_domain::{Lang, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::factor::Proof;
use sceau_store::{Id, StoreError, Tx, accounts, disclosures, terms as rows};
use serde_json::json;

/// What was read: a version, its digest, the language that was shown.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// Name of the version.
    pub version: &'a str,
    /// SHA-256 of its French text, hexadecimal.
    pub digest: &'a str,
    /// In which language it was shown.
    pub lang: Lang,
}

impl Operator {
    /// [`Operator::accept_terms_read`] of what was read in French.
    ///
    /// # Errors
    /// The same.
    #[boxed]
    pub async fn accept_terms(&self, actor: &Actor, version: &str, digest: &str) -> Result<Timestamp, Refusal> {
        self.accept_terms_read(actor, Read { version, digest, lang: Lang::Fr }).await
    }

    /// The asker accepts the version in force. `version` and `digest` say what was read. Again is harmless: the first acceptance stays. When it was
    /// accepted.
    ///
    /// # Errors
    /// `terms.absent`; `terms.changed` when something else is in force; `right.missing` for machines and for ourselves.
    pub async fn accept_terms_read(&self, actor: &Actor, read: Read<'_>) -> Result<Timestamp, Refusal> {
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let (id, now, asker) = (person.id, self.now().0, actor.clone());
        let (version, digest) = (read.version.to_owned(), read.digest.trim().to_ascii_lowercase());
        let lang = read.lang.as_str();
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
            if let Some(at) = rows::accepted_at(tx, id, terms.id)? {
                return Ok((at, false));
            }
            let (factors, token_by) = (factors(tx, &asker)?, maker(tx, &asker, id)?);
            let previous = rows::of_person(tx, id)?.into_iter().next();
            let mut fact = fact.clone();
            let said = json!({ "version": version, "digest": digest, "door": door, "factors": factors, "lang": lang });
            fact.saying(&said);
            if let Some((_, before, _)) = &previous {
                fact.adding("previous", before.as_str().into());
            }
            if let Some(maker) = &token_by {
                fact.adding("token_by", maker.as_str().into());
            }
            let acceptance = rows::Acceptance {
                person_id: id,
                terms_id: terms.id,
                at: now,
                door: door.into(),
                factors,
                digest: terms.digest,
                previous: previous.map(|(before, ..)| before),
                lang: lang.into(),
                token_by,
            };
            rows::accept(tx, &acceptance)?;
            fact.write(tx)?;
            Ok((now, true))
        };
        let (at, first) = self.0.store.write(accept).await?;
        if first {
            self.openings_go_on(id).await;
        }
        Ok(Timestamp(at))
    }

    /// [`Operator::login_person`], then [`Operator::accept_terms_read`]: what the page of the terms does.
    ///
    /// # Errors
    /// Those of both.
    pub async fn accept_terms_with(
        &self,
        (login, token): (&str, &str),
        read: Read<'_>,
        origin: &Origin,
    ) -> Result<Timestamp, Refusal> {
        let actor = self.login_person(login, token, origin).await?;
        match self.accept_terms_read(&actor, read).await {
            Ok(at) => Ok(at),
            Err(refusal) => Err(self.refused(By::actor(&actor), None, None, refusal).await),
        }
    }
}

/// What proved who asks, e.g. `device_token`.
fn factors(tx: &mut dyn Tx, actor: &Actor) -> Result<String, StoreError> {
    Ok(match actor.credential {
        // A session says itself what was proven in it.
        Some(_) if actor.proof != Proof::default() => actor.proof.names(),
        Some(token) => match accounts::token_by_id(tx, token)? {
            Some(token) => format!("{}_token", token.purpose),
            None => "token".into(),
        },
        None if actor.origin.door == Door::Admin => AT_THE_MACHINE.into(),
        None => actor.origin.door.as_str().into(),
    })
}

/// Login of who made the asker's token, when that was somebody else: who could have known it is part of what an acceptance is worth.
fn maker(tx: &mut dyn Tx, actor: &Actor, person: Id) -> Result<Option<String>, StoreError> {
    let Some(token) = actor.credential else { return Ok(None) };
    match disclosures::maker(tx, token)?.filter(|maker| *maker != person) {
        Some(maker) => Ok(accounts::person_by_id(tx, maker)?.map(|p| p.login)),
        None => Ok(None),
    }
}
