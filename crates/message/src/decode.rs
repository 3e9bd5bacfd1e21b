//! Content transfer decoding (RFC 2045 §6) and charset conversion, streaming.

/// Incremental decoder of one part's body.
#[derive(Debug)]
pub struct TransferDecoder {}

impl TransferDecoder {
    /// For an encoding as in [`crate::scan::Mime::encoding`]; `None` when it is unknown.
    pub fn new(encoding: &str) -> Option<Self> {
        let _ = encoding;
        todo!()
    }
    /// Decodes the next bytes, appending to `out`. Broken input is decoded as far as it makes sense.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let _ = (bytes, out);
        todo!()
    }
    /// Ends the input.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }
}

/// `bytes` in `charset` as UTF-8 (unknown charsets as Windows-1252, errors replaced).
pub fn to_utf8(charset: &str, bytes: &[u8]) -> String {
    let _ = (charset, bytes);
    todo!()
}
