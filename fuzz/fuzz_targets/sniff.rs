//! Bytes that may be a file: no panic; what is shown as a picture or a PDF begins as one.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::safe_html::as_address;
use sceau_message::sniff::{Picture, is_fair, is_pdf};
use sceau_message::trace_field;

fuzz_target!(|bytes: &[u8]| {
    assert!(!is_fair(bytes) || Picture::of(bytes).is_some());
    assert!(!is_pdf(bytes) || Picture::of(bytes).is_none());
    assert_eq!(as_address(bytes).is_some(), is_fair(bytes));
    let _ = trace_field::read(bytes);
});
