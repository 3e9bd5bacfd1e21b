//! An identity provider, played at the test's clock: Pro Santé Connect or a structure's own sign-in. It says what the test wants it to say, signed or not.
use super::{ANNE, House};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sceau_domain::{Clock, ManualClock};
use sceau_identity::form;
use sceau_identity::jose::{Alg, Keys, Signer, verify};
use sceau_identity::oauth::challenge_ok;
use sceau_operator::Operator;
use sceau_operator::identity::settings::{PscSettings, Settings};
use sceau_testkit::https::{Https, Reply, Request};
use sceau_testkit::pki::Pki;
use sceau_trust::{Anchors, Purpose, Trust};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// What we are called there.
pub const CLIENT: &str = "nous";
/// A mail program that is known there.
pub const LPS: &str = "lps";
/// Our secret there, unless the test agreed on something else.
pub const SECRET: &str = "girafe-convenue";
/// Anne, there.
pub const SUB: &str = "f:1:anne";

/// How we have to prove who we are.
#[derive(Clone)]
pub enum Proves {
    Secret(&'static str),
    /// By one of these keys (`private_key_jwt`).
    Key(Keys),
    /// By this certificate.
    Certificate(Vec<u8>),
}

/// What the telephone says when it is asked about.
pub enum Telephone {
    Error(&'static str),
    /// Yes, by this person: changes of the ID token.
    Yes(Value),
}

/// How a token is written from its claims.
pub type Writes = Box<dyn Fn(&Signer, &Value) -> String + Send>;

struct Grant {
    nonce: String,
    challenge: String,
    redirect: String,
    changes: Value,
    writes: Writes,
}

/// What it knows and was asked.
pub struct Inner {
    clock: Arc<ManualClock>,
    pub issuer: String,
    /// Its description, some of it changed; `null` takes one away.
    pub document: Value,
    /// Those that it publishes. The first one signs.
    pub keys: Vec<Arc<Signer>>,
    pub proves: Proves,
    /// It answers everything with this status.
    pub away: Option<u16>,
    pub telephone: VecDeque<Telephone>,
    /// What it says of tokens that live.
    pub live: HashMap<String, Value>,
    people: HashMap<String, Value>,
    codes: HashMap<String, Grant>,
    asked: HashMap<String, usize>,
    assertions: HashSet<String>,
    /// Tokens that it handed out.
    pub given: Vec<String>,
    made: usize,
}

/// The provider.
pub struct Provider {
    pub pki: Pki,
    https: Https,
    inner: Arc<Mutex<Inner>>,
}

/// A fresh key, and its private half (PKCS#8, DER).
pub fn key(kid: &str) -> (Signer, Vec<u8>) {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    (Signer::es256(der.as_ref(), kid).unwrap(), der.as_ref().to_vec())
}

/// Signed as it should be.
pub fn signed() -> Writes {
    Box::new(|key, claims| key.sign("JWT", claims).unwrap())
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Under no signature at all.
pub fn unsigned() -> Writes {
    Box::new(|key, claims| {
        let header = json!({ "alg": "none", "typ": "JWT", "kid": key.public()["kid"] });
        format!("{}.{}.", encoded(&header), encoded(claims))
    })
}

/// The public key taken for a shared secret (RFC 8725 §2.1).
pub fn confused() -> Writes {
    Box::new(|key, claims| {
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": key.public()["kid"] });
        let text = format!("{}.{}", encoded(&header), encoded(claims));
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public().to_string().as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&secret, text.as_bytes())))
    })
}

/// By a key of somebody else's: under a name that nobody knows, or under the good one's.
pub fn forged(known: bool) -> Writes {
    Box::new(move |good, claims| {
        let kid = if known { good.public()["kid"].as_str().unwrap().to_owned() } else { "inventee".to_owned() };
        key(&kid).0.sign("JWT", claims).unwrap()
    })
}

/// Some members replaced; `null` takes one away.
fn changed(mut all: Value, changes: &Value) -> Value {
    let members = all.as_object_mut().unwrap();
    for (name, value) in changes.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(members.remove(name)),
            other => drop(members.insert(name.clone(), other.clone())),
        }
    }
    all
}

/// Who somebody is, as userinfo says it.
fn person(claims: &Value) -> Value {
    let mut said = json!({ "SubjectNameID": format!("8{ANNE}"), "family_name": "MARTIN", "given_name": "Anne" });
    for (name, value) in claims.as_object().unwrap() {
        if matches!(name.as_str(), "sub" | "SubjectNameID" | "family_name" | "given_name") {
            said[name] = value.clone();
        }
    }
    said
}

