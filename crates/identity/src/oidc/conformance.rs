//! What the OpenID conformance profile for relying parties asks, by its tests' names; and the sections of RFC 8725 that bear on what claims mean.
use super::tests::{ISSUER, provider};
use super::*;
use crate::jose::attacks::{ec, published, rsa};
use crate::jose::{Keys, Signer};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::Timestamp;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const AT: i64 = 1_800_000_000;

struct World {
    key: Signer,
    keys: Keys,
}

fn world() -> World {
    let key = ec("k1");
    World { keys: published(&[&key]), key }
}

/// An ID token's claims, some of them changed; `null` takes one away.
fn claims(changes: Value) -> Value {
    let mut all = json!({
        "iss": ISSUER, "sub": "f:1:899", "aud": "nous", "exp": AT + 120, "iat": AT, "auth_time": AT, "nonce": "n1", "acr": "eidas1", "typ": "ID", "azp": "nous",
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            other => all[name] = other.clone(),
        }
    }
    all
}

fn acr() -> Vec<String> {
    vec!["eidas1".into()]
}

fn expect(acr: &[String]) -> Expect<'_> {
    Expect { issuer: ISSUER, client: "nous", nonce: Some("n1"), acr, after: None, now: NOW, skew_ms: 60_000 }
}

impl World {
    fn id(&self, changes: Value) -> Result<Identity, OidcError> {
        let token = self.key.sign("JWT", &claims(changes)).unwrap();
        id_token(&token, &self.keys, &[Alg::Es256], &expect(&acr()), None)
    }
}

fn none() -> Option<OidcError> {
    None
}

#[test]
fn rp_id_token_sub() {
    let w = world();
    assert_eq!(w.id(json!({})).unwrap().subject, "f:1:899");
    for sub in [json!(null), json!(""), json!(" "), json!(7), json!("é"), json!("a\nb"), json!("x".repeat(256))] {
        assert_eq!(w.id(json!({"sub": sub})).err(), Some(OidcError::Malformed), "{sub}");
    }
}

#[test]
fn rp_id_token_issuer_mismatch() {
    for iss in [json!("https://evil.example"), json!(format!("{ISSUER}/")), json!(null)] {
        assert_eq!(world().id(json!({"iss": iss})).err(), Some(OidcError::Issuer));
    }
    assert_eq!(world().id(json!({"iss": [ISSUER]})).err(), Some(OidcError::Malformed));
}

#[test]
fn rp_id_token_aud() {
    let w = world();
    let aud = |aud: Value, azp: Value| w.id(json!({"aud": aud, "azp": azp})).err();
    let wrong = Some(OidcError::Audience);
    assert_eq!(aud(json!(["nous"]), json!(null)), none());
    assert_eq!(aud(json!(["nous", "eux"]), json!("nous")), none());
    // Meant for others, or for others too and issued to nobody or to them.
    for (of, azp) in [
        (json!("eux"), json!(null)),
        (json!("eux"), json!("nous")),
        (json!([]), json!("nous")),
        (json!(null), json!("nous")),
        (json!(["nous", "eux"]), json!(null)),
        (json!(["nous", "eux"]), json!("eux")),
        (json!("nous"), json!("eux")),
        (json!("nous eux"), json!("nous")),
    ] {
        assert_eq!(aud(of.clone(), azp.clone()), wrong, "{of} {azp}");
    }
    assert_eq!(aud(json!({"a": "nous"}), json!("nous")), Some(OidcError::Malformed));
}

