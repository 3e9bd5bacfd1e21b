//! Routes of the pages about the service itself: mail, what is watched, rules, the machine.
use crate::act;
use crate::pages::{
    connectors, imports, keeping, log, network, publication, queue, readers, references, rules, service, trust, upload,
    watch,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use sceau_web::State;
use sceau_web::route::{get, post};

/// Longest body of a form with a file, bytes.
fn limit(bytes: usize) -> DefaultBodyLimit {
    DefaultBodyLimit::max(bytes)
}

/// Every page, one a line.
pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/console/imports", get(imports::list))
        .route(
            "/console/imports/nouveau",
            get(upload::people).merge(post(upload::send_people)).layer(limit(upload::PEOPLE)),
        )
        .route("/console/imports/{id}", get(imports::show))
        .route("/console/imports/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/imports/{id}/compte-rendu", get(imports::report))
        .route("/console/personnes/{id}/publication", get(publication::show))
        .route("/console/file", get(queue::list))
        .route("/console/file/{id}", get(queue::show))
        .route("/console/file/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/partenaires", get(network::peers))
        .route("/console/partenaires/{id}", get(network::peer))
        .route("/console/liste-blanche", get(network::white_list))
        .route("/console/liste-blanche/changements", get(trust::changes))
        .route("/console/liste-blanche/{id}", get(network::listed_domain))
        .route("/console/liste-blanche/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/autorites", get(trust::anchors))
        .route("/console/autorites/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/certificats", get(network::certificates))
        .route("/console/certificats/{id}", get(network::certificate))
        .route("/console/certificats/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/connecteurs", get(connectors::list))
        .route("/console/connecteurs/{id}", get(connectors::show))
        .route("/console/connecteurs/{id}/reglages", get(connectors::settings))
        .route("/console/connecteurs/{id}/reglages/{server}/{file}", get(connectors::file))
        .route("/console/connecteurs/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/alarmes", get(watch::alarms))
        .route("/console/alarmes/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/abus", get(watch::abuse))
        .route("/console/abus/{id}", get(watch::abuse_case))
        .route("/console/abus/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/signalements", get(watch::reports))
        .route("/console/signalements/{id}", get(watch::report))
        .route("/console/signalements/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/annonces", get(watch::announcements))
        .route("/console/annonces/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/traces", get(watch::traces))
        .route("/console/traces/{id}", get(log::trace))
        .route("/console/traces/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/journal", get(log::journal))
        .route("/console/journal/cles/{key}", get(log::key))
        .route("/console/journal/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/lecteurs", get(readers::list))
        .route("/console/limites", get(rules::limits))
        .route("/console/limites/{id}", get(rules::limit))
        .route("/console/limites/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/conservation", get(keeping::policies))
        .route("/console/conservation/{id}", get(keeping::policy))
        .route("/console/conservation/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/gels", get(keeping::holds))
        .route("/console/gels/{id}", get(keeping::hold))
        .route("/console/gels/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/references", get(references::list))
        .route("/console/references/{id}", get(references::show))
        .route(
            "/console/references/{id}/importer",
            get(upload::table).merge(post(upload::send_table)).layer(limit(upload::TABLE)),
        )
        .route("/console/sante", get(service::health))
        .route("/console/sante/{id}/{act}", get(act::show).merge(post(act::send)))
        .route("/console/noeuds", get(service::nodes))
        .route("/console/taches", get(service::jobs))
}
