//! Opening one's own BAL: with what the State issued, just now, where it is left to professionals.
use super::{House, register, said};
use sceau_domain::opening::State;
use sceau_domain::{ConventionState, Opening};
use sceau_identity::factor::Factor;
use sceau_operator::identity::bind::{Bound, Kind};
use sceau_operator::identity::settings::LiberalOpening;
use sceau_operator::{Door, Operator};
use sceau_testkit::browser::{Browser, signed_in};
use sceau_testkit::world::{code, origin};

each_engine!(in_a_structure_that_leaves_it_to_them, without_a_structure_as_the_operator_decided);

async fn in_a_structure_that_leaves_it_to_them(h: House) {
    let op = &h.0.op;
    h.people(&["zoe"]).await;
    op.join_structure(&h.0.admin, "zoe", "hopital", "médecin", None).await.unwrap();
    h.edit("zoe", |p| {
        p.national_id = Some("10000000017".into());
        (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
        (p.family_name, p.given_name) = (Some("Durand".into()), Some("Zoé".into()));
    })
    .await;
    let (_, zoe) = signed_in(op, &h.0.store, "zoe", &[Factor::Card]).await;
    assert!(op.own_mail(&zoe).await.unwrap().places.is_empty(), "its administrators open them");
    h.settle(Opening::Own, ConventionState::Signed).await;
    let mail = op.own_mail(&zoe).await.unwrap();
    assert_eq!(mail.places.len(), 1);
    let place = &mail.places[0];
    assert_eq!((place.address.as_str(), place.decides), ("zoe.durand@alpha.mssante.fr", true));
    assert_eq!(place.structure.as_deref(), Some("Hôpital de l'Exemple"));
    // Neither a passkey, nor what was long ago, nor an address of her choice.
    let (_, weak) = signed_in(op, &h.0.store, "zoe", &[Factor::Passkey]).await;
    assert_eq!(code(op.open_own_bal(&weak, &place.address, None).await), "auth.issuer");
    assert_eq!(code(op.open_own_bal(&zoe, "autre@alpha.mssante.fr", None).await), "admin.not_found");
    h.0.advance(11 * 60);
    assert_eq!(code(op.open_own_bal(&zoe, &place.address, None).await), "auth.fresh");
    let browser = Browser::new(op);
    let id = h.person("zoe").await.id;
    let cookie = browser.proves(op, id, &[Factor::Psc], Some(&zoe)).await.cookie;
    let zoe = op.session_of(&cookie, &browser.origin).await.unwrap();
    let opened = op.open_own_bal(&zoe, &place.address, None).await.unwrap();
    assert_eq!((opened.state, opened.steps[1].by.as_str()), (State::Opened, "zoe"));
    let mail = op.own_mail(&zoe).await.unwrap();
    assert_eq!((mail.bals.len(), mail.bals[0].role.as_str(), mail.places.len()), (1, "holder", 0));
    // A token for REST showed no card: it only asks.
    h.people(&["yann"]).await;
    op.join_structure(&h.0.admin, "yann", "hopital", "médecin", None).await.unwrap();
    h.edit("yann", |p| (p.identity, p.national_id) = ("card".into(), Some("10000000025".into()))).await;
    assert_eq!(
        code(op.open_own_bal(&h.actor("yann").await, "prenom.nom@alpha.mssante.fr", None).await),
        "login.required"
    );
}

async fn without_a_structure_as_the_operator_decided(h: House) {
    register(&h, &[("10003456786", "LEROY", "Nina"), ("10100000008", "PETIT", "Zoé")]).await;
    let with = async |change: &dyn Fn(&mut sceau_operator::identity::settings::Settings)| {
        let mut config = h.0.op.config().clone();
        change(&mut config.identity);
        Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap()
    };
    let asks = with(&|_| {}).await;
    let own = with(&|s| s.liberal_opening = LiberalOpening::Own).await;
    let strict = with(&|s| (s.liberal_opening, s.psc_opens_bal) = (LiberalOpening::Own, false)).await;
    let at = origin(Door::Web);
    let Bound::Known(nina) = asks.bind(&said("10003456786", "LEROY", "NINA"), Kind::Card, "igc", &at).await.unwrap()
    else {
        panic!("known to the register")
    };
    let (_, actor) = signed_in(&asks, &h.0.store, &nina.login, &[Factor::Psc]).await;
    // The domain of a structure is not hers; the operator's own are.
    let places = asks.own_mail(&actor).await.unwrap().places;
    let addresses: Vec<_> = places.iter().map(|p| p.address.as_str()).collect();
    assert_eq!(addresses, ["nina.leroy@essai.alpha.mssante.fr"]);
    assert!(!places[0].decides && own.own_mail(&actor).await.unwrap().places[0].decides);
    // What waits for the operator is verified by him; she sees it, and asks no second time.
    let asked = asks.open_own_bal(&actor, addresses[0], None).await.unwrap();
    assert_eq!(asked.state, State::Requested);
    let mail = asks.own_mail(&actor).await.unwrap();
    assert_eq!((mail.asked.len(), mail.places.len(), mail.bals.len()), (1, 0, 0));
    asks.cancel_opening(&actor, asked.id.parse().unwrap()).await.unwrap();
    // Where Pro Santé Connect is not worth a card, it only asks too.
    let asked = strict.open_own_bal(&actor, addresses[0], None).await.unwrap();
    assert_eq!(asked.state, State::Requested);
    strict.cancel_opening(&actor, asked.id.parse().unwrap()).await.unwrap();
    // Where it is left to her, it opens once she accepted the terms.
    let asked = own.open_own_bal(&actor, addresses[0], None).await.unwrap();
    assert_eq!((asked.state, asked.waits_for.len()), (State::Verified, 1));
    let terms = own.terms_in_force().await.unwrap().version;
    own.accept_terms(&actor, &terms.version, &terms.digest).await.unwrap();
    while own.run_due_jobs().await.unwrap() > 0 {}
    let mail = own.own_mail(&actor).await.unwrap();
    assert_eq!((mail.bals.len(), mail.asked.len()), (1, 0));
    let accepted = h.0.traces("terms.accepted").await;
    assert_eq!(accepted.last().unwrap().data["factors"], "psc");
}
