//! Passwords (F042): judged by length and by what they are made of, never by composition rules (NIST SP 800-63B §5.1.1.2), kept as argon2id
//! (RFC 9106) over a peppered digest.
//!
//! The caller makes `peppered`: a keyed digest of [`prepared`] under a key that is not in the store. So a stolen store alone lets nobody guess, and
//! argon2 sees 32 octets whatever was typed. Parameters, salt and output are columns.
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::digest;
use sceau_domain::csv::folded;
use std::collections::BTreeSet;
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

/// Fewest characters, unless configured longer.
pub const SHORTEST: usize = 12;
/// Most characters.
pub const LONGEST: usize = 256;
/// Fewest characters that remain when what is known, repeated or in a row has been taken away.
const REMAIN: usize = 8;
/// Fewest different characters among those.
const DIFFERENT: usize = 5;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// Fewer characters than wanted.
    #[error("too short")]
    Short,
    /// More than [`LONGEST`] characters.
    #[error("too long")]
    Long,
    /// A control character: programs disagree about how it is typed.
    #[error("a control character")]
    Character,
    /// Made of the login, names, the operator, common words, rows of keys or repetitions.
    #[error("made of what is known or repeated")]
    Guessable,
}

impl PasswordError {
    /// A stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Short => "password.short",
            Self::Long => "password.long",
            Self::Character => "password.character",
            Self::Guessable => "password.guessable",
        }
    }
}

/// The text that is digested: NFKC, so that one password typed on two keyboards is one (RFC 8265 §4.2 takes NFC; NFKC also joins full-width letters).
/// None: longer than any password may be.
pub fn prepared(password: &str) -> Option<Zeroizing<String>> {
    // Several characters may compose to one: more than this is no password of LONGEST characters.
    if password.len() > LONGEST * 16 {
        return None;
    }
    // One allocation that every accepted password fits: a buffer that grows would leave copies behind.
    let mut out = Zeroizing::new(String::with_capacity(LONGEST * 4));
    for c in password.nfkc() {
        if out.len() + c.len_utf8() > LONGEST * 4 {
            return None;
        }
        out.push(c);
    }
    Some(out)
}

/// Whether a password may be set. `about`: login, names, addresses, operator: what a stranger tries first. `shortest`: characters, at least 12.
pub fn acceptable(password: &str, about: &[&str], shortest: usize) -> Result<(), PasswordError> {
    let text = prepared(password).ok_or(PasswordError::Long)?;
    let characters = text.chars().count();
    if characters < shortest.max(SHORTEST) {
        return Err(PasswordError::Short);
    }
    if characters > LONGEST {
        return Err(PasswordError::Long);
    }
    if text.chars().any(char::is_control) {
        return Err(PasswordError::Character);
    }
    let rest = unguessed(&text, about);
    let different: BTreeSet<char> = rest.iter().copied().collect();
    if rest.len() < REMAIN || different.len() < DIFFERENT { Err(PasswordError::Guessable) } else { Ok(()) }
}

/// What common lists begin with, folded; and the field's own words.
const COMMON: [&str; 18] = [
    "motdepasse",
    "password",
    "passw0rd",
    "azerty",
    "qwerty",
    "bonjour",
    "soleil",
    "bienvenue",
    "welcome",
    "admin",
    "secret",
    "mssante",
    "mailiz",
    "medecin",
    "docteur",
    "cabinet",
    "hopital",
    "clinique",
];
/// Rows of keys and of the alphabet.
const ROWS: [&str; 7] =
    ["abcdefghijklmnopqrstuvwxyz", "01234567890", "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl"];

/// Stands where something was taken away: a control character, which no password has.
const MARK: char = '\u{0}';
/// The same, as a text.
const MARKED: &str = "\u{0}";

