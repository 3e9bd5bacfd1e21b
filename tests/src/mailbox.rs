//! A BAL seen through IMAP, as far as counting goes.
use crate::peer::{Tls, Wire};
use crate::sandbox::{Account, Operator};
use std::collections::BTreeMap;

/// A logged-in IMAP session over implicit TLS.
#[derive(Debug)]
pub struct Mailbox(Wire);

impl Mailbox {
    /// Logs in with the account's token.
    #[track_caller]
    pub fn open(operator: &Operator, account: &Account, tls: &Tls) -> Self {
        let mut wire = Wire::connect_from(1, &operator.endpoints.imaps).expect("IMAP answers");
        wire.handshake(tls).expect("handshake");
        let greeting = wire.line().expect("greeting");
        assert!(greeting.starts_with("* OK"), "{greeting}");
        let mut mailbox = Self(wire);
        mailbox.ok(&format!("LOGIN \"{}\" \"{}\"", account.login, account.token));
        mailbox
    }
    /// Says a command; everything up to its tagged answer, that included.
    #[track_caller]
    pub fn say(&mut self, command: &str) -> String {
        self.0.put(format!("e2e.tag {command}\r\n").as_bytes()).expect("sent");
        let mut all = String::new();
        loop {
            let line = self.0.line().unwrap_or_else(|e| panic!("{command}: {e} after {all}"));
            let last = line.starts_with("e2e.tag ");
            all.push_str(&line);
            if last {
                return all;
            }
        }
    }
    /// Says a command that must succeed.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> String {
        let answer = self.say(command);
        let verb = command.split(' ').next().unwrap_or_default();
        assert!(answer.lines().last().is_some_and(|l| l.starts_with("e2e.tag OK")), "{verb}: {answer}");
        answer
    }
    /// Begins to wait (IDLE); nothing else may be said until [`Mailbox::wait_for`] ended it.
    #[track_caller]
    pub fn idle(&mut self) {
        self.0.put(b"e2e.tag IDLE\r\n").expect("sent");
        loop {
            let line = self.0.line().expect("continuation");
            if line.starts_with('+') {
                return;
            }
        }
    }
    /// Waits until an untagged answer holds this word, and ends the IDLE.
    #[track_caller]
    pub fn wait_for(&mut self, word: &str) {
        loop {
            let line = self.0.line().unwrap_or_else(|e| panic!("{word}: {e}"));
            if line.contains(word) {
                break;
            }
        }
        self.0.put(b"DONE\r\n").expect("sent");
        while !self.0.line().expect("answer").starts_with("e2e.tag ") {}
    }
    /// APPENDs a message to a folder.
    #[track_caller]
    pub fn append(&mut self, folder: &str, flags: &str, message: &[u8]) {
        let line = self.say_literal(&format!("APPEND {folder} ({flags})"), message);
        assert!(line.starts_with("e2e.tag OK"), "APPEND: {line}");
    }
    /// Says a command that ends with a literal; its tagged answer.
    #[track_caller]
    pub fn say_literal(&mut self, command: &str, literal: &[u8]) -> String {
        let start = format!("e2e.tag {command} {{{}+}}\r\n", literal.len());
        self.0.put(&[start.as_bytes(), literal, b"\r\n"].concat()).expect("sent");
        let mut untagged = Vec::new();
        loop {
            let line = self.0.line().unwrap_or_else(|e| panic!("no answer to {command}: {e}; before it: {untagged:?}"));
            if line.starts_with("e2e.tag ") {
                return line;
            }
            untagged.push(line);
        }
    }
    /// Number of messages of a folder by Message-ID (its part before the `@`).
    #[track_caller]
    pub fn count(&mut self, folder: &str) -> BTreeMap<String, u32> {
        self.ok(&format!("EXAMINE {folder}"));
        let mut counts = BTreeMap::new();
        for line in self.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").lines() {
            if let Some(id) = line.get(..12).filter(|n| n.eq_ignore_ascii_case("Message-ID: ")).map(|_| &line[12..]) {
                let id = id.trim().trim_start_matches('<').split('@').next().unwrap_or_default();
                *counts.entry(id.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}
