//! Limits, reference tables and imports by the command line: what is in force and where it comes from; a table from a file; people and mailboxes
//! from a CSV file, tried first, then carried out, with its report.
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Sandbox, proves};
use serde_json::{Value, json};

const BAL: &str = "anne.martin@alpes.mssante.fr";

#[test]
fn a_limit_says_where_it_comes_from() {
    let _proof = proves(&["F060", "F061"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let limits = a.cli(&["policy", "show"]);
    assert_fits("limits", &limits);
    assert!(limits.as_array().is_some_and(|l| l.iter().any(|l| l["name"] == "recipients" && l["min"] == 1)));
    let bals = a.cli(&["bal", "list", "--kind", "Per"]);
    let bal = bals[0]["address"].as_str().unwrap_or(BAL).to_owned();
    let in_force = |name: &str| -> Value {
        let policy = a.cli(&["policy", "show", &bal]);
        assert_fits("policy", &policy);
        let found = policy.as_array().and_then(|l| l.iter().find(|v| v["name"] == name)).cloned().expect("a limit");
        json!([found["value"], found["from"]])
    };
    let before = in_force("recipients");
    let set = a.cli(&["policy", "set", "kind", "Per", "recipients", "12"]);
    assert_fits("policy_value", &set);
    assert_eq!(in_force("recipients"), json!([12, "kind"]));
    let _ = a.cli(&["policy", "set", "bal", &bal, "quota_bytes", "30000000"]);
    assert_eq!(in_force("quota_bytes"), json!([30_000_000, "bal"]));
    assert_eq!(a.cli(&["bal", "show", &bal])["quota"], 30_000_000);
    assert_fits("policy_values", &a.cli(&["policy", "list"]));
    let said = a.cli_text(&["policy", "set", "kind", "Per", "recipients", "0"]);
    assert!(said.code == 1 && said.err.contains("1 … 10000") && said.err.contains("[admin.invalid]"), "{said:?}");
    assert_fits("policy_unset", &a.cli(&["policy", "unset", "kind", "Per", "recipients"]));
    assert_eq!(in_force("recipients"), before);
}

#[test]
fn people_and_mailboxes_come_from_a_file() {
    let _proof = proves(&["F009"], "cli");
    let sandbox = Sandbox::start();
    let (a, folder) = (sandbox.a(), tempfile::tempdir().expect("a folder"));
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let table = file("specialites.csv", b"Code;Libell\xe9\nSM04;Cardiologie\n;rien\n");
    let imported = a.cli(&["reference", "import", "specialities", &table]);
    assert_fits("reference_imported", &imported);
    assert_eq!((&imported["table"]["entries"], &imported["table"]["encoding"]), (&json!(1), &json!("windows-1252")));
    assert_eq!(a.cli(&["reference", "search", "specialities", "cardio"])[0]["code"], "SM04");
    assert_fits("references", &a.cli(&["reference", "list"]));

    let _ = a.cli(&["structure", "add", "chu-lignes", "--name", "CHU des Lignes"]);
    let _ = a.cli(&["structure", "domain", "chu-lignes", "--add", "alpes.mssante.fr"]);
    let convention = ["structure", "convention", "chu-lignes", "--state", "signed", "--reference", "C-1"];
    let _ = a.cli(&[&convention[..], &["--from", "2026-01-01"]].concat());
    // One good line, an unknown speciality, a wrong check digit.
    let people = file(
        "arrivants.csv",
        b"Nom;Pr\xe9nom;RPPS;Habilit\xe9;Sp\xe9cialit\xe9;Nature de BAL\r\nLIGNE;Zo\xe9;10000000777;oui;SM04;PER\r\n\
          AUTRE;Luc;10000000785;oui;SM99;PER\r\nCLE;Lise;10000000786;oui;;\r\n",
    );
    let start = ["import", "start", &people, "--structure", "chu-lignes", "--certified", "--wait"];
    let dry = a.cli(&[&start[..], &["--dry-run"]].concat());
    assert_fits("import", &dry);
    let real = a.cli(&start);
    for import in [&dry, &real] {
        let counts = json!([import["state"], import["done"], import["wrong"], import["skipped"]]);
        assert_eq!(counts, json!(["done", 1, 2, 0]), "{import:#}");
    }
    let id = real["id"].as_str().expect("an id");
    let wrong = a.cli(&["import", "show", id, "--lines", "wrong"]);
    assert_fits("import_lines", &wrong);
    assert_eq!((&wrong[0]["code"], &wrong[1]["code"]), (&json!("admin.invalid"), &json!("identifier.key")));
    assert_eq!(a.cli(&["person", "show", "zoe.ligne"])["national_id"], "10000000777");
    let report = a.cli_text(&["import", "report", id]);
    assert!(report.code == 0 && report.out.contains("\"zoe.ligne@alpes.mssante.fr\""), "{report:?}");
    assert_fits("imports", &a.cli(&["import", "list"]));
    let said = a.cli_text(&["import", "start", &table, "--structure", "chu-lignes"]);
    assert!(
        said.code == 1 && said.err.contains("identifiant national") && said.err.contains("[csv.header]"),
        "{said:?}"
    );
}
