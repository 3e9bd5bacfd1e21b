//! FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4.1, §3.2.6, RFC 9394 §3.3).
use crate::codec::budget::{DEPTH_MAX, HEADER_NAMES_MAX, ITEMS_MAX};
use crate::codec::command::{BodySection, Command, Fetch, FetchItem, Section, SectionText};
use crate::codec::cursor::{Cursor, Fragment, Parsed, SyntaxError, utf8};
use crate::codec::partial::Partial;
use crate::codec::sequence::SequenceSet;

/// `FETCH set items [(CHANGEDSINCE n VANISHED PARTIAL range)]`, the modifiers in any order, each once.
pub(super) fn fetch(c: &mut Cursor<'_>, uid: bool) -> Parsed<Command> {
    c.sp()?;
    let set = SequenceSet::parse(c)?;
    c.sp()?;
    let mut items = Vec::new();
    if c.peek() == Some(b'(') {
        c.list(ITEMS_MAX, false, |c| one(c, &mut items, false))?;
    } else {
        one(c, &mut items, true)?;
    }
    let (mut changed_since, mut vanished, mut partial) = (None, false, None);
    if c.eat(b' ') && !c.at_end() {
        c.list(ITEMS_MAX, false, |c| {
            match c.keyword()?.as_str() {
                "CHANGEDSINCE" if changed_since.is_none() => {
                    c.sp()?;
                    changed_since = Some(c.number64()?);
                }
                "VANISHED" if uid && !vanished => vanished = true,
                "PARTIAL" if partial.is_none() => {
                    c.sp()?;
                    partial = Some(Partial::parse(c)?);
                }
                _ => return Err(SyntaxError("a modifier of FETCH is unknown, or given twice")),
            }
            Ok(())
        })?;
    }
    if vanished && changed_since.is_none() {
        return Err(SyntaxError("VANISHED needs CHANGEDSINCE"));
    }
    Ok(Command::Fetch(Fetch { uid, set, items, changed_since, vanished, partial }))
}

/// One item, or a macro when it stands alone.
pub(super) fn one(c: &mut Cursor<'_>, items: &mut Vec<FetchItem>, alone: bool) -> Parsed<()> {
    use FetchItem as I;
    let name = c.keyword()?;
    let bracket = c.peek() == Some(b'[');
    let item = match name.as_str() {
        "ALL" if alone => return push(items, &[I::Flags, I::InternalDate, I::Size, I::Envelope]),
        "FAST" if alone => return push(items, &[I::Flags, I::InternalDate, I::Size]),
        "FULL" if alone => return push(items, &[I::Flags, I::InternalDate, I::Size, I::Envelope, I::Body]),
        "FLAGS" => I::Flags,
        "UID" => I::Uid,
        "INTERNALDATE" => I::InternalDate,
        "RFC822.SIZE" => I::Size,
        "ENVELOPE" => I::Envelope,
        "BODYSTRUCTURE" => I::BodyStructure,
        "RFC822" => I::Rfc822,
        "RFC822.HEADER" => I::Rfc822Header,
        "RFC822.TEXT" => I::Rfc822Text,
        "MODSEQ" => I::ModSeq,
        "EMAILID" => I::EmailId,
        "THREADID" => I::ThreadId,
        "SAVEDATE" => I::SaveDate,
        "PREVIEW" => I::Preview { lazy: lazy(c) },
        "BODY" if !bracket => I::Body,
        "BODY" | "BODY.PEEK" => {
            let section = section(c)?;
            I::Section(BodySection { section, partial: partial(c)?, peek: name == "BODY.PEEK" })
        }
        "BINARY" | "BINARY.PEEK" => {
            let part = binary_section(c)?;
            I::Binary { part, partial: partial(c)?, peek: name == "BINARY.PEEK" }
        }
        "BINARY.SIZE" => I::BinarySize(binary_section(c)?),
        _ => return Err(SyntaxError("a fetch item is unknown")),
    };
    push(items, &[item])
}

