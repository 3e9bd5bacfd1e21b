//! Structures' own sign-ins.
use crate::route::routes;
use crate::{Asker, Created, IfMatch, Json, Page, Path, Problem, Refusals, State, Versioned, located};
use axum::extract::State as AxumState;
use sceau_operator::identity::sso::{NewSso, SsoChange, SsoView};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, edit))
}

/// Sign-ins of structures that the asker may see, by their codes.
#[utoipa::path(get, path = "/sso-providers", tag = "identity",
    responses((status = 200, description = "The sign-ins", body = Page<SsoView>), Refusals),
    extensions(("x-sceau-use-case" = json!("sso.list"))))]
async fn list(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<SsoView>>, Problem> {
    Ok(Json(Page::whole(op.sso_providers(&actor).await?)))
}

/// Adds the sign-in of a structure (OpenID Connect). It counts for whoever links it to himself in a session that is strong already, and when its signed
/// token says one of `values` in `claim`.
#[utoipa::path(post, path = "/sso-providers", tag = "identity",
    request_body(content = NewSso, example = json!({ "name": "chu-exemple", "structure": "chu-exemple", "issuer": "https://connexion.chu.example",
        "client_id": "sceau", "secret": "0123456789abcdef", "claim": "acr", "values": ["https://refeds.org/profile/mfa"], "subject_claim": "sub" })),
    responses((status = 201, description = "Added", body = SsoView, headers(("Location" = String, description = "Where it is"),
        ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("sso.edit"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewSso>,
) -> Result<Created<Versioned<SsoView>>, Problem> {
    let added = op.add_sso(&actor, new).await?;
    Ok(Created(located(&["sso-providers", &added.name]), Versioned(added.version, added)))
}

/// One sign-in.
#[utoipa::path(get, path = "/sso-providers/{name}", tag = "identity",
    params(("name" = String, Path, description = "Code of the sign-in", example = "chu-exemple")),
    responses((status = 200, description = "The sign-in", body = SsoView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("sso.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
) -> Result<Versioned<SsoView>, Problem> {
    let found = op.sso_provider(&actor, &name).await?;
    Ok(Versioned(found.version, found))
}

/// Changes a sign-in, or blocks it (`state`): nobody signs in by it any more.
#[utoipa::path(patch, path = "/sso-providers/{name}", tag = "identity",
    params(("name" = String, Path, description = "Code of the sign-in", example = "chu-exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = SsoChange, example = json!({ "state": "blocked" })),
    responses((status = 200, description = "Changed", body = SsoView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("sso.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<SsoChange>,
) -> Result<Versioned<SsoView>, Problem> {
    let changed = op.edit_sso(&actor, &name, version, change).await?;
    Ok(Versioned(changed.version, changed))
}
