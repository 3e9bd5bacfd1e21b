//! A BAL that goes elsewhere, and what changes between a request and its last step.
use crate::openings::{House, number, of_hospital};
use sceau_domain::opening::{Lack, State};
use sceau_domain::{BalKind, ConventionState, Opening, Role, Timestamp};
use sceau_operator::accounts::structures::views::{Convention, NewStructure, Settlement};
use sceau_operator::accounts::{BalEdit, BalView};
use sceau_operator::eligibility::EligibilityRules;
use sceau_operator::holds::HoldSubject;
use sceau_operator::openings::{NewChange, NewEnd, NewOpening};
use sceau_operator::roles::NewRole;
use sceau_store::params;
use sceau_testkit::pki::DAY;
use sceau_testkit::world::code;

each_engine!(
    what_hangs_on_a_bal_goes_with_it,
    what_changes_meanwhile_is_judged_anew,
    an_end_is_the_act_of_whoever_verified_it,
    the_operator_says_whom_it_takes,
);

const CARDIO: &str = "cardiologie@alpha.mssante.fr";

/// A clinic with its administrator `patronne`, and her own structure's convention as said.
async fn clinic(h: &House, state: ConventionState, domains: &[&str]) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    if op.structure(admin, "clinique").await.is_err() {
        let new = NewStructure { code: "clinique".into(), name: "Clinique".into(), ..NewStructure::default() };
        op.add_structure(admin, new).await.unwrap();
        h.people(&["patronne"]).await;
        op.join_structure(admin, "patronne", "clinique", "directrice", None).await.unwrap();
        let structure = Some("clinique".into());
        let role = NewRole {
            login: "patronne".into(),
            role: Role::Structure,
            structure,
            body: None,
            function: None,
            reason: "nommée".into(),
        };
        op.grant_role(admin, role).await.unwrap();
    }
    let version = op.structure(admin, "clinique").await.unwrap().version;
    let convention = Convention { state, reference: Some("CONV-2".into()), from: Some(Timestamp(0)), until: None };
    let domains = Some(domains.iter().map(|d| (*d).to_owned()).collect());
    let settled = Settlement { convention: Some(convention), domains, body: None, opening: Some(Opening::Delegated) };
    op.settle_structure(admin, "clinique", version, settled).await.unwrap();
}

async fn moved(h: &House, to: &str) -> Result<BalView, sceau_domain::Refusal> {
    let version = h.0.op.bal(&h.0.admin, CARDIO).await.unwrap().version;
    let edit = BalEdit { structure: Some(Some(to.into())), ..BalEdit::default() };
    h.0.op.edit_bal(&h.0.admin, CARDIO, version, edit).await
}

fn change(holders: &[&str], members: &[&str]) -> NewOpening {
    let owned = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect();
    let (address, holders, members) = (CARDIO.into(), owned(holders), owned(members));
    NewOpening::Change(NewChange { address, name: None, holders, members, reason: None, naming_override: None })
}

async fn cardiology(h: &House) {
    let mut new = of_hospital("cardiologie", BalKind::Org, &["anne"]);
    new.members = vec!["bruno".into()];
    assert_eq!(h.0.op.add_bal(&h.0.admin, new).await.unwrap().state, State::Opened);
}

