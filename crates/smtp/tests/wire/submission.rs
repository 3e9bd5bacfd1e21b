//! The submission doors: 587 with STARTTLS, 465 with TLS first, AUTH with device tokens.
use crate::client::{Client, letter};
use crate::world::World;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_smtp::server::SessionLimits;
use sceau_testkit::pki::{Pki, anonymous};

const ANNE: &str = "anne@alpha.mssante.fr";
const BRUNO: &str = "bruno@alpha.mssante.fr";

fn b64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn plain(login: &str, token: &str) -> String {
    format!("AUTH PLAIN {}", b64(&format!("\0{login}\0{token}")))
}

async fn secure(world: &World) -> Client {
    Client::secure(world.submission, &anonymous()).await
}

async fn anne(world: &World) -> Client {
    let (_, token) = world.token("anne").await;
    let mut c = secure(world).await;
    c.expect(&plain("anne", &token), "235 2.7.0").await;
    c
}

#[tokio::test]
async fn nothing_before_tls_and_no_mail_before_the_login() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (_, token) = world.token("anne").await;
    let mut c = Client::connect(world.submission).await;
    let hello = c.expect("EHLO poste", "250").await;
    assert!(!hello.contains("AUTH"), "{hello}");
    c.refused(&plain("anne", &token), "538 5.7.11 ", "login.needs_tls").await;
    c.refused(&format!("MAIL FROM:<{ANNE}>"), "530 5.7.0 ", "peer.no_tls").await;
    c.starttls(&anonymous()).await;
    let hello = c.expect("EHLO poste", "250").await;
    assert!(hello.contains("AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n") && hello.contains("PIPELINING"), "{hello}");
    for line in [format!("MAIL FROM:<{ANNE}>"), format!("RCPT TO:<{BRUNO}>"), "DATA".into(), "VRFY anne".into()] {
        c.refused(&line, "530 5.7.0 ", "login.required").await;
    }
    c.expect("NOOP", "250").await;
    c.expect(&plain("anne", &token), "235 2.7.0").await;
    c.refused(&plain("anne", &token), "503 5.5.1 ", "sequence.error").await;
    c.expect(&format!("MAIL FROM:<{ANNE}> AUTH=<>"), "250 2.1.0").await;
}

#[tokio::test]
async fn every_form_of_login() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (_, token) = world.token("anne").await;
    let secret = b64(&format!("\0{ANNE}\0{token}"));
    // PLAIN with a challenge.
    let mut c = secure(&world).await;
    c.expect("AUTH PLAIN", "334 \r\n").await;
    c.expect(&secret, "235 2.7.0").await;
    // LOGIN, with and without an initial response.
    let mut c = secure(&world).await;
    c.expect("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n").await;
    c.expect(&b64("anne*accueil@alpha.mssante.fr"), "334 UGFzc3dvcmQ6\r\n").await;
    c.expect(&b64(&token), "235 2.7.0").await;
    let mut c = secure(&world).await;
    c.expect(&format!("AUTH LOGIN {}", b64("anne")), "334 UGFzc3dvcmQ6\r\n").await;
    c.expect(&b64(&token), "235 2.7.0").await;
    // 465: TLS first.
    let mut c = Client::implicit(world.submissions, anonymous()).await;
    c.refused("STARTTLS", "503 5.5.1 ", "sequence.error").await;
    c.expect(&plain("anne", &token), "235 2.7.0").await;
    c.expect("QUIT", "221").await;
    assert_eq!(world.traces("login.ok").await.len(), 4);
}

