//! Finding messages of a BAL by their text.
//!
//! Promises: the answer is complete, whatever the state of the index, or says that it is not ([`Found::complete`]); newest first, and the
//! pages of one question neither overlap nor leave gaps; what is gone is not shown; whoever may not read may not find; it is traced as
//! reading is. Memory is bounded: records are read one after the other.
use super::blocking;
use super::opened::Broken;
use super::texts;
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::folders::{narrow, open_names};
use crate::mailbox::personal::Marks;
use crate::mailbox::read::MessageSummary;
use crate::mailbox::seal::BalSeal;
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_message::envelope::MailAddress;
use sceau_search::{Field, Hit, Query, Snippet, TextRecord, VERSION};
use sceau_store::indexes::{self, IndexRow, Shown};
use sceau_store::{Id, StoreError, folders as rows, jobs, messages};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most messages in a page.
const MOST: usize = 500;
/// Hits asked of the index at once, for a page; and for everything that matches.
const AT_ONCE: usize = 2_000;
const ALL_AT_ONCE: usize = 200_000;
/// Records scanned at once.
const PAGE: i64 = 50;
/// Characters of an excerpt.
const EXCERPT: usize = 160;
/// How often a question is begun again because the index changed meanwhile.
const ATTEMPTS: usize = 4;

/// Which part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Older than this (date, message): [`Found::next`] of the page before.
    pub before: Option<(i64, Id)>,
    /// At most so many messages, 500 at most.
    pub limit: usize,
}

/// Where a message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEntry {
    /// Folder.
    pub folder: Id,
    /// Its name.
    pub name: String,
    /// UID there.
    pub uid: u32,
}

/// A message found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMessage {
    /// The message.
    pub message: Id,
    /// Its date: when it was sent, else when it came.
    pub date: Timestamp,
    /// Where it shows, one at least.
    pub entries: Vec<FoundEntry>,
    /// Who it is from.
    pub from: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// An excerpt with what was found.
    pub snippet: Snippet,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<FoundMessage>,
    /// Where the next page begins, when there is more.
    pub next: Option<(i64, Id)>,
    /// False when messages that are not indexed yet were too many to be read in the time there is: ask again later.
    pub complete: bool,
}

/// Messages that match.
#[derive(Debug, Default)]
struct Matches {
    /// (date, message).
    hits: Vec<(i64, Id)>,
    /// Where they show.
    shown: HashMap<Id, Vec<Shown>>,
    incomplete: bool,
    /// How many were read for the answer, beside the index.
    scanned: usize,
}

impl Matches {
    /// Of many matches only these are shown.
    fn keep_newest(&mut self, most: usize) {
        self.hits.sort_unstable_by_key(|hit| Reverse(*hit));
        for (_, message) in self.hits.drain(most.min(self.hits.len())..) {
            self.shown.remove(&message);
        }
    }
}

/// A question being answered.
#[derive(Debug, Clone)]
struct Asked {
    seal: BalSeal,
    query: Arc<Query>,
    before: Option<(i64, Id)>,
    deadline: Instant,
}

impl Asked {
    fn is_older(&self, hit: (i64, Id)) -> bool {
        self.before.is_none_or(|before| hit < before)
    }
}

impl Operator {
    /// Reads a question as a person types it: see [`Query::parse`]. `syntax.error`.
    pub fn query(&self, text: &str) -> Result<Query, Refusal> {
        Query::parse(text).map_err(|e| super::unreadable(&e))
    }

