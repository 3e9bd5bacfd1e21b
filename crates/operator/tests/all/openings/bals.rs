//! BALs as they are shown, named, changed and chosen for.
use crate::openings::{House, of_hospital};
use sceau_domain::BalKind;
use sceau_operator::accounts::structures::views::NewStructure;
use sceau_operator::accounts::{BalChoices, BalEdit, BalQuery, NewBal, SuggestFor};
use sceau_operator::openings::OpeningQuery;
use sceau_testkit::world::code;

each_engine!(
    names_of_our_own_people_are_known_and_only_the_operator_overrides,
    homonyms_are_numbered,
    nothing_is_chosen_for_anybody,
    texts_change_by_version_and_within_their_lengths,
    lists_go_as_far_as_the_asker,
);

async fn names_of_our_own_people_are_known_and_only_the_operator_overrides(h: House) {
    let chef = h.actor("chef").await;
    let named = |label: &str| NewBal { name: label.into(), ..of_hospital("tokugawa-yuzuki", BalKind::Org, &["anne"]) };
    h.0.op.add_bal(&chef, of_hospital("kobayashi-yuzuki", BalKind::Org, &["anne"])).await.unwrap();
    h.edit("bruno", |p| p.given_name = Some("Yuzuki".into())).await;
    assert_eq!(code(h.0.op.add_bal(&chef, named("Accueil")).await), "naming.person", "one of us is called so");
    let with = |reason: &str| NewBal { naming_override: Some(reason.into()), ..named("Accueil") };
    assert_eq!(code(h.0.op.add_bal(&chef, with("nom d'un bâtiment")).await), "right.missing");
    assert_eq!(code(h.0.op.add_bal(&h.0.admin, with(" ")).await), "admin.invalid");
    h.0.op.add_bal(&h.0.admin, with("nom d'un bâtiment")).await.unwrap();
    let trace = h.0.traces("bal.opened").await.pop().unwrap();
    assert_eq!(trace.data["naming_override"], "nom d'un bâtiment");
    // The name shown and the description too; what needs no override takes none.
    for (local, label, description, expected) in [
        ("urgences", "Jean Dupont", "", "naming.person"),
        ("urgences", "Urgences", "Dr Martin", "naming.person"),
        ("admin", "Urgences", "", "naming.reserved"),
    ] {
        let new = NewBal {
            name: label.into(),
            description: description.into(),
            ..of_hospital(local, BalKind::Org, &["anne"])
        };
        assert_eq!(code(h.0.op.add_bal(&chef, new).await), expected);
    }
    let new = NewBal {
        naming_override: Some("sans objet".into()),
        ..of_hospital("service-pr-dupont", BalKind::Org, &["anne"])
    };
    h.0.op.add_bal(&chef, new).await.unwrap();
    assert_eq!(h.0.traces("bal.opened").await.pop().unwrap().data["naming_override"], serde_json::Value::Null);
}

async fn homonyms_are_numbered(h: House) {
    h.people(&["zoe", "zoe-2"]).await;
    let suggest = async |given: &str, family: &str| {
        let whom = SuggestFor::Person { given: given.into(), family: family.into() };
        h.0.op.suggest_address(&h.0.admin, whom, Some("alpha.mssante.fr".parse().unwrap())).await
    };
    let first = suggest("Zoé", "Le Goff").await.unwrap();
    assert_eq!((first.address.as_str(), first.homonym), ("zoe.le-goff@alpha.mssante.fr", false));
    h.0.op.add_bal(&h.0.admin, of_hospital("zoe.le-goff", BalKind::Per, &["zoe"])).await.unwrap();
    let second = suggest("zoe", "LE GOFF").await.unwrap();
    assert_eq!((second.address.as_str(), second.homonym), ("zoe.le-goff2@alpha.mssante.fr", true));
    // What is only asked for is taken too.
    h.ask("chef", of_hospital("zoe.le-goff2", BalKind::Per, &["chef"])).await;
    assert_eq!(suggest("Zoé", "Le Goff").await.unwrap().address, "zoe.le-goff3@alpha.mssante.fr");
    assert_eq!(code(suggest("山", "田").await), "admin.invalid");
    let structure = SuggestFor::Structure("hopital".into());
    let theirs = h.0.op.suggest_address(&h.actor("chef").await, structure.clone(), None).await.unwrap();
    assert_eq!(theirs.address, "hopital-de-lexemple@alpha.mssante.fr");
    let chloe = h.actor("chloe").await;
    assert_eq!(code(h.0.op.suggest_address(&chloe, structure, None).await), "right.missing");
}

