//! The job that indexes a BAL: makes its index when there is none of this version, then takes in what came since and takes out what is
//! gone.
//!
//! Promises: it goes on where it stopped, whatever stopped it (records first, then the index, then how far it goes: each step may be
//! done again); memory is bounded ([`BATCH_BYTES`] of text, the writer's buffers); one index is written at a time in a process; after
//! [`TURN`] messages the next BAL has its turn. The index in force is searched all the time.
use super::blocking;
use super::files::SealedFiles;
use super::opened::Broken;
use super::texts::Sealed;
use crate::jobs::Kind;
use crate::mailbox::seal::BalSeal;
use crate::{Operator, refuse};
use sceau_domain::{Refusal, RefusalCode};
use sceau_search::{Index, TextRecord, VERSION};
use sceau_store::indexes::{self, IndexRow};
use sceau_store::jobs::{self, NewJob};
use sceau_store::texts::{self as rows, TextRow};
use sceau_store::{Id, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Text in memory at once, bytes.
const BATCH_BYTES: usize = 2 << 20;
/// Messages taken in one commit of the index.
const BATCH: usize = 500;
/// Records looked up at once.
const PAGE: usize = 25;
/// Messages indexed before another BAL has its turn.
const TURN: usize = 10_000;
/// Messages listed, and removals taken, at once.
const LIST: i64 = 10_000;

/// Why work on an index ends before its time.
#[derive(Debug)]
enum Stop {
    /// Told to, or its turn is over: it goes on in another.
    Paused,
    /// Another worker has the index, or the BAL was closed: nothing is left to do here.
    Over,
    /// The index in hand is broken.
    Broken,
    Failed(Refusal),
}
impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal)
    }
}
impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Index => Self::Broken,
            Broken::Passing => Self::Failed(RefusalCode::Unavailable.into()),
            Broken::Fenced => Self::Over,
        }
    }
}

/// Work on one BAL's index.
#[derive(Debug)]
struct Work {
    seal: BalSeal,
    writer: Id,
    row: IndexRow,
    left: usize,
    stop: CancellationToken,
}

impl Work {
    fn pause(&mut self, done: usize) -> Result<(), Stop> {
        self.left = self.left.saturating_sub(done);
        if self.left == 0 || self.stop.is_cancelled() { Err(Stop::Paused) } else { Ok(()) }
    }
}

/// Messages ready for the index.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<TextRecord>,
    /// Those that are in no round that is over: this one takes them.
    fresh: Vec<Id>,
    /// How many of the messages asked for were looked at.
    taken: usize,
}

impl Operator {
    /// The job that indexes a BAL, to be enqueued by the act that changes its mail.
    pub(crate) fn index_job(&self, bal: Id, after: Duration) -> NewJob {
        self.job(Kind::Index, bal.to_string(), Vec::new(), after)
    }

    /// The job: brings a BAL's index up to date.
    pub(crate) async fn index_bal(&self, bal: Id, stop: &CancellationToken) -> Result<(), Refusal> {
        let _one = self.0.search.writing.lock().await;
        self.0.search.worker.scope(self.bring_up_to_date(bal, stop)).await
    }

