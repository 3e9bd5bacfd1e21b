//! `/oauth/authorize` and `/appareil`: a program's question is put to the person (RFC 6749 §4.1.1, RFC 8628 §3.3).
//!
//! Promises: nothing of the first page is believed by the second: the question is judged again as it stands in the form; whoever is not asked through a
//! form of ours answers nothing.
use super::session::{Policy, Sent, Visitor, site};
use super::shell::Shell;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Lacking, Need};
use sceau_identity::form;
use sceau_identity::oauth::{OauthError, Scopes};
use sceau_operator::identity::oauth::authorize::{Put, Question};
use sceau_operator::identity::own_tokens::OwnTokens;
use serde::Deserialize;

const AUTHORIZE: &str = "/oauth/authorize";
const DEVICE: &str = "/appareil";

#[derive(askama::Template)]
#[template(path = "consent.html")]
struct Consent {
    shell: Shell,
    name: String,
    /// The program registered itself.
    unknown: bool,
    /// Keys of what it asks for, in words.
    scopes: Vec<&'static str>,
    /// The code that the device shows: somebody else may have sent it along, so that it is compared (RFC 8628 §3.3.1, §5.4).
    code: Option<String>,
    /// From where a device asks.
    place: Option<String>,
    /// Where the browser goes back to.
    site: Option<String>,
    action: &'static str,
    /// What is judged again: the query, or the code.
    question: String,
    bals: Vec<String>,
    personal: Option<String>,
    hint: Option<String>,
}

impl Consent {
    /// Is it the BAL that the program means?
    fn is_meant(&self, bal: &str) -> bool {
        self.hint.as_deref() == Some(bal)
    }
}

#[derive(askama::Template)]
#[template(path = "device_code.html")]
struct DeviceCode {
    shell: Shell,
    told: Option<String>,
    code: String,
}

#[derive(askama::Template)]
#[template(path = "oauth_refused.html")]
struct Refused {
    shell: Shell,
    error: &'static str,
}

fn scopes(asked: Scopes) -> Vec<&'static str> {
    let all = [
        (Scopes::READ, "page.consent.read"),
        (Scopes::SEND, "page.consent.send"),
        (Scopes::FILE, "page.consent.file"),
        (Scopes::OFFLINE, "page.consent.offline"),
    ];
    all.into_iter().filter(|(scope, _)| asked.contains(*scope)).map(|(_, key)| key).collect()
}

/// Refused on a page of ours: nobody is sent to an address that is not registered.
fn here(visitor: &Visitor, error: OauthError) -> Response {
    let status = StatusCode::from_u16(error.http()).unwrap_or(StatusCode::BAD_REQUEST);
    // Nobody is asked for a password by a status here.
    let status = if status == StatusCode::UNAUTHORIZED { StatusCode::BAD_REQUEST } else { status };
    visitor.page(status, &Refused { shell: visitor.shell("/bal"), error: error.code() })
}

/// What to do first: sign in, or prove anew; the way back leads to the question.
fn first(visitor: &Visitor, back: &str) -> Option<Response> {
    let lacking = match &visitor.actor {
        Err(_) => Some(Lacking::Proof),
        Ok(actor) => visitor.op.lacks(actor, Need::Fresh),
    };
    let page = match lacking? {
        Lacking::Freshness => "/connexion/confirmer",
        _ => "/connexion",
    };
    Some(visitor.see(&format!("{page}?{}", form::write(&[("vers", back)]))))
}

/// Where a browser may be sent after the form: an origin, or a private scheme.
fn origin(redirect: &str) -> String {
    match redirect.starts_with("http") {
        true => site(redirect).to_owned(),
        false => redirect.split_once(':').map_or(String::new(), |(scheme, _)| format!("{scheme}:")),
    }
}

/// The query without the language of our pages, which is no part of the question.
fn question(query: &str) -> Option<Vec<(String, String)>> {
    let mut all = form::read(query)?;
    all.retain(|(name, _)| name != "lang");
    Some(all)
}

fn written(question: &[(String, String)]) -> String {
    let pairs: Vec<(&str, &str)> = question.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    form::write(&pairs)
}

/// `GET /oauth/authorize`
pub(super) async fn show(RawQuery(query): RawQuery, visitor: Visitor) -> Response {
    let Some(question) = query.as_deref().and_then(question) else { return here(&visitor, OauthError::InvalidRequest) };
    let put = match visitor.op.oauth_question(&question).await {
        Ok(Question::Put(put)) => put,
        Ok(Question::Here(error)) => return here(&visitor, error),
        Ok(Question::Back(url)) => return visitor.leave(&url),
        Err(refusal) => return visitor.refused(&refusal),
    };
    let text = written(&question);
    if let Some(answer) = first(&visitor, &format!("{AUTHORIZE}?{text}")) {
        return answer;
    }
    consent(&visitor, &put, text).await
}

