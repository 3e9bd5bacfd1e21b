//! Terms of use: what can be published, who accepts, what stays shut until then.
use sceau_domain::terms::{TEMPLATE_EN, TEMPLATE_FR, Values};
use sceau_domain::{AccessRole, BalKind, Lang, Timestamp};
use sceau_operator::alarms::AlarmView;
use sceau_operator::grants::{NewAccess, NewDelegation};
use sceau_operator::terms::{AcceptanceFilter, NewTerms, Read, TermsState};
use sceau_operator::{Actor, Door, Who};
use sceau_store::testing::{TestStore, postgres, sqlite};
use sceau_store::{StoreError, access, accounts, params};
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const LABO: &str = "laboratoire@alpha.mssante.fr";
const LINK: &str = "https://mss.alpha.fr/conditions";

fn values() -> Values {
    let of = |n: &str| (n.to_owned(), format!("{n} d'exemple"));
    ["adresse", "representant", "contact", "support", "dpo", "hebergeur"].map(of).into()
}

fn version(name: &str) -> NewTerms {
    NewTerms {
        version: name.into(),
        changes_fr: "Le délai change.".into(),
        changes_en: "The time changes.".into(),
        values: values(),
        ..NewTerms::default()
    }
}

/// The person alone, as a program of hers would ask.
async fn own(w: &World, login: &str) -> Actor {
    let (_, token) = w.op.create_api_token(&w.admin, login, "essai", None).await.unwrap();
    w.op.login_api(&token, &origin(Door::Api)).await.unwrap()
}

async fn alarms(w: &World) -> Vec<AlarmView> {
    let all = w.op.alarms(&w.admin, true).await.unwrap();
    all.into_iter().filter(|a| a.code == "terms.absent").collect()
}

async fn publishing(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let anne = own(&w, "anne").await;
    assert_eq!(code(w.op.publish_terms(&anne, version("v1")).await), "right.missing");
    let cause = |r: Result<sceau_operator::terms::TermsText, sceau_domain::Refusal>| {
        let refusal = r.unwrap_err();
        (refusal.code.as_str(), refusal.sentence(Lang::En))
    };
    for name in ["", "v 1", "été", "../x", &"v".repeat(41)] {
        assert_eq!(code(w.op.publish_terms(&w.admin, version(name)).await), "admin.invalid", "{name}");
    }
    let (code_of, said) =
        cause(w.op.publish_terms(&w.admin, NewTerms { values: Values::new(), ..version("v1") }).await);
    assert_eq!(code_of, "admin.invalid");
    assert!(said.contains("adresse, contact, dpo, hebergeur, representant, support"), "{said}");
    // An operator's own text without a clause is refused, and the clause is named.
    let lame = TEMPLATE_EN.replace("<!-- clause: evidence -->", "");
    let texts = Some((TEMPLATE_FR.to_owned(), lame));
    let (code_of, said) = cause(w.op.publish_terms(&w.admin, NewTerms { texts, ..version("v1") }).await);
    assert_eq!(code_of, "terms.clause_missing");
    assert!(said.contains("evidence (en)"), "{said}");
    let texts = Some((TEMPLATE_FR.to_owned(), String::new()));
    assert_eq!(code(w.op.publish_terms(&w.admin, NewTerms { texts, ..version("v1") }).await), "terms.clause_missing");
    // Who accepted an earlier version is told what changes.
    let silent = NewTerms { changes_en: " ".into(), ..version("v1") };
    assert_eq!(code(w.op.publish_terms(&w.admin, silent).await), "admin.invalid");
    let past = NewTerms { from: Some(w.op.clock().now().plus_ms(-1)), ..version("v1") };
    assert_eq!(code(w.op.publish_terms(&w.admin, past).await), "admin.invalid");
    assert_eq!(w.count("terms").await, 1, "nothing of that was kept");

    let published = w.op.publish_terms(&w.admin, version("v1")).await.unwrap();
    assert_eq!(published.version.state, TermsState::InForce);
    assert!(
        published.fr.contains("dpo d'exemple") && published.fr.contains(LINK) && published.fr.contains("**Alpha**")
    );
    assert!(!published.fr.contains("{dpo}") && published.en.contains("Only the French version"));
    assert_eq!(code(w.op.publish_terms(&w.admin, version("v1")).await), "admin.exists");
    assert_eq!(w.traces("terms.published").await.len(), 1);

    // A planned version waits for its day; its text is there to be read, and so is what differs.
    let later = w.op.clock().now().plus_ms(86_400_000);
    let text = TEMPLATE_FR.replace("deux mois avant", "trois mois avant");
    let texts = Some((text, TEMPLATE_EN.to_owned()));
    let planned = NewTerms { from: Some(later), texts, ..version("v2") };
    assert_eq!(w.op.publish_terms(&w.admin, planned).await.unwrap().version.state, TermsState::Planned);
    assert_eq!(w.op.terms_in_force().await.unwrap().version.version, "v1");
    let differences = w.op.terms_differences("v1", "v2", Lang::Fr).await.unwrap();
    let told: Vec<_> = differences.iter().map(|d| (d.clause.as_str(), d.change.as_str(), d.added.len())).collect();
    assert_eq!(told, [("inactivity", "changed", 1)]);
    assert_eq!(w.op.terms_before("v2").await.unwrap().unwrap().version.version, "v1");
    w.advance(86_400);
    let names = w.op.terms_versions().await.unwrap().into_iter().map(|t| (t.version, t.state)).collect::<Vec<_>>();
    let expected = [("v2", TermsState::InForce), ("v1", TermsState::Past), ("essai", TermsState::Past)];
    assert_eq!(names, expected.map(|(n, s)| (n.to_owned(), s)));
    assert_eq!(code(w.op.terms_version("v9").await), "admin.not_found");
}

