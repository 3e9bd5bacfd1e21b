//! BALs from the request to the open mailbox, by the command line and REST: a hospital's cardiology with its people, a laboratory's machine, a
//! professional's that waits for identity and terms, a homonym; choices that nobody makes for anybody.
use crate::notices::addresses_are_required;
use crate::ordinary::{next, press, relay};
use sceau_e2e::sandbox::Operator;
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Run, Sandbox, proves};
use serde_json::{Value, json};

/// Asks over REST with a token.
fn ask(sandbox: &Sandbox, o: &Operator, token: &str, method: &str, path: &str, body: Option<Value>) -> Value {
    let bearer = format!("Authorization: Bearer {token}");
    let (url, body) = (format!("https://{}/api/v1{path}", o.endpoints.https), body.map(|b| b.to_string()));
    let mut all = vec!["-sS", "--max-time", "60", "--cacert", sandbox.anchors(), "-H", &bearer, "-X", method];
    if let Some(body) = &body {
        all.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
    }
    all.push(&url);
    serde_json::from_str(&Run::of("curl", &all).ok().out).expect("JSON")
}

fn refused(o: &Operator, args: &[&str], code: &str) {
    let said = o.cli_text(args);
    assert!(said.code == 1 && said.err.contains(&format!("[{code}]")), "{args:?}: {said:?}");
}

