//! Questions, grants and what becomes of both.
use super::*;
use crate::form;
use crate::jose::attacks::{ec, published, rsa};
use crate::jose::{Keys, Signer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use sceau_domain::Timestamp;
use zeroize::Zeroizing;

const ISSUER: &str = "https://op.example";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn read(text: &str) -> Vec<(String, String)> {
    form::read(text).unwrap()
}

fn native() -> Client {
    Client {
        id: "lecteur".into(),
        name: "Lecteur".into(),
        kind: ClientKind::Native,
        redirects: vec![
            "http://127.0.0.1/retour".into(),
            "fr.example.lecteur:/retour".into(),
            "https://lecteur.example/retour?x=1".into(),
        ],
        scopes: Scopes::ALL,
    }
}

/// A good question with some parameters replaced; `-` takes one away.
fn question(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = read(&format!(
        "response_type=code&client_id=lecteur&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fretour&scope=mail.read%20offline_access&state=s1\
         &code_challenge={CHALLENGE}&code_challenge_method=S256"
    ));
    for (name, value) in changes {
        all.retain(|(n, _)| n != name);
        if *value != "-" {
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    all
}
fn judged(changes: &[(&str, &str)]) -> Ask {
    authorization(&question(changes), Some(&native()), ISSUER)
}
/// The error that goes back to the client.
fn back(changes: &[(&str, &str)]) -> String {
    let Ask::Back(url) = judged(changes) else { panic!("{changes:?}") };
    let (address, query) = url.split_once('?').unwrap();
    assert_eq!(address, "http://127.0.0.1:4711/retour");
    let query = read(query);
    assert_eq!(form::once(&query, "iss"), Ok(Some(ISSUER)));
    form::once(&query, "error").unwrap().unwrap().to_owned()
}

#[test]
fn a_question_is_put_to_the_person() {
    let Ask::Good(a) = judged(&[("login_hint", "marie@op.example"), ("prompt", "consent"), ("resource", "imap://x")])
    else {
        panic!()
    };
    assert_eq!((a.client.as_str(), a.redirect.as_str()), ("lecteur", "http://127.0.0.1:4711/retour"));
    assert_eq!((a.scopes.to_string().as_str(), a.challenge.as_str()), ("mail.read offline_access", CHALLENGE));
    assert_eq!((a.state.as_deref(), a.hint.as_deref()), (Some("s1"), Some("marie@op.example")));
    let Ask::Good(a) = judged(&[("state", "-"), ("scope", "mail")]) else { panic!() };
    assert_eq!((a.state, a.scopes), (None, Scopes::MAIL));
    assert_eq!(client_named(&question(&[])), Some("lecteur"));
}

#[test]
fn redirect_not_registered() {
    // Suffixes, prefixes, other hosts, ports where none is free, fragments, users, encodings, other cases.
    for other in [
        "-",
        "",
        "https://evil.example/",
        "https://lecteur.example/retour",
        "https://lecteur.example/retour?x=1&y=2",
        "https://lecteur.example/retour?x=1#y",
        "https://lecteur.example/retour/?x=1",
        "https://lecteur.example:443/retour?x=1",
        "https://lecteur.example:444/retour?x=1",
        "https://lecteur.example.evil.example/retour?x=1",
        "https://lecteur.example@evil.example/retour?x=1",
        "https://LECTEUR.example/retour?x=1",
        "https://lecteur.example/./retour?x=1",
        "https://lecteur.example/%72etour?x=1",
        "http://lecteur.example/retour?x=1",
        "http://127.0.0.1:4711/",
        "http://127.0.0.1:4711/retour/",
        "http://127.0.0.1:4711/retour?x",
        "http://127.0.0.1:4711/retour#x",
        "http://127.0.0.1:0/retour",
        "http://127.0.0.1:99999/retour",
        "http://127.0.0.1:4711@evil.example/retour",
        "http://127.0.0.1.evil.example/retour",
        "http://127.0.0.2/retour",
        "http://localhost:4711/retour",
        "http://[::1]:4711/retour",
        "https://127.0.0.1:4711/retour",
        "fr.example.lecteur:/retour2",
        "fr.example.lecteur://retour",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://127.0.0.1:4711/retour\n",
    ] {
        assert_eq!(judged(&[("redirect_uri", other)]), Ask::Here(OauthError::InvalidRequest), "{other}");
    }
    for good in [
        "http://127.0.0.1/retour",
        "http://127.0.0.1:1/retour",
        "fr.example.lecteur:/retour",
        "https://lecteur.example/retour?x=1",
    ] {
        assert!(matches!(judged(&[("redirect_uri", good)]), Ask::Good(_)), "{good}");
    }
    // A server listens where it says.
    let server = Client { kind: ClientKind::Confidential, ..native() };
    assert_eq!(authorization(&question(&[]), Some(&server), ISSUER), Ask::Here(OauthError::InvalidRequest));
    let own = question(&[("redirect_uri", "https://lecteur.example/retour?x=1")]);
    assert!(matches!(authorization(&own, Some(&server), ISSUER), Ask::Good(_)));
    // Twice: whoever checks the first and whoever uses the last would not agree.
    let mut twice = question(&[]);
    twice.push(("redirect_uri".into(), "https://evil.example/".into()));
    assert_eq!(authorization(&twice, Some(&native()), ISSUER), Ask::Here(OauthError::InvalidRequest));
}

#[test]
fn a_client_that_is_not_known_sends_nobody_anywhere() {
    assert_eq!(authorization(&question(&[]), None, ISSUER), Ask::Here(OauthError::InvalidClient));
    for other in ["-", "", "autre"] {
        assert_eq!(judged(&[("client_id", other)]), Ask::Here(OauthError::InvalidClient));
    }
    let mut twice = question(&[]);
    twice.push(("client_id".into(), "lecteur".into()));
    assert_eq!(authorization(&twice, Some(&native()), ISSUER), Ask::Here(OauthError::InvalidClient));
    assert_eq!(client_named(&twice), None);
}

#[test]
fn pkce_missing_plain_and_wrong() {
    for changes in [
        [("code_challenge", "-")],
        [("code_challenge_method", "-")],
        [("code_challenge_method", "plain")],
        [("code_challenge_method", "s256")],
        [("code_challenge", "")],
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c")],
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN")],
        [("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=")],
    ] {
        assert_eq!(back(&changes), "invalid_request", "{changes:?}");
    }
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    for (changes, error) in [
        ([("response_type", "-")], "invalid_request"),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_type", "code token")], "unsupported_response_type"),
        ([("response_mode", "fragment")], "invalid_request"),
        ([("request", "e30.e30.")], "invalid_request"),
        ([("request_uri", "https://x.example/")], "invalid_request"),
        ([("scope", "-")], "invalid_scope"),
        ([("scope", "")], "invalid_scope"),
        ([("scope", "mail.read admin")], "invalid_scope"),
        ([("scope", "mail.read  mail.send")], "invalid_scope"),
        ([("scope", "offline_access")], "invalid_scope"),
        ([("state", "é")], "invalid_request"),
    ] {
        assert_eq!(back(&changes), error, "{changes:?}");
    }
    let mut twice = question(&[]);
    twice.push(("scope".into(), "mail".into()));
    assert!(
        matches!(authorization(&twice, Some(&native()), ISSUER), Ask::Back(url) if url.contains("error=invalid_request"))
    );
    let modest = Client { scopes: Scopes::READ, ..native() };
    assert!(
        matches!(authorization(&question(&[]), Some(&modest), ISSUER), Ask::Back(url) if url.contains("error=invalid_scope"))
    );
}

#[test]
fn the_state_goes_back_as_it_came() {
    let Ask::Back(url) = judged(&[("scope", "x"), ("state", "a&b=c #é".trim_end_matches('é'))]) else { panic!() };
    assert!(url.ends_with("error=invalid_scope&state=a%26b%3Dc%20%23&iss=https%3A%2F%2Fop.example"), "{url}");
    let long = "x".repeat(1025);
    let Ask::Back(url) = judged(&[("state", &long)]) else { panic!() };
    assert!(!url.contains("state=") && url.contains("invalid_request"));
}

#[test]
fn rfc9207_2_an_answer_says_whose_it_is() {
    assert_eq!(
        answer("https://a.example/r?x=1", &[("code", "c&d")], ISSUER),
        "https://a.example/r?x=1&code=c%26d&iss=https%3A%2F%2Fop.example"
    );
    assert_eq!(answer("fr.example.a:/r", &[], ISSUER), "fr.example.a:/r?iss=https%3A%2F%2Fop.example");
}

#[test]
fn what_may_be_registered() {
    use ClientKind::{Confidential, Native};
    for good in ["https://a.example/r", "http://127.0.0.1/r", "http://[::1]/", "fr.example.a:/r"] {
        assert!(registrable(good, Native) && registrable(good, Confidential) == good.starts_with("https"), "{good}");
    }
    for bad in [
        "http://a.example/r",
        "http://localhost/r",
        "javascript:/a",
        "myapp:/r",
        "data:/x",
        "fr.example.a:r",
        "fr.example.a://h/r",
        "https://a.example/#x",
        "https://u@a.example/",
        "https://a.example/?code=1",
        "https://a.example/?x=1&iss=2",
        "https://a.example/?%63ode=1",
        "https://a.example/?x=%",
        "",
        "/r",
        "file:///etc/passwd",
    ] {
        assert!(!registrable(bad, Native) && !registrable(bad, Confidential), "{bad}");
    }
}

#[test]
fn rfc7636_appendix_b() {
    assert!(challenge_ok(VERIFIER, CHALLENGE));
    // The challenge itself (plain), shorter, longer, other characters.
    for bad in [CHALLENGE, &VERIFIER[..42], &VERIFIER[1..], "", &VERIFIER.replace('-', "+")] {
        assert!(!challenge_ok(bad, CHALLENGE), "{bad}");
    }
    for bad in ["", VERIFIER, &CHALLENGE[1..], "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="] {
        assert!(!challenge_ok(VERIFIER, bad), "{bad}");
    }
    let of = |verifier: &str| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        challenge_ok(verifier, &base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest))
    };
    assert!(of(&"~".repeat(43)) && of(&"a".repeat(128)));
    assert!(!of(&"a".repeat(42)) && !of(&"a".repeat(129)) && !of(&"é".repeat(30)) && !of(&" ".repeat(50)));
}

fn granted(text: &str) -> Result<(Grant, ClientAuth), OauthError> {
    grant(&read(text), None)
}
fn z(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[test]
fn each_grant_is_read() {
    let code = format!(
        "grant_type=authorization_code&client_id=a&code=c&code_verifier={VERIFIER}&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fr"
    );
    let expected = Grant::Code { code: z("c"), verifier: z(VERIFIER), redirect: "http://127.0.0.1:1/r".into() };
    assert_eq!(granted(&code), Ok((expected, ClientAuth::Public { id: "a".into() })));
    let (g, _) = granted("grant_type=refresh_token&client_id=a&refresh_token=r&scope=mail.read").unwrap();
    assert_eq!(g, Grant::Refresh { token: z("r"), scope: Some(Scopes::READ) });
    assert_eq!(
        format!("{g:?} {:?}", ClientAuth::Secret { id: "a".into(), secret: z("s3cret") }),
        "Refresh(…) ClientAuth(a, …)"
    );
    assert_eq!(
        granted("grant_type=refresh_token&client_id=a&refresh_token=r").unwrap().0,
        Grant::Refresh { token: z("r"), scope: None }
    );
    for part in ["code=c", "code_verifier", "redirect_uri"] {
        let without: Vec<_> = code.split('&').filter(|p| !p.starts_with(part)).collect();
        assert_eq!(granted(&without.join("&")), Err(OauthError::InvalidRequest), "{part}");
    }
    for (text, error) in [
        ("client_id=a", OauthError::InvalidRequest),
        ("grant_type=password&client_id=a&username=u&password=p", OauthError::UnsupportedGrantType),
        ("grant_type=client_credentials&client_id=a", OauthError::UnsupportedGrantType),
        ("grant_type=refresh_token&client_id=a&refresh_token=", OauthError::InvalidRequest),
        ("grant_type=refresh_token&client_id=a&refresh_token=r&scope=x", OauthError::InvalidScope),
        ("grant_type=refresh_token&client_id=a&refresh_token=r&refresh_token=r", OauthError::InvalidRequest),
        ("grant_type=refresh_token&refresh_token=r", OauthError::InvalidClient),
        ("grant_type=refresh_token&client_id=a&refresh_token=r%00", OauthError::InvalidRequest),
        (
            "grant_type=refresh_token&grant_type=authorization_code&client_id=a&refresh_token=r",
            OauthError::InvalidRequest,
        ),
    ] {
        assert_eq!(granted(text).err(), Some(error), "{text}");
    }
    let long = format!("grant_type=refresh_token&client_id=a&refresh_token={}", "r".repeat(MAX_SECRET + 1));
    assert_eq!(granted(&long).err(), Some(OauthError::InvalidRequest));
}

#[test]
fn a_client_proves_itself_in_one_way() {
    let header = |text: &str| basic(&STANDARD.encode(text));
    assert_eq!(header("a%3Ab:s%26+t"), None, "a space is no character of a secret");
    assert_eq!(header("a%3Ab:s%26t"), Some(("a:b".to_owned(), z("s&t"))));
    for bad in ["a", ":s", "a:", "a:%zz", "a:\u{7}", ""] {
        assert_eq!(header(bad), None, "{bad:?}");
    }
    assert_eq!(basic("é"), None);
    let refresh = "grant_type=refresh_token&refresh_token=r";
    let with = |more: &str, basic: Option<&str>| {
        grant(&read(&format!("{refresh}{more}")), basic.and_then(header)).map(|(_, a)| a)
    };
    let secret = ClientAuth::Secret { id: "a".into(), secret: z("s") };
    assert_eq!(with("", Some("a:s")), Ok(secret.clone()));
    assert_eq!(with("&client_id=a", Some("a:s")), Ok(secret.clone()));
    assert_eq!(with("&client_id=a&client_secret=s", None), Ok(secret));
    for (more, basic) in [
        ("&client_id=b", Some("a:s")),
        ("&client_secret=s", Some("a:s")),
        ("&client_id=a&client_secret=", None),
        ("&client_id=a&client_assertion=x", None),
        ("&client_id=a&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer", None),
        (
            "&client_id=a&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Asaml2-bearer&client_assertion=x",
            None,
        ),
    ] {
        assert_eq!(with(more, basic), Err(OauthError::InvalidRequest), "{more}");
    }
    assert_eq!(with("&client_secret=s", None), Err(OauthError::InvalidClient));
    assert_eq!(with(&format!("&client_id={}", "a".repeat(MAX_CLIENT + 1)), None), Err(OauthError::InvalidClient));
}

#[test]
fn rfc7523_3_a_client_proves_itself_by_its_key() {
    let (key, now) = (ec("k"), Timestamp(1_000_000_000));
    let keys = published(&[&key]);
    let base = json!({"iss": "a", "sub": "a", "aud": ISSUER, "jti": "j", "exp": 1_000_060, "iat": 1_000_000});
    let audiences = [ISSUER, "https://op.example/oauth/token"];
    let judged = |signer: &Signer, keys: &Keys, changes: serde_json::Value| {
        let mut claims = base.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        proved(&signer.sign("JWT", &claims).unwrap(), keys, "a", &audiences, now, 30_000)
    };
    let good = Proved { id: "j".into(), until: Timestamp(1_000_090_000) };
    assert_eq!(judged(&key, &keys, json!({})), Ok(good.clone()));
    assert_eq!(judged(&key, &keys, json!({"aud": ["https://op.example/oauth/token"]})), Ok(good));
    for bad in [
        json!({"iss": "b"}),
        json!({"sub": "b"}),
        json!({"aud": "https://autre.example"}),
        json!({"aud": [ISSUER, "https://autre.example"]}),
        json!({"aud": []}),
        json!({"exp": 999_970}),
        json!({"exp": 1_000_331}),
        json!({"exp": null}),
        json!({"iat": 1_000_031}),
        json!({"nbf": 1_000_031}),
        json!({"jti": ""}),
        json!({"jti": null}),
    ] {
        assert_eq!(judged(&key, &keys, bad.clone()), Err(OauthError::InvalidClient), "{bad}");
    }
    for (signer, keys) in [(&ec("k"), &keys), (&rsa("k"), &keys), (&key, &Keys::default())] {
        assert_eq!(judged(signer, keys, json!({})), Err(OauthError::InvalidClient));
    }
    // Whom it is about may stand in the token alone.
    let token = key.sign("JWT", &base).unwrap();
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let form =
        format!("grant_type=refresh_token&refresh_token=r&client_assertion_type={kind}&client_assertion={token}");
    assert_eq!(granted(&form).unwrap().1.id(), "a");
}

#[test]
fn rfc7009_2_1_a_token_is_given_back() {
    let (token, auth) = revocation(&read("token=t&token_type_hint=refresh_token&client_id=a"), None).unwrap();
    assert_eq!((token.as_str(), auth.id()), ("t", "a"));
    assert_eq!(revocation(&read("client_id=a"), None).err(), Some(OauthError::InvalidRequest));
    assert_eq!(revocation(&read("token=t&token=u&client_id=a"), None).err(), Some(OauthError::InvalidRequest));
    assert_eq!(revocation(&read("token=t"), None).err(), Some(OauthError::InvalidClient));
}

#[test]
fn rfc8628_3_1_3_4_a_device_asks() {
    let device = device_request(&read("client_id=a&scope=mail.read"), None).unwrap();
    assert_eq!((device.auth.id(), device.scopes), ("a", Scopes::READ));
    for (text, error) in [
        ("client_id=a", OauthError::InvalidScope),
        ("client_id=a&scope=offline_access", OauthError::InvalidScope),
        ("client_id=a&scope=x", OauthError::InvalidScope),
        ("scope=mail", OauthError::InvalidClient),
        ("client_id=a&client_id=a&scope=mail", OauthError::InvalidRequest),
    ] {
        assert_eq!(device_request(&read(text), None).err(), Some(error), "{text}");
    }
    let text = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=d&client_id=a";
    assert_eq!(granted(text).unwrap().0, Grant::Device { code: z("d") });
}

#[test]
fn rfc8628_3_5_who_asks_too_soon_asks_slower() {
    let polled = |before: i64, now: i64| device_polled(Timestamp(before), Timestamp(now), 5_000);
    assert_eq!(polled(0, 5_000), Polled::InTime);
    assert_eq!(polled(0, 4_999), Polled::TooSoon { every_ms: 10_000 });
    assert_eq!(polled(0, 0), Polled::TooSoon { every_ms: 10_000 });
    assert_eq!(polled(10_000, 0), Polled::InTime);
    assert_eq!(device_polled(Timestamp(0), Timestamp(1), i64::MAX), Polled::TooSoon { every_ms: i64::MAX });
}

#[test]
fn refresh_reused_and_an_answer_that_was_lost() {
    let judged =
        |presented, current, age| rotation(presented, current, Timestamp(100_000), Timestamp(100_000 + age), 10_000);
    assert_eq!((judged(7, 7, 0), judged(7, 7, i64::from(u32::MAX))), (Rotation::Next, Rotation::Next));
    assert_eq!([judged(6, 7, 0), judged(6, 7, 10_000), judged(6, 7, -10_000)], [Rotation::Sibling; 3]);
    for (presented, current, age) in
        [(6, 7, 10_001), (6, 7, -10_001), (5, 7, 0), (8, 7, 0), (i64::MAX, i64::MIN, 0), (i64::MIN, i64::MAX, 0)]
    {
        assert_eq!(judged(presented, current, age), Rotation::Reuse, "{presented} {current} {age}");
    }
}

#[test]
fn scopes_are_bits_and_words() {
    assert_eq!(Scopes::read("mail offline_access"), Some(Scopes::ALL));
    assert_eq!(Scopes::read("mail.send mail.send").map(Scopes::bits), Some(2));
    for bad in ["", " ", "Mail", "mail ", "mail,mail.read", "openid"] {
        assert_eq!(Scopes::read(bad), None, "{bad:?}");
    }
    for bits in 0..16 {
        let scopes = Scopes::of_bits(bits).unwrap();
        assert_eq!(scopes.is_empty(), bits == 0);
        assert_eq!(Scopes::read(&scopes.to_string()).map_or(0, Scopes::bits), bits);
    }
    assert!(
        Scopes::of_bits(16).is_none() && Scopes::MAIL.contains(Scopes::SEND) && !Scopes::SEND.contains(Scopes::MAIL)
    );
}

#[test]
fn rfc8414_3_the_server_describes_itself() {
    let m = metadata(ISSUER, false);
    assert_eq!((&m["issuer"], &m["token_endpoint"]), (&json!(ISSUER), &json!("https://op.example/oauth/token")));
    assert_eq!((&m["code_challenge_methods_supported"], m.get("registration_endpoint")), (&json!(["S256"]), None));
    assert_eq!(m["response_types_supported"], json!(["code"]));
    assert_eq!(metadata(ISSUER, true)["registration_endpoint"], json!("https://op.example/oauth/register"));
    // What it names is what it reads.
    for scope in m["scopes_supported"].as_array().unwrap() {
        assert!(Scopes::read(scope.as_str().unwrap()).is_some());
    }
    assert_eq!((OauthError::InvalidClient.http(), OauthError::SlowDown.http()), (401, 400));
    assert_eq!(OauthError::InvalidGrant.body(), json!({"error": "invalid_grant"}));
}

/// One of several holders of a refresh token.
#[derive(Debug, Clone)]
enum Step {
    /// A holder shows its token at a node whose clock is off by so much; does the answer arrive?
    Show { holder: usize, offset: i64, arrives: bool },
    /// Time passes.
    Wait(i64),
}
fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..2, -2_000i64..2_000, any::<bool>()).prop_map(|(holder, offset, arrives)| Step::Show {
            holder,
            offset,
            arrives
        }),
        (0i64..30_000).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Two nodes, two holders of one token, clocks that differ: a lone honest holder that always hears the answer never ends its grant; and once two
    /// holders went on from one token and both come back later, the grant is over.
    #[test]
    fn rotation_on_two_nodes(steps in prop::collection::vec(any_step(), 1..40)) {
        const GRACE: i64 = 10_000;
        let (mut now, mut current, mut rotated, mut ended) = (1_000_000i64, 0i64, 0i64, false);
        let mut held = [0i64; 2];
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Show { .. } if ended => {}
                Step::Show { holder, offset, arrives } => {
                    let at = now + offset;
                    match rotation(held[holder], current, Timestamp(rotated), Timestamp(at), GRACE) {
                        Rotation::Next => {
                            prop_assert_eq!(held[holder], current);
                            (current, rotated) = (current + 1, at);
                        }
                        Rotation::Sibling => prop_assert!(held[holder] == current - 1 && (at - rotated).abs() <= GRACE),
                        Rotation::Reuse => {
                            // Only ever for a token that is no longer the newest, and not within the grace of one step.
                            prop_assert!(held[holder] < current - 1 || (held[holder] == current - 1 && (at - rotated).abs() > GRACE));
                            ended = true;
                        }
                    }
                    if arrives && !ended {
                        held[holder] = current;
                    }
                }
            }
        }
        // Whoever comes back late with a token that somebody else used ends it.
        if !ended && held[0] != current {
            let late = rotation(held[0], current, Timestamp(rotated), Timestamp(now + 100_000), GRACE);
            prop_assert_eq!(late, Rotation::Reuse);
        }
    }

    #[test]
    fn nobody_is_sent_anywhere_that_is_not_registered(name in "redirect_uri|state|client_id|scope|iss|x", value in "\\PC{0,40}", redirect in "[a-z0-9:/.@#?=%\\[\\]-]{0,40}") {
        let client = native();
        let mut query = question(&[(&name, &value)]);
        for replaced in [false, true] {
            if replaced {
                query.retain(|(n, _)| n != "redirect_uri");
                query.push(("redirect_uri".into(), redirect.clone()));
            }
            let to = match authorization(&query, Some(&client), ISSUER) {
                Ask::Good(a) => a.redirect,
                Ask::Back(url) => url,
                Ask::Here(_) => continue,
            };
            let good = ["http://127.0.0.1/retour", "http://127.0.0.1:", "fr.example.lecteur:/retour", "https://lecteur.example/retour?x=1"];
            prop_assert!(good.iter().any(|g| to.starts_with(g)), "{}", to);
        }
    }
}
