//! An export is what was there, octet by octet; it is verified, goes on after a cut, and can be brought in again.
use crate::played::Played;
use crate::twice::Told;
use sceau_migration::Error;
use sceau_migration::error::No;
use sceau_migration::export::{Counts, Plan, Witness, run};
use sceau_migration::import;
use sceau_migration::journal::Journal;
use sceau_migration::maildir::Maildir;
use sceau_migration::manifest::Format;
use sceau_migration::mbox::{Form, Mbox};
use sceau_migration::source::Source;
use sceau_migration::verify::{Flaw, verify};
use std::fs;
use std::path::Path;
use std::time::Duration;

struct Nobody;
impl Witness for Nobody {
    fn folder(&mut self, _: &str, _: &str, _: usize) {}
    fn step(&mut self, _: &Counts) {}
    fn unread(&mut self, _: &str, _: u32, _: &No) {}
    fn cut(&mut self, _: &Error, _: Duration) {}
}

/// Mail that is not easy to write down.
const HARD: [&str; 8] = [
    "Subject: facile\r\n\r\ntexte\r\n",
    "Subject: guillemets\r\n\r\nFrom moi\r\n>From toi\r\n\r\nFrom a@b Fri Jul  8 12:08:34 2011\r\n\r\n",
    "Subject: sans fin\r\n\r\nsans fin de ligne",
    "Subject: seuls\r\n\r\nun\nseul\rici\r\n",
    "\r\nsans en-t\u{ea}te\r\n",
    "Subject: que l'en-t\u{ea}te\r\n",
    "Status: RO\r\nSubject: un champ de mbox\r\n\r\nx\r\n",
    "Subject: finit par CR\r\n\r\nx\r",
];

fn filled() -> Played {
    let server = Played::start();
    for (n, text) in HARD.iter().enumerate() {
        server.put("INBOX", ["", "\\Seen", "\\Flagged \\Answered projet $Forwarded"][n % 3], text);
    }
    server.put("Sent", "\\Seen", HARD[0]);
    server.put("&AMk-t&AOk-/v1.2", "", HARD[0]);
    server.mail().folders.insert("Vide".into(), crate::played::Folder { validity: 9, ..Default::default() });
    server
}

fn plan(server: &Played, dir: &Path, format: Format) -> Plan {
    Plan { login: server.login(), dir: dir.to_owned(), format, only: Vec::new() }
}

#[test]
fn what_is_taken_out_is_what_was_there() {
    let server = filled();
    for format in [Format::Maildir, Format::Mbox] {
        server.mail().limit = (format == Format::Mbox).then_some(3);
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("export");
        let counts = run(&plan(&server, &dir, format), &mut Nobody).unwrap();
        assert_eq!((counts.folders, counts.messages), (4, 10));
        let judged = verify(&dir).unwrap();
        assert_eq!((judged.defects, judged.messages, judged.bytes), (0, 10, counts.bytes), "{judged:?}");
        // It is complete: nothing is written into it any more.
        assert!(matches!(run(&plan(&server, &dir, format), &mut Nobody), Err(Error::Content(_, "complete"))));
        // Brought into another mailbox, it is the same, but for what no such file can hold.
        let other = Played::start();
        let mut source: Box<dyn Source> = match format {
            Format::Maildir => Box::new(Maildir::new(&dir)),
            Format::Mbox => Box::new(Mbox::new(&dir, Form::Rd)),
        };
        let to = import::Plan { login: other.login(), into: None, only: Vec::new(), dry_run: false };
        let brought = import::run(source.as_mut(), &to, &mut Journal::none(), &mut Told::default()).unwrap();
        assert_eq!((brought.brought, brought.refused), (10, 0));
        let same = |n: usize| other.contents("INBOX").contains(&HARD[n].to_owned());
        assert!([0, 1, 4, 5].into_iter().all(same), "{format:?}: {:?}", other.contents("INBOX"));
        assert_eq!(other.contents("&AMk-t&AOk-/v1.2"), [HARD[0]]);
        assert_eq!(other.mail().folders["Sent"].messages[0].1, "\\Seen");
        let flags = other.mail().folders["INBOX"]
            .messages
            .iter()
            .filter(|m| m.1.contains("projet $Forwarded") || m.1.contains("$Forwarded projet"))
            .count();
        assert_eq!(flags, 2);
        let dates: Vec<String> = other.mail().folders["INBOX"].messages.iter().map(|m| m.2.clone()).collect();
        assert!(dates.iter().all(|d| d == " 8-Jul-2011 12:08:34 +0000"), "{dates:?}");
    }
}

