//! The operator's authority for people's devices.
use crate::route::routes;
use crate::{Asker, Created, Json, Problem, Refusals, State, located};
use axum::extract::State as AxumState;
use sceau_operator::identity::devices::DeviceAuthorityView;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show, create))
}

/// The authority that issues certificates of people's devices. Its key stays in the operator's keyring.
#[utoipa::path(get, path = "/device-authority", tag = "identity",
    responses((status = 200, description = "The authority", body = DeviceAuthorityView), Refusals),
    extensions(("x-sceau-use-case" = json!("identity.show"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<DeviceAuthorityView>, Problem> {
    Ok(Json(op.device_authority(&actor).await?))
}

/// Creates it; another one when the last comes to its end. From then on people may give their devices certificates.
#[utoipa::path(post, path = "/device-authority", tag = "identity",
    responses((status = 201, description = "Created", body = DeviceAuthorityView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("device.authority"))))]
async fn create(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Created<Json<DeviceAuthorityView>>, Problem> {
    let made = op.create_device_authority(&actor).await?;
    Ok(Created(located(&["device-authority"]), Json(made)))
}
