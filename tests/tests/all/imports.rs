//! Limits, reference tables and imports by the command line: what is in force and where it comes from; a table from a file; people and mailboxes
//! from a CSV file, tried first, then carried out, with its report.
use crate::notices::addresses_are_required;
use crate::ordinary::{next, press, relay};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Sandbox, proves};
use sceau_testkit::people_file::{FIRST, letters, rpps};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

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
    let _proof = proves(&["F008", "F009"], "cli");
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
    let zoe = a.cli(&["person", "show", "zoe.ligne"]);
    assert_eq!((&zoe["national_id"], &zoe["identity"]["by"]), (&json!("10000000777"), &json!("operateur")), "{zoe:#}");
    let report = a.cli_text(&["import", "report", id]);
    assert!(report.code == 0 && report.out.contains("\"zoe.ligne@alpes.mssante.fr\""), "{report:?}");
    assert_fits("imports", &a.cli(&["import", "list"]));
    let said = a.cli_text(&["import", "start", &table, "--structure", "chu-lignes"]);
    assert!(
        said.code == 1 && said.err.contains("identifiant national") && said.err.contains("[csv.header]"),
        "{said:?}"
    );
    // The register: who was in it and is not any more stands in a list. It is looked through behind the import's answer.
    let register = |ids: &[&str]| {
        let lines: String = ids.iter().map(|id| format!("8|{id}|LIGNE|Zo\u{e9}|10\n")).collect();
        let text = "Type d'identifiant PP|Identifiant PP|Nom d'exercice|Pr\u{e9}nom d'exercice|Code profession\n"
            .to_owned()
            + &lines;
        a.cli(&["reference", "import", "rpps", &file("rpps.txt", text.as_bytes())])
    };
    let listed = |state: &str| -> bool {
        let list = a.cli(&["reference", "check", "--state", state]);
        assert_fits("reference_check", &list);
        list.as_array().is_some_and(|l| l.iter().any(|f| f["login"] == "zoe.ligne"))
    };
    for (ids, state) in [(&["10000000777", "10000000785"][..], "there"), (&["10000000785"], "struck")] {
        let _ = register(ids);
        let begun = Instant::now();
        while !listed(state) {
            assert!(begun.elapsed() < Duration::from_secs(60), "nobody is {state}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// F063 in a file: the dry run says in the same words what a line lacks, and the link of a good one opens its mailbox.
#[test]
fn a_file_gives_addresses_and_says_what_is_missing() {
    let _proof = proves(&["F063"], "cli");
    let mut sandbox = Sandbox::start();
    let (at, taken) = relay();
    addresses_are_required(&mut sandbox, at);
    let (a, folder) = (sandbox.a().clone(), tempfile::tempdir().expect("a folder"));
    let _ = a.cli(&["structure", "add", "chu-adresses", "--name", "CHU des Adresses"]);
    let _ = a.cli(&["structure", "domain", "chu-adresses", "--add", "alpes.mssante.fr"]);
    let convention = ["structure", "convention", "chu-adresses", "--state", "signed", "--reference", "C-1"];
    let _ = a.cli(&[&convention[..], &["--from", "2026-01-01"]].concat());
    let file = folder.path().join("arrivants.csv");
    let text = "Nom;Prénom;RPPS;Habilité;Nature de BAL;Adresse de notification\n\
                LIGNE;Zoé;10000000777;oui;PER;zoe@exemple.fr\nAUTRE;Luc;10000000785;oui;PER;ZOE@exemple.fr\n\
                SANS;Lise;10000000793;oui;PER;\nDEDANS;Max;10000000801;oui;PER;max@alpes.mssante.fr\n";
    std::fs::write(&file, text).expect("written");
    let start =
        ["import", "start", file.to_str().expect("UTF-8"), "--structure", "chu-adresses", "--certified", "--wait"];
    let dry = a.cli(&[&start[..], &["--dry-run"]].concat());
    let real = a.cli(&start);
    let told = |import: &Value| -> Vec<[String; 2]> {
        let text = |l: &Value, name: &str| l[name].as_str().unwrap_or_default().to_owned();
        let mut all = Vec::new();
        for state in ["done", "wrong"] {
            let lines = a.cli(&["import", "show", import["id"].as_str().expect("an id"), "--lines", state]);
            let lines = lines.as_array().cloned().unwrap_or_default();
            all.extend(lines.iter().map(|l| (l["line"].as_u64(), [text(l, "code"), text(l, "detail")])));
        }
        all.sort();
        all.into_iter().map(|(_, told)| told).collect()
    };
    let said = told(&real);
    assert_eq!(told(&dry), said, "a dry run says the same");
    let codes: Vec<&str> = said.iter().map(|[code, _]| code.as_str()).collect();
    assert_eq!(codes, ["import.bal_waits", "contact.taken", "import.bal_waits", "contact.inside"]);
    assert!(
        said[0][1].contains("n'est pas encore confirmée") && said[2][1].contains("Il manque l'adresse"),
        "{said:#?}"
    );

    // One link, of the real run. It confirms, and the mailbox waits for the terms alone.
    let _ = press(&sandbox, &next(&taken).link("/lien/"));
    assert!(taken.try_recv().is_err(), "nobody else is written to");
    let waiting = a.cli(&["opening", "list", "--state", "verified", "--structure", "chu-adresses"]);
    let lacks: Vec<Value> = waiting.as_array().into_iter().flatten().map(lacks).collect();
    assert_eq!(lacks, [json!(["not_accepted", "no_address"]), json!(["not_accepted"])]);
}

/// What a request waits for.
fn lacks(opening: &Value) -> Value {
    opening["waits_for"].as_array().into_iter().flatten().map(|w| w["lack"].clone()).collect()
}

/// 100,000 people by the command line, and a register of 500,000 lines: the server's memory does not grow with the files.
#[test]
#[ignore = "long"]
fn a_hundred_thousand_people_by_the_command_line() {
    let sandbox = Sandbox::start();
    let (a, folder) = (sandbox.a(), tempfile::tempdir().expect("a folder"));
    let _ = a.cli(&["structure", "add", "chu-masse", "--name", "CHU de la Masse"]);
    let _ = a.cli(&["structure", "domain", "chu-masse", "--add", "alpes.mssante.fr"]);
    let convention = ["structure", "convention", "chu-masse", "--state", "signed", "--reference", "C-1"];
    let _ = a.cli(&[&convention[..], &["--from", "2026-01-01"]].concat());
    let written = |name: &str, head: &str, lines: usize, line: &dyn Fn(usize) -> String| {
        let path = folder.path().join(name);
        let mut out = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
        out.write_all(head.as_bytes()).expect("written");
        (0..lines).for_each(|n| out.write_all(line(n).as_bytes()).expect("written"));
        out.flush().expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", a.pid)).expect("the server");
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("memory");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") / 1024
    };
    let before = peak();
    let begun = Instant::now();
    let head = "Identifiant PP|Nom d'exercice|Pr\u{e9}nom d'exercice|Code profession|Libell\u{e9} profession|Code savoir-faire\n";
    let register = written("rpps.txt", head, 500_000, &|n| {
        format!("{}|NOM {n}|Pr\u{e9}nom|10|M\u{e9}decin|SM{:02}\n", rpps(n), n % 60)
    });
    let table = a.cli(&["reference", "import", "rpps", &register]);
    assert_eq!(table["table"]["entries"], 500_000);
    println!(
        "a register of 500,000 lines: {:.1?}, memory {before} MiB before, {} MiB at most",
        begun.elapsed(),
        peak()
    );
    let begun = Instant::now();
    let head = "Nom;Pr\u{e9}nom;RPPS;Habilit\u{e9};Nature de BAL\n";
    let people = written("people.csv", head, 100_000, &|n| {
        // The sandbox's own people have the first numbers.
        format!("NOM-{};Pr\u{e9}nom;{};oui;PER\n", letters(n), rpps(FIRST + n))
    });
    let import = a.cli(&["import", "start", &people, "--structure", "chu-masse", "--certified", "--wait"]);
    assert_eq!(json!([import["state"], import["lines"], import["done"]]), json!(["done", 100_000, 100_000]));
    println!("100,000 people: {:.1?}, memory {} MiB at most", begun.elapsed(), peak());
    assert!(peak() < before + 150, "memory grows with the file: {} MiB", peak());
}
