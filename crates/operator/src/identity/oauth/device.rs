//! A program without a browser asks (RFC 8628): it shows a code, the person types it in a browser of his own and answers there.
use super::token::Failed;
use super::{Wanted, bal_of, later, secret};
use crate::boxed;
use crate::identity::factors::own;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin};
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::code;
use sceau_identity::factor::Need;
use sceau_identity::oauth::{OauthError, Scopes, device_request};
use sceau_store::{Tx, oauth as rows};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// How long a person has, milliseconds.
const GOOD: i64 = 600_000;
/// Milliseconds between two questions of the program.
const EVERY: i64 = 5_000;
/// Wrong codes that one session may type in a minute.
const TRIES: u32 = 5;
/// How often a code that somebody else has is made anew.
const DRAWS: usize = 5;

/// What a device asks, as the person is shown it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its code.
    pub code: String,
    /// Name of the program.
    pub name: String,
    /// It registered itself: nobody looked at its name.
    pub unknown: bool,
    /// What for.
    pub scopes: Scopes,
    /// From where it asked: a configured place or a network.
    pub place: String,
}

impl Operator {
    /// A program without a browser asks: the codes, and where to type one.
    ///
    /// # Errors
    /// As RFC 8628 §3.2 names them.
    #[boxed]
    pub async fn oauth_device(
        &self,
        form: &[(String, String)],
        basic: Option<(String, Zeroizing<String>)>,
        origin: &Origin,
    ) -> Result<Value, OauthError> {
        self.oauth().ok_or(OauthError::TemporarilyUnavailable)?;
        let asked = device_request(form, basic)?;
        let client = self.proven_client(&asked.auth).await.map_err(Failed::told)?;
        if !client.scopes.contains(asked.scopes) {
            return Err(OauthError::InvalidScope);
        }
        // Anybody asks in the name of a program that keeps no secret.
        self.may_begin(origin.remote).map_err(later)?;
        let now = self.now().0;
        let device_code = secret("").map_err(later)?;
        for _ in 0..DRAWS {
            let mut random = [0_u8; 16];
            aws_lc_rs::rand::fill(&mut random).map_err(later)?;
            let row = rows::Device {
                digest: self.oauth_digest(&device_code),
                user_code: code::user_code(&mut |out: &mut [u8]| out.copy_from_slice(&random[..out.len()])),
                client_id: client.id.clone(),
                scope: i64::from(asked.scopes.bits()),
                state: "waiting".into(),
                grant_id: None,
                at: now,
                expires: now + GOOD,
                polled: now,
                every: EVERY,
                place: origin.remote.map(|ip| self.place_of(ip)).unwrap_or_default(),
            };
            let user_code = row.user_code.clone();
            let keep = move |tx: &mut dyn Tx| rows::insert_device(tx, &row).map_err(Fail::Store);
            if self.0.store.write(keep).await.map_err(later)? {
                let uri = format!("{}/appareil", self.config().public_url);
                return Ok(json!({
                    "device_code": device_code.as_str(), "user_code": user_code, "verification_uri": uri,
                    "verification_uri_complete": format!("{uri}?code={user_code}"), "expires_in": GOOD / 1000, "interval": EVERY / 1000,
                }));
            }
        }
        Err(OauthError::TemporarilyUnavailable)
    }

    /// What waits under a code that a person typed. Guessing is slow: `login.too_many`; `factor.spent` when nothing waits.
    #[boxed]
    pub async fn oauth_waiting(&self, actor: &Actor, typed: &str) -> Result<Waiting, Refusal> {
        let (now, place) = (self.now(), actor.origin.remote);
        let name = format!("device {}", actor.person());
        if self.0.guard.too_many(place, &name, now, TRIES) {
            return Err(RefusalCode::LoginTooMany.into());
        }
        self.may_type_device_code(actor)?;
        let found = match code::user_code_read(typed) {
            Some(code) => {
                let look = move |tx: &mut dyn Tx| rows::device_waiting(tx, &code, now.0).map_err(Fail::Store);
                self.0.store.read(look).await?
            }
            None => None,
        };
        let client = match &found {
            Some(device) => self.oauth_client(&device.client_id).await?,
            None => None,
        };
        let scopes = |d: &rows::Device| u32::try_from(d.scope).ok().and_then(Scopes::of_bits);
        match (found.as_ref().and_then(|d| Some((d, scopes(d)?))), client) {
            (Some((d, scopes)), Some((client, row))) => Ok(Waiting {
                code: d.user_code.clone(),
                name: client.name,
                unknown: row.registered == "dynamic",
                scopes,
                place: d.place.clone(),
            }),
            _ => {
                self.0.guard.failed(place, &name, now);
                self.note_wrong_device_code(actor);
                Err(RefusalCode::FactorSpent.into())
            }
        }
    }

    /// The person's answer to what waits under a code. A yes needs a strong proof just now.
    ///
    /// # Errors
    /// `auth.fresh`, `auth.strength`, `right.missing`, `factor.spent`.
    #[boxed]
    pub async fn oauth_device_answer(
        &self,
        actor: &Actor,
        typed: &str,
        bal: Option<&str>,
        yes: bool,
    ) -> Result<(), Refusal> {
        if yes {
            self.needs(actor, Need::Fresh)?;
        }
        let waiting = self.oauth_waiting(actor, typed).await?;
        let (person, now) = (own(actor)?.id, self.now().0);
        if yes {
            self.admits_programs(person).await?;
        }
        let key = bal.map(|b| self.key_of(b)).transpose()?;
        let code = waiting.code.clone();
        let look = move |tx: &mut dyn Tx| rows::device_waiting(tx, &code, now).map_err(Fail::Store);
        let spent = || Refusal::new(RefusalCode::FactorSpent);
        let device = self.0.store.read(look).await?.ok_or_else(spent)?;
        let wanted = Wanted { client: &device.client_id, name: &waiting.name, scopes: waiting.scopes, bal: None };
        let grant = if yes { Some(self.new_grant(person, &wanted, actor.proof.names())?) } else { None };
        let data =
            json!({ "client": device.client_id, "scope": waiting.scopes.to_string(), "bal": bal, "device": true });
        let act = if yes { "oauth.granted" } else { "oauth.refused" };
        let mut fact = self.fact(act, &By::actor(actor), None, "ok", data);
        if let Some(grant) = &grant {
            fact.adding("token", grant.token.id.to_string().into());
        }
        let decide = move |tx: &mut dyn Tx| {
            if let Some(grant) = &grant {
                let mut grant = grant.clone();
                grant.token.bal_id = bal_of(tx, key.as_deref(), person)?;
                rows::insert_grant(tx, &grant)?;
            }
            if !rows::decide_device(tx, &device.user_code, grant.as_ref().map(|g| g.token.id), now)? {
                return Err(RefusalCode::FactorSpent.into());
            }
            Ok::<_, Fail>(fact.write(tx)?)
        };
        self.0.store.write(decide).await?;
        if yes {
            self.tell_of_device(person).await;
        }
        Ok(())
    }
}