#[tokio::test]
async fn malformed_logins_are_syntax_errors_and_wrong_ones_all_look_alike() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (_, token) = world.token("anne").await;
    let mut c = secure(&world).await;
    c.refused("AUTH CRAM-MD5", "504 5.5.4 ", "syntax.unknown").await;
    c.refused("AUTH PLAIN not-base64", "501 5.5.2 ", "syntax.error").await;
    c.expect("AUTH PLAIN", "334").await;
    c.refused("*", "501 5.5.2 ", "syntax.error").await;
    c.expect("AUTH LOGIN", "334").await;
    c.refused("é", "501 5.5.2 ", "syntax.error").await;
    let replies = [c.say(&plain("anne", "faux")).await, c.say(&plain("inconnue", &token)).await];
    assert!(replies[0].starts_with("535 5.7.8 ") && replies[0].contains("[login.failed]"), "{}", replies[0]);
    assert_eq!(replies[0], replies[1]);
    let last = c.say(&plain("anne*personne@alpha.mssante.fr", &token)).await;
    assert!(last.starts_with("421 4.7.0 ") && last.contains("[session.too_many_errors]"), "{last}");
    assert!(c.is_closed().await);
    // An identity to act for is not a way around.
    let mut c = secure(&world).await;
    let other = format!("AUTH PLAIN {}", b64(&format!("bruno\0anne\0{token}")));
    c.refused(&other, "535 5.7.8 ", "login.failed").await;
    c.expect(&plain("anne", &token), "235").await;
}

#[tokio::test]
async fn guessing_is_slowed_down_then_refused_whatever_is_tried() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| s.config.login_failures_per_minute = 2).await;
    let (_, token) = world.token("anne").await;
    let mut c = secure(&world).await;
    c.refused(&plain("anne", "faux"), "535 5.7.8 ", "login.failed").await;
    c.refused(&plain("anne", "faux"), "535 5.7.8 ", "login.failed").await;
    let mut c = secure(&world).await;
    c.refused(&plain("anne", &token), "454 4.7.0 ", "login.too_many").await;
    // Who shares the place with a device that insists is not locked out.
    let (_, right) = world.token("bruno").await;
    secure(&world).await.expect(&plain("bruno", &right), "235 2.7.0").await;
    world.store.clock.advance_ms(61_000);
    c.expect(&plain("anne", &token), "235 2.7.0").await;
}

#[tokio::test]
async fn a_person_sends_to_a_colleague_and_to_another_operator() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = anne(&world).await;
    let text = format!("{}Élan\r\n", letter(ANNE, "envoi"));
    let reply = c.transact(ANNE, &[BRUNO, "paul@beta.mssante.fr"], text).await;
    assert!(reply.starts_with("250 2.0.0 Ok: "), "{reply}");
    let inbox = world.inbox("bruno", BRUNO).await;
    assert_eq!(inbox.len(), 1);
    let stored = String::from_utf8_lossy(&inbox[0]).into_owned();
    assert!(stored.ends_with("Élan\r\n") && stored.contains("Subject: envoi"), "{stored}");
    let destination = world.op.lease_destination().await.unwrap().expect("queued");
    assert_eq!(destination.domain.as_str(), "beta.mssante.fr");
}

#[tokio::test]
async fn what_a_person_may_not_send() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = anne(&world).await;
    c.refused(&format!("MAIL FROM:<{BRUNO}>"), "553 5.7.1 ", "sender.not_allowed").await;
    c.refused(&format!("MAIL FROM:<{ANNE}> SIZE=99999999"), "552 5.3.4 ", "message.too_big").await;
    c.expect(&format!("MAIL FROM:<{ANNE}>"), "250").await;
    c.refused("RCPT TO:<x@example.org>", "554 5.7.1 ", "rcpt.not_listed").await;
    c.refused("RCPT TO:<inconnue@alpha.mssante.fr>", "550 5.1.1 ", "rcpt.unknown").await;
    c.expect("RSET", "250").await;
    let reply = c.transact(ANNE, &[BRUNO], letter(BRUNO, "usurpe")).await;
    assert!(reply.contains("[header.from_not_allowed]"), "{reply}");
    let reply = c.transact(ANNE, &[BRUNO], letter(ANNE, "lf").replace("Bonjour", "Bon\njour")).await;
    assert!(reply.contains("[message.bare_newline]"), "{reply}");
    assert_eq!((world.kept().await, world.spools()), (0, 0));
}

