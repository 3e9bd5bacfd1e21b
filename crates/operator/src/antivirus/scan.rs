//! A message read once: the engine gets all of it, and documents in it are looked at for passwords on the way.
use super::Trouble;
use crate::{Operator, Received};
use sceau_antivirus::encrypted::{Kind, Look};
use sceau_antivirus::{Clamd, Verdict};
use sceau_message::decode::TransferDecoder;
use sceau_message::scan::Part;
use std::collections::BTreeSet;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// What the engine gets before the message: some engines know a mail by its first field, and a sender chooses it otherwise.
const FIRST: &[u8] = b"Return-Path: <>\r\n";
/// Bytes that a message may have beyond what is announced: what is put before it.
pub(super) const ADDED: u64 = 4 << 10;

/// A part without parts: where its body lies, how it is encoded.
#[derive(Debug)]
struct Leaf {
    from: u64,
    to: u64,
    encoding: String,
}

/// Looks at each leaf as the bytes of the message pass by.
#[derive(Debug, Default)]
struct Looker {
    leaves: std::vec::IntoIter<Leaf>,
    now: Option<(Leaf, TransferDecoder, Look)>,
    clear: Vec<u8>,
    found: BTreeSet<Kind>,
}

impl Looker {
    fn new(root: &Part) -> Self {
        let mut leaves = Vec::new();
        gather(root, &mut leaves);
        leaves.sort_by_key(|l| l.from);
        Self { leaves: leaves.into_iter(), ..Self::default() }
    }

    fn take(&mut self) -> bool {
        let plain = || TransferDecoder::new("");
        self.now = self.leaves.next().and_then(|leaf| {
            // Of an unknown encoding it is looked at as it stands.
            let decoder = TransferDecoder::new(&leaf.encoding).or_else(plain)?;
            Some((leaf, decoder, Look::default()))
        });
        self.now.is_some()
    }

    /// Bytes of the message that begin at `at`.
    fn push(&mut self, at: u64, bytes: &[u8]) {
        let end = at + bytes.len() as u64;
        while self.now.is_some() || self.take() {
            let Some((leaf, decoder, look)) = &mut self.now else { return };
            if leaf.from >= end {
                return;
            }
            // Both within the piece.
            let from = leaf.from.max(at) - at;
            let to = leaf.to.min(end).max(at) - at;
            self.clear.clear();
            decoder.push(&bytes[from.min(to) as usize..to as usize], &mut self.clear);
            look.push(&self.clear);
            if leaf.to > end {
                return;
            }
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some((_, mut decoder, mut look)) = self.now.take() {
            self.clear.clear();
            decoder.finish(&mut self.clear);
            look.push(&self.clear);
            self.found.extend(look.finish());
        }
    }

    fn finish(mut self) -> BTreeSet<Kind> {
        self.close();
        self.found
    }
}

/// The leaves of a structure, whose depth and number the scanner has bounded.
fn gather(part: &Part, into: &mut Vec<Leaf>) {
    if part.children.is_empty() {
        let (from, length) = part.body;
        into.push(Leaf { from, to: from + length, encoding: part.mime.encoding.clone() });
    }
    part.children.iter().for_each(|child| gather(child, into));
}

impl Operator {
    /// What the engine says of a message, and which documents in it are under a password, if that is asked.
    pub(super) async fn engine_reads(
        &self,
        engine: &Clamd,
        message: &Received,
        looks: bool,
    ) -> Result<(Verdict, BTreeSet<Kind>), Trouble> {
        let mut looker = looks.then(|| Looker::new(&message.scan.root));
        let mut reader = message.spool.reader().map_err(Trouble::Store)?;
        let mut scan = engine.scan().await.map_err(Trouble::Engine)?;
        scan.push(FIRST).await.map_err(Trouble::Engine)?;
        let mut at = 0;
        while at < message.scan.size {
            let piece = reader.read_at(at, PIECE).await.map_err(Trouble::Store)?;
            if piece.is_empty() {
                // A part of it that nobody read must not be kept.
                return Err(Trouble::Store(sceau_store::StoreError::Corrupt("a spool that ends early".into())));
            }
            scan.push(&piece).await.map_err(Trouble::Engine)?;
            if let Some(looker) = &mut looker {
                looker.push(at, &piece);
            }
            at += piece.len() as u64;
            // A large message is much work: let others have the thread between pieces.
            tokio::task::yield_now().await;
        }
        let verdict = scan.finish().await.map_err(Trouble::Engine)?;
        Ok((verdict, looker.map(Looker::finish).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sceau_message::scan::{Limits, Scanner};

    /// Headers of an encrypted entry of a ZIP archive.
    const SECRET: &[u8] = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x01\0\0\0\x01\0\0\0\x01\0\0\0ab";

    #[test]
    fn every_part_is_looked_at_however_the_message_is_cut() {
        let coded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let message = |body: &str, encoding: &str| {
            format!(
                "From: a@b.fr\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbonjour\r\n--b\r\n\
                 Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n\
                 {body}\r\n--c--\r\n--b--\r\n"
            )
        };
        let noise = [&[7; 500][..], SECRET, &[9; 500]].concat();
        let secret = message(&coded(&noise), "base64");
        let plain = message(&coded(&[7; 900]), "base64");
        let quoted: String = noise.iter().map(|b| format!("={b:02X}")).collect();
        let quoted = message(
            &quoted.as_bytes().chunks(60).map(|c| String::from_utf8_lossy(c) + "=\r\n").collect::<String>(),
            "quoted-printable",
        );
        let single = format!(
            "From: a@b.fr\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: BASE64\r\n\r\n{}",
            coded(SECRET)
        );
        for (text, expected) in [(&secret, true), (&plain, false), (&quoted, true), (&single, true)] {
            let mut scanner = Scanner::new(Limits::default());
            scanner.push(text.as_bytes()).unwrap();
            let scan = scanner.finish().unwrap();
            for piece in [1, 7, 100, 1 << 16] {
                let mut looker = Looker::new(&scan.root);
                let mut at = 0;
                for bytes in text.as_bytes().chunks(piece) {
                    looker.push(at, bytes);
                    at += bytes.len() as u64;
                }
                assert_eq!(looker.finish().contains(&Kind::Zip), expected, "by {piece}:\n{text}");
            }
        }
    }
}
