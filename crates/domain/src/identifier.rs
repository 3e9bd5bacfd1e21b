//! National identifiers of professionals, structures and patients: read, checked, compared, shown.
//!
//! Promises: a value holds the canonical writing (no space, upper case) and passes the checks named on its type; nothing
//! else is claimed. In particular an identifier that passes may never have been attributed: only the directories know.
//! Each type says which of its rules are *unverified*, that is known from general practice and not from a text of ANS that
//! we hold. Spaces between groups are accepted when reading (`479 766 842 00724`); input is bounded.
use crate::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest text that is looked at, in octets: the longest identifier with generous spacing.
const MAX_INPUT: usize = 64;

/// Why a text is no such identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not that many characters.
    #[error("{identifier}: {expected} characters expected")]
    Length {
        /// What was read, e.g. `RPPS`.
        identifier: &'static str,
        /// How many characters it has.
        expected: usize,
    },
    /// A character that may not stand there.
    #[error("{identifier}: forbidden character")]
    Character {
        /// What was read.
        identifier: &'static str,
    },
    /// The check digit or key does not fit: a typing error, most likely.
    #[error("{identifier}: wrong key")]
    Key {
        /// What was read.
        identifier: &'static str,
    },
}

impl From<IdentifierError> for Refusal {
    fn from(e: IdentifierError) -> Self {
        match e {
            IdentifierError::Length { identifier, expected } => {
                Refusal::new(RefusalCode::IdentifierLength).with("name", identifier).with("limit", expected)
            }
            IdentifierError::Character { identifier } => {
                Refusal::new(RefusalCode::IdentifierCharacter).with("name", identifier)
            }
            IdentifierError::Key { identifier } => Refusal::new(RefusalCode::IdentifierKey).with("name", identifier),
        }
    }
}

/// A text without its spaces, in upper case, of exactly `expected` ASCII letters and digits.
fn canonical(text: &str, identifier: &'static str, expected: usize) -> Result<String, IdentifierError> {
    if text.len() > MAX_INPUT {
        return Err(IdentifierError::Length { identifier, expected });
    }
    let out: String =
        text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).map(|c| c.to_ascii_uppercase()).collect();
    if !out.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(IdentifierError::Character { identifier });
    }
    if out.len() != expected {
        return Err(IdentifierError::Length { identifier, expected });
    }
    Ok(out)
}

fn digits(text: &str, identifier: &'static str) -> Result<(), IdentifierError> {
    if text.bytes().all(|b| b.is_ascii_digit()) { Ok(()) } else { Err(IdentifierError::Character { identifier }) }
}

/// Luhn's sum over a text of digits, its last one being the check digit: 0 when it fits (ISO/IEC 7812-1 annex B).
fn luhn(text: &str) -> u32 {
    let sum: u32 = text
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(b, weight)| {
            let d = u32::from(b.wrapping_sub(b'0')) * weight;
            d / 10 + d % 10
        })
        .sum();
    sum % 10
}

/// The digits of a department-like prefix may be `2A` or `2B` (Corsica): true when `text` begins so.
fn corsican(text: &str) -> bool {
    matches!(text.get(..2), Some("2A" | "2B"))
}