/// Every file of a folder, with its content.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn an_export_that_was_cut_goes_on() {
    let server = filled();
    for format in [Format::Maildir, Format::Mbox] {
        let folder = tempfile::tempdir().unwrap();
        let (dir, whole) = (folder.path().join("coupé"), folder.path().join("entier"));
        let _ = run(&plan(&server, &whole, format), &mut Nobody).unwrap();
        let lines = fs::read_to_string(whole.join("manifest.jsonl")).unwrap();
        // As a cut leaves it: some lines, half of one, and files behind them.
        for kept in (0..lines.lines().count()).step_by(4) {
            copy(&whole, &dir);
            let mut text: String = lines.lines().take(kept).map(|l| format!("{l}\n")).collect();
            text.push_str("{\"message\":{\"pla");
            fs::write(dir.join("manifest.jsonl"), text).unwrap();
            let counts = run(&plan(&server, &dir, format), &mut Nobody).unwrap();
            assert_eq!((counts.messages, counts.gone), (10, 0), "{kept}");
            let judged = verify(&dir).unwrap();
            assert_eq!(judged.defects, 0, "{format:?} {kept}: {judged:?}");
            fs::remove_dir_all(&dir).unwrap();
        }
        // Another export's folder, and one with something in it, are left alone.
        copy(&whole, &dir);
        fs::write(dir.join("manifest.jsonl"), lines.lines().next().unwrap().replace("anne", "luc") + "\n").unwrap();
        assert!(matches!(run(&plan(&server, &dir, format), &mut Nobody), Err(Error::Content(_, "other_export"))));
        fs::remove_file(dir.join("manifest.jsonl")).unwrap();
        assert!(matches!(run(&plan(&server, &dir, format), &mut Nobody), Err(Error::Content(_, "not_empty"))));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, other) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy(&path, &other) } else { fs::copy(path, other).map(drop).unwrap() }
    }
}

#[test]
fn a_connection_that_ends_in_a_message_does_not_end_the_export() {
    let server = filled();
    for (format, nth) in [(Format::Maildir, 2), (Format::Mbox, 20)] {
        server.mail().cut_in = Some(server.mail.lock().map(|m| m.read).unwrap_or(0) + nth % 9);
        let folder = tempfile::tempdir().unwrap();
        let counts = run(&plan(&server, folder.path(), format), &mut Nobody).unwrap();
        assert_eq!((counts.messages, verify(folder.path()).unwrap().defects), (10, 0));
    }
}

