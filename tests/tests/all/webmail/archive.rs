//! Archives and folders of one's own.
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Desk, proves, wait};

#[test]
fn folders_are_made_filled_and_kept_from_going_with_what_they_hold() {
    let _proof = proves(&["F058"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (from, to) = (a.account("Per", 1).clone(), a.account("Per", 0).clone());
    let _ = desk.letters(&from, &to, 2);
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, "marie.martin").status, 303);
    let list = wait::until("two letters in the list", 30, || {
        let page = visit.follow(visit.get(&desk.at("/bureau")));
        (page.body.contains("Compte rendu 1") && page.body.contains("Compte rendu 2")).then_some(page)
    });
    let bal = between(&list.url, "/bal/", "/").expect("a BAL's list").to_owned();
    let (act, folders) = (format!("/bal/{bal}/agir"), format!("/bal/{bal}/dossiers"));
    let page = visit.get(&desk.at(&folders));
    let made = visit.follow(visit.send(&page, &folders, &[("nom", "Projets/2026")]));
    assert!(made.status == 200 && made.body.contains("Projets / 2026"), "{}", made.body);
    // The same once more is refused, and what was typed stands there still.
    let twice = visit.send(&made, &folders, &[("nom", "Projets/2026")]);
    assert!(twice.status == 409 && twice.body.contains("value=\"Projets/2026\""), "{}", twice.body);

    // A letter goes there from its list.
    let list = visit.follow(visit.get(&desk.at("/bureau")));
    let option = list.body.split("<option value=\"").find(|o| o.contains(">Projets / 2026<")).expect("the folder");
    let home = option.split('"').next().expect("its name").to_owned();
    let uid = between(&list.body, "name=\"u\" value=\"", "\"").expect("a tick").to_owned();
    let typed = [("u", uid.as_str()), ("tout", ""), ("faire", "deplacer"), ("vers", &home)];
    let moved = visit.follow(visit.send(&list, &act, &typed));
    assert!(moved.body.contains("Un message déplacé."), "{}", moved.body);
    let there = visit.get(&desk.at(&format!("/bal/{bal}/dossier/{home}")));
    assert!(there.body.contains("Compte rendu") && there.body.contains("<h1>2026</h1>"), "{}", there.body);
    let page = visit.get(&desk.at(&folders));
    let origin = desk.at("/");
    let jeton = page.form(&folders).expect("a form").into_iter().find(|(name, _)| name == "jeton").expect("a word").1;
    let asks = |what: &str, name: &str| {
        let fields = [("jeton", jeton.as_str()), ("dossier", &home), ("faire", what), ("nom", name)];
        visit.post(&origin, &desk.at(&folders), &fields)
    };
    let full = asks("supprimer", "");
    assert!(full.status == 409 && full.body.contains("contient des messages"), "{}", full.body);
    assert_eq!(asks("renommer", "Année 2026").status, 303);
    assert!(visit.get(&desk.at(&folders)).body.contains("Projets / Année 2026"));

    // Everything there is archived at once; then the folder is empty, and goes.
    let there = visit.get(&desk.at(&format!("/bal/{bal}/dossier/{home}")));
    let done = visit.follow(visit.send(&there, &act, &[("u", ""), ("tout", "1"), ("faire", "archiver")]));
    assert!(done.body.contains("Un message archivé."), "{}", done.body);
    assert_eq!(asks("supprimer", "").status, 303);
    assert!(!visit.get(&desk.at(&folders)).body.contains("Année 2026"));
    // The other one goes into the folder of its year, and back.
    let list = visit.follow(visit.get(&desk.at("/bureau")));
    let uid = between(&list.body, "name=\"u\" value=\"", "\"").expect("a tick").to_owned();
    let typed = [("u", uid.as_str()), ("tout", ""), ("faire", "archiver-annee")];
    let done = visit.follow(visit.send(&list, &act, &typed));
    assert!(done.body.contains("Un message archivé."), "{}", done.body);
    assert!(visit.get(&desk.at(&folders)).body.contains("Archives / 20"));
    let back = visit.follow(visit.send(&done, &format!("/bal/{bal}/annuler"), &[]));
    assert!(back.body.contains("1 remis comme avant"), "{}", back.body);
    // Folders that every BAL has are not this page's to change.
    let inbox = between(&list.url, "/dossier/", "?").or(list.url.rsplit('/').next()).expect("a folder").to_owned();
    let own = [("jeton", jeton.as_str()), ("dossier", &inbox), ("faire", "supprimer"), ("nom", "")];
    assert_eq!(visit.post(&origin, &desk.at(&folders), &own).status, 404);
}
