//! Structures, regional bodies and people by the command line: a hospital with its convention and administrators, identities, exemptions, who works
//! where; the same in both languages; what is refused and why.
use sceau_e2e::sandbox::Operator;
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Run, Sandbox, proves};
use serde_json::{Value, json};

fn refused(o: &Operator, args: &[&str], code: &str) {
    let said = o.cli_text(args);
    assert!(said.code == 1 && said.err.contains(&format!("[{code}]")), "{args:?}: {said:?}");
}

#[test]
fn a_hospital_its_regional_body_and_its_people() {
    let _proof = proves(&["F008", "F009", "F010", "F011", "F012", "F014", "F026", "F149", "F152", "F157"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let body = a.cli(&["body", "add", "grades-alpes", "--name", "GRADeS des Alpes", "--contact-name", "Alix EXEMPLE"]);
    assert_fits("body", &body);
    let add = [
        "structure",
        "add",
        "chu-alpes",
        "--name",
        "CHU des Alpes",
        "--finess-ej",
        "990000002",
        "--finess-eg",
        "990 000 010",
    ];
    let added = a.cli(&add);
    assert_fits("structure", &added);
    assert_eq!(added["finess_eg"], "990000010");
    refused(a, &add, "admin.exists");
    refused(a, &["structure", "add", "x", "--name", "X", "--finess-eg", "990000011"], "identifier.key");
    refused(a, &["structure", "convention", "chu-alpes", "--state", "signed", "--from", "2026-01-01"], "admin.invalid");
    let _ = a.cli(&[
        "structure",
        "convention",
        "chu-alpes",
        "--state",
        "signed",
        "--reference",
        "C-1",
        "--from",
        "2026-01-01",
    ]);
    let _ = a.cli(&["structure", "domain", "chu-alpes", "--add", "alpes.mssante.fr"]);
    let _ = a.cli(&["structure", "settle", "chu-alpes", "--body", "grades-alpes", "--opening", "delegated"]);
    let edit = [
        "structure",
        "edit",
        "chu-alpes",
        "--contact-name",
        "Dominique EXEMPLE",
        "--contact-email",
        "referent@exemple.fr",
    ];
    let edited = a.cli(&edit);
    assert_eq!((&edited["warnings"], &edited["domains"]), (&json!(["no_administrator"]), &json!(["alpes.mssante.fr"])));
    for (lang, word) in [("fr", "Aucun administrateur"), ("en", "No administrator")] {
        let shown = a.cli_text(&["--lang", lang, "structure", "show", "chu-alpes"]);
        assert!(shown.code == 0 && shown.out.contains(word), "{shown:?}");
    }
    let structures = a.cli(&["structure", "list", "--body", "grades-alpes"]);
    assert_fits("structures", &structures);
    assert_eq!(structures.as_array().map(Vec::len), Some(1));

    // A cardiologist with a national identifier, a secretary without one.
    let names = ["--given-name", "Claire", "--family-name", "EXEMPLE"];
    let place = ["--structure", "chu-alpes", "--function", "Cardiologue", "--habilitated", "--national-id"];
    let person = |login, id| [&["person", "add", login][..], &names, &place, &[id]].concat();
    let claire = a.cli(&person("claire.exemple", "10000000702"));
    assert_fits("person", &claire);
    refused(a, &person("claire.exemple2", "10000000702"), "admin.exists");
    refused(a, &person("claire.exemple2", "10000000703"), "identifier.key");
    let homonym = a.cli(&person("claire.exemple2", "10000000710"));
    assert_eq!(homonym["name"], claire["name"], "homonyms are two people");
    let certified = a.cli(&["person", "certify", "claire.exemple"]);
    assert_eq!(
        (&certified["identity"]["how"], &certified["published_identifier"]),
        (&json!("operator"), &json!("10000000702"))
    );
    assert!(certified["identity"]["by"] == "operateur" && certified["identity"]["at"].is_i64(), "{certified:#}");
    let secretary =
        ["person", "add", "sam", "--given-name", "Sam", "--family-name", "EXEMPLE", "--structure", "chu-alpes"];
    let _ = a.cli(&secretary);
    refused(a, &["person", "certify", "sam"], "identity.missing");
    // A month ahead, as `date` says it.
    let until = Run::of("date", &["-u", "-d", "30 days", "+%Y-%m-%d"]).ok().out.trim().to_owned();
    let why = "aucune autorité d'enregistrement";
    let exempted = a.cli(&["person", "exempt", "sam", "--identifier", "CHU-42", "--reason", why, "--until", &until]);
    assert_eq!((&exempted["published_identifier"], &exempted["exemption"]["stands"]), (&json!("CHU-42"), &json!(true)));
    assert_eq!(a.cli(&["person", "certify", "sam"])["identity"]["how"], "operator");
    let ended = a.cli(&["person", "exempt", "sam", "--end"]);
    assert_eq!((&ended["exemption"], &ended["identity"]["how"]), (&Value::Null, &json!("none")));

    // Named administrators of the structure; who leaves it administers it no more.
    let grant =
        ["role", "grant", "claire.exemple", "structure", "--structure", "chu-alpes", "--reason", "convention C-1"];
    let _ = a.cli(&grant);
    let shown = a.cli(&["structure", "show", "chu-alpes"]);
    assert_eq!(
        (&shown["administrators"], &shown["warnings"], &shown["people"]),
        (&json!(["claire.exemple"]), &json!([]), &json!(3))
    );
    let roles: Vec<&str> =
        shown["processing"].as_array().into_iter().flatten().filter_map(|p| p["role"].as_str()).collect();
    assert_eq!(roles, ["controller", "processor", "processor", "recipient"]);
    let left = a.cli(&["person", "leave", "claire.exemple", "--structure", "chu-alpes", "--reason", "départ"]);
    assert_eq!((&left["roles"], &left["without_administrator"]), (&json!(1), &json!(true)), "{left:#}");
    assert!(a.cli(&["person", "show", "claire.exemple"])["memberships"][0]["ended"].is_i64());
    assert_eq!(a.cli(&["structure", "show", "chu-alpes"])["administrators"], json!([]));
    let body = a.cli(&["body", "show", "grades-alpes"]);
    assert_eq!((&body["structures"], &body["people"]), (&json!(1), &json!(2)));

    // Without a relay nothing is sent, and nothing is kept.
    refused(a, &["person", "email", "sam", "sam@exemple.fr"], "notice.no_relay");
    assert_eq!(a.cli(&["person", "show", "sam"])["email"], Value::Null);
    let listed = a.cli(&["person", "list", "--structure", "chu-alpes"]);
    assert_fits("people", &listed);
    let logins: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(|p| p["login"].as_str()).collect();
    assert_eq!(logins, ["claire.exemple2", "sam"]);
    let traces = a.cli(&["trace", "list", "--limit", "200"]).to_string();
    for act in ["structure.added", "structure.settled", "person.certified", "person.exempted", "person.left"] {
        assert!(traces.contains(act), "no trace {act}");
    }
}
