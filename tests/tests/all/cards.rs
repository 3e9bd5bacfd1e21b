//! Professionals' cards, as their readers hold them: at the browser's door for cards, and at the mail doors.
use base64::Engine;
use sceau_e2e::sandbox::{Account, Card};
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Browser, Reader, Run, Sandbox, curl, proves, wait};

#[test]
fn a_professional_signs_in_with_a_card_and_nobody_with_what_is_none() {
    let _proof = (proves(&["F041", "F008"], "web"), proves(&["F008"], "cli"));
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (browser, thief) = (Visit::new(&sandbox), Visit::new(&sandbox));
    let (main, bal) = (&a.public_url, format!("{}/bal", a.public_url));
    // Her number under another name, before she came herself: once her card has shown who she is, her number is hers whatever name a later card bears.
    let visit = Visit::new(&sandbox);
    let page = visit.show(&visit.to_the_card(a), &sandbox.card_that_is("other_name").pair);
    assert!(page.status == 403 && page.body.contains("n’est pas celui du compte") && page.to.is_none(), "{page:?}");
    let found = || a.cli(&["reference", "check", "--state", "mismatch"]);
    assert!(found().as_array().is_some_and(|all| all.len() == 1 && all[0]["login"] == "marie.martin"), "{}", found());
    for card in [sandbox.card("marie.martin"), sandbox.card_that_is("grouped")] {
        let (here, there) = (browser.to_the_card(a), thief.to_the_card(a));
        assert!(here.starts_with("https://carte.alpes.localhost:"), "{here}");
        let word = |visit: &Visit<'_>, door: &str| {
            let read = visit.show(door, &card.pair);
            assert_eq!(read.status, 303, "{read:?}");
            read.to.expect("the way back")
        };
        let back = word(&browser, &here);
        assert!(back.starts_with(&format!("{main}/connexion/carte/retour?c=")), "{back}");
        // Whoever sends somebody else with his own ticket does not see the word; who sees it has not the cookie.
        let stolen = word(&browser, &there);
        assert_eq!(browser.get(&stolen).status, 409, "the thief's word in the browser of the card's holder");
        assert_eq!(thief.get(&back).status, 409, "the holder's word in the thief's browser");
        let entered = browser.get(&back);
        assert!(
            entered.status == 303 && entered.to.as_deref() == Some(format!("{main}/bureau").as_str()),
            "{entered:?}"
        );
        let page = browser.get(&bal);
        assert!(page.status == 200 && page.body.contains("MARTIN"), "{page:?}");
        assert_eq!(Visit::new(&sandbox).get(&back).status, 409, "once");
        assert_eq!(browser.send(&page, "/deconnexion", &[]).status, 303);
    }
    let traces = a.cli(&["trace", "list", "--act", "login.ok"]).to_string();
    assert!(traces.contains("\"card\"") && traces.contains("web"), "{traces}");
    assert_eq!(a.cli(&["person", "show", "marie.martin"])["identity"]["how"], "card");
    assert_eq!(found(), serde_json::json!([]), "she showed whose number it is");

    // What must not sign anybody in, and what its holder reads.
    let state = |state: &str| &sandbox.card_that_is(state).pair;
    let signature = sandbox.card("marie.martin").signature.as_ref().expect("a certificate for documents");
    for (pair, status, words) in [
        (state("expired"), 401, "expirée"),
        (state("revoked"), 401, "révoquée"),
        (state("elsewhere"), 401, "environnement"),
        (state("no_number"), 422, "numéro national"),
        (signature, 401, "authentification"),
        (&sandbox.card("ines.nouvelle").pair, 403, "aucun compte"),
    ] {
        let visit = Visit::new(&sandbox);
        let page = visit.show(&visit.to_the_card(a), pair);
        assert!(page.status == status && page.body.contains(words), "{words}: {page:?}");
        assert!(page.body.contains("lang=\"en\"") && page.to.is_none(), "{page:?}");
    }
    let alarms = a.cli(&["alarm", "list"]).to_string();
    assert!(alarms.contains("identity.mismatch") && alarms.contains("marie.martin"), "{alarms}");
    // Without a card one reads what to do; without a ticket nobody comes in, card or not; the door has no other page.
    let visit = Visit::new(&sandbox);
    let to = visit.to_the_card(a);
    let none = visit.get(&to);
    assert!(none.body.contains("aucune carte") && none.body.contains("showed no card"), "{none:?}");
    let bare = to.split('?').next().expect("an address");
    let card = &sandbox.card("marie.martin").pair;
    for forged in [bare.to_owned(), format!("{bare}?t=AAAA"), format!("{to}A")] {
        assert_eq!(visit.show(&forged, card).status, 409, "{forged}");
    }
    let api = visit.show(&format!("{}/api/v1/me", bare.trim_end_matches("/carte")), card);
    assert_eq!(api.status, 404, "{api:?}");
    // Whoever begins from another site, or without the page's word, is led nowhere.
    let begin = format!("{main}/connexion/carte");
    let word = visit.get(&format!("{main}/connexion")).form("/connexion/carte").expect("a form");
    let (_, word) = word.iter().find(|(name, _)| name == "jeton").expect("a word");
    assert_eq!(visit.post("https://ailleurs.example/", &begin, &[("jeton", word)]).status, 403);
    assert_eq!(visit.post(main, &begin, &[("jeton", "AAAA")]).status, 409);
    assert_eq!(visit.post(main, &begin, &[("jeton", word)]).status, 303);
}

