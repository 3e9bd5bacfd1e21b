//! Roles through the command line and REST: every administrator is a named person who says what he does, a role that is over is over for the very next
//! request, and nobody is shown somebody else's token once the operator serves.
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Run, Sandbox, proves};
use serde_json::json;

/// The status of a `GET` over REST with a token.
fn status(sandbox: &Sandbox, token: &str, path: &str) -> String {
    let (bearer, url) =
        (format!("Authorization: Bearer {token}"), format!("https://{}/api/v1{path}", sandbox.a().endpoints.https));
    let args = [
        "-sS",
        "--max-time",
        "60",
        "--cacert",
        sandbox.anchors(),
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        &bearer,
        &url,
    ];
    Run::of("curl", &args).ok().out
}

#[test]
fn administrators_are_named_and_a_role_that_is_over_is_over_at_once() {
    let _proof = proves(&["F157", "F229"], "cli");
    let _rest = proves(&["F157"], "rest");
    let mut sandbox = Sandbox::start();
    let a = sandbox.a();
    let refused = |a: &sceau_e2e::sandbox::Operator, args: &[&str], code: &str| {
        let said = a.cli_text(args);
        assert!(said.code == 1 && said.err.contains(&format!("[{code}]")), "{args:?}: {said:?}");
    };
    // Whom the configuration names: id, name, first names, function.
    let roles = a.cli(&["role", "list", "--role", "administrator"]);
    assert_fits("roles", &roles);
    let named = |field: &str| roles[0][field].as_str().is_some_and(|t| !t.is_empty());
    assert!(["login", "name", "given_name", "family_name"].into_iter().all(named), "{roles:#}");
    assert_eq!(roles[0]["function"], "Exploitation");
    // Who is given a role says what he does.
    let grant = ["role", "grant", "marie.martin", "support", "--reason", "Astreinte"];
    refused(a, &grant, "role.unnamed");
    let given = a.cli(&[&grant[..], &["--function", "Technicienne"]].concat());
    assert_fits("role", &given);
    assert_eq!((&given["login"], &given["function"]), (&json!("marie.martin"), &json!("Technicienne")));
    // Over REST with a token that stays good, before and after the role.
    let made = a.cli(&["token", "create", "marie.martin", "--api", "--label", "Astreinte"]);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(status(&sandbox, &secret, "/queue"), "200");
    let _ = sandbox.a().cli(&["role", "end", given["id"].as_str().expect("an id"), "--reason", "Fin"]);
    assert_eq!(status(&sandbox, &secret, "/queue"), "403");
    assert_eq!(status(&sandbox, &secret, "/me"), "200");
    // In service nobody is shown the token of somebody else, over the socket either; one's own is one's own.
    sandbox.configure(0, &[("setting_up = true\n", "")]);
    let a = sandbox.a();
    refused(a, &["token", "create", "marie.martin", "--label", "x"], "token.other");
    refused(a, &["token", "send", "marie.martin", "--label", "x"], "token.unreachable");
    assert!(a.cli(&["token", "create", "operateur", "--api", "--label", "x"])["secret"].is_string());
}
