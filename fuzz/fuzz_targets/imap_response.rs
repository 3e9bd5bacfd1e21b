//! What a server says to our client: no panic, no dependence on how it comes, never more held than the budget allows.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_migration::client::response::Response;
use sceau_migration::client::wire::{Cut, Piece, RESPONSE, Wire};
use std::io::Read;

/// Gives so many octets at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.len().min(self.1).min(buf.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn heard(input: &[u8], piece: usize) -> Vec<String> {
    let (mut from, mut wire, mut seen) = (Pieces(input, piece), Wire::default(), Vec::new());
    loop {
        let mut pieces = Vec::new();
        loop {
            match wire.next(&mut from, &mut pieces) {
                Ok(Cut::End) => break,
                Ok(Cut::Message(size)) => {
                    let mut left = size;
                    loop {
                        match wire.take(&mut from) {
                            Ok(bytes) if bytes.is_empty() => break,
                            Ok(bytes) => left -= bytes.len() as u64,
                            Err(_) => return seen,
                        }
                    }
                    assert_eq!(left, 0);
                }
                Err(e) => {
                    seen.push(e.to_string());
                    return seen;
                }
            }
        }
        let held: usize = pieces.iter().map(|p| if let Piece::Text(b) | Piece::Literal(b) = p { b.len() } else { 0 }).sum();
        assert!(held <= RESPONSE);
        seen.push(format!("{:?}", Response::read(&pieces)));
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, input)) = input.split_first() else { return };
    assert_eq!(heard(input, usize::MAX), heard(input, usize::from(size).max(1)));
});
