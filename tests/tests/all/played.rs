//! The command line against a played server: answers that are cut, wrong or overtaken; files that are there already, pipes that close, disks that
//! are full; two administrators who edit at once. Nothing is half done, nothing is silent, nothing drives the terminal.
use sceau_e2e::Run;
use sceau_e2e::sandbox::sceau;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What is answered: the bytes after which the connection closes.
type Answer = Box<dyn FnMut(&str, &str) -> Vec<u8> + Send>;

/// A server that says what the test wants, and remembers what it was asked.
struct Played {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

fn http(status: u16, version: Option<u32>, body: &str) -> Vec<u8> {
    let tag = version.map(|v| format!("ETag: \"v{v}\"\r\n")).unwrap_or_default();
    let head =
        format!("HTTP/1.1 {status} X\r\n{tag}Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    format!("{head}Connection: close\r\n\r\n{body}").into_bytes()
}

fn list(rows: Value) -> Vec<u8> {
    http(200, None, &json!({ "items": rows }).to_string())
}

/// The request's line; its body is read.
fn request(stream: &UnixStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    let (method, rest) = first.split_once(' ')?;
    Some((method.to_owned(), rest.split(' ').next()?.to_owned()))
}

impl Played {
    fn new(mut answer: Answer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let played = Self { folder, asked: Arc::default() };
        let _ = Run::of(sceau().to_str().expect("UTF-8"), &["init", played.path("etc").to_str().expect("UTF-8")]).ok();
        let config = std::fs::read_to_string(played.config()).expect("configuration");
        let socket = played.path("admin.sock");
        let line =
            config.lines().find(|l| l.trim_start_matches("# ").starts_with("admin =")).expect("admin").to_owned();
        let named = config.replace(&line, &format!("admin = \"{}\"", socket.display()));
        std::fs::write(played.config(), named).expect("configuration");
        let (listener, asked) = (UnixListener::bind(socket).expect("a socket"), played.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some((method, path)) = request(&stream) else { continue };
                asked.lock().expect("lock").push(format!("{method} {path}"));
                let said = match path.as_str() {
                    "/api/v1/calendar" => {
                        http(200, None, &json!({ "settings": { "territory": "reunion" } }).to_string())
                    }
                    path => answer(&method, path),
                };
                let _ = stream.write_all(&said);
            }
        });
        played
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn config(&self) -> PathBuf {
        self.path("etc/sceau.toml")
    }
    fn run(&self, args: &[&str]) -> Run {
        let config = self.config();
        let all = [&["--config", config.to_str().expect("UTF-8"), "--lang", "fr"], args].concat();
        Run::of(sceau().to_str().expect("UTF-8"), &all)
    }
    /// In a shell: `$S` is the command with its configuration.
    fn shell(&self, line: &str) -> Run {
        let command = format!("{} --config {} --lang fr", sceau().display(), self.config().display());
        Run::of("bash", &["-c", &line.replace("$S", &command)])
    }
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("lock"))
    }
}

/// Names in a folder, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let all =
        folder.read_dir().expect("a folder").map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8"));
    let mut all: Vec<String> = all.collect();
    all.sort();
    all
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o777
}

