//! Connectors: structures' own mail servers, their certificates, settings and tests.
use crate::route::routes;
use crate::{
    Asker, Created, Id, IfMatch, Json, Page, PageQuery, Path, Problem, Query, Refusals, Secret, State, Versioned,
    located,
};
use axum::Extension;
use axum::extract::State as AxumState;
use axum::response::{IntoResponse, Response};
use sceau_operator::connectors::probe::ConnectorTest;
use sceau_operator::connectors::settings::Server;
use sceau_operator::connectors::views::{
    AuthorityView, CertificateView, ConnectorChange, ConnectorView, NewCertificate, NewCertificateView, NewConnector,
    SettingsFile,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(authority, create_authority))
        .routes(routes!(list, add))
        .routes(routes!(show, edit))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(end))
        .routes(routes!(certify))
        .routes(routes!(revoke))
        .routes(routes!(settings))
        .routes(routes!(test))
}

/// The authority to create.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct NewAuthority {
    /// Name under which structures' servers reach the operator; its host name when absent. It never changes.
    #[schema(max_length = 253, example = "connecteurs.exemple.mssante.fr")]
    host: Option<String>,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectorWhy {
    /// Why, in one line; kept with the connector and in the traces.
    #[schema(example = "Travaux sur le serveur de la structure", min_length = 1, max_length = 500)]
    reason: String,
}

/// For which server.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct For {
    /// `postfix` or `exchange` (2016 and later).
    #[param(inline, example = "postfix")]
    server: Server,
}

/// Files of settings.
#[derive(Debug, Serialize, ToSchema)]
struct SettingsFiles {
    /// The files: a script, the operator's authority, a page in French and in English. None holds a secret.
    files: Vec<SettingsFile>,
}

