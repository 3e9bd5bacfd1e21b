//! Backup of a running server, restore, move to another engine, and checks of what was damaged, through the built program (F264).
use sceau_e2e::bucket::Bucket;
use sceau_e2e::peer::letter;
use sceau_e2e::sandbox::{Operator, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Database, Letter, Mailbox, Peer, Run, Sandbox, proves};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

/// An operator that the test runs by itself.
struct Alone(Child);

impl Alone {
    fn start(operator: &Operator, config: &Path) -> Self {
        let mut command = Command::new(sceau());
        command.arg("serve").arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let alone = Self(command.spawn().expect("sceau starts"));
        operator.wait_ready();
        alone
    }
    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signal");
        assert!(self.0.wait().expect("ends").success());
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn send(sandbox: &Sandbox, id: &str) {
    let mut peer = Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
    peer.up_to_data(OUT, &[ANNE]).content(letter(OUT, ANNE, id, "x").as_bytes()).expect("250 2.0.0");
}

/// What the IMAP door shows, without UIDNEXT (a restore leaves UIDs out).
fn shown(ready: &Path) -> Value {
    let script = sceau_e2e::proof::workspace().join("tests/scripts/mailboxes.py");
    let args =
        [script.to_str().expect("UTF-8"), ready.to_str().expect("UTF-8"), "bretagne", "anne.legoff", "yann.morvan"];
    let run = Run::of("python3", &[&["-B"][..], &args].concat()).ok();
    let mut shown: Value = serde_json::from_str(&run.out).expect("JSON");
    for folders in shown.as_object_mut().expect("people").values_mut() {
        for folder in folders.as_object_mut().expect("folders").values_mut() {
            folder.as_object_mut().expect("folder").remove("uidnext");
        }
    }
    shown
}

fn cli(config: &Path, args: &[&str]) -> Run {
    let all = [&["--config", config.to_str().expect("UTF-8"), "--json"][..], args].concat();
    Run::of(sceau().to_str().expect("UTF-8"), &all)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in folder.read_dir().expect("folder").map(|e| e.expect("entry").path()) {
        if entry.is_dir() { out.extend(files(&entry)) } else { out.push(entry) }
    }
    out
}

/// The operator's configuration with other lines.
fn configuration(b: &Operator, name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let text = std::fs::read_to_string(&b.config).expect("configuration");
    let changed: String = text
        .lines()
        .map(|line| {
            let key = line.split(" = ").next().unwrap_or_default();
            // `url` stands in three sections: the first one is the store's, the second one that of blobs.
            changes.iter().find(|(k, _)| *k == key).map_or(line.to_owned(), |(k, v)| format!("{k} = \"{v}\"")) + "\n"
        })
        .collect();
    let file = b.config.with_file_name(name);
    std::fs::write(&file, changed).expect("configuration");
    file
}

/// Replaces data, keyring and blobs.
fn elsewhere(b: &Operator, name: &str, data: &str, keyring: &str, blobs: &str) -> PathBuf {
    let file = configuration(b, name, &[("keyring", keyring)]);
    let text = std::fs::read_to_string(&file).expect("configuration");
    let (mut section, mut out) = (String::new(), String::new());
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        }
        match (section.as_str(), line.starts_with("url = ")) {
            ("[store]", true) => out.push_str(&format!("url = \"{data}\"\n")),
            ("[blobs]", true) => out.push_str(&format!("url = \"{blobs}\"\n")),
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    std::fs::write(&file, out).expect("configuration");
    file
}

#[test]
fn a_backup_of_a_running_server_comes_back_and_moves_to_another_engine() {
    let _proof = proves(&["F264", "F262"], "cli");
    let mut sandbox = Sandbox::start();
    let b = sandbox.b().clone();
    let anne = b.account("Per", 0).clone();
    send(&sandbox, "avant");
    let big = Letter::with_attachment(OUT, ANNE, "Scintigraphie", 120_000);
    let mut mailbox = Mailbox::open(&b, &anne, &sandbox.tls(None));
    mailbox.ok("CREATE Dossiers");
    mailbox.append("Dossiers", "\\Flagged a-relire", &big.bytes);
    mailbox.ok("SELECT INBOX");
    mailbox.ok("UID STORE 1 +FLAGS (\\Seen $Forwarded)");
    let place = tempfile::tempdir().expect("folder");
    let dest = place.path().join("sauvegarde");
    let ready = place.path().join("ready.json");
    std::fs::copy(sandbox.ready_file(), &ready).expect("contract file");
    let before = shown(&ready);
    let to = dest.to_str().expect("UTF-8");
    // The server does it and goes on.
    let done = b.cli(&["backup", to, "--keep", "3"]);
    assert_fits("backup", &done);
    assert_eq!(
        (done["blobs"].as_u64(), done["copied"].as_u64(), done["missing"].as_u64()),
        (Some(1), Some(1), Some(0)),
        "{done}"
    );
    assert_eq!(b.cli(&["backup", to])["copied"].as_u64(), Some(0));
    let said = b.cli_text(&["--lang", "fr", "backup", to]).ok().out;
    assert!(said.contains("trousseau") && said.contains("sceau keys backup"), "{said}");
    assert!(b.cli(&["trace", "list", "--act", "store.backed_up"]).as_array().is_some_and(|t| t.len() == 3));
    send(&sandbox, "apres");
    // Nothing of the keys, and nothing that can be read.
    let master = std::fs::read_to_string(b.data.join("keys/master.key")).expect("key");
    for file in files(&dest) {
        let bytes = std::fs::read(&file).expect("file");
        let clear = zstd::decode_all(bytes.as_slice()).unwrap_or(bytes);
        let holds = |what: &str| memchr::memmem::find(&clear, what.as_bytes()).is_some();
        assert!(
            !holds(master.trim()) && !holds("PRIVATE KEY") && !holds("Scintigraphie") && !holds("a-relire"),
            "{}",
            file.display()
        );
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().expect("file"));
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
    // A server that runs is not checked, nor restored into, nor moved.
    let run = cli(&b.config, &["--lang", "fr", "fsck"]);
    assert!(run.code == 2 && run.err.contains("serveur"), "{}: {}", run.code, run.err);
    assert_eq!(cli(&b.config, &["restore", to]).code, 1);
    sandbox.stop();
    assert_eq!(cli(&b.config, &["restore", to]).code, 1, "not empty");

    // Into empty folders: as of the backup.
    let path = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let keyring = b.data.join("keys/keyring.db").to_str().expect("UTF-8").to_owned();
    let restored = elsewhere(&b, "restored.toml", &path("data/sceau.db"), &keyring, &path("blobs"));
    let run = cli(&restored, &["restore", to]).ok();
    assert_fits("restore", &serde_json::from_str(&run.out).expect("JSON"));
    assert!(run.out.contains("\"blobs\": 1"), "{}", run.out);
    let run = cli(&restored, &["restore", to]);
    assert!(run.code == 1 && run.err.contains("care.not_empty"), "{}", run.err);
    let run = cli(&restored, &["fsck", "--content"]).ok();
    assert!(run.out.contains("\"found\": 0"), "{}", run.out);
    // The file of checkpoints knows a longer log; the restore is signed, and so no rollback: before it is served, and after.
    let run = cli(&restored, &["trace", "verify"]).ok();
    assert_fits("trace_verify", &serde_json::from_str(&run.out).expect("JSON"));
    assert!(run.out.contains("\"restored\""), "{}", run.out);
    let alone = Alone::start(&b, &restored);
    assert_eq!(shown(&ready), before);
    let _ = cli(&restored, &["trace", "verify"]).ok();
    let run = cli(&restored, &["store", "migrate", "--from", &path("data/sceau.db"), "--to", &path("x.db")]);
    assert!(run.code == 1 && run.err.contains("care.in_use"), "{}", run.err);
    alone.stop();

    // To PostgreSQL, keyring and blobs too.
    let server = Database::start();
    for name in ["moved", "moved_keys"] {
        server.sql("postgres", &format!("CREATE DATABASE {name}"));
    }
    let url = |name: &str| server.url().replace("/postgres?", &format!("/{name}?"));
    let (data, keys) = (url("moved"), url("moved_keys"));
    let (from, blobs, blobs_to) = (path("data/sceau.db"), path("blobs"), path("blobs-2"));
    let mut arguments = vec!["store", "migrate", "--from", &from, "--to", &data];
    arguments.extend([
        "--keyring-from",
        &keyring,
        "--keyring-to",
        &keys,
        "--blobs-from",
        &blobs,
        "--blobs-to",
        &blobs_to,
    ]);
    let run = cli(&restored, &arguments).ok();
    assert_fits("store_migrate", &serde_json::from_str(&run.out).expect("JSON"));
    assert!(run.out.contains("\"blobs\": 1"), "{}", run.out);
    let moved = elsewhere(&b, "moved.toml", &data, &keys, &path("blobs-2"));
    let alone = Alone::start(&b, &moved);
    assert_eq!(shown(&ready), before);
    alone.stop();
    let run = cli(&moved, &["fsck", "--content"]).ok();
    assert!(run.out.contains("\"found\": 0"), "{}", run.out);
}

/// A configuration whose contents are in a bucket, with keys of a file and the authority of the service's certificate.
fn in_bucket(config: &Path, name: &str, url: &str, bucket: &Bucket, authority: &Path) -> PathBuf {
    let credentials = config.with_file_name("s3.credentials");
    std::fs::write(&credentials, bucket.keys()).expect("credentials");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&credentials, private).expect("mode");
    let lines = format!(
        "url = {url:?}\nendpoint = {:?}\ncredentials = {credentials:?}\nca = {authority:?}\ntimeout_seconds = 2\n",
        bucket.endpoint()
    );
    let text = std::fs::read_to_string(config).expect("configuration");
    let (before, rest) = text.split_once("[blobs]\n").expect("its section");
    let after = rest.split_once("\n[").map_or(String::new(), |(_, after)| format!("\n[{after}"));
    let file = config.with_file_name(name);
    std::fs::write(&file, format!("{before}[blobs]\n{lines}{after}")).expect("configuration");
    file
}

