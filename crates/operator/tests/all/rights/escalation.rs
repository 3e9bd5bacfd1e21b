//! Ways to more than one may, each tried in earnest: by a structure's administrator, a regional body's agent, support, a delegate, a lent token.
use crate::rights::{House, new};
use sceau_domain::{AccessRole, BalKind};
use sceau_operator::accounts::people::views::PersonChange;
use sceau_operator::accounts::structures::views::Settlement;
use sceau_operator::disclosures::NewDisclosure;
use sceau_operator::grants::{AccessChange, NewAccess, NewDelegation};
use sceau_operator::openings::{NewChange, NewOpening};
use sceau_operator::{Actor, Door};
use sceau_testkit::world::{code, origin};

each_engine!(
    nobody_administers_himself_into_a_bal,
    whoever_knows_a_number_does_not_answer_for_the_person,
    nobody_reaches_for_who_may_more,
    one_who_was_shown_a_token_stays_one,
    a_delegate_delegates_nothing,
    the_key_of_the_log_changes_on_record,
);

const CARDIO: &str = "cardiologie@alpha.mssante.fr";
const NUMBER: &str = "10000000017";

fn access(login: &str, role: AccessRole) -> NewAccess {
    NewAccess { login: login.into(), role, rights: None, starts: None, ends: None, reason: None }
}

/// `cardiologie` in the structure `ici`: `bruno` is responsible; `anne` works there and is its administrator.
async fn cardio(h: &House) -> Actor {
    h.0.bal(CARDIO, BalKind::Org, &["bruno"], |_| {}).await;
    h.sql("UPDATE bals SET structure_id = 1 WHERE address LIKE 'cardiologie%'").await;
    h.grant("anne", "structure", Some("ici"), None).await;
    h.actor("anne").await
}

async fn nobody_administers_himself_into_a_bal(h: House) {
    let (op, chief) = (&h.0.op, cardio(&h).await);
    // The operator's administrator and the structure's, by each door that gives access.
    h.sql("UPDATE people SET habilitated = 1").await;
    for (asker, login) in [(&h.0.admin, "root"), (&chief, "anne")] {
        for role in [AccessRole::Member, AccessRole::Responsible] {
            assert_eq!(code(op.give_access(asker, CARDIO, access(login, role)).await), "access.own", "{login}");
        }
    }
    let change = |holders: &[&str], members: &[&str]| {
        let all = |list: &[&str]| list.iter().map(|l| (*l).to_owned()).collect();
        NewOpening::Change(NewChange {
            address: CARDIO.into(),
            name: None,
            holders: all(holders),
            members: all(members),
            reason: Some("moi".into()),
            naming_override: None,
        })
    };
    h.sql("INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, 1, 'x', 9 FROM people WHERE login = 'bruno'").await;
    for (holders, members) in [(&["bruno", "anne"][..], &[][..]), (&["bruno"], &["anne"])] {
        let asked = op.ask_opening(&chief, change(holders, members)).await.unwrap();
        let id = asked.id.parse().unwrap();
        assert_eq!(code(op.verify_opening(&chief, id, None).await), "access.own");
        op.refuse_opening(&chief, id, "non").await.unwrap();
    }
    assert_eq!(op.accesses(&h.0.admin, CARDIO).await.unwrap().len(), 1);
    // Somebody responsible lets the administrator in, and then he has no more than that gives; he does not raise himself.
    let bruno = h.actor("bruno").await;
    let given = op.give_access(&bruno, CARDIO, access("anne", AccessRole::Member)).await.unwrap();
    let more = AccessChange { role: AccessRole::Responsible, rights: None, ends: None, reason: None };
    assert_eq!(code(op.change_access(&chief, CARDIO, "anne", given.version, more.clone()).await), "access.own");
    let asked = op.ask_opening(&chief, change(&["bruno", "anne"], &[])).await.unwrap();
    let id = asked.id.parse().unwrap();
    assert_eq!(code(op.verify_opening(&chief, id, None).await), "access.own");
    // Another one who administers decides.
    op.verify_opening(&h.0.admin, id, None).await.unwrap();
    let now = op.access(&h.0.admin, CARDIO, "anne").await.unwrap();
    assert_eq!(now.role, "responsible");
}

