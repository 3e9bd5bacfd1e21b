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
}

impl Witness for Told {
    fn folder(&mut self, _: &str, _: &str, _: usize) {}
    fn step(&mut self, _: &Counts) {}
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
    let mut journal = journal.map_or_else(Journal::none, |p| Journal::open(p).unwrap());
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
    assert_eq!(counts.messages, 7);
    let codes: Vec<_> = told.refused.iter().map(|r| (r.no.code.clone().unwrap(), r.count)).collect();
    assert!(codes.contains(&("OVERQUOTA".into(), 1)) && codes.contains(&("NOPERM".into(), 1)), "{codes:?}");
    assert_eq!(counts.brought + counts.refused, 7);
    assert_eq!(told.refused.iter().map(|r| r.count).sum::<u64>(), counts.refused);
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
