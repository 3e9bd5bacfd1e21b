//! What pages give to whoever attacks: no frame, no way elsewhere, no cookie of his choice, nothing that outlives a session that he stole.
use super::*;
use sceau_identity::form;
use sceau_identity::session::csrf;
use sceau_operator::identity::oauth::clients::NewClient;
use sceau_operator::{Door, Who};
use sceau_testkit::world::origin;
use serde_json::json;

/// Paths that answer to this method, with something in the place of what is asked for.
fn routes(method: &str) -> Vec<String> {
    let routes = include_str!("../../../src/pages/mod.rs");
    let call = format!("{method}(");
    let of_it = routes.lines().filter(|l| l.contains(".route(\"") && l.contains(&call));
    of_it.map(|l| l.split('"').nth(1).unwrap().to_owned()).collect()
}

fn concrete(path: &str) -> String {
    path.replace("{id}", "12").replace("{secret}", "abc").replace("{name}", "chu")
}

/// Every page, whoever looks: kept by nobody, framed by nobody, telling no other site where it was, with no script but files of ours.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_keeps_to_itself() {
    let h = house().await;
    let anne = h.anne(Factor::Card).await;
    let paths: Vec<String> = routes("get").into_iter().chain(["/moyens".to_owned()]).collect();
    assert!(paths.len() > 15, "the routes are found: {paths:?}");
    for path in paths {
        for cookie in ["", anne.as_str()] {
            let page = h.get(&concrete(&path), cookie).await;
            assert!(page.status.as_u16() < 500, "{path}: {} {}", page.status, page.text);
            let policy = page.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
            let said =
                [page.header("x-frame-options"), page.header("x-content-type-options"), page.header("cache-control")];
            assert_eq!(said, ["DENY", "nosniff", "no-store"], "{path}");
            assert!(["no-referrer", "same-origin"].contains(&page.header("referrer-policy")), "{path}");
            assert!(page.header("strict-transport-security").starts_with("max-age="), "{path}");
            let scripts = page.text.matches("<script").count();
            let ours =
                ["src=\"/pages/cle.js\"></script>", "/base.js\"></script>"].map(|end| page.text.matches(end).count());
            assert_eq!(scripts, ours.iter().sum::<usize>(), "{path}: {}", page.text);
            let to = page.header("location");
            assert!(to.is_empty() || to.starts_with('/') && !to.starts_with("//"), "{path}: {to}");
        }
    }
}

/// Open redirects, and headers that somebody writes into an address.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_leads_to_our_own_pages_alone() {
    let h = house().await;
    let anne = h.anne(Factor::Card).await;
    for bad in [
        "https://mechant.fr",
        "//mechant.fr/bal",
        "/%5Cmechant.fr",
        "%2F%2Fmechant.fr/bal",
        "/bal@mechant.fr",
        "/bal%2F%2Fmechant.fr",
        "/.mechant.fr",
        "javascript:alert(1)",
        "/bal%0d%0aSet-Cookie:%20mechant=1",
        "/bal%20mechant.fr",
        "/bal/..%2f..%2fapi%2fv1%2fme%3fmechant.fr",
        "/api/v1/me%23mechant.fr",
    ] {
        for way in ["/connexion", "/connexion/confirmer"] {
            let led = h.get(&format!("{way}?vers={bad}"), &anne).await;
            assert_eq!((led.status, led.header("location")), (StatusCode::SEE_OTHER, "/bal"), "{way} {bad}");
            assert!(led.cookies().iter().all(|c| !c.contains("mechant")), "{:?}", led.cookies());
        }
        let page = h.get(&format!("/connexion?vers={bad}"), "").await;
        assert!(page.status == StatusCode::OK && !page.text.contains("mechant"), "{bad}: {}", page.text);
        // What a form brings is no better than what an address does.
        let attempt = Browser::new(&h.op).attempt;
        let word = csrf(&h.op.form_key(&attempt), "/connexion/cle");
        let cookie = format!("__Host-sceau-essai={attempt}");
        let begun = h.post("/connexion/cle", &cookie, &format!("jeton={word}&vers={bad}")).await;
        assert_eq!((begun.status, begun.header("location")), (StatusCode::SEE_OTHER, "/connexion/cle"), "{bad}");
        assert_eq!(h.op.attempt(&attempt).await.unwrap().to, "/bal", "{bad}");
    }
}

