//! Limits over sessions and nodes; signals, what they do, and what people decide.
use sceau_domain::BalKind;
use sceau_domain::abuse::Decision;
use sceau_operator::abuse::{Partner, Settings};
use sceau_operator::{Actor, Door, Origin, PersonRef, Who};
use sceau_store::StoreError;
use sceau_store::testing::TestStore;
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BRUNO: &str = "bruno.petit@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";

/// A session of a person on a BAL with a token of its own.
async fn session(w: &World, login: &str, bal: &str) -> Actor {
    let (token, _) = w.op.create_token(&w.admin, login, None, "poste", None).await.unwrap();
    Actor { credential: Some(token.id), ..w.actor(login, bal).await }
}

fn many(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| format!("p{i}@beta.mssante.fr")).collect()
}

async fn send(w: &World, actor: &Actor, from: &str, to: &[String], subject: &str) -> Result<(), &'static str> {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    w.submit(actor, from, &to, &letter(from, subject)).await.map(drop).map_err(|r| r.code.as_str())
}

async fn limits_hold_over_nodes(store: TestStore) {
    let w = World::on(store, |c| {
        c.limits.recipients = 40;
        c.limits.place_messages_per_hour = 30;
        c.abuse.partners =
            vec![Partner { dn: peer(BETA).dn, messages_per_hour: Some(2), recipients_per_hour: Some(3) }];
        c.abuse.exempt = vec![addr("alerte@beta.mssante.fr")];
    })
    .await;
    let other = w.restarted().await;
    let anne = session(&w, "anne", ANNE).await;
    w.op.set_policy(&w.admin, "bal", ANNE, "recipients_per_hour", 10).await.unwrap();
    assert_eq!(send(&w, &anne, ANNE, &many(0..11), "onze").await, Err("sender.too_many_recipients"));
    send(&w, &anne, ANNE, &many(0..8), "huit").await.unwrap();
    assert_eq!(send(&w, &anne, ANNE, &many(0..3), "trois").await, Err("sender.too_many_recipients"));
    let refused = w.op.submit_recipient(&anne, &addr(PAUL), 2, None).await.unwrap_err();
    assert!(refused.smtp_reply().starts_with("450 4.7.1 ") && refused.smtp_text().contains(" min"), "{refused:?}");
    // Another node has heard.
    w.op.flush_abuse().await;
    other.submit_recipient(&anne, &addr(PAUL), 2, None).await.unwrap();
    let two = envelope(ANNE, &["p8@beta.mssante.fr"]);
    other.submit(&anne, two, w.message(&letter(ANNE, "ailleurs"))).await.unwrap();
    other.flush_abuse().await;
    assert_eq!(code(other.submit_recipient(&anne, &addr(PAUL), 2, None).await), "sender.too_many_recipients");
    send(&w, &session(&w, "bruno", BRUNO).await, BRUNO, &many(0..20), "une autre BAL").await.unwrap();
    w.advance(7_200);
    send(&w, &anne, ANNE, &many(0..10), "plus tard").await.unwrap();
    // The place.
    let bruno = session(&w, "bruno", BRUNO).await;
    let mut last = Ok(());
    for i in 0..40 {
        last = send(&w, &bruno, BRUNO, &many(0..1), &format!("place{i}")).await;
    }
    assert_eq!(last, Err("place.too_many"));
    // A partner with limits of its own; alerts pass.
    let take = async |from: &str, to: &[&str], subject: &str| {
        w.hand_over(BETA, from, to, &letter(from, subject)).await.map(drop).map_err(|r| r.code.as_str())
    };
    take(PAUL, &[ANNE, BRUNO], "a").await.unwrap();
    assert_eq!(take(PAUL, &[ANNE, BRUNO], "b").await, Err("peer.too_many_recipients"));
    take(PAUL, &[ANNE], "c").await.unwrap();
    assert_eq!(take(PAUL, &[ANNE], "d").await, Err("peer.too_many"));
    let origin = origin(Door::Mx);
    let mail = async |from: &str| w.op.mx_sender(&peer(BETA), Some(&addr(from)), None, &origin).await;
    assert_eq!(code(mail(PAUL).await), "peer.too_many");
    mail("alerte@beta.mssante.fr").await.unwrap();
    take("alerte@beta.mssante.fr", &[ANNE], "alerte").await.unwrap();
}

