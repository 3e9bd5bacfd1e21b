//! Our own authorization server as programs use it (F050), and one's devices in a browser (F229): a browser without scripts, a program that reads and sends.
use sceau_e2e::doors::{imap, say};
use sceau_e2e::peer::Wire;
use sceau_e2e::schema::assert_fits;
use sceau_e2e::visit::{Seen, Visit, between};
use sceau_e2e::{Run, Sandbox, proves, wait};
use serde_json::{Value, json};

const MARIE: &str = "marie.martin@alpes.mssante.fr";
const PAUL: &str = "paul.durand@alpes.mssante.fr";
pub(crate) const BACK: &str = "http://127.0.0.1:4711/retour";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const QUESTION: &str = "response_type=code&client_id=lecteur&scope=mail+offline_access&state=s1&code_challenge_method=S256\
                        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A program without a browser asks: status and JSON.
pub(crate) fn program(sandbox: &Sandbox, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    let visit = Visit::new(sandbox);
    let mut all: Vec<String> = Vec::new();
    for (name, value) in fields {
        all.extend(["--data-urlencode".into(), format!("{name}={value}")]);
    }
    let args: Vec<&str> = all.iter().map(String::as_str).collect();
    let seen = visit.ask(&format!("{}{path}", sandbox.a().public_url), &args);
    (seen.status, serde_json::from_str(&seen.body).unwrap_or(Value::Null))
}

