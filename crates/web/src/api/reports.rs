//! Reports: a correction, an error or an abuse in a directory, a request for help; announcements the other way.
use crate::route::routes;
use crate::{Asker, Created, Id, IdPage, Json, Page, Path, Problem, Query, Refusals, State, located, schema};
use axum::extract::State as AxumState;
use sceau_domain::report::{Desk, ReportKind, ReportState};
use sceau_operator::reports::{
    AnnouncementView, NewAnnouncement as Announced, NewReport as Reported, ReportQuery, ReportView,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(show))
        .routes(routes!(answer))
        .routes(routes!(pass))
        .routes(routes!(withdraw))
        .routes(routes!(announcements, announce))
        .routes(routes!(announcement))
}

/// A report to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReport {
    /// `correction` of what is certified about oneself, `error` or `abuse` of an entry, `help`.
    #[schema(schema_with = schema::report_kind)]
    kind: ReportKind,
    /// The address that it is about; needed for an error or an abuse.
    #[schema(example = "anne.exemple@hopital.mssante.fr", max_length = 254)]
    about: Option<String>,
    /// What is said. No health data.
    #[schema(example = "Mon nom de famille a changé", min_length = 1, max_length = 1000)]
    text: String,
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// Was it done? Else it is refused.
    #[schema(example = true)]
    done: bool,
    /// What is answered to the author.
    #[schema(example = "Corrigé le 3 mars", min_length = 1, max_length = 1000)]
    answer: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Passing {
    /// Why, in one line; kept in the traces.
    #[schema(example = "Relève de l'opérateur", min_length = 1, max_length = 500)]
    reason: String,
}

/// Which reports.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// In this state.
    #[param(value_type = schema::ReportStateWord, inline, required = false)]
    state: Option<ReportState>,
    /// Of this kind.
    #[param(value_type = schema::ReportKindWord, inline, required = false)]
    kind: Option<ReportKind>,
    /// At this desk.
    #[param(value_type = schema::DeskWord, inline, required = false)]
    desk: Option<Desk>,
    /// From after this one: the `next` of the page before.
    after: Option<Id>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// Reports, newest first: those of the asker's place, and the asker's own.
#[utoipa::path(get, path = "/reports", tag = "reports", params(Which),
    responses((status = 200, description = "The reports", body = Page<ReportView>), Refusals),
    extensions(("x-sceau-use-case" = json!("report.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
) -> Result<Json<Page<ReportView>>, Problem> {
    let limit = which.limit.unwrap_or(100);
    let query = ReportQuery { state: which.state, kind: which.kind, desk: which.desk };
    let found = op.reports(&actor, query, which.after.map(|id| id.0), limit).await?;
    Ok(Json(Page::new(found, limit, |r| r.id.to_string())))
}

/// Makes a report: to the structure's administrators, to the regional body or to the operator, by what it is.
///
/// What is said against somebody is seen by the operator alone. At most twenty of one person wait for an answer.
#[utoipa::path(post, path = "/reports", tag = "reports", request_body = NewReport,
    responses((status = 201, description = "Made", body = ReportView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("report.make"))))]
async fn make(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewReport>,
) -> Result<Created<Json<ReportView>>, Problem> {
    let made = op.make_report(&actor, Reported { kind: new.kind, about: new.about, text: new.text }).await?;
    Ok(Created(located(&["reports", &made.id.to_string()]), Json(made)))
}

/// One report.
#[utoipa::path(get, path = "/reports/{id}", tag = "reports", params(("id" = Id, Path, description = "Id of the report")),
    responses((status = 200, description = "The report", body = ReportView), Refusals),
    extensions(("x-sceau-use-case" = json!("report.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<ReportView>, Problem> {
    Ok(Json(op.report_with(&actor, id.0).await?))
}

/// Answers a report: what was asked is done, or refused. Nobody answers himself.
#[utoipa::path(post, path = "/reports/{id}/answer", tag = "reports", request_body = Answer,
    params(("id" = Id, Path, description = "Id of the report")),
    responses((status = 200, description = "Answered", body = ReportView), Refusals),
    extensions(("x-sceau-use-case" = json!("report.handle"))))]
async fn answer(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(said): Json<Answer>,
) -> Result<Json<ReportView>, Problem> {
    Ok(Json(op.answer_report(&actor, id.0, said.done, &said.answer).await?))
}

/// Passes a report on: to the regional body that follows the structure, then to the operator.
#[utoipa::path(post, path = "/reports/{id}/pass", tag = "reports", request_body = Passing,
    params(("id" = Id, Path, description = "Id of the report")),
    responses((status = 200, description = "Passed on", body = ReportView), Refusals),
    extensions(("x-sceau-use-case" = json!("report.handle"))))]
async fn pass(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Json(why): Json<Passing>,
) -> Result<Json<ReportView>, Problem> {
    Ok(Json(op.pass_report(&actor, id.0, &why.reason).await?))
}

/// Takes one's own report back.
#[utoipa::path(post, path = "/reports/{id}/withdraw", tag = "reports", params(("id" = Id, Path, description = "Id of the report")),
    responses((status = 200, description = "Withdrawn", body = ReportView), Refusals),
    extensions(("x-sceau-use-case" = json!("report.make"))))]
async fn withdraw(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<ReportView>, Problem> {
    Ok(Json(op.withdraw_report(&actor, id.0).await?))
}

/// An announcement to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAnnouncement {
    /// Code of the regional body that announces, to the structures that it follows; absent: the operator, to all.
    #[schema(example = "grades-exemple", max_length = 64)]
    body: Option<String>,
    /// Title.
    #[schema(example = "Maintenance du 12 mars", min_length = 1, max_length = 120)]
    title: String,
    /// What is announced, in lines. No health data.
    #[schema(example = "Le service sera arrêté de 2 h à 3 h.", min_length = 1, max_length = 4000)]
    text: String,
}

/// Announcements, newest first: the operator's, and those of the bodies that follow the asker's structures.
#[utoipa::path(get, path = "/announcements", tag = "announcements", params(IdPage),
    responses((status = 200, description = "The announcements", body = Page<AnnouncementView>), Refusals),
    extensions(("x-sceau-use-case" = json!("announcement.list"))))]
async fn announcements(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<AnnouncementView>>, Problem> {
    let limit = page.limit();
    let found = op.announcements(&actor, page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |a| a.id.to_string())))
}

/// Announces something to the administrators of structures. A notice without the text tells those whose ordinary address is verified.
#[utoipa::path(post, path = "/announcements", tag = "announcements", request_body = NewAnnouncement,
    responses((status = 201, description = "Announced", body = AnnouncementView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("announcement.make"))))]
async fn announce(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewAnnouncement>,
) -> Result<Created<Json<AnnouncementView>>, Problem> {
    let made = op.announce(&actor, Announced { body: new.body, title: new.title, text: new.text }).await?;
    Ok(Created(located(&["announcements", &made.id.to_string()]), Json(made)))
}

/// One announcement.
#[utoipa::path(get, path = "/announcements/{id}", tag = "announcements", params(("id" = Id, Path, description = "Id of the announcement")),
    responses((status = 200, description = "The announcement", body = AnnouncementView), Refusals),
    extensions(("x-sceau-use-case" = json!("announcement.list"))))]
async fn announcement(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<AnnouncementView>, Problem> {
    Ok(Json(op.announcement(&actor, id.0).await?))
}