async fn abuse_is_slowed_told_and_decided_by_people(store: TestStore) {
    let w = World::on(store, |c| {
        c.limits.recipients = 40;
        c.abuse = Settings { tarpit: std::time::Duration::ZERO, ..Settings::default() };
        (c.abuse.thresholds.burst, c.abuse.thresholds.unknown, c.abuse.thresholds.peer_unknown) = (30, 5, 4);
        (c.abuse.thresholds.correspondents, c.abuse.slowed_recipients) = (25, 3);
        c.abuse.places = [("192.0.2.0/24", "Rouen"), ("198.51.100.0/24", "Brest")]
            .map(|(net, name)| (net.parse().unwrap(), name.to_owned()))
            .to_vec();
    })
    .await;
    let other = w.restarted().await;
    let (stolen, own) = (session(&w, "anne", ANNE).await, session(&w, "anne", ANNE).await);
    // A burst: slowed at once, here; a case, an alarm; the other token is not concerned.
    send(&w, &stolen, ANNE, &many(0..30), "rafale").await.unwrap();
    send(&w, &stolen, ANNE, &many(30..33), "encore").await.unwrap();
    assert_eq!(send(&w, &stolen, ANNE, &many(33..34), "et encore").await, Err("sender.slowed"));
    assert_eq!(code(w.op.submit_sender(&stolen, Some(&addr(ANNE)), None).await), "sender.slowed");
    send(&w, &own, ANNE, &many(0..5), "honnete").await.unwrap();
    w.op.flush_abuse().await;
    w.op.flush_abuse().await;
    let case = w.op.abuse_cases(&w.admin, Some("open"), None, 10).await.unwrap().remove(0);
    let names: Vec<&str> = case.signals.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["burst", "correspondents"]);
    assert_eq!((case.kind.as_str(), case.login.as_deref(), case.bal.as_deref()), ("token", Some("anne"), Some(ANNE)));
    assert!(case.slowed_until.is_some() && case.told.is_none() && case.shown == "poste", "{case:?}");
    assert_eq!(w.op.alarms(&w.admin, false).await.unwrap()[0].code, "abuse.seen");
    assert_eq!(w.traces("abuse.opened").await.len(), 1);
    // Another node slows too; more of the same opens no second case.
    other.flush_abuse().await;
    let few = envelope(ANNE, &["p0@beta.mssante.fr", "p1@beta.mssante.fr", "p2@beta.mssante.fr"]);
    other.submit(&stolen, few, w.message(&letter(ANNE, "ailleurs"))).await.unwrap();
    assert_eq!(code(other.submit_sender(&stolen, Some(&addr(ANNE)), None).await), "sender.slowed");
    // Nobody is slowed for ever.
    w.advance(25 * 3_600);
    w.op.flush_abuse().await;
    send(&w, &stolen, ANNE, &many(0..5), "le lendemain").await.unwrap();
    assert_eq!(w.op.abuse_cases(&w.admin, None, None, 10).await.unwrap().len(), 1);
    // A person decides, once: the token is revoked, nothing else.
    let block = async |decision| w.op.decide_abuse(&w.admin, case.id, decision, "jeton volé").await;
    assert_eq!(code(block(Decision::Warn).await), "abuse.unreachable");
    assert_eq!(code(w.op.decide_abuse(&stolen, case.id, Decision::Nothing, "non").await), "right.missing");
    let decided = block(Decision::Block).await.unwrap();
    assert_eq!((decided.state.as_str(), decided.decision.as_deref()), ("decided", Some("block")));
    assert_eq!(code(block(Decision::Nothing).await), "state.wrong");
    assert_eq!(code(w.op.submit_sender(&stolen, Some(&addr(ANNE)), None).await), "sender.not_allowed");
    send(&w, &own, ANNE, &many(0..1), "toujours").await.unwrap();
    assert!(w.op.alarms(&w.admin, false).await.unwrap().iter().all(|a| a.code != "abuse.seen"));
    assert_eq!((w.traces("abuse.decided").await.len(), w.traces("token.revoked").await.len()), (1, 1));
    // Addresses tried out: of a token, and of a partner, which is never refused for it.
    let bruno = session(&w, "bruno", BRUNO).await;
    let unknown = |i: u32| addr(&format!("inconnu{i}@alpha.mssante.fr"));
    for i in 0..5 {
        assert_eq!(code(w.op.submit_recipient(&bruno, &unknown(i), 0, None).await), "rcpt.unknown");
    }
    let beta = (peer(BETA), origin(Door::Mx));
    // A machine has old addresses among its thousands.
    let labo = "labo@alpha.mssante.fr";
    w.bal(labo, BalKind::App, &["anne"], |_| {}).await;
    let machine = session(&w, "anne", labo).await;
    for i in 0..6 {
        assert_eq!(code(w.op.submit_recipient(&machine, &unknown(i), 0, None).await), "rcpt.unknown");
    }
    for i in 0..4 {
        let asked = w.op.mx_recipient(&beta.0, Some(&addr(PAUL)), &unknown(i), 0, None, &beta.1).await;
        assert_eq!(code(asked), "rcpt.unknown");
    }
    w.hand_over(BETA, PAUL, &[ANNE], &letter(PAUL, "honnete")).await.unwrap();
    // A token in two configured places: it is used as long as its session goes on. One for programs of a house likewise.
    let chloe = "chloe.roux@alpha.mssante.fr";
    let (_, secret) = w.op.create_token(&w.admin, "chloe", None, "mobile", None).await.unwrap();
    let from = |ip: [u8; 4]| Origin { remote: Some(ip.into()), ..origin(Door::Imap) };
    let (rouen, brest) = ([192, 0, 2, 9], [198, 51, 100, 1]);
    w.op.login_token("chloe", &secret, &from([192, 0, 2, 7])).await.unwrap();
    let lasting = w.op.login_token("chloe", &secret, &from(rouen)).await.unwrap();
    w.op.flush_abuse().await;
    w.advance(2 * 3_600);
    w.op.still_allowed(&lasting).await.unwrap();
    w.op.login_token("chloe", &secret, &from(brest)).await.unwrap();
    let (_, program) = w.op.create_api_token(&w.admin, "chloe", "logiciel", None).await.unwrap();
    for ip in [rouen, brest] {
        w.op.login_api(&program, &from(ip)).await.unwrap();
    }
    w.op.flush_abuse().await;
    let open = w.op.abuse_cases(&w.admin, Some("open"), None, 10).await.unwrap();
    let mut seen: Vec<_> =
        open.iter().map(|c| (c.kind.as_str(), c.signals[0].name.as_str(), c.slowed_until.is_some())).collect();
    seen.sort_unstable();
    let apart = ("token", "apart", false);
    assert_eq!(seen, [("peer", "peer_unknown", true), apart, apart, ("token", "unknown", true)]);
    assert!(open.iter().any(|c| c.shown == "logiciel" && c.bal.is_none() && c.login.as_deref() == Some("chloe")));
    let apart = open.iter().find(|c| c.shown == "mobile").unwrap();
    assert_eq!((apart.bal.as_deref(), apart.signals[0].detail.as_str()), (Some(chloe), "Brest, Rouen"));
    // A partner is not blocked here; a BAL is suspended with its token.
    let of = |kind: &str, signal: &str| open.iter().find(|c| c.kind == kind && c.signals[0].name == signal).unwrap().id;
    let decide = async |id, decision| w.op.decide_abuse(&w.admin, id, decision, "examiné").await;
    assert_eq!(code(decide(of("peer", "peer_unknown"), Decision::Block).await), "admin.invalid");
    let partner = decide(of("peer", "peer_unknown"), Decision::Nothing).await.unwrap();
    assert_eq!(partner.slowed_until, None, "on any node");
    decide(of("token", "unknown"), Decision::Suspend).await.unwrap();
    assert_eq!(w.op.bal(&w.admin, BRUNO).await.unwrap().state, "suspended");
    decide(of("token", "apart"), Decision::Nothing).await.unwrap();
    assert_eq!(code(decide(7, Decision::Nothing).await), "admin.not_found");
    // Whose rights are of a structure sees its own; nobody else anything.
    let seen_by = "SELECT id FROM people WHERE login = 'chloe'";
    let id = w.store.read(move |tx| tx.query_opt(seen_by, &[])?.unwrap().int(0)).await;
    let id = id.unwrap_or_else(|e: StoreError| panic!("{e}"));
    let who = Who::Person(PersonRef { id, login: "chloe".into(), name: "chloe".into() });
    let chloe = Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin(Door::Api) };
    assert_eq!(code(w.op.abuse_cases(&chloe, None, None, 10).await), "right.missing");
    assert_eq!(code(w.op.abuse_case(&chloe, case.id).await), "right.missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_over_nodes_on_sqlite() {
    limits_hold_over_nodes(sceau_store::testing::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_over_nodes_on_postgres() {
    limits_hold_over_nodes(sceau_store::testing::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abuse_is_slowed_on_sqlite() {
    abuse_is_slowed_told_and_decided_by_people(sceau_store::testing::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abuse_is_slowed_on_postgres() {
    abuse_is_slowed_told_and_decided_by_people(sceau_store::testing::postgres().await).await;
}
