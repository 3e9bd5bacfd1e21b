//! Who a card's certificate says that somebody is (CPS; F041). The chain, its anchors and revocation were judged already; here the leaf is read.
//!
//! Profiles are configuration, because no text of the authority that we could read says how the number is written; it is found by attribute, wherever
//! it stands in the name and however attributes are grouped. Promise: a certificate for signatures is refused (the same card has one, with the same
//! name, and signing a document must never sign anybody in); two numbers name nobody.
use crate::national::{self, IdKind, Said};
use sceau_domain::der::{Broken, Reader, tag};

/// Longest certificate, octets.
const MAX_LEAF: usize = 64 * 1024;
/// Most extensions in one.
const MAX_EXTENSIONS: usize = 64;
/// Extension keyUsage, 2.5.29.15 (RFC 5280 §4.2.1.3).
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// Bits of keyUsage in its first octet.
const DIGITAL_SIGNATURE: u8 = 0x80;
const CONTENT_COMMITMENT: u8 = 0x40;

/// Where the number stands: in this attribute, behind this prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Type of the attribute, `CN`.
    pub attribute: String,
    /// What precedes the number, `8`.
    pub prefix: String,
    /// What the number is.
    pub kind: IdKind,
}

impl Profile {
    /// The forms that cards are known to have: `CN` of `8` and the RPPS (public code that reads real cards); `0` and ADELI (unverified).
    pub fn known() -> Vec<Self> {
        [("8", IdKind::Rpps), ("0", IdKind::Adeli)]
            .map(|(prefix, kind)| Self { attribute: "CN".into(), prefix: prefix.into(), kind })
            .into()
    }
}

/// Why a card names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// It is for signing documents, or does not say what it is for.
    #[error("not a certificate for authentication")]
    Signature,
    /// No number stands where one should.
    #[error("no national number")]
    NoNumber,
    /// A number stands there whose check digit does not fit.
    #[error("wrong check digit")]
    Key,
    /// Two numbers.
    #[error("more than one number")]
    Several,
    /// It is no certificate.
    #[error("malformed")]
    Malformed,
}

impl CardError {
    /// Stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Signature => "card.signature",
            Self::NoNumber => "card.no_number",
            Self::Key => "card.key",
            Self::Several => "card.several",
            Self::Malformed => "card.malformed",
        }
    }
}

/// Who a leaf is of. `subject`: every attribute of its subject, type (short name) and value, in whatever grouping they stand.
pub fn read(leaf_der: &[u8], subject: &[(String, String)], profiles: &[Profile]) -> Result<Said, CardError> {
    let usage = key_usage(leaf_der).map_err(|_| CardError::Malformed)?;
    if !usage.is_some_and(|u| u & DIGITAL_SIGNATURE != 0 && u & CONTENT_COMMITMENT == 0) {
        return Err(CardError::Signature);
    }
    let mut wrong_key = false;
    for profile in profiles {
        let mut found: Option<(&str, _)> = None;
        for (_, value) in subject.iter().filter(|(kind, _)| kind.eq_ignore_ascii_case(&profile.attribute)) {
            let Some(number) = value.strip_prefix(&profile.prefix) else { continue };
            // Of the length of a number and not of its kind: a typing error or a test card, never somebody.
            let shaped = number.len() == profile.kind.length() && number.bytes().any(|b| b.is_ascii_digit());
            match profile.kind.read(number) {
                Some(id) if found.as_ref().is_some_and(|(_, first)| *first != id) => return Err(CardError::Several),
                Some(id) => found = Some((value, id)),
                None => wrong_key |= shaped,
            }
        }
        if let Some((value, id)) = found {
            // A number that fits beside one that does not: nobody can say which is meant.
            return if wrong_key { Err(CardError::Key) } else { Ok(said(value, id, subject)) };
        }
    }
    Err(if wrong_key { CardError::Key } else { CardError::NoNumber })
}

fn said(number: &str, national: sceau_domain::identifier::NationalId, subject: &[(String, String)]) -> Said {
    let value = |kinds: &[&str]| {
        let mut all = subject.iter().filter(|(kind, _)| kinds.iter().any(|k| kind.eq_ignore_ascii_case(k)));
        // Twice: not to be chosen from.
        all.next().filter(|_| all.next().is_none()).map(|(_, value)| value.as_str())
    };
    Said {
        national: Some(national),
        family: value(&["SURNAME", "SN"]).and_then(national::name),
        given: value(&["GIVENNAME", "GN", "G"]).and_then(national::name),
        profession: value(&["TITLE", "T"]).and_then(national::profession),
        subject: number.to_owned(),
    }
}

/// The first octet of the key's usage; none when the certificate does not say it. [`Broken`] when it is no certificate (RFC 5280 §4.1), or the extension
/// is there twice.
fn key_usage(der: &[u8]) -> Result<Option<u8>, Broken> {
    if der.len() > MAX_LEAF {
        return Err(Broken);
    }
    let mut whole = Reader::new(der);
    let mut tbs = whole.within(tag::SEQUENCE)?.within(tag::SEQUENCE)?;
    whole.end()?;
    tbs.optional(tag::constructed(0))?;
    tbs.of(tag::INTEGER)?;
    // Algorithm, issuer, validity, subject, key.
    for _ in 0..5 {
        tbs.of(tag::SEQUENCE)?;
    }
    tbs.optional(tag::primitive(1))?;
    tbs.optional(tag::primitive(2))?;
    let Some(extensions) = tbs.optional(tag::constructed(3))? else { return Ok(None) };
    let mut list = Reader::new(extensions.contents).within(tag::SEQUENCE)?;
    let mut found = None;
    for _ in 0..MAX_EXTENSIONS {
        if list.is_empty() {
            return Ok(found);
        }
        let mut extension = list.within(tag::SEQUENCE)?;
        let id = extension.of(tag::OID)?.contents;
        extension.optional(tag::BOOLEAN)?;
        let value = extension.of(tag::OCTET_STRING)?.contents;
        if id == KEY_USAGE {
            // The first octet says how many bits of the last one are not used.
            let bits = Reader::new(value).of(tag::BIT_STRING)?.contents;
            let usage = *bits.get(1).ok_or(Broken)?;
            if found.replace(usage).is_some() {
                return Err(Broken);
            }
        }
    }
    Err(Broken)
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
