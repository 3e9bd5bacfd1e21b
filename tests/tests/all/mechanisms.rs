//! A machine that logs in by its certificate, registered by the command line, and people by bearer tokens: with Python's clients.
use sceau_e2e::{Sandbox, proves};

const BAL: &str = "labo-automate@alpes.mssante.fr";

#[test]
fn a_machine_by_its_certificate_and_people_by_bearer_tokens() {
    let _proof = proves(&["F222"], "cli");
    let _doors = proves(&["F221", "F222"], "submission");
    let _imap = proves(&["F221", "F222"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    a.cli(&["person", "add", "automate", "--name", "Automate du laboratoire"]);
    a.cli(&["access", "give", BAL, "automate", "--role", "machine"]);
    // Any certificate of the authority for applications would do: the outsider's is at hand.
    let pair = sandbox.outsider();
    let (cert, key) = (pair.cert.display().to_string(), pair.key.display().to_string());
    // A key is not a certificate, and is refused without being looked at.
    assert_ne!(a.cli_text(&["bal", "certificate", "add", BAL, &key, "--label", "Analyseur"]).code, 0);
    let made = a.cli(&["bal", "certificate", "add", BAL, &cert, "--label", "Analyseur"]);
    assert_eq!((made["login"].as_str(), made["bal"].as_str()), (Some("automate"), Some(BAL)), "{made}");
    assert!(made["issuer"].as_str().is_some_and(|i| i.contains("BAC A SABLE")), "{made}");
    let again = a.cli_text(&["bal", "certificate", "add", BAL, &cert, "--label", "Analyseur"]);
    assert!(again.code != 0 && again.err.contains("admin.exists"), "{again:?}");

    let said = sandbox.python("mechanisms.py", &[&cert, &key, BAL, "done"]).ok().out;
    assert_eq!(said.trim(), "done");

    let listed = a.cli(&["bal", "certificate", "list", BAL]);
    assert!(listed[0]["last_used"].is_i64() && listed[0]["revoked"].is_null(), "{listed}");
    let id = made["id"].as_i64().map(|id| id.to_string()).expect("an id");
    a.cli(&["bal", "certificate", "remove", BAL, &id]);
    let said = sandbox.python("mechanisms.py", &[&cert, &key, BAL, "refused"]).ok().out;
    assert_eq!(said.trim(), "refused");
    assert!(a.cli(&["bal", "certificate", "list", BAL])[0]["revoked"].is_i64());
}