async fn what_hangs_on_a_bal_goes_with_it(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    cardiology(&h).await;
    let chef = h.actor("chef").await;
    let asked = op.ask_opening(&h.actor("anne").await, change(&["anne"], &["bruno", "chef"])).await.unwrap();

    // Not where nobody agreed, nor where the domain is not, nor with people who do not work there, nor out of a hold.
    clinic(&h, ConventionState::Draft, &["alpha.mssante.fr"]).await;
    assert_eq!(code(moved(&h, "clinique").await), "opening.convention");
    clinic(&h, ConventionState::Signed, &["interne.alpha.fr"]).await;
    assert_eq!(code(moved(&h, "clinique").await), "admin.invalid");
    clinic(&h, ConventionState::Signed, &["alpha.mssante.fr"]).await;
    op.join_structure(admin, "anne", "clinique", "médecin", None).await.unwrap();
    let refused = moved(&h, "clinique").await.expect_err("bruno does not work there");
    assert_eq!(refused.code.as_str(), "move.people");
    assert!(refused.args.iter().any(|(n, v)| *n == "name" && v == "bruno"), "{refused:?}");
    op.join_structure(admin, "bruno", "clinique", "infirmier", None).await.unwrap();
    let hold = op.place_hold(admin, &HoldSubject::Structure("hopital".into()), "saisie", "Parquet").await.unwrap();
    assert_eq!(code(moved(&h, "clinique").await), "move.held");
    op.lift_hold(admin, number(&hold.id), "fin").await.unwrap();

    // The day before: the hospital is blocked for an hour.
    let at = |minutes: i64| h.0.op.clock().now().plus_ms(minutes * 60_000);
    let before = at(0);
    h.0.advance(60);
    op.block_structure(admin, "hopital", "enquête").await.unwrap();
    let blocked = at(0);
    h.0.advance(3600);
    op.release_structure(admin, "hopital", "fin").await.unwrap();
    op.set_policy(admin, "structure", "clinique", "quota_bytes", 5_000_000_000).await.unwrap();
    h.0.advance(60);
    assert_eq!(moved(&h, "clinique").await.unwrap().quota, 5_000_000_000, "the other place's quota");
    h.0.advance(60);
    op.block_structure(admin, "hopital", "enquête").await.unwrap();
    let after = at(0);
    let could = async |when| op.readers(admin, CARDIO, when).await.unwrap().readers.len();
    assert_eq!([could(before).await, could(blocked).await, could(after).await], [2, 0, 2], "where it was then");
    op.release_structure(admin, "hopital", "fin").await.unwrap();

    // What is under way is the other structure's to decide: the one that it left could let its own people in.
    assert_eq!(code(op.bal(&chef, CARDIO).await), "right.missing");
    assert_eq!(code(op.verify_opening(&chef, number(&asked.id), None).await), "right.missing");
    let patronne = h.actor("patronne").await;
    let waits = op.opening(&patronne, number(&asked.id)).await.unwrap().waits_for;
    assert_eq!(waits.iter().map(|w| (w.lack, w.login.as_deref())).collect::<Vec<_>>(), [(Lack::Left, Some("chef"))]);
    assert_eq!(code(op.verify_opening(&patronne, number(&asked.id), None).await), "opening.left");
    op.refuse_opening(&patronne, number(&asked.id), "autre équipe").await.unwrap();
}

