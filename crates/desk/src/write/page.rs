//! The page on which one writes.
use super::recipients::{Chips, Choice, chips, looked_for, path};
use crate::list::{Rail, rail};
use crate::shared::watched;
use crate::size;
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::safe_html::written;
use sceau_operator::Actor;
use sceau_operator::desk::letters::{Draft, DraftView, How, Start};
use sceau_operator::desk::sources::Quoted;
use sceau_web::part::{self, Asked, PartName};
use sceau_web::{Shell, Visitor, layout, seated};
use serde::Deserialize;

/// How forms say that a draft of a mail program is written on.
const EDIT: &str = "modifier";

/// From what one starts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begun {
    /// The message that is answered or sent on.
    repondre: String,
    /// `un`, `tous`, `transferer`; without a message: to whom.
    a: String,
    /// The draft of a mail program that is written on.
    modifier: String,
    /// The template that one begins with.
    modele: String,
}

/// From what a letter starts, as forms say it: the message and what is done with it.
pub(super) fn start(message: &str, mode: &str) -> Start {
    match (message, mode) {
        ("", to) => Start::Blank { to: to.to_owned() },
        (email, "transferer") => Start::Forward { email: email.to_owned() },
        (email, EDIT) => Start::Edit { email: email.to_owned() },
        (email, mode) => Start::Answer { email: email.to_owned(), all: mode == "tous" },
    }
}

/// A piece.
struct Line {
    name: String,
    size: String,
    /// What its button says to take it out; none: it belongs to the message that is sent on.
    remove: Option<String>,
    /// Not all of it came.
    partial: bool,
}

/// What became of saving: a piece of the page, for the script.
#[derive(Template)]
#[template(path = "write/state.html")]
pub(super) struct Saved {
    /// Where the form goes from now on, with its word and its version.
    action: String,
    jeton: String,
    version: i64,
    saved: String,
}

#[derive(Template)]
#[template(path = "write/page.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    title: String,
    state: Saved,
    draft: Draft,
    /// What the editor holds: markup that was made harmless.
    rich: String,
    /// The message that is gone on from, and how.
    repondre: String,
    mode: String,
    pieces: Vec<Line>,
    /// About how many bytes the message has.
    bytes: u64,
    chips: Chips,
    /// Where recipients are asked about, with the word for it.
    look: String,
    look_word: String,
    /// Where a script sends files by pieces, with the word for it.
    upload: String,
    upload_word: String,
    /// Why not.
    error: Option<String>,
    /// A piece is spoken of that is not there.
    reminds: bool,
    /// A colleague has answered the same message just now.
    overtaken: bool,
    /// Who was looked for, and who was found; none: nobody was.
    found: Option<Found>,
    /// How full the message is, of how much, in bytes and in words; none without pieces.
    full: Option<(u64, u64, String)>,
    /// The draft as another window left it.
    other: Option<Draft>,
    /// The page of the draft as it is kept.
    kept: Option<String>,
    limits: String,
    /// Where templates and signatures are.
    writings: String,
    /// Where one looks for somebody.
    find: String,
    /// Who else answers the same message, kept up to date by `shared.js`; empty where nobody could.
    present: String,
}

/// Who was looked for by a form.
struct Found {
    asked: String,
    people: Vec<Choice>,
}

impl Page {
    /// What the editor's buttons do: command, what it is called, whether it is on or off.
    fn tools(&self) -> [(&'static str, String, bool); 7] {
        [
            ("bold", "bold", true),
            ("italic", "italic", true),
            ("underline", "underline", true),
            ("insertUnorderedList", "bullets", true),
            ("insertOrderedList", "numbers", true),
            ("formatBlock", "quote", false),
            ("removeFormat", "remove", false),
        ]
        .map(|(command, key, state)| (command, self.shell.t(&format!("write.form.{key}")), state))
    }
    /// The fields into which somebody who was found is put: name, and what it is called.
    fn fields(&self) -> [(&'static str, String); 3] {
        [("a", "write.to"), ("cc", "write.cc"), ("cci", "write.bcc")].map(|(name, key)| (name, self.shell.t(key)))
    }
}

/// What a page shows beside the draft.
#[derive(Default)]
pub(super) struct Beside {
    /// What was typed, where it is not what is kept.
    pub typed: Option<Draft>,
    /// Why not.
    pub refusal: Option<Refusal>,
    /// A piece is spoken of that is not there.
    pub reminds: bool,
    /// A colleague has answered the same message just now.
    pub overtaken: bool,
    /// Who is looked for.
    pub asked: Option<String>,
}

/// Which draft: its BAL and what names it; and from what it goes on, as the form says it: the message and how, or a template.
#[derive(Clone, Copy, Default)]
pub(super) struct At<'a> {
    pub b: &'a str,
    pub code: &'a str,
    pub message: &'a str,
    pub mode: &'a str,
    pub template: &'a str,
}

impl At<'_> {
    /// Where its page and its form are.
    pub fn path(&self) -> String {
        format!("/bal/{}/ecrire/{}", self.b, self.code)
    }
    /// Where a draft that is not kept yet is looked at: it is nowhere but at what it begins from.
    pub fn beginning(&self) -> String {
        let mut behind = Vec::new();
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                behind.push(format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
            }
        };
        match (self.message, self.mode) {
            (message, EDIT) => put("modifier", message),
            (message, mode) => {
                put("repondre", message);
                put("a", mode);
            }
        }
        put("modele", self.template);
        let mark = if behind.is_empty() { "" } else { "?" };
        format!("/bal/{}/ecrire{mark}{}", self.b, behind.join("&"))
    }
}

