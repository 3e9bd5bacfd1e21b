//! Whose eyes a token's secret is for: the person's alone. Whoever administers has a link sent, and not to an address that he typed in himself.
use crate::rights::{House, new};
use sceau_domain::{AccessRole, BalKind};
use sceau_operator::accounts::NewTokenLink;
use sceau_operator::grants::NewAccess;
use sceau_operator::{Actor, Door};
use sceau_testkit::relay::Played;
use sceau_testkit::world::{code, origin};
use std::sync::Arc;

const LABO: &str = "labo@alpha.mssante.fr";
const ANNE: &str = "anne.martin@alpha.mssante.fr";
const MAIL: &str = "anne@exemple.fr";

macro_rules! in_service {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let (h, relay) = crate::rights::House::in_service(sceau_store::testing::sqlite().await).await;
                super::$name(h, relay).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let (h, relay) = crate::rights::House::in_service(sceau_store::testing::postgres().await).await;
                super::$name(h, relay).await;
            }
        }
    )* };
}
in_service!(
    nobody_sees_a_token_of_somebody_else,
    the_person_makes_it_behind_a_link,
    who_typed_the_address_in_does_not_send_there,
    a_link_ends_with_what_it_stood_on,
    a_machines_token_is_for_who_answers_for_its_bal,
    a_policy_that_is_tightened_holds_for_what_exists,
    what_is_weak_stays_weak,
);

fn link(login: &str) -> NewTokenLink {
    NewTokenLink { login: login.into(), label: "Poste".into(), ..NewTokenLink::default() }
}

/// A second administrator, in a session of his own.
async fn second(h: &House) -> Actor {
    h.grant("chloe", "administrator", None, None).await;
    h.actor("chloe").await
}

/// `login` reads ordinary mail at `address`, which `by` set.
async fn reached(h: &House, relay: &Played, by: &Actor, login: &str, address: &str) {
    h.0.op.set_email(by, login, address).await.unwrap();
    h.0.op.run_due_jobs().await.unwrap();
    let secret = relay.secrets(address, "/lien/").pop().expect("a link");
    h.0.op.confirm_link(&secret, &origin(Door::Web)).await.unwrap();
}

async fn sent(h: &House, relay: &Played, by: &Actor, new: NewTokenLink, address: &str) -> String {
    h.0.op.send_token_link(by, new).await.unwrap();
    h.0.op.run_due_jobs().await.unwrap();
    relay.secrets(address, "/jeton/").pop().expect("a link")
}

async fn nobody_sees_a_token_of_somebody_else(h: House, _: Arc<Played>) {
    let op = &h.0.op;
    h.grant("anne", "structure", Some("ici"), None).await;
    h.sql("INSERT INTO memberships (person_id, structure_id, function, since) SELECT id, 1, 'x', 9 FROM people WHERE login = 'chloe'").await;
    h.sql("UPDATE bals SET structure_id = 1 WHERE address LIKE 'chloe%'").await;
    let (chief, before) = (h.actor("anne").await, h.0.count("tokens").await);
    // Over the socket as over REST.
    for asker in [h.0.admin.clone(), Actor { origin: origin(Door::Api), ..h.0.admin.clone() }, chief.clone()] {
        assert_eq!(code(op.create_token(&asker, "chloe", None, "poste", None).await), "token.other");
        assert_eq!(code(op.create_api_token(&asker, "chloe", "poste", None).await), "token.other");
    }
    assert_eq!(h.0.count("tokens").await, before);
    assert!(h.0.traces("token.created").await.is_empty());
    // One's own, everybody.
    for asker in [&h.0.admin, &chief] {
        let login = match &asker.who {
            sceau_operator::Who::Person(p) => p.login.clone(),
            _ => unreachable!(),
        };
        op.create_api_token(asker, &login, "poste", None).await.unwrap();
    }
    // While it is being set up: the operator's administrators over the socket, on record; nobody else, nowhere else.
    let config = sceau_operator::OperatorConfig { setting_up: true, ..op.config().clone() };
    let setting_up = sceau_operator::Operator::open(config, h.0.store.clone(), op.trust().clone()).await.unwrap();
    let far = Actor { origin: origin(Door::Api), ..h.0.admin.clone() };
    let near = Actor { origin: origin(Door::Admin), ..chief };
    for asker in [far, near] {
        assert_eq!(code(setting_up.create_token(&asker, "chloe", None, "poste", None).await), "token.other");
    }
    setting_up.create_token(&h.0.admin, "chloe", None, "poste", None).await.unwrap();
    let traces = h.0.traces("token.created").await;
    assert_eq!(traces.iter().filter(|t| t.data["shown_to_maker"] == true).count(), 1);
}

