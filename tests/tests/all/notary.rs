//! The notary through the command line of the built program: a log that verifies while it grows, evidence that verifies without the server,
//! and intruders who touch the database or the file.
use sceau_e2e::sandbox::{Operator, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Verifies the log; exit code, report.
fn verify(o: &Operator, more: &[&str]) -> (i32, Value) {
    let run = o.cli_raw(&[&["trace", "verify"], more].concat());
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("no report ({e}): {run:?}"));
    assert_fits("trace_verify", &report);
    (run.code, report)
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().into_iter().flatten().filter_map(|f| f["code"].as_str()).collect()
}

/// The checker of bundles: no configuration, no server.
fn check(args: &[&str]) -> Run {
    let program = sceau();
    Run::of(
        program.to_str().expect("UTF-8"),
        &[&["--config", "/nowhere/sceau.toml", "evidence", "verify"], args].concat(),
    )
}

fn checkpoints(o: &Operator) -> PathBuf {
    o.config.with_file_name("checkpoints").join("checkpoints.jsonl")
}

/// A statement given to the database by hand.
fn intrude(o: &Operator, statement: &str) {
    let script = "import sqlite3, sys\n\
                  c = sqlite3.connect(sys.argv[1], timeout=20)\n\
                  n = c.execute(sys.argv[2]).rowcount\n\
                  c.commit()\n\
                  assert n > 0, 'nothing was touched'\n";
    let database = database(o);
    let _ = Run::of("python3", &["-c", script, database.to_str().expect("UTF-8"), statement]).ok();
}

fn database(o: &Operator) -> PathBuf {
    let shown = o.cli(&["config", "show"]);
    Path::new(shown["store"]["url"].as_str().expect("url")).to_path_buf()
}

/// Copies a closed database; a log that its closing left beside it belongs to it.
fn copy_database(from: &Path, to: &Path) {
    let beside = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let _ = std::fs::remove_file(beside(to, "-shm"));
    for end in ["", "-wal"] {
        let (from, to) = (beside(from, end), beside(to, end));
        let _ = std::fs::remove_file(&to);
        assert!(std::fs::copy(&from, &to).is_ok() || end == "-wal");
    }
}

/// Waits until the notary has sealed everything so far.
fn sealed(o: &Operator) -> Value {
    wait::until("everything to be sealed", 40, || {
        let (code, report) = verify(o, &[]);
        assert_eq!(code, 0, "{report:#}");
        // A verification leaves one trace itself.
        (report["waiting"].as_u64()? <= 1 && report["leaves"].as_u64()? > 0).then_some(report)
    })
}

#[test]
fn a_log_that_verifies_and_evidence_for_anyone() {
    let _proof = proves(&["F121", "F122", "F261"], "cli");
    let mut sandbox = Sandbox::start();
    let (from, to) = (sandbox.a().account("Per", 0).clone(), sandbox.a().account("Per", 1).clone());
    let letter = Letter::short(&from.address, &to.address, "Compte rendu");
    curl::send(&sandbox, sandbox.a(), &from, &[&to.address], &letter.bytes);
    let a = sandbox.a();
    let report = sealed(a);
    assert!(report["checkpoints"].as_u64() > Some(0) && report["outside"].as_u64() > Some(0), "{report:#}");
    let submitted = a.cli(&["trace", "list", "--act", "mail.submitted"]);
    let id = submitted[0]["id"].as_i64().expect("an id").to_string();

    // Keys and evidence.
    let keys = a.cli(&["trace", "key"]);
    assert_fits("trace_keys", &keys);
    let fingerprint = keys[0]["fingerprint"].as_str().expect("fingerprint").to_owned();
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (bundle, pem, copy) = (path("preuve.json"), path("cle.pem"), path("copie.jsonl"));
    std::fs::write(&pem, keys[0]["pem"].as_str().expect("pem")).expect("written");
    // OpenSSL reads the key too.
    let _ = Run::of("openssl", &["pkey", "-pubin", "-in", &pem, "-noout", "-text"]).ok();
    std::fs::copy(checkpoints(a), &copy).expect("copied");
    let written = a.cli(&["trace", "prove", &id, "-o", &bundle, "--since", &copy]);
    assert_fits("evidence_written", &written);
    let value: Value = serde_json::from_slice(&std::fs::read(&bundle).expect("bundle")).expect("JSON");
    assert_fits("evidence", &value);
    assert_eq!(value["trace"]["act"], "mail.submitted");

    // What is verified is said exactly.
    let alone = check(&["--lang", "en", &bundle]).ok().out;
    assert!(alone.contains("Verified: this trace") && alone.matches("NOT verified").count() == 2, "{alone}");
    let known = check(&["--lang", "en", &bundle, "--key", &pem, "--checkpoint", &copy]).ok().out;
    assert!(
        !known.contains("NOT")
            && known.contains(&fingerprint)
            && (known.contains("earlier state") || known.contains("this very log")),
        "{known}"
    );
    let french = check(&["--lang", "fr", &bundle, "--fingerprint", &fingerprint]).ok().out;
    assert!(french.contains("Vérifié : la clé est celle que vous connaissez"), "{french}");
    let json: Value = serde_json::from_str(&check(&["--json", &bundle]).ok().out).expect("JSON");
    assert_fits("evidence_verify", &json);
    // What was changed is refused, in words and by the exit code.
    let forged = path("fausse.json");
    for (from, to) in
        [("mail.submitted", "mail.refused__"), ("\"number\": ", "\"number\": 1"), ("\"salt\": \"", "\"salt\": \"00")]
    {
        let text = std::fs::read_to_string(&bundle).expect("bundle");
        assert!(text.contains(from));
        std::fs::write(&forged, text.replacen(from, to, 1)).expect("written");
        let run = check(&["--lang", "fr", &forged]);
        assert!(run.code == 1 && run.out.is_empty() && run.err.starts_with("sceau: "), "{run:?}");
    }
    let other = check(&["--lang", "fr", &bundle, "--fingerprint", &"0".repeat(64)]);
    assert!(other.code == 1 && other.err.contains("une autre clé"), "{other:?}");
    assert_eq!(check(&[&path("absente.json")]).code, 2);
    let unknown = a.cli_raw(&["trace", "prove", "77"]);
    assert!(unknown.code == 1 && unknown.err.contains("[admin.not_found]"), "{unknown:?}");

    // A new key: the log goes on, old evidence keeps its key.
    let keys = a.cli(&["trace", "key", "--rotate"]);
    assert_eq!(keys.as_array().map(Vec::len), Some(2));
    let _ = check(&[&bundle, "--key", &pem]).ok();
    // A person explains a trace; the statement is signed by the key in force.
    let stated = a.cli(&["trace", "settle", &id, "--reason", "Horloge remise à l'heure"]);
    assert_eq!((&stated["what"], stated["key"] == keys[0]["fingerprint"]), (&"settled".into(), false), "{stated:#}");
    sealed(a);

    // Without a server the store itself is read; what the last seconds left is sealed before the end.
    sandbox.stop();
    let a = &sandbox.ready.operators[0];
    let (code, report) = verify(a, &[]);
    assert_eq!((code, report["waiting"].as_u64()), (0, Some(0)), "{report:#}");
    // Keys known from elsewhere: both are needed, as the log was signed by both.
    let both = path("cles.pem");
    let pems: String = keys.as_array().into_iter().flatten().filter_map(|k| k["pem"].as_str()).collect();
    std::fs::write(&both, pems).expect("written");
    assert_eq!(verify(a, &["--key", &both]).0, 0);
    let (code, report) = verify(a, &["--key", &pem]);
    assert!(code == 1 && codes(&report).contains(&"checkpoint_forged"), "{report:#}");
    let text = a.cli_text(&["--lang", "fr", "trace", "verify", "--checkpoint", &copy]).ok().out;
    assert!(text.contains("Journal intact"), "{text}");
    let _ = a.cli_text(&["trace", "prove", &id]).ok();
}

