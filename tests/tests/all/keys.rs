//! Keys through the built program: what was closed stays unreadable whatever copy is put back, and a master key is replaced, kept in a
//! token, lost and found, without a message being touched.
use sceau_e2e::peer::{Wire, letter};
use sceau_e2e::sandbox::{Operator, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Mailbox, Peer, Run, Sandbox, proves, wait};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";
const YANN: &str = "yann.morvan@bretagne.mssante.fr";

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

fn send(sandbox: &Sandbox, to: &[&str], id: &str, body: &str) {
    let mut peer = Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
    peer.up_to_data(OUT, to).content(letter(OUT, to[0], id, body).as_bytes()).expect("250 2.0.0");
}

/// Message-IDs of the `i`-th PER BAL of B.
#[track_caller]
fn inbox(sandbox: &Sandbox, address: &str) -> Vec<String> {
    let b = sandbox.b();
    let account = b.accounts.iter().find(|a| a.address == address).expect("account");
    Mailbox::open(b, account, &sandbox.tls(None)).count("INBOX").into_keys().collect()
}

/// An IMAP connection on which a login was tried, and what was answered.
fn imap(sandbox: &Sandbox, address: &str) -> (Wire, String) {
    let b = sandbox.b();
    let account = b.accounts.iter().find(|a| a.address == address).expect("account");
    let mut wire = Wire::connect_from(1, &b.endpoints.imaps).expect("IMAP answers");
    wire.handshake(&sandbox.tls(None)).expect("handshake");
    wire.line().expect("greeting");
    let answer = tell(&mut wire, &format!("LOGIN \"{}\" \"{}\"", account.login, account.token));
    (wire, answer)
}

/// Everything up to the tagged answer, or to the end of the connection.
fn tell(wire: &mut Wire, command: &str) -> String {
    let mut all = String::new();
    if wire.put(format!("x {command}\r\n").as_bytes()).is_err() {
        return all;
    }
    while let Ok(line) = wire.line() {
        all.push_str(&line);
        if line.starts_with("x ") {
            break;
        }
    }
    all
}

#[track_caller]
fn login_refused(sandbox: &Sandbox, address: &str) {
    let (_, answer) = imap(sandbox, address);
    assert!(answer.contains("x NO [AUTHENTICATIONFAILED]"), "{answer}");
}

fn copy(from: &Path, to: &Path) {
    drop(Run::of("cp", &["-a", text(from), text(to)]).ok());
}

fn put_back(from: &Path, place: &Path) {
    std::fs::remove_dir_all(place).expect("removed");
    copy(from, place);
}

/// Every file below a folder, byte for byte.
fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in folder.read_dir().expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else if path.is_file() {
            all.insert(path.clone(), std::fs::read(&path).expect("file"));
        }
    }
    all
}

