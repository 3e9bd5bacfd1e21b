//! Bad logins and forbidden sending at the doors of mail programs: one answer for every wrong login, in one time; guessing is held
//! back by place and login; nobody sends in another's name or out of the trust space. Each with code, sentences and trace.
use sceau_e2e::peer::{Wire, base64, letter, names};
use sceau_e2e::{Mailbox, Peer, Sandbox, proves};
use std::time::{Duration, Instant};

const MARIE: &str = "marie.martin@alpes.mssante.fr";
const OUT: &str = "dr.externe@clinique-exterieure.mssante.fr";

fn plain(login: &str, token: &str) -> String {
    format!("AUTH PLAIN {}", base64(format!("\0{login}\0{token}").as_bytes()))
}

/// A submission session of A's first professional.
fn marie(sandbox: &Sandbox) -> Peer {
    let account = sandbox.a().account("Per", 0);
    assert_eq!(account.address, MARIE);
    let mut peer = Peer::secure(&sandbox.a().endpoints.submission, &sandbox.tls(None));
    peer.login(account);
    peer
}

/// One IMAP login from 127.0.0.`place`: the tagged answer, and how long it took.
fn imap_login(sandbox: &Sandbox, place: u8, login: &str, token: &str) -> (String, Duration) {
    let mut wire = Wire::connect_from(place, &sandbox.a().endpoints.imaps).expect("connected");
    wire.handshake(&sandbox.tls(None)).expect("handshake");
    wire.line().expect("greeting");
    let start = Instant::now();
    wire.put(format!("e2e LOGIN \"{login}\" \"{token}\"\r\n").as_bytes()).expect("sent");
    loop {
        let line = wire.line().expect("answer");
        if line.starts_with("e2e ") {
            return (line, start.elapsed());
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_wrong_login_says_nothing_of_why_and_takes_the_same_time() {
    let _proof = proves(&["F267", "F048"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (mine, other) = (a.account("Per", 0), a.account("Per", 1));
    let mark = a.mark();
    let wrong = "0".repeat(mine.token.len());
    let nobody = "personne.inconnu";
    let cases = [
        (mine.login.as_str(), wrong.as_str()),
        (nobody, &wrong),
        (nobody, &mine.token),
        (&mine.login, &other.token),
        (&mine.login, ""),
    ];
    let mut answers = Vec::new();
    let mut times = vec![Vec::new(); cases.len()];
    // Turn by turn, so that a busy machine is as busy for each; three in a minute from one place stay below its limit.
    for turn in 0..5 {
        for (i, (login, token)) in cases.iter().enumerate() {
            let (answer, time) = imap_login(&sandbox, 20 + turn, login, token);
            names(&answer, "login.failed").unwrap_or_else(|e| panic!("{e}"));
            answers.push(answer);
            times[i].push(time);
        }
    }
    assert!(answers.iter().all(|a| *a == answers[0]), "one answer for all: {answers:?}");
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let (least, most) = (*medians.iter().min().expect("some"), *medians.iter().max().expect("some"));
    assert!(most < least * 2, "an unknown user is told apart by time: {medians:?}");
    let traced = a.refusals_since(mark);
    assert_eq!(traced, vec!["login.failed"; answers.len()]);
    // A token opens its BAL only, and the right one does.
    let shared = format!("{}*service-cardiologie@alpes.mssante.fr", mine.login);
    names(&imap_login(&sandbox, 30, &shared, &mine.token).0, "login.failed").unwrap_or_else(|e| panic!("{e}"));
    assert!(imap_login(&sandbox, 30, &mine.login, &mine.token).0.starts_with("e2e OK"));
    // No token, whole or in part, is in a trace or a log.
    let log = std::fs::read_to_string(a.data.join("log.jsonl")).expect("log");
    let listed = a.cli(&["trace", "list", "--limit", "1000"]).to_string();
    assert!(!log.contains(&mine.token) && !listed.contains(&mine.token) && !log.contains(nobody));
}

#[test]
fn submission_answers_alike_and_gives_up_on_who_insists() {
    let _proof = proves(&["F267", "F048"], "smtp");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (mine, wrong) = (a.account("Per", 0), "0".repeat(43));
    for (place, login) in [(2, mine.login.as_str()), (3, "personne.inconnu")] {
        let mut peer = Peer::secure_from(place, &a.endpoints.submission, &sandbox.tls(None));
        peer.send(&plain(login, &wrong)).refused("535 5.7.8 ", "login.failed");
        // The other mechanism says the same.
        peer.send("AUTH LOGIN").expect("334").send(&base64(login.as_bytes())).expect("334");
        peer.send(&base64(wrong.as_bytes())).refused("535 5.7.8 ", "login.failed");
        peer.send("MAIL FROM:<x@alpes.mssante.fr>").refused("530 5.7.0 ", "login.required");
        peer.send(&plain(login, &wrong)).refused("421 4.7.0 ", "session.too_many_errors").closed();
    }
    let mut peer = Peer::secure(&a.endpoints.submission, &sandbox.tls(None));
    peer.send("AUTH PLAIN pas-du-base64!").refused("501 5.5.2 ", "syntax.error");
    peer.send("AUTH GSSAPI").refused("504 5.5.4 ", "syntax.unknown");
    peer.send(&plain(&mine.login, &mine.token)).expect("235 2.7.0");
    peer.send(&plain(&mine.login, &mine.token)).refused("503 5.5.1 ", "sequence.error");
}

#[test]
fn guessing_is_held_back_by_place_and_nobody_is_locked_out() {
    let _proof = proves(&["F267"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let mine = a.account("Per", 0);
    let mark = a.mark();
    // 24 guesses at once from one place: the first twenty are judged, and then this login is not any more, not even with the
    // right token.
    std::thread::scope(|scope| {
        for four in 0..4 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                (0..6).for_each(|i| drop(imap_login(sandbox, 40, &mine.login, &format!("essai-{four}-{i}"))))
            });
        }
    });
    let (held, time) = imap_login(&sandbox, 40, &mine.login, &mine.token);
    names(&held, "login.too_many").unwrap_or_else(|e| panic!("{e}"));
    assert!(time < Duration::from_secs(10));
    // At the other doors too.
    let mut peer = Peer::secure_from(40, &a.endpoints.submission, &sandbox.tls(None));
    peer.send(&plain(&mine.login, &mine.token)).refused("454 4.7.0 ", "login.too_many");
    let traced = a.refusals_since(mark);
    assert!(traced.iter().any(|c| c == "login.failed") && traced.iter().any(|c| c == "login.too_many"), "{traced:?}");
    // Who shares the place (one address before a whole hospital) comes in, and so does the owner, elsewhere.
    let other = a.account("Per", 1);
    assert!(imap_login(&sandbox, 40, &other.login, &other.token).0.starts_with("e2e OK"));
    assert!(imap_login(&sandbox, 41, &mine.login, &mine.token).0.starts_with("e2e OK"));
}

#[test]
fn nobody_logs_in_without_tls() {
    let _proof = proves(&["F220", "F201"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let mine = a.account("Per", 0);
    let mut peer = Peer::connect(&a.endpoints.submission);
    peer.expect("220").send("EHLO x").expect("250");
    assert!(!peer.last().contains("AUTH"), "{}", peer.last());
    peer.send(&plain(&mine.login, &mine.token)).refused("538 5.7.11 ", "login.needs_tls");
    peer.send(&format!("MAIL FROM:<{MARIE}>")).refused("530 5.7.0 ", "peer.no_tls");
    peer.raw(b"STARTTLS\r\nAUTH PLAIN AGEAYg==\r\n").closed();

    let mut wire = Wire::connect_from(1, &a.endpoints.imap).expect("connected");
    let greeting = wire.line().expect("greeting");
    assert!(
        greeting.starts_with("* OK") && greeting.contains("LOGINDISABLED") && !greeting.contains("AUTH=PLAIN"),
        "{greeting}"
    );
    wire.put(format!("a LOGIN {} {}\r\n", mine.login, mine.token).as_bytes()).expect("sent");
    let answer = wire.line().expect("answer");
    assert!(answer.starts_with("a NO [PRIVACYREQUIRED]"), "{answer}");
    names(&answer, "login.needs_tls").unwrap_or_else(|e| panic!("{e}"));
    // What follows STARTTLS in the same packet is neither answered nor remembered.
    wire.put(b"b STARTTLS\r\nc NOOP\r\n").expect("sent");
    let mut said = String::new();
    while let Ok(line) = wire.line() {
        said += &line;
    }
    assert!(!said.contains("c OK"), "{said}");
}

#[test]
fn nobody_sends_in_anothers_name_or_out_of_the_trust_space() {
    let _proof = proves(&["F150", "F066", "F029", "F061", "F076"], "smtp");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let mark = a.mark();
    let paul = "paul.durand@alpes.mssante.fr";
    let mut peer = marie(&sandbox);
    for other in [paul, "anne.legoff@bretagne.mssante.fr", "x@exemple.org", "service-cardiologie@alpes.mssante.fr"] {
        peer.send(&format!("MAIL FROM:<{other}>")).refused("553 5.7.1 ", "sender.not_allowed");
    }
    peer.send(&format!("MAIL FROM:<{MARIE}>")).expect("250");
    peer.send("RCPT TO:<quelqu.un@exemple.org>").refused("554 5.7.1 ", "rcpt.not_listed");
    peer.send("RCPT TO:<x@sous.bretagne.mssante.fr>").refused("554 5.7.1 ", "rcpt.not_listed");
    peer.send("RCPT TO:<inconnu@alpes.mssante.fr>").refused("550 5.1.1 ", "rcpt.unknown");
    for n in 0..40 {
        peer.send(&format!("RCPT TO:<dr.{n}@clinique-exterieure.mssante.fr>")).expect("250");
    }
    peer.send("RCPT TO:<dr.40@clinique-exterieure.mssante.fr>").refused("452 4.5.3 ", "rcpt.too_many");
    peer.send("RSET").expect("250");
    // The header says somebody else than the envelope, or several, or nobody.
    let lie = letter(paul, OUT, "menteuse", "x");
    let two = format!("From: <{paul}>\r\n{}", letter(MARIE, OUT, "deux", "x"));
    let sender = format!("Sender: <{paul}>\r\n{}", letter(MARIE, OUT, "au-nom-de", "x"));
    for (content, code) in [
        (lie, "header.from_not_allowed"),
        (two, "header.from_many"),
        (sender, "header.from_not_allowed"),
        ("Subject: x\r\n\r\nx\r\n".to_owned(), "header.from_missing"),
        (format!("{}un\nautre\r\n", letter(MARIE, OUT, "nu", "x")), "message.bare_newline"),
    ] {
        peer.up_to_data(MARIE, &[OUT]).content(content.as_bytes()).refused("554 5.", code);
    }
    let expected = [
        "sender.not_allowed",
        "sender.not_allowed",
        "sender.not_allowed",
        "sender.not_allowed",
        "rcpt.not_listed",
        "rcpt.not_listed",
        "rcpt.unknown",
        "rcpt.too_many",
        "header.from_not_allowed",
        "header.from_many",
        "header.from_not_allowed",
        "header.from_missing",
        "message.bare_newline",
    ];
    assert_eq!(a.refusals_since(mark), expected);
    // A test BAL writes to its own operator's domains, not to real BALs elsewhere.
    let mark = a.mark();
    let tester = a.accounts.iter().find(|t| t.address.starts_with("test.")).expect("a test BAL");
    let mut peer = Peer::secure(&a.endpoints.submission, &sandbox.tls(None));
    peer.send(&plain(
        &format!("{}*{}", tester.login.split('*').next().unwrap_or_default(), tester.address),
        &tester.token,
    ));
    peer.expect("235").send(&format!("MAIL FROM:<{}>", tester.address)).expect("250");
    peer.send(&format!("RCPT TO:<{OUT}>")).refused("550 5.7.1 ", "exchange.test");
    peer.send("RCPT TO:<anne.legoff@bretagne.mssante.fr>").refused("550 5.7.1 ", "exchange.test");
    peer.send(&format!("RCPT TO:<{paul}>")).expect("250 2.1.5");
    assert_eq!(a.refusals_since(mark), ["exchange.test", "exchange.test"]);
    // Nothing of all this waits to leave or was kept as sent.
    assert_eq!(a.cli(&["queue", "list"]), serde_json::json!([]));
    let mut mailbox = Mailbox::open(a, a.account("Per", 0), &sandbox.tls(None));
    for folder in ["INBOX", "Sent"] {
        if mailbox.say(&format!("EXAMINE {folder}")).contains("e2e.tag OK") {
            assert!(mailbox.count(folder).is_empty(), "{folder}");
        }
    }
}
