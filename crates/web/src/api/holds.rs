//! Legal holds.
use crate::route::routes;
use crate::{Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State, located, schema};
use axum::extract::State as AxumState;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::holds::{HoldSubject, HoldView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, place)).routes(routes!(show)).routes(routes!(lift))
}

/// A hold to place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHold {
    /// On what.
    #[schema(schema_with = schema::hold_subject)]
    subject: String,
    /// Address, login or code; absent for the operator as a whole.
    #[schema(example = "anne.exemple@hopital.mssante.fr", min_length = 1, max_length = 320)]
    name: Option<String>,
    /// Why.
    #[schema(example = "Conservation ordonnée", min_length = 1, max_length = 500)]
    reason: String,
    /// Who asked for it: court, authority, number of the file.
    #[schema(example = "Tribunal judiciaire, dossier 2026-117", min_length = 1, max_length = 500)]
    authority: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Lifting {
    /// Why.
    #[schema(example = "Mainlevée du 4 mars", min_length = 1, max_length = 500)]
    reason: String,
}

/// Which holds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Lifted ones too.
    #[serde(default)]
    all: bool,
}

/// Holds that stand, oldest first.
#[utoipa::path(get, path = "/holds", tag = "holds", params(Which, IdPage),
    responses((status = 200, description = "The holds", body = Page<HoldView>), Refusals), extensions(("x-sceau-use-case" = json!("hold.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<HoldView>>, Problem> {
    let (after, limit) = (page.after().unwrap_or(0), page.limit());
    let found = op.holds(&actor, which.all, after, limit).await?;
    Ok(Json(Page::new(found, limit, |h| h.id.clone())))
}

/// Places a hold: nothing that it names is destroyed or purged while it stands.
#[utoipa::path(post, path = "/holds", tag = "holds", request_body = NewHold,
    responses((status = 201, description = "Placed", body = HoldView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("hold.place"))))]
async fn place(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewHold>,
) -> Result<Created<Json<HoldView>>, Problem> {
    let invalid = |name: &str| Problem::from(Refusal::new(RefusalCode::Invalid).with("name", name));
    let subject = match (new.subject.as_str(), new.name) {
        ("bal", Some(name)) => HoldSubject::Bal(name),
        ("person", Some(name)) => HoldSubject::Person(name),
        ("structure", Some(name)) => HoldSubject::Structure(name),
        ("operator", None) => HoldSubject::Operator,
        ("bal" | "person" | "structure" | "operator", _) => return Err(invalid("name")),
        _ => return Err(invalid("subject")),
    };
    let placed = op.place_hold(&actor, &subject, &new.reason, &new.authority).await?;
    Ok(Created(located(&["holds", &placed.id]), Json(placed)))
}

/// One hold.
#[utoipa::path(get, path = "/holds/{id}", tag = "holds", params(("id" = Id, Path, description = "Id of the hold")),
    responses((status = 200, description = "The hold", body = HoldView), Refusals), extensions(("x-sceau-use-case" = json!("hold.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<HoldView>, Problem> {
    Ok(Json(op.hold(&actor, id.0).await?))
}

/// Lifts a hold: what waited for it goes on.
#[utoipa::path(post, path = "/holds/{id}/lift", tag = "holds", request_body = Lifting,
    params(("id" = Id, Path, description = "Id of the hold")),
    responses((status = 200, description = "Lifted", body = HoldView), Refusals), extensions(("x-sceau-use-case" = json!("hold.place"))))]
async fn lift(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(lifting): Json<Lifting>,
) -> Result<Json<HoldView>, Problem> {
    Ok(Json(op.lift_hold(&actor, id.0, &lifting.reason).await?))
}
