//! `/acceder/…`: the link behind which somebody sets up means of signing in; `/opposition/…`: the one by which he objects to their replacement.
//!
//! Looking changes nothing, for programs that guard mailboxes follow links.
use super::factors::{different, is_about_password};
use super::passkey::Answer;
use super::session::{Policy, Sent, Visitor};
use super::shell::Shell;
use super::{link, qr};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::identity::enrol::{Chosen, EnrolOffer};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Nothing but the word.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// A password with the code of an authenticator program.
#[derive(Deserialize)]
pub(super) struct Password {
    #[serde(deserialize_with = "super::secret")]
    mot_de_passe: Zeroizing<String>,
    #[serde(deserialize_with = "super::secret")]
    encore: Zeroizing<String>,
    #[serde(deserialize_with = "super::secret")]
    code: Zeroizing<String>,
}

#[derive(askama::Template)]
#[template(path = "enrol.html")]
struct Page {
    shell: Shell,
    here: String,
    offer: EnrolOffer,
}

#[derive(askama::Template)]
#[template(path = "enrol_choose.html")]
struct Choice {
    shell: Shell,
    here: String,
    offer: EnrolOffer,
    options: String,
    picture: Zeroizing<String>,
    shown: Zeroizing<String>,
    /// What was typed is not taken: why.
    told: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "enrol_done.html")]
struct Done {
    shell: Shell,
    offer: EnrolOffer,
}

#[derive(askama::Template)]
#[template(path = "object.html")]
struct Objection {
    shell: Shell,
    here: String,
    /// Whose; none: it is done.
    name: Option<String>,
}

/// A link that leads nowhere says so as the others do.
fn refused(visitor: &Visitor, refusal: &Refusal) -> Response {
    match refusal.code {
        RefusalCode::LinkInvalid => link::refused(&visitor.op, refusal),
        _ => visitor.refused(refusal),
    }
}

/// `GET /acceder/{secret}`
pub(super) async fn look(Path(secret): Path<String>, visitor: Visitor) -> Response {
    match visitor.op.look_at_enrol_link(&secret, &visitor.origin).await {
        Ok(offer) => {
            let here = format!("/acceder/{secret}");
            visitor.page(StatusCode::OK, &Page { shell: visitor.shell(&here), here, offer })
        }
        Err(refusal) => refused(&visitor, &refusal),
    }
}

/// `POST /acceder/{secret}`
pub(super) async fn begin(Path(secret): Path<String>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    match visitor.op.begin_enrol_link(&visitor.browser(), &secret, &visitor.origin).await {
        Ok(()) => visitor.leave(&visitor.to(&format!("/acceder/{secret}/choisir"))),
        Err(refusal) => refused(&visitor, &refusal),
    }
}

/// `GET /acceder/{secret}/choisir`
pub(super) async fn choose(Path(secret): Path<String>, visitor: Visitor) -> Response {
    choice(&visitor, &secret, None).await
}

/// The page on which one chooses; with why not, when what was typed is not taken: with the same key, which the program has already.
async fn choice(visitor: &Visitor, secret: &str, why: Option<&Refusal>) -> Response {
    match visitor.op.enrol_form(&visitor.browser(), secret, &visitor.origin).await {
        Ok(form) => {
            let (status, told) = why.map(|why| visitor.told(why)).unzip();
            let here = format!("/acceder/{secret}");
            let page = Choice {
                shell: visitor.shell(&format!("{here}/choisir")),
                here,
                offer: form.offer,
                options: form.options.to_string(),
                picture: qr::svg(&form.totp.uri, &visitor.t("page.totp.picture")).unwrap_or_default(),
                shown: form.totp.shown,
                told,
            };
            visitor.page_with(status.unwrap_or(StatusCode::OK), &page, Policy { script: true, to: &[] })
        }
        Err(refusal) if refusal.code == RefusalCode::FormOld => {
            visitor.leave(&visitor.to(&format!("/acceder/{secret}")))
        }
        Err(refusal) => refused(visitor, &refusal),
    }
}

async fn chosen(visitor: &Visitor, secret: &str, chosen: Chosen<'_>) -> Response {
    // A passkey's answer is good for one try, a typed code for the next one too.
    let typed = matches!(chosen, Chosen::Password(..));
    let again = |r: &Refusal| typed && (r.code == RefusalCode::FactorRefused || is_about_password(r));
    match visitor.op.enrol_by_link(&visitor.browser(), secret, chosen, &visitor.origin).await {
        Err(refusal) if again(&refusal) => choice(visitor, secret, Some(&refusal)).await,
        Ok(offer) => visitor.page(StatusCode::OK, &Done { shell: visitor.shell("/connexion"), offer }),
        Err(refusal) => refused(visitor, &refusal),
    }
}

/// `POST /acceder/{secret}/cle`
pub(super) async fn passkey(Path(secret): Path<String>, Sent(visitor, answer): Sent<Answer>) -> Response {
    chosen(&visitor, &secret, Chosen::Passkey(answer.reponse.as_bytes())).await
}

/// `POST /acceder/{secret}/mot-de-passe`
pub(super) async fn password(Path(secret): Path<String>, Sent(visitor, sent): Sent<Password>) -> Response {
    if sent.mot_de_passe != sent.encore {
        return choice(&visitor, &secret, Some(&different())).await;
    }
    chosen(&visitor, &secret, Chosen::Password(&sent.mot_de_passe, &sent.code)).await
}

/// `GET /opposition/{secret}`
pub(super) async fn look_at_objection(Path(secret): Path<String>, visitor: Visitor) -> Response {
    match visitor.op.look_at_objection(&secret).await {
        Ok(name) => {
            let here = format!("/opposition/{secret}");
            visitor.page(StatusCode::OK, &Objection { shell: visitor.shell(&here), here, name: Some(name) })
        }
        Err(refusal) => refused(&visitor, &refusal),
    }
}

/// `POST /opposition/{secret}`
pub(super) async fn object(Path(secret): Path<String>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    match visitor.op.object_to_recovery(&secret, &visitor.origin).await {
        Ok(()) => {
            let page = Objection { shell: visitor.shell("/connexion"), here: String::new(), name: None };
            visitor.page(StatusCode::OK, &page)
        }
        Err(refusal) => refused(&visitor, &refusal),
    }
}
