use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

const RPPS: &str = "810003456786";

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    out.extend(contents);
    out
}
fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}
fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[element(6, oid), element(1, &[0xff]), element(4, value)])
}
fn usage(bits: u8) -> Vec<u8> {
    extension(KEY_USAGE, &element(3, &[5, bits]))
}
/// The frame of a certificate with these extensions.
fn leaf(extensions: &[Vec<u8>]) -> Vec<u8> {
    let empty = sequence(&[]);
    let mut tbs = vec![element(0xa0, &element(2, &[2])), element(2, &[7])];
    tbs.extend(std::iter::repeat_n(empty.clone(), 5));
    if !extensions.is_empty() {
        tbs.push(element(0xa3, &sequence(extensions)));
    }
    sequence(&[sequence(&tbs), empty, element(3, &[0])])
}
fn name(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}
fn judged(usages: &[Vec<u8>], subject: &[(&str, &str)]) -> Result<Said, CardError> {
    read(&leaf(usages), &name(subject), &Profile::known())
}
/// Of a certificate for authentication.
fn card(subject: &[(&str, &str)]) -> Result<Said, CardError> {
    judged(&[usage(0x80)], subject)
}

/// A certificate that OpenSSL made, CN, SN and GN in one RDN, for authentication (`openssl req -x509 -subj '/C=FR/O=Essai/CN=…+SN=PETIT+GN=ZOE'
/// -multivalue-rdn -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=clientAuth`).
const OPENSSL: &str = "MIICEzCCAbmgAwIBAgIUb7mA9RsITApwWD3Gw+xKROmYQIAwCgYIKoZIzj0EAwIwTjELMAkGA1UEBhMCRlIxDjAMBgNVBAoMBUVzc2FpMS8wCgYDVQQqDANaT0UwDAYDVQ\
    QEDAVQRVRJVDATBgNVBAMMDDgxMDAwMzQ1Njc4NjAeFw0yNjExMjMwNDI4MzhaFw0zNjExMjAwNDI4MzhaME4xCzAJBgNVBAYTAkZSMQ4wDAYDVQQKDAVFc3NhaTEvMAoG\
    A1UEKgwDWk9FMAwGA1UEBAwFUEVUSVQwEwYDVQQDDAw4MTAwMDM0NTY3ODYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARQTR+LaVLV+RdMu/zq7MrNHk8BbZ+fRYNeWa\
    0WhCvEbinBxNXl+n+jMay4kctxHElCqCmMR8TB5Wzfla0G4gbto3UwczAdBgNVHQ4EFgQUtlwkiag+0E8gHR/iNEbsPgZx3eQwHwYDVR0jBBgwFoAUtlwkiag+0E8gHR/i\
    NEbsPgZx3eQwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0EAwIDSAAwRQIhALpuy2z0F+7N6NMpwDVv7McuVl\
    dQyua7N5PIOk1kv9RVAiAJbZdNQv/HTVDaeIRYGujygtmHcYi8EPdU14BBLnbVwg==";

#[test]
fn a_whole_certificate_says_what_it_is_for() {
    let good = STANDARD.decode(OPENSSL).unwrap();
    let subject = name(&[("C", "FR"), ("CN", RPPS), ("SURNAME", "PETIT"), ("GIVENNAME", "ZOE")]);
    assert_eq!(read(&good, &subject, &Profile::known()).unwrap().subject, RPPS);
    let at = good.windows(4).position(|w| w == [3, 2, 7, 0x80]).unwrap();
    for (unused, usage) in [(6, 0x40), (6, 0xc0), (5, 0x20)] {
        let mut other = good.clone();
        (other[at + 2], other[at + 3]) = (unused, usage);
        assert_eq!(read(&other, &subject, &Profile::known()).err(), Some(CardError::Signature), "{usage:x}");
    }
    let longer = [&good[..], &[0]].concat();
    assert_eq!(read(&longer, &subject, &Profile::known()).err(), Some(CardError::Malformed));
    for end in [10, 100, 300, good.len() - 1] {
        assert_eq!(read(&good[..end], &subject, &Profile::known()).err(), Some(CardError::Malformed));
    }
}

