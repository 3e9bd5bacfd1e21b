//! The page on which a message is read: the letter itself, the conversation that it is of, what one does with it, what stands beside it.
use super::frame::title;
use super::labels::Labels;
use super::letter::{Letter, Way, may, ways};
use super::thread::{Line, Thread, opened};
use super::{at, gone, word};
use crate::list::{Keys, Rail, just_done, last_level, rail};
use crate::shared::{Around, around};
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{BalRights, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::message::{Place, Reading};
use sceau_operator::mailbox::entries::Flags;
use sceau_web::part::{self, Asked, PartName, Told};
use sceau_web::{Shell, Visitor, layout, seated};
use serde::Deserialize;

/// What stands behind a message's address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct View {
    /// The folder from which one comes.
    dans: String,
    /// `texte`: the plain text rather than the HTML.
    vue: String,
    /// `oui`: the piece that is asked for is the letter alone, for its place in a conversation that is shown already.
    fil: String,
    /// Its UID there, of which the labels alone are asked for.
    u: String,
    /// What was just done with it, or why nothing was.
    fait: String,
    dit: String,
}

/// What one does with it by a form of lists.
struct Act {
    value: &'static str,
    label: String,
    icon: &'static str,
}

/// The pane.
#[derive(Template)]
#[template(path = "message/pane.html")]
struct Pane {
    shell: Shell,
    code: String,
    at: String,
    back: String,
    /// The subject, as text and as markup of ours.
    plain: String,
    subject: String,
    /// It left the folder from which one comes: the sentence, where it is now, and what that is called.
    moved: Option<(String, String, String)>,
    letter: Letter,
    /// How many messages the conversation has, said; none where there is only this one.
    count: Option<String>,
    /// Its labels where it stands; none where it stands nowhere.
    labels: Option<Labels>,
    told: Option<Told>,
    newer: Vec<Line>,
    older: Vec<Line>,
    around: Around,
    /// How one answers, where one may.
    answers: Vec<Way>,
    /// The form of acts, where one may file: its address and its folder.
    filing: Option<(String, String)>,
    uid: u32,
    acts: Vec<Act>,
}

#[derive(Template)]
#[template(path = "message/page.html")]
struct Page {
    shell: Shell,
    rail: Option<Rail>,
    pane: Pane,
    keys: Option<Keys>,
}

/// `GET /bal/{b}/message/{m}`
pub(super) async fn show(visitor: Visitor, Path((b, m)): Path<(String, String)>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let view = Query::<View>::try_from_uri(&uri).map(|Query(view)| view).unwrap_or_default();
    let asked = Asked(visitor.part);
    if asked.0 == Some(PartName::Message) && view.fil == "oui" {
        let territory = visitor.op.place().await;
        return match opened(&visitor, &actor, (&b, &m), &view.dans, territory).await {
            Ok(Some(letter)) => part::answer(&visitor, &asked, &letter, &[(PartName::Message, &letter)]),
            Ok(None) => visitor.refused(&RefusalCode::EntryUnknown.into()),
            Err(refusal) => visitor.refused(&refusal),
        };
    }
    if asked.0 == Some(PartName::Chips) {
        let uid = view.u.parse().unwrap_or_default();
        return match Labels::of(&visitor, &actor, (&b, &m), (&view.dans, uid)).await {
            Ok(labels) => part::answer(&visitor, &asked, &labels, &[(PartName::Chips, &labels)]),
            Err(refusal) => visitor.refused(&refusal),
        };
    }
    match made(&visitor, &actor, (&b, &m), &view).await {
        Ok(page) => part::answer(&visitor, &asked, &page, &[(PartName::Message, &page.pane)]),
        Err(refusal) => gone::told(&visitor, &actor, (&b, &view.dans), &refusal).await,
    }
}

