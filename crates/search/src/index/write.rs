//! Writing: new segments, removals, merges, and one `meta.json` that puts all of it in force.
use super::SearchError;
use super::directory::{Adapter, Announce};
use super::read::{META, Open, Segment, meta, names};
use super::schema::Shape;
use crate::{Files, TextRecord};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tantivy::directory::TerminatingWrite;
use tantivy::fastfield::write_alive_bitset;
use tantivy::index::SegmentComponent;
use tantivy::indexer::merge_filtered_segments;
use tantivy::{BitSet, Index as Tantivy, SegmentMeta, SingleSegmentIndexWriter, TantivyDocument};

const MANAGED: &str = ".managed.json";
/// Segments of about one size that are merged into one.
const FANOUT: usize = 8;
/// A segment with more removed messages than one in so many is written again.
const REMOVED: u32 = 3;
/// Segments up to so many messages count as of one size.
const SMALLEST: u32 = 512;

/// Names of files begun and not removed.
#[derive(Clone)]
pub(super) struct Managed {
    names: Arc<Mutex<BTreeSet<String>>>,
    files: Arc<dyn Files>,
}

impl Managed {
    fn read(files: &Arc<dyn Files>) -> Result<Self, SearchError> {
        let names = match files.read_small(MANAGED) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| SearchError::Index(e.to_string()))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(e) => return Err(e.into()),
        };
        Ok(Self { names: Arc::new(Mutex::new(names)), files: files.clone() })
    }

    fn save(files: &Arc<dyn Files>, names: &BTreeSet<String>) -> io::Result<()> {
        files.write_small(MANAGED, &serde_json::to_vec(names)?)
    }

    /// Files of a segment come together: all their names are written with the first.
    fn announce(&self) -> Announce {
        let this = self.clone();
        Arc::new(move |name: &str| {
            let mut names = this.names.lock().unwrap_or_else(PoisonError::into_inner);
            if names.contains(name) {
                return Ok(());
            }
            names.insert(name.to_owned());
            if let Some((segment, ending)) = name.split_once('.')
                && !ending.ends_with("del")
            {
                names.extend(["idx", "pos", "term", "store", "fast", "fieldnorm"].map(|e| format!("{segment}.{e}")));
            }
            Self::save(&this.files, &names)
        })
    }

    /// Removes what is not of these segments.
    fn collect(&self, segments: &[SegmentMeta]) -> Result<(), SearchError> {
        let garbage = self.garbage(segments);
        let keep = garbage.keep.clone();
        garbage.collect(&self.files)?;
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = keep;
        Ok(())
    }

    /// What is not of these segments.
    fn garbage(&self, segments: &[SegmentMeta]) -> Garbage {
        let living: HashSet<String> = segments.iter().flat_map(names).collect();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let (keep, remove) = names.iter().cloned().partition(|name| living.contains(name));
        Garbage { keep, remove }
    }
}

/// Files that nothing needs any more.
pub(super) struct Garbage {
    keep: BTreeSet<String>,
    remove: BTreeSet<String>,
}

impl Garbage {
    pub(super) fn collect(self, files: &Arc<dyn Files>) -> Result<(), SearchError> {
        if self.remove.is_empty() {
            return Ok(());
        }
        for name in &self.remove {
            match files.delete(name) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
                _ => {}
            }
        }
        Ok(Managed::save(files, &self.keep)?)
    }
}

/// Does it all; none when there was nothing to do. What it made is in force when it returns.
pub(super) fn update(
    files: &Arc<dyn Files>,
    shape: &Shape,
    open: &Open,
    add: &[TextRecord],
    remove: &[i64],
    memory: usize,
) -> Result<Option<(Open, Garbage)>, SearchError> {
    let managed = Managed::read(files)?;
    // What a crash left may bear the names of what is written now.
    managed.collect(&open.metas())?;
    let write = Write {
        files,
        shape,
        managed: &managed,
        index: Tantivy::open(open.adapter.clone().and_write(managed.announce()))?,
    };
    // Of a message given twice, the last counts.
    let last: HashMap<i64, usize> = add.iter().enumerate().map(|(i, r)| (r.message, i)).collect();
    let gone: HashSet<i64> = last.keys().chain(remove).copied().collect();
    let mut segments = Vec::with_capacity(open.segments.len() + 1);
    let mut changed = false;
    let opstamp = open.opstamp + 1;
    for segment in &open.segments {
        match write.without(segment, &gone, opstamp)? {
            Some(meta) => {
                changed = true;
                // Nothing left of it: leave it out.
                segments.extend((meta.num_docs() > 0).then_some(meta));
            }
            None => segments.push(segment.meta.clone()),
        }
    }
    let fresh = add.iter().enumerate().filter(|(i, r)| last.get(&r.message) == Some(i)).map(|(_, r)| r);
    let before = segments.len();
    write.add(fresh, memory, &mut segments)?;
    changed |= segments.len() > before;
    while let Some(some) = merge_next(&segments) {
        changed = true;
        write.merge(&mut segments, some)?;
    }
    if changed {
        let bytes = meta(shape, segments.clone(), opstamp)?;
        files.write_small(META, &bytes)?;
        let now = Open::of(files, shape, Some(bytes), Some(open))?;
        return Ok(Some((now, managed.garbage(&segments))));
    }
    Ok(None)
}