#[test]
fn an_export_that_goes_on_takes_what_came_meanwhile() {
    for format in [Format::Maildir, Format::Mbox] {
        let server = filled();
        let folder = tempfile::tempdir().unwrap();
        let _ = run(&plan(&server, folder.path(), format), &mut Nobody).unwrap();
        // Cut before its end; then a message comes into a folder that was done.
        let manifest = folder.path().join("manifest.jsonl");
        let lines = fs::read_to_string(&manifest).unwrap();
        let cut = lines.lines().filter(|l| !l.starts_with("{\"end")).map(|l| format!("{l}\n")).collect::<String>();
        fs::write(&manifest, &cut).unwrap();
        server.put("&AMk-t&AOk-/v1.2", "", HARD[1]);
        server.put("INBOX", "", HARD[1]);
        let counts = run(&plan(&server, folder.path(), format), &mut Nobody).unwrap();
        assert_eq!((counts.messages, counts.before), (12, 10));
        let judged = verify(folder.path()).unwrap();
        assert_eq!(judged.defects, 0, "{format:?}: {judged:?}");
        // A machine that lost its power kept the manifest and not the file.
        let last = lines.lines().rfind(|l| l.starts_with("{\"message")).unwrap();
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        let place = folder.path().join(last["message"]["place"].as_str().unwrap());
        let file = last["message"]["file"].as_str().map_or(place.clone(), |f| place.join(f));
        fs::write(&manifest, &cut).unwrap();
        fs::write(&file, "").unwrap();
        assert!(matches!(run(&plan(&server, folder.path(), format), &mut Nobody), Err(Error::Content(_, "shorter"))));
    }
}

#[test]
fn what_the_server_does_not_give_is_told_and_the_rest_is_taken() {
    for format in [Format::Maildir, Format::Mbox] {
        let server = filled();
        server.mail().unread = vec![("sans fin", ""), ("que l'en", "CUT"), ("finit par", "NO [SERVERBUG] damaged")];
        let folder = tempfile::tempdir().unwrap();
        let counts = run(&plan(&server, folder.path(), format), &mut Nobody).unwrap();
        assert_eq!((counts.messages, counts.unread, counts.gone), (7, 3, 0), "{format:?}");
        let judged = verify(folder.path()).unwrap();
        let found: Vec<_> = judged.told.iter().map(|d| (d.flaw, d.path.as_str(), d.uid)).collect();
        let place = if format == Format::Mbox { "INBOX.mbox" } else { "." };
        assert_eq!(found, [3, 6, 8].map(|uid| (Flaw::Unread, place, Some(uid))));
    }
}

#[test]
fn folders_that_nobody_has_are_told() {
    let server = filled();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("export");
    let only = Plan { only: vec!["Sent".into(), "Patiens".into()], ..plan(&server, &dir, Format::Maildir) };
    assert!(matches!(run(&only, &mut Nobody), Err(Error::NoFolder(name)) if name == "Patiens"));
    assert!(!dir.exists());
}

