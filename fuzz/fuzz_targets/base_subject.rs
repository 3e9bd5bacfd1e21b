//! Base subjects, sent dates and case mapping: no panic, a base subject is its own, and what is cut where it may be cut maps as its pieces do.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::casemap::{casemap, stands_alone};
use sceau_message::subject::base_subject;
use sceau_message::{header, sent};

fuzz_target!(|input: &[u8]| {
    let text = header::decoded(input);
    let base = base_subject(&text);
    let again = base_subject(&base.text);
    assert_eq!(again.text, base.text);
    assert!(!again.reply_or_forward);
    assert_eq!(base_subject(&format!("Re: {text} (fwd)")).text, base.text);
    assert_eq!(sent::instant(&text).is_some(), sent::day(&text).is_some());
    let whole = casemap(&text);
    if let Some((at, _)) = text.char_indices().skip(1).find(|(_, c)| stands_alone(*c)) {
        assert_eq!(casemap(&text[..at]) + &casemap(&text[at..]), whole);
    }
});
