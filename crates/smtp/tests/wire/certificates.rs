//! Who may speak at the MX door: TLS first, then a good certificate; each cause with its code and its trace.
use crate::client::Client;
use crate::world::{World, list};
use sceau_testkit::pki::{Pki, anonymous, client};

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";

#[tokio::test]
async fn before_tls_there_is_only_starttls() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = Client::connect(world.mx).await;
    let hello = c.expect("EHLO client.exemple.fr", "250").await;
    assert_eq!(hello, "250-mss.alpha.fr\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n");
    for line in [
        "MAIL FROM:<paul@beta.mssante.fr>",
        "RCPT TO:<anne@alpha.mssante.fr>",
        "DATA",
        "VRFY anne",
        "HELP",
        "AUTH PLAIN",
    ] {
        c.refused(line, "530 5.7.0 ", "peer.no_tls").await;
    }
    for line in ["NOOP", "RSET", "HELO client.exemple.fr"] {
        c.expect(line, "250").await;
    }
    // What a stranger says that he will send is not waited for.
    c.refused("BDAT 10 LAST", "530 5.7.0 ", "peer.no_tls").await;
    assert!(c.is_closed().await);
}

#[tokio::test]
async fn each_bad_certificate_has_its_cause_and_the_handshake_completes() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let world = World::new(&pki).await;
    for (tls, code) in [
        (anonymous(), "peer.no_certificate"),
        (client(&stranger.identity("mss.beta.fr")), "peer.unknown_issuer"),
        (client(&pki.expired("mss.beta.fr")), "peer.expired"),
        (client(&pki.not_yet("mss.beta.fr")), "peer.not_yet_valid"),
        (client(&pki.revoked("mss.beta.fr")), "peer.revoked"),
        (client(&pki.identity("mss.inconnu.fr")), "peer.not_listed"),
    ] {
        let mut c = Client::secure(world.mx, &tls).await;
        for line in ["EHLO a", "HELO a", "NOOP", "RSET"] {
            c.expect(line, "250").await;
        }
        let mail = format!("MAIL FROM:<{PAUL}>");
        let rcpt = format!("RCPT TO:<{ANNE}>");
        for line in
            [mail.as_str(), &rcpt, "MAIL FROM:<>", "DATA", "VRFY anne", "EXPN anne", "HELP", "AUTH PLAIN", "XYZZY"]
        {
            c.refused(line, "554 5.7.1 ", code).await;
        }
        c.expect("QUIT", "221").await;
        assert!(world.refusals().await.contains(&code.to_owned()), "{code} has no trace");
    }
    assert_eq!(world.kept().await, 0);
}

#[tokio::test]
async fn a_resumed_session_is_judged_as_a_new_one_and_at_each_mail() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let tls = client(&pki.identity("mss.beta.fr"));
    let mut first = Client::secure(world.mx, &tls).await;
    first.expect(&format!("MAIL FROM:<{PAUL}>"), "250 2.1.0").await;
    first.expect("QUIT", "221").await;
    let mut second = Client::secure(world.mx, &tls).await;
    assert!(second.0.tls().unwrap().resumed);
    second.expect(&format!("MAIL FROM:<{PAUL}>"), "250 2.1.0").await;
    second.expect("RSET", "250").await;
    // The list changes while the session lives.
    world.op.trust().set_white_list(list(&[("alpha.mssante.fr", "mss.alpha.fr"), ("gamma.mssante.fr", "mss.beta.fr")]));
    second.refused(&format!("MAIL FROM:<{PAUL}>"), "554 5.7.1 ", "sender.domain_not_peers").await;
    second.expect("MAIL FROM:<zoe@gamma.mssante.fr>", "250 2.1.0").await;
    second.expect("RSET", "250").await;
    second.expect("MAIL FROM:<>", "250 2.1.0").await;
    // A third one resumes the handshake of a peer that is in no list any more.
    world.op.trust().set_white_list(list(&[("alpha.mssante.fr", "mss.alpha.fr")]));
    let mut third = Client::secure(world.mx, &tls).await;
    assert!(third.0.tls().unwrap().resumed);
    third.refused("MAIL FROM:<>", "554 5.7.1 ", "peer.not_listed").await;
}

#[tokio::test]
async fn clear_bytes_behind_starttls_close_the_connection() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    for door in [world.mx, world.submission] {
        let mut c = Client::connect(door).await;
        c.expect("EHLO a", "250").await;
        c.send("STARTTLS\r\nMAIL FROM:<paul@beta.mssante.fr>\r\n").await;
        assert!(c.is_closed().await, "not a word, and no handshake");
    }
    world.refusal_traced("syntax.error").await;
}

#[tokio::test]
async fn what_was_said_in_clear_is_forgotten_under_tls() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = Client::connect(world.mx).await;
    c.expect("EHLO a", "250").await;
    c.starttls(&client(&pki.identity("mss.beta.fr"))).await;
    c.refused(&format!("MAIL FROM:<{PAUL}>"), "503 5.5.1 ", "sequence.error").await;
    c.refused("STARTTLS", "503 5.5.1 ", "sequence.error").await;
    let hello = c.expect("EHLO client.exemple.fr", "250").await;
    let expected = "250-mss.alpha.fr\r\n250-PIPELINING\r\n250-SIZE 300000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n\
                    250-DSN\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-REQUIRETLS\r\n250 LIMITS MAILMAX=10000 RCPTMAX=100\r\n";
    assert_eq!(hello, expected);
}

#[tokio::test]
async fn the_certificate_of_another_domain_than_the_senders_or_the_froms() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.refused("MAIL FROM:<zoe@gamma.mssante.fr>", "554 5.7.1 ", "sender.domain_not_peers").await;
    c.refused(&format!("MAIL FROM:<{ANNE}>"), "554 5.7.1 ", "sender.domain_not_peers").await;
    let reply = c.transact(PAUL, &[ANNE], crate::client::letter("zoe@gamma.mssante.fr", "a")).await;
    assert!(reply.starts_with("554 5.7.1 ") && reply.contains("[header.from_not_peers]"), "{reply}");
    assert_eq!(world.kept().await, 0);
    assert_eq!(world.refusals().await, ["sender.domain_not_peers", "sender.domain_not_peers", "header.from_not_peers"]);
}