/// The code in the address to which a browser is led.
pub(crate) fn code(seen: &Seen) -> String {
    let to = seen.to.as_deref().unwrap_or_else(|| panic!("led nowhere: {} {}", seen.status, seen.body));
    assert!(to.starts_with(BACK) && to.contains("state=s1") && to.contains("&iss=https%3A%2F%2F"), "{to}");
    between(&format!("{to}&"), "code=", "&").expect("a code").to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

/// Waits until a session is told that it is over.
fn ends(mut session: Wire) {
    let ended = wait::until("the end of the session", 5, || {
        session.put(b"e2e NOOP\r\n").ok();
        match session.line() {
            Ok(line) if line.starts_with("* BYE") => Some(line),
            Ok(_) => None,
            Err(_) => Some("* BYE".into()),
        }
    });
    assert!(ended.starts_with("* BYE"), "{ended}");
}

/// Nothing that the operator keeps or logs holds a secret that it gave.
fn kept_nowhere(sandbox: &Sandbox, secrets: &[&str]) {
    let folder = sandbox.a().data.to_str().expect("UTF-8");
    for secret in secrets {
        let found = Run::of("grep", &["-rlaF", "--", secret, folder]);
        assert_eq!((found.code, found.out.as_str()), (1, ""), "{found:?}");
    }
    // What is looked for would be found.
    assert_eq!(Run::of("grep", &["-rlaF", "--", "oauth_grants", folder]).code, 0);
}

#[test]
fn a_program_gets_tokens_of_ours() {
    let _web = proves(&["F050"], "web");
    let _imap = proves(&["F050"], "imap");
    let _smtp = proves(&["F050"], "submission");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let add = ["oauth", "add", "lecteur", "--name", "Lecteur Exemple", "--kind", "native"];
    let added = a.cli(&[&add[..], &["--redirect", "http://127.0.0.1/retour"]].concat());
    assert_fits("oauth_client", &added);
    assert_fits("oauth_clients", &a.cli(&["oauth", "list"]));
    let said = Visit::new(&sandbox).get(&format!("{url}/.well-known/oauth-authorization-server"));
    let said: Value = serde_json::from_str(&said.body).expect("JSON");
    assert_eq!((&said["issuer"], &said["code_challenge_methods_supported"]), (&json!(url), &json!(["S256"])));
    let authorize = text(&said["authorization_endpoint"]).to_owned();
    let asked = format!("{authorize}?{QUESTION}&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fretour");

    // Nobody is sent to an address that is not registered; other mistakes go back to the program.
    let marie = Visit::new(&sandbox);
    for bad in [
        "http%3A%2F%2F127.0.0.1%2Fautre",
        "https%3A%2F%2Fmechant.example%2F",
        "http%3A%2F%2F127.0.0.1%3A4711%2Fretour%23x",
    ] {
        let seen = marie.get(&format!("{authorize}?{QUESTION}&redirect_uri={bad}"));
        assert!(seen.status == 400 && seen.to.is_none() && seen.body.contains("invalid_request"), "{bad}: {seen:?}");
    }
    let plain = marie.get(&asked.replace("S256", "plain"));
    assert!(
        plain.to.as_deref().is_some_and(|to| to.starts_with(BACK) && to.contains("error=invalid_request")),
        "{plain:?}"
    );
    // Who is not signed in does that first, and comes back to the question.
    let first = marie.get(&asked);
    let to = first.to.clone().expect("led to the sign-in");
    assert!(to.starts_with(&format!("{url}/connexion?vers=%2Foauth%2Fauthorize%3F")), "{to}");
    let page = marie.get(&to);
    let back = marie.at_provider(marie.send(&page, "/connexion/psc", &[]), "marie.martin", "card");
    let page = marie.follow(marie.get(&back));
    assert!(
        page.status == 200 && page.body.contains("Lecteur Exemple") && page.body.contains("127.0.0.1:4711"),
        "{}",
        page.body
    );
    // A form that no page of ours made, or that comes from elsewhere, lets nobody in.
    let question =
        page.form("/oauth/authorize").expect("a form").into_iter().find(|(n, _)| n == "question").expect("a field").1;
    for (from, word) in [(url, ""), ("https://mechant.example", "x")] {
        let forged = marie.post(from, &authorize, &[("question", &question), ("jeton", word), ("answer", "yes")]);
        assert!(forged.status == 403 && forged.to.is_none(), "{forged:?}");
    }
    // A no goes back, and gives nothing.
    let no = marie.send(&page, "/oauth/authorize", &[("answer", "no")]);
    assert!(no.to.as_deref().is_some_and(|to| to.contains("error=access_denied")), "{no:?}");
    let yes = marie.send(&page, "/oauth/authorize", &[("bal", ""), ("answer", "yes")]);
    let code = code(&yes);
    let fields = |verifier: &'static str| {
        [
            ("grant_type", "authorization_code"),
            ("client_id", "lecteur"),
            ("redirect_uri", BACK),
            ("code_verifier", verifier),
        ]
    };
    let wrong = program(&sandbox, "/oauth/token", &[&fields(&VERIFIER[1..])[..], &[("code", &code)]].concat());
    assert_eq!((wrong.0, &wrong.1["error"]), (400, &json!("invalid_grant")));
    let (status, tokens) = program(&sandbox, "/oauth/token", &[&fields(VERIFIER)[..], &[("code", &code)]].concat());
    assert_eq!(
        (status, &tokens["token_type"], &tokens["scope"]),
        (200, &json!("Bearer"), &json!("mail.read mail.send mail.file offline_access")),
        "{tokens}"
    );

    // It reads and sends, until its person takes it back.
    let access = text(&tokens["access_token"]).to_owned();
    let mut session = sandbox.imap_bearer(a, "OAUTHBEARER", MARIE, &access).expect("a session");
    say(&mut session, "SELECT INBOX").expect("selected");
    let letter = format!("From: {MARIE}\r\nTo: {PAUL}\r\nSubject: oauth\r\nMessage-ID: <oauth@e2e>\r\n\r\nBonjour\r\n");
    let send = [
        "-sS",
        "--max-time",
        "60",
        "--cacert",
        sandbox.anchors(),
        "--user",
        &format!("{MARIE}:"),
        "--oauth2-bearer",
        &access,
    ];
    let door = format!("smtps://{}", a.endpoints.submissions);
    let more = ["--login-options", "AUTH=XOAUTH2", "--mail-from", MARIE, "--mail-rcpt", PAUL, "-T", "-", &door];
    let sent = Run::with_input("curl", &[&send[..], &more].concat(), letter.as_bytes());
    assert_eq!(sent.code, 0, "{sent:?}");
    let refresh = |token: &str| {
        program(
            &sandbox,
            "/oauth/token",
            &[("grant_type", "refresh_token"), ("client_id", "lecteur"), ("refresh_token", token)],
        )
    };
    let (status, next) = refresh(text(&tokens["refresh_token"]));
    assert_eq!(status, 200, "{next}");
    let devices = marie.get(&format!("{url}/appareils"));
    assert!(devices.body.contains("Lecteur Exemple") && devices.body.contains("dernier usage"), "{}", devices.body);
    // Its own form, which follows its name; others of hers stand before it.
    let row = devices.body.split("Lecteur Exemple").nth(1).expect("a row");
    let id = between(row, "/appareils/", "/revoquer").expect("a form").to_owned();
    let revoked = marie.send(&devices, &format!("/appareils/{id}/revoquer"), &[]);
    assert_eq!(revoked.status, 303, "{}", revoked.body);
    ends(session);
    assert!(sandbox.imap_bearer(a, "OAUTHBEARER", MARIE, text(&next["access_token"])).is_err());
    assert_eq!(refresh(text(&next["refresh_token"])).0, 400);

    // A program without a browser.
    let device = [("client_id", "lecteur"), ("scope", "mail.read")];
    let (status, asks) = program(&sandbox, "/oauth/device_authorization", &device);
    assert_eq!((status, &asks["interval"]), (200, &json!(5)), "{asks}");
    let page = marie.get(text(&asks["verification_uri_complete"]));
    assert!(page.status == 200 && page.body.contains("Lecteur Exemple"), "{}", page.body);
    let done = marie.send(&page, "/appareil", &[("bal", ""), ("answer", "yes")]);
    assert!(done.status == 200 && done.body.contains("l’appareil a accès"), "{}", done.body);
    std::thread::sleep(std::time::Duration::from_secs(6));
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "lecteur"),
        ("device_code", text(&asks["device_code"])),
    ];
    let (status, tokens) = program(&sandbox, "/oauth/token", &poll);
    assert_eq!((status, &tokens["scope"]), (200, &json!("mail.read")), "{tokens}");
    let mut session = sandbox.imap_bearer(a, "XOAUTH2", MARIE, text(&tokens["access_token"])).expect("a session");
    let no = say(&mut session, "CREATE Dossier").expect_err("it only reads");
    assert!(no.contains("right.missing"), "{no}");
    // Given back by the program itself.
    let give = [("client_id", "lecteur"), ("token", text(&tokens["access_token"]))];
    assert_eq!(program(&sandbox, "/oauth/revoke", &give).0, 200);
    ends(session);
    kept_nowhere(
        &sandbox,
        &[&code, &access, text(&next["refresh_token"]), text(&asks["device_code"]), text(&tokens["access_token"])],
    );
    // Blocked, it asks nobody any more.
    a.cli(&["oauth", "edit", "lecteur", "--state", "blocked"]);
    assert_eq!(program(&sandbox, "/oauth/device_authorization", &device).0, 401);
}