impl Provider {
    /// At the clock of this house.
    pub fn start(h: &House) -> Self {
        let pki = Pki::new();
        let inner = Arc::new(Mutex::new(Inner {
            clock: h.0.store.clock.clone(),
            issuer: String::new(),
            document: json!({}),
            keys: vec![Arc::new(key("k0").0)],
            proves: Proves::Secret(SECRET),
            away: None,
            telephone: VecDeque::new(),
            live: HashMap::new(),
            people: HashMap::new(),
            codes: HashMap::new(),
            asked: HashMap::new(),
            assertions: HashSet::new(),
            given: Vec::new(),
            made: 0,
        }));
        let shared = inner.clone();
        let https = Https::start(&pki, move |request| shared.lock().unwrap().answer(request));
        inner.lock().unwrap().issuer = https.url("/psc");
        Self { pki, https, inner }
    }
    /// The same one at another host, which may be asked instead.
    pub fn elsewhere(&self) -> Https {
        let shared = self.inner.clone();
        Https::start(&self.pki, move |request| shared.lock().unwrap().answer(request))
    }
    /// Its name.
    pub fn issuer(&self) -> String {
        self.https.url("/psc")
    }
    /// Changes what it is or does.
    pub fn set<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap())
    }
    /// How often a path below its name was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.set(|i| i.asked.get(path).copied().unwrap_or(0))
    }
    /// As it is configured.
    pub fn settings(&self) -> PscSettings {
        let said = json!({ "issuer": self.issuer(), "client_id": CLIENT, "clients": [LPS], "ciba": true });
        let mut settings: PscSettings = serde_json::from_value(said).unwrap();
        settings.secret = Some(Zeroizing::new(SECRET.to_owned()));
        settings
    }
    /// A node of the house for which it is Pro Santé Connect.
    pub async fn node(&self, h: &House, change: impl FnOnce(&mut PscSettings)) -> Operator {
        let mut psc = self.settings();
        change(&mut psc);
        self.with(h, |settings| settings.psc = Some(psc)).await
    }
    /// A node of the house that believes its certificate.
    pub async fn with(&self, h: &House, change: impl FnOnce(&mut Settings)) -> Operator {
        let mut config = h.0.op.config().clone();
        config.login_failures_per_minute = 1000;
        change(&mut config.identity);
        let mut anchors = Anchors::default();
        anchors.add_pem(Purpose::Providers, self.pki.pem_pair().0.as_bytes()).unwrap();
        Operator::open(config, h.0.store.clone(), Trust::new(anchors)).await.unwrap()
    }
    /// Somebody signs in there: with what the browser that was sent to `url` comes back. `changes` of the ID token, which `writes` writes.
    pub fn signs_in(&self, url: &str, changes: Value, writes: Writes) -> String {
        let query = form::read(url.split_once('?').unwrap().1).unwrap();
        let of = |name: &str| form::once(&query, name).unwrap().unwrap_or_default().to_owned();
        assert_eq!((of("response_type").as_str(), of("client_id").as_str()), ("code", CLIENT));
        assert_eq!(of("code_challenge_method"), "S256");
        self.set(|i| {
            let code = i.name("code");
            let (nonce, challenge, redirect) = (of("nonce"), of("code_challenge"), of("redirect_uri"));
            i.codes.insert(code.clone(), Grant { nonce, challenge, redirect, changes, writes });
            form::write(&[("code", code.as_str()), ("state", &of("state")), ("iss", &i.issuer)])
        })
    }
    /// Anne signs in there.
    pub fn anne(&self, url: &str) -> String {
        self.signs_in(url, json!({}), signed())
    }
    /// An access token of the mail program, with changes; it is known there.
    pub fn access(&self, changes: &Value) -> String {
        self.access_written(changes, signed())
    }
    /// The same, written otherwise.
    pub fn access_written(&self, changes: &Value, writes: Writes) -> String {
        self.set(|i| {
            let own = json!({ "typ": "Bearer", "aud": "account", "azp": LPS, "nonce": null });
            let claims = changed(i.claims(&own), changes);
            let token = writes(&i.keys[0], &claims);
            i.people.insert(token.clone(), person(&claims));
            i.live.insert(token.clone(), changed(claims, &json!({ "active": true })));
            i.given.push(token.clone());
            token
        })
    }
    /// A logout token, with changes.
    pub fn logout(&self, changes: &Value) -> String {
        self.set(|i| {
            let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
            let own = json!({ "typ": "Logout", "azp": null, "acr": null, "auth_time": null, "events": events, "jti": i.name("jti") });
            let claims = changed(i.claims(&own), changes);
            i.keys[0].sign("logout+jwt", &claims).unwrap()
        })
    }
    /// Another key signs from now on; the one before is published still, or no more.
    pub fn rotates(&self, keeps: bool) {
        self.set(|i| {
            let name = i.name("k");
            i.keys.insert(0, Arc::new(key(&name).0));
            if !keeps {
                i.keys.truncate(1);
            }
        });
    }
}

