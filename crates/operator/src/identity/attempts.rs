//! Sign-ins under way, each of one browser: what was asked of a provider, which challenge was given, what was proven so far. Nothing of it is judged
//! from memory: whichever node is asked next finds it in the store, sealed, and it is spent once.
//!
//! A browser has one at most, and ten minutes for it; what browsers at one address begin and do not finish is bounded, whatever cookies they show.
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use aws_lc_rs::{constant_time, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::Proof;
use sceau_store::{Id, Tx, attempts as rows, identity_key};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// How long a browser has for it, milliseconds.
const GOOD: i64 = 600_000;
/// Failures after which one begins anew.
const TRIES: i64 = 10;
/// Longest path that one is led to: a program's question goes along, with all that it may hold, written twice.
const LONGEST: usize = 8_000;
/// Pages that one may be led to after a sign-in.
const PAGES: [&str; 10] = [
    "/bal",
    "/bureau",
    "/compte",
    "/console",
    "/moyens",
    "/appareils",
    "/appareil",
    "/conditions",
    "/connexion",
    "/oauth/authorize",
];

/// What the web door knows of a browser.
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// The cookie of what it has under way.
    pub attempt: &'a str,
    /// The cookie by which it is known to somebody.
    pub known: Option<&'a str>,
    /// What it says it is.
    pub agent: &'a str,
    /// From where it comes.
    pub remote: Option<IpAddr>,
}

/// A sign-in under way, as it was read. `Debug` shows none of its secrets.
#[derive(Clone)]
pub struct Attempt {
    /// Id.
    pub id: Id,
    /// Where to go afterwards: a path of ours.
    pub to: String,
    /// The session (row of `tokens`) that it makes stronger; none: it begins one.
    pub session: Option<Id>,
    /// Whom the first means named.
    pub person: Option<Id>,
    /// What was proven so far.
    pub proof: Proof,
    pub(super) version: i64,
    pub(super) known: Option<Zeroizing<String>>,
    pub(super) agent: String,
    /// From where the browser comes; known in the request that began the attempt.
    pub(super) remote: Option<IpAddr>,
    notes: BTreeMap<String, Value>,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("id", &self.id).field("proof", &self.proof.names()).finish_non_exhaustive()
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    to: String,
    session: Option<Id>,
    proof: Proof,
    known: Option<String>,
    agent: String,
    notes: BTreeMap<String, Value>,
}

impl Attempt {
    /// Keeps something for the next step of the same means.
    pub fn put<T: Serialize>(&mut self, name: &'static str, note: &T) {
        if let Ok(value) = serde_json::to_value(note) {
            self.notes.insert(name.to_owned(), value);
        }
    }
    /// What was kept.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.notes.get(name)?).ok()
    }
    /// Forgets it: it served.
    pub fn drop_note(&mut self, name: &str) {
        self.notes.remove(name);
    }
    /// The cookie by which this browser is known to somebody.
    pub fn known(&self) -> Option<&str> {
        self.known.as_ref().map(|k| k.as_str())
    }
    fn sealed(&self) -> Sealed {
        Sealed {
            to: self.to.clone(),
            session: self.session,
            proof: self.proof.clone(),
            known: self.known().map(str::to_owned),
            agent: self.agent.clone(),
            notes: self.notes.clone(),
        }
    }
}

