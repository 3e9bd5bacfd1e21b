//! A structure's administrator, the regional body and the operator's desk, through REST with tokens of their own and through the command line: accounts of
//! a structure (F013), what is published of a person and who corrects it (F095–F097), requests, announcements and counts of a regional body (F149), the
//! register of processing (F152), mailboxes that stay with their operator (F004, F005).
use sceau_e2e::doors::{api, ask};
use sceau_e2e::peer::letter;
use sceau_e2e::sandbox::{Account, Operator};
use sceau_e2e::{Run, Sandbox, curl, proves};
use serde_json::{Value, json};

fn refused(o: &Operator, args: &[&str], code: &str) {
    let said = o.cli_text(args);
    assert!(said.code == 1 && said.err.contains(&format!("[{code}]")), "{args:?}: {said:?}");
}

/// Asks as somebody; the answer, which has this status.
struct Asker<'a>(&'a Sandbox, &'a Operator, String);

impl Asker<'_> {
    #[track_caller]
    fn ask(&self, status: &str, method: &str, path: &str, body: Option<Value>) -> Value {
        let (said, value) = ask(self.0, self.1, &self.2, method, path, body);
        assert_eq!(said, status, "{method} {path}: {value:#}");
        value
    }
    /// Changes a part of something from the version that is there.
    fn change(&self, path: &str, part: &str, body: &Value) {
        let version = self.ask("200", "GET", path, None)["version"].clone();
        let (bearer, from) = (format!("Authorization: Bearer {}", self.2), format!("If-Match: \"v{version}\""));
        let url = format!("https://{}/api/v1{path}{part}", self.1.endpoints.https);
        let (body, json) = (body.to_string(), "Content-Type: application/json");
        let head = ["-sSf", "--max-time", "60", "--cacert", self.0.anchors(), "-X", "PATCH"];
        let rest = ["-H", &bearer, "-H", &from, "-H", json, "--data-binary", &body, &url];
        let _ = Run::of("curl", &[&head[..], &rest].concat()).ok();
    }
}

/// A new person of the hospital, with a BAL that is open.
fn settled(sandbox: &Sandbox, o: &Operator, login: &str, rpps: &str, more: &[&str]) -> Account {
    let names = ["--given-name", "Nour", "--family-name", login, "--national-id", rpps, "--habilitated"];
    let _ = o.cli(&[&["person", "add", login][..], &names].concat());
    let _ = o.cli(&["person", "certify", login]);
    let terms = Asker(sandbox, o, api(o, login));
    let version = terms.ask("200", "GET", "/terms/in-force", None);
    let accept = json!({ "version": version["version"], "digest": version["digest"] });
    terms.ask("200", "POST", "/me/terms", Some(accept));
    let address = format!("{login}@alpes.mssante.fr");
    let opened = o.cli(&[&["bal", "add", &address, "--name", login, "--holder", login][..], more].concat());
    assert_eq!(opened["state"], "opened", "{opened:#}");
    let made = ["token", "create", login, "--bal", &address, "--label", "essai"];
    let token = o.cli(&made)["secret"].as_str().expect("a secret").to_owned();
    Account { kind: "Per".into(), name: login.into(), login: format!("{login}*{address}"), address, token, test: false }
}

