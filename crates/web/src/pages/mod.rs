//! Pages for people: server-rendered, and whole without scripts, but for passkeys, which need one. Whoever has a browser can use them, with or without
//! style sheet, with a keyboard or a screen reader. What one does before there is a session, and what is only said, stands in a card
//! (`templates/shell.html`, without the pages' script); what is one's own stands in the frame of the account (`templates/account.html`).
//!
//! A door like the others: pages translate forms into use cases and refusals into sentences. Promises: a page loads nothing but our own files, is
//! framed by nobody, is kept by no cache and tells no other site where it was; looking at a page changes nothing; every value is escaped
//! ([`layout`], and askama in `templates/`); a form is taken from our own pages alone: it carries what proves who sends it, or the word of a session
//! ([`session`]), so that no other site can send one in somebody's name.
mod accessibility;
mod bal;
pub(crate) mod card;
mod conditions;
mod devices;
mod enrol;
mod factors;
pub mod layout;
mod link;
mod markdown;
mod oauth;
mod passkey;
mod password;
mod psc;
mod qr;
mod said;
pub mod session;
pub mod shell;
mod sign_in;
mod sso;
mod still;
mod token;

use crate::route::{get, post};
use crate::{State, Via};
use axum::Router;
use sceau_operator::{Door, Origin};
use std::sync::atomic::{AtomicU64, Ordering};

static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// Every page.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/conditions", get(conditions::show).merge(post(conditions::accept)))
        .route("/lien/{secret}", get(link::look).merge(post(link::confirm)))
        .route("/jeton/{secret}", get(token::look).merge(post(token::make)))
        .route("/connexion", get(sign_in::show))
        .route("/connexion/confirmer", get(sign_in::confirm))
        .route("/connexion/psc", post(psc::begin))
        .route("/connexion/psc/retour", get(psc::back))
        .route("/connexion/psc/fin", post(psc::ended))
        .route("/connexion/ecps", get(psc::wait).merge(post(psc::call)))
        .route("/connexion/etablissement/{name}", post(sso::begin))
        .route("/connexion/etablissement/{name}/retour", get(sso::back))
        .route("/connexion/carte", post(card::begin))
        .route("/connexion/carte/retour", get(card::back))
        .route("/appareils/certificat", post(devices::certify))
        .route("/deconnexion", post(sign_in::leave))
        .route("/bal", get(bal::show).merge(post(bal::open)))
        .route("/appareils", get(devices::show))
        .route("/appareils/jeton", post(devices::make))
        .route("/appareils/profil-apple", post(devices::profile))
        .route("/appareils/{id}/revoquer", post(devices::revoke))
        .route("/appareils/{id}/admettre", post(devices::admit))
        .route("/appareils/navigateurs/{id}/fermer", post(devices::close))
        .route("/appareils/navigateurs/autres", post(devices::close_others))
        .route("/oauth/authorize", get(oauth::show).merge(post(oauth::decide)))
        .route("/appareil", get(oauth::device).merge(post(oauth::device_decide)))
        .route("/bureau/session", get(still::show))
        .route(accessibility::PAGE, get(accessibility::show))
        .route(layout::SHEET, get(layout::sheet))
        .merge(crate::assets::routes())
        .merge(factor_routes())
}

/// Means of signing in: used, added, removed, replaced.
fn factor_routes() -> Router<State> {
    Router::new()
        .route("/connexion/cle", get(passkey::ask).merge(post(passkey::begin)))
        .route("/connexion/cle/fin", post(passkey::answered))
        .route("/connexion/mot-de-passe", post(password::first))
        .route("/connexion/code", get(password::second).merge(post(password::code)))
        .route("/connexion/code/envoyer", post(password::send))
        .route(factors::PAGE, get(factors::show))
        .route("/moyens/cle", get(factors::passkey).merge(post(factors::begin_passkey)))
        .route("/moyens/cle/fin", post(factors::add_passkey))
        .route("/moyens/totp", get(factors::totp).merge(post(factors::begin_totp)))
        .route("/moyens/totp/fin", post(factors::add_totp))
        .route("/moyens/mot-de-passe", post(factors::set_password))
        .route("/moyens/opposition", post(factors::object))
        .route("/moyens/{id}/retirer", post(factors::remove))
        .route("/moyens/liens/{name}/delier", post(factors::unlink))
        .route("/moyens/liens/{name}/relier", post(factors::link_again))
        .route("/acceder/{secret}", get(enrol::look).merge(post(enrol::begin)))
        .route("/acceder/{secret}/choisir", get(enrol::choose))
        .route("/acceder/{secret}/cle", post(enrol::passkey))
        .route("/acceder/{secret}/mot-de-passe", post(enrol::password))
        .route("/opposition/{secret}", get(enrol::look_at_objection).merge(post(enrol::object)))
        .route("/.well-known/change-password", get(factors::change_password))
        .route(passkey::SCRIPT, get(passkey::script))
}

/// From where a page is asked for.
pub(crate) fn origin(via: Option<&Via>) -> Origin {
    let (remote, tls) = match via {
        Some(Via::Tls { remote, tls } | Via::Card { remote, tls, .. }) => (Some(*remote), tls.clone()),
        _ => (None, None),
    };
    let session = format!("web-{:x}", SESSIONS.fetch_add(1, Ordering::Relaxed));
    Origin { door: Door::Web, remote, session, tls, once: None }
}

/// A secret of a form or a body, wiped when it is dropped.
pub(crate) fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<zeroize::Zeroizing<String>, D::Error> {
    <String as serde::Deserialize>::deserialize(from).map(zeroize::Zeroizing::new)
}
