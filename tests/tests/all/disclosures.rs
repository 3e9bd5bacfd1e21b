//! The designed way to content without an access, by the command line: asked by one administrator, decided by another, exported, ended. And what that
//! and the tables of roles and regional bodies print is what the reference says (`Operator::cli` compares).
use sceau_e2e::{Letter, Sandbox, curl, proves};
use serde_json::Value;

#[test]
fn content_is_disclosed_by_two_administrators() {
    let _proof = proves(&["F157"], "cli");
    let mut sandbox = Sandbox::start();
    let own = format!("account = \"{}\"", rustix::process::getuid().as_raw());
    let second = "[[administrators]]\nlogin = \"seconde\"\nname = \"Seconde Exemple\"\naccount = \"64999\"\n\n";
    let both = format!("{second}[[administrators]]\nlogin = \"operateur\"");
    sandbox.configure(0, &[("[[administrators]]\nlogin = \"operateur\"", &both)]);
    let (from, to) = (sandbox.a().account("Per", 0).clone(), sandbox.a().account("Per", 1).clone());
    let letter = Letter::short(&from.address, &to.address, "À restituer");
    curl::send(&sandbox, sandbox.a(), &from, &[&to.address], &letter.bytes);
    let a = sandbox.a();
    let why = ["--reason", "Réquisition du 3 mars", "--beneficiary", "Officier de police judiciaire", "--days", "3"];
    let asked = a.cli(&[&["disclosure", "ask", &to.address, "--cause", "authority"][..], &why].concat());
    let id = asked["id"].as_str().expect("an id").to_owned();
    let decide = ["disclosure", "decide", &id, "--agree", "--reason", "Vue"];
    let own_decision = a.cli_raw(&decide);
    assert!(own_decision.code == 1 && own_decision.err.contains("[disclosure.own]"), "{own_decision:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().join("restitution");
    let export = ["disclosure", "export", &id, at.to_str().expect("UTF-8")];
    assert_eq!(a.cli_raw(&export).code, 1, "nothing was agreed to");

    // From now on this account speaks for the other one.
    sandbox.configure(0, &[(&own, "account = \"64998\""), ("account = \"64999\"", &own)]);
    let a = sandbox.a();
    assert_eq!(a.cli(&decide)["state"], "agreed");
    let exported = a.cli(&export);
    let index: Value = serde_json::from_slice(&std::fs::read(at.join("index.json")).expect("index")).expect("JSON");
    let files = index["folders"].as_array().into_iter().flatten().flat_map(|f| f["messages"].as_array()).flatten();
    let files: Vec<_> = files.filter_map(|m| m["file"].as_str()).collect();
    assert_eq!(exported["messages"], files.len());
    let found = files.iter().any(|f| std::fs::read_to_string(at.join(f)).is_ok_and(|text| text.contains(&letter.id)));
    assert!(found, "{index:#}");
    let list = a.cli(&["disclosure", "list"]);
    assert!(list[0]["last_read"].is_i64(), "{list}");
    assert_eq!(a.cli(&["disclosure", "withdraw", &id, "--reason", "Remis"])["state"], "withdrawn");
    assert_eq!(a.cli_raw(&["disclosure", "export", &id, "/nulle/part"]).code, 1);
    let roles = a.cli(&["role", "list", "--role", "administrator"]);
    assert_eq!(roles.as_array().map(Vec::len), Some(2), "{roles}");
    let _ = a.cli(&["body", "add", "grades-exemple", "--name", "GRADeS de l'Exemple"]);
    assert_eq!(a.cli(&["body", "list"])[0]["code"], "grades-exemple");
}
