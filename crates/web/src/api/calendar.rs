//! The calendar of working days.
use crate::route::routes;
use crate::{Asker, IfMatch, Json, Path, Problem, Query, Refusals, State, Versioned, schema};
use axum::extract::State as AxumState;
use sceau_domain::calendar::Territory;
use sceau_operator::calendar::{CalendarSettings, CalendarView, CountView, DayView};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show, set)).routes(routes!(count)).routes(routes!(set_day, clear_day))
}

/// Which year of which territory.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The year; this one when absent.
    #[param(minimum = 1900, maximum = 2199)]
    year: Option<i16>,
    /// The territory; the operator's when absent.
    #[param(value_type = schema::TerritoryWord, inline, required = false)]
    territory: Option<Territory>,
}

/// What to count.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Counting {
    /// From after this day.
    #[param(example = "2026-12-18", min_length = 10, max_length = 10)]
    from: String,
    /// So many working days; or `to`.
    #[param(minimum = 0, maximum = 20000)]
    days: Option<u32>,
    /// To this day; or `days`.
    #[param(min_length = 10, max_length = 10)]
    to: Option<String>,
    /// The territory; the operator's when absent.
    #[param(value_type = schema::TerritoryWord, inline, required = false)]
    territory: Option<Territory>,
}

/// What a day is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDay {
    /// Is it worked?
    #[schema(example = false)]
    working: bool,
    /// Why.
    #[schema(example = "Pont de l'Ascension", min_length = 1, max_length = 120)]
    label: String,
}

/// A year: holidays and the operator's own days, each with where it comes from; the operator's settings.
#[utoipa::path(get, path = "/calendar", tag = "calendar", params(Which),
    responses((status = 200, description = "The year", body = CalendarView), Refusals), extensions(("x-sceau-use-case" = json!("calendar.show"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
) -> Result<Versioned<CalendarView>, Problem> {
    let found = op.calendar(&actor, which.territory, which.year).await?;
    Ok(Versioned(found.version, found))
}

/// Sets the operator's territory, working week and hours.
#[utoipa::path(put, path = "/calendar", tag = "calendar", request_body = CalendarSettings,
    params(("If-Match" = String, Header, description = "ETag that the change starts from")),
    responses((status = 200, description = "This year", body = CalendarView), Refusals), extensions(("x-sceau-use-case" = json!("calendar.set"))))]
async fn set(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    IfMatch(version): IfMatch,
    Json(new): Json<CalendarSettings>,
) -> Result<Versioned<CalendarView>, Problem> {
    let set = op.set_calendar(&actor, new, version).await?;
    Ok(Versioned(set.version, set))
}

/// Counts working days from a day on: so many, or to another day.
#[utoipa::path(get, path = "/calendar/count", tag = "calendar", params(Counting),
    responses((status = 200, description = "What was counted", body = CountView), Refusals), extensions(("x-sceau-use-case" = json!("calendar.show"))))]
async fn count(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(c): Query<Counting>,
) -> Result<Json<CountView>, Problem> {
    Ok(Json(op.count_days(&actor, c.territory, &c.from, c.days, c.to.as_deref()).await?))
}

/// Says what a day is in a territory.
#[utoipa::path(put, path = "/calendar/{territory}/{day}", tag = "calendar", request_body = NewDay,
    params(("territory" = String, Path, description = "Territory"), ("day" = String, Path, description = "Day, `YYYY-MM-DD`")),
    responses((status = 200, description = "The day", body = DayView), Refusals), extensions(("x-sceau-use-case" = json!("calendar.set"))))]
async fn set_day(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((territory, day)): Path<(Territory, String)>,
    Json(new): Json<NewDay>,
) -> Result<Json<DayView>, Problem> {
    Ok(Json(op.set_calendar_day(&actor, territory, &day, Some((new.working, &new.label))).await?))
}

/// Takes back what was said of a day: it is as every year.
#[utoipa::path(delete, path = "/calendar/{territory}/{day}", tag = "calendar",
    params(("territory" = String, Path, description = "Territory"), ("day" = String, Path, description = "Day, `YYYY-MM-DD`")),
    responses((status = 200, description = "The day", body = DayView), Refusals), extensions(("x-sceau-use-case" = json!("calendar.set"))))]
async fn clear_day(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((territory, day)): Path<(Territory, String)>,
) -> Result<Json<DayView>, Problem> {
    Ok(Json(op.set_calendar_day(&actor, territory, &day, None).await?))
}
