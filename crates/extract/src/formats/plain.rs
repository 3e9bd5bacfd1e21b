//! Plain text: UTF-16 when it says so, UTF-8 when it is, windows-1252 else (what French software writes when it does not think of it).
use super::Text;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Pushes a text.
pub(super) fn text(content: &[u8], out: &mut Text) {
    let (encoding, skip) = match Encoding::for_bom(content) {
        Some(found) => found,
        None if is_utf8(content) => (UTF_8, 0),
        None => (WINDOWS_1252, 0),
    };
    decode(encoding, &content[skip..], out);
}

/// UTF-8, perhaps cut at its end.
pub(super) fn is_utf8(content: &[u8]) -> bool {
    std::str::from_utf8(content).map_or_else(|e| e.error_len().is_none(), |_| true)
}

/// Decodes by pieces: what does not fit is not decoded.
pub(super) fn decode(encoding: &'static Encoding, content: &[u8], out: &mut Text) {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut rest = content;
    let mut piece = String::with_capacity(8192);
    while !out.is_full() {
        let (result, read, _) = decoder.decode_to_string(rest, &mut piece, true);
        rest = &rest[read..];
        out.push(&piece);
        piece.clear();
        if result == encoding_rs::CoderResult::InputEmpty {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &[u8], most: usize) -> String {
        let mut out = Text::new(most);
        text(content, &mut out);
        out.finish()
    }

    #[test]
    fn charsets_are_guessed() {
        for content in ["été".as_bytes(), b"\xef\xbb\xbf\xc3\xa9t\xc3\xa9", b"\xe9t\xe9", b"\xff\xfe\xe9\0t\0\xe9\0"]
        {
            assert_eq!(of(content, 100), "été", "{content:?}");
        }
        assert_eq!(of(b"\xfe\xff\0\xe9\0t\0\xe9", 100), "été");
        assert_eq!(of(b"c\x9cur \x80", 100), "cœur €");
        assert_eq!(of("aé".repeat(100_000).as_bytes(), 100_001).len(), 100_000, "cut before the half character");
    }
}
