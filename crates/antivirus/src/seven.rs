//! Whether a 7-Zip archive is under a password, by its headers (7zFormat.txt of the LZMA SDK).
//!
//! 7-Zip packs its headers with LZMA whenever a password is given; with `-mhe` it encrypts them too, and says so in clear. What says how the content is
//! packed stands first in them: some kilobytes are unpacked, whatever the archive says. Headers that begin further from the end than [`TAIL`] are
//! not read: those of some ten thousand files.
use crate::lzma;
use memchr::memmem;

/// How near its end an archive's headers are looked for, bytes.
pub const TAIL: usize = 256 << 10;
/// The mark that an archive begins with.
pub const MARK: &[u8] = b"7z\xbc\xaf\x27\x1c";
/// Bytes before what is packed; the beginning says where the headers are.
pub const START: usize = 32;
/// AES-256 with SHA-256 (method 06F10701).
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];
/// LZMA (method 030101).
const LZMA: &[u8] = &[3, 1, 1];
/// Bytes of unpacked headers that are looked at.
const SEEN: usize = 64 << 10;

/// Reads the fields of a header.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }
    fn is(&mut self, id: u8) -> Option<()> {
        (self.byte()? == id).then_some(())
    }
    /// A number: as many bytes follow the first as it begins with ones.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let mut value = 0;
        for i in 0..8 {
            let mask = 0x80 >> i;
            if first & mask == 0 {
                return Some(value | (u64::from(first & (mask - 1)) << (8 * i)));
            }
            value |= u64::from(self.byte()?) << (8 * i);
        }
        Some(value)
    }
    fn size(&mut self) -> Option<usize> {
        self.number()?.try_into().ok()
    }
}

/// Is the archive under a password? `start`: its first [`START`] bytes; `tail`: its last ones; `size`: of all of it.
pub fn is_protected(start: &[u8], tail: &[u8], size: u64) -> bool {
    judged(start, tail, size).unwrap_or(false)
}

fn judged(start: &[u8], tail: &[u8], size: u64) -> Option<bool> {
    let number = |at: usize| Some(u64::from_le_bytes(start.get(at..at + 8)?.try_into().ok()?));
    let (offset, length) = (number(12)?, number(20)?.try_into().ok()?);
    let before = size.checked_sub(tail.len() as u64)?;
    // Bytes of the archive, as far as they were kept.
    let bytes = |at: u64| tail.get(usize::try_from((START as u64).checked_add(at)?.checked_sub(before)?).ok()?..);
    let header = bytes(offset)?;
    let header = header.get(..length).unwrap_or(header);
    if memmem::find(header, AES).is_some() {
        return Some(true);
    }
    // An encoded header: where it is packed, and how.
    let mut fields = Fields(header);
    fields.is(0x17)?;
    fields.is(6)?;
    let at = fields.number()?;
    if fields.size()? != 1 {
        return None;
    }
    fields.is(9)?;
    let packed = fields.size()?;
    fields.is(0)?;
    fields.is(7)?;
    fields.is(0x0b)?;
    // One folder, here, of one coder.
    (fields.number()? == 1 && fields.byte()? == 0 && fields.number()? == 1).then_some(())?;
    let coder = fields.byte()?;
    (fields.take(usize::from(coder & 15))? == LZMA && coder & 0x30 == 0x20).then_some(())?;
    let length = fields.size()?;
    let properties = fields.take(length)?;
    let content = bytes(at)?;
    let header = lzma::beginning(properties, content.get(..packed).unwrap_or(content), SEEN);
    Some(memmem::find(&header, AES).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An archive whose header is this, after so much.
    fn archive(packed: &[u8], header: &[u8]) -> Vec<u8> {
        let (at, length) = ((packed.len() as u64).to_le_bytes(), (header.len() as u64).to_le_bytes());
        [MARK, &[0, 4, 1, 2, 3, 4], &at, &length, &[5, 6, 7, 8], packed, header].concat()
    }

    fn protected(archive: &[u8]) -> bool {
        let tail = &archive[archive.len().saturating_sub(TAIL)..];
        is_protected(&archive[..archive.len().min(START)], tail, archive.len() as u64)
    }

    /// The header of an archive, packed with LZMA as 7-Zip does; `code`: the method of its only coder.
    fn encoded(packed: &[u8], before: u8) -> Vec<u8> {
        let size = packed.len() as u8;
        let streams =
            [&[0x17, 6, before, 1, 9, size, 0, 7, 0x0b, 1, 0, 1, 0x23][..], LZMA, &[5, 93, 0, 0, 1, 0]].concat();
        archive(&[&vec![9; before.into()], packed].concat(), &[&streams[..], &[0x0c, 100, 0, 0]].concat())
    }

    /// Headers packed by another program: of a coder of AES, and of one of LZMA2.
    const SECRET: &str = "0000813307ae0fd5300235166c2701e0fb312536e41f5cf7206e2c0cc22c251ec4df5a2724c60e12604331e65c21200e4252ecdfe0a87cc32e02f109286e11ca4d6b199f04c4400e93bce410bed55c7ad7efd10ee3d890ad8bd369660ac36803fffff27fc000";
    const OPEN: &str = "0000813307ae0fd5300235166c291f481d98f4703ffbbba41c82492ecbf2b1c73cbbf9682802a7d11f78327a853ce6c8290a218bba82561b7f0e3286dd5df45c1ff67bd3c7fed251cc4525b5dffff60eac00";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn packed_headers_are_read_and_clear_ones() {
        assert!(protected(&encoded(&hex(SECRET), 40)));
        assert!(!protected(&encoded(&hex(OPEN), 40)));
        assert!(protected(&archive(&[3; 500], &[&[0x17, 6, 0][..], AES, &[0]].concat())), "encrypted headers");
        assert!(!protected(&archive(&[3; 500], &[1, 4, 6, 0, 0])));
        assert!(!protected(&archive(&[3; 500], &[])) && !protected(MARK) && !protected(&[]));
        // It lies where it says.
        let far = [&encoded(&hex(SECRET), 40)[..], &vec![0; TAIL + 1]].concat();
        assert!(!protected(&far));
    }

    proptest! {
        #[test]
        fn no_archive_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (protected(&bytes), protected(&archive(&bytes, &header)));
            let _ = protected(&archive(&bytes, &[&[0x17, 6][..], &header].concat()));
        }
    }
}
