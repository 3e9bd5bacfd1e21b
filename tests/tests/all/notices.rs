//! What programs say: a notice of new mail without content, its bounce that marks the address, an absence answered to another operator's user, an answer
//! to a test.
use crate::ordinary::{Mail, next, press, relay};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The operator asks for confirmed ordinary addresses before a mailbox opens, and has this relay (F063).
pub(crate) fn addresses_are_required(sandbox: &mut Sandbox, relay: SocketAddr) {
    let notices = format!("[notices]\nrelay = \"{relay}\"\ntls = \"none\"\nsender = \"avis@exemple.fr\"\n\n[log]");
    let rule = ("notification_address = \"off\"", "notification_address = \"required\"");
    sandbox.configure(0, &[rule, ("[log]", &notices)]);
}

/// Says these lines at a door of SMTP, and gives the codes of its answers.
fn say(port: u16, lines: &[&str]) -> Vec<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the door of bounces");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let (mut answers, mut out) = (BufReader::new(stream.try_clone().expect("a handle")), stream);
    let mut hear = || loop {
        let mut line = String::new();
        assert!(answers.read_line(&mut line).expect("an answer") > 0, "closed");
        if line.as_bytes().get(3) != Some(&b'-') {
            return line[..3].to_owned();
        }
    };
    let mut codes = vec![hear()];
    for line in lines {
        out.write_all(format!("{line}\r\n").as_bytes()).expect("said");
        codes.push(hear());
    }
    codes
}

fn day(when: &str) -> String {
    Run::of("date", &["-d", when, "+%F"]).ok().out.trim().to_owned()
}

#[test]
fn notices_absence_and_tests_are_answered_by_nobody() {
    let _proof = proves(&["F062", "F064", "F065", "F069", "F217"], "cli");
    let mut sandbox = Sandbox::start();
    let (at, taken) = relay();
    // One of the sandbox's own hundred that nothing uses: a port that is let go may be taken by whoever runs beside.
    let port = sandbox.base() + 97;
    let notices = format!(
        "[notices]\nrelay = \"{at}\"\ntls = \"none\"\nsender = \"avis@exemple.fr\"\nbounces = \"retours@exemple.fr\"\n\n[log]"
    );
    let listen = format!("[listen]\nbounces = \"127.0.0.1:{port}\"\n");
    sandbox.configure(0, &[("[log]", &notices), ("[listen]\n", &listen)]);
    let (a, b) = (sandbox.a().clone(), sandbox.b().clone());
    let (account, from) = (a.account("Per", 0), b.account("Per", 0));
    let login = account.login.split('*').next().unwrap_or_default();

    // The person confirms the address, and chooses.
    let _ = a.cli(&["person", "email", login, "quelquun@exemple.fr"]);
    let _ = press(&sandbox, &next(&taken).link("/lien/"));
    let base = format!("https://{}", a.endpoints.https);
    let ask = |args: &[&str]| {
        Run::of("curl", &[&["-sS", "--max-time", "60", "--cacert", sandbox.anchors()][..], args].concat()).ok().out
    };
    let made = a.cli(&["token", "create", login, "--api", "--label", "Choix"]);
    let bearer = format!("Authorization: Bearer {}", made["secret"].as_str().expect("a secret"));
    let place = format!("{base}/api/v1/me/notices/{}", account.address);
    let body = "{\"mode\":\"at_once\"}";
    let said = ask(&["-X", "PUT", "-H", &bearer, "-H", "content-type: application/json", "-d", body, &place]);
    assert!(said.contains("at_once"), "{said}");
    let chosen = a.cli(&["bal", "notices", &account.address]);
    assert_fits("bal_notices", &chosen);
    assert_eq!(chosen[0]["mode"], "at_once", "{chosen}");

    // An absence, and mail from the other operator.
    let (today, end) = (day("today"), day("+5 days"));
    let absence =
        ["bal", "absence", &account.address, "--from", &today, "--until", &end, "--text", "De retour bientôt"];
    let set = a.cli(&absence);
    assert_fits("absence", &set);
    assert!(set["set"] == true && a.cli(&["bal", "show", &account.address])["absent"] == true, "{set}");
    let sent = Letter::short(&from.address, &account.address, "Secret-Patient");
    let _ = curl::send(&sandbox, &b, from, &[&account.address], &sent.bytes).ok();
    let Mail { back, text: notice } = next(&taken);
    for word in ["Secret-Patient", &from.address, &account.address, &sent.id] {
        assert!(!notice.contains(word), "{word} in {notice}");
    }
    let answer = wait::until("the answer of the absent", 60, || {
        let found = curl::search(&sandbox, &b, from, "HEADER X-Sceau-Absence from=");
        found.first().and_then(|n| curl::fetch(&sandbox, &b, from, *n))
    });
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.starts_with("Return-Path: <>\r\n")
            && answer.contains(&format!("In-Reply-To: <{}", sent.id.trim_matches(['<', '>']))),
        "{answer}"
    );

    // The notice comes back: only to what we wrote, and then the address is marked.
    let rcpt = format!("RCPT TO:<{back}>");
    let data = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; r\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n.";
    let codes = say(
        port,
        &[
            "EHLO relais",
            "MAIL FROM:<a@exemple.fr>",
            "MAIL FROM:<>",
            "RCPT TO:<retours+1-00@exemple.fr>",
            &rcpt,
            "DATA",
            data,
            "QUIT",
        ],
    );
    assert_eq!(codes, ["220", "250", "550", "250", "550", "250", "354", "250", "221"]);
    let shown = a.cli(&["person", "notices", login]);
    assert_fits("person_notices", &shown);
    assert!(shown["wrong_since"].is_i64() && shown["wrong_code"] == "5.1.1" && shown["reachable"] == false, "{shown}");
    assert!(a.cli(&["alarm", "list"]).to_string().contains("notice.address_wrong"));
    let told = a.cli(&["maintenance", "--starts", &format!("{end}T06:00"), "--ends", &format!("{end}T07:00")]);
    assert_fits("maintenance", &told);

    // A test, answered with what was seen of it. Each operator holds the other's domain for one of tests only: test BALs write to no other.
    for (i, other) in [(0, &b.domains[0]), (1, &a.domains[0])] {
        let known = format!("[operator]\ntest_domains = [{other:?}]\n");
        sandbox.configure(i, &[("[operator]\n", &known)]);
    }
    let test = b.test_account();
    let responder = format!("reponse.automatique-test@{}", a.domains[0]);
    let letter = Letter::short(&test.address, &responder, "Essai");
    let _ = curl::send(&sandbox, &b, test, &[&responder], &letter.bytes).ok();
    let seen = wait::until("the answer to the test", 60, || {
        let found = curl::search(&sandbox, &b, test, "FROM reponse.automatique-test");
        found.first().and_then(|n| curl::fetch(&sandbox, &b, test, *n))
    });
    let seen = String::from_utf8_lossy(&seen).replace("=\r\n", "");
    assert!(seen.contains("TLSv1.3") && seen.contains("reponse.automatique-test"), "{seen}");
}
