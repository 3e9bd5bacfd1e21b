//! What the form does: saves, joins files, takes them out, sends now or later, throws away.
use super::page::{self, At, Beside, show};
use super::remind::speaks_of_a_piece;
use crate::shared::overtaken;
use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Form, FromRequest, Multipart, Path, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_operator::Actor;
use sceau_operator::desk::letters::{Draft, DraftView};
use sceau_web::part::PartName;
use sceau_web::{Shell, Visitor, seated};
use serde::Deserialize;

/// Bytes of a file that are kept at a time.
const PIECE: usize = 1 << 20;
/// How a form says that its editor is on.
const RICH: &str = "riche";
/// Longest text of a field, bytes.
const FIELD: usize = 1 << 20;

/// What was sent, but for files.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Sheet {
    jeton: String,
    /// The version that was changed; 0: it is not kept yet.
    version: String,
    a: String,
    cc: String,
    cci: String,
    objet: String,
    texte: String,
    /// The same with its form, as HTML.
    riche: String,
    /// [`RICH`]: what the editor holds counts, and the text is made of it.
    forme: String,
    repondre: String,
    mode: String,
    /// When it is to leave, by the clock of the place.
    quand: String,
    /// Who is looked for.
    cherche: String,
    faire: String,
}

impl Sheet {
    fn set(&mut self, name: &str, value: String) {
        let field = match name {
            "jeton" => &mut self.jeton,
            "version" => &mut self.version,
            "a" => &mut self.a,
            "cc" => &mut self.cc,
            "cci" => &mut self.cci,
            "objet" => &mut self.objet,
            "texte" => &mut self.texte,
            "riche" => &mut self.riche,
            "forme" => &mut self.forme,
            "repondre" => &mut self.repondre,
            "mode" => &mut self.mode,
            "quand" => &mut self.quand,
            "cherche" => &mut self.cherche,
            "faire" => &mut self.faire,
            _ => return,
        };
        *field = value;
    }
    /// Puts whoever was found into a field, where the button says so; did it?
    fn add(&mut self) -> bool {
        let Some((field, who)) = self.faire.strip_prefix("vers-").and_then(|to| to.split_once(' ')) else {
            return false;
        };
        let (list, who) = match field {
            "a" => (&mut self.a, who),
            "cc" => (&mut self.cc, who),
            "cci" => (&mut self.cci, who),
            _ => return false,
        };
        let before = list.trim_end_matches([',', ';', ' ']);
        *list = if before.is_empty() { who.to_owned() } else { format!("{before}, {who}") };
        true
    }
    /// What was typed. Where no script runs the form of a letter stays as long as its text does.
    fn draft(&self) -> Draft {
        let plain = Draft {
            to: self.a.clone(),
            cc: self.cc.clone(),
            bcc: self.cci.clone(),
            subject: self.objet.clone(),
            text: self.texte.replace("\r\n", "\n"),
            html: String::new(),
        };
        match (Draft { html: self.riche.clone(), ..plain.clone() }).settled() {
            Ok(rich) if self.forme == RICH || rich.text.trim_end() == plain.text.trim_end() => rich,
            _ => plain,
        }
    }
}

/// The form again, for whoever's session ended: nothing that was typed is lost.
#[derive(Template)]
#[template(path = "write/again.html")]
struct Again {
    shell: Shell,
    sentence: String,
    action: String,
    jeton: String,
    sheet: Sheet,
}

/// Whose form it is, and of which draft: its BAL and what names it.
struct Desk<'a> {
    visitor: &'a Visitor,
    b: &'a str,
    d: &'a str,
}

/// Why nothing came of it: the answer, or a refusal that is shown beside what was typed, with the draft as it is kept.
enum Stopped {
    Answer(Box<Response>),
    Shown(Box<(Actor, Option<DraftView>, Refusal)>),
}

/// `POST /bal/{b}/ecrire/{d}`
pub(super) async fn take(visitor: Visitor, Path((b, d)): Path<(String, String)>, request: Request) -> Response {
    Box::pin(read(Desk { visitor: &visitor, b: &b, d: &d }, request)).await
}

