//! Lives from the command line: stopped and taken up again, closed with proof, kept, held, destroyed; policies and the calendar.
use sceau_e2e::peer::Wire;
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Sandbox, proves, wait};

const ANNE: &str = "anne.legoff@bretagne.mssante.fr";
const YANN: &str = "yann.morvan@bretagne.mssante.fr";

/// Does a login over IMAP succeed?
fn enters(sandbox: &Sandbox, address: &str) -> bool {
    let b = sandbox.b();
    let account = b.accounts.iter().find(|a| a.address == address).expect("account");
    let mut wire = Wire::connect_from(1, &b.endpoints.imaps).expect("IMAP answers");
    wire.handshake(&sandbox.tls(None)).expect("handshake");
    wire.line().expect("greeting");
    wire.put(format!("x LOGIN \"{}\" \"{}\"\r\n", account.login, account.token).as_bytes()).expect("sent");
    loop {
        match wire.line() {
            Ok(line) if line.starts_with("x ") => return line.starts_with("x OK"),
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[test]
fn stopped_closed_held_and_destroyed() {
    let _proof = proves(&["F030", "F031", "F032", "F038", "F039", "F165"], "cli");
    let sandbox = Sandbox::start();
    let b = sandbox.b();
    let life = |args: &[&str]| {
        let said = b.cli(args);
        assert_fits("life", &said);
        said["state"].as_str().unwrap_or_default().to_owned()
    };
    let refused = |args: &[&str], code: &str| {
        let said = b.cli_raw(args);
        assert!(said.code == 1 && said.err.contains(code), "{said:?}");
    };
    let yann = b.accounts.iter().find(|a| a.address == YANN).expect("account").login.clone();
    let yann = yann.split('*').next().unwrap_or_default();

    // F039: each stop shuts the door, each go opens it again.
    assert!(enters(&sandbox, YANN));
    for (stop, go, state) in [("suspend", "resume", "suspended"), ("block", "release", "blocked")] {
        assert_eq!(life(&["bal", stop, YANN, "--reason", "essai"]), state);
        assert!(!enters(&sandbox, YANN), "{stop}");
        assert_eq!(life(&["bal", go, YANN, "--reason", "essai"]), "active");
    }
    let person = b.cli(&["bal", "show", YANN])["access"][0][0].as_str().unwrap_or(yann).to_owned();
    assert_eq!(life(&["person", "block", &person, "--reason", "enquête"]), "blocked");
    assert!(!enters(&sandbox, YANN));
    assert_eq!(life(&["person", "release", &person, "--reason", "clos"]), "active");
    assert!(enters(&sandbox, YANN));

    // F032: the sandbox's people have no verified notification address. Withdrawn before its time, nothing is lost.
    let address = ["bal", "close", YANN, "--cause", "notification_address", "--reason", "courriel en erreur", "--yes"];
    assert_eq!(life(&address), "closing");
    assert!(!enters(&sandbox, YANN));
    assert_eq!(life(&["bal", "keep", YANN, "--reason", "adresse corrigée"]), "active");
    assert!(enters(&sandbox, YANN));

    // F031 and F030: closed with proof, and yet not destroyed while a hold stands.
    let held = b.cli(&["hold", "place", "--bal", ANNE, "--reason", "conservation", "--authority", "TJ 2026-117"]);
    assert_fits("hold", &held);
    assert_eq!(b.cli(&["bal", "show", ANNE])["holds"][0]["authority"], "TJ 2026-117");
    let close = ["bal", "close", ANNE, "--cause", "request", "--reason", "retraite", "--cooling-days", "0", "--yes"];
    assert_eq!(b.cli_raw(&close).code, 2, "without proof");
    let proven = [&close[..], &["--proof", "carte vue au guichet"]].concat();
    assert_eq!(life(&proven), "closed");
    refused(&["bal", "keep", ANNE, "--reason", "trop tard"], "state.wrong");
    assert_eq!(b.cli(&["keys", "status"])["destroyed"], 0);
    let id = held["id"].as_str().expect("id");
    // Lifting destroys: where nobody can be asked it must be meant.
    assert_eq!(b.cli_raw(&["hold", "lift", id, "--reason", "mainlevée"]).code, 2);
    b.cli(&["hold", "lift", id, "--reason", "mainlevée", "--yes"]);
    wait::until("the BAL to be destroyed", 20, || (life(&["bal", "life", ANNE]) == "tombstone").then_some(()));
    assert_eq!(b.cli(&["keys", "status"])["destroyed"], 1);
    let steps = b.cli(&["bal", "life", ANNE])["steps"].clone();
    let steps = steps.as_array().expect("steps");
    assert!(steps.iter().any(|s| s["became"] == "closing" && s["reason"] == "retraite" && s["by"].is_string()));
    let traced = b.cli(&["trace", "list", "--act", "bal.closing"]);
    assert!(traced.as_array().expect("traces").iter().any(|t| t["data"]["identity_proof"] == "carte vue au guichet"));

    // Policies and the calendar.
    b.cli(&["retention", "set", "maison", "cooling=45 days", "--from", "medimail", "--source", "décision 7"]);
    refused(&["retention", "set", "maison", "functional_traces=9 years"], "admin.invalid");
    // What becomes shorter is looked at first, and confirmed.
    let due = b.cli(&["retention", "due", "maison"]);
    assert!(
        due.as_array().expect("a list").iter().any(|d| d["item"] == "messages" && d["value"] == "3 months"),
        "{due}"
    );
    refused(&["retention", "use", "maison"], "retention.shorter");
    assert_eq!(b.cli(&["retention", "use", "maison", "--yes"])["operator"], true);
    let count = |args: &[&str]| b.cli(&[&["calendar", "count", "2026-12-18"], args].concat())["to"].clone();
    assert_eq!(count(&["--days", "10"]), "2027-01-05");
    b.cli(&["calendar", "set", "2026-12-24", "--territory", "metropole", "--label", "Pont"]);
    assert_eq!(count(&["--days", "10"]), "2027-01-06");
    assert_eq!(count(&["--days", "1", "--territory", "reunion"]), "2026-12-21");
    assert_eq!(
        b.cli(&["calendar", "show", "--year", "2027", "--territory", "reunion"])["days"][10]["day"],
        "2027-12-20"
    );
}
