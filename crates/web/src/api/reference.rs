//! Reference tables: professions, specialities, structures, the national register of professionals.
use crate::file::File;
use crate::route::routes;
use crate::{Asker, IdPage, Json, Page, PageQuery, Path, Problem, Query, Refusals, State};
use axum::extract::State as AxumState;
use sceau_domain::reference::Layout;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::reference::{EntryView, Fault, FindingView, NewReference, ReferenceView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(tables)).routes(routes!(search, import)).routes(routes!(findings))
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The beginning of a code or of a label; in a small table, any part of a label.
    q: Option<String>,
}

/// Where a file comes from, and how it is laid out when it is not as expected.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct About {
    /// Where the file comes from.
    #[serde(default)]
    source: String,
    /// Separator of the fields: one character, or `tab`.
    separator: Option<String>,
    /// Name of the column of the code.
    code_column: Option<String>,
    /// Names of the columns that make the label, separated by `|`.
    label_columns: Option<String>,
    /// Names of the other columns that are kept, separated by `|`.
    keep_columns: Option<String>,
}

impl About {
    fn layout(&self, table: &str) -> Result<Layout, Refusal> {
        let mut layout = Layout::of(table);
        match self.separator.as_deref() {
            None => {}
            Some("tab" | "\t") => layout.dialect.separator = Some(b'\t'),
            Some(one) if one.len() == 1 && !matches!(one, "\"" | "\n" | "\r") => {
                layout.dialect.separator = Some(one.as_bytes()[0]);
            }
            Some(_) => return Err(Refusal::new(RefusalCode::Invalid).with("name", "separator")),
        }
        let names =
            |text: &str| text.split('|').filter(|n| !n.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>();
        if let Some(code) = &self.code_column {
            layout.code.clone_from(code);
        }
        if let Some(label) = &self.label_columns {
            layout.label = names(label);
        }
        if let Some(keep) = &self.keep_columns {
            layout.keep = names(keep);
        }
        Ok(layout)
    }
}

/// What was imported.
#[derive(Debug, Serialize, ToSchema)]
struct Imported {
    /// The table that is in force now.
    table: ReferenceView,
    /// The first lines that could not be read.
    faults: Vec<Fault>,
}

/// Every reference table, with where it comes from.
#[utoipa::path(get, path = "/reference", tag = "reference",
    responses((status = 200, description = "The tables", body = Page<ReferenceView>), Refusals),
    extensions(("x-sceau-use-case" = json!("reference.show"))))]
async fn tables(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
) -> Result<Json<Page<ReferenceView>>, Problem> {
    Ok(Json(Page::whole(op.references(&actor).await?)))
}

/// Entries of a table.
#[utoipa::path(get, path = "/reference/{table}", tag = "reference",
    params(("table" = String, Path, description = "Name of the table", example = "professions"), Wanted, PageQuery),
    responses((status = 200, description = "The entries", body = Page<EntryView>), Refusals),
    extensions(("x-sceau-use-case" = json!("reference.show"))))]
async fn search(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(table): Path<String>,
    Query(wanted): Query<Wanted>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<EntryView>>, Problem> {
    let limit = page.limit();
    let found = op.reference(&actor, &table, wanted.q.as_deref(), page.after.as_deref(), limit).await?;
    Ok(Json(Page::new(found, limit, |e| e.key.clone())))
}

/// Imports a table from a file with columns, which takes the place of the one before once it is whole.
#[utoipa::path(post, path = "/reference/{table}", tag = "reference",
    params(("table" = String, Path, description = "Name of the table: letters, digits, `-`, `_`, `.`", example = "specialities"), About),
    request_body(content = String, content_type = "text/plain", description = "The file", example = "Code;Libellé\nSM04;Cardiologie\n"),
    responses((status = 200, description = "Imported", body = Imported), Refusals),
    extensions(("x-sceau-use-case" = json!("reference.import"))))]
async fn import(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Path(table): Path<String>,
    Query(about): Query<About>,
    file: File,
) -> Result<Json<Imported>, Problem> {
    let new = NewReference { layout: about.layout(&table)?, name: table, source: about.source };
    let mut intake = op.import_reference(&actor, new).await?;
    if let Err(refusal) = file.pour(&mut intake).await {
        intake.give_up().await;
        return Err(refusal.into());
    }
    let (table, faults) = intake.finish().await?;
    Ok(Json(Imported { table, faults }))
}

/// What is asked of the register.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Said {
    /// `struck` (when absent), `absent`, `other_name`, `there` or `mismatch`.
    state: Option<String>,
}

/// People of whom the national register in force says this (F008): struck off, when nothing is asked; as far as the asker may see people.
#[utoipa::path(get, path = "/reference/rpps/people", tag = "reference", params(Said, IdPage),
    responses((status = 200, description = "The people", body = Page<FindingView>), Refusals),
    extensions(("x-sceau-use-case" = json!("person.list"))))]
async fn findings(
    AxumState(State(op)): AxumState<State>,
    Asker(actor): Asker,
    Query(said): Query<Said>,
    Query(page): Query<IdPage>,
) -> Result<Json<Page<FindingView>>, Problem> {
    let found = op.register_findings(&actor, said.state.as_deref(), page.after(), page.limit()).await?;
    Ok(Json(Page::new(found, page.limit(), |f| f.key.to_string())))
}
