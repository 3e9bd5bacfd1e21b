//! The nodes that serve one database together.
use crate::route::routes;
use crate::{Asker, Created, Json, Page, Path, Problem, Refusals, State, located};
use axum::extract::State as AxumState;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::nodes::NodeView;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show))
}

/// A node that is to come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNode {
    /// Its number.
    #[schema(minimum = 0, maximum = 1007, example = 12)]
    number: u16,
    /// Its name.
    #[schema(min_length = 1, max_length = 255, example = "noeud-12.hopital.example")]
    name: String,
}

/// Every node, by number.
#[utoipa::path(get, path = "/nodes", tag = "nodes", responses((status = 200, description = "The nodes", body = Page<NodeView>), Refusals),
    extensions(("x-sceau-use-case" = json!("node.list"))))]
async fn list(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<NodeView>>, Problem> {
    Ok(Json(Page::whole(op.nodes(&actor).await?)))
}

/// Prepares a number for a node, or gives the number of a dead one to another.
#[utoipa::path(post, path = "/nodes", tag = "nodes", request_body = NewNode,
    responses((status = 201, description = "Prepared", body = NodeView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("node.add"))))]
async fn add(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewNode>,
) -> Result<Created<Json<NodeView>>, Problem> {
    let node = op.add_node(&actor, new.number, &new.name).await?;
    Ok(Created(located(&["nodes", &node.number.to_string()]), Json(node)))
}

/// One node.
#[utoipa::path(get, path = "/nodes/{number}", tag = "nodes", params(("number" = u16, Path, description = "Number of the node", minimum = 0, maximum = 1007)),
    responses((status = 200, description = "The node", body = NodeView), Refusals),
    extensions(("x-sceau-use-case" = json!("node.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(number): Path<u16>,
) -> Result<Json<NodeView>, Problem> {
    let found = op.nodes(&actor).await?.into_iter().find(|n| n.number == number);
    found.map(Json).ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", number).into())
}
