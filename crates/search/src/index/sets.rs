//! What a question finds in one segment: a set of documents for each part of it, put together as it says.
//!
//! Two steps. Postings are read from end to end, which costs microseconds a thousand, and no order of evaluation can make an answer wrong.
//! Where words stand costs far more, and so do the many words of a prefix: of a [`Plan`] these parts stay open, and are looked at for the
//! documents that are about to be shown only ([`Plan::within`]). Memory: a bit a document for each part of the question.
use super::SearchError;
use super::read::Segment;
use super::schema::Shape;
use crate::analysis::Style;
use crate::field::{Field, Fields};
use crate::query::node::{Form, Node, What};
use std::collections::BTreeMap;
use std::sync::Arc;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::{BlockSegmentPostings, Postings, SegmentPostings};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{DocSet, TERMINATED, Term};

/// A prefix whose words stand in more documents (counted once a word) than one of so many of the segment stays open.
const FREQUENT: u32 = 8;

/// Documents of one segment.
#[derive(Clone)]
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

    pub(super) fn contains(&self, doc: u32) -> bool {
        self.bits.get(doc as usize / 64).is_some_and(|word| word & (1 << (doc % 64)) != 0)
    }

    fn not(mut self) -> Self {
        self.bits.iter_mut().for_each(|word| *word = !*word);
        if let (Some(last), rest @ 1..) = (self.bits.last_mut(), self.most % 64) {
            *last &= (1 << rest) - 1;
        }
        self
    }

    /// These documents, of `most`.
    pub(super) fn of(most: u32, docs: impl Iterator<Item = u32>) -> Self {
        let mut set = Self::none(most);
        docs.for_each(|doc| set.insert(doc));
        set
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

    fn len(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// The documents, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.bits.iter().enumerate().flat_map(|(at, &word)| {
            let rest = std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)));
            rest.take_while(|word| *word != 0).map(move |word| at as u32 * 64 + word.trailing_zeros())
        })
    }
}

