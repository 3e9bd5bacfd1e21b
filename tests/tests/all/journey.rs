//! The journey of a hospital, by the command line, on two nodes over PostgreSQL: it opens with its convention and its two administrators, a cardiology
//! with six people and two responsible ones, a laboratory's machine, five hundred people from a file of which twelve lines are explained; then
//! somebody leaves, and whoever else loses a right loses every door at once, on both nodes.
use sceau_e2e::doors::{accept, api, ask, device, imap, say, submission};
use sceau_e2e::peer::{Wire, letter, names};
use sceau_e2e::sandbox::{More, Operator};
use sceau_e2e::{Database, Sandbox, proves};
use sceau_testkit::people_file::{self, Arrivals, FIRST, arrivals, rpps};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CODE: &str = "chu-ouest";
const DOMAIN: &str = "bretagne.mssante.fr";
const CARDIO: &str = "cardiologie@bretagne.mssante.fr";
const LABO: &str = "laboratoire-central@bretagne.mssante.fr";
const SERVICE: &str = "maternite@bretagne.mssante.fr";
/// What "at once" may take on a machine that does other things too.
const SOON: Duration = Duration::from_secs(5);

/// Adds somebody who may be responsible: certified, habilitated, who accepted the terms.
fn professional(sandbox: &Sandbox, o: &Operator, login: &str, family: &str, number: usize) -> String {
    let id = rpps(number);
    let names = ["--given-name", "Nom", "--family-name", family, "--national-id", &id];
    let place = ["--structure", CODE, "--function", "Médecin", "--habilitated"];
    let _ = o.cli(&[&["person", "add", login][..], &names, &place].concat());
    let _ = o.cli(&["person", "certify", login]);
    let token = api(o, login);
    accept(sandbox, o, &token);
    token
}

/// The structure, its convention, its two administrators.
fn hospital(sandbox: &Sandbox, o: &Operator) {
    let finess = ["--finess-ej", "990000002", "--finess-eg", "990000010"];
    let contact = ["--contact-name", "Dominique EXEMPLE", "--contact-email", "referent@exemple.fr"];
    let _ = o.cli(&[&["structure", "add", CODE, "--name", "CHU de l'Ouest"][..], &finess, &contact].concat());
    let signed = ["structure", "convention", CODE, "--state", "signed", "--reference", "C-2026-17"];
    let _ = o.cli(&[&signed[..], &["--from", "2026-01-01"]].concat());
    let _ = o.cli(&["structure", "domain", CODE, "--add", DOMAIN]);
    let _ = o.cli(&["structure", "settle", CODE, "--opening", "delegated"]);
    for (login, family, number) in [("adm.un", "LANNUZEL", 9_001), ("adm.deux", "QUEMENER", 9_002)] {
        professional(sandbox, o, login, family, number);
        let _ = o.cli(&["role", "grant", login, "structure", "--structure", CODE, "--reason", "convention C-2026-17"]);
    }
    let shown = o.cli(&["structure", "show", CODE]);
    assert_eq!(
        (&shown["administrators"], &shown["warnings"]),
        (&json!(["adm.deux", "adm.un"]), &json!([])),
        "{shown:#}"
    );
    let said = o.cli_text(&["--lang", "fr", "structure", "show", CODE]).ok().out;
    assert!(said.contains("état: signée") && said.contains("2026-01-01 00:00:00 CET"), "{said}");
}

/// Five hundred people and their mailboxes from a file in Windows-1252, faulty lines among the good ones.
fn five_hundred(o: &Operator) {
    let Arrivals { file, codes: expected } = arrivals(DOMAIN, "admin.not_found");
    let folder = tempfile::tempdir().expect("a folder");
    let [path, report] = ["arrivants.csv", "compte-rendu.csv"].map(|n| folder.path().join(n).display().to_string());
    std::fs::write(&path, file).expect("written");
    let began = Instant::now();
    let done = o.cli(&["import", "start", &path, "--structure", CODE, "--certified", "--wait"]);
    println!("512 lines took {:?}", began.elapsed());
    let counts = json!([done["state"], done["lines"], done["done"], done["wrong"], done["skipped"]]);
    let id = done["id"].as_str().expect("an id");
    let wrong = o.cli(&["import", "show", id, "--lines", "wrong"]);
    let codes: Vec<&str> = wrong.as_array().into_iter().flatten().filter_map(|l| l["code"].as_str()).collect();
    assert_eq!((counts, codes), (json!(["done", 512, 500, 12, 0]), expected), "{wrong:#}");
    // A person reads each line with its explanation; what is more than a page is said to be there.
    let table = o.cli_text(&["--lang", "fr", "import", "show", id, "--lines", "wrong"]).ok();
    assert!(table.out.lines().count() == 13 && table.out.contains("clé") && table.err.is_empty(), "{table:?}");
    let people = o.cli_text(&["--lang", "fr", "person", "list", "--structure", CODE]).ok();
    assert!(people.out.lines().count() == 101 && people.err.contains("La suite : --after"), "{}", people.err);
    let _ = o.cli_text(&["import", "report", id, &report]).ok();
    let lines = std::fs::read_to_string(&report).expect("the report");
    assert_eq!(lines.lines().count(), 513);
}

