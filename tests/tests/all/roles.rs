//! Roles through the command line and REST: every administrator is a named person who says what he does, a role that is over is over for the very next
//! request, and nobody is shown somebody else's token once the operator serves: the person makes it behind a link that came by ordinary mail.
use crate::ordinary::{ask, next, press, relay};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Run, Sandbox, curl, proves, wait};
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
    let (_web, _mail) = (proves(&["F229"], "web"), proves(&["F152"], "mail"));
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
    let (at, taken) = relay();
    let notices = format!("[notices]\nrelay = \"{at}\"\ntls = \"none\"\nsender = \"avis@exemple.fr\"\n\n[log]");
    let uid = format!("account = \"{}\"", rustix::process::getuid().as_raw());
    let second = "[[administrators]]\nlogin = \"seconde\"\nname = \"Seconde Exemple\"\naccount = \"64999\"\n\n";
    let both = format!("{second}[[administrators]]\nlogin = \"operateur\"");
    // From here on this account speaks for another administrator.
    sandbox.configure(
        0,
        &[
            ("setting_up = true\n", ""),
            ("[log]", &notices),
            (&uid, "account = \"64998\""),
            ("[[administrators]]\nlogin = \"operateur\"", &both),
            ("account = \"64999\"", &uid),
        ],
    );
    let (a, account) = (sandbox.a(), sandbox.a().account("Per", 1).clone());
    let login = account.login.split('*').next().unwrap_or_default().to_owned();
    assert_ne!(login, "marie.martin");
    refused(a, &["token", "create", &login, "--label", "x"], "token.other");
    refused(a, &["token", "send", &login, "--label", "x"], "token.unreachable");
    assert!(a.cli(&["token", "create", "seconde", "--api", "--label", "x"])["secret"].is_string());
    // One types the address in, the person confirms it, another has the link sent, the person makes the token.
    let _ = a.cli(&["person", "email", &login, "quelquun@exemple.fr"]);
    let _ = press(&sandbox, &next(&taken).link("/lien/"));
    refused(a, &["token", "send", &login, "--label", "x"], "token.setter");
    sandbox.configure(0, &[(&uid, "account = \"64999\""), ("account = \"64998\"", &uid)]);
    let a = sandbox.a();
    let sent = a.cli(&["token", "send", &login, "--label", "Poste du cabinet", "--days", "30"]);
    assert_eq!((&sent["to"], &sent["address"]), (&json!(login), &json!("q…@exemple.fr")));
    let path = next(&taken).link("/jeton/");
    let page = press(&sandbox, &path);
    let token = page.split("<code>").nth(1).and_then(|t| t.split('<').next()).expect("a token").to_owned();
    let mut mine = account.clone();
    mine.token = token;
    let opened = curl::imap(&sandbox, a, &mine, "INBOX", "NOOP");
    assert_eq!(opened.code, 0, "{opened:?}");
    let again = ask(&sandbox, "POST", &path);
    assert!(again.out.contains("<html") && !again.out.contains("<code>"), "once: {again:?}");
    // Who typed the address in, or asked for the link, has seen neither.
    let traced = wait::until("the trace", 10, || {
        let traces = a.cli(&["trace", "list", "--act", "token.created", "--actor", &login]);
        traces.as_array().and_then(|t| t.first().cloned())
    });
    assert!(traced["data"]["link"] == true && traced["data"]["shown_to_maker"].is_null(), "{traced}");
}
