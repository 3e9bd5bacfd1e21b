//! A file of people as it arrives.
use super::{CERTIFIED, ImportView, view};
use crate::boxed;
use crate::jobs::Kind;
use crate::lines::{Fault, PIECE, Source};
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Who};
use sceau_domain::csv::{self, Dialect};
use sceau_domain::people_file::{LINE, Places, places, read};
use sceau_domain::{Refusal, RefusalCode, UseCase, plain};
use sceau_store::imports::{self as rows, Import, Line};
use sceau_store::{Id, StoreError, Tx, jobs, structures};
use serde_json::json;
use std::time::Duration;

/// Lines removed in one transaction.
const SLICE: i64 = 1_000;
/// Longest name of a file, characters.
const NAME: usize = 200;

/// A file to be imported.
#[derive(Debug, Clone, Default)]
pub struct NewImport {
    /// Code of the structure; none: people of no structure, by the operator.
    pub structure: Option<String>,
    /// Name of the file, to find it again.
    pub name: String,
    /// Say what would be, change nothing.
    pub dry: bool,
    /// Whoever starts it compared the identities with official documents.
    pub certified: bool,
}

/// An import under way. Dropped without [`ImportIntake::finish`], it is closed by housekeeping.
#[derive(Debug)]
pub struct ImportIntake {
    operator: Operator,
    actor: Actor,
    new: NewImport,
    structure_id: Option<Id>,
    id: Id,
    /// The row is written with the first slice, when the header is known.
    begun: bool,
    source: Source<Line>,
    places: Option<Places>,
}

impl Operator {
    /// Begins to receive a file. `right.missing`, `admin.not_found` (structure), `admin.invalid`.
    #[boxed]
    pub async fn start_import(&self, actor: &Actor, new: NewImport) -> Result<ImportIntake, Refusal> {
        let structure = new.structure.as_deref().map(|c| plain::code(c, "structure")).transpose()?;
        let new = NewImport { structure, name: plain::line(&new.name, "name", NAME)?, ..new };
        let structure_id = self.import_place(actor, new.structure.clone()).await?;
        Ok(ImportIntake {
            operator: self.clone(),
            actor: actor.clone(),
            new,
            structure_id,
            id: self.0.store.new_id(),
            begun: false,
            source: Source::new(Dialect { separator: None, quotes: true }),
            places: None,
        })
    }

    async fn import_place(&self, actor: &Actor, structure: Option<String>) -> Result<Option<Id>, Refusal> {
        let actor = actor.clone();
        let find = move |tx: &mut dyn Tx| {
            let uc = UseCase::ImportStart;
            permit(tx, &actor, uc, On::Anywhere)?;
            let place = match &structure {
                None => None,
                Some(code) => match structures::by_code(tx, code)? {
                    Some(s) => Some(s.id),
                    None => return Err(unknown(tx, &actor, uc, code)),
                },
            };
            permit(tx, &actor, uc, place.map_or(On::Operator, On::Structure))?;
            Ok::<_, Fail>(place)
        };
        Ok(self.0.store.read(find).await?)
    }
}

