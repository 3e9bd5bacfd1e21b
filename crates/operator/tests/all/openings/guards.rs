//! What stands before an opening: identity, responsible, convention, terms.
use crate::openings::{House, number, of_hospital};
use sceau_domain::opening::{Lack, State};
use sceau_domain::{BalKind, ConventionState, Opening};
use sceau_testkit::pki::DAY;
use sceau_testkit::world::code;

each_engine!(
    a_personal_bal_waits_for_the_terms_and_opens_at_their_acceptance,
    a_wrong_identity_is_told_and_once_mended_passes,
    an_exemption_that_ends_while_the_terms_are_awaited_opens_nothing,
    a_shared_bal_waits_for_one_of_those_responsible,
    without_a_signed_convention_nothing_is_verified,
);

async fn a_personal_bal_waits_for_the_terms_and_opens_at_their_acceptance(h: House) {
    h.undecided(&["zoe"]).await;
    let view = h.0.op.add_bal(&h.0.admin, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    assert_eq!((view.state, view.bal.is_none()), (State::Verified, true));
    let waits: Vec<_> = view.waits_for.iter().map(|w| (w.lack, w.login.as_deref())).collect();
    assert_eq!(waits, [(Lack::NotAccepted, Some("zoe"))]);
    assert!(h.row("zoe.durand@alpha.mssante.fr").await.is_none());
    // Nobody else's acceptance opens it.
    h.undecided(&["yann"]).await;
    h.accept("yann").await;
    assert_eq!(h.state(&view.id).await, State::Verified);

    h.accept("zoe").await;
    let view = h.0.op.opening(&h.0.admin, number(&view.id)).await.unwrap();
    let bal = view.bal.unwrap();
    assert_eq!(
        (view.state, bal.state.as_str(), bal.access),
        (State::Opened, "active", vec![("zoe".into(), "holder".into())])
    );
    let steps: Vec<_> = view.steps.iter().map(|s| (s.was.as_str(), s.became.as_str(), s.by.as_str())).collect();
    assert_eq!(steps, [("", "requested", "root"), ("requested", "verified", "root"), ("verified", "opened", "system")]);
    // It is a BAL like others.
    assert_eq!(h.0.inbox("zoe", "zoe.durand@alpha.mssante.fr").await.len(), 0);
    let trace = h.0.traces("bal.opened").await.pop().unwrap();
    assert_eq!(trace.data["verified_by"], "root");
}

async fn a_wrong_identity_is_told_and_once_mended_passes(h: House) {
    sceau_testkit::newcomers(&h.0.op, &h.0.admin, &["zoe"]).await;
    h.0.op.join_structure(&h.0.admin, "zoe", "hopital", "médecin", None).await.unwrap();
    let asked = h.ask("chef", of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await;
    let chef = h.actor("chef").await;
    let verify = async || code(h.0.op.verify_opening(&chef, number(&asked.id), None).await);
    assert_eq!(verify().await, "opening.uncertified");
    h.edit("zoe", |p| p.identity = "structure".into()).await;
    assert_eq!(verify().await, "opening.number");
    let now = h.0.store.clock().now().0;
    h.edit("zoe", |p| (p.local_id, p.local_id_until) = (Some("H-1".into()), Some(now))).await;
    assert_eq!(verify().await, "opening.exemption_over");
    h.edit("zoe", |p| p.local_id_until = Some(now + DAY)).await;
    assert_eq!(verify().await, "opening.habilitation");
    h.edit("zoe", |p| (p.habilitated, p.disabled) = (true, Some(now))).await;
    assert_eq!(verify().await, "opening.blocked");
    assert_eq!(h.state(&asked.id).await, State::Requested);
    h.edit("zoe", |p| p.disabled = None).await;
    let view = h.0.op.verify_opening(&chef, number(&asked.id), None).await.unwrap();
    assert_eq!((view.state, view.waits_for.len()), (State::Verified, 1));
    // In one act nothing is left of what is refused.
    sceau_testkit::newcomers(&h.0.op, &h.0.admin, &["yann"]).await;
    let refused = h.0.op.add_bal(&h.0.admin, of_hospital("yann.petit", BalKind::Per, &["yann"])).await;
    assert_eq!(code(refused), "opening.uncertified");
    assert_eq!(
        h.0.op
            .openings(&h.0.admin, Default::default(), None, 100)
            .await
            .unwrap()
            .iter()
            .filter(|o| o.address.starts_with("yann"))
            .count(),
        0
    );
}

async fn an_exemption_that_ends_while_the_terms_are_awaited_opens_nothing(h: House) {
    h.undecided(&["zoe"]).await;
    let now = h.0.store.clock().now().0;
    h.edit("zoe", |p| p.local_id_until = Some(now + DAY)).await;
    let view = h.0.op.add_bal(&h.0.admin, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    h.0.advance(2 * 86_400);
    h.accept("zoe").await;
    let waiting = h.0.op.opening(&h.0.admin, number(&view.id)).await.unwrap();
    let lacks: Vec<_> = waiting.waits_for.iter().map(|w| w.lack).collect();
    assert_eq!((waiting.state, lacks), (State::Verified, vec![Lack::ExemptionOver]));
    // Once it is prolonged, a round of housekeeping finds it.
    h.edit("zoe", |p| p.local_id_until = Some(now + 300 * DAY)).await;
    h.0.op.housekeeping().await.unwrap();
    assert_eq!(h.state(&view.id).await, State::Opened);
}

async fn a_shared_bal_waits_for_one_of_those_responsible(h: House) {
    h.undecided(&["zoe", "yann", "labo"]).await;
    let mut new = of_hospital("laboratoire", BalKind::App, &["zoe", "yann"]);
    new.members = vec!["labo".into()];
    let view = h.0.op.add_bal(&h.0.admin, new).await.unwrap();
    assert_eq!(view.state, State::Verified);
    h.accept("labo").await;
    assert_eq!(h.state(&view.id).await, State::Verified, "a member's agreement is not awaited");
    h.accept("yann").await;
    let bal = h.0.op.bal(&h.0.admin, "laboratoire@alpha.mssante.fr").await.unwrap();
    let roles = [("labo", "machine"), ("yann", "responsible"), ("zoe", "responsible")];
    assert_eq!(bal.access, roles.map(|(l, r)| (l.to_owned(), r.to_owned())));

    h.edit("zoe", |p| p.habilitated = false).await;
    let refused = h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &["yann", "zoe"])).await;
    assert_eq!(code(refused), "opening.habilitation");
    let nobody = h.0.op.add_bal(&h.0.admin, of_hospital("accueil", BalKind::Org, &[])).await;
    assert_eq!(code(nobody), "admin.invalid");
}

async fn without_a_signed_convention_nothing_is_verified(h: House) {
    h.settle(Opening::Delegated, ConventionState::Draft).await;
    let asked = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    assert_eq!(asked.waits_for[0].lack, Lack::NoConvention);
    let verified = h.0.op.verify_opening(&h.0.admin, number(&asked.id), None).await;
    assert_eq!(code(verified), "opening.convention");
    h.settle(Opening::Delegated, ConventionState::Signed).await;
    let view = h.0.op.verify_opening(&h.0.admin, number(&asked.id), None).await.unwrap();
    assert_eq!(view.state, State::Opened);
}
