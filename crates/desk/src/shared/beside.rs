//! What stands beside a message at a shared BAL: who opened and answered it, who takes care of its conversation, notes for colleagues.
use super::{Speech, deliveries, presence};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::beside::{BesideView, NOTE_LENGTH, NoteView};
use sceau_operator::desk::colleagues::{AssignmentView, Colleague};
use sceau_web::part::{self, Asked, Told};
use sceau_web::{Sent, Shell, Visitor, layout, seated};
use serde::Deserialize;

/// What the page of a message includes: markup of ours, empty where there is nothing to say.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// Who answers it now; kept up to date by `shared.js`, with what became of it.
    pub present: String,
    /// What became of each recipient.
    pub deliveries: String,
    /// Who opened, answered, takes care.
    pub beside: String,
    /// Notes, with the form for one more.
    pub notes: String,
}

/// A colleague's line.
struct Line {
    name: String,
    /// What was done, and when.
    did: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "shared/beside.html")]
struct Beside {
    shell: Shell,
    lines: Vec<Line>,
    assigned: Option<AssignmentView>,
    /// Login and name of each who may be chosen; nobody first.
    choices: Vec<(String, String)>,
    chosen: String,
    /// What one click does: whoever looks takes it (the login), or gives it back; what it is called.
    at_once: Option<(String, String)>,
    version: i64,
    files: bool,
    form: String,
}

struct NoteLine {
    name: String,
    at: String,
    text: String,
    /// The form that takes it away.
    form: Option<String>,
}

#[derive(Template)]
#[template(path = "shared/notes.html")]
struct Notes {
    shell: Shell,
    notes: Vec<NoteLine>,
    files: bool,
    form: String,
    most: usize,
}

/// The blocks of a message for its page. What cannot be said is left out, and told in the log: the message is there all the same.
pub(crate) async fn around(visitor: &Visitor, actor: &Actor, b: &str, message: i64) -> Around {
    let told = |refusal: Refusal| {
        tracing::warn!(code = refusal.code.as_str(), "a block beside a message is left out");
    };
    let m = visitor.op.email_object(message);
    let at = format!("/bal/{b}/message/{m}");
    let shell = || visitor.shell(&at).of_bal(b);
    let (speech, mut around, shared) = (Speech::of(visitor).await, Around::default(), super::shared(actor));
    let mut comes = shared;
    match visitor.op.deliveries(actor, message).await {
        Ok(found) => {
            around.deliveries = deliveries::beside(shell, speech, &found, format!("{at}/suivi"));
            comes |= deliveries::waits(&found);
        }
        Err(refusal) => told(refusal),
    }
    let names = match visitor.op.who_answers(actor, message).await {
        Ok(names) => names,
        Err(refusal) => {
            told(refusal);
            Vec::new()
        }
    };
    around.present = presence::place(shell(), speech, &at, &names, comes);
    if !shared {
        return around;
    }
    match colleagues(visitor, actor, message, (&at, speech), shell()).await {
        Ok(block) => around.beside = block,
        Err(refusal) => told(refusal),
    }
    match visitor.op.notes(actor, message).await {
        Ok(found) => around.notes = notes(speech, found, files(actor), &at, shell()),
        Err(refusal) => told(refusal),
    }
    around
}

/// May whoever sits so file? For what is shown; each act asks again.
fn files(actor: &Actor) -> bool {
    let chair = actor.bal.as_ref().and_then(|b| b.chair.as_ref());
    chair.is_some_and(|c| c.rights.has(sceau_domain::BalRights::FILE))
}

async fn colleagues(
    visitor: &Visitor,
    actor: &Actor,
    message: i64,
    (at, speech): (&str, Speech),
    shell: Shell,
) -> Result<String, Refusal> {
    let op = &visitor.op;
    let thread = op.conversation_of(actor, message).await?;
    let did = op.beside(actor, &[message]).await?.remove(&message).unwrap_or_default();
    let assigned = op.assignments(actor, &[thread]).await?.remove(&thread);
    let nobody = (String::new(), visitor.t("shared.beside.nobody"));
    let choice = |c: Colleague| {
        let me = |name: &str| text(visitor.lang, "shared.beside.me", &[("name", name)]);
        let name = if c.own { me(&c.name) } else { c.name };
        (c.login, name)
    };
    let people = op.colleagues(actor).await?;
    let at_once = match assigned.as_ref().is_some_and(|a| a.own) {
        true => Some((String::new(), visitor.t("shared.beside.back"))),
        false => people.iter().find(|c| c.own).map(|c| (c.login.clone(), visitor.t("shared.beside.take"))),
    };
    let choices = std::iter::once(nobody).chain(people.into_iter().map(choice)).collect();
    let block = Beside {
        lines: did.into_iter().map(|d| line(speech, d)).collect(),
        choices,
        at_once,
        chosen: assigned.as_ref().map(|a| a.login.clone()).unwrap_or_default(),
        version: assigned.as_ref().map_or(0, |a| a.version),
        assigned,
        files: files(actor),
        form: format!("{at}/attribuer"),
        shell,
    };
    block.render().map_err(|_| RefusalCode::Defect.into())
}

