//! The oddities of real lists, and the laws of matching.
use super::Dn;
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|| panic!("no name in {text:?}"))
}

const PLAIN: &str = "CN=mss.exemple.fr,OU=1870000015,O=C H U DE LIMOGES,ST=Haute-Vienne (87),C=FR";

#[test]
fn texts_that_are_one_name() {
    let same: &[(&str, &[&str])] = &[
        (
            PLAIN,
            &[
                r#"CN=mss.exemple.fr,OU=1870000015,O="C H U  DE  LIMOGES",ST=Haute-Vienne (87),C=FR"#,
                "CN=mss.exemple.fr, OU=1870000015, O=C H U DE LIMOGES, ST=Haute-Vienne (87), C=FR",
                "cn=MSS.EXEMPLE.FR,ou=1870000015,o=c h u de limoges,st=haute-vienne (87),c=fr",
                "CN=mss.exemple.fr,OU=1870000015,O=C\u{a0}H\u{a0}U\u{202f}DE LIMOGES,ST=Haute-Vienne\u{a0}(87),C=FR",
                "C=FR,ST=Haute-Vienne (87),O=C H U DE LIMOGES,OU=1870000015,CN=mss.exemple.fr",
                "  CN = mss.exemple.fr ,OU= 1870000015,O =C H U DE LIMOGES ,S=Haute-Vienne (87), C=FR\n",
                "2.5.4.3=mss.exemple.fr,OID.2.5.4.11=1870000015,2.5.4.10=C H U DE LIMOGES,2.5.4.8=Haute-Vienne (87),C=FR",
                r"CN=mss.exemple.fr,OU=1870000015,O=\43 H U DE LIMOGES,ST=Haute-Vienne \2887\29,C=FR",
                "CN=#0c0e6d73732e6578656d706c652e6672,OU=1870000015,O=C H U DE LIMOGES,ST=Haute-Vienne (87),C=FR",
                "CN=mss.exemple.fr;OU=1870000015;O=C H U DE LIMOGES;ST=Haute-Vienne (87);C=FR",
            ],
        ),
        (
            r#"CN=a.fr,O=CRLCC "PAUL STRAUSS",C=FR"#,
            &[
                r#"CN=a.fr,O="CRLCC "PAUL STRAUSS"",C=FR"#,
                r#"CN=a.fr,O="CRLCC \"PAUL STRAUSS\"",C=FR"#,
                r#"CN=a.fr,O=CRLCC \"PAUL STRAUSS\",C=FR"#,
                r#"CN=a.fr, O=CRLCC  "Paul Strauss" , C=FR"#,
            ],
        ),
        (
            "CN=a.fr,O=LABORATOIRE MARTIN, DURAND (ET FILS),C=FR",
            &[
                r"CN=a.fr,O=LABORATOIRE MARTIN\, DURAND (ET FILS),C=FR",
                r#"CN=a.fr,O="LABORATOIRE MARTIN, DURAND (ET FILS)",C=FR"#,
            ],
        ),
        (r#"CN=a.fr,O="X, OU=Y",C=FR"#, &[r"CN=a.fr,O=X\, OU=Y,C=FR", r"C=FR,O=X\2c OU=Y,CN=a.fr"]),
        (
            "CN=a.fr,O=Hôpital Élysée,C=FR",
            &[
                "CN=a.fr,O=HÔPITAL ÉLYSÉE,C=FR",
                "CN=a.fr,O=Ho\u{302}pital E\u{301}lyse\u{301}e,C=FR",
                r"CN=a.fr,O=H\C3\B4pital \C3\89lys\C3\A9e,C=FR",
            ],
        ),
        ("CN=a.fr+UID=7,C=FR", &["UID=7+CN=A.FR,C=FR", "C=FR,CN=a.fr + UID=7"]),
        ("E=a@b.fr,CN=x", &["emailAddress=A@B.fr,CN=x", "1.2.840.113549.1.9.1=a@b.fr,CN=x"]),
        ("CN=a+b,C=FR", &[r"CN=a\+b,C=FR"]),
        ("1.2.250.1.71.1=x,CN=a", &["CN=a, OID.1.2.250.1.71.1 = X"]),
        ("CN=a", &[r"CN=a\ ", r"CN=\ a\20 ", "CN=a\u{a0}", "\u{feff}CN=a\u{200b}"]),
        (r"CN=a\\", &[r"CN=a\\ ", r"CN=a\5c"]),
        ("CN=Straße", &["CN=STRASSE", "CN=straẞe"]),
    ];
    for (reference, others) in same {
        for other in *others {
            assert_eq!(dn(reference).key(), dn(other).key(), "{reference} and {other}");
        }
    }
}

#[test]
fn texts_that_are_different_names() {
    for (a, b) in [
        (PLAIN, "CN=mss.exemple.fr,OU=1870000015,O=C H U DE LIMOGES,L=Haute-Vienne (87),C=FR"),
        (PLAIN, "CN=mss.exemple.fr,O=C H U DE LIMOGES,OU=1870000015,ST=Haute-Vienne (87),C=FR"),
        (PLAIN, "CN=mss.exemple.fr,OU=1870000015,O=CHU DE LIMOGES,ST=Haute-Vienne (87),C=FR"),
        (PLAIN, "CN=mss.exemple.fr,OU=1870000015,O=C H U DE LIMOGES,ST=Haute-Vienne (87)"),
        (PLAIN, "CN=mss.exemple.fr,OU=1870000015,OU=x,O=C H U DE LIMOGES,ST=Haute-Vienne (87),C=FR"),
        ("CN=a.fr+UID=7,C=FR", "CN=a.fr,UID=7,C=FR"),
        ("CN=a,O=b", "CN=b,O=a"),
        ("CN=Hôpital", "CN=Hopital"),
        (r#"O=CRLCC "PAUL STRAUSS""#, "O=CRLCC PAUL STRAUSS"),
        ("SERIALNUMBER=1,CN=x", "SN=1,CN=x"),
        (r"CN=a\+UID=7,C=FR", "CN=a+UID=7,C=FR"),
    ] {
        assert_ne!(dn(a), dn(b), "{a} and {b}");
    }
}

#[test]
fn a_number_sign_behind_white_space_is_text() {
    let read = Dn::from_der(&name_der(&[vec![(3, 12, "\u{a0}#aa".as_bytes().to_vec())]])).unwrap();
    assert_eq!((dn(read.as_str()), read.common_name()), (read.clone(), Some("#aa".to_owned())));
}

#[test]
fn odd_texts_are_read_and_empty_ones_are_not() {
    for odd in [
        "no equals sign",
        "=",
        "CN=",
        "CN",
        ",,,",
        "CN=a,",
        r"CN=a\",
        r#"CN=""#,
        r#"O="FOO" BAR,C=FR"#,
        "FOO=bar,CN=x",
        r"CN=\ff\fe",
        "CN=#zz",
        "CN=#",
        "#0c0141",
        "CN=é\u{301}\u{0}\u{7f}",
        "+",
        "CN=a++O=b",
    ] {
        let read = dn(odd);
        assert_eq!(read, dn(&read.to_string()), "{odd}");
    }
    assert_eq!(dn(r#"O="FOO" BAR,ST="X",C=FR"#), dn(r#"O=\"FOO\" BAR,ST=X,C=FR"#));
    for empty in ["", "  \u{a0}\n"] {
        assert!(Dn::parse(empty).is_none());
    }
    assert!(Dn::parse(&"x".repeat(super::MAX_LENGTH + 1)).is_none());
    assert!(Dn::parse(&"CN=x,".repeat(super::MAX_RDNS + 1)).is_none());
}

#[test]
fn common_name_is_unescaped() {
    assert_eq!(dn(r#"C=FR,CN="alb.exemple.fr""#).common_name().as_deref(), Some("alb.exemple.fr"));
    assert_eq!(dn("O=x,C=FR").common_name(), None);
    assert!(Dn::same_value("AC  IGC-SANTE", "ac igc-sante"));
}

fn subject(attributes: &[(DnType, DnValue)]) -> Dn {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate.der()).unwrap();
    Dn::from_der(parsed.subject().as_raw()).unwrap()
}

#[test]
fn string_types_of_certificates_do_not_distinguish() {
    let listed = dn("CN=mss.exemple.fr,OU=1870000015,O=C H U DE LIMOGES,ST=Haute-Vienne (87),C=FR");
    let utf8 = |s: &str| DnValue::Utf8String(s.to_owned());
    let printable = |s: &str| DnValue::PrintableString(s.try_into().unwrap());
    let with_o = |o: DnValue| {
        subject(&[
            (DnType::CountryName, printable("FR")),
            (DnType::StateOrProvinceName, utf8("Haute-Vienne (87)")),
            (DnType::OrganizationName, o),
            (DnType::OrganizationalUnitName, printable("1870000015")),
            (DnType::CommonName, utf8("mss.exemple.fr")),
        ])
    };
    for o in [
        utf8("C H U DE LIMOGES"),
        utf8("C H U  DE  LIMOGES"),
        printable("C H U DE LIMOGES"),
        DnValue::BmpString("C H U DE LIMOGES".try_into().unwrap()),
        DnValue::TeletexString("C H U DE LIMOGES".try_into().unwrap()),
        DnValue::UniversalString("C H U DE LIMOGES".try_into().unwrap()),
    ] {
        let read = with_o(o);
        assert_eq!(read, listed);
        assert_eq!(dn(read.as_str()), listed);
    }
    let written = with_o(utf8(r#" CLINIQUE "A, B" <C>; D+E\ "#));
    assert!(written.as_str().starts_with("CN=mss.exemple.fr,OU=1870000015,O=\\ CLINIQUE"), "{written}");
    assert_eq!(dn(written.as_str()), written);
}

#[test]
fn broken_der_is_no_name() {
    for broken in [&[][..], &[0x30], &[0x30, 0], &[0x30, 3, 1, 1, 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
        assert!(Dn::from_der(broken).is_none());
    }
}

/// DER of a Name: each RDN a list of (last arc of a type under 2.5.4, tag, contents).
fn name_der(rdns: &[Vec<(u8, u8, Vec<u8>)>]) -> Vec<u8> {
    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match contents.len() {
            n @ 0..=0x7f => out.push(n as u8),
            n => out.extend([0x82, (n >> 8) as u8, n as u8]),
        }
        out.extend_from_slice(contents);
        out
    }
    let sets = rdns.iter().map(|rdn| {
        let attributes =
            rdn.iter().map(|(arc, tag, value)| tlv(0x30, &[tlv(6, &[0x55, 4, *arc]), tlv(*tag, value)].concat()));
        tlv(0x31, &attributes.collect::<Vec<_>>().concat())
    });
    tlv(0x30, &sets.collect::<Vec<_>>().concat())
}

/// Values without edge spaces, as certificates hold them.
fn value() -> impl Strategy<Value = String> {
    "[A-Za-z0-9éÉàœß ,;+\"\\\\<>=#()&'./*\u{a0}-]{0,24}"
}

fn escape(value: &str) -> String {
    value.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { escape_char(c) }).collect()
}

fn escape_char(c: char) -> Vec<char> {
    let mut buffer = [0; 4];
    c.encode_utf8(&mut buffer).bytes().flat_map(|b| format!("\\{b:02X}").chars().collect::<Vec<_>>()).collect()
}

const KINDS: [&str; 6] = ["CN", "OU", "O", "L", "ST", "C"];

proptest! {
    #[test]
    fn never_panics_and_reads_itself_again(text in ".{0,200}") {
        if let Some(read) = Dn::parse(&text) {
            prop_assert_eq!(&read, &Dn::parse(read.as_str()).unwrap());
        }
    }

    #[test]
    fn separators_everywhere_never_panic(text in "[CNO=,;+\"\\\\# aé0-9.]{0,80}") {
        let _ = Dn::parse(&text);
    }

    #[test]
    fn der_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Dn::from_der(&bytes);
    }

    #[test]
    fn reverse_case_spaces_and_escapes_do_not_distinguish(values in proptest::collection::vec((0usize..6, value()), 1..6)) {
        let escaped: Vec<String> = values.iter().map(|(k, v)| format!("{}={}", KINDS[*k], escape(v))).collect();
        let forward = dn(&escaped.join(","));
        let mut reversed = escaped.clone();
        reversed.reverse();
        prop_assert_eq!(&forward, &dn(&reversed.join(", ")));
        let shouted: Vec<String> =
            values.iter().map(|(k, v)| format!(" {} = {} ", KINDS[*k].to_lowercase(), escape(&v.to_uppercase().replace(' ', " \u{a0} ")))).collect();
        prop_assert_eq!(&forward, &dn(&shouted.join(",")));
    }

    #[test]
    fn what_a_certificate_says_is_written_and_read_again(
        rdns in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    (3u8..12, Just(12u8), "[ -~éß\u{0}-\u{1f}\u{a0}]{0,20}".prop_map(String::into_bytes)),
                    (3u8..12, Just(12u8), "[ \\\\\"#a\u{a0},=+]{0,5}".prop_map(String::into_bytes)),
                    (3u8..100, Just(12u8), ".{0,20}".prop_map(String::into_bytes)),
                    (3u8..12, Just(4u8), proptest::collection::vec(any::<u8>(), 0..6)),
                ],
                1..3,
            ),
            1..5,
        )
    ) {
        let read = Dn::from_der(&name_der(&rdns)).unwrap();
        prop_assert_eq!(&dn(read.as_str()), &read, "{}", read.as_str());
    }

    #[test]
    fn types_and_values_distinguish(values in proptest::collection::vec((0usize..6, "[a-z]{1,8}"), 1..6), at in 0usize..6, kind in 0usize..6) {
        let at = at % values.len();
        let text = |v: &[(usize, String)]| v.iter().map(|(k, v)| format!("{}={v}", KINDS[*k])).collect::<Vec<_>>().join(",");
        let mut other = values.clone();
        other[at].0 = kind;
        other[at].1.push('z');
        let mut back = other.clone();
        back.reverse();
        prop_assume!(back != values);
        prop_assert_ne!(dn(&text(&values)), dn(&text(&other)));
    }

    #[test]
    fn preparation_is_idempotent(text in "\\PC{0,60}") {
        let once = super::prepare::prepare(&text);
        prop_assert_eq!(&super::prepare::prepare(&once), &once);
    }
}
