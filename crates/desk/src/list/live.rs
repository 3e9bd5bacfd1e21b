//! `GET /bal/{b}/direct`: what changes at a BAL while one of its pages is open: counts, and that a folder has something new. Whoever only looks
//! does not use the session by it, and reads nothing: the list itself is asked for by a person.
use axum::extract::Path;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::stream::unfold;
use sceau_operator::mailbox::folders::{Folder, FolderStatus, SpecialUse};
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
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let op = visitor.op.clone();
    let (watch, leash) = (op.watch(&actor), op.leash(&actor));
    let events = unfold((op, actor, watch), |(op, actor, mut watch)| async move {
        watch.changed().await;
        tokio::time::sleep(TOGETHER).await;
        op.still_allowed(&actor).await.ok()?;
        let folders = op.overview(&actor).await.ok()?;
        let told: Vec<_> = folders
            .iter()
            .map(|(folder, status)| {
                let code = op.mailbox_object(folder.id);
                json!({ "dossier": code, "attente": waiting(folder, status), "suivant": status.uidnext })
            })
            .collect();
        let event = Event::default().event("compte").data(json!(told).to_string());
        Some((event, (op, actor, watch)))
    });
    live::stream(events, leash, MOST)
}
