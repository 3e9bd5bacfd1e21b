//! An identity provider as this node knows it: how it is asked, how it describes itself, its keys ([`super::keys`]), whether it answers.
//!
//! Promises: only hosts that somebody configured are asked, whatever a provider's document names; what it says is bounded in time and bytes; while it is
//! away nothing is counted against anybody, and what was known goes on serving for a while.
use super::keys::{Held, Known};
use crate::Operator;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_identity::jose::{Keys, Signer};
use sceau_identity::oidc::{self, OidcError, Provider};
use sceau_trust::outgoing::{FetchError, Hosts};
use sceau_trust::provider::{Answer, ClientAuth, Outside, OutsideSettings};
use sceau_trust::{Anchors, Identity};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// For one question: somebody waits at a door.
const DEADLINE: Duration = Duration::from_secs(5);
/// Questions at once, a node.
const AT_ONCE: usize = 8;
/// From then on that it does not answer its absence is critical, milliseconds.
const CRITICAL_MS: i64 = 15 * 60_000;
/// The alarm is raised this often at most, milliseconds.
const TELL_EVERY_MS: i64 = 60_000;
/// Most providers that are remembered: Pro Santé Connect, and structures' own.
const MOST: usize = 512;
/// How far a provider's clock may be off, milliseconds.
pub(super) const SKEW_MS: i64 = 60_000;

/// How we prove who we are to a provider.
pub(super) enum Own {
    /// By a secret that was agreed on.
    Secret(Zeroizing<String>),
    /// By a key that signs (`private_key_jwt`).
    Key(Signer),
    /// By our certificate alone.
    Certificate,
}

/// What is configured of a provider.
pub(super) struct About {
    /// Its name.
    pub issuer: String,
    /// Where it describes itself.
    pub discovery: String,
    /// Who we are there.
    pub client: String,
    /// How we prove that.
    pub own: Own,
    /// The certificate that we show (mutual TLS).
    pub identity: Option<Identity>,
    /// Hosts where it may be beside its own.
    pub hosts: Vec<String>,
    /// For how long its description and keys are believed, milliseconds.
    pub believed_ms: i64,
    /// For how long they serve while it is away, milliseconds.
    pub kept_ms: i64,
    /// The alarm of its absence.
    pub alarm: &'static str,
}

/// A provider.
pub(super) struct Remote {
    pub about: About,
    /// The way to it, and the anchors by which it was made.
    way: Mutex<Option<(Arc<Anchors>, Arc<Outside>)>>,
    /// Who fetches: the others wait for what comes.
    pub(super) turn: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", self.about.issuer)
    }
}

/// The providers that this node asked.
#[derive(Debug, Default)]
pub(crate) struct Remotes(Mutex<HashMap<String, Arc<Remote>>>);

impl Remotes {
    /// The one of this name (which changes with what is configured of it); made by `about` when it is new.
    pub(super) fn of(
        &self,
        name: &str,
        about: impl FnOnce() -> Result<About, Refusal>,
    ) -> Result<Arc<Remote>, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get(name) {
            return Ok(there.clone());
        }
        let made = Arc::new(Remote::new(about()?));
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(name.to_owned(), made.clone());
        Ok(made)
    }
}

impl Remote {
    fn new(about: About) -> Self {
        Self { about, way: Mutex::default(), turn: tokio::sync::Mutex::default(), held: Mutex::default() }
    }
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to it under the anchors in force.
    fn way(&self, op: &Operator) -> Result<Arc<Outside>, FetchError> {
        let anchors = op.0.trust.anchors();
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((by, there)) = &*way
            && Arc::ptr_eq(by, &anchors)
        {
            return Ok(there.clone());
        }
        let mut hosts = Hosts::new(self.about.hosts.iter().cloned());
        for address in [&self.about.issuer, &self.about.discovery] {
            hosts.add(address)?;
        }
        let made = Arc::new(Outside::new(&OutsideSettings {
            hosts,
            anchors: (*anchors).clone(),
            identity: self.about.identity.clone(),
            deadline: DEADLINE,
            max_bytes: oidc::MAX_ANSWER,
            at_once: AT_ONCE,
        })?);
        *way = Some((anchors, made.clone()));
        Ok(made)
    }

