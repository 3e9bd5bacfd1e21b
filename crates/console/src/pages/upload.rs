//! Files that are sent from a page: people to add, reference tables. They are worked through as they arrive, never held whole.
use super::or_refused;
use crate::act::Form;
use crate::carry::invalid;
use crate::frame::{Ask, Frame, sheet};
use axum::body::{Body, to_bytes};
use axum::extract::multipart::{Field as Part, MultipartError};
use axum::extract::{Form as Plain, FromRequest, Multipart, Path, Request};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use sceau_domain::reference::Layout;
use sceau_domain::{Refusal, RefusalCode, UseCase};
use sceau_operator::imports::NewImport;
use sceau_operator::reference::NewReference;
use sceau_web::{Shell, Visitor};

/// Longest text of a field beside the file, bytes, and how many fields there may be.
const FIELD: usize = 4_000;
const FIELDS: usize = 8;
/// Largest body of a form with a file: of people (the operator's own limit is asked besides), of a reference table.
pub(crate) const PEOPLE: usize = 64 << 20;
pub(crate) const TABLE: usize = 1 << 30;

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    People,
    Table,
}

impl Kind {
    fn needs(self) -> UseCase {
        match self {
            Self::People => UseCase::ImportStart,
            Self::Table => UseCase::ReferenceImport,
        }
    }
    /// Its name below `console.upload`.
    fn key(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Table => "table",
        }
    }
    fn place(self) -> &'static str {
        match self {
            Self::People => "imports",
            Self::Table => "references",
        }
    }
    /// Lines, then what is so or not.
    fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::People => (&["structure"], &["dry_run", "certified"]),
            Self::Table => (&["source"], &[]),
        }
    }
}

/// A field of the page: id, name, label, help, value.
struct Shown {
    id: String,
    name: &'static str,
    label: String,
    help: String,
    value: String,
}

#[derive(askama::Template)]
#[template(path = "upload.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    title: String,
    about: String,
    what: String,
    error: String,
    action: String,
    lines: Vec<Shown>,
    ticks: Vec<Shown>,
    file: Shown,
    back: (String, String),
}

/// The form, with what was filled in; after a refusal it says why not.
fn page(ask: &Ask, kind: Kind, id: &str, form: &Form, refused: Option<&Refusal>) -> Response {
    let (status, error) = match refused {
        Some(refusal) => ask.visitor.told(refusal),
        None => (StatusCode::OK, String::new()),
    };
    let field = |name: &'static str| Shown {
        id: format!("c-{name}"),
        name,
        label: ask.t(&format!("field.{name}")),
        help: ask.help(name),
        value: form.get(name).cloned().unwrap_or_default(),
    };
    let (lines, ticks) = kind.fields();
    let back = if id.is_empty() { format!("/console/{}", kind.place()) } else { sheet(kind.place(), id) };
    let page = Page {
        shell: ask.shell(),
        frame: ask.frame(),
        title: ask.t(&format!("upload.{}.title", kind.key())),
        about: id.to_owned(),
        what: ask.t(&format!("upload.{}.what", kind.key())),
        error,
        action: ask.path().to_owned(),
        lines: lines.iter().map(|name| field(name)).collect(),
        ticks: ticks.iter().map(|name| field(name)).collect(),
        file: field("file"),
        back: (ask.visitor.to(&back), ask.t("leave")),
    };
    ask.visitor.screen(status, &page)
}

/// Does the asker's role have this? `right.missing`.
fn allowed(ask: &Ask, kind: Kind) -> Result<(), Refusal> {
    let needs = kind.needs();
    if ask.may(needs) { Ok(()) } else { Err(Refusal::new(RefusalCode::RightMissing).with("name", needs.as_str())) }
}

fn shown(ask: &Ask, kind: Kind, id: &str) -> Result<Response, Refusal> {
    allowed(ask, kind)?;
    let mut form = Form::new();
    let (lines, _) = kind.fields();
    for name in lines {
        form.insert((*name).to_owned(), ask.given(name).unwrap_or_default().to_owned());
    }
    // The first time, nothing is changed unless somebody wants it.
    let dry = if ask.given("dry_run") == Some("non") { "" } else { "oui" };
    form.insert("dry_run".to_owned(), dry.to_owned());
    Ok(page(ask, kind, id, &form, None))
}

/// `GET /console/imports/nouveau`
pub(crate) async fn people(ask: Ask) -> Response {
    or_refused(&ask, shown(&ask, Kind::People, ""))
}

/// `GET /console/references/{id}/importer`
pub(crate) async fn table(Path(id): Path<String>, ask: Ask) -> Response {
    or_refused(&ask, shown(&ask, Kind::Table, &id))
}

/// `POST /console/imports/nouveau`
pub(crate) async fn send_people(visitor: Visitor, uri: Uri, request: Request) -> Response {
    Box::pin(taken(visitor, uri, request, Kind::People, String::new())).await
}

