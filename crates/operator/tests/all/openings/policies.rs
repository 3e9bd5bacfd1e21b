//! Who asks and who decides: the structure's policy, the operator, the professional.
use crate::openings::{House, number, of_hospital};
use sceau_domain::opening::State;
use sceau_domain::{BalKind, ConventionState, Opening};
use sceau_identity::factor::Factor;
use sceau_operator::openings::{NewOpening, OpeningQuery};
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::code;

each_engine!(
    the_operator_alone_decides_where_the_structure_leaves_it_to_him,
    a_delegated_administrator_decides_at_home_only,
    the_professional_asks_and_with_a_card_opens,
    a_refusal_has_its_reason_and_the_asker_sees_it,
);

async fn the_operator_alone_decides_where_the_structure_leaves_it_to_him(h: House) {
    h.settle(Opening::Operator, ConventionState::Signed).await;
    let chef = h.actor("chef").await;
    let asked = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    assert_eq!(asked.state, State::Requested);
    assert_eq!(code(h.0.op.verify_opening(&chef, number(&asked.id), None).await), "right.missing");
    assert_eq!(code(h.0.op.refuse_opening(&chef, number(&asked.id), "non").await), "right.missing");
    assert_eq!(code(h.0.op.add_bal(&chef, of_hospital("urgences", BalKind::Org, &["anne"])).await), "right.missing");
    assert_eq!(h.0.op.verify_opening(&h.0.admin, number(&asked.id), None).await.unwrap().state, State::Opened);
}

async fn a_delegated_administrator_decides_at_home_only(h: House) {
    let chef = h.actor("chef").await;
    let opened = h.0.op.add_bal(&chef, of_hospital("accueil", BalKind::Org, &["anne"])).await.unwrap();
    assert_eq!(opened.state, State::Opened);
    // Of no structure, in another domain, with people from elsewhere.
    let mut new = of_hospital("urgences", BalKind::Org, &["anne"]);
    new.structure = None;
    assert_eq!(code(h.0.op.add_bal(&chef, new).await), "right.missing");
    let mut new = of_hospital("urgences", BalKind::Org, &["anne"]);
    new.address = sceau_testkit::addr("urgences@interne.alpha.fr");
    assert_eq!(code(h.0.op.add_bal(&chef, new).await), "admin.invalid");
    for stranger in ["chloe", "personne"] {
        let new = of_hospital("urgences", BalKind::Org, &["anne", stranger]);
        assert_eq!(code(h.0.op.add_bal(&chef, new).await), "right.missing", "{stranger}");
    }
    // Requests of others are not his to see, nor to tell from those that do not exist.
    let new = sceau_operator::accounts::NewBal { structure: None, ..of_hospital("urgences", BalKind::Org, &["chloe"]) };
    let other = h.0.op.ask_opening(&h.0.admin, NewOpening::Open(new)).await.unwrap();
    for id in [number(&other.id), 12] {
        assert_eq!(code(h.0.op.opening(&chef, id).await), "right.missing");
        assert_eq!(code(h.0.op.verify_opening(&chef, id, None).await), "right.missing");
        assert_eq!(code(h.0.op.cancel_opening(&chef, id).await), "right.missing");
    }
    let seen = h.0.op.openings(&chef, OpeningQuery::default(), None, 100).await.unwrap();
    assert_eq!(seen.iter().map(|o| o.address.as_str()).collect::<Vec<_>>(), ["accueil@alpha.mssante.fr"]);
    let chloe = h.actor("chloe").await;
    assert_eq!(
        h.0.op.openings(&chloe, OpeningQuery::default(), None, 100).await.unwrap().len(),
        2,
        "what waits for her, and what she has"
    );
}

async fn the_professional_asks_and_with_a_card_opens(h: House) {
    h.people(&["zoe", "yann"]).await;
    let own = |local: &str, login: &str| NewOpening::Open(of_hospital(local, BalKind::Per, &[login]));
    let zoe = h.actor("zoe").await;
    assert_eq!(
        code(h.0.op.ask_opening(&zoe, own("zoe.durand", "zoe")).await),
        "right.missing",
        "the policy is another"
    );
    h.settle(Opening::Own, ConventionState::Signed).await;
    assert_eq!(
        code(h.0.op.ask_opening(&zoe, own("zoe.durand", "zoe")).await),
        "right.missing",
        "she does not work there"
    );
    for login in ["zoe", "yann"] {
        h.0.op.join_structure(&h.0.admin, login, "hopital", "médecin", None).await.unwrap();
    }
    assert_eq!(code(h.0.op.ask_opening(&zoe, own("yann.petit", "yann")).await), "right.missing", "not for another");
    let shared = NewOpening::Open(of_hospital("accueil", BalKind::Org, &["zoe"]));
    assert_eq!(code(h.0.op.ask_opening(&zoe, shared).await), "right.missing");

    // Without a card she only asks (F007); somebody verifies.
    let asked = h.0.op.ask_opening(&zoe, own("zoe.durand", "zoe")).await.unwrap();
    assert_eq!(asked.state, State::Requested);
    assert_eq!(code(h.0.op.verify_opening(&zoe, number(&asked.id), None).await), "right.missing");
    let verified = h.0.op.verify_opening(&h.actor("chef").await, number(&asked.id), None).await.unwrap();
    assert_eq!(verified.state, State::Opened);
    // With a card and a number of his own he opens it (F006).
    h.edit("yann", |p| (p.identity, p.national_id) = ("card".into(), Some("10000000017".into()))).await;
    let (_, yann) = signed_in(&h.0.op, &h.0.store, "yann", &[Factor::Card]).await;
    let opened = h.0.op.ask_opening(&yann, own("yann.petit", "yann")).await.unwrap();
    assert_eq!((opened.state, opened.steps[1].by.as_str()), (State::Opened, "yann"));
}

async fn a_refusal_has_its_reason_and_the_asker_sees_it(h: House) {
    let asked = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    for empty in ["", "  ", "a\nb"] {
        assert_eq!(code(h.0.op.refuse_opening(&h.0.admin, number(&asked.id), empty).await), "admin.invalid");
    }
    h.0.op.refuse_opening(&h.0.admin, number(&asked.id), "Profession non éligible").await.unwrap();
    let seen = h.0.op.opening(&h.actor("chef").await, number(&asked.id)).await.unwrap();
    assert_eq!(seen.steps[1].reason.as_deref(), Some("Profession non éligible"));
    assert_eq!((seen.state, seen.steps[1].by.as_str()), (State::Refused, "root"));
    for again in [
        h.0.op.verify_opening(&h.0.admin, number(&asked.id), None).await,
        h.0.op.refuse_opening(&h.0.admin, number(&asked.id), "encore").await,
        h.0.op.cancel_opening(&h.0.admin, number(&asked.id)).await,
    ] {
        assert_eq!(code(again), "state.wrong");
    }
    // The address is free for another request; who asked takes it back.
    let again = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    let twice =
        h.0.op.ask_opening(&h.0.admin, NewOpening::Open(of_hospital("accueil", BalKind::Org, &["bruno"]))).await;
    assert_eq!(code(twice), "admin.exists");
    let back = h.0.op.cancel_opening(&h.actor("chef").await, number(&again.id)).await.unwrap();
    assert_eq!(back.state, State::Cancelled);
}
