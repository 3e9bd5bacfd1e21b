//! The sandbox contract, on which outside tools rely: the file, the certificates, the ports, stopping and starting again.
use sceau_e2e::sandbox::{Ready, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

#[test]
fn the_file_says_everything_and_it_is_true() {
    let _proof = proves(&["F001", "F002", "F003", "F260"], "cli");
    // From nothing, as a person would.
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::start_in_free(folder.path());
    let file = std::fs::read(sandbox.ready_file()).expect("contract file");
    assert_fits("sandbox", &serde_json::from_slice(&file).expect("JSON"));

    let mut addresses = BTreeSet::new();
    for o in &sandbox.ready.operators {
        let program = std::fs::read(format!("/proc/{}/cmdline", o.pid)).expect("alive");
        let program = String::from_utf8_lossy(&program).into_owned();
        assert!(program.contains("\0serve\0") && program.contains(text(&o.config)), "{program}");
        assert!(o.admin_socket.exists() && o.data.is_dir() && o.config.is_file());

        let kind = |kind: &str| o.accounts.iter().filter(|a| a.kind == kind && !a.test).collect::<Vec<_>>();
        assert!(kind("Per").len() >= 4, "four PER");
        let shared = kind("Org").into_iter().any(|one| {
            let logins: BTreeSet<_> =
                o.accounts.iter().filter(|a| a.address == one.address).map(|a| &a.login).collect();
            logins.len() == 2 && logins.iter().all(|l| l.ends_with(&format!("*{}", one.address)))
        });
        assert!(shared, "one ORG shared by two");
        assert!(!kind("App").is_empty() && o.accounts.iter().any(|a| a.test), "one APP, one test BAL");
        // The kinds are those that the operator itself says, and every login works.
        for a in &o.accounts {
            let bal = o.cli(&["bal", "show", &a.address]);
            assert_eq!((bal["kind"].as_str(), bal["test"].as_bool()), (Some(a.kind.as_str()), Some(a.test)), "{bal}");
            assert_eq!(bal["name"].as_str(), Some(a.name.as_str()));
            let _ = curl::imap(&sandbox, o, a, "", "NOOP").ok();
        }
        addresses.extend(o.accounts.iter().map(|a| a.address.clone()));
        assert!(o.accounts.iter().all(|a| o.domains.iter().any(|d| a.address.ends_with(&format!("@{d}")))));
    }
    assert!(addresses.len() >= 16, "no address twice: {addresses:?}");
    let outsider = &sandbox.ready.outsiders[0];
    assert!(outsider.addresses.iter().all(|a| a.ends_with(&format!("@{}", outsider.domain))));

    // The white list that the authority serves lists every operator and the outsider, and is signed by the signer.
    let authority = &sandbox.ready.authority;
    let list = sandbox.data.with_file_name("list.xml");
    let _ = Run::of("curl", &["-sSf", "--cacert", sandbox.anchors(), "-o", text(&list), &authority.white_list]).ok();
    let _ = Run::of("curl", &["-sSf", "--cacert", sandbox.anchors(), &authority.url]).ok();
    let inspected = sandbox.a().cli(&["trust", "inspect", text(&list), "--anchors", sandbox.anchors()]);
    assert_eq!((inspected["signature"].as_str(), inspected["chain"].as_str()), (Some("valid"), Some("trusted")));
    let list = std::fs::read_to_string(list).expect("list");
    for domain in sandbox.ready.operators.iter().flat_map(|o| &o.domains).chain([&outsider.domain]) {
        assert!(list.contains(domain.as_str()), "{domain} is not in the list");
    }
}

#[test]
fn certificates_are_what_they_are_called() {
    let _proof = proves(&["F147", "F204"], "cli");
    let sandbox = Sandbox::start();
    let ready = &sandbox.ready;
    let verify = |cert: &Path, more: &[&str]| {
        let mut args = vec!["verify", "-CAfile", sandbox.anchors()];
        args.extend(more);
        args.push(text(cert));
        let run = Run::of("openssl", &args);
        (run.code == 0, format!("{}{}", run.out, run.err))
    };
    let good = ready
        .operators
        .iter()
        .map(|o| &o.certificate.cert)
        .chain([&ready.outsiders[0].cert, &ready.certificates.unlisted.cert]);
    for cert in good.chain([&ready.authority.signing_cert]) {
        let (trusted, said) = verify(cert, &["-no-CApath"]);
        assert!(trusted, "{said}");
    }
    for o in &ready.operators {
        let names = Run::of("openssl", &["x509", "-noout", "-ext", "subjectAltName", "-in", text(&o.certificate.cert)])
            .ok()
            .out;
        assert!(names.contains("DNS:localhost") && names.contains("IP Address:127.0.0.1"), "{names}");
        // A certificate and its key belong together.
        let public = |args: &[&str]| Run::of("openssl", args).ok().out;
        let of_cert = public(&["x509", "-noout", "-pubkey", "-in", text(&o.certificate.cert)]);
        assert_eq!(of_cert, public(&["pkey", "-pubout", "-in", text(&o.certificate.key)]));
    }
    let bad = &ready.certificates;
    assert!(
        verify(&bad.rogue.cert, &[]).1.contains("unable to get local issuer"),
        "{}",
        verify(&bad.rogue.cert, &[]).1
    );
    assert!(verify(&bad.expired.cert, &[]).1.contains("certificate has expired"));
    assert!(verify(&bad.revoked.cert, &[]).0, "only the revocation list knows");
    let raw: serde_json::Value =
        serde_json::from_slice(&std::fs::read(sandbox.ready_file()).expect("file")).expect("JSON");
    let crl = raw["crl"].as_str().expect("crl");
    assert!(verify(&bad.revoked.cert, &["-crl_check", "-CRLfile", crl]).1.contains("certificate revoked"));
    let (trusted, said) = verify(&sandbox.a().certificate.cert, &["-crl_check", "-CRLfile", crl]);
    assert!(trusted, "{said}");

    // Every door shows a chain that a client believes, under both names.
    for o in &ready.operators {
        let e = &o.endpoints;
        let doors = [
            (&e.mx, Some("smtp")),
            (&e.submission, Some("smtp")),
            (&e.submissions, None),
            (&e.imap, Some("imap")),
            (&e.imaps, None),
        ];
        for (endpoint, starttls) in doors {
            for name in ["-verify_hostname=localhost", "-verify_ip=127.0.0.1"] {
                let (option, value) = name.split_once('=').expect("two");
                let mut args = vec![
                    "s_client",
                    "-connect",
                    endpoint,
                    "-CAfile",
                    sandbox.anchors(),
                    "-verify_return_error",
                    option,
                    value,
                    "-brief",
                ];
                if let Some(protocol) = starttls {
                    args.extend(["-starttls", protocol]);
                }
                let run = Run::with_input("openssl", &args, b"");
                assert!(run.code == 0 && run.err.contains("Verification: OK"), "{endpoint} {name}: {run:?}");
            }
        }
    }
}

/// Ports on which these processes listen, from the kernel's own tables. The servers keep their memory to themselves, and the kernel
/// then shows their sockets to root only: without it, every port of the sandbox's hundred that somebody listens on.
fn listening(pids: &[u32], base: u16) -> BTreeSet<u16> {
    let mut sockets = BTreeSet::new();
    let mut shown = true;
    for pid in pids {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
            assert!(std::path::Path::new(&format!("/proc/{pid}")).exists(), "alive");
            shown = false;
            continue;
        };
        for entry in entries.flatten() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            if let Some(inode) = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')) {
                sockets.insert(inode.to_owned());
            }
        }
    }
    let table = ["/proc/net/tcp", "/proc/net/tcp6"].map(|t| std::fs::read_to_string(t).unwrap_or_default()).concat();
    let fields = table.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
    let listening = fields.filter(|f| f.len() > 9 && f[3] == "0A" && (!shown || sockets.contains(f[9])));
    let ports = listening.filter_map(|f| u16::from_str_radix(f[1].rsplit_once(':')?.1, 16).ok());
    ports.filter(|p| shown || (base..base + 100).contains(p)).collect()
}

