//! Whom a card or a provider means: number and names, the register, the same on two nodes.
use super::{ANNE, House, entered, register, said};
use sceau_identity::national::Said;
use sceau_operator::accounts::people::views::PersonChange;
use sceau_operator::identity::bind::{Bound, Kind};
use sceau_operator::identity::settings::LiberalOpening;
use sceau_operator::{Door, OperatorConfig};
use sceau_testkit::world::{code, origin};

each_engine!(
    a_number_alone_makes_nobody_somebody,
    who_was_struck_off_is_not_bound,
    whom_the_register_knows_may_come_without_having_been_entered,
    an_account_elsewhere_is_one_persons,
);

const NEW: &str = "10100000008";

fn login(bound: Bound) -> Option<String> {
    match bound {
        Bound::Known(person) => Some(person.login),
        Bound::Unknown => None,
    }
}

async fn a_number_alone_makes_nobody_somebody(h: House) {
    entered(&h).await;
    let (op, other, at) = (&h.0.op, h.0.restarted().await, origin(Door::Web));
    let alarmed =
        async || h.0.op.alarms(&h.0.admin, false).await.unwrap().iter().any(|a| a.code == "identity.mismatch");
    // Somebody typed this number into the row of another one.
    for wrong in
        [said(ANNE, "PETIT", "ZOE"), said(ANNE, "MARTIN", "MARIE"), Said { family: None, ..said(ANNE, "", "ANNE") }]
    {
        assert_eq!(code(op.bind(&wrong, Kind::Card, "igc", &at).await), "identity.mismatch");
    }
    assert!(alarmed().await);
    assert_eq!(h.0.traces("identity.mismatch").await.len(), 3);
    // It stands in the list, with the name that was shown last, since the first time, until it is settled.
    let listed = async || {
        let found = h.0.op.register_findings(&h.0.admin, Some("mismatch"), None, 10).await.unwrap();
        found.into_iter().map(|f| (f.login, f.label)).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [("anne".to_owned(), "ANNE".to_owned())]);
    assert_eq!((h.0.count("bindings").await, h.person("anne").await.identity.as_str()), (0, "operator"));
    // No number, or nobody's.
    let without = Said { national: None, ..said(ANNE, "MARTIN", "ANNE") };
    assert_eq!(code(op.bind(&without, Kind::Psc, "psc", &at).await), "identity.unknown");
    assert_eq!(login(op.bind(&said(NEW, "X", "Y"), Kind::Card, "igc", &at).await.unwrap()), None);
    // She herself, on two nodes at once.
    let (card, psc) = (said(ANNE, "MARTIN", "ANNE LISE"), said(ANNE, "Martin", "Anne"));
    let (a, b) = tokio::join!(op.bind(&card, Kind::Card, "igc", &at), other.bind(&card, Kind::Card, "igc", &at));
    assert_eq!([login(a.unwrap()), login(b.unwrap())], [Some("anne".into()), Some("anne".into())]);
    assert_eq!((h.0.count("bindings").await, h.0.traces("identity.bound").await.len()), (1, 1));
    assert!(listed().await.is_empty(), "{:?}", listed().await);
    let anne = h.person("anne").await;
    assert_eq!((anne.identity.as_str(), anne.identity_by.as_deref()), ("card", Some("anne")));
    // By Pro Santé Connect too; what the card showed stays.
    assert_eq!(login(op.bind(&psc, Kind::Psc, "https://psc", &at).await.unwrap()), Some("anne".into()));
    assert_eq!((h.0.count("bindings").await, h.person("anne").await.identity.as_str()), (2, "card"));
    // Bound, another spelling of the name on a new card is the same person; a blocked one is not let in.
    let renamed = said(ANNE, "DURAND", "ANNE");
    assert_eq!(login(op.bind(&renamed, Kind::Card, "igc", &at).await.unwrap()), Some("anne".into()));
    op.block_person(&h.0.admin, "anne", "enquête").await.unwrap();
    assert_eq!(code(op.bind(&card, Kind::Card, "igc", &at).await), "login.failed");
    op.release_person(&h.0.admin, "anne", "fin").await.unwrap();
    // Another name in the row: everybody shows anew who that is.
    let change = PersonChange { family_name: Some("Leroy".into()), ..PersonChange::default() };
    let version = h.person("anne").await.version;
    op.edit_person(&h.0.admin, "anne", version, change).await.unwrap();
    assert_eq!((h.0.count("bindings").await, h.person("anne").await.identity.as_str()), (0, "none"));
    assert_eq!(code(op.bind(&card, Kind::Card, "igc", &at).await), "identity.mismatch");
    assert_eq!(listed().await, [("anne".to_owned(), "MARTIN ANNE LISE".to_owned())]);
    // The operator looked, and corrected the name.
    let change = PersonChange { family_name: Some("Martin".into()), ..PersonChange::default() };
    op.edit_person(&h.0.admin, "anne", h.person("anne").await.version, change).await.unwrap();
    assert!(listed().await.is_empty(), "{:?}", listed().await);
    assert_eq!(login(op.bind(&card, Kind::Card, "igc", &at).await.unwrap()), Some("anne".into()));
}

