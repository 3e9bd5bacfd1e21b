//! Replies that a client reads: no panic, budgets kept, nothing that a terminal or a log could mistake.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_smtp::codec::capabilities::Capabilities;
use sceau_smtp::codec::response::{MAX_LINES, ReplyParser};

fuzz_target!(|bytes: &[u8]| {
    let mut parser = ReplyParser::default();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match parser.push(line) {
            Ok(Some(reply)) => {
                assert!((200..600).contains(&reply.code) && reply.lines.len() <= MAX_LINES);
                assert!(!reply.text().chars().any(char::is_control));
                assert!(reply.status_or_default().starts_with(&(reply.code / 100).to_string()));
                let _ = Capabilities::of(&reply);
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
});
