//! Compression underneath a connection (COMPRESS=DEFLATE, RFC 4978): raw DEFLATE (RFC 1951) in both directions.
//!
//! Promises:
//! * what is packed at once is compressed on its own: it refers to nothing that was sent before, so that the size of one answer tells nothing about
//!   what stood in another ([`crate::Conn::apart`] parts what would be packed together);
//! * compressing holds nothing a connection: one compressor a thread serves all, for each piece begins anew;
//! * what comes in is unpacked by pieces of a bounded size, whatever its ratio;
//! * a connection that waits holds no decompressor, only the end of what its peer said (at most 32 KiB), to which the peer may still refer.
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::io;

/// How far back a peer may refer (RFC 1951 §2).
const WINDOW: usize = 32 * 1024;
/// How a flush ends (RFC 1951 §3.2.4: an empty stored block): on a whole byte, between two blocks.
const BETWEEN: [u8; 4] = [0, 0, 0xff, 0xff];
/// Bytes unpacked at a time.
const PIECE: usize = 8 * 1024;

thread_local! {
    static PRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// Both directions of one connection.
pub(crate) struct Deflate {
    /// Compressed bytes to send.
    packed: Vec<u8>,
    /// Compressed bytes that came, not unpacked yet from `at` on.
    input: Vec<u8>,
    at: usize,
    /// None while the peer is between two blocks and we wait: made again from `history`.
    inflate: Option<Decompress>,
    /// The end of what the peer said.
    history: Vec<u8>,
    /// The last bytes that were unpacked.
    tail: [u8; 4],
    /// More may come out before more comes in.
    more: bool,
}

impl Default for Deflate {
    fn default() -> Self {
        // What has not begun is between two blocks too.
        let (input, history, packed) = Default::default();
        Self { packed, input, at: 0, inflate: None, history, tail: BETWEEN, more: false }
    }
}

impl std::fmt::Debug for Deflate {
    /// What was said is nobody's business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflate").field("history", &self.history.len()).finish_non_exhaustive()
    }
}

impl Deflate {
    /// Compresses these bytes, on their own.
    pub(crate) fn pack(&mut self, clear: &[u8]) -> io::Result<()> {
        if clear.is_empty() {
            return Ok(());
        }
        PRESS.with_borrow_mut(|press| {
            // A full flush ends each piece: whoever comes next finds nothing of it. A reset would do the same for twice the price.
            let mut left = clear;
            loop {
                self.packed.reserve(left.len() / 2 + 128);
                let before = press.total_in();
                press.compress_vec(left, &mut self.packed, FlushCompress::Full).map_err(io::Error::other)?;
                // No more than was given is taken.
                left = &left[(press.total_in() - before) as usize..];
                if left.is_empty() && self.packed.len() < self.packed.capacity() {
                    return Ok(());
                }
            }
        })
    }
    /// Compressed bytes to send; those that were sent are taken out by the caller.
    pub(crate) fn packed(&mut self) -> &mut Vec<u8> {
        &mut self.packed
    }
    /// Does something wait to be sent?
    pub(crate) fn has_packed(&self) -> bool {
        !self.packed.is_empty()
    }
    /// Was everything unpacked that came?
    pub(crate) fn is_drained(&self) -> bool {
        !self.more && self.at == self.input.len()
    }
    /// Is the peer between two blocks, as after a flush? Always, for one that flushes so that it cannot be seen.
    pub(crate) fn is_between(&self) -> bool {
        self.is_drained() && self.tail == BETWEEN
    }
    /// Takes in what came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.input.drain(..self.at);
        self.at = 0;
        self.input.extend_from_slice(bytes);
    }
    /// Unpacks what came, at most `max` bytes (rounded up to a piece); 0: more must come first. An error when it is no DEFLATE, and when the peer ends
    /// its stream: there is no way back to clear text (RFC 4978 §3).
    pub(crate) fn unpack(&mut self, out: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let begin = out.len();
        while out.len() - begin < max && (self.more || self.at < self.input.len()) {
            let inflate = match &mut self.inflate {
                Some(inflate) => inflate,
                None => self.inflate.insert(remembering(&self.history)?),
            };
            let mut piece = [0; PIECE];
            let (came, gone) = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(&self.input[self.at..], &mut piece, FlushDecompress::Sync)
                .map_err(|_| invalid("compressed data is damaged"))?;
            // Both are within the slices given.
            let (taken, made) = ((inflate.total_in() - came) as usize, (inflate.total_out() - gone) as usize);
            for &byte in &self.input[self.at..self.at + taken][taken.saturating_sub(BETWEEN.len())..] {
                self.tail.rotate_left(1);
                self.tail[3] = byte;
            }
            self.at += taken;
            out.extend_from_slice(&piece[..made]);
            self.history.extend_from_slice(&piece[..made]);
            if self.history.len() > 2 * WINDOW {
                self.forget();
            }
            self.more = made == PIECE;
            match status {
                Status::StreamEnd => return Err(invalid("the compressed stream was ended")),
                // It waits for more.
                _ if taken == 0 && made == 0 => break,
                _ => {}
            }
        }
        Ok(out.len() - begin)
    }
    /// Gives memory back while the connection waits for a line. Within data that a peer may have packed as it is, a block does not end wherever it looks so.
    pub(crate) fn park(&mut self) {
        if self.packed.is_empty() {
            self.packed = Vec::new();
        }
        if self.more || self.at < self.input.len() {
            return;
        }
        (self.input, self.at) = (Vec::new(), 0);
        self.forget();
        self.history.shrink_to_fit();
        // A peer that flushes in another way keeps its decompressor. Who forges the mark within a block breaks its own stream.
        if self.tail == BETWEEN {
            self.inflate = None;
        }
    }
    /// Forgets what the peer cannot refer to any more.
    fn forget(&mut self) {
        let over = self.history.len().saturating_sub(WINDOW);
        self.history.drain(..over);
    }
}

