//! Whom the operator takes: territory, public, administrative staff (F163).
use crate::route::routes;
use crate::{Asker, IfMatch, Json, Problem, Refusals, State, Versioned};
use axum::extract::State as AxumState;
use sceau_operator::eligibility::EligibilityRules;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show, set))
}

/// The operator's rules of eligibility: what requests for BALs, and accesses to shared ones, are judged by.
#[utoipa::path(get, path = "/eligibility", tag = "openings",
    responses((status = 200, description = "The rules", body = EligibilityRules, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.show"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Versioned<EligibilityRules>, Problem> {
    let (version, rules) = op.eligibility(&actor).await?;
    Ok(Versioned(version, rules))
}

/// Sets the rules as a whole. They count for what is asked and what waits; what is open stays open.
#[utoipa::path(put, path = "/eligibility", tag = "openings", request_body = EligibilityRules,
    params(("If-Match" = String, Header, description = "ETag that the change starts from")),
    responses((status = 200, description = "The rules", body = EligibilityRules, headers(("ETag" = String, description = "Version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.set"))))]
async fn set(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    IfMatch(version): IfMatch,
    Json(rules): Json<EligibilityRules>,
) -> Result<Versioned<EligibilityRules>, Problem> {
    let (version, rules) = op.set_eligibility(&actor, version, rules).await?;
    Ok(Versioned(version, rules))
}
