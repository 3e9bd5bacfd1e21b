//! What a session may do before it is slowed down or ended (F267), and what may not be sent ahead (RFC 2920).
use crate::client::{Client, letter};
use crate::world::World;
use sceau_smtp::server::SessionLimits;
use sceau_testkit::pki::{Pki, anonymous};
use std::time::{Duration, Instant};

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";

#[tokio::test]
async fn commands_and_messages_of_a_session_are_counted_and_errors_cost_time() {
    let pki = Pki::new();
    let limits = SessionLimits {
        commands: 8,
        transactions: 3,
        patience: 1,
        tarpit: Duration::from_millis(150),
        ..SessionLimits::default()
    };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut c = world.beta(&pki).await;
    // A message pays for its commands.
    for n in 0..3 {
        assert!(c.transact(PAUL, &[ANNE], letter(PAUL, &format!("m{n}"))).await.starts_with("250 2.0.0"));
    }
    let last = c.say(&format!("MAIL FROM:<{PAUL}>")).await;
    assert!(last.starts_with("421 4.7.0 ") && last.contains("[session.limit]"), "{last}");
    assert!(c.is_closed().await);
    let mut c = world.beta(&pki).await;
    for _ in 0..6 {
        c.expect("NOOP", "250").await;
    }
    let last = c.say("NOOP").await;
    assert!(last.starts_with("421 4.7.0 ") && last.contains("[session.limit]"), "{last}");
    // The second error waits, what is right does not: at least that long, however busy the machine is.
    let mut c = world.beta(&pki).await;
    c.expect("XYZZY", "500").await;
    let begun = Instant::now();
    c.expect("XYZZY", "500").await;
    assert!(begun.elapsed() >= Duration::from_millis(150));
    assert_eq!(world.inbox("anne", ANNE).await.len(), 3);
    assert_eq!(world.refusals().await.iter().filter(|c| *c == "session.limit").count(), 2);
}

#[tokio::test]
async fn connections_in_a_minute_are_counted_by_address() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| s.net.per_minute = 3).await;
    for _ in 0..3 {
        drop(Client::connect(world.mx).await);
    }
    let mut conn = sceau_net::Conn::connect(world.mx, crate::client::LONG).await.unwrap();
    let said = String::from_utf8(conn.read_line(600).await.unwrap()).unwrap();
    assert!(said.starts_with("421 4.7.0 ") && said.contains("[session.too_many_connections]"), "{said}");
    // Another door counts for itself.
    drop(Client::connect(world.submission).await);
}

#[tokio::test]
async fn a_stranger_is_not_heard_for_ever() {
    let pki = Pki::new();
    let limits = SessionLimits { stranger: Duration::from_millis(300), ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut known = world.beta(&pki).await;
    // In clear, without a certificate, without a login: however polite.
    let clear = Client::connect(world.mx).await;
    let nobody = Client::secure(world.mx, &anonymous()).await;
    let nameless = Client::implicit(world.submissions, anonymous()).await;
    for mut c in [clear, nobody, nameless] {
        let ended = async {
            loop {
                // It may be closed while we speak.
                if c.0.write(b"NOOP\r\n").await.is_err() || c.0.flush().await.is_err() {
                    return String::new();
                }
                let reply = c.0.read_line(600).await.map(|l| String::from_utf8(l).unwrap()).unwrap_or_default();
                if !reply.starts_with("250") {
                    return reply;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let last = tokio::time::timeout(crate::client::LONG, ended).await.expect("it ends");
        assert!(last.is_empty() || last.contains("[session.timeout]"), "{last}");
    }
    assert!(known.transact(PAUL, &[ANNE], letter(PAUL, "connu")).await.starts_with("250 2.0.0"));
}

#[tokio::test]
async fn nothing_is_sent_ahead_of_an_answer_that_it_depends_on() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let smuggled = format!("{}\r\n.\r\n", letter(PAUL, "avance"));
    for ahead in
        [format!("DATA\r\n{smuggled}"), "EHLO again\r\nNOOP\r\n".into(), "HELO again\r\nMAIL FROM:<>\r\n".into()]
    {
        let mut c = world.beta(&pki).await;
        c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
        c.expect(&format!("RCPT TO:<{ANNE}>"), "250").await;
        c.send(&ahead).await;
        let reply = c.reply().await;
        assert!(reply.starts_with("503 5.5.1 ") && reply.contains("[sequence.error]"), "{ahead}: {reply}");
        assert!(c.is_closed().await, "{ahead}");
    }
    assert_eq!(world.kept().await, 0);
}
