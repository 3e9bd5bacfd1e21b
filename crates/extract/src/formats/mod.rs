//! One file a format. Each reads bytes and pushes text into a bounded [`Text`].
mod archive;
mod html;
mod office;
mod pdf;
mod plain;
mod rtf;
mod xml;

use crate::{Kind, Limits, Why};

/// The text of a document, at most [`Limits::text`] bytes. Blocks; only what [`Kind::is_plain`] says is safe outside a child.
pub fn text_of(mime: &str, name: &str, content: &[u8], limits: &Limits) -> Result<String, Why> {
    let mut out = Text::new(limits.text);
    let mut room = archive::Room::new(limits);
    read(mime, name, content, limits, &mut room, &mut out)?;
    Ok(out.finish())
}

/// Reads a document, or one in an archive.
fn read(
    mime: &str,
    name: &str,
    content: &[u8],
    limits: &Limits,
    room: &mut archive::Room,
    out: &mut Text,
) -> Result<(), Why> {
    match Kind::guess(mime, name, content) {
        Kind::Pdf => pdf::text(content, limits, out),
        Kind::Zip => archive::text(content, limits, room, out),
        Kind::Xml => xml::text(content, limits, out),
        Kind::Html => {
            html::text(content, out);
            Ok(())
        }
        Kind::Rtf => rtf::text(content, out),
        Kind::Plain => {
            plain::text(content, out);
            Ok(())
        }
        Kind::Unknown => Err(Why::Unsupported),
    }
}

/// Text being gathered, up to a bound: more is dropped, silently, and [`Text::is_full`] says that reading on is useless.
#[derive(Debug)]
pub struct Text {
    text: String,
    most: usize,
    full: bool,
}

impl Text {
    /// Empty, for at most `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { text: String::new(), most, full: false }
    }
    /// Nothing more fits.
    pub fn is_full(&self) -> bool {
        self.full
    }
    /// Appends, without NUL: it means nothing in a text, and the store refuses it.
    pub fn push(&mut self, piece: &str) {
        for part in piece.split('\0') {
            self.append(part);
        }
    }
    fn append(&mut self, piece: &str) {
        if self.full {
            return;
        }
        let room = self.most - self.text.len();
        if piece.len() <= room {
            self.text.push_str(piece);
        } else {
            self.text.push_str(&piece[..floor(piece, room)]);
            self.full = true;
        }
    }
    /// Ends a word or a line: what follows is apart.
    pub fn apart(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.push("\n");
        }
    }
    fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_at_a_character() {
        let mut text = Text::new(5);
        text.push("ab");
        text.apart();
        text.apart();
        assert!(!text.is_full());
        text.push("\0é\0é");
        assert!(text.is_full());
        text.push("x");
        assert_eq!(text.finish(), "ab\né");
    }
}
