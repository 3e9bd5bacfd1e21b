//! Professionals' cards, as their readers hold them: at the browser's door for cards, and at the mail doors.
use sceau_e2e::sandbox::{Card, CardPair, Operator};
use sceau_e2e::visitor::Answer;
use sceau_e2e::{Run, Sandbox, Visitor, proves};

/// From the page of the sign-in to the door for cards.
fn door(browser: &Visitor, a: &Operator) -> String {
    let page = browser.get(&format!("{}/connexion", a.public_url));
    assert_eq!(page.status, 200, "{page:?}");
    let led = browser.send(&a.public_url, &page, "/connexion/carte", &[("vers", "/bal")]);
    assert!(led.status == 303 && led.to.starts_with("https://carte.alpes.localhost:"), "{led:?}");
    led.to
}

fn shown(sandbox: &Sandbox, pair: &CardPair) -> Answer {
    let browser = Visitor::new(sandbox);
    browser.show(&door(&browser, sandbox.a()), pair)
}

#[test]
fn a_professional_signs_in_with_a_card_and_nobody_with_what_is_none() {
    let _proof = proves(&["F041"], "web");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (browser, thief) = (Visitor::new(&sandbox), Visitor::new(&sandbox));
    for card in [sandbox.card("marie.martin"), sandbox.card_that_is("grouped")] {
        let (here, there) = (door(&browser, a), door(&thief, a));
        let read = browser.show(&here, &card.pair);
        assert!(read.status == 303 && read.headers.contains("connection: close"), "{read:?}");
        assert!(read.to.starts_with(&format!("{}/connexion/carte/retour?c=", a.public_url)), "{read:?}");
        // Whoever sends somebody else with his own ticket does not see the word; who sees it has not the cookie.
        let stolen = browser.show(&there, &card.pair);
        assert_eq!(browser.get(&stolen.to).status, 409, "the thief's word in the browser of the card's holder");
        assert_eq!(thief.get(&read.to).status, 409, "the holder's word in the thief's browser");
        let entered = browser.get(&read.to);
        assert!(entered.status == 303 && entered.to.ends_with("/bal"), "{entered:?}");
        let bal = browser.get(&format!("{}/bal", a.public_url));
        assert!(bal.status == 200 && bal.text.contains("MARTIN"), "{bal:?}");
        assert_eq!(Visitor::new(&sandbox).get(&read.to).status, 409, "once");
        let page = browser.get(&format!("{}/bal", a.public_url));
        let left = browser.send(&a.public_url, &page, "/deconnexion", &[]);
        assert_eq!(left.status, 303, "{left:?}");
    }
    let traces = a.cli(&["trace", "list", "--limit", "50"]).to_string();
    assert!(traces.contains("login.ok") && traces.contains("\"card\""), "{traces}");
    assert_eq!(a.cli(&["person", "show", "marie.martin"])["identity"]["how"], "card");

    // What must not sign anybody in, and what its holder reads.
    let state = |state: &str| &sandbox.card_that_is(state).pair;
    let signature = sandbox.card("marie.martin").signature.as_ref().expect("a certificate for documents");
    for (pair, status, words) in [
        (state("expired"), 401, "expirée"),
        (state("revoked"), 401, "révoquée"),
        (state("elsewhere"), 401, "environnement"),
        (state("no_number"), 422, "numéro national"),
        (state("other_name"), 403, "n’est pas celui du compte"),
        (signature, 401, "authentification"),
    ] {
        let page = shown(&sandbox, pair);
        assert!(page.status == status && page.text.contains(words), "{words}: {page:?}");
        assert!(page.text.contains("lang=\"en\"") && page.to.is_empty(), "{page:?}");
    }
    let alarms = a.cli(&["alarm", "list"]).to_string();
    assert!(alarms.contains("identity.mismatch") && alarms.contains("marie.martin"), "{alarms}");
    // Without a card one reads what to do; without a ticket nobody comes in, card or not; the door has no other page.
    let browser = Visitor::new(&sandbox);
    let to = door(&browser, a);
    let none = browser.get(&to);
    assert!(none.text.contains("aucune carte") && none.text.contains("showed no card"), "{none:?}");
    let bare = to.split('?').next().expect("an address");
    let card = &sandbox.card("marie.martin").pair;
    for forged in [bare.to_owned(), format!("{bare}?t=AAAA"), format!("{to}A")] {
        assert_eq!(browser.show(&forged, card).status, 409, "{forged}");
    }
    let api = browser.show(&format!("{}/api/v1/me", bare.trim_end_matches("/carte")), card);
    assert_eq!(api.status, 404, "{api:?}");
    // Whoever begins on another site, or without the page's word, is not led anywhere.
    let page = browser.get(&format!("{}/connexion", a.public_url));
    let elsewhere = Answer { text: page.text.replace("name=\"jeton\" value=\"", "name=\"jeton\" value=\"x"), ..page };
    assert_eq!(browser.send(&a.public_url, &elsewhere, "/connexion/carte", &[]).status, 409);
}

