//! Certificates by which a machine logs in to its applicative BAL (SASL EXTERNAL).
use crate::route::routes;
use crate::{Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State, located};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use sceau_operator::accounts::BalCertificateView;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(remove))
}

/// A certificate to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBalCertificate {
    /// The certificate, PEM; never its key. Certificates of the same name from the same authority log in too: it may be renewed.
    #[schema(
        example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n",
        min_length = 1,
        max_length = 16384
    )]
    certificate: String,
    /// Login of the machine; the BAL's only one when absent.
    #[schema(max_length = 64)]
    machine: Option<String>,
    /// What it is for.
    #[schema(example = "Serveur du laboratoire", min_length = 1, max_length = 120)]
    label: String,
}

/// Certificates of a BAL, oldest first, removed ones too.
#[utoipa::path(get, path = "/bals/{address}/certificates", tag = "tokens",
    params(("address" = String, Path, description = "Address of the BAL"), IdPage),
    responses((status = 200, description = "The certificates", body = Page<BalCertificateView>), Refusals),
    extensions(("x-sceau-use-case" = json!("token.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<BalCertificateView>>, Problem> {
    let (after, limit) = (page.after().unwrap_or(0), page.limit());
    let found = op.bal_certificates(&actor, &address, after, limit).await?;
    Ok(Json(Page::new(found, limit, |c| c.id.to_string())))
}

/// Lets a machine log in to its applicative BAL by a certificate. Only whoever answers for the BAL does it: who has the key is the machine.
#[utoipa::path(post, path = "/bals/{address}/certificates", tag = "tokens",
    params(("address" = String, Path, description = "Address of the BAL")), request_body = NewBalCertificate,
    responses((status = 201, description = "Registered", body = BalCertificateView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("token.create"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(new): Json<NewBalCertificate>,
) -> Result<Created<Json<BalCertificateView>>, Problem> {
    let NewBalCertificate { certificate, machine, label, .. } = new;
    let view = op.add_bal_certificate(&actor, &address, machine.as_deref(), &label, &certificate).await?;
    Ok(Created(located(&["bals", &address, "certificates", &view.id.to_string()]), Json(view)))
}

/// Removes a certificate; the sessions that it opened end.
#[utoipa::path(delete, path = "/bals/{address}/certificates/{id}", tag = "tokens",
    params(("address" = String, Path, description = "Address of the BAL"), ("id" = Id, Path, description = "Id of the certificate")),
    responses((status = 204, description = "Removed"), Refusals),
    extensions(("x-sceau-use-case" = json!("token.revoke"))))]
async fn remove(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((address, id)): Path<(String, Id)>,
) -> Result<StatusCode, Problem> {
    op.remove_bal_certificate(&actor, &address, id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
