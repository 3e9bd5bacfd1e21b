//! The envelope of an address field full of anything: no panic, no line end in a value, groups opened and closed in turn.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::envelope::Envelope;
use sceau_message::scan::Limits;

fuzz_target!(|value: &[u8]| {
    let mut header = b"To: ".to_vec();
    header.extend(value.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }));
    header.extend_from_slice(b"\r\nSubject: ");
    header.extend_from_slice(value);
    header.extend_from_slice(b"\r\n\r\n");
    let envelope = Envelope::read(&header, &Limits::default());
    let mut open = false;
    for address in &envelope.to {
        for text in [&address.name, &address.mailbox, &address.host].into_iter().flatten() {
            assert!(!text.contains(['\r', '\n', '\0']));
        }
        match (&address.mailbox, &address.host) {
            (Some(_), None) => assert!(!std::mem::replace(&mut open, true)),
            (None, _) => assert!(std::mem::replace(&mut open, false)),
            _ => {}
        }
    }
    assert!(!open);
});
