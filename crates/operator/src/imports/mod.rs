//! People and BALs brought by a file (bulk creation): received in slices, worked through line by line, told line by line.
//!
//! Promises: each line is judged by the same use cases as a single person and a single BAL, in the transaction that also ends the line (a few lines
//! share one): a process that dies leaves a line done or not done, and whoever goes on does none twice; who started the import is asked for the right
//! in every transaction; a dry run does the same and takes it back, and says the same; a person is found by an identifier, never by a name, so that
//! the same file twice changes nothing; somebody who is there keeps all particulars; memory is bounded whatever the file's size. Of a file that is
//! refused while it comes nothing is kept; of another, the lines are kept for `import_days` with how they ended.
mod group;
mod intake;
mod line;
mod names;
mod work;

pub use intake::{ImportIntake, NewImport};

use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator, refuse};
use sceau_domain::csv::cell;
use sceau_domain::people_file::{COLUMNS, Places};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::imports::{self as rows, Import, Line};
use sceau_store::{Id, StoreError, Tx, structures};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A sender that said nothing for so long is gone, milliseconds.
const STALE: i64 = 3_600_000;
/// Lines removed in one transaction.
const SLICE: i64 = 1_000;
/// What a line may be.
const STATES: [&str; 4] = ["waiting", "done", "wrong", "skipped"];
/// Lines of a report at a time.
const REPORT: i64 = 500;
/// The kind of an import that certifies identities.
const CERTIFIED: &str = "people+certified";

/// An import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportView {
    /// Id.
    pub id: String,
    /// Code of the structure.
    pub structure: Option<String>,
    /// Name of the file.
    pub name: String,
    /// Says what would be, and changes nothing.
    pub dry_run: bool,
    /// Whoever started it compared the identities with official documents.
    pub certified: bool,
    /// `receiving`, `running`, `done`, `stopped` (see `reason`) or `cancelled`.
    pub state: String,
    /// Why it was stopped: a stable code.
    pub reason: Option<String>,
    /// What the characters were: `ascii`, `utf-8`, `windows-1252`.
    pub encoding: String,
    /// Lines of the file.
    pub lines: u64,
    /// Lines that were carried out.
    pub done: u64,
    /// Lines that are wrong.
    pub wrong: u64,
    /// Lines for which there was nothing to do.
    pub skipped: u64,
    /// Who started it.
    pub by: String,
    /// When.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Last change.
    #[schema(value_type = i64)]
    pub changed: Timestamp,
}

/// A line of an import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineView {
    /// Line of the file.
    pub line: u64,
    /// `waiting`, `done`, `wrong` or `skipped`.
    pub state: String,
    /// Stable code.
    pub code: Option<String>,
    /// What happened and what to do, in French.
    pub detail: Option<String>,
    /// The same in English.
    pub detail_en: Option<String>,
    /// Login of the person.
    pub login: Option<String>,
    /// Address of the BAL.
    pub address: Option<String>,
    /// The fields as they were.
    pub fields: Vec<String>,
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

fn view(tx: &mut dyn Tx, i: Import) -> Result<ImportView, StoreError> {
    let structure = match i.structure_id {
        Some(id) => structures::by_id(tx, id)?.map(|s| s.code),
        None => None,
    };
    Ok(shown(i, structure))
}

fn shown(i: Import, structure: Option<String>) -> ImportView {
    ImportView {
        id: i.id.to_string(),
        structure,
        dry_run: i.dry,
        certified: i.kind == CERTIFIED,
        lines: count(i.lines),
        done: count(i.done),
        wrong: count(i.wrong),
        skipped: count(i.skipped),
        by: i.by_whom,
        at: Timestamp(i.at),
        changed: Timestamp(i.changed),
        name: i.name,
        state: i.state,
        reason: i.reason,
        encoding: i.encoding,
    }
}

fn line_view(l: Line) -> LineView {
    LineView {
        line: count(l.line),
        state: l.state,
        code: l.code,
        detail: l.sentence_fr,
        detail_en: l.sentence_en,
        login: l.login,
        address: l.result,
        fields: serde_json::from_str(&l.text).unwrap_or_default(),
    }
}

fn place(i: &Import) -> On {
    i.structure_id.map_or(On::Operator, On::Structure)
}

/// An import that the asker may do this to. `admin.not_found`, `right.missing`.
fn known(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, id: Id) -> Result<Import, Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(found) = rows::by_id(tx, id)? else { return Err(unknown(tx, actor, use_case, &id.to_string())) };
    permit(tx, actor, use_case, place(&found))?;
    Ok(found)
}

impl Operator {
    /// Imports that the asker may see, newest first, from before an id.
    #[boxed]
    pub async fn imports(&self, actor: &Actor, before: Option<Id>, limit: u32) -> Result<Vec<ImportView>, Refusal> {
        let (actor, limit) = (actor.clone(), limit.clamp(1, 1000));
        let list = move |tx: &mut dyn Tx| {
            let reach = reach(tx, &actor, UseCase::ImportShow)?;
            let within = match &reach {
                Reach::All => None,
                // Of nobody's structures: none.
                reach => Some(reach.structures().unwrap_or_default().to_vec()),
            };
            Ok::<_, Fail>(rows::list(tx, within.as_deref(), before.unwrap_or(Id::MAX), i64::from(limit))?)
        };
        Ok(self.0.store.read(list).await?.into_iter().map(|(import, structure)| shown(import, structure)).collect())
    }