/// Reads the form, its fields first; files go where they belong as they come.
async fn read(desk: Desk<'_>, request: Request) -> Response {
    let visitor = desk.visitor;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        return match fields(request).await {
            Ok(sheet) => desk.act(sheet, None).await,
            Err(refusal) => visitor.refused(&refusal),
        };
    }
    let Ok(mut form) = Multipart::from_request(request, &()).await else { return visitor.refused(&invalid()) };
    let (mut sheet, mut kept) = (Sheet::default(), None);
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => return desk.act(sheet, kept).await,
            Err(e) => return visitor.refused(&broken(&e)),
        };
        let name = field.name().unwrap_or_default().to_owned();
        if name != "pieces" {
            match text_of(field).await {
                Ok(value) => sheet.set(&name, value),
                Err(refusal) => return visitor.refused(&refusal),
            }
            continue;
        }
        // A form of a session that ended keeps no file: what was typed is shown again.
        if field.file_name().is_none_or(str::is_empty) || visitor.ours(&sheet.jeton).is_err() {
            continue;
        }
        if kept.is_none() {
            match desk.keep(&sheet).await {
                Ok(found) => kept = Some(found),
                Err(stopped) => return desk.stopped(&sheet, stopped).await,
            }
        }
        let Some((actor, view)) = &kept else { continue };
        if let Err(refusal) = join(visitor, actor, view, field).await {
            let (actor, view) = (actor.clone(), visitor.op.read_draft(actor, view.id).await.ok());
            return desk.stopped(&sheet, Stopped::Shown(Box::new((actor, view, refusal)))).await;
        }
    }
}

/// A form without files.
async fn fields(request: Request) -> Result<Sheet, Refusal> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 2 * FIELD).await.map_err(|_| RefusalCode::MessageTooBig)?;
    let form = Form::<Sheet>::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await;
    form.map(|Form(sheet)| sheet).map_err(|_| invalid())
}

/// A field of text.
async fn text_of(mut field: Field<'_>) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|e| broken(&e))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD {
            return Err(invalid());
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

/// Keeps a file as it comes.
async fn join(visitor: &Visitor, actor: &Actor, view: &DraftView, mut field: Field<'_>) -> Result<(), Refusal> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let kind = field.content_type().unwrap_or("application/octet-stream").to_owned();
    let file = visitor.op.begin_upload(actor, view.id, &name, &kind, None).await?;
    let (mut held, mut at) = (Vec::with_capacity(PIECE), 0);
    while let Some(chunk) = field.chunk().await.map_err(|e| broken(&e))? {
        held.extend_from_slice(&chunk);
        if held.len() >= PIECE {
            at = visitor.op.push_piece(actor, file.id, at, &held).await?;
            held.clear();
        }
    }
    if !held.is_empty() {
        visitor.op.push_piece(actor, file.id, at, &held).await?;
    }
    visitor.op.end_upload(actor, file.id).await
}

fn invalid() -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", "form")
}

/// Why a form could not be read to its end.
fn broken(e: &MultipartError) -> Refusal {
    match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => RefusalCode::MessageTooBig.into(),
        _ => invalid(),
    }
}

