//! Domains that come from another operator, or go to one.
use crate::route::routes;
use crate::{Asker, Json, Path, Problem, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp};
use sceau_operator::moves::MoveView;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show, begin))
}

/// Which way a domain moves.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    /// It comes to us.
    In,
    /// It goes to another operator.
    Out,
    /// It does not move (any more).
    None,
}

/// A move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMove {
    /// `in`, `out`; `none` ends a move.
    #[schema(example = "in")]
    direction: Direction,
    /// With `out`: until when its BALs that are still here are served, milliseconds since 1970.
    #[schema(value_type = Option<i64>)]
    #[serde(default)]
    until: Option<i64>,
}

fn named(name: &str) -> Result<DomainName, Problem> {
    name.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", name).into())
}

/// A domain's move, what is done with its mail now, and what is left to do.
#[utoipa::path(get, path = "/domains/{name}/move", tag = "domains", params(("name" = String, Path, description = "Name of the domain")),
    responses((status = 200, description = "The move, or that there is none", body = MoveView), Refusals),
    extensions(("x-sceau-use-case" = json!("domain.move"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
) -> Result<Json<MoveView>, Problem> {
    Ok(Json(op.domain_move(&actor, &named(&name)?).await?))
}

/// Begins a domain's move, or ends it.
#[utoipa::path(post, path = "/domains/{name}/move", tag = "domains", params(("name" = String, Path, description = "Name of the domain")),
    request_body = NewMove, responses((status = 200, description = "The move", body = MoveView), Refusals),
    extensions(("x-sceau-use-case" = json!("domain.move"))))]
async fn begin(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Json(new): Json<NewMove>,
) -> Result<Json<MoveView>, Problem> {
    let name = named(&name)?;
    Ok(Json(match (new.direction, new.until) {
        (Direction::In, None) => op.move_domain_in(&actor, &name).await?,
        (Direction::Out, Some(until)) => op.move_domain_out(&actor, &name, Timestamp(until)).await?,
        (Direction::None, None) => op.cancel_domain_move(&actor, &name).await?,
        _ => return Err(Refusal::new(RefusalCode::Invalid).with("name", "until").into()),
    }))
}
