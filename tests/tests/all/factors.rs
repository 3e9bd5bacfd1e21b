//! Signing in without a card (F007, F043, F046): invited by two people, in a real browser, with an authenticator program, codes by ordinary mail and a
//! passkey; then lost means are replaced.
use crate::ordinary::{Mail, next, press, relay};
use sceau_e2e::{Browser, Run, Sandbox, proves, wait};
use std::sync::mpsc::Receiver;
use std::time::Duration;

const PASSWORD: &str = "girafe-tambour-velours";

/// The code of a key as its page shows it (RFC 6238), by a program that is not ours; `last` is waited past, for a code counts once.
pub(crate) fn code(key: &str, last: &str) -> String {
    const PROGRAM: &str = "import base64,hmac,struct,sys,time\n\
        k=base64.b32decode(sys.argv[1].replace(' ',''))\n\
        h=hmac.new(k,struct.pack('>Q',int(time.time())//30),'sha1').digest()\n\
        o=h[19]&15\nprint('%06d'%((struct.unpack('>I',h[o:o+4])[0]&0x7fffffff)%1000000))";
    wait::until("another step of the authenticator", 40, || {
        let code = Run::of("python3", &["-c", PROGRAM, key]).ok().out.trim().to_owned();
        (code != last).then_some(code)
    })
}

/// The code in the next notice.
pub(crate) fn mailed(taken: &Receiver<Mail>) -> String {
    let digits = |w: &&str| w.len() == 8 && w.bytes().all(|b| b.is_ascii_digit());
    for _ in 0..10 {
        let mail = next(taken);
        if let Some(code) = mail.text.split_whitespace().find(digits) {
            return code.to_owned();
        }
    }
    panic!("no code came")
}

/// Accounts of the machine that are nobody's here: administrators for whom this account does not speak at the moment.
const SECOND: &str = "account = \"64999\"";
const THIRD: &str = "account = \"64998\"";

struct Desk {
    sandbox: Sandbox,
    taken: Receiver<Mail>,
    login: String,
    url: String,
}

impl Desk {
    /// An operator in service with three administrators. The first typed in an address that its person confirmed; from then on this account speaks for
    /// the second.
    fn new() -> Self {
        let mut sandbox = Sandbox::start();
        let (at, taken) = relay();
        let notices = format!("[notices]\nrelay = \"{at}\"\ntls = \"none\"\nsender = \"avis@exemple.fr\"\n\n[log]");
        let more = [("seconde", SECOND), ("tierce", THIRD)].map(|(who, account)| {
            format!("[[administrators]]\nlogin = \"{who}\"\nname = \"{who} Exemple\"\n{account}\n\n")
        });
        const FIRST: &str = "[[administrators]]\nlogin = \"operateur\"";
        let all = format!("{}{FIRST}", more.concat());
        sandbox.configure(0, &[("setting_up = true\n", ""), ("[log]", &notices), (FIRST, &all)]);
        let a = sandbox.a();
        let login = a.account("Per", 1).login.split('*').next().unwrap_or_default().to_owned();
        let url = a.public_url.clone();
        let desk = Self { sandbox, taken, login, url };
        let a = desk.sandbox.a();
        let _ = a.cli(&["person", "email", &desk.login, "quelquun@exemple.fr"]);
        let _ = press(&desk.sandbox, &next(&desk.taken).link("/lien/"));
        let refused = a.cli_text(&["factor", "invite", &desk.login]);
        assert!(refused.code == 1 && refused.err.contains("[token.setter]"), "{refused:?}");
        desk.speaking_for(SECOND)
    }
    /// From here on this account speaks for the administrator of that one.
    fn speaking_for(mut self, account: &str) -> Self {
        let own = format!("account = \"{}\"", rustix::process::getuid().as_raw());
        const FREE: &str = "account = \"64997\"";
        self.sandbox.configure(0, &[(&own, FREE), (account, &own), (FREE, account)]);
        self
    }
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
    fn password(&self, browser: &Browser) {
        browser.go(&self.at("/connexion"));
        if !browser.has("details[open]") {
            browser.press("summary");
        }
        browser.fill("#identifiant", &self.login).fill("#mot_de_passe", PASSWORD).press("details button");
        browser.at("/connexion/code");
    }
}

