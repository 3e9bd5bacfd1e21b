//! Who somebody is, where somebody works, what of it is shown and published, on both engines.
use crate::people::House;
use sceau_domain::{BalKind, ConventionState, RefusalCode, Timestamp};
use sceau_operator::accounts::people::views::{Exemption, PersonChange};
use sceau_operator::accounts::structures::views::{Convention, Settlement, StructureChange};
use sceau_operator::accounts::{BalChoices, NewPerson};
use sceau_operator::life::{Departure, PersonalFate};
use sceau_store::params;

each_engine! {
    what_is_certified_is_what_was_looked_at, a_place_sees_its_own, who_signed_stays_who_signed,
    followed_since_when, what_is_published_and_by_whom_it_changes, the_register_names_every_link
}

async fn what_is_certified_is_what_was_looked_at(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let chef = h.actor("chef").await;
    let now = op.clock().now();
    let exemption = |identifier: &str| Exemption {
        identifier: identifier.into(),
        reason: "aucune autorité".into(),
        until: now.plus_ms(86_400_000),
    };
    let secretary = |login: &str, structure: &str, identifier: &str| NewPerson {
        login: login.into(),
        given_name: Some("محمد".into()),
        family_name: Some("Nguyễn".into()),
        structure: Some(structure.into()),
        exemption: Some(exemption(identifier)),
        ..NewPerson::default()
    };
    let sam = op.add_person(&chef, secretary("sam", "nord", "N-1")).await.unwrap();
    assert_eq!(sam.name, "محمد Nguyễn");
    // An identifier that the structure gave already names one person; another structure may give it too.
    let again = op.add_person(&chef, secretary("eli", "nord", "N-1")).await;
    assert_eq!(again.unwrap_err().code, RefusalCode::Exists);
    op.add_person(admin, secretary("kim", "sud", "N-1")).await.unwrap();
    let eli = op.add_person(&chef, secretary("eli", "nord", "N-2")).await.unwrap();
    let said = op.exempt_person(&chef, "eli", eli.version, exemption("N-1")).await;
    assert_eq!(said.unwrap_err().code, RefusalCode::Exists);
    let sam = op.certify_person(&chef, "sam", sam.version).await.unwrap();
    assert_eq!((sam.identity.how.as_str(), sam.identity.by.as_deref()), ("structure", Some("chef")));
    // Two who edit at once: one does, and the other is told; another name takes the certification.
    let change = |name: &str| PersonChange { family_name: Some(name.into()), ..PersonChange::default() };
    let (a, b) = tokio::join!(
        op.edit_person(&chef, "sam", sam.version, change("Un")),
        op.edit_person(admin, "sam", sam.version, change("Deux"))
    );
    let done: Vec<_> = [&a, &b].into_iter().flatten().collect();
    assert!(done.len() == 1 && done[0].identity.how == "none", "{a:?} {b:?}");
    for said in [&a, &b].into_iter().filter_map(|r| r.as_ref().err()) {
        assert_eq!(said.code, RefusalCode::EditConflict);
    }
    // Nobody who speaks for a structure says of himself that he may exchange health data.
    let own = op.person(admin, "chef").await.unwrap();
    let habilitated = || PersonChange { habilitated: Some(true), ..PersonChange::default() };
    let said = op.edit_person(&chef, "chef", own.version, habilitated()).await;
    assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing);
    assert!(op.edit_person(admin, "chef", own.version, habilitated()).await.unwrap().habilitated);
    // Names under which nobody acts.
    for login in ["configuration", "System", "history", ".."] {
        let said =
            op.add_person(admin, NewPerson { login: login.into(), name: "X".into(), ..NewPerson::default() }).await;
        assert_eq!(said.unwrap_err().code, RefusalCode::Invalid, "{login}");
    }
}

