//! curl: each command by hand, and messages by URL.
use super::{Desk, FOLDER, WIRE};
use sceau_e2e::{Run, curl};

pub fn drive(desk: &Desk<'_>) {
    let say = |folder: &str, command: &str| curl::imap(desk.sandbox, desk.operator, desk.account, folder, command).ok();
    let listed = say("", "LIST \"\" *").out;
    assert!(listed.contains(WIRE), "{FOLDER}: {listed}");
    let read = curl::fetch(desk.sandbox, desk.operator, desk.account, 1).expect("the first letter");
    assert_eq!(read, desk.letters[0].bytes);
    let _ = say("INBOX", "STORE 1 FLAGS (\\Flagged)");
    let _ = say("INBOX", &format!("MOVE 2 \"{WIRE}\""));
    let _ = say("INBOX", "STORE 2 +FLAGS (\\Deleted)");
    let _ = say("INBOX", "EXPUNGE");
    // APPEND, to a folder in a URL; read there by UID, a part of it.
    let letter = desk.file("nouveau.eml", "Subject: Nouveau\r\n\r\nBonjour\r\n");
    let folder = "R%26AOk-sultats%20d%27%26AOk-t%26AOk-";
    let url = format!("imaps://{}/{folder}", desk.operator.endpoints.imaps);
    let user = format!("{}:{}", desk.account.login, desk.account.token);
    let with = |more: &[&str]| {
        Run::of("curl", &[&["-sS", "--cacert", desk.sandbox.anchors(), "--user", &user], more].concat()).ok()
    };
    let _ = with(&["-T", &letter, &url]);
    let read = with(&[&format!("{url};UID=3;SECTION=TEXT")]);
    assert_eq!(read.out, "Bonjour\r\n");
    let found = with(&[&format!("{url}?SUBJECT%20Nouveau")]);
    assert_eq!(found.out.trim(), "* SEARCH 3");
}
