//! FETCH (RFC 9051 §6.4.5; CHANGEDSINCE and MODSEQ RFC 7162 §3.1.4, §3.1.7; BINARY RFC 3516).
//!
//! Summaries come by pages that adapt to their weight; content is streamed by pieces of 64 KiB, so a message of any size
//! holds little memory. A message that was expunged elsewhere is left out and the command ends `NO [EXPUNGEISSUED]`
//! (RFC 2180 §4.1); so is one that is damaged, and the command ends `NO [CORRUPTION]` (RFC 5530 §3).
//!
//! `\Seen` is set for what was given to the connection, a page at a time and in one act: a connection that dies leaves nothing read that nobody received. The
//! last message of a page (the only one, mostly) ends with its new flags; those before it are told theirs in a response of their own.
mod binary;
mod content;
mod extra;
mod item;

use crate::codec::command::{Fetch, FetchItem};
use crate::codec::flags;
use crate::session::{Code, Done, Reply, Session, Stop, write_fetch};
use crate::view::View;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::{Entry, FlagChange, FlagSet, Flags};
use sceau_operator::mailbox::read::{MessageReader, MessageSummary};
use std::collections::HashMap;
use std::sync::Arc;

/// Messages of the first page; the next ones grow or shrink with what summaries weigh.
const PAGE_FIRST: usize = 32;
/// Messages of the largest page.
const PAGE_MAX: usize = 500;
/// What the summaries of a page should weigh, bytes in memory.
const PAGE_WEIGHT: usize = 2 << 20;
/// Messages whose flags alone are told between two looks at the buffer.
const RELIEVE_EVERY: usize = 64;

/// What the items need.
#[derive(Debug, Clone, Copy)]
struct Needs {
    summary: bool,
    sets_seen: bool,
}

/// One message to tell.
struct Message<'a> {
    entry: &'a Entry,
    seq: u32,
    summary: Option<&'a MessageSummary>,
    extras: &'a extra::Extras,
    /// `\Seen` is set for the page before this one ends; FLAGS and MODSEQ come last then, as they are after it.
    ends_page: bool,
}

/// Messages of a page of which the client was told something that sets `\Seen`.
#[derive(Debug, Default)]
struct Read {
    /// Those whose flag is still to be set, by UID.
    waiting: Vec<u32>,
    /// Those whose flag was set.
    set: Vec<u32>,
    /// The session did not know all their keywords.
    new_keywords: bool,
}

/// Why a message could not be told in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missed {
    /// Expunged elsewhere.
    Gone,
    /// Its transfer encoding is unknown (BINARY).
    Encoding,
    /// What is kept of it cannot be read.
    Damaged,
}

impl Missed {
    /// The one that is told: the first, but damage before all.
    fn or(self, before: Option<Self>) -> Option<Self> {
        before.filter(|_| self != Self::Damaged).or(Some(self))
    }
}

pub(crate) async fn run(s: &mut Session, fetch: &Fetch) -> Done {
    let actor = s.reader()?;
    if fetch.vanished && !s.enabled.qresync {
        return Err(Stop::sequence("QRESYNC is not enabled"));
    }
    let uid_only = s.out.uid_only();
    let view = s.view()?;
    let mut targets: Vec<usize> = view.resolve(&fetch.set, fetch.uid)?;
    let most = s.config.message_limit;
    // RFC 9738 §3.1: who asks for a range counts himself.
    if fetch.partial.is_some_and(|range| most.is_some_and(|most| range.most() > most)) {
        return Err(s.over(None));
    }
    let view = s.view()?;
    // RFC 9394 §3.4: the range is one of the messages named; which of them changed is asked then.
    if let Some(range) = fetch.partial {
        let window = range.window(targets.len());
        targets = targets.get(window).unwrap_or_default().to_vec();
    }
    if let Some(since) = fetch.changed_since {
        targets.retain(|&i| view.entry(i).is_some_and(|e| e.modseq > since));
    }
    let read_only = view.read_only;
    let targets = s.limit(targets, |s, &i| Some(s.view.as_ref()?.entry(i)?.uid));
    let items = items(fetch, uid_only);
    if items.contains(&FetchItem::ModSeq) {
        s.enable_condstore();
    }
    if let Some(since) = fetch.changed_since.filter(|_| fetch.vanished) {
        s.tell_gone(&fetch.set, since).await?;
    }
    let needs = needs(&items, read_only);
    let mut missed = None;
    let small = needs.summary || needs.sets_seen || items.iter().any(|item| matches!(item, FetchItem::Preview { .. }));
    let mut page = if small { PAGE_FIRST } else { PAGE_MAX };
    let mut rest = targets.as_slice();
    while !rest.is_empty() {
        let now = rest.get(..page).unwrap_or(rest);
        let (told, next) = run_page(s, &actor, now, &items, needs, page, &mut missed).await?;
        rest = rest.get(told.max(1)..).unwrap_or_default();
        page = next;
    }
    match missed {
        None => Ok(Reply::Ok),
        // A UID that is not there is no error (RFC 9051 §6.4.9).
        Some(Missed::Gone) if fetch.uid => Ok(Reply::Ok),
        Some(Missed::Gone) => Ok(Reply::Partly(Code::ExpungeIssued, RefusalCode::EntryUnknown.into())),
        Some(Missed::Encoding) => {
            let refusal = Refusal::new(RefusalCode::MessageTooComplex).with("cause", "Content-Transfer-Encoding");
            Ok(Reply::Partly(Code::UnknownCte, refusal))
        }
        Some(Missed::Damaged) => Err(RefusalCode::MessageDamaged.into()),
    }
}