async fn a_place_sees_its_own(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let works = async |login: &str| {
        let actor = if login == "root" { admin.clone() } else { h.actor(login).await };
        let shown = op.person(&actor, "bruno").await.unwrap();
        shown.memberships.into_iter().map(|m| m.structure).collect::<Vec<_>>()
    };
    assert_eq!(works("root").await, ["nord", "sud"]);
    assert_eq!((works("chef").await, works("agent").await), (vec!["nord".to_owned()], vec!["nord".to_owned()]));
    assert_eq!(works("lointain").await, ["sud"]);
    let list = op.people_of(&h.actor("lointain").await, None, None, 100).await.unwrap();
    assert!(list.iter().flat_map(|p| &p.memberships).all(|m| m.structure == "sud"));
    let me = h.actor("bruno").await;
    assert_eq!(op.own_person(&me).await.unwrap().memberships.len(), 2, "one's own is whole");
    let roles = op.own(&h.actor("chef").await).await.unwrap().roles;
    assert_eq!((roles[0].role.as_str(), roles[0].structure.as_deref()), ("structure", Some("nord")), "by code");
    // A departure can be asked for again, and says when nobody is left to administer.
    let leave = || Departure { structure: "sud".into(), reason: "fin".into(), personal: PersonalFate::Keep };
    let left = op.depart(admin, "lointain", leave()).await.unwrap();
    assert!(left.roles == 1 && left.without_administrator, "{left:?}");
    let again = op.depart(admin, "lointain", leave()).await.unwrap();
    assert_eq!((again.roles, again.accesses, again.without_administrator), (0, 0, true));
    // Who was never there, for whom sees everything and for whom does not.
    assert_eq!(op.depart(admin, "anne", leave()).await.unwrap_err().code, RefusalCode::NotFound);
    let chef = h.actor("chef").await;
    for login in ["aide", "personne"] {
        let departure = Departure { structure: "nord".into(), ..leave() };
        assert_eq!(op.depart(&chef, login, departure).await.unwrap_err().code, RefusalCode::RightMissing, "{login}");
    }
}

async fn who_signed_stays_who_signed(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let chef = h.actor("chef").await;
    let name = || StructureChange { name: Some("Autre nom".into()), ..StructureChange::default() };
    let version = op.structure(admin, "nord").await.unwrap().version;
    let version = op.edit_structure(&chef, "nord", version, name()).await.unwrap().version;
    let convention = Convention {
        state: ConventionState::Signed,
        reference: Some("C-1".into()),
        from: Some(Timestamp(0)),
        until: None,
    };
    let settlement = Settlement { convention: Some(convention), ..Settlement::default() };
    let version = op.settle_structure(admin, "nord", version, settlement).await.unwrap().version;
    let said = op.edit_structure(&chef, "nord", version, name()).await.unwrap_err();
    assert_eq!(said.code, RefusalCode::StateWrong, "the name in the convention is the operator's to change");
    let town = StructureChange { address: Some(Default::default()), ..StructureChange::default() };
    let version = op.edit_structure(&chef, "nord", version, town).await.unwrap().version;
    op.edit_structure(admin, "nord", version, name()).await.unwrap();
}

async fn followed_since_when(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let other = sceau_operator::accounts::structures::views::NewBody {
        code: "autre".into(),
        name: "Autre".into(),
        ..Default::default()
    };
    op.add_body(admin, other).await.unwrap();
    for body in ["grades", "autre", "", "grades"] {
        h.0.store.clock.advance_ms(1000);
        h.follow("nord", body).await;
    }
    let shown = op.structure(admin, "nord").await.unwrap();
    let bodies: Vec<_> = shown.followed.iter().map(|f| (f.body.as_str(), f.ended.is_some())).collect();
    assert_eq!(bodies, [("grades", true), ("autre", true), ("grades", false)]);
    assert!(shown.followed.windows(2).all(|w| w[0].ended.is_some_and(|e| e <= w[1].since)));
    // Counts of what is followed, for the body and for nobody else's.
    let counts = op.body_statistics(&h.actor("agent").await, "grades", None, 10).await.unwrap();
    assert_eq!((counts.len(), counts[0].structure.as_str(), counts[0].people), (1, "nord", 3));
    let none = op.body_statistics(&h.actor("agent").await, "grades", Some("nord"), 10).await.unwrap();
    assert!(none.is_empty());
    for body in ["autre", "nulle-part"] {
        let said = op.body_statistics(&h.actor("agent").await, body, None, 10).await;
        assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing, "{body}");
    }
    // What a structure asks of bodies tells nothing of them.
    for body in ["autre", "nulle-part"] {
        let filter =
            sceau_operator::accounts::structures::StructureFilter { body: Some(body.into()), ..Default::default() };
        assert_eq!(op.structures(&h.actor("chef").await, filter, 10).await.unwrap().len(), 0, "{body}");
    }
}