async fn what_changes_meanwhile_is_judged_anew(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    cardiology(&h).await;
    let chef = h.actor("chef").await;
    // Whoever is named leaves before it is verified, and before it is carried out.
    h.undecided(&["zoe"]).await;
    op.join_structure(admin, "zoe", "hopital", "médecin", None).await.unwrap();
    let zoe = op.add_bal(&chef, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    assert_eq!(zoe.state, State::Verified);
    let asked = op.ask_opening(&h.actor("anne").await, change(&["anne"], &["bruno"])).await.unwrap();
    let left = "UPDATE memberships SET ended = $1 WHERE ended IS NULL AND person_id IN (SELECT id FROM people WHERE login IN ('zoe', 'bruno'))";
    let now = h.0.store.clock().now().0;
    h.write(move |tx| tx.execute(left, params![now])).await;
    assert_eq!(code(op.verify_opening(&chef, number(&asked.id), None).await), "opening.left");
    h.accept("zoe").await;
    op.housekeeping().await.unwrap();
    let waiting = op.opening(admin, number(&zoe.id)).await.unwrap();
    assert_eq!((waiting.state, waiting.waits_for[0].lack), (State::Verified, Lack::Left));
    h.0.advance(1);
    op.join_structure(admin, "zoe", "hopital", "médecin", None).await.unwrap();
    op.housekeeping().await.unwrap();
    assert_eq!(h.state(&zoe.id).await, State::Opened, "back again");
    op.cancel_opening(admin, number(&asked.id)).await.unwrap();

    // The structure loses the domain.
    h.undecided(&["yann"]).await;
    let yann = op.add_bal(admin, of_hospital("yann.petit", BalKind::Per, &["yann"])).await.unwrap();
    let none = "DELETE FROM structure_domains WHERE structure_id = (SELECT id FROM structures WHERE code = 'hopital')";
    h.write(move |tx| tx.execute(none, params![])).await;
    h.accept("yann").await;
    let waiting = op.opening(admin, number(&yann.id)).await.unwrap();
    assert_eq!((waiting.state, waiting.waits_for[0].lack), (State::Verified, Lack::NoDomain));

    // Responsible from now on, says a change: one whose end was planned is no longer left at the end.
    let id = h.row(CARDIO).await.unwrap().id;
    let (now, person) = (h.0.store.clock().now().0, h.person("anne").await.id);
    let sql = "UPDATE access SET ends = $3 WHERE bal_id = $1 AND person_id = $2 AND ended IS NULL";
    h.write(move |tx| tx.execute(sql, params![id, person, now + DAY])).await;
    let asked = op.ask_opening(admin, change(&["anne"], &[])).await.unwrap();
    op.verify_opening(admin, number(&asked.id), None).await.unwrap();
    let anne = op.access(admin, CARDIO, "anne").await.unwrap();
    assert_eq!((anne.role.as_str(), anne.ends), ("responsible", None));

    // Whoever asked sees the request for ever, and the BAL no longer than it is his to see.
    let asked = op.ask_opening(&h.actor("anne").await, change(&["anne", "chef"], &[])).await.unwrap();
    let done = op.verify_opening(admin, number(&asked.id), None).await.unwrap();
    assert!(done.bal.is_some() && op.opening(&h.actor("anne").await, number(&asked.id)).await.unwrap().bal.is_some());
    op.end_access(admin, CARDIO, "anne", None).await.unwrap();
    let seen = op.opening(&h.actor("anne").await, number(&asked.id)).await.unwrap();
    assert_eq!((seen.state, seen.bal.is_none()), (State::Done, true));
}

async fn an_end_is_the_act_of_whoever_verified_it(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    cardiology(&h).await;
    let end = |reason: &str| NewOpening::End(NewEnd { address: CARDIO.into(), reason: reason.into() });
    let chef = h.actor("chef").await;
    let asked = op.ask_opening(&h.actor("anne").await, end("fusion")).await.unwrap();
    // Asked for by a program that took more characters than this one.
    let before = "UPDATE openings SET request = replace(request, 'fusion', $1) WHERE kind = 'end'";
    assert_eq!(h.write(move |tx| tx.execute(before, params!["fu\u{200b}sion"])).await, 1);
    // What the operator blocked is not closed by a request that the structure's administrator verifies.
    op.block_bal(admin, CARDIO, "enquête").await.unwrap();
    assert_eq!(code(op.verify_opening(&chef, number(&asked.id), None).await), "right.missing");
    op.housekeeping().await.unwrap();
    assert_eq!(h.row(CARDIO).await.unwrap().state, "blocked");
    op.release_bal(admin, CARDIO, "fin").await.unwrap();
    op.housekeeping().await.unwrap();
    assert_eq!(h.state(&asked.id).await, State::Done);
    let trace = h.0.traces("bal.closing").await.pop().unwrap();
    assert_eq!(trace.actor, "chef", "by name, not by the system");
    assert_eq!(trace.data["reason"], "fusion (anne)");
}

async fn the_operator_says_whom_it_takes(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let chef = h.actor("chef").await;
    let rules = |territories: &[&str], professions: &[&str], staff: &str, registered: bool| EligibilityRules {
        territories: territories.iter().map(|s| (*s).to_owned()).collect(),
        professions: professions.iter().map(|s| (*s).to_owned()).collect(),
        staff: staff.into(),
        registered,
    };
    let set = async |new: EligibilityRules| {
        let version = op.eligibility(admin).await.unwrap().0;
        op.set_eligibility(admin, version, new).await
    };
    assert_eq!(
        op.eligibility(&chef).await.unwrap().1.staff,
        "admitted",
        "nothing is asked before the operator says so"
    );
    assert_eq!(code(op.set_eligibility(&chef, 0, rules(&[], &[], "refused", false)).await), "right.missing");
    assert_eq!(code(set(rules(&["99"], &[], "", false)).await), "admin.invalid");
    assert_eq!(code(set(rules(&[], &[], "perhaps", false)).await), "admin.invalid");
    set(rules(&["FR-OCC"], &[], "", false)).await.unwrap();
    assert_eq!(code(op.set_eligibility(admin, 0, EligibilityRules::default()).await), "edit.conflict");

    // The hospital says not where it is: told when it is asked, refused when it is verified, by name of the rule.
    let asked = h.ask("chef", of_hospital("accueil", BalKind::Org, &["anne"])).await;
    assert_eq!(asked.waits_for[0].lack.as_str(), "territory");
    assert_eq!(code(op.verify_opening(&chef, number(&asked.id), None).await), "eligibility.territory");
    // An exception has its reason, is the operator's, and is traced.
    assert_eq!(code(op.verify_opening(&chef, number(&asked.id), Some("voisin")).await), "right.missing");
    assert_eq!(code(op.verify_opening(admin, number(&asked.id), Some(" ")).await), "admin.invalid");
    assert_eq!(
        op.verify_opening(admin, number(&asked.id), Some("accord du GRADeS")).await.unwrap().state,
        State::Opened
    );
    let trace = h.0.traces("bal.opened").await.pop().unwrap();
    assert_eq!(trace.data["eligibility_override"], "accord du GRADeS");
    let with = |reason: Option<&str>| {
        let mut new = of_hospital("urgences", BalKind::Org, &["anne"]);
        new.eligibility_override = reason.map(str::to_owned);
        new
    };
    assert_eq!(code(op.add_bal(&chef, with(Some("voisin"))).await), "right.missing");
    assert_eq!(code(op.add_bal(admin, with(None)).await), "eligibility.territory");
    op.add_bal(admin, with(Some("accord du GRADeS"))).await.unwrap();
    let address =
        r#"UPDATE structures SET address = '{"lines":[],"postcode":"31000","town":"Toulouse"}' WHERE code = 'hopital'"#;
    h.write(move |tx| tx.execute(address, params![])).await;
    op.add_bal(&chef, of_hospital("bloc", BalKind::Org, &["anne"])).await.unwrap();

    // The public: professions for whoever holds a BAL, registration, staff after a check.
    set(rules(&[], &["10"], "checked", true)).await.unwrap();
    h.people(&["zoe"]).await;
    let mine = || of_hospital("zoe.durand", BalKind::Per, &["zoe"]);
    assert_eq!(code(op.add_bal(admin, mine()).await), "eligibility.profession");
    h.edit("zoe", |p| p.profession = Some("10".into())).await;
    assert_eq!(code(op.add_bal(admin, mine()).await), "eligibility.registration");
    h.edit("zoe", |p| p.national_id = Some("810000000001".into())).await;
    op.add_bal(admin, mine()).await.unwrap();
    h.edit("bruno", |p| p.identity = "none".into()).await;
    let member = |login: &str| {
        let mut new = of_hospital("secretariat", BalKind::Org, &["anne"]);
        new.members = vec![login.into()];
        new
    };
    let refused = op.add_bal(admin, member("bruno")).await.expect_err("not checked");
    assert_eq!(refused.code.as_str(), "eligibility.unchecked");
    assert!(refused.sentence(sceau_domain::Lang::Fr).contains("bruno"), "the refusal says who");
    // Nor by the other door: an access to a BAL that is open.
    let access = sceau_operator::grants::NewAccess {
        login: "bruno".into(),
        role: sceau_domain::AccessRole::Member,
        rights: None,
        starts: None,
        ends: None,
        reason: None,
    };
    assert_eq!(code(op.give_access(admin, "bloc@alpha.mssante.fr", access.clone()).await), "eligibility.unchecked");
    h.edit("bruno", |p| p.identity = "structure".into()).await;
    op.add_bal(admin, member("bruno")).await.unwrap();
    op.give_access(admin, "bloc@alpha.mssante.fr", access).await.unwrap();
    assert_eq!(h.0.traces("eligibility.set").await.len(), 2);
    // Nor as a machine first, of which nothing is asked.
    sceau_testkit::newcomers(op, admin, &["robot"]).await;
    op.add_bal(admin, of_hospital("labo", BalKind::App, &["anne"])).await.unwrap();
    let labo = "labo@alpha.mssante.fr";
    let machine = sceau_operator::grants::NewAccess {
        login: "robot".into(),
        role: sceau_domain::AccessRole::Machine,
        rights: None,
        starts: None,
        ends: None,
        reason: None,
    };
    let given = op.give_access(admin, labo, machine).await.unwrap();
    let to = |role| sceau_operator::grants::AccessChange { role, rights: None, ends: None, reason: None };
    let change = async |role| op.change_access(admin, labo, "robot", given.version, to(role)).await;
    assert_eq!(code(change(sceau_domain::AccessRole::Member).await), "eligibility.unchecked");
    change(sceau_domain::AccessRole::Machine).await.unwrap();
}
