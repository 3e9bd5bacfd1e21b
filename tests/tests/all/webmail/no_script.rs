//! Without scripts.
use sceau_e2e::visit::{Visit, between, site};
use sceau_e2e::{Desk, curl, proves, wait};

#[test]
fn a_list_is_filtered_filed_searched_and_taken_back() {
    let _proof = proves(&["F057"], "web");
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

/// Where a page's form for a letter goes.
fn letter_form(body: &str) -> String {
    let action = body.split('"').find(|part| part.contains("/ecrire/D"));
    action.unwrap_or_else(|| panic!("no letter to write: {body}")).to_owned()
}

#[test]
fn one_writes_joins_a_file_sends_and_holds_back() {
    let desk = Desk::start();
    let (a, b) = (desk.a(), desk.sandbox.b());
    let (doctor, there) = (a.account("Per", 0), b.account("Per", 0));
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, "marie.martin").status, 303);
    let inbox = visit.follow(visit.get(&desk.at("/bureau")));
    let (bal, _) = inbox.url.split_once("/dossier/").unwrap_or_else(|| panic!("no list: {} {}", inbox.url, inbox.body));

    // Kept, and seen by a mail program.
    let page = visit.get(&format!("{bal}/ecrire"));
    let form = letter_form(&page.body);
    let typed = [("a", there.address.as_str()), ("objet", "Bilan sans script"), ("texte", "Bonjour,\n\nÀ bientôt.")];
    let kept = visit.send(&page, &form, &[&typed[..], &[("faire", "enregistrer")]].concat());
    assert_eq!(kept.to, Some(desk.at(&form)), "{}", kept.body);
    let drafts = curl::imap(&desk.sandbox, a, doctor, "Drafts", "SEARCH SUBJECT \"Bilan sans script\"").ok();
    assert!(drafts.out.trim_end().ends_with(|c: char| c.is_ascii_digit()), "{}", drafts.out);

    // A file, with what was typed since.
    let page = visit.get(&desk.at(&form));
    let fields = page.form(&form).expect("the letter");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bilan.txt");
    std::fs::write(&path, "Glycémie : 0,95 g/L").expect("a file");
    let mut with: Vec<String> = vec!["-X".into(), "POST".into(), "-H".into(), format!("Origin: {}", site(&page.url))];
    let own = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "pieces" | "quand"));
    for (name, value) in own {
        with.extend(["--form-string".into(), format!("{name}={value}")]);
    }
    let more =
        [("--form-string", "texte=Bonjour, voici le bilan.".to_owned()), ("-F", format!("pieces=@{}", path.display()))];
    for (how, field) in more.into_iter().chain([("--form-string", "faire=joindre".to_owned())]) {
        with.extend([how.into(), field]);
    }
    let joined = visit.ask(&desk.at(&form), &with.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(joined.to, Some(desk.at(&form)), "{}", joined.body);
    let page = visit.get(&desk.at(&form));
    assert!(page.body.contains("bilan.txt") && page.body.contains("voici le bilan"), "{}", page.body);

    // Sent, held back, sent for good: it arrives at the other operator with its file, and stays among what was sent.
    let typed = [("texte", "Bonjour, voici le bilan."), ("faire", "envoyer")];
    let sent = visit.send(&page, &form, &typed);
    assert_eq!(sent.to, Some(format!("{bal}/envois")), "{}", sent.body);
    let outbox = visit.get(&format!("{bal}/envois"));
    let hold = outbox.body.split('"').find(|part| part.ends_with("/retenir")).expect("what leaves").to_owned();
    let held = visit.send(&outbox, &hold, &[]);
    assert_eq!(held.to, Some(desk.at(&form)), "{}", held.body);
    let page = visit.get(&desk.at(&form));
    assert_eq!(visit.send(&page, &form, &typed).to, Some(format!("{bal}/envois")));
    let arrived = || {
        let found = curl::search(&desk.sandbox, b, there, "SUBJECT \"Bilan sans script\"");
        found.first().and_then(|number| curl::fetch(&desk.sandbox, b, there, *number))
    };
    let message = String::from_utf8(wait::until("the letter", 60, arrived)).expect("7-bit");
    assert!(message.contains("filename=bilan.txt"), "{message}");
    let sent = curl::imap(&desk.sandbox, a, doctor, "Sent", "SEARCH SUBJECT \"Bilan sans script\"").ok();
    assert!(sent.out.trim_end().ends_with(|c: char| c.is_ascii_digit()), "{}", sent.out);
    wait::until("no draft any more", 20, || {
        let left = curl::imap(&desk.sandbox, a, doctor, "Drafts", "SEARCH SUBJECT \"Bilan sans script\"").ok();
        left.out.trim_end().ends_with("SEARCH").then_some(())
    });
}
