//! What became of each recipient of a sent message: a block beside the message, and a page of its own.
use super::{Onlooker, Speech};
use crate::list::{Rail, rail};
use askama::Template;
use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal};
use sceau_operator::Actor;
use sceau_operator::desk::deliveries::{DeliveryState, DeliveryView, Followed, SentAs};
use sceau_operator::desk::list::Row;
use sceau_web::part::{self, Asked, PartName};
use sceau_web::ui::{Cell, Column, Kind, Table};
use sceau_web::{Shell, Visitor, Watcher, layout, seated};
use serde::Deserialize;
use serde_json::{Value, json};

/// Recipients that are all shown at once.
const MANY: usize = 8;
/// Rows that are asked for at once.
const ROWS: usize = 100;

/// One recipient.
struct Line {
    address: String,
    /// The shade of its state.
    badge: &'static str,
    /// Its state in a word.
    word: String,
    /// What happened: class, words, when.
    steps: Vec<(&'static str, String, String)>,
    /// What the server said.
    reply: Option<String>,
}

/// The block beside a message; empty where nothing is known.
#[derive(Template)]
#[template(path = "shared/deliveries.html")]
struct Block {
    shell: Shell,
    /// Its page, which also gives the state alone.
    at: String,
    /// It is shown beside the message, and leads to its page.
    leads: bool,
    state: State,
}

/// What changes of it.
#[derive(Template)]
#[template(path = "shared/state.html")]
struct State {
    shell: Shell,
    summary: String,
    /// How far all came: another one once something changed.
    stamp: String,
    /// Recipients; those whom it reached, where they are many, behind these words.
    groups: Vec<(Option<String>, Vec<Line>)>,
}

#[derive(Template)]
#[template(path = "shared/following.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    block: Option<Block>,
    /// Where everything that one would look on is told as it happens.
    live: Option<String>,
    back: String,
    file: String,
}

/// What is asked of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Look {
    /// `csv`: as a file.
    format: String,
}