async fn nothing_is_chosen_for_anybody(h: House) {
    h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &["anne"])).await.unwrap();
    let mut labo = of_hospital("laboratoire", BalKind::App, &["anne"]);
    (labo.members, labo.paperless) = (vec!["chloe".into()], Some(false));
    h.0.op.add_bal(&h.0.admin, labo).await.unwrap();
    let of = async |address: &str| {
        let b = h.0.op.bal(&h.0.admin, address).await.unwrap();
        (b.version, [b.red_list, b.phone_published, b.paperless])
    };
    for address in ["anne.martin@alpha.mssante.fr", "accueil@alpha.mssante.fr"] {
        assert_eq!(of(address).await.1, [None, None, None], "{address}");
    }
    assert_eq!(of("laboratoire@alpha.mssante.fr").await.1, [None, None, Some(false)], "asked at the registration");
    let red = BalChoices { red_list: Some(true), ..BalChoices::default() };
    let no_longer = BalChoices { red_list: Some(false), paperless: Some(true), ..BalChoices::default() };
    let choose = async |login: &str, address: &str, version: i64, choices: BalChoices| {
        h.0.op.choose_for_bal(&h.actor(login).await, address, version, choices).await
    };
    for (login, address) in [
        ("anne", "anne.martin@alpha.mssante.fr"),
        ("anne", "accueil@alpha.mssante.fr"),
        ("chef", "laboratoire@alpha.mssante.fr"),
    ] {
        let (version, before) = of(address).await;
        let chosen = choose(login, address, version, red).await.unwrap();
        assert_eq!((chosen.red_list, chosen.phone_published, chosen.paperless), (Some(true), None, before[2]));
        assert_eq!(code(choose(login, address, version, no_longer).await), "edit.conflict", "{address}");
        let chosen = choose(login, address, chosen.version, no_longer).await.unwrap();
        assert_eq!((chosen.red_list, chosen.paperless), (Some(false), Some(true)));
        assert_eq!(code(choose(login, address, chosen.version, BalChoices::default()).await), "admin.invalid");
    }
    // Members, machines and strangers choose nothing.
    for (login, address) in [
        ("bruno", "exploitation@alpha.mssante.fr"),
        ("chloe", "laboratoire@alpha.mssante.fr"),
        ("bruno", "anne.martin@alpha.mssante.fr"),
        ("bruno", "personne@alpha.mssante.fr"),
    ] {
        assert_eq!(code(choose(login, address, 1, red).await), "right.missing", "{login} {address}");
    }
    assert_eq!(h.0.traces("bal.choices").await.len(), 6);
}

async fn texts_change_by_version_and_within_their_lengths(h: House) {
    h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &["anne"])).await.unwrap();
    let (address, chef) = ("accueil@alpha.mssante.fr", h.actor("chef").await);
    let edit = async |version: i64, e: BalEdit| h.0.op.edit_bal(&chef, address, version, e).await;
    let described = |d: &str| BalEdit { description: Some(d.into()), ..BalEdit::default() };
    let bal = edit(1, described(&"é".repeat(75))).await.unwrap();
    assert_eq!((bal.version, bal.description.chars().count()), (2, 75));
    assert_eq!(code(edit(1, described("Accueil")).await), "edit.conflict");
    for (wrong, expected) in [
        (described(&"é".repeat(76)), "naming.too_long"),
        (described("Dr Martin"), "naming.person"),
        (described("a\u{202e}b"), "admin.invalid"),
        (BalEdit { responsible: Some("r".repeat(46)), ..BalEdit::default() }, "naming.too_long"),
        (BalEdit { service: Some("s".repeat(91)), ..BalEdit::default() }, "naming.too_long"),
        (BalEdit { name: Some("  ".into()), ..BalEdit::default() }, "admin.invalid"),
        (BalEdit { structure: Some(None), ..BalEdit::default() }, "right.missing"),
    ] {
        assert_eq!(code(edit(2, wrong).await), expected);
    }
    let all = BalEdit {
        name: Some("Accueil général".into()),
        responsible: Some("Dr Anne Martin, poste 12".into()),
        service: Some("Accueil".into()),
        ..BalEdit::default()
    };
    let bal = edit(2, all).await.unwrap();
    assert_eq!(
        (bal.name.as_str(), bal.responsible.as_str(), bal.version),
        ("Accueil général", "Dr Anne Martin, poste 12", 3)
    );
    // A person's BAL has no text about responsible people; its holder changes the rest.
    let own =
        |e: BalEdit| async { h.0.op.edit_bal(&h.actor("anne").await, "anne.martin@alpha.mssante.fr", 1, e).await };
    let responsible = BalEdit { responsible: Some("x".into()), ..BalEdit::default() };
    assert_eq!(code(own(responsible).await), "naming.must_be_empty");
    assert_eq!(own(described("Médecin généraliste")).await.unwrap().description, "Médecin généraliste");
    // Out of the structure, out of its administrator's reach.
    let out = BalEdit { structure: Some(None), ..BalEdit::default() };
    assert_eq!(h.0.op.edit_bal(&h.0.admin, address, 3, out).await.unwrap().structure, None);
    assert_eq!(code(h.0.op.bal(&chef, address).await), "right.missing");
}

