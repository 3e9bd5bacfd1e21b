//! The console: what operators, regional bodies, administrators of structures, support and auditors do and see, each just their own.
//!
//! A door like the others: its pages ask the use cases that REST asks, which judge rights themselves. Tables are `sceau_web::ui::Table`.
//!
//! Promises: a page is for whoever has an administrative role that it serves ([`frame`]); whatever is shown of a BAL, it is never content nor a folder's
//! name; every act says what will happen before it does, and those that cannot be taken back ask who sits there to prove it anew ([`act`]); every list
//! sorts, filters, and leaves as a file in which nothing is a formula.
mod act;
mod acts;
mod board;
mod carry;
mod frame;
mod pages;
mod running;
mod sheet;
mod table;
mod ways;

use axum::Router;
use pages::{bals, domains, home, people, places};
use sceau_domain::text;
use sceau_web::State;
use sceau_web::assets::Asset;
use sceau_web::route::{get, post};
use std::sync::Once;

/// What our pages load beside what every room has.
const ASSETS: &[Asset] = &[
    ("console.css", "text/css; charset=utf-8", include_bytes!("../assets/console.css")),
    ("table.js", "text/javascript; charset=utf-8", include_bytes!("../assets/table.js")),
];
/// Our sentences, French and English.
const FRENCH: [&str; 3] = [
    include_str!("../locales/fr.toml"),
    include_str!("../locales/fr/people.toml"),
    include_str!("../locales/fr/running.toml"),
];
const ENGLISH: [&str; 3] = [
    include_str!("../locales/en.toml"),
    include_str!("../locales/en/people.toml"),
    include_str!("../locales/en/running.toml"),
];

/// From now on our sentences and files are found.
fn make_known() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        text::layer(&FRENCH, &ENGLISH);
        sceau_web::assets::add(ASSETS);
    });
}

/// Every page of the console, one a line.
pub fn routes() -> Router<State> {
    make_known();
    Router::new()
        .route("/console", get(home::show))
        .route("/console/demandes", get(bals::openings))
        .route("/console/demandes/{id}", get(bals::opening))
        .route("/console/demandes/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/personnes", get(people::list))
        .route("/console/personnes/{id}", get(people::show))
        .route("/console/personnes/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/bal", get(bals::list))
        .route("/console/bal/{id}", get(bals::show))
        .route("/console/bal/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/structures", get(places::list))
        .route("/console/structures/{id}", get(places::show))
        .route("/console/structures/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/regions", get(places::bodies))
        .route("/console/regions/{id}", get(places::body))
        .route("/console/regions/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/roles", get(people::roles))
        .route("/console/roles/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/recuperations", get(people::recoveries))
        .route("/console/recuperations/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/domaines", get(domains::list))
        .route("/console/domaines/{id}", get(domains::show))
        .route("/console/domaines/{id}/{act}", get(act::show).merge(post(act::send)))
        .merge(running::routes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_sentences_are_the_same_in_both_languages() {
        assert_eq!(text::differences(&FRENCH, &ENGLISH), Vec::<String>::new());
    }

    /// Markup is made in one place (`base.js`), and nothing is made into a program.
    #[test]
    fn scripts_make_no_markup_of_their_own() {
        for (name, _, bytes) in ASSETS {
            let text = std::str::from_utf8(bytes).unwrap();
            for never in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style="]
            {
                assert!(!text.contains(never), "{name}: {never}");
            }
        }
    }

    /// What each file costs as it is sent, bytes.
    #[test]
    fn files_stay_within_their_budget() {
        make_known();
        let sizes = sceau_web::assets::sizes();
        for (name, most) in [("console.css", 3 << 10), ("table.js", 1 << 10)] {
            let (_, size) = sizes.iter().find(|(n, _)| *n == name).unwrap();
            assert!(*size <= most, "{name}: {size} of {most}");
        }
    }
}
