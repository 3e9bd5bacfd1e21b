//! Two who share a BAL, without scripts but for what is told as it happens: a note, who takes care, who answers at this moment, a rule.
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Desk, Letter, curl, proves, wait};

#[test]
fn two_share_a_bal() {
    let _proof = proves(&["F243"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (from, service) = (a.account("Per", 2).clone(), a.account("Org", 0).clone());
    let _ = desk.letters(&from, &service, 1);
    let (marie, paul) = (Visit::new(&desk.sandbox), Visit::new(&desk.sandbox));
    assert_eq!(marie.sign_in(&a.public_url, "marie.martin").status, 303);
    assert_eq!(paul.sign_in(&a.public_url, "paul.durand").status, 303);

    // Both find the shared BAL beside their own, and the message in it.
    let bals = marie.get(&desk.at("/bal"));
    let links = bals.body.split("href=\"/bal/").skip(1).filter_map(|rest| rest.split(['"', '/', '?']).next());
    let mut inboxes = links.map(|b| marie.follow(marie.get(&desk.at(&format!("/bal/{b}")))));
    let inbox = inboxes.find(|page| page.body.contains("/equipe")).expect("the shared BAL");
    let list = wait::until("the letter", 30, || {
        let page = marie.get(&inbox.url);
        page.body.contains("Compte rendu 1").then_some(page)
    });
    let link = between(&list.body, "class=\"row-link\" href=\"", "\"").expect("a row").to_owned();
    let message = link.split('?').next().expect("a path").to_owned();
    let bal = message.split("/message/").next().expect("a BAL").to_owned();

    // A note of one is read by the other, as text, and taken away by who answers for the BAL.
    let page = paul.get(&desk.at(&message));
    assert!(
        page.body.contains("Notes internes") && page.body.contains("Personne ne s’en occupe encore."),
        "{}",
        page.body
    );
    let noted = paul.send(&page, &format!("{message}/note"), &[("note", "Rappeler <b>avant midi</b>")]);
    assert_eq!(noted.to, Some(desk.at(&message)), "{}", noted.body);
    let page = marie.get(&desk.at(&message));
    assert!(page.body.contains("Rappeler &#60;b&#62;avant midi") && page.body.contains("Paul"), "{}", page.body);
    let remove = page.body.split('"').find(|part| part.ends_with("/retirer")).expect("her form").to_owned();
    let removed = marie.send(&page, &remove, &[]);
    assert_eq!(removed.to, Some(desk.at(&message)), "{}", removed.body);

    // Given to one; whoever gives it from an old page hears that it is given.
    let give = format!("{message}/attribuer");
    let given = marie.send(&page, &give, &[("a", "paul.durand")]);
    assert_eq!(given.to, Some(desk.at(&message)), "{}", given.body);
    assert_eq!(marie.send(&page, &give, &[("a", "marie.martin")]).status, 412);
    assert!(paul.get(&desk.at(&message)).body.contains("s’en occupe."));
    let folder = list.url.split('?').next().expect("an address");
    let mine = |visit: &Visit| visit.get(&format!("{folder}?filtre=miens")).body.contains("Compte rendu 1");
    assert!(mine(&paul) && !mine(&marie));

    // Whoever opened it is seen once that is written down.
    wait::until("both have opened it", 20, || {
        let page = marie.get(&desk.at(&message));
        (page.body.matches("a ouvert le").count() >= 2).then_some(())
    });

    // Two who answer at once hear of each other: whoever has the message open at once, the second when the page is opened.
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 1440, dark: false }).go(&desk.at(&message)).shows("Notes internes");
    assert!(!browser.text().contains("répond en ce moment"));
    let email = message.rsplit('/').next().expect("a message");
    let answer = format!("{bal}/ecrire?repondre={email}&a=un");
    let first = paul.follow(paul.get(&desk.at(&answer)));
    assert!(!first.body.contains("répond en ce moment"), "{}", first.body);
    browser.shows("répond en ce moment").accessible("a colleague answers");
    let second = marie.follow(marie.get(&desk.at(&answer)));
    assert!(second.body.contains("répond en ce moment"), "{}", second.body);

    let _ = paul.get(&desk.at(&answer));
    browser.go(&desk.at(&answer)).shows("répond en ce moment").accessible("an answer that a colleague writes too");

    // A rule files what comes from now on; who does not answer for the BAL has none to write.
    assert_eq!(paul.get(&desk.at(&format!("{bal}/regles"))).status, 403);
    let new = format!("{bal}/regle/nouvelle");
    let page = marie.get(&desk.at(&new));
    let rule = [("nom", "Urgences"), ("objet", "urgent"), ("suivre", "1"), ("faire", "enregistrer")];
    let made = marie.send(&page, &new, &rule);
    assert_eq!(made.to, Some(desk.at(&format!("{bal}/regles"))), "{}", made.body);
    let letter = Letter::short(&from.address, &service.address, "Urgent : bilan");
    let _ = curl::send(&desk.sandbox, a, &from, &[&service.address], &letter.bytes).ok();
    wait::until("what the rule followed", 60, || {
        let page = marie.get(&format!("{folder}?filtre=suivis"));
        page.body.contains("Urgent").then_some(())
    });
    // And did nothing that it was not told to do.
    let there = marie.get(&format!("{folder}?filtre=non-lus"));
    assert!(there.body.contains("Urgent"), "{}", there.body);
}