async fn the_person_makes_it_behind_a_link(h: House, relay: Arc<Played>) {
    let (op, web) = (&h.0.op, origin(Door::Web));
    assert_eq!(code(op.send_token_link(&h.0.admin, link("anne")).await), "token.unreachable");
    let chloe = second(&h).await;
    op.set_email(&chloe, "anne", MAIL).await.unwrap();
    assert_eq!(code(op.send_token_link(&h.0.admin, link("anne")).await), "token.unreachable", "not verified");
    op.run_due_jobs().await.unwrap();
    op.confirm_link(&relay.secrets(MAIL, "/lien/")[0], &web).await.unwrap();
    let view = op.send_token_link(&h.0.admin, NewTokenLink { bal: Some(ANNE.into()), ..link("anne") }).await.unwrap();
    assert_eq!((view.to.as_str(), view.address.as_str(), view.bal.as_deref()), ("anne", "a…@exemple.fr", Some(ANNE)));
    op.run_due_jobs().await.unwrap();
    let secret = relay.secrets(MAIL, "/jeton/").pop().unwrap();
    assert!(!serde_json::to_string(&view).unwrap().contains(&secret), "the administrator is shown nothing");
    assert!(!h.0.on_disk(&secret));
    // Looking makes nothing; a link for one thing does not do another.
    for _ in 0..2 {
        let offer = op.look_at_token_link(&secret, &web).await.unwrap();
        assert_eq!((offer.label.as_str(), offer.bal.as_deref(), offer.api), ("Poste", Some(ANNE), false));
    }
    assert_eq!(code(op.confirm_link(&secret, &web).await), "link.invalid");
    assert_eq!(h.0.count("tokens").await, 0);
    let (made, _, token) = op.use_token_link(&secret, &web).await.unwrap();
    assert_eq!((made.login.as_str(), made.bal.as_deref(), made.purpose.as_str()), ("anne", Some(ANNE), "device"));
    op.login_token(&format!("anne*{ANNE}"), &token, &origin(Door::Imap)).await.unwrap();
    assert_eq!(code(op.use_token_link(&secret, &web).await), "link.invalid", "once");
    assert_eq!(h.0.count("tokens").await, 1);
    // On record: who asked, who made it; no secret.
    let (asked, made) = (h.0.traces("token.link_sent").await, h.0.traces("token.created").await);
    assert_eq!((asked[0].actor.as_str(), made[0].actor.as_str()), ("root", "anne"));
    assert_eq!((&made[0].data["link"], &made[0].data["shown_to_maker"]), (&true.into(), &serde_json::Value::Null));
    // For REST likewise, and no more than five a day.
    let api = sent(&h, &relay, &h.0.admin, NewTokenLink { api: true, ..link("anne") }, MAIL).await;
    let (_, _, token) = op.use_token_link(&api, &web).await.unwrap();
    op.login_api(&token, &origin(Door::Api)).await.unwrap();
    for _ in 0..3 {
        op.send_token_link(&h.0.admin, link("anne")).await.unwrap();
    }
    assert_eq!(code(op.send_token_link(&h.0.admin, link("anne")).await), "notice.too_many");
}

