//! EMAILID and THREADID (RFC 8474 §5), SAVEDATE (RFC 8514 §4.2), PREVIEW (RFC 8970): asked from the operator a page at a time.
use super::Message;
use crate::codec::command::FetchItem;
use crate::codec::{Out, date};
use crate::session::{Session, Stop};
use sceau_domain::Timestamp;
use sceau_operator::Actor;
use sceau_operator::mailbox::entries::Entry;
use std::collections::HashMap;

/// What a page of messages has besides entries and summaries.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// By UID.
    saved: HashMap<u32, Timestamp>,
    /// By message.
    previews: HashMap<i64, String>,
}

/// Is this item of those told here?
pub(super) fn is(item: &FetchItem) -> bool {
    matches!(item, FetchItem::EmailId | FetchItem::ThreadId | FetchItem::SaveDate | FetchItem::Preview { .. })
}

/// Reads what the items need of a page.
pub(super) async fn read(
    s: &mut Session,
    actor: &Actor,
    items: &[FetchItem],
    entries: &[(usize, Entry)],
) -> Result<Extras, Stop> {
    let mut extras = Extras::default();
    if items.contains(&FetchItem::SaveDate) {
        let folder = s.view()?.folder.id;
        let uids: Vec<u32> = entries.iter().map(|(_, e)| e.uid).collect();
        extras.saved = s.operator.saved_dates(actor, folder, &uids).await?;
    }
    // Asked both ways, it is made.
    let lazy = !items.contains(&FetchItem::Preview { lazy: false });
    if items.iter().any(|item| matches!(item, FetchItem::Preview { .. })) {
        let ids: Vec<i64> = entries.iter().map(|(_, e)| e.message).collect();
        extras.previews = s.operator.previews(actor, &ids, lazy).await?;
    }
    Ok(extras)
}

/// Writes one item with its name.
pub(super) fn write(s: &mut Session, actor: &Actor, message: &Message<'_>, item: &FetchItem) {
    let operator = &s.operator;
    let out: &mut Out = &mut s.out;
    let e = message.entry;
    match item {
        FetchItem::EmailId => out.raw("EMAILID (").object(&operator.email_object(e.message)).raw(")").done(),
        FetchItem::ThreadId => match (actor.bal.as_ref(), message.summary) {
            (Some(bal), Some(summary)) => {
                out.raw("THREADID (").object(&operator.thread_object(bal.id, summary)).raw(")").done();
            }
            _ => out.raw("THREADID NIL").done(),
        },
        FetchItem::SaveDate => match message.extras.saved.get(&e.uid) {
            Some(at) => out.raw("SAVEDATE ").string(date::write(*at).as_bytes()).done(),
            None => out.raw("SAVEDATE NIL").done(),
        },
        FetchItem::Preview { .. } => {
            out.raw("PREVIEW ").nstring(message.extras.previews.get(&e.message).map(String::as_str)).done();
        }
        // Told elsewhere.
        _ => {}
    }
}
