//! Mailboxes that several people use, from one account of each: who did what stands in the traces; what is personal is not shared.
use sceau_e2e::doors::device;
use sceau_e2e::sandbox::{Account, Operator, sceau};
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Letter, Mailbox, Run, Sandbox, curl, proves, wait};
use serde_json::Value;

const SERVICE: &str = "maternite@bretagne.mssante.fr";
const MACHINE: &str = "imagerie-automate@bretagne.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

/// A session of this person with a token that is for no one mailbox, as a mail program on the person's own machine.
fn whole(sandbox: &Sandbox, o: &Operator, login: &str) -> Mailbox {
    Mailbox::open(o, &account(o, login), &sandbox.tls(None))
}

fn account(o: &Operator, login: &str) -> Account {
    let made = o.cli(&["token", "create", login, "--label", "Ordinateur"]);
    let token = made["secret"].as_str().expect("a secret").to_owned();
    Account { login: login.to_owned(), token, ..o.account("Per", 0).clone() }
}

fn inbox(bal: &str) -> String {
    format!("\"Autres BAL/{bal}/INBOX\"")
}

/// Traces of this act by this person at this mailbox.
fn traced(o: &Operator, act: &str, actor: &str, bal: &str) -> Vec<Value> {
    let traces = o.cli(&["trace", "list", "--act", act, "--bal", bal, "--actor", actor, "--limit", "1000"]);
    traces.as_array().cloned().unwrap_or_default()
}

#[test]
fn the_person_behind_each_access_stands_in_the_traces() {
    let _proof = proves(&["F018", "F057"], "imap");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let from = a.account("Per", 0);
    for bal in [SERVICE, MACHINE] {
        let sent = Letter::short(&from.address, bal, "Pour le service");
        let _ = curl::send(&sandbox, a, from, &[bal], &sent.bytes).ok();
    }
    // A doctor who is a member of the service, from her one account: she opens, reads, marks, copies to her own mailbox, files.
    let mut anne = whole(&sandbox, b, "anne.legoff");
    assert!(anne.ok("NAMESPACE").contains("\"Autres BAL/\""));
    wait::until("the service's letter", 60, || {
        anne.ok(&format!("STATUS {} (MESSAGES)", inbox(SERVICE))).contains("MESSAGES 1)").then_some(())
    });
    anne.ok(&format!("SELECT {}", inbox(SERVICE)));
    assert!(anne.ok("FETCH 1 BODY[]").contains("œdème"));
    anne.ok("STORE 1 +FLAGS (\\Answered)");
    anne.ok("COPY 1 Archive");
    anne.append(&inbox(SERVICE), "\\Seen", &Letter::short(ANNE, SERVICE, "Note").bytes);
    anne.ok("MOVE 2 INBOX");
    // Whoever answers for the machine opens its mailbox likewise.
    let mut yann = whole(&sandbox, b, "yann.morvan");
    wait::until("the machine's letter", 60, || {
        yann.ok(&format!("STATUS {} (MESSAGES)", inbox(MACHINE))).contains("MESSAGES 1)").then_some(())
    });
    yann.ok(&format!("EXAMINE {}", inbox(MACHINE)));
    assert!(yann.ok("FETCH 1 BODY[]").contains("œdème"));
    // Each act under the natural person's name, at the mailbox where it was done, as what.
    for (act, actor, bal, as_what) in [
        ("login.ok", "anne.legoff", SERVICE, "member"),
        ("mail.flagged", "anne.legoff", SERVICE, "member"),
        ("mail.copied", "anne.legoff", SERVICE, "member"),
        ("mail.filed", "anne.legoff", SERVICE, "member"),
        ("mail.moved", "anne.legoff", SERVICE, "member"),
        ("login.ok", "yann.morvan", MACHINE, "responsible"),
    ] {
        let found = traced(b, act, actor, bal);
        assert!(!found.is_empty() && found.iter().all(|t| t["data"]["as"] == as_what), "{act} {actor}: {found:?}");
    }
    // Reading is traced in batches at most five seconds late.
    for (actor, bal) in [("anne.legoff", SERVICE), ("yann.morvan", MACHINE)] {
        for act in ["folder.opened", "message.read"] {
            wait::until(&format!("{act} by {actor}"), 10, || (!traced(b, act, actor, bal).is_empty()).then_some(()));
        }
    }
    // What came into her own mailbox stands there too, and nobody else did anything.
    for act in ["mail.copied", "mail.moved"] {
        assert_eq!(traced(b, act, "anne.legoff", ANNE).len(), 1, "{act}");
    }
    for (other, bal) in [("nolwenn.tanguy", SERVICE), ("erwan.guillou", SERVICE), ("anne.legoff", MACHINE)] {
        assert!(traced(b, "message.read", other, bal).is_empty(), "{other} at {bal}");
    }
    // A stranger to the service learns nothing of it.
    let mut erwan = whole(&sandbox, b, "erwan.guillou");
    let none = erwan.say(&format!("SELECT {}", inbox(SERVICE)));
    assert_eq!(none, erwan.say(&format!("SELECT {}", inbox("personne@bretagne.mssante.fr"))));
    assert!(none.contains("NO [NONEXISTENT]"), "{none}");
    assert!(traced(b, "login.ok", "erwan.guillou", SERVICE).is_empty());
}