impl ImportIntake {
    /// Takes a piece of the file. `csv.header`, `csv.encoding`, `message.too_big`: the import is to be given up then.
    #[boxed]
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let most = self.operator.config().limits.import_bytes;
        for piece in piece.chunks(PIECE) {
            if self.source.bytes() + piece.len() as u64 > most {
                return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", most));
            }
            let lines = self.source.read(piece);
            self.take(lines).await?;
        }
        Ok(())
    }

    /// The file is over: its lines are worked through from now on. `csv.empty`, `csv.header`.
    #[boxed]
    pub async fn finish(mut self) -> Result<ImportView, Refusal> {
        let done = self.complete().await;
        if let Err(refusal) = &done {
            self.give_up(refusal).await;
        }
        done
    }

    /// Gives the import up: nothing of the file is kept. What cannot be removed now is removed by housekeeping.
    #[boxed]
    pub async fn give_up(&mut self, why: &Refusal) {
        if !self.begun {
            return;
        }
        let (id, now, why, store) = (self.id, self.operator.now().0, why.code.as_str(), &self.operator.0.store);
        let closed = move |tx: &mut dyn Tx| rows::close(tx, id, "cancelled", Some(why), now).map(drop);
        let mut removed = store.write::<_, StoreError, _>(closed).await.map(|()| 1);
        while matches!(removed, Ok(1..)) {
            removed = store.write::<_, StoreError, _>(move |tx| rows::drop_lines(tx, id, SLICE)).await;
        }
        if let Err(e) = removed {
            refuse::store(&e);
        }
    }

    async fn complete(&mut self) -> Result<ImportView, Refusal> {
        let lines = self.source.over();
        self.take(lines).await?;
        self.write().await?;
        let (encoding, count) = (self.source.encoding(), self.source.written());
        if count == 0 {
            return Err(RefusalCode::CsvEmpty.into());
        }
        let (id, now, actor) = (self.id, self.operator.now().0, self.actor.clone());
        let on = self.structure_id.map_or(On::Operator, On::Structure);
        let data = json!({
            "import": id.to_string(), "structure": self.new.structure, "lines": count, "dry": self.new.dry,
            "certified": self.new.certified, "sha256": hex::encode(self.source.digest()),
        });
        let fact = self.operator.fact("import.started", &By::actor(&actor), None, "ok", data);
        let job = self.operator.job(Kind::Import, id.to_string(), Vec::new(), Duration::ZERO);
        let begin = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ImportStart, on)?;
            if !rows::begin(tx, id, encoding.as_str(), now)? {
                return Err(Fail::from(Refusal::new(RefusalCode::StateWrong).with("name", id)));
            }
            jobs::enqueue(tx, &job)?;
            fact.write(tx)?;
            let import = rows::by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            Ok(view(tx, import)?)
        };
        let shown = self.operator.0.store.write(begin).await?;
        self.operator.wake_jobs();
        Ok(shown)
    }

    async fn take(&mut self, lines: Vec<csv::Line>) -> Result<(), Refusal> {
        for (number, line) in lines {
            let Some(places) = &self.places else {
                // The first line names the columns, or nothing can be read.
                self.places = Some(places(&line?)?);
                continue;
            };
            if self.source.add(row(places, number, line)) {
                self.write().await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), Refusal> {
        let Some(lines) = self.source.take() else { return Ok(()) };
        let (id, now, first) = (self.id, self.operator.now().0, !self.begun);
        let Who::Person(person) = &self.actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let import = Import {
            id,
            kind: if self.new.certified { CERTIFIED } else { "people" }.into(),
            structure_id: self.structure_id,
            name: self.new.name.clone(),
            dry: self.new.dry,
            state: "receiving".into(),
            header: serde_json::to_string(&self.places).map_err(|_| RefusalCode::Unavailable)?,
            encoding: String::new(),
            reason: None,
            next_line: 0,
            lines: 0,
            done: 0,
            wrong: 0,
            skipped: 0,
            person_id: person.id,
            by_whom: person.login.clone(),
            at: now,
            changed: now,
        };
        let add = move |tx: &mut dyn Tx| {
            if first {
                rows::insert(tx, &import)?;
            }
            rows::add_lines(tx, id, &lines, now)
        };
        // Somebody cancelled it.
        if !self.operator.0.store.write::<_, StoreError, _>(add).await.map_err(|e| refuse::store(&e))? {
            return Err(Refusal::new(RefusalCode::StateWrong).with("name", id));
        }
        self.begun = true;
        Ok(())
    }
}

/// A line as it waits; one that cannot be read is told already. Of one that is too long nothing is kept.
fn row(places: &Places, number: u64, line: Result<Vec<String>, Refusal>) -> Line {
    let (fields, read) = match line {
        Ok(fields) if fields.iter().map(String::len).sum::<usize>() > LINE => (Vec::new(), read(places, &fields)),
        Ok(fields) => {
            let read = read(places, &fields);
            (fields, read)
        }
        Err(refusal) => (Vec::new(), Err(refusal)),
    };
    let fault = read.as_ref().err().map(|refusal| Fault::of(number, refusal));
    Line {
        line: i64::try_from(number).unwrap_or(i64::MAX),
        // A list of texts is always written.
        text: serde_json::to_string(&fields).unwrap_or_default(),
        key: read.as_ref().map(|line| line.key()).unwrap_or_default(),
        contact: read.ok().and_then(|line| line.contact()),
        state: if fault.is_some() { "wrong" } else { "waiting" }.into(),
        code: fault.as_ref().map(|f| f.code.clone()),
        sentence_fr: fault.as_ref().map(|f| f.detail.clone()),
        sentence_en: fault.map(|f| f.detail_en),
        login: None,
        result: None,
    }
}
