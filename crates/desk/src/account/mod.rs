//! `/compte`: what is one's own. Rooms, publication, address and notices, delegations, activity, how pages look, one's data, closing; and the absence of a BAL.
//!
//! Each page reads what it shows anew, and says above it what was done (`?fait=`), or why not.
mod absence;
mod activity;
mod closing;
mod data;
mod delegations;
mod display;
mod help;
mod notices;
mod overview;
mod publication;
mod telephone;

use axum::Router;
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_operator::Actor;
use sceau_web::route::{get, post};
use sceau_web::{Place, State, Visitor};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/compte", get(overview::show))
        .route("/compte/choix", get(publication::show).merge(post(publication::choose)))
        .route("/compte/numero", post(publication::phone))
        .route("/compte/notifications", get(notices::show).merge(post(notices::choose)))
        .route("/compte/adresse", post(notices::address))
        .route("/compte/langue", post(notices::language))
        .route("/compte/delegations", get(delegations::show).merge(post(delegations::give)))
        .route("/compte/delegations/fin", post(delegations::end))
        .route("/compte/activite", get(activity::show))
        .route("/compte/affichage", get(display::show).merge(post(display::choose)))
        .route("/compte/telephone", get(telephone::show))
        .route("/compte/telephone/avis", post(telephone::wake))
        .route("/compte/telephone/avis/renouveler", post(telephone::renew))
        .route("/compte/telephone/avis/choix", post(telephone::choose))
        .route("/compte/telephone/avis/essai", post(telephone::attempt))
        .route("/compte/telephone/avis/fin", post(telephone::end))
        .route("/compte/aide", get(help::show).merge(post(help::ask)))
        .route("/compte/donnees", get(data::show))
        .route("/compte/donnees/fichier", get(data::file))
        .route("/compte/fermeture", get(closing::show).merge(post(closing::close)))
        .route("/bal/{b}/absence", get(absence::show).merge(post(absence::set)))
        .route("/bal/{b}/absence/fin", post(absence::end))
}

/// The places of the account. Opening a BAL, means of signing in and devices are pages of the room below.
pub(crate) const PLACES: [Place; 12] = [
    ("/compte", "account.place.overview"),
    ("/bal", "page.shell.bal"),
    ("/compte/choix", "account.place.publication"),
    ("/compte/notifications", "account.place.notices"),
    ("/compte/delegations", "account.place.delegations"),
    ("/compte/activite", "account.place.activity"),
    ("/compte/affichage", "account.place.display"),
    ("/moyens", "account.place.factors"),
    ("/appareils", "account.place.devices"),
    ("/compte/telephone", "phone.place"),
    ("/compte/donnees", "account.place.data"),
    ("/compte/aide", "account.place.help"),
];

/// What stands above the matter of each of these pages: what was done, why not.
struct Around {
    status: StatusCode,
    told: Option<String>,
    error: Option<String>,
    /// The session ended meanwhile: what was typed is shown, and nothing of anybody.
    over: bool,
}

/// What a page is asked after an act.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Done {
    fait: String,
}

/// What stands behind an address; what cannot be read is as if it was not there.
fn asked<T: Default + DeserializeOwned>(uri: &Uri) -> T {
    Query::<T>::try_from_uri(uri).map(|Query(asked)| asked).unwrap_or_default()
}

impl Around {
    /// As one comes to the page.
    fn page(visitor: &Visitor, uri: &Uri) -> Self {
        let told = (!asked::<Done>(uri).fait.is_empty()).then(|| visitor.t("account.done"));
        Self { status: StatusCode::OK, told, error: None, over: false }
    }
    /// Around a form whose text is shown again to whoever's session ended while it was typed; none: there is a session.
    fn over(visitor: &Visitor) -> Option<Self> {
        let refusal = visitor.actor.as_ref().err().filter(|r| r.code == RefusalCode::LoginRequired)?;
        let (status, _) = visitor.told(refusal);
        Some(Self { status, told: None, error: None, over: true })
    }
    /// As it is shown again with why not. `Err`: the answer that leads to a sign-in, or to a new proof.
    fn again(visitor: &Visitor, refusal: &Refusal) -> Result<Self, Box<Response>> {
        if matches!(refusal.code, RefusalCode::LoginRequired | RefusalCode::AuthFresh) {
            return Err(Box::new(visitor.refused(refusal)));
        }
        let (status, sentence) = visitor.told(refusal);
        Ok(Self { status, told: None, error: Some(sentence), over: false })
    }
}

/// Who is signed in, where an act is carried out.
fn actor(visitor: &Visitor) -> Result<&Actor, Refusal> {
    visitor.actor.as_ref().map_err(Clone::clone)
}

/// A choice of a form that is yes, no, or not made.
fn yes_or_no(said: &str) -> Option<bool> {
    match said {
        "oui" => Some(true),
        "non" => Some(false),
        _ => None,
    }
}

/// How much, as people say it: `1,2 Go`.
pub(crate) fn size(lang: Lang, bytes: u64) -> String {
    let units = match lang {
        Lang::Fr => ["o", "Ko", "Mo", "Go", "To"],
        Lang::En => ["B", "KB", "MB", "GB", "TB"],
    };
    let (mut unit, mut tenths) = (0, bytes.saturating_mul(10));
    while tenths >= 10_240 && unit + 1 < units.len() {
        (unit, tenths) = (unit + 1, tenths / 1_024);
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let comma = if lang == Lang::Fr { ',' } else { '.' };
    match tenth {
        0 => format!("{whole}\u{a0}{}", units[unit]),
        _ if whole >= 100 => format!("{whole}\u{a0}{}", units[unit]),
        _ => format!("{whole}{comma}{tenth}\u{a0}{}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let said = [0, 1_023, 1_024, 1_536, 250 << 20, 10 << 30].map(|n| size(Lang::Fr, n));
        assert_eq!(said, ["0\u{a0}o", "1023\u{a0}o", "1\u{a0}Ko", "1,5\u{a0}Ko", "250\u{a0}Mo", "10\u{a0}Go"]);
        assert_eq!(size(Lang::En, 1_536), "1.5\u{a0}KB");
    }

    #[test]
    fn a_choice_that_was_not_made_is_none() {
        assert_eq!(
            [yes_or_no("oui"), yes_or_no("non"), yes_or_no(""), yes_or_no("x")],
            [Some(true), Some(false), None, None]
        );
    }

    #[test]
    fn what_cannot_be_read_behind_an_address_is_not_there() {
        let read = |uri: &'static str| asked::<Done>(&Uri::from_static(uri)).fait;
        assert_eq!([read("/compte?fait=oui&lang=en"), read("/compte?fait=a&fait=b"), read("/compte")], ["oui", "", ""]);
    }
}