    /// Asks for a document.
    pub(super) async fn get(&self, op: &Operator, url: &str, bearer: Option<&str>) -> Result<Answer, OidcError> {
        let answered = match self.way(op) {
            Ok(way) => way.get(url, bearer).await,
            Err(e) => Err(e),
        };
        self.noted(op, answered).await
    }

    /// Sends a form, as who we are.
    pub(super) async fn form(&self, op: &Operator, url: &str, fields: &oidc::Form) -> Result<Answer, OidcError> {
        let about = &self.about;
        let assertion = match &about.own {
            Own::Key(signer) => {
                let mut id = [0; 16];
                aws_lc_rs::rand::fill(&mut id).map_err(|_| OidcError::Unavailable)?;
                let id = hex::encode(id);
                let signed = oidc::assertion(signer, &about.client, &about.issuer, &id, op.clock().now());
                Some(Zeroizing::new(signed.map_err(OidcError::from)?))
            }
            Own::Secret(_) | Own::Certificate => None,
        };
        let auth = match (&about.own, &assertion) {
            (Own::Secret(secret), _) => ClientAuth::Basic(&about.client, secret),
            (_, Some(assertion)) => ClientAuth::Jwt(assertion),
            _ => ClientAuth::Certificate(&about.client),
        };
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answered = match self.way(op) {
            Ok(way) => way.form(url, &fields, auth).await,
            Err(e) => Err(e),
        };
        let answer = self.noted(op, answered).await?;
        self.knows_us(op, &answer).await?;
        Ok(answer)
    }

    /// Did it know who we are? That it does not is no fault of whoever signs in: it is told to those who run the operator.
    async fn knows_us(&self, op: &Operator, answer: &Answer) -> Result<(), OidcError> {
        if !oidc::client_refused(answer.status, &answer.body) {
            let news = self.held().knows_us();
            if news {
                op.clear_alarm("psc.client", &self.about.issuer).await;
            }
            return Ok(());
        }
        tracing::warn!(issuer = self.about.issuer, "an identity provider does not know us");
        let tell = self.held().stranger(op.clock().now(), TELL_EVERY_MS);
        if tell {
            op.raise_alarm("psc.client", &self.about.issuer, true, json!({ "client": self.about.client })).await;
        }
        Err(OidcError::Unavailable)
    }

    /// Whether it answers is remembered, and told when it does not: what it answered with errors of its own is no answer.
    async fn noted(&self, op: &Operator, answered: Result<Answer, FetchError>) -> Result<Answer, OidcError> {
        let cause = match answered {
            Ok(answer) if answer.status < 500 => {
                let failed = self.held().answered();
                if failed {
                    op.clear_alarm(self.about.alarm, &self.about.issuer).await;
                }
                return Ok(answer);
            }
            Ok(answer) => format!("HTTP {}", answer.status),
            Err(e) => e.to_string(),
        };
        let now = op.clock().now();
        tracing::warn!(issuer = self.about.issuer, cause, "an identity provider does not answer");
        let tell = self.held().silent(now, TELL_EVERY_MS);
        if let Some(since) = tell {
            let critical = since.plus_ms(CRITICAL_MS) <= now;
            op.raise_alarm(self.about.alarm, &self.about.issuer, critical, json!({ "cause": cause })).await;
        }
        Err(OidcError::Unavailable)
    }

    /// How it describes itself.
    pub(super) async fn described(&self, op: &Operator) -> Result<Arc<Provider>, OidcError> {
        Ok(self.known(op, false).await?.provider)
    }

    /// Judges something by its keys; by its newest ones where they lack the one that signed.
    pub(super) async fn judged<T>(
        &self,
        op: &Operator,
        judge: impl Fn(&Keys, &Provider) -> Result<T, OidcError>,
    ) -> Result<T, OidcError> {
        let known = self.known(op, false).await?;
        match judge(&known.keys, &known.provider) {
            Err(OidcError::Key) => {}
            judged => return judged,
        }
        let newer = self.known(op, true).await?;
        judge(&newer.keys, &newer.provider)
    }

