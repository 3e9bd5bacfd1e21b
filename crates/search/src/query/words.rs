//! From what was typed to what is looked for.
use super::node::{Form, Node, What};
use crate::analysis::lists::{self, FIRSTS};
use crate::analysis::stem::stem;
use crate::analysis::units::{Kind, Part, Unit, units};
use crate::field::Fields;

/// Words typed in one go: all must stand in the message. What of them may be dropped is decided by [`required`].
pub(crate) struct Term {
    pub node: Node,
    /// Says nothing by itself (`de`, `la`).
    pub stop: bool,
}

/// All of these; without those that say nothing, unless there is nothing else.
pub(crate) fn required(terms: Vec<Term>) -> Node {
    let speaking = terms.iter().any(|t| !t.stop);
    Node::and(terms.into_iter().filter(|t| !t.stop || !speaking).map(|t| t.node).collect())
}

/// Reads at most `most` units.
fn read(text: &str, most: usize) -> Vec<Unit> {
    let mut list = Vec::new();
    units(text, &mut |unit| {
        list.push(unit);
        list.len() <= most
    });
    list
}

/// Terms of plain words.
pub(crate) fn words(fields: Fields, text: &str, most: usize) -> Vec<Term> {
    let units = read(text, most);
    let mut groups: Vec<Vec<Unit>> = Vec::new();
    for unit in units {
        match groups.last_mut() {
            Some(group) if unit.glued || dose(group, &unit) => group.push(unit),
            _ => groups.push(vec![unit]),
        }
    }
    for group in &mut groups {
        // The article before an apostrophe is not required.
        while group.len() > 1 && group[0].kind == Kind::Elided {
            group.remove(0);
        }
    }
    let joined = |at: usize| {
        let pair = [lone(groups.get(at)?)?, lone(groups.get(at + 1)?)?];
        FIRSTS.contains(&pair[0].text.as_str()).then(|| format!("{}{}", pair[0].text, pair[1].text))
    };
    (0..groups.len())
        .map(|at| {
            let mut ways = group(&groups[at]);
            // `rendez vous` finds `rendezvous`.
            for whole in [joined(at), at.checked_sub(1).and_then(joined)].into_iter().flatten() {
                ways.push(What::Word(form(&whole)));
            }
            let stop = lone(&groups[at]).is_some_and(|p| lists::stop(&p.text))
                || groups[at].iter().all(|u| u.kind == Kind::Elided);
            Term {
                node: Node::or(ways.into_iter().map(|w| Node::Text(fields, w)).collect()),
                stop: stop || toneless(&groups[at], text),
            }
        })
        .collect()
}

/// `à`, and an `a` that is most likely it; `A` is a letter (`hépatite A`).
fn toneless(group: &[Unit], text: &str) -> bool {
    lone(group).is_some_and(|p| p.text == "a" && !text[p.start..p.end].starts_with('A'))
}

/// The only word of a group.
fn lone(group: &[Unit]) -> Option<&Part> {
    match group {
        [unit] if unit.kind == Kind::Word => unit.parts.first(),
        _ => None,
    }
}

/// Does a unit of measure follow a number?
fn dose(group: &[Unit], unit: &Unit) -> bool {
    group.last().is_some_and(|u| u.kind == Kind::Number)
        && unit.kind == Kind::Word
        && unit.parts.first().is_some_and(|p| lists::unit(&p.text))
}

/// Ways to find one group.
fn group(group: &[Unit]) -> Vec<What> {
    if let [unit] = group {
        match (unit.kind, &unit.whole) {
            (Kind::Date | Kind::Address, Some(whole)) => return vec![What::Exact(whole.clone())],
            (Kind::Compound, Some(whole)) => return vec![near(group), What::Word(form(whole))],
            _ => {}
        }
        if let [part] = unit.parts.as_slice() {
            let mut ways = vec![What::Word(part_form(part))];
            ways.extend(halves(part).map(|(first, rest)| What::Near(vec![form(first), form(rest)])));
            return ways;
        }
    }
    vec![near(group)]
}

fn near(group: &[Unit]) -> What {
    What::Near(group.iter().flat_map(|u| &u.parts).map(part_form).collect())
}

fn part_form(part: &Part) -> Form {
    match part.letters {
        true => form(&part.text),
        false => Form { exact: part.text.clone(), stem: part.text.clone() },
    }
}

fn form(word: &str) -> Form {
    Form { exact: word.to_owned(), stem: stem(word) }
}

/// `rendezvous` finds `rendez-vous` and `rendez vous`.
fn halves(part: &Part) -> impl Iterator<Item = (&str, &str)> {
    const SHORTEST: usize = 3;
    FIRSTS
        .iter()
        .filter(|_| part.letters)
        .filter_map(|first| part.text.strip_prefix(first).map(|rest| (*first, rest)))
        .filter(|(_, rest)| rest.len() >= SHORTEST)
}

/// A quoted phrase: exact forms one after the other. Its last word is a prefix when a star ends it.
pub(crate) fn phrase(fields: Fields, text: &str, most: usize) -> Option<Result<Node, ()>> {
    let text = text.trim_end();
    if let Some(open) = text.strip_suffix('*') {
        return prefix(fields, open, most);
    }
    let units = read(text, most);
    let mut ways = Vec::new();
    if let [unit] = units.as_slice()
        && let Some(whole) = &unit.whole
    {
        ways.push(What::Exact(whole.clone()));
        if unit.kind != Kind::Compound {
            return Some(Ok(any(fields, ways)));
        }
    }
    let mut parts: Vec<String> = texts(&units);
    match parts.len() {
        0 => return None,
        1 => ways.push(What::Exact(parts.remove(0))),
        _ => ways.push(What::Phrase(parts)),
    }
    Some(Ok(any(fields, ways)))
}

/// `hospit*`, `anti-inflam*`. An error when the last word is too short.
pub(crate) fn prefix(fields: Fields, text: &str, most: usize) -> Option<Result<Node, ()>> {
    const SHORTEST: usize = 2;
    let mut units = read(text, most);
    while units.len() > 1 && units[0].kind == Kind::Elided {
        units.remove(0);
    }
    let mut ways = Vec::new();
    if let [Unit { kind: Kind::Compound, whole: Some(whole), .. }] = units.as_slice() {
        ways.push(What::Prefix(whole.clone()));
    }
    let mut parts = texts(&units);
    let last = parts.pop()?;
    if last.chars().count() < SHORTEST {
        return Some(Err(()));
    }
    ways.push(match parts.is_empty() {
        true => What::Prefix(last),
        false => What::PhrasePrefix(parts, last),
    });
    Some(Ok(any(fields, ways)))
}

fn texts(units: &[Unit]) -> Vec<String> {
    units.iter().flat_map(|u| &u.parts).map(|p| p.text.clone()).collect()
}

fn any(fields: Fields, ways: Vec<What>) -> Node {
    Node::or(ways.into_iter().map(|w| Node::Text(fields, w)).collect())
}