#[test]
fn at_most_a_hundred_ports_on_loopback() {
    let sandbox = Sandbox::start();
    let mut pids: Vec<u32> = sandbox.ready.operators.iter().map(|o| o.pid).collect();
    pids.push(sandbox.pid());
    let base = sandbox.base();
    let ports = listening(&pids, base);
    assert!(ports.len() >= 13, "{ports:?}");
    assert!(ports.iter().all(|p| (base..base + 100).contains(p)), "{ports:?} from {base}");
    let outsider =
        sandbox.ready.outsiders[0].mx.rsplit_once(':').and_then(|(_, p)| p.parse::<u16>().ok()).expect("port");
    assert!((base..base + 100).contains(&outsider) && !ports.contains(&outsider), "{outsider} is left free");

    // The same ports twice: a clear sentence, no contract file, and the first one is not disturbed.
    let other = tempfile::tempdir().expect("folder");
    let file = other.path().join("ready.json");
    std::fs::write(&file, "{\"version\":1}").expect("old file");
    let run = Run::of(
        text(&sceau()),
        &[
            "--lang",
            "en",
            "sandbox",
            "--data",
            text(&other.path().join("data")),
            "--port-base",
            &base.to_string(),
            "--ready",
            text(&file),
        ],
    );
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.starts_with("sceau: The sandbox stops:") && run.err.contains(&base.to_string()), "{}", run.err);
    assert!(!file.exists(), "an old contract file is removed");
    // The same data folder twice: likewise, at once, and the first one's configuration is untouched.
    let config = std::fs::read(&sandbox.a().config).expect("configuration");
    let run = Run::of(
        text(&sceau()),
        &[
            "sandbox",
            "--lang",
            "fr",
            "--data",
            text(&sandbox.data),
            "--port-base",
            &(base + 100).to_string(),
            "--ready",
            text(&file),
        ],
    );
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("sert déjà à un autre bac à sable"), "{}", run.err);
    assert_eq!(std::fs::read(&sandbox.a().config).expect("configuration"), config);
    let account = sandbox.a().account("Per", 0);
    let _ = curl::imap(&sandbox, sandbox.a(), account, "", "NOOP").ok();
}

