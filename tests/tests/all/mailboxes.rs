//! A person's own mailbox brought in from elsewhere and taken out, from the person's own machine, with a token for mail programs and the same program.
use sceau_e2e::sandbox::{Account, Operator, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whose mailbox, through which door, on which machine.
struct Person<'a> {
    operator: &'a Operator,
    account: &'a Account,
    home: &'a Path,
    ca: &'a str,
}

impl Person<'_> {
    /// The program with these arguments; what it is told of the mailbox comes from the person's machine alone.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(sceau());
        let server =
            ["--server", self.operator.endpoints.imaps.as_str(), "--login", &self.account.login, "--ca", self.ca];
        command.args(["--lang", "en", "--json"]).args(args).args(server);
        let env = [("HOME", self.home.to_str().expect("UTF-8")), ("SCEAU_TOKEN", &self.account.token)];
        command.env_clear().envs(env).stdin(Stdio::null());
        command
    }
    fn run(&self, args: &[&str]) -> (i32, Value, String) {
        let done = self.command(args).output().expect("the program runs");
        let err = String::from_utf8_lossy(&done.stderr).into_owned();
        let value = serde_json::from_slice(&done.stdout).unwrap_or(Value::Null);
        (done.status.code().unwrap_or(-1), value, err)
    }
    fn count(&self, sandbox: &Sandbox, folder: &str) -> usize {
        let status = curl::imap(sandbox, self.operator, self.account, "", &format!("STATUS {folder} (MESSAGES)")).ok();
        let number = status.out.split("MESSAGES ").nth(1).and_then(|n| n.split(')').next());
        number.and_then(|n| n.trim().parse().ok()).expect("a count")
    }
}

/// A Maildir of `n` messages in its INBOX, and a few elsewhere.
fn maildir(root: &Path, address: &str, n: usize) -> Vec<Letter> {
    let letters: Vec<Letter> = (0..n).map(|i| Letter::short(address, address, &format!("Ancien {i}"))).collect();
    for folder in ["", ".&AMk-t&AOk-", ".Sent"] {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder).join(part)).expect("folder");
        }
    }
    let lines = |l: &Letter| l.bytes.iter().copied().filter(|b| *b != b'\r').collect::<Vec<u8>>();
    for (i, letter) in letters.iter().enumerate() {
        let name = format!("cur/{}.m{i}.ailleurs:2,{}", 1_700_000_000 + i, if i % 2 == 0 { "S" } else { "" });
        fs::write(root.join(name), lines(letter)).expect("message");
    }
    fs::write(root.join(".Sent/cur/1.s.ailleurs:2,RS"), lines(&letters[0])).expect("message");
    fs::write(root.join(".&AMk-t&AOk-/new/1.e.ailleurs"), lines(&letters[1])).expect("message");
    letters
}

