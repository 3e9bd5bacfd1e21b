//! What a browser sends of a passkey: no panic; keys that are accepted are read again from what is kept; nothing random verifies.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_identity::webauthn::cose::Key;
use sceau_identity::webauthn::data::{Attestation, AuthenticatorData, MAX_CREDENTIAL};
use sceau_identity::webauthn::{Backup, Expected, Party, Registered, assert, peek, register};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(data) = AuthenticatorData::read(bytes)
        && let Some(new) = data.attested
    {
        assert!(new.credential.len() <= MAX_CREDENTIAL);
        assert_eq!(Key::whole(new.cose), Ok(new.key));
    }
    if let Ok(object) = Attestation::read(bytes) {
        assert!(object.statement.pairs().is_some());
        let _ = AuthenticatorData::read(object.data);
    }
    if let Ok((key, taken)) = Key::first(bytes) {
        assert!(!key.verifies(b"never signed", &bytes[taken..]));
    }
    // The whole way, as JSON.
    let (challenge, id) = ([0; 32], "exemple.fr".to_owned());
    let party = Party { id, origins: vec!["https://exemple.fr".into()], name: String::new(), synced: true };
    let _ = register(&party, &challenge, bytes);
    if let Ok(claimed) = peek(bytes) {
        let backup = Backup { eligible: false, state: false };
        let known = Registered {
            credential: claimed.credential,
            key: Vec::new(),
            alg: -7,
            count: 0,
            aaguid: [0; 16],
            backup,
            transports: Vec::new(),
            fmt: "none".into(),
        };
        let expected = Expected { challenge: &challenge, allow: &[], handle: &[], identified: true };
        assert!(assert(&party, &expected, &known, bytes).is_err());
    }
});
