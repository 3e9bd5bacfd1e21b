//! The token endpoint (RFC 6749 §3.2): what a program was given becomes tokens; and revocation (RFC 7009).
use super::{ACCESS, DAY, REFRESH, later, secret};
use crate::boxed;
use crate::identity::own_tokens::DevicePolicy;
use crate::login::TokenRule;
use crate::record::{By, Fact};
use crate::{Operator, Origin};
use sceau_domain::{Limits, Refusal, Timestamp};
use sceau_identity::factor::SKEW_MS;
use sceau_identity::jose::Keys;
use sceau_identity::oauth::{
    Client, ClientAuth, ClientKind, Grant, OauthError, Polled, Rotation, Scopes, challenge_ok, device_polled, grant,
    proved, revocation, rotation,
};
use sceau_store::{Id, StoreError, Tx, accounts, oauth as rows};
use serde_json::{Value, json};
use std::time::Duration;
use zeroize::Zeroizing;

/// The alarm when a refresh token comes twice.
const REUSE: &str = "oauth.reuse";
/// How long a failure waits for its answer.
const FAILURE_DELAY: Duration = Duration::from_millis(400);

/// Why a program gets nothing.
#[derive(Debug)]
pub(super) enum Failed {
    /// It is told so.
    Told(OauthError),
    /// The store is away.
    Away,
}

impl Failed {
    /// As a program is told.
    pub fn told(self) -> OauthError {
        match self {
            Self::Told(error) => error,
            Self::Away => OauthError::TemporarilyUnavailable,
        }
    }
}

impl From<OauthError> for Failed {
    fn from(error: OauthError) -> Self {
        Self::Told(error)
    }
}
impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self::Away
    }
}
impl From<Refusal> for Failed {
    fn from(_: Refusal) -> Self {
        Self::Away
    }
}

/// What a transaction found.
enum Outcome {
    /// Tokens of this grant, of this generation.
    Given(Box<rows::Grant>),
    /// No, for this reason.
    No(OauthError),
    /// Somebody has a copy: the grant ended.
    Reused(Box<rows::Grant>),
}

/// New tokens of a grant, before they are kept.
#[derive(Clone)]
struct Pair {
    access: Zeroizing<String>,
    refresh: Zeroizing<String>,
    digests: (Vec<u8>, Vec<u8>),
    now: i64,
    /// Life of an access token, and of a refresh token, milliseconds.
    lives: (i64, i64),
    /// The operator's own, below which those of the person's places stand: a grant that goes on alone lives as long as a device's token.
    limits: Limits,
}

fn scopes(grant: &rows::Grant) -> Scopes {
    let bits = grant.token.scope.and_then(|s| u32::try_from(s).ok());
    bits.and_then(Scopes::of_bits).unwrap_or_default()
}

impl Pair {
    /// Keeps them, as this generation of the grant; the grant lives as long as they may.
    fn keep(&self, tx: &mut dyn Tx, grant: &rows::Grant, generation: i64) -> Result<(), StoreError> {
        let alone = scopes(grant).contains(Scopes::OFFLINE);
        let until = match (alone, grant.generation) {
            // Fetched for the first time: from now on it is a real one.
            (true, 0) => DevicePolicy::of(tx, &self.limits, grant.token.person_id)?.last(grant.token.created, None),
            (true, _) => grant.until,
            (false, _) => self.now + self.lives.0,
        };
        if until != grant.until {
            rows::set_end(tx, grant.token.id, until)?;
        }
        let issued = |digest: &[u8], kind: &str, life: i64| rows::Issued {
            digest: digest.to_vec(),
            grant_id: grant.token.id,
            kind: kind.into(),
            generation,
            expires: (self.now + life).min(until),
            used: None,
        };
        rows::insert_issued(tx, &issued(&self.digests.0, "access", self.lives.0))?;
        if alone {
            rows::insert_issued(tx, &issued(&self.digests.1, "refresh", self.lives.1))?;
        }
        Ok(())
    }

