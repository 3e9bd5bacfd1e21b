//! A letter to several recipients, followed to the end of each: from the copy among what was sent.
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Desk, wait};

#[test]
fn each_recipient_is_followed_from_what_was_sent() {
    let desk = Desk::start();
    let (a, b) = (desk.a(), desk.sandbox.b());
    let (here, there) = (a.account("Per", 1), b.account("Per", 0));
    let nobody = format!("personne.inconnue@{}", there.address.split('@').nth(1).expect("a domain"));
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, "marie.martin").status, 303);
    let inbox = visit.follow(visit.get(&desk.at("/bureau")));
    let (bal, _) = inbox.url.split_once("/dossier/").unwrap_or_else(|| panic!("no list: {} {}", inbox.url, inbox.body));
    let page = visit.get(&format!("{bal}/ecrire"));
    let form = page.body.split('"').find(|part| part.contains("/ecrire/D")).expect("a letter").to_owned();
    let to = format!("{}, {}, {nobody}", here.address, there.address);
    let typed = [("a", to.as_str()), ("objet", "Bilan suivi"), ("texte", "Voici le bilan."), ("faire", "envoyer")];
    let sent = visit.send(&page, &form, &typed);
    assert_eq!(sent.to, Some(format!("{bal}/envois")), "{}", sent.body);

    // The copy among what was sent leads to what became of it.
    let list = visit.get(&inbox.url);
    let folder = list.body.split("href=\"").skip(1).find(|rest| {
        let link = rest.split("</a>").next().unwrap_or_default();
        link.starts_with("/bal/") && link.contains("/dossier/") && link.contains("#envoye")
    });
    let folder = folder.and_then(|rest| rest.split(['"', '?']).next()).expect("what was sent").to_owned();
    let message = wait::until("the copy", 60, || {
        let page = visit.get(&desk.at(&folder));
        let row = page.body.contains("Bilan suivi").then(|| between(&page.body, "class=\"row-link\" href=\"", "\""));
        row.flatten().and_then(|link| link.split('?').next()).map(str::to_owned)
    });
    let following = wait::until("the end of each", 90, || {
        let page = visit.get(&desk.at(&format!("{message}/suivi")));
        (page.body.contains("2 sur 3 remis") && page.body.contains("1 non remis")).then_some(page)
    });
    for text in [here.address.as_str(), &there.address, &nobody, "Remis à l’opérateur du destinataire", "Refusé"] {
        assert!(following.body.contains(text), "{text} in {}", following.body);
    }
    let page = visit.get(&desk.at(&message));
    assert!(page.body.contains("Suivi de l’envoi") && page.body.contains("2 sur 3 remis"), "{}", page.body);
    // Its sender is told as well.
    wait::until("the report", 30, || visit.get(&inbox.url).body.contains("class=\"row-link\"").then_some(()));
}
