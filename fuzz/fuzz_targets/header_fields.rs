//! Header fields: nothing panics, fields lie in order in the section, decoded values stay on one line, and a header that
//! the strict sender check accepts has exactly one From for the tolerant reader too, with the same address.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::envelope::Envelope;
use sceau_message::header::{decoded, fields, origin};
use sceau_message::scan::Limits;

fuzz_target!(|header: &[u8]| {
    let mut total = 0;
    for field in fields(header) {
        total += field.raw.len();
        assert!(!decoded(field.value).contains(['\r', '\n', '\0']));
    }
    assert!(total <= header.len());
    if let Ok(origin) = origin(header) {
        let envelope = Envelope::read(header, &Limits::default());
        assert_eq!(envelope.from.len(), 1);
        let seen = &envelope.from[0];
        assert_eq!(seen.mailbox.as_deref(), Some(&*origin.from.local_content()));
        let host = seen.host.as_deref().unwrap_or_default().parse();
        assert_eq!(host.as_ref(), Ok(origin.from.domain()));
    }
});
