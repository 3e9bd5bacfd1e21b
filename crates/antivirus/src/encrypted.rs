//! Which documents nobody can look into: archives and office documents under a password, by what their own directories say.
//!
//! The content passes once, in pieces of any size; some kilobytes are kept, of 7-Zip some more. No document is unpacked: a protected archive inside a
//! compressed one is the engine's to find (`AlertEncrypted`), one that is only stored inside another is found here (but for 7-Zip). What is recognised:
//! - ZIP and what is built on it (APPNOTE 4.4.4: bit 0 of the flags in a local or central header);
//! - 7-Zip, by its headers ([`crate::seven`]); RAR 4 and RAR 5 with encrypted headers or a first encrypted file;
//! - office documents under a password, which are an OLE container with an `EncryptedPackage` ([MS-OFFCRYPTO] 2.3.4.4).
//!
//! PDF is not: one that anybody can open but not print is encrypted in form. The engine tells those apart (`AlertEncryptedDoc`).
use crate::seven;
use memchr::memmem;

/// Bytes kept of the beginning.
const HEAD: usize = 512;
/// Bytes kept from a piece to the next: the longest pattern with what is read behind it.
const CARRY: usize = 64;
/// `EncryptedPackage` in UTF-16LE, a stream's name.
const PACKAGE: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
/// Compression methods that ZIP knows.
const METHODS: [u16; 20] = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 14, 16, 18, 19, 93, 95, 96, 98, 99];

/// What is under a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A ZIP archive, or a document that is one.
    Zip,
    /// 7-Zip.
    SevenZip,
    /// RAR.
    Rar,
    /// A Microsoft Office document.
    Office,
}

impl Kind {
    /// Stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::SevenZip => "7z",
            Self::Rar => "rar",
            Self::Office => "office",
        }
    }
}

/// Looks at one document.
#[derive(Debug, Default)]
pub struct Look {
    head: Vec<u8>,
    carry: Vec<u8>,
    seen: u64,
    /// The last bytes of a 7-Zip archive.
    tail: Vec<u8>,
    found: Option<Kind>,
}

impl Look {
    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.found.is_some() || bytes.is_empty() {
            return;
        }
        let wanted = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        // What straddles two pieces is looked at once in the joint, the rest where it lies.
        self.carry.extend_from_slice(&bytes[..bytes.len().min(CARRY)]);
        let joint = std::mem::take(&mut self.carry);
        self.look(&joint);
        if bytes.len() > CARRY {
            self.look(bytes);
        }
        self.seen += bytes.len() as u64;
        self.keep(bytes);
        let all = if bytes.len() >= CARRY { bytes } else { &joint };
        self.carry = all[all.len().saturating_sub(CARRY)..].to_vec();
    }

    /// What it is, if it is under a password.
    pub fn finish(self) -> Option<Kind> {
        if self.found.is_some() {
            return self.found;
        }
        if self.head.starts_with(seven::MARK) {
            let start = &self.head[..self.head.len().min(seven::START)];
            let tail = &self.tail[self.tail.len().saturating_sub(seven::TAIL)..];
            return seven::is_protected(start, tail, self.seen).then_some(Kind::SevenZip);
        }
        rar(&self.head).then_some(Kind::Rar)
    }

    fn look(&mut self, bytes: &[u8]) {
        let zip = |mark: &[u8], flags: usize| memmem::find_iter(bytes, mark).any(|at| header(&bytes[at..], flags));
        if zip(b"PK\x01\x02", 8) || zip(b"PK\x03\x04", 6) {
            self.found = Some(Kind::Zip);
        } else if self.head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") && memmem::find(bytes, PACKAGE).is_some() {
            self.found = Some(Kind::Office);
        }
    }

    /// Keeps the end of a 7-Zip archive; what was before it goes when twice as much is there.
    fn keep(&mut self, bytes: &[u8]) {
        if !self.head.starts_with(&seven::MARK[..self.head.len().min(seven::MARK.len())]) {
            self.tail = Vec::new();
            return;
        }
        let bytes = &bytes[bytes.len().saturating_sub(seven::TAIL)..];
        if self.tail.len() + bytes.len() > 2 * seven::TAIL {
            self.tail.drain(..self.tail.len().saturating_sub(seven::TAIL));
        }
        self.tail.extend_from_slice(bytes);
    }
}

/// Is this a header of an encrypted entry? The fields beside the flag must make sense: four bytes stand by chance in megabytes of noise.
fn header(bytes: &[u8], flags: usize) -> bool {
    let word = |at: usize| Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let fields = || {
        let central = flags == 8;
        let (needed, bits, method) = (word(flags - 2)?, word(flags)?, word(flags + 2)?);
        let name = word(if central { 28 } else { 26 })?;
        let disk = if central { word(34)? } else { 0 };
        // The high byte of the version is a system's number.
        Some(
            bits & 1 == 1
                && needed & 0xff <= 63
                && METHODS.contains(&method)
                && (1..=4096).contains(&name)
                && disk == 0,
        )
    };
    fields().unwrap_or(false)
}