/// The characters that a stranger would have to guess: without case, accents and spaces, without what is known, each of a row or repetition once.
fn unguessed(text: &str, about: &[&str]) -> Zeroizing<Vec<char>> {
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c) && !c.is_whitespace()).flat_map(char::to_lowercase);
    let mut rest: Zeroizing<String> = Zeroizing::new(plain.collect());
    let mut known: Vec<String> = COMMON.iter().map(|w| (*w).to_owned()).collect();
    for text in about {
        let words = folded(text);
        known.extend(words.split(' ').filter(|w| w.chars().count() >= 3).map(str::to_owned));
        known.push(words.replace(' ', "")); // "mariemartin"
    }
    known.retain(|w| w.chars().count() >= 3);
    // Longest first: "martin" is not to leave "e" of "martine" behind. The mark keeps halves from joining to a word.
    known.sort_by_key(|w| std::cmp::Reverse(w.len()));
    for word in &known {
        rest = Zeroizing::new(rest.replace(word.as_str(), MARKED));
    }
    let all: Zeroizing<Vec<char>> = Zeroizing::new(rest.chars().collect());
    let mut kept: Zeroizing<Vec<char>> = Zeroizing::new(Vec::with_capacity(all.len()));
    let (mut at, mut before) = (0, MARK);
    while let Some(c) = all.get(at).copied() {
        if c != MARK && c != before && !in_a_row(before, c) {
            kept.push(c);
        }
        before = c;
        // "chienchienchien" is one word: what stood before, three characters or more, counts as one.
        let again = |from: usize| all.iter().skip(from).zip(all.iter().skip(at)).take_while(|(a, b)| a == b).count();
        at += (0..at).map(again).max().filter(|n| *n >= 3).unwrap_or(1);
    }
    kept
}

fn in_a_row(a: char, b: char) -> bool {
    ROWS.iter().any(|row| {
        let mut pairs = row.chars().zip(row.chars().skip(1));
        pairs.any(|(x, y)| (x, y) == (a, b) || (y, x) == (a, b))
    })
}

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB.
    pub kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes. They are computed one after another here.
    pub lanes: u32,
}

impl Cost {
    /// The least that OWASP recommends for argon2id.
    pub const LEAST: Self = Self { kib: 19_456, passes: 2, lanes: 1 };
    /// Most memory, KiB: a row of the store must not take the machine down.
    pub const MAX_KIB: u32 = 1 << 20;
    /// Most passes.
    pub const MAX_PASSES: u32 = 16;
    /// Most lanes.
    pub const MAX_LANES: u32 = 8;

    fn params(self) -> Option<Params> {
        let bounded = self.kib <= Self::MAX_KIB && self.passes <= Self::MAX_PASSES && self.lanes <= Self::MAX_LANES;
        if bounded { Params::new(self.kib, self.passes, self.lanes, Some(32)).ok() } else { None }
    }
    /// Whether it can be computed: 8 KiB a lane at least, nothing zero, nothing above the bounds.
    pub fn is_valid(self) -> bool {
        self.params().is_some()
    }
}

/// A password as it is kept. `Debug` shows the cost alone.
#[derive(Clone)]
pub struct Hash {
    /// What it cost.
    pub cost: Cost,
    /// Salt: 16 random octets, one a password (RFC 9106 §3.1).
    pub salt: [u8; 16],
    /// The output of argon2id, version 1.3.
    pub hash: [u8; 32],
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl Hash {
    /// A hash that nothing matches: verified for logins that do not exist, so that they take as long as the others.
    pub fn nobody(cost: Cost) -> Self {
        Self { cost, salt: *b"nobody has this.", hash: [0; 32] }
    }
}

fn output(peppered: &[u8; 32], salt: &[u8; 16], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0u8; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?);
    argon.hash_password_into(peppered, salt, &mut *out).ok()?;
    Some(out)
}

/// Hashes. Takes `cost.kib` of memory and tens of milliseconds: callers keep few seats for it. None: the cost is out of bounds, or no memory is left.
pub fn hash(peppered: &[u8; 32], salt: [u8; 16], cost: Cost) -> Option<Hash> {
    output(peppered, &salt, cost).map(|out| Hash { cost, salt, hash: *out })
}

