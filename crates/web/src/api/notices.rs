//! Notices by ordinary mail, and absence: what people choose for themselves and their BALs.
use crate::route::routes;
use crate::{Asker, IfMatch, Json, Path, Problem, Refusals, State, Versioned};
use axum::extract::State as AxumState;
use sceau_operator::absence::{AbsenceView, NewAbsence};
use sceau_operator::notices::{Maintenance, MaintenanceTold, NoticeChoice, NoticeView, NoticesView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(own_notices))
        .routes(routes!(choose_notices))
        .routes(routes!(choose_language))
        .routes(routes!(notices_of_person))
        .routes(routes!(notices_of_bal))
        .routes(routes!(tell_of_maintenance))
        .routes(routes!(show_absence, set_absence, end_absence))
}

type Absence = Result<Versioned<AbsenceView>, Problem>;

fn shown(view: AbsenceView) -> Absence {
    Ok(Versioned(view.version, view))
}

/// What the asker hears by ordinary mail: by BAL, in which language, and whether the address can be used.
#[utoipa::path(get, path = "/me/notices", tag = "me", responses((status = 200, description = "Choices", body = NoticesView), Refusals),
    extensions(("x-sceau-use-case" = json!("own.show"))))]
async fn own_notices(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<NoticesView>, Problem> {
    Ok(Json(op.own_notices(&actor).await?))
}

/// Chooses what to hear of new mail of a BAL to which the asker has an access. The notice says that there is mail, nothing else.
#[utoipa::path(put, path = "/me/notices/{address}", tag = "me", request_body = NoticeChoice,
    params(("address" = String, Path, description = "Address of the BAL", example = "anne.martin@hopital.mssante.fr")),
    responses((status = 200, description = "Chosen", body = NoticeView), Refusals),
    extensions(("x-sceau-use-case" = json!("notice.choose"))))]
async fn choose_notices(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(choice): Json<NoticeChoice>,
) -> Result<Json<NoticeView>, Problem> {
    Ok(Json(op.choose_notices(&actor, &address, choice).await?))
}

/// A language.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NoticeLanguage)]
struct Language {
    /// `fr` or `en`.
    #[schema(pattern = "^(fr|en)$", example = "en")]
    language: String,
}

/// Chooses the language that comes first in notices; the other one stays below.
#[utoipa::path(put, path = "/me/language", tag = "me", request_body = Language,
    responses((status = 200, description = "Chosen", body = NoticesView), Refusals),
    extensions(("x-sceau-use-case" = json!("notice.choose"))))]
async fn choose_language(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<Language>,
) -> Result<Json<NoticesView>, Problem> {
    Ok(Json(op.choose_language(&actor, &new.language).await?))
}

/// What a person hears by ordinary mail, and whether the address is known to be wrong (F032).
#[utoipa::path(get, path = "/people/{login}/notices", tag = "people",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "Choices", body = NoticesView), Refusals),
    extensions(("x-sceau-use-case" = json!("person.list"))))]
async fn notices_of_person(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
) -> Result<Json<NoticesView>, Problem> {
    Ok(Json(op.notices_of_person(&actor, &login).await?))
}

/// Who hears of a BAL.
#[derive(Debug, Serialize, ToSchema)]
struct Listeners {
    /// Everybody with an access, by login.
    items: Vec<NoticeView>,
}

/// Who hears of a BAL's new mail by ordinary mail, of everybody with an access; for whoever sees all of its accesses.
#[utoipa::path(get, path = "/bals/{address}/notices", tag = "bals", params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "Who hears what", body = Listeners), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn notices_of_bal(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
) -> Result<Json<Listeners>, Problem> {
    Ok(Json(Listeners { items: op.notices_of_bal(&actor, &address).await? }))
}

/// Tells of a planned maintenance by ordinary mail: everybody with a verified address, or those who work in a structure.
#[utoipa::path(post, path = "/maintenance-notices", tag = "people", request_body = Maintenance,
    responses((status = 200, description = "Told", body = MaintenanceTold), Refusals),
    extensions(("x-sceau-use-case" = json!("notice.maintenance"))))]
async fn tell_of_maintenance(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(planned): Json<Maintenance>,
) -> Result<Json<MaintenanceTold>, Problem> {
    Ok(Json(op.tell_of_maintenance(&actor, planned).await?))
}

/// The absence of a BAL: what is answered, once a correspondent, within the trust space.
#[utoipa::path(get, path = "/bals/{address}/absence", tag = "bals", params(("address" = String, Path, description = "Address of the BAL")),
    responses((status = 200, description = "The absence", body = AbsenceView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.absence"))))]
async fn show_absence(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
) -> Absence {
    shown(op.absence(&actor, &address).await?)
}

/// Sets the absence, in the place of the one before.
#[utoipa::path(put, path = "/bals/{address}/absence", tag = "bals", request_body = NewAbsence,
    params(("address" = String, Path, description = "Address of the BAL"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag: \"v0\" when none is set", example = "\"v0\"")),
    responses((status = 200, description = "Set", body = AbsenceView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.absence"))))]
async fn set_absence(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    IfMatch(version): IfMatch,
    Json(new): Json<NewAbsence>,
) -> Absence {
    shown(op.set_absence(&actor, &address, version, new).await?)
}

/// Ends the absence.
#[utoipa::path(delete, path = "/bals/{address}/absence", tag = "bals",
    params(("address" = String, Path, description = "Address of the BAL"),
        ("If-Match" = String, Header, description = "Version that the change starts from, as its ETag", example = "\"v1\"")),
    responses((status = 200, description = "Ended", body = AbsenceView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("bal.absence"))))]
async fn end_absence(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    IfMatch(version): IfMatch,
) -> Absence {
    shown(op.end_absence(&actor, &address, version).await?)
}
