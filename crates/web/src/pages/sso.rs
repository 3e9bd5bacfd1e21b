//! Signing in by a structure's own sign-in.
use super::session::{Sent, Visitor};
use super::shell::Shell;
use super::sign_in::To;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;

/// Leads on to the structure's page. A page and no redirect: which origins a form may lead to would have to be known of every structure before.
#[derive(askama::Template)]
#[template(path = "depart.html")]
struct Leaves {
    shell: Shell,
    url: String,
}

/// `POST /connexion/etablissement/{name}`
pub(super) async fn begin(Path(name): Path<String>, Sent(visitor, to): Sent<To>) -> Response {
    let session = visitor.actor.as_ref().ok();
    let begun = async {
        let attempt = visitor.op.begin_attempt(&visitor.browser(), &visitor.to(&to.vers), session).await?;
        visitor.op.begin_sso(&name, attempt).await
    };
    match begun.await {
        Ok(url) => visitor.page(StatusCode::OK, &Leaves { shell: visitor.shell("/connexion"), url }),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /connexion/etablissement/{name}/retour`
pub(super) async fn back(Path(name): Path<String>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let session = visitor.actor.as_ref().ok();
    let entered = visitor.op.return_sso(&name, visitor.attempt(), &query, session, &visitor.origin).await;
    visitor.entered(entered)
}
