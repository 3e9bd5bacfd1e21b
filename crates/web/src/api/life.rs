//! Lives of BALs, people and structures: suspended, blocked, closed, kept; somebody's departure.
use crate::route::routes;
use crate::{Asker, Json, Path, Problem, Refusals, State, schema};
use axum::extract::State as AxumState;
use sceau_operator::life::{Cause, CloseOrder, Departure, DepartureView, LifeView, PersonalFate};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(of_bal))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(block))
        .routes(routes!(release))
        .routes(routes!(close))
        .routes(routes!(keep))
        .routes(routes!(of_person))
        .routes(routes!(block_person))
        .routes(routes!(release_person))
        .routes(routes!(depart))
        .routes(routes!(of_structure))
        .routes(routes!(block_structure))
        .routes(routes!(release_structure))
}

/// Why something is taken away or given back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LifeWhy {
    /// Why, in one line; kept with the step and in the traces.
    #[schema(example = "Enquête interne 2026-11", min_length = 1, max_length = 500)]
    reason: String,
}

/// The order to close a BAL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Closing {
    /// Why, in a word. `request`: its user asks for it. `notification_address`: its holder cannot be reached. Users close their own BAL by `request`.
    #[schema(schema_with = schema::closing_cause)]
    cause: Cause,
    /// Why, in one line.
    #[schema(example = "Départ à la retraite", min_length = 1, max_length = 500)]
    reason: String,
    /// How it was proven that the user asks; required when somebody else carries a `request` out.
    #[schema(example = "Carte vérifiée au guichet le 3 mars", min_length = 1, max_length = 500)]
    identity_proof: Option<String>,
    /// Cooling period in days; that of the retention policy when absent. Only the operator's administrators shorten it.
    #[schema(example = 60, minimum = 0, maximum = 365)]
    cooling_days: Option<u32>,
}

/// Somebody leaves a structure.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Leaving {
    /// Code of the structure.
    #[schema(example = "chu-exemple", min_length = 1, max_length = 64)]
    structure: String,
    /// Why, in one line.
    #[schema(example = "Fin de contrat", min_length = 1, max_length = 500)]
    reason: String,
    /// What becomes of the person's own BALs there; `suspend` when absent.
    #[schema(schema_with = schema::personal_fate)]
    #[serde(default)]
    personal: PersonalFate,
}

/// The life of a BAL: where it is, its steps, what keeps it from being destroyed.
#[utoipa::path(get, path = "/bals/{address}/life", tag = "life", params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.list"))))]
async fn of_bal(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.life_of_bal(&actor, &address).await?))
}

/// Suspends a BAL: nobody signs in until it is resumed; mail goes on arriving.
#[utoipa::path(post, path = "/bals/{address}/suspend", tag = "life", request_body = LifeWhy,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.suspend"))))]
async fn suspend(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.suspend_bal(&actor, &address, &why.reason).await?))
}

/// Resumes a suspended BAL.
#[utoipa::path(post, path = "/bals/{address}/resume", tag = "life", request_body = LifeWhy,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.suspend"))))]
async fn resume(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.resume_bal(&actor, &address, &why.reason).await?))
}

/// Blocks a BAL for an investigation.
#[utoipa::path(post, path = "/bals/{address}/block", tag = "life", request_body = LifeWhy,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.block"))))]
async fn block(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.block_bal(&actor, &address, &why.reason).await?))
}

/// Releases a blocked BAL: it is what it was before. Whoever blocked it, or a higher authority.
#[utoipa::path(post, path = "/bals/{address}/release", tag = "life", request_body = LifeWhy,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.block"))))]
async fn release(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.release_bal(&actor, &address, &why.reason).await?))
}

/// Begins to close a BAL. While the cooling period lasts nobody signs in, mail is refused, and the closing may be withdrawn; then it is closed for good
/// and its content is destroyed.
#[utoipa::path(post, path = "/bals/{address}/close", tag = "life", request_body = Closing,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.close"))))]
async fn close(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(order): Json<Closing>,
) -> Result<Json<LifeView>, Problem> {
    let Closing { cause, reason, identity_proof, cooling_days } = order;
    let order = CloseOrder { cause, reason, identity_proof, cooling_days };
    Ok(Json(op.close_bal(&actor, &address, order).await?))
}

/// Withdraws a closing before its time: the BAL is what it was before. Whoever ordered the closing, or a higher authority.
#[utoipa::path(post, path = "/bals/{address}/keep", tag = "life", request_body = LifeWhy,
    params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("bal.close"))))]
async fn keep(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.keep_bal(&actor, &address, &why.reason).await?))
}

/// The life of a person.
#[utoipa::path(get, path = "/people/{login}/life", tag = "life", params(("login" = String, Path, description = "Login of the person")),
    responses((status = 200, description = "The life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("person.list"))))]
async fn of_person(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.life_of_person(&actor, &login).await?))
}

/// Blocks a person: no door opens any more. Nobody blocks themselves.
#[utoipa::path(post, path = "/people/{login}/block", tag = "life", request_body = LifeWhy,
    params(("login" = String, Path, description = "Login of the person")),
    responses((status = 200, description = "The life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("person.block"))))]
async fn block_person(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.block_person(&actor, &login, &why.reason).await?))
}

/// Releases a blocked person. Whoever blocked them, or a higher authority.
#[utoipa::path(post, path = "/people/{login}/release", tag = "life", request_body = LifeWhy,
    params(("login" = String, Path, description = "Login of the person")),
    responses((status = 200, description = "The life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("person.block"))))]
async fn release_person(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.release_person(&actor, &login, &why.reason).await?))
}

/// Somebody leaves a structure: the membership, the role and the accesses there end in one act, and the tokens for its BALs open nothing any more.
#[utoipa::path(post, path = "/people/{login}/departure", tag = "life", request_body = Leaving,
    params(("login" = String, Path, description = "Login of the person")),
    responses((status = 200, description = "What ended, and what there is to decide", body = DepartureView), Refusals),
    extensions(("x-sceau-use-case" = json!("membership.edit"))))]
async fn depart(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    Json(leaving): Json<Leaving>,
) -> Result<Json<DepartureView>, Problem> {
    let Leaving { structure, reason, personal } = leaving;
    Ok(Json(op.depart(&actor, &login, Departure { structure, reason, personal }).await?))
}

/// The life of a structure.
#[utoipa::path(get, path = "/structures/{code}/life", tag = "life", params(("code" = String, Path, description = "Code of the structure")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("structure.list"))))]
async fn of_structure(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.life_of_structure(&actor, &code).await?))
}

/// Blocks a structure: its BALs, and the roles of its administrators, have no effect any more.
#[utoipa::path(post, path = "/structures/{code}/block", tag = "life", request_body = LifeWhy,
    params(("code" = String, Path, description = "Code of the structure")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("structure.block"))))]
async fn block_structure(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.block_structure(&actor, &code, &why.reason).await?))
}

/// Releases a blocked structure. Whoever blocked it, or a higher authority.
#[utoipa::path(post, path = "/structures/{code}/release", tag = "life", request_body = LifeWhy,
    params(("code" = String, Path, description = "Code of the structure")),
    responses((status = 200, description = "Its life", body = LifeView), Refusals), extensions(("x-sceau-use-case" = json!("structure.block"))))]
async fn release_structure(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    Json(why): Json<LifeWhy>,
) -> Result<Json<LifeView>, Problem> {
    Ok(Json(op.release_structure(&actor, &code, &why.reason).await?))
}
