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

pub(crate) use account::size;

use axum::Router;
use sceau_domain::text;
use sceau_web::State;
use sceau_web::assets::Asset;
use std::sync::Once;

/// What our pages load beside what every room has.
const ASSETS: &[Asset] = &[
    ("desk.css", "text/css; charset=utf-8", include_bytes!("../assets/desk.css")),
    ("account.js", "text/javascript; charset=utf-8", include_bytes!("../assets/account.js")),
    ("complete.js", "text/javascript; charset=utf-8", include_bytes!("../assets/complete.js")),
    ("icon-192.png", "image/png", include_bytes!("../assets/icon-192.png")),
    ("icon-512.png", "image/png", include_bytes!("../assets/icon-512.png")),
    ("keys.js", "text/javascript; charset=utf-8", include_bytes!("../assets/keys.js")),
    ("list.js", "text/javascript; charset=utf-8", include_bytes!("../assets/list.js")),
    ("live.js", "text/javascript; charset=utf-8", include_bytes!("../assets/live.js")),
    ("message.js", "text/javascript; charset=utf-8", include_bytes!("../assets/message.js")),
    ("push.js", "text/javascript; charset=utf-8", include_bytes!("../assets/push.js")),
    ("rich.js", "text/javascript; charset=utf-8", include_bytes!("../assets/rich.js")),
    ("search.js", "text/javascript; charset=utf-8", include_bytes!("../assets/search.js")),
    ("shared.js", "text/javascript; charset=utf-8", include_bytes!("../assets/shared.js")),
    ("upload.js", "text/javascript; charset=utf-8", include_bytes!("../assets/upload.js")),
    ("write.js", "text/javascript; charset=utf-8", include_bytes!("../assets/write.js")),
];

macro_rules! locales {
    ($lang:literal: $($area:literal)*) => { [$(include_str!(concat!("../locales/", $lang, "/", $area, ".toml"))),*] };
}

/// Our sentences, French.
const FRENCH: [&str; 7] = locales!("fr": "common" "list" "message" "write" "shared" "account" "phone");
/// The same in English.
const ENGLISH: [&str; 7] = locales!("en": "common" "list" "message" "write" "shared" "account" "phone");

/// From now on our sentences and files are found.
fn make_known() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        text::layer(&FRENCH, &ENGLISH);
        sceau_web::assets::add(ASSETS);
        sceau_web::account_places(&account::PLACES);
    });
}

/// Every page of the desk.
pub fn routes() -> Router<State> {
    make_known();
    Router::new()
        .merge(list::routes())
        .merge(message::routes())
        .merge(write::routes())
        .merge(shared::routes())
        .merge(account::routes())
        .merge(phone::routes())
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
        for (name, _, bytes) in ASSETS.iter().filter(|(_, kind, _)| kind.starts_with("text/")) {
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
        let kib = |tenths: usize| tenths * 1_024 / 10;
        let most = [
            ("desk.css", kib(50)),
            ("list.js", kib(40)),
            ("keys.js", kib(12)),
            ("search.js", kib(15)),
            ("live.js", kib(12)),
            ("message.js", kib(15)),
            ("write.js", kib(60)),
            ("upload.js", kib(20)),
            ("complete.js", kib(20)),
            ("rich.js", kib(20)),
            ("shared.js", kib(12)),
            ("account.js", kib(8)),
            ("push.js", kib(12)),
        ];
        let sizes = sceau_web::assets::sizes();
        for (name, most) in most {
            let (_, size) = sizes.iter().find(|(n, _)| *n == name).unwrap();
            assert!(*size <= most, "{name}: {size} of {most}");
        }
    }
}
