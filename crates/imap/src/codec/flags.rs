//! Flags and keywords on the wire (RFC 9051 §2.3.2).
use super::budget::ITEMS_MAX;
use super::cursor::{Cursor, Parsed, SyntaxError, is_atom_char};
use sceau_operator::mailbox::entries::{FlagChange, FlagSet, Flags};
use sceau_operator::mailbox::words::Keywords;
use std::sync::Arc;

/// System flags with their names.
pub const SYSTEM: [(Flags, &str); 5] = [
    (Flags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, "\\Deleted"),
    (Flags::SEEN, "\\Seen"),
    (Flags::DRAFT, "\\Draft"),
];

/// Keywords that clients know and any folder accepts (RFC 9051 §2.3.2, RFC 5788 registry).
pub const WELL_KNOWN: [&str; 6] = ["$Forwarded", "$Important", "$Junk", "$MDNSent", "$NotJunk", "$Phishing"];

/// True when `word` can stand as a keyword.
pub fn is_keyword(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(is_atom_char)
}

/// Reads `( flag … )`, maybe empty.
pub fn parse_list(c: &mut Cursor<'_>) -> Parsed<FlagSet> {
    let (mut system, mut words) = (Flags::default(), Vec::new());
    c.list(ITEMS_MAX, true, |c| parse_one(c, &mut system, &mut words))?;
    Ok(set(system, words))
}

/// Reads flags with or without parentheses (STORE).
pub fn parse_list_or_bare(c: &mut Cursor<'_>) -> Parsed<FlagSet> {
    if c.peek() == Some(b'(') {
        return parse_list(c);
    }
    let (mut system, mut words) = (Flags::default(), Vec::new());
    for _ in 0..ITEMS_MAX {
        parse_one(c, &mut system, &mut words)?;
        if !c.eat(b' ') || c.at_end() {
            return Ok(set(system, words));
        }
    }
    Err(SyntaxError("a list has too many items"))
}

fn parse_one<'a>(c: &mut Cursor<'a>, system: &mut Flags, words: &mut Vec<&'a str>) -> Parsed<()> {
    if c.eat(b'\\') {
        let name = c.atom()?;
        let found = SYSTEM.iter().find(|(_, n)| n[1..].eq_ignore_ascii_case(name));
        match found {
            Some((flag, _)) => *system = *system | *flag,
            // The server's own to set: ignored, as clients copy it from old servers' answers.
            None if name.eq_ignore_ascii_case("Recent") => {}
            None => return Err(SyntaxError("a system flag is unknown")),
        }
    } else {
        words.push(c.atom()?);
    }
    Ok(())
}

/// Keywords sorted, once each whatever their case.
fn set(system: Flags, words: Vec<&str>) -> FlagSet {
    FlagSet { system, keywords: Keywords::from(words).distinct() }
}

/// `set` after STORE's change (keywords compared without case).
pub fn apply(set: &FlagSet, change: FlagChange, by: &FlagSet) -> FlagSet {
    let holds = |list: &Keywords, k: &Arc<str>| list.iter().any(|x| x.eq_ignore_ascii_case(k));
    let of = |list: &Keywords, without: &Keywords| -> Vec<Arc<str>> {
        list.words().iter().filter(|k| !holds(without, k)).cloned().collect()
    };
    match change {
        FlagChange::Replace => FlagSet { system: by.system, keywords: by.keywords.distinct() },
        FlagChange::Add if by.keywords.is_empty() => FlagSet { system: set.system | by.system, ..set.clone() },
        FlagChange::Add => {
            let mut words = set.keywords.words().to_vec();
            words.extend(of(&by.keywords, &set.keywords));
            FlagSet { system: set.system | by.system, keywords: Keywords::from(words).distinct() }
        }
        FlagChange::Remove => FlagSet {
            system: Flags(set.system.0 & !by.system.0),
            keywords: Keywords::from(of(&set.keywords, &by.keywords)).distinct(),
        },
    }
}

/// Same flags, keywords compared without case and order?
pub fn same(a: &FlagSet, b: &FlagSet) -> bool {
    let lower = |s: &FlagSet| {
        let mut k: Vec<String> = s.keywords.iter().map(str::to_ascii_lowercase).collect();
        k.sort_unstable();
        k
    };
    a.system == b.system && (a.keywords == b.keywords || lower(a) == lower(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Fragment;

    fn parse(text: &str) -> Parsed<FlagSet> {
        let fragments = [Fragment::Line(text.as_bytes().to_vec())];
        let mut c = Cursor::new(&fragments);
        let set = parse_list_or_bare(&mut c)?;
        c.end()?;
        Ok(set)
    }

    #[test]
    fn flags_are_read_with_or_without_parentheses() {
        let set = parse("(\\Seen \\deleted $Forwarded label Label)").unwrap();
        assert!(set.system.has(Flags::SEEN | Flags::DELETED));
        assert_eq!(set.keywords, ["$Forwarded", "label"]);
        assert_eq!(parse("\\Seen $Forwarded").unwrap().keywords, ["$Forwarded"]);
        assert_eq!(parse("()").unwrap(), FlagSet::default());
        assert_eq!(parse("(\\Recent)").unwrap(), FlagSet::default());
        for bad in ["(\\Foo)", "(\\Seen", "\\", "(a b))", "(\"a\")", "", "(a  b)"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("({})", vec!["k"; ITEMS_MAX + 1].join(" "))).is_err());
    }

    #[test]
    fn changes_ignore_the_case_of_keywords() {
        let (a, b) = (parse("(\\Seen Work)").unwrap(), parse("(\\Flagged work)").unwrap());
        let added = apply(&a, FlagChange::Add, &b);
        assert_eq!((added.system, added.keywords), (Flags::SEEN | Flags::FLAGGED, vec!["Work"].into()));
        assert_eq!(apply(&a, FlagChange::Remove, &b), parse("(\\Seen)").unwrap());
        assert!(same(&apply(&a, FlagChange::Replace, &b), &parse("(\\Flagged WORK)").unwrap()));
    }
}