#[tokio::test]
async fn only_whole_terms_are_published() {
    publishing(sqlite().await).await;
    publishing(postgres().await).await;
}

async fn doors(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let (_, token) = w.op.create_token(&w.admin, "anne", None, "poste", None).await.unwrap();
    let enter = async || w.op.login_token("anne", &token, &origin(Door::Imap)).await;
    let open = enter().await.unwrap();
    w.op.still_allowed(&open).await.unwrap();

    // A new version: the open session ends at its next question, no other opens, nothing is sent; each time with the link.
    let v1 = w.op.publish_terms(&w.admin, version("v1")).await.unwrap().version;
    let refusal = w.op.still_allowed(&open).await.unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.code.imap()), ("terms.required", "ALERT"));
    assert!(refusal.smtp_reply().starts_with("535 5.7.0 ") && refusal.smtp_reply().contains(LINK));
    // The token is right: however often it asks, it is not held back as one that guesses.
    for _ in 0..15 {
        assert_eq!(code(enter().await), "terms.required");
    }
    assert_eq!(code(w.op.login_token("anne", "faux", &origin(Door::Imap)).await), "login.failed");
    assert_eq!(
        code(w.submit(&open, ANNE, &["bruno.petit@alpha.mssante.fr"], &letter(ANNE, "a")).await),
        "terms.required"
    );
    let deep = w.op.open_folder(&open, "INBOX", true).await.unwrap_err();
    assert_eq!(deep.code.as_str(), "terms.required");
    assert!(deep.sentence(Lang::Fr).contains(LINK), "from within an act, the link is told too");
    // Nor does she name a delegate before; an administrator's act needs no acceptance.
    let delegation = NewDelegation {
        address: ANNE.into(),
        login: "bruno".into(),
        rights: None,
        starts: None,
        ends: w.op.clock().now().plus_ms(86_400_000),
        reason: None,
    };
    assert_eq!(code(w.op.give_delegation(&open, delegation).await), "terms.required");
    let refused = w.traces("terms.refused").await;
    assert!(refused.iter().any(|t| t.actor == "anne" && t.outcome == "terms.required"));
    // What comes in is kept all the same.
    w.hand_over(BETA, "accueil@beta.mssante.fr", &[ANNE], &letter("accueil@beta.mssante.fr", "b")).await.unwrap();

    // Only what is in force is accepted, by the person alone, with a token that is hers.
    let (anne, bruno) = (own(&w, "anne").await, own(&w, "bruno").await);
    assert_eq!(w.op.own_terms(&anne).await.unwrap().state, "required");
    assert_eq!(code(w.op.accept_terms(&anne, "essai", &v1.digest).await), "terms.changed");
    assert_eq!(code(w.op.accept_terms(&anne, "v1", &"0".repeat(64)).await), "terms.changed");
    let what = Read { version: "v1", digest: &v1.digest, lang: Lang::En };
    let web = origin(Door::Web);
    for (login, secret) in [("bruno", token.as_str()), ("anne", "faux"), ("", &token), ("anne", "")] {
        assert_eq!(code(w.op.accept_terms_with((login, secret), what, &web).await), "login.failed", "{login}");
    }
    assert_eq!(code(enter().await), "terms.required");
    let at = w.op.accept_terms_with((ANNE, &token), what, &web).await.unwrap();
    w.advance(5);
    assert_eq!(w.op.accept_terms(&anne, "v1", &v1.digest.to_uppercase()).await, Ok(at), "the first one stays");
    let own_terms = w.op.own_terms(&anne).await.unwrap();
    assert_eq!((own_terms.state.as_str(), own_terms.accepted, own_terms.link.as_str()), ("accepted", Some(at), LINK));
    assert_eq!(own_terms.earlier[0].0, "essai");
    let traced = w.traces("terms.accepted").await;
    assert_eq!(traced.len(), 1);
    assert_eq!((traced[0].actor.as_str(), &traced[0].data["version"]), ("anne", &"v1".into()));
    assert_eq!(
        (&traced[0].data["digest"], &traced[0].data["factors"]),
        (&v1.digest.as_str().into(), &"device_token".into())
    );

    // Hers is open again, his is not.
    enter().await.unwrap();
    w.op.still_allowed(&open).await.unwrap();
    assert_eq!(w.op.open_folder(&open, "INBOX", true).await.unwrap().entries.len(), 1);
    assert_eq!(w.op.own_terms(&bruno).await.unwrap().state, "required");

    // Who answers for people sees both.
    assert_eq!(code(w.op.acceptances(&anne, AcceptanceFilter::default()).await), "right.missing");
    let filter = AcceptanceFilter { version: Some("v1".into()), limit: 10, ..AcceptanceFilter::default() };
    let list = w.op.acceptances(&w.admin, filter).await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].person.as_str(), list[0].door.as_str(), list[0].at), ("anne", "web", at));
    // In which language, after which version, and that an administrator had made the token.
    let proof = (list[0].lang.as_str(), list[0].previous.as_deref(), list[0].token_by.as_deref());
    assert_eq!(proof, ("en", Some("essai"), Some("root")));
    assert_eq!((&traced[0].data["previous"], &traced[0].data["token_by"]), (&"essai".into(), &"root".into()));
    let first = AcceptanceFilter { limit: 2, ..AcceptanceFilter::default() };
    let page = w.op.acceptances(&w.admin, first.clone()).await.unwrap();
    let next = AcceptanceFilter { after: page.last().map(|a| a.place.clone()), ..first };
    let rest = w.op.acceptances(&w.admin, next).await.unwrap();
    let all: Vec<_> = page.iter().chain(&rest).map(|a| (a.version.as_str(), a.person.as_str())).collect();
    assert_eq!(all, [("v1", "anne"), ("essai", "anne"), ("essai", "bruno"), ("essai", "chloe")]);
    let missing = w.op.unaccepted(&w.admin, None, 10).await.unwrap();
    let named: Vec<_> = missing.iter().map(|u| (u.person.as_str(), u.last.as_deref())).collect();
    assert_eq!(named, [("bruno", Some("essai")), ("chloe", Some("essai"))]);

    // A planned version shuts at its instant, without anybody doing anything.
    let from = Timestamp(w.op.clock().now().0 + 60_000);
    w.op.publish_terms(&w.admin, NewTerms { from: Some(from), ..version("v2") }).await.unwrap();
    w.op.still_allowed(&open).await.unwrap();
    w.advance(59);
    w.op.still_allowed(&open).await.unwrap();
    w.advance(1);
    assert_eq!(code(w.op.still_allowed(&open).await), "terms.required");
}

