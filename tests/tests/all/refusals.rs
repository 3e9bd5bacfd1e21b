//! Bad input at the MX door of the built program: each refusal has its stable code, its sentence in French and in English, and its
//! trace; nothing is kept, nothing is left among the spools, and the door goes on serving.
use sceau_e2e::peer::{letter, stuffed};
use sceau_e2e::{Mailbox, Peer, Run, Sandbox, doors, proves, wait};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";
const YANN: &str = "yann.morvan@bretagne.mssante.fr";

/// A sandbox, and a peer that B knows as the outsider.
fn met() -> (Sandbox, Peer) {
    let sandbox = Sandbox::start();
    let peer = good(&sandbox, 1);
    (sandbox, peer)
}

fn good(sandbox: &Sandbox, place: u8) -> Peer {
    Peer::secure_from(place, &sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())))
}

/// Nothing arrived at Anne's or Yann's, nothing is left among the spools.
#[track_caller]
fn nothing_kept(sandbox: &Sandbox) {
    let b = sandbox.b();
    for i in 0..2 {
        let counts = Mailbox::open(b, b.account("Per", i), &sandbox.tls(None)).count("INBOX");
        assert!(counts.is_empty(), "{counts:?}");
    }
    wait::until("empty spools", 10, || (b.spools() == 0).then_some(()));
    assert_eq!(blob_files(sandbox), 0);
}

fn blob_files(sandbox: &Sandbox) -> usize {
    let folders = sandbox.b().data.join("data/blobs").read_dir().expect("blobs");
    folders.flatten().filter_map(|f| f.path().read_dir().ok()).map(Iterator::count).sum()
}

/// The door still takes a good message.
#[track_caller]
fn still_serves(peer: &mut Peer) {
    peer.up_to_data(OUT, &[ANNE]).content(letter(OUT, ANNE, "apres", "tout va bien").as_bytes()).expect("250 2.0.0");
}

#[test]
fn certificates_that_open_nothing() {
    let _proof = proves(&["F147", "F201", "F204", "F076"], "smtp");
    let sandbox = Sandbox::start();
    let c = &sandbox.ready.certificates;
    let cases = [
        (None, "peer.no_certificate"),
        (Some(&c.rogue), "peer.unknown_issuer"),
        (Some(&c.expired), "peer.expired"),
        (Some(&c.revoked), "peer.revoked"),
        (Some(&c.unlisted), "peer.not_listed"),
    ];
    for (shown, code) in cases {
        let mark = sandbox.b().mark();
        let mut peer = Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(shown));
        // What is always open stays open; all the rest says why it is not.
        peer.send("NOOP").expect("250").send("RSET").expect("250").send("HELO x").expect("250");
        for closed in
            [&format!("MAIL FROM:<{OUT}>"), "MAIL FROM:<>", &format!("RCPT TO:<{ANNE}>"), "DATA", "VRFY anne", "HELP"]
        {
            peer.send(closed).refused("554 5.7.1 ", code);
        }
        peer.send("QUIT").expect("221").closed();
        assert_eq!(sandbox.b().refusals_since(mark), [code]);
    }
    nothing_kept(&sandbox);
    still_serves(&mut good(&sandbox, 1));
}

