//! Certificate requests and declared certificates of structures: no panic; what is read again is read alike, and nothing beyond its bound is read.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_trust::authority::{MAX_REQUEST, declared, requested};

fuzz_target!(|bytes: &[u8]| {
    let read = requested(bytes);
    assert!(bytes.len() <= MAX_REQUEST || read.is_err());
    assert_eq!(read.is_ok(), requested(bytes).is_ok());
    if let Some((der, facts, _)) = declared(bytes) {
        assert!(bytes.len() <= MAX_REQUEST);
        // The DER that was taken says the same by itself.
        assert_eq!(declared(&der).map(|(_, again, _)| again.fingerprint), Some(facts.fingerprint));
    }
});
