//! One's own account.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Desk, proves};
use std::time::{SystemTime, UNIX_EPOCH};

/// Its pages, and a word of each.
const PAGES: [(&str, &str); 13] = [
    ("/compte", "Vos BAL"),
    ("/bal", "BAL personnelle"),
    ("/compte/choix", "Liste rouge"),
    ("/compte/notifications", "Votre adresse de notification"),
    ("/compte/delegations", "Vous avez délégué à"),
    ("/compte/activite", "D’où"),
    ("/compte/affichage", "Clair ou sombre"),
    ("/moyens", "Ce que vous avez"),
    ("/appareils", "Un nouveau jeton"),
    ("/compte/telephone", "Sur un téléphone"),
    ("/compte/donnees", "Emporter vos messages"),
    ("/compte/aide", "Votre demande"),
    ("/compte/fermeture", "Ce qui est perdu"),
];

#[test]
fn one_looks_after_ones_own_account() {
    let _proof = proves(&["F164", "F247", "F069"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (service, doctor) = (a.account("Org", 0).address.clone(), a.account("Per", 0).clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let month = u64::try_from(now).expect("milliseconds") + 30 * 86_400_000;
    let cast = desk.cast(&service, &doctor, month);
    let browser = desk.browser("marie.martin");
    for (path, word) in PAGES {
        for screen in [Screen { width: 1440, dark: false }, Screen { width: 390, dark: true }] {
            browser.screen(screen);
            browser.go(&desk.at(path)).shows(word).accessible(&format!("{path} {screen:?}"));
            let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth;", &[]);
            assert!(wide.as_i64().is_some_and(|more| more <= 0), "{path} {screen:?}: {wide}");
        }
    }
    browser.screen(Screen { width: 1440, dark: false });

    // Nothing is chosen beforehand; what one chooses stays chosen.
    browser.go(&desk.at("/compte/choix"));
    assert!(!browser.has("input[type='radio']:checked"));
    browser.press("input[name='liste_rouge'][value='oui']").press("form.choices button").shows("enregistré");
    assert!(browser.has("input[name='liste_rouge'][value='oui']:checked"));

    // An absence, from the overview to its end.
    browser.go(&desk.at("/compte")).press("a[href$='/absence']").shows("Premier jour");
    let days = "const at = (n) => new Date(Date.now() + n * 86400000).toISOString().slice(0, 10);
        document.querySelector('#du').value = at(1); document.querySelector('#au').value = at(9);";
    browser.run(days, &[]);
    browser.fill("#texte", "De retour dans neuf jours.").press("form.card .btn-main").shows("Mettre fin à l’absence");
    browser.accessible("absence");
    browser.press("form[action$='/absence/fin'] button").shows("enregistré");
    assert!(!browser.has("form[action$='/absence/fin']"));

    // Light or dark by one's own choice, whatever the system says.
    browser.go(&desk.at("/compte/affichage")).press("#theme option[value='dark']").press("form.card .btn-main");
    browser.shows("enregistré");
    assert_eq!(browser.attribute("html", "data-theme").as_deref(), Some("dark"));

    // Her secretary opens her BAL; she sees that: who, what, from where.
    let secretary = Visit::new(&desk.sandbox);
    assert_eq!(secretary.sign_in(&a.public_url, cast.secretary).status, 303);
    let overview = secretary.get(&desk.at("/compte")).body;
    let (before, _) = overview.split_once(&format!("\">{}</a>", doctor.address)).expect("her delegation");
    let opened = secretary.follow(secretary.get(&desk.at(before.rsplit_once("href=\"").expect("a link").1)));
    assert_eq!(opened.status, 200, "{}", opened.body);
    let people = &desk.sandbox.ready.psc.people;
    let name = &people.iter().find(|p| p.login == cast.secretary).expect("somebody").name;
    browser.go(&desk.at("/compte/activite")).shows("Connexion à la BAL").shows(name);
    browser.press("form.bar select option[value='moi']").press("form.bar button").shows("Affichage modifié");
}
