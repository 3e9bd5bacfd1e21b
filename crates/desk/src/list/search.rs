//! `GET /bal/{b}/chercher`: messages found by what they say.
use super::rail::{Rail, last_level, rail};
use super::window::short;
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_operator::search::{FoundMessage, Page as Asking};
use sceau_web::part::{self, PartName};
use sceau_web::{Shell, Visitor, layout, seated};
use serde::Deserialize;

/// Messages of a page.
const ROWS: usize = 50;

/// What is asked, as the address says it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The question.
    q: String,
    /// What names the folder; empty: all of them.
    dans: String,
    /// Older than this: `date.message`.
    avant: String,
}

/// The box in which one asks, on the pages of a BAL.
#[derive(Template)]
#[template(path = "list/search_box.html")]
pub(super) struct SearchBox {
    shell: Shell,
    to: String,
    question: String,
    /// Folders: what names each, its name, is it the one that is searched.
    folders: Vec<(String, String, bool)>,
}

/// A message that was found.
struct Hit {
    to: String,
    who: String,
    /// With addresses.
    whom: String,
    subject: String,
    /// Where it lies.
    folder: String,
    date: String,
    exact: String,
    iso: String,
    /// Markup of ours: its text escaped, what was found marked.
    excerpt: String,
}

#[derive(Template)]
#[template(path = "list/hits.html")]
struct Hits {
    shell: Shell,
    hits: Vec<Hit>,
    more: Option<String>,
}

#[derive(Template)]
#[template(path = "list/found.html")]
struct Page {
    shell: Shell,
    rail: Rail,
    search: SearchBox,
    asked: bool,
    /// Why the question cannot be answered.
    error: Option<String>,
    /// Some messages could not be looked at in the time there is.
    incomplete: bool,
    any: bool,
    hits: Hits,
}

impl Page {
    /// Questions that one may ask, with the keys of what they find.
    fn samples(&self) -> [(&'static str, &'static str); 7] {
        [
            ("ordonnance martin", "list.search.sample.words"),
            ("\"compte rendu\"", "list.search.sample.phrase"),
            ("de:durand", "list.search.sample.from"),
            ("objet:bilan", "list.search.sample.subject"),
            ("avec:pj", "list.search.sample.attached"),
            ("apres:2026-01", "list.search.sample.after"),
            ("bilan -hépatique", "list.search.sample.without"),
        ]
    }
}

/// The box on a page of a BAL, with the folders that its person sees.
///
/// # Errors
/// What listing folders refuses.
pub(super) async fn search_box(
    visitor: &Visitor,
    actor: &Actor,
    b: &str,
    (question, within): (&str, &str),
) -> Result<SearchBox, Refusal> {
    let op = &visitor.op;
    let folders = op.folders(actor).await?.into_iter().map(|folder| {
        let code = op.mailbox_object(folder.id);
        let here = code == within;
        (code, last_level(visitor, &folder), here)
    });
    Ok(SearchBox {
        shell: visitor.shell("/bal").of_bal(b),
        to: format!("/bal/{b}/chercher"),
        question: question.to_owned(),
        folders: folders.collect(),
    })
}

