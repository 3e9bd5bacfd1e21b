//! `GET /bal/{b}/etiquettes`: the labels of a BAL, and the lists in which messages have each. They are given and taken in lists ([`super::act`]).
use super::rail::{Rail, path, rail};
use super::search::form;
use super::view::place;
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_operator::Actor;
use sceau_operator::desk::labels::{LabelView, keyword_of, label_of};
use sceau_web::{Shell, Visitor, seated};

/// What Thunderbird calls its own tags, with the keys of their names.
const THUNDERBIRD: [(&str, &str); 5] = [
    ("$label1", "list.labels.tb1"),
    ("$label2", "list.labels.tb2"),
    ("$label3", "list.labels.tb3"),
    ("$label4", "list.labels.tb4"),
    ("$label5", "list.labels.tb5"),
];

/// A label, and where messages have it.
struct Line {
    name: String,
    count: String,
    /// Lists: address, name, how many there.
    places: Vec<(String, String, u64)>,
}

#[derive(Template)]
#[template(path = "list/labels.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    labels: Vec<Line>,
}

/// A keyword as it is shown; none for what programs set for themselves.
pub(super) fn name_of(visitor: &Visitor, keyword: &str) -> Option<String> {
    let tag = THUNDERBIRD.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(keyword));
    tag.map(|(_, key)| visitor.t(key)).or_else(|| label_of(keyword))
}

/// Keywords as they are shown, without those that programs set for themselves.
pub(super) fn labels(visitor: &Visitor, keywords: impl IntoIterator<Item = String>) -> Vec<String> {
    keywords.into_iter().filter_map(|keyword| name_of(visitor, &keyword)).collect()
}

/// The keyword of a label that somebody types: of one that the BAL knows by this name, else a new one. `admin.invalid`.
pub(super) async fn keyword(visitor: &Visitor, actor: &Actor, typed: &str) -> Result<String, Refusal> {
    let typed = typed.trim();
    let known = visitor.op.keywords_known(actor).await?;
    let same =
        |keyword: &String| name_of(visitor, keyword).is_some_and(|name| name.to_lowercase() == typed.to_lowercase());
    known.into_iter().find(same).map_or_else(|| keyword_of(typed), Ok)
}

/// `GET /bal/{b}/etiquettes`
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match page(&visitor, &actor, &b).await {
        Ok(page) => visitor.screen(StatusCode::OK, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str) -> Result<Page, Refusal> {
    let found = visitor.op.labels(actor).await?;
    let mut labels: Vec<Line> = found.into_iter().filter_map(|label| line(visitor, b, label)).collect();
    labels.sort_by_cached_key(|line| line.name.to_lowercase());
    let shell = visitor.shell(&format!("/bal/{b}/etiquettes")).of_bal(b);
    Ok(Page { shell, rail: rail(visitor, actor, b, None).await?, labels })
}

fn line(visitor: &Visitor, b: &str, label: LabelView) -> Option<Line> {
    let name = name_of(visitor, &label.keyword)?;
    let words = form(&[("vue", "messages"), ("etiquette", &label.keyword)]);
    let count: u64 = label.places.iter().map(|(_, count)| count).sum();
    let places = label.places.into_iter().map(|(folder, count)| {
        let to = format!("{}?{words}", place(b, &visitor.op.mailbox_object(folder.id)));
        (visitor.to(&to), path(visitor, &folder), count)
    });
    let places = places.collect();
    let count = match count {
        1 => visitor.t("list.labels.count_one"),
        n => visitor.shell("/bal").t1("list.labels.count", "n", &n.to_string()),
    };
    Some(Line { name, count, places })
}
