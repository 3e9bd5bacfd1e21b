//! `/conditions`: the terms of use, what changed, and the form by which a person accepts them.
use super::layout::{Page, day, escape, instant, set};
use super::{markdown, origin};
use crate::{State, Via};
use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Extension, Query, State as AxumState};
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::Operator;
use sceau_operator::terms::{ClauseDifference, TermsState, TermsText};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Which version, in which language.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    lang: Option<String>,
    version: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    lang: String,
    version: String,
    digest: String,
    #[serde(default)]
    accept: String,
    login: String,
    #[serde(deserialize_with = "super::secret")]
    token: Zeroizing<String>,
}

/// What is said of an attempt.
struct Told {
    refusal: Refusal,
    login: String,
}

fn language(tag: Option<&str>) -> Lang {
    tag.and_then(|t| t.parse().ok()).unwrap_or_default()
}

/// `GET /conditions`: the version in force, or the one that is asked for.
pub(super) async fn show(
    AxumState(State(op)): AxumState<State>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let lang = language(asked.lang.as_deref());
    let terms = match asked.version.as_deref() {
        Some(version) => op.terms_version(version).await,
        None => op.terms_in_force().await,
    };
    match terms {
        Ok(terms) => document(&op, lang, &terms, None).await,
        Err(refusal) => notice(&op, lang, &refusal),
    }
}

/// `POST /conditions`: a person accepts. The form holds everything that is judged: nothing is remembered between two pages.
pub(super) async fn accept(
    AxumState(State(op)): AxumState<State>,
    via: Option<Extension<Via>>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    let Ok(Form(sent)) = sent else {
        let refusal = Refusal::new(RefusalCode::Invalid).with("name", "form");
        return notice(&op, Lang::Fr, &refusal);
    };
    let lang = language(Some(&sent.lang));
    let origin = origin(via.as_ref().map(|Extension(via)| via));
    let done = if sent.accept == "yes" {
        let (who, what) = ((sent.login.trim(), sent.token.as_str()), (sent.version.as_str(), sent.digest.as_str()));
        op.accept_terms_with(who, what, &origin).await
    } else {
        Err(Refusal::new(RefusalCode::Invalid).with("name", "accept"))
    };
    let terms = match op.terms_in_force().await {
        Ok(terms) => terms,
        Err(refusal) => return notice(&op, lang, &refusal),
    };
    match done {
        Ok(at) => accepted(&op, lang, &terms, at),
        Err(refusal) => document(&op, lang, &terms, Some(Told { refusal, login: sent.login })).await,
    }
}

fn say(lang: Lang, key: &str, args: &[(&str, &str)]) -> String {
    escape(&set(&text(lang, &format!("page.terms.{key}"), args)))
}

fn address(lang: Lang, version: Option<&str>) -> String {
    // Names of versions need no quoting; the page's own language is French.
    let version = version.map(|v| format!("version={v}"));
    let lang = (lang == Lang::En).then(|| "lang=en".to_owned());
    let query: Vec<String> = [version, lang].into_iter().flatten().collect();
    if query.is_empty() { "/conditions".into() } else { format!("/conditions?{}", query.join("&")) }
}

fn answer(op: &Operator, lang: Lang, version: Option<&str>, status: StatusCode, body: &str) -> Response {
    let languages = [
        ("Français", address(Lang::Fr, version), lang == Lang::Fr),
        ("English", address(Lang::En, version), lang == Lang::En),
    ];
    let (title, operator) = (text(lang, "page.terms.title", &[]), op.config().name.as_str());
    Page { lang, title: &title, operator, languages: &languages, body }.answer(status)
}

/// A page that only says why there is nothing to read.
fn notice(op: &Operator, lang: Lang, refusal: &Refusal) -> Response {
    let status = match refusal.code {
        RefusalCode::TermsAbsent | RefusalCode::NotFound => StatusCode::NOT_FOUND,
        code => StatusCode::from_u16(code.http()).unwrap_or(StatusCode::BAD_REQUEST),
    };
    let sentence = match refusal.code {
        RefusalCode::TermsAbsent => text(lang, "page.terms.absent", &[]),
        _ => refusal.sentence(lang),
    };
    let body = format!(
        "<section class=\"alone\"><h1>{}</h1><p>{}</p><p><a href=\"{}\">{}</a></p></section>",
        say(lang, "title", &[]),
        escape(&sentence),
        escape(&address(lang, None)),
        say(lang, "back", &[]),
    );
    answer(op, lang, None, status, &body)
}

