//! On a telephone.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Desk, proves, wait};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_telephone_is_made_ready_and_keeps_no_content() {
    let _proof = proves(&["F245"], "web");
    let desk = Desk::start();
    let visit = Visit::new(&desk.sandbox);
    let manifest = visit.get(&desk.at("/manifest.webmanifest"));
    assert_eq!(manifest.status, 200, "{}", manifest.body);
    let manifest: serde_json::Value = serde_json::from_str(&manifest.body).expect("a manifest");
    assert_eq!((manifest["start_url"].as_str(), manifest["display"].as_str()), (Some("/bureau"), Some("standalone")));
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 390, dark: false });
    for icon in manifest["icons"].as_array().expect("icons") {
        let shown = browser.run(
            "return new Promise((done) => { const i = new Image(); i.onload = () => done(i.naturalWidth + 'x' + i.naturalHeight);
             i.onerror = () => done('none'); i.src = arguments[0]; });",
            &[icon["src"].clone()],
        );
        assert_eq!(shown, icon["sizes"]);
    }
    browser.go(&desk.at("/compte/telephone")).shows("pas encore prêt").press("[data-do='ready']").shows("est prêt.");
    browser.accessible("ready");
    // Wherever one goes then, what is kept stays the page without network and its style sheet.
    for path in ["/compte", "/compte/activite", "/bal", "/bureau"] {
        browser.go(&desk.at(path));
    }
    let kept = browser.run(
        "return caches.keys().then((names) => Promise.all(names.map((n) => caches.open(n).then((c) => c.keys()))))
         .then((all) => all.flat().map((r) => new URL(r.url).pathname).sort());",
        &[],
    );
    let kept: Vec<&str> = kept.as_array().expect("a list").iter().filter_map(|k| k.as_str()).collect();
    assert!(matches!(kept[..], [sheet, "/hors-ligne"] if sheet.ends_with("/base.css")), "{kept:?}");
    let offline = browser.run("return caches.match('/hors-ligne').then((r) => r.text());", &[]);
    let offline = offline.as_str().expect("a page");
    assert!(offline.contains("Pas de réseau") && !offline.contains("Martin"), "{offline}");

    // A push wakes it, and nothing of it is read: a page that is looked at hears that there is mail; without one the telephone says so.
    let push = || {
        let _ = browser.devtools("ServiceWorker.enable", &json!({}));
        // The first registration of a new browser.
        let one = json!({ "origin": desk.a().public_url, "registrationId": "0", "data": "MARQUEUR" });
        let _ = browser.devtools("ServiceWorker.deliverPushMessage", &one);
    };
    browser.go(&desk.at("/compte/telephone"));
    let listen = "navigator.serviceWorker.addEventListener('message', (e) => { window.heard = e.data; });
        navigator.serviceWorker.startMessages(); return 0;";
    browser.run(listen, &[]);
    push();
    wait::until("the page to hear of it", 20, || {
        (browser.run("return window.heard ?? '';", &[]) == "courrier").then_some(())
    });
    let permission = json!({ "permissions": ["notifications"], "origin": desk.a().public_url });
    let _ = browser.devtools("Browser.grantPermissions", &permission);
    browser.go("about:blank");
    push();
    std::thread::sleep(Duration::from_secs(2));
    browser.go(&desk.at("/compte/telephone"));
    let shown = "return navigator.serviceWorker.ready.then((r) => r.getNotifications())
        .then((all) => all.map((n) => { n.close(); return [n.title, n.body, n.data]; }));";
    let shown = browser.run(shown, &[]);
    let said = shown[0][1].as_str().unwrap_or_default();
    assert!(said.contains("messagerie") || said.contains("in your mail"), "{shown}");
    assert!(shown.as_array().is_some_and(|all| all.len() == 1) && !shown.to_string().contains("MARQUEUR"), "{shown}");

    // What comes shows by itself.
    let (from, to) = (desk.a().account("Per", 1).clone(), desk.a().account("Per", 0).clone());
    browser.go(&desk.at("/bureau"));
    let _ = desk.letters(&from, &to, 1);
    browser.shows("Nouveaux messages");

    // The telephone's finger or face is enough when the session is over.
    let finger = browser.authenticator(false);
    browser.go(&desk.at("/moyens")).fill("#nom", "Téléphone").press("form[action^='/moyens/cle'] button");
    browser.at("/moyens/cle").shows("Rien n’a été fait");
    browser.verified(&finger, true).press("form[data-passkey] button").at("/moyens").shows("Téléphone");
    browser.press(".banner .menu summary").press(".menu-sheet form button").at("/connexion");
    assert_eq!(browser.cookie("__Host-sceau"), None);
    browser.press("form[action^='/connexion/cle'] button").home();
    let console = browser.console();
    assert!(
        !console.iter().any(|l| l.contains("Content Security Policy") || l.contains("TrustedScript")),
        "{console:#?}"
    );

    // And it goes again.
    browser.go(&desk.at("/compte/telephone")).press("[data-do='remove']").shows("pas encore prêt");
    assert_eq!(browser.run("return caches.keys().then((names) => names.length);", &[]), 0);
}
