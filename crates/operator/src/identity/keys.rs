//! What is held of a provider between two questions: its description and its keys, since when, and since when it is silent. Pure: instants are given.
use sceau_domain::Timestamp;
use sceau_identity::jose::Keys;
use sceau_identity::oidc::Provider;
use std::sync::Arc;

/// The newest keys are asked for this often at most, milliseconds: whoever shows invented key names makes us ask no more than that.
const NEWEST_EVERY_MS: i64 = 30_000;
/// After a silence it is asked again no sooner, milliseconds, while what was known serves.
const PAUSE_MS: i64 = 5_000;

/// A provider's description and keys.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub provider: Arc<Provider>,
    pub keys: Arc<Keys>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Held {
    known: Option<(Known, Timestamp)>,
    /// When it was last asked.
    asked: Option<Timestamp>,
    /// When it was last asked because a key was not known.
    newest: Option<Timestamp>,
    /// Since when it does not answer.
    silent: Option<Timestamp>,
    /// When that was last told.
    told: Option<Timestamp>,
    /// When it was last told that what it says of itself is not accepted.
    broken: Option<Timestamp>,
    /// Does it know who we are? False until it answered us as such.
    knows_us: bool,
    /// When it was last told that it does not.
    stranger: Option<Timestamp>,
}

