//! Passwords that are guessed: strangers wait wherever they are, the person does not, and is told.
use super::House;
use sceau_domain::Refusal;
use sceau_domain::abuse::{Decision, Thresholds};
use sceau_identity::factor::Factor;
use sceau_operator::identity::sessions::{Entered, SignedIn};
use sceau_operator::{Actor, Door, Operator, Origin};
use sceau_testkit::browser::Browser;
use sceau_testkit::relay::Played;
use sceau_testkit::world::{code, origin};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

each_engine!(
    strangers_slow_strangers_and_not_the_person,
    whoever_shares_a_place_learns_of_no_login,
    whoever_hangs_up_there_was_wrong_all_the_same,
    many_logins_from_one_network_are_told,
    whoever_is_guessed_is_told_once_and_a_person_decides,
    codes_of_devices_are_not_guessed_from_node_to_node,
    a_sign_in_where_she_never_was_is_told,
    sign_ins_begun_without_end_are_bounded,
    who_finishes_gives_a_place_back,
);

const PASSWORD: &str = "girafe-tambour-velours";

pub(super) fn from(ip: [u8; 4]) -> Origin {
    Origin { remote: Some(IpAddr::from(ip)), ..origin(Door::Web) }
}

/// She reads ordinary mail, which a relay of this node takes there.
pub(super) async fn reached(h: &House, op: &Operator, login: &'static str) -> std::sync::Arc<Played> {
    let set = "UPDATE people SET email = login || '@exemple.fr', email_verified = 1 WHERE login = $1";
    h.write(move |tx| tx.execute(set, &[login.into()]).map(drop)).await;
    Played::of(op)
}

/// How many notices of this kind were written.
pub(super) async fn notices(h: &House, template: &'static str) -> i64 {
    let count = "SELECT COUNT(*) FROM notices WHERE template = $1";
    h.write(move |tx| tx.query_opt(count, &[template.into()])?.expect("a row").int(0)).await
}

pub(super) async fn node(h: &House, thresholds: Thresholds) -> Operator {
    let mut config = h.0.op.config().clone();
    config.abuse.thresholds = thresholds;
    Operator::open(config, h.0.store.clone(), h.0.op.trust().clone()).await.unwrap()
}

/// Somebody signs in and sets the password: the browser, and what it has of that.
async fn with_a_password(h: &House, op: &Operator, login: &str) -> (Browser, SignedIn) {
    let browser = Browser::new(op);
    let signed = browser.proves(op, h.person(login).await.id, &[Factor::Passkey], None).await;
    let person = op.session_of(&signed.cookie, &browser.origin).await.unwrap();
    op.set_password(&person, PASSWORD).await.unwrap();
    (browser, signed)
}

/// Types a password.
async fn types(
    op: &Operator,
    known: Option<&str>,
    (login, typed): (&str, &str),
    at: &Origin,
) -> Result<Entered, Refusal> {
    let browser = Browser { known: known.map(str::to_owned), ..Browser::new(op) };
    op.password_first(&browser.shown(), ("/bal", None), (login, typed), at).await
}

