//! What a provider's document, a browser's return and a provider's answers may be.
use super::*;
use crate::form;
use crate::jose::attacks::ec;
use crate::jose::{Keys, verify};
use sceau_domain::Timestamp;
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://auth.psc.example/auth/realms/esante-wallet";

pub(super) fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://wallet.psc.example/auth",
        "token_endpoint": format!("{ISSUER}/protocol/openid-connect/token"),
        "jwks_uri": format!("{ISSUER}/protocol/openid-connect/certs"),
        "userinfo_endpoint": format!("{ISSUER}/protocol/openid-connect/userinfo"),
        "introspection_endpoint": format!("{ISSUER}/protocol/openid-connect/token/introspect"),
        "backchannel_authentication_endpoint": format!("{ISSUER}/protocol/openid-connect/ext/ciba/auth"),
        "response_types_supported": ["code", "none", "id_token"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
        "unknown": {"x": [1]},
    })
}

pub(super) fn provider() -> Provider {
    discovered(document().to_string().as_bytes(), ISSUER).unwrap()
}

fn count() -> impl FnMut(&mut [u8]) {
    let mut n = 0;
    move |bytes| {
        n += 1;
        bytes.fill(n);
    }
}

fn query(text: &str) -> Vec<(String, String)> {
    form::read(text).unwrap()
}

#[test]
fn a_provider_describes_itself() {
    let p = provider();
    assert_eq!((p.issuer.as_str(), p.authorization.as_str()), (ISSUER, "https://wallet.psc.example/auth"));
    assert_eq!(p.algs, [Alg::Rs256, Alg::Es256]);
    assert!(!p.iss_in_response && p.end_session.is_none() && p.addresses().count() == 6);
}

