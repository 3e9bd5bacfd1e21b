//! Signing in by Pro Santé Connect and by a hospital's own sign-in, with a browser that has no scripts; and what a return that is not ours comes to. The
//! providers are the sandbox's.
use sceau_e2e::doors::ask;
use sceau_e2e::visit::{Seen, Visit, between};
use sceau_e2e::{Run, Sandbox, proves, wait};
use serde_json::json;

const HOSPITAL: &str = "hopital-alpes";

fn path(seen: &Seen) -> &str {
    let to = seen.to.as_deref().unwrap_or_default();
    &to[sceau_e2e::visit::site(to).len()..]
}

/// Is this browser signed in?
fn is_in(visit: &Visit<'_>, url: &str) -> bool {
    let seen = visit.get(&format!("{url}/bal"));
    assert!(seen.status == 200 || path(&seen).starts_with("/connexion"), "{seen:?}");
    seen.status == 200
}

#[test]
fn signs_in_by_pro_sante_connect_and_by_ecps() {
    let _proof = proves(&["F042"], "web");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    // A number alone makes nobody somebody: the names have to agree, the first time.
    let false_one = Visit::new(&sandbox).sign_in(url, "faux.martin");
    assert_eq!(false_one.status, 403, "{}", false_one.body);
    let marie = Visit::new(&sandbox);
    assert!(!is_in(&marie, url));
    let back = marie.sign_in(url, "marie.martin");
    assert_eq!((back.status, path(&back)), (303, "/bureau"), "{}", back.body);
    let page = marie.get(&format!("{url}/bal"));
    assert!(page.status == 200 && page.body.contains("Dr Marie MARTIN"), "{}", page.body);
    let sessions = a.cli(&["trace", "list", "--act", "login.ok"]).to_string();
    assert!(sessions.contains("\"psc\"") && sessions.contains("web"), "{sessions}");
    // Its session there is used by another operator's page of the same browser without a word.
    let b = sandbox.b().public_url.as_str();
    let anne = Visit::new(&sandbox);
    assert_eq!(path(&anne.sign_in(b, "anne.legoff")), "/bureau");
    assert!(is_in(&anne, b) && !is_in(&anne, url));
    // Whoever is no one's here is told so.
    let stranger = Visit::new(&sandbox).sign_in(url, "ines.nouvelle");
    assert_eq!(stranger.status, 403, "{}", stranger.body);
    // Declined there.
    let declines = Visit::new(&sandbox);
    let page = declines.get(&format!("{url}/connexion"));
    let back = declines.at_provider(declines.send(&page, "/connexion/psc", &[]), "", "no");
    assert_eq!(declines.get(&back).status, 401);

    // The provider ends the session: ours ends too.
    assert!(is_in(&marie, url));
    let told = sandbox.psc(&sandbox.ready.psc.logout, &json!({ "who": "marie.martin" }));
    assert!(told["told"].as_array().is_some_and(|t| t.contains(&json!(200))), "{told}");
    wait::until("the end of the session", 10, || (!is_in(&marie, url)).then_some(()));
    assert!(is_in(&anne, b), "another one's session goes on");

    // By a call to the telephone: both screens show one code.
    let paul = Visit::new(&sandbox);
    let number = &sandbox.ready.psc.people.iter().find(|p| p.login == "paul.durand").expect("Paul").national_id[1..];
    let form = paul.get(&format!("{url}/connexion/ecps"));
    let rings = paul.send(&form, "/connexion/ecps", &[("numero", number)]);
    assert_eq!(path(&rings), "/connexion/ecps", "{}", rings.body);
    let page = paul.get(&format!("{url}/connexion/ecps"));
    let code = between(&page.body, "class=\"code\"><strong>", "</strong>").expect("a code").to_owned();
    let calls = Run::of("curl", &["-sS", "--cacert", sandbox.anchors(), &sandbox.ready.psc.calls]).ok().out;
    let calls: serde_json::Value = serde_json::from_str(&calls).expect("JSON");
    assert_eq!((calls[0]["who"].as_str(), calls[0]["message"].as_str()), (Some("paul.durand"), Some(code.as_str())));
    let telephone = sandbox.ready.psc.calls.replace("calls", "telephone");
    let call = calls[0]["call"].as_str().expect("a call");
    paul.post(&telephone, &telephone, &[("call", call), ("answer", "yes")]);
    let done =
        wait::until("the answer", 30, || Some(paul.get(&format!("{url}/connexion/ecps"))).filter(|p| p.status == 303));
    assert_eq!(path(&done), "/bureau");
    assert!(is_in(&paul, url));
    // A stranger does not have it ring again and again.
    let other = Visit::new(&sandbox);
    let form = other.get(&format!("{url}/connexion/ecps"));
    let again = other.send(&form, "/connexion/ecps", &[("numero", number)]);
    assert!(again.status >= 400, "{again:?}");

    // The provider says that he signed out there, and names no session: all that came from there end (Back-Channel Logout 1.0 §2.4).
    let by_name = json!({ "who": "paul.durand", "kind": "logout", "client": sandbox.ready.psc.client_id, "claims": { "sid": null } });
    let told = other.post(url, &format!("{url}/connexion/psc/fin"), &[("logout_token", &sandbox.mint(&by_name))]);
    assert_eq!((told.status, told.body.as_str()), (200, ""));
    assert!(!is_in(&paul, url) && is_in(&anne, b));

    // A session that its person left is nobody's.
    let page = anne.get(&format!("{b}/bal"));
    let left = anne.send(&page, "/deconnexion", &[]);
    assert!(path(&left).starts_with("/connexion"), "{left:?}");
    assert!(!is_in(&anne, b));
    // She is signed in at the provider still, and is led to the end of that too.
    let page = anne.get(left.to.as_deref().expect("a page"));
    let end = between(&page.body, "<a href=\"https://localhost:", "\"").expect("the way out");
    let gone = anne.get(&format!("https://localhost:{}", end.replace("&#38;", "&")));
    assert_eq!(gone.to.as_deref(), Some(format!("{b}/connexion").as_str()), "{gone:?}");
    let page = anne.get(&format!("{b}/connexion"));
    let led = anne.send(&page, "/connexion/psc", &[]);
    let asks = anne.get(led.to.as_deref().expect("the provider's page"));
    assert_eq!(asks.status, 200, "asked again: {asks:?}");
}

