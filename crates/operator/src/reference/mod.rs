//! Reference tables: shown, searched, imported.
//!
//! Promises: a file of any size is read as it arrives, in slices, in bounded memory; the table before serves until the new one is whole, and is
//! replaced at once: readers see one or the other; what was replaced, and what an interrupted import left, is removed by housekeeping, in slices, and
//! nothing that is in force ever is.
mod intake;
pub(crate) mod register;

pub use crate::lines::Fault;
pub use intake::{NewReference, ReferenceIntake};
pub use register::FindingView;

use crate::boxed;
use crate::rights::On;
use crate::{Actor, Operator, refuse};
use aws_lc_rs::digest::{SHA256, digest};
use sceau_domain::reference::{REMARK, SHIPPED, Shipped, searched};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::reference::{self as rows, Entry, List, SHIPPED_BY};
use sceau_store::{Id, StoreError, Tx};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Entries removed in one transaction.
const SLICE: i64 = 1_000;
/// A generation that did not grow for so long belongs to a dead import, milliseconds.
const STALE: i64 = 3_600_000;
/// Tables up to this many entries are searched for a text anywhere in the label; larger ones for its beginning.
const SMALL: i64 = 20_000;

/// A reference table.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReferenceView {
    /// Name.
    pub name: String,
    /// Where it comes from, in the words of who imported it.
    pub source: String,
    /// SHA-256 of the file.
    pub digest: String,
    /// What its characters were: `ascii`, `utf-8`, `windows-1252`.
    pub encoding: String,
    /// Entries.
    pub entries: u64,
    /// Lines that could not be read.
    pub skipped: u64,
    /// When it was imported.
    #[schema(value_type = i64)]
    pub imported: Timestamp,
    /// By whom; `(sceau)`: it came with the program, from its specification, and is not complete.
    pub imported_by: String,
}

/// An entry of a table.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntryView {
    /// Code or identifier.
    pub code: String,
    /// Label or name.
    pub label: String,
    /// Other columns.
    #[schema(value_type = Object)]
    pub data: Value,
    /// Its place in the list.
    #[serde(skip)]
    pub key: String,
}

fn view(l: List) -> ReferenceView {
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    ReferenceView {
        name: l.name,
        source: l.source,
        digest: hex::encode(l.digest),
        encoding: l.encoding,
        entries: count(l.entries),
        skipped: count(l.skipped),
        imported: Timestamp(l.imported),
        imported_by: l.imported_by,
    }
}

fn entry_view(e: Entry) -> EntryView {
    EntryView {
        key: format!("{}/{}/{}", e.line, e.code, e.search),
        data: serde_json::from_str(&e.data).unwrap_or_default(),
        code: e.code,
        label: e.label,
    }
}

/// Where a page begins: label folded, code, line.
fn place(key: &str) -> (String, String, i64) {
    let mut parts = key.splitn(3, '/');
    let line = parts.next().and_then(|p| p.parse().ok()).unwrap_or_default();
    let code = parts.next().unwrap_or_default().to_owned();
    (parts.next().unwrap_or_default().to_owned(), code, line)
}

fn shipped_entries(table: &Shipped) -> Vec<Entry> {
    let entry = |(line, (code, label, remark)): (usize, &(&str, &str, &str))| Entry {
        code: (*code).into(),
        line: i64::try_from(line + 1).unwrap_or_default(),
        label: (*label).into(),
        search: searched(label),
        data: if remark.is_empty() { "{}".into() } else { json!({ REMARK: remark }).to_string() },
    };
    table.entries.iter().enumerate().map(entry).collect()
}

impl Operator {
    /// Every reference table.
    #[boxed]
    pub async fn references(&self, actor: &Actor) -> Result<Vec<ReferenceView>, Refusal> {
        self.require(actor, UseCase::ReferenceShow, On::Anywhere).await?;
        let lists = self.0.store.read::<_, StoreError, _>(rows::lists).await.map_err(|e| refuse::store(&e))?;
        Ok(lists.into_iter().map(view).collect())
    }

