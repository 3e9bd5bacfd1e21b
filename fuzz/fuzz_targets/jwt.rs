//! Tokens, keys and what providers answer: no panic; nothing is believed that a known key did not sign; budgets hold.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_domain::Timestamp;
use sceau_identity::jose::{Alg, Claims, Keys, peek, verify};
use sceau_identity::national::{ClaimNames, of_claims};
use sceau_identity::oidc::{self, Access, Expect};
use std::sync::LazyLock;

/// Two keys that signed nothing: of RFC 7515 §A.3 and RFC 8037 §A.2.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let set = br#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
        {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    Keys::read(set).expect("two keys")
});

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp(1_800_000_000_000);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let looked = peek(text);
        assert!(verify(text, &KEYS, &Alg::ALL).is_err());
        let expect =
            Expect { issuer: "https://a", client: "a", nonce: None, acr: &[], after: None, now, skew_ms: 60_000 };
        assert!(oidc::id_token(text, &KEYS, &Alg::ALL, &expect, None).is_err());
        assert!(oidc::logout_token(text, &KEYS, &Alg::ALL, "https://a", "a", now, 60_000).is_err());
        assert!(looked.is_none_or(|l| l.header.kid.is_none_or(|k| !k.is_empty() && k.len() <= 256)));
    }
    if let Ok(keys) = Keys::read(bytes) {
        assert!(keys.len() <= 32);
    }
    if let Some(claims) = Claims::read(bytes) {
        for name in ["iss", "aud", "exp", "sub"] {
            let _ = (claims.text(name), claims.texts(name));
            assert!(claims.instant(name).is_ok_and(|at| at.is_none_or(|at| at.0 >= 0)) || claims.has(name));
        }
        if let Some(said) = of_claims(&claims, &ClaimNames::default()) {
            assert!(said.family.is_none_or(|name| !name.chars().any(char::is_control)));
        }
    }
    let _ = (oidc::discovered(bytes, "https://a"), oidc::tokens(bytes), oidc::ciba_started(bytes));
    let _ = (oidc::userinfo(bytes, "a"), oidc::ciba_answer(200, bytes), oidc::ciba_answer(400, bytes));
    let types = ["Bearer".to_owned()];
    let access = Access { issuer: "https://a", types: &types, clients: None, acr: &[], now, skew_ms: 60_000 };
    if let Ok(bearer) = oidc::introspected(bytes, &access, None) {
        assert!(bearer.until.plus_ms(60_000) > now && !bearer.subject.is_empty());
    }
});