async fn lists_go_as_far_as_the_asker(h: House) {
    h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &["anne"])).await.unwrap();
    h.0.op.add_bal(&h.0.admin, of_hospital("labo_1", BalKind::App, &["anne"])).await.unwrap();
    let list = async |login: &str, query: BalQuery| {
        let actor = if login == "root" { h.0.admin.clone() } else { h.actor(login).await };
        let found = h.0.op.bals(&actor, query, None, 100).await;
        found.map(|all| all.into_iter().map(|b| b.address.split('@').next().unwrap().to_owned()).collect::<Vec<_>>())
    };
    let all = BalQuery::default;
    assert_eq!(list("root", all()).await.unwrap().len(), 7);
    assert_eq!(list("chef", all()).await.unwrap(), ["accueil", "labo_1"]);
    assert_eq!(list("bruno", all()).await.unwrap(), ["bruno.petit", "exploitation"], "his own only");
    let kind = BalQuery { kind: Some(BalKind::App), ..all() };
    assert_eq!(list("root", kind).await.unwrap(), ["labo_1"]);
    let text = |t: &str| BalQuery { text: Some(t.into()), ..all() };
    assert_eq!(list("root", text("O_1")).await.unwrap(), ["labo_1"], "letters as they are, not patterns");
    assert_eq!(list("root", text("%")).await.unwrap(), [""; 0]);
    assert_eq!(list("chef", text("bruno")).await.unwrap(), [""; 0]);
    let structure = |code: &str| BalQuery { structure: Some(code.into()), ..all() };
    assert_eq!(list("root", structure("hopital")).await.unwrap().len(), 2);
    assert_eq!(code(list("root", structure("nulle-part")).await), "admin.not_found");
    assert_eq!(code(list("chef", structure("nulle-part")).await), "right.missing");
    // One that is there and is not the asker's is answered as one that is not there; what is one's own is found by it all the same.
    let new = NewStructure { code: "clinique".into(), name: "Clinique".into(), ..NewStructure::default() };
    h.0.op.add_structure(&h.0.admin, new).await.unwrap();
    assert_eq!(list("root", structure("clinique")).await.unwrap(), [""; 0]);
    assert_eq!(code(list("chef", structure("clinique")).await), "right.missing");
    assert_eq!(code(list("anne", structure("clinique")).await), "right.missing");
    assert_eq!(list("anne", structure("hopital")).await.unwrap(), ["accueil", "labo_1"]);
    let both = BalQuery { text: Some("labo".into()), ..structure("hopital") };
    assert_eq!(list("anne", both).await.unwrap(), ["labo_1"]);
    let chef = h.actor("chef").await;
    for (place, seen) in [("hopital", true), ("clinique", false), ("nulle-part", false)] {
        let query = OpeningQuery { structure: Some(place.into()), ..OpeningQuery::default() };
        match h.0.op.openings(&chef, query, None, 10).await {
            Ok(found) => assert!(seen && found.len() == 2, "{place} {}", found.len()),
            Err(refusal) => assert!(!seen && refusal.code.as_str() == "right.missing", "{place} {refusal:?}"),
        }
    }
    assert_eq!(code(list("root", BalQuery { state: Some("ouvert".into()), ..all() }).await), "admin.invalid");
    assert_eq!(list("root", BalQuery { state: Some("closed".into()), ..all() }).await.unwrap(), [""; 0]);
    let domain = |d: &str| BalQuery { domain: Some(d.into()), ..all() };
    assert_eq!(list("root", domain("interne.alpha.fr")).await.unwrap(), [""; 0]);
    // By pages, each once.
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = h.0.op.bals(&h.0.admin, all(), after.as_deref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.address.clone());
        seen.extend(page.into_iter().map(|b| b.address));
    }
    assert_eq!(seen.len(), 7);
}
