//! Without scripts.
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Desk, wait};

#[test]
fn a_list_is_filtered_filed_searched_and_taken_back() {
    let desk = Desk::start();
    let a = desk.a();
    let (from, to) = (a.account("Per", 1).clone(), a.account("Per", 0).clone());
    let _ = desk.letters(&from, &to, 3);
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, "marie.martin").status, 303);
    let letters = |page: &str| (1..=3).filter(|n| page.contains(&format!("Compte rendu {n}"))).count();
    let list = wait::until("three letters in the list", 30, || {
        let page = visit.follow(visit.get(&desk.at("/bureau")));
        (letters(&page.body) == 3).then_some(page)
    });
    let bal = between(&list.url, "/bal/", "/").expect("a BAL's list").to_owned();
    let folder = list.url.split('?').next().expect("an address").to_owned();
    assert!(list.body.contains("Boîte de réception") && list.body.contains(&to.address), "{}", list.body);
    // A row leads to its message, and back to where one was.
    let link = between(&list.body, "class=\"row-link\" href=\"", "\"").expect("a row");
    assert!(link.starts_with(&format!("/bal/{bal}/message/M")) && link.contains("dans=F"), "{link}");
    assert_eq!(visit.get(&desk.at(link)).status, 200);

    // Archived, and back again.
    let (act, undo) = (format!("/bal/{bal}/agir"), format!("/bal/{bal}/annuler"));
    let uid = between(&list.body, "name=\"u\" value=\"", "\"").expect("a tick").to_owned();
    let done = visit.follow(visit.send(&list, &act, &[("u", &uid), ("tout", ""), ("faire", "archiver")]));
    assert!(done.body.contains("Un message archivé.") && letters(&done.body) == 2, "{}", done.body);
    let back = visit.follow(visit.send(&done, &undo, &[]));
    assert!(back.body.contains("C’est annulé") && letters(&back.body) == 3, "{}", back.body);
    // Once.
    let again = visit.send(&done, &undo, &[]);
    assert_eq!(again.status, 410, "{}", again.body);

    // The whole view, by a filter.
    let none = visit.follow(visit.send(&back, &act, &[("u", ""), ("tout", ""), ("faire", "lu")]));
    assert!(none.body.contains("Aucun message n’est choisi"), "{}", none.body);
    let all = visit.follow(visit.send(&back, &act, &[("u", ""), ("tout", "1"), ("faire", "suivre")]));
    assert!(all.body.contains("messages suivis."), "{}", all.body);
    assert_eq!(letters(&visit.get(&format!("{folder}?filtre=suivis&vue=messages")).body), 3);
    assert!(visit.get(&format!("{folder}?filtre=pieces")).body.contains("Aucun message ici"));
    // By pages from a place that is long past there is nothing, and the way back.
    let end = visit.get(&format!("{folder}?avant=1.1"));
    assert!(end.status == 200 && end.body.contains("Revenir au début"), "{}", end.body);

    let found = wait::until("what was searched for", 30, || {
        let page = visit.get(&desk.at(&format!("/bal/{bal}/chercher?q=objet:%22Compte+rendu+2%22")));
        page.body.contains("class=\"row-link row-hit\"").then_some(page)
    });
    assert!(found.body.contains("Compte rendu 2") && !found.body.contains("Compte rendu 3"), "{}", found.body);
    let wrong = visit.get(&desk.at(&format!("/bal/{bal}/chercher?q=avant:hier")));
    assert!(wrong.status == 422 && wrong.body.contains("Comment chercher"), "{}", wrong.body);

    // Another's BAL is none.
    let other = visit.get(&desk.at("/bal/B00000000000000000000000000/dossier/F0"));
    assert_eq!(other.status, 404);
}
