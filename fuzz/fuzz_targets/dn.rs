//! Names as text and as DER: no panic, a name equals what reading its own text gives, and its reverse.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_trust::Dn;

fuzz_target!(|bytes: &[u8]| {
    if let Some(name) = Dn::from_der(bytes) {
        assert!(name.as_str().len() > sceau_trust::dn::MAX_LENGTH || Dn::parse(name.as_str()).is_some());
    }
    if let Some(name) = std::str::from_utf8(bytes).ok().and_then(Dn::parse) {
        assert_eq!(Dn::parse(name.as_str()).as_ref(), Some(&name));
        let _ = name.common_name();
    }
});
