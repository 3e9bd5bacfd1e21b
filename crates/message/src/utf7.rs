//! Modified UTF-7 of mailbox names (RFC 3501 §5.1.3, RFC 9051 Appendix A.1).
use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with `,` for `/` and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Writes `name` in modified UTF-7.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut out, &mut shifted);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush(&mut out, &mut shifted);
    out
}

fn flush(out: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push('&');
        BASE64.encode_string(shifted.as_slice(), out);
        out.push('-');
        shifted.clear();
    }
}

/// Reads modified UTF-7. `None` when it is not valid: 8-bit or control characters, an open shift, broken base64 or UTF-16,
/// or a shift that encodes printable ASCII (each name has one encoding).
pub fn decode(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&b, after)) = rest.split_first() {
        match b {
            b'&' => {
                let end = after.iter().position(|&b| b == b'-')?;
                let (inside, tail) = (&after[..end], &after[end + 1..]);
                rest = tail;
                if inside.is_empty() {
                    out.push('&');
                    continue;
                }
                let raw = BASE64.decode(inside).ok()?;
                if raw.len() % 2 != 0 {
                    return None;
                }
                let units = raw.chunks_exact(2).map(|p| u16::from_be_bytes([p[0], p[1]]));
                for c in char::decode_utf16(units) {
                    let c = c.ok()?;
                    if matches!(c, ' '..='~') {
                        return None;
                    }
                    out.push(c);
                }
            }
            b' '..=b'~' => {
                out.push(char::from(b));
                rest = after;
            }
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_the_rfc_and_french_ones() {
        for (name, wire) in [
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Envoyés", "Envoy&AOk-s"),
            ("R&D", "R&-D"),
            ("é&à", "&AOk-&-&AOA-"),
            ("😀", "&2D3eAA-"),
            ("plain", "plain"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_not_valid_is_refused() {
        for bad in ["&", "a&b", "&Jjo", "&Jjo!", "&AA-", "&AGE-", "&2D0-", "caf\u{e9}", "a\tb", "&Jj/o-"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "\\PC{0,40}") {
            let wire = encode(&name);
            prop_assert!(wire.is_ascii());
            let back = decode(wire.as_bytes());
            prop_assert_eq!(back.as_deref(), Some(name.as_str()));
        }
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(name) = decode(&bytes) {
                // One encoding a name, but for adjacent shifts that an encoder would have joined and unused base64 bits.
                prop_assert_eq!(decode(encode(&name).as_bytes()), Some(name));
            }
        }
    }
}