#[test]
fn old_versions_of_tls_do_not_enter() {
    let _proof = proves(&["F201"], "smtp");
    let sandbox = Sandbox::start();
    let o = sandbox.outsider();
    let (cert, key) = (o.cert.to_str().expect("UTF-8"), o.key.to_str().expect("UTF-8"));
    let dial = |version: &str, cipher: &str| {
        let mut args =
            vec!["s_client", "-connect", &sandbox.b().endpoints.mx, "-starttls", "smtp", "-cert", cert, "-key", key];
        args.extend(["-CAfile", sandbox.anchors(), "-verify_return_error", "-ign_eof", version, "-cipher", cipher]);
        Run::with_input("openssl", &args, b"QUIT\r\n")
    };
    // The same program gets in with 1.2: what follows fails for the version alone.
    let good = dial("-tls1_2", "DEFAULT:@SECLEVEL=0").ok();
    assert!(good.out.contains("221 2.0.0"), "{}", good.out);
    for version in ["-tls1_1", "-tls1"] {
        let run = dial(version, "DEFAULT:@SECLEVEL=0");
        assert!(run.code != 0 && !run.out.contains("221 2.0.0"), "{version}: {}", run.out);
        let alert = ["alert protocol version", "alert handshake failure"];
        assert!(alert.iter().any(|a| run.err.contains(a)), "{version}: {}", run.err);
    }
    let weak = dial("-tls1_2", "AES128-SHA:@SECLEVEL=0");
    assert!(weak.code != 0 && weak.err.contains("handshake failure"), "no forward secrecy, no door: {}", weak.err);
    still_serves(&mut self::good(&sandbox, 1));
}

#[test]
fn starttls_comes_first_and_nothing_slips_in_before_it() {
    let _proof = proves(&["F201", "F208"], "smtp");
    let sandbox = Sandbox::start();
    let mx = &sandbox.b().endpoints.mx;
    let mark = sandbox.b().mark();
    let mut peer = Peer::connect(mx);
    peer.expect("220").send("EHLO x").expect("250");
    assert!(peer.last().contains("STARTTLS") && !peer.last().contains("PIPELINING"), "{}", peer.last());
    for early in [&format!("MAIL FROM:<{OUT}>"), &format!("RCPT TO:<{ANNE}>"), "DATA", "VRFY anne", "HELP"] {
        peer.send(early).refused("530 5.7.0 ", "peer.no_tls");
    }
    // What came in clear in the same packet would otherwise be taken for what is said under TLS.
    peer.raw(format!("STARTTLS\r\nMAIL FROM:<{OUT}>\r\n").as_bytes()).closed();
    sandbox.b().refusal_traced(mark, "syntax.error");
    // What was said before the handshake does not count after it (RFC 3207).
    let mut peer = good(&sandbox, 1);
    peer.send("STARTTLS").refused("503 5.5.1 ", "sequence.error");
    let tls = sandbox.tls(Some(&sandbox.outsider()));
    let mut forgetful = Peer::connect(mx);
    forgetful.expect("220").send("EHLO x").expect("250").starttls(&tls);
    forgetful.send(&format!("MAIL FROM:<{OUT}>")).refused("503 5.5.1 ", "sequence.error");
    nothing_kept(&sandbox);
}

