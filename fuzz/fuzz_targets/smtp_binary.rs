//! Binary messages written anew: no panic; what comes out is lines, whatever goes in and however it is cut.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::binary::Rewriter;
use sceau_message::lines::{LINE, LineCheck};
use sceau_message::scan::{Limits, Scanner};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, message)) = bytes.split_first() else { return };
    let mut scanner = Scanner::new(Limits::default());
    if scanner.push(message).is_err() {
        return;
    }
    let Ok(scan) = scanner.finish() else { return };
    let Ok(mut writer) = Rewriter::new(&scan.root) else { return };
    let mut out = Vec::new();
    for piece in message.chunks(usize::from(*cut) + 1) {
        if writer.push(piece, &mut out).is_err() {
            return;
        }
    }
    if writer.finish(&mut out).is_ok() {
        let mut check = LineCheck::new(LINE);
        check.push(&out);
        assert_eq!(check.finish(), None);
    }
});
