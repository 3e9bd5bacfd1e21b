//! Administrative roles: who has which, where; giving and ending them.
use crate::route::routes;
use crate::{Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State, located, schema};
use axum::extract::State as AxumState;
use sceau_domain::rights::Role;
use sceau_operator::roles::{NewRole, RoleFilter, RoleView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, grant)).routes(routes!(show)).routes(routes!(end))
}

/// Which roles.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this person: a login.
    login: Option<String>,
    /// Of this name.
    #[param(value_type = schema::GrantedRoleWord, inline, required = false)]
    role: Option<Role>,
    /// In this structure: its code.
    structure: Option<String>,
    /// Those that are over, too.
    #[serde(default)]
    ended: bool,
}

/// A role to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// To whom: a login.
    #[schema(example = "anne", min_length = 1, max_length = 64)]
    login: String,
    /// Which.
    #[schema(schema_with = schema::granted_role)]
    role: Role,
    /// Code of the structure, for `structure` and nothing else.
    #[schema(example = "chu-exemple", max_length = 64)]
    structure: Option<String>,
    /// Code of the regional body, for `region` and nothing else.
    #[schema(max_length = 64)]
    body: Option<String>,
    /// What the person does there; the work in the structure when absent.
    #[schema(example = "Directrice des soins", max_length = 120)]
    function: Option<String>,
    /// Why.
    #[schema(example = "Nommée par la direction le 2 mars", min_length = 1, max_length = 500)]
    reason: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndOfRole {
    /// Why.
    #[schema(example = "A quitté la structure", min_length = 1, max_length = 500)]
    reason: String,
}

/// Administrative roles within the asker's reach, oldest first.
#[utoipa::path(get, path = "/roles", tag = "roles", params(Which, IdPage),
    responses((status = 200, description = "The roles", body = Page<RoleView>), Refusals),
    extensions(("x-sceau-use-case" = json!("role.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<RoleView>>, Problem> {
    let (after, limit) = (page.after().unwrap_or(0), page.limit());
    let filter =
        RoleFilter { login: which.login, text: None, role: which.role, structure: which.structure, ended: which.ended };
    let roles = op.roles(&actor, filter, after, limit).await?;
    Ok(Json(Page::new(roles, limit, |r| r.id.to_string())))
}

/// Gives a role to a named person, with a reason. It counts at once.
///
/// The operator's administrators give every role; a structure's administrator names others of the same structure.
#[utoipa::path(post, path = "/roles", tag = "roles", request_body = Grant,
    responses((status = 201, description = "Given", body = RoleView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("role.grant"))))]
async fn grant(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<Grant>,
) -> Result<Created<Json<RoleView>>, Problem> {
    let Grant { login, role, structure, body, function, reason } = new;
    let new = NewRole { login, role, structure, body, function, reason };
    let given = op.grant_role(&actor, new).await?;
    Ok(Created(located(&["roles", &given.id.to_string()]), Json(given)))
}

/// One role, in force or over.
#[utoipa::path(get, path = "/roles/{id}", tag = "roles", params(("id" = Id, Path, description = "Id of the role")),
    responses((status = 200, description = "The role", body = RoleView), Refusals),
    extensions(("x-sceau-use-case" = json!("role.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<RoleView>, Problem> {
    Ok(Json(op.role(&actor, id.0).await?))
}

/// Ends a role, with a reason: what it gave is gone for the very next request.
///
/// Never the last administrator of the operator; what the configuration gave is taken out of the configuration.
#[utoipa::path(post, path = "/roles/{id}/end", tag = "roles", params(("id" = Id, Path, description = "Id of the role")),
    request_body = EndOfRole, responses((status = 200, description = "Ended", body = RoleView), Refusals),
    extensions(("x-sceau-use-case" = json!("role.grant"))))]
async fn end(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(body): Json<EndOfRole>,
) -> Result<Json<RoleView>, Problem> {
    Ok(Json(op.end_role(&actor, id.0, &body.reason).await?))
}
