//! getmail: takes everything from the INBOX and another folder into a Maildir, then removes it.
use super::{Desk, FOLDER};
use std::fs;
use std::os::unix::fs::chown;

/// Nobody: getmail does not deliver as root.
const NOBODY: u32 = 65_534;

pub fn drive(desk: &Desk<'_>) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(desk.home.join("mail").join(part)).expect("Maildir");
    }
    // The sandbox's own file is for its account only.
    let anchors = desk.file("anchors.pem", &fs::read_to_string(desk.sandbox.anchors()).expect("anchors"));
    let rc = desk.file(
        "getmailrc",
        &format!(
            "[retriever]\ntype = SimpleIMAPSSLRetriever\ntimeout = 10\nserver = localhost\nport = {}\nusername = {}\npassword = {}\n\
             mailboxes = (\"INBOX\", \"{FOLDER}\")\nca_certs = {anchors}\n\
             [destination]\ntype = Maildir\npath = {}/\n\
             [options]\ndelete = true\ndelivered_to = false\nreceived = false\nverbose = 1\n",
            desk.port(),
            desk.account.login,
            desk.account.token,
            desk.path("mail"),
        ),
    );
    let home = desk.home.display().to_string();
    let mut args = vec!["getmail", "--getmaildir", &home, "--rcfile", &rc];
    if rustix::process::geteuid().is_root() {
        for path in ["", "mail", "mail/cur", "mail/new", "mail/tmp", "anchors.pem", "getmailrc"] {
            chown(desk.home.join(path), Some(NOBODY), Some(NOBODY)).expect("chown");
        }
        args = [&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], &args[..]].concat();
    }
    // It misses the end of its own child when that is too quick, leaves the message on the server, and takes it the next time.
    let mut runs = Vec::new();
    while runs.is_empty() || runs.len() < 3 && !desk.find("INBOX", "ALL").is_empty() {
        runs.push(desk.run(args[0], &args[1..]));
    }
    let taken: Vec<_> = desk.maildir("mail").iter().map(|p| fs::read_to_string(p).expect("message")).collect();
    assert!(taken.len() >= 4, "{runs:?}");
    for letter in &desk.letters {
        let (_, body) = std::str::from_utf8(&letter.bytes).expect("UTF-8").split_once("\r\n\r\n").expect("body");
        let same = |t: &&String| t.contains(&letter.id) && t.contains(&body.replace('\r', ""));
        assert!(taken.iter().any(|t| same(&t)), "{runs:?}: {taken:?}");
    }
}
