//! BDAT, BINARYMIME and what is asked for reports (RFC 3030, RFC 3461, RFC 8689, RFC 9422), at both doors.
use crate::client::{Client, letter};
use crate::world::{MAX, World};
use base64::Engine;
use sceau_domain::dsn::{EnvelopeId, Notify, OriginalRecipient, RcptRequest, Ret};
use sceau_smtp::server::SessionLimits;
use sceau_testkit::pki::{Pki, anonymous};

const PAUL: &str = "paul@beta.mssante.fr";
const ANNE: &str = "anne@alpha.mssante.fr";
const BRUNO: &str = "bruno@alpha.mssante.fr";

/// MAIL with these parameters, and one recipient.
async fn begin(c: &mut Client, parameters: &str) {
    c.expect(&format!("MAIL FROM:<{PAUL}> {parameters}"), "250 2.1.0").await;
    c.expect(&format!("RCPT TO:<{ANNE}>"), "250 2.1.5").await;
}

/// A chunk, and its reply.
async fn chunk(c: &mut Client, octets: &[u8], last: &str) -> String {
    c.send([format!("BDAT {}{last}\r\n", octets.len()).as_bytes(), octets].concat()).await;
    c.reply().await
}

#[tokio::test]
async fn what_is_announced_and_a_message_in_chunks() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let hello = c.expect("EHLO mss.beta.fr", "250").await;
    for line in ["DSN", "CHUNKING", "BINARYMIME", "REQUIRETLS", "LIMITS MAILMAX=10000 RCPTMAX=100", "PIPELINING"] {
        let said = hello.lines().any(|l| l[4..] == *line);
        assert!(said, "{line} is missing in {hello}");
    }
    let mut clear = Client::connect(world.mx).await;
    let hello = clear.expect("EHLO mss.beta.fr", "250").await;
    assert!(!hello.contains("REQUIRETLS") && !hello.contains("CHUNKING") && !hello.contains("DSN"), "{hello}");

    // In three chunks, cut within CRLF, the last one empty; dots are content.
    let text = letter(PAUL, "morceaux") + ".\r\n..\r\nfin";
    let cut = text.find("\r\n").unwrap() + 1;
    begin(&mut c, "SIZE=500 BODY=8BITMIME").await;
    assert_eq!(chunk(&mut c, &text.as_bytes()[..cut], "").await, format!("250 2.0.0 {cut} octets received\r\n"));
    assert!(chunk(&mut c, &text.as_bytes()[cut..], "").await.starts_with("250 2.0.0"));
    assert!(chunk(&mut c, b"", " LAST").await.starts_with("250 2.0.0 Ok: "));
    // Pipelined with its transaction, and the next one behind it.
    let second = letter(PAUL, "enfilade");
    c.send(format!(
        "MAIL FROM:<{PAUL}>\r\nRCPT TO:<{ANNE}>\r\nBDAT 10\r\n{}BDAT {} LAST\r\n{}MAIL FROM:<{PAUL}>\r\nRSET\r\n",
        &second[..10],
        second.len() - 10,
        &second[10..]
    ))
    .await;
    for code in ["250 2.1.0", "250 2.1.5", "250 2.0.0 10 octets", "250 2.0.0 Ok: ", "250 2.1.0", "250 2.0.0 Ok"] {
        let reply = c.reply().await;
        assert!(reply.starts_with(code), "{reply} is not {code}");
    }
    let inbox = world.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 2);
    assert!(inbox[0].ends_with(text.as_bytes()) && inbox[1].ends_with(second.as_bytes()));
}

