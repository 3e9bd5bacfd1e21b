//! What attackers would send: each thing spoiled alone, then bits, cuts and noise.
use super::cose::RS256;
use super::tests::*;
use super::*;
use aws_lc_rs::signature::KeyPair;
use proptest::prelude::*;
use std::sync::LazyLock;

/// One thing spoiled at a time, in both ceremonies.
#[test]
fn refused_what_was_made_elsewhere() {
    type Spoil = fn(&mut Ceremonial);
    let cases: [(&str, WebauthnError, Spoil); 17] = [
        ("another challenge", WebauthnError::Challenge, |c| c.challenge = vec![0; 32]),
        ("a shorter challenge", WebauthnError::Challenge, |c| c.challenge.truncate(31)),
        ("another origin", WebauthnError::Origin, |c| c.origin = "https://mail.exemple.fr.evil.example"),
        ("a subdomain", WebauthnError::Origin, |c| c.origin = "https://a.mail.exemple.fr"),
        ("the domain above", WebauthnError::Origin, |c| c.origin = "https://exemple.fr"),
        ("another port", WebauthnError::Origin, |c| c.origin = "https://mail.exemple.fr:8443"),
        ("in clear", WebauthnError::Origin, |c| c.origin = "http://mail.exemple.fr"),
        ("other letters", WebauthnError::Origin, |c| c.origin = "https://MAIL.exemple.fr"),
        ("a frame", WebauthnError::CrossOrigin, |c| c.more = r#","crossOrigin":true"#),
        ("a page above", WebauthnError::CrossOrigin, |c| c.more = r#","topOrigin":"https://mail.exemple.fr""#),
        ("an origin twice", WebauthnError::Malformed, |c| c.more = r#","origin":"https://mail.exemple.fr""#),
        ("a type twice", WebauthnError::Malformed, |c| c.more = r#","type":"webauthn.get""#),
        ("another party", WebauthnError::Party, |c| c.party = "exemple.fr"),
        ("nobody there", WebauthnError::NotPresent, |c| c.flags &= !0x01),
        ("nobody verified", WebauthnError::NotVerified, |c| c.flags &= !0x04),
        ("backed up, not eligible", WebauthnError::Backup, |c| c.flags |= 0x10),
        ("flagged extensions absent", WebauthnError::Malformed, |c| c.flags |= 0x80),
    ];
    for (what, why, spoil) in cases {
        let mut new = Ceremonial::create();
        spoil(&mut new);
        assert_eq!(new.register(), Err(why), "registration: {what}");
        let mut back = Ceremonial::get();
        spoil(&mut back);
        assert_eq!(back.assert(), Err(why), "assertion: {what}");
    }
    // Harmless: members of later versions, an extension nobody asked for, a byte order mark is no JSON but is stripped.
    for more in [r#","crossOrigin":false"#, r#","hashAlgorithm":"SHA-256","new":{"a":[1]}"#] {
        let mut back = Ceremonial::get();
        back.more = more;
        assert!(back.assert().is_ok(), "{more}");
    }
    let mut new = Ceremonial::create();
    (new.flags, new.extensions) = (new.flags | 0x80, object(&[(text("credProtect"), int(3))]));
    assert!(new.register().is_ok());
    let twice = object(&[(text("a"), int(1)), (text("a"), int(1))]);
    let behind = [object(&[]), vec![0]].concat();
    for bad in [object(&[(int(1), int(3))]), int(1), twice, behind, Vec::new()] {
        new.extensions = bad;
        assert_eq!(new.register(), Err(WebauthnError::Malformed));
    }
    // Octets that no flag announces, signed or not.
    let (mut new, mut back) = (Ceremonial::create(), Ceremonial::get());
    (new.extensions, back.extensions) = (object(&[]), vec![0]);
    assert_eq!((new.register(), back.assert()), (Err(WebauthnError::Malformed), Err(WebauthnError::Malformed)));
}

#[test]
fn refused_one_ceremony_for_the_other() {
    let mut new = Ceremonial::create();
    new.kind = "webauthn.get";
    assert_eq!(new.register(), Err(WebauthnError::Type));
    let mut back = Ceremonial::get();
    back.kind = "webauthn.create";
    assert_eq!(back.assert(), Err(WebauthnError::Type));
    // Credential data in an assertion.
    let mut back = Ceremonial::get();
    (back.flags, back.cose) = (back.flags | 0x40, back.pair.cose());
    assert_eq!(back.assert(), Err(WebauthnError::Malformed));
    // None in a registration.
    let mut new = Ceremonial::create();
    new.flags &= !0x40;
    assert_eq!(new.register(), Err(WebauthnError::Malformed));
    // Each answer at the other door.
    assert_eq!(register(&ours(), &CHALLENGE, &Ceremonial::get().got()), Err(WebauthnError::Malformed));
    let back = Ceremonial::get();
    assert_eq!(
        assert(&ours(), &discoverable(), &back.known(), &Ceremonial::create().created()),
        Err(WebauthnError::Malformed)
    );
}

#[test]
fn refused_other_persons_credential() {
    let back = Ceremonial::get();
    let (party, known, answer) = (ours(), back.known(), back.got());
    let as_expected = |e: &Expected<'_>, known: &Registered| assert(&party, e, known, &answer).map(|_| ());
    let other = Err(WebauthnError::Credential);
    assert_eq!(as_expected(&discoverable(), &known), Ok(()));
    assert_eq!(as_expected(&Expected { handle: &[1; 32], ..discoverable() }, &known), other);
    assert_eq!(as_expected(&Expected { handle: &[], ..discoverable() }, &known), other);
    assert_eq!(as_expected(&Expected { allow: &[vec![2; 32]], ..discoverable() }, &known), other);
    assert_eq!(as_expected(&Expected { allow: &[vec![2; 32], ID.to_vec()], ..discoverable() }, &known), Ok(()));
    assert_eq!(as_expected(&discoverable(), &Registered { credential: vec![2; 32], ..known.clone() }), other);
    // Even when the account was known before, a handle that is there must be its own; without one, the account must have been known.
    assert_eq!(as_expected(&Expected { handle: &[1; 32], identified: true, ..discoverable() }, &known), other);
    let mut silent = Ceremonial::get_by(back.pair);
    silent.handle = None;
    assert_eq!(silent.assert(), other.map(|()| unreachable!()));
    let identified = Expected { identified: true, ..discoverable() };
    assert!(assert(&party, &identified, &known, &silent.got()).is_ok());
    // Somebody else's key behind the right id.
    let foreign = Registered { key: Pair::p256().cose(), ..known };
    assert_eq!(assert(&party, &identified, &foreign, &silent.got()), Err(WebauthnError::Signature));
}

#[test]
fn refused_a_counter_that_goes_back() {
    for (kept, given, good) in [(0, 0, true), (0, 1, true), (1, 2, true), (1, 1, false), (2, 1, false), (1, 0, false)] {
        let mut back = Ceremonial::get();
        back.count = given;
        let known = Registered { count: kept, ..back.known() };
        let answer = assert(&ours(), &discoverable(), &known, &back.got());
        assert_eq!(answer.map(|a| a.count), if good { Ok(given) } else { Err(WebauthnError::Count) }, "{kept} {given}");
        // A forged answer raises no alarm about counters.
        if !good {
            let forged = Registered { key: Pair::p256().cose(), ..known };
            let answer = assert(&ours(), &discoverable(), &forged, &back.got());
            assert_eq!(answer, Err(WebauthnError::Signature));
        }
    }
}

#[test]
fn refused_a_change_of_backup_eligibility() {
    let mut back = Ceremonial::get();
    back.flags |= 0x08;
    assert_eq!(back.assert(), Err(WebauthnError::Backup));
    let known = Registered { backup: Backup { eligible: true, state: true }, ..back.known() };
    assert!(assert(&ours(), &discoverable(), &known, &back.got()).is_ok());
    back.flags &= !0x08;
    assert_eq!(assert(&ours(), &discoverable(), &known, &back.got()), Err(WebauthnError::Backup));
    // The operator's policy, at registration.
    let mut new = Ceremonial::create();
    new.flags |= 0x08;
    let strict = Party { synced: false, ..ours() };
    assert_eq!(register(&strict, &CHALLENGE, &new.created()), Err(WebauthnError::Synced));
    assert!(register(&strict, &CHALLENGE, &Ceremonial::create().created()).is_ok());
}

#[test]
fn attestation_is_none_or_by_the_key_itself() {
    let with = |format: &str, statement: Vec<u8>| {
        let mut new = Ceremonial::create();
        new.statement = Some((text(format), statement));
        new
    };
    let sig = |new: &Ceremonial| string(&new.signed());
    let mut new = Ceremonial::create();
    new.statement = Some((text("packed"), object(&[(text("alg"), int(-7)), (text("sig"), sig(&new))])));
    assert_eq!(new.register().map(|r| r.fmt), Ok("packed".into()));
    let refused = Err(WebauthnError::Attestation);
    // Another algorithm than the key's, another key's signature, more members, a certificate.
    new.statement = Some((text("packed"), object(&[(text("alg"), int(-257)), (text("sig"), sig(&new))])));
    assert_eq!(new.register(), refused);
    let foreign = sig(&Ceremonial::create());
    new.statement = Some((text("packed"), object(&[(text("alg"), int(-7)), (text("sig"), foreign)])));
    assert_eq!(new.register(), refused);
    let x5c = (text("x5c"), [head(4, 1), string(b"certificate")].concat());
    new.statement = Some((text("packed"), object(&[(text("alg"), int(-7)), (text("sig"), sig(&new)), x5c.clone()])));
    assert_eq!(new.register(), refused);
    new.statement = Some((text("packed"), object(&[(text("sig"), sig(&new)), x5c])));
    assert_eq!(new.register(), refused);
    for format in ["", "None", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple", "compound", "packed"] {
        assert_eq!(with(format, object(&[])).register(), refused, "{format}");
    }
    assert_eq!(with("none", object(&[(text("a"), int(1))])).register(), refused);
    // No statement map, members twice, missing or unknown, octets after the end.
    assert_eq!(with("none", int(0)).register(), Err(WebauthnError::Malformed));
    let plain = Ceremonial::create();
    let (format, statement) = ((text("fmt"), text("none")), (text("attStmt"), object(&[])));
    let data = (text("authData"), string(&plain.data()));
    let good = object(&[format.clone(), statement.clone(), data.clone()]);
    assert!(register(&ours(), &CHALLENGE, &plain.created_of(&good)).is_ok());
    for bad in [
        object(&[format.clone(), statement.clone()]),
        object(&[format.clone(), statement.clone(), data.clone(), data.clone()]),
        object(&[format, statement, data, (text("ver"), int(1))]),
        [good, vec![0]].concat(),
        Vec::new(),
        int(0),
    ] {
        let answer = register(&ours(), &CHALLENGE, &plain.created_of(&bad));
        assert_eq!(answer, Err(WebauthnError::Malformed), "{}", hex::encode(&bad));
    }
}

#[test]
fn keys_that_are_none_are_refused() {
    let point = |crv: i64, x: &[u8], y: Vec<u8>| {
        object(&[(int(1), int(2)), (int(3), int(-7)), (int(-1), int(crv)), (int(-2), string(x)), (int(-3), y)])
    };
    let pair = Pair::p256();
    let Pair::P256(key) = &pair else { unreachable!() };
    let both = key.public_key().as_ref().to_vec();
    let (x, y) = (&both[1..33], &both[33..]);
    assert!(Key::whole(&point(1, x, string(y))).is_ok());
    let mut beside = y.to_vec();
    beside[31] ^= 1;
    let okp = |kty: i64, crv: i64, x: &[u8]| {
        object(&[(int(1), int(kty)), (int(3), int(-8)), (int(-1), int(crv)), (int(-2), string(x))])
    };
    let rsa = |n: &[u8], e: &[u8]| {
        object(&[(int(1), int(3)), (int(3), int(-257)), (int(-1), string(n)), (int(-2), string(e))])
    };
    assert!(Key::whole(&rsa(&[0xff; 256], &[1, 0, 1])).is_ok());
    for (what, cose) in [
        ("beside the curve", point(1, x, string(&beside))),
        ("the point zero", point(1, &[0; 32], string(&[0; 32]))),
        ("another curve", point(2, x, string(y))),
        ("compressed", point(1, x, vec![0xf5])),
        ("a short coordinate", point(1, &x[..31], string(y))),
        ("a long coordinate", point(1, x, string(&[y, &[0]].concat()))),
        ("Ed448", okp(1, 7, &[1; 57])),
        ("X25519", okp(1, 4, &[9; 32])),
        ("Ed25519 as EC2", okp(2, 6, &[9; 32])),
        ("a short Ed25519", okp(1, 6, &[9; 31])),
        ("RSA of 1024 bits", rsa(&[0xff; 128], &[1, 0, 1])),
        ("RSA of 2047 bits", rsa(&[&[0x7f][..], &[0xff; 255]].concat(), &[1, 0, 1])),
        ("RSA of 8200 bits", rsa(&[0xff; 1025], &[1, 0, 1])),
        ("leading zero", rsa(&[&[0][..], &[0xff; 256]].concat(), &[1, 0, 1])),
        ("even", rsa(&[0xfe; 256], &[1, 0, 1])),
        ("exponent 1", rsa(&[0xff; 256], &[1])),
        ("exponent 3", rsa(&[0xff; 256], &[3])),
        ("no exponent", rsa(&[0xff; 256], &[])),
        ("no modulus", rsa(&[], &[1, 0, 1])),
        (
            "a private part",
            object(&[
                (int(1), int(1)),
                (int(3), int(-8)),
                (int(-1), int(6)),
                (int(-2), string(&[9; 32])),
                (int(-4), string(&[9; 32])),
            ]),
        ),
        ("no algorithm", object(&[(int(1), int(2))])),
        ("an algorithm in words", object(&[(int(3), text("ES256"))])),
        ("octets after it", [point(1, x, string(y)), vec![0]].concat()),
    ] {
        assert_eq!(Key::whole(&cose), Err(WebauthnError::Key), "{what}");
    }
    for alg in [-35, -36, -37, -47, -65535, -9, -19, 0, 5, i64::MAX, i64::MIN + 1] {
        let digits = if alg == i64::MIN + 1 {
            octets("3b7ffffffffffffffe")
        } else if alg == i64::MAX {
            octets("1b7fffffffffffffff")
        } else {
            int(alg)
        };
        let cose = object(&[(int(1), int(2)), (int(3), digits)]);
        assert_eq!(Key::whole(&cose), Err(WebauthnError::Algorithm), "{alg}");
    }
    assert_eq!(Key::whole(&int(1)), Err(WebauthnError::Malformed));
    // The algorithm kept beside the key is its own, or nothing is verified.
    let back = Ceremonial::get();
    let known = Registered { alg: RS256, ..back.known() };
    assert_eq!(assert(&ours(), &discoverable(), &known, &back.got()), Err(WebauthnError::Key));
}

/// With the neutral point as key, one signature is good for every message: such keys, and those of the same family, are not taken.
#[test]
fn refused_keys_that_verify_everything() {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    let mut neutral = [0u8; 32];
    neutral[0] = 1;
    let forged = [neutral, [0; 32]].concat();
    assert!(UnparsedPublicKey::new(&ED25519, neutral).verify(b"anything", &forged).is_ok(), "no reason for this test");
    for digits in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        let cose =
            object(&[(int(1), int(1)), (int(3), int(-8)), (int(-1), int(6)), (int(-2), string(&octets(digits)))]);
        assert_eq!(Key::whole(&cose), Err(WebauthnError::Key), "{digits}");
    }
}

#[test]
fn ids_have_their_lengths() {
    for (length, good) in [(15, false), (16, true), (1023, true), (1024, false), (0, false)] {
        let mut new = Ceremonial::create();
        new.id = vec![7; length];
        let why = if good { Ok(length) } else { Err(WebauthnError::Malformed) };
        assert_eq!(new.register().map(|r| r.credential.len()), why, "{length}");
    }
    // The page's id and the authenticator's are one.
    let new = Ceremonial::create();
    let id = b64(&[9; 32]);
    let mut other: Value = serde_json::from_slice(&new.created()).expect("JSON");
    (other["id"], other["rawId"]) = (json!(id), json!(id));
    assert_eq!(register(&ours(), &CHALLENGE, other.to_string().as_bytes()), Err(WebauthnError::Credential));
}

#[test]
fn json_is_read_in_one_way() {
    let back = Ceremonial::get();
    let good = String::from_utf8(back.got()).expect("JSON");
    let judged = |text: &str| assert(&ours(), &discoverable(), &back.known(), text.as_bytes()).map(|_| ());
    assert_eq!(judged(&good), Ok(()));
    let id = b64(&ID);
    for bad in [
        good.replacen("{", &format!("{{\"rawId\":\"{id}\","), 1),
        good.replacen("\"signature\":", "\"signature\":\"\",\"signature\":", 1),
        good.replace(&format!("\"id\":\"{id}\""), "\"id\":\"x\""),
        good.replace("public-key", "password"),
        good.replace(&id, &format!("{id}=")),
        good.replace(&id, &id.replace('w', "+")),
        good.replace(&b64(&HANDLE), &b64(&[0x55; 65])),
        format!("{good} x"),
        good.replacen("{", &format!("{{\"x\":\"{}\",", "y".repeat(MAX_ANSWER)), 1),
        String::new(),
        "[]".into(),
        "{".repeat(2000),
    ] {
        assert_eq!(judged(&bad), Err(WebauthnError::Malformed), "{bad}");
    }
    // An empty handle is none; a BOM before client data is stripped (§7.2 step 8), what is signed stays with it.
    assert_eq!(judged(&good.replace(&b64(&HANDLE), "")), Err(WebauthnError::Credential));
    assert_eq!(client::check(b"\xef\xbb\xbf{}", Ceremony::Get, &CHALLENGE, &ours()), Err(WebauthnError::Malformed));
    let marked = [b"\xef\xbb\xbf".to_vec(), back.client()].concat();
    assert_eq!(client::check(&marked, Ceremony::Get, &CHALLENGE, &ours()), Ok(()));
    let latin = [&back.client()[..back.client().len() - 1], b",\"a\":\"\xe9\"}"].concat();
    assert_eq!(client::check(&latin, Ceremony::Get, &CHALLENGE, &ours()), Err(WebauthnError::Malformed));
}

#[test]
fn codes_are_unique() {
    use WebauthnError as E;
    let all = [
        E::Malformed,
        E::Type,
        E::Challenge,
        E::Origin,
        E::CrossOrigin,
        E::Party,
        E::NotPresent,
        E::NotVerified,
        E::Algorithm,
        E::Key,
        E::Signature,
        E::Count,
        E::Backup,
        E::Synced,
        E::Attestation,
        E::Credential,
    ];
    let codes: std::collections::BTreeSet<&str> = all.iter().map(E::code).collect();
    assert_eq!(codes.len(), all.len());
}

/// A good assertion and the credential that is kept of it; properties turn bits of it.
struct Good {
    known: Registered,
    client: Vec<u8>,
    data: Vec<u8>,
    signature: Vec<u8>,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let back = Ceremonial::get();
    Good { known: back.known(), client: back.client(), data: back.data(), signature: back.signed() }
});

fn got_of(client: &[u8], data: &[u8], signature: &[u8]) -> Result<Asserted, WebauthnError> {
    let response = json!({
        "clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(&HANDLE),
    });
    assert(&ours(), &discoverable(), &GOOD.known, &answer(&b64(&ID), &response))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever bit is turned in what was signed, the answer is refused.
    #[test]
    fn no_bit_may_be_turned(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let Good { client, data, signature, .. } = &*GOOD;
        prop_assert!(got_of(client, data, signature).is_ok());
        let mut parts = [client.clone(), data.clone(), signature.clone()];
        let mut at = place.index(parts.iter().map(Vec::len).sum());
        for part in &mut parts {
            if at < part.len() {
                part[at] ^= 1 << bit;
                break;
            }
            at -= part.len();
        }
        prop_assert!(got_of(&parts[0], &parts[1], &parts[2]).is_err());
    }

    /// Whatever is cut off or put in the middle of a registration: an answer, no panic.
    #[test]
    fn hostile_objects_are_refused(cut in any::<prop::sample::Index>(), noise in prop::collection::vec(any::<u8>(), 0..40), keep in any::<bool>()) {
        let new = Ceremonial::create();
        let whole = object(&[(text("fmt"), text("none")), (text("attStmt"), object(&[])), (text("authData"), string(&new.data()))]);
        let at = cut.index(whole.len());
        let rest = if keep { whole.get(at + noise.len()..).unwrap_or_default() } else { &[] };
        let spoiled = [&whole[..at], &noise, rest].concat();
        let answer = register(&ours(), &CHALLENGE, &new.created_of(&spoiled));
        if let Ok(registered) = answer {
            prop_assert!(Key::whole(&registered.key).is_ok());
        }
    }

    #[test]
    fn hostile_answers_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,300}") {
        for answer in [bytes.as_slice(), text.as_bytes()] {
            prop_assert!(peek(answer).is_err());
            prop_assert!(register(&ours(), &CHALLENGE, answer).is_err());
            prop_assert!(assert(&ours(), &discoverable(), &GOOD.known, answer).is_err());
        }
        let _ = AuthenticatorData::read(&bytes);
    }
}
