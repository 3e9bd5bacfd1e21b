//! Short texts that people write and others read: names, functions, reasons, codes, telephone numbers.
//!
//! Promises: what comes out is one line in NFC, bounded, without controls and without characters that reorder or hide what stands around them
//! (a name is shown beside others in lists, mails and pages); every script passes. What the text means is not judged here.
use crate::{Refusal, RefusalCode};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most characters of a person's or a structure's name.
pub const NAME: usize = 120;
/// Most characters of a description, a reference, the reason for an exemption.
pub const NOTE: usize = 300;
/// Most characters of why somebody does something.
pub const REASON: usize = 500;
/// Longest code of a structure or regional body, characters.
const CODE: usize = 64;

fn invalid(field: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", field)
}

/// Most marks on one letter: Vietnamese, Thai and Tibetan need a few; more only cover what stands around them.
const MARKS: usize = 8;

/// Has no place in a line: controls, separators of lines, what turns or hides writing (Unicode Bidi_Control, UAX #9 §2; invisible operators; tags;
/// byte order mark; marks of shorthand and of music), letters that are not seen (Hangul fillers, soft hyphen, inherent vowels of Khmer), and what is no
/// character. Joiners stay: some scripts need them within words.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'
                ..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
        )
        || (u32::from(c) & 0xfffe) == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

/// Stands in a word without being seen.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Do marks tower on one letter, or stand on what comes before the line? A joiner is no letter that they could stand on.
fn towers(text: &str) -> bool {
    let mut marks = MARKS;
    text.chars().any(|c| {
        match c {
            c if is_combining_mark(c) => marks += 1,
            c if is_joiner(c) => {}
            _ => marks = 0,
        }
        marks > MARKS
    })
}

/// A line of at most `most` characters, in NFC, without spaces around it; it may be empty. `admin.invalid`, `naming.too_long`.
pub fn line(text: &str, field: &'static str, most: usize) -> Result<String, Refusal> {
    let too_long = || Refusal::new(RefusalCode::NamingTooLong).with("name", field).with("limit", most);
    // Four bytes a character, and what composes into fewer: before anything is allocated.
    if text.len() > most.saturating_mul(16) {
        return Err(too_long());
    }
    let out: String = text.trim().nfc().collect();
    if out.chars().any(is_treacherous) || towers(&out) {
        return Err(invalid(field));
    }
    if out.chars().count() > most {
        return Err(too_long());
    }
    Ok(out)
}

/// As [`line()`], with a letter or digit in it.
pub fn filled(text: &str, field: &'static str, most: usize) -> Result<String, Refusal> {
    let out = line(text, field, most)?;
    if out.chars().any(char::is_alphanumeric) { Ok(out) } else { Err(invalid(field)) }
}

/// Lines of at most `most` characters together, each as [`line()`] makes it, without empty ones around them; with a letter or digit in them.
/// `admin.invalid`, `naming.too_long`.
pub fn lines(text: &str, field: &'static str, most: usize) -> Result<String, Refusal> {
    let too_long = || Refusal::new(RefusalCode::NamingTooLong).with("name", field).with("limit", most);
    if text.len() > most.saturating_mul(16) {
        return Err(too_long());
    }
    let all: Vec<String> = text.trim().lines().map(|l| line(l, field, most)).collect::<Result<_, _>>()?;
    let out = all.join("\n");
    if out.chars().count() > most {
        return Err(too_long());
    }
    if out.chars().any(char::is_alphanumeric) { Ok(out) } else { Err(invalid(field)) }
}

/// A line that has to be there, with something in it that is seen. `admin.invalid`, whatever is wrong with it.
pub fn said(text: &str, field: &'static str, most: usize) -> Result<String, Refusal> {
    let seen = |c: char| !c.is_whitespace() && !is_joiner(c) && !is_combining_mark(c);
    line(text, field, most).ok().filter(|t| t.chars().any(seen)).ok_or_else(|| invalid(field))
}

/// Why somebody does something, for the record. `admin.invalid`.
pub fn reason(text: &str, field: &'static str) -> Result<String, Refusal> {
    said(text, field, REASON)
}

/// A name with a letter in it, in any script (identity traits are kept as they were certified, only composed).
pub fn name(text: &str, field: &'static str) -> Result<String, Refusal> {
    let out = line(text, field, NAME)?;
    if out.chars().any(char::is_alphabetic) { Ok(out) } else { Err(invalid(field)) }
}

/// A code: lower-case letters without accents, digits and inner hyphens, e.g. `chu-exemple`. Upper case is taken as lower.
pub fn code(text: &str, field: &'static str) -> Result<String, Refusal> {
    let out = text.trim().to_ascii_lowercase();
    let good = !out.is_empty()
        && out.len() <= CODE
        && out.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !out.starts_with('-')
        && !out.ends_with('-');
    if good { Ok(out) } else { Err(invalid(field)) }
}

/// A code of a reference table (profession, speciality, category): letters, digits, `-`, `_`, `.`, at most 20.
pub fn reference_code(text: &str, field: &'static str) -> Result<String, Refusal> {
    let out = text.trim();
    let good = (1..=20).contains(&out.len())
        && out.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if good { Ok(out.to_owned()) } else { Err(invalid(field)) }
}