    async fn bring_up_to_date(&self, bal: Id, stop: &CancellationToken) -> Result<(), Refusal> {
        let key = match self.0.store.vault().bal_key(bal).await {
            Err(StoreError::NoKey) => return Ok(()),
            key => key.map_err(|e| refuse::store(&e))?,
        };
        let (writer, now) = (self.0.store.new_id(), self.now().0);
        let taken = self.0.store.write::<_, StoreError, _>(move |tx| match indexes::hold_bal(tx, bal)? {
            Some(_) => indexes::take(tx, bal, writer, now).map(Some),
            None => Ok(None),
        });
        let Some(row) = taken.await.map_err(|e| refuse::store(&e))? else { return Ok(()) };
        let seal = BalSeal::new(bal, key);
        let mut work = Work { seal, writer, row, left: TURN, stop: stop.clone() };
        let building = work.row.version != VERSION;
        let done = match if building { self.build(&mut work).await } else { Ok(()) } {
            Ok(()) => self.catch_up(&mut work).await,
            stopped => stopped,
        };
        match done {
            Ok(()) | Err(Stop::Over) => Ok(()),
            Err(Stop::Paused) => self.index_again(bal).await,
            Err(Stop::Failed(refusal)) => Err(refusal),
            Err(Stop::Broken) => {
                self.index_is_broken(bal, work.row.version == VERSION).await?;
                // What breaks as it is made is tried again less and less often.
                if work.row.version == VERSION { Ok(()) } else { Err(RefusalCode::Unavailable.into()) }
            }
        }
    }

    /// Asks for the job, if nobody has: the index is not what it could be, and nothing may arrive that would ask. Failing to changes no
    /// answer.
    pub(super) async fn want_index(&self, bal: Id, after: Duration) {
        let job = self.index_job(bal, after);
        match self.0.store.write::<_, StoreError, _>(move |tx| jobs::ensure(tx, &job)).await {
            Ok(()) if after.is_zero() => self.wake_jobs(),
            Ok(()) => {}
            Err(e) => tracing::warn!(code = refuse::store(&e).code.as_str(), "no job for an index"),
        }
    }

    /// The job runs once more, at once.
    async fn index_again(&self, bal: Id) -> Result<(), Refusal> {
        let job = self.index_job(bal, Duration::ZERO);
        let asked = self.0.store.write::<_, StoreError, _>(move |tx| jobs::enqueue(tx, &job)).await;
        asked.map_err(|e| refuse::store(&e))?;
        self.wake_jobs();
        Ok(())
    }

    /// The index is to be made anew; when it is the one in force nobody asks it any more.
    pub(super) async fn index_is_broken(&self, bal: Id, in_force: bool) -> Result<(), Refusal> {
        metrics::counter!("sceau_search_broken_total").increment(1);
        let (job, now) = (self.index_job(bal, Duration::ZERO), self.now().0);
        let asked = self.0.store.write::<_, StoreError, _>(move |tx| {
            if indexes::hold_bal(tx, bal)?.is_some() {
                indexes::ask_anew(tx, bal, 0, in_force, now)?;
                jobs::enqueue(tx, &job)?;
            }
            Ok(())
        });
        asked.await.map_err(|e| refuse::store(&e))?;
        self.0.search.opened.forget(bal);
        self.wake_jobs();
        Ok(())
    }

    /// Makes an index beside the one in force, and puts it in force.
    async fn build(&self, work: &mut Work) -> Result<(), Stop> {
        let bal = work.seal.bal;
        if work.row.building == 0 {
            let modseq = self.0.store.read::<_, StoreError, _>(move |tx| indexes::modseq(tx, bal)).await;
            let modseq = modseq.map_err(|e| refuse::store(&e))?.ok_or(Stop::Over)?;
            // What arrives from here on has a higher modseq, and is taken in afterwards.
            let building = self.0.store.new_id();
            let row = IndexRow { building, building_upto: 0, building_modseq: modseq, ..work.row };
            self.advance(work, row, Vec::new(), Vec::new()).await?;
        }
        let open = self.open_for_writing(work, work.row.building).await?;
        loop {
            let upto = work.row.building_upto;
            let ids = self.0.store.read::<_, StoreError, _>(move |tx| indexes::messages(tx, bal, upto, LIST)).await;
            let mut ids = ids.map_err(|e| refuse::store(&e))?;
            if ids.is_empty() {
                break;
            }
            while !ids.is_empty() {
                let batch = self.gather(work, &ids).await?;
                let taken: Vec<Id> = ids.drain(..batch.taken).collect();
                self.write_index(&open, batch.records, Vec::new()).await?;
                let upto = taken.last().copied().unwrap_or(work.row.building_upto);
                let row = IndexRow { building_upto: upto, ..work.row };
                self.advance(work, row, batch.fresh, Vec::new()).await?;
                work.pause(taken.len())?;
            }
        }
        let row = IndexRow {
            version: VERSION,
            generation: work.row.building,
            modseq: work.row.building_modseq,
            pass: work.row.pass + 1,
            building: 0,
            building_upto: 0,
            building_modseq: 0,
            ..work.row
        };
        self.advance(work, row, Vec::new(), Vec::new()).await
    }

