//! Bytes that may be a responder's answer: no panic, and nothing is believed that was not signed.
#![no_main]
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;
use sceau_trust::ocsp;
use sceau_trust::path::{Link, Points};

fuzz_target!(|bytes: &[u8]| {
    // An authority whose key nobody has: a point that is on no curve.
    let key = [
        &[
            0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1,
            7,
        ][..],
        &[3, 0x42, 0, 4],
        &[1; 64],
    ]
    .concat();
    let link = Link {
        certificate: CertificateDer::from(Vec::new()),
        issuer_name: vec![0x30, 0],
        issuer_key: key,
        serial: vec![1],
        authority: false,
        configured: false,
        not_after: Timestamp(0),
        points: Points::default(),
    };
    assert!(ocsp::judge(bytes, &link, None, false, Timestamp(0), &|_| false).is_err());
    assert!(sceau_trust::RevocationList::read(bytes, &link.issuer_name, &link.issuer_key, Timestamp(0), 0).is_err());
});