/// `GET /bal/{b}/chercher`
pub(super) async fn show(visitor: Visitor, Path(b): Path<String>, uri: Uri) -> Response {
    let actor = match seated(&visitor, &b).await {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let asked = Query::<Asked>::try_from_uri(&uri).map(|Query(asked)| asked).unwrap_or_default();
    match page(&visitor, &actor, &b, &asked).await {
        Ok(page) if page.error.is_some() => visitor.screen(StatusCode::UNPROCESSABLE_ENTITY, &page),
        Ok(page) => part::answer(&visitor, &part::Asked(visitor.part), &page, &[(PartName::Rows, &page.hits)]),
        Err(refusal) => visitor.refused(&refusal),
    }
}

async fn page(visitor: &Visitor, actor: &Actor, b: &str, asked: &Asked) -> Result<Page, Refusal> {
    let op = &visitor.op;
    let path = format!("/bal/{b}/chercher");
    let shell = || visitor.shell(&path).of_bal(b);
    let question = asked.q.trim();
    let mut page = Page {
        shell: shell(),
        rail: rail(visitor, actor, b, None).await?,
        search: search_box(visitor, actor, b, (question, &asked.dans)).await?,
        asked: !question.is_empty(),
        error: None,
        incomplete: false,
        any: false,
        hits: Hits { shell: shell(), hits: Vec::new(), more: None },
    };
    if question.is_empty() {
        return Ok(page);
    }
    let query = match op.query(question) {
        Ok(query) => query,
        Err(refusal) => {
            page.error = Some(visitor.told(&refusal).1);
            return Ok(page);
        }
    };
    let within = match asked.dans.as_str() {
        "" => None,
        code => {
            let id = op.mailbox_of_object(code).ok_or(RefusalCode::FolderUnknown)?;
            let folder = op.folders(actor).await?.into_iter().find(|f| f.id == id).ok_or(RefusalCode::FolderUnknown)?;
            Some(folder.name)
        }
    };
    let before = before(visitor, &asked.avant);
    let found = op.find_messages(actor, &query, within.as_deref(), Asking { before, limit: ROWS }).await?;
    let folders = op.folders(actor).await?;
    let now = op.clock().now();
    let hit = |hit: FoundMessage| {
        let shown = hit.entries.first().and_then(|entry| folders.iter().find(|f| f.id == entry.folder));
        let from = shown.map(|f| format!("?dans={}", op.mailbox_object(f.id))).unwrap_or_default();
        Hit {
            to: visitor.to(&format!("/bal/{b}/message/{}{from}", op.email_object(hit.message))),
            who: match once(hit.from.iter().map(|from| name(from))).join(", ") {
                nobody if nobody.is_empty() => visitor.t("list.row.nobody"),
                who => who,
            },
            whom: once(hit.from.iter().map(String::as_str)).join(", "),
            subject: if hit.subject.trim().is_empty() { visitor.t("list.row.no_subject") } else { hit.subject },
            folder: shown.map(|f| last_level(visitor, f)).unwrap_or_default(),
            date: short(visitor.lang, hit.date, now),
            exact: layout::instant(visitor.lang, hit.date, Territory::Metropole),
            iso: jiff::Timestamp::from_millisecond(hit.date.0).map(|at| at.to_string()).unwrap_or_default(),
            excerpt: marked(&hit.snippet.text, &hit.snippet.found),
        }
    };
    page.hits.hits = found.hits.into_iter().map(hit).collect();
    page.any = !page.hits.hits.is_empty();
    page.incomplete = !found.complete;
    page.hits.more = found.next.map(|(date, message)| {
        let words = form(&[("q", question), ("dans", &asked.dans)]);
        visitor.to(&format!("{path}?{words}&avant={date}.{}", op.email_object(message)))
    });
    Ok(page)
}

/// Fields of an address.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let fields = fields.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    fields.collect::<Vec<_>>().join("&")
}

/// Where the page before ended.
fn before(visitor: &Visitor, said: &str) -> Option<(i64, i64)> {
    let (date, message) = said.split_once('.')?;
    Some((date.parse().ok()?, visitor.op.message_of_object(message)?))
}

/// Each once: who answers for a message is often who wrote it.
fn once<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut found: Vec<&str> = Vec::new();
    for text in texts {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// The name of a sender that is said with its address; the address of one without a name.
fn name(from: &str) -> &str {
    match from.rsplit_once(' ') {
        Some((name, address)) if address.contains('@') && !name.trim().is_empty() => name.trim(),
        _ => from,
    }
}

/// An excerpt with what was found marked.
fn marked(text: &str, found: &[(usize, usize)]) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len() + 32), 0);
    for &(from, to) in found {
        let (Some(before), Some(words)) = (text.get(at..from), text.get(from..to)) else { continue };
        out.push_str(&layout::escape(before));
        out.push_str("<mark>");
        out.push_str(&layout::escape(words));
        out.push_str("</mark>");
        at = to;
    }
    out.push_str(&layout::escape(text.get(at..).unwrap_or_default()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_marked_and_nothing_leaves_its_place() {
        assert_eq!(marked("a <b> été & c", &[(2, 5), (6, 11)]), "a <mark>&lt;b&gt;</mark> <mark>été</mark> &amp; c");
        // Places that do not fit the text mark nothing, and lose nothing.
        assert_eq!(marked("été", &[(1, 2), (9, 12)]), "été");
    }

    #[test]
    fn a_sender_is_said_by_name() {
        for (from, said) in [
            ("Dr Anne LE GOFF anne.legoff@a.fr", "Dr Anne LE GOFF"),
            ("anne@a.fr", "anne@a.fr"),
            ("Anne", "Anne"),
            ("Anne Martin", "Anne Martin"),
            (" anne@a.fr", " anne@a.fr"),
        ] {
            assert_eq!(name(from), said);
        }
    }

    #[test]
    fn a_question_stays_one_field_of_an_address() {
        assert_eq!(form(&[("q", "a&b=é"), ("dans", "")]), "q=a%26b%3D%C3%A9");
    }
}
