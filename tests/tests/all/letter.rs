//! The first letter: what the screen tells works, and what one person sends another one reads, byte for byte.
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};

/// Commands that the screen shows, each with the lines that continue it.
fn commands(screen: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in screen.lines().take_while(|l| !l.contains("En direct") && !l.contains("Live")) {
        if let Some(rest) = line.strip_prefix("    ")
            && let Some(last) = found.last_mut()
            && (last.ends_with('|') || last.ends_with('\\'))
        {
            *last = format!("{last}\n{rest}");
        } else if let Some(rest) = line.strip_prefix("  ")
            && ["printf ", "swaks ", "curl ", "mutt ", "export ", "sceau "].iter().any(|c| rest.starts_with(c))
        {
            found.push(rest.to_owned());
        }
    }
    found
}

#[test]
fn what_the_screen_tells_works() {
    let _proof = proves(&["F260", "F056"], "cli");
    let sandbox = Sandbox::start();
    let commands = commands(&sandbox.screen());
    // Two of curl: one that reads, one that asks over REST.
    let one = |start: &str| {
        let mut matching = commands.iter().filter(|c| c.starts_with(start) && !c.contains("/api/v1/"));
        let first = matching.next().unwrap_or_else(|| panic!("no {start} on the screen:\n{}", sandbox.screen()));
        assert!(matching.next().is_none(), "two {start} on the screen");
        first.as_str()
    };
    let (to, operator) = (sandbox.b().account("Per", 0), sandbox.b());
    let arrived = |count: usize| {
        wait::until("the letters to arrive", 30, || {
            (curl::search(&sandbox, operator, to, "SUBJECT Bonjour").len() == count).then_some(())
        });
    };
    let _ = Run::of("sh", &["-c", one("printf")]).ok();
    arrived(1);
    let _ = Run::of("sh", &["-c", one("swaks")]).ok();
    arrived(2);
    let read = Run::of("sh", &["-c", one("curl")]).ok();
    assert!(
        read.out.contains("Subject: Bonjour\r\n") && read.out.contains("\r\n\r\nPremier message.\r\n"),
        "{}",
        read.out
    );

    // mutt wants a terminal and a person: `script` gives it the first, keys pushed by -e play the second.
    let copy = sandbox.data.with_file_name("seen-by-mutt");
    let keys = format!("-e 'push \"<first-entry><pipe-message>cat > {}<enter><exit>\"' -f ", copy.display());
    let mutt = one("mutt").replace("-f ", &keys);
    let seen = Run::of("timeout", &["-k", "5", "40", "env", "TERM=xterm", "script", "-qec", &mutt, "/dev/null"]);
    let text = std::fs::read_to_string(&copy).unwrap_or_default();
    assert!(text.contains("Subject: Bonjour") && text.contains("Premier message."), "{text}\n{seen:?}");

    // The lines of administration, as they stand.
    let administer: Vec<_> = commands.iter().filter(|c| c.starts_with("sceau ") || c.contains("/api/v1/")).collect();
    assert!(administer.len() >= 10, "{commands:#?}");
    for line in administer {
        let run = Run::of("sh", &["-c", &format!("{}\n{line}", one("export "))]).ok();
        assert!(!run.out.trim().is_empty(), "{line} says nothing");
        assert!(!line.contains("/api/v1/me") || run.out.contains("\"login\""), "{line}: {}", run.out);
    }
    // A live line as each message moved.
    wait::until("live lines", 10, || {
        let screen = sandbox.screen();
        let live = screen.split_once("En direct").or(screen.split_once("Live"))?.1.to_owned();
        let of = |operator: &str| live.lines().filter(|l| l.trim_start().starts_with(operator)).count();
        (of(&sandbox.a().name) >= 4 && of(&sandbox.b().name) >= 2).then_some(())
    });
}

