//! Who has access to a BAL: a departed employee loses every door within a second, on both nodes; a secretary is named by the professional alone; the
//! past has an answer.
use sceau_e2e::peer::{Wire, base64, names};
use sceau_e2e::sandbox::{More, Operator};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Database, Run, Sandbox, proves};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SERVICE: &str = "maternite@bretagne.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";
/// What "at once" may take on a machine that does other things too.
const SOON: Duration = Duration::from_secs(5);

/// Asks over REST with a token: status and body.
fn ask(sandbox: &Sandbox, o: &Operator, token: &str, method: &str, path: &str, body: Option<Value>) -> (String, Value) {
    let bearer = format!("Authorization: Bearer {token}");
    let (url, body) = (format!("https://{}/api/v1{path}", o.endpoints.https), body.map(|b| b.to_string()));
    let mut all = vec!["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "-w", "\n%{http_code}", "-H", &bearer];
    all.extend(["-X", method]);
    if let Some(body) = &body {
        all.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
    }
    all.push(&url);
    let run = Run::of("curl", &all).ok();
    let (body, status) = run.out.rsplit_once('\n').expect("status");
    (status.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// A device token of this person for a BAL: id, login to give, secret.
fn device(o: &Operator, person: &str, bal: &str) -> (String, String, String) {
    let made = o.cli(&["token", "create", person, "--bal", bal, "--label", "Poste"]);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    (made["id"].to_string(), format!("{person}*{bal}"), secret)
}

/// A secret for REST.
fn api(o: &Operator, person: &str) -> String {
    let made = o.cli(&["token", "create", person, "--api", "--label", "Logiciel"]);
    made["secret"].as_str().expect("a secret").to_owned()
}

/// One IMAP login: the session, or the refusal.
fn imap(sandbox: &Sandbox, o: &Operator, login: &str, secret: &str) -> Result<Wire, String> {
    let mut wire = Wire::connect_from(1, &o.endpoints.imaps).expect("connected");
    wire.handshake(&sandbox.tls(None)).expect("handshake");
    wire.line().expect("greeting");
    say(&mut wire, &format!("LOGIN \"{login}\" \"{secret}\"")).map(|_| wire)
}

/// A command of IMAP: everything up to its tagged answer; the tagged answer alone when it is no.
fn say(wire: &mut Wire, command: &str) -> Result<String, String> {
    wire.put(format!("e2e {command}\r\n").as_bytes()).expect("sent");
    let mut all = String::new();
    loop {
        let line = wire.line().expect("answer");
        match line.strip_prefix("e2e ") {
            Some(done) if done.starts_with("OK") => return Ok(all + &line),
            Some(_) => return Err(line),
            None => all.push_str(&line),
        }
    }
}

/// A submission session, signed in.
fn submission(sandbox: &Sandbox, o: &Operator, login: &str, secret: &str) -> std::io::Result<Wire> {
    let mut wire = Wire::connect_from(1, &o.endpoints.submissions)?;
    wire.handshake(&sandbox.tls(None))?;
    wire.reply()?;
    wire.ask("EHLO poste.exemple.fr", "250")?;
    wire.ask(&format!("AUTH PLAIN {}", base64(format!("\0{login}\0{secret}").as_bytes())), "235")?;
    Ok(wire)
}

#[test]
fn a_departed_employee_loses_every_door_at_once_on_both_nodes() {
    let _proof = proves(&["F021", "F039"], "imap");
    let database = Database::start();
    let arguments = vec!["--store".to_owned(), database.url(), "--nodes".to_owned(), "2".to_owned()];
    let sandbox = Sandbox::start_more(More { arguments, ..More::default() });
    let (one, two) = (sandbox.b().at(0), sandbox.b().at(1));
    let root = sandbox.b().api_token.clone();
    for what in ["access", "person", "bal", "token"] {
        let (token, login, secret) = device(&one, "anne.legoff", SERVICE);
        let mut idle = imap(&sandbox, &two, &login, &secret).unwrap_or_else(|e| panic!("{what}: {e}"));
        say(&mut idle, "SELECT INBOX").unwrap_or_else(|e| panic!("{what}: {e}"));
        // One that waits, one between two commands.
        idle.put(b"e2e IDLE\r\n").expect("sent");
        while !idle.line().expect("continuation").starts_with('+') {}
        let mut quiet = imap(&sandbox, &two, &login, &secret).expect("signed in");
        let mut sending = submission(&sandbox, &two, &login, &secret).expect("signed in");
        match what {
            "access" => {
                let path = format!("/bals/{SERVICE}/access/anne.legoff?reason=D%C3%A9part");
                let (status, ended) = ask(&sandbox, &one, &root, "DELETE", &path, None);
                assert_eq!((status.as_str(), ended["ended_by"].as_str()), ("200", Some("operateur")), "{ended}");
            }
            "person" => drop(one.cli(&["person", "block", "anne.legoff", "--reason", "Enquête"])),
            "bal" => drop(one.cli(&["bal", "suspend", SERVICE, "--reason", "Travaux"])),
            _ => drop(one.cli(&["token", "revoke", &token])),
        }
        let done = Instant::now();
        let bye = loop {
            let line = idle.line().unwrap_or_else(|e| panic!("{what}: cut without a word: {e}"));
            if line.starts_with("* BYE") {
                break line;
            }
        };
        let waited = done.elapsed();
        names(&bye, "right.missing").unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(bye.contains("[NOPERM]"), "{bye}");
        let bye = quiet.line().unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(bye.starts_with("* BYE [NOPERM]"), "{what}: {bye}");
        let cut = sending.reply().unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(cut.starts_with("421 4.7.0 ") && cut.contains("[right.missing]"), "{what}: {cut}");
        let all = done.elapsed();
        println!("{what}: IDLE on the other node ended after {waited:?}, every session after {all:?}");
        assert!(all < SOON, "{what}: {all:?}");
        for node in [&one, &two] {
            let refused =
                imap(&sandbox, node, &login, &secret).err().unwrap_or_else(|| panic!("{what}: signed in again"));
            names(&refused, "login.failed").unwrap_or_else(|e| panic!("{what}: {e}"));
            let refused = submission(&sandbox, node, &login, &secret);
            assert!(refused.is_err(), "{what}: signed in to submission again");
        }
        match what {
            "access" => drop(one.cli(&["access", "give", SERVICE, "anne.legoff", "--reason", "Retour"])),
            "person" => drop(one.cli(&["person", "release", "anne.legoff", "--reason", "Fin"])),
            "bal" => drop(one.cli(&["bal", "resume", SERVICE, "--reason", "Fin"])),
            _ => {}
        }
    }
    // The person of a blocked login has no REST either: refused at the next request, on both nodes.
    let own = api(&one, "anne.legoff");
    assert_eq!(ask(&sandbox, &two, &own, "GET", "/me", None).0, "200");
    one.cli(&["person", "block", "anne.legoff", "--reason", "Enquête"]);
    assert_eq!(ask(&sandbox, &two, &own, "GET", "/me", None).1["code"], "login.failed");
}

#[test]
fn a_secretary_reads_and_the_past_has_an_answer() {
    let _imap = proves(&["F024", "F025", "F021"], "rest");
    let _cli = proves(&["F021", "F159", "F018"], "cli");
    let sandbox = Sandbox::start();
    let b = sandbox.b();
    // The command line speaks for an administrator, who cannot.
    let refused = b.cli_text(&["--lang", "fr", "delegation", "give", ANNE, "erwan.guillou", "--until", "2099-01-01"]);
    assert!(
        refused.code == 1 && refused.err.contains("Seul le titulaire") && refused.err.contains("/me/delegations"),
        "{}",
        refused.err
    );
    let (anne, erwan) = (api(b, "anne.legoff"), api(b, "erwan.guillou"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis();
    let month = u64::try_from(now).expect("milliseconds") + 30 * 86_400_000;
    let new = |ends: u64| {
        Some(
            json!({ "address": ANNE, "login": "erwan.guillou", "rights": ["read"], "ends": ends, "reason": "Secrétariat" }),
        )
    };
    assert_eq!(ask(&sandbox, b, &erwan, "POST", "/me/delegations", new(month)).1["code"], "right.missing");
    assert_eq!(ask(&sandbox, b, &anne, "POST", "/me/delegations", new(month * 2)).1["code"], "access.dates");
    let (status, given) = ask(&sandbox, b, &anne, "POST", "/me/delegations", new(month));
    assert_eq!((status.as_str(), given["holder"].as_str()), ("201", Some("anne.legoff")), "{given}");
    assert_fits("delegation", &given);
    assert_fits("delegations", &ask(&sandbox, b, &anne, "GET", "/me/delegations", None).1["items"]);
    // She reads, and cannot file: the mailbox says so.
    let (_, login, secret) = device(b, "erwan.guillou", ANNE);
    let mut session = imap(&sandbox, b, &login, &secret).expect("signed in");
    let opened = say(&mut session, "SELECT INBOX").expect("selected");
    assert!(opened.contains("[PERMANENTFLAGS ()]") && opened.contains("e2e OK [READ-ONLY]"), "{opened}");
    for command in ["STORE 1 +FLAGS (\\Seen)", "CREATE Suivi", "EXPUNGE"] {
        let no = say(&mut session, command).expect_err(command);
        assert!(no.starts_with("e2e NO [NOPERM]") && no.contains("mail.file"), "{command}: {no}");
    }
    assert!(submission(&sandbox, b, &login, &secret).is_err(), "she may not send");
    // It is traced as hers, for the holder.
    let traced = b.cli(&["trace", "list", "--act", "login.ok", "--actor", "erwan.guillou", "--limit", "1"]);
    assert_eq!(
        (&traced[0]["data"]["as"], &traced[0]["data"]["for"]),
        (&json!("delegate"), &json!("anne.legoff")),
        "{traced}"
    );
    // Who can read it now; an administrator ends the delegation, and the past stays.
    let readers = |at: &[&str]| {
        let said = b.cli(&[&["access", "history", ANNE], at].concat());
        assert_fits("readers", &said);
        let list = said["readers"].as_array().expect("readers").iter();
        list.map(|r| r["login"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(readers(&[]), ["anne.legoff", "erwan.guillou"]);
    let then = written(given["granted"].as_u64().expect("an instant"));
    b.cli(&["delegation", "end", ANNE, "erwan.guillou", "--reason", "Fin de contrat"]);
    assert_eq!(readers(&[]), ["anne.legoff"]);
    assert_eq!(readers(&["--at", "2001-01-01"]), Vec::<String>::new());
    assert_eq!(readers(&["--at", &then]), ["anne.legoff", "erwan.guillou"], "{then}");
    let past = b.cli(&["access", "list", ANNE, "--past"]);
    assert_fits("accesses", &past);
    let ended = past.as_array().expect("rows").iter().find(|r| r["role"] == "delegate").expect("kept");
    assert_eq!((ended["ended_by"].as_str(), ended["granted_by"].as_str()), (Some("operateur"), Some("anne.legoff")));
    assert!(imap(&sandbox, b, &login, &secret).is_err());
    // Two who edit at once: the second one is told.
    let place = format!("/bals/{SERVICE}/access/anne.legoff");
    let root = b.api_token.as_str();
    let change = Some(json!({ "role": "member", "rights": ["read"] }));
    assert_eq!(ask(&sandbox, b, root, "PUT", &place, change).1["code"], "edit.unconditional");
    let changed = b.cli(&["access", "change", SERVICE, "anne.legoff", "--right", "read", "--right", "send"]);
    assert_eq!(changed["rights"], json!(["read", "send"]));
    assert_fits("access", &changed);
    let last = b.cli_raw(&["access", "end", SERVICE, "nolwenn.tanguy"]);
    assert!(last.code == 1 && last.err.contains("[access.last]"), "{}", last.err);
    // Who did what with a shared BAL.
    let (_, login, secret) = device(b, "anne.legoff", SERVICE);
    say(&mut imap(&sandbox, b, &login, &secret).expect("signed in"), "SELECT INBOX").expect("selected");
    let seen = b.cli(&["access", "activity", SERVICE]);
    assert_fits("activity", &seen);
    let anne = seen.as_array().expect("rows").iter().find(|r| r["login"] == "anne.legoff").expect("anne");
    assert_eq!((&anne["logins"], &anne["read"], &anne["sent"]), (&json!(1), &json!(1), &json!(0)), "{seen}");
}

/// An instant as the command line takes it.
fn written(ms: u64) -> String {
    let run =
        Run::of("date", &["-u", "-d", &format!("@{}.{:03}", ms / 1000, ms % 1000), "+%Y-%m-%dT%H:%M:%S.%3N"]).ok();
    run.out.trim().to_owned()
}
