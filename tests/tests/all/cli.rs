//! The command line as a person and as a program use it: every subcommand, both languages, tables and JSON, wrong input.
use sceau_e2e::sandbox::{Operator, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};
use serde_json::{Value, json};

/// Runs a command that must be refused with this exit code; its sentence, which must not be a table nor a panic.
fn refused(o: &Operator, exit: i32, args: &[&str]) -> String {
    let run = o.cli_text(args);
    assert_eq!(run.code, exit, "{args:?}: {run:?}");
    assert!(run.out.is_empty(), "{args:?}: {run:?}");
    assert!(run.err.starts_with("sceau: ") && run.err.lines().count() == 1, "{args:?}: {run:?}");
    run.err
}

#[test]
fn every_command_helps_in_both_languages() {
    let program = sceau();
    let help = |lang: &str, path: &[&str]| {
        let args = [&["--lang", lang], path, &["--help"]].concat();
        Run::of(program.to_str().expect("UTF-8"), &args).ok().out
    };
    let docs = sceau_e2e::proof::workspace().join("docs");
    let reference = std::fs::read_to_string(docs.join("cli.md")).expect("docs/cli.md");
    for schema in std::fs::read_dir(docs.join("schemas")).expect("docs/schemas").flatten() {
        let link = format!("(schemas/{})", schema.file_name().to_string_lossy());
        assert!(reference.contains(&link), "docs/cli.md has no link to {link}");
    }
    let mut waiting: Vec<Vec<String>> = vec![vec![]];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let (fr, en) = (help("fr", &words), help("en", &words));
        assert!(fr.contains("Utilisation : sceau") && en.contains("Usage: sceau"), "{fr}{en}");
        assert!(!fr.contains("possible values") && !fr.contains("default:") && !fr.contains("cli."), "{fr}");
        // One word is the same in both languages.
        assert!(fr.lines().next() != en.lines().next() || fr.starts_with("Structures\n"), "{path:?}");
        // The reference names every command, and every option of it but those that all have.
        let name = words.join(" ");
        let is_leaf = !fr.contains("Commandes:");
        let named = |l: &&str| {
            let cell = l.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
            cell.contains(&format!("`{name} ")) || cell.contains(&format!("`{name}`"))
        };
        let line = reference.lines().find(named);
        for option in fr.split_whitespace().filter(|w| w.starts_with("--") && is_leaf) {
            let known = ["--config", "--json", "--lang", "--help", "--stop-with-stdin"].contains(&option);
            assert!(known || line.is_some_and(|l| l.contains(option)), "docs/cli.md: {option} of {name}: {line:?}");
        }
        assert!(!is_leaf || line.is_some(), "docs/cli.md says nothing of {name}");
        let below = fr.split_once("Commandes:\n").map_or("", |(_, rest)| rest);
        // A line further in goes on with the sentence before it.
        let listed = below.lines().take_while(|l| l.starts_with("  ")).filter(|l| !l.starts_with("   "));
        for line in listed {
            let name = line.split_whitespace().next().expect("a name");
            waiting.push([path.clone(), vec![name.to_owned()]].concat());
        }
        seen += 1;
    }
    assert!(seen >= 30, "{seen} commands");
    let version = Run::of(program.to_str().expect("UTF-8"), &["--version"]).ok().out;
    assert_eq!(version.trim(), format!("sceau {}", env!("CARGO_PKG_VERSION")));
    // The language of the environment, French when it says nothing known.
    for (lang, word) in [("en_GB.UTF-8", "Usage:"), ("fr_FR.UTF-8", "Utilisation :"), ("C", "Utilisation :")] {
        let run = Run::of(
            "env",
            &["-u", "LC_MESSAGES", &format!("LC_ALL={lang}"), program.to_str().expect("UTF-8"), "--help"],
        );
        assert!(run.out.contains(word), "{lang}: {}", run.out);
    }
}

