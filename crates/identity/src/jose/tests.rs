//! Vectors of the standards, and what round trips must keep.
use super::attacks::{ec, rsa};
use super::keys::MAX_KEYS;
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const A2_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2\
                    jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvU\
                    K-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGr\
                  huB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBAr\
                  LIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhW\
                  kWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyK\
                  AM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2Y\
                  BJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
const ED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn keys(of: Value) -> Keys {
    let keys = Keys::read(json!({"keys": [of]}).to_string().as_bytes()).unwrap();
    assert_eq!(keys.len(), 1);
    keys
}

/// The last character of a signature that still decodes to other octets.
fn broken(token: &str) -> String {
    let at = token.rfind('.').unwrap() + 5;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

#[test]
fn rfc7515_a2_a3() {
    let rs = keys(json!({"kty": "RSA", "n": A2_N, "e": "AQAB"}));
    let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let es = keys(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}));
    for (token, keys, alg) in [(A2, &rs, Alg::Rs256), (A3, &es, Alg::Es256)] {
        let (header, claims) = verify(token, keys, &Alg::ALL).unwrap();
        assert_eq!(header, Header { alg, kid: None, typ: None });
        assert_eq!(claims.text("iss"), Ok(Some("joe")));
        assert_eq!(claims.instant("exp").unwrap().unwrap().seconds(), 1_300_819_380);
        assert_eq!(claims.get("http://example.com/is_root"), Some(&json!(true)));
        assert_eq!(verify(&broken(token), keys, &Alg::ALL), Err(JoseError::Signature));
        assert_eq!(peek(token).unwrap().issuer.as_deref(), Some("joe"));
    }
}

#[test]
fn rfc7515_a4() {
    let (x, y) = (
        "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
    );
    let keys = keys(json!({"kty": "EC", "crv": "P-521", "x": x, "y": y}));
    assert_eq!(verify_bytes(A4, &keys, &[Alg::Es512]).unwrap().1, b"Payload");
    assert_eq!(verify_bytes(&broken(A4), &keys, &[Alg::Es512]), Err(JoseError::Signature));
    // Content that is no object has no claims, however well it is signed.
    assert_eq!(verify(A4, &keys, &[Alg::Es512]), Err(JoseError::Malformed));
}

#[test]
fn rfc8037_a4() {
    let keys = keys(json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}));
    assert_eq!(verify_bytes(ED, &keys, &[Alg::EdDsa]).unwrap().1, b"Example of Ed25519 signing");
    assert_eq!(verify_bytes(&broken(ED), &keys, &[Alg::EdDsa]), Err(JoseError::Signature));
}

#[test]
fn what_we_sign_is_believed() {
    for signer in [rsa("a"), ec("a")] {
        let keys = keys(signer.public());
        let token = signer.sign("JWT", &json!({"iss": "us", "n": [1, 2]})).unwrap();
        let (header, claims) = verify(&token, &keys, &[signer.alg()]).unwrap();
        assert_eq!(header, Header { alg: signer.alg(), kid: Some("a".into()), typ: Some("jwt".into()) });
        assert_eq!(claims.get("n"), Some(&json!([1, 2])));
        assert!(!format!("{signer:?} {claims:?} {keys:?}").contains("us"));
    }
}

