//! What an antivirus engine answers, and documents that strangers sent, looked at for passwords: never a panic, and no word but its own is "clean".
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_antivirus::encrypted::Look;
use sceau_antivirus::{Verdict, reply};

fuzz_target!(|data: &[u8]| {
    let clean = reply::verdict(data) == Ok(Verdict::Clean);
    assert_eq!(clean, data.starts_with(b"stream: OK\0") || data.starts_with(b"stream: OK\n"));
    let _ = reply::version(data);
    let Some((piece, document)) = data.split_first() else { return };
    let (mut whole, mut cut) = (Look::default(), Look::default());
    whole.push(document);
    document.chunks(usize::from(*piece).max(1)).for_each(|p| cut.push(p));
    assert_eq!(whole.finish(), cut.finish());
});
