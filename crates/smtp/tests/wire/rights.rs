//! What is taken away in the middle of a transaction, new terms of use, who may read and not send; mail that arrives at a BAL in each state of its life.
use crate::client::{Client, letter};
use crate::world::World;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_domain::AccessRole;
use sceau_operator::grants::NewAccess;
use sceau_operator::life::CloseOrder;
use sceau_operator::{Door, Origin};
use sceau_store::{StoreError, terms};
use sceau_testkit::pki::{Pki, anonymous};
use std::time::Duration;
use tokio::time::timeout;

const ANNE: &str = "anne@alpha.mssante.fr";
const BRUNO: &str = "bruno@alpha.mssante.fr";
const SERVICE: &str = "accueil@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";
/// What "at once" may take on a machine that does other things too.
const SOON: Duration = Duration::from_secs(10);

fn plain(login: &str, token: &str) -> String {
    format!("AUTH PLAIN {}", BASE64_STANDARD.encode(format!("\0{login}\0{token}")))
}

async fn signed_in(world: &World, login: &str) -> (i64, Client) {
    let (id, token) = world.token(login).await;
    let mut c = Client::secure(world.submission, &anonymous()).await;
    c.expect(&plain(login, &token), "235 2.7.0").await;
    (id, c)
}

#[tokio::test]
async fn what_is_taken_away_during_data_cuts_it_and_keeps_nothing() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (id, mut c) = signed_in(&world, "anne").await;
    c.up_to_data(ANNE, &[BRUNO]).await;
    c.send(letter(ANNE, "coupe")).await;
    world.op.revoke_token(&world.admin, id).await.unwrap();
    // Without its end, and without a word of the client.
    let cut = timeout(SOON, c.reply()).await.expect("the content is waited for");
    assert!(cut.starts_with("421 4.7.0 ") && cut.ends_with("[right.missing]\r\n"), "{cut}");
    assert!(c.is_closed().await);
    // The whole transaction in one packet, after the person was blocked: at whatever command the door notices.
    let (_, mut c) = signed_in(&world, "anne").await;
    world.op.block_person(&world.admin, "anne", "Enquête").await.unwrap();
    let burst = format!("MAIL FROM:<{ANNE}>\r\nRCPT TO:<{BRUNO}>\r\nDATA\r\n{}.\r\n", letter(ANNE, "rafale"));
    let _ = c.0.write(burst.as_bytes()).await;
    let _ = c.0.flush().await;
    let cut = timeout(SOON, c.reply()).await.expect("the session goes on");
    assert!(cut.starts_with("421 4.7.0 ") && cut.ends_with("[right.missing]\r\n"), "{cut}");
    assert_eq!((world.kept().await, world.spools()), (0, 0));
    assert!(world.traces("mail.submitted").await.is_empty());
    let refused = world.traces("mail.refused").await;
    assert!(refused.iter().any(|t| t.actor == "anne" && t.outcome == "right.missing"), "{refused:?}");
}

#[tokio::test]
async fn new_terms_shut_an_open_session_at_its_next_transaction() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (_, mut c) = signed_in(&world, "anne").await;
    assert!(c.transact(ANNE, &[BRUNO], letter(ANNE, "un")).await.starts_with("250"));
    c.up_to_data(ANNE, &[BRUNO]).await;
    let (id, now) = (world.store.new_id(), world.store.clock().now().0);
    let next = sceau_testkit::terms_now(id, "suivante", now);
    world.store.write(move |tx| terms::insert(tx, &next)).await.map_err(|e: StoreError| e).unwrap();
    world.store.clock.advance_ms(1_001);
    // What began before is judged by what is in force when it would be kept.
    c.send(letter(ANNE, "deux") + ".\r\n").await;
    let refused = c.reply().await;
    assert!(refused.ends_with("[terms.required]\r\n") && !refused.starts_with("250"), "{refused}");
    assert!(refused.contains("https://mss.a.example/conditions"), "{refused}");
    assert_eq!(world.traces("mail.submitted").await.len(), 1);
}