#[test]
fn what_is_saved_is_whole_or_not_there() {
    let report = "ligne;état\r\n".repeat(20_000);
    let whole = report.clone();
    let played = Played::new(Box::new(move |_, path| match path {
        "/api/v1/imports/7/report" => http(200, None, &whole),
        // Half of what it announces.
        "/api/v1/imports/8/report" => {
            let mut said = http(200, None, &whole);
            said.truncate(said.len() / 2);
            said
        }
        "/api/v1/imports/9/report" => {
            http(404, None, &json!({ "code": "admin.not_found", "detail": "L'import 9 n'existe pas." }).to_string())
        }
        _ => list(json!([{ "id": "1", "login": "a\u{1b}[2Jb\u{202e}c", "created": 0, "purpose": "device",
            "label": "Poste de l'accueil ".repeat(12).trim_end() }])),
    }));
    let out = played.path("sortie");
    std::fs::create_dir(&out).expect("a folder");
    let at = |name: &str| out.join(name).to_str().expect("UTF-8").to_owned();
    let _ = played.run(&["import", "report", "7", &at("a.csv")]).ok();
    assert_eq!(
        (std::fs::read_to_string(out.join("a.csv")).expect("written"), mode(&out.join("a.csv"))),
        (report, 0o600)
    );
    // There already: nothing is asked, nothing is touched.
    played.asked();
    std::fs::write(out.join("b.csv"), "à moi").expect("written");
    let refused = played.run(&["import", "report", "7", &at("b.csv")]);
    assert!(refused.code == 2 && refused.err.contains("b.csv") && played.asked().is_empty(), "{refused:?}");
    assert_eq!(std::fs::read_to_string(out.join("b.csv")).expect("there"), "à moi");
    // Cut, refused, nowhere to write: nothing is left.
    let cut = played.run(&["import", "report", "8", &at("c.csv")]);
    assert!(cut.code == 3 && cut.err.lines().count() == 1, "{cut:?}");
    let unknown = played.run(&["import", "report", "9", &at("c.csv")]);
    assert!(unknown.code == 1 && unknown.err.contains("n'existe pas. [admin.not_found]"), "{unknown:?}");
    assert_eq!(played.run(&["import", "report", "7", &at("absent/c.csv")]).code, 2);
    assert_eq!(names(&out), ["a.csv", "b.csv"]);

    // A full disk is told, for a file's content and for a table; who reads no further is nobody's fault.
    for line in ["$S import report 7 >/dev/full", "$S token list >/dev/full", "$S --json token list >/dev/full"] {
        let full = played.shell(line);
        assert!(full.code == 2 && full.err.contains("stdout") && full.err.lines().count() == 1, "{line}: {full:?}");
    }
    for line in ["$S import report 7", "$S token list", "$S --json token list", "$S --help", "$S rien 2>&1"] {
        let closed = played.shell(&format!("{line} | true; echo \"${{PIPESTATUS[0]}}\""));
        let expected = if line.contains("rien") { "2" } else { "0" };
        assert!(closed.out.trim() == expected && closed.err.is_empty(), "{line}: {closed:?}");
    }
    // What others named does not drive the terminal; instants are the operator's, and say so.
    let table = played.run(&["token", "list"]).ok().out;
    assert!(!table.contains(['\u{1b}', '\u{202e}']) && table.contains("1970-01-01 04:00:00 +04"), "{table}");
    assert!(table.contains("messagerie"), "{table}");
    let json = played.run(&["--json", "token", "list"]).ok().out;
    assert!(json.contains("\"purpose\": \"device\""), "{json}");
    // Whole in a pipe and for programs; at a terminal no line is longer than it is wide, and what is cut says so.
    let label = "Poste de l'accueil ".repeat(12);
    assert!(table.contains(label.trim_end()) && json.contains(label.trim_end()) && !table.contains('…'), "{table}");
    let terminal = |columns: u32, line: &str| {
        let seen = played.shell(&format!("script -qec \"stty cols {columns} rows 40; {line}\" /dev/null")).ok().out;
        // The terminal shows that nobody writes any more.
        seen.replace("^D\u{8}\u{8}", "").replace('\r', "")
    };
    let cut = terminal(130, "$S token list");
    assert!(cut.lines().count() == 2 && cut.lines().all(|l| l.chars().count() <= 130), "{cut}");
    assert!(cut.contains("Poste d") && cut.contains('…') && !cut.contains(label.trim_end()), "{cut}");
    assert!(terminal(130, "$S --json token list").contains(label.trim_end()));
    assert!(terminal(130, "$S token list | cat").contains(label.trim_end()));
    // Not a file.
    for place in ["/dev/null", out.to_str().expect("UTF-8")] {
        let folder = played.run(&["import", "start", place]);
        assert!(folder.code == 2 && folder.err.contains("ne peut pas être lu"), "{folder:?}");
    }
}

#[test]
fn an_export_that_is_cut_has_no_index() {
    let mut broken = true;
    let played = Played::new(Box::new(move |_, path| {
        let messages = |ids: &[&str]| {
            let rows =
                ids.iter().map(|id| json!({ "id": id, "uid": id.parse::<u32>().expect("a number"), "received": 0 }));
            list(rows.collect())
        };
        match path.split('?').next().unwrap_or_default() {
            "/api/v1/disclosures/5/folders" => {
                list(json!([{ "id": "1", "name": "../INBOX" }, { "id": "2", "name": "Sent" }]))
            }
            "/api/v1/disclosures/5/folders/1/messages" => messages(&["11", "12"]),
            "/api/v1/disclosures/5/folders/2/messages" => messages(&["21"]),
            "/api/v1/disclosures/5/messages/12" if std::mem::take(&mut broken) => {
                b"HTTP/1.1 200 X\r\nContent-Length: 900\r\n\r\nSubject: coup".to_vec()
            }
            _ => http(200, None, "Subject: entier\r\n\r\nBonjour\r\n"),
        }
    }));
    let [cut, whole] = ["coupe", "entier"].map(|n| played.path(n));
    let failed = played.run(&["disclosure", "export", "5", cut.to_str().expect("UTF-8")]);
    assert_eq!(failed.code, 3, "{failed:?}");
    assert_eq!((names(&cut), names(&cut.join("0001"))), (vec!["0001".to_owned()], vec!["0000000011.eml".to_owned()]));
    let done = played.run(&["--json", "disclosure", "export", "5", whole.to_str().expect("UTF-8")]).ok();
    assert!(done.out.contains("\"messages\": 3"), "{}", done.out);
    assert_eq!((mode(&whole), mode(&whole.join("0001/0000000012.eml"))), (0o700, 0o600));
    let index: Value = serde_json::from_slice(&std::fs::read(whole.join("index.json")).expect("index")).expect("JSON");
    assert_eq!(index["folders"][0]["name"], "../INBOX");
    assert_eq!(index["folders"][1]["messages"][0]["file"], "0002/0000000021.eml");
    // Nothing is written over.
    let again = played.run(&["disclosure", "export", "5", whole.to_str().expect("UTF-8")]);
    assert!(again.code == 2 && again.err.contains("index.json"), "{again:?}");
}

