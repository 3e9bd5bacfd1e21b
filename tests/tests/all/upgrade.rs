//! A store that the program of an earlier schema left is opened, read and checked by today's (F264). `tests/fixtures` says how it was made.
use sceau_e2e::proof::workspace;
use sceau_e2e::{Run, Sandbox, proves, wait};
use serde_json::Value;
use std::path::Path;

fn fixture(name: &str) -> std::path::PathBuf {
    workspace().join("tests/fixtures/schema-3").join(name)
}

/// Puts the earlier store in the place of an operator's.
fn put_earlier(operator: &Path) {
    for folder in ["data", "keys"] {
        std::fs::remove_dir_all(operator.join(folder)).expect("folder");
    }
    let packed = std::fs::read(fixture("alpes.tar.zst")).expect("fixture");
    let tar = zstd::decode_all(packed.as_slice()).expect("zstd");
    let _ = Run::with_input("tar", &["-x", "-f", "-", "-C", operator.to_str().expect("UTF-8")], &tar).ok();
    // Mail that waits ages: without this it would be warned about, then given up, since the day on which the store was made.
    let script = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1]); now = int(time.time() * 1000)\n\
                  c.execute('UPDATE queue_messages SET expires = ?', (now + 432000000,))\n\
                  c.execute('UPDATE queue_entries SET expires = ?, warn_at = ?', (now + 432000000, now + 14400000))\n\
                  c.commit(); c.close()";
    let data = operator.join("data/sceau.db");
    let _ = Run::of("python3", &["-c", script, data.to_str().expect("UTF-8")]).ok();
}

#[test]
fn a_store_of_schema_3_is_opened_and_nothing_of_it_is_missing() {
    let _proof = proves(&["F264"], "imap");
    let mut sandbox = Sandbox::start();
    let data = sandbox.a().data.clone();
    sandbox.stop();
    put_earlier(&data);
    sandbox.restart();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(fixture("expected.json")).expect("fixture")).expect("JSON");
    let shown = sandbox.python("mailboxes.py", &["alpes", "marie.martin", "paul.durand"]).ok();
    let shown: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!(shown, expected);
    // Whoever is new has what he needs there: a domain of no structure, and the register that knows him.
    let holds = |list: Value, name: &str| list.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name));
    let a = sandbox.a();
    assert!(a.domains.len() == 2 && holds(a.cli(&["domain", "list"]), &a.domains[1]));
    assert!(holds(a.cli(&["reference", "list"]), "rpps"));
    // What waited still waits, and can be opened: the destination answers nobody.
    let a = sandbox.a().clone();
    let waiting = a.cli(&["queue", "list"]);
    assert_eq!(waiting.as_array().map(Vec::len), Some(2), "{waiting}");
    a.cli(&["queue", "retry", "--all"]);
    wait::until("another attempt", 30, || {
        let list = a.cli(&["queue", "list"]);
        list.as_array()?.iter().all(|e| e["attempts"].as_u64() > Some(1)).then_some(())
    });
    sandbox.stop();
    let checked = a.cli_raw(&["fsck", "--content"]).ok();
    assert!(checked.out.contains("\"found\": 0"), "{}", checked.out);
}
