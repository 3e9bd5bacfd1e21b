//! What is said over a limit of a BAL, a place, a partner and of whoever is slowed (F267): when to come back, nothing lost; and that what was sent already
//! is heard of as sent, whatever the limits say by then.
use crate::client::{Client, letter};
use crate::world::World;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_operator::abuse::Partner;
use sceau_testkit::pki::{Pki, anonymous, dn};
use sceau_trust::Dn;

const ANNE: &str = "anne@alpha.mssante.fr";
const BRUNO: &str = "bruno@alpha.mssante.fr";
const PAUL: &str = "paul@beta.mssante.fr";
const PIA: &str = "pia@beta.mssante.fr";

async fn session(world: &World, login: &str) -> Client {
    let (_, token) = world.token(login).await;
    let mut c = Client::secure(world.submission, &anonymous()).await;
    c.expect(&format!("AUTH PLAIN {}", BASE64_STANDARD.encode(format!("\0{login}\0{token}"))), "235").await;
    c
}

/// 450 4.7.1 with when to come back and this code.
fn is_later(reply: &str, code: &str) {
    let named = reply.starts_with("450 4.7.1 ") && reply.ends_with(&format!("[{code}]\r\n"));
    assert!(named && (reply.contains(" min") || reply.contains(" h")), "{reply:?} is not {code}");
}

#[tokio::test]
async fn whoever_is_over_a_limit_hears_when_to_come_back_and_a_retry_is_no_message() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| {
        s.config.limits.place_messages_per_hour = 5;
        s.config.abuse.thresholds.burst = 1;
        s.config.abuse.slowed_recipients = 1;
        let partner = Partner {
            dn: Dn::parse(&dn("mss.beta.fr")).unwrap(),
            messages_per_hour: Some(2),
            recipients_per_hour: Some(3),
        };
        s.config.abuse.partners = vec![partner];
    })
    .await;
    world.op.set_policy(&world.admin, "bal", ANNE, "recipients_per_hour", 2).await.unwrap();
    let mut c = session(&world, "anne").await;
    let text = letter(ANNE, "deux");
    c.expect(&format!("MAIL FROM:<{ANNE}>"), "250").await;
    c.expect(&format!("RCPT TO:<{PAUL}>"), "250").await;
    c.expect(&format!("RCPT TO:<{PIA}>"), "250").await;
    is_later(&c.say(&format!("RCPT TO:<{BRUNO}>")).await, "sender.too_many_recipients");
    c.expect("DATA", "354").await;
    c.send(format!("{text}.\r\n")).await;
    let first = c.reply().await;
    assert!(first.starts_with("250 2.0.0 Ok: "), "{first}");

    // It was a burst as well: the token is slowed, and what it may send in ten minutes is gone with one more.
    let mut slowed = session(&world, "bruno").await;
    assert!(slowed.transact(BRUNO, &[PAUL], letter(BRUNO, "a")).await.starts_with("250"));
    assert!(slowed.transact(BRUNO, &[PAUL], letter(BRUNO, "b")).await.starts_with("250"));
    is_later(&slowed.say(&format!("MAIL FROM:<{BRUNO}>")).await, "sender.slowed");

    // Another token, which is not slowed. The answer was lost, the limit of the BAL is reached: what was sent is heard of as sent, a message to somebody
    // else waits, and so does another one to the same.
    let mut c = session(&world, "anne").await;
    assert_eq!(c.transact(ANNE, &[PIA, PAUL], &text).await, first);
    c.expect(&format!("MAIL FROM:<{ANNE}>"), "250").await;
    is_later(&c.say(&format!("RCPT TO:<{BRUNO}>")).await, "sender.too_many_recipients");
    c.expect("RSET", "250").await;
    is_later(&c.transact(ANNE, &[PAUL], letter(ANNE, "trois")).await, "sender.too_many_recipients");
    let repeated = world.traces("mail.repeated").await;
    assert_eq!((repeated.len(), repeated[0].data["id"].as_str()), (1, first.trim_end().rsplit(' ').next()));

    // The place: three messages were taken, and two more are.
    let mut other = session(&world, "bruno").await;
    assert!(other.transact(BRUNO, &[PIA], letter(BRUNO, "c")).await.starts_with("250"));
    let mut other = session(&world, "bruno").await;
    assert!(other.transact(BRUNO, &[PIA], letter(BRUNO, "d")).await.starts_with("250"));
    let mut other = session(&world, "bruno").await;
    other.expect(&format!("MAIL FROM:<{BRUNO}>"), "250").await;
    is_later(&other.say(&format!("RCPT TO:<{ANNE}>")).await, "place.too_many");

    // A partner: recipients, then messages; its retry is no message either.
    let mut beta = world.beta(&pki).await;
    let first = letter(PAUL, "e");
    beta.up_to_data(PAUL, &[ANNE, BRUNO]).await;
    beta.send(format!("{first}.\r\n")).await;
    assert!(beta.reply().await.starts_with("250"));
    assert!(beta.transact(PAUL, &[ANNE], &first).await.starts_with("250"), "known: nothing is counted");
    beta.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    beta.expect(&format!("RCPT TO:<{ANNE}>"), "250").await;
    is_later(&beta.say(&format!("RCPT TO:<{BRUNO}>")).await, "peer.too_many_recipients");
    beta.expect("RSET", "250").await;
    assert!(beta.transact(PAUL, &[ANNE], letter(PAUL, "f")).await.starts_with("250"));
    is_later(&beta.say(&format!("MAIL FROM:<{PAUL}>")).await, "peer.too_many");
    assert_eq!(world.inbox("anne", ANNE).await.len(), 2);
}
