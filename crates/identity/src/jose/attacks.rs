//! Attacks on tokens, by the section of RFC 8725 that names them. Those that bear on what claims mean (§3.8, §3.9, §3.11, §3.12) stand with OpenID
//! Connect.
use super::*;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use serde_json::{Value, json};

/// A fresh RSA key.
pub(crate) fn rsa(kid: &str) -> Signer {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'static> = key.as_der().unwrap();
    Signer::rs256(der.as_ref(), kid).unwrap()
}
/// A fresh key on P-256.
pub(crate) fn ec(kid: &str) -> Signer {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    Signer::es256(der.as_ref(), kid).unwrap()
}
/// What an issuer with these keys publishes.
pub(crate) fn published(of: &[&Signer]) -> Keys {
    let keys: Vec<Value> = of.iter().map(|s| s.public()).collect();
    Keys::read(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
/// A token with any header, payload and signature.
fn written(header: &Value, claims: &Value, signature: &[u8]) -> String {
    format!("{}.{}.{}", encoded(header), encoded(claims), URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn rfc8725_3_1_the_algorithm_is_the_keys_and_the_callers() {
    let (rs, es) = (rsa("rs"), ec("es"));
    let keys = published(&[&rs, &es]);
    let good = rs.sign("JWT", &json!({})).unwrap();
    assert!(verify(&good, &keys, &[Alg::Rs256]).is_ok());
    // Not allowed, though the signature is good.
    assert_eq!(verify(&good, &keys, &[Alg::Es256]), Err(JoseError::Alg));
    assert_eq!(verify(&good, &keys, &[]), Err(JoseError::Alg));
    // The key of one kind under the algorithm of another.
    for (alg, kid) in [("ES256", "rs"), ("RS256", "es"), ("EdDSA", "es"), ("ES384", "es")] {
        let signer = if kid == "rs" { &rs } else { &es };
        let token = signer.sign_under(&json!({"alg": alg, "kid": kid}), &json!({})).unwrap();
        assert_eq!(verify(&token, &keys, &Alg::ALL), Err(JoseError::UnknownKey), "{alg} {kid}");
    }
    // The key says that it is for RS256: not for PS256 nor RS512 either.
    for alg in ["PS256", "RS512"] {
        let token = rs.sign_under(&json!({"alg": alg, "kid": "rs"}), &json!({})).unwrap();
        assert_eq!(verify(&token, &keys, &Alg::ALL), Err(JoseError::UnknownKey));
    }
    // The public key as a shared secret, in each form in which somebody could have it.
    let public = rs.public();
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    for secret in [modulus, public.to_string().into_bytes()] {
        for alg in ["HS256", "HS384", "HS512"] {
            let (header, claims) = (json!({"alg": alg, "kid": "rs"}), json!({"sub": "x"}));
            let signed = format!("{}.{}", encoded(&header), encoded(&claims));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
            assert_eq!(verify(&written(&header, &claims, tag.as_ref()), &keys, &Alg::ALL), Err(JoseError::Alg));
        }
    }
}

#[test]
fn rfc8725_3_2_none_is_no_algorithm() {
    let key = ec("a");
    let keys = published(&[&key]);
    for alg in ["none", "None", "NONE", "nOnE", "", "es256", "ES256K", "RS1", "HS256", "RSA1_5", "dir"] {
        let header = json!({"alg": alg, "kid": "a"});
        for token in [written(&header, &json!({}), b""), key.sign_under(&header, &json!({})).unwrap()] {
            assert!(matches!(verify(&token, &keys, &Alg::ALL), Err(JoseError::Alg | JoseError::Malformed)), "{alg}");
            assert_eq!(peek(&token), None);
        }
    }
    for header in [json!({"kid": "a"}), json!({"alg": null}), json!({"alg": ["ES256"]}), json!({"alg": 1})] {
        assert_eq!(verify(&key.sign_under(&header, &json!({})).unwrap(), &keys, &Alg::ALL), Err(JoseError::Malformed));
    }
}

#[test]
fn rfc8725_3_3_every_part_is_signed() {
    let (key, other) = (ec("a"), ec("a"));
    let keys = published(&[&key]);
    let token = key.sign("JWT", &json!({"sub": "marie"})).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let foreign = other.sign("JWT", &json!({"sub": "marie"})).unwrap();
    let forged = [
        foreign.clone(),
        format!("{}.{}.{}", parts[0], encoded(&json!({"sub": "paul"})), parts[2]),
        format!("{}.{}.{}", encoded(&json!({"alg": "ES256", "kid": "a"})), parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 63])),
    ];
    for token in forged {
        assert_eq!(verify(&token, &keys, &Alg::ALL), Err(JoseError::Signature), "{token}");
    }
    // An ECDSA signature has one length and one writing: its DER form is none.
    assert!(verify(&token, &keys, &Alg::ALL).is_ok());
}

#[test]
fn rfc8725_3_5_shared_secrets_are_no_keys() {
    let set = json!({"keys": [{"kty": "oct", "kid": "a", "alg": "HS256", "k": "c2VjcmV0"}]});
    assert!(Keys::read(set.to_string().as_bytes()).unwrap().is_empty());
}

#[test]
fn rfc8725_3_6_nothing_encrypted_or_in_other_forms_is_read() {
    let key = ec("a");
    let keys = published(&[&key]);
    let token = key.sign("JWT", &json!({})).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        parts[..2].join("."),
        format!("{token}."),
        format!("{token}.{}", parts[0]),
        format!("{0}.{0}.{0}.{0}.{0}", parts[0]),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}="),
        token.replace('.', ".."),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}).to_string(),
    ] {
        assert_eq!(verify(&bad, &keys, &Alg::ALL), Err(JoseError::Malformed), "{bad:?}");
    }
    let long = key.sign("JWT", &json!({"x": "x".repeat(MAX_TOKEN)})).unwrap();
    assert_eq!(verify(&long, &keys, &Alg::ALL), Err(JoseError::TooBig));
}