fn line(speech: Speech, d: BesideView) -> Line {
    let opened = if d.by_page { "opened" } else { "fetched" };
    let acts = [(opened, d.opened), ("answered", d.answered), ("forwarded", d.forwarded)];
    let said = |(key, at): (&str, Option<_>)| {
        at.map(|at| (layout::set(&text(speech.lang, &format!("shared.beside.{key}"), &[])), speech.instant(at)))
    };
    Line { name: d.name, did: acts.into_iter().filter_map(said).collect() }
}

fn notes(speech: Speech, found: Vec<NoteView>, files: bool, at: &str, shell: Shell) -> String {
    let note = |n: NoteView| NoteLine {
        form: (files && n.removable).then(|| format!("{at}/note/{}/retirer", n.id)),
        name: n.name,
        at: speech.instant(n.at),
        text: n.text,
    };
    let block = Notes {
        notes: found.into_iter().map(note).collect(),
        files,
        form: format!("{at}/note"),
        most: NOTE_LENGTH,
        shell,
    };
    block.render().unwrap_or_default()
}

/// A note's text.
#[derive(Deserialize)]
pub(super) struct NewNote {
    #[serde(default)]
    note: String,
}

/// Who is to take care.
#[derive(Deserialize)]
pub(super) struct Given {
    /// Login; empty: nobody.
    #[serde(default)]
    a: String,
    /// The version that the page showed.
    #[serde(default)]
    version: i64,
}

/// A form that says all by its address.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// `POST /bal/{b}/message/{m}/note`
pub(super) async fn write(Path((b, m)): Path<(String, String)>, Sent(visitor, sent): Sent<NewNote>) -> Response {
    let (actor, message) = match opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let done = visitor.op.write_note(&actor, message, &sent.note).await.map(drop);
    ended(&visitor, &b, &m, "shared.notes.made", done)
}

/// `POST /bal/{b}/message/{m}/note/{n}/retirer`
pub(super) async fn remove(
    Path((b, m, n)): Path<(String, String, String)>,
    Sent(visitor, Nothing {}): Sent<Nothing>,
) -> Response {
    let (actor, message) = match opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let done = match n.parse() {
        Ok(note) => visitor.op.remove_note(&actor, message, note).await,
        Err(_) => Err(RefusalCode::EntryUnknown.into()),
    };
    ended(&visitor, &b, &m, "shared.notes.removed", done)
}

/// `POST /bal/{b}/message/{m}/attribuer`
pub(super) async fn assign(Path((b, m)): Path<(String, String)>, Sent(visitor, given): Sent<Given>) -> Response {
    let (actor, message) = match opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let login = (!given.a.is_empty()).then_some(given.a.as_str());
    let said = if login.is_some() { "shared.beside.given" } else { "shared.beside.taken_back" };
    let done = visitor.op.assign(&actor, message, given.version, login).await;
    ended(&visitor, &b, &m, said, done)
}

/// Who sits, and the message that an address names.
pub(super) async fn opened(visitor: &Visitor, b: &str, m: &str) -> Result<(Actor, i64), Box<Response>> {
    let actor = seated(visitor, b).await?;
    match visitor.op.message_of_object(m) {
        Some(message) => Ok((actor, message)),
        None => Err(Box::new(visitor.refused(&RefusalCode::EntryUnknown.into()))),
    }
}

/// What became of an act on a message, and the way back to it.
fn ended(visitor: &Visitor, b: &str, m: &str, said: &str, done: Result<(), Refusal>) -> Response {
    match done {
        Ok(()) => {
            let told = Told { sentence: visitor.t(said), undo: None };
            part::done(visitor, &Asked(visitor.part), &format!("/bal/{b}/message/{m}"), told)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}
