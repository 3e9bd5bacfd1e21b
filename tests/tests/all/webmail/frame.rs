//! What every page of the desk has: the frame, the components, a sign-in for each part.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Desk, proves};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn every_part_signs_in_and_every_component_is_shown() {
    let _proof = proves(&["F240"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (service, doctor) = (a.account("Org", 0).address.clone(), a.account("Per", 0).clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let month = u64::try_from(now).expect("milliseconds") + 30 * 86_400_000;
    let cast = desk.cast(&service, &doctor, month);
    let browser = desk.browser("marie.martin");
    for screen in Screen::ALL {
        browser.screen(screen);
        browser.go(&desk.at("/styleguide")).shows("Guide de style").shows("Laboratoire du Port");
        browser.accessible(&format!("{screen:?}"));
        // Nothing is wider than the window.
        let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth;", &[]);
        assert!(wide.as_i64().is_some_and(|more| more <= 0), "{screen:?}: {wide}");
    }
    // Icons and style are there, nothing was blocked, nothing came from elsewhere.
    let shown = browser.run("return getComputedStyle(document.querySelector('.btn-main')).backgroundColor;", &[]);
    assert_ne!(shown, "rgba(0, 0, 0, 0)");
    let elsewhere = browser.loaded().into_iter().find(|l| !l.starts_with(&desk.at("/")));
    assert_eq!(elsewhere, None);
    // In HTTP/2, and packed.
    let how = "const [page] = performance.getEntriesByType('navigation'); return [page.nextHopProtocol, page.encodedBodySize < page.decodedBodySize];";
    assert_eq!(browser.run(how, &[]), json!(["h2", true]));
    let console = browser.console();
    assert!(!console.iter().any(|l| l.contains("Content Security Policy") || l.contains("SEVERE")), "{console:#?}");
    browser.screen(Screen { width: 390, dark: true });
    browser.go(&desk.at("/accessibilite")).shows("conformité non auditée").accessible("the statement");
    for who in cast.all() {
        let visit = Visit::new(&desk.sandbox);
        let led = visit.sign_in(&a.public_url, who);
        assert_eq!(led.status, 303, "{who}: {}", led.body);
        // The console is for those who administer something.
        let console = if who == cast.secretary { 403 } else { 200 };
        assert_eq!(visit.get(&desk.at("/console")).status, console, "{who}");
    }
}
