//! `/bal/{b}/absence`: what a BAL answers from one day to another (F069).
use super::Around;
use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::absence::{AbsenceView, NewAbsence};
use sceau_web::{Sent, SentOr, Shell, Visitor, seated};
use serde::Deserialize;

/// The place of the account that it stands under.
const UNDER: &str = "/compte";

/// What the form shows.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    du: String,
    au: String,
    texte: String,
    version: i64,
}

#[derive(askama::Template)]
#[template(path = "account/absence.html")]
struct Page {
    shell: Shell,
    around: Around,
    /// The path of this page.
    path: String,
    end: String,
    absence: AbsenceView,
    form: Form,
    answered: String,
}

/// The form again, for whoever's session ended: nothing that was typed is lost.
#[derive(askama::Template)]
#[template(path = "account/absence_again.html")]
struct Again {
    shell: Shell,
    around: Around,
    path: String,
    form: Form,
}

fn path(code: &str) -> String {
    format!("/bal/{code}/absence")
}

/// The address of the BAL at which somebody sits.
fn address(seated: &Actor) -> Result<String, Refusal> {
    seated.bal.as_ref().map(|bal| bal.address.to_string()).ok_or_else(|| RefusalCode::NotFound.into())
}

async fn page(visitor: &Visitor, code: &str, around: Around, typed: Option<Form>) -> Response {
    let actor = match seated(visitor, code).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let read = async { visitor.op.absence(&actor, &address(&actor)?).await };
    match read.await {
        Ok(absence) => {
            let shell = visitor.shell(&path(code)).of_bal(code).under(UNDER);
            let kept = |text: &Option<String>| text.clone().unwrap_or_default();
            let kept = Form {
                du: kept(&absence.from),
                au: kept(&absence.until),
                texte: kept(&absence.text),
                version: absence.version,
            };
            // What was typed stays; it is saved over what is there now, which stands above it.
            let form = typed.map_or(kept, |typed| Form { version: absence.version, ..typed });
            let answered = shell.t1("account.absence.answered", "n", &absence.answered.to_string());
            let end = format!("{}/fin", path(code));
            let page = Page { shell, around, path: path(code), end, absence, form, answered };
            visitor.screen(page.around.status, &page)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /bal/{b}/absence`
pub(super) async fn show(visitor: Visitor, Path(code): Path<String>, uri: Uri) -> Response {
    page(&visitor, &code, Around::page(&visitor, &uri), None).await
}

/// `POST /bal/{b}/absence`
pub(super) async fn set(Path(code): Path<String>, sent: SentOr<Form>) -> Response {
    let SentOr { visitor, form, ours } = sent;
    if let Some(around) = Around::over(&visitor) {
        let page = Again { shell: visitor.shell("/connexion").under(UNDER), around, path: path(&code), form };
        return visitor.screen(page.around.status, &page);
    }
    let actor = match (seated(&visitor, &code).await, &ours) {
        (Ok(actor), _) => actor,
        (Err(_), Err(old)) => return visitor.refused(old),
        (Err(answer), Ok(())) => return *answer,
    };
    let done = async {
        // A page of the session before: shown again, with the word of this one.
        ours?;
        let new = NewAbsence { from: form.du.clone(), until: form.au.clone(), text: form.texte.clone() };
        visitor.op.set_absence(&actor, &address(&actor)?, form.version, new).await.map(drop)
    };
    match done.await.map_err(|refusal| Around::again(&visitor, &refusal)) {
        Ok(()) => visitor.see(&format!("{}?fait=oui", path(&code))),
        Err(Ok(around)) => page(&visitor, &code, around, Some(form)).await,
        Err(Err(answer)) => *answer,
    }
}

/// Of which version it is the end.
#[derive(Deserialize)]
pub(super) struct Over {
    version: i64,
}

/// `POST /bal/{b}/absence/fin`
pub(super) async fn end(Path(code): Path<String>, Sent(visitor, form): Sent<Over>) -> Response {
    let actor = match seated(&visitor, &code).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let done = async { visitor.op.end_absence(&actor, &address(&actor)?, form.version).await.map(drop) };
    match done.await.map_err(|refusal| Around::again(&visitor, &refusal)) {
        Ok(()) => visitor.see(&format!("{}?fait=oui", path(&code))),
        Err(Ok(around)) => page(&visitor, &code, around, None).await,
        Err(Err(answer)) => *answer,
    }
}
