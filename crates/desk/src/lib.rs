//! The desk: reading, writing, sharing and following mail in a browser, one's account, a phone.
//!
//! A door like the others: it translates pages into use cases. The frame of pages, sessions, forms and files are of `sceau_web`; whoever makes a page here
//! uses those. Each area has a folder here, in `templates/` and a file in `locales/`; its keys begin with the file's name.
mod account;
mod list;
mod message;
mod phone;
mod shared;
mod write;

use axum::Router;
use axum::extract::RawPathParams;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use sceau_domain::text;
use sceau_web::assets::Asset;
use sceau_web::{Shell, State, Visitor, seated};
use std::sync::Once;

/// What our pages load beside what every room has.
const ASSETS: &[Asset] = &[("desk.css", "text/css; charset=utf-8", include_bytes!("../assets/desk.css"))];

macro_rules! locales {
    ($lang:literal: $($area:literal)*) => { [$(include_str!(concat!("../locales/", $lang, "/", $area, ".toml"))),*] };
}

/// Our sentences, French.
const FRENCH: [&str; 7] = locales!("fr": "common" "list" "message" "write" "shared" "account" "phone");
/// The same in English.
const ENGLISH: [&str; 7] = locales!("en": "common" "list" "message" "write" "shared" "account" "phone");

/// Every page of the desk.
pub fn routes() -> Router<State> {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        text::layer(&FRENCH, &ENGLISH);
        sceau_web::assets::add(ASSETS);
    });
    Router::new()
        .merge(list::routes())
        .merge(message::routes())
        .merge(write::routes())
        .merge(shared::routes())
        .merge(account::routes())
        .merge(phone::routes())
}

/// A page that its area makes.
#[derive(askama::Template)]
#[template(path = "soon.html")]
struct Soon {
    shell: Shell,
}

/// A page of a BAL that its area makes: whoever may see it sees that it is empty.
async fn soon(visitor: Visitor, parts: RawPathParams, uri: Uri) -> Response {
    let code = parts.iter().find(|(name, _)| *name == "b").map_or("", |(_, value)| value);
    match seated(&visitor, code).await {
        Ok(_) => visitor.screen(StatusCode::OK, &Soon { shell: visitor.shell(uri.path()).of_bal(code) }),
        Err(answer) => *answer,
    }
}

/// One of one's own.
async fn own_soon(visitor: Visitor, uri: Uri) -> Response {
    match visitor.signed_in() {
        Ok(_) => visitor.screen(StatusCode::OK, &Soon { shell: visitor.shell(uri.path()) }),
        Err(answer) => *answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_sentences_are_the_same_in_both_languages() {
        assert_eq!(text::differences(&FRENCH, &ENGLISH), Vec::<String>::new());
    }
}