    /// An import. `admin.not_found`.
    #[boxed]
    pub async fn import(&self, actor: &Actor, id: Id) -> Result<ImportView, Refusal> {
        let actor = actor.clone();
        let show = move |tx: &mut dyn Tx| {
            let import = known(tx, &actor, UseCase::ImportShow, id)?;
            Ok::<_, Fail>(view(tx, import)?)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// Lines of an import from after one, of one state when it is given. `admin.not_found`, `admin.invalid` (a state that there is not).
    #[boxed]
    pub async fn import_lines(
        &self,
        actor: &Actor,
        id: Id,
        state: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LineView>, Refusal> {
        let (actor, state, limit) = (actor.clone(), state.map(str::to_owned), i64::from(limit.clamp(1, 1000)));
        let list = move |tx: &mut dyn Tx| {
            known(tx, &actor, UseCase::ImportShow, id)?;
            if state.as_ref().is_some_and(|s| !STATES.contains(&s.as_str())) {
                return Err(Refusal::new(RefusalCode::Invalid)
                    .with("name", "state")
                    .with("cause", STATES.join(", "))
                    .into());
            }
            Ok::<_, Fail>(rows::lines(tx, id, after, state.as_deref(), limit)?)
        };
        Ok(self.0.store.read(list).await?.into_iter().map(line_view).collect())
    }

    /// The first line of the report: what stands in its columns, those of the file included. `admin.not_found`.
    #[boxed]
    pub async fn import_report_head(&self, actor: &Actor, id: Id) -> Result<String, Refusal> {
        let actor = actor.clone();
        let look = move |tx: &mut dyn Tx| known(tx, &actor, UseCase::ImportShow, id);
        let import = self.0.store.read(look).await?;
        let places: Places = serde_json::from_str(&import.header).map_err(|_| RefusalCode::Unavailable)?;
        let mut columns: Vec<(usize, &str)> =
            places.iter().zip(&COLUMNS).filter_map(|(place, column)| Some(((*place)?, column.name))).collect();
        columns.sort_unstable();
        let told = ["ligne", "état", "code", "explication", "explanation", "identifiant", "adresse"];
        let mut cells: Vec<String> = told.iter().map(|name| cell(name)).collect();
        cells.extend((0..=columns.last().map_or(0, |(last, _)| *last)).map(|i| {
            let of_file = columns.iter().find(|(place, _)| *place == i);
            cell(of_file.map_or("", |(_, name)| name))
        }));
        Ok(cells.join(";") + "\r\n")
    }

    /// A part of the report as a file with columns, from after a line; and the last line in it. `None`: there is no more. What a spreadsheet would
    /// take for a formula is written so that it does not.
    #[boxed]
    pub async fn import_report(&self, actor: &Actor, id: Id, after: i64) -> Result<Option<(String, i64)>, Refusal> {
        let lines = self.import_lines(actor, id, None, after, REPORT as u32).await?;
        let Some(last) = lines.last() else { return Ok(None) };
        let last = i64::try_from(last.line).unwrap_or(i64::MAX);
        let mut out = String::new();
        for l in lines {
            let text = |t: &Option<String>| cell(t.as_deref().unwrap_or_default());
            let mut cells =
                vec![cell(&l.line.to_string()), cell(&l.state), text(&l.code), text(&l.detail), text(&l.detail_en)];
            cells.extend([text(&l.login), text(&l.address)]);
            cells.extend(l.fields.iter().map(|f| cell(f)));
            out.push_str(&cells.join(";"));
            out.push_str("\r\n");
        }
        Ok(Some((out, last)))
    }

    /// Stops an import: what was done stays. `admin.not_found`, `state.wrong` when it is over.
    #[boxed]
    pub async fn cancel_import(&self, actor: &Actor, id: Id) -> Result<ImportView, Refusal> {
        let now = self.now().0;
        let fact = self.fact("import.cancelled", &By::actor(actor), None, "ok", json!({ "import": id.to_string() }));
        let actor = actor.clone();
        let cancel = move |tx: &mut dyn Tx| {
            let found = known(tx, &actor, UseCase::ImportStart, id)?;
            if !rows::close(tx, id, "cancelled", None, now)? {
                return Err(Refusal::new(RefusalCode::StateWrong).with("name", id).with("cause", found.state).into());
            }
            fact.write(tx)?;
            let import = rows::by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(tx, import)?)
        };
        Ok(self.0.store.write(cancel).await?)
    }

    /// Closes what nobody sends any more, and forgets the lines of what was over long ago. Part of housekeeping.
    pub(crate) async fn tidy_imports(&self) -> Result<u64, Refusal> {
        let now = self.now();
        let closed =
            move |tx: &mut dyn Tx| rows::close_abandoned(tx, now.0 - STALE, now.0, RefusalCode::Timeout.as_str());
        self.0.store.write::<_, StoreError, _>(closed).await.map_err(|e| refuse::store(&e))?;
        let before = now.plus_ms(-i64::from(self.config().limits.import_days) * 86_400_000).0;
        let mut all = 0;
        loop {
            let gone = self.0.store.write::<_, StoreError, _>(move |tx| rows::forget_lines(tx, before, SLICE)).await;
            match gone.map_err(|e| refuse::store(&e))? {
                0 => return Ok(all),
                gone => all += gone,
            }
        }
    }
}
