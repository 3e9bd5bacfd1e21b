//! The HTML of a message in a document of its own: without an origin, without anything that it may load or run. The frame of the page shows it, and so does
//! what is printed.
//!
//! Its pictures stand in it as `data:`: a document without an origin gets no cookie sent, so it could ask us for nothing, and asks nobody.
use super::{way_out, word};
use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_message::safe_html::{Clean, linked};
use sceau_operator::desk::message::{Party, Reading};
use sceau_web::{Visitor, layout, seated};

/// In the frame of our page.
const FRAMED: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'self'";
/// By itself, to be printed.
const ALONE: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
    base-uri 'none'; frame-ancestors 'none'";

/// A line of the head of what is printed: what it is, and markup of ours.
type Line = (String, String);

#[derive(Template)]
#[template(path = "message/frame.html")]
struct Document {
    lang: &'static str,
    title: String,
    /// What is printed above the text; nothing in the frame.
    lines: Vec<Line>,
    /// What was left out, said.
    notes: Vec<String>,
    /// The text, markup that was made harmless.
    body: String,
    /// It is plain text.
    plain: bool,
}

/// The answer. It says nothing of openers: a document in a sandbox that did would not be shown (HTML, *cross-origin opener policies*).
fn answer(document: &Document, policy: &'static str, framed: &'static str) -> Response {
    let Ok(html) = document.render() else { return sceau_web::Problem::from(RefusalCode::Defect).into_response() };
    let headers: HeaderMap = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, framed),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect();
    (StatusCode::OK, headers, html).into_response()
}

/// The text of a message as markup, whether it is plain text, and what was left out, said.
type Body = (String, bool, Vec<String>);

/// HTML that was made harmless.
fn of_html(visitor: &Visitor, clean: Clean) -> Body {
    let mut notes = Vec::new();
    if clean.left_out.remote > 0 {
        let count = clean.left_out.remote.to_string();
        notes.push(text(visitor.lang, "message.frame.remote", &[("count", &count)]));
    }
    if clean.left_out.own > 0 {
        let count = clean.left_out.own.to_string();
        notes.push(text(visitor.lang, "message.frame.own", &[("count", &count)]));
    }
    if clean.left_out.active > 0 {
        notes.push(visitor.t("message.frame.active"));
    }
    (clean.html, false, notes)
}

/// The words of a message.
fn of_words(visitor: &Visitor, b: &str, reading: &Reading) -> Body {
    let mut notes = Vec::new();
    if reading.html {
        notes.push(visitor.t("message.frame.too_much"));
    }
    if reading.cut {
        notes.push(visitor.t("message.cut"));
    }
    (linked(&reading.text, &*way_out(&visitor.op, b)), true, notes)
}

/// The text of a message: its HTML, else its words. `all`: with what stands above it.
async fn made(visitor: &Visitor, b: &str, m: &str, all: bool) -> Result<(Body, Option<Reading>), Box<Response>> {
    let actor = seated(visitor, b).await?;
    let no = |refusal: Refusal| Box::new(visitor.refused(&refusal));
    let clean = visitor.op.message_html(&actor, m, way_out(&visitor.op, b)).await.map_err(no)?;
    let reading = match all || clean.is_none() {
        true => Some(visitor.op.read_message(&actor, m).await.map_err(no)?),
        false => None,
    };
    let body = match (clean, &reading) {
        (Some(clean), _) => of_html(visitor, clean),
        (None, Some(reading)) => of_words(visitor, b, reading),
        (None, None) => Body::default(),
    };
    Ok((body, reading))
}

/// `GET /bal/{b}/message/{m}/corps`: the text, for the frame.
pub(super) async fn body_of(visitor: Visitor, Path((b, m)): Path<(String, String)>) -> Response {
    let (body, plain, notes) = match made(&visitor, &b, &m, false).await {
        Ok((body, ..)) => body,
        Err(answer) => return *answer,
    };
    let title = visitor.t("message.frame.title");
    let document = Document { lang: visitor.lang.as_str(), title, lines: Vec::new(), notes, body, plain };
    answer(&document, FRAMED, "SAMEORIGIN")
}

/// `GET /bal/{b}/message/{m}/imprimer`: the message as it is printed.
pub(super) async fn print(visitor: Visitor, Path((b, m)): Path<(String, String)>) -> Response {
    let ((body, plain, notes), reading) = match made(&visitor, &b, &m, true).await {
        Ok((body, Some(reading))) => (body, reading),
        Ok((_, None)) => return visitor.refused(&RefusalCode::EntryUnknown.into()),
        Err(answer) => return *answer,
    };
    let (lang, place) = (visitor.lang, visitor.op.place().await);
    let people = |list: &[Party]| list.iter().map(|p| word(&named(p))).collect::<Vec<_>>().join(", ");
    let pieces = reading.pieces.iter().filter(|p| !p.within).map(|p| word(&p.name)).collect::<Vec<_>>().join(", ");
    let lines = [
        ("message.from", people(&reading.from)),
        ("message.to", people(&reading.to)),
        ("message.cc", people(&reading.cc)),
        ("message.received", layout::instant(lang, reading.received, place)),
        ("message.pieces.title", pieces),
    ];
    let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<Line> = lines.map(|(key, value)| (visitor.t(key), value)).collect();
    let title = title(lang, &reading.subject);
    answer(&Document { lang: lang.as_str(), title, lines, notes, body, plain }, ALONE, "DENY")
}

/// A person as a message names them.
pub(super) fn named(party: &Party) -> String {
    match party.name.as_str() {
        "" => party.address.clone(),
        name => format!("{name} <{}>", party.address),
    }
}

/// A subject, or that there is none.
pub(super) fn title(lang: Lang, subject: &str) -> String {
    if subject.is_empty() { text(lang, "message.no_subject", &[]) } else { subject.to_owned() }
}