/// Session fixation: what a browser brings is never what it is given. And the flags of what it is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_makes_cookies_of_its_own() {
    let h = house().await;
    let browser = Browser::new(&h.op);
    let Who::Person(anne) = signed_in(&h.op, &h.store, "anne", &[Factor::Passkey]).await.1.who else {
        panic!("a person")
    };
    let mut begun = h.op.begin_attempt(&browser.shown(), "/moyens", None).await.unwrap();
    // As the door for cards leaves it that read hers.
    let word = h.store.vault().tag("handoff", b"mot");
    begun.put("card", &json!({ "word": word, "person": anne.id, "at": h.op.clock().now().0 }));
    h.op.keep_attempt(&mut begun).await.unwrap();
    let own = format!("__Host-sceau=fixe; __Host-sceau-essai={}", browser.attempt);
    // Another word, and the right one in another browser, spend nothing.
    let back = "/connexion/carte/retour?c=mot";
    assert_eq!(h.get("/connexion/carte/retour?c=autre", &own).await.status, StatusCode::CONFLICT);
    assert_eq!(h.get(back, "__Host-sceau-essai=un-autre").await.status, StatusCode::CONFLICT);
    let page = h.get(back, &own).await;
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "/moyens"), "{}", page.text);
    let cookies = page.cookies();
    let of = |name: &str| {
        let all: Vec<_> = cookies.iter().filter(|c| c.starts_with(&format!("{name}="))).collect();
        assert_eq!(all.len(), 1, "{name}: {cookies:?}");
        (*all[0]).to_owned()
    };
    let (session, known, over) = (of("__Host-sceau"), of("__Host-sceau-connu"), of("__Host-sceau-essai"));
    for cookie in [&session, &known, &over] {
        for flag in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(cookie.contains(flag), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    assert!(!session.contains("Max-Age") && !session.contains("Expires"), "it goes with the browser: {session}");
    assert!(known.contains("Max-Age=15552000") && over.starts_with("__Host-sceau-essai=;"), "{known} {over}");
    let given = session.split(';').next().unwrap();
    assert!(given.len() >= "__Host-sceau=".len() + 43, "256 bits: {given}");
    assert_eq!(h.get("/bal", given).await.status, StatusCode::OK);
    assert_eq!(
        h.get("/bal", "__Host-sceau=fixe").await.status,
        StatusCode::SEE_OTHER,
        "what was brought opens nothing"
    );
    assert_eq!(h.get(back, &own).await.status, StatusCode::CONFLICT, "once");
}

/// Whoever has somebody's cookie, longer than the proof is fresh, makes nothing with it that works without it: every form is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_makes_nothing_that_lasts() {
    let h = house().await;
    let (cookie, anne) = signed_in(&h.op, &h.store, "anne", &[Factor::Card]).await;
    let tables = ["factors", "tokens", "bindings", "openings", "oauth_grants", "web_sessions", "links"];
    h.store.clock.advance_ms(11 * 60_000);
    let mut before = Vec::new();
    for table in tables {
        before.push(h.rows(table).await);
    }
    let own = format!("__Host-sceau={cookie}");
    let all = "vers=/bal&label=Poste&bal=&days=30&request=&nom=Cle&reponse={}&code=123456&moyen=totp&identifiant=anne&numero=12\
               &mot_de_passe=girafe-tambour-velours&encore=girafe-tambour-velours&question=BBBB-BBBB&answer=yes\
               &address=anne@alpha.mssante.fr";
    let mut asked = Vec::new();
    for path in routes("post") {
        if OTHER_PROOF.contains(&path.as_str()) || path == "/deconnexion" {
            continue;
        }
        let there = concrete(&path);
        let word = csrf(&h.op.form_key(&cookie), &there);
        let page = h.post(&there, &own, &format!("jeton={word}&{all}")).await;
        assert!(page.status.as_u16() < 500, "{path}: {} {}", page.status, page.text);
        assert!(!page.text.contains("sceau_"), "{path}: {}", page.text);
        if page.header("location").starts_with("/connexion/confirmer") {
            asked.push(path);
        }
    }
    for path in [
        "/bal",
        "/appareil",
        "/appareils/jeton",
        "/appareils/certificat",
        "/appareils/{id}/admettre",
        "/moyens/cle",
        "/moyens/cle/fin",
        "/moyens/totp",
        "/moyens/totp/fin",
        "/moyens/mot-de-passe",
        "/moyens/{id}/retirer",
        "/moyens/liens/{name}/delier",
        "/moyens/liens/{name}/relier",
    ] {
        assert!(asked.iter().any(|a| a == path), "{path} asks for no fresh proof: {asked:?}");
    }
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(h.rows(table).await, before, "{table}");
    }
    // It is the same session still, which its owner sees and ends.
    assert_eq!(h.op.session_of(&cookie, &anne.origin).await.unwrap().credential, anne.credential);
    h.op.end_session(&anne, None).await.unwrap();
    assert_eq!(h.get("/bal", &own).await.status, StatusCode::SEE_OTHER);
}

