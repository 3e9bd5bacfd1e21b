//! What somebody types may be guessed, so that guessing is slow: for strangers, wherever they are, and for nobody else (F267).
//!
//! Promises: failures are counted over all nodes, by login and by network, whether the login exists or not; whoever comes with a browser in which the
//! person signed in before, or from a place where the person was, is not slowed by what others do; nobody is shut out, for cards, providers and
//! passkeys are not guessed and pass by here. A whole town is in some places: whoever is wrong at the person's waits and hears afterwards what strangers
//! wait and hear before, so that nobody learns there whether a login exists ([`Leave`]). Codes are guessed only by whoever has the password: they are counted by person too, and a place is less of
//! an excuse there. The person is told of each, once, and an administrator looks at it (`abuse`).
use crate::abuse::Subject;
use crate::abuse::notes::count_of;
use crate::abuse::rates::Key;
use crate::login::FAILURE_DELAY;
use crate::refuse::Fail;
use crate::{Operator, Origin};
use sceau_domain::abuse::Signal;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::spent::KNOWN_MS;
use sceau_store::{Id, Tx, browsers};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// The longest wait, seconds.
const LONGEST: u64 = 8;
/// After how long somebody hears that there is no room for more: longer than what a password costs, queue included.
const NO_MORE: Duration = Duration::from_secs(4);
/// How many times more wrong codes may come from a place where the person was: a whole town is in some of them.
const AT_HER_PLACE: i64 = 4;
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

/// Leave to guess. What is owed is paid by whoever is wrong ([`Operator::was_wrong`]): there the person was, and a stranger would have waited.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(super) struct Leave {
    /// How many logins were tried from there, when they are too many and the person is not known in this browser.
    pub tried: Option<i64>,
    owed: Owed,
}

/// What a stranger would have waited before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// Seconds.
    Wait(u64),
    /// He would have heard that there is no room for more, so long after this.
    NoMore(Instant),
}

impl Operator {
    fn guesses_of(&self, guess: &Guess<'_>) -> Key {
        let tag = self.0.store.vault().tag("login", guess.login.as_bytes());
        Key::new("guess", hex::encode(&tag[..16]), Signal::Guess.definition().window)
    }

    fn guesses_from(place: &str) -> Key {
        Key::new("stuffing", place, Signal::Stuffing.definition().window)
    }

    /// How long a stranger waits, seconds: at the limit one, then two, four, eight; a quarter more of the limit each. None: no more, for the moment.
    fn wait_at(&self, key: &Key, limit: i64) -> Option<u64> {
        let now = self.now().0;
        let room = |step: &i64| self.0.abuse.rates.fits(key, 1, limit + limit * step / 4, now).is_ok();
        match (0..=4).find(|step| limit == 0 || room(step))? {
            0 => Some(0),
            step => Some(1_u64 << (step - 1)),
        }
    }

    /// How many logins were tried from a place, when they are too many.
    fn stuffed(&self, place: &str) -> Option<i64> {
        let (many, now) = (i64::from(self.config().abuse.thresholds.of(Signal::Stuffing)), self.now().0);
        let key = Self::guesses_from(place);
        self.0.abuse.rates.fits(&key, 1, many, now).is_err().then(|| self.0.abuse.rates.seen(&key, now))
    }

    /// Before something that can be guessed is judged: waits, the longer the more often it was wrong of late.
    ///
    /// # Errors
    /// `login.too_many`.
    pub(super) async fn may_guess(&self, guess: Guess<'_>) -> Result<Leave, Refusal> {
        let (now, remote, since) = (self.now(), guess.origin.remote, Instant::now());
        let free = Leave { tried: None, owed: Owed::Nothing };
        let per_minute = self.config().login_failures_per_minute;
        if self.0.guard.too_many(remote, guess.login, now, per_minute) {
            return Err(RefusalCode::LoginTooMany.into());
        }
        let limit = i64::from(self.config().abuse.thresholds.of(Signal::Guess));
        let wait = self.wait_at(&self.guesses_of(&guess), limit);
        let place = remote.map(|ip| self.place_of(ip));
        let stuffed = place.as_deref().and_then(|p| self.stuffed(p));
        if wait == Some(0) && stuffed.is_none() {
            return Ok(free);
        }
        // Both are always asked, so that neither answer takes another time.
        let (in_browser, there) = self.is_known_by(&guess, place.filter(|_| stuffed.is_none())).await?;
        match (wait, in_browser, there) {
            (_, true, _) => Ok(free),
            (Some(wait), false, true) => Ok(Leave { owed: Owed::Wait(wait), ..free }),
            (None, false, true) => Ok(Leave { owed: Owed::NoMore(since), ..free }),
            (None, false, false) => Err(self.no_more(guess, since).await),
            (Some(wait), false, false) => {
                tokio::time::sleep(Duration::from_secs(if wait == 0 { LONGEST } else { wait })).await;
                Ok(Leave { tried: stuffed, ..free })
            }
        }
    }

    /// There is no room for more guesses of this login: whoever insists there holds back himself, whether the login exists or not.
    async fn no_more(&self, guess: Guess<'_>, since: Instant) -> Refusal {
        self.0.guard.failed(guess.origin.remote, guess.login, self.now());
        tokio::time::sleep_until(since + NO_MORE).await;
        RefusalCode::LoginTooMany.into()
    }

