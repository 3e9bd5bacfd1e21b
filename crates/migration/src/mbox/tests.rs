//! Files of every custom.
use super::*;
use crate::content::gather;
use crate::source::Source as _;
use std::fs;

const DATE: &str = "Fri Jul  8 12:08:34 2011";

/// Messages as they come out, with LF, and their flags.
fn read(content: &str, form: Form) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, content).unwrap();
    let all = index(&path, form).unwrap();
    let one = |found: &Found| {
        let mut out = Vec::new();
        each(&path, found, &mut gather(&mut out)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
        (text.replace("\r\n", "\n"), found.flags.imap().join(" "))
    };
    all.iter().map(one).collect()
}

fn texts(content: &str, form: Form) -> Vec<String> {
    read(content, form).into_iter().map(|(text, _)| text).collect()
}

#[test]
fn separators_and_quotes() {
    let file = format!(
        "From a@b {DATE}\nSubject: un\n\nun\n>From moi\n>>From toi\n> From\n\nFrom - {DATE}\nSubject: deux\n\nFrom là\n\nFrom ici sans date\n"
    );
    let quoted = "Subject: un\n\nun\nFrom moi\n>From toi\n> From\n";
    // A line that names no date is no separator, though an empty line stands before it.
    let second = "Subject: deux\n\nFrom là\n\nFrom ici sans date\n";
    assert_eq!(texts(&file, Form::Any), [quoted, second]);
    assert_eq!(texts(&file, Form::Rd), [quoted, second]);
    assert_eq!(texts(&file, Form::O)[0], "Subject: un\n\nun\nFrom moi\n>>From toi\n> From\n");
    assert_eq!(texts(&file.replace('\n', "\r\n"), Form::Any), [quoted, second]);
    // A separator without an empty line before it is a line of the text.
    assert_eq!(
        texts(&format!("From a {DATE}\nS: x\n\ntexte\nFrom b {DATE}\n"), Form::Any),
        [format!("S: x\n\ntexte\nFrom b {DATE}\n")]
    );
    // Senders with spaces; the end of the file without a line's end; nothing but a header; nothing.
    assert_eq!(texts(&format!("From \"a b\"@c {DATE}\nS: x\n\ny"), Form::Any), ["S: x\n\ny"]);
    assert_eq!(texts(&format!("From a {DATE}\nS: x\n\nFrom b {DATE}\nS: y\n"), Form::Any), ["S: x\n", "S: y\n"]);
    assert_eq!(texts(&format!("\n\nFrom a {DATE}\n\n"), Form::Any).len(), 1);
    assert!(texts("", Form::Any).is_empty());
}

#[test]
fn lengths_are_believed_when_they_are_right() {
    let body = format!("un\n\nFrom b {DATE}\n>From c\n");
    let with = |n: usize| {
        format!("From a {DATE}\nContent-Length: {n}\nSubject: x\n\n{body}\nFrom d {DATE}\nSubject: y\n\ndeux\n\n")
    };
    let right = with(body.len());
    assert_eq!(texts(&right, Form::Any), [format!("Subject: x\n\n{body}"), "Subject: y\n\ndeux\n".into()]);
    assert_eq!(texts(&right, Form::Cl)[0], format!("Subject: x\n\nun\n\nFrom b {DATE}\nFrom c\n"));
    // Wrong, beyond the end, no number at all: separators say it.
    for wrong in [with(3), with(90_000), with(usize::MAX)] {
        let all = texts(&wrong, Form::Any);
        assert!(all.len() == 3 && all[0].ends_with("Subject: x\n\nun\n"), "{all:?}");
    }
    assert_eq!(texts(&right, Form::Rd).len(), 3);
    // The last message's length may reach to the very end.
    assert_eq!(texts(&format!("From a {DATE}\nContent-Length: 2\n\nab"), Form::Any), ["\nab"]);
}

#[test]
fn flags_of_every_program() {
    let message = |fields: &str| format!("From a {DATE}\n{fields}Subject: x\n\ny\n\n");
    let file = [
        message("Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1310126914 0000000005\n"),
        message("Status: RO\nX-Status: AF\nX-Keywords: projet\n  suite\nX-UID: 4\n"),
        message("X-Mozilla-Status: 0009\n"),
        message("X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: $label1        \n"),
        message("Status: O\n"),
    ];
    let expected = ["\\Seen \\Answered \\Flagged projet", "\\Seen $label1", ""];
    assert_eq!(
        read(&file.concat(), Form::Any),
        expected.map(|flags| ("Subject: x\n\ny\n".to_owned(), flags.to_owned()))
    );
}