/// The first messages of a page, as many as may be held together; how many, and the size of the next page.
async fn run_page(
    s: &mut Session,
    actor: &Actor,
    indexes: &[usize],
    items: &[FetchItem],
    needs: Needs,
    page: usize,
    missed: &mut Option<Missed>,
) -> Result<(usize, usize), Stop> {
    let mut indexes = indexes;
    let mut summaries: HashMap<i64, Arc<MessageSummary>> = HashMap::new();
    let mut damaged: Vec<i64> = Vec::new();
    let mut next = page;
    if needs.summary {
        let view: &View = s.view()?;
        let ids: Vec<i64> = indexes.iter().filter_map(|&i| Some(view.entry(i)?.message)).collect();
        let found = s.operator.summaries_page(actor, &ids).await?;
        let weight: usize = found.found.iter().map(|m| m.weight()).sum();
        let each = (weight / found.found.len().max(1)).max(1);
        next = (PAGE_WEIGHT / each).clamp(1, PAGE_MAX).min(page.saturating_mul(2));
        indexes = indexes.get(..found.told.max(1)).unwrap_or(indexes);
        damaged = found.damaged;
        summaries.extend(found.found.into_iter().map(|m| (m.message, m)));
    }
    // Entries leave the view while the page is told: nothing changes sequence numbers in between.
    let entries: Vec<(usize, Entry)> = {
        let view: &View = s.view()?;
        indexes.iter().filter_map(|&i| Some((i, view.entry(i)?.clone()))).collect()
    };
    let extras = extra::read(s, actor, items, &entries).await?;
    let mut read = Read::default();
    for (n, (index, entry)) in entries.iter().enumerate() {
        let summary = summaries.get(&entry.message).map(Arc::as_ref);
        if needs.summary && summary.is_none() {
            let why = if damaged.contains(&entry.message) { Missed::Damaged } else { Missed::Gone };
            *missed = why.or(*missed);
            continue;
        }
        let seq = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let unread = needs.sets_seen && !entry.flags.system.has(Flags::SEEN);
        let ends_page = unread && n + 1 == entries.len();
        let message = Message { entry, seq, summary, extras: &extras, ends_page };
        // However long the answer is, it ends with the right to it.
        s.still_here().await?;
        // What one message says is not compressed with what another one says.
        s.part().await?;
        match tell(s, actor, &message, items, &mut read).await? {
            Some(why) => *missed = why.or(*missed),
            None if unread && !ends_page => read.waiting.push(entry.uid),
            None => {}
        }
        if n % RELIEVE_EVERY == 0 {
            s.relieve().await?;
        }
    }
    set_seen(s, actor, &mut read).await?;
    tell_read(s, &read).await?;
    s.relieve().await?;
    Ok((indexes.len(), next))
}