#[tokio::test]
async fn too_many_recipients_at_submission() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = anne(&world).await;
    c.expect(&format!("MAIL FROM:<{ANNE}>"), "250").await;
    let most = world.op.config().limits.recipients;
    for n in 0..most {
        c.expect(&format!("RCPT TO:<p{n}@beta.mssante.fr>"), "250 2.1.5").await;
    }
    for n in 0..30 {
        c.refused(&format!("RCPT TO:<q{n}@beta.mssante.fr>"), "452 4.5.3 ", "rcpt.too_many").await;
    }
    assert_eq!(world.refusals().await, ["rcpt.too_many"]);
    assert_eq!(world.traces("mail.refused").await[0].actor, "anne");
}

/// What `policy show` says is what the wire says, at once and within one session.
#[tokio::test]
async fn a_policy_is_what_the_door_enforces() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = anne(&world).await;
    let shown = async |name: &str| {
        let all = world.op.policy_of(&world.admin, ANNE).await.unwrap();
        all.into_iter().find(|p| p.name == name).unwrap().value
    };
    for (scope, subject, recipients, bytes) in
        [("domain", "alpha.mssante.fr", 2, 70_000), ("kind", "Per", 4, 80_000), ("bal", ANNE, 3, 66_000)]
    {
        for (name, value) in [("recipients", recipients), ("message_bytes", bytes), ("patient_message_bytes", bytes)] {
            world.op.set_policy(&world.admin, scope, subject, name, value).await.unwrap();
            assert_eq!(shown(name).await, value);
        }
        c.refused(&format!("MAIL FROM:<{ANNE}> SIZE={}", bytes + 1), "552 5.3.4 ", "message.too_big").await;
        c.expect(&format!("MAIL FROM:<{ANNE}> SIZE={bytes}"), "250").await;
        for n in 0..recipients {
            c.expect(&format!("RCPT TO:<p{n}@beta.mssante.fr>"), "250 2.1.5").await;
        }
        c.refused("RCPT TO:<q@beta.mssante.fr>", "452 4.5.3 ", "rcpt.too_many").await;
        c.expect("RSET", "250").await;
    }
}

#[tokio::test]
async fn what_the_door_refuses_is_traced_with_who_had_logged_in() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (_, token) = world.token("anne").await;
    let mut c = secure(&world).await;
    let long = format!("NOOP {}", "A".repeat(100_000));
    assert!(c.say(&long).await.starts_with("500"));
    c.expect(&plain("anne", &token), "235").await;
    assert!(c.say(&long).await.starts_with("500"));
    let traces = world.traces("mail.refused").await;
    assert_eq!(traces.iter().map(|t| t.actor.as_str()).collect::<Vec<_>>(), ["unknown", "anne"]);
}

#[tokio::test]
async fn a_revoked_token_cuts_the_session_at_once() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (id, token) = world.token("anne").await;
    let mut c = secure(&world).await;
    c.expect(&plain("anne", &token), "235").await;
    assert!(c.transact(ANNE, &[BRUNO], letter(ANNE, "un")).await.starts_with("250"));
    world.op.revoke_token(&world.admin, id).await.unwrap();
    // Between two commands, without being asked.
    let cut = c.reply().await;
    assert!(cut.starts_with("421 4.7.0 ") && cut.contains("[right.missing]"), "{cut}");
    assert!(c.is_closed().await);
    let mut c = secure(&world).await;
    c.refused(&plain("anne", &token), "535 5.7.8 ", "login.failed").await;
}

#[tokio::test]
async fn an_endless_line_in_a_login_is_answered() {
    let pki = Pki::new();
    let limits = SessionLimits { errors: 3, ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut c = secure(&world).await;
    c.expect("AUTH PLAIN", "334").await;
    c.refused(&"A".repeat(100_000), "500 5.5.6 ", "syntax.line_too_long").await;
    // The exchange still waits for its response.
    c.refused("*", "501 5.5.2 ", "syntax.error").await;
    c.expect("NOOP", "250").await;
}
