//! Who means harm, at both ends: a server that we send to, and a client at the MX door. Each attack is a line of a table; each is counted: nothing is
//! delivered to who may not have it, nothing is lost, nothing is kept twice, nobody outside hears of what he did not send.
use rustls::version::{TLS12, TLS13};
use sceau_e2e::hostile::{Face, Hostile, Odd, Trick, Visit};
use sceau_e2e::peer::{letter, stuffed};
use sceau_e2e::sandbox::KeyPair;
use sceau_e2e::{Letter, Mailbox, Peer, Run, Sandbox, Wire, curl, doors, proves, wait};
use serde_json::Value;

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";
const YANN: &str = "yann.morvan@bretagne.mssante.fr";

fn say(text: &str) -> Odd {
    Odd::Say(text.as_bytes().to_vec())
}

/// A ServerHello that chooses this version and suite, whatever was offered.
fn server_hello(version: [u8; 2], suite: [u8; 2]) -> Odd {
    let body = [&version[..], &[7; 32], &[0], &suite, &[0]].concat();
    let length = |n: usize| u8::try_from(n).expect("short");
    let hello = [&[2, 0, 0, length(body.len())][..], &body].concat();
    Odd::Say([&[22, 3, 3, 0, length(hello.len())][..], &hello].concat())
}

/// Everything a server may do before it is known to be the domain's, then what the domain's own server may do.
fn tricks(sandbox: &Sandbox) -> Vec<(&'static str, Odd, Face, &'static str)> {
    let (c, anchors) = (&sandbox.ready.certificates, &sandbox.ready.anchors);
    let face = |pair: &KeyPair| Face::new(pair, anchors, &[&TLS13, &TLS12]);
    let own = face(&sandbox.outsider());
    let endless = Odd::Flood(b"250-encore\r\n".to_vec());
    let early: [(&str, Odd, &str); 18] = [
        ("greeting", say("554 5.3.2 no\r\n"), "transfer.refused"),
        ("greeting", say("SSH-2.0-x\r\n"), "transfer.protocol"),
        ("greeting", say("220 x\n"), "transfer.protocol"),
        ("greeting", say("220-x\r\n221 y\r\n"), "transfer.protocol"),
        ("greeting", Odd::Flood(b"220-encore\r\n".to_vec()), "transfer.protocol"),
        ("greeting", Odd::Flood(b"220 sans fin ".to_vec()), "transfer.protocol"),
        ("greeting", Odd::Drip(b"220 goutte a goutte ".to_vec()), "transfer.cut"),
        ("greeting", Odd::Cut, "transfer.cut"),
        ("ehlo", endless.clone(), "transfer.protocol"),
        ("ehlo", say("250-mx.exterieur.example\r\n250 SIZE\r\n"), "transfer.no_starttls"),
        ("starttls", say("454 4.7.0 later\r\n"), "transfer.no_starttls"),
        // CVE-2011-0411 seen from the client: what came in clear would be taken for what is said under TLS.
        ("starttls", say("220 2.0.0 go\r\n250 2.0.0 injected\r\n"), "transfer.tls"),
        ("starttls", Odd::Cut, "transfer.cut"),
        ("hello", say("250 2.0.0 en clair\r\n"), "transfer.tls"),
        ("hello", server_hello([3, 2], [0xC0, 0x13]), "transfer.tls"),
        ("hello", server_hello([3, 3], [0, 0x2F]), "transfer.tls"),
        ("hello", server_hello([3, 3], [0, 0x05]), "transfer.tls"),
        ("hello", Odd::Cut, "transfer.tls"),
    ];
    let late = [
        ("EHLO", say("250-x\r\n250 SIZE\r\n250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n"), "transfer.protocol"),
        ("EHLO", endless.clone(), "transfer.protocol"),
        ("EHLO", say("502 5.5.1 no\r\n"), "transfer.refused"),
        ("MAIL", Odd::Silence, "transfer.cut"),
        ("MAIL", endless, "transfer.protocol"),
        ("MAIL", say("421 4.3.2 bye\r\n"), "transfer.put_off"),
        ("MAIL", say("250 ok\r\n250 ok\r\n250 ok\r\n"), "transfer.protocol"),
        ("MAIL", say("451 4.7.1 \u{1b}[2J\u{7}\u{202e}wait\r\n"), "transfer.put_off"),
        ("RCPT", say("354 go on\r\n"), "transfer.refused"),
        ("DATA", say("250 2.0.0 taken already\r\n"), "transfer.refused"),
        ("DATA", say("354 go\r\n250 2.0.0 taken before it was said\r\n"), "transfer.protocol"),
        (".", Odd::Drip(b"250-".to_vec()), "transfer.cut"),
        (".", say("2500 2.0.0 taken\r\n"), "transfer.protocol"),
        (".", Odd::Cut, "transfer.cut"),
    ];
    let mut all: Vec<(&str, Odd, Face, &str)> =
        early.into_iter().chain(late).map(|(at, odd, code)| (at, odd, own.clone(), code)).collect();
    // Certificates that are not the domain's, a listed operator's among them.
    let strangers = [
        (&c.rogue, "peer.unknown_issuer"),
        (&c.expired, "peer.expired"),
        (&c.revoked, "peer.revoked"),
        (&c.unlisted, "transfer.server_not_listed"),
        (&sandbox.b().certificate, "transfer.server_not_listed"),
    ];
    all.extend(strangers.map(|(pair, code)| ("never", Odd::Cut, face(pair), code)));
    all
}