/// What is known of the documents that match.
pub(super) enum Plan<'q> {
    /// These.
    Known(Set),
    /// Some of these.
    Open(Fields, &'q What, Set),
    /// Those of all.
    And(Vec<Plan<'q>>),
    /// Those of any.
    Or(Vec<Plan<'q>>),
    /// The others.
    Not(Box<Plan<'q>>),
}

impl<'q> Plan<'q> {
    /// Reads what can be read at once.
    pub(super) fn of(segment: &Segment, shape: &Shape, node: &'q Node) -> Result<Self, SearchError> {
        let most = segment.reader.max_doc();
        let none = || Set::none(most);
        Ok(match node {
            Node::All => Plan::Known(none().not()),
            Node::Nothing => Plan::Known(none()),
            Node::And(nodes) => {
                let (mut known, mut open) = (none().not(), Vec::new());
                for node in nodes {
                    match Plan::of(segment, shape, node)? {
                        Plan::Known(set) => known.and(&set),
                        plan => {
                            known.and(&plan.most());
                            open.push(plan);
                        }
                    }
                    if known.is_empty() {
                        return Ok(Plan::Known(known));
                    }
                }
                Self::joined(known, open, Plan::And)
            }
            Node::Or(nodes) => {
                let (mut known, mut open) = (none(), Vec::new());
                for node in nodes {
                    match Plan::of(segment, shape, node)? {
                        Plan::Known(set) => known.or(&set),
                        plan => open.push(plan),
                    }
                }
                Self::joined(known, open, Plan::Or)
            }
            Node::Not(node) => match Plan::of(segment, shape, node)? {
                Plan::Known(set) => Plan::Known(set.not()),
                plan => Plan::Not(Box::new(plan)),
            },
            Node::Date(from, to) => {
                let fits = |date: i64| from.is_none_or(|f| date >= f) && to.is_none_or(|t| date < t);
                Plan::Known(Set::where_(most, |doc| segment.date.first(doc).is_some_and(fits)))
            }
            Node::Size(over, under) => {
                let column = segment.reader.fast_fields().u64(super::schema::SIZE)?;
                let fits = |size: u64| over.is_none_or(|o| size > o) && under.is_none_or(|u| size < u);
                Plan::Known(Set::where_(most, |doc| column.first(doc).is_some_and(fits)))
            }
            Node::Attached => {
                let column = segment.reader.fast_fields().u64(super::schema::ATTACHMENTS)?;
                Plan::Known(Set::where_(most, |doc| column.first(doc).is_some_and(|n| n > 0)))
            }
            Node::Text(fields, what) => text(segment, shape, *fields, what)?,
        })
    }

    fn joined(known: Set, mut open: Vec<Plan<'q>>, how: fn(Vec<Plan<'q>>) -> Plan<'q>) -> Self {
        if open.is_empty() {
            return Plan::Known(known);
        }
        open.insert(0, Plan::Known(known));
        how(open)
    }

    /// Nothing is left to be looked at.
    pub(super) fn is_known(&self) -> bool {
        matches!(self, Plan::Known(_))
    }

    /// Every document that matches, and perhaps some that do not.
    pub(super) fn most(&self) -> Set {
        match self {
            Plan::Known(set) | Plan::Open(_, _, set) => set.clone(),
            Plan::And(plans) => fold(plans.iter().map(Plan::most), Set::and),
            Plan::Or(plans) => fold(plans.iter().map(Plan::most), Set::or),
            Plan::Not(plan) => plan.least().not(),
        }
    }

    /// Documents that match for sure.
    fn least(&self) -> Set {
        match self {
            Plan::Known(set) => set.clone(),
            Plan::Open(_, _, set) => Set::none(set.most),
            Plan::And(plans) => fold(plans.iter().map(Plan::least), Set::and),
            Plan::Or(plans) => fold(plans.iter().map(Plan::least), Set::or),
            Plan::Not(plan) => plan.most().not(),
        }
    }

    /// Those of these documents that match.
    pub(super) fn within(&self, segment: &Segment, shape: &Shape, these: &Set) -> Result<Set, SearchError> {
        let mut set = these.clone();
        match self {
            Plan::Known(known) => set.and(known),
            Plan::Open(fields, what, most) => {
                set.and(most);
                set = look(segment, shape, *fields, what, &set)?;
            }
            Plan::And(plans) => {
                for plan in plans {
                    set = plan.within(segment, shape, &set)?;
                }
            }
            Plan::Or(plans) => {
                set = Set::none(these.most);
                for plan in plans {
                    set.or(&plan.within(segment, shape, these)?);
                }
            }
            Plan::Not(plan) => set.and(&plan.within(segment, shape, these)?.not()),
        }
        Ok(set)
    }
}

/// Puts sets together. A plan that has parts has one at least.
fn fold(mut sets: impl Iterator<Item = Set>, put: fn(&mut Set, &Set)) -> Set {
    let mut all = sets.next().unwrap_or_else(|| Set::none(0));
    sets.for_each(|set| put(&mut all, &set));
    all
}

/// Where and as what words are looked for in one field of a segment.
struct Place<'s> {
    segment: &'s Segment,
    words: Column,
    exact: Column,
    style: Style,
}

impl<'s> Place<'s> {
    fn of(segment: &'s Segment, shape: &Shape, field: Field) -> Self {
        let (words, style) = shape.words(field);
        Self { segment, words, exact: shape.exact(field), style }
    }
    fn words(&self) -> Result<Arc<InvertedIndexReader>, SearchError> {
        Ok(self.segment.reader.inverted_index(self.words)?)
    }
    fn exact(&self) -> Result<Arc<InvertedIndexReader>, SearchError> {
        Ok(self.segment.reader.inverted_index(self.exact)?)
    }
    fn form(&self, form: &Form) -> Term {
        Term::from_field_text(self.words, if self.style == Style::Prose { &form.stem } else { &form.exact })
    }
    fn text(&self, text: &str) -> Term {
        Term::from_field_text(self.exact, text)
    }
    fn forms(&self, list: &[Form]) -> Vec<Term> {
        list.iter().map(|form| self.form(form)).collect()
    }
    fn texts(&self, list: &[String]) -> Vec<Term> {
        list.iter().map(|text| self.text(text)).collect()
    }
}

/// Words are read; of what takes longer, the documents that may have it.
fn text<'q>(segment: &Segment, shape: &Shape, fields: Fields, what: &'q What) -> Result<Plan<'q>, SearchError> {
    let mut set = Set::none(segment.reader.max_doc());
    let mut open = false;
    for field in fields.iter() {
        let place = Place::of(segment, shape, field);
        match what {
            What::Word(one) => word(&*place.words()?, &place.form(one), &mut set)?,
            What::Exact(one) => word(&*place.exact()?, &place.text(one), &mut set)?,
            What::Near(list) => open |= all_of(&*place.words()?, &place.forms(list), &mut set)?,
            What::Phrase(list) | What::PhrasePrefix(list, _) => {
                open |= all_of(&*place.exact()?, &place.texts(list), &mut set)?;
            }
            What::Prefix(prefix) => {
                let index = place.exact()?;
                if frequent(&index, prefix, set.most)? {
                    return Ok(Plan::Open(fields, what, Set::none(set.most).not()));
                }
                begins(&index, prefix, &mut |mut block| {
                    while !block.docs().is_empty() {
                        block.docs().iter().for_each(|doc| set.insert(*doc));
                        block.advance();
                    }
                })?;
            }
        }
    }
    Ok(if open { Plan::Open(fields, what, set) } else { Plan::Known(set) })
}

