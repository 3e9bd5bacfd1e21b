//! Means of signing in, as those who administer see them: their list, an invitation to choose the first ones, the replacement of lost ones, lists of
//! compromised passwords. Adding and removing need a fresh proof of the person, and stand on pages alone.
use crate::file::File;
use crate::route::routes;
use crate::{Asker, Id, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::identity::breached::BreachedView;
use sceau_operator::identity::enrol::InvitationView;
use sceau_operator::identity::factors::FactorView;
use sceau_operator::identity::recovery::RecoveryView;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(own))
        .routes(routes!(invite))
        .routes(routes!(ask))
        .routes(routes!(recoveries))
        .routes(routes!(confirm))
        .routes(routes!(stop))
        .routes(routes!(import))
}

/// The means of signing in of a person, without their secrets.
#[utoipa::path(get, path = "/people/{login}/factors", tag = "factors",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "The means", body = Page<FactorView>), Refusals),
    extensions(("x-sceau-use-case" = json!("factor.list"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
) -> Result<Json<Page<FactorView>>, Problem> {
    Ok(Json(Page::whole(op.factors(&actor, Some(&login)).await?)))
}

/// One's own means of signing in.
#[utoipa::path(get, path = "/me/factors", tag = "factors",
    responses((status = 200, description = "The means", body = Page<FactorView>), Refusals),
    extensions(("x-sceau-use-case" = json!("factor.list"))))]
async fn own(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<Page<FactorView>>, Problem> {
    Ok(Json(Page::whole(op.factors(&actor, None).await?)))
}

/// Sends somebody who has none the one-time link behind which the first means are chosen (F007).
#[utoipa::path(post, path = "/people/{login}/invitation", tag = "factors",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    responses((status = 200, description = "Sent", body = InvitationView), Refusals),
    extensions(("x-sceau-use-case" = json!("factor.invite"))))]
async fn invite(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
) -> Result<Json<InvitationView>, Problem> {
    Ok(Json(op.invite(&actor, &login).await?))
}

/// Why somebody's means are to be replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRecovery {
    /// How the identity was checked.
    #[schema(
        min_length = 1,
        max_length = 500,
        example = "Carte d'identité vue en visioconférence, rappel au numéro du service"
    )]
    checked: String,
    /// Why.
    #[schema(min_length = 1, max_length = 500, example = "Téléphone perdu")]
    reason: String,
}

/// Asks that lost means be replaced, the identity having been checked; somebody else confirms.
#[utoipa::path(post, path = "/people/{login}/recoveries", tag = "factors",
    params(("login" = String, Path, description = "Login", example = "claire.exemple")),
    request_body(content = NewRecovery),
    responses((status = 200, description = "Asked for", body = RecoveryView), Refusals),
    extensions(("x-sceau-use-case" = json!("recovery.ask"))))]
async fn ask(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(login): Path<String>,
    Json(new): Json<NewRecovery>,
) -> Result<Json<RecoveryView>, Problem> {
    Ok(Json(op.ask_recovery(&actor, &login, (&new.checked, &new.reason)).await?))
}

/// Replacements of lost means, newest first; as far as the asker may see people.
#[utoipa::path(get, path = "/recoveries", tag = "factors", params(PageQuery),
    responses((status = 200, description = "The replacements", body = Page<RecoveryView>), Refusals),
    extensions(("x-sceau-use-case" = json!("recovery.list"))))]
async fn recoveries(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RecoveryView>>, Problem> {
    let (limit, before) = (
        page.limit(),
        match page.after.as_deref() {
            Some(after) => {
                after.parse::<i64>().map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "after"))?
            }
            None => i64::MAX,
        },
    );
    let found = op.recoveries(&actor, before, limit).await?;
    Ok(Json(Page::new(found, limit, |r| r.id.to_string())))
}

/// Confirms one that somebody else asked for: the person is told, and the delay runs.
#[utoipa::path(post, path = "/recoveries/{id}/confirm", tag = "factors",
    params(("id" = Id, Path, description = "Number")),
    responses((status = 200, description = "Confirmed", body = RecoveryView), Refusals),
    extensions(("x-sceau-use-case" = json!("recovery.confirm"))))]
async fn confirm(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(Id(id)): Path<Id>,
) -> Result<Json<RecoveryView>, Problem> {
    Ok(Json(op.confirm_recovery(&actor, id).await?))
}

/// Objects to one's own, or withdraws somebody's.
#[utoipa::path(post, path = "/recoveries/{id}/stop", tag = "factors",
    params(("id" = Id, Path, description = "Number")),
    responses((status = 200, description = "Ended", body = RecoveryView), Refusals),
    extensions(("x-sceau-use-case" = json!("recovery.stop"))))]
async fn stop(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(Id(id)): Path<Id>,
) -> Result<Json<RecoveryView>, Problem> {
    Ok(Json(op.stop_recovery(&actor, id).await?))
}

/// Where a file comes from.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct About {
    /// Where the file comes from.
    #[serde(default)]
    source: String,
}

/// Imports a list of compromised passwords (a SHA-1 a line, `:` and a count behind it or not), which takes the place of the one before.
#[utoipa::path(post, path = "/breached-passwords", tag = "factors", params(About),
    request_body(content = String, content_type = "text/plain", description = "The file",
        example = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\n"),
    responses((status = 200, description = "Imported", body = BreachedView), Refusals),
    extensions(("x-sceau-use-case" = json!("breached.import"))))]
async fn import(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(about): Query<About>,
    file: File,
) -> Result<Json<BreachedView>, Problem> {
    let mut intake = op.import_breached(&actor, &about.source).await?;
    if let Err(refusal) = file.pour(&mut intake).await {
        intake.give_up().await;
        return Err(refusal.into());
    }
    Ok(Json(intake.finish().await?))
}
