//! `/connexion`: by which means one signs in, or proves more; `/deconnexion`.
use super::session::{Policy, Sent, Visitor, site};
use super::shell::Shell;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::Refusal;
use sceau_identity::factor::{Factor, Need};
use sceau_operator::identity::attempts::own_path;
use sceau_operator::identity::sso::SsoOffer;
use serde::Deserialize;

/// Pro Santé Connect, as a page's address has it.
const PSC: &str = "psc";
/// Where one signs in, and where whoever is signed in proves more.
const SIGN_IN: &str = "/connexion";
const CONFIRM: &str = "/connexion/confirmer";
/// Longest login that is shown again, characters.
const LOGIN: usize = 320;

/// Where to go afterwards.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    vers: Option<String>,
    /// Whoever left came by this provider.
    quitte: Option<String>,
}

/// What a form of sign-in sends besides what its means needs.
#[derive(Deserialize)]
pub(crate) struct To {
    /// Where to go afterwards.
    #[serde(default)]
    pub vers: String,
}

/// Nothing but the word.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// The means that an operator offers in a browser.
#[derive(askama::Template)]
#[template(path = "connexion.html")]
struct Means {
    shell: Shell,
    /// Somebody is signed in, and has to prove more.
    more: bool,
    vers: String,
    /// Pro Santé Connect, where it is configured: does it answer?
    psc: Option<bool>,
    /// It calls telephones.
    calls: bool,
    card: bool,
    /// Structures' own sign-ins.
    structures: Vec<SsoOffer>,
    /// Whoever left may be signed in at Pro Santé Connect still: where that ends.
    sign_out: Option<String>,
    /// What was typed opens nothing: why, and the login as it was typed.
    told: Option<String>,
    login: String,
    /// A passkey opened nothing: why.
    key_told: Option<String>,
}

/// What the page says after something that opens nothing.
struct Told<'a> {
    status: StatusCode,
    sentence: String,
    /// The login as it was typed; none: it was a passkey.
    login: Option<&'a str>,
}

impl Means {
    fn title(&self) -> &'static str {
        if self.more { "page.sign_in.title_more" } else { "page.sign_in.title" }
    }
    fn lead(&self) -> &'static str {
        if self.more { "page.sign_in.lead_more" } else { "page.sign_in.lead" }
    }
}

async fn page(visitor: &Visitor, Asked { vers, quitte }: Asked, told: Option<Told<'_>>) -> Response {
    // Whoever is signed in proves more.
    let more = visitor.actor.is_ok();
    let path = if more { CONFIRM } else { SIGN_IN };
    let vers = vers.unwrap_or_default();
    let vers = own_path(&vers).unwrap_or("/bal").to_owned();
    let identity = &visitor.op.config().identity;
    let shell = visitor.shell(&format!("{path}?vers={vers}"));
    let offer = match &identity.psc {
        Some(_) => Some(visitor.op.psc_offer().await.ok()),
        None => None,
    };
    let calls = offer.as_ref().is_some_and(|o| o.as_ref().is_some_and(|o| o.calls));
    let psc = offer.as_ref().map(Option::is_some);
    let sign_out = offer.iter().flatten().filter(|_| quitte.as_deref() == Some(PSC)).find_map(|o| o.sign_out.clone());
    // Without them one signs in otherwise.
    let structures = visitor.op.sso_offers().await.unwrap_or_default();
    let (status, told, key_told, login) = match told {
        Some(Told { status, sentence, login: Some(login) }) => (status, Some(sentence), None, login),
        Some(Told { status, sentence, login: None }) => (status, None, Some(sentence), ""),
        None => (StatusCode::OK, None, None, ""),
    };
    let login = login.chars().take(LOGIN).collect();
    let card_door = identity.card.is_some();
    let page = Means { shell, more, vers, psc, calls, card: card_door, structures, sign_out, told, login, key_told };
    let card = identity.card.as_ref().map(|c| site(&c.url).to_owned());
    // Where forms of sign-in lead.
    let to: Vec<String> = [offer.flatten().map(|o| o.origin), card].into_iter().flatten().collect();
    visitor.page_with(status, &page, Policy { script: false, to: &to })
}

/// The page again, where one tries again: with why not, and the login as it was typed. Whether anybody has that login plays no part in it. `None` for
/// `sentence`: what the refusal says.
pub(super) async fn again(
    visitor: &Visitor,
    (vers, login): (&str, &str),
    refusal: &Refusal,
    sentence: Option<String>,
) -> Response {
    with(visitor, vers, Some(login), refusal, sentence).await
}

/// The page again, where another passkey or another means may be tried: with why this one opened nothing.
pub(super) async fn after_passkey(
    visitor: &Visitor,
    vers: &str,
    refusal: &Refusal,
    sentence: Option<String>,
) -> Response {
    with(visitor, vers, None, refusal, sentence).await
}

async fn with(
    visitor: &Visitor,
    vers: &str,
    login: Option<&str>,
    refusal: &Refusal,
    sentence: Option<String>,
) -> Response {
    let (status, said) = visitor.told(refusal);
    let asked = Asked { vers: Some(vers.to_owned()), quitte: None };
    page(visitor, asked, Some(Told { status, sentence: sentence.unwrap_or(said), login })).await
}

/// What stands behind the page's address; nothing when that cannot be read.
fn asked(query: Result<Query<Asked>, QueryRejection>) -> Asked {
    query.map(|Query(asked)| asked).unwrap_or_default()
}

/// `GET /connexion`
pub(super) async fn show(visitor: Visitor, query: Result<Query<Asked>, QueryRejection>) -> Response {
    match &visitor.actor {
        Ok(_) => visitor.see(asked(query).vers.as_deref().unwrap_or("/bal")),
        Err(_) => page(&visitor, asked(query), None).await,
    }
}

/// `GET /connexion/confirmer`: whoever is signed in proves anew who it is. Who just did is led on.
pub(super) async fn confirm(visitor: Visitor, query: Result<Query<Asked>, QueryRejection>) -> Response {
    match visitor.signed_in() {
        Ok(actor) if visitor.op.lacks(actor, Need::Fresh).is_none() => {
            visitor.see(asked(query).vers.as_deref().unwrap_or("/bal"))
        }
        Ok(_) => page(&visitor, asked(query), None).await,
        Err(answer) => *answer,
    }
}

/// `POST /deconnexion`
pub(super) async fn leave(Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let Ok(actor) = &visitor.actor else { return visitor.left("/connexion") };
    match visitor.op.end_session(actor, None).await {
        Ok(()) if actor.proof.proven().iter().any(|p| p.factor == Factor::Psc) => {
            visitor.left(&format!("/connexion?quitte={PSC}"))
        }
        Ok(()) => visitor.left("/connexion"),
        Err(refusal) => visitor.refused(&refusal),
    }
}
