//! The page on which a message is read: who sent it and how that is known, its text, what is attached, the conversation that it is of, what stands beside it.
use super::frame::{named, title};
use super::packed::most;
use super::{at, way_out, word};
use crate::account::size;
use crate::list::{Rail, rail};
use crate::shared::{Around, around};
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use sceau_domain::{BalRights, Lang, Refusal};
use sceau_message::safe_html::linked;
use sceau_operator::Actor;
use sceau_operator::desk::message::{Party, Place, Reading, Sender};
use sceau_operator::desk::parts::Piece;
use sceau_operator::mailbox::entries::Flags;
use sceau_web::part::{self, Asked, PartName};
use sceau_web::{Shell, Visitor, layout, seated};
use serde::Deserialize;

/// Heights of the frame of HTML, as lines of text: a script cannot measure what has no origin.
const HEIGHTS: [usize; 5] = [8, 20, 45, 90, 180];
/// Recipients that are shown at once; the others are one fold away.
const AT_ONCE: usize = 6;

/// What stands behind a message's address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct View {
    /// The folder from which one comes.
    dans: String,
    /// `texte`: the plain text rather than the HTML.
    vue: String,
}

/// Somebody who is named: markup of ours.
struct Named {
    name: String,
    address: String,
}

/// What is attached.
struct Attached {
    /// Markup of ours.
    name: String,
    kind: String,
    size: String,
    to: String,
    /// Where it can be looked at, where it says that it is a picture or a PDF.
    view: Option<String>,
    /// Where its words can be read, where it says that it has some.
    words: Option<String>,
    icon: &'static str,
}