async fn strangers_slow_strangers_and_not_the_person(h: House) {
    let thresholds = Thresholds { guess: 4, ..Thresholds::NONE };
    // Nobody tries anything at the third.
    let nodes = [node(&h, thresholds).await, node(&h, thresholds).await, node(&h, thresholds).await];
    let id = h.person("anne").await.id;
    let (_, signed) = with_a_password(&h, &nodes[0], "anne").await;
    // From eight networks at once, at two nodes; and at a login that nobody has.
    let mut tries = JoinSet::new();
    for n in 0..8_u8 {
        for login in ["anne", "personne"] {
            let op = nodes[usize::from(n % 2)].clone();
            let at = from([198, n, 100, 1]);
            tries.spawn(async move { code(types(&op, None, (login, "mauvais-mot-de-passe"), &at).await) });
        }
    }
    while let Some(said) = tries.join_next().await {
        assert_eq!(said.unwrap(), "login.failed");
    }
    for node in &nodes {
        node.flush_abuse().await;
    }
    // The first one told when the other had not: it hears although it has nothing to tell.
    nodes[0].flush_abuse().await;
    let stranger = from([203, 0, 113, 1]);
    // Each hears it late, so all at once.
    let mut held = JoinSet::new();
    for (node, login) in nodes.iter().flat_map(|n| ["anne", "personne"].map(|login| (n.clone(), login))) {
        let at = stranger.clone();
        held.spawn(async move { code(types(&node, None, (login, PASSWORD), &at).await) });
    }
    while let Some(said) = held.join_next().await {
        assert_eq!(said.unwrap(), "login.too_many");
    }
    for node in &nodes {
        // She herself: where she was before, and with her browser wherever she is.
        let here = types(node, None, ("anne", PASSWORD), &origin(Door::Web)).await.unwrap();
        assert!(matches!(here, Entered::Second));
        let known = signed.known.as_ref().unwrap();
        assert!(matches!(types(node, Some(known), ("anne", PASSWORD), &stranger).await.unwrap(), Entered::Second));
        assert_eq!(code(types(node, Some(known), ("anne", "faux"), &stranger).await), "login.failed");
        // Her browser is not bruno's.
        let other = types(node, Some(known), ("bruno", "faux"), &stranger).await;
        assert_eq!(code(other), "login.failed", "nobody guessed his");
        // What is not guessed never waits; where it was shown, she is known from then on.
        let elsewhere = Browser { origin: from([203, 1, 113, 1]), ..Browser::new(node) };
        elsewhere.proves(node, id, &[Factor::Card], None).await;
    }
    h.0.advance(30 * 60);
    assert!(matches!(types(&nodes[0], None, ("anne", PASSWORD), &stranger).await.unwrap(), Entered::Second));
}

/// F267: a whole town is where she was. Whoever guesses there waits and hears the same for her login and for one that nobody has.
async fn whoever_shares_a_place_learns_of_no_login(h: House) {
    let op = node(&h, Thresholds { guess: 4, ..Thresholds::NONE }).await;
    with_a_password(&h, &op, "anne").await;
    let strangers = async |many: u8| {
        let mut tries = JoinSet::new();
        for (n, login) in (0..many).flat_map(|n| ["anne", "personne"].map(|login| (n, login))) {
            let op = op.clone();
            tries.spawn(async move { code(types(&op, None, (login, "faux"), &from([198, n, 100, 1])).await) });
        }
        while let Some(said) = tries.join_next().await {
            assert_eq!(said.unwrap(), "login.failed");
        }
    };
    let there = origin(Door::Web);
    let wrong = async |login: &str| {
        let begun = Instant::now();
        let said = code(types(&op, None, (login, "faux"), &there).await);
        (said, begun.elapsed())
    };
    // Where strangers wait a second.
    strangers(4).await;
    let (hers, nobodys) = tokio::join!(wrong("anne"), wrong("personne"));
    for (said, after) in [hers, nobodys] {
        assert!(said == "login.failed" && after >= Duration::from_millis(1_300), "{said} after {after:?}");
    }
    // Where there is no room for more.
    strangers(8).await;
    let (hers, nobodys) = tokio::join!(wrong("anne"), wrong("personne"));
    for (said, after) in [hers, nobodys] {
        assert!(said == "login.too_many" && after >= Duration::from_millis(3_900), "{said} after {after:?}");
    }
    // She is neither slowed nor shut out.
    assert!(matches!(types(&op, None, ("anne", PASSWORD), &there).await.unwrap(), Entered::Second));
}

/// At her place a right password is answered before the wait for a wrong one is over: not to wait for it must not be a guess that nobody counts.
async fn whoever_hangs_up_there_was_wrong_all_the_same(h: House) {
    let op = node(&h, Thresholds { guess: 4, ..Thresholds::NONE }).await;
    with_a_password(&h, &op, "anne").await;
    // One more is all that there is room for; strangers wait eight seconds for it.
    let mut tries = JoinSet::new();
    for n in 0..7 {
        let op = op.clone();
        tries.spawn(async move { code(types(&op, None, ("anne", "faux"), &from([198, n, 100, 1])).await) });
    }
    while let Some(said) = tries.join_next().await {
        assert_eq!(said.unwrap(), "login.failed");
    }
    let there = origin(Door::Web);
    let hung_up = tokio::time::timeout(Duration::from_secs(4), types(&op, None, ("anne", "faux"), &there));
    assert!(hung_up.await.is_err(), "nobody waited");
    assert_eq!(code(types(&op, None, ("anne", "faux"), &there).await), "login.too_many");
}

