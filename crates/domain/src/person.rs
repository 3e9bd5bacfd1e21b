//! A person's identifiers: logins; which identifier is published, and until when an exemption stands in for a national one (F009, F010, EX_PBA_5090).
use crate::identifier::{Adeli, Rpps};
use crate::{Refusal, RefusalCode, Timestamp};

/// Longest identifier that a structure gives.
const LOCAL: usize = 40;

/// Longest login, characters.
const LOGIN: usize = 64;

/// Logins that nobody gets: names under which traces and roles say that nobody in person acted, and words that stand where a login does in the paths
/// of REST (a test walks these).
pub const RESERVED_LOGINS: [&str; 6] = ["configuration", "schema", "system", "link", "history", "readers"];

/// A login in its one form: lower-case letters without accents, digits, `.`, `-`, `_` (`*` separates person and BAL). `admin.invalid`.
pub fn login(text: &str) -> Result<String, Refusal> {
    let login = text.to_ascii_lowercase();
    let good = !login.is_empty()
        && login.len() <= LOGIN
        && login.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
    if good { Ok(login) } else { Err(Refusal::new(RefusalCode::Invalid).with("name", "login")) }
}

/// As [`login()`], for somebody who is to be added: neither reserved nor only dots, which clients of REST take for a way through a path.
pub fn new_login(text: &str) -> Result<String, Refusal> {
    let login = login(text)?;
    if RESERVED_LOGINS.contains(&login.as_str()) || login.bytes().all(|b| b == b'.') {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "login").with("cause", login));
    }
    Ok(login)
}

/// RPPS or ADELI with a right check digit, told apart by their lengths. `identifier.length`, `.character`, `.key`.
pub fn national_id(text: &str) -> Result<String, Refusal> {
    let spaced = |c: &char| !matches!(c, ' ' | '\u{a0}' | '\u{202f}');
    let short = text.chars().filter(spaced).take(12).count() == 9;
    let id = if short { text.parse::<Adeli>().map(String::from) } else { text.parse::<Rpps>().map(String::from) };
    id.map_err(Refusal::from)
}

/// An identifier that the responsible of a structure gives where no registration authority exists: letters, digits and `-_./`. It may not look
/// like a national one, which would be taken for it. `admin.invalid`.
pub fn local_id(text: &str) -> Result<String, Refusal> {
    let id = text.trim();
    let good = (1..=LOCAL).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        && national_id(id).is_err();
    if good { Ok(id.to_owned()) } else { Err(Refusal::new(RefusalCode::Invalid).with("name", "local_identifier")) }
}

/// Does an exemption from the national identifier stand at this moment? One that is over counts as none.
pub fn exemption_stands(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|end| now < end)
}

/// The identifier that is published and sent with mail (EX_PBA_5090): the national one when the person has one, else the one that the structure
/// gave while its exemption stands, else the BAL's address.
pub fn published_identifier<'a>(
    national: Option<&'a str>,
    local: Option<(&'a str, Option<Timestamp>)>,
    address: Option<&'a str>,
    now: Timestamp,
) -> Option<&'a str> {
    national.or_else(|| local.filter(|(_, until)| exemption_stands(*until, now)).map(|(id, _)| id)).or(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn national_before_local_before_address() {
        let (now, then) = (Timestamp(1000), Timestamp(1001));
        let of = |n, l, a| published_identifier(n, l, a, now);
        assert_eq!(of(Some("10000000001"), Some(("L1", None)), Some("a@b")), Some("10000000001"));
        assert_eq!(of(None, Some(("L1", Some(then))), Some("a@b")), Some("L1"));
        assert_eq!(of(None, Some(("L1", Some(now))), Some("a@b")), Some("a@b"), "over at its very end");
        assert_eq!(of(None, Some(("L1", Some(now))), None), None);
        assert_eq!(of(None, Some(("L1", None)), None), Some("L1"));
    }

    #[test]
    fn identifiers_are_checked() {
        assert_eq!(national_id(" 100 0000 0018 ").unwrap_err().code, RefusalCode::IdentifierKey);
        assert_eq!(national_id("1").unwrap_err().code, RefusalCode::IdentifierLength);
        assert_eq!(local_id(" CHU-00042 ").unwrap(), "CHU-00042");
        for bad in ["", "a b", "é", "a\nb", &"x".repeat(41)] {
            assert!(local_id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn logins_of_nobody_are_given_to_nobody() {
        assert_eq!(new_login("Anne.Martin").unwrap(), "anne.martin");
        for bad in RESERVED_LOGINS.into_iter().chain([".", "..", "", "é", "a b", "a*b", "a/b", &"a".repeat(65)]) {
            assert_eq!(new_login(bad).unwrap_err().code, RefusalCode::Invalid, "{bad}");
        }
        // Who has had one until now still signs in.
        assert_eq!(login("history").unwrap(), "history");
    }

    proptest! {
        /// What passes as a national identifier never passes as a local one.
        #[test]
        fn a_local_identifier_is_no_national_one(digits in "[0-9]{9}|[0-9]{11}") {
            prop_assert!(national_id(&digits).is_err() || local_id(&digits).is_err());
        }
    }
}