struct Write<'a> {
    files: &'a Arc<dyn Files>,
    shape: &'a Shape,
    managed: &'a Managed,
    index: Tantivy,
}

impl Write<'_> {
    /// A place for an index of one segment.
    fn aside(&self) -> Adapter {
        Adapter::writing(self.files.clone(), self.managed.announce())
    }

    /// The segment of such an index, as one of ours.
    fn adopt(&self, aside: &Tantivy, segments: &mut Vec<SegmentMeta>) -> Result<(), SearchError> {
        for meta in aside.load_metas()?.segments {
            if meta.max_doc() > 0 {
                segments.push(self.index.new_segment_meta(meta.id(), meta.max_doc()));
            }
        }
        Ok(())
    }

    /// Writes messages: a segment each time the buffers are full.
    fn add<'r>(
        &self,
        records: impl Iterator<Item = &'r TextRecord>,
        memory: usize,
        segments: &mut Vec<SegmentMeta>,
    ) -> Result<(), SearchError> {
        const LEAST: usize = 15_000_000;
        const MARGIN: usize = 1_000_000;
        let memory = memory.clamp(LEAST, u32::MAX as usize / 2);
        let mut writer: Option<SingleSegmentIndexWriter<TantivyDocument>> = None;
        for record in records {
            let mut open = match writer.take() {
                Some(open) => open,
                None => Tantivy::builder()
                    .schema(self.shape.schema.clone())
                    .settings(Shape::settings())
                    .single_segment_index_writer(Box::new(self.aside()) as Box<dyn tantivy::Directory>, memory)?,
            };
            open.add_document(self.shape.document(record))?;
            if open.mem_usage() >= memory - MARGIN {
                self.adopt(&open.finalize()?, segments)?;
            } else {
                writer = Some(open);
            }
        }
        match writer {
            Some(open) => self.adopt(&open.finalize()?, segments),
            None => Ok(()),
        }
    }

    /// The segment without these messages; none when it has none of them.
    fn without(
        &self,
        segment: &Segment,
        gone: &HashSet<i64>,
        opstamp: u64,
    ) -> Result<Option<SegmentMeta>, SearchError> {
        let column = &segment.message;
        let (least, most) = (column.min_value(), column.max_value());
        // Ids follow time: what is added is rarely within an old segment.
        if !gone.iter().any(|id| (least..=most).contains(id)) {
            return Ok(None);
        }
        let max = segment.reader.max_doc();
        let old = segment.reader.alive_bitset();
        let mut alive = BitSet::with_max_value_and_full(max);
        let mut fewer = false;
        for doc in 0..max {
            if old.is_some_and(|old| old.is_deleted(doc)) {
                alive.remove(doc);
            } else if column.first(doc).is_some_and(|id| gone.contains(&id)) {
                alive.remove(doc);
                fewer = true;
            }
        }
        if !fewer {
            return Ok(None);
        }
        let removed = max - alive.len() as u32;
        let fresh = self.index.new_segment_meta(segment.meta.id(), max);
        let changed = self.index.segment(fresh).with_delete_meta(removed, opstamp);
        if removed < max {
            let mut file =
                changed.open_write(SegmentComponent::Delete).map_err(|e| SearchError::Index(e.to_string()))?;
            write_alive_bitset(&alive, &mut file)?;
            file.terminate()?;
        }
        Ok(Some(changed.meta().clone()))
    }

    /// Puts one segment in the place of some.
    fn merge(&self, segments: &mut Vec<SegmentMeta>, some: Vec<usize>) -> Result<(), SearchError> {
        let chosen: Vec<_> = some.iter().map(|&i| self.index.segment(segments[i].clone())).collect();
        let none = vec![None; chosen.len()];
        let merged = merge_filtered_segments(
            &chosen,
            Shape::settings(),
            none,
            Box::new(self.aside()) as Box<dyn tantivy::Directory>,
        )?;
        let mut at = 0;
        segments.retain(|_| {
            at += 1;
            !some.contains(&(at - 1))
        });
        self.adopt(&merged, segments)
    }
}

/// Segments to merge next: eight of about one size (each size is eight times the one below), or one with many removed messages. So a BAL
/// has at most seven segments of each size, and a message is written again once a size.
fn merge_next(segments: &[SegmentMeta]) -> Option<Vec<usize>> {
    if let Some(worn) = segments.iter().position(|s| s.num_deleted_docs() > s.max_doc() / REMOVED) {
        return Some(vec![worn]);
    }
    let mut sizes: HashMap<u32, Vec<usize>> = HashMap::new();
    for (i, segment) in segments.iter().enumerate() {
        let size = (segment.num_docs().max(SMALLEST) / SMALLEST).ilog(FANOUT as u32);
        sizes.entry(size).or_default().push(i);
    }
    sizes.into_iter().filter(|(_, some)| some.len() >= FANOUT).min_by_key(|(size, _)| *size).map(|(_, some)| some)
}