#[test]
fn the_door_for_cards_speaks_what_cards_sign() {
    let _proof = proves(&["F041"], "tls");
    let sandbox = Sandbox::start();
    let card = sandbox.card("marie.martin");
    let dial = |how: &[&str]| {
        let (cert, key) = (card.pair.cert.display().to_string(), card.pair.key.display().to_string());
        let all = [
            "s_client",
            "-connect",
            &sandbox.a().endpoints.card,
            "-CAfile",
            sandbox.anchors(),
            "-cert",
            &cert,
            "-key",
            &key,
        ];
        Run::with_input("openssl", &[&all[..], how].concat(), b"")
    };
    let said = dial(&["-servername", "carte.alpes.localhost"]);
    assert!(said.out.contains("TLSv1.2") && said.out.contains("Verify return code: 0"), "{said:?}");
    let asked = said.out.lines().find(|l| l.starts_with("Requested Signature Algorithms:")).expect("what is asked for");
    assert!(asked.contains("RSA+SHA256") && !asked.contains("PSS"), "{asked}");
    assert!(said.out.contains("AC BAC A SABLE FORT PERSONNES"), "authorities of cards: {}", said.out);
    assert!(!said.out.contains("AC BAC A SABLE ELEMENTAIRE ORGANISATIONS\n-"), "no other: {}", said.out);
    assert_ne!(dial(&["-tls1_3"]).code, 0, "an RSA card cannot sign there");
}

#[test]
fn mail_programs_log_in_with_a_card() {
    let _proof = (proves(&["F041"], "imap"), proves(&["F041"], "submission"));
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let external = |url: &str, card: &Card, name: &str, more: &[&str]| {
        let (cert, key) = (card.pair.cert.display().to_string(), card.pair.key.display().to_string());
        let user = format!("{name}:");
        let all = ["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "--cert", &cert, "--key", &key];
        let sasl = ["--login-options", "AUTH=EXTERNAL", "--user", &user];
        let letter = b"From: marie.martin@alpes.mssante.fr\r\nTo: paul.durand@alpes.mssante.fr\r\nSubject: carte\r\nDate: Mon, 23 Nov 2026 08:00:00 +0100\r\nMessage-ID: <carte@alpes>\r\n\r\nBonjour\r\n";
        Run::with_input("curl", &[&all[..], &sasl, more, &[url]].concat(), letter)
    };
    let card = sandbox.card("marie.martin");
    let imaps = format!("imaps://{}/", a.endpoints.imaps);
    let shared = "service-cardiologie@alpes.mssante.fr";
    for name in ["marie.martin@alpes.mssante.fr", "marie.martin", shared, &format!("marie.martin*{shared}")] {
        let list = external(&imaps, card, name, &[]).ok();
        assert!(list.out.contains("INBOX"), "{list:?}");
    }
    let smtps = format!("smtps://{}", a.endpoints.submissions);
    let to = ["--mail-from", "marie.martin@alpes.mssante.fr", "--mail-rcpt", "paul.durand@alpes.mssante.fr", "-T", "-"];
    let _: Run = external(&smtps, card, "marie.martin@alpes.mssante.fr", &to).ok();
    for (refused, name) in [
        (card, "paul.durand@alpes.mssante.fr"),
        (sandbox.card_that_is("revoked"), "marie.martin"),
        (sandbox.card_that_is("other_name"), "marie.martin"),
    ] {
        assert_ne!(external(&imaps, refused, name, &[]).code, 0, "{}", refused.name);
    }
    // Its row, revoked: it stays shut.
    let tokens = a.cli(&["token", "list", "marie.martin"]);
    let row = tokens.as_array().into_iter().flatten().find(|t| t["purpose"] == "card").expect("a row");
    assert_eq!(row["strength"], "card");
    let id = row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned);
    a.cli(&["token", "revoke", &id]);
    assert_ne!(external(&imaps, card, "marie.martin", &[]).code, 0);
}