async fn whoever_knows_a_number_does_not_answer_for_the_person(h: House) {
    let op = &h.0.op;
    h.grant("anne", "structure", Some("ici"), None).await;
    let chief = h.actor("anne").await;
    // A doctor of no structure; the number is in public registers.
    let version = op.person(&h.0.admin, "chloe").await.unwrap().version;
    let change = PersonChange { national_id: Some(NUMBER.into()), ..PersonChange::default() };
    op.edit_person(&h.0.admin, "chloe", version, change).await.unwrap();
    let (token, _) = op.create_api_token(&h.0.admin, "chloe", "à elle", None).await.unwrap();
    op.join_structure(&chief, "chloe", "ici", "médecin", Some(NUMBER)).await.unwrap();
    let version = op.person(&chief, "chloe").await.unwrap().version;
    let phone = PersonChange { phone: Some("+33199001234".into()), ..PersonChange::default() };
    assert_eq!(code(op.edit_person(&chief, "chloe", version, phone.clone()).await), "right.missing");
    assert_eq!(code(op.certify_person(&chief, "chloe", version).await), "right.missing");
    assert_eq!(code(op.set_email(&chief, "chloe", "a-moi@exemple.fr").await), "right.missing");
    assert_eq!(code(op.block_person(&chief, "chloe", "x").await), "right.missing");
    assert_eq!(code(op.create_token(&chief, "chloe", None, "x", None).await), "right.missing");
    assert_eq!(code(op.revoke_token(&chief, token.id).await), "right.missing");
    assert_eq!(code(op.token(&chief, token.id).await), "right.missing");
    // Joining again, or under another function, does not entrust.
    op.join_structure(&chief, "chloe", "ici", "chef de service", None).await.unwrap();
    assert_eq!(code(op.block_person(&chief, "chloe", "x").await), "right.missing");
    // Work in the structure is the structure's all the same, and the operator may entrust.
    h.leave(&chief, "chloe", "ici").await;
    h.0.advance(1);
    op.join_structure(&h.0.admin, "chloe", "ici", "médecin", None).await.unwrap();
    let version = op.person(&chief, "chloe").await.unwrap().version;
    op.edit_person(&chief, "chloe", version, phone).await.unwrap();
}

async fn nobody_reaches_for_who_may_more(h: House) {
    let op = &h.0.op;
    h.grant("anne", "structure", Some("ici"), None).await;
    let region = h.grant("bruno", "region", None, Some("gi")).await;
    h.grant("chloe", "support", None, None).await;
    // The operator's administrator works in the structure, too.
    h.sql("INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, 1, 'x', 9 FROM people WHERE login = 'root'").await;
    let (chief, agent, help) = (h.actor("anne").await, h.actor("bruno").await, h.actor("chloe").await);
    let (own, _) = op.create_api_token(&h.0.admin, "root", "à lui", None).await.unwrap();
    for asker in [&chief, &agent, &help] {
        assert_eq!(code(op.set_email(asker, "root", "a-moi@exemple.fr").await), "right.missing");
        assert_eq!(code(op.block_person(asker, "root", "x").await), "right.missing");
        assert_eq!(code(op.revoke_token(asker, own.id).await), "right.missing");
        assert_eq!(code(op.create_token(asker, "root", None, "x", None).await), "right.missing");
        // A role for oneself, or for another: of another structure, of the operator, of a body.
        for (login, role, structure, body) in [
            ("bruno", "structure", Some("ailleurs"), None),
            ("anne", "structure", Some("ailleurs"), None),
            ("anne", "administrator", None, None),
            ("chloe", "auditor", None, None),
            ("bruno", "region", None, Some("gi")),
        ] {
            let said = op.grant_role(asker, new(login, role, structure, body)).await;
            assert_eq!(code(said), "right.missing", "{login} {role}");
        }
        assert_eq!(code(op.end_role(asker, region.id, "x").await), "right.missing");
        // Whom a body follows, and what a structure may, is the operator's to say.
        let settle = Settlement { body: Some("gi".into()), ..Settlement::default() };
        assert_eq!(code(op.settle_structure(asker, "ailleurs", 1, settle.clone()).await), "right.missing");
        assert_eq!(code(op.settle_structure(asker, "ici", 1, settle).await), "right.missing");
        let ask = NewDisclosure {
            bal: "anne.martin@alpha.mssante.fr".into(),
            cause: "authority".into(),
            reason: "x".into(),
            beneficiary: "x".into(),
            days: 1,
        };
        assert_eq!(code(op.ask_disclosure(asker, ask).await), "right.missing");
    }
    // The last administrator stays, whoever asks.
    assert_eq!(code(op.block_person(&h.0.admin, "root", "x").await), "admin.invalid");
    // One's own role is no way to another: the agent of a body is nothing in what it does not follow.
    assert_eq!(code(op.block_structure(&agent, "ailleurs", "x").await), "right.missing");
    assert_eq!(code(op.block_person(&agent, "chloe", "x").await), "right.missing");
}