#[test]
fn a_second_start_continues() {
    let _proof = proves(&["F260"], "cli");
    let mut sandbox = Sandbox::start();
    let before = sandbox.ready.clone();
    let (from, to) = (before.operators[0].account("Per", 0).clone(), before.operators[1].account("Per", 0).clone());
    let sent = Letter::short(&from.address, &to.address, "Avant la nuit");
    let _ = curl::send(&sandbox, sandbox.a(), &from, &[&to.address], &sent.bytes).ok();
    curl::wait_for(&sandbox, sandbox.b(), &to, &sent.id);
    // One that waits: the outsider is not there.
    let outside = before.outsiders[0].addresses[0].clone();
    let waiting = Letter::short(&from.address, &outside, "En attente");
    let _ = curl::send(&sandbox, sandbox.a(), &from, &[&outside], &waiting.bytes).ok();

    sandbox.stop();
    assert!(!sandbox.ready_file().exists(), "the contract file says what is no longer true");
    assert!(
        sandbox.screen().trim_end().ends_with("Tout est arrêté.") || sandbox.screen().trim_end().ends_with("stopped.")
    );
    for o in &before.operators {
        assert!(!Path::new(&format!("/proc/{}", o.pid)).exists(), "{} outlived the sandbox", o.name);
        assert!(!o.admin_socket.exists(), "a socket nobody listens to");
    }
    sandbox.restart();
    let tokens = |r: &Ready| {
        r.operators.iter().flat_map(|o| &o.accounts).map(|a| (a.login.clone(), a.token.clone())).collect::<Vec<_>>()
    };
    assert_eq!(tokens(&before), tokens(&sandbox.ready));
    assert_ne!(before.operators[0].pid, sandbox.ready.operators[0].pid);
    sent.assert_arrived(&curl::wait_for(&sandbox, sandbox.b(), &to, &sent.id));
    let queue = sandbox.a().cli(&["queue", "list"]);
    assert_eq!(queue[0]["to"].as_str(), Some(outside.as_str()), "{queue}");
    // Mail flows as before.
    let sent = Letter::short(&from.address, &to.address, "Après la nuit");
    let _ = curl::send(&sandbox, sandbox.a(), &from, &[&to.address], &sent.bytes).ok();
    curl::wait_for(&sandbox, sandbox.b(), &to, &sent.id);
}

