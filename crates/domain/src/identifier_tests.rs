//! Known numbers, then laws: what is generated with its key is read, any one wrong digit is refused.
use super::*;
use crate::Lang;
use proptest::prelude::*;

/// `body` with the digit that makes Luhn fit.
fn with_luhn(body: &str) -> String {
    (0..10).map(|d| format!("{body}{d}")).find(|t| luhn(t) == 0).expect("one digit of ten fits")
}

/// `thirteen` with its key, computed another way than the code's: on the digits, by hand-made long division.
fn with_ins_key(thirteen: &str) -> String {
    let plain = thirteen.replacen("2A", "19", usize::from(&thirteen[5..7] == "2A"));
    let plain = plain.replacen("2B", "18", usize::from(&plain[5..7] == "2B"));
    let rest = plain.bytes().fold(0u32, |r, b| (r * 10 + u32::from(b - b'0')) % 97);
    format!("{thirteen}{:02}", 97 - rest)
}

/// Every text that differs from `text` in one digit.
fn alterations(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (i, b) in text.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()) {
        for d in (b'0'..=b'9').filter(|&d| d != b) {
            let mut altered = text.as_bytes().to_vec();
            altered[i] = d;
            all.push(String::from_utf8(altered).expect("ASCII"));
        }
    }
    all
}

#[test]
fn known_numbers() {
    // The numbers of real structures are public; the INS is an example of public interoperability files.
    assert!("279035121518989".parse::<Ins>().is_ok());
    // So is this one, whose key does not fit: examples are not always well formed, and the check is not loosened for them.
    assert_eq!("147037433100207".parse::<Ins>(), Err(IdentifierError::Key { identifier: "INS" }));
    assert!("479 766 842 00724".parse::<Siret>().is_ok());
    // Luhn over the fourteen alone is not enough: the SIREN has its own check digit.
    let wrong_siren = with_luhn("4797668430072");
    assert_eq!(wrong_siren.parse::<Siret>(), Err(IdentifierError::Key { identifier: "SIRET" }));
    assert!("35600000000048".parse::<Siret>().is_ok(), "head office of La Poste: Luhn");
    assert!("35600000049837".parse::<Siret>().is_ok(), "an office of La Poste: multiple of five");
    assert_eq!("35600000049838".parse::<Siret>(), Err(IdentifierError::Key { identifier: "SIRET" }));
    assert!("750712184".parse::<Finess>().is_ok_and(|f| f.key_verified()));
    assert_eq!("750712185".parse::<Finess>(), Err(IdentifierError::Key { identifier: "FINESS" }));
    assert!("0B0078671".parse::<Finess>().is_ok_and(|f| !f.key_verified()));
    assert!("2a0000014".parse::<Finess>().is_ok_and(|f| f.as_str() == "2A0000014"));
    assert!("2B9301234".parse::<Adeli>().is_ok_and(|a| !a.key_verified()));
}

#[test]
fn wrong_forms_are_told_apart() {
    let length = |identifier, expected| IdentifierError::Length { identifier, expected };
    let character = |identifier| IdentifierError::Character { identifier };
    assert_eq!("".parse::<Rpps>(), Err(length("RPPS", 11)));
    assert_eq!("1234567890".parse::<Rpps>(), Err(length("RPPS", 11)));
    assert_eq!("1".repeat(100_000).parse::<Rpps>(), Err(length("RPPS", 11)));
    assert_eq!("1234567890A".parse::<Rpps>(), Err(character("RPPS")));
    assert_eq!("1234567890é".parse::<Rpps>(), Err(character("RPPS")));
    assert_eq!("1234567890\n".parse::<Rpps>(), Err(character("RPPS")));
    assert_eq!("2C9301234".parse::<Adeli>(), Err(character("ADELI")));
    assert_eq!("AB0078671".parse::<Finess>(), Err(character("FINESS")));
    assert_eq!("0B007867B".parse::<Finess>(), Err(character("FINESS")));
    assert_eq!("1470374331002A7".parse::<Ins>(), Err(character("INS")));
    assert_eq!("14703C433100207".parse::<Ins>(), Err(character("INS")));
    assert_eq!("2A7037433100207".parse::<Ins>(), Err(character("INS")));
}

#[test]
fn errors_become_refusals_with_sentences() {
    let refusal = Refusal::from("12".parse::<Rpps>().expect_err("short"));
    assert_eq!(refusal.code.as_str(), "identifier.length");
    assert!(refusal.sentence(Lang::Fr).contains("RPPS") && refusal.sentence(Lang::Fr).contains("11"));
    let refusal = Refusal::from("750712185".parse::<Finess>().expect_err("key"));
    assert!(refusal.sentence(Lang::En).contains("FINESS"));
}

