//! Content transfer decoding (RFC 2045 §6) and charset conversion, streaming.
//!
//! Decoders are tolerant: foreign characters in base64 are skipped, a broken `=` of quoted-printable stands for itself.
//! The output does not depend on how the input is cut.

/// White space at the end of a quoted-printable line that is held back until the line end shows that it is padding.
const PADDING_MAX: usize = 1024;

/// Incremental decoder of one part's body.
#[derive(Debug)]
pub struct TransferDecoder {
    state: State,
}

#[derive(Debug)]
enum State {
    Identity,
    Base64 { bits: u32, count: u8 },
    QuotedPrintable { held: Vec<u8> },
}

impl TransferDecoder {
    /// For an encoding as in [`crate::scan::Mime::encoding`]; `None` when it is unknown.
    pub fn new(encoding: &str) -> Option<Self> {
        let state = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => State::Identity,
            "base64" => State::Base64 { bits: 0, count: 0 },
            "quoted-printable" => State::QuotedPrintable { held: Vec::new() },
            _ => return None,
        };
        Some(Self { state })
    }

    /// Decodes the next bytes, appending to `out`. Broken input is decoded as far as it makes sense.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &mut self.state {
            State::Identity => out.extend_from_slice(bytes),
            State::Base64 { bits, count } => {
                for &byte in bytes {
                    let value = match byte {
                        b'A'..=b'Z' => byte - b'A',
                        b'a'..=b'z' => byte - b'a' + 26,
                        b'0'..=b'9' => byte - b'0' + 52,
                        b'+' | b'-' => 62,
                        b'/' | b'_' => 63,
                        b'=' => {
                            flush_base64(bits, count, out);
                            continue;
                        }
                        _ => continue,
                    };
                    *bits = *bits << 6 | u32::from(value);
                    *count += 1;
                    if *count == 4 {
                        out.extend_from_slice(&bits.to_be_bytes()[1..]);
                        (*bits, *count) = (0, 0);
                    }
                }
            }
            State::QuotedPrintable { held } => {
                for &byte in bytes {
                    quoted_printable(held, byte, out);
                }
            }
        }
    }

    /// Ends the input.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.state {
            State::Identity => {}
            State::Base64 { bits, count } => flush_base64(bits, count, out),
            State::QuotedPrintable { held } => {
                // A final soft line break or padding stands for nothing; a cut `=X` stands for itself.
                if held.len() == 2 && held[0] == b'=' && held[1].is_ascii_hexdigit() {
                    out.extend_from_slice(held);
                }
                held.clear();
            }
        }
    }
}

/// Everything decoded at once; an unknown encoding is kept as it stands.
pub fn transfer_decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    match TransferDecoder::new(encoding) {
        Some(mut decoder) => {
            decoder.push(bytes, &mut out);
            decoder.finish(&mut out);
        }
        None => out.extend_from_slice(bytes),
    }
    out
}

fn flush_base64(bits: &mut u32, count: &mut u8, out: &mut Vec<u8>) {
    match *count {
        2 => out.push((*bits >> 4).to_be_bytes()[3]),
        3 => out.extend_from_slice(&(*bits >> 2).to_be_bytes()[2..]),
        _ => {}
    }
    (*bits, *count) = (0, 0);
}

/// `held` is what may still turn out to be an escape, a soft line break or padding: white space, or `=` and what follows.
fn quoted_printable(held: &mut Vec<u8>, byte: u8, out: &mut Vec<u8>) {
    if held.first() == Some(&b'=') {
        let digit = |b: u8| char::from(b).to_digit(16);
        match (held.len(), byte) {
            (2, low) if digit(held[1]).is_some() => {
                match (digit(held[1]), digit(low)) {
                    // Two hexadecimal digits are below 256.
                    (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
                    _ => {
                        out.append(held);
                        return quoted_printable(held, byte, out);
                    }
                }
                held.clear();
            }
            (_, b'\n') => held.clear(),
            (1, hex) if digit(hex).is_some() => held.push(hex),
            (_, b' ' | b'\t') | (1, b'\r') if held.len() < PADDING_MAX => held.push(byte),
            (_, b'\r') if held.last() != Some(&b'\r') => held.push(byte),
            _ => {
                out.append(held);
                quoted_printable(held, byte, out);
            }
        }
        return;
    }
    match byte {
        b' ' | b'\t' => {
            if held.len() >= PADDING_MAX {
                out.append(held);
            }
            held.push(byte);
        }
        b'\r' | b'\n' => {
            held.clear();
            out.push(byte);
        }
        b'=' => {
            out.append(held);
            held.push(byte);
        }
        _ => {
            out.append(held);
            out.push(byte);
        }
    }
}

/// `bytes` in `charset` as UTF-8 (unknown charsets as Windows-1252, errors replaced). Bytes declared as ASCII that are
/// UTF-8 are taken as UTF-8.
pub fn to_utf8(charset: &str, bytes: &[u8]) -> String {
    let label = charset.trim().trim_matches('"');
    let ascii =
        label.is_empty() || ["us-ascii", "ascii", "ansi_x3.4-1968"].iter().any(|a| label.eq_ignore_ascii_case(a));
    if ascii {
        return to_utf8_or_1252(bytes);
    }
    let encoding =
        encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252);
    encoding.decode(bytes).0.into_owned()
}