/// A telephone number: digits after an optional `+`; spaces, dots, hyphens and brackets that people write between them are left out.
pub fn phone(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let (plus, digits) = text.strip_prefix('+').map_or(("", text), |rest| ("+", rest));
    if text.len() > 60
        || digits
            .chars()
            .any(|c| !c.is_ascii_digit() && !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '.' | '-' | '(' | ')'))
    {
        return Err(invalid("phone"));
    }
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    // ITU-T E.164: at most fifteen digits; short numbers of switchboards have four.
    if (4..=15).contains(&digits.len()) { Ok(format!("{plus}{digits}")) } else { Err(invalid("phone")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_judged_one_by_one_and_counted_together() {
        let read = |text: &str| lines(text, "text", 12).map_err(|r| r.code);
        assert_eq!(read("\r\n Un \r\n\r\ndeux\t\n\n").as_deref(), Ok("Un\n\ndeux"));
        assert_eq!(read("e\u{301}te\u{301}").as_deref(), Ok("été"));
        assert_eq!(read("abcdef\nghijkl"), Err(RefusalCode::NamingTooLong));
        assert_eq!(read(&"a".repeat(1_000_000)), Err(RefusalCode::NamingTooLong));
        for bad in ["", " \n\n", "--", "a\u{202e}b", "a\rb", "a\0b"] {
            assert_eq!(read(bad), Err(RefusalCode::Invalid), "{bad:?}");
        }
    }

    #[test]
    fn names_of_every_script_pass_and_are_composed() {
        for good in [
            "Zoé",
            "Nguyễn Thị Hương",
            "Søren",
            "محمد",
            "Ελένη",
            "Юлия",
            "山田",
            "अनिता",
            "O'Connor",
            "D’Arc-Lefèvre",
            "Tu\u{2bb}i\u{2bb}atua",
            "v\u{304}ola \u{257}aou",
            "می\u{200c}خواهم",
            "නිමාලි\u{200d}",
        ] {
            assert!(name(good, "name").is_ok(), "{good}");
        }
        assert_eq!(name(" Zoe\u{301} ", "name").unwrap(), "Zoé");
    }

    #[test]
    fn what_drives_a_screen_or_a_header_is_refused() {
        for bad in [
            "",
            "  ",
            "a\nb",
            "a\rb",
            "a\0",
            "\u{1b}[2J",
            "ab\u{202e}cd",
            "a\u{2066}b",
            "a\u{200b}b",
            "\u{feff}x",
            "123",
            "--",
            "a\u{2028}b",
            "\u{3164}",
            "\u{ffa0}\u{115f}",
            "Ma\u{ad}rie",
            "a\u{34f}b",
            "a\u{ffff}",
            "\u{e000}a",
            "a\u{e0101}",
            "z\u{335}\u{336}\u{337}\u{338}\u{339}\u{33a}\u{33b}\u{33c}\u{33d}",
            "z\u{335}\u{336}\u{337}\u{338}\u{339}\u{33a}\u{33b}\u{33c}\u{200d}\u{33d}",
            "\u{338}actif",
            "a\u{fff0}",
            "a\u{1d173}",
            "a\u{1bca0}",
        ] {
            assert_eq!(name(bad, "name").unwrap_err().code, RefusalCode::Invalid, "{bad:?}");
        }
        assert_eq!(name(&"é".repeat(121), "name").unwrap_err().code, RefusalCode::NamingTooLong);
        assert_eq!(name(&"x".repeat(1 << 20), "name").unwrap_err().code, RefusalCode::NamingTooLong);
    }

    #[test]
    fn codes_and_numbers() {
        assert_eq!(code(" CHU-Exemple ", "code").unwrap(), "chu-exemple");
        for bad in ["", "-a", "a-", "a b", "é", "a/b", "../x", &"a".repeat(65)] {
            assert!(code(bad, "code").is_err(), "{bad}");
        }
        assert_eq!(phone("+33 (0)1 99-00.12 34").unwrap(), "+330199001234");
        for bad in ["", "123", "+", "12a45", "1234567890123456", "++3312345"] {
            assert!(phone(bad).is_err(), "{bad}");
        }
        assert_eq!(reference_code("SM54", "speciality").unwrap(), "SM54");
        assert!(reference_code("a;b", "speciality").is_err());
    }

    #[test]
    fn a_reason_is_there_and_hides_nothing() {
        assert_eq!(reason(" R\u{e9}quisition du 3\u{a0}mars ", "reason").unwrap(), "Réquisition du 3\u{a0}mars");
        let long = "x".repeat(REASON + 1);
        let unseen = ["", " \u{a0} ", "\u{200d}", "\u{200d} \u{200c}", "\u{200d}\u{301}", "\u{fe0f}"];
        for bad in ["a\nb", "a\0", "clos\u{202e}trevuo", "a\u{200b}b", &long].into_iter().chain(unseen) {
            assert_eq!(reason(bad, "reason").unwrap_err().code, RefusalCode::Invalid, "{bad:?}");
        }
    }

    proptest! {
        /// Whatever comes in, what comes out is bounded, composed, and comes out of itself again.
        #[test]
        fn a_line_is_stable(text in any::<String>(), most in 1_usize..40) {
            if let Ok(out) = line(&text, "x", most) {
                prop_assert!(out.chars().count() <= most && !out.chars().any(is_treacherous));
                prop_assert_eq!(line(&out, "x", most).unwrap(), out);
            }
        }
    }
}
