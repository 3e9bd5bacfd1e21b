//! One-time passwords by time (RFC 6238, over RFC 4226): SHA-1, six digits, steps of 30 seconds, one step of clock error either way: what every
//! authenticator application does by default.
//!
//! A code is good once: [`check`] answers its step, and the caller keeps it (in one statement, so that two nodes cannot both take it).
use aws_lc_rs::hmac;
use sceau_domain::Timestamp;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// Octets of a secret (RFC 4226 §4 R6 recommends 160 bits).
pub const SECRET: usize = 20;
/// Seconds of a step.
pub const STEP_SECONDS: i64 = 30;
/// Digits of a code.
const DIGITS: u32 = 6;
/// Steps before and after the present one that are accepted (RFC 6238 §5.2: at most one for delay).
const DRIFT: i64 = 1;

/// RFC 4226 §5.3: the number that stands for one counter, with `digits` decimal digits.
fn hotp(secret: &[u8], counter: u64, digits: u32) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().map_or(0, |last| last & 0x0f));
    let four = tag.get(offset..offset + 4).unwrap_or_default();
    let number = four.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) & 0x7fff_ffff;
    number % 10u32.pow(digits)
}

/// The step of an instant.
pub fn step(at: Timestamp) -> i64 {
    at.seconds().div_euclid(STEP_SECONDS)
}

/// Whether `code` is good now, and for which step; none: it is not, or its step is not after `last_step` (it was used).
///
/// Spaces in the code are passed over. Each step is computed and compared, in constant time, whatever the others say; when two steps happen to have
/// the same code the later one is spent, so that it cannot be shown again.
pub fn check(secret: &[u8; SECRET], code: &str, now: Timestamp, last_step: i64) -> Option<i64> {
    let given = digits(code)?;
    let present = step(now);
    let mut found = -1i64;
    for step in present.saturating_sub(DRIFT)..=present.saturating_add(DRIFT) {
        // Before 1970 no step exists.
        let Ok(counter) = u64::try_from(step) else { continue };
        let good = hotp(secret, counter, DIGITS).ct_eq(&given);
        found.conditional_assign(&step, good);
    }
    (found >= 0 && found > last_step).then_some(found)
}

/// Six ASCII digits as a number; spaces, as applications show them, are passed over.
fn digits(code: &str) -> Option<u32> {
    if code.len() > 16 {
        return None;
    }
    let mut count = 0;
    let mut number = 0u32;
    for b in code.bytes().filter(|b| *b != b' ') {
        count += 1;
        if !b.is_ascii_digit() || count > DIGITS {
            return None;
        }
        number = number * 10 + u32::from(b - b'0');
    }
    (count == DIGITS).then_some(number)
}

/// The secret in base32 (RFC 4648 §6, no padding needed for 20 octets), in groups of four: to be typed where no picture can be read.
pub fn shown(secret: &[u8; SECRET]) -> Zeroizing<String> {
    let text = base32(secret);
    let mut out = Zeroizing::new(String::with_capacity(text.len() + text.len() / 4));
    for (i, c) in text.chars().enumerate() {
        if i > 0 && i % 4 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

fn base32(secret: &[u8; SECRET]) -> Zeroizing<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = Zeroizing::new(String::with_capacity(SECRET * 8 / 5));
    for five in secret.chunks(5) {
        let group = five.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        for place in (0..8).rev() {
            out.push(char::from(ALPHABET[(group >> (place * 5) & 31) as usize]));
        }
    }
    out
}

/// The address that authenticator applications read from a picture (the Key URI format). `operator` stands twice, as they want.
pub fn uri(secret: &[u8; SECRET], operator: &str, login: &str) -> Zeroizing<String> {
    let (issuer, account, secret) = (percent(operator), percent(login), base32(secret));
    let tail = "&algorithm=SHA1&digits=6&period=30";
    let mut out = Zeroizing::new(String::with_capacity(2 * issuer.len() + account.len() + 128));
    // Built in one buffer of enough room: no copy of the secret stays behind.
    for part in ["otpauth://totp/", &issuer, ":", &account, "?secret=", secret.as_str(), "&issuer=", &issuer, tail] {
        out.push_str(part);
    }
    out
}

/// RFC 3986 §2.1: everything but unreserved characters.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &[u8; 20] = b"12345678901234567890";

    fn code(at: Timestamp) -> String {
        format!("{:06}", hotp(KEY, u64::try_from(step(at)).expect("after 1970"), DIGITS))
    }

    #[test]
    fn rfc4226_appendix_d() {
        let expected = [755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489];
        for (counter, code) in expected.into_iter().enumerate() {
            assert_eq!(hotp(KEY, counter as u64, 6), code);
        }
    }

    /// The rows of SHA-1. The table has eight digits; six are their last.
    #[test]
    fn rfc6238_appendix_b() {
        for (seconds, eight) in [
            (59, 94287082),
            (1111111109, 7081804),
            (1111111111, 14050471),
            (1234567890, 89005924),
            (2000000000, 69279037),
            (20000000000, 65353130),
        ] {
            let at = Timestamp::from_seconds(seconds);
            let step = step(at);
            assert_eq!(hotp(KEY, u64::try_from(step).expect("after 1970"), 8), eight, "{seconds}");
            assert_eq!(check(KEY, &format!("{:06}", eight % 1_000_000), at, step - 1), Some(step), "{seconds}");
        }
    }

    #[test]
    fn good_once_and_for_one_step_either_way() {
        let at = Timestamp::from_seconds(1_700_000_000);
        let step = step(at);
        let given = code(at);
        for drift in -1..=1 {
            assert_eq!(check(KEY, &given, at.plus_ms(drift * 30_000), 0), Some(step), "{drift}");
        }
        for drift in [-2, 2, 100] {
            assert_eq!(check(KEY, &given, at.plus_ms(drift * 30_000), 0), None, "{drift}");
        }
        // Used, or older than one that was used.
        assert_eq!(check(KEY, &given, at, step), None);
        assert_eq!(check(KEY, &given, at, step + 1), None);
        assert_eq!(check(&[7; 20], &given, at, 0), None);
    }

    #[test]
    fn reads_six_digits_and_nothing_else() {
        let at = Timestamp::from_seconds(59);
        for good in ["287082", "287 082", " 287082 "] {
            assert_eq!(check(KEY, good, at, 0), Some(1), "{good}");
        }
        for bad in [
            "",
            "28708",
            "2870820",
            "0287082",
            "94287082",
            "28708a",
            "-87082",
            "+287082",
            "２８７０８２",
            "287082\n",
            "287\u{a0}082",
        ] {
            assert_eq!(check(KEY, bad, at, 0), None, "{bad}");
        }
        assert_eq!(check(KEY, &" ".repeat(1000), at, 0), None);
    }

    #[test]
    fn the_address_is_what_applications_read() {
        let uri = uri(KEY, "Sceau Alpes", "marie.martin@alpes.fr");
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/Sceau%20Alpes:marie.martin%40alpes.fr?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Sceau%20Alpes\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(shown(KEY).as_str(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        // No name can add a parameter.
        assert!(
            super::uri(KEY, "a&secret=B?#/é", ":").starts_with("otpauth://totp/a%26secret%3DB%3F%23%2F%C3%A9:%3A?")
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_never_goes_back(code in ".{0,20}", now in any::<i64>(), last in any::<i64>(), secret in any::<[u8; 20]>()) {
            if let Some(step) = check(&secret, &code, Timestamp(now), last) {
                prop_assert!(step > last);
            }
        }
    }
}
