//! Nothing by which somebody proves who he is is kept or told: what is typed, given, shown or sent at a sign-in is searched for in every byte that an operator
//! writes (database, log, files, its backup) and in what it tells (traces, alarms), as it is and in the forms in which it may travel. And what a login that
//! nobody has costs and shows is what anybody's does.
use crate::factors::{code, mailed};
use crate::leak::{Found, forms, look, search};
use crate::oauth::{self, BACK, QUESTION, VERIFIER};
use crate::ordinary::{Mail, next, press, relay};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sceau_e2e::sandbox::Operator;
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Run, Sandbox, proves, wait};
use serde_json::Value;
use std::sync::mpsc::Receiver;

const LOGIN: &str = "paul.durand";
const PAUL: &str = "paul.durand@alpes.mssante.fr";
const PASSWORD: &str = "xylophone-brouette-quartz";
/// Of something else, perhaps: people type those, too.
const WRONG: &str = "parapluie-quartz-trombone";
const FORM: &str = "/connexion/mot-de-passe";

/// What must not be found, with what it is.
#[derive(Debug, Default)]
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        // What is shorter could be there by chance.
        assert!(secret.len() >= 8, "{what}: {} octets", secret.len());
        self.0.push((what, secret.to_vec()));
    }
    /// A text of a page, between two others.
    fn shown(&mut self, what: &'static str, page: &str, before: &str, after: &str) -> String {
        let text = between(page, before, after).unwrap_or_else(|| panic!("no {what}: {page}")).to_owned();
        self.add(what, &text);
        text
    }
    fn cookies(&mut self, of: &Visit<'_>, names: &[(&'static str, &str)]) {
        for (what, name) in names {
            self.add(what, of.cookie(name).unwrap_or_else(|| panic!("no {name}")));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

/// By Pro Santé Connect, with what that leaves.
fn signs_in(paul: &Visit<'_>, url: &str, secrets: &mut Secrets) {
    let page = paul.get(&format!("{url}/connexion"));
    secrets.cookies(paul, &[("a sign-in's cookie", "__Host-sceau-essai")]);
    let back = paul.at_provider(paul.send(&page, "/connexion/psc", &[]), LOGIN, "card");
    secrets.shown("the provider's code", &format!("{back}&"), "code=", "&");
    secrets.shown("a sign-in's state", &format!("{back}&"), "state=", "&");
    let entered = paul.get(&back);
    assert_eq!(entered.status, 303, "{}", entered.body);
    secrets.cookies(paul, &[("a session's cookie", "__Host-sceau"), ("a browser's cookie", "__Host-sceau-connu")]);
}

/// A password and an authenticator, then a sign-in with the password and a mailed code.
fn means(sandbox: &Sandbox, paul: &Visit<'_>, taken: &Receiver<Mail>, secrets: &mut Secrets) {
    let url = sandbox.a().public_url.as_str();
    let page = paul.get(&format!("{url}/moyens"));
    let set = paul.send(&page, "/moyens/mot-de-passe", &[("mot_de_passe", PASSWORD), ("encore", PASSWORD)]);
    assert_eq!(set.status, 303, "{}", set.body);
    secrets.add("a password", PASSWORD);
    let page = paul.get(&format!("{url}/moyens"));
    let page = paul.follow(paul.send(&page, "/moyens/totp", &[]));
    let key = between(&page.body, "<code>", "</code>").expect("a key").replace(' ', "");
    let kept = paul.send(&page, "/moyens/totp/fin", &[("code", &code(&key, ""))]);
    assert_eq!(kept.status, 303, "{}", kept.body);
    const OCTETS: &str = "import base64,sys;sys.stdout.buffer.write(base64.b32decode(sys.argv[1]))";
    secrets.add("an authenticator's key", Run::of("python3", &["-c", OCTETS, &key]).ok().bytes);
    secrets.add("an authenticator's key as it is typed", key);

    let other = Visit::new(sandbox);
    let page = other.get(&format!("{url}/connexion"));
    let wrong = other.send(&page, FORM, &[("identifiant", LOGIN), ("mot_de_passe", WRONG)]);
    assert_eq!(wrong.status, 401, "{}", wrong.body);
    secrets.add("a wrong password", WRONG);
    let right = other.send(&wrong, FORM, &[("identifiant", LOGIN), ("mot_de_passe", PASSWORD)]);
    let page = other.follow(right);
    let page = other.follow(other.send(&page, "/connexion/code/envoyer", &[]));
    let mailed = mailed(taken);
    let inside = other.send(&page, "/connexion/code", &[("code", &mailed)]);
    assert_eq!(inside.status, 303, "{}", inside.body);
    secrets.add("a mailed code", mailed);
    secrets.cookies(&other, &[("a cookie of the second session", "__Host-sceau")]);
}

/// A token and a certificate for a device.
fn devices(sandbox: &Sandbox, paul: &Visit<'_>, secrets: &mut Secrets) {
    let (a, list) = (sandbox.a(), || paul.get(&format!("{}/appareils", sandbox.a().public_url)));
    let made = paul.send(&list(), "/appareils/jeton", &[("label", "Poste"), ("bal", ""), ("days", "30")]);
    secrets.shown("a device's token", &made.body, "<code id=\"secret\">", "</code>");
    a.cli(&["device-authority", "create"]);
    let page = wait::until("certificates to be offered", 60, || {
        let page = list();
        page.form("/appareils/certificat").is_some().then_some(page)
    });
    let typed = [("label", "Téléphone"), ("bal", ""), ("days", "30"), ("request", "")];
    let made = paul.send(&page, "/appareils/certificat", &typed);
    let password = secrets.shown("the password of a device's file", &made.body, "id=\"secret\">", "<");
    let file = between(&made.body, "data:application/x-pkcs12;base64,", "\"").expect("a file");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("appareil.p12");
    std::fs::write(&path, STANDARD.decode(file).expect("base64")).expect("written");
    let (path, password) = (path.display().to_string(), format!("pass:{password}"));
    let pem = Run::of("openssl", &["pkcs12", "-in", &path, "-nocerts", "-nodes", "-passin", &password]).ok();
    let der = Run::with_input("openssl", &["pkey", "-outform", "DER"], &pem.bytes).ok().bytes;
    assert!(der.len() > 600, "an RSA key ends with what is private of it: {} octets", der.len());
    secrets.add("a device's private key", &der[der.len() - 64..]);
}

/// A program that is let in, one with a secret, and one that shows the provider's token.
fn programs(sandbox: &Sandbox, paul: &Visit<'_>, secrets: &mut Secrets) {
    let a = sandbox.a();
    let add = ["oauth", "add", "lecteur", "--name", "Lecteur Exemple", "--kind", "native"];
    a.cli(&[&add[..], &["--redirect", "http://127.0.0.1/retour"]].concat());
    let add = ["oauth", "add", "serveur", "--name", "Serveur Exemple", "--kind", "confidential"];
    let added = a.cli(&[&add[..], &["--redirect", "https://serveur.exemple.fr/retour"]].concat());
    secrets.add("a program's secret", text(&added["secret"]));
    let asked = "redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fretour";
    let page = paul.get(&format!("{}/oauth/authorize?{QUESTION}&{asked}", a.public_url));
    let code = oauth::code(&paul.send(&page, "/oauth/authorize", &[("bal", ""), ("answer", "yes")]));
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "lecteur"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("code", &code),
    ];
    let (status, tokens) = oauth::program(sandbox, "/oauth/token", &fields);
    assert_eq!(status, 200, "{tokens}");
    secrets.add("a program's code", &code);
    secrets.add("a program's token", text(&tokens["access_token"]));
    secrets.add("what renews it", text(&tokens["refresh_token"]));
    let token = sandbox.token_of(LOGIN);
    drop(sandbox.imap_bearer(a, "XOAUTH2", PAUL, &token).expect("a session"));
    secrets.add("the provider's token", &token);
}

#[test]
fn nothing_that_proves_somebody_is_kept_or_told() {
    let _proof = proves(&["F262", "F055"], "web");
    let mut sandbox = Sandbox::start();
    let (at, taken) = relay();
    let notices = format!("[notices]\nrelay = \"{at}\"\ntls = \"none\"\nsender = \"avis@exemple.fr\"\n\n[log]");
    sandbox.configure(0, &[("[log]", &notices)]);
    let (a, mut secrets) = (sandbox.a(), Secrets::default());
    let _ = a.cli(&["person", "email", LOGIN, "quelquun@exemple.fr"]);
    let path = next(&taken).link("/lien/");
    let _ = press(&sandbox, &path);
    secrets.add("a one-time link", &path["/lien/".len()..]);
    let paul = Visit::new(&sandbox);
    signs_in(&paul, &a.public_url, &mut secrets);
    means(&sandbox, &paul, &taken, &mut secrets);
    devices(&sandbox, &paul, &mut secrets);
    programs(&sandbox, &paul, &mut secrets);
    secrets.add("a token of the command line", &a.account("Per", 1).token);

    let needles: Vec<_> = secrets.0.iter().flat_map(|(what, secret)| forms(what, secret)).collect();
    let mut found = Found::new();
    let told = [&["trace", "list", "--limit", "1000"][..], &["alarm", "list"]].map(|args| a.cli(args).to_string());
    assert!(told[0].contains("login.ok") && told[0].contains("login.failed"), "{}", told[0]);
    look(told.concat().as_bytes(), "told", &needles, &mut found);
    let place = tempfile::tempdir().expect("a folder");
    a.cli(&["backup", place.path().join("sauvegarde").to_str().expect("UTF-8")]);
    let (kept, saved) = (search(&a.data, &needles, &mut found), search(place.path(), &needles, &mut found));
    assert!(kept.0 > 5 && kept.1 > 200_000 && saved.1 > 100_000, "too little was searched: {kept:?} {saved:?}");
    assert!(found.is_empty(), "kept or told: {found:#?}");

    // A search that finds nothing proves nothing by itself: each of them, as it is, within something else, and compressed.
    let control = tempfile::tempdir().expect("a folder");
    for (n, (what, secret)) in secrets.0.iter().enumerate() {
        let within = [b"{".as_slice(), secret, b"}"].concat();
        let lying = match n % 3 {
            0 => within,
            1 => STANDARD.encode(within).into_bytes(),
            _ => zstd::encode_all(within.as_slice(), 3).expect("zstd"),
        };
        std::fs::write(control.path().join(n.to_string()), lying).unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    search(control.path(), &needles, &mut found);
    let blind: Vec<_> = secrets.0.iter().map(|(what, _)| what).filter(|what| !found.contains_key(*what)).collect();
    assert!(blind.is_empty(), "the search is blind to {blind:?}");
}

/// How many passwords this process has computed.
fn computed(o: &Operator) -> u64 {
    let metrics =
        Run::of("curl", &["-sS", "--max-time", "60", &format!("http://{}/metrics", o.endpoints.http)]).ok().out;
    let line = metrics.lines().find(|l| l.starts_with("sceau_passwords_total{") && l.contains("\"computed\""));
    line.and_then(|l| l.rsplit(' ').next()).map_or(0, |n| n.parse().expect("a number"))
}

/// A page without what is of one browser alone, and without the login that was typed.
fn bare(page: &str, login: &str) -> String {
    let typed = format!(" value=\"{login}\"");
    assert!(page.contains(&typed), "the login stands there still: {page}");
    let page = page.replace(&typed, "");
    let mut parts = page.split("name=\"jeton\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('"').map_or("", |(_, rest)| rest))
}

#[test]
fn a_login_that_nobody_has_costs_and_shows_what_anybodys_does() {
    let _proof = proves(&["F267", "F046"], "web");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let paul = Visit::new(&sandbox);
    assert_eq!(paul.sign_in(url, LOGIN).status, 303);
    let page = paul.get(&format!("{url}/moyens"));
    let (typed, before) = ([("mot_de_passe", PASSWORD), ("encore", PASSWORD)], computed(a));
    assert_eq!(paul.send(&page, "/moyens/mot-de-passe", &typed).status, 303);
    assert_eq!(computed(a), before + 1, "it is counted");
    a.cli(&["person", "block", "marie.martin", "--reason", "essai"]);
    // One has a password, one has none, one is blocked, and nobody is the last one.
    let (mut pages, logins) = (Vec::new(), [LOGIN, "lea.bernard", "marie.martin", "personne.inconnu"]);
    for (n, login) in logins.iter().enumerate() {
        let visit = Visit::new(&sandbox);
        let page = visit.get(&format!("{url}/connexion"));
        let wrong = visit.send(&page, FORM, &[("identifiant", login), ("mot_de_passe", WRONG)]);
        assert_eq!(wrong.status, 401, "{login}");
        assert_eq!(computed(a), before + 2 + n as u64, "{login}: one password, computed as anybody's");
        pages.push(bare(&wrong.body, login));
    }
    assert!(pages[0].contains("Identifiant ou mot de passe non reconnu"), "{}", pages[0]);
    for (page, login) in pages.iter().zip(logins) {
        assert_eq!(page, &pages[0], "{login}");
    }
    let traced = a.cli(&["trace", "list", "--act", "login.failed"]);
    assert_eq!(traced.as_array().map(Vec::len), Some(logins.len()), "{traced}");
}
