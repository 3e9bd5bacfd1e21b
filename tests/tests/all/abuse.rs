//! A stolen token: its burst is slowed and alarmed, a person looks at it and blocks the token; the honest mail of the same mailbox passes throughout.
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Sandbox, curl, proves, wait};

#[test]
fn a_stolen_token_is_slowed_reviewed_and_blocked_and_honest_mail_passes() {
    let _proof = proves(&["F267"], "cli");
    let mut sandbox = Sandbox::start();
    let on = "[abuse]\nenabled = true\nslowed_recipients = 1\nthresholds = { burst = 3 }\n";
    sandbox.configure(0, &[("[abuse]\nenabled = false\n", on)]);
    let (a, b) = (sandbox.a(), sandbox.b());
    let (honest, to) = (a.account("Per", 0), b.account("Per", 0));
    let login = honest.login.split('*').next().unwrap_or_default();
    let made = a.cli(&["token", "create", login, "--label", "Volé"]);
    let mut stolen = honest.clone();
    stolen.token = made["secret"].as_str().expect("a secret").to_owned();
    let send = |account: &sceau_e2e::sandbox::Account, subject: &str| {
        let letter = Letter::short(&honest.address, &to.address, subject);
        (curl::send(&sandbox, a, account, &[&to.address], &letter.bytes), letter.id)
    };
    for i in 0..3 {
        let _ = send(&stolen, &format!("rafale {i}")).0.ok();
    }
    // One more in ten minutes, and no other.
    let _ = send(&stolen, "ralenti").0.ok();
    assert!(send(&stolen, "de trop").0.code != 0, "the burst goes on");
    let cases = wait::until("a case", 60, || {
        let cases = a.cli(&["abuse", "list", "--state", "open"]);
        (cases.as_array().is_some_and(|all| !all.is_empty())).then_some(cases)
    });
    assert_fits("abuse_cases", &cases);
    assert!(
        cases[0]["shown"] == "Volé" && cases[0]["login"] == login && cases[0]["signals"][0]["name"] == "burst",
        "{cases}"
    );
    assert!(a.cli(&["alarm", "list"]).to_string().contains("abuse.seen"));
    let id = cases[0]["id"].as_str().expect("an id");
    let (said, mail) = send(honest, "honnête");
    let _ = said.ok();
    let _ = curl::wait_for(&sandbox, b, to, &mail);
    let decided = a.cli(&["abuse", "decide", id, "block", "--reason", "jeton volé"]);
    assert_fits("abuse_case", &decided);
    assert!(decided["state"] == "decided" && decided["decision"] == "block", "{decided}");
    assert!(send(&stolen, "bloqué").0.code != 0, "a blocked token sends");
    let _ = send(honest, "toujours").0.ok();
    assert!(!a.cli(&["alarm", "list"]).to_string().contains("abuse.seen"));
}
