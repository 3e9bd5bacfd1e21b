//! The job: the lines of an import, group by group, from where it stands.
use super::group::{Grouped, group};
use crate::notices::Letterhead;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::{Actor, Door, Operator, Origin, PersonRef, Who};
use sceau_domain::people_file::Places;
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_store::imports::{self as rows, End, Import, Line};
use sceau_store::{Id, StoreError, Tx, accounts, jobs, structures};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Most lines of one transaction: they are committed together, and what died is worked on again from where it stood.
const GROUP: usize = 25;
/// Lines looked up at once.
const SLICE: i64 = 100;
/// Lines worked on before another import has its turn.
const TURN: usize = 2_000;
/// Somebody else may take a name or a number at the same moment: so often a line is tried again.
const ATTEMPTS: usize = 3;

/// An import with what its lines need.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub import: Import,
    pub actor: Actor,
    pub places: Places,
    /// Code of the structure.
    pub structure: Option<String>,
    /// What links to ordinary addresses are sealed with; why there is nothing.
    pub head: Result<Letterhead, Refusal>,
}

/// How a refusal ends a line.
pub(super) fn wrong(refusal: &Refusal) -> End {
    End {
        state: if refusal.code == RefusalCode::ImportRepeated { "skipped" } else { "wrong" },
        code: refusal.code.as_str().into(),
        sentence_fr: refusal.sentence(Lang::Fr),
        sentence_en: refusal.sentence(Lang::En),
        login: None,
        result: None,
    }
}