#[test]
fn of_two_who_edit_at_once_the_second_is_told_what_changed() {
    let conflict =
        || http(412, None, &json!({ "code": "edit.conflict", "detail": "Modifié entre-temps." }).to_string());
    let person = |phone: Value| json!({ "login": "zoe", "phone": phone, "name": "Zoé", "version": 1 }).to_string();
    let mut looks = 0;
    let played = Played::new(Box::new(move |method, _| match method {
        "GET" => {
            looks += 1;
            if looks == 1 {
                http(200, Some(1), &person(Value::Null))
            } else {
                http(200, Some(2), &person(json!("+33199001234")))
            }
        }
        _ => conflict(),
    }));
    let edit = ["person", "edit", "zoe", "--phone", "+33199009999"];
    let told = played.run(&edit);
    assert!(told.code == 1 && told.err.contains("téléphone: - → +33199001234"), "{told:?}");
    assert!(told.err.contains("Rien n'a été fait") && told.err.trim_end().ends_with("[edit.conflict]"), "{told:?}");
    // Who looked at a version that has passed changes nothing, and nothing is sent.
    played.asked();
    let passed = played.run(&[&edit[..], &["--if-version", "1"]].concat());
    assert!(
        passed.code == 1 && passed.err.contains("version 1") && passed.err.contains("[edit.conflict]"),
        "{passed:?}"
    );
    assert_eq!(played.asked(), ["GET /api/v1/people/zoe"]);
}

#[test]
fn every_page_is_shown_or_its_end_is_told_and_rubbish_is_no_answer() {
    let row = |id: &str| json!({ "id": id, "login": "zoe", "purpose": "api" });
    let played = Played::new(Box::new(move |_, path| {
        let (name, query) = path.split_once('?').unwrap_or((path, ""));
        let page = |rows: Value, next: &str| http(200, None, &json!({ "items": rows, "next": next }).to_string());
        match name {
            "/api/v1/tokens" if query.contains("after=2") => list(json!([row("3")])),
            "/api/v1/tokens" => page(json!([row("1"), row("2")]), "2"),
            "/api/v1/people" => page(json!([{ "login": "zoe" }]), "zoe"),
            "/api/v1/structures" => http(200, None, "<html>"),
            _ => Vec::new(),
        }
    }));
    let tokens: Value = serde_json::from_str(&played.run(&["--json", "token", "list"]).ok().out).expect("JSON");
    assert_eq!(tokens.as_array().map(Vec::len), Some(3));
    let people = played.run(&["person", "list", "--limit", "1"]).ok();
    assert!(people.out.contains("zoe") && people.err.contains("--after zoe"), "{people:?}");
    let rubbish = played.run(&["structure", "list"]);
    assert!(rubbish.code == 1 && rubbish.err.contains("(200)") && rubbish.out.is_empty(), "{rubbish:?}");
    let nothing = played.run(&["body", "list"]);
    assert!(nothing.code == 3 && nothing.err.contains("ne répond pas"), "{nothing:?}");
}

#[test]
fn at_a_terminal_one_is_asked_before_many_are_shut_out_or_something_is_destroyed() {
    let played = Played::new(Box::new(move |method, path| match (method, path) {
        ("GET", "/api/v1/structures/chu") => http(200, Some(1), &json!({ "people": 412, "bals": 97 }).to_string()),
        ("GET", "/api/v1/holds/7") => http(200, None, &json!({ "reason": "enquête", "authority": "TJ" }).to_string()),
        _ => http(200, None, &json!({ "steps": [] }).to_string()),
    }));
    // A terminal of its own, where somebody writes an answer.
    let at_terminal = |answer: &str, command: &str| {
        played.asked();
        let said = played.shell(&format!("echo '{answer}' | script -qec \"$S {command}\" /dev/null"));
        (said, played.asked().iter().any(|asked| asked.starts_with("POST")))
    };
    let block = "structure block chu --reason Enquete";
    let (said, done) = at_terminal("oui", block);
    assert!(said.out.contains("97 BAL") && said.out.contains("412 personnes") && !done, "{said:?}");
    let (said, done) = at_terminal("chu", block);
    assert!(done, "{said:?}");
    let (said, done) = at_terminal("", &format!("{block} --yes"));
    assert!(done && !said.out.contains("412"), "{said:?}");
    let (said, done) = at_terminal("7", "hold lift 7 --reason Mainlevee");
    assert!(done && said.out.contains("sans retour"), "{said:?}");
    // Where nobody can be asked: what can be undone goes on, what destroys must be meant.
    played.asked();
    assert_eq!(played.run(&["structure", "block", "chu", "--reason", "Enquête"]).code, 0);
    let refused = played.run(&["hold", "lift", "7", "--reason", "Mainlevée"]);
    assert!(refused.code == 2 && refused.err.contains("--yes"), "{refused:?}");
    assert_eq!(played.asked().iter().filter(|asked| asked.starts_with("POST")).count(), 1);
}