#[test]
fn a_server_that_lies_gets_no_mail_before_it_is_known_and_loses_none() {
    let _proof = proves(&["F147", "F201", "F203", "F206", "F208", "F210", "F211"], "smtp");
    let mut sandbox = Sandbox::start();
    let deadlines = "retry_seconds = [3600]\nkeep_open_seconds = 0\n\n[transfer.timeouts]\ngreeting = 2\nreply = 3\nend_of_data = 2";
    sandbox.configure(0, &[("retry_seconds = [1, 2, 5, 10, 30, 60]", deadlines)]);
    let a = sandbox.a();
    let (marie, there) = (a.account("Per", 0), &sandbox.ready.outsiders[0]);
    let honest = Face::new(&sandbox.outsider(), &sandbox.ready.anchors, &[&TLS13]);
    let older = Face::new(&sandbox.outsider(), &sandbox.ready.anchors, &[&TLS12]);
    let server = Hostile::start(&there.mx, &honest);
    let first = Letter::short(&marie.address, &there.addresses[0], "Premier");
    let _ = curl::send(&sandbox, a, marie, &[&there.addresses[0]], &first.bytes).ok();
    let queue = || a.cli(&["queue", "list"]);
    let empty = || wait::until("an empty queue", 20, || (queue() == Value::Array(vec![])).then_some(()));
    wait::until("the first letter", 20, || server.visits().first().filter(|v| v.contents.len() == 1).map(drop));
    empty();

    // One letter, one attack after the other.
    let mut table = tricks(&sandbox);
    let stripped = say("250 mx.exterieur.example\r\n");
    table.push(("ehlo", stripped, honest.clone(), "transfer.no_starttls"));
    let tried = table.len();
    let letter = Letter::short(&marie.address, &there.addresses[0], "Second");
    let mut entry = String::new();
    for (i, (at, odd, face, code)) in table.into_iter().enumerate() {
        let what = format!("attack {i} at {at}: {odd:?}");
        server.next(Trick { at, odd, face });
        if i == 0 {
            let _ = curl::send(&sandbox, a, marie, &[&there.addresses[0]], &letter.bytes).ok();
            entry = wait::until("the entry", 20, || queue()[0]["id"].as_i64()).to_string();
        } else {
            assert_eq!(a.cli(&["queue", "retry", "--all"])["retried"], 1, "{what}");
        }
        let tries = wait::until(&what, 30, || {
            let shown = a.cli(&["queue", "show", &entry]);
            shown["tries"].as_array().filter(|t| t.len() == i + 1).cloned()
        });
        assert_eq!(tries[i]["code"], code, "{what}: {}", tries[i]);
        let visit =
            wait::until(&format!("the end of {what}"), 20, || server.visits().get(i + 1).filter(|v| v.over).cloned());
        let known = ["MAIL", "RCPT", "DATA", "."].contains(&at);
        assert_eq!(visit.heard.iter().any(|l| l.starts_with("MAIL")), known, "{what}: {:?}", visit.heard);
        assert!(visit.flooded < 16 << 20, "{what}: {} bytes taken", visit.flooded);
        assert_eq!(visit.contents.len(), usize::from(at == "."), "{what}");
    }
    assert_eq!(server.visits().len(), tried + 1, "an attack is one connection");
    let shown = a.cli_text(&["--lang", "fr", "queue", "show", &entry]).ok().out;
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    // Other certificates and STARTTLS taken away are alarms, and so is an older version of TLS from who had a newer one.
    for code in ["peer.starttls_gone", "peer.handshake_fails"] {
        wait::until(code, 30, || a.alarm(code));
    }
    server.next(Trick { at: "RCPT", odd: say("451 4.7.1 later\r\n"), face: older });
    assert_eq!(a.cli(&["queue", "retry", "--all"])["retried"], 1);
    wait::until("the alarm of an older TLS", 30, || a.alarm("peer.weaker_tls"));
    // Honest at last: it goes, once.
    assert_eq!(a.cli(&["queue", "retry", "--all"])["retried"], 1);
    empty();
    let visits = server.visits();
    let last = visits.last().map(|v| v.contents.clone()).unwrap_or_default();
    assert_eq!(last.len(), 1);
    // What a liar took before was the same, byte for byte: who gets it twice can see that.
    let all: Vec<&Vec<u8>> = visits[1..].iter().flat_map(|v| &v.contents).collect();
    assert!(all.iter().all(|c| **c == last[0]) && last[0].ends_with(&stuffed(&letter.bytes)), "{} contents", all.len());
    let transferred = a.cli(&["trace", "list", "--act", "mail.transferred"]);
    assert_eq!(transferred.as_array().map(Vec::len), Some(2), "{transferred:#}");
    let inbox = Mailbox::open(a, marie, &sandbox.tls(None)).count("INBOX");
    assert!(inbox.is_empty(), "nothing failed for good: {inbox:?}");
    nothing_smuggled_out(&sandbox, &server);
}

