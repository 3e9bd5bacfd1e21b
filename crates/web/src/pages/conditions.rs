//! `/conditions`: the terms of use, what changed, and the form by which a person accepts them.
use super::layout::{ENGLISH, FRENCH, Page, day, escape, instant, set};
use super::markdown;
use super::session::{Visitor, in_language};
use axum::Form;
use axum::extract::Query;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::terms::{ClauseDifference, Read, TermsState, TermsText};
use sceau_operator::{Operator, Who};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Which version, in which language.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    lang: Option<String>,
    version: Option<String>,
    /// The last version that the reader accepted: what changed since is shown.
    since: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    lang: String,
    #[serde(default)]
    since: String,
    version: String,
    digest: String,
    #[serde(default)]
    accept: String,
    #[serde(default)]
    login: String,
    #[serde(default, deserialize_with = "super::secret")]
    token: Zeroizing<String>,
    /// The word of the form in a session.
    #[serde(default)]
    jeton: String,
}

/// What is said of an attempt.
struct Told {
    refusal: Refusal,
    login: String,
}

/// A page to show.
#[derive(Clone, Copy)]
struct View<'a> {
    op: &'a Operator,
    lang: Lang,
    /// Whose clock dates are shown by.
    place: Territory,
    /// The last version that the reader accepted, as the link says.
    since: Option<&'a str>,
    /// Whoever is signed in: name, and the word of the form.
    signed: Option<(&'a str, &'a str)>,
}

/// Whoever is signed in: name, and the word of the form.
fn signed(visitor: &Visitor) -> Option<(String, String)> {
    match &visitor.actor.as_ref().ok()?.who {
        Who::Person(person) => Some((person.name.clone(), visitor.field("/conditions"))),
        Who::Connector(_) | Who::System => None,
    }
}

fn language(tag: Option<&str>) -> Lang {
    tag.and_then(|t| t.parse().ok()).unwrap_or_default()
}

/// `GET /conditions`: the version in force, or the one that is asked for.
pub(super) async fn show(visitor: Visitor, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let op = visitor.op.clone();
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let lang = language(asked.lang.as_deref());
    let terms = match asked.version.as_deref() {
        Some(version) => op.terms_version(version).await,
        None => op.terms_in_force().await,
    };
    let signed = signed(&visitor);
    let signed = signed.as_ref().map(|(name, word)| (name.as_str(), word.as_str()));
    let view = View { op: &op, lang, place: op.place().await, since: asked.since.as_deref(), signed };
    match terms {
        Ok(terms) => document(view, &terms, None).await,
        Err(refusal) => notice(&op, lang, &refusal),
    }
}

/// `POST /conditions`: a person accepts. The form holds everything that is judged: nothing is remembered between two pages.
pub(super) async fn accept(visitor: Visitor, sent: Result<Form<Sent>, FormRejection>) -> Response {
    let op = visitor.op.clone();
    let Ok(Form(sent)) = sent else {
        let refusal = Refusal::new(RefusalCode::Invalid).with("name", "form");
        return notice(&op, Lang::Fr, &refusal);
    };
    let lang = language(Some(&sent.lang));
    let read = Read { version: &sent.version, digest: &sent.digest, lang };
    let done = match &visitor.actor {
        _ if sent.accept != "yes" => Err(Refusal::new(RefusalCode::Invalid).with("name", "accept")),
        // A form that says who sends it proves that itself.
        Ok(actor) if sent.login.is_empty() => match visitor.ours(&sent.jeton) {
            Ok(()) => op.accept_terms_read(actor, read).await,
            Err(refusal) => Err(refusal),
        },
        _ => op.accept_terms_with((sent.login.trim(), sent.token.as_str()), read, &visitor.origin).await,
    };
    let terms = match op.terms_in_force().await {
        Ok(terms) => terms,
        Err(refusal) => return notice(&op, lang, &refusal),
    };
    let since = Some(sent.since.as_str()).filter(|s| !s.is_empty());
    let signed = signed(&visitor);
    let signed = signed.as_ref().map(|(name, word)| (name.as_str(), word.as_str()));
    let view = View { op: &op, lang, place: op.place().await, since, signed };
    match done {
        Ok(at) => accepted(view, &terms, at),
        Err(refusal) => document(view, &terms, Some(Told { refusal, login: sent.login })).await,
    }
}

