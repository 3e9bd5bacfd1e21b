//! Retention policies.
use crate::route::routes;
use crate::{Asker, Created, IfMatch, Json, Page, Path, Problem, Query, Refusals, State, Versioned, located};
use axum::extract::State as AxumState;
use sceau_operator::retention::{DueView, NewRule, RetentionView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, change))
        .routes(routes!(follow))
        .routes(routes!(due))
}

/// A policy to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPolicy {
    /// Name: lower-case letters, digits, dashes.
    #[schema(example = "notre-politique", min_length = 1, max_length = 64)]
    name: String,
    /// The policy that it begins as; the first preset when absent.
    #[schema(example = "promess", min_length = 1, max_length = 64)]
    from: Option<String>,
    /// What it says otherwise.
    #[serde(default)]
    #[schema(max_items = 20)]
    rules: Vec<NewRule>,
}

/// Of whom what is due is counted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// Code of a structure: its BALs only. Absent: the BALs of all who follow no policy of their own choice, and what belongs to no BAL.
    structure: Option<String>,
}

/// What a policy says otherwise from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The times to set.
    #[schema(min_items = 1, max_items = 20)]
    rules: Vec<NewRule>,
    /// That something is kept shorter by those who follow the policy is meant.
    #[serde(default)]
    #[schema(example = false)]
    confirm: bool,
}

/// Who follows a policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Follower {
    /// Code of a structure; the operator when absent.
    #[schema(example = "chu-exemple", min_length = 1, max_length = 64)]
    structure: Option<String>,
    /// That something is kept shorter from now on is meant.
    #[serde(default)]
    #[schema(example = false)]
    confirm: bool,
}

/// Every policy: presets first, then the operator's own ones; each value with where it comes from.
#[utoipa::path(get, path = "/retention", tag = "retention",
    responses((status = 200, description = "The policies", body = Page<RetentionView>), Refusals),
    extensions(("x-sceau-use-case" = json!("retention.show"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<RetentionView>>, Problem> {
    Ok(Json(Page::whole(op.retention_policies(&actor).await?)))
}

/// Adds a policy of the operator's own.
#[utoipa::path(post, path = "/retention", tag = "retention", request_body = NewPolicy,
    responses((status = 201, description = "Added", body = RetentionView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("retention.set"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewPolicy>,
) -> Result<Created<Json<RetentionView>>, Problem> {
    let added = op.set_retention(&actor, &new.name, new.from.as_deref(), &new.rules, None, false).await?;
    Ok(Created(located(&["retention", &added.name]), Json(added)))
}

/// One policy.
#[utoipa::path(get, path = "/retention/{name}", tag = "retention", params(("name" = String, Path, description = "Name of the policy")),
    responses((status = 200, description = "The policy", body = RetentionView), Refusals), extensions(("x-sceau-use-case" = json!("retention.show"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
) -> Result<Versioned<RetentionView>, Problem> {
    let found = op.retention_policy(&actor, &name).await?;
    Ok(Versioned(found.version, found))
}

/// Sets times of one of the operator's own policies. What the field demands is not undercut.
#[utoipa::path(patch, path = "/retention/{name}", tag = "retention", request_body = Change,
    params(("name" = String, Path, description = "Name of the policy"), ("If-Match" = String, Header, description = "ETag that the change starts from")),
    responses((status = 200, description = "The policy", body = RetentionView), Refusals), extensions(("x-sceau-use-case" = json!("retention.set"))))]
async fn change(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<Change>,
) -> Result<Versioned<RetentionView>, Problem> {
    let set = op.set_retention(&actor, &name, None, &change.rules, Some(version), change.confirm).await?;
    Ok(Versioned(set.version, set))
}

/// What a policy would remove at this moment, counted. Nothing is removed: a look before the policy is followed, or at what the next round takes.
#[utoipa::path(get, path = "/retention/{name}/due", tag = "retention", params(("name" = String, Path, description = "Name of the policy"), Whose),
    responses((status = 200, description = "The counts", body = Page<DueView>), Refusals), extensions(("x-sceau-use-case" = json!("retention.set"))))]
async fn due(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Query(whose): Query<Whose>,
) -> Result<Json<Page<DueView>>, Problem> {
    Ok(Json(Page::whole(op.retention_due(&actor, &name, whose.structure.as_deref()).await?)))
}

/// The operator, or a structure, follows this policy from now on.
#[utoipa::path(post, path = "/retention/{name}/use", tag = "retention", request_body = Follower,
    params(("name" = String, Path, description = "Name of the policy")),
    responses((status = 200, description = "The policy", body = RetentionView), Refusals), extensions(("x-sceau-use-case" = json!("retention.set"))))]
async fn follow(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Json(by): Json<Follower>,
) -> Result<Json<RetentionView>, Problem> {
    Ok(Json(op.use_retention(&actor, &name, by.structure.as_deref(), by.confirm).await?))
}
