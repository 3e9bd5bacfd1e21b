//! From our questions to tantivy's.
use super::schema::Shape;
use crate::SearchError;
use crate::analysis::Style;
use crate::field::Fields;
use crate::query::QueryError;
use crate::query::node::{Form, Node, What};
use std::ops::Bound;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, InvertedIndexRangeQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{SegmentReader, Term};

/// Words that a prefix at the end of a phrase may stand for, in one segment: each keeps a reader of its own open.
const EXPANSIONS: u32 = 2_000;

/// What a question is asked of.
pub(super) struct Ask<'a> {
    pub(super) shape: &'a Shape,
    pub(super) segments: &'a [&'a SegmentReader],
}

impl Ask<'_> {
    pub(super) fn query(&self, node: &Node) -> Result<Box<dyn Query>, SearchError> {
        Ok(match node {
            Node::All => Box::new(AllQuery),
            Node::Nothing => Box::new(EmptyQuery),
            Node::And(nodes) => {
                let mut clauses = Vec::with_capacity(nodes.len() + 1);
                for node in nodes {
                    clauses.push(match node {
                        Node::Not(inner) => (Occur::MustNot, self.query(inner)?),
                        node => (Occur::Must, self.query(node)?),
                    });
                }
                with_positive(clauses)
            }
            Node::Not(inner) => with_positive(vec![(Occur::MustNot, self.query(inner)?)]),
            Node::Or(nodes) => any(nodes.iter().map(|n| self.query(n)).collect::<Result<_, _>>()?),
            Node::Date(from, to) => {
                let term = |instant: &i64| Term::from_field_i64(self.shape.date, *instant);
                let from = from.as_ref().map_or(Bound::Unbounded, |i| Bound::Included(term(i)));
                let to = to.as_ref().map_or(Bound::Unbounded, |i| Bound::Excluded(term(i)));
                range(from, to)
            }
            Node::Size(over, under) => {
                let term = |bytes: &u64| Term::from_field_u64(self.shape.size, *bytes);
                let over = over.as_ref().map_or(Bound::Unbounded, |b| Bound::Excluded(term(b)));
                let under = under.as_ref().map_or(Bound::Unbounded, |b| Bound::Excluded(term(b)));
                range(over, under)
            }
            Node::Attached => {
                let none = Term::from_field_u64(self.shape.attachments, 0);
                range(Bound::Excluded(none), Bound::Unbounded)
            }
            Node::Text(fields, what) => self.text(*fields, what)?,
        })
    }

    fn text(&self, fields: Fields, what: &What) -> Result<Box<dyn Query>, SearchError> {
        let mut ways: Vec<Box<dyn Query>> = Vec::new();
        for field in fields.iter() {
            let exact = self.shape.exact(field);
            let (words, style) = self.shape.words(field);
            let form = |form: &Form| {
                let text = if style == Style::Prose { &form.stem } else { &form.exact };
                Term::from_field_text(words, text)
            };
            let texts = |list: &[String]| -> Vec<Term> { list.iter().map(|t| Term::from_field_text(exact, t)).collect() };
            ways.push(match what {
                What::Word(one) => term(form(one)),
                What::Exact(text) => term(Term::from_field_text(exact, text)),
                What::Near(list) => row(list.iter().map(form).collect()),
                What::Phrase(list) => row(texts(list)),
                What::Prefix(prefix) => beginning(exact, prefix),
                What::PhrasePrefix(list, prefix) => {
                    let expansions = self.expansions(exact, prefix)?;
                    if expansions == 0 {
                        continue;
                    }
                    let mut terms = texts(list);
                    terms.push(Term::from_field_text(exact, prefix));
                    let mut query = PhrasePrefixQuery::new(terms);
                    query.set_max_expansions(expansions);
                    Box::new(query)
                }
            });
        }
        Ok(any(ways))
    }

    /// Words that a prefix stands for, the most of any segment.
    fn expansions(&self, column: Column, prefix: &str) -> Result<u32, SearchError> {
        let mut most = 0;
        for segment in self.segments {
            let index = segment.inverted_index(column)?;
            let mut stream = index.terms().range().ge(prefix).into_stream()?;
            let mut count = 0;
            while stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
                count += 1;
                if count > EXPANSIONS {
                    return Err(SearchError::Query(QueryError::TooLarge));
                }
            }
            most = most.max(count);
        }
        Ok(most)
    }
}

fn term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// Terms one after the other.
fn row(mut terms: Vec<Term>) -> Box<dyn Query> {
    match terms.len() {
        0 => Box::new(EmptyQuery),
        1 => term(terms.remove(0)),
        _ => Box::new(PhraseQuery::new(terms)),
    }
}

/// Every word that begins so: the dictionary's range, gathered in a bit set, so that memory does not grow with their number.
fn beginning(column: Column, prefix: &str) -> Box<dyn Query> {
    let from = Bound::Included(Term::from_field_text(column, prefix));
    // The greatest character ends the range: no token has it (it is no letter).
    let to = Bound::Excluded(Term::from_field_text(column, &format!("{prefix}{}", char::MAX)));
    Box::new(InvertedIndexRangeQuery::new(from, to))
}

fn range(from: Bound<Term>, to: Bound<Term>) -> Box<dyn Query> {
    match (&from, &to) {
        (Bound::Unbounded, Bound::Unbounded) => Box::new(AllQuery),
        _ => Box::new(RangeQuery::new(from, to)),
    }
}

fn any(mut ways: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match ways.len() {
        0 => Box::new(EmptyQuery),
        1 => ways.remove(0),
        _ => Box::new(BooleanQuery::union(ways)),
    }
}

/// What only excludes, excludes from everything.
fn with_positive(mut clauses: Vec<(Occur, Box<dyn Query>)>) -> Box<dyn Query> {
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Box::new(BooleanQuery::new(clauses))
}
