//! `i;unicode-casemap` (RFC 5051): how IMAP compares texts when it searches, sorts and threads (RFC 5255 §3, RFC 5256 §2).
//!
//! Each character becomes its simple titlecase, then its compatibility decomposition; results are compared byte by byte. What is promised:
//! the result holds no NUL that the text did not hold, and a text that is cut where [`stands_alone`] says so has the result of its pieces.
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_compatible};

/// What European mail holds beside ASCII: the letters and signs of Latin-1 and of Latin Extended-A, and general punctuation. Each stands alone, and so does
/// all that it becomes: a text of these alone becomes what they become one by one.
const COMMON: [std::ops::Range<u32>; 2] = [0x80..0x180, 0x2000..0x2070];
/// What they become.
static BECOMES: LazyLock<[Vec<Box<str>>; 2]> = LazyLock::new(|| {
    let mapped = |c: char| std::iter::once(titlecase(c)).nfkd().collect::<String>().into_boxed_str();
    COMMON.map(|range| range.filter_map(char::from_u32).map(mapped).collect())
});

/// The form in which texts are compared.
pub fn casemap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut rest = text;
    // Of ASCII nothing is decomposed and nothing moves across it.
    while !rest.is_empty() {
        let (plain, after) = rest.split_at(rest.bytes().position(|b| !b.is_ascii()).unwrap_or(rest.len()));
        let from = out.len();
        out.push_str(plain);
        out[from..].make_ascii_uppercase();
        let (other, after) = after.split_at(after.find(|c: char| c.is_ascii()).unwrap_or(after.len()));
        let from = out.len();
        let quickly = other.chars().try_for_each(|c| common(c).map(|becomes| out.push_str(becomes)));
        if quickly.is_none() {
            out.truncate(from);
            out.extend(other.chars().map(titlecase).nfkd());
        }
        rest = after;
    }
    out
}

/// What a character of [`COMMON`] becomes.
fn common(c: char) -> Option<&'static str> {
    COMMON.iter().zip(BECOMES.iter()).find_map(|(range, becomes)| {
        let at = u32::from(c).checked_sub(range.start)?;
        becomes.get(at as usize).map(|text| &**text)
    })
}

/// True when nothing before this character changes by it: a text may be cut before it.
pub fn stands_alone(c: char) -> bool {
    let mut first = None;
    decompose_compatible(titlecase(c), |d| {
        first.get_or_insert(d);
    });
    first.is_some_and(|c| canonical_combining_class(c) == 0)
}

/// The simple titlecase (UnicodeData, field 14): one character for one.
fn titlecase(c: char) -> char {
    let next = |by: u32| char::from_u32(u32::from(c) + by).unwrap_or(c);
    match c {
        '\0'..='\x7f' => c.to_ascii_uppercase(),
        // Letters of two signs, whose titlecase is neither of the cases.
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Georgian has capitals and no titlecase.
        '\u{10d0}'..='\u{10ff}' => c,
        // Greek with an iota below: capitals of one sign, which the full mapping parts.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => next(8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => next(9),
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                // Only the full mapping has an answer (`ß`, `ŉ`, ligatures): the simple one leaves it.
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cases_and_forms_are_one() {
        for (a, b) in [
            ("Été", "e\u{301}TE\u{301}"),
            ("ǆ", "Ǆ"),
            ("ǆ", "ǅ"),
            ("ᾳ", "ᾼ"),
            ("ａ１", "A1"),
            ("Ω", "ω"),
            ("Å", "a\u{30a}"),
            ("каф", "КАФ"),
            ("½", "1\u{2044}2"),
        ] {
            assert_eq!(casemap(a), casemap(b), "{a} {b}");
        }
        for (a, b) in [("ete", "été"), ("ა", "Ა"), ("œ", "oe"), ("ß", "ss")] {
            assert_ne!(casemap(a), casemap(b), "{a} {b}");
        }
        // RFC 5051 §2: the order is that of the result's bytes.
        assert!(casemap("apple") < casemap("Banana") && casemap("e\u{301}a") < casemap("f"));
    }

    #[test]
    fn what_is_common_stands_alone_and_becomes_what_it_always_does() {
        for c in COMMON.into_iter().flatten().filter_map(char::from_u32) {
            let slowly: String = std::iter::once(titlecase(c)).nfkd().collect();
            assert!(stands_alone(c), "{c:?}");
            assert_eq!(common(c), Some(slowly.as_str()), "{c:?}");
        }
        assert_eq!((common('a'), common('\u{180}'), common('\u{1fff}'), common('\u{2070}')), (None, None, None, None));
    }

    proptest! {
        #[test]
        fn what_is_common_may_stand_beside_anything(text in "[aéœÿ…’\u{a0}\u{202f}\u{301}\u{327}ガﾞ\u{345}]{0,16}") {
            let slowly: String = text.chars().map(titlecase).nfkd().collect();
            prop_assert_eq!(casemap(&text), slowly);
        }
        #[test]
        fn pieces_make_the_whole(text in "\\PC{0,12}|[aé\u{301}\u{327}ガﾞ\u{f73}\u{345}각]{0,12}") {
            let whole = casemap(&text);
            for (at, c) in text.char_indices() {
                if stands_alone(c) {
                    prop_assert_eq!(casemap(&text[..at]) + &casemap(&text[at..]), whole.clone(), "{} at {}", text, at);
                }
            }
        }
        #[test]
        fn doing_it_to_upper_case_changes_nothing(text in "[a-zà-öø-þα-ωа-я ]{0,20}") {
            prop_assert_eq!(casemap(&text), casemap(&text.to_uppercase()));
        }
    }
}
