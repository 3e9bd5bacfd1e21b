//! Attacks on the wire that cross several doors: a number that was another one's, a session that somebody stole, what opens one door shown at another.
use sceau_e2e::doors::{ask, imap, say};
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Sandbox, proves, wait};
use serde_json::{Value, json};

const MARIE: &str = "marie.martin@alpes.mssante.fr";

/// A homonym's number stood in Marie's row, and the homonym came in by it; it is corrected.
#[test]
fn whose_number_it_was_reads_no_more() {
    let _proof = proves(&["F221", "F008"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let log_in = |token: &str| sandbox.imap_bearer(a, "XOAUTH2", MARIE, token);
    let mut session = log_in(&sandbox.token_of("marie.martin")).expect("a session");
    say(&mut session, "SELECT INBOX").expect("selected");
    let _ = a.cli(&["person", "edit", "marie.martin", "--national-id", "10003456786"]);
    // What is open ends.
    wait::until("the end of the session", 5, || {
        session.put(b"e2e NOOP\r\n").ok();
        match session.line() {
            Ok(line) if !line.starts_with("* BYE") => None,
            _ => Some(()),
        }
    });
    assert!(log_in(&sandbox.token_of("marie.martin")).is_err(), "the homonym");
    // Marie herself is recognised by the right number, and that lets nobody else in again.
    let hers = json!({ "sub": "f:5cea0000-0000-4000-8000-000000000001:la-vraie", "SubjectNameID": "810003456786",
        "preferred_username": "810003456786", "given_name": "Marie", "family_name": "MARTIN" });
    let right = sandbox.mint(&json!({ "who": "marie.martin", "claims": hers }));
    log_in(&right).expect("Marie");
    assert!(log_in(&sandbox.token_of("marie.martin")).is_err(), "the homonym");
    let rows = a.cli(&["token", "list", "--login", "marie.martin"]);
    let standing = rows.as_array().expect("tokens").iter().filter(|t| t["purpose"] == "psc").count();
    assert_eq!(standing, 1, "{rows}");
}

/// Somebody has the cookie of a session: what it is made of, what it opens, and that it ends with the session.
#[test]
fn a_stolen_session_opens_pages_alone_and_ends() {
    let _proof = proves(&["F046", "F055"], "web");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let marie = Visit::new(&sandbox);
    let page = marie.get(&format!("{url}/connexion"));
    let back = marie.at_provider(marie.send(&page, "/connexion/psc", &[]), "marie.martin", "card");
    let answer = marie.ask(&back, &["-i"]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let set =
        answer.body.lines().map(str::trim).find(|l| l.to_ascii_lowercase().starts_with("set-cookie: __host-sceau="));
    let set = set.unwrap_or_else(|| panic!("no session: {}", answer.body));
    for flag in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(flag) && !set.contains("Domain") && !set.contains("Max-Age"), "{set}");
    }
    let stolen = format!("Cookie: {}", between(set, ": ", ";").expect("a cookie"));
    let with = |path: &str, more: &[&str]| {
        let all = [&["-H", stolen.as_str()][..], more].concat();
        Visit::new(&sandbox).ask(&format!("{url}{path}"), &all)
    };
    assert_eq!(with("/bal", &[]).status, 200, "a cookie is what it is");
    // Neither REST nor another operator's pages; and no form without a page's word.
    assert_eq!(with("/api/v1/me", &[]).status, 401);
    let b = sandbox.b().public_url.as_str();
    let elsewhere = Visit::new(&sandbox).ask(&format!("{b}/bal"), &["-H", &stolen]);
    assert!(elsewhere.status == 303 && elsewhere.to.is_some_and(|to| to.starts_with(&format!("{b}/connexion"))));
    let forged = with("/appareils/jeton", &["-H", &format!("Origin: {url}"), "-d", "label=x&bal=&days=30"]);
    assert_eq!(forged.status, 403, "{}", forged.body);
    // A header that is written into an address is none.
    let injected = with("/connexion?vers=/bal%0d%0aX-Mechant:%201", &["-i"]);
    assert!(injected.status == 303 && !injected.body.to_ascii_lowercase().contains("mechant"), "{}", injected.body);
    assert!(injected.to.is_some_and(|to| to == format!("{url}/bal")));
    // Marie leaves: it is dead.
    let page = marie.get(&format!("{url}/bal"));
    assert_eq!(marie.send(&page, "/deconnexion", &[]).status, 303);
    assert_eq!(with("/bal", &[]).status, 303);
}

/// Each secret opens its own door, over the wire too; and a structure's sign-in leads us to no address of anybody's wishes.
#[test]
fn what_opens_one_door_opens_no_other() {
    let _proof = proves(&["F050", "F229"], "rest");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let (account, token) = (a.account("Per", 0), sandbox.token_of("marie.martin"));
    for secret in [account.token.as_str(), &token, "sceau_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""] {
        let (status, said) = ask(&sandbox, a, secret, "GET", "/me", None);
        assert_eq!(status, "401", "{said}");
        let bearer = format!("Authorization: Bearer {secret}");
        let page = Visit::new(&sandbox).ask(&format!("{url}/bal"), &["-H", &bearer]);
        assert!(page.status != 200, "{page:?}");
    }
    assert!(imap(&sandbox, a, &account.login, &a.api_token).is_err(), "a program's token for REST reads no mail");
    imap(&sandbox, a, &account.login, &account.token).expect("a device's does");
    for issuer in [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://a@localhost",
        "https://localhost/",
        "localhost",
        "",
    ] {
        let new = json!({ "name": "interne", "structure": "hopital-alpes", "issuer": issuer, "client_id": "a", "secret": "b",
            "claim": "acr", "values": ["mfa"] });
        let (status, said): (String, Value) = ask(&sandbox, a, &a.api_token, "POST", "/sso-providers", Some(new));
        assert_eq!((status.as_str(), &said["code"]), ("400", &json!("admin.invalid")), "{issuer}: {said}");
    }
}
