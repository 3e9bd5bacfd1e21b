//! A reference table as its file arrives.
use super::register::REGISTER;
use super::{ReferenceView, view};
use crate::boxed;
use crate::lines::{Fault, PIECE, Source};
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::csv::Line;
use sceau_domain::reference::{Layout, Places};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::reference::{self as rows, Entry, List};
use sceau_store::{Id, StoreError, jobs};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Lines that are told of; all are counted.
const TOLD: usize = 20;
/// Longest name of a table and of its source, characters.
const SOURCE: usize = 300;

/// What is to be imported.
#[derive(Debug, Clone)]
pub struct NewReference {
    /// Name of the table.
    pub name: String,
    /// Where the file comes from, in the words of who imports it.
    pub source: String,
    /// How it is laid out.
    pub layout: Layout,
}

/// An import under way. Dropped without [`ReferenceIntake::finish`], it leaves what housekeeping removes.
pub struct ReferenceIntake {
    operator: Operator,
    actor: Actor,
    name: String,
    source: String,
    generation: Id,
    layout: Layout,
    file: Source<Entry>,
    places: Option<Places>,
    skipped: i64,
    faults: Vec<Fault>,
}

impl Operator {
    /// Begins to import a table. `right.missing`, `admin.invalid`.
    #[boxed]
    pub async fn import_reference(&self, actor: &Actor, new: NewReference) -> Result<ReferenceIntake, Refusal> {
        self.require(actor, UseCase::ReferenceImport, On::Operator).await?;
        let (name, source) = (plain::reference_code(&new.name, "name")?, plain::line(&new.source, "source", SOURCE)?);
        let (generation, now, kept) = (self.0.store.new_id(), self.now().0, name.clone());
        let begun = self.0.store.write::<_, StoreError, _>(move |tx| rows::begin(tx, generation, &kept, now)).await;
        begun.map_err(|e| refuse::store(&e))?;
        Ok(ReferenceIntake {
            operator: self.clone(),
            actor: actor.clone(),
            name,
            source,
            generation,
            file: Source::new(new.layout.dialect),
            layout: new.layout,
            places: None,
            skipped: 0,
            faults: Vec::new(),
        })
    }
}

impl std::fmt::Debug for ReferenceIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReferenceIntake").field("name", &self.name).field("file", &self.file).finish_non_exhaustive()
    }
}

impl ReferenceIntake {
    /// Takes a piece of the file. `csv.header`, `csv.encoding`, `message.too_big`: the import is to be given up then.
    #[boxed]
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let most = self.operator.config().limits.reference_bytes;
        for piece in piece.chunks(PIECE) {
            if self.file.bytes() + piece.len() as u64 > most {
                return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", most));
            }
            let lines = self.file.read(piece);
            self.take(lines).await?;
        }
        Ok(())
    }

    /// The file is over: the table is this one from now on. `csv.empty`, `csv.header`; the table before stays then.
    #[boxed]
    pub async fn finish(self) -> Result<(ReferenceView, Vec<Fault>), Refusal> {
        let (operator, generation) = (self.operator.clone(), self.generation);
        let done = self.complete().await;
        if done.is_err() {
            // What cannot be removed now is removed by housekeeping. Should it be in force all the same (its commit was not answered), it stays.
            operator.remove_generation(generation).await.ok();
        }
        done
    }

    async fn complete(mut self) -> Result<(ReferenceView, Vec<Fault>), Refusal> {
        let lines = self.file.over();
        self.take(lines).await?;
        self.write().await?;
        if self.file.written() == 0 {
            return Err(RefusalCode::CsvEmpty.into());
        }
        let (operator, actor) = (self.operator.clone(), self.actor.clone());
        let by = By::actor(&actor);
        let list = List {
            name: self.name.clone(),
            generation: self.generation,
            source: self.source.clone(),
            digest: self.file.digest(),
            encoding: self.file.encoding().as_str().into(),
            entries: self.file.written(),
            skipped: self.skipped,
            imported: operator.now().0,
            imported_by: by.name.clone(),
        };
        let data = json!({
            "table": list.name, "source": list.source, "sha256": hex::encode(&list.digest), "entries": list.entries, "skipped": list.skipped,
        });
        let (fact, kept) = (operator.fact("reference.imported", &by, None, "ok", data), list.clone());
        let look = (list.name == REGISTER).then(|| operator.register_job(Duration::ZERO));
        let put = operator.0.store.write(move |tx| {
            // Hours may have gone by.
            permit(tx, &actor, UseCase::ReferenceImport, On::Operator)?;
            if !rows::put_in_force(tx, &kept)? {
                return Err(Fail::from(RefusalCode::Unavailable));
            }
            if let Some(look) = &look {
                jobs::enqueue(tx, look)?;
            }
            Ok(fact.write(tx)?)
        });
        put.await?;
        operator.wake_jobs();
        Ok((view(list), self.faults))
    }

    /// Gives the import up; what was written of it is removed.
    #[boxed]
    pub async fn give_up(self) {
        let removed = self.operator.remove_generation(self.generation).await;
        if let Err(refusal) = removed {
            tracing::warn!(code = refusal.code.as_str(), "what is left of an import is removed later");
        }
    }

    async fn take(&mut self, lines: Vec<Line>) -> Result<(), Refusal> {
        for (number, line) in lines {
            match (&self.places, line) {
                // The first line names the columns, or nothing can be read.
                (None, line) => self.places = Some(self.layout.places(&line?)?),
                (Some(places), line) => match line.and_then(|fields| places.entry(&fields)) {
                    Ok(entry) => {
                        if self.file.add(row(number, entry)) {
                            self.write().await?;
                        }
                    }
                    Err(refusal) => {
                        self.skipped += 1;
                        if self.faults.len() < TOLD {
                            self.faults.push(Fault::of(number, &refusal));
                        }
                    }
                },
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), Refusal> {
        let Some(entries) = self.file.take() else { return Ok(()) };
        let (generation, now) = (self.generation, self.operator.now().0);
        let written = self.operator.0.store.write::<_, StoreError, _>(move |tx| {
            rows::touch(tx, generation, now)?;
            rows::add(tx, generation, &entries)
        });
        // Somebody thought it dead.
        if !written.await.map_err(|e| refuse::store(&e))? {
            return Err(RefusalCode::Unavailable.into());
        }
        Ok(())
    }
}

fn row(number: u64, entry: sceau_domain::reference::Entry) -> Entry {
    let data: Map<String, Value> = entry.data.into_iter().map(|(name, value)| (name, value.into())).collect();
    Entry {
        code: entry.code,
        line: i64::try_from(number).unwrap_or_default(),
        label: entry.label,
        search: entry.search,
        data: Value::Object(data).to_string(),
    }
}
