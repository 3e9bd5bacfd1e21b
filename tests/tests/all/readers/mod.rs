//! Programs that people read mail with, as Debian and the libraries' registries ship them, each on a BAL of its own: it finds
//! three letters and a folder whose name has accents, a space and an apostrophe; it reads, flags, moves, removes and files;
//! what it did is looked for on the server's side by another session.
mod alpine;
mod curl;
mod desk;
mod fetchmail;
mod getmail;
mod libraries;
mod mbsync;
mod neomutt;
mod offlineimap;
mod thunderbird;

use desk::{Desk, FOLDER, WIRE};
use sceau_e2e::{Sandbox, proves};
use std::thread;

/// A program, how it is driven, and what is there afterwards: folder, SEARCH key, how many.
struct Reader {
    name: &'static str,
    drive: fn(&Desk<'_>),
    after: &'static [(&'static str, &'static str, usize)],
}

/// After all that a client can do: the first letter is flagged and stays, the second was moved, the third is gone, one came.
const ALL: &[(&str, &str, usize)] = &[
    ("INBOX", "SUBJECT Premier FLAGGED", 1),
    ("INBOX", "OR SUBJECT Second SUBJECT Trois", 0),
    (WIRE, "SUBJECT Ancien", 1),
    (WIRE, "SUBJECT Second", 1),
    (WIRE, "NOT SUBJECT Second NOT SUBJECT Ancien", 1),
];
/// After a program that takes everything away.
const EMPTY: &[(&str, &str, usize)] = &[("INBOX", "ALL", 0), (WIRE, "ALL", 0)];

#[test]
fn libraries_and_curl() {
    let _proof = proves(&["F057", "F227a"], "imap");
    all(&[
        Reader { name: "curl", drive: curl::drive, after: ALL },
        Reader { name: "IMAPClient", drive: libraries::imap_client, after: ALL },
        Reader { name: "ImapFlow", drive: libraries::imap_flow, after: ALL },
    ]);
}

#[test]
fn programs_that_take_mail_away_or_keep_it_in_step() {
    let _proof = proves(&["F057", "F227a"], "imap");
    all(&[
        Reader { name: "fetchmail", drive: fetchmail::drive, after: EMPTY },
        Reader { name: "getmail", drive: getmail::drive, after: EMPTY },
        Reader { name: "offlineimap", drive: offlineimap::drive, after: ALL },
    ]);
}

#[test]
fn programs_at_a_terminal() {
    let _proof = proves(&["F057", "F227a"], "imap");
    all(&[
        Reader { name: "neomutt", drive: neomutt::drive, after: ALL },
        Reader { name: "alpine", drive: alpine::drive, after: ALL },
    ]);
}

/// All of them at once, each on the next personal BAL.
fn all(readers: &[Reader]) {
    let sandbox = Sandbox::start();
    let wrong: Vec<&str> = thread::scope(|scope| {
        let started: Vec<_> = readers
            .iter()
            .enumerate()
            .map(|(i, reader)| {
                let sandbox = &sandbox;
                let work = move || {
                    let desk = Desk::new(sandbox, i);
                    (reader.drive)(&desk);
                    for (folder, key, count) in reader.after {
                        let found = desk.find(folder, key);
                        assert_eq!(found.len(), *count, "{}: {key} in {folder}: {found:?}", reader.name);
                    }
                };
                (
                    reader.name,
                    thread::Builder::new().name(reader.name.into()).spawn_scoped(scope, work).expect("thread"),
                )
            })
            .collect();
        started.into_iter().filter_map(|(name, run)| run.join().is_err().then_some(name)).collect()
    });
    assert!(wrong.is_empty(), "{wrong:?}: see above");
}
