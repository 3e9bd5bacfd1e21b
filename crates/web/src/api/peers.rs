//! The ledger of partners: TLS, certificates, failures, delays, volumes.
use crate::route::routes;
use crate::{Asker, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::DomainName;
use sceau_operator::ledger::{PeerDetail, PeerView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which partners.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those whose domain holds this.
    #[param(max_length = 255)]
    #[serde(default, deserialize_with = "crate::page::short::<255, _>")]
    search: Option<String>,
}

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// Counts of so many days, today included; 30 when absent.
    #[param(minimum = 1, maximum = 400)]
    #[serde(default, deserialize_with = "days")]
    days: Option<u32>,
}

fn days<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    match Option::<u32>::deserialize(from)? {
        Some(0 | 401..) => Err(serde::de::Error::custom("days: 1 to 400")),
        other => Ok(other),
    }
}

/// Days counted when nothing else is asked.
const MONTH: u32 = 30;

/// Partners by domain; the one without a name stands for contacts that belong to no domain of theirs.
#[utoipa::path(get, path = "/peers", tag = "peers", params(Which, Span, PageQuery),
    responses((status = 200, description = "The partners", body = Page<PeerView>), Refusals),
    extensions(("x-sceau-use-case" = json!("peer.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(span): Query<Span>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<PeerView>>, Problem> {
    let limit = page.limit();
    let days = span.days.unwrap_or(MONTH);
    let found = op.peers(&actor, which.search.as_deref(), days, page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |p| p.domain.clone())))
}

/// One partner: by certificate, by cause, by day.
#[utoipa::path(get, path = "/peers/{domain}", tag = "peers",
    params(("domain" = String, Path, description = "Domain", example = "chu.mssante.fr"), Span),
    responses((status = 200, description = "The partner", body = PeerDetail), Refusals),
    extensions(("x-sceau-use-case" = json!("peer.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(domain): Path<DomainName>,
    Query(span): Query<Span>,
) -> Result<Json<PeerDetail>, Problem> {
    Ok(Json(op.peer(&actor, &domain, span.days.unwrap_or(MONTH)).await?))
}
