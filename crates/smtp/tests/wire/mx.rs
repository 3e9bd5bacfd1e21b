//! Good mail at the MX door.
use crate::client::{Client, letter};
use crate::world::World;
use sceau_testkit::pki::{Pki, client};

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";

/// The content below the fields that the way added.
fn content(stored: &[u8]) -> &[u8] {
    let at = stored.windows(7).position(|w| w == b"\nFrom: ").unwrap() + 1;
    &stored[at..]
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte_below_what_the_way_adds() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let text = format!("{}Élévation\r\n..\r\n.seul\r\n\r\n", letter(PAUL, "accents"));
    let wire = text.replace("\r\n.", "\r\n..");
    c.expect(&format!("MAIL FROM:<{PAUL}> SIZE={} BODY=8BITMIME", text.len()), "250 2.1.0").await;
    c.expect(&format!("RCPT TO:<{ANNE}>"), "250 2.1.5").await;
    c.expect("DATA", "354").await;
    c.send(wire + ".\r\n").await;
    let reply = c.reply().await;
    assert!(reply.starts_with("250 2.0.0 Ok: "), "{reply}");
    let id = reply.trim_end().rsplit(' ').next().unwrap();
    let inbox = world.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 1);
    assert_eq!(String::from_utf8_lossy(content(&inbox[0])), text);
    let added = String::from_utf8_lossy(&inbox[0]).into_owned();
    for needed in
        ["Return-Path: <paul@beta.mssante.fr>\r\n", "Received: from client.exemple.fr", "with ESMTPS", "TLSv1.3", id]
    {
        assert!(added.contains(needed), "{needed} is missing in {added}");
    }
    assert_eq!(world.traces("mail.accepted").await[0].data["id"], id);
    // The session serves a next transaction.
    assert!(c.transact(PAUL, &[ANNE], letter(PAUL, "second")).await.starts_with("250 2.0.0"));
    c.expect("QUIT", "221").await;
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_and_in_one_go() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let batch = format!(
        "MAIL FROM:<{PAUL}>\r\nRCPT TO:<{ANNE}>\r\nRCPT TO:<personne@alpha.mssante.fr>\r\nrcpt to:<bruno@ALPHA.mssante.fr>\r\n\
         RCPT TO:<{ANNE}>\r\nDATA\r\n"
    );
    c.send(batch).await;
    for code in ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.1.5", "354"] {
        let reply = c.reply().await;
        assert!(reply.starts_with(code), "{reply} is not {code}");
    }
    // Content, its end and the next transaction's commands in one packet.
    let next = format!("{}.\r\nMAIL FROM:<{PAUL}>\r\nNOOP\r\n", letter(PAUL, "pipeline"));
    c.send(next).await;
    for code in ["250 2.0.0 Ok: ", "250 2.1.0", "250 2.0.0 Ok"] {
        let reply = c.reply().await;
        assert!(reply.starts_with(code), "{reply} is not {code}");
    }
    assert_eq!(world.inbox("anne", ANNE).await.len(), 1);
    assert_eq!(world.inbox("bruno", "bruno@alpha.mssante.fr").await.len(), 1);
}

#[tokio::test]
async fn content_in_small_packets_and_a_retry_are_one_message() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let tls = client(&pki.identity("mss.beta.fr"));
    let text = letter(PAUL, "morceaux");
    for attempt in 0..2 {
        let mut c = Client::secure(world.mx, &tls).await;
        c.up_to_data(PAUL, &[ANNE]).await;
        for piece in format!("{text}.\r\n").as_bytes().chunks(7) {
            c.send(piece).await;
        }
        let reply = c.reply().await;
        assert!(reply.starts_with("250 2.0.0 Ok: "), "attempt {attempt}: {reply}");
    }
    assert_eq!(world.inbox("anne", ANNE).await.len(), 1, "the retry is recognised");
}

#[tokio::test]
async fn a_message_just_under_the_limit_passes() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let head = letter(PAUL, "grand");
    let line = format!("{}\r\n", "x".repeat(998));
    let lines = (crate::world::MAX as usize - head.len()) / line.len();
    let text = head + &line.repeat(lines);
    assert!(c.transact(PAUL, &[ANNE], &text).await.starts_with("250 2.0.0"));
    assert_eq!(content(&world.inbox("anne", ANNE).await[0]), text.as_bytes());
}

#[tokio::test]
async fn postmaster_and_the_null_sender() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.expect("MAIL FROM:<>", "250").await;
    for to in ["Postmaster", "postmaster@alpha.mssante.fr", "abuse@alpha.mssante.fr"] {
        c.expect(&format!("RCPT TO:<{to}>"), "250 2.1.5").await;
    }
    c.expect("DATA", "354").await;
    c.send(letter(PAUL, "signalement") + ".\r\n").await;
    assert!(c.reply().await.starts_with("250 2.0.0"));
    let inbox = world.inbox("anne", "accueil@alpha.mssante.fr").await;
    assert_eq!(inbox.len(), 1);
    assert!(String::from_utf8_lossy(&inbox[0]).contains("Return-Path: <>\r\n"));
}

#[tokio::test]
async fn minor_commands() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.expect("VRFY anne", "252 ").await;
    c.refused("EXPN liste", "502 5.5.1 ", "syntax.unknown").await;
    c.expect("HELP", "214 ").await;
    c.expect("NOOP anything", "250 2.0.0").await;
    c.refused("AUTH PLAIN AGEAYg==", "502 5.5.1 ", "syntax.unknown").await;
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    c.refused(&format!("MAIL FROM:<{PAUL}>"), "503 5.5.1 ", "sequence.error").await;
    c.expect("RSET", "250").await;
    c.refused(&format!("RCPT TO:<{ANNE}>"), "503 5.5.1 ", "sequence.error").await;
    c.refused("DATA", "503 5.5.1 ", "sequence.error").await;
    // EHLO ends a transaction.
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    c.expect("EHLO again", "250").await;
    c.refused(&format!("RCPT TO:<{ANNE}>"), "503 5.5.1 ", "sequence.error").await;
    // HELO: no extension.
    c.expect("HELO again", "250 mss.alpha.fr").await;
    c.refused(&format!("MAIL FROM:<{PAUL}> SIZE=10"), "555 5.5.4 ", "syntax.error").await;
    assert!(c.transact(PAUL, &[ANNE], letter(PAUL, "helo")).await.starts_with("250 2.0.0"));
}

#[tokio::test]
async fn international_addresses_need_their_parameter() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.refused("MAIL FROM:<éva@beta.mssante.fr>", "501 5.1.7 ", "sender.syntax").await;
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    c.refused("RCPT TO:<éva@alpha.mssante.fr>", "553 5.6.7 ", "rcpt.syntax").await;
    c.expect("RSET", "250").await;
    c.expect("MAIL FROM:<éva@beta.mssante.fr> SMTPUTF8 BODY=8BITMIME", "250").await;
    c.refused("RCPT TO:<éva@alpha.mssante.fr>", "550 5.1.1 ", "rcpt.unknown").await;
    c.expect(&format!("RCPT TO:<{ANNE}>"), "250").await;
    c.expect("DATA", "354").await;
    c.send(letter("éva@beta.mssante.fr", "utf8") + ".\r\n").await;
    assert!(c.reply().await.starts_with("250 2.0.0"));
    let inbox = world.inbox("anne", ANNE).await;
    assert!(String::from_utf8_lossy(&inbox[0]).contains("with UTF8SMTPS"));
    assert!(world.refusals().await.iter().any(|code| code == "rcpt.syntax"));
}
