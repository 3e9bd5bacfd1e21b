//! The console as the operator's people use it: administrator, support, auditor, and a regional body.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Desk, proves, wait};
use std::time::{SystemTime, UNIX_EPOCH};

/// The pages of the menu, each with a word that it shows.
const PAGES: [(&str, &str); 31] = [
    ("", "Accueil de la console"),
    ("/demandes", "Demander une BAL"),
    ("/personnes", "Ajouter une personne"),
    ("/bal", "sans leur contenu"),
    ("/structures", "hopital-alpes"),
    ("/regions", "region-alpes"),
    ("/roles", "Donner un rôle"),
    ("/recuperations", "Remplacement des moyens de connexion"),
    ("/imports", "Imports"),
    ("/file", "Réessayer une destination"),
    ("/partenaires", "Partenaires"),
    ("/liste-blanche", "Exporter en CSV"),
    ("/certificats", "Jours restants"),
    ("/autorites", "Demander les listes maintenant"),
    ("/domaines", "Inscrit"),
    ("/connecteurs", "Raccordements"),
    ("/alarmes", "Alarmes"),
    ("/abus", "Abus"),
    ("/signalements", "Signalements"),
    ("/annonces", "Publier une annonce"),
    ("/traces", "Cette consultation est tracée"),
    ("/journal", "Vérifier le journal"),
    ("/lecteurs", "Qui pouvait lire"),
    ("/limites", "Fixer une limite"),
    ("/conservation", "Créer une politique"),
    ("/gels", "Placer un gel"),
    ("/references", "Importer le répertoire national"),
    ("/imports/nouveau", "Importer des personnes"),
    ("/sante", "Base de données"),
    ("/noeuds", "En marche"),
    ("/taches", "Tâches"),
];

#[test]
fn each_of_the_operators_people_finds_what_is_theirs() {
    let _proof = proves(&["F248"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (service, doctor) = (a.account("Org", 0).address.clone(), a.account("Per", 0).clone());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    let month = u64::try_from(now).expect("milliseconds") + 30 * 86_400_000;
    let cast = desk.cast(&service, &doctor, month);
    let browser = desk.browser(cast.administrator);

    // Every page, as a desk shows it; some as a telephone does, in the dark.
    let narrow = || {
        let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth;", &[]);
        assert!(wide.as_i64().is_some_and(|more| more <= 0), "{} {wide}", browser.path());
    };
    browser.screen(Screen { width: 1440, dark: false });
    for (path, word) in PAGES {
        browser.go(&desk.at(&format!("/console{path}"))).shows(word).accessible(path);
        narrow();
    }
    let sheet = format!("/console/personnes/{}", cast.secretary);
    browser.screen(Screen { width: 390, dark: true });
    for path in ["/console", "/console/personnes", sheet.as_str(), "/console/demandes/-/ouvrir"] {
        browser.go(&desk.at(path)).accessible(path);
        narrow();
    }
    browser.screen(Screen { width: 1440, dark: false });

    // Blocked with a reason, seen as such, released.
    browser.go(&desk.at(&sheet)).press("a[href$='/bloquer']").shows("ne peut plus rien ouvrir");
    browser
        .fill("#c-reason", "Essai de blocage")
        .press("main form .btn-risk")
        .at(&sheet)
        .shows("La personne est bloquée");
    browser.shows("Essai de blocage").press("a[href$='/debloquer']").shows("retrouve les accès");
    browser
        .fill("#c-reason", "Fin de l'essai")
        .press("main form .btn-main")
        .at(&sheet)
        .shows("La personne est débloquée");

    // What was done is found in the traces; a choice and an order come without a new page.
    browser.go(&desk.at("/console/traces")).fill("#f-acte", "person.blocked").press("[data-finds] button");
    browser.shows("Essai de blocage");
    browser.go(&desk.at("/console/personnes")).press("thead a[href*='tri=login']");
    wait::until("the order", 10, || browser.has("th[aria-sort='ascending']").then_some(()));
    browser.go(&desk.at("/console/certificats")).press("#f-nature option[value='own']");
    wait::until("the choice", 10, || browser.url().contains("nature=own").then_some(()));
    browser.press("tbody a").shows("Empreinte").accessible("a certificate");

    // Support sees and helps, blocks nobody; an auditor reads traces, not the queue; a region sees its structures, and no machine.
    for (who, opens, closed) in [
        (cast.support, "/console/file", "/console/traces"),
        (cast.auditor, "/console/traces", "/console/file"),
        (cast.region, "/console/structures", "/console/noeuds"),
    ] {
        let visit = Visit::new(&desk.sandbox);
        assert_eq!(visit.sign_in(&a.public_url, who).status, 303, "{who}");
        assert_eq!(visit.get(&desk.at(opens)).status, 200, "{who} {opens}");
        assert_eq!(visit.get(&desk.at(closed)).status, 403, "{who} {closed}");
        let blocks = visit.get(&desk.at(&format!("/console/personnes/{}/bloquer", doctor.login)));
        assert!(blocks.status == 403 || who == cast.region, "{who} {}", blocks.status);
    }
    let errors: Vec<_> = browser.console().into_iter().filter(|l| l.contains("Content Security Policy")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