fn say(lang: Lang, key: &str, args: &[(&str, &str)]) -> String {
    escape(&set(&text(lang, &format!("page.terms.{key}"), args)))
}

fn address(lang: Lang, version: Option<&str>, since: Option<&str>) -> String {
    // Names of versions need no quoting, what is none is left out; the page's own language is French.
    let plain = |v: &&str| v.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let version = version.filter(plain).map(|v| format!("version={v}"));
    let since = since.filter(plain).map(|v| format!("since={v}"));
    let lang = (lang == Lang::En).then(|| "lang=en".to_owned());
    let query: Vec<String> = [version, since, lang].into_iter().flatten().collect();
    if query.is_empty() { "/conditions".into() } else { format!("/conditions?{}", query.join("&")) }
}

fn answer(view: View<'_>, version: Option<&str>, (status, title): (StatusCode, &str), body: &str) -> Response {
    let View { op, lang, since, signed, .. } = view;
    let languages = [
        (FRENCH, address(Lang::Fr, version, since), lang == Lang::Fr),
        (ENGLISH, address(Lang::En, version, since), lang == Lang::En),
    ];
    let operator = op.config().name.as_str();
    let mut answer = Page { lang, title, operator, languages: &languages, body }.answer(status);
    if signed.is_some() {
        // So that the browser says of the form where it comes from.
        answer.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    answer
}

/// A page that only says why there is nothing to read.
fn notice(op: &Operator, lang: Lang, refusal: &Refusal) -> Response {
    let view = View { op, lang, place: Territory::Metropole, since: None, signed: None };
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
        escape(&address(lang, None, None)),
        say(lang, "back", &[]),
    );
    answer(view, None, (status, &text(lang, "page.terms.title", &[])), &body)
}

