//! offlineimap: Maildirs kept in step both ways.
use super::{Desk, FOLDER};
use std::fs;

pub fn drive(desk: &Desk<'_>) {
    let rc = desk.file(
        "offlineimaprc",
        &format!(
            "[general]\naccounts = bal\nmetadata = {}\nui = basic\n\
             [Account bal]\nlocalrepository = here\nremoterepository = there\nutf8foldernames = yes\n\
             [Repository here]\ntype = Maildir\nlocalfolders = {}\n\
             [Repository there]\ntype = IMAP\nremotehost = localhost\nremoteport = {}\nremoteuser = {}\nremotepass = {}\n\
             ssl = yes\nsslcacertfile = {}\n",
            desk.path("state"),
            desk.path("mail"),
            desk.port(),
            desk.account.login,
            desk.account.token,
            desk.sandbox.anchors(),
        ),
    );
    let sync = || desk.run("offlineimap", &["-o", "-c", &rc]).ok();
    let first = sync();
    let folder = format!("mail/{FOLDER}");
    let inbox = desk.maildir("mail/INBOX");
    assert_eq!((inbox.len(), desk.maildir(&folder).len()), (3, 1), "{first:?}");
    let that = |subject: &str| {
        let id = &desk.letters.iter().find(|l| String::from_utf8_lossy(&l.bytes).contains(subject)).expect("letter").id;
        let holds = |path: &&std::path::PathBuf| fs::read_to_string(path).expect("message").contains(id.as_str());
        inbox.iter().find(holds).expect("message").clone()
    };
    // Flagged, moved (its UID is another folder's), removed, new: as programs on Maildirs do it.
    let [one, two, three] = [0, 1, 2].map(|i| that(&desk.letters[i].id));
    let name = one.file_name().expect("name").to_string_lossy().replace(":2,", ":2,F");
    let name = if name.contains(":2,") { name } else { format!("{name}:2,F") };
    fs::rename(&one, desk.home.join("mail/INBOX/cur").join(name)).expect("flag");
    let moved = two.file_name().expect("name").to_string_lossy().split(",U=").next().expect("name").to_owned();
    fs::rename(&two, desk.home.join(&folder).join("new").join(moved)).expect("move");
    fs::remove_file(&three).expect("removed");
    let new = desk.home.join(&folder).join("new/1795000000.essai.local");
    fs::write(new, "Subject: Nouveau\nMessage-ID: <nouveau@essai.local>\n\nBonjour\n").expect("new");
    let second = sync();
    assert_eq!((desk.maildir("mail/INBOX").len(), desk.maildir(&folder).len()), (1, 3), "{second:?}");
    // Nothing to do the third time.
    let state =
        || (desk.mailbox().ok("STATUS INBOX (HIGHESTMODSEQ)"), desk.maildir("mail/INBOX"), desk.maildir(&folder));
    let before = state();
    let third = sync();
    assert_eq!(state(), before, "{third:?}");
}
