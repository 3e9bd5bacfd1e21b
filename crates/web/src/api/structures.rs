//! Structures: who they are, and what the operator settled with them.
use crate::route::routes;
use crate::{
    Asker, Created, IfMatch, Json, Page, PageQuery, Path, Problem, Query, Refusals, State, Versioned, located,
};
use axum::extract::State as AxumState;
use sceau_operator::accounts::structures::StructureFilter;
use sceau_operator::accounts::structures::views::{NewStructure, Settlement, StructureChange, StructureView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, edit)).routes(routes!(settle))
}

/// Which structures.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those that this regional body (code) follows.
    body: Option<String>,
}

/// Structures, by code, as far as the asker may see.
#[utoipa::path(get, path = "/structures", tag = "structures", params(Which, PageQuery),
    responses((status = 200, description = "The structures", body = Page<StructureView>), Refusals),
    extensions(("x-sceau-use-case" = json!("structure.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<StructureView>>, Problem> {
    let limit = page.limit();
    let found =
        op.structures(&actor, StructureFilter { body: which.body, text: None, after: page.after }, limit).await?;
    Ok(Json(Page::new(found, limit, |s| s.code.clone())))
}

/// Adds a structure: of no regional body, without convention; the operator opens its BALs until something else is settled.
#[utoipa::path(post, path = "/structures", tag = "structures",
    request_body(content = NewStructure, example = json!({
        "code": "chu-exemple", "name": "CHU de l'Exemple", "category": "101", "finess_ej": "990000002", "finess_eg": "990000010",
        "siret": "10000000900017", "territory": "FR-75",
        "address": { "lines": ["1 rue de l'Exemple"], "postcode": "75000", "town": "Paris" },
        "contact": { "name": "Dominique Exemple", "function": "Référent métier", "email": "referent@exemple.fr", "phone": "+33199001234" } })),
    responses((status = 201, description = "Added", body = StructureView, headers(("Location" = String, description = "Where it is"),
        ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("structure.add"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewStructure>,
) -> Result<Created<Versioned<StructureView>>, Problem> {
    let added = op.add_structure(&actor, new).await?;
    Ok(Created(located(&["structures", &added.code]), Versioned(added.version, added)))
}

/// One structure, with its administrators, counts, and what is missing.
#[utoipa::path(get, path = "/structures/{code}", tag = "structures",
    params(("code" = String, Path, description = "Code of the structure", example = "chu-exemple")),
    responses((status = 200, description = "The structure", body = StructureView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("structure.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
) -> Result<Versioned<StructureView>, Problem> {
    let found = op.structure(&actor, &code).await?;
    Ok(Versioned(found.version, found))
}

/// Changes a structure's particulars. Once its convention is signed, name, identifiers, category and territory are the operator's to change.
#[utoipa::path(patch, path = "/structures/{code}", tag = "structures",
    params(("code" = String, Path, description = "Code of the structure", example = "chu-exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = StructureChange, example = json!({ "contact": { "name": "Dominique Exemple", "email": "referent@exemple.fr" } })),
    responses((status = 200, description = "Changed", body = StructureView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("structure.edit"))))]
async fn edit(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    IfMatch(version): IfMatch,
    Json(change): Json<StructureChange>,
) -> Result<Versioned<StructureView>, Problem> {
    let changed = op.edit_structure(&actor, &code, version, change).await?;
    Ok(Versioned(changed.version, changed))
}

/// Settles convention, domains, regional body and who opens the structure's BALs.
#[utoipa::path(patch, path = "/structures/{code}/settlement", tag = "structures",
    params(("code" = String, Path, description = "Code of the structure", example = "chu-exemple"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    request_body(content = Settlement, example = json!({ "opening": "delegated",
        "convention": { "state": "signed", "reference": "CONV-2026-017", "from": 1_767_225_600_000_i64 } })),
    responses((status = 200, description = "Settled", body = StructureView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("structure.settle"))))]
async fn settle(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(code): Path<String>,
    IfMatch(version): IfMatch,
    Json(settlement): Json<Settlement>,
) -> Result<Versioned<StructureView>, Problem> {
    let settled = op.settle_structure(&actor, &code, version, settlement).await?;
    Ok(Versioned(settled.version, settled))
}