#[tokio::test]
async fn who_may_read_and_not_send_is_told_so_and_not_held_back_for_it() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| s.config.login_failures_per_minute = 2).await;
    let rights = Some(vec!["read".to_owned()]);
    let new =
        NewAccess { login: "bruno".into(), role: AccessRole::Member, rights, starts: None, ends: None, reason: None };
    world.op.give_access(&world.admin, SERVICE, new).await.unwrap();
    let (_, token) = world.token("bruno").await;
    // As mail programs do: again and again.
    for _ in 0..4 {
        let mut c = Client::secure(world.submission, &anonymous()).await;
        c.refused(&plain(&format!("bruno*{SERVICE}"), &token), "535 5.7.1 ", "right.missing").await;
    }
    let origin = Origin { door: Door::Imap, remote: Some([127, 0, 0, 1].into()), ..world.admin.origin.clone() };
    world.op.login_token(&format!("bruno*{SERVICE}"), &token, &origin).await.expect("reading goes on");
    let refused = world.traces("mail.refused").await.into_iter().chain(world.traces("login.failed").await);
    let told: Vec<_> = refused.filter(|t| t.outcome == "right.missing").map(|t| t.actor).collect();
    assert_eq!(told, ["bruno"; 4], "each is traced once, under the name of who asked");
}

#[tokio::test]
async fn mail_that_arrives_in_each_state_of_a_life() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (op, admin) = (&world.op, &world.admin);
    let mut c = world.beta(&pki).await;
    let refused = async |c: &mut Client, code: &str, state: &str| {
        c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
        c.refused(&format!("RCPT TO:<{BRUNO}>"), "550 5.2.1 ", code).await;
        // Who else is written to gets it.
        c.expect(&format!("RCPT TO:<{ANNE}>"), "250 2.1.5").await;
        c.expect("DATA", "354").await;
        c.send(letter(PAUL, state) + ".\r\n").await;
        assert!(c.reply().await.starts_with("250 2.0.0"));
    };
    assert!(c.transact(PAUL, &[BRUNO], letter(PAUL, "actif")).await.starts_with("250"));
    // Suspended: nobody signs in, mail is kept.
    op.suspend_bal(admin, BRUNO, "Congé").await.unwrap();
    assert!(c.transact(PAUL, &[BRUNO], letter(PAUL, "suspendu")).await.starts_with("250"));
    op.block_bal(admin, BRUNO, "Enquête").await.unwrap();
    refused(&mut c, "rcpt.blocked", "bloque").await;
    // Blocked between RCPT and the end of DATA: refused as a whole, and nothing is kept of it.
    op.release_bal(admin, BRUNO, "Fin").await.unwrap();
    op.resume_bal(admin, BRUNO, "Retour").await.unwrap();
    c.up_to_data(PAUL, &[BRUNO]).await;
    op.block_bal(admin, BRUNO, "Enquête").await.unwrap();
    c.send(letter(PAUL, "entre") + ".\r\n").await;
    let late = c.reply().await;
    assert!(late.starts_with("550 5.2.1 ") && late.ends_with("[rcpt.blocked]\r\n"), "{late}");
    // With somebody else who may receive: nobody gets it yet, so that the next try, in which each is answered at RCPT, is the only one that counts.
    op.release_bal(admin, BRUNO, "Fin").await.unwrap();
    c.up_to_data(PAUL, &[BRUNO, ANNE]).await;
    op.block_bal(admin, BRUNO, "Enquête").await.unwrap();
    let before = world.kept().await;
    c.send(letter(PAUL, "entre-deux") + ".\r\n").await;
    let later = c.reply().await;
    assert!(later.starts_with("451 4.2.1 ") && later.ends_with("[rcpt.changed]\r\n"), "{later}");
    assert_eq!(world.kept().await, before);
    let traced = world.traces("mail.refused").await.pop().unwrap();
    assert_eq!((traced.outcome.as_str(), traced.data["cause"].as_str()), ("rcpt.changed", Some("rcpt.blocked")));
    refused(&mut c, "rcpt.blocked", "entre-deux").await;
    op.release_bal(admin, BRUNO, "Fin").await.unwrap();
    assert!(c.transact(PAUL, &[BRUNO], letter(PAUL, "repris")).await.starts_with("250"));
    assert_eq!(world.inbox("bruno", BRUNO).await.len(), 3, "what was taken is there");
    // Closing, then closed for good.
    op.close_bal(admin, BRUNO, CloseOrder::unused("Départ")).await.unwrap();
    refused(&mut c, "rcpt.blocked", "fermeture").await;
    op.keep_bal(admin, BRUNO, "Erreur").await.unwrap();
    assert!(c.transact(PAUL, &[BRUNO], letter(PAUL, "gardé")).await.starts_with("250"));
    op.close_bal(admin, BRUNO, CloseOrder::at_once("Départ")).await.unwrap();
    refused(&mut c, "rcpt.closed", "ferme").await;
    assert_eq!(world.inbox("anne", ANNE).await.len(), 4, "once each");
}