/// The authority for connectors: what structures' servers trust, and what issues their certificates.
#[utoipa::path(get, path = "/connector-authority", tag = "connectors",
    responses((status = 200, description = "The authority", body = AuthorityView), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.list"))))]
async fn authority(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<AuthorityView>, Problem> {
    Ok(Json(op.connector_authority(&actor).await?))
}

/// Creates the authority for connectors, once. Its keys stay in the operator's keyring.
#[utoipa::path(post, path = "/connector-authority", tag = "connectors",
    request_body(content = NewAuthority, example = json!({ "host": "connecteurs.exemple.mssante.fr" })),
    responses((status = 201, description = "Created", body = AuthorityView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.edit"))))]
async fn create_authority(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewAuthority>,
) -> Result<Created<Json<AuthorityView>>, Problem> {
    let made = op.create_connector_authority(&actor, new.host.as_deref()).await?;
    Ok(Created(located(&["connector-authority"]), Json(made)))
}

/// Connectors, by name, as far as the asker may see.
#[utoipa::path(get, path = "/connectors", tag = "connectors", params(PageQuery),
    responses((status = 200, description = "The connectors", body = Page<ConnectorView>), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ConnectorView>>, Problem> {
    let limit = page.limit();
    let found = op.connectors(&actor, page.after.as_deref().unwrap_or_default(), limit).await?;
    Ok(Json(Page::new(found, limit, |c| c.name.clone())))
}

/// Adds a connector of a structure: the domains that it carries, who may send through it, where mail for their mailboxes goes.
#[utoipa::path(post, path = "/connectors", tag = "connectors",
    request_body(content = NewConnector, example = json!({ "name": "chu", "structure": "chu-exemple", "domains": ["chu-exemple.mssante.fr"],
        "route": { "host": "mail.chu.exemple.fr", "port": 2525 }, "per_hour": 0 })),
    responses((status = 201, description = "Added", body = ConnectorView, headers(("Location" = String, description = "Where it is"),
        ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.edit"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewConnector>,
) -> Result<Created<Versioned<ConnectorView>>, Problem> {
    let added = op.add_connector(&actor, new).await?;
    Ok(Created(located(&["connectors", &added.name]), Versioned(added.version, added)))
}

/// One connector, with its certificates, when its server last came and why it was refused.
#[utoipa::path(get, path = "/connectors/{name}", tag = "connectors",
    params(("name" = String, Path, description = "Name of the connector", example = "chu")),
    responses((status = 200, description = "The connector", body = ConnectorView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
) -> Result<Versioned<ConnectorView>, Problem> {
    let found = op.connector(&actor, &name).await?;
    Ok(Versioned(found.version, found))
}

/// Changes a connector's domains, route, senders or limit.
#[utoipa::path(patch, path = "/connectors/{name}", tag = "connectors",
    params(("name" = String, Path, description = "Name of the connector", example = "chu"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = ConnectorChange, example = json!({ "per_hour": 2000 })),
    responses((status = 200, description = "Changed", body = ConnectorView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<ConnectorChange>,
) -> Result<Versioned<ConnectorView>, Problem> {
    let changed = op.edit_connector(&actor, &name, version, change).await?;
    Ok(Versioned(changed.version, changed))
}

/// Suspends a connector: nothing goes through it either way, messages wait.
#[utoipa::path(post, path = "/connectors/{name}/suspend", tag = "connectors", request_body = ConnectorWhy,
    params(("name" = String, Path, description = "Name of the connector", example = "chu")),
    responses((status = 200, description = "The connector", body = ConnectorView), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.edit"))))]
async fn suspend(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Json(why): Json<ConnectorWhy>,
) -> Result<Json<ConnectorView>, Problem> {
    Ok(Json(op.suspend_connector(&actor, &name, &why.reason).await?))
}

/// Resumes a suspended connector.
#[utoipa::path(post, path = "/connectors/{name}/resume", tag = "connectors", request_body = ConnectorWhy,
    params(("name" = String, Path, description = "Name of the connector", example = "chu")),
    responses((status = 200, description = "The connector", body = ConnectorView), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.edit"))))]
async fn resume(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Json(why): Json<ConnectorWhy>,
) -> Result<Json<ConnectorView>, Problem> {
    Ok(Json(op.resume_connector(&actor, &name, &why.reason).await?))
}

/// Ends a connector for good: its certificates are revoked, its domains free; mail is kept here from then on.
#[utoipa::path(post, path = "/connectors/{name}/end", tag = "connectors", request_body = ConnectorWhy,
    params(("name" = String, Path, description = "Name of the connector", example = "chu")),
    responses((status = 200, description = "The connector", body = ConnectorView), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.edit"))))]
async fn end(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Json(why): Json<ConnectorWhy>,
) -> Result<Json<ConnectorView>, Problem> {
    Ok(Json(op.end_connector(&actor, &name, &why.reason).await?))
}

/// Issues a certificate for a request, declares one, or makes key and certificate, which are shown this once. Several may be in force.
#[utoipa::path(post, path = "/connectors/{name}/certificates", tag = "connectors",
    params(("name" = String, Path, description = "Name of the connector", example = "chu")),
    request_body(content = NewCertificate, example = json!({ "dn": "CN=mail.chu.exemple.fr,O=CHU de l'Exemple,C=FR" })),
    responses((status = 201, description = "Issued or declared", body = NewCertificateView, headers(("Location" = String, description = "Where the connector is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.certify"))))]
async fn certify(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Json(new): Json<NewCertificate>,
) -> Result<Response, Problem> {
    let made = op.certify_connector(&actor, &name, new).await?;
    let secret = made.private_key.is_some() || made.pkcs12.is_some();
    let answer = Created(located(&["connectors", &name.to_ascii_lowercase()]), Json(made));
    // A key is never kept for a second answer.
    Ok(if secret { (Extension(Secret), answer).into_response() } else { answer.into_response() })
}

/// Revokes a certificate of a connector: the next message finds it revoked.
#[utoipa::path(post, path = "/connectors/{name}/certificates/{id}/revoke", tag = "connectors", request_body = ConnectorWhy,
    params(("name" = String, Path, description = "Name of the connector", example = "chu"), ("id" = Id, Path, description = "Id of the certificate")),
    responses((status = 200, description = "The certificate", body = CertificateView), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.certify"))))]
async fn revoke(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((name, Id(id))): Path<(String, Id)>,
    Json(why): Json<ConnectorWhy>,
) -> Result<Json<CertificateView>, Problem> {
    Ok(Json(op.revoke_connector_certificate(&actor, &name, id, &why.reason).await?))
}

/// Settings for the structure's server, ready to be used.
#[utoipa::path(get, path = "/connectors/{name}/settings", tag = "connectors", params(For,
        ("name" = String, Path, description = "Name of the connector", example = "chu")),
    responses((status = 200, description = "The files", body = SettingsFiles), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.list"))))]
async fn settings(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Query(wanted): Query<For>,
) -> Result<Json<SettingsFiles>, Problem> {
    Ok(Json(SettingsFiles { files: op.connector_settings(&actor, &name, wanted.server).await? }))
}

/// Tries a connector out: reaches the structure's server without sending anything, and tells what is right and wrong.
#[utoipa::path(post, path = "/connectors/{name}/test", tag = "connectors",
    params(("name" = String, Path, description = "Name of the connector", example = "chu")),
    responses((status = 200, description = "What was found", body = ConnectorTest), Refusals),
    extensions(("x-sceau-use-case" = json!("connector.test"))))]
async fn test(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
) -> Result<Json<ConnectorTest>, Problem> {
    Ok(Json(op.test_connector(&actor, &name).await?))
}
