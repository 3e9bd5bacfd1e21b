//! Signing in by Pro Santé Connect in a browser (F042): by its page, or by a call to somebody's telephone (e-CPS or card, CIBA); and its logouts.
use super::attempts::Attempt;
use super::bind::{Bound, Kind, plain};
use super::flow::{Asked, Out, Sent, Signed, elsewhere};
use super::provider::{About, Own, Remote, SKEW_MS, signer, told};
use super::sessions::Entered;
use super::settings::{PscSettings, StepUp};
use crate::abuse::rates::{DAY, Key};
use crate::boxed;
use crate::refuse::Fail;
use crate::{Operator, Origin};
use sceau_domain::abuse::Network;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_identity::factor::Factor;
use sceau_identity::jose::{Keys, Signer, peek};
use sceau_identity::national::{ClaimNames, of_claims, of_idnps};
use sceau_identity::oidc::{self, Identity, Logout, OidcError, Poll, Provider};
use sceau_identity::url::Url;
use sceau_store::{Tx, accounts, browsers};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Its name among the providers that are asked.
const NAME: &str = "psc";
/// Notes of an attempt.
const OUT: &str = "psc";
const CALL: &str = "ciba";
/// Where its browsers come back.
const RETURN: &str = "/connexion/psc/retour";

/// How often a telephone is called in ten minutes and in a day.
const CALLS_OF_KNOWN: (i64, i64) = (5, 30);
const CALLS_OF_STRANGERS: (i64, i64) = (1, 3);
const CALL_WINDOW: i64 = 600_000;
/// How many telephones strangers at one address have rung in ten minutes.
const CALLS_FROM: i64 = 30;

/// What the sign-in page needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PscOffer {
    /// Origin of its page: where a form may lead.
    pub origin: String,
    /// It calls telephones.
    pub calls: bool,
    /// Where a browser signs out there too.
    pub sign_out: Option<String>,
}

/// A call to a telephone, as the attempt keeps it.
#[derive(Serialize, Deserialize)]
struct Call {
    handle: String,
    binding: String,
    /// Who is called: the national identifier.
    number: String,
    until: Timestamp,
    /// Not asked again before.
    next: Timestamp,
    every_ms: i64,
}

/// Where a call stands.
#[derive(Debug)]
pub enum Called {
    /// Nobody answered yet: the code that both screens show.
    Waiting(String),
    /// The person said yes.
    Done(Entered),
}

impl PscSettings {
    /// Where its claims say what.
    pub(super) fn claim_names(&self) -> ClaimNames {
        ClaimNames { national: self.national_claims.clone(), ..ClaimNames::default() }
    }
    /// The key that signs who we are, where there is one (`private_key_jwt`).
    ///
    /// # Errors
    /// `admin.invalid`: it is neither RSA of at least 2048 bits nor P-256, in PKCS#8.
    pub fn signer(&self) -> Result<Option<Signer>, Refusal> {
        let unreadable = || Refusal::new(RefusalCode::Invalid).with("name", "identity.psc.key");
        self.key_pem.as_ref().map(|pem| signer(pem).ok_or_else(unreadable)).transpose()
    }
    fn about(&self) -> Result<About, Refusal> {
        let own = match (&self.secret, self.signer()?) {
            (Some(secret), _) => Own::Secret(secret.clone()),
            (None, Some(signer)) => Own::Key(signer),
            (None, None) => Own::Certificate,
        };
        let discovery = || format!("{}/.well-known/wallet-openid-configuration", self.issuer);
        Ok(About {
            issuer: self.issuer.clone(),
            discovery: self.discovery.clone().unwrap_or_else(discovery),
            client: self.client_id.clone(),
            own,
            identity: self.identity.clone(),
            hosts: self.hosts.clone(),
            believed_ms: i64::from(self.keys_minutes) * 60_000,
            kept_ms: i64::from(self.keys_keep_hours) * 3_600_000,
            alarm: "psc.unreachable",
        })
    }
}

impl Operator {
    pub(super) fn psc_remote(&self, psc: &PscSettings) -> Result<Arc<Remote>, Refusal> {
        self.0.identity.remotes.of(NAME, || psc.about())
    }
    fn psc(&self) -> Result<(&PscSettings, Arc<Remote>), Refusal> {
        let psc = self.config().identity.psc.as_ref().ok_or(RefusalCode::NotFound)?;
        Ok((psc, self.psc_remote(psc)?))
    }