/// What a mail program sends with a false end of data never goes out as one: refused, each in its own reply, or normalised.
fn nothing_smuggled_out(sandbox: &Sandbox, server: &Hostile) {
    let (a, there) = (sandbox.a(), &sandbox.ready.outsiders[0].addresses[0]);
    let marie = a.account("Per", 0);
    let before = server.visits().len();
    let mut door = doors::submission(sandbox, a, &marie.login, &marie.token).expect("signed in");
    let inside = format!("MAIL FROM:<{}>\r\nRCPT TO:<{there}>\r\nDATA\r\n", marie.address);
    for end in super::refusals::FALSE_ENDS {
        for command in [&format!("MAIL FROM:<{}>", marie.address), &format!("RCPT TO:<{there}>")] {
            let _ = door.ask(command, "250").expect("taken");
        }
        let _ = door.ask("DATA", "354").expect("taken");
        let visible = letter(&marie.address, there, "devant", "devant");
        let behind = letter(&marie.address, there, "passager", "clandestin");
        let wire = [visible.trim_end().as_bytes(), end, inside.as_bytes(), behind.as_bytes(), b"\r\n.\r\n"].concat();
        door.put(&wire).expect("sent");
        let reply = door.reply().expect("one reply");
        assert!(reply.starts_with("554 5.6.0 "), "{end:?}: {reply}");
        let _ = door.ask("NOOP", "250").expect("in step");
    }
    // Fields cannot be added by what stands in parameters, nor lines by what stands in values.
    for bad in ["ENVID=a+0D+0ABcc:x", "ENVID=+00", "AUTH=+0A", "RET=FULL\rX", "SIZE=1 SIZE=2", "BODY=9BIT"] {
        let reply = door.ask(&format!("MAIL FROM:<{}> {bad}", marie.address), "5").expect(bad);
        assert!(!reply.contains("\n\n"), "{reply}");
    }
    let good = letter(&marie.address, there, "points", ".\r\n..\r\n.fin");
    let _ = curl::send(sandbox, a, marie, &[there], good.as_bytes()).ok();
    let new = |visits: Vec<Visit>| visits[before..].iter().flat_map(|v| v.contents.clone()).collect::<Vec<_>>();
    let got = wait::until("the good one", 30, || Some(new(server.visits())).filter(|c| !c.is_empty()));
    assert_eq!(got.len(), 1);
    assert!(got[0].ends_with(b"\r\n\r\n..\r\n...\r\n..fin\r\n.\r\n"), "{:?}", String::from_utf8_lossy(&got[0]));
}