#[test]
fn a_hospitals_mailboxes_are_opened_with_their_people() {
    let rows = [
        "F001", "F002", "F003", "F007", "F009", "F010", "F012", "F015", "F016", "F017", "F018", "F019", "F020", "F022",
        "F023", "F027", "F028", "F091", "F092", "F093", "F094", "F163",
    ];
    let _proof = proves(&rows, "cli");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let _ = a.cli(&["structure", "add", "hopital", "--name", "Hôpital de l'Exemple"]);
    let _ = a.cli(&["structure", "domain", "hopital", "--add", "alpes.mssante.fr"]);
    let _ = a.cli(&["structure", "settle", "hopital", "--opening", "delegated"]);
    for login in ["marie.martin", "paul.durand"] {
        let _ = a.cli(&["person", "member", login, "hopital", "--function", "médecin"]);
    }
    for n in 1..=6 {
        let (login, name) = (format!("infirmier.{n}"), format!("Infirmier NUMÉRO{n}"));
        let _ = a.cli(&["person", "add", &login, "--name", &name, "--structure", "hopital", "--function", "infirmier"]);
    }
    // The form lists everybody who has access (F015); without a convention nothing is verified.
    let cardio = "unite-cardiologie@alpes.mssante.fr";
    let mut form =
        vec!["opening", "ask", cardio, "--kind", "org", "--name", "Unité de cardiologie", "--structure", "hopital"];
    form.extend(["--holder", "marie.martin", "--holder", "paul.durand", "--service", "Cardiologie"]);
    let members: Vec<String> = (1..=6).map(|n| format!("infirmier.{n}")).collect();
    form.extend(members.iter().flat_map(|m| ["--member", m.as_str()]));
    let asked = a.cli(&form);
    assert_fits("opening", &asked);
    assert_eq!((&asked["state"], &asked["waits_for"][0]["lack"]), (&json!("requested"), &json!("no_convention")));
    let id = asked["id"].as_str().expect("id");
    refused(a, &["opening", "verify", id], "opening.convention");
    let signed =
        ["structure", "convention", "hopital", "--state", "signed", "--reference", "C-1", "--from", "2026-01-01"];
    let _ = a.cli(&signed);
    let opened = a.cli(&["opening", "verify", id]);
    assert_fits("opening", &opened);
    assert_eq!((&opened["state"], opened["bal"]["access"].as_array().map(Vec::len)), (&json!("opened"), Some(8)));
    let traces = a.cli(&["trace", "list", "--act", "bal.opened", "--limit", "1"]);
    assert_eq!((&traces[0]["actor"], &traces[0]["data"]["verified_by"]), (&json!("operateur"), &json!("operateur")));

    // A machine's, under somebody responsible; a responsible who is not habilitated is refused, and so is a person's name.
    let add = |address: &'static str, kind: &'static str, holder: &'static str| {
        ["bal", "add", address, "--kind", kind, "--name", "Laboratoire", "--structure", "hopital", "--holder", holder]
    };
    let labo =
        a.cli(&[&add("laboratoire@alpes.mssante.fr", "app", "paul.durand")[..], &["--member", "infirmier.6"]].concat());
    assert_eq!(labo["bal"]["access"], json!([["infirmier.6", "machine"], ["paul.durand", "responsible"]]));
    refused(a, &add("accueil@alpes.mssante.fr", "org", "infirmier.1"), "opening.uncertified");
    refused(a, &add("jean.dupont@alpes.mssante.fr", "org", "paul.durand"), "naming.person");
    // One address, one mailbox: whatever its kind.
    refused(a, &add("Laboratoire@alpes.mssante.fr", "org", "paul.durand"), "admin.exists");

    // A professional's waits for a certified identity, then for the terms.
    let zoe = ["person", "add", "zoe.arnaud", "--given-name", "Zoé", "--family-name", "Arnaud", "--habilitated"];
    let _ = a.cli(&[&zoe[..], &["--structure", "hopital"]].concat());
    let per = [
        "bal",
        "add",
        "zoe.arnaud@alpes.mssante.fr",
        "--kind",
        "per",
        "--name",
        "Zoé ARNAUD",
        "--structure",
        "hopital",
        "--holder",
        "zoe.arnaud",
    ];
    refused(a, &per, "opening.uncertified");
    refused(a, &["person", "certify", "zoe.arnaud"], "identity.missing");
    let _ = a.cli(&["person", "edit", "zoe.arnaud", "--national-id", "10000000108"]);
    let _ = a.cli(&["person", "certify", "zoe.arnaud"]);
    let waiting = a.cli(&per);
    assert_eq!((&waiting["state"], &waiting["waits_for"][0]["lack"]), (&json!("verified"), &json!("not_accepted")));
    refused(a, &["bal", "show", "zoe.arnaud@alpes.mssante.fr"], "admin.not_found");
    let made = a.cli(&["token", "create", "zoe.arnaud", "--api", "--label", "Logiciel"]);
    let token = made["secret"].as_str().expect("a secret");
    let terms = ask(&sandbox, a, token, "GET", "/terms/in-force", None);
    let accept = json!({ "version": terms["version"], "digest": terms["digest"] });
    let _ = ask(&sandbox, a, token, "POST", "/me/terms", Some(accept));
    let shown = a.cli(&["opening", "show", waiting["id"].as_str().expect("id")]);
    assert_fits("opening", &shown);
    assert_eq!((&shown["state"], &shown["steps"][2]["became"]), (&json!("opened"), &json!("opened")), "{shown:#}");
    let homonym = a.cli(&["bal", "suggest", "--given", "Zoé", "--family", "Arnaud", "--domain", "alpes.mssante.fr"]);
    assert_fits("bal_suggestion", &homonym);
    assert_eq!(homonym["address"], "zoe.arnaud2@alpes.mssante.fr");

    // Choices: none preset, the person's own, at any time.
    let own = "/bals/zoe.arnaud@alpes.mssante.fr";
    let bal = ask(&sandbox, a, token, "GET", own, None);
    for choice in ["red_list", "phone_published", "paperless"] {
        assert_eq!((&bal[choice], &opened["bal"][choice]), (&Value::Null, &Value::Null), "{choice}");
    }
    let chosen = a.cli(&["bal", "choose", "zoe.arnaud@alpes.mssante.fr", "--red-list", "yes", "--paperless", "no"]);
    assert_fits("bal", &chosen);
    assert_eq!(
        (&chosen["red_list"], &chosen["phone_published"], &chosen["paperless"]),
        (&json!(true), &Value::Null, &json!(false))
    );
    let edited =
        a.cli(&["bal", "edit", cardio, "--description", "Avis et comptes rendus", "--responsible", "Poste 12"]);
    assert_eq!((&edited["description"], &edited["version"]), (&json!("Avis et comptes rendus"), &json!(2)));
    refused(a, &["bal", "edit", cardio, "--description", &"x".repeat(76)], "naming.too_long");
    let listed = a.cli(&["bal", "list", "--structure", "hopital", "--kind", "org"]);
    assert_fits("bals", &listed);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));

    // Another team, and an end that is refused with its reason.
    let change = [
        "opening",
        "change",
        cardio,
        "--holder",
        "paul.durand",
        "--member",
        "infirmier.1",
        "--reason",
        "nouvelle équipe",
    ];
    let asked = a.cli(&change);
    let done = a.cli(&["opening", "verify", asked["id"].as_str().expect("id")]);
    assert_eq!(
        (&done["state"], &done["bal"]["access"]),
        (&json!("done"), &json!([["infirmier.1", "member"], ["paul.durand", "responsible"]]))
    );
    let end = a.cli(&["opening", "end", cardio, "--reason", "fusion"]);
    let refusal = a.cli(&["opening", "refuse", end["id"].as_str().expect("id"), "--reason", "le service reste"]);
    assert_eq!((&refusal["state"], &refusal["steps"][1]["reason"]), (&json!("refused"), &json!("le service reste")));
    // Whom the operator takes: told, refused by name of the rule, taken all the same with a reason.
    let rules = a.cli(&["eligibility", "set", "--territory", "FR-BRE", "--staff", "checked"]);
    assert_fits("eligibility", &rules);
    assert_eq!(a.cli(&["eligibility", "show"])["territories"], json!(["FR-BRE"]));
    let night = add("urgences-de-nuit@alpes.mssante.fr", "org", "paul.durand");
    refused(a, &night, "eligibility.territory");
    let taken = a.cli(&[&night[..], &["--eligibility-override", "accord de la région"]].concat());
    assert_eq!(taken["state"], "opened");
    let traced = a.cli(&["trace", "list", "--act", "bal.opened", "--limit", "1"]);
    assert_eq!(traced[0]["data"]["eligibility_override"], "accord de la région");
    // The public and the staff likewise.
    let pain = add("consultation-douleur@alpes.mssante.fr", "org", "paul.durand");
    let _ = a.cli(&["person", "edit", "paul.durand", "--profession", "60"]);
    let _ = a.cli(&["eligibility", "set", "--profession", "10"]);
    refused(a, &pain, "eligibility.profession");
    let _ = a.cli(&["eligibility", "set", "--staff", "checked"]);
    refused(a, &[&pain[..], &["--member", "infirmier.2"]].concat(), "eligibility.unchecked");
    let _ = a.cli(&["eligibility", "set"]);
    let all = a.cli(&["opening", "list", "--structure", "hopital"]);
    assert_fits("openings", &all);
    assert_eq!(all.as_array().map(Vec::len), Some(6));
    let table = a.cli_text(&["--lang", "fr", "opening", "list", "--state", "refused"]).ok().out;
    assert!(table.starts_with("NUM") && table.contains(cardio), "{table}");
}

