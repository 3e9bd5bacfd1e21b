//! A hospital's cardiology: opened with its people, changed, ended.
use crate::openings::{House, number, of_hospital};
use sceau_domain::BalKind;
use sceau_domain::opening::State;
use sceau_operator::openings::{NewChange, NewEnd, NewOpening};
use sceau_testkit::world::code;

each_engine!(a_cardiology_with_its_people_is_opened_changed_and_ended, a_change_asks_for_what_an_opening_does);

const CARDIO: &str = "cardiologie@alpha.mssante.fr";

fn change(holders: &[&str], members: &[&str]) -> NewOpening {
    let owned = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect();
    NewOpening::Change(NewChange {
        address: CARDIO.into(),
        name: Some("Cardiologie et rythmologie".into()),
        holders: owned(holders),
        members: owned(members),
        reason: Some("nouvelle équipe".into()),
        naming_override: None,
    })
}

async fn cardiology(h: &House) {
    h.people(&["m1", "m2", "m3", "m4", "m5", "m6"]).await;
    for login in ["m1", "m2", "m3", "m4", "m5", "m6"] {
        h.0.op.join_structure(&h.0.admin, login, "hopital", "infirmier", None).await.unwrap();
    }
    let mut new = of_hospital("cardiologie", BalKind::Org, &["anne", "bruno"]);
    new.members = ["m1", "m2", "m3", "m4", "m5", "m6"].map(str::to_owned).to_vec();
    let chef = h.actor("chef").await;
    let opened = h.0.op.add_bal(&chef, new).await.unwrap();
    assert_eq!((opened.state, opened.bal.unwrap().access.len()), (State::Opened, 8));
}

async fn a_cardiology_with_its_people_is_opened_changed_and_ended(h: House) {
    cardiology(&h).await;
    // Who opened it stands in the traces (F018).
    let opened = h.0.traces("bal.opened").await.pop().unwrap();
    assert_eq!((opened.actor.as_str(), &opened.data["asked_by"]), ("chef", &"chef".into()));
    let (_, only) = h.0.op.create_token(&h.0.admin, "m1", Some(CARDIO), "poste", None).await.unwrap();
    let login = async |who: &str, token: &str| {
        h.0.op
            .login_token(&format!("{who}*{CARDIO}"), token, &sceau_testkit::world::origin(sceau_operator::Door::Imap))
            .await
    };
    assert!(login("m1", &only).await.is_ok());

    // A responsible asks, the structure's administrator verifies: m1 leaves, m2 becomes responsible, bruno a member.
    let anne = h.actor("anne").await;
    let asked = h.0.op.ask_opening(&anne, change(&["anne", "m2"], &["bruno", "m3", "m4", "m5", "m6"])).await.unwrap();
    assert_eq!((asked.state, asked.reason.as_deref()), (State::Requested, Some("nouvelle équipe")));
    let member = h.actor("m3").await;
    assert_eq!(code(h.0.op.ask_opening(&member, change(&["m3"], &[])).await), "right.missing");
    assert_eq!(code(h.0.op.verify_opening(&anne, number(&asked.id), None).await), "right.missing");
    assert!(login("m1", &only).await.is_ok(), "nothing changes before it is verified");
    let done = h.0.op.verify_opening(&h.actor("chef").await, number(&asked.id), None).await.unwrap();
    let bal = done.bal.unwrap();
    assert_eq!((done.state, bal.name.as_str()), (State::Done, "Cardiologie et rythmologie"));
    let of = |role: &str| bal.access.iter().filter(|(_, r)| r == role).map(|(l, _)| l.as_str()).collect::<Vec<_>>();
    assert_eq!(of("responsible"), ["anne", "m2"]);
    assert_eq!(of("member"), ["bruno", "m3", "m4", "m5", "m6"]);
    assert!(login("m1", &only).await.is_err(), "out at once");
    let trace = h.0.traces("bal.changed").await.pop().unwrap();
    assert_eq!((trace.actor.as_str(), trace.data["ended"][0].as_str()), ("chef", Some("m1")));

    let end = NewOpening::End(NewEnd { address: CARDIO.into(), reason: "fusion des services".into() });
    let asked = h.0.op.ask_opening(&anne, end.clone()).await.unwrap();
    assert_eq!(h.row(CARDIO).await.unwrap().state, "active");
    h.0.op.verify_opening(&h.0.admin, number(&asked.id), None).await.unwrap();
    assert_eq!(h.state(&asked.id).await, State::Done);
    let state = h.row(CARDIO).await.unwrap().state;
    assert!(["closing", "closed"].contains(&state.as_str()), "{state}");
    assert!(["state.wrong", "right.missing"].contains(&code(h.0.op.ask_opening(&h.0.admin, end).await)));
}

async fn a_change_asks_for_what_an_opening_does(h: House) {
    cardiology(&h).await;
    h.edit("m2", |p| p.habilitated = false).await;
    let asked = h.0.op.ask_opening(&h.0.admin, change(&["m2"], &[])).await.unwrap();
    assert_eq!(code(h.0.op.verify_opening(&h.0.admin, number(&asked.id), None).await), "opening.habilitation");
    assert_eq!(h.0.op.bal(&h.0.admin, CARDIO).await.unwrap().access.len(), 8);
    h.0.op.cancel_opening(&h.0.admin, number(&asked.id)).await.unwrap();
    assert_eq!(code(h.0.op.ask_opening(&h.0.admin, change(&[], &["m2"])).await), "admin.invalid");
    let person = NewOpening::Change(NewChange {
        address: "anne.martin@alpha.mssante.fr".into(),
        name: None,
        holders: vec!["bruno".into()],
        members: Vec::new(),
        reason: None,
        naming_override: None,
    });
    assert_eq!(
        code(h.0.op.ask_opening(&h.0.admin, person).await),
        "admin.invalid",
        "a person's BAL goes to nobody else"
    );
}
