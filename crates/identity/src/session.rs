//! The life of a browser's session, and the words in its forms that only its own pages know. The store keeps sessions; this judges them.
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::Timestamp;

/// How far another node's clock may be ahead, milliseconds.
pub const SKEW_MS: i64 = crate::factor::SKEW_MS;
/// How often a session's last use is written at most, milliseconds.
pub const SEEN_EVERY_MS: i64 = 60_000;

/// How long a session lives, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without any request.
    pub idle_ms: i64,
    /// From its beginning, whatever it does.
    pub whole_ms: i64,
    /// How long a proof is fresh.
    pub fresh_ms: i64,
}

impl Default for Limits {
    /// Four hours, thirty minutes of silence (as Pro Santé Connect's own session), ten minutes.
    fn default() -> Self {
        Self { idle_ms: 30 * 60_000, whole_ms: 240 * 60_000, fresh_ms: 10 * 60_000 }
    }
}

/// What a session is at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It goes on.
    Live,
    /// It was silent for too long.
    Idle,
    /// Its time is over.
    Over,
}

/// Judges a session that began at `begun` and was last used at `seen`. One that begins in the future is over: after a clock was set back nobody can
/// say how old it is.
pub fn life(begun: Timestamp, seen: Timestamp, now: Timestamp, limits: &Limits) -> Life {
    let ahead = now.plus_ms(SKEW_MS);
    if begun > ahead || seen > ahead || begun.plus_ms(limits.whole_ms) <= now {
        Life::Over
    } else if seen.plus_ms(limits.idle_ms) <= now {
        Life::Idle
    } else {
        Life::Live
    }
}

/// When it ends if nothing more is asked of it.
pub fn ends(begun: Timestamp, seen: Timestamp, limits: &Limits) -> Timestamp {
    begun.plus_ms(limits.whole_ms).min(seen.plus_ms(limits.idle_ms))
}

/// Is its last use to be written again? Once a minute is enough.
pub fn to_be_written(seen: Timestamp, now: Timestamp) -> bool {
    seen.plus_ms(SEEN_EVERY_MS) <= now
}

/// Bytes of a tag.
const TAG: usize = 32;

/// The word of a form: whoever cannot read the session's pages does not know it. `key` is the session's own secret (a keyed tag of its id), `form`
/// names the form (its path), so that a word of one form does nothing in another. It is another one each time (random bytes, then the tag under them):
/// a page that is compressed tells by its length nothing of a word that stands in it (BREACH).
pub fn csrf(key: &[u8; 32], form: &str) -> String {
    let mut word = [0_u8; 2 * TAG];
    let (pad, masked) = word.split_at_mut(TAG);
    // Where nothing is random the word is good all the same: only what its length might tell is not hidden.
    let _ = aws_lc_rs::rand::fill(pad);
    for ((out, tag), pad) in masked.iter_mut().zip(tag(key, form).as_ref()).zip(pad.iter()) {
        *out = tag ^ pad;
    }
    URL_SAFE_NO_PAD.encode(word)
}

/// Is `given` the word of the form? Compared in constant time.
pub fn csrf_ok(key: &[u8; 32], form: &str, given: &str) -> bool {
    let Ok(given) = URL_SAFE_NO_PAD.decode(given.as_bytes()) else { return false };
    if given.len() != 2 * TAG {
        return false;
    }
    let (pad, masked) = given.split_at(TAG);
    let shown: Vec<u8> = masked.iter().zip(pad).map(|(a, b)| a ^ b).collect();
    aws_lc_rs::constant_time::verify_slices_are_equal(tag(key, form).as_ref(), &shown).is_ok()
}

fn tag(key: &[u8; 32], form: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), form.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { idle_ms: 30, whole_ms: 240, fresh_ms: 10 };

    fn at(begun: i64, seen: i64, now: i64) -> Life {
        life(Timestamp(begun), Timestamp(seen), Timestamp(now), &LIMITS)
    }

    #[test]
    fn a_session_ends_by_silence_and_by_age() {
        assert_eq!(
            [at(0, 0, 0), at(0, 0, 29), at(0, 0, 30), at(0, 211, 239)],
            [Life::Live, Life::Live, Life::Idle, Life::Live]
        );
        // Age comes first: coming back would not help.
        assert_eq!([at(0, 230, 240), at(0, 0, 240)], [Life::Over; 2]);
    }

    #[test]
    fn a_session_of_the_future_is_over() {
        assert_eq!(
            [at(SKEW_MS, SKEW_MS, 0), at(SKEW_MS + 1, 0, 0), at(0, SKEW_MS + 1, 0)],
            [Life::Live, Life::Over, Life::Over]
        );
        assert_eq!(at(i64::MIN, i64::MAX, 0), Life::Over);
    }

    #[test]
    fn the_word_is_of_one_session_and_one_form() {
        let word = csrf(&[1; 32], "/moyens/cle");
        assert!(csrf_ok(&[1; 32], "/moyens/cle", &word));
        assert_ne!(csrf(&[1; 32], "/moyens/cle"), word, "it is another one each time");
        assert!(!csrf_ok(&[2; 32], "/moyens/cle", &word) && !csrf_ok(&[1; 32], "/moyens/totp", &word));
        for bad in ["", "AA", &word[1..], &format!("{word}="), &format!("{word}A"), "é"] {
            assert!(!csrf_ok(&[1; 32], "/moyens/cle", bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn it_is_live_exactly_until_its_end(begun in 0i64..1000, quiet in 0i64..100, now in 0i64..2000) {
            let (begun, seen, now) = (Timestamp(begun), Timestamp(begun + quiet), Timestamp(now));
            let live = life(begun, seen, now, &LIMITS) == Life::Live;
            prop_assert_eq!(live, now < ends(begun, seen, &LIMITS));
        }
    }
}