#[test]
fn no_copy_brings_a_closed_mailbox_back() {
    let _proof = proves(&["F038", "F262"], "cli");
    let mut sandbox = Sandbox::start();
    let outside = tempfile::tempdir().expect("folder");
    let (copies, yesterday) = (outside.path().join("copies"), outside.path().join("yesterday"));
    send(&sandbox, &[ANNE, YANN], "partage", "pour deux");
    send(&sandbox, &[ANNE], "seule", &"pour Anne seule, longuement\r\n".repeat(4000));
    let made = sandbox.b().cli(&["keys", "backup", text(&copies)]);
    assert_fits("keys_backup", &made);
    let keyring_copy = PathBuf::from(made["file"].as_str().expect("file"));
    assert_eq!(keyring_copy.metadata().expect("copy").permissions().mode() & 0o777, 0o600);

    // Yesterday's backup: the data, with the server stopped.
    sandbox.stop();
    let home = sandbox.b().data.clone();
    copy(&home.join("data"), &yesterday);
    sandbox.restart();
    assert_eq!(inbox(&sandbox, ANNE).len(), 2);
    let (mut open, _) = imap(&sandbox, ANNE);
    assert!(tell(&mut open, "SELECT INBOX").contains("x OK"));
    assert!(tell(&mut open, "FETCH 1 BODY.PEEK[]").contains("pour deux"));

    // Not without being meant: where nobody can be asked, and at a terminal where another address is written.
    let open_still = || assert_eq!(sandbox.b().cli(&["bal", "show", ANNE])["state"], "active");
    let refused = sandbox.b().cli_raw(&["--lang", "fr", "bal", "close", ANNE, "--reason", "départ"]);
    assert!(refused.code == 2 && refused.err.contains("--yes"), "{refused:?}");
    open_still();
    let b = sandbox.b();
    let line = format!(
        "{} --config {} --lang fr bal close {ANNE} --reason départ --cooling-days 0",
        text(&sceau()),
        text(&b.config)
    );
    let at_terminal = |said: &str| Run::with_input("script", &["-qec", &line, "/dev/null"], said.as_bytes());
    let wrong = at_terminal("oui\n");
    assert!(
        wrong.code == 2 && wrong.out.contains("2 messages") && wrong.out.contains("rien n'a été fait"),
        "{wrong:?}"
    );
    open_still();
    // Closed: final, traced, and nobody is heard there any more.
    let closed = sandbox.b().cli(&["bal", "close", ANNE, "--reason", "départ", "--cooling-days", "0", "--yes"]);
    assert_fits("life", &closed);
    assert_eq!(closed["state"], "closed");
    let after = tell(&mut open, "FETCH 1 BODY.PEEK[]");
    assert!(!after.contains("pour deux") && !after.contains("x OK"), "an open session reads on: {after}");
    login_refused(&sandbox, ANNE);
    let mut peer = Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
    peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250");
    peer.send(&format!("RCPT TO:<{ANNE}>")).refused("550 5.2.1", "rcpt.closed");
    wait::until("the key to be destroyed", 20, || {
        let status = sandbox.b().cli(&["keys", "status"]);
        assert_fits("keys_status", &status);
        (status["destroyed"] == 1).then_some(())
    });
    let traced = sandbox.b().cli(&["trace", "list", "--act", "bal.closed"]);
    assert_eq!(traced[0]["data"]["reason"], "départ");
    // Once more, at a terminal, confirmed: it stays so.
    let again = at_terminal(&format!("{ANNE}\n"));
    assert!(again.code == 1 && again.out.contains("state.wrong"), "{again:?}");

    let check = |sandbox: &Sandbox, what: &str| {
        login_refused(sandbox, ANNE);
        let b = sandbox.b();
        assert_eq!(b.cli(&["bal", "show", ANNE])["state"], "closed", "{what}");
        assert!(b.cli(&["keys", "status"])["destroyed"].as_i64() >= Some(1), "{what}");
        assert_eq!(inbox(sandbox, YANN), ["partage"], "{what}");
    };
    // Yesterday's data come back.
    sandbox.stop();
    put_back(&yesterday, &home.join("data"));
    sandbox.restart();
    check(&sandbox, "yesterday's data");
    // Yesterday's keyring too, by our command, and by hand: the list beside the keyring knows.
    sandbox.stop();
    put_back(&yesterday, &home.join("data"));
    let back = sandbox.b().cli(&["keys", "restore", text(&keyring_copy)]);
    assert_fits("keys_restored", &back);
    assert_eq!((&back["destroyed_again"], &back["without_key"]), (&1.into(), &0.into()));
    sandbox.restart();
    check(&sandbox, "yesterday's data and keyring");
    sandbox.stop();
    put_back(&yesterday, &home.join("data"));
    std::fs::copy(&keyring_copy, home.join("keys/keyring.db")).expect("copied");
    sandbox.restart();
    check(&sandbox, "by hand");
    // Raw: nothing of what she had is in clear, and her key is nowhere in the keyring's file.
    let raw = bytes(&home);
    assert!(!raw.values().any(|f| memchr::memmem::find(f, b"pour Anne seule").is_some()));

    // The retention is over: the copy that had her key is removed by the next one, and with that one, even without any list, even
    // on the data of that day, nothing of hers can be read.
    let old = copies.join("keyring-20200101T000000Z.db");
    std::fs::rename(&keyring_copy, &old).expect("renamed");
    let made = sandbox.b().cli(&["keys", "backup", text(&copies), "--keep-days", "1"]);
    assert!(!old.exists() && made["removed"].as_array().is_some_and(|r| r.len() == 1), "{made}");
    let fresh = made["file"].as_str().expect("file").to_owned();
    sandbox.stop();
    put_back(&yesterday, &home.join("data"));
    std::fs::remove_file(home.join("keys/destructions.log")).expect("list");
    std::fs::remove_file(home.join("keys/keyring.db")).expect("keyring");
    sandbox.b().cli(&["keys", "restore", &fresh]);
    sandbox.restart();
    check(&sandbox, "after the retention");
}