async fn who_typed_the_address_in_does_not_send_there(h: House, relay: Arc<Played>) {
    let op = &h.0.op;
    let chloe = second(&h).await;
    // The whole attack, by one: an address of his own for somebody else, confirmed by himself, then the link.
    reached(&h, &relay, &h.0.admin, "anne", "a-moi@exemple.fr").await;
    assert_eq!(code(op.send_token_link(&h.0.admin, link("anne")).await), "token.setter");
    // That another one asks for the confirmation again does not make it the other one's address.
    reached(&h, &relay, &chloe, "anne", "a-moi@exemple.fr").await;
    assert_eq!(code(op.send_token_link(&h.0.admin, link("anne")).await), "token.setter");
    op.send_token_link(&chloe, link("anne")).await.unwrap();
    // An address that was verified is told when another takes its place, or none.
    let before = relay.count("a-moi@exemple.fr");
    op.set_email(&chloe, "anne", MAIL).await.unwrap();
    op.run_due_jobs().await.unwrap();
    assert_eq!(relay.count("a-moi@exemple.fr"), before + 1);
    op.confirm_link(&relay.secrets(MAIL, "/lien/")[0], &origin(Door::Web)).await.unwrap();
    op.clear_email(&h.0.admin, "anne").await.unwrap();
    op.run_due_jobs().await.unwrap();
    assert_eq!(relay.count(MAIL), 2, "the link, the farewell");
    // Neither through a session of the person's that he was shown while the operator was set up: it is his.
    let config = sceau_operator::OperatorConfig { setting_up: true, ..op.config().clone() };
    let setting_up = sceau_operator::Operator::open(config, h.0.store.clone(), op.trust().clone()).await.unwrap();
    let (_, lent) = setting_up.create_api_token(&h.0.admin, "bruno", "prêté", None).await.unwrap();
    let as_bruno = op.login_api(&lent, &origin(Door::Api)).await.unwrap();
    reached(&h, &relay, &as_bruno, "bruno", "encore-moi@exemple.fr").await;
    assert_eq!(code(op.send_token_link(&h.0.admin, link("bruno")).await), "token.setter");
}

async fn a_link_ends_with_what_it_stood_on(h: House, relay: Arc<Played>) {
    let (op, web) = (&h.0.op, origin(Door::Web));
    let chloe = second(&h).await;
    reached(&h, &relay, &chloe, "bruno", "bruno@exemple.fr").await;
    let bound = || NewTokenLink { bal: Some("exploitation@alpha.mssante.fr".into()), ..link("bruno") };
    let gone = async |secret: &str, why: &str| {
        assert_eq!(code(op.look_at_token_link(secret, &web).await), "link.invalid", "{why}");
        assert_eq!(code(op.use_token_link(secret, &web).await), "link.invalid", "{why}");
    };
    let first = sent(&h, &relay, &h.0.admin, link("bruno"), "bruno@exemple.fr").await;
    let second = sent(&h, &relay, &h.0.admin, bound(), "bruno@exemple.fr").await;
    gone(&first, "a newer one").await;
    op.end_access(&h.0.admin, "exploitation@alpha.mssante.fr", "bruno", None).await.unwrap();
    gone(&second, "the access is over").await;
    h.sql("UPDATE access SET ended = NULL").await;
    op.look_at_token_link(&second, &web).await.unwrap();
    h.sql("UPDATE people SET disabled = 5 WHERE login = 'bruno'").await;
    gone(&second, "blocked").await;
    h.sql("UPDATE people SET disabled = NULL").await;
    // Who asked for it may no longer.
    h.sql("UPDATE people SET disabled = 5 WHERE login = 'root'").await;
    gone(&second, "asked for by somebody who was blocked").await;
    h.sql("UPDATE people SET disabled = NULL").await;
    op.set_email(&chloe, "bruno", "autre@exemple.fr").await.unwrap();
    gone(&second, "another address").await;
    h.sql("UPDATE people SET email = 'bruno@exemple.fr', email_verified = 5 WHERE login = 'bruno'").await;
    op.look_at_token_link(&second, &web).await.unwrap();
    h.0.advance(48 * 3600);
    gone(&second, "late").await;
    for wrong in ["", "x", &"é".repeat(40), &"a".repeat(43)] {
        gone(wrong, "none").await;
    }
    assert_eq!(h.0.count("tokens").await, 0);
}

/// A machine, on a BAL for which Anne answers.
async fn machine(h: &House) {
    sceau_testkit::newcomers(&h.0.op, &h.0.admin, &["automate"]).await;
    h.0.bal(LABO, BalKind::App, &["anne"], |_| {}).await;
    let role = AccessRole::Machine;
    let machine = NewAccess { login: "automate".into(), role, rights: None, starts: None, ends: None, reason: None };
    h.0.op.give_access(&h.0.admin, LABO, machine).await.unwrap();
}

