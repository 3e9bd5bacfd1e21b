//! What colleagues do at a BAL, what became of what was sent, rules.
mod beside;
mod deliveries;
mod live;
mod presence;
mod rules;
mod team;

pub(crate) use beside::{Around, around};
pub(crate) use deliveries::{Far, far};
pub(crate) use presence::{overtaken, watched};

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sceau_domain::calendar::Territory;
use sceau_domain::{Lang, Timestamp, personal};
use sceau_operator::Actor;
use sceau_web::part::Asked;
use sceau_web::route::{get, post};
use sceau_web::{State, Visitor, Watcher, layout};
use std::convert::Infallible;

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/message/{m}/suivi", get(deliveries::page))
        .route("/bal/{b}/suivis", get(deliveries::rows))
        .route("/bal/{b}/message/{m}/direct", get(live::stream))
        .route("/bal/{b}/message/{m}/note", post(beside::write))
        .route("/bal/{b}/message/{m}/note/{n}/retirer", post(beside::remove))
        .route("/bal/{b}/message/{m}/attribuer", post(beside::assign))
        .route("/bal/{b}/message/{m}/presence", post(presence::leave))
        .route("/bal/{b}/regles", get(rules::list))
        .route("/bal/{b}/regle/{r}", get(rules::edit).merge(post(rules::save)))
        .route("/bal/{b}/regle/{r}/monter", post(rules::up))
        .route("/bal/{b}/regle/{r}/descendre", post(rules::down))
        .route("/bal/{b}/regle/{r}/retirer", post(rules::remove))
        .route("/bal/{b}/equipe", get(team::page))
        .route("/bal/{b}/equipe/attester", post(team::attest))
}

/// In which language a page speaks, and by whose clock.
#[derive(Debug, Clone, Copy)]
struct Speech {
    lang: Lang,
    place: Territory,
}

impl Speech {
    /// As this visitor is spoken to.
    async fn of(visitor: &Visitor) -> Self {
        Self { lang: visitor.lang, place: visitor.op.place().await }
    }
    /// An instant as people read it.
    fn instant(self, at: Timestamp) -> String {
        layout::moment(self.lang, at, self.place)
    }
}

/// Whoever asks for a page; a piece of it is asked for by a page that follows what changes, which is no use of the session.
struct Onlooker(Visitor);

impl FromRequestParts<State> for Onlooker {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        let Asked(part) = Asked::from_request_parts(parts, state).await?;
        Ok(Self(match part {
            Some(_) => Watcher::from_request_parts(parts, state).await?.0,
            None => Visitor::from_request_parts(parts, state).await?,
        }))
    }
}

/// Does the actor sit where several people work?
fn shared(actor: &Actor) -> bool {
    actor.bal.as_ref().is_some_and(|bal| personal::is_shared(bal.kind))
}