#[test]
fn a_newcomer_opens_a_mailbox_by_pro_sante_connect() {
    let _proof = proves(&["F008", "F042"], "web");
    let sandbox = Sandbox::start();
    let (a, card) = (sandbox.a(), sandbox.newcomer(1));
    let url = a.public_url.as_str();
    // The register knows number and name, and nobody entered them here.
    let found = || a.cli(&["person", "list"]).to_string().contains(&card.rpps);
    assert!(!found());
    let visit = Visit::new(&sandbox);
    let back = visit.sign_in(url, &card.rpps);
    assert_eq!((back.status, path(&back)), (303, "/bureau"), "{}", back.body);
    assert!(found());
    let address = visit.open_mailbox(a);
    let page = visit.get(&format!("{url}/bal"));
    assert!(page.status == 200 && page.body.contains(&address), "{}", page.body);
    // Known from now on: by the card too.
    let by_card = Visit::new(&sandbox);
    assert_eq!(by_card.sign_in_by_card(a, &card.pair).status, 303);
    assert!(by_card.get(&format!("{url}/bal")).body.contains(&address));
}

#[test]
fn a_return_that_is_not_ours_opens_nothing() {
    let _proof = proves(&["F042"], "web");
    let sandbox = Sandbox::start();
    let url = sandbox.a().public_url.as_str();
    let begun = |visit: &Visit<'_>| {
        let page = visit.get(&format!("{url}/connexion"));
        visit.at_provider(visit.send(&page, "/connexion/psc", &[]), "marie.martin", "card")
    };
    // Of another browser (login CSRF, a stolen code): nothing here waits for it.
    let (marie, other) = (Visit::new(&sandbox), Visit::new(&sandbox));
    let back = begun(&marie);
    for thief in [Visit::new(&sandbox), {
        begun(&other);
        other
    }] {
        assert_eq!(thief.get(&back).status, 409);
        assert!(!is_in(&thief, url));
    }
    // Altered: another state, another issuer, none, a parameter twice, no code.
    let state = between(&back, "state=", "&").expect("a state");
    let altered = [
        back.replace(state, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        back.replace("&iss=", "&iss=https%3A%2F%2Fautre.example&x="),
        back.split("&iss=").next().expect("a part").to_owned(),
        format!("{back}&state={state}"),
        back.replace("code=", "kode="),
        format!("{back}&error=access_denied"),
    ];
    for bad in altered {
        let seen = marie.get(&bad);
        assert!(seen.status >= 400 && !is_in(&marie, url), "{bad}: {seen:?}");
    }
    // None of that spent it; once, and no second time.
    assert_eq!(path(&marie.get(&back)), "/bureau");
    assert!(is_in(&marie, url));
    assert_eq!(marie.get(&back).status, 409);
    // A code of somebody else in one's own return: the verifier is not its own.
    let (own, theirs) = (Visit::new(&sandbox), Visit::new(&sandbox));
    let (mine, code) = (begun(&own), begun(&theirs));
    let code = between(&code, "code=", "&").expect("a code");
    let injected = mine.replace(between(&mine, "code=", "&").expect("a code"), code);
    assert!(own.get(&injected).status >= 400 && !is_in(&own, url));
    // A form from elsewhere, or without its word.
    let page = own.get(&format!("{url}/connexion"));
    let fields = page.form("/connexion/psc").expect("a form");
    let word = &fields.iter().find(|(n, _)| n == "jeton").expect("a word").1;
    let begin = format!("{url}/connexion/psc");
    assert_eq!(own.post("https://ailleurs.example/", &begin, &[("jeton", word)]).status, 403);
    assert_eq!(own.post(&page.url, &begin, &[]).status, 403);
    assert_eq!(theirs.post(&page.url, &begin, &[("jeton", word)]).status, 409);
    // A logout that no provider signed.
    let end = format!("{url}/connexion/psc/fin");
    let forged = sandbox.mint(
        &json!({ "who": "marie.martin", "kind": "logout", "key": "other", "client": sandbox.ready.psc.client_id }),
    );
    for token in ["", "a.b.c", &forged, &sandbox.token_of("marie.martin")] {
        assert_eq!(own.post(url, &end, &[("logout_token", token)]).status, 400, "{token}");
    }
    assert!(is_in(&marie, url));
}

