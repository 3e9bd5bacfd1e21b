//! Time and numbers: silence, dripping, caps, drain.
use crate::client::{Client, LONG, letter};
use crate::world::World;
use sceau_net::{Conn, Limits, Pace};
use sceau_smtp::server::SessionLimits;
use sceau_testkit::pki::{Pki, client};
use std::time::Duration;
use tokio::time::timeout;

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn silence_is_answered_by_421() {
    let pki = Pki::new();
    let limits = SessionLimits { command: SHORT, data: SHORT, ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut idle = Client::connect(world.mx).await;
    let mut in_data = world.beta(&pki).await;
    in_data.up_to_data(PAUL, &[ANNE]).await;
    in_data.send("From: x").await;
    for c in [&mut idle, &mut in_data] {
        let reply = c.reply().await;
        assert!(reply.starts_with("421 4.4.2 ") && reply.contains("[session.timeout]"), "{reply}");
        assert!(c.is_closed().await);
    }
    assert_eq!((world.kept().await, world.spools()), (0, 0));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_closed_without_a_word() {
    let pki = Pki::new();
    let limits = SessionLimits { handshake: SHORT, ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    for door in [world.mx, world.submission] {
        let mut half = Client::connect(door).await;
        half.expect("EHLO client.exemple.fr", "250").await;
        half.expect("STARTTLS", "220").await;
        // The beginning of a ClientHello.
        half.send([22, 3, 1, 2, 0, 1, 0]).await;
        assert!(timeout(LONG / 2, half.is_closed()).await.expect("in time"), "in clear no word is said any more");
    }
}

#[tokio::test]
async fn content_that_drips_is_given_up() {
    let pki = Pki::new();
    let pace = Pace { rate: 1000, window: SHORT, ..Pace::default() };
    let world = World::with(&pki, "alpha", |s| s.pace = pace).await;
    let mut c = world.beta(&pki).await;
    c.up_to_data(PAUL, &[ANNE]).await;
    let dripped = timeout(LONG, async {
        loop {
            if c.0.write(b"x").await.is_err() || c.0.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    dripped.await.expect("given up");
    world.refusal_traced("session.timeout").await;
    assert_eq!(world.kept().await, 0);
}

#[tokio::test]
async fn too_many_connections_of_one_address() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| s.net = Limits { per_address: 1, ..Limits::default() }).await;
    let _first = Client::connect(world.mx).await;
    let mut second = Client(Conn::connect(world.mx, LONG).await.unwrap());
    let reply = second.reply().await;
    assert!(reply.starts_with("421 4.7.0 ") && reply.contains("[session.too_many_connections]"), "{reply}");
}

#[tokio::test]
async fn drain_speaks_between_commands_and_never_in_a_message() {
    let pki = Pki::new();
    let mut world = World::new(&pki).await;
    let mut idle = Client::connect(world.mx).await;
    let mut sending = world.beta(&pki).await;
    sending.up_to_data(PAUL, &[ANNE]).await;
    sending.send(letter(PAUL, "drain")).await;
    world.drain.cancel();
    let reply = idle.reply().await;
    assert!(reply.starts_with("421 4.3.2 ") && reply.contains("[session.shutting_down]"), "{reply}");
    assert!(idle.is_closed().await);
    // The message that began is taken, then the session ends.
    sending.send("La suite\r\n.\r\nNOOP\r\n").await;
    assert!(sending.reply().await.starts_with("250 2.0.0 Ok: "));
    assert!(sending.reply().await.starts_with("421 4.3.2 "));
    assert!(sending.is_closed().await);
    for served in std::mem::take(&mut world.served) {
        timeout(LONG, served).await.unwrap().unwrap();
    }
    assert_eq!(world.inbox("anne", ANNE).await.len(), 1);
    assert!(Conn::connect(world.mx, LONG).await.is_err());
}

#[tokio::test]
async fn sessions_do_not_wait_for_each_other() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let tls = client(&pki.identity("mss.beta.fr"));
    let mut stuck = Client::secure(world.mx, &tls).await;
    stuck.up_to_data(PAUL, &[ANNE]).await;
    let sends = (0..8).map(|n| {
        let tls = tls.clone();
        let mx = world.mx;
        tokio::spawn(async move {
            let mut c = Client::secure(mx, &tls).await;
            for m in 0..3 {
                let reply = c.transact(PAUL, &[ANNE], letter(PAUL, &format!("m{n}.{m}"))).await;
                assert!(reply.starts_with("250 2.0.0"), "{reply}");
            }
        })
    });
    for send in sends.collect::<Vec<_>>() {
        timeout(LONG, send).await.unwrap().unwrap();
    }
    assert_eq!(world.inbox("anne", ANNE).await.len(), 24);
}