#[test]
fn the_master_key_is_replaced_while_no_message_is_touched() {
    let _proof = proves(&["F262"], "cli");
    let mut sandbox = Sandbox::start();
    send(&sandbox, &[YANN], "avant", "x");
    // Not while a server runs.
    let refused = sandbox.b().cli_raw(&["keys", "rotate"]);
    assert!(refused.code == 1 && refused.err.contains("serveur"), "{refused:?}");
    sandbox.stop();
    let b = sandbox.b().clone();
    let (keys, key) = (b.data.join("keys"), b.data.join("keys/master.key"));
    assert!(!keys.join("master.key.next").exists(), "a refusal leaves no key behind");
    let before = bytes(&b.data.join("data"));
    let old = std::fs::read(&key).expect("key");
    let done = b.cli(&["keys", "rotate"]);
    assert_fits("keys_rotated", &done);
    assert!(done["keys"].as_i64() > Some(1));
    let new = std::fs::read(&key).expect("key");
    assert_ne!(old, new);
    assert_eq!(key.metadata().expect("key").permissions().mode() & 0o777, 0o600);
    assert_eq!(bytes(&b.data.join("data")), before, "content was touched");
    assert!(b.cli_text(&["--lang", "fr", "keys", "status"]).ok().out.contains("OUVRE LE TROUSSEAU"));

    // The old one: refused in both languages, and nothing is changed by it.
    let write = |name: &str, content: &[u8]| {
        std::fs::write(keys.join(name), content).expect("key");
        std::fs::set_permissions(keys.join(name), std::fs::Permissions::from_mode(0o600)).expect("mode");
    };
    let untouched = |what: &str, words: [&str; 2]| {
        let before = (bytes(&b.data.join("data")), bytes(&keys));
        for (lang, word) in ["fr", "en"].into_iter().zip(words) {
            let run = Run::of("timeout", &["30", text(&sceau()), "--config", text(&b.config), "--lang", lang, "serve"]);
            let said = run.err.lines().last().unwrap_or_default().to_owned();
            assert!(matches!(run.code, 1 | 2) && said.contains(word), "{what} {lang}: {run:?}");
        }
        assert!(before == (bytes(&b.data.join("data")), bytes(&keys)), "{what} changed something");
    };
    write("master.key", &old);
    untouched("the old key", ["n'est pas celle de ce trousseau", "is not the one of this keyring"]);
    // As a rotation that was killed after its commit, before the files had their names: said, and finished by the same command.
    write("master.key.next", &new);
    untouched("interrupted", ["interrompu", "interrupted"]);
    let done = b.cli(&["keys", "rotate"]);
    assert_eq!(done["already"], true);
    assert_eq!(std::fs::read(&key).expect("key"), new);
    std::fs::rename(&key, keys.join("away")).expect("renamed");
    untouched("no key", ["introuvable", "cannot be found"]);
    std::fs::rename(keys.join("away"), &key).expect("renamed");
    // Killed at any moment, again and again, then asked once more: the key under the configured name opens everything.
    for pause in [0, 1, 2, 4, 8, 16, 32] {
        let mut child = Command::new(sceau())
            .args(["--config", text(&b.config), "keys", "rotate"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sceau starts");
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let _ = child.kill();
        child.wait().expect("ends");
        let opens = || b.cli(&["keys", "status"])["opens"] == true;
        if !opens() {
            b.cli(&["keys", "rotate"]);
        }
        assert!(opens(), "killed after {pause} ms");
    }
    sandbox.restart();
    send(&sandbox, &[YANN], "ensuite", "x");
    assert_eq!(inbox(&sandbox, YANN), ["avant", "ensuite"]);
}

/// An operator that the test runs by itself, with variables of its own.
struct Alone(Child);

impl Alone {
    fn start(operator: &Operator, variables: &[(&str, &str)]) -> Self {
        let child = Command::new(sceau())
            .args(["serve", "--config", text(&operator.config)])
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sceau starts");
        let alone = Self(child);
        operator.wait_ready();
        alone
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

#[test]
fn the_master_key_moves_into_a_token_and_out_again() {
    let _proof = proves(&["F262"], "cli");
    let mut sandbox = Sandbox::start();
    send(&sandbox, &[YANN], "fichier", "x");
    sandbox.stop();
    let b = sandbox.b().clone();
    let folder = tempfile::tempdir().expect("folder");
    let (tokens, conf, pin) = (folder.path().join("tokens"), folder.path().join("conf"), folder.path().join("pin"));
    std::fs::create_dir(&tokens).expect("folder");
    std::fs::write(&conf, format!("directories.tokendir = {}\n", tokens.display())).expect("conf");
    std::fs::write(&pin, "4321\n").expect("pin");
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o600)).expect("mode");
    let variables = [("SOFTHSM2_CONF", text(&conf)), ("SCEAU_E2E_KEY", &"5ce1".repeat(16))];
    let with = |program: &str, args: &[&str]| {
        let set: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let all: Vec<&str> = set.iter().map(String::as_str).chain([program]).chain(args.iter().copied()).collect();
        Run::of("env", &all)
    };
    drop(
        with("softhsm2-util", &["--init-token", "--free", "--label", "sceau", "--pin", "4321", "--so-pin", "87654321"])
            .ok(),
    );
    let module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"]
        .into_iter()
        .find(|m| Path::new(m).exists());
    let module = module.expect("softhsm2 is missing: run ./check, which installs it");
    let uri = format!("pkcs11:token=sceau;object=maitresse?module-path={module}&pin-source={}", pin.display());
    let cli = |args: &[&str]| {
        let run = with(text(&sceau()), &[&["--config", text(&b.config), "--json"], args].concat());
        serde_json::from_str::<serde_json::Value>(&run.ok().out).expect("JSON")
    };
    let configure = |from: &str, to: &str| {
        let was = std::fs::read_to_string(&b.config).expect("configuration");
        let now = was.replace(&format!("master = {from:?}"), &format!("master = {to:?}"));
        assert_ne!(was, now, "{from} is not in {was}");
        std::fs::write(&b.config, now).expect("configuration");
    };
    let first = {
        let config: toml::Table = std::fs::read_to_string(&b.config).expect("read").parse().expect("TOML");
        config["keys"]["master"].as_str().expect("master").to_owned()
    };
    let serves = |ids: &[&str], next: &str| {
        let alone = Alone::start(&b, &variables);
        assert_eq!(inbox(&sandbox, YANN), ids);
        send(&sandbox, &[YANN], next, "x");
        drop(alone);
    };
    // Into the token: the key is made there, and the file opens nothing any more.
    let done = cli(&["keys", "rotate", "--to", &uri]);
    assert_eq!(done["keeper"], "pkcs11:token=sceau;object=maitresse");
    assert_eq!(cli(&["keys", "status"])["opens"], false);
    assert_eq!(cli(&["keys", "rotate", "--to", &uri])["already"], true);
    configure(&first, &uri);
    assert_eq!(cli(&["keys", "status"])["opens"], true);
    // Every door that needs the key goes through the token.
    // (The white list's authority stopped with the sandbox: its last good copy is in force.)
    serves(&["fichier"], "jeton");
    // A wrong PIN, then no token: sentences, no start.
    let refuses = |word: &str| {
        let run = with("timeout", &["30", text(&sceau()), "--config", text(&b.config), "serve"]);
        assert!(matches!(run.code, 1 | 2) && run.err.contains(word) && !run.err.contains("4321"), "{run:?}");
    };
    std::fs::write(&pin, "0000\n").expect("pin");
    refuses("refuse le code PIN");
    std::fs::write(&pin, "4321\n").expect("pin");
    std::fs::rename(&tokens, folder.path().join("away")).expect("renamed");
    std::fs::create_dir(&tokens).expect("folder");
    refuses("est absent");
    std::fs::remove_dir(&tokens).expect("folder");
    std::fs::rename(folder.path().join("away"), &tokens).expect("renamed");
    // Out again, into a variable.
    cli(&["keys", "rotate", "--to", "env:SCEAU_E2E_KEY"]);
    configure(&uri, "env:SCEAU_E2E_KEY");
    serves(&["fichier", "jeton"], "variable");
    let run = Run::of("timeout", &["30", text(&sceau()), "--config", text(&b.config), "serve"]);
    assert!(run.code == 2 && run.err.contains("env:SCEAU_E2E_KEY"), "{run:?}");
}

#[test]
fn a_new_machine_gets_key_and_keyring_once() {
    let folder = tempfile::tempdir().expect("folder");
    let program = sceau();
    let home = folder.path().join("operateur");
    drop(Run::of(text(&program), &["init", text(&home)]).ok());
    let config = home.join("sceau.toml");
    let keys =
        |args: &[&str]| Run::of(text(&program), &[&["--config", text(&config), "--json", "keys"], args].concat());
    // `sceau init` made the key file: nothing is made over it.
    let refused = keys(&["init"]);
    assert!(refused.code == 1 && refused.err.contains("existe déjà"), "{refused:?}");
    assert!(!home.join("keys/keyring.db").exists());
    let none = keys(&["status"]);
    assert!(none.code == 1 && none.err.contains("trousseau"), "{none:?}");
    std::fs::remove_file(home.join("keys/master.key")).expect("key");
    let made = serde_json::from_str(&keys(&["init"]).ok().out).expect("JSON");
    assert_fits("keys_init", &made);
    let key = std::fs::read(home.join("keys/master.key")).expect("key");
    assert!(keys(&["init"]).code == 1);
    assert_eq!(std::fs::read(home.join("keys/master.key")).expect("key"), key);
    let status: serde_json::Value = serde_json::from_str(&keys(&["status"]).ok().out).expect("JSON");
    assert_fits("keys_status", &status);
    assert_eq!((&status["opens"], &status["keeper"], &status["bal_keys"]), (&true.into(), &"file".into(), &0.into()));
    for wrong in
        [&["rotate", "--to", "https://x"][..], &["rotate", "--to", "pkcs11:x"], &["backup"], &["restore", "/nowhere"]]
    {
        let run = keys(wrong);
        assert!(
            matches!(run.code, 1 | 2) && run.err.starts_with("sceau: ") && !run.err.contains("panicked"),
            "{run:?}"
        );
    }
    assert_eq!(std::fs::read(home.join("keys/master.key")).expect("key"), key);
}