#[test]
fn a_hospital_its_region_and_the_operators_desk() {
    let _proof = (
        proves(&["F013", "F095", "F096", "F097", "F149", "F152"], "rest"),
        proves(&["F095", "F097", "F149", "F152"], "cli"),
    );
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let place = |login: &str| Asker(&sandbox, a, api(a, login));
    let (chief, agent, marie) = (place("claude.direction"), place("alix.region"), place("marie.martin"));

    // Accounts of a structure, by its administrator alone: made, changed, deactivated, taken up again, ended.
    let new = json!({ "login": "sami.nouveau", "given_name": "Sami", "family_name": "NOUVEAU", "national_id": "10000000801",
        "structure": "hopital-alpes", "function": "Interne" });
    let made = chief.ask("201", "POST", "/people", Some(new));
    assert_eq!(made["memberships"][0]["structure"], "hopital-alpes");
    chief.ask("200", "POST", "/people/sami.nouveau/block", Some(json!({ "reason": "congé" })));
    chief.ask("200", "POST", "/people/sami.nouveau/release", Some(json!({ "reason": "retour" })));
    let service = "urgences@alpes.mssante.fr";
    let asked = json!({ "address": service, "kind": "Org", "name": "Urgences", "structure": "hopital-alpes", "holders": ["paul.durand"] });
    assert_eq!(chief.ask("201", "POST", "/bals", Some(asked))["state"], "opened");
    chief.ask("200", "POST", &format!("/bals/{service}/suspend"), Some(json!({ "reason": "travaux" })));
    chief.ask("200", "POST", &format!("/bals/{service}/resume"), Some(json!({ "reason": "fin des travaux" })));
    let close = json!({ "cause": "unused", "reason": "service fermé" });
    assert_eq!(chief.ask("200", "POST", &format!("/bals/{service}/close"), Some(close))["state"], "closing");
    let left = json!({ "structure": "hopital-alpes", "reason": "fin de stage" });
    chief.ask("200", "POST", "/people/sami.nouveau/departure", Some(left.clone()));
    chief.ask("403", "POST", "/people/personne/departure", Some(left));
    chief.ask("403", "GET", "/people/operateur", None);

    // What is published of a person, and what becomes of it by the person's own choice.
    let mine = |field: &str| {
        let all = marie.ask("200", "GET", "/me/publication", None);
        let entry = all["items"].as_array().into_iter().flatten().find(|e| e["kind"] == "Per").expect("PER").clone();
        let found = entry["fields"].as_array().into_iter().flatten().find(|f| f["name"] == field).cloned();
        (entry["withheld"].clone(), found.unwrap_or_default())
    };
    let (withheld, name) = mine("family_name");
    assert_eq!((&withheld, &name["value"], &name["national"]), (&Value::Null, &json!("MARTIN"), &json!(true)));
    for (field, national) in
        [("address", true), ("given_name", true), ("identifier", true), ("postal", false), ("phone", false)]
    {
        assert_eq!(mine(field).1["national"], json!(national), "{field}");
    }
    let cli = a.cli(&["person", "publication", "marie.martin"]);
    assert_eq!(
        cli.as_array().map(Vec::len),
        marie.ask("200", "GET", "/me/publication", None)["items"].as_array().map(Vec::len)
    );
    for (lang, word) in [("fr", "une demande de correction"), ("en", "a correction asked for")] {
        let shown = a.cli_text(&["--lang", lang, "person", "publication", "marie.martin"]).ok().out;
        assert!(shown.contains(word), "{shown}");
    }
    marie.change("/bals/marie.martin@alpes.mssante.fr", "/choices", &json!({ "red_list": true }));
    assert_eq!((mine("family_name").0, &mine("family_name").1["national"]), (json!("red_list"), &json!(false)));

    // What she may not correct herself she asks for; what she finds wrong elsewhere is for the operator alone.
    let report = |kind: &str, about: Option<&str>, text: &str| {
        let made = marie.ask("201", "POST", "/reports", Some(json!({ "kind": kind, "about": about, "text": text })));
        (made["id"].as_str().expect("id").to_owned(), made["desk"].clone())
    };
    let (correction, desk) = report("correction", None, "Mon nom d'usage a changé");
    assert_eq!(desk, "structure");
    let (abuse, desk) = report("abuse", Some("inconnu@alpes.mssante.fr"), "Envois répétés");
    assert_eq!(desk, "operator");
    let (help, desk) = report("help", None, "Comment déléguer ?");
    assert_eq!(desk, "region");
    chief.ask("403", "GET", &format!("/reports/{abuse}"), None);
    let answer = json!({ "done": true, "answer": "Corrigé" });
    marie.ask("403", "POST", &format!("/reports/{correction}/answer"), Some(answer.clone()));
    chief.ask("200", "POST", &format!("/reports/{correction}/answer"), Some(answer.clone()));
    assert_eq!(marie.ask("200", "GET", &format!("/reports/{correction}"), None)["answer"], "Corrigé");
    assert_eq!(
        agent.ask("200", "POST", &format!("/reports/{help}/pass"), Some(json!({ "reason": "technique" })))["desk"],
        "operator"
    );
    let open = a.cli(&["report", "list", "--state", "open"]);
    assert_eq!(open.as_array().map(Vec::len), Some(2), "{open:#}");
    assert_eq!(a.cli(&["report", "answer", &abuse, "--answer", "Compte bloqué"])["state"], "done");
    assert_eq!(a.cli(&["report", "answer", &help, "--answer", "Voir le guide", "--refuse"])["state"], "refused");
    refused(a, &["report", "answer", &help, "--answer", "encore"], "state.wrong");
    let own = a.cli(&["report", "make", "help", "--text", "Essai"]);
    assert_eq!(a.cli(&["report", "withdraw", own["id"].as_str().expect("id")])["state"], "withdrawn");
    let shown = a.cli_text(&["--lang", "fr", "report", "show", &abuse]).ok().out;
    assert!(shown.contains("Compte bloqué") && shown.contains("opérateur"), "{shown}");
    // Everything has its trace, and none holds what was said.
    let traces = a.cli(&["trace", "list", "--act", "report", "--limit", "50"]).to_string();
    assert!(traces.contains("report.passed") && !traces.contains("répétés"), "{traces}");

    // The regional body: accounts, counts, announcements, blocking; never content.
    let seen = agent.ask("200", "GET", "/people?structure=hopital-alpes", None);
    assert!(seen["items"].as_array().is_some_and(|p| p.iter().any(|p| p["login"] == "marie.martin")), "{seen:#}");
    let content = json!({ "bal": "marie.martin@alpes.mssante.fr", "cause": "authority", "reason": "x", "beneficiary": "y", "days": 1 });
    agent.ask("403", "POST", "/disclosures", Some(content));
    let counts = agent.ask("200", "GET", "/bodies/region-alpes/statistics", None);
    assert_eq!(
        (&counts["items"][0]["structure"], &counts["items"][0]["bals"]["App"]),
        (&json!("hopital-alpes"), &json!(1))
    );
    assert_eq!(a.cli(&["body", "statistics", "region-alpes"])[0], counts["items"][0]);
    let news = json!({ "body": "region-alpes", "title": "Maintenance", "text": "Arrêt de 2 h à 3 h." });
    agent.ask("201", "POST", "/announcements", Some(news));
    assert_eq!(chief.ask("200", "GET", "/announcements", None)["items"][0]["title"], "Maintenance");
    marie.ask("403", "GET", "/announcements", None);
    let _ = a.cli(&["announcement", "make", "Nouvelle version", "--text", "Demain."]);
    assert_eq!(a.cli(&["announcement", "list"]).as_array().map(Vec::len), Some(2));
    agent.ask("200", "POST", "/structures/hopital-alpes/block", Some(json!({ "reason": "mésusage" })));
    chief.ask("403", "GET", "/structures/hopital-alpes", None);
    agent.ask("200", "POST", "/structures/hopital-alpes/release", Some(json!({ "reason": "réglé" })));
    agent.ask("403", "POST", "/tokens", Some(json!({ "login": "marie.martin", "label": "x", "purpose": "device" })));
    assert!(a.cli(&["body", "block", "region-alpes", "--reason", "audit"])["blocked"].is_i64());
    agent.ask("403", "GET", "/people", None);
    let _ = a.cli(&["body", "release", "region-alpes", "--reason", "fin"]);
    let shown = a.cli(&["structure", "show", "hopital-alpes"]);
    assert_eq!((&shown["followed"][0]["body"], &shown["followed"][0]["ended"]), (&json!("region-alpes"), &Value::Null));

    // Who processes what, for the whole, for one structure and for one mailbox.
    let register = a.cli(&["register"]);
    let hospital = register["entries"].as_array().into_iter().flatten().find(|e| e["structure"] == "hopital-alpes");
    let chain: Vec<&str> = hospital.expect("entry")["processing"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|l| l["role"].as_str())
        .collect();
    assert_eq!(chain, ["controller", "processor", "processor", "recipient"]);
    let own = chief.ask("200", "GET", "/processing", None);
    assert_eq!(
        (own["items"].as_array().map(Vec::len), &own["items"][0]["structure"]),
        (Some(1), &json!("hopital-alpes"))
    );
    let bal = a.cli(&["bal", "show", "labo-automate@alpes.mssante.fr"]);
    assert_eq!(bal["processing"], hospital.expect("entry")["processing"]);
    for (lang, word) in [("fr", "REGISTRE DES TRAITEMENTS"), ("en", "REGISTER OF PROCESSING")] {
        let shown = a.cli_text(&["--lang", lang, "register"]).ok().out;
        assert!(
            shown.contains(word) && shown.contains("990000119") && shown.contains("dpo@alpes.mssante.fr"),
            "{shown}"
        );
    }
}