/// A path of one of our pages: whoever is led somewhere after a sign-in stays here.
pub fn own_path(path: &str) -> Option<&str> {
    let plain = path.len() <= LONGEST && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let page = path.split(['?', '#']).next().unwrap_or_default();
    let ours = PAGES.iter().any(|p| page.strip_prefix(p).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    (plain && ours && !page.contains("//") && !page.contains("..")).then_some(path)
}

/// 256 bits, as a cookie or a link writes them.
pub(crate) fn secret() -> Result<Zeroizing<String>, Refusal> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    rand::fill(bytes.as_mut()).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

fn old() -> Refusal {
    RefusalCode::FormOld.into()
}

impl Operator {
    /// A value for a new cookie.
    pub fn new_cookie(&self) -> Result<Zeroizing<String>, Refusal> {
        secret()
    }

    /// The key of the words in the forms of a browser with this cookie.
    pub fn form_key(&self, cookie: &str) -> [u8; 32] {
        self.0.store.vault().tag("csrf", cookie.as_bytes())
    }

    fn attempt_digest(&self, cookie: &str) -> [u8; 32] {
        self.0.store.vault().tag("attempt", cookie.as_bytes())
    }

    /// Begins a sign-in in a browser; what it had under way is forgotten. `to`: where to go afterwards. `session`: whoever is signed in and has to
    /// prove more; the attempt is then that person's alone.
    ///
    /// # Errors
    /// `login.required` when `session` is no browser's; `login.too_many` when browsers at this address begin without end.
    #[boxed]
    pub async fn begin_attempt(
        &self,
        browser: &Browser<'_>,
        to: &str,
        session: Option<&Actor>,
    ) -> Result<Attempt, Refusal> {
        let session = match session {
            None => {
                self.may_begin(browser.remote)?;
                None
            }
            Some(actor) => Some((actor.credential.ok_or(RefusalCode::LoginRequired)?, actor.person())),
        };
        let attempt = Attempt {
            id: self.0.store.new_id(),
            to: own_path(to).unwrap_or("/bal").to_owned(),
            session: session.map(|(id, _)| id),
            person: session.map(|(_, person)| person),
            proof: Proof::default(),
            version: 1,
            known: browser.known.map(|k| Zeroizing::new(k.to_owned())),
            agent: browser.agent.to_owned(),
            remote: browser.remote,
            notes: BTreeMap::new(),
        };
        let (now, digest) = (self.now().0, self.attempt_digest(browser.attempt).to_vec());
        let row = rows::Attempt {
            id: attempt.id,
            digest,
            kind: if session.is_some() { "step_up" } else { "sign_in" }.into(),
            person_id: attempt.person,
            sealed: self.sealed_attempt(&attempt).await?,
            at: now,
            expires: now + GOOD,
            used: None,
            tries: 0,
            version: 1,
        };
        let begin = move |tx: &mut dyn Tx| {
            rows::forget(tx, &row.digest)?;
            rows::insert(tx, &row).map_err(Fail::Store)
        };
        self.0.store.write(begin).await?;
        Ok(attempt)
    }

    /// What a browser has under way. `form.old`: nothing, or not any more.
    #[boxed]
    pub async fn attempt(&self, cookie: &str) -> Result<Attempt, Refusal> {
        let (digest, now) = (self.attempt_digest(cookie), self.now().0);
        let row = self.0.store.read(move |tx| rows::of_browser(tx, &digest, now).map_err(Fail::Store)).await?;
        self.opened_attempt(row.ok_or_else(old)?).await
    }

    /// Writes what an attempt holds now. `form.old`: another request was first, or it was spent.
    #[boxed]
    pub async fn keep_attempt(&self, attempt: &mut Attempt) -> Result<(), Refusal> {
        let row = rows::Attempt {
            id: attempt.id,
            digest: Vec::new(),
            kind: String::new(),
            person_id: attempt.person,
            sealed: self.sealed_attempt(attempt).await?,
            at: 0,
            expires: 0,
            used: None,
            tries: 0,
            version: attempt.version,
        };
        if !self.0.store.write(move |tx| rows::replace(tx, &row).map_err(Fail::Store)).await? {
            return Err(old());
        }
        attempt.version += 1;
        Ok(())
    }

    /// Counts a failure of a means. `factor.spent`: so many that one has to begin anew.
    #[boxed]
    pub async fn wrong_try(&self, attempt: &Attempt) -> Result<(), Refusal> {
        let (id, version, now) = (attempt.id, attempt.version, self.now().0);
        let count = move |tx: &mut dyn Tx| {
            let tries = rows::failed(tx, id)?;
            if tries >= TRIES {
                rows::spend(tx, id, version, now)?;
            }
            Ok::<_, Fail>(tries)
        };
        if self.0.store.write(count).await? >= TRIES { Err(RefusalCode::FactorSpent.into()) } else { Ok(()) }
    }

    /// What another door of ours may know of an attempt: which it is. It opens nothing.
    pub fn ticket(&self, attempt: &Attempt) -> String {
        let mut bytes = attempt.id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.0.store.vault().tag("ticket", &bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The attempt of a ticket. `form.old`.
    #[boxed]
    pub async fn attempt_of_ticket(&self, ticket: &str) -> Result<Attempt, Refusal> {
        let bytes = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| old())?;
        let (id, tag) = bytes.split_first_chunk::<8>().ok_or_else(old)?;
        constant_time::verify_slices_are_equal(&self.0.store.vault().tag("ticket", id), tag).map_err(|_| old())?;
        let (id, now) = (Id::from_be_bytes(*id), self.now().0);
        let row = self.0.store.read(move |tx| rows::by_id(tx, id, now).map_err(Fail::Store)).await?;
        self.opened_attempt(row.ok_or_else(old)?).await
    }

    async fn sealed_attempt(&self, attempt: &Attempt) -> Result<Vec<u8>, Refusal> {
        let clear = serde_json::to_vec(&attempt.sealed()).map_err(|_| Refusal::new(RefusalCode::Defect))?;
        self.seal_identity(identity_key::attempt(attempt.id), &Zeroizing::new(clear)).await
    }

    async fn opened_attempt(&self, row: rows::Attempt) -> Result<Attempt, Refusal> {
        let clear = self.unseal_identity(identity_key::attempt(row.id), &row.sealed).await?;
        let sealed: Sealed = serde_json::from_slice(&clear).map_err(|_| old())?;
        let Sealed { to, session, proof, known, agent, notes } = sealed;
        let known = known.map(Zeroizing::new);
        let (id, person, version) = (row.id, row.person_id, row.version);
        Ok(Attempt { id, to, session, person, proof, version, known, agent, remote: None, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_led_elsewhere() {
        for ours in ["/bal", "/moyens/totp", "/oauth/authorize?client_id=a&x=https://b", "/conditions?lang=en#c"] {
            assert_eq!(own_path(ours), Some(ours));
        }
        for not in [
            "",
            "/",
            "bal",
            "//ailleurs.fr/bal",
            "/bal//ailleurs.fr",
            "https://ailleurs.fr/bal",
            "/\\ailleurs.fr",
            "/balade",
            "/bal/../api/v1",
            "/api/v1/me",
            "/bal\r\nSet-Cookie: a=b",
            "/bal é",
            "/connexions",
            "/oauth/token",
        ] {
            assert_eq!(own_path(not), None, "{not:?}");
        }
        assert_eq!(own_path(&format!("/bal?{}", "a".repeat(8_000))), None);
    }
}
