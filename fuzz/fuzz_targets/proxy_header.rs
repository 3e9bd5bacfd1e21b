//! PROXY headers: no panic; what is accepted is a version 2 header that says its own length, and an address that somebody can have.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_net::proxy::{Header, MAX, parse};

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = parse(bytes) else { return };
    assert!(bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n") && bytes.len() <= 16 + MAX);
    assert_eq!(usize::from(u16::from_be_bytes([bytes[14], bytes[15]])), bytes.len() - 16);
    if let Header::From(source) = header {
        assert!(!source.ip().is_unspecified() && !source.ip().is_multicast());
    }
});
