//! The antivirus engine.
use crate::route::routes;
use crate::{Asker, Json, Problem, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::antivirus::{AntivirusTestView, AntivirusView};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(test))
}

/// The antivirus as this node sees it, asked now: whether it answers, how old its signatures are, whether our largest message fits.
#[utoipa::path(get, path = "/antivirus", tag = "antivirus",
    responses((status = 200, description = "The antivirus", body = AntivirusView), Refusals),
    extensions(("x-sceau-use-case" = json!("antivirus.show"))))]
async fn show(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<AntivirusView>, Problem> {
    Ok(Json(op.antivirus(&actor).await?))
}

/// Sends a harmless message and one with the test file of EICAR the way that every message goes; nothing of them is kept.
#[utoipa::path(post, path = "/antivirus/test", tag = "antivirus",
    responses((status = 200, description = "What was said of them", body = AntivirusTestView), Refusals),
    extensions(("x-sceau-use-case" = json!("antivirus.test"))))]
async fn test(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<AntivirusTestView>, Problem> {
    Ok(Json(op.test_antivirus(&actor).await?))
}
