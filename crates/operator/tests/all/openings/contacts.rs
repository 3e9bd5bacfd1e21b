//! The ordinary address of whoever is to stand for a BAL (F063): given, of one's own, confirmed, by every way to a BAL.
use crate::openings::imports::{here, run};
use crate::openings::{House, number, of_hospital};
use sceau_domain::opening::{AddressRule, Guard, Lack, State};
use sceau_domain::{BalKind, ConventionState, Opening};
use sceau_identity::factor::Factor;
use sceau_operator::accounts::{BalQuery, NewBal};
use sceau_operator::openings::{NewChange, NewOpening, OpeningView};
use sceau_operator::{Door, Operator, OperatorConfig};
use sceau_store::params;
use sceau_testkit::browser::signed_in;
use sceau_testkit::people_file::rpps;
use sceau_testkit::relay::Played;
use sceau_testkit::world::{code, origin};
use std::sync::Arc;

each_engine!(
    an_opening_waits_for_the_address_and_goes_on_at_its_link,
    an_address_is_one_persons_own_and_outside,
    of_two_people_given_one_address_at_once_one_has_it,
    what_was_set_before_is_judged_and_what_is_open_stays,
    given_is_enough_where_the_operator_says_so,
    a_professional_gives_it_with_the_own_request,
    a_file_gives_addresses_and_tells_what_is_missing,
);

/// The house under this rule, with a relay.
async fn under(mut h: House, rule: AddressRule) -> (House, Arc<Played>) {
    let config = OperatorConfig { notification_address: rule, ..h.0.op.config().clone() };
    h.0.op = Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap();
    let relay = Played::of(&h.0.op);
    (h, relay)
}

fn lacks(view: &OpeningView) -> Vec<(Lack, Option<&str>)> {
    view.waits_for.iter().map(|w| (w.lack, w.login.as_deref())).collect()
}

fn with_address(bal: NewBal, address: &str) -> NewBal {
    NewBal { notification_address: Some(address.into()), ..bal }
}

impl House {
    async fn waits(&self, id: &str) -> OpeningView {
        self.0.op.opening(&self.0.admin, number(id)).await.unwrap()
    }
    async fn set_email(&self, login: &str, address: &str) -> Result<(), sceau_domain::Refusal> {
        self.0.op.set_email(&self.0.admin, login, address).await.map(drop)
    }
    /// The last link that came to an address is used.
    async fn confirm(&self, relay: &Played, address: &str) {
        self.0.op.run_due_jobs().await.unwrap();
        let secret = relay.secrets(address, "/lien/").pop().expect("a link");
        self.0.op.look_at_link(&secret).await.unwrap();
        self.0.op.confirm_link(&secret, &origin(Door::Web)).await.unwrap();
    }
}