/// Lines that are no command, or name nobody here: one refusal each, and the session stays in step.
const LINES: [&[u8]; 33] = [
    b"EXPN tous",
    b"ETRN bretagne.mssante.fr",
    b"TURN",
    b"SEND FROM:<accueil@clinique-exterieure.mssante.fr>",
    b"XCLIENT ADDR=192.0.2.1 LOGIN=admin",
    b"XFORWARD ADDR=192.0.2.1",
    b"AUTH PLAIN AGEAYg==",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2",
    b"GET / HTTP/1.1",
    b"BURL imap://x LAST",
    b"NOOP\0",
    b"NOOP \xff\xfe",
    b"NOOP \x1b[2J",
    b"\xef\xbb\xbfNOOP",
    b"RSET x",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr>\rRCPT TO:<yann.morvan@bretagne.mssante.fr>",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr> NOTIFY=SUCCESS NOTIFY=NEVER",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr> ORCPT=rfc822;a+0D+0ARCPT",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr> X=1",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr>>",
    b"RCPT TO:<<anne.legoff@bretagne.mssante.fr>",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr.>",
    b"RCPT TO:<anne.legoff@[127.0.0.1]>",
    b"RCPT TO:<anne.legoff%bretagne.mssante.fr@bretagne.mssante.fr>",
    b"RCPT TO:<bretagne.mssante.fr!anne.legoff@bretagne.mssante.fr>",
    b"RCPT TO:<\"anne.legoff@alpes.mssante.fr\"@bretagne.mssante.fr>",
    b"RCPT TO:<anne.legoff@alpes.mssante.fr@bretagne.mssante.fr>",
    b"RCPT TO:<@clinique-exterieure.mssante.fr:anne.legoff@bretagne.mssante.fr>",
    b"RCPT TO:<\xd0\xb0nne.legoff@bretagne.mssante.fr>",
    b"RCPT TO:<anne.legoff\0@bretagne.mssante.fr>",
    b"RCPT TO:<anne.legoff@bretagne.mssante.fr",
    b"RCPT TO:anne.legoff@bretagne.mssante.fr",
    b"RCPT TO:<>",
];

