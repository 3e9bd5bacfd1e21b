//! Files by pieces, for the script: it tells how far it is, and goes on where a connection stopped.
use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Form, FromRequest, Path, Query, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};
use sceau_web::{Sent, Visitor, seated};
use serde::Deserialize;
use serde_json::json;

/// Largest piece, bytes.
const PIECE: usize = 2 << 20;

/// A file that is to come.
#[derive(Deserialize)]
pub(super) struct File {
    nom: String,
    #[serde(default)]
    sorte: String,
    taille: u64,
}

/// Where a piece begins.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    a: u64,
}

/// The word of a form.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Word {
    jeton: String,
}

/// Where files of a draft begin.
pub(super) fn path(draft: &str) -> String {
    format!("{draft}/piece")
}

/// `POST /bal/{b}/ecrire/{d}/piece`: begins a file; where its pieces go, with their word.
pub(super) async fn begin(Path((b, d)): Path<(String, String)>, Sent(visitor, file): Sent<File>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Some(draft) = visitor.op.draft_of_object(&d) else { return visitor.refused(&RefusalCode::NotFound.into()) };
    match visitor.op.begin_upload(&actor, draft, &file.nom, &file.sorte, Some(file.taille)).await {
        Ok(file) => {
            let to = format!("/bal/{b}/ecrire/{d}/piece/{}", file.code);
            let jeton = visitor.field(&to);
            Json(json!({ "to": to, "jeton": jeton, "held": file.held })).into_response()
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /bal/{b}/ecrire/{d}/piece/{u}?a=`: the next bytes; how many are held then. A piece that continues nothing is told where to go on.
pub(super) async fn push(
    visitor: Visitor,
    Path((b, _, u)): Path<(String, String, String)>,
    Query(Place { a }): Query<Place>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let Ok(bytes) = to_bytes(request.into_body(), PIECE).await else {
        return visitor.refused(&RefusalCode::MessageTooBig.into());
    };
    if let Err(refusal) = visitor.ours(&word(&headers, &bytes).await) {
        return visitor.refused(&refusal);
    }
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Some(file) = visitor.op.upload_of_object(&u) else { return visitor.refused(&RefusalCode::NotFound.into()) };
    match visitor.op.push_piece(&actor, file, a, &bytes).await {
        Ok(held) => Json(json!({ "held": held })).into_response(),
        Err(refusal) => match held(&refusal) {
            Some(held) => Json(json!({ "held": held })).into_response(),
            None => visitor.refused(&refusal),
        },
    }
}

/// How much of a file is held, where a piece did not continue it.
fn held(refusal: &Refusal) -> Option<u64> {
    let limit = refusal.args.iter().find(|(name, _)| *name == "limit").map(|(_, value)| value);
    limit.filter(|_| refusal.code == RefusalCode::UploadGap)?.parse().ok()
}

/// The word of a request: in its header; of a form, in its field.
async fn word(headers: &HeaderMap, bytes: &Bytes) -> String {
    if let Some(word) = headers.get("x-sceau-jeton").and_then(|w| w.to_str().ok()) {
        return word.to_owned();
    }
    let kind = headers.get(header::CONTENT_TYPE).cloned();
    let Some(kind) = kind.filter(|k| k.as_bytes().starts_with(b"application/x-www-form-urlencoded")) else {
        return String::new();
    };
    let request = Request::post("/").header(header::CONTENT_TYPE, kind).body(bytes.clone().into());
    let Ok(request) = request else { return String::new() };
    Form::<Word>::from_request(request, &()).await.map(|Form(word)| word.jeton).unwrap_or_default()
}
