//! Alarms: what the people in charge must know.
use crate::route::routes;
use crate::{Asker, Json, Page, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use sceau_operator::alarms::AlarmView;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(acknowledge))
}

/// Which alarms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Acknowledged and cleared ones too.
    #[serde(default)]
    all: bool,
}

/// An alarm that was seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    /// Its code.
    #[schema(example = "white_list.fetch")]
    code: String,
    /// What it is about; nothing when absent.
    #[schema(example = "")]
    #[serde(default)]
    subject: String,
}

/// Alarms, newest first; at most 1,000.
#[utoipa::path(get, path = "/alarms", tag = "alarms", params(Which),
    responses((status = 200, description = "The alarms", body = Page<AlarmView>), Refusals),
    extensions(("x-sceau-use-case" = json!("alarm.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
) -> Result<Json<Page<AlarmView>>, Problem> {
    Ok(Json(Page::whole(op.alarms(&actor, which.all).await?)))
}

/// Acknowledges an alarm under the asker's name.
#[utoipa::path(post, path = "/alarms/acknowledgements", tag = "alarms", request_body = Acknowledge,
    responses((status = 204, description = "Acknowledged"), Refusals),
    extensions(("x-sceau-use-case" = json!("alarm.ack"))))]
async fn acknowledge(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(seen): Json<Acknowledge>,
) -> Result<StatusCode, Problem> {
    op.acknowledge_alarm(&actor, &seen.code, &seen.subject).await?;
    Ok(StatusCode::NO_CONTENT)
}