async fn made(visitor: &Visitor, actor: &Actor, (b, m): (&str, &str), view: &View) -> Result<Page, Refusal> {
    let op = &visitor.op;
    let reading = op.read_message(actor, m).await?;
    let from = reading.places.iter().find(|p| p.code == view.dans).or_else(|| reading.places.first());
    let from = from.cloned();
    // A piece of the page has no rail.
    let rail = match visitor.part {
        None => Some(rail(visitor, actor, b, from.as_ref().map(|p| p.folder)).await?),
        Some(_) => None,
    };
    let territory = op.place().await;
    let thread = Thread::of(visitor, actor, (b, &reading), territory).await?;
    let dans = from.as_ref().map(|p| p.code.clone()).unwrap_or_default();
    let mut letter = Letter::of(visitor, b, &reading, (&dans, &view.vue), territory);
    letter.new_sender = op.first_contact(actor, &reading).await;
    let moved = match &from {
        Some(place) if !view.dans.is_empty() && place.code != view.dans => moved(visitor, actor, b, place).await?,
        _ => None,
    };
    let around = around(visitor, actor, b, reading.message).await;
    let labels = match &from {
        Some(place) => Some(Labels::of(visitor, actor, (b, m), (&dans, place.uid)).await?),
        None => None,
    };
    let labels = labels.filter(Labels::shows);
    let here = format!("{}?dans={dans}", at(b, m));
    let told = just_done(visitor, actor, (b, &here), (&view.fait, &view.dit)).await?;
    let pane = pane(visitor, actor, b, (reading, from), (letter, thread, moved, around));
    let pane = Pane { labels, told, ..pane };
    let keys = Keys::of(visitor, &op.desk_choices(actor).await?);
    Ok(Page { shell: visitor.shell(&at(b, m)).of_bal(b), rail, pane, keys })
}

/// Where a message is now that left the folder from which one comes.
async fn moved(
    visitor: &Visitor,
    actor: &Actor,
    b: &str,
    place: &Place,
) -> Result<Option<(String, String, String)>, Refusal> {
    let folders = visitor.op.folders(actor).await?;
    let there = folders.iter().find(|f| f.id == place.folder);
    let to = visitor.to(&format!("/bal/{b}/dossier/{}", place.code));
    Ok(there.map(|folder| (visitor.t("message.moved"), to, last_level(visitor, folder))))
}

fn pane(
    visitor: &Visitor,
    actor: &Actor,
    b: &str,
    (reading, from): (Reading, Option<Place>),
    (letter, thread, moved, around): (Letter, Thread, Option<(String, String, String)>, Around),
) -> Pane {
    let (lang, path) = (visitor.lang, at(b, &reading.email));
    let back = match &from {
        Some(place) => format!("/bal/{b}/dossier/{}", place.code),
        None => format!("/bal/{b}"),
    };
    let filing = from.as_ref().filter(|_| may(actor, BalRights::FILE));
    let count = thread.count().map(|n| {
        let count = n.to_string();
        layout::set(&text(lang, "message.conversation", &[("count", &count)]))
    });
    Pane {
        shell: visitor.shell(&path).of_bal(b),
        code: reading.email.clone(),
        back: visitor.to(&back),
        plain: title(lang, &reading.subject),
        subject: word(&title(lang, &reading.subject)),
        moved,
        letter,
        count,
        labels: None,
        told: None,
        newer: thread.newer,
        older: thread.older,
        around,
        answers: ways(visitor, actor, b, &reading),
        uid: from.as_ref().map_or(0, |p| p.uid),
        acts: from.as_ref().map(|p| acts(visitor, p)).unwrap_or_default(),
        filing: filing.map(|p| (format!("/bal/{b}/agir"), p.code.clone())),
        at: path,
    }
}

/// What one does with a message most.
fn acts(visitor: &Visitor, place: &Place) -> Vec<Act> {
    let follow = match place.flags.has(Flags::FLAGGED) {
        true => ("nonsuivre", "message.act.unfollow", "suivi"),
        false => ("suivre", "message.act.follow", "suivi"),
    };
    let all = [
        ("archiver", "message.act.archive", "archive"),
        ("corbeille", "message.act.bin", "corbeille"),
        ("indesirable", "message.act.junk", "indesirable"),
        follow,
        ("nonlu", "message.act.unread", "nonlu"),
    ];
    all.into_iter().map(|(value, key, icon)| Act { value, label: visitor.t(key), icon }).collect()
}

impl Page {
    /// The subject as text, for the window.
    fn title(&self) -> &str {
        &self.pane.plain
    }
}

impl Pane {
    fn headers(&self) -> String {
        self.shell.to(&format!("{}/entetes", self.at))
    }
}
