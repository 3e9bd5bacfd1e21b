//! A stolen token: its burst is slowed and alarmed, a person looks at it and blocks the token; the honest mail of the same mailbox passes throughout.
//! Passwords that are guessed: a person hears of it, and whose they are is not shut out.
use sceau_e2e::schema::assert_fits;
use sceau_e2e::visit::Visit;
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

#[test]
fn passwords_that_are_guessed_are_told_and_shut_nobody_out() {
    let _proof = proves(&["F267", "F048"], "web");
    let mut sandbox = Sandbox::start();
    let on = "[abuse]\nenabled = true\nthresholds = { guess = 3 }\n";
    sandbox.configure(0, &[("[abuse]\nenabled = false\n", on)]);
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let stranger = Visit::new(&sandbox);
    // Hers, and one that nobody has: they are answered alike.
    let mut said = Vec::new();
    for login in ["marie.martin", "personne.du.tout"] {
        for n in 0..3 {
            let page = stranger.get(&format!("{url}/connexion"));
            let typed = [("identifiant", login), ("mot_de_passe", "pas-le-bon-mot-de-passe")];
            let seen = stranger.send(&page, "/connexion/mot-de-passe", &typed);
            assert!(seen.to.is_none_or(|to| to.starts_with(&format!("{url}/connexion"))), "{login}, {n}: it opened");
            said.push(seen.status);
        }
    }
    assert!(said.iter().all(|status| *status == said[0]), "{said:?}");
    let cases = wait::until("a case", 60, || {
        let cases = a.cli(&["abuse", "list", "--state", "open"]);
        (cases.as_array().is_some_and(|all| !all.is_empty())).then_some(cases)
    });
    assert_fits("abuse_cases", &cases);
    assert_eq!(cases.as_array().map(Vec::len), Some(1), "of nobody there is no case: {cases}");
    assert!(cases[0]["kind"] == "person" && cases[0]["login"] == "marie.martin", "{cases}");
    assert_eq!(cases[0]["signals"][0]["name"], "guess");
    // She herself comes by what nobody guesses.
    let marie = Visit::new(&sandbox);
    assert_eq!(marie.sign_in(url, "marie.martin").status, 303);
    assert_eq!(marie.get(&format!("{url}/bal")).status, 200);
    // A person decides: what is open in her name ends, and her means are hers.
    let id = cases[0]["id"].as_str().expect("an id");
    let decided = a.cli(&["abuse", "decide", id, "block", "--reason", "appelée : ce n'est pas elle"]);
    assert_fits("abuse_case", &decided);
    assert_eq!(decided["decision"], "block");
    assert_eq!(marie.get(&format!("{url}/bal")).status, 303, "her session is over");
    assert_eq!(Visit::new(&sandbox).sign_in(url, "marie.martin").status, 303, "she comes in again");
    assert!(!a.cli(&["alarm", "list"]).to_string().contains("abuse.seen"));
}
