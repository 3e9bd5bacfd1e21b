//! What a client asked to hear without asking (NOTIFY, RFC 5465), and telling it: the selected mailbox through its view, the others by what
//! changed between two overviews of their BAL.
//!
//! Promises: a burst of changes costs one look; what is remembered of the other mailboxes is bounded ([`crate::ImapConfig::notify_folders`]), and
//! beyond it the client is told that it hears nothing any more (RFC 5465 §5.8); a mailbox of a BAL whose access ended is told as gone.
use super::{End, Session, Stop};
use crate::codec::command::{Fetch, FetchItem, StatusItem};
use crate::codec::notify::Events;
use crate::codec::sequence::{Bound, SequenceSet};
use crate::commands;
use sceau_operator::Actor;
use sceau_operator::mailbox::folders::{Folder, FolderStatus};
use sceau_operator::watch::Watch;
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::task::Poll;

/// STATUS of a mailbox that changed (RFC 5465 §5.1–§5.3), HIGHESTMODSEQ only where CONDSTORE is enabled.
const ITEMS: [StatusItem; 5] =
    [StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity, StatusItem::Unseen, StatusItem::HighestModSeq];

/// What was asked for. The default is nothing at all.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Events of the selected mailbox; none: it is left as it is.
    pub selected: Option<Selected>,
    /// The first group that names a mailbox counts.
    pub groups: Vec<Group>,
    /// Some group asks for annotations.
    pub annotations: bool,
    /// BALs whose mailboxes may be concerned; the session's own is first.
    pub bals: Vec<Followed>,
}

/// Message events of the selected mailbox (RFC 5465 §6.1).
#[derive(Debug)]
pub(crate) struct Selected {
    /// EXPUNGE waits for a command.
    pub delayed: bool,
    /// FlagChange.
    pub flags: bool,
    /// What to tell of a new message.
    pub fetch: Vec<FetchItem>,
}

/// Events of other mailboxes.
#[derive(Debug)]
pub(crate) struct Group {
    pub which: Which,
    pub events: Events,
}

/// Which mailboxes, by their names as the client writes them.
#[derive(Debug)]
pub(crate) enum Which {
    Inboxes,
    Personal,
    Subscribed,
    Subtree(Vec<String>),
    Mailboxes(Vec<String>),
}