/// A session that waits is pulled when a planned version comes into force; one that was taken back never does; who skipped versions is told of all.
async fn planned(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    let (_, token) = w.op.create_token(&w.admin, "anne", None, "poste", None).await.unwrap();
    let open = w.op.login_token("anne", &token, &origin(Door::Imap)).await.unwrap();
    w.op.housekeeping().await.unwrap();
    let later = |s: i64| Some(Timestamp(w.op.clock().now().0 + s * 1000));
    w.op.publish_terms(&w.admin, NewTerms { from: later(60), ..version("faute") }).await.unwrap();
    let anne = own(&w, "anne").await;
    assert_eq!(code(w.op.withdraw_terms(&anne, "faute", "x").await), "right.missing");
    assert_eq!(code(w.op.withdraw_terms(&w.admin, "faute", " ").await), "admin.invalid");
    assert_eq!(code(w.op.withdraw_terms(&w.admin, "rien", "x").await), "admin.not_found");
    assert_eq!(code(w.op.withdraw_terms(&w.admin, "essai", "x").await), "state.wrong", "it is in force");
    let gone = w.op.withdraw_terms(&w.admin, "faute", "mauvaise date").await.unwrap();
    assert_eq!(gone.version.state, TermsState::Withdrawn);
    assert_eq!(code(w.op.withdraw_terms(&w.admin, "faute", "x").await), "state.wrong");
    assert_eq!(w.traces("terms.withdrawn").await[0].data["reason"], "mauvaise date");
    w.advance(120);
    w.op.still_allowed(&open).await.expect("what was taken back never comes into force");
    assert_eq!(w.op.terms_in_force().await.unwrap().version.version, "essai");

    w.op.publish_terms(&w.admin, NewTerms { from: later(60), ..version("v1") }).await.unwrap();
    w.op.housekeeping().await.unwrap();
    let mut leash = w.op.leash(&open);
    // What happened since the login was told, and let it stay.
    while tokio::time::timeout(std::time::Duration::from_millis(20), leash.pulled()).await.is_ok() {}
    w.advance(60);
    w.op.housekeeping().await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(20), leash.pulled()).await.expect("pulled");
    assert_eq!(code(w.op.still_allowed(&open).await), "terms.required");

    // A second one before she accepted the first: what changed since the last that she accepted is both.
    w.op.publish_terms(&w.admin, version("v2")).await.unwrap();
    let refusal = w.op.still_allowed(&open).await.unwrap_err();
    assert!(refusal.sentence(Lang::Fr).contains(&format!("{LINK}?since=essai,")), "{}", refusal.sentence(Lang::Fr));
    let own_terms = w.op.own_terms(&anne).await.unwrap();
    assert_eq!((own_terms.since.as_deref(), own_terms.link.ends_with("?since=essai")), (Some("essai"), true));
    let named: Vec<_> = own_terms.changes.iter().map(|c| (c.version.as_str(), c.changes_en.as_str())).collect();
    assert_eq!(named, [("v1", "The time changes."), ("v2", "The time changes.")]);
    assert_eq!(w.op.terms_before("v1").await.unwrap().unwrap().version.version, "essai");
    assert!(
        w.op.terms_changes("faute").await.unwrap().is_empty() && w.op.terms_changes("v2").await.unwrap().is_empty()
    );
}