async fn many_logins_from_one_network_are_told(h: House) {
    let thresholds = Thresholds { stuffing: 3, ..Thresholds::NONE };
    let nodes = [node(&h, thresholds).await, node(&h, thresholds).await];
    let op = &nodes[0];
    let (_, signed) = with_a_password(&h, op, "chef").await;
    let told = async || {
        let alarms = h.0.op.alarms(&h.0.admin, false).await.unwrap();
        alarms.into_iter().find(|a| a.code == "login.stuffing").map(|a| a.subject)
    };
    for n in 0..3_u8 {
        // The same login again counts for nothing more.
        for login in ["anne", "anne"] {
            assert_eq!(code(types(op, None, (login, "faux"), &from([198, 51, n, 1])).await), "login.failed");
        }
    }
    // From another node: what is counted leaps beyond the threshold.
    for login in ["bruno", "personne"] {
        assert_eq!(code(types(&nodes[1], None, (login, "faux"), &from([198, 51, 9, 1])).await), "login.failed");
    }
    for node in &nodes {
        node.flush_abuse().await;
    }
    op.flush_abuse().await;
    assert_eq!(told().await, None);
    // A right password from there comes from a list, or so it seems; she herself in her browser does not.
    let known = signed.known.as_ref().unwrap();
    let there = from([198, 51, 9, 1]);
    assert!(matches!(types(op, Some(known), ("chef", PASSWORD), &there).await.unwrap(), Entered::Second));
    op.flush_abuse().await;
    assert!(op.abuse_cases(&h.0.admin, None, None, 10).await.unwrap().is_empty());
    // Strangers wait there, with whatever password.
    let (wrong, right) =
        tokio::join!(types(op, None, ("quelqu.un", "faux"), &there), types(op, None, ("chef", PASSWORD), &there));
    assert_eq!(code(wrong), "login.failed");
    assert!(matches!(right.unwrap(), Entered::Second));
    assert_eq!(told().await.as_deref(), Some("198.51.0.0/16"));
    op.flush_abuse().await;
    let case = op.abuse_cases(&h.0.admin, None, None, 10).await.unwrap().remove(0);
    assert_eq!((case.kind.as_str(), case.login.as_deref()), ("person", Some("chef")));
    assert_eq!((case.signals[0].name.as_str(), case.signals[0].detail.as_str()), ("stuffing", "198.51.0.0/16"));
}

