//! Disclosures: the content of a BAL for an authority, a restitution or directives after a death; asked for by one administrator, decided by another.
use crate::pieces::WholeMessage;
use crate::route::routes;
use crate::{Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State, located, schema};
use axum::extract::State as AxumState;
use sceau_operator::disclosures::{DisclosedFolder, DisclosedMessage, DisclosureView, NewDisclosure};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, ask))
        .routes(routes!(show))
        .routes(routes!(decide))
        .routes(routes!(withdraw))
        .routes(routes!(folders))
        .routes(routes!(messages))
        .routes(routes!(message))
}

/// A request for content.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// Address of the BAL.
    #[schema(example = "anne.exemple@hopital.mssante.fr", max_length = 320)]
    bal: String,
    /// For whom it is allowed at all.
    #[schema(schema_with = schema::disclosure_cause)]
    cause: String,
    /// Why: the reference of the authority's request, of the directives.
    #[schema(example = "Réquisition 2026-117", min_length = 1, max_length = 500)]
    reason: String,
    /// Who gets the content.
    #[schema(example = "Tribunal judiciaire d'Exempleville", min_length = 1, max_length = 200)]
    beneficiary: String,
    /// For how many days from now.
    #[schema(example = 7, minimum = 1, maximum = 30)]
    days: u32,
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// Agreed to, or refused.
    #[schema(example = true)]
    agreed: bool,
    /// Why.
    #[schema(example = "Réquisition vérifiée auprès du greffe", min_length = 1, max_length = 500)]
    reason: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DisclosureWithdrawal {
    /// Why.
    #[schema(example = "La réquisition est levée", min_length = 1, max_length = 500)]
    reason: String,
}

/// Disclosures, oldest first; never content.
#[utoipa::path(get, path = "/disclosures", tag = "disclosures", params(IdPage),
    responses((status = 200, description = "The disclosures", body = Page<DisclosureView>), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<DisclosureView>>, Problem> {
    let found = op.disclosures(&actor, page.after().unwrap_or(0), page.limit()).await?;
    Ok(Json(Page::new(found, page.limit(), |d| d.id.to_string())))
}

/// Asks for the content of a BAL. Nothing is opened before another administrator has agreed.
#[utoipa::path(post, path = "/disclosures", tag = "disclosures", request_body = Ask,
    responses((status = 201, description = "Asked for", body = DisclosureView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.ask"))))]
async fn ask(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<Ask>,
) -> Result<Created<Json<DisclosureView>>, Problem> {
    let new = NewDisclosure {
        bal: new.bal,
        cause: new.cause,
        reason: new.reason,
        beneficiary: new.beneficiary,
        days: new.days,
    };
    let asked = op.ask_disclosure(&actor, new).await?;
    Ok(Created(located(&["disclosures", &asked.id.to_string()]), Json(asked)))
}

/// One disclosure; never content.
#[utoipa::path(get, path = "/disclosures/{id}", tag = "disclosures", params(("id" = Id, Path, description = "Id of the disclosure")),
    responses((status = 200, description = "The disclosure", body = DisclosureView), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<DisclosureView>, Problem> {
    Ok(Json(op.disclosure(&actor, id.0).await?))
}

/// Agrees to a request that another administrator made, or refuses it.
#[utoipa::path(post, path = "/disclosures/{id}/decision", tag = "disclosures",
    params(("id" = Id, Path, description = "Id of the disclosure")), request_body = Decision,
    responses((status = 200, description = "Decided", body = DisclosureView), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.decide"))))]
async fn decide(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(decision): Json<Decision>,
) -> Result<Json<DisclosureView>, Problem> {
    Ok(Json(op.decide_disclosure(&actor, id.0, decision.agreed, &decision.reason).await?))
}

/// Ends a request or a disclosure before its time.
#[utoipa::path(post, path = "/disclosures/{id}/withdrawal", tag = "disclosures",
    params(("id" = Id, Path, description = "Id of the disclosure")), request_body = DisclosureWithdrawal,
    responses((status = 200, description = "Withdrawn", body = DisclosureView), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.decide"))))]
async fn withdraw(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(body): Json<DisclosureWithdrawal>,
) -> Result<Json<DisclosureView>, Problem> {
    Ok(Json(op.withdraw_disclosure(&actor, id.0, &body.reason).await?))
}

/// Folders of the BAL, for the two who asked and decided, while it lasts. Traced.
#[utoipa::path(get, path = "/disclosures/{id}/folders", tag = "disclosures",
    params(("id" = Id, Path, description = "Id of the disclosure")),
    responses((status = 200, description = "The folders", body = Page<DisclosedFolder>), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.read"))))]
async fn folders(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<Page<DisclosedFolder>>, Problem> {
    Ok(Json(Page::whole(op.disclosed_folders(&actor, id.0).await?)))
}

/// Messages of a folder, likewise.
#[utoipa::path(get, path = "/disclosures/{id}/folders/{folder}/messages", tag = "disclosures",
    params(("id" = Id, Path, description = "Id of the disclosure"), ("folder" = Id, Path, description = "Id of the folder"), IdPage),
    responses((status = 200, description = "The messages", body = Page<DisclosedMessage>), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.read"))))]
async fn messages(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((id, folder)): Path<(Id, Id)>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<DisclosedMessage>>, Problem> {
    let found = op.disclosed_messages(&actor, id.0, folder.0, page.after().unwrap_or(0), page.limit()).await?;
    Ok(Json(Page::new(found, page.limit(), |m| m.uid.to_string())))
}

/// A message as it is kept, header and content. Its trace, which names it, is kept before the first byte is sent; nothing is marked as read.
#[utoipa::path(get, path = "/disclosures/{id}/messages/{message}", tag = "disclosures",
    params(("id" = Id, Path, description = "Id of the disclosure"), ("message" = Id, Path, description = "Id of the message")),
    responses((status = 200, description = "The message", content_type = "message/rfc822", body = String), Refusals),
    extensions(("x-sceau-use-case" = json!("disclosure.read"))))]
async fn message(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((id, message)): Path<(Id, Id)>,
) -> Result<WholeMessage, Problem> {
    Ok(WholeMessage(op.open_disclosed(&actor, id.0, message.0).await?))
}