#[test]
fn rp_id_token_iat_and_times() {
    let w = world();
    let at = |changes: Value| w.id(changes).err();
    assert_eq!(at(json!({"iat": null})), Some(OidcError::Malformed));
    assert_eq!((at(json!({"iat": AT + 60})), at(json!({"iat": AT + 61}))), (none(), Some(OidcError::NotYet)));
    assert_eq!(at(json!({"exp": null})), Some(OidcError::Malformed));
    assert_eq!((at(json!({"exp": AT - 59})), at(json!({"exp": AT - 60}))), (none(), Some(OidcError::Expired)));
    assert_eq!((at(json!({"nbf": AT + 60})), at(json!({"nbf": AT + 61}))), (none(), Some(OidcError::NotYet)));
    for odd in [json!("1900000000"), json!(-1), json!(1e300), json!([AT])] {
        for name in ["exp", "nbf", "iat"] {
            assert_eq!(at(json!({name: odd})), Some(OidcError::Malformed), "{name} {odd}");
        }
    }
}

#[test]
fn rp_id_token_bad_sig_and_kid() {
    let (w, other) = (world(), ec("k1"));
    let token = other.sign("JWT", &claims(json!({}))).unwrap();
    let judged = |token: &str, keys: &Keys| id_token(token, keys, &[Alg::Es256], &expect(&acr()), None).err();
    assert_eq!(judged(&token, &w.keys), Some(OidcError::Signature));
    // rp-id_token-kid-absent-single-jwks, -multiple-jwks
    let unnamed = w.key.sign_under(&json!({"alg": "ES256"}), &claims(json!({}))).unwrap();
    assert_eq!(judged(&unnamed, &w.keys), none());
    assert_eq!(judged(&unnamed, &published(&[&w.key, &ec("k2")])), Some(OidcError::Key));
    // rp-id_token-sig-none, and an algorithm that the provider did not announce
    let unsigned = w.key.sign_under(&json!({"alg": "none"}), &claims(json!({}))).unwrap();
    let unsigned = &unsigned[..=unsigned.rfind('.').unwrap()];
    assert_eq!(judged(unsigned, &w.keys), Some(OidcError::Signature));
    let rs = rsa("k1");
    let token = rs.sign("JWT", &claims(json!({}))).unwrap();
    assert_eq!(judged(&token, &published(&[&rs])), Some(OidcError::Signature));
}

#[test]
fn rp_key_rotation_op_sign_key() {
    let (old, new) = (ec("k1"), ec("k2"));
    let token = new.sign("JWT", &claims(json!({}))).unwrap();
    let judged = |keys: &Keys| id_token(&token, keys, &[Alg::Es256], &expect(&acr()), None).err();
    // The caller asks for the keys once more, and only then.
    assert_eq!(judged(&published(&[&old])), Some(OidcError::Key));
    assert_eq!(judged(&published(&[&old, &new])), none());
    assert_eq!(judged(&published(&[&new])), none());
}

#[test]
fn rp_nonce_invalid_and_missing() {
    let w = world();
    for nonce in [json!("n2"), json!(""), json!(null), json!("n1 "), json!("N1")] {
        assert_eq!(w.id(json!({"nonce": nonce})).err(), Some(OidcError::Nonce), "{nonce}");
    }
    assert_eq!(w.id(json!({"nonce": ["n1"]})).err(), Some(OidcError::Malformed));
}

#[test]
fn rp_id_token_bad_at_hash() {
    let w = world();
    let right = URL_SAFE_NO_PAD.encode(&digest(&SHA256, b"access").as_ref()[..16]);
    let judged = |hash: Value, access: Option<&str>| {
        let token = w.key.sign("JWT", &claims(json!({"at_hash": hash}))).unwrap();
        id_token(&token, &w.keys, &[Alg::Es256], &expect(&acr()), access).err()
    };
    assert_eq!((judged(json!(right), Some("access")), judged(json!(null), Some("access"))), (none(), none()));
    assert_eq!(judged(json!(right), None), none());
    for (hash, access) in [(json!(right), "other"), (json!(""), "access"), (json!(right[..20]), "access")] {
        assert_eq!(judged(hash, Some(access)), Some(OidcError::AtHash));
    }
}