#[tokio::test]
async fn a_planned_version_pulls_whoever_waits_and_can_be_taken_back() {
    planned(sqlite().await).await;
    planned(postgres().await).await;
}

#[tokio::test]
async fn no_door_opens_before_the_person_accepted() {
    doors(sqlite().await).await;
    doors(postgres().await).await;
}

#[tokio::test]
async fn a_machine_works_when_somebody_responsible_accepted_and_accepts_nothing_itself() {
    let w = World::new().await;
    w.bal(LABO, BalKind::App, &["anne"], |_| {}).await;
    sceau_testkit::newcomers(&w.op, &w.admin, &["automate"]).await;
    let now = w.op.clock().now().0;
    let seat = move |tx: &mut dyn sceau_store::Tx| {
        let person = accounts::person_by_login(tx, "automate")?.unwrap().id;
        let bal = accounts::bal_by_address(tx, LABO)?.unwrap().id;
        access::grant(tx, &access::NewAccess::now(person, bal, "machine", 7, now, "root"))
    };
    w.store.write::<_, StoreError, _>(seat).await.unwrap();
    let (_, token) = w.op.create_token(&w.admin, "automate", Some(LABO), "automate", None).await.unwrap();
    let login = format!("automate*{LABO}");
    let enter = async || w.op.login_token(&login, &token, &origin(Door::Submission)).await;
    enter().await.expect("anne, who is responsible, accepted");
    let v1 = w.op.publish_terms(&w.admin, version("v1")).await.unwrap().version;
    assert_eq!(code(enter().await), "terms.required");
    assert_eq!(
        code(
            w.op.accept_terms_with(
                ("automate", &token),
                Read { version: "v1", digest: &v1.digest, lang: Lang::Fr },
                &origin(Door::Web)
            )
            .await
        ),
        "right.missing"
    );
    let bruno = own(&w, "bruno").await;
    w.op.accept_terms(&bruno, "v1", &v1.digest).await.unwrap();
    assert_eq!(code(enter().await), "terms.required", "bruno answers for another BAL");
    let anne = own(&w, "anne").await;
    w.op.accept_terms(&anne, "v1", &v1.digest).await.unwrap();
    enter().await.unwrap();
    assert!(w.op.unaccepted(&w.admin, None, 10).await.unwrap().iter().all(|u| u.person != "automate"));
    // Whoever answers for the machine must be there to answer: not blocked, and still responsible by the dates of the access.
    w.op.block_person(&w.admin, "anne", "enquête").await.unwrap();
    assert_eq!(code(enter().await), "terms.required");
    w.op.release_person(&w.admin, "anne", "clos").await.unwrap();
    enter().await.unwrap();
    let over = "UPDATE access SET ends = $1 WHERE role = 'responsible' AND bal_id = (SELECT id FROM bals WHERE address_key = $2)";
    w.store.write::<_, StoreError, _>(move |tx| tx.execute(over, params![now, LABO])).await.unwrap();
    assert_eq!(code(enter().await), "terms.required");
}