/// Headers that two readers could read in two ways, and loops.
fn contents() -> Vec<(String, &'static str)> {
    let head = letter(OUT, ANNE, "x", "corps");
    let other = "marie.martin@alpes.mssante.fr";
    let without = head.replacen(&format!("From: <{OUT}>\r\n"), "", 1);
    let hop = "Received: from a (a [127.0.0.1]) by b with ESMTPS id 1; Mon, 05 Jan 2026 08:00:00 +0100\r\n";
    vec![
        (format!("From : <{other}>\r\n{head}"), "header."),
        (format!("FROM: <{other}>\r\n{head}"), "header.from_many"),
        (format!("From: <{other}>\r\n{without}"), "header.from_not_peers"),
        (format!("From: <{OUT}>, <{other}>\r\n{without}"), "header.from_many"),
        (
            format!("From: =?utf-8?q?=3C{}=3E?= <{other}>\r\n{without}", OUT.replace('@', "=40").replace('.', "=2E")),
            "header.",
        ),
        (format!("From: <{OUT}> <{other}>\r\n{without}"), "header."),
        (format!("From: groupe: <{OUT}>, <{other}>;\r\n{without}"), "header."),
        (format!("From:\r\n{without}"), "header."),
        (without, "header.from_missing"),
        (hop.repeat(101) + &head, "message.loop"),
    ]
}

#[test]
fn a_client_that_lies_injects_or_loops_gets_nothing_in_and_nothing_out() {
    let _smtp = proves(&["F066", "F069", "F150", "F201", "F205", "F208", "F219"], "smtp");
    let sandbox = Sandbox::start();
    let (b, there) = (sandbox.b(), &sandbox.ready.outsiders[0]);
    let tls = sandbox.tls(Some(&sandbox.outsider()));
    let good = |place: u8| Peer::secure_from(place, &b.endpoints.mx, &tls);
    // Who holds connections open without a word, in clear and in the handshake, keeps nobody else from being served.
    let mut held: Vec<Wire> = (0..40).map(|_| Wire::connect_from(9, &b.endpoints.mx).expect("connected")).collect();
    for wire in held.iter_mut().step_by(2) {
        let _ = wire
            .reply()
            .and_then(|_| wire.ask("EHLO x", "250"))
            .and_then(|_| wire.ask("STARTTLS", "220"))
            .expect("taken");
        wire.put(&[22, 3, 1, 2, 0, 1]).expect("half a hello");
    }
    let mark = b.mark();
    for (place, lines) in LINES.chunks(9).enumerate() {
        let mut peer = good(u8::try_from(place + 1).expect("small"));
        peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250");
        for line in lines {
            peer.raw(&[line, &b"\r\n"[..]].concat()).expect("5").send("NOOP").expect("250 2.0.0");
        }
        // A recipient that was refused is none.
        peer.send("DATA").refused("554 5.5.1 ", "rcpt.none");
    }
    let mut peer = good(5);
    for (content, code) in contents() {
        peer.up_to_data(OUT, &[ANNE]).content(content.as_bytes()).expect("554 5.");
        assert!(
            peer.last().contains(&format!("[{code}")) || peer.last().contains(&format!("({code}")),
            "{code}: {}",
            peer.last()
        );
    }
    // BDAT: octets are counted, never read as commands; a number that is none ends the session.
    let inside =
        format!("RSET\r\nMAIL FROM:<{OUT}>\r\nRCPT TO:<{YANN}>\r\nDATA\r\n{}\r\n.\r\n", letter(OUT, YANN, "y", "y"));
    peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250").send(&format!("RCPT TO:<{ANNE}>")).expect("250");
    peer.raw(format!("BDAT {} LAST\r\n{inside}", inside.len()).as_bytes()).expect("554 ").send("NOOP").expect("250");
    for line in ["BDAT 18446744073709551616 LAST", "BDAT -1", "BDAT 0x10 LAST", "BDAT"] {
        let mut peer = good(6);
        peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250").send(&format!("RCPT TO:<{ANNE}>")).expect("250");
        peer.raw(format!("{line}\r\n{inside}").as_bytes()).expect("501 ").closed();
    }
    assert_eq!(b.traces_since(mark).iter().filter(|t| t["act"] == "mail.delivered").count(), 0);
    assert!(b.refusals_since(mark).len() >= LINES.len(), "each is traced");

    no_backscatter(&sandbox, &mut peer, &there.mx);
    drop(held);
}

