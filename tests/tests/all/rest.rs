//! REST over real TLS: as a program with a token sees it, and as hostile clients find it.
use sceau_e2e::sandbox::Operator;
use sceau_e2e::{Run, Sandbox, Wire, proves};
use serde_json::{Value, json};

/// Asks with a token (none: nobody); the status, and the body as JSON.
fn ask(sandbox: &Sandbox, o: &Operator, token: Option<&str>, args: &[&str], path: &str) -> (String, Value) {
    let bearer = format!("Authorization: Bearer {}", token.unwrap_or_default());
    let url = format!("https://{}/api/v1{path}", o.endpoints.https);
    let mut all = vec!["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "-w", "\n%{http_code}"];
    if token.is_some() {
        all.extend(["-H", bearer.as_str()]);
    }
    all.extend(args);
    all.push(&url);
    let run = Run::of("curl", &all).ok();
    let (body, status) = run.out.rsplit_once('\n').expect("status");
    (status.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Runs a subcommand with `--json`.
fn cli(o: &Operator, args: &[&str]) -> Value {
    let mut all = vec!["--config", o.config.to_str().expect("UTF-8"), "--json"];
    all.extend(args);
    let run = Run::of(sceau_e2e::sandbox::sceau().to_str().expect("UTF-8"), &all).ok();
    serde_json::from_str(&run.out).expect("JSON")
}

#[test]
fn a_program_with_a_token_administers() {
    let _proof = proves(&["F229", "F230"], "rest");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let root = Some(a.api_token.as_str());
    let get = |token, path| ask(&sandbox, a, token, &[], path);
    assert_eq!(get(root, "/me").1["login"], "operateur");
    let (status, nobody) = get(None, "/me");
    assert_eq!((status.as_str(), nobody["code"].as_str()), ("401", Some("login.required")));
    assert!(nobody["detail"].is_string() && nobody["detail_en"].is_string());
    // The description is for everybody, and whole.
    let (status, description) = get(None, "/openapi.json");
    assert_eq!((status.as_str(), description["openapi"].as_str()), ("200", Some("3.1.0")));
    assert!(description["paths"]["/tokens"]["post"].is_object());
    // What one door changes, the other shows.
    let domain = json!({ "name": "rest.mssante.fr", "kind": "Test" }).to_string();
    let post = |key: &str| {
        let key = format!("Idempotency-Key: {key}");
        let args = ["-H", "Content-Type: application/json", "-H", &key, "--data-binary", &domain];
        ask(&sandbox, a, root, &args, "/domains")
    };
    let (first, again) = (post("un"), post("un"));
    assert_eq!(first.0, "201", "{}", first.1);
    assert_eq!(first, again);
    assert_eq!(post("deux").1["code"], "admin.exists");
    assert_eq!(cli(a, &["domain", "show", "rest.mssante.fr"])["kind"], "Test");
    // A person's token: made by the command line, seen here, revoked here, dead at once.
    let made = cli(a, &["token", "create", "marie.martin", "--api", "--label", "Logiciel du cabinet"]);
    assert!(made["id"].is_i64() && made["purpose"] == "api", "{made}");
    let (id, secret) = (made["id"].to_string(), made["secret"].as_str());
    assert_eq!(get(secret, "/me").1["login"], "marie.martin");
    let (status, refused) = get(secret, "/queue");
    assert_eq!((status.as_str(), refused["code"].as_str()), ("403", Some("right.missing")));
    let path = format!("/tokens/{id}");
    let (_, shown) = get(secret, &path);
    assert_eq!(shown["id"], json!(id));
    assert_eq!(ask(&sandbox, a, root, &["-X", "DELETE"], &format!("/tokens/{id}")).0, "204");
    assert_eq!(get(secret, "/me").0, "401");
    // Who comes again shakes hands the short way.
    let _ = sandbox.python("resume.py", &[&a.endpoints.https, sandbox.anchors()]).ok();
    // A token of a mail program opens nothing here, and one of REST no mailbox.
    assert_eq!(get(Some(a.account("Per", 0).token.as_str()), "/me").0, "401");
    let mut account = a.account("Per", 0).clone();
    account.token.clone_from(&a.api_token);
    assert_ne!(sceau_e2e::curl::imap(&sandbox, a, &account, "INBOX", "NOOP").code, 0);
}

/// A TLS connection to the REST door from 127.0.0.`place`.
fn open(sandbox: &Sandbox, place: u8) -> std::io::Result<Wire> {
    let mut wire = Wire::connect_from(place, &sandbox.a().endpoints.https)?;
    wire.handshake(&sandbox.tls(None))?;
    Ok(wire)
}

/// Status of the next answer, whose body is read to its end.
fn answer(wire: &mut Wire) -> std::io::Result<u16> {
    let status = wire.line()?;
    let mut length = 0;
    loop {
        let line = wire.line()?.to_ascii_lowercase();
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().map_err(std::io::Error::other)?;
        }
        if line.trim().is_empty() {
            wire.take(length)?;
            return status.split(' ').nth(1).unwrap_or_default().parse().map_err(std::io::Error::other);
        }
    }
}

/// What a hostile client gets in the end: a refusal, or the end of the connection.
fn ends(wire: &mut Wire) -> bool {
    match answer(wire) {
        Ok(status) => (400..500).contains(&status),
        Err(e) => e.kind() != std::io::ErrorKind::WouldBlock && e.kind() != std::io::ErrorKind::TimedOut,
    }
}

#[test]
fn hostile_clients_are_refused_and_others_served() {
    let _proof = proves(&["F230"], "rest");
    let mut sandbox = Sandbox::start();
    sandbox.configure(0, &[("admin = \"admin.sock\"", "admin = \"admin.sock\"\nmax_per_address = 40")]);
    let (pid, token) = (sandbox.a().pid, sandbox.a().api_token.clone());
    let bearer = format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n");
    let fine = |sandbox: &Sandbox| assert_eq!(ask(sandbox, sandbox.a(), Some(&token), &[], "/me").0, "200");

    // A header that never ends, from many: nobody else waits for them.
    let mut slow: Vec<Wire> = (0..30).map(|_| open(&sandbox, 9).expect("connection")).collect();
    for wire in &mut slow {
        wire.put(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX-Lent: ").expect("written");
    }
    fine(&sandbox);
    // More from one place than it may have: the rest is turned away, other places are served.
    let more: Vec<_> = (0..30).map(|_| open(&sandbox, 9)).collect();
    assert!(more.iter().filter(|c| c.is_ok()).count() <= 10, "no bound for one place");
    fine(&sandbox);
    drop(more);

    // Garbage, another protocol, a header without measure, a length without measure, lengths that differ (smuggling).
    let endless = format!("GET /api/v1/me HTTP/1.1\r\n{bearer}X-Grand: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET /api/v1/me HTTP/1.1\r\n{bearer}{}\r\n", "X-A: b\r\n".repeat(5000));
    let huge = format!(
        "POST /api/v1/domains HTTP/1.1\r\n{bearer}Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{{"
    );
    let bad: [&[u8]; 8] = [
        b"\x00\xff\x16\x03\x01 rien\r\n\r\n\r\n",
        b"EHLO pair.exemple.fr\r\n\r\n",
        b"GET /api/v1/me HTTP/9.9\r\n\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /api/v1/domains HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        endless.as_bytes(),
        many.as_bytes(),
        huge.as_bytes(),
    ];
    for bytes in bad {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).escape_debug().to_string();
        let mut wire = open(&sandbox, 10).expect("connection");
        // The server may hang up before all of it is written.
        let _ = wire.put(bytes);
        assert!(ends(&mut wire), "{shown}: not refused");
    }
    // A body without end, by one who may ask: cut off at the bound.
    let mut wire = open(&sandbox, 11).expect("connection");
    let head = format!(
        "POST /api/v1/domains HTTP/1.1\r\n{bearer}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    wire.put(head.as_bytes()).expect("written");
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let mut written = 0;
    while written < 1000 && wire.put(&chunk).is_ok() {
        written += 1;
    }
    assert!(written < 1000, "64 MB of a body were taken");
    // In clear: no answer, no harm.
    let mut plain = Wire::connect_from(12, &sandbox.a().endpoints.https).expect("connection");
    plain.put(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    assert!(plain.line().is_err());

    // Many requests at once on one connection: each its answer, in order.
    let mut wire = open(&sandbox, 13).expect("connection");
    let (mine, none) =
        (format!("GET /api/v1/me HTTP/1.1\r\n{bearer}\r\n"), format!("GET /api/v1/rien HTTP/1.1\r\n{bearer}\r\n"));
    wire.put(format!("{mine}{none}").repeat(25).as_bytes()).expect("written");
    for i in 0..50 {
        let expected = if i % 2 == 0 { 200 } else { 404 };
        assert_eq!(answer(&mut wire).expect("an answer"), expected, "answer {i}");
    }
    // The slow ones are let go twenty seconds after their first byte; tests of `web` show the same with shorter times.
    if std::env::var_os("SCEAU_LONG").is_some() {
        assert!(slow.iter_mut().all(ends), "a header that never ends is waited for");
    }
    fine(&sandbox);
    sandbox.read_again();
    assert_eq!(sandbox.a().pid, pid, "the server died");
}

/// Every operation against its own description, by a tool of another house: `tests/api/` says how.
#[test]
fn every_operation_is_as_described() {
    let _proof = proves(&["F230"], "rest");
    let root = sceau_e2e::proof::workspace();
    let tools = root.join("target/api-tools/bin");
    let mut sandbox = Sandbox::start();
    // It asks with wrong tokens on purpose, and often.
    sandbox.configure(0, &[("[transfer]\n", "[limits]\nlogin_failures_per_minute = 1000000\n\n[transfer]\n")]);
    let (a, token) = (sandbox.a(), sandbox.a().api_token.clone());
    let url = format!("https://{}/api/v1/openapi.json", a.endpoints.https);
    let document = sandbox.data.join("openapi.json");
    let _ =
        Run::of("curl", &["-sS", "--cacert", sandbox.anchors(), "-o", document.to_str().expect("UTF-8"), &url]).ok();
    let validator = tools.join("openapi-spec-validator");
    let _ = Run::of(validator.to_str().expect("UTF-8"), &["--schema", "3.1", document.to_str().expect("UTF-8")]).ok();
    let config = root.join("tests/api/schemathesis.toml");
    let examples = if std::env::var_os("SCEAU_LONG").is_some() { "50" } else { "1" };
    let run = Run::of(
        "env",
        &[
            // It leaves a folder where it runs.
            "-C",
            sandbox.data.to_str().expect("UTF-8"),
            &format!("SCHEMATHESIS_HOOKS={}", root.join("tests/api/one_parser.py").display()),
            &format!("SCEAU_API_TOKEN={token}"),
            "NO_COLOR=1",
            tools.join("schemathesis").to_str().expect("UTF-8"),
            "--config-file",
            config.to_str().expect("UTF-8"),
            "run",
            "--max-examples",
            examples,
            &url,
            "--tls-verify",
            sandbox.anchors(),
        ],
    );
    assert!(run.code == 0, "exit {}\n{}\n{}", run.code, run.out, run.err);
    // It tried: an empty run finds nothing wrong either.
    let tested = run.out.lines().any(|l| l.contains("Tested") || l.contains("generated"));
    assert!(tested, "{}", run.out);
}