#[tokio::test]
async fn a_person_accepts_whatever_the_access_is_called() {
    a_persons_access_of_a_machine(sqlite().await).await;
    a_persons_access_of_a_machine(postgres().await).await;
}

async fn a_persons_access_of_a_machine(store: TestStore) {
    let w = World::on(store, |_| {}).await;
    w.bal(LABO, BalKind::App, &["anne"], |_| {}).await;
    sceau_testkit::newcomers(&w.op, &w.admin, &["automate", "paul", "zoe", "iris", "luc"]).await;
    // One has a token of her own, of another the identity is known, or the profession, or a first name, the last has a BAL: people, whom nobody else
    // accepts for.
    for known in ["profession = '10' WHERE login = 'iris'", "given_name = 'Luc' WHERE login = 'luc'"] {
        let sql = format!("UPDATE people SET {known}");
        w.store.write::<_, StoreError, _>(move |tx| tx.execute(&sql, &[])).await.unwrap();
    }
    let own_token = w.op.create_token(&w.admin, "paul", None, "poste", None).await.unwrap().1;
    sceau_testkit::certified(&w.store, "zoe").await;
    let v1 = w.op.publish_terms(&w.admin, version("v1")).await.unwrap().version;
    w.op.accept_terms(&own(&w, "anne").await, "v1", &v1.digest).await.unwrap();
    for login in ["automate", "paul", "zoe", "iris", "luc", "chloe"] {
        let role = AccessRole::Machine;
        let new = NewAccess { login: login.into(), role, rights: None, starts: None, ends: None, reason: None };
        w.op.give_access(&w.admin, LABO, new).await.unwrap();
    }
    let bound = async |login: &str| w.op.create_token(&w.admin, login, Some(LABO), "poste", None).await.unwrap().1;
    let mut tokens = vec![bound("automate").await, own_token];
    for login in ["zoe", "iris", "luc", "chloe"] {
        tokens.push(bound(login).await);
    }
    // A token for whatever BAL would make a person of the machine, and shut it out.
    assert_eq!(code(w.op.create_token(&w.admin, "automate", None, "poste", None).await), "admin.invalid");
    let enter = async |n: usize, login: &str| {
        w.op.login_token(&format!("{login}*{LABO}"), &tokens[n], &origin(Door::Imap)).await
    };
    enter(0, "automate").await.expect("anne accepted for the machine for which she answers");
    let listed: Vec<_> = w.op.unaccepted(&w.admin, None, 10).await.unwrap().into_iter().map(|u| u.person).collect();
    let people = ["paul", "zoe", "iris", "luc", "chloe"];
    assert!(people.iter().all(|p| listed.iter().any(|l| l == p)), "{listed:?}");
    assert!(!listed.iter().any(|l| l == "automate"), "{listed:?}");
    for (n, login) in (1..).zip(people) {
        assert_eq!(code(enter(n, login).await), "terms.required", "{login}");
        w.op.accept_terms(&own(&w, login).await, "v1", &v1.digest).await.unwrap();
        enter(n, login).await.unwrap();
    }
    // A machine that becomes somebody: from then on it accepts for itself, at each BAL, whatever is ended later.
    let service = "exploitation@alpha.mssante.fr";
    let role = AccessRole::Member;
    let new = NewAccess { login: "automate".into(), role, rights: None, starts: None, ends: None, reason: None };
    w.op.give_access(&w.admin, service, new).await.unwrap();
    assert_eq!(code(enter(0, "automate").await), "terms.required");
    w.op.end_access(&w.admin, service, "automate", None).await.unwrap();
    assert_eq!(code(enter(0, "automate").await), "terms.required");
    // And so it is for whoever was a person and has a machine's access only, when the terms change.
    let v2 = w.op.publish_terms(&w.admin, version("v2")).await.unwrap().version;
    w.op.accept_terms(&own(&w, "anne").await, "v2", &v2.digest).await.unwrap();
    assert_eq!(code(enter(1, "paul").await), "terms.required");
}

