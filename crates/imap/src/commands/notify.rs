//! NOTIFY (RFC 5465): what is told from here on without being asked for.
use crate::codec::MailboxName;
use crate::codec::notify::{MailboxFilter, Notify};
use crate::session::{Code, Done, Followed, Group, Reply, Selected, Session, Stop, Which, Wishes};
use sceau_domain::{Refusal, RefusalCode};

pub(crate) async fn run(s: &mut Session, notify: Notify) -> Done {
    let actor = s.actor()?;
    let Notify::Set { status, groups } = notify else {
        s.wishes = Some(Box::default());
        return Ok(Reply::Ok);
    };
    if groups.iter().any(|g| g.events.unsupported) {
        return Err(Stop::NoCode(Code::BadEvent, Refusal::new(RefusalCode::SyntaxUnknown).with("name", "NOTIFY")));
    }
    let names = |filter: &MailboxFilter| match filter {
        MailboxFilter::Subtree(names) | MailboxFilter::Mailboxes(names) => names.len(),
        _ => 0,
    };
    if groups.iter().map(|g| names(&g.mailboxes)).sum::<usize>() > s.config.notify_folders {
        return Err(overflow());
    }
    let mut wishes = Wishes::default();
    let mut follow = false;
    for group in groups {
        let which = match group.mailboxes {
            MailboxFilter::Selected { delayed } => {
                let (flags, fetch) = (group.events.flags, group.events.fetch);
                wishes.selected = group.events.messages.then_some(Selected { delayed, flags, fetch });
                continue;
            }
            MailboxFilter::Inboxes => Which::Inboxes,
            MailboxFilter::Personal => Which::Personal,
            MailboxFilter::Subscribed => Which::Subscribed,
            MailboxFilter::Subtree(names) => Which::Subtree(resolve(s, &mut wishes, &names).await?),
            MailboxFilter::Mailboxes(names) => Which::Mailboxes(resolve(s, &mut wishes, &names).await?),
        };
        let e = &group.events;
        follow |= e.messages || e.flags || e.names || e.subscriptions || e.metadata || e.server;
        wishes.annotations |= e.metadata || e.server;
        wishes.groups.push(Group { which, events: group.events });
    }
    if follow {
        wishes.bals.insert(0, Followed::new(s, actor, String::new()));
    } else {
        wishes.bals.clear();
    }
    if !s.look_first(&mut wishes, status).await? {
        return Err(overflow());
    }
    // RFC 5465 §3.1: as NOOP, whatever was asked for before.
    s.wishes = None;
    if s.view.is_some() {
        s.sync(true).await?;
    }
    s.wishes = Some(Box::new(wishes));
    Ok(Reply::Ok)
}

/// More than a session may follow (RFC 5465 §3.1).
fn overflow() -> Stop {
    Stop::NoCode(Code::NotificationOverflow, RefusalCode::FolderLimit.into())
}

/// Names as LIST shows them. Those that lead nowhere are ignored (RFC 5465 §3.1); other BALs to which they lead are followed.
async fn resolve(s: &mut Session, wishes: &mut Wishes, names: &[MailboxName]) -> Result<Vec<String>, Stop> {
    let mut shown = Vec::new();
    for name in names {
        let place = match s.place(name).await {
            Ok(place) => place,
            Err(Stop::No(refusal)) if !refusal.is_temporary() => continue,
            Err(stop) => return Err(stop),
        };
        if place.other {
            let bal = place.actor.bal.as_ref().map(|b| b.id);
            if !wishes.bals.iter().any(|b| b.bal() == bal) {
                let prefix = place.shown.strip_suffix(place.name.as_str()).unwrap_or_default().to_owned();
                wishes.bals.push(Followed::new(s, place.actor, prefix));
            }
        }
        shown.push(place.shown);
    }
    Ok(shown)
}