#[test]
fn whatever_is_changed_is_found() {
    let server = filled();
    for format in [Format::Maildir, Format::Mbox] {
        let folder = tempfile::tempdir().unwrap();
        let (whole, dir) = (folder.path().join("entier"), folder.path().join("changé"));
        let _ = run(&plan(&server, &whole, format), &mut Nobody).unwrap();
        let flaws = |change: &dyn Fn(&Path)| -> Vec<Flaw> {
            copy(&whole, &dir);
            change(&dir);
            let judged = verify(&dir).unwrap();
            fs::remove_dir_all(&dir).unwrap();
            judged.told.into_iter().map(|d| d.flaw).collect()
        };
        assert!(flaws(&|_| {}).is_empty());
        let manifest = |change: &dyn Fn(String) -> String| {
            flaws(&|dir| {
                let path = dir.join("manifest.jsonl");
                fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
            })
        };
        assert!(manifest(&|t| t.replace("projet", "autre")).contains(&Flaw::Manifest));
        assert_eq!(
            manifest(&|t| t.lines().filter(|l| !l.starts_with("{\"end")).map(|l| format!("{l}\n")).collect()),
            [Flaw::Unfinished]
        );
        // One octet of any message.
        for (path, content) in
            files(&whole).into_iter().filter(|(p, _)| !p.ends_with(".jsonl") && !p.ends_with("keywords"))
        {
            let relative = Path::new(&path).strip_prefix(&whole).unwrap().to_owned();
            if content.is_empty() {
                continue;
            }
            let last = content.iter().rposition(|b| b.is_ascii_alphabetic()).unwrap();
            let found = flaws(&|dir| {
                let mut content = content.clone();
                content[last] ^= 1;
                fs::write(dir.join(&relative), content).unwrap();
            });
            assert_eq!(found, [Flaw::Altered], "{path}");
            assert!(flaws(&|dir| fs::remove_file(dir.join(&relative)).unwrap()).contains(&Flaw::Missing));
        }
        let more = match format {
            Format::Maildir => flaws(&|dir| fs::write(dir.join("cur/9.x:2,S"), "x").unwrap()),
            Format::Mbox => flaws(&|dir| {
                let path = dir.join("INBOX.mbox");
                fs::write(&path, fs::read_to_string(&path).unwrap() + "From a Fri Jul  8 12:08:34 2011\nS: x\n\n")
                    .unwrap();
            }),
        };
        assert_eq!(more, [Flaw::Unlisted]);
        // Mail beside it, which an import would take; what an mbox says of flags and dates.
        match format {
            Format::Maildir => {
                assert_eq!(flaws(&|dir| copy(&dir.join("cur"), &dir.join(".Autre/cur"))), [Flaw::Unlisted]);
                let twice = flaws(&|dir| {
                    let first = fs::read_dir(dir.join("cur")).unwrap().flatten().next().unwrap().path();
                    let name = first.file_name().unwrap().to_string_lossy().into_owned();
                    fs::write(dir.join("new").join(name.split(':').next().unwrap()), "x").unwrap();
                });
                assert_eq!(twice, [Flaw::Unlisted]);
            }
            Format::Mbox => {
                assert_eq!(
                    flaws(&|dir| fs::copy(dir.join("Sent.mbox"), dir.join("Autre.mbox")).map(drop).unwrap()),
                    [Flaw::Unlisted]
                );
                for (was, is) in [("Status: RO", "Status: XO"), ("12:08:34 2011", "12:08:35 2011")] {
                    let found = flaws(&|dir| {
                        let path = dir.join("Sent.mbox");
                        fs::write(&path, fs::read_to_string(&path).unwrap().replacen(was, is, 1)).unwrap();
                    });
                    assert_eq!(found, [Flaw::Altered], "{was}");
                }
            }
        }
    }
    // Flags that a mail program changes since are no flaw.
    let folder = tempfile::tempdir().unwrap();
    let _ = run(&plan(&server, folder.path(), Format::Maildir), &mut Nobody).unwrap();
    let cur = folder.path().join("cur");
    let name = fs::read_dir(&cur).unwrap().flatten().next().unwrap().file_name().to_string_lossy().into_owned();
    fs::rename(cur.join(&name), cur.join(name.split(':').next().unwrap().to_owned() + ":2,T")).unwrap();
    assert_eq!(verify(folder.path()).unwrap().defects, 0);
}

#[test]
fn what_is_personal_is_taken_out_of_ones_own_mailbox_only() {
    let server = Played::start();
    server.put("INBOX", "\\Seen", "Subject: un\r\n\r\nun\r\n");
    server.put("INBOX", "$Personal", "Subject: deux\r\n\r\ndeux\r\n");
    server.put("Priv&AOk-", "", "Subject: trois\r\n\r\ntrois\r\n");
    server.mail().capability.push_str(" METADATA");
    // What the server says counts, however one signs in; where it says nothing, the login tells.
    for (whose, user, taken, left) in [
        (Some("own"), "anne", 3, 0),
        (Some("own"), "anne*anne@chu.example", 3, 0),
        (Some("shared"), "anne", 1, 2),
        (Some("shared"), "anne*accueil@chu.example", 1, 2),
        (None, "anne", 3, 0),
        (None, "anne*accueil@chu.example", 1, 2),
    ] {
        server.mail().whose = whose;
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(&server, &folder.path().join("sortie"), Format::Maildir);
        plan.login.user = user.into();
        let counts = run(&plan, &mut Nobody).unwrap();
        assert_eq!((counts.messages, counts.personal), (taken, left), "{whose:?} {user}");
    }
}