#[test]
fn assurance_is_what_was_asked_for() {
    let w = world();
    for acr in [json!("eidas0"), json!(null), json!(""), json!("EIDAS1"), json!("eidas1 x")] {
        assert_eq!(w.id(json!({"acr": acr})).err(), Some(OidcError::Assurance), "{acr}");
    }
    assert_eq!(w.id(json!({"acr": ["eidas1"]})).err(), Some(OidcError::Malformed));
    let token = w.key.sign("JWT", &claims(json!({"acr": null}))).unwrap();
    assert!(id_token(&token, &w.keys, &[Alg::Es256], &expect(&[]), None).is_ok());
}

#[test]
fn a_structure_attests_strongly_or_not_at_all() {
    let strong = ["mfa".to_owned(), "urn:strong".to_owned()];
    let judged = |said: Value| assured(&Claims::read(said.to_string().as_bytes()).unwrap(), "amr", &strong);
    for good in [json!({"amr": ["pwd", "mfa"]}), json!({"amr": "urn:strong"})] {
        assert_eq!(judged(good), Ok(()));
    }
    for weak in [
        json!({}),
        json!({"amr": []}),
        json!({"amr": ["pwd"]}),
        json!({"amr": "MFA"}),
        json!({"acr": "mfa"}),
        json!({"amr": "pwd mfa"}),
    ] {
        assert_eq!(judged(weak), Err(OidcError::Assurance));
    }
    assert_eq!(judged(json!({"amr": ["mfa", 1]})), Err(OidcError::Malformed));
    assert_eq!(assured(&Claims::default(), "amr", &[]), Err(OidcError::Assurance));
}

#[test]
fn a_fresh_proof_is_younger_than_the_question() {
    let (w, acr) = (world(), acr());
    let judged = |at: Value| {
        let token = w.key.sign("JWT", &claims(json!({"auth_time": at}))).unwrap();
        let e = Expect { after: Some(NOW), skew_ms: 5_000, ..expect(&acr) };
        id_token(&token, &w.keys, &[Alg::Es256], &e, None).err()
    };
    assert_eq!((judged(json!(AT)), judged(json!(AT - 5))), (none(), none()));
    assert_eq!((judged(json!(AT - 6)), judged(json!(null))), (Some(OidcError::Age), Some(OidcError::Age)));
}