    /// Is it configured, and where is its page?
    ///
    /// # Errors
    /// `admin.not_found`: it is not configured; `provider.unavailable`.
    #[boxed]
    pub async fn psc_offer(&self) -> Result<PscOffer, Refusal> {
        let (psc, remote) = self.psc()?;
        let provider = remote.described(self).await.map_err(|e| told(&e))?;
        let origin = page_origin(&provider).ok_or(RefusalCode::ProviderUnavailable)?;
        let after = format!("{}/connexion", self.config().public_url);
        let sign_out = oidc::sign_out(&provider, &psc.client_id, &after);
        Ok(PscOffer { origin, calls: psc.ciba && provider.ciba.is_some(), sign_out })
    }

    /// Where the browser goes to sign in. For a stronger session it has to prove itself again there.
    ///
    /// # Errors
    /// `provider.unavailable`; `auth.fresh` when a fresh proof is wanted and the configuration says that it gives none; `form.old`.
    #[boxed]
    pub async fn begin_psc(&self, mut attempt: Attempt) -> Result<String, Refusal> {
        let (psc, remote) = self.psc()?;
        let fresh = attempt.session.is_some();
        let extra: &[(&str, &str)] = match psc.step_up {
            _ if !fresh => &[],
            StepUp::Prompt => &[("prompt", "login")],
            StepUp::MaxAge => &[("max_age", "0")],
            StepUp::None => return Err(RefusalCode::AuthFresh.into()),
        };
        let redirect = format!("{}{RETURN}", self.config().public_url);
        let sent = Sent { redirect, scope: &psc.scope, acr: &psc.acr, extra, fresh };
        let (out, url) = remote.sends(self, &sent).await.map_err(|e| told(&e))?;
        attempt.put(OUT, &out);
        self.keep_attempt(&mut attempt).await?;
        Ok(url)
    }

    /// The browser comes back.
    ///
    /// # Errors
    /// `form.old`: no attempt of this browser waits for it; `factor.refused`, `token.assurance`, `auth.fresh`, `provider.unavailable`; `identity.*`.
    #[boxed]
    pub async fn return_psc(&self, cookie: &str, query: &str, origin: &Origin) -> Result<Entered, Refusal> {
        let (psc, remote) = self.psc()?;
        let mut attempt = self.attempt(cookie).await?;
        let out: Out = attempt.get(OUT).ok_or(RefusalCode::FormOld)?;
        // What is not ours spends nothing: anybody can send a browser here.
        let code = remote.code(self, &out, query).await.map_err(|e| told(&e))?;
        attempt.drop_note(OUT);
        self.keep_attempt(&mut attempt).await?;
        let signed = Signed { acr: &psc.acr, userinfo: true };
        let who = remote.exchanged(self, &out, &code, &signed).await.map_err(|e| told(&e))?;
        self.enter_psc(psc, attempt, who, origin).await
    }

    async fn enter_psc(
        &self,
        psc: &PscSettings,
        attempt: Attempt,
        who: Identity,
        origin: &Origin,
    ) -> Result<Entered, Refusal> {
        let said = of_claims(&who.claims, &psc.claim_names()).ok_or(RefusalCode::FactorRefused)?;
        match self.bind(&said, Kind::Psc, &psc.issuer, origin).await? {
            Bound::Known(person) => {
                let from = elsewhere(self, &psc.issuer, &who);
                self.enter_session(attempt, person.id, Factor::Psc, Some(from), origin).await
            }
            Bound::Unknown => Err(RefusalCode::IdentityUnknown.into()),
        }
    }

