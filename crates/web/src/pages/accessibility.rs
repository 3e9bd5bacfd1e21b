//! `/accessibilite`: what is done so that everybody can use the pages, what nobody has verified, and whom to tell (article 47 of law 2005-102 of
//! 11 February 2005; F240). For everybody, signed in or not.
use super::session::Visitor;
use super::shell::Shell;
use axum::http::StatusCode;
use axum::response::Response;

/// Where it is.
pub(super) const PAGE: &str = "/accessibilite";

#[derive(askama::Template)]
#[template(path = "accessibility.html")]
struct Statement {
    shell: Shell,
}

/// `GET /accessibilite`
pub(super) async fn show(visitor: Visitor) -> Response {
    visitor.page(StatusCode::OK, &Statement { shell: visitor.shell(PAGE) })
}