/// `GET /bal/{b}/message/{m}/suivi`
pub(super) async fn page(
    Onlooker(visitor): Onlooker,
    Path((b, m)): Path<(String, String)>,
    Query(look): Query<Look>,
) -> Response {
    let (actor, message) = match super::beside::opened(&visitor, &b, &m).await {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let found = match visitor.op.deliveries(&actor, message).await {
        Ok(found) => found,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let (speech, message) = (Speech::of(&visitor).await, format!("/bal/{b}/message/{m}"));
    let path = format!("{message}/suivi");
    if look.format == "csv" {
        return file(speech.lang, visitor.to(&path), &found).csv();
    }
    let shell = || visitor.shell(&path).of_bal(&b);
    if visitor.part == Some(PartName::Message) {
        let state = state(shell(), speech, &found);
        return part::answer(&visitor, &Asked(visitor.part), &state, &[(PartName::Message, &state)]);
    }
    let rail = match rail(&visitor, &actor, &b, None).await {
        Ok(rail) => rail,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let block = (!found.is_empty()).then(|| Block {
        state: state(shell(), speech, &found),
        at: path.clone(),
        leads: false,
        shell: shell(),
    });
    let live = waits(&found).then(|| format!("{message}/direct"));
    let page = Page { shell: shell(), rail, block, live, back: message, file: format!("{path}?format=csv") };
    visitor.screen(StatusCode::OK, &page)
}

/// The block for a message's own page; empty where the BAL did not send it.
pub(super) fn beside(shell: impl Fn() -> Shell, speech: Speech, found: &[DeliveryView], at: String) -> String {
    match found {
        [] => String::new(),
        found => {
            let state = state(shell(), speech, found);
            Block { shell: shell(), at, leads: true, state }.render().unwrap_or_default()
        }
    }
}

/// Does anybody wait for it?
pub(super) fn waits(found: &[DeliveryView]) -> bool {
    found.iter().any(|d| d.state.waits())
}

/// How far a message came, as a page and its stream compare it.
pub(super) fn stamp(f: &Followed) -> String {
    format!("{}-{}-{}-{}", f.all, f.waits, f.lost, f.at)
}

/// Whom it did not reach first, then whom it has not reached yet. Of many, those whom it reached are a fold away.
fn state(shell: Shell, speech: Speech, found: &[DeliveryView]) -> State {
    let mut sorted: Vec<&DeliveryView> = found.iter().collect();
    sorted.sort_by_key(|d| (d.state.arrived(), d.state.waits()));
    let first = match found.len() > MANY {
        true => sorted.iter().filter(|d| !d.state.arrived()).count(),
        false => sorted.len(),
    };
    let (shown, folded) = sorted.split_at(first);
    let lines = |list: &[&DeliveryView]| list.iter().map(|d| line(speech, d)).collect::<Vec<_>>();
    let words = text(speech.lang, "shared.deliveries.reached", &[("n", &folded.len().to_string())]);
    let groups = [(None, lines(shown)), (Some(layout::set(&words)), lines(folded))];
    let groups = groups.into_iter().filter(|(_, lines)| !lines.is_empty()).collect();
    State { summary: summary(speech.lang, found), stamp: stamp(&Followed::of(found)), groups, shell }
}

/// How far a message came, for its row in a list.
#[derive(Debug, Clone)]
pub(crate) struct Far {
    /// In a word.
    pub word: String,
    /// Its shade.
    pub shade: &'static str,
    /// What names it to a script, while somebody waits for it.
    pub waits: Option<String>,
}

/// How far what these rows show came; nothing for what this BAL did not send.
pub(crate) async fn far(visitor: &Visitor, actor: &Actor, rows: &[Row]) -> Result<Vec<Option<Far>>, Refusal> {
    let sent: Vec<SentAs> = rows.iter().filter_map(|row| row.sent).collect();
    if sent.is_empty() {
        return Ok(vec![None; rows.len()]);
    }
    let followed = visitor.op.how_far(actor, &sent).await?;
    let of = |row: &Row| row.sent.and_then(|sent| Some(word(visitor.lang, sent, followed.get(&sent)?)));
    Ok(rows.iter().map(of).collect())
}

/// Which rows are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    /// What names them, with points between.
    de: String,
}

/// `GET /bal/{b}/suivis?de=`: how far came what rows show that wait, for a script: a list is open, and something of the BAL changed. To look on is no use of
/// the session, and nothing is read.
pub(super) async fn rows(
    Watcher(visitor): Watcher,
    Path(b): Path<String>,
    Query(Waiting { de }): Query<Waiting>,
) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let sent: Vec<SentAs> = de.split('.').filter_map(SentAs::of_code).take(ROWS).collect();
    let followed = match visitor.op.how_far(&actor, &sent).await {
        Ok(followed) => followed,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let told = followed.iter().map(|(sent, f)| {
        let far = word(visitor.lang, *sent, f);
        json!({ "de": sent.code(), "mot": far.word, "teinte": far.shade, "attend": far.waits.is_some() })
    });
    Json(told.collect::<Value>()).into_response()
}

/// What matters most of how far a message came.
fn word(lang: Lang, sent: SentAs, f: &Followed) -> Far {
    let (key, count, shade) = match f {
        f if f.lost > 0 => ("lost", f.lost, "badge-no"),
        f if f.waits > 0 => ("waits", f.waits, "badge-wait"),
        f => ("arrived", f.all, "badge-ok"),
    };
    let number = if f.all == 1 { "one" } else { "many" };
    let said = text(lang, &format!("shared.deliveries.far.{key}.{number}"), &[("n", &count.to_string())]);
    Far { word: layout::set(&said), shade, waits: (f.waits > 0).then(|| sent.code()) }
}

/// The same as a file: a line for each recipient.
fn file(lang: Lang, at: String, found: &[DeliveryView]) -> Table {
    let say = |key: &str| layout::set(&text(lang, &format!("shared.deliveries.{key}"), &[]));
    let column = |key: &'static str, kind| Column { key, title: say(&format!("column.{key}")), kind, sort: false };
    let shown = |text: &Option<String>| text.as_ref().map_or(Cell::None, |text| Cell::Text(text.clone()));
    let row = |d: &DeliveryView| {
        let why = d.code.map(|code| {
            let why = Refusal::new(code).with("server", d.server.as_deref().unwrap_or_default());
            why.with("reply", d.reply.as_deref().unwrap_or_default()).sentence(lang)
        });
        vec![
            Cell::Text(d.address.clone()),
            Cell::Text(say(d.state.as_str())),
            Cell::Time(d.sent),
            Cell::Time(d.at),
            shown(&d.server),
            shown(&why),
            shown(&d.reply),
        ]
    };
    Table {
        id: "suivi",
        caption: say("page"),
        at,
        columns: vec![
            column("address", Kind::Text),
            column("state", Kind::Text),
            column("sent", Kind::Date),
            column("at", Kind::Date),
            column("server", Kind::Text),
            column("why", Kind::Text),
            column("reply", Kind::Text),
        ],
        rows: found.iter().map(row).collect(),
        sort: None,
        filter: Vec::new(),
        next: None,
        empty: say("none"),
        lang,
    }
}

/// How many of how many arrived, and what of the others.
fn summary(lang: Lang, found: &[DeliveryView]) -> String {
    let f = Followed::of(found);
    let [all, arrived, waits, lost] = [f.all, f.arrived(), f.waits, f.lost].map(|n| n.to_string());
    let say = |key: &str, value: &str| text(lang, key, &[("count", value), ("limit", &all)]);
    let mut parts = vec![say("shared.deliveries.arrived", &arrived)];
    if waits != "0" {
        parts.push(say("shared.deliveries.waits", &waits));
    }
    if lost != "0" {
        parts.push(say("shared.deliveries.lost", &lost));
    }
    layout::set(&parts.join(", "))
}

fn line(speech: Speech, d: &DeliveryView) -> Line {
    let lang = speech.lang;
    let say = |key: &str| layout::set(&text(lang, &format!("shared.deliveries.{key}"), &[]));
    let (badge, class) = match d.state {
        state if state.arrived() => ("badge-ok", "step-ok"),
        state if state.waits() => ("badge-wait", "step-wait"),
        _ => ("badge-no", "step-no"),
    };
    let server = d.server.as_deref().unwrap_or_default();
    let words = match d.state {
        DeliveryState::Relayed if !server.is_empty() => {
            layout::set(&text(lang, "shared.deliveries.relayed_to", &[("server", server)]))
        }
        state => say(&format!("long.{}", state.as_str())),
    };
    let mut steps = vec![("step-ok", say("sent"), speech.instant(d.sent))];
    if d.state != DeliveryState::Queued || d.at != d.sent {
        steps.push((class, words, speech.instant(d.at)));
    } else {
        steps.push((class, words, String::new()));
    }
    if let Some(code) = d.code {
        let why = Refusal::new(code).with("server", server).with("reply", d.reply.as_deref().unwrap_or_default());
        steps.push((class, layout::set(&why.sentence(lang)), String::new()));
    }
    let reply = d.reply.clone().filter(|r| !r.is_empty() && !d.state.arrived());
    Line { address: d.address.clone(), badge, word: say(d.state.as_str()), steps, reply }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::Timestamp;

    fn view(state: DeliveryState) -> DeliveryView {
        let (sent, at) = (Timestamp(1_000), Timestamp(2_000));
        DeliveryView { address: "a@b.fr".into(), state, code: None, server: None, reply: None, sent, at }
    }

    #[test]
    fn a_summary_counts_what_arrived_what_waits_and_what_is_lost() {
        crate::make_known();
        let all = [DeliveryState::Delivered, DeliveryState::Relayed, DeliveryState::Delayed, DeliveryState::Failed];
        let said = summary(Lang::Fr, &all.map(view));
        for part in ["2 sur 4", "1 en attente", "1 non"] {
            assert!(said.contains(part), "{said}");
        }
        let said = summary(Lang::Fr, &[view(DeliveryState::Delivered)]);
        assert!(!said.contains("attente") && !said.contains("non"), "{said}");
    }
}
