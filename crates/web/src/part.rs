//! Pieces of pages. A script asks the address of a page for one piece of it (`X-Sceau-Part`) and puts it where the page has it: there is one handler
//! and one address for both, and whoever has no script gets whole pages.
//!
//! Promises: a piece is what the page itself would show; a refusal is told as a code and a sentence, never as a redirect that a script would follow
//! into another page; no other site can ask for one (its browser says where the question comes from).
use crate::Visitor;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};
use std::convert::Infallible;
use std::fmt::{self, Write};

const PART: HeaderName = HeaderName::from_static("x-sceau-part");

/// A piece of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartName {
    /// Lines of a list, to be added to it.
    Rows,
    /// A list, whole.
    List,
    /// The pane in which one reads.
    Message,
    /// How many are unread, by folder and BAL.
    Counts,
    /// What is being written.
    Draft,
    /// Recipients with their verdicts, or suggestions.
    Chips,
    /// A table.
    Table,
    /// What became of an act.
    Told,
}

impl PartName {
    const ALL: [Self; 8] =
        [Self::Rows, Self::List, Self::Message, Self::Counts, Self::Draft, Self::Chips, Self::Table, Self::Told];
    /// As the header names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::List => "list",
            Self::Message => "message",
            Self::Counts => "counts",
            Self::Draft => "draft",
            Self::Chips => "chips",
            Self::Table => "table",
            Self::Told => "told",
        }
    }
}

/// Which piece of the page is asked for; none: the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(pub Option<PartName>);

impl Asked {
    /// What these headers ask for. A browser that says that another site asks is heard as if it asked for the page.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let said = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let ours = said("sec-fetch-site").is_none_or(|site| site == "same-origin");
        let name = said(PART.as_str()).filter(|_| ours);
        Self(name.and_then(|name| PartName::ALL.into_iter().find(|part| part.as_str() == name)))
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// What became of an act, and how it is taken back.
#[derive(Debug, Clone, askama::Template)]
#[template(path = "told.html")]
pub struct Told {
    /// What was done.
    pub sentence: String,
    /// How it is taken back.
    pub undo: Option<Undo>,
}

/// The form that takes an act back.
#[derive(Debug, Clone)]
pub struct Undo {
    /// Its address.
    pub to: String,
    /// Its word.
    pub jeton: String,
    /// The act.
    pub act: String,
    /// What its button says.
    pub label: String,
}

/// A page, or the piece of it that was asked for. A piece that this page does not have is answered by the page.
pub fn answer(
    visitor: &Visitor,
    asked: &Asked,
    page: &impl askama::Template,
    parts: &[(PartName, &dyn fmt::Display)],
) -> Response {
    match asked.0.and_then(|wanted| parts.iter().find(|(name, _)| *name == wanted)) {
        Some((name, piece)) => self::piece(visitor, *name, *piece),
        None => visitor.screen(StatusCode::OK, page),
    }
}

/// After an act: what became of it, for a script; else the page at `to`, which shows it by the act's number (`?fait=`).
pub fn done(visitor: &Visitor, asked: &Asked, to: &str, told: Told) -> Response {
    if asked.0 == Some(PartName::Told) {
        return piece(visitor, PartName::Told, &told);
    }
    match told.undo {
        Some(undo) => visitor.see(&format!("{to}{}fait={}", if to.contains('?') { '&' } else { '?' }, undo.act)),
        None => visitor.see(to),
    }
}

/// A piece.
fn piece(visitor: &Visitor, name: PartName, piece: &dyn fmt::Display) -> Response {
    let mut html = String::new();
    if write!(html, "{piece}").is_err() {
        return problem(visitor, &RefusalCode::Defect.into());
    }
    let mut headers = crate::layout::headers("text/html; charset=utf-8", "no-store");
    headers.insert(PART, HeaderValue::from_static(name.as_str()));
    visitor.answer((StatusCode::OK, headers, html).into_response())
}

/// Why not, for a script.
pub(crate) fn problem(visitor: &Visitor, refusal: &Refusal) -> Response {
    let (status, sentence) = visitor.told(refusal);
    let body = serde_json::json!({ "code": refusal.code.as_str(), "sentence": sentence });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_ask_for_pieces() {
        let asked = |pairs: &[(&'static str, &'static str)]| {
            Asked::of(&pairs.iter().map(|&(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect())
                .0
        };
        assert_eq!(asked(&[("x-sceau-part", "rows"), ("sec-fetch-site", "same-origin")]), Some(PartName::Rows));
        assert_eq!(asked(&[("x-sceau-part", "told")]), Some(PartName::Told));
        for other in [&[][..], &[("x-sceau-part", "x")], &[("x-sceau-part", "rows"), ("sec-fetch-site", "same-site")]] {
            assert_eq!(asked(other), None, "{other:?}");
        }
    }
}