#[test]
fn what_stays_with_its_operator_leaves_nowhere() {
    let _proof = (proves(&["F004", "F005"], "submission"), proves(&["F004", "F005"], "smtp"));
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let med = settled(&sandbox, a, "nour.med", "10000000819", &["--kind", "med"]);
    // Of somebody without a card, opened by the operator.
    let local = settled(&sandbox, a, "nour.local", "10000000827", &["--kind", "per", "--unreachable"]);
    let (near, far) = (a.account("Per", 0), sandbox.b().account("Per", 0));
    for (from, code) in [(&med, "exchange.med"), (&local, "exchange.unreachable")] {
        let at = |to: &str| {
            curl::send(&sandbox, a, from, &[to], letter(&from.address, to, &from.name, "bonjour").as_bytes())
        };
        let _: Run = at(&near.address).ok();
        let said = at(&far.address);
        assert!(said.code != 0 && said.err.contains("550"), "{said:?}");
        assert!(a.cli(&["trace", "list", "--limit", "20"]).to_string().contains(code), "why is in the traces: {code}");
        // Nor is it written to from there.
        let mark = a.mark();
        let stranger = letter(&far.address, &from.address, "dehors", "bonjour");
        let _: Run = curl::send(&sandbox, sandbox.b(), far, &[&from.address], stranger.as_bytes()).ok();
        a.refusal_traced(mark, code);
        let publication = a.cli(&["person", "publication", &from.name]);
        assert_eq!(publication[0]["withheld"], "internal", "{publication:#}");
    }
}
