//! `/bal/{b}/dossiers`: the rail as a page of its own, for screens that have no room for it beside another one; and folders made, renamed, removed.
use super::rail::{Rail, path, rail};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::{BalRights, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::mailbox::folders::Folder;
use sceau_web::{Sent, Shell, Visitor, seated};
use serde::Deserialize;

/// Longest name that the page takes, characters.
const LONGEST: u32 = 200;

/// A folder of the person's own making.
struct Own {
    code: String,
    /// With the levels above it.
    name: String,
    /// Nothing is in it, and it can be removed.
    empty: bool,
}

#[derive(Template)]
#[template(path = "list/folders.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    /// Whoever may not file changes no folder.
    files: bool,
    form: String,
    jeton: String,
    longest: u32,
    own: Vec<Own>,
    /// What was typed, and why it was not taken.
    typed: String,
    error: Option<String>,
}

/// What is done with a folder.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    faire: String,
    dossier: String,
    nom: String,
}

/// `GET /bal/{b}/dossiers`
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    answer(&visitor, &actor, &b, None).await
}

/// The page; `wrong`: what was typed, and why it was not taken.
async fn answer(visitor: &Visitor, actor: &Actor, b: &str, wrong: Option<(String, StatusCode, String)>) -> Response {
    match page(visitor, actor, b).await {
        Ok(mut page) => {
            let mut status = StatusCode::OK;
            if let Some((typed, code, sentence)) = wrong {
                (page.typed, status, page.error) = (typed, code, Some(sentence));
            }
            visitor.screen(status, &page)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str) -> Result<Page, Refusal> {
    let op = &visitor.op;
    let form = format!("/bal/{b}/dossiers");
    let files = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref()).is_some_and(|c| c.rights.has(BalRights::FILE));
    let mut own: Vec<Own> = Vec::new();
    for (folder, status) in op.overview(actor).await? {
        if is_own(&folder) {
            let code = op.mailbox_object(folder.id);
            own.push(Own { code, name: path(visitor, &folder), empty: status.messages == 0 });
        }
    }
    own.sort_by_cached_key(|folder| folder.name.to_lowercase());
    Ok(Page {
        shell: visitor.shell(&form).of_bal(b),
        rail: rail(visitor, actor, b, None).await?,
        files,
        jeton: visitor.field(&form),
        form: visitor.to(&form),
        longest: LONGEST,
        own,
        typed: String::new(),
        error: None,
    })
}

/// Those that every BAL has stay as they are.
fn is_own(folder: &Folder) -> bool {
    folder.special_use.is_none() && folder.name != "INBOX"
}

/// `POST /bal/{b}/dossiers`
pub(super) async fn change(Path(b): Path<String>, Sent(visitor, wanted): Sent<Wanted>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let (code, sentence) = match carry_out(&visitor, &actor, &wanted).await {
        Ok(()) => return visitor.see(&format!("/bal/{b}/dossiers")),
        Err(refusal) => visitor.told(&refusal),
    };
    answer(&visitor, &actor, &b, Some((wanted.nom, code, sentence))).await
}

async fn carry_out(visitor: &Visitor, actor: &Actor, wanted: &Wanted) -> Result<(), Refusal> {
    let op = &visitor.op;
    let name = wanted.nom.trim();
    if wanted.faire == "creer" {
        return op.create_folder(actor, name, None).await.map(drop);
    }
    let id = op.mailbox_of_object(&wanted.dossier).ok_or(RefusalCode::FolderUnknown)?;
    let found = op.folders(actor).await?.into_iter().find(|folder| folder.id == id && is_own(folder));
    let folder = found.ok_or(RefusalCode::FolderUnknown)?;
    match wanted.faire.as_str() {
        // A name is that of the last level: the folder stays where it is.
        "renommer" => {
            let to = match folder.name.rsplit_once('/') {
                Some((above, _)) => format!("{above}/{name}"),
                None => name.to_owned(),
            };
            op.rename_folder(actor, &folder.name, &to).await
        }
        // What is in a folder would go with it, and for good: only one that is empty as it goes is removed here.
        "supprimer" => op.delete_empty_folder(actor, id).await,
        _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "faire")),
    }
}