    /// The answer (RFC 6749 §5.1).
    fn answer(&self, grant: &rows::Grant) -> Value {
        let scopes = scopes(grant);
        let mut all = json!({
            "access_token": self.access.as_str(), "token_type": "Bearer", "expires_in": self.lives.0 / 1000, "scope": scopes.to_string(),
        });
        if scopes.contains(Scopes::OFFLINE) {
            all["refresh_token"] = self.refresh.as_str().into();
        }
        all
    }
}

/// A grant of this client that neither was revoked nor is over.
fn of_client(tx: &mut dyn Tx, id: Id, client: &str, now: i64) -> Result<Option<rows::Grant>, StoreError> {
    let in_force = |g: &rows::Grant| g.client_id == client && g.token.revoked.is_none() && g.until > now;
    Ok(rows::grant(tx, id)?.filter(in_force))
}

/// The same, if it is believed as the policies are now: it ends when its token does.
fn live(tx: &mut dyn Tx, rule: TokenRule, id: Id, client: &str, now: i64) -> Result<Option<rows::Grant>, StoreError> {
    let Some(grant) = of_client(tx, id, client, now)? else { return Ok(None) };
    let Some(token) = rule.live(tx, Some(grant.token.clone()), now)? else { return Ok(None) };
    let until = token.expires.map_or(grant.until, |end| end.min(grant.until));
    Ok(Some(rows::Grant { token, until, ..grant }))
}

/// The next generation of a grant, with its tokens.
fn next(tx: &mut dyn Tx, grant: rows::Grant, pair: &Pair) -> Result<Option<Outcome>, StoreError> {
    let Some(generation) = rows::rotate(tx, grant.token.id, grant.generation, pair.now)? else { return Ok(None) };
    pair.keep(tx, &grant, generation)?;
    Ok(Some(Outcome::Given(Box::new(grant))))
}

/// Ends a grant whose secret came twice, in the transaction that saw it.
fn end(tx: &mut dyn Tx, grant: rows::Grant, fact: &Fact, now: i64) -> Result<Outcome, StoreError> {
    if accounts::revoke_token(tx, grant.token.id, now)? {
        let mut fact = fact.clone();
        fact.adding("token", grant.token.id.to_string().into());
        fact.write(tx)?;
        return Ok(Outcome::Reused(Box::new(grant)));
    }
    Ok(Outcome::No(OauthError::InvalidGrant))
}

impl Operator {
    /// The token endpoint: a form, and what `Authorization: Basic` said. Failures are slow.
    ///
    /// # Errors
    /// As RFC 6749 §5.2 and RFC 8628 §3.5 name them.
    #[boxed]
    pub async fn oauth_token(
        &self,
        form: &[(String, String)],
        basic: Option<(String, Zeroizing<String>)>,
        origin: &Origin,
    ) -> Result<Value, OauthError> {
        let done = self.redeem(form, basic, origin).await.map_err(Failed::told);
        if matches!(done, Err(OauthError::InvalidClient | OauthError::InvalidGrant)) {
            tokio::time::sleep(FAILURE_DELAY).await;
        }
        done
    }

