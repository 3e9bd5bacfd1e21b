//! The console: what operators, regional bodies, administrators of structures, support and auditors do and see, each just their own.
//!
//! A door like the others: its pages ask the use cases that REST asks, which judge rights themselves. Tables are `sceau_web::ui::Table`.
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use sceau_domain::text;
use sceau_web::assets::Asset;
use sceau_web::{Shell, State, Visitor};
use std::sync::Once;

/// What our pages load beside what every room has.
const ASSETS: &[Asset] = &[
    ("console.css", "text/css; charset=utf-8", include_bytes!("../assets/console.css")),
    ("table.js", "text/javascript; charset=utf-8", include_bytes!("../assets/table.js")),
];
/// Our sentences, French and English.
const FRENCH: [&str; 1] = [include_str!("../locales/fr.toml")];
const ENGLISH: [&str; 1] = [include_str!("../locales/en.toml")];

/// Every page of the console, one a line.
pub fn routes() -> Router<State> {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        text::layer(&FRENCH, &ENGLISH);
        sceau_web::assets::add(ASSETS);
    });
    Router::new()
        .route("/console", get(soon))
        .route("/console/alarmes", get(soon))
        .route("/console/demandes", get(soon))
        .route("/console/personnes", get(soon))
        .route("/console/structures", get(soon))
        .route("/console/bal", get(soon))
        .route("/console/domaines", get(soon))
        .route("/console/regions", get(soon))
        .route("/console/roles", get(soon))
        .route("/console/file", get(soon))
        .route("/console/partenaires", get(soon))
        .route("/console/liste-blanche", get(soon))
        .route("/console/certificats", get(soon))
        .route("/console/connecteurs", get(soon))
        .route("/console/noeuds", get(soon))
        .route("/console/taches", get(soon))
        .route("/console/traces", get(soon))
        .route("/console/limites", get(soon))
        .route("/console/conservation", get(soon))
        .route("/console/abus", get(soon))
        .route("/console/imports", get(soon))
        .route("/console/annonces", get(soon))
        .route("/console/signalements", get(soon))
        .route("/console/sante", get(soon))
        .route("/console/recuperations", get(soon))
}

/// A page that is empty yet.
#[derive(askama::Template)]
#[template(path = "soon.html")]
struct Soon {
    shell: Shell,
}

async fn soon(visitor: Visitor, uri: Uri) -> Response {
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
