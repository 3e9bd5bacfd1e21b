//! Bad input at the MX door: each with its stable code and its trace; nothing is lost, kept or crashed.
use crate::client::{Client, letter};
use crate::world::{MAX, World};
use sceau_smtp::server::SessionLimits;
use sceau_testkit::pki::Pki;

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";

#[tokio::test]
async fn recipients_that_are_not_ours() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    c.refused("RCPT TO:<inconnue@alpha.mssante.fr>", "550 5.1.1 ", "rcpt.unknown").await;
    c.refused("RCPT TO:<x@example.org>", "554 5.7.1 ", "rcpt.relay").await;
    c.refused("RCPT TO:<zoe@gamma.mssante.fr>", "554 5.7.1 ", "rcpt.relay").await;
    c.refused("DATA", "554 5.5.1 ", "rcpt.none").await;
    // The transaction stays open for a recipient.
    c.expect(&format!("RCPT TO:<{ANNE}>"), "250 2.1.5").await;
    let refusals = world.refusals().await;
    assert_eq!(refusals, ["rcpt.unknown", "rcpt.relay", "rcpt.relay", "rcpt.none"]);
}

#[tokio::test]
async fn a_message_too_big_by_announcement_and_by_lie() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.refused(&format!("MAIL FROM:<{PAUL}> SIZE={}", MAX + 1), "552 5.3.4 ", "message.too_big").await;
    c.refused(&format!("MAIL FROM:<{PAUL}> SIZE=99999999999999999999"), "552 5.3.4 ", "message.too_big").await;
    c.expect(&format!("MAIL FROM:<{PAUL}> SIZE=10"), "250").await;
    c.expect(&format!("RCPT TO:<{ANNE}>"), "250").await;
    c.expect("DATA", "354").await;
    c.send(letter(PAUL, "menteur") + &format!("{}\r\n", "x".repeat(900)).repeat(1000) + ".\r\n").await;
    let reply = c.reply().await;
    assert!(reply.starts_with("552 5.3.4 ") && reply.contains("[message.too_big]"), "{reply}");
    assert_eq!((world.kept().await, world.spools()), (0, 0));
    assert!(c.transact(PAUL, &[ANNE], letter(PAUL, "apres")).await.starts_with("250 2.0.0"));
}

#[tokio::test]
async fn what_never_ends_is_cut_off_after_its_answer() {
    let pki = Pki::new();
    let limits = SessionLimits { discard: 1 << 20, ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut c = world.beta(&pki).await;
    c.up_to_data(PAUL, &[ANNE]).await;
    let block = format!("{}\r\n", "x".repeat(900)).repeat(100);
    let mut sent = 0;
    while c.0.write(block.as_bytes()).await.is_ok() && c.0.flush().await.is_ok() && sent < 50 << 20 {
        sent += block.len();
    }
    assert!(sent < 50 << 20, "the server goes on reading without end");
    world.refusal_traced("message.too_big").await;
    assert_eq!((world.kept().await, world.spools()), (0, 0));
}

#[tokio::test]
async fn ten_thousand_recipients_get_the_same_steady_answer() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    // As many different recipients as the operator takes: its aliases would do, but only three BALs exist. Unknown ones
    // are refused one by one, then counted out.
    let mut refused = 0;
    for batch in 0..100 {
        let lines: String = (0..100).map(|n| format!("RCPT TO:<inconnu{batch}.{n}@alpha.mssante.fr>\r\n")).collect();
        if c.0.write(lines.as_bytes()).await.is_err() || c.0.flush().await.is_err() {
            break;
        }
        let mut closed = false;
        for _ in 0..100 {
            let reply = c.reply().await;
            match reply.get(..3) {
                Some("550") => refused += 1,
                Some("421") => {
                    assert!(reply.contains("[session.too_many_errors]"), "{reply}");
                    closed = true;
                    break;
                }
                _ => panic!("{reply}"),
            }
        }
        if closed {
            break;
        }
    }
    assert_eq!(refused, 201, "unknown recipients end the session at the limit of refusals");
    let traced = world.refusals().await.len();
    assert!(traced < 60, "{traced} traces for one flood");
}

