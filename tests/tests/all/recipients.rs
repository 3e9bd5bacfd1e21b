//! Addresses that mean something of their own: the operator's, the full mailbox, the many.
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};

#[test]
fn postmaster_and_abuse_reach_the_operator() {
    let _proof = proves(&["F217"], "smtp");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let operator = b.accounts.iter().find(|x| x.address.starts_with("exploitation@")).expect("the operator's BAL");
    let (from, domain) = (a.account("Per", 0), &b.domains[0]);
    // From another operator's user, and from one of its own; in any case of letters.
    for (o, sender, to) in [(a, from, "postmaster"), (a, from, "Abuse"), (b, b.account("Per", 1), "PostMaster")] {
        let to = format!("{to}@{domain}");
        let sent = Letter::short(&sender.address, &to, "À l'exploitant");
        let _ = curl::send(&sandbox, o, sender, &[&to], &sent.bytes).ok();
        sent.assert_arrived(&curl::wait_for(&sandbox, b, operator, &sent.id));
    }
    // From the outsider's server by hand, with its certificate, as swaks does it; a report too (null reverse path).
    let outsider = &sandbox.ready.outsiders[0];
    let (host, port) = b.endpoints.mx.rsplit_once(':').expect("host:port");
    for sender in [outsider.addresses[0].as_str(), "<>"] {
        let sent = Letter::short(&outsider.addresses[0], &format!("abuse@{domain}"), "Signalement");
        let file = sandbox.data.with_file_name("letter.eml");
        std::fs::write(&file, &sent.bytes).expect("file");
        let (data, to) = (format!("@{}", file.display()), format!("abuse@{domain}"));
        let (cert, key) = (outsider.cert.display().to_string(), outsider.key.display().to_string());
        let args = [
            "--server",
            host,
            "--port",
            port,
            "-tls",
            "--tls-verify",
            "--tls-ca-path",
            sandbox.anchors(),
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
            "--from",
            sender,
            "--to",
            &to,
            "--data",
            &data,
            "--hide-all",
        ];
        let _ = Run::of("swaks", &args).ok();
        let received = curl::wait_for(&sandbox, b, operator, &sent.id);
        let way = format!("Return-Path: <{}>\r\n", sender.trim_matches(['<', '>']));
        assert!(String::from_utf8_lossy(&received).starts_with(&way), "{way}");
    }
    // Nobody can take these addresses.
    let add = ["bal", "add", &format!("abuse@{domain}"), "--kind", "org", "--name", "Abus", "--holder", "anne.legoff"];
    let taken = b.cli_text(&add);
    assert!(taken.code == 1 && taken.err.contains("[naming.reserved]"), "{taken:?}");
}

#[test]
fn a_full_mailbox_says_so_before_the_message() {
    let _proof = proves(&["F060", "F207"], "smtp");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let address = format!("etroite@{}", b.domains[0]);
    let _ = b.cli(&[
        "bal",
        "add",
        &address,
        "--kind",
        "org",
        "--name",
        "Étroite",
        "--holder",
        "anne.legoff",
        "--quota",
        "60000",
    ]);
    let token = b.cli(&["token", "create", "anne.legoff", "--label", "essai"]);
    let mut full = b.account("Per", 0).clone();
    full.login = format!("anne.legoff*{address}");
    full.token = token["secret"].as_str().expect("secret").to_owned();
    full.address.clone_from(&address);
    let from = a.account("Per", 0);
    let neighbour = b.account("Per", 1);

    let first = Letter::with_attachment(&from.address, &address, "Qui remplit", 36_000);
    let _ = curl::send(&sandbox, a, from, &[&address], &first.bytes).ok();
    first.assert_arrived(&curl::wait_for(&sandbox, b, &full, &first.id));
    let used = b.cli(&["bal", "show", &address]);
    assert!(used["used"].as_u64() > Some(45_000) && used["messages"] == 1, "{used:#}");

    // A message that no longer fits: refused to a sender of the same operator at once, by RCPT, before its content.
    let big = Letter::with_attachment(&neighbour.address, &address, "De trop", 36_000);
    let run = curl::send(&sandbox, b, neighbour, &[&address], &big.bytes);
    assert_ne!(run.code, 0);
    // APPEND likewise, with the code that clients know.
    let file = sandbox.data.with_file_name("letter.eml");
    std::fs::write(&file, &big.bytes).expect("file");
    let said =
        sandbox.python("append_refused.py", &["1", &full.login, &full.token, &file.display().to_string()]).ok().out;
    assert!(said.contains("[OVERQUOTA]"), "{said}");
    // Another operator's mail waits there, and its queue says why in the words of this one.
    let waiting = Letter::with_attachment(&from.address, &address, "En attente de place", 10_000);
    let _ = curl::send(&sandbox, a, from, &[&address], &waiting.bytes).ok();
    let reason = wait::until("a reason", 20, || {
        a.cli(&["queue", "list"])[0]["last_reply"].as_str().filter(|r| r.contains("452")).map(str::to_owned)
    });
    assert!(reason.contains("4.2.2") && reason.contains("rcpt.over_quota"), "{reason}");
    // What is deleted makes room.
    let _ = curl::imap(&sandbox, b, &full, "INBOX", "STORE 1 +FLAGS.SILENT (\\Deleted)").ok();
    let _ = curl::imap(&sandbox, b, &full, "INBOX", "EXPUNGE").ok();
    let _ = a.cli(&["queue", "retry", "--all"]);
    waiting.assert_arrived(&curl::wait_for(&sandbox, b, &full, &waiting.id));
    let _ = curl::imap(&sandbox, b, &full, "INBOX", "STORE 1 +FLAGS.SILENT (\\Deleted)").ok();
    let _ = curl::imap(&sandbox, b, &full, "INBOX", "EXPUNGE").ok();
    wait::until("room", 10, || {
        let sent = Letter::with_attachment(&neighbour.address, &address, "Place faite", 36_000);
        let run = curl::send(&sandbox, b, neighbour, &[&address], &sent.bytes);
        (run.code == 0).then(|| curl::wait_for(&sandbox, b, &full, &sent.id))
    });
    let traces = b.cli(&["trace", "list", "--act", "mail.refused", "--limit", "100"]);
    assert!(traces.to_string().contains("over_quota"), "{traces:#}");
}

#[test]
fn one_message_for_many_is_kept_once_for_each() {
    let _proof = proves(&["F056", "F061"], "smtp");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let from = a.account("Per", 0);
    let everyone = |o: &sceau_e2e::sandbox::Operator| {
        let mut all: Vec<String> = o.accounts.iter().filter(|x| !x.test).map(|x| x.address.clone()).collect();
        all.dedup();
        all
    };
    let to = [everyone(a), everyone(b)].concat();
    let recipients: Vec<&str> = to.iter().map(String::as_str).collect();
    assert!(recipients.len() >= 14);
    let sent = Letter::short(&from.address, "destinataires inconnus:;", "À tous");
    let _ = curl::send(&sandbox, a, from, &recipients, &sent.bytes).ok();
    for o in [a, b] {
        for account in o.accounts.iter().filter(|x| !x.test) {
            sent.assert_arrived(&curl::wait_for(&sandbox, o, account, &sent.id));
            assert_eq!(curl::search(&sandbox, o, account, "ALL").len(), 1, "{}", account.login);
        }
    }
    // One transfer carried it to the other operator.
    let accepted = b.cli(&["trace", "list", "--act", "mail.accepted"]);
    assert_eq!(accepted.as_array().map(Vec::len), Some(1), "{accepted:#}");
}