#[tokio::test]
async fn requests_about_reports_reach_the_envelope_and_nothing_is_injected_by_them() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    c.expect(&format!("MAIL FROM:<{PAUL}> RET=HDRS ENVID=QQ+2B314 REQUIRETLS"), "250 2.1.0").await;
    c.expect(&format!("RCPT TO:<{ANNE}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;anne+2Bx@alpha.mssante.fr"), "250 2.1.5")
        .await;
    for bad in ["NOTIFY=NEVER,SUCCESS", "ORCPT=rfc822;a+0D+0ARCPT+20TO:+3Cx@y.fr+3E", "ORCPT=rfc822;+00", "ORCPT=x"] {
        c.refused(&format!("RCPT TO:<{BRUNO}> {bad}"), "501 5.5.2 ", "syntax.error").await;
    }
    c.expect("RSET", "250").await;
    for bad in ["ENVID=a+0D+0Ab", "ENVID=+00", "RET=ALL", "REQUIRETLS=1", "BODY=BINARYMIME BODY=7BIT", "AUTH=+0A"] {
        let begins = if bad.starts_with("AUTH") { "555 5.5.4 " } else { "501 5.5.2 " };
        c.refused(&format!("MAIL FROM:<{PAUL}> {bad}"), begins, "syntax.error").await;
    }
    c.refused(&format!("MAIL FROM:<{PAUL}> ENVID={}", "x".repeat(101)), "501 5.5.2 ", "syntax.error").await;
    assert_eq!(world.kept().await, 0);

    // From a mail program to another operator: as it was asked, in the queue.
    let (_, token) = world.token("anne").await;
    let mut c = Client::secure(world.submission, &anonymous()).await;
    let hello = c.expect("EHLO poste", "250").await;
    assert!(["DSN", "CHUNKING", "REQUIRETLS", "LIMITS MAILMAX=10000"].iter().all(|l| hello.contains(l)), "{hello}");
    let secret = base64::prelude::BASE64_STANDARD.encode(format!("\0anne\0{token}"));
    c.expect(&format!("AUTH PLAIN {secret}"), "235").await;
    c.expect(&format!("MAIL FROM:<{ANNE}> RET=FULL ENVID=a+20b REQUIRETLS BODY=BINARYMIME"), "250").await;
    c.expect(&format!("RCPT TO:<{PAUL}> NOTIFY=NEVER ORCPT=utf-8;p\\x{{E9}}@beta.test"), "250").await;
    assert!(chunk(&mut c, letter(ANNE, "demande").as_bytes(), " LAST").await.starts_with("250 2.0.0 Ok: "));
    let destination = world.op.lease_destination().await.unwrap().expect("queued");
    let out = world.op.next_outgoing(&destination).await.unwrap().expect("due");
    assert_eq!((out.dsn.ret, out.dsn.envid), (Some(Ret::Full), EnvelopeId::new("a b").ok()));
    let asked =
        RcptRequest { notify: Some(Notify::NEVER), orcpt: OriginalRecipient::new("utf-8", "pé@beta.test").ok() };
    assert_eq!((out.requests, out.requiretls, out.binary), (vec![asked], true, false));
}

