//! Giving, listing and ending roles.
use crate::rights::{House, new};
use sceau_operator::roles::RoleFilter;
use sceau_testkit::world::code;

each_engine!(
    the_operator_gives_every_role_to_named_people_alone,
    a_structures_administrator_names_others_of_it_and_nothing_else,
    the_last_administrator_stays_and_the_configuration_alone_takes_what_it_gave,
    two_who_end_each_other_do_not_both_succeed,
    a_list_shows_what_is_within_reach,
);

async fn the_operator_gives_every_role_to_named_people_alone(h: House) {
    let op = &h.0.op;
    for (role, structure, body) in [
        ("administrator", None, None),
        ("structure", Some("ici"), None),
        ("region", None, Some("gi")),
        ("support", None, None),
        ("auditor", None, None),
    ] {
        let given = h.grant("chloe", role, structure, body).await;
        assert_eq!((given.role.as_str(), given.structure.as_deref(), given.body.as_deref()), (role, structure, body));
        assert_eq!((given.granted_by.as_str(), given.given_name.as_deref()), ("root", Some("Prénom")));
        let again = op.grant_role(&h.0.admin, new("chloe", role, structure, body)).await;
        assert_eq!(code(again), "admin.exists");
    }
    assert_eq!(h.0.traces("role.granted").await.len(), 5);
    let grant = |n| op.grant_role(&h.0.admin, n);
    assert_eq!(code(grant(new("anne", "user", None, None)).await), "admin.invalid");
    assert_eq!(code(grant(new("anne", "structure", None, None)).await), "admin.invalid");
    assert_eq!(code(grant(new("anne", "support", Some("ici"), None)).await), "admin.invalid");
    assert_eq!(code(grant(new("anne", "structure", Some("rien"), None)).await), "admin.not_found");
    assert_eq!(code(grant(new("personne", "support", None, None)).await), "admin.not_found");
    let mut without = new("anne", "support", None, None);
    without.reason = " ".into();
    assert_eq!(code(grant(without).await), "admin.invalid");
    h.sql("UPDATE people SET family_name = NULL WHERE login = 'anne'").await;
    assert_eq!(code(grant(new("anne", "support", None, None)).await), "role.unnamed");
    h.sql("UPDATE people SET disabled = 5 WHERE login = 'bruno'").await;
    assert_eq!(code(grant(new("bruno", "support", None, None)).await), "role.unnamed");
}

async fn a_structures_administrator_names_others_of_it_and_nothing_else(h: House) {
    h.sql("INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, 1, '', 0 FROM people WHERE login = 'chloe'").await;
    let own = h.grant("anne", "structure", Some("ici"), None).await;
    let root_gave = h.grant("bruno", "structure", Some("ailleurs"), None).await;
    let (op, anne) = (&h.0.op, h.actor("anne").await);
    let given = op.grant_role(&anne, new("chloe", "structure", Some("ici"), None)).await.unwrap();
    assert_eq!((given.granted_by.as_str(), given.structure.as_deref()), ("anne", Some("ici")));
    for (login, role, structure, body) in [
        ("chloe", "structure", Some("ailleurs"), None),
        ("bruno", "structure", Some("ici"), None),
        ("chloe", "administrator", None, None),
        ("chloe", "support", None, None),
        ("chloe", "auditor", None, None),
        ("chloe", "region", None, Some("gi")),
        ("chloe", "region", None, Some("rien")),
        ("personne", "structure", Some("ici"), None),
        ("chloe", "structure", Some("rien"), None),
    ] {
        let said = op.grant_role(&anne, new(login, role, structure, body)).await;
        assert_eq!(code(said), "right.missing", "{login} {role}");
    }
    assert_eq!(code(op.end_role(&anne, root_gave.id, "non").await), "right.missing");
    assert_eq!(code(op.end_role(&anne, 1, "non").await), "right.missing");
    // Who was named counts at once, and no longer at once.
    let chloe = h.actor("chloe").await;
    op.end_role(&chloe, own.id, "remplacée").await.unwrap();
    assert_eq!(code(op.end_role(&anne, given.id, "trop tard").await), "right.missing");
    assert_eq!(code(op.roles(&anne, RoleFilter::default(), 0, 10).await), "right.missing");
    assert_eq!(h.0.traces("role.ended").await.len(), 1);
}

async fn the_last_administrator_stays_and_the_configuration_alone_takes_what_it_gave(h: House) {
    let op = &h.0.op;
    let second = h.grant("anne", "administrator", None, None).await;
    let anne = h.actor("anne").await;
    let all = op.roles(&anne, RoleFilter::default(), 0, 10).await.unwrap();
    let configured = all.iter().find(|r| r.login == "root").unwrap();
    assert_eq!(code(op.end_role(&anne, configured.id, "x").await), "role.configured");
    // Blocked people do not count as administrators who are left.
    h.sql("UPDATE people SET disabled = 5 WHERE login = 'root'").await;
    assert_eq!(code(op.end_role(&anne, second.id, "x").await), "role.last");
    h.sql("UPDATE people SET disabled = NULL WHERE login = 'root'").await;
    op.end_role(&anne, second.id, "x").await.unwrap();
    assert_eq!(code(op.end_role(&h.0.admin, second.id, "x").await), "state.wrong");
    let shown = op.role(&h.0.admin, second.id).await.unwrap();
    assert_eq!((shown.ended.is_some(), shown.ended_by.as_deref()), (true, Some("anne")));
}

async fn two_who_end_each_other_do_not_both_succeed(h: House) {
    let (a, b) =
        (h.grant("anne", "administrator", None, None).await, h.grant("bruno", "administrator", None, None).await);
    h.sql("UPDATE people SET disabled = 5 WHERE login = 'root'").await;
    let (anne, bruno) = (h.actor("anne").await, h.actor("bruno").await);
    let (x, y) = tokio::join!(h.0.op.end_role(&anne, b.id, "x"), h.0.op.end_role(&bruno, a.id, "x"));
    assert!(x.is_ok() != y.is_ok(), "{x:?} {y:?}");
}

async fn a_list_shows_what_is_within_reach(h: House) {
    h.grant("anne", "structure", Some("ici"), None).await;
    h.grant("bruno", "structure", Some("ailleurs"), None).await;
    h.grant("chloe", "region", None, Some("gi")).await;
    let list = async |login: &'static str, filter: RoleFilter| {
        let actor = h.actor(login).await;
        h.0.op.roles(&actor, filter, 0, 10).await.map(|l| l.into_iter().map(|r| r.login).collect::<Vec<_>>())
    };
    assert_eq!(list("root", RoleFilter::default()).await.unwrap().len(), 4);
    assert_eq!(list("anne", RoleFilter::default()).await.unwrap(), ["anne"]);
    assert_eq!(list("bruno", RoleFilter::default()).await.unwrap(), ["bruno"]);
    let mut both = list("chloe", RoleFilter::default()).await.unwrap();
    both.sort_unstable();
    assert_eq!(both, ["anne", "chloe"]);
    let of_bruno = RoleFilter { login: Some("bruno".into()), ..RoleFilter::default() };
    assert_eq!(code(list("anne", of_bruno.clone()).await), "right.missing");
    assert_eq!(list("root", of_bruno).await.unwrap(), ["bruno"]);
    let pages = h.0.op.roles(&h.0.admin, RoleFilter::default(), 0, 3).await.unwrap();
    let rest = h.0.op.roles(&h.0.admin, RoleFilter::default(), pages[2].id, 3).await.unwrap();
    assert_eq!((pages.len(), rest.len()), (3, 1));
}
