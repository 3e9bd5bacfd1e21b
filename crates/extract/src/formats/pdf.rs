//! PDF: page after page. The parser is another house's, made for documents that mean well: it recurses, panics and allocates as it
//! is told to. Nothing here repairs that; the child's limits do. A page on which it panics costs its own text.
use super::Text;
use crate::{Limits, Why};
use pdf_extract::{Document, PlainTextOutput, output_doc_page};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Pushes the text of a document.
pub fn text(content: &[u8], limits: &Limits, out: &mut Text) -> Result<(), Why> {
    let guarded =
        |f: &mut dyn FnMut() -> Result<(), Why>| catch_unwind(AssertUnwindSafe(f)).unwrap_or(Err(Why::Broken));
    let mut document = None;
    guarded(&mut || {
        let mut read = Document::load_mem(content).map_err(|_| Why::Broken)?;
        // Documents that anyone may read, and not everyone may change, are protected by the empty password.
        if read.is_encrypted() && read.decrypt("").is_err() {
            return Err(Why::Encrypted);
        }
        document = Some(read);
        Ok(())
    })?;
    let Some(document) = document else { return Err(Why::Broken) };
    let pages = document.get_pages();
    let mut failed = 0_usize;
    let read = pages.keys().take(limits.pages as usize);
    let most = read.len();
    for page in read {
        if out.is_full() {
            break;
        }
        let mut one = || {
            let mut sink = Sink(&mut *out);
            let sink: &mut dyn Write = &mut sink;
            output_doc_page(&document, &mut PlainTextOutput::new(sink), *page).map_err(|_| Why::Broken)
        };
        if guarded(&mut one).is_err() {
            failed += 1;
        }
        out.apart();
    }
    // A document of no page, or none of whose pages can be read, is broken.
    if failed == most && !out.is_full() { Err(Why::Broken) } else { Ok(()) }
}

/// Ends a page when no more text fits.
struct Sink<'a>(&'a mut Text);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.is_full() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        // Always UTF-8: what writes here writes whole strings.
        if let Ok(piece) = std::str::from_utf8(bytes) {
            self.0.push(piece);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