    async fn redeem(
        &self,
        form: &[(String, String)],
        basic: Option<(String, Zeroizing<String>)>,
        origin: &Origin,
    ) -> Result<Value, Failed> {
        let settings = self.oauth().ok_or(OauthError::TemporarilyUnavailable)?;
        let (given, auth) = grant(form, basic)?;
        let device = matches!(given, Grant::Device { .. });
        let client = self.proven_client(&auth).await?;
        let (access, refresh) = (secret(ACCESS)?, secret(REFRESH)?);
        let now = self.now().0;
        let pair = Pair {
            digests: (self.oauth_digest(&access), self.oauth_digest(&refresh)),
            access,
            refresh,
            now,
            lives: (i64::from(settings.access_minutes) * 60_000, i64::from(settings.refresh_days) * DAY),
            limits: self.config().limits,
        };
        let grace = i64::from(settings.refresh_grace_seconds) * 1000;
        let rule = self.token_rule();
        let by = By::stranger(origin);
        let fact = self.fact("oauth.reuse", &by, None, "ok", json!({ "client": client.id }));
        let outcome = match given {
            Grant::Code { code, verifier, redirect } => {
                let (digest, client, pair, fact) = (self.oauth_digest(&code), client.id, pair.clone(), fact);
                let redeem = move |tx: &mut dyn Tx| -> Result<Outcome, StoreError> {
                    let no = || Ok(Outcome::No(OauthError::InvalidGrant));
                    let Some(row) = rows::code(tx, &digest)?.filter(|c| c.client_id == client) else { return no() };
                    if row.redirect != redirect || !challenge_ok(&verifier, &row.challenge) {
                        return no();
                    }
                    let Some(grant) = live(tx, rule, row.grant_id, &client, pair.now)? else { return no() };
                    // Whoever comes with a spent code has it from somebody (RFC 9700 §4.5).
                    if row.used.is_some() {
                        return end(tx, grant, &fact, pair.now);
                    }
                    if !rows::spend_code(tx, &digest, pair.now)? {
                        return no();
                    }
                    Ok(next(tx, grant, &pair)?.unwrap_or(Outcome::No(OauthError::InvalidGrant)))
                };
                self.0.store.write(redeem).await?
            }
            Grant::Refresh { token, scope } => {
                let (digest, client, pair, fact) = (self.oauth_digest(&token), client.id, pair.clone(), fact);
                let redeem = move |tx: &mut dyn Tx| -> Result<Outcome, StoreError> {
                    let no = |error| Ok(Outcome::No(error));
                    let shown = rows::issued(tx, "refresh", &digest)?.filter(|t| t.expires > pair.now);
                    let Some(shown) = shown else { return no(OauthError::InvalidGrant) };
                    let Some(grant) = live(tx, rule, shown.grant_id, &client, pair.now)? else {
                        return no(OauthError::InvalidGrant);
                    };
                    if scope.is_some_and(|s| !scopes(&grant).contains(s)) {
                        return no(OauthError::InvalidScope);
                    }
                    rows::shown(tx, &digest, pair.now)?;
                    // What another node did in between is seen by looking once more.
                    let mut grant = grant;
                    for _ in 0..2 {
                        let (since, at) = (Timestamp(grant.rotated), Timestamp(pair.now));
                        match rotation(shown.generation, grant.generation, since, at, grace) {
                            Rotation::Reuse => return end(tx, grant, &fact, pair.now),
                            Rotation::Sibling => {
                                pair.keep(tx, &grant, grant.generation)?;
                                return Ok(Outcome::Given(Box::new(grant)));
                            }
                            Rotation::Next => {
                                let id = grant.token.id;
                                if let Some(given) = next(tx, grant, &pair)? {
                                    return Ok(given);
                                }
                                match live(tx, rule, id, &client, pair.now)? {
                                    Some(now) => grant = now,
                                    None => return no(OauthError::InvalidGrant),
                                }
                            }
                        }
                    }
                    no(OauthError::InvalidGrant)
                };
                self.0.store.write(redeem).await?
            }
            Grant::Device { code } => {
                let (digest, client, pair) = (self.oauth_digest(&code), client.id, pair.clone());
                let redeem = move |tx: &mut dyn Tx| -> Result<Outcome, StoreError> {
                    let no = |error| Ok(Outcome::No(error));
                    let Some(d) = rows::device(tx, &digest)?.filter(|d| d.client_id == client) else {
                        return no(OauthError::InvalidGrant);
                    };
                    if d.expires <= pair.now {
                        return no(OauthError::ExpiredToken);
                    }
                    let (before, at) = (Timestamp(d.polled), Timestamp(pair.now));
                    let every = match device_polled(before, at, d.every) {
                        Polled::TooSoon { every_ms } => every_ms,
                        Polled::InTime => d.every,
                    };
                    // Two questions at the same time: one of them was too soon.
                    let first = rows::polled(tx, &digest, (d.polled, pair.now), every)?;
                    if every != d.every || !first {
                        return no(OauthError::SlowDown);
                    }
                    match d.state.as_str() {
                        "waiting" => no(OauthError::AuthorizationPending),
                        "refused" => no(OauthError::AccessDenied),
                        _ => {
                            let Some(id) = rows::spend_device(tx, &digest, pair.now)? else {
                                return no(OauthError::InvalidGrant);
                            };
                            let Some(grant) = live(tx, rule, id, &client, pair.now)? else {
                                return no(OauthError::InvalidGrant);
                            };
                            Ok(next(tx, grant, &pair)?.unwrap_or(Outcome::No(OauthError::InvalidGrant)))
                        }
                    }
                };
                self.0.store.write(redeem).await?
            }
        };
        match outcome {
            Outcome::Given(grant) => {
                if device {
                    self.note_finished(origin.remote);
                }
                Ok(pair.answer(&grant))
            }
            Outcome::No(error) => Err(error.into()),
            Outcome::Reused(grant) => {
                self.rights_changed_of(grant.token.id);
                self.raise_alarm(REUSE, &grant.client_id, false, json!({ "token": grant.token.id.to_string() })).await;
                Err(OauthError::InvalidGrant.into())
            }
        }
    }

