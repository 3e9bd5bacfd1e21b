//! The white list in force, what lists changed, and what stands between us and a domain.
use crate::route::routes;
use crate::{Asker, IdPage, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::{DomainName, Timestamp};
use sceau_operator::trusted::check::{CheckView, HandshakeView};
use sceau_operator::trusted::listing::{ListChangeView, ListedView, WhiteListView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(list))
        .routes(routes!(check))
        .routes(routes!(connect))
        .routes(routes!(changes))
}

/// Which domains.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those whose domain, description or certificate holds this, in capitals or not.
    #[param(max_length = 200)]
    #[serde(default, deserialize_with = "crate::page::short::<200, _>")]
    search: Option<String>,
}

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Changed {
    /// Only of this domain.
    #[param(value_type = Option<String>, example = "chu.mssante.fr")]
    domain: Option<DomainName>,
    /// Not before this instant, milliseconds since 1970.
    #[param(value_type = Option<i64>, minimum = 0)]
    #[serde(default, deserialize_with = "crate::page::instant")]
    since: Option<i64>,
}

/// The list in force, and our domains in it.
#[utoipa::path(get, path = "/white-list", tag = "white-list",
    responses((status = 200, description = "The list", body = WhiteListView), Refusals),
    extensions(("x-sceau-use-case" = json!("trust.show"))))]
async fn show(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<WhiteListView>, Problem> {
    Ok(Json(op.white_list(&actor).await?))
}

/// Domains of the list in force, by name.
#[utoipa::path(get, path = "/white-list/domains", tag = "white-list", params(Which, PageQuery),
    responses((status = 200, description = "The domains", body = Page<ListedView>), Refusals),
    extensions(("x-sceau-use-case" = json!("trust.show"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ListedView>>, Problem> {
    let limit = page.limit();
    let found = op.listed_domains(&actor, which.search.as_deref(), page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |d| d.domain.clone())))
}

/// What stands between us and a domain: the list, its certificates, its servers. Nothing is connected to.
#[utoipa::path(get, path = "/white-list/domains/{domain}", tag = "white-list",
    params(("domain" = String, Path, description = "Domain", example = "chu.mssante.fr")),
    responses((status = 200, description = "What is known", body = CheckView), Refusals),
    extensions(("x-sceau-use-case" = json!("trust.show"))))]
async fn check(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(domain): Path<DomainName>,
) -> Result<Json<CheckView>, Problem> {
    Ok(Json(op.check_domain(&actor, &domain).await?))
}

/// Connects to the servers of a listed domain, as a delivery would, and says what they show. Nothing is sent. Traced.
#[utoipa::path(post, path = "/white-list/domains/{domain}/connections", tag = "white-list",
    params(("domain" = String, Path, description = "Domain", example = "chu.mssante.fr")),
    responses((status = 200, description = "What each server shows", body = Page<HandshakeView>), Refusals),
    extensions(("x-sceau-use-case" = json!("trust.connect"))))]
async fn connect(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(domain): Path<DomainName>,
) -> Result<Json<Page<HandshakeView>>, Problem> {
    Ok(Json(Page::whole(op.connect_to_domain(&actor, &domain).await?)))
}

/// What lists changed, newest first.
#[utoipa::path(get, path = "/white-list/changes", tag = "white-list", params(Changed, IdPage),
    responses((status = 200, description = "The changes", body = Page<ListChangeView>), Refusals),
    extensions(("x-sceau-use-case" = json!("trust.show"))))]
async fn changes(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(changed): Query<Changed>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<ListChangeView>>, Problem> {
    let limit = page.limit();
    let since = changed.since.map(Timestamp);
    let found = op.white_list_changes(&actor, changed.domain.as_ref(), since, page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |c| c.id.to_string())))
}
