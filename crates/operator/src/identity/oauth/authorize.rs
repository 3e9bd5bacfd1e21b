//! A program's question, put to the person in a browser (RFC 6749 §4.1.1): shown, answered.
use super::{Wanted, bal_of, secret};
use crate::boxed;
use crate::identity::factors::own;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use sceau_identity::factor::Need;
use sceau_identity::oauth::{Ask, Authorization, OauthError, answer, authorization, client_named};
use sceau_store::{Tx, oauth as rows};
use serde_json::json;

/// How long a code is good, milliseconds (RFC 6749 §4.1.2 advises ten minutes at most).
const CODE: i64 = 60_000;

/// What becomes of a question.
#[derive(Debug)]
pub enum Question {
    /// It is put to the person.
    Put(Box<Put>),
    /// It is refused on a page of ours.
    Here(OauthError),
    /// It is refused at the program's address.
    Back(String),
}

/// A question for a person.
#[derive(Debug)]
pub struct Put {
    /// What is asked.
    pub asked: Authorization,
    /// The program's name.
    pub name: String,
    /// It registered itself: nobody looked at its name.
    pub unknown: bool,
}

impl Operator {
    /// Judges a question. `temporarily_unavailable` where there is no server.
    #[boxed]
    pub async fn oauth_question(&self, query: &[(String, String)]) -> Result<Question, Refusal> {
        if self.oauth().is_none() {
            return Ok(Question::Here(OauthError::TemporarilyUnavailable));
        }
        let found = match client_named(query) {
            Some(id) => self.oauth_client(id).await?,
            None => None,
        };
        let client = found.as_ref().map(|(client, _)| client);
        Ok(match authorization(query, client, &self.config().public_url) {
            Ask::Here(error) => Question::Here(error),
            Ask::Back(url) => Question::Back(url),
            Ask::Good(asked) => {
                let (name, unknown) = found.map(|(c, row)| (c.name, row.registered == "dynamic")).unwrap_or_default();
                Question::Put(Box::new(Put { asked, name, unknown }))
            }
        })
    }

    /// The person's answer, for a BAL or for all: where the browser goes. A yes needs a strong proof just now.
    ///
    /// # Errors
    /// `auth.fresh`, `auth.strength`, `device.forbidden`, `right.missing`.
    #[boxed]
    pub async fn oauth_answer(
        &self,
        actor: &Actor,
        put: &Put,
        bal: Option<&str>,
        yes: bool,
    ) -> Result<String, Refusal> {
        let (a, issuer) = (&put.asked, self.config().public_url.as_str());
        let back = |parameters: &[(&str, &str)]| {
            let mut all = parameters.to_vec();
            all.extend(a.state.as_deref().map(|s| ("state", s)));
            answer(&a.redirect, &all, issuer)
        };
        let data = json!({ "client": a.client, "scope": a.scopes.to_string(), "bal": bal });
        if !yes {
            self.trace_alone(self.fact("oauth.refused", &By::actor(actor), None, "ok", data)).await;
            return Ok(back(&[("error", OauthError::AccessDenied.code())]));
        }
        self.needs(actor, Need::Fresh)?;
        let person = own(actor)?.id;
        self.admits_programs(person).await?;
        let key = bal.map(|b| self.key_of(b)).transpose()?;
        let code = secret("")?;
        let wanted = Wanted { client: &a.client, name: &put.name, scopes: a.scopes, bal: None };
        let grant = self.new_grant(person, &wanted, actor.proof.names())?;
        let row = rows::Code {
            digest: self.oauth_digest(&code),
            grant_id: grant.token.id,
            client_id: a.client.clone(),
            redirect: a.redirect.clone(),
            challenge: a.challenge.clone(),
            expires: self.now().0 + CODE,
            used: None,
        };
        let mut fact = self.fact("oauth.granted", &By::actor(actor), None, "ok", data);
        fact.adding("token", grant.token.id.to_string().into());
        let give = move |tx: &mut dyn Tx| {
            let mut grant = grant.clone();
            grant.token.bal_id = bal_of(tx, key.as_deref(), person)?;
            rows::insert_grant(tx, &grant)?;
            rows::insert_code(tx, &row)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        self.0.store.write(give).await?;
        self.tell_of_device(person).await;
        Ok(back(&[("code", &code)]))
    }
}
