//! The MIME scanner: never panics, does not see how its input is cut, and every part lies inside its parent.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::scan::{Limits, Part, Scan, ScanError, Scanner};
use sceau_message::summary::Summary;

fn scan(message: &[u8], size: usize) -> Result<Scan, ScanError> {
    let mut scanner = Scanner::new(Limits::default());
    for piece in message.chunks(size) {
        scanner.push(piece)?;
    }
    scanner.finish()
}

fn check(part: &Part) {
    assert_eq!(part.header.0 + part.header.1, part.body.0);
    let (mut at, end) = (part.body.0, part.body.0 + part.body.1);
    for child in &part.children {
        assert!(child.header.0 >= at);
        at = child.body.0 + child.body.1;
        assert!(at <= end);
        check(child);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, message)) = input.split_first() else { return };
    let whole = scan(message, usize::MAX);
    assert_eq!(whole, scan(message, usize::from(size).max(1)));
    let Ok(whole) = whole else { return };
    assert_eq!(whole.root.body.0 + whole.root.body.1, message.len() as u64);
    check(&whole.root);
    let summary = Summary::of(&whole, &Limits::default());
    assert_eq!(Summary::from_bytes(&summary.to_bytes()), Some(summary));
});