#[test]
fn intruders_are_found_and_named() {
    let _proof = proves(&["F121"], "cli");
    let mut sandbox = Sandbox::start();
    sealed(sandbox.a());
    let a = sandbox.a().clone();
    let bad = |what: &str| {
        let (code, report) = verify(&a, &[]);
        assert_eq!(code, 1, "{what}: {report:#}");
        report
    };
    // While the server runs: a trace is altered, another removed.
    let ids: Vec<i64> = a
        .cli(&["trace", "list", "--act", "bal"])
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| t["id"].as_i64())
        .collect();
    assert!(ids.len() >= 2, "{ids:?}");
    intrude(&a, &format!("UPDATE traces SET actor = 'personne' WHERE id = {}", ids[0]));
    intrude(&a, &format!("DELETE FROM traces WHERE id = {}", ids[1]));
    let report = bad("altered and removed");
    let named = |code: &str| {
        let found = report["findings"].as_array().into_iter().flatten().find(|f| f["code"] == code);
        found.and_then(|f| f["trace"].as_i64())
    };
    assert_eq!((named("altered"), named("removed")), (Some(ids[0]), Some(ids[1])), "{report:#}");
    let run = a.cli_text(&["--lang", "fr", "trace", "verify"]);
    assert!(run.code == 1 && run.err.contains("n'est pas intact"), "{run:?}");
    assert!(run.out.contains(&format!("La trace {} a été modifiée", ids[0])), "{run:?}");
    assert!(run.out.contains(&format!("La trace {} a été supprimée", ids[1])), "{run:?}");

    // The other operator's whole database is put back to an earlier state while it is stopped; only the file outside knows.
    let b = sandbox.b().clone();
    sealed(&b);
    sandbox.stop();
    let b_database = database(&b);
    let saved = b_database.with_extension("saved");
    let (code, report) = verify(&b, &[]);
    assert_eq!(code, 0, "{report:#}");
    let checkpointed = report["leaves"].clone();
    copy_database(&b_database, &saved);
    sandbox.restart();
    sealed(sandbox.b());
    sandbox.stop();
    copy_database(&saved, &b_database);
    let (code, report) = verify(&b, &[]);
    assert_eq!((code, codes(&report)), (1, vec!["outside_longer"]), "{report:#}");
    assert_eq!(report["findings"][0]["leaves"], checkpointed, "{report:#}");
    // An empty copy says nothing; the file cut is told.
    let file = checkpoints(&a);
    let lines = std::fs::read_to_string(&file).expect("checkpoints");
    let first = lines.lines().next().expect("a line");
    std::fs::write(&file, format!("{first}\n")).expect("written");
    let (_, report) = verify(&a, &[]);
    assert!(codes(&report).contains(&"outside_cut"), "{report:#}");
    std::fs::write(&file, lines.replacen("\"size\":", "\"size\":1", 1)).expect("written");
    let (_, report) = verify(&a, &[]);
    assert!(codes(&report).contains(&"outside_forged"), "{report:#}");
}
