//! On a telephone: what makes the desk an application of its home screen. A manifest, a service worker, and the page that it keeps for when there is no
//! network; the worker also shows that there is new mail when a push wakes it.
//!
//! Promises: these three are for everybody and hold nothing of anybody; the worker keeps them and the style sheet, and never an answer that was made for
//! somebody (F245).
use axum::Router;
use axum::extract::State as Of;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::text::text;
use sceau_domain::{Lang, RefusalCode};
use sceau_web::layout::{self, headers, set};
use sceau_web::route::get;
use sceau_web::{Problem, State, assets};
use serde_json::json;

/// Where the manifest is.
const MANIFEST: &str = "/manifest.webmanifest";
/// Where the worker is: at the root, for it answers for every page.
const WORKER: &str = "/sw.js";
/// The page without network.
const OFFLINE: &str = "/hors-ligne";
/// The worker; what it keeps beside [`OFFLINE`], and what it says of new mail, is put in its place.
const SCRIPT: &str = include_str!("../../assets/sw.js");
/// What that page may load.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Its routes, one a line. They are for everybody: named by constants, unlike pages of somebody.
pub(crate) fn routes() -> Router<State> {
    Router::new().route(MANIFEST, get(manifest)).route(WORKER, get(worker)).route(OFFLINE, get(offline))
}

/// An icon of the manifest.
fn icon(name: &str, sizes: &str, purpose: &str) -> serde_json::Value {
    json!({ "src": assets::path(name), "sizes": sizes, "type": "image/png", "purpose": purpose })
}

/// `GET /manifest.webmanifest` (W3C Web Application Manifest)
async fn manifest(Of(State(op)): Of<State>) -> Response {
    let manifest = json!({
        "id": "/bureau",
        "name": op.config().name,
        "short_name": op.config().name.chars().take(20).collect::<String>(),
        "lang": "fr",
        "start_url": "/bureau",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fbfaf7",
        "theme_color": "#0f5c63",
        "icons": [
            icon("icon-192.png", "192x192", "any"),
            icon("icon-512.png", "512x512", "any"),
            icon("icon-512.png", "512x512", "maskable"),
        ],
    });
    (headers("application/manifest+json", "no-cache"), manifest.to_string()).into_response()
}

/// The worker as a browser gets it. `operator`: its name.
fn script(operator: &str) -> String {
    let sheet = format!(", \"{}\"", assets::path("base.css"));
    let of = |lang, key: &str| set(&text(lang, key, &[]));
    let both = |key| (of(Lang::Fr, key), of(Lang::En, key));
    let ((fr, en), (lost_fr, lost_en)) = (both("phone.push.news"), both("phone.push.lost"));
    let news = json!({ "title": operator, "fr": fr, "en": en, "lost": { "fr": lost_fr, "en": lost_en } });
    let script = SCRIPT.replace(" /* files */", &sheet).replace("/* version */", env!("CARGO_PKG_VERSION"));
    // Last: nothing in a name is taken for a place.
    script.replace("/* news */", &news.to_string())
}

/// `GET /sw.js`
async fn worker(Of(State(op)): Of<State>) -> Response {
    let mut headers = headers("text/javascript; charset=utf-8", "no-cache");
    // What it asks for itself, and nothing that it would run.
    let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    (headers, script(&op.config().name)).into_response()
}

/// The page's sentences in a language.
struct Words {
    title: String,
    text: String,
    again: String,
}

impl Words {
    fn of(lang: Lang) -> Self {
        let of = |key: &str| set(&text(lang, key, &[]));
        Self { title: of("phone.offline"), text: of("phone.offline_text"), again: of("phone.again") }
    }
}

#[derive(askama::Template)]
#[template(path = "phone/offline.html")]
struct Offline {
    operator: String,
    mark: &'static str,
    sheet: String,
    french: Words,
    english: Words,
}

/// `GET /hors-ligne`: in both languages, for it is kept before anybody chose one.
async fn offline(Of(State(op)): Of<State>) -> Response {
    let page = Offline {
        operator: op.config().name.clone(),
        mark: layout::MARK,
        sheet: assets::path("base.css"),
        french: Words::of(Lang::Fr),
        english: Words::of(Lang::En),
    };
    let Ok(html) = askama::Template::render(&page) else { return Problem::from(RefusalCode::Defect).into_response() };
    let mut headers = headers("text/html; charset=utf-8", "no-cache");
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    (headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_keeps_the_page_without_network_and_its_style_alone() {
        crate::make_known();
        let script = script("L'« opérateur » \"A\"");
        let (_, files) = script.split_once("const FILES = [").unwrap();
        let files: Vec<_> = files.split(']').next().unwrap().split(", ").collect();
        assert_eq!(files, [format!("\"{OFFLINE}\""), format!("\"{}\"", assets::path("base.css"))]);
        // Nothing that is asked for on the way is put into what is kept.
        assert!(!script.contains(".put(") && !script.contains("/*") && script.matches("addAll").count() == 1);
        assert!(script.len() < 4_800, "{}", script.len());
        // And says that there is mail, in both languages, whatever a push holds.
        let said = script.lines().find_map(|line| line.strip_prefix("const NEWS = ")?.strip_suffix(';')).unwrap();
        let said: serde_json::Value = serde_json::from_str(said).unwrap();
        assert_eq!(said["title"], "L'« opérateur » \"A\"");
        assert!(said["fr"] != said["en"] && !said.to_string().contains("phone."), "{said}");
        assert!(!script.contains("event.data"), "{script}");
        // A browser that renews says so at a form that there is, or its person hears of it, in both languages.
        assert!(said["lost"]["fr"] != said["lost"]["en"] && said["lost"]["fr"].is_string(), "{said}");
        let form = script.lines().find_map(|line| line.strip_prefix("const RENEW = \"")?.strip_suffix("\";")).unwrap();
        assert!(include_str!("../account/mod.rs").contains(&format!("\"{form}\", post(")), "{form}");
        assert!(script.contains("addEventListener(\"pushsubscriptionchange\""), "{script}");
    }
}