#[test]
fn domains_people_and_mailboxes() {
    let _proof = proves(&["F009", "F022", "F157"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();

    // Add, list, show: the same object each time, as its schema says.
    let domain = a.cli(&["domain", "add", "Savoie.mssante.FR", "--kind", "test"]);
    assert_fits("domain", &domain);
    assert_eq!(
        (&domain["name"], &domain["kind"], &domain["listed"]),
        (&json!("savoie.mssante.fr"), &json!("Test"), &json!(false))
    );
    let domains = a.cli(&["domain", "list"]);
    assert_fits("domains", &domains);
    assert!(domains.as_array().is_some_and(|d| d.len() == 3 && d.contains(&domain)), "{domains:#}");
    assert_eq!(a.cli(&["domain", "show", "savoie.mssante.fr"]), domain);
    // Nobody moves it: it is served here.
    let moved = a.cli(&["domain", "move", "show", "savoie.mssante.fr"]);
    assert_fits("domain_move", &moved);

    let person = a.cli(&["person", "add", "jean.valjean", "--name", "Jean VALJEAN", "--national-id", "10000000090"]);
    assert_fits("person", &person);
    let people = a.cli(&["person", "list"]);
    assert_fits("people", &people);
    assert!(people.as_array().is_some_and(|p| p.contains(&person)), "{people:#}");
    assert_eq!(a.cli(&["person", "show", "jean.valjean"]), person);
    let after = a.cli(&["person", "list", "--after", "jean.valjean", "--limit", "2"]);
    let logins: Vec<&str> = after.as_array().into_iter().flatten().filter_map(|p| p["login"].as_str()).collect();
    assert_eq!(logins, ["lea.bernard", "marie.martin"]);

    let add = [
        "bal",
        "add",
        "secretariat@savoie.mssante.fr",
        "--kind",
        "org",
        "--name",
        "Secrétariat",
        "--holder",
        "marie.martin",
    ];
    let opened = a.cli(&[&add[..], &["--member", "jean.valjean", "--test", "--quota", "5000000"]].concat());
    assert_fits("opening", &opened);
    let bal = opened["bal"].clone();
    assert_fits("bal", &bal);
    assert_eq!(bal["access"], json!([["jean.valjean", "member"], ["marie.martin", "responsible"]]));
    assert_eq!((bal["test"].as_bool(), bal["quota"].as_u64()), (Some(true), Some(5_000_000)));
    let bals = a.cli(&["bal", "list", "--domain", "savoie.mssante.fr"]);
    assert_fits("bals", &bals);
    assert_eq!(bals, json!([bal]));
    // One shown has its legal holds and who processes its data beside what a listing says.
    let mut shown = a.cli(&["bal", "show", "SECRETARIAT@savoie.mssante.fr"]);
    assert_fits("bal", &shown);
    assert_eq!(shown.as_object_mut().and_then(|b| b.remove("holds")), Some(json!([])));
    assert!(shown.as_object_mut().and_then(|b| b.remove("processing")).is_some_and(|p| p.is_array()));
    assert_eq!(shown, bal);
    assert!(a.cli(&["bal", "list"]).as_array().is_some_and(|b| b.len() == 9));

    // What a person reads, in the two languages.
    let table = a.cli_text(&["--lang", "fr", "bal", "list"]).ok().out;
    assert!(table.lines().next().is_some_and(|l| l.starts_with("ADRESSE") && l.contains("OCCUPÉ")), "{table}");
    assert!(table.contains("Secrétariat") && table.contains("jean.valjean"), "{table}");
    let shown = a.cli_text(&["--lang", "fr", "bal", "show", "secretariat@savoie.mssante.fr"]).ok().out;
    assert!(shown.contains("5,0 Mo") && shown.contains("jean.valjean (membre)"), "{shown}");
    let shown = a.cli_text(&["--lang", "en", "person", "show", "jean.valjean"]).ok().out;
    let says = |name: &str, value: &str| shown.lines().any(|l| l.strip_prefix(name).is_some_and(|v| v.trim() == value));
    assert!(says("RPPS/ADELI ", "10000000090") && says("ADMIN ", "no"), "{shown}");
    assert!(a.cli_text(&["--lang", "en", "person", "list", "--after", "zz"]).ok().out.contains("Nothing to show."));

    let people = a.cli(&["person", "list"]);
    // Said no, each with its code, its sentence in the language asked for, and nothing changed.
    let no = |code: &str, fr: &str, args: &[&str]| {
        let said = refused(a, 1, &[&["--lang", "fr"], args].concat());
        assert!(said.contains(fr) && said.trim_end().ends_with(&format!("[{code}]")), "{args:?}: {said}");
        let said = refused(a, 1, &[&["--lang", "en"], args].concat());
        assert!(!said.contains(fr) && said.contains(&format!("[{code}]")), "{args:?}: {said}");
    };
    let org = |address: &'static str| {
        ["bal", "add", address, "--kind", "org", "--name", "Service", "--holder", "marie.martin"]
    };
    no("admin.exists", "existe déjà", &["domain", "add", "ALPES.mssante.fr"]);
    no("admin.exists", "existe déjà", &["person", "add", "Jean.Valjean", "--name", "Un autre"]);
    no("admin.exists", "existe déjà", &org("Secretariat@savoie.mssante.fr"));
    no("admin.not_found", "n'existe pas", &org("x@ailleurs.fr"));
    no(
        "admin.not_found",
        "n'existe pas",
        &["bal", "add", "y@alpes.mssante.fr", "--kind", "org", "--name", "Y", "--holder", "personne"],
    );
    no("admin.not_found", "n'existe pas", &["domain", "show", "ailleurs.fr"]);
    no("admin.not_found", "n'existe pas", &["person", "show", "personne"]);
    no("admin.not_found", "n'existe pas", &["bal", "show", "personne@alpes.mssante.fr"]);
    no("admin.invalid", "pas valable", &["person", "add", "Jean V", "--name", "Jean"]);
    no("identifier.key", "clé", &["person", "add", "jean.v", "--name", "Jean", "--national-id", "10000000018"]);
    no(
        "identifier.length",
        "nombre de caractères",
        &["person", "add", "jean.v", "--name", "Jean", "--national-id", "123"],
    );
    no("naming.person", "ne porte pas le nom d'une personne", &org("jean.dupont@alpes.mssante.fr"));
    no("naming.reserved", "réservé", &org("postmaster@alpes.mssante.fr"));
    assert_eq!(a.cli(&["domain", "list"]), domains);
    assert_eq!(a.cli(&["person", "list"]), people);
    // The naming rule can be overridden with a reason, which stays in the trace.
    let why = "nom de la rue";
    let _ = a.cli(&[&org("jean.dupont@alpes.mssante.fr")[..], &["--naming-override", why]].concat());
    let traces = a.cli(&["trace", "list", "--act", "bal.opened", "--limit", "1"]);
    assert!(traces[0]["data"].to_string().contains(why) && traces[0]["actor"] == "operateur", "{traces:#}");
}

#[test]
fn wrong_lines_are_told_apart() {
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    // 2: the line itself; the sentence names what is wrong.
    for (args, fr) in [
        (&["rien"][..], "« rien » n'existe pas"),
        (&["bal", "rien"], "sceau bal --help"),
        (&["bal", "list", "--rien"], "« --rien »"),
        (&["bal", "add", "x@alpes.mssante.fr"], "il manque --kind <KIND>, --name <NAME>, --holder <HOLDERS>"),
        (
            &["bal", "add", "x@alpes.mssante.fr", "--kind", "boite", "--name", "x", "--holder", "x"],
            "(Per, Org, App, Cab, Med)",
        ),
        (&["bal", "add", "sans-arobase", "--kind", "org", "--name", "x", "--holder", "x"], "partie locale"),
        (&["domain", "add", "pas un domaine"], "pas un nom de domaine"),
        (&["queue", "retry"], "il manque"),
        (&["queue", "retry", "1", "--all"], "ne va pas avec --all"),
        (&["queue", "show", "un"], "« un »"),
        (&["trace", "list", "--since", "hier"], "« hier » n'est pas une date"),
        (&["trust", "inspect", "/nulle/part.xml"], "/nulle/part.xml ne peut pas être lu"),
    ] {
        let said = refused(a, 2, &[&["--lang", "fr"], args].concat());
        assert!(said.contains(fr), "{args:?}: {said}");
    }
    assert!(refused(a, 2, &["--lang", "en", "rien"]).contains("there is no command “rien”"));
    assert!(refused(a, 2, &["--lang", "xx", "domain", "list"]).contains("(fr, en)"));
    // 2: the configuration; 3: nobody answers.
    let program = sceau();
    let run = |args: &[&str]| Run::of(program.to_str().expect("UTF-8"), args);
    let lost = run(&["--lang", "fr", "--config", "/nulle/part.toml", "domain", "list"]);
    assert!(lost.code == 2 && lost.err.contains("sceau init"), "{lost:?}");
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("neuf");
    let made = run(&["--json", "init", place.to_str().expect("UTF-8"), "--hostname", "mx.neuf.mssante.fr"]).ok();
    assert_fits("init", &serde_json::from_str(&made.out).expect("JSON"));
    let config = place.join("sceau.toml");
    let config = config.to_str().expect("UTF-8");
    let silent = run(&["--lang", "fr", "--config", config, "domain", "list"]);
    assert!(silent.code == 3 && silent.err.contains("Le serveur ne répond pas"), "{silent:?}");
    // `config check` says everything that a new configuration lacks, `init` overwrites nothing.
    let checked = run(&["--lang", "fr", "--config", config, "config", "check"]);
    assert!(
        checked.code == 2 && checked.out.lines().count() >= 3 && checked.out.contains("operateur.pem"),
        "{checked:?}"
    );
    let checked = run(&["--json", "--config", config, "config", "check"]);
    let value: Value = serde_json::from_str(&checked.out).expect("JSON");
    assert_fits("config_check", &value);
    assert!(checked.code == 2 && value["good"] == false, "{checked:?}");
    let before = std::fs::read(config).expect("configuration");
    assert_eq!(run(&["init", place.to_str().expect("UTF-8")]).code, 2);
    assert_eq!(std::fs::read(config).expect("configuration"), before);
    // A running operator's configuration is good, and shown whole.
    assert_fits("config_check", &a.cli(&["config", "check"]));
    assert!(a.cli_text(&["--lang", "fr", "config", "check"]).ok().out.contains("est bonne"));
    assert_eq!(a.cli(&["config", "show"])["operator"]["hostname"], "mx.alpes.mssante.fr");
    assert!(a.cli_text(&["config", "show"]).ok().out.contains("[white_list]"));
    // A typing error is found with its place.
    let text = std::fs::read_to_string(&a.config).expect("configuration").replace("[transfer]", "[transfert]");
    std::fs::write(config, text).expect("configuration");
    let wrong = run(&["--lang", "en", "--config", config, "config", "check"]);
    assert!(wrong.code == 2 && wrong.err.contains("transfert") && wrong.err.contains("line"), "{wrong:?}");
}

#[test]
fn tokens_are_shown_once_and_die_at_once() {
    let _proof = proves(&["F229"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let token = a.cli(&["token", "create", "paul.durand", "--label", "Téléphone", "--days", "30"]);
    assert_fits("token", &token);
    let secret = token["secret"].as_str().expect("secret");
    let list = a.cli(&["token", "list", "--login", "paul.durand"]);
    assert_fits("tokens", &list);
    assert!(!list.to_string().contains(secret));
    let mine =
        |list: &Value| list.as_array().into_iter().flatten().find(|t| t["id"] == token["id"]).cloned().expect("token");
    let listed = mine(&list);
    let days =
        (listed["expires"].as_i64().expect("expires") - listed["created"].as_i64().expect("created")) / 86_400_000;
    assert!((29..=30).contains(&days), "{days}");
    assert!(listed["last_used"].is_null());
    // A person sees the secret once, apart from the record.
    let text = a.cli_text(&["--lang", "fr", "token", "create", "paul.durand", "--label", "Tablette"]).ok().out;
    let shown: Vec<&str> = text.lines().filter(|l| l.trim().starts_with("sceau_")).collect();
    assert!(shown.len() == 1 && text.contains("montré cette seule fois"), "{text}");

    // It opens the person's BALs, the service's under both names; then it is revoked, at once, on an open session too.
    let mut account = a.account("Per", 1).clone();
    account.token = secret.to_owned();
    let _ = curl::imap(&sandbox, a, &account, "INBOX", "NOOP").ok();
    let mut shared = a.account("Org", 1).clone();
    shared.token = secret.to_owned();
    assert!(shared.login.starts_with("paul.durand*"));
    let _ = curl::imap(&sandbox, a, &shared, "INBOX", "NOOP").ok();
    assert!(mine(&a.cli(&["token", "list"]))["last_used"].is_i64());
    let id = token["id"].as_i64().expect("id").to_string();
    let session = sandbox.python("revoked.py", &[&sceau().display().to_string(), "0", "paul.durand", secret, &id]).ok();
    assert_eq!(session.out.trim(), "closed");
    assert_ne!(curl::imap(&sandbox, a, &account, "INBOX", "NOOP").code, 0);
    let sent = Letter::short(&account.address, &account.address, "Avec un jeton mort");
    assert_ne!(curl::send(&sandbox, a, &account, &[&account.address], &sent.bytes).code, 0);
    assert!(mine(&a.cli(&["token", "list"]))["revoked"].is_i64());
    // Twice does no harm or is told; an unknown one is told.
    let again = a.cli_text(&["token", "revoke", &id]);
    assert!(again.code == 0 || again.err.contains("[admin.not_found]"), "{again:?}");
    assert!(refused(a, 1, &["token", "revoke", "12"]).contains("[admin.not_found]"));
    assert!(refused(a, 1, &["token", "create", "personne", "--label", "x"]).contains("[admin.not_found]"));
    let other = ["token", "create", "lea.bernard", "--bal", "marie.martin@alpes.mssante.fr", "--label", "x"];
    assert!(refused(a, 1, &other).contains("[right.missing]"));
    // A token of one BAL opens that one only.
    let only = a.cli(&["token", "create", "paul.durand", "--bal", &shared.address, "--label", "Service"]);
    shared.token = only["secret"].as_str().expect("secret").to_owned();
    account.token.clone_from(&shared.token);
    account.login = format!("paul.durand*{}", account.address);
    let _ = curl::imap(&sandbox, a, &shared, "INBOX", "NOOP").ok();
    assert_ne!(curl::imap(&sandbox, a, &account, "INBOX", "NOOP").code, 0);
    // Each act has its trace, with who did it.
    for act in ["token.created", "token.revoked"] {
        let traces = a.cli(&["trace", "list", "--act", act, "--limit", "1"]);
        assert_eq!(traces[0]["actor"], "operateur", "{traces:#}");
        assert!(!traces.to_string().contains("sceau_"), "no secret in a trace");
    }
}

#[test]
fn traces_are_found_again() {
    let _proof = proves(&["F121", "F157"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (marie, paul) = (a.account("Per", 0), a.account("Per", 1));
    let sent = Letter::short(&marie.address, &paul.address, "À tracer");
    let _ = curl::send(&sandbox, a, marie, &[&paul.address], &sent.bytes).ok();
    let list = |args: &[&str]| {
        let traces = a.cli(&[&["trace", "list"], args].concat());
        assert_fits("traces", &traces);
        traces.as_array().cloned().unwrap_or_default()
    };
    let all = list(&["--limit", "1000"]);
    assert!(all.len() > 25, "{}", all.len());
    assert!(all.windows(2).all(|w| w[0]["id"].as_i64() > w[1]["id"].as_i64()), "newest first");
    assert!(list(&[]).len() <= 50);
    let mail = list(&["--act", "mail"]);
    assert!(mail.iter().all(|t| t["act"].as_str().is_some_and(|a| a.starts_with("mail."))));
    let exact = list(&["--act", "mail.submitted"]);
    assert_eq!(exact.len(), 1);
    let submitted = &exact[0];
    assert_eq!((&submitted["actor"], &submitted["bal"]), (&json!("marie.martin"), &json!(marie.address)));
    assert_eq!((&submitted["outcome"], &submitted["remote"]), (&json!("ok"), &json!("127.0.0.1")));
    assert_eq!(list(&["--act", "mai"]).len(), 0, "whole words only");
    assert!(list(&["--bal", &marie.address]).iter().all(|t| t["bal"] == marie.address.as_str()));
    let by_actor = list(&["--actor", "marie.martin"]);
    assert!(!by_actor.is_empty() && by_actor.iter().all(|t| t["actor"] == "marie.martin"));
    assert!(list(&["--since", "2099-01-01T00:00:00Z"]).is_empty());
    // Following: only what is newer, oldest first.
    let newest = all[0]["id"].as_i64().expect("id").to_string();
    let _ = a.cli(&["person", "add", "nouveau", "--name", "Nouveau VENU"]);
    let next = list(&["--after", &newest, "--act", "person"]);
    assert_eq!(next.len(), 1, "{next:#?}");
    assert_eq!(next[0]["act"], "person.added");
    // No word of the message, its subject or its token stands in what people read here.
    let text = a.cli_text(&["trace", "list", "--limit", "1000"]).ok().out;
    assert!(!text.contains("tracer") && !text.contains("sceau_"), "{text}");
    assert!(!text.contains("1970-"), "counts are no dates: {text}");
}

#[test]
fn the_white_list_is_inspected_and_refreshed_and_alarms_are_acknowledged() {
    let _proof = proves(&["F202", "F269"], "cli");
    let sandbox = Sandbox::start();
    let (a, folder) = (sandbox.a(), tempfile::tempdir().expect("folder"));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let _ = Run::of(
        "curl",
        &["-sSf", "--cacert", sandbox.anchors(), "-o", &path("list.xml"), &sandbox.ready.authority.white_list],
    )
    .ok();
    let good = std::fs::read_to_string(path("list.xml")).expect("list");
    let inspect = |name: &str, text: &str, anchors: bool| {
        std::fs::write(path(name), text).expect("list");
        let file = path(name);
        let mut args = vec!["trust", "inspect", &file];
        if anchors {
            args.extend(["--anchors", sandbox.anchors()]);
        }
        let value = a.cli(&args);
        assert_fits("inspection", &value);
        value
    };
    let verdict = |v: &Value| (v["signature"].as_str().map(str::to_owned), v["chain"].as_str().map(str::to_owned));
    let pair = |s: &str, c: &str| (Some(s.to_owned()), Some(c.to_owned()));
    let whole = inspect("good.xml", &good, true);
    assert_eq!(verdict(&whole), pair("valid", "trusted"));
    // Two domains of each operator, each with its one certificate, and the outsider's.
    assert_eq!((&whole["entries"], &whole["names"], &whole["dns"]), (&json!(5), &json!(5), &json!(3)));
    assert!(
        whole["signer"].as_str().is_some_and(|s| s.contains("CN=alb.bac-a-sable.mssante.fr"))
            && whole["signer_expired_now"] == false
    );
    assert_eq!(verdict(&inspect("alone.xml", &good, false)), pair("valid", "untrusted"));
    // One letter of one entry; the signature taken out; something else entirely; nothing at all.
    let tampered = good.replace("bretagne.mssante.fr", "bretagnf.mssante.fr");
    assert_eq!(verdict(&inspect("tampered.xml", &tampered, true)).0.as_deref(), Some("invalid"));
    let (start, end) = (
        good.find("<ds:Signature").or(good.find("<Signature")).expect("signature"),
        good.rfind("Signature>").expect("end") + 10,
    );
    let bare = format!("{}{}", &good[..start], &good[end..]);
    let bare = inspect("bare.xml", &bare, true);
    assert_eq!(verdict(&bare).0.as_deref(), Some("absent"));
    assert_eq!(bare["entries"], 5);
    for (name, text) in [("other.xml", "<html><body/></html>"), ("empty.xml", ""), ("cut.xml", &good[..good.len() / 2])]
    {
        let value = inspect(name, text, true);
        assert!(value["error"].is_string() && value["signature"] != "valid", "{name}: {value:#}");
    }
    let text = a
        .cli_text(&["--lang", "fr", "trust", "inspect", &path("tampered.xml"), "--anchors", sandbox.anchors()])
        .ok()
        .out;
    assert!(text.contains("Signature : NON VALABLE"), "{text}");

    // The authority serves a tampered list: refused, an alarm rises, the one in force stays; acknowledged; then all is well.
    let served = sandbox.data.join("pki/listeblanche.xml");
    let before = a.cli(&["trust", "refresh"]);
    assert_fits("refresh", &before);
    assert!(before["error"].is_null());
    std::fs::write(&served, tampered).expect("list");
    let refused_list = || {
        let run = a.cli_raw(&["trust", "refresh"]);
        assert!(run.code == 1 && run.err.contains("[white_list.signature]"), "{run:?}");
        serde_json::from_str::<serde_json::Value>(&run.out).expect("JSON")
    };
    let broken = refused_list();
    assert_fits("refresh", &broken);
    assert_eq!((&broken["error"][0], &broken["generated"]), (&json!("white_list.signature"), &before["generated"]));
    let again = refused_list();
    assert_eq!(again["error"][0], "white_list.signature");
    let alarms = a.cli(&["alarm", "list"]);
    assert_fits("alarms", &alarms);
    let open = alarms.as_array().expect("list");
    assert_eq!(open.len(), 1, "deduplicated: {alarms:#}");
    assert!(open[0]["code"] == "white_list.signature" && open[0]["count"].as_i64() >= Some(2), "{alarms:#}");
    let table = a.cli_text(&["--lang", "en", "alarm", "list"]).ok().out;
    assert!(table.contains("white_list.signature") && table.contains("it was altered"), "{table}");
    let acknowledged = a.cli(&["alarm", "ack", "white_list.signature"]);
    assert_fits("alarm_acknowledged", &acknowledged);
    assert_eq!(a.cli(&["alarm", "list"]), json!([]));
    let all = a.cli(&["alarm", "list", "--all"]);
    assert_fits("alarms", &all);
    assert_eq!(all[0]["acknowledged"][0], "operateur");
    assert!(refused(a, 1, &["alarm", "ack", "white_list.nothing"]).contains("[admin.not_found]"));
    std::fs::write(&served, &good).expect("list");
    let mended = a.cli(&["trust", "refresh"]);
    assert!(mended["error"].is_null(), "{mended:#}");
    wait::until("the alarm to be cleared", 5, || a.cli(&["alarm", "list", "--all"])[0]["cleared"].as_i64());
}

#[test]
fn the_queue_shows_what_waits() {
    let _proof = proves(&["F122", "F210"], "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (marie, outside) = (a.account("Per", 0), &sandbox.ready.outsiders[0]);
    let sent = Letter::short(&marie.address, &outside.addresses[0], "Secret de la file");
    let _ = curl::send(&sandbox, a, marie, &[&outside.addresses[0], &outside.addresses[1]], &sent.bytes).ok();
    let queue = wait::until("a first attempt", 20, || {
        let queue = a.cli(&["queue", "list"]);
        (queue.as_array()?.len() == 2 && queue.as_array()?.iter().all(|e| e["attempts"].as_i64() > Some(0)))
            .then_some(queue)
    });
    assert_fits("queue", &queue);
    assert_eq!(queue[0]["message"], queue[1]["message"]);
    let id = queue[0]["id"].as_i64().expect("id").to_string();
    let shown = a.cli(&["queue", "show", &id]);
    assert_fits("queue_entry", &shown);
    assert!(shown["history"].as_array().is_some_and(|h| h.len() >= 2), "{shown:#}");
    // What a person did is functional, what a machine tried is technical.
    let kinds = |act: &str| {
        let traces = a.cli(&["trace", "list", "--act", act, "--limit", "1000"]);
        traces.as_array().into_iter().flatten().map(|t| t["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("mail.submitted"), [json!("Functional")]);
    assert!(!kinds("mail.deferred").is_empty() && kinds("mail.deferred").iter().all(|k| k == "Technical"));
    let rest = a.cli(&["queue", "list", "--after", &id, "--limit", "5"]);
    assert_eq!(rest.as_array().map(Vec::len), Some(1));
    assert_eq!(a.cli(&["queue", "list", "--destination", "bretagne.mssante.fr"]), json!([]));
    let table = a.cli_text(&["--lang", "fr", "queue", "list"]).ok().out;
    assert!(
        table.starts_with("NUMÉRO") && table.contains(&outside.addresses[1]) && table.contains("ne répond pas"),
        "{table}"
    );
    let retried = a.cli(&["queue", "retry", "--all"]);
    assert_fits("queue_retried", &retried);
    assert_eq!(retried["retried"], 2);
    assert!(a.cli_text(&["--lang", "en", "queue", "retry", "--destination", &outside.domain]).ok().out.contains("2 "));
    assert!(refused(a, 1, &["queue", "show", "1"]).contains("[admin.not_found]"));
    assert!(shown["tries"].as_array().is_some_and(|t| !t.is_empty()) && shown["route"]["kind"] == "fixed", "{shown:#}");
    // Held, counted, released; one entry comes back to its sender, the other is deleted: the sender hears of both.
    let held = a.cli(&["queue", "hold", "--destination", &outside.domain, "--why", "certificat en doute"]);
    assert_fits("queue_changed", &held);
    assert_eq!(held["entries"], 2);
    let stats = a.cli(&["queue", "stats"]);
    assert_fits("queue_stats", &stats);
    assert_eq!(
        (&stats["total"]["held"], &stats["destinations"][0]["held"]["why"]),
        (&json!(2), &json!("certificat en doute"))
    );
    assert!(a.cli_text(&["--lang", "fr", "queue", "show", &id]).ok().out.contains("certificat en doute"));
    assert!(a.cli_text(&["--lang", "fr", "queue", "stats"]).ok().out.contains(&outside.domain));
    assert_eq!(
        a.cli(&["queue", "list", "--state", "held", "--sender", &marie.address]).as_array().map(Vec::len),
        Some(2)
    );
    let returned = a.cli(&["queue", "return", &id, "--why", "adresse changée"]);
    assert_fits("queue_left", &returned);
    assert_eq!(a.cli(&["queue", "release", "--all"])["entries"], 1);
    a.cli(&["queue", "hold", "--all", "--why", "encore"]);
    wait::until("the last one to be deleted", 20, || {
        (a.cli(&["queue", "delete", "--all", "--why", "essai"])["entries"] == 1).then_some(())
    });
    assert_eq!((&returned["entries"], a.cli(&["queue", "list"])), (&json!(1), json!([])));
    assert_eq!(a.cli(&["trace", "list", "--act", "mail.posted"]).as_array().map(Vec::len), Some(2), "told twice");
    assert!(!table.contains("Secret de la file") && !shown.to_string().contains("Secret de la file"));
}