/// `POST /console/references/{id}/importer`
pub(crate) async fn send_table(visitor: Visitor, uri: Uri, Path(id): Path<String>, request: Request) -> Response {
    Box::pin(taken(visitor, uri, request, Kind::Table, id)).await
}

/// Reads the form, its fields first; the file goes where it belongs as it comes.
async fn taken(visitor: Visitor, uri: Uri, request: Request, kind: Kind, id: String) -> Response {
    let sort = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !sort.starts_with("multipart/form-data") {
        // A form that was built by hand: it has no file.
        let form = plain(request).await;
        return refused(visitor, &uri, kind, &id, &form, &invalid("file")).await;
    }
    let Ok(mut parts) = Multipart::from_request(request, &()).await else {
        return visitor.refused(&invalid("form"));
    };
    let mut form = Form::new();
    loop {
        let part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return refused(visitor, &uri, kind, &id, &form, &invalid("file")).await,
            Err(e) => return visitor.refused(&broken(&e)),
        };
        let name = part.name().unwrap_or_default().to_owned();
        if name != "file" {
            match line(part).await {
                Ok(value) if form.len() < FIELDS => drop(form.insert(name, value)),
                Ok(_) => return visitor.refused(&invalid("form")),
                Err(refusal) => return visitor.refused(&refusal),
            }
            continue;
        }
        if part.file_name().is_none_or(str::is_empty) {
            return refused(visitor, &uri, kind, &id, &form, &invalid("file")).await;
        }
        let ask = match asked(visitor, &uri, kind, &form).await {
            Ok(ask) => ask,
            Err(answer) => return *answer,
        };
        let to = match kind {
            Kind::People => import(&ask, &form, part).await,
            Kind::Table => reference(&ask, &id, &form, part).await,
        };
        return match to {
            Ok(to) => ask.visitor.see(&to),
            Err(refusal) => page(&ask, kind, &id, &form, Some(&refusal)),
        };
    }
}

/// Whoever sent the form from a page of ours, and may.
async fn asked(visitor: Visitor, uri: &Uri, kind: Kind, form: &Form) -> Result<Ask, Box<Response>> {
    if let Err(refusal) = visitor.ours(form.get("jeton").map_or("", String::as_str)) {
        return Err(Box::new(visitor.refused(&refusal)));
    }
    let ask = Ask::of(visitor, uri.path(), uri.query().unwrap_or_default()).await?;
    match allowed(&ask, kind) {
        Ok(()) => Ok(ask),
        Err(refusal) => Err(Box::new(ask.refused(&refusal))),
    }
}

async fn refused(visitor: Visitor, uri: &Uri, kind: Kind, id: &str, form: &Form, why: &Refusal) -> Response {
    match asked(visitor, uri, kind, form).await {
        Ok(ask) => page(&ask, kind, id, form, Some(why)),
        Err(answer) => *answer,
    }
}

/// Why a form could not be read to its end.
fn broken(e: &MultipartError) -> Refusal {
    match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => RefusalCode::MessageTooBig.into(),
        _ => invalid("form"),
    }
}

/// A form without a file; empty where it is none, or longer than ours are.
async fn plain(request: Request) -> Form {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, FIELD * FIELDS).await else { return Form::new() };
    let form = Plain::<Form>::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await;
    form.map(|Plain(form)| form).unwrap_or_default()
}

/// A field of text.
async fn line(mut part: Part<'_>) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(|e| broken(&e))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD {
            return Err(invalid("form"));
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid("form"))
}

fn written(form: &Form, name: &str) -> Option<String> {
    form.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
}

/// People and BALs: where the import is shown.
async fn import(ask: &Ask, form: &Form, mut part: Part<'_>) -> Result<String, Refusal> {
    let new = NewImport {
        structure: written(form, "structure"),
        name: part.file_name().unwrap_or_default().to_owned(),
        dry: written(form, "dry_run").is_some(),
        certified: written(form, "certified").is_some(),
    };
    let mut intake = ask.op().start_import(&ask.actor, new).await?;
    loop {
        let poured = match part.chunk().await {
            Ok(Some(chunk)) => intake.push(&chunk).await,
            Ok(None) => return Ok(sheet("imports", &intake.finish().await?.id)),
            Err(e) => Err(broken(&e)),
        };
        if let Err(refusal) = poured {
            intake.give_up(&refusal).await;
            return Err(refusal);
        }
    }
}

/// A reference table: where it is shown.
async fn reference(ask: &Ask, id: &str, form: &Form, mut part: Part<'_>) -> Result<String, Refusal> {
    let source = written(form, "source").unwrap_or_default();
    let new = NewReference { name: id.to_owned(), source, layout: Layout::of(id) };
    let mut intake = ask.op().import_reference(&ask.actor, new).await?;
    loop {
        let poured = match part.chunk().await {
            Ok(Some(chunk)) => intake.push(&chunk).await,
            Ok(None) => return Ok(sheet("references", &intake.finish().await?.0.name)),
            Err(e) => Err(broken(&e)),
        };
        if let Err(refusal) = poured {
            intake.give_up().await;
            return Err(refusal);
        }
    }
}
