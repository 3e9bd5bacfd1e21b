//! Terms of use at the doors: real clients are refused with the link, the person accepts on the page, both doors open; a new version shuts them again,
//! open sessions included.
use sceau_e2e::peer::{Wire, base64, names};
use sceau_e2e::sandbox::{Account, Operator};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Mailbox, Peer, Run, Sandbox, proves};

/// One IMAP login: the tagged answer.
fn imap_login(sandbox: &Sandbox, account: &Account) -> (Wire, String) {
    let mut wire = Wire::connect_from(1, &sandbox.a().endpoints.imaps).expect("connected");
    wire.handshake(&sandbox.tls(None)).expect("handshake");
    wire.line().expect("greeting");
    wire.put(format!("e2e LOGIN \"{}\" \"{}\"\r\n", account.login, account.token).as_bytes()).expect("sent");
    let answer = until(&mut wire, "e2e ");
    (wire, answer)
}

/// The next line that begins so.
fn until(wire: &mut Wire, begins: &str) -> String {
    loop {
        let line = wire.line().unwrap_or_else(|e| panic!("{begins}: {e}"));
        if line.starts_with(begins) {
            return line;
        }
    }
}

/// Logs in to submission; the reply.
fn smtp_login(sandbox: &Sandbox, account: &Account) -> String {
    let mut peer = Peer::secure(&sandbox.a().endpoints.submission, &sandbox.tls(None));
    let plain = base64(format!("\0{}\0{}", account.login, account.token).as_bytes());
    peer.send(&format!("AUTH PLAIN {plain}"));
    peer.hear()
}

/// `curl` as a browser.
fn browse(sandbox: &Sandbox, o: &Operator, fields: &[(&str, &str)]) -> String {
    let url = format!("https://{}/conditions", o.endpoints.https);
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut all = vec!["-sS", "--max-time", "60", "--cacert", sandbox.anchors()];
    for field in &fields {
        all.extend(["--data-urlencode", field]);
    }
    all.push(&url);
    Run::of("curl", &all).ok().out
}

/// The value of a hidden field of the page's form.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, after) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
    after.split_once('"').expect("its end").0
}

#[test]
fn doors_open_after_the_person_accepted_on_the_page() {
    let _imap = proves(&["F100"], "imap");
    let _smtp = proves(&["F100"], "submission");
    let _web = proves(&["F096", "F100", "F101", "F102", "F124"], "web");
    let _cli = proves(&["F100", "F101"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let account = a.account("Per", 0);
    let link = format!("{}/conditions", a.public_url);
    let (mut open, answer) = imap_login(&sandbox, account);
    assert!(answer.starts_with("e2e OK"), "the sandbox's people accepted: {answer}");

    let changes = ["--changes-fr", "Le délai d'inactivité est précisé.", "--changes-en", "Inactivity is made precise."];
    let published = a.cli(&[&["terms", "publish", "e2e-2"][..], &changes].concat());
    assert_eq!(published["state"], "in_force");
    assert_fits("terms_published", &published);

    // The open session ends at its next command, and says where to go.
    open.put(b"e2e NOOP\r\n").expect("sent");
    let bye = until(&mut open, "* BYE");
    assert!(bye.contains("[ALERT]") && bye.contains(&link) && bye.contains("(terms.required)"), "{bye}");
    // So do new ones, at both doors; the token is not taken for a wrong one.
    let (_, answer) = imap_login(&sandbox, account);
    assert!(answer.starts_with("e2e NO [ALERT] ") && answer.contains(&link), "{answer}");
    let reply = smtp_login(&sandbox, account);
    assert!(reply.starts_with("535 5.7.0 ") && reply.contains(&link), "{reply}");
    names(&reply, "terms.required").unwrap();

    // The page has the text, what changed, and a form.
    let page = browse(&sandbox, a, &[]);
    for part in ["e2e-2", "convention de preuve", "annuaire national", "sont tracées", "Le délai d’inactivité"] {
        assert!(page.contains(part), "{part}");
    }
    let (version, digest) = (hidden(&page, "version").to_owned(), hidden(&page, "digest").to_owned());
    let send = |token: &str| {
        let fields = [
            ("version", version.as_str()),
            ("digest", &digest),
            ("login", &account.address),
            ("token", token),
            ("accept", "yes"),
        ];
        browse(&sandbox, a, &fields)
    };
    assert!(send("faux").contains("role=\"alert\""));
    assert!(smtp_login(&sandbox, account).starts_with("535 5.7.0 "), "nothing was accepted");
    assert!(send(&account.token).contains("Conditions acceptées"));

    // Both doors open.
    Mailbox::open(a, account, &sandbox.tls(None)).ok("SELECT INBOX");
    assert!(smtp_login(&sandbox, account).starts_with("235 "));
    let list = a.cli(&["terms", "acceptances", "--version", "e2e-2"]);
    assert_eq!(list.as_array().expect("a list").len(), 1);
    assert_eq!((&list[0]["factors"], &list[0]["door"]), (&"device_token".into(), &"web".into()));
    assert_eq!(list[0]["digest"], digest.as_str());
    assert_fits("acceptances", &list);
    assert_fits("terms_versions", &a.cli(&["terms", "list"]));
    assert_fits("terms_version", &a.cli(&["terms", "show"]));
    let missing = a.cli(&["terms", "acceptances", "--missing"]);
    assert_fits("unaccepted", &missing);
    assert!(missing.as_array().expect("a list").iter().all(|u| u["person"] != list[0]["person"]));

    // An operator's own text without a clause is refused, naming it; without a change in it, nothing differs.
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().to_str().expect("UTF-8");
    a.cli(&["terms", "template", at]);
    let (fr, en) = (format!("{at}/cgu.fr.md"), format!("{at}/cgu.en.md"));
    let text = std::fs::read_to_string(&fr).expect("written");
    std::fs::write(&fr, text.replace("<!-- clause: redirection -->", "")).expect("writable");
    let own = ["terms", "publish", "e2e-3", "--text-fr", &fr, "--text-en", &en];
    let refused = sceau(a, &[&own[..], &changes].concat());
    assert!(refused.code == 1 && refused.err.contains("redirection (fr)"), "{refused:?}");
    std::fs::write(&fr, &text).expect("writable");
    a.cli(&[&own[..], &changes].concat());
    assert_eq!(a.cli(&["terms", "diff", "e2e-2", "e2e-3"]), serde_json::json!([]));
    // A second new version shuts them again; accepted by the command line, with a token of one's own on its input, it opens them.
    assert!(smtp_login(&sandbox, account).starts_with("535 5.7.0 "));
    let (program, config) = (sceau_e2e::sandbox::sceau(), a.config.display());
    let line = format!(
        "printf '%s\\n' '{}' | '{}' --config '{config}' --json terms accept '{}'",
        account.token,
        program.display(),
        account.login
    );
    let accepted = Run::of("sh", &["-c", &line]).ok();
    assert_fits("terms_accepted", &serde_json::from_str(&accepted.out).expect("JSON"));
    assert!(smtp_login(&sandbox, account).starts_with("235 "));
}

/// Runs a subcommand that may fail.
fn sceau(o: &Operator, args: &[&str]) -> Run {
    let mut all = vec!["--config", o.config.to_str().expect("UTF-8"), "--lang", "en"];
    all.extend(args);
    Run::of(sceau_e2e::sandbox::sceau().to_str().expect("UTF-8"), &all)
}
