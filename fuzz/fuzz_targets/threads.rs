//! Conversations of messages that name each other as they like: every message once, lists well formed.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::thread::{Algorithm, Facts, Threader, Token};

fuzz_target!(|input: &[u8]| {
    let Some((&first, input)) = input.split_first() else { return };
    let algorithm = if first & 1 == 0 { Algorithm::References } else { Algorithm::OrderedSubject };
    let ids: Vec<String> = (0..=255).map(|n| format!("<{n}@x>")).collect();
    let mut threader = Threader::new(algorithm, 0);
    // Each message: its identifier, subject and date, then what it names.
    let mut count = 0u32;
    for message in input.split(|b| *b == 0) {
        let [id, about, sent, references @ ..] = message else { continue };
        let subject = ["", "a", "Re: a", "b", "[fwd: b]", "c"][usize::from(*about) % 6];
        let references = references.iter().map(|r| ids[usize::from(*r)].as_str()).collect();
        let id = Some(ids[usize::from(*id)].as_str());
        threader.push(count, &Facts { sent: i64::from(*sent), subject: subject.into(), id, references });
        count += 1;
    }
    let threads = threader.finish();
    let (mut seen, mut depth, mut before) = (vec![false; count as usize], 0i64, Token::Close);
    for token in threads.tokens() {
        match token {
            Token::Open => depth += 1,
            Token::Close => {
                assert_ne!(before, Token::Open);
                depth -= 1;
            }
            Token::Number(n) => assert!(!std::mem::replace(&mut seen[n as usize], true)),
        }
        assert!(depth >= 0);
        before = token;
    }
    assert_eq!(depth, 0);
    assert!(seen.into_iter().all(|s| s));
});
