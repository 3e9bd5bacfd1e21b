//! Signing in with a passkey, and the pages on which a browser is asked for one: the only ones of a sign-in with a script.
use super::session::{Policy, Sent, Visitor};
use super::shell::Shell;
use super::{layout, password, sign_in};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sceau_domain::{Refusal, RefusalCode};
use serde::Deserialize;

/// Where our script is.
pub(super) const SCRIPT: &str = "/pages/cle.js";
/// Where a passkey is shown to sign in.
const SIGN_IN: &str = "/connexion/cle";

/// What the browser is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// A new passkey.
    Create,
    /// One that there is.
    Get,
}

/// What the script puts into the form.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub reponse: String,
}

/// What begins a sign-in.
#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Where to go afterwards.
    #[serde(default)]
    vers: String,
    /// As the second means of the sign-in under way.
    #[serde(default)]
    suite: String,
}

/// Signing in with one.
#[derive(askama::Template)]
#[template(path = "passkey.html")]
struct Page {
    shell: Shell,
    ceremony: &'static str,
    options: String,
    form: &'static str,
    back: &'static str,
}

/// Adding one: a page of the account.
#[derive(askama::Template)]
#[template(path = "passkey_add.html")]
struct Adding {
    shell: Shell,
    ceremony: &'static str,
    options: String,
    form: &'static str,
    back: &'static str,
}

/// The page that asks the browser; `(here, form, back)`: its path, where the answer goes, where one goes back to.
pub(super) async fn page(
    visitor: &Visitor,
    ceremony: Ceremony,
    (here, form, back): (&'static str, &'static str, &'static str),
) -> Response {
    let create = ceremony == Ceremony::Create;
    if create && let Err(response) = visitor.signed_in() {
        return *response;
    }
    match visitor.op.passkey_options(&visitor.browser(), create, visitor.actor.as_ref().ok()).await {
        Ok(options) => {
            let (shell, options) = (visitor.shell(here), options.to_string());
            match ceremony {
                Ceremony::Create => {
                    let page = Adding { shell: shell.under(back), ceremony: "create", options, form, back };
                    visitor.screen(StatusCode::OK, &page)
                }
                Ceremony::Get => {
                    let page = Page { shell, ceremony: "get", options, form, back };
                    visitor.page_with(StatusCode::OK, &page, Policy { script: true, to: &[] })
                }
            }
        }
        // The page was left open, or asked for by hand.
        Err(refusal) if refusal.code == RefusalCode::FormOld => visitor.see(back),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /connexion/cle`
pub(super) async fn begin(Sent(visitor, wanted): Sent<Wanted>) -> Response {
    let (op, browser) = (&visitor.op, visitor.browser());
    let begun = match wanted.suite.is_empty() {
        true => op.begin_passkey(&browser, &wanted.vers, visitor.actor.as_ref().ok()).await,
        false => op.passkey_second(&browser).await,
    };
    match begun {
        Ok(()) => visitor.see(SIGN_IN),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /connexion/cle`
pub(super) async fn ask(visitor: Visitor) -> Response {
    page(&visitor, Ceremony::Get, (SIGN_IN, "/connexion/cle/fin", "/connexion")).await
}

/// `POST /connexion/cle/fin`; without an answer: the browser, or whoever sits there, gave up.
pub(super) async fn answered(Sent(visitor, answer): Sent<Answer>) -> Response {
    let browser = visitor.browser();
    if answer.reponse.is_empty() {
        let cancelled = Some(visitor.t("page.passkey.cancelled"));
        return again(&visitor, &RefusalCode::FactorRefused.into(), cancelled).await;
    }
    match visitor.op.passkey_sign_in(&browser, answer.reponse.as_bytes(), &visitor.origin).await {
        Err(refusal) if refusal.code == RefusalCode::FactorSpent => {
            let over = Some(visitor.t("page.second.over"));
            again(&visitor, &refusal, over).await
        }
        Err(refusal) if refusal.code == RefusalCode::FactorRefused => again(&visitor, &refusal, None).await,
        entered => visitor.entered(entered),
    }
}

/// The page from which the passkey was asked for, with why it opens nothing (`None` for `sentence`: what the refusal says).
async fn again(visitor: &Visitor, refusal: &Refusal, sentence: Option<String>) -> Response {
    if let Some(page) = password::second_again(visitor, false, refusal, sentence.clone()).await {
        return page;
    }
    // Where it was to lead, as long as the sign-in is there.
    let to = visitor.op.attempt(visitor.attempt()).await.map(|attempt| attempt.to).unwrap_or_default();
    sign_in::after_passkey(visitor, &to, refusal, sentence).await
}

/// The script.
pub(super) async fn script() -> Response {
    (layout::headers("text/javascript; charset=utf-8", "public, max-age=3600"), include_str!("cle.js")).into_response()
}
