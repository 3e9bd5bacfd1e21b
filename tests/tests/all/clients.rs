//! Mail clients that people use: mutt, curl, and what imaplib makes easy to say exactly (others: `readers`).
use sceau_e2e::sandbox::Account;
use sceau_e2e::{Letter, Run, Sandbox, curl, proves, wait};

#[test]
fn a_client_lives_on_it() {
    let _proof = proves(&["F057", "F220", "F227a"], "imap");
    let sandbox = Sandbox::start();
    let run = sandbox.python("dialogue.py", &[]).ok();
    assert_eq!(run.out.trim(), "done");
}

#[test]
fn a_flag_set_by_one_client_is_seen_by_another_in_idle() {
    let _proof = proves(&["F227a"], "imap");
    let sandbox = Sandbox::start();
    let run = sandbox.python("idle.py", &[]).ok();
    assert_eq!(run.out.lines().count(), 6, "{}", run.out);
}

#[test]
fn curl_reads_without_changing() {
    let _proof = proves(&["F220"], "imap");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let (from, to) = (a.account("Per", 1), a.account("Per", 0));
    let sent = Letter::short(&from.address, &to.address, "Local : été");
    let _ = curl::send(&sandbox, a, from, &[&to.address], &sent.bytes).ok();
    curl::wait_for(&sandbox, a, to, &sent.id);
    let _ = curl::imap(&sandbox, a, to, "INBOX", "STORE 1 -FLAGS (\\Seen)").ok();
    let run = curl::imap(&sandbox, a, to, "", "EXAMINE INBOX").ok();
    assert!(run.out.contains("* 1 EXISTS"), "{}", run.out);
    assert_eq!(curl::search(&sandbox, a, to, "UNSEEN"), [1]);
    assert_eq!(curl::search(&sandbox, a, to, &format!("FROM {}", from.address)), [1]);
    assert!(curl::search(&sandbox, a, to, "SUBJECT introuvable").is_empty());
    let headers = curl::imap(&sandbox, a, to, "INBOX", "FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]").ok();
    assert!(headers.out.contains("FETCH"), "{}", headers.out);
    assert_eq!(curl::search(&sandbox, a, to, "UNSEEN"), [1]);
    let folders = curl::imap(&sandbox, a, to, "", "LIST \"\" *").ok();
    for folder in ["INBOX", "Sent", "Drafts", "Trash"] {
        assert!(folders.out.contains(folder), "{}", folders.out);
    }
    // STARTTLS on the other door.
    let url = format!("imap://{}/INBOX", a.endpoints.imap);
    let user = format!("{}:{}", to.login, to.token);
    let args = ["-sS", "--ssl-reqd", "--cacert", sandbox.anchors(), "--user", &user, "--request", "NOOP", &url];
    let _ = Run::of("curl", &args).ok();
    // Without TLS no word of a password is taken.
    let bare = Run::of("curl", &["-sS", "--user", &user, "--request", "NOOP", &url]);
    assert_ne!(bare.code, 0, "{bare:?}");
}

/// Runs mutt on a folder with keys to press, in a terminal of its own.
pub(crate) fn mutt(
    sandbox: &Sandbox,
    imaps: &str,
    submissions: &str,
    account: &Account,
    folder: &str,
    keys: &str,
) -> Run {
    let home = sandbox.data.with_file_name("mutt");
    std::fs::create_dir_all(&home).expect("folder");
    let enclosed = |text: &str| format!("\"{}\"", text.replace('"', "\\\""));
    let settings = [
        ("certificate_file", sandbox.anchors().to_owned()),
        ("folder", format!("imaps://{imaps}/")),
        ("imap_user", account.login.clone()),
        ("imap_pass", account.token.clone()),
        ("spoolfile", "=INBOX".to_owned()),
        ("record", "=Sent".to_owned()),
        ("postponed", "=Drafts".to_owned()),
        ("smtp_url", format!("smtps://{}@{submissions}/", account.login)),
        ("smtp_pass", account.token.clone()),
        ("from", account.address.clone()),
        ("realname", "Dr Anne LE GOFF".to_owned()),
        ("editor", "sh -c 'printf \"Bien reçu, à bientôt.\\n\" >> $0'".to_owned()),
        ("charset", "utf-8".to_owned()),
        ("send_charset", "us-ascii:utf-8".to_owned()),
        ("message_cachedir", String::new()),
    ];
    let mut rc = String::from(
        "set ssl_verify_host=no include=no autoedit=yes confirmappend=no delete=yes move=no beep=no wait_key=no fast_reply=yes abort_unmodified=no copy=yes quit=yes\n",
    );
    for (name, value) in settings {
        rc.push_str(&format!("set {name}={}\n", enclosed(&value)));
    }
    rc.push_str(&format!("push {}\n", enclosed(keys)));
    let file = home.join("muttrc");
    std::fs::write(&file, rc).expect("muttrc");
    let command = format!("mutt -n -F {} -f {}", file.display(), enclosed(folder));
    let home = format!("HOME={}", home.display());
    Run::of(
        "timeout",
        &["-k", "5", "60", "env", "TERM=xterm", "LC_ALL=C.UTF-8", &home, "script", "-qec", &command, "/dev/null"],
    )
}

#[test]
fn mutt_reads_flags_answers_and_files() {
    let _proof = proves(&["F048", "F057", "F227a"], "imap");
    let sandbox = Sandbox::start();
    let (a, b) = (sandbox.a(), sandbox.b());
    let (marie, anne) = (a.account("Per", 0), b.account("Per", 0));
    let sent = Letter::short(&marie.address, &anne.address, "Question de Marie");
    let _ = curl::send(&sandbox, a, marie, &[&anne.address], &sent.bytes).ok();
    curl::wait_for(&sandbox, b, anne, &sent.id);
    let _ = curl::imap(&sandbox, b, anne, "INBOX", "STORE 1 FLAGS ()").ok();
    let keys =
        "<first-entry><flag-message><reply><send-message><copy-message>=Archives-mutt<enter>y<sync-mailbox><quit>";
    let run = mutt(&sandbox, &b.endpoints.imaps, &b.endpoints.submissions, anne, "=INBOX", keys);

    let said = |what: &str| format!("{what}: {run:?}");
    assert_eq!(curl::search(&sandbox, b, anne, "FLAGGED ANSWERED"), [1], "{}", said("flags"));
    let criteria = format!("HEADER In-Reply-To \"{}\"", sent.id);
    let number = wait::until("mutt's answer", 30, || curl::search(&sandbox, a, marie, &criteria).first().copied());
    let answer = String::from_utf8(curl::fetch(&sandbox, a, marie, number).expect("answer")).expect("UTF-8");
    assert!(answer.contains("Bien reçu, à bientôt.") || answer.contains("Bien re=C3=A7u"), "{answer}");
    // Its copies: one in Sent, one in the folder that it made.
    for folder in ["Sent", "Archives-mutt"] {
        let status = curl::imap(&sandbox, b, anne, "", &format!("STATUS {folder} (MESSAGES)")).ok();
        assert!(status.out.contains("MESSAGES 1"), "{folder}: {} {}", status.out, said("copy"));
    }
}
