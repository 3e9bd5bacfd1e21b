//! Messages marked personal (F074): what marks one, and from whom it is kept. The convention is told in the terms of use (clause `correspondence`).
//!
//! A message is marked by a keyword, by the folder where it lies, or, as it comes, by its subject or by what its sender's program says of it
//! (`Sensitivity`, RFC 2156). Words that begin other subjects too (*Personnel soignant*) mark nothing, and where several people work together
//! *Personnel* means the staff, and a sender's program says nothing of how they share: there only *Privé* and its like mark ([`Reach`]).
use crate::{BalKind, BalRights};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The keyword that a message gets which comes marked.
pub const MARK: &str = "$Personal";
/// Keywords that mark, compared without case.
pub const KEYWORDS: [&str; 3] = [MARK, "$Private", "Perso"];
/// Words that mark everywhere, without accents, in lower case.
const WORDS: [&str; 6] = ["perso", "prive", "privee", "prives", "personal", "private"];
/// Words that mark in a BAL of one's own.
const OWN_WORDS: [&str; 2] = ["personnel", "personnelle"];
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

/// Where a word marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// In a BAL of one's own only.
    Own,
    /// In shared BALs too.
    Everywhere,
}

impl Reach {
    fn of(word: &str) -> Option<Self> {
        match word {
            w if WORDS.contains(&w) => Some(Self::Everywhere),
            w if OWN_WORDS.contains(&w) => Some(Self::Own),
            _ => None,
        }
    }
    /// Does it mark in a BAL of this kind?
    pub fn holds(self, kind: BalKind) -> bool {
        self == Self::Everywhere || !is_shared(kind)
    }
}

/// Does this keyword mark?
pub fn by_keyword(name: &str) -> bool {
    KEYWORDS.iter().any(|k| k.eq_ignore_ascii_case(name))
}

/// Does a folder's path mark what lies there: is it, or is it below, one called *Personnel*, *Privé*…? Where it does, at most.
pub fn by_folder(path: &str) -> Option<Reach> {
    let of = |level: &str| {
        let level = folded(level);
        let level = level.trim();
        let inner = level.strip_prefix('[').and_then(|l| l.strip_suffix(']')).unwrap_or(level);
        Reach::of(inner.trim())
    };
    path.split('/').filter_map(of).max()
}

/// Does a decoded subject mark: `Personnel : …`, `[Privé] …`, behind `Re:` and its like too? Where it does.
pub fn by_subject(subject: &str) -> Option<Reach> {
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
    let reach = Reach::of(word)?;
    let marks = match after.trim_start().chars().next() {
        None => true,
        Some(c) if bracketed => matches!(c, ']' | ')'),
        Some(c) => matches!(c, ':' | '-' | '–' | '—' | '|'),
    };
    marks.then_some(reach)
}

/// Does a value of `Sensitivity` mark (RFC 2156)? Where it does.
pub fn by_sensitivity(value: &str) -> Option<Reach> {
    ["personal", "private"].contains(&folded(value).trim()).then_some(Reach::Own)
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
            assert!(by_subject(marked).is_some(), "{marked}");
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
            assert_eq!(by_subject(other), None, "{other}");
        }
    }

    #[test]
    fn folders_keywords_and_sensitivity() {
        for marked in ["Personnel", "privé", "Prive\u{301}/2026", "Archives/[Perso]", "a/PRIVATE/b"] {
            assert!(by_folder(marked).is_some(), "{marked}");
        }
        for other in ["INBOX", "Personnels soignants", "Privée de Lyon", "Mon personnel", ""] {
            assert_eq!(by_folder(other), None, "{other}");
        }
        assert!(by_keyword("$personal") && by_keyword("PERSO") && !by_keyword("personnel") && !by_keyword("$label3"));
        let private = Some(Reach::Own);
        assert_eq!([" Private ", "Personal", "Company-Confidential"].map(by_sensitivity), [private, private, None]);
    }

    #[test]
    fn staff_is_not_private_where_people_work_together() {
        for own in ["Personnel : planning de nuit", "[Personnel] arrêts"] {
            assert_eq!(by_subject(own), Some(Reach::Own), "{own}");
        }
        assert_eq!(by_subject("[Privé] déjeuner"), Some(Reach::Everywhere));
        assert_eq!(by_folder("Cadres/Personnel"), Some(Reach::Own));
        assert_eq!(by_folder("Personnel/Privé"), Some(Reach::Everywhere));
        for kind in [BalKind::Per, BalKind::Org, BalKind::App, BalKind::Med, BalKind::Cab, BalKind::Usager] {
            assert!(Reach::Everywhere.holds(kind));
            assert_eq!(Reach::Own.holds(kind), !is_shared(kind), "{kind:?}");
        }
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
            prop_assert_eq!(marked, Some(Reach::Own));
        }
    }
}
