//! The inventory of certificates.
use crate::route::routes;
use crate::{Asker, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_operator::certificates::{CertificateView, Which};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(retire))
}

/// Which certificates.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `own`, `peer`, `issued`, `anchor`, `signer`.
    #[param(example = "own")]
    kind: Option<String>,
    /// That end within so many days.
    #[param(minimum = 0, maximum = 36_500)]
    #[serde(default, deserialize_with = "crate::page::at_most::<36_500, _>")]
    within_days: Option<u32>,
    /// Retired ones too.
    #[serde(default)]
    retired: bool,
}

/// Why a certificate is retired.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Retire {
    /// Reason.
    #[schema(min_length = 1, max_length = 1000, example = "Nœud 2 remplacé par le nœud 3")]
    reason: String,
}

/// Certificates, by id: ours by node, peers seen, issued to structures, authorities, the signer of the white list.
#[utoipa::path(get, path = "/certificates", tag = "certificates", params(Wanted, IdPage),
    responses((status = 200, description = "The certificates", body = Page<CertificateView>), Refusals),
    extensions(("x-sceau-use-case" = json!("certificate.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(wanted): Query<Wanted>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<CertificateView>>, Problem> {
    let which = Which { kind: wanted.kind, within_days: wanted.within_days, retired: wanted.retired };
    let limit = page.limit();
    let found = op.certificates(&actor, which, page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |c| c.id.to_string())))
}

/// One certificate, with the domains that the white list gives to its name.
#[utoipa::path(get, path = "/certificates/{id}", tag = "certificates", params(("id" = Id, Path, description = "Id of the certificate")),
    responses((status = 200, description = "The certificate", body = CertificateView), Refusals),
    extensions(("x-sceau-use-case" = json!("certificate.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<CertificateView>, Problem> {
    Ok(Json(op.certificate(&actor, id.0).await?))
}

/// Takes the certificate of a node that is gone out of the inventory. What a living node declares stays (409).
#[utoipa::path(post, path = "/certificates/{id}/retire", tag = "certificates", request_body = Retire,
    params(("id" = Id, Path, description = "Id of the certificate")),
    responses((status = 200, description = "Retired", body = CertificateView), Refusals),
    extensions(("x-sceau-use-case" = json!("certificate.retire"))))]
async fn retire(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(why): Json<Retire>,
) -> Result<Json<CertificateView>, Problem> {
    Ok(Json(op.retire_certificate(&actor, id.0, &why.reason).await?))
}