#[tokio::test]
async fn without_terms_doors_stay_as_they_are_and_an_alarm_says_so() {
    let w = World::new().await;
    w.op.housekeeping().await.unwrap();
    assert!(alarms(&w).await.is_empty(), "terms are in force");
    let forget = |tx: &mut dyn sceau_store::Tx| {
        tx.execute("DELETE FROM acceptances", params![])?;
        tx.execute("DELETE FROM terms", params![])
    };
    w.store.write::<_, StoreError, _>(forget).await.unwrap();
    w.op.housekeeping().await.unwrap();
    let told = alarms(&w).await;
    assert!(told.len() == 1 && told[0].cleared.is_none() && told[0].en.contains("sceau terms publish"), "{told:?}");
    let anne = w.actor("anne", ANNE).await;
    w.op.open_folder(&anne, "INBOX", true).await.expect("as before");
    assert_eq!(w.op.own_terms(&own(&w, "anne").await).await.unwrap().state, "absent");
    assert_eq!(code(w.op.terms_in_force().await), "terms.absent");
    assert_eq!(code(w.op.accept_terms(&own(&w, "anne").await, "v1", &"0".repeat(64)).await), "terms.absent");
    // The first version needs no list of changes.
    let first = NewTerms { version: "v1".into(), values: values(), ..NewTerms::default() };
    w.op.publish_terms(&w.admin, first).await.unwrap();
    w.op.housekeeping().await.unwrap();
    assert!(alarms(&w).await[0].cleared.is_some());
    assert_eq!(code(w.op.open_folder(&anne, "INBOX", true).await), "terms.required");
    // Ourselves accept nothing.
    let ourselves = Actor { who: Who::System, bal: None, ..anne };
    assert_eq!(code(w.op.accept_terms(&ourselves, "v1", "").await), "right.missing");
}
