//! Payloads of SASL mechanisms: no panic; a name is one line, a token has nothing that a header or a log could take for something else.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_operator::login::sasl::{external, oauthbearer, xoauth2};
use sceau_smtp::codec::auth::plain;

fuzz_target!(|payload: &[u8]| {
    let _ = plain(payload);
    for bearer in [oauthbearer(payload), xoauth2(payload)].into_iter().flatten() {
        assert!(bearer.token.bytes().all(|b| b.is_ascii_graphic()) && !bearer.token.is_empty());
        assert!(bearer.login.is_none_or(|l| !l.is_empty() && !l.chars().any(char::is_control)));
    }
    if let Some(Some(name)) = external(payload) {
        assert!(!name.is_empty() && !name.chars().any(char::is_control));
    }
});
