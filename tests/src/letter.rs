//! Messages as tests send them, and what must be left of them on arrival.
use std::fmt::Write;

/// A message: CRLF lines, everything that a message must have, so that no server adds to its header.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Message-ID with its angle brackets; unique.
    pub id: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Letter {
    /// A short text with accents, 8-bit, and lines that begin with dots.
    pub fn short(from: &str, to: &str, subject: &str) -> Self {
        let body = "Bonjour,\r\n\r\nLes résultats de l'été sont à relire : œdème réduit, 37 °C, 80 €.\r\n.\r\n..deux points\r\nBien à vous,\r\n-- \r\nÉlodie\r\n";
        Self::with(
            from,
            to,
            subject,
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
            body.as_bytes(),
        )
    }

    /// A text with accents and an attachment of `bytes` clear bytes, whose name has accents too.
    pub fn with_attachment(from: &str, to: &str, subject: &str, bytes: usize) -> Self {
        let mut body = String::with_capacity(bytes * 3 / 2);
        body.push_str(
            "--=_frontière\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        );
        body.push_str("Ci-joint l'imagerie de contrôle, à préparer avant la réunion.\r\n\r\n--=_frontière\r\n");
        body.push_str("Content-Type: application/dicom; name=\"=?utf-8?q?contr=C3=B4le.dcm?=\"\r\nContent-Transfer-Encoding: base64\r\n");
        body.push_str("Content-Disposition: attachment; filename*=utf-8''contr%C3%B4le.dcm\r\n\r\n");
        for line in noise(bytes).chunks(57) {
            body.push_str(&base64(line));
            body.push_str("\r\n");
        }
        body.push_str("--=_frontière--\r\n");
        let body = body.replace("=_frontière", "=_frontiere");
        Self::with(from, to, subject, "Content-Type: multipart/mixed; boundary=\"=_frontiere\"\r\n", body.as_bytes())
    }

    fn with(from: &str, to: &str, subject: &str, mime: &str, body: &[u8]) -> Self {
        let (id, domain) = (unique(), from.rsplit_once('@').map_or("exemple.fr", |(_, d)| d));
        let id = format!("<{id}@{domain}>");
        let mut head = String::new();
        let _ = write!(
            head,
            "From: =?utf-8?q?Jos=C3=A9phine?= <{from}>\r\nTo: {to}\r\nSubject: {}\r\n\tet la suite\r\n\
             Date: Sat, 21 Nov 2026 08:00:00 +0100\r\nMessage-ID: {id}\r\nMIME-Version: 1.0\r\n{mime}X-Essai:   espaces  gardés?  \r\n\r\n",
            encoded(subject),
        );
        let head = head.replace("gardés", "gardes");
        Self { id, bytes: [head.as_bytes(), body].concat() }
    }

    /// Asserts that `received` is this message but for what `mbsync` does to it: a field `X-TUID` of its own while it uploads.
    pub fn assert_uploaded_by_mbsync(&self, received: &[u8]) {
        let text = String::from_utf8_lossy(received).into_owned();
        let kept: String = text.split_inclusive('\n').filter(|l| !l.starts_with("X-TUID: ")).collect();
        assert_eq!(kept, String::from_utf8_lossy(&self.bytes), "{text}");
    }

    /// Asserts that `received` is this message byte for byte below fields that the way adds; gives these fields.
    pub fn assert_arrived(&self, received: &[u8]) -> String {
        assert!(
            received.ends_with(&self.bytes),
            "not byte for byte: {} bytes sent, {} received:\n{}",
            self.bytes.len(),
            received.len(),
            String::from_utf8_lossy(&received[..received.len().min(4096)])
        );
        let added = String::from_utf8(received[..received.len() - self.bytes.len()].to_vec()).expect("ASCII");
        for line in added.lines().filter(|l| !l.starts_with([' ', '\t'])) {
            let known = ["Return-Path:", "Received:", "Delivered-To:", "X-Original-To:"];
            assert!(known.iter().any(|k| line.starts_with(k)), "a field that no way adds: {line}");
        }
        added
    }
}

/// An RFC 2047 word of this text.
fn encoded(text: &str) -> String {
    format!("=?utf-8?b?{}?=", base64(text.as_bytes()))
}

/// A word unlike any other of this run.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos();
    format!("e2e-{now:x}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Bytes that do not compress, the same each time.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}

/// Base64 of RFC 4648 with padding.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |w, b| (w << 8) | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i > group.len() { '=' } else { letter });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (clear, coded) in cases {
            assert_eq!(base64(clear.as_bytes()), coded);
        }
    }

    #[test]
    #[should_panic(expected = "not byte for byte")]
    fn a_changed_byte_is_seen() {
        let letter = Letter::short("a@x.fr", "b@y.fr", "été");
        let mut received = [b"Received: x\r\n".as_slice(), &letter.bytes].concat();
        letter.assert_arrived(&received);
        let last = received.len() - 3;
        received[last] ^= 1;
        letter.assert_arrived(&received);
    }

    #[test]
    #[should_panic(expected = "no way adds")]
    fn an_added_field_is_seen() {
        let letter = Letter::short("a@x.fr", "b@y.fr", "été");
        letter.assert_arrived(&[b"Received: x\r\nX-Spam: no\r\n".as_slice(), &letter.bytes].concat());
    }
}
