//! Limits: as declared, as set for a place, as in force of a BAL.
use crate::route::routes;
use crate::{Asker, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use sceau_operator::policies::{LimitView, PolicyView, ValueView};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(limits))
        .routes(routes!(values))
        .routes(routes!(set, unset))
        .routes(routes!(of_bal))
}

/// A value to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewValue {
    /// Value, in the limit's unit and within its range.
    #[schema(example = 100, minimum = 0)]
    value: u64,
}

/// Every limit, with its range, its built-in value and the operator's.
#[utoipa::path(get, path = "/policies", tag = "policies",
    responses((status = 200, description = "The limits", body = Page<LimitView>), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.show"))))]
async fn limits(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<LimitView>>, Problem> {
    Ok(Json(Page::whole(op.limits(&actor).await?)))
}

/// Values that were set for domains, kinds, structures and BALs, as far as the asker may see.
#[utoipa::path(get, path = "/policies/values", tag = "policies", params(PageQuery),
    responses((status = 200, description = "The values", body = Page<ValueView>), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.show"))))]
async fn values(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ValueView>>, Problem> {
    let found = op.policy_values(&actor, None, page.after.as_deref(), page.limit()).await?;
    Ok(Json(Page::new(found, page.limit(), |v| v.key.clone())))
}

/// Sets a limit for a place; in force at once.
#[utoipa::path(put, path = "/policies/values/{scope}/{subject}/{name}", tag = "policies",
    params(
        ("scope" = String, Path, description = "`domain`, `kind`, `structure` or `bal`", example = "kind"),
        ("subject" = String, Path, description = "Name of the domain, kind, code of the structure or address of the BAL", example = "Org"),
        ("name" = String, Path, description = "Name of the limit", example = "recipients"),
    ),
    request_body = NewValue,
    responses((status = 200, description = "Set", body = ValueView), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.set"))))]
async fn set(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((scope, subject, name)): Path<(String, String, String)>,
    Json(new): Json<NewValue>,
) -> Result<Json<ValueView>, Problem> {
    Ok(Json(op.set_policy(&actor, &scope, &subject, &name, new.value).await?))
}

/// Takes a limit of a place away: the next word counts, at once.
#[utoipa::path(delete, path = "/policies/values/{scope}/{subject}/{name}", tag = "policies",
    params(
        ("scope" = String, Path, description = "`domain`, `kind`, `structure` or `bal`", example = "kind"),
        ("subject" = String, Path, description = "Name of the domain, kind, code of the structure or address of the BAL", example = "Org"),
        ("name" = String, Path, description = "Name of the limit", example = "recipients"),
    ),
    responses((status = 204, description = "Taken away"), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.set"))))]
async fn unset(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((scope, subject, name)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    op.unset_policy(&actor, &scope, &subject, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The limits in force of a BAL, each with where it comes from.
#[utoipa::path(get, path = "/bals/{address}/policy", tag = "policies",
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "The limits", body = Page<PolicyView>), Refusals),
    extensions(("x-sceau-use-case" = json!("policy.show"))))]
async fn of_bal(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
) -> Result<Json<Page<PolicyView>>, Problem> {
    Ok(Json(Page::whole(op.policy_of(&actor, &address).await?)))
}
