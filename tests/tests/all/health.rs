//! What monitoring asks: alive, ready, and figures, without a name of anybody in them.
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};

/// Status and body of a page.
fn page(endpoint: &str, path: &str) -> (String, String) {
    let run =
        Run::of("curl", &["-sS", "--max-time", "10", "-w", "\n%{http_code}", &format!("http://{endpoint}{path}")]).ok();
    let (body, status) = run.out.rsplit_once('\n').expect("status");
    (status.to_owned(), body.to_owned())
}

/// The sum of a metric over its labels.
fn value(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter(|l| l.split(['{', ' ']).next() == Some(name));
    lines.filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[test]
fn alive_ready_and_counted() {
    let _proof = proves(&["F266"], "http");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    for o in [a, b] {
        assert_eq!(page(&o.endpoints.http, "/healthz"), ("200".into(), "ok\n".into()));
        assert_eq!(page(&o.endpoints.http, "/readyz"), ("200".into(), "ready\n".into()));
        assert_eq!(page(&o.endpoints.http, "/").0, "404");
    }
    let (from, to) = (a.account("Per", 0), b.account("Per", 0));
    for i in 0..3 {
        let sent = Letter::short(&from.address, &to.address, &format!("Mesure {i}"));
        let _ = curl::send(&sandbox, a, from, &[&to.address], &sent.bytes).ok();
        curl::wait_for(&sandbox, b, to, &sent.id);
    }
    let mut wrong = from.clone();
    wrong.token = "sceau_rien".into();
    assert_ne!(curl::imap(&sandbox, a, &wrong, "INBOX", "NOOP").code, 0);
    let waiting = &sandbox.ready.outsiders[0].addresses[0];
    let sent = Letter::short(&from.address, waiting, "Mesure qui attend");
    let _ = curl::send(&sandbox, a, from, &[waiting], &sent.bytes).ok();
    let before = wait::until("a failed attempt to be counted", 20, || {
        let (status, metrics) = page(&a.endpoints.http, "/metrics");
        assert_eq!(status, "200");
        (value(&metrics, "sceau_transfer_unreachable_total") >= 1.0).then_some(metrics)
    });
    let names: Vec<&str> = before.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.len() >= 10 && names.iter().all(|n| n.starts_with("sceau_")), "{names:?}");
    let of = |label: &str, name: &str| {
        let lines: String = before.lines().filter(|l| l.contains(label)).map(|l| format!("{l}\n")).collect();
        value(&lines, name)
    };
    assert_eq!(of("outcome=\"failed\"", "sceau_logins_total"), 1.0, "{before}");
    assert!(of("outcome=\"ok\"", "sceau_logins_total") >= 4.0, "{before}");
    assert_eq!(value(&before, "sceau_smtp_messages_total"), 4.0, "{before}");
    assert!(of("listener=\"submissions\"", "sceau_connections_total") >= 4.0, "{before}");
    assert!(of("command=\"NOOP\"", "sceau_imap_commands_total") + value(&before, "sceau_store_commits_total") > 0.0);
    let (_, theirs) = page(&b.endpoints.http, "/metrics");
    assert_eq!(value(&theirs, "sceau_mail_accepted_total"), 3.0, "{theirs}");
    let (_, later) = page(&b.endpoints.http, "/metrics");
    assert!(
        value(&later, "sceau_imap_commands_total") >= value(&theirs, "sceau_imap_commands_total"),
        "counters only grow"
    );
    // Nothing of a person or a message: monitoring systems are read by many.
    for word in [from.address.as_str(), &to.address, "marie.martin", "Mesure", "@"] {
        assert!(!before.contains(word), "{word} in {before}");
    }
}

#[test]
fn not_ready_without_a_white_list() {
    let mut sandbox = Sandbox::start();
    // A new operator that never saw a list (its database is gone, the authority too): alive, not ready, and it says why.
    let folder = tempfile::tempdir().expect("folder");
    let text = std::fs::read_to_string(&sandbox.a().config).expect("configuration");
    sandbox.stop();
    let text = text
        .replace("= \"data/", "= \"neuf/")
        .replace("= \"keys/keyring", "= \"neuf/keyring")
        .replace("admin.sock", "autre.sock");
    let config = sandbox.a().data.join("autre.toml");
    std::fs::write(&config, text).expect("configuration");
    let log = std::fs::File::create(folder.path().join("log")).expect("log");
    let mut server = std::process::Command::new(sceau_e2e::sandbox::sceau())
        .args(["serve", "--config", config.to_str().expect("UTF-8")])
        .stdin(std::process::Stdio::null())
        .stdout(log.try_clone().expect("log"))
        .stderr(log)
        .spawn()
        .expect("sceau serve");
    let http = sandbox.a().endpoints.http.clone();
    wait::until("the new operator", 30, || std::net::TcpStream::connect(&http).ok());
    let answered = (page(&http, "/healthz").0, page(&http, "/readyz"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&server), rustix::process::Signal::TERM)
        .expect("signal");
    let ended = server.wait().expect("ends");
    assert_eq!(answered.0, "200");
    assert_eq!(answered.1, ("503".into(), "not ready: white_list\n".into()));
    assert!(ended.success(), "{}", std::fs::read_to_string(folder.path().join("log")).unwrap_or_default());
}
