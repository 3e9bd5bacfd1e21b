//! `/bal/{b}/etiquettes`: the labels of a BAL, and the lists in which messages have each; there one is renamed, or taken from every message. They are given and
//! taken in lists and beside messages ([`super::act`]).
use super::act::{Form, SAME, field, just_done, nothing, said, with};
use super::rail::{Rail, path, rail};
use super::search::form;
use super::view::{Asked, place};
use askama::Template;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use sceau_domain::{BalRights, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::desk::acts::Done;
use sceau_operator::desk::labels::{LabelView, keyword_of, label_of};
use sceau_web::part::{self, Told};
use sceau_web::{Sent, Shell, Visitor, seated};

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
    keyword: String,
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
    /// Where one is renamed or taken away: the form and its word, for whoever may file.
    form: Option<(String, String)>,
    told: Option<Told>,
}

/// A keyword as it is shown; none for what programs set for themselves.
pub(super) fn name_of(visitor: &Visitor, keyword: &str) -> Option<String> {
    let tag = THUNDERBIRD.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(keyword));
    tag.map(|(_, key)| visitor.t(key)).or_else(|| label_of(keyword))
}

/// Keywords as they are shown, without those that programs set for themselves.
pub(crate) fn labels(visitor: &Visitor, keywords: impl IntoIterator<Item = String>) -> Vec<String> {
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
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match page(&visitor, &actor, &b, &Asked::of(&uri)).await {
        Ok(page) => visitor.screen(StatusCode::OK, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /bal/{b}/etiquettes`: a label is renamed everywhere (`renommer`), or taken from every message (`supprimer`).
pub(super) async fn change(Path(b): Path<String>, Sent(visitor, form): Sent<Form>) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let here = format!("/bal/{b}/etiquettes");
    let (told, to) = match everywhere(&visitor, &actor, &form).await {
        Ok(done) if done.count == 0 => (nothing(&visitor, SAME), with(&here, "dit", SAME)),
        Ok(done) => (said(&visitor, (&b, &here), done), here),
        Err(refusal) => return visitor.refused(&refusal),
    };
    part::done(&visitor, &part::Asked(visitor.part), &to, told)
}

async fn everywhere(visitor: &Visitor, actor: &Actor, form: &Form) -> Result<Done, Refusal> {
    let known = visitor.op.keywords_known(actor).await?;
    let wanted = |keyword: &String| keyword == field(form, "etiquette") && name_of(visitor, keyword).is_some();
    let unknown = || Refusal::new(RefusalCode::Invalid).with("name", "etiquette");
    let from = known.into_iter().find(wanted).ok_or_else(unknown)?;
    match field(form, "faire") {
        "renommer" => {
            let to = keyword(visitor, actor, field(form, "nom")).await?;
            visitor.op.relabel(actor, &from, Some(&to)).await
        }
        "supprimer" => visitor.op.relabel(actor, &from, None).await,
        _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "faire")),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str, asked: &Asked) -> Result<Page, Refusal> {
    let found = visitor.op.labels(actor).await?;
    let mut labels: Vec<Line> = found.into_iter().filter_map(|label| line(visitor, b, label)).collect();
    labels.sort_by_cached_key(|line| line.name.to_lowercase());
    let here = format!("/bal/{b}/etiquettes");
    let files = actor.bal.as_ref().and_then(|bal| bal.chair.as_ref()).is_some_and(|c| c.rights.has(BalRights::FILE));
    Ok(Page {
        shell: visitor.shell(&here).of_bal(b),
        rail: rail(visitor, actor, b, None).await?,
        labels,
        form: files.then(|| (visitor.to(&here), visitor.field(&here))),
        told: just_done(visitor, actor, (b, &here), (&asked.fait, &asked.dit)).await?,
    })
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
    Some(Line { keyword: label.keyword, name, count, places })
}
