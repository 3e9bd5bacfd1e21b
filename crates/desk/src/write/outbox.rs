//! What leaves in seconds or later, what could not leave, and what is still being written.
use crate::list::{Rail, rail};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::letters::{DraftState, DraftView};
use sceau_operator::desk::outbox::Unsent;
use sceau_web::{Sent, Shell, Visitor, layout, seated};
use serde::Deserialize;

/// One of them.
struct Line {
    /// Where it is written; of what leaves, where it is held back.
    to: String,
    jeton: String,
    subject: String,
    who: String,
    when: String,
    why: String,
}

#[derive(askama::Template)]
#[template(path = "write/outbox.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    /// Can be held back.
    leaving: Vec<Line>,
    /// Cannot any more.
    going: Vec<Line>,
    failed: Vec<Line>,
    drafts: Vec<Line>,
    /// What colleagues could not send, for who manages the BAL: who, when it was written, why.
    others: Vec<Other>,
    write: String,
}

/// What a colleague could not send.
struct Other {
    name: String,
    when: String,
    why: String,
}

/// A form that says nothing.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// `GET /bal/{b}/envois`
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match page(&visitor, &actor, &b).await {
        Ok(page) => visitor.screen(StatusCode::OK, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str) -> Result<Page, Refusal> {
    let place = visitor.op.place().await;
    let line = |view: &DraftView| {
        let hold = format!("/bal/{b}/envois/{}/retenir", view.code);
        let leaves = view.state == DraftState::Leaving;
        let (key, at) = match view.send_at.filter(|_| leaves) {
            Some(at) => ("write.outbox.leaves", at),
            None => ("write.outbox.changed", view.changed),
        };
        let when = layout::instant(visitor.lang, at, place);
        Line {
            to: visitor.to(&if leaves { hold.clone() } else { format!("/bal/{b}/ecrire/{}", view.code) }),
            jeton: visitor.field(&hold),
            subject: match view.draft.subject.trim() {
                "" => visitor.t("write.outbox.no_subject"),
                subject => subject.to_owned(),
            },
            who: view.draft.to.clone(),
            when: layout::set(&text(visitor.lang, key, &[("date", &when)])),
            why: view.why(visitor.lang).unwrap_or_default().to_owned(),
        }
    };
    let views = visitor.op.drafts(actor).await?;
    let other = |one: Unsent| {
        let date = layout::instant(visitor.lang, one.changed, place);
        let why = one.why.map(|code| Refusal::new(code).sentence(visitor.lang));
        Other {
            name: one.name,
            when: layout::set(&text(visitor.lang, "write.outbox.changed", &[("date", &date)])),
            why: why.map_or_else(|| visitor.t("write.outbox.unknown"), |why| layout::set(&why)),
        }
    };
    let others = visitor.op.unsent(actor).await?.into_iter().map(other).collect();
    let lines = |state: DraftState| views.iter().filter(|v| v.state == state).map(line).collect();
    Ok(Page {
        shell: visitor.shell(&format!("/bal/{b}/envois")).of_bal(b),
        rail: rail(visitor, actor, b, None).await?,
        leaving: lines(DraftState::Leaving),
        going: lines(DraftState::Going),
        failed: lines(DraftState::Failed),
        drafts: lines(DraftState::Open),
        others,
        write: visitor.to(&format!("/bal/{b}/ecrire")),
    })
}

/// `POST /bal/{b}/envois/{d}/retenir`: it is a draft again, and is opened.
pub(super) async fn hold_back(Path((b, d)): Path<(String, String)>, Sent(visitor, _): Sent<Nothing>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Some(id) = visitor.op.draft_of_object(&d) else { return visitor.refused(&RefusalCode::NotFound.into()) };
    match visitor.op.cancel_sending(&actor, id).await {
        Ok(view) => visitor.see(&format!("/bal/{b}/ecrire/{}", view.code)),
        Err(refusal) => visitor.refused(&refusal),
    }
}