/// The page that says that it is done.
fn accepted(op: &Operator, lang: Lang, terms: &TermsText, at: sceau_domain::Timestamp) -> Response {
    let body = format!(
        "<section class=\"alone done\" role=\"status\"><svg class=\"tick\" viewBox=\"0 0 48 48\" aria-hidden=\"true\">\
         <circle cx=\"24\" cy=\"24\" r=\"22\"/><path d=\"M14 25l7 7 14-15\"/></svg><h1>{}</h1><p class=\"lead\">{}</p><p>{}</p>{}\
         <p><a href=\"{}\">{}</a></p></section>",
        say(lang, "done", &[]),
        say(lang, "done_what", &[("version", &terms.version.version), ("date", &instant(lang, at))]),
        say(lang, "done_next", &[]),
        digest(lang, terms),
        escape(&address(lang, None)),
        say(lang, "back", &[]),
    );
    answer(op, lang, None, StatusCode::OK, &body)
}

fn digest(lang: Lang, terms: &TermsText) -> String {
    let grouped: Vec<&str> =
        terms.version.digest.as_bytes().chunks(8).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    format!(
        "<p class=\"digest\"><span>{}</span> <code>{}</code></p>",
        say(lang, "digest", &[]),
        escape(&grouped.join(" "))
    )
}

