//! What a document is: by its first bytes, else by what was declared.

/// Kinds of documents whose text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Portable Document Format.
    Pdf,
    /// ZIP and what is built on it: IHE_XDM, OOXML, OpenDocument.
    Zip,
    /// XML, CDA R2 among it.
    Xml,
    /// HTML.
    Html,
    /// Rich Text Format.
    Rtf,
    /// Plain text, HL7 v2 and HPRIM reports too.
    Plain,
    /// Anything else.
    Unknown,
}

impl Kind {
    /// How far a mark that identifies a document is looked for, bytes: what stands behind changes no guess. Readers accept `%PDF-` within the first 1024.
    pub const HEAD: usize = 1024;

    /// The kind of a document. What it holds decides over what is declared.
    pub fn guess(mime: &str, name: &str, content: &[u8]) -> Self {
        let head = &content[..content.len().min(Self::HEAD)];
        if head.windows(5).any(|w| w == b"%PDF-") {
            return Self::Pdf;
        }
        if [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|mark| head.starts_with(*mark)) {
            return Self::Zip;
        }
        if head.starts_with(b"{\\rtf") {
            return Self::Rtf;
        }
        let declared = Self::declared(mime, name);
        let start = skip_blank(head);
        if starts(start, b"<!doctype html") || starts(start, b"<html") {
            return Self::Html;
        }
        if starts(start, b"<?xml") || starts(start, b"<ClinicalDocument") {
            // XHTML declared as HTML is read as HTML.
            return if declared == Self::Html { Self::Html } else { Self::Xml };
        }
        match declared {
            // Declared a format that begins otherwise: not that.
            Self::Pdf | Self::Zip | Self::Rtf => Self::Unknown,
            // Text that is none: NUL bytes stand in UTF-16 only, which says so first.
            Self::Plain if head.contains(&0) && !is_utf16(head) => Self::Unknown,
            declared => declared,
        }
    }

    /// The kind that type or name declare.
    fn declared(mime: &str, name: &str) -> Self {
        let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
        let by_type = match mime.as_str() {
            "application/pdf" => Self::Pdf,
            "application/zip" | "application/x-zip-compressed" => Self::Zip,
            "text/html" | "application/xhtml+xml" => Self::Html,
            "text/xml" | "application/xml" => Self::Xml,
            "text/rtf" | "application/rtf" => Self::Rtf,
            m if m.ends_with("+xml") && !m.starts_with("image/") => Self::Xml,
            m if m.starts_with("text/") => Self::Plain,
            _ => Self::Unknown,
        };
        if by_type != Self::Unknown || mime.starts_with("image/") {
            return by_type;
        }
        match extension.as_str() {
            "pdf" => Self::Pdf,
            "zip" | "docx" | "xlsx" | "pptx" | "odt" | "ods" | "odp" => Self::Zip,
            "htm" | "html" | "xhtml" => Self::Html,
            "xml" | "cda" => Self::Xml,
            "rtf" => Self::Rtf,
            // HPRIM Médecin and Santé reports and HL7 v2 messages are lines of text.
            "txt" | "csv" | "md" | "log" | "hpr" | "hpm" | "hprim" | "hl7" | "ics" | "vcf" | "json" => Self::Plain,
            _ => Self::Unknown,
        }
    }

    /// Read by a few lines of our own that can neither loop nor grow: no child is needed.
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::Html)
    }
}

fn is_utf16(head: &[u8]) -> bool {
    head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff])
}

/// Without a byte order mark and white space. UTF-16 is left to what is declared.
fn skip_blank(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start()
}

fn starts(text: &[u8], with: &[u8]) -> bool {
    text.get(..with.len()).is_some_and(|t| t.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_over_what_is_declared() {
        for (mime, name, content, kind) in [
            ("image/png", "photo.png", &b"\x89PNG\r\n"[..], Kind::Unknown),
            ("image/png", "photo.png", b"%PDF-1.4", Kind::Pdf),
            ("application/octet-stream", "CR.PDF", b"junk\n%PDF-1.4", Kind::Pdf),
            ("application/pdf", "a.pdf", b"hello", Kind::Unknown),
            ("application/octet-stream", "IHE_XDM.ZIP", b"PK\x03\x04", Kind::Zip),
            ("text/plain", "a.txt", b"PK\x03\x04", Kind::Zip),
            ("text/xml", "CDA.XML", b"\xef\xbb\xbf <?xml version", Kind::Xml),
            ("text/plain", "a", b"<!DOCTYPE HTML>", Kind::Html),
            ("text/html", "a", b"<?xml version='1.0'?><html>", Kind::Html),
            ("application/hl7-sda+xml", "", b"<a/>", Kind::Xml),
            ("image/svg+xml", "a.svg", b"<svg/>", Kind::Unknown),
            ("text/plain; charset=x", "", b"bonjour", Kind::Plain),
            ("text/plain", "", b"a\0b", Kind::Unknown),
            ("text/plain", "", b"\xff\xfea\0", Kind::Plain),
            ("", "labo.HPR", b"H|", Kind::Plain),
            ("application/x-msdownload", "a.exe", b"MZ", Kind::Unknown),
            ("", "", b"", Kind::Unknown),
        ] {
            assert_eq!(Kind::guess(mime, name, content), kind, "{mime} {name} {content:?}");
        }
    }
}