fn push(items: &mut Vec<FetchItem>, new: &[FetchItem]) -> Parsed<()> {
    for item in new {
        // Asked twice is answered once.
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    Ok(())
}

/// ` (LAZY)` (RFC 8970 §6), or nothing: modifiers of FETCH may stand at this place too.
fn lazy(c: &mut Cursor<'_>) -> bool {
    let mut ahead = c.clone();
    let there = ahead.eat(b' ') && ahead.eat(b'(') && ahead.eat_word("LAZY") && ahead.eat(b')');
    if there {
        *c = ahead;
    }
    there
}

/// The section that a URL names (RFC 5092 §5, `;SECTION=`): as in FETCH, without brackets.
pub fn section_text(text: &[u8]) -> Parsed<Section> {
    let fragments = [Fragment::Line([b"[", text, b"]"].concat())];
    let mut c = Cursor::new(&fragments);
    let read = section(&mut c)?;
    c.end()?;
    if read == Section::default() { Err(SyntaxError("a section is not valid")) } else { Ok(read) }
}

/// `[1.2.HEADER.FIELDS (…)]`.
fn section(c: &mut Cursor<'_>) -> Parsed<Section> {
    c.expect(b'[', "a section is missing")?;
    let (part, dot) = part_number(c)?;
    let mut text = None;
    if c.peek() != Some(b']') {
        if !part.is_empty() && !dot {
            return Err(SyntaxError("a section is not valid"));
        }
        let name = c.keyword()?;
        text = Some(match name.as_str() {
            "HEADER" => SectionText::Header,
            "TEXT" => SectionText::Text,
            "MIME" if !part.is_empty() => SectionText::Mime,
            "HEADER.FIELDS" | "HEADER.FIELDS.NOT" => {
                c.sp()?;
                let names = c.list(HEADER_NAMES_MAX, false, header_name)?;
                SectionText::Fields { names, not: name == "HEADER.FIELDS.NOT" }
            }
            _ => return Err(SyntaxError("a section is unknown")),
        });
    } else if dot {
        return Err(SyntaxError("a section is not valid"));
    }
    c.expect(b']', "a section is not closed")?;
    Ok(Section { part, text })
}

/// A header field name: an astring of printable ASCII without colon.
fn header_name(c: &mut Cursor<'_>) -> Parsed<String> {
    let name = utf8(c.astring()?)?;
    if name.is_empty() || !name.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b':') {
        return Err(SyntaxError("a header name is not valid"));
    }
    Ok(name)
}

/// `1.2.3`, maybe empty; true when a dot follows the last number.
fn part_number(c: &mut Cursor<'_>) -> Parsed<(Vec<u32>, bool)> {
    let mut part = Vec::new();
    let mut dot = false;
    while c.peek().is_some_and(|b| b.is_ascii_digit()) {
        // The message scanner nests no deeper than a hundred parts.
        if part.len() >= 4 * DEPTH_MAX {
            return Err(SyntaxError("a part number is too long"));
        }
        part.push(c.nz_number()?);
        dot = c.eat(b'.');
        if !dot {
            break;
        }
    }
    Ok((part, dot))
}

fn binary_section(c: &mut Cursor<'_>) -> Parsed<Vec<u32>> {
    c.expect(b'[', "a section is missing")?;
    let (part, dot) = part_number(c)?;
    if dot {
        return Err(SyntaxError("a section is not valid"));
    }
    c.expect(b']', "a section is not closed")?;
    Ok(part)
}

/// `<first.count>`.
fn partial(c: &mut Cursor<'_>) -> Parsed<Option<(u64, u64)>> {
    if !c.eat(b'<') {
        return Ok(None);
    }
    let first = c.number64()?;
    c.expect(b'.', "a partial is not valid")?;
    let count = c.number64()?;
    c.expect(b'>', "a partial is not closed")?;
    if count == 0 { Err(SyntaxError("a partial of no bytes")) } else { Ok(Some((first, count))) }
}