/// The text, what changed, the form.
async fn document(op: &Operator, lang: Lang, terms: &TermsText, told: Option<Told>) -> Response {
    let version = &terms.version;
    let status = told
        .as_ref()
        .map_or(StatusCode::OK, |t| StatusCode::from_u16(t.refusal.code.http()).unwrap_or(StatusCode::BAD_REQUEST));
    // What a page cannot show now is shown at the next look.
    let before = op.terms_before(&version.version).await.ok().flatten();
    let differences = match &before {
        Some(before) => op.terms_differences(&before.version.version, &version.version, lang).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let since = day(lang, version.from);
    let state = match version.state {
        TermsState::InForce => "in_force",
        TermsState::Planned => "planned",
        TermsState::Past => "past",
    };
    let (text, headings) = markdown::html(match lang {
        Lang::Fr => &terms.fr,
        Lang::En => &terms.en,
    });
    let contents: String = headings
        .iter()
        .map(|h| format!("<li><a href=\"#{}\">{}</a></li>", escape(&h.id), escape(&set(&h.text))))
        .collect();
    let acceptance = if version.state == TermsState::InForce {
        form(lang, terms, told.as_ref())
    } else {
        let link = escape(&address(lang, None));
        format!(
            "<section class=\"card\"><p>{}</p><p><a href=\"{link}\">{}</a></p></section>",
            say(lang, "not_in_force", &[]),
            say(lang, "back", &[])
        )
    };
    let told = told.map(|t| {
        let sentence = match (t.refusal.code, t.refusal.args.first()) {
            (RefusalCode::Invalid, Some((_, name))) if name == "accept" => say(lang, "tick", &[]),
            _ => escape(&t.refusal.sentence(lang)),
        };
        format!("<p class=\"told\" role=\"alert\">{sentence}</p>")
    });
    let jump = match version.state {
        TermsState::InForce => format!("<p class=\"jump\"><a href=\"#accept\">{}</a></p>", say(lang, "jump", &[])),
        _ => String::new(),
    };
    let body = format!(
        "<section class=\"hero\"><p class=\"state {state}\">{}</p><h1>{}</h1><p class=\"lead\">{}</p>{}{jump}</section>{}{}\
         <div class=\"columns\"><article class=\"text\">{}{text}</article><aside>{acceptance}\
         <nav class=\"contents\" aria-label=\"{contents_label}\"><h2>{contents_label}</h2><ol>{contents}</ol></nav></aside></div>",
        say(lang, &format!("state.{state}"), &[("date", &since)]),
        say(lang, "title", &[]),
        say(lang, "lead", &[("version", &version.version), ("date", &day(lang, version.published))]),
        digest(lang, terms),
        told.unwrap_or_default(),
        changes(lang, terms, before.as_ref(), &differences),
        if lang == Lang::En && !says_so(&terms.en) {
            format!("<p class=\"copy\">{}</p>", say(lang, "copy", &[]))
        } else {
            String::new()
        },
        contents_label = say(lang, "contents", &[]),
    );
    answer(op, lang, (version.state != TermsState::InForce).then_some(version.version.as_str()), status, &body)
}

/// Does the reading copy say at its beginning which text counts?
fn says_so(text: &str) -> bool {
    sceau_domain::terms::parts(text).first().is_some_and(|p| p.paragraphs.iter().any(|p| p.contains("French")))
}

/// What changed since the version before: what the operator says of it, then clause by clause.
fn changes(lang: Lang, terms: &TermsText, before: Option<&TermsText>, differences: &[ClauseDifference]) -> String {
    let said = match lang {
        Lang::Fr => &terms.version.changes_fr,
        Lang::En => &terms.version.changes_en,
    };
    let Some(before) = before else { return String::new() };
    let name = &before.version.version;
    let link = format!(
        "<p><a href=\"{}\">{}</a></p>",
        escape(&address(lang, Some(name))),
        say(lang, "before", &[("version", name)])
    );
    let clauses: String = differences.iter().map(|d| clause(lang, d)).collect();
    let clauses = match differences.len() {
        0 => String::new(),
        count => {
            let summary = say(lang, "clauses", &[("count", &count.to_string())]);
            format!("<details><summary>{summary}</summary>{clauses}</details>")
        }
    };
    format!(
        "<section class=\"changes\"><h2>{}</h2>{}{clauses}{link}</section>",
        say(lang, "changes", &[("version", name)]),
        markdown::html(said).0,
    )
}

fn clause(lang: Lang, d: &ClauseDifference) -> String {
    let lines = |tag: &str, list: &[String]| -> String {
        list.iter().map(|p| format!("<li><{tag}>{}</{tag}></li>", escape(&set(&p.replace("**", ""))))).collect()
    };
    let title = if d.title.is_empty() { say(lang, "preamble", &[]) } else { escape(&set(&d.title)) };
    format!(
        "<h3>{title} <small>{}</small></h3><ul class=\"lines\">{}{}</ul>",
        say(lang, &format!("change.{}", d.change), &[]),
        lines("del", &d.removed),
        lines("ins", &d.added),
    )
}

fn form(lang: Lang, terms: &TermsText, told: Option<&Told>) -> String {
    let login = told.map_or("", |t| t.login.as_str());
    format!(
        "<form id=\"accept\" class=\"card\" method=\"post\" action=\"/conditions\"><h2>{}</h2><p>{}</p>\
         <input type=\"hidden\" name=\"lang\" value=\"{}\"><input type=\"hidden\" name=\"version\" value=\"{}\">\
         <input type=\"hidden\" name=\"digest\" value=\"{}\">\
         <label for=\"login\">{}</label>\
         <input id=\"login\" name=\"login\" required maxlength=\"320\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" value=\"{}\">\
         <label for=\"token\">{}</label>\
         <input id=\"token\" name=\"token\" type=\"password\" required maxlength=\"500\" autocomplete=\"current-password\" aria-describedby=\"token-help\">\
         <p id=\"token-help\" class=\"help\">{}</p>\
         <label class=\"tick-box\"><input type=\"checkbox\" name=\"accept\" value=\"yes\" required> <span>{}</span></label>\
         <button type=\"submit\">{}</button></form>",
        say(lang, "form", &[]),
        say(lang, "form_why", &[]),
        lang.as_str(),
        escape(&terms.version.version),
        escape(&terms.version.digest),
        say(lang, "login", &[]),
        escape(login),
        say(lang, "token", &[]),
        say(lang, "token_help", &[]),
        say(lang, "agree", &[("version", &terms.version.version)]),
        say(lang, "submit", &[]),
    )
}