#[test]
fn accents_and_six_megabytes_arrive_byte_for_byte() {
    let _proof = proves(&["F001", "F056", "F059", "F201", "F220"], "smtp");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let (from, to) = (a.account("Per", 0), b.account("Per", 0));

    // curl, implicit TLS.
    let sent = Letter::with_attachment(&from.address, &to.address, "Échographie : résultats", 6_000_000);
    assert!(sent.bytes.len() > 8_000_000);
    let _ = curl::send(&sandbox, a, from, &[&to.address], &sent.bytes).ok();
    let received = curl::wait_for(&sandbox, b, to, &sent.id);
    let added = sent.assert_arrived(&received);
    assert_eq!(added.matches("Received: ").count(), 2, "{added}");
    assert!(added.starts_with(&format!("Return-Path: <{}>\r\n", from.address)), "{added}");
    // The way is told with TLS and the certificate, not with the sender's network address spelt in a name.
    assert!(added.contains(&format!("by mx.{}", b.domains[0])) && added.contains("TLSv1.3"), "{added}");

    // The same judged by another program: SHA-256 of what follows the added fields, whole and in pieces.
    let file = sandbox.data.with_file_name("sent.eml");
    std::fs::write(&file, &sent.bytes).expect("file");
    let expected = Run::of("sha256sum", &[file.to_str().expect("UTF-8")]).ok().out;
    let digest = sandbox.python("fetch_digest.py", &["1", "Per", "0", &sent.id]).ok().out;
    assert_eq!(digest.trim(), expected.split(' ').next().unwrap_or_default());

    // swaks, STARTTLS, and the way back.
    let back = Letter::with_attachment(&to.address, &from.address, "Re: Échographie", 6_000_000);
    std::fs::write(&file, &back.bytes).expect("file");
    let data = format!("@{}", file.display());
    let server = &b.endpoints.submission;
    let (host, port) = server.rsplit_once(':').expect("host:port");
    let swaks = [
        "--server",
        host,
        "--port",
        port,
        "-tls",
        "--tls-verify",
        "--tls-ca-path",
        sandbox.anchors(),
        "--auth",
        "LOGIN",
        "--auth-user",
        &to.login,
        "--auth-password",
        &to.token,
        "--from",
        &to.address,
        "--to",
        &from.address,
        "--data",
        &data,
        "--hide-all",
    ];
    let _ = Run::of("swaks", &swaks).ok();
    let received = curl::wait_for(&sandbox, a, from, &back.id);
    // swaks ends its data with an empty line of its own.
    let mut with_line = back.clone();
    if !received.ends_with(&with_line.bytes) {
        with_line.bytes.extend_from_slice(b"\r\n");
    }
    with_line.assert_arrived(&received);
}

#[test]
fn submission_as_smtplib_does_it() {
    let _proof = proves(&["F048", "F056", "F066", "F150", "F220"], "smtp");
    let sandbox = Sandbox::start();
    let run = sandbox.python("submit.py", &[]).ok();
    assert_eq!(run.out.trim(), "done");
}