/// The page that says that it is done.
fn accepted(view: View<'_>, terms: &TermsText, at: sceau_domain::Timestamp) -> Response {
    let View { lang, place, .. } = view;
    let body = format!(
        "<section class=\"alone done\" role=\"status\"><svg class=\"tick\" viewBox=\"0 0 48 48\" aria-hidden=\"true\">\
         <circle cx=\"24\" cy=\"24\" r=\"22\"/><path d=\"M14 25l7 7 14-15\"/></svg><h1>{}</h1><p class=\"lead\">{}</p><p>{}</p>{}\
         <p><a href=\"{}\">{}</a></p></section>",
        say(lang, "done", &[]),
        say(lang, "done_what", &[("version", &terms.version.version), ("date", &instant(lang, at, place))]),
        say(lang, "done_next", &[]),
        digest(lang, terms),
        escape(&address(lang, None, None)),
        say(lang, "back", &[]),
    );
    answer(View { since: None, ..view }, None, (StatusCode::OK, &text(lang, "page.terms.done", &[])), &body)
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
async fn document(view: View<'_>, terms: &TermsText, told: Option<Told>) -> Response {
    let View { lang, place, .. } = view;
    let version = &terms.version;
    let status = told
        .as_ref()
        .map_or(StatusCode::OK, |t| StatusCode::from_u16(t.refusal.code.http()).unwrap_or(StatusCode::BAD_REQUEST));
    // What a page cannot show now is shown at the next look.
    let changes = changes(view, terms).await;
    let since = day(lang, version.from, place);
    let state = match version.state {
        TermsState::InForce => "in_force",
        TermsState::Planned => "planned",
        TermsState::Past => "past",
        TermsState::Withdrawn => "withdrawn",
    };
    let (article, headings) = markdown::html(match lang {
        Lang::Fr => &terms.fr,
        Lang::En => &terms.en,
    });
    let contents: String = headings
        .iter()
        .map(|h| format!("<li><a href=\"#{}\">{}</a></li>", escape(&h.id), escape(&set(&h.text))))
        .collect();
    let acceptance = if version.state == TermsState::InForce {
        form(view, terms, told.as_ref())
    } else {
        let link = escape(&address(lang, None, None));
        format!(
            "<section class=\"card\"><p>{}</p><p><a href=\"{link}\">{}</a></p></section>",
            say(lang, "not_in_force", &[]),
            say(lang, "back", &[])
        )
    };
    let title = text(lang, "page.terms.title", &[]);
    // Who listens to the page hears first that something went wrong.
    let title = told.as_ref().map_or(title.clone(), |_| text(lang, "page.terms.error", &[("title", &title)]));
    let told = told.map(|t| {
        let sentence = match (t.refusal.code, t.refusal.args.first()) {
            (RefusalCode::Invalid, Some((_, name))) if name == "accept" => say(lang, "tick", &[]),
            _ => escape(&t.refusal.sentence(lang)),
        };
        format!("<p class=\"told\" id=\"told\" role=\"alert\">{sentence}</p>")
    });
    let jump = match version.state {
        TermsState::InForce => format!("<p class=\"jump\"><a href=\"#accept\">{}</a></p>", say(lang, "jump", &[])),
        _ => String::new(),
    };
    let body = format!(
        "<section class=\"hero\"><p class=\"state {state}\">{}</p><h1>{}</h1><p class=\"lead\">{}</p>{}{jump}</section>{}{}\
         <div class=\"columns\"><article class=\"text\">{}{article}</article><aside>{acceptance}\
         <nav class=\"contents\" aria-label=\"{contents_label}\"><h2>{contents_label}</h2><ol>{contents}</ol></nav></aside></div>",
        say(lang, &format!("state.{state}"), &[("date", &since)]),
        say(lang, "title", &[]),
        say(lang, "lead", &[("version", &version.version), ("date", &day(lang, version.published, place))]),
        digest(lang, terms),
        told.unwrap_or_default(),
        changes,
        if lang == Lang::En && !says_so(&terms.en) {
            format!("<p class=\"copy\">{}</p>", say(lang, "copy", &[]))
        } else {
            String::new()
        },
        contents_label = say(lang, "contents", &[]),
    );
    answer(view, (version.state != TermsState::InForce).then_some(version.version.as_str()), (status, &title), &body)
}

/// Does the reading copy say at its beginning which text counts?
fn says_so(text: &str) -> bool {
    sceau_domain::terms::parts(text).first().is_some_and(|p| p.paragraphs.iter().any(|p| p.contains("French")))
}

/// What changed since the version that the reader accepted last, when the link names it, else since the version before: what the operator says of
/// each change, then clause by clause.
async fn changes(view: View<'_>, terms: &TermsText) -> String {
    let View { op, lang, .. } = view;
    // What a page cannot show now is shown at the next look.
    let mut steps = match view.since.filter(|_| terms.version.state == TermsState::InForce) {
        Some(since) => op.terms_changes(since).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let name = match view.since.filter(|_| !steps.is_empty()) {
        Some(since) => since.to_owned(),
        None => match op.terms_before(&terms.version.version).await {
            Ok(Some(before)) => before.version.version,
            _ => return String::new(),
        },
    };
    if steps.is_empty() {
        steps.push(terms.version.clone());
    }
    let several = steps.len() > 1;
    let said: String = steps
        .iter()
        .map(|v| {
            let said = markdown::html(if lang == Lang::Fr { &v.changes_fr } else { &v.changes_en }).0;
            let title = say(lang, "changed_in", &[("version", &v.version), ("date", &day(lang, v.from, view.place))]);
            if several { format!("<h3>{title}</h3>{said}") } else { said }
        })
        .collect();
    let differences = op.terms_differences(&name, &terms.version.version, lang).await.unwrap_or_default();
    let clauses: String = differences.iter().map(|d| clause(lang, d)).collect();
    let clauses = match differences.len() {
        0 => String::new(),
        count => {
            let summary = say(lang, "clauses", &[("count", &count.to_string())]);
            format!("<details><summary>{summary}</summary>{clauses}</details>")
        }
    };
    let link = escape(&address(lang, Some(&name), None));
    let before = say(lang, "before", &[("version", &name)]);
    let title = say(lang, "changes", &[("version", &name)]);
    format!(
        "<section class=\"changes\"><h2>{title}</h2>{said}{clauses}<p><a href=\"{link}\">{before}</a></p></section>"
    )
}

fn clause(lang: Lang, d: &ClauseDifference) -> String {
    let lines = |tag: &str, list: &[String]| -> String {
        // Many screen readers say nothing of the elements themselves.
        let heard = say(lang, tag, &[]);
        let line = |p: &String| {
            let said = escape(&set(&p.replace("**", "")));
            format!("<li><span class=\"heard\">{heard} </span><{tag}>{said}</{tag}></li>")
        };
        list.iter().map(line).collect()
    };
    let title = if d.title.is_empty() { say(lang, "preamble", &[]) } else { escape(&set(&d.title)) };
    format!(
        "<h3>{title} <small>{}</small></h3><ul class=\"lines\">{}{}</ul>",
        say(lang, &format!("change.{}", d.change), &[]),
        lines("del", &d.removed),
        lines("ins", &d.added),
    )
}

fn form(view: View<'_>, terms: &TermsText, told: Option<&Told>) -> String {
    let lang = view.lang;
    let login = told.map_or("", |t| t.login.as_str());
    // Which fields to look at again.
    let wrong = |yes: bool| if yes { " aria-invalid=\"true\"" } else { "" };
    let code = told.map(|t| t.refusal.code);
    let (who, tick) = (wrong(code == Some(RefusalCode::LoginFailed)), wrong(code == Some(RefusalCode::Invalid)));
    let told_by = if code.is_some() { "token-help told" } else { "token-help" };
    let fields = match view.signed {
        Some((name, word)) => format!(
            "<input type=\"hidden\" name=\"jeton\" value=\"{}\"><p>{}</p>",
            escape(word),
            say(lang, "signed_in", &[("name", name)])
        ),
        None => format!(
            "<label for=\"login\">{}</label>\
             <input id=\"login\" name=\"login\" required maxlength=\"320\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" value=\"{}\"{who}>\
             <label for=\"token\">{}</label>\
             <input id=\"token\" name=\"token\" type=\"password\" required maxlength=\"500\" autocomplete=\"current-password\" aria-describedby=\"{told_by}\"{who}>\
             <p id=\"token-help\" class=\"help\">{}</p><p class=\"help\"><a href=\"{}\">{}</a></p>",
            say(lang, "login", &[]),
            escape(login),
            say(lang, "token", &[]),
            say(lang, "token_help", &[]),
            escape(&in_language("/connexion?vers=/conditions", lang)),
            say(lang, "sign_in", &[]),
        ),
    };
    format!(
        "<form id=\"accept\" class=\"card\" method=\"post\" action=\"/conditions\"><h2>{}</h2><p>{}</p>\
         <input type=\"hidden\" name=\"lang\" value=\"{}\"><input type=\"hidden\" name=\"version\" value=\"{}\">\
         <input type=\"hidden\" name=\"digest\" value=\"{}\"><input type=\"hidden\" name=\"since\" value=\"{}\">\
         {fields}\
         <label class=\"tick-box\"><input type=\"checkbox\" name=\"accept\" value=\"yes\" required{tick}> <span>{}</span></label>\
         <button type=\"submit\">{}</button></form>",
        say(lang, "form", &[]),
        say(lang, "form_why", &[]),
        lang.as_str(),
        escape(&terms.version.version),
        escape(&terms.version.digest),
        escape(view.since.unwrap_or_default()),
        say(lang, "agree", &[("version", &terms.version.version)]),
        say(lang, "submit", &[]),
    )
}