#[tokio::test]
async fn over_the_limit_of_recipients_every_further_one_is_452() {
    let pki = Pki::new();
    let limits = SessionLimits { recipients: 2, commands: 20_000, ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut c = world.beta(&pki).await;
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    c.expect(&format!("RCPT TO:<{ANNE}>"), "250").await;
    c.expect("RCPT TO:<bruno@alpha.mssante.fr>", "250").await;
    for batch in 0..100 {
        let lines: String = (0..100).map(|n| format!("RCPT TO:<a{batch}.{n}@alpha.mssante.fr>\r\n")).collect();
        c.send(lines).await;
        for _ in 0..100 {
            let reply = c.reply().await;
            assert!(reply.starts_with("452 4.5.3 ") && reply.contains("[rcpt.too_many]"), "{reply}");
        }
    }
    assert_eq!(world.refusals().await, ["rcpt.too_many"], "one trace, not ten thousand");
    c.expect("DATA", "354").await;
    c.send(letter(PAUL, "deux") + ".\r\n").await;
    assert!(c.reply().await.starts_with("250 2.0.0"), "those accepted get the message");
}

#[tokio::test]
async fn malformed_commands_are_told_apart_and_counted() {
    let pki = Pki::new();
    let limits = SessionLimits { errors: 10, ..crate::world::quick() };
    let world = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let mut c = world.beta(&pki).await;
    c.refused("XYZZY", "500 5.5.1 ", "syntax.unknown").await;
    c.refused("MAIL FROM:paul@beta.mssante.fr", "501 5.1.7 ", "sender.syntax").await;
    c.refused(&format!("MAIL FROM:<{PAUL}> FUTURE=1"), "555 5.5.4 ", "syntax.error").await;
    c.refused(&format!("MAIL FROM:<{PAUL}> SIZE=a"), "501 5.5.2 ", "syntax.error").await;
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    c.refused("RCPT TO:<@relay.test:anne@alpha.mssante.fr>", "501 5.1.3 ", "rcpt.syntax").await;
    c.refused(&format!("RCPT TO:<{ANNE}> FUTURE=3"), "555 5.5.4 ", "syntax.error").await;
    // A bare LF, a NUL, octets that are no UTF-8.
    for line in [&b"NOOP\n"[..], b"NO\0OP\r\n", b"NOOP \xff\r\n"] {
        c.send(line).await;
        let reply = c.reply().await;
        assert!(reply.starts_with("501 5.5.2 ") && reply.contains("[syntax.error]"), "{line:?}: {reply}");
    }
    c.refused("DATA now", "501 5.5.2 ", "syntax.error").await;
    c.refused("XYZZY", "500 5.5.1 ", "syntax.unknown").await;
    let last = c.reply().await;
    assert!(last.starts_with("421 4.7.0 ") && last.contains("[session.too_many_errors]"), "{last}");
    assert!(c.is_closed().await);
}

#[tokio::test]
async fn long_and_endless_command_lines() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.refused(&format!("NOOP {}", "x".repeat(100_000)), "500 5.5.6 ", "syntax.line_too_long").await;
    c.expect("NOOP", "250").await;
    // Endless: answered once, thrown away for a while, then closed.
    let block = vec![b'x'; 64 << 10];
    let mut sent = 0;
    while sent < 20 << 20 && c.0.write(&block).await.is_ok() && c.0.flush().await.is_ok() {
        sent += block.len();
    }
    assert!(sent < 20 << 20, "the server goes on reading without end");
    world.refusal_traced("syntax.line_too_long").await;
}

#[tokio::test]
async fn a_connection_cut_in_data_or_in_a_line_leaves_nothing() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    // Below and above what a spool keeps in memory.
    for size in [100, 200_000] {
        let mut c = world.beta(&pki).await;
        c.up_to_data(PAUL, &[ANNE]).await;
        c.send(letter(PAUL, "coupe") + &format!("{}\r\n", "x".repeat(98)).repeat(size / 100)).await;
        drop(c);
    }
    let mut c = world.beta(&pki).await;
    c.send("MAIL FROM:<pau").await;
    drop(c);
    world.refusal_traced("transfer.cut").await;
    let gone = async {
        while world.spools() > 0 || world.refusals().await.len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("nothing is left");
    assert_eq!(world.kept().await, 0);
    let mut next = Client::connect(world.mx).await;
    next.expect("QUIT", "221").await;
}
