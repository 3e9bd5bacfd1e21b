//! Who has access to a BAL: a secretary is named by the professional alone; the past has an answer; who edits second is told.
use sceau_e2e::doors::{api, ask, device, imap, say, submission};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Run, Sandbox, proves};
use serde_json::json;

const SERVICE: &str = "maternite@bretagne.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

#[test]
fn a_secretary_reads_and_the_past_has_an_answer() {
    let _imap = proves(&["F024", "F025", "F021"], "rest");
    let _cli = proves(&["F021", "F159", "F018"], "cli");
    let sandbox = Sandbox::start();
    let b = sandbox.b();
    // The command line speaks for an administrator, who cannot.
    let refused = b.cli_text(&["--lang", "fr", "delegation", "give", ANNE, "erwan.guillou", "--until", "2099-01-01"]);
    assert!(
        refused.code == 1 && refused.err.contains("Seul le titulaire") && refused.err.contains("/me/delegations"),
        "{}",
        refused.err
    );
    let (anne, erwan) = (api(b, "anne.legoff"), api(b, "erwan.guillou"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis();
    let month = u64::try_from(now).expect("milliseconds") + 30 * 86_400_000;
    let new = |ends: u64| {
        Some(
            json!({ "address": ANNE, "login": "erwan.guillou", "rights": ["read"], "ends": ends, "reason": "Secrétariat" }),
        )
    };
    assert_eq!(ask(&sandbox, b, &erwan, "POST", "/me/delegations", new(month)).1["code"], "right.missing");
    assert_eq!(ask(&sandbox, b, &anne, "POST", "/me/delegations", new(month * 2)).1["code"], "access.dates");
    let (status, given) = ask(&sandbox, b, &anne, "POST", "/me/delegations", new(month));
    assert_eq!((status.as_str(), given["holder"].as_str()), ("201", Some("anne.legoff")), "{given}");
    assert_fits("delegation", &given);
    assert_fits("delegations", &ask(&sandbox, b, &anne, "GET", "/me/delegations", None).1["items"]);
    // She reads, and cannot file: the mailbox says so.
    let (_, login, secret) = device(b, "erwan.guillou", ANNE);
    let mut session = imap(&sandbox, b, &login, &secret).expect("signed in");
    let opened = say(&mut session, "SELECT INBOX").expect("selected");
    assert!(opened.contains("[PERMANENTFLAGS ()]") && opened.contains("e2e OK [READ-ONLY]"), "{opened}");
    for command in ["STORE 1 +FLAGS (\\Seen)", "CREATE Suivi", "EXPUNGE"] {
        let no = say(&mut session, command).expect_err(command);
        assert!(no.starts_with("e2e NO [NOPERM]") && no.contains("mail.file"), "{command}: {no}");
    }
    assert!(submission(&sandbox, b, &login, &secret).is_err(), "she may not send");
    // It is traced as hers, for the holder.
    let traced = b.cli(&["trace", "list", "--act", "login.ok", "--actor", "erwan.guillou", "--limit", "1"]);
    assert_eq!(
        (&traced[0]["data"]["as"], &traced[0]["data"]["for"]),
        (&json!("delegate"), &json!("anne.legoff")),
        "{traced}"
    );
    // Who can read it now; an administrator ends the delegation, and the past stays.
    let readers = |at: &[&str]| {
        let said = b.cli(&[&["access", "history", ANNE], at].concat());
        assert_fits("readers", &said);
        let list = said["readers"].as_array().expect("readers").iter();
        list.map(|r| r["login"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(readers(&[]), ["anne.legoff", "erwan.guillou"]);
    let then = written(given["granted"].as_u64().expect("an instant"));
    b.cli(&["delegation", "end", ANNE, "erwan.guillou", "--reason", "Fin de contrat"]);
    assert_eq!(readers(&[]), ["anne.legoff"]);
    assert_eq!(readers(&["--at", "2001-01-01"]), Vec::<String>::new());
    assert_eq!(readers(&["--at", &then]), ["anne.legoff", "erwan.guillou"], "{then}");
    let past = b.cli(&["access", "list", ANNE, "--past"]);
    assert_fits("accesses", &past);
    let ended = past.as_array().expect("rows").iter().find(|r| r["role"] == "delegate").expect("kept");
    assert_eq!((ended["ended_by"].as_str(), ended["granted_by"].as_str()), (Some("operateur"), Some("anne.legoff")));
    assert!(imap(&sandbox, b, &login, &secret).is_err());
    // Two who edit at once: the second one is told.
    let place = format!("/bals/{SERVICE}/access/anne.legoff");
    let root = b.api_token.as_str();
    let change = Some(json!({ "role": "member", "rights": ["read"] }));
    assert_eq!(ask(&sandbox, b, root, "PUT", &place, change).1["code"], "edit.unconditional");
    let changed = b.cli(&["access", "change", SERVICE, "anne.legoff", "--right", "read", "--right", "send"]);
    assert_eq!(changed["rights"], json!(["read", "send"]));
    assert_fits("access", &changed);
    let last = b.cli_raw(&["access", "end", SERVICE, "nolwenn.tanguy"]);
    assert!(last.code == 1 && last.err.contains("[access.last]"), "{}", last.err);
    // Who did what with a shared BAL.
    let (_, login, secret) = device(b, "anne.legoff", SERVICE);
    say(&mut imap(&sandbox, b, &login, &secret).expect("signed in"), "SELECT INBOX").expect("selected");
    let seen = b.cli(&["access", "activity", SERVICE]);
    assert_fits("activity", &seen);
    let anne = seen.as_array().expect("rows").iter().find(|r| r["login"] == "anne.legoff").expect("anne");
    assert_eq!((&anne["logins"], &anne["read"], &anne["sent"]), (&json!(1), &json!(1), &json!(0)), "{seen}");
}

#[test]
fn whoever_is_responsible_attests_and_sees_what_is_unusual() {
    let _rest = proves(&["F159"], "rest");
    let _cli = proves(&["F159", "F021", "F094"], "cli");
    let sandbox = Sandbox::start();
    let b = sandbox.b();
    let nolwenn = api(b, "nolwenn.tanguy");
    let place = format!("/bals/{SERVICE}/attestation");
    let (_, read) = ask(&sandbox, b, &nolwenn, "GET", &place, None);
    assert_eq!((&read["due"], read["attested"].as_array().map(Vec::len)), (&json!(true), Some(0)), "{read}");
    let body = Some(json!({ "digest": read["digest"] }));
    // Nobody attests for her: not an administrator either.
    assert_eq!(ask(&sandbox, b, &b.api_token, "POST", &place, body.clone()).1["code"], "right.missing");
    assert_eq!(ask(&sandbox, b, &nolwenn, "POST", &place, body.clone()).1["due"], false);
    let shown = b.cli(&["bal", "attestation", SERVICE]);
    assert_fits("attestation", &shown);
    assert_eq!((&shown["attested"][0]["by"], &shown["attested"][0]["same"]), (&json!("nolwenn.tanguy"), &json!(true)));
    // The data change: what was attested is not what is there.
    b.cli(&["access", "give", SERVICE, "erwan.guillou"]);
    assert_eq!(ask(&sandbox, b, &nolwenn, "POST", &place, body).1["code"], "edit.conflict");
    assert_eq!(b.cli(&["bal", "attestation", SERVICE])["attested"][0]["same"], false);
    let alerts = b.cli(&["bal", "alerts", SERVICE]);
    assert_fits("alerts", &alerts);
    assert_eq!(ask(&sandbox, b, &nolwenn, "GET", &format!("/bals/{SERVICE}/alerts"), None).1["items"], alerts);
    let erwan = api(b, "erwan.guillou");
    assert_eq!(ask(&sandbox, b, &erwan, "GET", &format!("/bals/{SERVICE}/alerts"), None).1["code"], "right.missing");
    // Who could read it on a day, and when; what was chosen about it, by whom.
    let today = Run::of("date", &["-u", "+%Y-%m-%d"]).ok().out;
    let day = b.cli(&["access", "history", SERVICE, "--day", today.trim()]);
    assert_fits("readers_of_day", &day);
    let long_ago = b.cli(&["access", "history", SERVICE, "--day", "2001-03-03"]);
    assert_eq!(long_ago["readers"], json!([]));
    b.cli(&["bal", "choose", SERVICE, "--paperless", "yes"]);
    let chosen = b.cli(&["bal", "choices", SERVICE]);
    assert_fits("bal_choices", &chosen);
    assert_eq!(
        (&chosen[0]["by"], &chosen[0]["paperless"], &chosen[0]["red_list"]),
        (&json!("operateur"), &json!(true), &json!(null))
    );
}

/// An instant as the command line takes it.
fn written(ms: u64) -> String {
    let run =
        Run::of("date", &["-u", "-d", &format!("@{}.{:03}", ms / 1000, ms % 1000), "+%Y-%m-%dT%H:%M:%S.%3NZ"]).ok();
    run.out.trim().to_owned()
}
