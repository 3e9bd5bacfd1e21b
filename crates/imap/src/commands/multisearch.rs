//! ESEARCH, the search of several mailboxes (RFC 7377): one answer for each in which something was found, in UIDs.
//!
//! A mailbox that is not there, or not this person's to read, is left out (§2.2); each that is searched is opened, and the opening traced, as
//! EXAMINE does. They are searched one after the other: the entries of one are held at a time. The selected one is searched as the session sees it.
//!
//! RFC 9738 does not speak of it. A command that names one mailbox is limited like SEARCH. How far one went in several no response code can say: where they hold
//! more messages than one command works on, it ends `NO [MESSAGELIMIT n]`, as SORT does; what was told of the first ones is whole.
use super::found::{extended, highest_modseq, last_ones, looked_at, one_charset, picked, unknown_charset};
use super::query::{Ground, names_modseq};
use super::settle::settle;
use crate::codec::MailboxName;
use crate::codec::command::{MultiSearch, SearchReturn, Source};
use crate::session::{Done, Mailboxes, Reply, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::Entry;
use sceau_operator::mailbox::search::Query;
use std::collections::HashSet;

/// A mailbox to search.
struct Target {
    /// Who reads it.
    actor: Actor,
    /// Its name within the BAL, and as the client writes it.
    name: String,
    shown: String,
}

/// How many messages the command may still look at (MESSAGELIMIT).
#[derive(Debug, Clone, Copy)]
struct Room {
    left: Option<u32>,
    /// It names one mailbox: the last ones of it are looked at.
    one: bool,
}

impl Room {
    fn new(most: Option<u32>, sources: &[Source]) -> Self {
        let one = match sources {
            [Source::Inboxes] => true,
            [Source::Mailboxes(names)] => names.len() == 1,
            sources => sources.iter().all(|source| *source == Source::Selected),
        };
        Self { left: most, one }
    }
    /// From which entry on a mailbox is searched, and the UID of that one when those before it are left out; none when there is no room for it.
    fn take(&mut self, entries: &[Entry], query: &Query) -> Option<(usize, Option<u32>)> {
        let Some(left) = self.left else { return Some((0, None)) };
        if self.one {
            let lowest = last_ones(self.left, entries, query);
            return Some((lowest.unwrap_or(0), lowest.and_then(|from| entries.get(from)).map(|e| e.uid)));
        }
        let asked = looked_at(entries, query, left as usize + 1);
        self.left = Some(left.checked_sub(u32::try_from(asked).ok()?)?);
        Some((0, None))
    }
}

pub(crate) async fn run(s: &mut Session, tag: &str, multi: &MultiSearch) -> Done {
    s.actor()?;
    let search = &multi.search;
    let selected = |source: &Source| *source == Source::Selected;
    if multi.sources.iter().any(selected) {
        s.view()?;
    }
    let saves = search.returns.is_some_and(|r| r.save);
    if saves && !multi.sources.iter().all(selected) {
        return Err(Stop::syntax("SAVE is for the selected mailbox alone"));
    }
    one_charset(s, search)?;
    if search.bad_charset {
        if saves {
            s.view()?.save(Vec::new());
        }
        return Err(unknown_charset());
    }
    if names_modseq(&search.key) {
        s.enable_condstore();
    }
    let mut searched = HashSet::new();
    let mut room = Room::new(s.config.message_limit, &multi.sources);
    for source in &multi.sources {
        if *source == Source::Selected {
            if searched.insert(s.view()?.folder.id) {
                here(s, tag, multi, &mut room).await?;
            }
            continue;
        }
        for target in targets(s, source).await? {
            let folder = match s.operator.folder(&target.actor, &target.name).await {
                Ok(folder) => folder,
                Err(refusal) => match left_out(refusal) {
                    Ok(()) => continue,
                    Err(refusal) => return Err(refusal.into()),
                },
            };
            if !searched.insert(folder.id) {
                continue;
            }
            if s.view.as_ref().is_some_and(|view| view.folder.id == folder.id) {
                here(s, tag, multi, &mut room).await?;
            } else {
                there(s, tag, multi, &target, &mut room).await?;
            }
        }
    }
    Ok(Reply::Ok)
}

/// What was asked to be told.
fn returns(multi: &MultiSearch) -> SearchReturn {
    multi.search.returns.unwrap_or(SearchReturn { all: true, ..SearchReturn::default() })
}

/// A mailbox that is gone, or whose access has ended, is left out; another refusal ends the command.
fn left_out(refusal: Refusal) -> Result<(), Refusal> {
    match refusal.code {
        RefusalCode::FolderUnknown | RefusalCode::FolderName | RefusalCode::RightMissing => Ok(()),
        _ => Err(refusal),
    }
}

/// Searches the selected mailbox.
async fn here(s: &mut Session, tag: &str, multi: &MultiSearch, room: &mut Room) -> Result<(), Stop> {
    let (operator, reader, r) = (s.operator.clone(), s.reader()?, returns(multi));
    let view = s.view()?;
    let key = settle(&operator, &reader, (view.folder.id, view.entries()), &multi.search.key).await?;
    let query = Ground::new(view.entries(), view.saved(), operator.clock().now()).query(&key, false);
    let Some((from, lowest)) = room.take(view.entries(), &query) else { return Err(s.over(None)) };
    s.limited = lowest;
    // Nothing is told of the mailbox while it is searched.
    let view = s.view.take();
    let entries = view.as_ref().and_then(|v| v.entries().get(from..)).unwrap_or_default();
    let found = s.patiently(operator.search(&reader, entries, &query)).await;
    s.view = view;
    let found = match found? {
        Ok(found) => found,
        Err(refusal) => {
            if r.save {
                s.view()?.save(Vec::new());
            }
            return Err(refusal.into());
        }
    };
    s.still_here().await?;
    let view = s.view()?;
    let entries: Vec<_> = found.iter().filter_map(|&u| view.entry(view.index_of(u)?)).collect();
    let scores = if r.relevancy { operator.relevance(&reader, &entries, &query).await? } else { Vec::new() };
    let told = picked(&found, r);
    let modseq = names_modseq(&multi.search.key).then(|| highest_modseq(view, &told)).flatten();
    if r.save {
        view.save(told);
    }
    let (shown, uidvalidity) = (view.shown.clone(), view.folder.uidvalidity);
    if !found.is_empty() {
        extended(s, tag, Some((&shown, uidvalidity)), true, r, &found, (modseq, &scores)).await?;
    }
    Ok(())
}

/// Searches another one.
async fn there(s: &mut Session, tag: &str, multi: &MultiSearch, target: &Target, room: &mut Room) -> Result<(), Stop> {
    let (operator, r) = (s.operator.clone(), returns(multi));
    let open = match operator.open_folder(&target.actor, &target.name, true).await {
        Ok(open) => open,
        Err(refusal) => return left_out(refusal).map_err(Stop::from),
    };
    // Nothing was saved of a mailbox that is not selected.
    let key = match settle(&operator, &target.actor, (open.folder.id, &open.entries), &multi.search.key).await {
        Ok(key) => key,
        Err(refusal) => return left_out(refusal).map_err(Stop::from),
    };
    let query = Ground::new(&open.entries, &[], operator.clock().now()).query(&key, false);
    let Some((from, lowest)) = room.take(&open.entries, &query) else { return Err(s.over(None)) };
    s.limited = lowest;
    let entries = open.entries.get(from..).unwrap_or_default();
    let found = match s.patiently(operator.search(&target.actor, entries, &query)).await? {
        Ok(found) => found,
        Err(refusal) => return left_out(refusal).map_err(Stop::from),
    };
    let entry = |uid: &u32| open.entries.binary_search_by_key(uid, |e| e.uid).ok().map(|i| &open.entries[i]);
    let scores = if r.relevancy && !found.is_empty() {
        let entries: Vec<_> = found.iter().filter_map(entry).collect();
        operator.relevance(&target.actor, &entries, &query).await?
    } else {
        Vec::new()
    };
    let told = picked(&found, r);
    let by_modseq = names_modseq(&multi.search.key);
    let modseq = by_modseq.then(|| told.iter().filter_map(entry).map(|e| e.modseq).max()).flatten();
    s.still_here().await?;
    if !found.is_empty() {
        let mailbox = Some((target.shown.as_str(), open.folder.uidvalidity));
        extended(s, tag, mailbox, true, r, &found, (modseq, &scores)).await?;
    }
    Ok(())
}

/// The mailboxes that a source names.
async fn targets(s: &mut Session, source: &Source) -> Result<Vec<Target>, Stop> {
    Ok(match source {
        // Searched where it stands.
        Source::Selected => Vec::new(),
        // Mail is delivered to INBOX alone.
        Source::Inboxes => among(s.mailboxes(&[], false).await?, |shown, _| shown == "INBOX"),
        Source::Personal => among(s.mailboxes(&[], false).await?, |_, _| true),
        Source::Subscribed => among(s.mailboxes(&["*".to_owned()], true).await?, |_, subscribed| subscribed),
        Source::Subtree(names) => below(s, names, false).await?,
        Source::SubtreeOne(names) => below(s, names, true).await?,
        Source::Mailboxes(names) => {
            let mut targets = Vec::new();
            for name in names {
                match s.place(name).await {
                    Ok(place) => targets.push(Target { actor: place.actor, name: place.name, shown: place.shown }),
                    Err(Stop::No(refusal)) => left_out(refusal)?,
                    Err(stop) => return Err(stop),
                }
            }
            targets
        }
    })
}

/// Those of these mailboxes (by name, and whether they are subscribed) that are wanted.
fn among(all: Mailboxes, wanted: impl Fn(&str, bool) -> bool) -> Vec<Target> {
    let Mailboxes { actors, list } = all;
    let target = |mailbox: crate::session::Mailbox| {
        let folder = mailbox.folder.filter(|f| wanted(&mailbox.shown, f.subscribed))?;
        Some(Target { actor: actors.get(mailbox.seat)?.clone(), name: folder.name, shown: mailbox.shown })
    };
    list.into_iter().filter_map(target).collect()
}

/// Mailboxes and what is below them: all levels, or one.
async fn below(s: &mut Session, names: &[MailboxName], one: bool) -> Result<Vec<Target>, Stop> {
    let mut targets = Vec::new();
    for name in names {
        // A name that nobody can have names nothing.
        let Some(top) = name.decode(s.out.utf8()) else { continue };
        let inside = |shown: &str| {
            let rest = shown.strip_prefix(top.as_str());
            rest.is_some_and(|rest| match rest.strip_prefix('/') {
                Some(level) => !one || !level.contains('/'),
                None => rest.is_empty(),
            })
        };
        // Wildcards are part of the name here: what they also match is not inside.
        let patterns = [top.clone(), format!("{top}/*")];
        targets.extend(among(s.mailboxes(&patterns, true).await?, |shown, _| inside(shown)));
    }
    Ok(targets)
}
