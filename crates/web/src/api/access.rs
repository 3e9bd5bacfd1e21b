//! Who has access to a BAL: list, give, change, end, history; delegations of one's own BAL.
use crate::route::routes;
use crate::{
    Asker, Created, IfMatch, Json, Page, PageQuery, Path, Problem, Query, Refusals, State, Versioned, located, schema,
};
use axum::extract::State as AxumState;
use sceau_domain::{AccessRole, Refusal, RefusalCode, Timestamp};
use sceau_operator::grants::{
    AccessChange, AccessView, Activity, DelegationView, NewAccess, NewDelegation, Readers, ReadersOfDay,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, give))
        .routes(routes!(history))
        .routes(routes!(readers))
        .routes(routes!(activity))
        .routes(routes!(show, change, end))
        .routes(routes!(end_delegation))
        .routes(routes!(delegations, delegate))
}

/// An access to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccessBody {
    /// Whose: login.
    #[schema(example = "bruno", min_length = 1, max_length = 64)]
    login: String,
    /// `responsible` or `member`; on an APP BAL also `machine`.
    #[schema(schema_with = schema::given_role)]
    role: String,
    /// `read`, `send`, `file`, `manage`; the usual ones of the role when absent.
    #[schema(schema_with = schema::bal_rights)]
    rights: Option<Vec<String>>,
    /// From when, milliseconds since 1970; now when absent.
    #[schema(value_type = Option<i64>)]
    starts: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = Option<i64>)]
    ends: Option<Timestamp>,
    /// Why.
    #[schema(example = "Arrivée dans le service", max_length = 500)]
    reason: Option<String>,
}

/// What an access becomes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccessChangeBody {
    /// `responsible`, `member` or `machine`.
    #[schema(schema_with = schema::given_role)]
    role: String,
    /// `read`, `send`, `file`, `manage`; the usual ones of the role when absent.
    #[schema(schema_with = schema::bal_rights)]
    rights: Option<Vec<String>>,
    /// Planned end; none when absent.
    #[schema(value_type = Option<i64>)]
    ends: Option<Timestamp>,
    /// Why.
    #[schema(example = "Change de fonction", max_length = 500)]
    reason: Option<String>,
}

/// A delegation of one's own BAL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDelegationBody {
    /// One's own BAL.
    #[schema(example = "anne.legoff@hopital.mssante.fr", min_length = 3, max_length = 320)]
    address: String,
    /// To whom: login.
    #[schema(example = "bruno", min_length = 1, max_length = 64)]
    login: String,
    /// `read`, `send`, `file`; all three when absent.
    #[schema(schema_with = schema::bal_rights)]
    rights: Option<Vec<String>>,
    /// From when, milliseconds since 1970; now when absent.
    #[schema(value_type = Option<i64>)]
    starts: Option<Timestamp>,
    /// Until when: a delegation always has an end.
    #[schema(value_type = i64, example = 1_795_000_000_000_i64)]
    ends: Timestamp,
    /// Why.
    #[schema(example = "Secrétariat", max_length = 500)]
    reason: Option<String>,
}

/// Why an access ends.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Why {
    /// Why, at most 500 characters.
    #[param(max_length = 500)]
    reason: Option<String>,
}

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct When {
    /// The instant, milliseconds since 1970; now when absent.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    at: Option<i64>,
}

/// From when to when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Between {
    /// From this instant, milliseconds since 1970; thirty days before `until` when absent. Three months are counted at most.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    since: Option<i64>,
    /// To this instant; now when absent.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    until: Option<i64>,
}

/// Which accesses.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those that are over, too: the whole past, in the order in which they were given, by pages.
    #[serde(default)]
    past: bool,
}

/// A role by its name.
fn role(name: &str) -> Result<AccessRole, Problem> {
    name.parse().map_err(|()| Refusal::new(RefusalCode::Invalid).with("name", "role").into())
}

