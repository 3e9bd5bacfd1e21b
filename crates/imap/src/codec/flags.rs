//! Flags and keywords on the wire (RFC 9051 §2.3.2).
use super::budget::ITEMS_MAX;
use super::cursor::{Cursor, Parsed, SyntaxError, is_atom_char};
use sceau_operator::mailbox::entries::{FlagSet, Flags};

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
    let mut set = FlagSet::default();
    c.list(ITEMS_MAX, true, |c| parse_one(c, &mut set))?;
    tidy(&mut set);
    Ok(set)
}

/// Reads flags with or without parentheses (STORE).
pub fn parse_list_or_bare(c: &mut Cursor<'_>) -> Parsed<FlagSet> {
    if c.peek() == Some(b'(') {
        return parse_list(c);
    }
    let mut set = FlagSet::default();
    for _ in 0..ITEMS_MAX {
        parse_one(c, &mut set)?;
        if !c.eat(b' ') || c.at_end() {
            tidy(&mut set);
            return Ok(set);
        }
    }
    Err(SyntaxError("a list has too many items"))
}

fn parse_one(c: &mut Cursor<'_>, set: &mut FlagSet) -> Parsed<()> {
    if c.eat(b'\\') {
        let name = c.atom()?;
        let found = SYSTEM.iter().find(|(_, n)| n[1..].eq_ignore_ascii_case(name));
        match found {
            Some((flag, _)) => set.system = set.system | *flag,
            // The server's own to set: ignored, as clients copy it from old servers' answers.
            None if name.eq_ignore_ascii_case("Recent") => {}
            None => return Err(SyntaxError("a system flag is unknown")),
        }
    } else {
        set.keywords.push(c.atom()?.to_owned());
    }
    Ok(())
}

/// Keywords sorted, once each whatever their case.
fn tidy(set: &mut FlagSet) {
    set.keywords.sort_by_key(|k| k.to_ascii_lowercase());
    set.keywords.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
}

/// `set` after STORE's change (keywords compared without case).
pub fn apply(set: &FlagSet, change: sceau_operator::mailbox::entries::FlagChange, by: &FlagSet) -> FlagSet {
    use sceau_operator::mailbox::entries::FlagChange;
    let holds = |list: &[String], k: &String| list.iter().any(|x| x.eq_ignore_ascii_case(k));
    let mut out = match change {
        FlagChange::Replace => by.clone(),
        FlagChange::Add => {
            let mut out = set.clone();
            out.system = out.system | by.system;
            out.keywords.extend(by.keywords.iter().filter(|k| !holds(&set.keywords, k)).cloned());
            out
        }
        FlagChange::Remove => FlagSet {
            system: Flags(set.system.0 & !by.system.0),
            keywords: set.keywords.iter().filter(|k| !holds(&by.keywords, k)).cloned().collect(),
        },
    };
    tidy(&mut out);
    out
}

/// Same flags, keywords compared without case and order?
pub fn same(a: &FlagSet, b: &FlagSet) -> bool {
    let lower = |s: &FlagSet| {
        let mut k: Vec<String> = s.keywords.iter().map(|k| k.to_ascii_lowercase()).collect();
        k.sort_unstable();
        k
    };
    a.system == b.system && (a.keywords == b.keywords || lower(a) == lower(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Fragment;
    use sceau_operator::mailbox::entries::FlagChange;

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
        assert_eq!((added.system, added.keywords), (Flags::SEEN | Flags::FLAGGED, vec!["Work".to_owned()]));
        assert_eq!(apply(&a, FlagChange::Remove, &b), parse("(\\Seen)").unwrap());
        assert!(same(&apply(&a, FlagChange::Replace, &b), &parse("(\\Flagged WORK)").unwrap()));
    }
}