#[test]
fn no_sender_has_a_message_taken_for_none() {
    let said = "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA";
    let message = |fields: &str| format!("From a {DATE}\n{fields}\ny\n\n");
    let file = [
        // Without what UW writes beside it, and not in the first place.
        message(&format!("Subject: {said}\n")),
        message(&format!("Subject: {said}\nX-IMAP: 1 2\n")),
        // Behind what a server added, and behind what Mozilla says itself.
        message("Received: by x\nX-Mozilla-Status: 0009\n"),
        message(
            "X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000\nReceived: by x\nX-Mozilla-Status: 0009\nX-Status: D\n",
        ),
    ];
    let flags: Vec<String> = read(&file.concat(), Form::Any).into_iter().map(|(_, flags)| flags).collect();
    assert_eq!(flags, ["", "", "", "\\Seen"]);
}

#[test]
fn a_file_that_is_written_meanwhile_gives_no_part_of_another_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let message = |text: &str| format!("From a {DATE}\nSubject: {text}\n\n{text}\n\n");
    fs::write(&path, [message("un"), message("deux"), message("trois")].concat()).unwrap();
    let mut mbox = Mbox::new(&path, Form::Any);
    let folders = mbox.folders().unwrap();
    let items = mbox.open(&folders[0]).unwrap();
    // Mail that comes changes nothing.
    fs::write(&path, [message("un"), message("deux"), message("trois"), message("quatre")].concat()).unwrap();
    assert!(mbox.measure(&items[2]).unwrap().is_some());
    fs::write(&path, [message("deux"), message("trois"), message("quatre")].concat()).unwrap();
    assert!(matches!(mbox.measure(&items[2]), Err(Error::Content(_, "changed"))));
    // A pipe is not waited for.
    let pipe = folder.path().join("tube");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let mut mbox = Mbox::new(&pipe, Form::Any);
    let folders = mbox.folders().unwrap();
    assert!(matches!(mbox.open(&folders[0]), Err(Error::Content(_, "no_file"))));
}

#[test]
fn lines_without_an_end_and_what_is_no_mbox() {
    let long = "x".repeat(300_000);
    assert_eq!(
        texts(&format!("From a {DATE}\nS: {long}\n\n{long}\n>From {long}\n"), Form::Any),
        [format!("S: {long}\n\n{long}\nFrom {long}\n")]
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, "bonjour\n").unwrap();
    assert!(matches!(index(&path, Form::Any), Err(Error::Content(..))));
}

#[test]
fn trees_of_mail_programs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let one = format!("From a {DATE}\nS: x\n\ny\n\n");
    for name in [
        "Inbox",
        "Inbox.msf",
        "Patients.sbd/2024",
        "Envoyés.mbox/mbox",
        "Envoyés.mbox/table_of_contents",
        "notes.txt",
        "vide",
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_mbox = !["msf", "table", "notes", "vide"].iter().any(|n| name.contains(n));
        fs::write(
            path,
            if is_mbox {
                one.as_str()
            } else if name == "vide" {
                ""
            } else {
                "autre chose"
            },
        )
        .unwrap();
    }
    let mut mbox = Mbox::new(root, Form::Any);
    let folders = mbox.folders().unwrap();
    let names: Vec<String> = folders.iter().map(|f| f.levels.join("|")).collect();
    assert_eq!(names, ["Envoyés", "INBOX", "Patients|2024"]);
    let items = mbox.open(&folders[2]).unwrap();
    assert_eq!((items.len(), items[0].date), (1, Some(1_310_126_914)));
    assert_eq!(mbox.measure(&items[0]).unwrap(), Some(crate::content::measure(b"S: x\r\n\r\ny\r\n")));
    let mut alone = Mbox::new(&root.join("Patients.sbd/2024"), Form::Any);
    assert_eq!(alone.folders().unwrap()[0].levels, ["2024"]);
}
