//! Reading: the segments in force, held open, and search over them.
use super::directory::Adapter;
use super::schema::{DATE, MESSAGE, Shape};
use super::sets::{Plan, Set};
use super::{Hit, SearchError};
use crate::query::node::Node;
use crate::{Files, VERSION};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tantivy::fastfield::Column;
use tantivy::{Index as Tantivy, IndexMeta, SegmentMeta, SegmentReader};

pub(super) const META: &str = "meta.json";

/// Messages looked at first, when looking costs much.
const FIRST: usize = 256;

/// A message that may match, by its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    date: i64,
    message: i64,
    segment: usize,
    doc: u32,
}

/// A segment, open.
pub(super) struct Segment {
    pub(super) meta: SegmentMeta,
    pub(super) reader: SegmentReader,
    pub(super) message: Column<i64>,
    pub(super) date: Column<i64>,
}

/// An index as one `meta.json` says.
pub(super) struct Open {
    /// Its bytes; none before the first update.
    meta: Option<Vec<u8>>,
    pub(super) opstamp: u64,
    pub(super) index: Tantivy,
    pub(super) adapter: Adapter,
    pub(super) segments: Vec<Arc<Segment>>,
}

/// What `meta.json` says of the version.
pub(super) fn stamp() -> String {
    format!("sceau-search {VERSION}")
}

/// `meta.json` of an index with these segments.
pub(super) fn meta(shape: &Shape, segments: Vec<SegmentMeta>, opstamp: u64) -> Result<Vec<u8>, SearchError> {
    let meta = IndexMeta {
        index_settings: Shape::settings(),
        persisted_custom_extensions: Vec::new(),
        segments,
        schema: shape.schema.clone(),
        opstamp,
        payload: Some(stamp()),
    };
    serde_json::to_vec(&meta).map_err(|e| SearchError::Index(e.to_string()))
}