    /// Takes in what came since, takes out what is gone.
    async fn catch_up(&self, work: &mut Work) -> Result<(), Stop> {
        let bal = work.seal.bal;
        let mut open = None;
        loop {
            let row = work.row;
            let read = self.0.store.read::<_, StoreError, _>(move |tx| {
                let modseq = indexes::modseq(tx, bal)?;
                Ok((modseq, indexes::unindexed(tx, bal, &row, Id::MAX, LIST)?, indexes::removals(tx, bal, LIST)?))
            });
            let (modseq, mut ids, gone) = read.await.map_err(|e| refuse::store(&e))?;
            let modseq = modseq.ok_or(Stop::Over)?;
            if modseq < row.modseq {
                // The BAL's counter went back (damage, a repair): what comes next would be taken for indexed.
                return Err(Stop::Broken);
            }
            if ids.is_empty() && gone.is_empty() {
                if modseq != row.modseq {
                    self.advance(work, IndexRow { modseq, ..row }, Vec::new(), Vec::new()).await?;
                }
                return Ok(());
            }
            let open = match &open {
                Some(open) => open,
                None => open.insert(self.open_for_writing(work, row.generation).await?),
            };
            // Oldest first, as they came.
            ids.reverse();
            let batch = self.gather(work, &ids).await?;
            self.write_index(open, batch.records, gone.clone()).await?;
            self.advance(work, IndexRow { pass: row.pass + 1, ..row }, batch.fresh, gone).await?;
            work.pause(batch.taken)?;
        }
    }

    async fn open_for_writing(&self, work: &Work, generation: Id) -> Result<Writable, Stop> {
        let (store, cache) = (self.0.store.clone(), self.0.search.cache.clone());
        let files = Arc::new(SealedFiles::new(store, work.seal.clone(), generation, Some(work.writer), cache));
        let given = Arc::clone(&files);
        match blocking(move || Index::open(given)).await? {
            // What was lost would never be missed once new messages stand in its place.
            Ok(index) if self.is_lost(work, generation, &index).await? => {
                tracing::error!("a search index has lost its files");
                Err(Stop::Broken)
            }
            Ok(index) => Ok(Writable { index: Arc::new(index), files }),
            Err(e) => Err(Broken::of(&files, &e).into()),
        }
    }

    /// Is an index empty that should not be?
    async fn is_lost(&self, work: &Work, generation: Id, index: &Index) -> Result<bool, Refusal> {
        if generation == work.row.building {
            return Ok(work.row.building_upto != 0 && index.is_empty().unwrap_or(true));
        }
        self.is_hollow(work.seal.bal, &work.row, index).await
    }

    async fn write_index(&self, open: &Writable, add: Vec<TextRecord>, remove: Vec<Id>) -> Result<(), Stop> {
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        let (index, files, memory) = (open.index.clone(), open.files.clone(), self.config().search.writer_bytes);
        let count = add.len() as u64;
        let (written, finished) = blocking(move || {
            let written = index.update(&add, &remove, memory);
            let finished = if written.is_ok() { files.finish().is_ok() } else { false };
            (written, finished)
        })
        .await?;
        match written {
            Ok(()) if finished => {
                metrics::counter!("sceau_search_indexed_total").increment(count);
                Ok(())
            }
            // Only the store fails there.
            Ok(()) => match open.files.trouble() {
                super::files::Trouble::Fenced => Err(Stop::Over),
                _ => Err(Stop::Failed(RefusalCode::Unavailable.into())),
            },
            Err(e) => Err(Broken::of(&open.files, &e).into()),
        }
    }