impl Which {
    fn has(&self, name: &str, own: bool, subscribed: bool) -> bool {
        match self {
            // All mail is delivered there.
            Self::Inboxes => own && name == "INBOX",
            Self::Personal => own,
            Self::Subscribed => subscribed,
            Self::Subtree(tops) => tops
                .iter()
                .any(|top| name.strip_prefix(top.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'))),
            Self::Mailboxes(names) => names.iter().any(|n| n == name),
        }
    }
}

/// One BAL whose mailboxes are followed.
#[derive(Debug)]
pub(crate) struct Followed {
    actor: Actor,
    watch: Watch,
    /// What its folders' names begin with, as the client writes them; empty for the session's own BAL.
    prefix: String,
    folders: BTreeMap<i64, Known>,
    /// Annotations by folder (0: the server's) and name, with an id that is another one each time they are set.
    annotations: BTreeMap<(i64, String), i64>,
}

/// A folder as it was told, or could have been.
#[derive(Debug)]
struct Known {
    /// As the client writes it.
    name: String,
    subscribed: bool,
    status: FolderStatus,
}

impl Followed {
    /// Follows a BAL from now on; what changed before the first look is not told.
    pub fn new(session: &Session, actor: Actor, prefix: String) -> Self {
        Self {
            watch: session.operator.watch(&actor),
            actor,
            prefix,
            folders: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
    pub fn bal(&self) -> Option<i64> {
        self.actor.bal.as_ref().map(|b| b.id)
    }
    fn own(&self) -> bool {
        self.prefix.is_empty()
    }
    fn known(&self, folder: Folder, status: FolderStatus) -> (i64, Known) {
        let name = if self.own() { folder.name } else { format!("{}{}", self.prefix, folder.name) };
        (folder.id, Known { name, subscribed: folder.subscribed, status })
    }
}

impl Wishes {
    /// Events of a mailbox that is not the selected one.
    fn events(&self, name: &str, own: bool, subscribed: bool) -> Option<&Events> {
        self.groups.iter().find(|g| g.which.has(name, own, subscribed)).map(|g| &g.events)
    }
    /// May this mailbox, subscribed or not, be one that is followed?
    fn concerns(&self, name: &str, own: bool) -> bool {
        self.groups.iter().any(|g| g.which.has(name, own, true))
    }
    /// Are changes of flags in the selected mailbox told?
    pub fn hears_flags(&self) -> bool {
        self.selected.as_ref().is_some_and(|s| s.flags)
    }
    /// How many folders are remembered: those that a group names.
    fn size(&self) -> usize {
        self.bals.iter().map(|b| b.folders.len()).sum()
    }
}

/// What happened to a folder.
enum News {
    /// Made, renamed (from), or its subscription changed.
    Listed { id: i64, from: Option<String> },
    /// Deleted.
    Gone(String),
    /// Its messages changed.
    Counted(i64),
}

/// What is to be told of a BAL's folders, given how they were and are.
fn compare(
    wishes: &Wishes,
    own: bool,
    selected: Option<i64>,
    before: &BTreeMap<i64, Known>,
    after: &BTreeMap<i64, Known>,
) -> Vec<News> {
    let mut news = Vec::new();
    let wanted = |k: &Known, f: fn(&Events) -> bool| wishes.events(&k.name, own, k.subscribed).is_some_and(f);
    for (id, old) in before.iter().filter(|(id, _)| !after.contains_key(id)) {
        if wanted(old, |e| e.names) && !after.values().any(|k| k.name == old.name) && selected != Some(*id) {
            news.push(News::Gone(old.name.clone()));
        }
    }
    for (&id, now) in after {
        let Some(old) = before.get(&id) else {
            if wanted(now, |e| e.names) {
                news.push(News::Listed { id, from: None });
            }
            if wanted(now, |e| e.messages) && now.status.messages > 0 {
                news.push(News::Counted(id));
            }
            continue;
        };
        if old.name != now.name {
            if wanted(old, |e| e.names) || wanted(now, |e| e.names) {
                news.push(News::Listed { id, from: Some(old.name.clone()) });
            }
        } else if old.subscribed != now.subscribed
            && (wanted(old, |e| e.subscriptions) || wanted(now, |e| e.subscriptions))
        {
            news.push(News::Listed { id, from: None });
        }
        if selected == Some(id) {
            continue;
        }
        let (was, is) = (&old.status, &now.status);
        let messages = (was.messages, was.uidnext) != (is.messages, is.uidnext);
        if (messages && wanted(now, |e| e.messages))
            || (!messages && was.modseq != is.modseq && wanted(now, |e| e.flags))
        {
            news.push(News::Counted(id));
        }
    }
    news
}

impl Session {
    /// Tells what changed in the selected mailbox, as far as the client wants to hear it.
    pub(crate) async fn news(&mut self, may_expunge: bool) -> Result<(), End> {
        let Some(wishes) = &self.wishes else { return self.sync(may_expunge).await };
        let Some(selected) = &wishes.selected else { return Ok(()) };
        let items = selected.fetch.clone();
        let Some(next) = self.view.as_ref().map(|v| v.uidnext()) else { return Ok(()) };
        self.sync(may_expunge).await?;
        let Some(view) = self.view.as_ref().filter(|v| !items.is_empty() && v.uidnext() > next) else { return Ok(()) };
        let new = view.uidnext() - 1;
        let set = SequenceSet::Ranges(vec![(Bound::Number(next.max(1)), Bound::Number(new))]);
        let fetch = Fetch { uid: true, set, items, changed_since: None, vanished: false, partial: None };
        // How far this goes is not how far the command went at whose end it is told.
        let limited = self.limited;
        let told = Box::pin(commands::fetch::run(self, &fetch)).await;
        self.limited = limited;
        self.tell_kept_back();
        match told {
            Err(Stop::End(end)) => Err(end),
            Err(Stop::No(refusal)) => {
                // What cannot be told now is there when the client asks.
                tracing::warn!(
                    session = self.origin.session,
                    code = refusal.code.as_str(),
                    "a new message could not be told"
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes a first look at what is followed: nothing is told but, with `status`, the STATUS of each mailbox whose messages are. False when it is too
    /// much.
    pub(crate) async fn look_first(&mut self, wishes: &mut Wishes, status: bool) -> Result<bool, Stop> {
        for at in 0..wishes.bals.len() {
            let seen = self.operator.overview(&wishes.bals[at].actor).await?;
            let bal = &wishes.bals[at];
            let all = seen.into_iter().map(|(f, s)| bal.known(f, s));
            let folders = all.filter(|(_, k)| wishes.concerns(&k.name, bal.own())).collect();
            wishes.bals[at].folders = folders;
            if wishes.annotations {
                wishes.bals[at].annotations =
                    annotations(self.operator.annotation_names(&wishes.bals[at].actor).await?);
            }
            if wishes.size() > self.config.notify_folders {
                return Ok(false);
            }
        }
        if status {
            let selected = self.view.as_ref().map(|v| v.folder.id);
            for bal in &wishes.bals {
                for (_, known) in bal.folders.iter().filter(|(id, _)| Some(**id) != selected) {
                    if wishes.events(&known.name, bal.own(), known.subscribed).is_some_and(|e| e.messages) {
                        self.write_counts(known);
                        self.relieve().await?;
                    }
                }
            }
        }
        Ok(true)
    }

    /// Tells what changed in mailboxes that are not selected.
    pub(crate) async fn tell_elsewhere(&mut self) -> Result<(), End> {
        let Some(mut wishes) = self.wishes.take() else { return Ok(()) };
        let mut at = 0;
        while at < wishes.bals.len() {
            match self.operator.overview(&wishes.bals[at].actor).await {
                Ok(seen) => {
                    self.tell_bal(&mut wishes, at, seen).await?;
                    if wishes.annotations {
                        self.tell_annotations(&mut wishes, at).await?;
                    }
                }
                Err(refusal) if refusal.is_temporary() => {
                    // It is told with the next change, or when IDLE asks again.
                    self.owed = true;
                    tracing::warn!(
                        session = self.origin.session,
                        code = refusal.code.as_str(),
                        "a BAL could not be looked at"
                    );
                }
                // Whoever may not read there any more hears of it once. The session's own BAL ends with the session.
                Err(_) => {
                    self.tell_bal(&mut wishes, at, Vec::new()).await?;
                    wishes.bals.remove(at);
                    continue;
                }
            }
            at += 1;
        }
        if wishes.size() > self.config.notify_folders {
            self.out.raw("* OK [NOTIFICATIONOVERFLOW] Too many mailboxes, nothing is told any more").end();
            wishes = Box::default();
        }
        self.wishes = Some(wishes);
        Ok(())
    }

    async fn tell_bal(&mut self, wishes: &mut Wishes, at: usize, seen: Vec<(Folder, FolderStatus)>) -> Result<(), End> {
        let bal = &wishes.bals[at];
        let special: BTreeMap<i64, _> =
            if bal.own() { seen.iter().map(|(f, _)| (f.id, f.special_use)).collect() } else { BTreeMap::new() };
        let all = seen.into_iter().map(|(f, s)| bal.known(f, s));
        // A folder that was renamed out of sight is told of once more.
        let (now, beside): (BTreeMap<i64, Known>, BTreeMap<i64, Known>) =
            all.partition(|(id, k)| bal.folders.contains_key(id) || wishes.concerns(&k.name, bal.own()));
        let selected = self.view.as_ref().map(|v| v.folder.id);
        for news in compare(wishes, bal.own(), selected, &bal.folders, &now) {
            match news {
                News::Gone(name) => self.out.raw("* LIST (\\NonExistent) \"/\" ").mailbox(&name).end(),
                News::Counted(id) => now.get(&id).into_iter().for_each(|known| self.write_counts(known)),
                News::Listed { id, from } => {
                    let Some(known) = now.get(&id) else { continue };
                    let below = format!("{}/", known.name);
                    let children = now.values().chain(beside.values()).any(|k| k.name.starts_with(&below));
                    let out = &mut self.out;
                    out.raw("* LIST (").raw(if children { "\\HasChildren" } else { "\\HasNoChildren" });
                    out.raw(if known.subscribed { " \\Subscribed" } else { "" });
                    commands::use_attribute(out, special.get(&id).copied().flatten(), false);
                    out.raw(") \"/\" ").mailbox(&known.name);
                    if let Some(from) = from {
                        out.raw(" (\"OLDNAME\" (").mailbox(&from).raw("))");
                    }
                    out.end();
                }
            }
            self.relieve().await?;
        }
        let own = wishes.bals[at].own();
        wishes.bals[at].folders = now.into_iter().filter(|(_, k)| wishes.concerns(&k.name, own)).collect();
        Ok(())
    }

    /// Which annotations were set or removed, without their values (RFC 5465 §5.6, §5.7; RFC 5464 §4.4.2).
    async fn tell_annotations(&mut self, wishes: &mut Wishes, at: usize) -> Result<(), End> {
        // What cannot be asked now is told with the next change.
        let Ok(names) = self.operator.annotation_names(&wishes.bals[at].actor).await else { return Ok(()) };
        let (now, bal) = (annotations(names), &wishes.bals[at]);
        let set = now.iter().filter(|(key, id)| bal.annotations.get(*key) != Some(id)).map(|(key, _)| key);
        let removed = bal.annotations.keys().filter(|key| !now.contains_key(*key));
        let mut news: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        set.chain(removed).for_each(|(folder, name)| news.entry(*folder).or_default().push(name));
        for (folder, names) in news {
            let mailbox = match bal.folders.get(&folder) {
                // Of the server there is one, whichever BAL is its place.
                None if folder == 0 && bal.own() && wishes.groups.iter().any(|g| g.events.server) => "",
                Some(k) if wishes.events(&k.name, bal.own(), k.subscribed).is_some_and(|e| e.metadata) => &k.name,
                _ => continue,
            };
            self.out.raw("* METADATA ").mailbox(mailbox);
            for name in names {
                self.out.raw(" ").astring(name);
            }
            self.out.end();
            self.relieve().await?;
        }
        wishes.bals[at].annotations = now;
        Ok(())
    }

    fn write_counts(&mut self, known: &Known) {
        let items = if self.enabled.condstore { &ITEMS[..] } else { &ITEMS[..4] };
        commands::write_status(self, &known.name, items, &known.status);
    }
}

fn annotations(names: Vec<(i64, i64, String)>) -> BTreeMap<(i64, String), i64> {
    names.into_iter().map(|(folder, id, name)| ((folder, name), id)).collect()
}

/// Waits until something may be to tell: of the selected mailbox (`selected`), or of those that are followed. Cancel-safe.
pub(crate) async fn stirred(watch: &mut Option<Watch>, selected: bool, wishes: &mut Option<Box<Wishes>>) {
    let here = async {
        match watch {
            Some(watch) if selected => watch.changed().await,
            _ => pending().await,
        }
    };
    let Some(wishes) = wishes.as_mut().filter(|w| !w.bals.is_empty()) else { return here.await };
    let mut elsewhere: Vec<_> = wishes.bals.iter_mut().map(|bal| Box::pin(bal.watch.changed())).collect();
    let elsewhere = poll_fn(|cx| match elsewhere.iter_mut().any(|w| w.as_mut().poll(cx).is_ready()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    tokio::select! {
        () = here => {}
        () = elsewhere => {}
    }
}