/// `GET /bal/{b}/ecrire`
pub(super) async fn blank(visitor: Visitor, Path(b): Path<String>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Begun { mut repondre, mut a, modifier, modele } =
        Query::try_from_uri(&uri).map(|Query(begun)| begun).unwrap_or_default();
    if !modifier.is_empty() {
        match visitor.op.draft_of_message(&actor, &modifier).await {
            Ok(Some(code)) => return visitor.see(&format!("/bal/{b}/ecrire/{code}")),
            Ok(None) => (repondre, a) = (modifier, EDIT.to_owned()),
            Err(refusal) => return visitor.refused(&refusal),
        }
    }
    let place = visitor.op.place().await;
    let head = |quoted: &Quoted| {
        let at = quoted.at.map(|at| layout::instant(visitor.lang, at, place)).unwrap_or_default();
        let key = if a == "transferer" { "write.head.forward" } else { "write.head.answer" };
        let mut values = vec![
            ("name", quoted.name.as_str()),
            ("address", &quoted.address),
            ("subject", &quoted.subject),
            ("to", &quoted.to),
        ];
        if !at.is_empty() {
            values.push(("date", &at));
        }
        text(visitor.lang, key, &values)
    };
    let start = match visitor.op.writing_of_object(&modele) {
        Some(id) => Start::Template { id },
        None => start(&repondre, &a),
    };
    match visitor.op.begin_letter(&actor, &start, &head).await {
        Ok(draft) => {
            let code = visitor.op.new_draft_object();
            let at = At { b: &b, code: &code, message: &repondre, mode: &a, template: &modele };
            show(&visitor, &actor, &at, None, Beside { typed: Some(draft), ..Beside::default() }).await
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /bal/{b}/ecrire/{d}`
pub(super) async fn draft(visitor: Visitor, Path((b, d)): Path<(String, String)>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let Some(id) = visitor.op.draft_of_object(&d) else { return visitor.refused(&RefusalCode::NotFound.into()) };
    match visitor.op.read_draft(&actor, id).await {
        // It is not written any more.
        Ok(view) if !view.state.is_open() => visitor.see(&format!("/bal/{b}/envois")),
        Ok(view) => {
            let at = At { b: &b, code: &d, ..At::default() };
            show(&visitor, &actor, &at, Some(&view), Beside::default()).await
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// What became of saving.
async fn saved(visitor: &Visitor, at: &At<'_>, view: Option<&DraftView>) -> Saved {
    let action = at.path();
    let saved = match view {
        Some(view) => {
            let date = layout::instant(visitor.lang, view.changed, visitor.op.place().await);
            layout::set(&text(visitor.lang, "write.saved", &[("date", &date)]))
        }
        None => String::new(),
    };
    let version = view.map_or(0, |view| view.version);
    Saved { jeton: visitor.field(&action), action: visitor.to(&action), version, saved }
}

/// The page, or why it cannot be shown.
pub(super) async fn show(
    visitor: &Visitor,
    actor: &Actor,
    at: &At<'_>,
    view: Option<&DraftView>,
    beside: Beside,
) -> Response {
    let status = match &beside.refusal {
        Some(refusal) => visitor.told(refusal).0,
        None => StatusCode::OK,
    };
    match page(visitor, actor, at, view, beside).await {
        Ok(page) if status == StatusCode::OK => {
            part::answer(visitor, &Asked(visitor.part), &page, &[(PartName::Draft, &page.state)])
        }
        Ok(page) => visitor.screen(status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(
    visitor: &Visitor,
    actor: &Actor,
    at: &At<'_>,
    view: Option<&DraftView>,
    Beside { typed, refusal, reminds, overtaken, asked }: Beside,
) -> Result<Page, Refusal> {
    let op = &visitor.op;
    let draft = typed.or_else(|| view.map(|view| view.draft.clone())).unwrap_or_default();
    // Whatever is kept: only what the editor makes stands in our page.
    let rich = written(&draft.html).map(|written| written.html).unwrap_or_default();
    let conflict = refusal.as_ref().is_some_and(|r| r.code == RefusalCode::EditConflict);
    let carried = match view {
        Some(view) => view.carried.clone(),
        None => op.pieces_to_carry(actor, &start(at.message, at.mode)).await?,
    };
    let along = carried.into_iter().map(|(name, bytes)| Line {
        name,
        size: size(visitor.lang, bytes),
        remove: None,
        partial: false,
    });
    let own = view.map(|view| view.uploads.as_slice()).unwrap_or_default().iter().map(|file| Line {
        name: file.name.clone(),
        size: size(visitor.lang, file.held),
        remove: Some(format!("retirer-{}", file.code)),
        partial: !file.is_whole(),
    });
    let pieces: Vec<Line> = along.chain(own).collect();
    // Whoever has typed recipients sees at once who cannot receive.
    let fields = [&draft.to, &draft.cc, &draft.bcc].map(String::as_str);
    let bytes = view.map_or(draft.text.len() as u64, DraftView::bytes);
    let chips = chips(visitor, actor, fields, bytes, false).await?;
    let look = path(at.b);
    let upload = super::upload::path(&at.path());
    let found = match asked {
        Some(asked) => {
            let people = looked_for(visitor, actor, &asked).await?;
            Some(Found { asked, people })
        }
        None => None,
    };
    let limits = op.letter_limits(actor).await?;
    let full = (!pieces.is_empty()).then(|| {
        let (used, most) = (size(visitor.lang, bytes), size(visitor.lang, limits.message_bytes));
        let words = text(visitor.lang, "write.full", &[("used", &used), ("limit", &most)]);
        (bytes, limits.message_bytes, layout::set(&words))
    });
    let (recipients, most) = (limits.recipients.to_string(), size(visitor.lang, limits.message_bytes));
    let title = match view.and_then(|view| view.source.as_ref()).map(|(_, how)| *how) {
        Some(How::Answer) => "write.title.answer",
        Some(How::Forward) => "write.title.forward",
        None if at.message.is_empty() || at.mode == EDIT => "write.title.new",
        None if at.mode == "transferer" => "write.title.forward",
        None => "write.title.answer",
    };
    let state = saved(visitor, at, view).await;
    let answered = match view.and_then(|view| view.source.as_ref()) {
        Some((email, How::Answer)) => op.message_of_object(email),
        Some((_, How::Forward)) => None,
        None if at.mode == "un" || at.mode == "tous" => op.message_of_object(at.message),
        None => None,
    };
    let present = match answered {
        Some(message) => watched(visitor, actor, at.b, message).await,
        None => String::new(),
    };
    Ok(Page {
        present,
        shell: visitor.shell(&if view.is_some() { at.path() } else { at.beginning() }).of_bal(at.b),
        rail: rail(visitor, actor, at.b, None).await?,
        title: visitor.t(title),
        kept: view.map(|_| state.action.clone()),
        state,
        repondre: at.message.to_owned(),
        mode: if at.message.is_empty() { String::new() } else { at.mode.to_owned() },
        pieces,
        bytes,
        found,
        full,
        chips,
        upload_word: visitor.field(&upload),
        upload: visitor.to(&upload),
        look_word: visitor.field(&look),
        find: visitor.to(&look),
        look: visitor.to(&look),
        error: refusal.map(|refusal| visitor.told(&refusal).1),
        reminds,
        overtaken,
        other: view.filter(|_| conflict).map(|view| view.draft.clone()),
        draft,
        writings: visitor.to(&format!("/bal/{}/modeles", at.b)),
        rich,
        limits: layout::set(&text(visitor.lang, "write.limits", &[("n", &recipients), ("size", &most)])),
    })
}

#[cfg(test)]
mod tests {
    use super::At;

    #[test]
    fn what_is_not_kept_is_looked_at_where_it_began() {
        let at = |message, mode, template| At { b: "B1", code: "D1", message, mode, template }.beginning();
        assert_eq!(
            [at("", "", ""), at("M1", "tous", ""), at("M1", "modifier", ""), at("", "", "W1"), at("", "a@b.fr&", "")],
            [
                "/bal/B1/ecrire",
                "/bal/B1/ecrire?repondre=M1&a=tous",
                "/bal/B1/ecrire?modifier=M1",
                "/bal/B1/ecrire?modele=W1",
                "/bal/B1/ecrire?a=a%40b%2Efr%26"
            ]
        );
    }
}
