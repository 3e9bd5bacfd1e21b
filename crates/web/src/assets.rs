//! What pages load: style sheets, scripts, pictures, all part of the program. Each is at `/f/{digest}/{name}`, where the digest is one over all of them: a
//! browser keeps a file for as long as it likes, and files that name each other (`import "./base.js"`) stay together.
//!
//! Promises: nothing is read from a disk; a page of another version (while nodes are replaced) gets our file, kept by nobody; a compressed form is made once.
use crate::State;
use crate::pages::layout;
use crate::route::get;
use aws_lc_rs::digest::{Context, SHA256};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sceau_domain::RefusalCode;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

/// A file: its name, its type, its bytes.
pub type Asset = (&'static str, &'static str, &'static [u8]);

/// The pages' icon.
pub(crate) const ICON: &str = "icon.svg";
/// The same for whoever asks for it without having been told where it is.
const FAVICON: &[u8] = include_bytes!("../assets/icon.png");

/// Those of every room.
const SHARED: &[Asset] = &[
    ("base.css", "text/css; charset=utf-8", include_bytes!("../assets/base.css")),
    ("base.js", "text/javascript; charset=utf-8", include_bytes!("../assets/base.js")),
    ("icons.svg", "image/svg+xml", include_bytes!("../assets/icons.svg")),
    (ICON, "image/svg+xml", include_bytes!("../assets/icon.svg")),
];

#[derive(Debug)]
struct Kept {
    kind: &'static str,
    bytes: &'static [u8],
    packed: Arc<OnceLock<Bytes>>,
}

#[derive(Debug, Default)]
struct Table {
    files: BTreeMap<&'static str, Kept>,
    digest: String,
}

impl Table {
    fn add(&mut self, assets: &'static [Asset]) {
        for &(name, kind, bytes) in assets {
            self.files.insert(name, Kept { kind, bytes, packed: Arc::default() });
        }
        let mut whole = Context::new(&SHA256);
        for (name, file) in &self.files {
            for part in [name.as_bytes(), file.bytes] {
                whole.update(&part.len().to_be_bytes());
                whole.update(part);
            }
        }
        self.digest = whole.finish().as_ref().iter().take(5).map(|b| format!("{b:02x}")).collect();
    }
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(|| {
    let mut table = Table::default();
    table.add(SHARED);
    RwLock::new(table)
});

/// A room's own files: before its pages are shown. Once more does nothing.
pub fn add(assets: &'static [Asset]) {
    TABLE.write().unwrap_or_else(PoisonError::into_inner).add(assets);
}

/// Where a file is.
pub fn path(name: &str) -> String {
    format!("/f/{}/{name}", TABLE.read().unwrap_or_else(PoisonError::into_inner).digest)
}

/// Every file that there is, with its size as it is sent compressed, bytes.
pub fn sizes() -> Vec<(&'static str, usize)> {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    table.files.iter().map(|(name, file)| (*name, packed(file.bytes).len())).collect()
}

/// Where files are served: at every door that has pages.
pub(crate) fn routes() -> Router<State> {
    Router::new().route("/f/{digest}/{name}", get(serve)).route("/favicon.ico", get(favicon))
}

/// `GET /favicon.ico`: browsers ask for it at answers that are no pages, whatever our pages say.
async fn favicon() -> Response {
    (layout::headers("image/png", "public, max-age=86400"), FAVICON).into_response()
}

/// `GET /f/{digest}/{name}`
async fn serve(Path((digest, name)): Path<(String, String)>, asked: HeaderMap) -> Response {
    let found = {
        let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
        table.files.get(name.as_str()).map(|f| (f.kind, f.bytes, f.packed.clone(), table.digest == digest))
    };
    let Some((kind, bytes, packing, ours)) = found else {
        return crate::Problem::from(RefusalCode::NotFound).into_response();
    };
    let keep = if ours { "public, max-age=31536000, immutable" } else { "no-store" };
    let mut headers = layout::headers(kind, keep);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !unpacks(&asked) {
        return (headers, Body::from(bytes)).into_response();
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let packed = packing.get_or_init(|| packed(bytes)).clone();
    (headers, Body::from(packed)).into_response()
}

/// Does whoever asks take gzip?
pub(crate) fn unpacks(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.next().is_none_or(|q| q != "q=0")
    })
}

fn packed(bytes: &[u8]) -> Bytes {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    // Into memory: it cannot fail.
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::http::StatusCode;

    #[tokio::test]
    async fn a_file_is_kept_for_ever_at_its_own_address_alone() {
        let at = path("base.css");
        let (_, rest) = at.split_once("/f/").unwrap();
        let digest = rest.split('/').next().unwrap().to_owned();
        assert!(digest.len() == 10 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{digest}");
        let ask = async |digest: &str, name: &str, encoding: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
            serve(Path((digest.to_owned(), name.to_owned())), headers).await
        };
        let whole = ask(&digest, "base.css", "identity").await;
        assert!(whole.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(whole.headers()["content-type"], "text/css; charset=utf-8");
        let plain = to_bytes(whole.into_body(), 1 << 20).await.unwrap();
        let small = ask(&digest, "base.css", "br, gzip").await;
        assert_eq!(small.headers()["content-encoding"], "gzip");
        let small = to_bytes(small.into_body(), 1 << 20).await.unwrap();
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&small[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
        assert_eq!(ask("0000000000", "base.css", "").await.headers()["cache-control"], "no-store");
        assert_eq!(ask(&digest, "../Cargo.toml", "").await.status(), StatusCode::NOT_FOUND);
        let refuses = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=0"))]);
        assert!(!unpacks(&refuses));
    }

    /// Markup is made in one place, and nothing is made into a program.
    #[test]
    fn markup_is_made_in_one_place() {
        let script = include_str!("../assets/base.js");
        assert_eq!(script.matches("innerHTML").count(), 1);
        for never in ["outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style="] {
            assert!(!script.contains(never), "{never}");
        }
    }

    /// What a page costs: each file as it is sent, bytes.
    #[test]
    fn files_stay_within_their_budget() {
        for (name, most) in [("base.css", 9 << 10), ("base.js", 3 << 10), ("icons.svg", 5 << 10)] {
            let (_, size) = sizes().into_iter().find(|(n, _)| *n == name).unwrap();
            assert!(size <= most, "{name}: {size} of {most}");
        }
    }
}