    /// A program gives a token back, access or refresh: its grant ends, on every node within a second. What is no token of this program's is no error.
    ///
    /// # Errors
    /// As RFC 7009 §2.2.1 names them.
    #[boxed]
    pub async fn oauth_revoke(
        &self,
        form: &[(String, String)],
        basic: Option<(String, Zeroizing<String>)>,
        origin: &Origin,
    ) -> Result<(), OauthError> {
        self.oauth().ok_or(OauthError::TemporarilyUnavailable)?;
        let (token, auth) = revocation(form, basic)?;
        let client = self.proven_client(&auth).await.map_err(Failed::told)?;
        let (digest, now) = (self.oauth_digest(&token), self.now().0);
        let fact = self.fact("oauth.revoked", &By::stranger(origin), None, "ok", json!({ "client": client.id }));
        let give_back = move |tx: &mut dyn Tx| {
            let mut found = rows::issued(tx, "access", &digest)?;
            if found.is_none() {
                found = rows::issued(tx, "refresh", &digest)?;
            }
            let Some(issued) = found else { return Ok(None) };
            // One that a policy has shut for now too: it must not come back with another policy.
            let Some(grant) = of_client(tx, issued.grant_id, &client.id, now)? else { return Ok(None) };
            accounts::revoke_token(tx, grant.token.id, now)?;
            let mut fact = fact.clone();
            fact.adding("token", grant.token.id.to_string().into());
            fact.write(tx)?;
            Ok::<_, StoreError>(Some(grant.token.id))
        };
        if let Some(ended) = self.0.store.write(give_back).await.map_err(later)? {
            self.rights_changed_of(ended);
        }
        Ok(())
    }

    /// The client that a form names, when it proved itself as it has to (RFC 6749 §2.3).
    pub(super) async fn proven_client(&self, auth: &ClientAuth) -> Result<Client, Failed> {
        let refused = || Failed::Told(OauthError::InvalidClient);
        let (client, row) = self.oauth_client(auth.id()).await?.ok_or_else(refused)?;
        match (auth, client.kind) {
            (ClientAuth::Public { .. }, ClientKind::Native) => Ok(client),
            (ClientAuth::Secret { secret, .. }, ClientKind::Confidential) => {
                let (kept, shown) = (row.secret.ok_or_else(refused)?, self.oauth_digest(secret));
                let same = aws_lc_rs::constant_time::verify_slices_are_equal(&kept, &shown);
                same.map(|()| client).map_err(|_| refused())
            }
            (ClientAuth::Assertion { token, .. }, ClientKind::Confidential) => {
                let keys = row.jwks.as_deref().and_then(|j| Keys::read(j.as_bytes()).ok()).ok_or_else(refused)?;
                let issuer = self.config().public_url.as_str();
                let endpoint = format!("{issuer}/oauth/token");
                let proof = proved(token, &keys, &client.id, &[issuer, &endpoint], self.now(), SKEW_MS)?;
                // One proof serves once, whichever node sees it.
                let digest = self.oauth_digest(&format!("{} {}", client.id, proof.id));
                let until = proof.until.0;
                let first = move |tx: &mut dyn Tx| rows::first_shown(tx, &digest, until);
                match self.0.store.write(first).await? {
                    true => Ok(client),
                    false => Err(refused()),
                }
            }
            _ => Err(refused()),
        }
    }
}
