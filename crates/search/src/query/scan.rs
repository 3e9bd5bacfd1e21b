//! A message against a question, without an index: the same tokens, looked at here.
use super::node::{Form, Node, What};
use crate::TextRecord;
use crate::analysis::{Style, Token};
use crate::field::{Field, Fields};
use std::cell::OnceCell;
use std::collections::HashMap;

/// Tokens of a field, by form, with their positions.
struct Tokens {
    exact: HashMap<String, Vec<u32>>,
    stems: HashMap<String, Vec<u32>>,
}

/// A message being looked at. Fields are analysed when they are asked for.
pub(super) struct Scan<'a> {
    record: &'a TextRecord,
    fields: [OnceCell<Tokens>; 5],
}

impl<'a> Scan<'a> {
    pub(super) fn of(record: &'a TextRecord) -> Self {
        Self { record, fields: Default::default() }
    }

    fn field(&self, field: Field) -> &Tokens {
        self.fields[field.number()].get_or_init(|| {
            let mut tokens = Tokens { exact: HashMap::new(), stems: HashMap::new() };
            for token in field.tokens(self.record).list {
                if let Some(stem) = token.stem {
                    tokens.stems.entry(stem).or_default().push(token.position);
                }
                tokens.exact.entry(token.text).or_default().push(token.position);
            }
            tokens
        })
    }

    pub(super) fn holds(&self, node: &Node) -> bool {
        let record = self.record;
        match node {
            Node::All => true,
            Node::Nothing => false,
            Node::And(nodes) => nodes.iter().all(|n| self.holds(n)),
            Node::Or(nodes) => nodes.iter().any(|n| self.holds(n)),
            Node::Not(node) => !self.holds(node),
            Node::Date(from, to) => from.is_none_or(|f| record.date >= f) && to.is_none_or(|t| record.date < t),
            Node::Size(over, under) => over.is_none_or(|o| record.size > o) && under.is_none_or(|u| record.size < u),
            Node::Attached => !record.attachments.is_empty(),
            Node::Text(fields, what) => self.finds(*fields, what),
        }
    }

    fn finds(&self, fields: Fields, what: &What) -> bool {
        fields.iter().any(|field| {
            let tokens = self.field(field);
            let prose = field.style() == Style::Prose;
            let forms = |forms: &[Form]| -> bool {
                let list: Vec<Option<&[u32]>> = forms.iter().map(|f| tokens.form(f, prose)).collect();
                in_a_row(&list)
            };
            let places = |text: &String| tokens.exact.get(text).map(Vec::as_slice);
            match what {
                What::Word(form) => tokens.form(form, prose).is_some(),
                What::Near(list) => forms(list),
                What::Exact(text) => tokens.exact.contains_key(text),
                What::Phrase(texts) => in_a_row(&texts.iter().map(places).collect::<Vec<_>>()),
                What::Prefix(prefix) => tokens.exact.keys().any(|t| t.starts_with(prefix.as_str())),
                What::PhrasePrefix(texts, prefix) => {
                    let mut list: Vec<Option<&[u32]>> = texts.iter().map(places).collect();
                    list.push(None);
                    let last = list.len() - 1;
                    tokens.exact.iter().filter(|(t, _)| t.starts_with(prefix.as_str())).any(|(_, places)| {
                        list[last] = Some(places);
                        in_a_row(&list)
                    })
                }
            }
        })
    }
}

impl Tokens {
    fn form(&self, form: &Form, prose: bool) -> Option<&[u32]> {
        let found = if prose { self.stems.get(&form.stem) } else { self.exact.get(&form.exact) };
        found.map(Vec::as_slice)
    }
}

/// Is there a place where each stands right after the one before? Positions are in order.
fn in_a_row(lists: &[Option<&[u32]>]) -> bool {
    let Some(lists) = lists.iter().copied().collect::<Option<Vec<_>>>() else { return false };
    let Some((first, rest)) = lists.split_first() else { return false };
    first.iter().any(|&start| rest.iter().zip(1u32..).all(|(places, i)| places.binary_search(&(start + i)).is_ok()))
}

/// Bytes of a value's tokens that match: for excerpts.
pub(super) fn ranges(what: &What, style: Style, tokens: &[Token], out: &mut Vec<(usize, usize)>) {
    let prose = style == Style::Prose;
    let form = |token: &Token, form: &Form| match prose {
        true => token.stem.as_deref() == Some(form.stem.as_str()),
        false => token.text == form.exact,
    };
    match what {
        What::Word(one) => out.extend(tokens.iter().filter(|t| form(t, one)).map(|t| (t.start, t.end))),
        What::Exact(text) => out.extend(tokens.iter().filter(|t| t.text == *text).map(|t| (t.start, t.end))),
        What::Prefix(prefix) => {
            out.extend(tokens.iter().filter(|t| t.text.starts_with(prefix.as_str())).map(|t| (t.start, t.end)))
        }
        What::Near(list) => rows(tokens, list.len(), &|token, i| form(token, &list[i]), out),
        What::Phrase(list) => rows(tokens, list.len(), &|token, i| token.text == list[i], out),
        What::PhrasePrefix(list, prefix) => {
            let test = |token: &Token, i: usize| match list.get(i) {
                Some(text) => token.text == *text,
                None => token.text.starts_with(prefix.as_str()),
            };
            rows(tokens, list.len() + 1, &test, out);
        }
    }
}

/// Rows of `length` tokens that pass the test. Tokens are in order of position; a position may have several.
fn rows(tokens: &[Token], length: usize, test: &dyn Fn(&Token, usize) -> bool, out: &mut Vec<(usize, usize)>) {
    for (at, first) in tokens.iter().enumerate() {
        if !test(first, 0) {
            continue;
        }
        let mut row = vec![(first.start, first.end)];
        for token in &tokens[at + 1..] {
            let place = (token.position - first.position) as usize;
            if place == row.len() && test(token, place) {
                row.push((token.start, token.end));
            }
            if row.len() == length || place > row.len() {
                break;
            }
        }
        if row.len() == length {
            out.extend(row);
        }
    }
}