#[test]
fn senders_and_recipients_that_do_not_fit() {
    let _proof = proves(&["F203", "F205", "F219", "F150", "F029"], "smtp");
    let (sandbox, mut peer) = met();
    let b = sandbox.b();
    let mark = b.mark();
    let a_mail = "marie.martin@alpes.mssante.fr";
    peer.send(&format!("MAIL FROM:<{a_mail}>")).refused("554 5.7.1 ", "sender.domain_not_peers");
    peer.send("MAIL FROM:<x@exemple.org>").refused("554 5.7.1 ", "sender.domain_not_peers");
    peer.send("MAIL FROM:x@exemple.org").refused("501 5.1.7 ", "sender.syntax");
    peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250");
    peer.send("RCPT TO:<quelqu.un@exemple.org>").refused("554 5.7.1 ", "rcpt.relay");
    // Listed, but not ours: still no relay.
    peer.send(&format!("RCPT TO:<{a_mail}>")).refused("554 5.7.1 ", "rcpt.relay");
    peer.send("RCPT TO:<inconnu@bretagne.mssante.fr>").refused("550 5.1.1 ", "rcpt.unknown");
    peer.send("RCPT TO:<@relais.fr:anne@bretagne.mssante.fr>").refused("501 5.1.3 ", "rcpt.syntax");
    peer.send("RCPT TO:<test.essai@bretagne.mssante.fr>").refused("550 5.7.1 ", "exchange.test");
    peer.send("DATA").refused("554 5.5.1 ", "rcpt.none");
    peer.send("RSET").expect("250");
    // The envelope is the peer's, the header lies.
    peer.up_to_data(OUT, &[ANNE]).content(letter(a_mail, ANNE, "menteur", "x").as_bytes());
    peer.refused("554 5.7.1 ", "header.from_not_peers");
    let codes = [
        "sender.domain_not_peers",
        "sender.domain_not_peers",
        "sender.syntax",
        "rcpt.relay",
        "rcpt.relay",
        "rcpt.unknown",
        "rcpt.syntax",
        "exchange.test",
        "rcpt.none",
        "header.from_not_peers",
    ];
    assert_eq!(b.refusals_since(mark), codes);
    // Each trace names the certificate and the session, and no content.
    for t in b.traces_since(mark).iter().filter(|t| t["act"] == "mail.refused") {
        assert!(t["actor"].as_str().is_some_and(|a| a.contains("mx.clinique-exterieure.mssante.fr")), "{t}");
        assert!(
            t["remote"] == "127.0.0.1" && t["session"].is_string() && !t.to_string().contains("essai menteur"),
            "{t}"
        );
    }
    nothing_kept(&sandbox);

    // A report with the null reverse path is welcome from any listed peer, and its From is judged all the same.
    peer.up_to_data("", &[ANNE]).content(letter(OUT, ANNE, "rapport", "x").as_bytes()).expect("250 2.0.0");
    peer.up_to_data("", &[ANNE]).content(letter(a_mail, ANNE, "faux-rapport", "x").as_bytes());
    peer.refused("554 5.7.1 ", "header.from_not_peers");
    // Whoever runs our domain is reached.
    peer.up_to_data(OUT, &["postmaster@bretagne.mssante.fr"]).content(letter(OUT, ANNE, "maitre", "x").as_bytes());
    peer.expect("250 2.0.0");
    let counts = Mailbox::open(b, b.account("Per", 0), &sandbox.tls(None)).count("INBOX");
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("rapport".to_owned(), 1)]);
}

#[test]
fn headers_that_could_be_read_in_two_ways_and_loops() {
    let _proof = proves(&["F208", "F219"], "smtp");
    let (sandbox, mut peer) = met();
    let mark = sandbox.b().mark();
    let head = letter(OUT, ANNE, "x", "corps");
    let hop = "Received: from a (a [127.0.0.1]) by b with ESMTPS id 1; Mon, 05 Jan 2026 08:00:00 +0100\r\n";
    let cases = [
        (format!("From: <autre@clinique-exterieure.mssante.fr>\r\n{head}"), "header.from_many"),
        (
            format!("From: <{OUT}>, <autre@clinique-exterieure.mssante.fr>\r\nSubject: x\r\n\r\nx\r\n"),
            "header.from_many",
        ),
        ("Subject: personne\r\n\r\nx\r\n".to_owned(), "header.from_missing"),
        (format!("Date: Mon, 05 Jan 2026 09:00:00 +0100\r\n{head}"), "header.date_many"),
        (hop.repeat(101) + &head, "message.loop"),
        (format!("{head}zero\0zero\r\n"), "message.nul"),
        (format!("{head}{}\r\n", "x".repeat(1200)), "message.line_too_long"),
        (format!("{head}un\nautre\r\n"), "message.bare_newline"),
        (format!("{head}un\rautre\r\n"), "message.bare_newline"),
    ];
    for (content, code) in &cases {
        peer.up_to_data(OUT, &[ANNE]).content(content.as_bytes()).refused("554 5.", code);
    }
    let codes: Vec<&str> = cases.iter().map(|(_, code)| *code).collect();
    assert_eq!(sandbox.b().refusals_since(mark), codes);
    nothing_kept(&sandbox);
    // A hundred hops are a long way and no loop yet: ours is not counted against the sender.
    peer.up_to_data(OUT, &[ANNE]).content((hop.repeat(99) + &head).as_bytes()).expect("250 2.0.0");
}