/// A server that must not start: what it says.
fn refusal(config: &Path) -> String {
    let program = sceau();
    let args =
        ["30", program.to_str().expect("UTF-8"), "--config", config.to_str().expect("UTF-8"), "--lang", "en", "serve"];
    let run = Run::of("timeout", &args);
    assert_eq!(run.code, 1, "{}", run.err);
    run.err.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn contents_move_to_a_bucket_over_tls_and_a_backup_of_it_comes_back_into_a_folder() {
    const MANY: u64 = 30;
    let _proof = proves(&["F264"], "cli");
    let mut sandbox = Sandbox::start();
    let b = sandbox.b().clone();
    send(&sandbox, "avant");
    let mut mailbox = Mailbox::open(&b, b.account("Per", 0), &sandbox.tls(None));
    for _ in 0..MANY {
        mailbox.append("INBOX", "", &Letter::with_attachment(OUT, ANNE, "Compte rendu", 60_000).bytes);
    }
    let place = tempfile::tempdir().expect("folder");
    let ready = place.path().join("ready.json");
    std::fs::copy(sandbox.ready_file(), &ready).expect("contract file");
    let before = shown(&ready);
    sandbox.stop();

    // From the folder into the bucket, by a service of a private authority; killed on the way, it goes on.
    let path = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let keyring = b.data.join("keys/keyring.db").to_str().expect("UTF-8").to_owned();
    let (mut bucket, stranger) = (Bucket::start_tls(), Bucket::start_tls());
    let moved = elsewhere(&b, "moved.toml", &path("data/sceau.db"), &keyring, "x");
    let moved = in_bucket(&moved, "moved.toml", "s3://sceau/b", &bucket, &bucket.authority());
    let (data, blobs) = (b.data.join("data/sceau.db"), b.data.join("data/blobs"));
    let (data, blobs) = (data.to_str().expect("UTF-8"), blobs.to_str().expect("UTF-8"));
    let to = path("data/sceau.db");
    let into = |url| ["store", "migrate", "--from", data, "--to", &to, "--blobs-from", blobs, "--blobs-to", url];
    let run = cli(&moved, &into("s3://absent/b"));
    assert!(run.code == 1 && run.err.contains("absent") && !Path::new(&to).exists(), "{}", run.err);
    let program = Command::new(sceau())
        .args([&["--config", moved.to_str().expect("UTF-8")][..], &into("s3://sceau/b")].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut program = program.expect("sceau starts");
    let begun = Instant::now();
    while bucket.objects().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing moves");
        std::thread::sleep(Duration::from_millis(1));
    }
    program.kill().expect("killed");
    program.wait().expect("ends");
    let half = bucket.objects().len() as u64;
    assert!((2..MANY).contains(&half), "killed on the way: {half}");
    assert!(refusal(&moved).contains("not finished"));
    let run = cli(&moved, &into("s3://sceau/b")).ok();
    let done: Value = serde_json::from_str(&run.out).expect("JSON");
    assert!(done["blobs"].as_u64().is_some_and(|n| n >= MANY), "{done}");

    // Served from there, and nothing is missing.
    let alone = Alone::start(&b, &moved);
    assert_eq!(shown(&ready), before);
    let dest = path("sauvegarde");
    let run = cli(&moved, &["backup", &dest]).ok();
    let backed: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!((backed["blobs"].as_u64(), backed["missing"].as_u64()), (done["blobs"].as_u64(), Some(0)), "{backed}");
    // While contents cannot be read, an index cannot be made: that is said, in bounded time.
    bucket.stop();
    let begun = Instant::now();
    let run = cli(&moved, &["--lang", "fr", "reindex", ANNE]);
    assert!(run.code == 1 && run.err.contains("indexées"), "{}: {}", run.code, run.err);
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
    bucket.go_on();
    let _ = cli(&moved, &["reindex", ANNE]).ok();
    alone.stop();
    let run = cli(&moved, &["fsck", "--content"]).ok();
    assert!(run.out.contains("\"found\": 0"), "{}", run.out);

    // A backup of a bucket comes back into a folder, without the bucket.
    bucket.stop();
    let restored = elsewhere(&b, "restored.toml", &path("data-2/sceau.db"), &keyring, &path("blobs-2"));
    let run = cli(&restored, &["restore", &dest]).ok();
    assert!(run.out.contains(&format!("\"blobs\": {}", done["blobs"])), "{}", run.out);
    let alone = Alone::start(&b, &restored);
    assert_eq!(shown(&ready), before);
    alone.stop();
    bucket.go_on();

    // What is wrong is said at the start, in words, and nothing is made.
    let new = elsewhere(&b, "new.toml", &path("data-3/sceau.db"), &path("keys-3/keyring.db"), "x");
    for (url, authority, word) in [
        ("s3://absent", bucket.authority(), "no bucket absent"),
        ("s3://sceau/c", stranger.authority(), "certificate of the S3 service"),
        ("s3://sceau/b", bucket.authority(), "another database"),
    ] {
        let said = refusal(&in_bucket(&new, "wrong.toml", url, &bucket, &authority));
        assert!(said.starts_with("sceau: ") && said.contains(word), "{url}: {said}");
    }
    for made in ["data-3/sceau.db", "keys-3/keyring.db"] {
        let length = std::fs::metadata(path(made)).map_or(0, |m| m.len());
        assert_eq!(length, 0, "{made}");
    }
}

#[test]
fn damage_is_named_and_the_rest_serves() {
    let _proof = proves(&["F264"], "cli");
    let mut sandbox = Sandbox::start();
    let b = sandbox.b().clone();
    for id in ["un", "deux", "trois"] {
        send(&sandbox, id);
    }
    let anne = b.account("Per", 0).clone();
    Mailbox::open(&b, &anne, &sandbox.tls(None)).append(
        "INBOX",
        "",
        &Letter::with_attachment(OUT, ANNE, "i", 90_000).bytes,
    );
    sandbox.stop();
    // A flipped bit in a blob: the message is named.
    let blob = files(&b.data.join("data/blobs")).into_iter().find(|f| !f.ends_with(".sceau-blobs")).expect("a blob");
    let whole = std::fs::read(&blob).expect("blob");
    let mut bad = whole.clone();
    bad[40_000] ^= 16;
    std::fs::write(&blob, &bad).expect("blob");
    let _ = cli(&b.config, &["fsck"]).ok();
    let run = cli(&b.config, &["fsck", "--content"]);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!((run.code, report["found"].as_u64()), (1, Some(1)), "{report}");
    assert_fits("fsck", &report);
    let finding = &report["findings"][0];
    assert_eq!(finding["code"], "message.content");
    assert!(finding["bal"] == ANNE && finding["message"].is_i64() && finding["repairable"] == false, "{finding}");
    assert!(
        finding["fr"].as_str().is_some_and(|s| s.contains("abîmé"))
            && finding["en"].as_str().is_some_and(|s| s.contains("damaged"))
    );
    std::fs::write(&blob, &whole).expect("blob");

    // The database file: bits flipped here and there, or cut short. Always a clear answer, never a panic.
    let file = b.data.join("data/sceau.db");
    let good = std::fs::read(&file).expect("database");
    let mut damaged = 0;
    let pages = good.len() / 4096;
    for page in (0..pages).step_by((pages / 24).max(1)) {
        let mut bad = good.clone();
        for byte in &mut bad[page * 4096 + 3_200..(page + 1) * 4096] {
            *byte ^= 0x55;
        }
        std::fs::write(&file, &bad).expect("database");
        damaged += u32::from(answers(&b.config));
    }
    for length in [0_usize, 50, 4096, 5000, good.len() / 2, good.len() - 4096] {
        std::fs::write(&file, &good[..length]).expect("database");
        damaged += u32::from(answers(&b.config));
    }
    assert!(damaged >= 12, "{damaged}");
    std::fs::write(&file, &good).expect("database");
    let _ = cli(&b.config, &["fsck", "--content"]).ok();
    // An index that does not agree with its table is made anew; a trace that was removed is missed.
    sqlite(
        &file,
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE INDEX messages_bal ON messages (size)' WHERE name = 'messages_bal'",
    );
    assert_eq!(findings(&b.config, &["fsck"]), (1, vec![("database.damaged".into(), false)]));
    assert_eq!(findings(&b.config, &["fsck", "--repair"]), (0, vec![("database.damaged".into(), true)]));
    assert_eq!(findings(&b.config, &["fsck", "--repair"]), (0, vec![]));
    std::fs::write(&file, &good).expect("database");
    sqlite(&file, "DELETE FROM traces WHERE id = (SELECT MIN(id) FROM traces)");
    assert_eq!(findings(&b.config, &["fsck", "--repair"]), (1, vec![("trace.log".into(), false)]));
    std::fs::write(&file, &good).expect("database");
    // Written by a newer program.
    sandbox.restart();
    sandbox.stop();
    sqlite(&file, "INSERT INTO schema_version VALUES (999, 'x', 'x')");
    let run = cli(&b.config, &["--lang", "fr", "fsck"]);
    assert!(run.code == 2 && run.err.contains("plus récent") && run.err.contains("999"), "{}", run.err);
}

#[test]
fn a_bit_that_flips_in_a_backup_costs_one_message_and_is_mended_while_the_server_lives() {
    let _proof = proves(&["F264"], "cli");
    let mut sandbox = Sandbox::start();
    let b = sandbox.b().clone();
    let anne = b.account("Per", 0).clone();
    send(&sandbox, "petit");
    let mut mailbox = Mailbox::open(&b, &anne, &sandbox.tls(None));
    for subject in ["Scanner", "Radio"] {
        mailbox.append("INBOX", "", &Letter::with_attachment(OUT, ANNE, subject, 90_000).bytes);
    }
    let place = tempfile::tempdir().expect("folder");
    let path = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let to = path("sauvegarde");
    assert_eq!(b.cli(&["backup", &to])["blobs"].as_u64(), Some(2));
    // Without server, configuration or keys.
    let verify = |more: &[&str]| cli(Path::new("/nowhere.toml"), &[&["backup", "verify", &to][..], more].concat());
    assert_fits("backup_verify", &serde_json::from_str(&verify(&[]).ok().out).expect("JSON"));
    let blob = files(&Path::new(&to).join("blobs")).remove(0);
    let whole = std::fs::read(&blob).expect("blob");
    let mut bad = whole.clone();
    bad[40_000] ^= 16;
    std::fs::write(&blob, &bad).expect("blob");
    let run = verify(&[]);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_fits("backup_verify", &report);
    assert_eq!((run.code, report["found"].as_u64(), &report["faults"][0]["fault"]), (1, Some(1), &"damaged".into()));

    // The rest comes back, and the one that does not is named.
    sandbox.stop();
    let keyring = b.data.join("keys/keyring.db").to_str().expect("UTF-8").to_owned();
    let restored = elsewhere(&b, "restored.toml", &path("data/sceau.db"), &keyring, &path("blobs"));
    let run = cli(&restored, &["--lang", "fr", "restore", &to]);
    let name = blob.file_name().and_then(|n| n.to_str()).expect("name");
    assert!(run.code == 1 && run.err.contains("care.damaged_contents"), "{}", run.err);
    assert!(run.err.contains("--leave-out-damaged") && run.err.contains(name), "{}", run.err);
    let run = cli(&restored, &["--lang", "fr", "restore", &to, "--leave-out-damaged"]).ok();
    let done: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_fits("restore", &done);
    assert_eq!((done["left_out"].as_u64(), done["lost"].as_array().map(Vec::len)), (Some(1), Some(1)), "{done}");
    let lost = &done["lost"][0];
    assert!(lost["blob"] == name && lost["bal"] == ANNE && lost["of"] == "message", "{lost}");
    let told = format!("UID {}", lost["uid"]);
    assert!(run.err.contains(ANNE) && run.err.contains(&told) && run.err.contains("perdu"), "{}", run.err);
    let run = cli(&restored, &["fsck", "--content"]);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let found = report["findings"].as_array().expect("findings");
    let mut codes: Vec<&str> = found.iter().filter_map(|f| f["code"].as_str()).collect();
    codes.sort_unstable();
    assert_eq!((run.code, codes), (1, vec!["blob.lost", "message.content"]), "{report}");
    assert!(found.iter().all(|f| f["message"] == lost["message"]), "{report}");
    let alone = Alone::start(&b, &restored);
    let mut mailbox = Mailbox::open(&b, &anne, &sandbox.tls(None));
    mailbox.ok("SELECT INBOX");
    for uid in 1..=3 {
        let answer = mailbox.say(&format!("UID FETCH {uid} BODY.PEEK[]"));
        let whole = answer.lines().last().is_some_and(|l| l.contains(" OK "));
        assert_eq!(whole, lost["uid"] != uid, "{uid}: {}", answer.lines().last().unwrap_or_default());
    }
    assert_eq!(b.cli(&["trace", "list", "--act", "store.content_lost"]).as_array().map(Vec::len), Some(1));
    alone.stop();

    // The server that made the backup lives after all: it mends it.
    let run = verify(&["--set-aside"]);
    assert!(run.code == 1 && run.out.contains("\"set_aside\": true"), "{}", run.out);
    sandbox.restart();
    assert_eq!(b.cli(&["backup", &to])["copied"].as_u64(), Some(1));
    assert_eq!(std::fs::read(&blob).expect("blob"), whole);
    let _ = verify(&[]).ok();
    let _ = verify(&["--generation", done["generation"].as_str().expect("name")]).ok();
    for wrong in [&["backup", "--keep", "2", "verify", &to][..], &["backup", &to, "verify", &to]] {
        assert_eq!(cli(&b.config, wrong).code, 2, "{wrong:?}");
    }
}

/// Changes a database behind the program's back.
fn sqlite(file: &Path, sql: &str) {
    let script =
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit(); c.close()";
    let _ = Run::of("python3", &["-c", script, file.to_str().expect("UTF-8"), sql]).ok();
}

/// Exit code, and each finding's code with whether it was healed.
fn findings(config: &Path, args: &[&str]) -> (i32, Vec<(String, bool)>) {
    let run = cli(config, args);
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {}", run.err));
    let mut found: Vec<(String, bool)> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|f| (f["code"].as_str().expect("code").to_owned(), f["repaired"] == true))
        .collect();
    found.sort();
    found.dedup();
    (run.code, found)
}

/// `fsck` of something damaged: whether it says so. In any case it ends well.
fn answers(config: &Path) -> bool {
    let run = cli(config, &["--lang", "en", "fsck"]);
    assert!(!run.err.contains("panicked") && (0..=2).contains(&run.code), "{}: {}", run.code, run.err);
    assert!(run.code == 0 || run.err.lines().last().is_some_and(|l| l.starts_with("sceau: ")), "{}", run.err);
    run.code != 0
}