#[test]
fn a_mailbox_comes_from_elsewhere_once_and_leaves_whole() {
    let _proof = proves(&["F265"], "cli");
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("folder");
    let home = folder.path();
    let at = |name: &str| home.join(name).to_str().expect("UTF-8").to_owned();
    let (a, b) = (sandbox.a(), sandbox.b());
    let person = |operator, account| Person { operator, account, home, ca: sandbox.anchors() };
    let (marie, anne) = (person(a, a.account("Per", 0)), person(b, b.account("Per", 0)));

    // From files, some of which are no messages that a mailbox takes.
    let letters = maildir(&home.join("md"), &marie.account.address, 30);
    fs::write(home.join("md/new/2.vide.ailleurs"), "").expect("message");
    fs::write(home.join("md/new/3.nul.ailleurs"), "Subject: nul\n\n\0\n").expect("message");
    let before = marie.count(&sandbox, "Sent");
    let (code, first, err) = marie.run(&["import", "maildir", &at("md"), "--report", &at("refus.jsonl")]);
    assert_fits("mail_import", &first);
    assert_eq!((code, &first["brought"], &first["refused"]), (1, &json!(32), &json!(2)), "{first:#} {err}");
    let codes = first["refusals"].to_string();
    assert!(codes.contains("message.nul") && codes.contains("EMPTY"), "{codes}");
    assert_eq!(fs::read_to_string(at("refus.jsonl")).expect("report").lines().count(), 2);
    assert_eq!(marie.count(&sandbox, "Sent"), before + 1);
    assert_eq!(marie.count(&sandbox, "&AMk-t&AOk-"), 1);
    assert_eq!(curl::search(&sandbox, a, marie.account, "SUBJECT \"Ancien\" SEEN").len(), 15);
    let number = curl::search(&sandbox, a, marie.account, "SUBJECT \"Ancien 7\"")[0];
    assert_eq!(curl::fetch(&sandbox, a, marie.account, number).expect("message"), letters[7].bytes);
    // Again, and without what the first run remembers.
    let (other, files) = (at("autre"), at("md"));
    for more in [&[][..], &["--journal", &other]] {
        let again = [&["import", "maildir", &files], more].concat();
        let (_, again, _) = marie.run(&again);
        assert_eq!((&again["brought"], &again["present"]), (&json!(0), &json!(32)), "{again:#}");
    }

    // While another program imports, whatever its machine, nothing is brought; the refusal says who it is.
    let say = |seconds: u32| {
        let entry = format!("SETMETADATA \"\" (/shared/vendor/sceau/import \"autre0programme {seconds}\")");
        let _ = curl::imap(&sandbox, a, marie.account, "", &entry).ok();
    };
    say(60);
    let (code, _, err) = marie.run(&["import", "maildir", &files]);
    assert!(code == 1 && err.contains("import.running"), "{err}");
    // One that says nothing more is forgotten.
    say(1);
    wait::until("the other import to be forgotten", 30, || {
        (marie.run(&["import", "maildir", &files]).1["present"] == 32).then_some(())
    });

    // From another operator's server, killed on the way.
    let password = at("password");
    fs::write(&password, &marie.account.token).expect("password");
    let source = a.endpoints.imaps.as_str();
    let imap = ["import", "imap", source, "--user", &marie.account.login, "--password-file", &password, "--source-ca"];
    let journal = at("journal");
    let imap = [&imap[..], &[sandbox.anchors(), "--journal", &journal]].concat();
    let mut killed = anne.command(&imap).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    wait::until("some messages to be brought", 60, || {
        (fs::read_to_string(&journal).unwrap_or_default().lines().count() > 5).then_some(())
    });
    killed.kill().expect("killed");
    let _ = killed.wait();
    let (code, rest, err) = anne.run(&imap);
    assert_eq!(code, 0, "{rest:#} {err}");
    let all = curl::search(&sandbox, a, marie.account, "SUBJECT \"Ancien\"").len();
    assert_eq!(anne.count(&sandbox, "&AMk-t&AOk-"), 1);
    assert_eq!(curl::search(&sandbox, b, anne.account, "SUBJECT \"Ancien\"").len(), all, "{rest:#}");
    assert_eq!(rest["brought"].as_u64().zip(rest["present"].as_u64()).map(|(x, y)| x + y), rest["messages"].as_u64());

    // Out of it, in both forms; what is changed since is found.
    for form in ["maildir", "mbox"] {
        let out = at(&format!("export-{form}"));
        let (code, counts, err) = anne.run(&["export", form, &out]);
        assert_fits("mail_export", &counts);
        assert_eq!(code, 0, "{err}");
        let verify = || Run::of(sceau().to_str().expect("UTF-8"), &["--json", "export", "verify", &out]);
        let judged: Value = serde_json::from_str(&verify().ok().out).expect("JSON");
        assert_fits("export_verify", &judged);
        assert_eq!((&judged["good"], &judged["messages"]), (&json!(true), &counts["messages"]));
        let has = |p: &Path| fs::read_to_string(p).is_ok_and(|t| t.contains("œdème"));
        let place = Path::new(&out).join(if form == "mbox" { "." } else { "cur" });
        let files = fs::read_dir(place).expect("folder").flatten().map(|e| e.path());
        let victim = files.filter(|p| p.is_file()).find(|p| has(p)).expect("a file");
        let content = fs::read_to_string(&victim).expect("file");
        fs::write(&victim, content.replacen("œdème", "oedème", 1)).expect("changed");
        let found = verify();
        let judged: Value = serde_json::from_str(&found.out).expect("JSON");
        assert_eq!((found.code, &judged["good"]), (1, &json!(false)), "{found:?}");
    }

    // Whom one cannot believe, and who is nobody.
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    fs::write(at("autre.pem"), other.cert.pem()).expect("certificate");
    let unknown = at("autre.pem");
    let stranger = Person { ca: &unknown, ..person(a, marie.account) };
    let (code, _, err) = stranger.run(&["export", "mbox", &at("non")]);
    assert!(code == 3 && err.contains("cannot be trusted"), "{err}");
    let nobody = Account { token: "sceau_faux".into(), ..marie.account.clone() };
    let (code, _, err) = person(a, &nobody).run(&["export", "mbox", &at("non")]);
    assert!(code == 1 && err.contains("login.failed"), "{err}");
    // Each message that was filed stands in the log under the person's name.
    let traces = ["trace", "list", "--act", "mail.filed", "--actor", &anne.account.login, "--limit", "1000"];
    let own = b.cli(&traces).as_array().map_or(0, Vec::len);
    assert!(own >= all, "{own} of {all}");
}
