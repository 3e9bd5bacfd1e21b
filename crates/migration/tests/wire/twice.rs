//! An import that is run again brings nothing twice, wherever it was cut; what is refused is told and the rest goes on.
use crate::played::Played;
use sceau_migration::Error;
use sceau_migration::import::{Counts, Plan, Refused, Witness, run};
use sceau_migration::journal::Journal;
use sceau_migration::maildir::Maildir;
use sceau_migration::mbox::{Form, Mbox};
use sceau_migration::source::{Server, Source};
use std::path::Path;
use std::time::Duration;

/// Remembers what it was told.
#[derive(Debug, Default)]
pub struct Told {
    pub refused: Vec<Refused>,
    pub cuts: usize,
    pub left_out: Vec<String>,
}

impl Witness for Told {
    fn folder(&mut self, _: &str, _: &str, _: usize) {}
    fn step(&mut self, _: &Counts) {}
    fn left_out(&mut self, folder: &str) {
        self.left_out.push(folder.to_owned());
    }
    fn refused(&mut self, refused: &Refused) {
        self.refused.push(refused.clone());
    }
    fn cut(&mut self, _: &Error, _: Duration) {
        self.cuts += 1;
    }
}

fn plan(to: &Played) -> Plan {
    Plan { login: to.login(), into: None, only: Vec::new(), dry_run: false }
}

fn bring(source: &mut dyn Source, to: &Played, journal: Option<&Path>) -> (Counts, Told) {
    let mut journal = journal.map_or_else(Journal::none, |p| Journal::open(p, "ici").unwrap());
    let mut told = Told::default();
    let counts = run(source, &plan(to), &mut journal, &mut told).unwrap();
    (counts, told)
}

fn counted(c: &Counts) -> (u64, u64, u64) {
    (c.brought, c.present, c.refused)
}

/// A Maildir with messages in two folders; two files are copies of one message.
fn maildir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("cur/1.a:2,S", "un"),
        ("cur/2.a:2,", "deux"),
        ("new/3.a", "deux"),
        (".Envoy&AOk-s/cur/4.a:2,RS", "quatre"),
        (".Patients.Dr A/new/5.a", "cinq"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("Subject: {text}\n\n{text}\n")).unwrap();
    }
    folder
}

#[test]
fn the_second_run_brings_nothing_with_a_journal_or_without() {
    let (from, to) = (maildir(), Played::start());
    let journal = from.path().join("journal");
    let source = || Maildir::new(from.path());
    let (counts, told) = bring(&mut source(), &to, Some(&journal));
    assert_eq!((counted(&counts), counts.folders, told.refused.len()), ((5, 0, 0), 3, 0));
    assert_eq!(to.contents("INBOX").len(), 3);
    // What programs call so goes where the BAL keeps it.
    assert_eq!(to.contents("Sent"), ["Subject: quatre\r\n\r\nquatre\r\n"]);
    assert_eq!(to.mail().folders["Sent"].messages[0].1, "\\Seen \\Answered");
    assert_eq!(to.contents("Patients/Dr A").len(), 1);
    let read = to.mail().read;
    assert_eq!(counted(&bring(&mut source(), &to, Some(&journal)).0), (0, 5, 0));
    assert_eq!(to.mail().read, read, "with a journal nothing is compared");
    assert_eq!(counted(&bring(&mut source(), &to, None).0), (0, 5, 0));
    // One copy of two went: one is brought.
    to.mail().folders.get_mut("INBOX").unwrap().messages.retain(|m| m.0 != 2);
    assert_eq!(counted(&bring(&mut source(), &to, None).0), (1, 4, 0));
    // A folder that was made anew holds nothing of what the journal says.
    to.mail().folders.get_mut("INBOX").unwrap().validity = 70;
    to.mail().folders.get_mut("INBOX").unwrap().messages.clear();
    assert_eq!(counted(&bring(&mut source(), &to, Some(&journal)).0), (3, 2, 0));
}

#[test]
fn a_connection_that_ends_when_a_message_was_just_kept() {
    let (from, to) = (maildir(), Played::start());
    to.mail().cut_after = Some(2);
    let (counts, told) = bring(&mut Maildir::new(from.path()), &to, None);
    // The one that was kept without a word is found by its content.
    assert_eq!((counted(&counts), told.cuts), ((4, 1, 0), 1));
    assert_eq!(to.contents("INBOX").len() + to.contents("Sent").len() + to.contents("Patients/Dr A").len(), 5);
}