async fn whoever_is_guessed_is_told_once_and_a_person_decides(h: House) {
    let op = node(&h, Thresholds { guess: 4, ..Thresholds::NONE }).await;
    let id = h.person("anne").await.id;
    let (browser, signed) = with_a_password(&h, &op, "anne").await;
    let (_, token) = op.create_token(&h.0.admin, "anne", None, "poste", None).await.unwrap();
    let relay = reached(&h, &op, "anne").await;
    let mut tries = JoinSet::new();
    for n in 0..5_u8 {
        for login in ["anne", "personne"] {
            let op = op.clone();
            tries.spawn(async move { code(types(&op, None, (login, "faux"), &from([198, n, 100, 1])).await) });
        }
    }
    while let Some(said) = tries.join_next().await {
        assert_eq!(said.unwrap(), "login.failed");
    }
    op.flush_abuse().await;
    op.flush_abuse().await;
    // Of whom nobody has, there is no case.
    let cases = op.abuse_cases(&h.0.admin, Some("open"), None, 10).await.unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");
    let case = &cases[0];
    assert_eq!((case.kind.as_str(), case.shown.as_str(), case.login.as_deref()), ("person", "anne", Some("anne")));
    assert_eq!((case.signals[0].name.as_str(), case.signals[0].threshold), ("guess", 4));
    assert!(case.told.is_some() && case.slowed_until.is_none() && case.bal.is_none(), "{case:?}");
    assert!(op.alarms(&h.0.admin, false).await.unwrap().iter().any(|a| a.code == "abuse.seen"));
    op.run_due_jobs().await.unwrap();
    assert_eq!((relay.count("anne@exemple.fr"), notices(&h, "password_guessed").await), (1, 1));
    // The same again is told no more.
    h.0.advance(11 * 60);
    for n in 0..5_u8 {
        let at = from([198, n, 101, 1]);
        assert_eq!(code(types(&op, Some(signed.known.as_ref().unwrap()), ("anne", "faux"), &at).await), "login.failed");
    }
    op.flush_abuse().await;
    let again = op.abuse_case(&h.0.admin, case.id).await.unwrap();
    assert_eq!((again.signals[0].times, notices(&h, "password_guessed").await), (2, 1));
    // A structure's administrators see what concerns its BALs; the operator decides, once.
    let chef = h.actor("chef").await;
    assert!(op.abuse_cases(&chef, None, None, 10).await.unwrap().is_empty());
    assert_eq!(code(op.abuse_case(&chef, case.id).await), "right.missing");
    assert_eq!(code(op.decide_abuse(&chef, case.id, Decision::Block, "non").await), "right.missing");
    let decide = async |decision| op.decide_abuse(&h.0.admin, case.id, decision, "appelée, ce n'est pas elle").await;
    assert_eq!(code(decide(Decision::Suspend).await), "admin.invalid");
    assert!(op.session_of(&signed.cookie, &browser.origin).await.is_ok(), "nothing is done by a program");
    assert_eq!(decide(Decision::Block).await.unwrap().decision.as_deref(), Some("block"));
    assert_eq!(code(decide(Decision::Nothing).await), "state.wrong");
    // What was open in her name is over, on every node, and no browser is known; her means are hers.
    for op in [&op, &h.0.op] {
        assert_eq!(code(op.session_of(&signed.cookie, &browser.origin).await), "login.required");
        assert_eq!(code(op.login_token("anne", &token, &origin(Door::Imap)).await), "login.failed");
    }
    assert_eq!((h.0.count("known_browsers").await, h.0.traces("token.revoked").await.len()), (0, 1));
    assert!(op.alarms(&h.0.admin, false).await.unwrap().iter().all(|a| a.code != "abuse.seen"));
    browser.proves(&op, id, &[Factor::Passkey], None).await;
}

async fn codes_of_devices_are_not_guessed_from_node_to_node(h: House) {
    let thresholds = Thresholds { codes: 3, ..Thresholds::NONE };
    let nodes = [node(&h, thresholds).await, node(&h, thresholds).await];
    let mut people = Vec::new();
    for login in ["anne", "bruno"] {
        let browser = Browser::new(&nodes[0]);
        let signed = browser.proves(&nodes[0], h.person(login).await.id, &[Factor::Passkey], None).await;
        people.push(nodes[0].session_of(&signed.cookie, &browser.origin).await.unwrap());
    }
    for node in &nodes {
        for typed in ["BBBB-BBBB", "CCCC-CCCC", "x"] {
            assert_eq!(code(node.oauth_waiting(&people[0], typed).await), "factor.spent");
        }
    }
    // Each told, then hears of the other.
    for node in [&nodes[0], &nodes[1], &nodes[0]] {
        node.flush_abuse().await;
    }
    for node in &nodes {
        assert_eq!(code(node.oauth_waiting(&people[0], "DDDD-DDDD").await), "login.too_many");
        assert_eq!(code(node.oauth_waiting(&people[1], "DDDD-DDDD").await), "factor.spent", "somebody else");
    }
    let cases = nodes[0].abuse_cases(&h.0.admin, None, None, 10).await.unwrap();
    let seen: Vec<_> =
        cases.iter().map(|c| (c.kind.as_str(), c.signals[0].name.as_str(), c.login.as_deref())).collect();
    assert_eq!(seen, [("token", "codes", Some("anne"))], "the session that guesses");
}

