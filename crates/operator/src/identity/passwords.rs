//! Passwords: set by whoever is signed in, and the first of two means (F042, F043).
//!
//! Promises: a password alone opens nothing; whoever is unknown, has none, or typed another hears the same after the same work; few are computed at once,
//! whoever still waits for them or not, with a queue that is bounded, so that a flood of them takes nothing from mail; strangers who fill it do not keep
//! out whoever signed in in this browser before, or is signed in; what is kept lets nobody guess without the keyring.
use super::attempts::Browser;
use super::codes::behind_password;
use super::factors::{self, FactorView, PASSWORD, Second};
use super::sessions::Entered;
use super::settings::Breached;
use super::slow::Guess;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::seats::Work;
use crate::{Actor, Operator, Origin};
use aws_lc_rs::rand;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Factor as Means, Need};
use sceau_identity::password::{self, Cost, Hash, PasswordError};
use sceau_store::factors::{self as rows, Factor};
use sceau_store::{Id, Tx, access, accounts, breached};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What an attempt keeps under this name: the row whose password was right.
pub(super) const NOTE: &str = "password";

/// What is kept beside the hash.
#[derive(Serialize, Deserialize)]
struct Public {
    kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

fn public(hash: &Hash) -> Value {
    let Cost { kib, passes, lanes } = hash.cost;
    json!(Public { kib, passes, lanes, salt: hex::encode(hash.salt) })
}

fn kept(f: &Factor) -> Option<Hash> {
    let p: Public = serde_json::from_str(&f.public).ok()?;
    let cost = Cost { kib: p.kib, passes: p.passes, lanes: p.lanes };
    Some(Hash { cost, salt: hex::decode(&p.salt).ok()?.try_into().ok()?, hash: f.sealed.as_deref()?.try_into().ok()? })
}

fn refused(e: PasswordError, shortest: usize) -> Refusal {
    match e {
        PasswordError::Short => Refusal::new(RefusalCode::PasswordShort).with("limit", shortest),
        PasswordError::Guessable => RefusalCode::PasswordGuessable.into(),
        PasswordError::Long | PasswordError::Character => {
            Refusal::new(RefusalCode::Invalid).with("name", "password").with("cause", e.code())
        }
    }
}

impl Operator {
    /// What argon2 sees: a digest under a key that is not in the database, of the person and of what was typed. None: longer than any password.
    fn peppered(&self, person: Id, typed: &str) -> Option<Zeroizing<[u8; 32]>> {
        let prepared = password::prepared(typed)?;
        let mut tagger = self.0.store.vault().tagger("password");
        tagger.update(&person.to_be_bytes());
        tagger.update(prepared.as_bytes());
        Some(Zeroizing::new(tagger.finish()))
    }

    /// Does what a password costs, in one of few seats. `login.busy`.
    async fn in_a_seat<T: Send + 'static>(
        &self,
        expected: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let seats = self.config().identity.password.seats;
        let what = Work { counter: "sceau_passwords_total", seats, busy: RefusalCode::LoginBusy };
        self.0.identity.passwords.work(what, expected, work).await
    }

    /// Signs in by login and password, as far as that goes: a second means follows. In a step-up the login is that of whoever is signed in.
    ///
    /// # Errors
    /// `login.failed`, whatever is wrong; `login.too_many`: wait, or use another means; `login.busy`: too many passwords at once.
    #[boxed]
    pub async fn password_first(
        &self,
        browser: &Browser<'_>,
        (to, session): (&str, Option<&Actor>),
        (login, typed): (&str, &str),
        origin: &Origin,
    ) -> Result<Entered, Refusal> {
        // What is no login is counted and answered as one that nobody has.
        let login = crate::accounts::login(login).unwrap_or_default();
        let name = login.clone();
        let find = move |tx: &mut dyn Tx| {
            let person = accounts::person_by_login(tx, &name)?.filter(|p| p.disabled.is_none()).map(|p| p.id);
            // Nobody's is looked for as everybody's: id 0 is no row's.
            let row = rows::of_kind(tx, person.unwrap_or_default(), PASSWORD)?;
            Ok::<_, Fail>((person, row.and_then(|row| kept(&row).map(|hash| (row, hash)))))
        };
        let (person, found) = self.0.store.read(find).await?;
        let guess = Guess { login: &login, person, known: browser.known, origin };
        let leave = self.may_guess(guess).await?;
        let cost = self.config().identity.password.cost();
        let hash = found.as_ref().map_or_else(|| Hash::nobody(cost), |(_, hash)| hash.clone());
        // Nobody's password is computed as everybody's.
        let pepper = self.peppered(person.unwrap_or_default(), typed).unwrap_or_default();
        let (checked, shown) = (hash.clone(), pepper.clone());
        // Asked for only when it matters: by the cookie alone, for a place would say who has been there.
        let full = self.0.identity.passwords.is_full(self.config().identity.password.seats);
        let expected = session.is_some() || (full && self.is_known(&guess, None).await?);
        let right = match self.in_a_seat(expected, move || password::verify(&shown, &checked)).await {
            Ok(right) => right,
            Err(refusal) => return Err(self.was_wrong(guess, leave, refusal.code).await),
        };
        let own = |person: &Id| session.is_none_or(|a| a.person() == *person);
        let proven = person.filter(own).zip(found.filter(|_| right));
        let Some((person, (row, _))) = proven else {
            let by = By { name: login.clone(), person: None, origin: Some(origin.clone()), seat: None };
            let said = json!({ "factor": Means::Password.as_str() });
            self.trace_alone(self.fact("login.failed", &by, None, "login.failed", said)).await;
            return Err(self.was_wrong(guess, leave, RefusalCode::LoginFailed).await);
        };
        if let Some(tried) = leave.tried {
            self.guess_succeeded(person, tried, origin);
        }
        let (id, now, place) = (row.id, self.now().0, origin.remote.map(|ip| self.place_of(ip)));
        let note = move |tx: &mut dyn Tx| rows::used(tx, id, now, place.as_deref()).map_err(Fail::Store);
        self.0.store.write(note).await?;
        if password::outdated(&hash, cost) {
            self.hashed_anew(row, pepper, cost).await;
        }
        let mut attempt = self.begin_attempt(browser, to, session).await?;
        attempt.put(NOTE, &id);
        self.enter_session(attempt, person, Means::Password, None, origin).await
    }

