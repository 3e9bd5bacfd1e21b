//! Reading: the segments in force, held open, and search over them.
use super::directory::Adapter;
use super::schema::{DATE, MESSAGE, Shape};
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

    /// The newest messages that match. Memory: `limit` hits.
    pub(super) fn search(
        &self,
        shape: &Shape,
        node: &Node,
        before: Option<(i64, i64)>,
        limit: usize,
    ) -> Result<Vec<Hit>, SearchError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut best: BinaryHeap<Reverse<(i64, i64)>> = BinaryHeap::new();
        for segment in &self.segments {
            let alive = segment.reader.alive_bitset();
            super::sets::find(segment, shape, node)?.each(|doc| {
                // Dates first: most of what an old page or a long list holds is out at once.
                let Some(date) = segment.date.first(doc) else { return };
                let full = best.len() >= limit;
                if before.is_some_and(|(limit, _)| date > limit)
                    || full && best.peek().is_some_and(|Reverse((least, _))| date < *least)
                {
                    return;
                }
                if alive.is_some_and(|alive| alive.is_deleted(doc)) {
                    return;
                }
                let Some(message) = segment.message.first(doc) else { return };
                let found = (date, message);
                if before.is_some_and(|limit| found >= limit)
                    || full && best.peek().is_some_and(|Reverse(least)| found <= *least)
                {
                    return;
                }
                if full {
                    best.pop();
                }
                best.push(Reverse(found));
            });
        }
        Ok(best.into_sorted_vec().into_iter().map(|Reverse((date, message))| Hit { message, date }).collect())
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