/// Which of these documents have what stayed open.
fn look(segment: &Segment, shape: &Shape, fields: Fields, what: &What, these: &Set) -> Result<Set, SearchError> {
    let mut out = Set::none(these.most);
    if these.is_empty() {
        return Ok(out);
    }
    for field in fields.iter() {
        let place = Place::of(segment, shape, field);
        match what {
            What::Near(list) => row(&*place.words()?, &place.forms(list), these, |doc, _| out.insert(doc))?,
            What::Phrase(list) => row(&*place.exact()?, &place.texts(list), these, |doc, _| out.insert(doc))?,
            What::PhrasePrefix(list, prefix) => {
                row_then_prefix(&*place.exact()?, &place.texts(list), prefix, these, &mut out)?;
            }
            What::Prefix(prefix) => {
                let index = place.exact()?;
                let count = these.len();
                begins(&index, prefix, &mut |mut block| {
                    if block.doc_freq() <= count {
                        while !block.docs().is_empty() {
                            block.docs().iter().filter(|doc| these.contains(**doc)).for_each(|doc| out.insert(*doc));
                            block.advance();
                        }
                        return;
                    }
                    for doc in these.iter() {
                        let at = block.seek(doc);
                        if block.docs().get(at) == Some(&doc) {
                            out.insert(doc);
                        }
                    }
                })?;
            }
            // These were read at once.
            What::Word(_) | What::Exact(_) => {}
        }
    }
    Ok(out)
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

/// Adds the documents with all of these words, wherever they stand. False when there are none.
fn all_of(index: &InvertedIndexReader, terms: &[Term], out: &mut Set) -> Result<bool, SearchError> {
    let mut all: Option<Set> = None;
    for term in terms {
        let mut one = Set::none(out.most);
        word(index, term, &mut one)?;
        match &mut all {
            None => all = Some(one),
            Some(all) => all.and(&one),
        }
        if all.as_ref().is_some_and(Set::is_empty) {
            return Ok(false);
        }
    }
    let Some(all) = all else { return Ok(false) };
    out.or(&all);
    Ok(true)
}

/// Do words with this beginning stand in many documents?
fn frequent(index: &InvertedIndexReader, prefix: &str, most: u32) -> Result<bool, SearchError> {
    let mut range = index.terms().range().ge(prefix).into_stream()?;
    let mut sum = 0_u32;
    while range.advance() && range.key().starts_with(prefix.as_bytes()) {
        sum = sum.saturating_add(range.value().doc_freq);
        if sum > most / FREQUENT {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Calls `each` with the postings of every word with this beginning, one at a time: none stays open.
fn begins(
    index: &InvertedIndexReader,
    prefix: &str,
    each: &mut dyn FnMut(BlockSegmentPostings),
) -> Result<(), SearchError> {
    let mut range = index.terms().range().ge(prefix).into_stream()?;
    while range.advance() && range.key().starts_with(prefix.as_bytes()) {
        each(index.read_block_postings_from_terminfo(range.value(), IndexRecordOption::Basic)?);
    }
    Ok(())
}

/// Which of these documents have the terms one after the other, each with the positions after its last term.
fn row(
    index: &InvertedIndexReader,
    terms: &[Term],
    these: &Set,
    mut see: impl FnMut(u32, &[u32]),
) -> Result<(), SearchError> {
    let mut lists: Vec<(u32, SegmentPostings)> = Vec::with_capacity(terms.len());
    for (offset, term) in (0u32..).zip(terms) {
        match index.read_postings(term, IndexRecordOption::WithFreqsAndPositions)? {
            Some(postings) => lists.push((offset, postings)),
            None => return Ok(()),
        }
    }
    let length = lists.len() as u32;
    // The rarest first: it rules out most.
    lists.sort_by_key(|(_, postings)| postings.size_hint());
    let (mut starts, mut places) = (Vec::new(), Vec::new());
    'docs: for doc in these.iter() {
        for (_, postings) in &mut lists {
            if postings.doc() < doc {
                postings.seek(doc);
            }
            if postings.doc() != doc {
                continue 'docs;
            }
        }
        for (i, (offset, postings)) in lists.iter_mut().enumerate() {
            if i == 0 {
                postings.positions(&mut starts);
                // Where the row would start: a term cannot stand before its place in it.
                starts.retain(|place| *place >= *offset);
                starts.iter_mut().for_each(|place| *place -= *offset);
            } else {
                postings.positions(&mut places);
                starts.retain(|start| places.binary_search(&(start + *offset)).is_ok());
            }
        }
        if !starts.is_empty() {
            starts.iter_mut().for_each(|start| *start += length);
            see(doc, &starts);
        }
    }
    Ok(())
}

/// Does a word stand in one of these documents?
fn touches(mut block: BlockSegmentPostings, these: &BTreeMap<u32, Vec<u32>>) -> bool {
    if block.doc_freq() as usize > these.len() {
        return these.keys().any(|doc| {
            let at = block.seek(*doc);
            block.docs().get(at) == Some(doc)
        });
    }
    while !block.docs().is_empty() {
        if block.docs().iter().any(|doc| these.contains_key(doc)) {
            return true;
        }
        block.advance();
    }
    false
}

/// Terms one after the other, then a word that begins so. Words of the dictionary are gone through one at a time: none stays open.
fn row_then_prefix(
    index: &InvertedIndexReader,
    terms: &[Term],
    prefix: &str,
    these: &Set,
    out: &mut Set,
) -> Result<(), SearchError> {
    let mut next: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    row(index, terms, these, |doc, after| {
        if !out.contains(doc) {
            next.insert(doc, after.to_vec());
        }
    })?;
    let mut range = index.terms().range().ge(prefix).into_stream()?;
    let mut places = Vec::new();
    while !next.is_empty() && range.advance() && range.key().starts_with(prefix.as_bytes()) {
        // Most words of a frequent prefix stand in none of these documents: where they stand is not even opened.
        let block = index.read_block_postings_from_terminfo(range.value(), IndexRecordOption::Basic)?;
        if !touches(block, &next) {
            continue;
        }
        let mut postings =
            index.read_postings_from_terminfo(range.value(), IndexRecordOption::WithFreqsAndPositions)?;
        let mut see = |postings: &mut SegmentPostings, after: &[u32]| {
            postings.positions(&mut places);
            places.iter().any(|place| after.binary_search(place).is_ok())
        };
        let mut found = Vec::new();
        if range.value().doc_freq as usize <= next.len() {
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                if next.get(&doc).is_some_and(|after| see(&mut postings, after)) {
                    found.push(doc);
                }
                postings.advance();
            }
        } else {
            for (doc, after) in &next {
                if postings.doc() < *doc {
                    postings.seek(*doc);
                }
                if postings.doc() == *doc && see(&mut postings, after) {
                    found.push(*doc);
                }
            }
        }
        for doc in found {
            out.insert(doc);
            next.remove(&doc);
        }
    }
    Ok(())
}