#[test]
fn a_source_that_breaks_off_in_a_message_leaves_no_half_of_it() {
    let (from, to) = (Played::start(), Played::start());
    let large = format!("Subject: x\r\n\r\n{}\r\n", "a".repeat(3 << 20));
    for text in ["Subject: a\r\n\r\na\r\n", &large, "Subject: b\r\n\r\nb\r\n"] {
        from.put("INBOX", "\\Seen $x", text);
    }
    from.put("&AMk-t&AOk-", "", "Subject: c\r\n\r\nc\r\n");
    from.mail().cut_in = Some(2);
    let mut server = Server::open(from.login()).unwrap();
    let (counts, told) = bring(&mut server, &to, None);
    assert_eq!((counted(&counts), told.cuts), ((4, 0, 0), 1));
    assert_eq!(to.contents("INBOX"), from.contents("INBOX"));
    assert_eq!(to.contents("&AMk-t&AOk-"), from.contents("&AMk-t&AOk-"));
    let kept = to.mail().folders["INBOX"].messages[1].clone();
    assert_eq!((kept.1.as_str(), kept.2.as_str()), ("\\Seen $x", " 8-Jul-2011 12:08:34 +0000"));
    // Again, from a server that tells wrong sizes.
    from.mail().lies = 12;
    assert_eq!(counted(&bring(&mut Server::open(from.login()).unwrap(), &to, None).0), (0, 4, 0));
}

#[test]
fn what_is_refused_is_told_and_the_rest_goes_on() {
    let (from, to) = (maildir(), Played::start());
    std::fs::write(from.path().join("new/6.a"), "").unwrap();
    std::fs::write(from.path().join("new/7.a"), "x".repeat(2000)).unwrap();
    to.mail().capability.push_str(" APPENDLIMIT=1000");
    to.mail().refused =
        vec![("un", "NO [NOPERM] infected (message.infected)"), ("quatre", "NO [OVERQUOTA] full (quota.exceeded)")];
    let (counts, told) = bring(&mut Maildir::new(from.path()), &to, None);
    // An infected message is no reason to leave the ones behind it.
    assert_eq!((counts.messages, counted(&counts)), (7, (3, 0, 4)));
    let codes: Vec<_> = told.refused.iter().map(|r| (r.no.code.clone().unwrap(), r.count)).collect();
    let expected = ["EMPTY", "NOPERM", "OVERQUOTA", "TOOBIG"].map(|code| (code.to_owned(), 1));
    assert_eq!(codes.iter().cloned().collect::<std::collections::BTreeSet<_>>(), expected.into());
    // Who may not file into a folder is not asked again for each message.
    let to = Played::start();
    to.mail().refused = vec![("", "NO [NOPERM] not yours (right.missing)")];
    let (counts, told) = bring(&mut Maildir::new(from.path()), &to, None);
    assert_eq!((counted(&counts), told.refused.iter().map(|r| r.count).sum::<u64>()), ((0, 0, 7), 7));
    assert!(told.refused.len() < 6, "{told:?}");
    // A folder that is not for this person: none of its messages counts as brought.
    let to = Played::start();
    to.mail().shut = Some("Patients/Dr A");
    let (counts, told) = bring(&mut Maildir::new(from.path()), &to, None);
    assert_eq!((counted(&counts), told.refused[1].count), ((5, 0, 2), 1), "{told:?}");
    // Keywords for which there is no room are left out, the message is not.
    let to = Played::start();
    std::fs::write(from.path().join("dovecot-keywords"), "0 projet\n").unwrap();
    std::fs::write(from.path().join("cur/8.a:2,Sa"), "Subject: huit\n\nhuit\n").unwrap();
    let (counts, _) = bring(&mut Maildir::new(from.path()), &to, None);
    assert_eq!(
        (counts.bare, to.mail().folders["INBOX"].messages.iter().filter(|m| m.1.contains("projet")).count()),
        (0, 1)
    );
}

