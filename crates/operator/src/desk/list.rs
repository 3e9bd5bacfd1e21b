//! Lists: windows over a folder, by date, with filters; conversations.
//!
//! Promises: a window costs what it shows, whatever the folder holds; who may not read sees nothing, and what is kept from somebody (F074) is neither shown
//! nor counted; what is shown is traced as a reading.
use super::deliveries::SentAs;
use crate::boxed;
use crate::jobs::Kind;
use crate::mailbox::entries::FlagSet;
use crate::mailbox::folders::{Folder, FolderStatus, SpecialUse, narrow, seen_by};
use crate::mailbox::personal::Marks;
use crate::mailbox::read::{MessageSummary, damaged};
use crate::mailbox::seal::BalSeal;
use crate::mailbox::words::Words;
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp};
use sceau_message::envelope::MailAddress;
use sceau_message::header::decoded;
use sceau_message::summary::Summary;
use sceau_store::desk::lists::{self, Listed, Place, Which, Window};
use sceau_store::keywords::{self, KeywordRow, Slots};
use sceau_store::messages::{self, EntryRow, Mark};
use sceau_store::{Id, StoreError, Tx, access, folders as rows, jobs};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Most rows of a window.
const MOST: usize = 200;
/// Rows that are looked at for one window, where many are kept from who looks.
const LOOKED_AT: usize = 2_000;
/// Most messages of a conversation that are shown.
const CONVERSATION: i64 = 200;
/// Messages made known to lists in one transaction.
const AT_ONCE: i64 = 200;
/// How long first words of messages are made that were never made before; the next time they are there.
const PATIENCE: Duration = Duration::from_millis(150);

/// What a list shows of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// What nobody read.
    Unread,
    /// What is followed.
    Flagged,
    /// What has attachments.
    Attached,
    /// What was exchanged with a patient.
    Patient,
    /// What was given to whoever looks.
    Mine,
}

/// Where a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// INTERNALDATE, milliseconds.
    pub date: i64,
    /// UID.
    pub uid: u32,
}

/// A window over a folder.
#[derive(Debug, Clone)]
pub struct View {
    /// The folder.
    pub folder: Id,
    /// What of it.
    pub filter: Filter,
    /// Of that, what has this keyword: each message by itself.
    pub label: Option<String>,
    /// Conversations, each by its newest message.
    pub threads: bool,
    /// From the oldest.
    pub oldest_first: bool,
    /// After which entry; none: from the beginning.
    pub from: Option<Cursor>,
    /// How many rows at most.
    pub limit: usize,
}

/// A line of a list.
#[derive(Debug, Clone)]
pub struct Row {
    /// UID.
    pub uid: u32,
    /// The message.
    pub message: Id,
    /// Its EMAILID.
    pub email: String,
    /// INTERNALDATE.
    pub date: Timestamp,
    /// From whom; in Sent and Drafts to whom: name and address.
    pub who: Vec<(String, String)>,
    /// Subject.
    pub subject: String,
    /// The beginning of its text, when it is known.
    pub preview: Option<String>,
    /// Flags.
    pub flags: FlagSet,
    /// Size, bytes.
    pub size: u64,
    /// It has attachments.
    pub attached: bool,
    /// It was exchanged with a patient.
    pub patient: bool,
    /// Its conversation.
    pub thread: i64,
    /// How many messages of it are in the folder; 1 where the list shows messages.
    pub in_thread: u32,
    /// How many of them nobody read.
    pub unread_in_thread: u32,
    /// Who takes care of it.
    pub with: Option<String>,
    /// Colleagues left notes beside it.
    pub noted: bool,
    /// In Sent: what finds how far it came.
    pub sent: Option<SentAs>,
}

/// A window, looked through.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The folder.
    pub folder: Folder,
    /// Its counts.
    pub status: FolderStatus,
    /// Its rows.
    pub rows: Vec<Row>,
    /// After which entry the window goes on; none: nothing more.
    pub more: Option<Cursor>,
    /// When the oldest and the newest message of the folder came; none where it has none.
    pub span: Option<(Timestamp, Timestamp)>,
    /// False: some messages are not known to lists yet; they come when they are.
    pub complete: bool,
}

