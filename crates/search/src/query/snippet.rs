//! Excerpts.
use super::node::{Node, What};
use super::scan::ranges;
use super::{Field, Snippet};
use crate::TextRecord;
use crate::analysis::Tokens;

/// What is looked at of one text.
const LONGEST: usize = 1 << 20;
/// Matches shown of one text.
const MOST: usize = 1_000;

/// What matched of a text of a field: ranges in order, apart.
pub(super) fn found(node: &Node, field: Field, text: &str) -> Vec<(usize, usize)> {
    let mut whats: Vec<&What> = Vec::new();
    node.wanted(&mut |fields, what| {
        if fields.iter().any(|f| f == field) {
            whats.push(what);
        }
    });
    if whats.is_empty() {
        return Vec::new();
    }
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut tokens = Tokens::new(field.style());
    tokens.add(&text[..end]);
    let mut out = Vec::new();
    for what in whats {
        ranges(what, field.style(), &tokens.list, &mut out);
    }
    out.sort_unstable();
    let mut apart: Vec<(usize, usize)> = Vec::new();
    for (start, end) in out {
        match apart.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => apart.push((start, end)),
        }
    }
    apart.truncate(MOST);
    apart
}

pub(super) fn snippet(node: &Node, record: &TextRecord, width: usize) -> Snippet {
    let body = found(node, Field::Body, &record.body);
    if body.is_empty() {
        for attachment in &record.attachments {
            for text in [&attachment.text, &attachment.name] {
                let matches = found(node, Field::Attachment, text);
                if !matches.is_empty() {
                    return cut(text, &matches, width);
                }
            }
        }
    }
    cut(&record.body, &body, width)
}

/// The excerpt of `width` characters that shows most.
fn cut(text: &str, found: &[(usize, usize)], width: usize) -> Snippet {
    let width = width.max(1);
    let (from, to) = window(text, found, width);
    let mut out = Snippet { text: String::new(), found: Vec::new() };
    if text[..from].contains(|c: char| !c.is_whitespace()) {
        out.text.push('…');
    }
    let mut ranges = found.iter().filter(|(start, end)| *start >= from && *end <= to).peekable();
    let mut open = None;
    let mut space = false;
    for (at, c) in text[from..to].char_indices().map(|(i, c)| (from + i, c)) {
        // A match ends before what follows it.
        while ranges.next_if(|(_, end)| at >= *end).is_some() {
            out.found.extend(open.take().map(|start| (start, out.text.len())));
        }
        if c.is_whitespace() || c.is_control() {
            space = true;
            continue;
        }
        if space && !out.text.is_empty() && out.text != "…" {
            out.text.push(' ');
        }
        space = false;
        if open.is_none() && ranges.peek().is_some_and(|(start, end)| *start <= at && at < *end) {
            open = Some(out.text.len());
        }
        out.text.push(c);
    }
    if let Some(start) = open {
        out.found.push((start, out.text.len()));
    }
    if text[to..].contains(|c: char| !c.is_whitespace()) {
        out.text.push('…');
    }
    out
}

/// Bytes of the text to show: about `width` characters, from the beginning of a word to the end of one, with as many matches as fit.
fn window(text: &str, found: &[(usize, usize)], width: usize) -> (usize, usize) {
    // Distances are in bytes here: an accent more or less does not matter.
    let Some(&(first, _)) = found.first() else { return (0, ahead(text, 0, width)) };
    let (mut best, mut most, mut last) = (first, 0, 0);
    for (i, &(start, _)) in found.iter().enumerate() {
        last = last.max(i);
        while last < found.len() && found[last].1 <= start + width {
            last += 1;
        }
        if last - i > most {
            (best, most) = (start, last - i);
        }
    }
    // A little of what stands before.
    let from = behind(text, best, width / 4);
    let to = ahead(text, from, width);
    // A match at the edge is shown whole.
    let end = found.iter().filter(|(start, _)| *start == best).map(|(_, end)| *end).max().unwrap_or(to);
    (from, to.max(end))
}

/// The beginning of a word, at most `count` characters before.
fn behind(text: &str, at: usize, count: usize) -> usize {
    let mut from = at;
    for (seen, (i, c)) in text[..at].char_indices().rev().enumerate() {
        if seen >= count {
            return from;
        }
        if c.is_whitespace() {
            from = i + c.len_utf8();
        } else if i == 0 {
            from = 0;
        }
    }
    from
}

/// The end of a word, at most `count` characters after; within a word that is longer.
fn ahead(text: &str, at: usize, count: usize) -> usize {
    let mut to = None;
    for (seen, (i, c)) in text[at..].char_indices().enumerate() {
        if seen >= count {
            return to.unwrap_or(at + i);
        }
        if c.is_whitespace() {
            to = Some(at + i);
        }
    }
    text.len()
}