#[test]
fn rfc8725_3_7_one_reading_of_each_text() {
    let keys = published(&[&ec("a")]);
    let token = |header: &[u8], claims: &[u8]| {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    };
    for header in [
        &br#"{"alg":"ES256","alg":"ES256"}"#[..],
        br#"{"alg":"ES256","kid":"a","kid":"b"}"#,
        b"\xff",
        b"[]",
        b"null",
        b"{}",
    ] {
        assert_eq!(verify(&token(header, b"{}"), &keys, &Alg::ALL), Err(JoseError::Malformed));
    }
    for claims in [&br#"{"iss":"a","iss":"b"}"#[..], b"{\"iss\":\"\xff\"}", b"\xff\xfe{\x00}\x00", b"1"] {
        assert_eq!(Claims::read(claims), None);
        assert_eq!(peek(&token(br#"{"alg":"ES256"}"#, claims)), None);
    }
}

#[test]
fn rfc8725_3_10_a_header_brings_no_key_and_no_address() {
    let (ours, theirs) = (ec("a"), ec("evil"));
    let keys = published(&[&ours]);
    let jwk = theirs.public();
    for header in [
        json!({"alg": "ES256", "jwk": jwk}),
        json!({"alg": "ES256", "kid": "a", "jwk": jwk}),
        json!({"alg": "ES256", "kid": "a", "jku": "https://evil.example/keys"}),
        json!({"alg": "ES256", "kid": "a", "x5u": "https://evil.example/cert", "x5c": ["AAAA"]}),
    ] {
        let token = theirs.sign_under(&header, &json!({})).unwrap();
        assert_eq!(verify(&token, &keys, &Alg::ALL), Err(JoseError::Signature), "{header}");
        // And what we would believe anyway is believed by our key.
        assert!(verify(&ours.sign_under(&header, &json!({})).unwrap(), &keys, &Alg::ALL).is_ok());
    }
    for kid in ["evil", "A", "a ", "../a", "a' or '1'='1", "a\u{0}"] {
        let token = ours.sign_under(&json!({"alg": "ES256", "kid": kid}), &json!({})).unwrap();
        assert_eq!(verify(&token, &keys, &Alg::ALL), Err(JoseError::UnknownKey), "{kid}");
    }
    for kid in [json!(1), json!(""), json!(["a"]), json!("a".repeat(257))] {
        let token = ours.sign_under(&json!({"alg": "ES256", "kid": kid}), &json!({})).unwrap();
        assert_eq!(verify(&token, &keys, &Alg::ALL), Err(JoseError::Malformed), "{kid}");
    }
}

#[test]
fn a_token_without_a_key_name_means_one_key_or_none() {
    let (a, b) = (ec("a"), ec("b"));
    let token = a.sign_under(&json!({"alg": "ES256"}), &json!({})).unwrap();
    assert!(verify(&token, &published(&[&a]), &Alg::ALL).is_ok());
    assert!(verify(&token, &published(&[&a, &rsa("r")]), &Alg::ALL).is_ok());
    assert_eq!(verify(&token, &published(&[&a, &b]), &Alg::ALL), Err(JoseError::UnknownKey));
    assert_eq!(verify(&token, &Keys::default(), &Alg::ALL), Err(JoseError::UnknownKey));
}

#[test]
fn what_is_critical_is_refused() {
    let key = ec("a");
    let keys = published(&[&key]);
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!(null), json!(["http://example.com/x"])] {
        let header = json!({"alg": "ES256", "kid": "a", "crit": crit, "b64": false, "http://example.com/x": 1});
        assert_eq!(verify(&key.sign_under(&header, &json!({})).unwrap(), &keys, &Alg::ALL), Err(JoseError::Crit));
    }
}

#[test]
fn types_are_compared_as_media_types() {
    let key = ec("a");
    let typ = |typ: &str| verify(&key.sign(typ, &json!({})).unwrap(), &published(&[&key]), &Alg::ALL).unwrap().0.typ;
    for (written, read) in [("JWT", "jwt"), ("application/at+jwt", "at+jwt"), ("Logout+JWT", "logout+jwt")] {
        assert_eq!(typ(written).as_deref(), Some(read));
    }
}
