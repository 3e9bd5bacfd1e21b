//! One BAL's list: rail, folders, window, what is done with what is ticked.
//!
//! The state of a list stands in its address ([`view`]); a page without scripts is whole.
mod act;
mod folders;
mod keys;
mod labels;
mod live;
mod rail;
mod search;
mod suggest;
mod view;
mod window;

pub(crate) use act::just_done;
pub(crate) use keys::Keys;
pub(crate) use labels::labels as label_names;
pub(crate) use rail::{Rail, last_level, rail};

use axum::Router;
use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::AccessRole;
use sceau_operator::desk::sit::DeskBal;
use sceau_web::route::{get, post};
use sceau_web::{State, Visitor, seated};

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bureau", get(home))
        .route("/bal/{b}", get(inbox))
        .route("/bal/{b}/dossier/{f}", get(window::show))
        .route("/bal/{b}/agir", post(act::carry_out))
        .route("/bal/{b}/annuler", post(act::undo))
        .route("/bal/{b}/dossiers", get(folders::show).post(folders::change))
        .route("/bal/{b}/etiquettes", get(labels::show).post(labels::change))
        .route("/bal/{b}/direct", get(live::stream))
        .route("/bal/{b}/chercher", get(search::show))
        .route("/bal/{b}/chercher/suggestions", get(suggest::show))
}

/// `GET /bureau`: where one's mail is. The only BAL, else one's own, else the list of all.
async fn home(visitor: Visitor) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.desk_bals(actor).await {
        Ok(bals) => match first(&bals) {
            Some(bal) => visitor.see(&format!("/bal/{}", bal.code)),
            None => visitor.see("/bal"),
        },
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// The BAL at which one begins. One that is shut says itself what it waits for.
fn first(bals: &[DeskBal]) -> Option<&DeskBal> {
    let mut own = bals.iter().filter(|bal| bal.role == AccessRole::Holder);
    match (bals, own.next(), own.next()) {
        ([only], _, _) => Some(only),
        (_, Some(own), None) => Some(own),
        _ => None,
    }
}

/// `GET /bal/{b}`: its INBOX, with what is asked of the list.
async fn inbox(visitor: Visitor, Path(code): Path<String>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &code).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.folder(&actor, "INBOX").await {
        Ok(folder) => {
            let asked = uri.query().map(|asked| format!("?{asked}")).unwrap_or_default();
            visitor.see(&format!("{}{asked}", view::place(&code, &visitor.op.mailbox_object(folder.id))))
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}