#[test]
fn a_killed_operator_comes_back() {
    let _proof = proves(&["F260", "F264"], "cli");
    let mut sandbox = Sandbox::start();
    let before = sandbox.a().pid;
    let account = sandbox.a().account("Per", 0).clone();
    sandbox.kill_and_wait(0);
    assert_ne!(sandbox.a().pid, before);
    let _ = curl::imap(&sandbox, sandbox.a(), &account, "INBOX", "NOOP").ok();

    // Without the sandbox too: `sceau serve` on the configuration that it left, the authority being gone.
    sandbox.stop();
    let config = sandbox.a().config.clone();
    let mut server = Command::new(sceau())
        .args(["serve", "--config", text(&config)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sceau serve");
    wait::until("the operator alone", 30, || {
        (curl::imap(&sandbox, sandbox.a(), &account, "INBOX", "NOOP").code == 0).then_some(())
    });
    // The last good white list serves, and an alarm says that there is no newer one.
    let neighbour = sandbox.b().account("Per", 0).address.clone();
    let sent = Letter::short(&account.address, &neighbour, "Seul");
    let _ = curl::send(&sandbox, sandbox.a(), &account, &[&neighbour], &sent.bytes).ok();
    // Asked for now: of its own it asks a minute after the last good one.
    assert_ne!(sandbox.a().cli_text(&["trust", "refresh"]).code, 0, "the authority is gone");
    let alarms = wait::until("the alarm", 30, || {
        let alarms = sandbox.a().cli(&["alarm", "list"]);
        alarms.as_array().is_some_and(|a| a.iter().any(|a| a["code"] == "white_list.fetch")).then_some(alarms)
    });
    assert_fits("alarms", &alarms);
    rustix::process::kill_process(rustix::process::Pid::from_child(&server), rustix::process::Signal::TERM)
        .expect("signal");
    assert!(server.wait().expect("ends").success());
}

#[test]
fn a_sandbox_that_was_killed_starts_again() {
    let _proof = proves(&["F260", "F264"], "cli");
    let mut sandbox = Sandbox::start();
    let before = sandbox.ready.clone();
    let (from, to) = (before.operators[0].account("Per", 0).clone(), before.operators[1].account("Per", 0).clone());
    let sent = Letter::short(&from.address, &to.address, "Avant le coup");
    let _ = curl::send(&sandbox, sandbox.a(), &from, &[&to.address], &sent.bytes).ok();
    curl::wait_for(&sandbox, sandbox.b(), &to, &sent.id);
    let pid = rustix::process::Pid::from_raw(i32::try_from(sandbox.pid()).expect("pid")).expect("pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
    // Its operators notice and end by themselves: nobody holds the ports and the data.
    wait::until("the operators to end", 20, || {
        let gone = |pid: u32| !Path::new(&format!("/proc/{pid}")).exists();
        before.operators.iter().all(|o| gone(o.pid)).then_some(())
    });
    sandbox.restart();
    assert_ne!(
        before.operators[0].pid, sandbox.ready.operators[0].pid,
        "the old contract file is not taken for the new one"
    );
    sent.assert_arrived(&curl::wait_for(&sandbox, sandbox.b(), &to, &sent.id));
    // SIGTERM, as an init system stops it.
    let pid = rustix::process::Pid::from_raw(i32::try_from(sandbox.pid()).expect("pid")).expect("pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signal");
    wait::until("the end", 20, || (!sandbox.ready_file().exists()).then_some(()));
}