#[test]
fn shared_mailboxes_know_who_reads() {
    let _proof = proves(&["F002", "F003", "F018", "F121"], "imap");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let (first, second) = (a.account("Org", 0), a.account("Org", 1));
    assert_eq!(first.address, second.address, "one ORG, two people");
    assert_ne!(first.login, second.login);
    let from = b.account("Per", 0);
    let sent = Letter::short(&from.address, &first.address, "Pour le service");
    let _ = curl::send(&sandbox, b, from, &[&first.address], &sent.bytes).ok();
    for reader in [first, second] {
        sent.assert_arrived(&curl::wait_for(&sandbox, a, reader, &sent.id));
    }
    // The first one marks it: the second one sees it marked. Each stands in the traces under his own name.
    let _ = curl::imap(&sandbox, a, first, "INBOX", "STORE 1 +FLAGS (\\Answered)").ok();
    assert_eq!(curl::search(&sandbox, a, second, "ANSWERED"), [1]);
    let person = |login: &str| login.split('*').next().unwrap_or_default().to_owned();
    let traced = |act: &str, who: &str| {
        let traces =
            a.cli(&["trace", "list", "--act", act, "--bal", &first.address, "--actor", who, "--limit", "1000"]);
        traces.as_array().map_or(0, Vec::len)
    };
    for reader in [first, second] {
        let who = person(&reader.login);
        assert!(traced("login.ok", &who) > 0, "{who} logged in");
        // Reading is traced in batches at most five seconds late.
        wait::until(&format!("the trace that {who} read"), 6, || (traced("message.read", &who) > 0).then_some(()));
    }
    // The first one read it (which marks it as seen) and marked it; the second one changed nothing.
    assert_eq!(traced("mail.flagged", &person(&first.login)), 2);
    assert_eq!(traced("mail.flagged", &person(&second.login)), 0);

    // Both send in the service's name; the person is in the trace, the service in the letter.
    let answer = Letter::short(&second.address, &from.address, "Réponse du service");
    let _ = curl::send(&sandbox, a, second, &[&from.address], &answer.bytes).ok();
    answer.assert_arrived(&curl::wait_for(&sandbox, b, from, &answer.id));
    assert_eq!(traced("mail.submitted", &person(&second.login)), 1);

    // An applicative BAL sends and receives through the person that answers for it.
    let app = a.account("App", 0);
    let result = Letter::short(&app.address, &from.address, "Résultat automatique");
    let _ = curl::send(&sandbox, a, app, &[&from.address], &result.bytes).ok();
    result.assert_arrived(&curl::wait_for(&sandbox, b, from, &result.id));

    // A token of one BAL opens no other one, and a member of nothing gets in nowhere.
    let outsider = a.account("Per", 2);
    let mut wrong = first.clone();
    wrong.login = format!("{}*{}", outsider.login, first.address);
    wrong.token.clone_from(&outsider.token);
    assert_ne!(curl::imap(&sandbox, a, &wrong, "INBOX", "NOOP").code, 0);
    wrong.login.clone_from(&first.login);
    wrong.token = a.account("Per", 0).token.clone();
    assert_ne!(curl::imap(&sandbox, a, &wrong, "INBOX", "NOOP").code, 0, "her own BAL's token opened the service's");
}

#[test]
fn test_mailboxes_keep_to_themselves() {
    let _proof = proves(&["F029"], "smtp");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let (test, own, other) = (a.test_account(), a.account("Per", 0), b.account("Per", 0));

    // Its own operator's domains: yes.
    let sent = Letter::short(&test.address, &own.address, "Essai");
    let _ = curl::send(&sandbox, a, test, &[&own.address], &sent.bytes).ok();
    sent.assert_arrived(&curl::wait_for(&sandbox, a, own, &sent.id));

    // Another operator's real BAL: no, in both directions, with the reason.
    let refused = |run: &Run| {
        assert_ne!(run.code, 0);
        assert!(run.err.contains("550"), "{}", run.err);
    };
    let sent = Letter::short(&test.address, &other.address, "Essai");
    refused(&curl::send(&sandbox, a, test, &[&other.address], &sent.bytes));
    let sent = Letter::short(&other.address, &test.address, "Vers un essai");
    // The sender's operator cannot know: the recipient's refuses, and the sender is told.
    let _ = curl::send(&sandbox, b, other, &[&test.address], &sent.bytes).ok();
    let report = wait::until("the report", 30, || {
        let found = curl::search(&sandbox, b, other, "HEADER Content-Type \"delivery-status\"");
        curl::fetch(&sandbox, b, other, *found.first()?)
    });
    let report = String::from_utf8_lossy(&report).into_owned();
    assert!(report.contains("Action: failed") && report.contains("exchange.test"), "{report}");
    let traces = a.cli(&["trace", "list", "--act", "mail.refused", "--limit", "1000"]);
    let outcomes: Vec<&str> = traces.as_array().into_iter().flatten().filter_map(|t| t["outcome"].as_str()).collect();
    assert!(outcomes.contains(&"exchange.test"), "{outcomes:?}");
    assert_eq!(a.cli(&["queue", "list"]), serde_json::json!([]));
}
