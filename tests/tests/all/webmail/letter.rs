//! A letter from its first letters to its time: whom it is for, what stands under it, what is missing.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;
use sceau_e2e::{Desk, proves, wait};

#[test]
fn a_letter_is_addressed_by_name_signed_and_leaves_at_its_time() {
    let _proof = proves(&["F242"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let there = a.account("Per", 1).clone();
    a.cli(&["person", "edit", &there.login, "--profession", "10"]);
    a.cli(&["bal", "choose", &there.address, "--paperless", "yes"]);

    // A signature and a template, without a script.
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, "marie.martin").status, 303);
    let inbox = visit.follow(visit.get(&desk.at("/bureau")));
    let (bal, _) = inbox.url.split_once("/dossier/").unwrap_or_else(|| panic!("no list: {} {}", inbox.url, inbox.body));
    let place = format!("{}/modeles", bal.trim_start_matches(&desk.at("")));
    for (kind, name, text) in
        [("signature", "Cabinet", "Dr Marie Martin, cardiologue"), ("template", "Convocation", "Venez à jeun.")]
    {
        let page = visit.get(&desk.at(&place));
        let fields = [("sorte", kind), ("qui", "moi"), ("nom", name), ("texte", text)];
        assert_eq!(visit.send(&page, &place, &fields).status, 303);
    }
    let page = visit.get(&desk.at(&place));
    let begin = page.body.split('"').find(|part| part.contains("?modele=W")).expect("a template").to_owned();

    // Somebody is found by a few letters, with profession, place and choice, and picked by keys.
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 1440, dark: false }).go(&desk.at(&begin));
    assert_eq!(browser.attribute("#objet", "value").as_deref(), Some("Convocation"));
    let value = |css: &str| browser.run("return document.querySelector(arguments[0]).value;", &[css.into()]);
    let text = value("#texte").as_str().expect("a text").to_owned();
    assert!(text.contains("Venez à jeun.") && text.contains("Dr Marie Martin, cardiologue"), "{text}");
    let name = there.address.split(['.', '@']).nth(1).expect("a name").get(..4).expect("four letters").to_owned();
    let first = "return document.querySelector(\"#a-choix [role='option']\")?.textContent ?? '';";
    let found = |typed: &str, who: &str| {
        browser.fill("#a", typed);
        wait::until(&format!("{who} to be meant"), 20, || {
            let shown = browser.run(first, &[]);
            shown.as_str().filter(|shown| shown.contains(who)).map(str::to_owned)
        })
    };
    let machine = a.account("App", 0);
    let shown = found("labo", &machine.address);
    assert!(shown.contains(&machine.name) && shown.contains("Grenoble"), "{shown}");
    let shown = found(&name, &there.address);
    for part in ["Annuaire", "Zéro papier", "Médecin"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    browser.accessible("who is meant");
    browser.keys(&["ArrowDown", "Enter"]);
    let to = value("#a");
    assert!(to.as_str().is_some_and(|to| to.contains(&there.address)), "{to}");
    assert_eq!(value("#cc"), "", "nowhere else");

    // What is spoken of and is not there is asked for; then the letter gets its time.
    browser.fill("#texte", "Vous trouverez ci-joint le bilan.").keys(&["Control+Enter"]);
    browser.shows("Envoyer sans pièce jointe").accessible("a piece that is missing");
    // With its form: the editor's own elements alone are kept, beside a plain twin.
    browser.press("#mise").press("#riche").accessible("the editor");
    browser.run("getSelection().selectAllChildren(document.querySelector('#riche'));", &[]);
    browser.press("[data-do='bold']").press("button[value='enregistrer']:not([hidden])").shows("Enregistré le");
    wait::until("what was written with form", 20, || browser.has("#riche b").then_some(()));
    assert!(value("#texte").as_str().is_some_and(|twin| twin.contains("ci-joint le bilan.")));
    browser.run(
        "const day = new Date(Date.now() + 864e5).toISOString().slice(0, 16);
         document.querySelector('#quand').value = day;
         document.querySelector(\"button[value='programmer']\").click();",
        &[],
    );
    browser.shows("Sur le départ").shows("Part le").accessible("a letter that leaves tomorrow");
    let console = browser.console();
    assert!(!console.iter().any(|line| line.contains("Content Security Policy")), "{console:#?}");
}