/// What every identifier type has in common: text in, canonical text out.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $label:literal, $length:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);
        impl $name {
            /// The canonical writing.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = IdentifierError;
            fn from_str(s: &str) -> Result<Self, IdentifierError> {
                let text = canonical(s, $label, $length)?;
                let check: fn(&str) -> Result<(), IdentifierError> = $check;
                check(&text)?;
                Ok(Self(text))
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdentifierError;
            fn try_from(s: String) -> Result<Self, IdentifierError> {
                s.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// A professional in the RPPS: 11 digits, the last one by Luhn.
    ///
    /// Unverified: that every number in use follows Luhn. The first digits carry no rule here.
    #[derive(Debug)]
    Rpps, "RPPS", 11, |t| {
        digits(t, "RPPS")?;
        if luhn(t) == 0 { Ok(()) } else { Err(IdentifierError::Key { identifier: "RPPS" }) }
    }
}

identifier! {
    /// A professional in ADELI (professions not yet in the RPPS): 9 characters, department first (`2A`, `2B` in Corsica).
    ///
    /// Unverified: the last digit is checked by Luhn when all nine are digits; how the letter of a Corsican number counts
    /// in it is not known, so that such a number is accepted by its form alone ([`Adeli::key_verified`]).
    #[derive(Debug)]
    Adeli, "ADELI", 9, |t| {
        if corsican(t) {
            return digits(&t[2..], "ADELI");
        }
        digits(t, "ADELI")?;
        if luhn(t) == 0 { Ok(()) } else { Err(IdentifierError::Key { identifier: "ADELI" }) }
    }
}

impl Adeli {
    /// True when the check digit was checked, false for a number with a letter.
    pub fn key_verified(&self) -> bool {
        !corsican(&self.0)
    }
}

identifier! {
    /// A structure in FINESS: 9 characters, of which the second may be a letter (Corsica; also seen elsewhere in
    /// certificates of operators).
    ///
    /// Unverified: the last digit is checked by Luhn when all nine are digits; with a letter the form alone is checked
    /// ([`Finess::key_verified`]).
    #[derive(Debug)]
    Finess, "FINESS", 9, |t| {
        digits(&t[..1], "FINESS")?;
        digits(&t[2..], "FINESS")?;
        if t.as_bytes()[1].is_ascii_alphabetic() || luhn(t) == 0 {
            Ok(())
        } else {
            Err(IdentifierError::Key { identifier: "FINESS" })
        }
    }
}

impl Finess {
    /// True when the check digit was checked, false for a number with a letter.
    pub fn key_verified(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_digit())
    }
}

/// SIREN of La Poste, whose establishments beyond the head office do not follow Luhn.
const LA_POSTE: &str = "356000000";

identifier! {
    /// An establishment in SIRENE: SIREN (9 digits) and establishment (5), Luhn over the nine and over the fourteen.
    /// For La Poste (SIREN 356000000) the sum of the digits is a multiple of five instead.
    #[derive(Debug)]
    Siret, "SIRET", 14, |t| {
        digits(t, "SIRET")?;
        let fits = luhn(&t[..9]) == 0
            && (luhn(t) == 0
                || (t.starts_with(LA_POSTE) && t.bytes().map(|b| u32::from(b - b'0')).sum::<u32>() % 5 == 0));
        if fits { Ok(()) } else { Err(IdentifierError::Key { identifier: "SIRET" }) }
    }
}

/// The number that the key of a NIR is taken of: `2A` counts as 19, `2B` as 18.
fn nir_number(thirteen: &str) -> Option<u64> {
    match thirteen.get(5..7) {
        Some("2A") => format!("{}19{}", &thirteen[..5], &thirteen[7..]).parse().ok(),
        Some("2B") => format!("{}18{}", &thirteen[..5], &thirteen[7..]).parse().ok(),
        _ => thirteen.parse().ok(),
    }
}

identifier! {
    /// The *matricule* of a patient's national health identity: NIR or NIA (13 characters, the department possibly `2A` or
    /// `2B`) and its key (2 digits: 97 less the remainder of the number by 97). As a local part of a patients' domain it
    /// is a patient's address.
    ///
    /// Checked: characters and key. Not checked, because provisional and foreign numbers break them: sex, month, place.
    /// `Debug` hides the number.
    Ins, "INS", 15, |t| {
        let (thirteen, key) = t.split_at(13);
        digits(key, "INS")?;
        let number = nir_number(thirteen).ok_or(IdentifierError::Character { identifier: "INS" })?;
        let expected = 97 - number % 97;
        if key.parse() == Ok(expected) { Ok(()) } else { Err(IdentifierError::Key { identifier: "INS" }) }
    }
}

impl Ins {
    /// NIR or NIA, without its key.
    pub fn number(&self) -> &str {
        &self.0[..13]
    }
    /// The key.
    pub fn key(&self) -> &str {
        &self.0[13..]
    }
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ins(…)")
    }
}

/// The authority that an INS belongs to, by its OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum InsOid {
    /// INS made of a NIR.
    Nir,
    /// INS made of a NIA.
    Nia,
    /// INS made of a NIR, test.
    NirTest,
    /// Another test authority, listed without explanation; taken for demonstrations (unverified).
    NirDemo,
}

impl InsOid {
    /// Every authority.
    pub const ALL: [InsOid; 4] = [Self::Nir, Self::Nia, Self::NirTest, Self::NirDemo];
    /// The OID in dotted form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nir => "1.2.250.1.213.1.4.8",
            Self::Nia => "1.2.250.1.213.1.4.9",
            Self::NirTest => "1.2.250.1.213.1.4.10",
            Self::NirDemo => "1.2.250.1.213.1.4.11",
        }
    }
}

impl FromStr for InsOid {
    type Err = IdentifierError;
    fn from_str(s: &str) -> Result<Self, IdentifierError> {
        Self::ALL.into_iter().find(|o| o.as_str() == s).ok_or(IdentifierError::Character { identifier: "OID" })
    }
}
impl TryFrom<String> for InsOid {
    type Error = IdentifierError;
    fn try_from(s: String) -> Result<Self, IdentifierError> {
        s.parse()
    }
}
impl From<InsOid> for String {
    fn from(o: InsOid) -> Self {
        o.as_str().to_owned()
    }
}

/// A text whose first character says which identifier follows.
macro_rules! prefixed {
    ($(#[$doc:meta])* $name:ident, $label:literal, $($(#[$vdoc:meta])* $variant:ident($inner:ident) $prefix:literal),*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name { $($(#[$vdoc])* $variant($inner)),* }
        impl FromStr for $name {
            type Err = IdentifierError;
            fn from_str(s: &str) -> Result<Self, IdentifierError> {
                let s = s.trim_start();
                $(if let Some(rest) = s.strip_prefix($prefix) {
                    return Ok(Self::$variant(rest.parse()?));
                })*
                Err(IdentifierError::Character { identifier: $label })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant(id) => write!(f, "{}{id}", $prefix)),* }
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdentifierError;
            fn try_from(s: String) -> Result<Self, IdentifierError> {
                s.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

prefixed! {
    /// The national identifier of a professional as the directory and cards write it: `8` and the RPPS, or `0` and ADELI
    /// (EX_PBA_5090, F009). The prefix is unverified against a text of ANS.
    NationalId, "IDNPS",
    /// `8` and the RPPS.
    Rpps(Rpps) '8',
    /// `0` and the ADELI number.
    Adeli(Adeli) '0'
}

prefixed! {
    /// A structure as an operator's certificate names it in its `OU`: `1` and the FINESS number, or `3` and the SIRET
    /// (observed in the white list).
    StructureId, "OU",
    /// `1` and the FINESS number.
    Finess(Finess) '1',
    /// `3` and the SIRET.
    Siret(Siret) '3'
}

#[cfg(test)]
#[path = "identifier_tests.rs"]
mod tests;