#[test]
fn a_message_that_the_source_does_not_give_is_told_and_the_rest_goes_on() {
    let (from, to) = (Played::start(), Played::start());
    for text in ["un", "deux", "trois", "quatre"] {
        from.put("INBOX", "", &format!("Subject: {text}\r\n\r\n{text}\r\n"));
    }
    from.mail().unread = vec![("un", "NO [SERVERBUG] damaged"), ("trois", "")];
    let (counts, told) = bring(&mut Server::open(from.login()).unwrap(), &to, None);
    assert_eq!((counted(&counts), counts.gone), ((2, 0, 2), 0), "{told:?}");
    let codes: Vec<_> = told.refused.iter().map(|r| r.no.code.clone().unwrap()).collect();
    assert_eq!((codes, to.contents("INBOX").len()), (vec!["SERVERBUG".to_owned(), "UNREAD".to_owned()], 2));
    // One that stands in the BAL and cannot be compared hinders none.
    to.mail().unread = vec![("deux", "NO [SERVERBUG] damaged")];
    from.mail().unread.clear();
    let (counts, _) = bring(&mut Server::open(from.login()).unwrap(), &to, None);
    assert_eq!((counts.refused, to.contents("INBOX").iter().filter(|t| t.contains("trois")).count()), (0, 1));
}

#[test]
fn what_a_source_gives_without_end_is_not_listened_to() {
    let (from, to) = (Played::start(), Played::start());
    for text in ["un", "deux", "trois"] {
        from.put("INBOX", "", &format!("Subject: {text}\r\n\r\n{text}\r\n"));
    }
    from.mail().unread = vec![("deux", "HUGE")];
    to.mail().capability.push_str(" APPENDLIMIT=1000");
    let (counts, told) = bring(&mut Server::open(from.login()).unwrap(), &to, None);
    assert_eq!((counted(&counts), told.cuts), ((2, 0, 1), 0));
    let refused = &told.refused[0];
    assert_eq!((refused.no.code.as_deref(), refused.size), (Some("TOOBIG"), Some(999_999_999_999)));
}

#[test]
fn a_source_whose_folder_is_made_anew_gives_nothing_under_old_numbers() {
    let (from, to) = (Played::start(), Played::start());
    for text in ["un", "deux", "trois"] {
        from.put("INBOX", "\\Seen", &format!("Subject: {text}\r\n\r\n{text}\r\n"));
    }
    from.put("Suite", "", "Subject: suite\r\n\r\nsuite\r\n");
    from.mail().cut_in = Some(2);
    from.mail().anew = true;
    let (counts, told) = bring(&mut Server::open(from.login()).unwrap(), &to, None);
    assert_eq!(counted(&counts), (2, 0, 2));
    assert_eq!((told.refused[0].no.code.as_deref(), told.refused[0].count), (Some("CHANGED"), 2));
    assert_eq!(to.contents("INBOX"), ["Subject: un\r\n\r\nun\r\n"]);
    assert_eq!(to.contents("Suite").len(), 1);
    // Again, it is what the folder holds now.
    from.mail().anew = false;
    assert_eq!(counted(&bring(&mut Server::open(from.login()).unwrap(), &to, None).0), (3, 1, 0));
}

#[test]
fn a_journal_of_another_import_is_not_believed() {
    let (one, other, to) = (Played::start(), Played::start(), Played::start());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    one.put("INBOX", "", "Subject: un\r\n\r\nun\r\n");
    other.put("INBOX", "", "Subject: autre\r\n\r\nautre\r\n");
    for (server, about) in [(&one, "one"), (&other, "other")] {
        let mut journal = Journal::open(&path, about).unwrap();
        let mut source = Server::open(server.login()).unwrap();
        let counts = run(&mut source, &plan(&to), &mut journal, &mut Told::default()).unwrap();
        assert_eq!(counted(&counts), (1, 0, 0), "{about}");
    }
    assert_eq!(to.contents("INBOX").len(), 2);
}

#[test]
fn a_server_that_puts_off_everything_ends_the_import() {
    let (from, to) = (maildir(), Played::start());
    to.mail().refused = vec![("", "NO [UNAVAILABLE] later (antivirus.unavailable)")];
    let done = run(
        &mut Maildir::new(from.path()),
        &Plan { only: vec!["INBOX".into()], ..plan(&to) },
        &mut Journal::none(),
        &mut Told::default(),
    );
    assert!(matches!(&done, Err(Error::No(no)) if no.is("UNAVAILABLE")), "{done:?}");
}

