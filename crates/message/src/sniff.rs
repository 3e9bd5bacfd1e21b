//! What bytes are, by what they begin with: whoever sends a file says what he likes of it.
//!
//! Promise: only what is named here is ever shown by its kind; what could be read as HTML, XML or a program never is.

/// A picture of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the formats of the same names
pub enum Picture {
    Png,
    Jpeg,
    Gif,
    Webp,
}

/// Most points of a picture that is shown.
const POINTS: u64 = 40_000_000;
/// Bytes from which [`is_fair`] can tell.
pub const HEAD: usize = 64 << 10;

impl Picture {
    /// From the first bytes of a file.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            _ if head.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if head.starts_with(b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => Some(Self::Gif),
            _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Some(Self::Webp),
            _ => None,
        }
    }
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// Does a file begin as a PDF does?
pub fn is_pdf(head: &[u8]) -> bool {
    head.starts_with(b"%PDF-")
}

/// Is it a picture whose size is known and not made to fill a memory?
pub fn is_fair(head: &[u8]) -> bool {
    let size = match Picture::of(head) {
        Some(Picture::Png) => pair(head, 16, 4, true),
        Some(Picture::Gif) => pair(head, 6, 2, false),
        Some(Picture::Webp) => webp(head),
        Some(Picture::Jpeg) => jpeg(head),
        None => None,
    };
    size.is_some_and(|(w, h)| w > 0 && h > 0 && w.saturating_mul(h) <= POINTS)
}

/// Two numbers that follow one another, of so many bytes each.
fn pair(bytes: &[u8], at: usize, len: usize, big_first: bool) -> Option<(u64, u64)> {
    let number = |at: usize| {
        let digits = bytes.get(at..at + len)?;
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if big_first { digits.iter().fold(0, add) } else { digits.iter().rev().fold(0, add) })
    };
    Some((number(at)?, number(at + len)?))
}

fn webp(head: &[u8]) -> Option<(u64, u64)> {
    match head.get(12..16)? {
        b"VP8 " => pair(head, 26, 2, false).map(|(w, h)| (w & 0x3fff, h & 0x3fff)),
        b"VP8L" => {
            let bits = pair(head, 21, 4, false)?.0;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => pair(head, 24, 3, false).map(|(w, h)| (w + 1, h + 1)),
        _ => None,
    }
}

/// The frame header of a JPEG (ITU-T T.81, B.2.2).
fn jpeg(head: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        if *head.get(at)? != 0xff {
            return None;
        }
        match *head.get(at + 1)? {
            0xff => at += 1,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return pair(head, at + 5, 2, true),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => {
                let length = usize::from(*head.get(at + 2)?) << 8 | usize::from(*head.get(at + 3)?);
                at += 2 + length.max(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG's beginning, so wide and so high.
    fn png(width: u32, height: u32) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0"].concat()
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        let jpeg = [&b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x10\0\x20"[..]].concat();
        let webp = [&b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0"[..], &[9, 0, 0, 4, 0, 0]].concat();
        for (bytes, kind, size) in [
            (png(3, 4), Picture::Png, (3, 4)),
            (jpeg, Picture::Jpeg, (16, 32)),
            (b"GIF89a\x02\0\x03\0".to_vec(), Picture::Gif, (2, 3)),
            (webp, Picture::Webp, (10, 5)),
        ] {
            assert_eq!(Picture::of(&bytes), Some(kind));
            assert!(is_fair(&bytes), "{kind:?} {size:?}");
            for cut in 0..bytes.len() {
                let _ = is_fair(&bytes[..cut]);
            }
        }
        assert!(!is_fair(&png(100_000, 100_000)) && !is_fair(&png(0, 4)) && !is_fair(b"\x89PNG\r\n\x1a\n"));
    }

    #[test]
    fn what_can_be_read_otherwise_is_no_picture() {
        for other in ["<svg xmlns='x'>", "<html>", "<?xml", "%PDF-1.7", "PK\x03\x04", "BM", "GIF8", "", " \u{89}PNG"] {
            assert_eq!(Picture::of(other.as_bytes()), None, "{other}");
        }
        assert!(is_pdf(b"%PDF-1.4") && !is_pdf(b" %PDF-1.4") && !is_pdf(b"<html>%PDF-"));
    }
}
