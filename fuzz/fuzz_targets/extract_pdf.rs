//! PDF. The parser is another house's and panics as it likes, which costs a page: what is looked for here is what our side makes of it.
//! Loops and floods of memory are the business of the child's limits (tests/tests/all/extract.rs), so they are no finding.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_extract::{Limits, text_of};
use std::sync::Once;

static QUIET: Once = Once::new();

fuzz_target!(|data: &[u8]| {
    // libFuzzer's hook ends the process at any panic, those that are caught too.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let limits = Limits { text: 4096, pages: 5, ..Limits::default() };
    let document = [b"%PDF-1.5\n".as_slice(), data].concat();
    let read = std::panic::catch_unwind(|| text_of("", "a.pdf", &document, &limits));
    if let Ok(Ok(text)) = read
        && (text.len() > limits.text || text.contains('\0'))
    {
        std::process::abort();
    }
});