    /// Messages of the actor's BAL that match, of one folder or all. `folder.unknown`.
    #[boxed]
    pub async fn find_messages(
        &self,
        actor: &Actor,
        query: &Query,
        folder: Option<&str>,
        page: Page,
    ) -> Result<Found, Refusal> {
        let seat = self.seat(actor)?;
        let tag = folder.map(|name| self.folder_seen(actor, seat.bal, name)).transpose()?;
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let folder = match &tag {
                None => None,
                Some((tag, _)) => Some(rows::by_tag(tx, seat.bal, tag)?.ok_or(RefusalCode::FolderUnknown)?.id),
            };
            Ok((bal, folder))
        });
        let (bal, folder) = read.await?;
        let asked = Asked {
            seal: self.bal_seal(seat.bal).await?,
            query: Arc::new(query.clone()),
            before: page.before,
            deadline: self.search_deadline(),
        };
        let limit = page.limit.clamp(1, MOST);
        let mut matches = self.matches(&asked, Some((limit + 1, folder))).await?;
        matches.hits.sort_unstable_by_key(|hit| Reverse(*hit));
        let more = matches.hits.len() > limit;
        matches.hits.truncate(limit);
        let next = matches.hits.last().copied().filter(|_| more);
        if let Some(marks) = self.kept_from(actor) {
            self.leave_out_marked(actor, &asked.seal, marks, &mut matches).await?;
        }
        let hits = self.show(seat, &asked, &matches).await?;
        let who = (seat.bal, bal);
        self.note_reading(actor, who.clone(), Read::Search(matches.scanned, hits.len())).await?;
        let ids = || hits.iter().map(|h| h.message);
        if let (Some(first), Some(last)) = (ids().min(), ids().max()) {
            self.note_reading(actor, who, Read::Listed(first, last, hits.len())).await?;
        }
        Ok(Found { hits, next, complete: !matches.incomplete })
    }

    /// Leaves out what shows only where this person does not see it (F074).
    async fn leave_out_marked(
        &self,
        actor: &Actor,
        seal: &BalSeal,
        marks: Marks,
        matches: &mut Matches,
    ) -> Result<(), Refusal> {
        let bal = seal.bal;
        let read = self.0.store.read::<_, StoreError, _>(move |tx| {
            let folders = rows::list(tx, bal)?;
            let mut marked = HashSet::new();
            for folder in &folders {
                marked.extend(marks.in_folder(tx, folder.id, 0)?.iter().map(|e| (folder.id, e.message)));
            }
            Ok((folders, marked))
        });
        let (folders, marked) = read.await.map_err(|e| refuse::store(&e))?;
        let named = open_names(seal, folders).map_err(|e| refuse::store(&e))?;
        let seen: HashSet<Id> = named.iter().filter(|(_, n)| actor.sees_folder(n)).map(|(row, _)| row.id).collect();
        let shows = |e: &Shown| seen.contains(&e.folder) && !marked.contains(&(e.folder, e.message));
        matches.shown.values_mut().for_each(|entries| entries.retain(shows));
        matches.hits.retain(|(_, id)| matches.shown.get(id).is_some_and(|entries| !entries.is_empty()));
        Ok(())
    }

    /// Every message of a BAL that matches, shown or not: for searches that combine it with other facts. The caller checks rights and
    /// traces. `system.unavailable` when the answer would not be complete by the deadline ([`Operator::search_deadline`]): one for all the
    /// questions of a search.
    pub(crate) async fn matching(
        &self,
        seal: &BalSeal,
        query: Query,
        deadline: Instant,
    ) -> Result<HashSet<Id>, Refusal> {
        let asked = Asked { seal: seal.clone(), query: Arc::new(query), before: None, deadline };
        let matches = self.matches(&asked, None).await?;
        if matches.incomplete {
            return Err(RefusalCode::Unavailable.into());
        }
        Ok(matches.hits.into_iter().map(|(_, id)| id).collect())
    }

    /// Is somebody named, as a sender or as a recipient, in another message of a BAL than this one? None: that cannot be said at once, because much is not
    /// indexed yet. The caller checks rights; nothing is shown.
    pub(crate) async fn others_name(&self, bal: Id, who: &Address, message: Id) -> Result<Option<bool>, Refusal> {
        let seal = self.bal_seal(bal).await?;
        let read = self.0.store.read::<_, StoreError, _>(move |tx| {
            let row = indexes::state(tx, bal)?;
            let row = Some(row).filter(|row| row.generation != 0 && [0, VERSION].contains(&row.version));
            let fresh = match &row {
                Some(row) => indexes::unindexed(tx, bal, row, Id::MAX, PAGE)?,
                None => indexes::messages_below(tx, bal, Id::MAX, PAGE)?,
            };
            let summaries = messages::summaries(tx, bal, &fresh)?;
            Ok((row, fresh, summaries))
        });
        let (row, fresh, summaries) = read.await.map_err(|e| refuse::store(&e))?;
        let named = |a: &MailAddress| {
            let (Some(mailbox), Some(host)) = (&a.mailbox, &a.host) else { return false };
            format!("{mailbox}@{host}").parse::<Address>().is_ok_and(|a| a == *who)
        };
        let mut room = Vec::new();
        for (_, row) in summaries.rows.iter().filter(|(id, _)| **id != message) {
            // What is damaged names nobody.
            let Ok(found) = MessageSummary::open(&seal, row, &mut room) else { continue };
            let envelope = &found.summary.envelope;
            if [&envelope.from, &envelope.to, &envelope.cc, &envelope.bcc].into_iter().flatten().any(named) {
                return Ok(Some(true));
            }
        }
        if let Some(row) = row {
            let text = who.to_string();
            let said = |field| Query::field(field, &text).map_err(|e| super::unreadable(&e));
            let query = Arc::new(Query::or([said(Field::From)?, said(Field::To)?]));
            let asked = Asked { seal, query, before: None, deadline: Instant::now() };
            let Ok(found) = self.ask_index(&asked, &row, Some((2, None))).await? else { return Ok(None) };
            if found.hits.iter().any(|(_, id)| *id != message) {
                return Ok(Some(true));
            }
        }
        let all = fresh.len() < usize::try_from(PAGE).unwrap_or_default() && summaries.told == fresh.len();
        Ok(all.then_some(false))
    }

    /// When a search that begins now gives up reading what is not indexed.
    pub(crate) fn search_deadline(&self) -> Instant {
        Instant::now() + self.config().search.patience
    }

    /// Messages that match; with `wanted`, as many (or some more) of the newest that show in the folder (or any).
    async fn matches(&self, asked: &Asked, wanted: Option<(usize, Option<Id>)>) -> Result<Matches, Refusal> {
        let bal = asked.seal.bal;
        let mut before = None;
        for _ in 0..ATTEMPTS {
            let kind = crate::jobs::Kind::Index.as_str();
            let read = self.0.store.read::<_, StoreError, _>(move |tx| {
                let modseq = indexes::modseq(tx, bal)?.unwrap_or(0);
                Ok((indexes::state(tx, bal)?, modseq, jobs::failures(tx, kind, &bal.to_string())?.is_some()))
            });
            let (row, modseq, wanted_already) = read.await.map_err(|e| refuse::store(&e))?;
            let usable = row.generation != 0 && [0, VERSION].contains(&row.version);
            if !wanted_already && (!usable || row.version != VERSION || row.modseq != modseq) {
                // At once when every message is read for each question; else with what may arrive.
                let after = if usable { self.config().search.delay } else { Duration::ZERO };
                self.want_index(bal, after).await;
            }
            if !usable {
                break;
            }
            match self.ask_index(asked, &row, wanted).await? {
                Ok(mut matches) => {
                    self.scan(asked, Some(&row), wanted, &mut matches).await?;
                    return Ok(matches);
                }
                Err(Broken::Passing | Broken::Fenced) => return Err(RefusalCode::Unavailable.into()),
                Err(Broken::Index) => {
                    self.0.search.opened.forget(bal);
                    // Its files may just have been replaced: broken is what fails twice as it stands.
                    if before.replace((row.generation, row.pass)) == Some((row.generation, row.pass)) {
                        self.index_is_broken(bal, true).await?;
                        break;
                    }
                }
            }
        }
        let mut matches = Matches::default();
        self.scan(asked, None, wanted, &mut matches).await?;
        Ok(matches)
    }

    /// What the index in force says.
    async fn ask_index(
        &self,
        asked: &Asked,
        row: &IndexRow,
        wanted: Option<(usize, Option<Id>)>,
    ) -> Result<Result<Matches, Broken>, Refusal> {
        let open = match self.open_index(&asked.seal, row).await? {
            Ok(open) => open,
            Err(broken) => return Ok(Err(broken)),
        };
        let mut matches = Matches::default();
        let (mut cursor, mut size) = (asked.before, wanted.map_or(ALL_AT_ONCE, |(n, _)| n.min(AT_ONCE)));
        let most = size.max(AT_ONCE);
        loop {
            let (index, query) = (open.index.clone(), asked.query.clone());
            let hits: Vec<Hit> = match blocking(move || index.search(&query, cursor, size)).await? {
                Ok(hits) => hits,
                Err(sceau_search::SearchError::Query(e)) => return Err(super::unreadable(&e)),
                Err(e) => return Ok(Err(Broken::of(&open.files, &e))),
            };
            let last = hits.len() < size;
            cursor = hits.last().map(|h| (h.date, h.message)).or(cursor);
            self.keep_shown(asked.seal.bal, wanted, hits.iter().map(|h| (h.date, h.message)), &mut matches).await?;
            if last || wanted.is_some_and(|(n, _)| matches.hits.len() >= n) {
                return Ok(Ok(matches));
            }
            size = (size * 2).min(most);
        }
    }

    /// Adds hits, those that show where it is wanted.
    async fn keep_shown(
        &self,
        bal: Id,
        wanted: Option<(usize, Option<Id>)>,
        hits: impl Iterator<Item = (i64, Id)>,
        matches: &mut Matches,
    ) -> Result<(), Refusal> {
        let Some((_, folder)) = wanted else {
            matches.hits.extend(hits);
            return Ok(());
        };
        let hits: Vec<(i64, Id)> = hits.filter(|(_, id)| !matches.shown.contains_key(id)).collect();
        if hits.is_empty() {
            return Ok(());
        }
        let ids: Vec<Id> = hits.iter().map(|(_, id)| *id).collect();
        let shown = self.0.store.read::<_, StoreError, _>(move |tx| indexes::shown(tx, bal, &ids)).await;
        let mut by_message: HashMap<Id, Vec<Shown>> = HashMap::new();
        for entry in shown.map_err(|e| refuse::store(&e))? {
            by_message.entry(entry.message).or_default().push(entry);
        }
        for hit in hits {
            if let Some(entries) = by_message.remove(&hit.1)
                && folder.is_none_or(|f| entries.iter().any(|e| e.folder == f))
            {
                matches.hits.push(hit);
                matches.shown.insert(hit.1, entries);
            }
        }
        Ok(())
    }

    /// Adds what matches among the messages that the index may lack (all, without one), newest first, as long as there is time.
    async fn scan(
        &self,
        asked: &Asked,
        row: Option<&IndexRow>,
        wanted: Option<(usize, Option<Id>)>,
        matches: &mut Matches,
    ) -> Result<(), Refusal> {
        let (bal, row, mut below) = (asked.seal.bal, row.copied(), Id::MAX);
        loop {
            let ids = self.0.store.read::<_, StoreError, _>(move |tx| match &row {
                Some(row) => indexes::unindexed(tx, bal, row, below, PAGE),
                None => indexes::messages_below(tx, bal, below, PAGE),
            });
            let ids = ids.await.map_err(|e| refuse::store(&e))?;
            let Some(lowest) = ids.last() else { return Ok(()) };
            below = *lowest;
            matches.scanned += ids.len();
            let hits = self.scan_page(asked, ids).await?;
            self.keep_shown(bal, wanted, hits.into_iter(), matches).await?;
            if let Some((most, _)) = wanted
                && matches.hits.len() > 2 * most + AT_ONCE
            {
                matches.keep_newest(most);
            }
            if Instant::now() > asked.deadline {
                matches.incomplete = true;
                return Ok(());
            }
        }
    }

    /// Which of these messages match. Records that are missing are made, and kept.
    async fn scan_page(&self, asked: &Asked, ids: Vec<Id>) -> Result<Vec<(i64, Id)>, Refusal> {
        let mut kept = self.text_rows(asked.seal.bal, ids.clone()).await?;
        let (mut readers, mut missing) = (Vec::new(), Vec::new());
        for id in &ids {
            let reader = match kept.remove(id) {
                Some(row) => self.text_reader(&asked.seal, row).await?,
                None => None,
            };
            match reader {
                Some(reader) => readers.push((*id, reader)),
                None => missing.push(*id),
            }
        }
        let judge = asked.clone();
        let (mut hits, unreadable) = blocking(move || {
            let (mut hits, mut unreadable) = (Vec::new(), Vec::new());
            for (id, reader) in readers {
                match texts::read(reader)? {
                    Some(record) => hits.extend(judge.judge(&record)),
                    None => unreadable.push(id),
                }
            }
            Ok((hits, unreadable))
        })
        .await?
        .map_err(|e: StoreError| refuse::store(&e))?;
        missing.extend(unreadable);
        let mut sealed = Vec::new();
        for id in missing {
            let Some(rows) = self.message_row(asked.seal.bal, id).await? else { continue };
            let record = Arc::new(self.make_record(&asked.seal, rows).await?);
            sealed.push(self.seal_text(&asked.seal, &record).await?);
            let judge = asked.clone();
            hits.extend(blocking(move || judge.judge(&record)).await?);
            if Instant::now() > asked.deadline {
                break;
            }
        }
        if !sealed.is_empty() {
            // What was made for an answer serves the next one. Failing to keep it changes no answer.
            if let Err(refusal) = self.write_texts(asked.seal.bal, sealed).await {
                tracing::warn!(code = refusal.code.as_str(), "text records were not kept");
            }
        }
        Ok(hits)
    }

    /// Messages as they are shown: subject, excerpt, where they are.
    async fn show(&self, seat: Seat, asked: &Asked, matches: &Matches) -> Result<Vec<FoundMessage>, Refusal> {
        let names = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::list(tx, seat.bal)?)
        });
        let names = open_names(&asked.seal, names.await?).map_err(|e| refuse::store(&e))?;
        let names: HashMap<Id, String> = names.into_iter().map(|(row, name)| (row.id, name)).collect();
        let mut kept = self.text_rows(seat.bal, matches.hits.iter().map(|(_, id)| *id).collect()).await?;
        let mut readers = Vec::with_capacity(kept.len());
        for (_, id) in &matches.hits {
            if let Some(row) = kept.remove(id)
                && let Some(reader) = self.text_reader(&asked.seal, row).await?
            {
                readers.push((*id, reader));
            }
        }
        let query = asked.query.clone();
        let faces = blocking(move || {
            let read = |(id, reader)| Ok(texts::read(reader)?.map(|record| (id, Face::of(&query, record))));
            readers.into_iter().filter_map(|r| read(r).transpose()).collect::<Result<HashMap<Id, Face>, StoreError>>()
        });
        let mut faces = faces.await?.map_err(|e| refuse::store(&e))?;
        let mut found = Vec::with_capacity(matches.hits.len());
        for (date, id) in &matches.hits {
            let face = match faces.remove(id) {
                Some(face) => face,
                // Not kept, or damaged.
                None => match self.text_of(&asked.seal, None, *id).await? {
                    Some(record) => {
                        let query = asked.query.clone();
                        blocking(move || Face::of(&query, record)).await?
                    }
                    None => continue,
                },
            };
            let shown = matches.shown.get(id).into_iter().flatten();
            let entries: Vec<FoundEntry> = shown
                .filter_map(|s| {
                    Some(FoundEntry { folder: s.folder, name: names.get(&s.folder)?.clone(), uid: narrow(s.uid) })
                })
                .collect();
            if entries.is_empty() {
                continue;
            }
            let Face { from, subject, snippet } = face;
            found.push(FoundMessage { message: *id, date: Timestamp(*date), entries, from, subject, snippet });
        }
        Ok(found)
    }
}

/// What is shown of a message found.
struct Face {
    from: Vec<String>,
    subject: String,
    snippet: Snippet,
}

impl Face {
    fn of(query: &Query, record: TextRecord) -> Self {
        let snippet = query.snippet(&record, EXCERPT);
        Self { from: record.from, subject: record.subject, snippet }
    }
}

impl Asked {
    /// The hit that a message is, if it matches.
    fn judge(&self, record: &TextRecord) -> Option<(i64, Id)> {
        let hit = (record.date, record.message);
        (self.is_older(hit) && self.query.matches(record)).then_some(hit)
    }
}