/// Whether it is that password. Compared in constant time; false too when it cannot be computed.
pub fn verify(peppered: &[u8; 32], kept: &Hash) -> bool {
    // An output of zeros is `nobody`, not a password.
    let somebody = !bool::from(kept.hash.ct_eq(&[0; 32]));
    output(peppered, &kept.salt, kept.cost).is_some_and(|out| bool::from(out.ct_eq(&kept.hash)) & somebody)
}

/// Whether a password that was just verified should be hashed anew: the configured cost is another.
pub fn outdated(kept: &Hash, wanted: Cost) -> bool {
    kept.cost != wanted
}

/// The key of a password in the public lists of breached ones: the first eight octets of its SHA-1 (of what was typed, as the lists have it).
pub fn breach_key(password: &str) -> i64 {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    digest.as_ref().iter().take(8).fold(0i64, |n, b| n << 8 | i64::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::AssociatedData;
    use proptest::prelude::*;

    const QUICK: Cost = Cost { kib: 64, passes: 2, lanes: 1 };

    /// §5.3, with its secret and associated data: the library, as it is compiled here.
    #[test]
    fn rfc9106_section_5_3() {
        let mut params = argon2::ParamsBuilder::new();
        params.m_cost(32).t_cost(3).p_cost(4).output_len(32);
        params.data(AssociatedData::new(&[4; 12]).expect("data"));
        let secret = [3u8; 8];
        let params = params.build().expect("parameters");
        let argon =
            Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).expect("a short secret");
        let mut tag = [0u8; 32];
        argon.hash_password_into(&[1; 32], &[2; 16], &mut tag).expect("it computes");
        assert_eq!(hex::encode(tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    /// Against the reference implementation in C (argon2-cffi: argon2id, t=2, m=64, p=1).
    #[test]
    fn the_reference_implementation_agrees() {
        let peppered: [u8; 32] = std::array::from_fn(|i| i as u8);
        let made = hash(&peppered, [5; 16], QUICK).expect("it computes");
        assert_eq!(hex::encode(made.hash), "ada41fe9c1583b11978693622a439bed2ba323532b274b25aa1430cedfa5b6d4");
    }

    #[test]
    fn only_the_same_password_verifies() {
        let kept = hash(&[1; 32], [2; 16], QUICK).expect("it computes");
        assert!(verify(&[1; 32], &kept));
        assert!(!verify(&[0; 32], &kept));
        for other in [
            Hash { salt: [3; 16], ..kept.clone() },
            Hash { cost: Cost { passes: 3, ..QUICK }, ..kept.clone() },
            Hash { hash: [0; 32], ..kept.clone() },
            Hash::nobody(QUICK),
        ] {
            assert!(!verify(&[1; 32], &other));
        }
        assert!(outdated(&kept, Cost::LEAST) && !outdated(&kept, QUICK));
        assert!(!format!("{kept:?}").contains("hash:"), "{kept:?}");
    }

    #[test]
    fn costs_out_of_bounds_are_no_work() {
        assert!(Cost::LEAST.is_valid() && QUICK.is_valid());
        for cost in [
            Cost { kib: 0, ..QUICK },
            Cost { kib: 7, ..QUICK },
            Cost { kib: u32::MAX, ..QUICK },
            Cost { kib: Cost::MAX_KIB + 1, ..QUICK },
            Cost { passes: 0, ..QUICK },
            Cost { passes: u32::MAX, ..QUICK },
            Cost { lanes: 0, ..QUICK },
            Cost { lanes: 9, kib: 1024, ..QUICK },
            Cost { lanes: 8, kib: 63, ..QUICK },
        ] {
            assert!(!cost.is_valid(), "{cost:?}");
            assert!(hash(&[1; 32], [2; 16], cost).is_none());
            assert!(!verify(&[1; 32], &Hash { cost, salt: [2; 16], hash: [0; 32] }));
        }
    }

    const ABOUT: [&str; 4] = ["marie.martin", "Marie-Hélène Martin", "marie.martin@alpes.mssante.fr", "Sceau Alpes"];

    #[test]
    fn passwords_of_what_is_known_are_refused() {
        for (password, why) in [
            ("", PasswordError::Short),
            ("Xk9$vQ2!mZ7", PasswordError::Short),
            ("ｘｋ９ｖｑ２ｍｚ７ｂ", PasswordError::Short),
            ("mariemartin2026", PasswordError::Guessable),
            ("Marie.Martin!1", PasswordError::Guessable),
            ("MarieHélène-Martin", PasswordError::Guessable),
            ("martin martin martin", PasswordError::Guessable),
            ("MotDePasse2026!", PasswordError::Guessable),
            ("aaaaaaaaaaaaaaaa", PasswordError::Guessable),
            ("azertyuiop123456", PasswordError::Guessable),
            ("abcdefghijklmnop", PasswordError::Guessable),
            ("0987654321098765", PasswordError::Guessable),
            ("xkxkxkxkxkxkxkxk", PasswordError::Guessable),
            ("chien chien chien", PasswordError::Guessable),
            ("giraf giraf giraf gi", PasswordError::Guessable),
            ("!giraf giraf giraf?", PasswordError::Guessable),
            ("mailiz mssante hopital", PasswordError::Guessable),
            ("une ligne\ndeux lignes", PasswordError::Character),
        ] {
            assert_eq!(acceptable(password, &ABOUT, SHORTEST), Err(why), "{password}");
        }
        assert_eq!(acceptable(&"é".repeat(5_000), &[], SHORTEST), Err(PasswordError::Long));
        let many: String = ('!'..='~').cycle().step_by(7).take(LONGEST + 1).collect();
        assert_eq!(acceptable(&many, &[], SHORTEST), Err(PasswordError::Long));
        assert_eq!(acceptable("ﷺ".repeat(200).as_str(), &[], SHORTEST), Err(PasswordError::Long));
    }

    #[test]
    fn no_rule_of_composition() {
        for password in [
            "cheval pile agrafe correct",
            "girafe-tambour-velours",
            "Xk9$vQ2!mZ7p",
            "!$%&/()=?*+#",
            "le chat de Marie boit du thé",
            "犬猫鳥魚馬牛羊豚鶏蛇亀兎",
        ] {
            assert_eq!(acceptable(password, &ABOUT, SHORTEST), Ok(()), "{password}");
        }
        assert_eq!(acceptable("Xk9$vQ2!mZ7p", &[], 16), Err(PasswordError::Short));
        // Nobody configures it shorter.
        assert_eq!(acceptable("Xk9$vQ2!mZ7", &[], 1), Err(PasswordError::Short));
    }

    #[test]
    fn one_password_on_two_keyboards() {
        assert_eq!(prepared("e\u{301}").as_deref(), prepared("é").as_deref());
        assert_eq!(prepared("Ａ").as_deref().map(String::as_str), Some("A"));
    }

    /// SHA-1 of `password`: 5baa61e4c9b93f3f…, as every public list has it.
    #[test]
    fn breach_keys_are_those_of_the_lists() {
        assert_eq!(breach_key("password") as u64, 0x5baa_61e4_c9b9_3f3f);
        // SHA-1 of nothing begins with da: the key is negative, and that is well.
        assert_eq!(breach_key("") as u64, 0xda39_a3ee_5e6b_4b0d);
    }

    proptest! {
        #[test]
        fn never_panics(password in ".{0,300}", about in proptest::collection::vec(".{0,20}", 0..4)) {
            let about: Vec<&str> = about.iter().map(String::as_str).collect();
            let _ = acceptable(&password, &about, SHORTEST);
        }

        /// Nothing that is made of the login alone, with an ending of digits, is taken.
        #[test]
        fn a_login_is_no_password(login in "[a-z]{3,12}\\.[a-z]{3,12}", year in 0u16..9999, sign in "[!?.-]{0,2}") {
            let password = format!("{login}{year}{sign}");
            prop_assert!(acceptable(&password, &[&login], SHORTEST).is_err(), "{}", password);
        }
    }
}
