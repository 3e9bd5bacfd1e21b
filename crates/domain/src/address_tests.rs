//! Examples of RFC 5321, 6531 and 5890, then laws: reading what was displayed, comparing, bounds.
use super::*;
use proptest::prelude::*;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

fn a(s: &str) -> Address {
    s.parse().unwrap_or_else(|e| panic!("{s}: {e}"))
}

fn err(s: &str) -> AddressError {
    s.parse::<Address>().map(|a| a.to_string()).expect_err(s)
}

fn hash(a: &Address) -> u64 {
    let mut h = DefaultHasher::new();
    a.hash(&mut h);
    h.finish()
}

#[test]
fn ordinary_addresses_keep_their_writing() {
    let x = a("Prenom.NOM@Hopital.MSSante.FR");
    assert_eq!(x.to_string(), "Prenom.NOM@hopital.mssante.fr");
    assert_eq!((x.local(), x.domain().as_str()), ("Prenom.NOM", "hopital.mssante.fr"));
    assert_eq!(x.key(), "prenom.nom@hopital.mssante.fr");
    assert_eq!(x, a("prenom.nom@hopital.mssante.fr"));
    assert_eq!(hash(&x), hash(&a("PRENOM.nom@HOPITAL.mssante.fr")));
    assert!(!x.is_international());
    assert_eq!(a("147037433100207@patient.mssante.fr").local(), "147037433100207");
    assert_eq!(a("o'brien+tag/x=y@a.fr").local(), "o'brien+tag/x=y");
}