#[test]
fn rp_userinfo_bad_sub_claim() {
    assert_eq!(userinfo(br#"{"sub":"a","family_name":"X"}"#, "a").unwrap().text("family_name"), Ok(Some("X")));
    assert_eq!(userinfo(br#"{"sub":"b"}"#, "a").err(), Some(OidcError::Subject));
    for bad in [&br#"{"family_name":"X"}"#[..], br#"{"sub":["a"]}"#, br#"{"sub":"b","sub":"a"}"#, b"eyJ.e30.x"] {
        assert_eq!(userinfo(bad, "a").err(), Some(OidcError::Malformed));
    }
}

fn bearer_claims(changes: Value) -> Value {
    let mut all = claims(json!({"typ": "Bearer", "aud": "account", "azp": "lps", "nonce": null}));
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            other => all[name] = other.clone(),
        }
    }
    all
}

/// Judges an access token with claims changed, for clients `lps` and `autre`.
fn access(w: &World, typ: &str, changes: Value, any: bool) -> Result<Bearer, OidcError> {
    let (types, clients, acr) = (vec!["Bearer".to_owned()], ["lps".to_owned(), "autre".to_owned()], acr());
    let clients = (!any).then_some(&clients[..]);
    let a = Access { issuer: ISSUER, types: &types, clients, acr: &acr, now: NOW, skew_ms: 60_000 };
    let token = w.key.sign(typ, &bearer_claims(changes)).unwrap();
    access_token(&token, &w.keys, &[Alg::Es256], &a)
}

#[test]
fn rfc8725_3_8_3_9_an_access_token_of_another_issuer_or_client() {
    let w = world();
    let good = access(&w, "JWT", json!({}), false).unwrap();
    assert_eq!(
        (good.client.as_deref(), good.subject.as_str(), good.acr.as_deref()),
        (Some("lps"), "f:1:899", Some("eidas1"))
    );
    assert_eq!(good.until, Timestamp((AT + 120) * 1000));
    let judged = |changes: Value| access(&w, "JWT", changes, false).err();
    assert_eq!(judged(json!({"iss": "https://evil.example"})), Some(OidcError::Issuer));
    for changes in [
        json!({"azp": "jeu"}),
        json!({"azp": null}),
        json!({"azp": null, "client_id": "jeu"}),
        json!({"azp": "", "aud": ["x", "LPS"]}),
    ] {
        assert_eq!(judged(changes.clone()), Some(OidcError::Audience), "{changes}");
    }
    for changes in [json!({"azp": null, "aud": ["x", "autre"]}), json!({"azp": null, "client_id": "lps"})] {
        assert_eq!(judged(changes.clone()), none(), "{changes}");
    }
    assert_eq!(access(&w, "JWT", json!({"azp": "jeu"}), true).unwrap().client.as_deref(), Some("jeu"));
    assert_eq!(access(&w, "JWT", json!({"azp": null}), true).unwrap().client, None);
    assert_eq!(judged(json!({"exp": AT - 60})), Some(OidcError::Expired));
    assert_eq!(judged(json!({"exp": null})), Some(OidcError::Malformed));
    assert_eq!(judged(json!({"nbf": AT + 61})), Some(OidcError::NotYet));
    assert_eq!(judged(json!({"iat": AT + 61})), Some(OidcError::NotYet));
    assert_eq!(judged(json!({"acr": "eidas0"})), Some(OidcError::Assurance));
    // Not said: somebody has to be asked.
    assert_eq!(access(&w, "JWT", json!({"acr": null}), false).unwrap().acr, None);
}

#[test]
fn rfc8725_3_11_3_12_one_kind_of_token_is_never_another() {
    let w = world();
    let kind = Some(OidcError::Kind);
    // An ID token as access token, a refresh token, a logout token, anything unnamed.
    for (typ, changes) in [
        ("JWT", json!({"typ": "ID"})),
        ("JWT", json!({"typ": "Refresh"})),
        ("JWT", json!({"typ": "Offline"})),
        ("JWT", json!({"typ": "bearer"})),
        ("JWT", json!({"typ": null})),
        ("JWT", json!({"at_hash": "x"})),
        ("JWT", json!({"events": {}})),
        ("logout+jwt", json!({})),
        ("dpop+jwt", json!({})),
        ("at+jwt", json!({"typ": "ID"})),
    ] {
        assert_eq!(access(&w, typ, changes.clone(), false).err(), kind, "{typ} {changes}");
    }
    assert_eq!(access(&w, "at+jwt", json!({"typ": null}), false).err(), none());
    // An access token or logout token as ID token.
    for changes in [json!({"typ": "Bearer"}), json!({"typ": "Logout"}), json!({"events": {}})] {
        assert_eq!(w.id(changes.clone()).err(), kind, "{changes}");
    }
    for typ in ["at+jwt", "logout+jwt", "secevent+jwt"] {
        let token = w.key.sign(typ, &claims(json!({}))).unwrap();
        assert_eq!(id_token(&token, &w.keys, &[Alg::Es256], &expect(&acr()), None).err(), kind, "{typ}");
    }
}

#[test]
fn rfc7662_introspection_says_it_of_the_same_token() {
    let (types, clients, acr) = (vec!["Bearer".to_owned()], ["lps".to_owned()], acr());
    let a = Access { issuer: ISSUER, types: &types, clients: Some(&clients), acr: &acr, now: NOW, skew_ms: 60_000 };
    let judged = |changes: Value, of: Option<&str>| {
        let mut all = bearer_claims(changes);
        if !all.as_object().unwrap().contains_key("active") {
            all["active"] = json!(true);
        }
        introspected(all.to_string().as_bytes(), &a, of)
    };
    let said = judged(json!({"SubjectNameID": "899700000000"}), Some("f:1:899")).unwrap();
    assert_eq!(said.claims.text("SubjectNameID"), Ok(Some("899700000000")));
    assert!(judged(json!({"typ": null, "token_type": "bearer", "iss": null}), None).is_ok());
    for (changes, of, error) in [
        (json!({"active": false}), None, OidcError::Expired),
        (json!({"active": "true"}), None, OidcError::Malformed),
        (json!({"active": 1}), None, OidcError::Malformed),
        (json!({"typ": "ID"}), None, OidcError::Kind),
        (json!({"typ": null}), None, OidcError::Kind),
        (json!({"typ": "ID", "token_type": "Bearer"}), None, OidcError::Kind),
        (json!({"iss": "https://evil.example"}), None, OidcError::Issuer),
        (json!({"azp": "jeu"}), None, OidcError::Audience),
        (json!({"exp": AT - 60}), None, OidcError::Expired),
        (json!({"acr": "eidas0"}), None, OidcError::Assurance),
        (json!({}), Some("f:1:777"), OidcError::Subject),
    ] {
        assert_eq!(judged(changes.clone(), of).err(), Some(error), "{changes}");
    }
    assert_eq!(introspected(br#"{"active":false}"#, &a, None).err(), Some(OidcError::Expired));
    assert_eq!(introspected(b"{}", &a, None).err(), Some(OidcError::Malformed));
}

#[test]
fn backchannel_logout_2_6() {
    let w = world();
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let judged = |typ: &str, changes: Value| {
        let base = json!({"typ": null, "nonce": null, "acr": null, "auth_time": null, "azp": null, "events": {event: {}}, "jti": "j1", "sid": "s1"});
        let mut all = claims(base);
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
                other => all[name] = other.clone(),
            }
        }
        let token = w.key.sign(typ, &all).unwrap();
        logout_token(&token, &w.keys, &[Alg::Es256], ISSUER, "nous", NOW, 60_000)
    };
    let good = Logout { subject: Some("f:1:899".into()), session: Some("s1".into()), id: "j1".into() };
    assert_eq!(judged("logout+jwt", json!({})), Ok(good.clone()));
    assert_eq!(judged("JWT", json!({"typ": "Logout", "exp": null})), Ok(good));
    assert_eq!(judged("logout+jwt", json!({"sub": null})).unwrap().subject, None);
    for (typ, changes, error) in [
        ("logout+jwt", json!({"nonce": "n"}), OidcError::Kind),
        ("logout+jwt", json!({"events": null}), OidcError::Kind),
        ("logout+jwt", json!({"events": {event: "x"}}), OidcError::Kind),
        ("logout+jwt", json!({"events": {"http://other": {}}}), OidcError::Kind),
        ("at+jwt", json!({}), OidcError::Kind),
        ("JWT", json!({"typ": "ID"}), OidcError::Kind),
        ("logout+jwt", json!({"iss": "https://evil.example"}), OidcError::Issuer),
        ("logout+jwt", json!({"aud": "eux"}), OidcError::Audience),
        ("logout+jwt", json!({"exp": AT - 60}), OidcError::Expired),
        ("logout+jwt", json!({"exp": null, "iat": AT - 180}), OidcError::Expired),
        ("logout+jwt", json!({"iat": AT + 61}), OidcError::NotYet),
        ("logout+jwt", json!({"iat": null}), OidcError::Malformed),
        ("logout+jwt", json!({"jti": null}), OidcError::Malformed),
        ("logout+jwt", json!({"sub": null, "sid": null}), OidcError::Malformed),
        ("logout+jwt", json!({"sid": ""}), OidcError::Malformed),
    ] {
        assert_eq!(judged(typ, changes.clone()).err(), Some(error), "{typ} {changes}");
    }
}

#[test]
fn each_error_has_a_name() {
    let names =
        [OidcError::Audience, OidcError::Expired, OidcError::Assurance, OidcError::Unavailable].map(|e| e.code());
    assert_eq!(names, ["token.audience", "token.expired", "token.assurance", "provider.unavailable"]);
    assert_eq!(provider().issuer, ISSUER);
}