async fn a_machines_token_is_for_who_answers_for_its_bal(h: House, relay: Arc<Played>) {
    let (op, web) = (&h.0.op, origin(Door::Web));
    machine(&h).await;
    let (anne, bruno) = (h.actor("anne").await, h.actor("bruno").await);
    // Neither who administers, nor a stranger, nor unbound, nor for REST.
    assert_eq!(code(op.create_token(&h.0.admin, "automate", Some(LABO), "robot", None).await), "token.other");
    assert_eq!(code(op.create_token(&bruno, "automate", Some(LABO), "robot", None).await), "right.missing");
    assert_eq!(code(op.create_token(&anne, "automate", None, "robot", None).await), "right.missing");
    assert_eq!(code(op.create_api_token(&anne, "automate", "robot", None).await), "right.missing");
    // Nor for a person who is on her BAL, as if it were a machine.
    let other = "exploitation@alpha.mssante.fr";
    assert_eq!(code(op.create_token(&anne, "bruno", Some(other), "robot", None).await), "right.missing");
    let (made, secret) = op.create_token(&anne, "automate", Some(LABO), "robot", None).await.unwrap();
    assert_eq!(made.bal.as_deref(), Some(LABO));
    op.login_token(&format!("automate*{LABO}"), &secret, &origin(Door::Imap)).await.unwrap();
    // By a link, to somebody responsible who is named.
    let chloe = second(&h).await;
    let to = |bal: Option<&str>, to: Option<&str>| NewTokenLink {
        bal: bal.map(str::to_owned),
        to: to.map(str::to_owned),
        ..link("automate")
    };
    assert_eq!(code(op.send_token_link(&h.0.admin, to(Some(LABO), None)).await), "admin.invalid");
    assert_eq!(code(op.send_token_link(&h.0.admin, to(Some(LABO), Some("bruno"))).await), "admin.invalid");
    assert_eq!(code(op.send_token_link(&h.0.admin, to(None, Some("anne"))).await), "admin.invalid");
    assert_eq!(code(op.send_token_link(&h.0.admin, to(Some(LABO), Some("anne"))).await), "token.unreachable");
    reached(&h, &relay, &chloe, "anne", MAIL).await;
    let secret = sent(&h, &relay, &h.0.admin, to(Some(LABO), Some("anne")), MAIL).await;
    let (made, _, token) = op.use_token_link(&secret, &web).await.unwrap();
    assert_eq!((made.login.as_str(), made.bal.as_deref()), ("automate", Some(LABO)));
    op.login_token(&format!("automate*{LABO}"), &token, &origin(Door::Imap)).await.unwrap();
    // Who no longer answers for it makes none.
    let late = sent(&h, &relay, &h.0.admin, to(Some(LABO), Some("anne")), MAIL).await;
    h.sql("UPDATE access SET ended = 5 WHERE role = 'responsible'").await;
    assert_eq!(code(op.use_token_link(&late, &web).await), "link.invalid");
    // A role goes to no machine.
    assert_eq!(code(op.grant_role(&h.0.admin, new("automate", "support", None, None)).await), "role.unnamed");
}

/// F229: what a policy takes away is gone at the next use, also of what was made before, and its end is shown. It comes back with the policy. A machine
/// has none.
async fn a_policy_that_is_tightened_holds_for_what_exists(h: House, _: Arc<Played>) {
    const DAY: i64 = 86_400;
    let (op, imap, web) = (&h.0.op, origin(Door::Imap), origin(Door::Web));
    machine(&h).await;
    let anne = h.actor("anne").await;
    let (robot, robots) = op.create_token(&anne, "automate", Some(LABO), "robot", None).await.unwrap();
    let (made, secret) = op.create_token(&anne, "anne", None, "poste", None).await.unwrap();
    let end = async |id: i64| op.token(&h.0.admin, id).await.unwrap().expires.map(|e| e.0);
    let robot_reads = async || {
        let session = op.login_token(&format!("automate*{LABO}"), &robots, &imap).await.unwrap();
        op.still_allowed(&session).await.unwrap();
    };
    let policy = async |name: &str, value: u64| {
        op.set_policy(&h.0.admin, "domain", "alpha.mssante.fr", name, value).await.unwrap();
    };
    let session = op.login_token("anne", &secret, &imap).await.unwrap();
    op.login_person("anne", &secret, &web).await.unwrap();
    let days = i64::from(op.config().limits.device_token_days);
    assert_eq!(end(made.id).await, Some(made.created.0 + days * DAY * 1000));
    // Fewer days than it was made for: it lasts so many from its beginning.
    policy("device_token_days", 3).await;
    assert_eq!((end(made.id).await, end(robot.id).await), (Some(made.created.0 + 3 * DAY * 1000), None));
    op.still_allowed(&session).await.unwrap();
    let again = op.login_token("anne", &secret, &imap).await.unwrap();
    let until = again.bal.as_ref().unwrap().chair.as_ref().unwrap().until;
    assert_eq!(until, end(made.id).await, "a session that waits ends with it");
    h.0.advance(3 * DAY + 1);
    assert_eq!(code(op.still_allowed(&session).await), "right.missing");
    assert_eq!(code(op.login_token("anne", &secret, &imap).await), "login.failed");
    assert_eq!(code(op.login_token("anne", &secret, &origin(Door::Submission)).await), "login.failed");
    assert_eq!(code(op.login_person("anne", &secret, &web).await), "login.failed");
    robot_reads().await;
    // It takes no place from the next one.
    policy("device_tokens", 1).await;
    let (next, _) = op.create_token(&anne, "anne", None, "suivant", None).await.unwrap();
    assert_eq!(code(op.create_token(&anne, "anne", None, "un de trop", None).await), "device.too_many");
    op.revoke_token(&anne, next.id).await.unwrap();
    // None at all: at once, also for a session that was judged a moment ago.
    policy("device_token_days", 30).await;
    let session = op.login_token("anne", &secret, &imap).await.unwrap();
    op.still_allowed(&session).await.unwrap();
    policy("device_tokens", 0).await;
    assert_eq!(code(op.still_allowed(&session).await), "right.missing");
    assert_eq!(code(op.login_token("anne", &secret, &imap).await), "login.failed");
    assert_eq!((end(made.id).await, end(robot.id).await), (Some(made.created.0), None));
    robot_reads().await;
    op.unset_policy(&h.0.admin, "domain", "alpha.mssante.fr", "device_tokens").await.unwrap();
    op.login_token("anne", &secret, &imap).await.unwrap();
}