/// UTF-8 if it is, Windows-1252 otherwise: how raw bytes above 127 in headers are read.
pub(crate) fn to_utf8_or_1252(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_read_whatever_stands_around_it() {
        for (text, clear) in [
            ("Qm9uam91cg==", "Bonjour"),
            ("Qm9u\r\nam91\r\ncg==\r\n", "Bonjour"),
            ("Qm9uam91cg", "Bonjour"),
            ("Q*m 9uam\t91cg=", "Bonjour"),
            ("Qm9u=amo=", "Bonjj"),
            ("", ""),
            ("Q", ""),
            ("====", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&transfer_decoded("BASE64", text.as_bytes())), clear, "{text}");
        }
    }

    #[test]
    fn quoted_printable_keeps_what_it_cannot_read() {
        for (text, clear) in [
            ("=C3=A9t=c3=a9", "été"),
            ("long=\r\nue", "longue"),
            ("long=  \r\nue", "longue"),
            ("padding  \t\r\nx", "padding\r\nx"),
            ("a = b", "a = b"),
            ("100=% =ZZ =4", "100=% =ZZ =4"),
            ("=4=41", "=4A"),
            ("fin=", "fin"),
            ("un\ndeux \n", "un\ndeux\n"),
            ("==41", "=A"),
            ("=\rx", "=\rx"),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&transfer_decoded("quoted-printable", text.as_bytes())),
                clear,
                "{text:?}"
            );
        }
    }

    #[test]
    fn charsets_are_read_by_any_of_their_names() {
        assert_eq!(to_utf8("ISO-8859-1", b"\xe9t\xe9"), "été");
        assert_eq!(to_utf8("\"windows-1252\"", b"\x80"), "€");
        assert_eq!(to_utf8("iso-8859-15", b"\xa4"), "€");
        assert_eq!(to_utf8("utf-8", "\u{feff}été".as_bytes()), "été");
        assert_eq!(to_utf8("us-ascii", "été".as_bytes()), "été");
        assert_eq!(to_utf8("x-unknown", b"\xe9"), "é");
        assert_eq!(to_utf8("utf-16le", b"a\0\xe9\0"), "aé");
        assert_eq!(to_utf8("utf-8", b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn unknown_encodings_have_no_decoder() {
        assert!(TransferDecoder::new("x-uuencode").is_none());
        assert_eq!(transfer_decoded("x-uuencode", b"begin"), b"begin");
    }

    proptest! {
        #[test]
        fn cutting_the_input_changes_nothing(
            text in proptest::collection::vec(prop_oneof![Just(b'='), Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'4'), any::<u8>()], 0..80),
            cuts in proptest::collection::vec(1usize..5, 0..80),
        ) {
            for encoding in ["base64", "quoted-printable", "binary"] {
                let whole = transfer_decoded(encoding, &text);
                let mut decoder = TransferDecoder::new(encoding).unwrap();
                let (mut out, mut rest) = (Vec::new(), &text[..]);
                for cut in cuts.iter().chain(std::iter::repeat(&1)) {
                    if rest.is_empty() { break; }
                    let (now, later) = rest.split_at((*cut).min(rest.len()));
                    decoder.push(now, &mut out);
                    rest = later;
                }
                decoder.finish(&mut out);
                prop_assert_eq!(&whole, &out);
            }
        }

        #[test]
        fn what_we_encode_is_read_back(content in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut text = String::new();
            crate::encode::base64_lines(&content, &mut text);
            prop_assert!(text.lines().all(|l| l.len() <= 76));
            prop_assert_eq!(transfer_decoded("base64", text.as_bytes()), content);
        }
    }
}