/// What goes out because of what came in: one answer of an absence to who wrote to the absent, and to nobody else whatever he pretends.
fn no_backscatter(sandbox: &Sandbox, peer: &mut Peer, mx: &str) {
    let b = sandbox.b();
    let server = Hostile::start(mx, &Face::new(&sandbox.outsider(), &sandbox.ready.anchors, &[&TLS13]));
    let day = |when: &str| Run::of("date", &["-d", when, "+%F"]).ok().out.trim().to_owned();
    let (from, until) = (day("yesterday"), day("next week"));
    let _ = b.cli(&["bal", "absence", ANNE, "--from", &from, "--until", &until, "--text", "De retour bientôt"]);
    let forged = |id: &str, more: &str| format!("{more}{}", letter(OUT, ANNE, id, "x"));
    for (id, from, more) in [
        ("nul", "", ""),
        ("auto", OUT, "Auto-Submitted: auto-generated\r\n"),
        ("liste", OUT, "List-Id: <liste.clinique-exterieure.mssante.fr>\r\n"),
        ("vrac", OUT, "Precedence: bulk\r\n"),
        ("absent", OUT, "X-Auto-Response-Suppress: OOF\r\n"),
        ("robot", "mailer-daemon@clinique-exterieure.mssante.fr", ""),
        ("rapport", OUT, "Content-type: multipart/report; boundary=x\r\n"),
    ] {
        peer.up_to_data(from, &[ANNE]).content(forged(id, more).as_bytes()).expect("250 2.0.0");
    }
    peer.send("MAIL FROM:<>")
        .expect("250")
        .send("RCPT TO:<personne@bretagne.mssante.fr>")
        .refused("550 5.1.1 ", "rcpt.unknown");
    peer.send("RSET").expect("250");
    // The forged field says who would like to be answered, the envelope who is.
    let path =
        "Return-Path: <dr.externe@clinique-exterieure.mssante.fr>\r\nReply-To: <marie.martin@alpes.mssante.fr>\r\n";
    for id in ["vrai", "encore"] {
        peer.up_to_data(OUT, &[ANNE]).content(forged(id, path).as_bytes()).expect("250 2.0.0");
    }
    let answer = wait::until("the one answer", 30, || server.visits().into_iter().find(|v| v.contents.len() == 1));
    let heard = |what: &str| answer.heard.iter().any(|l| l.starts_with(what));
    assert!(heard("MAIL FROM:<>") && heard(&format!("RCPT TO:<{OUT}>")), "{:?}", answer.heard);
    let said = String::from_utf8_lossy(&answer.contents[0]).into_owned();
    assert!(said.contains("Auto-Submitted: auto-replied") && said.contains("vrai@"), "{said}");
    // The answer to the answer is answered by nobody, what came after it not again: the next one is to the next who writes.
    let back = format!("Auto-Submitted: auto-replied\r\n{}", letter(OUT, ANNE, "reponse", "x"));
    peer.up_to_data(OUT, &[ANNE]).content(back.as_bytes()).expect("250 2.0.0");
    let second = "dr.externe@clinique-exterieure.mssante.fr";
    peer.up_to_data(second, &[ANNE]).content(letter(second, ANNE, "autre", "x").as_bytes()).expect("250 2.0.0");
    let heard = wait::until("the next answer", 30, || {
        let heard: Vec<String> = server.visits().into_iter().flat_map(|v| v.heard).collect();
        heard.iter().any(|l| *l == format!("RCPT TO:<{second}>")).then_some(heard)
    });
    assert_eq!(heard.iter().filter(|l| l.starts_with("RCPT")).count(), 2, "{heard:?}");
    wait::until("an empty queue", 20, || (b.cli(&["queue", "list"]) == Value::Array(vec![])).then_some(()));
    assert_eq!(server.visits().iter().map(|v| v.contents.len()).sum::<usize>(), 2);
    let inbox = Mailbox::open(b, b.account("Per", 0), &sandbox.tls(None)).count("INBOX");
    assert_eq!(inbox.len(), 11, "what is not answered is delivered all the same: {inbox:?}");
}
