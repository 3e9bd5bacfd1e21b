//! The console as a structure's administrator uses it, without scripts too: a BAL is asked for, people are seen, and nothing of elsewhere.
use sceau_e2e::Desk;
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn a_structures_administrator_asks_for_a_bal_and_sees_nothing_elsewhere() {
    let desk = Desk::start();
    let a = desk.a();
    let (service, doctor) = (a.account("Org", 0).address.clone(), a.account("Per", 0).clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let month = u64::try_from(now).expect("milliseconds") + 30 * 86_400_000;
    let cast = desk.cast(&service, &doctor, month);
    let domain = service.split_once('@').expect("an address").1;
    let wanted = format!("ophtalmologie@{domain}");
    let browser = desk.browser(cast.structure);
    browser.screen(Screen { width: 1440, dark: false });
    browser.go(&desk.at("/console")).shows("Accueil de la console").accessible("home of a structure");
    assert!(!browser.has("a[href='/console/file']") && browser.has("a[href='/console/demandes']"));
    browser.go(&desk.at("/console/demandes")).press("a[href$='/ouvrir']").shows("Adresse de la BAL");
    browser.accessible("a request");
    browser.fill("#c-address", &wanted).press("#c-kind option[value='Org']").fill("#c-name", "Ophtalmologie");
    let login = doctor.login.split('*').next().unwrap_or_default();
    browser.fill("#c-structure", "hopital-alpes").fill("#c-holders", login);
    browser.press("main form .btn-main").shows("La demande est enregistrée").shows(&wanted);
    browser.accessible("the sheet of a request");

    // The same without scripts: the list, its file, a wrong form told where it stands.
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, cast.structure).status, 303);
    let list = visit.get(&desk.at("/console/demandes"));
    assert!(list.body.contains(&wanted), "{}", list.body);
    let file = visit.get(&desk.at("/console/demandes?format=csv"));
    assert!(file.body.starts_with('\u{feff}') && file.body.contains(&wanted), "{}", file.body);
    let form = visit.get(&desk.at("/console/demandes/-/ouvrir"));
    let wrong =
        visit.send(&form, "/console/demandes/-/ouvrir", &[("address", "sans domaine"), ("name", "Essai gardé")]);
    assert!((400..500).contains(&wrong.status), "{}", wrong.status);
    assert!(wrong.body.contains("Essai gardé"), "{}", wrong.body);

    // What is of no concern here answers like what does not exist.
    for path in ["/console/traces", "/console/file", "/console/personnes/personne", "/console/structures/ailleurs"] {
        assert_eq!(visit.get(&desk.at(path)).status, 403, "{path}");
    }
}
