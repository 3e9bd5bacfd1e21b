//! What parent and child say to each other over the pipe: one request, one answer.
//!
//! Request: `u32` length of the header, the header (postcard), the document. Answer: one byte (0: text; else 1 + index in
//! [`Why::ALL`]), `u32` length, the text. All numbers big-endian. Both sides bound what they read before they allocate; an answer
//! that is not whole is none.
use crate::{Extracted, Limits, Why};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Longest request header, bytes: a MIME type and a file name, both cut at [`NAME`], and the limits.
pub const HEADER: usize = 2048;
/// Longest name that is sent, bytes.
const NAME: usize = 512;

/// What the parent asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Declared MIME type, or empty.
    pub mime: String,
    /// Declared file name, or empty. Only its extension counts.
    pub name: String,
    /// Bytes of the document.
    pub length: u32,
    /// Bounds.
    pub limits: Limits,
}

impl Request {
    /// For a document of `length` bytes; names are cut.
    pub fn new(mime: &str, name: &str, length: usize, limits: Limits) -> Option<Self> {
        // Of a long file name the end counts: the extension.
        let from = name.char_indices().map(|(i, _)| i).find(|i| name.len() - i <= NAME).unwrap_or(name.len());
        let to = mime.char_indices().map(|(i, c)| i + c.len_utf8()).take_while(|i| *i <= NAME).last().unwrap_or(0);
        let length = u32::try_from(length).ok()?;
        Some(Self { mime: mime[..to].to_owned(), name: name[from..].to_owned(), length, limits })
    }
    /// The bytes before the document.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let body = postcard::to_stdvec(self).ok().filter(|b| b.len() <= HEADER)?;
        let mut bytes = u32::try_from(body.len()).ok()?.to_be_bytes().to_vec();
        bytes.extend(body);
        Some(bytes)
    }
    /// Reads a header. Never allocates more than [`HEADER`] bytes for it.
    pub fn read(from: &mut dyn Read) -> io::Result<Self> {
        let length = number(from)?;
        if length > HEADER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        postcard::from_bytes(&body).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

/// Bytes before an answer's text.
pub const ANSWER: usize = 5;

/// Writes an answer.
pub fn write_answer(to: &mut dyn Write, answer: &Extracted) -> io::Result<()> {
    let (tag, text) = match answer {
        Extracted::Text(text) => (0, text.as_str()),
        Extracted::NoText(why) => {
            let index = Why::ALL.iter().position(|w| w == why).and_then(|i| u8::try_from(i + 1).ok());
            (index.unwrap_or(u8::MAX), "")
        }
    };
    let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    to.write_all(&[tag])?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// Reads a whole answer; none when it is not one.
pub fn read_answer(bytes: &[u8]) -> Option<Extracted> {
    let (head, text) = bytes.split_at_checked(ANSWER)?;
    let (tag, length) = head.split_first()?;
    if usize::try_from(u32::from_be_bytes(length.try_into().ok()?)) != Ok(text.len()) {
        return None;
    }
    match tag {
        0 => String::from_utf8(text.to_vec()).ok().map(Extracted::Text),
        n if text.is_empty() => Why::ALL.get(usize::from(*n) - 1).copied().map(Extracted::NoText),
        _ => None,
    }
}

fn number(from: &mut dyn Read) -> io::Result<usize> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    usize::try_from(u32::from_be_bytes(bytes)).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_come_back_or_are_none() {
        let all = Why::ALL.map(Extracted::NoText).into_iter().chain([Extracted::Text("été".into())]);
        for answer in all.chain([Extracted::Text(String::new())]) {
            let mut bytes = Vec::new();
            write_answer(&mut bytes, &answer).unwrap();
            assert_eq!(read_answer(&bytes), Some(answer));
            assert_eq!(read_answer(&bytes[..bytes.len() - 1]), None, "cut");
            bytes.push(0);
            assert_eq!(read_answer(&bytes), None, "too long");
        }
        assert_eq!(read_answer(&[200, 0, 0, 0, 0]), None);
        assert_eq!(read_answer(&[0, 0, 0, 0, 1, 0xff]), None, "no UTF-8");
    }

    proptest! {
        #[test]
        fn requests_come_back(mime in ".{0,700}", name in ".{0,700}", length in 0usize..1 << 30) {
            let request = Request::new(&mime, &name, length, Limits::default()).unwrap();
            prop_assert!(mime.starts_with(&request.mime) && name.ends_with(&request.name));
            let bytes = request.to_bytes().unwrap();
            prop_assert_eq!(Request::read(&mut bytes.as_slice()).unwrap(), request);
        }
        #[test]
        fn no_bytes_break_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Request::read(&mut bytes.as_slice()), read_answer(&bytes));
        }
    }
}