async fn consent(visitor: &Visitor, put: &Put, question: String) -> Response {
    let own = match &visitor.actor {
        Ok(actor) => visitor.op.own_tokens(actor).await,
        Err(refusal) => Err(refusal.clone()),
    };
    let OwnTokens { bals, personal, .. } = match own {
        Ok(own) => own,
        Err(refusal) => return visitor.refused(&refusal),
    };
    let to = [origin(&put.asked.redirect)];
    let hint = put.asked.hint.clone().filter(|h| bals.contains(h));
    let page = Consent {
        shell: visitor.shell(&format!("{AUTHORIZE}?{question}")),
        name: put.name.clone(),
        unknown: put.unknown,
        scopes: scopes(put.asked.scopes),
        code: None,
        place: None,
        site: Some(to[0].clone()),
        action: AUTHORIZE,
        question,
        bals,
        personal,
        hint,
    };
    visitor.page_with(StatusCode::OK, &page, Policy { script: false, to: &to })
}

/// What the person answers.
#[derive(Deserialize)]
pub(super) struct Answer {
    question: String,
    #[serde(default)]
    bal: String,
    answer: String,
}

impl Answer {
    fn bal(&self) -> Option<&str> {
        Some(self.bal.as_str()).filter(|b| !b.is_empty())
    }
}

/// `POST /oauth/authorize`
pub(super) async fn decide(Sent(visitor, sent): Sent<Answer>) -> Response {
    let Some(question) = question(&sent.question) else { return here(&visitor, OauthError::InvalidRequest) };
    let put = match visitor.op.oauth_question(&question).await {
        Ok(Question::Put(put)) => put,
        Ok(Question::Here(error)) => return here(&visitor, error),
        Ok(Question::Back(url)) => return visitor.leave(&url),
        Err(refusal) => return visitor.refused(&refusal),
    };
    let yes = sent.answer == "yes";
    if yes && let Some(answer) = first(&visitor, &format!("{AUTHORIZE}?{}", written(&question))) {
        return answer;
    }
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.oauth_answer(actor, &put, sent.bal(), yes).await {
        Ok(url) => visitor.leave(&url),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// A code that a device shows.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    code: String,
}

/// `GET /appareil`: the code is typed, or stands in the address; then the question.
pub(super) async fn device(typed: Result<Query<Typed>, QueryRejection>, visitor: Visitor) -> Response {
    let code = typed.map(|Query(t)| t.code).unwrap_or_default();
    let back = format!("{DEVICE}?{}", form::write(&[("code", &code)]));
    if let Some(answer) = first(&visitor, if code.is_empty() { DEVICE } else { &back }) {
        return answer;
    }
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    if code.is_empty() {
        return visitor.page(StatusCode::OK, &DeviceCode { shell: visitor.shell(DEVICE), told: None, code });
    }
    let found = async {
        let waiting = visitor.op.oauth_waiting(actor, &code).await?;
        Ok::<_, Refusal>((waiting, visitor.op.own_tokens(actor).await?))
    };
    match found.await {
        Ok((waiting, OwnTokens { bals, personal, .. })) => {
            let page = Consent {
                shell: visitor.shell(&back),
                name: waiting.name,
                unknown: waiting.unknown,
                scopes: scopes(waiting.scopes),
                code: Some(waiting.code.clone()),
                place: Some(waiting.place).filter(|p| !p.is_empty()),
                site: None,
                action: DEVICE,
                question: waiting.code,
                bals,
                personal,
                hint: None,
            };
            visitor.page(StatusCode::OK, &page)
        }
        Err(refusal) if refusal.code == RefusalCode::FactorSpent => {
            let told = Some(visitor.t("page.device_code.unknown"));
            visitor.page(StatusCode::NOT_FOUND, &DeviceCode { shell: visitor.shell(DEVICE), told, code })
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /appareil`
pub(super) async fn device_decide(Sent(visitor, sent): Sent<Answer>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let yes = sent.answer == "yes";
    match visitor.op.oauth_device_answer(actor, &sent.question, sent.bal(), yes).await {
        Ok(()) => {
            let told = Some(visitor.t(if yes { "page.device_code.given" } else { "page.device_code.not_given" }));
            visitor.page(StatusCode::OK, &DeviceCode { shell: visitor.shell(DEVICE), told, code: String::new() })
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}
