//! `/compte/telephone`: the desk on a telephone's home screen, opened by a finger or a face.
use super::Around;
use axum::http::Uri;
use axum::response::Response;
use sceau_web::{Shell, Visitor};

const HERE: &str = "/compte/telephone";

#[derive(askama::Template)]
#[template(path = "account/telephone.html")]
struct Page {
    shell: Shell,
    around: Around,
    manifest: &'static str,
}

/// `GET /compte/telephone`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    if let Err(answer) = visitor.signed_in() {
        return *answer;
    }
    let around = Around::page(&visitor, HERE, &uri);
    let page = Page { shell: visitor.shell(HERE), around, manifest: crate::phone::MANIFEST };
    visitor.screen(page.around.status, &page)
}
