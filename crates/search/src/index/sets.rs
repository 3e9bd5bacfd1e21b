//! What a question finds in one segment: a set of documents for each part of it, put together as it says.
//!
//! Postings are read from end to end, which costs microseconds a thousand, and no order of evaluation can make an answer wrong. Memory: a bit
//! a document for each level of the question.
use super::SearchError;
use super::read::Segment;
use super::schema::Shape;
use crate::analysis::Style;
use crate::field::Fields;
use crate::query::node::{Form, Node, What};
use std::collections::HashMap;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{DocSet, TERMINATED, Term};

/// Documents of one segment.
pub(super) struct Set {
    bits: Vec<u64>,
    most: u32,
}

impl Set {
    fn none(most: u32) -> Self {
        Self { bits: vec![0; (most as usize).div_ceil(64)], most }
    }

    fn where_(most: u32, test: impl Fn(u32) -> bool) -> Self {
        let mut set = Self::none(most);
        (0..most).filter(|doc| test(*doc)).for_each(|doc| set.insert(doc));
        set
    }

    /// Documents beyond the segment (damaged postings) are left out.
    fn insert(&mut self, doc: u32) {
        if doc < self.most {
            self.bits[doc as usize / 64] |= 1 << (doc % 64);
        }
    }

    fn contains(&self, doc: u32) -> bool {
        self.bits.get(doc as usize / 64).is_some_and(|word| word & (1 << (doc % 64)) != 0)
    }

    fn not(mut self) -> Self {
        self.bits.iter_mut().for_each(|word| *word = !*word);
        if let (Some(last), rest @ 1..) = (self.bits.last_mut(), self.most % 64) {
            *last &= (1 << rest) - 1;
        }
        self
    }

    fn and(&mut self, other: &Set) {
        self.bits.iter_mut().zip(&other.bits).for_each(|(a, b)| *a &= b);
    }

    fn or(&mut self, other: &Set) {
        self.bits.iter_mut().zip(&other.bits).for_each(|(a, b)| *a |= b);
    }

    fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    /// The documents, in order.
    pub(super) fn each(&self, mut see: impl FnMut(u32)) {
        for (at, &word) in self.bits.iter().enumerate() {
            let mut word = word;
            while word != 0 {
                see(at as u32 * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }
}

/// Documents that match.
pub(super) fn find(segment: &Segment, shape: &Shape, node: &Node) -> Result<Set, SearchError> {
    let most = segment.reader.max_doc();
    let none = || Set::none(most);
    Ok(match node {
        Node::All => none().not(),
        Node::Nothing => none(),
        Node::And(nodes) => {
            let mut set = none().not();
            for node in nodes {
                set.and(&find(segment, shape, node)?);
                if set.is_empty() {
                    break;
                }
            }
            set
        }
        Node::Or(nodes) => {
            let mut set = none();
            for node in nodes {
                set.or(&find(segment, shape, node)?);
            }
            set
        }
        Node::Not(node) => find(segment, shape, node)?.not(),
        Node::Date(from, to) => {
            let fits = |date: i64| from.is_none_or(|f| date >= f) && to.is_none_or(|t| date < t);
            Set::where_(most, |doc| segment.date.first(doc).is_some_and(fits))
        }
        Node::Size(over, under) => {
            let column = segment.reader.fast_fields().u64(super::schema::SIZE)?;
            let fits = |size: u64| over.is_none_or(|o| size > o) && under.is_none_or(|u| size < u);
            Set::where_(most, |doc| column.first(doc).is_some_and(fits))
        }
        Node::Attached => {
            let column = segment.reader.fast_fields().u64(super::schema::ATTACHMENTS)?;
            Set::where_(most, |doc| column.first(doc).is_some_and(|n| n > 0))
        }
        Node::Text(fields, what) => {
            let mut set = none();
            text(segment, shape, *fields, what, &mut set)?;
            set
        }
    })
}

fn text(segment: &Segment, shape: &Shape, fields: Fields, what: &What, out: &mut Set) -> Result<(), SearchError> {
    for field in fields.iter() {
        let exact = shape.exact(field);
        let (words, style) = shape.words(field);
        let form =
            |form: &Form| Term::from_field_text(words, if style == Style::Prose { &form.stem } else { &form.exact });
        let text = |text: &String| Term::from_field_text(exact, text);
        let at = |column: Column| segment.reader.inverted_index(column);
        match what {
            What::Word(one) => word(&*at(words)?, &form(one), out)?,
            What::Exact(one) => word(&*at(exact)?, &text(one), out)?,
            What::Near(list) => row(&*at(words)?, list.iter().map(form), |doc, _| out.insert(doc))?,
            What::Phrase(list) => row(&*at(exact)?, list.iter().map(text), |doc, _| out.insert(doc))?,
            What::Prefix(prefix) => {
                let index = at(exact)?;
                let mut range = index.terms().range().ge(prefix).into_stream()?;
                while range.advance() && range.key().starts_with(prefix.as_bytes()) {
                    let mut block = index.read_block_postings_from_terminfo(range.value(), IndexRecordOption::Basic)?;
                    while !block.docs().is_empty() {
                        block.docs().iter().for_each(|doc| out.insert(*doc));
                        block.advance();
                    }
                }
            }
            What::PhrasePrefix(list, prefix) => row_then_prefix(&*at(exact)?, list.iter().map(text), prefix, out)?,
        }
    }
    Ok(())
}

fn word(index: &InvertedIndexReader, term: &Term, out: &mut Set) -> Result<(), SearchError> {
    if let Some(mut block) = index.read_block_postings(term, IndexRecordOption::Basic)? {
        while !block.docs().is_empty() {
            block.docs().iter().for_each(|doc| out.insert(*doc));
            block.advance();
        }
    }
    Ok(())
}

/// Documents where the terms stand one after the other, each with the positions after its last term.
fn row(
    index: &InvertedIndexReader,
    terms: impl Iterator<Item = Term>,
    mut see: impl FnMut(u32, &[u32]),
) -> Result<(), SearchError> {
    let mut lists: Vec<(u32, SegmentPostings)> = Vec::new();
    for (offset, term) in (0u32..).zip(terms) {
        match index.read_postings(&term, IndexRecordOption::WithFreqsAndPositions)? {
            Some(postings) => lists.push((offset, postings)),
            None => return Ok(()),
        }
    }
    let length = lists.len() as u32;
    // The rarest leads.
    lists.sort_by_key(|(_, postings)| postings.size_hint());
    let Some(((first, leader), followers)) = lists.split_first_mut() else { return Ok(()) };
    let (mut starts, mut places) = (Vec::new(), Vec::new());
    let mut doc = leader.doc();
    'docs: while doc != TERMINATED {
        for (_, follower) in followers.iter_mut() {
            if follower.doc() < doc {
                follower.seek(doc);
            }
            if follower.doc() > doc {
                // A follower at its end ends everything.
                if follower.doc() == TERMINATED {
                    return Ok(());
                }
                doc = leader.seek(follower.doc());
                continue 'docs;
            }
        }
        leader.positions(&mut starts);
        // Where the row would start: a term cannot stand before its place in it.
        starts.retain(|place| place >= first);
        starts.iter_mut().for_each(|place| *place -= *first);
        for (offset, follower) in followers.iter_mut() {
            follower.positions(&mut places);
            starts.retain(|start| places.binary_search(&(start + *offset)).is_ok());
        }
        if !starts.is_empty() {
            starts.iter_mut().for_each(|start| *start += length);
            see(doc, &starts);
        }
        doc = leader.advance();
    }
    Ok(())
}

/// Terms one after the other, then a word that begins so. Words of the dictionary are gone through one at a time: none stays open.
fn row_then_prefix(
    index: &InvertedIndexReader,
    terms: impl Iterator<Item = Term>,
    prefix: &str,
    out: &mut Set,
) -> Result<(), SearchError> {
    let mut next: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut heads = Set::none(out.most);
    row(index, terms, |doc, after| {
        heads.insert(doc);
        next.insert(doc, after.to_vec());
    })?;
    if next.is_empty() {
        return Ok(());
    }
    let mut range = index.terms().range().ge(prefix).into_stream()?;
    let mut places = Vec::new();
    while range.advance() && range.key().starts_with(prefix.as_bytes()) {
        let mut postings =
            index.read_postings_from_terminfo(range.value(), IndexRecordOption::WithFreqsAndPositions)?;
        let mut doc = postings.doc();
        while doc != TERMINATED {
            if heads.contains(doc)
                && !out.contains(doc)
                && let Some(after) = next.get(&doc)
            {
                postings.positions(&mut places);
                if places.iter().any(|place| after.binary_search(place).is_ok()) {
                    out.insert(doc);
                }
            }
            doc = postings.advance();
        }
    }
    Ok(())
}
