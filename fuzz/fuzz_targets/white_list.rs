//! Documents that may be white lists: no panic, consistent counts, and nothing is put in force that was not signed.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_domain::Timestamp;
use sceau_trust::inspect::{ChainVerdict, SignatureVerdict, inspect};
use sceau_trust::whitelist::signature;
use sceau_trust::{Anchors, WhiteList};

fuzz_target!(|bytes: &[u8]| {
    let findings = inspect(bytes, &Anchors::default(), Timestamp(0));
    assert!(findings.names <= findings.entries && findings.skipped <= findings.entries);
    assert_eq!(findings.chain, ChainVerdict::Untrusted);
    if let Ok(list) = WhiteList::parse(bytes) {
        assert_eq!((list.entries, list.skipped), (findings.entries, findings.skipped));
        assert!(list.iter().all(|l| list.contains(l.domain) && l.dns().all(|dn| list.knows(dn))));
    }
    let signed = signature::check(bytes);
    assert_eq!(signed.is_ok(), findings.signature == SignatureVerdict::Valid);
    if let Ok(signed) = signed {
        // The canonical form of a document is its own canonical form: reading it is reading the document.
        let (content, document) = (WhiteList::parse(&signed.content), WhiteList::parse(bytes));
        assert_eq!(content.map(|l| (l.generated, l.entries)).ok(), document.map(|l| (l.generated, l.entries)).ok());
    }
});