#[test]
fn prefixed_identifiers() {
    let rpps = with_luhn("1000000001");
    let id: NationalId = format!("8{rpps}").parse().expect("national id");
    assert_eq!(id, NationalId::Rpps(rpps.parse().expect("rpps")));
    assert_eq!(id.to_string(), format!("8{rpps}"));
    let adeli = with_luhn("75930123");
    assert!(matches!(format!("0{adeli}").parse(), Ok(NationalId::Adeli(_))));
    for bad in ["", "8", "0", "9123", "é", "899999999999999"] {
        assert!(bad.parse::<NationalId>().is_err(), "{bad}");
    }
    assert!(matches!("10B0078671".parse(), Ok(StructureId::Finess(_))));
    assert!(matches!("347976684200724".parse(), Ok(StructureId::Siret(_))));
    assert!("247976684200724".parse::<StructureId>().is_err());
}

#[test]
fn corsican_ins_has_its_own_key() {
    let (a, b) = (with_ins_key("184072A004012"), with_ins_key("184072B004012"));
    assert!(a.parse::<Ins>().is_ok() && b.parse::<Ins>().is_ok());
    assert_ne!(a[13..], b[13..]);
    assert!(format!("184072B004012{}", &a[13..]).parse::<Ins>().is_err());
    let lower: Ins = a.to_lowercase().parse().expect("lower case is read");
    assert_eq!((lower.number(), lower.key()), (&a[..13], &a[13..]));
}

#[test]
fn oids_and_serde() {
    for oid in InsOid::ALL {
        assert_eq!(oid.as_str().parse(), Ok(oid));
    }
    assert!("1.2.250".parse::<InsOid>().is_err());
    let siret: Siret = serde_json::from_str(r#""479 766 842 00724""#).expect("reads");
    assert_eq!(serde_json::to_string(&siret).expect("writes"), r#""47976684200724""#);
    assert!(serde_json::from_str::<Siret>(r#""47976684200725""#).is_err());
    assert_eq!(serde_json::to_string(&InsOid::Nir).expect("writes"), r#""1.2.250.1.213.1.4.8""#);
}

#[test]
fn debug_hides_an_ins() {
    assert_eq!(format!("{:?}", "279035121518989".parse::<Ins>()), "Ok(Ins(…))");
}

fn refuses_alterations<T: FromStr<Err = IdentifierError> + fmt::Display>(text: &str) -> Result<(), TestCaseError> {
    let read: T = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
    prop_assert_eq!(read.to_string(), text);
    for altered in alterations(text) {
        prop_assert!(matches!(altered.parse::<T>(), Err(IdentifierError::Key { .. })), "{altered} of {text}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn rpps_catches_any_one_digit(body in "[0-9]{10}") {
        refuses_alterations::<Rpps>(&with_luhn(&body))?;
    }
    #[test]
    fn adeli_catches_any_one_digit(body in "[0-9]{8}") {
        refuses_alterations::<Adeli>(&with_luhn(&body))?;
    }
    #[test]
    fn finess_catches_any_one_digit(body in "[0-9]{8}") {
        refuses_alterations::<Finess>(&with_luhn(&body))?;
    }
    #[test]
    fn siret_catches_any_one_digit(siren in "[0-9]{8}", establishment in "[0-9]{4}") {
        let siren = with_luhn(&siren);
        // La Poste's own rule is weaker: a digit changed by five passes it.
        prop_assume!(siren != LA_POSTE);
        refuses_alterations::<Siret>(&with_luhn(&format!("{siren}{establishment}")))?;
    }
    #[test]
    fn ins_catches_any_one_digit(head in "[1-478][0-9]{4}", department in "[0-9]{2}|2A|2B", tail in "[0-9]{6}") {
        let text = with_ins_key(&format!("{head}{department}{tail}"));
        let read: Ins = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(read.to_string(), text.clone());
        for altered in alterations(&text) {
            prop_assert!(altered.parse::<Ins>().is_err(), "{altered} of {text}");
        }
    }
    #[test]
    fn no_text_makes_a_reader_panic(text in "(?s).{0,80}|[0-9A-B ]{0,20}") {
        let _ = (text.parse::<Rpps>(), text.parse::<Adeli>(), text.parse::<Finess>(), text.parse::<Siret>());
        let _ = (text.parse::<Ins>(), text.parse::<NationalId>(), text.parse::<StructureId>(), text.parse::<InsOid>());
    }
}
