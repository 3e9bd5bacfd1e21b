//! A message that is not where somebody looked for it: it was moved or removed elsewhere, in another window, by a mail program, by a colleague. What happened,
//! and a way on.
use crate::list::{Rail, last_level, rail};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::mailbox::folders::SpecialUse;
use sceau_web::{Shell, Visitor};

#[derive(Template)]
#[template(path = "message/gone.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    /// Where one goes on: where it leads, what it is called, its icon. The first is the best.
    ways: Vec<(String, String, &'static str)>,
}

/// Why a message cannot be read: a page with a way on where it is gone, else what every refusal shows. `dans`: the folder from which one came.
pub(super) async fn told(visitor: &Visitor, actor: &Actor, (b, dans): (&str, &str), refusal: &Refusal) -> Response {
    if refusal.code != RefusalCode::EntryUnknown || visitor.part.is_some() {
        return visitor.refused(refusal);
    }
    match page(visitor, actor, b, dans).await {
        Ok(page) => visitor.screen(StatusCode::NOT_FOUND, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str, dans: &str) -> Result<Page, Refusal> {
    let op = &visitor.op;
    let folders = op.folders(actor).await?;
    let mut ways: Vec<(String, String, &'static str)> = Vec::new();
    let from = op.mailbox_of_object(dans).and_then(|id| folders.iter().find(|f| f.id == id));
    let inbox = folders.iter().find(|f| f.name == "INBOX");
    let bin = folders.iter().find(|f| f.special_use == Some(SpecialUse::Trash));
    for (folder, icon) in [(from.or(inbox), "boite"), (bin, "corbeille")] {
        let Some(folder) = folder else { continue };
        let to = visitor.to(&format!("/bal/{b}/dossier/{}", op.mailbox_object(folder.id)));
        if !ways.iter().any(|(there, ..)| *there == to) {
            ways.push((to, last_level(visitor, folder), icon));
        }
    }
    ways.push((visitor.to(&format!("/bal/{b}/chercher")), visitor.t("message.gone.search"), "chercher"));
    let rail = rail(visitor, actor, b, from.map(|f| f.id)).await?;
    Ok(Page { shell: visitor.shell(&format!("/bal/{b}")).of_bal(b), rail, ways })
}