    /// Entries of a table: whose code begins with the text when one does, else whose label does (in a small table: whose label holds it). All of
    /// them, by code, without a text. `admin.not_found`.
    #[boxed]
    pub async fn reference(
        &self,
        actor: &Actor,
        table: &str,
        text: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EntryView>, Refusal> {
        self.require(actor, UseCase::ReferenceShow, On::Anywhere).await?;
        let (table, text, limit) =
            (table.to_owned(), text.unwrap_or_default().trim().to_owned(), i64::from(limit.clamp(1, 1000)));
        let (search, code, line) = place(after.unwrap_or_default());
        let find = move |tx: &mut dyn Tx| {
            let Some(list) = rows::by_name(tx, &table)? else { return Ok(None) };
            let generation = list.generation;
            let upper = text.to_uppercase();
            for start in [&text, &upper] {
                let known = text.is_empty() || !rows::by_code(tx, generation, start, ("", 0), 1)?.is_empty();
                if known {
                    return rows::by_code(tx, generation, start, (&code, line), limit).map(Some);
                }
            }
            let wanted = searched(&text);
            if wanted.is_empty() {
                return Ok(Some(Vec::new()));
            }
            let after = (search.as_str(), code.as_str(), line);
            if list.entries <= SMALL {
                return rows::holding(tx, generation, &wanted, after, limit).map(Some);
            }
            rows::by_label(tx, generation, &wanted, after, limit).map(Some)
        };
        let found = self.0.store.read::<_, StoreError, _>(find).await.map_err(|e| refuse::store(&e))?;
        let found = found.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", "reference"))?;
        Ok(found.into_iter().map(entry_view).collect())
    }

    /// Puts in force the tables that came with the program, where nobody imported another.
    pub(crate) async fn bring_references(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        for table in SHIPPED {
            let entries = shipped_entries(table);
            let mut bytes = table.source.as_bytes().to_vec();
            entries
                .iter()
                .for_each(|e| bytes.extend_from_slice(format!("\n{};{};{}", e.code, e.label, e.data).as_bytes()));
            let list = List {
                name: table.name.into(),
                generation: self.0.store.new_id(),
                source: table.source.into(),
                digest: digest(&SHA256, &bytes).as_ref().to_vec(),
                encoding: "utf-8".into(),
                entries: i64::try_from(entries.len()).unwrap_or_default(),
                skipped: 0,
                imported: now,
                imported_by: SHIPPED_BY.into(),
            };
            let (known, name) = (list.digest.clone(), list.name.clone());
            let is_there = move |tx: &mut dyn Tx| {
                Ok(rows::by_name(tx, &name)?.is_some_and(|l| l.imported_by != SHIPPED_BY || l.digest == known))
            };
            if self.0.store.read::<_, StoreError, _>(is_there).await.map_err(|e| refuse::store(&e))? {
                continue;
            }
            let bring = move |tx: &mut dyn Tx| {
                rows::begin(tx, list.generation, &list.name, now)?;
                rows::add(tx, list.generation, &entries)?;
                rows::put_in_force(tx, &list).map(drop)
            };
            self.0.store.write::<_, StoreError, _>(bring).await.map_err(|e| refuse::store(&e))?;
        }
        Ok(())
    }

    /// Removes what replaced tables and dead imports left. Part of housekeeping.
    pub(crate) async fn forget_references(&self) -> Result<u64, Refusal> {
        let before = self.now().0 - STALE;
        let left = self.0.store.read::<_, StoreError, _>(move |tx| rows::abandoned(tx, before)).await;
        let mut gone = 0;
        for generation in left.map_err(|e| refuse::store(&e))? {
            gone += 1;
            self.remove_generation(generation).await?;
        }
        Ok(gone)
    }

    async fn remove_generation(&self, generation: Id) -> Result<(), Refusal> {
        loop {
            let removed = self.0.store.write::<_, StoreError, _>(move |tx| {
                // Whoever still writes it is told.
                rows::give_up(tx, generation)?;
                rows::remove_some(tx, generation, SLICE)
            });
            if removed.await.map_err(|e| refuse::store(&e))? {
                return Ok(());
            }
        }
    }
}
