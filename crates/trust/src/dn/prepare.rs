//! String preparation for matching (RFC 4518, with the Unicode version of our tables instead of 3.2).
use unicode_normalization::UnicodeNormalization;

/// Prepared form of a value: compatibility characters replaced (NFKC), case folded, control and invisible characters
/// removed, every run of white space one space, none at the ends. Idempotent.
pub(super) fn prepare(value: &str) -> String {
    if value.is_ascii() {
        return squeeze(value.chars().filter_map(map).map(|c| c.to_ascii_lowercase()));
    }
    // Folding can create characters that NFKC composes further and composing can create some that fold again: two
    // rounds reach the fixed point (property-tested).
    let once = round(value);
    let twice = round(&once);
    squeeze(twice.chars())
}

/// One round of map, normalise, fold.
fn round(value: &str) -> String {
    value.nfkc().filter_map(map).flat_map(fold).nfkc().collect()
}

/// RFC 4518 §2.2: what is mapped to a space, what is mapped to nothing.
fn map(c: char) -> Option<char> {
    match c {
        // Tab, newline, vertical tab, form feed, carriage return, next line, and every Unicode space.
        '\u{9}'..='\u{d}' | '\u{85}' => Some(' '),
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() => None,
        // Soft hyphen, combining grapheme joiner, Mongolian and variation selectors, zero-width and direction marks,
        // object replacement, byte-order mark, tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{1806}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}'
        | '\u{e0000}'..='\u{e0fff}' => None,
        c => Some(c),
    }
}

/// Case folding: lower case, with the two letters whose lower case has variants.
fn fold(c: char) -> impl Iterator<Item = char> {
    let (first, rest) = match c {
        'ß' | 'ẞ' => (Some('s'), Some('s')),
        'ς' => (Some('σ'), None),
        _ => (None, None),
    };
    let lower = first.is_none().then(|| c.to_lowercase());
    first.into_iter().chain(rest).chain(lower.into_iter().flatten())
}

/// Insignificant spaces (RFC 4518 §2.6.1): runs become one space, ends are trimmed.
fn squeeze(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    let mut space = false;
    for c in chars {
        if c == ' ' {
            space = !out.is_empty();
        } else {
            if space {
                out.push(' ');
                space = false;
            }
            out.push(c);
        }
    }
    out
}