#[test]
fn a_card_names_its_professional() {
    let whole = [("C", "FR"), ("TITLE", "Médecin"), ("CN", RPPS), ("SURNAME", "PETIT"), ("GIVENNAME", "ZOE")];
    let mut turned = whole;
    turned.reverse();
    for subject in [whole, turned] {
        let s = card(&subject).unwrap();
        assert_eq!((s.national.as_ref().unwrap().to_string().as_str(), s.subject.as_str()), (RPPS, RPPS));
        assert_eq!((s.family.as_deref(), s.given.as_deref()), (Some("PETIT"), Some("ZOE")));
    }
    // Other names of the same types; nothing but a number.
    let s = card(&[("cn", RPPS), ("SN", "PETIT"), ("GN", "ZOE"), ("title", "10")]).unwrap();
    assert_eq!(
        (s.family.as_deref(), s.given.as_deref(), s.profession.as_deref()),
        (Some("PETIT"), Some("ZOE"), Some("10"))
    );
    let s = card(&[("CN", "02A2345671")]).unwrap();
    assert!(s.family.is_none() && s.national.unwrap().to_string() == "02A2345671");
}

#[test]
fn a_signature_certificate_signs_nobody_in() {
    for bits in [0x40, 0xc0, 0xe0, 0x20, 0x00] {
        assert_eq!(judged(&[usage(bits)], &[("CN", RPPS)]).err(), Some(CardError::Signature), "{bits:x}");
    }
    assert_eq!(judged(&[], &[("CN", RPPS)]).err(), Some(CardError::Signature));
    assert_eq!(judged(&[extension(&[0x55, 0x1d, 0x25], &[])], &[("CN", RPPS)]).err(), Some(CardError::Signature));
    for bits in [0x80, 0xa0, 0x88] {
        assert!(judged(&[extension(&[0x55, 0x1d, 0x25], &[]), usage(bits)], &[("CN", RPPS)]).is_ok());
    }
    // Said twice: whoever reads the first and whoever reads the last would not agree.
    assert_eq!(judged(&[usage(0x80), usage(0x40)], &[("CN", RPPS)]).err(), Some(CardError::Malformed));
}

#[test]
fn no_number_a_wrong_one_and_two() {
    let refused = |subject: &[(&str, &str)]| card(subject).err();
    for none in [
        &[][..],
        &[("CN", "PETIT ZOE")],
        &[("OU", RPPS)],
        &[("CN", "")],
        &[("CN", "8")],
        &[("CN", "8 10003456786")],
        &[("CN", "8ABCDEFGHIJK")],
    ] {
        assert_eq!(refused(none), Some(CardError::NoNumber), "{none:?}");
    }
    for wrong in [
        &[("CN", "810003456787")][..],
        &[("CN", "810003456787"), ("CN", RPPS)],
        &[("CN", RPPS), ("CN", "810003456787")],
    ] {
        assert_eq!(refused(wrong), Some(CardError::Key), "{wrong:?}");
    }
    assert_eq!(refused(&[("CN", RPPS), ("CN", "810100000008")]), Some(CardError::Several));
    assert!(card(&[("CN", RPPS), ("CN", RPPS), ("CN", "PETIT")]).is_ok());
    assert_eq!(read(&leaf(&[usage(0x80)]), &name(&[("CN", RPPS)]), &[]).err(), Some(CardError::NoNumber));
    // Two family names are none.
    assert_eq!(card(&[("CN", RPPS), ("SN", "PETIT"), ("SURNAME", "GRAND")]).unwrap().family, None);
}

#[test]
fn a_profile_is_configuration() {
    let profile = Profile { attribute: "serialNumber".into(), prefix: "RPPS-".into(), kind: IdKind::Rpps };
    let subject = name(&[("CN", "PETIT ZOE"), ("SERIALNUMBER", "RPPS-10003456786")]);
    assert_eq!(read(&leaf(&[usage(0x80)]), &subject, &[profile]).unwrap().subject, "RPPS-10003456786");
}

#[test]
fn what_is_no_certificate_is_refused() {
    let good = leaf(&[usage(0x80)]);
    let subject = name(&[("CN", RPPS)]);
    for end in 0..good.len() {
        assert_eq!(read(&good[..end], &subject, &Profile::known()).err(), Some(CardError::Malformed), "{end}");
    }
    let many = vec![extension(&[1], &[]); MAX_EXTENSIONS + 1];
    assert_eq!(read(&leaf(&many), &subject, &Profile::known()).err(), Some(CardError::Malformed));
    assert_eq!(read(&vec![0x30; MAX_LEAF + 1], &subject, &Profile::known()).err(), Some(CardError::Malformed));
}

proptest! {
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..60, value in any::<u8>()) {
        let subject = name(&[("CN", RPPS)]);
        let _ = read(&bytes, &subject, &Profile::known());
        let mut changed = leaf(&[usage(0x80)]);
        let at = at % changed.len();
        changed[at] = value;
        let _ = read(&changed, &subject, &Profile::known());
    }
}