#[test]
fn devices_are_listed_with_last_use_and_place_and_revoked_at_once() {
    let _web = proves(&["F229", "F055"], "web");
    let _imap = proves(&["F229"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let marie = Visit::new(&sandbox);
    assert!(marie.get(&format!("{url}/appareils")).to.is_some_and(|to| to.contains("/connexion")));
    marie.sign_in(url, "marie.martin");
    let list = || marie.get(&format!("{url}/appareils"));
    let made = marie.send(&list(), "/appareils/jeton", &[("label", "Poste du cabinet"), ("bal", ""), ("days", "30")]);
    let secret =
        between(&made.body, "<code id=\"secret\">", "</code>").unwrap_or_else(|| panic!("{}", made.body)).to_owned();
    assert!(secret.starts_with("sceau_") && made.body.contains(MARIE), "{}", made.body);
    assert!(list().body.contains("Poste du cabinet") && list().body.contains("jamais employé"));
    assert!(!list().body.contains(&secret), "shown once");
    let mut session = imap(&sandbox, a, MARIE, &secret).expect("a session");
    say(&mut session, "SELECT INBOX").expect("selected");
    let page = list();
    assert!(page.body.contains("dernier usage") && page.body.contains("depuis 127.0.0.0/"), "{}", page.body);
    let rows = a.cli(&["token", "list", "--login", "marie.martin"]);
    let row = rows.as_array().expect("rows").iter().find(|t| t["label"] == "Poste du cabinet").expect("a row").clone();
    assert_eq!(row["strength"], json!("psc"));
    let revoke = format!("/appareils/{}/revoquer", row["id"]);
    // A word of another form does not revoke it.
    let word =
        page.form("/appareils/jeton").expect("a form").into_iter().find(|(n, _)| n == "jeton").expect("a word").1;
    assert_eq!(marie.post(url, &format!("{url}{revoke}"), &[("jeton", &word)]).status, 409);
    assert_eq!(marie.send(&page, &revoke, &[]).status, 303);
    ends(session);
    assert!(imap(&sandbox, a, MARIE, &secret).is_err());

    // A profile for a telephone, with its token in it; without a word of ours there is none.
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("p.der");
    let words = list().form("/appareils/profil-apple").expect("a form");
    let word = format!("jeton={}", words.iter().find(|(n, _)| n == "jeton").expect("a word").1);
    let (origin, out) = (format!("Origin: {url}"), file.to_str().expect("UTF-8"));
    let args = [
        "-X",
        "POST",
        "-H",
        &origin,
        "--data-urlencode",
        &word,
        "--data-urlencode",
        &format!("bal={MARIE}"),
        "-o",
        out,
    ];
    assert_eq!(marie.ask(&format!("{url}/appareils/profil-apple"), &args).status, 200);
    let verify =
        ["cms", "-verify", "-binary", "-inform", "DER", "-in", out, "-CAfile", sandbox.anchors(), "-purpose", "any"];
    let plist = Run::of("openssl", &verify).ok().out;
    let token = between(&plist, "<key>IncomingPassword</key>\n      <string>", "</string>").expect("a token");
    imap(&sandbox, a, MARIE, token).expect("the telephone reads");

    kept_nowhere(&sandbox, &[&secret, token]);
    // A domain that admits none.
    a.cli(&["policy", "set", "domain", &a.domains[0], "device_tokens", "0"]);
    let page = list();
    assert!(page.form("/appareils/jeton").is_none() && page.body.contains("n’admet pas"), "{}", page.body);
}