#[tokio::test]
async fn binary_parts_are_kept_as_lines_that_decode_to_the_same() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let octets: Vec<u8> = (0..=255u8).chain(*b"\r\n.\r\n\nMAIL FROM:<x@y.fr>\r\n\0").cycle().take(70_000).collect();
    let head = format!(
        "From: {PAUL}\r\nTo: {ANNE}\r\nSubject: image\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <i@beta>\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    );
    let message = [head.as_bytes(), &octets].concat();
    for round in 0..2 {
        begin(&mut c, "BODY=BINARYMIME").await;
        c.refused("DATA", "503 5.5.1 ", "sequence.error").await;
        assert!(chunk(&mut c, &message[..1000], "").await.starts_with("250"));
        let reply = chunk(&mut c, &message[1000..], " LAST").await;
        assert!(reply.starts_with("250 2.0.0 Ok: "), "{round}: {reply}");
    }
    let inbox = world.inbox("anne", ANNE).await;
    assert_eq!(inbox.len(), 1, "the second sending is recognised");
    let text = String::from_utf8(inbox[0].clone()).expect("lines of ASCII");
    let (header, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(header.contains("Content-Transfer-Encoding: base64") && !header.contains("binary"), "{header}");
    let decoded = base64::prelude::BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap();
    assert!(decoded == octets, "octet for octet");
    // Octets that are no lines where nothing says binary are refused, as everywhere.
    for (text, code) in [
        (letter(PAUL, "nul") + "a\0b\r\n", "[message.nul]"),
        (letter(PAUL, "lf") + "a\nb\r\n", "[message.bare_newline]"),
        (letter(PAUL, "cr") + "fin\r", "[message.bare_newline]"),
        (letter(PAUL, "fin\n.\nMAIL"), "[message.bare_newline]"),
    ] {
        for body in ["BODY=BINARYMIME", "BODY=8BITMIME"] {
            begin(&mut c, body).await;
            let reply = chunk(&mut c, text.as_bytes(), " LAST").await;
            assert!(reply.starts_with("554 5.6.0 ") && reply.contains(code), "{body}: {reply}");
        }
    }
    assert_eq!((world.inbox("anne", ANNE).await.len(), world.spools()), (1, 0));
}

#[tokio::test]
async fn chunks_at_the_wrong_moment_are_taken_off_the_line_and_half_a_message_is_never_kept() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let mut c = world.beta(&pki).await;
    let smuggled = format!("MAIL FROM:<{PAUL}>\r\nRCPT TO:<{BRUNO}>\r\nDATA\r\n{}\r\n.\r\n", letter(PAUL, "passager"));
    // No transaction: the octets are no commands.
    let reply = chunk(&mut c, smuggled.as_bytes(), "").await;
    assert!(reply.starts_with("503 5.5.1 ") && reply.contains("[sequence.error]"), "{reply}");
    c.expect("NOOP", "250").await;
    // No recipient: what was refused is not forgotten, a recipient comes too late.
    c.expect(&format!("MAIL FROM:<{PAUL}>"), "250").await;
    let reply = chunk(&mut c, b"From: x\r\n", "").await;
    assert!(reply.contains("[rcpt.none]"), "{reply}");
    c.expect(&format!("RCPT TO:<{ANNE}>"), "503").await;
    let reply = chunk(&mut c, letter(PAUL, "moitie").as_bytes(), " LAST").await;
    assert!(reply.starts_with("503 5.5.1 "), "{reply}");
    // After the last one the transaction is over.
    begin(&mut c, "SIZE=10").await;
    assert!(chunk(&mut c, letter(PAUL, "debut").as_bytes(), "").await.starts_with("250"));
    c.refused("DATA", "503 5.5.1 ", "sequence.error").await;
    c.refused(&format!("RCPT TO:<{BRUNO}>"), "503 5.5.1 ", "sequence.error").await;
    c.refused(&format!("MAIL FROM:<{PAUL}>"), "503 5.5.1 ", "sequence.error").await;
    // Too big, said before it is read; then nothing more is taken until the end.
    let reply = chunk(&mut c, &vec![b'x'; usize::try_from(MAX).unwrap()], "").await;
    assert!(reply.starts_with("552 5.3.4 ") && reply.contains("[message.too_big]"), "{reply}");
    assert!(chunk(&mut c, b"x", "").await.starts_with("503"));
    c.expect("RSET", "250").await;
    // A session serves on.
    begin(&mut c, "").await;
    assert!(chunk(&mut c, letter(PAUL, "apres").as_bytes(), " LAST").await.starts_with("250"));
    assert_eq!(world.inbox("anne", ANNE).await.len(), 1);
    assert_eq!(world.inbox("bruno", BRUNO).await.len(), 0);

    // How many octets follow is not known, or they are too many, or a stranger's: the session ends.
    let limits = SessionLimits { discard: 1000, ..crate::world::quick() };
    let strict = World::with(&pki, "alpha", |s| s.limits = limits).await;
    let long = format!("BDAT 5{}", " ".repeat(3000));
    for (line, begins) in [
        ("BDAT x", "501 "),
        ("BDAT -1 LAST", "501 "),
        ("BDAT 99999999999999999999", "501 "),
        ("BDAT 1001", "503 "),
        (&long, "500 "),
    ] {
        let mut c = strict.beta(&pki).await;
        c.send(format!("{line}\r\nQUIT\r\n")).await;
        let reply = c.reply().await;
        assert!(reply.starts_with(begins), "{line}: {reply}");
        assert!(c.is_closed().await, "{line}: what follows is read as commands");
    }
    let mut stranger = Client::secure(strict.mx, &anonymous()).await;
    stranger.send("BDAT 4\r\nNOOP\r\nNOOP\r\n").await;
    assert!(stranger.reply().await.contains("[peer.no_certificate]"));
    assert!(stranger.is_closed().await);
}

#[tokio::test]
async fn a_cut_between_or_within_chunks_leaves_nothing() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    for within in [false, true] {
        let mut c = world.beta(&pki).await;
        begin(&mut c, "BODY=BINARYMIME").await;
        assert!(chunk(&mut c, &[0; 100_000], "").await.starts_with("250"));
        if within {
            c.send("BDAT 5000 LAST\r\nabc").await;
        }
        drop(c);
    }
    world.refusal_traced("transfer.cut").await;
    let gone = async {
        while world.spools() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("nothing is left");
    assert_eq!(world.kept().await, 0);
}
