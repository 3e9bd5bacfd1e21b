//! Programs that may ask people for access (OAuth).
use crate::route::routes;
use crate::{Asker, Created, IfMatch, Json, Page, Path, Problem, Refusals, State, Versioned, located};
use axum::extract::State as AxumState;
use sceau_operator::identity::oauth::clients::{ClientChange, ClientView, NewClient};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, edit))
}

/// Programs that may ask, by their ids.
#[utoipa::path(get, path = "/oauth-clients", tag = "identity",
    responses((status = 200, description = "The programs", body = Page<ClientView>), Refusals),
    extensions(("x-sceau-use-case" = json!("client.list"))))]
async fn list(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<ClientView>>, Problem> {
    Ok(Json(Page::whole(op.oauth_clients(&actor).await?)))
}

/// Registers a program. The secret of a server is shown in this answer alone.
#[utoipa::path(post, path = "/oauth-clients", tag = "identity", 
    request_body(content = NewClient, example = json!({ "client_id": "lecteur-exemple", "name": "Lecteur Exemple", "kind": "native",
        "redirects": ["http://127.0.0.1/retour"], "scope": "mail offline_access" })),
    responses((status = 201, description = "Registered", body = ClientView, headers(("Location" = String, description = "Where it is"),
        ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("client.edit"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewClient>,
) -> Result<Created<Versioned<ClientView>>, Problem> {
    let added = op.add_oauth_client(&actor, new).await?;
    Ok(Created(located(&["oauth-clients", &added.id]), Versioned(added.version, added)))
}

/// One program.
#[utoipa::path(get, path = "/oauth-clients/{client_id}", tag = "identity",
    params(("client_id" = String, Path, description = "Its `client_id`", example = "lecteur-exemple")),
    responses((status = 200, description = "The program", body = ClientView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("client.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(client_id): Path<String>,
) -> Result<Versioned<ClientView>, Problem> {
    let found = op.oauth_client_named(&actor, &client_id).await?;
    Ok(Versioned(found.version, found))
}

/// Changes a program, or blocks it: every access that was given to it ends at once.
#[utoipa::path(patch, path = "/oauth-clients/{client_id}", tag = "identity",
    params(("client_id" = String, Path, description = "Its `client_id`", example = "lecteur-exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = ClientChange, example = json!({ "state": "blocked" })),
    responses((status = 200, description = "Changed", body = ClientView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("client.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(client_id): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<ClientChange>,
) -> Result<Versioned<ClientView>, Problem> {
    let changed = op.edit_oauth_client(&actor, &client_id, version, change).await?;
    Ok(Versioned(changed.version, changed))
}
