//! Mail programs with access tokens of Pro Santé Connect (XOAUTH2, OAUTHBEARER; F221): what they open, for how long, and what is refused. The provider is
//! the sandbox's.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_e2e::bucket::Bucket;
use sceau_e2e::doors::{imap, say};
use sceau_e2e::sandbox::More;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Database, Run, Sandbox, proves, wait};
use serde_json::{Value, json};

const MARIE: &str = "marie.martin@alpes.mssante.fr";
const PAUL: &str = "paul.durand@alpes.mssante.fr";
const SERVICE: &str = "service-cardiologie@alpes.mssante.fr";

/// Sends with curl by XOAUTH2, as `from`.
fn send(sandbox: &Sandbox, from: &str, token: &str, subject: &str) -> Run {
    let a = sandbox.a();
    let letter = format!(
        "From: {from}\r\nTo: {PAUL}\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 08:00:00 +0100\r\nMessage-ID: <{subject}@lps>\r\n\r\nBonjour\r\n"
    );
    let url = format!("smtps://{}", a.endpoints.submissions);
    let user = format!("{from}:");
    let args = ["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "--user", &user, "--oauth2-bearer", token];
    let more = ["--login-options", "AUTH=XOAUTH2", "--mail-from", from, "--mail-rcpt", PAUL, "-T", "-", &url];
    Run::with_input("curl", &[&args[..], &more].concat(), letter.as_bytes())
}

/// Why a token opens nothing, as the IMAP door says it.
fn refused(sandbox: &Sandbox, user: &str, token: &str) -> String {
    sandbox.imap_bearer(sandbox.a(), "XOAUTH2", user, token).expect_err("refused")
}

fn standing(o: &sceau_e2e::sandbox::Operator, login: &str) -> Value {
    let all = o.cli(&["token", "list", "--login", login]);
    let rows: Vec<Value> = all.as_array().expect("tokens").iter().filter(|t| t["purpose"] == "psc").cloned().collect();
    assert!(rows.len() <= 1, "{rows:?}");
    rows.into_iter().next().unwrap_or(Value::Null)
}

#[test]
fn a_program_sends_while_the_signing_key_rotates() {
    let _proof = proves(&["F221", "F048"], "submission");
    let _imap = proves(&["F221", "F048"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    // As whoever builds a professional software asks for one.
    let (folder, base) = (sandbox.data.to_str().expect("a path"), sandbox.base().to_string());
    let said = a.cli(&["sandbox", "token", "--as", "marie.martin", "--data", folder, "--port-base", &base]);
    let token = said["token"].as_str().expect("a token").to_owned();
    let _ = send(&sandbox, MARIE, &token, "avant").ok();
    let row = standing(a, "marie.martin");
    assert_eq!(row["label"], json!(sandbox.ready.psc.lps_client), "{row}");
    // Another key, the one before it published no more: what it signed is worth nothing as soon as we know.
    sandbox.rotate_psc(0);
    let next = sandbox.token_of("marie.martin");
    let _ = send(&sandbox, MARIE, &next, "apres").ok();
    assert!(refused(&sandbox, MARIE, &token).contains("AUTHENTICATIONFAILED"));
    assert_eq!(standing(a, "marie.martin")["id"], row["id"], "one row for one program");

    // The session outlives its token; the token opens nothing any more.
    sandbox.imap_bearer(a, "XOAUTH2", PAUL, &sandbox.token_of("paul.durand")).expect("a session");
    // By the provider's clock it is over; ours may be a minute behind.
    let soon_over = sandbox.mint(&json!({ "who": "paul.durand", "seconds": -40 }));
    let mut session = sandbox.imap_bearer(a, "OAUTHBEARER", "", &soon_over).expect("a session");
    say(&mut session, "SELECT INBOX").expect("selected");
    let both = |answer: &String| {
        let numbers = answer.lines().find_map(|l| l.strip_prefix("* SEARCH")).unwrap_or_default();
        numbers.split_whitespace().count() == 2
    };
    wait::until("both letters", 20, || say(&mut session, "SEARCH OR SUBJECT avant SUBJECT apres").ok().filter(both));
    wait::until("the end of the token", 60, || {
        sandbox.imap_bearer(a, "OAUTHBEARER", "", &soon_over).err().filter(|no| no.contains("EXPIRED"))
    });
    say(&mut session, "FETCH 1:* (FLAGS)").expect("goes on");

    // Whoever came before comes while the provider is away; whoever is new waits, and is not held back for it.
    let (known, new) = (sandbox.token_of("paul.durand"), sandbox.token_of("lea.bernard"));
    sandbox.psc_away(600);
    sandbox.imap_bearer(a, "XOAUTH2", PAUL, &known).expect("known");
    let no = refused(&sandbox, "", &new);
    assert!(no.contains("UNAVAILABLE"), "{no}");
    wait::until("the alarm", 20, || a.cli(&["alarm", "list"]).to_string().contains("psc.unreachable").then_some(()));
    sandbox.psc_away(0);
    let again = || sandbox.imap_bearer(a, "XOAUTH2", "", &sandbox.token_of("lea.bernard")).ok();
    wait::until("the provider again", 40, again);
    wait::until("no alarm", 20, || (!a.cli(&["alarm", "list"]).to_string().contains("psc.unreachable")).then_some(()));

    // Revoked: what is open ends, and a good token does not open it again.
    let id = standing(a, "paul.durand")["id"].to_string();
    a.cli(&["token", "revoke", id.trim_matches('"')]);
    while !session.line().expect("a farewell").contains("BYE") {}
    let no = refused(&sandbox, PAUL, &sandbox.token_of("paul.durand"));
    assert!(no.contains("AUTHORIZATIONFAILED"), "{no}");
    // Until its person lets it in again, having just proven who he is.
    let paul = Visit::new(&sandbox);
    assert_eq!(paul.sign_in(&a.public_url, "paul.durand").status, 303);
    let page = paul.get(&format!("{}/appareils", a.public_url));
    let admitted = paul.send(&page, &format!("/appareils/{}/admettre", id.trim_matches('"')), &[]);
    assert_eq!(admitted.status, 303, "{}", admitted.body);
    sandbox.imap_bearer(a, "XOAUTH2", PAUL, &sandbox.token_of("paul.durand")).expect("let in again");

    // Nothing of a token is kept, anywhere (ECO.1.2.5).
    for token in [&next, &known, &new] {
        let end = &token[token.len() - 40..];
        let found = Run::of("grep", &["-rlaF", end, sandbox.data.to_str().expect("a path")]);
        assert_eq!((found.code, found.out.as_str()), (1, ""), "kept");
    }
}

#[test]
fn a_key_turns_while_three_nodes_serve() {
    let _proof = proves(&["F221", "F263"], "imap");
    let (database, bucket) = (Database::start(), Bucket::start());
    let mut arguments = vec!["--store".to_owned(), database.url(), "--nodes".to_owned(), "3".to_owned()];
    arguments.extend(bucket.arguments());
    let sandbox = Sandbox::start_more(More { arguments, variables: bucket.variables(), letters: false });
    let nodes = [0, 1, 2].map(|i| sandbox.a().at(i));
    let old = sandbox.token_of("marie.martin");
    for node in &nodes {
        sandbox.imap_bearer(node, "XOAUTH2", MARIE, &old).expect("a session");
    }
    // Each node has a memory of its own, and learns the new key when it meets it.
    sandbox.rotate_psc(0);
    let new = sandbox.token_of("marie.martin");
    for node in &nodes {
        sandbox.imap_bearer(node, "XOAUTH2", MARIE, &new).expect("a session");
        let no = sandbox.imap_bearer(node, "XOAUTH2", MARIE, &old).expect_err("its key is published no more");
        assert!(no.contains("AUTHENTICATIONFAILED"), "{no}");
    }
    // What one node is told to take away, the others do.
    let id = standing(&nodes[0], "marie.martin")["id"].to_string();
    nodes[0].cli(&["token", "revoke", id.trim_matches('"')]);
    for node in &nodes {
        let no = sandbox.imap_bearer(node, "XOAUTH2", MARIE, &new).expect_err("revoked");
        assert!(no.contains("AUTHORIZATIONFAILED"), "{no}");
    }
}

#[test]
fn a_secretary_works_in_a_shared_mailbox_under_her_name() {
    let _proof = proves(&["F221", "F018"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    a.cli(&["access", "give", SERVICE, "lea.bernard", "--role", "member"]);
    let token = sandbox.token_of("lea.bernard");
    let mut session = sandbox.imap_bearer(a, "XOAUTH2", SERVICE, &token).expect("a session");
    say(&mut session, "SELECT INBOX").expect("selected");
    say(&mut session, "CREATE Secretariat").expect("made");
    let traces = a.cli(&["trace", "list", "--bal", SERVICE]).to_string();
    assert!(traces.contains("lea.bernard") && traces.contains("\"psc\""), "{traces}");
    // A mailbox that is not hers: she is known, and told so.
    let no = refused(&sandbox, MARIE, &token);
    assert!(no.contains("AUTHORIZATIONFAILED"), "{no}");
}

#[test]
fn refused_tokens() {
    let _proof = proves(&["F221"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let of = |wanted: Value| {
        let mut all = json!({ "who": "marie.martin" });
        wanted.as_object().expect("an object").iter().for_each(|(k, v)| all[k] = v.clone());
        sandbox.mint(&all)
    };
    // Behind a good signature the cause is told.
    for (wanted, why) in [
        (json!({ "client": "autre-logiciel" }), "token.audience"),
        (json!({ "client": "autre-logiciel", "claims": { "aud": ["account", "x"] } }), "token.audience"),
        (json!({ "seconds": -120 }), "token.expired"),
        (json!({ "claims": { "acr": "eidas0" } }), "token.assurance"),
        (json!({ "who": "faux.martin" }), "identity.mismatch"),
    ] {
        let no = refused(&sandbox, MARIE, &of(wanted.clone()));
        assert!(no.contains(why), "{wanted}: {no}");
    }
    // Else it is any wrong secret; without a name, so that they are not counted as one insistent program.
    let kid = |of: &str| {
        let header = URL_SAFE_NO_PAD.decode(of.split('.').next().expect("a header")).expect("base64url");
        serde_json::from_slice::<Value>(&header).expect("JSON")["kid"].clone()
    };
    let good = of(json!({}));
    let attacks = [
        json!({ "claims": { "iss": "https://localhost:1/auth/realms/esante-wallet" } }),
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "RS512" }),
        json!({ "key": "other" }),
        json!({ "key": "other", "header": { "kid": kid(&good) } }),
        json!({ "header": { "kid": "../../etc/passwd" } }),
        json!({ "header": { "crit": ["b64"], "b64": false } }),
        json!({ "header": { "typ": "logout+jwt" } }),
        json!({ "kind": "id", "client": sandbox.ready.psc.lps_client }),
        json!({ "kind": "logout", "client": sandbox.ready.psc.lps_client }),
        json!({ "claims": { "typ": null } }),
        json!({ "claims": { "exp": null } }),
        json!({ "claims": { "nbf": 4_102_444_800_u32 } }),
        json!({ "claims": { "iat": 4_102_444_800_u32 } }),
        json!({ "claims": { "sub": "" } }),
    ];
    for wanted in attacks {
        let no = refused(&sandbox, "", &of(wanted.clone()));
        assert!(no.contains("AUTHENTICATIONFAILED") && !no.contains("(token."), "{wanted}: {no}");
    }
    // A header that brings a key or an address of one brings nothing.
    let brought = json!({ "key": "other", "header": { "jku": "https://localhost:1/keys", "x5u": "https://localhost:1/", "kid": kid(&good) } });
    assert!(refused(&sandbox, "", &of(brought)).contains("AUTHENTICATIONFAILED"));
    // Cut, added to, empty.
    for bad in [&good[..good.len() - 1], &format!("{good}A"), &good[..good.rfind('.').expect("a point") + 1]] {
        assert!(refused(&sandbox, "", bad).contains("AUTHENTICATIONFAILED"));
    }
    // Those failures were counted against nobody who comes with something else.
    let account = a.account("Per", 0);
    imap(&sandbox, a, &account.login, &account.token).expect("the device token");
    assert!(a.cli(&["alarm", "list"]).to_string().contains("identity.mismatch"));
}
