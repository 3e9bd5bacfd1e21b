//! Passkeys: added by whoever is signed in, and shown to sign in, to step up, or as the second means (F041, F045, F046). What an answer must be is judged
//! by [`sceau_identity::webauthn`].
//!
//! Promises: a challenge is spent before its answer is looked at, and is of one browser; a credential is one person's; a counter that goes back is an
//! alarm and no sign-in; a person's finger or face never leaves his device (F045).
use super::attempts::{Attempt, Browser};
use super::codes::behind_password;
use super::factors::{self, FactorView, PASSKEY};
use super::sessions::Entered;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Factor as Means, Need};
use sceau_identity::webauthn::{self, Backup, Expected, Party, Registered, User, WebauthnError};
use sceau_store::factors::{self as rows, Factor};
use sceau_store::{Id, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The note of an attempt.
const NOTE: &str = "passkey";

/// What was asked of a browser.
#[derive(Serialize, Deserialize)]
struct Asked {
    challenge: [u8; 32],
    /// For a new credential: how it will be called. None: an existing one is to be shown.
    label: Option<String>,
}

/// What is kept of a credential beside its id and counter.
#[derive(Serialize, Deserialize)]
pub(super) struct Public {
    key: String,
    alg: i32,
    aaguid: String,
    eligible: bool,
    state: bool,
    transports: Vec<String>,
    fmt: String,
}

/// Is the credential copied between devices?
pub(super) fn is_synced(public: &str) -> bool {
    serde_json::from_str::<Public>(public).is_ok_and(|p| p.state)
}

fn registered(f: &Factor) -> Option<Registered> {
    let p: Public = serde_json::from_str(&f.public).ok()?;
    Some(Registered {
        credential: f.credential.clone()?,
        key: BASE64_URL_SAFE_NO_PAD.decode(&p.key).ok()?,
        alg: p.alg,
        count: u32::try_from(f.counter).ok()?,
        aaguid: hex::decode(&p.aaguid).ok()?.try_into().ok()?,
        backup: Backup { eligible: p.eligible, state: p.state },
        transports: p.transports,
        fmt: p.fmt,
    })
}

fn public(r: &Registered) -> Value {
    json!({ "key": BASE64_URL_SAFE_NO_PAD.encode(&r.key), "alg": r.alg, "aaguid": hex::encode(r.aaguid), "eligible": r.backup.eligible,
            "state": r.backup.state, "transports": r.transports, "fmt": r.fmt })
}

/// 256 random bits.
pub(super) fn random() -> Result<[u8; 32], Refusal> {
    let mut out = [0; 32];
    aws_lc_rs::rand::fill(&mut out).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
    Ok(out)
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    // Neither a user nor an IPv6 address stands in an address for people.
    authority.split(':').next().unwrap_or_default()
}

fn origin(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    url[from..].find('/').map_or(url, |end| &url[..from + end])
}

impl Operator {
    /// We, as authenticators know us.
    pub(super) fn party(&self) -> Party {
        let (config, passkeys) = (self.config(), &self.config().identity.passkeys);
        let ours = origin(&config.public_url).to_owned();
        Party {
            id: passkeys.rp_id.clone().unwrap_or_else(|| host(&config.public_url).to_owned()),
            origins: std::iter::once(ours).chain(passkeys.origins.iter().cloned()).collect(),
            name: config.name.clone(),
            synced: passkeys.synced,
        }
    }

    async fn handle(&self, person: Id) -> Result<[u8; 32], Refusal> {
        let new = random()?;
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::handle(tx, person, &new)?);
        let handle = self.0.store.write(find).await?;
        handle.try_into().map_err(|_| Refusal::new(RefusalCode::Unavailable))
    }

    async fn passkeys_of(&self, person: Id) -> Result<Vec<Vec<u8>>, Refusal> {
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::of_person(tx, person)?);
        let all = self.0.store.read(find).await?;
        Ok(all.into_iter().filter_map(|f| f.credential).collect())
    }

    /// Begins a sign-in with a passkey; a step-up when somebody is signed in.
    #[boxed]
    pub async fn begin_passkey(&self, browser: &Browser<'_>, to: &str, session: Option<&Actor>) -> Result<(), Refusal> {
        let attempt = self.begin_attempt(browser, to, session).await?;
        self.ask_passkey(attempt).await
    }

    /// Asks for a passkey as the second means of the sign-in under way. `form.old`: there is none, or no right password was given in it.
    #[boxed]
    pub async fn passkey_second(&self, browser: &Browser<'_>) -> Result<(), Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        behind_password(&attempt)?;
        self.ask_passkey(attempt).await
    }

    async fn ask_passkey(&self, mut attempt: Attempt) -> Result<(), Refusal> {
        attempt.put(NOTE, &Asked { challenge: random()?, label: None });
        self.keep_attempt(&mut attempt).await
    }

    /// What the page asks the browser for, once [`Operator::begin_passkey`], or (`create`) [`Operator::begin_passkey_enrolment`], was called. `form.old`.
    #[boxed]
    pub async fn passkey_options(
        &self,
        browser: &Browser<'_>,
        create: bool,
        actor: Option<&Actor>,
    ) -> Result<Value, Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        let asked: Option<Asked> = attempt.get(NOTE);
        let asked = asked.filter(|a| a.label.is_some() == create).ok_or(RefusalCode::FormOld)?;
        if create {
            let actor = actor.filter(|a| a.credential == attempt.session).ok_or(RefusalCode::FormOld)?;
            let person = factors::own(actor)?;
            return self.passkey_creation(person.id, (&person.login, &person.name), &asked.challenge).await;
        }
        let allow = match attempt.person {
            Some(person) => self.passkeys_of(person).await?,
            None => Vec::new(),
        };
        Ok(webauthn::request(&self.party(), &asked.challenge, &allow))
    }

    /// What a browser is asked for to make a credential of this person.
    pub(super) async fn passkey_creation(
        &self,
        person: Id,
        (login, name): (&str, &str),
        challenge: &[u8; 32],
    ) -> Result<Value, Refusal> {
        let (handle, known) = (self.handle(person).await?, self.passkeys_of(person).await?);
        Ok(webauthn::creation(&self.party(), &User { handle: &handle, login, name }, challenge, &known))
    }

    /// Takes the challenge of an attempt out: it is spent, on whichever node, before anything is said of its answer.
    async fn spent(&self, cookie: &str) -> Result<(Attempt, Asked), Refusal> {
        let mut attempt = self.attempt(cookie).await?;
        let asked = attempt.get(NOTE).ok_or(RefusalCode::FormOld)?;
        attempt.drop_note(NOTE);
        self.keep_attempt(&mut attempt).await?;
        Ok((attempt, asked))
    }

    /// A passkey answers: a session, or what the attempt was for. `factor.refused`, `form.old`.
    #[boxed]
    pub async fn passkey_sign_in(
        &self,
        browser: &Browser<'_>,
        answer: &[u8],
        origin: &Origin,
    ) -> Result<Entered, Refusal> {
        let (attempt, asked) = self.spent(browser.attempt).await?;
        if asked.label.is_some() {
            return Err(RefusalCode::FormOld.into());
        }
        match self.asserted(&attempt, &asked, answer, origin).await {
            Ok(person) => self.enter_session(attempt, person, Means::Passkey, None, origin).await,
            Err(refusal) => {
                if refusal.code == RefusalCode::FactorRefused {
                    self.wrong_try(&attempt).await?;
                }
                Err(refusal)
            }
        }
    }

    /// Whose passkey answered.
    async fn asserted(&self, attempt: &Attempt, asked: &Asked, answer: &[u8], origin: &Origin) -> Result<Id, Refusal> {
        let refused = |e: WebauthnError| self.passkey_refused(e, origin);
        let claimed = match webauthn::peek(answer) {
            Ok(claimed) => claimed,
            Err(e) => return Err(refused(e).await),
        };
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::by_credential(tx, &claimed.credential)?);
        let row = self.0.store.read(find).await?;
        let Some((row, known)) = row.and_then(|r| registered(&r).map(|k| (r, k))) else {
            return Err(refused(WebauthnError::Credential).await);
        };
        // Whoever was named before is who must answer.
        let (identified, allow) = match attempt.person {
            Some(person) if person != row.person_id => return Err(refused(WebauthnError::Credential).await),
            Some(person) => (true, self.passkeys_of(person).await?),
            None => (false, Vec::new()),
        };
        let handle = self.handle(row.person_id).await?;
        let expected = Expected { challenge: &asked.challenge, allow: &allow, handle: &handle, identified };
        let (id, place) = (row.id, origin.remote.map(|ip| self.place_of(ip)));
        let asserted = match webauthn::assert(&self.party(), &expected, &known, answer) {
            Ok(asserted) => asserted,
            Err(e) => {
                if e == WebauthnError::Count {
                    self.raise_alarm("passkey.count", &row.id.to_string(), false, json!({})).await;
                }
                return Err(refused(e).await);
            }
        };
        let now = self.now().0;
        let updated = (asserted.backup != known.backup).then(|| Factor {
            public: public(&Registered { backup: asserted.backup, ..known }).to_string(),
            ..row.clone()
        });
        let note = move |tx: &mut dyn Tx| {
            let counted = rows::count(tx, id, asserted.count.into())?;
            if counted {
                rows::used(tx, id, now, place.as_deref())?;
                if let Some(updated) = &updated {
                    rows::update(tx, updated)?;
                }
            }
            Ok::<_, Fail>(counted)
        };
        // Another node counted it first: a copy of the answer, or of the key.
        if !self.0.store.write(note).await? {
            return Err(refused(WebauthnError::Count).await);
        }
        Ok(row.person_id)
    }

    /// An answer that proves nothing: traced by its cause, told without.
    async fn passkey_refused(&self, error: WebauthnError, origin: &Origin) -> Refusal {
        let fact =
            self.fact("login.failed", &By::stranger(origin), None, "factor.refused", json!({ "cause": error.code() }));
        self.trace_alone(fact).await;
        RefusalCode::FactorRefused.into()
    }

    /// Begins to add a passkey for whoever is signed in. `auth.fresh`, `admin.invalid`.
    #[boxed]
    pub async fn begin_passkey_enrolment(
        &self,
        browser: &Browser<'_>,
        actor: &Actor,
        label: &str,
    ) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let label = Some(factors::label(label, PASSKEY)?);
        let mut attempt = self.begin_attempt(browser, "/moyens", Some(actor)).await?;
        attempt.put(NOTE, &Asked { challenge: random()?, label });
        self.keep_attempt(&mut attempt).await
    }

    /// Adds the passkey that the browser made. `auth.fresh`, `factor.refused`, `admin.exists`, `form.old`.
    #[boxed]
    pub async fn enrol_passkey(
        &self,
        browser: &Browser<'_>,
        actor: &Actor,
        answer: &[u8],
    ) -> Result<FactorView, Refusal> {
        self.needs(actor, Need::Fresh)?;
        let (attempt, asked) = self.spent(browser.attempt).await?;
        let label = asked.label.filter(|_| attempt.session == actor.credential).ok_or(RefusalCode::FormOld)?;
        let person = factors::own(actor)?;
        let row = match self.new_passkey(person.id, label, &asked.challenge, answer) {
            Ok(row) => row,
            Err(e) => return Err(self.passkey_refused(e, &actor.origin).await),
        };
        self.enrol(actor, row).await
    }

    /// The row of a credential that a browser made for a person.
    pub(super) fn new_passkey(
        &self,
        person: Id,
        label: String,
        challenge: &[u8; 32],
        answer: &[u8],
    ) -> Result<Factor, WebauthnError> {
        let made = webauthn::register(&self.party(), challenge, answer)?;
        let row = self.factor_row(person, PASSKEY, label, public(&made));
        Ok(Factor { credential: Some(made.credential.clone()), counter: made.count.into(), ..row })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_party_is_what_browsers_show() {
        for (url, id, site) in [
            ("https://mss.exemple.fr", "mss.exemple.fr", "https://mss.exemple.fr"),
            ("https://alpes.localhost:10026", "alpes.localhost", "https://alpes.localhost:10026"),
            ("https://mss.exemple.fr/sceau", "mss.exemple.fr", "https://mss.exemple.fr"),
        ] {
            assert_eq!((host(url), origin(url)), (id, site));
        }
    }

    #[test]
    fn what_is_kept_of_a_passkey_is_all_of_it() {
        let backup = Backup { eligible: true, state: true };
        let made = Registered {
            credential: vec![1; 16],
            key: vec![2; 77],
            alg: -7,
            count: 3,
            aaguid: [4; 16],
            backup,
            transports: vec!["usb".into()],
            fmt: "none".into(),
        };
        let row = Factor {
            credential: Some(made.credential.clone()),
            public: public(&made).to_string(),
            counter: 3,
            ..row()
        };
        assert_eq!(registered(&row), Some(made));
        assert!(is_synced(&row.public) && !is_synced("{}"));
    }

    fn row() -> Factor {
        let (kind, label) = (PASSKEY.to_owned(), String::new());
        let (credential, sealed, last_used, last_place, removed) = (None, None, None, None, None);
        let (public, enrolled_with) = (String::new(), String::new());
        Factor {
            id: 1,
            person_id: 1,
            kind,
            label,
            credential,
            public,
            sealed,
            counter: 0,
            enrolled: 0,
            enrolled_with,
            last_used,
            last_place,
            removed,
            version: 1,
        }
    }
}