async fn who_was_struck_off_is_not_bound(h: House) {
    entered(&h).await;
    let (op, at) = (&h.0.op, origin(Door::Web));
    // The register has another name under this number: it has its word.
    register(&h, &[(ANNE, "LEROY", "Anne"), (NEW, "PETIT", "Zoé")]).await;
    assert_eq!(code(op.bind(&said(ANNE, "MARTIN", "ANNE"), Kind::Card, "igc", &at).await), "identity.mismatch");
    register(&h, &[(ANNE, "MARTIN", "Anne"), (NEW, "PETIT", "Zoé")]).await;
    while op.run_due_jobs().await.unwrap() > 0 {}
    // What the register says meanwhile does not take back what was shown.
    let listed = async |state: &str| {
        let found = h.0.op.register_findings(&h.0.admin, Some(state), None, 10).await.unwrap();
        found.into_iter().map(|f| f.login).collect::<Vec<_>>()
    };
    assert_eq!((listed("mismatch").await, listed("there").await), (vec!["anne".to_owned()], vec![]));
    register(&h, &[(NEW, "PETIT", "Zoé")]).await;
    while op.run_due_jobs().await.unwrap() > 0 {}
    assert_eq!(code(op.bind(&said(ANNE, "MARTIN", "ANNE"), Kind::Card, "igc", &at).await), "identity.struck");
    assert_eq!(h.0.count("bindings").await, 0);
    // Bound before, nobody is shut out by a file.
    register(&h, &[(ANNE, "MARTIN", "Anne")]).await;
    while op.run_due_jobs().await.unwrap() > 0 {}
    op.bind(&said(ANNE, "MARTIN", "ANNE"), Kind::Card, "igc", &at).await.unwrap();
    register(&h, &[(NEW, "PETIT", "Zoé")]).await;
    while op.run_due_jobs().await.unwrap() > 0 {}
    assert_eq!(
        login(op.bind(&said(ANNE, "MARTIN", "ANNE"), Kind::Card, "igc", &at).await.unwrap()),
        Some("anne".into())
    );
}

async fn whom_the_register_knows_may_come_without_having_been_entered(h: House) {
    let at = origin(Door::Web);
    let with = async |liberal| {
        let mut config: OperatorConfig = h.0.op.config().clone();
        config.identity.liberal_opening = liberal;
        sceau_operator::Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap()
    };
    let (closed, asks) = (with(LiberalOpening::Closed).await, with(LiberalOpening::Ask).await);
    register(&h, &[(NEW, "LE GOFF", "Zoé")]).await;
    let zoe = said(NEW, "LE GOFF", "ZOE MARIE");
    assert_eq!(login(closed.bind(&zoe, Kind::Card, "igc", &at).await.unwrap()), None);
    // Another name than the register has, or a number that it does not know.
    assert_eq!(login(asks.bind(&said(NEW, "PETIT", "ZOE"), Kind::Card, "igc", &at).await.unwrap()), None);
    assert_eq!(login(asks.bind(&said(ANNE, "LE GOFF", "ZOE"), Kind::Card, "igc", &at).await.unwrap()), None);
    h.people(&["zoe-marie.le-goff"]).await;
    let other = with(LiberalOpening::Ask).await;
    let (a, b) = tokio::join!(asks.bind(&zoe, Kind::Card, "igc", &at), other.bind(&zoe, Kind::Card, "igc", &at));
    let (a, b) = (login(a.unwrap()).unwrap(), login(b.unwrap()).unwrap());
    assert_eq!(
        (a.as_str(), b.as_str()),
        ("zoe-marie.le-goff2", "zoe-marie.le-goff2"),
        "somebody has the login already"
    );
    let row = h.person(&a).await;
    assert_eq!((row.national_id.as_deref(), row.identity.as_str(), row.habilitated), (Some(NEW), "card", true));
    assert_eq!((row.family_name.as_deref(), row.given_name.as_deref()), (Some("LE GOFF"), Some("ZOE MARIE")));
    assert_eq!(h.0.traces("person.added_by_card").await.len(), 1);
}

async fn an_account_elsewhere_is_one_persons(h: House) {
    let (op, at) = (&h.0.op, origin(Door::Web));
    let account = Said { national: None, family: None, given: None, profession: None, subject: "u-1".into() };
    let bind = async |issuer: &str| login(op.bind(&account, Kind::Sso, issuer, &at).await.unwrap());
    assert_eq!(bind("https://chu").await, None);
    let (_, anne) =
        sceau_testkit::browser::signed_in(op, &h.0.store, "anne", &[sceau_identity::factor::Factor::Passkey]).await;
    op.link_sso(&anne, "https://chu", "u-1").await.unwrap();
    assert_eq!((bind("https://chu").await, bind("https://autre").await), (Some("anne".into()), None));
    op.link_sso(&anne, "https://chu", "u-1").await.unwrap();
    let (_, bruno) =
        sceau_testkit::browser::signed_in(op, &h.0.store, "bruno", &[sceau_identity::factor::Factor::Passkey]).await;
    assert_eq!(code(op.link_sso(&bruno, "https://chu", "u-1").await), "admin.exists");
    h.0.advance(11 * 60);
    assert_eq!(code(op.link_sso(&anne, "https://chu", "u-2").await), "auth.fresh");
}
