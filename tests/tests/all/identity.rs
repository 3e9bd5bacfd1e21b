//! A professional whom nobody entered: a card, a mailbox of one's own, the terms, a device, mail; and sessions that end on every node.
use sceau_e2e::doors::{ask, imap, say};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::visit::{Seen, Visit, between};
use sceau_e2e::{Sandbox, proves, wait};
use serde_json::Value;

/// A domain that is no structure's.
const OPEN: &str = "liberaux-alpes.mssante.fr";

fn path(seen: &Seen) -> &str {
    let to = seen.to.as_deref().unwrap_or_default();
    &to[sceau_e2e::visit::site(to).len()..]
}

#[test]
fn a_professional_opens_a_mailbox_with_a_card_and_reads_it() {
    let _proof = proves(&["F006", "F008", "F041"], "web");
    let _read = proves(&["F006"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    a.cli(&["domain", "add", OPEN]);
    let card =
        sandbox.ready.cards.iter().find(|c| c.login.is_empty() && c.state == "good").expect("a card of nobody here");
    let browser = Visit::new(&sandbox);

    // The card in the reader, at the door that asks for it.
    let page = browser.get(&format!("{url}/connexion?vers=/bal"));
    let door = browser.send(&page, "/connexion/carte", &[]).to.expect("the door for cards");
    let shown = format!("{}:{}", card.pair.p12.display(), card.pair.password);
    let back = browser.ask(&door, &["-4", "--cert-type", "P12", "--cert", &shown]).to.expect("back from the door");
    let entered = browser.get(&back);
    assert_eq!((entered.status, path(&entered)), (303, "/bal"), "{}", entered.body);
    let page = browser.get(&format!("{url}/bal"));
    let (given, family) = card.holder.split_once(' ').expect("a name");
    assert!(page.status == 200 && page.body.contains(family) && page.body.contains(given), "{}", page.body);

    // Nothing is there yet but the offer, at an address made of the name.
    let address = between(&page.body, "name=\"address\" value=\"", "\"").expect("an address").to_owned();
    assert!(address.ends_with(&format!("@{OPEN}")), "{address}");
    // Nobody opens what was not offered.
    let other = browser.send(&page, "/bal", &[("address", "prenom.nom@alpes.mssante.fr")]);
    assert_eq!(other.status, 404, "{}", other.body);
    let opened = browser.send(&page, "/bal", &[]);
    assert_eq!((opened.status, path(&opened)), (303, "/conditions"), "{}", opened.body);
    let terms = browser.get(&format!("{url}/conditions"));
    let accepted = browser.send(&terms, "/conditions", &[]);
    assert_eq!(accepted.status, 200, "{}", accepted.body);
    let page = wait::until("the mailbox", 30, || {
        Some(browser.get(&format!("{url}/bal")))
            .filter(|p| p.body.contains("class=\"things\"") && !p.body.contains("name=\"address\""))
    });
    assert!(page.body.contains(&address), "{}", page.body);
    let bal = a.cli(&["bal", "show", &address]);
    assert_eq!((bal["kind"].as_str(), bal["state"].as_str()), (Some("Per"), Some("active")), "{bal}");

    // What the person is, and what was kept of how it came about.
    let login = address.split('@').next().expect("a local part");
    let person = a.cli(&["person", "show", login]);
    assert_eq!(
        (person["identity"]["how"].as_str(), person["national_id"].as_str()),
        (Some("card"), Some(card.rpps.as_str())),
        "{person}"
    );
    let traces = a.cli(&["trace", "list", "--actor", login, "--limit", "50"]).to_string();
    for act in
        ["person.added_by_card", "identity.bound", "login.ok", "opening.asked", "opening.verified", "terms.accepted"]
    {
        assert!(traces.contains(act), "{act}: {traces}");
    }
    assert!(!traces.contains(&card.rpps), "no number in traces");

    // A program gets a token, and reads.
    let page = browser.get(&format!("{url}/appareils"));
    let made = browser.send(&page, "/appareils/jeton", &[("label", "Poste du cabinet"), ("days", "30")]);
    assert_eq!(made.status, 200, "{}", made.body);
    let secret = made.body.split("sceau_").nth(1).and_then(|s| s.split('<').next()).expect("a token");
    let mut wire = imap(&sandbox, a, &address, &format!("sceau_{}", secret.trim())).expect("signed in");
    assert!(say(&mut wire, "SELECT INBOX").expect("selected").contains("EXISTS"));
}

#[test]
fn a_session_ends_wherever_it_is_seen() {
    let _proof = proves(&["F046", "F047"], "rest");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let (marie, phone) = (Visit::new(&sandbox), Visit::new(&sandbox));
    for browser in [&marie, &phone] {
        let back = browser.sign_in(url, "marie.martin");
        assert_eq!(path(&back), "/bal", "{}", back.body);
    }
    let in_it = |browser: &Visit<'_>| browser.get(&format!("{url}/bal")).status == 200;
    let list = || ask(&sandbox, a, &a.api_token, "GET", "/people/marie.martin/sessions", None).1;
    let sessions = list();
    let sessions = sessions["items"].as_array().expect("sessions");
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert!(sessions.iter().all(|s| s["factors"] == "psc" && s["this"] == Value::Bool(false)), "{sessions:?}");
    assert!(in_it(&marie) && in_it(&phone));
    let shown = a.cli(&["session", "list", "marie.martin"]);
    assert_fits("sessions", &shown);
    assert_eq!(shown.as_array().expect("sessions").len(), 2);
    let id = sessions[0]["id"].as_str().expect("a number");
    let (status, said) = ask(&sandbox, a, &a.api_token, "DELETE", &format!("/sessions/{id}"), None);
    assert_eq!(status, "204", "{said}");
    assert!(!in_it(&marie) && in_it(&phone));
    // A block of the person ends all.
    a.cli(&["person", "block", "marie.martin", "--reason", "essai"]);
    assert!(!in_it(&phone));
    a.cli(&["person", "release", "marie.martin", "--reason", "fin"]);
}
