//! Evidence from anywhere: no panic; what reads is written as it was read; nothing verifies that nobody signed.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_notary::{Bundle, Checkpoint, PublicKey, purge};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::parse(bytes) {
        assert_eq!(Bundle::parse(bundle.to_json().as_bytes()).as_ref(), Ok(&bundle));
        // A key that signed nothing.
        assert!(bundle.verify(&PublicKey([7; 32])).is_err());
        let _ = bundle.verify(&bundle.key);
    }
    for line in bytes.split(|b| *b == b'\n') {
        if let Some(checkpoint) = Checkpoint::from_line(line) {
            assert_eq!(Checkpoint::from_line(checkpoint.line().trim_end().as_bytes()), Some(checkpoint));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = PublicKey::from_pem(text);
        if let Some(leaves) = purge::stated(text) {
            assert!(leaves.len() <= purge::MOST && purge::stated(&purge::state(&leaves)) == Some(leaves));
        }
    }
});