impl Operator {
    /// Works through an import until it is over, its turn is, or `stop`.
    pub(crate) async fn work_on_import(&self, id: Id, stop: &CancellationToken) -> Result<(), Refusal> {
        let Some(mut task) = self.import_task(id).await? else { return Ok(()) };
        // A request that a crash left between two lines is what the next one looks for.
        self.resume_openings().await?;
        let mut left = TURN;
        'looked: loop {
            let after = task.import.next_line;
            let found = self.0.store.read::<_, StoreError, _>(move |tx| rows::lines(tx, id, after, None, SLICE)).await;
            let lines = found.map_err(|e| refuse::store(&e))?;
            if lines.is_empty() {
                return self.end_import(&task, "done", None).await;
            }
            let mut lines = lines.as_slice();
            while !lines.is_empty() {
                if left == 0 || stop.is_cancelled() {
                    return self.import_again(id).await;
                }
                match self.some_lines(&task, &lines[..lines.len().min(GROUP).min(left)]).await? {
                    Grouped::Ended(count, ready) => {
                        // Links that the lines asked for leave.
                        if lines[..count].iter().any(|line| line.contact.is_some()) {
                            self.wake_jobs();
                        }
                        task.import.next_line = lines[count - 1].line;
                        (lines, left) = (&lines[count..], left - count);
                        if let Some(opening) = ready
                            && let Err(refusal) = self.go_on_with(opening, &task.actor).await
                        {
                            tracing::warn!(opening, code = refusal.code.as_str(), "a request is carried out later");
                        }
                    }
                    // It was cancelled; or a worker whose lease is over ended some lines after all: the job is ours, and goes on behind them.
                    Grouped::Elsewhere => match self.import_task(id).await? {
                        Some(now) => {
                            task = now;
                            continue 'looked;
                        }
                        None => return Ok(()),
                    },
                    Grouped::Stopped(why) => return self.end_import(&task, "stopped", Some(why)).await,
                }
            }
        }
    }

    /// Ends some of these lines, one at least. A group that the store does not take is tried line by line, so that one line keeps none waiting.
    async fn some_lines(&self, task: &Task, lines: &[Line]) -> Result<Grouped, Refusal> {
        let (mut lines, mut attempts) = (lines.to_vec(), 0);
        loop {
            let (operator, at, some) = (self.clone(), task.clone(), lines.clone());
            match self.0.store.write(move |tx| group(&operator, tx, &at, &some)).await {
                Ok(grouped) => return Ok(grouped),
                Err(Fail::Store(e @ (StoreError::Full | StoreError::Transient(_)))) => return Err(refuse::store(&e)),
                Err(Fail::No(refusal)) => return Err(refusal),
                Err(Fail::Store(e)) if lines.len() == 1 => {
                    attempts += 1;
                    if matches!(e, StoreError::Exists(_)) && attempts < ATTEMPTS {
                        continue;
                    }
                    let refusal = match e {
                        StoreError::Exists(_) => RefusalCode::Exists.into(),
                        e => {
                            refuse::store(&e);
                            RefusalCode::Defect.into()
                        }
                    };
                    return self.end_line(task, lines[0].line, wrong(&refusal)).await;
                }
                Err(Fail::Store(_)) => lines.truncate(1),
            }
        }
    }

    /// Ends a line that the store does not take.
    async fn end_line(&self, task: &Task, line: i64, end: End) -> Result<Grouped, Refusal> {
        let (id, last, now) = (task.import.id, task.import.next_line, self.now().0);
        let write = move |tx: &mut dyn Tx| {
            if rows::stands_at(tx, id)? != Some(last) {
                return Ok(Grouped::Elsewhere);
            }
            rows::end_line(tx, id, line, &end, now)?;
            Ok(Grouped::Ended(1, None))
        };
        self.0.store.write::<_, StoreError, _>(write).await.map_err(|e| refuse::store(&e))
    }

    /// What an import needs; none when it does not run.
    async fn import_task(&self, id: Id) -> Result<Option<Task>, Refusal> {
        let look = move |tx: &mut dyn Tx| {
            let Some(import) = rows::by_id(tx, id)?.filter(|i| i.state == "running") else { return Ok(None) };
            // People are never removed.
            let gone = || StoreError::Corrupt("an import of nobody".into());
            let person = accounts::person_by_id(tx, import.person_id)?.ok_or_else(gone)?;
            let structure = match import.structure_id {
                Some(id) => structures::by_id(tx, id)?.map(|s| s.code),
                None => None,
            };
            Ok::<_, StoreError>(Some((import, person, structure)))
        };
        let Some((import, person, structure)) = self.0.store.read(look).await.map_err(|e| refuse::store(&e))? else {
            return Ok(None);
        };
        let places = serde_json::from_str(&import.header).map_err(|_| RefusalCode::Unavailable)?;
        let who = Who::Person(PersonRef { id: person.id, login: person.login, name: person.name });
        let (door, session) = (Door::System, format!("import-{id}"));
        let origin = Origin { door, remote: None, session, tls: None, once: None };
        let actor = Actor { who, bal: None, credential: None, proof: Default::default(), origin };
        Ok(Some(Task { import, actor, places, structure, head: self.letterhead().await }))
    }

    async fn end_import(&self, task: &Task, state: &'static str, why: Option<String>) -> Result<(), Refusal> {
        let (id, now) = (task.import.id, self.now().0);
        let data = json!({ "import": id.to_string(), "state": state, "reason": why });
        let fact = self.fact("import.ended", &By::actor(&task.actor), None, "ok", data);
        let write = move |tx: &mut dyn Tx| {
            if rows::close(tx, id, state, why.as_deref(), now)? {
                let mut fact = fact.clone();
                if let Some(import) = rows::by_id(tx, id)? {
                    for (name, count) in [("done", import.done), ("wrong", import.wrong), ("skipped", import.skipped)] {
                        fact.adding(name, count.into());
                    }
                }
                fact.write(tx)?;
            }
            Ok::<_, StoreError>(())
        };
        self.0.store.write(write).await.map_err(|e| refuse::store(&e))
    }

    /// The job runs once more, at once.
    async fn import_again(&self, id: Id) -> Result<(), Refusal> {
        let job = self.job(crate::jobs::Kind::Import, id.to_string(), Vec::new(), Duration::ZERO);
        let asked = self.0.store.write::<_, StoreError, _>(move |tx| jobs::enqueue(tx, &job)).await;
        asked.map_err(|e| refuse::store(&e))?;
        self.wake_jobs();
        Ok(())
    }
}
