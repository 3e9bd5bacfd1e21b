//! What a server that must not start says, and that it leaves everything as it was: data that another process serves, a master key
//! that is missing, foreign, or readable by others. And that an operator of the sandbox also runs by itself, `sceau serve --config`.
use sceau_e2e::peer::letter;
use sceau_e2e::sandbox::{Operator, free_ports, sceau};
use sceau_e2e::{Mailbox, Peer, Run, Sandbox, proves};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

/// `sceau serve` that is expected to refuse: its exit code and what it says, in both languages.
#[track_caller]
fn refused(config: &Path, words: [&str; 2]) {
    for (lang, word) in ["fr", "en"].into_iter().zip(words) {
        let args = ["--config", config.to_str().expect("UTF-8"), "--lang", lang, "serve"];
        // A server that starts after all is stopped, and the test fails.
        let program = sceau();
        let run = Run::of("timeout", &[&["30", program.to_str().expect("UTF-8")][..], &args].concat());
        assert!(matches!(run.code, 1 | 2), "exit {}: {}", run.code, run.err);
        let said = run.err.lines().last().unwrap_or_default();
        assert!(said.starts_with("sceau: ") && said.contains(word), "{lang}: {:?} does not say {word:?}", run.err);
        assert!(!run.err.contains("panicked"), "{}", run.err);
    }
}

/// An operator that the test runs by itself.
struct Alone(Child);

impl Alone {
    fn start(operator: &Operator) -> Self {
        let child = Command::new(sceau())
            .arg("serve")
            .arg("--config")
            .arg(&operator.config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sceau starts");
        let alone = Self(child);
        operator.wait_ready();
        alone
    }
    /// Asks it to stop as an init system does.
    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signal");
        let status = self.0.wait().expect("ends");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn holds(sandbox: &Sandbox, ids: &[&str]) {
    let b = sandbox.b();
    let counts = Mailbox::open(b, b.account("Per", 0), &sandbox.tls(None)).count("INBOX");
    let mut found: Vec<&str> = counts.keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!((found, counts.values().all(|n| *n == 1)), (ids.to_vec(), true));
}

fn send(sandbox: &Sandbox, id: &str) {
    let mut peer = Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
    peer.up_to_data(OUT, &[ANNE]).content(letter(OUT, ANNE, id, "x").as_bytes()).expect("250 2.0.0");
}

#[test]
fn data_that_are_served_are_not_served_twice() {
    let _proof = proves(&["F264"], "cli");
    let sandbox = Sandbox::start();
    let b = sandbox.b();
    send(&sandbox, "avant");
    // Other ports and another socket: only the data are the same.
    let text = std::fs::read_to_string(&b.config).expect("configuration");
    let other: String = text
        .lines()
        .map(|line| match line.split_once(" = \"127.0.0.1:") {
            Some((door, _)) if !line.contains('[') => format!("{door} = \"127.0.0.1:0\"\n"),
            _ => line.replace("\"admin.sock\"", "\"admin-2.sock\"") + "\n",
        })
        .collect();
    let second = b.config.with_file_name("second.toml");
    std::fs::write(&second, other).expect("configuration");
    refused(&second, ["Un autre serveur", "Another server"]);
    // The first one does not mind.
    send(&sandbox, "pendant");
    holds(&sandbox, &["avant", "pendant"]);
    // The same ports: said as such, by whichever comes first.
    refused(&b.config, ["Un autre serveur", "Another server"]);
    send(&sandbox, "toujours");
}

#[test]
fn a_master_key_that_is_not_right_stops_the_start_and_harms_nothing() {
    let _proof = proves(&["F262", "F075"], "cli");
    let mut sandbox = Sandbox::start();
    send(&sandbox, "un");
    sandbox.stop();
    let b = sandbox.b().clone();
    let key = b.data.join("keys/master.key");
    let mode = |m: u32| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(m)).expect("mode");
    let right = std::fs::read(&key).expect("key");
    assert_eq!(key.metadata().expect("key").permissions().mode() & 0o777, 0o600);
    // Readable by others.
    for open in [0o644, 0o640, 0o660] {
        mode(open);
        refused(&b.config, ["chmod 600", "chmod 600"]);
    }
    mode(0o600);
    // Not a key.
    std::fs::write(&key, "ceci n'est pas une clé").expect("key");
    refused(&b.config, ["key", "key"]);
    // Gone.
    std::fs::remove_file(&key).expect("key");
    refused(&b.config, ["master.key", "master.key"]);
    // A good key, of somebody else.
    std::fs::copy(sandbox.a().data.join("keys/master.key"), &key).expect("key");
    mode(0o600);
    refused(&b.config, ["La clé maîtresse", "The master key"]);
    // The right one back: everything is there, and the operator runs by itself as well.
    std::fs::write(&key, right).expect("key");
    mode(0o600);
    let alone = Alone::start(&b);
    send(&sandbox, "deux");
    holds(&sandbox, &["deux", "un"]);
    alone.stop();
    // And again in its sandbox.
    sandbox.restart();
    holds(&sandbox, &["deux", "un"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let _proof = proves(&["F260"], "cli");
    let sandbox = Sandbox::start();
    let folder = tempfile::tempdir().expect("folder");
    let base = sandbox.ready.authority.white_list.split([':', '/']).nth(4).expect("port");
    let program = sceau();
    let data = folder.path().join("data");
    let args = [
        "30",
        program.to_str().expect("UTF-8"),
        "sandbox",
        "--data",
        data.to_str().expect("UTF-8"),
        "--port-base",
        base,
        "--lang",
        "en",
    ];
    let run = Run::of("timeout", &args);
    assert!(run.code == 1 && run.err.contains(&format!("127.0.0.1:{base}")), "exit {}: {}", run.code, run.err);
    send(&sandbox, "toujours");
}

#[test]
fn a_sandbox_on_a_place_that_cannot_be_says_so_at_once() {
    let _proof = proves(&["F264"], "cli");
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path().to_str().expect("UTF-8");
    let (program, base) = (sceau(), free_ports().to_string());
    for (lang, word) in [("fr", "ni un dossier"), ("en", "neither a folder")] {
        let args =
            [program.to_str().expect("UTF-8"), "sandbox", "--data", folder, "--port-base", &base, "--lang", lang];
        let run = Run::of("timeout", &[&["20"], &args[..], &["--blobs", "s3://bucket?endpoint=x"]].concat());
        assert!(run.code == 1 && run.err.contains(word), "exit {}: {}", run.code, run.err);
    }
}