#[test]
fn without_a_card_two_factors_of_two_classes() {
    let _proof = proves(&["F007", "F041", "F043", "F045", "F046"], "web");
    let desk = Desk::new();
    let a = desk.sandbox.a();
    let sent = a.cli(&["factor", "invite", &desk.login]);
    assert_eq!(sent["address"], "q…@exemple.fr");
    let path = next(&desk.taken).link("/acceder/");
    let browser = Browser::start(&desk.sandbox.ready.anchors);

    // The link: a button first, for programs follow links; then both means in one sitting.
    browser.go(&desk.at(&path)).phone(true).press("main button").phone(false);
    browser.at(&format!("{path}/choisir"));
    let key = browser.text_of(".picture + p code");
    let mut last = code(&key, "");
    browser.fill("#mot_de_passe", "court").fill("#encore", "court").fill("#code", &last).press("#mot-de-passe button");
    // On the same page, with the same key: the program has it already.
    browser.shows("trop court (au moins 12");
    assert_eq!(browser.text_of(".picture + p code"), key);
    last = code(&key, "");
    browser
        .fill("#mot_de_passe", PASSWORD)
        .fill("#encore", PASSWORD)
        .fill("#code", &last)
        .press("#mot-de-passe button");
    browser.shows("C’est prêt");
    browser.go(&desk.at(&format!("{path}?lang=fr"))).shows("n’est plus valable");

    // What was typed wrong is typed again where it was.
    browser.go(&desk.at("/connexion"));
    if !browser.has("details[open]") {
        browser.press("summary");
    }
    browser.fill("#identifiant", &desk.login).fill("#mot_de_passe", "girafe-tambour-laine").press("details button");
    browser.shows("mot de passe non reconnu");
    browser.fill("#mot_de_passe", PASSWORD).press("details button").at("/connexion/code");
    // A password alone opens nothing.
    desk.password(&browser);
    browser.go(&desk.at("/moyens")).at("/connexion");
    assert_eq!(browser.cookie("__Host-sceau"), None);
    desk.password(&browser);
    browser.fill("#code", "000000").press(".fields button").shows("pas reconnu");
    last = code(&key, &last);
    browser.fill("#code", &last).press(".fields button").home();
    let cookie = browser.cookies().into_iter().find(|c| c["name"] == "__Host-sceau").expect("a session");
    assert!(cookie["secure"] == true && cookie["httpOnly"] == true && cookie["sameSite"] == "Lax", "{cookie}");

    // A passkey beside them: an authenticator that does not verify its user is none.
    let phone = browser.authenticator(false);
    browser.go(&desk.at("/appareils")).shows("Un nouveau jeton").go(&desk.at("/appareil")).go(&desk.at("/moyens"));
    browser
        .fill("#nom", "Téléphone")
        .press("form[action^='/moyens/cle'] button")
        .at("/moyens/cle")
        .shows("Rien n’a été fait");
    browser.verified(&phone, true).press("form[data-passkey] button").at("/moyens").shows("Téléphone");
    assert_eq!(browser.credentials(&phone).len(), 1);
    browser.press(".banner .menu summary").press(".menu-sheet form button").at("/connexion");
    assert_eq!(browser.cookie("__Host-sceau"), None);
    browser.press("form[action^='/connexion/cle'] button").home();
    browser.go(&desk.at("/moyens?lang=en")).shows("How you sign in").shows("Last used on");

    // The authenticator goes, and codes by ordinary mail take its place.
    browser.go(&desk.at("/moyens?lang=fr")).press("form[action*='/retirer'] [aria-label*='Application']").at("/moyens");
    browser.press(".banner .menu summary").press(".menu-sheet form button").at("/connexion");
    while desk.taken.recv_timeout(Duration::from_millis(200)).is_ok() {}
    desk.password(&browser);
    assert!(!browser.has("#code"), "nothing is sent yet");
    browser.press("form[action^='/connexion/code/envoyer'] button").shows("Un code a été envoyé");
    browser.fill("#code", &mailed(&desk.taken)).press(".fields button").home();
    let signed = a.cli(&["trace", "list", "--act", "login.ok", "--actor", &desk.login]);
    let factors: Vec<_> =
        signed.as_array().expect("traces").iter().filter_map(|t| t["data"]["factors"].as_str()).collect();
    for means in ["password+totp", "passkey", "password+mail_code"] {
        assert!(factors.contains(&means), "{factors:?}");
    }
    assert_eq!(a.cli(&["factor", "list", &desk.login]).as_array().map(Vec::len), Some(2));
    // Nothing was blocked by the pages' own policy, and no script failed.
    let console = browser.console();
    assert!(
        !console.iter().any(|l| l.contains("Content Security Policy") || l.contains("TrustedScript")),
        "{console:#?}"
    );
}

#[test]
fn lost_means_are_replaced_by_two_and_the_person_may_object() {
    let _proof = proves(&["F041", "F046"], "cli");
    let _web = proves(&["F041"], "web");
    let desk = Desk::new();
    let a = desk.sandbox.a();
    let ask = ["recovery", "ask", &desk.login, "--checked", "Carte d'identité vue", "--reason", "Téléphone perdu"];
    let id = a.cli(&ask)["id"].as_str().expect("an id").to_owned();
    // Not by the same one again, nor by who typed the address in.
    let refused = a.cli_text(&["recovery", "confirm", &id]);
    assert!(refused.code == 1 && refused.err.contains("[recovery.own]"), "{refused:?}");
    let desk = desk.speaking_for(THIRD);
    let a = desk.sandbox.a();
    let confirmed = a.cli(&["recovery", "confirm", &id]);
    assert!(confirmed["state"] == "confirmed" && confirmed["asked_by"] == "seconde", "{confirmed}");
    // Told inside and outside, before anything happens.
    let path = next(&desk.taken).link("/opposition/");
    let account = a.account("Per", 1).clone();
    let inside = wait::until("the warning in the BAL", 30, || {
        let found = sceau_e2e::curl::search(&desk.sandbox, a, &account, "SUBJECT remplac");
        found.last().and_then(|n| sceau_e2e::curl::fetch(&desk.sandbox, a, &account, *n))
    });
    assert!(String::from_utf8_lossy(&inside).contains("opposition/"), "{}", String::from_utf8_lossy(&inside));
    let browser = Browser::start(&desk.sandbox.ready.anchors);
    browser.go(&desk.at(&format!("{path}?lang=en"))).shows("Object to the replacement");
    assert_eq!(a.cli(&["recovery", "list"])[0]["state"], "confirmed", "looking changes nothing");
    browser.press("main button").shows("nothing will be replaced");
    assert_eq!(a.cli(&["recovery", "list"])[0]["state"], "objected");
    assert!(a.alarm("recovery.objected").is_some());
    let list = desk.sandbox.data.join("compromis.txt");
    std::fs::write(&list, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\nrien\n").expect("a list");
    let imported = a.cli(&["factor", "breached", list.to_str().expect("UTF-8"), "--source", "Liste d'essai"]);
    assert!(
        imported["entries"] == 1 && imported["skipped"] == 1 && imported["source"] == "Liste d'essai",
        "{imported}"
    );
    browser.go(&desk.at(&format!("{path}?lang=fr"))).shows("n’est plus valable");
}