/// Every end that some server somewhere took for the end of data (CVE-2023-51764 to -51766 and their family).
pub(crate) const FALSE_ENDS: [&[u8]; 16] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\r.\r\n",
    b"\n\n.\r\n",
    b"\r\n.\n\r\n",
    b"\r\n\n.\r\n",
];

#[test]
fn no_false_end_of_data_smuggles_a_second_message() {
    let _proof = proves(&["F208"], "smtp");
    let (sandbox, mut peer) = met();
    let mark = sandbox.b().mark();
    let smuggled = letter(OUT, YANN, "passager", "clandestin");
    let mut codes = Vec::new();
    for end in FALSE_ENDS {
        let visible = letter(OUT, ANNE, "visible", "devant");
        let inside = format!("MAIL FROM:<{OUT}>\r\nRCPT TO:<{YANN}>\r\nDATA\r\n");
        let wire = [visible.trim_end().as_bytes(), end, inside.as_bytes(), smuggled.as_bytes(), b"\r\n.\r\n"].concat();
        let code = if end.contains(&0) { "message.nul" } else { "message.bare_newline" };
        peer.up_to_data(OUT, &[ANNE]).raw(&wire).refused("554 5.6.0 ", code);
        codes.push(code);
        // One reply, after the true end; what follows is answered as what it is.
        peer.send("NOOP").expect("250 2.0.0");
    }
    assert_eq!(sandbox.b().refusals_since(mark), codes);
    nothing_kept(&sandbox);
    // Byte by byte, so that no variant hides behind the cutting of packets.
    peer.up_to_data(OUT, &[ANNE]);
    for byte in [letter(OUT, ANNE, "lent", "lent").trim_end().as_bytes(), b"\n.\r\nQUIT\r\n.\r\n"].concat() {
        assert!(peer.try_raw(&[byte]));
    }
    peer.refused("554 5.6.0 ", "message.bare_newline");
    // Dots at the beginning of lines are no end, and arrive as they were.
    peer.up_to_data(OUT, &[ANNE])
        .content(letter(OUT, ANNE, "points", ".\r\n..\r\n.fin").as_bytes())
        .expect("250 2.0.0");
    let b = sandbox.b();
    let mut mailbox = Mailbox::open(b, b.account("Per", 0), &sandbox.tls(None));
    mailbox.ok("EXAMINE INBOX");
    let body = mailbox.ok("FETCH 1 BODY.PEEK[TEXT]");
    assert!(body.contains("\r\n.\r\n..\r\n.fin\r\n"), "{body:?}");
}