impl Held {
    /// What may be used without asking: not too old; and where the newest is wanted, only when it was asked for a moment ago.
    pub fn known(&self, now: Timestamp, newest: bool, believed_ms: i64) -> Option<Known> {
        let (known, at) = self.known.as_ref()?;
        // A clock that was set back makes nothing young.
        let within = |since: Timestamp, ms: i64| since <= now && now < since.plus_ms(ms);
        let asked = self.newest.is_some_and(|at| within(at, NEWEST_EVERY_MS));
        let usable = if newest { asked } else { within(*at, believed_ms) };
        usable.then(|| known.clone())
    }
    /// Was it silent, or not acceptable, when it was asked a moment ago?
    pub fn pauses(&self, now: Timestamp) -> bool {
        let failed = self.silent.is_some() || self.broken.is_some();
        failed && self.asked.is_some_and(|at| at <= now && now < at.plus_ms(PAUSE_MS))
    }
    /// What was last known, however old within `kept_ms`.
    pub fn last(&self, now: Timestamp, kept_ms: i64) -> Option<Known> {
        self.known.as_ref().filter(|(_, at)| at.plus_ms(kept_ms) > now).map(|(known, _)| known.clone())
    }
    /// It is asked now; `newest`: because a key is not known.
    pub fn asks(&mut self, now: Timestamp, newest: bool) {
        self.asked = Some(now);
        if newest {
            self.newest = Some(now);
        }
    }
    /// What it says is in force.
    pub fn take(&mut self, known: Known, now: Timestamp) {
        self.known = Some((known, now));
        self.broken = None;
    }
    /// What it says of itself is not accepted; true when that is to be told (again).
    pub fn broken(&mut self, now: Timestamp, tell_every_ms: i64) -> bool {
        self.unheard(now);
        let tell = self.broken.is_none_or(|at| at.plus_ms(tell_every_ms) <= now);
        if tell {
            self.broken = Some(now);
        }
        tell
    }
    /// It answered something: was it silent before?
    pub fn answered(&mut self) -> bool {
        self.told = None;
        self.silent.take().is_some()
    }
    /// It knows who we are; true when that is new: it did not before, or nobody asked since this node began.
    pub fn knows_us(&mut self) -> bool {
        !std::mem::replace(&mut self.knows_us, true)
    }
    /// It does not know who we are; true when that is to be told (again).
    pub fn stranger(&mut self, now: Timestamp, tell_every_ms: i64) -> bool {
        self.knows_us = false;
        let tell = self.stranger.is_none_or(|at| at.plus_ms(tell_every_ms) <= now);
        if tell {
            self.stranger = Some(now);
        }
        tell
    }
    /// It did not answer: since when, when that is to be told (again). The pause begins now: waiting for it took its time.
    pub fn silent(&mut self, now: Timestamp, tell_every_ms: i64) -> Option<Timestamp> {
        self.unheard(now);
        let since = *self.silent.get_or_insert(now);
        let tell = self.told.is_none_or(|at| at.plus_ms(tell_every_ms) <= now);
        if tell {
            self.told = Some(now);
        }
        tell.then_some(since)
    }
    /// What was asked has no answer: the pause begins, and after it a key that is not known is asked for.
    fn unheard(&mut self, now: Timestamp) {
        (self.asked, self.newest) = (Some(now), None);
    }
    /// For whoever looks: names of the keys, since when they are known, since when it is silent.
    pub fn seen(&self) -> (Vec<String>, Option<Timestamp>, Option<Timestamp>) {
        let names = self.known.iter().flat_map(|(known, _)| known.keys.names().map(str::to_owned)).collect();
        (names, self.known.as_ref().map(|(_, at)| *at), self.silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOUR: i64 = 3_600_000;

    fn known() -> Known {
        let provider = json!({
            "issuer": "https://a.example", "authorization_endpoint": "https://a.example/a", "token_endpoint": "https://a.example/t",
            "jwks_uri": "https://a.example/k",
        });
        let provider = sceau_identity::oidc::discovered(provider.to_string().as_bytes(), "https://a.example").unwrap();
        Known { provider: Arc::new(provider), keys: Arc::default() }
    }
    fn held(at: i64) -> Held {
        let mut held = Held::default();
        held.asks(Timestamp(at), false);
        held.take(known(), Timestamp(at));
        held
    }

    #[test]
    fn what_is_too_old_is_asked_for_again() {
        let held = held(1000);
        let now = |ms| held.known(Timestamp(1000 + ms), false, HOUR).is_some();
        assert_eq!([now(0), now(HOUR - 1), now(HOUR), now(-1)], [true, true, false, false]);
        assert!(Held::default().known(Timestamp(0), false, HOUR).is_none());
    }

    #[test]
    fn invented_key_names_make_few_questions() {
        let mut held = held(1000);
        // A key that is new a moment after an ordinary question is asked for at once.
        assert!(held.known(Timestamp(1001), true, HOUR).is_none());
        held.asks(Timestamp(1001), true);
        let now = |ms| held.known(Timestamp(1001 + ms), true, HOUR).is_some();
        assert_eq!([now(0), now(NEWEST_EVERY_MS - 1), now(NEWEST_EVERY_MS)], [true, true, false]);
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again() {
        let mut held = held(1000);
        held.asks(Timestamp(1001), true);
        held.silent(Timestamp(1002), 60_000);
        assert!(held.known(Timestamp(1003), true, HOUR).is_none(), "nobody said that this key is none");
        held.asks(Timestamp(1002 + PAUSE_MS), true);
        held.broken(Timestamp(1002 + PAUSE_MS), 60_000);
        assert!(held.known(Timestamp(1002 + PAUSE_MS), true, HOUR).is_none());
    }

    #[test]
    fn while_it_is_silent_what_was_known_serves_for_a_while() {
        let mut held = held(0);
        let later = Timestamp(2 * HOUR);
        assert!(held.known(later, false, HOUR).is_none());
        held.asks(later, false);
        assert_eq!(held.silent(later, 60_000), Some(later));
        // Not asked at each sign-in meanwhile.
        assert!(held.pauses(later.plus_ms(PAUSE_MS - 1)) && !held.pauses(later.plus_ms(PAUSE_MS)));
        assert!(held.last(later, 3 * HOUR).is_some() && held.last(later, 2 * HOUR).is_none());
        // Told once a minute, with its beginning.
        assert_eq!(held.silent(later.plus_ms(59_999), 60_000), None);
        assert_eq!(held.silent(later.plus_ms(60_000), 60_000), Some(later));
        assert!(held.answered() && !held.answered());
        assert_eq!(held.silent(later.plus_ms(60_001), 60_000), Some(later.plus_ms(60_001)));
    }

    #[test]
    fn a_pause_begins_when_the_silence_is_noticed() {
        let mut held = held(0);
        held.asks(Timestamp(1000), false);
        // It was waited for until the deadline.
        held.silent(Timestamp(1000 + PAUSE_MS), 60_000);
        assert!(held.pauses(Timestamp(1000 + PAUSE_MS)) && held.pauses(Timestamp(999 + 2 * PAUSE_MS)));
        assert!(!held.pauses(Timestamp(1000 + 2 * PAUSE_MS)));
        held.answered();
        assert!(!held.pauses(Timestamp(1000 + PAUSE_MS)));
    }

    #[test]
    fn what_is_not_accepted_is_not_asked_for_at_each_sign_in_and_told_once_a_minute() {
        let mut held = held(0);
        assert!(held.broken(Timestamp(0), 60_000) && !held.broken(Timestamp(59_999), 60_000));
        assert!(held.pauses(Timestamp(59_999)) && !held.pauses(Timestamp(59_999 + PAUSE_MS)));
        assert!(held.broken(Timestamp(60_000), 60_000));
        held.take(known(), Timestamp(60_000));
        assert!(!held.pauses(Timestamp(60_000)) && held.broken(Timestamp(60_001), 60_000));
    }

    #[test]
    fn that_it_knows_us_is_news_once() {
        let mut held = held(0);
        // Another node, or this one before it was started anew, may have told the contrary.
        assert!(held.knows_us() && !held.knows_us());
        assert!(held.stranger(Timestamp(0), 60_000) && !held.stranger(Timestamp(59_999), 60_000));
        assert!(held.knows_us() && !held.knows_us() && held.stranger(Timestamp(60_000), 60_000));
    }
}