/// What the store says of a window.
struct Seen {
    bal: String,
    folder: rows::FolderRow,
    listed: Vec<Listed>,
    more: Option<Cursor>,
    span: Option<(Timestamp, Timestamp)>,
    complete: bool,
    threads: bool,
    beside: Beside,
}

/// What belongs to rows: keywords of the BAL, counts of conversations, who takes care of them.
struct Beside {
    words: Vec<KeywordRow>,
    counts: HashMap<i64, (i64, i64)>,
    with: HashMap<i64, String>,
    /// Messages, and conversations in the folder, with notes.
    noted: (HashSet<Id>, HashSet<i64>),
}

impl Filter {
    pub(super) fn which(self, person: Id) -> Which {
        match self {
            Self::All => Which::All,
            Self::Unread => Which::Unseen,
            Self::Flagged => Which::Flagged,
            Self::Attached => Which::Attached,
            Self::Patient => Which::Patient,
            Self::Mine => Which::Of(person),
        }
    }
    /// The same, where a label is asked for besides.
    pub(super) fn which_of(self, person: Id, labelled: bool) -> Which {
        if labelled && self == Self::All { Which::Labelled } else { self.which(person) }
    }
    /// Does it ask of messages what is known of them only after they were looked at?
    fn needs_marks(self) -> bool {
        matches!(self, Self::Attached | Self::Patient | Self::Mine)
    }
}

impl From<Place> for Cursor {
    fn from(place: Place) -> Self {
        Self { date: place.date, uid: narrow(place.uid) }
    }
}

/// The slots of a keyword, by its digest; none where no keyword is asked for. A keyword that the BAL does not know is in no slot.
pub(super) fn label_of(tx: &mut dyn Tx, bal: Id, tag: Option<&[u8]>) -> Result<Option<Slots>, StoreError> {
    tag.map(|tag| keywords::with_tags(tx, bal, |other| other == tag)).transpose()
}

/// Reads so many rows as a view wants, without what is kept from somebody. Second: where it goes on.
pub(super) fn look(
    tx: &mut dyn Tx,
    view: &View,
    which: Which,
    threads: bool,
    marks: Option<&Marks>,
    label: Option<&Slots>,
) -> Result<(Vec<Listed>, Option<Cursor>), StoreError> {
    let limit = view.limit.clamp(1, MOST);
    let mut from = view.from.map(|c| Place { date: c.date, uid: i64::from(c.uid) });
    let (mut found, mut looked) = (Vec::new(), 0);
    loop {
        let wanted = limit + 1 - found.len();
        let asked = Window {
            folder: view.folder,
            which,
            threads,
            oldest_first: view.oldest_first,
            from,
            limit: i64::try_from(wanted).unwrap_or(i64::MAX),
        };
        let mut page = lists::window(tx, &asked)?;
        let last = page.len() < wanted;
        looked += page.len();
        from = page.last().map(Listed::place).or(from);
        if let Some(label) = label {
            page.retain(|l| l.entry.keywords.has_any(label));
        }
        if let Some(marks) = marks {
            let mut entries: Vec<EntryRow> = page.iter().map(|l| l.entry.clone()).collect();
            let kept: HashSet<i64> = marks.take(tx, &mut entries)?.iter().map(|e| e.uid).collect();
            page.retain(|l| !kept.contains(&l.entry.uid));
        }
        found.append(&mut page);
        if found.len() > limit {
            found.truncate(limit);
            let more = found.last().map(|l| l.place().into());
            return Ok((found, more));
        }
        if last || looked >= LOOKED_AT {
            return Ok((found, from.filter(|_| !last).map(Cursor::from)));
        }
    }
}

impl Beside {
    fn of(tx: &mut dyn Tx, bal: Id, listed: &[&Listed], folder: Option<Id>) -> Result<Self, StoreError> {
        let mut threads: Vec<i64> = listed.iter().map(|l| l.mark.thread).filter(|t| *t != 0).collect();
        threads.sort_unstable();
        threads.dedup();
        let messages: Vec<Id> = listed.iter().map(|l| l.entry.message).collect();
        let mut noted = (lists::noted(tx, bal, &messages)?, HashSet::new());
        let counts = match folder {
            Some(folder) => {
                noted.1 = lists::noted_threads(tx, bal, folder, &threads)?;
                lists::in_threads(tx, bal, folder, &threads)?
            }
            None => HashMap::new(),
        };
        Ok(Self { words: keywords::list(tx, bal)?, counts, with: lists::assigned(tx, bal, &threads)?, noted })
    }
}

