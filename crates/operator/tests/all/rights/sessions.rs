//! What is taken away is gone for the next act of every session, and asks no more sessions than it concerns.
use crate::rights::House;
use sceau_operator::accounts::people::views::PersonChange;
use sceau_operator::grants::NewDelegation;
use sceau_operator::login::Leash;
use sceau_operator::roles::RoleFilter;
use sceau_operator::{Actor, Door};
use sceau_testkit::world::{code, origin};
use std::time::Duration;
use tokio::time::timeout;

each_engine!(
    a_role_is_gone_for_the_next_act,
    only_those_concerned_are_asked_again,
    behind_a_blocked_holder_nobody_acts
);

async fn a_role_is_gone_for_the_next_act(h: House) {
    let op = &h.0.op;
    let role = h.grant("anne", "structure", Some("ici"), None).await;
    let (_, secret) = op.create_api_token(&h.0.admin, "anne", "logiciel", None).await.unwrap();
    // A session of REST, and one of the socket that stays open: each act asks anew.
    let rest = op.login_api(&secret, &origin(Door::Api)).await.unwrap();
    let socket = Actor { origin: origin(Door::Admin), ..h.actor("anne").await };
    let sees = async |actor: &Actor| op.roles(actor, RoleFilter::default(), 0, 10).await;
    let both = async |expected: &str| {
        for actor in [&rest, &socket] {
            let said = sees(actor).await;
            match expected {
                "" => assert_eq!(said.unwrap().len(), 1),
                expected => assert_eq!(code(said), expected),
            }
        }
    };
    both("").await;
    h.sql("UPDATE structures SET blocked = 5 WHERE id = 1").await;
    both("right.missing").await;
    h.sql("UPDATE structures SET blocked = NULL").await;
    both("").await;
    op.block_person(&h.0.admin, "anne", "enquête").await.unwrap();
    both("right.missing").await;
    assert_eq!(code(op.login_api(&secret, &origin(Door::Api)).await), "login.failed");
    op.release_person(&h.0.admin, "anne", "fin").await.unwrap();
    both("").await;
    op.end_role(&h.0.admin, role.id, "départ").await.unwrap();
    both("right.missing").await;
    // An administrator whom the operator ends, on the socket that he opened before.
    let admin = h.grant("chloe", "administrator", None, None).await;
    let chloe = op.administrator("chloe", origin(Door::Admin)).await.unwrap();
    assert_eq!(sees(&chloe).await.unwrap().len(), 2);
    op.end_role(&h.0.admin, admin.id, "départ").await.unwrap();
    assert_eq!(code(sees(&chloe).await), "right.missing");
    assert_eq!(code(op.administrator("chloe", origin(Door::Admin)).await), "right.missing");
}

/// Open sessions of mail: `anne` and `chloe` on their own BALs, twenty of `bruno`'s.
async fn sessions(h: &House) -> Vec<(&'static str, Actor, Leash)> {
    let op = &h.0.op;
    let mut all = Vec::new();
    for (login, bal, many) in [
        ("anne", "anne.martin@alpha.mssante.fr", 1),
        ("chloe", "chloe.roux@alpha.mssante.fr", 1),
        ("bruno", "bruno.petit@alpha.mssante.fr", 20),
    ] {
        let (_, secret) = op.create_token(&h.0.admin, login, None, "poste", None).await.unwrap();
        for _ in 0..many {
            let actor = op.login_token(&format!("{login}*{bal}"), &secret, &origin(Door::Imap)).await.unwrap();
            let leash = op.leash(&actor);
            all.push((login, actor, leash));
        }
    }
    all
}

/// Whose sessions were pulled since the last time.
async fn pulled(all: &mut [(&'static str, Actor, Leash)]) -> Vec<&'static str> {
    let mut out = Vec::new();
    for (login, _, leash) in all {
        if timeout(Duration::from_millis(20), leash.pulled()).await.is_ok() {
            out.push(*login);
        }
    }
    out
}

async fn only_those_concerned_are_asked_again(h: House) {
    let (op, root) = (&h.0.op, &h.0.admin);
    let mut all = sessions(&h).await;
    assert!(pulled(&mut all).await.is_empty());
    // Roles, work in a structure, particulars: no session of mail has its right from them.
    let role = h.grant("anne", "structure", Some("ici"), None).await;
    op.end_role(root, role.id, "fin").await.unwrap();
    op.join_structure(root, "chloe", "ici", "médecin", None).await.unwrap();
    let version = op.person(root, "chloe").await.unwrap().version;
    let phone = PersonChange { phone: Some("+33199001234".into()), ..PersonChange::default() };
    op.edit_person(root, "chloe", version, phone).await.unwrap();
    assert!(pulled(&mut all).await.is_empty());
    h.leave(root, "chloe", "ici").await;
    assert_eq!(pulled(&mut all).await, ["chloe"]);
    op.block_person(root, "anne", "enquête").await.unwrap();
    assert_eq!(pulled(&mut all).await, ["anne"], "one of twenty-two");
    op.suspend_bal(root, "chloe.roux@alpha.mssante.fr", "congé").await.unwrap();
    assert_eq!(pulled(&mut all).await, ["chloe"]);
    // A structure's block is rare, and may concern any: everybody is asked.
    op.block_structure(root, "ailleurs", "enquête").await.unwrap();
    assert_eq!(pulled(&mut all).await.len(), 22);
}

async fn behind_a_blocked_holder_nobody_acts(h: House) {
    let op = &h.0.op;
    let bal = "anne.martin@alpha.mssante.fr";
    let delegation = NewDelegation {
        address: bal.into(),
        login: "bruno".into(),
        rights: None,
        starts: None,
        ends: op.clock().now().plus_ms(30 * 86_400_000),
        reason: None,
    };
    op.give_delegation(&h.actor("anne").await, delegation).await.unwrap();
    let (_, secret) = op.create_token(&h.0.admin, "bruno", None, "poste", None).await.unwrap();
    let delegate = op.login_token(&format!("bruno*{bal}"), &secret, &origin(Door::Imap)).await.unwrap();
    let own = op.login_token("bruno*bruno.petit@alpha.mssante.fr", &secret, &origin(Door::Imap)).await.unwrap();
    let (mut leash, mut other) = (op.leash(&delegate), op.leash(&own));
    op.block_person(&h.0.admin, "anne", "enquête").await.unwrap();
    timeout(Duration::from_secs(5), leash.pulled()).await.expect("a session that says nothing is told");
    assert_eq!(code(op.still_allowed(&delegate).await), "right.missing");
    assert!(timeout(Duration::from_millis(50), other.pulled()).await.is_err());
}