    /// The configured cost is another one: kept at that from now on. What fails is tried again at the next sign-in.
    async fn hashed_anew(&self, row: Factor, pepper: Zeroizing<[u8; 32]>, cost: Cost) {
        let mut salt = [0; 16];
        if rand::fill(&mut salt).is_err() {
            return;
        }
        let Ok(Some(hash)) = self.in_a_seat(false, move || password::hash(&pepper, salt, cost)).await else { return };
        let row = Factor { public: public(&hash).to_string(), sealed: Some(hash.hash.to_vec()), ..row };
        let written = self.0.store.write(move |tx| rows::update(tx, &row).map_err(Fail::Store)).await;
        if let Err(e) = written {
            tracing::warn!(code = Refusal::from(e).code.as_str(), "a password was not hashed anew");
        }
    }

    /// What may follow the password that was given in this browser. `form.old`.
    #[boxed]
    pub async fn seconds(&self, browser: &Browser<'_>) -> Result<Second, Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        self.seconds_of(behind_password(&attempt)?).await
    }

    /// Sets the password of whoever is signed in, or another one; the person's other sessions end. `auth.fresh`, `password.short`,
    /// `password.guessable`, `password.breached`.
    #[boxed]
    pub async fn set_password(&self, actor: &Actor, typed: &str) -> Result<FactorView, Refusal> {
        self.needs(actor, Need::Fresh)?;
        let row = self.new_password(factors::own(actor)?.id, typed).await?;
        self.enrol(actor, row).await
    }

    /// The row of a password that may be set. `password.*`.
    pub(super) async fn new_password(&self, person: Id, typed: &str) -> Result<Factor, Refusal> {
        self.acceptable(person, typed).await?;
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        let cost = self.config().identity.password.cost();
        let pepper = self.peppered(person, typed).ok_or_else(|| refused(PasswordError::Long, 0))?;
        // Whoever sets one is signed in, or came by a link.
        let hash = self.in_a_seat(true, move || password::hash(&pepper, salt, cost)).await?;
        let hash = hash.ok_or(RefusalCode::Unavailable)?;
        let row = self.factor_row(person, PASSWORD, PASSWORD.to_owned(), public(&hash));
        Ok(Factor { sealed: Some(hash.hash.to_vec()), ..row })
    }

    async fn acceptable(&self, person: Id, typed: &str) -> Result<(), Refusal> {
        let settings = &self.config().identity.password;
        let key = password::breach_key(typed);
        let look = move |tx: &mut dyn Tx| {
            let mut about = Vec::new();
            if let Some(p) = accounts::person_by_id(tx, person)? {
                about.extend([Some(p.login), Some(p.name), p.given_name, p.family_name, p.email, p.national_id]);
            }
            for a in access::of_person(tx, person)? {
                about.push(accounts::bal_by_id(tx, a.bal_id)?.map(|b| b.address));
            }
            Ok::<_, Fail>((about.into_iter().flatten().collect::<Vec<_>>(), breached::holds(tx, key)?))
        };
        let (about, held) = self.0.store.read(look).await?;
        let mut about: Vec<&str> = about.iter().map(String::as_str).collect();
        about.push(&self.config().name);
        let shortest = (settings.length as usize).max(password::SHORTEST);
        password::acceptable(typed, &about, shortest).map_err(|e| refused(e, shortest))?;
        match (settings.breached, held) {
            (Breached::Off, _) | (_, Some(false)) => Ok(()),
            (Breached::Warn, None) => {
                self.raise_alarm("breached.absent", "", false, json!({})).await;
                Ok(())
            }
            (_, Some(true)) => Err(RefusalCode::PasswordBreached.into()),
            // Without a list nobody can say: none is taken.
            (Breached::Require, None) => {
                self.raise_alarm("breached.absent", "", true, json!({})).await;
                Err(RefusalCode::Unavailable.into())
            }
        }
    }
}