impl Desk<'_> {
    /// Its place, with from what it goes on.
    fn at<'s>(&'s self, sheet: &'s Sheet) -> At<'s> {
        At { b: self.b, code: self.d, message: &sheet.repondre, mode: &sheet.mode, template: "" }
    }

    /// Sits down and keeps what was typed.
    async fn keep(&self, sheet: &Sheet) -> Result<(Actor, DraftView), Stopped> {
        let visitor = self.visitor;
        let actor = seated(visitor, self.b).await.map_err(Stopped::Answer)?;
        let id = match visitor.op.draft_of_object(self.d) {
            Some(id) => id,
            None => return Err(Stopped::Answer(Box::new(visitor.refused(&RefusalCode::NotFound.into())))),
        };
        let kept = match sheet.version.parse() {
            Ok(0) => {
                let start = page::start(&sheet.repondre, &sheet.mode);
                visitor.op.new_draft(&actor, id, &start, sheet.draft()).await
            }
            Ok(version) => visitor.op.save_draft(&actor, id, version, sheet.draft()).await,
            Err(_) => Err(invalid()),
        };
        match kept {
            Ok(view) => Ok((actor, view)),
            Err(refusal) => {
                let view = visitor.op.read_draft(&actor, id).await.ok();
                Err(Stopped::Shown(Box::new((actor, view, refusal))))
            }
        }
    }

    /// What was typed, with why nothing came of it.
    async fn stopped(&self, sheet: &Sheet, stopped: Stopped) -> Response {
        let (actor, view, refusal) = match stopped {
            Stopped::Answer(answer) => return *answer,
            Stopped::Shown(shown) => *shown,
        };
        // A script keeps what was typed where it is.
        if self.visitor.part.is_some() {
            return self.visitor.refused(&refusal);
        }
        let beside = Beside { typed: Some(sheet.draft()), refusal: Some(refusal), ..Beside::default() };
        show(self.visitor, &actor, &self.at(sheet), view.as_ref(), beside).await
    }

    /// Does what the button says. `kept`: files came before it, so that the draft is kept already.
    async fn act(&self, mut sheet: Sheet, kept: Option<(Actor, DraftView)>) -> Response {
        let visitor = self.visitor;
        match visitor.ours(&sheet.jeton) {
            Ok(()) => {}
            Err(refusal) if refusal.code == RefusalCode::FormOld && visitor.part.is_none() => {
                return self.again(sheet, refusal).await;
            }
            Err(refusal) => return visitor.refused(&refusal),
        }
        if sheet.faire == "jeter" {
            return self.throw_away().await;
        }
        let added = sheet.add();
        if let Some((_, view)) = &kept {
            sheet.version = view.version.to_string();
        }
        let (actor, view) = match kept.filter(|_| !added) {
            // With the files that came.
            Some((actor, view)) => match visitor.op.read_draft(&actor, view.id).await {
                Ok(view) => (actor, view),
                Err(refusal) => return visitor.refused(&refusal),
            },
            None => match self.keep(&sheet).await {
                Ok(kept) => kept,
                Err(stopped) => return self.stopped(&sheet, stopped).await,
            },
        };
        let (op, at) = (&visitor.op, self.at(&sheet));
        let (here, outbox) = (at.path(), format!("/bal/{}/envois", self.b));
        // Who is about to answer second, and who forgot a piece, is asked once.
        let second = sheet.faire == "envoyer" && overtaken(visitor, &actor, &view).await;
        let forgot = view.carried.is_empty() && view.uploads.is_empty() && speaks_of_a_piece(&view.draft.text);
        let done = match sheet.faire.as_str() {
            // A script saves by itself: mail programs see what one keeps on purpose.
            _ if visitor.part == Some(PartName::Draft) => {
                return show(visitor, &actor, &at, Some(&view), Beside::default()).await;
            }
            "envoyer" if forgot || second => {
                let beside = Beside { reminds: forgot, overtaken: second, ..Beside::default() };
                return show(visitor, &actor, &at, Some(&view), beside).await;
            }
            "envoyer" | "envoyer-tel-quel" => op.send_draft(&actor, view.id, view.version, None).await.map(|_| outbox),
            "programmer" => match instant(&sheet.quand, visitor).await {
                Some(at) => {
                    let sent = op.send_draft(&actor, view.id, view.version, Some(at)).await;
                    sent.map(|_| outbox)
                }
                None => Err(Refusal::new(RefusalCode::Invalid).with("name", "quand")),
            },
            "chercher" => {
                let beside = Beside { asked: Some(sheet.cherche.clone()), ..Beside::default() };
                return show(visitor, &actor, &at, Some(&view), beside).await;
            }
            "joindre" => Ok(here),
            _ if added => Ok(here),
            faire => match faire.strip_prefix("retirer-").map(|code| op.upload_of_object(code)) {
                Some(Some(file)) => op.remove_upload(&actor, view.id, file).await.map(|()| here),
                Some(None) => Err(RefusalCode::NotFound.into()),
                None => op.file_draft(&actor, view.id).await.map(|()| here),
            },
        };
        match done {
            Ok(to) => visitor.see(&to),
            Err(refusal) => self.stopped(&sheet, Stopped::Shown(Box::new((actor, Some(view), refusal)))).await,
        }
    }

    async fn throw_away(&self) -> Response {
        let visitor = self.visitor;
        let actor = match seated(visitor, self.b).await {
            Ok(actor) => actor,
            Err(answer) => return *answer,
        };
        let dropped = match visitor.op.draft_of_object(self.d) {
            Some(id) => visitor.op.drop_draft(&actor, id).await,
            None => Err(RefusalCode::NotFound.into()),
        };
        match dropped {
            Ok(()) => visitor.see(&format!("/bal/{}", self.b)),
            // It was not kept yet.
            Err(refusal) if refusal.code == RefusalCode::NotFound => visitor.see(&format!("/bal/{}", self.b)),
            Err(refusal) => visitor.refused(&refusal),
        }
    }

    /// The page is of a session that ended: what was typed is shown again, with a word of the present one; without one, to be sent once one signed in.
    async fn again(&self, sheet: Sheet, refusal: Refusal) -> Response {
        let visitor = self.visitor;
        if let Ok(actor) = seated(visitor, self.b).await {
            let view = match visitor.op.draft_of_object(self.d) {
                Some(id) => visitor.op.read_draft(&actor, id).await.ok(),
                None => None,
            };
            let beside = Beside { typed: Some(sheet.draft()), refusal: Some(refusal), ..Beside::default() };
            return show(visitor, &actor, &self.at(&sheet), view.as_ref(), beside).await;
        }
        let (status, sentence) = visitor.told(&refusal);
        let path = self.at(&sheet).path();
        let shell = visitor.shell("/connexion");
        let page = Again { shell, sentence, action: visitor.to(&path), jeton: visitor.field(&path), sheet };
        visitor.screen(status, &page)
    }
}

/// What was picked as `2026-11-24T08:30`, by the clock of the operator's place.
async fn instant(picked: &str, visitor: &Visitor) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = picked.trim().parse().ok()?;
    let zoned = civil.to_zoned(visitor.op.place().await.clock()).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}
