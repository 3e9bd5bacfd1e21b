//! Octets of a message on their way: measured, with CRLF for the wire, with LF for files.
use crate::Error;
use aws_lc_rs::digest::{Context, SHA256};

/// Where pieces go.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), Error> + 'a;

/// Where pieces go that are gathered.
pub fn gather(to: &mut Vec<u8>) -> impl FnMut(&[u8]) -> Result<(), Error> + '_ {
    |bytes| {
        to.extend_from_slice(bytes);
        Ok(())
    }
}

/// Octets moved at a time.
pub const PIECE: usize = 64 * 1024;

/// A message, in two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measured {
    /// Octets, with CRLF.
    pub size: u64,
    /// SHA-256 of them.
    pub digest: [u8; 32],
}

/// Measures what is pushed.
#[derive(Clone)]
pub struct Measure {
    size: u64,
    digest: Context,
}

impl std::fmt::Debug for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measure").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Default for Measure {
    fn default() -> Self {
        Self { size: 0, digest: Context::new(&SHA256) }
    }
}

impl Measure {
    /// Takes the next octets.
    pub fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.digest.update(bytes);
    }
    /// What was pushed.
    pub fn end(self) -> Measured {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.digest.finish().as_ref());
        Measured { size: self.size, digest }
    }
}

/// Octets of these, measured.
pub fn measure(bytes: &[u8]) -> Measured {
    let mut measure = Measure::default();
    measure.push(bytes);
    measure.end()
}

/// Lines of files into lines of the wire: an LF without its CR gets one, all else stays.
#[derive(Debug, Default)]
pub struct ToCrlf {
    after_cr: bool,
}

impl ToCrlf {
    /// Takes the next octets.
    pub fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut from = 0;
        for at in memchr::memchr_iter(b'\n', bytes) {
            let has_cr = if at == 0 { self.after_cr } else { bytes[at - 1] == b'\r' };
            if !has_cr {
                sink(&bytes[from..at])?;
                sink(b"\r")?;
                from = at;
            }
        }
        if let Some(last) = bytes.last() {
            self.after_cr = *last == b'\r';
            sink(&bytes[from..])?;
        }
        Ok(())
    }
}

/// Lines of the wire into lines of files: CRLF becomes LF. Says whether [`ToCrlf`] brings back what was there.
#[derive(Debug, Default)]
pub struct ToLf {
    held: bool,
    /// A CR or an LF stood alone: turned back, it would be something else.
    pub flawed: bool,
}

impl ToLf {
    /// Takes the next octets.
    pub fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut out = Vec::with_capacity(bytes.len() + 1);
        for &b in bytes {
            if std::mem::take(&mut self.held) {
                if b == b'\n' {
                    out.push(b);
                    continue;
                }
                self.flawed = true;
                out.push(b'\r');
            }
            match b {
                b'\r' => self.held = true,
                b'\n' => {
                    self.flawed = true;
                    out.push(b);
                }
                _ => out.push(b),
            }
        }
        sink(&out)
    }
    /// Ends the message.
    pub fn end(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        if std::mem::take(&mut self.held) {
            self.flawed = true;
            sink(b"\r")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn crlf(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut lines) = (Vec::new(), ToCrlf::default());
        for piece in pieces {
            lines.push(piece, &mut gather(&mut out)).unwrap();
        }
        out
    }
    fn lf(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let (mut out, mut lines) = (Vec::new(), ToLf::default());
        for piece in pieces {
            lines.push(piece, &mut gather(&mut out)).unwrap();
        }
        lines.end(&mut gather(&mut out)).unwrap();
        (out, lines.flawed)
    }

    #[test]
    fn lines_of_files_and_of_the_wire() {
        assert_eq!(crlf(&[b"a\nb\r\n\n", b"\n", b"c\r", b"\nd"]), b"a\r\nb\r\n\r\n\r\nc\r\nd");
        assert_eq!(lf(&[b"a\r\nb\r", b"\n"]), (b"a\nb\n".to_vec(), false));
        assert_eq!(lf(&[b"a\nb"]), (b"a\nb".to_vec(), true));
        assert_eq!(lf(&[b"a\r", b"b\r"]), (b"a\rb\r".to_vec(), true));
    }

    proptest! {
        #[test]
        fn what_is_not_flawed_comes_back(bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'a')], 0..40), cut in 0usize..40) {
            let (a, b) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(crlf(&[&bytes]), crlf(&[a, b]));
            prop_assert_eq!(lf(&[&bytes]), lf(&[a, b]));
            let (lines, flawed) = lf(&[&bytes]);
            prop_assert!(flawed || crlf(&[&lines]) == bytes);
            prop_assert!(!lf(&[&crlf(&[&bytes])]).1 || bytes.contains(&b'\r'));
        }
    }
}