#[test]
fn a_document_of_somebody_else_or_of_nobody_is_refused() {
    let with = |name: &str, value: Value| {
        let mut d = document();
        d[name] = value;
        discovered(d.to_string().as_bytes(), ISSUER)
    };
    for issuer in [format!("{ISSUER}/"), ISSUER.to_uppercase(), "https://evil.example".into(), String::new()] {
        assert_eq!(with("issuer", json!(issuer)), Err(OidcError::Issuer));
    }
    for address in
        ["http://a.example/x", "https://a@b.example/", "javascript:alert(1)", "", "//a.example", "https://a.example/#x"]
    {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            assert_eq!(with(name, json!(address)), Err(OidcError::Malformed), "{name} {address}");
        }
    }
    for (name, value) in [
        ("jwks_uri", Value::Null),
        ("token_endpoint", json!(["https://a.example"])),
        ("id_token_signing_alg_values_supported", json!(["none", "HS256"])),
        ("response_types_supported", json!(["id_token"])),
        ("authorization_response_iss_parameter_supported", json!("true")),
    ] {
        assert_eq!(with(name, value), Err(OidcError::Malformed), "{name}");
    }
    let twice = document().to_string().replacen('{', &format!(r#"{{"issuer":"{ISSUER}","#), 1);
    assert_eq!(discovered(twice.as_bytes(), ISSUER), Err(OidcError::Malformed));
    assert!(with("authorization_response_iss_parameter_supported", json!(true)).unwrap().iss_in_response);
    assert_eq!(discovered(&vec![b' '; MAX_ANSWER + 1], ISSUER), Err(OidcError::Malformed));
}

#[test]
fn rfc8705_5_a_client_that_shows_its_certificate_asks_elsewhere() {
    let with = |aliases: Value| {
        let mut d = document();
        d["mtls_endpoint_aliases"] = aliases;
        discovered(d.to_string().as_bytes(), ISSUER)
    };
    let (token, ciba) = ("https://mtls.psc.example/token", "https://mtls.psc.example/ciba");
    let named = json!({"token_endpoint": token, "backchannel_authentication_endpoint": ciba, "revocation_endpoint": 7});
    let plain = with(named).unwrap();
    assert_eq!(plain.token, provider().token, "without a certificate nothing changes");
    let mutual = plain.clone().mutual();
    assert_eq!((mutual.token.as_str(), mutual.ciba.as_deref()), (token, Some(ciba)));
    // What has no alias is where it was; where browsers go and where keys are has none.
    assert_eq!((&mutual.userinfo, &mutual.introspection), (&plain.userinfo, &plain.introspection));
    assert_eq!((&mutual.authorization, &mutual.jwks, &mutual.algs), (&plain.authorization, &plain.jwks, &plain.algs));
    assert_eq!(provider().mutual(), provider());
    for bad in [
        json!("https://a.example"),
        json!([]),
        json!({"token_endpoint": "http://a.example/"}),
        json!({"userinfo_endpoint": 1}),
    ] {
        assert_eq!(with(bad.clone()), Err(OidcError::Malformed), "{bad}");
    }
}

#[test]
fn a_provider_that_does_not_know_us_says_so() {
    let refused = |status: u16, v: Value| client_refused(status, v.to_string().as_bytes());
    assert!(refused(400, json!({"error": "invalid_client"})) && refused(401, json!({"error": "invalid_request"})));
    assert!(client_refused(401, b"") && !client_refused(400, b"") && !client_refused(403, b"{}"));
    for other in ["invalid_grant", "authorization_pending", "slow_down", "access_denied"] {
        assert!(!refused(400, json!({"error": other})), "{other}");
    }
    assert!(!refused(200, json!({"error": "invalid_client"})));
}

#[test]
fn a_browser_is_sent_out_with_pkce() {
    let acr = ["eidas1".to_owned()];
    let extra = [("prompt", "login"), ("state", "mine"), ("code_challenge_method", "plain")];
    let b = begin(&provider(), "nous", "https://op.example/retour", "openid scope_all", &acr, &extra, &mut count());
    let (address, asked) = b.url.split_once('?').unwrap();
    assert_eq!(address, "https://wallet.psc.example/auth");
    let asked = query(asked);
    let one = |name: &str| form::once(&asked, name).unwrap();
    assert!(!form::repeated(&asked));
    assert_eq!(
        (one("response_type"), one("client_id"), one("acr_values")),
        (Some("code"), Some("nous"), Some("eidas1"))
    );
    assert_eq!((one("redirect_uri"), one("scope")), (Some("https://op.example/retour"), Some("openid scope_all")));
    assert_eq!((one("prompt"), one("code_challenge_method")), (Some("login"), Some("S256")));
    assert_eq!((one("state"), one("nonce")), (Some(b.state.as_str()), Some(b.nonce.as_str())));
    assert!(crate::oauth::challenge_ok(&b.verifier, one("code_challenge").unwrap()));
    assert!(b.state != b.nonce && b.nonce != *b.verifier && b.state.len() == 43 && !b.url.contains(&*b.verifier));
    assert!(!format!("{b:?}").contains(&b.state));
}

#[test]
fn a_code_comes_back_to_its_own_attempt() {
    let p = provider();
    let code = |text: &str| returned(&p, &query(text), "s1").map(|c| c.to_string());
    assert_eq!(code("code=abc&state=s1&session_state=x"), Ok("abc".to_owned()));
    assert_eq!(code(&format!("code=abc&state=s1&iss={ISSUER}")), Ok("abc".to_owned()));
    for other in ["code=abc&state=s2", "code=abc", "code=abc&state=", "error=access_denied", "code=abc&state=s1x", ""] {
        assert_eq!(code(other), Err(OidcError::State), "{other}");
    }
    assert_eq!(returned(&p, &query("code=abc&state="), "").err(), Some(OidcError::State));
    for bad in [
        "state=s1",
        "state=s1&code=",
        "state=s1&code=a&code=b",
        "state=s1&code=a&error=x",
        "state=s1&state=s1&code=a",
        "state=s1&code=a%00b",
        "state=s1&error=%22",
    ] {
        assert_eq!(code(bad), Err(OidcError::Malformed), "{bad}");
    }
    assert_eq!(code("state=s1&error=access_denied"), Err(OidcError::Denied("access_denied".into())));
    assert_eq!(code("state=s1&error=temporarily_unavailable"), Err(OidcError::Unavailable));
}

#[test]
fn rfc9207_2_4_a_mixed_up_provider_is_seen() {
    let mut p = provider();
    assert_eq!(returned(&p, &query("code=a&state=s&iss=https://evil.example"), "s").err(), Some(OidcError::Issuer));
    // An error of another provider is not our provider's word either.
    let denied = "error=access_denied&state=s&iss=https://evil.example";
    assert_eq!(returned(&p, &query(denied), "s").err(), Some(OidcError::Issuer));
    p.iss_in_response = true;
    assert_eq!(returned(&p, &query("code=a&state=s"), "s").err(), Some(OidcError::Issuer));
    assert!(returned(&p, &query(&format!("code=a&state=s&iss={ISSUER}")), "s").is_ok());
    let twice = format!("code=a&state=s&iss={ISSUER}&iss=https://evil.example");
    assert_eq!(returned(&p, &query(&twice), "s").err(), Some(OidcError::Malformed));
}

#[test]
fn a_person_signs_out_where_there_is_a_place_for_it() {
    let mut p = provider();
    assert_eq!(sign_out(&p, "nous", "https://op.example/"), None);
    p.end_session = Some("https://p.example/logout?x=1".into());
    let url = sign_out(&p, "nous", "https://op.example/").unwrap();
    assert_eq!(url, "https://p.example/logout?x=1&client_id=nous&post_logout_redirect_uri=https%3A%2F%2Fop.example%2F");
}

#[test]
fn a_code_is_exchanged_for_tokens() {
    let form = token_form("c", "https://op.example/retour", "v");
    let shown: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(shown[0], ("grant_type", "authorization_code"));
    assert_eq!(shown[1..], [("code", "c"), ("redirect_uri", "https://op.example/retour"), ("code_verifier", "v")]);
    let read = |v: Value| tokens(v.to_string().as_bytes());
    let t = read(
        json!({"access_token": "a", "token_type": "bearer", "id_token": "i", "refresh_token": "r", "expires_in": 120}),
    )
    .unwrap();
    assert_eq!((t.access.as_str(), t.id.as_deref().map(String::as_str), t.expires_in), ("a", Some("i"), Some(120)));
    assert_eq!(format!("{t:?}"), "Tokens(…)");
    for bad in [
        json!({"access_token": "a"}),
        json!({"access_token": "a", "token_type": "DPoP"}),
        json!({"access_token": "", "token_type": "Bearer"}),
        json!({"access_token": 1, "token_type": "Bearer"}),
        json!({"access_token": "a b", "token_type": "Bearer"}),
        json!({"access_token": "a", "token_type": "Bearer", "id_token": ["i"]}),
        json!({"token_type": "Bearer", "id_token": "i"}),
        json!({"error": 1}),
        json!([]),
    ] {
        assert_eq!(read(bad.clone()).err(), Some(OidcError::Malformed), "{bad}");
    }
    assert_eq!(read(json!({"error": "invalid_grant"})).err(), Some(OidcError::Denied("invalid_grant".into())));
    assert!(tokens(br#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#).is_err());
}

#[test]
fn a_client_proves_itself_by_its_key() {
    let key = ec("k");
    let keys = Keys::read(json!({"keys": [key.public()]}).to_string().as_bytes()).unwrap();
    let token = assertion(&key, "nous", "https://p.example/token", "id-1", Timestamp(1_000_000)).unwrap();
    let (_, claims) = verify(&token, &keys, &[Alg::Es256]).unwrap();
    assert_eq!((claims.text("iss"), claims.text("sub")), (Ok(Some("nous")), Ok(Some("nous"))));
    assert_eq!((claims.text("aud"), claims.text("jti")), (Ok(Some("https://p.example/token")), Ok(Some("id-1"))));
    assert_eq!(claims.instant("exp"), Ok(Some(Timestamp(1_060_000))));
}

#[test]
fn a_telephone_is_called_and_asked() {
    let form = ciba_form("openid", "899700000000", "AB12", &[]);
    let shown: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(shown, [("scope", "openid"), ("login_hint", "899700000000"), ("binding_message", "AB12")]);
    let started = |v: Value| ciba_started(v.to_string().as_bytes());
    let called = started(json!({"auth_req_id": "h", "expires_in": 120})).unwrap();
    assert_eq!((called.handle.as_str(), called.expires_in, called.every), ("h", 120, 5));
    assert_eq!(started(json!({"auth_req_id": "h", "expires_in": 99_999, "interval": 10})).unwrap().expires_in, 600);
    assert_eq!(format!("{called:?}"), "Called(…, 120 s, every 5 s)");
    for bad in [
        json!({"expires_in": 1}),
        json!({"auth_req_id": "h"}),
        json!({"auth_req_id": "h", "expires_in": 0}),
        json!({"auth_req_id": "", "expires_in": 1}),
    ] {
        assert_eq!(started(bad).err(), Some(OidcError::Malformed));
    }
    assert_eq!(started(json!({"error": "unknown_user_id"})).err(), Some(OidcError::Denied("unknown_user_id".into())));
    let asked = |status: u16, v: Value| ciba_answer(status, v.to_string().as_bytes());
    let error = |code: &str| asked(400, json!({"error": code}));
    assert!(
        matches!(error("authorization_pending"), Ok(Poll::Pending)) && matches!(error("slow_down"), Ok(Poll::SlowDown))
    );
    assert!(matches!(error("access_denied"), Ok(Poll::Denied)) && matches!(error("expired_token"), Ok(Poll::Expired)));
    assert!(matches!(asked(200, json!({"access_token": "a", "token_type": "Bearer"})), Ok(Poll::Done(_))));
    assert_eq!(error("invalid_grant").err(), Some(OidcError::Denied("invalid_grant".into())));
    assert_eq!(asked(502, json!({"access_token": "a", "token_type": "Bearer"})).err(), Some(OidcError::Unavailable));
    // Tokens count with their status only.
    assert_eq!(asked(400, json!({"access_token": "a", "token_type": "Bearer"})).err(), Some(OidcError::Malformed));
}
