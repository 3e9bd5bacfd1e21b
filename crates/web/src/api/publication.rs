//! What is published of people and their BALs, and the register of who processes personal data.
use crate::route::routes;
use crate::{Asker, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::accounts::publication::PublicationView;
use sceau_operator::accounts::register::{RegisterEntry, RegisterHead};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(own)).routes(routes!(of_person)).routes(routes!(register))
}

/// What is published of the asker's own BALs: field by field, in which directory, and who changes it.
#[utoipa::path(get, path = "/me/publication", tag = "me",
    responses((status = 200, description = "The entries", body = Page<PublicationView>), Refusals),
    extensions(("x-sceau-use-case" = json!("own.show"))))]
async fn own(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<PublicationView>>, Problem> {
    Ok(Json(Page::whole(op.own_publication(&actor).await?)))
}

/// What is published of a person's BALs.
#[utoipa::path(get, path = "/people/{login}/publication", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "The entries", body = Page<PublicationView>), Refusals),
    extensions(("x-sceau-use-case" = json!("person.list"))))]
async fn of_person(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
) -> Result<Json<Page<PublicationView>>, Problem> {
    Ok(Json(Page::whole(op.publication(&actor, &login).await?)))
}

/// A page of the register.
#[derive(Debug, Serialize, ToSchema)]
struct Register {
    /// The operator.
    head: RegisterHead,
    /// Its entries: one a controller.
    items: Vec<RegisterEntry>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The register of processing: each controller with the chain under it, what there is, how long it is kept.
#[utoipa::path(get, path = "/processing", tag = "processing", params(PageQuery),
    responses((status = 200, description = "A page of the register", body = Register), Refusals),
    extensions(("x-sceau-use-case" = json!("register.show"))))]
async fn register(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<PageQuery>,
) -> Result<Json<Register>, Problem> {
    let limit = page.limit();
    let (head, entries) = op.register(&actor, page.after.as_deref(), limit).await?;
    let page = Page::new(entries, limit, |e: &RegisterEntry| e.structure.clone().unwrap_or_default());
    Ok(Json(Register { head, items: page.items, next: page.next }))
}
