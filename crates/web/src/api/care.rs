//! Care: the white list asked for at once, backups, search indexes made anew.
use crate::route::routes;
use crate::{Asker, Json, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use axum::http::StatusCode;
use sceau_operator::care::BackupStatus;
use sceau_operator::search::{ReindexAnswer, ReindexState};
use sceau_operator::trusted::RefreshView;
use serde::Deserialize;
use std::path::PathBuf;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(refresh))
        .routes(routes!(backup_status, backup))
        .routes(routes!(reindex_state, reindex))
}

/// A backup to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBackup {
    /// An absolute path on the server's machine, to which the server's account may write.
    #[schema(value_type = String, min_length = 1, max_length = 4096, pattern = "^/", example = "/var/backups/sceau")]
    folder: PathBuf,
    /// How many generations stay; all when absent.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 4_294_967_295_i64)]
    keep: Option<std::num::NonZeroU32>,
}

/// Indexes to make anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reindex {
    /// The BAL; every active one when absent.
    #[schema(max_length = 320)]
    bal: Option<String>,
}

/// Which indexes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The BAL; every active one when absent.
    bal: Option<String>,
}

/// Asks for the white list at once.
#[utoipa::path(post, path = "/white-list/refresh", tag = "care",
    responses((status = 200, description = "What changed, or why nothing did", body = RefreshView), Refusals),
    extensions(("x-sceau-use-case" = json!("trust.refresh"))))]
async fn refresh(AxumState(State(op)): AxumState<State>, Asker(actor): Asker) -> Result<Json<RefreshView>, Problem> {
    Ok(Json(op.ask_white_list(&actor).await?))
}

/// How far the backup is that this node runs, or how the last one ended.
#[utoipa::path(get, path = "/backup", tag = "care", responses((status = 200, description = "The backup", body = BackupStatus), Refusals),
    extensions(("x-sceau-use-case" = json!("backup.show"))))]
async fn backup_status(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<BackupStatus>, Problem> {
    Ok(Json(op.backup_status(&actor).await?))
}

/// Begins a backup on this node; it goes on after the answer.
#[utoipa::path(post, path = "/backup", tag = "care", request_body = NewBackup,
    responses((status = 202, description = "Begun", body = BackupStatus), Refusals),
    extensions(("x-sceau-use-case" = json!("backup.start"))))]
async fn backup(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(new): Json<NewBackup>,
) -> Result<(StatusCode, Json<BackupStatus>), Problem> {
    let status = op.start_backup(&actor, new.folder, new.keep.map(Into::into)).await?;
    Ok((StatusCode::ACCEPTED, Json(status)))
}

/// What is left to do of search indexes.
#[utoipa::path(get, path = "/search-indexes", tag = "care", params(Which),
    responses((status = 200, description = "What is left", body = ReindexState), Refusals),
    extensions(("x-sceau-use-case" = json!("reindex"))))]
async fn reindex_state(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(which): Query<Which>,
) -> Result<Json<ReindexState>, Problem> {
    Ok(Json(op.reindex_state(&actor, which.bal.as_deref()).await?))
}

/// Makes search indexes anew; searches go on meanwhile.
#[utoipa::path(post, path = "/search-indexes", tag = "care", request_body = Reindex,
    responses((status = 202, description = "Begun", body = ReindexAnswer), Refusals),
    extensions(("x-sceau-use-case" = json!("reindex"))))]
async fn reindex(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Json(asked): Json<Reindex>,
) -> Result<(StatusCode, Json<ReindexAnswer>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(op.reindex(&actor, asked.bal.as_deref()).await?)))
}