/// Who has access to a BAL, or will have; with `past`, also who had.
#[utoipa::path(get, path = "/bals/{address}/access", tag = "access", params(("address" = String, Path, description = "Address of the BAL"), Which, PageQuery),
    responses((status = 200, description = "The accesses", body = Page<AccessView>), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(which): Query<Which>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AccessView>>, Problem> {
    if !which.past {
        return Ok(Json(Page::whole(op.accesses(&actor, &address).await?)));
    }
    let limit = page.limit();
    let rows = op.access_history(&actor, &address, page.after.as_deref(), limit).await?;
    let Page { items, next } = Page::new(rows, limit, |(place, _)| place.clone());
    Ok(Json(Page { items: items.into_iter().map(|(_, view)| view).collect(), next }))
}

/// Gives an access to a shared BAL (ORG, APP, CAB).
#[utoipa::path(post, path = "/bals/{address}/access", tag = "access", params(("address" = String, Path, description = "Address of the BAL")),
    request_body = NewAccessBody,
    responses((status = 201, description = "Given", body = AccessView, headers(("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("access.grant"))))]
async fn give(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Json(new): Json<NewAccessBody>,
) -> Result<Created<Versioned<AccessView>>, Problem> {
    let role = role(&new.role)?;
    let NewAccessBody { login, rights, starts, ends, reason, .. } = new;
    let view = op.give_access(&actor, &address, NewAccess { login, role, rights, starts, ends, reason }).await?;
    Ok(Created(located(&["bals", &address, "access", &view.login]), Versioned(view.version, view)))
}

/// Who could read a BAL at an instant: by the dates of the accesses, and by what was suspended or blocked then.
#[utoipa::path(get, path = "/bals/{address}/access/history", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), When),
    responses((status = 200, description = "Who could read", body = Readers), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn history(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(when): Query<When>,
) -> Result<Json<Readers>, Problem> {
    let at = when.at.map_or_else(|| op.clock().now(), Timestamp);
    Ok(Json(op.readers(&actor, &address, at).await?))
}

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OnDay {
    /// The day, `YYYY-MM-DD`.
    #[param(example = "2026-03-03", min_length = 10, max_length = 10)]
    day: String,
}

/// Who could read a BAL on a day, and in which parts of it: the day of the structure's territory, else of the operator's.
#[utoipa::path(get, path = "/bals/{address}/access/readers", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), OnDay),
    responses((status = 200, description = "Who could read", body = ReadersOfDay), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn readers(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(on): Query<OnDay>,
) -> Result<Json<ReadersOfDay>, Problem> {
    Ok(Json(op.readers_of_day(&actor, &address, &on.day).await?))
}

/// Who did what with a BAL: counts by person, for whoever answers for it.
#[utoipa::path(get, path = "/bals/{address}/activity", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), Between),
    responses((status = 200, description = "What each did", body = Page<Activity>), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn activity(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(address): Path<String>,
    Query(between): Query<Between>,
) -> Result<Json<Page<Activity>>, Problem> {
    let (since, until) = (between.since.map(Timestamp), between.until.map(Timestamp));
    Ok(Json(Page::whole(op.activity(&actor, &address, since, until).await?)))
}

/// The access of one person.
#[utoipa::path(get, path = "/bals/{address}/access/{login}", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), ("login" = String, Path, description = "Login of the person")),
    responses((status = 200, description = "The access", body = AccessView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("access.list"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((address, login)): Path<(String, String)>,
) -> Result<Versioned<AccessView>, Problem> {
    let view = op.access(&actor, &address, &login).await?;
    Ok(Versioned(view.version, view))
}

/// Changes an access to a shared BAL, as a whole. The past is kept: the old one ends, another begins.
#[utoipa::path(put, path = "/bals/{address}/access/{login}", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), ("login" = String, Path, description = "Login of the person"),
           ("If-Match" = String, Header, description = "Version that the change starts from: the `ETag` of the access")),
    request_body = AccessChangeBody,
    responses((status = 200, description = "Changed", body = AccessView, headers(("ETag" = String, description = "Its version"))), Refusals),
    extensions(("x-sceau-use-case" = json!("access.grant"))))]
async fn change(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((address, login)): Path<(String, String)>,
    IfMatch(version): IfMatch,
    Json(body): Json<AccessChangeBody>,
) -> Result<Versioned<AccessView>, Problem> {
    let role = role(&body.role)?;
    let change = AccessChange { role, rights: body.rights, ends: body.ends, reason: body.reason };
    let view = op.change_access(&actor, &address, &login, version, change).await?;
    Ok(Versioned(view.version, view))
}

/// Ends an access to a shared BAL, on every node at once; whoever has one may give it back.
#[utoipa::path(delete, path = "/bals/{address}/access/{login}", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), ("login" = String, Path, description = "Login of the person"), Why),
    responses((status = 200, description = "Ended", body = AccessView), Refusals),
    extensions(("x-sceau-use-case" = json!("access.grant"))))]
async fn end(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((address, login)): Path<(String, String)>,
    Query(why): Query<Why>,
) -> Result<Json<AccessView>, Problem> {
    Ok(Json(op.end_access(&actor, &address, &login, why.reason.as_deref()).await?))
}

/// Ends a delegation: the holder, the delegate, an administrator.
#[utoipa::path(delete, path = "/bals/{address}/delegations/{login}", tag = "access",
    params(("address" = String, Path, description = "Address of the BAL"), ("login" = String, Path, description = "Login of the delegate"), Why),
    responses((status = 200, description = "Ended", body = AccessView), Refusals),
    extensions(("x-sceau-use-case" = json!("delegation.end"))))]
async fn end_delegation(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path((address, login)): Path<(String, String)>,
    Query(why): Query<Why>,
) -> Result<Json<AccessView>, Problem> {
    Ok(Json(op.end_delegation(&actor, &address, &login, why.reason.as_deref()).await?))
}

/// The delegations that the asker gave or received.
#[utoipa::path(get, path = "/me/delegations", tag = "access",
    responses((status = 200, description = "The delegations", body = Page<DelegationView>), Refusals),
    extensions(("x-sceau-use-case" = json!("delegation.end"))))]
async fn delegations(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<DelegationView>>, Problem> {
    Ok(Json(Page::whole(op.delegations(&actor).await?)))
}

/// Names a delegate for one's own BAL. Nobody can do it for somebody else.
#[utoipa::path(post, path = "/me/delegations", tag = "access", request_body = NewDelegationBody,
    responses((status = 201, description = "Given", body = DelegationView, headers(("Location" = String, description = "Where it can be ended"))), Refusals),
    extensions(("x-sceau-use-case" = json!("delegation.grant"))))]
async fn delegate(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewDelegationBody>,
) -> Result<Created<Json<DelegationView>>, Problem> {
    let NewDelegationBody { address, login, rights, starts, ends, reason } = new;
    let view = op.give_delegation(&actor, NewDelegation { address, login, rights, starts, ends, reason }).await?;
    Ok(Created(located(&["bals", &view.address, "delegations", &view.access.login]), Json(view)))
}