    /// Something that was guessed with this leave was wrong, or could not be judged: what is owed is waited for now, and what is heard is what a stranger
    /// hears; else `otherwise`.
    pub(super) async fn was_wrong(&self, guess: Guess<'_>, leave: Leave, otherwise: RefusalCode) -> Refusal {
        if let Owed::NoMore(since) = leave.owed {
            // Nobody else would have come so far: it is not counted either.
            return self.no_more(guess, since).await;
        }
        // Before the wait: whoever hangs up in it was wrong all the same, and a right one would have been answered by now.
        if otherwise == RefusalCode::LoginFailed {
            self.guess_failed(guess).await;
        }
        if let Owed::Wait(wait) = leave.owed {
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
        otherwise.into()
    }

    /// Before a code behind a right password is judged: as [`Operator::may_guess`], and by the person's wrong codes in an hour, over all sign-ins.
    ///
    /// # Errors
    /// `login.too_many`.
    pub(super) async fn may_try_code(&self, guess: Guess<'_>, person: Id) -> Result<(), Refusal> {
        // Who knows the password knows that the login exists.
        let _leave = self.may_guess(guess).await?;
        let (subject, limit) = (Subject::person(person), i64::from(self.config().abuse.thresholds.of(Signal::Codes)));
        let key = count_of(Signal::Codes, &subject);
        let slowed = self.is_slowed(&subject);
        let wait = self.wait_at(&key, limit);
        if wait == Some(0) && !slowed {
            return Ok(());
        }
        let here = self.0.abuse.rates.fits(&key, 1, limit * AT_HER_PLACE, self.now().0).is_ok();
        let place = guess.origin.remote.filter(|_| here).map(|ip| self.place_of(ip));
        if self.is_known(&guess, place).await? {
            return Ok(());
        }
        let wait = wait.ok_or(RefusalCode::LoginTooMany)?;
        tokio::time::sleep(Duration::from_secs(if slowed { LONGEST } else { wait })).await;
        Ok(())
    }

    /// Did the person sign in in this browser, or from this place, before?
    pub(super) async fn is_known(&self, guess: &Guess<'_>, place: Option<String>) -> Result<bool, Refusal> {
        let (in_browser, there) = self.is_known_by(guess, place).await?;
        Ok(in_browser || there)
    }

    /// The same, each apart.
    async fn is_known_by(&self, guess: &Guess<'_>, place: Option<String>) -> Result<(bool, bool), Refusal> {
        // Nobody's is looked for as everybody's: id 0 is no row's.
        let person = guess.person.unwrap_or_default();
        let (browser, since) = (guess.known.map(|k| self.browser_digest(k, person)), self.now().0 - KNOWN_MS);
        let look = move |tx: &mut dyn Tx| {
            let browser = match &browser {
                Some(digest) => browsers::is_known(tx, digest, person, since)?,
                None => false,
            };
            let place = match &place {
                Some(place) => browsers::was_at(tx, person, place)?,
                None => false,
            };
            Ok::<_, Fail>((browser, place))
        };
        Ok(self.0.store.read(look).await?)
    }

    /// Does somebody sign in where the person never was, in a browser that nobody knows as the person's, who is known in another one?
    pub(super) async fn is_unusual(&self, person: Id, known: Option<&str>, origin: &Origin) -> Result<bool, Refusal> {
        let Some(place) = origin.remote.map(|ip| self.place_of(ip)) else { return Ok(false) };
        let (browser, since) = (known.map(|k| self.browser_digest(k, person)), self.now().0 - KNOWN_MS);
        let look = move |tx: &mut dyn Tx| {
            let here = match &browser {
                Some(digest) => browsers::is_known(tx, digest, person, since)?,
                None => false,
            };
            Ok::<_, Fail>(!here && browsers::has_any(tx, person)? && !browsers::was_at(tx, person, &place)?)
        };
        Ok(self.0.store.read(look).await?)
    }

    /// It was wrong: counted here and told the other nodes; slow. Whose it is hears of it when it is often.
    pub(super) async fn guess_failed(&self, guess: Guess<'_>) {
        let (now, remote) = (self.now(), guess.origin.remote);
        self.0.guard.failed(remote, guess.login, now);
        let thresholds = &self.config().abuse.thresholds;
        let (rates, limit) = (&self.0.abuse.rates, i64::from(thresholds.of(Signal::Guess)));
        let key = self.guesses_of(&guess);
        if limit > 0 {
            let seen = rates.add(&key, 1, limit, now.0);
            if let Some(person) = guess.person.filter(|_| seen >= limit) {
                self.note_about(person, Signal::Guess, (seen, limit), "");
            }
        }
        let many = i64::from(thresholds.of(Signal::Stuffing));
        if let Some(place) = remote.map(|ip| self.place_of(ip)).filter(|_| many > 0) {
            // Each login counts once from there.
            let pair = Key::new("guess_pair", format!("{}@{place}", key.subject), key.window);
            if rates.add(&pair, 1, i64::MAX, now.0) == 1 {
                let from = Self::guesses_from(&place);
                let seen = rates.add(&from, 1, many, now.0);
                // Other nodes' counts come in leaps: it is said at the first one beyond, and again when that is over.
                let said = Key::new("stuffing_told", &place, from.window);
                if seen >= many && rates.add(&said, 1, i64::MAX, now.0) == 1 {
                    self.raise_alarm(STUFFING, &place, false, json!({ "count": seen.to_string() })).await;
                }
            }
        }
        tokio::time::sleep(FAILURE_DELAY).await;
    }

    /// A right password came from where many logins are tried, in a browser that is not known: it may be one of a list.
    pub(super) fn guess_succeeded(&self, person: Id, tried: i64, origin: &Origin) {
        let many = i64::from(self.config().abuse.thresholds.of(Signal::Stuffing));
        let place = origin.remote.map(|ip| self.place_of(ip)).unwrap_or_default();
        self.note_about(person, Signal::Stuffing, (tried, many), &place);
    }
}