impl Operator {
    /// A window over a folder of the actor's BAL. Traced: the opening of the folder where the window is its first, and what it lists.
    ///
    /// # Errors
    /// `folder.unknown`; `right.missing`.
    #[boxed]
    pub async fn window(&self, actor: &Actor, view: &View) -> Result<Listing, Refusal> {
        let seat = self.seat(actor)?;
        let (person, without, asked) = (actor.person(), self.kept_from(actor), view.clone());
        let tag = view.label.as_deref().map(|keyword| self.keyword_tag(seat.bal, keyword));
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            let bal = seat.check(tx)?;
            let found = seen_by(tx, seat.bal, person)?.into_iter().find(|row| row.id == asked.folder);
            let mut folder = found.ok_or(RefusalCode::FolderUnknown)?;
            // Which message of a conversation is the newest that somebody sees is not the store's to say where some are kept from him.
            let plain = match &without {
                Some(marks) => marks.in_folder(tx, folder.id, 0)?.is_empty(),
                None => true,
            };
            let label = label_of(tx, seat.bal, tag.as_deref())?;
            let which = asked.filter.which_of(person, label.is_some());
            let threads = asked.threads && plain && label.is_none();
            let (listed, more) = look(tx, &asked, which, threads, without.as_ref(), label.as_ref())?;
            let mut end = |oldest_first| -> Result<Option<Timestamp>, StoreError> {
                let first = View { oldest_first, from: None, limit: 1, ..asked.clone() };
                let (rows, _) = look(tx, &first, Which::All, false, without.as_ref(), None)?;
                Ok(rows.first().map(|l| Timestamp(l.entry.internal_date)))
            };
            let span = end(true)?.zip(end(false)?);
            let known = listed.iter().all(|l| l.mark.traits != 0);
            let complete = known && (!asked.filter.needs_marks() || lists::unknown(tx, seat.bal, 1)?.is_empty());
            if let Some(marks) = &without {
                marks.uncount(tx, std::slice::from_mut(&mut folder))?;
            }
            let beside = Beside::of(tx, seat.bal, &listed.iter().collect::<Vec<_>>(), threads.then_some(folder.id))?;
            Ok(Seen { bal, folder, listed, more, span, complete, threads, beside })
        });
        let seen = read.await?;
        let name = {
            let seal = self.bal_seal(seat.bal).await?;
            let name = seal.open_folder_name(seen.folder.id, &seen.folder.name_sealed);
            name.map_err(|e| refuse::store(&e))?
        };
        if !actor.sees_folder(&name) {
            return Err(RefusalCode::FolderUnknown.into());
        }
        if !seen.complete {
            self.want_known(seat.bal).await?;
        }
        if view.from.is_none() {
            let entries = usize::try_from(seen.folder.counts.messages).unwrap_or_default();
            self.note_reading(actor, (seat.bal, seen.bal), Read::Folder(seen.folder.id, entries, false)).await?;
        }
        let status = FolderStatus::of(&seen.folder);
        let folder = Folder::of(&seen.folder, name);
        let outward = matches!(folder.special_use, Some(SpecialUse::Sent | SpecialUse::Drafts));
        let listed = seen.listed.into_iter().map(|l| (l, outward)).collect();
        let mut rows = self.dress(actor, listed, &seen.beside).await?;
        if !seen.threads {
            rows.iter_mut().for_each(|row| row.in_thread = 1);
        }
        Ok(Listing { folder, status, rows, more: seen.more, span: seen.span, complete: seen.complete })
    }

    /// The conversation of a message, newest first, wherever its messages are in the BAL; the message alone where it is in none.
    ///
    /// # Errors
    /// `entry.unknown`; `right.missing`.
    #[boxed]
    pub async fn conversation(&self, actor: &Actor, message: Id) -> Result<Vec<(Folder, Row)>, Refusal> {
        let seat = self.seat(actor)?;
        let summary = self.summaries(actor, &[message]).await?.into_iter().next().ok_or(RefusalCode::EntryUnknown)?;
        let thread = self.thread_number(seat.bal, summary.summary.thread_root(), message);
        let without = self.kept_from(actor);
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            let mut found = lists::conversation(tx, seat.bal, thread, CONVERSATION)?;
            if let Some(marks) = &without {
                let mut entries: Vec<EntryRow> = found.iter().map(|(_, l)| l.entry.clone()).collect();
                let kept: HashSet<Id> = marks.take(tx, &mut entries)?.iter().map(|e| e.message).collect();
                found.retain(|(_, l)| !kept.contains(&l.entry.message));
            }
            let beside = Beside::of(tx, seat.bal, &found.iter().map(|(_, l)| l).collect::<Vec<_>>(), None)?;
            Ok((found, beside))
        });
        let (mut found, beside) = read.await?;
        // A message that was copied stands there once, where it is newest.
        let mut once = HashSet::new();
        found.retain(|(_, l)| once.insert(l.entry.message));
        let folders: HashMap<Id, Folder> = self.folders(actor).await?.into_iter().map(|f| (f.id, f)).collect();
        found.retain(|(folder, _)| folders.contains_key(folder));
        let outward = |id: &Id| {
            matches!(folders.get(id).and_then(|f| f.special_use), Some(SpecialUse::Sent | SpecialUse::Drafts))
        };
        let places: Vec<Id> = found.iter().map(|(folder, _)| *folder).collect();
        let listed = found.into_iter().map(|(folder, l)| (l, outward(&folder))).collect();
        let dressed = self.dress(actor, listed, &beside).await?;
        let placed = places.iter().zip(dressed).filter_map(|(id, row)| Some((folders.get(id)?.clone(), row)));
        Ok(placed.collect())
    }

    /// Rows with what their messages say. `true`: to whom it is rather than from whom.
    async fn dress(&self, actor: &Actor, listed: Vec<(Listed, bool)>, beside: &Beside) -> Result<Vec<Row>, Refusal> {
        let seat = self.seat(actor)?;
        let seal = self.bal_seal(seat.bal).await?;
        let mut words = Words::open(&seal, &beside.words).map_err(|e| refuse::store(&e))?;
        let ids: Vec<Id> = listed.iter().map(|(l, _)| l.entry.message).collect();
        let told = self.summaries(actor, &ids).await?;
        let told: HashMap<Id, &MessageSummary> = told.iter().map(|m| (m.message, m.as_ref())).collect();
        let mut previews = self.first_words(actor, &ids).await?;
        let row = |(listed, outward): (Listed, bool)| {
            let entry = words.entry(&listed.entry);
            let envelope = told.get(&entry.message).map(|m| &m.summary.envelope);
            let people = envelope.map(|e| if outward { &e.to } else { &e.from });
            let (all, unread) = beside.counts.get(&listed.mark.thread).copied().unwrap_or((1, 0));
            Row {
                uid: entry.uid,
                message: entry.message,
                email: self.email_object(entry.message),
                date: entry.internal_date,
                who: people.into_iter().flatten().filter_map(person).collect(),
                subject: envelope.and_then(|e| e.subject.as_deref()).map(|s| decoded(s.as_bytes())).unwrap_or_default(),
                preview: previews.remove(&entry.message).filter(|text| !text.is_empty()),
                flags: entry.flags,
                size: entry.size,
                attached: listed.mark.traits & Mark::ATTACHED != 0,
                patient: listed.mark.traits & Mark::PATIENT != 0,
                thread: listed.mark.thread,
                in_thread: narrow(all),
                unread_in_thread: narrow(unread),
                with: beside.with.get(&listed.mark.thread).cloned(),
                noted: beside.noted.0.contains(&entry.message) || beside.noted.1.contains(&listed.mark.thread),
                sent: told.get(&entry.message).filter(|_| outward).and_then(|m| self.sent_under(m)),
            }
        };
        Ok(listed.into_iter().map(row).collect())
    }

    /// The first words of messages, as far as they are made or can be made in a moment.
    async fn first_words(&self, actor: &Actor, ids: &[Id]) -> Result<HashMap<Id, String>, Refusal> {
        let begun = Instant::now();
        let mut words = self.previews(actor, ids, true).await?;
        let missing: Vec<Id> = ids.iter().copied().filter(|id| !words.contains_key(id)).collect();
        for few in missing.chunks(5) {
            if begun.elapsed() >= PATIENCE {
                break;
            }
            words.extend(self.previews(actor, few, false).await?);
        }
        Ok(words)
    }

    /// What lists know of a message.
    pub(crate) fn list_mark(&self, bal: Id, message: Id, summary: &Summary) -> Mark {
        let envelope = &summary.envelope;
        let domain = |a: &MailAddress| a.host.as_deref().and_then(|host| host.parse::<DomainName>().ok());
        let mut parties = [&envelope.from, &envelope.to, &envelope.cc].into_iter().flatten().filter_map(domain);
        let mut traits = Mark::KNOWN;
        if summary.has_attachment {
            traits |= Mark::ATTACHED;
        }
        if parties.any(|domain| self.is_patients(&domain)) {
            traits |= Mark::PATIENT;
        }
        Mark { thread: self.thread_number(bal, summary.thread_root(), message), traits }
    }

    /// Asks for what lists do not know yet.
    async fn want_known(&self, bal: Id) -> Result<(), Refusal> {
        let job = self.job(Kind::Listing, bal.to_string(), Vec::new(), Duration::ZERO);
        self.0.store.write::<_, Fail, _>(move |tx| Ok(jobs::ensure(tx, &job)?)).await?;
        self.wake_jobs();
        Ok(())
    }

    /// Makes known to lists what an earlier program left unknown: conversations and traits.
    pub(crate) async fn make_known(&self, bal: Id, stop: &CancellationToken) -> Result<(), Refusal> {
        let mut any = false;
        while !stop.is_cancelled() {
            let read = self.0.store.read::<_, StoreError, _>(move |tx| {
                let unknown = lists::unknown(tx, bal, AT_ONCE)?;
                let mut ids: Vec<Id> = unknown.iter().map(|(_, _, message)| *message).collect();
                ids.sort_unstable();
                ids.dedup();
                let found = messages::summaries(tx, bal, &ids)?;
                ids.truncate(found.told);
                Ok((unknown, ids, found.rows))
            });
            let (unknown, ids, summaries) = read.await.map_err(|e| refuse::store(&e))?;
            if unknown.is_empty() {
                break;
            }
            let seal = match self.0.store.vault().bal_key(bal).await {
                // The BAL is closed, and soon there is nothing left to list.
                Err(StoreError::NoKey) => return Ok(()),
                key => BalSeal::new(bal, key.map_err(|e| refuse::store(&e))?),
            };
            let (mut room, mut marks) = (Vec::new(), HashMap::with_capacity(ids.len()));
            for id in ids {
                let opened = summaries.get(&id).map(|row| MessageSummary::open(&seal, row, &mut room)).transpose();
                let mark = match opened {
                    Ok(Some(message)) => self.list_mark(bal, id, &message.summary),
                    Ok(None) => Mark { thread: self.thread_number(bal, None, id), traits: Mark::KNOWN },
                    Err(e) => {
                        damaged(id, &e)?;
                        Mark { thread: self.thread_number(bal, None, id), traits: Mark::KNOWN }
                    }
                };
                marks.insert(id, mark);
            }
            let known: Vec<(Id, i64, Mark)> = unknown
                .into_iter()
                .filter_map(|(folder, uid, message)| Some((folder, uid, *marks.get(&message)?)))
                .collect();
            let write = self.0.store.write::<_, StoreError, _>(move |tx| {
                access::lock(tx, bal)?;
                known.iter().try_for_each(|(folder, uid, mark)| lists::make_known(tx, *folder, *uid, *mark))
            });
            write.await.map_err(|e| refuse::store(&e))?;
            any = true;
        }
        if any {
            self.0.watch.notify(bal);
        }
        if stop.is_cancelled() { Err(RefusalCode::Unavailable.into()) } else { Ok(()) }
    }
}

/// Name and address of somebody of an address list; none for the markers of groups.
fn person(address: &MailAddress) -> Option<(String, String)> {
    let (mailbox, host) = (address.mailbox.as_deref()?, address.host.as_deref()?);
    let name = address.name.as_deref().map(|name| decoded(name.as_bytes())).unwrap_or_default();
    Some((name, if host.is_empty() { mailbox.to_owned() } else { format!("{mailbox}@{host}") }))
}