#[test]
fn a_hospital_signs_in_its_people_when_it_attests_strongly() {
    let _proof = proves(&["F044"], "web");
    let _rest = proves(&["F044"], "rest");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let hospital = sandbox.ready.psc.hospitals.iter().find(|h| h.structure == HOSPITAL).expect("the hospital");
    let new = json!({ "name": HOSPITAL, "structure": HOSPITAL, "issuer": hospital.issuer, "client_id": hospital.client_id,
        "secret": sandbox.ready.psc.client_secret, "claim": "acr", "values": ["https://refeds.org/profile/mfa"] });
    let (status, added) = ask(&sandbox, a, &a.api_token, "POST", "/sso-providers", Some(new));
    assert_eq!(status, "201", "{added}");
    assert!(added["secret"] == json!(true) && !added.to_string().contains(&sandbox.ready.psc.client_secret), "{added}");
    let action = format!("/connexion/etablissement/{HOSPITAL}");
    // To the hospital's page and back.
    let by_hospital = |visit: &Visit<'_>, page: &Seen, who: &str, means: &str| {
        let leaves = visit.send(page, &action, &[]);
        let to = between(&leaves.body, "content=\"0;url=", "\"")
            .expect("the way")
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        visit.get(&visit.at_provider(Seen { to: Some(to), ..leaves }, who, means))
    };
    let first = |visit: &Visit<'_>, means: &str| {
        let page = visit.get(&format!("{url}/connexion"));
        by_hospital(visit, &page, "marie.martin", means)
    };
    // Nobody linked it yet: its word makes nobody somebody.
    let unbound = first(&Visit::new(&sandbox), "mfa");
    assert_eq!(unbound.status, 403, "{}", unbound.body);
    // Marie links it, in a session that Pro Santé Connect made strong just now.
    let marie = Visit::new(&sandbox);
    assert_eq!(path(&marie.sign_in(url, "marie.martin")), "/bureau");
    let page = marie.get(&format!("{url}/moyens"));
    let linked = by_hospital(&marie, &page, "marie.martin", "mfa");
    assert_eq!((linked.status, path(&linked)), (303, "/moyens"), "{}", linked.body);
    // From then on it signs her in, when it attests two natures.
    let again = Visit::new(&sandbox);
    assert_eq!(path(&first(&again, "mfa")), "/bureau");
    assert!(is_in(&again, url));
    for weak in ["password", "silent"] {
        let visit = Visit::new(&sandbox);
        assert_eq!(first(&visit, weak).status, 403, "{weak}");
        assert!(!is_in(&visit, url));
    }
    // Somebody else there is not Marie.
    let paul = Visit::new(&sandbox);
    let page = paul.get(&format!("{url}/connexion"));
    assert_eq!(by_hospital(&paul, &page, "paul.durand", "mfa").status, 403);
    // Another provider's return at this path is not its own (mixed-up servers).
    let mixed = Visit::new(&sandbox);
    let page = mixed.get(&format!("{url}/connexion"));
    let back = mixed.at_provider(mixed.send(&page, "/connexion/psc", &[]), "marie.martin", "card");
    assert_eq!(mixed.get(&back.replace("/connexion/psc/retour", &format!("{action}/retour"))).status, 409);
    // As the command line shows it.
    let listed = a.cli(&["sso", "list"]);
    assert_eq!((listed[0]["name"].as_str(), listed[0]["state"].as_str()), (Some(HOSPITAL), Some("active")), "{listed}");
    assert_eq!(a.cli(&["sso", "show", HOSPITAL]), listed[0]);
    let seen = a.cli(&["identity", "refresh"]);
    assert_eq!(seen["psc"]["keys"].as_array().map(Vec::len), Some(2), "{seen}");
    assert!(a.cli(&["identity", "show"])["unverified"].as_array().is_some_and(|u| u.len() > 5));
    // Blocked: nobody chooses it any more.
    let change = [
        "-X",
        "PATCH",
        "-H",
        "If-Match: \"v1\"",
        "-H",
        "Content-Type: application/json",
        "--data",
        "{\"state\":\"blocked\"}",
    ];
    let bearer = format!("Authorization: Bearer {}", a.api_token);
    let rest = format!("https://{}/api/v1/sso-providers/{HOSPITAL}", a.endpoints.https);
    let blocked = Visit::new(&sandbox).ask(&rest, &[&change[..], &["-H", &bearer]].concat());
    assert_eq!(blocked.status, 200, "{}", blocked.body);
    assert!(Visit::new(&sandbox).get(&format!("{url}/connexion")).form(&action).is_none());
}
