//! Folding: every character in its plainest form (NFKD, lower case, no accent, ligatures spelt out), with where it was in the text.
//!
//! Character by character, so that composed and decomposed texts fold alike and a match can be shown in the original.
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A folded character and the bytes of the original that it stands for, from the start of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Folded {
    pub ch: char,
    pub start: u32,
    pub end: u32,
}

/// Folds a block of text (shorter than 4 GiB).
pub(crate) fn fold(block: &str) -> Vec<Folded> {
    let mut out: Vec<Folded> = Vec::with_capacity(block.len());
    for (at, c) in block.char_indices() {
        let (start, end) = (at as u32, (at + c.len_utf8()) as u32);
        if c.is_ascii() {
            let ch = if c == '`' { '\'' } else { c.to_ascii_lowercase() };
            out.push(Folded { ch, start, end });
            continue;
        }
        let before = out.len();
        match c {
            // Typed for an apostrophe; compatibility forms would make a space and an accent of the first.
            '\u{b4}' => out.push(Folded { ch: '\'', start, end }),
            _ => {
                for lower in std::iter::once(c).nfkd().flat_map(char::to_lowercase) {
                    if is_combining_mark(lower) || ignorable(lower) {
                        continue;
                    }
                    match spelt(lower) {
                        "" => out.push(Folded { ch: lower, start, end }),
                        letters => out.extend(letters.chars().map(|ch| Folded { ch, start, end })),
                    }
                }
            }
        }
        // A mark or an invisible character belongs to what it follows.
        if out.len() == before
            && let Some(last) = out.last_mut()
        {
            last.end = end;
        }
    }
    out
}

/// Folds a word for comparison with the lists of [`super::lists`].
#[cfg(test)]
pub(crate) fn folded(word: &str) -> String {
    fold(word).into_iter().map(|f| f.ch).collect()
}

/// Invisible characters that stand inside words: soft hyphen, joiners, marks of direction, byte order mark.
fn ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Characters spelt with others. Empty: itself.
fn spelt(c: char) -> &'static str {
    match c {
        'œ' => "oe",
        'æ' => "ae",
        'ß' => "ss",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        // Micro (µg, µmol) is written u as well.
        'µ' | 'μ' => "u",
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'κ' => "kappa",
        'λ' => "lambda",
        'ω' => "omega",
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2032}' => "'",
        '\u{2010}'..='\u{2013}' | '\u{2212}' => "-",
        '\u{2044}' => "/",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_ligatures_and_marks() {
        assert_eq!(folded("Œdème CÆCAL façon Noël"), "oedeme caecal facon noel");
        assert_eq!(folded("e\u{301}le\u{301}ve\u{301}"), "eleve");
        assert_eq!(folded("ﬁèvre m² SpO₂ 5 µg β-bloquant"), "fievre m2 spo2 5 ug beta-bloquant");
        assert_eq!(folded("l’hôpital l´hôpital rendez‑vous co\u{ad}eur"), "l'hopital l'hopital rendez-vous coeur");
        assert_eq!(folded("İstanbul"), "istanbul");
    }

    #[test]
    fn offsets_cover_the_marks() {
        let f = fold("e\u{301}a");
        assert_eq!((f[0].start, f[0].end, f[1].start), (0, 3, 3));
    }

    proptest! {
        #[test]
        fn composed_and_decomposed_fold_alike(s in "\\PC{0,40}") {
            let nfc: String = s.nfc().collect();
            let nfd: String = s.nfd().collect();
            prop_assert_eq!(folded(&nfc), folded(&nfd));
        }

        #[test]
        fn offsets_are_boundaries(s in "\\PC{0,40}") {
            for f in fold(&s) {
                prop_assert!(s.is_char_boundary(f.start as usize) && s.is_char_boundary(f.end as usize) && f.start < f.end);
            }
        }
    }
}
