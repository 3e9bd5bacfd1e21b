//! A hospital's own Postfix, set by nothing but the files that the operator wrote: mail both ways, refusals in its own words, suspension, revocation.
use sceau_e2e::{Letter, Postfix, Run, Sandbox, curl, proves, wait};
use serde_json::Value;

const CARDIO: &str = "cardiologie@alpes.mssante.fr";
const ACCUEIL: &str = "accueil@alpes.mssante.fr";

fn texts(found: &Value) -> String {
    found["findings"].to_string()
}

#[test]
fn a_hospitals_postfix_is_connected_by_the_generated_files() {
    let _proof = proves(&["F052", "F053", "F054", "F150", "F212", "F215"], "cli");
    let _also = proves(&["F052", "F212"], "smtp");
    let mut sandbox = Sandbox::start();
    let door = format!("127.0.0.1:{}", sandbox.base() + 45);
    sandbox.configure(0, &[("[listen]\n", &format!("[listen]\nconnectors = \"{door}\"\n"))]);
    let a = sandbox.a();
    // The hospital: a structure, its domain, two mailboxes that stay declared here.
    let _ = a.cli(&["structure", "add", "hopital", "--name", "Hôpital de l'Exemple; rm -rf"]);
    let _ = a.cli(&["structure", "domain", "hopital", "--add", "alpes.mssante.fr"]);
    let signed = ["--state", "signed", "--reference", "C-1", "--from", "2026-01-01"];
    let _ = a.cli(&[&["structure", "convention", "hopital"][..], &signed].concat());
    let _ = a.cli(&["person", "member", "marie.martin", "hopital", "--function", "médecin"]);
    for address in [CARDIO, ACCUEIL] {
        let name = address.split('@').next().expect("name");
        let mut add = vec!["bal", "add", address, "--kind", "org", "--name", name, "--structure", "hopital"];
        add.extend(["--holder", "marie.martin"]);
        let _ = a.cli(&add);
    }
    let mut postfix = Postfix::hospital(&sandbox, "alpes.mssante.fr", &[CARDIO]);
    let _ = a.cli(&["connector", "authority", "create", "--host", "raccordements.alpes.mssante.fr"]);
    let mut create = vec!["connector", "create", "hopital", "--structure", "hopital", "--domain", "alpes.mssante.fr"];
    create.extend(["--to", postfix.inbound()]);
    let made = a.cli(&create);
    assert_eq!(made["warnings"], serde_json::json!(["no_certificate", "never_seen"]), "{made:#}");
    let before = a.cli_text(&["--json", "connector", "test", "hopital"]);
    assert_eq!(before.code, 1, "{before:?}");
    for wrong in ["no_certificate", "\"port\"", "never_came"] {
        assert!(before.out.contains(wrong), "{wrong}: {}", before.out);
    }

    // The key never leaves the hospital: a request, and its certificate.
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (key, csr, certificate, pair) = (path("key.pem"), path("csr.pem"), path("cert.pem"), path("pair.pem"));
    // Signed as Exchange 2016 signs.
    let request = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-sha1", "-subj", "/CN=nous.alpes.mssante.fr"];
    let _ = Run::of("openssl", &[&request[..], &["-keyout", &key, "-out", &csr]].concat()).ok();
    let issued = a.cli(&["connector", "certificate", "issue", "hopital", "--request", &csr, "--out", &certificate]);
    let read = |p: &str| std::fs::read_to_string(p).expect("file");
    std::fs::write(&pair, read(&key) + &read(&certificate)).expect("pair");
    // A file with the key is no certificate to declare; what Windows imports opens with the password that is shown once.
    let given = a.cli_text(&["connector", "certificate", "declare", "hopital", "--file", &pair]);
    assert!(given.code != 0 && given.err.contains("connector.key"), "{given:?}");
    let pfx = path("hopital.pfx");
    let packed = a.cli(&["connector", "certificate", "make", "hopital", "--pkcs12", "--out", &pfx]);
    assert!(packed["pkcs12"].is_null() && packed["private_key"].is_null(), "{packed:#}");
    let password = format!("pass:{}", packed["password"].as_str().expect("password"));
    let opened = Run::of("openssl", &["pkcs12", "-in", &pfx, "-nodes", "-passin", &password]).ok();
    assert!(opened.out.contains("BEGIN PRIVATE KEY") && opened.out.contains("Sceau hopital"), "{}", opened.err);
    let settings = path("settings");
    let _ = a.cli_text(&["connector", "settings", "hopital", "--for", "postfix", "--out", &settings]).ok();
    let script = folder.path().join("settings/sceau-hopital-postfix.sh");
    for _ in 0..2 {
        let _ = postfix.apply(&script, pair.as_ref()).ok();
    }
    postfix.start();
    let tested = a.cli(&["connector", "test", "hopital"]);
    assert_eq!(tested["good"], true, "{}\n{}", texts(&tested), postfix.log());
    for right in ["server_certificate", "our_certificate_taken", "mail_taken", "rcpt_taken"] {
        assert!(texts(&tested).contains(right), "{right}: {}", texts(&tested));
    }

    // Out: as its own mailbox, to another operator, under mutual TLS both sides of which Postfix verified.
    let paul = sandbox.b().account("Per", 0);
    let out = Letter::short(CARDIO, &paul.address, "Compte rendu");
    let _ = postfix.submit(CARDIO, &[&paul.address], &out.bytes).ok();
    let received = curl::wait_for(&sandbox, sandbox.b(), paul, &out.id);
    let added = out.assert_arrived(&received);
    assert!(added.contains("client certificate CN="), "{added}");
    assert!(postfix.log().contains("Verified TLS connection established to 127.0.0.1"), "{}", postfix.log());
    // In: the answer, and a letter of a neighbour here; neither is kept here.
    let answer = Letter::short(&paul.address, CARDIO, "Réponse");
    let _ = curl::send(&sandbox, sandbox.b(), paul, &[CARDIO], &answer.bytes).ok();
    let marie = a.account("Per", 0);
    let near = Letter::short(&marie.address, CARDIO, "Voisine");
    let _ = curl::send(&sandbox, a, marie, &[CARDIO], &near.bytes).ok();
    for letter in [&answer, &near] {
        let _ = letter.assert_arrived(&postfix.wait_for(CARDIO, &letter.id));
    }
    let traces = a.cli(&["trace", "list", "--act", "mail.submitted", "--limit", "100"]);
    assert!(traces.to_string().contains("\"connector\":\"hopital\""), "{traces:#}");

    // Foreign sender, unknown recipient: refused in our words, and bounced by Postfix to nobody outside.
    let foreign = Letter::short("direction@hopital.example", &paul.address, "Hors domaine");
    let _ = postfix.submit("direction@hopital.example", &[&paul.address], &foreign.bytes).ok();
    let lost = Letter::short(CARDIO, "personne@alpes-inconnu.mssante.fr", "Perdue");
    let _ = postfix.submit(CARDIO, &["personne@alpes-inconnu.mssante.fr"], &lost.bytes).ok();
    wait::until("both refusals", 30, || {
        let log = postfix.log();
        (log.contains("sender.not_allowed") && log.contains("rcpt.not_listed")).then_some(())
    });
    // A mailbox that is open here and unknown there: the sender is told by its own operator.
    let unknown = Letter::short(&marie.address, ACCUEIL, "Inconnue là-bas");
    let _ = curl::send(&sandbox, a, marie, &[ACCUEIL], &unknown.bytes).ok();
    let report = wait::until("a report", 30, || {
        let found = curl::search(&sandbox, a, marie, "FROM postmaster");
        curl::fetch(&sandbox, a, marie, *found.first()?)
    });
    let report = String::from_utf8_lossy(&report).into_owned();
    assert!(report.contains(ACCUEIL) && report.contains("Status: 5.1.1"), "{report}");

    // Suspended: what is sent waits at both ends, then goes.
    let _ = a.cli(&["connector", "suspend", "hopital", "--reason", "Travaux"]);
    let later = Letter::short(CARDIO, &paul.address, "Plus tard");
    let _ = postfix.submit(CARDIO, &[&paul.address], &later.bytes).ok();
    wait::until("a refusal for now", 30, || postfix.log().contains("connector.suspended").then_some(()));
    let _ = a.cli(&["connector", "resume", "hopital", "--reason", "Fini"]);
    let _ = curl::wait_for(&sandbox, sandbox.b(), paul, &later.id);

    // Revoked: its next message is refused, and the test says why.
    let id = issued["id"].as_str().expect("id");
    let _ = a.cli(&["connector", "certificate", "revoke", "hopital", id, "--reason", "Clé perdue"]);
    let stolen = Letter::short(CARDIO, &paul.address, "Clé volée");
    let _ = postfix.submit(CARDIO, &[&paul.address], &stolen.bytes).ok();
    wait::until("a refusal for good", 30, || postfix.log().contains("connector.revoked").then_some(()));
    let tested = a.cli_text(&["--lang", "fr", "connector", "test", "hopital"]);
    assert_eq!(tested.code, 1);
    assert!(tested.out.contains("certificat révoqué") && tested.out.contains("[connector.revoked]"), "{}", tested.out);
}
