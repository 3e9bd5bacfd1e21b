//! The guide (`docs/guide`): its pages are there, and its pictures are of them. With `SCEAU_PICTURES` set, this makes the pictures, and tells what looks
//! otherwise than the ones that are kept (`docs/guide/images`).
use sceau_e2e::desk::Screen;
use sceau_e2e::sandbox::More;
use sceau_e2e::{Browser, Desk, Sandbox, proof, wait};
use serde_json::json;
use std::path::PathBuf;

/// Every page that is pictured.
const STATES: [&str; 13] = [
    "liste",
    "message",
    "recherche",
    "annuler",
    "ecrire",
    "suivi",
    "equipe",
    "touches",
    "compte",
    "activite",
    "console",
    "personne",
    "traces",
];
/// Those whose rows are what this very run did, in its order: made, and compared by people.
const OF_THIS_RUN: [&str; 2] = ["activite", "traces"];
const DESK: Screen = Screen { width: 1440, dark: false };

/// A page of the guide: its text.
fn pages() -> Vec<(String, String)> {
    let folder = proof::workspace().join("docs/guide");
    let files = std::fs::read_dir(folder).expect("the guide").map(|e| e.expect("a file").path());
    let pages = files.filter(|path| path.extension().is_some_and(|e| e == "md"));
    pages.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("text"))).collect()
}

#[test]
fn pictures_and_links_of_the_guide_lead_somewhere() {
    let guide = proof::workspace().join("docs/guide");
    let pages = pages();
    assert!(pages.len() >= 4, "{}", pages.len());
    for (name, text) in &pages {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            if let Some(picture) = file.strip_prefix("images/") {
                let mut made = STATES.iter().flat_map(|state| {
                    Screen::ALL.map(|s| format!("{state}-{}-{}.png", s.width, if s.dark { "dark" } else { "light" }))
                });
                assert!(made.any(|made| made == picture), "{name}: nobody makes {picture}");
                continue;
            }
            let target = if file.is_empty() { PathBuf::from(name) } else { guide.join(file) };
            let there = std::fs::read_to_string(&target).unwrap_or_else(|e| panic!("{name}: {link}: {e}"));
            let mut heads = there.lines().filter_map(|line| line.strip_prefix('#')).map(|head| {
                let head = head.trim_start_matches('#').trim().to_lowercase();
                let kept = head.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
            });
            assert!(part.is_empty() || heads.any(|head| head == part), "{name}: {link}");
        }
    }
}

/// The page as it stands, in its picture; then at the width of a desk again.
fn pictured(browser: &Browser, state: &str) {
    assert!(STATES.contains(&state), "{state}");
    browser.pictured(state, !OF_THIS_RUN.contains(&state)).screen(DESK);
}

/// Ticks the row of a list that says this.
fn ticked(browser: &Browser, subject: &str) {
    let tick = "const row = [...document.querySelectorAll('li.row')].find((row) => row.textContent.includes(arguments[0]));\n\
        row.querySelector('.row-tick input').click();";
    browser.run(tick, &[json!(subject)]);
}

/// Opens the row of a list that says this.
fn opened(browser: &Browser, subject: &str) {
    let find = "return [...document.querySelectorAll('a.row-link')].find((a) => a.textContent.includes(arguments[0]))?.href ?? '';";
    let list = browser.url();
    let link = wait::until(subject, 60, || {
        let link = browser.run(find, &[json!(subject)]);
        let link = link.as_str().filter(|link| !link.is_empty()).map(str::to_owned);
        if link.is_none() {
            browser.go(&list);
        }
        link
    });
    browser.go(&link).shows(subject);
}

#[test]
#[ignore = "long"]
fn every_page_of_the_guide_is_there() {
    let desk = Desk { sandbox: Sandbox::start_more(More { letters: true, ..More::default() }) };
    let (a, b) = (desk.a(), desk.sandbox.b());
    let (there, service) = (b.account("Per", 0).address.clone(), a.account("Org", 0).address.clone());
    // Of another operator's people we know nothing before a letter is handed over.
    let unknown = format!("personne.inconnue@{}", service.split('@').nth(1).expect("a domain"));
    let browser = desk.browser("marie.martin");
    browser.screen(DESK);
    desk.listed(&browser, 6);
    let inbox = browser.url();
    let (bal, _) = inbox.split_once("/dossier/").unwrap_or_else(|| panic!("no list: {inbox}"));
    let bal = bal.to_owned();
    pictured(&browser, "liste");
    browser.keys(&["?"]).shows("Touches du clavier");
    pictured(&browser, "touches");
    browser.go(&inbox);
    for subject in ["Réunion de concertation", "Suivi après la sortie"] {
        ticked(&browser, subject);
    }
    browser.keys(&["e"]).shows("2 messages archivés.");
    pictured(&browser, "annuler");
    browser.go(&inbox);
    opened(&browser, "Échographie");
    browser.shows("Pièces jointes");
    pictured(&browser, "message");
    wait::until("what was searched for", 60, || {
        browser.go(&format!("{bal}/chercher?q=holter"));
        browser.has("a.row-hit mark").then_some(())
    });
    pictured(&browser, "recherche");

    browser.go(&format!("{bal}/ecrire")).fill("#objet", "Bilan avant consultation");
    browser.fill("#texte", "Bonjour Anne,\n\nVoici le bilan de Madame ESSAI-DUPONT.\n\nMarie");
    browser.fill("#a", &format!("{there}, {unknown}")).press("#objet").shows("n’existe pas");
    pictured(&browser, "ecrire");
    browser.fill("#a", &there).press("button[value='envoyer']:not([hidden])").shows("Sur le départ");
    let sent = "return document.querySelector(\".rail a[data-use='envoye']\").href;";
    let sent = browser.go(&inbox).run(sent, &[]);
    browser.go(sent.as_str().expect("the Sent folder"));
    opened(&browser, "Bilan avant consultation");
    let message = browser.url();
    browser.go(&format!("{}/suivi", message.split('?').next().unwrap_or_default())).shows("1 sur 1 remis");
    pictured(&browser, "suivi");

    let find = "return [...document.querySelectorAll('.bals a')].find((a) => a.textContent.includes(arguments[0]))?.href ?? '';";
    let shared = browser.go(&inbox).run(find, &[json!(service)]);
    browser.go(shared.as_str().expect("the shared BAL"));
    opened(&browser, "Demande de rendez-vous");
    browser.fill("#note", "Place proposée mardi à 14 h, à confirmer.").press("form[action*='/note'] button");
    browser.shows("Place proposée");
    pictured(&browser, "equipe");
    browser.go(&desk.at("/compte")).shows("Place occupée");
    pictured(&browser, "compte");
    browser.go(&desk.at("/compte/activite")).shows("Message lu");
    pictured(&browser, "activite");

    for (who, path, word, state) in [
        ("role.operateur", "/console", "Accueil de la console", "console"),
        ("role.support", "/console/personnes/marie.martin", "Marie", "personne"),
        ("role.auditeur", "/console/traces", "Cette consultation est tracée", "traces"),
    ] {
        let browser = desk.browser(who);
        browser.screen(DESK).go(&desk.at(path)).shows(word).accessible(path);
        pictured(&browser, state);
    }
}