/// Encrypted headers, or a first encrypted file.
fn rar(head: &[u8]) -> bool {
    if let Some(blocks) = head.strip_prefix(b"Rar!\x1a\x07\x00") {
        // HEAD_CRC(2) HEAD_TYPE(1) HEAD_FLAGS(2) HEAD_SIZE(2): the archive's own block, then a file's.
        let flags =
            |at: usize| Some((*blocks.get(at + 2)?, u16::from_le_bytes([*blocks.get(at + 3)?, *blocks.get(at + 4)?])));
        return matches!(flags(0), Some((0x73, f)) if f & 0x80 != 0)
            || matches!(flags(13), Some((0x74, f)) if f & 4 != 0);
    }
    let Some(mut blocks) = head.strip_prefix(b"Rar!\x1a\x07\x01\x00") else { return false };
    // CRC32(4), then numbers: size, type, flags, [size of the extra area], [size of data].
    for _ in 0..2 {
        let Some((_, rest)) = blocks.split_at_checked(4) else { return false };
        let Some((size, body)) = number(rest) else { return false };
        let Some((kind, after)) = number(body) else { return false };
        match kind {
            4 => return true,
            1 => blocks = usize::try_from(size).ok().and_then(|s| body.get(s..)).unwrap_or_default(),
            2 => {
                let extra = number(after).filter(|(flags, _)| flags & 1 == 1).and_then(|(_, rest)| number(rest));
                let Some((extra, _)) = extra else { return false };
                let Ok((size, extra)) = size.try_into().and_then(|s: usize| Ok((s, usize::try_from(extra)?))) else {
                    return false;
                };
                let area = size.checked_sub(extra).and_then(|at| body.get(at..)).unwrap_or_default();
                // Its first record: size, type; 1 is encryption.
                return number(area).and_then(|(_, rest)| number(rest)).is_some_and(|(kind, _)| kind == 1);
            }
            _ => return false,
        }
    }
    false
}

/// A number of RAR 5: seven bits a byte, the low ones first.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(bytes: &[u8], piece: usize) -> Option<Kind> {
        let mut look = Look::default();
        bytes.chunks(piece.max(1)).for_each(|p| look.push(p));
        look.finish()
    }

    /// A stored entry, its central header and the end; `flags` in both.
    fn zip(content: &[u8], flags: u8) -> Vec<u8> {
        let size = (content.len() as u32).to_le_bytes();
        let common = [&[flags, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4][..], &size, &size, &[1, 0, 0, 0]].concat();
        let mut out = [b"PK\x03\x04\x14\0", common.as_slice(), b"a", content].concat();
        let at = (out.len() as u32).to_le_bytes();
        out.extend([b"PK\x01\x02\x14\x03\x14\0", common.as_slice(), &[0; 10], &[0; 4], b"a"].concat());
        out.extend([&b"PK\x05\x06\0\0\0\0\x01\0\x01\0"[..], &[47, 0, 0, 0], &at, &[0, 0]].concat());
        out
    }

    #[test]
    fn passwords_are_seen_wherever_a_piece_ends() {
        let plain = zip(&[7; 300], 0);
        let secret = zip(&[7; 300], 1);
        let nested = zip(&secret, 0);
        // Of 7-Zip only that its end is found: the rest is told in `seven`.
        let seven = |rest: &[u8], header: &[u8]| {
            let (at, length) = ((rest.len() as u64).to_le_bytes(), (header.len() as u64).to_le_bytes());
            [seven::MARK, &[0, 4, 1, 2, 3, 4], &at, &length, &[5, 6, 7, 8], rest, header].concat()
        };
        let (aes, large) = ([0x17, 6, 6, 0xf1, 7, 1, 0], vec![3; 300_000]);
        let (near, far) = (seven(&[9; 400], &aes), seven(&large, &aes));
        let away = [near.as_slice(), &large].concat();
        let office = [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 900], PACKAGE, &[0; 100]].concat();
        let rar4 = [&b"Rar!\x1a\x07\0"[..], &[1, 2, 0x73, 0x80, 0, 13, 0, 0, 0, 0, 0, 0, 0]].concat();
        let rar4_file =
            [&b"Rar!\x1a\x07\0"[..], &[1, 2, 0x73, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0x74, 4, 0x80]].concat();
        let rar5 = [&b"Rar!\x1a\x07\x01\0"[..], &[1, 2, 3, 4, 10, 4, 0, 0]].concat();
        // Main block of three bytes; a file with an extra area of three bytes, whose first record is an encryption.
        let rar5_file =
            [&b"Rar!\x1a\x07\x01\0"[..], &[1, 2, 3, 4, 3, 1, 0, 0], &[1, 2, 3, 4, 8, 2, 1, 3, 9, 9, 2, 1, 0]].concat();
        for piece in [1, 2, 3, 29, 63, 64, 65, 100, 1 << 20] {
            for (what, bytes, expected) in [
                ("plain", &plain, None),
                ("secret", &secret, Some(Kind::Zip)),
                ("nested", &nested, Some(Kind::Zip)),
                ("7z", &near, Some(Kind::SevenZip)),
                ("large 7z", &far, Some(Kind::SevenZip)),
                ("not at its end", &away, None),
                ("office", &office, Some(Kind::Office)),
                ("rar4", &rar4, Some(Kind::Rar)),
                ("rar4 file", &rar4_file, Some(Kind::Rar)),
                ("rar5", &rar5, Some(Kind::Rar)),
                ("rar5 file", &rar5_file, Some(Kind::Rar)),
            ] {
                if bytes.len() > 10_000 && piece < 29 {
                    continue;
                }
                assert_eq!(look(bytes, piece), expected, "{what} by {piece}");
            }
        }
        assert_eq!(look(PACKAGE, 7), None, "a name alone is no document");
        assert_eq!(look(b"PK\x03\x04", 1), None);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..400, piece in 1usize..90, which in 0usize..4) {
            let secret = [zip(&[1; 9], 1), zip(&[1; 9], 0), b"Rar!\x1a\x07\x01\0".to_vec(), b"7z\xbc\xaf\x27\x1c\x06\xf1\x07\x01".to_vec()];
            let mut all = bytes;
            let at = at.min(all.len());
            all.splice(at..at, secret[which].iter().copied());
            prop_assert_eq!(look(&all, piece), look(&all, usize::MAX));
            if which == 0 {
                prop_assert_eq!(look(&all, piece), Some(Kind::Zip));
            }
        }
    }
}
