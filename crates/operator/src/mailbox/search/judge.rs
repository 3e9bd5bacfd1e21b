//! Judging messages by what is kept of them: a page of rows is read while the one before is judged, on a blocking thread.
//!
//! Promises: however long the folder, two pages of what is sealed and one piece of one message in clear are in memory; the seat is asked for at each page,
//! so that whoever loses it meanwhile hears so; a search for which nobody waits any more ends within [`SLICE`], or with the message in hand.
use super::blocking;
use super::body;
use super::plan::{Head, Plan};
use crate::Operator;
use crate::access::Seat;
use crate::mailbox::entries::Entry;
use crate::mailbox::read::damaged;
use crate::mailbox::seal::{BalSeal, MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::refuse::Fail;
use sceau_domain::Refusal;
use sceau_message::scan::Part;
use sceau_message::summary::Summary;
use sceau_store::messages::{self, MessageRow, StoredContent};
use sceau_store::{Id, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Messages of the first page, and of the others.
const FIRST: usize = 50;
const PAGE: usize = 200;
/// How long a thread judges before it is looked whether anybody still waits.
const SLICE: Duration = Duration::from_millis(100);

/// Entries to be judged, and what the store has of their messages.
struct Page {
    entries: std::vec::IntoIter<Entry>,
    rows: HashMap<Id, MessageRow>,
}

/// Judges the messages of one search.
struct Judge {
    store: Store,
    runtime: Handle,
    seat: Seat,
    seal: BalSeal,
    plan: Arc<Plan>,
    /// What matched, UIDs.
    found: Vec<u32>,
}

/// Where prefixes and summaries are opened, one after the other.
#[derive(Default)]
struct Rooms {
    prefix: Vec<u8>,
    summary: Vec<u8>,
}

impl Operator {
    /// UIDs of those of these entries that match, in their order.
    pub(super) async fn judged_in(
        &self,
        seat: Seat,
        seal: BalSeal,
        plan: Arc<Plan>,
        open: &[&Entry],
    ) -> Result<Vec<u32>, Refusal> {
        let whole = plan.wants_bodies();
        let (store, runtime) = (self.0.store.clone(), Handle::current());
        let mut judge = Judge { store, runtime, seat, seal, plan, found: Vec::new() };
        let mut page = self.page(seat, open.get(..FIRST).unwrap_or(open), whole).await?;
        let (mut at, mut ahead) = (page.entries.len(), None);
        loop {
            let work = blocking(move || {
                judge.judge(&mut page)?;
                Ok((judge, page))
            });
            let later = open.get(at..).unwrap_or_default();
            let later = later.get(..PAGE).unwrap_or(later);
            let read = async {
                if ahead.is_some() || later.is_empty() {
                    return Ok(None);
                }
                self.page(seat, later, whole).await.map(Some)
            };
            let (worked, read) = tokio::join!(work, read);
            (judge, page) = worked?;
            if let Some(read) = read? {
                at += read.entries.len();
                ahead = Some(read);
            }
            if page.entries.as_slice().is_empty() {
                match ahead.take() {
                    Some(next) => page = next,
                    None => return Ok(judge.found),
                }
            }
        }
    }

    /// Reads what is kept of the messages of these entries: of the first one, and of as many of the others as may be held together.
    async fn page(&self, seat: Seat, entries: &[&Entry], whole: bool) -> Result<Page, Refusal> {
        let ids: Vec<Id> = entries.iter().map(|e| e.message).collect();
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let rows = if whole {
                messages::summaries_with_contents(tx, seat.bal, &ids)
            } else {
                messages::summaries(tx, seat.bal, &ids)
            };
            Ok(rows?)
        });
        let messages::Summaries { rows, told } = read.await?;
        let entries: Vec<Entry> = entries.iter().take(told.max(1)).map(|e| (*e).clone()).collect();
        Ok(Page { entries: entries.into_iter(), rows })
    }
}

impl Judge {
    /// Judges the next entries of a page, as many as there is time for. One whose message is gone, or damaged, is found by nothing but the entry.
    fn judge(&mut self, page: &mut Page) -> Result<(), Refusal> {
        let (began, mut rooms) = (Instant::now(), Rooms::default());
        while began.elapsed() < SLICE
            && let Some(entry) = page.entries.next()
        {
            if let Some(row) = page.rows.get_mut(&entry.message)
                && self.matches(&mut rooms, &entry, row)?
            {
                self.found.push(entry.uid);
            }
        }
        Ok(())
    }

    fn matches(&self, rooms: &mut Rooms, entry: &Entry, row: &mut MessageRow) -> Result<bool, Refusal> {
        let (id, content) = (row.id, row.content.take());
        let (head, summary) = match self.open(rooms, row) {
            Ok(opened) => opened,
            Err(e) => return damaged(id, &e).map(|()| false),
        };
        if let Some(decided) = self.plan.by_header(entry, head) {
            return Ok(decided);
        }
        // Not read with the header, or used up by another entry of the same message.
        let Some(content) = content.map_or_else(|| self.content(id), |content| Ok(Some(content)))? else {
            return Ok(false);
        };
        let root = Summary::root_and_header_of(summary).map(|(root, _)| root);
        let seen =
            root.ok_or_else(|| StoreError::Corrupt(id.to_string())).and_then(|root| self.scan(id, content, &root));
        let seen = match seen {
            Ok(seen) => seen,
            // Found by its header, and the others go on.
            Err(e) => {
                damaged(id, &e)?;
                vec![false; self.plan.needles().len()]
            }
        };
        Ok(self.plan.by_body(entry, head, &seen))
    }

    /// The header of a message, and its summary.
    fn open<'r>(&self, rooms: &'r mut Rooms, row: &MessageRow) -> Result<(Head<'r>, &'r [u8]), StoreError> {
        let prefix = match &row.prefix {
            Some(sealed) => self.seal.open_in(row.id, MESSAGE_PREFIX, sealed, &mut rooms.prefix)?,
            None => &[],
        };
        let summary = self.seal.open_in(row.id, MESSAGE_SUMMARY, &row.summary, &mut rooms.summary)?;
        let own = Summary::header_of(summary).ok_or_else(|| StoreError::Corrupt(row.id.to_string()))?;
        Ok((Head { prefix, own }, summary))
    }

    /// Where the content of a message is; none when it is gone.
    fn content(&self, message: Id) -> Result<Option<StoredContent>, Fail> {
        let seat = self.seat;
        let read = self.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(messages::summaries_with_contents(tx, seat.bal, &[message])?.rows.remove(&message))
        });
        Ok(self.runtime.block_on(read)?.and_then(|row| row.content))
    }

    /// Which of the needles stand in the body.
    fn scan(&self, message: Id, content: StoredContent, root: &Part) -> Result<Vec<bool>, StoreError> {
        let key = self.seal.unwrap_blob_key(message, &content.blob_key)?;
        let mut blob = self.store.open_found_blocking(content.blob, key, content.found)?;
        body::scan(&mut blob, root, self.plan.needles())
    }
}
