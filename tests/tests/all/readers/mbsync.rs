//! mbsync: many messages kept in step both ways, and nothing to do when nothing changed.
use super::{Desk, WIRE};
use sceau_e2e::{Letter, Mailbox, Run, Sandbox, proves};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn mbsync_keeps_five_hundred_messages_in_step() {
    let _proof = proves(&["F057", "F227a"], "imap");
    in_step(500);
}

#[test]
#[ignore = "long"]
fn mbsync_keeps_twenty_thousand_messages_in_step() {
    in_step(20_000);
}

/// `size` messages, half of them from each side.
fn in_step(size: usize) {
    let sandbox = Sandbox::start();
    let desk = Desk::new(&sandbox, 0);
    let half = size / 2;
    let mail = desk.home.join("mail");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(mail.join("INBOX").join(part)).expect("Maildir");
    }
    let rc = desk.file(
        "mbsyncrc",
        &format!(
            "IMAPAccount sceau\nHost localhost\nPort {}\nUser {}\nPass {}\nSSLType IMAPS\nSystemCertificates no\nCertificateFile {}\n\n\
             IMAPStore far\nAccount sceau\n\nMaildirStore near\nPath {local}/\nInbox {local}/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSync All\nSyncState *\n",
            desk.port(),
            desk.account.login,
            desk.account.token,
            desk.sandbox.anchors(),
            local = mail.display(),
        ),
    );
    let sync = || Run::of("mbsync", &["-c", &rc, "-V", "-a"]).ok();
    let here = |folder: &str| desk.maildir(&format!("mail/{folder}"));
    let flagged = |flag: char| {
        let is = |path: &PathBuf| path.to_string_lossy().rsplit_once(":2,").is_some_and(|(_, f)| f.contains(flag));
        here("INBOX").iter().filter(|p| is(p)).count()
    };
    let same = |what: &str| {
        assert_eq!(desk.find("INBOX", "ALL").len(), here("INBOX").len(), "{what}");
        for (flag, key) in [('S', "SEEN"), ('F', "FLAGGED"), ('R', "ANSWERED")] {
            assert_eq!(desk.find("INBOX", key).len(), flagged(flag), "{what}: {key}");
        }
    };
    // Half of them here, seen; the other half there.
    let mut letters = Vec::new();
    for i in 0..half {
        let letter = Letter::short("archive@alpes.mssante.fr", &desk.account.address, &format!("Archive {i}."));
        let lines: Vec<u8> = letter.bytes.iter().copied().filter(|b| *b != b'\r').collect();
        fs::write(mail.join(format!("INBOX/cur/{i}.essai.local:2,S")), lines).expect("message");
        letters.push(letter);
    }
    let mut far = desk.mailbox();
    fill(&mut far, desk.letters.len(), half);
    let first = sync();
    assert_eq!(here("INBOX").len(), size, "{first:?}");
    same("the first time");
    let uploaded = desk.find("INBOX", &format!("SUBJECT \"Archive {}.\"", half - 1));
    let read = sceau_e2e::curl::fetch(&sandbox, desk.operator, desk.account, uploaded[0] as usize).expect("message");
    letters[half - 1].assert_uploaded_by_mbsync(&read);
    for folder in ["Sent", "Drafts", WIRE] {
        assert!(mail.join(folder).join("cur").is_dir(), "{folder}: {first:?}");
    }
    assert_eq!(here(WIRE).len(), 1, "{first:?}");

    // Nothing to do the second time.
    let state = || (tree(&mail), desk.mailbox().ok("STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)"));
    let before = state();
    let second = sync();
    assert_eq!(state(), before, "{second:?}");

    // Here: flags, removals, new ones. There: flags, removals, new ones, a folder.
    let part = half / 10;
    let ours: Vec<PathBuf> =
        here("INBOX").into_iter().filter(|p| p.to_string_lossy().contains(".essai.local")).collect();
    for path in &ours[..part] {
        fs::rename(path, path.to_string_lossy().replace(":2,S", ":2,FRS")).expect("flags");
    }
    for path in &ours[part..2 * part] {
        fs::remove_file(path).expect("removed");
    }
    for i in 0..part {
        let text = format!("Subject: Nouveau {i}\nMessage-ID: <nouveau-{i}@essai.local>\n\nBonjour\n");
        fs::write(mail.join(format!("INBOX/new/{}.nouveau.local", 1_795_000_000 + i)), text).expect("message");
    }
    let theirs = desk.find("INBOX", "UNSEEN");
    far.ok("SELECT INBOX");
    far.ok(&format!("STORE {}:{} +FLAGS.SILENT (\\Seen \\Flagged)", theirs[0], theirs[part - 1]));
    far.ok(&format!("STORE {}:{} +FLAGS.SILENT (\\Deleted)", theirs[part], theirs[2 * part - 1]));
    far.ok("EXPUNGE");
    far.ok(&format!("COPY {}:{} INBOX", theirs[0], theirs[part - 1]));
    far.ok("CREATE \"Dossier commun\"");
    let third = sync();
    assert_eq!(here("INBOX").len(), size, "{third:?}");
    same("after changes on both sides");
    assert_eq!(flagged('F'), 3 * part, "{third:?}");
    assert!(mail.join("Dossier commun/cur").is_dir());
    let before = state();
    let fourth = sync();
    assert_eq!(state(), before, "{fourth:?}");
}

/// Letters into the INBOX until it holds so many: some are sent, the others are copies.
fn fill(mailbox: &mut Mailbox, holds: usize, wanted: usize) {
    let mut count = holds;
    while count < wanted.min(50) {
        let text = format!("Subject: Distant {count}\r\nMessage-ID: <distant-{count}@essai.local>\r\n\r\nÉté\r\n");
        mailbox.append("INBOX", "", text.as_bytes());
        count += 1;
    }
    mailbox.ok("SELECT INBOX");
    while count < wanted {
        let more = count.min(wanted - count);
        mailbox.ok(&format!("COPY 1:{more} INBOX"));
        count += more;
    }
}

/// Names of all files of a Maildir tree: names carry flags and UIDs.
fn tree(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            names.extend(tree(&entry.path()));
        } else {
            names.push(entry.path().display().to_string());
        }
    }
    names.sort();
    names
}