    /// Description and keys, fetched when what is held is too old, or when `newest` is wanted and it was not asked for a moment ago.
    async fn known(&self, op: &Operator, newest: bool) -> Result<Known, OidcError> {
        let held = |now: Timestamp| self.held().known(now, newest, self.about.believed_ms);
        // While it is away what was known serves on; whether a key that is not among it is good nobody can say then.
        let last = |now: Timestamp| {
            let kept = if newest { None } else { self.held().last(now, self.about.kept_ms) };
            kept.ok_or(OidcError::Unavailable)
        };
        if let Some(known) = held(op.clock().now()) {
            return Ok(known);
        }
        // Away a moment ago: whoever signs in now does not wait for that again.
        if self.held().pauses(op.clock().now()) {
            return last(op.clock().now());
        }
        let _turn = self.turn.lock().await;
        // Somebody else may have asked meanwhile, and heard something or nothing.
        let now = op.clock().now();
        if let Some(known) = held(now) {
            return Ok(known);
        }
        if self.held().pauses(now) {
            return last(now);
        }
        match self.taken(op, now, newest).await {
            Ok(known) => Ok(known),
            Err(_) => last(now),
        }
    }

    /// Asks now, whatever is held.
    pub(super) async fn refreshed(&self, op: &Operator) -> Result<(), OidcError> {
        let _turn = self.turn.lock().await;
        self.taken(op, op.clock().now(), false).await.map(drop)
    }

    /// Asks for description and keys. What is not accepted of them is told to those who run the operator, and is no answer for everybody else.
    async fn taken(&self, op: &Operator, now: Timestamp, newest: bool) -> Result<Known, OidcError> {
        self.held().asks(now, newest);
        let error = match self.fetched(op).await {
            Ok(known) => {
                self.held().take(known.clone(), op.clock().now());
                // Whichever node told of them, and were it this one before it was started anew.
                op.clear_alarm("psc.keys", &self.about.issuer).await;
                op.clear_alarm(self.about.alarm, &self.about.issuer).await;
                return Ok(known);
            }
            Err(OidcError::Unavailable) => return Err(OidcError::Unavailable),
            Err(e) => e,
        };
        tracing::warn!(issuer = self.about.issuer, %error, "what an identity provider says of itself is not accepted");
        let tell = self.held().broken(op.clock().now(), TELL_EVERY_MS);
        if tell {
            op.raise_alarm("psc.keys", &self.about.issuer, true, json!({ "cause": error.code() })).await;
        }
        Err(OidcError::Unavailable)
    }

    async fn fetched(&self, op: &Operator) -> Result<Known, OidcError> {
        let document = self.get(op, &self.about.discovery, None).await?;
        if document.status != 200 {
            return Err(OidcError::Malformed);
        }
        let provider = oidc::discovered(&document.body, &self.about.issuer)?;
        let provider = if self.about.identity.is_some() { provider.mutual() } else { provider };
        let answer = self.get(op, &provider.jwks, None).await?;
        if answer.status != 200 {
            return Err(OidcError::Malformed);
        }
        let keys = Keys::read(&answer.body)?;
        if keys.is_empty() {
            return Err(OidcError::Malformed);
        }
        Ok(Known { provider: Arc::new(provider), keys: Arc::new(keys) })
    }
}

/// A private key of PEM, under the name that follows from its public half (RFC 7638).
pub(super) fn signer(pem: &str) -> Option<Signer> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let made = |kid: &str| {
        let der = key.secret_pkcs8_der();
        Signer::es256(der, kid).or_else(|_| Signer::rs256(der, kid)).ok()
    };
    let public = made("")?.public();
    // The members that make the key, by name, without spaces.
    let members: &[&str] = if public["kty"] == "EC" { &["crv", "kty", "x", "y"] } else { &["e", "kty", "n"] };
    let text: Vec<String> = members.iter().map(|m| format!("\"{m}\":{}", public[*m])).collect();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{{{}}}", text.join(",")).as_bytes());
    let kid = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest);
    made(&kid)
}

/// What somebody hears of a proof that a provider's word did not make good. Behind a good signature the cause is told; before, it is not.
pub(super) fn told(e: &OidcError) -> Refusal {
    Refusal::new(match e {
        OidcError::Unavailable => RefusalCode::ProviderUnavailable,
        OidcError::Expired => RefusalCode::TokenExpired,
        OidcError::Audience => RefusalCode::TokenAudience,
        OidcError::Assurance => RefusalCode::TokenAssurance,
        OidcError::Age => RefusalCode::AuthFresh,
        OidcError::State => RefusalCode::FormOld,
        _ => RefusalCode::FactorRefused,
    })
}