/// F063 at the command line and over REST: what is missing is said, what is nobody's own or of the trust space is refused, and the link opens.
#[test]
fn a_mailbox_waits_for_its_holders_address_and_opens_at_its_link() {
    let _proof = [proves(&["F063"], "cli"), proves(&["F063"], "rest")];
    let mut sandbox = Sandbox::start();
    let (at, taken) = relay();
    addresses_are_required(&mut sandbox, at);
    let a = sandbox.a().clone();
    let _ = a.cli(&["structure", "add", "maison", "--name", "Maison de l'Exemple"]);
    let _ = a.cli(&["structure", "domain", "maison", "--add", "alpes.mssante.fr"]);
    let _ = a.cli(&["structure", "settle", "maison", "--opening", "self"]);
    let signed =
        ["structure", "convention", "maison", "--state", "signed", "--reference", "C-1", "--from", "2026-01-01"];
    let _ = a.cli(&signed);
    let person = |login: &str, family: &str, rpps: &str| -> String {
        let add = ["person", "add", login, "--given-name", "Zoé", "--family-name", family, "--national-id", rpps];
        let _ = a.cli(&[&add[..], &["--habilitated", "--structure", "maison"]].concat());
        let _ = a.cli(&["person", "certify", login]);
        let made = a.cli(&["token", "create", login, "--api", "--label", "Logiciel"]);
        let token = made["secret"].as_str().expect("a secret").to_owned();
        let terms = ask(&sandbox, &a, &token, "GET", "/terms/in-force", None);
        let accept = json!({ "version": terms["version"], "digest": terms["digest"] });
        let _ = ask(&sandbox, &a, &token, "POST", "/me/terms", Some(accept));
        token
    };
    let lacks = |o: &Value| -> Vec<String> {
        let all = o["waits_for"].as_array().into_iter().flatten();
        all.map(|w| w["lack"].as_str().unwrap_or_default().to_owned()).collect()
    };

    // The desk: without one, with a wrong one, with one.
    let _ = person("zoe.adresse", "Adresse", "10000000108");
    let own = "zoe.adresse@alpes.mssante.fr";
    let add = [
        "bal",
        "add",
        own,
        "--kind",
        "per",
        "--name",
        "Zoé ADRESSE",
        "--structure",
        "maison",
        "--holder",
        "zoe.adresse",
    ];
    let waiting = a.cli(&add);
    assert_fits("opening", &waiting);
    assert_eq!((&waiting["state"], lacks(&waiting)), (&json!("verified"), vec!["no_address".to_owned()]));
    let detail = waiting["waits_for"][0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("Il manque l'adresse de notification de zoe.adresse"), "{detail}");
    refused(&a, &["bal", "show", own], "admin.not_found");
    refused(&a, &["person", "email", "zoe.adresse", "zoe@alpes.mssante.fr"], "contact.inside");
    refused(&a, &["person", "email", "zoe.adresse", &format!("zoe@{}", sandbox.b().domains[0])], "contact.inside");
    let _ = a.cli(&["person", "email", "zoe.adresse", "zoe@exemple.fr"]);
    let id = waiting["id"].as_str().expect("an id");
    assert_eq!(lacks(&a.cli(&["opening", "show", id])), ["address_unconfirmed"]);
    let _ = press(&sandbox, &next(&taken).link("/lien/"));
    let opened = a.cli(&["opening", "show", id]);
    assert_eq!((&opened["state"], &opened["steps"][2]["by"]), (&json!("opened"), &json!("system")), "{opened:#}");

    // The professional, over REST: somebody else's address is not hers, her own is confirmed after the desk has verified the request.
    let token = person("zoe.homonyme", "Homonyme", "10000000116");
    let form = |address: &str| {
        json!({ "task": "open", "address": "zoe.homonyme@alpes.mssante.fr", "kind": "Per", "name": "Zoé HOMONYME", "structure": "maison",
                "holders": ["zoe.homonyme"], "notification_address": address })
    };
    let said = ask(&sandbox, &a, &token, "POST", "/openings", Some(form("ZOE@exemple.fr")));
    assert_eq!((&said["code"], &said["status"]), (&json!("contact.taken"), &json!(409)), "{said:#}");
    assert!(said["detail"].as_str().is_some_and(|d| d.contains("d'une autre personne")), "{said:#}");
    let asked = ask(&sandbox, &a, &token, "POST", "/openings", Some(form("zoe.h@exemple.fr")));
    assert_eq!((&asked["state"], lacks(&asked)), (&json!("requested"), vec!["address_unconfirmed".to_owned()]));
    let id = asked["id"].as_str().expect("an id");
    assert_eq!(a.cli(&["opening", "verify", id])["state"], "verified");
    let _ = press(&sandbox, &next(&taken).link("/lien/"));
    let shown = ask(&sandbox, &a, &token, "GET", &format!("/openings/{id}"), None);
    assert_eq!(shown["state"], "opened", "{shown:#}");

    // What was open before stays so, and is listed as lacking an address.
    let lacking = a.cli(&["bal", "list", "--lacks-notification-address"]);
    assert_fits("bals", &lacking);
    let listed = |address: &str| lacking.as_array().is_some_and(|l| l.iter().any(|b| b["address"] == address));
    assert!(listed(&a.account("Per", 0).address) && !listed(own), "{lacking:#}");
}