    /// Writes how far the index goes, with what follows from it: records that this round took, messages that are in no index any more.
    async fn advance(&self, work: &mut Work, row: IndexRow, fresh: Vec<Id>, gone: Vec<Id>) -> Result<(), Stop> {
        let (bal, writer, now) = (work.seal.bal, work.writer, self.now());
        let pass = work.row.pass + 1;
        let row = IndexRow { updated: now.0, ..row };
        let written = self.0.store.write::<_, StoreError, _>(move |tx| {
            if !indexes::fence(tx, bal, writer)? {
                return Ok(false);
            }
            indexes::set_state(tx, bal, &row)?;
            rows::set_pass(tx, bal, &fresh, pass)?;
            indexes::removed(tx, bal, &gone)?;
            indexes::drop_others(tx, bal, [row.generation, row.building], now)?;
            Ok(true)
        });
        if !written.await.map_err(|e| refuse::store(&e))? {
            return Err(Stop::Over);
        }
        work.row = row;
        Ok(())
    }

    /// Records of the first of these messages, as many as memory has room for; made and written where there is none.
    async fn gather(&self, work: &Work, ids: &[Id]) -> Result<Batch, Stop> {
        let bal = work.seal.bal;
        let (mut batch, mut bytes) = (Batch::default(), 0);
        for page in ids.chunks(PAGE) {
            let mut kept = self.text_rows(bal, page.to_vec()).await?;
            kept.retain(|_, row| row.made >= work.row.texts_since);
            let open: HashSet<Id> = kept.values().filter(|r| r.pass > work.row.pass).map(|r| r.message).collect();
            let mut made = Vec::new();
            for id in page {
                batch.taken += 1;
                if let Some((record, existed)) = self.take_record(work, &mut kept, *id).await? {
                    bytes += weight(&record);
                    if existed {
                        batch.fresh.extend(open.get(id));
                        batch.records.push(record);
                    } else {
                        made.push(record);
                    }
                }
                if bytes >= BATCH_BYTES {
                    break;
                }
            }
            let mut sealed: Vec<Sealed> = Vec::with_capacity(made.len());
            for record in &made {
                sealed.push(self.seal_text(&work.seal, record).await?);
            }
            if !sealed.is_empty() {
                let written = self.write_texts(bal, sealed).await?;
                batch.records.extend(made.into_iter().filter(|r| written.contains(&r.message)));
                batch.fresh.extend(written);
            }
            if batch.taken >= BATCH || bytes >= BATCH_BYTES || work.stop.is_cancelled() {
                break;
            }
        }
        Ok(batch)
    }

    /// The record of a message, and whether it existed; none when the message is gone.
    async fn take_record(
        &self,
        work: &Work,
        kept: &mut HashMap<Id, TextRow>,
        id: Id,
    ) -> Result<Option<(TextRecord, bool)>, Refusal> {
        if let Some(row) = kept.remove(&id)
            && let Some(record) = self.open_text(&work.seal, row).await?
        {
            return Ok(Some((record, true)));
        }
        match self.message_row(work.seal.bal, id).await? {
            Some(rows) => Ok(Some((self.make_record(&work.seal, rows).await?, false))),
            None => Ok(None),
        }
    }
}

/// An index open for writing.
#[derive(Debug)]
struct Writable {
    index: Arc<Index>,
    files: Arc<SealedFiles>,
}

/// Bytes of text of a record.
fn weight(r: &TextRecord) -> usize {
    r.body.len() + r.subject.len() + r.attachments.iter().map(|a| a.text.len() + a.name.len()).sum::<usize>()
}
