//! RTF: whatever the bytes.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_extract::{Limits, text_of};

fuzz_target!(|data: &[u8]| {
    let limits = Limits { text: 4096, unfolded: 1 << 20, ..Limits::default() };
    let document = [b"{\\rtf".as_slice(), data].concat();
    if let Ok(text) = text_of("", "a.rtf", &document, &limits) {
        assert!(text.len() <= limits.text && !text.contains('\0'));
    }
});
