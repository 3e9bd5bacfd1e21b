use super::*;
use crate::codec::stuffing::DotStuffer;
use proptest::prelude::*;

/// Content, flaw, bytes taken, done.
fn decode(input: &[u8]) -> (Vec<u8>, Option<Flaw>, usize, bool) {
    let (mut decoder, mut out) = (DataDecoder::new(LINE), Vec::new());
    let taken = decoder.push(input, &mut out);
    (out, decoder.flaw(), taken, decoder.is_done())
}

#[test]
fn content_dots_and_the_end() {
    for (input, content) in [
        (&b".\r\n"[..], &b""[..]),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n...a\r\n.b\r\n.\r\n", b".\r\n..a\r\nb\r\n"),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
        (b"a.\r\n.\r\n", b"a.\r\n"),
        (b"\xc3\xa9\r\n.\r\n", b"\xc3\xa9\r\n"),
    ] {
        assert_eq!(decode(input), (content.to_vec(), None, input.len(), true), "{input:?}");
    }
}

#[test]
fn what_follows_the_end_is_left() {
    let (content, flaw, taken, done) = decode(b"a\r\n.\r\nQUIT\r\n");
    assert_eq!((content.as_slice(), flaw, taken, done), (&b"a\r\n"[..], None, 6, true));
}

/// Every end that another server may have taken for one: here it is a flaw, and the message goes on to the true end.
#[test]
fn smuggled_ends_are_no_end() {
    for end in [
        &b"\n.\n"[..],
        b"\n.\r\n",
        b"\r.\r",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\n.\r",
        b"\r.\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n.\r\r\n",
        b"\r\n.\r\0\n",
        b"\r\n\r.\r\n",
        b"\r\r\n.\r\n",
        b"\n\n.\r\n",
        b"\r\n.\n\r\n",
        b"\r\n\n.\r\n",
        b"\0\r\n.\n",
        b"\r\n.\r.\r\n",
        b"\n\r.\n\r",
        b"\r\n\x2e\x0d\x00\x0a",
    ] {
        let input = [b"before", end, b"MAIL FROM:<smuggled@b.test>\r\n.\r\nRSET\r\n"].concat();
        let (content, flaw, taken, done) = decode(&input);
        // `\r\r\n.\r\n` ends with a true end: the message is spoilt all the same.
        let true_end = input.len() - b"RSET\r\n".len();
        let first = input.windows(5).position(|w| w == b"\r\n.\r\n").unwrap() + 5;
        assert!(flaw.is_some(), "{end:?} passed");
        assert!(done && taken == first && taken <= true_end, "{end:?} ended at {taken}");
        assert!(!content.windows(4).any(|w| w == b"MAIL"), "{end:?} gave content after a flaw");
    }
}

#[test]
fn flaws_are_told_apart() {
    assert_eq!(decode(b"a\nb\r\n.\r\n").1, Some(Flaw::BareNewline));
    assert_eq!(decode(b"a\rb\r\n.\r\n").1, Some(Flaw::BareNewline));
    assert_eq!(decode(b"a\0b\r\n.\r\n").1, Some(Flaw::Nul));
    let exact = [vec![b'a'; LINE - 2], b"\r\n.\r\n".to_vec()].concat();
    assert_eq!(decode(&exact).1, None);
    let stuffed = [b".".to_vec(), vec![b'.'; LINE - 2], b"\r\n.\r\n".to_vec()].concat();
    assert_eq!(decode(&stuffed).1, None, "the stuffed dot does not count (RFC 5321 §4.5.3.1.6)");
    let over = [vec![b'a'; LINE - 1], b"\r\n.\r\n".to_vec()].concat();
    assert_eq!((decode(&over).1, decode(&over).3), (Some(Flaw::LineTooLong), true));
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same(input in hostile(), cuts in prop::collection::vec(1usize..7, 1..20)) {
        let whole = decode(&input);
        let (mut decoder, mut out, mut at) = (DataDecoder::new(LINE), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            if at == input.len() || decoder.is_done() {
                break;
            }
            let end = input.len().min(at + cut);
            at += decoder.push(&input[at..end], &mut out);
        }
        prop_assert_eq!((out, decoder.flaw(), at, decoder.is_done()), whole);
    }

    #[test]
    fn the_end_is_the_first_crlf_dot_crlf_whatever_stands_around(input in hostile()) {
        // The CRLF of the DATA command stands before the content.
        let framed = [b"\r\n".as_slice(), &input].concat();
        let end = framed.windows(5).position(|w| w == b"\r\n.\r\n").map(|at| at + 3);
        let (_, _, taken, done) = decode(&input);
        prop_assert_eq!(done.then_some(taken), end);
    }

    #[test]
    fn sent_then_received_is_the_same_for_any_lines(
        lines in prop::collection::vec("[ -~é.]{0,40}", 0..20), cut in 1usize..9
    ) {
        let content: Vec<u8> = lines.iter().flat_map(|l| [l.as_bytes(), b"\r\n"].concat()).collect();
        let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
        for piece in content.chunks(cut) {
            stuffer.push(piece, &mut wire);
        }
        stuffer.finish(&mut wire);
        let length = wire.len();
        prop_assert_eq!(decode(&wire), (content, None, length, true));
    }

    #[test]
    fn nothing_sent_can_end_early_or_hold_a_bare_newline(content in hostile(), cut in 1usize..9) {
        let (mut stuffer, mut wire) = (DotStuffer::default(), Vec::new());
        for piece in content.chunks(cut) {
            stuffer.push(piece, &mut wire);
        }
        stuffer.finish(&mut wire);
        let (_, flaw, taken, done) = decode(&wire);
        prop_assert!(done && taken == wire.len());
        prop_assert!(flaw != Some(Flaw::BareNewline));
    }
}

/// Mostly the bytes that matter.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"\r\n.\r\n.a\0\r\n".to_vec()), 0..60)
}