/// Another message of the conversation.
struct Other {
    to: String,
    who: String,
    date: String,
    folder: String,
    here: bool,
    unread: bool,
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
    from: Vec<Named>,
    to: Vec<Named>,
    cc: Vec<Named>,
    bcc: Vec<Named>,
    reply_to: Vec<Named>,
    /// What is known of the sender: the badge's class, its icon, the sentence (markup of ours).
    proof: (&'static str, &'static str, String),
    warnings: Vec<String>,
    date: String,
    sent: Option<String>,
    /// The class of the frame; none: plain text.
    frame: Option<String>,
    /// Plain text as markup of ours.
    text: String,
    empty: bool,
    cut: bool,
    /// The other form of the text: where, and what it is called.
    other: Option<(String, String)>,
    pieces: Vec<Attached>,
    within: Vec<Attached>,
    /// All pieces in one file, where there are several and it is not too large.
    packed: Option<String>,
    conversation: Vec<Other>,
    around: Around,
    /// How one answers, where one may: where, what it is called, its icon.
    answers: Vec<(String, String, &'static str)>,
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
}

/// `GET /bal/{b}/message/{m}`
pub(super) async fn show(visitor: Visitor, Path((b, m)): Path<(String, String)>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let view = Query::<View>::try_from_uri(&uri).map(|Query(view)| view).unwrap_or_default();
    match made(&visitor, &actor, (&b, &m), &view).await {
        Ok(page) => part::answer(&visitor, &Asked(visitor.part), &page, &[(PartName::Message, &page.pane)]),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn made(visitor: &Visitor, actor: &Actor, (b, m): (&str, &str), view: &View) -> Result<Page, Refusal> {
    let reading = visitor.op.read_message(actor, m).await?;
    let from = reading.places.iter().find(|p| p.code == view.dans).or_else(|| reading.places.first());
    let from = from.cloned();
    // A piece of the page has no rail.
    let rail = match visitor.part {
        None => Some(rail(visitor, actor, b, from.as_ref().map(|p| p.folder)).await?),
        Some(_) => None,
    };
    let territory = visitor.op.place().await;
    let conversation = conversation(visitor, actor, (b, &reading), territory).await?;
    let around = around(visitor, actor, b, reading.message).await;
    let shell = || visitor.shell(&at(b, m)).of_bal(b);
    let pane = pane(visitor, actor, (b, m), (reading, from), view, (territory, conversation, around));
    Ok(Page { shell: shell(), rail, pane })
}

/// The other messages of the conversation; empty where there is none.
async fn conversation(
    visitor: &Visitor,
    actor: &Actor,
    (b, reading): (&str, &Reading),
    territory: Territory,
) -> Result<Vec<Other>, Refusal> {
    let found = visitor.op.conversation(actor, reading.message).await?;
    if found.len() < 2 {
        return Ok(Vec::new());
    }
    let other = |(folder, row): (sceau_operator::mailbox::folders::Folder, sceau_operator::desk::list::Row)| {
        let who = row.who.first().map(|(name, address)| if name.is_empty() { address.clone() } else { name.clone() });
        Other {
            to: visitor.to(&format!("{}?dans={}", at(b, &row.email), visitor.op.mailbox_object(folder.id))),
            who: word(&who.unwrap_or_default()),
            date: layout::instant(visitor.lang, row.date, territory),
            folder: folder.name,
            here: row.message == reading.message,
            unread: !row.flags.system.has(Flags::SEEN),
        }
    };
    Ok(found.into_iter().map(other).collect())
}

fn pane(
    visitor: &Visitor,
    actor: &Actor,
    (b, m): (&str, &str),
    (reading, from): (Reading, Option<Place>),
    view: &View,
    (territory, conversation, around): (Territory, Vec<Other>, Around),
) -> Pane {
    let (lang, path) = (visitor.lang, at(b, m));
    let may = |right| {
        let chair = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref());
        chair.is_some_and(|c| c.rights.has(right) && c.scope.has(right))
    };
    let dans = from.as_ref().map(|p| p.code.clone()).unwrap_or_default();
    let back = match &from {
        Some(place) => format!("/bal/{b}/dossier/{}", place.code),
        None => format!("/bal/{b}"),
    };
    let html = reading.html && view.vue != "texte";
    let form = |vue: &str, key: &str| (visitor.to(&format!("{path}?dans={dans}&vue={vue}")), visitor.t(key));
    let other = match (reading.html, html) {
        (true, true) => Some(form("texte", "message.as_text")),
        (true, false) => Some(form("html", "message.as_html")),
        (false, _) => None,
    };
    let sent = reading.sent.filter(|sent| (sent.0 - reading.received.0).abs() > 600_000);
    let (within, pieces): (Vec<_>, Vec<_>) = reading.pieces.iter().partition(|piece| piece.within);
    let (count, bytes) = (pieces.len(), pieces.iter().map(|piece| piece.size).sum::<u64>());
    let attached = |list: Vec<&Piece>| list.into_iter().map(|piece| attached(visitor, &path, piece)).collect();
    let filing = from.as_ref().filter(|_| may(BalRights::FILE));
    Pane {
        shell: visitor.shell(&path).of_bal(b),
        code: m.to_owned(),
        back: visitor.to(&back),
        plain: title(lang, &reading.subject),
        subject: word(&title(lang, &reading.subject)),
        proof: proof(lang, &reading.sender),
        warnings: warnings(lang, &reading),
        date: layout::instant(lang, reading.received, territory),
        sent: sent.map(|sent| layout::instant(lang, sent, territory)),
        frame: html.then(|| format!("body-{}", height(&reading.text))),
        text: if html { String::new() } else { linked(&reading.text, &*way_out(&visitor.op, b)) },
        empty: !html && reading.text.trim().is_empty(),
        cut: !html && reading.cut,
        other,
        pieces: attached(pieces),
        within: attached(within),
        packed: (count > 1 && bytes <= most(&visitor.op)).then(|| format!("{path}/pieces.zip")),
        conversation,
        around,
        answers: match may(BalRights::SEND) {
            // What a mail program left to be finished is written on, not answered.
            true if reading.places.iter().any(|p| p.flags.has(Flags::DRAFT)) => vec![write_on(visitor, b, m)],
            true => answers(visitor, b, m),
            false => Vec::new(),
        },
        uid: from.as_ref().map_or(0, |p| p.uid),
        acts: from.as_ref().map(|p| acts(visitor, p)).unwrap_or_default(),
        filing: filing.map(|p| (format!("/bal/{b}/agir"), p.code.clone())),
        from: people(&reading.from),
        to: people(&reading.to),
        cc: people(&reading.cc),
        bcc: people(&reading.bcc),
        reply_to: people(&reading.reply_to),
        at: path,
    }
}

/// How one answers.
fn answers(visitor: &Visitor, b: &str, m: &str) -> Vec<(String, String, &'static str)> {
    [
        ("un", "message.answer.one", "repondre"),
        ("tous", "message.answer.all", "repondre-tous"),
        ("transferer", "message.answer.forward", "transferer"),
    ]
    .into_iter()
    .map(|(how, key, icon)| (visitor.to(&format!("/bal/{b}/ecrire?repondre={m}&a={how}")), visitor.t(key), icon))
    .collect()
}

/// How one goes on with a draft.
fn write_on(visitor: &Visitor, b: &str, m: &str) -> (String, String, &'static str) {
    (visitor.to(&format!("/bal/{b}/ecrire?modifier={m}")), visitor.t("write.go_on"), "ecrire")
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

fn people(list: &[Party]) -> Vec<Named> {
    let one = |party: &Party| match party.name.as_str() {
        "" => Named { name: word(&party.address), address: String::new() },
        name => Named { name: word(name), address: word(&party.address) },
    };
    list.iter().map(one).collect()
}

fn attached(visitor: &Visitor, path: &str, piece: &Piece) -> Attached {
    let to = format!("{path}/piece/{}", piece.number);
    let looks =
        matches!(piece.kind.as_str(), "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "application/pdf");
    let name = match piece.name.as_str() {
        "" => text(visitor.lang, "message.pieces.unnamed", &[("number", &piece.number)]),
        name => name.to_owned(),
    };
    Attached {
        name: word(&name),
        kind: word(&piece.kind),
        size: size(visitor.lang, piece.size),
        view: looks.then(|| format!("{to}/voir")),
        words: has_words(&piece.kind).then(|| visitor.to(&format!("{to}/texte"))),
        icon: if piece.message { "boite" } else { "piece" },
        to,
    }
}

/// Does a file of this kind have words, mostly?
fn has_words(kind: &str) -> bool {
    let office = ["application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."];
    kind.starts_with("text/")
        || matches!(kind, "application/pdf" | "application/rtf" | "application/xml" | "application/msword")
        || office.iter().any(|begin| kind.starts_with(begin))
}

/// What is known of who sent it.
fn proof(lang: Lang, sender: &Sender) -> (&'static str, &'static str, String) {
    let say = |key: &str, values: &[(&str, &str)]| word(&text(lang, key, values));
    match sender {
        Sender::Own { label, holder: Some(name), national_id: Some(id), .. } => {
            ("badge-ok", "sceau", say("message.sender.certified", &[("name", name), ("bal", label), ("id", id)]))
        }
        Sender::Own { label, holder: Some(name), .. } => {
            ("badge-ok", "sceau", say("message.sender.person", &[("name", name), ("bal", label)]))
        }
        Sender::Own { label, .. } => ("badge-ok", "sceau", say("message.sender.own", &[("bal", label)])),
        Sender::Operator { dn } => ("badge-wait", "certificat", say("message.sender.operator", &[("dn", dn)])),
        Sender::Unknown => ("badge-no", "alerte", say("message.sender.unknown", &[])),
    }
}

/// What one should know before one answers.
fn warnings(lang: Lang, reading: &Reading) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(other) = &reading.other_sender {
        all.push(word(&text(lang, "message.warn.envelope", &[("address", other)])));
    }
    if let Some(reply) = reading.reply_to.first() {
        all.push(word(&text(lang, "message.warn.reply_to", &[("address", &named(reply))])));
    }
    all
}

/// How high the frame of HTML is, of six heights, by the words that stand in it.
fn height(text: &str) -> usize {
    let lines: usize = text.lines().map(|line| 1 + line.chars().count() / 90).sum();
    1 + HEIGHTS.iter().filter(|most| lines > **most).count()
}

impl Page {
    /// The subject as text, for the window.
    fn title(&self) -> &str {
        &self.pane.plain
    }
}

impl Pane {
    /// Each kind of recipient that there is, with what it is called.
    fn recipients(&self) -> Vec<(String, &[Named])> {
        let all = [
            ("message.to", &self.to),
            ("message.cc", &self.cc),
            ("message.bcc", &self.bcc),
            ("message.reply_to", &self.reply_to),
        ];
        let there = all.into_iter().filter(|(_, list)| !list.is_empty());
        there.map(|(key, list)| (self.shell.t(key), list.as_slice())).collect()
    }
    fn headers(&self) -> String {
        self.shell.to(&format!("{}/entetes", self.at))
    }
    fn body(&self) -> String {
        self.shell.to(&format!("{}/corps", self.at))
    }
    /// Those recipients that are shown at once, and those behind a fold.
    fn parted<'a>(&self, list: &'a [Named]) -> (&'a [Named], &'a [Named]) {
        list.split_at(list.len().min(AT_ONCE))
    }
    /// How many more there are, said.
    fn more(&self, count: usize) -> String {
        self.shell.t1("message.more", "count", &count.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_as_high_as_its_words() {
        assert_eq!([height(""), height(&"a\n".repeat(30)), height(&"a".repeat(100_000))], [1, 3, 6]);
    }

    #[test]
    fn what_is_known_is_said_and_what_is_written_stays_text() {
        let own = Sender::Own {
            label: "Dr <b>".into(),
            kind: sceau_domain::BalKind::Per,
            holder: Some("Anne".into()),
            national_id: None,
        };
        let _ = crate::routes();
        let (class, _, said) = proof(Lang::Fr, &own);
        assert!(class == "badge-ok" && said.contains("Dr &lt;b&gt;"), "{said}");
        assert_eq!(proof(Lang::En, &Sender::Unknown).0, "badge-no");
        let shown = people(&[Party { name: "\u{202e}<i>".into(), address: "a@b".into() }]);
        assert_eq!(shown[0].name, "<span class=\"badge badge-no\">U+202E</span>&lt;i&gt;");
    }
}