impl Inner {
    /// A name that was never used.
    fn name(&mut self, of: &str) -> String {
        self.made += 1;
        format!("{of}-{}", self.made)
    }
    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.clock.now().seconds()
    }
    /// Claims of Anne's ID token.
    fn claims(&self, changes: &Value) -> Value {
        let at = self.now();
        let all = json!({
            "iss": self.issuer, "sub": SUB, "aud": CLIENT, "azp": CLIENT, "exp": at + 120, "iat": at, "auth_time": at, "acr": "eidas1", "typ": "ID",
            "sid": "session-la-bas",
        });
        changed(all, changes)
    }
    fn answer(&mut self, request: &Request) -> Reply {
        let path = request.path.strip_prefix("/psc").unwrap_or_default().to_owned();
        *self.asked.entry(path.clone()).or_default() += 1;
        if let Some(status) = self.away {
            return (status, String::new());
        }
        let fields = form::read(&request.body).unwrap_or_default();
        let (status, said) = match path.as_str() {
            "/.well-known/wallet-openid-configuration" | "/.well-known/openid-configuration" => (200, self.described()),
            "/keys" => (200, json!({ "keys": self.keys.iter().map(|k| k.public()).collect::<Vec<_>>() })),
            "/userinfo" => {
                let bearer = request.authorization.as_deref().and_then(|a| a.strip_prefix("Bearer "));
                match bearer.and_then(|token| self.people.get(token)) {
                    Some(person) => (200, person.clone()),
                    None => (401, json!({ "error": "invalid_token" })),
                }
            }
            "/token" | "/autre/token" | "/introspect" | "/ciba" if !self.knows(request, &fields) => {
                (401, json!({ "error": "invalid_client" }))
            }
            "/token" | "/autre/token" => self.token(&fields),
            "/introspect" => {
                let token = form::once(&fields, "token").unwrap().unwrap_or_default();
                (200, self.live.get(token).cloned().unwrap_or(json!({ "active": false })))
            }
            "/ciba" => match form::once(&fields, "login_hint").unwrap() {
                Some(number) if number == format!("8{ANNE}") => {
                    (200, json!({ "auth_req_id": self.name("appel"), "expires_in": 120, "interval": 2 }))
                }
                _ => (400, json!({ "error": "unknown_user_id" })),
            },
            _ => (404, json!({})),
        };
        (status, said.to_string())
    }
    fn described(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let all = json!({
            "issuer": self.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"), "jwks_uri": at("/keys"),
            "userinfo_endpoint": at("/userinfo"), "introspection_endpoint": at("/introspect"), "backchannel_authentication_endpoint": at("/ciba"),
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": true,
        });
        changed(all, &self.document)
    }
    /// Does the request prove that it is ours?
    fn knows(&mut self, request: &Request, fields: &[(String, String)]) -> bool {
        let one = |name: &str| form::once(fields, name).unwrap().unwrap_or_default();
        match self.proves.clone() {
            Proves::Secret(secret) => {
                let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
                request.authorization.as_deref() == Some(basic.as_str())
            }
            Proves::Certificate(own) => request.shown == Some(own) && one("client_id") == CLIENT,
            Proves::Key(keys) => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let Ok((_, claims)) = verify(one("client_assertion"), &keys, &Alg::ALL) else { return false };
                let is = |name: &str, value: &str| claims.text(name) == Ok(Some(value));
                let ours = is("iss", CLIENT) && is("sub", CLIENT) && is("aud", &self.issuer);
                let until = claims.instant("exp").unwrap().unwrap().seconds() - self.now();
                // RFC 7523 §3: each serves once.
                let new = self.assertions.insert(claims.text("jti").unwrap().unwrap().to_owned());
                one("client_assertion_type") == kind && ours && (1..=60).contains(&until) && new
            }
        }
    }
    fn token(&mut self, fields: &[(String, String)]) -> (u16, Value) {
        let one = |name: &str| form::once(fields, name).unwrap().unwrap_or_default();
        let no = |error: &str| (400, json!({ "error": error }));
        let (nonce, changes, writes) = match one("grant_type") {
            "authorization_code" => {
                // Once, whatever comes with it.
                let Some(grant) = self.codes.remove(one("code")) else { return no("invalid_grant") };
                if !challenge_ok(one("code_verifier"), &grant.challenge) || one("redirect_uri") != grant.redirect {
                    return no("invalid_grant");
                }
                (json!({ "nonce": grant.nonce }), grant.changes, grant.writes)
            }
            "urn:openid:params:grant-type:ciba" => match self.telephone.pop_front() {
                None => return no("authorization_pending"),
                Some(Telephone::Error(error)) => return no(error),
                Some(Telephone::Yes(changes)) => (json!({}), changes, signed()),
            },
            _ => return no("unsupported_grant_type"),
        };
        let claims = changed(self.claims(&nonce), &changes);
        let (access, id) = (self.name("acces-girafe"), writes(&self.keys[0], &claims));
        self.people.insert(access.clone(), person(&claims));
        self.given.extend([access.clone(), id.clone()]);
        (200, json!({ "access_token": access, "token_type": "Bearer", "expires_in": 120, "id_token": id }))
    }
}
