//! Content: its end is the first CRLF.CRLF whatever the pieces; without a flaw it holds no bare CR or LF and is given back whole
//! by what we send; whatever is sent ends where we end it.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_smtp::codec::data::{DataDecoder, Flaw, LINE};
use sceau_smtp::codec::stuffing::DotStuffer;

fn decode(input: &[u8], piece: usize) -> (Vec<u8>, Option<Flaw>, usize, bool) {
    let (mut decoder, mut out, mut at) = (DataDecoder::new(LINE), Vec::new(), 0);
    while at < input.len() && !decoder.is_done() {
        let end = input.len().min(at + piece);
        at += decoder.push(&input[at..end], &mut out);
    }
    // Content that a flaw spoilt is dropped: how much of it came out before depends on the pieces.
    if decoder.flaw().is_some() {
        out.clear();
    }
    (out, decoder.flaw(), at, decoder.is_done())
}

fn send(content: &[u8], piece: usize) -> Vec<u8> {
    let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
    for piece in content.chunks(piece) {
        stuffer.push(piece, &mut wire);
    }
    stuffer.finish(&mut wire);
    wire
}

fuzz_target!(|input: &[u8]| {
    let Some((first, input)) = input.split_first() else { return };
    let piece = usize::from(*first).max(1);
    let whole = decode(input, usize::MAX >> 1);
    assert_eq!(whole, decode(input, piece));
    let (content, flaw, taken, done) = whole;
    let framed = [b"\r\n".as_slice(), input].concat();
    let end = framed.windows(5).position(|w| w == b"\r\n.\r\n").map(|at| at + 3);
    assert_eq!(done.then_some(taken), end);
    if done && flaw.is_none() {
        let again = send(&content, piece);
        assert_eq!(decode(&again, piece), (content, None, again.len(), true));
    }
    // Anything at all, sent by us: one message, ended once.
    let wire = send(input, piece);
    let (_, flaw, taken, done) = decode(&wire, piece);
    assert!(done && taken == wire.len() && flaw != Some(Flaw::BareNewline));
});
