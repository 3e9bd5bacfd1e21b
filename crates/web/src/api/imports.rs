//! People and BALs from a file.
use crate::file::File;
use crate::id::Id;
use crate::route::routes;
use crate::{Asker, Created, IdPage, Json, Page, Path, Problem, Query, Refusals, State, located};
use axum::body::{Body, Bytes};
use axum::extract::State as AxumState;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use sceau_operator::imports::{ImportView, LineView, NewImport};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(show, cancel))
        .routes(routes!(lines))
        .routes(routes!(report))
}

/// What is sent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct About {
    /// Code of the structure.
    #[param(example = "chu-exemple")]
    structure: Option<String>,
    /// Name of the file, to find the import again.
    #[serde(default)]
    name: String,
    /// Say what would be, change nothing.
    #[serde(default)]
    dry_run: bool,
    /// The sender compared the identities with official documents: they are certified.
    #[serde(default)]
    certified: bool,
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Lines {
    /// Only of this state: `waiting`, `done`, `wrong` or `skipped`.
    state: Option<String>,
    /// From after this line: the `next` of the page before.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_i64)]
    after: Option<u32>,
    /// How many, at most 1,000; 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, deserialize_with = "crate::page::within")]
    limit: Option<u32>,
}

/// Imports that the asker may see, newest first.
#[utoipa::path(get, path = "/imports", tag = "imports", params(IdPage),
    responses((status = 200, description = "The imports", body = Page<ImportView>), Refusals),
    extensions(("x-sceau-use-case" = json!("import.show"))))]
async fn list(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<ImportView>>, Problem> {
    let limit = page.limit();
    let found = op.imports(&actor, page.after(), limit).await?;
    Ok(Json(Page::new(found, limit, |i| i.id.clone())))
}

/// Sends a file with columns; its lines are worked through from then on.
#[utoipa::path(post, path = "/imports", tag = "imports", params(About),
    request_body(content = String, content_type = "text/plain", description = "The file",
        example = "Nom;Prénom;RPPS;Habilité;Nature de BAL\nEXEMPLE;Claire;10000000017;oui;PER\n"),
    responses((status = 201, description = "Received", body = ImportView, headers(("Location" = String, description = "Where it is"))), Refusals),
    extensions(("x-sceau-use-case" = json!("import.start"))))]
async fn start(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(about): Query<About>,
    file: File,
) -> Result<Created<Json<ImportView>>, Problem> {
    let (dry, certified) = (about.dry_run, about.certified);
    let new = NewImport { structure: about.structure, name: about.name, dry, certified };
    let mut intake = op.start_import(&actor, new).await?;
    if let Err(refusal) = file.pour(&mut intake).await {
        intake.give_up(&refusal).await;
        return Err(refusal.into());
    }
    let import = intake.finish().await?;
    Ok(Created(located(&["imports", &import.id]), Json(import)))
}

/// One import: how far it is.
#[utoipa::path(get, path = "/imports/{id}", tag = "imports", params(("id" = Id, Path, description = "Id of the import")),
    responses((status = 200, description = "The import", body = ImportView), Refusals),
    extensions(("x-sceau-use-case" = json!("import.show"))))]
async fn show(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<ImportView>, Problem> {
    Ok(Json(op.import(&actor, id.0).await?))
}

/// Stops an import; what was done stays.
#[utoipa::path(delete, path = "/imports/{id}", tag = "imports", params(("id" = Id, Path, description = "Id of the import")),
    responses((status = 200, description = "Stopped", body = ImportView), Refusals),
    extensions(("x-sceau-use-case" = json!("import.start"))))]
async fn cancel(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Json<ImportView>, Problem> {
    Ok(Json(op.cancel_import(&actor, id.0).await?))
}

/// Lines of an import, with how each ended.
#[utoipa::path(get, path = "/imports/{id}/lines", tag = "imports", params(("id" = Id, Path, description = "Id of the import"), Lines),
    responses((status = 200, description = "The lines", body = Page<LineView>), Refusals),
    extensions(("x-sceau-use-case" = json!("import.show"))))]
async fn lines(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
    Query(which): Query<Lines>,
) -> Result<Json<Page<LineView>>, Problem> {
    let limit = which.limit.unwrap_or(100);
    let after = i64::from(which.after.unwrap_or(0));
    let found = op.import_lines(&actor, id.0, which.state.as_deref(), after, limit).await?;
    Ok(Json(Page::new(found, limit, |l| l.line.to_string())))
}

/// The report of an import, a line each, as a file for spreadsheets (UTF-8, `;`); no field of it is a formula.
#[utoipa::path(get, path = "/imports/{id}/report", tag = "imports", params(("id" = Id, Path, description = "Id of the import")),
    responses((status = 200, description = "The report", body = String, content_type = "text/csv"), Refusals),
    extensions(("x-sceau-use-case" = json!("import.show"))))]
async fn report(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(id): Path<Id>,
) -> Result<Response, Problem> {
    // Refused before the first byte.
    let head = format!("\u{feff}{}", op.import_report_head(&actor, id.0).await?);
    let start = (op, actor, Some(0_i64), Some(head));
    let pieces = stream::try_unfold(start, move |(op, actor, after, head)| async move {
        if let Some(head) = head {
            return Ok(Some((Bytes::from(head), (op, actor, after, None))));
        }
        let Some(from) = after else { return Ok(None) };
        match op.import_report(&actor, id.0, from).await {
            Ok(Some((text, last))) => Ok(Some((Bytes::from(text), (op, actor, Some(last), None)))),
            Ok(None) => Ok(None),
            // The answer is cut: whoever reads it sees that it is not whole.
            Err(refusal) => Err(std::io::Error::other(refusal.code.as_str())),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"import-{}.csv\"", id.0)),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