/// Cardiology with six people and two responsible ones; the laboratory's machine.
fn services(o: &Operator) {
    let _ = o.cli(&["person", "add", "automate", "--name", "Automate du laboratoire", "--structure", CODE]);
    let members: Vec<String> = (FIRST..FIRST + 6).map(people_file::login).collect();
    let mut form = vec!["opening", "ask", CARDIO, "--kind", "org", "--name", "Cardiologie", "--structure", CODE];
    form.extend(["--holder", "adm.un", "--holder", "adm.deux", "--service", "Cardiologie"]);
    form.extend(members.iter().flat_map(|m| ["--member", m.as_str()]));
    let asked = o.cli(&form);
    let opened = o.cli(&["opening", "verify", asked["id"].as_str().expect("an id")]);
    assert_eq!((&opened["state"], opened["bal"]["access"].as_array().map(Vec::len)), (&json!("opened"), Some(8)));
    let app = ["bal", "add", LABO, "--kind", "app", "--name", "Laboratoire central", "--structure", CODE];
    let opened = o.cli(&[&app[..], &["--holder", "adm.un", "--member", "automate"]].concat());
    assert_eq!(opened["bal"]["access"], json!([["adm.un", "responsible"], ["automate", "machine"]]), "{opened:#}");
}

/// Sessions of one person on the other node: one in IDLE, one between two commands, one that may send, one in the middle of a message.
struct Sessions {
    idle: Wire,
    quiet: Wire,
    sending: Wire,
    message: Wire,
}

impl Sessions {
    fn open(sandbox: &Sandbox, o: &Operator, bal: &str, login: &str, secret: &str) -> Self {
        let signed = || imap(sandbox, o, login, secret).unwrap_or_else(|e| panic!("{login}: {e}"));
        let mut idle = signed();
        say(&mut idle, "SELECT INBOX").expect("selected");
        idle.put(b"e2e IDLE\r\n").expect("sent");
        while !idle.line().expect("continuation").starts_with('+') {}
        let sending = submission(sandbox, o, login, secret).expect("signed in");
        let mut message = submission(sandbox, o, login, secret).expect("signed in");
        for (said, code) in [(format!("MAIL FROM:<{bal}>"), "250"), (format!("RCPT TO:<{bal}>"), "250")] {
            message.ask(&said, code).expect("taken");
        }
        message.ask("DATA", "354").expect("taken");
        message.put(letter(bal, bal, "coupee", "Début").as_bytes()).expect("sent");
        Self { idle, quiet: signed(), sending, message }
    }
    /// Every one ends with the sentence, soon.
    fn end(mut self, what: &str, done: Instant) {
        for (session, wire) in [("IDLE", &mut self.idle), ("between two commands", &mut self.quiet)] {
            let bye = loop {
                let line = wire.line().unwrap_or_else(|e| panic!("{what}: {session}: cut without a word: {e}"));
                if line.starts_with("* BYE") {
                    break line;
                }
            };
            names(&bye, "right.missing").unwrap_or_else(|e| panic!("{what}: {session}: {e}"));
            assert!(bye.contains("[NOPERM]"), "{bye}");
        }
        for (session, wire) in [("submission", &mut self.sending), ("DATA", &mut self.message)] {
            let cut = wire.reply().unwrap_or_else(|e| panic!("{what}: {session}: {e}"));
            assert!(cut.starts_with("421 4.7.0 ") && cut.contains("[right.missing]"), "{what}: {session}: {cut}");
        }
        let all = done.elapsed();
        println!("{what}: every session on the other node ended after {all:?}");
        assert!(all < SOON, "{what}: {all:?}");
    }
}

/// Nobody signs in with this any more, anywhere.
fn shut(sandbox: &Sandbox, nodes: &[&Operator], what: &str, login: &str, secret: &str) {
    for node in nodes {
        let refused = imap(sandbox, node, login, secret).err().unwrap_or_else(|| panic!("{what}: signed in again"));
        names(&refused, "login.failed").unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(submission(sandbox, node, login, secret).is_err(), "{what}: signed in to submission again");
    }
}

