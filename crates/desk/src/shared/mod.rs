//! What colleagues do at a BAL, what became of what was sent, rules.
mod beside;
mod deliveries;
mod presence;
mod rules;
mod team;

pub(crate) use beside::{Around, around};
pub(crate) use presence::watched;

use axum::Router;
use axum::routing::{get, post};
use sceau_domain::calendar::Territory;
use sceau_domain::{Lang, Timestamp};
use sceau_web::{State, Visitor, layout};

/// Its routes, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/bal/{b}/message/{m}/suivi", get(deliveries::page))
        .route("/bal/{b}/message/{m}/note", post(beside::write))
        .route("/bal/{b}/message/{m}/note/{n}/retirer", post(beside::remove))
        .route("/bal/{b}/message/{m}/attribuer", post(beside::assign))
        .route("/bal/{b}/message/{m}/presence", post(presence::say))
        .route("/bal/{b}/regles", get(rules::list))
        .route("/bal/{b}/regle/{r}", get(rules::edit).post(rules::save))
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
        layout::instant(self.lang, at, self.place)
    }
}
