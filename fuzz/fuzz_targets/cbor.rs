//! CBOR of authenticators: no panic; the budget holds; what was read is read again alone, and never with an octet more or less.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_identity::webauthn::cbor::{MAX_BYTES, MAX_DEPTH, MAX_ITEMS, Value, first, whole};

fn weigh(value: &Value<'_>, depth: usize) -> usize {
    assert!(depth <= MAX_DEPTH);
    match value {
        Value::Array(items) => 1 + items.iter().map(|v| weigh(v, depth + 1)).sum::<usize>(),
        Value::Map(pairs) => {
            for (i, (key, _)) in pairs.iter().enumerate() {
                assert!(pairs[..i].iter().all(|(other, _)| other != key), "a key stands twice");
            }
            1 + pairs.iter().map(|(k, v)| weigh(k, depth + 1) + weigh(v, depth + 1)).sum::<usize>()
        }
        _ => 1,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok((value, taken)) = first(bytes) else {
        assert!(whole(bytes).is_err());
        return;
    };
    assert!(taken <= bytes.len().min(MAX_BYTES) && weigh(&value, 0) <= MAX_ITEMS);
    assert_eq!(whole(&bytes[..taken]).as_ref(), Ok(&value));
    assert!(whole(&bytes[..taken - 1]).is_err());
    assert_eq!(whole(bytes).is_ok(), taken == bytes.len());
});
