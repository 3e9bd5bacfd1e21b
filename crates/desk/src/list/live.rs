//! `GET /bal/{b}/direct`: what changes at a BAL while one of its pages is open: counts, and that a folder has something new; and what is unread in one's
//! other BALs. Whoever only looks does not use the session by it, and reads nothing: the list itself is asked for by a person.
use axum::extract::Path;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::future::{pending, select_all};
use futures_util::stream::unfold;
use sceau_domain::Refusal;
use sceau_operator::mailbox::folders::{Folder, FolderStatus, SpecialUse};
use sceau_operator::watch::Watch;
use sceau_operator::{Actor, Operator};
use sceau_web::{Watcher, live, seated};
use serde_json::json;
use std::time::Duration;

/// How long a stream lasts at most: the browser comes again by itself, and is judged anew.
const MOST: Duration = Duration::from_secs(900);
/// Changes that follow one another so quickly are told together.
const TOGETHER: Duration = Duration::from_millis(300);

/// What the rail shows of a folder: what is unread; of drafts, how many there are.
pub(super) fn waiting(folder: &Folder, status: &FolderStatus) -> u32 {
    if folder.special_use == Some(SpecialUse::Drafts) { status.messages } else { status.unseen }
}

/// `GET /bal/{b}/direct`
pub(super) async fn stream(Watcher(visitor): Watcher, Path(b): Path<String>) -> Response {
    let place = match live::place(&visitor) {
        Ok(place) => place,
        Err(answer) => return *answer,
    };
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let op = visitor.op.clone();
    let (watch, leash) = (op.watch(&actor), op.leash(&actor));
    let bals = match op.watch_bals(&actor).await {
        Ok(bals) => bals,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let events = unfold((op, actor, watch, bals), |(op, actor, mut watch, mut bals)| async move {
        let here = tokio::select! {
            () = watch.changed() => true,
            () = any_of(&mut bals) => false,
        };
        tokio::time::sleep(TOGETHER).await;
        op.still_allowed(&actor).await.ok()?;
        let event = if here { folders(&op, &actor).await } else { switcher(&op, &actor).await };
        Some((event.ok()?, (op, actor, watch, bals)))
    });
    live::stream(place, events, leash, MOST)
}

/// Waits until one of these BALs changed.
async fn any_of(bals: &mut [Watch]) {
    if bals.is_empty() {
        return pending().await;
    }
    select_all(bals.iter_mut().map(|bal| Box::pin(bal.changed()))).await;
}

/// Counts of the BAL's folders.
async fn folders(op: &Operator, actor: &Actor) -> Result<Event, Refusal> {
    let folders = op.overview(actor).await?;
    let told = folders.iter().map(|(folder, status)| {
        let code = op.mailbox_object(folder.id);
        json!({ "dossier": code, "attente": waiting(folder, status), "suivant": status.uidnext })
    });
    Ok(Event::default().event("compte").data(json!(told.collect::<Vec<_>>()).to_string()))
}

/// What is unread in each of one's BALs, for the switcher.
async fn switcher(op: &Operator, actor: &Actor) -> Result<Event, Refusal> {
    let bals = op.desk_bals(actor).await?;
    let told = bals.iter().map(|bal| json!({ "bal": bal.code, "attente": bal.unread }));
    Ok(Event::default().event("bals").data(json!(told.collect::<Vec<_>>()).to_string()))
}