async fn an_opening_waits_for_the_address_and_goes_on_at_its_link(h: House) {
    let (h, relay) = under(h, AddressRule::Required).await;
    h.people(&["zoe", "yann"]).await;
    let zoe = h.0.op.add_bal(&h.0.admin, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    assert_eq!((zoe.state, lacks(&zoe)), (State::Verified, vec![(Lack::NoAddress, Some("zoe"))]));
    let wait = &zoe.waits_for[0];
    assert_eq!(wait.guard, Guard::Address);
    assert!(wait.detail.contains("l'adresse de notification de zoe") && wait.detail_en.contains("of zoe is missing"));
    h.set_email("zoe", "zoe@exemple.fr").await.unwrap();
    let waiting = h.waits(&zoe.id).await;
    assert_eq!((waiting.state, lacks(&waiting)), (State::Verified, vec![(Lack::AddressUnconfirmed, Some("zoe"))]));
    h.0.op.housekeeping().await.unwrap();
    assert!(h.row("zoe.durand@alpha.mssante.fr").await.is_none(), "nobody has used the link");
    h.confirm(&relay, "zoe@exemple.fr").await;
    let opened = h.waits(&zoe.id).await;
    assert_eq!((opened.state, lacks(&opened)), (State::Opened, vec![]));
    assert_eq!(opened.steps.last().map(|s| (s.became.as_str(), s.by.as_str())), Some(("opened", "system")));

    // Given with the request. Terms and address come in any order.
    h.undecided(&["luc"]).await;
    let luc = with_address(of_hospital("luc.durand", BalKind::Per, &["luc"]), "luc@exemple.fr");
    let luc = h.0.op.add_bal(&h.0.admin, luc).await.unwrap();
    assert_eq!(lacks(&luc), [(Lack::NotAccepted, Some("luc")), (Lack::AddressUnconfirmed, Some("luc"))]);
    h.confirm(&relay, "luc@exemple.fr").await;
    assert_eq!(lacks(&h.waits(&luc.id).await), [(Lack::NotAccepted, Some("luc"))]);
    h.accept("luc").await;
    assert_eq!(h.state(&luc.id).await, State::Opened);

    // Each of those responsible; a member is none. Whoever has a confirmed one is asked for nothing.
    let mut new = of_hospital("accueil", BalKind::Org, &["zoe", "yann"]);
    new.members = vec!["anne".into()];
    let asked = h.0.op.ask_opening(&h.0.admin, NewOpening::Open(new)).await.unwrap();
    let chef = h.actor("chef").await;
    let verified = h.0.op.verify_opening(&chef, number(&asked.id), None).await.unwrap();
    assert_eq!((verified.state, lacks(&verified)), (State::Verified, vec![(Lack::NoAddress, Some("yann"))]));
    h.set_email("yann", "yann@exemple.fr").await.unwrap();
    h.confirm(&relay, "yann@exemple.fr").await;
    assert_eq!(h.state(&asked.id).await, State::Opened);
    let again = with_address(of_hospital("urgences", BalKind::Org, &["zoe"]), "Zoe@exemple.fr");
    assert_eq!(h.0.op.add_bal(&h.0.admin, again).await.unwrap().state, State::Opened);
    assert!(h.person("zoe").await.email_verified.is_some(), "it is the one that was confirmed");

    // What is open is changed without it.
    let change = NewChange {
        address: "accueil@alpha.mssante.fr".into(),
        name: None,
        holders: vec!["bruno".into()],
        members: vec![],
        reason: None,
        naming_override: None,
    };
    let change = h.0.op.ask_opening(&chef, NewOpening::Change(change)).await.unwrap();
    assert_eq!(h.0.op.verify_opening(&chef, number(&change.id), None).await.unwrap().state, State::Done);
}

async fn an_address_is_one_persons_own_and_outside(h: House) {
    let (h, relay) = under(h, AddressRule::Required).await;
    h.people(&["zoe", "yann"]).await;
    h.set_email("zoe", "zoe@exemple.fr").await.unwrap();
    let ask = async |address: &str| {
        let bal = with_address(of_hospital("yann.petit", BalKind::Per, &["yann"]), address);
        h.0.op.add_bal(&h.0.admin, bal).await
    };
    for (address, refused) in [
        ("zoe@exemple.fr", "contact.taken"),
        ("ZOE@Exemple.FR", "contact.taken"),
        ("yann@alpha.mssante.fr", "contact.inside"),
        ("anne.martin@alpha.mssante.fr", "contact.inside"),
        ("yann@interne.alpha.fr", "contact.inside"),
        ("yann@beta.mssante.fr", "contact.inside"),
        ("180017500000131@patient.mssante.fr", "contact.inside"),
        ("yann", "admin.invalid"),
        ("yannick@exemple.fr\r\nRCPT TO:<x@y>", "admin.invalid"),
    ] {
        assert_eq!(code(h.set_email("yann", address).await), refused, "{address}");
        assert_eq!(code(ask(address).await), refused, "{address}");
    }
    let of_several = with_address(of_hospital("accueil", BalKind::Org, &["anne", "yann"]), "yann@exemple.fr");
    assert_eq!(code(h.0.op.add_bal(&h.0.admin, of_several).await), "admin.invalid");
    assert_eq!(h.person("yann").await.email, None);
    // Of what was refused nothing is left, neither the request nor, where the request is refused, the address or its link.
    let open = h.0.op.openings(&h.0.admin, Default::default(), None, 100).await.unwrap();
    assert!(!open.iter().any(|o| o.address.starts_with("yann") || o.address.starts_with("accueil")));
    let taken = with_address(of_hospital("anne.martin", BalKind::Per, &["yann"]), "yann@exemple.fr");
    assert_eq!(code(h.0.op.add_bal(&h.0.admin, taken).await), "admin.exists");
    h.0.op.run_due_jobs().await.unwrap();
    assert_eq!((h.person("yann").await.email, relay.count("yann@exemple.fr")), (None, 0));
    // Who asks for a BAL and may not say how somebody is reached gives no address either.
    let chef = h.actor("chef").await;
    let stranger = with_address(of_hospital("zoe.durand", BalKind::Per, &["zoe"]), "a-moi@exemple.fr");
    assert_eq!(code(h.0.op.ask_opening(&chef, NewOpening::Open(stranger)).await), "right.missing");
    // Given up, it may be another one's.
    h.0.op.clear_email(&h.0.admin, "zoe").await.unwrap();
    assert_eq!(lacks(&ask("zoe@exemple.fr").await.unwrap()), [(Lack::AddressUnconfirmed, Some("yann"))]);
}

async fn of_two_people_given_one_address_at_once_one_has_it(h: House) {
    let (h, _relay) = under(h, AddressRule::Required).await;
    h.people(&["zoe", "yann"]).await;
    for n in 0..4 {
        let address = format!("commune{n}@exemple.fr");
        let (a, b) = tokio::join!(h.set_email("zoe", &address), h.set_email("yann", &address));
        let refused = if a.is_ok() { b } else { a };
        assert_eq!(code(refused), "contact.taken");
        let sql = "SELECT COUNT(*) FROM people WHERE email = $1";
        let count = h.write(move |tx| tx.query_opt(sql, params![&address])?.unwrap().int(0)).await;
        assert_eq!(count, 1);
    }
}

async fn what_was_set_before_is_judged_and_what_is_open_stays(h: House) {
    let (h, _relay) = under(h, AddressRule::Required).await;
    h.people(&["zoe"]).await;
    let confirmed = |email: &str| {
        let email = Some(email.to_owned());
        move |p: &mut sceau_store::accounts::Person| (p.email, p.email_verified) = (email, Some(1))
    };
    h.edit("anne", confirmed("commune@exemple.fr")).await;
    h.edit("zoe", confirmed("Commune@exemple.fr")).await;
    let view = h.0.op.add_bal(&h.0.admin, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    assert_eq!(lacks(&view), [(Lack::AddressTaken, Some("zoe"))]);
    let lack = async |address: &str| {
        h.edit("zoe", confirmed(address)).await;
        h.0.op.housekeeping().await.unwrap();
        h.waits(&view.id).await.waits_for.first().map(|w| w.lack)
    };
    // A domain that came to the trust space, or to this operator, since.
    assert_eq!(lack("zoe@gamma.mssante.fr").await, Some(Lack::AddressInside));
    assert_eq!(lack("zoe@interne.alpha.fr").await, Some(Lack::AddressInside));
    let mark = |at: Option<i64>| {
        move |tx: &mut dyn sceau_store::Tx| {
            tx.execute("UPDATE people SET email_wrong = CAST($1 AS BIGINT) WHERE login = 'zoe'", params![at])
        }
    };
    h.write(mark(Some(5))).await;
    assert_eq!(lack("zoe@exemple.fr").await, Some(Lack::AddressWrong));
    h.write(mark(None)).await;

    // What was opened before stays open, and is listed as lacking an address.
    let listed = async |query: BalQuery| {
        let found = h.0.op.bals(&h.0.admin, query, None, 100).await.unwrap();
        found.into_iter().map(|b| (b.address, b.state)).collect::<Vec<_>>()
    };
    let all = listed(BalQuery::default()).await;
    assert!(all.len() == 5 && all.iter().all(|(_, state)| state == "active"), "{all:?}");
    let lacking = || BalQuery { lacks_notification_address: true, ..BalQuery::default() };
    let addresses = |found: Vec<(String, String)>| found.into_iter().map(|(a, _)| a).collect::<Vec<_>>();
    let of = ["bruno.petit@alpha.mssante.fr", "chloe.roux@alpha.mssante.fr"];
    assert_eq!(addresses(listed(lacking()).await), of, "anne stands for the others");
    h.edit("bruno", |p| p.email = Some("bruno@exemple.fr".into())).await;
    assert_eq!(addresses(listed(lacking()).await), of, "it is not confirmed");
    h.edit("bruno", |p| p.email_verified = Some(1)).await;
    assert_eq!(addresses(listed(lacking()).await), of[1..]);

    // A round of housekeeping finds what a crash left between the confirmation and the opening.
    assert_eq!(lack("zoe@exemple.fr").await, None);
    assert_eq!(h.state(&view.id).await, State::Opened);
}

async fn given_is_enough_where_the_operator_says_so(h: House) {
    let (h, relay) = under(h, AddressRule::Given).await;
    h.people(&["zoe", "yann"]).await;
    let view = h.0.op.add_bal(&h.0.admin, of_hospital("zoe.durand", BalKind::Per, &["zoe"])).await.unwrap();
    assert_eq!(lacks(&view), [(Lack::NoAddress, Some("zoe"))]);
    h.0.op.housekeeping().await.unwrap();
    assert_eq!(h.state(&view.id).await, State::Verified);
    h.set_email("zoe", "zoe@exemple.fr").await.unwrap();
    assert_eq!(h.state(&view.id).await, State::Opened);
    let yann = with_address(of_hospital("yann.petit", BalKind::Per, &["yann"]), "yann@exemple.fr");
    assert_eq!(h.0.op.add_bal(&h.0.admin, yann).await.unwrap().state, State::Opened);
    h.confirm(&relay, "yann@exemple.fr").await;
    assert!(h.person("yann").await.email_verified.is_some());
    // Nothing is asked for, nothing is waited for.
    let (h, _) = under(h, AddressRule::Off).await;
    h.people(&["luc"]).await;
    let luc = h.0.op.add_bal(&h.0.admin, of_hospital("luc.durand", BalKind::Per, &["luc"])).await.unwrap();
    assert_eq!(luc.state, State::Opened);
}

async fn a_professional_gives_it_with_the_own_request(h: House) {
    let (h, relay) = under(h, AddressRule::Required).await;
    h.settle(Opening::Own, ConventionState::Signed).await;
    h.people(&["zoe"]).await;
    h.0.op.join_structure(&h.0.admin, "zoe", "hopital", "médecin", None).await.unwrap();
    h.edit("zoe", |p| {
        (p.identity, p.national_id) = ("card".into(), Some(rpps(9)));
        (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
    })
    .await;
    // With the card, just now.
    let (_, zoe) = signed_in(&h.0.op, &h.0.store, "zoe", &[Factor::Card]).await;
    let own = with_address(of_hospital("zoe.durand", BalKind::Per, &["zoe"]), "zoe@exemple.fr");
    let asked = h.0.op.ask_opening(&zoe, NewOpening::Open(own)).await.unwrap();
    assert_eq!((asked.state, lacks(&asked)), (State::Verified, vec![(Lack::AddressUnconfirmed, Some("zoe"))]));
    h.confirm(&relay, "zoe@exemple.fr").await;
    assert_eq!(h.state(&asked.id).await, State::Opened);
}

async fn a_file_gives_addresses_and_tells_what_is_missing(h: House) {
    let (h, relay) = under(h, AddressRule::Required).await;
    h.people(&["zoe"]).await;
    h.edit("zoe", |p| {
        (p.national_id, p.family_name, p.email) = (Some(rpps(7)), Some("DURAND".into()), Some("zoe@exemple.fr".into()));
        (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
    })
    .await;
    let chef = h.actor("chef").await;
    let line = |name: &str, n: usize, address: &str| format!("{name};Luc;{};oui;PER;{address}\n", rpps(n));
    let text = "Nom;Prénom;RPPS;Habilité;Nature de BAL;Adresse de notification\n".to_owned()
        + &line("PREMIER", 1, "premier@exemple.fr")
        + &line("DEUXIEME", 2, "Premier@exemple.fr")
        + &line("TROISIEME", 3, "luc@beta.mssante.fr")
        + &line("QUATRIEME", 4, "")
        + &line("DURAND", 7, "autre@exemple.fr")
        + &line("CINQUIEME", 5, "zoe@exemple.fr");
    let (_, dry) = run(&h, &chef, here(true), &text).await;
    assert_eq!(relay.taken().len(), 0, "a dry run writes to nobody");
    let (import, real) = run(&h, &chef, here(false), &text).await;
    assert_eq!((import.done, import.wrong), (3, 3));
    for (dry, real) in dry.iter().zip(&real) {
        let said = |l: &sceau_operator::imports::LineView| (l.code.clone(), l.detail.clone(), l.detail_en.clone());
        assert_eq!(said(dry), said(real));
    }
    let codes: Vec<_> = real.iter().map(|l| l.code.as_deref().unwrap_or_default()).collect();
    let waits = "import.bal_waits";
    assert_eq!(codes, [waits, "contact.taken", "contact.inside", waits, waits, "contact.taken"]);
    let detail = |n: usize| real[n].detail.as_deref().unwrap_or_default();
    assert!(detail(0).contains("n'est pas encore confirmée") && detail(0).contains("conditions d'utilisation"));
    assert!(detail(3).contains("Il manque l'adresse de notification de luc.quatrieme"), "{}", detail(3));
    // Whoever is there keeps the address, and waits for its own link; of a refused line nobody is made.
    assert_eq!(h.person("zoe").await.email.as_deref(), Some("zoe@exemple.fr"));
    let made = h.write(|tx| tx.query_opt("SELECT COUNT(*) FROM people WHERE login LIKE 'luc.%'", &[])?.unwrap().int(0));
    assert_eq!(made.await, 2);
    assert_eq!(relay.count("premier@exemple.fr"), 1);
    // Link and terms open it.
    h.accept("luc.premier").await;
    assert!(h.row("luc.premier@alpha.mssante.fr").await.is_none());
    h.confirm(&relay, "premier@exemple.fr").await;
    assert_eq!(h.row("luc.premier@alpha.mssante.fr").await.unwrap().state, "active");
    // The same file with the address that was missing: it is set, and the rest is in place.
    let more = text.replace(&line("QUATRIEME", 4, ""), &line("QUATRIEME", 4, "quatrieme@exemple.fr"));
    let (_, again) = run(&h, &chef, here(false), &more).await;
    let codes: Vec<_> = again.iter().map(|l| l.code.as_deref().unwrap_or_default()).collect();
    let already = "import.already";
    assert_eq!(codes, [already, "contact.taken", "contact.inside", "import.found", already, "contact.taken"]);
    assert_eq!(h.person("luc.quatrieme").await.email.as_deref(), Some("quatrieme@exemple.fr"));
}
