//! A person's identifiers: which one is published, and until when an exemption stands in for a national one (F009, F010, EX_PBA_5090).
use crate::identifier::{Adeli, Rpps};
use crate::{Refusal, RefusalCode, Timestamp};

/// Longest identifier that a structure gives.
const LOCAL: usize = 40;

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

    proptest! {
        /// What passes as a national identifier never passes as a local one.
        #[test]
        fn a_local_identifier_is_no_national_one(digits in "[0-9]{9}|[0-9]{11}") {
            prop_assert!(national_id(&digits).is_err() || local_id(&digits).is_err());
        }
    }
}