/// What is too much is refused before it is read.
#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_not_read() {
    let h = house().await;
    let own = h.anne(Factor::Card).await;
    let long = format!("reponse={}", "a".repeat(sceau_web::BODY));
    assert_eq!(h.post("/moyens/cle/fin", &own, &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let token = async |form: &str| h.post("/oauth/token", "", form).await;
    for form in [
        format!("grant_type=refresh_token&refresh_token={}", "a".repeat(33 << 10)),
        format!("grant_type=refresh_token&client_id=a&refresh_token={}", "a".repeat(5_000)),
        (0..70).map(|n| format!("a{n}=b&")).collect(),
        "grant_type=refresh_token&refresh_token=%ff".to_owned(),
        "grant_type=refresh_token&grant_type=refresh_token".to_owned(),
    ] {
        let said = token(&form).await;
        assert_eq!((said.status, said.text.as_str()), (StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#));
        assert_eq!((said.header("cache-control"), said.header("pragma")), ("no-store", "no-cache"));
    }
    // An answer of a passkey that is a bomb.
    for bomb in ["[".repeat(60_000), "{%22a%22:".repeat(10_000), "a".repeat(500_000)] {
        let attempt = Browser::new(&h.op).attempt;
        let cookie = format!("__Host-sceau-essai={attempt}");
        let send = async |path: &str, more: &str| {
            let word = csrf(&h.op.form_key(&attempt), path);
            h.post(path, &cookie, &format!("jeton={word}&{more}")).await
        };
        assert_eq!(send("/connexion/cle", "vers=/bal").await.status, StatusCode::SEE_OTHER);
        let said = send("/connexion/cle/fin", &format!("reponse={bomb}")).await;
        assert_eq!(said.status, StatusCode::UNAUTHORIZED, "{}", said.text);
    }
}

/// A device's code that somebody sent along: the page shows it, from where it was asked for, and lets nothing in by itself (RFC 8628 §5.4).
#[tokio::test(flavor = "multi_thread")]
async fn a_devices_question_is_shown_with_its_code_and_place() {
    let h = house().await;
    let own = h.anne(Factor::Card).await;
    let new = NewClient {
        client_id: "lecteur".into(),
        name: "Lecteur <b>".into(),
        kind: "native".into(),
        redirects: Vec::new(),
        scope: "mail.read".into(),
        jwks: None,
    };
    h.op.add_oauth_client(&h.admin, new).await.unwrap();
    let asks = form::read("client_id=lecteur&scope=mail.read").unwrap();
    let asked = h.op.oauth_device(&asks, None, &origin(Door::Web)).await.unwrap();
    let code = asked["user_code"].as_str().unwrap();
    let way = asked["verification_uri_complete"].as_str().unwrap().strip_prefix(HERE).unwrap();
    let first = h.get(way, "").await;
    assert!(first.header("location").starts_with("/connexion?vers=%2Fappareil"), "{}", first.header("location"));
    let page = h.get(way, &own).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains(&format!("<strong>{code}</strong>")), "{}", page.text);
    assert!(page.text.contains("192.0.") && !page.text.contains("Lecteur <b>"), "{}", page.text);
    assert_eq!(h.rows("oauth_grants").await, 0, "looking gives nothing");
    // Without the word of this page's form nobody says yes for her.
    let answer = |word: &str| format!("jeton={word}&question={code}&bal=&answer=yes");
    assert_eq!(h.post("/appareil", &own, &answer("")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(h.rows("oauth_grants").await, 0);
    assert_eq!(h.post("/appareil", &own, &answer(&page.word("/appareil"))).await.status, StatusCode::OK);
    assert_eq!(h.rows("oauth_grants").await, 1);
}

/// A program that registered itself is shown as one at whose name nobody looked; and one stranger does not fill the room that there is for such ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_registers_itself_is_shown_as_unknown() {
    let h = {
        let store = sceau_store::testing::sqlite().await;
        let mut config = sceau_testkit::config();
        config.identity.oauth.registration = true;
        let trust = sceau_trust::Trust::new(sceau_trust::Anchors::default());
        let (op, admin) = sceau_testkit::open(config, store.clone(), trust).await;
        House { app: sceau_web::app(op.clone()), op, admin, store }
    };
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let register = async |ip: [u8; 4], redirect: &str| {
        let body = json!({ "client_name": "Banque", "redirect_uris": [redirect], "token_endpoint_auth_method": "none", "scope": "mail.read" });
        let via = Via::Tls { remote: ip.into(), tls: None };
        let request = Request::builder().method(Method::POST).uri("/oauth/register").extension(via);
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let (parts, body) = h.app.clone().oneshot(request).await.unwrap().into_parts();
        let text = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, serde_json::from_slice::<serde_json::Value>(&text).unwrap())
    };
    let (one, other) = ([198, 51, 100, 7], [203, 0, 113, 7]);
    for bad in ["javascript:alert(1)", "http://mechant.fr/r", "https://mechant.fr/r#x", "data:text/html,x"] {
        let (status, said) = register(one, bad).await;
        assert_eq!((status, &said["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_redirect_uri")), "{bad}");
    }
    let (status, said) = register(one, "http://127.0.0.1/r").await;
    assert_eq!((status, said.get("client_secret")), (StatusCode::CREATED, None), "{said}");
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let asked = [
        ("response_type", "code"),
        ("client_id", said["client_id"].as_str().unwrap()),
        ("redirect_uri", "http://127.0.0.1:4711/r"),
        ("scope", "mail.read"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    let own = h.anne(Factor::Card).await;
    // As long as it may be, it is not forgotten on the way through the sign-in.
    let state = " ".repeat(1024);
    let long = [&asked[..], &[("state", state.as_str())]].concat();
    let question = format!("/oauth/authorize?{}", form::write(&long));
    let first = h.get(&question, "").await;
    assert!(
        first.header("location").starts_with("/connexion?vers=%2Foauth%2Fauthorize%3F"),
        "{}",
        first.header("location")
    );
    assert_eq!(h.get(first.header("location"), &own).await.header("location"), question);
    let page = h.get(&format!("/oauth/authorize?{}", form::write(&asked)), &own).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("Banque") && page.text.contains("présenté lui-même"), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:4711"), "{policy}");
    for n in 1..20 {
        assert_eq!(register(one, "http://127.0.0.1/r").await.0, StatusCode::CREATED, "{n}");
    }
    assert_eq!(register(one, "http://127.0.0.1/r").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(register(other, "http://127.0.0.1/r").await.0, StatusCode::CREATED);
    assert_eq!(h.rows("oauth_clients").await, 21);
}