#[test]
fn quoted_local_parts_are_read_and_written_again() {
    assert_eq!(a(r#""simple"@a.fr"#).to_string(), "simple@a.fr");
    assert_eq!(a(r#""avec espace"@a.fr"#).to_string(), r#""avec espace"@a.fr"#);
    assert_eq!(a(r#""a\"b\\c"@a.fr"#).to_string(), r#""a\"b\\c"@a.fr"#);
    assert_eq!(a(r#""a\"b\\c"@a.fr"#).local_content(), r#"a"b\c"#);
    assert_eq!(a(r#""a\b@c"@a.fr"#).local(), r#""ab@c""#);
    assert_eq!(a(r#""a..b"@a.fr"#).local(), r#""a..b""#);
    assert_eq!(a(r#""Ab\ c"@a.fr"#), a(r#""ab c"@A.FR"#));
    for bad in [r#""a@a.fr"#, r#""a\"#, "\"a\r\n\"@a.fr", "\"a\\\u{e9}\"@a.fr"] {
        assert_eq!(err(bad), AddressError::Forbidden, "{bad:?}");
    }
    assert_eq!(err(r#""a"b"@a.fr"#), AddressError::Missing);
    assert_eq!(err(r#""a"x@a.fr"#), AddressError::Missing);
    assert_eq!(err(r#"""@a.fr"#), AddressError::Missing);
}

#[test]
fn what_is_no_address_is_refused() {
    for (bad, why) in [
        ("", AddressError::Missing),
        ("a", AddressError::Missing),
        ("@a.fr", AddressError::Missing),
        ("a@", AddressError::Missing),
        ("a@b@c.fr", AddressError::Forbidden),
        ("a b@c.fr", AddressError::Forbidden),
        (" a@c.fr", AddressError::Forbidden),
        ("<a@c.fr", AddressError::Forbidden),
        (".a@c.fr", AddressError::Forbidden),
        ("a.@c.fr", AddressError::Forbidden),
        ("a..b@c.fr", AddressError::Forbidden),
        ("a\0@c.fr", AddressError::Forbidden),
        ("a\r\nRCPT@c.fr", AddressError::Forbidden),
        ("a\u{200b}b@c.fr", AddressError::Forbidden),
        ("a\u{202e}b@c.fr", AddressError::Forbidden),
        ("a\u{a0}b@c.fr", AddressError::Forbidden),
        ("a\u{37e}b@c.fr", AddressError::Forbidden), // becomes `;` in NFC
        ("a@c.fr>", AddressError::Domain),
        ("a@c.fr\r\n", AddressError::Domain),
        ("a@c.fr ", AddressError::Domain),
        ("a@c..fr", AddressError::Domain),
        ("a@.fr", AddressError::Domain),
        ("a@c.fr.", AddressError::Domain),
        ("a@-c.fr", AddressError::Domain),
        ("a@c_d.fr", AddressError::Domain),
        ("a@192.0.2.1", AddressError::Domain),
        ("a@xn--a.fr", AddressError::Domain),
        ("a@[192.0.2.1]", AddressError::Literal),
        ("a@[IPv6:2001:db8::1]", AddressError::Literal),
        ("@relay.fr:a@c.fr", AddressError::Forbidden),
    ] {
        assert_eq!(err(bad), why, "{bad:?}");
    }
}

#[test]
fn limits_of_rfc_5321_hold() {
    let local = "l".repeat(64);
    assert!(format!("{local}@a.fr").parse::<Address>().is_ok());
    assert_eq!(err(&format!("{local}l@a.fr")), AddressError::TooLong);
    // Octets, not characters; quotes count.
    assert_eq!(err(&format!("{}@a.fr", "é".repeat(33))), AddressError::TooLong);
    assert_eq!(err(&format!("\"{} \"@a.fr", "q".repeat(62))), AddressError::TooLong);
    let domain = |n: usize| {
        let long = format!("{}.{}.{}.", "d".repeat(63), "d".repeat(63), "d".repeat(61));
        format!("{long}{}", "e".repeat(n - long.len()))
    };
    assert_eq!(domain(252).len(), 252);
    assert!(format!("a@{}", domain(252)).parse::<Address>().is_ok());
    assert_eq!(err(&format!("ab@{}", domain(252))), AddressError::TooLong);
    assert_eq!(err(&format!("a@{}.fr", "d".repeat(64))), AddressError::Domain);
    assert_eq!(err(&"a".repeat(1_000_000)), AddressError::TooLong);
    assert_eq!("d.".repeat(1_000_000).parse::<DomainName>(), Err(AddressError::TooLong));
}

#[test]
fn international_addresses_compare_by_normal_form() {
    let composed = a("H\u{e9}l\u{e8}ne@h\u{f4}pital.fr");
    let decomposed = a("he\u{301}le\u{300}ne@ho\u{302}pital.fr");
    assert_eq!(composed, decomposed);
    assert_eq!(hash(&composed), hash(&decomposed));
    assert!(composed.is_international());
    assert_eq!(composed.domain().as_str(), "xn--hpital-ixa.fr");
    assert_eq!(composed.to_unicode(), "H\u{e9}l\u{e8}ne@h\u{f4}pital.fr");
    assert!(!a("helene@h\u{f4}pital.fr").is_international());
    assert_eq!(decomposed.local(), "he\u{301}le\u{300}ne", "the writing is kept");
}

/// What `from_parts` relies on: composing never makes a forbidden character an allowed one.
#[test]
fn normal_form_keeps_what_is_forbidden() {
    for c in (char::MIN..=char::MAX).filter(|&c| !is_quotable(c)) {
        assert!(!std::iter::once(c).nfc().all(is_quotable), "{c:?}");
    }
}

#[test]
fn domains_are_canonical() {
    let d = |s: &str| s.parse::<DomainName>();
    for same in ["H\u{d4}PITAL.fr", "xn--hpital-ixa.FR", "h\u{f4}pital\u{3002}fr", "h\u{f4}pital.fr."] {
        assert_eq!(d(same).map(|d| d.0), Ok("xn--hpital-ixa.fr".to_owned()), "{same}");
    }
    assert_eq!(d("stra\u{df}e.fr").map(|d| d.0), Ok("xn--strae-oqa.fr".to_owned()));
    assert_eq!(d("a").map(|d| d.0), Ok("a".to_owned()));
    assert_eq!(d(""), Err(AddressError::Missing));
    for bad in [".", "a..b", "a b.fr", "a/b.fr", "*.fr", "a\u{ff20}b.fr", "1.2.3.4"] {
        assert_eq!(d(bad), Err(AddressError::Domain), "{bad}");
    }
}

#[test]
fn serialised_as_text_and_checked_when_read() {
    let x = a("Prenom.Nom@a.mssante.fr");
    let json = serde_json::to_string(&x).expect("serialises");
    assert_eq!(json, r#""Prenom.Nom@a.mssante.fr""#);
    assert_eq!(serde_json::from_str::<Address>(&json).expect("reads").local(), "Prenom.Nom");
    assert!(serde_json::from_str::<Address>(r#""a@b@c.fr""#).is_err());
    assert!(serde_json::from_str::<DomainName>(r#""a b""#).is_err());
}

#[test]
fn debug_hides_the_local_part() {
    assert_eq!(format!("{:?}", a("147037433100207@patient.mssante.fr")), "Address(…@patient.mssante.fr)");
}

/// Contents of local parts, ordinary and not.
fn contents() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9._+-]{1,20}", "[ -~]{1,30}", "[a-zA-Zà-ÿÀ-ÞœŒα-ωΑ-Ω. \"\\\\@]{1,15}", "\\PC{1,20}"]
}

fn domains() -> impl Strategy<Value = String> {
    prop_oneof!["([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\\.){1,4}[a-z]{2,6}", "[a-zéèôüñ]{1,12}\\.(mssante\\.)?fr"]
}

proptest! {
    #[test]
    fn what_is_built_is_read_again(content in contents(), domain in domains()) {
        let Ok(domain) = domain.parse::<DomainName>() else { return Ok(()) };
        if let Ok(built) = Address::from_parts(&content, domain) {
            let read: Address = built.to_string().parse().map_err(|e| TestCaseError::fail(format!("{built}: {e}")))?;
            prop_assert_eq!(read.to_string(), built.to_string());
            prop_assert_eq!(&read, &built);
            prop_assert_eq!(hash(&read), hash(&built));
            prop_assert_eq!(read.local_content(), content);
            prop_assert!(built.to_string().len() <= MAX_ADDRESS && built.local().len() <= MAX_LOCAL);
        }
    }

    #[test]
    fn whatever_is_accepted_is_one_safe_line(text in "\\PC{0,80}|[ -~]{0,80}|(?s).{0,60}@(?s).{0,40}") {
        if let Ok(x) = text.parse::<Address>() {
            let shown = x.to_string();
            let unsafe_in_a_line = shown.chars().any(|c| c.is_control() || c == '\u{2028}');
            prop_assert!(!unsafe_in_a_line);
            prop_assert_eq!(&shown.parse::<Address>().map(|y| y.to_string()), &Ok(shown.clone()));
            prop_assert!(x.domain().as_str().is_ascii());
            if !x.local().starts_with('"') {
                prop_assert!(!shown.contains([' ', '<', '>', ',', ';', ':', '"', '(', ')']));
                prop_assert_eq!(shown.matches('@').count(), 1);
            }
        }
    }

    #[test]
    fn case_does_not_distinguish(local in "[a-zA-Zà-ÿ.]{1,20}", domain in domains()) {
        let text = format!("{local}@{domain}");
        if let Ok(x) = text.parse::<Address>() {
            for other in [text.to_uppercase(), text.to_lowercase()] {
                // ß has no upper case of its own: "SS" is another address.
                if !local.contains('ß') {
                    let y: Address = other.parse().map_err(|e| TestCaseError::fail(format!("{other}: {e}")))?;
                    prop_assert_eq!(x.key(), y.key());
                    prop_assert_eq!(&x, &y);
                    prop_assert_eq!(x.cmp(&y), Ordering::Equal);
                }
            }
        }
    }

    #[test]
    fn key_is_the_order_the_equality_and_its_own_key(p in contents(), q in contents(), d in domains()) {
        let Ok(d) = d.parse::<DomainName>() else { return Ok(()) };
        if let (Ok(x), Ok(y)) = (Address::from_parts(&p, d.clone()), Address::from_parts(&q, d)) {
            prop_assert_eq!(x == y, x.key() == y.key());
            prop_assert_eq!(x.cmp(&y), x.key().cmp(&y.key()));
            if let Ok(again) = x.key().parse::<Address>() {
                prop_assert_eq!(again.key(), x.key());
            }
        }
    }

    #[test]
    fn domain_names_are_fixed_points(text in domains()) {
        if let Ok(d) = text.parse::<DomainName>() {
            prop_assert_eq!(&d.as_str().parse::<DomainName>(), &Ok(d.clone()));
            prop_assert_eq!(&d.to_unicode().parse::<DomainName>(), &Ok(d.clone()));
            prop_assert!(d.as_str().len() <= MAX_DOMAIN);
        }
    }
}

#[test]
fn a_domain_stands_in_others() {
    let of = |d: &str| d.parse::<DomainName>().unwrap().enclosing().map(|d| d.to_string()).collect::<Vec<_>>();
    assert_eq!(of("a.mx.chu.fr"), ["mx.chu.fr", "chu.fr"]);
    assert!(of("chu.fr").is_empty());
}