#[test]
fn a_hospital_opens_and_whoever_leaves_loses_every_door_on_both_nodes() {
    let _cli = proves(&["F009", "F014", "F015", "F018", "F019", "F020", "F021"], "cli");
    let _doors = proves(&["F021", "F039"], "imap");
    let database = Database::start();
    let arguments = vec!["--store".to_owned(), database.url(), "--nodes".to_owned(), "2".to_owned()];
    let sandbox = Sandbox::start_more(More { arguments, ..More::default() });
    let (one, two) = (sandbox.b().at(0), sandbox.b().at(1));
    hospital(&sandbox, &one);
    five_hundred(&one);
    services(&two);

    // A member of cardiology leaves: membership, accesses and tokens' reach end in one act.
    let leaver = people_file::login(FIRST);
    let own = api(&one, &leaver);
    accept(&sandbox, &one, &own);
    let (_, login, secret) = device(&one, &leaver, CARDIO);
    let stays = people_file::login(FIRST + 1);
    accept(&sandbox, &two, &api(&two, &stays));
    let (_, other, others) = device(&two, &stays, CARDIO);
    let sessions = Sessions::open(&sandbox, &two, CARDIO, &login, &secret);
    let mut colleague = imap(&sandbox, &two, &other, &others).expect("signed in");
    let left = one.cli(&["person", "leave", &leaver, "--structure", CODE, "--reason", "Départ", "--personal", "keep"]);
    let done = Instant::now();
    assert_eq!(left["accesses"], 1, "{left:#}");
    sessions.end("a departure", done);
    shut(&sandbox, &[&one, &two], "a departure", &login, &secret);
    say(&mut colleague, "SELECT INBOX").expect("whoever stays goes on");
    let path = format!("/bals/{CARDIO}");
    for node in [&one, &two] {
        assert_eq!(ask(&sandbox, node, &own, "GET", &path, None).1["code"], "right.missing");
    }
    let past = one.cli(&["access", "list", CARDIO, "--past"]);
    let kept = past.as_array().expect("rows").iter().find(|r| r["login"] == leaver.as_str()).expect("kept");
    assert!(kept["ended"].is_i64(), "{kept}");

    whatever_is_taken_away(&sandbox, &one, &two);
}

/// An access, a person, a BAL, a token: taken away at one node, sessions at the other.
fn whatever_is_taken_away(sandbox: &Sandbox, one: &Operator, two: &Operator) {
    let root = &sandbox.b().api_token;
    for what in ["access", "person", "bal", "token"] {
        let (token, login, secret) = device(one, "anne.legoff", SERVICE);
        let sessions = Sessions::open(sandbox, two, SERVICE, &login, &secret);
        match what {
            "access" => {
                let path = format!("/bals/{SERVICE}/access/anne.legoff?reason=D%C3%A9part");
                let (status, ended): (String, Value) = ask(sandbox, one, root, "DELETE", &path, None);
                assert_eq!((status.as_str(), ended["ended_by"].as_str()), ("200", Some("operateur")), "{ended}");
            }
            "person" => drop(one.cli(&["person", "block", "anne.legoff", "--reason", "Enquête"])),
            "bal" => drop(one.cli(&["bal", "suspend", SERVICE, "--reason", "Travaux"])),
            _ => drop(one.cli(&["token", "revoke", &token])),
        }
        sessions.end(what, Instant::now());
        shut(sandbox, &[one, two], what, &login, &secret);
        match what {
            "access" => drop(one.cli(&["access", "give", SERVICE, "anne.legoff", "--reason", "Retour"])),
            "person" => drop(one.cli(&["person", "release", "anne.legoff", "--reason", "Fin"])),
            "bal" => drop(one.cli(&["bal", "resume", SERVICE, "--reason", "Fin"])),
            _ => {}
        }
    }
    // The person of a blocked login has no REST either: refused at the next request, on both nodes.
    let own = api(one, "anne.legoff");
    assert_eq!(ask(sandbox, two, &own, "GET", "/me", None).0, "200");
    one.cli(&["person", "block", "anne.legoff", "--reason", "Enquête"]);
    assert_eq!(ask(sandbox, two, &own, "GET", "/me", None).1["code"], "login.failed");
    // Nothing of what was cut in the middle arrived.
    let (_, login, secret) = device(one, "nolwenn.tanguy", SERVICE);
    let mut wire = imap(sandbox, two, &login, &secret).expect("signed in");
    assert!(say(&mut wire, "EXAMINE INBOX").expect("opened").contains("* 0 EXISTS"));
}