impl Open {
    /// Reads `meta.json` and opens what it names; segments open already are kept.
    pub(super) fn read(files: &Arc<dyn Files>, shape: &Shape, before: Option<&Open>) -> Result<Self, SearchError> {
        let bytes = match files.read_small(META) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e.into()),
        };
        Self::of(files, shape, bytes, before)
    }

    /// Opens what a `meta.json` names.
    pub(super) fn of(
        files: &Arc<dyn Files>,
        shape: &Shape,
        bytes: Option<Vec<u8>>,
        before: Option<&Open>,
    ) -> Result<Self, SearchError> {
        let text = match &bytes {
            Some(bytes) => bytes.clone(),
            None => meta(shape, Vec::new(), 0)?,
        };
        let adapter = Adapter::reading(files.clone(), text);
        let index = Tantivy::open(adapter.clone())?;
        let meta = index.load_metas()?;
        if meta.payload.as_deref() != Some(&stamp()) || meta.schema != shape.schema {
            return Err(SearchError::Index("it is of another version".to_owned()));
        }
        let mut segments = Vec::with_capacity(meta.segments.len());
        for meta in meta.segments {
            let same = |s: &&Arc<Segment>| s.meta.id() == meta.id() && s.meta.delete_opstamp() == meta.delete_opstamp();
            match before.and_then(|b| b.segments.iter().find(same)) {
                Some(segment) => segments.push(segment.clone()),
                None => segments.push(Arc::new(Segment::open(&index, meta)?)),
            }
        }
        Ok(Self { meta: bytes, opstamp: meta.opstamp, index, adapter, segments })
    }

    pub(super) fn same(&self, other: &Open) -> bool {
        self.meta == other.meta
    }

    pub(super) fn metas(&self) -> Vec<SegmentMeta> {
        self.segments.iter().map(|s| s.meta.clone()).collect()
    }

    pub(super) fn len(&self) -> u64 {
        self.segments.iter().map(|s| u64::from(s.reader.num_docs())).sum()
    }

    /// The newest messages that match. What costs much of a question (phrases, frequent prefixes) is looked at for the newest of the
    /// messages that may match, then for those before them, until there are enough. Memory: a few times `limit` hits.
    pub(super) fn search(
        &self,
        shape: &Shape,
        node: &Node,
        mut before: Option<(i64, i64)>,
        limit: usize,
    ) -> Result<Vec<Hit>, SearchError> {
        let plans: Vec<Plan<'_>> =
            self.segments.iter().map(|segment| Plan::of(segment, shape, node)).collect::<Result<_, _>>()?;
        let most: Vec<Set> = plans.iter().map(Plan::most).collect();
        let mut size = match plans.iter().all(Plan::is_known) {
            true => limit,
            false => limit.saturating_mul(2).max(FIRST),
        };
        let mut hits = Vec::new();
        while hits.len() < limit {
            let newest = self.newest(&most, before, size);
            let mut found = Vec::with_capacity(plans.len());
            for (number, (segment, plan)) in self.segments.iter().zip(&plans).enumerate() {
                let docs = newest.iter().filter(|c| c.segment == number).map(|c| c.doc);
                let these = Set::of(segment.reader.max_doc(), docs);
                found.push(if plan.is_known() { these } else { plan.within(segment, shape, &these)? });
            }
            let matching = newest.iter().filter(|c| found[c.segment].contains(c.doc));
            hits.extend(matching.map(|c| Hit { message: c.message, date: c.date }).take(limit - hits.len()));
            match newest.last() {
                Some(last) if newest.len() == size => before = Some((last.date, last.message)),
                _ => break,
            }
            // Each look goes through the words of a prefix again: few looks.
            size = size.saturating_mul(16);
        }
        Ok(hits)
    }

    /// The newest `most` of these documents that are older than `before`, newest first.
    fn newest(&self, sets: &[Set], before: Option<(i64, i64)>, most: usize) -> Vec<Candidate> {
        let mut best: BinaryHeap<Reverse<Candidate>> = BinaryHeap::new();
        for (number, (segment, set)) in self.segments.iter().zip(sets).enumerate() {
            let alive = segment.reader.alive_bitset();
            for doc in set.iter() {
                // Dates first: most of what an old page or a long list holds is out at once.
                let Some(date) = segment.date.first(doc) else { continue };
                let full = best.len() >= most;
                if before.is_some_and(|(limit, _)| date > limit)
                    || full && best.peek().is_some_and(|Reverse(least)| date < least.date)
                    || alive.is_some_and(|alive| alive.is_deleted(doc))
                {
                    continue;
                }
                let Some(message) = segment.message.first(doc) else { continue };
                if before.is_some_and(|limit| (date, message) >= limit)
                    || full && best.peek().is_some_and(|Reverse(least)| (date, message) <= (least.date, least.message))
                {
                    continue;
                }
                if full {
                    best.pop();
                }
                best.push(Reverse(Candidate { date, message, segment: number, doc }));
            }
        }
        best.into_sorted_vec().into_iter().map(|Reverse(candidate)| candidate).collect()
    }

    /// Files that are missing or altered.
    pub(super) fn verify(&self) -> Result<Vec<String>, SearchError> {
        let mut bad = Vec::new();
        let meta = self.index.load_metas()?;
        for segment in &meta.segments {
            for name in names(segment) {
                match self.index.directory().validate_checksum(Path::new(&name)) {
                    Ok(true) => {}
                    _ => bad.push(name),
                }
            }
        }
        bad.sort();
        Ok(bad)
    }
}

/// Files of a segment.
pub(super) fn names(meta: &SegmentMeta) -> Vec<String> {
    use tantivy::index::SegmentComponent::*;
    let mut parts = vec![Postings, Positions, Terms, Store, FastFields, FieldNorms];
    if meta.has_deletes() {
        parts.push(Delete);
    }
    parts.into_iter().map(|part| meta.relative_path(part).to_string_lossy().into_owned()).collect()
}

impl Segment {
    fn open(index: &Tantivy, meta: SegmentMeta) -> Result<Self, SearchError> {
        let reader = SegmentReader::open(&index.segment(meta.clone()))?;
        let (message, date) = (reader.fast_fields().i64(MESSAGE)?, reader.fast_fields().i64(DATE)?);
        Ok(Self { meta, reader, message, date })
    }
}