#[test]
fn what_is_marked_personal_is_neither_shared_nor_given_back() {
    let _imap = proves(&["F074"], "imap");
    let _cli = proves(&["F074"], "cli");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let from = a.account("Per", 0);
    let mut private = String::new();
    for (subject, to) in [
        ("Compte rendu", ANNE),
        ("[Personnel] déjeuner", ANNE),
        ("Planning", SERVICE),
        ("Privé : anniversaire", SERVICE),
    ] {
        let sent = Letter::short(&from.address, to, subject);
        let _ = curl::send(&sandbox, a, from, &[to], &sent.bytes).ok();
        private = sent.id;
    }
    let (mut anne, mut nolwenn) = (whole(&sandbox, b, "anne.legoff"), whole(&sandbox, b, "nolwenn.tanguy"));
    wait::until("her mail", 60, || anne.ok("STATUS INBOX (MESSAGES)").contains("MESSAGES 2)").then_some(()));
    let service = inbox(SERVICE);
    let status = format!("STATUS {service} (MESSAGES)");
    wait::until("the service's mail", 60, || nolwenn.ok(&status).contains("MESSAGES 2)").then_some(()));
    let subjects = |session: &mut Mailbox, folder: &str| {
        session.ok(&format!("EXAMINE {folder}"));
        session.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").matches("Subject:").count()
    };

    // Her secretary sees her mail without what is personal; she sees all of it, and which.
    anne.ok("SETACL INBOX erwan.guillou lrswikxte");
    let mut erwan = whole(&sandbox, b, "erwan.guillou");
    assert_eq!((subjects(&mut anne, "INBOX"), subjects(&mut erwan, &inbox(ANNE))), (2, 1));
    assert!(anne.ok("SEARCH KEYWORD $Personal").lines().any(|l| l.trim().starts_with("* SEARCH ")));
    assert!(erwan.ok(&format!("STATUS {} (MESSAGES)", inbox(ANNE))).contains("MESSAGES 1)"));
    // By hand and by a folder.
    anne.ok("SELECT INBOX");
    anne.ok("STORE 1:* +FLAGS ($Personal)");
    anne.ok("CREATE Personnel");
    anne.ok("COPY 1 Personnel");
    assert_eq!(subjects(&mut erwan, &inbox(ANNE)), 0);
    assert!(!erwan.ok("LIST \"\" *").contains("Personnel"));
    // It does not go to the service by a copy either.
    let no = anne.say(&format!("COPY 1 {service}"));
    assert!(no.contains("NO [CANNOT]") && no.contains("copy.personal"), "{no}");

    // At the service: whoever answers for it sees it, the members do not, and it is not given back with the rest.
    assert_eq!((subjects(&mut nolwenn, &service), subjects(&mut anne, &service)), (2, 1));
    let out = tempfile::tempdir().expect("folder");
    let export = |login: &str, secret: &str, name: &str| {
        let dir = out.path().join(name);
        let dir = dir.to_str().expect("UTF-8");
        let mut command = std::process::Command::new(sceau());
        command.args(["--lang", "en", "--json", "export", "maildir", dir, "--server", &b.endpoints.imaps]);
        command.args(["--login", login, "--ca", sandbox.anchors()]);
        command.env_clear().env("HOME", out.path()).env("SCEAU_TOKEN", secret);
        let done = command.stdin(std::process::Stdio::null()).output().expect("the program runs");
        let counts: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_fits("mail_export", &counts);
        let there = Run::of("grep", &["-rlF", &private, dir]).code == 0;
        (counts["messages"].as_u64().expect("count"), counts["personal"].as_u64().expect("count"), there)
    };
    let (_, login, secret) = device(b, "nolwenn.tanguy", SERVICE);
    assert_eq!(export(&login, &secret, "service"), (1, 1, false));
    // The token is for that mailbox alone: the login needs not name it.
    assert_eq!(export("nolwenn.tanguy", &secret, "service-2"), (1, 1, false));
    // One's own mailbox is one's own: all of it.
    let own = account(b, "anne.legoff");
    let (messages, left, _) = export(&own.login, &own.token, "anne");
    assert!(messages >= 3 && left == 0, "{messages} {left}");
}