    /// Has somebody's telephone called; gives the code that both screens show. `number`: RPPS or ADELI, as on the card or with its first digit.
    ///
    /// # Errors
    /// `admin.invalid` (no such number); `login.too_many`: called too often; `factor.refused`, `provider.unavailable`, `form.old`.
    #[boxed]
    pub async fn begin_ciba(&self, mut attempt: Attempt, number: &str) -> Result<(), Refusal> {
        let (psc, remote) = self.psc()?;
        let number = idnps(number).ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "number"))?;
        let provider = remote.described(self).await.map_err(|e| told(&e))?;
        let Some(address) = provider.ciba.as_ref().filter(|_| psc.ciba) else {
            return Err(RefusalCode::NotFound.into());
        };
        self.may_call(&attempt, &number).await?;
        let mut good = true;
        let binding = sceau_identity::code::binding(&mut |b| good &= aws_lc_rs::rand::fill(b).is_ok());
        if !good {
            return Err(RefusalCode::Unavailable.into());
        }
        let form = oidc::ciba_form(&psc.scope, &number, &binding, &psc.acr);
        let answer = remote.form(self, address, &form).await.map_err(|e| told(&e))?;
        let called = oidc::ciba_started(&answer.body).map_err(|e| told(&e))?;
        let now = self.clock().now();
        let every_ms = called.every * 1000;
        attempt.put(
            CALL,
            &Call {
                handle: called.handle.to_string(),
                binding,
                number,
                until: now.plus_ms(called.expires_in * 1000),
                next: now.plus_ms(every_ms),
                every_ms,
            },
        );
        self.keep_attempt(&mut attempt).await
    }

    /// A telephone rings for its owner: often where somebody signed in before in this browser, seldom where nobody knows who asks.
    async fn may_call(&self, attempt: &Attempt, number: &str) -> Result<(), Refusal> {
        let (national, now) = (of_idnps(number).as_ref().map(plain).unwrap_or_default(), self.now().0);
        let cookie = attempt.known().map(str::to_owned);
        let op = self.clone();
        let look = move |tx: &mut dyn Tx| {
            let Some(cookie) = &cookie else { return Ok(false) };
            let Some(person) = accounts::person_by_national_id(tx, &national)? else { return Ok(false) };
            Ok::<_, Fail>(browsers::is_known(tx, &op.browser_digest(cookie, person.id), person.id, 0)?)
        };
        // Counted apart: who signs in by it every day does so in another browser too, and strangers take nothing away from anybody.
        let known = self.0.store.read(look).await?;
        let (of, (soon, day)) = if known { ("call", CALLS_OF_KNOWN) } else { ("ring", CALLS_OF_STRANGERS) };
        let subject = hex::encode(self.0.store.vault().tag(of, number.as_bytes()));
        let key = |window| Key::new("call", &subject, window);
        let rates = &self.0.abuse.rates;
        // Nobody has one professional after the other called.
        if let Some(ip) = attempt.remote.filter(|_| !known) {
            let from = Key::new("ring", Network::around(ip, 32, 56), CALL_WINDOW);
            rates.take(&from, 1, CALLS_FROM, now).map_err(|_| Refusal::new(RefusalCode::LoginTooMany))?;
        }
        let fits = rates.fits(&key(DAY), 1, day, now).and_then(|()| rates.take(&key(CALL_WINDOW), 1, soon, now));
        fits.and_then(|()| rates.take(&key(DAY), 1, day, now)).map_err(|_| RefusalCode::LoginTooMany.into())
    }

    /// Did the person answer?
    ///
    /// # Errors
    /// `form.old`: nobody is called; `factor.refused`: the person said no; `factor.spent`: nobody answered in time; as [`Operator::return_psc`].
    #[boxed]
    pub async fn poll_ciba(&self, cookie: &str, origin: &Origin) -> Result<Called, Refusal> {
        let (psc, remote) = self.psc()?;
        let mut attempt = self.attempt(cookie).await?;
        let mut call: Call = attempt.get(CALL).ok_or(RefusalCode::FormOld)?;
        let now = self.clock().now();
        if call.until <= now {
            self.call_over(&mut attempt).await?;
            return Err(RefusalCode::FactorSpent.into());
        }
        if now < call.next {
            return Ok(Called::Waiting(call.binding));
        }
        // Before asking: of two tabs one asks.
        call.next = now.plus_ms(call.every_ms);
        attempt.put(CALL, &call);
        if self.keep_attempt(&mut attempt).await.is_err() {
            return Ok(Called::Waiting(call.binding));
        }
        let provider = remote.described(self).await.map_err(|e| told(&e))?;
        let answer = remote.form(self, &provider.token, &oidc::ciba_poll_form(&call.handle)).await;
        let answer = answer.map_err(|e| told(&e))?;
        match oidc::ciba_answer(answer.status, &answer.body).map_err(|e| told(&e))? {
            Poll::Pending => Ok(Called::Waiting(call.binding)),
            Poll::SlowDown => {
                call.every_ms += 5_000;
                call.next = now.plus_ms(call.every_ms);
                attempt.put(CALL, &call);
                self.keep_attempt(&mut attempt).await?;
                Ok(Called::Waiting(call.binding))
            }
            Poll::Denied => {
                self.call_over(&mut attempt).await?;
                Err(RefusalCode::FactorRefused.into())
            }
            Poll::Expired => {
                self.call_over(&mut attempt).await?;
                Err(RefusalCode::FactorSpent.into())
            }
            Poll::Done(tokens) => {
                self.call_over(&mut attempt).await?;
                let signed = Signed { acr: &psc.acr, userinfo: true };
                let who = remote.who(self, &tokens, &Asked::default(), &signed).await.map_err(|e| told(&e))?;
                // Whoever answered is whoever was called.
                let said = of_claims(&who.claims, &psc.claim_names()).and_then(|s| s.national);
                if said != of_idnps(&call.number) {
                    return Err(RefusalCode::FactorRefused.into());
                }
                Ok(Called::Done(self.enter_psc(psc, attempt, who, origin).await?))
            }
        }
    }

    /// Nobody is asked any more about a call that is over.
    async fn call_over(&self, attempt: &mut Attempt) -> Result<(), Refusal> {
        attempt.drop_note(CALL);
        self.keep_attempt(attempt).await
    }

    /// A provider ended one of its sessions, or all of somebody's (OpenID Connect Back-Channel Logout 1.0): ours that came from there end too, on every node.
    ///
    /// # Errors
    /// `factor.refused`: it is no logout token of a provider that we know; `token.*` behind a good signature; `provider.unavailable`.
    #[boxed]
    pub async fn provider_logout(&self, token: &str) -> Result<(), Refusal> {
        let issuer = peek(token).and_then(|said| said.issuer).ok_or(RefusalCode::FactorRefused)?;
        let now = self.clock().now();
        for remote in self.remotes_of(&issuer).await? {
            let client = &remote.about.client;
            let judged =
                |keys: &Keys, p: &Provider| oidc::logout_token(token, keys, &p.algs, &issuer, client, now, SKEW_MS);
            match remote.judged(self, judged).await {
                Ok(logout) => return self.logged_out(&issuer, &logout).await,
                // Two structures at one issuer have two names there: it may be meant for the other.
                Err(OidcError::Audience) => {}
                Err(e) => return Err(told(&e)),
            }
        }
        Err(RefusalCode::FactorRefused.into())
    }

    /// Everybody by this name: Pro Santé Connect, or structures' own sign-ins.
    async fn remotes_of(&self, issuer: &str) -> Result<Vec<Arc<Remote>>, Refusal> {
        match &self.config().identity.psc {
            Some(psc) if psc.issuer == issuer => Ok(vec![self.psc_remote(psc)?]),
            _ => self.sso_of_issuer(issuer).await,
        }
    }

    async fn logged_out(&self, issuer: &str, logout: &Logout) -> Result<(), Refusal> {
        let ended = match (&logout.session, &logout.subject) {
            (Some(session), _) => self.end_sessions_of_provider(issuer, session).await?,
            (None, Some(subject)) => self.end_sessions_of_subject(issuer, subject).await?,
            (None, None) => 0,
        };
        tracing::info!(issuer, ended, "a provider ended sessions");
        Ok(())
    }
}

/// Origin of a provider's page.
fn page_origin(provider: &Provider) -> Option<String> {
    let url = Url::parse(&provider.authorization)?;
    let port = url.port.map(|p| format!(":{p}")).unwrap_or_default();
    Some(format!("https://{}{port}", url.host))
}

/// A number as the directory writes it, of what a person types.
fn idnps(typed: &str) -> Option<String> {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    let written = match plain.len() {
        11 => format!("8{plain}"),
        9 => format!("0{plain}"),
        _ => plain,
    };
    of_idnps(&written).map(|_| written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_type_them() {
        for typed in ["10003456786", "810003456786", "8 1000 3456 786"] {
            assert_eq!(idnps(typed).as_deref(), Some("810003456786"), "{typed}");
        }
        assert_eq!(idnps("75 2345678").as_deref(), Some("0752345678"));
        for bad in ["", "10003456787", "1000345678", "marie.martin", "8é0003456786"] {
            assert_eq!(idnps(bad), None, "{bad}");
        }
    }
}