#[test]
fn a_key_set_keeps_what_can_verify() {
    let good = ec("good").public();
    let with = |name: &str, value: Value| {
        let mut key = ec("x").public();
        key[name] = value;
        key
    };
    let mut private = ec("private").public();
    private["d"] = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    let short = "A".repeat(171); // 1024 bits
    let passed_over = [
        json!({"kty": "oct", "kid": "s", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"}),
        json!({"kty": "RSA", "n": short.replacen('A', "o", 1), "e": "AQAB"}),
        json!({"kty": "RSA", "n": A2_N, "e": "AQ"}),
        json!({"kty": "RSA", "n": A2_N, "e": "AAEAAQ"}),
        json!({"kty": "RSA", "n": A2_N, "e": "AQAC"}),
        json!({"kty": "RSA", "n": format!("AAAA{A2_N}"), "e": "AQAB"}),
        json!({"kty": "RSA", "n": A2_N.repeat(5), "e": "AQAB"}),
        json!({"kty": "RSA", "n": A2_N}),
        json!({"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qY"}),
        json!({"kty": "PQ", "kid": "later"}),
        json!({}),
        with("use", json!("enc")),
        with("use", json!(1)),
        with("key_ops", json!(["sign"])),
        with("alg", json!("HS256")),
        with("alg", json!("RS256")),
        with("crv", json!("P-384")),
        with("crv", json!("secp256k1")),
        with("kid", json!("k".repeat(257))),
        // A point that is on no curve (RFC 8725 §3.4).
        with("y", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        with("x", json!("AAAA")),
        private,
    ];
    for bad in passed_over {
        let set = json!({"keys": [bad, good]});
        let keys = Keys::read(set.to_string().as_bytes()).unwrap();
        assert_eq!(keys.names().collect::<Vec<_>>(), ["good"], "{bad}");
        assert!(keys.len() == 1 && !keys.is_empty());
    }
    let rs = json!({"kty": "RSA", "kid": "a", "n": A2_N, "e": "AQAB"});
    assert_eq!(Keys::read(json!({"keys": [rs]}).to_string().as_bytes()).unwrap().len(), 1);
}

#[test]
fn a_key_set_is_read_in_one_way_and_within_its_budget() {
    let read = |v: Value| Keys::read(v.to_string().as_bytes()).map(|k| k.len());
    for bad in [json!({}), json!({"keys": {}}), json!({"keys": ["x"]}), json!([]), json!({"keys": null})] {
        assert_eq!(read(bad.clone()), Err(JoseError::Malformed), "{bad}");
    }
    assert_eq!(read(json!({"keys": []})), Ok(0));
    assert_eq!(Keys::read(br#"{"keys":[],"keys":[]}"#).err(), Some(JoseError::Malformed));
    assert_eq!(read(json!({"keys": vec![json!({}); MAX_KEYS]})), Ok(0));
    assert_eq!(read(json!({"keys": vec![json!({}); MAX_KEYS + 1]})), Err(JoseError::TooBig));
    assert_eq!(Keys::read(&[b' '; 64 * 1024 + 1]).err(), Some(JoseError::TooBig));
    // Which of two keys is meant must never be a question. Of different kinds it is none (RFC 7517 §4.5).
    assert_eq!(read(json!({"keys": [ec("a").public(), ec("a").public()]})), Err(JoseError::Malformed));
    assert_eq!(read(json!({"keys": [ec("a").public(), ec("b").public(), rsa("a").public()]})), Ok(3));
}

#[test]
fn claims_of_another_kind_are_not_taken_for_absent() {
    let claims =
        Claims::read(br#"{"a":1,"b":"x","c":["x","y"],"d":["x",1],"e":1.5,"f":-1,"g":1e18,"h":null,"i":"1"}"#).unwrap();
    assert_eq!(
        (claims.text("a"), claims.text("b"), claims.text("h"), claims.text("z")),
        (Err(Wrong), Ok(Some("x")), Err(Wrong), Ok(None))
    );
    assert_eq!(
        (claims.texts("b"), claims.texts("c"), claims.texts("d")),
        (Ok(vec!["x"]), Ok(vec!["x", "y"]), Err(Wrong))
    );
    assert_eq!((claims.texts("a"), claims.texts("z")), (Err(Wrong), Ok(vec![])));
    let at = |name: &str| claims.instant(name).map(|t| t.map(|t| t.0));
    assert_eq!((at("a"), at("e"), at("z")), (Ok(Some(1000)), Ok(Some(1500)), Ok(None)));
    assert_eq!([at("f"), at("g"), at("h"), at("i")], [Err(Wrong); 4]);
    let both = claims.completed(Claims::read(br#"{"b":"other","new":"n"}"#).unwrap());
    assert_eq!((both.text("b"), both.text("new")), (Ok(Some("x")), Ok(Some("n"))));
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_is_believed(token in "[A-Za-z0-9_.-]{0,200}", key in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = peek(&token);
        let _ = Keys::read(&key);
        let keys = keys(json!({"kty": "RSA", "n": A2_N, "e": "AQAB"}));
        prop_assert!(verify(&token, &keys, &Alg::ALL).is_err());
    }

    #[test]
    fn a_changed_character_is_seen(at in 0..A3.len(), with in "[A-Za-z0-9_.-]") {
        let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let keys = keys(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}));
        let changed = format!("{}{with}{}", &A3[..at], &A3[at + 1..]);
        prop_assert_eq!(verify(&changed, &keys, &Alg::ALL).is_ok(), changed == A3);
    }
}
