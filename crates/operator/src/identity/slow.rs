//! What somebody types may be guessed, so that guessing is slow: for strangers, wherever they are, and for nobody else (F267).
//!
//! Promises: failures are counted over all nodes, by login and by network, whether the login exists or not; whoever comes with a browser in which the
//! person signed in before, or from a place where the person was, is not slowed by what others do; nobody is shut out, for cards, providers and
//! passkeys are not guessed and pass by here.
use crate::abuse::rates::Key;
use crate::login::FAILURE_DELAY;
use crate::refuse::Fail;
use crate::{Operator, Origin};
use sceau_domain::abuse::Signal;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, Tx, browsers};
use serde_json::json;
use std::time::Duration;

/// For how long a browser is known, milliseconds.
const KNOWN: i64 = 180 * 86_400_000;
/// The alarm when many logins fail from one network.
const STUFFING: &str = "login.stuffing";

/// What somebody is about to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess<'a> {
    /// The login, as it was typed.
    pub login: &'a str,
    /// Whose it is, when it is somebody's.
    pub person: Option<Id>,
    /// The cookie by which the browser is known.
    pub known: Option<&'a str>,
    /// From where.
    pub origin: &'a Origin,
}

impl Operator {
    fn guesses_of(&self, guess: &Guess<'_>) -> Key {
        let tag = self.0.store.vault().tag("login", guess.login.as_bytes());
        Key::new("guess", hex::encode(&tag[..16]), Signal::Guess.definition().window)
    }

    fn guesses_from(place: &str) -> Key {
        Key::new("stuffing", place, Signal::Stuffing.definition().window)
    }

    /// Before something that can be guessed is judged: waits, the longer the more often it was wrong of late.
    ///
    /// # Errors
    /// `login.too_many`.
    pub(super) async fn may_guess(&self, guess: Guess<'_>) -> Result<(), Refusal> {
        let (now, remote) = (self.now(), guess.origin.remote);
        let per_minute = self.config().login_failures_per_minute;
        if self.0.guard.too_many(remote, guess.login, now, per_minute) {
            return Err(RefusalCode::LoginTooMany.into());
        }
        let thresholds = &self.config().abuse.thresholds;
        let rates = &self.0.abuse.rates;
        let limit = i64::from(thresholds.of(Signal::Guess));
        let key = self.guesses_of(&guess);
        // At the limit a second, then two, four, eight; a quarter more of the limit each.
        let room = |step: &i64| rates.fits(&key, 1, limit + limit * step / 4, now.0).is_ok();
        let step = (0..=4).find(|step| limit == 0 || room(step));
        let place = remote.map(|ip| self.place_of(ip));
        let many = i64::from(thresholds.of(Signal::Stuffing));
        let stuffed = place.as_deref().is_some_and(|p| rates.fits(&Self::guesses_from(p), 1, many, now.0).is_err());
        let wait = match step {
            Some(0) if !stuffed => return Ok(()),
            Some(0) => 8,
            Some(step) => 1_u64 << (step - 1),
            None => 0,
        };
        if self.is_known(&guess, place.filter(|_| !stuffed)).await? {
            return Ok(());
        }
        if step.is_none() {
            return Err(RefusalCode::LoginTooMany.into());
        }
        tokio::time::sleep(Duration::from_secs(wait)).await;
        Ok(())
    }

    /// Did the person sign in in this browser, or from this place, before?
    async fn is_known(&self, guess: &Guess<'_>, place: Option<String>) -> Result<bool, Refusal> {
        let Some(person) = guess.person else { return Ok(false) };
        let (browser, since) = (guess.known.map(|k| self.browser_digest(k, person)), self.now().0 - KNOWN);
        let look = move |tx: &mut dyn Tx| {
            let browser = match &browser {
                Some(digest) => browsers::is_known(tx, digest, person, since)?,
                None => false,
            };
            let place = match &place {
                Some(place) => browsers::was_at(tx, person, place)?,
                None => false,
            };
            Ok::<_, Fail>(browser || place)
        };
        Ok(self.0.store.read(look).await?)
    }

    /// It was wrong: counted here and told the other nodes; slow.
    pub(super) async fn guess_failed(&self, guess: Guess<'_>) {
        let (now, remote) = (self.now(), guess.origin.remote);
        self.0.guard.failed(remote, guess.login, now);
        let thresholds = &self.config().abuse.thresholds;
        let (rates, limit) = (&self.0.abuse.rates, i64::from(thresholds.of(Signal::Guess)));
        let key = self.guesses_of(&guess);
        if limit > 0 {
            rates.add(&key, 1, limit, now.0);
        }
        let many = i64::from(thresholds.of(Signal::Stuffing));
        if let Some(place) = remote.map(|ip| self.place_of(ip)).filter(|_| many > 0) {
            // Each login counts once from there.
            let pair = Key::new("guess_pair", format!("{}@{place}", key.subject), key.window);
            if rates.add(&pair, 1, i64::MAX, now.0) == 1 {
                let seen = rates.add(&Self::guesses_from(&place), 1, many, now.0);
                if seen == many {
                    self.raise_alarm(STUFFING, &place, false, json!({ "count": seen.to_string() })).await;
                }
            }
        }
        tokio::time::sleep(FAILURE_DELAY).await;
    }
}