#[test]
fn views_are_left_out_unless_they_are_named_and_names_must_be_there() {
    let (from, to) = (Played::start(), Played::start());
    from.put("INBOX", "", "Subject: un\r\n\r\nun\r\n");
    from.put("Tous", "", "Subject: deux\r\n\r\ndeux\r\n");
    from.mail().folders.get_mut("Tous").unwrap().attributes = "\\All".into();
    let (counts, told) = bring(&mut Server::open(from.login()).unwrap(), &to, None);
    assert_eq!((counts.brought, told.left_out), (1, vec!["Tous".to_owned()]));
    let named = |name: &str| {
        let plan = Plan { only: vec![name.to_owned()], ..plan(&to) };
        run(&mut Server::open(from.login()).unwrap(), &plan, &mut Journal::none(), &mut Told::default())
    };
    assert_eq!(named("Tous").unwrap().brought, 1);
    assert!(matches!(named("Tout"), Err(Error::NoFolder(_))));
}

#[test]
fn an_mbox_by_content_since_its_places_move() {
    let (folder, to) = (tempfile::tempdir().unwrap(), Played::start());
    let (path, journal) = (folder.path().join("Archives"), folder.path().join("journal"));
    let message = |text: &str| format!("From a@b Fri Jul  8 12:08:34 2011\nSubject: {text}\nStatus: RO\n\n{text}\n\n");
    let write = |texts: &[&str]| std::fs::write(&path, texts.iter().map(|t| message(t)).collect::<String>()).unwrap();
    write(&["un", "deux", "deux"]);
    assert_eq!(counted(&bring(&mut Mbox::new(&path, Form::Any), &to, Some(&journal)).0), (3, 0, 0));
    assert_eq!(to.mail().folders["Archives"].messages[0].1, "\\Seen");
    assert_eq!(to.mail().folders["Archives"].messages[0].2, " 8-Jul-2011 12:08:34 +0000");
    // One is taken out of the file, one is put before.
    write(&["zéro", "deux", "deux"]);
    let read = to.mail().read;
    assert_eq!(counted(&bring(&mut Mbox::new(&path, Form::Any), &to, Some(&journal)).0), (1, 2, 0));
    assert_eq!(to.mail().read, read);
}

#[test]
fn only_some_folders_below_another_and_a_dry_run() {
    let (from, to) = (maildir(), Played::start());
    let mut told = Told::default();
    let only = Plan { into: Some("Ancien".into()), only: vec!["Patients".into()], dry_run: true, ..plan(&to) };
    let dry = run(&mut Maildir::new(from.path()), &only, &mut Journal::none(), &mut told).unwrap();
    assert_eq!((dry.brought, to.mail().folders.len()), (1, 2));
    let real = Plan { dry_run: false, ..only };
    assert_eq!(run(&mut Maildir::new(from.path()), &real, &mut Journal::none(), &mut told).unwrap().brought, 1);
    assert_eq!(to.contents("Ancien/Patients/Dr A").len(), 1);
}

#[test]
fn one_import_at_a_time_goes_into_a_mailbox() {
    let (to, files, folder) = (Played::start(), maildir(), tempfile::tempdir().unwrap());
    let path = folder.path().join("journal");
    to.mail().capability.push_str(" METADATA");
    to.mail().importing = Some("une importation est en cours");
    // Told before anything is brought, in the server's words.
    let mut journal = Journal::open(&path, "ici").unwrap();
    let done = run(&mut Maildir::new(files.path()), &plan(&to), &mut journal, &mut Told::default());
    assert!(matches!(&done, Err(Error::No(no)) if no.is("INUSE") && no.text.contains("en cours")), "{done:?}");
    assert_eq!(to.mail().kept, 0);
    assert_eq!(to.mail().said.len(), 1);
    // A dry run brings nothing, and asks nobody.
    let dry = Plan { dry_run: true, ..plan(&to) };
    run(&mut Maildir::new(files.path()), &dry, &mut journal, &mut Told::default()).unwrap();
    drop(journal);
    assert_eq!(to.mail().said.len(), 1);
    // Cut, it says its word again, which is that of its journal; and takes it away at its end.
    to.mail().importing = None;
    to.mail().cut_after = Some(2);
    let (counts, told) = bring(&mut Maildir::new(files.path()), &to, Some(&path));
    assert_eq!((counts.brought + counts.present, told.cuts), (5, 1));
    let said = std::mem::take(&mut to.mail().said);
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said[..3].iter().all(|word| *word == said[0]) && said[3] == "NIL", "{said:?}");
    assert!(said[0].len() == 32 && said[0].bytes().all(|b| b.is_ascii_hexdigit()), "{said:?}");
    bring(&mut Maildir::new(files.path()), &to, None);
    bring(&mut Maildir::new(files.path()), &to, None);
    let others = to.mail().said.clone();
    assert!(others.len() == 4 && others[0] != said[0] && others[0] != others[2], "{others:?}");
}