async fn what_is_published_and_by_whom_it_changes(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let address = "anne.publiee@alpha.mssante.fr";
    sceau_testkit::bal(op, admin, address, BalKind::Per, &["anne"], |_| {}).await;
    let anne = h.actor("anne").await;
    let person = op.own_person(&anne).await.unwrap();
    let phone = PersonChange { phone: Some("+33199001234".into()), ..PersonChange::default() };
    op.edit_person(&anne, "anne", person.version, phone).await.unwrap();
    let entry = async || {
        let all = op.own_publication(&anne).await.unwrap();
        all.into_iter().find(|e| e.address == address).unwrap()
    };
    let there = async |name: &str| {
        let entry = entry().await;
        let field = entry.fields.iter().find(|f| f.name == name).unwrap();
        (field.national, field.operator, field.changed_by)
    };
    assert_eq!(entry().await.withheld, None);
    assert_eq!(there("family_name").await, (true, true, "request"));
    assert_eq!(there("phone").await, (false, false, "own"), "not without an explicit choice");
    let choose = async |choices: BalChoices| {
        let version = op.bal(&anne, address).await.unwrap().version;
        op.choose_for_bal(&anne, address, version, choices).await.unwrap();
    };
    choose(BalChoices { phone_published: Some(true), ..BalChoices::default() }).await;
    assert_eq!(there("phone").await, (true, true, "own"));
    choose(BalChoices { red_list: Some(true), ..BalChoices::default() }).await;
    assert_eq!(entry().await.withheld, Some("red_list"));
    assert!(entry().await.fields.iter().all(|f| !f.national && !f.operator));
    // One's administrators see the same of a BAL that is of their place, and nothing of another, its address neither; others see nobody.
    let chef = h.actor("chef").await;
    for (place, seen) in [("rien", 0), ("nord", 1), ("sud", 0)] {
        let sql = "UPDATE bals SET structure_id = (SELECT id FROM structures WHERE code = $1) WHERE address = $2";
        h.write(move |tx| tx.execute(sql, params![place, address]).map(drop)).await;
        let found = op.publication(&chef, "anne").await.unwrap();
        assert_eq!(found.iter().filter(|entry| entry.address == address).count(), seen, "{place}");
    }
    assert_eq!(op.publication(admin, "anne").await.unwrap().iter().filter(|e| e.address == address).count(), 1);
    assert_eq!(entry().await.address, address, "and oneself, all of one's own");
    let said = op.publication(&h.actor("lointain").await, "anne").await;
    assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing);
}

async fn the_register_names_every_link(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    sceau_testkit::bal(op, admin, "nord@alpha.mssante.fr", BalKind::Org, &["anne"], |b| b.structure = None).await;
    let (head, all) = op.register(admin, None, 100).await.unwrap();
    assert_eq!(head.operator, "Alpha");
    let named: Vec<_> = all.iter().map(|e| (e.structure.as_deref(), e.processing.len())).collect();
    assert_eq!(named, [(None, 3), (Some("nord"), 4), (Some("sud"), 3)], "structure, body, operator, ANS");
    assert!(all[0].bals.values().sum::<i64>() >= 1 && all[1].people == 3, "{all:?}");
    let bal = op.bal(admin, "nord@alpha.mssante.fr").await.unwrap();
    assert_eq!(bal.processing.len(), 3, "of a BAL too");
    let (_, own) = op.register(&h.actor("chef").await, None, 100).await.unwrap();
    assert_eq!(own.iter().map(|e| e.structure.as_deref()).collect::<Vec<_>>(), [Some("nord")]);
    for login in ["anne", "aide"] {
        let said = op.register(&h.actor(login).await, None, 100).await;
        assert_eq!(said.unwrap_err().code, RefusalCode::RightMissing, "{login}");
    }
}
