//! What goes wrong: each has a sentence and a way on.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Desk, curl, proves, wait};

/// Files dropped on a letter.
const DROP: &str = "const carried = new DataTransfer();
    carried.items.add(new File(['x'.repeat(1500000)], 'bilan.txt', { type: 'text/plain' }));
    const how = { dataTransfer: carried, bubbles: true, cancelable: true };
    document.getElementById('lettre').dispatchEvent(new DragEvent('drop', how));";

#[test]
fn a_letter_survives_a_lost_connection_and_a_second_window() {
    let _proof = proves(&["F241"], "web");
    let desk = Desk::start();
    let (a, b) = (desk.a(), desk.sandbox.b());
    let there = b.account("Per", 0);
    let unknown = format!("personne.inconnue@{}", a.account("Per", 0).address.split('@').nth(1).expect("a domain"));
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 1440, dark: false }).go(&desk.at("/bureau"));
    let url = browser.url();
    let (bal, _) = url.split_once("/dossier/").unwrap_or_else(|| panic!("no list: {url}"));

    // Who cannot receive is told as soon as the field is left.
    browser.go(&format!("{bal}/ecrire")).shows("Nouveau message").accessible("a new letter");
    browser.fill("#a", &unknown).press("#objet").shows("n’existe pas");
    browser.accessible("a recipient who cannot receive");

    // What is typed is kept by itself; without a network it stays on the page, which says so.
    browser.fill("#a", &there.address).fill("#objet", "Bilan").fill("#texte", "Premier jet").shows("Enregistré le");
    let version = || browser.run("return document.querySelector('[name=version]').value;", &[]);
    let before = version();
    browser.offline(true).fill("#texte", "Second jet");
    wait::until("the banner", 20, || browser.has("[data-of='no-network']").then_some(()));
    browser.offline(false).fill("#objet", "Bilan de la semaine");
    wait::until("the letter to be kept", 20, || (version() != before).then_some(()));
    assert!(!browser.has("[data-of='no-network']"));

    // Another window of hers writes on it: neither is lost.
    let form = browser.attribute("#lettre", "action").expect("an address");
    let other = Visit::new(&desk.sandbox);
    assert_eq!(other.sign_in(&a.public_url, "marie.martin").status, 303);
    let page = other.get(&desk.at(&form));
    assert!(page.body.contains("Second jet"), "{}", page.body);
    let kept = other.send(&page, &form, &[("texte", "De l’autre fenêtre"), ("faire", "enregistrer")]);
    assert_eq!(kept.status, 303, "{}", kept.body);
    browser.fill("#texte", "Troisième jet").shows("modifié entre-temps");
    browser.press("button[value='enregistrer']:not([hidden])").shows("De l’autre fenêtre").accessible("two versions");
    browser.press("button[value='enregistrer']:not([hidden])").shows("Enregistré le");
    let text = browser.run("return document.querySelector('#texte').value;", &[]);
    assert_eq!(text, "Troisième jet", "hers, as she chose");

    // A file that is dropped goes by pieces; the letter goes by keys, and is held back.
    browser.run(DROP, &[]);
    browser.shows("bilan.txt").accessible("a file");
    browser.press("#texte").keys(&["Control+Enter"]).shows("Sur le départ").accessible("what leaves");
    browser.press("form[action$='/retenir'] button").shows("bilan.txt");
    let dark = Screen { width: 390, dark: true };
    browser.screen(dark).accessible("a letter on a telephone");
    let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth;", &[]);
    assert!(wide.as_i64().is_some_and(|more| more <= 0), "{wide}");
    browser.go(&format!("{bal}/modeles")).shows("Modèles et signatures").accessible("templates");
    browser.screen(Screen { width: 1440, dark: false }).go(&desk.at(&form));
    browser.press("button[value='envoyer']").shows("Sur le départ");
    let arrived = wait::until("the letter", 60, || {
        let found = curl::search(&desk.sandbox, b, there, "SUBJECT \"Bilan de la semaine\"");
        found.first().and_then(|number| curl::fetch(&desk.sandbox, b, there, *number))
    });
    let arrived = String::from_utf8(arrived).expect("7-bit");
    assert!(arrived.contains("filename=bilan.txt") && arrived.len() > 2_000_000, "{} bytes", arrived.len());
    let console = browser.console();
    assert!(!console.iter().any(|l| l.contains("Content Security Policy")), "{console:#?}");
}
