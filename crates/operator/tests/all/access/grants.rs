//! Giving, changing, ending: who may, what is kept, what is traced.
use crate::access::*;
use sceau_operator::grants::AccessChange;
use serde_json::json;

on_both!(two_who_end_the_last_two_responsibles, a_change_starts_from_what_is_there);

fn change(role: AccessRole) -> AccessChange {
    AccessChange { role, rights: None, ends: None, reason: Some("Change de fonction".into()) }
}

async fn two_who_end_the_last_two_responsibles(w: World) {
    give(&w, "chloe", AccessRole::Responsible, &[]).await.unwrap();
    let (one, other) = tokio::join!(
        w.op.end_access(&w.admin, SERVICE, "anne", None),
        w.op.end_access(&w.admin, SERVICE, "chloe", None)
    );
    let codes: Vec<_> = [one, other].into_iter().filter_map(Result::err).map(|r| r.code.as_str()).collect();
    assert_eq!(codes, ["access.last"]);
    let left = w.op.accesses(&w.admin, SERVICE).await.unwrap();
    assert_eq!(left.iter().filter(|a| a.role == "responsible").count(), 1);
}

async fn a_change_starts_from_what_is_there(w: World) {
    let seen = w.op.access(&w.admin, SERVICE, "bruno").await.unwrap();
    let first =
        w.op.change_access(&w.admin, SERVICE, "bruno", seen.version, change(AccessRole::Responsible)).await.unwrap();
    assert_eq!((first.role.as_str(), first.rights.len()), ("responsible", 4));
    let stale = w.op.change_access(&w.admin, SERVICE, "bruno", seen.version, change(AccessRole::Member)).await;
    assert_eq!(code(stale), "edit.conflict");
    // The past is kept: who gave, who ended, when.
    let past = w.op.access_history(&w.admin, SERVICE, None, 100).await.unwrap();
    let bruno: Vec<_> = past.iter().map(|(_, a)| a).filter(|a| a.login == "bruno").collect();
    assert_eq!(bruno.len(), 2);
    assert_eq!((bruno[0].ended, bruno[0].ended_by.as_deref()), (Some(bruno[1].granted), Some("root")));
    let traced = w.traces("access.changed").await.pop().unwrap();
    assert_eq!((traced.actor.as_str(), traced.bal.as_deref()), ("root", Some(SERVICE)));
    assert_eq!(traced.data["was"]["role"], "member");
    // By pages, each once.
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = w.op.access_history(&w.admin, SERVICE, after.as_deref(), 1).await.unwrap();
        let Some((place, row)) = page.into_iter().next() else { break };
        (after, _) = (Some(place), pages.push(row));
    }
    assert_eq!(pages, past.into_iter().map(|(_, a)| a).collect::<Vec<_>>());
    assert_eq!(code(w.op.access_history(&w.admin, SERVICE, Some("x"), 1).await), "admin.invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_for_a_bal_gives_access_and_members_do_not() {
    let w = house(sceau_store::testing::sqlite().await).await;
    let (anne, bruno) = (api(&w, "anne").await, api(&w, "bruno").await);
    assert_eq!(code(w.op.give_access(&bruno, SERVICE, new("chloe", AccessRole::Member, &[])).await), "right.missing");
    let given = w.op.give_access(&anne, SERVICE, new("chloe", AccessRole::Member, &["read", "file"])).await.unwrap();
    assert_eq!((given.granted_by.as_str(), given.rights.join(" ")), ("anne", "read file".into()));
    let again = w.op.give_access(&anne, SERVICE, new("chloe", AccessRole::Member, &[])).await;
    assert_eq!(code(again), "admin.exists");
    // Nobody learns who exists by asking.
    let stranger = w.op.give_access(&anne, SERVICE, new("personne", AccessRole::Member, &[])).await;
    assert_eq!(code(stranger), "right.missing");
    assert_eq!(code(w.op.accesses(&anne, "personne@alpha.mssante.fr").await), "right.missing");
    assert_eq!(code(w.op.accesses(&w.admin, "personne@alpha.mssante.fr").await), "admin.not_found");
    // A member ends another's access: no; his own: yes, with the tokens for this BAL.
    assert_eq!(code(w.op.end_access(&bruno, SERVICE, "chloe", None).await), "right.missing");
    let (token, _) = w.op.create_token(&w.admin, "bruno", Some(SERVICE), "poste", None).await.unwrap();
    w.op.end_access(&bruno, SERVICE, "bruno", Some("Départ")).await.unwrap();
    assert!(w.op.token(&w.admin, token.id).await.unwrap().revoked.is_some());
    let traced = w.traces("access.ended").await.pop().unwrap();
    assert_eq!(
        (traced.actor.as_str(), &traced.data["reason"], &traced.data["tokens"]),
        ("bruno", &json!("Départ"), &json!(1))
    );
    assert_eq!(code(w.op.end_access(&anne, SERVICE, "anne", None).await), "access.last");
    // A machine, on an applicative BAL.
    let lab = "labo@alpha.mssante.fr";
    w.bal(lab, BalKind::App, &["anne"], |_| {}).await;
    w.op.give_access(&w.admin, lab, new("chloe", AccessRole::Machine, &[])).await.unwrap();
    let machine = sign_in(&w, "chloe", lab, Door::Submission).await.unwrap();
    w.submit(&machine, lab, &["paul@beta.mssante.fr"], &letter(lab, "oui")).await.unwrap();
    assert_eq!(w.traces("mail.submitted").await.pop().unwrap().data["as"], "machine");
    // Kinds.
    for (address, login, role, said) in [
        (SERVICE, "bruno", AccessRole::Machine, "access.role"),
        (SERVICE, "bruno", AccessRole::Holder, "access.role"),
        (ANNE, "bruno", AccessRole::Member, "access.role"),
        (ANNE, "bruno", AccessRole::Delegate, "right.missing"),
    ] {
        assert_eq!(code(w.op.give_access(&w.admin, address, new(login, role, &[])).await), said, "{role} {address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secretary_acts_for_the_holder_who_named_her() {
    let w = house(sceau_store::testing::sqlite().await).await;
    let (anne, bruno) = (api(&w, "anne").await, api(&w, "bruno").await);
    for other in [&w.admin, &bruno] {
        assert_eq!(code(w.op.give_delegation(other, delegation(&w, "bruno")).await), "right.missing");
    }
    let endless = NewDelegation { ends: w.op.clock().now().plus_ms(800 * DAY), ..delegation(&w, "bruno") };
    assert_eq!(code(w.op.give_delegation(&anne, endless).await), "access.dates");
    let given = w.op.give_delegation(&anne, delegation(&w, "bruno")).await.unwrap();
    assert_eq!((given.holder.as_str(), given.access.role.as_str()), ("anne", "delegate"));
    for who in [&anne, &bruno] {
        assert_eq!(w.op.delegations(who).await.unwrap(), std::slice::from_ref(&given));
    }
    // What she does is traced as hers, for the holder.
    let secretary = sign_in(&w, "bruno", ANNE, Door::Imap).await.unwrap();
    w.op.create_folder(&secretary, "Courriers", None).await.unwrap();
    w.submit(&secretary, ANNE, &["paul@beta.mssante.fr"], &letter(ANNE, "oui")).await.unwrap();
    for act in ["login.ok", "folder.created", "mail.submitted"] {
        let t = w.traces(act).await.pop().unwrap();
        assert_eq!(
            (t.actor.as_str(), &t.data["as"], &t.data["for"]),
            ("bruno", &json!("delegate"), &json!("anne")),
            "{act}"
        );
    }
    // She gives nothing on.
    assert_eq!(code(w.op.give_delegation(&bruno, delegation(&w, "chloe")).await), "right.missing");
    // No delegate stands behind a blocked holder.
    w.op.block_person(&w.admin, "anne", "Enquête").await.unwrap();
    assert_eq!(code(w.op.still_allowed(&secretary).await), "right.missing");
    w.op.release_person(&w.admin, "anne", "Fin").await.unwrap();
    w.op.still_allowed(&sign_in(&w, "bruno", ANNE, Door::Imap).await.unwrap()).await.unwrap();
    // The other door does not end it; this one, for the delegate, the holder and an administrator.
    assert_eq!(code(w.op.end_access(&w.admin, ANNE, "bruno", None).await), "admin.not_found");
    for who in [&bruno, &anne, &w.admin] {
        w.op.end_delegation(who, ANNE, "bruno", None).await.unwrap();
        assert!(w.op.delegations(&anne).await.unwrap().is_empty());
        w.advance(1);
        w.op.give_delegation(&anne, delegation(&w, "bruno")).await.unwrap();
    }
    let chloe = api(&w, "chloe").await;
    assert_eq!(code(w.op.end_delegation(&chloe, ANNE, "bruno", None).await), "right.missing");
    // Its end comes by itself.
    w.advance(30 * 86_400);
    assert_eq!(code(sign_in(&w, "bruno", ANNE, Door::Imap).await), "login.failed");
    assert!(w.op.delegations(&bruno).await.unwrap().is_empty());
}
