//! Trust anchors, and what is known of revoked certificates.
use crate::route::routes;
use crate::{Asker, Json, Page, Problem, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::revocation::{AnchorView, RefreshedView, SourceView};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(anchors)).routes(routes!(list)).routes(routes!(refresh))
}

/// Every trust anchor: what it is trusted for, of which environment, until when.
#[utoipa::path(get, path = "/anchors", tag = "revocation", responses((status = 200, description = "The anchors", body = Page<AnchorView>), Refusals),
    extensions(("x-sceau-use-case" = json!("revocation.list"))))]
async fn anchors(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<AnchorView>>, Problem> {
    Ok(Json(Page::whole(op.anchors(&actor).await?)))
}

/// Where revocations are learnt: lists and responders, by authority, with their state as this node knows it.
#[utoipa::path(get, path = "/revocation", tag = "revocation", responses((status = 200, description = "The sources", body = Page<SourceView>), Refusals),
    extensions(("x-sceau-use-case" = json!("revocation.list"))))]
async fn list(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<SourceView>>, Problem> {
    Ok(Json(Page::whole(op.revocation_sources(&actor).await?)))
}

/// Asks for every list at once; answers of responders are asked for anew when they are next needed.
#[utoipa::path(post, path = "/revocation/refresh", tag = "revocation",
    responses((status = 200, description = "What came", body = RefreshedView), Refusals),
    extensions(("x-sceau-use-case" = json!("revocation.refresh"))))]
async fn refresh(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<RefreshedView>, Problem> {
    Ok(Json(op.refresh_revocation(&actor).await?))
}
