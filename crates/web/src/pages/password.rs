//! Signing in by password, then the second means: a code of an authenticator program, a code by ordinary mail, or a passkey.
use super::session::{Sent, Visitor};
use super::shell::Shell;
use super::sign_in;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::identity::factors::Second;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Where the second means is asked for.
const SECOND: &str = "/connexion/code";

/// The first form.
#[derive(Deserialize)]
pub(super) struct First {
    #[serde(default)]
    vers: String,
    #[serde(default)]
    identifiant: String,
    #[serde(deserialize_with = "super::secret")]
    mot_de_passe: Zeroizing<String>,
}

/// The second one: a code, and which.
#[derive(Deserialize)]
pub(super) struct Given {
    #[serde(deserialize_with = "super::secret")]
    code: Zeroizing<String>,
    #[serde(default)]
    moyen: String,
}

/// Nothing but the word.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// What was done before the page is shown.
#[derive(Default, Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    envoye: String,
}

#[derive(askama::Template)]
#[template(path = "second.html")]
struct Page {
    shell: Shell,
    second: Second,
    sent: bool,
    /// The code that was typed opens nothing: why.
    told: Option<String>,
}

/// `POST /connexion/mot-de-passe`
pub(super) async fn first(Sent(visitor, first): Sent<First>) -> Response {
    let (browser, session) = (visitor.browser(), visitor.actor.as_ref().ok());
    let given = (first.identifiant.trim(), first.mot_de_passe.as_str());
    match visitor.op.password_first(&browser, (&first.vers, session), given, &visitor.origin).await {
        Err(refusal) => match refusal.code {
            // One sentence for whatever is wrong.
            RefusalCode::LoginFailed => {
                let wrong = Some(visitor.t("page.password.wrong"));
                sign_in::again(&visitor, (&first.vers, given.0), &refusal, wrong).await
            }
            RefusalCode::LoginTooMany | RefusalCode::LoginBusy => {
                sign_in::again(&visitor, (&first.vers, given.0), &refusal, None).await
            }
            _ => visitor.refused(&refusal),
        },
        entered => visitor.entered(entered),
    }
}

/// `GET /connexion/code`
pub(super) async fn second(visitor: Visitor, shown: Result<Query<Shown>, QueryRejection>) -> Response {
    match visitor.op.seconds(&visitor.browser()).await {
        Ok(second) => {
            let sent = second.mail && shown.is_ok_and(|Query(s)| !s.envoye.is_empty());
            visitor.page(StatusCode::OK, &Page { shell: visitor.shell(SECOND), second, sent, told: None })
        }
        Err(refusal) if refusal.code == RefusalCode::FormOld => visitor.see("/connexion"),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /connexion/code/envoyer`
pub(super) async fn send(Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    match visitor.op.send_code(&visitor.browser(), &visitor.origin).await {
        Ok(()) => visitor.see("/connexion/code?envoye=1"),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /connexion/code`
pub(super) async fn code(Sent(visitor, given): Sent<Given>) -> Response {
    let (op, browser, origin) = (&visitor.op, visitor.browser(), &visitor.origin);
    let mailed = given.moyen == "courriel";
    let entered = match mailed {
        true => op.code_second(&browser, &given.code, origin).await,
        false => op.totp_second(&browser, &given.code, origin).await,
    };
    match entered {
        Err(refusal) => again(&visitor, mailed, &refusal).await,
        entered => visitor.entered(entered),
    }
}

/// The page again, with why not; where that was the last try of this sign-in, the page on which another one begins.
async fn again(visitor: &Visitor, mailed: bool, refusal: &Refusal) -> Response {
    let tries = [RefusalCode::FactorRefused, RefusalCode::FactorSpent, RefusalCode::LoginTooMany];
    if !tries.contains(&refusal.code) {
        return visitor.refused(refusal);
    }
    // What was sent and is spent is not typed again: another one is.
    let sent = mailed && refusal.code != RefusalCode::FactorSpent;
    match second_again(visitor, sent, refusal, None).await {
        Some(page) => page,
        None => sign_in::again(visitor, ("", ""), refusal, Some(visitor.t("page.second.over"))).await,
    }
}

/// The page of the second means again, with why not; none: no sign-in waits for one. `sent`: a code that was sent may be typed still. `None` for
/// `sentence`: what the refusal says.
pub(super) async fn second_again(
    visitor: &Visitor,
    sent: bool,
    refusal: &Refusal,
    sentence: Option<String>,
) -> Option<Response> {
    let second = visitor.op.seconds(&visitor.browser()).await.ok()?;
    let (status, said) = visitor.told(refusal);
    let (sent, told) = (sent && second.mail, Some(sentence.unwrap_or(said)));
    Some(visitor.page(status, &Page { shell: visitor.shell(SECOND), second, sent, told }))
}