/// A token for REST with nothing strong behind it is not believed where that is asked, and makes nothing that is stronger than itself.
async fn what_is_weak_stays_weak(h: House, relay: Arc<Played>) {
    let (op, rest, web) = (&h.0.op, origin(Door::Api), origin(Door::Web));
    let mut config = op.config().clone();
    config.identity.api_tokens_need_strong = true;
    let strict = sceau_operator::Operator::open(config, h.0.store.clone(), op.trust().clone()).await.unwrap();
    // Made over REST before it was asked; and at the machine itself.
    let (weak, weakly) = op.create_api_token(&h.actor("anne").await, "anne", "essai", None).await.unwrap();
    let (strong, strongly) = op.create_api_token(&h.0.admin, "root", "machine", None).await.unwrap();
    assert_eq!((weak.strength.as_str(), strong.strength.as_str()), ("", "system_account"));
    let before = op.login_api(&weakly, &rest).await.unwrap();
    assert_eq!(code(strict.login_api(&weakly, &rest).await), "login.failed");
    assert_eq!(code(strict.login_person("anne", &weakly, &web).await), "login.failed");
    assert_eq!(strict.token(&h.0.admin, weak.id).await.unwrap().expires, Some(weak.created), "as it is shown");
    assert_eq!(op.token(&h.0.admin, weak.id).await.unwrap().expires, None);
    // Whoever was let in with it, just before.
    assert_eq!(code(strict.create_api_token(&before, "anne", "autre", None).await), "auth.strength");
    assert_eq!(code(strict.create_token(&before, "anne", None, "poste", None).await), "auth.strength");
    assert_eq!(code(strict.send_token_link(&before, link("anne")).await), "auth.strength");
    // What is strong goes on.
    let root = strict.login_api(&strongly, &rest).await.unwrap();
    let (_, more) = strict.create_api_token(&root, "root", "autre", None).await.unwrap();
    strict.login_api(&more, &rest).await.unwrap();
    // Behind a link it is as strong as whoever asked for it was.
    let chloe = second(&h).await;
    reached(&h, &relay, &chloe, "anne", MAIL).await;
    let api = || NewTokenLink { api: true, ..link("anne") };
    let asked = sent(&h, &relay, &h.0.admin, api(), MAIL).await;
    let (made, _, token) = strict.use_token_link(&asked, &web).await.unwrap();
    assert_eq!(made.strength, "link");
    strict.login_api(&token, &rest).await.unwrap();
    let far = Actor { origin: rest, ..h.0.admin.clone() };
    let asked = sent(&h, &relay, &far, api(), MAIL).await;
    assert_eq!(code(strict.use_token_link(&asked, &web).await), "link.invalid");
}
