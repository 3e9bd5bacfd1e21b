//! Libraries that other programs are made of: IMAPClient (Python) and ImapFlow (Node), of the versions in tests/clients.
use super::{Desk, FOLDER};
use sceau_e2e::{Run, proof};

pub fn imap_client(desk: &Desk<'_>) {
    let library = format!("PYTHONPATH={}", proof::workspace().join("target/client-tools/python").display());
    script(desk, &["env", &library, "python3", "-B"], "imap_client.py", &[]);
}

pub fn imap_flow(desk: &Desk<'_>) {
    let library = proof::workspace().join("target/client-tools").display().to_string();
    script(desk, &["node"], "imap_flow.mjs", &[&library]);
}

fn script(desk: &Desk<'_>, with: &[&str], name: &str, more: &[&str]) {
    let path = proof::workspace().join("tests/scripts").join(name).display().to_string();
    let ready = desk.sandbox.ready_file().display().to_string();
    let (operator, number) = (desk.numbers.0.to_string(), desk.numbers.1.to_string());
    let args = [&with[1..], &[path.as_str(), &ready], more, &[&operator, "Per", &number, FOLDER]].concat();
    let run = Run::of(with[0], &args).ok();
    assert_eq!(run.out.trim(), "done", "{}", run.err);
}
