//! Messages marked personal (F074): what marks one, and from whom it is kept. The convention is told in the terms of use (clause `correspondence`).
//!
//! A message is marked by a keyword, by the folder where it lies, or, as it comes, by its subject or by what its sender's program says of it
//! (`Sensitivity`, RFC 2156). Words that begin other subjects too (*Personnel soignant*) mark nothing.
use crate::{BalKind, BalRights};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The keyword that a message gets which comes marked.
pub const MARK: &str = "$Personal";
/// Keywords that mark, compared without case.
pub const KEYWORDS: [&str; 3] = [MARK, "$Private", "Perso"];
/// Words that mark, without accents, in lower case.
const WORDS: [&str; 8] = ["personnel", "personnelle", "perso", "prive", "privee", "personal", "private", "prives"];
/// What replies and forwards put before a subject.
const PREFIXES: [&str; 7] = ["re", "ref", "rep", "tr", "fw", "fwd", "wg"];
/// Characters of a subject that are looked at.
const LOOKED_AT: usize = 200;

/// Is what is marked kept from somebody with these rights on a BAL of this kind? Whoever manages it sees it: the holder of a personal BAL, the
/// responsible of a shared one. An applicative BAL is a program's, which must see what it is sent.
pub fn is_kept_from(kind: BalKind, rights: BalRights) -> bool {
    kind != BalKind::App && !rights.has(BalRights::MANAGE)
}

/// A BAL that people share: what is marked does not go there by a copy.
pub fn is_shared(kind: BalKind) -> bool {
    matches!(kind, BalKind::Org | BalKind::App | BalKind::Cab)
}

/// Does this keyword mark?
pub fn by_keyword(name: &str) -> bool {
    KEYWORDS.iter().any(|k| k.eq_ignore_ascii_case(name))
}

/// Does a folder's path mark what lies there: is it, or is it below, one called *Personnel*, *Privé*…?
pub fn by_folder(path: &str) -> bool {
    path.split('/').any(|level| {
        let level = folded(level);
        let level = level.trim();
        let inner = level.strip_prefix('[').and_then(|l| l.strip_suffix(']')).unwrap_or(level);
        WORDS.contains(&inner.trim())
    })
}

/// Does a decoded subject mark: `Personnel : …`, `[Privé] …`, behind `Re:` and its like too?
pub fn by_subject(subject: &str) -> bool {
    let head: String = subject.chars().take(LOOKED_AT).collect();
    let head = folded(&head);
    let mut rest = head.trim_start();
    // What answers and forwards put before it.
    while let Some((word, after)) = rest.split_once(':')
        && PREFIXES.contains(&word.trim())
    {
        rest = after.trim_start();
    }
    let inner = rest.strip_prefix(['[', '(']);
    let bracketed = inner.is_some();
    let rest = inner.unwrap_or(rest).trim_start();
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    if !WORDS.contains(&word) {
        return false;
    }
    let after = after.trim_start();
    match after.chars().next() {
        None => true,
        Some(c) if bracketed => matches!(c, ']' | ')'),
        Some(c) => matches!(c, ':' | '-' | '–' | '—' | '|'),
    }
}

/// Does a value of `Sensitivity` mark (RFC 2156)?
pub fn by_sensitivity(value: &str) -> bool {
    ["personal", "private"].contains(&folded(value).trim())
}

/// In lower case, without accents.
fn folded(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subjects() {
        for marked in [
            "Personnel : mes congés",
            "PERSONNEL: x",
            "[Personnel] x",
            "[PRIVÉ]",
            "Prive\u{301} – à toi",
            "Personnel",
            "Re: RE : Tr : [Perso] déjeuner",
            "(privé) x",
            "Private: lunch",
            "  [ Personal ] x",
            "Perso - x",
        ] {
            assert!(by_subject(marked), "{marked}");
        }
        for other in [
            "",
            "Personnel soignant : planning",
            "Le personnel : planning",
            "Personnelle et familiale",
            "[Personnel soignant] planning",
            "Clinique privée : résultats",
            "Re:",
            "[",
            "Résultat (personnel)",
            "privés de sortie",
            "Personal computer",
        ] {
            assert!(!by_subject(other), "{other}");
        }
    }

    #[test]
    fn folders_keywords_and_sensitivity() {
        for marked in ["Personnel", "privé", "Prive\u{301}/2026", "Archives/[Perso]", "a/PRIVATE/b"] {
            assert!(by_folder(marked), "{marked}");
        }
        for other in ["INBOX", "Personnels soignants", "Privée de Lyon", "Mon personnel", ""] {
            assert!(!by_folder(other), "{other}");
        }
        assert!(by_keyword("$personal") && by_keyword("PERSO") && !by_keyword("personnel") && !by_keyword("$label3"));
        assert!(by_sensitivity(" Private ") && by_sensitivity("Personal") && !by_sensitivity("Company-Confidential"));
    }

    #[test]
    fn whoever_manages_sees_it() {
        for kind in [BalKind::Per, BalKind::Org, BalKind::App, BalKind::Med, BalKind::Cab, BalKind::Usager] {
            assert!(!is_kept_from(kind, BalRights::ALL));
            assert_eq!(is_kept_from(kind, BalRights::USE), kind != BalKind::App, "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(text in "\\PC{0,80}") {
            let _ = (by_subject(&text), by_folder(&text), by_sensitivity(&text));
            let marked = by_subject(&format!("[Personnel] {text}"));
            prop_assert!(marked);
        }
    }
}