/// `* n FETCH (…)` of one message.
async fn tell(
    s: &mut Session,
    actor: &Actor,
    message: &Message<'_>,
    items: &[FetchItem],
    read: &mut Read,
) -> Result<Option<Missed>, Stop> {
    // What may be refused is opened before the first byte is written.
    let mut reader: Option<MessageReader> = None;
    if items.iter().any(|item| content::needs_reader(item, message.summary)) {
        match s.operator.open_message(actor, message.entry.message).await {
            Ok(opened) => reader = Some(opened),
            Err(refusal) if refusal.code == RefusalCode::EntryUnknown => return Ok(Some(Missed::Gone)),
            Err(refusal) if refusal.code == RefusalCode::MessageDamaged => return Ok(Some(Missed::Damaged)),
            Err(refusal) => return Err(refusal.into()),
        }
    }
    if items.iter().any(|item| binary::unknown_encoding(item, message.summary)) {
        return Ok(Some(Missed::Encoding));
    }
    s.out.fetch(message.seq, message.entry.uid);
    let mut first = true;
    let mut missed = None;
    let later = |item: &FetchItem| message.ends_page && matches!(item, FetchItem::Flags | FetchItem::ModSeq);
    for item in items.iter().filter(|item| !later(item)) {
        s.out.raw(if std::mem::take(&mut first) { "" } else { " " });
        let why = match item {
            FetchItem::Binary { .. } | FetchItem::BinarySize(_) => {
                binary::write(s, message, item, reader.as_mut()).await?
            }
            FetchItem::Rfc822 | FetchItem::Rfc822Header | FetchItem::Rfc822Text | FetchItem::Section(_) => {
                content::write(s, message, item, reader.as_mut()).await?
            }
            item => {
                if extra::is(item) {
                    extra::write(s, actor, message, item);
                } else {
                    item::write(&mut s.out, message, item);
                }
                None
            }
        };
        missed = why.map_or(missed, |why| why.or(missed));
        // A thousand items of a megabyte are asked for in one line.
        s.relieve().await?;
    }
    let mut done = Ok(());
    if message.ends_page {
        if missed.is_none() {
            read.waiting.push(message.entry.uid);
        }
        done = set_seen(s, actor, read).await;
        if !matches!(done, Err(Stop::End(_))) {
            end_read(s, message, items, read)?;
        }
    }
    s.out.raw(")").end();
    done.map(|()| missed)
}

/// What a message that ends its page says of its flags: as they are now.
fn end_read(s: &mut Session, message: &Message<'_>, items: &[FetchItem], read: &mut Read) -> Result<(), Stop> {
    let uid = message.entry.uid;
    let before = read.set.len();
    read.set.retain(|u| *u != uid);
    let changed = read.set.len() < before;
    let (condstore, qresync) = (s.enabled.condstore, s.enabled.qresync && !s.out.uid_only());
    let view = s.view()?;
    let now = view.index_of(uid).and_then(|i| view.entry(i)).unwrap_or(message.entry).clone();
    if changed || items.contains(&FetchItem::Flags) {
        s.out.raw(" FLAGS ").flags(&now.flags);
    }
    if (changed && condstore) || items.contains(&FetchItem::ModSeq) {
        s.out.raw(" MODSEQ (").num(now.modseq).raw(")");
    }
    // RFC 7162 §3.2.4: a change of flags names its message.
    if changed && qresync && !items.contains(&FetchItem::Uid) {
        s.out.raw(" UID ").num(uid);
    }
    Ok(())
}

/// What was asked, and what the command's form adds: UID of UID FETCH (a UIDFETCH response begins with it), MODSEQ of CHANGEDSINCE.
fn items(fetch: &Fetch, uid_only: bool) -> Vec<FetchItem> {
    let mut items = fetch.items.clone();
    if fetch.changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
        items.push(FetchItem::ModSeq);
    }
    if fetch.uid && !uid_only && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    items
}

fn needs(items: &[FetchItem], read_only: bool) -> Needs {
    use FetchItem as I;
    let summary = |item: &I| match item {
        I::Flags | I::Uid | I::InternalDate | I::Size | I::ModSeq | I::Rfc822 => false,
        item => *item == I::ThreadId || !extra::is(item),
    };
    let sets_seen = |item: &I| match item {
        I::Rfc822 | I::Rfc822Text => true,
        I::Section(section) => !section.peek,
        I::Binary { peek, .. } => !peek,
        _ => false,
    };
    Needs { summary: items.iter().any(summary), sets_seen: !read_only && items.iter().any(sets_seen) }
}

/// Sets `\Seen` of what was told, once the connection has it.
async fn set_seen(s: &mut Session, actor: &Actor, read: &mut Read) -> Result<(), Stop> {
    if read.waiting.is_empty() {
        return Ok(());
    }
    s.send().await?;
    let uids = std::mem::take(&mut read.waiting);
    let (folder, seen) = (s.view()?.folder.id, FlagSet::of(Flags::SEEN));
    let changed = s.operator.change_flags(actor, folder, &uids, FlagChange::Add, seen.clone(), None).await;
    let (after, _) = changed?;
    read.set.extend(after.iter().map(|e| e.uid));
    let (_, new_keywords) = s.view()?.stored(after, true, |f| flags::apply(f, FlagChange::Add, &seen));
    read.new_keywords |= new_keywords;
    Ok(())
}

/// Tells the flags of the messages of a page that were read, after their content.
async fn tell_read(s: &mut Session, read: &Read) -> Result<(), Stop> {
    if read.new_keywords {
        s.tell_flags();
    }
    let condstore = s.enabled.condstore;
    for uid in &read.set {
        if let Some(view) = &s.view
            && let Some(index) = view.index_of(*uid)
        {
            write_fetch(&mut s.out, view, index, true, condstore);
        }
        s.relieve().await?;
    }
    Ok(())
}