/// What a browser without scripts cannot see: where its policies let a form lead.
#[test]
fn a_real_browser_goes_to_the_card_and_back() {
    let _proof = proves(&["F041"], "web");
    const BUTTON: &str = "form[action^='/connexion/carte'] button";
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = format!("{}/connexion", a.public_url);
    let reader = Reader::new(a, &sandbox.card("marie.martin").pair);
    let browser = reader.browser(&sandbox);
    browser.go(&url).press(BUTTON).home().shows("MARTIN");
    assert_eq!(browser.console(), [""; 0]);
    // Without a card in the reader.
    let browser = Browser::start(&sandbox.ready.anchors);
    browser.go(&url).press(BUTTON).at("/carte").shows("aucune carte");
    browser.press("main a").at("/connexion");
}

#[test]
fn a_doctor_whom_nobody_entered_opens_a_mailbox_with_a_card_and_reads_it() {
    let _proof = (proves(&["F006", "F008", "F041", "F229"], "web"), proves(&["F229"], "imap"));
    let sandbox = Sandbox::start();
    let (a, card) = (sandbox.a(), sandbox.newcomer(0));
    let (visit, main) = (Visit::new(&sandbox), &a.public_url);
    let entered = visit.sign_in_by_card(a, &card.pair);
    assert_eq!(entered.status, 303, "{entered:?}");
    let address = visit.open_mailbox(a);

    // A certificate for the device, once the operator has an authority for them; and a token.
    let none = visit.get(&format!("{main}/appareils"));
    assert!(none.form("/appareils/certificat").is_none() && none.form("/appareils/jeton").is_some(), "{}", none.body);
    let made = visit.send(&none, "/appareils/jeton", &[("label", "Mutt"), ("bal", "")]);
    let secret = between(&made.body, "id=\"secret\">", "<").unwrap_or_else(|| panic!("no token: {}", made.body));
    let account = Account {
        address: address.clone(),
        kind: "Per".into(),
        name: card.holder.clone(),
        login: address.clone(),
        token: secret.to_owned(),
        test: false,
    };
    let near = a.account("Per", 0);
    let letter = format!(
        "From: {}\r\nTo: {address}\r\nSubject: Bienvenue\r\nDate: Mon, 23 Nov 2026 08:00:00 +0100\r\nMessage-ID: <carte@alpes>\r\n\r\nBonjour\r\n",
        near.address
    );
    let _: Run = curl::send(&sandbox, a, near, &[&address], letter.as_bytes()).ok();
    let read = curl::wait_for(&sandbox, a, &account, "carte@alpes");
    assert!(String::from_utf8_lossy(&read).contains("Bonjour"));

    let authority = a.cli(&["device-authority", "create"]);
    assert_eq!(a.cli(&["device-authority", "show"])["fingerprint"], authority["fingerprint"]);
    let page = wait::until("certificates to be offered", 30, || {
        let page = visit.get(&format!("{main}/appareils"));
        page.form("/appareils/certificat").is_some().then_some(page)
    });
    let typed = [("label", "Téléphone"), ("bal", ""), ("days", "30"), ("request", "")];
    let made = visit.send(&page, "/appareils/certificat", &typed);
    let password = between(&made.body, "id=\"secret\">", "<").unwrap_or_else(|| panic!("no file: {}", made.body));
    let file = between(&made.body, "data:application/x-pkcs12;base64,", "\"").expect("a file");
    let file = base64::engine::general_purpose::STANDARD.decode(file).expect("base64");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("appareil.p12");
    std::fs::write(&path, file).expect("written");
    let shown = format!("{}:{password}", path.display());
    let user = format!("{address}:");
    let imaps = format!("imaps://{}/", a.endpoints.imaps);
    let list = || {
        let all = ["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "--cert-type", "P12", "--cert", &shown];
        Run::of("curl", &[&all[..], &["--login-options", "AUTH=EXTERNAL", "--user", &user, &imaps]].concat())
    };
    // The door asks for such certificates as soon as there is the authority, not when the node keeps house.
    wait::until("the mail door to ask for certificates of devices", 15, || (list().code == 0).then_some(()));
    let page = visit.get(&format!("{main}/appareils"));
    assert!(page.body.contains("Téléphone") && page.body.contains("Mutt"), "{}", page.body);
    // (Each device names itself in its own form.)
    let forms = page.body.split("action=\"").filter(|f| f.starts_with("/appareils/"));
    let revoke = forms.filter_map(|f| f.split("</form>").next()).find(|f| f.contains("Téléphone"));
    let action = revoke.and_then(|f| f.split(['"', '?']).next()).expect("a form that revokes");
    assert_eq!(visit.send(&page, action, &[]).status, 303);
    assert_ne!(list().code, 0, "revoked at once");
}

#[test]
fn the_sandboxs_screen_tells_where_to_sign_in_and_with_what() {
    let _proof = proves(&["F260"], "cli");
    let sandbox = Sandbox::start();
    let (a, visit) = (sandbox.a(), Visit::new(&sandbox));
    let screen = wait::until("the whole screen", 30, || {
        let screen = sandbox.screen();
        screen.contains("Ctrl-C").then_some(screen)
    });
    let line = |with: &str| screen.lines().find(|l| l.contains(with)).unwrap_or_else(|| panic!("{with}: {screen}"));
    let page = format!("{}/connexion", a.public_url);
    let provider = line(&page);
    assert!(provider.contains(sandbox.anchors()) && provider.contains("Pro Santé Connect"), "{provider}");
    assert!(visit.get(&page).form("/connexion/psc").is_some(), "one signs in there by the provider");
    let telephone = provider.split_whitespace().last().expect("an address");
    assert!(visit.get(telephone).body.contains("e-CPS"), "{telephone}");
    // A card of somebody with a mailbox, and of somebody who comes for the first time: both of one line, with what opens them.
    for card in [sandbox.card("marie.martin"), sandbox.newcomer(0)] {
        let file = card.pair.p12.display().to_string();
        let told = line(&file);
        assert!(told.contains(&card.pair.password) && told.contains(&card.holder), "{told}");
        assert!(told.contains(&a.domains[1]), "where a mailbox is opened: {told}");
        let open = ["pkcs12", "-in", &file, "-nokeys", "-passin", &format!("pass:{}", card.pair.password)];
        assert!(Run::of("openssl", &open).ok().out.contains("BEGIN CERTIFICATE"), "{file}");
    }
}

#[test]
fn the_door_for_cards_speaks_what_cards_sign() {
    let _proof = proves(&["F041"], "web");
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
    let names = said.out.split("Acceptable client certificate CA names").nth(1).expect("authorities");
    let names = names.split("Client Certificate Types").next().unwrap_or(names);
    assert!(!names.contains("ORGANISATIONS"), "no other: {names}");
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
    // Her number under another name, before her own card.
    assert_ne!(external(&imaps, sandbox.card_that_is("other_name"), "marie.martin", &[]).code, 0);
    let shared = "service-cardiologie@alpes.mssante.fr";
    for name in ["marie.martin@alpes.mssante.fr", "marie.martin", shared, &format!("marie.martin*{shared}")] {
        let list = external(&imaps, card, name, &[]).ok();
        assert!(list.out.contains("INBOX"), "{list:?}");
    }
    let smtps = format!("smtps://{}", a.endpoints.submissions);
    let to = ["--mail-from", "marie.martin@alpes.mssante.fr", "--mail-rcpt", "paul.durand@alpes.mssante.fr", "-T", "-"];
    let _: Run = external(&smtps, card, "marie.martin@alpes.mssante.fr", &to).ok();
    for (refused, name) in [(card, "paul.durand@alpes.mssante.fr"), (sandbox.card_that_is("revoked"), "marie.martin")] {
        assert_ne!(external(&imaps, refused, name, &[]).code, 0, "{}", refused.name);
    }
    // Its row, revoked: it stays shut.
    let tokens = a.cli(&["token", "list", "--login", "marie.martin"]);
    let row = tokens.as_array().into_iter().flatten().find(|t| t["purpose"] == "card").expect("a row");
    assert_eq!(row["strength"], "card");
    let id = row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned);
    a.cli(&["token", "revoke", &id]);
    assert_ne!(external(&imaps, card, "marie.martin", &[]).code, 0);
}