#[test]
fn too_big_and_too_many() {
    let _proof = proves(&["F059", "F061"], "smtp");
    let (sandbox, mut peer) = met();
    let b = sandbox.b();
    let mark = b.mark();
    peer.send("EHLO x").expect("250");
    let announced: u64 = peer
        .last()
        .lines()
        .find_map(|l| l.get(4..)?.strip_prefix("SIZE ")?.trim().parse().ok())
        .expect("SIZE is announced");
    peer.send(&format!("MAIL FROM:<{OUT}> SIZE={}", announced + 1)).refused("552 5.3.4 ", "message.too_big");
    peer.send(&format!("MAIL FROM:<{OUT}> SIZE=99999999999999999999")).refused("552 5.3.4 ", "message.too_big");
    peer.send(&format!("MAIL FROM:<{OUT}> SIZE=beaucoup")).refused("501 5.5.2 ", "syntax.error");
    // Announced small, and big all the same: read to its end, refused, nothing kept.
    peer.send(&format!("MAIL FROM:<{OUT}> SIZE=1000")).expect("250").send(&format!("RCPT TO:<{ANNE}>")).expect("250");
    peer.send("DATA").expect("354").raw(letter(OUT, ANNE, "menteur", "x").as_bytes());
    let block = format!("{}\r\n", "x".repeat(998)).repeat(1000);
    for _ in 0..=announced / block.len() as u64 {
        peer.raw(block.as_bytes());
    }
    peer.raw(b".\r\n").refused("552 5.3.4 ", "message.too_big");
    assert_eq!(b.refusals_since(mark), ["message.too_big", "message.too_big", "syntax.error", "message.too_big"]);
    nothing_kept(&sandbox);

    // 10,000 recipients that nobody knows: each is answered, then the session is over.
    let mark = b.mark();
    let mut flood = good(&sandbox, 7);
    flood.send(&format!("MAIL FROM:<{OUT}>")).expect("250");
    let mut unknown = 0;
    let closed = (0..100).any(|batch| {
        let lines: String = (0..100).map(|n| format!("RCPT TO:<inconnu{batch}.{n}@bretagne.mssante.fr>\r\n")).collect();
        if !flood.try_raw(lines.as_bytes()) {
            return true;
        }
        (0..100).any(|_| {
            let reply = flood.hear();
            if reply.starts_with("550 5.1.1 ") {
                unknown += 1;
                return false;
            }
            assert!(reply.starts_with("421 4.7.0 ") && reply.contains("[session.too_many_errors]"), "{reply}");
            true
        })
    });
    assert!(closed && (20..1000).contains(&unknown), "{unknown} refusals in one session");
    let traced = b.refusals_since(mark).len();
    assert!((1..100).contains(&traced), "{traced} traces for one flood");
    still_serves(&mut peer);
}

#[test]
fn what_patients_take_others_may_not() {
    let _proof = proves(&["F218"], "submission");
    let mut sandbox = Sandbox::start();
    sandbox.configure(0, &[("[operator]\n", "[operator]\npatient_domains = [\"bretagne.mssante.fr\"]\n")]);
    let (a, colleague) = (sandbox.a(), &sandbox.a().account("Per", 1).address);
    let mine = a.account("Per", 0);
    let mut door = doors::submission(&sandbox, a, &mine.login, &mine.token).expect("signed in");
    let mut ask = |line: String, code: &str| door.ask(&line, code).unwrap_or_else(|e| panic!("{line}: {e}"));
    // Invented, with the right key.
    let patient = "279035121518989@bretagne.mssante.fr";
    let from = format!("MAIL FROM:<{}> SIZE=", mine.address);
    ask(format!("{from}20000000"), "250");
    let said = ask(format!("RCPT TO:<{colleague}>"), "552");
    assert!(said.contains("[message.too_big]") && said.contains("10"), "{said}");
    ask(format!("RCPT TO:<{patient}>"), "250");
    ask("RSET".into(), "250");
    ask(format!("{from}30000000"), "552");
    ask(format!("{from}9000000"), "250");
    ask(format!("RCPT TO:<{colleague}>"), "250");
}