async fn a_sign_in_where_she_never_was_is_told(h: House) {
    let op = node(&h, Thresholds::NONE).await;
    let relay = reached(&h, &op, "anne").await;
    let id = h.person("anne").await.id;
    let new = |ip: [u8; 4]| Browser { origin: from(ip), ..Browser::new(&op) };
    // The first browser of all; another one at the same place; the first one elsewhere.
    let first = new([192, 0, 2, 7]);
    let signed = first.proves(&op, id, &[Factor::Passkey], None).await;
    new([192, 0, 9, 9]).proves(&op, id, &[Factor::Passkey], None).await;
    let known = signed.known.as_ref().map(|k| k.to_string());
    Browser { known, ..new([198, 51, 100, 1]) }.proves(&op, id, &[Factor::Passkey], None).await;
    assert_eq!(notices(&h, "unusual_sign_in").await, 0);
    // Neither the browser nor the place.
    new([203, 0, 113, 1]).proves(&op, id, &[Factor::Card], None).await;
    op.run_due_jobs().await.unwrap();
    assert_eq!((notices(&h, "unusual_sign_in").await, relay.count("anne@exemple.fr")), (1, 1));
    let said: Vec<bool> = h.0.traces("login.ok").await.iter().map(|t| t.data["new_place"] == true).collect();
    assert_eq!(said, [false, false, false, true]);
    // From then on she was there.
    new([203, 0, 114, 1]).proves(&op, id, &[Factor::Card], None).await;
    assert_eq!(notices(&h, "unusual_sign_in").await, 1);
}

async fn sign_ins_begun_without_end_are_bounded(h: House) {
    let op = node(&h, Thresholds::NONE).await;
    let begins = async |ip: [u8; 4], actor: Option<&Actor>| {
        let browser = Browser { origin: from(ip), ..Browser::new(&op) };
        op.begin_attempt(&browser.shown(), "/bal", actor).await.map(drop)
    };
    let browser = Browser::new(&op);
    let signed = browser.proves(&op, h.person("anne").await.id, &[Factor::Passkey], None).await;
    let anne = op.session_of(&signed.cookie, &browser.origin).await.unwrap();
    let before = h.0.count("attempts").await;
    let mut refused = 0;
    for _ in 0..1_020 {
        refused += i64::from(begins([203, 0, 113, 1], None).await.is_err());
    }
    assert_eq!((refused, h.0.count("attempts").await - before), (20, 1_000));
    assert_eq!(code(begins([203, 0, 113, 1], None).await), "login.too_many");
    // Those next door, and whoever is signed in there.
    begins([203, 0, 113, 2], None).await.unwrap();
    begins([203, 0, 113, 1], Some(&anne)).await.unwrap();
    // Other nodes know; it ends by itself, and nothing of it stays.
    op.flush_abuse().await;
    h.0.op.flush_abuse().await;
    let elsewhere = Browser { origin: from([203, 0, 113, 1]), ..Browser::new(&op) };
    assert_eq!(code(h.0.op.begin_attempt(&elsewhere.shown(), "/bal", None).await.map(drop)), "login.too_many");
    h.0.advance(3_600);
    begins([203, 0, 113, 1], None).await.unwrap();
    let now = h.0.store.clock().now().0;
    h.write(move |tx| sceau_store::spent::forget(tx, now, 10_000).map(drop)).await;
    assert_eq!(h.0.count("attempts").await, 1);
}

/// F267: a whole hospital behind one address. Whoever signs in there takes no place from the next one; whoever only begins does.
async fn who_finishes_gives_a_place_back(h: House) {
    let op = node(&h, Thresholds::NONE).await;
    let id = h.person("anne").await.id;
    let there = || Browser { origin: from([203, 0, 113, 1]), ..Browser::new(&op) };
    let begins = async || op.begin_attempt(&there().shown(), "/bal", None).await.map(drop);
    for _ in 0..990 {
        begins().await.unwrap();
    }
    // More of them than there are places left.
    for _ in 0..25 {
        there().proves(&op, id, &[Factor::Passkey], None).await;
    }
    for n in 0..10 {
        assert!(begins().await.is_ok(), "{n}: nothing was given back");
    }
    assert_eq!(code(begins().await), "login.too_many");
}
