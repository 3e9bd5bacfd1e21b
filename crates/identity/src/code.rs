//! Short codes that people type: by ordinary mail (F043), for programs without a browser (RFC 8628), to compare on two screens (CIBA).
//!
//! Randomness is passed in. A number of 128 bits is reduced to what is wanted: no value is likelier than another by more than 2⁻⁹⁰, and no loop
//! depends on luck. How often somebody may try is the caller's to count.
use zeroize::Zeroizing;

/// Digits of a one-time code: 26 bits, for five tries in ten minutes.
pub const DIGITS: usize = 8;
/// Letters that are not mistaken for one another and make no words (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Longest text that is read as a code, octets.
const LONGEST: usize = 32;

/// Fills octets with randomness.
pub type Rand<'a> = &'a mut dyn FnMut(&mut [u8]);

fn drawn(rand: Rand<'_>, alphabet: &[u8], length: usize) -> Zeroizing<String> {
    let mut random = Zeroizing::new([0u8; 16]);
    rand(&mut *random);
    let mut number = u128::from_be_bytes(*random);
    let base = alphabet.len() as u128;
    let mut out = Zeroizing::new(String::with_capacity(length + 1));
    for _ in 0..length {
        out.push(char::from(alphabet[(number % base) as usize]));
        number /= base;
    }
    out
}

/// A code of eight digits.
pub fn one_time(rand: Rand<'_>) -> Zeroizing<String> {
    drawn(rand, b"0123456789", DIGITS)
}

/// A one-time code as it was made, from what a person typed: spaces and hyphens are passed over.
pub fn one_time_read(text: &str) -> Option<Zeroizing<String>> {
    read(text, DIGITS, |b| b.is_ascii_digit())
}

/// A user code, `XXXX-XXXX`: 34 bits.
pub fn user_code(rand: Rand<'_>) -> String {
    let mut code = drawn(rand, LETTERS, 8).to_string();
    code.insert(4, '-');
    code
}

/// A user code as it was made, from what a person typed: case, spaces and hyphens are passed over.
pub fn user_code_read(text: &str) -> Option<String> {
    let mut code = read(text, 8, |b| LETTERS.contains(&b))?.to_string();
    code.insert(4, '-');
    Some(code)
}

/// Four letters that both screens show, for a sign-in that is confirmed on a telephone (CIBA Core §7.1, `binding_message`).
pub fn binding(rand: Rand<'_>) -> String {
    drawn(rand, LETTERS, 4).to_string()
}

fn read(text: &str, length: usize, allowed: impl Fn(u8) -> bool) -> Option<Zeroizing<String>> {
    if text.len() > LONGEST {
        return None;
    }
    let mut out = Zeroizing::new(String::with_capacity(length + 1));
    for b in text.bytes().filter(|b| *b != b' ' && *b != b'-') {
        let b = b.to_ascii_uppercase();
        if out.len() == length || !allowed(b) {
            return None;
        }
        out.push(char::from(b));
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(n: u128) -> impl FnMut(&mut [u8]) {
        move |out| out.copy_from_slice(&n.to_be_bytes())
    }

    #[test]
    fn rfc8628_section_6_1_user_code() {
        assert_eq!(user_code(&mut of(0)), "BBBB-BBBB");
        assert_eq!(user_code(&mut of(19)), "ZBBB-BBBB");
        assert_eq!(user_code_read("wdjb-mjht").as_deref(), Some("WDJB-MJHT"));
        assert_eq!(user_code_read(" WDJB MJHT ").as_deref(), Some("WDJB-MJHT"));
        for bad in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJA-MJHT", "WDJ0-MJHT", "WDJB_MJHT", "ẀDJB-MJHT"] {
            assert_eq!(user_code_read(bad), None, "{bad}");
        }
        assert_eq!(user_code_read(&"-".repeat(1000)), None);
    }

    #[test]
    fn a_code_by_mail_keeps_its_zeros() {
        assert_eq!(one_time(&mut of(0)).as_str(), "00000000");
        assert_eq!(one_time(&mut of(12345678)).as_str(), "87654321");
        assert_eq!(one_time(&mut of(u128::MAX)).len(), 8);
        assert_eq!(one_time_read("0012 3456").as_deref().map(String::as_str), Some("00123456"));
        for bad in ["", "0012345", "001234567", "0012345x", "００１２３４５６"] {
            assert!(one_time_read(bad).is_none(), "{bad}");
        }
        assert_eq!(binding(&mut of(1)).len(), 4);
    }

    /// Each digit at each place comes about as often as the others.
    #[test]
    fn no_digit_is_preferred() {
        let mut rand = |out: &mut [u8]| aws_lc_rs::rand::fill(out).expect("randomness");
        let mut seen = [[0u32; 10]; DIGITS];
        for _ in 0..10_000 {
            for (place, b) in one_time(&mut rand).bytes().enumerate() {
                seen[place][usize::from(b - b'0')] += 1;
            }
        }
        // 1,000 expected, deviation 30: seven of them either way.
        assert!(seen.iter().flatten().all(|n| (790..=1210).contains(n)), "{seen:?}");
    }

    proptest! {
        #[test]
        fn what_was_made_is_read(n in any::<u128>()) {
            let code = user_code(&mut of(n));
            prop_assert_eq!(user_code_read(&code.to_lowercase()), Some(code));
            let code = one_time(&mut of(n));
            prop_assert_eq!(one_time_read(&code), Some(code));
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = (user_code_read(&text), one_time_read(&text));
        }
    }
}