#[test]
fn ten_thousand_recipients_over_the_limit_get_the_same_steady_answer() {
    let _proof = proves(&["F061"], "smtp");
    let (sandbox, mut peer) = met();
    let b = sandbox.b();
    let address = |n: usize| format!("automate-{n}@bretagne.mssante.fr");
    std::thread::scope(|scope| {
        for quarter in 0..4 {
            scope.spawn(move || {
                for n in (0..101).filter(|n| n % 4 == quarter) {
                    b.cli(&[
                        "bal",
                        "add",
                        &address(n),
                        "--kind",
                        "App",
                        "--name",
                        "Automate",
                        "--holder",
                        "yann.morvan",
                    ]);
                }
            });
        }
    });
    let mark = b.mark();
    peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250");
    // RFC 5321 asks for 100 at least. The same one again is no other one.
    for n in 0..100 {
        peer.send(&format!("RCPT TO:<{}>", address(n))).expect("250 2.1.5");
    }
    peer.send(&format!("RCPT TO:<{}>", address(7))).expect("250 2.1.5");
    peer.send(&format!("RCPT TO:<{}>", address(100))).refused("452 4.5.3 ", "rcpt.too_many");
    for batch in 0..100 {
        let lines: String = (0..100).map(|n| format!("RCPT TO:<encore{batch}.{n}@bretagne.mssante.fr>\r\n")).collect();
        peer.raw(lines.as_bytes());
        for _ in 0..100 {
            peer.refused("452 4.5.3 ", "rcpt.too_many");
        }
    }
    assert_eq!(b.refusals_since(mark), ["rcpt.too_many"], "one trace, not ten thousand");
    // Those accepted get the message: that is what 452 at RCPT means.
    peer.send("DATA").expect("354").content(letter(OUT, ANNE, "cent", "x").as_bytes()).expect("250 2.0.0");
    let delivered = b.traces_since(mark).iter().filter(|t| t["act"] == "mail.delivered").count();
    assert_eq!(delivered, 100);
    still_serves(&mut peer);
}

#[test]
fn what_never_ends_and_what_is_cut() {
    let _proof = proves(&["F208", "F075"], "smtp");
    let (sandbox, mut peer) = met();
    let b = sandbox.b();
    let mark = b.mark();
    // A long command line is refused once and skipped; the next command is served.
    peer.send(&format!("NOOP {}", "x".repeat(100_000))).refused("500 5.5.6 ", "syntax.line_too_long");
    peer.send("NOOP").expect("250");
    // Endless header, in fields and in one field.
    let field = format!("X-Champ: {}\r\n", "y".repeat(900));
    for content in [field.repeat(3_000), format!("X-Long: y\r\n{}", " suite de la ligne pliee\r\n".repeat(120_000))] {
        peer.up_to_data(OUT, &[ANNE])
            .raw(content.as_bytes())
            .raw(letter(OUT, ANNE, "tete", "x").as_bytes())
            .raw(b".\r\n");
        peer.refused("554 5.6.0 ", "message.header_too_big");
    }
    // An endless line in DATA: thrown away for a while, answered, closed.
    let mut endless = good(&sandbox, 5);
    endless.up_to_data(OUT, &[ANNE]);
    let block = vec![b'x'; 1 << 20];
    let sent = (0..200).take_while(|_| endless.try_raw(&block)).count();
    assert!(sent < 200, "the server goes on reading without end");
    b.refusal_traced(mark, "message.line_too_long");
    // An endless command line as well.
    let mut endless = good(&sandbox, 5);
    let sent = (0..200).take_while(|_| endless.try_raw(&block)).count();
    assert!(sent < 200, "the server goes on reading without end");
    // Cut in a command line; in DATA, with little and with much received; between the last dot's CR and LF.
    let mut line = good(&sandbox, 6);
    line.raw(b"MAIL FROM:<accu");
    line.cut();
    for much in [10, 3_000] {
        let mut data = good(&sandbox, 6);
        data.up_to_data(OUT, &[ANNE]).raw(letter(OUT, ANNE, "coupe", "x").as_bytes());
        data.raw(format!("{}\r\n", "z".repeat(98)).repeat(much).as_bytes());
        data.cut();
    }
    let mut almost = good(&sandbox, 6);
    let wire = stuffed(letter(OUT, ANNE, "presque", "x").as_bytes());
    almost.up_to_data(OUT, &[ANNE]).raw(&wire[..wire.len() - 1]);
    almost.cut();
    wait::until("three cuts to be traced", 20, || {
        (b.refusals_since(mark).iter().filter(|c| *c == "transfer.cut").count() == 3).then_some(())
    });
    nothing_kept(&sandbox);
    still_serves(&mut peer);
}