async fn one_who_was_shown_a_token_stays_one(h: House) {
    let op = &h.0.op;
    h.grant("chloe", "administrator", None, None).await;
    let ask = NewDisclosure {
        bal: "anne.martin@alpha.mssante.fr".into(),
        cause: "authority".into(),
        reason: "Réquisition".into(),
        beneficiary: "Tribunal".into(),
        days: 1,
    };
    let asked = op.ask_disclosure(&h.0.admin, ask).await.unwrap();
    // While the operator is set up root is shown a token of chloe's; with it he makes a clean one, and with that a third.
    let (_, lent) = op.create_api_token(&h.0.admin, "chloe", "prêtée", None).await.unwrap();
    let mut session = op.login_api(&lent, &origin(Door::Api)).await.unwrap();
    for _ in 0..2 {
        let (_, washed) = op.create_api_token(&session, "chloe", "lavée", None).await.unwrap();
        session = op.login_api(&washed, &origin(Door::Api)).await.unwrap();
        assert_eq!(code(op.decide_disclosure(&session, asked.id, true, "moi").await), "disclosure.own");
    }
    op.decide_disclosure(&h.actor("chloe").await, asked.id, true, "vérifiée").await.unwrap();
}

async fn a_delegate_delegates_nothing(h: House) {
    let op = &h.0.op;
    let (anne, bruno) = (h.actor("anne").await, h.actor("bruno").await);
    let bal = "anne.martin@alpha.mssante.fr";
    let to = |login: &str| NewDelegation {
        address: bal.into(),
        login: login.into(),
        rights: None,
        starts: None,
        ends: op.clock().now().plus_ms(30 * 86_400_000),
        reason: None,
    };
    op.give_delegation(&anne, to("bruno")).await.unwrap();
    assert_eq!(code(op.give_delegation(&bruno, to("chloe")).await), "right.missing");
    assert_eq!(code(op.give_access(&bruno, bal, access("chloe", AccessRole::Delegate)).await), "right.missing");
    // Neither can whoever administers, for himself or another.
    for login in ["root", "chloe"] {
        let said = op.give_delegation(&h.0.admin, to(login)).await;
        assert_eq!(code(said), "right.missing");
        let said = op.give_access(&h.0.admin, bal, access(login, AccessRole::Delegate)).await;
        assert_eq!(code(said), "right.missing");
        assert_eq!(code(op.give_access(&h.0.admin, bal, access(login, AccessRole::Member)).await), "access.role");
    }
    // Longer, wider, or of what else: the BAL closed, its choices made.
    let more = AccessChange { role: AccessRole::Delegate, rights: None, ends: None, reason: None };
    let own = op.access(&anne, bal, "bruno").await.unwrap();
    assert_eq!(code(op.change_access(&bruno, bal, "bruno", own.version, more).await), "right.missing");
    assert_eq!(code(op.close_bal(&bruno, bal, sceau_operator::life::CloseOrder::unused("x")).await), "right.missing");
}

/// The key lies in a keyring with transactions of its own: the right and the trace of who asked have one together, before.
async fn the_key_of_the_log_changes_on_record(h: House) {
    let (op, admin) = (&h.0.op, &h.0.admin);
    let before = op.notary_keys(admin).await.unwrap().len();
    h.sql("UPDATE roles SET ended = 1").await;
    assert_eq!(code(op.rotate_notary_key(admin).await), "right.missing");
    h.sql("UPDATE roles SET ended = NULL").await;
    assert_eq!((op.notary_keys(admin).await.unwrap().len(), h.0.traces("trace.key_asked").await.len()), (before, 0));
    assert_eq!(op.rotate_notary_key(admin).await.unwrap().len(), before + 1);
    let (asked, changed) = (h.0.traces("trace.key_asked").await, h.0.traces("trace.key_changed").await);
    assert_eq!((asked.len(), changed.len(), asked[0].actor.as_str()), (1, 1, "root"));
    assert!(asked[0].at <= changed[0].at);
}
