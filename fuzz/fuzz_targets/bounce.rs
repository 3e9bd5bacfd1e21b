//! Bytes that may be a report about a notice: no panic, few outcomes, statuses only.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_domain::tell::is_wrong_address;
use sceau_message::bounce::{RECIPIENTS, outcomes};

fuzz_target!(|bytes: &[u8]| {
    let found = outcomes(bytes);
    assert!(found.len() <= RECIPIENTS);
    for outcome in found {
        assert!(outcome.status.len() <= 9 && outcome.status.is_ascii());
        let _ = is_wrong_address(&outcome.status);
    }
});