/// A decompressor between two blocks, to which this was said: it reads it as one stored block (RFC 1951 §3.2.4).
fn remembering(history: &[u8]) -> io::Result<Decompress> {
    let mut inflate = Decompress::new(false);
    let history = &history[history.len().saturating_sub(WINDOW)..];
    let length = history.len() as u16;
    if length > 0 {
        let [a, b] = length.to_le_bytes();
        let mut block = vec![0, a, b, !a, !b];
        block.extend_from_slice(history);
        let mut again = vec![0; history.len()];
        let mut from = 0;
        while (inflate.total_out() as usize) < again.len() {
            let made = inflate.total_out() as usize;
            inflate
                .decompress(&block[from..], &mut again[made..], FlushDecompress::Sync)
                .map_err(|_| invalid("what was said cannot be remembered"))?;
            if inflate.total_in() as usize == from && inflate.total_out() as usize == made {
                return Err(invalid("what was said cannot be remembered"));
            }
            from = inflate.total_in() as usize;
        }
    }
    Ok(inflate)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer with one compressor for the whole connection, as clients have.
    struct Peer(Compress);
    impl Peer {
        fn new() -> Self {
            Self(Compress::new(Compression::default(), false))
        }
        fn says(&mut self, clear: &[u8], flush: FlushCompress) -> Vec<u8> {
            let mut out = Vec::with_capacity(clear.len() + 1024);
            self.0.compress_vec(clear, &mut out, flush).unwrap();
            out
        }
    }

    /// Bytes that do not compress, the same in every run.
    fn noise(n: usize) -> Vec<u8> {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u8
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn what_is_packed_at_once_is_read_alone() {
        let mut ours = Deflate::default();
        let big = [noise(100_000), vec![b'x'; 100_000]].concat();
        for clear in [&b"* 1 EXISTS\r\n"[..], b"* 1 EXISTS\r\n", b"", &big, b"a"] {
            ours.pack(clear).unwrap();
            let packed = std::mem::take(ours.packed());
            let mut fresh = Deflate::default();
            fresh.feed(&packed);
            let mut out = Vec::new();
            while fresh.unpack(&mut out, PIECE).unwrap() > 0 {}
            assert!(out == clear, "{} bytes", clear.len());
        }
    }

    #[test]
    fn a_stream_goes_on_over_parking_at_any_instant() {
        for flush in [FlushCompress::Sync, FlushCompress::Full, FlushCompress::Partial] {
            for step in [1, 7, 10_000] {
                let (mut peer, mut ours, mut said, mut heard) =
                    (Peer::new(), Deflate::default(), Vec::new(), Vec::new());
                for n in 0..40 {
                    let command = format!("t{n} UID FETCH {n}:* (UID FLAGS)\r\n").into_bytes();
                    let command = if n == 20 { [command, noise(90_000)].concat() } else { command };
                    for part in peer.says(&command, flush).chunks(step) {
                        ours.feed(part);
                        while ours.unpack(&mut heard, 100).unwrap() > 0 {}
                        ours.park();
                        assert!(ours.history.capacity() <= 2 * WINDOW);
                    }
                    said.extend(command);
                }
                assert!(said == heard, "{flush:?}, {step} bytes at a time");
                if flush != FlushCompress::Partial {
                    assert!(ours.inflate.is_none() && ours.input.capacity() == 0);
                }
            }
        }
    }

    #[test]
    fn a_bomb_is_unpacked_by_pieces_and_damage_is_an_error() {
        let bomb = Peer::new().says(&vec![b'0'; 8 << 20], FlushCompress::Sync);
        assert!(bomb.len() < 20_000);
        let mut ours = Deflate::default();
        ours.feed(&bomb);
        let mut total = 0;
        loop {
            let mut out = Vec::new();
            match ours.unpack(&mut out, 16 * 1024).unwrap() {
                0 => break,
                n => total += n,
            }
            assert!(out.len() <= 16 * 1024 + PIECE && ours.history.len() <= 2 * WINDOW);
        }
        assert_eq!(total, 8 << 20);
        let ended = Peer::new().says(b"a NOOP\r\n", FlushCompress::Finish);
        let mut ours = Deflate::default();
        ours.feed(&ended);
        assert!(ours.unpack(&mut Vec::new(), 100).is_err(), "a stream that ends");
        for seed in 0..200 {
            let garbage = &noise(20_000)[seed * 97..][..400];
            let mut ours = Deflate::default();
            ours.feed(garbage);
            let mut out = Vec::new();
            while ours.unpack(&mut out, 1 << 16).is_ok_and(|n| n > 0) {}
            ours.park();
        }
    }
}
