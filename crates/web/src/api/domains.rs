//! Our domains.
use crate::route::routes;
use crate::schema;
use crate::{Asker, Created, Json, Page, Path, Problem, Query, Refusals, State, located};
use axum::extract::State as AxumState;
use sceau_domain::{DomainKind, DomainName, Refusal, RefusalCode};
use sceau_operator::accounts::DomainView;
use sceau_operator::mail_setup::DomainDnsView;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show)).routes(routes!(dns))
}

/// A domain to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDomain {
    /// Name.
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "hopital.mssante.fr")]
    name: DomainName,
    /// `Production`, `Test`, `Patients` or `Internal`.
    #[schema(schema_with = schema::domain_kind)]
    kind: DomainKind,
}

/// Our domains, by name.
#[utoipa::path(get, path = "/domains", tag = "domains",
    responses((status = 200, description = "The domains", body = Page<DomainView>), Refusals),
    extensions(("x-sceau-use-case" = json!("domain.list"))))]
async fn list(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<DomainView>>, Problem> {
    Ok(Json(Page::whole(op.domains(&actor).await?)))
}

/// Adds a domain.
#[utoipa::path(post, path = "/domains", tag = "domains", request_body = NewDomain,
    responses((status = 201, description = "Added", body = DomainView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("domain.add"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewDomain>,
) -> Result<Created<Json<DomainView>>, Problem> {
    let added = op.add_domain(&actor, new.name, new.kind).await?;
    Ok(Created(located(&["domains", added.name.as_str()]), Json(added)))
}

/// One domain.
#[utoipa::path(get, path = "/domains/{name}", tag = "domains", params(("name" = String, Path, description = "Name of the domain")),
    responses((status = 200, description = "The domain", body = DomainView), Refusals), extensions(("x-sceau-use-case" = json!("domain.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
) -> Result<Json<DomainView>, Problem> {
    let all = op.domains(&actor).await?;
    let found = all.into_iter().find(|d| d.name.as_str().eq_ignore_ascii_case(&name));
    found.map(Json).ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name).into())
}

/// How far to look.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Compared {
    /// Compare with what the DNS says.
    #[serde(default)]
    check: bool,
}

/// What the zone of a domain must hold: records for other operators and for mail programs.
#[utoipa::path(get, path = "/domains/{name}/dns", tag = "domains", params(("name" = String, Path, description = "Name of the domain"), Compared),
    responses((status = 200, description = "The records", body = DomainDnsView), Refusals), extensions(("x-sceau-use-case" = json!("domain.list"))))]
async fn dns(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(name): Path<String>,
    Query(compared): Query<Compared>,
) -> Result<Json<DomainDnsView>, Problem> {
    Ok(Json(op.domain_dns(&actor, &name, compared.check).await?))
}
